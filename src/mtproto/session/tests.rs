//! One session against a scripted client: rule by rule.

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

// proves: SES-7
#[test]
fn a_wrong_salt_is_answered_with_a_right_one_and_changes_nothing() {
    let mut desk = Desk::new();
    let said = desk.send_with(Salt(0), FIRST, desk.id(0), 1, &query(1));
    let notice: BadServerSalt = said[0].is().expect("bad_server_salt");
    assert_eq!((notice.bad_msg_id, notice.bad_msg_seqno, notice.error_code), (desk.id(0).0, 1, 48));
    assert_eq!((notice.new_server_salt, said.len()), (desk.salt.0, 1));
    assert!(desk.session.is_blank() && desk.calls().is_empty());

    // Telethon's second attempt has the next sequence number, Pyrogram's the same; both get in.
    let said = desk.send(FIRST, desk.id(1), 3, &query(1));
    assert_eq!(desk.calls(), [desk.id(1)]);
    assert!(said[0].is::<NewSessionCreated>().is_some());
}

// proves: SVC-14
#[test]
fn a_new_session_is_announced_once_and_again_for_older_messages() {
    let mut desk = Desk::new();
    let said = desk.send(FIRST, desk.id(5), 0, &body(&Ping { ping_id: 7 }));
    let told: NewSessionCreated = said[0].is().expect("new_session_created");
    assert_eq!((told.first_msg_id, told.server_salt), (desk.id(5).0, desk.salt.0));
    assert_eq!(said[0].seq_no % 2, 1, "must be acknowledged");
    assert_eq!(said[1].is::<Pong>(), Some(Pong { msg_id: desk.id(5).0, ping_id: 7 }));
    let said = desk.send(FIRST, desk.id(6), 0, &body(&Ping { ping_id: 8 }));
    assert_eq!(said.len(), 1);
    let said = desk.send(FIRST, desk.id(2), 0, &body(&Ping { ping_id: 9 }));
    let again: NewSessionCreated = said[0].is().expect("new_session_created");
    assert_eq!((again.first_msg_id, again.unique_id), (desk.id(2).0, told.unique_id));
}

// proves: SES-2
// proves: SES-5
// proves: SVC-2
#[test]
fn wrong_ids_are_refused_by_their_codes() {
    let mut desk = Desk::at_work();
    let ping = body(&Ping { ping_id: 1 });
    for bits in 1..4 {
        let id = MsgId(desk.id(0).0 + bits);
        assert_eq!(codes(&desk.send(FIRST, id, 1, &query(1))), [18]);
    }
    let at = |desk: &Desk, secs: i64| MsgId(desk.id(0).0 + (secs << 32));
    for (secs, code) in [(-301, Some(16)), (-299, None), (29, None), (31, Some(17))] {
        let said = desk.send(FIRST, at(&desk, secs), 0, &ping);
        assert_eq!(codes(&said).first().copied(), code, "{secs} s");
        assert_eq!(said.iter().any(|s| s.is::<Pong>().is_some()), code.is_none());
    }
    for id in [0, i64::MIN, -4, i64::MAX - 3] {
        assert_eq!(codes(&desk.send(FIRST, MsgId(id), 0, &ping)).len(), 1);
    }
    assert!(desk.calls().is_empty());
}

// proves: SES-3
#[test]
fn the_low_half_of_an_id_may_be_empty() {
    let mut desk = Desk::at_work();
    let id = MsgId((desk.now.secs() as i64 + 1) << 32);
    desk.send(FIRST, id, 1, &query(1));
    assert_eq!(desk.calls(), [id]);
}

// proves: SES-4
// proves: SVC-8
#[test]
fn a_repeated_query_is_not_executed_again() {
    let mut desk = Desk::at_work();
    let id = desk.id(0);
    desk.send(FIRST, id, 1, &query(1));
    assert_eq!(desk.calls(), [id]);

    // While it runs: an ack at once.
    let said = desk.send(FIRST, id, 1, &query(1));
    assert_eq!(said[0].is::<MsgsAck>().map(|a| a.msg_ids), Some(vec![id.0]));

    // Answered: the same answer, under the same name, in a container of its own.
    let answer = desk.reply(id, query(9));
    assert_eq!(answer[0].answer(), Some((id, query(9))));
    assert_eq!((answer[0].msg_id, answer[0].seq_no % 2), (answer[0].outer, 1));
    for _ in 0..3 {
        let again = desk.send(FIRST, id, 1, &query(1));
        assert_eq!((again[0].msg_id, again[0].seq_no), (answer[0].msg_id, answer[0].seq_no));
        assert!(again[0].outer > answer[0].msg_id && again[0].body == answer[0].body);
    }
    // A second reply to it is ignored.
    assert!(desk.reply(id, query(8)).is_empty());

    // Acknowledged: nothing to say but that it arrived.
    desk.send(FIRST, desk.id(1), 2, &body(&MsgsAck { msg_ids: vec![answer[0].msg_id.0] }));
    let said = desk.send(FIRST, id, 1, &query(1));
    assert!(said.len() == 1 && said[0].is::<MsgsAck>().is_some());
    assert!(desk.calls().is_empty());
}

