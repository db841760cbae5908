//! What a peer can do wrong before a session exists, as facts. Peers are told none of it: they get one answer.

use std::fmt;

/// What is framed as a lone negative `int` when there is no message to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportError {
    /// -404: the key is unknown, the packet does not open, or a query of a handshake is wrong.
    NotFound,
    /// -429: too many connections, or too much in one message.
    Flood,
    /// -444: the client dialled another data centre than this one. Never sent by the handshake.
    WrongDataCentre,
}

impl TransportError {
    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::NotFound => -404,
            Self::Flood => -429,
            Self::WrongDataCentre => -444,
        }
    }
}

/// Why a connection is over, for counters and debug logs. The names never reach the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeerMisbehaved {
    /// The first bytes fit no framing; the peer hears nothing.
    SpokeNoFraming,
    /// The first 64 bytes of an obfuscated connection were seen before.
    ReplayedObfuscation,
    /// No whole packet came in time.
    WasTooSlow,
    /// A packet was announced that is longer than the limit for its kind.
    AnnouncedTooMuch,
    /// A packet is too short or its length is not what its kind must have.
    SentRaggedPacket,
    /// The sequence number or the checksum of the full transport is wrong.
    BrokeFullFrame,
    /// A frame of a WebSocket breaks RFC 6455 or is not binary.
    BrokeWebSocket,
    /// The peer said goodbye on its WebSocket. No fault at all, but the end of the connection.
    ClosedWebSocket,
    /// An HTTP request that is neither a packet nor an upgrade to a WebSocket, or that cannot be read in one way only.
    AskedOverHttp,
    /// The peer wanted no request after the one that was answered. No fault at all, but the end of the connection.
    EndedHttp,
    /// A handshake failed.
    FailedHandshake(HandshakeError),
    /// The session layer does not accept what came over this path.
    WasRefused(TransportError),
    /// The key was made but could not be stored: ours, not the peer's.
    KeyCouldNotBeStored,
}

/// What was wrong in a handshake. One failed run is dead, and so is its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandshakeError {
    /// Not a plaintext message of the handshake.
    NotAHandshakeMessage,
    /// No run with this `nonce` and `server_nonce` is waiting for this message.
    UnknownRun,
    /// `p` and `q` are not the factors that were asked for.
    WrongFactors,
    /// The fingerprint names no key of ours.
    UnknownFingerprint,
    /// The encrypted part has the wrong length.
    WrongLength,
    /// A message repeats an earlier step but is not identical to it.
    ChangedRepeat,
    /// The RSA part does not open: any of value, padding, hash, constructor, nonces, factors.
    InnerDataDoesNotOpen,
    /// The part under `tmp_aes_key` does not open: any of hash, constructor, nonces.
    ClientDhDoesNotOpen,
    /// `retry_id` is not what the attempt must have.
    WrongRetryId,
    /// `g_b` lies outside of the safe range.
    UnsafeGB,
    /// More attempts than a run may make.
    TooManyRetries,
}

impl fmt::Display for PeerMisbehaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for PeerMisbehaved {}

impl From<HandshakeError> for PeerMisbehaved {
    fn from(error: HandshakeError) -> Self {
        Self::FailedHandshake(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: TR-11
    #[test]
    fn each_transport_error_has_its_number() {
        let all = [TransportError::NotFound, TransportError::Flood, TransportError::WrongDataCentre];
        assert_eq!(all.map(TransportError::code), [-404, -429, -444]);
    }
}
