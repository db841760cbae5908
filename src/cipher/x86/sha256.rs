//! SHA-256 by the SHA instructions.

use std::arch::x86_64::*;

use super::{load, load_words, store};

/// The constants of the rounds.
const K: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// The eight words of the state in the order of the instructions: `a b e f`, `c d g h`.
#[derive(Clone, Copy)]
pub(super) struct State {
    abef: __m128i,
    cdgh: __m128i,
}

/// The message words of a block, four to a register.
pub(super) type Words = [__m128i; 4];

/// The state before the first block.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn initial() -> State {
    State {
        abef: words([0x6a09_e667, 0xbb67_ae85, 0x510e_527f, 0x9b05_688c]),
        cdgh: words([0x3c6e_f372, 0xa54f_f53a, 0x1f83_d9ab, 0x5be0_cd19]),
    }
}

#[inline]
#[target_feature(enable = "sse2")]
fn words([a, b, c, d]: [u32; 4]) -> __m128i {
    _mm_set_epi32(a.cast_signed(), b.cast_signed(), c.cast_signed(), d.cast_signed())
}

/// Turns the bytes of each word around.
#[inline]
#[target_feature(enable = "ssse3")]
pub(super) fn big_endian(block: __m128i) -> __m128i {
    _mm_shuffle_epi8(block, _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203))
}

/// The words of 64 bytes.
#[inline]
#[target_feature(enable = "ssse3")]
pub(super) fn read(block: &[u8; 64]) -> Words {
    let ([a, b, c, d], _) = block.as_chunks() else { return [_mm_setzero_si128(); 4] };
    [big_endian(load(a)), big_endian(load(b)), big_endian(load(c)), big_endian(load(d))]
}

/// The constants of sixteen rounds; [`FOUR`] of them make a block.
pub(super) type Constants = [[u32; 4]; 4];

/// Groups of sixteen rounds in a block. The last makes no more words.
pub(super) const FOUR: usize = 4;

/// The constants of group `n`.
#[inline]
pub(super) fn constants(n: usize) -> &'static Constants {
    K.as_chunks().0.get(n).unwrap_or(const { K.first_chunk().expect("sixteen rows") })
}

/// Four rounds with the words in `w[Q]`, which become those for the rounds 16 further on if there are `MORE`. Which words
/// and whether, the compiler must know: they live in registers.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
pub(super) fn four_rounds<const Q: usize, const MORE: bool>(state: &mut State, w: &mut Words, k: &[u32; 4]) {
    let wk = _mm_add_epi32(w[Q], load_words(k));
    state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, wk);
    state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32(wk, 0x0e));
    if MORE {
        let [w0, w1, w2, w3] = [w[Q], w[(Q + 1) % 4], w[(Q + 2) % 4], w[(Q + 3) % 4]];
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
        w[Q] = _mm_sha256msg2_epu32(sum, w3);
    }
}

/// The state behind a block: what all its rounds made of `state`, and what was there before.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn add(before: State, state: State) -> State {
    State { abef: _mm_add_epi32(before.abef, state.abef), cdgh: _mm_add_epi32(before.cdgh, state.cdgh) }
}

/// A block in each of `N` hashes, side by side: alone, every round waits for the one before.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
pub(super) fn compress<const N: usize>(states: &mut [State; N], mut w: [Words; N]) {
    let before = *states;
    for n in 0..FOUR - 1 {
        sixteen_rounds::<N, true>(states, &mut w, constants(n));
    }
    sixteen_rounds::<N, false>(states, &mut w, constants(FOUR - 1));
    for (state, before) in states.iter_mut().zip(before) {
        *state = add(before, *state);
    }
}

