//! Threads that do what must not be done on the threads of the sockets: calls (which block on the store) and key
//! exchanges (which compute for milliseconds).

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// A piece of work.
pub type Task = Box<dyn FnOnce() + Send>;

/// A bounded queue in front of a fixed number of threads.
pub struct Pool {
    line: Arc<Line>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// In a simulation, work is done by tasks of the one thread.
    #[cfg(feature = "simulation")]
    tasks: Option<tokio::runtime::Handle>,
}

/// The line in which work waits.
struct Line {
    state: Mutex<State>,
    /// Told of each new piece of work, and of the closing.
    arrived: Condvar,
    /// Told of the first piece of work in an empty line, and of the closing.
    begun: Condvar,
    capacity: usize,
}

struct State {
    /// What goes before all that waits: what others are further with.
    ahead: VecDeque<(Instant, Task)>,
    /// What waits, and since when.
    waiting: VecDeque<(Instant, Task)>,
    /// When one of the threads last took something.
    taken: Instant,
    closed: bool,
}

impl State {
    fn len(&self) -> usize {
        self.ahead.len() + self.waiting.len()
    }

    fn pop(&mut self) -> Option<Task> {
        self.ahead.pop_front().or_else(|| self.waiting.pop_front()).map(|(_, piece)| piece)
    }

    /// Since when the threads have left what waits: since it came, or since one of them last took something.
    fn left_since(&self) -> Option<Instant> {
        let came =
            [&self.ahead, &self.waiting].into_iter().filter_map(|line| line.front().map(|(since, _)| *since));
        came.min().map(|since| since.max(self.taken))
    }
}

/// The line is full, or the pool is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

impl Pool {
    /// Starts `threads` threads named `name`; at most `capacity` pieces wait for them. A piece that panics is counted and
    /// costs nobody else anything.
    ///
    /// # Errors
    /// What the operating system says when it gives no thread.
    pub fn start(name: &'static str, threads: usize, capacity: usize) -> std::io::Result<Self> {
        Self::start_with_idle(name, threads, capacity, None, || false)
    }

