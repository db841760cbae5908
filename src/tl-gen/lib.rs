//! Turns `schema.tl` into Rust.
