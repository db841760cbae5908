//! Group commit: one thread makes what was committed durable, a group at a time, and then tells those who wait.
//!
//! While the disk works on one group the next one gathers, so the groups grow with the load and nobody has to choose their
//! size. Whoever sends one message after the other is in one of two groups then, the one that the disk works on and the one
//! that gathers, and the disk is asked twice for what could be one group. So under load the committer waits a moment for as
//! many commits as those two had, while they keep coming.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Instant;

use crate::engine::{Engine, Ticket};
use crate::fault::Fault;
use crate::limits::{GATHER_COMMITS_MIN, GATHER_MAX, GATHER_STEP, WAITING_CALLBACKS_MAX};

/// What is called when a commit has become durable, or never will.
pub type OnDurable = Box<dyn FnOnce(Result<(), Fault>) + Send>;

/// The first failure of the engine, after which nothing is acknowledged any more.
#[derive(Debug, Default)]
pub(crate) struct Health(OnceLock<Fault>);

impl Health {
    /// Remembers `fault` if it is the engine's and the first one.
    pub(crate) fn note(&self, fault: &Fault) {
        if fault.is_io() {
            let _ = self.0.set(fault.clone());
        }
    }

    pub(crate) fn fault(&self) -> Option<Fault> {
        self.0.get().cloned()
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.fault().map_or(Ok(()), Err)
    }
}

/// The committer and those who wait for it.
pub(crate) struct Durability {
    shared: Arc<Shared>,
    committer: Mutex<Option<JoinHandle<()>>>,
    committer_id: Option<ThreadId>,
    /// Whether a commit is durable only when the engine has synced it.
    syncs: bool,
}

struct Shared {
    engine: Arc<dyn Engine>,
    health: Arc<Health>,
    durable: AtomicU64,
    waiting: Mutex<Waiting>,
    /// Rung when there is something to sync or the store closes.
    work: Condvar,
    /// Rung when a group has become durable, or never will.
    progress: Condvar,
}

#[derive(Default)]
struct Waiting {
    callbacks: BTreeMap<Ticket, Vec<OnDurable>>,
    count: usize,
    /// The commit for which the committer sleeps, if it does.
    wakes_at: Option<Ticket>,
    closing: bool,
    /// The committer has ended: nothing becomes durable any more.
    over: bool,
}

