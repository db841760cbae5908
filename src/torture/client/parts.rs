//! The bytes that scripts write by hand.

use std::time::Duration;

use tokio::time::Instant;

use super::exchange::noise;
use super::play::Player;
use super::script::{Clear, Part};

impl Player<'_> {
    /// The bytes of a part; in a flood, of its `nth` datagram.
    pub fn part(&mut self, part: Part, nth: u32) -> Vec<u8> {
        match part {
            Part::B(bytes) => bytes.to_vec(),
            Part::Zeros(n) => vec![0; n],
            Part::Noise(n) => noise(n),
            Part::Ask => self.run().map(|run| run.clear(Clear::ReqPqMulti, &[])).unwrap_or_default(),
            Part::Said => self.clear.last().cloned().unwrap_or_default(),
            Part::Sealed => self.sealed().to_vec(),
            Part::SealedPart(from, bytes) => self.sealed().iter().skip(from).take(bytes).copied().collect(),
            Part::Cookie => self.last_cookie.to_vec(),
            Part::WrongCookie => {
                let mut cookie = self.last_cookie.to_vec();
                if let Some(byte) = cookie.last_mut() {
                    *byte ^= 1;
                }
                cookie
            }
            Part::ServerNonce => self.run().map(|run| run.exchange.server_nonce.to_vec()).unwrap_or_default(),
            Part::ProofHead => b"chappe:\x02".to_vec(),
            Part::PieceHead(number, index, count) => piece_head(number, index, count),
            Part::PieceHeadOfFlood(index, count) => piece_head(nth, index, count),
            Part::WsFrame(first, masked, payload) => {
                let mut frame = vec![first, payload.len() as u8 | if masked { 0x80 } else { 0 }];
                if masked {
                    // A mask of zeros is a mask.
                    frame.extend([0; 4]);
                }
                frame.extend(payload);
                frame
            }
        }
    }

    fn sealed(&self) -> &[u8] {
        self.packets.last().map(|(packet, _)| packet.as_slice()).unwrap_or_default()
    }

    /// Writes so many times all of `parts` at once: over datagrams, each time in one.
    pub async fn flood(&mut self, times: u32, parts: &[Part]) -> Result<(), String> {
        for nth in 0..times {
            let bytes: Vec<u8> = parts.iter().flat_map(|part| self.part(*part, nth)).collect();
            self.line()?.write(&bytes).await?;
        }
        Ok(())
    }

    /// Writes `parts` byte for byte, so many milliseconds between, and listens meanwhile.
    pub async fn drip(&mut self, parts: &[Part], ms: u64) -> Result<(), String> {
        let bytes: Vec<u8> = parts.iter().flat_map(|part| self.part(*part, 0)).collect();
        for byte in bytes {
            self.line()?.write(&[byte]).await?;
            let until = Instant::now() + Duration::from_millis(ms);
            while self.read(until).await? {}
            if self.has_ended() {
                break;
            }
        }
        Ok(())
    }
}

/// What stands before a piece of a packet.
fn piece_head(number: u32, index: u16, count: u16) -> Vec<u8> {
    [&b"chappe:\x03"[..], &number.to_le_bytes(), &index.to_le_bytes(), &count.to_le_bytes()].concat()
}
