//! MTProto in datagrams: an extension of ours, specified in `protocol-spec/08-udp-extension.md`.
//!
//! A datagram is a packet, or one of three things that are told from packets by their first eight bytes ([`datagram`]).
//! The [`Door`] keeps nothing about anybody: an address has state, and hears more than it said, only after it has returned
//! a cookie ([`cookies`]). Behind it stands a [`DatagramPath`] for each address, which speaks with its owner as a
//! [`Connection`](crate::Connection) does.

pub mod cookies;
pub mod datagram;
mod door;
mod path;

pub use cookies::{Cookie, Cookies};
pub use door::{Door, Heard, Run};
pub use path::{DatagramPath, TooLong};
