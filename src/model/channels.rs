//! Supergroups and broadcast channels: one row per post for everybody, a pts of their own, a read pointer per member.

use store::{Order, Tx};
use tl::{enums, stored, types};

use crate::ctx::{Ctx, Notice};
use crate::error::{Done, Refusal};
use crate::ids::{ChannelId, Peer, UserId};
use crate::messages::{self, Edit, Outgoing, Placed};
use crate::shelf::Shelf;
use crate::tables::{CHANNEL_HEADS, CHANNEL_LOGS, CHANNELS, DIALOGS, MEMBERS, POSTS};
use crate::{chats, dialogs, invites, limits, rights, shelf, updates, users};

/// The counters of a channel.
pub fn head(tx: &Tx<'_>, channel: ChannelId) -> Done<stored::ChannelHead> {
    Ok(tx.get(&CHANNEL_HEADS, &channel)?.unwrap_or(stored::ChannelHead {
        pts: 1,
        next_msg_id: 1,
        log_floor: 1,
        ..Default::default()
    }))
}

/// A channel that is there.
pub fn known(tx: &Tx<'_>, channel: ChannelId) -> Done<stored::Channel> {
    tx.get(&CHANNELS, &channel)?.filter(|row| !row.deleted).ok_or_else(|| Refusal::ChannelInvalid.into())
}

/// Somebody's place in a channel.
pub fn member(tx: &Tx<'_>, channel: ChannelId, user: UserId) -> Done<Option<stored::Member>> {
    Ok(tx.get(&MEMBERS, &(channel, user))?)
}

/// Whether a place in a channel means being in it.
#[must_use]
pub fn is_in(member: Option<&stored::Member>) -> bool {
    member.is_some_and(|m| !m.left && m.banned_rights.unwrap_or(0) & rights::NO_VIEW == 0)
}

/// What a member may do as an admin, as bits; zero for who is none.
#[must_use]
pub fn admin_rights(member: Option<&stored::Member>) -> i32 {
    match member {
        Some(m) if m.left => 0,
        Some(m) if m.creator => rights::ALL_ADMIN,
        Some(m) => m.admin_rights.unwrap_or(0),
        None => 0,
    }
}

/// A channel that `me` may read: a member, or anybody if it has a username; who was banned may not.
pub fn readable(
    tx: &Tx<'_>,
    me: UserId,
    channel: ChannelId,
) -> Done<(stored::Channel, Option<stored::Member>)> {
    let row = known(tx, channel)?;
    let member = member(tx, channel, me)?;
    let banned = member.as_ref().is_some_and(|m| m.banned_rights.unwrap_or(0) & rights::NO_VIEW != 0);
    if is_in(member.as_ref()) || (row.username.is_some() && !banned) {
        Ok((row, member))
    } else {
        Err(Refusal::ChannelPrivate.into())
    }
}

/// A channel in which `me` has these admin rights.
pub fn administered(tx: &Tx<'_>, me: UserId, channel: ChannelId, needed: i32) -> Done<stored::Channel> {
    let (row, member) = readable(tx, me, channel)?;
    if admin_rights(member.as_ref()) & needed == needed {
        Ok(row)
    } else {
        Err(Refusal::ChatAdminRequired.into())
    }
}

/// Like [`administered`], but a group's plain members may too unless its default rights say otherwise.
fn permitted(tx: &Tx<'_>, me: UserId, channel: ChannelId, admin: i32, banned: i32) -> Done<stored::Channel> {
    let (row, member) = readable(tx, me, channel)?;
    if admin_rights(member.as_ref()) & admin == admin {
        return Ok(row);
    }
    let own = member.as_ref().and_then(|m| m.banned_rights).unwrap_or(0);
    if row.megagroup && is_in(member.as_ref()) && (row.banned_rights | own) & banned == 0 {
        Ok(row)
    } else {
        Err(Refusal::ChatAdminRequired.into())
    }
}

