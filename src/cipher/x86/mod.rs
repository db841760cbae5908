//! One message by the AES and SHA instructions of x86-64.
//!
//! A block of IGE costs fourteen rounds, each waiting for the one before, and nothing else: what is mixed in before and
//! behind a block is added to the round keys, beside the chain and not in it.

#![expect(
    unsafe_code,
    reason = "instructions that the compiler cannot know to be there, and moves of 16 bytes"
)]

mod aes256;
mod batch;
mod sha256;

use std::arch::x86_64::*;

use zeroize::Zeroize as _;

use self::aes256::{RoundKeys, enc_rounds, expand, invert};
use self::sha256::{
    FOUR, State, Tail, big_endian, compress, constants, digest, four_rounds, initial, to_bytes,
};
use super::{HasX86, Job, KeyParts};

/// Whether this processor has what every function here needs.
#[inline]
pub(super) fn is_here() -> bool {
    is_x86_feature_detected!("aes")
        && is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("sse4.1")
        && is_x86_feature_detected!("ssse3")
}

pub(super) fn encrypt(_: HasX86, parts: KeyParts<'_>, data: &mut [u8]) -> [u8; 32] {
    // SAFETY: there is a `HasX86` only where `is_here` said yes.
    unsafe { encrypt_here(parts, data) }
}

pub(super) fn decrypt(_: HasX86, parts: KeyParts<'_>, msg_key: &[u8; 16], data: &mut [u8]) -> [u8; 32] {
    // SAFETY: as above.
    unsafe { decrypt_here(parts, msg_key, data) }
}

