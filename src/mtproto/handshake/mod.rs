//! The making of authorization keys: `req_pq`, `req_DH_params`, `set_client_DH_params`.
//!
//! A run is a chain of states, each consumed by the next; what has been checked is a type that only the check can make
//! ([`pq::CheckedFactors`], [`dh::CheckedPublic`]). One connection carries several runs side by side. One failure, of any
//! kind, ends the connection with one and the same answer.
//!
//! | state | on | does | and is then |
//! |---|---|---|---|
//! | (none) | `req_pq`, `req_pq_multi` | draws `server_nonce` and `pq`, answers `resPQ` | `ExpectDhParams` |
//! | `ExpectDhParams` | `req_DH_params` | checks the clear part | `OpeningInnerData` |
//! | `OpeningInnerData` | the heavy work done | answers `server_DH_params_ok` | `ExpectClientDh` |
//! | `ExpectClientDh` | `set_client_DH_params` | | `MakingKey` |
//! | `MakingKey` | the heavy work done | asks that the key be stored | `StoringKey` |
//! | `StoringKey` | stored | answers `dh_gen_ok` | `Finished` |
//! | `StoringKey` | its id is taken | answers `dh_gen_retry` | `ExpectClientDh` |
//! | any | the last query again, identical | the last answer again, identical | as it was |
//! | any | anything else | -404, the end | |

pub mod dh;
pub(crate) mod heavy;
mod padding;
pub mod plain;
pub mod pq;
pub mod rsa;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use env::{Env, Time};
use tl::service;
use zeroize::Zeroizing;

pub use self::heavy::{HeavyDone, HeavyJob};
pub use self::rsa::{KeyFileError, Padding, RsaKey, ServerKeys};

use self::heavy::{Done, Made, MakeKey, OpenInnerData, RunId, Secrets};
use self::pq::Pq;
use crate::connection::{KeyMade, KeyStored};
use crate::crypto::hash::sha256;
use crate::error::{HandshakeError, PeerMisbehaved};
use crate::ids::{AuthKeyId, DataCentre};
use crate::limits::{
    CLIENT_DH_BYTES_MAX, CLIENT_DH_BYTES_MIN, DH_RETRIES_MAX, HANDSHAKE_REMEMBERED,
    HANDSHAKES_PER_CONNECTION_MAX,
};

/// What a step of a handshake wants done.
#[derive(Debug)]
pub enum Step {
    /// Send this plaintext message.
    Send(Bytes),
    /// Run this and bring the result to [`Handshakes::heavy_done`].
    Heavy(HeavyJob),
    /// Store this key and bring the outcome to [`Handshakes::key_stored`].
    KeyMade(KeyMade),
    /// Nothing.
    Done,
}

/// The runs of one connection.
pub struct Handshakes {
    keys: Arc<ServerKeys>,
    /// At most [`HANDSHAKES_PER_CONNECTION_MAX`], the oldest first; no memory at all before the first.
    runs: Vec<Run>,
    msg_ids: plain::ServerMsgIds,
}

/// One run, named by its two nonces.
struct Run {
    id: RunId,
    /// When the first step was answered.
    started: Time,
    /// What was asked last, by its hash, and the answer once there is one: an identical repeat gets it again.
    last_query: [u8; 32],
    last_answer: Option<Bytes>,
    state: State,
}

/// Where a run stands. Each state is consumed by the step out of it.
enum State {
    ExpectDhParams(Pq),
    /// The work is elsewhere, and the secrets with it.
    OpeningInnerData,
    ExpectClientDh(Box<ExpectClientDh>),
    MakingKey {
        attempts: u8,
    },
    StoringKey {
        made: Box<Made>,
        attempts: u8,
    },
    Finished,
}

/// Waiting for the client's number, with what is needed to make a key of it.
struct ExpectClientDh {
    secrets: Secrets,
    /// Zero, or the name of the attempt before.
    retry_id: [u8; 8],
    /// Attempts that met a taken id.
    attempts: u8,
}

