//! Sending, editing, deleting, reading and forwarding messages, wherever they stand.

use store::Tx;
use tl::{enums, stored};

use crate::boxes;
use crate::channels;
use crate::chats;
use crate::ctx::Ctx;
use crate::dialogs;
use crate::error::{Done, Refusal};
use crate::ids::{ChatId, Peer, SERVICE, UserId};
use crate::limits;
use crate::shelf::{self, Shelf};
use crate::tables::DIALOGS;
use crate::{sent, updates, users};

/// What is to be sent: a message without its place.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// The text, or the caption.
    pub text: String,
    /// Its formatting.
    pub entities: Option<Vec<enums::MessageEntity>>,
    /// What comes with it.
    pub media: Option<stored::enums::Media>,
    /// What happened, for a service message.
    pub action: Option<stored::enums::Action>,
    /// What it answers; ids as the sender sees them.
    pub reply_to: Option<stored::Reply>,
    /// Where it was first said.
    pub forward: Option<stored::Forward>,
    /// Without a sound.
    pub silent: bool,
    /// Not to be saved or passed on.
    pub noforwards: bool,
    /// The media above the text.
    pub invert_media: bool,
    /// The album it belongs to.
    pub grouped_id: Option<i64>,
    /// Buttons.
    pub reply_markup: Option<enums::ReplyMarkup>,
}

/// Where a sent message stands.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    /// The shelf, as its sender sees it.
    pub shelf: Shelf,
    /// Its id there.
    pub id: i32,
    /// The log's pts after it: the sender's own, or the channel's.
    pub pts: i32,
    /// False if an earlier call with the same `random_id` had sent it already.
    pub fresh: bool,
}

/// Checks a text's length.
pub fn check_text(text: &str, has_media: bool) -> Done<()> {
    let (max, refusal) = match has_media {
        true => (limits::CAPTION_CHARS_MAX, Refusal::MediaCaptionTooLong),
        false => (limits::MESSAGE_CHARS_MAX, Refusal::MessageTooLong),
    };
    // There is a byte at least for each; most texts are too short to be counted.
    if text.len() > max && text.encode_utf16().count() > max { Err(refusal.into()) } else { Ok(()) }
}

/// Sends a message, once for each `random_id`: a repeated call finds what the first one sent.
pub fn send(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    peer: Peer,
    random_id: Option<i64>,
    out: Outgoing,
) -> Done<Placed> {
    let shelf = Shelf::of(me, peer);
    if out.text.trim().is_empty() && out.media.is_none() && out.action.is_none() {
        return Err(Refusal::MessageEmpty.into());
    }
    if let Some(random_id) = random_id {
        if random_id == 0 {
            return Err(Refusal::RandomIdEmpty.into());
        }
        if let Some(sent) = sent::find(cx, me, peer, random_id)? {
            return Ok(Placed { shelf, id: sent.msg_id, pts: sent.pts, fresh: false });
        }
    }
    let (id, pts) = match peer {
        Peer::User(user) => send_private(cx, me, user, out)?,
        Peer::Chat(chat) => send_chat(cx, me, chat, out)?,
        Peer::Channel(channel) => channels::post(cx, me, channel, out)?,
    };
    if let Some(random_id) = random_id {
        let sent = stored::Sent { msg_id: id, pts, date: cx.date() };
        sent::keep(cx, me, peer, random_id, &sent)?;
    }
    Ok(Placed { shelf, id, pts, fresh: true })
}

/// The row of a message as its author has it, before it is placed.
pub(crate) fn draft_row(cx: &Ctx<'_, '_>, from: UserId, peer: Peer, out: Outgoing) -> stored::Message {
    stored::Message {
        silent: out.silent,
        noforwards: out.noforwards,
        invert_media: out.invert_media,
        peer: peer.into(),
        from_id: Some(Peer::User(from).into()),
        date: cx.date(),
        text: out.text,
        entities: out.entities.filter(|e| !e.is_empty()),
        media: out.media,
        action: out.action,
        reply_to: out.reply_to,
        forward: out.forward,
        grouped_id: out.grouped_id,
        reply_markup: out.reply_markup,
        ..Default::default()
    }
}