/// Appends a change to a channel's log; gives the pts after it.
fn append(
    cx: &mut Ctx<'_, '_>,
    channel: ChannelId,
    head: &mut stored::ChannelHead,
    change: stored::enums::Change,
    pts_count: i32,
) -> Done<i32> {
    head.pts = head.pts.saturating_add(pts_count);
    head.changed = cx.date();
    let row = stored::Logged { origin: cx.origin.0, date: cx.date(), pts_count, change };
    cx.tx.put(&CHANNEL_LOGS, &(channel, head.pts), &row)?;
    let floor = head.pts.saturating_sub(limits::LOG_KEEP);
    if floor > head.log_floor {
        let oldest = CHANNEL_LOGS.of(channel);
        for (key, _) in cx.tx.scan(&CHANNEL_LOGS, oldest, Order::Forward, limits::LOG_TRIM_STEP)? {
            if key.1 > floor {
                break;
            }
            cx.tx.delete(&CHANNEL_LOGS, &key)?;
            head.log_floor = key.1;
        }
    }
    cx.tx.put(&CHANNEL_HEADS, &channel, head)?;
    cx.effects.tell(Notice::Channel(channel));
    Ok(head.pts)
}

/// What a channel's log holds after `pts`, oldest first; `None` where it no longer reaches back that far.
pub fn since(
    tx: &Tx<'_>,
    channel: ChannelId,
    pts: i32,
    limit: usize,
) -> Done<Option<Vec<(i32, stored::Logged)>>> {
    let head = head(tx, channel)?;
    if pts < head.log_floor || pts > head.pts {
        return Ok(None);
    }
    let rows =
        tx.scan(&CHANNEL_LOGS, CHANNEL_LOGS.of(channel).after(&(channel, pts)), Order::Forward, limit)?;
    Ok(Some(rows.into_iter().map(|((_, pts), row)| (pts, row)).collect()))
}

/// Makes a channel; gives it, and id and pts of its first message.
pub fn create(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    name: &str,
    about: &str,
    megagroup: bool,
) -> Done<(ChannelId, i32, i32)> {
    let name = chats::title(name)?;
    if about.chars().count() > limits::CHAT_ABOUT_CHARS_MAX {
        return Err(Refusal::ChatAboutTooLong.into());
    }
    let channel = ChannelId(users::next_id(cx, b'c', 1_000_001)?);
    let row = stored::Channel {
        megagroup,
        id: channel.0,
        title: name.clone(),
        about: about.to_owned(),
        creator: me.0,
        date: cx.date(),
        version: 1,
        banned_rights: if megagroup { rights::NEW_GROUP } else { 0 },
        ..Default::default()
    };
    cx.tx.put(&CHANNELS, &channel, &row)?;
    enter(cx, channel, me, me, true)?;
    let action = stored::ActionChannelCreate { title: name };
    let (id, pts) = say(cx, me, channel, action.into())?;
    Ok((channel, id, pts))
}

/// Enters a person: their place, their conversation, the count of members.
fn enter(cx: &mut Ctx<'_, '_>, channel: ChannelId, user: UserId, inviter: UserId, creator: bool) -> Done<()> {
    let mine = cx.tx.scan(&DIALOGS, DIALOGS.of(user), Order::Forward, limits::DIALOGS_MAX)?;
    if mine.iter().filter(|(_, d)| d.member).count() >= limits::CHANNELS_MAX {
        return Err(Refusal::ChannelsTooMuch.into());
    }
    let before = member(cx.tx, channel, user)?;
    let row = stored::Member {
        creator,
        left: false,
        user_id: user.0,
        inviter_id: inviter.0,
        date: cx.date(),
        banned_rights: before.as_ref().and_then(|m| m.banned_rights),
        banned_until: before.as_ref().map_or(0, |m| m.banned_until),
        ..Default::default()
    };
    cx.tx.put(&MEMBERS, &(channel, user), &row)?;
    let mut head = head(cx.tx, channel)?;
    head.members += 1;
    cx.tx.put(&CHANNEL_HEADS, &channel, &head)?;
    let dialog = stored::Dialog {
        member: true,
        read_inbox_max: head.top_message,
        joined: cx.date(),
        ..dialogs::find(cx.tx, user, Peer::Channel(channel))?.unwrap_or_default()
    };
    cx.tx.put(&DIALOGS, &(user, Peer::Channel(channel)), &dialog)?;
    changed(cx, channel, user)?;
    cx.effects.tell(Notice::Membership { user, channel, member: true });
    Ok(())
}

