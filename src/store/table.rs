//! Tables, and the rows of one owner that a scan looks at.

use std::marker::PhantomData;

use crate::key::{self, Key, PrefixOf, RawKey};

/// A table: which key leads to which record. The whole database is a page of these:
///
/// ```
/// # use store::{Table, owner_ids, key_parts};
/// # #[derive(Clone, Copy)] pub struct UserId(i64);
/// # pub struct Pts(i32);
/// # owner_ids! { UserId(i64) = b'u' }
/// # key_parts! { Pts(i32) }
/// # type Update = ();
/// /// What happened to a user, by pts.
/// pub const UPDATES: Table<(UserId, Pts), Update> = Table::new(b'p');
/// ```
pub struct Table<K, V> {
    family: u8,
    shape: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V> Table<K, V> {
    /// The table of the rows marked `family`. Two tables may share a family only if their owners are of different kinds.
    /// Stored in every key: never change one.
    #[must_use]
    pub const fn new(family: u8) -> Self {
        Self { family, shape: PhantomData }
    }

    /// As [`Self::new`], of rows whose keys end in a number that mostly is one more than that of the row before, and that are
    /// mostly written at the end: messages, what is logged. An engine for which a small row is dear keeps neighbours together.
    /// The mark is a bit of the family.
    #[must_use]
    pub const fn in_runs(family: u8) -> Self {
        assert!(!K::OPEN_ENDED, "rows between those of a run would be out of order");
        Self::new(key::in_runs(family))
    }

    /// All rows of `owner`.
    #[must_use]
    pub fn of(&self, owner: K::Owner) -> Rows<K> {
        self.beginning_with(key::encode_owner(self.family, owner))
    }

    /// All rows whose keys begin with `prefix`: the owner and the first parts, as `(user, peer)` of `(user, peer, msg_id)`.
    #[must_use]
    pub fn prefix<P: PrefixOf<K>>(&self, prefix: &P) -> Rows<K> {
        self.beginning_with(key::encode(self.family, prefix))
    }

    pub(crate) fn encode(&self, key: &K) -> RawKey {
        key::encode(self.family, key)
    }

    pub(crate) const fn family(&self) -> u8 {
        self.family
    }

    fn beginning_with(&self, low: RawKey) -> Rows<K> {
        let high = successor(low.clone());
        Rows { range: KeyRange { low, high }, family: self.family, shape: PhantomData }
    }
}

/// Rows of one table and one owner, narrowed step by step: `UPDATES.of(user).after(&(user, pts))`.
pub struct Rows<K> {
    pub(crate) range: KeyRange,
    pub(crate) family: u8,
    shape: PhantomData<fn() -> K>,
}

impl<K: Key> Rows<K> {
    /// Only `key` and what follows it.
    #[must_use]
    pub fn from(mut self, key: &K) -> Self {
        self.raise(key::encode(self.family, key));
        self
    }

    /// Only what follows `key`.
    #[must_use]
    pub fn after(mut self, key: &K) -> Self {
        self.raise(just_behind(key::encode(self.family, key)));
        self
    }

    /// Only what precedes `key`.
    #[must_use]
    pub fn before(mut self, key: &K) -> Self {
        self.lower(key::encode(self.family, key));
        self
    }

    /// Only what precedes `key`, and `key` itself.
    #[must_use]
    pub fn until(mut self, key: &K) -> Self {
        self.lower(just_behind(key::encode(self.family, key)));
        self
    }

    /// Only what precedes all keys that begin with `prefix`.
    #[must_use]
    pub fn before_all<P: PrefixOf<K>>(mut self, prefix: &P) -> Self {
        self.lower(key::encode(self.family, prefix));
        self
    }

    fn raise(&mut self, low: RawKey) {
        if low > self.range.low {
            self.range.low = low;
        }
    }

    fn lower(&mut self, high: RawKey) {
        if high < self.range.high {
            self.range.high = high;
        }
    }
}

impl<K> Clone for Rows<K> {
    fn clone(&self) -> Self {
        Self { range: self.range.clone(), family: self.family, shape: PhantomData }
    }
}

/// The direction of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Forward,
    /// Greatest key first.
    Backward,
}

/// A range of raw keys: from `low`, to just before `high`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key that belongs to the range.
    pub low: RawKey,
    /// The first key behind the range.
    pub high: RawKey,
}

impl KeyRange {
    /// Whether no key can lie in the range. Engines need not be asked about such a one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.low >= self.high
    }
}

/// The first key behind all that begin with `prefix`. There always is one: a key begins with a shard below 16,384.
pub(crate) fn successor(mut prefix: RawKey) -> RawKey {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            break;
        }
    }
    prefix
}

/// The smallest key greater than `key`.
pub(crate) fn just_behind(mut key: RawKey) -> RawKey {
    key.push(0);
    key
}
