//! The real clock and the real dice. Everything below the gateway is given them and has none of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use env::{Dice, Env, Time};
use rand::Rng;

/// The latest moment that anybody was told, in nanoseconds.
static LATEST: AtomicU64 = AtomicU64::new(0);

/// The current time. It never goes back: when the system's clock is set back it stands still until that catches up, so
/// that no message id is given twice and none is given in a descending order.
#[must_use]
pub fn now() -> Time {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX);
    Time::from_nanos(LATEST.fetch_max(nanos, Ordering::Relaxed).max(nanos))
}

/// The generator of this thread: ChaCha, seeded and regularly reseeded by the operating system. A system call for each
/// throw would cost more than sealing a short message does.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDice;

impl Dice for SystemDice {
    fn fill(&mut self, out: &mut [u8]) {
        rand::rng().fill_bytes(out);
    }
}

/// Runs `f` with the current time and the real dice.
pub fn with_env<T>(f: impl FnOnce(&mut Env<'_>) -> T) -> T {
    f(&mut Env { now: now(), dice: &mut SystemDice })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back() {
        let mut last = now();
        for _ in 0..1000 {
            let next = now();
            assert!(next >= last);
            last = next;
        }
    }

    #[test]
    fn two_throws_differ() {
        let mut dice = SystemDice;
        assert_ne!(env::bytes::<32>(&mut dice), env::bytes::<32>(&mut dice));
    }
}
