//! AES-256 by the AES instructions: key schedules, and the rounds of IGE.

use std::arch::x86_64::*;

/// The round keys of one direction, in the order of their use.
pub(super) type RoundKeys = [__m128i; 15];

/// The round keys for enciphering.
///
/// `aesenclast` substitutes the four equal words of a register as `aeskeygenassist` would substitute one, in a fraction
/// of its time.
#[inline]
#[target_feature(enable = "aes,ssse3")]
pub(super) fn expand(key: [__m128i; 2]) -> RoundKeys {
    let mut keys = [key[0]; 15];
    keys[1] = key[1];
    let last_word_rotated = _mm_set1_epi32(0x0c0f_0e0d);
    let mut constant = 1;
    for i in 2..15 {
        let word = if i % 2 == 0 {
            let rotated = _mm_shuffle_epi8(keys[i - 1], last_word_rotated);
            let word = _mm_aesenclast_si128(rotated, _mm_set1_epi32(constant));
            constant <<= 1;
            word
        } else {
            _mm_aesenclast_si128(_mm_shuffle_epi32(keys[i - 1], 0xff), _mm_setzero_si128())
        };
        let mut sums = keys[i - 2];
        sums = _mm_xor_si128(sums, _mm_slli_si128(sums, 4));
        sums = _mm_xor_si128(sums, _mm_slli_si128(sums, 8));
        keys[i] = _mm_xor_si128(sums, word);
    }
    keys
}

/// The round keys for deciphering, from those for enciphering.
#[inline]
#[target_feature(enable = "aes")]
pub(super) fn invert(keys: &RoundKeys) -> RoundKeys {
    let mut inverse = *keys;
    for i in 1..14 {
        inverse[i] = _mm_aesimc_si128(keys[14 - i]);
    }
    (inverse[0], inverse[14]) = (keys[14], keys[0]);
    inverse
}

/// Rounds 1 to 13; the last round is the caller's, who has more to add to it than its key.
#[inline]
#[target_feature(enable = "aes")]
pub(super) fn enc_rounds(mut block: __m128i, keys: &RoundKeys) -> __m128i {
    for key in &keys[1..14] {
        block = _mm_aesenc_si128(block, *key);
    }
    block
}
