//! The list of conversations, and what a person keeps about each: drafts, pins, marks.

use model::dialogs::{self, Entry};
use model::ids::{ChannelId, ChatId, Peer, UserId};
use model::{Refusal, channels, updates};
use tl::functions::messages as req;
use tl::{enums, types};

use super::history::page_limit;
use super::send;
use crate::limits;
use crate::method::{Account, Cx, Rpc, methods};

methods! {
    messages::GetDialogs => get_dialogs, Reads;
    messages::GetPinnedDialogs => get_pinned_dialogs, Reads;
    messages::GetPeerDialogs => get_peer_dialogs, Reads;
    messages::ToggleDialogPin => toggle_dialog_pin, Writes;
    messages::ReorderPinnedDialogs => reorder_pinned_dialogs, Writes;
    messages::MarkDialogUnread => mark_dialog_unread, Writes;
    messages::GetDialogUnreadMarks => get_dialog_unread_marks, Reads;
    messages::SaveDraft => save_draft, Writes, Quick;
    messages::GetAllDrafts => get_all_drafts, Reads;
    messages::ClearAllDrafts => clear_all_drafts, Writes;
}

/// Conversations in full: rows, newest messages, people and chats.
struct Listed {
    dialogs: Vec<enums::Dialog>,
    messages: Vec<enums::Message>,
    chats: Vec<enums::Chat>,
    users: Vec<enums::User>,
}

fn listed(cx: &Cx<'_, '_>, me: Account, entries: &[Entry]) -> Rpc<Listed> {
    let mut view = cx.view(me);
    let (mut dialogs, mut messages) = (Vec::with_capacity(entries.len()), Vec::new());
    for entry in entries {
        let (dialog, top) = view.dialog(entry)?;
        dialogs.push(dialog.into());
        messages.extend(top);
    }
    let (users, chats) = view.people()?;
    Ok(Listed { dialogs, messages, chats, users })
}

/// A page of the list. Clients go on with date, id and peer of the last message they have; the pinned stand before it all.
fn get_dialogs(cx: &mut Cx<'_, '_>, me: Account, req: req::GetDialogs) -> Rpc<enums::messages::Dialogs> {
    let mut entries = dialogs::list(cx.model.tx, me.0)?;
    if req.folder_id.is_some_and(|folder| folder != 0) {
        entries.clear();
    }
    if req.exclude_pinned {
        entries.retain(|entry| entry.pinned.is_none());
    }
    let count = entries.len();
    let from_start = req.offset_id == 0
        && req.offset_date == 0
        && matches!(req.offset_peer, enums::InputPeer::InputPeerEmpty);
    if !from_start {
        let last = offset_peer(me, &req.offset_peer);
        let place = last.and_then(|peer| entries.iter().position(|e| e.peer == peer));
        match place {
            // Nothing moved since the page before: go on behind the conversation it ended with.
            Some(place)
                if entries
                    .get(place)
                    .is_some_and(|e| e.dialog.top_message == req.offset_id || req.offset_id == 0) =>
            {
                entries.drain(..=place);
            }
            // The conversation moved, or is not named: go on by date.
            _ => entries.retain(|e| {
                e.pinned.is_none()
                    && Some(e.peer) != last
                    && (req.offset_date == 0 || e.dialog.top_date <= req.offset_date)
            }),
        }
    }
    let limit = page_limit(req.limit);
    let rest = entries.len();
    entries.truncate(limit);
    let Listed { dialogs, messages, chats, users } = listed(cx, me, &entries)?;
    if from_start && rest <= limit {
        return Ok(types::messages::Dialogs { dialogs, messages, chats, users }.into());
    }
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    Ok(types::messages::DialogsSlice { count, dialogs, messages, chats, users }.into())
}

/// The conversation that the page before ended with. Its access hash is not looked at: TDLib names it with none, and it
/// is but a place in the caller's own list.
fn offset_peer(me: Account, peer: &enums::InputPeer) -> Option<Peer> {
    match peer {
        enums::InputPeer::InputPeerSelf => Some(Peer::User(me.0)),
        enums::InputPeer::InputPeerUser(p) => Some(Peer::User(UserId(p.user_id))),
        enums::InputPeer::InputPeerChat(p) => Some(Peer::Chat(ChatId(p.chat_id))),
        enums::InputPeer::InputPeerChannel(p) => Some(Peer::Channel(ChannelId(p.channel_id))),
        _ => None,
    }
}

fn peer_dialogs(cx: &Cx<'_, '_>, me: Account, entries: &[Entry]) -> Rpc<types::messages::PeerDialogs> {
    let Listed { dialogs, messages, chats, users } = listed(cx, me, entries)?;
    let head = updates::head(cx.model.tx, me.0)?;
    let state = types::updates::State {
        pts: head.pts,
        qts: head.qts,
        date: cx.model.now.unix(),
        seq: 0,
        unread_count: 0,
    };
    Ok(types::messages::PeerDialogs { dialogs, messages, chats, users, state })
}

