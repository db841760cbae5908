//! From an authorization key and a `msg_key` to the AES key of one message.

use super::auth_key::AuthKey;
use super::hash::{sha1, sha256};
use super::ige::IgeKey;
use super::record::Side;

/// The message key of MTProto 2.0: it names a message, authenticates it, and seeds its AES key.
pub type MsgKey = [u8; 16];

/// The AES key and vector of a message of MTProto 2.0 that `from` wrote.
#[must_use]
pub fn v2(key: &AuthKey, msg_key: &MsgKey, from: Side) -> IgeKey {
    // spec: REC-1
    let (a, b) = match from {
        Side::Client => (sha256(&[msg_key, key.part::<0, 36>()]), sha256(&[key.part::<40, 36>(), msg_key])),
        Side::Server => (sha256(&[msg_key, key.part::<8, 36>()]), sha256(&[key.part::<48, 36>(), msg_key])),
    };
    IgeKey { key: join(&[&a[..8], &b[8..24], &a[24..]]), iv: join(&[&b[..8], &a[8..24], &b[24..]]) }
}

/// The AES key and vector of a message of MTProto 1.0 that a client wrote. Nothing but the sealed part of
/// `auth.bindTempAuthKey` is still enciphered this way.
#[must_use]
pub fn v1_from_client(key: &AuthKey, msg_key: &MsgKey) -> IgeKey {
    let a = sha1(&[msg_key, key.part::<0, 32>()]);
    let b = sha1(&[key.part::<32, 16>(), msg_key, key.part::<48, 16>()]);
    let c = sha1(&[key.part::<64, 32>(), msg_key]);
    let d = sha1(&[msg_key, key.part::<96, 32>()]);
    IgeKey { key: join(&[&a[..8], &b[8..], &c[4..16]]), iv: join(&[&a[8..], &b[..8], &c[16..], &d[..8]]) }
}

/// `tmp_aes_key` and `tmp_aes_iv`, which protect the Diffie-Hellman numbers of a handshake.
#[must_use]
pub fn handshake(new_nonce: &[u8; 32], server_nonce: &[u8; 16]) -> IgeKey {
    // spec: HS-10
    let new_server = sha1(&[new_nonce, server_nonce]);
    let server_new = sha1(&[server_nonce, new_nonce]);
    let new_new = sha1(&[new_nonce, new_nonce]);
    IgeKey {
        key: join(&[&new_server, &server_new[..12]]),
        iv: join(&[&server_new[12..], &new_new, &new_nonce[..4]]),
    }
}

fn join(parts: &[&[u8]]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
    out
}
