//! What an engine owes. Tables, overlays, retries and group commit are written once above it.
//!
//! The trait is meant to be kept by a remote engine as well (PostgreSQL, a distributed ordered store): nothing in it
//! relies on one process, and [`CommitError::Conflict`] is an ordinary answer.

mod fjall;
#[cfg(target_os = "linux")]
mod flush;
mod journal;
mod memory;
mod rare;
mod rows;
#[cfg(feature = "simulation")]
pub(crate) mod simulated;
mod sled;
mod torn;
mod tree;
mod turnstile;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use fjall::FjallEngine;
pub(crate) use memory::MemoryEngine;
pub(crate) use sled::SledEngine;

use crate::fault::Fault;
pub use crate::key::RawKey;
use crate::table::{KeyRange, Order};

/// The number of a commit: later commits have greater ones. Counted from the start of the process, not kept on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticket(pub u64);

impl Ticket {
    /// What was there when the store was opened. Always durable.
    pub const START: Self = Self(0);
}

/// What an engine keeps under a key. It is made once and never copied: what is gathered, the caches and whoever reads share it.
pub type RawValue = Arc<[u8]>;

/// What a transaction wants to write, by raw key; `None` deletes.
pub type Writes = BTreeMap<RawKey, Option<RawValue>>;

/// A raw row.
pub type Pair = (RawKey, RawValue);

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Look only. Such transactions run side by side.
    Read,
    /// Look and, at its end, commit.
    Write,
}

/// Why a commit did not happen.
#[derive(Debug)]
pub enum CommitError {
    /// Somebody else committed what this transaction relied on. Nothing was written; run it again.
    Conflict,
    /// The engine failed.
    Fault(Fault),
}

/// Keeps bytes under ordered keys, in transactions that are serialisable, absent reads and scans included.
pub trait Engine: Send + Sync {
    /// Begins a transaction. It sees one moment of the store until it ends.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`].
    fn begin(&self, mode: Mode) -> Result<Box<dyn Snapshot + '_>, Fault>;

    /// The newest commit.
    fn newest(&self) -> Ticket;

    /// Whether a writer that begins now will not have to wait until earlier commits have made room.
    fn has_room(&self) -> bool {
        true
    }

    /// Returns once every commit that [`newest`](Self::newest) named before the call would survive a loss of power.
    /// Commits go on meanwhile.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`]. What was not durable by then may never be.
    fn sync(&self) -> Result<(), Fault>;
}

/// One transaction's view of the store. Dropping it rolls back.
pub trait Snapshot {
    /// The newest commit that this view may show.
    fn newest(&self) -> Ticket;

    /// The value of `key`.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`].
    fn get(&self, key: &[u8]) -> Result<Option<RawValue>, Fault>;

    /// [`Self::get`] of a row that nearly never is there, among those whose keys share its first `shared` bytes. Nobody will look
    /// it up again: it is not worth a place in a cache.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`].
    fn get_rare(&self, key: &[u8], shared: usize) -> Result<Option<RawValue>, Fault> {
        let _ = shared;
        self.get(key)
    }

    /// The values of `keys`, in their order: one round trip on a remote engine.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`].
    fn get_many(&self, keys: &[RawKey]) -> Result<Vec<Option<RawValue>>, Fault> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// The first `limit` rows of `range` in `order`.
    ///
    /// # Errors
    ///
    /// [`Fault::Io`].
    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault>;

    /// Makes all of `writes` visible at once, to all who begin later. Its number is the one behind [`newest`](Self::newest),
    /// which a writer knows: nobody else commits meanwhile.
    ///
    /// # Errors
    ///
    /// [`CommitError`]; then none of `writes` is ever acknowledged.
    fn commit(self: Box<Self>, writes: Writes) -> Result<Ticket, CommitError>;
}
