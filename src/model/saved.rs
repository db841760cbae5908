//! Saved Messages: the conversation with oneself, and the smaller ones in it, by where each message was forwarded from.

use store::Tx;
use tl::stored;

use crate::error::Done;
use crate::ids::{Peer, UserId};
use crate::limits;
use crate::shelf::{Page, Shelf};

/// The smaller conversation in which a message of Saved Messages stands: with whom it was written, or oneself for notes.
#[must_use]
pub fn place(row: &stored::Message, me: UserId) -> Peer {
    let from = row.forward.as_ref().and_then(|forward| forward.saved_from_peer.as_ref());
    from.map_or(Peer::User(me), Peer::from)
}

/// A page of one of the smaller conversations, and how many messages it has.
pub fn history(tx: &Tx<'_>, me: UserId, with: Peer, page: Page) -> Done<(Vec<stored::Message>, usize)> {
    let mut budget = limits::SEARCH_SCAN_MAX;
    Shelf::of(me, Peer::User(me)).search(tx, page, &mut budget, |row| place(row, me) == with)
}

/// The smaller conversations, each with its newest message, the newest first.
pub fn list(tx: &Tx<'_>, me: UserId) -> Done<Vec<(Peer, stored::Message)>> {
    let shelf = Shelf::of(me, Peer::User(me));
    let mut found: Vec<(Peer, stored::Message)> = Vec::new();
    let (mut below, mut looked) = (i32::MAX, 0);
    while looked < limits::SEARCH_SCAN_MAX {
        let messages = shelf.older(tx, below, limits::PAGE_MAX)?;
        let Some(last) = messages.last() else { break };
        below = last.id;
        looked += messages.len();
        for message in messages {
            let with = place(&message, me);
            if found.iter().all(|(peer, _)| *peer != with) {
                found.push((with, message));
            }
        }
    }
    Ok(found)
}
