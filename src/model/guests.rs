//! Keys on which nobody is logged in: anybody can make them, so there is an end to their number and to their age.
//!
//! Each of them stands in one list, ordered by its last use, and the list is counted, in the transactions that change the keys
//! themselves. So neither the cap nor the clock ever needs a walk over all keys, and both hold over restarts.

use std::time::Duration;

use env::Time;
use store::{Order, Tx};
use tl::stored;

use crate::ctx::Ctx;
use crate::error::Done;
use crate::ids::{Global, KeyId};
use crate::tables::{GUEST_COUNT, GUESTS};
use crate::{keys, limits};

/// Whether somebody speaks with a key at this moment. Such a key is kept, and counts as used.
pub type InUse<'a> = &'a dyn Fn(KeyId) -> bool;

/// How many there are.
pub fn count(tx: &Tx<'_>) -> Done<u64> {
    let row = tx.get(&GUEST_COUNT, &Global)?;
    Ok(row.map_or(0, |row| u64::try_from(row.next).unwrap_or(0)))
}

/// Drops the longest unused, if there are more than `max`. Gives those that are gone.
///
/// One call drops two at most, and looks at [`limits::GUESTS_STEP`]: above a cap that was lowered the number shrinks with each
/// new key, and nobody's handshake pays for all of it. What is in use is passed over, and is not looked at again before all
/// others were: where that is all of a step, there is one key more than `max` for a while.
pub fn make_room(cx: &mut Ctx<'_, '_>, max: u64, in_use: InUse<'_>) -> Done<Vec<KeyId>> {
    let over = count(cx.tx)?.saturating_sub(max);
    let drops = usize::try_from(over.min(2)).unwrap_or(2);
    if drops == 0 {
        return Ok(Vec::new());
    }
    // The new one has no session yet, and stays.
    let new = cx.origin;
    drop_some(cx, &|key| key == new || in_use(key), drops, limits::GUESTS_STEP)
}

/// Drops those that nobody has used for [`limits::IDLE_KEY_SECS`], a step of them. Gives those that are gone, and whether
/// there may be more.
pub fn expire(cx: &mut Ctx<'_, '_>, in_use: InUse<'_>) -> Done<(Vec<KeyId>, bool)> {
    let idle = Duration::from_secs(limits::IDLE_KEY_SECS.into());
    let first = cx.tx.keys(&GUESTS, GUESTS.of(Global), Order::Forward, limits::GUESTS_STEP)?;
    let now = cx.now;
    let is_due = |last: i32| Time::from_secs(u64::try_from(last).unwrap_or(0)) + idle <= now;
    let due = first.iter().filter(|(_, last, _)| is_due(*last)).count();
    let gone = drop_some(cx, in_use, due, due)?;
    Ok((gone, due == limits::GUESTS_STEP))
}

/// Drops `drops` of the first `looks`, but none that is in use: that one goes to the end of the list.
fn drop_some(cx: &mut Ctx<'_, '_>, in_use: InUse<'_>, drops: usize, looks: usize) -> Done<Vec<KeyId>> {
    let mut gone = Vec::new();
    for (_, _, key) in cx.tx.keys(&GUESTS, GUESTS.of(Global), Order::Forward, looks)? {
        if gone.len() >= drops {
            break;
        }
        if in_use(key) {
            let date = cx.date();
            keys::update(cx, key, |row| row.last_active = date)?;
        } else if keys::destroy(cx, key)? {
            gone.push(key);
        }
    }
    Ok(gone)
}

/// The place in the list of a key with this row, if it has one.
fn place(key: KeyId, row: Option<&stored::AuthKey>) -> Option<(Global, i32, KeyId)> {
    row.filter(|row| row.user_id.is_none()).map(|row| (Global, row.last_active, key))
}

