//! The session table: which sessions exist, on which connections each of them is, and what it wants done.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use env::Time;
use mtproto::ids::DataCentre;
use mtproto::session::{
    CloseReason, KeyDestruction, Opened, PathId, Session, SessionInput, SessionOutput, Shared,
};
use mtproto::{AuthKeyId, MsgId, Packet, SessionId};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::admission::Bucket;
use crate::alarms::Alarm;
use crate::calls::Line;
use crate::desk::Way;
use crate::keys::Key;
use crate::mailbox::Mailbox;
use crate::node::Node;
use crate::peer::ToPeer;
use crate::{limits, metrics, world};

/// All sessions of this node. Its lock is taken while that of an [`Entry`] is held, and never the other way round.
#[derive(Default)]
pub(crate) struct Sessions {
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    by_key: HashMap<AuthKeyId, Vec<Arc<Entry>>>,
    count: usize,
    /// Not below any msg_id that a forgotten session gave out, here or before the server started.
    floor: Option<MsgId>,
}

/// One session and its surroundings.
pub(crate) struct Entry {
    key: Arc<Key>,
    id: SessionId,
    talk: Mutex<Talk>,
    /// The calls in front of the workers and the answers behind them.
    pub(crate) line: Mutex<Line>,
    /// Calls in the line and their bytes, to be read without its lock.
    pub(crate) calls: AtomicUsize,
    pub(crate) call_bytes: AtomicUsize,
    /// Calls that wait for calls before them, and what wakes them when the session has moved on.
    pub(crate) followers: AtomicUsize,
    pub(crate) moved: Notify,
    use_: AtomicU8,
    /// Something was pushed to the key while this session was not connected.
    missed: AtomicBool,
    /// When something was last heard of it, in seconds since the Unix epoch.
    used: AtomicU64,
    /// Forgotten: nothing more is taken or sent.
    over: AtomicBool,
    /// The highest msg_id that came for it, accepted or not.
    newest: AtomicI64,
}

/// What a session is used for, as far as its calls have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It has called nothing yet.
    Unknown = 0,
    /// It only moves files: pushes are not for it.
    Files = 1,
    /// A person's session.
    Main = 2,
}

/// The conversation itself, under its lock.
struct Talk {
    session: Session,
    paths: Vec<OpenPath>,
    /// When the session wants to be woken.
    wake: Option<Time>,
    /// The alarm that is set for it.
    armed: Option<Alarm>,
    origin: Origin,
}

/// Where a client calls from, by its newest connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// Its address.
    pub(crate) address: IpAddr,
    /// The data centre that it dialled, if its transport ever said so.
    pub(crate) dialled: Option<DataCentre>,
}

struct OpenPath {
    id: PathId,
    mailbox: Mailbox<ToPeer>,
    /// What is left of the calls that nobody understands.
    unknown: Bucket,
}

/// What has to be done for a session once its lock is released: it would take other locks.
#[derive(Default)]
struct Aftermath {
    /// The connections of these sessions must close.
    ended: Vec<Arc<Entry>>,
    /// There are calls in the line, and nobody looks after it yet.
    calls_wait: bool,
}

impl Sessions {
    /// No sessions. Their messages will have names above `floor`.
    pub(crate) fn above(floor: MsgId) -> Self {
        Self { book: Mutex::new(Book { floor: Some(floor), ..Book::default() }) }
    }

    /// The session `id` of `key`, made if there is none. Nothing if there are as many as there may be, all in use.
    pub(crate) fn open(&self, key: &Arc<Key>, id: SessionId) -> Option<Arc<Entry>> {
        let mut evicted = None;
        let opened = self.find_or_make(key, id, &mut evicted);
        if let Some(evicted) = evicted {
            evicted.end();
        }
        opened
    }

    fn find_or_make(
        &self,
        key: &Arc<Key>,
        id: SessionId,
        evicted: &mut Option<Arc<Entry>>,
    ) -> Option<Arc<Entry>> {
        let book = &mut *self.book.lock();
        if let Some(found) = book.by_key.get(&key.auth.id()).and_then(|all| all.iter().find(|e| e.id == id)) {
            return Some(Arc::clone(found));
        }
        if book.count >= limits::SESSIONS_MAX {
            book.forget_unused(limits::SESSION_CROWDED_TIME);
            if book.count >= limits::SESSIONS_MAX {
                metrics::dropped("sessions");
                return None;
            }
        }
        let siblings = book.by_key.entry(key.auth.id()).or_default();
        if siblings.len() >= limits::SESSIONS_PER_KEY_MAX {
            let oldest = siblings.iter().enumerate().min_by_key(|(_, e)| e.used.load(Ordering::Relaxed));
            let at = oldest.map(|(at, _)| at)?;
            let gone = siblings.swap_remove(at);
            metrics::dropped("sessions of a key");
            gone.remember_received();
            *evicted = Some(gone);
            book.count -= 1;
        }
        let floor = book.floor.unwrap_or_else(|| MsgId::at(world::now()));
        let entry = Arc::new(Entry::new(Arc::clone(key), id, floor));
        siblings.push(Arc::clone(&entry));
        book.count += 1;
        Some(entry)
    }

