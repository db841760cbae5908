//! A map in memory over a disk that a test owns: what was not synced when the machine stops is gone. Only with the feature
//! `simulation`.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::memory::{Map, MemoryEngine};
use super::{CommitError, Engine, Mode, Pair, RawValue, Snapshot, Ticket, Writes};
use crate::fault::Fault;
use crate::table::{KeyRange, Order};

/// What survives a crash. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Plates>>);

#[derive(Debug, Default)]
struct Plates {
    synced: Map,
    /// Commits that were not synced yet, the oldest first.
    written: Vec<Writes>,
}

impl Disk {
    /// The machine stops: of what was committed and not synced, the first `kept` commits happen to have reached the
    /// plates, and the rest is gone. Open a new store over it then.
    pub fn crash(&self, kept: usize) {
        let mut plates = self.plates();
        let written = std::mem::take(&mut plates.written);
        written.into_iter().take(kept).for_each(|writes| lay_in(&mut plates.synced, writes));
    }

    /// Commits that would be lost now.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        self.plates().written.len()
    }

    fn plates(&self) -> MutexGuard<'_, Plates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn lay_in(rows: &mut Map, writes: Writes) {
    for (key, value) in writes {
        match value {
            Some(value) => rows.insert(key, value),
            None => rows.remove(&key),
        };
    }
}

pub(crate) struct SimulatedEngine {
    memory: MemoryEngine,
    disk: Disk,
}

impl SimulatedEngine {
    /// What the disk kept.
    pub(crate) fn open(disk: &Disk, conflict_every: Option<NonZeroU32>) -> Self {
        let rows = disk.plates().synced.clone();
        Self { memory: MemoryEngine::holding(rows, conflict_every), disk: disk.clone() }
    }
}

impl Engine for SimulatedEngine {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Snapshot + '_>, Fault> {
        Ok(Box::new(Recorded { inner: self.memory.begin(mode)?, disk: &self.disk }))
    }

    fn newest(&self) -> Ticket {
        self.memory.newest()
    }

    fn sync(&self) -> Result<(), Fault> {
        self.disk.crash(usize::MAX);
        Ok(())
    }
}

struct Recorded<'a> {
    inner: Box<dyn Snapshot + 'a>,
    disk: &'a Disk,
}

impl Snapshot for Recorded<'_> {
    fn newest(&self) -> Ticket {
        self.inner.newest()
    }

    fn get(&self, key: &[u8]) -> Result<Option<RawValue>, Fault> {
        self.inner.get(key)
    }

    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        self.inner.scan(range, order, limit)
    }

    fn commit(self: Box<Self>, writes: Writes) -> Result<Ticket, CommitError> {
        let ticket = self.inner.commit(writes.clone())?;
        self.disk.plates().written.push(writes);
        Ok(ticket)
    }
}
