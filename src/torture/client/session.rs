//! A client's session as far as a hostile one needs it, and sealing with anything wrong.

use std::collections::BTreeSet;

use env::Dice as _;
use mtproto::MsgId;
use mtproto::crypto::hash::sha1;
use mtproto::crypto::{AuthKey, Side, kdf};

use super::script::Twist;
use crate::sealing::{Parts, pad};
use crate::world::{SystemDice, now};

/// A key that was made, and the server's clock.
#[derive(Debug, Clone)]
pub struct Made {
    /// The key.
    pub key: AuthKey,
    /// Its first salt.
    pub salt: i64,
    /// How many seconds the server's clock is ahead of ours.
    pub ahead: i64,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    /// Its key.
    pub key: AuthKey,
    /// Its name.
    pub id: i64,
    /// A salt that was good.
    pub salt: i64,
    /// How many seconds the server's clock is ahead of ours.
    pub ahead: i64,
    /// The msg_ids of the server's packets.
    pub seen: BTreeSet<i64>,
    last_msg_id: i64,
    /// Where the clock stands while a container is filled.
    stopped: Option<i64>,
    content_sent: u32,
}

/// The parts of a message before it is sealed.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its name.
    pub msg_id: i64,
    /// Its number.
    pub seq_no: u32,
    /// What it says.
    pub body: Vec<u8>,
}

impl Session {
    /// A new session under this key.
    pub fn new(made: &Made) -> Self {
        Self {
            key: made.key.clone(),
            id: SystemDice.u64().cast_signed(),
            salt: made.salt,
            ahead: made.ahead,
            seen: BTreeSet::new(),
            last_msg_id: 0,
            stopped: None,
            content_sent: 0,
        }
    }

    /// The key and what is known of it.
    pub fn made(&self) -> Made {
        Made { key: self.key.clone(), salt: self.salt, ahead: self.ahead }
    }

    /// The msg_id of a moment, so many seconds from now.
    pub fn id_in(&self, seconds: i64) -> i64 {
        MsgId::at(now()).0.wrapping_add((self.ahead + seconds) << 32)
    }

    /// The next msg_id and seq_no.
    pub fn name(&mut self, content: bool) -> (i64, u32) {
        let clock = self.stopped.unwrap_or_else(|| self.id_in(0));
        self.last_msg_id = clock.max(self.last_msg_id + 4);
        let seq_no = self.content_sent * 2 + u32::from(content);
        self.content_sent += u32::from(content);
        (self.last_msg_id, seq_no)
    }

    /// The name of a container. The clock stands still for the messages in it, until `container_named`.
    pub fn container_id(&mut self) -> i64 {
        let clock = self.id_in(0).max(self.last_msg_id + 4);
        self.stopped = Some(clock);
        clock + (1 << 20)
    }

    /// The container is filled: what is named from here on is named above it.
    pub fn container_named(&mut self, msg_id: i64) {
        self.stopped = None;
        self.last_msg_id = self.last_msg_id.max(msg_id - 4);
    }

    /// Leaves out so many numbers.
    pub fn skip(&mut self, numbers: u32) {
        self.content_sent += numbers;
    }

    /// Seals `message` with what `twists` say is wrong.
    pub fn seal(&self, message: &Message, twists: &[Twist]) -> Vec<u8> {
        let (mut salt, mut length, mut padding) = (self.salt, None, None);
        let (mut side, mut version) = (Side::Client, 2);
        for twist in twists {
            match *twist {
                Twist::BadSalt => salt ^= 0x5555,
                Twist::ZeroSalt => salt = 0,
                Twist::Length(said) => length = Some(said),
                Twist::Padding(bytes) => padding = Some(bytes),
                Twist::AsServer => side = Side::Server,
                Twist::Version1 => version = 1,
                _ => {}
            }
        }
        let parts = Parts {
            key: &self.key,
            side,
            salt,
            session_id: self.id,
            msg_id: message.msg_id,
            seq_no: message.seq_no,
            length,
            body: &message.body,
            padding,
        };
        let mut packet = if version == 1 { self.seal_v1(&parts) } else { parts.seal() };
        for twist in twists {
            match *twist {
                Twist::Flip(at) => {
                    if let Some(byte) = packet.get_mut(at) {
                        *byte ^= 1;
                    }
                }
                Twist::Cut(bytes) => packet.truncate(packet.len().saturating_sub(bytes)),
                Twist::Grow(bytes) => {
                    let at = packet.len();
                    packet.resize(at + bytes, 0);
                    SystemDice.fill(packet.get_mut(at..).unwrap_or_default());
                }
                Twist::UnknownKey => {
                    for byte in packet.iter_mut().take(8) {
                        *byte ^= 0x5a;
                    }
                }
                _ => {}
            }
        }
        packet
    }

    /// A packet of MTProto 1.0: its msg_key is a SHA-1 over what is not padding.
    fn seal_v1(&self, parts: &Parts<'_>) -> Vec<u8> {
        let mut plain = parts.plain();
        let hash = sha1(&[&plain]);
        let mut msg_key = [0; 16];
        msg_key.copy_from_slice(&hash[4..20]);
        pad(&mut plain, None, 0);
        kdf::v1_from_client(&self.key, &msg_key).encrypt(&mut plain);
        [self.key.id().0.to_le_bytes().as_slice(), &msg_key, &plain].concat()
    }

    /// The quick ack that this packet must have.
    pub fn quick_ack(&self, packet: &[u8]) -> u32 {
        let mut plain = packet.to_vec();
        let token = mtproto::crypto::open(&self.key, Side::Client, &mut plain);
        token.map(|token| token.0).unwrap_or_default()
    }
}
