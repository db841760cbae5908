//! Sealing a packet with anything at all wrong in it.

use bytes::{BufMut as _, BytesMut};
use env::Dice as _;
use mtproto::crypto::hash::sha256;
use mtproto::crypto::ige::IgeKey;
use mtproto::crypto::{AuthKey, Side};

use crate::world::SystemDice;

/// What a packet is made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The key.
    pub key: &'a AuthKey,
    /// Who it pretends to be sealed by.
    pub side: Side,
    /// The salt.
    pub salt: i64,
    /// The session.
    pub session_id: i64,
    /// The name.
    pub msg_id: i64,
    /// The number.
    pub seq_no: u32,
    /// What the length field says, if not the truth.
    pub length: Option<i32>,
    /// The words.
    pub body: &'a [u8],
    /// How many bytes of padding, if not the least that there must be.
    pub padding: Option<usize>,
}

impl Parts<'_> {
    /// The plaintext without its padding.
    pub fn plain(&self) -> BytesMut {
        let truth = i32::try_from(self.body.len()).unwrap_or(i32::MAX);
        let mut plain = BytesMut::with_capacity(32 + self.body.len() + 32);
        plain.put_i64_le(self.salt);
        plain.put_i64_le(self.session_id);
        plain.put_i64_le(self.msg_id);
        plain.put_u32_le(self.seq_no);
        plain.put_i32_le(self.length.unwrap_or(truth));
        plain.put_slice(self.body);
        plain
    }

    /// The packet.
    pub fn seal(&self) -> Vec<u8> {
        let mut plain = self.plain();
        pad(&mut plain, self.padding, 12);
        let secret = self.key.stored();
        let part = if self.side == Side::Client { &secret[88..120] } else { &secret[96..128] };
        let hash = sha256(&[part, &plain]);
        let mut msg_key = [0; 16];
        msg_key.copy_from_slice(&hash[8..24]);
        cipher(self.key, &msg_key, self.side).encrypt(&mut plain);
        [self.key.id().0.to_le_bytes().as_slice(), &msg_key, &plain].concat()
    }
}

/// The AES key and vector of one message of MTProto 2.0, derived here once more: a tool that breaks the rules leans on no
/// server's code.
fn cipher(key: &AuthKey, msg_key: &[u8; 16], side: Side) -> IgeKey {
    let secret = key.stored();
    let (first, second) = match side {
        Side::Client => (&secret[..36], &secret[40..76]),
        Side::Server => (&secret[8..44], &secret[48..84]),
    };
    let (a, b) = (sha256(&[msg_key, first]), sha256(&[second, msg_key]));
    let (mut key, mut iv) = ([0; 32], [0; 32]);
    key.copy_from_slice(&[&a[..8], &b[8..24], &a[24..]].concat());
    iv.copy_from_slice(&[&b[..8], &a[8..24], &b[24..]].concat());
    IgeKey { key, iv }
}

/// Appends so many random bytes, or at least `least` up to a whole block.
pub fn pad(plain: &mut BytesMut, padding: Option<usize>, least: usize) {
    let from = plain.len();
    let padding = padding.unwrap_or((from + least).next_multiple_of(16) - from);
    plain.put_bytes(0, padding);
    SystemDice.fill(plain.get_mut(from..).unwrap_or_default());
}
