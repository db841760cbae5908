//! The store: an engine, its committer, and the two ways in.

use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::durability::{Durability, Health, OnDurable};
use crate::engine::{CommitError, Engine, FjallEngine, MemoryEngine, Mode, SledEngine, Ticket};
use crate::fault::Fault;
use crate::format;
use crate::limits::{CACHE_BYTES_MIN, WRITE_ATTEMPTS_MAX};
use crate::tx::{Alone, Tx};
use crate::written::Written;

/// Which engine, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The engine.
    pub engine: EngineKind,
    /// Directory of the store, made if it is missing. The memory engine does not look at it.
    pub dir: PathBuf,
    /// Memory for the engine's cache, in bytes; at least [`CACHE_BYTES_MIN`].
    pub cache_bytes: u64,
}

/// The engines there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// A map in memory, for tests. Nothing survives the process.
    Memory,
    /// sled 0.34, the default.
    #[default]
    Sled,
    /// fjall 3: faster under load, smaller on disk.
    Fjall,
}

/// Ordered keys and transactions, over one engine.
pub struct Store {
    engine: Arc<dyn Engine>,
    health: Arc<Health>,
    durability: Durability,
    written: Written,
    closed: AtomicBool,
}

impl Store {
    /// Opens the store, whatever a crash left there. Take the data directory's [lock](crate::lock_dir) first.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; its text is fit to be the one line that a refusing server prints.
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        if config.engine == EngineKind::Memory {
            return Ok(Self::memory());
        }
        format::mark(&config.dir, config.engine)?;
        let dir = config.dir.join(config.engine.name());
        let cache_bytes = config.cache_bytes.max(CACHE_BYTES_MIN);
        let open = |dir: &Path| -> Result<Arc<dyn Engine>, OpenError> {
            Ok(match config.engine {
                EngineKind::Memory => Arc::new(MemoryEngine::new(None)),
                EngineKind::Sled => Arc::new(SledEngine::open(dir, cache_bytes).map_err(OpenError::Engine)?),
                EngineKind::Fjall => {
                    Arc::new(FjallEngine::open(dir, cache_bytes).map_err(OpenError::Engine)?)
                }
            })
        };
        if !dir.exists() {
            // No engine opens what it had made half when the power failed: a new store comes into being elsewhere, and whole.
            format::make_engine_dir(&dir, |unfinished| open(unfinished).map(drop))?;
        }
        Self::over(open(&dir)?).map_err(OpenError::Engine)
    }

    /// An empty store in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self::in_memory(MemoryEngine::new(None))
    }

    /// An empty store in memory that refuses one of every `every` commits, so that writing closures run again.
    #[must_use]
    pub fn memory_with_conflicts(every: NonZeroU32) -> Self {
        Self::in_memory(MemoryEngine::new(Some(every)))
    }

    /// The store that a simulated disk holds, refusing one of every `conflict_every` commits. Nothing becomes durable by
    /// itself: [`Self::sync`] says when.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub fn over_disk(disk: &crate::Disk, conflict_every: Option<NonZeroU32>) -> Self {
        let engine = crate::engine::simulated::SimulatedEngine::open(disk, conflict_every);
        let engine: Arc<dyn Engine> = Arc::new(engine);
        let health = Arc::new(Health::default());
        let durability = Durability::by_hand(Arc::clone(&engine), Arc::clone(&health));
        Self { engine, health, durability, written: Written::default(), closed: AtomicBool::new(false) }
    }

    /// Does what the committer's thread does elsewhere: makes all that was committed durable, and tells those who wait.
    #[cfg(feature = "simulation")]
    pub fn sync(&self) {
        self.durability.sync();
    }

    /// Runs `look` on one moment of the store. Also returns the newest commit that may have written any of the rows, or any of
    /// the absences, that it looked at: what it found must not leave the server before that one is
    /// [durable](Self::on_durable). Commits to other rows are nothing that it could tell of.
    ///
    /// `look` is handed the same `&mut Tx` as a writing closure, so that a handler need not know which it serves; a write
    /// in it is a [`Fault::ReadOnly`].
    ///
    /// # Errors
    ///
    /// Whatever `look` returns, and [`Fault`].
    pub fn read<R, E: From<Fault>>(
        &self,
        look: impl FnOnce(&mut Tx<'_>) -> Result<R, E>,
    ) -> Result<(R, Ticket), E> {
        let mut tx = self.begin(Mode::Read)?;
        let found = look(&mut tx)?;
        Ok((found, tx.saw()))
    }

    /// Runs `change` and commits what it wrote; on its error nothing is written. Returns the commit; if nothing was
    /// written, the newest one to what it looked at. The outcome must not leave the server before it is
    /// [durable](Self::on_durable).
    ///
    /// `change` may run several times, when somebody else committed what it relied on, and must mean the same each time.
    /// An error of `change` is an answer, too, and tells what it saw: hold it back until [`newest`](Self::newest), asked
    /// afterwards, is durable.
    ///
    /// # Errors
    ///
    /// Whatever `change` returns, and [`Fault`].
    pub fn write<R, E: From<Fault>>(
        &self,
        mut change: impl FnMut(&mut Tx<'_>) -> Result<R, E>,
    ) -> Result<(R, Ticket), E> {
        for _ in 0..WRITE_ATTEMPTS_MAX {
            let mut tx = self.begin(Mode::Write)?;
            let outcome = change(&mut tx)?;
            match tx.commit() {
                Ok(ticket) => {
                    self.durability.committed();
                    return Ok((outcome, ticket));
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::Contended.into())
    }

    /// Whether a transaction that begins now, and a callback that is left for it, will hardly have to wait for the disk. Who
    /// must not be held up asks this first.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.engine.has_room() && self.durability.has_room()
    }

    /// The newest commit.
    #[must_use]
    pub fn newest(&self) -> Ticket {
        self.engine.newest()
    }

    /// The newest commit that would survive a loss of power, as would all before it.
    #[must_use]
    pub fn durable(&self) -> Ticket {
        self.durability.durable()
    }

    /// Calls `callback` when the commit `ticket` has become durable: at once and on this thread if it has already, else
    /// later on the committer's thread, older commits first. With an error if it never will. The callback must be short
    /// and must not wait for the store. Waits for room if
    /// [`WAITING_CALLBACKS_MAX`](crate::limits::WAITING_CALLBACKS_MAX) are waiting.
    pub fn on_durable(&self, ticket: Ticket, callback: OnDurable) {
        self.durability.on_durable(ticket, callback);
    }

    /// Waits until the commit `ticket` is durable. Not for callbacks.
    ///
    /// # Errors
    ///
    /// The engine's [`Fault::Io`], or [`Fault::Stopped`].
    pub fn wait_durable(&self, ticket: Ticket) -> Result<(), Fault> {
        self.durability.wait(ticket)
    }

    /// The failure after which this store acknowledges nothing any more. A server that finds one exits, non-zero.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.health.fault()
    }

    /// Makes everything durable, calls back everybody who waits, and refuses what comes later. Dropping does the same.
    ///
    /// # Errors
    ///
    /// The engine's failure, if there was one.
    pub fn close(&self) -> Result<(), Fault> {
        self.closed.store(true, Ordering::Release);
        self.durability.close();
        self.health.check()
    }

    pub(crate) fn over(engine: Arc<dyn Engine>) -> Result<Self, Fault> {
        let health = Arc::new(Health::default());
        let durability = Durability::start(Arc::clone(&engine), Arc::clone(&health))?;
        Ok(Self { engine, health, durability, written: Written::default(), closed: AtomicBool::new(false) })
    }

    fn in_memory(engine: MemoryEngine) -> Self {
        let engine: Arc<dyn Engine> = Arc::new(engine);
        let health = Arc::new(Health::default());
        let durability = Durability::at_once(Arc::clone(&engine), Arc::clone(&health));
        Self { engine, health, durability, written: Written::default(), closed: AtomicBool::new(false) }
    }

    fn begin(&self, mode: Mode) -> Result<Tx<'_>, Fault> {
        self.health.check()?;
        if self.closed.load(Ordering::Acquire) {
            return Err(Fault::Stopped);
        }
        let alone = Alone::enter()?;
        let snapshot = self.engine.begin(mode).inspect_err(|fault| self.health.note(fault))?;
        Ok(Tx::new(snapshot, mode, &self.health, &self.written, alone))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.durability.close();
    }
}

