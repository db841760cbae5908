//! AES-256 in counter mode: one key stream per direction of an obfuscated connection, never rewound.

use std::fmt;

use ctr::cipher::{KeyIvInit as _, StreamCipher as _};

/// One direction's key stream. The counter runs on until the connection ends.
pub struct KeyStream(ctr::Ctr128BE<aes::Aes256Enc>);

impl KeyStream {
    /// The stream of `key` from the counter `iv` on.
    #[must_use]
    pub fn new(key: &[u8; 32], iv: &[u8; 16]) -> Self {
        Self(ctr::Ctr128BE::new(&(*key).into(), &(*iv).into()))
    }

    /// Enciphers or deciphers `data` in place with the next bytes of the stream.
    pub fn apply(&mut self, data: &mut [u8]) {
        self.0.apply_keystream(data);
    }
}

impl fmt::Debug for KeyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyStream(<hidden>)")
    }
}
