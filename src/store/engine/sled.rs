//! sled 0.34, the default engine.
//!
//! Its transactions cannot scan and it has no snapshots, so it serves as an ordered map with atomic batches: one tree, one
//! batch at a time, and a lock that a batch takes alone and every look into the tree shares.
//!
//! A batch costs two writes to the disk and two waits for them, however small it is. So commits are gathered in memory,
//! where every transaction sees them, and the committer hands a whole group to sled as one batch: a transaction is
//! there after a crash whole or not at all, because its group is.
//!
//! `flush` on Linux ends in `sync_file_range`, which survives a killed process but not a loss of power; what is durable
//! here has been through our own `fsync` of the file `db`. A page above a quarter of a segment lies in a file of its own
//! under `blobs/`, which sled never syncs: those are synced here, too.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::{Duration, Instant};

use sled::{Batch, Db, IVec};

use super::rows::Rows;
use super::turnstile::Turnstile;
use super::{CommitError, Engine, Mode, Pair, Snapshot, Ticket, Writes};
use crate::fault::Fault;
use crate::limits::GATHERED_BYTES_MAX;
use crate::overlay;
use crate::table::{KeyRange, Order};

pub(crate) struct SledEngine {
    commits: Turnstile<Commits>,
    rows: Rows,
    /// The lock is taken alone while a batch is laid into the tree.
    tree: RwLock<Db>,
    /// Whoever syncs.
    disk: Mutex<Disk>,
    /// How much room there is in [`Commits::gathered`].
    room: Mutex<Room>,
    more_room: Condvar,
}

/// What is committed and may not be in the tree yet. Newer rows lie over older ones, and all of them over the tree.
#[derive(Default)]
struct Commits {
    /// Of the next group.
    gathered: Writes,
    /// Of the group that is being laid into the tree just now.
    underway: Arc<Writes>,
}

/// Whether a row that was read is kept in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Cached,
    Passing,
}

struct Disk {
    /// The file `db`, opened a second time: the kernel reports a failed write-back to every open file once.
    log: File,
    large_pages: LargePages,
}

#[derive(Default)]
struct Room {
    gathered_bytes: usize,
    /// The disk has failed: nobody will make room any more.
    failed: bool,
}