impl Handshakes {
    /// No runs yet.
    #[must_use]
    pub const fn new(keys: Arc<ServerKeys>, msg_ids: plain::ServerMsgIds) -> Self {
        Self { keys, runs: Vec::new(), msg_ids }
    }

    /// Takes a packet whose `auth_key_id` is zero.
    ///
    /// # Errors
    ///
    /// What was wrong. The connection is to be closed: the runs of a connection die together.
    pub fn receive(&mut self, env: &mut Env<'_>, packet: &[u8]) -> Result<Step, HandshakeError> {
        let body = plain::body(packet).ok_or(HandshakeError::NotAHandshakeMessage)?;
        let now = env.now;
        // spec: HS-22
        self.runs.retain(|run| now.since(run.started) < HANDSHAKE_REMEMBERED);
        // spec: HS-24
        let mut reader = tl::Reader::new(body);
        let wrong = HandshakeError::NotAHandshakeMessage;
        let id = reader.peek_u32().ok_or(wrong)?;
        macro_rules! query {
            ($query:ty) => {{
                let query: $query = tl::Decode::decode(&mut reader).map_err(|_| wrong)?;
                let digest = sha256(&[body.get(..body.len() - reader.remaining()).unwrap_or_default()]);
                (query, digest)
            }};
        }
        match id {
            service::ReqPq::ID => {
                let (query, digest) = query!(service::ReqPq);
                Ok(self.begin(env, query.nonce, digest))
            }
            service::ReqPqMulti::ID => {
                let (query, digest) = query!(service::ReqPqMulti);
                Ok(self.begin(env, query.nonce, digest))
            }
            service::ReqDHParams::ID => {
                let (query, digest) = query!(service::ReqDHParams);
                self.request_dh(env, &query, digest)
            }
            service::SetClientDHParams::ID => {
                let (query, digest) = query!(service::SetClientDHParams);
                self.set_client_dh(query, digest)
            }
            // Telethon acknowledges whatever it gets.
            service::MsgsAck::ID => Ok(Step::Done),
            _ => Err(wrong),
        }
    }

    /// Takes the result of a [`Step::Heavy`].
    ///
    /// # Errors
    ///
    /// As [`Self::receive`].
    pub fn heavy_done(&mut self, env: &mut Env<'_>, done: HeavyDone) -> Result<Step, HandshakeError> {
        match done.0 {
            Done::InnerData(id, result) => {
                let opened = result?;
                let Some(run) = find(&mut self.runs, id) else { return Ok(Step::Done) };
                let answer = service::ServerDHParamsOk {
                    nonce: id.nonce,
                    server_nonce: id.server_nonce,
                    encrypted_answer: opened.answer,
                };
                let secrets = opened.secrets;
                run.state = State::ExpectClientDh(Box::new(ExpectClientDh {
                    secrets,
                    retry_id: [0; 8],
                    attempts: 0,
                }));
                Ok(run.answer(self.msg_ids.next(env.now), &tl::write(&answer, tl::Layer::NEWEST)))
            }
            Done::Key(id, result) => {
                let made = result?;
                let Some(run) = find(&mut self.runs, id) else { return Ok(Step::Done) };
                let State::MakingKey { attempts } = run.state else { return Ok(Step::Done) };
                let offer = KeyMade {
                    key: made.key.clone(),
                    expires_in: made.secrets.expires_in,
                    salt: made.salt,
                    dc: made.secrets.dc.and_then(DataCentre::from_label),
                };
                run.state = State::StoringKey { made, attempts };
                Ok(Step::KeyMade(offer))
            }
        }
    }

