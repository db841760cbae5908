//! A path to the server under test: fixed keys, repeating dice, heavy work done at once.

use std::sync::{Arc, OnceLock};

use env::{Env, SeededDice, Time};
use mtproto::{Connection, Input, KeyMade, KeyStored, Output, ReplayCache, RsaKey, ServerKeys};

/// When every target begins.
pub const START: Time = Time::from_secs(1_700_000_000);

/// The server's keys, the same in every run.
pub fn keys() -> Arc<ServerKeys> {
    static KEYS: OnceLock<Arc<ServerKeys>> = OnceLock::new();
    Arc::clone(KEYS.get_or_init(|| {
        let read = |pem| RsaKey::from_private_pem(pem).expect("a key of the vectors");
        let pad = read(include_str!("../../protocol-spec/vectors/rsa_key.pem"));
        let legacy = read(include_str!("../../protocol-spec/vectors/rsa_key_2.pem"));
        Arc::new(ServerKeys { pad, legacy: Some(legacy) })
    }))
}

/// The server's end of a path, and what came out of it.
pub struct Line {
    /// The server's end.
    pub server: Connection,
    /// What it wrote and nobody took yet.
    pub written: Vec<u8>,
    /// Keys that it wanted stored.
    pub made: Vec<KeyMade>,
    /// What becomes of the next one.
    pub fate: KeyStored,
    /// Whether it said the last word.
    pub closed: bool,
    /// The time.
    pub now: Time,
    /// The server's dice.
    pub dice: SeededDice,
}

impl Default for Line {
    fn default() -> Self {
        let server = Connection::new(keys(), Arc::new(ReplayCache::new()));
        let (written, made, fate) = (Vec::new(), Vec::new(), KeyStored::Stored);
        let mut line =
            Self { server, written, made, fate, closed: false, now: START, dice: SeededDice::new(1) };
        line.feed(Input::Tick);
        line
    }
}

impl Line {
    /// Gives `input` to the server and does what it wants.
    pub fn feed(&mut self, input: Input<'_>) {
        let mut outputs = Vec::new();
        self.server.handle(&mut Env { now: self.now, dice: &mut self.dice }, input, &mut outputs);
        for output in outputs {
            assert!(!self.closed, "nothing follows a close");
            match output {
                Output::Write(bytes) => self.written.extend_from_slice(&bytes),
                Output::Heavy(job) => {
                    let done = job.run(&mut self.dice);
                    self.feed(Input::Heavy(done));
                }
                Output::KeyMade(made) => {
                    let id = made.key.id();
                    self.made.push(made);
                    self.feed(Input::KeyStored(id, self.fate));
                }
                Output::Packet { auth_key_id, data, .. } => {
                    assert_eq!(data.first_chunk(), Some(&auth_key_id.0.to_le_bytes()));
                }
                Output::WakeAt(at) => assert!(at > self.now, "never woken for what is over"),
                Output::Close(_) => self.closed = true,
            }
        }
    }
}
