//! AES-256 by the AES instructions: key schedules, and the rounds of IGE.

use std::arch::x86_64::*;

/// The round keys of one direction, in the order of their use.
pub(super) type RoundKeys = [__m128i; 15];

/// The round keys for enciphering.
///
/// `aesenclast` substitutes the four equal words of a register as `aeskeygenassist` would substitute one, in a fraction
/// of its time.
///
/// Each key waits for the one before, so `N` schedules are made side by side. The first two keys of each are given.
#[inline]
#[target_feature(enable = "aes,ssse3")]
pub(super) fn expand<const N: usize>(all: &mut [&mut RoundKeys; N]) {
    even::<N, 2, 0x01>(all);
    odd::<N, 3>(all);
    even::<N, 4, 0x02>(all);
    odd::<N, 5>(all);
    even::<N, 6, 0x04>(all);
    odd::<N, 7>(all);
    even::<N, 8, 0x08>(all);
    odd::<N, 9>(all);
    even::<N, 10, 0x10>(all);
    odd::<N, 11>(all);
    even::<N, 12, 0x20>(all);
    odd::<N, 13>(all);
    even::<N, 14, 0x40>(all);
}

/// Round key `I`, whose first word is mixed with the last of the key before: rotated, substituted, and a constant.
#[inline]
#[target_feature(enable = "aes,ssse3")]
fn even<const N: usize, const I: usize, const CONSTANT: i32>(all: &mut [&mut RoundKeys; N]) {
    for keys in all {
        let rotated = _mm_shuffle_epi8(keys[I - 1], _mm_set1_epi32(0x0c0f_0e0d));
        let word = _mm_aesenclast_si128(rotated, _mm_set1_epi32(CONSTANT));
        keys[I] = _mm_xor_si128(sums(keys[I - 2]), word);
    }
}

/// Round key `I`, whose first word is mixed with the last of the key before, substituted.
#[inline]
#[target_feature(enable = "aes,ssse3")]
fn odd<const N: usize, const I: usize>(all: &mut [&mut RoundKeys; N]) {
    for keys in all {
        let word = _mm_aesenclast_si128(_mm_shuffle_epi32(keys[I - 1], 0xff), _mm_setzero_si128());
        keys[I] = _mm_xor_si128(sums(keys[I - 2]), word);
    }
}

/// Each word added to those behind it.
#[inline]
#[target_feature(enable = "sse2")]
fn sums(key: __m128i) -> __m128i {
    let pairs = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    _mm_xor_si128(pairs, _mm_slli_si128(pairs, 8))
}

/// Turns the round keys for enciphering into those for deciphering.
#[inline]
#[target_feature(enable = "aes")]
pub(super) fn invert(keys: &mut RoundKeys) {
    keys.reverse();
    for key in &mut keys[1..14] {
        *key = _mm_aesimc_si128(*key);
    }
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
