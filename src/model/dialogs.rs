//! Conversations as one person sees them: what is newest, what is read, what is pinned.

use store::{Order, Tx};
use tl::{enums, stored, types};

use crate::boxes;
use crate::channels;
use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::history::{self, History};
use crate::ids::{Peer, UserId};
use crate::limits;
use crate::shelf;
use crate::tables::{DIALOGS, DRAFTS, PINNED};
use crate::updates;

/// A person's conversation with `peer`, if there is one.
pub fn find(tx: &Tx<'_>, user: UserId, peer: Peer) -> Done<Option<stored::Dialog>> {
    Ok(tx.get(&DIALOGS, &(user, peer))?)
}

/// Puts a message on top of a conversation and into its history; the conversation begins with it if it was not there.
pub(crate) fn push(cx: &mut Ctx<'_, '_>, user: UserId, peer: Peer, message: &stored::Message) -> Done<()> {
    let mut dialog = find(cx.tx, user, peer)?.unwrap_or_default();
    dialog.top_message = message.id;
    dialog.top_date = message.date;
    dialog.messages += 1;
    if shelf::is_incoming(message, user) {
        dialog.unread_count += 1;
    }
    history::add(cx.tx, user, peer, &mut dialog, message.id)?;
    cx.tx.put(&DIALOGS, &(user, peer), &dialog)?;
    Ok(())
}

/// Takes deleted messages out of a conversation's history and counters.
pub(crate) fn pull(cx: &mut Ctx<'_, '_>, user: UserId, peer: Peer, gone: &[stored::Message]) -> Done<()> {
    let Some(mut dialog) = find(cx.tx, user, peer)? else { return Ok(()) };
    history::remove(cx.tx, user, peer, &mut dialog, gone.iter().map(|m| m.id))?;
    dialog.messages = dialog.messages.saturating_sub(i32::try_from(gone.len()).unwrap_or(i32::MAX)).max(0);
    let unread = gone.iter().filter(|m| m.id > dialog.read_inbox_max && shelf::is_incoming(m, user)).count();
    dialog.unread_count =
        dialog.unread_count.saturating_sub(i32::try_from(unread).unwrap_or(i32::MAX)).max(0);
    if gone.iter().any(|m| m.id == dialog.top_message) {
        let rest = History { owner: user, peer, dialog: &dialog };
        let top = match rest.older(cx.tx, i32::MAX, 1)?.pop() {
            Some(id) => boxes::find(cx.tx, user, id)?,
            None => None,
        };
        (dialog.top_message, dialog.top_date) = top.map_or((0, dialog.top_date), |m| (m.id, m.date));
    }
    cx.tx.put(&DIALOGS, &(user, peer), &dialog)?;
    Ok(())
}

/// A person's conversations as a list shows them.
#[derive(Debug, Clone)]
pub struct Entry {
    /// With whom.
    pub peer: Peer,
    /// The row, `top_message` of a channel filled in from the channel.
    pub dialog: stored::Dialog,
    /// Its place among the pinned, 0 on top.
    pub pinned: Option<usize>,
}

/// Completes one conversation's row.
pub fn entry(tx: &Tx<'_>, user: UserId, peer: Peer) -> Done<Entry> {
    let dialog = find(tx, user, peer)?.unwrap_or_default();
    let pinned = pinned(tx, user)?.iter().position(|p| *p == peer);
    complete(tx, peer, dialog, pinned)
}

fn complete(tx: &Tx<'_>, peer: Peer, mut dialog: stored::Dialog, pinned: Option<usize>) -> Done<Entry> {
    if let Peer::Channel(channel) = peer {
        let head = channels::head(tx, channel)?;
        // What one may not see is not on top either.
        let seen = head.top_message > dialog.available_min;
        dialog.top_message = if seen { head.top_message } else { 0 };
        dialog.top_date = head.top_date;
    }
    Ok(Entry { peer, dialog, pinned })
}

/// How many messages of a conversation are unread. Of a channel they have to be counted: only for what is shown.
pub fn unread(tx: &Tx<'_>, user: UserId, entry: &Entry) -> Done<i32> {
    match entry.peer {
        Peer::Channel(channel) => channels::unread(tx, user, channel, entry.dialog.read_inbox_max),
        Peer::User(_) | Peer::Chat(_) => Ok(entry.dialog.unread_count),
    }
}

/// All conversations of a person that have something in them, the newest first, the pinned in their order before the others.
pub fn list(tx: &Tx<'_>, user: UserId) -> Done<Vec<Entry>> {
    let order = pinned(tx, user)?;
    let mut entries = Vec::new();
    for ((_, peer), dialog) in tx.scan(&DIALOGS, DIALOGS.of(user), Order::Forward, limits::DIALOGS_MAX)? {
        let place = order.iter().position(|p| *p == peer);
        if matches!(peer, Peer::Channel(_)) && !dialog.member {
            continue;
        }
        let entry = complete(tx, peer, dialog, place)?;
        if entry.dialog.top_message != 0 || place.is_some() || matches!(peer, Peer::Channel(_)) {
            entries.push(entry);
        }
    }
    entries.sort_by_key(|e| {
        (e.pinned.unwrap_or(usize::MAX), -i64::from(e.dialog.top_date), -i64::from(e.dialog.top_message))
    });
    Ok(entries)
}

