//! The gateway in one thread, from one seed: a clock that a test sets, dice that repeat themselves, connections that are
//! two buffers, workers whose pace is drawn. Only with the feature `simulation`: no server is built with it.
//!
//! The runtime must be tokio's current-thread one with its time paused. [`enter`] comes first; from then on the thread's
//! [`world`](crate::world) is the simulated one.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use env::{Dice as _, SeededDice, Time};
use parking_lot::Mutex;
use tokio::io::ReadBuf;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::stream::Stream;
use crate::world::Steady;
use crate::{Gateway, Sockets, peer};

/// How many bytes a connection takes before its reader has to read.
pub const PIPE_BYTES: usize = 64 * 1024;

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// What one thread sees instead of the operating system.
struct World {
    epoch: Time,
    began: Instant,
    /// How far the server's clock was set on (or back), in nanoseconds.
    set_by: i64,
    told: Steady,
    dice: SeededDice,
}

/// Makes this thread's world a simulated one that begins at `epoch` and throws the dice of `seed`; it lasts until the
/// guard is dropped. Inside of the runtime only.
#[must_use]
pub fn enter(seed: u64, epoch: Time) -> Inside {
    let world =
        World { epoch, began: Instant::now(), set_by: 0, told: Steady::new(), dice: SeededDice::new(seed) };
    WORLD.set(Some(world));
    Inside(())
}

/// While it lives, the thread's world is simulated.
pub struct Inside(());

impl Drop for Inside {
    fn drop(&mut self) {
        WORLD.set(None);
    }
}

/// Sets the server's clock on, or back, by so many milliseconds.
pub fn set_clock_by(millis: i64) {
    WORLD.with_borrow_mut(|world| {
        if let Some(world) = world {
            world.set_by = world.set_by.saturating_add(millis.saturating_mul(1_000_000));
        }
    });
}

/// The process that told the time is gone: the next one knows nothing of what it told.
pub fn forget_time() {
    WORLD.with_borrow_mut(|world| {
        if let Some(world) = world {
            world.told = Steady::new();
        }
    });
}

/// The current time of a simulated world.
pub(crate) fn now() -> Option<Time> {
    WORLD.with_borrow(|world| {
        let world = world.as_ref()?;
        let elapsed = u64::try_from(world.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let shown = world.epoch.nanos().saturating_add(elapsed).saturating_add_signed(world.set_by);
        Some(world.told.tell(shown, || elapsed))
    })
}

/// From now on it is not earlier than `time` in a simulated world.
pub(crate) fn never_before(time: Time) -> bool {
    WORLD.with_borrow(|world| world.as_ref().map(|world| world.told.never_before(time)).is_some())
}

/// Throws the dice of a simulated world.
pub(crate) fn throw(out: &mut [u8]) -> bool {
    WORLD.with_borrow_mut(|world| {
        let Some(world) = world else { return false };
        world.dice.fill(out);
        true
    })
}

/// How long a worker is busy with something else before it takes a piece of work.
pub(crate) fn worker_delay() -> Duration {
    let micros = WORLD.with_borrow_mut(|world| world.as_mut().map_or(0, |world| world.dice.below(3000)));
    Duration::from_micros(micros)
}

/// Waits until a thread takes a piece of work; in a simulation that takes a moment.
pub(crate) async fn work_begins() {
    if WORLD.with_borrow(Option::is_some) {
        tokio::time::sleep(worker_delay()).await;
    }
}

/// Whether a quick call goes to a worker all the same: in a simulation some do, so that both ways are walked.
pub(crate) fn sends_to_worker() -> bool {
    WORLD.with_borrow_mut(|world| world.as_mut().is_some_and(|world| world.dice.below(2) == 0))
}

/// A connection of a simulated client: two buffers. Clones are the same connection.
#[derive(Clone)]
pub struct Pipe(Arc<Mutex<Ends>>);

struct Ends {
    to_server: VecDeque<u8>,
    to_client: Vec<u8>,
    /// The client has closed it, or it broke.
    client_gone: bool,
    server_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Told when there is something for the client.
    bell: Arc<Notify>,
}

impl Pipe {
    fn new(bell: Arc<Notify>) -> Self {
        Self(Arc::new(Mutex::new(Ends {
            to_server: VecDeque::new(),
            to_client: Vec::new(),
            client_gone: false,
            server_gone: false,
            reader: None,
            writer: None,
            bell,
        })))
    }

    /// Bytes of the client arrive.
    pub fn send(&self, bytes: &[u8]) {
        let mut ends = self.0.lock();
        ends.to_server.extend(bytes);
        wake(&mut ends.reader);
    }

    /// What the server has written since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        let mut ends = self.0.lock();
        wake(&mut ends.writer);
        std::mem::take(&mut ends.to_client)
    }

    /// Whether something waits to be taken.
    #[must_use]
    pub fn has_bytes(&self) -> bool {
        !self.0.lock().to_client.is_empty()
    }

    /// The server learns that the client is gone.
    pub fn close(&self) {
        let mut ends = self.0.lock();
        ends.client_gone = true;
        wake(&mut ends.reader);
        wake(&mut ends.writer);
    }

    /// Whether the server has closed it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.lock().server_gone
    }
}

