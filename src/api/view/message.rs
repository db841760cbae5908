//! Messages and conversations, as a viewer reads them.

use model::dialogs::Entry;
use model::ids::{ChannelId, ChatId, Peer, UserId};
use model::shelf::{self, Shelf};
use model::tables::NOTIFY;
use model::{Done, channels, dialogs, saved};
use tl::{enums, stored, types};

use super::View;

impl View<'_, '_> {
    /// A message, with all that it names noted.
    pub fn message(&mut self, row: &stored::Message) -> Done<enums::Message> {
        let peer = Peer::from(&row.peer);
        self.name(peer);
        if let Some(from) = &row.from_id {
            self.name(Peer::from(from));
        }
        // A channel's row is the same for everybody, so whose it is, is seen only here.
        let out = match peer {
            Peer::Channel(_) => !shelf::is_incoming(row, self.me),
            // In Saved Messages nothing goes out.
            Peer::User(user) if user == self.me => false,
            Peer::User(_) | Peer::Chat(_) => row.out,
        };
        let saved_peer_id = (peer == Peer::User(self.me)).then(|| saved::place(row, self.me));
        saved_peer_id.iter().for_each(|peer| self.name(*peer));
        let reply_to = row.reply_to.as_ref().map(|reply| self.reply(reply));
        if let Some(action) = &row.action {
            return Ok(types::MessageService {
                out,
                mentioned: row.mentioned,
                silent: row.silent,
                post: row.post,
                id: row.id,
                from_id: row.from_id.clone(),
                peer_id: row.peer.clone(),
                saved_peer_id: saved_peer_id.map(Into::into),
                reply_to,
                date: row.date,
                action: self.action(action)?,
                ..Default::default()
            }
            .into());
        }
        let fwd_from = row.forward.as_ref().map(|forward| Box::new(self.forward(forward)));
        let media = row.media.as_ref().map(|media| self.media(media)).transpose()?;
        for entity in row.entities.iter().flatten() {
            if let enums::MessageEntity::MessageEntityMentionName(mention) = entity {
                self.name_user(mention.user_id);
            }
        }
        Ok(types::Message {
            out,
            mentioned: row.mentioned,
            silent: row.silent,
            post: row.post,
            edit_hide: row.edit_hide,
            pinned: row.pinned,
            noforwards: row.noforwards,
            invert_media: row.invert_media,
            id: row.id,
            from_id: row.from_id.clone(),
            peer_id: row.peer.clone(),
            saved_peer_id: saved_peer_id.map(Into::into),
            fwd_from,
            reply_to,
            date: row.date,
            message: row.text.clone(),
            media,
            reply_markup: row.reply_markup.clone(),
            entities: row.entities.clone(),
            views: row.post.then_some(row.views.unwrap_or(1)),
            forwards: row.post.then_some(0),
            edit_date: row.edit_date,
            post_author: row.post_author.clone(),
            grouped_id: row.grouped_id,
            ..Default::default()
        }
        .into())
    }

    /// Several messages.
    pub fn messages(&mut self, rows: &[stored::Message]) -> Done<Vec<enums::Message>> {
        rows.iter().map(|row| self.message(row)).collect()
    }

    fn reply(&mut self, reply: &stored::Reply) -> enums::MessageReplyHeader {
        types::MessageReplyHeader {
            quote: reply.quote_text.is_some(),
            reply_to_msg_id: Some(reply.msg_id),
            reply_to_top_id: reply.top_id,
            quote_text: reply.quote_text.clone(),
            quote_entities: reply.quote_entities.clone(),
            quote_offset: reply.quote_offset,
            ..Default::default()
        }
        .into()
    }

    fn forward(&mut self, forward: &stored::Forward) -> types::MessageFwdHeader {
        for peer in forward.from_id.iter().chain(&forward.saved_from_peer) {
            self.name(Peer::from(peer));
        }
        types::MessageFwdHeader {
            from_id: forward.from_id.clone(),
            from_name: forward.from_name.clone(),
            date: forward.date,
            channel_post: forward.channel_post,
            post_author: forward.post_author.clone(),
            saved_from_peer: forward.saved_from_peer.clone(),
            saved_from_msg_id: forward.saved_from_msg_id,
            ..Default::default()
        }
    }

    /// Media, and whom they name.
    pub(crate) fn media(&mut self, media: &stored::enums::Media) -> Done<enums::MessageMedia> {
        use stored::enums::Media;
        Ok(match media {
            Media::MediaPhoto(m) => types::MessageMediaPhoto {
                spoiler: m.spoiler,
                photo: Some(self.photo(m.photo_id)?),
                ..Default::default()
            }
            .into(),
            Media::MediaDocument(m) => {
                let document = self.document(m.document_id)?;
                let (video, round, voice) = document_kind(&document);
                types::MessageMediaDocument {
                    spoiler: m.spoiler,
                    video,
                    round,
                    voice,
                    document: Some(document),
                    ..Default::default()
                }
                .into()
            }
            Media::MediaContact(m) => {
                if m.user_id != 0 {
                    self.name_user(m.user_id);
                }
                types::MessageMediaContact {
                    phone_number: m.phone.clone(),
                    first_name: m.first_name.clone(),
                    last_name: m.last_name.clone(),
                    vcard: m.vcard.clone(),
                    user_id: m.user_id,
                }
                .into()
            }
            Media::MediaGeo(m) => {
                let geo = types::GeoPoint { lat: m.lat, long: m.long, ..Default::default() };
                types::MessageMediaGeo { geo: geo.into() }.into()
            }
        })
    }

