//! What leaves: naming, containers, resending, and the next time to wake.

use bytes::{BufMut as _, Bytes, BytesMut};
use env::{Env, Time};
use tl::service::{MsgContainer, MsgDetailedInfo, MsgNewDetailedInfo, MsgsAck, RpcResult};

use super::io::{CloseReason, Overrun, Path, PathId, PathKind, SessionOutput, Shared};
use super::limits::{
    ACK_RIDES_AFTER, ACK_WITHIN, ACKS_WAITING_MAX, BATCH_BYTES_MAX, BATCH_MESSAGES_MAX,
    DATAGRAM_BATCH_BYTES_MAX, DATAGRAM_BODY_BYTES_MAX, DATAGRAM_RESENDS_MAX, OUTBOX_MESSAGES_MAX,
    RESEND_AFTER,
};
use super::msg_id::Kind as IdKind;
use super::outbox::{Kind, Sent};
use super::seal::{self, Head};
use super::{Session, service};
use crate::crypto::{self, Side};
use crate::ids::MsgId;

/// A message that is sent once and not kept.
#[derive(Debug)]
pub struct Loose {
    /// The way it must go.
    pub path: PathId,
    /// Whether it answers something.
    pub kind: IdKind,
    /// Whether it asks for an acknowledgement all the same.
    pub content: bool,
    /// What it says.
    pub body: Bytes,
}

/// A message with its name, ready to be written.
#[derive(Debug)]
struct Named {
    msg_id: MsgId,
    seq_no: u32,
    /// The query that it answers: then the head of an `rpc_result` stands before the body.
    answers: Option<MsgId>,
    body: Bytes,
}

impl Named {
    fn bytes(&self) -> usize {
        self.body.len() + if self.answers.is_some() { 12 } else { 0 }
    }

    fn write(&self, packet: &mut BytesMut) {
        if let Some(query) = self.answers {
            packet.put_u32_le(RpcResult::ID);
            packet.put_i64_le(query.0);
        }
        packet.put_slice(&self.body);
    }
}

/// Messages that go out together.
#[derive(Debug)]
pub struct Batch {
    messages: Vec<Named>,
    bytes: usize,
    bytes_max: usize,
    /// Whether one of them answers something.
    has_reply: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self { messages: Vec::new(), bytes: 0, bytes_max: BATCH_BYTES_MAX, has_reply: false }
    }
}

impl Batch {
    /// An empty one for a path of this nature.
    fn over(kind: Option<PathKind>) -> Self {
        // spec: UDP-5
        let is_datagram = kind == Some(PathKind::Datagram);
        Self {
            bytes_max: if is_datagram { DATAGRAM_BATCH_BYTES_MAX } else { BATCH_BYTES_MAX },
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.messages.is_empty()
            || (self.messages.len() < BATCH_MESSAGES_MAX && self.bytes + bytes + 16 <= self.bytes_max)
    }

    fn add(&mut self, message: Named, is_reply: bool) {
        self.bytes += message.bytes() + 16;
        self.has_reply |= is_reply;
        self.messages.push(message);
    }
}

impl Session {
    /// The second half of [`Self::handle`]: sends what waits. Must follow [`Self::feed`] before the session rests.
    pub fn flush(&mut self, env: &mut Env<'_>, shared: &mut Shared<'_>, out: &mut Vec<SessionOutput>) {
        let overran = [
            (Overrun::Window, self.ledger.take_pushed_out()),
            (Overrun::Outbox, self.outbox.take_pushed_out()),
        ];
        for (what, times) in overran.into_iter().filter(|(_, times)| *times > 0) {
            out.push(SessionOutput::Overran { what, times });
        }
        let before = out.len();
        self.answer_http(env, shared, out);
        self.send_new(env, shared, out);
        self.send_again(env, shared, out);
        let packets = out.iter_mut().skip(before).filter_map(|output| match output {
            SessionOutput::Send { packet, .. } => Some(packet),
            _ => None,
        });
        // Together: alone, each message leaves most of the processor idle.
        crypto::seal_all(shared.key, Side::Server, packets, env.dice);
        // Not while the outbox is full of what the client does not acknowledge: it would only push more out.
        if self.lost && self.is_online() && self.outbox.len() * 2 < OUTBOX_MESSAGES_MAX {
            self.lost = false;
            out.push(SessionOutput::NeedsUpdatesTooLong);
        }
        if let Some(next) = self.next_wake()
            && self.armed.is_none_or(|armed| next < armed)
        {
            self.armed = Some(next);
            out.push(SessionOutput::WakeAt(next));
        }
    }