    /// The sessions of a key.
    pub(crate) fn of_key(&self, key: AuthKeyId) -> Vec<Arc<Entry>> {
        self.book.lock().by_key.get(&key).cloned().unwrap_or_default()
    }

    /// Whether a key has any.
    pub(crate) fn has(&self, key: AuthKeyId) -> bool {
        self.book.lock().by_key.contains_key(&key)
    }

    /// The session `id` of `key`.
    pub(crate) fn find(&self, key: AuthKeyId, id: SessionId) -> Option<Arc<Entry>> {
        self.book.lock().by_key.get(&key)?.iter().find(|entry| entry.id == id).cloned()
    }

    /// Forgets one session.
    pub(crate) fn remove(&self, key: AuthKeyId, id: SessionId) -> Option<Arc<Entry>> {
        let mut book = self.book.lock();
        let siblings = book.by_key.get_mut(&key)?;
        let at = siblings.iter().position(|e| e.id == id)?;
        let gone = siblings.swap_remove(at);
        gone.remember_received();
        if siblings.is_empty() {
            book.by_key.remove(&key);
        }
        book.count -= 1;
        Some(gone)
    }

    /// Forgets all sessions of a key and closes their connections.
    pub(crate) fn remove_key(&self, key: AuthKeyId) {
        let gone = {
            let mut book = self.book.lock();
            let gone = book.by_key.remove(&key).unwrap_or_default();
            book.count -= gone.len();
            gone
        };
        for entry in gone {
            entry.end();
        }
    }

    /// How many sessions there are, the bytes they hold, and the answers of theirs that wait for the disk.
    #[cfg(feature = "simulation")]
    pub(crate) fn held(&self) -> (usize, usize, usize) {
        let all: Vec<_> = self.book.lock().by_key.values().flatten().cloned().collect();
        let bytes = all.iter().map(|entry| entry.talk.lock().session.held_bytes()).sum();
        (all.len(), bytes, all.iter().map(|entry| entry.line.lock().undurable()).sum())
    }

    /// Forgets the sessions that nobody has used for long.
    pub(crate) fn sweep(&self) {
        let mut book = self.book.lock();
        book.forget_unused(limits::SESSION_IDLE_TIME);
        metrics::held("sessions", book.count);
        let held = book.held();
        metrics::held_bytes("sessions", held.bytes);
        metrics::held_bytes("replay windows", held.windows);
        metrics::held_bytes("outboxes", held.outboxes);
        metrics::held("calls that follow others", held.followers);
        metrics::held("calls that wait", held.calls);
    }
}

/// What all sessions hold together.
#[derive(Default)]
struct Held {
    /// Memory of the conversations, in bytes.
    bytes: usize,
    /// Of that, the windows against replay.
    windows: usize,
    /// Of that, what the clients have not acknowledged.
    outboxes: usize,
    /// Calls that wait for calls before them.
    followers: usize,
    /// Calls that wait for their turn.
    calls: usize,
}

impl Book {
    /// What the sessions hold: the windows against replay, the outboxes, what waits for its turn. The memory of one that is
    /// being talked to is left out.
    fn held(&self) -> Held {
        let mut held = Held::default();
        for entry in self.by_key.values().flatten() {
            held.followers += entry.followers.load(Ordering::Relaxed);
            held.calls += entry.calls.load(Ordering::Relaxed);
            if let Some(talk) = entry.talk.try_lock() {
                held.bytes += talk.session.held_bytes();
                held.windows += talk.session.window_bytes();
                held.outboxes += talk.session.outbox_bytes();
            }
        }
        held
    }

