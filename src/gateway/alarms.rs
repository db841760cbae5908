//! When sessions want to be woken: one timer for all of them.
//!
//! A task with a timer for each would hold some hundred bytes of every session that rests, and one more for each time that
//! a session wants to be woken earlier than before.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use env::Time;
use mtproto::{AuthKeyId, SessionId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::node::Node;
use crate::{limits, metrics, world};

/// The alarms that are set: one for a session at most, and for a while those of sessions that are gone.
#[derive(Default)]
pub(crate) struct Alarms {
    book: Mutex<Book>,
    /// Told when an alarm was set that is earlier than all others.
    earlier: Notify,
}

#[derive(Default)]
struct Book {
    due: BTreeMap<Alarm, (AuthKeyId, SessionId)>,
    set: u64,
}

/// An alarm: when it rings, and what sets it apart from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Alarm {
    pub(crate) time: Time,
    number: u64,
}

impl Alarms {
    /// Sets an alarm for the session `id` of `key`, in place of `before`.
    pub(crate) fn set(&self, time: Time, key: AuthKeyId, id: SessionId, before: Option<Alarm>) -> Alarm {
        let mut book = self.book.lock();
        if let Some(before) = before {
            book.due.remove(&before);
        }
        book.set += 1;
        let alarm = Alarm { time, number: book.set };
        let is_first = book.due.first_key_value().is_none_or(|(first, _)| alarm < *first);
        book.due.insert(alarm, (key, id));
        drop(book);
        if is_first {
            self.earlier.notify_one();
        }
        alarm
    }

    /// Takes out some alarms that have come, the earliest first.
    fn take_due(&self, now: Time) -> Vec<(Alarm, (AuthKeyId, SessionId))> {
        let mut due = Vec::new();
        let mut book = self.book.lock();
        while due.len() < limits::ALARMS_IN_A_ROW
            && let Some(first) = book.due.first_entry().filter(|first| first.key().time <= now)
        {
            due.push(first.remove_entry());
        }
        due
    }

    /// When the next one comes.
    fn next(&self) -> Option<Time> {
        self.book.lock().due.first_key_value().map(|(first, _)| first.time)
    }
}

/// Rings until the node ends.
pub(crate) async fn run(node: Arc<Node>) {
    loop {
        let due = node.alarms.take_due(world::now());
        if due.is_empty() {
            let earlier = node.alarms.earlier.notified();
            match node.alarms.next() {
                Some(next) => drop(tokio::time::timeout(next.since(world::now()), earlier).await),
                None => earlier.await,
            }
            continue;
        }
        for (alarm, (key, id)) in due {
            let Some(entry) = node.sessions.find(key, id) else { continue };
            // A panic costs this session its wake, and no other.
            if catch_unwind(AssertUnwindSafe(|| entry.rings(&node, alarm))).is_err() {
                metrics::panicked("alarm");
            }
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_come_in_the_order_of_their_times_and_a_newer_one_takes_the_place_of_the_one_before() {
        let alarms = Alarms::default();
        let at = Time::from_secs;
        let set = |secs, n, before| alarms.set(at(secs), AuthKeyId(n), SessionId(1), before);
        let first = set(30, 1, None);
        set(20, 2, None);
        set(40, 3, None);
        let again = set(10, 1, Some(first));
        assert_ne!(first, again);
        assert_eq!(alarms.next(), Some(at(10)));
        let due = |now| alarms.take_due(at(now)).into_iter().map(|(_, (key, _))| key.0).collect::<Vec<_>>();
        assert_eq!(due(9), [0; 0]);
        assert_eq!(due(39), [1, 2]);
        assert_eq!(due(100), [3]);
        assert_eq!(alarms.next(), None);
    }

    #[test]
    fn only_so_many_come_at_once() {
        let alarms = Alarms::default();
        for n in 0..=limits::ALARMS_IN_A_ROW as u64 {
            alarms.set(Time::from_secs(1), AuthKeyId(n), SessionId(1), None);
        }
        assert_eq!(alarms.take_due(Time::from_secs(1)).len(), limits::ALARMS_IN_A_ROW);
        assert_eq!(alarms.take_due(Time::from_secs(1)).len(), 1);
    }

    #[tokio::test]
    async fn whoever_sleeps_is_told_of_an_earlier_alarm() {
        let alarms = Alarms::default();
        alarms.set(Time::from_secs(10), AuthKeyId(1), SessionId(1), None);
        alarms.earlier.notified().await;
        alarms.set(Time::from_secs(5), AuthKeyId(2), SessionId(1), None);
        alarms.earlier.notified().await;
    }
}
