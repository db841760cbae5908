//! Access hashes and file references: keyed MACs, so that nobody can guess one and nothing has to be stored.
//!
//! An access hash is a proof that the server has shown this object to this viewer; it is worth nothing to anybody else.

use hmac::{Hmac, KeyInit, Mac};
use model::ids::UserId;
use sha2::Sha256;

use crate::{Site, limits};

/// What a hash is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A person.
    User = 1,
    /// A channel.
    Channel = 2,
    /// A photo.
    Photo = 3,
    /// A document.
    Document = 4,
    /// A login, in the list of one's devices.
    Login = 5,
}

/// A secret as it begins every MAC: half of what one costs is done with it, once for all.
pub(crate) struct Secret(Hmac<Sha256>);

impl Secret {
    pub(crate) fn new(secret: &[u8]) -> Self {
        let begun = <Hmac<Sha256> as KeyInit>::new_from_slice(secret);
        Self(begun.unwrap_or_else(|_| unreachable!("any length is a key")))
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn first_long(bytes: &[u8; 32]) -> i64 {
    let (head, _) = bytes.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    i64::from_le_bytes(*head)
}

impl Site {
    /// The access hash that `viewer` gets for an object. Never zero: clients take zero for "none".
    pub(crate) fn access_hash(&self, viewer: UserId, kind: Kind, id: i64) -> i64 {
        let parts: [&[u8]; 3] = [&[kind as u8], &viewer.0.to_le_bytes(), &id.to_le_bytes()];
        match first_long(&self.access.mac(&parts)) {
            0 => 1,
            hash => hash,
        }
    }

    /// Whether `hash` is what `viewer` got for it.
    pub(crate) fn has_access(&self, viewer: UserId, kind: Kind, id: i64, hash: i64) -> bool {
        // One word is compared in one instruction; there is no prefix to learn from the time it takes.
        self.access_hash(viewer, kind, id) == hash
    }

    /// A file reference for `viewer`, good until some time after `now`.
    pub(crate) fn file_reference(&self, viewer: UserId, id: i64, now: i32) -> Vec<u8> {
        // Rounded, so that one object shown twice within the hour looks the same twice.
        let until = now.saturating_add(limits::FILE_REFERENCE_SECS) / 3600 * 3600 + 3600;
        self.reference_until(viewer, id, until)
    }

    fn reference_until(&self, viewer: UserId, id: i64, until: i32) -> Vec<u8> {
        let parts: [&[u8]; 3] = [&until.to_le_bytes(), &viewer.0.to_le_bytes(), &id.to_le_bytes()];
        let sum = self.files.mac(&parts);
        let mut reference = until.to_be_bytes().to_vec();
        reference.extend_from_slice(sum.get(..12).unwrap_or_default());
        reference
    }

    /// What a file reference is worth.
    pub(crate) fn check_reference(&self, viewer: UserId, id: i64, reference: &[u8], now: i32) -> Reference {
        let Some((until, _)) = reference.split_first_chunk::<4>() else { return Reference::Invalid };
        let until = i32::from_be_bytes(*until);
        let wanted = self.reference_until(viewer, id, until);
        let equal = wanted.len() == reference.len()
            && wanted.iter().zip(reference).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0;
        match equal {
            false => Reference::Invalid,
            true if until < now => Reference::Expired,
            true => Reference::Good,
        }
    }
}

/// What a file reference is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    /// The viewer was shown the file lately.
    Good,
    /// It was good once: clients fetch the message again and get a new one.
    Expired,
    /// It never was.
    Invalid,
}