impl SledEngine {
    /// Opens the store in `dir`, whatever a crash left there.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, Fault> {
        let opening = |error: io::Error| Fault::io("opening", error);
        fs::create_dir_all(dir).map_err(opening)?;
        // A snapshot that was being written when the process died is taken for the newest one and fails its checksum.
        remove_snapshots(dir, Which::Unfinished).map_err(opening)?;
        let (rows, cache_bytes) = Rows::of(cache_bytes);
        let config = sled::Config::new().path(dir).cache_capacity(cache_bytes).flush_every_ms(None);
        let db = match open_when_free(&config) {
            // Snapshots only shorten the start. Without any, the whole log is read. The settings are those that are built in.
            Err(error) if is_corruption(&error) => {
                remove_snapshots(dir, Which::All).map_err(opening)?;
                remove_settings(dir).map_err(opening)?;
                open_when_free(&config)
            }
            opened => opened,
        }
        .map_err(|error| Fault::io("opening", error))?;
        let log = File::open(dir.join("db")).map_err(opening)?;
        let engine = Self {
            commits: Turnstile::new(Commits::default()),
            rows,
            tree: RwLock::new(db),
            disk: Mutex::new(Disk { log, large_pages: LargePages::new(dir.join("blobs")) }),
            room: Mutex::default(),
            more_room: Condvar::new(),
        };
        // sled never syncs its settings, and does not open when they are damaged.
        File::open(dir.join(SETTINGS)).and_then(|settings| settings.sync_all()).map_err(opening)?;
        // The names of the files just made must survive as well.
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(opening)?;
        engine.sync()?;
        Ok(engine)
    }

    /// Waits while too much is gathered. What one transaction adds then is bounded by its own limit.
    fn wait_for_room(&self) {
        let mut room = self.room();
        while room.gathered_bytes > GATHERED_BYTES_MAX && !room.failed {
            room = self.more_room.wait(room).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lays the gathered commits into the tree, as one batch.
    fn lay_in(&self) -> Result<(), Fault> {
        let group = self.commits.rearrange(|commits| {
            commits.underway = Arc::new(mem::take(&mut commits.gathered));
            // With the commits kept out, so that nobody's bytes are forgotten.
            self.room().gathered_bytes = 0;
            Arc::clone(&commits.underway)
        });
        self.more_room.notify_all();
        if group.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::default();
        for (key, value) in group.iter() {
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        let tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        tree.apply_batch(batch).map_err(|error| Fault::io("committing", error))?;
        drop(tree);
        self.commits.rearrange(|commits| commits.underway = Arc::default());
        Ok(())
    }

    fn tree(&self) -> RwLockReadGuard<'_, Db> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// While the `commits` are locked, so that `newest` is the last of them.
    fn get(
        &self,
        commits: &Commits,
        newest: Ticket,
        key: &[u8],
        keep: Keep,
    ) -> Result<Option<Vec<u8>>, Fault> {
        if let Some(known) = self.rows.get(key, newest) {
            return Ok(known);
        }
        if let Some(written) = commits.gathered.get(key).or_else(|| commits.underway.get(key)) {
            return Ok(written.clone());
        }
        let value = self.tree().get(key).map_err(|error| Fault::io("reading", error))?;
        if keep == Keep::Cached {
            self.rows.keep(key, value.as_deref(), newest);
        }
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        commits: &Commits,
        range: &KeyRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Pair>, Fault> {
        overlay::scan(&commits.gathered, range, order, limit, |limit| {
            overlay::scan(&commits.underway, range, order, limit, |limit| self.scan_tree(range, order, limit))
        })
    }

    fn scan_tree(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        let tree = self.tree();
        let found = tree.range(range.low.as_slice()..range.high.as_slice());
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
                let commits = self.commits.read();
                Box::new(Reader { engine: self, newest: self.commits.newest(), commits })
            }
            Mode::Write => {
                let turn = self.commits.write();
                self.wait_for_room();
                Box::new(Writer { engine: self, turn })
            }
        })
    }

    fn newest(&self) -> Ticket {
        self.commits.newest()
    }

    fn has_room(&self) -> bool {
        self.room().gathered_bytes <= GATHERED_BYTES_MAX / 2
    }

    fn sync(&self) -> Result<(), Fault> {
        let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        let synced = self.lay_in().and_then(|()| {
            self.tree().flush().map_err(|error| Fault::io("flushing", error))?;
            disk.sync().map_err(|error| Fault::io("syncing", error))
        });
        if synced.is_err() {
            self.room().failed = true;
            self.more_room.notify_all();
        }
        synced
    }
}

/// Keeps commits out while it lives, so what it sees stands still.
struct Reader<'a> {
    engine: &'a SledEngine,
    newest: Ticket,
    commits: RwLockReadGuard<'a, Commits>,
}

impl Snapshot for Reader<'_> {
    fn newest(&self) -> Ticket {
        self.newest
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.engine.get(&self.commits, self.newest, key, Keep::Cached)
    }

    fn get_once(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.engine.get(&self.commits, self.newest, key, Keep::Passing)
    }

    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        self.engine.scan(&self.commits, range, order, limit)
    }

    fn commit(self: Box<Self>, _: Writes) -> Result<Ticket, CommitError> {
        Err(CommitError::Fault(Fault::ReadOnly))
    }
}

/// Holds the writer's turn, so nobody else commits, and locks only while it looks.
struct Writer<'a> {
    engine: &'a SledEngine,
    turn: MutexGuard<'a, ()>,
}

impl Snapshot for Writer<'_> {
    fn newest(&self) -> Ticket {
        self.engine.newest()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.engine.get(&self.engine.commits.read(), self.engine.newest(), key, Keep::Cached)
    }

    fn get_once(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        self.engine.get(&self.engine.commits.read(), self.engine.newest(), key, Keep::Passing)
    }

    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        self.engine.scan(&self.engine.commits.read(), range, order, limit)
    }

    fn commit(self: Box<Self>, writes: Writes) -> Result<Ticket, CommitError> {
        let bytes: usize =
            writes.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum();
        self.engine.commits.commit(&self.turn, |commits, ticket| {
            self.engine.rows.change(&writes, ticket);
            commits.gathered.extend(writes);
            self.engine.room().gathered_bytes += bytes;
            Ok(())
        })
    }
}

impl Disk {
    fn sync(&mut self) -> io::Result<()> {
        self.large_pages.sync()?;
        self.log.sync_all()
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

/// The file of sled's settings.
const SETTINGS: &str = "conf";

fn remove_settings(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join(SETTINGS)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
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