    fn forget_unused(&mut self, idle: Duration) {
        let now = world::now().secs();
        let floor = &mut self.floor;
        for siblings in self.by_key.values_mut() {
            siblings.retain(|entry| {
                // A session that is being talked to is in use.
                let Some(talk) = entry.talk.try_lock() else { return true };
                let idle =
                    if talk.session.is_blank() { limits::SESSION_CROWDED_TIME.min(idle) } else { idle };
                let unused = now.saturating_sub(entry.used.load(Ordering::Relaxed));
                let keep = !talk.paths.is_empty() || unused < idle.as_secs();
                if !keep {
                    entry.remember_received();
                    *floor = (*floor).max(Some(talk.session.last_msg_id()));
                }
                keep
            });
        }
        self.by_key.retain(|_, siblings| !siblings.is_empty());
        self.count = self.by_key.values().map(Vec::len).sum();
    }
}

impl Entry {
    fn new(key: Arc<Key>, id: SessionId, floor: MsgId) -> Self {
        let mut session = Session::new(id, floor);
        if let Some(received) = key.received_before(id) {
            session.forget_up_to(received);
        }
        let talk = Talk {
            session,
            paths: Vec::new(),
            wake: None,
            armed: None,
            origin: Origin { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), dialled: None },
        };
        Self {
            key,
            id,
            talk: Mutex::new(talk),
            line: Mutex::default(),
            calls: AtomicUsize::new(0),
            call_bytes: AtomicUsize::new(0),
            followers: AtomicUsize::new(0),
            moved: Notify::new(),
            use_: AtomicU8::new(Use::Unknown as u8),
            missed: AtomicBool::new(false),
            used: AtomicU64::new(world::now().secs()),
            over: AtomicBool::new(false),
            newest: AtomicI64::new(i64::MIN),
        }
    }

    /// The key that it belongs to: the one its packets are sealed with.
    pub(crate) fn key(&self) -> &Arc<Key> {
        &self.key
    }

    /// The client's name for it.
    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    /// Whether it is the session `id` of `key`.
    pub(crate) fn is(&self, key: &Arc<Key>, id: SessionId) -> bool {
        self.id == id && Arc::ptr_eq(&self.key, key) && !self.is_over()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Ends it, and remembers with its key what it has received: it would be taken for new by another state of it.
    ///
    /// A packet that comes at the same moment has either said its name before this reads the highest one, or finds that
    /// the session is over.
    fn remember_received(&self) {
        // spec: SES-4
        self.over.store(true, Ordering::SeqCst);
        let newest = self.newest.load(Ordering::SeqCst);
        if newest != i64::MIN {
            self.key.remember_gone(self.id, MsgId(newest), world::now());
        }
    }

    /// What it is used for.
    pub(crate) fn use_(&self) -> Use {
        match self.use_.load(Ordering::Relaxed) {
            0 => Use::Unknown,
            1 => Use::Files,
            _ => Use::Main,
        }
    }

    /// Remembers what a call showed of its use; whether this made it a person's session just now.
    pub(crate) fn learn_use(&self, use_: Use) -> bool {
        let before = self.use_.fetch_max(use_ as u8, Ordering::Relaxed);
        use_ == Use::Main && before < Use::Main as u8
    }

    /// Remembers that it was not there when something was pushed to its key.
    pub(crate) fn miss(&self) {
        self.missed.store(true, Ordering::Relaxed);
    }

    /// Whether it was not there when something was pushed to its key; asked once.
    pub(crate) fn has_missed(&self) -> bool {
        self.missed.swap(false, Ordering::Relaxed)
    }

    /// Whether it has so much to do that nothing more should be read from its connections.
    pub(crate) fn is_congested(&self) -> bool {
        self.calls.load(Ordering::Relaxed) > limits::CALLS_CONGESTED
            || self.call_bytes.load(Ordering::Relaxed) > limits::CALL_BYTES_CONGESTED
    }

    /// Has its connections look again whether they may be read.
    pub(crate) fn rouse(&self) {
        for path in &self.talk.lock().paths {
            path.mailbox.ring();
        }
    }

    /// Whether a connection is open.
    pub(crate) fn is_online(&self) -> bool {
        !self.talk.lock().paths.is_empty()
    }

    /// Where its client calls from.
    pub(crate) fn origin(&self) -> Origin {
        self.talk.lock().origin
    }

    /// Takes one call that nobody understands out of what may come of them over the connection `path` now, and of what its
    /// key may make of them; false if its client has to wait.
    pub(crate) fn take_unknown(&self, path: PathId) -> bool {
        let a_minute = limits::UNKNOWN_PER_MINUTE;
        let now = Instant::now().into_std();
        let mut talk = self.talk.lock();
        let open = talk.paths.iter_mut().find(|p| p.id == path);
        let has_some = open.is_none_or(|open| open.unknown.take(a_minute, a_minute / 60.0, now));
        drop(talk);
        has_some && self.key.take_unknown()
    }

    /// What the session knows of one of its calls.
    pub(crate) fn call_state(&self, msg_id: MsgId) -> mtproto::session::CallState {
        self.talk.lock().session.call_state(msg_id)
    }

    /// Takes a packet that was opened.
    pub(crate) fn receive(
        self: &Arc<Self>,
        node: &Arc<Node>,
        way: &Way<'_>,
        opened: Opened,
        packet: Bytes,
        quick_ack: bool,
    ) {
        let mut talk = self.talk.lock();
        self.newest.fetch_max(opened.msg_id.0, Ordering::SeqCst);
        self.used.store(world::now().secs(), Ordering::Relaxed);
        let fresh = !talk.paths.iter().any(|p| p.id == way.path.id);
        if fresh {
            if talk.paths.len() >= limits::PATHS_PER_SESSION_MAX {
                let oldest = talk.paths.remove(0);
                let _ = oldest.mailbox.post(ToPeer::Close(None));
            }
            let unknown = Bucket::full(limits::UNKNOWN_PER_MINUTE, Instant::now().into_std());
            // One place and not four at once: nearly every session has one path at a time.
            talk.paths.reserve_exact(1);
            talk.paths.push(OpenPath { id: way.path.id, mailbox: way.mailbox.clone(), unknown });
            talk.origin = Origin { address: way.address, dialled: way.dialled.or(talk.origin.dialled) };
        }
        let input = SessionInput::Received { path: way.path, opened, packet, quick_ack };
        let mut aftermath = self.drive(node, &mut talk, [input]);
        drop(talk);
        let calls_wait = std::mem::take(&mut aftermath.calls_wait);
        self.settle(node, aftermath);
        if fresh {
            node.push.came_online(node, self);
        }
        if calls_wait {
            self.run_quick_calls(node);
        }
    }

    /// Gives the session several things at once; what it has to say about them shares packets.
    pub(crate) fn tell(self: &Arc<Self>, node: &Arc<Node>, inputs: impl IntoIterator<Item = SessionInput>) {
        let mut talk = self.talk.lock();
        let aftermath = self.drive(node, &mut talk, inputs);
        drop(talk);
        self.settle(node, aftermath);
    }

    /// As [`Self::tell`], with the inputs taken one by one while nobody else can speak to the session: so they keep
    /// their order.
    pub(crate) fn tell_in_order(
        self: &Arc<Self>,
        node: &Arc<Node>,
        next: impl FnMut() -> Option<SessionInput>,
    ) {
        self.tell(node, std::iter::from_fn(next));
    }

    /// A connection of it is gone.
    pub(crate) fn path_closed(self: &Arc<Self>, node: &Arc<Node>, path: PathId) {
        self.drop_path(node, path, SessionInput::PathClosed(path));
    }

    /// A connection of it serves another session now.
    pub(crate) fn path_left(self: &Arc<Self>, node: &Arc<Node>, path: PathId) {
        self.drop_path(node, path, SessionInput::PathLeft(path));
    }

    fn drop_path(self: &Arc<Self>, node: &Arc<Node>, path: PathId, input: SessionInput) {
        let mut talk = self.talk.lock();
        talk.paths.retain(|p| p.id != path);
        self.used.store(world::now().secs(), Ordering::Relaxed);
        let aftermath = self.drive(node, &mut talk, [input]);
        drop(talk);
        self.settle(node, aftermath);
    }

    /// Ends it: its connections close.
    fn end(&self) {
        self.remember_received();
        let mut talk = self.talk.lock();
        for path in talk.paths.drain(..) {
            let _ = path.mailbox.post(ToPeer::Close(None));
        }
    }

    /// Lets the session handle `inputs` and does what it wants done.
    fn drive(
        self: &Arc<Self>,
        node: &Arc<Node>,
        talk: &mut Talk,
        inputs: impl IntoIterator<Item = SessionInput>,
    ) -> Aftermath {
        if self.is_over() {
            // What was for it is taken all the same, so that nobody waits for it to leave.
            inputs.into_iter().for_each(drop);
            return Aftermath::default();
        }
        let mut outputs = Vec::new();
        let mut aftermath = Aftermath::default();
        self.handle(node, talk, inputs, &mut outputs);
        // Each round answers what the one before asked; a session asks about other sessions only when its client does.
        while !outputs.is_empty() {
            let mut answers = Vec::new();
            for output in std::mem::take(&mut outputs) {
                self.perform(node, talk, output, &mut answers, &mut aftermath);
            }
            if !answers.is_empty() {
                self.handle(node, talk, answers, &mut outputs);
            }
        }
        // Under the lock: who looked at the calls before this has been counted before it, so nobody sleeps through it.
        if self.followers.load(Ordering::Relaxed) > 0 {
            self.moved.notify_waiters();
        }
        aftermath
    }

    fn handle(
        &self,
        node: &Node,
        talk: &mut Talk,
        inputs: impl IntoIterator<Item = SessionInput>,
        outputs: &mut Vec<SessionOutput>,
    ) {
        let mut salts = self.key.salts.lock();
        let mut shared = Shared { key: &self.key.auth, salts: &mut salts };
        talk.session.name_up_to(MsgId::at(node.api.names_until()));
        world::with_env(|env| {
            for input in inputs {
                talk.session.feed(env, &mut shared, input, outputs);
            }
            talk.session.flush(env, &mut shared, outputs);
        });
    }

    fn perform(
        self: &Arc<Self>,
        node: &Arc<Node>,
        talk: &mut Talk,
        output: SessionOutput,
        answers: &mut Vec<SessionInput>,
        aftermath: &mut Aftermath,
    ) {
        match output {
            SessionOutput::Send { path, packet } => {
                talk.post(path, ToPeer::Packet(Packet::Sealed(packet.freeze())))
            }
            SessionOutput::QuickAck { path, token } => {
                talk.post(path, ToPeer::Packet(Packet::QuickAck(token)))
            }
            SessionOutput::Call(call) => {
                answers.extend(self.take_call(node, call, &mut aftermath.calls_wait));
            }
            SessionOutput::DestroySession { to, session_id } => {
                let gone = node.sessions.remove(self.key.auth.id(), session_id);
                answers.push(SessionInput::SessionDestroyed { to, session_id, existed: gone.is_some() });
                aftermath.ended.extend(gone);
            }
            SessionOutput::DestroyAuthKey { to } => {
                let (entry, node_) = (Arc::clone(self), Arc::clone(node));
                if node.workers.push(move || entry.destroy_key(&node_, to)).is_err() {
                    answers.push(SessionInput::AuthKeyDestroyed { to, outcome: KeyDestruction::Failed });
                }
            }
            SessionOutput::NeedsUpdatesTooLong => node.push.lost_pushes(node, self),
            SessionOutput::ClosePath { path, reason } => {
                let say = match reason {
                    CloseReason::PingDelayExpired => None,
                    CloseReason::Misbehaved(error) => Some(error),
                };
                talk.post(path, ToPeer::Close(say));
            }
            SessionOutput::WakeAt(time) => {
                talk.wake = Some(time);
                self.arm(node, talk);
            }
            SessionOutput::Overran { what, times } => {
                metrics::overran(what.name(), usize::try_from(times).unwrap_or(usize::MAX));
            }
        }
    }

    /// Sets an alarm unless one is set that is early enough.
    fn arm(&self, node: &Node, talk: &mut Talk) {
        let Some(wake) = talk.wake else { return };
        if talk.armed.is_none_or(|armed| wake < armed.time) {
            talk.armed = Some(node.alarms.set(wake, self.key.auth.id(), self.id, talk.armed));
        }
    }

    fn settle(self: &Arc<Self>, node: &Arc<Node>, aftermath: Aftermath) {
        aftermath.ended.iter().for_each(|entry| entry.end());
        if aftermath.calls_wait {
            self.schedule(node);
        }
    }

    /// The alarm has come.
    pub(crate) fn rings(self: &Arc<Self>, node: &Arc<Node>, alarm: Alarm) {
        let mut talk = self.talk.lock();
        if talk.armed != Some(alarm) {
            return;
        }
        talk.armed = None;
        let aftermath = if talk.wake.is_some_and(|wake| wake <= world::now()) {
            talk.wake = None;
            self.drive(node, &mut talk, [SessionInput::Wake])
        } else {
            self.arm(node, &mut talk);
            Aftermath::default()
        };
        drop(talk);
        self.settle(node, aftermath);
    }
}

impl Talk {
    /// Puts a letter into the box of a connection. One that is gone or too slow is about to say so itself.
    fn post(&self, path: PathId, letter: ToPeer) {
        // spec: SES-11
        if let Some(open) = self.paths.iter().find(|p| p.id == path) {
            let _ = open.mailbox.post(letter);
        }
    }
}
