//! What the client was seen to do.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::EVENTS_MAX;

/// How a client took a lie, as far as its peer can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Took {
    /// The lie was never told: the client did not come so far.
    NotReached,
    /// There was no lie, and it came through.
    Served,
    /// It used the lie; by what one could see it.
    Accepted(String),
    /// It went on with what it was told, and did not use what came of it.
    Late(String),
    /// It closed the connection.
    Refused,
    /// It stayed and did not use the lie.
    Stayed,
}

/// Everything that was seen, over all connections of one run.
#[derive(Debug)]
pub struct Watch {
    started: Instant,
    prints: bool,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    events: usize,
    /// When and on which connection the first lie was told.
    told: Option<(Instant, usize)>,
    lies: usize,
    accepted: Option<String>,
    went_on: Option<&'static str>,
    closed_after: Option<Duration>,
    served: bool,
    /// Connections since the first lie, and messages.
    connections: usize,
    messages: usize,
}

impl Watch {
    /// Nothing seen yet. `prints` says every event on standard output.
    #[must_use]
    pub fn new(prints: bool) -> Self {
        Self { started: Instant::now(), prints, seen: Mutex::default() }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Seen) -> T) -> T {
        f(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something that the client of a connection did, or that was done to it.
    pub fn note(&self, connection: usize, what: &dyn fmt::Display) {
        let count = self.with(|seen| {
            seen.events += 1;
            seen.events
        });
        if self.prints && count <= EVENTS_MAX {
            let at = self.started.elapsed().as_secs_f64();
            // Nobody reads: nobody misses it.
            let _ = writeln!(io::stdout().lock(), "{at:8.3} #{connection} {what}");
        }
    }

    /// A client connected.
    pub fn connected(&self, connection: usize) {
        self.with(|seen| seen.connections += usize::from(seen.told.is_some()));
        self.note(connection, &"connected");
    }

    /// A message came. Counted only, as clients say many.
    pub fn message(&self) {
        self.with(|seen| seen.messages += usize::from(seen.told.is_some()));
    }

    /// A lie was told.
    pub fn lied(&self, connection: usize, mode: &str) {
        self.with(|seen| {
            seen.lies += 1;
            seen.told.get_or_insert((Instant::now(), connection));
        });
        self.note(connection, &format_args!("was told the lie {mode}"));
    }

    /// The client used a lie.
    pub fn accepted(&self, connection: usize, how: &str) {
        self.with(|seen| seen.accepted.get_or_insert_with(|| how.to_owned()).len());
        self.note(connection, &format_args!("accepted it: {how}"));
    }

    /// The client went on with what it was told; it may still think better of it.
    pub fn went_on(&self, connection: usize, how: &'static str) {
        self.with(|seen| seen.went_on = Some(how));
        self.note(connection, &how);
    }

    /// The client was answered honestly.
    pub fn served(&self, connection: usize) {
        self.with(|seen| seen.served = true);
        self.note(connection, &"was answered honestly");
    }

    /// The client closed a connection.
    pub fn closed(&self, connection: usize) {
        self.with(|seen| {
            if let Some((told, on)) = seen.told
                && on == connection
            {
                seen.closed_after.get_or_insert(told.elapsed());
            }
        });
        self.note(connection, &"closed");
    }

    /// How the client took it.
    #[must_use]
    pub fn took(&self) -> Took {
        self.with(|seen| {
            if let Some(how) = &seen.accepted {
                return Took::Accepted(how.clone());
            }
            match (seen.told, seen.went_on, seen.closed_after) {
                (None, ..) if seen.served => Took::Served,
                (None, ..) => Took::NotReached,
                (Some(_), Some(how), _) => Took::Late(how.to_owned()),
                (Some(_), None, Some(_)) => Took::Refused,
                (Some(_), None, None) => Took::Stayed,
            }
        })
    }

    /// One line that says how the client took it.
    #[must_use]
    pub fn summary(&self) -> String {
        let took = self.took();
        self.with(|seen| {
            let word = match &took {
                Took::NotReached => "not reached".to_owned(),
                Took::Served => "served".to_owned(),
                Took::Accepted(how) => format!("accepted ({how})"),
                Took::Late(how) => format!("late ({how})"),
                Took::Refused => {
                    let ms = seen.closed_after.unwrap_or_default().as_millis();
                    format!("closed after {ms} ms")
                }
                Took::Stayed => "stayed".to_owned(),
            };
            let Seen { lies, connections, messages, .. } = *seen;
            format!(
                "verdict: {word}; lies {lies}, connections since {connections}, messages since {messages}"
            )
        })
    }
}
