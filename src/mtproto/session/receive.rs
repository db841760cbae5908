//! A packet of the client, from the salt on: who is told what, and which calls it makes.

use bytes::Bytes;
use env::{Env, Time};
use tl::service::{
    BadMsgNotification, BadServerSalt, DestroySessionNone, FutureSalt, FutureSalts, GzipPacked,
    MsgDetailedInfo, MsgsStateInfo, NewSessionCreated, Pong, RpcAnswerDropped, RpcAnswerDroppedRunning,
    RpcAnswerUnknown, RpcError,
};

use super::bad_msg::BadMsg;
use super::gzip::{self, InflateError};
use super::inbox::{self, Message, Standing};
use super::io::{Call, CloseReason, Overrun, Path, PathId, PathKind, SessionOutput, Shared};
use super::ledger::{Fate, Known};
use super::limits::{DISCONNECT_DELAY_MAX, REANSWER_BYTES_MAX, UNPACKED_BYTES_PER_PACKET_MAX};
use super::outbox::Kind;
use super::seal::Opened;
use super::service::{self, Reading, Service};
use super::{Announced, Session};
use crate::error::TransportError;
use crate::ids::MsgId;

impl Session {
    #[expect(clippy::too_many_arguments, reason = "the parts of one input, borrowed")]
    pub(super) fn receive(
        &mut self,
        env: &mut Env<'_>,
        shared: &mut Shared<'_>,
        path: Path,
        opened: &Opened,
        packet: &Bytes,
        quick_ack: bool,
        out: &mut Vec<SessionOutput>,
    ) {
        let Opened { salt, msg_id, seq_no, .. } = *opened;
        // spec: SES-7
        if !shared.salts.is_valid(env, salt) {
            let notice = BadServerSalt {
                bad_msg_id: msg_id.0,
                bad_msg_seqno: seq_no.cast_signed(),
                error_code: BadMsg::Salt.code(),
                new_server_salt: shared.salts.current(env).0,
            };
            self.say(path.id, service::write(&notice));
            self.answer_now(path);
            return;
        }
        if packet.get(opened.body.clone()).is_none() {
            self.answer_now(path);
            return;
        }
        let body = packet.slice(opened.body.clone());
        let accepted = match inbox::examine(&self.ledger, msg_id, seq_no, body, env.now) {
            Ok(accepted) => accepted,
            Err(bad) => {
                out.extend(bad.overrun().map(once));
                self.refuse(path.id, msg_id, seq_no, bad);
                self.answer_now(path);
                return;
            }
        };
        // spec: TR-9
        if quick_ack {
            out.push(SessionOutput::QuickAck { path: path.id, token: opened.token });
        }
        if accepted.in_container {
            self.ledger.insert(msg_id, seq_no, Fate::Container);
        }
        // A lone repetition may be somebody else's replay: it is answered where it came from, and moves nothing.
        let is_news = accepted.in_container || accepted.messages.iter().any(|m| m.standing == Standing::New);
        if !is_news {
            self.answer_now(path);
        } else {
            let before = self.paths.current();
            self.paths.note(path, msg_id);
            if path.kind == PathKind::Http {
                self.paths.asked(path.id, env.now);
            }
            let current = self.paths.current();
            let fresh = accepted.messages.iter().filter(|m| m.standing == Standing::New).map(|m| m.msg_id);
            let lowest = fresh.min().unwrap_or(msg_id);
            let moved = |current: &Path| current.kind != PathKind::Http && before != Some(*current);
            if let Some(current) = current.filter(moved).filter(|_| !self.is_blank()) {
                self.resume(current.id);
            }
            self.announce(env, shared, lowest);
        }
        let mut unpack_budget = UNPACKED_BYTES_PER_PACKET_MAX;
        for message in accepted.messages {
            if message.standing == Standing::New && message.is_content() {
                self.order.note(message.seq_no / 2);
            }
            match message.standing {
                Standing::New => self.take(env, shared, path.id, message, &mut unpack_budget, out),
                Standing::Repeated => self.take_again(env, shared, path.id, &message),
                Standing::TooOld => self.refuse(path.id, message.msg_id, message.seq_no, BadMsg::TooOld),
            }
        }
        if is_news && path.kind == PathKind::Http {
            self.resume_http(path.id);
        }
        out.extend(self.order.release(env.now).into_iter().map(SessionOutput::Call));
    }

