//! The client's side of a session: for tests, load generators and hostile peers.
//!
//! It is polite by default: it names and numbers as documented, acknowledges what it must, repeats an unanswered query
//! under its old name in a new container, corrects its clock and its salt when it is told to, and drops what it has seen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use env::{Env, Time};
use tl::service::{
    BadMsgNotification, BadServerSalt, MsgContainer, MsgDetailedInfo, MsgResendReq, MsgsAck,
    NewSessionCreated, Pong, RpcResult,
};
use tl::{Decode, Encode, Layer, Reader};

use super::gzip;
use super::seal::{Head, open_from, seal};
use crate::crypto::{AuthKey, NotAuthentic, Side};
use crate::ids::{MsgId, Salt, SessionId};

/// What a packet of the server held, piece by piece. What the client deals with by itself does not show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A query was answered; the body is the result or the `rpc_error`, unpacked.
    Reply {
        /// The query, by the name under which [`ClientSession::call`] made it.
        to: Ticket,
        /// The answer.
        body: Bytes,
    },
    /// The server knew nothing of this session before.
    NewSession(i64),
    /// `pong`, with the ping_id.
    Pong(i64),
    /// A message was refused; the code. What can be mended by sending it again is sent again.
    Refused(i32),
    /// Anything else: an update, or the answer to another service message.
    Other(Bytes),
}

/// A query, whatever its msg_id is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

#[derive(Debug, Clone)]
struct Outstanding {
    ticket: Ticket,
    seq_no: u32,
    body: Bytes,
    sent_at: Option<Time>,
    /// Whether the server said that it has it.
    arrived: bool,
}

/// One session as its client sees it.
#[derive(Debug)]
pub struct ClientSession {
    key: AuthKey,
    id: SessionId,
    salt: Salt,
    /// Nanoseconds to add to the clock.
    clock_offset: i64,
    last_msg_id: i64,
    content_sent: u32,
    tickets: u64,
    /// Queries without an answer.
    outstanding: BTreeMap<MsgId, Outstanding>,
    /// What else waits to be sent: bodies, and whether they need an ack.
    extra: Vec<(Bytes, bool)>,
    acks: Vec<i64>,
    /// Names that were given.
    named: BTreeSet<i64>,
    seen: BTreeSet<i64>,
    /// The messages of the packets that were sent last.
    packets: BTreeMap<MsgId, Vec<MsgId>>,
}

/// Packets that a client remembers, for notices that name them.
const PACKETS_REMEMBERED: usize = 1024;
/// Names that a client remembers having given.
const NAMES_REMEMBERED: usize = 4096;
/// Server messages that a client remembers.
const SEEN_REMEMBERED: usize = 4096;

impl ClientSession {
    /// A new session under `key`. Clients that know no salt begin with zero.
    #[must_use]
    pub fn new(key: AuthKey, id: SessionId, salt: Salt) -> Self {
        Self {
            key,
            id,
            salt,
            clock_offset: 0,
            last_msg_id: 0,
            content_sent: 0,
            tickets: 0,
            outstanding: BTreeMap::new(),
            extra: Vec::new(),
            acks: Vec::new(),
            named: BTreeSet::new(),
            seen: BTreeSet::new(),
            packets: BTreeMap::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Makes a query. It leaves with the next packet.
    pub fn call(&mut self, now: Time, body: Bytes) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.make(now, ticket, body);
        ticket
    }

    /// Says something that is no query. It leaves with the next packet.
    pub fn say(&mut self, body: &impl Encode, content: bool) {
        self.extra.push((tl::write(body, Layer::NEWEST).into(), content));
    }

    /// Queries that are not answered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.outstanding.len()
    }

