//! One path to a client: bytes in, packets out, and the making of keys in between.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use env::{Env, Time};

use crate::crypto::ige::BLOCK_BYTES;
use crate::crypto::{AuthKey, HEADER_BYTES, PACKET_BYTES_MIN, QuickAckToken};
use crate::error::{PeerMisbehaved, TransportError};
use crate::handshake::{Handshakes, HeavyDone, HeavyJob, ServerKeys, Step, plain};
use crate::ids::{AuthKeyId, DataCentre, Salt};
use crate::limits::{
    FIRST_PACKET_WITHIN, HANDSHAKE_SILENCE_MAX, HTTP_ANSWER_WITHIN, HTTP_SILENCE_MAX,
    PACKET_BYTES_PER_SECOND_MIN, PACKET_WITHIN, STRANGER_SILENCE,
};
use crate::session::PathKind;
use crate::wire::framing::{Frame, Framing};
use crate::wire::replay::ReplayCache;
use crate::wire::{Received, Wire};

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
    /// has no room for it, and over HTTP.
    QuickAck(QuickAckToken),
    /// A transport error. The connection closes behind -404, over HTTP behind any, and stays open behind the others, unless
    /// the caller closes.
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
    wire: Wire,
    handshakes: Handshakes,
    replays: Arc<ReplayCache>,
    clock: Clock,
    is_over: bool,
}

/// What the deadlines of a connection count from.
#[derive(Debug, Default)]
struct Clock {
    /// When the first input came.
    opened: Option<Time>,
    /// When the last whole packet came.
    last_packet: Option<Time>,
    /// When the packet under way began.
    begun: Option<Time>,
    /// When the peer turned out to speak no framing.
    strange_since: Option<Time>,
    /// Whether a packet with a key came: how long such a peer may be silent, its session knows.
    has_key: bool,
    /// Over HTTP: since when a request waits for its response, or nothing has come behind a response.
    http_since: Option<(HttpWaits, Time)>,
    /// The moment of the last [`Output::WakeAt`], until it has come.
    armed: Option<Time>,
}

/// Whom an HTTP connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HttpWaits {
    ForRequest,
    ForResponse,
}

impl Connection {
    /// A path on which nothing was said yet. Its clock starts with its first input: send an [`Input::Tick`] when the
    /// socket is accepted, so that a peer that never speaks is not waited for.
    #[must_use]
    pub fn new(keys: Arc<ServerKeys>, replays: Arc<ReplayCache>) -> Self {
        let handshakes = Handshakes::new(keys, plain::ServerMsgIds::default());
        Self { wire: Wire::default(), handshakes, replays, clock: Clock::default(), is_over: false }
    }

    /// The data centre that the client dialled, if the obfuscated transport said so.
    #[must_use]
    pub const fn dialled(&self) -> Option<DataCentre> {
        self.wire.dialled()
    }

    /// How packets are framed, once it is known.
    #[must_use]
    pub const fn framing(&self) -> Option<Framing> {
        self.wire.framing()
    }

    /// What the path does to packets, once it is known to carry any.
    #[must_use]
    pub fn path_kind(&self) -> PathKind {
        if self.wire.http().is_some() { PathKind::Http } else { PathKind::Stream }
    }

