//! A plain clock for benches whose rounds are too long, or too unlike each other, for criterion.

use std::time::{Duration, Instant};

/// What a round took, over many.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// The fastest round: what the code costs when nobody disturbs it.
    pub fastest: Duration,
    /// The one in the middle.
    pub median: Duration,
}

/// Times `rounds` rounds; each is handed its number.
pub fn time(rounds: usize, mut round: impl FnMut(usize)) -> Spread {
    let mut took: Vec<Duration> = (0..rounds.max(1))
        .map(|n| {
            let began = Instant::now();
            round(n);
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    let at = |n: usize| took.get(n).copied().unwrap_or_default();
    Spread { fastest: at(0), median: at(took.len() / 2) }
}

impl Spread {
    /// The same for one of `each` things that a round does.
    #[allow(dead_code, reason = "not every bench does several things in a round")]
    #[must_use]
    pub fn of(self, each: u32) -> Self {
        Self { fastest: self.fastest / each, median: self.median / each }
    }
}