    /// Leaves a message that needs no acknowledgement for the next flush.
    pub(super) fn say(&mut self, path: PathId, body: Bytes) {
        self.loose.push(Loose { path, kind: IdKind::Reply, content: false, body });
    }

    /// As [`Self::say`], over whichever path is the current one, if any.
    pub(super) fn say_anywhere(&mut self, body: Bytes) {
        if let Some(path) = self.paths.current() {
            self.say(path.id, body);
        }
    }

    /// Does what is due.
    pub(super) fn pass_time(&mut self, now: Time, out: &mut Vec<SessionOutput>) {
        while let Some(path) = self.paths.take_expired(now) {
            out.push(SessionOutput::ClosePath { path, reason: CloseReason::PingDelayExpired });
            if let Some(other) = self.paths.current() {
                self.send_again_over(other.id, |sent_over| sent_over == path);
            }
        }
        if self.order.due_at().is_some_and(|due| due <= now) {
            out.extend(self.order.release(now).into_iter().map(SessionOutput::Call));
        }
        let mut given_up = Vec::new();
        self.outbox.expire(now, &mut given_up);
        self.note_given_up(given_up);
        self.ledger.forget_old(now);
        if let Some(Path { id, kind: PathKind::Datagram }) = self.paths.current() {
            for (_, sent) in self.outbox.sent_mut() {
                if resend_at(sent).is_some_and(|at| at <= now) {
                    sent.resends += 1;
                    self.again.push((id, sent.msg_id));
                }
            }
        }
    }

    /// When something will be due, if nothing happens before.
    fn next_wake(&self) -> Option<Time> {
        let current = self.paths.current();
        // Over HTTP acknowledgements travel with what is said anyway.
        let speaks = current.is_some_and(|path| path.kind != PathKind::Http);
        let acks = self.acks_since.filter(|_| speaks).map(|since| since + ACK_WITHIN);
        let resend = match current {
            Some(Path { kind: PathKind::Datagram, .. }) => {
                self.outbox.sent().filter_map(|sent| resend_at(&sent)).min()
            }
            _ => None,
        };
        let held = self.order.due_at();
        let (paths, polls) = (self.paths.expires_at(), self.paths.polls_due());
        let times = [acks, resend, held, paths, polls, self.outbox.expires_at(), self.ledger.empty_at()];
        times.into_iter().flatten().min()
    }

    fn send_new(&mut self, env: &mut Env<'_>, shared: &mut Shared<'_>, out: &mut Vec<SessionOutput>) {
        // spec: TR-18
        let mut loose = std::mem::take(&mut self.loose);
        self.loose =
            loose.extract_if(.., |said| self.paths.kind(said.path) == Some(PathKind::Http)).collect();
        if let Some(path) = self.paths.current().filter(|path| path.kind != PathKind::Http) {
            let mut mine = loose.extract_if(.., |said| said.path == path.id).peekable();
            loop {
                let mut batch = Batch::over(Some(path.kind));
                while let Some(bytes) = self.outbox.waiting().map(|kept| kept.body.len())
                    && batch.has_room_for(bytes)
                {
                    self.name_waiting(path.id, env.now, &mut batch);
                }
                while let Some(said) = mine.next_if(|said| batch.has_room_for(said.body.len())) {
                    self.name_loose(said, env.now, &mut batch);
                }
                self.add_acks(env.now, false, &mut batch);
                if batch.messages.is_empty() {
                    break;
                }
                self.write_batch(env, shared, path.id, batch, out);
            }
        }
        // Notices for packets that were refused, on the path that they came by; nothing else uses it.
        for said in loose {
            let (path, mut batch) = (said.path, Batch::default());
            self.name_loose(said, env.now, &mut batch);
            self.write_batch(env, shared, path, batch, out);
        }
    }