    /// Takes what became of the key of a [`Step::KeyMade`].
    ///
    /// # Errors
    ///
    /// As [`Self::receive`]; and [`PeerMisbehaved::KeyCouldNotBeStored`], which is nobody's fault but ours.
    pub fn key_stored(
        &mut self,
        env: &mut Env<'_>,
        key: AuthKeyId,
        outcome: KeyStored,
    ) -> Result<Step, PeerMisbehaved> {
        let waiting =
            |run: &&mut Run| matches!(&run.state, State::StoringKey { made, .. } if made.key.id() == key);
        let Some(run) = self.runs.iter_mut().find(waiting) else { return Ok(Step::Done) };
        let State::StoringKey { made, attempts } = std::mem::replace(&mut run.state, State::Finished) else {
            return Ok(Step::Done);
        };
        match outcome {
            // spec: HS-21, HS-30
            KeyStored::Stored => Ok(run.answer(self.msg_ids.next(env.now), &made.accepted)),
            KeyStored::Collision if attempts < DH_RETRIES_MAX => {
                // spec: HS-19
                let (retry_id, attempts) = (made.aux_hash, attempts + 1);
                run.state = State::ExpectClientDh(Box::new(ExpectClientDh {
                    secrets: made.secrets,
                    retry_id,
                    attempts,
                }));
                Ok(run.answer(self.msg_ids.next(env.now), &made.retry))
            }
            KeyStored::Collision => Err(HandshakeError::TooManyRetries.into()),
            KeyStored::Failed => Err(PeerMisbehaved::KeyCouldNotBeStored),
        }
    }

    /// Takes up a run whose first step was answered without keeping anything of it; one that is known stays as it is.
    pub(crate) fn adopt(&mut self, now: Time, nonce: [u8; 16], server_nonce: [u8; 16], pq: Pq) {
        let id = RunId { nonce, server_nonce };
        if find(&mut self.runs, id).is_some() {
            return;
        }
        if self.runs.len() >= HANDSHAKES_PER_CONNECTION_MAX {
            self.runs.remove(0);
        }
        let state = State::ExpectDhParams(pq);
        self.runs.push(Run { id, started: now, last_query: [0; 32], last_answer: None, state });
    }

    /// The client writes with a key now: what it was told at the end of a run, it has heard.
    pub(crate) fn client_moved_on(&mut self) {
        // spec: HS-22
        if !self.runs.is_empty() {
            self.runs.retain(|run| !matches!(run.state, State::Finished));
            self.runs.shrink_to_fit();
        }
    }

    fn begin(&mut self, env: &mut Env<'_>, nonce: [u8; 16], digest: [u8; 32]) -> Step {
        // spec: HS-22
        let same = |run: &&Run| run.last_query == digest && matches!(run.state, State::ExpectDhParams(_));
        if let Some(run) = self.runs.iter().find(same) {
            return run.repeat();
        }
        if self.runs.len() >= HANDSHAKES_PER_CONNECTION_MAX {
            self.runs.remove(0);
        }
        // spec: HS-2, HS-3
        let id = RunId { nonce, server_nonce: env::bytes(env.dice) };
        let pq = Pq::draw(env.dice);
        let answer = service::ResPQ {
            nonce,
            server_nonce: id.server_nonce,
            pq: pq.to_bytes(),
            server_public_key_fingerprints: self.keys.fingerprints(),
        };
        let state = State::ExpectDhParams(pq);
        let mut run = Run { id, started: env.now, last_query: digest, last_answer: None, state };
        let step = run.answer(self.msg_ids.next(env.now), &tl::write(&answer, tl::Layer::NEWEST));
        self.runs.push(run);
        step
    }