pub(super) fn encrypt_batch(_: HasX86, jobs: &mut [Job<'_>]) {
    // SAFETY: as above.
    unsafe { batch::encrypt_batch_here(jobs) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn load(block: &[u8; 16]) -> __m128i {
    // SAFETY: the reference is to 16 bytes that may be read, and this load asks for no alignment.
    unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn load_words(words: &[u32; 4]) -> __m128i {
    // SAFETY: as above.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(block: &mut [u8; 16], value: __m128i) {
    // SAFETY: the reference is to 16 bytes that may be written, and this store asks for no alignment.
    unsafe { _mm_storeu_si128(block.as_mut_ptr().cast(), value) }
}

/// The keys of one message.
struct Keys {
    rounds: RoundKeys,
    /// The ciphertext before the first block.
    before_cipher: __m128i,
    /// The plaintext before the first block.
    before_plain: __m128i,
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.rounds.zeroize();
        self.before_cipher.zeroize();
        self.before_plain.zeroize();
    }
}

impl Keys {
    #[inline]
    #[target_feature(enable = "sse2")]
    fn empty() -> Self {
        let zero = _mm_setzero_si128();
        Self { rounds: [zero; 15], before_cipher: zero, before_plain: zero }
    }

    /// The keys that `msg_key` derives, for enciphering.
    #[inline]
    #[target_feature(enable = "aes,sha,ssse3,sse4.1")]
    fn derive(&mut self, parts: KeyParts<'_>, msg_key: __m128i) {
        self.begin(parts, msg_key);
        expand(&mut [&mut self.rounds]);
    }

    /// [`Self::derive`] but for the schedule. Both hashes are one block long and run side by side.
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn begin(&mut self, parts: KeyParts<'_>, msg_key: __m128i) {
        // 52 bytes are 13 words: a block is put together word by word, and no byte of it touches memory.
        let name = big_endian(msg_key);
        let (a, b) = (nine_words(parts.first), nine_words(parts.second));
        let end = |word, bits| _mm_set_epi32(bits, 0, 0x8000_0000_u32.cast_signed(), word);
        let length = 52 * 8;
        let first = [name, a.0, a.1, end(a.2, length)];
        let (joint, last) = (_mm_slli_si128(name, 4), _mm_srli_si128(name, 12));
        let second =
            [b.0, b.1, _mm_or_si128(joint, _mm_cvtsi32_si128(b.2)), _mm_or_si128(last, end(0, length))];
        let mut states = [initial(); 2];
        compress(&mut states, [first, second]);
        let ([a0, a1], [b0, b1]) = (digest(states[0]), digest(states[1]));
        self.rounds[0] = _mm_blend_epi16(a0, b0, 0xf0);
        self.rounds[1] = _mm_blend_epi16(b1, a1, 0xf0);
        self.before_cipher = _mm_blend_epi16(b0, a0, 0xf0);
        self.before_plain = _mm_blend_epi16(a1, b1, 0xf0);
    }
}

/// 36 bytes as nine words: four, four and one.
#[inline]
#[target_feature(enable = "ssse3")]
fn nine_words(part: &[u8; 36]) -> (__m128i, __m128i, i32) {
    let ([low, high], rest) = part.as_chunks() else { return (_mm_setzero_si128(), _mm_setzero_si128(), 0) };
    let last = rest.first_chunk().map_or(0, |bytes| i32::from_be_bytes(*bytes));
    (big_endian(load(low)), big_endian(load(high)), last)
}

/// `SHA-256(prefix | data)`.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn hash(prefix: &[u8; 32], data: &[u8]) -> [__m128i; 2] {
    let mut state = [initial()];
    let bytes = prefix.len() + data.len();
    let tail = if let Some((first, rest)) = data.split_first_chunk::<32>() {
        compress(&mut state, [joined(prefix, first)]);
        let (blocks, rest) = rest.as_chunks::<64>();
        for block in blocks {
            compress(&mut state, [sha256::read(block)]);
        }
        Tail::new(bytes, rest)
    } else {
        Tail::of_odd(bytes, &[prefix, data])
    };
    for block in tail.blocks() {
        compress(&mut state, [*block]);
    }
    digest(state[0])
}

/// The words of a block that begins with `prefix`.
#[inline]
#[target_feature(enable = "ssse3")]
fn joined(prefix: &[u8; 32], rest: &[u8; 32]) -> sha256::Words {
    let mut words = [_mm_setzero_si128(); 4];
    let halves = prefix.as_chunks().0.iter().chain(rest.as_chunks().0);
    for (word, half) in words.iter_mut().zip(halves) {
        *word = big_endian(load(half));
    }
    words
}

/// The 16 bytes in the middle of a hash.
#[inline]
#[target_feature(enable = "ssse3")]
fn middle([low, high]: [__m128i; 2]) -> __m128i {
    _mm_alignr_epi8(high, low, 8)
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
fn encrypt_here(parts: KeyParts<'_>, data: &mut [u8]) -> [u8; 32] {
    let large = hash(parts.hash, data);
    let mut keys = Keys::empty();
    keys.derive(parts, middle(large));
    let (k0, k14) = (keys.rounds[0], keys.rounds[14]);
    let blocks = data.as_chunks_mut::<16>().0;
    if let Some((mut block, rest)) = blocks.split_first_mut() {
        let mut plain = load(block);
        let mut state = _mm_xor_si128(_mm_xor_si128(plain, keys.before_cipher), k0);
        let mut before_plain = keys.before_plain;
        for next in rest {
            let rounds = enc_rounds(state, &keys.rounds);
            // The last round gives what the next block begins with at once; the ciphertext follows from that.
            let next_plain = load(next);
            let next_input = _mm_xor_si128(next_plain, k0);
            let added = _mm_xor_si128(_mm_xor_si128(k14, before_plain), next_input);
            state = _mm_aesenclast_si128(rounds, added);
            store(block, _mm_xor_si128(state, next_input));
            (before_plain, plain, block) = (plain, next_plain, next);
        }
        let rounds = enc_rounds(state, &keys.rounds);
        store(block, _mm_aesenclast_si128(rounds, _mm_xor_si128(k14, before_plain)));
    }
    to_bytes(large)
}

/// The chain of IGE while it deciphers.
struct Decipher<'a> {
    keys: &'a RoundKeys,
    before_cipher: __m128i,
    before_plain: __m128i,
}

impl Decipher<'_> {
    /// Deciphers `block`.
    #[inline]
    #[target_feature(enable = "aes,sha,ssse3,sse4.1")]
    fn block(&mut self, block: &mut [u8; 16]) {
        self.block_beside::<false>(block, None);
    }

    /// Deciphers `block` while a hash does sixteen rounds.
    #[inline]
    #[target_feature(enable = "aes,sha,ssse3,sse4.1")]
    fn block_beside<const MORE: bool>(
        &mut self,
        block: &mut [u8; 16],
        mut hash: Option<(&mut State, &mut sha256::Words, &sha256::Constants)>,
    ) {
        let cipher = load(block);
        let mut state = _mm_xor_si128(_mm_xor_si128(cipher, self.keys[0]), self.before_plain);
        let last = _mm_xor_si128(self.keys[14], self.before_cipher);
        // Rounds of both in turn: neither chain waits for the other.
        state = self.rounds::<1, 4>(state);
        if let Some((hash, words, k)) = &mut hash {
            four_rounds::<0, MORE>(hash, words, &k[0]);
        }
        state = self.rounds::<4, 7>(state);
        if let Some((hash, words, k)) = &mut hash {
            four_rounds::<1, MORE>(hash, words, &k[1]);
        }
        state = self.rounds::<7, 10>(state);
        if let Some((hash, words, k)) = &mut hash {
            four_rounds::<2, MORE>(hash, words, &k[2]);
        }
        state = self.rounds::<10, 14>(state);
        if let Some((hash, words, k)) = &mut hash {
            four_rounds::<3, MORE>(hash, words, &k[3]);
        }
        let plain = _mm_aesdeclast_si128(state, last);
        store(block, plain);
        (self.before_cipher, self.before_plain) = (cipher, plain);
    }

    #[inline]
    #[target_feature(enable = "aes")]
    fn rounds<const FROM: usize, const UNTIL: usize>(&self, mut state: __m128i) -> __m128i {
        for key in &self.keys[FROM..UNTIL] {
            state = _mm_aesdec_si128(state, *key);
        }
        state
    }
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
fn decrypt_here(parts: KeyParts<'_>, msg_key: &[u8; 16], data: &mut [u8]) -> [u8; 32] {
    let mut keys = Keys::empty();
    keys.derive(parts, load(msg_key));
    invert(&mut keys.rounds);
    let (before_cipher, before_plain) = (keys.before_cipher, keys.before_plain);
    let mut chain = Decipher { keys: &keys.rounds, before_cipher, before_plain };
    let bytes = parts.hash.len() + data.len();
    let mut state = [initial()];
    let tail = if let Some((first, rest)) = data.split_first_chunk_mut::<32>() {
        for block in first.as_chunks_mut().0 {
            chain.block(block);
        }
        let mut words = joined(parts.hash, first);
        let (groups, rest) = rest.as_chunks_mut::<64>();
        for group in groups {
            // The plaintext that came out last is hashed while the next is deciphered.
            let before = state[0];
            let ([blocks @ .., last], _) = group.as_chunks_mut() else { continue };
            for (n, block) in blocks.iter_mut().enumerate() {
                chain.block_beside::<true>(block, Some((&mut state[0], &mut words, constants(n))));
            }
            chain.block_beside::<false>(last, Some((&mut state[0], &mut words, constants(FOUR - 1))));
            state[0] = sha256::add(before, state[0]);
            words = sha256::read(group);
        }
        compress(&mut state, [words]);
        for block in rest.as_chunks_mut().0 {
            chain.block(block);
        }
        Tail::new(bytes, rest)
    } else {
        for block in data.as_chunks_mut().0 {
            chain.block(block);
        }
        Tail::of_odd(bytes, &[parts.hash, data])
    };
    for block in tail.blocks() {
        compress(&mut state, [*block]);
    }
    to_bytes(digest(state[0]))
}
