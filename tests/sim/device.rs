//! A device of somebody: one key, one session at a time, one connection at a time, and what it knows.

use std::collections::BTreeMap;

use env::{Dice, Env, Time};
use gateway::simulation::Pipe;
use mtproto::client::{Transport, TransportOptions};
use mtproto::crypto::Side;
use mtproto::session::client::{ClientSession, Ticket};
use mtproto::session::open_from;
use mtproto::wire::framing::Framing;
use mtproto::{AuthKey, Salt, SessionId};
use tl::service::MsgContainer;
use tl::{Layer, Method};

use crate::follow::{Log, Place, Replica};

/// The layer that all devices speak.
pub const LAYER: Layer = Layer(230);

/// A call, by what is to be done with its answer.
#[derive(Debug, Clone)]
pub enum Op {
    /// `auth.sendCode`.
    SendCode,
    /// `auth.signIn` with the hash of the code.
    SignIn(String),
    /// `auth.signUp`, as before.
    SignUp(String),
    /// `updates.getState` after a login.
    State,
    /// `messages.getDialogs`.
    Dialogs,
    /// `messages.getHistory`.
    History(Place),
    /// `messages.sendMessage` of this text.
    Send(Place, String),
    /// `messages.editMessage`.
    Edit,
    /// Deletes the message that was first sent with this text.
    Delete(String, Log, i32),
    /// Reads up to here.
    Read(Place, i32),
    /// `updates.getDifference` or `updates.getChannelDifference`.
    Difference(Log),
    /// Whatever the script of the set-up wants to know.
    Ask,
}

/// A call without an answer yet.
#[derive(Debug, Clone)]
pub struct Pending {
    /// What it is.
    pub op: Op,
    /// The query.
    pub body: Vec<u8>,
}

/// A way to the server.
pub struct Link {
    /// Its number: never used twice.
    pub id: u64,
    /// The connection.
    pub pipe: Pipe,
    /// The client's end of it.
    pub transport: Transport,
    /// When the last bytes of each direction arrive: a stream keeps its order.
    pub arrives: [u64; 2],
    /// Until when the client reads nothing.
    pub stalled_until: u64,
    /// When the client last heard anything.
    pub heard: u64,
    /// Whether somebody on the way can tell packets apart, and so hold one back or double it.
    pub readable: bool,
    /// It is dead, and the client does not know yet.
    pub dead: bool,
    /// Packets may go out: the upgrade to a WebSocket, if it is one, has been answered.
    pub ready: bool,
    /// The client has been told, or will be, that the server closed it.
    pub closing: bool,
    /// How far pushes led that came over it, if it is the first of its session.
    pub pushed: Option<BTreeMap<Log, i32>>,
}

/// How far a device has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It logs in.
    Guest,
    /// Somebody is logged in; it knows nothing yet.
    LoggedIn,
    /// It reads what there is.
    Loading,
    /// It follows.
    Live,
}

/// The device.
pub struct Device {
    /// Whose it is.
    pub who: usize,
    /// Its key.
    pub key: AuthKey,
    /// The session.
    pub session: ClientSession,
    /// Connections of this session so far.
    pub session_links: u32,
    /// The connection.
    pub link: Option<Link>,
    /// Milliseconds that its clock is off.
    pub skew_ms: i64,
    /// Calls without an answer.
    pub pending: BTreeMap<Ticket, Pending>,
    /// What it knows.
    pub replica: Replica,
    /// How far it has come.
    pub stage: Stage,
    /// Histories that are still to be read.
    pub to_load: Vec<Place>,
    /// Answers to what the script asked.
    pub asked: BTreeMap<Ticket, Vec<u8>>,
    /// A packet is about to leave.
    pub flushing: bool,
    /// It is cut off until then.
    pub cut_off_until: u64,
    /// The highest name of a packet of the server in this session.
    newest: i64,
}

