//! The locks of an embedded engine: one writer at a time, readers side by side, and a moment in which nobody reads while
//! a commit becomes visible.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Ticket;

/// Lets one writer in, and numbers what it commits.
///
/// The data itself may lie inside (`T` of the memory engine) or elsewhere (`T = ()`). A panic of a handler poisons
/// nothing that matters: what a transaction wrote lies in its own overlay until it commits.
pub(crate) struct Turnstile<T> {
    writer: Mutex<()>,
    data: RwLock<T>,
    newest: AtomicU64,
}

impl<T> Turnstile<T> {
    pub(crate) fn new(data: T) -> Self {
        Self { writer: Mutex::new(()), data: RwLock::new(data), newest: AtomicU64::new(0) }
    }

    /// Waits until no other writer is inside.
    pub(crate) fn write(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps batches out while the guard lives.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
        self.data.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the data while nobody reads, in a way that no reader can tell.
    pub(crate) fn rearrange<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut self.data.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest commit. Exact while a guard of either kind lives.
    pub(crate) fn newest(&self) -> Ticket {
        Ticket(self.newest.load(Ordering::Acquire))
    }

    /// Lays in a batch while nobody reads, and gives it its number if `apply` succeeds. The caller holds the writer's guard.
    pub(crate) fn commit<E>(
        &self,
        _writer: &MutexGuard<'_, ()>,
        apply: impl FnOnce(&mut T, Ticket) -> Result<(), E>,
    ) -> Result<Ticket, E> {
        let mut data: RwLockWriteGuard<'_, T> = self.data.write().unwrap_or_else(PoisonError::into_inner);
        let ticket = Ticket(self.newest.load(Ordering::Acquire) + 1);
        apply(&mut data, ticket)?;
        // Still under the lock, so that whoever sees the batch sees its number.
        self.newest.store(ticket.0, Ordering::Release);
        Ok(ticket)
    }
}
