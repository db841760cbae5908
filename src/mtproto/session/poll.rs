//! An HTTP request that is open: until when it waits for something to be said.

use std::time::Duration;

use env::Time;

use super::limits::{HTTP_WAIT, HTTP_WAIT_MAX};

/// What a client asks for with `http_wait`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the first message that could be said to the response, at most.
    pub max_delay: Duration,
    /// From the latest such message to the response, in case more come.
    pub wait_after: Duration,
    /// From the request to the response, if nothing can be said.
    pub max_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        // spec: SVC-19
        Self { max_delay: Duration::ZERO, wait_after: Duration::ZERO, max_wait: HTTP_WAIT }
    }
}

impl Patience {
    /// From the numbers of an `http_wait`, in milliseconds.
    #[must_use]
    pub fn from_millis(max_delay: i32, wait_after: i32, max_wait: i32) -> Self {
        let time =
            |millis: i32| Duration::from_millis(u64::from(millis.max(0).cast_unsigned())).min(HTTP_WAIT_MAX);
        Self { max_delay: time(max_delay), wait_after: time(wait_after), max_wait: time(max_wait) }
    }
}

/// An open request.
#[derive(Debug, Clone, Copy)]
pub struct Poll {
    asked: Time,
    patience: Patience,
    /// When something could be said first, and last.
    said: Option<(Time, Time)>,
    /// How much could be said then.
    waiting: usize,
}

impl Poll {
    /// One that has just come.
    pub fn new(now: Time) -> Self {
        Self { asked: now, patience: Patience::default(), said: None, waiting: 0 }
    }

    /// Takes the client's wish; the last one counts.
    pub fn wish(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// Notes that so many messages could be said.
    pub fn note(&mut self, waiting: usize, now: Time) {
        if waiting == 0 {
            self.said = None;
        } else if waiting != self.waiting {
            let first = self.said.map_or(now, |(first, _)| first);
            self.said = Some((first, now));
        }
        self.waiting = waiting;
    }

    /// When it must be answered, if nothing happens before.
    pub fn due(&self) -> Time {
        // spec: SVC-19
        let Patience { max_delay, wait_after, .. } = self.patience;
        let said = self.said.map(|(first, latest)| (first + max_delay).min(latest + wait_after));
        said.into_iter().chain([self.ends()]).min().unwrap_or(self.asked)
    }

    /// When it must be answered, even if with nothing.
    pub fn ends(&self) -> Time {
        self.asked + self.patience.max_wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_secs(1_700_000_000);

    fn after(millis: u64) -> Time {
        NOW + Duration::from_millis(millis)
    }

    // proves: SVC-19
    #[test]
    fn whoever_says_nothing_is_answered_at_once_or_after_25_seconds() {
        let mut poll = Poll::new(NOW);
        poll.note(0, NOW);
        assert_eq!((poll.due(), poll.ends()), (after(25_000), after(25_000)));
        poll.note(1, after(7));
        assert_eq!(poll.due(), after(7));
    }

    // proves: SVC-19
    #[test]
    fn messages_wait_for_company_as_long_as_was_asked_for() {
        let mut poll = Poll::new(NOW);
        poll.wish(Patience::from_millis(500, 150, 25_000));
        poll.note(1, after(1000));
        assert_eq!(poll.due(), after(1150));
        poll.note(2, after(1100));
        assert_eq!(poll.due(), after(1250));
        poll.note(2, after(1200)); // nothing new
        assert_eq!(poll.due(), after(1250));
        poll.note(3, after(1240));
        poll.note(4, after(1390));
        poll.note(5, after(1480));
        assert_eq!(poll.due(), after(1500), "never longer than max_delay after the first");
        poll.wish(Patience::from_millis(i32::MAX, i32::MAX, 1300));
        assert_eq!(poll.due(), after(1300), "and never longer than max_wait");
    }

    #[test]
    fn wishes_are_bounded() {
        let most = Patience { max_delay: HTTP_WAIT_MAX, wait_after: HTTP_WAIT_MAX, max_wait: HTTP_WAIT_MAX };
        assert_eq!(Patience::from_millis(i32::MAX, i32::MAX, i32::MAX), most);
        let least =
            Patience { max_delay: Duration::ZERO, wait_after: Duration::ZERO, max_wait: Duration::ZERO };
        assert_eq!(Patience::from_millis(-1, i32::MIN, -5), least);
    }
}
