//! One message by the crates `sha2` and `aes`.

use sha2::{Digest as _, Sha256};

use super::{IgeKey, KeyParts, msg_key};

pub(super) fn encrypt(parts: KeyParts<'_>, data: &mut [u8]) -> [u8; 32] {
    let large = Sha256::new().chain_update(parts.hash).chain_update(&*data).finalize().into();
    derive(parts, &msg_key(&large)).encrypt(data);
    large
}

pub(super) fn decrypt(parts: KeyParts<'_>, msg_key: &[u8; 16], data: &mut [u8]) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(parts.hash);
    derive(parts, msg_key).decrypt_watched(data, 4, |plain| hash.update(plain));
    hash.finalize().into()
}

pub(super) fn derive(parts: KeyParts<'_>, msg_key: &[u8; 16]) -> IgeKey {
    let a: [u8; 32] = Sha256::new().chain_update(msg_key).chain_update(parts.first).finalize().into();
    let b: [u8; 32] = Sha256::new().chain_update(parts.second).chain_update(msg_key).finalize().into();
    let mut derived = IgeKey { key: a, iv: b };
    derived.key[8..24].copy_from_slice(&b[8..24]);
    derived.iv[8..24].copy_from_slice(&a[8..24]);
    derived
}
