//! Rows in sled's tree, those of a run together.
//!
//! An insert costs sled some microseconds however small the row is, and sixteen fill a page. Tables whose rows are numbered one
//! after the other ([`Table::in_runs`](crate::Table::in_runs)) are mostly written at their end and read by pages; so [`RUN_ROWS`]
//! neighbours lie in one value, under the key that the first of them has or would have, their home. Which home a row has
//! its key says, so that a row is found with one look as before, and a home is always replaced whole, so that a crash finds the
//! one before or the one after.
//!
//! A row of more than [`RUN_ROW_BYTES_MAX`] bytes lies apart, under its own key with a zero behind it, or every neighbour would
//! carry it along. The first byte of a value says which of the two it is.

use sled::{Db, IVec};

use super::{Pair, Writes};
use crate::fault::Fault;
use crate::key;
use crate::limits::{RUN_ROW_BYTES_MAX, RUN_ROWS};
use crate::table::{KeyRange, Order};

/// Begins a value that has the rows of a run: of each the place in the run (`u8`), the length (`u16`, little-endian) or
/// [`APART`], and its bytes, if they are here.
const HOME: u8 = 0;
/// Begins a value that is one row.
const ALONE: u8 = 1;
/// In place of a length.
const APART: u16 = u16::MAX;

const _: () = assert!(RUN_ROWS.is_power_of_two() && RUN_ROWS <= 256 && RUN_ROW_BYTES_MAX < APART as usize);

/// A tree of rows.
pub(super) struct Tree(Db);

/// A row of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row<'a> {
    Here(&'a [u8]),
    Apart,
}

/// The rows of a run by their places.
type Run<'a> = [Option<Row<'a>>; RUN_ROWS];

impl Tree {
    pub(super) fn new(db: Db) -> Self {
        Self(db)
    }

    pub(super) fn flush(&self) -> sled::Result<usize> {
        self.0.flush()
    }

