//! The server's RSA keys: making, keeping, naming them, and the raw private operation.

use std::convert::Infallible;
use std::fmt;

use crypto_bigint::{CtAssign as _, CtLt as _};
use env::Dice;
use rsa::BoxedUint;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPublicKey as _, LineEnding};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use rsa::traits::PublicKeyParts as _;
use subtle::Choice;
use zeroize::{Zeroize as _, Zeroizing};

use crate::crypto::hash::sha1;

/// Length of a modulus, a ciphertext and a decrypted value, in bytes. Clients accept no other.
pub const RSA_BYTES: usize = 256;

/// The keys that a server offers. Each speaks one padding only: a key that tried both would be an oracle for the
/// weaker one.
#[derive(Debug)]
pub struct ServerKeys {
    /// Offered first; opens `RSA_PAD` and nothing else.
    pub pad: RsaKey,
    /// Offered second, for Telethon and Pyrogram; opens the older `SHA1 + data + padding` and nothing else. Absent
    /// where `legacy_rsa` is off.
    pub legacy: Option<RsaKey>,
}

/// How a client padded its inner data. A property of the key that it chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// `RSA_PAD`: OAEP-like, under a one-time AES key.
    RsaPad,
    /// SHA-1 of the data, the data, random bytes.
    Legacy,
}

impl ServerKeys {
    /// The names of the keys, in the order in which clients should try them.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<i64> {
        // spec: HS-4
        std::iter::once(&self.pad).chain(&self.legacy).map(RsaKey::fingerprint).collect()
    }

    /// The key of this name and the one padding that it opens.
    #[must_use]
    pub fn find(&self, fingerprint: i64) -> Option<(&RsaKey, Padding)> {
        // spec: HS-6
        if fingerprint == self.pad.fingerprint {
            return Some((&self.pad, Padding::RsaPad));
        }
        self.legacy.as_ref().filter(|key| key.fingerprint == fingerprint).map(|key| (key, Padding::Legacy))
    }
}

/// One RSA-2048 key pair of the server.
#[derive(Clone)]
pub struct RsaKey {
    private: rsa::PrivateKey,
    fingerprint: i64,
}

/// A key file that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFileError {
    /// Neither PKCS#1 nor PKCS#8, or damaged.
    NotAPrivateKey,
    /// Not 2048 bits long; clients accept nothing else.
    NotRsa2048,
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAPrivateKey => "not an RSA private key in PEM (PKCS#1 or PKCS#8)",
            Self::NotRsa2048 => "not an RSA key of 2048 bits, the only length that clients accept",
        })
    }
}

impl std::error::Error for KeyFileError {}

impl RsaKey {
    /// A new key whose fingerprint has no leading zero digit: some clients compare unpadded hexadecimal.
    #[must_use]
    pub fn generate(dice: &mut dyn Dice) -> Self {
        loop {
            let made =
                rsa::PrivateKey::new(&mut Rng(dice), RSA_BYTES * 8).ok().and_then(|key| Self::new(key).ok());
            if let Some(key) = made.filter(|key| key.fingerprint.cast_unsigned() >> 60 != 0) {
                return key;
            }
        }
    }

    /// Reads a private key, PKCS#8 or PKCS#1.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`] says what is wrong with the file.
    pub fn from_private_pem(pem: &str) -> Result<Self, KeyFileError> {
        let private = rsa::PrivateKey::from_pkcs8_pem(pem)
            .or_else(|_| rsa::PrivateKey::from_pkcs1_pem(pem))
            .map_err(|_| KeyFileError::NotAPrivateKey)?;
        Self::new(private)
    }

    /// The private key as PKCS#8, to be stored where only the server can read.
    #[must_use]
    pub fn to_private_pem(&self) -> Zeroizing<String> {
        self.private.to_pkcs8_pem(LineEnding::LF).unwrap_or_default()
    }

    /// The public key as PKCS#1, the form in which clients embed it.
    #[must_use]
    pub fn to_public_pem(&self) -> String {
        self.private.as_public_key().to_pkcs1_pem(LineEnding::LF).unwrap_or_default()
    }

    /// The name of the public key: the 64 low-order bits of the SHA-1 over its bare `rsa_public_key`.
    #[must_use]
    pub const fn fingerprint(&self) -> i64 {
        self.fingerprint
    }

    /// The modulus, big-endian.
    #[must_use]
    pub fn modulus(&self) -> Vec<u8> {
        trimmed(&self.private.n().to_be_bytes())
    }

    /// The public exponent, big-endian without leading zeros.
    #[must_use]
    pub fn exponent(&self) -> Vec<u8> {
        trimmed(&self.private.e().to_be_bytes())
    }

    fn new(private: rsa::PrivateKey) -> Result<Self, KeyFileError> {
        if private.n().bit_width_vartime() as usize != RSA_BYTES * 8 {
            return Err(KeyFileError::NotRsa2048);
        }
        let mut key = Self { private, fingerprint: 0 };
        key.fingerprint = fingerprint(&key.modulus(), &key.exponent());
        Ok(key)
    }

