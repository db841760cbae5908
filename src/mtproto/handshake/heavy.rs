//! The two steps of a handshake that cost milliseconds, as values that can run on any thread.

use std::fmt;
use std::sync::Arc;

use env::Dice;
use subtle::ConstantTimeEq as _;
use tl::service;
use zeroize::{Zeroize as _, Zeroizing};

use super::dh::{self, CheckedPublic, Secret, Spares};
use super::padding;
use super::pq::CheckedFactors;
use super::rsa::{RSA_BYTES, ServerKeys};
use crate::crypto::hash::sha1;
use crate::crypto::ige::{BLOCK_BYTES, IgeKey};
use crate::crypto::{AuthKey, kdf};
use crate::error::HandshakeError;
use crate::ids::Salt;
use crate::limits::TEMP_KEY_SECONDS_MAX;

/// The two nonces that name a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunId {
    pub nonce: [u8; 16],
    pub server_nonce: [u8; 16],
}

impl RunId {
    /// Whether an enciphered copy says the same.
    fn is(&self, nonce: &[u8; 16], server_nonce: &[u8; 16]) -> bool {
        // spec: HS-8
        bool::from(self.nonce.ct_eq(nonce) & self.server_nonce.ct_eq(server_nonce))
    }
}

/// Work of a handshake that takes milliseconds of a processor. The connection that asked for it stays as it is until the
/// result comes back; if the connection is gone, drop the job or its result.
pub struct HeavyJob(Job);

enum Job {
    OpenInnerData(Box<OpenInnerData>),
    MakeKey(Box<MakeKey>),
}

/// What a [`HeavyJob`] found.
pub struct HeavyDone(pub(super) Done);

pub(super) enum Done {
    InnerData(RunId, Result<Box<Opened>, HandshakeError>),
    Key(RunId, Result<Box<Made>, HandshakeError>),
}

impl fmt::Debug for HeavyJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Job::OpenInnerData(_) => "HeavyJob(OpenInnerData)",
            Job::MakeKey(_) => "HeavyJob(MakeKey)",
        })
    }
}

impl fmt::Debug for HeavyDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Done::InnerData(..) => "HeavyDone(InnerData)",
            Done::Key(..) => "HeavyDone(Key)",
        })
    }
}

impl HeavyJob {
    /// Whether it is the second and last one of its handshake.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        matches!(self.0, Job::MakeKey(_))
    }

    /// Does the work. `dice` must be cryptographic.
    #[must_use]
    pub fn run(self, dice: &mut dyn Dice) -> HeavyDone {
        self.perform(dice, None)
    }

    /// [`Self::run`], with an exponent that was drawn ahead if there is one.
    #[must_use]
    pub fn run_with(self, dice: &mut dyn Dice, spares: &Spares) -> HeavyDone {
        self.perform(dice, Some(spares))
    }

    fn perform(self, dice: &mut dyn Dice, spares: Option<&Spares>) -> HeavyDone {
        HeavyDone(match self.0 {
            Job::OpenInnerData(job) => Done::InnerData(job.run, job.run(dice, spares).map(Box::new)),
            Job::MakeKey(job) => Done::Key(job.run, job.run().map(Box::new)),
        })
    }
}

impl From<OpenInnerData> for HeavyJob {
    fn from(job: OpenInnerData) -> Self {
        Self(Job::OpenInnerData(Box::new(job)))
    }
}

impl From<MakeKey> for HeavyJob {
    fn from(job: MakeKey) -> Self {
        Self(Job::MakeKey(Box::new(job)))
    }
}

/// Step two: the private operation of RSA, then `g^a`.
pub(super) struct OpenInnerData {
    pub run: RunId,
    pub keys: Arc<ServerKeys>,
    pub fingerprint: i64,
    /// That the work is worth doing.
    pub factors: CheckedFactors,
    pub encrypted: [u8; RSA_BYTES],
    /// Seconds since the Unix epoch, as the answer will tell them.
    pub server_time: i32,
}

/// What came out of step two.
pub(super) struct Opened {
    pub secrets: Secrets,
    /// `encrypted_answer`.
    pub answer: Vec<u8>,
}

