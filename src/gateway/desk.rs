//! What every path to a client has, whatever carries it: its name, its box, its place among the connections, and the session
//! that it speaks for.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;
use mtproto::handshake::HeavyJob;
use mtproto::ids::DataCentre;
use mtproto::session::{Path, PathId, PathKind};
use mtproto::{AuthKeyId, KeyMade, KeyStored, TransportError};

use crate::admission::Admitted;
use crate::keys::Key;
use crate::mailbox::Mailbox;
use crate::node::Node;
use crate::peer::ToPeer;
use crate::sessions::Entry;
use crate::{metrics, world};

/// Why a packet got nowhere, and what the peer is told before the connection closes.
pub(crate) struct NotDelivered {
    pub(crate) say: Option<TransportError>,
    /// Why the connection ended, as counted.
    pub(crate) ending: &'static str,
    /// Whether the key was known and the packet did not open with it.
    pub(crate) is_key_known: bool,
}

impl NotDelivered {
    const fn new(say: Option<TransportError>, ending: &'static str) -> Self {
        Self { say, ending, is_key_known: false }
    }
}

/// The way back to a client, as a session is told of it.
pub(crate) struct Way<'a> {
    /// The connection's name and nature.
    pub path: Path,
    /// Its box.
    pub mailbox: &'a Mailbox<ToPeer>,
    /// The client's address.
    pub address: IpAddr,
    /// The data centre that the client dialled, if its transport said so.
    pub dialled: Option<DataCentre>,
}

/// An encrypted packet, and how it came.
pub(crate) struct Sealed {
    pub kind: PathKind,
    /// The data centre that the client dialled, if its transport said so.
    pub dialled: Option<DataCentre>,
    pub data: BytesMut,
    pub quick_ack: bool,
}

/// A path's part that does not depend on what carries it.
pub(crate) struct Desk {
    node: Arc<Node>,
    address: IpAddr,
    admitted: Admitted,
    path: PathId,
    pub(crate) mailbox: Mailbox<ToPeer>,
    /// The session whose packet came last. No other session's messages leave on this path.
    session: Option<Arc<Entry>>,
}

impl Desk {
    pub(crate) fn new(node: Arc<Node>, address: IpAddr, admitted: Admitted) -> Self {
        let mailbox = Mailbox::new();
        let path = node.open.enter(&mailbox);
        Self { node, address, admitted, path, mailbox, session: None }
    }

    /// Lets the store know how far messages will be named: after a time in which nobody was connected, what is said first
    /// has a name, too.
    pub(crate) async fn keep_names(&self) {
        self.node.keep_names().await;
    }

    pub(crate) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    pub(crate) fn is_congested(&self) -> bool {
        self.session.as_ref().is_some_and(|s| s.is_congested())
    }

    /// The key `id`, if it is in memory and still good: nearly always the one whose packet came last.
    pub(crate) fn key_at_hand(&self, id: AuthKeyId) -> Option<Arc<Key>> {
        let known = self.session.as_ref().map(|s| s.key()).filter(|key| key.auth.id() == id);
        match known {
            Some(key) if key.is_usable(world::now) => Some(Arc::clone(key)),
            // spec: PFS-5
            _ => self.node.keys.find(id),
        }
    }

    /// The key `id`, from wherever it is; nothing if there is none.
    pub(crate) async fn find_key(&self, id: AuthKeyId) -> Result<Option<Arc<Key>>, NotDelivered> {
        // Overload and failures of ours are never said as -404: the client would throw its key away.
        self.node.find_key(id).await.map_err(|_| NotDelivered::new(None, "fault"))
    }

    /// Gives an encrypted packet to its session; `key` is the one that it names, if there is such a key.
    pub(crate) fn deliver(&mut self, sealed: Sealed, key: Option<Arc<Key>>) -> Result<(), NotDelivered> {
        let Sealed { kind, dialled, mut data, quick_ack } = sealed;
        let is_key_known = key.is_some();
        let opened =
            key.and_then(|key| mtproto::session::open(&key.auth, &mut data).ok().map(|opened| (key, opened)));
        // One answer for an unknown key and for everything that does not open.
        // spec: TR-11, REC-3, PFS-5
        let Some((key, opened)) = opened else {
            let say = Some(TransportError::NotFound);
            return Err(NotDelivered { say, ending: "stranger", is_key_known });
        };
        if !self.session.as_ref().is_some_and(|s| s.is(&key, opened.session_id)) {
            self.change_session(kind);
            self.session = self.node.sessions.open(&key, opened.session_id);
            self.admitted.is_known();
        }
        let Some(session) = &self.session else {
            return Err(NotDelivered::new(Some(TransportError::Flood), "full"));
        };
        let path = Path { id: self.path, kind };
        let way = Way { path, mailbox: &self.mailbox, address: self.address, dialled };
        session.receive(&self.node, &way, opened, data.freeze(), quick_ack);
        Ok(())
    }

    /// Has a computation of a key exchange run, unless the address has had its share or the pool is full.
    pub(crate) fn compute(&self, job: HeavyJob) -> Result<(), NotDelivered> {
        // spec: TR-12, PFS-5
        let refused = NotDelivered::new(Some(TransportError::Flood), "flood");
        if !self.admitted.take_handshake_step() {
            metrics::handshake_refused("address");
            return Err(refused);
        }
        let (mailbox, spares) = (self.mailbox.clone(), Arc::clone(&self.node.spares));
        let is_last = job.is_last();
        let work = move || {
            let done = job.run_with(&mut world::SystemDice, &spares);
            // The connection may be gone by now.
            let _ = mailbox.post(ToPeer::Heavy(done));
        };
        let pool = &self.node.handshakes;
        // Who has had one computation comes before those who have had none: in a flood it would be lost.
        let pushed = if is_last { pool.push_ahead(work) } else { pool.push(work) };
        pushed.map_err(|_| {
            metrics::handshake_refused("full");
            refused
        })
    }

    pub(crate) async fn store(&self, made: KeyMade) -> KeyStored {
        let kind = if made.expires_in.is_some() { "temporary" } else { "permanent" };
        let stored = self.node.store_key(made).await;
        if stored == KeyStored::Stored {
            metrics::key_made(kind);
        }
        stored
    }

    /// The path is gone.
    pub(crate) fn end(&mut self, ending: &'static str) {
        self.node.open.leave(self.path);
        self.mailbox.close();
        self.leave_session();
        metrics::connection_closed(self.node.admission.connections().saturating_sub(1), ending);
    }

    /// The path is gone for its session.
    fn leave_session(&mut self) {
        if let Some(session) = self.session.take() {
            session.path_closed(&self.node, self.path);
        }
    }

    /// Another session is being spoken for on the path. Over HTTP that is a habit of browsers, and shows that the last
    /// response has arrived.
    fn change_session(&mut self, kind: PathKind) {
        if kind != PathKind::Http {
            return self.leave_session();
        }
        if let Some(session) = self.session.take() {
            session.path_left(&self.node, self.path);
        }
    }
}