fn send_private(cx: &mut Ctx<'_, '_>, me: UserId, them: UserId, out: Outgoing) -> Done<(i32, i32)> {
    let target = users::known(cx.tx, them)?;
    if target.deleted {
        return Err(Refusal::InputUserDeactivated.into());
    }
    let (blocked, blocked_by) = users::blocks(cx.tx, me, them)?;
    if blocked {
        return Err(Refusal::YouBlockedUser.into());
    }
    let reply = check_reply(cx.tx, me, Peer::User(them), out.reply_to.as_ref())?;
    let mut mine = draft_row(cx, me, Peer::User(them), out);
    mine.out = true;
    if me == them {
        return boxes::put(cx, me, mine);
    }
    // The service account has no box, and who blocked somebody hears nothing: the sender keeps their copy, unread for ever.
    if them == SERVICE || blocked_by {
        return boxes::put(cx, me, mine);
    }
    let my_id = boxes::peek_id(cx, me)?;
    let mut theirs = mine.clone();
    theirs.out = false;
    theirs.peer = Peer::User(me).into();
    theirs.twin = Some(my_id);
    translate_reply(cx.tx, me, reply.as_ref(), them, &mut theirs)?;
    let (their_id, _) = boxes::put(cx, them, theirs)?;
    mine.twin = Some(their_id);
    boxes::put(cx, me, mine)
}

fn send_chat(cx: &mut Ctx<'_, '_>, me: UserId, chat: ChatId, out: Outgoing) -> Done<(i32, i32)> {
    let row = chats::mine(cx.tx, me, chat)?;
    chats::check_write(&row, me, out.media.as_ref())?;
    let members: Vec<UserId> = row.members.iter().map(|m| UserId(m.user_id)).collect();
    place_in_chat(cx, me, chat, &members, out)
}

/// Puts a message into the boxes of `me` and of `members` of a basic group; gives id and pts in `me`'s box.
pub(crate) fn place_in_chat(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    chat: ChatId,
    members: &[UserId],
    out: Outgoing,
) -> Done<(i32, i32)> {
    let peer = Peer::Chat(chat);
    let reply = check_reply(cx.tx, me, peer, out.reply_to.as_ref())?;
    let mut mine = draft_row(cx, me, peer, out);
    let my_id = boxes::peek_id(cx, me)?;
    (mine.origin_user, mine.origin_id) = (Some(me.0), Some(my_id));
    for member in members.iter().filter(|member| **member != me) {
        let mut theirs = mine.clone();
        translate_reply(cx.tx, me, reply.as_ref(), *member, &mut theirs)?;
        boxes::put(cx, *member, theirs)?;
    }
    mine.out = true;
    boxes::put(cx, me, mine)
}

fn check_reply(
    tx: &Tx<'_>,
    me: UserId,
    peer: Peer,
    reply: Option<&stored::Reply>,
) -> Done<Option<stored::Message>> {
    let Some(reply) = reply else { return Ok(None) };
    match Shelf::of(me, peer).one(tx, reply.msg_id)? {
        Some(message) => Ok(Some(message)),
        None => Err(Refusal::ReplyMessageIdInvalid.into()),
    }
}

/// Makes a copy's reply point into its own box; a reply to what the other has deleted points nowhere.
fn translate_reply(
    tx: &Tx<'_>,
    me: UserId,
    answered: Option<&stored::Message>,
    other: UserId,
    copy: &mut stored::Message,
) -> Done<()> {
    let (Some(answered), Some(reply)) = (answered, copy.reply_to.as_mut()) else { return Ok(()) };
    match boxes::copy_of(tx, me, answered, other)? {
        Some(id) => reply.msg_id = id,
        None => copy.reply_to = None,
    }
    Ok(())
}

