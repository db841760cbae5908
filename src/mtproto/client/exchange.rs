//! The client's side of the handshake. Each step can be taken alone, so that a hostile client can tamper with it.

use bytes::Bytes;
use env::{Dice, Time};
use rsa::BoxedUint;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::traits::PublicKeyParts as _;
use tl::{Layer, service};

use crate::crypto::hash::{sha1, sha256};
use crate::crypto::ige::{BLOCK_BYTES, IgeKey};
use crate::crypto::{AuthKey, FullAuthKey, kdf};
use crate::handshake::dh::{self, CheckedPublic, Secret};
use crate::handshake::rsa::{RSA_BYTES, RsaKey, fingerprint};
use crate::handshake::{Padding, heavy, plain};
use crate::ids::{MsgId, Salt};
use crate::limits::{DH_RETRIES_MAX, FACTOR_STEPS_MAX};

/// A server's public key.
#[derive(Debug, Clone)]
pub struct PublicKey {
    n: BoxedUint,
    e: BoxedUint,
    /// Its name.
    pub fingerprint: i64,
}

/// Why a client gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeError {
    /// The packet is not the answer that is due.
    UnexpectedAnswer,
    /// The server does not have the key.
    UnknownKey,
    /// A nonce, or a hash made of one, is not the one we know.
    WrongNonce,
    /// The hash of the server's numbers does not fit.
    WrongHash,
    /// The group is not the known one, or `g_a` is unsafe.
    UnsafeGroup,
    /// The server says of every number that its key is taken.
    TooManyRetries,
    /// Not a public key in PKCS#1 PEM.
    NotAPublicKey,
}

/// A handshake under way. The fields are what a client knows; a hostile one changes them.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The server's key.
    pub key: PublicKey,
    /// How inner data is padded.
    pub padding: Padding,
    /// The data centre to name in inner data.
    pub dc: Option<i32>,
    /// Asks for a temporary key that lives so many seconds.
    pub expires_in: Option<i32>,
    /// Drawn by this client.
    pub nonce: [u8; 16],
    /// Drawn by the server.
    pub server_nonce: [u8; 16],
    /// Drawn by this client, known to the server only if it holds the private key.
    pub new_nonce: [u8; 32],
    /// Zero, or the name of the attempt that met a taken id.
    pub retry_id: i64,
    g_a: Vec<u8>,
    server_time: i32,
    made: Option<FullAuthKey>,
    retries: u8,
    msg_id: MsgId,
}

/// What a client does next.
#[derive(Debug)]
pub enum Next {
    /// Send this plaintext packet.
    Send(Bytes),
    /// The key is made.
    Made(NewKey),
}

/// A key that both sides have.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The key.
    pub key: AuthKey,
    /// The first salt.
    pub salt: Salt,
    /// The server's clock, in seconds since the Unix epoch.
    pub server_time: i32,
}

impl From<&RsaKey> for PublicKey {
    fn from(key: &RsaKey) -> Self {
        Self::new(&key.modulus(), &key.exponent())
    }
}

impl PublicKey {
    /// The key `(n, e)`, big-endian.
    #[must_use]
    pub fn new(n: &[u8], e: &[u8]) -> Self {
        let number = BoxedUint::from_be_slice_vartime;
        Self { n: number(n), e: number(e), fingerprint: fingerprint(n, e) }
    }

    /// Reads a PKCS#1 PEM, as [`RsaKey::to_public_pem`] writes it.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::NotAPublicKey`].
    pub fn from_pem(pem: &str) -> Result<Self, ExchangeError> {
        let key = rsa::PublicKey::from_pkcs1_pem(pem).map_err(|_| ExchangeError::NotAPublicKey)?;
        let bytes = |number: &BoxedUint| -> Vec<u8> {
            number.to_be_bytes().iter().copied().skip_while(|byte| *byte == 0).collect()
        };
        Ok(Self::new(&bytes(key.n()), &bytes(key.e())))
    }

    /// The public operation; nothing if `block` is not below the modulus.
    #[must_use]
    pub fn encrypt(&self, block: &[u8; RSA_BYTES]) -> Option<[u8; RSA_BYTES]> {
        let key = rsa::PublicKey::new(self.n.clone(), self.e.clone()).ok()?;
        let block =
            BoxedUint::from_be_slice(block, self.n.bits_precision()).ok().filter(|block| *block < self.n)?;
        let bytes = rsa::hazmat::rsa_encrypt(&key, &block).ok()?.to_be_bytes();
        bytes.last_chunk().copied()
    }
}

