//! The only home of sockets.
//!
//! A connection is one small task ([`peer`]) around a `mtproto::Connection`; a session is an entry of the table
//! ([`sessions`]) around a `mtproto::Session`, woken by the one timer of [`alarms`]; an address that sends datagrams is a
//! small task as well ([`udp`]). Calls stand in a line per session ([`calls`]) in front of threads that may block
//! ([`pool`]); answers leave when the store says that what they have seen is durable. What happened to people is told by
//! notices on the bus ([`push`]), what has to be done in time by jobs ([`jobs`]). Every bound is in [`limits`].
//!
//! Absent: what a call means (`api`), how packets are sealed and framed (`mtproto`), where anything is kept (`store`).

#![forbid(unsafe_code)]

mod admission;
mod alarms;
mod answers;
mod calls;
mod courier;
mod departures;
mod desk;
mod jobs;
mod keys;
mod later;
pub mod limits;
mod listen;
mod mailbox;
mod metrics;
mod node;
mod online;
mod open;
mod peer;
mod photo;
mod pool;
mod push;
mod sessions;
#[cfg(feature = "simulation")]
pub mod simulation;
mod strays;
mod stream;
mod udp;
pub mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use api::Api;
use blobs::Blobs;
use mtproto::ServerKeys;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use courier::Courier;
pub use limits::Limits;
use node::{Node, Phase};

/// Listening sockets that nobody is taken in from yet: so that the addresses are known before the server is.
#[derive(Debug)]
pub struct Sockets {
    listeners: Vec<TcpListener>,
    addrs: Vec<SocketAddr>,
    datagrams: Vec<UdpSocket>,
    datagram_addrs: Vec<SocketAddr>,
}

impl Sockets {
    /// Opens the addresses; port 0 picks a free one. Must run inside of a tokio runtime.
    ///
    /// # Errors
    /// What the operating system says, with the address.
    pub fn open(addrs: &[SocketAddr]) -> io::Result<Self> {
        let mut sockets = Self {
            listeners: Vec::new(),
            addrs: Vec::new(),
            datagrams: Vec::new(),
            datagram_addrs: Vec::new(),
        };
        for addr in addrs {
            let named = |e: io::Error| io::Error::new(e.kind(), format!("cannot listen on {addr}: {e}"));
            let listener = listen::bind(*addr).map_err(named)?;
            sockets.addrs.push(listener.local_addr().map_err(named)?);
            sockets.listeners.push(listener);
        }
        Ok(sockets)
    }

    /// Opens addresses for datagrams as well.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_datagrams(&mut self, addrs: &[SocketAddr]) -> io::Result<()> {
        for addr in addrs {
            let named = |e: io::Error| io::Error::new(e.kind(), format!("cannot listen on udp {addr}: {e}"));
            let socket = UdpSocket::bind(addr).await.map_err(named)?;
            self.datagram_addrs.push(socket.local_addr().map_err(named)?);
            self.datagrams.push(socket);
        }
        Ok(())
    }

    /// The addresses for datagrams, with the ports that were picked.
    #[must_use]
    pub fn datagram_addrs(&self) -> &[SocketAddr] {
        &self.datagram_addrs
    }

    /// The addresses, with the ports that were picked.
    #[must_use]
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }
}

/// What a gateway stands between.
pub struct Parts {
    /// Its bounds.
    pub limits: Limits,
    /// Who answers calls.
    pub api: Arc<Api>,
    /// Where file bytes are.
    pub blobs: Blobs,
    /// The RSA keys that clients know.
    pub server_keys: ServerKeys,
    /// The way of login codes.
    pub courier: Courier,
}

/// A gateway that serves.
pub struct Gateway {
    node: Arc<Node>,
    tasks: JoinSet<()>,
}

impl Gateway {
    /// Starts to take connections in.
    ///
    /// # Errors
    /// What the operating system says when it gives no threads.
    pub fn start(sockets: Sockets, parts: Parts) -> io::Result<Self> {
        let Parts { limits, api, blobs, server_keys, courier } = parts;
        let node = Arc::new(Node::new(limits, api, blobs, Arc::new(server_keys))?);
        let mut tasks = JoinSet::new();
        tasks.spawn(push::hear(Arc::clone(&node)));
        tasks.spawn(sweep(Arc::clone(&node)));
        tasks.spawn(alarms::run(Arc::clone(&node)));
        tasks.spawn(strays::run(Arc::clone(&node)));
        tasks.spawn(name_on(Arc::clone(&node)));
        tasks.spawn(jobs::run(Arc::clone(&node), courier));
        for listener in sockets.listeners {
            tasks.spawn(listen::accept(Arc::clone(&node), listener));
        }
        for socket in sockets.datagrams {
            tasks.spawn(udp::serve(Arc::clone(&node), socket));
        }
        Ok(Self { node, tasks })
    }

    /// Waits until the store has failed, after which nothing may be acknowledged any more. For ever if it does not.
    pub async fn failed(&self) {
        self.node.failed().await;
    }

    /// Stops: takes nobody in, reads nothing more, answers what was read, lets that leave, and closes every connection.
    /// What is not done within [`limits::DRAIN_TIME`] is given up; after a failure of the store nothing is waited for, since
    /// nothing can be answered any more.
    pub async fn stop(mut self) {
        let node = &self.node;
        node.enter(Phase::Draining);
        let broken = || node.api.store().fault().is_some();
        until(limits::DRAIN_TIME, || node.unanswered.load(Ordering::Relaxed) == 0 || broken()).await;
        node.enter(Phase::Closing);
        until(limits::GOODBYE_TIME, || node.admission.connections() == 0).await;
        self.tasks.shutdown().await;
        let node = Arc::clone(node);
        // Waits for threads, which is not for the threads of the sockets.
        let ended = tokio::task::spawn_blocking(move || {
            node.handshakes.finish();
            node.workers.finish();
        });
        if ended.await.is_err() {
            metrics::panicked("stop");
        }
    }
}

/// Waits until `done`, but not longer than `patience`.
async fn until(patience: Duration, done: impl Fn() -> bool) {
    let deadline = Instant::now() + patience;
    while !done() && Instant::now() < deadline {
        tokio::time::sleep(limits::DRAIN_LOOK_EVERY).await;
    }
}

/// Keeps the names of messages ahead of the clock, while there is anybody to send any to.
async fn name_on(node: Arc<Node>) {
    let mut every = tokio::time::interval(limits::NAMES_LOOK_EVERY);
    loop {
        every.tick().await;
        if node.admission.connections() > 0 {
            node.keep_names().await;
        }
    }
}

/// Looks again and again for what has expired.
async fn sweep(node: Arc<Node>) {
    let mut every = tokio::time::interval(limits::SWEEP_EVERY);
    loop {
        every.tick().await;
        for dead in node.keys.sweep() {
            node.sessions.remove_key(dead);
        }
        node.sessions.sweep();
        node.expire_keys().await;
        node.push.sweep(&node);
        node.look_after_store();
        metrics::held("obfuscation headers", node.replays.held());
        metrics::overran("obfuscation headers", node.replays.take_pushed_out());
        metrics::held("half-open connections", node.admission.strangers() as usize);
        metrics::queue("workers", node.workers.waiting());
        metrics::queue("handshakes", node.handshakes.waiting());
    }
}
