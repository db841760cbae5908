//! The client's end of a byte stream.

use bytes::BytesMut;
use env::Dice;

use crate::crypto::Side;
use crate::error::PeerMisbehaved;
use crate::wire::framing::{Frame, Framer, Framing};
use crate::wire::obfuscated::Obfuscation;
use crate::wire::websocket::{self, Kind};

/// How a client speaks.
#[derive(Debug, Clone, Copy)]
pub struct TransportOptions {
    /// How packets lie in the stream.
    pub framing: Framing,
    /// Obfuscate, with this label of a data centre in the header.
    pub obfuscated: Option<i16>,
    /// Upgrade to a WebSocket first; needs obfuscation.
    pub websocket: bool,
}

/// One connection of a client.
#[derive(Debug)]
pub struct Transport {
    framer: Framer,
    obfuscation: Option<Obfuscation>,
    websocket: Option<websocket::Reader>,
    /// What goes out before the first packet, under the layers that are left.
    marker: Vec<u8>,
    /// Whether the head of the HTTP response has been read, byte by byte in here.
    response: Option<Vec<u8>>,
}

const UPGRADE: &str = "GET /apiws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n\r\n";

impl Transport {
    /// A connection, and the bytes to send at once. What must stand before the first packet goes out with it.
    #[must_use]
    pub fn new(options: TransportOptions, dice: &mut dyn Dice) -> (Self, Vec<u8>) {
        let (marker, obfuscation) = match options.obfuscated {
            None => (options.framing.marker().to_vec(), None),
            Some(dc_label) => {
                let (header, obfuscation) = Obfuscation::dial(options.framing, dc_label, dice);
                (header.to_vec(), Some(obfuscation))
            }
        };
        let transport = Self {
            framer: Framer::new(options.framing, Side::Client),
            obfuscation,
            websocket: options.websocket.then(|| websocket::Reader::new(Side::Server)),
            marker,
            response: options.websocket.then(Vec::new),
        };
        (transport, if options.websocket { UPGRADE.as_bytes().to_vec() } else { Vec::new() })
    }

    /// The bytes that carry `packet`.
    #[must_use]
    pub fn send(&mut self, packet: &[u8], quick_ack: bool, dice: &mut dyn Dice) -> BytesMut {
        let mut framed = BytesMut::new();
        self.framer.send(packet, quick_ack, dice, &mut framed);
        if let Some(obfuscation) = &mut self.obfuscation {
            obfuscation.send(&mut framed);
        }
        let mut out = BytesMut::from(std::mem::take(&mut self.marker).as_slice());
        out.extend_from_slice(&framed);
        if self.websocket.is_none() {
            return out;
        }
        let mut frames = BytesMut::new();
        websocket::send_as_client(Kind::Binary, true, &out, dice, &mut frames);
        frames
    }

    /// Takes every layer off `bytes`.
    ///
    /// # Errors
    ///
    /// What the server did wrong.
    pub fn receive(&mut self, bytes: &mut [u8], frames: &mut Vec<Frame>) -> Result<(), PeerMisbehaved> {
        let bytes = match &mut self.response {
            None => bytes,
            Some(head) => {
                let rest = head_end(head, bytes);
                if rest == bytes.len() && !head.ends_with(b"\r\n\r\n") {
                    return Ok(());
                }
                if !head.starts_with(b"HTTP/1.1 101 ") {
                    return Err(PeerMisbehaved::BrokeWebSocket);
                }
                self.response = None;
                bytes.get_mut(rest..).unwrap_or_default()
            }
        };
        let (obfuscation, framer) = (&mut self.obfuscation, &mut self.framer);
        let mut layers = |payload: &mut [u8]| {
            if let Some(obfuscation) = obfuscation {
                obfuscation.receive(payload);
            }
            framer.receive(payload, frames)
        };
        match &mut self.websocket {
            Some(websocket) => websocket.receive(bytes, &mut Vec::new(), layers),
            None => layers(bytes),
        }
    }
}

/// Moves bytes of an HTTP head into `head`; how many.
fn head_end(head: &mut Vec<u8>, bytes: &[u8]) -> usize {
    for (used, byte) in bytes.iter().enumerate() {
        if head.ends_with(b"\r\n\r\n") {
            return used;
        }
        head.push(*byte);
    }
    bytes.len()
}
