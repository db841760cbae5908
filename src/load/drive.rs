//! One connection's share of a measurement: starts operations when they are due and hears their ends.

use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use mtproto::session::client::{Heard, Ticket};
use tl::service;

use crate::error::Result;
use crate::limits;
use crate::link::{Link, refusal};
use crate::measure::{Nanos, Phase, Run};

/// When operations start.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// A closed loop: so many are under way at any time.
    InFlight(usize),
    /// An open loop: one is due each `every`, from `first` on, whether or not others have ended.
    Every { first: Nanos, every: Nanos },
    /// Nothing is ever started: this connection listens.
    Listen,
}

/// What a connection does.
pub(crate) trait Job {
    /// Starts an operation that was due at `due`.
    fn start(&mut self, link: &mut Link, due: Nanos) -> Result<()>;

    /// Hears something; gives how many operations of this connection ended with it.
    fn hear(&mut self, heard: Heard, run: &Run) -> usize;
}

/// Drives `link` until the measurement is over.
pub(crate) async fn drive(link: &mut Link, job: &mut dyn Job, mut pace: Pace, run: &Rc<Run>) -> Result<()> {
    let mut phases = run.follow();
    let mut heard = Vec::new();
    let mut under_way = 0;
    let (mut acks, mut acks_since) = (0, None);
    // What went over the wire while connections were made belongs to no operation.
    link.carried();
    loop {
        let phase = *phases.borrow_and_update();
        if phase == Phase::Over {
            return Ok(());
        }
        let may_start = matches!(phase, Phase::Warming | Phase::Measuring);
        let mut started = 0;
        let mut next = None;
        if may_start {
            let now = run.now();
            match &mut pace {
                Pace::InFlight(all) => {
                    while under_way + started < *all {
                        job.start(link, now)?;
                        started += 1;
                    }
                }
                Pace::Every { first, every } => {
                    while *first <= now && under_way + started < limits::OPEN_IN_FLIGHT_MAX {
                        let late = now - *first;
                        let due = if u128::from(late) < limits::LATE.as_nanos() { now } else { *first };
                        job.start(link, due)?;
                        started += 1;
                        *first += *every;
                    }
                    next = (*first > now).then(|| run.at(*first));
                }
                Pace::Listen => {}
            }
        }
        let now = run.now();
        let acks_end: Option<Nanos> =
            acks_since.map(|since| since + u64::try_from(limits::ACKS_WAIT.as_nanos()).unwrap_or(0));
        if started > 0 || acks >= limits::ACKS_WAITING_MAX || acks_end.is_some_and(|end| end <= now) {
            link.flush().await?;
            (acks, acks_since) = (0, None);
        } else if let Some(end) = acks_end {
            let end = run.at(end);
            next = Some(next.map_or(end, |next| next.min(end)));
        }
        under_way += started;
        run.started(i64::try_from(started).unwrap_or(0));

        let wake = next.unwrap_or_else(|| run.at(0));
        tokio::select! {
            biased;
            read = link.read(&mut heard) => read?,
            () = tokio::time::sleep_until(wake), if next.is_some() => {}
            // Only fails when the run is gone, and it is held here.
            _ = phases.changed() => {}
        }
        for heard in heard.drain(..) {
            if matches!(heard, Heard::Other(_) | Heard::Reply { .. }) {
                acks += 1;
                acks_since.get_or_insert(run.now());
            }
            let ended = job.hear(heard, run).min(under_way);
            under_way -= ended;
            run.started(-i64::try_from(ended).unwrap_or(0));
        }
        let (sent, received) = link.carried();
        run.carried(sent, received);
    }
}

/// Pings.
pub(crate) struct Echo {
    next: i64,
    pending: HashMap<i64, Nanos>,
}

impl Echo {
    pub(crate) fn new() -> Self {
        Self { next: 0, pending: HashMap::new() }
    }
}

impl Job for Echo {
    fn start(&mut self, link: &mut Link, due: Nanos) -> Result<()> {
        self.next += 1;
        self.pending.insert(self.next, due);
        link.say(&service::Ping { ping_id: self.next })
    }

    fn hear(&mut self, heard: Heard, run: &Run) -> usize {
        let Heard::Pong(id) = heard else { return 0 };
        let Some(start) = self.pending.remove(&id) else { return 0 };
        run.took("answered", start);
        run.done(1);
        1
    }
}

/// Queries, each made by a function of the moment when it was due, with the name of its latency.
pub(crate) struct Calls<F> {
    make: F,
    pending: HashMap<Ticket, (&'static str, Nanos)>,
    /// Whether each answer is a whole operation, or only a part of one that ends elsewhere.
    counted: bool,
}

impl<F: FnMut(Nanos) -> (&'static str, Bytes)> Calls<F> {
    pub(crate) fn new(counted: bool, make: F) -> Self {
        Self { make, pending: HashMap::new(), counted }
    }
}

impl<F: FnMut(Nanos) -> (&'static str, Bytes)> Job for Calls<F> {
    fn start(&mut self, link: &mut Link, due: Nanos) -> Result<()> {
        let (name, body) = (self.make)(due);
        self.pending.insert(link.call(body)?, (name, due));
        Ok(())
    }

    fn hear(&mut self, heard: Heard, run: &Run) -> usize {
        let Heard::Reply { to, body } = heard else { return 0 };
        let Some((name, start)) = self.pending.remove(&to) else { return 0 };
        match refusal(&body) {
            Some(why) => run.failed(&why),
            None => {
                run.took(name, start);
                if self.counted {
                    run.done(1);
                }
            }
        }
        1
    }
}

/// Somebody who reads what others write.
#[derive(Default)]
pub(crate) struct Reader {
    /// Told of each message that came.
    pub(crate) told: Option<Rc<dyn Fn(Nanos)>>,
}

impl Job for Reader {
    fn start(&mut self, _: &mut Link, _: Nanos) -> Result<()> {
        Ok(())
    }

    fn hear(&mut self, heard: Heard, run: &Run) -> usize {
        let Heard::Other(body) = heard else { return 0 };
        if let Some(start) = stamp::find(&body) {
            run.took("delivered", start);
            run.done(1);
            if let Some(told) = &self.told {
                told(start);
            }
        }
        0
    }
}

/// The moment at which a message was due, inside of its text: whoever reads it knows how long it took.
pub(crate) mod stamp {
    use super::Nanos;

    const MARK: &[u8] = b"due=";

    /// Bytes of the shortest text with a stamp.
    pub(crate) const BYTES: usize = MARK.len() + 16;

    /// A text of `bytes` bytes, or of [`BYTES`] if that is more.
    pub(crate) fn text(due: Nanos, bytes: usize) -> String {
        const WORDS: &str =
            " the arms of the telegraph stand against a clear sky and the next tower has read them";
        let mut text = format!("due={due:016x}");
        while text.len() < bytes {
            let room = bytes - text.len();
            text.extend(WORDS.chars().take(room));
        }
        text
    }

    /// The stamp in `body`.
    pub(crate) fn find(body: &[u8]) -> Option<Nanos> {
        let at = body.windows(MARK.len()).position(|window| window == MARK)?;
        let digits = body.get(at + MARK.len()..at + BYTES)?;
        Nanos::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_stamp_is_found_again() {
            let text = text(12_345, 128);
            assert_eq!(text.len(), 128);
            assert_eq!(find(format!("xx{text}yy").as_bytes()), Some(12_345));
            assert_eq!(find(b"nothing"), None);
            assert_eq!(super::text(u64::MAX, 0).len(), BYTES);
        }
    }
}
