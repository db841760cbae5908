//! The service messages of a client: telling them from queries, and reading them.

use bytes::Bytes;
use tl::service::{
    BadMsgNotification, BadServerSalt, DestroyAuthKey, DestroySession, GetFutureSalts, HttpWait,
    MsgContainer, MsgDetailedInfo, MsgNewDetailedInfo, MsgResendAnsReq, MsgResendReq, MsgsAck, MsgsAllInfo,
    MsgsStateInfo, MsgsStateReq, NewSessionCreated, Ping, PingDelayDisconnect, Pong, RpcDropAnswer,
    RpcResult,
};
use tl::{Decode, Encode, Layer, Reader};

use super::gzip::constructor;
use super::limits::IDS_MAX;
use super::poll::Patience;
use crate::ids::{MsgId, SessionId};

/// Whether a message needs an acknowledgement, by what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It does: a query.
    Always,
    /// It does not: an acknowledgement.
    Never,
    /// It may: clients differ.
    Either,
}

/// Whether a message with this body needs an acknowledgement.
pub fn need_of_ack(body: &[u8]) -> Need {
    match constructor(body) {
        Some(MsgsAck::ID | MsgContainer::ID) => Need::Never,
        Some(id) if is_service(id) => Need::Either,
        _ => Need::Always,
    }
}

/// A service message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// `msgs_ack`: the client has these.
    Ack(Vec<MsgId>),
    /// `ping`, and how many seconds later the path is to be closed, if it was `ping_delay_disconnect`.
    Ping {
        /// To be given back.
        ping_id: i64,
        /// The client's wish.
        disconnect_delay: Option<u32>,
    },
    /// `msgs_state_req`: did these arrive?
    AskState(Vec<MsgId>),
    /// `msg_resend_req`: these of ours, again.
    Resend(Vec<MsgId>),
    /// `msg_resend_ans_req`: the answers to these, again.
    ResendAnswers(Vec<MsgId>),
    /// `msgs_all_info`: what the client knows of these.
    TellState(Vec<MsgId>, Vec<u8>),
    /// `get_future_salts`.
    FutureSalts(usize),
    /// `rpc_drop_answer`: the answer to this query is not wanted.
    DropAnswer(MsgId),
    /// `destroy_session`.
    DestroySession(SessionId),
    /// `destroy_auth_key`.
    DestroyAuthKey,
    /// `http_wait`: how long the request that carries it may wait. Elsewhere than over HTTP it means nothing.
    HttpWait(Patience),
    /// Something that needs nothing done: notices about what we sent.
    Nothing,
}

/// What a body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A service message.
    Service(Service),
    /// One that names more messages than it may.
    TooManyIds,
    /// Anything else: a query, or what only the API can refuse.
    Query,
}

/// Reads a body.
pub fn read(body: &[u8]) -> Reading {
    match constructor(body) {
        Some(id) if is_service(id) => match parse(id, body) {
            Ok(Some(service)) => Reading::Service(service),
            Ok(None) => Reading::TooManyIds,
            // A broken acknowledgement has nobody to complain to; a broken question gets the API's error.
            Err(_) if need_of_ack(body) == Need::Never => Reading::Service(Service::Nothing),
            Err(_) => Reading::Query,
        },
        _ => Reading::Query,
    }
}

fn is_service(id: u32) -> bool {
    matches!(
        id,
        MsgsAck::ID
            | Ping::ID
            | PingDelayDisconnect::ID
            | MsgsStateReq::ID
            | MsgResendReq::ID
            | MsgResendAnsReq::ID
            | MsgsAllInfo::ID
            | GetFutureSalts::ID
            | RpcDropAnswer::ID
            | DestroySession::ID
            | DestroyAuthKey::ID
    ) || is_notice(id)
}

/// What asks for nothing.
fn is_notice(id: u32) -> bool {
    // spec: SVC-17
    matches!(
        id,
        HttpWait::ID
            | MsgsStateInfo::ID
            | MsgDetailedInfo::ID
            | MsgNewDetailedInfo::ID
            | BadMsgNotification::ID
            | BadServerSalt::ID
            | NewSessionCreated::ID
            | Pong::ID
            | RpcResult::ID
    )
}

