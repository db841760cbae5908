//! What the messages of a case say.

use bytes::{BufMut as _, BytesMut};
use mtproto::bind::{BindInner, seal_bind_message};
use mtproto::{AuthKeyId, MsgId, SessionId};
use tl::functions::messages;
use tl::service::{
    BadServerSalt, DestroyAuthKey, DestroySession, GetFutureSalts, GzipPacked, HttpWait, MsgContainer,
    MsgResendAnsReq, MsgResendReq, MsgsAck, MsgsAllInfo, MsgsStateReq, NewSessionCreated, Ping,
    PingDelayDisconnect, Pong, RpcDropAnswer, RpcResult,
};
use tl::{Encode, Layer, enums, functions};

use super::exchange::noise;
use super::play::{Player, Sent};
use super::script::{Bind, Body, Held, Id, Twist};
use super::session::Message;
use crate::packing::deflated;
use crate::world::{SystemDice, now};

/// What every ping of a case says.
pub const PING_ID: i64 = 0x0123_4567_89ab_cdef;

fn words(query: &impl Encode) -> Vec<u8> {
    tl::write(query, Layer::NEWEST)
}

fn packed(packed_data: Vec<u8>) -> Vec<u8> {
    words(&GzipPacked { packed_data })
}

/// `msg_container` with this count and these messages.
pub fn container(count: u32, messages: &[(Message, Option<i32>)]) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_u32_le(MsgContainer::ID);
    out.put_u32_le(count);
    for (message, length) in messages {
        out.put_i64_le(message.msg_id);
        out.put_u32_le(message.seq_no);
        out.put_i32_le(length.unwrap_or(i32::try_from(message.body.len()).unwrap_or(i32::MAX)));
        out.put_slice(&message.body);
    }
    out.to_vec()
}

impl Body {
    /// Whether it needs an acknowledgement, as an honest client counts.
    pub fn is_content(&self) -> bool {
        match self {
            Self::Ack(_)
            | Self::AckMany(_)
            | Self::AckAll
            | Self::Container(_)
            | Self::Pings(_)
            | Self::Many(..)
            | Self::CountIs(..)
            | Self::Nest(_)
            | Self::HttpWait
            | Self::HttpWaitFor(_)
            | Self::HttpWaitOf(..) => false,
            Self::Gzip(inner) | Self::GzipTwice(inner) => inner.is_content(),
            _ => true,
        }
    }
}

