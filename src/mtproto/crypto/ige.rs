//! AES-256 in Infinite Garble Extension mode: each block is mixed with the ciphertext *and* the plaintext before it.
//!
//! The mode has no integrity of its own; callers check a hash over the whole plaintext before they look at any of it.

pub use cipher::{BLOCK_BYTES, IgeKey};
