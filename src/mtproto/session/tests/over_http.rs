//! HTTP: one response to each request, with what there is to be said, when it is due.

use super::*;

const OTHER: Path = Path { id: PathId(5), kind: PathKind::Http };

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A desk whose client speaks over HTTP and has been welcomed.
fn at_work() -> Desk {
    let mut desk = Desk::new();
    let said = desk.send(WEB, desk.id(-10), 0, &body(&Ping { ping_id: 1 }));
    let welcome = said.iter().find(|s| s.is::<NewSessionCreated>().is_some()).expect("welcome").msg_id;
    assert!(said.iter().any(|s| s.is::<Pong>().is_some()), "all in one response");
    assert!(said.iter().all(|s| s.outer == said[0].outer));
    assert!(desk.push(1).is_empty(), "no request is open");
    let said = desk.send(WEB, desk.id(-9), 0, &body(&MsgsAck { msg_ids: vec![welcome.0] }));
    assert_eq!(said.len(), 1);
    let ack = desk.send(WEB, desk.id(-8), 0, &body(&MsgsAck { msg_ids: vec![said[0].msg_id.0] }));
    assert!(ack.is_empty(), "nothing to say yet");
    desk.wait(Duration::from_secs(25));
    assert!(desk.handle(SessionInput::Wake).is_empty(), "an empty container");
    desk.out.clear();
    desk
}

/// How many packets came out, even empty ones.
fn responses(desk: &mut Desk, input: SessionInput) -> usize {
    let mut env = Env { now: desk.now, dice: &mut desk.dice };
    let mut shared = Shared { key: &desk.key, salts: &mut desk.salts };
    let mut out = Vec::new();
    desk.session.handle(&mut env, &mut shared, input, &mut out);
    out.iter().filter(|output| matches!(output, SessionOutput::Send { .. })).count()
}

fn wait(max_delay: i32, wait_after: i32, max_wait: i32) -> Bytes {
    body(&HttpWait { max_delay, wait_after, max_wait })
}

// proves: SVC-19
#[test]
fn a_request_that_nothing_is_said_to_ends_with_an_empty_container() {
    let mut desk = at_work();
    for (ask, millis_to_wait) in [(wait(0, 0, 3000), 3000), (body(&MsgsAck::default()), 25_000)] {
        assert!(desk.send(WEB, desk.id(0), 0, &ask).is_empty());
        desk.wait(millis(millis_to_wait - 1));
        assert_eq!(responses(&mut desk, SessionInput::Wake), 0);
        desk.wait(millis(1));
        assert_eq!(responses(&mut desk, SessionInput::Wake), 1);
        assert_eq!(responses(&mut desk, SessionInput::Wake), 0);
    }
}

// proves: SVC-19
#[test]
fn a_session_asks_to_be_woken_when_a_response_is_due() {
    let mut desk = at_work();
    desk.send(WEB, desk.id(0), 0, &wait(500, 150, 3000));
    let wakes = |desk: &mut Desk| {
        let wakes = std::mem::take(&mut desk.out).into_iter().filter_map(|o| match o {
            SessionOutput::WakeAt(at) => Some(at),
            _ => None,
        });
        wakes.min()
    };
    assert_eq!(wakes(&mut desk), Some(desk.now + millis(3000)));
    desk.wait(millis(1000));
    assert!(desk.push(3).is_empty());
    assert_eq!(wakes(&mut desk), Some(desk.now + millis(150)));
    desk.wait(millis(100));
    assert!(desk.push(4).is_empty());
    desk.wait(millis(50));
    assert!(desk.handle(SessionInput::Wake).is_empty(), "another message came");
    desk.wait(millis(100));
    let said = desk.handle(SessionInput::Wake);
    assert_eq!(said.iter().map(|s| s.body.clone()).collect::<Vec<_>>(), [query(3), query(4)]);
    assert_eq!(said[0].outer, said[1].outer);
}

#[test]
fn answers_go_to_the_newest_request_and_the_older_one_goes_on_waiting() {
    let mut desk = at_work();
    assert!(desk.send(WEB, desk.id(0), 0, &wait(0, 0, 25_000)).is_empty());
    let id = desk.id(1);
    assert!(desk.send(OTHER, id, 1, &query(1)).is_empty());
    assert_eq!(desk.calls(), [id]);
    let said = desk.reply(id, query(9));
    assert_eq!((said.len(), said[0].path, said[0].answer()), (1, OTHER.id, Some((id, query(9)))));
    let said = desk.push(5);
    assert_eq!((said.len(), said[0].path), (1, WEB.id));
    assert!(desk.push(6).is_empty(), "both are answered");
    let said = desk.send(OTHER, desk.id(2), 2, &wait(0, 0, 25_000));
    assert_eq!((said.len(), said[0].body.clone()), (1, query(6)), "what waited is said at once");
}