/// Inner data, padded and enciphered. Data longer than its padding allows is cut.
#[must_use]
pub fn encrypt_inner_data(
    key: &PublicKey,
    padding: Padding,
    data: &[u8],
    dice: &mut dyn Dice,
) -> [u8; RSA_BYTES] {
    loop {
        let block = match padding {
            Padding::RsaPad => rsa_pad(data, dice),
            Padding::Legacy => {
                let mut block: [u8; RSA_BYTES] = env::bytes(dice);
                let parts = [&[0], sha1(&[data]).as_slice(), data].concat();
                for (to, from) in block.iter_mut().zip(parts) {
                    *to = from;
                }
                block
            }
        };
        // spec: HS-6
        if let Some(encrypted) = key.encrypt(&block) {
            return encrypted;
        }
    }
}

fn rsa_pad(data: &[u8], dice: &mut dyn Dice) -> [u8; RSA_BYTES] {
    let mut padded: [u8; 192] = env::bytes(dice);
    for (to, from) in padded.iter_mut().zip(data) {
        *to = *from;
    }
    let temp_key: [u8; 32] = env::bytes(dice);
    let hash = sha256(&[&temp_key, &padded]);
    padded.reverse();
    let mut enciphered = [padded.as_slice(), &hash].concat();
    IgeKey { key: temp_key, iv: [0; 32] }.encrypt(&mut enciphered);
    let masked = temp_key.iter().zip(sha256(&[&enciphered])).map(|(key, mask)| key ^ mask);
    let mut block = [0; RSA_BYTES];
    for (to, from) in block.iter_mut().zip(masked.chain(enciphered.iter().copied())) {
        *to = from;
    }
    block
}

impl Exchange {
    /// A handshake for a permanent key without a data centre; change the fields for another.
    #[must_use]
    pub fn new(key: PublicKey, padding: Padding, now: Time, dice: &mut dyn Dice) -> Self {
        // spec: HS-1
        Self {
            key,
            padding,
            dc: None,
            expires_in: None,
            nonce: env::bytes(dice),
            server_nonce: [0; 16],
            new_nonce: env::bytes(dice),
            retry_id: 0,
            g_a: Vec::new(),
            server_time: 0,
            made: None,
            retries: 0,
            msg_id: MsgId::at(now),
        }
    }

    /// The first packet.
    #[must_use]
    pub fn begin(&mut self) -> Bytes {
        let query = service::ReqPqMulti { nonce: self.nonce };
        self.packet(&query)
    }

    /// Takes the server's answer to the last packet.
    ///
    /// # Errors
    ///
    /// Why the handshake is over.
    pub fn receive(&mut self, packet: &[u8], dice: &mut dyn Dice) -> Result<Next, ExchangeError> {
        let body = plain::body(packet).ok_or(ExchangeError::UnexpectedAnswer)?;
        let mut reader = tl::Reader::new(body);
        macro_rules! read {
            ($answer:ty) => {
                <$answer as tl::Decode>::decode(&mut reader).map_err(|_| ExchangeError::UnexpectedAnswer)?
            };
        }
        match reader.peek_u32().unwrap_or_default() {
            service::ResPQ::ID => {
                let query = self.request_dh(&read!(service::ResPQ), dice)?;
                Ok(Next::Send(self.packet(&query)))
            }
            service::ServerDHParamsOk::ID => {
                let query = self.set_client_dh(&read!(service::ServerDHParamsOk), dice)?;
                Ok(Next::Send(self.packet(&query)))
            }
            service::DhGenOk::ID => self.finish(&read!(service::DhGenOk)).map(Next::Made),
            service::DhGenRetry::ID => {
                let query = self.retry(&read!(service::DhGenRetry), dice)?;
                Ok(Next::Send(self.packet(&query)))
            }
            _ => Err(ExchangeError::UnexpectedAnswer),
        }
    }

    /// `query` in the envelope of plaintext messages.
    #[must_use]
    pub fn packet(&mut self, query: &impl tl::Encode) -> Bytes {
        self.msg_id = MsgId(self.msg_id.0 + 4);
        plain::packet(self.msg_id, &tl::write(query, Layer::NEWEST))
    }

    /// Step two, from the answer to step one.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer.
    pub fn request_dh(
        &mut self,
        answer: &service::ResPQ,
        dice: &mut dyn Dice,
    ) -> Result<service::ReqDHParams, ExchangeError> {
        if answer.nonce != self.nonce {
            return Err(ExchangeError::WrongNonce);
        }
        if !answer.server_public_key_fingerprints.contains(&self.key.fingerprint) {
            return Err(ExchangeError::UnknownKey);
        }
        self.server_nonce = answer.server_nonce;
        let (p, q) = factor(&answer.pq).ok_or(ExchangeError::UnexpectedAnswer)?;
        let data = tl::write(&self.inner_data(&answer.pq, &p, &q), Layer::NEWEST);
        Ok(service::ReqDHParams {
            nonce: self.nonce,
            server_nonce: self.server_nonce,
            p,
            q,
            public_key_fingerprint: self.key.fingerprint,
            encrypted_data: encrypt_inner_data(&self.key, self.padding, &data, dice).to_vec(),
        })
    }

