//! Owners that are not people or chats: looked-up names, buckets of due time, the server itself.

use crate::key::OwnerId;

/// The owner of a looked-up name: a username, a phone number, an invite hash. Rows carry the name itself in the rest of
/// their key, so two names with one hash are neighbours and not the same row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(u64);

impl Name {
    /// The owner of `name`. Case matters: fold the name first where it does not.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::of_bytes(name.as_bytes())
    }

    /// The owner of a name that is not text, such as a token.
    #[must_use]
    pub fn of_bytes(name: &[u8]) -> Self {
        // FNV-1a, written out because what it gives is stored on disk.
        Self(name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }
}

/// A bucket of due time: everything of one shard that falls due in one span of [`Due::SPAN_SECS`] seconds. Jobs, timers
/// and expiry dates are found through it without asking every owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Due(u64);

impl Due {
    /// Length of a bucket, in seconds.
    pub const SPAN_SECS: u64 = 64;

    /// Number of shards of every bucket.
    pub const SHARDS: u64 = 16;

    /// The bucket of what falls due at `secs` (seconds since the Unix epoch), in the shard that `spread` selects (any
    /// number that differs between rows, such as an id).
    #[must_use]
    pub const fn at(secs: u64, spread: u64) -> Self {
        Self(secs / Self::SPAN_SECS * Self::SHARDS + spread % Self::SHARDS)
    }

    /// All shards of the bucket of `secs`.
    pub fn all_at(secs: u64) -> impl Iterator<Item = Self> {
        (0..Self::SHARDS).map(move |shard| Self::at(secs, shard))
    }
}

/// The server itself: counters from which ids are dealt, settings, the list of kinds of jobs. Every write to it meets every
/// other one, so nothing that happens per message belongs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Global;

impl OwnerId for Name {
    const KIND: u8 = b'N';

    fn owner(&self) -> u64 {
        self.0
    }

    fn from_owner(owner: u64) -> Self {
        Self(owner)
    }
}

impl OwnerId for Due {
    const KIND: u8 = b'D';

    fn owner(&self) -> u64 {
        self.0
    }

    fn from_owner(owner: u64) -> Self {
        Self(owner)
    }
}

impl OwnerId for Global {
    const KIND: u8 = b'G';

    fn owner(&self) -> u64 {
        0
    }

    fn from_owner(_: u64) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_name_never_changes() {
        assert_eq!(Name::of(""), Name(0xcbf2_9ce4_8422_2325));
        assert_eq!(Name::of("a"), Name(0xaf63_dc4c_8601_ec8c));
    }

    #[test]
    fn a_bucket_holds_what_is_due_together() {
        assert_eq!(Due::at(128, 5), Due::at(191, 21));
        assert_ne!(Due::at(127, 5), Due::at(128, 5));
        assert_eq!(Due::all_at(130).filter(|&due| due == Due::at(128, 7)).count(), 1);
    }
}
