//! Whose things are: ids as types, so that a channel is never looked up among users.

pub use store::{Due, Global, Name};
use store::{KeyPart, RawKey, owner_ids};
use tl::{enums, types};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub i64);)*
        owner_ids! { $($name(i64) = $kind),* }
    };
}

ids! {
    /// A person or a bot.
    UserId = b'u';
    /// A basic group.
    ChatId = b'g';
    /// A supergroup or a broadcast channel.
    ChannelId = b'c';
    /// An authorization key: the low 64 bits of its SHA-1.
    KeyId = b'k';
    /// A photo or a document.
    FileId = b'f';
}

/// The service account that brings login codes.
pub const SERVICE: UserId = UserId(777_000);

/// A conversation partner, as stored in keys and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// A private chat with this person.
    User(UserId),
    /// A basic group.
    Chat(ChatId),
    /// A supergroup or a broadcast channel.
    Channel(ChannelId),
}

impl KeyPart for Peer {
    fn write_key(&self, out: &mut RawKey) {
        let (kind, id) = match *self {
            Self::User(id) => (1_u8, id.0),
            Self::Chat(id) => (2, id.0),
            Self::Channel(id) => (3, id.0),
        };
        kind.write_key(out);
        id.write_key(out);
    }

    fn read_key(rest: &mut &[u8]) -> Option<Self> {
        let (kind, id) = (u8::read_key(rest)?, i64::read_key(rest)?);
        match kind {
            1 => Some(Self::User(UserId(id))),
            2 => Some(Self::Chat(ChatId(id))),
            3 => Some(Self::Channel(ChannelId(id))),
            _ => None,
        }
    }
}

impl From<Peer> for enums::Peer {
    fn from(peer: Peer) -> Self {
        match peer {
            Peer::User(id) => types::PeerUser { user_id: id.0 }.into(),
            Peer::Chat(id) => types::PeerChat { chat_id: id.0 }.into(),
            Peer::Channel(id) => types::PeerChannel { channel_id: id.0 }.into(),
        }
    }
}

impl From<&enums::Peer> for Peer {
    fn from(peer: &enums::Peer) -> Self {
        match peer {
            enums::Peer::PeerUser(p) => Self::User(UserId(p.user_id)),
            enums::Peer::PeerChat(p) => Self::Chat(ChatId(p.chat_id)),
            enums::Peer::PeerChannel(p) => Self::Channel(ChannelId(p.channel_id)),
        }
    }
}

impl From<enums::Peer> for Peer {
    fn from(peer: enums::Peer) -> Self {
        Self::from(&peer)
    }
}
