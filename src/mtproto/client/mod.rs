//! The client's side of transports and handshake, for tests, load generators and hostile peers. A server has no use for
//! it.
//!
//! Sealed packets need nothing of their own: [`crate::crypto::seal`] and [`crate::crypto::open`] with the other
//! [`Side`](crate::crypto::Side).

mod datagrams;
mod exchange;
mod transport;

pub use datagrams::{Datagrams, Got};
pub use exchange::{Exchange, ExchangeError, NewKey, Next, PublicKey, encrypt_inner_data};
pub use transport::{Transport, TransportOptions};
