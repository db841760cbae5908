//! A session with a client: honest, but for one lie.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use env::Dice as _;
use mtproto::crypto::{AuthKey, Side};
use mtproto::handshake::plain;
use mtproto::session::open_from;
use mtproto::{MsgId, TransportError};
use tl::service::{
    BadMsgNotification, BadServerSalt, DestroySessionNone, FutureSalt, FutureSalts, GetFutureSalts,
    GzipPacked, HttpWait, MsgContainer, MsgResendReq, MsgsAck, MsgsAllInfo, MsgsStateInfo, MsgsStateReq,
    NewSessionCreated, Ping, PingDelayDisconnect, Pong, RpcError, RpcResult,
};
use tl::{Decode as _, Encode, Layer, Reader, functions};
use tokio::time::Instant;

use super::exchange::packet;
use super::lies::{Clear, Lie, Loop, Name, Say, Seal, Way};
use super::modes::Asks;
use super::peer::{Out, Row, Shared};
use super::words;
use crate::limits::{CONTAINER_MESSAGES_MAX, HONEST_AFTER, HONEST_SOON, LOOP_TIME};
use crate::packing::deflated;
use crate::sealing::Parts;
use crate::world::{SystemDice, now};

/// The country in an honest answer.
pub const HONEST: &str = "AA";
/// The country in an answer that must not be believed.
pub const LIE: &str = "ZZ";
/// A salt that must not be taken.
const WRONG_SALT: i64 = 0x6666_6666_6666;

/// What is known of the session of one connection.
#[derive(Default)]
pub struct Talk {
    key: Option<AuthKey>,
    session_id: i64,
    salt: i64,
    layer: i32,
    last_msg_id: i64,
    first_msg_id: i64,
    content_sent: u32,
    /// The names under which lies went out.
    lies: Vec<i64>,
    /// Until when everything is answered with the lie.
    looping: Option<Instant>,
    /// The calls that wait for their honest answer, and when they get it.
    waiting: Option<(Vec<i64>, Instant)>,
}

/// One message to be sealed.
struct Message {
    msg_id: i64,
    seq_no: u32,
    body: Vec<u8>,
}

fn encoded(message: &impl Encode) -> Vec<u8> {
    tl::write(message, Layer::NEWEST)
}

/// The id that a body begins with.
fn id_of(body: &[u8]) -> u32 {
    body.first_chunk().copied().map(u32::from_le_bytes).unwrap_or_default()
}

