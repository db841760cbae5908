//! Catching up: where the logs end, and what is in them after a point.

use model::ids::Peer;
use model::limits::SLICE_MAX;
use model::updates::Cursor;
use model::{Refusal, channels, dialogs, keys, updates as log};
use tl::functions::updates;
use tl::{enums, stored, types};

use crate::method::{Account, Cx, Rpc, methods};
use crate::view::update::Told;

methods! {
    updates::GetState => get_state, Writes, Quick;
    updates::GetDifference => get_difference, Writes;
    updates::GetChannelDifference => get_channel_difference, Writes;
}

/// Seconds after which a client that shows a channel looks again by itself, in case no push reached it.
const CHANNEL_TIMEOUT_SECS: i32 = 30;

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

/// Counted rows of one slice: what the client asks for, within bounds.
fn slice_limit(asked: Option<i32>) -> usize {
    asked.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).map_or(SLICE_MAX, |n| n.min(SLICE_MAX))
}

/// Cuts rows to a slice of at most `limit` counted ones; says whether nothing was cut.
///
/// A client names its place by pts alone, so a slice ends before a counted row: never between a pts and its asides.
fn cut(rows: &mut Vec<(Cursor, stored::Logged)>, limit: usize) -> bool {
    let counted = |rows: &[(Cursor, stored::Logged)]| -> Vec<usize> {
        rows.iter().enumerate().filter(|(_, (_, row))| row.pts_count > 0).map(|(place, _)| place).collect()
    };
    let places = counted(rows);
    if let Some(first_beyond) = places.get(limit) {
        rows.truncate(*first_beyond);
        return false;
    }
    if rows.len() < SLICE_MAX {
        return true;
    }
    // The scan ended here, perhaps between a pts and its asides: the last counted row goes with the next slice.
    rows.truncate(places.last().copied().unwrap_or(0));
    false
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
    let from = Cursor { pts: req.pts, aside: 0 };
    let end = log::head(cx.model.tx, me.0)?.pts;
    let too_long = || Ok(types::updates::DifferenceTooLong { pts: end }.into());
    if req.pts_total_limit.is_some_and(|total| total > 0 && end.saturating_sub(req.pts) > total) {
        return too_long();
    }
    let Some(mut rows) = log::since(cx.model.tx, me.0, from, SLICE_MAX)? else {
        return too_long();
    };
    let whole = cut(&mut rows, slice_limit(req.pts_limit));
    if !whole && rows.is_empty() {
        // So much happened since that took no pts that a slice cannot hold it; the client has to look at everything anew.
        return too_long();
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
    let limit = usize::try_from(req.limit).unwrap_or(0).clamp(1, SLICE_MAX);
    let end = channels::head(cx.model.tx, channel)?.pts;
    if req.pts == end {
        return Ok(types::updates::ChannelDifferenceEmpty {
            final_: true,
            pts: end,
            timeout: Some(CHANNEL_TIMEOUT_SECS),
        }
        .into());
    }
    let Some(rows) = channels::since(cx.model.tx, channel, req.pts, limit)? else {
        let entry = dialogs::entry(cx.model.tx, me.0, Peer::Channel(channel))?;
        let mut view = cx.view(me);
        let (dialog, top) = view.dialog(&entry)?;
        let (users, chats) = view.people()?;
        let messages = top.into_iter().collect();
        return Ok(types::updates::ChannelDifferenceTooLong {
            final_: true,
            timeout: Some(CHANNEL_TIMEOUT_SECS),
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
    let final_ = pts >= end;
    Ok(types::updates::ChannelDifference {
        final_,
        pts,
        timeout: final_.then_some(CHANNEL_TIMEOUT_SECS),
        new_messages,
        other_updates,
        chats,
        users,
    }
    .into())
}

#[cfg(test)]
mod tests {
    use tl::functions;

    use super::*;
    use crate::world::{Device, World};

    fn text(message: &enums::Message) -> Option<String> {
        match message {
            enums::Message::Message(m) => Some(m.message.clone()),
            _ => None,
        }
    }

    /// Asks until there is no more, as a client does.
    fn catch_up(world: &mut World, device: &Device, mut pts: i32, limit: i32) -> (Vec<String>, i32, usize) {
        let (mut texts, mut slices) = (Vec::new(), 0);
        loop {
            let ask = updates::GetDifference { pts, pts_limit: Some(limit), date: 1, ..Default::default() };
            slices += 1;
            match world.call(device, &ask).expect("a difference") {
                enums::updates::Difference::Difference(d) => {
                    texts.extend(d.new_messages.iter().filter_map(text));
                    return (texts, d.state.pts, slices);
                }
                enums::updates::Difference::DifferenceSlice(d) => {
                    assert!(d.intermediate_state.pts > pts, "a slice must lead on");
                    pts = d.intermediate_state.pts;
                    texts.extend(d.new_messages.iter().filter_map(text));
                }
                enums::updates::Difference::DifferenceEmpty(_) => return (texts, pts, slices),
                other => panic!("an odd difference: {other:?}"),
            }
        }
    }

    #[test]
    fn a_log_that_is_too_long_loses_its_oldest_pages_and_nothing_newer() {
        use model::limits::{LOG_KEEP, LOG_TAIL_MAX, LOG_TRIM_EVERY};
        use model::tables::{HEADS, LOGS};
        use store::{Order, Tx};

        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let to_bob = world.input_peer(&ann, &bob);
        // As if Bob's log had grown to all that is kept, and a few of its oldest pages were still there, an aside among them.
        let age = |tx: &mut Tx<'_>| -> model::Done<()> {
            let head = model::updates::head(tx, bob.user)?;
            for (pts, aside) in [(2, 0), (3, 0), (3, 1), (20, 0), (LOG_TRIM_EVERY + 40, 0)] {
                let change = tl::stored::ChangeDelete { ids: Vec::new() }.into();
                let logged =
                    tl::stored::Logged { origin: 0, date: 1, pts_count: i32::from(aside == 0), change };
                let entries = vec![tl::stored::LogEntry { pts, aside, logged }];
                tx.put(&LOGS, &(bob.user, pts, aside), &tl::stored::LogPage { entries })?;
            }
            let (pts, tail) = (LOG_KEEP + 30, Vec::new());
            let old = tl::stored::UserHead { pts, paged_pts: pts, log_floor: 1, tail, ..head };
            Ok(tx.put(&HEADS, &bob.user, &old)?)
        };
        world.api.store().write(age).expect("written");
        for number in 0..LOG_TRIM_EVERY {
            world.say(&ann, to_bob.clone(), "more", i64::from(number) + 1);
        }
        let look = |tx: &mut Tx<'_>| -> model::Done<_> {
            let left = tx.keys(&LOGS, LOGS.of(bob.user), Order::Forward, 3)?;
            Ok((model::updates::head(tx, bob.user)?, left.iter().map(|key| key.1).collect::<Vec<_>>()))
        };
        let ((head, left), _) = world.api.store().read(look).expect("read");
        let end = LOG_KEEP + 30 + LOG_TRIM_EVERY;
        assert_eq!((head.pts, head.log_floor), (end, 20), "what is at most kept is not touched");
        // Pages are keyed by their last entry.
        let page = i32::try_from(LOG_TAIL_MAX).unwrap_or(0);
        assert_eq!(left, [LOG_TRIM_EVERY + 40, LOG_KEEP + 30 + page, LOG_KEEP + 30 + 2 * page]);
        let behind = updates::GetDifference { pts: 19, date: 1, ..Default::default() };
        let told = world.call(&bob, &behind).expect("an answer");
        assert!(matches!(told, enums::updates::Difference::DifferenceTooLong(_)), "{told:?}");
        // The rows in between were never written; whoever looks at the whole afterwards need not miss them.
        let forget = |tx: &mut Tx<'_>| -> model::Done<()> {
            tx.delete(&LOGS, &(bob.user, LOG_TRIM_EVERY + 40, 0))?;
            let head = model::updates::head(tx, bob.user)?;
            Ok(tx.put(&HEADS, &bob.user, &tl::stored::UserHead { log_floor: LOG_KEEP + 30, ..head })?)
        };
        world.api.store().write(forget).expect("written");
    }

    #[test]
    fn a_device_that_was_away_catches_up_in_order_and_nothing_comes_twice() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let start = bob.seen.pts;
        let to_bob = world.input_peer(&ann, &bob);
        for number in 0..30 {
            world.say(&ann, to_bob.clone(), &format!("m{number}"), number + 1);
            let draft = functions::messages::SaveDraft {
                peer: world.input_peer(&bob, &ann),
                message: format!("draft {number}"),
                ..Default::default()
            };
            if number % 10 == 3 {
                world.call(&bob, &draft).expect("a draft");
                world.call(&bob, &draft).expect("another");
            }
        }
        let wanted: Vec<String> = (0..30).map(|number| format!("m{number}")).collect();
        for limit in [1, 5, 29, 30, 500] {
            let (texts, pts, slices) = catch_up(&mut world, &bob, start, limit);
            assert_eq!(texts, wanted, "in slices of {limit}");
            assert_eq!(pts, start + 30);
            assert!(slices >= 30_usize.div_ceil(usize::try_from(limit).unwrap_or(1)));
        }
    }

    #[test]
    fn many_changes_without_a_pts_do_not_keep_a_device_from_catching_up() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let to_bob = world.input_peer(&ann, &bob);
        let start = bob.seen.pts;
        for number in 0..1_200 {
            let (peer, message) = (world.input_peer(&bob, &ann), format!("{number:0>900}"));
            let draft = functions::messages::SaveDraft { peer, message, ..Default::default() };
            world.call(&bob, &draft).expect("a draft");
            if number == 10 {
                world.say(&ann, to_bob.clone(), "between", 1);
            }
        }
        let (texts, end, _) = catch_up(&mut world, &bob, start, 500);
        assert_eq!(texts, ["between"]);
        let state = world.call(&bob, &updates::GetState {}).expect("a state");
        assert_eq!(end, state.pts);
        catch_up(&mut world, &bob, end, 500);
    }

    #[test]
    fn who_is_too_far_behind_is_told_to_start_anew() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let to_bob = world.input_peer(&ann, &bob);
        for number in 0..20 {
            world.say(&ann, to_bob.clone(), "x", number + 1);
        }
        for (pts, total) in [(bob.seen.pts, Some(10)), (bob.seen.pts + 1_000, None)] {
            let ask = updates::GetDifference { pts, pts_total_limit: total, date: 1, ..Default::default() };
            let answer = world.call(&bob, &ask).expect("a difference");
            assert!(
                matches!(&answer, enums::updates::Difference::DifferenceTooLong(d) if d.pts == bob.seen.pts + 20),
                "{answer:?}"
            );
        }
    }
}
