//! Threads that do nothing but wake up, so that the system looks again whose turn it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How many beats it goes on after the last processor was taken: between two pieces of work nobody falls asleep.
const LINGER: u32 = 40;

/// Has threads that compute for long let others have their processor soon.
///
/// Who wakes up is to run before any thread of `SCHED_IDLE`. But the scheduler of Linux (EEVDF, since 6.6) may find that a
/// thread that just ran has had more than its share, lets the one that computes go on, and looks again when something
/// happens: at its tick, up to four milliseconds later. So while all processors are taken by computations, a thread
/// on each of them wakes up at every beat, and the scheduler looks. That costs some microseconds a beat.
pub struct Metronome {
    score: Arc<Score>,
    threads: Vec<JoinHandle<()>>,
}

struct Score {
    beat: Duration,
    /// Threads that may compute.
    players: usize,
    /// How many of them do.
    playing: AtomicUsize,
    closed: Mutex<bool>,
    /// Told when all of them do, and of the closing.
    tutti: Condvar,
}

impl Metronome {
    /// One that wakes the scheduler each `beat` while all of `players` threads compute. There is nothing to do where they cannot
    /// take all processors that this process may use.
    ///
    /// # Errors
    /// What the operating system says when it gives no thread.
    pub fn start(beat: Duration, players: usize) -> std::io::Result<Self> {
        let playing = AtomicUsize::new(0);
        let score =
            Arc::new(Score { beat, players, playing, closed: Mutex::new(false), tutti: Condvar::new() });
        let mut threads = Vec::new();
        for processor in processors().filter(|all| all.len() <= players).unwrap_or_default() {
            let score = Arc::clone(&score);
            let run = move || {
                if stay_on(processor) {
                    score.beat();
                }
            };
            threads.push(std::thread::Builder::new().name(format!("beat-{processor}")).spawn(run)?);
        }
        Ok(Self { score, threads })
    }

    /// Counts one thread among those that compute, as long as what is given lives.
    #[must_use]
    pub fn computing(&self) -> Computing<'_> {
        let score = &*self.score;
        if score.playing.fetch_add(1, Ordering::SeqCst) + 1 >= score.players && !self.threads.is_empty() {
            // The lock, so that nobody looks before and falls asleep behind it.
            drop(score.closed.lock());
            score.tutti.notify_all();
        }
        Computing(score)
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        *self.score.closed.lock() = true;
        self.score.tutti.notify_all();
        for thread in self.threads.drain(..) {
            // It cannot panic.
            let _ = thread.join();
        }
    }
}

/// A thread that computes.
pub struct Computing<'a>(&'a Score);

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        self.0.playing.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Score {
    fn all_play(&self) -> bool {
        self.playing.load(Ordering::SeqCst) >= self.players
    }

    fn beat(&self) {
        loop {
            let mut closed = self.closed.lock();
            while !*closed && !self.all_play() {
                self.tutti.wait(&mut closed);
            }
            if *closed {
                return;
            }
            drop(closed);
            let mut quiet = 0;
            while quiet < LINGER {
                std::thread::sleep(self.beat);
                quiet = if self.all_play() { 0 } else { quiet + 1 };
            }
        }
    }
}

/// The processors that this process may use, where the system says so.
fn processors() -> Option<Vec<usize>> {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity};
        let all = sched_getaffinity(None).ok()?;
        Some((0..CpuSet::MAX_CPU).filter(|&processor| all.is_set(processor)).collect())
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// This thread runs on that processor only; whether that could be had.
fn stay_on(processor: usize) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_setaffinity};
        let mut only = CpuSet::new();
        only.set(processor);
        sched_setaffinity(None, &only).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = processor;
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn it_beats_while_all_compute_and_rests_when_they_do_not() {
        let players = processors().map_or(1, |all| all.len());
        let metronome = Metronome::start(Duration::from_micros(100), players).expect("threads");
        let resting = |metronome: &Metronome| metronome.score.tutti.notify_all();
        let all: Vec<_> = (0..players).map(|_| metronome.computing()).collect();
        assert!(metronome.score.all_play());
        drop(all);
        assert!(!metronome.score.all_play());
        // They fall asleep by themselves: then all of them are there to be told.
        let patience = Instant::now() + Duration::from_secs(20);
        while resting(&metronome) < metronome.threads.len() {
            assert!(Instant::now() < patience, "they beat for nobody");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn where_not_all_processors_can_be_taken_there_is_nothing_to_do() {
        let metronome = Metronome::start(Duration::from_micros(100), 0).expect("threads");
        assert!(metronome.threads.is_empty());
        let _computing = metronome.computing();
    }
}