    /// [`Self::start`] with threads that get little of a processor that others want, if `back` says so. A thread for which
    /// nothing waits does a little of `idle` work, and again until that says that nothing of it is left. It is done for
    /// later: new work waits for one piece of it at most, and only if all threads are at it.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with_idle(
        name: &'static str,
        threads: usize,
        capacity: usize,
        back: Option<StepBack>,
        idle: impl Fn() -> bool + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let line = Arc::new(Line {
            state: Mutex::new(State {
                ahead: VecDeque::new(),
                waiting: VecDeque::new(),
                taken: Instant::now(),
                closed: false,
            }),
            arrived: Condvar::new(),
            begun: Condvar::new(),
            capacity,
        });
        let mut handles = Vec::with_capacity(threads + 1);
        for n in 0..threads {
            let (line, idle) = (Arc::clone(&line), idle.clone());
            let idle = move || {
                catch_unwind(AssertUnwindSafe(&idle)).unwrap_or_else(|_| {
                    crate::metrics::panicked(name);
                    false
                })
            };
            let run = move || {
                if back.is_some() {
                    aside::behind_all();
                }
                while let Some(task) = line.next(&idle) {
                    perform(name, task);
                }
            };
            handles.push(std::thread::Builder::new().name(format!("{name}-{n}")).spawn(run)?);
        }
        if let Some(back) = back.filter(|_| threads > 0) {
            let line = Arc::clone(&line);
            let run = move || {
                aside::somewhat(back.niceness);
                while let Some(task) = line.next_overdue(back.patience) {
                    perform(name, task);
                }
            };
            handles.push(std::thread::Builder::new().name(format!("{name}-late")).spawn(run)?);
        }
        Ok(Self {
            line,
            threads: Mutex::new(handles),
            #[cfg(feature = "simulation")]
            tasks: (threads == 0).then(tokio::runtime::Handle::current),
        })
    }

    /// Puts a piece of work at the end of the line.
    ///
    /// # Errors
    /// [`Refused`] when the line is full or closed.
    pub fn push(&self, task: impl FnOnce() + Send + 'static) -> Result<(), Refused> {
        self.put(Box::new(task), |state| &mut state.waiting)
    }

    /// Puts a piece of work behind those that came this way, and before all others: something was done for it already, which
    /// would be lost. It finds room where they find none.
    ///
    /// # Errors
    /// [`Refused`] when there are as many of its kind as the line holds of the others, or when the line is closed.
    pub fn push_ahead(&self, task: impl FnOnce() + Send + 'static) -> Result<(), Refused> {
        self.put(Box::new(task), |state| &mut state.ahead)
    }

    fn put(
        &self,
        task: Task,
        place: fn(&mut State) -> &mut VecDeque<(Instant, Task)>,
    ) -> Result<(), Refused> {
        let mut state = self.line.state.lock();
        let first = state.len() == 0;
        let closed = state.closed;
        let place = place(&mut state);
        if closed || place.len() >= self.line.capacity {
            return Err(Refused);
        }
        place.push_back((Instant::now(), task));
        drop(state);
        #[cfg(feature = "simulation")]
        if let Some(runtime) = &self.tasks {
            let line = Arc::clone(&self.line);
            runtime.spawn(async move {
                tokio::time::sleep(crate::simulation::worker_delay()).await;
                let next = line.state.lock().pop();
                if let Some(task) = next {
                    perform("simulated worker", task);
                }
            });
            return Ok(());
        }
        self.line.arrived.notify_one();
        if first {
            self.line.begun.notify_one();
        }
        Ok(())
    }

    /// Pieces that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.line.state.lock().len()
    }

    /// Takes nothing new, does what waits, and returns when the last thread has ended. Blocks.
    pub fn finish(&self) {
        self.line.state.lock().closed = true;
        self.line.arrived.notify_all();
        self.line.begun.notify_all();
        let handles = std::mem::take(&mut *self.threads.lock());
        for handle in handles {
            // A thread ends only by running out of work: panics are caught inside.
            let _ = handle.join();
        }
    }
}

impl Line {
    /// The next piece, once all threads have left it for `patience`; `None` once the line is closed and empty.
    fn next_overdue(&self, patience: Duration) -> Option<Task> {
        let mut state = self.state.lock();
        loop {
            match state.left_since() {
                Some(since) => {
                    let left = patience.saturating_sub(since.elapsed());
                    if left.is_zero() {
                        return state.pop();
                    }
                    self.begun.wait_for(&mut state, left);
                }
                None if state.closed => return None,
                None => self.begun.wait(&mut state),
            }
        }
    }

    /// The next piece; `None` once the line is closed and empty.
    fn next(&self, idle: &dyn Fn() -> bool) -> Option<Task> {
        let mut state = self.state.lock();
        let mut more = true;
        loop {
            if let Some(piece) = state.pop() {
                state.taken = Instant::now();
                return Some(piece);
            }
            if state.closed {
                return None;
            }
            if more {
                more = MutexGuard::unlocked(&mut state, idle);
            } else {
                self.arrived.wait(&mut state);
            }
        }
    }
}

/// Does a piece of work of the pool `name`.
fn perform(name: &'static str, task: Task) {
    if catch_unwind(AssertUnwindSafe(task)).is_err() {
        crate::metrics::panicked(name);
    }
}

