//! UDP: one socket for all addresses, one small task for each that has proven itself.
//!
//! The task of the socket remembers nobody who has not returned a cookie. What comes for an address goes into a bounded line
//! in front of its task; a full line drops, as networks do, and the message layer repairs it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use mtproto::session::PathKind;
use mtproto::udp::{DatagramPath, Door, Heard, Run, datagram};
use mtproto::{AuthKeyId, KeyMade, Output, Packet};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::admission::{Admitted, Bucket, Refusal};
use crate::desk::{Desk, NotDelivered, Sealed};
use crate::node::{Node, Phase};
use crate::peer::ToPeer;
use crate::{limits, metrics, world};

/// What came from an address.
enum Parcel {
    /// A packet, and the handshake that it goes on with, if its address has only just proven itself.
    Packet(Box<[u8]>, Option<Run>),
    /// A whole datagram with a piece in it.
    Piece(Box<[u8]>),
}

/// Serves a socket until the node ends.
pub(crate) async fn serve(node: Arc<Node>, socket: UdpSocket) {
    let mut phase = node.phase.subscribe();
    let keys = Arc::clone(&node.server_keys);
    let mut front = Front {
        door: world::with_env(|env| Door::new(env, keys)),
        socket: Arc::new(socket),
        peers: HashMap::new(),
        node,
    };
    let mut buffer = vec![0; limits::DATAGRAM_BUFFER_BYTES];
    let mut sweep = tokio::time::interval(limits::SWEEP_EVERY);
    loop {
        tokio::select! {
            received = front.socket.recv_from(&mut buffer) => match received {
                Ok((n, from)) => front.take(from, buffer.get(..n).unwrap_or_default()),
                Err(error) => {
                    tracing::warn!(%error, "a datagram could not be received");
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
            },
            _ = sweep.tick() => front.peers.retain(|_, peer| !peer.is_closed()),
            () = no_longer_serving(&mut phase) => return,
        }
    }
}

async fn no_longer_serving(phase: &mut watch::Receiver<Phase>) {
    // An error says that the node is gone.
    let _ = phase.wait_for(|phase| *phase > Phase::Serving).await;
}

/// The socket's side.
struct Front {
    node: Arc<Node>,
    door: Door,
    socket: Arc<UdpSocket>,
    /// Who has proven itself; bounded by admission, as each counts as a connection.
    peers: HashMap<SocketAddr, mpsc::Sender<Parcel>>,
}

impl Front {
    fn take(&mut self, from: SocketAddr, bytes: &[u8]) {
        let door = &mut self.door;
        match world::with_env(|env| door.hear(env, from, bytes)) {
            Heard::Nothing => metrics::datagram_dropped("odd"),
            Heard::Answer(answer) => self.answer(from, &answer, bytes.len()),
            Heard::Proven(packet, run) => {
                if self.find(from).is_none() && !self.admit(from) {
                    return;
                }
                if !packet.is_empty() {
                    self.pass(from, Parcel::Packet(packet.into(), run));
                }
            }
            Heard::Packet(packet) if self.find(from).is_some() => {
                self.pass(from, Parcel::Packet(packet.into(), None));
            }
            Heard::Packet(packet) => {
                // A step of a handshake without its cookie is answered by nobody.
                let is_plain = packet.first_chunk() == Some(&[0; 8]);
                let door = &mut self.door;
                let challenge = || world::with_env(|env| door.challenge(env, from, bytes.len()));
                match (!is_plain).then(challenge).flatten() {
                    Some(challenge) => self.answer(from, &challenge, bytes.len()),
                    None => metrics::datagram_dropped("unproven"),
                }
            }
            Heard::Piece(_) if self.find(from).is_some() => self.pass(from, Parcel::Piece(bytes.into())),
            Heard::Piece(_) => metrics::datagram_dropped("unproven"),
        }
    }

    /// Answers somebody who is not known, with no more than came.
    fn answer(&self, to: SocketAddr, answer: &[u8], came: usize) {
        // spec: UDP-4
        if answer.len() <= came {
            metrics::datagram_answered_unproven();
            send(&self.socket, to, answer);
        }
    }

    fn find(&mut self, from: SocketAddr) -> Option<&mpsc::Sender<Parcel>> {
        if self.peers.get(&from).is_some_and(mpsc::Sender::is_closed) {
            self.peers.remove(&from);
        }
        self.peers.get(&from)
    }

    /// Lets an address in that has proven itself.
    fn admit(&mut self, from: SocketAddr) -> bool {
        match self.node.admission.admit(from.ip()) {
            Ok(admitted) => {
                metrics::connection_opened(self.node.admission.connections());
                let (sender, parcels) = mpsc::channel(limits::DATAGRAMS_WAITING_MAX);
                self.peers.insert(from, sender);
                let (node, socket) = (Arc::clone(&self.node), Arc::clone(&self.socket));
                tokio::spawn(run(node, socket, from, admitted, parcels));
                true
            }
            Err(refusal) => {
                metrics::connection_refused(match refusal {
                    Refusal::Full => "full",
                    Refusal::Strangers => "strangers",
                    Refusal::AddressFull => "address",
                });
                false
            }
        }
    }

    fn pass(&mut self, from: SocketAddr, parcel: Parcel) {
        let Some(peer) = self.peers.get(&from) else { return };
        match peer.try_send(parcel) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => metrics::datagram_dropped("waiting"),
            Err(TrySendError::Closed(_)) => {
                self.peers.remove(&from);
            }
        }
    }
}

