//! Taking the padding off what RSA has deciphered, old and new.
//!
//! Both ways do the same work whatever they find, and look at the data only when its hash fits: a server that tells one
//! failure from another, by words or by time, would decipher for strangers.

use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::rsa::{Padding, RSA_BYTES};
use crate::crypto::hash::{sha1, sha256};
use crate::crypto::ige::IgeKey;

/// The most bytes of inner data, with what is behind it.
pub const DATA_BYTES_MAX: usize = 192;

/// Lengths that inner data can have, in bytes: pq, p and q in their shortest form and no data centre, up to what
/// `RSA_PAD` allows.
const LEGACY_DATA_BYTES: std::ops::RangeInclusive<usize> = 80..=144;

/// Inner data whose hash fits, and random bytes behind it.
pub struct Unpadded {
    bytes: Zeroizing<[u8; DATA_BYTES_MAX]>,
    /// Length of the data where the hash said it, in bytes.
    exactly: Option<usize>,
}

impl Unpadded {
    /// The data and what is behind it.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// Whether data of `bytes` bytes is what was hashed.
    pub fn is_long(&self, bytes: usize) -> bool {
        self.exactly.is_none_or(|exactly| exactly == bytes)
    }
}

/// Opens `block` in the one way that its key allows; nothing if the hash does not fit, or `valid` is false already.
pub fn open(padding: Padding, block: &[u8; RSA_BYTES], valid: Choice) -> Option<Unpadded> {
    // spec: HS-27, HS-28
    match padding {
        Padding::RsaPad => open_rsa_pad(block, valid),
        Padding::Legacy => open_legacy(block, valid),
    }
}

/// `temp_key xor SHA256(aes_encrypted) | aes_encrypted`, where the second part is, under `temp_key`, the reversed data and
/// `SHA256(temp_key | data)`.
fn open_rsa_pad(block: &[u8; RSA_BYTES], valid: Choice) -> Option<Unpadded> {
    let (masked, rest) = block.split_first_chunk::<32>()?;
    let mut opened: Zeroizing<[u8; 224]> = Zeroizing::new(*rest.first_chunk()?);
    let mut cipher = IgeKey { key: sha256(&[&*opened]), iv: [0; 32] };
    for (mask, byte) in cipher.key.iter_mut().zip(masked) {
        *mask ^= byte;
    }
    cipher.decrypt(opened.as_mut_slice());
    let (data, hash) = opened.split_first_chunk_mut::<DATA_BYTES_MAX>()?;
    data.reverse();
    let expected = sha256(&[&cipher.key, &*data]);
    let valid = valid & expected.ct_eq(hash);
    bool::from(valid).then(|| Unpadded { bytes: Zeroizing::new(*data), exactly: None })
}

/// `0 | SHA1(data) | data | random bytes`. How long the data is, only its content could say; so every length that it can
/// have is tried, always.
fn open_legacy(block: &[u8; RSA_BYTES], valid: Choice) -> Option<Unpadded> {
    let (zero, rest) = block.split_first()?;
    let (hash, rest) = rest.split_first_chunk::<20>()?;
    let (mut found, mut length) = (Choice::from(0), 0_u32);
    for bytes in LEGACY_DATA_BYTES.step_by(4) {
        let fits = sha1(&[rest.get(..bytes)?]).ct_eq(hash);
        length = u32::conditional_select(&length, &(bytes as u32), fits);
        found |= fits;
    }
    let valid = valid & found & zero.ct_eq(&0);
    let data = rest.first_chunk::<DATA_BYTES_MAX>()?;
    bool::from(valid).then(|| Unpadded { bytes: Zeroizing::new(*data), exactly: Some(length as usize) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: u8 = 1;

    fn opens(padding: Padding, block: &[u8; RSA_BYTES], valid: u8) -> bool {
        open(padding, block, Choice::from(valid)).is_some()
    }

    // proves: HS-28
    #[test]
    fn data_is_believed_only_under_its_hash() {
        let data = [5; DATA_BYTES_MAX];
        for (flip, fine) in [(0, true), (1, false)] {
            let mut hash = sha256(&[&[9; 32], &data]);
            hash[31] ^= flip;
            let mut enciphered = [data.as_slice(), &hash].concat();
            IgeKey { key: [9; 32], iv: [0; 32] }.encrypt(&mut enciphered);
            let mut block = [9; RSA_BYTES];
            for (byte, mask) in block.iter_mut().zip(sha256(&[&enciphered])) {
                *byte ^= mask;
            }
            block[32..].copy_from_slice(&enciphered);
            assert_eq!(opens(Padding::RsaPad, &block, YES), fine);
            assert!(!opens(Padding::RsaPad, &block, 0), "not below the modulus");
        }
    }

    // proves: HS-28
    #[test]
    fn the_older_padding_begins_with_a_zero_and_a_hash() {
        let mut block = [7; RSA_BYTES];
        block[0] = 0;
        block[1..21].copy_from_slice(&sha1(&[&[7; 96]]));
        assert!(opens(Padding::Legacy, &block, YES) && !opens(Padding::Legacy, &block, 0));
        for at in [0, 1, 20, 21, 116] {
            let mut changed = block;
            changed[at] ^= 1;
            assert!(!opens(Padding::Legacy, &changed, YES), "byte {at}");
        }
        assert!(!opens(Padding::RsaPad, &block, YES), "no key opens the padding of the other");
    }
}
