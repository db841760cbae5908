//! What can go wrong with file bytes.

use std::fmt;

use crate::BlobKey;

/// Why a blob could not be kept, read or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobError {
    /// There is no such blob.
    NotFound(BlobKey),
    /// The blob is longer than [`BLOB_BYTES_MAX`](crate::limits::BLOB_BYTES_MAX).
    TooLarge {
        /// Its length, in bytes.
        bytes: usize,
    },
    /// The place where blobs are kept failed. What was being put is not acknowledged.
    Io {
        /// What was being done, a constant text.
        doing: &'static str,
        /// The words of whoever failed.
        error: String,
    },
}

impl BlobError {
    pub(crate) fn io(doing: &'static str, error: impl fmt::Display) -> Self {
        Self::Io { doing, error: error.to_string() }
    }
}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(key) => write!(f, "there is no blob {key}"),
            Self::TooLarge { bytes } => write!(f, "a blob of {bytes} bytes is too large"),
            Self::Io { doing, error } => write!(f, "the blob store failed while {doing}: {error}"),
        }
    }
}

impl std::error::Error for BlobError {}
