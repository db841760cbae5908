//! sled 0.34, the default engine.
//!
//! Its transactions cannot scan and it has no snapshots, so it serves as an ordered map: one tree, into which rows are laid
//! one by one. What makes commits of them lies in front of it.
//!
//! A commit is gathered in memory, where every transaction sees it, and becomes durable in a [journal](super::journal), a group
//! at a time: one write and one wait, where sled would take two of each and wake all of its threads. When enough has gathered, a
//! thread of its own lays the rows into the tree, syncs it, and forgets that part of the journal. Of a row that was rewritten
//! meanwhile, as those of a lively conversation are, only the last version is laid in. After a crash the journal is laid
//! in first, so a transaction is there whole or not at all, whatever of it sled had.
//!
//! `flush` on Linux ends in `sync_file_range`, which survives a killed process but not a loss of power; what the journal
//! forgets has been through our own `fsync` of the file `db`, and so has what sled writes over (`flush.rs`). Pages large enough
//! for files of their own, which nobody would sync, there are none (`tree.rs`).

use std::fs::{self, File};
use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLockReadGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sled::Db;

use super::journal::{Full, Group, Journal};
use super::rare::{Look, Rare};
use super::rows::Rows;
use super::tree::{Near, Tree};
use super::turnstile::Turnstile;
use super::{CommitError, Engine, Mode, Pair, RawKey, RawValue, Snapshot, Ticket, Writes};
use crate::fault::Fault;
use crate::limits::{
    GATHERED_BYTES_MAX, GATHERED_BYTES_MIN, GATHERED_DELETIONS, GATHERED_SHARE, GATHERED_TIMES_MAX,
    RARE_SLICE,
};
use crate::overlay;
use crate::table::{KeyRange, Order};

pub(crate) struct SledEngine {
    shared: Arc<Shared>,
    /// The thread that lays rows into the tree.
    layer: Option<JoinHandle<()>>,
}

struct Shared {
    commits: Turnstile<Commits>,
    rows: Rows,
    rare: Rare,
    tree: Tree,
    /// Whoever writes to it.
    journal: Mutex<Journal>,
    /// The file `db`, opened a second time to be synced: the kernel reports a failed write-back to every open file once.
    log: File,
    state: Mutex<State>,
    /// Rung when there is room for more commits, or never will be.
    more_room: Condvar,
    /// Rung when there are rows to lay in, or the engine ends.
    work: Condvar,
    /// So much is gathered before it is laid in.
    enough: usize,
}

/// What is committed and may not be in the tree yet. Newer rows lie over older ones, and all of them over the tree.
#[derive(Default)]
struct Commits {
    /// To be laid in next.
    gathered: Writes,
    /// Being laid into the tree just now: it may have any of them.
    underway: Arc<Writes>,
    /// The newest of what is gathered, which the journal has not.
    unwritten: Group,
}

/// Whether a row that was read is kept in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Cached,
    Passing,
}

/// How much is gathered.
#[derive(Debug, Clone, Copy, Default)]
struct Volume {
    bytes: usize,
    /// Rows that are to go. A scan reads them all in the tree to pass over them.
    deletions: usize,
}

#[derive(Default)]
struct State {
    gathered: Volume,
    /// The part of the journal that has what is under way.
    underway: Option<Full>,
    /// The disk has failed: nothing more is written.
    fault: Option<Fault>,
    ends: bool,
}

