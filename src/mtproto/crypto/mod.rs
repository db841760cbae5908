//! The ciphers of the protocol: what a packet is sealed with, and nothing about what is inside it.
//!
//! Everything here takes time that depends on lengths only, never on secrets: AES and SHA come from constant-time
//! crates, comparisons go through [`subtle`].

mod auth_key;
pub mod ctr;
pub mod hash;
pub mod ige;
pub mod kdf;
mod record;
#[cfg(test)]
mod vectors;

pub use auth_key::{AUTH_KEY_BYTES, AuthKey, FullAuthKey, STORED_KEY_BYTES};
pub use record::{
    HEADER_BYTES, NotAuthentic, PACKET_BYTES_MIN, PADDING_BYTES_MAX, PADDING_BYTES_MIN, QuickAckToken, Side,
    open, seal, seal_all,
};
