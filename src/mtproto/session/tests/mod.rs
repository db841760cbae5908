//! One session against a scripted client: rule by rule.

mod over_http;
mod receiving;
mod sending;
mod serving;

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use env::{Env, SeededDice, Time};
use tl::service::*;
use tl::{Decode, Encode, Layer, Reader};

use super::client::container;
use super::*;
use crate::crypto::{AuthKey, STORED_KEY_BYTES, Side};
use crate::error::TransportError;
use crate::ids::{AuthKeyId, Salt};

const ME: SessionId = SessionId(0x5e55_1041);
const FIRST: Path = Path { id: PathId(1), kind: PathKind::Stream };
const SECOND: Path = Path { id: PathId(2), kind: PathKind::Stream };
const WEB: Path = Path { id: PathId(4), kind: PathKind::Http };
const RADIO: Path = Path { id: PathId(3), kind: PathKind::Datagram };

/// A query, as far as a session can tell: something it does not know.
fn query(n: u8) -> Bytes {
    Bytes::copy_from_slice(&[0xaa, 0xaa, 0xaa, n])
}

fn body(message: &impl Encode) -> Bytes {
    tl::write(message, Layer::NEWEST).into()
}

/// What the server said, message by message, containers opened.
#[derive(Debug, Clone)]
struct Said {
    path: PathId,
    /// The message's own name.
    msg_id: MsgId,
    seq_no: u32,
    /// The packet's name: another one if it is a container.
    outer: MsgId,
    body: Bytes,
}

impl Said {
    fn is<T: Decode>(&self) -> Option<T> {
        tl::read(&self.body).ok()
    }

    fn code(&self) -> Option<i32> {
        self.is::<BadMsgNotification>().map(|notice| notice.error_code)
    }

    /// The query that this answers, and the answer.
    fn answer(&self) -> Option<(MsgId, Bytes)> {
        let mut r = Reader::new(&self.body);
        let RpcResult { req_msg_id } = RpcResult::decode(&mut r).ok()?;
        Some((MsgId(req_msg_id), Bytes::copy_from_slice(r.rest())))
    }
}

/// A session, its surroundings, and a client that does exactly as told.
struct Desk {
    session: Session,
    key: AuthKey,
    salts: Salts,
    salt: Salt,
    dice: SeededDice,
    now: Time,
    /// What came out that was not a packet.
    out: Vec<SessionOutput>,
}

impl Desk {
    fn new() -> Self {
        let now = Time::from_secs(1_700_000_000);
        let mut dice = SeededDice::new(1);
        let mut salts = Salts::new(&mut Env { now, dice: &mut dice });
        let salt = salts.current(&mut Env { now, dice: &mut dice });
        let key = AuthKey::from_stored(AuthKeyId(9), [7; STORED_KEY_BYTES]);
        Self { session: Session::new(ME, MsgId(0)), key, salts, salt, dice, now, out: Vec::new() }
    }

    /// A desk whose client has said something and has been welcomed.
    fn at_work() -> Self {
        let mut desk = Self::new();
        let said = desk.send(FIRST, desk.id(-10), 0, &body(&Ping { ping_id: 1 }));
        let welcome = said.iter().find(|s| s.is::<NewSessionCreated>().is_some()).expect("welcome").msg_id;
        desk.send(FIRST, desk.id(-9), 0, &body(&MsgsAck { msg_ids: vec![welcome.0] }));
        desk.out.clear();
        desk
    }

    /// A client's msg_id, `n` steps from now.
    fn id(&self, n: i64) -> MsgId {
        MsgId(MsgId::at(self.now).0 + 4 * n)
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    fn handle(&mut self, input: SessionInput) -> Vec<Said> {
        let mut env = Env { now: self.now, dice: &mut self.dice };
        let mut shared = Shared { key: &self.key, salts: &mut self.salts };
        let mut out = Vec::new();
        self.session.handle(&mut env, &mut shared, input, &mut out);
        let mut said = Vec::new();
        for output in out {
            match output {
                SessionOutput::Send { path, packet } => said.extend(self.read(path, packet)),
                other => self.out.push(other),
            }
        }
        said
    }

    fn read(&self, path: PathId, mut packet: BytesMut) -> Vec<Said> {
        let opened = open_from(&self.key, Side::Server, &mut packet).expect("sealed by us");
        assert_eq!(opened.session_id, ME);
        let outer = opened.msg_id;
        let whole = packet.freeze().slice(opened.body);
        if gzip::constructor(&whole) != Some(MsgContainer::ID) {
            return vec![Said { path, msg_id: outer, seq_no: opened.seq_no, outer, body: whole }];
        }
        let mut r = Reader::new(&whole[8..]);
        let mut said = Vec::new();
        while r.remaining() > 0 {
            let head = (r.i64().expect("id"), r.u32().expect("seq_no"), r.u32().expect("length"));
            let body = Bytes::copy_from_slice(r.raw(head.2 as usize).expect("body"));
            assert!(head.0 < outer.0 && gzip::constructor(&body) != Some(MsgContainer::ID));
            said.push(Said { path, msg_id: MsgId(head.0), seq_no: head.1, outer, body });
        }
        assert!(said.is_sorted_by_key(|s| s.msg_id));
        said
    }

    fn send(&mut self, path: Path, msg_id: MsgId, seq_no: u32, body: &[u8]) -> Vec<Said> {
        self.send_with(self.salt, path, msg_id, seq_no, body)
    }

    fn send_with(&mut self, salt: Salt, path: Path, msg_id: MsgId, seq_no: u32, body: &[u8]) -> Vec<Said> {
        let head = Head { salt, session_id: ME, msg_id, seq_no };
        let write = |packet: &mut BytesMut| packet.put_slice(body);
        let mut packet = seal(&self.key, Side::Client, head, body.len(), write, &mut self.dice);
        let opened = open(&self.key, &mut packet).expect("sealed by the client");
        self.handle(SessionInput::Received { path, opened, packet: packet.freeze(), quick_ack: false })
    }

    fn reply(&mut self, to: MsgId, body: Bytes) -> Vec<Said> {
        self.handle(SessionInput::Reply { to, body })
    }

    fn push(&mut self, n: u8) -> Vec<Said> {
        self.handle(SessionInput::Push { body: query(n), kept: true })
    }

    fn calls(&mut self) -> Vec<MsgId> {
        let calls = self.out.iter().filter_map(|o| match o {
            SessionOutput::Call(call) => Some(call.msg_id),
            _ => None,
        });
        let calls = calls.collect();
        self.out.retain(|o| !matches!(o, SessionOutput::Call(_)));
        calls
    }

    fn needs_updates_too_long(&mut self) -> bool {
        let before = self.out.len();
        self.out.retain(|o| !matches!(o, SessionOutput::NeedsUpdatesTooLong));
        self.out.len() < before
    }

    fn states(&mut self, ids: &[MsgId]) -> Vec<u8> {
        self.wait(Duration::from_millis(1));
        let ask = body(&MsgsStateReq { msg_ids: ids.iter().map(|id| id.0).collect() });
        let said = self.send(FIRST, self.id(0), 0, &ask);
        said.iter().find_map(|s| s.is::<MsgsStateInfo>()).expect("state").info
    }
}

fn codes(said: &[Said]) -> Vec<i32> {
    said.iter().filter_map(Said::code).collect()
}
