//! Every bound of the language, on one page.

/// How deep values of types that contain themselves may nest. Rich text, the deepest honest structure, stays below 20.
pub const DEPTH_MAX: u8 = 32;

/// How many bytes of vectors and boxes a reader may allocate for each byte of input. A list of the smallest useful values
/// (`inputUserSelf`, 4 bytes on the wire) costs 6 to 12 times its length.
pub const MEMORY_PER_BYTE_MAX: usize = 32;

/// What a reader may allocate beyond that, whatever the length: room for one large object behind few bytes.
pub const MEMORY_BASE_BYTES: usize = 64 * 1024;

/// The largest buffer that a thread keeps for what it writes next, in bytes.
pub const SPARE_BYTES_MAX: usize = 64 * 1024;

/// Such buffers for each thread.
pub const SPARES_MAX: usize = 4;