/// Lets the list follow a key's row, which was `before` and is `after`.
pub(crate) fn follow(
    cx: &mut Ctx<'_, '_>,
    key: KeyId,
    before: Option<&stored::AuthKey>,
    after: Option<&stored::AuthKey>,
) -> Done<()> {
    let new = place(key, after);
    // Of a store that is older than the list, a key may be missing in it.
    let old = match place(key, before) {
        Some(old) if cx.tx.has(&GUESTS, &old)? => Some(old),
        _ => None,
    };
    if old == new {
        return Ok(());
    }
    if let Some(old) = old {
        cx.tx.delete(&GUESTS, &old)?;
    }
    if let Some(new) = new {
        cx.tx.put(&GUESTS, &new, &store::Present)?;
    }
    if old.is_some() != new.is_some() {
        let count = count(cx.tx)?;
        let count = if new.is_some() { count + 1 } else { count.saturating_sub(1) };
        let next = i64::try_from(count).unwrap_or(i64::MAX);
        cx.tx.put(&GUEST_COUNT, &Global, &stored::Counter { next })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use env::SeededDice;
    use store::Store;

    use super::*;
    use crate::ctx::Effects;
    use crate::error::Stop;
    use crate::users;
    use crate::verify;

    const START: u64 = 1_800_000_000;

    struct World {
        store: Store,
        now: Cell<u64>,
    }

    impl World {
        fn new() -> Self {
            Self { store: Store::memory(), now: Cell::new(START) }
        }

        fn act<R>(&self, key: KeyId, mut act: impl FnMut(&mut Ctx<'_, '_>) -> Done<R>) -> R {
            let now = Time::from_secs(self.now.get());
            let run = |tx: &mut Tx<'_>| {
                let (mut dice, effects) = (SeededDice::new(self.now.get()), Effects::default());
                act(&mut Ctx { tx, now, dice: &mut dice, origin: key, effects })
            };
            let mut run = run;
            self.store.write::<_, Stop>(|tx| run(tx)).expect("a memory store writes").0
        }

        /// A new key, a second later than the last; those that had to go for it.
        fn make(&self, key: i64, max: u64, in_use: InUse<'_>) -> Vec<i64> {
            self.now.set(self.now.get() + 1);
            let gone = self.act(KeyId(key), |cx| {
                assert!(keys::insert(cx, KeyId(key), &[7; 192], 2)?);
                make_room(cx, max, in_use)
            });
            gone.into_iter().map(|key| key.0).collect()
        }

        fn touch(&self, key: i64) {
            self.now.set(self.now.get() + 1);
            self.act(KeyId(key), |cx| {
                let date = cx.date();
                keys::update(cx, KeyId(key), |row| row.last_active = date)
            });
        }

        /// The keys in the list, in its order; what the walk says of all rows is said, too.
        fn listed(&self) -> Vec<i64> {
            let report = verify::walk(&self.store).expect("a memory store reads");
            assert!(report.is_clean(), "{report}");
            let keys = |tx: &Tx<'_>| tx.keys(&GUESTS, GUESTS.of(Global), Order::Forward, 1_000);
            let keys = self.store.read::<_, Stop>(|tx| Ok(keys(tx)?)).expect("reads").0;
            keys.into_iter().map(|(_, _, key)| key.0).collect()
        }

        fn expire(&self, in_use: InUse<'_>) -> (Vec<i64>, bool) {
            let (gone, more) = self.act(KeyId(0), |cx| expire(cx, in_use));
            (gone.into_iter().map(|key| key.0).collect(), more)
        }
    }

    const NOBODY: InUse<'static> = &|_| false;

    #[test]
    fn above_the_cap_the_longest_unused_goes() {
        let world = World::new();
        for key in 1..=4 {
            assert_eq!(world.make(key, 4, NOBODY), [0; 0]);
        }
        world.touch(1);
        assert_eq!(world.make(5, 4, NOBODY), [2]);
        assert_eq!(world.listed(), [3, 4, 1, 5]);
        // A cap that was lowered is reached in small steps.
        assert_eq!(world.make(6, 2, NOBODY), [3, 4]);
        assert_eq!(world.make(7, 2, NOBODY), [1, 5]);
        assert_eq!(world.make(8, 2, NOBODY), [6]);
        assert_eq!(world.listed(), [7, 8]);
    }

    #[test]
    fn a_key_with_a_login_is_not_among_them_and_one_in_use_stays() {
        let world = World::new();
        let ann = world.act(KeyId(1), |cx| users::create(cx, "4915100000001", "Ann", ""));
        for key in 1..=3 {
            world.make(key, 3, NOBODY);
        }
        world.act(KeyId(1), |cx| keys::log_in(cx, KeyId(1), ann));
        assert_eq!(world.listed(), [2, 3]);
        assert_eq!(world.make(4, 3, NOBODY), [0; 0]);
        // The first of the list is in use: the next one goes, and the first counts as used.
        assert_eq!(world.make(5, 3, &|key| key == KeyId(2)), [3]);
        assert_eq!(world.listed(), [4, 2, 5]);
        // The new key stays, even where nothing else can go.
        assert_eq!(world.make(6, 3, &|key| key != KeyId(6)), [0; 0]);
        assert_eq!(world.listed().len(), 4);
        assert_eq!(world.make(7, 3, NOBODY).len(), 2);
        assert!(world.act(KeyId(1), |cx| keys::find(cx.tx, KeyId(1))).is_some());
        // Where a login ended, a key is a guest's again, used just now.
        world.now.set(world.now.get() + 1);
        world.act(KeyId(1), |cx| keys::log_out(cx, KeyId(1)));
        assert_eq!(world.listed().last(), Some(&1));
        world.act(KeyId(1), |cx| keys::destroy(cx, KeyId(1)));
        assert!(!world.listed().contains(&1));
    }

    #[test]
    fn what_nobody_used_for_a_day_goes_in_steps() {
        let world = World::new();
        let all = i64::try_from(limits::GUESTS_STEP).expect("few") + 10;
        for key in 1..=all {
            world.make(key, 1_000, NOBODY);
        }
        world.now.set(START + u64::from(limits::IDLE_KEY_SECS) + 2);
        assert_eq!(world.expire(NOBODY), (vec![1, 2], false));
        world.now.set(START + u64::from(limits::IDLE_KEY_SECS) + 2_000);
        let (gone, more) = world.expire(&|key| key == KeyId(4));
        assert_eq!((gone.len(), more), (limits::GUESTS_STEP - 1, true));
        assert!(!gone.contains(&4));
        let (gone, more) = world.expire(NOBODY);
        assert_eq!((gone.len(), more), (8, false));
        assert_eq!(world.listed(), [4]);
    }

    #[test]
    fn a_key_of_a_store_without_the_list_comes_into_it_with_its_job() {
        let world = World::new();
        world.make(1, 10, NOBODY);
        world.act(KeyId(1), |cx| {
            let row = keys::find(cx.tx, KeyId(1))?;
            follow(cx, KeyId(1), row.as_ref(), None)
        });
        world.act(KeyId(1), |cx| keys::expire(cx, KeyId(1)));
        world.act(KeyId(1), |cx| keys::expire(cx, KeyId(1)));
        assert_eq!(world.listed(), [1]);
    }
}