    /// The next packet: new queries, queries that nobody has heard of for `patience` (eight times that, if they are known
    /// to have arrived), acknowledgements. Nothing if there is nothing to say.
    pub fn packet(&mut self, env: &mut Env<'_>, patience: Duration) -> Option<BytesMut> {
        let now = env.now;
        let mut messages = Vec::new();
        let mut repeats = false;
        for (msg_id, query) in &mut self.outstanding {
            let silence = query.sent_at.map(|at| now.since(at));
            let patience = if query.arrived { patience * 8 } else { patience };
            let waits = silence.is_none_or(|silence| silence >= patience);
            if waits && messages.len() < 100 {
                repeats |= query.sent_at.is_some();
                query.sent_at = Some(now);
                messages.push((*msg_id, query.seq_no, query.body.clone()));
            }
        }
        for (body, content) in std::mem::take(&mut self.extra) {
            let (msg_id, seq_no) = self.name(now, content);
            messages.push((msg_id, seq_no, body));
        }
        if !self.acks.is_empty() {
            let body = tl::write(&MsgsAck { msg_ids: std::mem::take(&mut self.acks) }, Layer::NEWEST);
            let (msg_id, seq_no) = self.name(now, false);
            messages.push((msg_id, seq_no, body.into()));
        }
        if messages.is_empty() {
            return None;
        }
        let members = messages.iter().map(|(msg_id, ..)| *msg_id).collect();
        // spec: SES-10
        let (msg_id, seq_no, body) = match <[_; 1]>::try_from(messages) {
            Ok([alone]) if !repeats => alone,
            Ok([alone]) => self.contain(now, &[alone]),
            Err(messages) => self.contain(now, &messages),
        };
        self.packets.insert(msg_id, members);
        while self.packets.len() > PACKETS_REMEMBERED {
            self.packets.pop_first();
        }
        Some(self.seal(env, msg_id, seq_no, &body))
    }

    /// Seals any message at all.
    pub fn seal(&self, env: &mut Env<'_>, msg_id: MsgId, seq_no: u32, body: &[u8]) -> BytesMut {
        let head = Head { salt: self.salt, session_id: self.id, msg_id, seq_no };
        seal(&self.key, Side::Client, head, body.len(), |packet| packet.put_slice(body), env.dice)
    }

    /// The connection was lost: every query without an answer leaves again with the next packet.
    pub fn reconnected(&mut self) {
        for query in self.outstanding.values_mut() {
            query.arrived = false;
            if query.sent_at.is_some() {
                query.sent_at = Some(Time::default());
            }
        }
    }

    /// Reads a packet of the server.
    ///
    /// # Errors
    ///
    /// [`NotAuthentic`] if it is none, or not for this session.
    pub fn receive(&mut self, now: Time, packet: &mut [u8]) -> Result<Vec<Heard>, NotAuthentic> {
        // spec: REC-6
        if !packet.starts_with(&self.key.id().0.to_le_bytes()) {
            return Err(NotAuthentic);
        }
        let opened = open_from(&self.key, Side::Server, packet)?;
        // spec: SES-1
        if opened.session_id != self.id || opened.msg_id.0 & 1 == 0 {
            return Err(NotAuthentic);
        }
        let body = Bytes::copy_from_slice(packet.get(opened.body).ok_or(NotAuthentic)?);
        let mut heard = Vec::new();
        if gzip::constructor(&body) == Some(MsgContainer::ID) {
            let mut r = Reader::new(body.get(4..).unwrap_or_default());
            for _ in 0..r.u32().map_err(|_| NotAuthentic)? {
                let (msg_id, seq_no, inner) = message(&mut r).map_err(|_| NotAuthentic)?;
                if msg_id >= opened.msg_id.0 {
                    return Err(NotAuthentic);
                }
                self.hear(now, msg_id, seq_no, Bytes::copy_from_slice(inner), &mut heard);
            }
        } else {
            self.hear(now, opened.msg_id.0, opened.seq_no, body, &mut heard);
        }
        Ok(heard)
    }