    /// The private operation on `ciphertext`: always 256 bytes, leading zeros kept, and always the same work. The
    /// second value is false if the ciphertext was not below the modulus; the first is then of no use.
    pub fn decrypt(
        &self,
        ciphertext: &[u8; RSA_BYTES],
        dice: &mut dyn Dice,
    ) -> (Zeroizing<[u8; RSA_BYTES]>, Choice) {
        let n = self.private.n().as_ref();
        let mut value = BoxedUint::from_be_slice(ciphertext, n.bits_precision()).unwrap_or_default();
        // Whether it is too large is the client's own knowledge, but the work must not depend on it.
        // spec: HS-28
        let in_range = value.ct_lt(n);
        value.ct_assign(&BoxedUint::one_with_precision(n.bits_precision()), !in_range);
        let mut out = Zeroizing::new([0; RSA_BYTES]);
        let Ok(mut plain) = rsa::hazmat::rsa_decrypt(Some(&mut Rng(dice)), &self.private, &value) else {
            return (out, Choice::from(0));
        };
        let mut bytes = plain.to_be_bytes();
        plain.zeroize();
        let skipped = bytes.len().saturating_sub(RSA_BYTES);
        for (to, from) in out.iter_mut().zip(bytes.iter().skip(skipped)) {
            *to = *from;
        }
        bytes.zeroize();
        (out, Choice::from(in_range.to_u8()))
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaKey({:016x})", self.fingerprint)
    }
}

/// The name of the public key `(n, e)`, both big-endian without leading zeros.
#[must_use]
pub fn fingerprint(n: &[u8], e: &[u8]) -> i64 {
    // spec: HS-4
    let mut bare = Vec::with_capacity(RSA_BYTES + 16);
    for number in [n, e] {
        match u8::try_from(number.len()) {
            Ok(len) if len < 254 => bare.push(len),
            _ => bare.extend_from_slice(&((number.len() as u32) << 8 | 254).to_le_bytes()),
        }
        bare.extend_from_slice(number);
        bare.resize(bare.len().next_multiple_of(4), 0);
    }
    let [.., a, b, c, d, e, f, g, h] = sha1(&[&bare]);
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}

fn trimmed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// The dice in the shape that `rsa` wants.
struct Rng<'a>(&'a mut dyn Dice);

impl rand_core::TryRng for Rng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.u64())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Rng<'_> {}

#[cfg(test)]
mod tests {
    use env::SeededDice;

    use super::*;

    // proves: HS-4
    #[test]
    fn a_key_survives_its_file_and_keeps_its_name() {
        let key = RsaKey::generate(&mut SeededDice::new(1));
        let again = RsaKey::from_private_pem(&key.to_private_pem()).expect("our own file");
        assert_eq!(again.fingerprint(), key.fingerprint());
        assert_ne!(key.fingerprint().cast_unsigned() >> 60, 0);
        let public = key.to_public_pem();
        assert!(public.starts_with("-----BEGIN RSA PUBLIC KEY-----\n"), "{public}");
        assert_eq!(public.trim_end().len(), 425, "TDLib's own keys have this length");
        assert_eq!((key.modulus().len(), key.exponent()), (RSA_BYTES, vec![1, 0, 1]));
        assert_eq!(format!("{key:?}"), format!("RsaKey({:016x})", key.fingerprint()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(RsaKey::from_private_pem("no key").err(), Some(KeyFileError::NotAPrivateKey));
        let short = rsa::PrivateKey::new(&mut Rng(&mut SeededDice::new(1)), 1024).expect("a key");
        let short = short.to_pkcs8_pem(LineEnding::LF).expect("a file");
        assert_eq!(RsaKey::from_private_pem(&short).err(), Some(KeyFileError::NotRsa2048));
        assert!(KeyFileError::NotAPrivateKey.to_string().contains("PEM"));
        assert!(KeyFileError::NotRsa2048.to_string().contains("2048 bits"));
    }

    // proves: HS-4
    #[test]
    fn a_fingerprint_is_taken_over_both_numbers_as_the_protocol_writes_them() {
        for (length, head) in [(253, &[253][..]), (254, &[254, 254, 0, 0]), (256, &[254, 0, 1, 0])] {
            let n: Vec<u8> = (0..length).map(|i| i as u8 | 1).collect();
            let mut bare = [head, &n].concat();
            while bare.len() % 4 != 0 {
                bare.push(0);
            }
            bare.extend([3, 1, 0, 1]);
            let hash = sha1(&[&bare]);
            assert_eq!(fingerprint(&n, &[1, 0, 1]).to_le_bytes(), hash[12..], "{length} bytes");
        }
    }

    #[test]
    fn a_name_that_begins_with_a_zero_digit_is_drawn_anew() {
        // Some seed's first key has such a name; the loop found 11.
        let first = |seed| {
            let key = rsa::PrivateKey::new(&mut Rng(&mut SeededDice::new(seed)), RSA_BYTES * 8);
            (seed, RsaKey::new(key.expect("a key")).expect("2048 bits"))
        };
        let name = |key: &RsaKey| key.fingerprint().cast_unsigned();
        let begins_with_zero = |key: &RsaKey| name(key) >> 60 == 0 && name(key) & 0xf != 0;
        let (seed, dropped) =
            (11..).map(first).find(|(_, key)| begins_with_zero(key)).expect("one of sixteen");
        let taken = RsaKey::generate(&mut SeededDice::new(seed));
        assert_ne!(taken.fingerprint(), dropped.fingerprint());
        assert_ne!(name(&taken) >> 60, 0);
    }

    #[test]
    fn every_way_of_drawing_is_the_way_of_the_dice() {
        use rand_core::Rng as _;
        let (dice, same) = (&mut SeededDice::new(5), &mut SeededDice::new(5));
        let mut rng = Rng(dice);
        assert_eq!((rng.next_u32(), rng.next_u64()), (same.u32(), same.u64()));
        let mut drawn = [0; 40];
        rng.fill_bytes(&mut drawn);
        assert_eq!(drawn, env::bytes(same));
    }
}
