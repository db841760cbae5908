//! Log rows, as updates.

use model::ids::{ChannelId, ChatId, Peer, UserId};
use model::shelf::Shelf;
use model::{Done, Stop, boxes, channels};
use tl::{enums, stored, types};

use super::View;

/// What a log row becomes.
#[derive(Debug)]
pub enum Told {
    /// A new message, which a difference lists apart.
    Message(enums::Message),
    /// Anything else.
    Other(enums::Update),
}

impl View<'_, '_> {
    /// A row of the viewer's own log, which took the reader to `pts`.
    ///
    /// A message that is gone by now is told as deleted, with the same pts and pts_count, so that the counter has no hole.
    pub fn account_change(&mut self, row: &stored::Logged, pts: i32) -> Done<Told> {
        use stored::enums::Change;
        let pts_count = row.pts_count;
        let gone = |ids| types::UpdateDeleteMessages { messages: ids, pts, pts_count };
        Ok(match &row.change {
            Change::ChangeNew(change) => match boxes::find(self.tx, self.me, change.id)? {
                Some(message) => Told::Message(self.message(&message)?),
                None => Told::Other(gone(vec![change.id]).into()),
            },
            Change::ChangeEdit(change) => Told::Other(match boxes::find(self.tx, self.me, change.id)? {
                Some(message) => {
                    types::UpdateEditMessage { message: self.message(&message)?, pts, pts_count }.into()
                }
                None => gone(vec![change.id]).into(),
            }),
            Change::ChangeDelete(change) => Told::Other(gone(change.ids.clone()).into()),
            Change::ChangeReadInbox(change) => {
                self.name(Peer::from(&change.peer));
                Told::Other(
                    types::UpdateReadHistoryInbox {
                        folder_id: None,
                        peer: change.peer.clone(),
                        top_msg_id: None,
                        max_id: change.max_id,
                        still_unread_count: change.still_unread,
                        pts,
                        pts_count,
                    }
                    .into(),
                )
            }
            Change::ChangeReadOutbox(change) => {
                self.name(Peer::from(&change.peer));
                let (peer, max_id) = (change.peer.clone(), change.max_id);
                Told::Other(types::UpdateReadHistoryOutbox { peer, max_id, pts, pts_count }.into())
            }
            Change::ChangePinned(change) => {
                self.name(Peer::from(&change.peer));
                Told::Other(
                    types::UpdatePinnedMessages {
                        pinned: change.pinned,
                        peer: change.peer.clone(),
                        messages: change.ids.clone(),
                        pts,
                        pts_count,
                    }
                    .into(),
                )
            }
            Change::ChangeAside(change) => {
                self.name_in(&change.update);
                Told::Other(change.update.clone())
            }
        })
    }

    /// A row of a channel's log, which took the reader to `pts`.
    pub fn channel_change(&mut self, channel: ChannelId, row: &stored::Logged, pts: i32) -> Done<Told> {
        use stored::enums::Change;
        self.name(Peer::Channel(channel));
        let (channel_id, pts_count) = (channel.0, row.pts_count);
        let gone = |ids| types::UpdateDeleteChannelMessages { channel_id, messages: ids, pts, pts_count };
        let shelf = Shelf::Channel(channel);
        // What a newcomer may not see, and what one has cleared, is gone for them.
        let hidden = channels::available_min(self.tx, self.me, channel)?;
        let seen = |id: i32| Ok::<_, Stop>(shelf.one(self.tx, id)?.filter(|_| id > hidden));
        Ok(match &row.change {
            Change::ChangeNew(change) => match seen(change.id)? {
                Some(message) => Told::Message(self.message(&message)?),
                None => Told::Other(gone(vec![change.id]).into()),
            },
            Change::ChangeEdit(change) => Told::Other(match seen(change.id)? {
                Some(message) => {
                    types::UpdateEditChannelMessage { message: self.message(&message)?, pts, pts_count }
                        .into()
                }
                None => gone(vec![change.id]).into(),
            }),
            Change::ChangePinned(change) => Told::Other(
                types::UpdatePinnedChannelMessages {
                    pinned: change.pinned,
                    channel_id,
                    messages: change.ids.clone(),
                    pts,
                    pts_count,
                }
                .into(),
            ),
            Change::ChangeDelete(change) => Told::Other(gone(change.ids.clone()).into()),
            Change::ChangeReadInbox(_) | Change::ChangeReadOutbox(_) | Change::ChangeAside(_) => {
                Told::Other(gone(Vec::new()).into())
            }
        })
    }

