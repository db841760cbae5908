//! A session as a sequence of everything that can happen to it: packets of any kind on several paths, answers, pushes, lost
//! paths, destroyed sessions, clocks that jump. The fuzzer holds the key.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::grow;
use crate::path::START;
use arbitrary::{Arbitrary, Unstructured};
use bytes::{BufMut as _, Bytes, BytesMut};
use env::{Env, SeededDice, Time};
use mtproto::crypto::{AuthKey, QuickAckToken, STORED_KEY_BYTES, Side};
use mtproto::session::{
    KeyDestruction, Opened, Path, PathId, PathKind, Salts, Session, SessionInput, SessionOutput, Shared,
    open_from,
};
use mtproto::{AuthKeyId, MsgId, Salt, SessionId};
use tl::describe::{Section, Shape, shapes};
use tl::service::MsgContainer;

const ACTIONS_MAX: usize = 64;
/// More than a session may hold by its limits, and enough to notice one that does not keep to them.
const HELD_BYTES_MAX: usize = 64 << 20;

#[derive(Debug, Arbitrary)]
enum Action {
    Receive {
        path: u8,
        datagram: bool,
        age: i16,
        seq_no: u8,
        wrong_salt: bool,
        quick_ack: bool,
        body: Body,
    },
    /// What came before comes again.
    Again {
        path: u8,
    },
    Reply {
        call: u8,
        words: u16,
    },
    Push {
        kept: bool,
        words: u8,
    },
    SessionDestroyed {
        existed: bool,
    },
    KeyDestroyed(u8),
    PathClosed(u8),
    Wake,
    Wait {
        millis: u32,
    },
    ClockSteps {
        secs: i16,
    },
}

#[derive(Debug, Arbitrary)]
enum Body {
    Query(u8),
    Raw(Vec<u32>),
    /// A message of the protocol itself, grown from these bytes.
    Service(Vec<u8>),
    Container(Vec<(i8, u8, Inner)>),
}

#[derive(Debug, Arbitrary)]
enum Inner {
    Query(u8),
    Raw(Vec<u32>),
    Service(Vec<u8>),
}

struct World {
    key: AuthKey,
    salts: Salts,
    session: Session,
    dice: SeededDice,
    now: Time,
    calls: Vec<MsgId>,
    called: BTreeSet<MsgId>,
    last_packet: i64,
    /// The messages that the server is known to have sent, for acks and resends that hit.
    sent: Vec<i64>,
    last: Option<(Opened, Bytes)>,
}

fn service_shapes() -> Vec<&'static Shape> {
    let wanted = |s: &&Shape| matches!(s.section, Section::Service | Section::ServiceFunctions);
    shapes().iter().filter(wanted).collect()
}

