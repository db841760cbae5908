//! What is known of rows that nearly never are there: what a `random_id` became, of which nearly every one is new.
//!
//! No cache helps to find out that such a row is not there, and a walk down sled's tree for it was the largest single step of a
//! message. So of each group of rows among which somebody looked, a mark of each is held in memory, a few bytes: read a slice
//! with the first look and then now and then until all are known, then kept by what is committed. Where no mark is, there is no
//! row; where one is, or not all are known, the engine is asked. Groups nobody has looked into for long are forgotten.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use super::{RawKey, RawValue};
use crate::key::HEAD_BYTES;
use crate::limits::{RARE_LEARN_EVERY, RARE_MARK_BYTES, RARE_SHARE, RARE_SLICE};
use crate::table::{KeyRange, just_behind, successor};

pub(super) struct Rare {
    known: Mutex<Known>,
}

/// What is to be done about a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is not there.
    Absent,
    /// The engine knows.
    Perhaps,
    /// The engine knows, and the first [`RARE_SLICE`] keys that the tree has in the range are to be learnt.
    Learn(KeyRange),
}

#[derive(Default)]
struct Known {
    /// Groups that were looked into lately, by what their keys begin with.
    young: HashMap<Box<[u8]>, Group>,
    /// Groups that were young when there were as many marks as may be in either.
    old: HashMap<Box<[u8]>, Group>,
    /// In `young`.
    marks: usize,
    /// In either.
    marks_max: usize,
    /// By family: how many bytes the keys of a group share, in tables whose rows are rare.
    shared_bytes: HashMap<u8, usize>,
}

struct Group {
    marks: HashSet<u32>,
    /// The first key of which it is not known whether there is a row; `None` when all are known.
    unknown_from: Option<RawKey>,
    /// There are too many.
    given_up: bool,
    /// How often somebody looked before all were known.
    looks: u32,
}

impl Rare {
    /// For an engine with a cache of `cache_bytes`, of which it takes a share.
    pub(super) fn of(cache_bytes: u64) -> Self {
        let bytes = usize::try_from(cache_bytes / RARE_SHARE).unwrap_or(usize::MAX);
        let marks_max = (bytes / RARE_MARK_BYTES / 2).max(RARE_SLICE);
        Self { known: Mutex::new(Known { marks_max, ..Known::default() }) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the row under `key` can be there, among those whose keys share its first `shared` bytes. The caller keeps
    /// commits out until it has learnt.
    pub(super) fn look(&self, key: &[u8], shared: usize) -> Look {
        let Some((prefix, family)) = key.get(..shared).zip(key.get(HEAD_BYTES - 1)) else {
            return Look::Perhaps;
        };
        let mut known = self.known();
        known.shared_bytes.entry(*family).or_insert(shared);
        let group = known.group(prefix);
        let learns = group.looks.is_multiple_of(RARE_LEARN_EVERY);
        group.looks = group.looks.wrapping_add(u32::from(group.unknown_from.is_some()));
        match &group.unknown_from {
            Some(_) if !learns => Look::Perhaps,
            _ if group.given_up => Look::Perhaps,
            None if group.marks.contains(&mark(key)) => Look::Perhaps,
            None => Look::Absent,
            Some(low) => {
                Look::Learn(KeyRange { low: low.clone(), high: successor(RawKey::from_slice(prefix)) })
            }
        }
    }

    /// Learns that these `keys` are the next that [`Look::Learn`] asked for.
    pub(super) fn learn(&self, prefix: &[u8], keys: &[RawKey]) {
        let mut known = self.known();
        for key in keys {
            known.add(prefix, mark(key));
        }
        let behind = keys.last().filter(|_| keys.len() >= RARE_SLICE).map(|key| just_behind(key.clone()));
        known.group(prefix).unknown_from = behind;
    }

    /// Notes rows that are not in the tree, or will not be for a while. Of those that go the marks stay, which does no harm.
    pub(super) fn note<'w>(&self, writes: impl IntoIterator<Item = (&'w RawKey, &'w Option<RawValue>)>) {
        let mut known = self.known();
        if known.shared_bytes.is_empty() {
            return;
        }
        for (key, _) in writes.into_iter().filter(|(_, value)| value.is_some()) {
            let shared = key.get(HEAD_BYTES - 1).and_then(|family| known.shared_bytes.get(family));
            let Some(prefix) = shared.and_then(|&shared| key.get(..shared)) else { continue };
            if known.young.contains_key(prefix) || known.old.contains_key(prefix) {
                known.add(prefix, mark(key));
            }
        }
    }
}

impl Group {
    fn new(prefix: &[u8]) -> Self {
        Self {
            marks: HashSet::new(),
            unknown_from: Some(RawKey::from_slice(prefix)),
            given_up: false,
            looks: 0,
        }
    }
}

impl Known {
    /// The group of the keys that begin with `prefix`, which is young from now on.
    fn group(&mut self, prefix: &[u8]) -> &mut Group {
        if self.young.contains_key(prefix) {
            return self.young.entry(prefix.into()).or_insert_with(|| Group::new(prefix));
        }
        let group = self.old.remove(prefix).unwrap_or_else(|| Group::new(prefix));
        let marks = group.marks.len() + OVERHEAD_MARKS;
        self.takes(marks);
        self.young.entry(prefix.into()).or_insert(group)
    }

