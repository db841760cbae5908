//! The inside of an encrypted packet: `salt | session_id | msg_id | seq_no | length | body | padding`.

use std::ops::Range;

use bytes::{BufMut as _, BytesMut};
use env::Dice;

use crate::crypto::{
    self, AuthKey, HEADER_BYTES, NotAuthentic, PADDING_BYTES_MAX, PADDING_BYTES_MIN, QuickAckToken, Side,
};
use crate::ids::{MsgId, Salt, SessionId};

/// Where the body begins in a packet, in bytes.
const BODY_AT: usize = HEADER_BYTES + 32;

/// What a packet says, once it has proved that the holder of the auth key wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The salt that the client knows.
    pub salt: Salt,
    /// The session that the packet belongs to.
    pub session_id: SessionId,
    /// The name of the message.
    pub msg_id: MsgId,
    /// Twice the number of content-related messages before it, plus one if it is itself content-related.
    pub seq_no: u32,
    /// Where the body stands in the packet.
    pub body: Range<usize>,
    /// What a quick ack of it says.
    pub token: QuickAckToken,
}

/// Opens a packet of a client in place.
///
/// The order is that of the record layer: length, key derivation, decryption, hash, comparison in constant time, and
/// only then the length of the body and of the padding.
///
/// # Errors
///
/// [`NotAuthentic`], whatever is wrong: the caller answers every failure alike, with -404 and the end of the connection.
/// The bytes must then be thrown away unread.
pub fn open(key: &AuthKey, packet: &mut [u8]) -> Result<Opened, NotAuthentic> {
    open_from(key, Side::Client, packet)
}

/// [`open`] for either direction; clients in tests open what the server sealed.
pub fn open_from(key: &AuthKey, from: Side, packet: &mut [u8]) -> Result<Opened, NotAuthentic> {
    let token = crypto::open(key, from, packet)?;
    let plain = packet.get(HEADER_BYTES..).ok_or(NotAuthentic)?;
    let (salt, plain) = plain.split_first_chunk().ok_or(NotAuthentic)?;
    let (session_id, plain) = plain.split_first_chunk().ok_or(NotAuthentic)?;
    let (msg_id, plain) = plain.split_first_chunk().ok_or(NotAuthentic)?;
    let (seq_no, plain) = plain.split_first_chunk().ok_or(NotAuthentic)?;
    let (length, rest) = plain.split_first_chunk().ok_or(NotAuthentic)?;
    // spec: REC-4
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| NotAuthentic)?;
    let padding = rest.len().checked_sub(length).ok_or(NotAuthentic)?;
    if !length.is_multiple_of(4) || !(PADDING_BYTES_MIN..=PADDING_BYTES_MAX).contains(&padding) {
        return Err(NotAuthentic);
    }
    Ok(Opened {
        salt: Salt(i64::from_le_bytes(*salt)),
        session_id: SessionId(i64::from_le_bytes(*session_id)),
        msg_id: MsgId(i64::from_le_bytes(*msg_id)),
        seq_no: u32::from_le_bytes(*seq_no),
        body: BODY_AT..BODY_AT + length,
        token,
    })
}

/// The head of a message to seal.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// A salt that is valid now.
    pub salt: Salt,
    /// The session that the message belongs to.
    pub session_id: SessionId,
    /// Its name.
    pub msg_id: MsgId,
    /// Its number.
    pub seq_no: u32,
}

/// Seals the message whose body `write` appends, about `body_bytes` long.
pub fn seal(
    key: &AuthKey,
    from: Side,
    head: Head,
    body_bytes: usize,
    write: impl FnOnce(&mut BytesMut),
    dice: &mut dyn Dice,
) -> BytesMut {
    let mut packet = unsealed(head, body_bytes, write);
    crypto::seal(key, from, &mut packet, dice);
    packet
}

/// The message whose body `write` appends, about `body_bytes` long, before it is sealed where it stands.
pub(super) fn unsealed(head: Head, body_bytes: usize, write: impl FnOnce(&mut BytesMut)) -> BytesMut {
    let mut packet = BytesMut::with_capacity(BODY_AT + body_bytes + 5 * 16);
    packet.put_bytes(0, HEADER_BYTES);
    packet.put_i64_le(head.salt.0);
    packet.put_i64_le(head.session_id.0);
    packet.put_i64_le(head.msg_id.0);
    packet.put_u32_le(head.seq_no);
    let length_at = packet.len();
    packet.put_u32_le(0);
    write(&mut packet);
    let length = u32::try_from(packet.len() - BODY_AT).unwrap_or(u32::MAX);
    if let Some(field) = packet.get_mut(length_at..BODY_AT) {
        field.copy_from_slice(&length.to_le_bytes());
    }
    packet
}

