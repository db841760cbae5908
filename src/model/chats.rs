//! Basic groups: up to 200 people, a copy of every message in every member's box.

use store::Tx;
use tl::{enums, stored, types};

use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::ids::{ChatId, Peer, SERVICE, UserId};
use crate::messages::{self, Outgoing};
use crate::tables::CHATS;
use crate::{dialogs, invites, limits, rights, updates, users};

/// A group that is there.
pub fn known(tx: &Tx<'_>, chat: ChatId) -> Done<stored::Chat> {
    users::chat(tx, chat)?.ok_or_else(|| Refusal::ChatIdInvalid.into())
}

/// A group that `me` is in.
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

/// Whether a member may write.
#[must_use]
pub fn may_write(row: &stored::Chat, user: UserId) -> bool {
    row.banned_rights & rights::NO_SEND == 0 || is_admin(row, user)
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

fn members(row: &stored::Chat) -> Vec<UserId> {
    row.members.iter().map(|m| UserId(m.user_id)).collect()
}

/// Makes a group of `me` and `others`; gives it, and the id and pts of its first message in `me`'s box.
pub fn create(cx: &mut Ctx<'_, '_>, me: UserId, others: &[UserId], name: &str) -> Done<(ChatId, i32, i32)> {
    let name = title(name)?;
    let mut row = stored::Chat {
        title: name.clone(),
        creator: me.0,
        date: cx.date(),
        version: 1,
        ..Default::default()
    };
    enrol(cx, &mut row, me, me);
    for user in others {
        users::known(cx.tx, *user)?;
        if !is_member(&row, *user) && *user != SERVICE {
            enrol(cx, &mut row, *user, me);
        }
    }
    if row.members.len() > limits::CHAT_MEMBERS_MAX {
        return Err(Refusal::UsersTooMuch.into());
    }
    let chat = ChatId(users::next_id(cx, b'g', 1_001)?);
    row.id = chat.0;
    cx.tx.put(&CHATS, &chat, &row)?;
    let users = row.members.iter().map(|m| m.user_id).filter(|id| *id != me.0).collect();
    let action = stored::ActionChatCreate { title: name, users };
    let (id, pts) = say(cx, me, chat, &row, action.into())?;
    tell_participants(cx, chat, &row)?;
    Ok((chat, id, pts))
}

fn enrol(cx: &Ctx<'_, '_>, row: &mut stored::Chat, user: UserId, inviter: UserId) {
    row.members.push(stored::ChatMember {
        admin: false,
        user_id: user.0,
        inviter_id: inviter.0,
        date: cx.date(),
    });
}

/// Writes a service message to everybody who is in the group.
fn say(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    chat: ChatId,
    row: &stored::Chat,
    action: stored::enums::Action,
) -> Done<(i32, i32)> {
    messages::place_in_chat(
        cx,
        me,
        chat,
        &members(row),
        Outgoing { action: Some(action), ..Default::default() },
    )
}

/// The members of a group as clients read them.
#[must_use]
pub fn participants(row: &stored::Chat) -> enums::ChatParticipants {
    let participants = row
        .members
        .iter()
        .map(|m| -> enums::ChatParticipant {
            if m.user_id == row.creator {
                types::ChatParticipantCreator { user_id: m.user_id, ..Default::default() }.into()
            } else if m.admin {
                types::ChatParticipantAdmin {
                    user_id: m.user_id,
                    inviter_id: m.inviter_id,
                    date: m.date,
                    ..Default::default()
                }
                .into()
            } else {
                types::ChatParticipant {
                    user_id: m.user_id,
                    inviter_id: m.inviter_id,
                    date: m.date,
                    ..Default::default()
                }
                .into()
            }
        })
        .collect();
    types::ChatParticipants { chat_id: row.id, participants, version: row.version }.into()
}

fn tell_participants(cx: &mut Ctx<'_, '_>, chat: ChatId, row: &stored::Chat) -> Done<()> {
    debug_assert_eq!(row.id, chat.0);
    let update = enums::Update::from(types::UpdateChatParticipants { participants: participants(row) });
    for member in members(row) {
        updates::append_aside(cx, member, update.clone())?;
    }
    Ok(())
}

/// Takes a person in; the new one sees what is said from now on. Gives id and pts of the message that says so.
pub fn add(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, user: UserId) -> Done<(i32, i32)> {
    let row = mine(cx.tx, me, chat)?;
    may_change(&row, me, rights::NO_INVITE)?;
    users::known(cx.tx, user)?;
    if users::relation(cx.tx, me, user)?.blocked_by {
        return Err(Refusal::UserNotMutualContact.into());
    }
    enter(cx, me, chat, row, user, stored::ActionChatAddUser { users: vec![user.0] }.into())
}

/// Enters a group by its invite link.
pub(crate) fn join(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, inviter: i64) -> Done<(i32, i32)> {
    let row = known(cx.tx, chat)?;
    enter(cx, UserId(me.0), chat, row, me, stored::ActionChatJoinedByLink { inviter_id: inviter }.into())
}

fn enter(
    cx: &mut Ctx<'_, '_>,
    actor: UserId,
    chat: ChatId,
    mut row: stored::Chat,
    user: UserId,
    action: stored::enums::Action,
) -> Done<(i32, i32)> {
    if row.deactivated {
        return Err(Refusal::PeerIdInvalid.into());
    }
    if is_member(&row, user) {
        return Err(Refusal::UserAlreadyParticipant.into());
    }
    if row.members.len() >= limits::CHAT_MEMBERS_MAX {
        return Err(Refusal::UsersTooMuch.into());
    }
    enrol(cx, &mut row, user, actor);
    row.version += 1;
    cx.tx.put(&CHATS, &chat, &row)?;
    let said = say(cx, actor, chat, &row, action)?;
    tell_participants(cx, chat, &row)?;
    Ok(said)
}

/// Takes a person out: oneself, or as admin or inviter somebody else. Gives id and pts of the message that says so.
pub fn remove(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, user: UserId) -> Done<(i32, i32)> {
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
    row.members.remove(place);
    row.version += 1;
    cx.tx.put(&CHATS, &chat, &row)?;
    tell_participants(cx, chat, &row)?;
    let forbidden = types::ChatParticipantsForbidden { chat_id: chat.0, self_participant: None };
    let update = types::UpdateChatParticipants { participants: forbidden.into() };
    updates::append_aside(cx, user, update.into())?;
    Ok(said)
}

/// Gives a group another title.
pub fn set_title(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, name: &str) -> Done<(i32, i32)> {
    let mut row = mine(cx.tx, me, chat)?;
    may_change(&row, me, rights::NO_CHANGE_INFO)?;
    let name = title(name)?;
    if name == row.title {
        return Err(Refusal::ChatNotModified.into());
    }
    row.title.clone_from(&name);
    row.version += 1;
    cx.tx.put(&CHATS, &chat, &row)?;
    say(cx, me, chat, &row, stored::ActionChatEditTitle { title: name }.into())
}

/// Gives a group a photo, or takes it away.
pub fn set_photo(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, photo: Option<i64>) -> Done<(i32, i32)> {
    let mut row = mine(cx.tx, me, chat)?;
    may_change(&row, me, rights::NO_CHANGE_INFO)?;
    row.photo_id = photo;
    row.version += 1;
    cx.tx.put(&CHATS, &chat, &row)?;
    let action = match photo {
        Some(photo_id) => stored::ActionChatEditPhoto { photo_id }.into(),
        None => stored::enums::Action::ActionChatDeletePhoto,
    };
    say(cx, me, chat, &row, action)
}

/// Gives a group another about text.
pub fn set_about(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, about: &str) -> Done<()> {
    let mut row = mine(cx.tx, me, chat)?;
    may_change(&row, me, rights::NO_CHANGE_INFO)?;
    if about.chars().count() > limits::CHAT_ABOUT_CHARS_MAX {
        return Err(Refusal::ChatAboutTooLong.into());
    }
    if about == row.about {
        return Err(Refusal::ChatAboutNotModified.into());
    }
    about.clone_into(&mut row.about);
    cx.tx.put(&CHATS, &chat, &row)?;
    Ok(())
}

/// Makes a member an admin, or a plain member again.
pub fn set_admin(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, user: UserId, admin: bool) -> Done<()> {
    let mut row = mine(cx.tx, me, chat)?;
    if row.creator != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    let member = row.members.iter_mut().find(|m| m.user_id == user.0).ok_or(Refusal::UserNotParticipant)?;
    member.admin = admin;
    row.version += 1;
    cx.tx.put(&CHATS, &chat, &row)?;
    tell_participants(cx, chat, &row)
}

/// Says what plain members may not do.
pub fn set_banned_rights(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, banned: i32) -> Done<()> {
    let mut row = mine(cx.tx, me, chat)?;
    if !is_admin(&row, me) {
        return Err(Refusal::ChatAdminRequired.into());
    }
    row.banned_rights = banned & !rights::NO_VIEW;
    row.version += 1;
    cx.tx.put(&CHATS, &chat, &row)?;
    let update = types::UpdateChatDefaultBannedRights {
        peer: Peer::Chat(chat).into(),
        default_banned_rights: banned_rights(row.banned_rights, 0),
        version: row.version,
    };
    for member in members(&row) {
        updates::append_aside(cx, member, update.clone().into())?;
    }
    Ok(())
}

/// Banned rights as clients read them. `until` 0 means for ever, which they know as the end of time.
#[must_use]
pub fn banned_rights(bits: i32, until: i32) -> types::ChatBannedRights {
    let has = |bit: i32| bits & 1 << bit != 0;
    types::ChatBannedRights {
        view_messages: has(0),
        send_messages: has(1),
        send_media: has(2),
        send_stickers: has(3),
        send_gifs: has(4),
        send_games: has(5),
        send_inline: has(6),
        embed_links: has(7),
        send_polls: has(8),
        change_info: has(10),
        invite_users: has(15),
        pin_messages: has(17),
        manage_topics: has(18),
        send_photos: has(19),
        send_videos: has(20),
        send_roundvideos: has(21),
        send_audios: has(22),
        send_voices: has(23),
        send_docs: has(24),
        send_plain: has(25),
        until_date: if until == 0 { i32::MAX } else { until },
        ..Default::default()
    }
}

/// Makes a new invite link for a group, which ends the one before.
pub fn renew_invite(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId) -> Done<String> {
    let mut row = mine(cx.tx, me, chat)?;
    if !is_admin(&row, me) {
        return Err(Refusal::ChatAdminRequired.into());
    }
    let hash = invites::renew(cx, Peer::Chat(chat), me, row.invite.as_deref())?;
    row.invite = Some(hash.clone());
    cx.tx.put(&CHATS, &chat, &row)?;
    Ok(hash)
}

/// Whether a person still has a conversation with a group, in it or not.
pub fn remembers(tx: &Tx<'_>, me: UserId, chat: ChatId) -> Done<bool> {
    Ok(dialogs::find(tx, me, Peer::Chat(chat))?.is_some())
}