/// With whom a person has conversations, by kind and id.
pub fn places(tx: &Tx<'_>, me: UserId) -> Done<Vec<Peer>> {
    let keys = tx.keys(&DIALOGS, DIALOGS.of(me), Order::Forward, limits::DIALOGS_MAX)?;
    Ok(keys.into_iter().map(|(_, peer)| peer).collect())
}

/// The peers pinned on a person's main list, top first.
pub fn pinned(tx: &Tx<'_>, user: UserId) -> Done<Vec<Peer>> {
    Ok(tx.get(&PINNED, &user)?.map_or_else(Vec::new, |row| row.peers.iter().map(Peer::from).collect()))
}

/// Pins a conversation to the top of the list, or takes it from there.
pub fn pin(cx: &mut Ctx<'_, '_>, me: UserId, peer: Peer, pin: bool) -> Done<()> {
    let mut order = pinned(cx.tx, me)?;
    let was = order.contains(&peer);
    if was == pin {
        return Ok(());
    }
    order.retain(|p| *p != peer);
    if pin {
        if order.len() >= limits::PINNED_MAX {
            return Err(Refusal::PinnedDialogsTooMuch.into());
        }
        order.insert(0, peer);
    }
    put_pinned(cx, me, &order)?;
    let update = types::UpdateDialogPinned { pinned: pin, folder_id: None, peer: dialog_peer(peer) };
    updates::append_aside(cx, me, update.into())
}

/// Sets the order of the pinned conversations; without `force` those not named stay pinned, below.
pub fn reorder_pinned(cx: &mut Ctx<'_, '_>, me: UserId, mut wanted: Vec<Peer>, force: bool) -> Done<()> {
    let before = pinned(cx.tx, me)?;
    wanted.retain(|p| before.contains(p));
    let mut order: Vec<Peer> = Vec::with_capacity(before.len());
    for peer in wanted {
        if !order.contains(&peer) {
            order.push(peer);
        }
    }
    if !force {
        let rest: Vec<Peer> = before.into_iter().filter(|p| !order.contains(p)).collect();
        order.extend(rest);
    }
    put_pinned(cx, me, &order)?;
    let order = Some(order.into_iter().map(dialog_peer).collect());
    updates::append_aside(cx, me, types::UpdatePinnedDialogs { folder_id: None, order }.into())
}

fn put_pinned(cx: &mut Ctx<'_, '_>, me: UserId, order: &[Peer]) -> Done<()> {
    let row = stored::Pinned { peers: order.iter().map(|p| enums::Peer::from(*p)).collect() };
    cx.tx.put(&PINNED, &me, &row)?;
    Ok(())
}

/// Marks a conversation as unread by hand, or takes the mark away.
pub fn mark_unread(cx: &mut Ctx<'_, '_>, me: UserId, peer: Peer, unread: bool) -> Done<()> {
    let Some(mut dialog) = find(cx.tx, me, peer)? else { return Err(Refusal::PeerIdInvalid.into()) };
    if dialog.unread_mark == unread {
        return Ok(());
    }
    dialog.unread_mark = unread;
    cx.tx.put(&DIALOGS, &(me, peer), &dialog)?;
    let update = types::UpdateDialogUnreadMark { unread, peer: dialog_peer(peer), saved_peer_id: None };
    updates::append_aside(cx, me, update.into())
}

/// The conversations that a person marked as unread.
pub fn marked_unread(tx: &Tx<'_>, me: UserId) -> Done<Vec<Peer>> {
    let rows = tx.scan(&DIALOGS, DIALOGS.of(me), Order::Forward, limits::DIALOGS_MAX)?;
    Ok(rows.into_iter().filter(|(_, d)| d.unread_mark).map(|((_, peer), _)| peer).collect())
}

/// What a person has written into a conversation and not sent.
pub fn draft(tx: &Tx<'_>, me: UserId, peer: Peer) -> Done<Option<enums::DraftMessage>> {
    Ok(tx.get(&DRAFTS, &(me, peer))?.map(|row| row.draft))
}

/// All drafts of a person.
pub fn drafts(tx: &Tx<'_>, me: UserId) -> Done<Vec<(Peer, enums::DraftMessage)>> {
    let rows = tx.scan(&DRAFTS, DRAFTS.of(me), Order::Forward, limits::DIALOGS_MAX)?;
    Ok(rows.into_iter().map(|((_, peer), row)| (peer, row.draft)).collect())
}

/// Keeps a draft on all devices; `None` clears it.
pub fn save_draft(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    peer: Peer,
    draft: Option<types::DraftMessage>,
) -> Done<()> {
    let had = self::draft(cx.tx, me, peer)?.is_some();
    let draft = if let Some(draft) = draft {
        let draft = enums::DraftMessage::from(draft);
        cx.tx.put(&DRAFTS, &(me, peer), &stored::Draft { draft: draft.clone() })?;
        draft
    } else {
        if !had {
            return Ok(());
        }
        cx.tx.delete(&DRAFTS, &(me, peer))?;
        types::DraftMessageEmpty { date: Some(cx.date()) }.into()
    };
    let update =
        types::UpdateDraftMessage { peer: peer.into(), top_msg_id: None, saved_peer_id: None, draft };
    updates::append_aside(cx, me, update.into())
}

fn dialog_peer(peer: Peer) -> enums::DialogPeer {
    types::DialogPeer { peer: peer.into() }.into()
}
