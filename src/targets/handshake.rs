//! The making of keys as a sequence of actions by a client that knows the protocol and does not keep to it: honest steps in
//! any order, of three runs at once, with changed bytes and numbers, time, and keys that cannot be stored.

use std::time::Duration;

use crate::path::{Line, keys};
use arbitrary::Arbitrary;
use bytes::Bytes;
use env::SeededDice;
use mtproto::client::{Exchange, Next, PublicKey, Transport, TransportOptions, encrypt_inner_data};
use mtproto::handshake::{Padding, plain};
use mtproto::wire::framing::{Frame, Framing};
use mtproto::{Input, KeyStored, MsgId};
use tl::service;

/// Heavy steps take milliseconds each; more actions would only be slower.
const ACTIONS_MAX: usize = 10;

#[derive(Debug, Arbitrary)]
struct Story {
    runs: [Run; 3],
    actions: Vec<Action>,
}

#[derive(Debug, Arbitrary)]
struct Run {
    legacy: bool,
    dc: Option<i32>,
    expires_in: Option<i32>,
}

#[derive(Debug, Arbitrary)]
enum Action {
    /// The first packet of a run, in the older or the newer form.
    Begin { run: u8, old: bool },
    /// The next packet of a run that heard an answer, with bytes of it changed.
    Step { run: u8, changes: Vec<(u16, u8)> },
    /// The same packet again.
    Again,
    /// A plaintext message with any body.
    Say { msg_id: i64, body: Vec<u8> },
    /// Step two with any inner data and factors.
    Inner { run: u8, data: Vec<u8>, p: Vec<u8>, q: Vec<u8> },
    /// Step three with any number.
    Number { run: u8, g_b: Vec<u8>, retry_id: i64 },
    /// What becomes of the next key.
    Fate(u8),
    /// Time passes.
    Wait { secs: u16 },
    /// A packet sealed with some key.
    Packet(Vec<u8>),
}

struct Client {
    line: Line,
    transport: Transport,
    dice: SeededDice,
    runs: Vec<Exchange>,
    /// What each run would say next.
    next: Vec<Option<Bytes>>,
    last: Bytes,
}

impl Client {
    fn say(&mut self, packet: &[u8]) {
        self.last = Bytes::copy_from_slice(packet);
        let mut bytes = self.transport.send(packet, false, &mut self.dice);
        self.line.feed(Input::Bytes(&mut bytes));
        let mut frames = Vec::new();
        let mut written = std::mem::take(&mut self.line.written);
        assert!(self.transport.receive(&mut written, &mut frames).is_ok(), "the server frames as it should");
        for frame in frames {
            let Frame::Packet { data, .. } = frame else { continue };
            if data.len() == 4 {
                assert_eq!(data[..], (-404_i32).to_le_bytes());
                continue;
            }
            for (run, next) in self.runs.iter_mut().zip(&mut self.next) {
                let mut trial = run.clone();
                match trial.receive(&data, &mut self.dice) {
                    Ok(Next::Send(packet)) => (*run, *next) = (trial, Some(packet)),
                    Ok(Next::Made(ours)) => {
                        let theirs = self.line.made.iter().find(|made| made.key.id() == ours.key.id());
                        let theirs = theirs.expect("what the client has the server has");
                        assert!(theirs.key.stored() == ours.key.stored() && theirs.salt == ours.salt);
                        assert!(theirs.expires_in.is_some() == run.expires_in.is_some());
                    }
                    Err(_) => {}
                }
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Begin { run, old } => {
                let run = &mut self.runs[usize::from(run % 3)];
                let packet = run.begin();
                let old_packet = run.packet(&service::ReqPq { nonce: run.nonce });
                self.say(if old { &old_packet } else { &packet });
            }
            Action::Step { run, changes } => {
                let Some(packet) = self.next[usize::from(run % 3)].take() else { return };
                let mut packet = packet.to_vec();
                for (at, change) in changes {
                    let length = packet.len().max(1);
                    if let Some(byte) = packet.get_mut(usize::from(at) % length) {
                        *byte ^= change;
                    }
                }
                self.say(&packet);
            }
            Action::Again => self.say(&self.last.clone()),
            Action::Say { msg_id, body } => self.say(&plain::packet(MsgId(msg_id), &body)),
            Action::Inner { run, data, p, q } => {
                let run = &mut self.runs[usize::from(run % 3)];
                let encrypted = encrypt_inner_data(&run.key, run.padding, &data, &mut self.dice);
                let query = service::ReqDHParams {
                    nonce: run.nonce,
                    server_nonce: run.server_nonce,
                    p,
                    q,
                    public_key_fingerprint: run.key.fingerprint,
                    encrypted_data: encrypted.to_vec(),
                };
                let packet = run.packet(&query);
                self.say(&packet);
            }
            Action::Number { run, g_b, retry_id } => {
                let run = &mut self.runs[usize::from(run % 3)];
                run.retry_id = retry_id;
                let query = run.with_g_b(&g_b, &mut self.dice);
                let packet = run.packet(&query);
                self.say(&packet);
            }
            Action::Fate(fate) => {
                self.line.fate =
                    [KeyStored::Stored, KeyStored::Collision, KeyStored::Failed][usize::from(fate % 3)];
            }
            Action::Wait { secs } => {
                self.line.now = self.line.now + Duration::from_secs(secs.into());
                self.line.feed(Input::Tick);
            }
            Action::Packet(bytes) => self.say(&bytes),
        }
    }
}

/// Reads `data` as what happens, and lets it happen.
pub fn run(data: &[u8]) {
    crate::told(data, play);
}

fn play(story: Story) {
    let mut dice = SeededDice::new(5);
    let line = Line::default();
    let options = TransportOptions { framing: Framing::Intermediate, obfuscated: None, websocket: false };
    let (transport, _) = Transport::new(options, &mut dice);
    let runs = story.runs.iter().map(|run| {
        let keys = keys();
        let legacy = keys.legacy.as_ref().filter(|_| run.legacy);
        let padding = if legacy.is_some() { Padding::Legacy } else { Padding::RsaPad };
        let key = PublicKey::from(legacy.unwrap_or(&keys.pad));
        let mut exchange = Exchange::new(key, padding, line.now, &mut dice);
        (exchange.dc, exchange.expires_in) = (run.dc, run.expires_in);
        exchange
    });
    let runs: Vec<Exchange> = runs.collect();
    let mut client = Client { line, transport, dice, next: vec![None; runs.len()], runs, last: Bytes::new() };
    for action in story.actions.into_iter().take(ACTIONS_MAX) {
        client.act(action);
    }
}
