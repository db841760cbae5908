//! Rows in sled: those of a run together, long ones in pieces.
//!
//! An insert costs sled some microseconds however small the row is. Tables whose rows are numbered one after the other
//! ([`Table::in_runs`](crate::Table::in_runs)) are mostly written at their end and read by pages; so [`RUN_ROWS`] neighbours
//! lie in one value, under the key that the first of them has or would have, their home. Which home a row has its key says, so
//! that a row is found with one look as before, and a home is always replaced whole, so that a crash finds the one before or
//! the one after.
//!
//! sled splits a page when it has more than sixteen values, however large they are, and keeps a page of over 128 KiB in a file
//! of its own, which it neither syncs before the log speaks of it nor keeps until the next one is synced: a loss of power there
//! loses rows that were durable. So no value is longer than [`PIECE_BYTES`]. A longer row lies in pieces in a second tree, and
//! so does one of a run that its neighbours would have to carry along ([`RUN_ROW_BYTES_MAX`]); in its place stands its length.

use sled::{Db, IVec};

use super::{Pair, RawKey, RawValue, Writes};
use crate::fault::Fault;
use crate::key;
use crate::limits::{PIECE_BYTES, RUN_ROW_BYTES_MAX, RUN_ROWS, VALUE_BYTES_MAX};
use crate::table::{KeyRange, Order};

/// Begins the value of a row that lies here.
const HERE: u8 = 0;
/// Begins the value of a row that lies in pieces: its length follows (`u32`, little-endian).
const IN_PIECES: u8 = 1;
/// Bytes before each row of a run: its place in the run, and one of the two above with the length.
const HEAD_BYTES: usize = 1 + 1 + 4;

const _: () = assert!(RUN_ROWS.is_power_of_two() && RUN_ROWS <= 256);
const _: () =
    assert!(RUN_ROWS * (HEAD_BYTES + RUN_ROW_BYTES_MAX) <= PIECE_BYTES, "a home is a value as others");
const _: () = assert!(2 * 16 * PIECE_BYTES <= 128 * 1024, "pages stay far below those of one file each");
const _: () = assert!(VALUE_BYTES_MAX.div_ceil(PIECE_BYTES) <= 256, "the number of a piece is a byte");

/// A tree of rows.
pub(super) struct Tree {
    db: Db,
    /// The pieces of long rows: by the key of the row and the number of the piece behind it.
    pieces: sled::Tree,
}

/// The home that was looked up last, for whoever asks for several rows of one moment: they mostly are neighbours.
#[derive(Default)]
pub(super) struct Near {
    home: RawKey,
    value: Option<IVec>,
}

/// A row where its key leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row<'a> {
    Here(&'a [u8]),
    /// So many bytes.
    InPieces(usize),
}

/// The rows of a run by their places.
type Run<'a> = [Option<Row<'a>>; RUN_ROWS];

impl Tree {
    /// The rows in `db`.
    pub(super) fn open(db: Db) -> sled::Result<Self> {
        let pieces = db.open_tree("pieces")?;
        Ok(Self { db, pieces })
    }

    /// Has everything written to the file.
    pub(super) fn flush(&self) -> sled::Result<usize> {
        self.db.flush()
    }

    /// The row under `key`. The home that `near` remembers is not looked up again.
    pub(super) fn get(&self, key: &[u8], near: &mut Near) -> Result<Option<RawValue>, Fault> {
        let Some((home, place)) = home(key) else {
            let Some(value) = look(&self.db, key)? else { return Ok(None) };
            return self.whole(key, read_row(&value)?).map(Some);
        };
        if near.home != home {
            near.value = look(&self.db, &home)?;
            near.home = home;
        }
        let Some(value) = &near.value else { return Ok(None) };
        read_run(value)?[place].map(|row| self.whole(key, row)).transpose()
    }

