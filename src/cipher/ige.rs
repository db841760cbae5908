//! AES-256 in Infinite Garble Extension mode: each block is mixed with the ciphertext *and* the plaintext before it.
//!
//! The mode has no integrity of its own; callers check a hash over the whole plaintext before they look at any of it.

use aes::cipher::consts::U16;
use aes::cipher::{
    Array, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt as _, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt as _, BlockSizeUser, KeyInit as _,
};
use aes::{Aes256Dec, Aes256Enc};

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
        let (before_cipher, before_plain) = self.before();
        Aes256Enc::new(&Array(self.key)).encrypt_with_backend(Encrypt { data, before_cipher, before_plain });
    }

    /// Deciphers `data` in place.
    pub fn decrypt(&self, data: &mut [u8]) {
        self.decrypt_watched(data, 1, |_| {});
    }

    /// Deciphers `data` in place and shows each stretch of `stretch` blocks to `watch` while it is still in the cache
    /// (and while the processor can work on both at once: hashing a block does not wait for the next one).
    pub fn decrypt_watched(&self, data: &mut [u8], stretch: usize, watch: impl FnMut(&[u8])) {
        let (before_cipher, before_plain) = self.before();
        let stretch = stretch.max(1) * BLOCK_BYTES;
        let job = Decrypt { data, before_cipher, before_plain, stretch, watch };
        Aes256Dec::new(&Array(self.key)).decrypt_with_backend(job);
    }

    fn before(&self) -> (Block, Block) {
        let (cipher, plain) = self.iv.split_at(BLOCK_BYTES);
        let (mut before_cipher, mut before_plain) = ([0; BLOCK_BYTES], [0; BLOCK_BYTES]);
        before_cipher.copy_from_slice(cipher);
        before_plain.copy_from_slice(plain);
        (before_cipher, before_plain)
    }
}

type Block = [u8; BLOCK_BYTES];

/// A whole message, handed to the cipher at once: it then chooses its instructions once and keeps its keys in registers.
struct Encrypt<'a> {
    data: &'a mut [u8],
    before_cipher: Block,
    before_plain: Block,
}

/// As [`Encrypt`].
struct Decrypt<'a, W> {
    data: &'a mut [u8],
    before_cipher: Block,
    before_plain: Block,
    stretch: usize,
    watch: W,
}

impl BlockSizeUser for Encrypt<'_> {
    type BlockSize = U16;
}

impl<W> BlockSizeUser for Decrypt<'_, W> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Encrypt<'_> {
    // The backend's instructions are enabled in the function that calls this one: only inside of it are they one stream.
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { data, mut before_cipher, mut before_plain } = self;
        for block in blocks(data) {
            let plain = *block;
            let mut work = Array(xor(&plain, &before_cipher));
            backend.encrypt_block_inplace(&mut work);
            *block = xor(&work.0, &before_plain);
            (before_cipher, before_plain) = (*block, plain);
        }
    }
}

impl<W: FnMut(&[u8])> BlockCipherDecClosure for Decrypt<'_, W> {
    #[inline(always)]
    fn call<B: BlockCipherDecBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { data, mut before_cipher, mut before_plain, stretch, mut watch } = self;
        for part in data.chunks_mut(stretch) {
            for block in blocks(part) {
                let enciphered = *block;
                let mut work = Array(xor(&enciphered, &before_plain));
                backend.decrypt_block_inplace(&mut work);
                *block = xor(&work.0, &before_cipher);
                (before_cipher, before_plain) = (enciphered, *block);
            }
            watch(part);
        }
    }
}

fn blocks(data: &mut [u8]) -> &mut [Block] {
    data.as_chunks_mut().0
}

fn xor(a: &Block, b: &Block) -> Block {
    (u128::from_ne_bytes(*a) ^ u128::from_ne_bytes(*b)).to_ne_bytes()
}
