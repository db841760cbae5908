//! The bounds of the bus.

/// Notices kept for the slowest subscriber; a power of two, as the ring below rounds up to one. At a thousand writes a
/// second this is eight seconds of a subscriber not running at all.
pub const NOTICES_KEPT: usize = 8192;

const _: () = assert!(NOTICES_KEPT.is_power_of_two());
