//! One address that speaks to the server under test in datagrams, and counts what goes and comes.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::{Bytes, BytesMut};
use mtproto::limits::DATAGRAM_BYTES_MAX;
use mtproto::udp::datagram::{self, Assembly, Datagram};
use tl::service::ReqDHParams;
use tokio::net::UdpSocket;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::line::Came;
use crate::limits::{READ_BYTES, USED_PORTS_REFUSED_MAX};
use crate::world::now;

/// An address.
pub struct Address {
    socket: UdpSocket,
    assembly: Assembly,
    /// Long packets sent so far.
    numbers: u32,
    /// Bytes in all datagrams that went.
    pub sent_bytes: usize,
    /// Bytes in all datagrams that came.
    pub heard_bytes: usize,
    /// Whether something went that may have proven to the server that the address is ours.
    pub may_be_proven: bool,
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
        Ok(Self {
            socket,
            assembly: Assembly::default(),
            numbers: 0,
            sent_bytes: 0,
            heard_bytes: 0,
            may_be_proven: false,
        })
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
        // What an earlier datagram met with is no error of this one: what the server says shows itself.
        let _ = self.socket.send(datagram).await;
        Ok(())
    }

    /// The next whole thing that comes, or nothing if `until` comes first.
    pub async fn next(&mut self, until: Instant) -> Option<Came> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let received = tokio::time::timeout_at(until, self.socket.recv(&mut buffer)).await.ok()?;
            let bytes = match received {
                Ok(n) => buffer.get(..n).unwrap_or_default(),
                Err(error) => return Some(Came::Broken(format!("nobody hears datagrams ({error})"))),
            };
            self.heard_bytes += bytes.len();
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
