//! What all connections of this node share.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use api::ids::KeyId;
use api::keys::{Expired, Inserted};
use api::{Api, Effects, Fault, Stop, Ticket};
use blobs::Blobs;
use bus::Bus;
use mtproto::handshake::dh::Spares;
use mtproto::{AuthKey, AuthKeyId, KeyMade, KeyStored, MsgId, ReplayCache, ServerKeys};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, oneshot, watch};

use crate::admission::Admission;
use crate::alarms::Alarms;
use crate::departures::Departures;
use crate::keys::{Key, Keys};
use crate::limits::{self, Limits};
use crate::open::OpenPaths;
use crate::pool::{Pool, StepBack};
use crate::push::{Push, Told};
use crate::sessions::Sessions;
use crate::{metrics, world};

/// How far the node has come on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It serves.
    Serving,
    /// Nothing more is read; what was read is answered.
    Draining,
    /// Connections close as soon as what is written has left.
    Closing,
}

/// The shared parts.
pub(crate) struct Node {
    pub(crate) limits: Limits,
    pub(crate) api: Arc<Api>,
    pub(crate) blobs: Blobs,
    pub(crate) server_keys: Arc<ServerKeys>,
    pub(crate) replays: Arc<ReplayCache>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) keys: Keys,
    pub(crate) sessions: Sessions,
    pub(crate) alarms: Alarms,
    pub(crate) push: Push,
    pub(crate) departures: Departures,
    pub(crate) bus: Bus<Told>,
    /// Threads for key exchanges: these never wait, and nobody's calls wait for them.
    pub(crate) handshakes: Pool,
    /// Exponents that the pool draws while it has nothing else to do.
    pub(crate) spares: Arc<Spares>,
    /// Threads for calls: these block on the store.
    pub(crate) workers: Pool,
    /// Places for images to be decoded.
    pub(crate) images: Semaphore,
    pub(crate) runtime: Handle,
    pub(crate) phase: watch::Sender<Phase>,
    /// Calls that were taken and not answered yet.
    pub(crate) unanswered: AtomicUsize,
    pub(crate) open: OpenPaths,
    /// Told when there is work for the runner of jobs.
    pub(crate) jobs: Notify,
    failed: Notify,
}

impl Node {
    pub(crate) fn new(
        limits: Limits,
        api: Arc<Api>,
        blobs: Blobs,
        server_keys: Arc<ServerKeys>,
    ) -> std::io::Result<Self> {
        let spares = Arc::new(Spares::default());
        world::never_before(api.told_before());
        let steps = limits.handshake_threads.saturating_mul(limits::HANDSHAKE_STEPS_WAITING_PER_THREAD);
        Ok(Self {
            limits,
            blobs,
            server_keys,
            replays: Arc::new(ReplayCache::new()),
            admission: Admission::new(limits),
            keys: Keys::new(limits),
            sessions: Sessions::above(MsgId::at(api.named_before())),
            alarms: Alarms::default(),
            push: Push::default(),
            departures: Departures::default(),
            api,
            bus: Bus::new(),
            handshakes: {
                let spares = Arc::clone(&spares);
                let idle = move || spares.draw_one(&mut world::SystemDice);
                let back =
                    StepBack { niceness: limits::HANDSHAKE_NICENESS, patience: limits::HANDSHAKE_PATIENCE };
                Pool::start_with_idle("handshake", limits.handshake_threads, steps, Some(back), idle)?
            },
            spares,
            workers: Pool::start("worker", limits.workers, limits::WORK_WAITING_MAX)?,
            images: Semaphore::new(limits::IMAGES_AT_ONCE),
            runtime: Handle::current(),
            phase: watch::Sender::new(Phase::Serving),
            unanswered: AtomicUsize::new(0),
            open: OpenPaths::default(),
            jobs: Notify::new(),
            failed: Notify::new(),
        })
    }

