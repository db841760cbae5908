//! sled 0.34, the default engine.
//!
//! Its transactions cannot scan and it has no snapshots, so it serves as an ordered map with atomic batches: one tree,
//! one writer at a time, readers that hold a shared lock which a batch takes alone.
//!
//! `flush` on Linux ends in `sync_file_range`, which survives a killed process but not a loss of power; what is durable
//! here has been through our own `fsync` of the file `db`. A page above a quarter of a segment lies in a file of its own
//! under `blobs/`, which sled never syncs: those are synced here, too.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLockReadGuard};
use std::thread;
use std::time::{Duration, Instant};

use sled::{Batch, Db, IVec};

use super::turnstile::Turnstile;
use super::{CommitError, Engine, Mode, Pair, Snapshot, Ticket, Writes};
use crate::fault::Fault;
use crate::table::{KeyRange, Order};

pub(crate) struct SledEngine {
    db: Db,
    /// The file `db`, opened a second time: the kernel reports a failed write-back to every open file once.
    log: File,
    large_pages: Mutex<LargePages>,
    turnstile: Turnstile<()>,
}

impl SledEngine {
    /// Opens the store in `dir`, whatever a crash left there.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, Fault> {
        let opening = |error: io::Error| Fault::io("opening", error);
        fs::create_dir_all(dir).map_err(opening)?;
        // A snapshot that was being written when the process died is taken for the newest one and fails its checksum.
        remove_snapshots(dir, Which::Unfinished).map_err(opening)?;
        let config = sled::Config::new().path(dir).cache_capacity(cache_bytes).flush_every_ms(None);
        let db = match open_when_free(&config) {
            // Snapshots only shorten the start. Without any, the whole log is read.
            Err(error) if is_corruption(&error) => {
                remove_snapshots(dir, Which::All).map_err(opening)?;
                open_when_free(&config)
            }
            opened => opened,
        }
        .map_err(|error| Fault::io("opening", error))?;
        let log = File::open(dir.join("db")).map_err(opening)?;
        let engine = Self {
            db,
            log,
            large_pages: Mutex::new(LargePages::new(dir.join("blobs"))),
            turnstile: Turnstile::new(()),
        };
        // The names of the files just made must survive as well.
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(opening)?;
        engine.sync()?;
        Ok(engine)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let value = self.db.get(key).map_err(|error| Fault::io("reading", error))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        let found = self.db.range(range.low.as_slice()..range.high.as_slice());
        let pair = |found: sled::Result<(IVec, IVec)>| {
            found
                .map(|(key, value)| (key.to_vec(), value.to_vec()))
                .map_err(|error| Fault::io("scanning", error))
        };
        match order {
            Order::Forward => found.take(limit).map(pair).collect(),
            Order::Backward => found.rev().take(limit).map(pair).collect(),
        }
    }
}

impl Engine for SledEngine {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Snapshot + '_>, Fault> {
        Ok(match mode {
            Mode::Read => {
                let calm = self.turnstile.read();
                Box::new(Reader { engine: self, newest: self.turnstile.newest(), _calm: calm })
            }
            Mode::Write => Box::new(Writer { engine: self, turn: self.turnstile.write() }),
        })
    }

    fn newest(&self) -> Ticket {
        self.turnstile.newest()
    }

    fn sync(&self) -> Result<(), Fault> {
        let syncing = |error: io::Error| Fault::io("syncing", error);
        self.db.flush().map_err(|error| Fault::io("flushing", error))?;
        self.large_pages.lock().unwrap_or_else(PoisonError::into_inner).sync().map_err(syncing)?;
        self.log.sync_all().map_err(syncing)
    }
}

struct Reader<'a> {
    engine: &'a SledEngine,
    newest: Ticket,
    _calm: RwLockReadGuard<'a, ()>,
}

impl Snapshot for Reader<'_> {
    fn newest(&self) -> Ticket {
        self.newest
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.engine.get(key)
    }

    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        self.engine.scan(range, order, limit)
    }

    fn commit(self: Box<Self>, _: Writes) -> Result<Ticket, CommitError> {
        Err(CommitError::Fault(Fault::ReadOnly))
    }
}

/// Only the writer changes the tree, so it reads without the readers' lock.
struct Writer<'a> {
    engine: &'a SledEngine,
    turn: MutexGuard<'a, ()>,
}

impl Snapshot for Writer<'_> {
    fn newest(&self) -> Ticket {
        self.engine.newest()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.engine.get(key)
    }

    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        self.engine.scan(range, order, limit)
    }

    fn commit(self: Box<Self>, writes: Writes) -> Result<Ticket, CommitError> {
        let mut batch = Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        let engine = self.engine;
        engine
            .turnstile
            .commit(&self.turn, |()| engine.db.apply_batch(batch))
            .map_err(|error| CommitError::Fault(Fault::io("committing", error)))
    }
}

/// The files under `blobs/` that have been synced. Usually there are none, and looking costs a few microseconds.
struct LargePages {
    dir: PathBuf,
    synced: HashSet<OsString>,
}

impl LargePages {
    fn new(dir: PathBuf) -> Self {
        Self { dir, synced: HashSet::new() }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut present = HashSet::new();
        let mut any_new = false;
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if !self.synced.contains(&name) {
                match File::open(entry.path()) {
                    Ok(page) => page.sync_all()?,
                    // Replaced by a newer page meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
                any_new = true;
            }
            present.insert(name);
        }
        if any_new {
            File::open(&self.dir)?.sync_all()?;
        }
        self.synced = present;
        Ok(())
    }
}

enum Which {
    Unfinished,
    All,
}

fn remove_snapshots(dir: &Path, which: Which) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let doomed = match which {
            Which::Unfinished => name.starts_with("snap.") && name.ends_with(".generating"),
            Which::All => name.starts_with("snap."),
        };
        if doomed {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Opens, and waits a little if the files are still locked: sled gives its lock back from a thread of its own, a moment
/// after its last handle is dropped. That no other server is here, the data directory's lock has seen to.
fn open_when_free(config: &sled::Config) -> sled::Result<Db> {
    let patience = Instant::now() + Duration::from_secs(3);
    loop {
        match config.open() {
            // The only mark of this error is its text.
            Err(sled::Error::Io(error))
                if error.to_string().starts_with("could not acquire lock") && Instant::now() < patience =>
            {
                thread::sleep(Duration::from_millis(5));
            }
            opened => return opened,
        }
    }
}

fn is_corruption(error: &sled::Error) -> bool {
    match error {
        sled::Error::Corruption { .. } => true,
        sled::Error::Io(error) => {
            matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData)
        }
        _ => false,
    }
}
