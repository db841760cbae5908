//! Time and chance, the only two things a pure core must be given.
//!
//! There is no clock and no generator here, only the shapes in which callers hand them over, so that the whole core runs
//! in one thread from one seed. The real clock and the real dice live in `gateway`.

#![forbid(unsafe_code)]

use std::ops::Add;
use std::time::Duration;

/// A moment: nanoseconds since the Unix epoch, as the server's clock shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The moment `nanos` nanoseconds after the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The moment `secs` whole seconds after the Unix epoch.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Seconds since the Unix epoch as TL's `int` carries them; clamps in 2038.
    #[must_use]
    pub fn unix(self) -> i32 {
        i32::try_from(self.secs()).unwrap_or(i32::MAX)
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// A source of unpredictable bytes. The gateway's is a cryptographic generator seeded by the operating system.
pub trait Dice {
    /// Fills `out` with random bytes.
    fn fill(&mut self, out: &mut [u8]);

    /// A random 64-bit number.
    fn u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A random 32-bit number.
    fn u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    /// A random number below `bound`, without modulo bias; zero if `bound` is zero.
    fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let n = self.u64();
            if n < limit {
                return n % bound;
            }
        }
    }
}

/// What a pure function is given of the world.
pub struct Env<'a> {
    /// The current time.
    pub now: Time,
    /// The dice to throw.
    pub dice: &'a mut dyn Dice,
}

/// Random bytes as a fixed array.
pub fn bytes<const N: usize>(dice: &mut dyn Dice) -> [u8; N] {
    let mut out = [0; N];
    dice.fill(&mut out);
    out
}

/// Dice for tests and simulation: the same seed throws the same numbers (SplitMix64). Never for secrets.
#[derive(Debug, Clone)]
pub struct SeededDice(u64);

impl SeededDice {
    /// Dice that repeat themselves for an equal `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl Dice for SeededDice {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            for (byte, random) in chunk.iter_mut().zip(z.to_le_bytes()) {
                *byte = random;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_throw_equal_numbers() {
        let (mut a, mut b) = (SeededDice::new(7), SeededDice::new(7));
        let throws: [u8; 20] = bytes(&mut a);
        assert_eq!(throws, bytes::<20>(&mut b));
        assert_ne!(throws, bytes::<20>(&mut a));
    }

    #[test]
    fn a_bounded_throw_stays_below_its_bound() {
        let mut dice = SeededDice::new(1);
        assert!((0..1000).all(|_| dice.below(10) < 10));
        assert_eq!(dice.below(0), 0);
    }

    #[test]
    fn time_counts_in_nanoseconds() {
        let t = Time::from_secs(2) + Duration::from_millis(1500);
        assert_eq!((t.secs(), t.millis(), t.unix()), (3, 3500, 3));
        assert_eq!(Time::from_secs(1).since(t), Duration::ZERO);
    }
}
