//! The way from a session to one of its connections: a bounded box that the session fills and the connection's task
//! empties. It holds no memory while it is empty, which is nearly always.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::limits;

/// What can be put into a mailbox.
pub trait Letter {
    /// How much of the box it takes, in bytes.
    fn weight(&self) -> usize;
}

/// The bounded box. Clones are the same box.
pub struct Mailbox<T> {
    contents: Arc<Mutex<Contents<T>>>,
}

struct Contents<T> {
    letters: VecDeque<T>,
    bytes: usize,
    closed: bool,
    /// The connection's task was told to look, and has not looked yet.
    rung: bool,
    /// What wakes that task while it waits.
    reader: Option<Waker>,
}

impl<T> Contents<T> {
    /// Has the connection's task look; the waker that is given must be used once the lock is released.
    fn ring(&mut self) -> Option<Waker> {
        self.rung = true;
        self.reader.take()
    }
}

/// The box is full, or its owner has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotPosted {
    /// The reader is too slow; the connection is now being closed.
    Full,
    /// The connection is gone.
    Closed,
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self { contents: Arc::clone(&self.contents) }
    }
}

impl<T: Letter> Mailbox<T> {
    /// An empty box.
    #[must_use]
    pub fn new() -> Self {
        let contents =
            Contents { letters: VecDeque::new(), bytes: 0, closed: false, rung: false, reader: None };
        Self { contents: Arc::new(Mutex::new(contents)) }
    }

    /// Puts a letter in. A box that overflows closes itself: a reader that slow must come back on a new connection.
    ///
    /// # Errors
    /// [`NotPosted`] when there is no room or nobody to read it.
    pub fn post(&self, letter: T) -> Result<(), NotPosted> {
        let mut contents = self.contents.lock();
        if contents.closed {
            return Err(NotPosted::Closed);
        }
        let weight = letter.weight();
        let full = contents.letters.len() >= limits::MAILBOX_PACKETS_MAX
            || contents.bytes + weight > limits::MAILBOX_BYTES_MAX;
        let posted = if full {
            contents.closed = true;
            contents.letters = VecDeque::new();
            Err(NotPosted::Full)
        } else {
            contents.bytes += weight;
            contents.letters.push_back(letter);
            Ok(())
        };
        let reader = contents.ring();
        drop(contents);
        wake(reader);
        posted
    }

    /// Closes the box and throws away what is in it; the connection's task learns it at its next look.
    pub fn close(&self) {
        let mut contents = self.contents.lock();
        contents.closed = true;
        contents.letters = VecDeque::new();
        let reader = contents.ring();
        drop(contents);
        wake(reader);
    }

    /// Wakes the connection's task without a letter.
    pub fn ring(&self) {
        let reader = self.contents.lock().ring();
        wake(reader);
    }

    /// Whether there may be something to take; if not, the task of `cx` is woken when there is. Only the connection's task
    /// calls it.
    pub fn poll_filled(&self, cx: &Context<'_>) -> Poll<()> {
        let mut contents = self.contents.lock();
        if std::mem::take(&mut contents.rung) {
            return Poll::Ready(());
        }
        if !contents.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            contents.reader = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The connection's task is awake and will look before it sleeps: until then nobody need wake it. What it does itself
    /// nearly always fills its own box. Only the connection's task calls it.
    pub fn attend(&self) {
        self.contents.lock().reader = None;
    }

    /// Waits until there may be something to take. Only the connection's task calls it.
    pub async fn filled(&self) {
        poll_fn(|cx| self.poll_filled(cx)).await;
    }

    /// Takes everything out; `None` once the box is closed.
    #[must_use]
    pub fn empty(&self) -> Option<VecDeque<T>> {
        let mut contents = self.contents.lock();
        if contents.closed {
            return None;
        }
        contents.bytes = 0;
        Some(std::mem::take(&mut contents.letters))
    }
}

fn wake(reader: Option<Waker>) {
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    impl<T> Mailbox<T> {
        /// Whether its reader was told to look, and has not looked yet.
        pub(crate) fn is_rung(&self) -> bool {
            self.contents.lock().rung
        }
    }

    #[derive(Debug, PartialEq)]
    struct Parcel(usize);

    impl Letter for Parcel {
        fn weight(&self) -> usize {
            self.0
        }
    }

    #[tokio::test]
    async fn letters_come_out_in_the_order_they_went_in() {
        let mailbox = Mailbox::new();
        mailbox.post(Parcel(1)).expect("room");
        mailbox.post(Parcel(2)).expect("room");
        mailbox.filled().await;
        assert_eq!(mailbox.empty(), Some(VecDeque::from([Parcel(1), Parcel(2)])));
        assert_eq!(mailbox.empty(), Some(VecDeque::new()));
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken_by_a_letter_a_ring_and_the_end() {
        let mailbox = Mailbox::new();
        for event in 0..3 {
            let reader = tokio::spawn({
                let mailbox = mailbox.clone();
                async move { mailbox.filled().await }
            });
            tokio::task::yield_now().await;
            assert!(!reader.is_finished());
            match event {
                0 => mailbox.post(Parcel(1)).expect("room"),
                1 => mailbox.ring(),
                _ => mailbox.close(),
            }
            reader.await.expect("woken");
        }
        assert_eq!(mailbox.empty(), None);
    }

    #[test]
    fn a_reader_that_is_awake_is_not_woken_and_finds_what_came_meanwhile() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let wakes = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&wakes));
        let cx = Context::from_waker(&waker);
        let mailbox = Mailbox::new();
        assert_eq!(mailbox.poll_filled(&cx), Poll::Pending);
        mailbox.attend();
        mailbox.post(Parcel(1)).expect("room");
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        assert_eq!(mailbox.poll_filled(&cx), Poll::Ready(()));
        assert_eq!(mailbox.poll_filled(&cx), Poll::Pending);
        mailbox.post(Parcel(2)).expect("room");
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "it sleeps again");
    }

    #[test]
    fn a_box_that_overflows_closes_itself() {
        let mailbox = Mailbox::new();
        mailbox.post(Parcel(limits::MAILBOX_BYTES_MAX)).expect("room");
        assert_eq!(mailbox.post(Parcel(1)), Err(NotPosted::Full));
        assert_eq!(mailbox.post(Parcel(1)), Err(NotPosted::Closed));
        assert_eq!(mailbox.empty(), None);
    }
}
