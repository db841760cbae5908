//! Opening the sealed part of `auth.bindTempAuthKey`, the last thing that is enciphered with MTProto 1.0.

use bytes::{BufMut as _, BytesMut};
use env::Dice;
use subtle::ConstantTimeEq as _;
use tl::service;
use zeroize::Zeroizing;

use crate::crypto::hash::sha1;
use crate::crypto::{AuthKey, HEADER_BYTES, NotAuthentic, kdf};
use crate::ids::{AuthKeyId, MsgId, SessionId};

/// Random bytes in place of salt and session, msg_id, sequence number, length.
const HEAD_BYTES: usize = 32;

/// `bind_auth_key_inner`.
const INNER_BYTES: usize = 40;

/// What is hashed: everything but the padding, since in MTProto 1.0 padding is not authenticated.
const PLAIN_BYTES: usize = HEAD_BYTES + INNER_BYTES;

/// The one length that a sealed part can have: any other would carry more padding than there must be.
const SEALED_BYTES: usize = HEADER_BYTES + PLAIN_BYTES.next_multiple_of(16);

/// What a client says, under its permanent key, about the temporary key to be bound. The caller compares all of it with
/// the query around it: `msg_id`, `nonce`, both keys, the session, `expires_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindInner {
    /// The msg_id that the query must have.
    pub msg_id: MsgId,
    /// The nonce that the query must have.
    pub nonce: i64,
    /// The key that the query must be sealed with.
    pub temp_auth_key_id: AuthKeyId,
    /// The key that this is sealed with.
    pub perm_auth_key_id: AuthKeyId,
    /// The session that the query must come from.
    pub temp_session_id: SessionId,
    /// When the temporary key dies, in seconds since the Unix epoch.
    pub expires_at: i32,
}

/// Opens `encrypted_message` of `auth.bindTempAuthKey` with the permanent key.
///
/// # Errors
///
/// [`NotAuthentic`], whatever is wrong.
pub fn open_bind_message(perm: &AuthKey, encrypted_message: &[u8]) -> Result<BindInner, NotAuthentic> {
    // spec: PFS-3
    let (header, enciphered) = encrypted_message.split_first_chunk::<HEADER_BYTES>().ok_or(NotAuthentic)?;
    let (key_id, msg_key) = header.split_first_chunk::<8>().ok_or(NotAuthentic)?;
    let msg_key = msg_key.first_chunk::<16>().ok_or(NotAuthentic)?;
    if encrypted_message.len() != SEALED_BYTES || u64::from_le_bytes(*key_id) != perm.id().0 {
        return Err(NotAuthentic);
    }
    let mut opened = Zeroizing::new(enciphered.to_vec());
    kdf::v1_from_client(perm, msg_key).decrypt(&mut opened);
    let plain = opened.first_chunk::<PLAIN_BYTES>().ok_or(NotAuthentic)?;
    if !bool::from(msg_key_v1(plain).ct_eq(msg_key)) {
        return Err(NotAuthentic);
    }
    let mut reader = tl::Reader::new(plain);
    read(&mut reader).ok().flatten().filter(|inner| inner.perm_auth_key_id == perm.id()).ok_or(NotAuthentic)
}

fn read(reader: &mut tl::Reader<'_>) -> Result<Option<BindInner>, tl::Error> {
    reader.raw(16)?;
    let (msg_id, seq_no, length) = (reader.i64()?, reader.i32()?, reader.i32()?);
    let inner: service::BindAuthKeyInner = tl::Decode::decode(reader)?;
    Ok((seq_no == 0 && usize::try_from(length) == Ok(INNER_BYTES)).then_some(BindInner {
        msg_id: MsgId(msg_id),
        nonce: inner.nonce,
        temp_auth_key_id: AuthKeyId::from_long(inner.temp_auth_key_id),
        perm_auth_key_id: AuthKeyId::from_long(inner.perm_auth_key_id),
        temp_session_id: SessionId(inner.temp_session_id),
        expires_at: inner.expires_at,
    }))
}

