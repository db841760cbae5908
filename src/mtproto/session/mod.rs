//! One conversation with a client, on any number of paths.
//!
//! A [`Session`] is a value: whoever owns it (the session table, under the pair of auth key and session id) opens
//! packets with [`open`], gives them to [`Session::handle`], and does what the outputs say. It answers pings, acks,
//! salts and questions about messages by itself, hands each query on as [`SessionOutput::Call`], and keeps what it sent
//! until the client has acknowledged it. It outlives its sockets: a client that comes back over another path gets what
//! it missed, under the same msg_ids, inside fresh containers.
//!
//! A packet is checked in one order: length, key derivation, decryption, hash, comparison ([`open`]); salt, msg_id, time,
//! sequence number, container (`inbox`). Only then does it move a path, create a state, or reach anybody.
//!
//! Calls leave in the order in which they must start: a packet's in the order of their msg_ids, packets as they arrive,
//! and what overtook another message for a moment behind it (`order`). The owner keeps that order with one queue per
//! session.
//!
//! What is absent: sockets, timers, randomness (they come through [`env::Env`]), the table of sessions, and every word
//! of the API.

mod bad_msg;
pub mod client;
pub mod gzip;
mod inbox;
mod io;
mod ledger;
pub mod limits;
mod msg_id;
mod order;
mod outbox;
mod paths;
mod poll;
mod polling;
mod receive;
mod salts;
mod seal;
mod send;
mod service;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use env::{Env, Time};
use tl::service::{
    DestroyAuthKeyFail, DestroyAuthKeyNone, DestroyAuthKeyOk, DestroySessionNone, DestroySessionOk, RpcError,
};

pub use crate::crypto::NotAuthentic;
use crate::ids::{MsgId, SessionId};
pub use bad_msg::BadMsg;
pub use io::{
    Call, CallState, CloseReason, KeyDestruction, Overrun, Path, PathId, PathKind, SessionInput,
    SessionOutput, Shared,
};
use ledger::{Fate, Ledger};
use msg_id::MsgIds;
use order::Order;
use outbox::{GivenUp, Kind, Outbox};
use paths::Paths;
pub use poll::Patience;
pub use salts::{FutureSalt, Salts};
pub use seal::{Head, Opened, open, open_from, seal};

/// One conversation with a client.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    /// What the client was told of this state: the lowest msg_id it knows of, and its unique_id. Nothing before the
    /// first message was accepted.
    announced: Option<Announced>,
    ids: MsgIds,
    /// Content-related messages sent so far: half of the next sequence number.
    content_sent: u32,
    /// What the client sent.
    ledger: Ledger,
    /// Calls that wait for a message before them.
    order: Order,
    /// What must be acknowledged by the client.
    outbox: Outbox,
    paths: Paths,
    /// What we must acknowledge.
    acks: Vec<MsgId>,
    /// Since when the oldest of `acks` waits.
    acks_since: Option<Time>,
    /// Whether `acks` may not wait: a client repeats itself.
    acks_now: bool,
    /// What waits for [`Self::flush`] and needs no acknowledgement, with its way.
    loose: Vec<send::Loose>,
    /// What waits to be sent again, with its way.
    again: Vec<(PathId, MsgId)>,
    /// HTTP requests that brought nothing new: they are answered with what is to be said to them, and do not wait.
    answer_now: Vec<PathId>,
    /// Pushes are lost: the client must fetch what it missed.
    lost: bool,
    /// Pushes were given up that went out over a stream and were never acknowledged. The client has them, unless it
    /// comes back over another path: then they count as lost.
    doubt: bool,
    /// The wake that was asked for and has not come.
    armed: Option<Time>,
}

#[derive(Debug, Clone, Copy)]
struct Announced {
    first_msg_id: MsgId,
    unique_id: i64,
}

impl Session {
    /// A session of which nothing was received yet. Its messages get ids above `floor`: the table keeps a floor above
    /// every id that the server ever gave out, over restarts and over steps of the clock.
    #[must_use]
    pub fn new(id: SessionId, floor: MsgId) -> Self {
        Self {
            id,
            announced: None,
            ids: MsgIds::above(floor),
            content_sent: 0,
            ledger: Ledger::default(),
            order: Order::default(),
            outbox: Outbox::default(),
            paths: Paths::default(),
            acks: Vec::new(),
            acks_since: None,
            acks_now: false,
            loose: Vec::new(),
            again: Vec::new(),
            answer_now: Vec::new(),
            lost: false,
            doubt: false,
            armed: None,
        }
    }