    /// What goes under RSA, in the one of four kinds that the fields ask for.
    #[must_use]
    pub fn inner_data(&self, pq: &[u8], p: &[u8], q: &[u8]) -> service::enums::PQInnerData {
        let (nonce, server_nonce, new_nonce) = (self.nonce, self.server_nonce, self.new_nonce);
        let (pq, p, q) = (pq.to_vec(), p.to_vec(), q.to_vec());
        match (self.dc, self.expires_in) {
            (None, None) => service::PQInnerData { pq, p, q, nonce, server_nonce, new_nonce }.into(),
            (Some(dc), None) => {
                service::PQInnerDataDc { pq, p, q, nonce, server_nonce, new_nonce, dc }.into()
            }
            (None, Some(expires_in)) => {
                service::PQInnerDataTemp { pq, p, q, nonce, server_nonce, new_nonce, expires_in }.into()
            }
            (Some(dc), Some(expires_in)) => {
                service::PQInnerDataTempDc { pq, p, q, nonce, server_nonce, new_nonce, dc, expires_in }.into()
            }
        }
    }

    /// Step three, from the answer to step two.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer.
    pub fn set_client_dh(
        &mut self,
        answer: &service::ServerDHParamsOk,
        dice: &mut dyn Dice,
    ) -> Result<service::SetClientDHParams, ExchangeError> {
        // spec: HS-14, HS-15
        self.check(&answer.nonce, &answer.server_nonce)?;
        if !answer.encrypted_answer.len().is_multiple_of(BLOCK_BYTES) {
            return Err(ExchangeError::WrongHash);
        }
        let mut opened = answer.encrypted_answer.clone();
        self.tmp_aes().decrypt(&mut opened);
        let (hash, data) = opened.split_first_chunk::<20>().ok_or(ExchangeError::WrongHash)?;
        let mut reader = tl::Reader::new(data);
        let numbers: service::ServerDHInnerData =
            tl::Decode::decode(&mut reader).map_err(|_| ExchangeError::WrongHash)?;
        let used = data.get(..data.len() - reader.remaining()).unwrap_or_default();
        if sha1(&[used]) != *hash || reader.remaining() >= 16 {
            return Err(ExchangeError::WrongHash);
        }
        self.check(&numbers.nonce, &numbers.server_nonce)?;
        // spec: HS-11
        if numbers.g != dh::G || numbers.dh_prime != dh::prime_bytes() {
            return Err(ExchangeError::UnsafeGroup);
        }
        self.g_a = numbers.g_a;
        self.server_time = numbers.server_time;
        self.answer_g_a(dice)
    }

    /// Step three once more, after `dh_gen_retry`.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer.
    pub fn retry(
        &mut self,
        answer: &service::DhGenRetry,
        dice: &mut dyn Dice,
    ) -> Result<service::SetClientDHParams, ExchangeError> {
        let made = self.made.take().ok_or(ExchangeError::UnexpectedAnswer)?;
        self.check(&answer.nonce, &answer.server_nonce)?;
        if answer.new_nonce_hash2 != heavy::nonce_hash(&self.new_nonce, 2, &made.aux_hash()) {
            return Err(ExchangeError::WrongNonce);
        }
        if self.retries >= DH_RETRIES_MAX {
            return Err(ExchangeError::TooManyRetries);
        }
        self.retries += 1;
        self.retry_id = i64::from_le_bytes(made.aux_hash());
        self.answer_g_a(dice)
    }

    fn answer_g_a(&mut self, dice: &mut dyn Dice) -> Result<service::SetClientDHParams, ExchangeError> {
        let g_a = CheckedPublic::check(&self.g_a).ok_or(ExchangeError::UnsafeGroup)?;
        let (b, g_b) = Secret::draw(dice);
        self.made = Some(b.key_with(&g_a));
        Ok(self.with_g_b(&g_b, dice))
    }

    /// Step three with any number at all.
    #[must_use]
    pub fn with_g_b(&self, g_b: &[u8], dice: &mut dyn Dice) -> service::SetClientDHParams {
        let data = service::ClientDHInnerData {
            nonce: self.nonce,
            server_nonce: self.server_nonce,
            retry_id: self.retry_id,
            g_b: g_b.to_vec(),
        };
        let encrypted_data = heavy::seal(&self.tmp_aes(), &tl::write(&data, Layer::NEWEST), dice);
        service::SetClientDHParams { nonce: self.nonce, server_nonce: self.server_nonce, encrypted_data }
    }

