//! One connection: a small task between a socket and the protocol.
//!
//! The task owns no read buffer while it waits: bytes are read into a buffer of the thread, deciphered there, and what
//! is whole leaves as a packet. What the sessions have to say comes through the connection's [`Mailbox`].

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use env::Time;
use mtproto::handshake::HeavyDone;
use mtproto::{Connection, Input, Output, Packet, PeerMisbehaved, TransportError};
use tokio::io::ReadBuf;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::admission::Admitted;
use crate::desk::{Desk, NotDelivered};
use crate::mailbox::Letter;
use crate::node::{Node, Phase};
use crate::stream::{Reader, Stream};
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
    unwritten: Unwritten,
    /// When the connection wants its tick.
    wake: Option<Time>,
    opened: Instant,
    /// When a whole packet came last.
    heard: Instant,
    /// When the socket last took bytes, or had nothing to take.
    wrote: Instant,
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
}

/// Serves one connection to its end.
pub(crate) async fn serve(node: Arc<Node>, stream: Stream, address: IpAddr, admitted: Admitted) {
    // After a time in which nobody was connected: what is said first has a name, too.
    node.keep_names().await;
    let now = Instant::now();
    let mut peer = Peer {
        connection: Connection::new(Arc::clone(&node.server_keys), Arc::clone(&node.replays)),
        phase: node.phase.subscribe(),
        desk: Desk::new(node, address, admitted),
        stream,
        unwritten: Unwritten::default(),
        wake: None,
        opened: now,
        heard: now,
        wrote: now,
        closing: None,
        ending: "failed",
    };
    peer.ending = peer.run().await;
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

impl Peer {
    async fn run(&mut self) -> Ending {
        loop {
            if let Err(ending) = self.write() {
                return ending;
            }
            let written = self.unwritten.parts.is_empty();
            if let Some((_, ending)) = self.closing
                && written
            {
                return ending;
            }
            // A session that is not congested any more rings.
            let congested = self.desk.is_congested();
            let serving = *self.phase.borrow() == Phase::Serving;
            let read = serving
                && self.closing.is_none()
                && !congested
                && self.unwritten.bytes < limits::UNWRITTEN_BYTES_HIGH;
            let deadline = self.deadline();
            let event = {
                let (mut reader, writer) = self.stream.split();
                let connection = &mut self.connection;
                // What must not be late comes first, and what makes more work last.
                tokio::select! {
                    biased;
                    _ = self.phase.changed() => Event::Phase,
                    () = tokio::time::sleep_until(deadline) => Event::Deadline,
                    () = self.desk.mailbox.filled() => Event::Mail,
                    () = writer.writable(), if !written => Event::Writable,
                    received = poll_fn(|cx| poll_bytes(cx, &mut reader, connection)), if read => Event::Read(received),
                }
            };
            let done = match event {
                Event::Read(Ok(Received { bytes: 0, .. })) => Err("closed"),
                Event::Read(Ok(received)) => self.perform(received.outputs).await,
                Event::Read(Err(_)) => Err("failed"),
                Event::Writable => Ok(()),
                Event::Mail => self.take_mail().await,
                Event::Deadline => self.expire().await,
                Event::Phase => {
                    if *self.phase.borrow_and_update() == Phase::Closing {
                        self.close("stopped");
                    }
                    Ok(())
                }
            };
            if let Err(ending) = done {
                return ending;
            }
        }
    }

    /// The next moment at which something has to be looked at.
    fn deadline(&self) -> Instant {
        let mut deadline = self.silence_ends();
        if let Some((until, _)) = self.closing {
            deadline = deadline.min(until);
        }
        if !self.unwritten.parts.is_empty() {
            deadline = deadline.min(self.wrote + limits::STALLED_TIME);
        }
        if let Some(wake) = self.wake {
            deadline = deadline.min(Instant::now() + wake.since(world::now()));
        }
        deadline
    }

    /// When the peer has been silent for too long. Deadlines that are absolute come first: no dribble extends them.
    fn silence_ends(&self) -> Instant {
        if self.desk.has_session() {
            self.heard + limits::IDLE_TIME
        } else if self.heard == self.opened {
            self.opened + limits::FIRST_PACKET_TIME
        } else {
            // Within it the protocol's own deadlines hold between the steps of a key exchange.
            self.heard + limits::AUTHENTICATED_TIME
        }
    }

    async fn expire(&mut self) -> Result<(), Ending> {
        let now = Instant::now();
        if self.closing.is_some_and(|(until, _)| now >= until) {
            return Err("unread");
        }
        if now >= self.silence_ends() {
            return Err("silent");
        }
        if !self.unwritten.parts.is_empty() && now >= self.wrote + limits::STALLED_TIME {
            metrics::dropped("slow readers");
            return Err("slow");
        }
        if self.wake.is_some_and(|wake| world::now() >= wake) {
            self.wake = None;
            let mut outputs = Vec::new();
            self.feed(Input::Tick, &mut outputs);
            self.perform(outputs).await?;
        }
        Ok(())
    }

    /// Writes what the socket takes.
    fn write(&mut self) -> Result<(), Ending> {
        while !self.unwritten.parts.is_empty() {
            let mut slices = [IoSlice::new(&[]); limits::PARTS_IN_A_WRITE];
            for (slice, part) in slices.iter_mut().zip(&self.unwritten.parts) {
                *slice = IoSlice::new(part);
            }
            match self.stream.try_write_vectored(&slices) {
                Ok(n) => {
                    self.wrote = Instant::now();
                    self.unwritten.advance(n);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err("failed"),
            }
        }
        self.wrote = Instant::now();
        Ok(())
    }

    async fn take_mail(&mut self) -> Result<(), Ending> {
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
        self.perform(outputs).await
    }

    fn feed(&mut self, input: Input<'_>, outputs: &mut Vec<Output>) {
        world::with_env(|env| self.connection.handle(env, input, outputs));
    }

    /// Does what the connection wants done. What follows from doing it comes behind what was wanted before: the bytes
    /// of a connection leave in the order in which they were made.
    async fn perform(&mut self, mut outputs: Vec<Output>) -> Result<(), Ending> {
        while !outputs.is_empty() {
            let mut further = Vec::new();
            for output in outputs {
                match output {
                    Output::Write(bytes) => self.unwritten.push(bytes)?,
                    Output::Packet { auth_key_id, data, quick_ack } if self.closing.is_none() => {
                        self.heard = Instant::now();
                        let (kind, dialled) = (self.connection.path_kind(), self.connection.dialled());
                        let delivered = self.desk.deliver(kind, dialled, auth_key_id, data, quick_ack);
                        if let Err(NotDelivered { say, ending, .. }) = delivered.await {
                            self.say(say, &mut further);
                            self.close(ending);
                        }
                    }
                    Output::Heavy(job) if self.closing.is_none() => {
                        self.heard = Instant::now();
                        if let Err(NotDelivered { say, ending, .. }) = self.desk.compute(job) {
                            self.say(say, &mut further);
                            self.close(ending);
                        }
                    }
                    Output::KeyMade(made) => {
                        let id = made.key.id();
                        let stored = self.desk.store(made).await;
                        self.feed(Input::KeyStored(id, stored), &mut further);
                    }
                    Output::WakeAt(time) => self.wake = Some(time),
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
            }
            outputs = further;
        }
        Ok(())
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
                return;
            }
            n -= part.len();
            self.parts.pop_front();
        }
        // An idle connection keeps no memory for writing.
        self.parts = VecDeque::new();
    }
}

/// Reads once into the thread's buffer and gives it to the protocol.
fn poll_bytes(
    cx: &mut Context<'_>,
    reader: &mut Reader<'_>,
    connection: &mut Connection,
) -> Poll<io::Result<Received>> {
    READ.with_borrow_mut(|buffer| {
        let mut read = ReadBuf::new(buffer);
        std::task::ready!(reader.poll_read(cx, &mut read))?;
        let mut received = Received { bytes: read.filled().len(), outputs: Vec::new() };
        let input = Input::Bytes(read.filled_mut());
        world::with_env(|env| connection.handle(env, input, &mut received.outputs));
        Poll::Ready(Ok(received))
    })
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

    /// What the future of an async function holds while it waits.
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
        assert!(held <= 4224, "task {task}, session {session}, key {key}, listening {listening}");
    }
}