impl World {
    fn service(&self, data: &[u8]) -> Vec<u8> {
        let mut u = Unstructured::new(data);
        let hint = |u: &mut Unstructured<'_>, field: &tl::describe::Field| {
            let known = field.name.contains("msg") && u.ratio(3, 4)?;
            let mut ids = self.sent.iter().chain(self.called.iter().map(|id| &id.0));
            let count = self.sent.len() + self.called.len();
            if !known || count == 0 {
                return Ok(None);
            }
            Ok(ids.nth(u.choose_index(count)?).copied())
        };
        let made = u.choose(&service_shapes()).copied().and_then(|shape| grow::value(&mut u, shape, &hint));
        let mut body = made.unwrap_or_default();
        body.truncate(body.len() & !3);
        body
    }

    fn inner(&self, body: Inner) -> Vec<u8> {
        match body {
            Inner::Query(number) => query(number),
            Inner::Raw(words) => words.iter().flat_map(|word| word.to_le_bytes()).collect(),
            Inner::Service(data) => self.service(&data),
        }
    }

    fn body(&self, id: i64, body: Body) -> Vec<u8> {
        match body {
            Body::Query(number) => query(number),
            Body::Raw(words) => words.iter().flat_map(|word| word.to_le_bytes()).collect(),
            Body::Service(data) => self.service(&data),
            Body::Container(messages) => {
                let mut out = BytesMut::new();
                out.put_u32_le(MsgContainer::ID);
                out.put_u32_le(messages.len() as u32);
                for (offset, seq_no, body) in messages {
                    let body = self.inner(body);
                    out.put_i64_le(id.wrapping_add(i64::from(offset) * 4));
                    out.put_u32_le(seq_no.into());
                    out.put_u32_le(body.len() as u32);
                    out.put_slice(&body);
                }
                out.to_vec()
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Receive { path, datagram, age, seq_no, wrong_salt, quick_ack, body } => {
                let msg_id = MsgId::at(self.now).0.wrapping_add(i64::from(age) << 26 & !3);
                let body = Bytes::from(self.body(msg_id, body));
                let env = &mut Env { now: self.now, dice: &mut self.dice };
                let salt = Salt(self.salts.current(env).0 ^ i64::from(wrong_salt));
                let opened = Opened {
                    salt,
                    session_id: self.session.id(),
                    msg_id: MsgId(msg_id),
                    seq_no: seq_no.into(),
                    body: 0..body.len(),
                    token: QuickAckToken(1 << 31),
                };
                self.last = Some((opened.clone(), body.clone()));
                self.receive(path, datagram, opened, body, quick_ack);
            }
            Action::Again { path } => {
                let Some((opened, body)) = self.last.clone() else { return };
                self.receive(path, false, opened, body, false);
            }
            Action::Reply { call, words } => {
                if !self.calls.is_empty() {
                    let to = self.calls.swap_remove(usize::from(call) % self.calls.len());
                    self.feed(SessionInput::Reply {
                        to,
                        body: Bytes::from(vec![7; usize::from(words) * 4 + 4]),
                    });
                }
            }
            Action::Push { kept, words } => {
                self.feed(SessionInput::Push {
                    body: Bytes::from(vec![8; usize::from(words) * 4 + 4]),
                    kept,
                });
            }
            Action::SessionDestroyed { existed } => {
                let (to, session_id) = (MsgId(4), SessionId(9));
                self.feed(SessionInput::SessionDestroyed { to, session_id, existed });
            }
            Action::KeyDestroyed(outcome) => {
                let outcomes = [KeyDestruction::Done, KeyDestruction::NoSuchKey, KeyDestruction::Failed];
                let outcome = outcomes[usize::from(outcome % 3)];
                self.feed(SessionInput::AuthKeyDestroyed { to: MsgId(4), outcome });
            }
            Action::PathClosed(path) => self.feed(SessionInput::PathClosed(PathId(u64::from(path % 4)))),
            Action::Wake => self.feed(SessionInput::Wake),
            Action::Wait { millis } => {
                self.now = self.now + Duration::from_millis(u64::from(millis % 1_000_000));
                self.feed(SessionInput::Wake);
            }
            Action::ClockSteps { secs } => {
                let nanos = i64::from(secs) * 1_000_000_000;
                self.now = Time::from_nanos(self.now.nanos().saturating_add_signed(nanos));
            }
        }
    }

    fn receive(&mut self, path: u8, datagram: bool, opened: Opened, packet: Bytes, quick_ack: bool) {
        let kind = if datagram { PathKind::Datagram } else { PathKind::Stream };
        let path = Path { id: PathId(u64::from(path % 4)), kind };
        self.feed(SessionInput::Received { path, opened, packet, quick_ack });
    }

    fn feed(&mut self, input: SessionInput) {
        let mut out = Vec::new();
        let mut env = Env { now: self.now, dice: &mut self.dice };
        let mut shared = Shared { key: &self.key, salts: &mut self.salts };
        self.session.handle(&mut env, &mut shared, input, &mut out);
        for output in out {
            match output {
                SessionOutput::Send { mut packet, .. } => {
                    let opened =
                        open_from(&self.key, Side::Server, &mut packet).expect("sealed with the key");
                    assert!(opened.session_id == self.session.id() && opened.msg_id.0 & 1 == 1);
                    assert!(opened.msg_id.0 > self.last_packet, "packets are named in order");
                    self.last_packet = opened.msg_id.0;
                    self.sent.push(opened.msg_id.0);
                }
                SessionOutput::Call(call) => {
                    assert!(self.called.insert(call.msg_id), "no call is executed twice");
                    self.calls.push(call.msg_id);
                }
                _ => {}
            }
        }
        assert!(self.session.held_bytes() < HELD_BYTES_MAX);
    }
}

fn query(number: u8) -> Vec<u8> {
    [0xaaaa_aaaa_u32.to_le_bytes(), u32::from(number).to_le_bytes()].concat()
}

/// Reads `data` as what happens, and lets it happen.
pub fn run(data: &[u8]) {
    crate::told(data, play);
}

fn play(actions: Vec<Action>) {
    let mut dice = SeededDice::new(3);
    let key = AuthKey::from_stored(AuthKeyId(1), env::bytes::<STORED_KEY_BYTES>(&mut dice));
    let mut world = World {
        key,
        salts: Salts::new(&mut Env { now: START, dice: &mut dice }),
        session: Session::new(SessionId(77), MsgId(0)),
        dice,
        now: START,
        calls: Vec::new(),
        called: BTreeSet::new(),
        last_packet: 0,
        sent: Vec::new(),
        last: None,
    };
    for action in actions.into_iter().take(ACTIONS_MAX) {
        world.act(action);
    }
}
