//! How packets lie on the wire.

pub mod replay;
