//! What is accepted, refused, repeated, handed on.

use super::*;

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
    let low = container(&[(desk.id(25), 7, query(7))]);
    assert_eq!(codes(&desk.send(FIRST, desk.id(26), 12, &low)), [32]);
    let both = container(&[(desk.id(22), 11, query(5)), (desk.id(23), 11, query(6))]);
    assert_eq!(codes(&desk.send(FIRST, desk.id(24), 12, &both)), [32]);
    // Both wait a moment for the numbers that were skipped.
    let ids = [desk.id(18), desk.id(20)];
    desk.wait(limits::HELD_FOR);
    desk.handle(SessionInput::Wake);
    assert_eq!(desk.calls(), ids);
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
    let ragged = Bytes::from_static(&[1; 6]);
    let ragged = container(&[(desk.id(0), 1, ragged.clone()), (desk.id(1), 3, ragged)]);
    refused(&mut desk, ragged, 64);
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

// proves: SES-4
#[test]
fn what_fell_out_of_the_ledger_is_refused_though_it_is_young() {
    let mut desk = Desk::at_work();
    for (outer, first) in [(3000, 0), (3001, 1024)] {
        let many: Vec<_> = (first..first + 1024).map(|n| (desk.id(n), 1 + 2 * n as u32, query(1))).collect();
        desk.send(FIRST, desk.id(outer), 4096, &container(&many));
    }
    assert_eq!(codes(&desk.send(FIRST, desk.id(-5), 0, &body(&Ping { ping_id: 1 }))), [20]);
    assert_eq!(desk.calls().len(), 2048);
}

// proves: SES-3, SES-4
#[test]
fn a_session_that_is_taken_up_again_takes_nothing_twice_and_stays_below_its_promise() {
    let mut desk = Desk::at_work();
    let ping = body(&Ping { ping_id: 1 });
    desk.session.forget_up_to(desk.id(5));
    assert_eq!(codes(&desk.send(FIRST, desk.id(5), 0, &ping)), [20]);
    assert_eq!(codes(&desk.send(FIRST, desk.id(6), 0, &ping)), []);
    let promised = desk.now + Duration::from_secs(5);
    desk.session.name_up_to(MsgId::at(promised));
    desk.wait(Duration::from_secs(10));
    let pushed = |said: &[Said], n| said.iter().find(|s| s.body == query(n)).expect("sent").msg_id.secs();
    assert_eq!(pushed(&desk.push(7), 7), promised.secs() as i64);
    desk.session.name_up_to(MsgId::at(promised + Duration::from_secs(600)));
    assert_eq!(pushed(&desk.push(8), 8), desk.now.secs() as i64);
}

