//! The client's end of a byte stream.

use bytes::{BufMut as _, BytesMut};
use env::Dice;

use crate::crypto::Side;
use crate::error::PeerMisbehaved;
use crate::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_MAX, PACKET_BYTES_MAX};
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
    /// Packets are posted, and come in responses; none of the other layers is there.
    http: Option<Responses>,
}

/// The responses of an HTTP server, under way.
#[derive(Debug, Default)]
struct Responses {
    /// Bytes of a response that is not whole yet.
    bytes: BytesMut,
    /// Where its body begins, and how long it is, once that is known.
    body: Option<(usize, usize)>,
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
            http: None,
        };
        (transport, if options.websocket { UPGRADE.as_bytes().to_vec() } else { Vec::new() })
    }

    /// A connection over HTTP. There is nothing to send at once.
    #[must_use]
    pub fn http() -> Self {
        Self {
            framer: Framer::new(Framing::Intermediate, Side::Client),
            obfuscation: None,
            websocket: None,
            marker: Vec::new(),
            response: None,
            http: Some(Responses::default()),
        }
    }

    /// The bytes that carry `packet`. Over HTTP the next packet must wait for the response to this one.
    #[must_use]
    pub fn send(&mut self, packet: &[u8], quick_ack: bool, dice: &mut dyn Dice) -> BytesMut {
        if self.http.is_some() {
            let head =
                format!("POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", packet.len());
            let mut out = BytesMut::from(head.as_bytes());
            out.put_slice(packet);
            return out;
        }
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

    /// Takes every layer off `bytes`. A status that is not 200 comes out as the transport error that it stands for, a
    /// response without a body as an empty packet.
    ///
    /// # Errors
    ///
    /// What the server did wrong.
    pub fn receive(&mut self, bytes: &mut [u8], frames: &mut Vec<Frame>) -> Result<(), PeerMisbehaved> {
        if let Some(http) = &mut self.http {
            return http.receive(bytes, frames);
        }
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

impl Responses {
    fn receive(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), PeerMisbehaved> {
        self.bytes.put_slice(bytes);
        loop {
            let (at, length, status) = match self.body {
                Some((at, length)) => (at, length, 200),
                None => {
                    let Some(head) = read_head(&self.bytes)? else { return Ok(()) };
                    head
                }
            };
            if self.bytes.len() < at + length {
                self.body = (status == 200).then_some((at, length));
                return Ok(());
            }
            let mut data = self.bytes.split_to(at + length).split_off(at);
            self.body = None;
            if status != 200 {
                data = BytesMut::from(&(-status).to_le_bytes()[..]);
            }
            frames.push(Frame::Packet { data, quick_ack: false });
        }
    }
}

/// Length of a head and of the body behind it, and the status; nothing if the head is not whole.
fn read_head(bytes: &[u8]) -> Result<Option<(usize, usize, i32)>, PeerMisbehaved> {
    let mut headers = [httparse::EMPTY_HEADER; HTTP_HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let broken = PeerMisbehaved::AskedOverHttp;
    match response.parse(bytes).map_err(|_| broken)? {
        httparse::Status::Partial if bytes.len() > HTTP_HEAD_BYTES_MAX => Err(broken),
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete(at) => {
            let length = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case("Content-Length"));
            let length = length.and_then(|h| std::str::from_utf8(h.value).ok()?.trim().parse().ok());
            let length = length.filter(|length| *length <= PACKET_BYTES_MAX + 1024).ok_or(broken)?;
            Ok(Some((at, length, response.code.map_or(0, i32::from))))
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