    /// An earlier state of this session may have received anything up to `msg_id`: none of it is taken for new.
    pub fn forget_up_to(&mut self, msg_id: MsgId) {
        // spec: SES-4
        self.ledger.forget_up_to(msg_id);
    }

    /// Messages are named by the clock up to `ceiling` only: beyond it nobody would remember, after a crash, that such
    /// names were given.
    pub fn name_up_to(&mut self, ceiling: MsgId) {
        // spec: SES-3
        self.ids.follow_up_to(ceiling);
    }

    /// The client's name for it.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Takes `input` and appends to `out` what is to be done about it.
    pub fn handle(
        &mut self,
        env: &mut Env<'_>,
        shared: &mut Shared<'_>,
        input: SessionInput,
        out: &mut Vec<SessionOutput>,
    ) {
        self.feed(env, shared, input, out);
        self.flush(env, shared, out);
    }

    /// The first half of [`Self::handle`]: takes `input`, but leaves what is to be sent for [`Self::flush`], so that
    /// several replies and pushes share one packet.
    pub fn feed(
        &mut self,
        env: &mut Env<'_>,
        shared: &mut Shared<'_>,
        input: SessionInput,
        out: &mut Vec<SessionOutput>,
    ) {
        self.pass_time(env.now, out);
        match input {
            SessionInput::Received { path, opened, packet, quick_ack } => {
                self.receive(env, shared, path, &opened, &packet, quick_ack, out);
            }
            SessionInput::Reply { to, body } => self.reply(to, body, env.now),
            SessionInput::Push { body, kept: true } => self.push(body, env.now),
            SessionInput::Push { body, kept: false } => {
                if let Some(path) = self.paths.current() {
                    self.loose.push(send::Loose {
                        path: path.id,
                        kind: msg_id::Kind::Push,
                        content: true,
                        body,
                    });
                }
            }
            SessionInput::SessionDestroyed { to: _, session_id: SessionId(session_id), existed } => {
                self.say_anywhere(if existed {
                    service::write(&DestroySessionOk { session_id })
                } else {
                    service::write(&DestroySessionNone { session_id })
                });
            }
            SessionInput::AuthKeyDestroyed { to: _, outcome } => self.say_anywhere(match outcome {
                // spec: SVC-18
                KeyDestruction::Done => service::write(&DestroyAuthKeyOk),
                KeyDestruction::NoSuchKey => service::write(&DestroyAuthKeyNone),
                KeyDestruction::Failed => service::write(&DestroyAuthKeyFail),
            }),
            SessionInput::PathClosed(path) => self.close_path(path),
            SessionInput::PathLeft(path) => self.leave_path(path),
            SessionInput::Wake => self.armed = None,
        }
    }

    /// What is known of the query `msg_id`.
    #[must_use]
    pub fn call_state(&self, msg_id: MsgId) -> CallState {
        match self.ledger.row(msg_id) {
            Some(row) => match row.fate {
                Fate::Running | Fate::Unwanted => CallState::Running,
                Fate::Answered | Fate::Over | Fate::Forgotten if row.failed => CallState::Failed,
                Fate::Answered | Fate::Over | Fate::Forgotten | Fate::Service => CallState::Done,
                Fate::Container => CallState::Unknown,
            },
            None => CallState::Unknown,
        }
    }

