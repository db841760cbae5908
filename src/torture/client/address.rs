//! One address that speaks to the server under test in datagrams, and counts what goes and comes.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mtproto::limits::DATAGRAM_BYTES_MAX;
use mtproto::udp::datagram::{self, Assembly, Datagram};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use tl::service::ReqDHParams;
use tokio::net::UdpSocket;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::line::Came;
use crate::limits::{
    DATAGRAMS_TIMED_MAX, DATAGRAMS_WAITING_MAX, READ_BYTES, RECEIVE_BUFFER_BYTES, USED_PORTS_REFUSED_MAX,
};
use crate::world::now;

/// A datagram, and when it came.
type Received = std::io::Result<(Instant, Bytes)>;

/// An address.
pub struct Address {
    socket: Arc<UdpSocket>,
    /// What a task of its own reads as soon as it comes: what waits in the kernel for longer is soon too much for it.
    received: mpsc::Receiver<Received>,
    reader: JoinHandle<()>,
    assembly: Assembly,
    /// Long packets sent so far.
    numbers: u32,
    /// Bytes in all datagrams that went.
    pub sent_bytes: usize,
    /// Bytes in all datagrams that came.
    pub heard_bytes: usize,
    /// Whether something went that may have proven to the server that the address is ours.
    pub may_be_proven: bool,
    /// When the last datagram went.
    said: Instant,
    /// When those came that came since.
    came: Vec<Instant>,
}

impl Address {
    /// Takes a port from which only `target` is spoken to, and none of `used`: the server may still know those.
    pub async fn open(target: SocketAddr, used: &Mutex<BTreeSet<u16>>) -> Result<Self, String> {
        let from: IpAddr = match target {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let failed = |e: std::io::Error| format!("{target}: {e}");
        let mut refused = Vec::new();
        let socket = loop {
            let socket = UdpSocket::bind((from, 0)).await.map_err(failed)?;
            if used.lock().await.insert(socket.local_addr().map_err(failed)?.port()) {
                break socket;
            }
            if refused.len() >= USED_PORTS_REFUSED_MAX {
                return Err(format!("{target}: no port that was not used before"));
            }
            // As long as it is open it is not offered again.
            refused.push(socket);
        };
        socket.connect(target).await.map_err(failed)?;
        // As much as the kernel allows.
        let _ = set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER_BYTES);
        let socket = Arc::new(socket);
        let (heard, received) = mpsc::channel(DATAGRAMS_WAITING_MAX);
        let reader = tokio::spawn(read_all(Arc::clone(&socket), heard));
        Ok(Self {
            socket,
            received,
            reader,
            assembly: Assembly::default(),
            numbers: 0,
            sent_bytes: 0,
            heard_bytes: 0,
            may_be_proven: false,
            said: Instant::now(),
            came: Vec::new(),
        })
    }

    /// How many datagrams came since the last one went.
    pub fn came(&self) -> usize {
        self.came.len()
    }

    /// Whether more came since the last one went than so many at once and so many in a second; how many, and within how many
    /// milliseconds. They may have waited here until they were read, so this finds none too many that were not.
    pub fn excess(&self, burst: u32, per_second: u32) -> Option<(usize, u128)> {
        let allowed = |after: Duration| f64::from(burst) + f64::from(per_second) * after.as_secs_f64();
        let timed = self.came.iter().map(|came| came.duration_since(self.said));
        let over = (1_u32..).zip(timed).find(|(count, after)| f64::from(*count) > allowed(*after));
        over.map(|(count, after)| (count as usize, after.as_millis()))
    }

    /// Sends `packet`, in pieces if one datagram does not hold it.
    pub async fn send(&mut self, packet: &[u8]) -> Result<(), String> {
        self.numbers = self.numbers.wrapping_add(1);
        for datagram in datagram::split(&Bytes::copy_from_slice(packet), self.numbers) {
            self.write(&datagram).await?;
        }
        Ok(())
    }

    /// Sends one datagram.
    pub async fn write(&mut self, datagram: &[u8]) -> Result<(), String> {
        let is_step_two = datagram.get(20..24) == Some(ReqDHParams::ID.to_le_bytes().as_slice());
        self.may_be_proven |= is_step_two || datagram.starts_with(b"chappe:\x02");
        self.sent_bytes += datagram.len();
        self.said = Instant::now();
        self.came.clear();
        // What an earlier datagram met with is no error of this one: what the server says shows itself.
        let _ = self.socket.send(datagram).await;
        Ok(())
    }

    /// The next whole thing that comes, or nothing if `until` comes first.
    pub async fn next(&mut self, until: Instant) -> Option<Came> {
        loop {
            let received = tokio::time::timeout_at(until, self.received.recv()).await.ok()??;
            let (at, bytes) = match received {
                Ok(received) => received,
                Err(error) => return Some(Came::Broken(format!("nobody hears datagrams ({error})"))),
            };
            let bytes = bytes.as_ref();
            self.heard_bytes += bytes.len();
            if at >= self.said && self.came.len() < DATAGRAMS_TIMED_MAX {
                self.came.push(at);
            }
            if bytes.len() > DATAGRAM_BYTES_MAX {
                return Some(Came::Broken(format!("a datagram of {} bytes [UDP-1]", bytes.len())));
            }
            // An error is shorter than what a datagram is told by.
            if bytes.len() == 4 {
                return Some(Came::Packet(BytesMut::from(bytes)));
            }
            match datagram::read(bytes) {
                Some(Datagram::Packet(packet)) => return Some(Came::Packet(BytesMut::from(packet))),
                Some(Datagram::Cookie(cookie)) => return Some(Came::Cookie(cookie.0)),
                Some(Datagram::Piece(piece)) => {
                    if let Some(packet) = self.assembly.take(now(), &piece) {
                        return Some(Came::Packet(packet));
                    }
                }
                Some(Datagram::Proof(..)) | None => {
                    return Some(Came::Broken("a datagram that no server may send [UDP-1]".to_owned()));
                }
            }
        }
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read_all(socket: Arc<UdpSocket>, heard: mpsc::Sender<Received>) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let received = socket.recv(&mut buffer).await;
        let kept =
            received.map(|n| (Instant::now(), Bytes::copy_from_slice(buffer.get(..n).unwrap_or_default())));
        if heard.send(kept).await.is_err() {
            return;
        }
    }
}
