//! Up to [`LANES`] messages at once: while the chain of one waits, the processor works on the others.

use std::arch::x86_64::*;
use std::cmp::Reverse;

use zeroize::Zeroize as _;

use super::aes256::RoundKeys;
use super::sha256::{self, State, Tail, Words, compress, digest, initial, to_bytes};
use super::{derive, joined, load, store};
use crate::{Job, LANES};

/// A message while it is hashed, with its place in the batch.
struct Hashing<'a> {
    prefix: &'a [u8; 32],
    data: &'a [u8],
    tail: Tail,
    /// Blocks before the tail.
    whole: usize,
}

impl<'a> Hashing<'a> {
    fn new(prefix: &'a [u8; 32], data: &'a [u8]) -> Self {
        let bytes = prefix.len() + data.len();
        let (whole, tail) = match data.get(32..) {
            Some(rest) => {
                let (blocks, rest) = rest.as_chunks::<64>();
                (blocks.len() + 1, Tail::new(bytes, [rest, &[]]))
            }
            None => (0, Tail::new(bytes, [prefix, data])),
        };
        Self { prefix, data, tail, whole }
    }

    fn blocks(&self) -> usize {
        self.whole + self.tail.blocks().len()
    }

    #[inline]
    #[target_feature(enable = "ssse3")]
    fn words(&self, n: usize) -> Words {
        let zero = [_mm_setzero_si128(); 4];
        if n >= self.whole {
            return self.tail.blocks().get(n - self.whole).map_or(zero, |block| sha256::read(block));
        }
        match (n, self.data.split_first_chunk::<32>()) {
            (0, Some((first, _))) => joined(self.prefix, first),
            (_, Some((_, rest))) => rest.as_chunks().0.get(n - 1).map_or(zero, |block| sha256::read(block)),
            (_, None) => zero,
        }
    }
}

/// Hashes two messages side by side, and what the longer one has more.
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn hash_pair(a: &Hashing<'_>, b: &Hashing<'_>) -> [[__m128i; 2]; 2] {
    let mut states = [initial(); 2];
    let both = a.blocks().min(b.blocks());
    for n in 0..both {
        compress(&mut states, [a.words(n), b.words(n)]);
    }
    for (state, one) in states.iter_mut().zip([a, b]) {
        finish(state, one, both);
    }
    [digest(states[0]), digest(states[1])]
}

#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn finish(state: &mut State, message: &Hashing<'_>, from: usize) {
    let mut states = [*state];
    for n in from..message.blocks() {
        compress(&mut states, [message.words(n)]);
    }
    *state = states[0];
}

/// A message while it is enciphered.
struct Lane<'a> {
    blocks: &'a mut [[u8; 16]],
    keys: RoundKeys,
    /// The next block's input: plaintext, the ciphertext before it and the first round key.
    state: __m128i,
    /// The plaintext before that block.
    before_plain: __m128i,
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.keys.zeroize();
    }
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
pub(super) fn encrypt_batch_here(jobs: &mut [Job<'_>]) {
    for pair in jobs.chunks_mut(2) {
        match pair {
            [a, b] => {
                let (one, other) = (Hashing::new(a.parts.hash, a.data), Hashing::new(b.parts.hash, b.data));
                let [large_a, large_b] = hash_pair(&one, &other);
                (a.msg_key_large, b.msg_key_large) = (to_bytes(large_a), to_bytes(large_b));
            }
            [a] => a.msg_key_large = to_bytes(super::hash(a.parts.hash, a.data)),
            _ => {}
        }
    }
    let mut lanes: [Option<Lane<'_>>; LANES] = [const { None }; LANES];
    for (lane, job) in lanes.iter_mut().zip(jobs) {
        let keys = derive(job.parts, load(&crate::msg_key(&job.msg_key_large)));
        let blocks = job.data.as_chunks_mut::<16>().0;
        if let Some(first) = blocks.first() {
            let state = _mm_xor_si128(_mm_xor_si128(load(first), keys.before_cipher), keys.rounds[0]);
            *lane = Some(Lane { blocks, keys: keys.rounds, state, before_plain: keys.before_plain });
        }
    }
    lanes.sort_unstable_by_key(|lane| Reverse(lane.as_ref().map_or(0, |lane| lane.blocks.len())));
    let mut done = 0;
    let mut active = lanes.iter().flatten().count();
    while let Some(shortest) = active.checked_sub(1).and_then(|last| lanes.get(last)).and_then(Option::as_ref)
    {
        let until = shortest.blocks.len();
        let running = lanes.get_mut(..active).unwrap_or_default();
        match active {
            1 => run::<1>(running, done, until),
            2 => run::<2>(running, done, until),
            3 => run::<3>(running, done, until),
            4 => run::<4>(running, done, until),
            5 => run::<5>(running, done, until),
            6 => run::<6>(running, done, until),
            7 => run::<7>(running, done, until),
            _ => run::<8>(running, done, until),
        }
        done = until;
        active = lanes.iter().flatten().take_while(|lane| lane.blocks.len() > done).count();
    }
}

/// Enciphers the blocks `from..until` of `N` messages.
#[target_feature(enable = "aes,sse2")]
fn run<const N: usize>(lanes: &mut [Option<Lane<'_>>], from: usize, until: usize) {
    let Some(lanes) = lanes.first_chunk_mut::<N>() else { return };
    let zero = _mm_setzero_si128();
    let mut states = [zero; N];
    for (state, lane) in states.iter_mut().zip(lanes.iter().flatten()) {
        *state = lane.state;
    }
    for n in from..until {
        for round in 1..14 {
            for (state, lane) in states.iter_mut().zip(lanes.iter().flatten()) {
                *state = _mm_aesenc_si128(*state, lane.keys[round]);
            }
        }
        for (state, lane) in states.iter_mut().zip(lanes.iter_mut().flatten()) {
            let next = match lane.blocks.get(n + 1) {
                Some(next) => _mm_xor_si128(load(next), lane.keys[0]),
                None => zero,
            };
            let added = _mm_xor_si128(_mm_xor_si128(lane.keys[14], lane.before_plain), next);
            *state = _mm_aesenclast_si128(*state, added);
            if let Some(block) = lane.blocks.get_mut(n) {
                lane.before_plain = load(block);
                store(block, _mm_xor_si128(*state, next));
            }
        }
    }
    for (state, lane) in states.iter().zip(lanes.iter_mut().flatten()) {
        lane.state = *state;
    }
}
