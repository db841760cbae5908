//! Every bound of the blob store, on one page.

/// Longest blob, in bytes. Blobs are parts of files and sizes of photos, not files.
pub const BLOB_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most bytes one read returns, whatever its caller asks for.
pub const RANGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 160;

/// Most rows one listing returns, whatever its caller asks for.
pub const LISTED_MAX: usize = 10_000;

/// Directories that are remembered to survive a loss of power; above it all are synced once more.
pub const KEPT_DIRS_MAX: usize = 4_096;

const _: () = assert!(
    KEY_BYTES_MAX + 8 < 255,
    "a file system's limit on one name, with the mark of an unfinished file"
);
