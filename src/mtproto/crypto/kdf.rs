//! From secrets of the handshake, and for MTProto 1.0, to an AES key. What messages of MTProto 2.0 derive stands in the
//! crate `cipher`, which does it in one piece with the rest.

use super::auth_key::AuthKey;
use super::hash::sha1;
use super::ige::IgeKey;

/// The message key of MTProto 2.0: it names a message, authenticates it, and seeds its AES key.
pub type MsgKey = [u8; 16];

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
