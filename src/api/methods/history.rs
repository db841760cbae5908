//! Reading conversations: pages of history, single messages, search, what is read and what is gone.

use model::ids::Peer;
use model::limits::SEARCH_SCAN_MAX;
use model::shelf::{Page, Shelf};
use model::{Refusal, boxes, channels, messages};
use tl::functions::messages as req;
use tl::{enums, stored, types};

use crate::limits;
use crate::method::{Account, Cx, Rpc, methods};

methods! {
    messages::GetHistory => get_history, Reads;
    messages::GetMessages => get_messages, Reads;
    messages::Search => search, Reads;
    messages::SearchGlobal => search_global, Reads;
    messages::GetSearchCounters => get_search_counters, Reads;
    messages::ReadHistory => read_history, Writes;
    messages::ReadMessageContents => read_message_contents, Reads;
    messages::DeleteMessages => delete_messages, Writes;
    messages::DeleteHistory => delete_history, Writes;
    messages::ReceivedMessages => received_messages, Reads, Empty;
}

/// Messages as a reply: all of them, or a slice of so many, or a channel's.
pub(super) fn found(
    cx: &Cx<'_, '_>,
    me: Account,
    peer: Option<Peer>,
    rows: &[stored::Message],
    count: i32,
) -> Rpc<enums::messages::Messages> {
    let mut view = cx.view(me);
    let messages = view.messages(rows)?;
    if let Some(peer) = peer {
        view.name(peer);
    }
    let (users, chats) = view.people()?;
    let topics = Vec::new();
    if let Some(Peer::Channel(channel)) = peer {
        let pts = channels::head(cx.model.tx, channel)?.pts;
        return Ok(types::messages::ChannelMessages {
            inexact: false,
            pts,
            count,
            offset_id_offset: None,
            messages,
            topics,
            chats,
            users,
        }
        .into());
    }
    if usize::try_from(count).is_ok_and(|count| count <= messages.len()) {
        return Ok(types::messages::Messages { messages, topics, chats, users }.into());
    }
    Ok(types::messages::MessagesSlice { count, messages, topics, chats, users, ..Default::default() }.into())
}

/// How many a client may get of what it asks for.
pub(super) fn page_limit(asked: i32) -> usize {
    usize::try_from(asked).unwrap_or(0).min(model::limits::PAGE_MAX)
}

/// A conversation's shelf, if `me` may look at it.
fn shelf(cx: &Cx<'_, '_>, me: Account, peer: Peer) -> Rpc<Shelf> {
    if let Peer::Channel(channel) = peer {
        channels::readable(cx.model.tx, me.0, channel)?;
    }
    Ok(Shelf::of(me.0, peer))
}

/// Up to which id a conversation shows nothing to `me`.
fn hidden(cx: &Cx<'_, '_>, me: Account, peer: Peer) -> Rpc<i32> {
    Ok(match peer {
        Peer::Channel(channel) => channels::available_min(cx.model.tx, me.0, channel)?,
        Peer::User(_) | Peer::Chat(_) => 0,
    })
}

fn get_history(cx: &mut Cx<'_, '_>, me: Account, req: req::GetHistory) -> Rpc<enums::messages::Messages> {
    let peer = cx.peer(me, &req.peer)?;
    let shelf = shelf(cx, me, peer)?;
    let page = Page {
        offset_id: req.offset_id,
        offset_date: req.offset_date,
        add_offset: req.add_offset,
        limit: page_limit(req.limit),
        max_id: req.max_id,
        min_id: req.min_id.max(hidden(cx, me, peer)?),
    };
    let rows = shelf.page(cx.model.tx, page)?;
    let count = shelf.count(cx.model.tx)?;
    found(cx, me, Some(peer), &rows, count)
}

/// Messages by id, in the order asked for; what is not there comes back empty, so that a client sees which.
pub(super) fn by_ids(
    cx: &Cx<'_, '_>,
    me: Account,
    peer: Option<Peer>,
    ids: &[enums::InputMessage],
    one: impl Fn(i32) -> Rpc<Option<stored::Message>>,
) -> Rpc<(Vec<enums::Message>, Vec<enums::User>, Vec<enums::Chat>)> {
    if ids.len() > limits::IDS_MAX {
        return Err(Refusal::LimitInvalid.into());
    }
    let mut view = cx.view(me);
    let mut messages = Vec::with_capacity(ids.len());
    for input in ids {
        let (id, answered) = match input {
            enums::InputMessage::InputMessageID(m) => (m.id, false),
            enums::InputMessage::InputMessageReplyTo(m) => (m.id, true),
            enums::InputMessage::InputMessagePinned | enums::InputMessage::InputMessageCallbackQuery(_) => {
                continue;
            }
        };
        let mut row = one(id)?;
        if answered {
            row = match row.and_then(|row| row.reply_to) {
                Some(reply) => one(reply.msg_id)?,
                None => None,
            };
        }
        messages.push(match row {
            Some(row) => view.message(&row)?,
            None => types::MessageEmpty { id, peer_id: peer.map(Into::into) }.into(),
        });
    }
    let (users, chats) = view.people()?;
    Ok((messages, users, chats))
}