    fn hear(&mut self, now: Time, msg_id: i64, seq_no: u32, body: Bytes, heard: &mut Vec<Heard>) {
        if seq_no % 2 == 1 {
            self.acks.push(msg_id);
        }
        if !self.seen.insert(msg_id) {
            return;
        }
        if self.seen.len() > SEEN_REMEMBERED {
            self.seen.pop_first();
        }
        match gzip::constructor(&body) {
            Some(RpcResult::ID) => {
                let mut r = Reader::new(&body);
                let Ok(RpcResult { req_msg_id }) = RpcResult::decode(&mut r) else { return };
                if let Some(query) = self.outstanding.remove(&MsgId(req_msg_id)) {
                    let result = body.slice_ref(r.rest());
                    let body = gzip::inflate(&result).unwrap_or(result);
                    heard.push(Heard::Reply { to: query.ticket, body });
                }
            }
            Some(MsgsAck::ID) => {
                for id in tl::read::<MsgsAck>(&body).map(|ack| ack.msg_ids).unwrap_or_default() {
                    if let Some(query) = self.outstanding.get_mut(&MsgId(id)) {
                        query.arrived = true;
                    }
                }
            }
            Some(BadServerSalt::ID) => {
                if let Ok(notice) = tl::read::<BadServerSalt>(&body)
                    && self.has_sent(MsgId(notice.bad_msg_id))
                {
                    self.salt = Salt(notice.new_server_salt);
                    self.send_once_more(MsgId(notice.bad_msg_id));
                    heard.push(Heard::Refused(notice.error_code));
                }
            }
            Some(BadMsgNotification::ID) => {
                if let Ok(notice) = tl::read::<BadMsgNotification>(&body)
                    && self.has_sent(MsgId(notice.bad_msg_id))
                {
                    let bad = MsgId(notice.bad_msg_id);
                    match notice.error_code {
                        16 | 17 => {
                            self.set_clock(now, msg_id);
                            self.last_msg_id = 0;
                            self.packets.insert(bad, self.outstanding.keys().copied().collect());
                            self.rename(now, bad);
                        }
                        // An earlier clock was ahead, and the names that it gave are: those of now must come to them, also
                        // where the clock has been set back since.
                        32 | 33 => {
                            self.set_clock(now, msg_id);
                            self.rename(now, bad);
                        }
                        20 => self.rename(now, bad),
                        _ => {}
                    }
                    heard.push(Heard::Refused(notice.error_code));
                }
            }
            Some(MsgDetailedInfo::ID) => {
                if let Ok(told) = tl::read::<MsgDetailedInfo>(&body) {
                    self.say(&MsgResendReq { msg_ids: vec![told.answer_msg_id] }, true);
                }
            }
            Some(NewSessionCreated::ID) => {
                if let Ok(told) = tl::read::<NewSessionCreated>(&body) {
                    self.salt = Salt(told.server_salt);
                    heard.push(Heard::NewSession(told.unique_id));
                }
            }
            Some(Pong::ID) => heard.extend(tl::read::<Pong>(&body).map(|pong| Heard::Pong(pong.ping_id))),
            _ => heard.push(Heard::Other(body)),
        }
    }

    fn make(&mut self, now: Time, ticket: Ticket, body: Bytes) {
        let (msg_id, seq_no) = self.name(now, true);
        self.outstanding.insert(msg_id, Outstanding { ticket, seq_no, body, sent_at: None, arrived: false });
    }

    /// Whether a packet, or a message in one, went out under this name not long ago.
    fn has_sent(&self, msg_id: MsgId) -> bool {
        // spec: SVC-3
        self.packets.contains_key(&msg_id) || self.outstanding.contains_key(&msg_id)
    }

    /// Takes the time from a message of the server.
    fn set_clock(&mut self, now: Time, msg_id: i64) {
        let server = (i128::from(msg_id) * 1_000_000_000) >> 32;
        self.clock_offset = i64::try_from(server - i128::from(now.nanos())).unwrap_or(0);
    }

    /// A packet was not accepted, though nothing was wrong with its names.
    fn send_once_more(&mut self, packet: MsgId) {
        for msg_id in self.packets.get(&packet).into_iter().flatten() {
            if let Some(query) = self.outstanding.get_mut(msg_id) {
                query.sent_at = Some(Time::default());
            }
        }
    }

    /// A packet was not accepted because of the names in it.
    fn rename(&mut self, now: Time, packet: MsgId) {
        let members = self.packets.remove(&packet).unwrap_or_else(|| vec![packet]);
        let queries: Vec<_> = members.iter().filter_map(|msg_id| self.outstanding.remove(msg_id)).collect();
        for query in queries {
            self.make(now, query.ticket, query.body);
        }
    }

    /// The next msg_id and seq_no.
    pub fn name(&mut self, now: Time, content: bool) -> (MsgId, u32) {
        let clock = Time::from_nanos(now.nanos().saturating_add_signed(self.clock_offset));
        self.last_msg_id = MsgId::at(clock).0.max(self.last_msg_id + 4);
        // A clock that was set back comes by the same names again.
        while !self.named.insert(self.last_msg_id) {
            self.last_msg_id += 4;
        }
        if self.named.len() > NAMES_REMEMBERED {
            self.named.pop_first();
        }
        let seq_no = self.content_sent * 2 + u32::from(content);
        self.content_sent += u32::from(content);
        (MsgId(self.last_msg_id), seq_no)
    }

    fn contain(&mut self, now: Time, messages: &[(MsgId, u32, Bytes)]) -> (MsgId, u32, Bytes) {
        let (msg_id, seq_no) = self.name(now, false);
        (msg_id, seq_no, container(messages))
    }
}

