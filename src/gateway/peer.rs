//! One connection: a small task between a socket and the protocol.
//!
//! The task owns no read buffer while it waits: bytes are read into a buffer of the thread, deciphered there, and what
//! is whole leaves as a packet. What the sessions have to say comes through the connection's [`Mailbox`].

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use bytes::{Buf as _, Bytes};
use mtproto::handshake::HeavyDone;
use mtproto::limits::PACKET_BYTES_PER_SECOND_MIN;
use mtproto::{AuthKeyId, Connection, Input, KeyMade, Output, Packet, PeerMisbehaved, TransportError};
use tokio::io::ReadBuf;
use tokio::sync::watch;
use tokio::task::coop::cooperative;
use tokio::time::{Instant, Sleep};

use crate::admission::Admitted;
use crate::desk::{Desk, NotDelivered, Sealed};
use crate::mailbox::Letter;
use crate::node::{Node, Phase};
use crate::stream::Stream;
use crate::{limits, metrics, world};

thread_local! {
    /// The read buffer of this thread. Nothing is awaited while it is borrowed.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; limits::READ_BYTES]);
}

/// What comes to a connection's task from elsewhere in the node.
pub(crate) enum ToPeer {
    /// To be framed and sent.
    Packet(Packet),
    /// A computation of a key exchange has run.
    Heavy(HeavyDone),
    /// Say this, if there is something to say, and close.
    Close(Option<TransportError>),
}

impl Letter for ToPeer {
    fn weight(&self) -> usize {
        match self {
            Self::Packet(Packet::Sealed(packet)) => packet.len(),
            _ => 64,
        }
    }
}

/// Why a connection ended, as counted.
type Ending = &'static str;

/// A connection while its task runs.
struct Peer {
    desk: Desk,
    stream: Stream,
    connection: Connection,
    phase: watch::Receiver<Phase>,
    /// Whether anything may be read, as far as the node goes.
    serving: bool,
    unwritten: Unwritten,
    /// When the connection wants its tick.
    wake: Option<Instant>,
    opened: Instant,
    /// When a whole packet came last.
    heard: Instant,
    /// Set when nothing more is read: what is written still leaves, but not after this moment.
    closing: Option<(Instant, Ending)>,
    /// How it ended; "failed" until that is known.
    ending: Ending,
}

/// Framed bytes that the socket has not taken yet.
#[derive(Default)]
struct Unwritten {
    parts: VecDeque<Bytes>,
    bytes: usize,
    /// When the socket first refused them, or when it last took some of them.
    since: Option<Instant>,
}

/// Serves one connection to its end.
pub(crate) fn serve(
    node: Arc<Node>,
    stream: Stream,
    address: IpAddr,
    admitted: Admitted,
) -> impl Future<Output = ()> + Send {
    // Made outside: what an async function is given, its future holds beside what is made of it.
    let mut peer = Peer::new(node, stream, address, admitted);
    async move { peer.serve().await }
}

/// Also what is left to do when the task panics: that costs this connection and nothing else.
impl Drop for Peer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            metrics::panicked("connection");
        }
        self.desk.end(self.ending);
    }
}

/// What woke a connection's task.
enum Event {
    Read(io::Result<Received>),
    Writable,
    Mail,
    Deadline,
    Phase,
}

/// Bytes that came: how many, and what the protocol made of them.
struct Received {
    bytes: usize,
    outputs: Vec<Output>,
}

/// What comes of handling something: how the connection ended, or what has to be waited for.
type Handled = Result<Option<Box<Halted>>, Ending>;

/// Outputs of the protocol behind one that takes its time. On the heap, as hardly any connection ever waits.
struct Halted {
    on: Awaited,
    /// What is to be done behind it, in this order.
    outputs: vec::IntoIter<Output>,
    further: Vec<Output>,
}

/// What takes its time: it is not done in memory.
enum Awaited {
    /// A packet, whose key is looked for in the store.
    Key(AuthKeyId, Sealed),
    /// A key is being stored.
    Storing(KeyMade),
}

