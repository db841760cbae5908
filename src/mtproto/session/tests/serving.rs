//! Service messages and their answers.

use super::*;

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
    let close = |o: &SessionOutput| match o {
        SessionOutput::ClosePath { path, reason } => {
            *path == FIRST.id && matches!(reason, CloseReason::PingDelayExpired)
        }
        _ => false,
    };
    assert_eq!(desk.out.iter().filter(|o| close(o)).count(), 1);
}

// proves: SVC-13
#[test]
fn a_session_may_destroy_others_but_not_itself() {
    let mut desk = Desk::at_work();
    let said = desk.send(FIRST, desk.id(0), 1, &body(&DestroySession { session_id: ME.0 }));
    assert_eq!(said[0].is::<DestroySessionNone>(), Some(DestroySessionNone { session_id: ME.0 }));
    desk.send(FIRST, desk.id(1), 3, &body(&DestroySession { session_id: 5 }));
    let asked = |o: &SessionOutput| match o {
        SessionOutput::DestroySession { to, session_id } => *session_id == SessionId(5) && *to == desk.id(1),
        _ => false,
    };
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