impl SledEngine {
    /// Opens the store in `dir`, whatever a crash left there.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, Fault> {
        let opening = |error: io::Error| Fault::io("opening", error);
        fs::create_dir_all(dir).map_err(opening)?;
        #[cfg(target_os = "linux")]
        super::flush::by_fsync()?;
        // A snapshot that was being written when the process died is taken for the newest one and fails its checksum.
        remove_snapshots(dir, Which::Unfinished).map_err(opening)?;
        let enough = (cache_bytes / GATHERED_SHARE).clamp(GATHERED_BYTES_MIN, GATHERED_BYTES_MAX);
        let (rows, cache_bytes) = Rows::of(cache_bytes);
        let config = sled::Config::new().path(dir).cache_capacity(cache_bytes).flush_every_ms(None);
        let tree = match open_when_free(&config) {
            // Snapshots only shorten the start. Without any, the whole log is read. The settings are those that are built in.
            Err(error) if is_corruption(&error) => {
                remove_snapshots(dir, Which::All).map_err(opening)?;
                remove_settings(dir).map_err(opening)?;
                open_when_free(&config)
            }
            opened => opened,
        }
        .map_err(|error| Fault::io("opening", error))?;
        let tree = Tree::open(tree).map_err(|error| Fault::io("opening", error))?;
        let log = File::open(dir.join("db")).map_err(opening)?;
        // sled never syncs its settings, and does not open when they are damaged.
        File::open(dir.join(SETTINGS)).and_then(|settings| settings.sync_all()).map_err(opening)?;
        let left = Journal::read(&dir.join("journal")).map_err(opening)?;
        tree.lay_in(&left.rows)?;
        sync(&tree, &log)?;
        // The names of the files just made must survive as well.
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(opening)?;
        let shared = Arc::new(Shared {
            commits: Turnstile::new(Commits::default()),
            rows,
            rare: Rare::of(cache_bytes),
            tree,
            journal: Mutex::new(Journal::open(left).map_err(opening)?),
            log,
            state: Mutex::default(),
            more_room: Condvar::new(),
            work: Condvar::new(),
            enough: usize::try_from(enough).unwrap_or(usize::MAX),
        });
        let layer = thread::Builder::new().name("store-lay-in".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.lay_in_until_the_end()
        });
        Ok(Self { shared, layer: Some(layer.map_err(opening)?) })
    }
}

impl Drop for SledEngine {
    /// Leaves nothing in the journal, so that the next start has nothing to lay in.
    fn drop(&mut self) {
        self.shared.state().ends = true;
        self.shared.work.notify_all();
        if let Some(layer) = self.layer.take() {
            // Its panic has been reported by itself, and is a fault.
            let _ = layer.join();
        }
        // What was under way first, or nothing else could be. What fails now is laid in at the next start.
        self.shared.lay_in_underway();
        let _ = self.shared.write_down(Gathered::Any).map(|()| self.shared.lay_in_underway());
    }
}