    /// Notes whom an aside names, so that they come along.
    pub fn name_in(&mut self, update: &enums::Update) {
        use enums::Update;
        let peer = match update {
            Update::UpdateDraftMessage(u) => Some(Peer::from(&u.peer)),
            Update::UpdatePeerBlocked(u) => Some(Peer::from(&u.peer_id)),
            Update::UpdatePeerSettings(u) => Some(Peer::from(&u.peer)),
            Update::UpdateChatDefaultBannedRights(u) => Some(Peer::from(&u.peer)),
            Update::UpdateUserName(u) => Some(Peer::User(UserId(u.user_id))),
            Update::UpdateUser(u) => Some(Peer::User(UserId(u.user_id))),
            Update::UpdateUserPhone(u) => Some(Peer::User(UserId(u.user_id))),
            Update::UpdateUserTyping(u) => Some(Peer::User(UserId(u.user_id))),
            Update::UpdateChatUserTyping(u) => Some(Peer::Chat(ChatId(u.chat_id))),
            Update::UpdateChannelUserTyping(u) => Some(Peer::Channel(ChannelId(u.channel_id))),
            Update::UpdateChat(u) => Some(Peer::Chat(ChatId(u.chat_id))),
            Update::UpdateChatParticipantAdd(u) => {
                self.name_user(u.user_id);
                self.name_user(u.inviter_id);
                Some(Peer::Chat(ChatId(u.chat_id)))
            }
            Update::UpdateChatParticipantDelete(u) => {
                self.name_user(u.user_id);
                Some(Peer::Chat(ChatId(u.chat_id)))
            }
            Update::UpdateChatParticipantAdmin(u) => {
                self.name_user(u.user_id);
                Some(Peer::Chat(ChatId(u.chat_id)))
            }
            Update::UpdateChannelAvailableMessages(u) => Some(Peer::Channel(ChannelId(u.channel_id))),
            Update::UpdateChannel(u) => Some(Peer::Channel(ChannelId(u.channel_id))),
            Update::UpdateReadChannelInbox(u) => Some(Peer::Channel(ChannelId(u.channel_id))),
            Update::UpdateReadChannelOutbox(u) => Some(Peer::Channel(ChannelId(u.channel_id))),
            Update::UpdateDialogUnreadMark(u) => dialog_peer(&u.peer),
            Update::UpdateDialogPinned(u) => dialog_peer(&u.peer),
            Update::UpdateNotifySettings(u) => match &u.peer {
                enums::NotifyPeer::NotifyPeer(p) => Some(Peer::from(&p.peer)),
                _ => None,
            },
            Update::UpdateChatParticipants(u) => match &u.participants {
                enums::ChatParticipants::ChatParticipants(all) => {
                    for participant in &all.participants {
                        self.name_user(participant_id(participant));
                    }
                    Some(Peer::Chat(ChatId(all.chat_id)))
                }
                enums::ChatParticipants::ChatParticipantsForbidden(none) => {
                    Some(Peer::Chat(ChatId(none.chat_id)))
                }
            },
            _ => None,
        };
        if let Some(peer) = peer {
            self.name(peer);
        }
    }
}

fn dialog_peer(peer: &enums::DialogPeer) -> Option<Peer> {
    match peer {
        enums::DialogPeer::DialogPeer(p) => Some(Peer::from(&p.peer)),
        enums::DialogPeer::DialogPeerFolder(_) | enums::DialogPeer::DialogPeerCommunity(_) => None,
    }
}

const fn participant_id(participant: &enums::ChatParticipant) -> i64 {
    match participant {
        enums::ChatParticipant::ChatParticipant(p) => p.user_id,
        enums::ChatParticipant::ChatParticipantCreator(p) => p.user_id,
        enums::ChatParticipant::ChatParticipantAdmin(p) => p.user_id,
    }
}

/// A new message as a push carries it.
#[must_use]
pub fn new_message(message: enums::Message, channel: bool, pts: i32, pts_count: i32) -> enums::Update {
    if channel {
        types::UpdateNewChannelMessage { message, pts, pts_count }.into()
    } else {
        types::UpdateNewMessage { message, pts, pts_count }.into()
    }
}
