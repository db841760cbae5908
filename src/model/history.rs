//! Which messages of a box belong to which conversation: sets of ids, 64 of which make a block.
//!
//! The newest block of a conversation stands in its dialog, which every message rewrites anyway, and becomes a row of its own
//! when a message comes that lies beyond it. So most messages add no row here, and a page of history is a row or two.

use store::{Fault, Order, Tx};
use tl::stored;

use crate::error::Done;
use crate::ids::{Peer, UserId};
use crate::tables::HISTORY;

/// Ids in a block: the bits of a word.
const BLOCK_IDS: i32 = 64;
/// Rows that are read at once: a full page of a lively conversation stands in two.
const ROWS_AT_ONCE: usize = 4;

/// The block in which `id` lies.
const fn block_of(id: i32) -> i32 {
    id.div_euclid(BLOCK_IDS)
}

/// The bit of `id` in its block.
const fn bit_of(id: i32) -> i64 {
    1 << id.rem_euclid(BLOCK_IDS)
}

/// The ids of a block, ascending.
pub(crate) fn ids_in(block: i32, ids: i64) -> impl DoubleEndedIterator<Item = i32> {
    (0..BLOCK_IDS).filter(move |bit| ids & 1 << bit != 0).map(move |bit| block * BLOCK_IDS + bit)
}

/// The ids of one conversation. Whoever changes them writes the dialog.
pub(crate) struct History<'d> {
    pub(crate) owner: UserId,
    pub(crate) peer: Peer,
    pub(crate) dialog: &'d stored::Dialog,
}

/// Adds a message to a conversation. Its id is above all that are there.
pub(crate) fn add(
    tx: &mut Tx<'_>,
    owner: UserId,
    peer: Peer,
    dialog: &mut stored::Dialog,
    id: i32,
) -> Done<()> {
    let block = block_of(id);
    if dialog.block != block {
        if dialog.ids != 0 {
            tx.put(&HISTORY, &(owner, peer, dialog.block), &stored::IdBlock { ids: dialog.ids })?;
        }
        (dialog.block, dialog.ids) = (block, 0);
    }
    dialog.ids |= bit_of(id);
    Ok(())
}

/// Takes messages out of a conversation.
pub(crate) fn remove(
    tx: &mut Tx<'_>,
    owner: UserId,
    peer: Peer,
    dialog: &mut stored::Dialog,
    gone: impl Iterator<Item = i32>,
) -> Done<()> {
    for id in gone {
        if block_of(id) == dialog.block {
            dialog.ids &= !bit_of(id);
            continue;
        }
        let key = (owner, peer, block_of(id));
        let ids = tx.get(&HISTORY, &key)?.map_or(0, |row| row.ids) & !bit_of(id);
        if ids == 0 {
            tx.delete(&HISTORY, &key)?;
        } else {
            tx.put(&HISTORY, &key, &stored::IdBlock { ids })?;
        }
    }
    Ok(())
}

