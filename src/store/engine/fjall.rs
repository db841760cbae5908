//! fjall 3, the second embedded engine: a log-structured tree with snapshots, a third of sled's disk.
//!
//! Its `persist` keeps the journal locked while the disk works, which would make every commit wait for every `fsync`.
//! So a group is pushed to the operating system under that lock, and the journal file is synced here, outside it.
//! When fjall changes to a new journal it syncs the old one itself. A journal that a loss of power has torn is
//! [cut](super::torn) before fjall reads it, where fjall would refuse it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};

use super::rows::Rows;
use super::turnstile::Turnstile;
use super::{CommitError, Engine, Mode, Pair, RawKey, RawValue, Snapshot, Ticket, Writes, torn};
use crate::fault::Fault;
use crate::limits::{MEMTABLE_BYTES_MAX, MEMTABLE_BYTES_MIN};
use crate::table::{KeyRange, Order};

pub(crate) struct FjallEngine {
    db: Database,
    rows: Keyspace,
    journal: Mutex<Journal>,
    turnstile: Turnstile<()>,
    cached: Rows,
}

impl FjallEngine {
    /// Opens the store in `dir`, whatever a crash left there.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, Fault> {
        let opening = |error: fjall::Error| Fault::io("opening", error);
        let (cached, cache_bytes) = Rows::of(cache_bytes);
        let open = || Database::builder(dir).cache_size(cache_bytes).manual_journal_persist(true).open();
        let db = match open() {
            Err(fjall::Error::JournalRecovery(_)) => {
                let newest = newest_journal(dir).map(|number| dir.join(format!("{number}.jnl")));
                newest
                    .and_then(|journal| torn::cut(&journal))
                    .map_err(|error| Fault::io("opening", error))?;
                open()
            }
            opened => opened,
        }
        .map_err(opening)?;
        // A small cache means little memory altogether; tests thereby get tables, and changes of the journal, after few rows.
        let memtable_bytes = cache_bytes.clamp(MEMTABLE_BYTES_MIN, MEMTABLE_BYTES_MAX);
        let options = || KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes);
        let rows = db.keyspace("rows", options).map_err(opening)?;
        db.persist(PersistMode::SyncAll).map_err(opening)?;
        // fjall syncs what lies in the directory of a keyspace, and not the directory in which that one lies: without its
        // name, all rows that have left the journal would be gone after a loss of power, and fjall would not say so.
        for made in [dir.join("keyspaces"), dir.to_owned()] {
            File::open(made).and_then(|made| made.sync_all()).map_err(|error| Fault::io("opening", error))?;
        }
        let journal = Mutex::new(Journal { dir: dir.to_owned(), active: None });
        Ok(Self { db, rows, journal, turnstile: Turnstile::new(()), cached })
    }

    fn view(&self) -> View<'_> {
        // Under the readers' lock, so that the number belongs to what the snapshot shows.
        let _calm = self.turnstile.read();
        View { engine: self, snapshot: self.db.snapshot(), newest: self.turnstile.newest(), turn: None }
    }
}

impl Engine for FjallEngine {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Snapshot + '_>, Fault> {
        Ok(match mode {
            Mode::Read => Box::new(self.view()),
            Mode::Write => {
                let turn = self.turnstile.write();
                Box::new(View { turn: Some(turn), ..self.view() })
            }
        })
    }

    fn newest(&self) -> Ticket {
        self.turnstile.newest()
    }

    fn sync(&self) -> Result<(), Fault> {
        self.db.persist(PersistMode::Buffer).map_err(|error| Fault::io("flushing", error))?;
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.sync().map_err(|error| Fault::io("syncing", error))
    }
}

struct View<'a> {
    engine: &'a FjallEngine,
    snapshot: fjall::Snapshot,
    newest: Ticket,
    /// Held by a writer.
    turn: Option<MutexGuard<'a, ()>>,
}

impl View<'_> {
    fn read(&self, key: &[u8]) -> Result<Option<RawValue>, Fault> {
        let found = self.snapshot.get(&self.engine.rows, key).map_err(|error| Fault::io("reading", error))?;
        Ok(found.as_deref().map(RawValue::from))
    }
}

impl Snapshot for View<'_> {
    fn newest(&self) -> Ticket {
        self.newest
    }

    fn get(&self, key: &[u8]) -> Result<Option<RawValue>, Fault> {
        if let Some(known) = self.engine.cached.get(key, self.newest) {
            return Ok(known);
        }
        let value = self.read(key)?;
        // Of an older moment there may be newer rows, here or on their way.
        let _calm = self.engine.turnstile.read();
        if self.engine.turnstile.newest() == self.newest {
            self.engine.cached.keep(key, value.as_ref(), self.newest);
        }
        Ok(value)
    }

    fn get_rare(&self, key: &[u8], _: usize) -> Result<Option<RawValue>, Fault> {
        match self.engine.cached.get(key, self.newest) {
            Some(known) => Ok(known),
            None => self.read(key),
        }
    }

    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        let found = self.snapshot.range(&self.engine.rows, range.low.as_slice()..range.high.as_slice());
        let pair = |found: fjall::Guard| {
            found
                .into_inner()
                .map(|(key, value)| (RawKey::from_slice(&key), RawValue::from(&*value)))
                .map_err(|error| Fault::io("scanning", error))
        };
        match order {
            Order::Forward => found.take(limit).map(pair).collect(),
            Order::Backward => found.rev().take(limit).map(pair).collect(),
        }
    }

    fn commit(self: Box<Self>, writes: Writes) -> Result<Ticket, CommitError> {
        let Self { engine, turn, .. } = *self;
        let turn = turn.ok_or(CommitError::Fault(Fault::ReadOnly))?;
        let mut batch = engine.db.batch();
        for (key, value) in &writes {
            match value {
                Some(value) => batch.insert(&engine.rows, key.as_slice(), &**value),
                None => batch.remove(&engine.rows, key.as_slice()),
            }
        }
        engine
            .turnstile
            .commit(&turn, |(), ticket| {
                batch.commit()?;
                engine.cached.change(&writes, ticket);
                Ok(())
            })
            .map_err(|error: fjall::Error| CommitError::Fault(Fault::io("committing", error)))
    }
}

/// The journal that fjall is writing: the file `N.jnl` with the greatest number.
struct Journal {
    dir: PathBuf,
    active: Option<(u64, File)>,
}

impl Journal {
    fn sync(&mut self) -> io::Result<()> {
        let newest = newest_journal(&self.dir)?;
        let file = match self.active.take() {
            Some((number, file)) if number == newest => file,
            _ => File::open(self.dir.join(format!("{newest}.jnl")))?,
        };
        file.sync_all()?;
        self.active = Some((newest, file));
        Ok(())
    }
}

fn newest_journal(dir: &Path) -> io::Result<u64> {
    let mut newest = None;
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".jnl")?.parse::<u64>().ok());
        newest = newest.max(number);
    }
    newest.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no journal"))
}