impl Player<'_> {
    /// The bytes of a body. `outer` is the name of the message around it, for what has to say it.
    pub fn bytes(&mut self, body: &Body, outer: i64) -> Result<Vec<u8>, String> {
        Ok(match *body {
            Body::Ping => words(&Ping { ping_id: PING_ID }),
            Body::PingAndMore => {
                [words(&Ping { ping_id: PING_ID }), words(&Ping { ping_id: PING_ID })].concat()
            }
            Body::PingDelay(disconnect_delay) => {
                words(&PingDelayDisconnect { ping_id: PING_ID, disconnect_delay })
            }
            Body::Config => words(&functions::help::GetConfig {}),
            Body::NearestDc => words(&functions::help::GetNearestDc {}),
            Body::GetState => words(&functions::updates::GetState {}),
            Body::Ack(ids) => words(&MsgsAck { msg_ids: self.ids(ids)? }),
            Body::AckMany(n) => words(&MsgsAck { msg_ids: self.unknown(n)? }),
            Body::AckAll => words(&MsgsAck { msg_ids: std::mem::take(&mut self.to_ack) }),
            Body::StateReq(ids) => words(&MsgsStateReq { msg_ids: self.ids(ids)? }),
            Body::StateMany(n) => words(&MsgsStateReq { msg_ids: self.unknown(n)? }),
            Body::ResendReq(ids) => words(&MsgResendReq { msg_ids: self.ids(ids)? }),
            Body::ResendMany(n) => words(&MsgResendReq { msg_ids: self.unknown(n)? }),
            Body::ResendAns(ids) => words(&MsgResendAnsReq { msg_ids: self.ids(ids)? }),
            Body::AllInfoMany(n) => words(&MsgsAllInfo { msg_ids: self.unknown(n)?, info: vec![1; n] }),
            Body::FutureSalts(num) => words(&GetFutureSalts { num }),
            Body::DropAnswer(id) => words(&RpcDropAnswer { req_msg_id: self.id(id)? }),
            Body::DestroySession(at) => {
                let session = self.sessions.get(at).ok_or("the script names no session")?;
                words(&DestroySession { session_id: session.id })
            }
            Body::DestroyNobody => words(&DestroySession { session_id: 0x7777_0000_1111 }),
            Body::DestroyAuthKey => words(&DestroyAuthKey),
            Body::HttpWait => words(&HttpWait { max_delay: 0, wait_after: 0, max_wait: 25_000 }),
            Body::HttpWaitFor(max_wait) => words(&HttpWait { max_delay: 0, wait_after: 0, max_wait }),
            Body::HttpWaitOf(max_delay, wait_after, max_wait) => {
                words(&HttpWait { max_delay, wait_after, max_wait })
            }
            Body::ServerWord(which) => match which {
                0 => words(&Pong { msg_id: outer, ping_id: 1 }),
                1 => words(&NewSessionCreated { first_msg_id: outer, unique_id: 1, server_salt: 1 }),
                2 => {
                    [words(&RpcResult { req_msg_id: outer }), words(&Pong { msg_id: 1, ping_id: 1 })].concat()
                }
                _ => words(&BadServerSalt {
                    bad_msg_id: outer,
                    bad_msg_seqno: 1,
                    error_code: 48,
                    new_server_salt: 1,
                }),
            },
            Body::Words(given) => given.iter().flat_map(|word| word.to_le_bytes()).collect(),
            Body::Noise(n) => noise(n),
            Body::Container(held) => {
                let messages = self.held(held, outer)?;
                container(u32::try_from(messages.len()).unwrap_or(u32::MAX), &messages)
            }
            Body::CountIs(count, held) => {
                let messages = self.held(held, outer)?;
                container(count, &messages)
            }
            Body::Pings(n) => self.many(n, &Body::Ping, outer)?,
            Body::Many(n, body) => self.many(n, body, outer)?,
            Body::Nest(depth) => {
                let mut message = self.inner(&Body::Ping, &[], outer)?;
                for _ in 0..depth {
                    let body = container(1, &[(message, None)]);
                    let (msg_id, seq_no) = self.session()?.name(false);
                    message = Message { msg_id, seq_no, body };
                }
                message.body
            }
            Body::Copy => {
                let message = self.inner(&Body::Ping, &[], outer)?;
                let mut out = BytesMut::new();
                out.put_u32_le(tl::service::MsgCopy::ID);
                out.put_u32_le(0x5bb8_e511);
                out.put_i64_le(message.msg_id);
                out.put_u32_le(message.seq_no);
                out.put_u32_le(u32::try_from(message.body.len()).unwrap_or(u32::MAX));
                out.put_slice(&message.body);
                out.to_vec()
            }
            Body::Gzip(inner) => packed(deflated(&self.bytes(inner, outer)?, 0)),
            Body::GzipTwice(inner) => packed(deflated(&packed(deflated(&self.bytes(inner, outer)?, 0)), 0)),
            Body::GzipBomb(zeros) => packed(deflated(&words(&functions::help::GetConfig {}), zeros)),
            Body::GzipBroken => packed(vec![0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
            Body::GzipCut => {
                let mut data = deflated(&noise(400), 0);
                data.truncate(200);
                packed(data)
            }
            Body::WithLayer(layer, inner) => {
                let head = words(&functions::InvokeWithLayer { layer });
                [head, self.bytes(inner, outer)?].concat()
            }
            Body::Init(inner) => [init(None), self.bytes(inner, outer)?].concat(),
            Body::Wrapped(times, inner) => {
                let head = words(&functions::InvokeWithoutUpdates {});
                [head.repeat(times), self.bytes(inner, outer)?].concat()
            }
            Body::After(id, inner) => {
                let head = words(&functions::InvokeAfterMsg { msg_id: self.id(id)? });
                [head, self.bytes(inner, outer)?].concat()
            }
            Body::AfterMany(n, inner) => {
                let head = words(&functions::InvokeAfterMsgs { msg_ids: self.unknown(n)? });
                [head, self.bytes(inner, outer)?].concat()
            }
            Body::VectorOf(count) => {
                let mut out = BytesMut::new();
                out.put_u32_le(<functions::users::GetUsers as tl::Method>::ID);
                out.put_u32_le(tl::VECTOR);
                out.put_u32_le(count);
                out.to_vec()
            }
            Body::Deep(depth) => [init(Some(depth)), words(&functions::help::GetConfig {})].concat(),
            Body::Bind(twists) => self.bind(twists, outer)?,
            Body::Note(characters) => words(&messages::SendMessage {
                peer: enums::InputPeer::InputPeerSelf,
                message: text(characters),
                random_id: outer,
                ..Default::default()
            }),
            Body::Notes(limit) => words(&messages::GetHistory {
                peer: enums::InputPeer::InputPeerSelf,
                limit,
                ..Default::default()
            }),
            Body::Forward(n) => words(&messages::ForwardMessages {
                from_peer: enums::InputPeer::InputPeerSelf,
                id: (1..=n).collect(),
                random_id: (1..=n).map(|id| outer.wrapping_add(id.into())).collect(),
                to_peer: enums::InputPeer::InputPeerSelf,
                ..Default::default()
            }),
        })
    }

    /// A container of so many messages that say the same.
    fn many(&mut self, n: usize, body: &Body, outer: i64) -> Result<Vec<u8>, String> {
        let mut messages = Vec::new();
        for _ in 0..n {
            messages.push((self.inner(body, &[], outer)?, None));
        }
        Ok(container(u32::try_from(n).unwrap_or(u32::MAX), &messages))
    }

    /// A msg_id that a script names.
    fn id(&mut self, id: Id) -> Result<i64, String> {
        match id {
            Id::Sent(of) => self.sent_id(of),
            Id::Heard => Ok(self.last_heard),
            Id::Never(seconds) => Ok(self.session()?.id_in(seconds) & !3 | 0x40),
            Id::Raw(id) => Ok(id),
        }
    }

    fn ids(&mut self, ids: &[Id]) -> Result<Vec<i64>, String> {
        ids.iter().map(|id| self.id(*id)).collect()
    }

    /// So many ids of messages that were never sent.
    fn unknown(&mut self, n: usize) -> Result<Vec<i64>, String> {
        let from = self.session()?.id_in(-20);
        Ok((0_i64..).take(n).map(|i| from + 4 * i).collect())
    }

    fn held(&mut self, held: &[Held], outer: i64) -> Result<Vec<(Message, Option<i32>)>, String> {
        let mut messages = Vec::new();
        for Held(body, twists) in held {
            let message = self.inner(body, twists, outer)?;
            let length = twists.iter().find_map(|twist| match twist {
                Twist::Length(said) => Some(*said),
                _ => None,
            });
            messages.push((message, length));
        }
        Ok(messages)
    }

    /// A message for a container named `outer`.
    fn inner(&mut self, body: &Body, twists: &[Twist], outer: i64) -> Result<Message, String> {
        let (msg_id, seq_no) = self.named(body, twists, Some(outer))?;
        let body = self.bytes(body, msg_id)?;
        let message = Message { msg_id, seq_no, body };
        self.sent.push(Sent { message: message.clone(), quick_ack: 0 });
        Ok(message)
    }

    fn bind(&mut self, twists: &[Bind], outer: i64) -> Result<Vec<u8>, String> {
        let perm = self.sessions.get(self.bound_to).ok_or("the script made no permanent key")?;
        let (perm_key, mut named) = (perm.key.clone(), perm.key.id());
        let temp = self.session()?;
        let mut expires_at = now().unix() + 3600;
        if twists.iter().any(|twist| matches!(twist, Bind::Expired)) {
            expires_at -= 7200;
        }
        let mut inner = BindInner {
            msg_id: MsgId(outer),
            nonce: 77,
            temp_auth_key_id: temp.key.id(),
            perm_auth_key_id: named,
            temp_session_id: SessionId(temp.id),
            expires_at,
        };
        for twist in twists {
            match twist {
                Bind::MsgId => inner.msg_id.0 += 4,
                Bind::Nonce => inner.nonce += 1,
                Bind::TempKey => inner.temp_auth_key_id.0 ^= 1,
                Bind::PermKey => inner.perm_auth_key_id.0 ^= 1,
                Bind::Session => inner.temp_session_id.0 ^= 1,
                Bind::ExpiresAt => inner.expires_at += 1,
                Bind::UnknownKey => named = AuthKeyId(named.0 ^ 0x5a5a),
                Bind::Expired | Bind::Flip(_) | Bind::Cut(_) | Bind::Grow(_) => {}
            }
        }
        let mut sealed = seal_bind_message(&perm_key, &inner, &mut SystemDice);
        for twist in twists {
            match *twist {
                Bind::Flip(at) => {
                    if let Some(byte) = sealed.get_mut(at) {
                        *byte ^= 1;
                    }
                }
                Bind::Cut(bytes) => sealed.truncate(sealed.len().saturating_sub(bytes)),
                Bind::Grow(bytes) => sealed.extend(noise(bytes)),
                _ => {}
            }
        }
        Ok(words(&functions::auth::BindTempAuthKey {
            perm_auth_key_id: named.as_long(),
            nonce: 77,
            expires_at,
            encrypted_message: sealed,
        }))
    }
}

/// So many letters and digits, drawn: packed they take three quarters.
fn text(characters: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    let letter = |byte: u8| char::from(LETTERS.get(usize::from(byte % 64)).copied().unwrap_or(b'A'));
    noise(characters).into_iter().map(letter).collect()
}

/// The head of `initConnection`, with parameters that nest so deep.
pub fn init(depth: Option<usize>) -> Vec<u8> {
    // Written by hand: no honest writer nests like that.
    let mut w = tl::Writer::new(Layer::NEWEST);
    w.u32(functions::InitConnection::IDS.first().copied().unwrap_or_default());
    w.u32(if depth.is_some() { 2 } else { 0 });
    w.i32(4);
    for text in ["torture", "1", "1", "en", "", "en"] {
        w.bytes(text.as_bytes());
    }
    if let Some(depth) = depth {
        for _ in 0..depth {
            // jsonArray of one.
            w.u32(0xf744_4763);
            w.u32(tl::VECTOR);
            w.u32(1);
        }
        // jsonNull.
        w.u32(0x3f6d_7b68);
    }
    w.out.to_vec()
}
