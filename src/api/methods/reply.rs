//! Replies that are updates: what a call did to the caller's own logs, with exact pts, as its client counts it.

use model::ids::Peer;
use model::messages::Placed;
use model::shelf::Shelf;
use tl::{enums, types};

use crate::method::{Account, Cx, Rpc};
use crate::view::update::new_message;

/// What became of one message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// Where it stands.
    pub placed: Placed,
    /// The client's number for it, if it gave one.
    pub random_id: Option<i64>,
}

/// The updates that say which messages were sent: for each its id under the client's number, and the message itself.
pub(crate) fn sent(cx: &Cx<'_, '_>, me: Account, told: &[Told]) -> Rpc<enums::Updates> {
    sent_and(cx, me, told, Vec::new(), &[])
}

/// The short form of [`sent`] for a text that was sent to a person: id, pts and date. All else its client has sent itself
/// and needs no people to understand. `None` for what the short form cannot carry, and for what was edited since.
pub(crate) fn sent_in_short(cx: &Cx<'_, '_>, me: Account, placed: Placed) -> Rpc<Option<enums::Updates>> {
    let Some(row) = placed.shelf.one(cx.model.tx, placed.id)? else { return Ok(None) };
    let to_somebody = matches!(Peer::from(&row.peer), Peer::User(user) if user != me.0);
    if !to_somebody || row.media.is_some() || row.reply_to.is_some() || row.edit_date.is_some() {
        return Ok(None);
    }
    let short = types::UpdateShortSentMessage {
        out: true,
        id: placed.id,
        pts: placed.pts,
        pts_count: 1,
        date: row.date,
        media: None,
        entities: row.entities,
        ttl_period: None,
    };
    Ok(Some(short.into()))
}

/// The same, with other updates before it and people and chats beside those that the messages name.
pub(crate) fn sent_and(
    cx: &Cx<'_, '_>,
    me: Account,
    told: &[Told],
    before: Vec<enums::Update>,
    named: &[Peer],
) -> Rpc<enums::Updates> {
    let mut view = cx.view(me);
    let mut list: Vec<enums::Update> = told
        .iter()
        // A service message has no number of the client's own, yet official clients look for one.
        .map(|t| {
            types::UpdateMessageID { id: t.placed.id, random_id: t.random_id.unwrap_or_default() }.into()
        })
        .collect();
    list.extend(before);
    for Told { placed, .. } in told {
        if let Some(row) = placed.shelf.one(cx.model.tx, placed.id)? {
            let channel = matches!(placed.shelf, Shelf::Channel(_));
            list.push(new_message(view.message(&row)?, channel, placed.pts, 1));
        }
    }
    named.iter().for_each(|peer| view.name(*peer));
    let (users, chats) = view.people()?;
    Ok(types::Updates { updates: list, users, chats, date: cx.model.now.unix(), seq: 0 }.into())
}

/// The update that says a message was edited.
pub(crate) fn edited(cx: &Cx<'_, '_>, me: Account, placed: Placed) -> Rpc<enums::Updates> {
    let mut view = cx.view(me);
    let mut list: Vec<enums::Update> = Vec::new();
    if let Some(row) = placed.shelf.one(cx.model.tx, placed.id)? {
        let message = view.message(&row)?;
        list.push(match placed.shelf {
            Shelf::Channel(_) => {
                types::UpdateEditChannelMessage { message, pts: placed.pts, pts_count: 1 }.into()
            }
            Shelf::Box(..) => types::UpdateEditMessage { message, pts: placed.pts, pts_count: 1 }.into(),
        });
    }
    let (users, chats) = view.people()?;
    Ok(types::Updates { updates: list, users, chats, date: cx.model.now.unix(), seq: 0 }.into())
}

/// Updates without messages, with the people and chats they name.
pub(crate) fn plain(
    cx: &Cx<'_, '_>,
    me: Account,
    list: Vec<enums::Update>,
    named: &[Peer],
) -> Rpc<enums::Updates> {
    sent_and(cx, me, &[], list, named)
}