// proves: SVC-8
#[test]
fn a_long_answer_is_told_of_and_sent_when_asked_for() {
    let mut desk = Desk::at_work();
    let id = desk.id(0);
    desk.send(FIRST, id, 1, &query(1));
    let long = Bytes::from(vec![5; limits::REANSWER_BYTES_MAX * 8]);
    let answer = desk.reply(id, long.clone());
    assert_eq!(answer[0].answer(), Some((id, long.clone())), "too long to be packed");
    let said = desk.send(FIRST, id, 1, &query(1));
    let told: MsgDetailedInfo = said[0].is().expect("msg_detailed_info");
    assert_eq!((told.msg_id, told.answer_msg_id, told.bytes), (id.0, answer[0].msg_id.0, long.len() as i32));
    let said = desk.send(FIRST, desk.id(1), 3, &body(&MsgResendReq { msg_ids: vec![told.answer_msg_id] }));
    assert!(said.iter().any(|s| s.msg_id == answer[0].msg_id && s.answer() == Some((id, long.clone()))));
}

// proves: SVC-2
#[test]
fn a_repeated_container_is_refused() {
    let mut desk = Desk::at_work();
    let inside = [(desk.id(0), 1, query(1))];
    desk.send(FIRST, desk.id(1), 2, &container(&inside));
    assert_eq!(codes(&desk.send(FIRST, desk.id(1), 2, &container(&inside))), [19]);
    // The same message in another container is a repetition like any other.
    let said = desk.send(FIRST, desk.id(2), 2, &container(&inside));
    assert!(said[0].is::<MsgsAck>().is_some());
    assert_eq!(desk.calls(), [desk.id(0)]);
}

// proves: SES-8
// proves: SES-6
#[test]
fn sequence_numbers_have_the_right_parity_and_order() {
    let mut desk = Desk::at_work();
    let ack = body(&MsgsAck { msg_ids: vec![] });
    assert_eq!(codes(&desk.send(FIRST, desk.id(0), 1, &ack)), [34]);
    assert_eq!(codes(&desk.send(FIRST, desk.id(1), 2, &query(1))), [35]);
    assert_eq!(codes(&desk.send(FIRST, desk.id(2), 1, &container(&[]))), [34]);
    assert_eq!(codes(&desk.send(FIRST, desk.id(3), 2, &container(&[(desk.id(2), 2, query(1))]))), [35]);
    // Clients disagree about pings.
    for (n, seq_no) in [(4, 0), (5, 1)] {
        assert!(desk.send(FIRST, desk.id(n), seq_no, &body(&Ping { ping_id: 1 }))[0].is::<Pong>().is_some());
    }
    desk.send(FIRST, desk.id(20), 7, &query(1));
    assert_eq!(codes(&desk.send(FIRST, desk.id(21), 7, &query(2))), [32]);
    assert_eq!(codes(&desk.send(FIRST, desk.id(19), 9, &query(3))), [33]);
    desk.send(FIRST, desk.id(18), 5, &query(4));
    let both = container(&[(desk.id(22), 11, query(5)), (desk.id(23), 11, query(6))]);
    assert_eq!(codes(&desk.send(FIRST, desk.id(24), 12, &both)), [32]);
    assert_eq!(desk.calls(), [desk.id(20), desk.id(18)]);
}

