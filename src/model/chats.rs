//! Basic groups: up to 200 people, a copy of every message in every member's box.

use store::Tx;
use tl::{enums, stored, types};

use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::ids::{ChannelId, ChatId, Peer, SERVICE, UserId};
use crate::messages::{self, Outgoing, Placed};
use crate::shelf::Shelf;
use crate::tables::{CHANNELS, CHATS};
use crate::{boxes, channels, dialogs, files, invites, limits, privacy, rights, updates, users};

/// A group that is there.
pub fn known(tx: &Tx<'_>, chat: ChatId) -> Done<stored::Chat> {
    users::chat(tx, chat)?.ok_or_else(|| Refusal::PeerIdInvalid.into())
}

/// A group that `me` is in. Whether there is one that they are not in, they do not learn.
pub fn mine(tx: &Tx<'_>, me: UserId, chat: ChatId) -> Done<stored::Chat> {
    let row = known(tx, chat)?;
    if row.deactivated || !is_member(&row, me) {
        return Err(Refusal::PeerIdInvalid.into());
    }
    Ok(row)
}

/// Whether a person is in a group.
#[must_use]
pub fn is_member(row: &stored::Chat, user: UserId) -> bool {
    row.members.iter().any(|m| m.user_id == user.0)
}

/// Whether a person made a group, or administers it.
#[must_use]
pub fn is_admin(row: &stored::Chat, user: UserId) -> bool {
    row.creator == user.0 || row.members.iter().any(|m| m.user_id == user.0 && m.admin)
}

/// Checks that a member may send this.
pub(crate) fn check_write(
    row: &stored::Chat,
    user: UserId,
    media: Option<&stored::enums::Media>,
) -> Done<()> {
    match rights::forbidden(row.banned_rights, media) {
        Some(refusal) if !is_admin(row, user) => Err(refusal.into()),
        _ => Ok(()),
    }
}

fn may_change(row: &stored::Chat, user: UserId, banned: i32) -> Done<()> {
    if row.banned_rights & banned == 0 || is_admin(row, user) {
        Ok(())
    } else {
        Err(Refusal::ChatAdminRequired.into())
    }
}

/// Trims and checks a title.
pub(crate) fn title(title: &str) -> Done<String> {
    let title: String = title.trim().chars().take(limits::TITLE_CHARS_MAX).collect();
    if title.is_empty() { Err(Refusal::ChatTitleEmpty.into()) } else { Ok(title) }
}

/// Checks a new about text against the one there is.
pub(crate) fn check_about(before: &str, about: &str) -> Done<()> {
    if about.chars().count() > limits::CHAT_ABOUT_CHARS_MAX {
        return Err(Refusal::ChatAboutTooLong.into());
    }
    if about == before { Err(Refusal::ChatAboutNotModified.into()) } else { Ok(()) }
}

/// What is said of a new photo, or of none.
pub(crate) fn photo_action(photo: Option<i64>) -> stored::enums::Action {
    match photo {
        Some(photo_id) => stored::ActionChatEditPhoto { photo_id }.into(),
        None => stored::enums::Action::ActionChatDeletePhoto,
    }
}

fn members(row: &stored::Chat) -> Vec<UserId> {
    row.members.iter().map(|m| UserId(m.user_id)).collect()
}

/// A group that was made.
#[derive(Debug)]
pub struct Created {
    /// The group.
    pub chat: ChatId,
    /// Its first message, in the founder's box.
    pub said: Placed,
    /// Who does not want the founder's invitations.
    pub missing: Vec<UserId>,
}

/// Makes a group of `me` and `others`.
pub fn create(cx: &mut Ctx<'_, '_>, me: UserId, others: &[UserId], name: &str) -> Done<Created> {
    let name = title(name)?;
    if others.len() >= limits::CHAT_MEMBERS_MAX {
        return Err(Refusal::UsersTooMuch.into());
    }
    let mut row = stored::Chat {
        title: name.clone(),
        creator: me.0,
        date: cx.date(),
        version: 1,
        ..Default::default()
    };
    let mut missing = Vec::new();
    enrol(cx, &mut row, me, me);
    for user in others {
        if users::known(cx.tx, *user)?.deleted {
            return Err(Refusal::InputUserDeactivated.into());
        }
        if is_member(&row, *user) || *user == SERVICE {
            continue;
        }
        if !privacy::may_invite(cx.tx, me, *user)? {
            missing.push(*user);
        } else {
            enrol(cx, &mut row, *user, me);
        }
    }
    let chat = ChatId(users::next_id(cx, b'g', 1_001)?);
    row.id = chat.0;
    cx.tx.put(&CHATS, &chat, &row)?;
    let users = row.members.iter().map(|m| m.user_id).filter(|id| *id != me.0).collect();
    let action = stored::ActionChatCreate { title: name, users };
    let said = say(cx, me, chat, &row, action.into())?;
    let update = enums::Update::from(types::UpdateChatParticipants { participants: participants(&row) });
    for member in members(&row) {
        updates::append_aside(cx, member, update.clone())?;
    }
    Ok(Created { chat, said, missing })
}

