//! One connection of a client.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use env::Dice as _;
use mtproto::connection::Packet;
use mtproto::crypto::QuickAckToken;
use mtproto::handshake::{Padding, RsaKey};
use mtproto::wire::framing::{Frame, Framing};
use mtproto::wire::replay::ReplayCache;
use mtproto::wire::{Received, Wire};
use mtproto::{AuthKey, TransportError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::exchange::{Exchange, Of, Step};
use super::lies::Lie;
use super::modes::Mode;
use super::talk::Talk;
use super::watch::Watch;
use crate::limits::READ_BYTES;
use crate::world::{SystemDice, now};

/// What all connections share.
pub struct Shared {
    /// How it lies.
    pub mode: Mode,
    /// The keys, and the padding that each opens.
    pub keys: Vec<(RsaKey, Padding)>,
    /// What is seen.
    pub watch: Watch,
    replays: ReplayCache,
    made: Mutex<HashMap<u64, Row>>,
}

/// A key that a client made.
#[derive(Clone)]
pub struct Row {
    /// It.
    pub key: AuthKey,
    /// Its salt.
    pub salt: i64,
    /// Whether the client should not have believed in it.
    pub made_of_a_lie: bool,
    /// The layer that its client speaks.
    pub layer: i32,
    /// Whether its client was lied to in a session.
    pub told: bool,
}

impl Shared {
    /// Nobody was there yet.
    pub fn new(mode: Mode, keys: Vec<(RsaKey, Padding)>, prints: bool) -> Self {
        let (watch, replays) = (Watch::new(prints), ReplayCache::new());
        Self { mode, keys, watch, replays, made: Mutex::default() }
    }

    /// The key of this name.
    pub fn row(&self, id: u64) -> Option<Row> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Changes what is known of a key.
    pub fn change(&self, id: u64, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&id) {
            change(row);
        }
    }
}

/// What a session wants written.
pub enum Out {
    /// A packet.
    Packet(Bytes),
    /// A transport error.
    Error(TransportError),
    /// A quick ack.
    QuickAck,
}

/// A connection.
pub struct Peer {
    shared: Arc<Shared>,
    number: usize,
    wire: Wire,
    exchange: Exchange,
    talk: Option<Talk>,
    out: VecDeque<Out>,
    over: bool,
}

/// Serves one connection to its end.
pub async fn serve(shared: Arc<Shared>, number: usize, mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    shared.watch.connected(number);
    let mut peer = Peer {
        shared,
        number,
        wire: Wire::default(),
        exchange: Exchange::default(),
        talk: None,
        out: VecDeque::new(),
        over: false,
    };
    let mut buffer = vec![0; READ_BYTES];
    while !peer.over {
        let later = peer.talk.as_ref().and_then(Talk::due).unwrap_or_else(far);
        let read = tokio::select! {
            read = stream.read(&mut buffer) => Some(read),
            () = tokio::time::sleep_until(later) => None,
        };
        match read {
            None => {
                if let Some(talk) = &mut peer.talk {
                    peer.out.extend(talk.later(&peer.shared, peer.number));
                }
            }
            Some(Ok(0) | Err(_)) => {
                peer.shared.watch.closed(number);
                return;
            }
            Some(Ok(n)) => {
                let replies = peer.receive(buffer.get_mut(..n).unwrap_or_default());
                if stream.write_all(&replies).await.is_err() {
                    continue;
                }
            }
        }
        let written = peer.framed();
        // That the client is gone shows itself at the next reading.
        let _ = stream.write_all(&written).await;
    }
    peer.shared.watch.note(number, &"was left");
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

impl Peer {
    /// Takes bytes; what must be written at once.
    fn receive(&mut self, bytes: &mut [u8]) -> BytesMut {
        let mut received = Received::default();
        let done = self.wire.receive(bytes, now(), &self.shared.replays, &mut received);
        for frame in received.frames {
            if let Frame::Packet { data, .. } = frame {
                self.packet(data);
            }
        }
        if let Err(fault) = done {
            self.shared.watch.note(self.number, &format_args!("spoke no framing: {fault}"));
            self.over = true;
        }
        received.replies
    }

    fn packet(&mut self, mut data: BytesMut) {
        if data.starts_with(&[0; 8]) {
            self.clear(&data);
            return;
        }
        if self.wire.framing() == Some(Framing::PaddedIntermediate) {
            data.truncate(data.len() - data.len().saturating_sub(24) % 16);
        }
        let id = data.first_chunk().copied().map(u64::from_le_bytes).unwrap_or_default();
        let Some(row) = self.shared.row(id) else {
            self.shared.watch.note(self.number, &"used a key that it did not make here");
            self.out.push_back(Out::Error(TransportError::NotFound));
            return;
        };
        if row.made_of_a_lie {
            // It hears nothing more: a client that is hung up on comes back, and back.
            self.shared.watch.accepted(self.number, "it uses the key");
            return;
        }
        let talk = self.talk.get_or_insert_with(Talk::default);
        self.out.extend(talk.receive(&self.shared, self.number, &row, &mut data));
    }

    fn clear(&mut self, data: &[u8]) {
        let (lie, watch) = (self.shared.mode.lie, &self.shared.watch);
        match self.exchange.receive(&self.shared.keys, lie, data) {
            Step::Say(packet) => self.out.push_back(Out::Packet(packet)),
            Step::Lie(packet) => {
                watch.lied(self.number, self.shared.mode.name);
                self.out.push_back(Out::Packet(packet));
            }
            Step::WentOn(how, Some(packet)) => {
                watch.went_on(self.number, how);
                self.out.push_back(Out::Packet(packet));
            }
            Step::WentOn(how, None) => {
                watch.accepted(self.number, how);
                self.over = true;
            }
            Step::Made(packet, key, salt, of) => {
                match of {
                    Of::Lie => watch.lied(self.number, self.shared.mode.name),
                    Of::EarlierLie => watch.went_on(self.number, "it went on to set_client_DH_params"),
                    Of::Truth => watch.note(self.number, &"made a key"),
                }
                let made_of_a_lie = of != Of::Truth;
                let row = Row { key: *key, salt, made_of_a_lie, layer: 0, told: false };
                let mut made = self.shared.made.lock().unwrap_or_else(PoisonError::into_inner);
                made.insert(row.key.id().0, row);
                self.out.push_back(Out::Packet(packet));
            }
            Step::Nonsense(what) => {
                watch.note(self.number, &format_args!("said {what}"));
                self.out.push_back(Out::Error(TransportError::NotFound));
            }
            Step::Nothing => {}
        }
        if let Lie::Clear(_) = lie
            && self.talk.is_some()
        {
            watch.note(self.number, &"began another key exchange in the middle of a session");
        }
    }

    /// What waits to be written, framed.
    fn framed(&mut self) -> BytesMut {
        let mut written = BytesMut::new();
        while let Some(out) = self.out.pop_front() {
            let packet = match out {
                Out::Packet(bytes) => Packet::Sealed(bytes),
                Out::Error(error) => Packet::Error(error),
                Out::QuickAck => Packet::QuickAck(QuickAckToken(SystemDice.u32() | 1 << 31)),
            };
            if let Some(bytes) = self.wire.send(&packet, &mut SystemDice) {
                written.extend_from_slice(&bytes);
            }
        }
        written
    }
}