impl Talk {
    /// When something is to be said unasked.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|(_, due)| *due)
    }

    /// Takes a packet; what is to be written.
    pub fn receive(&mut self, shared: &Shared, number: usize, row: &Row, data: &mut BytesMut) -> Vec<Out> {
        let Ok(opened) = open_from(&row.key, Side::Client, data) else {
            shared.watch.note(number, &"sent a packet that does not open");
            return vec![Out::Error(TransportError::NotFound)];
        };
        shared.watch.message();
        let mut out = Vec::new();
        self.layer = row.layer;
        if self.key.is_none() || self.session_id != opened.session_id.0 {
            *self = Self { layer: row.layer, salt: row.salt, ..Self::default() };
            self.session_id = opened.session_id.0;
            self.key = Some(row.key.clone());
            let told = NewSessionCreated {
                first_msg_id: opened.msg_id.0,
                unique_id: SystemDice.u64().cast_signed(),
                server_salt: row.salt,
            };
            out.push(self.say(&encoded(&told), true));
        }
        if row.told {
            self.look_for_belief(shared, number, opened.salt.0, opened.msg_id);
        }
        let body = data.get(opened.body).map(Bytes::copy_from_slice).unwrap_or_default();
        let mut messages = vec![(opened.msg_id.0, opened.seq_no, body)];
        while let Some((msg_id, seq_no, body)) = messages.pop() {
            if id_of(&body) == MsgContainer::ID {
                messages.extend(contents(&body).unwrap_or_default().into_iter().rev());
                continue;
            }
            self.hear(shared, number, (msg_id, seq_no), &body, &mut out);
        }
        out
    }

    /// Whether the client took what a notice about nobody's message told it.
    fn look_for_belief(&self, shared: &Shared, number: usize, salt: i64, msg_id: MsgId) {
        match shared.mode.lie {
            Lie::Say(Say::SaltOfNobody) if salt == WRONG_SALT => {
                shared.watch.accepted(number, "it took the salt");
            }
            Lie::Say(Say::ClockOfNobody) if (msg_id.secs() - i64::from(now().unix())).abs() > 1000 => {
                shared.watch.accepted(number, "it took the clock");
            }
            _ => {}
        }
    }

    fn hear(
        &mut self,
        shared: &Shared,
        number: usize,
        (msg_id, seq_no): (i64, u32),
        body: &Bytes,
        out: &mut Vec<Out>,
    ) {
        let id = id_of(body);
        if id == MsgsAck::ID {
            let acks = tl::read::<MsgsAck>(body).map(|ack| ack.msg_ids).unwrap_or_default();
            // What only must not harm may be acknowledged.
            if shared.mode.asks != Asks::Survive && acks.iter().any(|id| self.lies.contains(id)) {
                shared.watch.accepted(number, "it acknowledged it");
            }
            return;
        }
        if let Lie::Loop(kind) = shared.mode.lie
            && self.looping.is_some_and(|until| Instant::now() < until)
        {
            // The call is named anew each time: the honest answer is for all its names.
            if id_of(&words::peeled(body).0) == <functions::help::GetNearestDc as tl::Method>::ID
                && let Some((calls, _)) = &mut self.waiting
            {
                calls.push(msg_id);
            }
            let refusal = self.refusal(kind, msg_id, seq_no);
            out.push(refusal);
            return;
        }
        let mut reader = Reader::new(body);
        match id {
            Ping::ID | PingDelayDisconnect::ID => {
                let ping_id = body.get(4..12).and_then(|id| id.first_chunk().copied());
                let ping_id = ping_id.map(i64::from_le_bytes).unwrap_or_default();
                out.push(self.say(&encoded(&Pong { msg_id, ping_id }), false));
            }
            GetFutureSalts::ID => out.push(self.future_salts(msg_id)),
            MsgsStateReq::ID => {
                let count = MsgsStateReq::decode(&mut reader).map_or(0, |asked| asked.msg_ids.len());
                let told = MsgsStateInfo { req_msg_id: msg_id, info: vec![4; count] };
                out.push(self.say(&encoded(&told), false));
            }
            tl::service::DestroySession::ID => {
                let session_id = body.get(4..12).and_then(|id| id.first_chunk().copied());
                let session_id = session_id.map(i64::from_le_bytes).unwrap_or_default();
                out.push(self.say(&encoded(&DestroySessionNone { session_id }), false));
            }
            HttpWait::ID | MsgResendReq::ID | MsgsAllInfo::ID | MsgsStateInfo::ID => {}
            _ => self.call(shared, number, (msg_id, seq_no), body, out),
        }
    }

    fn call(
        &mut self,
        shared: &Shared,
        number: usize,
        (msg_id, seq_no): (i64, u32),
        body: &Bytes,
        out: &mut Vec<Out>,
    ) {
        let (query, layer) = words::peeled(body);
        if let Some(layer) = layer {
            self.layer = layer;
            if let Some(key) = &self.key {
                shared.change(key.id().0, |row| row.layer = layer);
            }
        }
        let layer = words::layer(self.layer);
        let query = id_of(&query);
        if query == <functions::help::GetNearestDc as tl::Method>::ID {
            let told = self.key.as_ref().and_then(|key| shared.row(key.id().0)).is_some_and(|row| row.told);
            if shared.mode.lie == Lie::None || (told && self.waiting.is_none()) {
                shared.watch.served(number);
                out.push(self.result(msg_id, &words::nearest(HONEST, layer)));
            } else {
                self.lie(shared, number, (msg_id, seq_no), out);
            }
            return;
        }
        let answer = words::answer(query, layer);
        let answer = answer.unwrap_or_else(|| {
            encoded(&RpcError { error_code: 401, error_message: "AUTH_KEY_UNREGISTERED".into() })
        });
        out.push(self.result(msg_id, &answer));
    }

    /// The lie of a session, told once for each key, or as often as it asks before the honest answer.
    fn lie(&mut self, shared: &Shared, number: usize, (to, seq_no): (i64, u32), out: &mut Vec<Out>) {
        if let Some(key) = &self.key {
            shared.change(key.id().0, |row| row.told = true);
        }
        shared.watch.lied(number, shared.mode.name);
        let layer = words::layer(self.layer);
        let answer = result_of(to, &words::nearest(LIE, layer));
        let mut honest_after = HONEST_AFTER;
        match shared.mode.lie {
            Lie::Seal(seal) => out.push(self.sealed_wrongly(seal, &answer)),
            Lie::Name(name) => {
                let mut message = self.named(&answer, true);
                match name {
                    Name::Even => message.msg_id &= !3,
                    Name::Secs(seconds) => message.msg_id += seconds << 32,
                    Name::Repeated => message.msg_id = self.first_msg_id,
                    Name::EvenNumber => message.seq_no &= !1,
                }
                // The earlier message was acknowledged as well.
                if name != Name::Repeated {
                    self.lies.push(message.msg_id);
                }
                out.push(self.seal(&message));
            }
            Lie::Say(say) => honest_after = self.lie_in_words(say, to, &answer, out),
            Lie::Loop(kind) => {
                self.looping.get_or_insert_with(|| Instant::now() + LOOP_TIME);
                out.push(self.refusal(kind, to, seq_no));
                honest_after = LOOP_TIME + HONEST_SOON;
            }
            Lie::Way(way) => {
                match way {
                    Way::Floods => out.extend((0..100).map(|_| Out::Error(TransportError::Flood))),
                    Way::NotFounds => out.extend((0..100).map(|_| Out::Error(TransportError::NotFound))),
                    Way::QuickAcks => out.extend((0..50).map(|_| Out::QuickAck)),
                    Way::Short => out.push(Out::Packet(Bytes::from_static(&[1, 2, 3, 4, 5, 6, 7, 0]))),
                    Way::Noise => {
                        let noise: [u8; 400] = env::bytes(&mut SystemDice);
                        out.push(Out::Packet(Bytes::copy_from_slice(&noise)));
                    }
                    Way::Silence => {}
                }
                honest_after = if way == Way::Silence { HONEST_AFTER } else { HONEST_SOON };
            }
            Lie::Clear(Clear::Answer) => {
                let name = self.named(&answer, true);
                self.lies.push(name.msg_id);
                out.push(Out::Packet(plain::packet(MsgId(name.msg_id), &answer)));
            }
            Lie::Clear(Clear::ResPq) => {
                let answer = tl::service::ResPQ {
                    nonce: [7; 16],
                    server_nonce: [8; 16],
                    pq: vec![0x17, 0xed, 0x48, 0x94, 0x1a, 0x08, 0xf9, 0x81],
                    server_public_key_fingerprints: shared
                        .keys
                        .iter()
                        .map(|(k, _)| k.fingerprint())
                        .collect(),
                };
                out.push(Out::Packet(packet(&answer)));
                honest_after = HONEST_SOON;
            }
            Lie::None | Lie::Pq(_) | Lie::Dh(_) | Lie::Gen(_) => {}
        }
        let due = Instant::now() + honest_after;
        self.waiting.get_or_insert_with(|| (Vec::new(), due)).0.push(to);
    }

    /// Says what was to be said later: the honest answer.
    pub fn later(&mut self, shared: &Shared, number: usize) -> Vec<Out> {
        let Some((calls, _)) = self.waiting.take() else { return Vec::new() };
        shared.watch.served(number);
        let answer = words::nearest(HONEST, words::layer(self.layer));
        calls.into_iter().map(|to| self.result(to, &answer)).collect()
    }

    fn sealed_wrongly(&mut self, seal: Seal, answer: &[u8]) -> Out {
        let message = self.named(answer, true);
        self.lies.push(message.msg_id);
        let Some(key) = self.key.clone() else { return Out::QuickAck };
        let mut parts = self.parts(&key, &message);
        let unpadded = 32 + answer.len();
        match seal {
            Seal::AsClient => parts.side = Side::Client,
            // The least that makes whole blocks, if that is too little; else the answer is of another length.
            Seal::ShortPadding => parts.padding = Some(unpadded.next_multiple_of(16) - unpadded),
            Seal::LongPadding => parts.padding = Some((unpadded + 1040).next_multiple_of(16) - unpadded),
            Seal::Length(length) => parts.length = Some(length),
            Seal::Session => parts.session_id ^= 0x55,
            Seal::MsgKey | Seal::Ciphertext | Seal::UnknownKey | Seal::Ragged => {}
        }
        let mut packet = parts.seal();
        let last = packet.len() - 1;
        let flipped = match seal {
            Seal::MsgKey => Some(12),
            Seal::Ciphertext => Some(last),
            Seal::UnknownKey => Some(3),
            _ => None,
        };
        if let Some(byte) = flipped.and_then(|at| packet.get_mut(at)) {
            *byte ^= 1;
        }
        if seal == Seal::Ragged {
            packet.extend([1, 2, 3, 4]);
        }
        Out::Packet(packet.into())
    }

    /// Says something that is wrong in its words; how long the honest answer waits.
    fn lie_in_words(&mut self, say: Say, to: i64, answer: &[u8], out: &mut Vec<Out>) -> Duration {
        let result = answer.get(12..).unwrap_or_default();
        let packed = |data: Vec<u8>| encoded(&GzipPacked { packed_data: data });
        let nobody: Vec<i64> = (0..1000).map(|n| to - (5 << 32) + n * 4).collect();
        let unanswered = match say {
            Say::ResultForNobody => {
                let other = result_of(to + 4, result);
                out.push(self.lying(&other, true));
                false
            }
            Say::GzipBomb => {
                let bomb = packed(deflated(result, 256 << 20));
                out.push(self.lying(&result_of(to, &bomb), true));
                true
            }
            Say::GzipTwice => {
                let once = packed(deflated(result, 0));
                let twice = packed(deflated(&once, 0));
                out.push(self.lying(&result_of(to, &twice), true));
                true
            }
            Say::GzipBroken => {
                out.push(self.lying(&result_of(to, &packed(vec![0x1f, 0x8b, 8, 0, 1, 2, 3, 4])), true));
                true
            }
            Say::VectorBomb => {
                let bomb = [tl::VECTOR.to_le_bytes(), 0x7fff_ffff_u32.to_le_bytes()].concat();
                out.push(self.lying(&result_of(to, &bomb), true));
                true
            }
            Say::UnknownResult => {
                out.push(self.lying(&result_of(to, &[0x78, 0x56, 0x34, 0x12, 1, 0, 0, 0]), true));
                true
            }
            Say::ContainerInItself => {
                let mut inner = self.named(answer, true);
                let outer = self.named(&[], false);
                inner.msg_id = outer.msg_id;
                let body = container(1, &[inner]);
                self.lies.push(outer.msg_id);
                out.push(self.seal(&Message { body, ..outer }));
                true
            }
            Say::Nested => {
                let inner = self.named(answer, true);
                self.lies.push(inner.msg_id);
                let middle = self.named(&container(1, &[inner]), false);
                let body = container(1, &[middle]);
                out.push(self.say(&body, false));
                true
            }
            Say::CountTooHigh | Say::CountBomb => {
                let inner = self.named(answer, true);
                self.lies.push(inner.msg_id);
                let count = if say == Say::CountBomb { 0x7fff_ffff } else { 5 };
                let body = container(count, &[inner]);
                out.push(self.say(&body, false));
                true
            }
            Say::NewSessions => {
                for unique_id in 0..20 {
                    let told = NewSessionCreated { first_msg_id: to, unique_id, server_salt: self.salt };
                    out.push(self.say(&encoded(&told), true));
                }
                false
            }
            Say::UnknownPush => {
                out.push(self.say(&[0x78, 0x56, 0x34, 0x12, 1, 0, 0, 0], true));
                false
            }
            Say::SaltOfNobody => {
                let (bad_msg_id, error_code) = (to - (9 << 32), 48);
                let told =
                    BadServerSalt { bad_msg_id, bad_msg_seqno: 1, error_code, new_server_salt: WRONG_SALT };
                out.push(self.say(&encoded(&told), false));
                false
            }
            Say::ClockOfNobody => {
                let told =
                    BadMsgNotification { bad_msg_id: to - (9 << 32), bad_msg_seqno: 1, error_code: 17 };
                let mut message = self.named(&encoded(&told), false);
                message.msg_id -= 3600 << 32;
                out.push(self.seal(&message));
                false
            }
            Say::AckOfNobody => {
                out.push(self.say(&encoded(&MsgsAck { msg_ids: nobody }), false));
                false
            }
            Say::ResendOfNobody => {
                out.push(self.say(&encoded(&MsgResendReq { msg_ids: nobody }), false));
                false
            }
        };
        if unanswered { HONEST_AFTER } else { HONEST_SOON }
    }

    fn refusal(&mut self, kind: Loop, msg_id: i64, seq_no: u32) -> Out {
        let bad_msg_seqno = seq_no.cast_signed();
        let notice = |error_code| BadMsgNotification { bad_msg_id: msg_id, bad_msg_seqno, error_code };
        let body = match kind {
            Loop::Salt => encoded(&BadServerSalt {
                bad_msg_id: msg_id,
                bad_msg_seqno,
                error_code: 48,
                new_server_salt: SystemDice.u64().cast_signed(),
            }),
            Loop::Clock => encoded(&notice(16)),
            Loop::Number => encoded(&notice(32)),
        };
        self.say(&body, false)
    }

    fn future_salts(&mut self, req_msg_id: i64) -> Out {
        let now = now().unix();
        let salt = |n: i32| FutureSalt {
            valid_since: now + 1800 * n - 60,
            valid_until: now + 1800 * n + 3600,
            salt: self.salt + i64::from(n),
        };
        let salts = (0..4).map(salt).collect();
        self.say(&encoded(&FutureSalts { req_msg_id, now, salts }), false)
    }

    fn result(&mut self, to: i64, result: &[u8]) -> Out {
        self.say(&result_of(to, result), true)
    }

    /// A message by whose acknowledgement the client shows that it believed it.
    fn lying(&mut self, body: &[u8], content: bool) -> Out {
        let message = self.named(body, content);
        self.lies.push(message.msg_id);
        self.seal(&message)
    }

    fn say(&mut self, body: &[u8], content: bool) -> Out {
        let message = self.named(body, content);
        self.seal(&message)
    }

    fn named(&mut self, body: &[u8], content: bool) -> Message {
        self.last_msg_id = (MsgId::at(now()).0 | 1).max(self.last_msg_id + 4);
        if self.first_msg_id == 0 {
            self.first_msg_id = self.last_msg_id;
        }
        let seq_no = self.content_sent * 2 + u32::from(content);
        self.content_sent += u32::from(content);
        Message { msg_id: self.last_msg_id, seq_no, body: body.to_vec() }
    }

    fn parts<'a>(&self, key: &'a AuthKey, message: &'a Message) -> Parts<'a> {
        Parts {
            key,
            side: Side::Server,
            salt: self.salt,
            session_id: self.session_id,
            msg_id: message.msg_id,
            seq_no: message.seq_no,
            length: None,
            body: &message.body,
            padding: None,
        }
    }

    fn seal(&self, message: &Message) -> Out {
        match &self.key {
            Some(key) => Out::Packet(self.parts(key, message).seal().into()),
            None => Out::QuickAck,
        }
    }
}

fn result_of(req_msg_id: i64, result: &[u8]) -> Vec<u8> {
    [encoded(&RpcResult { req_msg_id }).as_slice(), result].concat()
}

fn container(count: u32, messages: &[Message]) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_u32_le(MsgContainer::ID);
    out.put_u32_le(count);
    for message in messages {
        out.put_i64_le(message.msg_id);
        out.put_u32_le(message.seq_no);
        out.put_u32_le(u32::try_from(message.body.len()).unwrap_or(u32::MAX));
        out.put_slice(&message.body);
    }
    out.to_vec()
}

fn contents(body: &Bytes) -> Result<Vec<(i64, u32, Bytes)>, tl::Error> {
    let mut r = Reader::new(body.get(4..).unwrap_or_default());
    let mut messages = Vec::new();
    for _ in 0..r.u32()?.min(CONTAINER_MESSAGES_MAX) {
        let (msg_id, seq_no, length) = (r.i64()?, r.u32()?, r.u32()?);
        let inner = r.raw(usize::try_from(length).unwrap_or(usize::MAX))?;
        messages.push((msg_id, seq_no, Bytes::copy_from_slice(inner)));
    }
    Ok(messages)
}