    /// Tells the client, once, that nothing was known of this session, and again whenever a message turns up that is
    /// older than those it was told about.
    fn announce(&mut self, env: &mut Env<'_>, shared: &mut Shared<'_>, msg_id: MsgId) {
        // spec: SVC-14
        let unique_id = match self.announced {
            Some(announced) if announced.first_msg_id <= msg_id => return,
            Some(announced) => announced.unique_id,
            None => env.dice.u64().cast_signed(),
        };
        self.announced = Some(Announced { first_msg_id: msg_id, unique_id });
        let server_salt = shared.salts.current(env).0;
        let notice = NewSessionCreated { first_msg_id: msg_id.0, unique_id, server_salt };
        self.keep(Kind::NewSession, service::write(&notice), env.now);
    }

    /// A message that was not received before.
    fn take(
        &mut self,
        env: &mut Env<'_>,
        shared: &mut Shared<'_>,
        path: PathId,
        message: Message,
        unpack_budget: &mut usize,
        out: &mut Vec<SessionOutput>,
    ) {
        let Message { msg_id, seq_no, .. } = message;
        match service::read(&message.body) {
            Reading::Service(service) => {
                self.ledger.insert(msg_id, seq_no, Fate::Service);
                // A pong says enough.
                if message.is_content() && !matches!(service, Service::Ping { .. }) {
                    self.ack(msg_id, env.now);
                }
                self.serve(env, shared, path, msg_id, service, out);
            }
            Reading::TooManyIds => {
                // spec: TR-12
                self.ledger.insert(msg_id, seq_no, Fate::Service);
                self.close_path(path);
                let reason = CloseReason::Misbehaved(TransportError::Flood);
                out.push(once(Overrun::Ids));
                out.push(SessionOutput::ClosePath { path, reason });
            }
            Reading::Query => {
                // The ledger knows it before anybody runs it.
                self.ledger.insert(msg_id, seq_no, Fate::Running);
                self.ack(msg_id, env.now);
                match unpacked(message.body, unpack_budget) {
                    Ok(body) => self.order.add(seq_no / 2, Call { msg_id, body, path }, env.now),
                    Err(error) => {
                        out.extend(error.overrun().map(once));
                        let error_message = match error {
                            InflateError::TooLarge => "INPUT_REQUEST_TOO_LONG",
                            InflateError::Damaged | InflateError::Nested => "INPUT_FETCH_ERROR",
                        };
                        let error = RpcError { error_code: 400, error_message: error_message.into() };
                        self.reply(msg_id, service::write(&error), env.now);
                    }
                }
            }
        }
    }

    /// A message that was received before: nothing is executed, but what was said may be said again.
    fn take_again(&mut self, env: &mut Env<'_>, shared: &mut Shared<'_>, path: PathId, message: &Message) {
        // spec: SVC-8
        let msg_id = message.msg_id;
        let Some(fate) = self.ledger.row(msg_id).map(|row| row.fate) else { return };
        match fate {
            Fate::Running | Fate::Unwanted | Fate::Over | Fate::Container => {
                self.ack(msg_id, env.now);
                self.acks_now = true;
            }
            Fate::Answered => self.answer_again(path, msg_id),
            Fate::Forgotten => self.refuse(path, msg_id, message.seq_no, BadMsg::TooOld),
            // A question that only reads is simply answered anew: the answer may have been lost.
            Fate::Service => match service::read(&message.body) {
                Reading::Service(service @ (Service::AskState(_) | Service::FutureSalts(_))) => {
                    self.serve(env, shared, path, msg_id, service, &mut Vec::new());
                }
                Reading::Service(Service::Ping { ping_id, .. }) => self.pong(path, msg_id, ping_id),
                _ if message.is_content() => {
                    self.ack(msg_id, env.now);
                    self.acks_now = true;
                }
                _ => {}
            },
        }
    }

