//! What the client sent, and what became of it.
//!
//! One row for each message that was accepted, by msg_id. The rows guard against replay, keep the order of sequence
//! numbers, answer questions about messages (`msgs_state_req`, `invokeAfterMsg`), and tell a repeated query from a new
//! one. They are bounded by number and by age; what fell out is "too old to know", never "new".

use std::collections::VecDeque;

use env::Time;

use super::bad_msg::BadMsg;
use super::limits::{RECEIVED_MAX, RECEIVED_REMEMBERED};
use crate::ids::MsgId;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A service message: dealt with on the spot.
    Service,
    /// A container: its messages have rows of their own.
    Container,
    /// A query that runs.
    Running,
    /// A query that runs though its answer is not wanted any more.
    Unwanted,
    /// A query whose answer waits in the outbox for an acknowledgement.
    Answered,
    /// A query whose answer the client has, or does not want.
    Over,
    /// A query whose answer was given up before the client acknowledged it.
    Forgotten,
}

/// One message of the client.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub msg_id: MsgId,
    /// Its number.
    pub seq_no: u32,
    /// What became of it.
    pub fate: Fate,
    /// Whether its answer is an `rpc_error`.
    pub failed: bool,
    /// Whether the client was told that it arrived.
    pub acked: bool,
}

/// What is known of a msg_id.
#[derive(Debug)]
pub enum Known<'a> {
    /// It was received.
    Received(&'a Row),
    /// It was not received.
    New,
    /// It is older than all that is remembered.
    Forgotten,
}

/// The messages of a client that are remembered.
#[derive(Debug)]
pub struct Ledger {
    /// Ascending by msg_id.
    rows: VecDeque<Row>,
    /// Nothing is known of ids up to this.
    floor: MsgId,
    /// How many were forgotten before their time since that was last asked.
    pushed_out: u32,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { rows: VecDeque::new(), floor: MsgId(i64::MIN), pushed_out: 0 }
    }
}

impl Ledger {
    /// What is known of `msg_id`.
    pub fn look_up(&self, msg_id: MsgId, now: Time) -> Known<'_> {
        // spec: SES-4
        match self.row(msg_id) {
            Some(row) => Known::Received(row),
            None if msg_id <= self.floor || msg_id < oldest_remembered(now) => Known::Forgotten,
            None => Known::New,
        }
    }

    /// The row of `msg_id`.
    pub fn row(&self, msg_id: MsgId) -> Option<&Row> {
        let at = self.position(msg_id).ok()?;
        self.rows.get(at)
    }

    /// The row of `msg_id`, to be changed.
    pub fn row_mut(&mut self, msg_id: MsgId) -> Option<&mut Row> {
        let at = self.position(msg_id).ok()?;
        self.rows.get_mut(at)
    }

    /// The highest id received.
    pub fn newest(&self) -> Option<MsgId> {
        self.rows.back().map(|row| row.msg_id)
    }

    /// Nothing is known of ids up to `msg_id`, now and ever after.
    pub fn forget_up_to(&mut self, msg_id: MsgId) {
        while self.rows.front().is_some_and(|row| row.msg_id <= msg_id) {
            self.forget_oldest();
        }
        self.floor = self.floor.max(msg_id);
    }

    /// Whether a new content-related message may have this sequence number: among content-related messages, numbers
    /// must grow with ids.
    pub fn check_seq_no(&self, msg_id: MsgId, seq_no: u32) -> Result<(), BadMsg> {
        // spec: SES-6
        let at = self.position(msg_id).unwrap_or_else(|at| at);
        let content = |row: &&Row| row.seq_no % 2 == 1;
        // The rows are in order already, so the neighbours tell for all.
        if self.rows.range(..at).rev().find(content).is_some_and(|before| before.seq_no >= seq_no) {
            return Err(BadMsg::SeqNoTooLow);
        }
        if self.rows.range(at..).find(content).is_some_and(|after| after.seq_no <= seq_no) {
            return Err(BadMsg::SeqNoTooHigh);
        }
        Ok(())
    }

    /// Notes a message that was accepted. A row that exists stays as it is.
    pub fn insert(&mut self, msg_id: MsgId, seq_no: u32, fate: Fate) {
        let Err(at) = self.position(msg_id) else { return };
        self.rows.insert(at, Row { msg_id, seq_no, fate, failed: false, acked: false });
        while self.rows.len() > RECEIVED_MAX {
            self.forget_oldest();
            self.pushed_out = self.pushed_out.saturating_add(1);
        }
    }

    /// How many messages were forgotten before their time, because there were too many, since this was last asked.
    pub fn take_pushed_out(&mut self) -> u32 {
        std::mem::take(&mut self.pushed_out)
    }

    /// Forgets what is too old to be repeated, and gives the memory back if nothing is left.
    pub fn forget_old(&mut self, now: Time) {
        let oldest = oldest_remembered(now);
        while self.rows.front().is_some_and(|row| row.msg_id < oldest) {
            self.forget_oldest();
        }
        if self.rows.is_empty() {
            self.rows = VecDeque::new();
        }
    }

    /// When there will be nothing left to remember, if nothing more arrives.
    pub fn empty_at(&self) -> Option<Time> {
        let newest = u64::try_from(self.newest()?.secs()).unwrap_or(0);
        Some(Time::from_secs(newest.saturating_add(1)) + RECEIVED_REMEMBERED)
    }

    /// Memory held, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.rows.capacity() * size_of::<Row>()
    }

    fn position(&self, msg_id: MsgId) -> Result<usize, usize> {
        // Nearly every new id is the highest.
        match self.rows.back() {
            Some(newest) if newest.msg_id < msg_id => Err(self.rows.len()),
            _ => self.rows.binary_search_by_key(&msg_id, |row| row.msg_id),
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(row) = self.rows.pop_front() {
            self.floor = self.floor.max(row.msg_id);
        }
    }
}