impl Device {
    /// A device with a key that the server knows.
    pub fn new(who: usize, key: AuthKey, skew_ms: i64, dice: &mut dyn Dice) -> Self {
        Self {
            who,
            session: ClientSession::new(key.clone(), SessionId(dice.u64().cast_signed()), Salt(0)),
            key,
            session_links: 0,
            link: None,
            skew_ms,
            pending: BTreeMap::new(),
            replica: Replica::default(),
            stage: Stage::Guest,
            to_load: Vec::new(),
            asked: BTreeMap::new(),
            flushing: false,
            cut_off_until: 0,
            newest: 0,
        }
    }

    /// Its clock when the true time is `now`.
    pub fn clock(&self, now: Time) -> Time {
        Time::from_nanos(now.nanos().saturating_add_signed(self.skew_ms * 1_000_000))
    }

    /// Makes a call.
    pub fn call(&mut self, now: Time, op: Op, body: Vec<u8>) -> Ticket {
        let clock = self.clock(now);
        let ticket = self.session.call(clock, body.clone().into());
        self.pending.insert(ticket, Pending { op, body });
        ticket
    }

    /// Begins anew under another session, and calls again what was not answered.
    pub fn new_session(&mut self, now: Time, dice: &mut dyn Dice) {
        (self.session_links, self.newest) = (0, 0);
        let id = SessionId(dice.u64().cast_signed());
        self.session = ClientSession::new(self.key.clone(), id, Salt(0));
        let pending = std::mem::take(&mut self.pending);
        for Pending { op, body } in pending.into_values() {
            self.call(now, op, body);
        }
    }

    /// The packet that is due, if one is.
    pub fn packet(&mut self, now: Time, dice: &mut dyn Dice) -> Option<bytes::BytesMut> {
        let now = self.clock(now);
        // Over a stream nothing is repeated.
        let patience = std::time::Duration::from_secs(1_000_000);
        self.session.packet(&mut Env { now, dice }, patience)
    }

    /// What a packet of one side holds: names, numbers and ids.
    pub fn describe(&self, from: Side, packet: &[u8]) -> String {
        let mut packet = packet.to_vec();
        let Ok(opened) = open_from(&self.key, from, &mut packet) else { return "sealed".to_owned() };
        let body = packet.get(opened.body.clone()).unwrap_or_default();
        let word =
            |at: usize| body.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b));
        let mut out = format!("{:x}/{}:{:08x}", opened.msg_id.0, opened.seq_no, word(0));
        if word(0) == MsgContainer::ID {
            let mut at = 8;
            while at < body.len() {
                let id = (u64::from(word(at + 4)) << 32) | u64::from(word(at));
                let (seq_no, length) = (word(at + 8), word(at + 12) as usize);
                out.push_str(&format!(
                    " [{id:x}/{seq_no}:{:08x} {:08x}{:08x}]",
                    word(at + 16),
                    word(at + 24),
                    word(at + 20)
                ));
                at += 16 + length;
            }
        } else {
            out.push_str(&format!(" {:08x}{:08x}", word(8), word(4)));
        }
        out
    }

    /// Packets of the server are named in ascending order, over its restarts, too.
    ///
    /// # Errors
    /// If this one is not.
    pub fn check_name(&mut self, packet: &[u8]) -> Result<(), String> {
        let opened = open_from(&self.key, Side::Server, &mut packet.to_vec()).map_err(|_| "not sealed")?;
        let (before, name) = (self.newest, opened.msg_id.0);
        self.newest = name;
        if before < name { Ok(()) } else { Err(format!("msg_id {name:x} behind {before:x}")) }
    }
}

/// A query in its wrapper.
pub fn query<M: Method>(request: &M) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&0xda9b_0d0d_u32.to_le_bytes());
    body.extend_from_slice(&i32::from(LAYER.0).to_le_bytes());
    body.extend_from_slice(&tl::write(request, LAYER));
    body
}

/// How a connection may speak, drawn.
pub fn transport(dice: &mut dyn Dice) -> TransportOptions {
    let framings = [Framing::Abridged, Framing::Intermediate, Framing::PaddedIntermediate, Framing::Full];
    let framing = framings[dice.below(4) as usize];
    let obfuscated = (framing != Framing::Full && dice.below(2) == 0).then_some(2);
    TransportOptions { framing, obfuscated, websocket: obfuscated.is_some() && dice.below(4) == 0 }
}