impl Peer {
    fn new(node: Arc<Node>, stream: Stream, address: IpAddr, admitted: Admitted) -> Self {
        let mut phase = node.phase.subscribe();
        // It may be another one than that of a node that serves.
        phase.mark_changed();
        let now = Instant::now();
        Self {
            connection: Connection::new(Arc::clone(&node.server_keys), Arc::clone(&node.replays)),
            phase,
            serving: false,
            desk: Desk::new(node, address, admitted),
            stream,
            unwritten: Unwritten::default(),
            wake: None,
            opened: now,
            heard: now,
            closing: None,
            ending: "failed",
        }
    }

    async fn serve(&mut self) {
        self.ending = self.run().await;
    }

    async fn run(&mut self) -> Ending {
        // On the heap, as is all that is rarely awaited: in here it would take its place for as long as the connection lives.
        Box::pin(self.desk.keep_names()).await;
        let mut timer = pin!(tokio::time::sleep_until(self.deadline()));
        loop {
            if let Err(ending) = self.write() {
                return ending;
            }
            if let Some((_, ending)) = self.closing
                && self.unwritten.parts.is_empty()
            {
                return ending;
            }
            // A connection that always has something to do lets the others have their turn.
            let event = cooperative(poll_fn(|cx| self.poll_event(cx, timer.as_mut()))).await;
            self.desk.mailbox.attend();
            let mut handled = self.handle(event);
            while let Ok(Some(halted)) = handled {
                handled = Box::pin(self.wait_for(halted)).await;
            }
            if let Err(ending) = handled {
                return ending;
            }
        }
    }

