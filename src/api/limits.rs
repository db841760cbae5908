//! Every bound of the API on one page.

/// Wrappers around one query.
pub const WRAPPERS_MAX: usize = 16;
/// Queries for which one query may wait (`invokeAfterMsgs`).
pub const AFTER_MAX: usize = 64;
/// Characters kept of what a client says of its device.
pub const DEVICE_CHARS_MAX: usize = 128;
/// Ids that one call may name.
pub const IDS_MAX: usize = 200;
/// Log rows in one push.
pub const PUSH_ROWS_MAX: usize = 100;
/// Bytes in one part of an upload.
pub const PART_BYTES_MAX: usize = 512 * 1024;
/// Bytes that one `upload.getFile` gives.
pub const RANGE_BYTES_MAX: i32 = 1024 * 1024;
/// Parts of one upload: 4,000 of 512 KiB, 8,000 for premium accounts.
pub const PARTS_MAX: i32 = 8_000;
/// Seconds for which a file reference is good.
pub const FILE_REFERENCE_SECS: i32 = 24 * 3600;
/// Contacts that one call imports.
pub const IMPORT_MAX: usize = 1_000;
