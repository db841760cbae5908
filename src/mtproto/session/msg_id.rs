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
    /// The clock is not followed beyond this.
    ceiling: MsgId,
}

impl MsgIds {
    /// Ids above `floor`.
    pub fn above(floor: MsgId) -> Self {
        Self { last: floor, ceiling: MsgId(i64::MAX) }
    }

    /// From now on the clock is followed up to `ceiling`; what is named later stays just above it.
    pub fn follow_up_to(&mut self, ceiling: MsgId) {
        self.ceiling = ceiling;
    }

    /// The next id.
    pub fn next(&mut self, now: Time, kind: Kind) -> MsgId {
        // spec: SES-2
        // spec: SES-3
        let base = MsgId::at(now).min(self.ceiling).0.max((self.last.0 | 3).saturating_add(1));
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
    fn ids_stay_within_what_was_promised_to_be_kept() {
        let mut ids = MsgIds::above(MsgId(0));
        let promised = Time::from_secs(500);
        ids.follow_up_to(MsgId::at(promised));
        let mut last = MsgId(0);
        for secs in 495..600 {
            let id = ids.next(Time::from_secs(secs), Kind::Push);
            assert!(id > last && id < MsgId::at(promised + std::time::Duration::from_millis(1)));
            last = id;
        }
        ids.follow_up_to(MsgId::at(Time::from_secs(700)));
        assert_eq!(ids.next(Time::from_secs(600), Kind::Push).secs(), 600);
    }

    // proves: SES-3
    #[test]
    fn ids_stay_above_their_floor() {
        let floor = MsgId::at(Time::from_secs(500));
        assert!(MsgIds::above(floor).next(Time::from_secs(400), Kind::Reply) > floor);
    }
}