/// Sends what the kernel takes. What it does not take is lost, as anything may be on the way.
fn send(socket: &UdpSocket, to: SocketAddr, datagram: &[u8]) {
    if socket.try_send_to(datagram, to).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
        metrics::datagram_dropped("unsent");
    }
}

/// What may leave for one address.
struct Budget(Bucket);

impl Budget {
    fn full(now: std::time::Instant) -> Self {
        Self(Bucket::full(limits::DATAGRAM_BURST, now))
    }

    /// Takes one datagram out of it; false if there is none left.
    fn take(&mut self, now: std::time::Instant) -> bool {
        // spec: UDP-8
        self.0.take(limits::DATAGRAM_BURST, limits::DATAGRAMS_PER_SECOND, now)
    }
}

/// One address that has proven itself.
struct Peer {
    desk: Desk,
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    path: DatagramPath,
    parcels: mpsc::Receiver<Parcel>,
    phase: watch::Receiver<Phase>,
    budget: Budget,
    /// When something came last that its sender alone could say.
    heard: Instant,
    ending: &'static str,
}

async fn run(
    node: Arc<Node>,
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    admitted: Admitted,
    parcels: mpsc::Receiver<Parcel>,
) {
    // After a time in which nobody was connected: what is said first has a name, too.
    node.keep_names().await;
    let now = Instant::now();
    let mut peer = Peer {
        path: DatagramPath::new(Arc::clone(&node.server_keys)),
        phase: node.phase.subscribe(),
        desk: Desk::new(node, to.ip(), admitted),
        socket,
        to,
        parcels,
        budget: Budget::full(now.into_std()),
        heard: now,
        ending: "failed",
    };
    peer.ending = peer.serve().await;
}

/// Also what is left to do when the task panics: that costs this address and nothing else.
impl Drop for Peer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            metrics::panicked("datagrams");
        }
        self.desk.end(self.ending);
    }
}

