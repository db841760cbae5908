//! The cipher of one message on x86-64, alone and in order: SHA-256 for `msg_key`, two more for the key, the key schedule,
//! AES-256-IGE. One stream, nothing fused, nothing interleaved but what the processor finds by itself.
//!
//! It shares no line with the server's own code: a mistake in one, or a slowness, shows in the other.

#![expect(
    unsafe_code,
    reason = "a floor is made of bare instructions and pointers; no server code depends on it"
)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Whether this machine has the instructions of the floor.
#[must_use]
pub fn is_here() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("aes")
        && is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("sse4.1");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Enciphers `data` under the first 192 bytes of an authorization key, `x` being 0 or 8, and returns the `msg_key`.
///
/// # Panics
/// Where [`is_here`] says no, for data of less than 32 bytes or no whole number of blocks, and for another `x`.
#[must_use]
pub fn encrypt(key: &[u8; 192], x: usize, data: &mut [u8]) -> [u8; 16] {
    check(x, data);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instructions are there and the lengths are right; both were just checked.
    return unsafe { bare::encrypt(key.as_ptr(), x, data.as_mut_ptr(), data.len()) };
    #[cfg(not(target_arch = "x86_64"))]
    unreachable!("checked above, with {key:?}")
}

/// Deciphers `data`, and returns the `msg_key` that it should have had.
///
/// # Panics
/// As [`encrypt`].
#[must_use]
pub fn decrypt(key: &[u8; 192], x: usize, msg_key: &[u8; 16], data: &mut [u8]) -> [u8; 16] {
    check(x, data);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above.
    return unsafe { bare::decrypt(key.as_ptr(), x, msg_key.as_ptr(), data.as_mut_ptr(), data.len()) };
    #[cfg(not(target_arch = "x86_64"))]
    unreachable!("checked above, with {key:?} {msg_key:?}")
}

fn check(x: usize, data: &[u8]) {
    assert!(is_here(), "a processor with AES-NI and SHA-NI");
    assert!(
        data.len() >= 32 && data.len().is_multiple_of(16) && (x == 0 || x == 8),
        "a plaintext with padding"
    );
}

#[cfg(target_arch = "x86_64")]
mod bare {
    #![expect(unsafe_op_in_unsafe_fn, reason = "every line of it would stand in a block of its own")]
    #![allow(unused_assignments, reason = "the last words of a message schedule are the last")]

    use super::*;

    #[repr(align(16))]
    struct Constants([u32; 64]);

    #[rustfmt::skip]
    static K: Constants = Constants([
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ]);

    /// Two hashes in step, `a b e f` and `c d g h` of each; a lone hash leaves the second unused.
    macro_rules! rounds {
        ($($abef:ident $cdgh:ident $w:ident),+) => {{
            rounds!(@four 0 $($abef $cdgh $w),+); rounds!(@four 1 $($abef $cdgh $w),+);
            rounds!(@four 2 $($abef $cdgh $w),+); rounds!(@four 3 $($abef $cdgh $w),+);
            rounds!(@four 4 $($abef $cdgh $w),+); rounds!(@four 5 $($abef $cdgh $w),+);
            rounds!(@four 6 $($abef $cdgh $w),+); rounds!(@four 7 $($abef $cdgh $w),+);
            rounds!(@four 8 $($abef $cdgh $w),+); rounds!(@four 9 $($abef $cdgh $w),+);
            rounds!(@four 10 $($abef $cdgh $w),+); rounds!(@four 11 $($abef $cdgh $w),+);
            rounds!(@four 12 $($abef $cdgh $w),+); rounds!(@four 13 $($abef $cdgh $w),+);
            rounds!(@four 14 $($abef $cdgh $w),+); rounds!(@four 15 $($abef $cdgh $w),+);
        }};
        (@four $i:literal $($abef:ident $cdgh:ident $w:ident),+) => {{
            let k = _mm_load_si128(K.0.as_ptr().add(4 * $i).cast());
            $({
                let wk = _mm_add_epi32($w[$i % 4], k);
                $cdgh = _mm_sha256rnds2_epu32($cdgh, $abef, wk);
                $abef = _mm_sha256rnds2_epu32($abef, $cdgh, _mm_shuffle_epi32(wk, 0x0e));
                if $i < 12 {
                    let older = _mm_sha256msg1_epu32($w[$i % 4], $w[($i + 1) % 4]);
                    let newer = _mm_alignr_epi8($w[($i + 3) % 4], $w[($i + 2) % 4], 4);
                    $w[$i % 4] = _mm_sha256msg2_epu32(_mm_add_epi32(older, newer), $w[($i + 3) % 4]);
                }
            })+
        }};
    }