impl Durability {
    /// For an engine that has to sync: starts the committer.
    pub(crate) fn start(engine: Arc<dyn Engine>, health: Arc<Health>) -> Result<Self, Fault> {
        let shared = Arc::new(Shared::new(engine, health));
        let committer = thread::Builder::new()
            .name("store-commit".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || shared.run()
            })
            .map_err(|error| Fault::io("starting the committer", error))?;
        let committer_id = Some(committer.thread().id());
        Ok(Self { shared, committer: Mutex::new(Some(committer)), committer_id, syncs: true })
    }

    /// For an engine in memory: every commit is as durable as it will ever be, and no thread is needed to say so.
    pub(crate) fn at_once(engine: Arc<dyn Engine>, health: Arc<Health>) -> Self {
        Self {
            shared: Arc::new(Shared::new(engine, health)),
            committer: Mutex::new(None),
            committer_id: None,
            syncs: false,
        }
    }

    /// For a simulation: nothing syncs but [`Self::sync`].
    #[cfg(feature = "simulation")]
    pub(crate) fn by_hand(engine: Arc<dyn Engine>, health: Arc<Health>) -> Self {
        Self { syncs: true, ..Self::at_once(engine, health) }
    }

    #[cfg(feature = "simulation")]
    fn is_by_hand(&self) -> bool {
        self.syncs && self.committer_id.is_none()
    }

    /// What the committer does for one group.
    #[cfg(feature = "simulation")]
    pub(crate) fn sync(&self) {
        let group = self.shared.engine.newest();
        if group > self.durable() && self.shared.engine.sync().is_ok() {
            self.shared.release(group);
        }
    }

    /// Tells the committer that there is a new commit.
    pub(crate) fn committed(&self) {
        if self.committer_id.is_some() {
            // Under the lock, or the committer could miss the bell between looking and lying down. A bell that wakes nobody
            // would be a call to the kernel all the same.
            let mut waiting = self.shared.lock();
            let newest = self.shared.engine.newest();
            if waiting.wakes_at.take_if(|at| *at <= newest).is_some() {
                drop(waiting);
                self.shared.work.notify_one();
            }
        }
    }

    pub(crate) fn durable(&self) -> Ticket {
        if self.syncs {
            Ticket(self.shared.durable.load(Ordering::Acquire))
        } else {
            self.shared.engine.newest()
        }
    }

    /// Whether few wait as yet.
    pub(crate) fn has_room(&self) -> bool {
        self.shared.lock().count < WAITING_CALLBACKS_MAX / 2
    }

    pub(crate) fn on_durable(&self, ticket: Ticket, callback: OnDurable) {
        let mut waiting = self.shared.lock();
        while waiting.count >= WAITING_CALLBACKS_MAX
            && !waiting.over
            && ticket > self.durable()
            && Some(thread::current().id()) != self.committer_id
        {
            waiting = self.shared.progress.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let result = if ticket <= self.durable() {
            // A store that failed acknowledges nothing, not even what had become durable before.
            self.shared.health.check()
        } else if waiting.over {
            Err(self.shared.health.fault().unwrap_or(Fault::Stopped))
        } else {
            waiting.callbacks.entry(ticket).or_default().push(callback);
            waiting.count += 1;
            return;
        };
        drop(waiting);
        callback(result);
    }

    pub(crate) fn wait(&self, ticket: Ticket) -> Result<(), Fault> {
        #[cfg(feature = "simulation")]
        if self.is_by_hand() {
            self.sync();
        }
        let mut waiting = self.shared.lock();
        loop {
            self.shared.health.check()?;
            if ticket <= self.durable() {
                return Ok(());
            }
            if waiting.over {
                return Err(Fault::Stopped);
            }
            waiting = self.shared.progress.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes durable what was committed, calls everybody back, and ends the committer.
    pub(crate) fn close(&self) {
        #[cfg(feature = "simulation")]
        if self.is_by_hand() {
            // The machine has stopped: nobody hears of what was not synced.
            let mut waiting = self.shared.lock();
            waiting.over = true;
            let unheard = std::mem::take(&mut waiting.callbacks);
            drop(waiting);
            return drop(unheard);
        }
        self.shared.lock().closing = true;
        self.shared.work.notify_one();
        let committer = self.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(committer) = committer
            // The last owner of the store may be a callback; the committer then ends by itself.
            && Some(thread::current().id()) != self.committer_id
        {
            // A panic of the committer has been reported by its own thread.
            let _ = committer.join();
        }
    }
}

impl Shared {
    fn new(engine: Arc<dyn Engine>, health: Arc<Health>) -> Self {
        Self {
            engine,
            health,
            durable: AtomicU64::new(0),
            waiting: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut last = 0;
        while let Some(group) = self.next_group(last) {
            let commits = group.0 - self.durable.load(Ordering::Acquire);
            let synced = self.health.check().and_then(|()| self.sync());
            if let Err(fault) = &synced {
                self.health.note(fault);
                break;
            }
            last = commits;
            self.release(group);
        }
        self.end();
    }

    /// An engine that panics where a disk fails has failed as well: those who wait must hear of it.
    fn sync(&self) -> Result<(), Fault> {
        panic::catch_unwind(AssertUnwindSafe(|| self.engine.sync()))
            .unwrap_or_else(|_| Err(Fault::io("syncing", "the engine panicked")))
    }

    /// Sleeps until something is committed that is not durable; under load until as much is as may come at once, or nothing
    /// more comes. `None` if the store closes and all is durable.
    fn next_group(&self, last: u64) -> Option<Ticket> {
        let durable = self.durable.load(Ordering::Acquire);
        let mut waiting = self.lock();
        let worth = match last + (self.engine.newest().0 - durable) {
            0..GATHER_COMMITS_MIN => 1,
            both => both,
        };
        let (mut seen, mut until) = (0, None);
        loop {
            let newest = self.engine.newest();
            let commits = newest.0 - durable;
            if commits == 0 && waiting.closing {
                return None;
            }
            if commits == 0 {
                waiting.wakes_at = Some(Ticket(durable + 1));
                waiting = self.work.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let until = *until.get_or_insert_with(|| Instant::now() + GATHER_MAX);
            if commits >= worth || waiting.closing || commits == seen || Instant::now() > until {
                return Some(newest);
            }
            seen = commits;
            waiting.wakes_at = Some(Ticket(durable + worth));
            waiting = self.work.wait_timeout(waiting, GATHER_STEP).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything up to `group` is durable: calls back, oldest commit first.
    fn release(&self, group: Ticket) {
        let mut waiting = self.lock();
        self.durable.store(group.0, Ordering::Release);
        let later = waiting.callbacks.split_off(&Ticket(group.0.saturating_add(1)));
        let ready = std::mem::replace(&mut waiting.callbacks, later);
        waiting.count -= ready.values().map(Vec::len).sum::<usize>();
        drop(waiting);
        self.progress.notify_all();
        call_back(ready, &Ok(()));
    }

    /// Nothing becomes durable any more: whoever still waits is told so.
    fn end(&self) {
        let mut waiting = self.lock();
        waiting.over = true;
        let left = std::mem::take(&mut waiting.callbacks);
        waiting.count = 0;
        drop(waiting);
        self.progress.notify_all();
        call_back(left, &Err(self.health.fault().unwrap_or(Fault::Stopped)));
    }
}

fn call_back(callbacks: BTreeMap<Ticket, Vec<OnDurable>>, result: &Result<(), Fault>) {
    for callback in callbacks.into_values().flatten() {
        // One callback's panic, which its thread has reported, must not silence the others.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| callback(result.clone())));
    }
}
