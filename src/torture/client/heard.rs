//! What the server said, in words that a case can be compared with.

use std::fmt;

use bytes::{Bytes, BytesMut};
use mtproto::crypto::Side;
use mtproto::session::{gzip, open_from};
use tl::service::{
    BadMsgNotification, BadServerSalt, DestroyAuthKeyOk, DestroySessionNone, DestroySessionOk, FutureSalts,
    GzipPacked, MsgContainer, MsgDetailedInfo, MsgNewDetailedInfo, MsgsAck, MsgsStateInfo, NewSessionCreated,
    Pong, RpcAnswerDropped, RpcAnswerDroppedRunning, RpcAnswerUnknown, RpcError, RpcResult,
};
use tl::types::Updates;
use tl::{Decode as _, Reader};

use super::session::Session;

/// One thing that was heard.
#[derive(Debug, Clone)]
pub enum Event {
    /// A plaintext packet.
    Clear(Bytes),
    /// A transport error.
    Transport(i32),
    /// A quick ack.
    QuickAck(u32),
    /// An HTTP status, and the head that it stands in, in small letters.
    Http(u16, String),
    /// A cookie, in a datagram.
    Cookie,
    /// A WebSocket frame.
    WsFrame(u8),
    /// Bytes of no kind.
    Bytes(usize),
    /// The end of the connection.
    Closed,
    /// A message in a session.
    Said(Said),
}

/// A message of the server.
#[derive(Debug, Clone)]
pub enum Said {
    Pong { to: i64 },
    Bad { to: i64, code: i32 },
    Salt { to: i64, salt: i64 },
    Result { to: i64, body: Bytes },
    NewSession { salt: i64 },
    Ack(Vec<i64>),
    State { to: i64, info: Vec<u8> },
    Salts { to: i64, periods: Vec<(i32, i32)> },
    SessionOk(i64),
    SessionNone,
    KeyOk,
    Announced { to: i64, bytes: i32 },
    AnnouncedNew { bytes: i32 },
    Updates,
    Other(u32),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear(packet) => write!(f, "{}", clear_name(packet)),
            Self::Transport(code) => write!(f, "{code}"),
            Self::QuickAck(_) => f.write_str("a quick ack"),
            Self::Http(status, _) => write!(f, "HTTP {status}"),
            Self::Cookie => f.write_str("a cookie"),
            Self::WsFrame(first) => write!(f, "a WebSocket frame {first:02x}"),
            Self::Bytes(n) => write!(f, "{n} bytes"),
            Self::Closed => f.write_str("the end"),
            Self::Said(said) => write!(f, "{said}"),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pong { .. } => f.write_str("pong"),
            Self::Bad { code, .. } => write!(f, "bad_msg {code}"),
            Self::Salt { .. } => f.write_str("bad_server_salt"),
            Self::Result { body, .. } => match error(body) {
                Some(error) => write!(f, "{} {}", error.error_code, error.error_message),
                None => f.write_str("a result"),
            },
            Self::NewSession { .. } => f.write_str("new_session_created"),
            Self::Ack(_) => f.write_str("msgs_ack"),
            Self::State { info, .. } => write!(f, "states {info:?}"),
            Self::Salts { periods, .. } => write!(f, "{} future_salts", periods.len()),
            Self::SessionOk(_) => f.write_str("destroy_session_ok"),
            Self::SessionNone => f.write_str("destroy_session_none"),
            Self::KeyOk => f.write_str("destroy_auth_key_ok"),
            Self::Announced { bytes, .. } => write!(f, "msg_detailed_info of {bytes} bytes"),
            Self::AnnouncedNew { bytes } => write!(f, "msg_new_detailed_info of {bytes} bytes"),
            Self::Updates => f.write_str("updates"),
            Self::Other(id) => write!(f, "{id:08x}"),
        }
    }
}