    /// The row under `key`.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let Some((home, place)) = home(key) else {
            return Ok(self.look(key)?.map(|value| value.to_vec()));
        };
        let Some(value) = self.look(&home)? else { return Ok(None) };
        self.row(key, read(&value)?[place])
    }

    /// The first rows of `range`, at most `limit`.
    pub(super) fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        let mut rows = Vec::new();
        let low = self.home_before(&range.low)?;
        let low = low.as_deref().unwrap_or(&range.low);
        let mut entries = self.0.range(low..range.high.as_slice());
        while rows.len() < limit {
            let entry = match order {
                Order::Forward => entries.next(),
                Order::Backward => entries.next_back(),
            };
            let Some(entry) = entry else { break };
            let (key, value) = entry.map_err(|error| Fault::io("scanning", error))?;
            if !comes_in_runs(&key) {
                rows.push((key.to_vec(), value.to_vec()));
            } else if value.first() != Some(&ALONE) {
                self.scan_run(&key, &value, range, order, limit, &mut rows)?;
            }
        }
        Ok(rows)
    }

    /// Lays rows in, in their order: neighbours find the same page at hand. Everything else in the tree stays as it was, whatever
    /// part of this a crash leaves there, so that laying in the same rows again makes it whole.
    pub(super) fn lay_in(&self, rows: &Writes) -> Result<(), Fault> {
        let mut rows = rows.iter().peekable();
        while let Some((key, value)) = rows.next() {
            let Some((at, place)) = home(key) else {
                self.put(key, value.as_deref())?;
                continue;
            };
            let mut changes = [None; RUN_ROWS];
            changes[place] = Some(value.as_deref());
            let neighbour = |key: &[u8]| home(key).filter(|(other, _)| *other == at).map(|(_, place)| place);
            while let Some((place, value)) =
                rows.peek().and_then(|(key, value)| Some((neighbour(key)?, value)))
            {
                changes[place] = Some(value.as_deref());
                rows.next();
            }
            self.change_run(&at, &changes)?;
        }
        Ok(())
    }

    /// Writes the rows of the run at `home` that change: `Some(None)` goes.
    fn change_run(&self, home: &[u8], changes: &[Option<Option<&[u8]>>; RUN_ROWS]) -> Result<(), Fault> {
        let old = self.look(home)?;
        let mut run = old.as_deref().map_or(Ok([None; RUN_ROWS]), read)?;
        let mut leaving = Vec::new();
        for (place, (row, change)) in run.iter_mut().zip(changes).enumerate() {
            let Some(change) = change else { continue };
            let was_apart = *row == Some(Row::Apart);
            *row = match change {
                None => None,
                Some(value) if value.len() <= RUN_ROW_BYTES_MAX => Some(Row::Here(value)),
                Some(value) => {
                    // Before the home speaks of it.
                    self.put(&alone(home, place), Some(&[&[ALONE], *value].concat()))?;
                    Some(Row::Apart)
                }
            };
            if was_apart && *row != Some(Row::Apart) {
                leaving.push(alone(home, place));
            }
        }
        let whole = run.iter().any(Option::is_some).then(|| write(&run));
        self.put(home, whole.as_deref())?;
        leaving.iter().try_for_each(|key| self.put(key, None))
    }

    /// Adds the rows of the run `value` that lie in `range`.
    fn scan_run(
        &self,
        home: &[u8],
        value: &[u8],
        range: &KeyRange,
        order: Order,
        limit: usize,
        rows: &mut Vec<Pair>,
    ) -> Result<(), Fault> {
        let run = read(value)?;
        for n in 0..RUN_ROWS {
            let place = if order == Order::Forward { n } else { RUN_ROWS - 1 - n };
            let Some(row) = run[place] else { continue };
            let key = at_place(home, place);
            if key < range.low || key >= range.high || rows.len() == limit {
                continue;
            }
            let value = self.row(&key, Some(row))?;
            rows.extend(value.map(|value| (key, value)));
        }
        Ok(())
    }

    /// The home in which rows from `low` on may lie though it stands before `low` itself.
    fn home_before(&self, low: &[u8]) -> Result<Option<IVec>, Fault> {
        if !comes_in_runs(low) {
            return Ok(None);
        }
        // Rows that lie apart stand between.
        for entry in self.0.range(&low[..key::HEAD_BYTES]..low).rev().take(RUN_ROWS + 1) {
            let (key, value) = entry.map_err(|error| Fault::io("scanning", error))?;
            if value.first() != Some(&ALONE) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// The bytes of a row of a run.
    fn row(&self, key: &[u8], row: Option<Row<'_>>) -> Result<Option<Vec<u8>>, Fault> {
        match row {
            None => Ok(None),
            Some(Row::Here(value)) => Ok(Some(value.to_vec())),
            Some(Row::Apart) => {
                let value = self.look(&[key, &[0]].concat())?;
                Ok(value.and_then(|value| value.get(1..).map(<[u8]>::to_vec)))
            }
        }
    }

    fn look(&self, key: &[u8]) -> Result<Option<IVec>, Fault> {
        self.0.get(key).map_err(|error| Fault::io("reading", error))
    }

    fn put(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), Fault> {
        let put = match value {
            Some(value) => self.0.insert(key, value),
            None => self.0.remove(key),
        };
        put.map(drop).map_err(|error| Fault::io("laying in", error))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Whether `key` belongs to a table in runs, and is more than the head that all of its keys share.
fn comes_in_runs(key: &[u8]) -> bool {
    key.len() > key::HEAD_BYTES && key.get(key::HEAD_BYTES - 1).is_some_and(|&family| key::is_in_runs(family))
}

/// The home of the row under `key` and its place there, if it is one of a run.
fn home(key: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut home = comes_in_runs(key).then(|| key.to_vec())?;
    let last = home.last_mut()?;
    let place = usize::from(*last) % RUN_ROWS;
    *last -= place as u8;
    Some((home, place))
}

/// The key of the row at a place of a run.
fn at_place(home: &[u8], place: usize) -> Vec<u8> {
    let mut key = home.to_vec();
    if let Some(last) = key.last_mut() {
        *last |= place as u8;
    }
    key
}

/// Where the row at a place of a run lies if it lies apart.
fn alone(home: &[u8], place: usize) -> Vec<u8> {
    let mut key = at_place(home, place);
    key.push(0);
    key
}

fn write(run: &Run<'_>) -> Vec<u8> {
    let bytes = run.iter().flatten().map(|row| if let Row::Here(value) = row { 3 + value.len() } else { 3 });
    let mut out = Vec::with_capacity(1 + bytes.sum::<usize>());
    out.push(HOME);
    for (place, row) in run.iter().enumerate() {
        let (len, value) = match row {
            None => continue,
            Some(Row::Here(value)) => (value.len() as u16, *value),
            Some(Row::Apart) => (APART, &[][..]),
        };
        out.push(place as u8);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(value);
    }
    out
}

fn read(value: &[u8]) -> Result<Run<'_>, Fault> {
    let mut run = [None; RUN_ROWS];
    let mut read_all = || {
        let mut rest = value.strip_prefix(&[HOME])?;
        while let Some(([place, low, high], behind)) = rest.split_first_chunk() {
            let (row, behind) = match u16::from_le_bytes([*low, *high]) {
                APART => (Row::Apart, behind),
                len => behind.split_at_checked(len.into()).map(|(row, behind)| (Row::Here(row), behind))?,
            };
            *run.get_mut(usize::from(*place))? = Some(row);
            rest = behind;
        }
        rest.is_empty().then_some(())
    };
    read_all().ok_or_else(|| Fault::io("reading", "a run of rows is malformed"))?;
    Ok(run)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use env::{Dice, SeededDice};

    use super::*;

    /// The key of row `n`, or of another one behind it.
    fn numbered(family: u8, n: u32) -> Vec<u8> {
        let mut key = vec![0, 7, b'u', 0, 0, 0, 0, 0, 0, 0, 9, family];
        key.extend(n.to_be_bytes());
        key
    }

    fn tree() -> (Tree, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a directory");
        let db = sled::Config::new().path(dir.path()).flush_every_ms(None).open().expect("a new store");
        (Tree::new(db), dir)
    }

    #[test]
    fn rows_numbered_one_after_the_other_lie_together() {
        let (tree, _dir) = tree();
        let family = key::in_runs(b'n');
        let rows: Writes = (1..=24).map(|n| (numbered(family, n), Some(vec![n as u8; 100]))).collect();
        tree.lay_in(&rows).expect("laid in");
        assert_eq!(tree.len(), 4, "1 to 7, 8 to 15, 16 to 23, 24");
        let long = vec![1; RUN_ROW_BYTES_MAX + 1];
        tree.lay_in(&Writes::from([(numbered(family, 9), Some(long.clone()))])).expect("laid in");
        assert_eq!((tree.len(), tree.get(&numbered(family, 9)).expect("read")), (5, Some(long)));
        assert_eq!(tree.get(&numbered(family, 8)).expect("read"), Some(vec![8; 100]));
        tree.lay_in(&(1..=24).map(|n| (numbered(family, n), None)).collect()).expect("laid in");
        assert_eq!(tree.len(), 0, "nothing is left of what is gone");
    }

    #[test]
    fn a_malformed_home_is_a_fault() {
        let (tree, _dir) = tree();
        let home = numbered(key::in_runs(b'n'), 8);
        for bytes in [&[][..], &[ALONE], &[9], &[HOME, 0], &[HOME, 0, 5, 0, 1], &[HOME, 8, 1, 0, 1]] {
            tree.put(&home, Some(bytes)).expect("written");
            assert!(tree.get(&home).is_err(), "{bytes:?}");
        }
    }

    /// Against a plain map, tables in runs between others, with parts of what is laid in lost and laid in again.
    #[test]
    fn any_rows_are_found_again() {
        let (tree, _dir) = tree();
        let mut dice = SeededDice::new(1792);
        let mut plain: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let families = [key::in_runs(b'm'), b'n', key::in_runs(b'n')];
        let range = |dice: &mut SeededDice| {
            let mut bound = numbered(families[dice.below(3) as usize], dice.below(80) as u32);
            match dice.below(4) {
                0 => bound.push(0),
                1 => bound.truncate(10 + dice.below(5) as usize),
                _ => {}
            }
            bound
        };
        for round in 0..600 {
            let mut rows = Writes::new();
            for _ in 0..dice.below(12) {
                let key = numbered(families[dice.below(3) as usize], dice.below(80) as u32);
                let bytes =
                    [0, 1, 40, RUN_ROW_BYTES_MAX, RUN_ROW_BYTES_MAX + 1, 3000][dice.below(6) as usize];
                let value = (dice.below(10) < 7).then(|| vec![round as u8; bytes]);
                rows.insert(key, value);
            }
            // A part of it, as before a crash.
            let part =
                rows.iter().filter(|_| dice.below(2) == 0).map(|(k, v)| (k.clone(), v.clone())).collect();
            tree.lay_in(&part).expect("laid in");
            tree.lay_in(&rows).expect("laid in");
            for (key, value) in rows {
                match value {
                    Some(value) => plain.insert(key, value),
                    None => plain.remove(&key),
                };
            }
            let (low, high) = (range(&mut dice), range(&mut dice));
            let limit = [0, 1, 5, 1000][dice.below(4) as usize];
            for order in [Order::Forward, Order::Backward] {
                let range = KeyRange { low: low.clone(), high: high.clone() };
                if range.is_empty() {
                    continue;
                }
                let rows = plain.range(low.clone()..high.clone()).map(|(k, v)| (k.clone(), v.clone()));
                let expected: Vec<Pair> = match order {
                    Order::Forward => rows.take(limit).collect(),
                    Order::Backward => rows.rev().take(limit).collect(),
                };
                assert_eq!(tree.scan(&range, order, limit).expect("read"), expected, "{range:?} {order:?}");
            }
            let key = numbered(families[dice.below(3) as usize], dice.below(80) as u32);
            assert_eq!(tree.get(&key).expect("read"), plain.get(&key).cloned());
        }
        let all = KeyRange { low: vec![0], high: vec![1] };
        assert_eq!(tree.scan(&all, Order::Forward, 1000).expect("read").len(), plain.len());
    }
}