    #[inline]
    #[target_feature(enable = "sse4.1,ssse3")]
    fn swap(x: __m128i) -> __m128i {
        _mm_shuffle_epi8(x, _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn start() -> (__m128i, __m128i) {
        (
            _mm_set_epi32(0x6a09e667, 0xbb67ae85_u32 as i32, 0x510e527f, 0x9b05688c_u32 as i32),
            _mm_set_epi32(0x3c6ef372, 0xa54ff53a_u32 as i32, 0x1f83d9ab, 0x5be0cd19),
        )
    }

    #[inline]
    #[target_feature(enable = "sse4.1,ssse3")]
    fn bytes(abef: __m128i, cdgh: __m128i) -> (__m128i, __m128i) {
        let feba = _mm_shuffle_epi32(abef, 0x1b);
        let dchg = _mm_shuffle_epi32(cdgh, 0xb1);
        (swap(_mm_blend_epi16(feba, dchg, 0xf0)), swap(_mm_alignr_epi8(dchg, feba, 8)))
    }

    /// The middle of `SHA-256(key[88 + x..][..32] | data)`.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    unsafe fn msg_key(key: *const u8, x: usize, data: *const u8, n: usize) -> __m128i {
        let (mut abef, mut cdgh) = start();
        let at = |p: *const u8, i: usize| swap(_mm_loadu_si128(p.add(16 * i).cast()));
        let prefix = key.add(88 + x);
        let mut w = [at(prefix, 0), at(prefix, 1), at(data, 0), at(data, 1)];
        let mut done = 32;
        loop {
            let (a, c) = (abef, cdgh);
            rounds!(abef cdgh w);
            abef = _mm_add_epi32(abef, a);
            cdgh = _mm_add_epi32(cdgh, c);
            if n - done < 64 {
                break;
            }
            let p = data.add(done);
            w = [at(p, 0), at(p, 1), at(p, 2), at(p, 3)];
            done += 64;
        }
        // At most 48 bytes are left: the mark and the length always fit behind them.
        let left = (n - done) / 16;
        w = [_mm_setzero_si128(); 4];
        for (i, word) in w.iter_mut().enumerate().take(left) {
            *word = at(data.add(done), i);
        }
        w[left] = _mm_set_epi32(0, 0, 0, 0x8000_0000_u32 as i32);
        w[3] = _mm_or_si128(w[3], _mm_set_epi32(((n + 32) * 8) as i32, 0, 0, 0));
        let (a, c) = (abef, cdgh);
        rounds!(abef cdgh w);
        let (low, high) = bytes(_mm_add_epi32(abef, a), _mm_add_epi32(cdgh, c));
        _mm_alignr_epi8(high, low, 8)
    }

    /// Key and vector: `key[0], key[1], iv[0], iv[1]`.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    unsafe fn derive(key: *const u8, x: usize, msg_key: __m128i) -> [__m128i; 4] {
        let mut first = [0_u8; 64];
        let mut second = [0_u8; 64];
        _mm_storeu_si128(first.as_mut_ptr().cast(), msg_key);
        key.add(x).copy_to_nonoverlapping(first.as_mut_ptr().add(16), 36);
        key.add(40 + x).copy_to_nonoverlapping(second.as_mut_ptr(), 36);
        _mm_storeu_si128(second.as_mut_ptr().add(36).cast(), msg_key);
        first[52] = 0x80;
        second[52] = 0x80;
        (first[62], first[63]) = (1, 0xa0);
        (second[62], second[63]) = (1, 0xa0);
        let at = |p: &[u8; 64], i: usize| swap(_mm_loadu_si128(p.as_ptr().add(16 * i).cast()));
        let mut v = [at(&first, 0), at(&first, 1), at(&first, 2), at(&first, 3)];
        let mut w = [at(&second, 0), at(&second, 1), at(&second, 2), at(&second, 3)];
        let (a, c) = start();
        let ((mut e, mut f), (mut g, mut h)) = ((a, c), (a, c));
        rounds!(e f v, g h w);
        let (a0, a1) = bytes(_mm_add_epi32(e, a), _mm_add_epi32(f, c));
        let (b0, b1) = bytes(_mm_add_epi32(g, a), _mm_add_epi32(h, c));
        [
            _mm_blend_epi16(a0, b0, 0xf0),
            _mm_blend_epi16(b1, a1, 0xf0),
            _mm_blend_epi16(b0, a0, 0xf0),
            _mm_blend_epi16(a1, b1, 0xf0),
        ]
    }

    #[inline]
    #[target_feature(enable = "aes,ssse3")]
    fn schedule(k0: __m128i, k1: __m128i) -> [__m128i; 15] {
        let mut k = [k0; 15];
        k[1] = k1;
        let sum = |x: __m128i| {
            let x = _mm_xor_si128(x, _mm_slli_si128(x, 4));
            _mm_xor_si128(x, _mm_slli_si128(x, 8))
        };
        let rotate = _mm_set1_epi32(0x0c0f_0e0d);
        let mut i = 2;
        while i < 15 {
            let word = _mm_shuffle_epi8(k[i - 1], rotate);
            k[i] = _mm_xor_si128(sum(k[i - 2]), _mm_aesenclast_si128(word, _mm_set1_epi32(1 << (i / 2 - 1))));
            if i + 1 < 15 {
                let word = _mm_shuffle_epi32(k[i], 0xff);
                k[i + 1] = _mm_xor_si128(sum(k[i - 1]), _mm_aesenclast_si128(word, _mm_setzero_si128()));
            }
            i += 2;
        }
        k
    }

