//! What can be wrong with a message that opened: facts, and their numbers on the wire.

use super::io::Overrun;

/// Why a message is not processed. The client is told by a `bad_msg_notification` and carries on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BadMsg {
    /// The msg_id is too low: the client's clock is behind, or the message was long on its way.
    MsgIdTooLow,
    /// The msg_id is too high: the client's clock is ahead.
    MsgIdTooHigh,
    /// The two lowest bits of the msg_id are not those of a client.
    MsgIdParity,
    /// A container has the msg_id of a message that was received before.
    ContainerRepeated,
    /// So old that nobody knows whether it was received before.
    TooOld,
    /// A content-related message with a lower msg_id has a sequence number that is not lower.
    SeqNoTooLow,
    /// A content-related message with a higher msg_id has a sequence number that is not higher.
    SeqNoTooHigh,
    /// The message needs no ack but has an odd sequence number.
    EvenSeqNoExpected,
    /// The message needs an ack but has an even sequence number.
    OddSeqNoExpected,
    /// The salt is not valid; the notice brings one that is.
    Salt,
    /// The container is malformed.
    Container,
    /// The container holds more messages than it may.
    ContainerTooLong,
    /// The container holds a container.
    ContainerNested,
}

impl BadMsg {
    /// Which bound the message went beyond, if that is what is wrong.
    pub(super) const fn overrun(self) -> Option<Overrun> {
        match self {
            Self::ContainerTooLong => Some(Overrun::Container),
            Self::ContainerNested => Some(Overrun::Nesting),
            _ => None,
        }
    }

    /// The `error_code` of the notice.
    #[must_use]
    pub const fn code(self) -> i32 {
        // spec: SVC-2
        match self {
            Self::MsgIdTooLow => 16,
            Self::MsgIdTooHigh => 17,
            Self::MsgIdParity => 18,
            Self::ContainerRepeated => 19,
            Self::TooOld => 20,
            Self::SeqNoTooLow => 32,
            Self::SeqNoTooHigh => 33,
            Self::EvenSeqNoExpected => 34,
            Self::OddSeqNoExpected => 35,
            Self::Salt => 48,
            Self::Container | Self::ContainerTooLong | Self::ContainerNested => 64,
        }
    }
}