    /// Bytes that are kept until the rest of their packet comes; the owner of many connections adds them up.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.wire.waiting_bytes()
    }

    /// Takes `input` and appends to `out` what is to be done about it. After [`Output::Close`] every input is ignored.
    pub fn handle(&mut self, env: &mut Env<'_>, input: Input<'_>, out: &mut Vec<Output>) {
        if self.is_over {
            return;
        }
        self.clock.opened.get_or_insert(env.now);
        let result = match input {
            Input::Bytes(bytes) => self.receive(env, bytes, out),
            Input::Send(packet) => self.send(env, &packet, out),
            Input::Heavy(done) => {
                let step = self.handshakes.heavy_done(env, done);
                step.map_err(Into::into).map(|step| self.take(env, step, out))
            }
            Input::KeyStored(id, outcome) => {
                let step = self.handshakes.key_stored(env, id, outcome);
                step.map(|step| self.take(env, step, out))
            }
            Input::Tick => {
                self.clock.armed = None;
                Ok(())
            }
        };
        match result.and_then(|()| self.go_on(env, out)) {
            Err(reason) => self.close(env, reason, out),
            Ok(()) => self.keep_time(env, out),
        }
    }

    /// Over HTTP: reads the request behind one that has been answered, or ends behind the last.
    fn go_on(&mut self, env: &mut Env<'_>, out: &mut Vec<Output>) -> Result<(), PeerMisbehaved> {
        while self.wire.http().is_some_and(|http| http.has_more()) {
            let before = self.wire.waiting_bytes();
            self.receive(env, &mut [], out)?;
            if self.wire.waiting_bytes() == before {
                break;
            }
        }
        let is_over = self.wire.http().is_some_and(|http| http.is_over());
        if is_over { Err(PeerMisbehaved::EndedHttp) } else { Ok(()) }
    }

    fn receive(
        &mut self,
        env: &mut Env<'_>,
        bytes: &mut [u8],
        out: &mut Vec<Output>,
    ) -> Result<(), PeerMisbehaved> {
        let mut received = Received::default();
        let result = self.wire.receive(bytes, env.now, &self.replays, &mut received);
        if !received.replies.is_empty() {
            out.push(Output::Write(received.replies.freeze()));
        }
        let came = !received.frames.is_empty();
        for frame in received.frames {
            if let Frame::Packet { data, quick_ack } = frame {
                self.receive_packet(env, data, quick_ack, out)?;
            }
        }
        if came {
            self.clock.last_packet = Some(env.now);
        }
        if came || self.wire.announced_bytes().is_none() {
            self.clock.begun = None;
        }
        result
    }

    fn receive_packet(
        &mut self,
        env: &mut Env<'_>,
        mut data: BytesMut,
        quick_ack: bool,
        out: &mut Vec<Output>,
    ) -> Result<(), PeerMisbehaved> {
        let ragged = PeerMisbehaved::SentRaggedPacket;
        let (key_id, rest) = data.split_first_chunk::<8>().ok_or(ragged)?;
        let auth_key_id = AuthKeyId(u64::from_le_bytes(*key_id));
        if auth_key_id == AuthKeyId::NONE {
            let step = self.handshakes.receive(env, &data)?;
            self.take(env, step, out);
            return Ok(());
        }
        // The only framing that adds bytes leaves it to the packet to say where it ends: after whole blocks.
        // spec: TR-6
        let beyond_blocks = (rest.len() + 8).wrapping_sub(HEADER_BYTES) % BLOCK_BYTES;
        if self.wire.framing() == Some(Framing::PaddedIntermediate) {
            data.truncate(data.len() - beyond_blocks);
        } else if beyond_blocks != 0 {
            return Err(ragged);
        }
        if data.len() < PACKET_BYTES_MIN {
            return Err(ragged);
        }
        self.clock.has_key = true;
        self.handshakes.client_moved_on();
        out.push(Output::Packet { auth_key_id, data, quick_ack });
        Ok(())
    }

    fn send(
        &mut self,
        env: &mut Env<'_>,
        packet: &Packet,
        out: &mut Vec<Output>,
    ) -> Result<(), PeerMisbehaved> {
        self.write(env, packet, out);
        match packet {
            Packet::Error(error @ TransportError::NotFound) => Err(PeerMisbehaved::WasRefused(*error)),
            _ => Ok(()),
        }
    }

    /// Does what a handshake wants.
    fn take(&mut self, env: &mut Env<'_>, step: Step, out: &mut Vec<Output>) {
        match step {
            Step::Send(packet) => self.write(env, &Packet::Sealed(packet), out),
            Step::Heavy(job) => out.push(Output::Heavy(job)),
            Step::KeyMade(made) => {
                let dc = made.dc.or(self.wire.dialled());
                out.push(Output::KeyMade(KeyMade { dc, ..made }));
            }
            Step::Done => out.extend(self.wire.send_nothing().map(Output::Write)),
        }
    }

    fn write(&mut self, env: &mut Env<'_>, packet: &Packet, out: &mut Vec<Output>) {
        if let Some(bytes) = self.wire.send(packet, env.dice) {
            // Over HTTP a response has left: what comes next has its own time.
            self.clock.http_since = None;
            out.push(Output::Write(bytes));
        }
    }

    /// The end. Whoever spoke a framing hears the one answer that there is; nobody else hears anything.
    fn close(&mut self, env: &mut Env<'_>, reason: PeerMisbehaved, out: &mut Vec<Output>) {
        // spec: HS-9, REC-3, TR-11
        let answered = matches!(
            reason,
            PeerMisbehaved::FailedHandshake(_)
                | PeerMisbehaved::SentRaggedPacket
                | PeerMisbehaved::AnnouncedTooMuch
                | PeerMisbehaved::BrokeFullFrame
        );
        if answered {
            self.write(env, &Packet::Error(TransportError::NotFound), out);
        }
        self.is_over = true;
        out.push(Output::Close(reason));
    }

    /// Closes what is over its time, or asks to be woken when it will be.
    fn keep_time(&mut self, env: &mut Env<'_>, out: &mut Vec<Output>) {
        let clock = &mut self.clock;
        if self.wire.is_stranger() {
            // spec: TR-20
            clock.strange_since.get_or_insert(env.now);
        }
        let announced = self.wire.announced_bytes();
        if announced.is_some() {
            clock.begun.get_or_insert(env.now);
        }
        clock.http_since = match self.wire.http() {
            None => None,
            Some(_) if announced.is_some() => None,
            Some(http) => {
                let waits = if http.is_open() { HttpWaits::ForResponse } else { HttpWaits::ForRequest };
                let since = clock.http_since.filter(|(before, _)| *before == waits);
                Some(since.unwrap_or((waits, env.now)))
            }
        };
        let Some(deadline) = clock.deadline(announced.unwrap_or(0)) else { return };
        if env.now >= deadline {
            let reason = match clock.strange_since {
                Some(_) => PeerMisbehaved::SpokeNoFraming,
                None => PeerMisbehaved::WasTooSlow,
            };
            self.close(env, reason, out);
        } else if clock.armed.is_none_or(|armed| deadline < armed) {
            clock.armed = Some(deadline);
            out.push(Output::WakeAt(deadline));
        }
    }
}

impl Clock {
    /// When the peer must have said more.
    fn deadline(&self, announced_bytes: usize) -> Option<Time> {
        let transfer = Duration::from_secs(announced_bytes as u64 / PACKET_BYTES_PER_SECOND_MIN);
        if let Some(since) = self.strange_since {
            return Some(since + STRANGER_SILENCE);
        }
        let packet = self.begun.map(|begun| begun + PACKET_WITHIN + transfer);
        let silence = match self.last_packet {
            None => self.opened.map(|opened| opened + FIRST_PACKET_WITHIN + transfer),
            Some(last) if !self.has_key => Some(last + HANDSHAKE_SILENCE_MAX),
            Some(_) => None,
        };
        let http = self.http_since.map(|(waits, since)| match waits {
            HttpWaits::ForRequest => since + HTTP_SILENCE_MAX,
            HttpWaits::ForResponse => since + HTTP_ANSWER_WITHIN,
        });
        packet.into_iter().chain(silence).chain(http).min()
    }
}
