//! The memory of obfuscation headers, so that a recorded connection cannot be played again.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use env::Time;

use crate::crypto::hash::sha256;
use crate::limits::{REPLAY_REMEMBERED, REPLAYS_PER_GENERATION_MAX};

/// Remembers the obfuscation headers of the last ten minutes, at most twice
/// [`REPLAYS_PER_GENERATION_MAX`](crate::limits::REPLAYS_PER_GENERATION_MAX) of them. One for all connections of a
/// server.
#[derive(Debug, Default)]
pub struct ReplayCache(Mutex<Generations>);

/// New headers go into the young generation. When it is ten minutes old, or full, the old one is forgotten and the
/// young one takes its place: so each header is remembered for ten to twenty minutes unless a flood pushes it out.
#[derive(Debug, Default)]
struct Generations {
    young: BTreeSet<u128>,
    old: BTreeSet<u128>,
    young_since: Time,
    /// How many were forgotten before their time since that was last asked.
    pushed_out: usize,
}

impl ReplayCache {
    /// An empty memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers `header`; whether it is new.
    pub(crate) fn is_new(&self, header: &[u8; 64], now: Time) -> bool {
        // The key stream is what must not repeat: bytes 8 to 56. Hashing spares memory and lets nobody shape the tree.
        let hash = sha256(&[&header[8..56]]);
        let name = hash.first_chunk().map_or(0, |half| u128::from_le_bytes(*half));
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = memory.young.len() >= REPLAYS_PER_GENERATION_MAX;
        let aged = now.since(memory.young_since) >= REPLAY_REMEMBERED;
        if full && !aged {
            memory.pushed_out += memory.old.len();
        }
        if full || aged {
            memory.old = std::mem::take(&mut memory.young);
            memory.young_since = now;
        }
        !memory.old.contains(&name) && memory.young.insert(name)
    }

    /// How many headers are remembered.
    #[must_use]
    pub fn held(&self) -> usize {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.young.len() + memory.old.len()
    }

    /// How many were forgotten before their time, because there were too many, since this was last asked.
    #[must_use]
    pub fn take_pushed_out(&self) -> usize {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).pushed_out)
    }
}

#[cfg(test)]
mod tests {
    use env::SeededDice;

    use super::*;

    fn header(seed: u64) -> [u8; 64] {
        env::bytes(&mut SeededDice::new(seed))
    }

    // proves: TR-21
    #[test]
    fn a_header_is_remembered_for_ten_minutes_at_least() {
        let cache = ReplayCache::new();
        let at = |minutes: u64| Time::from_secs(1_700_000_000 + 60 * minutes);
        assert!(cache.is_new(&header(0), at(0)));
        for minute in 1..10 {
            assert!(cache.is_new(&header(minute), at(minute)));
            assert!(!cache.is_new(&header(0), at(minute)));
        }
        assert!(cache.is_new(&header(99), at(11)), "a new generation");
        assert!(!cache.is_new(&header(9), at(18)));
        assert!(cache.is_new(&header(0), at(31)), "in the end it is forgotten");
    }

    #[test]
    fn a_flood_of_headers_stays_within_the_bound() {
        let cache = ReplayCache::new();
        for seed in 0..2 * REPLAYS_PER_GENERATION_MAX as u64 + 100 {
            cache.is_new(&header(seed), Time::from_secs(1));
        }
        assert_eq!(cache.held(), REPLAYS_PER_GENERATION_MAX + 100);
        assert_eq!(cache.take_pushed_out(), REPLAYS_PER_GENERATION_MAX);
        let memory = cache.0.lock().expect("nobody panicked");
        assert!(
            memory.young.len() <= REPLAYS_PER_GENERATION_MAX
                && memory.old.len() <= REPLAYS_PER_GENERATION_MAX
        );
    }
}
