//! Sealing and opening an encrypted packet: `auth_key_id | msg_key | ciphertext`.

use bytes::BytesMut;
use env::Dice;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::auth_key::AuthKey;
use super::ige::BLOCK_BYTES;
use super::kdf::{self, MsgKey};

/// Length of what stands before the ciphertext, in bytes: `auth_key_id` and `msg_key`.
pub const HEADER_BYTES: usize = 24;

/// The least padding at the end of a plaintext, in bytes.
pub const PADDING_BYTES_MIN: usize = 12;

/// The most padding at the end of a plaintext, in bytes.
pub const PADDING_BYTES_MAX: usize = 1024;

/// Salt, session id, msg_id, seq_no and length, in bytes: what every plaintext begins with.
const INNER_HEADER_BYTES: usize = 32;

/// The shortest packet that can be an encrypted one, in bytes: an empty body and the least padding.
pub const PACKET_BYTES_MIN: usize =
    HEADER_BYTES + (INNER_HEADER_BYTES + PADDING_BYTES_MIN).next_multiple_of(BLOCK_BYTES);

/// Who wrote a message: the two directions read different parts of the authorization key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Client to server, `x = 0`.
    Client,
    /// Server to client, `x = 8`.
    Server,
}

/// What a quick ack says of a packet: 32 bits of a hash over its plaintext, the highest bit set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuickAckToken(pub u32);

/// The packet was not sealed with this key. Nothing more is known, and nothing more may be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAuthentic;

/// Seals `packet` in place: 24 bytes of room, then the plaintext from the salt to the end of the body. Padding is added
/// here, of random length and content.
///
/// A `packet` without that room comes back as it was; the callers reserve it.
pub fn seal(key: &AuthKey, from: Side, packet: &mut BytesMut, dice: &mut dyn Dice) {
    let Some(plain_bytes) = packet.len().checked_sub(HEADER_BYTES) else { return };
    // At least 12 bytes, up to a whole number of blocks, and up to three blocks more so that lengths tell less.
    let least = (plain_bytes + PADDING_BYTES_MIN).next_multiple_of(BLOCK_BYTES) - plain_bytes;
    let padding = least + BLOCK_BYTES * (dice.below(4) as usize);
    let padding_at = packet.len();
    packet.resize(padding_at + padding, 0);
    dice.fill(packet.get_mut(padding_at..).unwrap_or_default());

    let (header, plain) = packet.split_at_mut(HEADER_BYTES);
    // spec: REC-2
    let large = msg_key_hash(key, from, |hash| hash.update(&*plain));
    let msg_key = middle(&large);
    kdf::v2(key, &msg_key, from).encrypt(plain);
    let (id, name) = header.split_at_mut(8);
    id.copy_from_slice(&key.id().0.to_le_bytes());
    name.copy_from_slice(&msg_key);
}

/// Deciphers `packet` in place and checks that `from` sealed it with `key`. The plaintext, padding included, then
/// stands at `packet[HEADER_BYTES..]`; its length field is not looked at here.
///
/// # Errors
///
/// [`NotAuthentic`] for everything that can be wrong: a wrong length, and a `msg_key` that does not fit. The bytes of
/// `packet` must then be thrown away unread.
pub fn open(key: &AuthKey, from: Side, packet: &mut [u8]) -> Result<QuickAckToken, NotAuthentic> {
    // spec: REC-3, REC-5
    let aligned = packet.len().checked_sub(HEADER_BYTES).is_some_and(|n| n.is_multiple_of(BLOCK_BYTES));
    if packet.len() < PACKET_BYTES_MIN || !aligned {
        return Err(NotAuthentic);
    }
    let (header, data) = packet.split_at_mut(HEADER_BYTES);
    let mut msg_key: MsgKey = [0; 16];
    msg_key.copy_from_slice(header.get(8..).unwrap_or(&[0; 16]));

    // Nothing of the plaintext is looked at before this comparison: not its length, not its padding.
    // spec: REC-2
    let cipher = kdf::v2(key, &msg_key, from);
    let large = msg_key_hash(key, from, |hash| cipher.decrypt_watched(data, 4, |plain| hash.update(plain)));
    if bool::from(middle(&large).ct_eq(&msg_key)) { Ok(quick_ack_token(&large)) } else { Err(NotAuthentic) }
}

fn msg_key_hash(key: &AuthKey, from: Side, plaintext: impl FnOnce(&mut Sha256)) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(match from {
        Side::Client => key.part::<88, 32>(),
        Side::Server => key.part::<96, 32>(),
    });
    plaintext(&mut hash);
    hash.finalize().into()
}

fn middle(large: &[u8; 32]) -> MsgKey {
    let mut msg_key = [0; 16];
    msg_key.copy_from_slice(&large[8..24]);
    msg_key
}

fn quick_ack_token(large: &[u8; 32]) -> QuickAckToken {
    // spec: TR-8
    let [a, b, c, d, ..] = *large;
    QuickAckToken(u32::from_le_bytes([a, b, c, d]) | 1 << 31)
}