/// The name of what a plaintext packet says.
fn clear_name(packet: &[u8]) -> String {
    use tl::service::{DhGenFail, DhGenOk, DhGenRetry, ResPQ, ServerDHParamsFail, ServerDHParamsOk};
    let id = packet.get(20..24).and_then(|id| id.first_chunk().copied()).map(u32::from_le_bytes);
    match id {
        Some(ResPQ::ID) => "resPQ".to_owned(),
        Some(ServerDHParamsOk::ID) => "server_DH_params_ok".to_owned(),
        Some(ServerDHParamsFail::ID) => "server_DH_params_fail".to_owned(),
        Some(DhGenOk::ID) => "dh_gen_ok".to_owned(),
        Some(DhGenRetry::ID) => "dh_gen_retry".to_owned(),
        Some(DhGenFail::ID) => "dh_gen_fail".to_owned(),
        Some(id) => format!("{id:08x} in the clear"),
        None => "a short packet".to_owned(),
    }
}

/// The `rpc_error` that a result is.
pub fn error(result: &[u8]) -> Option<RpcError> {
    RpcError::decode(&mut Reader::new(result)).ok()
}

/// Whether a result begins with this id.
pub fn begins_with(result: &[u8], id: u32) -> bool {
    result.starts_with(&id.to_le_bytes())
}

/// What came in an opened packet, and what is wrong with the packet itself.
#[derive(Debug, Default)]
pub struct Opened {
    /// The messages, the ids they have, and whether they need an ack.
    pub messages: Vec<(i64, Said)>,
    /// Rules that the server broke.
    pub faults: Vec<String>,
    /// Messages that want to be acknowledged.
    pub to_ack: Vec<i64>,
}

/// Opens a packet that the server sealed for one of `sessions`.
pub fn open(sessions: &mut [Session], packet: &mut BytesMut, padded: bool) -> Result<Opened, String> {
    let key_id = packet.first_chunk().copied().map(u64::from_le_bytes).unwrap_or_default();
    let known = |session: &&mut Session| session.key.id().0 == key_id;
    let key = sessions.iter_mut().find(known).map(|session| session.key.clone());
    let key = key.ok_or_else(|| "a packet under a key that this case does not have".to_owned())?;
    if padded {
        packet.truncate(packet.len() - packet.len().saturating_sub(24) % 16);
    }
    let opened = open_from(&key, Side::Server, packet)
        .map_err(|_| "a packet that does not open, or whose length or padding is wrong [REC-4]".to_owned())?;
    let mut out = Opened::default();
    let ours = |session: &&mut Session| session.id == opened.session_id.0 && session.key.id() == key.id();
    let Some(session) = sessions.iter_mut().find(ours) else {
        return Err("a packet of a session that this case does not have [SES-1]".to_owned());
    };
    if !session.seen.insert(opened.msg_id.0) {
        out.faults.push("one msg_id for two packets [SES-10]".to_owned());
    }
    let body = packet.get(opened.body).map(Bytes::copy_from_slice).unwrap_or_default();
    let mut messages = Vec::new();
    if begins_with(&body, MsgContainer::ID) {
        match contents(&body) {
            Ok(inner) => messages = inner,
            Err(_) => out.faults.push("a container that cannot be read [SVC-4]".to_owned()),
        }
        if messages.iter().any(|(id, ..)| *id >= opened.msg_id.0) {
            out.faults.push("a message named above its container [SVC-4]".to_owned());
        }
        if opened.seq_no % 2 == 1 {
            out.faults.push("a container with an odd seq_no [SES-8]".to_owned());
        }
    } else {
        messages.push((opened.msg_id.0, opened.seq_no, body));
    }
    for (msg_id, seq_no, body) in messages {
        if msg_id & 1 == 0 {
            out.faults.push("a server's msg_id that is even [SES-2]".to_owned());
        }
        if seq_no % 2 == 1 {
            out.to_ack.push(msg_id);
        }
        let said = said(&body, false);
        if matches!(said, Said::Result { .. }) && seq_no % 2 == 0 {
            out.faults.push("an rpc_result that needs no ack [SVC-9]".to_owned());
        }
        out.messages.push((msg_id, said));
    }
    Ok(out)
}