    fn request_dh(
        &mut self,
        env: &mut Env<'_>,
        query: &service::ReqDHParams,
        digest: [u8; 32],
    ) -> Result<Step, HandshakeError> {
        // spec: HS-8
        let id = RunId { nonce: query.nonce, server_nonce: query.server_nonce };
        let run = find(&mut self.runs, id).ok_or(HandshakeError::UnknownRun)?;
        let State::ExpectDhParams(pq) = run.state else {
            return run.repeat_if(digest);
        };
        // All that costs nothing is checked before anything that costs much.
        // spec: HS-29
        let factors = pq.check(&query.p, &query.q).ok_or(HandshakeError::WrongFactors)?;
        let fingerprint = query.public_key_fingerprint;
        self.keys.find(fingerprint).ok_or(HandshakeError::UnknownFingerprint)?;
        let encrypted =
            query.encrypted_data.as_slice().try_into().map_err(|_| HandshakeError::WrongLength)?;
        run.begin_work(digest, State::OpeningInnerData);
        let (run, keys, server_time) = (id, Arc::clone(&self.keys), env.now.unix());
        Ok(Step::Heavy(OpenInnerData { run, keys, fingerprint, factors, encrypted, server_time }.into()))
    }

    fn set_client_dh(
        &mut self,
        query: service::SetClientDHParams,
        digest: [u8; 32],
    ) -> Result<Step, HandshakeError> {
        // spec: HS-8
        let id = RunId { nonce: query.nonce, server_nonce: query.server_nonce };
        let run = find(&mut self.runs, id).ok_or(HandshakeError::UnknownRun)?;
        if run.last_query == digest {
            return run.repeat_if(digest);
        }
        let State::ExpectClientDh(waiting) = std::mem::replace(&mut run.state, State::Finished) else {
            return Err(HandshakeError::ChangedRepeat);
        };
        // spec: HS-29
        let bytes = query.encrypted_data.len();
        if !(CLIENT_DH_BYTES_MIN..=CLIENT_DH_BYTES_MAX).contains(&bytes) || !bytes.is_multiple_of(16) {
            return Err(HandshakeError::WrongLength);
        }
        run.begin_work(digest, State::MakingKey { attempts: waiting.attempts });
        let encrypted = Zeroizing::new(query.encrypted_data);
        Ok(Step::Heavy(
            MakeKey { run: id, secrets: waiting.secrets, retry_id: waiting.retry_id, encrypted }.into(),
        ))
    }
}

impl Run {
    /// Remembers and sends `body` as the answer to the query under way.
    fn answer(&mut self, msg_id: crate::ids::MsgId, body: &[u8]) -> Step {
        let packet = plain::packet(msg_id, body);
        self.last_answer = Some(packet.clone());
        Step::Send(packet)
    }

    fn begin_work(&mut self, digest: [u8; 32], state: State) {
        self.last_query = digest;
        self.last_answer = None;
        self.state = state;
    }

    /// The answer to an identical repeat: what was said, or nothing while the work still runs.
    fn repeat(&self) -> Step {
        self.last_answer.clone().map_or(Step::Done, Step::Send)
    }

    /// The answer to a query that fits no step: a repeat, or the end.
    fn repeat_if(&self, digest: [u8; 32]) -> Result<Step, HandshakeError> {
        // spec: HS-9, HS-22
        if self.last_query == digest { Ok(self.repeat()) } else { Err(HandshakeError::ChangedRepeat) }
    }
}

/// Opens what stands under RSA in `req_DH_params`, with whatever is behind it, for tools that play a server; nothing if its
/// hash does not fit. A server goes through [`Handshakes`], which compares it with its run before it believes any of it.
#[must_use]
pub fn open_inner_data(
    key: &RsaKey,
    padding: Padding,
    encrypted: &[u8; rsa::RSA_BYTES],
    dice: &mut dyn env::Dice,
) -> Option<Vec<u8>> {
    let (block, valid) = key.decrypt(encrypted, dice);
    padding::open(padding, &block, valid).map(|data| data.bytes().to_vec())
}

fn find(runs: &mut [Run], id: RunId) -> Option<&mut Run> {
    runs.iter_mut().find(|run| run.id == id)
}

impl fmt::Debug for Handshakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshakes").field("runs", &self.runs.len()).finish_non_exhaustive()
    }
}
