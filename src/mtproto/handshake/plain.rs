//! The envelope of messages without a key: `0 | msg_id | length | body`.

use bytes::{BufMut as _, Bytes, BytesMut};
use env::Time;

use crate::ids::MsgId;

/// Length of what stands before the body, in bytes.
const HEAD_BYTES: usize = 20;

/// The body of the plaintext message `packet`, with whatever the sender put behind its words: TDLib adds up to 255
/// random bytes inside of the length, padded framing some outside.
#[must_use]
pub fn body(packet: &[u8]) -> Option<&[u8]> {
    // spec: HS-26
    let (head, rest) = packet.split_first_chunk::<HEAD_BYTES>()?;
    let (_, length) = head.split_last_chunk::<4>()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
    rest.get(..length).filter(|_| head.starts_with(&[0; 8]))
}

/// `body` in its envelope.
#[must_use]
pub fn packet(msg_id: MsgId, body: &[u8]) -> Bytes {
    let mut packet = BytesMut::with_capacity(HEAD_BYTES + body.len());
    packet.put_u64_le(0);
    packet.put_i64_le(msg_id.0);
    packet.put_u32_le(u32::try_from(body.len()).unwrap_or(u32::MAX));
    packet.put_slice(body);
    packet.freeze()
}

/// Deals the msg_ids of a server's plaintext messages.
#[derive(Debug)]
pub struct ServerMsgIds(MsgId);

impl Default for ServerMsgIds {
    fn default() -> Self {
        Self(MsgId(0))
    }
}

impl ServerMsgIds {
    /// An id that is higher than those before and leaves 1 modulo 4, as replies do.
    pub fn next(&mut self, now: Time) -> MsgId {
        // spec: SES-2
        self.0 = MsgId((MsgId::at(now).0 | 1).max(self.0.0.saturating_add(4)));
        self.0
    }
}