fn contents(body: &Bytes) -> Result<Vec<(i64, u32, Bytes)>, tl::Error> {
    let mut r = Reader::new(body.get(4..).unwrap_or_default());
    let count = r.u32()?;
    let mut messages = Vec::new();
    for _ in 0..count.min(1025) {
        let (msg_id, seq_no, length) = (r.i64()?, r.u32()?, r.u32()?);
        let inner = r.raw(usize::try_from(length).unwrap_or(usize::MAX))?;
        messages.push((msg_id, seq_no, Bytes::copy_from_slice(inner)));
    }
    r.finish()?;
    Ok(messages)
}

/// What a message says; `packed` if it came in another one.
fn said(body: &Bytes, packed: bool) -> Said {
    let id = body.first_chunk().copied().map(u32::from_le_bytes).unwrap_or_default();
    let mut r = Reader::new(body);
    read(id, body, &mut r, packed).unwrap_or(Said::Other(id))
}

fn read(id: u32, body: &Bytes, r: &mut Reader<'_>, packed: bool) -> Result<Said, tl::Error> {
    Ok(match id {
        Pong::ID => Said::Pong { to: Pong::decode(r)?.msg_id },
        BadMsgNotification::ID => {
            let bad = BadMsgNotification::decode(r)?;
            Said::Bad { to: bad.bad_msg_id, code: bad.error_code }
        }
        BadServerSalt::ID => {
            let bad = BadServerSalt::decode(r)?;
            Said::Salt { to: bad.bad_msg_id, salt: bad.new_server_salt }
        }
        RpcResult::ID => {
            let to = RpcResult::decode(r)?.req_msg_id;
            let rest = body.slice_ref(r.rest());
            let packed = begins_with(&rest, GzipPacked::ID);
            Said::Result { to, body: if packed { gzip::inflate(&rest).unwrap_or(rest) } else { rest } }
        }
        NewSessionCreated::ID => Said::NewSession { salt: NewSessionCreated::decode(r)?.server_salt },
        MsgsAck::ID => Said::Ack(MsgsAck::decode(r)?.msg_ids),
        MsgsStateInfo::ID => {
            let told = MsgsStateInfo::decode(r)?;
            Said::State { to: told.req_msg_id, info: told.info }
        }
        FutureSalts::ID => {
            let told = FutureSalts::decode(r)?;
            let periods = told.salts.iter().map(|salt| (salt.valid_since, salt.valid_until));
            Said::Salts { to: told.req_msg_id, periods: periods.collect() }
        }
        DestroySessionOk::ID => Said::SessionOk(DestroySessionOk::decode(r)?.session_id),
        DestroySessionNone::ID => {
            DestroySessionNone::decode(r)?;
            Said::SessionNone
        }
        DestroyAuthKeyOk::ID => Said::KeyOk,
        MsgDetailedInfo::ID => {
            let told = MsgDetailedInfo::decode(r)?;
            Said::Announced { to: told.msg_id, bytes: told.bytes }
        }
        MsgNewDetailedInfo::ID => Said::AnnouncedNew { bytes: MsgNewDetailedInfo::decode(r)?.bytes },
        Updates::ID => Said::Updates,
        GzipPacked::ID if !packed => {
            let inner = gzip::inflate(body).unwrap_or_default();
            said(&inner, true)
        }
        other => Said::Other(other),
    })
}

/// Whether a result says that there is no answer to drop.
pub fn is_answer_unknown(result: &[u8]) -> bool {
    begins_with(result, RpcAnswerUnknown::ID)
}

/// Whether a result says that an answer was dropped.
pub fn is_answer_dropped(result: &[u8]) -> bool {
    begins_with(result, RpcAnswerDropped::ID) || begins_with(result, RpcAnswerDroppedRunning::ID)
}
