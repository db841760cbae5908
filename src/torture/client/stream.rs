//! One connection to the server under test, in any of the framings of a stream.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::{BufMut as _, Bytes, BytesMut};
use mtproto::crypto::Side;
use mtproto::wire::framing::{Frame, Framer, Framing};
use mtproto::wire::obfuscated::Obfuscation;
use mtproto::wire::websocket::{self, Kind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::line::Came;
use super::script::Way;
use crate::limits::{READ_BYTES, RESPONSE_BYTES_MAX, WRITTEN_BYTES_KEPT};
use crate::world::SystemDice;

/// The request that becomes a WebSocket.
const UPGRADE: &[u8] = b"GET /apiws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n\r\n";

/// A connection.
pub struct Stream {
    socket: TcpStream,
    way: Way,
    framer: Option<Framer>,
    obfuscation: Option<Obfuscation>,
    websocket: Option<websocket::Reader>,
    /// What goes out before the first bytes: marker or header.
    first: Vec<u8>,
    /// The bytes of a response that is not whole yet, on a connection that waits for one.
    response: Option<Vec<u8>>,
    /// Whether a bare connection became a WebSocket.
    upgraded: bool,
    waiting: VecDeque<Came>,
    written: Vec<u8>,
    open: bool,
}

impl Stream {
    /// Connects.
    pub async fn dial(target: SocketAddr, way: Way) -> Result<Self, String> {
        let mut socket = TcpStream::connect(target).await.map_err(|e| format!("{target}: {e}"))?;
        let _ = socket.set_nodelay(true);
        let framing = match way {
            Way::Bare | Way::Http | Way::Datagrams => None,
            Way::Plain(framing) | Way::Obfuscated(framing) | Way::WebSocket(framing) => Some(framing),
        };
        let mut first = Vec::new();
        let mut obfuscation = None;
        match (way, framing) {
            (Way::Plain(framing), _) => first = framing.marker().to_vec(),
            (Way::Obfuscated(_) | Way::WebSocket(_), Some(framing)) => {
                let (header, dialled) = Obfuscation::dial(framing, 2, &mut SystemDice);
                (first, obfuscation) = (header.to_vec(), Some(dialled));
            }
            _ => {}
        }
        let is_websocket = matches!(way, Way::WebSocket(_));
        if is_websocket {
            socket.write_all(UPGRADE).await.map_err(|e| e.to_string())?;
        }
        Ok(Self {
            socket,
            way,
            framer: framing.map(|framing| Framer::new(framing, Side::Client)),
            obfuscation,
            websocket: is_websocket.then(|| websocket::Reader::new(Side::Server)),
            first,
            response: (is_websocket || framing.is_none()).then(Vec::new),
            upgraded: false,
            waiting: VecDeque::new(),
            written: Vec::new(),
            open: true,
        })
    }

    /// Whether packets have random bytes behind them.
    pub fn is_padded(&self) -> bool {
        self.framer.as_ref().is_some_and(|framer| framer.framing() == Framing::PaddedIntermediate)
    }

    /// All that was written, as it went out.
    pub fn written(&self) -> &[u8] {
        &self.written
    }

    /// Writes `packet` in a frame.
    pub async fn send(&mut self, packet: &[u8], quick_ack: bool) -> Result<(), String> {
        let mut framed = BytesMut::new();
        if self.way == Way::Http {
            let head = format!("POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", packet.len());
            framed.put_slice(head.as_bytes());
        }
        match &mut self.framer {
            Some(framer) => framer.send(packet, quick_ack, &mut SystemDice, &mut framed),
            None => framed.put_slice(packet),
        }
        self.write(&framed).await
    }

    /// Writes `bytes` below the framing. That the peer has closed is no error of this end: what it said shows itself.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        if let Way::WebSocket(_) = self.way {
            // Nothing may go out before the upgrade was answered.
            self.wait_for_upgrade().await?;
        }
        let mut out = BytesMut::from(bytes);
        if let Some(obfuscation) = &mut self.obfuscation {
            obfuscation.send(&mut out);
        }
        let mut all = BytesMut::from(std::mem::take(&mut self.first).as_slice());
        all.extend_from_slice(&out);
        if let Way::WebSocket(_) = self.way {
            let payload = all.split();
            websocket::send_as_client(Kind::Binary, true, &payload, &mut SystemDice, &mut all);
        }
        if self.written.len() < WRITTEN_BYTES_KEPT {
            self.written.extend_from_slice(&all);
        }
        let _ = self.socket.write_all(&all).await;
        Ok(())
    }

    async fn wait_for_upgrade(&mut self) -> Result<(), String> {
        while self.response.is_some() {
            self.read_once().await;
            if !self.open {
                return Err("closed before the upgrade was answered".to_owned());
            }
        }
        self.waiting.retain(|came| !matches!(came, Came::Http(101, _)));
        Ok(())
    }

    /// The next thing that comes, or nothing if `until` comes first.
    pub async fn next(&mut self, until: Instant) -> Option<Came> {
        loop {
            if let Some(came) = self.waiting.pop_front() {
                return Some(came);
            }
            if !self.open {
                return None;
            }
            tokio::time::timeout_at(until, self.read_once()).await.ok()?;
        }
    }

    /// Closes it.
    pub async fn hang_up(&mut self) {
        self.end_writing().await;
        self.open = false;
    }

    /// Closes its writing half.
    pub async fn end_writing(&mut self) {
        let _ = self.socket.shutdown().await;
    }

    async fn read_once(&mut self) {
        let mut buffer = vec![0; READ_BYTES];
        match self.socket.read(&mut buffer).await {
            Ok(0) | Err(_) => {
                self.open = false;
                self.waiting.push_back(Came::Closed);
            }
            Ok(n) => {
                let bytes = buffer.get_mut(..n).unwrap_or_default();
                self.take(bytes);
            }
        }
    }

    fn take(&mut self, bytes: &mut [u8]) {
        let Some(mut response) = self.response.take() else { return self.take_layers(bytes) };
        response.extend_from_slice(bytes);
        while !response.is_empty() {
            let begun = response.get(..9).unwrap_or(&response);
            if self.way == Way::Bare && !b"HTTP/1.1 ".starts_with(begun) {
                let first = response.first().copied().unwrap_or_default();
                let came = if self.upgraded { Came::WsFrame(first) } else { Came::Bytes(response.len()) };
                self.waiting.push_back(came);
                response.clear();
                break;
            }
            let Some((status, head, body)) = response_head(&response) else {
                if response.len() > RESPONSE_BYTES_MAX {
                    self.waiting.push_back(Came::Broken("an endless HTTP response".to_owned()));
                    response.clear();
                }
                break;
            };
            if response.len() < head + body {
                break;
            }
            let mut rest = response.split_off(head);
            let said = String::from_utf8_lossy(&response).to_ascii_lowercase();
            self.waiting.push_back(Came::Http(status, said));
            match (self.way, status) {
                // From here on only the kinds of frames are looked at.
                (Way::Bare, 101) => self.upgraded = true,
                (Way::WebSocket(_), 101) => return self.take_layers(&mut rest),
                (Way::Http, 200) if body > 0 => {
                    let packet = BytesMut::from(rest.get(..body).unwrap_or_default());
                    self.waiting.push_back(Came::Packet(packet));
                }
                _ => {}
            }
            response = rest.split_off(body);
        }
        self.response = Some(response);
    }

    fn take_layers(&mut self, bytes: &mut [u8]) {
        let Self { obfuscation, framer, websocket, .. } = self;
        let mut frames = Vec::new();
        let mut layers = |payload: &mut [u8]| {
            if let Some(obfuscation) = obfuscation {
                obfuscation.receive(payload);
            }
            match framer {
                Some(framer) => framer.receive(payload, &mut frames),
                None => Ok(()),
            }
        };
        let done = match websocket {
            Some(reader) => reader.receive(bytes, &mut Vec::new(), layers),
            None => layers(bytes),
        };
        self.waiting.extend(frames.into_iter().map(|frame| match frame {
            Frame::Packet { data, .. } => Came::Packet(data),
            Frame::QuickAck(token) => Came::QuickAck(token.0),
        }));
        if let Err(fault) = done
            && fault != mtproto::PeerMisbehaved::ClosedWebSocket
        {
            self.waiting.push_back(Came::Broken(format!("a frame that cannot be read ({fault})")));
        }
    }
}

/// The status of a response, the length of its head and of its body, in bytes, once the head is whole.
fn response_head(response: &[u8]) -> Option<(u16, usize, usize)> {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(response.get(..end)?).unwrap_or_default();
    let status = head.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
    });
    Some((status, end, length.unwrap_or(0)))
}

/// A frame of the full framing, built by hand.
pub fn full_frame(packet: &[u8], length_plus: i32, seq: u32, crc_xor: u32) -> Bytes {
    let length = i32::try_from(packet.len() + 12).unwrap_or(i32::MAX).wrapping_add(length_plus);
    let mut out = BytesMut::new();
    out.put_i32_le(length);
    out.put_u32_le(seq);
    out.put_slice(packet);
    let crc = crc32fast::hash(&out) ^ crc_xor;
    out.put_u32_le(crc);
    out.freeze()
}
