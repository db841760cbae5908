//! Groups and channels, as a viewer reads them.

use model::ids::{ChannelId, ChatId, Peer, UserId};
use model::{Done, channels, chats, dialogs, invites, rights, users};
use tl::{enums, stored, types};

use super::View;
use crate::refs::Kind;

impl View<'_, '_> {
    /// A basic group. Who is not in it reads that they may not; who was, reads its name, and no news of it.
    pub fn chat(&self, id: ChatId) -> Done<enums::Chat> {
        let Some(row) = users::chat(self.tx, id)? else {
            return Ok(types::ChatEmpty { id: id.0 }.into());
        };
        let member = chats::is_member(&row, self.me);
        if !member && !chats::remembers(self.tx, self.me, id)? {
            return Ok(types::ChatForbidden { id: id.0, title: row.title }.into());
        }
        let creator = row.creator == self.me.0;
        let admin = !creator && chats::is_admin(&row, self.me);
        Ok(types::Chat {
            creator,
            left: !member,
            deactivated: row.deactivated,
            noforwards: row.noforwards,
            id: id.0,
            photo: self.chat_photo(row.photo_id.filter(|_| member))?,
            participants_count: if member { i32::try_from(row.members.len()).unwrap_or(i32::MAX) } else { 0 },
            date: row.date,
            version: row.version,
            migrated_to: self.successor(&row)?,
            admin_rights: admin.then(|| rights::admin_rights(rights::ALL_ADMIN)),
            default_banned_rights: Some(rights::banned_rights(row.banned_rights, 0)),
            title: row.title,
            ..Default::default()
        }
        .into())
    }

    /// The supergroup that a group became, as the viewer may name it.
    fn successor(&self, row: &stored::Chat) -> Done<Option<enums::InputChannel>> {
        let Some(channel) = chats::migrated_to(self.tx, row)? else { return Ok(None) };
        let access_hash = self.site.access_hash(self.me, Kind::Channel, channel.0);
        Ok(Some(types::InputChannel { channel_id: channel.0, access_hash }.into()))
    }

    /// A supergroup or a broadcast channel. Who may not read it reads that they may not.
    pub fn channel(&self, id: ChannelId) -> Done<enums::Chat> {
        let row = self.tx.get(&model::tables::CHANNELS, &id)?.unwrap_or_default();
        let member = channels::member(self.tx, id, self.me)?;
        self.channel_of(id, row, channels::head(self.tx, id)?.members, member.as_ref())
    }

    /// The same of rows that have been read already: the channel's own, how many members it has, the viewer's place in it.
    pub(crate) fn channel_of(
        &self,
        id: ChannelId,
        row: stored::Channel,
        members: i32,
        member: Option<&stored::Member>,
    ) -> Done<enums::Chat> {
        let access_hash = self.site.access_hash(self.me, Kind::Channel, id.0);
        let inside = channels::is_in(member);
        let banned = channels::banned_rights(member, self.now);
        let locked = banned & rights::NO_VIEW != 0;
        // Who was in it once knows it; what it is now they learn from nobody but its members.
        if row.deleted || row.id == 0 || locked || (member.is_none() && row.username.is_none()) {
            return Ok(types::ChannelForbidden {
                broadcast: !row.megagroup,
                megagroup: row.megagroup,
                id: id.0,
                access_hash,
                title: row.title,
                until_date: member.filter(|m| locked && m.banned_until != 0).map(|m| m.banned_until),
                ..Default::default()
            }
            .into());
        }
        let bits = channels::admin_rights(member);
        let until = member.map_or(0, |m| m.banned_until);
        Ok(types::Channel {
            creator: member.is_some_and(|m| m.creator && !m.left),
            left: !inside,
            broadcast: !row.megagroup,
            megagroup: row.megagroup,
            signatures: row.signatures,
            noforwards: row.noforwards,
            has_link: false,
            id: id.0,
            access_hash: Some(access_hash),
            photo: self.chat_photo(row.photo_id)?,
            date: member.filter(|_| inside).map_or(row.date, |m| m.date),
            admin_rights: (bits != 0).then(|| rights::admin_rights(bits)),
            banned_rights: (banned != 0).then(|| rights::banned_rights(banned, until)),
            default_banned_rights: row.megagroup.then(|| rights::banned_rights(row.banned_rights, 0)),
            participants_count: Some(members),
            username: row.username,
            title: row.title,
            ..Default::default()
        }
        .into())
    }

