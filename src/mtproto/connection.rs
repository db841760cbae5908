//! One path to a client: bytes in, packets out, and the making of keys in between.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use env::{Env, Time};

use crate::crypto::{AuthKey, QuickAckToken};
use crate::error::{PeerMisbehaved, TransportError};
use crate::handshake::{HeavyDone, HeavyJob, ServerKeys};
use crate::ids::{AuthKeyId, DataCentre, Salt};
use crate::wire::replay::ReplayCache;

/// What happened to a connection.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes came from the socket. They are deciphered in place.
    Bytes(&'a mut [u8]),
    /// Something is to be framed and sent to the client.
    Send(Packet),
    /// A [`HeavyJob`] of this connection has run.
    Heavy(HeavyDone),
    /// What became of the key of an [`Output::KeyMade`].
    KeyStored(AuthKeyId, KeyStored),
    /// The moment of the last [`Output::WakeAt`] has come.
    Tick,
}

/// What is sent to a client, before framing.
#[derive(Debug)]
pub enum Packet {
    /// An encrypted packet, as [`crate::crypto::seal`] leaves it.
    Sealed(Bytes),
    /// The quick ack of a packet that asked for one and was accepted. Nothing is sent over the full transport, which
    /// has no room for it.
    QuickAck(QuickAckToken),
    /// A transport error. The connection closes behind -404 and stays open behind the others, unless the caller closes.
    Error(TransportError),
}

/// What became of a key that a handshake made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStored {
    /// It is durable (or, for a temporary key, remembered): the client may be told.
    Stored,
    /// Another key has this id already: the client must draw a new number.
    Collision,
    /// It could not be stored. The client is not to blame and hears nothing of it; the connection closes.
    Failed,
}

/// A key that a handshake made. The client learns of it only after [`Input::KeyStored`].
#[derive(Debug, Clone)]
pub struct KeyMade {
    /// The key.
    pub key: AuthKey,
    /// For a temporary key, how many seconds it may live, at most [`crate::limits::TEMP_KEY_SECONDS_MAX`]; nothing for
    /// a permanent key.
    pub expires_in: Option<u32>,
    /// The first salt of the key, which both sides can compute.
    pub salt: Salt,
    /// The data centre that the client believes to speak to, if it said so.
    pub dc: Option<DataCentre>,
}

/// What the owner of a connection must do.
#[derive(Debug)]
pub enum Output {
    /// Write these bytes to the socket.
    Write(Bytes),
    /// Give this encrypted packet to the session table. If it asked for a quick ack, send [`Packet::QuickAck`] once it
    /// was opened and accepted.
    Packet {
        /// The key that it says it is sealed with; never [`AuthKeyId::NONE`].
        auth_key_id: AuthKeyId,
        /// The packet from `auth_key_id` to the end of the ciphertext, framing and frame padding removed.
        data: BytesMut,
        /// Whether the client asked for a quick ack.
        quick_ack: bool,
    },
    /// Run this on the pool for heavy work and bring the result back as [`Input::Heavy`].
    Heavy(HeavyJob),
    /// Store this key, then say so with [`Input::KeyStored`].
    KeyMade(KeyMade),
    /// Send [`Input::Tick`] at this moment. Replaces what an earlier one said.
    WakeAt(Time),
    /// Flush what was written and close the socket. Nothing follows.
    Close(PeerMisbehaved),
}

/// One path to a client, from its first byte to its last.
#[derive(Debug)]
pub struct Connection {
    keys: Arc<ServerKeys>,
    replays: Arc<ReplayCache>,
}

impl Connection {
    /// A path on which nothing was said yet.
    #[must_use]
    pub fn new(keys: Arc<ServerKeys>, replays: Arc<ReplayCache>) -> Self {
        Self { keys, replays }
    }

    /// The data centre that the client dialled, if the obfuscated transport said so.
    #[must_use]
    pub fn dialled(&self) -> Option<DataCentre> {
        None
    }

    /// Takes `input` and appends to `out` what is to be done about it. After [`Output::Close`] every input is ignored.
    pub fn handle(&mut self, _env: &mut Env<'_>, _input: Input<'_>, _out: &mut Vec<Output>) {
        let _ = (&self.keys, &self.replays);
    }
}
