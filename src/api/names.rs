//! How far messages of the server are named: what is kept so that no name is given twice, nor a lower one after a higher,
//! when the server starts again and the clock was set back meanwhile.
//!
//! Names (msg_ids) come from the clock. Before any is given the store durably knows a time beyond it, some seconds ahead,
//! and the next server on this store begins above that. If the clock went on as usual, it has passed that time already or
//! will within those seconds. If it was set back, the server goes on from the time that was told when the store last
//! learned of it: clients set their clocks by our names, and must find them beside our time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use env::{Env, Time};
use model::ids::Global;
use model::tables::NAMED;
use store::{Fault, Store, Ticket};
use tl::stored;

use crate::Api;
use crate::limits::{CLOCK_BACK_MAX, NAMES_AHEAD};

/// Names that do not come from the clock but from counting on, behind one that does: this much has room for ten million
/// in each session. No start is as short: a server that starts again and again must not carry its time away.
const COUNTED: Duration = Duration::from_millis(10);

/// What is known of names.
pub(crate) struct Names {
    /// Servers of before named nothing beyond this.
    before: Time,
    /// It was told before the start that it is this late.
    told: Time,
    /// The store knows durably that this one names nothing beyond this, in nanoseconds since the Unix epoch.
    until: AtomicU64,
}

impl Names {
    /// Reads what servers of before may have named, and keeps what this one may in the next seconds.
    pub(crate) fn open(store: &Store, env: &Env<'_>) -> Result<Self, Fault> {
        let ((before, told, until), ticket) = store.write(|tx| {
            let kept = tx.get(&NAMED, &Global)?.map_or(0, |row| row.next);
            let mut kept = Time::from_nanos(u64::try_from(kept).unwrap_or(0));
            let ahead = u64::try_from(NAMES_AHEAD.as_nanos()).unwrap_or(u64::MAX);
            let mut told = Time::from_nanos(kept.nanos().saturating_sub(ahead));
            if told.since(env.now) > CLOCK_BACK_MAX {
                tracing::warn!(
                    hours = told.since(env.now).as_secs() / 3600,
                    "the clock was far ahead before"
                );
                (kept, told) = (Time::default(), Time::default());
            }
            let before = kept + COUNTED;
            let until = before.max(told.max(env.now) + NAMES_AHEAD);
            tx.put(&NAMED, &Global, &row(until))?;
            Ok::<_, Fault>((before, told, until))
        })?;
        store.wait_durable(ticket)?;
        Ok(Self { before, told, until: AtomicU64::new(until.nanos()) })
    }
}

fn row(until: Time) -> stored::Counter {
    stored::Counter { next: i64::try_from(until.nanos()).unwrap_or(i64::MAX) }
}

impl Api {
    /// No server on this store named anything beyond this moment before it was opened.
    #[must_use]
    pub fn named_before(&self) -> Time {
        self.names.before
    }

    /// The time that a server on this store had told before it was opened: it must not be earlier now.
    #[must_use]
    pub fn told_before(&self) -> Time {
        self.names.told
    }

    /// The moment up to which messages may be named after the clock.
    #[must_use]
    pub fn names_until(&self) -> Time {
        Time::from_nanos(self.names.until.load(Ordering::Acquire))
    }

    /// Lets the store know that messages will be named up to some seconds from now. When that is durable, say so with
    /// [`Self::names_kept`].
    ///
    /// # Errors
    /// [`Fault`] of the store.
    pub fn keep_names(&self, now: Time) -> Result<(Time, Ticket), Fault> {
        let until = self.names.before.max(now + NAMES_AHEAD);
        let ((), ticket) = self.store().write(|tx| tx.put(&NAMED, &Global, &row(until)))?;
        Ok((until, ticket))
    }

    /// The store knows durably that messages may be named up to `until`.
    pub fn names_kept(&self, until: Time) {
        self.names.until.fetch_max(until.nanos(), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use env::SeededDice;

    use super::*;

    fn open(store: &Arc<Store>, now: Time) -> Api {
        let settings = crate::Settings {
            advertise: Vec::new(),
            codes_per_address: 1,
            login: model::login::Policy {
                code_digits: 5,
                code_ttl_secs: 1,
                codes_per_phone: 1,
                test_numbers: false,
            },
            guests_max: model::limits::GUESTS_MAX.into(),
            link_prefix: String::new(),
        };
        let dice = &mut SeededDice::new(1);
        Api::open(Arc::clone(store), settings, &mut Env { now, dice }).expect("a memory store opens")
    }

    #[test]
    fn a_server_that_starts_again_and_again_does_not_carry_its_time_away() {
        let store = Arc::new(Store::memory());
        let mut now = Time::from_secs(1_000);
        for _ in 0..2_000 {
            let api = open(&store, now);
            assert!(api.told_before() <= now, "nobody set the clock back");
            assert!(api.named_before() <= now + NAMES_AHEAD + COUNTED);
            now = now + Duration::from_millis(25);
        }
    }

    // proves: SES-3
    #[test]
    fn a_server_that_starts_with_its_clock_set_back_begins_above_what_was_named() {
        let store = Arc::new(Store::memory());
        let open = |secs| open(&store, Time::from_secs(secs));
        let first = open(1_000);
        assert!(first.named_before() < Time::from_secs(1_000));
        assert_eq!(first.names_until(), Time::from_secs(1_000) + NAMES_AHEAD);
        let (until, _) = first.keep_names(Time::from_secs(1_005)).expect("a memory store writes");
        assert!(first.names_until() < until, "not before it is durable");
        first.names_kept(until);
        assert_eq!(first.names_until(), Time::from_secs(1_005) + NAMES_AHEAD);
        let second = open(400);
        assert!(second.named_before() > until && second.names_until() >= second.named_before());
        assert_eq!(second.told_before(), Time::from_secs(1_005), "and goes on from there");
        let third = open(1_010);
        assert!(third.named_before() > second.names_until() && third.told_before() < Time::from_secs(1_010));
        // A clock that was wrong by hours is not followed for ever.
        open(100_000);
        let later = open(2_000);
        assert!(later.told_before() < Time::from_secs(2_000) && later.names_until() < Time::from_secs(2_100));
    }
}
