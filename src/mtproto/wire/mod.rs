//! How packets lie on the wire: detection of the framing, obfuscation, WebSocket, HTTP, and the cutting of packets.

pub mod detect;
pub mod framing;
pub mod http;
pub mod obfuscated;
pub mod replay;
pub mod requests;
pub mod websocket;

use bytes::{Bytes, BytesMut};
use env::{Dice, Time};

use self::detect::{OBFUSCATION_HEADER_BYTES, Opening};
use self::framing::{Frame, Framer, Framing};
use self::obfuscated::Obfuscation;
use self::replay::ReplayCache;
use self::requests::Requests;
use crate::connection::Packet;
use crate::crypto::Side;
use crate::error::PeerMisbehaved;
use crate::ids::DataCentre;
use crate::limits::WEBSOCKET_PONGS_MAX;

/// The server's end of a byte stream, from the first byte on.
#[derive(Debug)]
pub struct Wire {
    /// Reads WebSocket frames, once the peer has upgraded. Boxed, as most peers never do.
    websocket: Option<Box<websocket::Reader>>,
    /// Reads HTTP requests, from the first byte of one to an upgrade.
    http: Option<Box<Requests>>,
    layers: Layers,
    dialled: Option<DataCentre>,
}

/// What is known of the layers under (or without) a WebSocket.
#[derive(Debug)]
enum Layers {
    /// The first bytes, until they say enough.
    Opening(Vec<u8>),
    /// Packets, under a key stream or bare.
    Packets { obfuscation: Option<Box<Obfuscation>>, framer: Framer },
    /// Nobody we know. What it says is dropped unread.
    Stranger,
}

/// What came out of received bytes.
#[derive(Debug, Default)]
pub struct Received {
    /// Whole packets.
    pub frames: Vec<Frame>,
    /// What is to be written at once: the response to an HTTP request, replies to control frames.
    pub replies: BytesMut,
}

impl Default for Wire {
    fn default() -> Self {
        Self { websocket: None, http: None, layers: Layers::Opening(Vec::new()), dialled: None }
    }
}

impl Wire {
    /// The data centre that an obfuscation header named.
    #[must_use]
    pub const fn dialled(&self) -> Option<DataCentre> {
        self.dialled
    }

    /// Whether the peer has shown to speak no framing.
    #[must_use]
    pub const fn is_stranger(&self) -> bool {
        matches!(self.layers, Layers::Stranger)
    }

    /// Bytes that are kept until the rest of their packet comes.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        if let Some(http) = &self.http {
            return http.waiting_bytes();
        }
        match &self.layers {
            Layers::Opening(bytes) => bytes.len(),
            Layers::Packets { framer, .. } => framer.waiting_bytes(),
            Layers::Stranger => 0,
        }
    }

    /// The length of the packet under way, as far as is known, in bytes; nothing between packets.
    #[must_use]
    pub fn announced_bytes(&self) -> Option<usize> {
        if let Some(http) = &self.http {
            return http.announced_bytes();
        }
        match &self.layers {
            Layers::Packets { framer, .. } => framer.announced_bytes(),
            Layers::Opening(_) | Layers::Stranger => None,
        }
    }

    /// How packets are framed, once it is known.
    #[must_use]
    pub const fn framing(&self) -> Option<Framing> {
        match &self.layers {
            Layers::Packets { framer, .. } => Some(framer.framing()),
            Layers::Opening(_) | Layers::Stranger => None,
        }
    }

    /// The requests of the peer, if it speaks HTTP.
    #[must_use]
    pub fn http(&self) -> Option<&Requests> {
        self.http.as_deref()
    }

    /// Takes every layer off `bytes`, which follow what was received before.
    ///
    /// # Errors
    ///
    /// What the peer did wrong; `received` holds what came out before, and the stream cannot be read any further.
    pub fn receive(
        &mut self,
        bytes: &mut [u8],
        now: Time,
        replays: &ReplayCache,
        received: &mut Received,
    ) -> Result<(), PeerMisbehaved> {
        if let Some(http) = &mut self.http {
            let Some(mut rest) = http.receive(bytes, received)? else { return Ok(()) };
            self.http = None;
            self.websocket = Some(Box::new(websocket::Reader::new(Side::Client)));
            return self.receive(&mut rest, now, replays, received);
        }
        let Some(websocket) = &mut self.websocket else {
            return self.receive_raw(bytes, now, replays, received);
        };
        let (mut controls, layers, dialled) = (Vec::new(), &mut self.layers, &mut self.dialled);
        let result = websocket.receive(bytes, &mut controls, |payload| {
            layers.receive(payload, now, replays, dialled, &mut received.frames)
        });
        for control in controls.iter().take(WEBSOCKET_PONGS_MAX) {
            let (head, used) = websocket::server_head(control.reply, control.payload.len());
            received.replies.extend_from_slice(head.get(head.len() - used..).unwrap_or_default());
            received.replies.extend_from_slice(&control.payload);
        }
        result
    }

    /// As [`Self::receive`], before or without an upgrade to WebSocket.
    fn receive_raw(
        &mut self,
        bytes: &mut [u8],
        now: Time,
        replays: &ReplayCache,
        received: &mut Received,
    ) -> Result<(), PeerMisbehaved> {
        if let Layers::Opening(first) = &mut self.layers {
            let known = first.len();
            let missing = OBFUSCATION_HEADER_BYTES.saturating_sub(known).min(bytes.len());
            first.extend_from_slice(bytes.get(..missing).unwrap_or_default());
            let is_http = detect::opening(first) == Opening::Http;
            first.truncate(known);
            if is_http {
                let mut earlier = std::mem::take(first);
                self.http = Some(Box::default());
                self.receive(&mut earlier, now, replays, received)?;
                return self.receive(bytes, now, replays, received);
            }
        }
        self.layers.receive(bytes, now, replays, &mut self.dialled, &mut received.frames)
    }

    /// Frames `packet` and puts every layer around it; nothing where the framing is not known yet or has no place for
    /// it.
    #[must_use]
    pub fn send(&mut self, packet: &Packet, dice: &mut dyn Dice) -> Option<Bytes> {
        if let Some(http) = &mut self.http {
            return http.send(packet);
        }
        // Frames only, from the first answer on: no marker.
        // spec: TR-3
        let Layers::Packets { obfuscation, framer } = &mut self.layers else { return None };
        let (mut head, head_bytes) = ([0; 10], if self.websocket.is_some() { 10 } else { 0 });
        let mut out = match packet {
            Packet::Sealed(bytes) => BytesMut::with_capacity(head_bytes + bytes.len() + 16),
            Packet::QuickAck(_) | Packet::Error(_) => BytesMut::with_capacity(head_bytes + 20),
        };
        out.extend_from_slice(head.get(..head_bytes).unwrap_or_default());
        match packet {
            Packet::Sealed(bytes) => framer.send(bytes, false, dice, &mut out),
            Packet::QuickAck(token) => framer.send_quick_ack(*token, dice, &mut out),
            // spec: TR-10
            Packet::Error(error) => framer.send(&error.code().to_le_bytes(), false, dice, &mut out),
        }
        let (room, framed) = out.split_at_mut_checked(head_bytes)?;
        if framed.is_empty() {
            return None;
        }
        if let Some(obfuscation) = obfuscation {
            obfuscation.send(framed);
        }
        let mut unused = 0;
        if self.websocket.is_some() {
            let used;
            (head, used) = websocket::server_head(websocket::Kind::Binary, framed.len());
            room.copy_from_slice(&head);
            unused = head_bytes - used;
        }
        Some(out.freeze().split_off(unused))
    }
}

