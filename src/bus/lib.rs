//! Tells every part of the house that something grew: "user 42's log reached pts 1007".
//!
//! A notice is a hint. The log is the truth, so a lost notice costs latency and never data; a subscriber that was too
//! slow learns how many it missed ([`Heard::Missed`]) and looks for itself. What a notice means is its type's business:
//! the bus carries any `N`. Today it stays inside one process; a broker between nodes will take the same two verbs.

#![forbid(unsafe_code)]

pub mod limits;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// The local bus: every subscriber hears every notice published after it subscribed, in the order of publication.
#[derive(Debug, Clone)]
pub struct Bus<N> {
    sender: broadcast::Sender<N>,
}

impl<N: Clone> Bus<N> {
    /// A bus that keeps [`limits::NOTICES_KEPT`] notices for its slowest subscriber.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(limits::NOTICES_KEPT) }
    }

    /// Publishes `notice`. Never waits; may be called from any thread. Nobody listening is no error.
    pub fn publish(&self, notice: N) {
        // The only error is "no subscriber", and then there is nobody to be late for.
        let _ = self.sender.send(notice);
    }

    /// Starts to listen.
    #[must_use]
    pub fn subscribe(&self) -> Subscription<N> {
        Subscription { receiver: self.sender.subscribe() }
    }
}

impl<N: Clone> Default for Bus<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// One listener's place in the stream of notices.
#[derive(Debug)]
pub struct Subscription<N> {
    receiver: broadcast::Receiver<N>,
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<N> {
    /// The next notice.
    Notice(N),
    /// The listener was too slow and this many notices are gone; whatever they told must be read from the log.
    Missed(u64),
}

impl<N: Clone> Subscription<N> {
    /// Waits for the next notice; `None` once the bus is gone. Safe to cancel: no notice is lost by it.
    pub async fn hear(&mut self) -> Option<Heard<N>> {
        match self.receiver.recv().await {
            Ok(notice) => Some(Heard::Notice(notice)),
            Err(RecvError::Lagged(count)) => Some(Heard::Missed(count)),
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_subscriber_hears_every_notice_in_order() {
        let bus = Bus::new();
        let (mut a, mut b) = (bus.subscribe(), bus.subscribe());
        bus.publish(1);
        bus.publish(2);
        for listener in [&mut a, &mut b] {
            assert_eq!(listener.hear().await, Some(Heard::Notice(1)));
            assert_eq!(listener.hear().await, Some(Heard::Notice(2)));
        }
        drop(bus);
        assert_eq!(a.hear().await, None);
    }

    #[tokio::test]
    async fn a_slow_subscriber_learns_how_much_it_missed() {
        let bus = Bus::new();
        let mut slow = bus.subscribe();
        for n in 0..limits::NOTICES_KEPT + 5 {
            bus.publish(n);
        }
        assert_eq!(slow.hear().await, Some(Heard::Missed(5)));
        assert_eq!(slow.hear().await, Some(Heard::Notice(5)));
    }
}