fn enrol(cx: &Ctx<'_, '_>, row: &mut stored::Chat, user: UserId, inviter: UserId) {
    row.members.push(stored::ChatMember {
        admin: false,
        user_id: user.0,
        inviter_id: inviter.0,
        date: cx.date(),
        invite: None,
    });
}

/// Writes a service message to everybody who is in the group.
fn say(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    chat: ChatId,
    row: &stored::Chat,
    action: stored::enums::Action,
) -> Done<Placed> {
    let out = Outgoing { action: Some(action), ..Default::default() };
    let (id, pts) = messages::place_in_chat(cx, me, chat, &members(row), out)?;
    Ok(Placed { shelf: Shelf::of(me, Peer::Chat(chat)), id, pts, fresh: true })
}

/// The members of a group as clients read them.
#[must_use]
pub fn participants(row: &stored::Chat) -> enums::ChatParticipants {
    let participants = row
        .members
        .iter()
        .map(|m| -> enums::ChatParticipant {
            let (user_id, inviter_id, date) = (m.user_id, m.inviter_id, m.date);
            if user_id == row.creator {
                types::ChatParticipantCreator { user_id, ..Default::default() }.into()
            } else if m.admin {
                types::ChatParticipantAdmin { user_id, inviter_id, date, ..Default::default() }.into()
            } else {
                types::ChatParticipant { user_id, inviter_id, date, ..Default::default() }.into()
            }
        })
        .collect();
    types::ChatParticipants { chat_id: row.id, participants, version: row.version }.into()
}

/// Tells the members of a group what changed; `new`, who has just come, gets the whole list of members instead.
fn tell(cx: &mut Ctx<'_, '_>, row: &stored::Chat, update: &enums::Update, new: Option<UserId>) -> Done<()> {
    for member in members(row) {
        let update = if new == Some(member) {
            types::UpdateChatParticipants { participants: participants(row) }.into()
        } else {
            update.clone()
        };
        updates::append_aside(cx, member, update)?;
    }
    Ok(())
}

/// Takes a person in, and shows them the newest `forwarded` messages from before.
pub fn add(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, user: UserId, forwarded: usize) -> Done<Placed> {
    let row = mine(cx.tx, me, chat)?;
    may_change(&row, me, rights::NO_INVITE)?;
    if users::known(cx.tx, user)?.deleted {
        return Err(Refusal::InputUserDeactivated.into());
    }
    if users::relation(cx.tx, me, user)?.blocked {
        return Err(Refusal::YouBlockedUser.into());
    }
    if user == SERVICE || !privacy::may_invite(cx.tx, me, user)? {
        return Err(Refusal::UserPrivacyRestricted.into());
    }
    check_room(&row, user)?;
    show_before(cx, me, chat, user, forwarded)?;
    enter(cx, me, chat, row, user, stored::ActionChatAddUser { users: vec![user.0] }.into())
}

/// Puts copies of the newest messages of a group into a newcomer's box, but for those that they have from an earlier stay.
fn show_before(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, user: UserId, count: usize) -> Done<()> {
    let shelf = Shelf::of(me, Peer::Chat(chat));
    let mut rows = shelf.older(cx.tx, i32::MAX, count.min(limits::FORWARDED_MAX))?;
    rows.retain(|m| m.action.is_none());
    for mut message in rows.into_iter().rev() {
        if boxes::copy_of(cx.tx, me, &message, user)?.is_some() {
            continue;
        }
        if let Some(reply) = message.reply_to.clone() {
            let answered = shelf.one(cx.tx, reply.msg_id)?;
            let theirs = match answered {
                Some(answered) => boxes::copy_of(cx.tx, me, &answered, user)?,
                None => None,
            };
            message.reply_to = theirs.map(|msg_id| stored::Reply { msg_id, ..reply });
        }
        (message.out, message.mentioned, message.twin) = (false, false, None);
        boxes::put(cx, user, message)?;
    }
    Ok(())
}

/// Enters a group by an invite link.
pub(crate) fn join(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, inviter: UserId) -> Done<Placed> {
    let row = known(cx.tx, chat)?;
    check_room(&row, me)?;
    enter(cx, me, chat, row, me, stored::ActionChatJoinedByLink { inviter_id: inviter.0 }.into())
}

fn check_room(row: &stored::Chat, user: UserId) -> Done<()> {
    if row.deactivated {
        return Err(Refusal::PeerIdInvalid.into());
    }
    if is_member(row, user) {
        return Err(Refusal::UserAlreadyParticipant.into());
    }
    if row.members.len() >= limits::CHAT_MEMBERS_MAX {
        return Err(Refusal::UsersTooMuch.into());
    }
    Ok(())
}

