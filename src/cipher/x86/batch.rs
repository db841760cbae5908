//! Up to [`LANES`] messages at once: while the chain of one waits, the processor works on the others.

use std::arch::x86_64::*;
use std::cmp::Reverse;

use super::aes256::expand;
use super::sha256::{State, Tail, compress, digest, initial, read, to_bytes};
use super::{Keys, joined, load, store};
use crate::{Job, LANES};

/// Hashes two messages side by side, and what the longer one has more: `SHA-256(prefix | data)` for each.
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn hash_pair([a, b]: [(&[u8; 32], &[u8]); 2]) -> [[u8; 32]; 2] {
    let (Some((first_a, rest_a)), Some((first_b, rest_b))) =
        (a.1.split_first_chunk(), b.1.split_first_chunk())
    else {
        return [to_bytes(super::hash(a.0, a.1)), to_bytes(super::hash(b.0, b.1))];
    };
    let mut states = [initial(); 2];
    compress(&mut states, [joined(a.0, first_a), joined(b.0, first_b)]);
    let ((whole_a, rest_a), (whole_b, rest_b)) = (rest_a.as_chunks(), rest_b.as_chunks());
    for (a, b) in whole_a.iter().zip(whole_b) {
        compress(&mut states, [read(a), read(b)]);
    }
    let (tail_a, tail_b) = (Tail::new(32 + a.1.len(), rest_a), Tail::new(32 + b.1.len(), rest_b));
    if let ([tail_a], [tail_b]) = (tail_a.blocks(), tail_b.blocks())
        && whole_a.len() == whole_b.len()
    {
        compress(&mut states, [*tail_a, *tail_b]);
        return [to_bytes(digest(states[0])), to_bytes(digest(states[1]))];
    }
    let both = whole_a.len().min(whole_b.len());
    [
        finish(states[0], whole_a.get(both..).unwrap_or_default(), &tail_a),
        finish(states[1], whole_b.get(both..).unwrap_or_default(), &tail_b),
    ]
}

/// The hash that `blocks` and `tail` end.
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn finish(state: State, blocks: &[[u8; 64]], tail: &Tail) -> [u8; 32] {
    let mut states = [state];
    for block in blocks {
        compress(&mut states, [read(block)]);
    }
    for block in tail.blocks() {
        compress(&mut states, [*block]);
    }
    to_bytes(digest(states[0]))
}

/// A message while it is enciphered.
struct Lane<'a> {
    blocks: &'a mut [[u8; 16]],
    /// Of the two vectors, the plaintext moves on with the blocks.
    keys: Keys,
    /// The next block's input: plaintext, the ciphertext before it and the first round key.
    state: __m128i,
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
pub(super) fn encrypt_batch_here(jobs: &mut [Job<'_>]) {
    for pair in jobs.chunks_mut(2) {
        match pair {
            [a, b] => {
                let messages = [(a.parts.hash, &*a.data), (b.parts.hash, &*b.data)];
                [a.msg_key_large, b.msg_key_large] = hash_pair(messages);
            }
            [a] => a.msg_key_large = to_bytes(super::hash(a.parts.hash, a.data)),
            _ => {}
        }
    }
    let empty = || Lane { blocks: &mut [], keys: Keys::empty(), state: _mm_setzero_si128() };
    let mut lanes: [Lane<'_>; LANES] =
        [empty(), empty(), empty(), empty(), empty(), empty(), empty(), empty()];
    for (lane, job) in lanes.iter_mut().zip(&*jobs) {
        lane.keys.begin(job.parts, load(&crate::msg_key(&job.msg_key_large)));
    }
    // The schedules of lanes that nobody uses cost nothing beside the others.
    expand(&mut lanes.each_mut().map(|lane| &mut lane.keys.rounds));
    for (lane, job) in lanes.iter_mut().zip(jobs) {
        lane.blocks = job.data.as_chunks_mut::<16>().0;
        if let Some(first) = lane.blocks.first() {
            let mixed = _mm_xor_si128(load(first), lane.keys.before_cipher);
            lane.state = _mm_xor_si128(mixed, lane.keys.rounds[0]);
        }
    }
    lanes.sort_unstable_by_key(|lane| Reverse(lane.blocks.len()));
    let mut done = 0;
    loop {
        let active = lanes.iter().take_while(|lane| lane.blocks.len() > done).count();
        let Some(shortest) = active.checked_sub(1).and_then(|last| lanes.get(last)) else { break };
        let until = shortest.blocks.len();
        match active {
            1 => run::<1>(&mut lanes, done, until),
            2 => run::<2>(&mut lanes, done, until),
            3 => run::<3>(&mut lanes, done, until),
            4 => run::<4>(&mut lanes, done, until),
            5 => run::<5>(&mut lanes, done, until),
            6 => run::<6>(&mut lanes, done, until),
            7 => run::<7>(&mut lanes, done, until),
            _ => run::<8>(&mut lanes, done, until),
        }
        done = until;
    }
}

/// Enciphers the blocks `from..until` of the first `N` messages.
#[inline(never)]
#[target_feature(enable = "aes,sse2")]
fn run<const N: usize>(lanes: &mut [Lane<'_>; LANES], from: usize, until: usize) {
    for n in from..until {
        let Some(lanes) = lanes.first_chunk_mut::<N>() else { return };
        let mut states = [_mm_setzero_si128(); N];
        for (state, lane) in states.iter_mut().zip(&*lanes) {
            *state = lane.state;
        }
        rounds(&mut states, lanes);
        for (state, lane) in states.iter_mut().zip(lanes) {
            let next = match lane.blocks.get(n + 1) {
                Some(next) => _mm_xor_si128(load(next), lane.keys.rounds[0]),
                None => _mm_setzero_si128(),
            };
            let added = _mm_xor_si128(_mm_xor_si128(lane.keys.rounds[14], lane.keys.before_plain), next);
            lane.state = _mm_aesenclast_si128(*state, added);
            if let Some(block) = lane.blocks.get_mut(n) {
                lane.keys.before_plain = load(block);
                store(block, _mm_xor_si128(lane.state, next));
            }
        }
    }
}

/// Rounds 1 to 13 of a block of each message.
#[inline]
#[target_feature(enable = "aes")]
fn rounds<const N: usize>(states: &mut [__m128i; N], lanes: &[Lane<'_>; N]) {
    for round in 1..14 {
        for (state, lane) in states.iter_mut().zip(lanes) {
            *state = _mm_aesenc_si128(*state, lane.keys.rounds[round]);
        }
    }
}
