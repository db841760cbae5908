//! A map in memory, for tests and simulation. Nothing survives it, and it can be told to report conflicts that did not
//! happen, so that the retry path is walked long before a remote engine reports real ones.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{MutexGuard, RwLockReadGuard};

use super::turnstile::Turnstile;
use super::{CommitError, Engine, Mode, Pair, RawKey, RawValue, Snapshot, Ticket, Writes};
use crate::fault::Fault;
use crate::table::{KeyRange, Order};

pub(crate) type Map = BTreeMap<RawKey, RawValue>;

pub(crate) struct MemoryEngine {
    rows: Turnstile<Map>,
    /// Every so many commits, one is refused.
    conflict_every: Option<NonZeroU32>,
    attempts: AtomicU32,
}

impl MemoryEngine {
    pub(crate) fn new(conflict_every: Option<NonZeroU32>) -> Self {
        Self::holding(Map::new(), conflict_every)
    }

    pub(crate) fn holding(rows: Map, conflict_every: Option<NonZeroU32>) -> Self {
        Self { rows: Turnstile::new(rows), conflict_every, attempts: AtomicU32::new(0) }
    }

    fn must_conflict(&self) -> bool {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
        self.conflict_every.is_some_and(|every| attempt % every == 0)
    }
}

impl Engine for MemoryEngine {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Snapshot + '_>, Fault> {
        Ok(match mode {
            Mode::Read => Box::new(Reader { rows: self.rows.read(), newest: self.rows.newest() }),
            Mode::Write => Box::new(Writer { engine: self, turn: self.rows.write() }),
        })
    }

    fn newest(&self) -> Ticket {
        self.rows.newest()
    }

    fn sync(&self) -> Result<(), Fault> {
        Ok(())
    }
}

struct Reader<'a> {
    rows: RwLockReadGuard<'a, Map>,
    newest: Ticket,
}

impl Snapshot for Reader<'_> {
    fn newest(&self) -> Ticket {
        self.newest
    }

    fn get(&self, key: &[u8]) -> Result<Option<RawValue>, Fault> {
        Ok(self.rows.get(key).cloned())
    }

    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        Ok(scan(&self.rows, range, order, limit))
    }

    fn commit(self: Box<Self>, _: Writes) -> Result<Ticket, CommitError> {
        Err(CommitError::Fault(Fault::ReadOnly))
    }
}

/// Holds the writer's turn, so the map stands still although it is locked only while it is looked at.
struct Writer<'a> {
    engine: &'a MemoryEngine,
    turn: MutexGuard<'a, ()>,
}

impl Snapshot for Writer<'_> {
    fn newest(&self) -> Ticket {
        self.engine.rows.newest()
    }

    fn get(&self, key: &[u8]) -> Result<Option<RawValue>, Fault> {
        Ok(self.engine.rows.read().get(key).cloned())
    }

    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        Ok(scan(&self.engine.rows.read(), range, order, limit))
    }

    fn commit(self: Box<Self>, writes: Writes) -> Result<Ticket, CommitError> {
        if self.engine.must_conflict() {
            return Err(CommitError::Conflict);
        }
        self.engine.rows.commit(&self.turn, |rows, _| {
            for (key, value) in writes {
                match value {
                    Some(value) => rows.insert(key, value),
                    None => rows.remove(&key),
                };
            }
            Ok(())
        })
    }
}

fn scan(rows: &Map, range: &KeyRange, order: Order, limit: usize) -> Vec<Pair> {
    let found =
        rows.range(range.low.clone()..range.high.clone()).map(|(key, value)| (key.clone(), value.clone()));
    match order {
        Order::Forward => found.take(limit).collect(),
        Order::Backward => found.rev().take(limit).collect(),
    }
}