fn leave_row(cx: &mut Ctx<'_, '_>, channel: ChannelId, mut row: stored::Member) -> Done<()> {
    let user = UserId(row.user_id);
    row.left = true;
    row.admin_rights = None;
    cx.tx.put(&MEMBERS, &(channel, user), &row)?;
    let mut head = head(cx.tx, channel)?;
    head.members = head.members.saturating_sub(1);
    cx.tx.put(&CHANNEL_HEADS, &channel, &head)?;
    cx.tx.delete(&DIALOGS, &(user, Peer::Channel(channel)))?;
    if dialogs::pinned(cx.tx, user)?.contains(&Peer::Channel(channel)) {
        dialogs::pin(cx, user, Peer::Channel(channel), false)?;
    }
    changed(cx, channel, user)?;
    cx.effects.tell(Notice::Membership { user, channel, member: false });
    Ok(())
}

/// Tells a person's devices that how they stand to a channel, or the channel itself, has changed.
fn changed(cx: &mut Ctx<'_, '_>, channel: ChannelId, user: UserId) -> Done<()> {
    updates::append_aside(cx, user, types::UpdateChannel { channel_id: channel.0 }.into())
}

/// Writes a service message into a channel.
fn say(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    action: stored::enums::Action,
) -> Done<(i32, i32)> {
    let row = known(cx.tx, channel)?;
    place(cx, me, &row, Outgoing { action: Some(action), ..Default::default() })
}

/// Posts a message: in a group everybody who is in it and not restricted, in a channel that broadcasts who may post.
pub(crate) fn post(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, out: Outgoing) -> Done<(i32, i32)> {
    let (row, member) = readable(cx.tx, me, channel)?;
    if !may_post(&row, member.as_ref()) {
        return Err(Refusal::ChatWriteForbidden.into());
    }
    let own = member.as_ref().and_then(|m| m.banned_rights).unwrap_or(0);
    if own & rights::NO_SEND != 0 {
        return Err(Refusal::UserBannedInChannel.into());
    }
    if let Some(reply) = &out.reply_to {
        Shelf::Channel(channel).one(cx.tx, reply.msg_id)?.ok_or(Refusal::ReplyMessageIdInvalid)?;
    }
    place(cx, me, &row, out)
}

/// Whether a member may post.
#[must_use]
pub fn may_post(row: &stored::Channel, member: Option<&stored::Member>) -> bool {
    let admin = admin_rights(member);
    if row.megagroup {
        is_in(member) && (row.banned_rights & rights::NO_SEND == 0 || admin != 0)
    } else {
        admin & rights::POST_MESSAGES != 0
    }
}

fn place(cx: &mut Ctx<'_, '_>, me: UserId, row: &stored::Channel, out: Outgoing) -> Done<(i32, i32)> {
    let channel = ChannelId(row.id);
    let mut message = messages::draft_row(cx, me, Peer::Channel(channel), out);
    message.origin_user = Some(me.0);
    if !row.megagroup {
        message.post = true;
        message.from_id = None;
        if row.signatures && message.action.is_none() {
            let author = users::known(cx.tx, me)?;
            message.post_author =
                Some(format!("{} {}", author.first_name, author.last_name).trim().to_owned());
        }
    }
    let mut head = head(cx.tx, channel)?;
    message.id = head.next_msg_id;
    message.origin_id = Some(message.id);
    head.next_msg_id = head.next_msg_id.saturating_add(1);
    head.top_message = message.id;
    head.top_date = message.date;
    head.messages += 1;
    cx.tx.put(&POSTS, &(channel, message.id), &message)?;
    let pts = append(cx, channel, &mut head, stored::ChangeNew { id: message.id }.into(), 1)?;
    Ok((message.id, pts))
}