    fn action(&mut self, action: &stored::enums::Action) -> Done<enums::MessageAction> {
        use stored::enums::Action;
        Ok(match action {
            Action::ActionChatCreate(a) => {
                a.users.iter().for_each(|user| self.name_user(*user));
                types::MessageActionChatCreate { title: a.title.clone(), users: a.users.clone() }.into()
            }
            Action::ActionChatAddUser(a) => {
                a.users.iter().for_each(|user| self.name_user(*user));
                types::MessageActionChatAddUser { users: a.users.clone() }.into()
            }
            Action::ActionChatDeleteUser(a) => {
                self.name_user(a.user_id);
                types::MessageActionChatDeleteUser { user_id: a.user_id }.into()
            }
            Action::ActionChatEditTitle(a) => {
                types::MessageActionChatEditTitle { title: a.title.clone() }.into()
            }
            Action::ActionChatEditPhoto(a) => {
                types::MessageActionChatEditPhoto { photo: self.photo(a.photo_id)? }.into()
            }
            Action::ActionChatDeletePhoto => enums::MessageAction::MessageActionChatDeletePhoto,
            Action::ActionChatJoinedByLink(a) => {
                self.name_user(a.inviter_id);
                types::MessageActionChatJoinedByLink { inviter_id: a.inviter_id }.into()
            }
            Action::ActionChannelCreate(a) => {
                types::MessageActionChannelCreate { title: a.title.clone() }.into()
            }
            Action::ActionChatMigrateTo(a) => {
                self.name(Peer::Channel(ChannelId(a.channel_id)));
                types::MessageActionChatMigrateTo { channel_id: a.channel_id }.into()
            }
            Action::ActionChannelMigrateFrom(a) => {
                self.name(Peer::Chat(ChatId(a.chat_id)));
                let (title, chat_id) = (a.title.clone(), a.chat_id);
                types::MessageActionChannelMigrateFrom { title, chat_id }.into()
            }
            Action::ActionPinMessage => enums::MessageAction::MessageActionPinMessage,
            Action::ActionContactSignUp => enums::MessageAction::MessageActionContactSignUp,
        })
    }

    /// A conversation in the list; its newest message comes along, if it has one.
    pub fn dialog(&mut self, entry: &Entry) -> Done<(types::Dialog, Option<enums::Message>)> {
        self.name(entry.peer);
        let top = Shelf::of(self.me, entry.peer).one(self.tx, entry.dialog.top_message)?;
        let top = top.map(|row| self.message(&row)).transpose()?;
        let pts = match entry.peer {
            Peer::Channel(channel) => Some(channels::head(self.tx, channel)?.pts),
            Peer::User(_) | Peer::Chat(_) => None,
        };
        let dialog = types::Dialog {
            pinned: entry.pinned.is_some(),
            unread_mark: entry.dialog.unread_mark,
            peer: entry.peer.into(),
            top_message: entry.dialog.top_message,
            read_inbox_max_id: entry.dialog.read_inbox_max,
            read_outbox_max_id: entry.dialog.read_outbox_max,
            unread_count: dialogs::unread(self.tx, self.me, entry)?,
            notify_settings: self.notify_settings(entry.peer)?,
            pts,
            draft: dialogs::draft(self.tx, self.me, entry.peer)?,
            ..Default::default()
        };
        Ok((dialog, top))
    }

    /// The viewer's notify settings for a conversation.
    pub fn notify_settings(&self, peer: Peer) -> Done<types::PeerNotifySettings> {
        Ok(self.tx.get(&NOTIFY, &(self.me, peer))?.map(|row| row.settings).unwrap_or_default())
    }

    /// Notes the peers that a message's people are shown with.
    pub fn name_all(&mut self, people: &[UserId]) {
        people.iter().for_each(|user| self.name(Peer::User(*user)));
    }
}

/// Whether a document is a video, a round video, a voice message.
fn document_kind(document: &enums::Document) -> (bool, bool, bool) {
    let enums::Document::Document(document) = document else { return (false, false, false) };
    let (mut video, mut round, mut voice) = (false, false, false);
    for attribute in &document.attributes {
        match attribute {
            enums::DocumentAttribute::DocumentAttributeVideo(a) => {
                video = true;
                round = a.round_message;
            }
            enums::DocumentAttribute::DocumentAttributeAudio(a) => voice = a.voice,
            _ => {}
        }
    }
    (video, round, voice)
}
