//! Sealing and opening an encrypted packet: `auth_key_id | msg_key | ciphertext`.

use bytes::BytesMut;
use cipher::{Backend, Job};
use env::Dice;
use subtle::ConstantTimeEq as _;

use super::auth_key::AuthKey;
use super::ige::BLOCK_BYTES;
use super::kdf::MsgKey;

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
    let Some((header, plain)) = pad(packet, dice) else { return };
    // spec: REC-2
    let large = Backend::best().encrypt(key.parts(from), plain);
    write_header(header, key, &large);
}

/// [`seal`] for several packets: the processor works on [`cipher::LANES`] of them at once.
pub fn seal_all<'a>(
    key: &AuthKey,
    from: Side,
    packets: impl Iterator<Item = &'a mut BytesMut>,
    dice: &mut dyn Dice,
) {
    let mut packets = packets.peekable();
    while let Some(first) = packets.next() {
        if packets.peek().is_none() {
            return seal(key, from, first, dice);
        }
        let several = std::iter::once(first).chain(packets.by_ref()).take(cipher::LANES);
        let padded = several.filter_map(|packet| pad(packet, dice));
        let (headers, mut jobs): (Vec<_>, Vec<_>) = padded
            .map(|(header, data)| (header, Job { parts: key.parts(from), data, msg_key_large: [0; 32] }))
            .unzip();
        Backend::best().encrypt_batch(&mut jobs);
        for (header, job) in headers.into_iter().zip(jobs) {
            write_header(header, key, &job.msg_key_large);
        }
    }
}

/// Adds the padding; gives the room for the header, and the plaintext.
fn pad<'a>(packet: &'a mut BytesMut, dice: &mut dyn Dice) -> Option<(&'a mut [u8], &'a mut [u8])> {
    let plain_bytes = packet.len().checked_sub(HEADER_BYTES)?;
    // At least 12 bytes, up to a whole number of blocks, and up to three blocks more so that lengths tell less.
    let least = (plain_bytes + PADDING_BYTES_MIN).next_multiple_of(BLOCK_BYTES) - plain_bytes;
    let padding = least + BLOCK_BYTES * (dice.below(4) as usize);
    let padding_at = packet.len();
    packet.resize(padding_at + padding, 0);
    dice.fill(packet.get_mut(padding_at..).unwrap_or_default());
    packet.split_at_mut_checked(HEADER_BYTES)
}

fn write_header(header: &mut [u8], key: &AuthKey, large: &[u8; 32]) {
    let (id, name) = header.split_at_mut(8);
    id.copy_from_slice(&key.id().0.to_le_bytes());
    name.copy_from_slice(&cipher::msg_key(large));
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
    let large = Backend::best().decrypt(key.parts(from), &msg_key, data);
    if bool::from(cipher::msg_key(&large).ct_eq(&msg_key)) {
        Ok(quick_ack_token(&large))
    } else {
        Err(NotAuthentic)
    }
}

fn quick_ack_token(large: &[u8; 32]) -> QuickAckToken {
    // spec: TR-8
    let [a, b, c, d, ..] = *large;
    QuickAckToken(u32::from_le_bytes([a, b, c, d]) | 1 << 31)
}