fn get_messages(cx: &mut Cx<'_, '_>, me: Account, req: req::GetMessages) -> Rpc<enums::messages::Messages> {
    let one = |id| Ok(boxes::find(cx.model.tx, me.0, id)?);
    let (messages, users, chats) = by_ids(cx, me, None, &req.id, one)?;
    Ok(types::messages::Messages { messages, topics: Vec::new(), chats, users }.into())
}

/// Whether a message is of the kind that a search is limited to.
fn fits(filter: &enums::MessagesFilter, row: &stored::Message) -> bool {
    use enums::MessagesFilter as Filter;
    use stored::enums::Media;
    let media = row.media.as_ref();
    match filter {
        Filter::InputMessagesFilterEmpty => true,
        Filter::InputMessagesFilterPhotos => matches!(media, Some(Media::MediaPhoto(_))),
        Filter::InputMessagesFilterPhotoVideo => matches!(media, Some(Media::MediaPhoto(_))),
        Filter::InputMessagesFilterDocument => matches!(media, Some(Media::MediaDocument(_))),
        Filter::InputMessagesFilterGeo => matches!(media, Some(Media::MediaGeo(_))),
        Filter::InputMessagesFilterContacts => matches!(media, Some(Media::MediaContact(_))),
        Filter::InputMessagesFilterPinned => row.pinned,
        Filter::InputMessagesFilterMyMentions => row.mentioned,
        Filter::InputMessagesFilterUrl => row.entities.iter().flatten().any(|entity| {
            matches!(
                entity,
                enums::MessageEntity::MessageEntityUrl(_) | enums::MessageEntity::MessageEntityTextUrl(_)
            )
        }),
        Filter::InputMessagesFilterChatPhotos => {
            matches!(row.action, Some(stored::enums::Action::ActionChatEditPhoto(_)))
        }
        _ => false,
    }
}

/// What is looked for, as it is compared: lower case, and no longer than anybody types.
fn words(query: &str) -> String {
    query.trim().chars().take(limits::QUERY_CHARS_MAX).collect::<String>().to_lowercase()
}

/// Whether a text has a word that begins with each word looked for.
fn mentions(text: &str, query: &str) -> bool {
    let text = text.to_lowercase();
    text.contains(query)
        || query
            .split_whitespace()
            .all(|wanted| text.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with(wanted)))
}

fn search(cx: &mut Cx<'_, '_>, me: Account, req: req::Search) -> Rpc<enums::messages::Messages> {
    if matches!(req.peer, enums::InputPeer::InputPeerEmpty) {
        return everywhere(cx, me, &req.q, &req.filter, req.limit, req.offset_id);
    }
    let peer = cx.peer(me, &req.peer)?;
    let shelf = shelf(cx, me, peer)?;
    let query = words(&req.q);
    let from = match &req.from_id {
        Some(from) => Some(enums::Peer::from(cx.peer(me, from)?)),
        None => None,
    };
    let floor = hidden(cx, me, peer)?;
    let (min_date, max_date) = (req.min_date, if req.max_date == 0 { i32::MAX } else { req.max_date });
    let page = Page {
        offset_id: req.offset_id,
        offset_date: 0,
        add_offset: req.add_offset,
        limit: page_limit(req.limit),
        max_id: req.max_id,
        min_id: req.min_id.max(floor),
    };
    // What is hidden is not counted either: the number alone would tell whether a word was said.
    let mut budget = SEARCH_SCAN_MAX;
    let (rows, count) = shelf.search(cx.model.tx, page, &mut budget, |row| {
        row.id > floor
            && (query.is_empty() || (row.action.is_none() && mentions(&row.text, &query)))
            && fits(&req.filter, row)
            && (min_date..=max_date).contains(&row.date)
            && from.as_ref().is_none_or(|from| row.from_id.as_ref() == Some(from))
    })?;
    found(cx, me, Some(peer), &rows, i32::try_from(count).unwrap_or(i32::MAX))
}