    /// Sends the answer to `query` again, or tells of it if it is long.
    fn answer_again(&mut self, path: PathId, query: MsgId) {
        let Some(kept) = self.outbox.answer(query) else { return };
        let Some(sent) = kept.sent else { return };
        if kept.body.len() <= REANSWER_BYTES_MAX {
            self.again.push((path, sent.msg_id));
        } else {
            let told = MsgDetailedInfo {
                msg_id: query.0,
                answer_msg_id: sent.msg_id.0,
                bytes: i32::try_from(kept.body.len()).unwrap_or(i32::MAX),
                status: 0,
            };
            self.say(path, service::write(&told));
        }
    }

    fn serve(
        &mut self,
        env: &mut Env<'_>,
        shared: &mut Shared<'_>,
        path: PathId,
        msg_id: MsgId,
        service: Service,
        out: &mut Vec<SessionOutput>,
    ) {
        match service {
            Service::Ack(ids) => ids.into_iter().for_each(|id| self.client_has(id)),
            Service::Ping { ping_id, disconnect_delay } => {
                self.pong(path, msg_id, ping_id);
                if let Some(secs) = disconnect_delay {
                    let delay = std::time::Duration::from_secs(secs.into()).min(DISCONNECT_DELAY_MAX);
                    self.paths.disconnect_after(path, delay, env.now);
                }
            }
            Service::AskState(ids) => self.tell_state(path, msg_id, &ids, env.now),
            Service::Resend(ids) => {
                // spec: SVC-7
                if ids.iter().all(|id| self.outbox.find(*id).is_some()) {
                    self.again.extend(ids.into_iter().map(|id| (path, id)));
                } else {
                    self.tell_state(path, msg_id, &ids, env.now);
                }
            }
            Service::ResendAnswers(ids) => {
                let answers: Option<Vec<_>> = ids
                    .iter()
                    .map(|id| self.outbox.answer(*id)?.sent.map(|sent| (path, sent.msg_id)))
                    .collect();
                match answers {
                    Some(answers) => self.again.extend(answers),
                    None => self.tell_state(path, msg_id, &ids, env.now),
                }
            }
            Service::TellState(ids, info) => {
                // One byte for each, or it says nothing.
                let whole = ids.len() == info.len();
                for (id, state) in ids.into_iter().zip(info).filter(|_| whole) {
                    match state & 7 {
                        4 => self.client_has(id),
                        1..=3 => self.again.push((path, id)),
                        _ => {}
                    }
                }
            }
            Service::FutureSalts(count) => {
                // spec: SVC-11
                let salts = shared.salts.future(env, count).into_iter().map(|told| FutureSalt {
                    valid_since: told.valid_since.unix(),
                    valid_until: told.valid_until.unix(),
                    salt: told.salt.0,
                });
                let answer =
                    FutureSalts { req_msg_id: msg_id.0, now: env.now.unix(), salts: salts.collect() };
                self.say(path, service::write(&answer));
            }
            Service::DropAnswer(query) => self.drop_answer(msg_id, query, env.now),
            // spec: SVC-13
            Service::DestroySession(session_id) if session_id == self.id => {
                self.say(path, service::write(&DestroySessionNone { session_id: session_id.0 }));
            }
            Service::DestroySession(session_id) => {
                out.push(SessionOutput::DestroySession { to: msg_id, session_id });
            }
            Service::HttpWait(patience) => self.paths.wish(path, patience),
            Service::DestroyAuthKey => out.push(SessionOutput::DestroyAuthKey { to: msg_id }),
            Service::Nothing => {}
        }
    }

    fn pong(&mut self, path: PathId, msg_id: MsgId, ping_id: i64) {
        self.say(path, service::write(&Pong { msg_id: msg_id.0, ping_id }));
    }

