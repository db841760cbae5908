//! A cache of rows above an engine: what is looked up again and again (a person's counters, a key, a membership, and that
//! there is no row) is found by one hash instead of a walk down the tree.
//!
//! A row carries the number of the commit from which on it is known to be so, and is shown only to those who see that commit. A
//! commit renews the rows that are here, so none is ever older than the newest commit.

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::{RawKey, RawValue, Ticket, Writes};
use crate::limits::{CACHED_ROW_BYTES_MAX, CACHED_ROW_BYTES_MEAN, ROW_CACHE_SHARE};

pub(crate) struct Rows {
    cache: Cache<RawKey, Row, Weight>,
}

#[derive(Clone)]
struct Row {
    /// It has been so since this commit, or for longer.
    since: Ticket,
    value: Option<RawValue>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<RawKey, Row> for Weight {
    /// Bytes, those of the cache's own tables included.
    fn weight(&self, key: &RawKey, row: &Row) -> u64 {
        const OWN: usize = 128;
        (OWN + key.len() + row.value.as_ref().map_or(0, |value| value.len())) as u64
    }
}

impl Rows {
    /// A cache that takes its share of the `cache_bytes` of an engine. Also gives what is left for the engine itself.
    pub(crate) fn of(cache_bytes: u64) -> (Self, u64) {
        let bytes = cache_bytes / ROW_CACHE_SHARE;
        let expected = usize::try_from(bytes).unwrap_or(usize::MAX) / CACHED_ROW_BYTES_MEAN;
        (Self { cache: Cache::with_weighter(expected, bytes, Weight) }, cache_bytes - bytes)
    }

    /// The row under `key` (or that there is none) as the commit `seen` shows it, if it is here.
    pub(crate) fn get(&self, key: &[u8], seen: Ticket) -> Option<Option<RawValue>> {
        let row = self.cache.get(key)?;
        (row.since <= seen).then_some(row.value)
    }

    /// Keeps what the engine had under `key`. The caller keeps commits out, and `newest` is the last one.
    pub(crate) fn keep(&self, key: &[u8], value: Option<&RawValue>, newest: Ticket) {
        if value.is_none_or(|value| value.len() <= CACHED_ROW_BYTES_MAX) {
            self.cache.insert(RawKey::from_slice(key), Row { since: newest, value: value.cloned() });
        }
    }

    /// Renews the rows that the commit `ticket` changes. The caller keeps everybody out who could see it.
    pub(crate) fn change(&self, writes: &Writes, ticket: Ticket) {
        for (key, value) in writes {
            if self.cache.peek(key.as_slice()).is_none() {
                continue;
            }
            match value {
                Some(value) if value.len() > CACHED_ROW_BYTES_MAX => {
                    self.cache.remove(key.as_slice());
                }
                value => self.keep(key, value.as_ref(), ticket),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(key: &[u8], value: Option<&[u8]>) -> Writes {
        Writes::from([(RawKey::from_slice(key), value.map(RawValue::from))])
    }

    #[test]
    fn a_row_is_shown_to_those_who_see_its_commit() {
        let (rows, left) = Rows::of(16 * 1024 * 1024);
        assert_eq!(left, 14 * 1024 * 1024);
        assert_eq!(rows.get(b"k", Ticket(9)), None, "unknown is not absent");
        rows.keep(b"k", None, Ticket(3));
        assert_eq!(rows.get(b"k", Ticket(3)), Some(None));
        rows.change(&writes(b"k", Some(b"v")), Ticket(4));
        assert_eq!(rows.get(b"k", Ticket(3)), None, "the engine knows how it was");
        assert_eq!(rows.get(b"k", Ticket(4)), Some(Some(RawValue::from(*b"v"))));
        rows.change(&writes(b"k", None), Ticket(5));
        assert_eq!(rows.get(b"k", Ticket(5)), Some(None));
        rows.change(&writes(b"other", Some(b"v")), Ticket(6));
        assert_eq!(rows.get(b"other", Ticket(6)), None, "nobody has asked for it");
    }

    #[test]
    fn a_long_row_is_not_kept_and_replaces_a_short_one() {
        let (rows, _) = Rows::of(16 * 1024 * 1024);
        let long = RawValue::from(vec![0; CACHED_ROW_BYTES_MAX + 1]);
        rows.keep(b"k", Some(&long), Ticket(1));
        assert_eq!(rows.get(b"k", Ticket(1)), None);
        rows.keep(b"k", Some(&RawValue::from(*b"v")), Ticket(1));
        rows.change(&writes(b"k", Some(&long)), Ticket(2));
        assert_eq!(rows.get(b"k", Ticket(2)), None);
    }

    #[test]
    fn it_does_not_outgrow_its_share() {
        let (rows, _) = Rows::of(8 * 1024 * 1024);
        for n in 0..100_000_u32 {
            rows.keep(&n.to_be_bytes(), Some(&RawValue::from([0; 100])), Ticket(1));
        }
        assert!(rows.cache.weight() <= 1024 * 1024, "{}", rows.cache.weight());
        assert!(rows.cache.len() > 1000);
    }
}
