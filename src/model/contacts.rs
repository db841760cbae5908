//! Whom people know, and whom they do not want to hear from.

use store::{Order, Tx};
use tl::{enums, stored, types};

use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::ids::{Peer, SERVICE, UserId};
use crate::limits;
use crate::shelf::{self, Shelf};
use crate::tables::{BLOCKED, CONTACTS, KNOWN_BY};
use crate::{updates, users};

/// Somebody's contacts, by id.
pub fn list(tx: &Tx<'_>, me: UserId) -> Done<Vec<(UserId, stored::Contact)>> {
    let rows = tx.scan(&CONTACTS, CONTACTS.of(me), Order::Forward, limits::CONTACTS_MAX)?;
    Ok(rows.into_iter().map(|((_, user), row)| (user, row)).collect())
}

/// How `me` calls `other`, if they are a contact.
pub fn find(tx: &Tx<'_>, me: UserId, other: UserId) -> Done<Option<stored::Contact>> {
    Ok(tx.get(&CONTACTS, &(me, other))?)
}

/// Whether `me` has `other` as a contact.
pub fn has(tx: &Tx<'_>, me: UserId, other: UserId) -> Done<bool> {
    Ok(tx.has(&CONTACTS, &(me, other))?)
}

/// Makes somebody a contact under a name, or renames them.
pub fn add(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    other: UserId,
    first: &str,
    last: &str,
    phone: &str,
) -> Done<()> {
    if other == me || other == SERVICE {
        return Err(Refusal::ContactIdInvalid.into());
    }
    let (first_name, last_name) = users::names(first, last).map_err(|_| Refusal::ContactNameEmpty)?;
    users::known(cx.tx, other)?;
    let date = cx.date();
    let row = stored::Contact { first_name, last_name, phone: phone.to_owned(), date };
    cx.tx.put(&CONTACTS, &(me, other), &row)?;
    cx.tx.put(&KNOWN_BY, &(other, me), &stored::Date { date })?;
    tell_settings(cx, me, other)
}

/// Takes somebody from the contacts. No error if they were none.
pub fn remove(cx: &mut Ctx<'_, '_>, me: UserId, other: UserId) -> Done<()> {
    if find(cx.tx, me, other)?.is_none() {
        return Ok(());
    }
    cx.tx.delete(&CONTACTS, &(me, other))?;
    cx.tx.delete(&KNOWN_BY, &(other, me))?;
    tell_settings(cx, me, other)
}

/// Other devices of `me` learn that how they stand to `other` changed.
fn tell_settings(cx: &mut Ctx<'_, '_>, me: UserId, other: UserId) -> Done<()> {
    let settings = peer_settings(cx.tx, me, other)?;
    let update = types::UpdatePeerSettings { peer: Peer::User(other).into(), settings };
    updates::append_aside(cx, me, update.into())
}

/// What the bar above a chat with `other` should offer `me`.
pub fn peer_settings(tx: &Tx<'_>, me: UserId, other: UserId) -> Done<types::PeerSettings> {
    if me == other || other == SERVICE {
        return Ok(types::PeerSettings::default());
    }
    let relation = users::relation(tx, me, other)?;
    if relation.contact {
        return Ok(types::PeerSettings::default());
    }
    // Clients offer to block or report only who wrote first and was not answered; they take one without the other for an error.
    let newest = Shelf::of(me, Peer::User(other)).older(tx, i32::MAX, limits::STRANGER_SCAN_MAX)?;
    let stranger =
        !newest.is_empty() && newest.iter().all(|m| shelf::is_incoming(m, me)) && !relation.blocked;
    Ok(types::PeerSettings {
        report_spam: stranger,
        add_contact: true,
        block_contact: stranger,
        ..Default::default()
    })
}

/// Blocks somebody, or lets them write again.
pub fn block(cx: &mut Ctx<'_, '_>, me: UserId, other: UserId, block: bool) -> Done<()> {
    if other == me || other == SERVICE {
        return Err(Refusal::ContactIdInvalid.into());
    }
    users::known(cx.tx, other)?;
    let was = cx.tx.get(&BLOCKED, &(me, other))?.is_some();
    if was == block {
        return Ok(());
    }
    if block {
        let date = cx.date();
        cx.tx.put(&BLOCKED, &(me, other), &stored::Date { date })?;
    } else {
        cx.tx.delete(&BLOCKED, &(me, other))?;
    }
    let update = types::UpdatePeerBlocked {
        blocked: block,
        blocked_my_stories_from: false,
        peer_id: Peer::User(other).into(),
    };
    updates::append_aside(cx, me, update.into())
}

/// Whom `me` blocked, with the date.
pub fn blocked(tx: &Tx<'_>, me: UserId) -> Done<Vec<(UserId, i32)>> {
    let rows = tx.scan(&BLOCKED, BLOCKED.of(me), Order::Forward, limits::CONTACTS_MAX)?;
    Ok(rows.into_iter().map(|((_, user), row)| (user, row.date)).collect())
}

/// The contacts whose names begin a word with what is looked for.
pub fn search(tx: &Tx<'_>, me: UserId, query: &str, limit: usize) -> Done<Vec<UserId>> {
    let query = query.trim().to_lowercase();
    let mut found = Vec::new();
    for (user, row) in list(tx, me)? {
        if found.len() >= limit {
            break;
        }
        let name = format!("{} {}", row.first_name, row.last_name).to_lowercase();
        let username = users::find(tx, user)?.and_then(|u| u.username).unwrap_or_default().to_lowercase();
        let hit = name.split_whitespace().any(|word| word.starts_with(&query))
            || name.starts_with(&query)
            || (!username.is_empty() && username.starts_with(&query));
        if hit {
            found.push(user);
        }
    }
    Ok(found)
}

/// A peer as an update names it, for a person.
#[must_use]
pub fn peer(user: UserId) -> enums::Peer {
    Peer::User(user).into()
}
