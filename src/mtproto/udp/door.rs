//! The door in front of all addresses: it answers strangers without remembering them.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use env::Env;
use tl::service;

use super::cookies::{Cookies, Purpose};
use super::datagram::{self, COOKIE_BYTES, Datagram, Piece};
use crate::handshake::pq::Pq;
use crate::handshake::{ServerKeys, plain};
use crate::ids::AuthKeyId;
use crate::limits::PLAIN_PACKET_BYTES_MAX;

/// What a datagram says, as far as that can be told without knowing its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<'a> {
    /// Nothing that is answered.
    Nothing,
    /// It is to be answered with this, which is no longer than it.
    Answer(Bytes),
    /// The address is its sender's, and the packet is from there; it may be empty. In a handshake the run that it goes on
    /// with, if it is the first that its sender returns.
    Proven(&'a [u8], Option<Run>),
    /// A packet. From an address that has not proven itself it is to be answered with [`Door::challenge`].
    Packet(&'a [u8]),
    /// A piece of one; worth nothing from an address that has not proven itself.
    Piece(Piece<'a>),
}

/// A handshake whose first step was answered without keeping anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The client's.
    pub nonce: [u8; 16],
    /// Ours, which was the cookie.
    pub server_nonce: [u8; 16],
    /// Whose factors the client has found.
    pub pq: Pq,
}

/// Answers strangers.
#[derive(Debug)]
pub struct Door {
    keys: Arc<ServerKeys>,
    cookies: Cookies,
    msg_ids: plain::ServerMsgIds,
}

impl Door {
    /// A door with cookies of its own.
    #[must_use]
    pub fn new(env: &mut Env<'_>, keys: Arc<ServerKeys>) -> Self {
        Self { keys, cookies: Cookies::new(env), msg_ids: plain::ServerMsgIds::default() }
    }

    /// Looks at a datagram from `from`.
    #[must_use]
    pub fn hear<'a>(&mut self, env: &mut Env<'_>, from: SocketAddr, bytes: &'a [u8]) -> Heard<'a> {
        match datagram::read(bytes) {
            // Only servers send cookies.
            None | Some(Datagram::Cookie(_)) => Heard::Nothing,
            Some(Datagram::Piece(piece)) => Heard::Piece(piece),
            Some(Datagram::Packet(packet)) => match packet.first_chunk() {
                None => Heard::Nothing,
                Some(id) if u64::from_le_bytes(*id) == AuthKeyId::NONE.0 => {
                    self.hear_plain(env, from, packet)
                }
                Some(_) if packet.len() < crate::crypto::PACKET_BYTES_MIN => Heard::Nothing,
                Some(_) => Heard::Packet(packet),
            },
            Some(Datagram::Proof(cookie, packet)) => {
                // spec: UDP-3
                if !self.cookies.is_good(env, from, Purpose::Address, &cookie) {
                    return self.challenge(env, from, bytes.len()).map_or(Heard::Nothing, Heard::Answer);
                }
                Heard::Proven(packet, None)
            }
        }
    }

    /// The answer to a datagram of `bytes` bytes from an address that has not proven itself; nothing if it would be longer.
    #[must_use]
    pub fn challenge(&mut self, env: &mut Env<'_>, from: SocketAddr, bytes: usize) -> Option<Bytes> {
        // spec: UDP-3
        (bytes >= COOKIE_BYTES).then(|| datagram::cookie(&self.cookies.bake(env, from, Purpose::Address)))
    }

    fn hear_plain<'a>(&mut self, env: &mut Env<'_>, from: SocketAddr, packet: &'a [u8]) -> Heard<'a> {
        let Some(body) = plain::body(packet).filter(|_| packet.len() <= PLAIN_PACKET_BYTES_MAX) else {
            return Heard::Nothing;
        };
        let mut reader = tl::Reader::new(body);
        macro_rules! query {
            ($query:ty) => {
                match <$query as tl::Decode>::decode(&mut reader) {
                    Ok(query) => query,
                    Err(_) => return Heard::Nothing,
                }
            };
        }
        match reader.peek_u32() {
            Some(service::ReqPq::ID) => {
                let nonce = query!(service::ReqPq).nonce;
                self.begin(env, from, nonce, packet.len())
            }
            Some(service::ReqPqMulti::ID) => {
                let nonce = query!(service::ReqPqMulti).nonce;
                self.begin(env, from, nonce, packet.len())
            }
            Some(service::ReqDHParams::ID) => {
                let query = query!(service::ReqDHParams);
                // spec: UDP-2, HS-29
                let pq = self.cookies.pq(env, from, query.nonce, query.server_nonce);
                match pq.filter(|pq| pq.check(&query.p, &query.q).is_some()) {
                    Some(pq) => {
                        let (nonce, server_nonce) = (query.nonce, query.server_nonce);
                        Heard::Proven(packet, Some(Run { nonce, server_nonce, pq }))
                    }
                    // Whoever has state may repeat itself for longer than a cookie lives.
                    None => Heard::Packet(packet),
                }
            }
            Some(service::SetClientDHParams::ID) => Heard::Packet(packet),
            _ => Heard::Nothing,
        }
    }

    /// The answer to the first step, if that is long enough to deserve it.
    fn begin(
        &mut self,
        env: &mut Env<'_>,
        from: SocketAddr,
        nonce: [u8; 16],
        bytes: usize,
    ) -> Heard<'static> {
        let (cookie, pq) = self.cookies.begin(env, from, nonce);
        let answer = service::ResPQ {
            nonce,
            server_nonce: cookie.0,
            pq: pq.to_bytes(),
            server_public_key_fingerprints: self.keys.fingerprints(),
        };
        let packet = plain::packet(self.msg_ids.next(env.now), &tl::write(&answer, tl::Layer::NEWEST));
        // spec: UDP-4
        if packet.len() <= bytes { Heard::Answer(packet) } else { Heard::Nothing }
    }
}
