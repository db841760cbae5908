//! A transaction: typed reads and writes over one engine's snapshot and an overlay of what was written so far.

use std::cell::Cell;

use tl::{Look, Record};

use crate::durability::Health;
use crate::engine::{CommitError, Mode, Pair, RawKey, RawValue, Snapshot, Ticket, Writes};
use crate::fault::{Fault, KeyTrace};
use crate::key::{self, Key, PrefixOf};
use crate::limits::{KEY_BYTES_MAX, SCAN_ROWS_MAX, TX_BYTES_MAX, TX_ROWS_MAX};
use crate::overlay;
use crate::table::{KeyRange, Order, Rows, Table};
use crate::value;
use crate::written::Written;

/// A transaction. What it wrote it reads back, in scans too; others see all of it after the commit, or nothing.
///
/// Reading takes `&self` and writing `&mut self`, so a function that is handed `&Tx` changes nothing.
pub struct Tx<'a> {
    snapshot: Box<dyn Snapshot + 'a>,
    mode: Mode,
    health: &'a Health,
    written: &'a Written,
    /// The newest commit to anything that was looked at so far.
    saw: Cell<Ticket>,
    writes: Writes,
    write_bytes: usize,
    _alone: Alone,
}

impl<'a> Tx<'a> {
    /// Whether this transaction may write.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.mode == Mode::Write
    }

    /// The newest commit that may have written what this transaction has looked at so far.
    #[must_use]
    pub fn saw(&self) -> Ticket {
        // What was written since this transaction began may be noted, and is not seen.
        self.saw.get().min(self.snapshot.newest())
    }

    /// The record under `key`.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`], [`Fault::Corrupt`].
    pub fn get<K: Key, V: Record>(&self, table: &Table<K, V>, key: &K) -> Result<Option<V>, Fault> {
        let key = table.encode(key);
        self.raw_get(&key, |stored| stored.get(&key))?.map(|value| value::open(&key, &value)).transpose()
    }

    /// What `see` finds in the record under `key`, whose strings and bytes are not copied for it.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`], [`Fault::Corrupt`].
    pub fn look<K: Key, V: Look, R>(
        &self,
        table: &Table<K, V>,
        key: &K,
        see: impl FnOnce(V::Ref<'_>) -> R,
    ) -> Result<Option<R>, Fault> {
        let key = table.encode(key);
        let found = self.raw_get(&key, |stored| stored.get(&key))?;
        found.map(|value| value::look::<V>(&key, &value).map(see)).transpose()
    }

    /// [`Self::get`] of a row that nearly never is there and that nobody looks up again: engines keep it in no cache. `among` are
    /// the rows among which others will be looked for so: an engine may remember which of them there are.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`], [`Fault::Corrupt`].
    pub fn get_rare<K: Key, V: Record, P: PrefixOf<K>>(
        &self,
        table: &Table<K, V>,
        key: &K,
        among: &P,
    ) -> Result<Option<V>, Fault> {
        let shared = table.prefix(among).range.low.len();
        let key = table.encode(key);
        let found = self.raw_get(&key, |stored| stored.get_rare(&key, shared))?;
        found.map(|value| value::open(&key, &value)).transpose()
    }

    /// The records under `keys`, in their order: one round trip on a remote engine.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`], [`Fault::Corrupt`].
    pub fn get_many<K: Key, V: Record>(
        &self,
        table: &Table<K, V>,
        keys: &[K],
    ) -> Result<Vec<Option<V>>, Fault> {
        let keys: Vec<RawKey> = keys.iter().map(|key| table.encode(key)).collect();
        let values = self.raw_get_many(&keys)?;
        let open = |(key, value): (&RawKey, Option<RawValue>)| {
            value.map(|value| value::open(key, &value)).transpose()
        };
        keys.iter().zip(values).map(open).collect()
    }

    /// Whether there is a row under `key`.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`].
    pub fn has<K: Key, V: Record>(&self, table: &Table<K, V>, key: &K) -> Result<bool, Fault> {
        let key = table.encode(key);
        Ok(self.raw_get(&key, |stored| stored.get(&key))?.is_some())
    }

    /// The first `limit` of `rows` in `order`; never more than [`SCAN_ROWS_MAX`].
    ///
    /// # Errors
    ///
    /// [`Fault::Io`], [`Fault::Corrupt`].
    pub fn scan<K: Key, V: Record>(
        &self,
        table: &Table<K, V>,
        rows: Rows<K>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(K, V)>, Fault> {
        debug_assert_eq!(rows.family, table.family(), "the rows of another table");
        self.raw_scan(&rows.range, order, limit)?
            .into_iter()
            .map(|(key, value)| Ok((read_key::<K, V>(&key)?, value::open(&key, &value)?)))
            .collect()
    }

    /// The keys of the first `limit` of `rows` in `order`, their values unread; never more than [`SCAN_ROWS_MAX`].
    ///
    /// # Errors
    ///
    /// [`Fault::Io`], [`Fault::Corrupt`].
    pub fn keys<K: Key, V: Record>(
        &self,
        table: &Table<K, V>,
        rows: Rows<K>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<K>, Fault> {
        debug_assert_eq!(rows.family, table.family(), "the rows of another table");
        self.raw_scan(&rows.range, order, limit)?.iter().map(|(key, _)| read_key::<K, V>(key)).collect()
    }

    /// The first of `rows` in `order`.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`], [`Fault::Corrupt`].
    pub fn first<K: Key, V: Record>(
        &self,
        table: &Table<K, V>,
        rows: Rows<K>,
        order: Order,
    ) -> Result<Option<(K, V)>, Fault> {
        Ok(self.scan(table, rows, order, 1)?.pop())
    }

    /// How many `rows` there are, counted up to `limit`; never above [`SCAN_ROWS_MAX`].
    ///
    /// # Errors
    ///
    /// [`Fault::Io`].
    pub fn count<K: Key, V: Record>(
        &self,
        table: &Table<K, V>,
        rows: Rows<K>,
        limit: usize,
    ) -> Result<usize, Fault> {
        debug_assert_eq!(rows.family, table.family(), "the rows of another table");
        Ok(self.raw_scan(&rows.range, Order::Forward, limit)?.len())
    }

    /// Puts `record` under `key`, in place of what was there.
    ///
    /// # Errors
    ///
    /// [`Fault::ReadOnly`], [`Fault::KeyTooLong`], [`Fault::ValueTooLong`], [`Fault::TxTooLarge`].
    pub fn put<K: Key, V: Record>(&mut self, table: &Table<K, V>, key: &K, record: &V) -> Result<(), Fault> {
        let key = table.encode(key);
        let value = value::seal(&key, record)?;
        self.raw_write::<V>(key, Some(value))
    }

    /// Removes the row under `key`, if there is one.
    ///
    /// # Errors
    ///
    /// [`Fault::ReadOnly`], [`Fault::KeyTooLong`], [`Fault::TxTooLarge`].
    pub fn delete<K: Key, V: Record>(&mut self, table: &Table<K, V>, key: &K) -> Result<(), Fault> {
        self.raw_write::<V>(table.encode(key), None)
    }

    /// Removes the first `limit` of `rows`, and tells how many there were. Fewer than `limit`: that was all.
    ///
    /// # Errors
    ///
    /// As [`delete`](Self::delete), and [`Fault::Io`].
    pub fn clear<K: Key, V: Record>(
        &mut self,
        table: &Table<K, V>,
        rows: &Rows<K>,
        limit: usize,
    ) -> Result<usize, Fault> {
        debug_assert_eq!(rows.family, table.family(), "the rows of another table");
        let found = self.raw_scan(&rows.range, Order::Forward, limit)?;
        let count = found.len();
        for (key, _) in found {
            self.raw_write::<V>(key, None)?;
        }
        Ok(count)
    }

    pub(crate) fn new(
        snapshot: Box<dyn Snapshot + 'a>,
        mode: Mode,
        health: &'a Health,
        written: &'a Written,
        alone: Alone,
    ) -> Self {
        let saw = Cell::new(Ticket::START);
        Self { snapshot, mode, health, written, saw, writes: Writes::new(), write_bytes: 0, _alone: alone }
    }

    /// Commits what was written. Nothing written is nothing to commit: then the outcome depends on what was looked at.
    pub(crate) fn commit(self) -> Result<Ticket, CommitError> {
        if self.writes.is_empty() {
            return Ok(self.saw());
        }
        // A writer is alone, so it knows its number. If it comes to nothing, the next one has that number.
        let next = Ticket(self.snapshot.newest().0 + 1);
        self.written.note(&self.writes, next);
        let committed = self.snapshot.commit(self.writes);
        debug_assert!(
            committed.as_ref().map_or(true, |ticket| *ticket == next),
            "a commit of another number"
        );
        committed.inspect_err(|error| {
            if let CommitError::Fault(fault) = error {
                self.health.note(fault);
            }
        })
    }

    /// Notes that the outcome depends on the commit `ticket`.
    fn sees(&self, ticket: Ticket) {
        self.saw.set(self.saw.get().max(ticket));
    }

    fn raw_get(
        &self,
        key: &[u8],
        get: impl FnOnce(&(dyn Snapshot + 'a)) -> Result<Option<RawValue>, Fault>,
    ) -> Result<Option<RawValue>, Fault> {
        self.sees(self.written.by_key(key));
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.noting(get(&*self.snapshot)),
        }
    }

    fn raw_get_many(&self, keys: &[RawKey]) -> Result<Vec<Option<RawValue>>, Fault> {
        keys.iter().for_each(|key| self.sees(self.written.by_key(key)));
        if self.writes.is_empty() {
            return self.noting(self.snapshot.get_many(keys));
        }
        let unwritten: Vec<RawKey> =
            keys.iter().filter(|key| !self.writes.contains_key(*key)).cloned().collect();
        let mut stored = self.noting(self.snapshot.get_many(&unwritten))?.into_iter();
        let value = |key| match self.writes.get(key) {
            Some(written) => written.clone(),
            None => stored.next().flatten(),
        };
        Ok(keys.iter().map(value).collect())
    }

    pub(crate) fn raw_scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        let limit = limit.min(SCAN_ROWS_MAX);
        if limit == 0 || range.is_empty() {
            return Ok(Vec::new());
        }
        self.sees(self.written.by_range(range).unwrap_or_else(|| self.snapshot.newest()));
        overlay::scan(&self.writes, range, order, limit, |limit| {
            self.noting(self.snapshot.scan(range, order, limit))
        })
    }

    fn raw_write<V>(&mut self, key: RawKey, value: Option<RawValue>) -> Result<(), Fault> {
        if self.mode != Mode::Write {
            return Err(Fault::ReadOnly);
        }
        if key.len() > KEY_BYTES_MAX {
            return Err(Fault::KeyTooLong { table: value::table::<V>(), bytes: key.len() });
        }
        // Overwritten values stay counted: the sum bounds the work, not only the memory.
        self.write_bytes += key.len() + value.as_ref().map_or(0, |value| value.len());
        if self.write_bytes > TX_BYTES_MAX || self.writes.len() >= TX_ROWS_MAX {
            return Err(Fault::TxTooLarge);
        }
        self.writes.insert(key, value);
        Ok(())
    }

    /// A failed engine is remembered even if the handler swallows its fault.
    fn noting<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.inspect_err(|fault| self.health.note(fault))
    }
}

fn read_key<K: Key, V>(key: &[u8]) -> Result<K, Fault> {
    key::decode(key).ok_or_else(|| Fault::Corrupt {
        table: value::table::<V>(),
        key: KeyTrace::of(key),
        why: "not a key of this table",
    })
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Proof that this thread is inside no other transaction: a second one could wait for the locks of the first.
pub(crate) struct Alone(());

impl Alone {
    pub(crate) fn enter() -> Result<Self, Fault> {
        if INSIDE.replace(true) { Err(Fault::Nested) } else { Ok(Self(())) }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}
