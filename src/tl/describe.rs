//! Printing and comparing values by what they are on the wire, so that no generated type carries code of its own for it.

use std::fmt;

use crate::{Encode, Layer, write};

/// Prints `value` for a log or a failing test.
///
/// # Errors
/// Those of `f`.
pub fn debug(value: &dyn Encode, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in write(value, Layer::ALL) {
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

/// Are both values the same bytes?
#[must_use]
pub fn same(a: &dyn Encode, b: &dyn Encode) -> bool {
    write(a, Layer::ALL) == write(b, Layer::ALL)
}