/// Everybody who keeps a copy of a message of `me`'s box, `me` last, with the copy.
fn copies(tx: &Tx<'_>, me: UserId, message: &stored::Message) -> Done<Vec<(UserId, stored::Message)>> {
    let people: Vec<UserId> = match Peer::from(&message.peer) {
        Peer::User(user) if user != me => vec![user],
        Peer::User(_) | Peer::Channel(_) => Vec::new(),
        Peer::Chat(chat) => {
            let row = users::chat(tx, chat)?;
            row.iter().flat_map(|row| &row.members).map(|m| UserId(m.user_id)).filter(|u| *u != me).collect()
        }
    };
    let mut found = Vec::with_capacity(people.len() + 1);
    for person in people {
        if let Some(id) = boxes::copy_of(tx, me, message, person)?
            && let Some(copy) = boxes::find(tx, person, id)?
        {
            found.push((person, copy));
        }
    }
    found.push((me, message.clone()));
    Ok(found)
}

/// What of a message is to change; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// A new text with its entities.
    pub text: Option<(String, Option<Vec<enums::MessageEntity>>)>,
    /// New media.
    pub media: Option<stored::enums::Media>,
    /// New buttons.
    pub reply_markup: Option<enums::ReplyMarkup>,
    /// The media above the text.
    pub invert_media: bool,
}

impl Edit {
    /// Applies the change; says whether anything is different now.
    pub(crate) fn apply(&self, message: &mut stored::Message, date: i32) -> bool {
        let before = message.clone();
        if let Some((text, entities)) = &self.text {
            message.text.clone_from(text);
            message.entities = entities.clone().filter(|e| !e.is_empty());
        }
        if let Some(media) = &self.media {
            message.media = Some(media.clone());
        }
        if self.reply_markup.is_some() {
            message.reply_markup.clone_from(&self.reply_markup);
        }
        message.invert_media = self.invert_media;
        let changed = *message != before;
        message.edit_date = Some(date);
        changed
    }
}

/// Edits a message in every copy; gives the pts after it.
pub fn edit(cx: &mut Ctx<'_, '_>, me: UserId, peer: Peer, id: i32, change: &Edit) -> Done<Placed> {
    if let Peer::Channel(channel) = peer {
        return channels::edit(cx, me, channel, id, change);
    }
    if let Peer::Chat(chat) = peer {
        chats::mine(cx.tx, me, chat)?;
    }
    let shelf = Shelf::of(me, peer);
    let message = shelf.one(cx.tx, id)?.ok_or(Refusal::MessageIdInvalid)?;
    check_editable(&message, me, cx.date(), peer == Peer::User(me))?;
    // Who was blocked does not get through by what they wrote before, either.
    let barred = match peer {
        Peer::User(them) => users::blocks(cx.tx, me, them)?.1,
        Peer::Chat(_) | Peer::Channel(_) => false,
    };
    let mut pts = 0;
    for (owner, mut copy) in copies(cx.tx, me, &message)? {
        if barred && owner != me {
            continue;
        }
        if !change.apply(&mut copy, cx.date()) {
            return Err(Refusal::MessageNotModified.into());
        }
        if copy.text.trim().is_empty() && copy.media.is_none() {
            return Err(Refusal::MessageEmpty.into());
        }
        pts = boxes::rewrite(cx, owner, &copy)?;
    }
    Ok(Placed { shelf, id, pts, fresh: true })
}

/// Who may edit what, and for how long.
pub(crate) fn check_editable(message: &stored::Message, me: UserId, now: i32, always: bool) -> Done<()> {
    if message.action.is_some() {
        return Err(Refusal::MessageIdInvalid.into());
    }
    if shelf::is_incoming(message, me) || message.forward.is_some() {
        return Err(Refusal::MessageAuthorRequired.into());
    }
    if !always && now.saturating_sub(message.date) > limits::EDIT_SECS {
        return Err(Refusal::MessageEditTimeExpired.into());
    }
    Ok(())
}