/// How much has to be gathered for it to be laid in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gathered {
    Enough,
    Any,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_enough(&self, gathered: Volume) -> bool {
        gathered.bytes >= self.enough || gathered.deletions >= GATHERED_DELETIONS
    }

    /// Waits while too much is gathered. What one transaction adds then is bounded by its own limit.
    fn wait_for_room(&self) -> Result<(), Fault> {
        let mut state = self.state();
        while state.fault.is_none() && state.gathered.bytes > GATHERED_TIMES_MAX * self.enough {
            state = self.more_room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.fault.clone().map_or(Ok(()), Err)
    }

    /// Does what may fail for good.
    fn failing<T>(&self, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        if let Some(fault) = self.state().fault.clone() {
            return Err(fault);
        }
        let done = panic::catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err(Fault::io("writing", "the engine panicked")));
        if let Err(fault) = &done {
            self.state().fault.get_or_insert_with(|| fault.clone());
            self.more_room.notify_all();
        }
        done
    }

    /// Writes what was committed into the journal, and has what is gathered laid in.
    fn write_down(&self, gathered: Gathered) -> Result<(), Fault> {
        self.failing(|| {
            let writing = |error: io::Error| Fault::io("writing the journal", error);
            let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
            // Both at one moment: only what the journal has may come into the tree.
            let (group, turns) = self.commits.rearrange(|commits| {
                let mut state = self.state();
                let much = gathered == Gathered::Any || self.is_enough(state.gathered);
                let turns = much && commits.underway.is_empty() && !commits.gathered.is_empty();
                if turns {
                    commits.underway = Arc::new(mem::take(&mut commits.gathered));
                    state.gathered = Volume::default();
                }
                (mem::take(&mut commits.unwritten), turns)
            });
            if !group.is_empty() {
                journal.append(group).map_err(writing)?;
            }
            if turns {
                self.state().underway = Some(journal.turn().map_err(writing)?);
                self.work.notify_all();
                self.more_room.notify_all();
            }
            Ok(())
        })
    }

    /// Lays in what is under way, if anything is, and forgets the part of the journal that has it.
    fn lay_in_underway(&self) {
        let Some(full) = self.state().underway.take() else { return };
        let group = Arc::clone(&self.commits.read().underway);
        let laid_in = self.failing(|| {
            self.tree.lay_in(&group)?;
            sync(&self.tree, &self.log)?;
            Journal::forget(&full).map_err(|error| Fault::io("shortening the journal", error))
        });
        if laid_in.is_ok() {
            self.commits.rearrange(|commits| commits.underway = Arc::default());
        }
    }

    fn lay_in_until_the_end(&self) {
        loop {
            let mut state = self.state();
            while state.underway.is_none() && !state.ends {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.ends {
                return;
            }
            drop(state);
            self.lay_in_underway();
            // Whoever waits for room commits nothing, so nobody else might come to see that there is enough again.
            let enough = self.is_enough(self.state().gathered);
            if enough && self.write_down(Gathered::Enough).is_err() {
                return;
            }
        }
    }

    /// While the `commits` are locked, so that `newest` is the last of them.
    fn get(
        &self,
        commits: &Commits,
        newest: Ticket,
        key: &[u8],
        keep: Keep,
        near: &mut Near,
    ) -> Result<Option<RawValue>, Fault> {
        if let Some(known) = self.rows.get(key, newest) {
            return Ok(known);
        }
        if let Some(written) = commits.gathered.get(key).or_else(|| commits.underway.get(key)) {
            return Ok(written.clone());
        }
        let value = self.tree.get(key, near)?;
        if keep == Keep::Cached {
            self.rows.keep(key, value.as_ref(), newest);
        }
        Ok(value)
    }

    /// As [`Self::get`] for each of `keys`.
    fn get_many(
        &self,
        commits: &Commits,
        newest: Ticket,
        keys: &[RawKey],
    ) -> Result<Vec<Option<RawValue>>, Fault> {
        let mut near = Near::default();
        keys.iter().map(|key| self.get(commits, newest, key, Keep::Cached, &mut near)).collect()
    }

    /// The tree may have any of what is under way: its rows are laid over all the same.
    fn scan(
        &self,
        commits: &Commits,
        range: &KeyRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Pair>, Fault> {
        overlay::scan(&commits.gathered, range, order, limit, |limit| {
            overlay::scan(&commits.underway, range, order, limit, |limit| self.tree.scan(range, order, limit))
        })
    }
}

impl Engine for SledEngine {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Snapshot + '_>, Fault> {
        let engine = &*self.shared;
        Ok(match mode {
            Mode::Read => {
                let commits = engine.commits.read();
                Box::new(Reader { engine, newest: engine.commits.newest(), commits })
            }
            Mode::Write => {
                let turn = engine.commits.write();
                engine.wait_for_room()?;
                Box::new(Writer { engine, turn })
            }
        })
    }

    fn newest(&self) -> Ticket {
        self.shared.commits.newest()
    }

    fn has_room(&self) -> bool {
        self.shared.state().gathered.bytes <= GATHERED_TIMES_MAX * self.shared.enough / 2
    }

    fn sync(&self) -> Result<(), Fault> {
        self.shared.write_down(Gathered::Enough)
    }
}

/// Keeps commits out while it lives, so what it sees stands still.
struct Reader<'a> {
    engine: &'a Shared,
    newest: Ticket,
    commits: RwLockReadGuard<'a, Commits>,
}

impl Snapshot for Reader<'_> {
    fn newest(&self) -> Ticket {
        self.newest
    }

    fn get(&self, key: &[u8]) -> Result<Option<RawValue>, Fault> {
        self.engine.get(&self.commits, self.newest, key, Keep::Cached, &mut Near::default())
    }

    fn get_rare(&self, key: &[u8], _: usize) -> Result<Option<RawValue>, Fault> {
        self.engine.get(&self.commits, self.newest, key, Keep::Passing, &mut Near::default())
    }

    fn get_many(&self, keys: &[RawKey]) -> Result<Vec<Option<RawValue>>, Fault> {
        self.engine.get_many(&self.commits, self.newest, keys)
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
    engine: &'a Shared,
    turn: MutexGuard<'a, ()>,
}