    /// What has happened; what must not be late comes first, and what makes more work last.
    ///
    /// The timer is set anew when something is due earlier than it ends. What is put off, as silence is with every packet,
    /// is only found out when it ends.
    fn poll_event(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<Event> {
        if self.phase.has_changed().is_ok_and(|changed| changed) {
            return Poll::Ready(Event::Phase);
        }
        let deadline = self.deadline();
        if deadline < timer.deadline() {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if deadline <= Instant::now() {
                return Poll::Ready(Event::Deadline);
            }
            timer.as_mut().reset(deadline);
        }
        if self.desk.mailbox.poll_filled(cx).is_ready() {
            return Poll::Ready(Event::Mail);
        }
        if !self.unwritten.parts.is_empty() && self.stream.poll_writable(cx).is_ready() {
            return Poll::Ready(Event::Writable);
        }
        // A session that is not congested any more rings.
        let read = self.serving
            && self.closing.is_none()
            && !self.desk.is_congested()
            && self.unwritten.bytes < limits::UNWRITTEN_BYTES_HIGH;
        if read { self.poll_bytes(cx).map(Event::Read) } else { Poll::Pending }
    }

    /// Reads once into the thread's buffer and gives it to the protocol.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Received>> {
        READ.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            std::task::ready!(self.stream.poll_read(cx, &mut read))?;
            let mut received = Received { bytes: read.filled().len(), outputs: Vec::new() };
            self.feed(Input::Bytes(read.filled_mut()), &mut received.outputs);
            Poll::Ready(Ok(received))
        })
    }

    fn handle(&mut self, event: Event) -> Handled {
        match event {
            Event::Read(Ok(Received { bytes: 0, .. })) => Err("closed"),
            Event::Read(Ok(received)) => self.perform(received.outputs),
            Event::Read(Err(_)) => Err("failed"),
            Event::Writable => Ok(None),
            Event::Mail => self.take_mail(),
            Event::Deadline => self.expire(),
            Event::Phase => {
                let phase = *self.phase.borrow_and_update();
                self.serving = phase == Phase::Serving;
                if phase == Phase::Closing {
                    self.close("stopped");
                }
                Ok(None)
            }
        }
    }

    /// The next moment at which something has to be looked at.
    fn deadline(&self) -> Instant {
        let stalled = self.unwritten.since.map(|since| since + limits::STALLED_TIME);
        let closing = self.closing.map(|(until, _)| until);
        let others = stalled.into_iter().chain(closing).chain(self.wake);
        others.fold(self.silence_ends(), Instant::min)
    }

    /// When the peer has been silent for too long. Deadlines that are absolute come first: no dribble extends them.
    fn silence_ends(&self) -> Instant {
        if self.desk.has_session() {
            return self.heard + limits::IDLE_TIME;
        }
        // A long packet, an upload say, takes its time on a slow line. What was announced and does not come earns none.
        // spec: TR-22
        let came = self.connection.waiting_bytes() as u64;
        let slow_line = Duration::from_secs(came / PACKET_BYTES_PER_SECOND_MIN);
        if self.heard == self.opened {
            self.opened + limits::FIRST_PACKET_TIME + slow_line
        } else {
            // Within it the protocol's own deadlines hold between the steps of a key exchange.
            self.heard + limits::AUTHENTICATED_TIME + slow_line
        }
    }

    fn expire(&mut self) -> Handled {
        let now = Instant::now();
        if self.closing.is_some_and(|(until, _)| now >= until) {
            return Err("unread");
        }
        if now >= self.silence_ends() {
            return Err("silent");
        }
        if self.unwritten.since.is_some_and(|since| now >= since + limits::STALLED_TIME) {
            metrics::dropped("slow readers");
            return Err("slow");
        }
        let mut outputs = Vec::new();
        if self.wake.is_some_and(|wake| now >= wake) {
            self.wake = None;
            // A clock that was set may say that it is too early: then the connection asks again.
            self.feed(Input::Tick, &mut outputs);
        }
        self.perform(outputs)
    }

    /// Writes what the socket takes.
    fn write(&mut self) -> Result<(), Ending> {
        while !self.unwritten.parts.is_empty() {
            let mut slices = [IoSlice::new(&[]); limits::PARTS_IN_A_WRITE];
            for (slice, part) in slices.iter_mut().zip(&self.unwritten.parts) {
                *slice = IoSlice::new(part);
            }
            let parts = self.unwritten.parts.len().min(slices.len());
            match self.stream.try_write_vectored(slices.get(..parts).unwrap_or_default()) {
                Ok(n) => self.unwritten.advance(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.unwritten.since.get_or_insert_with(Instant::now);
                    return Ok(());
                }
                Err(_) => return Err("failed"),
            }
        }
        Ok(())
    }

    fn take_mail(&mut self) -> Handled {
        let Some(letters) = self.desk.mailbox.empty() else {
            metrics::dropped("slow readers");
            return Err("slow");
        };
        let mut outputs = Vec::new();
        for letter in letters {
            match letter {
                ToPeer::Packet(packet) => self.feed(Input::Send(packet), &mut outputs),
                ToPeer::Heavy(done) => self.feed(Input::Heavy(done), &mut outputs),
                ToPeer::Close(error) => {
                    self.say(error, &mut outputs);
                    self.close("dismissed");
                }
            }
        }
        self.perform(outputs)
    }

    fn feed(&mut self, input: Input<'_>, outputs: &mut Vec<Output>) {
        world::with_env(|env| self.connection.handle(env, input, outputs));
    }

    fn perform(&mut self, outputs: Vec<Output>) -> Handled {
        self.go_on(outputs.into_iter(), Vec::new())
    }

    /// Does what the connection wants done, up to what takes its time. What follows from doing it (`further`) comes behind
    /// what was wanted before: the bytes of a connection leave in the order in which they were made.
    fn go_on(&mut self, mut outputs: vec::IntoIter<Output>, mut further: Vec<Output>) -> Handled {
        loop {
            while let Some(output) = outputs.next() {
                if let Some(on) = self.act(output, &mut further)? {
                    return Ok(Some(Box::new(Halted { on, outputs, further })));
                }
            }
            if further.is_empty() {
                return Ok(None);
            }
            outputs = std::mem::take(&mut further).into_iter();
        }
    }

    fn act(&mut self, output: Output, further: &mut Vec<Output>) -> Result<Option<Awaited>, Ending> {
        match output {
            Output::Write(bytes) => self.unwritten.push(bytes)?,
            Output::Packet { auth_key_id, data, quick_ack } if self.closing.is_none() => {
                self.heard = Instant::now();
                let (kind, dialled) = (self.connection.path_kind(), self.connection.dialled());
                let sealed = Sealed { kind, dialled, data, quick_ack };
                let Some(key) = self.desk.key_at_hand(auth_key_id) else {
                    return Ok(Some(Awaited::Key(auth_key_id, sealed)));
                };
                let delivered = self.desk.deliver(sealed, Some(key));
                self.end_unless(delivered, further);
            }
            Output::Heavy(job) if self.closing.is_none() => {
                self.heard = Instant::now();
                let taken = self.desk.compute(job);
                self.end_unless(taken, further);
            }
            Output::KeyMade(made) => return Ok(Some(Awaited::Storing(made))),
            Output::WakeAt(time) => self.wake = Some(Instant::now() + time.since(world::now())),
            Output::Close(reason) => {
                tracing::debug!(%reason, "closing a connection");
                self.close(match reason {
                    PeerMisbehaved::EndedHttp | PeerMisbehaved::ClosedWebSocket => "closed",
                    _ => {
                        metrics::misbehaved(reason);
                        "misbehaved"
                    }
                });
            }
            // Nothing more is heard on a connection that is being closed.
            Output::Packet { .. } | Output::Heavy(_) => {}
        }
        Ok(None)
    }

    /// Waits for what takes its time, and goes on behind it.
    async fn wait_for(&mut self, halted: Box<Halted>) -> Handled {
        let Halted { on, outputs, mut further } = *halted;
        match on {
            Awaited::Key(id, sealed) => {
                let key = self.desk.find_key(id).await;
                let delivered = key.and_then(|key| self.desk.deliver(sealed, key));
                self.end_unless(delivered, &mut further);
            }
            Awaited::Storing(made) => {
                let id = made.key.id();
                let stored = self.desk.store(made).await;
                self.feed(Input::KeyStored(id, stored), &mut further);
            }
        }
        self.go_on(outputs, further)
    }

    /// Ends the connection, with a word, over what got nowhere.
    fn end_unless(&mut self, delivered: Result<(), NotDelivered>, outputs: &mut Vec<Output>) {
        if let Err(NotDelivered { say, ending, .. }) = delivered {
            self.say(say, outputs);
            self.close(ending);
        }
    }

    /// Has `error` framed, if there is something to say.
    fn say(&mut self, error: Option<TransportError>, outputs: &mut Vec<Output>) {
        if let Some(error) = error {
            self.feed(Input::Send(Packet::Error(error)), outputs);
        }
    }

    /// Reads nothing more and closes as soon as what is written has left.
    fn close(&mut self, ending: Ending) {
        if self.closing.is_none() {
            self.closing = Some((Instant::now() + limits::GOODBYE_TIME, ending));
        }
    }
}