    /// The first rows of `range`, at most `limit`.
    pub(super) fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        let mut rows = Vec::new();
        self.walk(range, order, |key, row| {
            if rows.len() < limit {
                rows.push((RawKey::from_slice(key), self.whole(key, row)?));
            }
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    /// The first keys of `range`, at most `limit`.
    pub(super) fn keys(&self, range: &KeyRange, limit: usize) -> Result<Vec<RawKey>, Fault> {
        let mut keys = Vec::with_capacity(limit);
        self.walk(range, Order::Forward, |key, _| {
            if keys.len() < limit {
                keys.push(RawKey::from_slice(key));
            }
            Ok(keys.len() < limit)
        })?;
        Ok(keys)
    }

    /// Shows the rows of `range` to `see` until that says that it has enough; it may be shown some more.
    fn walk(
        &self,
        range: &KeyRange,
        order: Order,
        mut see: impl FnMut(&[u8], Row<'_>) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let home = self.home_before(&range.low)?;
        let low = home.as_deref().unwrap_or(&range.low);
        let mut values = self.db.range(low..range.high.as_slice());
        let mut goes_on = true;
        while goes_on {
            let next = match order {
                Order::Forward => values.next(),
                Order::Backward => values.next_back(),
            };
            let Some(next) = next else { break };
            let (key, value) = next.map_err(|error| Fault::io("scanning", error))?;
            if !comes_in_runs(&key) {
                goes_on = see(&key, read_row(&value)?)?;
                continue;
            }
            let run = read_run(&value)?;
            for n in 0..RUN_ROWS {
                let place = if order == Order::Forward { n } else { RUN_ROWS - 1 - n };
                let Some(row) = run[place] else { continue };
                let key = at_place(&key, place);
                if key >= range.low && key < range.high {
                    goes_on = see(&key, row)?;
                }
            }
        }
        Ok(())
    }

    /// Lays rows in, in their order: neighbours find the same page at hand. Everything else stays as it was, whatever part of
    /// this a crash leaves in the tree, and laying in the same rows again makes them whole.
    pub(super) fn lay_in(&self, rows: &Writes) -> Result<(), Fault> {
        let mut rows = rows.iter().peekable();
        while let Some((key, value)) = rows.next() {
            let Some((at, place)) = home(key) else {
                self.change_row(key, value.as_deref())?;
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

    /// Writes the row under `key`, or lets it go.
    fn change_row(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), Fault> {
        let (row, old) = match value {
            Some(value) => {
                let row = self.piece_out(key, value, PIECE_BYTES)?;
                let mut bytes = Vec::with_capacity(5 + value.len());
                write_row(row, &mut bytes);
                (Some(row), self.db.insert(key, bytes))
            }
            None => (None, self.db.remove(key)),
        };
        let old = old.map_err(|error| Fault::io("laying in", error))?;
        self.forget_pieces(key, old.as_deref().map(read_row).transpose()?, row)
    }

    /// Writes the rows of the run at `home` that change: `Some(None)` goes.
    fn change_run(&self, home: &[u8], changes: &[Option<Option<&[u8]>>; RUN_ROWS]) -> Result<(), Fault> {
        let old = look(&self.db, home)?;
        let old = old.as_deref().map_or(Ok([None; RUN_ROWS]), read_run)?;
        let mut run = old;
        for (place, change) in changes.iter().enumerate() {
            let Some(change) = change else { continue };
            let key = at_place(home, place);
            run[place] = change.map(|value| self.piece_out(&key, value, RUN_ROW_BYTES_MAX)).transpose()?;
        }
        let whole = run.iter().any(Option::is_some).then(|| write_run(&run));
        match whole {
            Some(value) => self.db.insert(home, value),
            None => self.db.remove(home),
        }
        .map_err(|error| Fault::io("laying in", error))?;
        for (place, (old, new)) in old.into_iter().zip(run).enumerate() {
            if let Some(Row::InPieces(_)) = old {
                self.forget_pieces(&at_place(home, place), old, new)?;
            }
        }
        Ok(())
    }

    /// What stands where `key` leads for a row of these bytes: itself, or its length once its pieces are written.
    fn piece_out<'a>(&self, key: &[u8], value: &'a [u8], most: usize) -> Result<Row<'a>, Fault> {
        if value.len() <= most {
            return Ok(Row::Here(value));
        }
        for (n, piece) in value.chunks(PIECE_BYTES).enumerate() {
            self.pieces.insert(piece_key(key, n), piece).map_err(|error| Fault::io("laying in", error))?;
        }
        Ok(Row::InPieces(value.len()))
    }

    /// Removes the pieces that the row under `key` had and has no more. If a crash keeps some of them, nothing leads there.
    fn forget_pieces(&self, key: &[u8], old: Option<Row<'_>>, new: Option<Row<'_>>) -> Result<(), Fault> {
        let pieces = |row| if let Some(Row::InPieces(bytes)) = row { bytes.div_ceil(PIECE_BYTES) } else { 0 };
        for n in pieces(new)..pieces(old) {
            self.pieces.remove(piece_key(key, n)).map_err(|error| Fault::io("laying in", error))?;
        }
        Ok(())
    }

    /// The bytes of a row.
    fn whole(&self, key: &[u8], row: Row<'_>) -> Result<RawValue, Fault> {
        let bytes = match row {
            Row::Here(value) => return Ok(value.into()),
            Row::InPieces(bytes) => bytes.min(VALUE_BYTES_MAX),
        };
        let mut whole = Vec::with_capacity(bytes);
        for n in 0..bytes.div_ceil(PIECE_BYTES) {
            let piece = look(&self.pieces, &piece_key(key, n))?;
            whole.extend_from_slice(
                &piece.ok_or_else(|| Fault::io("reading", "a piece of a row is missing"))?,
            );
        }
        Ok(whole.into())
    }

    /// The home in which rows from `low` on may lie though it stands before `low` itself.
    fn home_before(&self, low: &[u8]) -> Result<Option<IVec>, Fault> {
        if !comes_in_runs(low) {
            return Ok(None);
        }
        let before = self.db.range(&low[..key::HEAD_BYTES]..low).next_back().transpose();
        before.map(|found| found.map(|(key, _)| key)).map_err(|error| Fault::io("scanning", error))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.db.len()
    }
}

fn look(tree: &sled::Tree, key: &[u8]) -> Result<Option<IVec>, Fault> {
    tree.get(key).map_err(|error| Fault::io("reading", error))
}

/// Whether `key` belongs to a table in runs, and is more than the head that all of its keys share.
fn comes_in_runs(key: &[u8]) -> bool {
    key.len() > key::HEAD_BYTES && key.get(key::HEAD_BYTES - 1).is_some_and(|&family| key::is_in_runs(family))
}

/// The home of the row under `key` and its place there, if it is one of a run.
fn home(key: &[u8]) -> Option<(RawKey, usize)> {
    let mut home = comes_in_runs(key).then(|| RawKey::from_slice(key))?;
    let last = home.last_mut()?;
    let place = usize::from(*last) % RUN_ROWS;
    *last -= place as u8;
    Some((home, place))
}

/// The key of the row at a place of a run.
fn at_place(home: &[u8], place: usize) -> RawKey {
    let mut key = RawKey::from_slice(home);
    if let Some(last) = key.last_mut() {
        *last |= place as u8;
    }
    key
}

/// Where a piece of a row lies.
fn piece_key(key: &[u8], piece: usize) -> RawKey {
    let mut at = RawKey::from_slice(key);
    at.push(piece as u8);
    at
}

fn malformed() -> Fault {
    Fault::io("reading", "a value in sled is malformed")
}

fn write_row(row: Row<'_>, out: &mut Vec<u8>) {
    match row {
        Row::Here(value) => {
            out.push(HERE);
            out.extend_from_slice(value);
        }
        Row::InPieces(bytes) => {
            out.push(IN_PIECES);
            out.extend_from_slice(&(bytes as u32).to_le_bytes());
        }
    }
}

fn read_row(value: &[u8]) -> Result<Row<'_>, Fault> {
    match value {
        [HERE, value @ ..] => Ok(Row::Here(value)),
        [IN_PIECES, a, b, c, d] => Ok(Row::InPieces(u32::from_le_bytes([*a, *b, *c, *d]) as usize)),
        _ => Err(malformed()),
    }
}

fn write_run(run: &Run<'_>) -> Vec<u8> {
    let bytes =
        run.iter().flatten().map(|row| HEAD_BYTES + if let Row::Here(value) = row { value.len() } else { 0 });
    let mut out = Vec::with_capacity(bytes.sum::<usize>());
    for (place, row) in run.iter().enumerate() {
        let (kind, bytes, value) = match row {
            None => continue,
            Some(Row::Here(value)) => (HERE, value.len(), *value),
            Some(Row::InPieces(bytes)) => (IN_PIECES, *bytes, &[][..]),
        };
        out.extend_from_slice(&[place as u8, kind]);
        out.extend_from_slice(&(bytes as u32).to_le_bytes());
        out.extend_from_slice(value);
    }
    out
}

fn read_run(value: &[u8]) -> Result<Run<'_>, Fault> {
    let mut run = [None; RUN_ROWS];
    let mut rest = value;
    while !rest.is_empty() {
        let ([place, kind, bytes @ ..], behind) =
            rest.split_first_chunk::<HEAD_BYTES>().ok_or_else(malformed)?;
        let bytes = u32::from_le_bytes(*bytes) as usize;
        let here = if *kind == HERE { bytes } else { 0 };
        let (value, behind) = behind.split_at_checked(here).ok_or_else(malformed)?;
        let place = run.get_mut(usize::from(*place)).ok_or_else(malformed)?;
        *place = Some(match *kind {
            HERE => Row::Here(value),
            IN_PIECES => Row::InPieces(bytes),
            _ => return Err(malformed()),
        });
        rest = behind;
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use env::{Dice, SeededDice};

    use super::*;

    /// The key of row `n`, or of another one behind it.
    fn numbered(family: u8, n: u32) -> RawKey {
        let mut key = RawKey::from_slice(&[0, 7, b'u', 0, 0, 0, 0, 0, 0, 0, 9, family]);
        key.extend(n.to_be_bytes());
        key
    }

    fn of(byte: u8, bytes: usize) -> RawValue {
        vec![byte; bytes].into()
    }

    fn tree() -> (Tree, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a directory");
        let db = sled::Config::new().path(dir.path()).flush_every_ms(None).open().expect("a new store");
        (Tree::open(db).expect("a new tree"), dir)
    }

    #[test]
    fn rows_numbered_one_after_the_other_lie_together() {
        let (tree, _dir) = tree();
        let family = key::in_runs(b'n');
        let rows: Writes = (1..=24).map(|n| (numbered(family, n), Some(of(n as u8, 100)))).collect();
        tree.lay_in(&rows).expect("laid in");
        assert_eq!(tree.len(), 4, "1 to 7, 8 to 15, 16 to 23, 24");
        let long = of(1, RUN_ROW_BYTES_MAX + 1);
        tree.lay_in(&Writes::from([(numbered(family, 9), Some(long.clone()))])).expect("laid in");
        assert_eq!((tree.len(), tree.pieces.len()), (4, 1), "a long one is no burden to its neighbours");
        assert_eq!(tree.get(&numbered(family, 9), &mut Near::default()).expect("read"), Some(long));
        assert_eq!(tree.get(&numbered(family, 8), &mut Near::default()).expect("read"), Some(of(8, 100)));
        tree.lay_in(&(1..=24).map(|n| (numbered(family, n), None)).collect()).expect("laid in");
        assert_eq!((tree.len(), tree.pieces.len()), (0, 0), "nothing is left of what is gone");
    }

    #[test]
    fn no_value_is_long_enough_for_a_file_of_its_own() {
        let (tree, dir) = tree();
        for family in [b'n', key::in_runs(b'n')] {
            let rows = (0..64).map(|n| (numbered(family, n), Some(of(n as u8, VALUE_BYTES_MAX))));
            tree.lay_in(&rows.collect()).expect("laid in");
            let short = (0..64).map(|n| (numbered(family, n), Some(of(n as u8, PIECE_BYTES))));
            tree.flush().expect("written");
            tree.lay_in(&short.collect()).expect("laid in");
            assert_eq!(
                tree.get(&numbered(family, 63), &mut Near::default()).expect("read"),
                Some(of(63, PIECE_BYTES))
            );
        }
        assert_eq!(tree.pieces.len(), 64, "of a run; others have room for as much");
        tree.flush().expect("written");
        assert_eq!(std::fs::read_dir(dir.path().join("blobs")).expect("a directory").count(), 0);
    }

    #[test]
    fn malformed_values_are_faults() {
        let (tree, _dir) = tree();
        let home = numbered(key::in_runs(b'n'), 8);
        for bytes in [&[9][..], &[0, HERE, 5, 0, 0, 0, 1], &[8, HERE, 0, 0, 0, 0], &[0, 2, 0, 0, 0, 0]] {
            tree.db.insert(&home, bytes).expect("written");
            assert!(tree.get(&home, &mut Near::default()).is_err(), "{bytes:?}");
        }
        tree.db.insert(&home, &[0, IN_PIECES, 1, 0, 0, 0]).expect("written");
        assert!(tree.get(&home, &mut Near::default()).is_err(), "its piece is missing");
        let row = numbered(b'n', 8);
        for bytes in [&[][..], &[7], &[IN_PIECES, 0], &[IN_PIECES, 255, 255, 255, 255]] {
            tree.db.insert(&row, bytes).expect("written");
            assert!(tree.get(&row, &mut Near::default()).is_err(), "{bytes:?}");
        }
    }

    /// Against a plain map, tables in runs between others, with parts of what is laid in lost and laid in again.
    #[test]
    fn any_rows_are_found_again() {
        let (tree, _dir) = tree();
        let mut dice = SeededDice::new(1792);
        let mut plain: BTreeMap<RawKey, RawValue> = BTreeMap::new();
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
                let value = (dice.below(10) < 7).then(|| of(round as u8, bytes));
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
            assert_eq!(tree.get(&key, &mut Near::default()).expect("read"), plain.get(&key).cloned());
        }
        let all = KeyRange { low: RawKey::from_slice(&[0]), high: RawKey::from_slice(&[1]) };
        assert_eq!(tree.scan(&all, Order::Forward, 1000).expect("read").len(), plain.len());
    }
}
