//! Rows that nobody has read yet: what a check of the whole store walks, whatever its tables are.

use tl::Record;

use crate::engine::{Pair, RawKey, RawValue};
use crate::fault::{Fault, KeyTrace};
use crate::key::{self, HEAD_BYTES, Key, OwnerId, vshard};
use crate::limits::VSHARDS;
use crate::table::{KeyRange, Order, Table};
use crate::tx::Tx;
use crate::value;

/// A row as the engine keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRow {
    key: RawKey,
    value: RawValue,
}

impl RawRow {
    /// Whether the key has a head at all, and stands in the shard of its owner.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        let trace = self.trace();
        self.key.len() >= HEAD_BYTES
            && self.key.first_chunk().copied().map(u16::from_be_bytes)
                == Some(vshard(trace.kind, trace.owner))
    }

    /// Kind of the owner; zero if the key is too short to say.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.trace().kind
    }

    /// Number of the owner.
    #[must_use]
    pub fn owner(&self) -> u64 {
        self.trace().owner
    }

    /// Family (table) of the row.
    #[must_use]
    pub fn family(&self) -> u8 {
        self.trace().family
    }

    /// Which row it is.
    #[must_use]
    pub fn trace(&self) -> KeyTrace {
        KeyTrace::of(&self.key)
    }
}

impl From<Pair> for RawRow {
    fn from((key, value): Pair) -> Self {
        Self { key, value }
    }
}

impl Tx<'_> {
    /// The first `limit` rows behind `after` of the whole store, in the order of their keys: shard by shard, owner by
    /// owner, family by family. Never more than [`SCAN_ROWS_MAX`](crate::limits::SCAN_ROWS_MAX). For checks: no owner
    /// bounds it.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`].
    pub fn raw_rows(&self, after: Option<&RawRow>, limit: usize) -> Result<Vec<RawRow>, Fault> {
        self.raw_range(RawKey::new(), RawKey::from_slice(&[u8::MAX]), after, limit)
    }

    /// As [`raw_rows`](Self::raw_rows), but only the rows of owners of one kind in one shard: one range of keys. Whoever
    /// looks for all owners of a kind asks shard by shard, from 0 to [`VSHARDS`].
    ///
    /// # Errors
    ///
    /// [`Fault::Io`].
    pub fn raw_rows_of(
        &self,
        kind: u8,
        shard: u16,
        after: Option<&RawRow>,
        limit: usize,
    ) -> Result<Vec<RawRow>, Fault> {
        debug_assert!(shard < VSHARDS);
        let mut low = RawKey::from_slice(&shard.to_be_bytes());
        let mut high = low.clone();
        low.push(kind);
        high.push(kind.saturating_add(1));
        self.raw_range(low, high, after, limit)
    }

    fn raw_range(
        &self,
        mut low: RawKey,
        high: RawKey,
        after: Option<&RawRow>,
        limit: usize,
    ) -> Result<Vec<RawRow>, Fault> {
        if let Some(after) = after {
            low.clone_from(&after.key);
            low.push(0);
        }
        let found = self.raw_scan(&KeyRange { low, high }, Order::Forward, limit)?;
        Ok(found.into_iter().map(RawRow::from).collect())
    }
}

impl<K: Key, V: Record> Table<K, V> {
    /// Key and record of a row of this table.
    ///
    /// # Errors
    ///
    /// [`Fault::Corrupt`].
    pub fn read(&self, row: &RawRow) -> Result<(K, V), Fault> {
        debug_assert_eq!(row.family(), self.family(), "a row of another table");
        let key = key::decode(&row.key).ok_or_else(|| Fault::Corrupt {
            table: value::table::<V>(),
            key: row.trace(),
            why: "not a key of this table",
        })?;
        Ok((key, value::open(&row.key, &row.value)?))
    }

    /// Whether a row belongs to this table, by the kind of its owner and its family.
    #[must_use]
    pub fn has_row(&self, row: &RawRow) -> bool {
        row.kind() == <K::Owner as OwnerId>::KIND && row.family() == self.family()
    }
}