impl History<'_> {
    /// Whether the message `id` is one of the conversation's.
    pub(crate) fn has(&self, tx: &Tx<'_>, id: i32) -> Result<bool, Fault> {
        let ids = if block_of(id) == self.dialog.block {
            self.dialog.ids
        } else {
            tx.get(&HISTORY, &(self.owner, self.peer, block_of(id)))?.map_or(0, |row| row.ids)
        };
        Ok(ids & bit_of(id) != 0)
    }

    /// The first `limit` ids below `below`, newest first.
    pub(crate) fn older(&self, tx: &Tx<'_>, below: i32, limit: usize) -> Done<Vec<i32>> {
        let all = HISTORY.prefix(&(self.owner, self.peer));
        let mut found: Vec<i32> =
            ids_in(self.dialog.block, self.dialog.ids).rev().filter(|id| *id < below).take(limit).collect();
        // The block in which `below` itself lies may have lower ones.
        let mut before = block_of(below.saturating_sub(1)).saturating_add(1);
        while found.len() < limit {
            let rows = all.clone().before(&(self.owner, self.peer, before));
            let rows = tx.scan(&HISTORY, rows, Order::Backward, ROWS_AT_ONCE)?;
            for ((.., block), row) in &rows {
                found.extend(ids_in(*block, row.ids).rev().filter(|id| *id < below));
            }
            match rows.last() {
                Some(((.., block), _)) if rows.len() == ROWS_AT_ONCE => before = *block,
                _ => break,
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The first `limit` ids from `from` on, oldest first.
    pub(crate) fn newer(&self, tx: &Tx<'_>, from: i32, limit: usize) -> Done<Vec<i32>> {
        let all = HISTORY.prefix(&(self.owner, self.peer));
        let mut found = Vec::new();
        let mut next = block_of(from);
        while found.len() < limit && next < self.dialog.block {
            let rows = all.clone().from(&(self.owner, self.peer, next));
            let rows = tx.scan(&HISTORY, rows, Order::Forward, ROWS_AT_ONCE)?;
            for ((.., block), row) in &rows {
                found.extend(ids_in(*block, row.ids).filter(|id| *id >= from));
            }
            match rows.last() {
                Some(((.., block), _)) if rows.len() == ROWS_AT_ONCE => next = block + 1,
                _ => break,
            }
        }
        found.extend(ids_in(self.dialog.block, self.dialog.ids).filter(|id| *id >= from));
        found.truncate(limit);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use env::{Dice as _, SeededDice};
    use store::Store;

    use super::*;
    use crate::error::Stop;

    const OWNER: UserId = UserId(7);
    const PEER: Peer = Peer::User(UserId(8));

    /// What the ids are, told by a set that holds each of them.
    fn agrees(tx: &Tx<'_>, dialog: &stored::Dialog, ids: &BTreeSet<i32>, dice: &mut SeededDice) -> Done<()> {
        let history = History { owner: OWNER, peer: PEER, dialog };
        let place = i32::try_from(dice.below(3_000)).unwrap_or(0);
        for limit in [1, 3, 100] {
            for place in [place, 1, 64, i32::MAX] {
                let older: Vec<i32> = ids.range(..place).rev().take(limit).copied().collect();
                assert_eq!(history.older(tx, place, limit)?, older, "{limit} below {place}");
                let newer: Vec<i32> = ids.range(place..).take(limit).copied().collect();
                assert_eq!(history.newer(tx, place, limit)?, newer, "{limit} from {place}");
            }
        }
        assert_eq!(history.has(tx, place)?, ids.contains(&place));
        Ok(())
    }

    #[test]
    fn blocks_hold_what_a_set_holds() {
        let store = Store::memory();
        for seed in 1..=20 {
            let run = |tx: &mut Tx<'_>| -> Result<(), Stop> {
                let mut dice = SeededDice::new(seed);
                let (mut dialog, mut ids, mut next) = (stored::Dialog::default(), BTreeSet::new(), 1);
                for step in 0..400 {
                    if dice.below(4) == 0 {
                        let gone: Vec<i32> = ids.iter().copied().filter(|_| dice.below(20) == 0).collect();
                        remove(tx, OWNER, PEER, &mut dialog, gone.iter().copied())?;
                        ids.retain(|id| !gone.contains(id));
                    } else {
                        // Other conversations take most ids, or few.
                        next += 1 + i32::try_from(dice.below(1 + seed)).unwrap_or(0);
                        add(tx, OWNER, PEER, &mut dialog, next)?;
                        ids.insert(next);
                    }
                    if step % 10 == 0 {
                        agrees(tx, &dialog, &ids, &mut dice)?;
                    }
                }
                let all: Vec<i32> = ids.iter().copied().collect();
                remove(tx, OWNER, PEER, &mut dialog, all.into_iter())?;
                assert_eq!(dialog.ids, 0);
                assert_eq!(tx.count(&HISTORY, HISTORY.of(OWNER), 9)?, 0, "an empty block is no row");
                Ok(())
            };
            store.write(run).expect("a memory store writes");
        }
    }
}
