//! What goes into a session and what comes out of it.

use bytes::{Bytes, BytesMut};
use env::Time;

use super::{Opened, Salts};
use crate::crypto::{AuthKey, QuickAckToken};
use crate::error::TransportError;
use crate::ids::{MsgId, SessionId};

/// A way to a client, as the owner of the sockets names it. Names are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(pub u64);

impl PathId {
    /// No path: what was sent is known to have arrived.
    pub(super) const ARRIVED: Self = Self(u64::MAX);
}

/// What a path does to the packets on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathKind {
    /// Everything arrives once and in order, or the path breaks: TCP and what runs on it.
    Stream,
    /// Packets may be lost, doubled, reordered.
    Datagram,
    /// The server may only answer: one packet for each packet of the client. HTTP.
    Http,
}

/// A way to a client and its nature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// Its name.
    pub id: PathId,
    /// Its nature.
    pub kind: PathKind,
}

/// What all sessions of one auth key share. The table owns it and lends it to each call.
#[derive(Debug)]
pub struct Shared<'a> {
    /// The key that packets are sealed with.
    pub key: &'a AuthKey,
    /// The salts of the key.
    pub salts: &'a mut Salts,
}

/// What happened to a session.
#[derive(Debug)]
pub enum SessionInput {
    /// A packet of this session arrived and was opened.
    Received {
        /// The way it came.
        path: Path,
        /// What [`open`] said of it.
        opened: Opened,
        /// The packet that [`open`] deciphered in place, whole.
        packet: Bytes,
        /// Whether the client asked for a quick ack.
        quick_ack: bool,
    },
    /// A call was answered.
    Reply {
        /// The query that is answered.
        to: MsgId,
        /// The result or the `rpc_error`, boxed. Packed here if that makes it smaller.
        body: Bytes,
    },
    /// Something is to be said unasked.
    Push {
        /// An `Updates`, boxed, in the layer of the key.
        body: Bytes,
        /// Whether to keep it until it is acknowledged. What is not kept (typing, status) is sent once, and only if a
        /// path is open.
        kept: bool,
    },
    /// What became of a [`SessionOutput::DestroySession`].
    SessionDestroyed {
        /// The question.
        to: MsgId,
        /// The session in question.
        session_id: SessionId,
        /// Whether there was such a session.
        existed: bool,
    },
    /// What became of a [`SessionOutput::DestroyAuthKey`]. Send what comes out of this, then drop the session.
    AuthKeyDestroyed {
        /// The question.
        to: MsgId,
        /// What became of it.
        outcome: KeyDestruction,
    },
    /// A path is gone.
    PathClosed(PathId),
    /// The client goes on speaking on an HTTP path, but for another session: what was sent on it has arrived.
    PathLeft(PathId),
    /// The moment of the last [`SessionOutput::WakeAt`] has come.
    Wake,
}

/// What became of an auth key that its client wants destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDestruction {
    /// It is gone, durably.
    Done,
    /// There was no such key.
    NoSuchKey,
    /// It could not be destroyed.
    Failed,
}

/// What the owner of a session must do.
#[derive(Debug)]
pub enum SessionOutput {
    /// Frame this sealed packet and send it over this path.
    Send {
        /// The way.
        path: PathId,
        /// The packet from `auth_key_id` to the end of the ciphertext.
        packet: BytesMut,
    },
    /// Send the quick ack of the packet just received: it was accepted.
    QuickAck {
        /// The way that the packet came.
        path: PathId,
        /// What it says.
        token: QuickAckToken,
    },
    /// Run this query. Calls of one session leave in the order in which they must start.
    Call(Call),
    /// Forget another session of the same auth key, then say so with [`SessionInput::SessionDestroyed`].
    DestroySession {
        /// The question, to be given back.
        to: MsgId,
        /// The session to forget; never this one.
        session_id: SessionId,
    },
    /// Destroy the auth key, durably, then say so with [`SessionInput::AuthKeyDestroyed`].
    DestroyAuthKey {
        /// The question, to be given back.
        to: MsgId,
    },
    /// Pushes were lost, or may have been: push `updatesTooLong` to this session, if it is one that gets updates. Said
    /// once for each loss, when a path is there to say it on.
    NeedsUpdatesTooLong,
    /// Close this path.
    ClosePath {
        /// The way.
        path: PathId,
        /// Why.
        reason: CloseReason,
    },
    /// Send [`SessionInput::Wake`] at this moment. Replaces what an earlier one said.
    WakeAt(Time),
    /// A bound was reached, and what it says was done: to be counted, no more.
    Overran {
        /// Which one.
        what: Overrun,
        /// How often.
        times: u32,
    },
}

/// A bound of the session that a client, or what is said to it, went beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overrun {
    /// So many messages came that older ones were forgotten before their time; from then on they are too old to be known.
    Window,
    /// So much waits for the client's acknowledgement that the oldest of it was given up.
    Outbox,
    /// A query unpacks to more than it may, or all that are packed in one packet do.
    Gzip,
    /// A container in a container, or a `gzip_packed` in a `gzip_packed`.
    Nesting,
    /// A container of more messages than it may have.
    Container,
    /// A message that names more messages than it may.
    Ids,
}

impl Overrun {
    /// The name that it is counted under.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Window => "replay windows",
            Self::Outbox => "outboxes",
            Self::Gzip => "gzip",
            Self::Nesting => "nesting",
            Self::Container => "containers",
            Self::Ids => "ids",
        }
    }
}

/// Why a session wants a path closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The client asked for it (`ping_delay_disconnect`) and did not ask again in time.
    PingDelayExpired,
    /// The client said more in one message than the protocol allows: send this error first.
    Misbehaved(TransportError),
}

/// A query to run. Its answer comes back as [`SessionInput::Reply`], once.
#[derive(Debug, Clone)]
pub struct Call {
    /// The query's name within its session.
    pub msg_id: MsgId,
    /// The query, boxed, unpacked if it was packed on the outside.
    pub body: Bytes,
    /// The way it came, for limits per connection. The answer may leave by another.
    pub path: PathId,
}

/// What a session knows of a query, for `invokeAfterMsg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    /// Never received, or received so long ago that nothing is known of it.
    Unknown,
    /// Handed out as a [`Call`] and not answered yet.
    Running,
    /// Answered with a result.
    Done,
    /// Answered with an `rpc_error`.
    Failed,
}
