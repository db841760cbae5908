//! The client's end of an address, over datagrams.

use bytes::{BufMut as _, Bytes, BytesMut};
use env::Time;

use crate::limits::{DATAGRAM_BYTES_MAX, DATAGRAM_FIRST_BYTES};
use crate::udp::Cookie;
use crate::udp::datagram::{self, Assembly, Datagram, PROOF_HEAD_BYTES};

/// What a datagram of the server brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    /// A packet.
    Packet(BytesMut),
    /// The server does not know this address: send it this, which proves the address and repeats the last packet.
    Prove(Bytes),
    /// A transport error, which anybody can send: a reason to ask over a stream, and no more.
    Error(i32),
    /// Nothing yet.
    Nothing,
}

/// One address of a client.
#[derive(Debug, Default)]
pub struct Datagrams {
    /// Until something sealed comes back, the cookie goes with every packet.
    cookie: Option<Cookie>,
    /// The last packet that fits a datagram with a proof.
    last: Bytes,
    assembly: Assembly,
    numbers: u32,
}

impl Datagrams {
    /// The datagrams that carry `packet`; none if it is too long for this transport.
    #[must_use]
    pub fn send(&mut self, packet: &[u8]) -> Vec<Bytes> {
        if packet.starts_with(&[0; 8]) {
            // The first answer may not be longer than the question.
            // spec: UDP-4
            let mut padded = BytesMut::from(packet);
            if padded.len() < DATAGRAM_FIRST_BYTES {
                padded.put_bytes(0, DATAGRAM_FIRST_BYTES - packet.len());
            }
            return vec![padded.freeze()];
        }
        let packet = Bytes::copy_from_slice(packet);
        if packet.len() + PROOF_HEAD_BYTES <= DATAGRAM_BYTES_MAX {
            self.last = packet.clone();
            if let Some(cookie) = &self.cookie {
                return vec![datagram::proof(cookie, &packet)];
            }
        }
        self.numbers = self.numbers.wrapping_add(1);
        datagram::split(&packet, self.numbers)
    }

    /// Takes a datagram of the server.
    pub fn receive(&mut self, now: Time, bytes: &[u8]) -> Got {
        if let Some(code) = bytes.first_chunk().filter(|_| bytes.len() == 4) {
            return Got::Error(i32::from_le_bytes(*code));
        }
        match datagram::read(bytes) {
            Some(Datagram::Packet(packet)) => {
                if !packet.starts_with(&[0; 8]) {
                    self.cookie = None;
                }
                Got::Packet(BytesMut::from(packet))
            }
            Some(Datagram::Cookie(cookie)) => {
                self.cookie = Some(cookie);
                Got::Prove(datagram::proof(&cookie, &self.last))
            }
            Some(Datagram::Piece(piece)) => self.assembly.take(now, &piece).map_or(Got::Nothing, Got::Packet),
            Some(Datagram::Proof(..)) | None => Got::Nothing,
        }
    }
}