/// Deletes messages of a person's box by id; with `revoke` from the boxes of the others too. Unknown ids are no error.
///
/// In a private chat either side may delete for both; in a basic group one's own messages, or any as its creator or admin.
pub fn delete(cx: &mut Ctx<'_, '_>, me: UserId, ids: &[i32], revoke: bool) -> Done<(i32, i32)> {
    let mut mine = Vec::new();
    for id in ids {
        if let Some(message) = boxes::find(cx.tx, me, *id)? {
            mine.push(message);
        }
    }
    mine.sort_by_key(|m| m.id);
    mine.dedup_by_key(|m| m.id);
    delete_rows(cx, me, mine, revoke)
}

fn delete_rows(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    mine: Vec<stored::Message>,
    revoke: bool,
) -> Done<(i32, i32)> {
    if revoke {
        let mut theirs: Vec<(UserId, Vec<stored::Message>)> = Vec::new();
        for message in &mine {
            if let Peer::Chat(chat) = Peer::from(&message.peer) {
                let row = users::chat(cx.tx, chat)?.filter(|row| chats::is_member(row, me));
                // Who is out changes nothing for those who are in.
                let Some(row) = row else { continue };
                if shelf::is_incoming(message, me) && !chats::is_admin(&row, me) {
                    continue;
                }
            }
            for (owner, copy) in copies(cx.tx, me, message)? {
                if owner == me {
                    continue;
                }
                match theirs.iter_mut().find(|(o, _)| *o == owner) {
                    Some((_, list)) => list.push(copy),
                    None => theirs.push((owner, vec![copy])),
                }
            }
        }
        for (owner, copies) in theirs {
            boxes::remove(cx, owner, copies)?;
        }
    }
    boxes::remove(cx, me, mine)
}

/// Deletes the messages of a conversation up to `max_id` (zero for all), a step at a time.
///
/// Gives pts, how many went in this step, and whether more are left. With `keep_dialog` the conversation stays in the list.
pub fn delete_history(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    peer: Peer,
    max_id: i32,
    keep_dialog: bool,
    revoke: bool,
) -> Done<(i32, i32, bool)> {
    let below = if max_id == 0 { i32::MAX } else { max_id.saturating_add(1) };
    let mut rows = Shelf::of(me, peer).older(cx.tx, below, limits::CLEAR_STEP + 1)?;
    let more = rows.len() > limits::CLEAR_STEP;
    rows.truncate(limits::CLEAR_STEP);
    let (pts, count) = delete_rows(cx, me, rows, revoke)?;
    if !more && !keep_dialog && max_id == 0 {
        cx.tx.delete(&DIALOGS, &(me, peer))?;
        if dialogs::pinned(cx.tx, me)?.contains(&peer) {
            dialogs::pin(cx, me, peer, false)?;
        }
    }
    Ok((pts, count, more))
}

/// Reads a conversation up to `max_id`: on all of one's own devices, and the authors see it read.
///
/// Gives the pts after it and how many steps it took (0 if there was nothing to read).
pub fn read(cx: &mut Ctx<'_, '_>, me: UserId, peer: Peer, max_id: i32) -> Done<(i32, i32)> {
    let pts = updates::head(cx.tx, me)?.pts;
    let Some(mut dialog) = dialogs::find(cx.tx, me, peer)? else { return Ok((pts, 0)) };
    let max_id = if max_id == 0 { dialog.top_message } else { max_id.min(dialog.top_message) };
    let before = dialog.read_inbox_max;
    if max_id <= before && !dialog.unread_mark {
        return Ok((pts, 0));
    }
    if dialog.unread_mark {
        dialogs::mark_unread(cx, me, peer, false)?;
        dialog.unread_mark = false;
    }
    dialog.read_inbox_max = max_id.max(before);
    dialog.unread_count = if max_id >= dialog.top_message {
        0
    } else {
        Shelf::of(me, peer).unread(cx.tx, me, dialog.read_inbox_max)?
    };
    let still_unread = dialog.unread_count;
    cx.tx.put(&DIALOGS, &(me, peer), &dialog)?;
    if max_id <= before {
        return Ok((updates::head(cx.tx, me)?.pts, 0));
    }
    tell_authors(cx, me, peer, before, max_id)?;
    let change = stored::ChangeReadInbox { peer: peer.into(), max_id, still_unread };
    Ok((updates::append(cx, me, change.into(), 1)?, 1))
}