fn search_global(cx: &mut Cx<'_, '_>, me: Account, req: req::SearchGlobal) -> Rpc<enums::messages::Messages> {
    everywhere(cx, me, &req.q, &req.filter, req.limit, req.offset_id)
}

/// Looks through all conversations of `me`, the newest messages first.
fn everywhere(
    cx: &Cx<'_, '_>,
    me: Account,
    query: &str,
    filter: &enums::MessagesFilter,
    limit: i32,
    offset_id: i32,
) -> Rpc<enums::messages::Messages> {
    let query = words(query);
    if query.is_empty() && matches!(filter, enums::MessagesFilter::InputMessagesFilterEmpty) {
        return Err(Refusal::SearchQueryEmpty.into());
    }
    let limit = page_limit(limit);
    let mut rows = Vec::new();
    // One for all conversations: the newest are looked through first.
    let mut budget = SEARCH_SCAN_MAX;
    let mut total = 0;
    for entry in model::dialogs::list(cx.model.tx, me.0)? {
        let min_id = entry.dialog.available_min;
        let page = Page { limit, offset_id, min_id, ..Page::default() };
        let (some, count) = Shelf::of(me.0, entry.peer).search(cx.model.tx, page, &mut budget, |row| {
            row.id > min_id
                && (query.is_empty() || (row.action.is_none() && mentions(&row.text, &query)))
                && fits(filter, row)
        })?;
        rows.extend(some);
        total += count;
    }
    rows.sort_by_key(|row| (-i64::from(row.date), -i64::from(row.id)));
    rows.truncate(limit);
    found(cx, me, None, &rows, i32::try_from(total).unwrap_or(i32::MAX))
}

fn get_search_counters(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::GetSearchCounters,
) -> Rpc<Vec<types::messages::SearchCounter>> {
    let peer = cx.peer(me, &req.peer)?;
    let shelf = shelf(cx, me, peer)?;
    let mut counters = Vec::new();
    let mut budget = SEARCH_SCAN_MAX;
    for filter in req.filters.into_iter().take(20) {
        let floor = hidden(cx, me, peer)?;
        let page = Page { limit: 0, min_id: floor, ..Page::default() };
        let (_, count) =
            shelf.search(cx.model.tx, page, &mut budget, |row| row.id > floor && fits(&filter, row))?;
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        counters.push(types::messages::SearchCounter { inexact: false, filter, count });
    }
    Ok(counters)
}

fn read_history(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::ReadHistory,
) -> Rpc<types::messages::AffectedMessages> {
    let peer = cx.peer(me, &req.peer)?;
    if let Peer::Channel(_) = peer {
        return Err(Refusal::PeerIdInvalid.into());
    }
    let (pts, pts_count) = messages::read(&mut cx.model, me.0, peer, req.max_id)?;
    Ok(types::messages::AffectedMessages { pts, pts_count })
}

/// Voice messages and the like are not counted as unheard yet, so there is nothing to mark.
fn read_message_contents(
    cx: &mut Cx<'_, '_>,
    me: Account,
    _: req::ReadMessageContents,
) -> Rpc<types::messages::AffectedMessages> {
    let pts = model::updates::head(cx.model.tx, me.0)?.pts;
    Ok(types::messages::AffectedMessages { pts, pts_count: 0 })
}

fn delete_messages(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::DeleteMessages,
) -> Rpc<types::messages::AffectedMessages> {
    if req.id.len() > model::limits::IDS_MAX {
        return Err(Refusal::LimitInvalid.into());
    }
    let (pts, pts_count) = messages::delete(&mut cx.model, me.0, &req.id, req.revoke)?;
    Ok(types::messages::AffectedMessages { pts, pts_count })
}

/// Clears a conversation a step at a time: clients ask again while `offset` is not zero.
fn delete_history(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::DeleteHistory,
) -> Rpc<types::messages::AffectedHistory> {
    let peer = cx.peer(me, &req.peer)?;
    if let Peer::Channel(_) = peer {
        return Err(Refusal::PeerIdInvalid.into());
    }
    let (pts, pts_count, more) =
        messages::delete_history(&mut cx.model, me.0, peer, req.max_id, req.just_clear, req.revoke)?;
    Ok(types::messages::AffectedHistory { pts, pts_count, offset: i32::from(more) })
}

fn received_messages(
    _: &mut Cx<'_, '_>,
    _: Account,
    _: req::ReceivedMessages,
) -> Rpc<Vec<types::ReceivedNotifyMessage>> {
    Ok(Vec::new())
}