#[test]
fn an_acknowledgement_alone_is_no_reason_to_answer() {
    let mut desk = at_work();
    let id = desk.id(0);
    desk.send(WEB, id, 1, &query(1));
    desk.wait(Duration::from_secs(20));
    assert!(desk.handle(SessionInput::Wake).is_empty());
    desk.wait(Duration::from_secs(5));
    let said = desk.handle(SessionInput::Wake);
    let ack: Vec<MsgsAck> = said.iter().filter_map(Said::is).collect();
    assert_eq!(ack, [MsgsAck { msg_ids: vec![id.0] }], "it goes instead of nothing");
}

// proves: SES-9
#[test]
fn what_died_with_a_connection_comes_again_unless_it_did_not_die() {
    let mut desk = at_work();
    desk.send(WEB, desk.id(0), 0, &wait(0, 0, 25_000));
    let push = desk.push(5).remove(0);
    // The connection is used again: the response has arrived, however long its acknowledgement takes.
    assert!(desk.send(WEB, desk.id(1), 0, &wait(0, 0, 25_000)).is_empty());
    assert!(desk.send(OTHER, desk.id(2), 0, &wait(0, 0, 25_000)).is_empty());
    // It serves another session.
    desk.handle(SessionInput::PathLeft(WEB.id));
    desk.wait(Duration::from_secs(25));
    desk.handle(SessionInput::Wake);
    assert!(desk.send(OTHER, desk.id(3), 0, &wait(0, 0, 25_000)).is_empty());
    assert!(!desk.needs_updates_too_long());
    // It ends with the message on it.
    let second = desk.push(6).remove(0);
    assert_eq!(second.path, OTHER.id);
    assert_eq!(responses(&mut desk, SessionInput::PathClosed(OTHER.id)), 0);
    let said = desk.send(WEB, desk.id(4), 0, &body(&MsgsAck { msg_ids: vec![push.msg_id.0] }));
    assert_eq!(said.iter().map(|s| s.msg_id).collect::<Vec<_>>(), [second.msg_id]);
    assert!(said[0].outer > second.msg_id, "in a new container");
    assert!(desk.needs_updates_too_long());
}

#[test]
fn a_client_with_a_connection_for_each_request_hears_nothing_twice() {
    let mut desk = at_work();
    let mut last = Vec::new();
    for n in 10..30 {
        let path = Path { id: PathId(n), kind: PathKind::Http };
        assert!(desk.push(n as u8).is_empty());
        let ack = body(&MsgsAck { msg_ids: std::mem::take(&mut last) });
        let said = desk.send(path, desk.id(n as i64), 0, &ack);
        assert_eq!(said.iter().map(|s| s.body.clone()).collect::<Vec<_>>(), [query(n as u8)]);
        last = said.iter().map(|s| s.msg_id.0).collect();
        desk.handle(SessionInput::PathClosed(path.id));
        assert!(!desk.needs_updates_too_long());
    }
}

// proves: SES-11
#[test]
fn whoever_replays_a_packet_over_http_is_answered_at_once_and_gets_nothing_else() {
    let mut desk = at_work();
    let (id, ask) = (desk.id(0), wait(0, 0, 25_000));
    assert!(desk.send(WEB, id, 0, &ask).is_empty());
    let head = Head { salt: desk.salt, session_id: ME, msg_id: id, seq_no: 0 };
    let write = |packet: &mut BytesMut| packet.put_slice(&ask);
    let mut packet = seal(&desk.key, Side::Client, head, ask.len(), write, &mut desk.dice);
    let opened = open(&desk.key, &mut packet).expect("sealed by the client");
    let packet = packet.freeze();
    assert_eq!(
        responses(&mut desk, SessionInput::Received { path: OTHER, opened, packet, quick_ack: false }),
        1
    );
    let said = desk.push(7);
    assert_eq!((said.len(), said[0].path), (1, WEB.id));
}

#[test]
fn whoever_is_refused_is_told_in_the_response() {
    let mut desk = at_work();
    let salt = Salt(desk.salt.0 ^ 1);
    let said = desk.send_with(salt, WEB, desk.id(0), 0, &wait(0, 0, 25_000));
    assert!(said.len() == 1 && said[0].is::<BadServerSalt>().is_some());
    assert_eq!(codes(&desk.send(WEB, MsgId(desk.id(1).0 + 1), 0, &wait(0, 0, 25_000))), [18]);
    assert!(desk.push(7).is_empty(), "no request is open");
}

#[test]
fn what_does_not_fit_one_response_waits_for_the_next() {
    let mut desk = at_work();
    for n in 0..250 {
        assert!(desk.push(n).is_empty());
    }
    let mut heard = Vec::new();
    for (n, expected) in [(0, 100), (1, 100), (2, 50)] {
        let said = desk.send(WEB, desk.id(n), 0, &wait(0, 0, 25_000));
        assert_eq!(said.len(), expected);
        heard.extend(said.into_iter().map(|s| s.body));
    }
    assert_eq!(heard, (0..250).map(query).collect::<Vec<_>>());
}
