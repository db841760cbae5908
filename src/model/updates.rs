//! The birth of every update, and the only way to read one back.
//!
//! Each entry of a log has its place, `(pts, aside)`. A change that clients count (a new message, an edit, a deletion, a read)
//! takes the next pts; what they do not count (a draft, a pinned dialog, a changed name) is an *aside*: it takes no pts, because
//! a client that sees the counter move without an update that carries it asks for the difference for ever, and is remembered as
//! having happened after the newest pts. Both stand in one order; an aside read twice means the same twice.
//!
//! The newest entries stand in the head, which every change rewrites anyway and every reader looks at first; when there are
//! enough of them they become one row. So most changes add no row, and a push, which is about the newest, reads none.

use store::{Order, Tx};
use tl::{enums, stored};

use crate::ctx::{Ctx, Notice};
use crate::error::Done;
use crate::ids::UserId;
use crate::limits;
use crate::tables::{HEADS, LOGS};

/// How far a reader has come in a person's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    /// The pts up to which everything has been read.
    pub pts: i32,
    /// The last aside read after that pts; zero for none.
    pub aside: i32,
}

/// The counters of a person's box; those of a fresh one start at pts 1, since clients take 0 for "unknown".
pub fn head(tx: &Tx<'_>, user: UserId) -> Done<stored::UserHead> {
    Ok(tx.get(&HEADS, &user)?.unwrap_or(stored::UserHead {
        pts: 1,
        aside: 0,
        next_msg_id: 1,
        log_floor: 1,
        ..Default::default()
    }))
}

/// Where a person's log ends now.
pub fn end(tx: &Tx<'_>, user: UserId) -> Done<Cursor> {
    let head = head(tx, user)?;
    Ok(Cursor { pts: head.pts, aside: head.aside })
}

/// Appends a change that clients count as `pts_count` steps, and gives the pts after it.
///
/// `pts_count` is 1 but for a deletion of several messages.
pub fn append(
    cx: &mut Ctx<'_, '_>,
    user: UserId,
    change: stored::enums::Change,
    pts_count: i32,
) -> Done<i32> {
    let head = head(cx.tx, user)?;
    append_to(cx, user, head, change, pts_count)
}

/// The same on top of a head that was read, and perhaps changed, already; it is written with it.
pub(crate) fn append_to(
    cx: &mut Ctx<'_, '_>,
    user: UserId,
    mut head: stored::UserHead,
    change: stored::enums::Change,
    pts_count: i32,
) -> Done<i32> {
    let before = head.pts;
    head.pts = head.pts.saturating_add(pts_count);
    let logged = stored::Logged { origin: cx.origin.0, date: cx.date(), pts_count, change };
    note(cx.tx, user, &mut head, 0, logged)?;
    trim(cx.tx, user, &mut head, before)?;
    cx.tx.put(&HEADS, &user, &head)?;
    cx.effects.tell(Notice::User(user));
    Ok(head.pts)
}

/// Appends a change that clients do not count.
pub fn append_aside(cx: &mut Ctx<'_, '_>, user: UserId, update: enums::Update) -> Done<()> {
    let mut head = head(cx.tx, user)?;
    head.aside = head.aside.wrapping_add(1).max(1);
    let change = stored::ChangeAside { update }.into();
    let logged = stored::Logged { origin: cx.origin.0, date: cx.date(), pts_count: 0, change };
    let aside = head.aside;
    note(cx.tx, user, &mut head, aside, logged)?;
    if head.aside % limits::ASIDES_MAX == 0 {
        rest(cx, user, &mut head)?;
    }
    cx.tx.put(&HEADS, &user, &head)?;
    cx.effects.tell(Notice::User(user));
    Ok(())
}

/// Takes one pts with a deletion of nothing: a client names its place by pts alone, and could not come past more asides than
/// a slice holds. It is nobody's own, so that every client counts it.
fn rest(cx: &mut Ctx<'_, '_>, user: UserId, head: &mut stored::UserHead) -> Done<()> {
    let before = head.pts;
    head.pts = head.pts.saturating_add(1);
    let change = stored::ChangeDelete { ids: Vec::new() }.into();
    note(cx.tx, user, head, 0, stored::Logged { origin: 0, date: cx.date(), pts_count: 1, change })?;
    trim(cx.tx, user, head, before)
}

/// Adds an entry at the end of the log, which is at `(head.pts, aside)` then.
fn note(
    tx: &mut Tx<'_>,
    user: UserId,
    head: &mut stored::UserHead,
    aside: i32,
    logged: stored::Logged,
) -> Done<()> {
    // What may be long has a page of its own: it does not stand in a row that every change rewrites.
    let is_short = is_short(&logged.change);
    if !is_short || head.tail.len() >= limits::LOG_TAIL_MAX {
        turn_page(tx, user, head)?;
    }
    head.tail.push(stored::LogEntry { pts: head.pts, aside, logged });
    if is_short { Ok(()) } else { turn_page(tx, user, head) }
}

/// Whether a change takes a few words, whatever it is about.
fn is_short(change: &stored::enums::Change) -> bool {
    use stored::enums::Change;
    match change {
        Change::ChangeNew(_)
        | Change::ChangeEdit(_)
        | Change::ChangeReadInbox(_)
        | Change::ChangeReadOutbox(_) => true,
        Change::ChangeDelete(change) => change.ids.len() <= 2,
        Change::ChangePinned(change) => change.ids.len() <= 2,
        Change::ChangeAside(_) => false,
    }
}