/// Edits a post: one's own, or as an admin with that right anybody's in a channel that broadcasts.
pub(crate) fn edit(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    id: i32,
    change: &Edit,
) -> Done<Placed> {
    let (row, member) = readable(cx.tx, me, channel)?;
    let shelf = Shelf::Channel(channel);
    let mut message = shelf.one(cx.tx, id)?.ok_or(Refusal::MessageIdInvalid)?;
    let admin = admin_rights(member.as_ref());
    let always = !row.megagroup && admin & rights::EDIT_MESSAGES != 0;
    if !always || message.action.is_some() {
        if !row.megagroup && admin & rights::POST_MESSAGES == 0 {
            return Err(Refusal::ChatAdminRequired.into());
        }
        messages::check_editable(&message, me, cx.date(), false)?;
    }
    if !change.apply(&mut message, cx.date()) {
        return Err(Refusal::MessageNotModified.into());
    }
    if message.text.trim().is_empty() && message.media.is_none() {
        return Err(Refusal::MessageEmpty.into());
    }
    cx.tx.put(&POSTS, &(channel, id), &message)?;
    let mut head = head(cx.tx, channel)?;
    let pts = append(cx, channel, &mut head, stored::ChangeEdit { id }.into(), 1)?;
    Ok(Placed { shelf, id, pts, fresh: true })
}

/// Deletes posts: one's own, or as an admin with that right anybody's. Gives the channel's pts and how many went.
pub fn delete(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, ids: &[i32]) -> Done<(i32, i32)> {
    let (_, member) = readable(cx.tx, me, channel)?;
    let admin = admin_rights(member.as_ref()) & rights::DELETE_MESSAGES != 0;
    let mut gone = Vec::new();
    for id in ids {
        let Some(message) = Shelf::Channel(channel).one(cx.tx, *id)? else { continue };
        if shelf::is_incoming(&message, me) && !admin {
            return Err(Refusal::MessageDeleteForbidden.into());
        }
        cx.tx.delete(&POSTS, &(channel, *id))?;
        gone.push(*id);
    }
    gone.sort_unstable();
    gone.dedup();
    let mut head = head(cx.tx, channel)?;
    if gone.is_empty() {
        return Ok((head.pts, 0));
    }
    let count = i32::try_from(gone.len()).unwrap_or(i32::MAX);
    head.messages = head.messages.saturating_sub(count).max(0);
    if gone.contains(&head.top_message) {
        let top = Shelf::Channel(channel).older(cx.tx, i32::MAX, 1)?.pop();
        (head.top_message, head.top_date) = top.map_or((0, head.top_date), |m| (m.id, m.date));
    }
    let pts = append(cx, channel, &mut head, stored::ChangeDelete { ids: gone }.into(), count)?;
    Ok((pts, count))
}

/// Moves `me`'s read pointer, on all devices; in a group the authors of what was read see it read.
pub fn read(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, max_id: i32) -> Done<bool> {
    let peer = Peer::Channel(channel);
    let (row, _) = readable(cx.tx, me, channel)?;
    let Some(mut dialog) = dialogs::find(cx.tx, me, peer)? else { return Ok(false) };
    let head = head(cx.tx, channel)?;
    let max_id = if max_id == 0 { head.top_message } else { max_id.min(head.top_message) };
    let before = dialog.read_inbox_max;
    if dialog.unread_mark {
        dialogs::mark_unread(cx, me, peer, false)?;
        dialog.unread_mark = false;
    }
    if max_id <= before {
        return Ok(true);
    }
    dialog.read_inbox_max = max_id;
    cx.tx.put(&DIALOGS, &(me, peer), &dialog)?;
    let still_unread_count = Shelf::Channel(channel).unread(cx.tx, me, max_id)?;
    let update = types::UpdateReadChannelInbox {
        folder_id: None,
        channel_id: channel.0,
        max_id,
        still_unread_count,
        pts: head.pts,
    };
    updates::append_aside(cx, me, update.into())?;
    if row.megagroup {
        tell_authors(cx, me, channel, before, max_id)?;
    }
    Ok(true)
}

