//! What leaves, when, how often, and over which path.

use env::Dice as _;

use super::*;

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
    for half_second in 1..120 {
        desk.wait(Duration::from_millis(500));
        for said in desk.handle(SessionInput::Wake) {
            assert_eq!((said.msg_id, said.path), (push.msg_id, RADIO.id));
            at.push(half_second);
        }
    }
    assert_eq!(at, [1, 3, 7, 15, 31]);
}

// proves: UDP-5
#[test]
fn a_datagram_holds_what_fits_into_one() {
    let mut desk = Desk::at_work();
    let mut dice = SeededDice::new(4);
    desk.send(RADIO, desk.id(0), 0, &body(&Ping { ping_id: 3 }));
    desk.handle(SessionInput::PathClosed(RADIO.id));
    desk.handle(SessionInput::PathClosed(FIRST.id));
    for _ in 0..30 {
        let mut words = vec![0; 4 * (1 + dice.below(90) as usize)];
        dice.fill(&mut words);
        desk.handle(SessionInput::Push { body: words.into(), kept: true });
    }
    let head = Head { salt: desk.salt, session_id: ME, msg_id: desk.id(1), seq_no: 0 };
    let ping = body(&Ping { ping_id: 3 });
    let write = |packet: &mut BytesMut| packet.put_slice(&ping);
    let mut packet = seal(&desk.key, Side::Client, head, ping.len(), write, &mut desk.dice);
    let opened = open(&desk.key, &mut packet).expect("sealed by the client");
    let packet = packet.freeze();
    let mut out = Vec::new();
    let input = SessionInput::Received { path: RADIO, opened, packet, quick_ack: false };
    let mut shared = Shared { key: &desk.key, salts: &mut desk.salts };
    desk.session.handle(&mut Env { now: desk.now, dice: &mut desk.dice }, &mut shared, input, &mut out);
    let sizes: Vec<_> = out
        .iter()
        .filter_map(|o| match o {
            SessionOutput::Send { packet, .. } => Some(packet.len()),
            _ => None,
        })
        .collect();
    assert!(
        sizes.len() > 3 && sizes.iter().all(|size| *size <= crate::limits::DATAGRAM_BYTES_MAX),
        "{sizes:?}"
    );
}

// proves: UDP-9
#[test]
fn what_is_too_long_for_datagrams_is_announced_and_waits_for_a_stream() {
    let mut desk = Desk::at_work();
    desk.send(RADIO, desk.id(0), 0, &body(&Ping { ping_id: 3 }));
    let id = desk.id(1);
    desk.send(RADIO, id, 1, &query(1));
    let mut long = vec![0; 100_000];
    SeededDice::new(4).fill(&mut long);
    let long = Bytes::from(long);
    let said = desk.reply(id, long.clone());
    let told = said[0].is::<MsgDetailedInfo>().expect("an announcement");
    assert_eq!((said.len(), told.msg_id, told.bytes), (1, id.0, 100_000));
    desk.wait(limits::RESEND_AFTER);
    let said = desk.handle(SessionInput::Wake);
    let again = said.iter().filter_map(Said::is::<MsgDetailedInfo>).next().expect("it may have been lost");
    assert_eq!(again, told);
    let said = desk.send(SECOND, desk.id(2), 2, &body(&Ping { ping_id: 3 }));
    let answer = said.iter().find(|s| s.msg_id.0 == told.answer_msg_id).expect("the answer");
    assert_eq!(answer.answer(), Some((id, long)));
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

#[test]
fn long_results_are_packed_if_they_shrink() {
    let mut desk = Desk::at_work();
    desk.send(FIRST, desk.id(0), 1, &query(1));
    let long = Bytes::from(b"the same ".repeat(4000));
    let said = desk.reply(desk.id(0), long.clone());
    let (_, result) = said[0].answer().expect("an answer");
    assert!(result.len() < 500);
    assert_eq!(gzip::inflate(&result), Ok(long));
}

// proves: SES-15
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

// proves: SES-15
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
