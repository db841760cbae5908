//! The store against a map: transactions of puts, deletes, clears and scans, some of which fail and must leave nothing.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use arbitrary::Arbitrary;
use store::{Fault, Order, Store, Table, owner_ids};
use tl::stored::Counter;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Owner(i64);

owner_ids! { Owner(i64) = b'u' }

type RowKey = (Owner, i32, String);

const ROWS: Table<RowKey, Counter> = Table::new(b'r');
/// A neighbour that nobody may touch.
const OTHER: Table<RowKey, Counter> = Table::new(b's');

#[derive(Debug, Arbitrary)]
struct Step {
    changes: Vec<Change>,
    fails: bool,
}

#[derive(Debug, Arbitrary)]
struct Name {
    owner: i8,
    number: i32,
    name: String,
}

#[derive(Debug, Arbitrary)]
enum Change {
    Put(Name, i64),
    Delete(Name),
    Clear {
        owner: i8,
        limit: u8,
    },
    Scan {
        owner: i8,
        number: Option<i32>,
        from: Option<Name>,
        before: Option<Name>,
        backward: bool,
        limit: u8,
    },
    Get(Name),
}

impl Name {
    fn key(&self) -> RowKey {
        (Owner(self.owner.into()), self.number, self.name.chars().take(40).collect())
    }
}

fn apply(tx: &mut store::Tx<'_>, truth: &mut BTreeMap<RowKey, i64>, change: &Change) -> Result<(), Fault> {
    match change {
        Change::Put(name, next) => {
            tx.put(&ROWS, &name.key(), &Counter { next: *next })?;
            truth.insert(name.key(), *next);
        }
        Change::Delete(name) => {
            tx.delete(&ROWS, &name.key())?;
            truth.remove(&name.key());
        }
        Change::Clear { owner, limit } => {
            let owner = Owner((*owner).into());
            let doomed = truth.keys().filter(|key| key.0 == owner).take((*limit).into());
            let doomed: Vec<RowKey> = doomed.cloned().collect();
            assert_eq!(tx.clear(&ROWS, &ROWS.of(owner), (*limit).into())?, doomed.len());
            truth.retain(|key, _| !doomed.contains(key));
        }
        Change::Scan { owner, number, from, before, backward, limit } => {
            let owner = Owner((*owner).into());
            let mut rows = number.map_or(ROWS.of(owner), |number| ROWS.prefix(&(owner, number)));
            let (from, before) = (from.as_ref().map(Name::key), before.as_ref().map(Name::key));
            rows = from.iter().fold(rows, |rows, key| rows.from(key));
            rows = before.iter().fold(rows, |rows, key| rows.before(key));
            let order = if *backward { Order::Backward } else { Order::Forward };
            let found = tx.scan(&ROWS, rows, order, (*limit).into())?;
            let wanted = truth.iter().filter(|(key, _)| {
                key.0 == owner
                    && number.is_none_or(|number| key.1 == number)
                    && from.as_ref().is_none_or(|from| within(key, owner) >= within(from, owner))
                    && before.as_ref().is_none_or(|before| within(key, owner) < within(before, owner))
            });
            let mut wanted: Vec<(RowKey, i64)> = wanted.map(|(key, next)| (key.clone(), *next)).collect();
            // Bounds of other owners have no order that is promised: owners are spread.
            let same = |key: &Option<RowKey>| key.as_ref().is_none_or(|key| key.0 == owner);
            if same(&from) && same(&before) {
                if *backward {
                    wanted.reverse();
                }
                wanted.truncate((*limit).into());
                let found: Vec<(RowKey, i64)> = found.into_iter().map(|(key, row)| (key, row.next)).collect();
                assert_eq!(found, wanted);
            }
        }
        Change::Get(name) => {
            let found = tx.get(&ROWS, &name.key())?.map(|row| row.next);
            assert_eq!(found, truth.get(&name.key()).copied());
            assert!(!tx.has(&OTHER, &name.key())?);
        }
    }
    Ok(())
}

/// What orders the rows of one owner.
fn within(key: &RowKey, _: Owner) -> (i32, &str) {
    (key.1, &key.2)
}

/// Reads `data` as what happens, and lets it happen.
pub fn run(data: &[u8]) {
    crate::told(data, play);
}

fn play(steps: Vec<Step>) {
    let store = Store::memory_with_conflicts(NonZeroU32::MIN.saturating_add(2));
    let mut truth = BTreeMap::new();
    for step in &steps {
        let mut after = truth.clone();
        let done = store.write(|tx| {
            after.clone_from(&truth);
            for change in &step.changes {
                apply(tx, &mut after, change)?;
            }
            if step.fails { Err(Fault::ReadOnly) } else { Ok(()) }
        });
        if done.is_ok() {
            truth = after;
        } else {
            assert!(step.fails, "{done:?}");
        }
    }
    let looked = store.read(|tx| {
        for (key, next) in &truth {
            assert_eq!(tx.get(&ROWS, key)?.map(|row| row.next), Some(*next));
        }
        Ok::<_, Fault>(())
    });
    assert!(looked.is_ok());
}
