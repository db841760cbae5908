//! One address that has proven itself: datagrams in, datagrams out, and the making of keys in between. Driven as a
//! [`Connection`](crate::Connection) is, with its outputs; an [`Output::Write`] is one datagram.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use env::Env;

use super::datagram::{self, Assembly, Piece};
use super::door::Run;
use crate::connection::{KeyStored, Output, Packet};
use crate::crypto::ige::BLOCK_BYTES;
use crate::crypto::{HEADER_BYTES, PACKET_BYTES_MIN};
use crate::error::{HandshakeError, PeerMisbehaved, TransportError};
use crate::handshake::{Handshakes, HeavyDone, ServerKeys, Step, plain};
use crate::ids::AuthKeyId;

/// One address.
#[derive(Debug)]
pub struct DatagramPath {
    handshakes: Handshakes,
    assembly: Assembly,
    /// Long packets sent so far.
    numbers: u32,
    is_over: bool,
}

/// Something that did not happen, for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl DatagramPath {
    /// A path on which nothing was said yet.
    #[must_use]
    pub fn new(keys: Arc<ServerKeys>) -> Self {
        let handshakes = Handshakes::new(keys, plain::ServerMsgIds::default());
        Self { handshakes, assembly: Assembly::default(), numbers: 0, is_over: false }
    }

    /// Takes a packet from the address, with the run that it goes on with, if the door found one. What is odd is dropped:
    /// anybody can send a datagram in somebody's name.
    pub fn receive(&mut self, env: &mut Env<'_>, packet: &[u8], run: Option<Run>, out: &mut Vec<Output>) {
        if self.is_over {
            return;
        }
        let Some(id) = packet.first_chunk() else { return };
        let auth_key_id = AuthKeyId(u64::from_le_bytes(*id));
        if auth_key_id == AuthKeyId::NONE {
            if let Some(Run { nonce, server_nonce, pq }) = run {
                self.handshakes.adopt(env.now, nonce, server_nonce, pq);
            }
            let step = self.handshakes.receive(env, packet);
            // Only whoever knows the nonces of a run can end it, and the path with it.
            // spec: UDP-7
            if matches!(step, Err(HandshakeError::UnknownRun | HandshakeError::NotAHandshakeMessage)) {
                return;
            }
            return self.take(step.map_err(Into::into), out);
        }
        let whole_blocks = packet.len().wrapping_sub(HEADER_BYTES).is_multiple_of(BLOCK_BYTES);
        if packet.len() >= PACKET_BYTES_MIN && whole_blocks {
            out.push(Output::Packet { auth_key_id, data: BytesMut::from(packet), quick_ack: false });
        }
    }

    /// Takes a piece of a packet from the address.
    pub fn receive_piece(&mut self, env: &mut Env<'_>, piece: &Piece<'_>, out: &mut Vec<Output>) {
        if let Some(packet) = self.assembly.take(env.now, piece)
            // A handshake needs no pieces.
            && packet.first_chunk() != Some(&[0; 8])
        {
            self.receive(env, &packet, None, out);
        }
    }

    /// Takes the result of an [`Output::Heavy`].
    pub fn heavy_done(&mut self, env: &mut Env<'_>, done: HeavyDone, out: &mut Vec<Output>) {
        let step = self.handshakes.heavy_done(env, done);
        self.take(step.map_err(Into::into), out);
    }

    /// Takes what became of the key of an [`Output::KeyMade`].
    pub fn key_stored(
        &mut self,
        env: &mut Env<'_>,
        id: AuthKeyId,
        outcome: KeyStored,
        out: &mut Vec<Output>,
    ) {
        let step = self.handshakes.key_stored(env, id, outcome);
        self.take(step, out);
    }

    /// The datagrams that carry `packet`. There are no quick acks.
    ///
    /// # Errors
    ///
    /// [`TooLong`]: the session keeps what is too long for datagrams for another path.
    pub fn send(&mut self, packet: &Packet, out: &mut Vec<Output>) -> Result<(), TooLong> {
        match packet {
            Packet::Sealed(packet) => {
                self.numbers = self.numbers.wrapping_add(1);
                let datagrams = datagram::split(packet, self.numbers);
                if datagrams.is_empty() {
                    return Err(TooLong);
                }
                out.extend(datagrams.into_iter().map(Output::Write));
            }
            Packet::Error(error) => {
                out.push(Output::Write(Bytes::copy_from_slice(&error.code().to_le_bytes())));
            }
            Packet::QuickAck(_) => {}
        }
        Ok(())
    }

    /// Memory held for packets whose pieces have not all come, in bytes.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.assembly.held_bytes()
    }

    fn take(&mut self, step: Result<Step, PeerMisbehaved>, out: &mut Vec<Output>) {
        if self.is_over {
            return;
        }
        match step {
            Ok(Step::Send(packet)) => out.push(Output::Write(packet)),
            Ok(Step::Heavy(job)) => out.push(Output::Heavy(job)),
            Ok(Step::KeyMade(made)) => out.push(Output::KeyMade(made)),
            Ok(Step::Done) => {}
            Err(reason) => {
                // spec: HS-9
                if matches!(reason, PeerMisbehaved::FailedHandshake(_)) {
                    let code = TransportError::NotFound.code();
                    out.push(Output::Write(Bytes::copy_from_slice(&code.to_le_bytes())));
                }
                self.is_over = true;
                out.push(Output::Close(reason));
            }
        }
    }
}
