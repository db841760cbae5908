//! The server's own msg_ids.

use env::Time;

use crate::ids::MsgId;

/// What kind of message an id is for: it shows in the two lowest bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In answer to a message of the client.
    Reply,
    /// Unasked.
    Push,
}

/// Gives out ids that strictly increase, whatever the clock does.
#[derive(Debug)]
pub struct MsgIds {
    last: MsgId,
}

impl MsgIds {
    /// Ids above `floor`.
    pub fn above(floor: MsgId) -> Self {
        Self { last: floor }
    }

    /// The next id.
    pub fn next(&mut self, now: Time, kind: Kind) -> MsgId {
        // spec: SES-2
        // spec: SES-3
        let base = MsgId::at(now).0.max((self.last.0 | 3).saturating_add(1));
        let bits = match kind {
            Kind::Reply => 1,
            Kind::Push => 3,
        };
        self.last = MsgId(base | bits);
        self.last
    }

    /// The highest id given out.
    pub fn last(&self) -> MsgId {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: SES-2
    #[test]
    fn ids_increase_and_show_their_kind() {
        let mut ids = MsgIds::above(MsgId(0));
        let mut last = MsgId(0);
        // The clock stands still, steps back, and goes on.
        for (i, secs) in [100, 100, 100, 40, 40, 101, 101].into_iter().enumerate() {
            let kind = if i % 2 == 0 { Kind::Reply } else { Kind::Push };
            let id = ids.next(Time::from_secs(secs), kind);
            assert!(id > last);
            assert_eq!(id.0 & 3, if kind == Kind::Reply { 1 } else { 3 });
            last = id;
        }
        assert_eq!(last.secs(), 101);
    }

    // proves: SES-3
    #[test]
    fn ids_stay_above_their_floor() {
        let floor = MsgId::at(Time::from_secs(500));
        assert!(MsgIds::above(floor).next(Time::from_secs(400), Kind::Reply) > floor);
    }
}
