//! The order in which the calls of a session start.
//!
//! A stream keeps the order of packets, but whoever sits on the way can hold one packet back and let the next pass. The
//! sequence numbers show it: they count the content-related messages, so a gap means that something older is still to
//! come. A call behind a gap waits for it, but not long: clients skip numbers for reasons of their own (a refused message
//! comes again under the next number), and those must not notice.

use std::collections::BTreeSet;

use env::Time;

use super::io::Call;
use super::limits::{HELD_CALLS_MAX, HELD_FOR, HELD_IN_VAIN_MAX, NUMBERS_AHEAD_MAX};

/// Calls on their way out, and the numbers that are still to come.
#[derive(Debug, Default)]
pub struct Order {
    /// The lowest number that did not arrive; nothing before the first message, which may have any.
    next: Option<u32>,
    /// Numbers above `next` that arrived.
    ahead: BTreeSet<u32>,
    /// Calls on their way out, those that wait first.
    held: Vec<Held>,
    /// How often in a row nothing came into a gap: this client just skips numbers.
    in_vain: u8,
}

#[derive(Debug)]
struct Held {
    number: u32,
    call: Call,
    until: Time,
}

impl Order {
    /// Notes a new content-related message, the `number`th of its client by its own count.
    pub fn note(&mut self, number: u32) {
        match self.next {
            Some(next) if number < next => {}
            Some(next) if number > next => {
                self.ahead.insert(number);
                if self.ahead.len() > NUMBERS_AHEAD_MAX {
                    self.wait_no_longer();
                }
            }
            before => {
                self.move_on(number.saturating_add(1));
                if before.is_some() && !self.held.is_empty() {
                    self.in_vain = 0;
                }
            }
        }
    }

    /// Adds a call that was noted, in the order of msg_ids within its packet.
    pub fn add(&mut self, number: u32, call: Call, now: Time) {
        self.held.push(Held { number, call, until: now + HELD_FOR });
    }

    /// The calls that may start now, in the order of their msg_ids.
    pub fn release(&mut self, now: Time) -> Vec<Call> {
        // spec: SES-12
        if self.held.len() > HELD_CALLS_MAX || self.in_vain >= HELD_IN_VAIN_MAX {
            self.wait_no_longer();
        }
        while let Some(number) = self.due(now) {
            self.in_vain = self.in_vain.saturating_add(1);
            self.move_on(number.saturating_add(1));
        }
        let next = self.next.unwrap_or(0);
        let mut free: Vec<Call> =
            self.held.extract_if(.., |held| held.number < next).map(|held| held.call).collect();
        if self.held.is_empty() {
            // Calls leave as soon as they come, nearly always: a session that rests keeps no place for them.
            self.held = Vec::new();
        }
        free.sort_unstable_by_key(|call| call.msg_id);
        free
    }

    /// When the first call has waited long enough.
    pub fn due_at(&self) -> Option<Time> {
        self.held.iter().map(|held| held.until).min()
    }

    /// Memory held, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.held.capacity() * size_of::<Held>() + self.ahead.len() * 16
    }

    /// The number of a call that still waits and has waited long enough.
    fn due(&self, now: Time) -> Option<u32> {
        let next = self.next?;
        self.held.iter().find(|held| held.number >= next && held.until <= now).map(|held| held.number)
    }

    /// Everything below `next` has arrived, or is not waited for.
    fn move_on(&mut self, mut next: u32) {
        self.ahead = self.ahead.split_off(&next);
        while self.ahead.remove(&next) {
            next = next.saturating_add(1);
        }
        self.next = Some(next);
    }

    fn wait_no_longer(&mut self) {
        if let Some(last) = self.ahead.last().copied() {
            self.move_on(last.saturating_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::super::PathId;
    use super::*;
    use crate::ids::MsgId;

    const NOW: Time = Time::from_secs(1_700_000_000);

    /// Calls arrive with these numbers at this moment; the numbers of those that start.
    fn arrive(order: &mut Order, now: Time, numbers: &[u32]) -> Vec<i64> {
        for number in numbers {
            order.note(*number);
            let msg_id = MsgId(i64::from(*number) * 4);
            order.add(*number, Call { msg_id, body: Bytes::new(), path: PathId(1) }, now);
        }
        order.release(now).iter().map(|call| call.msg_id.0 / 4).collect()
    }

    // proves: SES-12
    #[test]
    fn what_overtakes_waits_for_what_is_missing() {
        let mut order = Order::default();
        assert_eq!(arrive(&mut order, NOW, &[1]), [1], "the first may have any number");
        assert_eq!(arrive(&mut order, NOW, &[4]), [0; 0]);
        assert_eq!(arrive(&mut order, NOW, &[3]), [0; 0]);
        assert!(order.due_at().is_some());
        assert_eq!(arrive(&mut order, NOW, &[2]), [2, 3, 4]);
        assert_eq!((arrive(&mut order, NOW, &[5]), order.due_at()), (vec![5], None));
    }

    // proves: SES-12
    #[test]
    fn nothing_waits_long() {
        let mut order = Order::default();
        arrive(&mut order, NOW, &[1]);
        assert_eq!(arrive(&mut order, NOW, &[3]), [0; 0]);
        let due = order.due_at().expect("waits");
        assert_eq!(due, NOW + HELD_FOR);
        assert_eq!(order.release(due).len(), 1);
        assert_eq!(arrive(&mut order, due, &[4]), [4]);
        assert_eq!(arrive(&mut order, due, &[2]), [2], "too late to matter");
    }

    #[test]
    fn a_part_of_the_gap_lets_a_part_of_the_calls_go() {
        let mut order = Order::default();
        arrive(&mut order, NOW, &[0]);
        assert_eq!(arrive(&mut order, NOW, &[2, 4]), [0; 0]);
        assert_eq!(arrive(&mut order, NOW, &[1]), [1, 2]);
        assert_eq!(arrive(&mut order, NOW, &[3]), [3, 4]);
    }

    #[test]
    fn a_client_that_skips_numbers_is_not_held_for_ever() {
        let (mut order, mut now) = (Order::default(), NOW);
        let mut held = 0;
        for number in (0..100).step_by(2) {
            if arrive(&mut order, now, &[number]).is_empty() {
                held += 1;
                now = now + HELD_FOR;
                assert_eq!(order.release(now).len(), 1);
            }
            now = now + Duration::from_millis(1);
        }
        assert_eq!(held, HELD_IN_VAIN_MAX);
    }

    #[test]
    fn there_is_a_bound_on_what_waits() {
        let mut order = Order::default();
        arrive(&mut order, NOW, &[0]);
        let many: Vec<u32> = (2..3 + HELD_CALLS_MAX as u32).collect();
        assert_eq!(arrive(&mut order, NOW, &many).len(), many.len());
        assert_eq!(order.held_bytes(), 0);
    }
}