fn enter(
    cx: &mut Ctx<'_, '_>,
    actor: UserId,
    chat: ChatId,
    mut row: stored::Chat,
    user: UserId,
    action: stored::enums::Action,
) -> Done<Placed> {
    enrol(cx, &mut row, user, actor);
    row.version += 1;
    cx.tx.put(&CHATS, &chat, &row)?;
    let said = say(cx, actor, chat, &row, action)?;
    let update = types::UpdateChatParticipantAdd {
        chat_id: chat.0,
        user_id: user.0,
        inviter_id: actor.0,
        date: cx.date(),
        version: row.version,
    };
    tell(cx, &row, &update.into(), Some(user))?;
    Ok(said)
}

/// Takes a person out: oneself, or as admin or inviter somebody else. With `revoke` the newest of what they read is gone too.
pub fn remove(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, user: UserId, revoke: bool) -> Done<Placed> {
    let mut row = mine(cx.tx, me, chat)?;
    let Some(place) = row.members.iter().position(|m| m.user_id == user.0) else {
        return Err(Refusal::UserNotParticipant.into());
    };
    let invited = row.members.get(place).is_some_and(|m| m.inviter_id == me.0);
    if user != me && (user.0 == row.creator || !(is_admin(&row, me) || invited)) {
        return Err(Refusal::ChatAdminRequired.into());
    }
    // Said while they are still in, so that their own devices learn of it.
    let said = say(cx, me, chat, &row, stored::ActionChatDeleteUser { user_id: user.0 }.into())?;
    if let Some(link) = row.members.remove(place).invite {
        invites::end(cx, &link)?;
    }
    row.version += 1;
    cx.tx.put(&CHATS, &chat, &row)?;
    let update =
        types::UpdateChatParticipantDelete { chat_id: chat.0, user_id: user.0, version: row.version };
    tell(cx, &row, &update.into(), None)?;
    put_out(cx, chat, user)?;
    if revoke && user != me {
        messages::delete_history(cx, user, Peer::Chat(chat), 0, true, false)?;
    }
    Ok(said)
}

/// Tells somebody who is out that the members of a group are no longer theirs to see.
fn put_out(cx: &mut Ctx<'_, '_>, chat: ChatId, user: UserId) -> Done<()> {
    let forbidden = types::ChatParticipantsForbidden { chat_id: chat.0, self_participant: None };
    let update = types::UpdateChatParticipants { participants: forbidden.into() };
    updates::append_aside(cx, user, update.into())
}

/// Gives a group another title, and says so.
pub fn set_title(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, name: &str) -> Done<Placed> {
    let mut row = mine(cx.tx, me, chat)?;
    may_change(&row, me, rights::NO_CHANGE_INFO)?;
    let name = title(name)?;
    if name == row.title {
        return Err(Refusal::ChatNotModified.into());
    }
    row.title.clone_from(&name);
    cx.tx.put(&CHATS, &chat, &row)?;
    say(cx, me, chat, &row, stored::ActionChatEditTitle { title: name }.into())
}

/// Gives a group a photo, or takes it away, and says so.
pub fn set_photo(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, photo: Option<i64>) -> Done<Placed> {
    let mut row = mine(cx.tx, me, chat)?;
    may_change(&row, me, rights::NO_CHANGE_INFO)?;
    if photo.is_none() && row.photo_id.is_none() {
        return Err(Refusal::ChatNotModified.into());
    }
    files::swap(cx, row.photo_id, photo)?;
    row.photo_id = photo;
    cx.tx.put(&CHATS, &chat, &row)?;
    say(cx, me, chat, &row, photo_action(photo))
}

/// Gives a group another about text.
pub fn set_about(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, about: &str) -> Done<()> {
    let mut row = mine(cx.tx, me, chat)?;
    may_change(&row, me, rights::NO_CHANGE_INFO)?;
    check_about(&row.about, about)?;
    about.clone_into(&mut row.about);
    cx.tx.put(&CHATS, &chat, &row)?;
    tell(cx, &row, &types::UpdateChat { chat_id: chat.0 }.into(), None)
}

/// Makes a member an admin, or a plain member again.
pub fn set_admin(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, user: UserId, admin: bool) -> Done<()> {
    let mut row = mine(cx.tx, me, chat)?;
    if row.creator != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    let member = row.members.iter_mut().find(|m| m.user_id == user.0).ok_or(Refusal::UserNotParticipant)?;
    if user == me || member.admin == admin {
        return Ok(());
    }
    member.admin = admin;
    let link = if admin { None } else { member.invite.take() };
    row.version += 1;
    cx.tx.put(&CHATS, &chat, &row)?;
    if let Some(link) = link {
        invites::end(cx, &link)?;
    }
    let update = types::UpdateChatParticipantAdmin {
        chat_id: chat.0,
        user_id: user.0,
        is_admin: admin,
        version: row.version,
    };
    tell(cx, &row, &update.into(), None)
}

