//! Boxes: every person's own copies of the messages of their private chats and basic groups.

use store::Tx;
use tl::stored;

use crate::ctx::Ctx;
use crate::dialogs;
use crate::error::Done;
use crate::files;
use crate::ids::{Peer, SERVICE, UserId};
use crate::messages::{self, Outgoing};
use crate::tables::{BOXES, COPIES};
use crate::updates;

/// Puts a message into a person's box, on top of its conversation and into their log; deals its id.
///
/// Gives the id, and the pts of the person's log after it.
pub(crate) fn put(cx: &mut Ctx<'_, '_>, owner: UserId, mut message: stored::Message) -> Done<(i32, i32)> {
    let mut head = updates::head(cx.tx, owner)?;
    message.id = head.next_msg_id;
    head.next_msg_id = message.id.saturating_add(1);
    let peer = Peer::from(&message.peer);
    cx.tx.put(&BOXES, &(owner, message.id), &message)?;
    files::hold_message(cx, &message)?;
    if let (Some(author), Some(id)) = (message.origin_user, message.origin_id)
        && author != owner.0
    {
        let copy = stored::Counter { next: i64::from(message.id) };
        cx.tx.put(&COPIES, &(owner, UserId(author), id), &copy)?;
    }
    dialogs::push(cx, owner, peer, &message)?;
    let pts = updates::append_to(cx, owner, head, stored::ChangeNew { id: message.id }.into(), 1)?;
    Ok((message.id, pts))
}

/// The id that `put` will deal next, without dealing it.
pub(crate) fn peek_id(cx: &mut Ctx<'_, '_>, owner: UserId) -> Done<i32> {
    Ok(updates::head(cx.tx, owner)?.next_msg_id)
}

/// A message of a person's box.
pub fn find(tx: &Tx<'_>, owner: UserId, id: i32) -> Done<Option<stored::Message>> {
    Ok(tx.get(&BOXES, &(owner, id))?)
}

/// Where `other` keeps their copy of a message of `owner`'s box: in a private chat the twin, in a basic group by its author.
pub(crate) fn copy_of(
    tx: &Tx<'_>,
    owner: UserId,
    message: &stored::Message,
    other: UserId,
) -> Done<Option<i32>> {
    if other == owner {
        return Ok(Some(message.id));
    }
    match Peer::from(&message.peer) {
        Peer::User(peer) => Ok(message.twin.filter(|_| peer == other)),
        Peer::Chat(_) => {
            let (Some(author), Some(id)) = (message.origin_user, message.origin_id) else { return Ok(None) };
            if author == other.0 {
                return Ok(Some(id));
            }
            let row = tx.get(&COPIES, &(other, UserId(author), id))?;
            Ok(row.and_then(|row| i32::try_from(row.next).ok()))
        }
        Peer::Channel(_) => Ok(None),
    }
}

/// Rewrites a message in place and logs the edit; gives the pts after it.
pub(crate) fn rewrite(cx: &mut Ctx<'_, '_>, owner: UserId, message: &stored::Message) -> Done<i32> {
    files::hold_message(cx, message)?;
    if let Some(before) = find(cx.tx, owner, message.id)? {
        files::release_message(cx, &before)?;
    }
    cx.tx.put(&BOXES, &(owner, message.id), message)?;
    updates::append(cx, owner, stored::ChangeEdit { id: message.id }.into(), 1)
}

/// Takes messages out of a person's box and logs the deletion as one change; gives the pts after it and how many went.
pub(crate) fn remove(
    cx: &mut Ctx<'_, '_>,
    owner: UserId,
    messages: Vec<stored::Message>,
) -> Done<(i32, i32)> {
    if messages.is_empty() {
        return Ok((updates::head(cx.tx, owner)?.pts, 0));
    }
    for message in &messages {
        files::release_message(cx, message)?;
        cx.tx.delete(&BOXES, &(owner, message.id))?;
        if let (Some(author), Some(id)) = (message.origin_user, message.origin_id) {
            cx.tx.delete(&COPIES, &(owner, UserId(author), id))?;
        }
    }
    let ids: Vec<i32> = messages.iter().map(|m| m.id).collect();
    let mut rest = messages;
    while let Some(peer) = rest.first().map(|m| m.peer.clone()) {
        let (here, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|m| m.peer == peer);
        dialogs::pull(cx, owner, Peer::from(&peer), &here)?;
        rest = others;
    }
    let count = i32::try_from(ids.len()).unwrap_or(i32::MAX);
    let pts = updates::append(cx, owner, stored::ChangeDelete { ids }.into(), count)?;
    Ok((pts, count))
}

/// Puts a message from the service account into a person's box.
pub fn from_service(cx: &mut Ctx<'_, '_>, to: UserId, out: Outgoing) -> Done<(i32, i32)> {
    let mut message = messages::draft_row(cx, SERVICE, Peer::User(SERVICE), out);
    message.out = false;
    put(cx, to, message)
}