impl EngineKind {
    /// The name in settings, and of the engine's directory.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sled => "sled",
            Self::Fjall => "fjall",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No engine has that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownEngine;

impl fmt::Display for UnknownEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the storage engines are sled, fjall and memory")
    }
}

impl std::error::Error for UnknownEngine {}

impl FromStr for EngineKind {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        [Self::Memory, Self::Sled, Self::Fjall]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or(UnknownEngine)
    }
}

/// Why a store cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The directory holds a store of another version's format.
    OtherVersion {
        /// The directory.
        dir: PathBuf,
        /// The format there; zero for one that is older than formats.
        found: u32,
        /// The format of this version.
        wanted: u32,
    },
    /// The directory holds a store of another engine, or something else.
    OtherFormat {
        /// The directory.
        dir: PathBuf,
        /// What the store there says it is.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// The directory cannot be made or read.
    Io {
        /// The directory.
        dir: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The engine cannot open its files.
    Engine(Fault),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherVersion { dir, found, wanted } => {
                let whose = if found < wanted { "an earlier" } else { "a later" };
                write!(
                    f,
                    "the store in {} has format {found} and not {wanted}: {whose} version of this program wrote it",
                    dir.display()
                )
            }
            Self::OtherFormat { dir, found, wanted } => {
                write!(f, "the store in {} is \"{found}\" and not \"{wanted}\"", dir.display())
            }
            Self::Io { dir, error } => write!(f, "cannot use the store in {}: {error}", dir.display()),
            Self::Engine(fault) => write!(f, "cannot open the store: {fault}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::OtherVersion { .. } | Self::OtherFormat { .. } => None,
            Self::Io { error, .. } => Some(error),
            Self::Engine(fault) => Some(fault),
        }
    }
}