/// Moves the read marks of those whose messages, with ids above `before` and up to `max_id`, `me` has now read.
fn tell_authors(cx: &mut Ctx<'_, '_>, me: UserId, peer: Peer, before: i32, max_id: i32) -> Done<()> {
    let mut newest: Vec<(UserId, stored::Message)> = Vec::new();
    for message in Shelf::of(me, peer).older(cx.tx, max_id.saturating_add(1), limits::PAGE_MAX)? {
        if message.id <= before {
            break;
        }
        let Some(Peer::User(author)) = message.from_id.as_ref().map(Peer::from) else { continue };
        if author != me && !newest.iter().any(|(a, _)| *a == author) {
            newest.push((author, message));
        }
    }
    for (author, message) in newest {
        let Some(their_id) = boxes::copy_of(cx.tx, me, &message, author)? else { continue };
        let their_peer = if matches!(peer, Peer::User(_)) { Peer::User(me) } else { peer };
        let Some(mut dialog) = dialogs::find(cx.tx, author, their_peer)? else { continue };
        if dialog.read_outbox_max >= their_id {
            continue;
        }
        dialog.read_outbox_max = their_id;
        cx.tx.put(&DIALOGS, &(author, their_peer), &dialog)?;
        let change = stored::ChangeReadOutbox { peer: their_peer.into(), max_id: their_id };
        updates::append(cx, author, change.into(), 1)?;
    }
    Ok(())
}

/// What forwarding makes of a message: its content, and where it was first said.
pub fn forwarded(message: &stored::Message, drop_author: bool, drop_caption: bool) -> Outgoing {
    let forward = message.forward.clone().unwrap_or_else(|| {
        let from_channel = message.post;
        stored::Forward {
            from_id: if from_channel { Some(message.peer.clone()) } else { message.from_id.clone() },
            date: message.date,
            channel_post: from_channel.then_some(message.id),
            post_author: message.post_author.clone(),
            ..Default::default()
        }
    });
    let keep_text = !(drop_caption && message.media.is_some());
    Outgoing {
        text: if keep_text { message.text.clone() } else { String::new() },
        entities: if keep_text { message.entities.clone() } else { None },
        media: message.media.clone(),
        forward: (!drop_author).then_some(forward),
        invert_media: message.invert_media,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Stop;

    #[test]
    fn a_text_is_as_long_as_its_utf_16_units_are_many() {
        let refusal = |text: &str, has_media| match check_text(text, has_media) {
            Ok(()) => None,
            Err(Stop::Refused(refusal)) => Some(refusal.name()),
            Err(stop) => panic!("{stop:?}"),
        };
        let bounds = [
            (limits::MESSAGE_CHARS_MAX, false, "MESSAGE_TOO_LONG"),
            (limits::CAPTION_CHARS_MAX, true, "MEDIA_CAPTION_TOO_LONG"),
        ];
        for (max, has_media, name) in bounds {
            for (letter, units) in [("a", 1), ("ä", 1), ("€", 1), ("😀", 2)] {
                let fits = letter.repeat(max / units);
                assert_eq!(refusal(&fits, has_media), None, "{letter}");
                assert_eq!(refusal(&(fits + "a"), has_media).as_deref(), Some(name), "{letter}");
            }
        }
    }
}