impl Snapshot for Writer<'_> {
    fn newest(&self) -> Ticket {
        self.engine.commits.newest()
    }

    fn get(&self, key: &[u8]) -> Result<Option<RawValue>, Fault> {
        self.engine.get(&self.engine.commits.read(), self.newest(), key, Keep::Cached, &mut Near::default())
    }

    fn get_many(&self, keys: &[RawKey]) -> Result<Vec<Option<RawValue>>, Fault> {
        self.engine.get_many(&self.engine.commits.read(), self.newest(), keys)
    }

    fn get_rare(&self, key: &[u8], shared: usize) -> Result<Option<RawValue>, Fault> {
        let commits = self.engine.commits.read();
        match self.engine.rare.look(key, shared) {
            Look::Absent => return Ok(None),
            Look::Perhaps => {}
            Look::Learn(range) => {
                // With the first slice also what is not in the tree yet; later commits are noted.
                if range.low.len() == shared {
                    let bounds = range.low.clone()..range.high.clone();
                    let newer =
                        [&commits.gathered, &*commits.underway].map(|rows| rows.range(bounds.clone()));
                    self.engine.rare.note(newer.into_iter().flatten());
                }
                self.engine.rare.learn(&key[..shared], &self.engine.tree.keys(&range, RARE_SLICE)?);
            }
        }
        self.engine.get(&commits, self.newest(), key, Keep::Passing, &mut Near::default())
    }

    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        self.engine.scan(&self.engine.commits.read(), range, order, limit)
    }

    fn commit(self: Box<Self>, writes: Writes) -> Result<Ticket, CommitError> {
        let mut more = Volume::default();
        for (key, value) in &writes {
            more.bytes += key.len() + value.as_ref().map_or(0, |value| value.len());
            more.deletions += usize::from(value.is_none());
        }
        self.engine.commits.commit(&self.turn, |commits, ticket| {
            self.engine.rows.change(&writes, ticket);
            self.engine.rare.note(&writes);
            commits.unwritten.add(&writes);
            commits.gathered.extend(writes);
            let gathered = &mut self.engine.state().gathered;
            gathered.bytes += more.bytes;
            gathered.deletions += more.deletions;
            Ok(())
        })
    }
}

/// Returns when all of the tree would survive a loss of power.
fn sync(tree: &Tree, log: &File) -> Result<(), Fault> {
    tree.flush().map_err(|error| Fault::io("flushing", error))?;
    log.sync_all().map_err(|error| Fault::io("syncing", error))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(engine: &SledEngine, row: u32, value: Option<&[u8]>) {
        let key = RawKey::from_vec([&b"k"[..], &row.to_be_bytes()].concat());
        let writer = engine.begin(Mode::Write).expect("a turn");
        writer.commit(Writes::from([(key, value.map(RawValue::from))])).expect("committed");
    }

    #[test]
    fn what_is_gathered_is_laid_in_when_it_is_much_or_mostly_deletions() {
        let dir = tempfile::tempdir().expect("a directory");
        let engine = SledEngine::open(dir.path(), 64 << 20).expect("a new store");
        let rows = u32::try_from(GATHERED_DELETIONS).expect("a few");
        let gathered = || engine.shared.commits.read().gathered.len();
        let settle = || {
            engine.sync().expect("a disk that takes it");
            let patience = Instant::now() + Duration::from_secs(20);
            while engine.shared.state().underway.is_some()
                || !engine.shared.commits.read().underway.is_empty()
            {
                assert!(Instant::now() < patience, "it is not laid in");
                thread::sleep(Duration::from_millis(1));
            }
        };
        (0..rows).for_each(|row| commit(&engine, row, Some(b"v")));
        settle();
        assert_eq!((gathered(), engine.shared.tree.len()), (rows as usize, 0), "little stays in memory");
        (1..rows).for_each(|row| commit(&engine, row, None));
        settle();
        assert_eq!(gathered(), rows as usize, "one is missing");
        commit(&engine, 0, None);
        settle();
        assert_eq!((gathered(), engine.shared.tree.len()), (0, 0), "so many deletions do not");
        let large = vec![7; engine.shared.enough / 4];
        (0..5).for_each(|row| commit(&engine, row, Some(&large)));
        settle();
        assert_eq!((gathered(), engine.shared.tree.len()), (0, 5));
        drop(engine);
        let left = Journal::read(&dir.path().join("journal")).expect("it reads");
        assert!(left.rows.is_empty(), "a clean stop leaves nothing to lay in");
    }
}