/// What a run keeps secret until it has made its key.
pub(super) struct Secrets {
    new_nonce: Zeroizing<[u8; 32]>,
    a: Secret,
    pub expires_in: Option<u32>,
    pub dc: Option<i32>,
}

/// Inner data of any of the four kinds.
struct InnerData {
    pq: Vec<u8>,
    p: Vec<u8>,
    q: Vec<u8>,
    nonce: [u8; 16],
    server_nonce: [u8; 16],
    new_nonce: Zeroizing<[u8; 32]>,
    dc: Option<i32>,
    expires_in: Option<i32>,
}

macro_rules! inner_data {
    ($x:ident, $dc:expr, $expires_in:expr) => {{
        let new_nonce = Zeroizing::new($x.new_nonce);
        $x.new_nonce.zeroize();
        let (nonce, server_nonce) = ($x.nonce, $x.server_nonce);
        InnerData {
            pq: $x.pq,
            p: $x.p,
            q: $x.q,
            nonce,
            server_nonce,
            new_nonce,
            dc: $dc,
            expires_in: $expires_in,
        }
    }};
}

impl From<service::enums::PQInnerData> for InnerData {
    fn from(data: service::enums::PQInnerData) -> Self {
        // spec: HS-7
        use service::enums::PQInnerData as Of;
        match data {
            Of::PQInnerData(mut x) => inner_data!(x, None, None),
            Of::PQInnerDataDc(mut x) => inner_data!(x, Some(x.dc), None),
            Of::PQInnerDataTemp(mut x) => inner_data!(x, None, Some(x.expires_in)),
            Of::PQInnerDataTempDc(mut x) => inner_data!(x, Some(x.dc), Some(x.expires_in)),
        }
    }
}

impl OpenInnerData {
    fn run(&self, dice: &mut dyn Dice, spares: Option<&Spares>) -> Result<Opened, HandshakeError> {
        let (key, padding) = self.keys.find(self.fingerprint).ok_or(HandshakeError::UnknownFingerprint)?;
        let (block, in_range) = key.decrypt(&self.encrypted, dice);
        let data = padding::open(padding, &block, in_range).ok_or(HandshakeError::InnerDataDoesNotOpen)?;
        let data = self.parse(&data).ok_or(HandshakeError::InnerDataDoesNotOpen)?;

        let (a, g_a) = spares.and_then(Spares::take).unwrap_or_else(|| Secret::draw(dice));
        let answer = service::ServerDHInnerData {
            nonce: self.run.nonce,
            server_nonce: self.run.server_nonce,
            g: dh::G,
            dh_prime: dh::prime_bytes().to_vec(),
            g_a: g_a.to_vec(),
            server_time: self.server_time,
        };
        let answer = seal(
            &kdf::handshake(&data.new_nonce, &self.run.server_nonce),
            &tl::write(&answer, tl::Layer::NEWEST),
            dice,
        );
        // spec: HS-23
        let expires_in =
            data.expires_in.map(|secs| u32::try_from(secs).unwrap_or(0).min(TEMP_KEY_SECONDS_MAX));
        Ok(Opened { secrets: Secrets { new_nonce: data.new_nonce, a, expires_in, dc: data.dc }, answer })
    }

    /// Reads data whose hash fits, and compares all that it repeats.
    fn parse(&self, data: &padding::Unpadded) -> Option<InnerData> {
        // spec: HS-8, HS-28
        let mut reader = tl::Reader::new(data.bytes());
        let inner: service::enums::PQInnerData = tl::Decode::decode(&mut reader).ok()?;
        let inner = InnerData::from(inner);
        let consumed = data.bytes().len() - reader.remaining();
        let same = self.run.is(&inner.nonce, &inner.server_nonce)
            & self.factors.are(&inner.pq, &inner.p, &inner.q)
            & data.is_long(consumed);
        same.then_some(inner)
    }
}

/// Step three: opening the client's number, then `g_b^a`.
pub(super) struct MakeKey {
    pub run: RunId,
    pub secrets: Secrets,
    /// Zero, or the name of the attempt before.
    pub retry_id: [u8; 8],
    pub encrypted: Zeroizing<Vec<u8>>,
}