fn wake(waiting: &mut Option<Waker>) {
    if let Some(waker) = waiting.take() {
        waker.wake();
    }
}

/// The server's end.
pub(crate) struct ServerEnd(Pipe);

impl ServerEnd {
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, read: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut ends = self.0.0.lock();
        if ends.to_server.is_empty() && !ends.client_gone {
            ends.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let n = read.remaining().min(ends.to_server.len());
        for byte in ends.to_server.drain(..n) {
            read.put_slice(&[byte]);
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_writable(&self, cx: &Context<'_>) -> Poll<()> {
        let mut ends = self.0.0.lock();
        if ends.to_client.len() < PIPE_BYTES || ends.client_gone {
            return Poll::Ready(());
        }
        ends.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut ends = self.0.0.lock();
        if ends.client_gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut room = PIPE_BYTES.saturating_sub(ends.to_client.len());
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut written = 0;
        for slice in slices {
            let part = slice.get(..room.min(slice.len())).unwrap_or_default();
            ends.to_client.extend_from_slice(part);
            written += part.len();
            room -= part.len();
        }
        ends.bell.notify_one();
        Ok(written)
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        let mut ends = self.0.0.lock();
        ends.server_gone = true;
        ends.bell.notify_one();
    }
}

/// What a gateway holds at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Connections.
    pub connections: u32,
    /// Sessions.
    pub sessions: usize,
    /// The memory of all sessions together, in bytes.
    pub session_bytes: usize,
    /// Calls that were taken and not answered yet.
    pub unanswered: usize,
    /// Replies and pushes that wait for the disk.
    pub undurable: usize,
}

impl Sockets {
    /// No sockets at all.
    #[must_use]
    pub const fn none() -> Self {
        Self { listeners: Vec::new(), addrs: Vec::new(), datagrams: Vec::new(), datagram_addrs: Vec::new() }
    }
}

impl Gateway {
    /// A client at `from` connects; `bell` rings when there is something for it. Nothing if it is turned away.
    #[must_use]
    pub fn connect(&self, from: IpAddr, bell: &Arc<Notify>) -> Option<Pipe> {
        let admitted = self.node.admission.admit(from).ok()?;
        let pipe = Pipe::new(Arc::clone(bell));
        let stream = Stream::Simulated(ServerEnd(pipe.clone()));
        tokio::spawn(peer::serve(Arc::clone(&self.node), stream, from, admitted));
        Some(pipe)
    }

    /// What it holds.
    #[must_use]
    pub fn held(&self) -> Held {
        let (sessions, session_bytes, undurable) = self.node.sessions.held();
        Held {
            connections: self.node.admission.connections(),
            sessions,
            session_bytes,
            unanswered: self.node.unanswered.load(Ordering::Relaxed),
            undurable,
        }
    }
}
