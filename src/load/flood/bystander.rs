//! Somebody who has nothing to do with the server and wants a little of each processor now and then, as the kernel's own
//! threads do, and how long that takes.
//!
//! It stands in a session of its own: Linux makes each session a group, and shares processors between groups first. A server
//! whose threads take turns in an unlucky way can keep all others waiting for seconds, without a wait of its own that it could
//! see. What comes of that (a disk that answers nobody, a file that cannot be opened) it does see.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::process::Child;

use super::beside;
use crate::error::{LoadError, Result};
use crate::say;

/// How often it wants a processor.
const EVERY: Duration = Duration::from_millis(5);

/// Waits that nobody has looked at yet; who has one more to tell waits.
const WAITS_UNREAD_MAX: usize = 64;

/// A process that stands by.
pub(super) struct Bystander {
    /// Ends with this value.
    _child: Child,
    longest: Rc<Cell<Duration>>,
}

impl Bystander {
    pub(super) fn start(time: Duration) -> Result<Self> {
        let longest = Rc::new(Cell::new(Duration::ZERO));
        let told = Rc::clone(&longest);
        let hear = move |line: &str| {
            if let Ok(nanos) = line.parse() {
                told.set(Duration::from_nanos(nanos));
            }
        };
        let child = beside(&["bystander", &time.as_secs_f64().to_string()], hear)?;
        Ok(Self { _child: child, longest })
    }

    /// The longest that it has waited for a processor so far, beyond the moment at which it wanted one.
    pub(super) fn longest(&self) -> Duration {
        self.longest.get()
    }
}

/// Stands by for `time`, and tells each time when it has waited longer than ever before, in nanoseconds.
pub(crate) fn stand_by(time: Duration) -> Result<()> {
    // Refused only to who leads a group already, and then it is in one of its own.
    let _ = rustix::process::setsid();
    let allowed = sched_getaffinity(None).map_err(|e| LoadError::about("the processors", e))?;
    let end = Instant::now() + time;
    let (tell, told) = mpsc::sync_channel(WAITS_UNREAD_MAX);
    for processor in (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor)) {
        let tell = tell.clone();
        std::thread::spawn(move || {
            let mut only = CpuSet::new();
            only.set(processor);
            // Where it is refused, all look at the same.
            let _ = sched_setaffinity(None, &only);
            while Instant::now() < end {
                let due = Instant::now() + EVERY;
                std::thread::sleep(EVERY);
                if tell.send(due.elapsed()).is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    let mut longest = Duration::ZERO;
    for waited in told {
        if waited > longest {
            longest = waited;
            say(&format!("{}\n", longest.as_nanos()))?;
        }
    }
    Ok(())
}