impl Peer {
    async fn serve(&mut self) -> &'static str {
        loop {
            // A session that is not congested any more rings.
            let congested = self.desk.is_congested();
            let serving = *self.phase.borrow() == Phase::Serving;
            let silence =
                if self.desk.has_session() { limits::DATAGRAM_IDLE_TIME } else { limits::AUTHENTICATED_TIME };
            let deadline = self.heard + silence;
            let mut outputs = Vec::new();
            tokio::select! {
                parcel = self.parcels.recv(), if serving && !congested => match parcel {
                    Some(parcel) => self.take(parcel, &mut outputs),
                    None => return "stopped",
                },
                () = self.desk.mailbox.filled() => {
                    let Some(letters) = self.desk.mailbox.empty() else { return "slow" };
                    for letter in letters {
                        match letter {
                            ToPeer::Packet(packet) => self.say(&packet, &mut outputs),
                            ToPeer::Heavy(done) => {
                                let path = &mut self.path;
                                world::with_env(|env| path.heavy_done(env, done, &mut outputs));
                            }
                            ToPeer::Close(error) => {
                                if let Some(error) = error {
                                    self.say(&Packet::Error(error), &mut outputs);
                                }
                                self.write_all(outputs);
                                return "dismissed";
                            }
                        }
                    }
                }
                () = tokio::time::sleep_until(deadline) => {
                    if Instant::now() >= self.heard + silence {
                        return "silent";
                    }
                }
                _ = self.phase.changed() => {
                    if *self.phase.borrow_and_update() == Phase::Closing {
                        return "stopped";
                    }
                }
            }
            if let Err(ending) = self.perform(outputs).await {
                return ending;
            }
        }
    }

    fn take(&mut self, parcel: Parcel, outputs: &mut Vec<Output>) {
        let path = &mut self.path;
        world::with_env(|env| match &parcel {
            Parcel::Packet(packet, run) => path.receive(env, packet, *run, outputs),
            Parcel::Piece(bytes) => {
                if let Some(datagram::Datagram::Piece(piece)) = datagram::read(bytes) {
                    path.receive_piece(env, &piece, outputs);
                }
            }
        });
    }

    fn say(&mut self, packet: &Packet, outputs: &mut Vec<Output>) {
        if self.path.send(packet, outputs).is_err() {
            metrics::datagram_dropped("long");
        }
    }

    async fn perform(&mut self, mut outputs: Vec<Output>) -> Result<(), &'static str> {
        while !outputs.is_empty() {
            let mut further = Vec::new();
            for output in outputs {
                match output {
                    Output::Write(datagram) => self.write(&datagram),
                    Output::Packet { auth_key_id, data, .. } => {
                        match self.deliver(auth_key_id, data).await {
                            Ok(()) => self.heard = Instant::now(),
                            // Anybody can send a datagram in somebody's name: what does not open costs nobody anything.
                            // spec: UDP-7
                            Err(NotDelivered { is_key_known: true, .. }) => {
                                metrics::datagram_dropped("forged")
                            }
                            Err(NotDelivered { say, .. }) => {
                                if let Some(error) = say {
                                    self.say(&Packet::Error(error), &mut further);
                                }
                            }
                        }
                    }
                    Output::Heavy(job) => match self.desk.compute(job) {
                        Ok(()) => self.heard = Instant::now(),
                        Err(NotDelivered { say, ending, .. }) => {
                            if let Some(error) = say {
                                self.say(&Packet::Error(error), &mut further);
                            }
                            self.write_all(further);
                            return Err(ending);
                        }
                    },
                    Output::KeyMade(made) => self.store(made, &mut further).await,
                    // Nothing of a path over datagrams ends by itself.
                    Output::WakeAt(_) => {}
                    Output::Close(reason) => {
                        tracing::debug!(%reason, "leaving an address");
                        metrics::misbehaved(reason);
                        return Err("misbehaved");
                    }
                }
            }
            outputs = further;
        }
        Ok(())
    }

    async fn deliver(&mut self, id: AuthKeyId, data: BytesMut) -> Result<(), NotDelivered> {
        let key = match self.desk.key_at_hand(id) {
            Some(key) => Some(key),
            None => self.desk.find_key(id).await?,
        };
        let sealed = Sealed { kind: PathKind::Datagram, dialled: None, data, quick_ack: false };
        self.desk.deliver(sealed, key)
    }

    async fn store(&mut self, made: KeyMade, outputs: &mut Vec<Output>) {
        let id: AuthKeyId = made.key.id();
        let stored = self.desk.store(made).await;
        let path = &mut self.path;
        world::with_env(|env| path.key_stored(env, id, stored, outputs));
    }

    fn write_all(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            if let Output::Write(datagram) = output {
                self.write(&datagram);
            }
        }
    }

    fn write(&mut self, datagram: &[u8]) {
        if self.budget.take(Instant::now().into_std()) {
            send(&self.socket, self.to, datagram);
        } else {
            metrics::datagram_dropped("burst");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    // proves: UDP-8
    #[test]
    fn what_leaves_for_one_address_is_bounded_at_once_and_in_a_second() {
        let start = std::time::Instant::now();
        let mut budget = Budget::full(start);
        let mut left = |after: Duration| (0..10_000).filter(|_| budget.take(start + after)).count();
        assert_eq!(left(Duration::ZERO), 256);
        assert_eq!(left(Duration::from_millis(50)), 100);
        assert_eq!(left(Duration::from_secs(60)), 256, "no more for having been silent");
    }
}
