//! The real clock and the real dice. Everything below the gateway is given them and has none of its own.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use env::{Dice, Env, Time};
use parking_lot::Mutex;
use rand::Rng;

use crate::limits::CLOCK_JITTER;

/// The clock that this process tells.
static CLOCK: Steady = Steady::new();

/// What the steps of [`CLOCK`] are measured against.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The current time. It never goes back, so that no message id is given twice and none is given in a descending order.
#[must_use]
pub fn now() -> Time {
    #[cfg(feature = "simulation")]
    if let Some(now) = crate::simulation::now() {
        return now;
    }
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    CLOCK.tell(nanos(since_epoch), || nanos(START.elapsed()))
}

/// From now on it is not earlier than `time`: the clock was set back since that was told.
pub(crate) fn never_before(time: Time) {
    #[cfg(feature = "simulation")]
    if crate::simulation::never_before(time) {
        return;
    }
    CLOCK.never_before(time);
}

fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A clock that follows another one and never goes back. When that is set back it goes at half its pace until the other
/// has caught up: whatever waits for a moment still sees it come.
pub(crate) struct Steady {
    /// The latest moment that anybody was told, in nanoseconds since the Unix epoch.
    latest: AtomicU64,
    /// Where the slow walk began: that moment, and what the stop watch showed.
    walk: Mutex<Option<(u64, u64)>>,
}

impl Steady {
    pub(crate) const fn new() -> Self {
        Self { latest: AtomicU64::new(0), walk: Mutex::new(None) }
    }

    /// Nothing before `time` is told any more.
    pub(crate) fn never_before(&self, time: Time) {
        self.latest.fetch_max(time.nanos(), Ordering::Relaxed);
    }

    /// The moment to tell, when the other clock shows `shown`; `elapsed` asks a stop watch that nobody sets. All in
    /// nanoseconds.
    pub(crate) fn tell(&self, shown: u64, elapsed: impl FnOnce() -> u64) -> Time {
        let before = self.latest.fetch_max(shown, Ordering::Relaxed);
        if before.saturating_sub(shown) <= nanos(CLOCK_JITTER) {
            return Time::from_nanos(before.max(shown));
        }
        let elapsed = elapsed();
        let mut walk = self.walk.lock();
        let (from, since) = *walk.get_or_insert((before, elapsed));
        let walked = from.saturating_add(elapsed.saturating_sub(since) / 2);
        if walked < before {
            // A walk of earlier, which came to its end.
            *walk = Some((before, elapsed));
        }
        drop(walk);
        let now = walked.max(before);
        Time::from_nanos(self.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

/// The generator of this thread: ChaCha, seeded and regularly reseeded by the operating system. A system call for each
/// throw would cost more than sealing a short message does.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDice;

impl Dice for SystemDice {
    fn fill(&mut self, out: &mut [u8]) {
        #[cfg(feature = "simulation")]
        if crate::simulation::throw(out) {
            return;
        }
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
    fn a_clock_that_is_set_back_goes_on_at_half_its_pace_until_it_is_right_again() {
        const SECOND: u64 = 1_000_000_000;
        let clock = Steady::new();
        // Each second the stop watch shows one more; the system's clock is set back by 20 s, twice.
        let mut shown = 1000;
        let mut told = Vec::new();
        for second in 0..100 {
            if second == 10 || second == 70 {
                shown -= 20;
            }
            told.push(clock.tell(shown * SECOND, || second * SECOND).nanos());
            shown += 1;
        }
        assert!(told.is_sorted());
        assert!(told.windows(3).all(|w| w[2] - w[0] >= SECOND / 2), "it goes on: {told:?}");
        let behind = |second: usize, offset: u64| told[second] == (1000 + second as u64 - offset) * SECOND;
        assert!(behind(9, 0) && told[20] > told[9] && behind(60, 20) && behind(99 - 30, 20));
        assert!(told[99] < (1000 + 99) * SECOND);
    }

    #[test]
    fn two_throws_differ() {
        let mut dice = SystemDice;
        assert_ne!(env::bytes::<32>(&mut dice), env::bytes::<32>(&mut dice));
    }
}
