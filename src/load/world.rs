//! The real clock and the real dice.

use std::time::{SystemTime, UNIX_EPOCH};

use env::{Dice, Env, Time};
use rand::Rng as _;

/// The current time.
pub(crate) fn now() -> Time {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_nanos(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
}

/// The generator of this thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RealDice;

impl Dice for RealDice {
    fn fill(&mut self, out: &mut [u8]) {
        rand::rng().fill_bytes(out);
    }
}

/// Runs `f` with the current time and the real dice.
pub(crate) fn with_env<T>(f: impl FnOnce(&mut Env<'_>) -> T) -> T {
    f(&mut Env { now: now(), dice: &mut RealDice })
}