    pub(super) fn name_waiting(&mut self, path: PathId, now: Time, batch: &mut Batch) {
        let Some((kind, body)) = self.outbox.waiting().map(|kept| (kept.kind, kept.body.clone())) else {
            return;
        };
        let (answers, id_kind) = match kind {
            Kind::Answer { to } => (Some(to), IdKind::Reply),
            Kind::Push | Kind::NewSession => (None, IdKind::Push),
        };
        let (msg_id, seq_no) = self.name(now, id_kind, true);
        self.outbox.note_sent(Sent { msg_id, seq_no, path, at: now, resends: 0 });
        if self.is_too_long(path, body.len()) {
            return self.announce_long(kind, msg_id, body.len(), now, batch);
        }
        batch.add(Named { msg_id, seq_no, answers, body }, id_kind == IdKind::Reply);
    }

    pub(super) fn name_loose(&mut self, said: Loose, now: Time, batch: &mut Batch) {
        let (msg_id, seq_no) = self.name(now, said.kind, said.content);
        batch.add(Named { msg_id, seq_no, answers: None, body: said.body }, said.kind == IdKind::Reply);
    }

    /// Adds the acknowledgements if they are due, or if they have waited a while and something leaves anyway. Most
    /// queries are answered before that, and the answer acknowledges them.
    pub(super) fn add_acks(&mut self, now: Time, due: bool, batch: &mut Batch) {
        // spec: TR-17
        if self.acks.is_empty() {
            (self.acks_since, self.acks_now) = (None, false);
            return;
        }
        let waited = self.acks_since.map(|since| now.since(since)).unwrap_or_default();
        let due = due || self.acks_now || self.acks.len() >= ACKS_WAITING_MAX || waited >= ACK_WITHIN;
        if !due && (batch.messages.is_empty() || waited < ACK_RIDES_AFTER) {
            return;
        }
        let acks = std::mem::take(&mut self.acks);
        (self.acks_since, self.acks_now) = (None, false);
        for ack in &acks {
            if let Some(row) = self.ledger.row_mut(*ack) {
                row.acked = true;
            }
        }
        let body = service::write(&MsgsAck { msg_ids: acks.into_iter().map(|id| id.0).collect() });
        let (msg_id, seq_no) = self.name(now, IdKind::Reply, false);
        batch.add(Named { msg_id, seq_no, answers: None, body }, true);
    }

    /// Sends again what is to be sent again: the same messages under the same names, in containers that are new. Nothing
    /// is ever sealed a second time by itself.
    fn send_again(&mut self, env: &mut Env<'_>, shared: &mut Shared<'_>, out: &mut Vec<SessionOutput>) {
        // spec: SES-10
        let mut again = std::mem::take(&mut self.again);
        self.again =
            again.extract_if(.., |(path, _)| self.paths.kind(*path) == Some(PathKind::Http)).collect();
        again.sort_unstable();
        again.dedup();
        let mut again = again.into_iter().peekable();
        while let Some(&(path, _)) = again.peek() {
            let mut batch = Batch::over(self.paths.kind(path));
            while let Some(&(_, msg_id)) = again.peek().filter(|next| next.0 == path) {
                // Its answer may have arrived, or it may have been given up, since it was noted.
                let Some(bytes) = self.outbox.find(msg_id).map(|kept| kept.body.len()) else {
                    again.next();
                    continue;
                };
                if !batch.has_room_for(bytes) {
                    break;
                }
                again.next();
                self.name_again(path, msg_id, env.now, &mut batch);
            }
            if !batch.messages.is_empty() {
                self.write_container(env, shared, path, batch, out);
            }
        }
    }

    /// Adds a message that was sent before, under the name that it has.
    pub(super) fn name_again(&mut self, path: PathId, msg_id: MsgId, now: Time, batch: &mut Batch) {
        if let Some((kept, sent)) = self.outbox.note_sent_again(msg_id, path, now) {
            let answers = match kept.kind {
                Kind::Answer { to } => Some(to),
                Kind::Push | Kind::NewSession => None,
            };
            let (kind, body) = (kept.kind, kept.body.clone());
            if self.is_too_long(path, body.len()) {
                return self.announce_long(kind, msg_id, body.len(), now, batch);
            }
            batch.add(Named { msg_id, seq_no: sent.seq_no, answers, body }, answers.is_some());
        }
    }