/// Makes a row of what stands in the head.
fn turn_page(tx: &mut Tx<'_>, user: UserId, head: &mut stored::UserHead) -> Done<()> {
    let Some(last) = head.tail.last() else { return Ok(()) };
    (head.paged_pts, head.paged_aside) = (last.pts, last.aside);
    let page = stored::LogPage { entries: std::mem::take(&mut head.tail) };
    Ok(tx.put(&LOGS, &(user, head.paged_pts, head.paged_aside), &page)?)
}

/// Keeps a log's length bounded: a long one loses its oldest pages, many at once and not with every change that comes.
fn trim(tx: &mut Tx<'_>, user: UserId, head: &mut stored::UserHead, pts_before: i32) -> Done<()> {
    let floor = head.pts.saturating_sub(limits::LOG_KEEP);
    if floor <= head.log_floor || !limits::trims(pts_before, head.pts) {
        return Ok(());
    }
    // With an end: nearly all that lies behind the floor is to stay.
    let oldest = LOGS.of(user).after(&(user, head.log_floor, 0)).until(&(user, floor, i32::MAX));
    for key in tx.keys(&LOGS, oldest, Order::Forward, limits::LOG_TRIM_STEP)? {
        tx.delete(&LOGS, &key)?;
        head.log_floor = key.1;
    }
    Ok(())
}

/// What a person's log holds after `from`: at most `limit` entries, oldest first, each with where it leaves the reader.
///
/// Gives `None` where the log no longer reaches back that far, or `from` was never reached: the reader has to start anew.
pub fn since(
    tx: &Tx<'_>,
    user: UserId,
    from: Cursor,
    limit: usize,
) -> Done<Option<Vec<(Cursor, stored::Logged)>>> {
    let head = head(tx, user)?;
    if from.pts < head.log_floor || from.pts > head.pts {
        return Ok(None);
    }
    let mut found = Vec::new();
    let mut take = |entries: Vec<stored::LogEntry>| {
        let placed = entries.into_iter().map(|e| (Cursor { pts: e.pts, aside: e.aside }, e.logged));
        found.extend(placed.filter(|(place, _)| *place > from));
        found.len()
    };
    let paged = Cursor { pts: head.paged_pts, aside: head.paged_aside };
    let (mut after, mut count) = (from, 0);
    while after < paged && count < limit {
        let rows = LOGS.of(user).after(&(user, after.pts, after.aside));
        let wanted = (limit - count).div_ceil(limits::LOG_TAIL_MAX) + 1;
        let pages = tx.scan(&LOGS, rows, Order::Forward, wanted)?;
        if pages.is_empty() {
            break;
        }
        for ((_, pts, aside), page) in pages {
            after = Cursor { pts, aside };
            count = take(page.entries);
        }
    }
    take(head.tail);
    found.truncate(limit);
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use env::{Dice as _, SeededDice, Time};
    use store::Store;
    use tl::types;

    use super::*;
    use crate::ctx::Effects;
    use crate::error::Stop;
    use crate::ids::KeyId;

    const USER: UserId = UserId(1_000_001);

    /// Changes of every length, counted and not.
    fn happen(cx: &mut Ctx<'_, '_>, dice: &mut SeededDice, n: i32) -> Done<Vec<Cursor>> {
        let before = head(cx.tx, USER)?;
        let ids = |count: u64| (0..).take(usize::try_from(count).unwrap_or(0)).collect::<Vec<i32>>();
        match dice.below(8) {
            0 => append_aside(cx, USER, types::UpdateConfig {}.into())?,
            1 => {
                let ids = ids(1 + dice.below(9));
                let count = i32::try_from(ids.len()).unwrap_or(0);
                append(cx, USER, stored::ChangeDelete { ids }.into(), count)?;
            }
            _ => {
                append(cx, USER, stored::ChangeNew { id: n }.into(), 1)?;
            }
        }
        let after = head(cx.tx, USER)?;
        let aside = (after.aside != before.aside).then_some(Cursor { pts: before.pts, aside: after.aside });
        let counted = (after.pts != before.pts).then_some(Cursor { pts: after.pts, aside: 0 });
        Ok(aside.into_iter().chain(counted).collect())
    }

    #[test]
    fn pages_and_the_head_hold_what_a_list_holds() {
        let store = Store::memory();
        let mut dice = SeededDice::new(3);
        let mut all = vec![Cursor { pts: 1, aside: 0 }];
        for n in 1..=1_500 {
            let run = |tx: &mut Tx<'_>| -> Result<Vec<Cursor>, Stop> {
                let (now, effects) = (Time::from_secs(1_800_000_000), Effects::default());
                let mut none = SeededDice::new(1);
                happen(&mut Ctx { tx, now, dice: &mut none, origin: KeyId(7), effects }, &mut dice, n)
            };
            all.extend(store.write(run).expect("a memory store writes").0);
            let from = usize::try_from(dice.below(all.len() as u64)).unwrap_or(0);
            for from in [from, all.len().saturating_sub(2), all.len() - 1] {
                let limit = 1 + usize::try_from(dice.below(60)).unwrap_or(0);
                let look = |tx: &mut Tx<'_>| since(tx, USER, all[from], limit);
                let found = store.read::<_, Stop>(look).expect("a read").0.expect("within the log");
                let found: Vec<Cursor> = found.into_iter().map(|(place, _)| place).collect();
                let wanted: Vec<Cursor> = all[from + 1..].iter().take(limit).copied().collect();
                assert_eq!(found, wanted, "after {:?}, at most {limit}", all[from]);
            }
        }
        assert!(all.iter().any(|place| place.aside > limits::ASIDES_MAX / 2), "asides were among them");
    }
}
