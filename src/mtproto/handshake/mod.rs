//! The making of authorization keys.

mod rsa;

pub use rsa::{KeyFileError, RsaKey, ServerKeys};

/// Work of a handshake that takes milliseconds of a processor.
#[derive(Debug)]
pub struct HeavyJob {}

/// What a [`HeavyJob`] found.
#[derive(Debug)]
pub struct HeavyDone {}

impl HeavyJob {
    /// Does the work. `dice` must be cryptographic.
    #[must_use]
    pub fn run(self, _dice: &mut dyn env::Dice) -> HeavyDone {
        HeavyDone {}
    }
}