    fn is_too_long(&self, path: PathId, bytes: usize) -> bool {
        bytes > DATAGRAM_BODY_BYTES_MAX && self.paths.kind(path) == Some(PathKind::Datagram)
    }

    /// Says instead of a message that there is one, for which the client must come over a stream.
    fn announce_long(&mut self, kind: Kind, msg_id: MsgId, bytes: usize, now: Time, batch: &mut Batch) {
        // spec: UDP-9
        let (answer_msg_id, bytes) = (msg_id.0, i32::try_from(bytes).unwrap_or(i32::MAX));
        let body = match kind {
            Kind::Answer { to } => {
                service::write(&MsgDetailedInfo { msg_id: to.0, answer_msg_id, bytes, status: 0 })
            }
            Kind::Push | Kind::NewSession => {
                service::write(&MsgNewDetailedInfo { answer_msg_id, bytes, status: 0 })
            }
        };
        let (msg_id, seq_no) = self.name(now, IdKind::Push, false);
        batch.add(Named { msg_id, seq_no, answers: None, body }, false);
    }

    /// The next name: msg_id and seq_no.
    fn name(&mut self, now: Time, kind: IdKind, content: bool) -> (MsgId, u32) {
        // spec: SES-8
        let seq_no = self.content_sent.wrapping_mul(2) | u32::from(content);
        self.content_sent = self.content_sent.wrapping_add(u32::from(content));
        (self.ids.next(now, kind), seq_no)
    }

    pub(super) fn write_batch(
        &mut self,
        env: &mut Env<'_>,
        shared: &mut Shared<'_>,
        path: PathId,
        batch: Batch,
        out: &mut Vec<SessionOutput>,
    ) {
        match <[Named; 1]>::try_from(batch.messages) {
            Ok([alone]) => {
                let head = self.head(env, shared, alone.msg_id, alone.seq_no);
                let packet = seal::unsealed(head, alone.bytes(), |packet| alone.write(packet));
                out.push(SessionOutput::Send { path, packet });
            }
            Err(messages) => self.write_container(env, shared, path, Batch { messages, ..batch }, out),
        }
    }

    pub(super) fn write_container(
        &mut self,
        env: &mut Env<'_>,
        shared: &mut Shared<'_>,
        path: PathId,
        batch: Batch,
        out: &mut Vec<SessionOutput>,
    ) {
        // spec: SVC-4
        let kind = if batch.has_reply { IdKind::Reply } else { IdKind::Push };
        let (msg_id, seq_no) = self.name(env.now, kind, false);
        let head = self.head(env, shared, msg_id, seq_no);
        let write = |packet: &mut BytesMut| {
            packet.put_u32_le(MsgContainer::ID);
            packet.put_u32_le(u32::try_from(batch.messages.len()).unwrap_or(u32::MAX));
            for message in &batch.messages {
                packet.put_i64_le(message.msg_id.0);
                packet.put_u32_le(message.seq_no);
                packet.put_u32_le(u32::try_from(message.bytes()).unwrap_or(u32::MAX));
                message.write(packet);
            }
        };
        let packet = seal::unsealed(head, batch.bytes + 8, write);
        out.push(SessionOutput::Send { path, packet });
    }

    fn head(&self, env: &mut Env<'_>, shared: &mut Shared<'_>, msg_id: MsgId, seq_no: u32) -> Head {
        // spec: SES-1
        Head { salt: shared.salts.current(env), session_id: self.id, msg_id, seq_no }
    }
}

/// When a message on a path that loses packets is to be sent again: after ever longer silences, and not for ever.
fn resend_at(sent: &Sent) -> Option<Time> {
    // spec: UDP-10
    (sent.resends < DATAGRAM_RESENDS_MAX).then(|| sent.at + RESEND_AFTER * (1 << sent.resends))
}