    /// Comes so far on the way out, and has every connection see it.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
        self.open.ring();
    }

    /// The key, from memory or from the store.
    ///
    /// # Errors
    /// [`Overloaded`] if it could not be looked up; that says nothing about the key.
    pub(crate) async fn find_key(self: &Arc<Self>, id: AuthKeyId) -> Result<Option<Arc<Key>>, Overloaded> {
        if let Some(key) = self.keys.find(id) {
            return Ok(Some(key));
        }
        let node = Arc::clone(self);
        let loaded = self.on_worker(move || node.api.key(key_id(id))).await?;
        match loaded {
            Ok((row, ticket)) => {
                // What opens with it is answered, and that there is none is said: a loss of power must not unsay either.
                self.until_durable(ticket).await?;
                let Some(row) = row else { return Ok(None) };
                let used = u64::try_from(row.last_active).unwrap_or(0);
                let secret = row.key.try_into().ok();
                Ok(secret.map(|secret| self.keys.remember(AuthKey::from_stored(id, secret), used)))
            }
            Err(fault) => {
                self.note(&fault);
                Err(Overloaded)
            }
        }
    }

    /// Keeps a key that a handshake made: a permanent one durably, a temporary one in memory.
    pub(crate) async fn store_key(self: &Arc<Self>, made: KeyMade) -> KeyStored {
        if let Some(seconds) = made.expires_in {
            return match self.keys.remember_temp(made.key, made.salt, seconds) {
                Ok(()) => KeyStored::Stored,
                Err(_) => KeyStored::Collision,
            };
        }
        let node = Arc::clone(self);
        let key = made.key.clone();
        let dc = made.dc.map_or(0, |dc| dc.number().into());
        let stored = self
            .on_worker(move || {
                let in_use = |key| node.is_in_use(key);
                world::with_env(|env| node.api.insert_key(key_id(key.id()), key.stored(), dc, &in_use, env))
            })
            .await;
        match stored {
            Ok(Ok(Some(Inserted { ticket, dropped, effects }))) => {
                dropped.iter().for_each(|_| metrics::dropped("keys without a login"));
                self.keys_gone(&dropped, effects, ticket);
                // spec: HS-30
                if self.until_durable(ticket).await.is_err() {
                    return KeyStored::Failed;
                }
                self.keys.remember_made(made.key, made.salt);
                KeyStored::Stored
            }
            Ok(Ok(None)) => KeyStored::Collision,
            Ok(Err(stop)) => {
                self.note_stop(&stop);
                KeyStored::Failed
            }
            Err(Overloaded) => KeyStored::Failed,
        }
    }

    /// Whether a key has a session, of its own or of a temporary key that speaks for it.
    fn is_in_use(&self, key: KeyId) -> bool {
        let id = AuthKeyId::from_long(key.0);
        let mut all = self.keys.speaking_for(id).into_iter().chain([id]);
        all.any(|id| self.sessions.has(id))
    }

    /// Drops keys on which nobody is logged in and that nobody has used for long.
    pub(crate) async fn expire_keys(self: &Arc<Self>) {
        loop {
            let node = Arc::clone(self);
            let expire = move || {
                let in_use = |key| node.is_in_use(key);
                world::with_env(|env| node.api.expire_keys(&in_use, env))
            };
            // What is not done now is done at the next look.
            match self.on_worker(expire).await {
                Ok(Ok(Expired { dropped, ticket, effects, left, more })) => {
                    metrics::held("keys without a login", usize::try_from(left).unwrap_or(usize::MAX));
                    self.keys_gone(&dropped, effects, ticket);
                    if !more {
                        return;
                    }
                }
                Ok(Err(stop)) => return self.note_stop(&stop),
                Err(Overloaded) => return,
            }
        }
    }

    /// Keys were dropped that nobody spoke with; whoever came in the meantime has to make a new one.
    fn keys_gone(&self, dropped: &[KeyId], effects: Effects, ticket: Ticket) {
        for notice in effects.notices {
            self.bus.publish(Told { notice, origin: None, ticket });
        }
        for key in dropped {
            self.forget_key(AuthKeyId::from_long(key.0));
        }
    }

    /// Forgets a key that is gone, the temporary keys that speak for it, and all their sessions.
    pub(crate) fn forget_key(&self, id: AuthKeyId) {
        for gone in self.keys.forget(id) {
            self.sessions.remove_key(gone);
        }
    }

    /// Runs `work` on a worker and waits for what it gives.
    ///
    /// # Errors
    /// [`Overloaded`] if there is no room, or the work panicked.
    pub(crate) async fn on_worker<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let (give, take) = oneshot::channel();
        let task = move || {
            // Nobody may be waiting any more.
            let _ = give.send(work());
        };
        self.workers.push(task).map_err(|_| Overloaded)?;
        take.await.map_err(|_| Overloaded)
    }

    /// Lets the store know how far messages will be named, unless it knows for the next seconds.
    pub(crate) async fn keep_names(self: &Arc<Self>) {
        if world::now() + limits::NAMES_LEFT_MIN < self.api.names_until() {
            return;
        }
        let node = Arc::clone(self);
        // What cannot be kept now is kept at the next look; names wait for it.
        match self.on_worker(move || node.api.keep_names(world::now())).await {
            Ok(Ok((until, ticket))) => {
                if self.until_durable(ticket).await.is_ok() {
                    self.api.names_kept(until);
                }
            }
            Ok(Err(fault)) => self.note(&fault),
            Err(Overloaded) => {}
        }
    }

    /// Up to which commit the store is durable.
    pub(crate) fn durable(&self) -> Ticket {
        self.api.store().durable()
    }

    /// Calls `then` once the store is durable up to `ticket`. It is not called if that never happens: then the node ends.
    pub(crate) fn on_durable(self: &Arc<Self>, ticket: Ticket, then: impl FnOnce() + Send + 'static) {
        let node = Arc::clone(self);
        let callback = move |result: Result<(), Fault>| match result {
            Ok(()) => then(),
            Err(fault) => node.note(&fault),
        };
        self.api.store().on_durable(ticket, Box::new(callback));
    }

    /// Waits until the store is durable up to `ticket`.
    pub(crate) async fn until_durable(self: &Arc<Self>, ticket: Ticket) -> Result<(), Overloaded> {
        let (give, take) = oneshot::channel();
        self.on_durable(ticket, move || {
            let _ = give.send(());
        });
        take.await.map_err(|_| Overloaded)
    }

    /// Takes notice of a fault: if the engine failed, nothing may be acknowledged any more and the server has to end.
    pub(crate) fn note(&self, fault: &Fault) {
        if fault.is_io() {
            self.failed.notify_one();
        } else {
            tracing::error!(%fault, "the store refused");
        }
    }

    /// Looks whether the store still works: the faults of calls are told to their callers and not to us.
    pub(crate) fn look_after_store(&self) {
        if let Some(fault) = self.api.store().fault() {
            self.note(&fault);
        }
    }

    /// As [`Self::note`], for work of our own: nobody can be refused there.
    pub(crate) fn note_stop(&self, stop: &Stop) {
        match stop {
            Stop::Fault(fault) => self.note(fault),
            refused => tracing::error!(?refused, "work of the server's own was refused"),
        }
    }

    /// Waits until the store has failed.
    pub(crate) async fn failed(&self) {
        self.failed.notified().await;
    }
}

/// Too much to do. Said to clients by closing, never by -404.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overloaded;

/// A key as the API names it.
pub(crate) fn key_id(id: AuthKeyId) -> KeyId {
    KeyId(id.as_long())
}
