//! Fields that named a user before they named any peer, and how peers look.

use crate::{enums, types};

/// A user where a peer is meant now.
pub(crate) fn user_as_peer(user_id: &i64) -> enums::Peer {
    types::PeerUser { user_id: *user_id }.into()
}

/// The user behind a peer; 0 for chats and channels, which older layers cannot name here.
pub(crate) fn peer_as_user(peer: &enums::Peer) -> i64 {
    match peer {
        enums::Peer::PeerUser(user) => user.user_id,
        _ => 0,
    }
}

pub(crate) fn some_user_as_peer(user_id: &Option<i64>) -> Option<enums::Peer> {
    user_id.as_ref().map(user_as_peer)
}

pub(crate) fn some_peer_as_user(peer: &Option<enums::Peer>) -> Option<i64> {
    peer.as_ref().map(peer_as_user).filter(|&id| id != 0)
}

/// The field became optional as well as a peer.
pub(crate) fn surely_user_as_peer(user_id: &i64) -> Option<enums::Peer> {
    Some(user_as_peer(user_id))
}

pub(crate) fn perhaps_peer_as_user(peer: &Option<enums::Peer>) -> i64 {
    peer.as_ref().map_or(0, peer_as_user)
}

pub(crate) fn some_users_as_peers(users: &Option<Vec<i64>>) -> Option<Vec<enums::Peer>> {
    users.as_ref().map(|users| users.iter().map(user_as_peer).collect())
}

pub(crate) fn some_peers_as_users(peers: &Option<Vec<enums::Peer>>) -> Option<Vec<i64>> {
    peers.as_ref().map(|peers| peers.iter().map(peer_as_user).filter(|&id| id != 0).collect())
}

pub(crate) fn surely_chat_as_peer(chat_id: &i64) -> Option<enums::Peer> {
    Some(types::PeerChat { chat_id: *chat_id }.into())
}

pub(crate) fn some_chat_as_peer(chat_id: &Option<i64>) -> Option<enums::Peer> {
    chat_id.as_ref().and_then(surely_chat_as_peer)
}

/// The id of a group or channel as the calls of older layers name it.
pub(crate) fn some_peer_as_chat(peer: &Option<enums::Peer>) -> Option<i64> {
    match peer {
        Some(enums::Peer::PeerChat(chat)) => Some(chat.chat_id),
        Some(enums::Peer::PeerChannel(channel)) => Some(channel.channel_id),
        _ => None,
    }
}

pub(crate) fn perhaps_peer_as_chat(peer: &Option<enums::Peer>) -> i64 {
    some_peer_as_chat(peer).unwrap_or(0)
}

pub(crate) fn one_peer(peer: &enums::Peer) -> Vec<enums::Peer> {
    vec![peer.clone()]
}

pub(crate) fn first_peer(peers: &[enums::Peer]) -> enums::Peer {
    peers.first().cloned().unwrap_or_default()
}

pub(crate) fn one_input_peer(peer: &enums::InputPeer) -> Vec<enums::InputPeer> {
    vec![peer.clone()]
}

pub(crate) fn first_input_peer(peers: &[enums::InputPeer]) -> enums::InputPeer {
    peers.first().cloned().unwrap_or_default()
}

/// A method that took a user takes any peer now.
pub(crate) fn input_user_as_peer(user: &enums::InputUser) -> enums::InputPeer {
    match user {
        enums::InputUser::InputUserEmpty => enums::InputPeer::InputPeerEmpty,
        enums::InputUser::InputUserSelf => enums::InputPeer::InputPeerSelf,
        enums::InputUser::InputUser(user) => {
            types::InputPeerUser { user_id: user.user_id, access_hash: user.access_hash }.into()
        }
        enums::InputUser::InputUserFromMessage(user) => types::InputPeerUserFromMessage {
            peer: user.peer.clone(),
            msg_id: user.msg_id,
            user_id: user.user_id,
        }
        .into(),
    }
}

