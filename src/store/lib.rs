//! Ordered keys and transactions.
//!
//! A [`Table`] maps keys to records; a [`Tx`] reads and writes tables; [`Store::write`] runs a closure in one and commits
//! it whole. What a commit wrote must not be told to anybody before the commit is durable: [`Ticket`]s say when.
//!
//! ```
//! use store::{Fault, Order, Present, Store, Table, key_parts, owner_ids};
//!
//! #[derive(Debug, Clone, Copy, PartialEq)]
//! pub struct UserId(i64);
//! #[derive(Debug, Clone, Copy, PartialEq)]
//! pub struct Pts(i32);
//!
//! owner_ids! { UserId(i64) = b'u' }
//! key_parts! { Pts(i32) }
//!
//! pub const SEEN: Table<(UserId, Pts), Present> = Table::new(b's');
//!
//! let store = Store::memory();
//! let me = UserId(7);
//! let ((), ticket) = store.write(|tx| {
//!     tx.put(&SEEN, &(me, Pts(1)), &Present)?;
//!     tx.put(&SEEN, &(me, Pts(2)), &Present)
//! })?;
//! store.wait_durable(ticket)?;
//!
//! let (newest, _) = store.read(|tx| tx.first(&SEEN, SEEN.of(me), Order::Backward))?;
//! assert_eq!(newest, Some(((me, Pts(2)), Present)));
//! # Ok::<(), Fault>(())
//! ```
//!
//! Records are lines of the `---store---` section of `schema.tl` ([`tl::Record`]); [`Present`] is the record of a table
//! whose keys say it all.
//!
//! Absent: tables over several owners (an owner is what one shard holds whole), long-lived cursors (a scan is bounded and
//! the next one starts behind its last key), and any knowledge of what the records mean.

#![forbid(unsafe_code)]

mod durability;
pub mod engine;
mod fault;
mod format;
mod key;
pub mod limits;
mod lock;
mod overlay;
mod owner;
mod raw;
mod store;
mod table;
mod tx;
mod value;
mod written;

pub use durability::OnDurable;
pub use engine::Ticket;
#[cfg(feature = "simulation")]
pub use engine::simulated::Disk;
pub use fault::{Fault, KeyTrace};
pub use format::{FORMAT, engine_of};
pub use key::{Key, KeyPart, OwnerId, PrefixOf, RawKey, vshard};
pub use lock::{DirLock, LockError, lock_dir, lock_dir_to_read};
pub use owner::{Due, Global, Name};
pub use raw::RawRow;
pub use store::{Config, EngineKind, OpenError, Store, UnknownEngine};
pub use table::{KeyRange, Order, Rows, Table};
pub use tx::Tx;
pub use value::Present;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod testing;