    /// The middle rounds, written out.
    macro_rules! thirteen {
        ($round:ident $s:ident $k:ident) => {
            for key in &$k[1..14] {
                $s = $round($s, *key);
            }
        };
    }

    #[target_feature(enable = "aes,sha,sse4.1,ssse3")]
    pub unsafe fn encrypt(key: *const u8, x: usize, data: *mut u8, n: usize) -> [u8; 16] {
        let name = msg_key(key, x, data, n);
        let [k0, k1, mut cipher, mut plain] = derive(key, x, name);
        let k = schedule(k0, k1);
        let last = data.add(n - 16);
        let mut p = data;
        let mut m = _mm_loadu_si128(p.cast());
        let mut s = _mm_xor_si128(_mm_xor_si128(m, k[0]), cipher);
        while p < last {
            let next = _mm_loadu_si128(p.add(16).cast());
            let t = _mm_xor_si128(next, k[0]);
            let behind = _mm_xor_si128(_mm_xor_si128(k[14], plain), t);
            thirteen!(_mm_aesenc_si128 s k);
            s = _mm_aesenclast_si128(s, behind);
            _mm_storeu_si128(p.cast(), _mm_xor_si128(s, t));
            (plain, m, p) = (m, next, p.add(16));
        }
        thirteen!(_mm_aesenc_si128 s k);
        cipher = _mm_aesenclast_si128(s, _mm_xor_si128(k[14], plain));
        _mm_storeu_si128(p.cast(), cipher);
        let mut out = [0; 16];
        _mm_storeu_si128(out.as_mut_ptr().cast(), name);
        out
    }

    #[target_feature(enable = "aes,sha,sse4.1,ssse3")]
    pub unsafe fn decrypt(key: *const u8, x: usize, name: *const u8, data: *mut u8, n: usize) -> [u8; 16] {
        let [k0, k1, mut cipher, plain] = derive(key, x, _mm_loadu_si128(name.cast()));
        let mut k = schedule(k0, k1);
        k.reverse();
        for key in &mut k[1..14] {
            *key = _mm_aesimc_si128(*key);
        }
        let last = data.add(n - 16);
        let mut p = data;
        let mut c = _mm_loadu_si128(p.cast());
        let mut s = _mm_xor_si128(_mm_xor_si128(c, k[0]), plain);
        while p < last {
            let next = _mm_loadu_si128(p.add(16).cast());
            let t = _mm_xor_si128(next, k[0]);
            let behind = _mm_xor_si128(_mm_xor_si128(k[14], cipher), t);
            thirteen!(_mm_aesdec_si128 s k);
            s = _mm_aesdeclast_si128(s, behind);
            _mm_storeu_si128(p.cast(), _mm_xor_si128(s, t));
            (cipher, c, p) = (c, next, p.add(16));
        }
        thirteen!(_mm_aesdec_si128 s k);
        _mm_storeu_si128(p.cast(), _mm_aesdeclast_si128(s, _mm_xor_si128(k[14], cipher)));
        let mut out = [0; 16];
        _mm_storeu_si128(out.as_mut_ptr().cast(), msg_key(key, x, data, n));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp<const N: usize>(by: usize, from: usize) -> [u8; N] {
        std::array::from_fn(|i| (i * by + from) as u8)
    }

    fn hex(text: &str) -> Vec<u8> {
        let digit = |byte: u8| (byte as char).to_digit(16).expect("a hexadecimal digit") as u8;
        text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    const NAME: &str = "b1a28aac720664ec159b914cb0b2c1c4";
    const SEALED: &str = "077ff10b41be21676cae9930a902c7d8ea03d91129d1ce599d49e2ed93fb908cace262d6b97f80c67681313e5430fb1\
                          8806c05e8d97f041bdd1e4078622309da";

    #[test]
    fn a_message_sealed_elsewhere_deciphers_and_enciphers() {
        if !is_here() {
            println!("no such instructions here: nothing was compared");
            return;
        }
        let mut data = hex(SEALED);
        let name: [u8; 16] = hex(NAME).try_into().expect("16 bytes");
        assert_eq!(decrypt(&ramp(5, 3), 0, &name, &mut data), name);
        assert_eq!(data, ramp::<64>(3, 9));
        assert_eq!(encrypt(&ramp(5, 3), 0, &mut data), name);
        assert_eq!(data, hex(SEALED));
    }

    #[test]
    fn whatever_length_is_enciphered_deciphers() {
        if !is_here() {
            return;
        }
        for blocks in 2..70 {
            let plain: Vec<u8> = (0..16 * blocks).map(|i| (i * i) as u8).collect();
            let mut data = plain.clone();
            let name = encrypt(&ramp(7, 1), 8, &mut data);
            assert_ne!(data, plain);
            assert_eq!((decrypt(&ramp(7, 1), 8, &name, &mut data), &data), (name, &plain));
        }
    }
}