fn get_pinned_dialogs(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::GetPinnedDialogs,
) -> Rpc<types::messages::PeerDialogs> {
    let mut entries = Vec::new();
    if req.folder_id == 0 {
        for peer in dialogs::pinned(cx.model.tx, me.0)? {
            entries.push(dialogs::entry(cx.model.tx, me.0, peer)?);
        }
    }
    peer_dialogs(cx, me, &entries)
}

fn dialog_peer(cx: &Cx<'_, '_>, me: Account, peer: &enums::InputDialogPeer) -> Rpc<Peer> {
    match peer {
        enums::InputDialogPeer::InputDialogPeer(p) => cx.peer(me, &p.peer),
        _ => Err(Refusal::PeerIdInvalid.into()),
    }
}

fn get_peer_dialogs(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::GetPeerDialogs,
) -> Rpc<types::messages::PeerDialogs> {
    if req.peers.len() > limits::IDS_MAX {
        return Err(Refusal::LimitInvalid.into());
    }
    let mut entries = Vec::with_capacity(req.peers.len());
    for peer in &req.peers {
        let peer = dialog_peer(cx, me, peer)?;
        if let Peer::Channel(channel) = peer {
            channels::readable(cx.model.tx, me.0, channel)?;
        }
        entries.push(dialogs::entry(cx.model.tx, me.0, peer)?);
    }
    peer_dialogs(cx, me, &entries)
}

fn toggle_dialog_pin(cx: &mut Cx<'_, '_>, me: Account, req: req::ToggleDialogPin) -> Rpc<bool> {
    let peer = dialog_peer(cx, me, &req.peer)?;
    if dialogs::find(cx.model.tx, me.0, peer)?.is_none() {
        return Err(Refusal::PeerIdInvalid.into());
    }
    dialogs::pin(&mut cx.model, me.0, peer, req.pinned)?;
    Ok(true)
}

fn reorder_pinned_dialogs(cx: &mut Cx<'_, '_>, me: Account, req: req::ReorderPinnedDialogs) -> Rpc<bool> {
    if req.order.len() > model::limits::PINNED_MAX {
        return Err(Refusal::PinnedDialogsTooMuch.into());
    }
    let mut order = Vec::with_capacity(req.order.len());
    for peer in &req.order {
        order.push(dialog_peer(cx, me, peer)?);
    }
    dialogs::reorder_pinned(&mut cx.model, me.0, order, req.force)?;
    Ok(true)
}

fn mark_dialog_unread(cx: &mut Cx<'_, '_>, me: Account, req: req::MarkDialogUnread) -> Rpc<bool> {
    let peer = dialog_peer(cx, me, &req.peer)?;
    dialogs::mark_unread(&mut cx.model, me.0, peer, req.unread)?;
    Ok(true)
}

fn get_dialog_unread_marks(
    cx: &mut Cx<'_, '_>,
    me: Account,
    _: req::GetDialogUnreadMarks,
) -> Rpc<Vec<enums::DialogPeer>> {
    let marked = dialogs::marked_unread(cx.model.tx, me.0)?;
    Ok(marked.into_iter().map(|peer| types::DialogPeer { peer: peer.into() }.into()).collect())
}

fn save_draft(cx: &mut Cx<'_, '_>, me: Account, req: req::SaveDraft) -> Rpc<bool> {
    let peer = cx.peer(me, &req.peer)?;
    model::messages::check_text(&req.message, false)?;
    send::reply_to(req.reply_to.clone())?;
    send::check_size(req.entities.as_deref().unwrap_or_default())?;
    let empty = req.message.is_empty() && req.reply_to.is_none();
    let draft = (!empty).then(|| types::DraftMessage {
        no_webpage: req.no_webpage,
        invert_media: req.invert_media,
        reply_to: req.reply_to,
        message: req.message,
        entities: req.entities,
        date: cx.model.now.unix(),
        ..Default::default()
    });
    dialogs::save_draft(&mut cx.model, me.0, peer, draft)?;
    Ok(true)
}

/// All drafts, as the updates that would have brought them.
fn get_all_drafts(cx: &mut Cx<'_, '_>, me: Account, _: req::GetAllDrafts) -> Rpc<enums::Updates> {
    let drafts = dialogs::drafts(cx.model.tx, me.0)?;
    let named: Vec<Peer> = drafts.iter().map(|(peer, _)| *peer).collect();
    let list = drafts
        .into_iter()
        .map(|(peer, draft)| {
            types::UpdateDraftMessage { peer: peer.into(), top_msg_id: None, saved_peer_id: None, draft }
                .into()
        })
        .collect();
    super::reply::plain(cx, me, list, &named)
}

fn clear_all_drafts(cx: &mut Cx<'_, '_>, me: Account, _: req::ClearAllDrafts) -> Rpc<bool> {
    for (peer, _) in dialogs::drafts(cx.model.tx, me.0)? {
        dialogs::save_draft(&mut cx.model, me.0, peer, None)?;
    }
    Ok(true)
}
