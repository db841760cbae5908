//! Server salts: what a client must know for its messages to be read.
//!
//! They are random, drawn anew at every start, and kept in memory only. So a packet that was recorded before a crash is
//! refused after it, although the ids that would betray it as a replay are forgotten.

use std::collections::VecDeque;

use env::{Dice, Env, Time};

use super::limits::{FUTURE_SALTS_MAX, SALT_PERIOD};
use crate::ids::Salt;

/// The salts of one auth key: all its sessions share them.
#[derive(Debug, Clone)]
pub struct Salts {
    /// When `list`'s first salt became the current one.
    since: Time,
    /// One salt for each period from `since` on, as far as they were drawn.
    list: VecDeque<Salt>,
    /// The salt of the period before `since`: still valid.
    previous: Option<Salt>,
}

/// A salt and when it is the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FutureSalt {
    /// The first moment.
    pub valid_since: Time,
    /// The moment after the last.
    pub valid_until: Time,
    /// The salt.
    pub salt: Salt,
}

impl Salts {
    /// Salts for a key of which nothing is remembered.
    #[must_use]
    pub fn new(env: &mut Env<'_>) -> Self {
        // spec: SES-14
        let salt = draw(env.dice);
        Self::beginning_with(salt, env.now)
    }

    /// Salts for a key that was made just now: `first` is the one that both sides computed.
    #[must_use]
    pub fn beginning_with(first: Salt, now: Time) -> Self {
        Self { since: now, list: VecDeque::from([first]), previous: None }
    }

    /// The salt to write with.
    pub fn current(&mut self, env: &mut Env<'_>) -> Salt {
        self.turn(env);
        // `turn` leaves at least one; a zero would only be refused by the client.
        self.list.front().copied().unwrap_or(Salt(0))
    }

    /// Whether a client may write with `salt` now: the current one or the one before.
    pub fn is_valid(&mut self, env: &mut Env<'_>, salt: Salt) -> bool {
        self.turn(env);
        // spec: SES-7
        self.list.front() == Some(&salt) || self.previous == Some(salt)
    }

    /// The current salt and those that will follow it, `count` in all and at most 64, one behind the other.
    pub fn future(&mut self, env: &mut Env<'_>, count: usize) -> Vec<FutureSalt> {
        self.turn(env);
        let count = count.clamp(1, FUTURE_SALTS_MAX);
        while self.list.len() < count {
            self.list.push_back(draw(env.dice));
        }
        let mut since = self.since;
        let mut out = Vec::with_capacity(count);
        for &salt in self.list.iter().take(count) {
            out.push(FutureSalt { valid_since: since, valid_until: since + SALT_PERIOD, salt });
            since = since + SALT_PERIOD;
        }
        out
    }

    /// Moves on to the period that `env.now` lies in. A clock that steps back moves nothing.
    fn turn(&mut self, env: &mut Env<'_>) {
        // Beyond this nothing that was drawn is of use any more.
        let far = SALT_PERIOD * (FUTURE_SALTS_MAX as u32 + 1);
        if env.now.since(self.since) >= far {
            *self = Self::new(env);
        }
        while env.now.since(self.since) >= SALT_PERIOD {
            self.previous = self.list.pop_front();
            self.since = self.since + SALT_PERIOD;
            if self.list.is_empty() {
                self.list.push_back(draw(env.dice));
            }
        }
    }
}

/// Never zero: that is what clients write with that know no salt yet.
fn draw(dice: &mut dyn Dice) -> Salt {
    loop {
        let salt = dice.u64().cast_signed();
        if salt != 0 {
            return Salt(salt);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use env::SeededDice;

    use super::*;

    const START: Time = Time::from_secs(1_700_000_000);

    fn at(dice: &mut SeededDice, secs: u64) -> Env<'_> {
        Env { now: START + Duration::from_secs(secs), dice }
    }

    // proves: SES-7
    #[test]
    fn a_salt_lives_one_period_and_one_of_grace() {
        let dice = &mut SeededDice::new(1);
        let mut salts = Salts::new(&mut at(dice, 0));
        let first = salts.current(&mut at(dice, 0));
        assert_eq!(salts.current(&mut at(dice, 1799)), first);
        assert_ne!(salts.current(&mut at(dice, 1800)), first);
        assert!(salts.is_valid(&mut at(dice, 3599), first));
        assert!(!salts.is_valid(&mut at(dice, 3600), first));
        assert!(!salts.is_valid(&mut at(dice, 3600), Salt(0)));
    }

    #[test]
    fn future_salts_come_true_and_do_not_overlap() {
        let dice = &mut SeededDice::new(2);
        let mut salts = Salts::new(&mut at(dice, 0));
        let future = salts.future(&mut at(dice, 100), 64);
        assert_eq!(future.len(), 64);
        assert!(future.windows(2).all(|w| w[0].valid_until == w[1].valid_since && w[0].salt != w[1].salt));
        for told in &future {
            let secs = told.valid_since.secs() - START.secs();
            assert_eq!(salts.current(&mut at(dice, secs)), told.salt);
        }
        assert_eq!(salts.future(&mut at(dice, 0), 0).len(), 1);
        assert_eq!(salts.future(&mut at(dice, 0), 1000).len(), 64);
    }

    // proves: SES-7
    #[test]
    fn the_last_salt_that_was_told_serves_its_two_periods_after_any_silence() {
        let dice = &mut SeededDice::new(5);
        let mut salts = Salts::new(&mut at(dice, 0));
        let last = salts.future(&mut at(dice, 0), 64).pop().expect("64 of them").salt;
        let mut silent = salts.clone();
        assert_eq!(silent.current(&mut at(dice, 1800 * 64 - 1)), last);
        assert!(salts.is_valid(&mut at(dice, 1800 * 65 - 1), last));
        assert!(!salts.is_valid(&mut at(dice, 1800 * 65), last));
    }

    // proves: SES-7
    #[test]
    fn after_long_silence_nothing_old_is_valid() {
        let dice = &mut SeededDice::new(3);
        let mut salts = Salts::new(&mut at(dice, 0));
        let told = salts.future(&mut at(dice, 0), 64);
        let later = 1800 * 70;
        assert!(told.iter().all(|t| !salts.is_valid(&mut at(dice, later), t.salt)));
    }

    #[test]
    fn a_clock_that_steps_back_changes_no_salt() {
        let dice = &mut SeededDice::new(4);
        let mut salts = Salts::new(&mut at(dice, 5000));
        let salt = salts.current(&mut at(dice, 5000));
        assert_eq!(salts.current(&mut at(dice, 0)), salt);
    }
}
