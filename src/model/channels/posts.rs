//! What is said in a channel: posting, editing, deleting, reading.

use store::Tx;
use tl::{stored, types};

use super::{admin_rights, administered, append, available_min, banned_rights, head, is_in, readable};
use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::ids::{ChannelId, Peer, UserId};
use crate::messages::{self, Edit, Outgoing, Placed};
use crate::shelf::{self, Shelf};
use crate::tables::{DIALOGS, POSTS};
use crate::{dialogs, files, limits, rights, updates, users};

/// Posts a message: in a group everybody who is in it and not restricted, in a channel that broadcasts who may post.
pub(crate) fn post(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, out: Outgoing) -> Done<(i32, i32)> {
    let (row, member) = readable(cx.tx, me, channel)?;
    if !may_post(&row, member.as_ref()) {
        return Err(Refusal::ChatWriteForbidden.into());
    }
    if row.megagroup && admin_rights(member.as_ref()) == 0 {
        if rights::forbidden(banned_rights(member.as_ref(), cx.date()), out.media.as_ref()).is_some() {
            return Err(Refusal::UserBannedInChannel.into());
        }
        if let Some(refusal) = rights::forbidden(row.banned_rights, out.media.as_ref()) {
            return Err(refusal.into());
        }
    }
    if let Some(reply) = &out.reply_to {
        let answered = Shelf::Channel(channel).one(cx.tx, reply.msg_id)?;
        let hidden = available_min(cx.tx, me, channel)?;
        answered.filter(|m| m.id > hidden).ok_or(Refusal::ReplyMessageIdInvalid)?;
    }
    let placed = place(cx, me, &row, out)?;
    Ok((placed.id, placed.pts))
}

/// Whether somebody with this place may post at all.
#[must_use]
pub fn may_post(row: &stored::Channel, member: Option<&stored::Member>) -> bool {
    if row.megagroup { is_in(member) } else { admin_rights(member) & rights::POST_MESSAGES != 0 }
}

/// Puts a message into a channel: its row, its counters, its log.
pub(super) fn place(cx: &mut Ctx<'_, '_>, me: UserId, row: &stored::Channel, out: Outgoing) -> Done<Placed> {
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
    files::hold_message(cx, &message)?;
    let pts = append(cx, channel, &mut head, stored::ChangeNew { id: message.id }.into(), 1)?;
    Ok(Placed { shelf: Shelf::Channel(channel), id: message.id, pts, fresh: true })
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
    if !row.megagroup && admin & (rights::POST_MESSAGES | rights::EDIT_MESSAGES) == 0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    if row.megagroup && !is_in(member.as_ref()) {
        return Err(Refusal::ChatWriteForbidden.into());
    }
    let editor = !row.megagroup && admin & rights::EDIT_MESSAGES != 0;
    if !editor || message.action.is_some() {
        messages::check_editable(&message, me, cx.date(), false)?;
    }
    let before = message.clone();
    if !change.apply(&mut message, cx.date()) {
        return Err(Refusal::MessageNotModified.into());
    }
    if message.text.trim().is_empty() && message.media.is_none() {
        return Err(Refusal::MessageEmpty.into());
    }
    cx.tx.put(&POSTS, &(channel, id), &message)?;
    files::hold_message(cx, &message)?;
    files::release_message(cx, &before)?;
    let mut head = head(cx.tx, channel)?;
    let pts = append(cx, channel, &mut head, stored::ChangeEdit { id }.into(), 1)?;
    Ok(Placed { shelf, id, pts, fresh: true })
}

/// Deletes posts: one's own, or as an admin with that right anybody's. Unknown ids are no error.
///
/// Gives the channel's pts and how many went.
pub fn delete(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, ids: &[i32]) -> Done<(i32, i32)> {
    let (row, member) = readable(cx.tx, me, channel)?;
    let admin = admin_rights(member.as_ref());
    let any = admin & rights::DELETE_MESSAGES != 0;
    let own = if row.megagroup { is_in(member.as_ref()) } else { admin & rights::POST_MESSAGES != 0 };
    for id in ids {
        let Some(message) = Shelf::Channel(channel).one(cx.tx, *id)? else { continue };
        let mine = own && message.origin_user == Some(me.0);
        if !any && !mine {
            return Err(Refusal::MessageDeleteForbidden.into());
        }
    }
    take(cx, channel, ids)
}