fn tell_authors(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, before: i32, max_id: i32) -> Done<()> {
    let peer = Peer::Channel(channel);
    let mut told = vec![me];
    for post in Shelf::Channel(channel).older(cx.tx, max_id.saturating_add(1), limits::PAGE_MAX)? {
        if post.id <= before {
            break;
        }
        let Some(author) = post.origin_user.map(UserId) else { continue };
        if told.contains(&author) {
            continue;
        }
        told.push(author);
        let Some(mut dialog) = dialogs::find(cx.tx, author, peer)? else { continue };
        if dialog.read_outbox_max < post.id {
            dialog.read_outbox_max = post.id;
            cx.tx.put(&DIALOGS, &(author, peer), &dialog)?;
            let update = types::UpdateReadChannelOutbox { channel_id: channel.0, max_id: post.id };
            updates::append_aside(cx, author, update.into())?;
        }
    }
    Ok(())
}

/// Enters a channel: a public one freely, a private one by its link. A group says so in a message, whose id and pts come back.
pub fn join(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    inviter: Option<i64>,
) -> Done<Option<(i32, i32)>> {
    let row = known(cx.tx, channel)?;
    let place = member(cx.tx, channel, me)?;
    if is_in(place.as_ref()) {
        return Err(Refusal::UserAlreadyParticipant.into());
    }
    let banned = place.as_ref().and_then(|m| m.banned_rights).unwrap_or(0) & rights::NO_VIEW != 0;
    if banned || (row.username.is_none() && inviter.is_none()) {
        return Err(Refusal::ChannelPrivate.into());
    }
    enter(cx, channel, me, UserId(inviter.unwrap_or(me.0)), row.creator == me.0)?;
    if !row.megagroup {
        return Ok(None);
    }
    let action = match inviter {
        Some(inviter_id) => stored::ActionChatJoinedByLink { inviter_id }.into(),
        None => stored::ActionChatAddUser { users: vec![me.0] }.into(),
    };
    say(cx, me, channel, action).map(Some)
}

/// Leaves a channel.
pub fn leave(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId) -> Done<Option<(i32, i32)>> {
    let row = known(cx.tx, channel)?;
    let place = member(cx.tx, channel, me)?.filter(|m| is_in(Some(m))).ok_or(Refusal::UserNotParticipant)?;
    if place.creator {
        return Err(Refusal::UserCreator.into());
    }
    let said = if row.megagroup {
        Some(say(cx, me, channel, stored::ActionChatDeleteUser { user_id: me.0 }.into())?)
    } else {
        None
    };
    leave_row(cx, channel, place)?;
    Ok(said)
}

/// Takes people in. Who is in already, or does not want `me`'s invitations, is passed over.
pub fn invite(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    people: &[UserId],
) -> Done<(Vec<UserId>, Option<(i32, i32)>)> {
    let row = permitted(cx.tx, me, channel, rights::INVITE_USERS, rights::NO_INVITE)?;
    let mut entered = Vec::new();
    for user in people {
        users::known(cx.tx, *user)?;
        let place = member(cx.tx, channel, *user)?;
        let banned = place.as_ref().is_some_and(|m| m.banned_rights.unwrap_or(0) & rights::NO_VIEW != 0);
        if banned && people.len() == 1 {
            return Err(Refusal::UserKicked.into());
        }
        if is_in(place.as_ref()) || banned || users::relation(cx.tx, me, *user)?.blocked_by {
            continue;
        }
        enter(cx, channel, *user, me, row.creator == user.0)?;
        entered.push(*user);
    }
    if entered.is_empty() || !row.megagroup {
        return Ok((entered, None));
    }
    let action = stored::ActionChatAddUser { users: entered.iter().map(|u| u.0).collect() };
    let said = say(cx, me, channel, action.into())?;
    Ok((entered, Some(said)))
}

/// Restricts a person until a date (0: for ever). Without the right to view they are out and may not return; no bits lift it all.
pub fn restrict(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    user: UserId,
    banned: i32,
    until: i32,
) -> Done<Option<(i32, i32)>> {
    let row = administered(cx.tx, me, channel, rights::BAN_USERS)?;
    users::known(cx.tx, user)?;
    let place = member(cx.tx, channel, user)?;
    if place.as_ref().is_some_and(|m| m.creator || (admin_rights(Some(m)) != 0 && row.creator != me.0)) {
        return Err(Refusal::UserAdminInvalid.into());
    }
    let was_in = is_in(place.as_ref());
    let out = banned & rights::NO_VIEW != 0;
    let said = if was_in && out && row.megagroup {
        Some(say(cx, me, channel, stored::ActionChatDeleteUser { user_id: user.0 }.into())?)
    } else {
        None
    };
    let mut place = place.unwrap_or(stored::Member {
        left: true,
        user_id: user.0,
        date: cx.date(),
        ..Default::default()
    });
    place.banned_rights = (banned != 0).then_some(banned);
    place.banned_until = if until == i32::MAX { 0 } else { until };
    place.promoted_by = me.0;
    if banned != 0 {
        place.admin_rights = None;
    }
    if was_in && out {
        leave_row(cx, channel, place)?;
    } else {
        cx.tx.put(&MEMBERS, &(channel, user), &place)?;
        changed(cx, channel, user)?;
    }
    Ok(said)
}

