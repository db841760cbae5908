//! What clients name, checked: a peer counts only with the access hash that its caller was given.

use model::ids::{ChannelId, ChatId, Peer, SERVICE, UserId};
use model::shelf::Shelf;
use model::{Refusal, channels, chats, users};
use tl::{enums, stored};

use crate::method::{Account, Cx, Rpc};
use crate::refs::Kind;

impl Cx<'_, '_> {
    /// A conversation partner of `me`.
    pub(crate) fn peer(&self, me: Account, peer: &enums::InputPeer) -> Rpc<Peer> {
        use enums::InputPeer;
        match peer {
            InputPeer::InputPeerSelf => Ok(Peer::User(me.0)),
            InputPeer::InputPeerUser(p) => {
                self.user_by_hash(me, p.user_id, p.access_hash, Refusal::PeerIdInvalid).map(Peer::User)
            }
            InputPeer::InputPeerChat(p) => {
                let chat = ChatId(p.chat_id);
                let row = users::chat(self.model.tx, chat)?.ok_or(Refusal::PeerIdInvalid)?;
                if chats::is_member(&row, me.0) || chats::remembers(self.model.tx, me.0, chat)? {
                    Ok(Peer::Chat(chat))
                } else {
                    Err(Refusal::PeerIdInvalid.into())
                }
            }
            InputPeer::InputPeerChannel(p) => {
                self.channel_by_hash(me, p.channel_id, p.access_hash).map(Peer::Channel)
            }
            InputPeer::InputPeerUserFromMessage(p) => {
                self.seen_in(me, &p.peer, p.msg_id, Peer::User(UserId(p.user_id)))
            }
            InputPeer::InputPeerChannelFromMessage(p) => {
                self.seen_in(me, &p.peer, p.msg_id, Peer::Channel(ChannelId(p.channel_id)))
            }
            InputPeer::InputPeerEmpty => Err(Refusal::PeerIdInvalid.into()),
        }
    }

    /// A person.
    pub(crate) fn user(&self, me: Account, user: &enums::InputUser) -> Rpc<UserId> {
        use enums::InputUser;
        match user {
            InputUser::InputUserSelf => Ok(me.0),
            InputUser::InputUser(u) => {
                self.user_by_hash(me, u.user_id, u.access_hash, Refusal::UserIdInvalid)
            }
            InputUser::InputUserFromMessage(u) => {
                match self.seen_in(me, &u.peer, u.msg_id, Peer::User(UserId(u.user_id)))? {
                    Peer::User(user) => Ok(user),
                    Peer::Chat(_) | Peer::Channel(_) => Err(Refusal::UserIdInvalid.into()),
                }
            }
            InputUser::InputUserEmpty => Err(Refusal::UserIdInvalid.into()),
        }
    }

    /// A channel.
    pub(crate) fn channel(&self, me: Account, channel: &enums::InputChannel) -> Rpc<ChannelId> {
        use enums::InputChannel;
        match channel {
            InputChannel::InputChannel(c) => self.channel_by_hash(me, c.channel_id, c.access_hash),
            InputChannel::InputChannelFromMessage(c) => {
                match self.seen_in(me, &c.peer, c.msg_id, Peer::Channel(ChannelId(c.channel_id)))? {
                    Peer::Channel(channel) => Ok(channel),
                    Peer::User(_) | Peer::Chat(_) => Err(Refusal::ChannelInvalid.into()),
                }
            }
            InputChannel::InputChannelEmpty => Err(Refusal::ChannelInvalid.into()),
        }
    }

    fn user_by_hash(&self, me: Account, id: i64, hash: i64, refusal: Refusal) -> Rpc<UserId> {
        let user = UserId(id);
        // Clients know the service account by number, before anybody has shown it to them.
        let free = user == me.0 || user == SERVICE;
        if free || self.site.has_access(me.0, Kind::User, id, hash) { Ok(user) } else { Err(refusal.into()) }
    }

    fn channel_by_hash(&self, me: Account, id: i64, hash: i64) -> Rpc<ChannelId> {
        if self.site.has_access(me.0, Kind::Channel, id, hash) {
            Ok(ChannelId(id))
        } else {
            Err(Refusal::ChannelInvalid.into())
        }
    }

    /// A peer that `me` has seen only in a message (a `min` one), and names by it.
    fn seen_in(&self, me: Account, place: &enums::InputPeer, msg_id: i32, wanted: Peer) -> Rpc<Peer> {
        if matches!(
            place,
            enums::InputPeer::InputPeerUserFromMessage(_) | enums::InputPeer::InputPeerChannelFromMessage(_)
        ) {
            return Err(Refusal::PeerIdInvalid.into());
        }
        let place = self.peer(me, place)?;
        let hidden = match place {
            Peer::Channel(channel) => {
                channels::readable(self.model.tx, me.0, channel)?;
                channels::available_min(self.model.tx, me.0, channel)?
            }
            Peer::User(_) | Peer::Chat(_) => 0,
        };
        let message = Shelf::of(me.0, place).one(self.model.tx, msg_id)?;
        let message = message.filter(|m| m.id > hidden).ok_or(Refusal::MsgIdInvalid)?;
        if names(&message).contains(&wanted) { Ok(wanted) } else { Err(Refusal::PeerIdInvalid.into()) }
    }
}

/// Whom a message names.
fn names(message: &stored::Message) -> Vec<Peer> {
    let forward = message.forward.iter().flat_map(|f| f.from_id.iter().chain(&f.saved_from_peer));
    let mentions = message.entities.iter().flatten().filter_map(|entity| match entity {
        enums::MessageEntity::MessageEntityMentionName(m) => Some(Peer::User(UserId(m.user_id))),
        _ => None,
    });
    message.from_id.iter().chain(forward).map(Peer::from).chain(mentions).collect()
}