impl Unwritten {
    fn push(&mut self, bytes: Bytes) -> Result<(), Ending> {
        self.bytes += bytes.len();
        if self.bytes > limits::UNWRITTEN_BYTES_MAX {
            metrics::dropped("slow readers");
            return Err("slow");
        }
        self.parts.push_back(bytes);
        Ok(())
    }

    /// Forgets the first `n` bytes.
    fn advance(&mut self, mut n: usize) {
        self.bytes = self.bytes.saturating_sub(n);
        while let Some(part) = self.parts.front_mut() {
            if n < part.len() {
                part.advance(n);
                self.since = Some(Instant::now());
                return;
            }
            n -= part.len();
            self.parts.pop_front();
        }
        // An idle connection keeps no memory for writing.
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unwritten_shrinks_by_what_was_taken_and_is_bounded() {
        let mut unwritten = Unwritten::default();
        unwritten.push(Bytes::from_static(b"abc")).expect("room");
        unwritten.push(Bytes::from_static(b"def")).expect("room");
        unwritten.advance(4);
        assert_eq!((unwritten.parts.front(), unwritten.bytes), (Some(&Bytes::from_static(b"ef")), 2));
        unwritten.advance(2);
        assert_eq!((unwritten.parts.capacity(), unwritten.bytes), (0, 0));
        let much = Bytes::from(vec![0; limits::UNWRITTEN_BYTES_MAX]);
        unwritten.push(much).expect("room");
        assert_eq!(unwritten.push(Bytes::from_static(b"x")), Err("slow"));
    }

    /// What the future of a function holds while it waits.
    fn future_bytes<A, B, C, D, F: Future>(_: impl Fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_idle_connection_holds_no_buffer_and_little_else() {
        let task = future_bytes(serve);
        let session = size_of::<crate::sessions::Entry>();
        let key = size_of::<crate::keys::Key>();
        let listening = size_of::<crate::online::Online>();
        let held = task + session + key + listening;
        // What it was when this was written; the heap behind a session that rests comes on top.
        assert!(held <= 1920, "task {task}, session {session}, key {key}, listening {listening}");
    }
}