    /// The end, from the answer to step three.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer.
    pub fn finish(&self, answer: &service::DhGenOk) -> Result<NewKey, ExchangeError> {
        let made = self.made.as_ref().ok_or(ExchangeError::UnexpectedAnswer)?;
        self.check(&answer.nonce, &answer.server_nonce)?;
        if answer.new_nonce_hash1 != heavy::nonce_hash(&self.new_nonce, 1, &made.aux_hash()) {
            return Err(ExchangeError::WrongNonce);
        }
        let salt = heavy::first_salt(&self.new_nonce, &self.server_nonce);
        Ok(NewKey { key: made.kept(), salt, server_time: self.server_time })
    }

    /// The key under which step two is answered and step three is asked.
    #[must_use]
    pub fn tmp_aes(&self) -> IgeKey {
        kdf::handshake(&self.new_nonce, &self.server_nonce)
    }

    fn check(&self, nonce: &[u8; 16], server_nonce: &[u8; 16]) -> Result<(), ExchangeError> {
        let same = *nonce == self.nonce && *server_nonce == self.server_nonce;
        if same { Ok(()) } else { Err(ExchangeError::WrongNonce) }
    }
}

/// The two factors of `pq` in ascending order. It gives up on what has no small factor: a server could keep a client busy
/// for ever with a prime.
fn factor(pq: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    // spec: HS-5
    let n = pq.iter().try_fold(0_u64, |n, byte| n.checked_mul(256).map(|n| n | u64::from(*byte)))?;
    if !(4..1 << 63).contains(&n) {
        return None;
    }
    let found = if n.is_multiple_of(2) { 2 } else { (1..4).find_map(|c| divisor(n, c))? };
    let bytes = |n: u64| n.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let other = n / found;
    Some((bytes(found.min(other)), bytes(found.max(other))))
}

/// A divisor of an odd `n` below 2^63, by Pollard's rho in Brent's form over `x -> x^2 / 2^64 + c`: Montgomery's product
/// instead of a division, and one gcd for many steps. A fraction of a millisecond, which is what a client that makes many
/// keys needs.
fn divisor(n: u64, c: u64) -> Option<u64> {
    const STEPS: u64 = 128;
    // -1/n modulo 2^64; each round doubles the bits that are right.
    let inverse =
        (0..6).fold(1_u64, |x, _| x.wrapping_mul(2_u64.wrapping_sub(n.wrapping_mul(x)))).wrapping_neg();
    let product = |a: u64, b: u64| {
        let t = u128::from(a) * u128::from(b);
        let m = (t as u64).wrapping_mul(inverse);
        let reduced = ((t + u128::from(m) * u128::from(n)) >> 64) as u64;
        if reduced >= n { reduced - n } else { reduced }
    };
    let step = |x: u64| (product(x, x) + c) % n;
    let (mut y, mut all, mut round) = (2, 1, 1);
    loop {
        let x = y;
        for _ in 0..round {
            y = step(y);
        }
        let mut done = 0;
        while done < round {
            let before = y;
            for _ in 0..STEPS.min(round - done) {
                y = step(y);
                all = product(all, x.abs_diff(y));
            }
            match gcd(all, n) {
                1 => {}
                found if found != n => return Some(found),
                // Both factors came in one batch: step by step, then.
                _ => {
                    let mut again = before;
                    loop {
                        again = step(again);
                        match gcd(x.abs_diff(again), n) {
                            1 => {}
                            found => return (found != n).then_some(found),
                        }
                    }
                }
            }
            done += STEPS;
        }
        round *= 2;
        if round > u64::from(FACTOR_STEPS_MAX) {
            return None;
        }
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use env::SeededDice;

    use super::*;
    use crate::handshake::pq::Pq;

    // proves: HS-5
    #[test]
    fn every_product_that_a_server_draws_is_factored() {
        let mut dice = SeededDice::new(9);
        for _ in 0..200 {
            let pq = Pq::draw(&mut dice);
            let (p, q) = factor(&pq.to_bytes()).expect("a product of two primes");
            assert!(pq.check(&p, &q).is_some());
        }
        assert_eq!(factor(&[15]), Some((vec![3], vec![5])));
        assert_eq!(factor(&[22]), Some((vec![2], vec![11])));
        assert!(factor(&0x1a5a_5a5a_5a5a_5a5f_u64.to_be_bytes()).is_none(), "a prime");
        assert_eq!((factor(&[3]), factor(&[0xff; 8]), factor(&[1; 9])), (None, None, None));
    }
}