/// The body of a container.
#[must_use]
pub fn container(messages: &[(MsgId, u32, Bytes)]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u32_le(MsgContainer::ID);
    out.put_u32_le(u32::try_from(messages.len()).unwrap_or(u32::MAX));
    for (msg_id, seq_no, body) in messages {
        out.put_i64_le(msg_id.0);
        out.put_u32_le(*seq_no);
        out.put_u32_le(u32::try_from(body.len()).unwrap_or(u32::MAX));
        out.put_slice(body);
    }
    out.freeze()
}

fn message<'a>(r: &mut Reader<'a>) -> Result<(i64, u32, &'a [u8]), tl::Error> {
    let (msg_id, seq_no, length) = (r.i64()?, r.u32()?, r.u32()?);
    Ok((msg_id, seq_no, r.raw(usize::try_from(length).unwrap_or(usize::MAX))?))
}

#[cfg(test)]
mod tests {
    use env::SeededDice;

    use super::*;
    use crate::crypto::STORED_KEY_BYTES;
    use crate::ids::AuthKeyId;

    const NOW: Time = Time::from_secs(1_700_000_000);

    fn key() -> AuthKey {
        AuthKey::from_stored(AuthKeyId(1), [3; STORED_KEY_BYTES])
    }

    fn from_server(session_id: SessionId, body: &impl Encode) -> BytesMut {
        let head = Head { salt: Salt(1), session_id, msg_id: MsgId(MsgId::at(NOW).0 | 1), seq_no: 0 };
        let body = tl::write(body, Layer::NEWEST);
        seal(&key(), Side::Server, head, body.len(), |p| p.put_slice(&body), &mut SeededDice::new(1))
    }

    fn wrong_salt(bad_msg_id: i64) -> BadServerSalt {
        BadServerSalt { bad_msg_id, bad_msg_seqno: 1, error_code: 48, new_server_salt: 99 }
    }

    // proves: SES-1
    // proves: REC-6
    #[test]
    fn what_is_not_for_this_session_is_not_heard() {
        let mut client = ClientSession::new(key(), SessionId(5), Salt(0));
        let pong = Pong { msg_id: 0, ping_id: 7 };
        assert_eq!(client.receive(NOW, &mut from_server(SessionId(6), &pong)), Err(NotAuthentic));
        let mut changed = from_server(SessionId(5), &pong);
        changed[60] ^= 1;
        assert_eq!(client.receive(NOW, &mut changed), Err(NotAuthentic));
        assert_eq!(client.receive(NOW, &mut from_server(SessionId(5), &pong)), Ok(vec![Heard::Pong(7)]));
    }

    // proves: SVC-3
    #[test]
    fn a_notice_is_believed_about_what_was_sent() {
        let mut client = ClientSession::new(key(), SessionId(5), Salt(0));
        assert_eq!(client.receive(NOW, &mut from_server(SessionId(5), &wrong_salt(4))), Ok(Vec::new()));
        assert_eq!(client.salt, Salt(0));
        client.call(NOW, Bytes::from_static(&[0xaa; 4]));
        client.packet(&mut Env { now: NOW, dice: &mut SeededDice::new(2) }, Duration::MAX).expect("a call");
        let sent = client.outstanding.keys().next().expect("one").0;
        client.seen.clear();
        let heard = client.receive(NOW, &mut from_server(SessionId(5), &wrong_salt(sent)));
        assert_eq!((heard, client.salt), (Ok(vec![Heard::Refused(48)]), Salt(99)));
    }

    #[test]
    fn names_below_those_of_a_clock_that_was_ahead_come_to_the_servers_time() {
        let behind = Time::from_secs(NOW.secs() - 200);
        let mut client = ClientSession::new(key(), SessionId(5), Salt(0));
        client.call(behind, Bytes::from_static(&[0xaa; 4]));
        let sent = client.outstanding.keys().next().expect("one").0;
        let too_high = BadMsgNotification { bad_msg_id: sent, bad_msg_seqno: 1, error_code: 33 };
        let heard = client.receive(behind, &mut from_server(SessionId(5), &too_high));
        assert_eq!(heard, Ok(vec![Heard::Refused(33)]));
        let named = client.outstanding.keys().next().expect("the same one").0;
        assert!(sent < named && named >= MsgId::at(NOW).0, "{sent:x} {named:x}");
    }
}
