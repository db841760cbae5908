//! The load generator behind `chappe bench`: clients of the real protocol over loopback addresses, bounded in number and
//! time.

#![forbid(unsafe_code)]