#[test]
fn a_message_may_come_late_in_a_new_container() {
    let mut desk = Desk::at_work();
    let old = desk.id(0);
    desk.wait(Duration::from_secs(400));
    desk.send(FIRST, desk.id(1), 2, &container(&[(old, 1, query(1))]));
    assert_eq!(desk.calls(), [old]);
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

// proves: SES-13
#[test]
fn what_one_packet_unpacks_to_is_bounded() {
    let mut desk = Desk::at_work();
    let long = [&query(1)[..], &[0; 40_000]].concat();
    let packed = gzip::pack(Bytes::from(long.clone()));
    assert_eq!(gzip::constructor(&packed), Some(GzipPacked::ID));
    let fits = limits::UNPACKED_BYTES_PER_PACKET_MAX.div_ceil(long.len());
    let numbers = 0..fits as i64 + 5;
    let messages: Vec<_> = numbers.map(|n| (desk.id(n), 1 + 2 * n as u32, packed.clone())).collect();
    let said = desk.send(FIRST, desk.id(2000), 4000, &container(&messages));
    let refused = said.iter().filter_map(Said::answer).filter(|(_, answer)| {
        tl::read::<RpcError>(answer).is_ok_and(|error| error.error_message == "INPUT_REQUEST_TOO_LONG")
    });
    let refused = refused.count();
    assert_eq!((desk.calls().len(), refused), (fits, 5));
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

// proves: SES-11
#[test]
fn a_replay_from_another_address_moves_nothing() {
    let elsewhere = Path { id: PathId(9), kind: PathKind::Datagram };
    let mut desk = Desk::at_work();
    let (old, new) = (desk.id(0), desk.id(1));
    desk.send(RADIO, old, 1, &query(1));
    desk.send(RADIO, new, 3, &query(2));
    // What was recorded, from an address that its sender has proven.
    desk.send(elsewhere, old, 1, &query(1));
    desk.send(elsewhere, new, 3, &query(2));
    assert_eq!(desk.push(5)[0].path, RADIO.id);
    // What was held back, so that it is new, but older than the newest.
    desk.send(elsewhere, MsgId(new.0 - 2 * 4), 0, &body(&Ping { ping_id: 3 }));
    assert_eq!(desk.push(6)[0].path, RADIO.id);
    // Only what is newer.
    desk.send(elsewhere, desk.id(2), 4, &body(&Ping { ping_id: 3 }));
    assert_eq!(desk.push(7)[0].path, elsewhere.id);
}

// proves: SVC-17
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

// proves: SES-12
#[test]
fn calls_start_in_the_order_of_their_ids() {
    let mut desk = Desk::at_work();
    let (one, two, three, four) = (desk.id(0), desk.id(1), desk.id(2), desk.id(3));
    let backwards = container(&[(two, 3, query(2)), (one, 1, query(1))]);
    desk.send(FIRST, desk.id(10), 4, &backwards);
    assert_eq!(desk.calls(), [one, two]);
    // Somebody lets the fourth pass before the third.
    desk.send(FIRST, four, 7, &query(4));
    assert!(desk.calls().is_empty());
    assert_eq!(desk.session.call_state(four), CallState::Running);
    desk.send(FIRST, three, 5, &query(3));
    assert_eq!(desk.calls(), [three, four]);
    // A number that never comes is not waited for.
    let six = desk.id(20);
    desk.send(FIRST, six, 11, &query(6));
    assert!(desk.calls().is_empty());
    let due = desk.now + limits::HELD_FOR;
    assert!(desk.out.iter().any(|o| matches!(o, SessionOutput::WakeAt(at) if *at == due)));
    desk.wait(limits::HELD_FOR);
    desk.handle(SessionInput::Wake);
    assert_eq!(desk.calls(), [six]);
}

// proves: SVC-1
#[test]
fn what_does_not_open_is_not_explained() {
    let mut desk = Desk::at_work();
    let head = Head { salt: Salt(0), session_id: ME, msg_id: MsgId(1), seq_no: 2 };
    let mut packet = seal(&desk.key, Side::Client, head, 4, |p| p.put_slice(&query(1)), &mut desk.dice);
    packet[30] ^= 1;
    // There is nothing to give to a session: salt, msg_id and seq_no are all wrong, and nobody can tell.
    assert_eq!(open(&desk.key, &mut packet), Err(NotAuthentic));
}

#[test]
fn no_bytes_of_a_client_make_a_session_panic_or_swell() {
    use env::Dice as _;
    let mut desk = Desk::at_work();
    let mut dice = SeededDice::new(11);
    let heads = [
        MsgContainer::ID,
        MsgsAck::ID,
        MsgsStateReq::ID,
        MsgResendReq::ID,
        MsgsAllInfo::ID,
        GzipPacked::ID,
        GetFutureSalts::ID,
        RpcDropAnswer::ID,
        PingDelayDisconnect::ID,
        RpcResult::ID,
    ];
    for n in 0..20_000 {
        let mut body = vec![0; 4 * dice.below(40) as usize];
        dice.fill(&mut body);
        // Mostly zeros after a head that means something: small counts, low ids, what parsers walk into.
        for byte in &mut body {
            if dice.below(4) > 0 {
                *byte = 0;
            }
        }
        if let Some(head) = body.first_chunk_mut() {
            *head = heads[dice.below(heads.len() as u64) as usize].to_le_bytes();
        }
        let inside = [(desk.id(n), dice.below(100) as u32, Bytes::from(body.clone()))];
        let body = if n % 2 == 0 { container(&inside) } else { body.into() };
        let seq_no = if n % 2 == 0 { 0 } else { dice.u32() };
        desk.send(FIRST, MsgId(desk.id(n).0 + 4 * dice.below(8) as i64), seq_no, &body);
        desk.wait(Duration::from_millis(dice.below(20)));
        desk.out.clear();
    }
    assert!(desk.session.held_bytes() < 256 * 1024, "{} bytes", desk.session.held_bytes());
}