/// Seals `inner` as a client does, into `encrypted_message`.
#[must_use]
pub fn seal_bind_message(perm: &AuthKey, inner: &BindInner, dice: &mut dyn Dice) -> Vec<u8> {
    let body = service::BindAuthKeyInner {
        nonce: inner.nonce,
        temp_auth_key_id: inner.temp_auth_key_id.as_long(),
        perm_auth_key_id: inner.perm_auth_key_id.as_long(),
        temp_session_id: inner.temp_session_id.0,
        expires_at: inner.expires_at,
    };
    let mut plain = BytesMut::with_capacity(SEALED_BYTES);
    plain.put_slice(&env::bytes::<16>(dice));
    plain.put_i64_le(inner.msg_id.0);
    plain.put_i32_le(0);
    plain.put_i32_le(INNER_BYTES as i32);
    plain.put_slice(&tl::write(&body, tl::Layer::NEWEST));
    let msg_key = msg_key_v1(&plain);
    plain.put_slice(&env::bytes::<{ SEALED_BYTES - HEADER_BYTES - PLAIN_BYTES }>(dice));
    kdf::v1_from_client(perm, &msg_key).encrypt(&mut plain);
    [&perm.id().0.to_le_bytes(), msg_key.as_slice(), &plain].concat()
}

/// The 128 low-order bits of the SHA-1 of the message without its padding.
fn msg_key_v1(plain: &[u8]) -> kdf::MsgKey {
    let [_, _, _, _, msg_key @ ..] = sha1(&[plain]);
    msg_key
}

#[cfg(test)]
mod tests {
    use env::SeededDice;

    use super::*;
    use crate::crypto::FullAuthKey;

    fn sealed() -> (AuthKey, BindInner, Vec<u8>) {
        let mut dice = SeededDice::new(6);
        let perm = FullAuthKey::new(env::bytes(&mut dice)).kept();
        let inner = BindInner {
            msg_id: MsgId(7 << 32),
            nonce: -5,
            temp_auth_key_id: AuthKeyId(u64::MAX - 1),
            perm_auth_key_id: perm.id(),
            temp_session_id: SessionId(-9),
            expires_at: 1_700_000_000,
        };
        let sealed = seal_bind_message(&perm, &inner, &mut dice);
        (perm, inner, sealed)
    }

    // proves: PFS-3
    #[test]
    fn what_a_client_seals_opens() {
        let (perm, inner, sealed) = sealed();
        assert_eq!(open_bind_message(&perm, &sealed), Ok(inner));
    }

    // proves: PFS-3
    #[test]
    fn every_flipped_bit_and_every_other_length_is_refused() {
        let (perm, _, sealed) = sealed();
        // Nothing in MTProto 1.0 covers the padding, but it shares its block with the end of the data: a change in any
        // block garbles something that is hashed.
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open_bind_message(&perm, &changed), Err(NotAuthentic), "bit {bit}");
        }
        let longer = [sealed.as_slice(), &[0; 16]].concat();
        for wrong in [&longer, &sealed[..88], &sealed[..103], &[]] {
            assert_eq!(open_bind_message(&perm, wrong), Err(NotAuthentic));
        }
    }

    // proves: PFS-3
    #[test]
    fn what_is_sealed_with_another_number_length_or_key_is_refused() {
        let (perm, inner, _) = sealed();
        let body = service::BindAuthKeyInner {
            nonce: inner.nonce,
            temp_auth_key_id: inner.temp_auth_key_id.as_long(),
            perm_auth_key_id: perm.id().as_long(),
            temp_session_id: inner.temp_session_id.0,
            expires_at: inner.expires_at,
        };
        let sealed_as = |seq_no: i32, length: i32| {
            let head = [&[7; 16][..], &inner.msg_id.0.to_le_bytes()].concat();
            let numbers = [seq_no.to_le_bytes(), length.to_le_bytes()].concat();
            let mut plain = [&head[..], &numbers, &tl::write(&body, tl::Layer::NEWEST)].concat();
            let msg_key = msg_key_v1(&plain);
            plain.resize(80, 0);
            kdf::v1_from_client(&perm, &msg_key).encrypt(&mut plain);
            [&perm.id().0.to_le_bytes(), msg_key.as_slice(), &plain].concat()
        };
        assert_eq!(open_bind_message(&perm, &sealed_as(0, 40)), Ok(inner));
        for (seq_no, length) in [(1, 40), (-1, 40), (0, 36), (0, 44), (0, -40)] {
            assert_eq!(open_bind_message(&perm, &sealed_as(seq_no, length)), Err(NotAuthentic));
        }
        let foreign = BindInner { perm_auth_key_id: AuthKeyId(5), ..inner };
        let sealed = seal_bind_message(&perm, &foreign, &mut SeededDice::new(1));
        assert_eq!(open_bind_message(&perm, &sealed), Err(NotAuthentic));
    }

    #[test]
    fn another_key_does_not_open_it() {
        let (_, _, sealed) = sealed();
        let other = FullAuthKey::new([9; 256]).kept();
        assert_eq!(open_bind_message(&other, &sealed), Err(NotAuthentic));
    }
}