    fn add(&mut self, prefix: &[u8], mark: u32) {
        let most = self.marks_max / 2;
        let group = self.group(prefix);
        if group.given_up || !group.marks.insert(mark) {
            return;
        }
        if group.marks.len() > most {
            let marks = mem::take(&mut group.marks).len();
            group.given_up = true;
            self.marks -= marks.min(self.marks);
        } else {
            self.takes(1);
        }
    }

    /// So many marks come to the young groups; if they are too many now, these are the old ones, and the old ones are forgotten.
    fn takes(&mut self, marks: usize) {
        self.marks += marks;
        if self.marks > self.marks_max {
            self.old = mem::take(&mut self.young);
            self.marks = marks;
        }
    }
}

/// What a group takes beside its marks, in marks: an empty one takes memory, too.
const OVERHEAD_MARKS: usize = 16;

fn mark(key: &[u8]) -> u32 {
    xxh3_64(key) as u32
}

#[cfg(test)]
mod tests {
    use super::super::Writes;
    use super::*;

    const SHARED: usize = HEAD_BYTES + 1;

    fn key(group: u8, n: u32) -> RawKey {
        let mut key = RawKey::from_slice(&[0, 7, b'u', 0, 0, 0, 0, 0, 0, 0, 9, b'r', group]);
        key.extend(n.to_be_bytes());
        key
    }

    fn writes(keys: &[RawKey]) -> Writes {
        keys.iter().map(|key| (key.clone(), Some(RawValue::from([])))).collect()
    }

    fn learn(rare: &Rare, group: u8, rows: &[RawKey]) {
        rare.learn(&key(group, 0)[..SHARED], rows);
    }

    #[test]
    fn a_row_is_ruled_out_once_all_are_known() {
        let rare = Rare::of(64 << 20);
        let rows: Vec<_> = (0..70).map(|n| key(1, n)).collect();
        let Look::Learn(range) = rare.look(&key(1, 99), SHARED) else { panic!("nothing is known") };
        assert_eq!((&range.low[..], &range.high[..]), (&key(1, 0)[..SHARED], &key(2, 0)[..SHARED]));
        learn(&rare, 1, &rows[..RARE_SLICE]);
        for _ in 1..RARE_LEARN_EVERY {
            assert_eq!(
                rare.look(&key(1, 99), SHARED),
                Look::Perhaps,
                "there may be more; not with every look"
            );
        }
        let Look::Learn(range) = rare.look(&key(1, 99), SHARED) else { panic!("there may be more") };
        assert_eq!(*range.low, [&rows[RARE_SLICE - 1][..], &[0]].concat());
        rare.note(&writes(&[key(1, 88), key(3, 88)]));
        learn(&rare, 1, &rows[RARE_SLICE..]);
        assert_eq!(rare.look(&key(1, 99), SHARED), Look::Absent);
        assert_eq!(rare.look(&key(1, 3), SHARED), Look::Perhaps);
        assert_eq!(rare.look(&key(1, 88), SHARED), Look::Perhaps, "it was added before all were known");
        rare.note(&writes(&[key(1, 99)]));
        assert_eq!(rare.look(&key(1, 99), SHARED), Look::Perhaps);
        assert!(matches!(rare.look(&key(3, 99), SHARED), Look::Learn(_)), "another group");
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_is_learnt_again() {
        let rare = Rare::of(1 << 20);
        let most = rare.known().marks_max;
        for group in 0..=255 {
            rare.look(&key(group, 0), SHARED);
            learn(&rare, group, &[]);
            rare.note(&writes(&(0..200).map(|n| key(group, n)).collect::<Vec<_>>()));
            let known = rare.known();
            let held =
                |groups: &HashMap<_, Group>| groups.values().map(|group| group.marks.len()).sum::<usize>();
            assert!(held(&known.young) + held(&known.old) <= 2 * most);
        }
        assert!(matches!(rare.look(&key(0, 7), SHARED), Look::Learn(_)));
        // Groups that are here already, and grow.
        for n in 0..most as u32 {
            for group in 240..=255 {
                rare.note(&writes(&[key(group, 1000 + n)]));
            }
        }
        let known = rare.known();
        let held = |groups: &HashMap<_, Group>| groups.values().map(|group| group.marks.len()).sum::<usize>();
        assert!(held(&known.young) + held(&known.old) <= 2 * most);
        drop(known);
        learn(&rare, 0, &[]);
        rare.note(&writes(&(0..most as u32).map(|n| key(0, n)).collect::<Vec<_>>()));
        assert_eq!(rare.look(&key(0, u32::MAX), SHARED), Look::Perhaps, "too many of one group");
    }
}