/// The lowest id that can still be remembered at `now`.
fn oldest_remembered(now: Time) -> MsgId {
    let secs = now.secs().saturating_sub(RECEIVED_REMEMBERED.as_secs());
    MsgId(secs.cast_signed() << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_secs(1_700_000_000);

    fn id(n: i64) -> MsgId {
        MsgId(MsgId::at(NOW).0 + 4 * n)
    }

    fn is_new(ledger: &Ledger, msg_id: MsgId) -> bool {
        matches!(ledger.look_up(msg_id, NOW), Known::New)
    }

    // proves: SES-4
    #[test]
    fn what_was_received_is_known_in_whatever_order_it_came() {
        let mut ledger = Ledger::default();
        for n in [5, 1, 3, 4] {
            assert!(is_new(&ledger, id(n)));
            ledger.insert(id(n), 0, Fate::Service);
            assert!(matches!(ledger.look_up(id(n), NOW), Known::Received(_)));
        }
        assert!(is_new(&ledger, id(2)) && is_new(&ledger, id(6)));
    }

    // proves: SES-4
    #[test]
    fn what_fell_out_is_forgotten_and_never_new() {
        let mut ledger = Ledger::default();
        let count = RECEIVED_MAX as i64 + 10;
        for n in 0..count {
            ledger.insert(id(n), 0, Fate::Service);
        }
        assert!((0..10).all(|n| matches!(ledger.look_up(id(n), NOW), Known::Forgotten)));
        assert!((10..count).all(|n| matches!(ledger.look_up(id(n), NOW), Known::Received(_))));
        assert!(is_new(&ledger, id(count)));
        assert_eq!((ledger.take_pushed_out(), ledger.take_pushed_out()), (10, 0));

        let later = NOW + RECEIVED_REMEMBERED + RECEIVED_REMEMBERED;
        ledger.forget_old(later);
        assert_eq!(ledger.held_bytes(), 0);
        assert!(matches!(ledger.look_up(id(count - 1), later), Known::Forgotten));
        assert!(
            matches!(ledger.look_up(id(count - 1), NOW), Known::Forgotten),
            "also if the clock steps back"
        );
    }

    // proves: SES-6
    #[test]
    fn sequence_numbers_grow_with_ids() {
        let mut ledger = Ledger::default();
        ledger.insert(id(10), 3, Fate::Running);
        ledger.insert(id(20), 7, Fate::Running);
        ledger.insert(id(15), 900, Fate::Service); // even: not content-related, not compared
        assert_eq!(ledger.check_seq_no(id(15), 5), Ok(()));
        assert_eq!(ledger.check_seq_no(id(25), 9), Ok(()));
        assert_eq!(ledger.check_seq_no(id(25), 7), Err(BadMsg::SeqNoTooLow));
        assert_eq!(ledger.check_seq_no(id(15), 3), Err(BadMsg::SeqNoTooLow));
        assert_eq!(ledger.check_seq_no(id(15), 7), Err(BadMsg::SeqNoTooHigh));
        assert_eq!(ledger.check_seq_no(id(5), 3), Err(BadMsg::SeqNoTooHigh));
        assert_eq!(ledger.check_seq_no(id(5), 1), Ok(()));
    }

    // proves: SES-4
    #[test]
    fn what_an_earlier_state_may_have_seen_is_forgotten_and_never_new() {
        let mut ledger = Ledger::default();
        ledger.insert(id(3), 0, Fate::Service);
        ledger.insert(id(9), 0, Fate::Service);
        ledger.forget_up_to(id(5));
        assert!((0..=5).all(|n| matches!(ledger.look_up(id(n), NOW), Known::Forgotten)));
        assert!(is_new(&ledger, id(6)) && matches!(ledger.look_up(id(9), NOW), Known::Received(_)));
        ledger.forget_up_to(id(20));
        assert!(matches!(ledger.look_up(id(9), NOW), Known::Forgotten) && ledger.newest().is_none());
    }

    #[test]
    fn a_row_is_small() {
        assert!(size_of::<Row>() <= 16);
    }
}