/// A key, and what is to be said when it is stored or cannot be.
pub(super) struct Made {
    pub key: AuthKey,
    pub salt: Salt,
    /// The name of this attempt.
    pub aux_hash: [u8; 8],
    /// `dh_gen_ok`, to be sent when the key is stored.
    pub accepted: Vec<u8>,
    /// `dh_gen_retry`, to be sent when its id is taken.
    pub retry: Vec<u8>,
    /// Kept for another attempt.
    pub secrets: Secrets,
}

impl MakeKey {
    fn run(self) -> Result<Made, HandshakeError> {
        let data = self.open().ok_or(HandshakeError::ClientDhDoesNotOpen)?;
        // spec: HS-18
        if data.retry_id != i64::from_le_bytes(self.retry_id) {
            return Err(HandshakeError::WrongRetryId);
        }
        let g_b = CheckedPublic::check(&data.g_b).ok_or(HandshakeError::UnsafeGB)?;
        let key = self.secrets.a.key_with(&g_b);
        let aux_hash = key.aux_hash();
        // spec: HS-20
        let RunId { nonce, server_nonce } = self.run;
        let new_nonce = &self.secrets.new_nonce;
        let ok =
            service::DhGenOk { nonce, server_nonce, new_nonce_hash1: nonce_hash(new_nonce, 1, &aux_hash) };
        let retry =
            service::DhGenRetry { nonce, server_nonce, new_nonce_hash2: nonce_hash(new_nonce, 2, &aux_hash) };
        Ok(Made {
            key: key.kept(),
            salt: first_salt(new_nonce, &server_nonce),
            aux_hash,
            accepted: tl::write(&ok, tl::Layer::NEWEST),
            retry: tl::write(&retry, tl::Layer::NEWEST),
            secrets: self.secrets,
        })
    }

    /// Deciphers and checks `SHA1(data) | data | 0 to 15 bytes`.
    fn open(&self) -> Option<service::ClientDHInnerData> {
        // spec: HS-17
        let mut opened = self.encrypted.clone();
        kdf::handshake(&self.secrets.new_nonce, &self.run.server_nonce).decrypt(&mut opened);
        let (hash, padded) = opened.split_first_chunk::<20>()?;
        // How much padding there is, only the data could say: all lengths are hashed, always, before any is believed.
        let mut length = 0;
        for padding in 0..BLOCK_BYTES {
            let bytes = padded.len().checked_sub(padding)?;
            let fits = sha1(&[padded.get(..bytes)?]).ct_eq(hash);
            length |= bytes * usize::from(fits.unwrap_u8());
        }
        let mut reader = tl::Reader::new(padded.get(..length)?);
        let data: service::ClientDHInnerData = tl::Decode::decode(&mut reader).ok()?;
        let same = self.run.is(&data.nonce, &data.server_nonce);
        (same && reader.remaining() == 0).then_some(data)
    }
}

/// `SHA1(data) | data | padding` under `cipher`.
pub(crate) fn seal(cipher: &IgeKey, data: &[u8], dice: &mut dyn Dice) -> Vec<u8> {
    // spec: HS-10
    let mut sealed = Vec::with_capacity(20 + data.len() + BLOCK_BYTES);
    sealed.extend_from_slice(&sha1(&[data]));
    sealed.extend_from_slice(data);
    let padding_at = sealed.len();
    sealed.resize(padding_at.next_multiple_of(BLOCK_BYTES), 0);
    dice.fill(sealed.get_mut(padding_at..).unwrap_or_default());
    cipher.encrypt(&mut sealed);
    sealed
}

/// `new_nonce_hash1`, `2` or `3`.
pub(crate) fn nonce_hash(new_nonce: &[u8; 32], number: u8, aux_hash: &[u8; 8]) -> [u8; 16] {
    let [_, _, _, _, hash @ ..] = sha1(&[new_nonce, &[number], aux_hash]);
    hash
}

/// The salt that both sides can compute when a key is made.
pub(crate) fn first_salt(new_nonce: &[u8; 32], server_nonce: &[u8; 16]) -> Salt {
    // spec: HS-21
    let half = |nonce: &[u8]| nonce.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
    Salt(half(new_nonce) ^ half(server_nonce))
}

#[cfg(test)]
mod vectors;