/// Nothing if it names more messages than it may.
fn parse(id: u32, body: &[u8]) -> Result<Option<Service>, tl::Error> {
    // Bytes behind a message are tolerated, as in all that clients write.
    fn decode<T: Decode>(body: &[u8]) -> Result<T, tl::Error> {
        T::decode(&mut Reader::new(body))
    }
    let service = match id {
        MsgsAck::ID => return Ok(ids(decode::<MsgsAck>(body)?.msg_ids).map(Service::Ack)),
        MsgsStateReq::ID => return Ok(ids(decode::<MsgsStateReq>(body)?.msg_ids).map(Service::AskState)),
        MsgResendReq::ID => return Ok(ids(decode::<MsgResendReq>(body)?.msg_ids).map(Service::Resend)),
        MsgResendAnsReq::ID => {
            return Ok(ids(decode::<MsgResendAnsReq>(body)?.msg_ids).map(Service::ResendAnswers));
        }
        MsgsAllInfo::ID => {
            let MsgsAllInfo { msg_ids, info } = decode(body)?;
            return Ok(ids(msg_ids).map(|ids| Service::TellState(ids, info)));
        }
        Ping::ID => Service::Ping { ping_id: decode::<Ping>(body)?.ping_id, disconnect_delay: None },
        PingDelayDisconnect::ID => {
            let PingDelayDisconnect { ping_id, disconnect_delay } = decode(body)?;
            Service::Ping { ping_id, disconnect_delay: Some(u32::try_from(disconnect_delay).unwrap_or(0)) }
        }
        GetFutureSalts::ID => {
            Service::FutureSalts(usize::try_from(decode::<GetFutureSalts>(body)?.num).unwrap_or(0))
        }
        RpcDropAnswer::ID => Service::DropAnswer(MsgId(decode::<RpcDropAnswer>(body)?.req_msg_id)),
        DestroySession::ID => Service::DestroySession(SessionId(decode::<DestroySession>(body)?.session_id)),
        DestroyAuthKey::ID => Service::DestroyAuthKey,
        HttpWait::ID => {
            let HttpWait { max_delay, wait_after, max_wait } = decode(body)?;
            Service::HttpWait(Patience::from_millis(max_delay, wait_after, max_wait))
        }
        _ => Service::Nothing,
    };
    Ok(Some(service))
}

fn ids(longs: Vec<i64>) -> Option<Vec<MsgId>> {
    // spec: SVC-5
    (longs.len() <= IDS_MAX).then(|| longs.into_iter().map(MsgId).collect())
}

/// The bytes of a service message of ours. The service language has no layers.
pub fn write(message: &impl Encode) -> Bytes {
    tl::write(message, Layer::NEWEST).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &impl Encode) -> Reading {
        read(&write(message))
    }

    #[test]
    fn service_messages_are_told_from_queries() {
        assert_eq!(
            told(&Ping { ping_id: 7 }),
            Reading::Service(Service::Ping { ping_id: 7, disconnect_delay: None })
        );
        assert_eq!(
            told(&PingDelayDisconnect { ping_id: 7, disconnect_delay: -1 }),
            Reading::Service(Service::Ping { ping_id: 7, disconnect_delay: Some(0) })
        );
        assert_eq!(told(&DestroyAuthKey), Reading::Service(Service::DestroyAuthKey));
        assert_eq!(
            told(&HttpWait { max_delay: 0, wait_after: 0, max_wait: 25_000 }),
            Reading::Service(Service::HttpWait(Patience::default()))
        );
        assert_eq!(read(&0xc4f9_186b_u32.to_le_bytes()), Reading::Query);
        assert_eq!(read(&[]), Reading::Query);
        assert_eq!(read(&[1, 2, 3]), Reading::Query);
    }

    #[test]
    fn what_is_broken_goes_to_the_api_except_acknowledgements() {
        assert_eq!(read(&Ping::ID.to_le_bytes()), Reading::Query);
        assert_eq!(read(&MsgsAck::ID.to_le_bytes()), Reading::Service(Service::Nothing));
    }

    // proves: SVC-5
    #[test]
    fn no_message_names_more_than_8192_others() {
        let of = |n| MsgsAck { msg_ids: vec![1; n] };
        assert!(matches!(told(&of(8192)), Reading::Service(Service::Ack(ids)) if ids.len() == 8192));
        assert_eq!(told(&of(8193)), Reading::TooManyIds);
        assert_eq!(told(&MsgsStateReq { msg_ids: vec![1; 8193] }), Reading::TooManyIds);
        assert_eq!(told(&MsgResendReq { msg_ids: vec![1; 8193] }), Reading::TooManyIds);
    }

    // proves: SES-8
    #[test]
    fn queries_need_an_ack_acks_do_not_and_pings_may() {
        assert_eq!(need_of_ack(&write(&MsgsAck { msg_ids: vec![] })), Need::Never);
        assert_eq!(need_of_ack(&write(&Ping { ping_id: 1 })), Need::Either);
        assert_eq!(need_of_ack(&0xc4f9_186b_u32.to_le_bytes()), Need::Always);
    }
}
