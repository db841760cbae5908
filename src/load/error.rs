//! Why a measurement ends without a result.

use std::fmt;
use std::io;

/// Why a measurement ends without a result. Prints as one line.
#[derive(Debug)]
pub struct LoadError(String);

/// What most of this crate returns.
pub(crate) type Result<T> = std::result::Result<T, LoadError>;

impl LoadError {
    pub(crate) fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string().replace('\n', " "))
    }

    /// `error` with what it happened to.
    pub(crate) fn about(what: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self::new(format_args!("{what}: {error}"))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self::new(error)
    }
}

impl From<mtproto::client::ExchangeError> for LoadError {
    fn from(error: mtproto::client::ExchangeError) -> Self {
        Self::new(format_args!("the handshake failed: {error:?}"))
    }
}