/// Says what plain members may not do; gives the update that tells them.
pub fn set_banned_rights(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, banned: i32) -> Done<enums::Update> {
    let mut row = mine(cx.tx, me, chat)?;
    if !is_admin(&row, me) {
        return Err(Refusal::ChatAdminRequired.into());
    }
    if banned & rights::NO_VIEW != 0 {
        return Err(Refusal::BannedRightsInvalid.into());
    }
    if row.banned_rights == banned {
        return Err(Refusal::ChatNotModified.into());
    }
    row.banned_rights = banned;
    row.version += 1;
    cx.tx.put(&CHATS, &chat, &row)?;
    let update = enums::Update::from(types::UpdateChatDefaultBannedRights {
        peer: Peer::Chat(chat).into(),
        default_banned_rights: rights::banned_rights(banned, 0),
        version: row.version,
    });
    tell(cx, &row, &update, None)?;
    Ok(update)
}

/// Whether what is said in a group may be saved and passed on. Its owner only.
pub fn set_noforwards(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, on: bool) -> Done<()> {
    let mut row = mine(cx.tx, me, chat)?;
    if row.creator != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    if row.noforwards == on {
        return Err(Refusal::ChatNotModified.into());
    }
    row.noforwards = on;
    cx.tx.put(&CHATS, &chat, &row)?;
    tell(cx, &row, &types::UpdateChat { chat_id: chat.0 }.into(), None)
}

/// Ends a group: everybody is out, and nobody enters again. What they have read stays in their boxes.
pub fn destroy(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId) -> Done<()> {
    let mut row = mine(cx.tx, me, chat)?;
    if row.creator != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    close(cx, chat, &mut row)
}

fn close(cx: &mut Ctx<'_, '_>, chat: ChatId, row: &mut stored::Chat) -> Done<()> {
    row.deactivated = true;
    row.version += 1;
    let members = std::mem::take(&mut row.members);
    cx.tx.put(&CHATS, &chat, row)?;
    for member in members {
        if let Some(link) = &member.invite {
            invites::end(cx, link)?;
        }
        put_out(cx, chat, UserId(member.user_id))?;
    }
    Ok(())
}

/// A basic group that became a supergroup.
#[derive(Debug)]
pub struct Migrated {
    /// The supergroup.
    pub channel: ChannelId,
    /// The last message of the basic group, in `me`'s box.
    pub farewell: Placed,
    /// The first message of the supergroup.
    pub welcome: Placed,
}

/// Makes a supergroup of a basic group: its owner only. Everybody who is in the one is in the other; what was said stays in
/// the old one, which is closed.
pub fn migrate(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId) -> Done<Migrated> {
    let mut row = mine(cx.tx, me, chat)?;
    if row.creator != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    let beginning = stored::Channel {
        title: row.title.clone(),
        about: row.about.clone(),
        photo_id: row.photo_id,
        noforwards: row.noforwards,
        banned_rights: row.banned_rights,
        migrated_from: Some(chat.0),
        ..Default::default()
    };
    // The photo is shown in both.
    files::swap(cx, None, row.photo_id)?;
    let channel = channels::found(cx, me, beginning, true)?;
    for member in row.members.clone() {
        let user = UserId(member.user_id);
        if user != me {
            channels::adopt(cx, channel, user, me, member.admin)?;
        }
    }
    let action = stored::ActionChatMigrateTo { channel_id: channel.0 };
    let farewell = say(cx, me, chat, &row, action.into())?;
    row.migrated_to = Some(channel.0);
    let name = row.title.clone();
    close(cx, chat, &mut row)?;
    let action = stored::ActionChannelMigrateFrom { title: name, chat_id: chat.0 };
    let welcome = channels::say(cx, me, channel, action.into())?;
    Ok(Migrated { channel, farewell, welcome })
}

/// Whether a person still has a conversation with a group, in it or not.
pub fn remembers(tx: &Tx<'_>, me: UserId, chat: ChatId) -> Done<bool> {
    Ok(dialogs::find(tx, me, Peer::Chat(chat))?.is_some())
}

/// The supergroup that a group became, if it is still there.
pub fn migrated_to(tx: &Tx<'_>, row: &stored::Chat) -> Done<Option<ChannelId>> {
    let Some(channel) = row.migrated_to.map(ChannelId) else { return Ok(None) };
    Ok(tx.get(&CHANNELS, &channel)?.filter(|row| !row.deleted).map(|_| channel))
}