/// How the threads of a pool stand behind all others ([`aside::behind_all`]).
#[derive(Debug, Clone, Copy)]
pub struct StepBack {
    /// When none of them has taken anything for so long, one thread more does what waits.
    pub patience: Duration,
    /// How far that one steps back, in terms of niceness.
    pub niceness: i32,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn what_waits_is_done_before_the_pool_ends_and_a_panic_costs_nobody_else() {
        let done = Arc::new(AtomicUsize::new(0));
        let pool = Pool::start("test", 2, 100).expect("threads");
        for n in 0..50 {
            let counted = Arc::clone(&done);
            let task = move || {
                assert!(n != 3, "the panic of this test");
                counted.fetch_add(1, Ordering::SeqCst);
            };
            pool.push(task).expect("room");
        }
        pool.finish();
        assert_eq!(done.load(Ordering::SeqCst), 49);
        assert_eq!(pool.push(|| ()), Err(Refused), "closed");
    }

    #[test]
    fn idle_threads_do_what_is_for_later_until_nothing_of_it_is_left() {
        let (left, asked) = (Arc::new(AtomicUsize::new(10)), std::sync::mpsc::channel());
        let (left_, told) = (Arc::clone(&left), asked.0);
        let idle = move || {
            let before = left_.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
            // Whoever comes too late is told that nothing is left.
            let _ = told.send(before.is_ok());
            before.is_ok()
        };
        let pool = Pool::start_with_idle("test", 2, 100, None, idle).expect("threads");
        let done = (0..12).filter(|_| asked.1.recv().expect("an idle thread")).count();
        assert_eq!(
            (done, left.load(Ordering::SeqCst)),
            (10, 0),
            "then each thread asks once more, and waits"
        );
        let (tell, told) = std::sync::mpsc::channel();
        pool.push(move || tell.send(7).expect("listened to")).expect("room");
        assert_eq!(told.recv(), Ok(7));
        pool.finish();
    }

    #[test]
    fn what_waits_too_long_is_done_all_the_same() {
        let back = StepBack { niceness: 1, patience: Duration::from_millis(50) };
        let pool = Pool::start_with_idle("test", 1, 100, Some(back), || false).expect("threads");
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let blocks = move || {
            let _ = held.recv();
        };
        pool.push(blocks).expect("room");
        let begun = Instant::now();
        let tells = move || {
            let _ = tell.send(std::thread::current().name().map(str::to_owned));
        };
        pool.push(tells).expect("room");
        // The only thread of the pool has the first piece, or the late one has: then the second is not late either.
        let by = told.recv().expect("done").expect("a name");
        assert!(by == "test-0" || by == "test-late" && begun.elapsed() >= back.patience, "{by}");
        drop(hold);
        pool.finish();
    }

    #[test]
    fn what_goes_ahead_is_done_first_and_has_room_of_its_own() {
        let pool = Pool::start("test", 1, 2).expect("thread");
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = std::sync::mpsc::channel();
        let blocks = move || {
            begun.send(()).expect("listened to");
            let _ = held.recv();
        };
        pool.push(blocks).expect("room");
        begins.recv().expect("it begins");
        let (tell, told) = std::sync::mpsc::channel();
        let says = |what: &'static str| {
            let tell = tell.clone();
            move || tell.send(what).expect("listened to")
        };
        pool.push(says("first")).expect("room");
        pool.push(says("second")).expect("room");
        assert_eq!(pool.push(says("too many")), Err(Refused));
        pool.push_ahead(says("further, first")).expect("room of its own");
        pool.push_ahead(says("further, second")).expect("room of its own");
        assert_eq!(pool.push_ahead(says("too many")), Err(Refused));
        assert_eq!(pool.waiting(), 4);
        drop(hold);
        pool.finish();
        drop(tell);
        let order: Vec<_> = told.iter().collect();
        assert_eq!(order, ["further, first", "further, second", "first", "second"]);
    }

    #[test]
    fn a_full_line_refuses() {
        let pool = Pool::start("test", 1, 2).expect("thread");
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let blocks = move || {
            let _ = held.recv();
        };
        pool.push(blocks).expect("room");
        let accepted = (0..10).filter(|_| pool.push(|| ()).is_ok()).count();
        assert!((1..=2).contains(&accepted), "one in work or in line, the others behind it: {accepted}");
        drop(hold);
        pool.finish();
    }
}