    /// Whether no message was ever accepted: the table may drop such a session with its path.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        // spec: SVC-15
        self.announced.is_none()
    }

    /// Whether a path is open.
    #[must_use]
    pub fn is_online(&self) -> bool {
        !self.paths.is_empty()
    }

    /// The highest msg_id given out; what the next session's floor must not be below.
    #[must_use]
    pub fn last_msg_id(&self) -> MsgId {
        self.ids.last()
    }

    /// How much memory the session holds, in bytes, about: its struct and all behind it.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>()
            + self.ledger.held_bytes()
            + self.order.held_bytes()
            + self.outbox.held_bytes()
            + self.paths.held_bytes()
            + self.acks.capacity() * size_of::<MsgId>()
            + self.loose.capacity() * size_of::<send::Loose>()
            + self.again.capacity() * size_of::<(PathId, MsgId)>()
            + self.answer_now.capacity() * size_of::<PathId>()
    }

    /// Of that, what the window against replay takes: the messages of the client that are remembered.
    #[must_use]
    pub fn window_bytes(&self) -> usize {
        self.ledger.held_bytes()
    }

    /// Of that, what the outbox takes: what the client has not acknowledged yet.
    #[must_use]
    pub fn outbox_bytes(&self) -> usize {
        self.outbox.held_bytes()
    }

    fn reply(&mut self, to: MsgId, body: Bytes, now: Time) {
        // spec: SVC-9
        self.acks.retain(|ack| *ack != to);
        let failed = gzip::constructor(&body) == Some(RpcError::ID);
        // A query that the ledger has forgotten is answered all the same.
        if let Some(row) = self.ledger.row_mut(to) {
            match row.fate {
                Fate::Running => (row.fate, row.failed, row.acked) = (Fate::Answered, failed, true),
                Fate::Unwanted => {
                    // spec: SVC-10
                    (row.fate, row.failed) = (Fate::Over, failed);
                    return;
                }
                // Answered already.
                _ => return,
            }
        }
        self.keep(Kind::Answer { to }, gzip::pack(body), now);
    }

    fn push(&mut self, body: Bytes, now: Time) {
        // Whoever must fetch what it missed will find this there, too.
        if self.lost && !self.is_online() {
            return;
        }
        self.keep(Kind::Push, body, now);
    }

    fn keep(&mut self, kind: Kind, body: Bytes, now: Time) {
        // spec: SES-15
        let mut given_up = Vec::new();
        self.outbox.push(kind, body, now, &mut given_up);
        self.note_given_up(given_up);
    }

    fn note_given_up(&mut self, given_up: Vec<GivenUp>) {
        for GivenUp { kind, sent_over } in given_up {
            match kind {
                Kind::Answer { to } => {
                    if let Some(row) = self.ledger.row_mut(to)
                        && row.fate == Fate::Answered
                    {
                        row.fate = Fate::Forgotten;
                    }
                }
                // A stream that is still open delivers what it was given.
                Kind::Push => match sent_over.and_then(|path| self.paths.kind(path)) {
                    Some(PathKind::Stream) => self.doubt = true,
                    Some(PathKind::Datagram | PathKind::Http) | None => self.lost = true,
                },
                Kind::NewSession => {}
            }
        }
    }

    /// The client has the message `msg_id` of ours.
    fn client_has(&mut self, msg_id: MsgId) {
        if let Some(kept) = self.outbox.remove(msg_id)
            && let Kind::Answer { to } = kept.kind
            && let Some(row) = self.ledger.row_mut(to)
            && row.fate == Fate::Answered
        {
            row.fate = Fate::Over;
        }
    }

    fn close_path(&mut self, path: PathId) {
        let kind = self.paths.kind(path);
        // What may have died with an HTTP path goes out again with the next request: that one may bring its
        // acknowledgements, for most such paths end when all is said.
        if self.paths.remove(path)
            && kind != Some(PathKind::Http)
            && let Some(other) = self.paths.current()
        {
            self.send_again_over(other.id, |sent_over| sent_over == path);
        }
    }

    /// The client comes over another path than before: what went over others may have died with them, or may have gone
    /// to somebody who only passed on a packet of the client.
    fn resume(&mut self, path: PathId) {
        self.lost |= std::mem::take(&mut self.doubt);
        self.send_again_over(path, |sent_over| sent_over != path);
    }

    /// Sends again, unasked, what was sent over certain paths and never acknowledged.
    ///
    /// Only a change of path is a reason to: a stream that stays open loses nothing, and Pyrogram, which holds back up
    /// to nine acknowledgements for ever, closes its connection on a message that it has. For the same reason there is
    /// an end to it. Kurigram drops what is older than its connection, so that pushes which are sent again are not
    /// enough: it must also be told to fetch.
    fn send_again_over(&mut self, path: PathId, went: impl Fn(PathId) -> bool) {
        // spec: SES-9
        let mut pushes = false;
        for (kept, sent) in self.outbox.sent_mut() {
            if went(sent.path) {
                pushes |= kept == Kind::Push;
                if sent.resends < limits::RESENDS_MAX {
                    sent.resends += 1;
                    self.again.push((path, sent.msg_id));
                }
            }
        }
        self.lost |= pushes;
    }
}