/// Gives a person admin rights, or with no bits takes them away. Somebody who is not in a channel yet enters it.
pub fn promote(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    user: UserId,
    bits: i32,
    rank: &str,
) -> Done<()> {
    let row = administered(cx.tx, me, channel, rights::ADD_ADMINS)?;
    let mine = admin_rights(member(cx.tx, channel, me)?.as_ref());
    if bits & !mine != 0 && row.creator != me.0 {
        return Err(Refusal::RightForbidden.into());
    }
    users::known(cx.tx, user)?;
    if user.0 == row.creator {
        return Err(Refusal::UserCreator.into());
    }
    if !is_in(member(cx.tx, channel, user)?.as_ref()) {
        enter(cx, channel, user, me, false)?;
    }
    let mut place = member(cx.tx, channel, user)?.ok_or(Refusal::UserNotParticipant)?;
    place.admin_rights = (bits != 0).then_some(bits);
    place.banned_rights = None;
    place.promoted_by = me.0;
    rank.chars().take(16).collect::<String>().clone_into(&mut place.rank);
    cx.tx.put(&MEMBERS, &(channel, user), &place)?;
    changed(cx, channel, user)
}

/// Gives a channel another title; a group and a channel both say so.
pub fn set_title(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, name: &str) -> Done<(i32, i32)> {
    let mut row = permitted(cx.tx, me, channel, rights::CHANGE_INFO, rights::NO_CHANGE_INFO)?;
    let name = chats::title(name)?;
    if name == row.title {
        return Err(Refusal::ChatNotModified.into());
    }
    row.title.clone_from(&name);
    keep(cx, row)?;
    say(cx, me, channel, stored::ActionChatEditTitle { title: name }.into())
}

/// Gives a channel a photo, or takes it away.
pub fn set_photo(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    photo: Option<i64>,
) -> Done<(i32, i32)> {
    let mut row = permitted(cx.tx, me, channel, rights::CHANGE_INFO, rights::NO_CHANGE_INFO)?;
    row.photo_id = photo;
    keep(cx, row)?;
    let action = match photo {
        Some(photo_id) => stored::ActionChatEditPhoto { photo_id }.into(),
        None => stored::enums::Action::ActionChatDeletePhoto,
    };
    say(cx, me, channel, action)
}

/// Gives a channel another about text.
pub fn set_about(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, about: &str) -> Done<()> {
    let mut row = permitted(cx.tx, me, channel, rights::CHANGE_INFO, rights::NO_CHANGE_INFO)?;
    if about.chars().count() > limits::CHAT_ABOUT_CHARS_MAX {
        return Err(Refusal::ChatAboutTooLong.into());
    }
    if about == row.about {
        return Err(Refusal::ChatAboutNotModified.into());
    }
    about.clone_into(&mut row.about);
    keep(cx, row)
}

/// Gives a channel a username, which makes it public, or with an empty one makes it private. Its owner only.
pub fn set_username(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, username: &str) -> Done<()> {
    let mut row = administered(cx.tx, me, channel, rights::CHANGE_INFO)?;
    if row.creator != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    users::take_username(cx, Peer::Channel(channel), row.username.as_deref(), username)?;
    row.username = (!username.is_empty()).then(|| username.to_owned());
    keep(cx, row)?;
    changed(cx, channel, me)
}