    fn chat_photo(&self, photo_id: Option<i64>) -> Done<enums::ChatPhoto> {
        let Some(photo_id) = photo_id else { return Ok(enums::ChatPhoto::ChatPhotoEmpty) };
        let stripped_thumb = self.stripped(photo_id)?;
        let dc_id = self.dc;
        Ok(types::ChatPhoto { has_video: false, photo_id, stripped_thumb, dc_id }.into())
    }

    fn photo_or_empty(&self, photo_id: Option<i64>) -> Done<enums::Photo> {
        photo_id.map_or_else(|| Ok(types::PhotoEmpty::default().into()), |id| self.photo(id))
    }

    /// What a basic group's page shows.
    pub fn chat_full(&mut self, id: ChatId) -> Done<enums::ChatFull> {
        let row = chats::known(self.tx, id)?;
        self.name(Peer::Chat(id));
        if let Some(channel) = chats::migrated_to(self.tx, &row)? {
            self.name(Peer::Channel(channel));
        }
        let member = chats::is_member(&row, self.me);
        let participants = if member {
            for m in &row.members {
                self.name_user(m.user_id);
                self.name_user(m.inviter_id);
            }
            chats::participants(&row)
        } else {
            types::ChatParticipantsForbidden { chat_id: id.0, self_participant: None }.into()
        };
        let link = invites::of_admin(self.tx, Peer::Chat(id), self.me)?;
        let exported_invite = self.invite(link.as_deref())?;
        Ok(types::ChatFull {
            can_set_username: member && row.creator == self.me.0,
            id: id.0,
            about: if member { row.about.clone() } else { String::new() },
            participants,
            chat_photo: match row.photo_id.filter(|_| member) {
                Some(photo) => Some(self.photo(photo)?),
                None => None,
            },
            notify_settings: self.notify_settings(Peer::Chat(id))?,
            exported_invite,
            bot_info: Some(Vec::new()),
            available_reactions: Some(enums::ChatReactions::ChatReactionsNone),
            ..Default::default()
        }
        .into())
    }

    /// What a channel's page shows.
    pub fn channel_full(&mut self, id: ChannelId) -> Done<enums::ChatFull> {
        let (row, member) = channels::readable(self.tx, self.me, id)?;
        self.name(Peer::Channel(id));
        let head = channels::head(self.tx, id)?;
        let dialog = dialogs::find(self.tx, self.me, Peer::Channel(id))?.unwrap_or_default();
        let bits = channels::admin_rights(member.as_ref());
        let (mut admins, mut kicked, mut banned) = (0, 0, 0);
        if bits != 0 {
            for place in channels::standing(self.tx, id)? {
                let bits = channels::banned_rights(Some(&place), self.now);
                admins += i32::from(channels::admin_rights(Some(&place)) != 0);
                kicked += i32::from(bits & rights::NO_VIEW != 0);
                banned += i32::from(bits != 0 && bits & rights::NO_VIEW == 0);
            }
        }
        let link = member.as_ref().and_then(|m| m.invite.clone());
        let exported_invite = self.invite(link.as_deref())?;
        let before = self.predecessor(&row)?;
        Ok(types::ChannelFull {
            can_view_participants: row.megagroup || bits != 0,
            can_set_username: row.creator == self.me.0,
            can_delete_channel: row.creator == self.me.0,
            hidden_prehistory: row.hidden_prehistory,
            id: id.0,
            about: row.about.clone(),
            participants_count: Some(head.members),
            admins_count: (bits != 0).then_some(admins),
            kicked_count: (bits != 0).then_some(kicked),
            banned_count: (bits != 0).then_some(banned),
            read_inbox_max_id: dialog.read_inbox_max,
            read_outbox_max_id: dialog.read_outbox_max,
            unread_count: channels::unread(self.tx, self.me, id, dialog.read_inbox_max)?,
            chat_photo: self.photo_or_empty(row.photo_id)?,
            notify_settings: self.notify_settings(Peer::Channel(id))?,
            exported_invite,
            migrated_from_chat_id: before.map(|(chat, _)| chat.0),
            migrated_from_max_id: before.map(|(_, max_id)| max_id),
            available_min_id: Some(dialog.available_min).filter(|id| *id != 0),
            pts: head.pts,
            available_reactions: Some(enums::ChatReactions::ChatReactionsNone),
            ..Default::default()
        }
        .into())
    }