#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn sixteen_rounds<const N: usize, const MORE: bool>(
    states: &mut [State; N],
    w: &mut [Words; N],
    [k0, k1, k2, k3]: &Constants,
) {
    for (state, w) in states.iter_mut().zip(&mut *w) {
        four_rounds::<0, MORE>(state, w, k0);
    }
    for (state, w) in states.iter_mut().zip(&mut *w) {
        four_rounds::<1, MORE>(state, w, k1);
    }
    for (state, w) in states.iter_mut().zip(&mut *w) {
        four_rounds::<2, MORE>(state, w, k2);
    }
    for (state, w) in states.iter_mut().zip(&mut *w) {
        four_rounds::<3, MORE>(state, w, k3);
    }
}

/// The hash in two registers of 16 bytes.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
pub(super) fn digest(state: State) -> [__m128i; 2] {
    let feba = _mm_shuffle_epi32(state.abef, 0x1b);
    let dchg = _mm_shuffle_epi32(state.cdgh, 0xb1);
    [big_endian(_mm_blend_epi16(feba, dchg, 0xf0)), big_endian(_mm_alignr_epi8(dchg, feba, 8))]
}

/// The hash in memory.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn to_bytes(digest: [__m128i; 2]) -> [u8; 32] {
    let mut out = [0; 32];
    if let ([low, high], _) = out.as_chunks_mut() {
        store(low, digest[0]);
        store(high, digest[1]);
    }
    out
}

/// What stands behind the last whole block of a message: the rest, a one bit, zeros, the length. One block or two.
pub(super) struct Tail {
    words: [Words; 2],
    blocks: usize,
}

impl Tail {
    /// The tail of a hash over `bytes` bytes, `rest` the last of them, which fill no block.
    #[inline]
    #[target_feature(enable = "ssse3")]
    pub(super) fn new(bytes: usize, rest: &[u8]) -> Self {
        let (parts, odd) = rest.as_chunks::<16>();
        if !odd.is_empty() || parts.len() > 3 {
            return Self::of_odd(bytes, &[rest]);
        }
        // Every message of the protocol ends so: what follows its blocks of 16 is made in registers.
        let zero = _mm_setzero_si128();
        let mut words = [zero; 4];
        let [one, two, three, _] = &mut words;
        let mark = _mm_set_epi32(0, 0, 0, 0x8000_0000_u32.cast_signed());
        match parts {
            [] => *one = mark,
            [a] => (*one, *two) = (big_endian(load(a)), mark),
            [a, b] => (*one, *two, *three) = (big_endian(load(a)), big_endian(load(b)), mark),
            [a, b, c, ..] => {
                (*one, *two, *three) = (big_endian(load(a)), big_endian(load(b)), big_endian(load(c)));
                words[3] = mark;
            }
        }
        let bits = (bytes as u64).wrapping_mul(8).rotate_left(32).cast_signed();
        words[3] = _mm_or_si128(words[3], _mm_set_epi64x(bits, 0));
        Self { words: [words, [zero; 4]], blocks: 1 }
    }

    /// As [`Self::new`], for a rest of any length below 64 bytes, in pieces.
    #[cold]
    #[target_feature(enable = "ssse3")]
    pub(super) fn of_odd(bytes: usize, rest: &[&[u8]]) -> Self {
        let mut tail = [0; 128];
        let mut used = 0;
        for piece in rest {
            if let Some(room) = tail.get_mut(used..used + piece.len()) {
                room.copy_from_slice(piece);
                used += piece.len();
            }
        }
        if let Some(mark) = tail.get_mut(used) {
            *mark = 0x80;
        }
        let blocks = if used < 56 { 1 } else { 2 };
        if let Some(length) = tail.get_mut(64 * blocks - 8..64 * blocks) {
            length.copy_from_slice(&(bytes as u64).wrapping_mul(8).to_be_bytes());
        }
        let mut words = [[_mm_setzero_si128(); 4]; 2];
        for (words, block) in words.iter_mut().zip(tail.as_chunks().0) {
            *words = read(block);
        }
        Self { words, blocks }
    }

    /// The blocks.
    #[inline]
    pub(super) fn blocks(&self) -> &[Words] {
        self.words.get(..self.blocks).unwrap_or_default()
    }
}
