//! Catching up: where the logs end, and what is in them after a point.

use model::ids::Peer;
use model::updates::Cursor;
use model::{Refusal, channels, dialogs, keys, updates as log};
use tl::functions::updates;
use tl::{enums, types};

use crate::method::{Account, Cx, Rpc, methods};
use crate::view::update::Told;

methods! {
    updates::GetState => get_state, Writes;
    updates::GetDifference => get_difference, Writes;
    updates::GetChannelDifference => get_channel_difference, Writes;
}

/// From its first question about updates on, a key is pushed to; that is kept with the key.
fn want_updates(cx: &mut Cx<'_, '_>) -> Rpc<()> {
    if !cx.key.updates_wanted {
        let key = cx.model.origin;
        keys::update(&mut cx.model, key, |row| row.updates_wanted = true)?;
    }
    Ok(())
}

fn state(cx: &Cx<'_, '_>, me: Account, pts: i32) -> Rpc<types::updates::State> {
    let qts = log::head(cx.model.tx, me.0)?.qts;
    Ok(types::updates::State { pts, qts, date: cx.model.now.unix(), seq: 0, unread_count: 0 })
}

fn get_state(cx: &mut Cx<'_, '_>, me: Account, _: updates::GetState) -> Rpc<types::updates::State> {
    want_updates(cx)?;
    let pts = log::head(cx.model.tx, me.0)?.pts;
    state(cx, me, pts)
}

/// Rows of one difference slice: what the client asks for, within bounds.
fn slice_limit(asked: Option<i32>) -> usize {
    let max = model::limits::SLICE_MAX;
    asked.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).map_or(max, |n| n.clamp(10, max))
}

fn get_difference(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: updates::GetDifference,
) -> Rpc<enums::updates::Difference> {
    want_updates(cx)?;
    if req.pts <= 0 {
        return Err(Refusal::PersistentTimestampEmpty.into());
    }
    let limit = slice_limit(req.pts_limit.or(req.pts_total_limit.filter(|n| *n < 100)));
    let from = Cursor { pts: req.pts, aside: 0 };
    let end = log::head(cx.model.tx, me.0)?.pts;
    let Some(mut rows) = log::since(cx.model.tx, me.0, from, limit)? else {
        return Ok(types::updates::DifferenceTooLong { pts: end }.into());
    };
    // A client names its place by pts alone, so a slice must not end between a pts and its asides.
    let whole = rows.len() < limit;
    if !whole {
        if let Some(last) = rows.last().map(|(cursor, _)| cursor.pts) {
            if rows.iter().any(|(cursor, _)| cursor.pts != last) {
                rows.retain(|(cursor, _)| cursor.pts != last);
            }
        }
    }
    let mut view = cx.view(me);
    let (mut new_messages, mut other_updates) = (Vec::new(), Vec::new());
    for (cursor, row) in &rows {
        match view.account_change(row, cursor.pts)? {
            Told::Message(message) => new_messages.push(message),
            Told::Other(update) => other_updates.push(update),
        }
    }
    if whole {
        // A client counts each channel by itself; it learns here which ones to ask about.
        for channel in channels::of_user(cx.model.tx, me.0)? {
            let head = channels::head(cx.model.tx, channel)?;
            if head.top_date >= req.date || head.changed >= req.date {
                view.name(Peer::Channel(channel));
                other_updates.push(types::UpdateChannelTooLong { channel_id: channel.0, pts: None }.into());
            }
        }
    }
    if new_messages.is_empty() && other_updates.is_empty() && whole {
        return Ok(types::updates::DifferenceEmpty { date: cx.date(), seq: 0 }.into());
    }
    let (users, chats) = view.people()?;
    let to = if whole { end } else { rows.last().map_or(end, |(cursor, _)| cursor.pts) };
    let new_encrypted_messages = Vec::new();
    Ok(if whole {
        let state = state(cx, me, to)?;
        types::updates::Difference {
            new_messages,
            new_encrypted_messages,
            other_updates,
            chats,
            users,
            state,
        }
        .into()
    } else {
        let intermediate_state = state(cx, me, to)?;
        types::updates::DifferenceSlice {
            new_messages,
            new_encrypted_messages,
            other_updates,
            chats,
            users,
            intermediate_state,
        }
        .into()
    })
}

fn get_channel_difference(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: updates::GetChannelDifference,
) -> Rpc<enums::updates::ChannelDifference> {
    want_updates(cx)?;
    let channel = cx.channel(me, &req.channel)?;
    if req.pts <= 0 {
        return Err(Refusal::PersistentTimestampEmpty.into());
    }
    channels::readable(cx.model.tx, me.0, channel)?;
    let limit = usize::try_from(req.limit).unwrap_or(0).clamp(1, model::limits::SLICE_MAX);
    let end = channels::head(cx.model.tx, channel)?.pts;
    if req.pts == end {
        return Ok(types::updates::ChannelDifferenceEmpty { final_: true, pts: end, timeout: None }.into());
    }
    let Some(rows) = channels::since(cx.model.tx, channel, req.pts, limit)? else {
        let entry = dialogs::entry(cx.model.tx, me.0, Peer::Channel(channel))?;
        let mut view = cx.view(me);
        let (dialog, top) = view.dialog(&entry)?;
        let (users, chats) = view.people()?;
        let messages = top.into_iter().collect();
        return Ok(types::updates::ChannelDifferenceTooLong {
            final_: true,
            timeout: None,
            dialog: dialog.into(),
            messages,
            chats,
            users,
        }
        .into());
    };
    let mut view = cx.view(me);
    view.name(Peer::Channel(channel));
    let (mut new_messages, mut other_updates) = (Vec::new(), Vec::new());
    for (pts, row) in &rows {
        match view.channel_change(channel, row, *pts)? {
            Told::Message(message) => new_messages.push(message),
            Told::Other(update) => other_updates.push(update),
        }
    }
    let (users, chats) = view.people()?;
    let pts = rows.last().map_or(end, |(pts, _)| *pts);
    Ok(types::updates::ChannelDifference {
        final_: pts >= end,
        pts,
        timeout: None,
        new_messages,
        other_updates,
        chats,
        users,
    }
    .into())
}
