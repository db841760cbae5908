//! The way from a session to one of its connections: a bounded box that the session fills and the connection's task
//! empties. It holds no memory while it is empty, which is nearly always.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::limits;

/// What can be put into a mailbox.
pub trait Letter {
    /// How much of the box it takes, in bytes.
    fn weight(&self) -> usize;
}

/// The bounded box. Clones are the same box.
pub struct Mailbox<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    contents: Mutex<Contents<T>>,
    filled: Notify,
}

struct Contents<T> {
    letters: VecDeque<T>,
    bytes: usize,
    closed: bool,
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
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Letter> Mailbox<T> {
    /// An empty box.
    #[must_use]
    pub fn new() -> Self {
        let contents = Contents { letters: VecDeque::new(), bytes: 0, closed: false };
        Self { shared: Arc::new(Shared { contents: Mutex::new(contents), filled: Notify::new() }) }
    }

    /// Puts a letter in. A box that overflows closes itself: a reader that slow must come back on a new connection.
    ///
    /// # Errors
    /// [`NotPosted`] when there is no room or nobody to read it.
    pub fn post(&self, letter: T) -> Result<(), NotPosted> {
        let mut contents = self.shared.contents.lock();
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
        drop(contents);
        self.shared.filled.notify_one();
        posted
    }

    /// Closes the box and throws away what is in it; the connection's task learns it at its next look.
    pub fn close(&self) {
        let mut contents = self.shared.contents.lock();
        contents.closed = true;
        contents.letters = VecDeque::new();
        drop(contents);
        self.shared.filled.notify_one();
    }

    /// Wakes the connection's task without a letter.
    pub fn ring(&self) {
        self.shared.filled.notify_one();
    }

    /// Waits until there may be something to take. Only the connection's task calls it.
    pub async fn filled(&self) {
        self.shared.filled.notified().await;
    }

    /// Takes everything out; `None` once the box is closed.
    #[must_use]
    pub fn empty(&self) -> Option<VecDeque<T>> {
        let mut contents = self.shared.contents.lock();
        if contents.closed {
            return None;
        }
        contents.bytes = 0;
        Some(std::mem::take(&mut contents.letters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_box_that_overflows_closes_itself() {
        let mailbox = Mailbox::new();
        mailbox.post(Parcel(limits::MAILBOX_BYTES_MAX)).expect("room");
        assert_eq!(mailbox.post(Parcel(1)), Err(NotPosted::Full));
        assert_eq!(mailbox.post(Parcel(1)), Err(NotPosted::Closed));
        assert_eq!(mailbox.empty(), None);
    }
}
