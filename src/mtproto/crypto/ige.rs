//! AES-256 in Infinite Garble Extension mode: each block is mixed with the ciphertext *and* the plaintext before it.
//!
//! The mode has no integrity of its own; callers check a hash over the whole plaintext before they look at any of it.

use aes::cipher::{Array, BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use aes::{Aes256Dec, Aes256Enc, Block};

/// Block length of AES, in bytes. Data that is no multiple of it keeps its last incomplete block as it is.
pub const BLOCK_BYTES: usize = 16;

/// Key and initialisation vector of one message; the vector is the "ciphertext before the first block" followed by the
/// "plaintext before the first block".
#[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct IgeKey {
    /// The AES-256 key.
    pub key: [u8; 32],
    /// The initialisation vector.
    pub iv: [u8; 32],
}

impl IgeKey {
    /// Enciphers `data` in place.
    pub fn encrypt(&self, data: &mut [u8]) {
        let cipher = Aes256Enc::new(&Array(self.key));
        let (mut before_cipher, mut before_plain) = self.before();
        for block in blocks(data) {
            let plain = *block;
            let mut work = Array(xor(&plain, &before_cipher));
            cipher.encrypt_block(&mut work);
            *block = xor(&work.0, &before_plain);
            (before_cipher, before_plain) = (*block, plain);
        }
    }

    /// Deciphers `data` in place.
    pub fn decrypt(&self, data: &mut [u8]) {
        self.decrypt_watched(data, 1, |_| {});
    }

    /// Deciphers `data` in place and shows each stretch of `stretch` blocks to `watch` while it is still in the cache
    /// (and while the processor can work on both at once: hashing a block does not wait for the next one).
    pub fn decrypt_watched(&self, data: &mut [u8], stretch: usize, mut watch: impl FnMut(&[u8])) {
        let cipher = Aes256Dec::new(&Array(self.key));
        let (mut before_cipher, mut before_plain) = self.before();
        for part in data.chunks_mut(stretch.max(1) * BLOCK_BYTES) {
            for block in blocks(part) {
                let enciphered = *block;
                let mut work: Block = Array(xor(&enciphered, &before_plain));
                cipher.decrypt_block(&mut work);
                *block = xor(&work.0, &before_cipher);
                (before_cipher, before_plain) = (enciphered, *block);
            }
            watch(part);
        }
    }

    fn before(&self) -> ([u8; BLOCK_BYTES], [u8; BLOCK_BYTES]) {
        let (cipher, plain) = self.iv.split_at(BLOCK_BYTES);
        let (mut before_cipher, mut before_plain) = ([0; BLOCK_BYTES], [0; BLOCK_BYTES]);
        before_cipher.copy_from_slice(cipher);
        before_plain.copy_from_slice(plain);
        (before_cipher, before_plain)
    }
}

fn blocks(data: &mut [u8]) -> &mut [[u8; BLOCK_BYTES]] {
    data.as_chunks_mut().0
}

fn xor(a: &[u8; BLOCK_BYTES], b: &[u8; BLOCK_BYTES]) -> [u8; BLOCK_BYTES] {
    (u128::from_ne_bytes(*a) ^ u128::from_ne_bytes(*b)).to_ne_bytes()
}