    /// The basic group that a supergroup was, and the last message of it that the viewer has.
    fn predecessor(&mut self, row: &stored::Channel) -> Done<Option<(ChatId, i32)>> {
        let Some(chat) = row.migrated_from.map(ChatId) else { return Ok(None) };
        let Some(dialog) = dialogs::find(self.tx, self.me, Peer::Chat(chat))? else { return Ok(None) };
        self.name(Peer::Chat(chat));
        Ok(Some((chat, dialog.top_message)))
    }

    /// An invite link as its admins read it.
    pub fn invite(&mut self, hash: Option<&str>) -> Done<Option<enums::ExportedChatInvite>> {
        let Some(hash) = hash else { return Ok(None) };
        let Some(row) = invites::known(self.tx, hash)? else { return Ok(None) };
        self.name_user(row.creator);
        Ok(Some(
            types::ChatInviteExported {
                revoked: row.revoked,
                permanent: true,
                link: format!("{}+{hash}", self.site.settings.link_prefix),
                admin_id: row.creator,
                date: row.date,
                usage: (row.usage != 0).then_some(row.usage),
                ..Default::default()
            }
            .into(),
        ))
    }

    /// Somebody's place in a channel, as clients read it.
    pub fn participant(&mut self, row: &stored::Member) -> enums::ChannelParticipant {
        self.name_user(row.user_id);
        let peer = Peer::User(UserId(row.user_id)).into();
        let rank = Some(row.rank.clone()).filter(|rank| !rank.is_empty());
        let banned = channels::banned_rights(Some(row), self.now);
        let bits = channels::admin_rights(Some(row));
        if banned != 0 {
            self.name_user(row.promoted_by);
            types::ChannelParticipantBanned {
                left: row.left,
                peer,
                kicked_by: row.promoted_by,
                date: row.date,
                banned_rights: rights::banned_rights(banned, row.banned_until),
                ..Default::default()
            }
            .into()
        } else if row.left {
            types::ChannelParticipantLeft { peer }.into()
        } else if row.creator {
            let admin_rights = rights::admin_rights(bits);
            types::ChannelParticipantCreator { user_id: row.user_id, admin_rights, rank }.into()
        } else if bits != 0 {
            self.name_user(row.promoted_by);
            types::ChannelParticipantAdmin {
                can_edit: row.promoted_by == self.me.0,
                self_: row.user_id == self.me.0,
                user_id: row.user_id,
                inviter_id: (row.user_id == self.me.0).then_some(row.inviter_id),
                promoted_by: row.promoted_by,
                date: row.date,
                admin_rights: rights::admin_rights(bits),
                rank,
            }
            .into()
        } else if row.user_id == self.me.0 {
            self.name_user(row.inviter_id);
            types::ChannelParticipantSelf {
                user_id: row.user_id,
                inviter_id: row.inviter_id,
                date: row.date,
                ..Default::default()
            }
            .into()
        } else {
            types::ChannelParticipant { user_id: row.user_id, date: row.date, ..Default::default() }.into()
        }
    }
}