pub(crate) fn input_peer_as_user(peer: &enums::InputPeer) -> enums::InputUser {
    match peer {
        enums::InputPeer::InputPeerSelf => enums::InputUser::InputUserSelf,
        enums::InputPeer::InputPeerUser(user) => {
            types::InputUser { user_id: user.user_id, access_hash: user.access_hash }.into()
        }
        enums::InputPeer::InputPeerUserFromMessage(user) => types::InputUserFromMessage {
            peer: user.peer.clone(),
            msg_id: user.msg_id,
            user_id: user.user_id,
        }
        .into(),
        _ => enums::InputUser::InputUserEmpty,
    }
}

pub(crate) fn input_channel_as_peer(channel: &enums::InputChannel) -> enums::InputPeer {
    match channel {
        enums::InputChannel::InputChannelEmpty => enums::InputPeer::InputPeerEmpty,
        enums::InputChannel::InputChannel(channel) => {
            types::InputPeerChannel { channel_id: channel.channel_id, access_hash: channel.access_hash }
                .into()
        }
        enums::InputChannel::InputChannelFromMessage(channel) => types::InputPeerChannelFromMessage {
            peer: channel.peer.clone(),
            msg_id: channel.msg_id,
            channel_id: channel.channel_id,
        }
        .into(),
    }
}

pub(crate) fn input_peer_as_channel(peer: &enums::InputPeer) -> enums::InputChannel {
    match peer {
        enums::InputPeer::InputPeerChannel(channel) => {
            types::InputChannel { channel_id: channel.channel_id, access_hash: channel.access_hash }.into()
        }
        enums::InputPeer::InputPeerChannelFromMessage(channel) => types::InputChannelFromMessage {
            peer: channel.peer.clone(),
            msg_id: channel.msg_id,
            channel_id: channel.channel_id,
        }
        .into(),
        _ => enums::InputChannel::InputChannelEmpty,
    }
}

/// The colour of a name was a number, its emoji a field beside it.
pub(crate) fn peer_color(color: &Option<i32>, emoji: &Option<i64>) -> Option<enums::PeerColor> {
    (color.is_some() || emoji.is_some())
        .then(|| types::PeerColor { color: *color, background_emoji_id: *emoji }.into())
}

/// `account.updateColor` without a number meant the default colour, as it does without a `peerColor`.
pub(crate) fn surely_peer_color(color: &Option<i32>, emoji: &Option<i64>) -> Option<enums::PeerColor> {
    peer_color(color, emoji)
}

pub(crate) fn only_peer_color(color: &i32, emoji: &Option<i64>) -> Option<enums::PeerColor> {
    peer_color(&Some(*color), emoji)
}

pub(crate) fn color_number(color: &Option<enums::PeerColor>) -> Option<i32> {
    match color {
        Some(enums::PeerColor::PeerColor(color)) => color.color,
        _ => None,
    }
}

pub(crate) fn color_number_or_zero(color: &Option<enums::PeerColor>) -> i32 {
    color_number(color).unwrap_or(0)
}

pub(crate) fn color_emoji(color: &Option<enums::PeerColor>) -> Option<i64> {
    match color {
        Some(enums::PeerColor::PeerColor(color)) => color.background_emoji_id,
        Some(enums::PeerColor::PeerColorCollectible(color)) => Some(color.background_emoji_id),
        _ => None,
    }
}

/// The colours of a collectible, for those who know only numbered ones: its emoji alone.
pub(crate) fn plain_peer_color(color: &types::PeerColorCollectible) -> Option<enums::PeerColor> {
    Some(types::PeerColor { color: None, background_emoji_id: Some(color.background_emoji_id) }.into())
}

/// A collectible as a status, for those who know only emoji.
pub(crate) fn plain_emoji_status(status: &types::EmojiStatusCollectible) -> Option<enums::EmojiStatus> {
    Some(types::EmojiStatus { document_id: status.document_id, until: status.until }.into())
}

/// `emojiStatusUntil` became a field of `emojiStatus`.
pub(crate) fn lasting_emoji_status(status: &types::EmojiStatusUntil) -> Option<enums::EmojiStatus> {
    Some(types::EmojiStatus { document_id: status.document_id, until: Some(status.until) }.into())
}