/// Takes posts out of a channel, whoever wrote them.
fn take(cx: &mut Ctx<'_, '_>, channel: ChannelId, ids: &[i32]) -> Done<(i32, i32)> {
    let mut gone = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(message) = Shelf::Channel(channel).one(cx.tx, *id)? {
            cx.tx.delete(&POSTS, &(channel, *id))?;
            files::release_message(cx, &message)?;
            gone.push(*id);
        }
    }
    gone.sort_unstable();
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

/// Deletes all that a person wrote in a group, a step at a time. Gives the channel's pts, how many went, whether more are left.
pub fn delete_of(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    author: UserId,
) -> Done<(i32, i32, bool)> {
    let row = administered(cx.tx, me, channel, rights::DELETE_MESSAGES)?;
    if !row.megagroup {
        return Err(Refusal::ChannelInvalid.into());
    }
    let page = shelf::Page { limit: limits::CLEAR_STEP, ..Default::default() };
    let theirs = |m: &stored::Message| m.origin_user == Some(author.0);
    let mut budget = limits::SEARCH_SCAN_MAX;
    let (found, all) = Shelf::Channel(channel).search(cx.tx, page, &mut budget, theirs)?;
    let ids: Vec<i32> = found.iter().map(|m| m.id).collect();
    let (pts, count) = take(cx, channel, &ids)?;
    Ok((pts, count, all > ids.len()))
}

/// Hides the posts up to `max_id` (zero: all) from `me`, on all devices. Gives up to which id.
pub fn clear_mine(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, max_id: i32) -> Done<i32> {
    readable(cx.tx, me, channel)?;
    let peer = Peer::Channel(channel);
    let top = head(cx.tx, channel)?.top_message;
    let max_id = if max_id <= 0 { top } else { max_id.min(top) };
    let Some(mut dialog) = dialogs::find(cx.tx, me, peer)? else { return Ok(max_id) };
    if dialog.available_min < max_id {
        dialog.available_min = max_id;
        cx.tx.put(&DIALOGS, &(me, peer), &dialog)?;
        let update =
            types::UpdateChannelAvailableMessages { channel_id: channel.0, available_min_id: max_id };
        updates::append_aside(cx, me, update.into())?;
    }
    read(cx, me, channel, max_id)?;
    Ok(max_id)
}

/// Deletes the posts up to `max_id` (zero: all) for everybody. Gives their ids, the channel's pts and how many went.
pub fn clear_all(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    max_id: i32,
) -> Done<(Vec<i32>, i32, i32)> {
    let row = administered(cx.tx, me, channel, rights::DELETE_MESSAGES)?;
    if row.creator != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    if head(cx.tx, channel)?.messages > limits::CLEAR_CHANNEL_MAX {
        return Err(Refusal::ChannelTooBig.into());
    }
    let below = if max_id <= 0 { i32::MAX } else { max_id.saturating_add(1) };
    let most = usize::try_from(limits::CLEAR_CHANNEL_MAX).unwrap_or(usize::MAX);
    let ids: Vec<i32> =
        Shelf::Channel(channel).older(cx.tx, below, most)?.into_iter().map(|m| m.id).collect();
    let (pts, count) = take(cx, channel, &ids)?;
    Ok((ids, pts, count))
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
    let still_unread_count = unread(cx.tx, me, channel, max_id)?;
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

/// How many posts above `read` came from others than `me`; of very many only how far the newest is away.
pub fn unread(tx: &Tx<'_>, me: UserId, channel: ChannelId, read: i32) -> Done<i32> {
    let read = read.max(available_min(tx, me, channel)?);
    let distance = head(tx, channel)?.top_message.saturating_sub(read);
    if distance > limits::UNREAD_POSTS_MAX {
        return Ok(distance);
    }
    if distance <= 0 { Ok(0) } else { Shelf::Channel(channel).unread(tx, me, read) }
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