#[cfg(test)]
mod tests {
    use env::SeededDice;

    use super::*;
    use crate::crypto::STORED_KEY_BYTES;
    use crate::ids::AuthKeyId;

    const HEAD: Head = Head { salt: Salt(-5), session_id: SessionId(6), msg_id: MsgId(7 << 32), seq_no: 9 };

    fn key() -> AuthKey {
        AuthKey::from_stored(AuthKeyId(77), std::array::from_fn::<u8, STORED_KEY_BYTES, _>(|i| (i * 7) as u8))
    }

    fn sealed(body: &[u8]) -> BytesMut {
        seal(&key(), Side::Client, HEAD, body.len(), |b| b.put_slice(body), &mut SeededDice::new(3))
    }

    /// A packet whose plaintext is exactly `plain`: what a client that pads by its own rules would send.
    fn sealed_as_it_is(length: u32, filler: usize) -> Option<BytesMut> {
        // The padding that `seal` adds cannot be chosen, so the length field lies instead.
        (0..64).map(SeededDice::new).find_map(|mut dice| {
            let mut packet = BytesMut::new();
            packet.put_bytes(0, HEADER_BYTES + 28);
            packet.put_u32_le(length);
            packet.put_bytes(0, filler);
            crypto::seal(&key(), Side::Client, &mut packet, &mut dice);
            (packet.len() == (BODY_AT + filler + PADDING_BYTES_MIN - 8).next_multiple_of(16) + 8)
                .then_some(packet)
        })
    }

    // proves: REC-4
    #[test]
    fn what_was_sealed_opens() {
        for n in [0, 4, 8, 12, 16, 64, 4096] {
            let body: Vec<u8> = (0..n).map(|i| i as u8).collect();
            let mut packet = sealed(&body);
            let opened = open(&key(), &mut packet).expect("authentic");
            assert_eq!(packet.get(opened.body.clone()), Some(&body[..]));
            assert_eq!(
                (opened.salt, opened.session_id, opened.msg_id, opened.seq_no),
                (HEAD.salt, HEAD.session_id, HEAD.msg_id, HEAD.seq_no)
            );
        }
    }

    // proves: REC-4
    #[test]
    fn a_length_that_does_not_fit_the_packet_is_refused() {
        for (length, filler, fine) in
            [(64, 64, true), (60, 64, true), (62, 64, false), (4096, 64, false), (u32::MAX, 64, false)]
        {
            let mut packet = sealed_as_it_is(length, filler).expect("some seed pads so");
            assert_eq!(open(&key(), &mut packet).is_ok(), fine, "length {length}");
        }
        // Less than 12 bytes of padding: a length that reaches into what `seal` added.
        let room = sealed_as_it_is(0, 64).expect("some seed pads so").len() - BODY_AT;
        for (padding, fine) in [(12, true), (8, false), (4, false), (0, false)] {
            let length = u32::try_from(room - padding).expect("short");
            let mut packet = sealed_as_it_is(length, 64).expect("some seed pads so");
            assert_eq!(open(&key(), &mut packet).is_ok(), fine, "padding {padding}");
        }
        // More than 1024 bytes of padding: a short length before a long filler.
        let mut packet = sealed_as_it_is(0, 1100).expect("some seed pads so");
        assert_eq!(open(&key(), &mut packet), Err(NotAuthentic));
    }

    // proves: REC-3
    #[test]
    fn a_changed_byte_anywhere_is_refused() {
        let packet = sealed(&[1; 40]);
        for at in 8..packet.len() {
            let mut changed = packet.clone();
            changed[at] ^= 0x10;
            assert_eq!(open(&key(), &mut changed), Err(NotAuthentic), "byte {at}");
        }
    }

    // proves: REC-3
    #[test]
    fn a_packet_of_the_other_direction_is_refused() {
        let mut packet = seal(&key(), Side::Server, HEAD, 0, |_| {}, &mut SeededDice::new(3));
        assert_eq!(open(&key(), &mut packet.clone()), Err(NotAuthentic));
        assert!(open_from(&key(), Side::Server, &mut packet).is_ok());
    }

    // proves: REC-3
    #[test]
    fn a_packet_cut_short_or_long_is_refused() {
        let packet = sealed(&[1; 40]);
        for n in 0..packet.len() {
            assert_eq!(open(&key(), &mut packet.clone()[..n]), Err(NotAuthentic), "{n} bytes");
        }
        let mut long = packet.clone();
        long.put_bytes(0, 16);
        assert_eq!(open(&key(), &mut long), Err(NotAuthentic));
    }
}
