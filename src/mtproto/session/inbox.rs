//! What a packet holds, and whether it may be processed: every check between opening and dispatch.

use bytes::Bytes;
use env::Time;
use tl::service::MsgContainer;

use super::bad_msg::BadMsg;
use super::gzip::constructor;
use super::ledger::{Known, Ledger};
use super::limits::{CONTAINER_MESSAGES_MAX, MSG_AGE_MAX, MSG_AHEAD_MAX};
use super::service;
use crate::ids::MsgId;

/// A message that is fit to be processed, or to be answered again.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its name.
    pub msg_id: MsgId,
    /// Its number.
    pub seq_no: u32,
    /// What it says.
    pub body: Bytes,
    /// Whether it came before.
    pub standing: Standing,
}

/// Whether a message came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It did not.
    New,
    /// It did: nothing is executed again.
    Repeated,
    /// Nobody knows. Only messages inside of containers stand like this.
    TooOld,
}

impl Message {
    /// Whether it needs an acknowledgement.
    pub fn is_content(&self) -> bool {
        self.seq_no % 2 == 1
    }
}

/// The messages of a packet, ascending by msg_id, and whether they came in a container.
#[derive(Debug)]
pub struct Accepted {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether `outer` was a container, which then is received itself.
    pub in_container: bool,
}

/// Checks one packet whose salt is valid. The container and everything in it is accepted or refused as a whole.
///
/// # Errors
///
/// What is wrong, to be said of the packet's own msg_id.
pub fn examine(
    ledger: &Ledger,
    msg_id: MsgId,
    seq_no: u32,
    body: Bytes,
    now: Time,
) -> Result<Accepted, BadMsg> {
    // spec: SES-2
    if !msg_id.is_from_client() {
        return Err(BadMsg::MsgIdParity);
    }
    let in_container = constructor(&body) == Some(MsgContainer::ID);
    // spec: SES-4
    let known = ledger.look_up(msg_id, now);
    if let Known::Received(_) = known {
        if in_container {
            return Err(BadMsg::ContainerRepeated);
        }
        let messages = vec![Message { msg_id, seq_no, body, standing: Standing::Repeated }];
        return Ok(Accepted { messages, in_container });
    }
    // Before "too old to know": a client whose clock is wrong must hear so, or it never gets in.
    check_time(msg_id, now)?;
    if let Known::Forgotten = known {
        return Err(BadMsg::TooOld);
    }
    if !in_container {
        let message = Message { msg_id, seq_no, body, standing: Standing::New };
        check_parity(&message)?;
        if message.is_content() {
            ledger.check_seq_no(msg_id, seq_no)?;
        }
        return Ok(Accepted { messages: vec![message], in_container });
    }
    // spec: SES-8
    if seq_no % 2 == 1 {
        return Err(BadMsg::EvenSeqNoExpected);
    }
    let mut messages = unpack(&body, msg_id)?;
    messages.sort_unstable_by_key(|message| message.msg_id);
    let mut last: Option<&Message> = None;
    for message in &mut messages {
        if last.is_some_and(|last| last.msg_id == message.msg_id) {
            return Err(BadMsg::Container);
        }
        if !message.msg_id.is_from_client() {
            return Err(BadMsg::MsgIdParity);
        }
        // The time is not checked again: a message that was sent before may come again in a new container under its
        // old name, and the ledger knows whether it was received.
        message.standing = match ledger.look_up(message.msg_id, now) {
            Known::New => Standing::New,
            Known::Received(_) => Standing::Repeated,
            Known::Forgotten => Standing::TooOld,
        };
        last = Some(message);
    }
    let mut last_seq_no = None;
    for message in messages.iter().filter(|message| message.standing == Standing::New) {
        check_parity(message)?;
        if message.is_content() {
            ledger.check_seq_no(message.msg_id, message.seq_no)?;
            if last_seq_no.is_some_and(|last| last >= message.seq_no) {
                return Err(BadMsg::SeqNoTooLow);
            }
            last_seq_no = Some(message.seq_no);
        }
    }
    Ok(Accepted { messages, in_container })
}

fn check_time(msg_id: MsgId, now: Time) -> Result<(), BadMsg> {
    // spec: SES-5
    let (sent, now) = (msg_id.secs(), now.secs().cast_signed());
    if sent < now - MSG_AGE_MAX.as_secs().cast_signed() {
        Err(BadMsg::MsgIdTooLow)
    } else if sent > now + MSG_AHEAD_MAX.as_secs().cast_signed() {
        Err(BadMsg::MsgIdTooHigh)
    } else {
        Ok(())
    }
}

/// Queries are odd, acknowledgements even. Other service messages may be either: libraries disagree about `ping` and its
/// kin. So may `gzip_packed`, which is as odd as what is inside.
fn check_parity(message: &Message) -> Result<(), BadMsg> {
    // spec: SES-8
    match (service::need_of_ack(&message.body), message.is_content()) {
        (service::Need::Never, true) => Err(BadMsg::EvenSeqNoExpected),
        (service::Need::Always, false) => Err(BadMsg::OddSeqNoExpected),
        _ => Ok(()),
    }
}

/// Cuts a container into its messages. Sequence numbers are not compared with the container's own: clients differ in
/// what they give it, and nothing hangs on it.
fn unpack(body: &Bytes, outer: MsgId) -> Result<Vec<Message>, BadMsg> {
    // spec: SVC-4
    let mut at = 8;
    let count = body.get(4..at).and_then(|count| count.first_chunk()).ok_or(BadMsg::Container)?;
    let count = usize::try_from(u32::from_le_bytes(*count)).map_err(|_| BadMsg::Container)?;
    if count > CONTAINER_MESSAGES_MAX {
        return Err(BadMsg::ContainerTooLong);
    }
    // Each message has at least 16 bytes, so nothing is allocated that did not arrive.
    if count * 16 > body.len() {
        return Err(BadMsg::Container);
    }
    let mut messages = Vec::with_capacity(count);
    for _ in 0..count {
        let head = body.get(at..).ok_or(BadMsg::Container)?;
        let (msg_id, head) = head.split_first_chunk().ok_or(BadMsg::Container)?;
        let (seq_no, head) = head.split_first_chunk().ok_or(BadMsg::Container)?;
        let (length, rest) = head.split_first_chunk().ok_or(BadMsg::Container)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| BadMsg::Container)?;
        let msg_id = MsgId(i64::from_le_bytes(*msg_id));
        if length > rest.len() || !length.is_multiple_of(4) || msg_id >= outer {
            return Err(BadMsg::Container);
        }
        let inner = body.slice(at + 16..at + 16 + length);
        if constructor(&inner) == Some(MsgContainer::ID) {
            return Err(BadMsg::ContainerNested);
        }
        messages.push(Message {
            msg_id,
            seq_no: u32::from_le_bytes(*seq_no),
            body: inner,
            standing: Standing::New,
        });
        at += 16 + length;
    }
    if at == body.len() { Ok(messages) } else { Err(BadMsg::Container) }
}
