//! What can be wrong with bytes that ought to be TL.

use std::fmt;

/// Why bytes could not be read. A fact about the input; whoever reads decides whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The bytes end inside a value.
    Truncated,
    /// A boxed value begins with an id that its type does not have.
    UnknownConstructor {
        /// The type that was expected, as the schema names it.
        expected: &'static str,
        /// The id found.
        id: u32,
    },
    /// A string that is not UTF-8.
    NotUtf8,
    /// Values nested deeper than [`crate::limits::DEPTH_MAX`].
    TooDeep,
    /// A value that needs far more memory than it has bytes ([`crate::limits::MEMORY_PER_BYTE_MAX`]).
    TooBig,
    /// A vector whose count is negative.
    NegativeCount,
    /// A vector that says to have more elements than there are words for them.
    CountTooLarge,
    /// Bytes are left over behind a whole value.
    TrailingBytes,
    /// Strict reading only: a string in the long form that fits the short one, or padding that is not zero.
    NotCanonical,
}

impl Error {
    /// Which bound of the language the bytes went beyond, by the name that it is counted under; nothing if they are wrong in
    /// another way.
    #[must_use]
    pub const fn overrun(self) -> Option<&'static str> {
        match self {
            Self::TooDeep => Some("nesting"),
            Self::TooBig | Self::NegativeCount | Self::CountTooLarge => Some("vectors"),
            Self::Truncated
            | Self::UnknownConstructor { .. }
            | Self::NotUtf8
            | Self::TrailingBytes
            | Self::NotCanonical => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the bytes end inside a value"),
            Self::UnknownConstructor { expected, id } => write!(f, "{id:#010x} is no {expected}"),
            Self::NotUtf8 => f.write_str("a string is not UTF-8"),
            Self::TooDeep => f.write_str("values are nested too deep"),
            Self::TooBig => f.write_str("a value needs more memory than its bytes justify"),
            Self::NegativeCount => f.write_str("a vector has a negative count"),
            Self::CountTooLarge => f.write_str("a vector has more elements than bytes follow for"),
            Self::TrailingBytes => f.write_str("bytes follow a whole value"),
            Self::NotCanonical => f.write_str("a string is not in its canonical form"),
        }
    }
}

impl std::error::Error for Error {}
