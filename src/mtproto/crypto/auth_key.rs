//! The authorization key: what a handshake makes and every record is sealed with.

use std::fmt;

use cipher::KeyParts;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::hash::sha1;
use super::record::Side;
use crate::ids::AuthKeyId;

/// Length of an authorization key as the Diffie-Hellman exchange yields it, in bytes.
pub const AUTH_KEY_BYTES: usize = 256;

/// Length of the part of an authorization key that is kept, in bytes: all but the 512 low-order bits, which nothing
/// after the handshake ever reads.
pub const STORED_KEY_BYTES: usize = AUTH_KEY_BYTES - 512 / 8;

/// An authorization key, permanent or temporary, without its 512 low-order bits.
///
/// Its contents never show in `Debug` and are wiped when it is dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct AuthKey {
    #[zeroize(skip)]
    id: AuthKeyId,
    secret: [u8; STORED_KEY_BYTES],
}

impl AuthKey {
    /// The key that was stored as `id` and `secret`.
    #[must_use]
    pub const fn from_stored(id: AuthKeyId, secret: [u8; STORED_KEY_BYTES]) -> Self {
        Self { id, secret }
    }

    /// The name by which packets call this key: the 64 low-order bits of its SHA-1.
    #[must_use]
    pub const fn id(&self) -> AuthKeyId {
        self.id
    }

    /// The bytes to store. Together with [`Self::id`] they are the whole key.
    #[must_use]
    pub const fn stored(&self) -> &[u8; STORED_KEY_BYTES] {
        &self.secret
    }

    /// The `N` bytes of the key that begin at `OFFSET`; a range outside of the stored part does not compile.
    pub(crate) fn part<const OFFSET: usize, const N: usize>(&self) -> &[u8; N] {
        const { assert!(OFFSET + N <= STORED_KEY_BYTES) };
        self.secret.get(OFFSET..).and_then(|rest| rest.first_chunk()).unwrap_or(&[0; N])
    }

    /// What messages of MTProto 2.0 that `from` wrote are sealed with.
    pub(crate) fn parts(&self, from: Side) -> KeyParts<'_> {
        // spec: REC-1, REC-2
        match from {
            Side::Client => KeyParts {
                hash: self.part::<88, 32>(),
                first: self.part::<0, 36>(),
                second: self.part::<40, 36>(),
            },
            Side::Server => KeyParts {
                hash: self.part::<96, 32>(),
                first: self.part::<8, 36>(),
                second: self.part::<48, 36>(),
            },
        }
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthKey(<hidden>)")
    }
}

/// An authorization key during its handshake, when all 256 bytes still exist.
#[derive(Clone, ZeroizeOnDrop)]
pub struct FullAuthKey([u8; AUTH_KEY_BYTES]);

impl FullAuthKey {
    /// The key `g^(ab) mod dh_prime`, big-endian and padded with zeros to 256 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; AUTH_KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 64 low-order bits of the key's SHA-1.
    #[must_use]
    pub fn id(&self) -> AuthKeyId {
        let [.., a, b, c, d, e, f, g, h] = sha1(&[&self.0]);
        AuthKeyId(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    /// `auth_key_aux_hash`: the 64 high-order bits of the key's SHA-1, the name of one attempt within a handshake.
    #[must_use]
    pub fn aux_hash(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = sha1(&[&self.0]);
        [a, b, c, d, e, f, g, h]
    }

    /// The part of the key that outlives the handshake.
    #[must_use]
    pub fn kept(&self) -> AuthKey {
        // spec: HS-25
        let mut secret = [0; STORED_KEY_BYTES];
        for (kept, byte) in secret.iter_mut().zip(&self.0) {
            *kept = *byte;
        }
        let key = AuthKey::from_stored(self.id(), secret);
        secret.zeroize();
        key
    }
}

impl fmt::Debug for FullAuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FullAuthKey(<hidden>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: HS-25
    #[test]
    fn what_is_kept_lacks_the_low_order_bits_and_remembers_the_id() {
        let mut bytes = [7; AUTH_KEY_BYTES];
        let key = FullAuthKey::new(bytes);
        bytes[200] = 8;
        let other = FullAuthKey::new(bytes);
        assert_eq!(key.kept().stored(), other.kept().stored());
        assert_ne!(key.id(), other.id());
        assert_eq!(key.kept().id(), key.id());
    }

    #[test]
    fn no_key_shows_itself() {
        let key = FullAuthKey::new([0x41; AUTH_KEY_BYTES]);
        let shown = format!("{key:?} {:?}", key.kept());
        assert!(!shown.contains("41") && !shown.contains("65"), "{shown}");
    }
}