// proves: SVC-4
#[test]
fn a_container_is_taken_or_refused_as_a_whole() {
    let good = |desk: &Desk, count: i64| -> Vec<_> {
        (0..count).map(|n| (desk.id(n), 1 + 2 * n as u32, query(1))).collect()
    };
    let mut desk = Desk::at_work();
    let mut n = 2000;
    let mut refused = |desk: &mut Desk, body: Bytes, code: i32| {
        n += 1;
        assert_eq!(codes(&desk.send(FIRST, desk.id(n), 4000, &body)), [code]);
        assert!(desk.calls().is_empty());
    };
    let whole = container(&good(&desk, 3));
    refused(&mut desk, whole.slice(..whole.len() - 4), 64);
    refused(&mut desk, [whole.clone(), query(1)].concat().into(), 64);
    refused(&mut desk, whole.slice(..4), 64);
    let too_many = container(&good(&desk, 1025));
    refused(&mut desk, too_many, 64);
    let nested = container(&[(desk.id(0), 0, whole.clone())]);
    refused(&mut desk, nested, 64);
    let later_than_its_container = container(&[(desk.id(9000), 1, query(1))]);
    refused(&mut desk, later_than_its_container, 64);
    let twice = container(&[(desk.id(0), 1, query(1)), (desk.id(0), 1, query(1))]);
    refused(&mut desk, twice, 64);
    let one_bad = [good(&desk, 2), vec![(MsgId(desk.id(2).0 + 1), 5, query(1))]].concat();
    refused(&mut desk, container(&one_bad), 18);
    let mut lying = whole.to_vec();
    lying[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(&mut desk, lying.into(), 64);

    // Empty is fine, and so is as full as can be, in whatever order.
    assert!(codes(&desk.send(FIRST, desk.id(3000), 0, &container(&[]))).is_empty());
    let mut full = good(&desk, 1024);
    full.reverse();
    desk.send(FIRST, desk.id(3001), 4000, &container(&full));
    let calls = desk.calls();
    assert!(calls.len() == 1024 && calls.is_sorted());
}

#[test]
fn a_message_too_old_to_know_is_refused_and_its_neighbours_are_not() {
    let mut desk = Desk::at_work();
    let ancient = MsgId(desk.id(0).0 - (700 << 32));
    let said =
        desk.send(FIRST, desk.id(1), 4, &container(&[(ancient, 1, query(1)), (desk.id(0), 3, query(2))]));
    let notices: Vec<_> = said.iter().filter_map(|s| s.is::<BadMsgNotification>()).collect();
    assert_eq!((notices.len(), notices[0].bad_msg_id, notices[0].error_code), (1, ancient.0, 20));
    assert_eq!(desk.calls(), [desk.id(0)]);
}

#[test]
fn a_message_may_come_late_in_a_new_container() {
    let mut desk = Desk::at_work();
    let old = desk.id(0);
    desk.wait(Duration::from_secs(400));
    desk.send(FIRST, desk.id(1), 2, &container(&[(old, 1, query(1))]));
    assert_eq!(desk.calls(), [old]);
}

// proves: SES-9
// proves: SES-10
#[test]
fn what_was_not_acknowledged_comes_again_on_a_new_path_and_only_there() {
    let mut desk = Desk::at_work();
    let id = desk.id(0);
    desk.send(FIRST, id, 1, &query(1));
    let answer = desk.reply(id, query(9)).remove(0);
    let push = desk.push(5).remove(0);
    assert_eq!((answer.msg_id.0 & 3, push.msg_id.0 & 3), (1, 3));
    // Silence on a stream is no reason.
    for _ in 0..60 {
        desk.wait(Duration::from_secs(2));
        assert!(desk.handle(SessionInput::Wake).is_empty());
    }
    assert!(!desk.needs_updates_too_long());
    // The same names in a new container; the pong does not wait for it.
    desk.wait(Duration::from_secs(1));
    let said = desk.send(SECOND, desk.id(0), 2, &body(&Ping { ping_id: 3 }));
    assert!(said[0].is::<Pong>().is_some());
    let again: Vec<_> = said[1..].iter().map(|s| (s.msg_id, s.seq_no, s.body.clone(), s.path)).collect();
    let same = |s: Said| (s.msg_id, s.seq_no, s.body, SECOND.id);
    assert_eq!(again, [same(answer), same(push)]);
    assert!(said[1].outer == said[2].outer && said[1].outer > said[2].msg_id);
    assert!(desk.needs_updates_too_long(), "a client may drop what is older than its connection");
    // Once per path.
    assert_eq!(desk.send(SECOND, desk.id(1), 2, &body(&Ping { ping_id: 3 })).len(), 1);
}

// proves: SES-9
#[test]
fn there_is_an_end_to_resending() {
    let mut desk = Desk::at_work();
    desk.push(5);
    let mut times = 0;
    for n in 10..20 {
        let path = Path { id: PathId(n), kind: PathKind::Stream };
        let said = desk.send(path, desk.id(n as i64), 2, &body(&Ping { ping_id: 3 }));
        times += said.iter().filter(|s| s.body == query(5)).count();
        assert!(desk.needs_updates_too_long(), "the client hears that something is missing");
    }
    assert_eq!(times, usize::from(limits::RESENDS_MAX));
}

// proves: SES-9
#[test]
fn a_path_that_breaks_sends_its_messages_over_another() {
    let mut desk = Desk::at_work();
    desk.send(SECOND, desk.id(0), 0, &body(&Ping { ping_id: 3 }));
    let push = desk.push(5).remove(0);
    assert_eq!(push.path, SECOND.id);
    let said = desk.handle(SessionInput::PathClosed(SECOND.id));
    assert_eq!((said[0].msg_id, said[0].path), (push.msg_id, FIRST.id));
    assert!(desk.handle(SessionInput::PathClosed(FIRST.id)).is_empty());
    assert!(!desk.session.is_online());
    // What is made meanwhile is named when it leaves, so that no client takes it for old.
    assert!(desk.push(6).is_empty());
    desk.wait(Duration::from_secs(100));
    let third = Path { id: PathId(77), kind: PathKind::Stream };
    let said = desk.send(third, desk.id(0), 0, &body(&Ping { ping_id: 3 }));
    let late = said.iter().find(|s| s.body == query(6)).expect("the push");
    assert!(late.msg_id > MsgId(desk.id(0).0 - (1 << 32)));
}

#[test]
fn on_datagrams_silence_is_a_reason_to_send_again() {
    let mut desk = Desk::at_work();
    desk.send(RADIO, desk.id(0), 0, &body(&Ping { ping_id: 3 }));
    let push = desk.push(5).remove(0);
    let mut at = Vec::new();
    for second in 1..60 {
        desk.wait(Duration::from_secs(1));
        for said in desk.handle(SessionInput::Wake) {
            assert_eq!((said.msg_id, said.path), (push.msg_id, RADIO.id));
            at.push(second);
        }
    }
    assert_eq!(at, [2, 6, 14]);
}

// proves: TR-18
#[test]
fn a_replay_on_another_path_moves_nothing() {
    let mut desk = Desk::at_work();
    let id = desk.id(0);
    desk.send(FIRST, id, 1, &query(1));
    desk.reply(id, query(9));
    let said = desk.send(SECOND, id, 1, &query(1));
    assert_eq!(said[0].path, SECOND.id, "its repeated answer goes where it came from");
    assert_eq!(desk.push(5)[0].path, FIRST.id, "and nothing else does");
}

// proves: TR-17
#[test]
fn queries_are_acknowledged_when_their_answer_takes_long() {
    let mut desk = Desk::at_work();
    let id = desk.id(0);
    assert!(desk.send(FIRST, id, 1, &query(1)).is_empty());
    assert!(
        desk.out
            .iter()
            .any(|o| matches!(o, SessionOutput::WakeAt(at) if *at == desk.now + limits::ACK_WITHIN))
    );
    desk.wait(limits::ACK_WITHIN);
    let said = desk.handle(SessionInput::Wake);
    assert_eq!(said[0].is::<MsgsAck>(), Some(MsgsAck { msg_ids: vec![id.0] }));
    assert_eq!(said[0].seq_no % 2, 0);
    desk.wait(limits::ACK_WITHIN);
    assert!(desk.handle(SessionInput::Wake).is_empty());
}

// proves: SVC-9
#[test]
fn an_answer_acknowledges_its_query() {
    let mut desk = Desk::at_work();
    let (one, two) = (desk.id(0), desk.id(1));
    desk.send(FIRST, one, 1, &query(1));
    desk.send(FIRST, two, 3, &query(2));
    desk.wait(Duration::from_millis(600));
    let said = desk.reply(one, query(9));
    assert_eq!(said[0].answer(), Some((one, query(9))));
    assert_eq!(said[1].is::<MsgsAck>(), Some(MsgsAck { msg_ids: vec![two.0] }), "rides along");
    assert_eq!(desk.reply(two, query(9)).len(), 1);
}

#[test]
fn many_acknowledgements_do_not_wait() {
    let mut desk = Desk::at_work();
    let many: Vec<_> = (0..50).map(|n| (desk.id(n), 1 + 2 * n as u32, query(1))).collect();
    let said = desk.send(FIRST, desk.id(60), 200, &container(&many));
    assert_eq!(said[0].is::<MsgsAck>().map(|ack| ack.msg_ids.len()), Some(50));
}

// proves: SVC-6
#[test]
fn the_state_of_a_message_is_told_truly() {
    let mut desk = Desk::at_work();
    let ids: Vec<_> = (0..8).map(|n| desk.id(n * 4)).collect();
    desk.send(FIRST, ids[1], 1, &query(1)); // runs
    desk.send(FIRST, ids[2], 3, &query(2)); // answered
    desk.reply(ids[2], query(9));
    desk.send(FIRST, ids[3], 4, &body(&Ping { ping_id: 1 }));
    desk.send(FIRST, ids[4], 4, &container(&[]));
    let ours = desk.push(1)[0].msg_id;
    let high = MsgId(desk.id(0).0 + (20 << 32));
    let ancient = MsgId(desk.id(0).0 - (4000 << 32));
    let asked = [ids[1], ids[2], ids[3], ids[4], ids[0], high, ancient, ours];
    assert_eq!(desk.states(&asked), [4 | 32, 4 | 8 | 32 | 64, 4 | 16 | 32, 4 | 16, 2, 3, 1, 1]);
    desk.wait(limits::ACK_WITHIN);
    desk.handle(SessionInput::Wake);
    assert_eq!(desk.states(&[ids[1]]), [4 | 8 | 32]);
}

// proves: SVC-7
#[test]
fn messages_of_ours_are_sent_again_on_demand_or_their_state_is_told() {
    let mut desk = Desk::at_work();
    let (one, two) = (desk.push(1)[0].msg_id, desk.push(2)[0].msg_id);
    let said = desk.send(FIRST, desk.id(0), 1, &body(&MsgResendReq { msg_ids: vec![two.0, one.0, two.0] }));
    assert_eq!(said.iter().map(|s| s.msg_id).collect::<Vec<_>>(), [one, two]);
    let ask = MsgResendReq { msg_ids: vec![one.0, 12345, desk.id(0).0] };
    let said = desk.send(FIRST, desk.id(1), 3, &body(&ask));
    let told: MsgsStateInfo = said[0].is().expect("msgs_state_info");
    assert_eq!((said.len(), told.req_msg_id, told.info.len()), (1, desk.id(1).0, 3));
}

#[test]
fn what_the_client_says_it_has_is_not_kept_and_what_it_lacks_comes_again() {
    let mut desk = Desk::at_work();
    let (one, two) = (desk.push(1)[0].msg_id, desk.push(2)[0].msg_id);
    let told = MsgsAllInfo { msg_ids: vec![one.0, two.0], info: vec![4, 2] };
    let said = desk.send(FIRST, desk.id(0), 0, &body(&told));
    assert_eq!(said.iter().map(|s| s.msg_id).collect::<Vec<_>>(), [two]);
    let said = desk.send(FIRST, desk.id(1), 1, &body(&MsgResendReq { msg_ids: vec![one.0] }));
    assert!(said[0].is::<MsgsStateInfo>().is_some(), "the first is gone");
}

// proves: SVC-10
#[test]
fn an_unwanted_answer_is_dropped_in_three_ways() {
    let mut desk = Desk::at_work();
    let (running, answered) = (desk.id(0), desk.id(1));
    desk.send(FIRST, running, 1, &query(1));
    desk.send(FIRST, answered, 3, &query(2));
    let answer = desk.reply(answered, query(9)).remove(0);
    let drop = |desk: &mut Desk, n: i64, of: MsgId| {
        let ask = body(&RpcDropAnswer { req_msg_id: of.0 });
        let said = desk.send(FIRST, desk.id(n), 2 * n as u32 + 1, &ask);
        said[0].answer().filter(|(to, _)| *to == desk.id(n)).expect("rpc_result").1
    };
    let never_sent = desk.id(4);
    assert_eq!(drop(&mut desk, 5, never_sent), body(&RpcAnswerUnknown));
    assert_eq!(drop(&mut desk, 6, running), body(&RpcAnswerDroppedRunning));
    let dropped = RpcAnswerDropped { msg_id: answer.msg_id.0, seq_no: answer.seq_no as i32, bytes: 4 };
    assert_eq!(drop(&mut desk, 7, answered), body(&dropped));
    assert_eq!(drop(&mut desk, 8, answered), body(&RpcAnswerUnknown));
    // It ran to its end; nobody hears of it.
    assert_eq!(desk.session.call_state(running), CallState::Running);
    assert!(desk.reply(running, query(9)).is_empty());
    assert_eq!(desk.session.call_state(running), CallState::Done);
}

// proves: SVC-11
#[test]
fn as_many_future_salts_as_asked_for() {
    let mut desk = Desk::at_work();
    for (n, asked) in [1, 2, 64].into_iter().enumerate() {
        let said = desk.send(FIRST, desk.id(n as i64), 0, &body(&GetFutureSalts { num: asked }));
        let told: FutureSalts = said[0].is().expect("future_salts");
        assert_eq!((told.salts.len(), told.req_msg_id), (asked as usize, desk.id(n as i64).0));
        assert_eq!((told.now, told.salts[0].salt), (desk.now.unix(), desk.salt.0));
    }
}

// proves: SVC-12
#[test]
fn a_path_closes_when_the_ping_that_keeps_it_open_does_not_come() {
    let mut desk = Desk::at_work();
    let ping = body(&PingDelayDisconnect { ping_id: 4, disconnect_delay: 10 });
    for n in 0..5 {
        assert!(desk.send(FIRST, desk.id(n), 2 * n as u32 + 1, &ping)[0].is::<Pong>().is_some());
        desk.wait(Duration::from_secs(9));
        desk.handle(SessionInput::Wake);
    }
    assert!(desk.session.is_online());
    desk.wait(Duration::from_secs(1));
    desk.handle(SessionInput::Wake);
    assert!(!desk.session.is_online());
    let close = |o: &SessionOutput| matches!(o, SessionOutput::ClosePath { path, reason: CloseReason::PingDelayExpired } if *path == FIRST.id);
    assert_eq!(desk.out.iter().filter(|o| close(o)).count(), 1);
}

// proves: SVC-13
#[test]
fn a_session_may_destroy_others_but_not_itself() {
    let mut desk = Desk::at_work();
    let said = desk.send(FIRST, desk.id(0), 1, &body(&DestroySession { session_id: ME.0 }));
    assert_eq!(said[0].is::<DestroySessionNone>(), Some(DestroySessionNone { session_id: ME.0 }));
    desk.send(FIRST, desk.id(1), 3, &body(&DestroySession { session_id: 5 }));
    let asked = |o: &SessionOutput| matches!(o, SessionOutput::DestroySession { to, session_id: SessionId(5) } if *to == desk.id(1));
    assert!(desk.out.iter().any(asked));
    let said = desk.handle(SessionInput::SessionDestroyed {
        to: desk.id(1),
        session_id: SessionId(5),
        existed: true,
    });
    assert_eq!(said[0].is::<DestroySessionOk>(), Some(DestroySessionOk { session_id: 5 }));
}

// proves: SVC-18
#[test]
fn a_key_is_destroyed_and_its_client_told() {
    let mut desk = Desk::at_work();
    desk.send(FIRST, desk.id(0), 1, &body(&DestroyAuthKey));
    assert!(desk.out.iter().any(|o| matches!(o, SessionOutput::DestroyAuthKey { to } if *to == desk.id(0))));
    let told = |desk: &mut Desk, outcome| {
        desk.handle(SessionInput::AuthKeyDestroyed { to: desk.id(0), outcome }).remove(0).body
    };
    assert_eq!(told(&mut desk, KeyDestruction::Done), body(&DestroyAuthKeyOk));
    assert_eq!(told(&mut desk, KeyDestruction::NoSuchKey), body(&DestroyAuthKeyNone));
    assert_eq!(told(&mut desk, KeyDestruction::Failed), body(&DestroyAuthKeyFail));
}

// proves: SVC-16
#[test]
fn a_packed_query_is_unpacked_and_a_packed_service_message_is_not_served() {
    let mut desk = Desk::at_work();
    let packed = |inner: &[u8]| {
        let long = gzip::pack(Bytes::from([inner, &[0; limits::PACK_BYTES_MIN]].concat()));
        assert_eq!(gzip::constructor(&long), Some(GzipPacked::ID));
        long
    };
    desk.send(FIRST, desk.id(0), 1, &packed(&query(1)));
    desk.send(FIRST, desk.id(1), 3, &packed(&body(&Ping { ping_id: 1 })));
    let starts = desk.out.iter().filter_map(|o| match o {
        SessionOutput::Call(call) => Some(call.body.slice(..4)),
        _ => None,
    });
    let starts: Vec<_> = starts.collect();
    assert_eq!(starts, [query(1), Bytes::copy_from_slice(&Ping::ID.to_le_bytes())]);
    desk.calls();
    let said = desk.send(FIRST, desk.id(2), 5, &body(&GzipPacked { packed_data: vec![1, 2, 3] }));
    let error: RpcError = tl::read(&said[0].answer().expect("an answer").1).expect("rpc_error");
    assert_eq!((error.error_code, error.error_message.as_str()), (400, "INPUT_FETCH_ERROR"));
    assert_eq!(desk.session.call_state(desk.id(2)), CallState::Failed);
    assert!(desk.calls().is_empty());
}

#[test]
fn long_results_are_packed_if_they_shrink() {
    let mut desk = Desk::at_work();
    desk.send(FIRST, desk.id(0), 1, &query(1));
    let long = Bytes::from(b"the same ".repeat(1000));
    let said = desk.reply(desk.id(0), long.clone());
    let (_, result) = said[0].answer().expect("an answer");
    assert!(result.len() < 500);
    assert_eq!(gzip::inflate(&result), Ok(long));
}

// proves: TR-12
#[test]
fn a_message_that_names_too_many_others_ends_its_path() {
    let mut desk = Desk::at_work();
    desk.send(FIRST, desk.id(0), 0, &body(&MsgsAck { msg_ids: vec![1; 8193] }));
    let flood = CloseReason::Misbehaved(TransportError::Flood);
    assert!(
        desk.out.iter().any(|o| matches!(o, SessionOutput::ClosePath { reason, .. } if *reason == flood))
    );
    assert!(!desk.session.is_online());
}

// proves: TR-9
#[test]
fn a_quick_ack_follows_acceptance() {
    let mut desk = Desk::at_work();
    for (seq_no, count) in [(2, 0), (1, 1)] {
        let head = Head { salt: desk.salt, session_id: ME, msg_id: desk.id(0), seq_no };
        let mut packet = seal(&desk.key, Side::Client, head, 4, |p| p.put_slice(&query(1)), &mut desk.dice);
        let opened = open(&desk.key, &mut packet).expect("sealed");
        let token = opened.token;
        desk.handle(SessionInput::Received { path: FIRST, opened, packet: packet.freeze(), quick_ack: true });
        let acks = desk.out.iter().filter(
            |o| matches!(o, SessionOutput::QuickAck { path, token: t } if *path == FIRST.id && *t == token),
        );
        assert_eq!(acks.count(), count);
    }
}

#[test]
fn what_no_session_understands_goes_to_the_api() {
    let mut desk = Desk::at_work();
    desk.send(FIRST, desk.id(0), 1, &[]);
    desk.send(FIRST, desk.id(1), 3, &[0xff; 64]);
    desk.send(FIRST, desk.id(2), 5, &Ping::ID.to_le_bytes()); // cut short
    assert_eq!(desk.calls().len(), 3);
    // And what a client has no reason to say is heard in silence.
    let odd = [body(&HttpWait::default()), body(&Pong::default()), body(&BadMsgNotification::default())];
    for (n, body) in (10..).zip(odd) {
        assert!(desk.send(FIRST, desk.id(n), 6, &body).is_empty());
    }
    assert!(desk.calls().is_empty());
}

#[test]
fn pushes_that_do_not_fit_are_lost_and_the_client_hears_so() {
    let mut desk = Desk::at_work();
    desk.handle(SessionInput::PathClosed(FIRST.id));
    for _ in 0..limits::OUTBOX_MESSAGES_MAX + 1 {
        desk.push(1);
    }
    assert!(!desk.needs_updates_too_long(), "nobody is there");
    let held = desk.session.held_bytes();
    for _ in 0..10_000 {
        desk.push(1);
    }
    assert!(desk.session.held_bytes() <= held, "nothing more is kept for someone who must fetch anyway");
    let said = desk.send(SECOND, desk.id(0), 0, &body(&Ping { ping_id: 1 }));
    assert!(!desk.needs_updates_too_long(), "not on top of a full outbox");
    let ids: Vec<_> = said.iter().map(|s| s.msg_id.0).collect();
    desk.send(SECOND, desk.id(1), 0, &body(&MsgsAck { msg_ids: ids }));
    assert!(desk.needs_updates_too_long());
    desk.wait(Duration::from_secs(1));
    desk.handle(SessionInput::Wake);
    assert!(!desk.needs_updates_too_long(), "once");
}

#[test]
fn what_grew_old_unacknowledged_counts_as_lost_only_after_a_change_of_path() {
    let mut desk = Desk::at_work();
    desk.push(1);
    desk.wait(limits::OUTBOX_REMEMBERED);
    desk.handle(SessionInput::Wake);
    assert!(!desk.needs_updates_too_long(), "Pyrogram never acknowledges its last nine");
    let said = desk.send(SECOND, desk.id(0), 0, &body(&Ping { ping_id: 1 }));
    assert!(said.len() == 1 && desk.needs_updates_too_long());
}

#[test]
fn a_fleeting_push_is_sent_once_if_somebody_is_there() {
    let mut desk = Desk::at_work();
    let typing = || SessionInput::Push { body: query(3), kept: false };
    assert_eq!(desk.handle(typing()).len(), 1);
    assert_eq!(desk.send(SECOND, desk.id(0), 0, &body(&Ping { ping_id: 1 })).len(), 1);
    desk.handle(SessionInput::PathClosed(SECOND.id));
    desk.handle(SessionInput::PathClosed(FIRST.id));
    assert!(desk.handle(typing()).is_empty() && !desk.needs_updates_too_long());
}

#[test]
fn an_answer_that_was_given_up_is_not_promised() {
    let mut desk = Desk::at_work();
    let id = desk.id(0);
    desk.send(FIRST, id, 1, &query(1));
    desk.reply(id, query(9));
    desk.calls();
    desk.wait(limits::OUTBOX_REMEMBERED);
    assert_eq!(desk.states(&[id]), [1]);
    assert_eq!(codes(&desk.send(FIRST, id, 1, &query(1))), [20]);
    assert!(desk.calls().is_empty());
    assert_eq!(desk.session.call_state(id), CallState::Done);
}

#[test]
fn the_state_of_a_call_is_known() {
    let mut desk = Desk::at_work();
    let id = desk.id(0);
    assert_eq!(desk.session.call_state(id), CallState::Unknown);
    desk.send(FIRST, id, 1, &query(1));
    assert_eq!(desk.session.call_state(id), CallState::Running);
    desk.reply(id, body(&RpcError { error_code: 400, error_message: "X".into() }));
    assert_eq!(desk.session.call_state(id), CallState::Failed);
}

// proves: SES-3
#[test]
fn ids_of_the_server_stay_above_the_floor() {
    let mut desk = Desk::new();
    let floor = MsgId::at(desk.now + Duration::from_secs(5));
    desk.session = Session::new(ME, floor);
    let said = desk.send(FIRST, desk.id(0), 0, &body(&Ping { ping_id: 1 }));
    assert!(said.iter().all(|s| s.msg_id > floor));
    assert!(desk.session.last_msg_id() >= said.last().expect("said").outer);
}

#[test]
fn several_replies_share_a_packet_when_fed_together() {
    let mut desk = Desk::at_work();
    let ids: Vec<_> = (0..3).map(|n| desk.id(n)).collect();
    for (n, id) in ids.iter().enumerate() {
        desk.send(FIRST, *id, 1 + 2 * n as u32, &query(1));
    }
    let mut env = Env { now: desk.now, dice: &mut desk.dice };
    let mut shared = Shared { key: &desk.key, salts: &mut desk.salts };
    let mut out = Vec::new();
    for id in ids {
        desk.session.feed(&mut env, &mut shared, SessionInput::Reply { to: id, body: query(9) }, &mut out);
    }
    assert!(out.is_empty());
    desk.session.flush(&mut env, &mut shared, &mut out);
    assert_eq!(out.iter().filter(|o| matches!(o, SessionOutput::Send { .. })).count(), 1);
}

#[test]
fn an_idle_session_is_small() {
    let mut desk = Desk::at_work();
    assert!(desk.session.held_bytes() <= 2048, "{} bytes", desk.session.held_bytes());
    for n in 0..500 {
        desk.send(FIRST, desk.id(n), 1 + 2 * n as u32, &query(1));
        let said = desk.reply(desk.id(n), query(9));
        desk.send(FIRST, desk.id(n), 0, &body(&MsgsAck { msg_ids: vec![said[0].msg_id.0] }));
        let ack = body(&MsgsAck { msg_ids: said.iter().map(|s| s.msg_id.0).collect() });
        desk.send(FIRST, desk.id(1000 + n), 0, &ack);
    }
    desk.wait(limits::RECEIVED_REMEMBERED + Duration::from_secs(2));
    desk.handle(SessionInput::Wake);
    assert!(desk.session.held_bytes() <= 2048, "{} bytes", desk.session.held_bytes());
}
