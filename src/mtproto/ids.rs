//! The numbers of the protocol as types, so that one is never taken for another.

use env::Time;

/// Names an authorization key in the clear: the 64 low-order bits of the key's SHA-1. Zero means "no key yet".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthKeyId(pub u64);

impl AuthKeyId {
    /// No key: the packet is a plaintext message of a handshake.
    pub const NONE: Self = Self(0);

    /// As TL's `long` carries it.
    #[must_use]
    pub const fn as_long(self) -> i64 {
        self.0.cast_signed()
    }

    /// From TL's `long`.
    #[must_use]
    pub const fn from_long(long: i64) -> Self {
        Self(long.cast_unsigned())
    }
}

/// Names one session of an authorization key; the client draws it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub i64);

/// A server salt: whoever sends a message must know a salt that is valid now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Salt(pub i64);

/// Names one message of a session: the sender's clock times 2^32, with the kind of the message in the two lowest bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MsgId(pub i64);

impl MsgId {
    /// The lowest id of the moment `time`, with the two lowest bits zero.
    #[must_use]
    pub const fn at(time: Time) -> Self {
        let secs = time.secs();
        let fraction = ((time.nanos() - Time::from_secs(secs).nanos()) << 32) / 1_000_000_000;
        Self((secs << 32 | fraction & 0xffff_fffc).cast_signed())
    }

    /// The sender's clock when the message was written, in seconds since the Unix epoch. Negative for an id no clock
    /// can have made.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0 >> 32
    }

    /// Whether a client wrote it: the two lowest bits are zero.
    #[must_use]
    pub const fn is_from_client(self) -> bool {
        self.0 & 3 == 0
    }
}

/// One of the five data centres that clients know; the single server answers as whichever was dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataCentre(u8);

impl DataCentre {
    /// Where a client believes to be when it does not say.
    pub const UNSAID: Self = Self(2);

    /// The data centre behind a label of the protocol: `N`, `10000 + N` for the test network, negative for media.
    /// Nothing for any other number: several clients leave random bytes there.
    #[must_use]
    pub fn from_label(label: i32) -> Option<Self> {
        // Every label is somebody's, and one server answers as all of them: there is no wrong one to refuse.
        // spec: HS-7, TR-13
        let number = match label.unsigned_abs() {
            test @ 10_001..=10_005 => test - 10_000,
            production => production,
        };
        u8::try_from(number).ok().filter(|n| (1..=5).contains(n)).map(Self)
    }

    /// 1 to 5.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_msg_id_counts_seconds_in_its_upper_half() {
        let id = MsgId::at(Time::from_secs(1_700_000_000) + Duration::from_millis(500));
        assert_eq!(id.secs(), 1_700_000_000);
        assert_eq!(id.0 & 0xffff_ffff, 1 << 31);
        assert!(id.is_from_client());
        assert!(id < MsgId::at(Time::from_secs(1_700_000_001)));
    }

    // proves: HS-7, TR-13
    #[test]
    fn a_label_names_a_data_centre_or_nothing() {
        let number = |label| DataCentre::from_label(label).map(DataCentre::number);
        assert_eq!([1, 10_002, -4, -10_005].map(number), [Some(1), Some(2), Some(4), Some(5)]);
        assert_eq!([0, 6, 10_000, 10_006, i32::MIN, -20_001].map(number), [None; 6]);
    }
}
