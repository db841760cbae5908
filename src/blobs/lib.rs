//! File bytes by range.