impl Wire {
    /// The response without a packet, if an HTTP request waits for one; over every other transport silence says the same.
    #[must_use]
    pub fn send_nothing(&mut self) -> Option<Bytes> {
        self.http.as_mut()?.respond(&[])
    }
}

impl Layers {
    fn receive(
        &mut self,
        bytes: &mut [u8],
        now: Time,
        replays: &ReplayCache,
        dialled: &mut Option<DataCentre>,
        frames: &mut Vec<Frame>,
    ) -> Result<(), PeerMisbehaved> {
        match self {
            Self::Stranger => Ok(()),
            Self::Packets { obfuscation, framer } => {
                if let Some(obfuscation) = obfuscation {
                    obfuscation.receive(bytes);
                }
                framer.receive(bytes, frames)
            }
            Self::Opening(first) => {
                let known = first.len();
                let missing = OBFUSCATION_HEADER_BYTES.saturating_sub(known).min(bytes.len());
                first.extend_from_slice(bytes.get(..missing).unwrap_or_default());
                let used = match detect::opening(first) {
                    Opening::Undecided => return Ok(()),
                    Opening::Plain(framing, marker_bytes) => {
                        // Bytes of the first frame may have come together with the marker, in an earlier piece.
                        let mut earlier = std::mem::take(first);
                        earlier.truncate(known);
                        *self =
                            Self::Packets { obfuscation: None, framer: Framer::new(framing, Side::Server) };
                        let earlier = earlier.get_mut(marker_bytes..).unwrap_or_default();
                        self.receive(earlier, now, replays, dialled, frames)?;
                        marker_bytes.saturating_sub(known)
                    }
                    Opening::Obfuscated => {
                        // spec: TR-20, TR-21
                        let accepted = first.first_chunk().filter(|header| replays.is_new(header, now));
                        let Some(accepted) = accepted.and_then(Obfuscation::accept) else {
                            *self = Self::Stranger;
                            return Ok(());
                        };
                        *dialled = DataCentre::from_label(accepted.dc_label.into());
                        let framer = Framer::new(accepted.framing, Side::Server);
                        let obfuscation = Some(Box::new(accepted.obfuscation));
                        *self = Self::Packets { obfuscation, framer };
                        missing
                    }
                    // HTTP inside of a WebSocket: nobody does that.
                    Opening::Http | Opening::Stranger => {
                        *self = Self::Stranger;
                        return Ok(());
                    }
                };
                self.receive(bytes.get_mut(used..).unwrap_or_default(), now, replays, dialled, frames)
            }
        }
    }
}
