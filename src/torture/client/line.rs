//! A way to the server under test: a connection, or an address that sends datagrams.

use bytes::BytesMut;
use tokio::time::Instant;

use super::address::Address;
use super::stream::Stream;

/// What came over a line.
#[derive(Debug)]
pub enum Came {
    /// A packet, frame padding still behind it.
    Packet(BytesMut),
    /// A quick ack.
    QuickAck(u32),
    /// The status of an HTTP response, and its head in small letters.
    Http(u16, String),
    /// The first byte of a WebSocket frame, on a bare connection that was upgraded.
    WsFrame(u8),
    /// Bytes on a bare connection that are nothing else.
    Bytes(usize),
    /// A cookie, in a datagram.
    Cookie([u8; 16]),
    /// Something that no server may say.
    Broken(String),
    /// The end.
    Closed,
}

/// A way to the server.
pub enum Line {
    /// A connection.
    Stream(Box<Stream>),
    /// An address.
    Datagrams(Box<Address>),
}

impl Line {
    /// The address, if it is one.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Stream(_) => None,
            Self::Datagrams(address) => Some(address),
        }
    }

    /// Whether packets have random bytes behind them.
    pub fn is_padded(&self) -> bool {
        matches!(self, Self::Stream(stream) if stream.is_padded())
    }

    /// All that was written, as it went out.
    pub fn written(&self) -> &[u8] {
        match self {
            Self::Stream(stream) => stream.written(),
            Self::Datagrams(_) => &[],
        }
    }

    /// Sends `packet` in a frame, or in as many datagrams as it needs.
    pub async fn send(&mut self, packet: &[u8], quick_ack: bool) -> Result<(), String> {
        match self {
            Self::Stream(stream) => stream.send(packet, quick_ack).await,
            Self::Datagrams(address) => address.send(packet).await,
        }
    }

    /// Writes `bytes` below the framing, or as one datagram.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self {
            Self::Stream(stream) => stream.write(bytes).await,
            Self::Datagrams(address) => address.write(bytes).await,
        }
    }

    /// The next thing that comes, or nothing if `until` comes first.
    pub async fn next(&mut self, until: Instant) -> Option<Came> {
        match self {
            Self::Stream(stream) => stream.next(until).await,
            Self::Datagrams(address) => address.next(until).await,
        }
    }

    /// Closes it.
    pub async fn hang_up(&mut self) {
        if let Self::Stream(stream) = self {
            stream.hang_up().await;
        }
    }

    /// Closes its writing half.
    pub async fn end_writing(&mut self) {
        if let Self::Stream(stream) = self {
            stream.end_writing().await;
        }
    }
}
