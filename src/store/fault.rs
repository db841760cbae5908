//! The one error of the store: we failed, not the caller.

use std::fmt;

/// What went wrong in the store. Nothing in here is the fault of a client: it becomes `500 INTERNAL` and one log line.
///
/// No variant carries a value or the readable part of a key, so a fault may be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The engine could not read or write. After this one the store acknowledges nothing any more: the server must stop.
    Io {
        /// What the store was doing, a constant text.
        doing: &'static str,
        /// The engine's words.
        error: String,
    },
    /// A stored value does not match its checksum or cannot be read as a record.
    Corrupt {
        /// The record type of the table.
        table: &'static str,
        /// Which row.
        key: KeyTrace,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A key longer than [`KEY_BYTES_MAX`](crate::limits::KEY_BYTES_MAX).
    KeyTooLong {
        /// The record type of the table.
        table: &'static str,
        /// Length of the key, in bytes.
        bytes: usize,
    },
    /// A value longer than [`VALUE_BYTES_MAX`](crate::limits::VALUE_BYTES_MAX).
    ValueTooLong {
        /// The record type of the table.
        table: &'static str,
        /// Length of the value, in bytes.
        bytes: usize,
    },
    /// A transaction wrote more than [`TX_ROWS_MAX`](crate::limits::TX_ROWS_MAX) rows or
    /// [`TX_BYTES_MAX`](crate::limits::TX_BYTES_MAX) bytes.
    TxTooLarge,
    /// A write inside [`Store::read`](crate::Store::read).
    ReadOnly,
    /// A transaction was begun inside another one on the same thread, which could wait for itself.
    Nested,
    /// Every attempt of a write met a conflict.
    Contended,
    /// The store was closed.
    Stopped,
}

impl Fault {
    /// Whether the engine itself failed, so that nothing may be acknowledged any more.
    #[must_use]
    pub const fn is_io(&self) -> bool {
        matches!(self, Self::Io { .. })
    }

    pub(crate) fn io(doing: &'static str, error: impl fmt::Display) -> Self {
        Self::Io { doing, error: error.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, error } => write!(f, "the storage engine failed while {doing}: {error}"),
            Self::Corrupt { table, key, why } => write!(f, "corrupt row of {table} at {key}: {why}"),
            Self::KeyTooLong { table, bytes } => write!(f, "a key of {table} is {bytes} bytes long"),
            Self::ValueTooLong { table, bytes } => write!(f, "a value of {table} is {bytes} bytes long"),
            Self::TxTooLarge => f.write_str("a transaction wrote too much"),
            Self::ReadOnly => f.write_str("a write in a reading transaction"),
            Self::Nested => f.write_str("a transaction inside a transaction"),
            Self::Contended => f.write_str("a write met a conflict at every attempt"),
            Self::Stopped => f.write_str("the store is closed"),
        }
    }
}

impl std::error::Error for Fault {}

/// Names a row without telling what its key says: a looked-up name or a phone number stays out of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTrace {
    /// Kind of the owner.
    pub kind: u8,
    /// Number of the owner.
    pub owner: u64,
    /// Family (table) of the row.
    pub family: u8,
    /// Length of the rest of the key, in bytes.
    pub rest_bytes: usize,
    /// CRC32C of the whole key: enough for an offline check to find the row again.
    pub crc: u32,
}

impl KeyTrace {
    pub(crate) fn of(key: &[u8]) -> Self {
        let number = |range: std::ops::Range<usize>| {
            key.get(range).unwrap_or_default().iter().fold(0, |n: u64, &byte| n << 8 | u64::from(byte))
        };
        Self {
            kind: key.get(2).copied().unwrap_or_default(),
            owner: number(3..11),
            family: key.get(11).copied().unwrap_or_default(),
            rest_bytes: key.len().saturating_sub(crate::key::HEAD_BYTES),
            crc: crc32c::crc32c(key),
        }
    }
}

impl fmt::Display for KeyTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, owner, family, rest_bytes, crc } = self;
        write!(f, "{}{owner}/{}+{rest_bytes}#{crc:08x}", kind.escape_ascii(), family.escape_ascii())
    }
}