    fn drop_answer(&mut self, asked_by: MsgId, query: MsgId, now: Time) {
        // spec: SVC-10
        let fate = self.ledger.row(query).map(|row| row.fate);
        let outcome = match fate {
            Some(Fate::Running | Fate::Unwanted) => {
                self.set_fate(query, Fate::Unwanted);
                service::write(&RpcAnswerDroppedRunning)
            }
            Some(Fate::Answered) => match self.outbox.remove_answer(query) {
                Some(kept) => {
                    self.set_fate(query, Fate::Over);
                    match kept.sent {
                        Some(sent) => service::write(&RpcAnswerDropped {
                            msg_id: sent.msg_id.0,
                            seq_no: sent.seq_no.cast_signed(),
                            bytes: i32::try_from(kept.body.len()).unwrap_or(i32::MAX),
                        }),
                        // It has no name yet, and now never will: as if it were still running.
                        None => service::write(&RpcAnswerDroppedRunning),
                    }
                }
                None => service::write(&RpcAnswerUnknown),
            },
            _ => service::write(&RpcAnswerUnknown),
        };
        self.set_fate(asked_by, Fate::Answered);
        self.acks.retain(|ack| *ack != asked_by);
        self.keep(Kind::Answer { to: asked_by }, outcome, now);
    }

    fn tell_state(&mut self, path: PathId, asked_by: MsgId, ids: &[MsgId], now: Time) {
        // spec: SVC-6
        let info = ids.iter().map(|id| self.state_of(*id, now)).collect();
        self.say(path, service::write(&MsgsStateInfo { req_msg_id: asked_by.0, info }));
    }

    /// The byte that `msgs_state_info` has for a message.
    fn state_of(&self, msg_id: MsgId, now: Time) -> u8 {
        const NOTHING_KNOWN: u8 = 1;
        const NOT_RECEIVED: u8 = 2;
        const NOT_RECEIVED_TOO_HIGH: u8 = 3;
        const RECEIVED: u8 = 4;
        const ACKED: u8 = 8;
        const NEEDS_NO_ACK: u8 = 16;
        const RUNNING_OR_DONE: u8 = 32;
        const ANSWERED: u8 = 64;
        match self.ledger.look_up(msg_id, now) {
            _ if !msg_id.is_from_client() => NOTHING_KNOWN,
            Known::Received(row) => {
                let acked = if row.acked { ACKED } else { 0 };
                let needs_no_ack = if row.seq_no % 2 == 0 { NEEDS_NO_ACK } else { 0 };
                let fate = match row.fate {
                    Fate::Container => 0,
                    Fate::Service | Fate::Running | Fate::Unwanted => RUNNING_OR_DONE,
                    Fate::Answered | Fate::Over => RUNNING_OR_DONE | ANSWERED,
                    // The client is to ask anew, under another name.
                    Fate::Forgotten => return NOTHING_KNOWN,
                };
                RECEIVED | acked | needs_no_ack | fate
            }
            Known::Forgotten => NOTHING_KNOWN,
            Known::New if self.ledger.newest().is_none_or(|newest| newest < msg_id) => NOT_RECEIVED_TOO_HIGH,
            // Of the time before this state nobody knows anything.
            Known::New if self.announced.is_none_or(|announced| msg_id < announced.first_msg_id) => {
                NOTHING_KNOWN
            }
            Known::New => NOT_RECEIVED,
        }
    }

    fn set_fate(&mut self, msg_id: MsgId, fate: Fate) {
        if let Some(row) = self.ledger.row_mut(msg_id) {
            row.fate = fate;
        }
    }

    /// A message that opened is not processed: its sender is told why.
    fn refuse(&mut self, path: PathId, msg_id: MsgId, seq_no: u32, bad: BadMsg) {
        // spec: SVC-1
        let notice = BadMsgNotification {
            bad_msg_id: msg_id.0,
            bad_msg_seqno: seq_no.cast_signed(),
            error_code: bad.code(),
        };
        self.say(path, service::write(&notice));
    }

    fn ack(&mut self, msg_id: MsgId, now: Time) {
        if !self.acks.contains(&msg_id) {
            self.acks.push(msg_id);
            self.acks_since.get_or_insert(now);
        }
    }
}

/// Something went beyond a bound.
fn once(what: Overrun) -> SessionOutput {
    SessionOutput::Overran { what, times: 1 }
}

/// A query as the API reads it.
fn unpacked(body: Bytes, budget: &mut usize) -> Result<Bytes, InflateError> {
    // spec: SVC-16
    if gzip::constructor(&body) != Some(GzipPacked::ID) {
        return Ok(body);
    }
    if *budget == 0 {
        return Err(InflateError::TooLarge);
    }
    let unpacked = gzip::inflate(&body)?;
    *budget = budget.saturating_sub(unpacked.len());
    Ok(unpacked)
}
