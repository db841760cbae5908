//! MTProto 2.0 as pure state: no sockets, no clock, no dice of its own.
//!
//! Two values carry a client. A [`Connection`] is one path (a socket): it finds out how the peer frames its packets,
//! takes off obfuscation, WebSocket and HTTP, makes authorization keys, and hands encrypted packets on. A
//! [`session::Session`] is one conversation, on any number of paths: it opens those packets, keeps order, acknowledges,
//! resends. Both are driven the same way: `handle(env, input, &mut outputs)`; whoever owns them does what the outputs
//! say and never blocks inside.
//!
//! What is absent: threads, timers, randomness (they come through [`env::Env`]), storage, and every word of the API.
//! Work that takes milliseconds leaves as a [`handshake::HeavyJob`] and comes back as an input.
//!
//! `// spec: HS-9` over a line names the rule of `protocol-spec/01-requirements.toml` that the line keeps, and
//! `// proves: HS-9` the test that shows it.

#![forbid(unsafe_code)]

pub mod bind;
pub mod client;
pub mod connection;
pub mod crypto;
pub mod error;
pub mod handshake;
pub mod ids;
pub mod limits;
pub mod session;
pub mod udp;
#[cfg(test)]
mod vectors;
pub mod wire;

pub use connection::{Connection, Input, KeyMade, KeyStored, Output, Packet};
pub use crypto::AuthKey;
pub use error::{HandshakeError, PeerMisbehaved, TransportError};
pub use handshake::{RsaKey, ServerKeys};
pub use ids::{AuthKeyId, MsgId, Salt, SessionId};
pub use wire::replay::ReplayCache;