/// Whether posts are signed with their author's name.
pub fn set_signatures(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, on: bool) -> Done<()> {
    let mut row = administered(cx.tx, me, channel, rights::CHANGE_INFO)?;
    if row.signatures == on {
        return Err(Refusal::ChatNotModified.into());
    }
    row.signatures = on;
    keep(cx, row)?;
    changed(cx, channel, me)
}

/// Says what plain members may not do.
pub fn set_banned_rights(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, banned: i32) -> Done<()> {
    let mut row = administered(cx.tx, me, channel, rights::BAN_USERS)?;
    row.banned_rights = banned & !rights::NO_VIEW;
    keep(cx, row)?;
    changed(cx, channel, me)
}

/// Makes a new invite link, which ends the one before.
pub fn renew_invite(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId) -> Done<String> {
    let mut row = administered(cx.tx, me, channel, rights::INVITE_USERS)?;
    let hash = invites::renew(cx, Peer::Channel(channel), me, row.invite.as_deref())?;
    row.invite = Some(hash.clone());
    keep(cx, row)?;
    Ok(hash)
}

/// Ends a channel for everybody. Its owner only.
pub fn destroy(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId) -> Done<()> {
    let mut row = known(cx.tx, channel)?;
    if row.creator != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    if let Some(username) = row.username.take() {
        users::take_username(cx, Peer::Channel(channel), Some(&username), "")?;
    }
    row.deleted = true;
    keep(cx, row)?;
    for (_, member) in cx.tx.scan(&MEMBERS, MEMBERS.of(channel), Order::Forward, limits::DIALOGS_MAX)? {
        if is_in(Some(&member)) {
            leave_row(cx, channel, member)?;
        }
    }
    Ok(())
}

fn keep(cx: &mut Ctx<'_, '_>, mut row: stored::Channel) -> Done<()> {
    row.version += 1;
    cx.tx.put(&CHANNELS, &ChannelId(row.id), &row)?;
    Ok(())
}

/// The places in a channel that `wanted` likes: at most `limit` after the first `offset`, and how many there are in all.
pub fn members(
    tx: &Tx<'_>,
    channel: ChannelId,
    offset: usize,
    limit: usize,
    mut wanted: impl FnMut(&Tx<'_>, &stored::Member) -> Done<bool>,
) -> Done<(Vec<stored::Member>, usize)> {
    let mut found = Vec::new();
    let mut count = 0;
    let mut rows = MEMBERS.of(channel);
    loop {
        let page = tx.scan(&MEMBERS, rows, Order::Forward, limits::PAGE_MAX)?;
        let Some((last, _)) = page.last() else { break };
        rows = MEMBERS.of(channel).after(last);
        for (_, member) in page {
            if wanted(tx, &member)? {
                if count >= offset && found.len() < limit {
                    found.push(member);
                }
                count += 1;
            }
        }
    }
    Ok((found, count))
}

/// The channels a person is in.
pub fn of_user(tx: &Tx<'_>, user: UserId) -> Done<Vec<ChannelId>> {
    let rows = tx.scan(&DIALOGS, DIALOGS.of(user), Order::Forward, limits::DIALOGS_MAX)?;
    let channel = |((_, peer), dialog): ((UserId, Peer), stored::Dialog)| match peer {
        Peer::Channel(channel) if dialog.member => Some(channel),
        _ => None,
    };
    Ok(rows.into_iter().filter_map(channel).collect())
}

/// The admins' rights as clients read them.
#[must_use]
pub fn chat_admin_rights(bits: i32) -> types::ChatAdminRights {
    let has = |bit: i32| bits & 1 << bit != 0;
    types::ChatAdminRights {
        change_info: has(0),
        post_messages: has(1),
        edit_messages: has(2),
        delete_messages: has(3),
        ban_users: has(4),
        invite_users: has(5),
        pin_messages: has(7),
        add_admins: has(9),
        anonymous: has(10),
        manage_call: has(11),
        other: has(12),
        manage_topics: has(13),
        post_stories: has(14),
        edit_stories: has(15),
        delete_stories: has(16),
        ..Default::default()
    }
}

/// A peer of a channel as the wire names it.
#[must_use]
pub fn peer(channel: ChannelId) -> enums::Peer {
    Peer::Channel(channel).into()
}
