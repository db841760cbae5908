//! The paths that are open, so that all of them can be told something at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use mtproto::session::PathId;
use parking_lot::Mutex;

use crate::mailbox::Mailbox;
use crate::peer::ToPeer;

/// The boxes of all paths by their names; bounded by admission, as each path is a connection that was let in.
///
/// Where all tasks waited for a change themselves, each of them would hold a place in one list, and take its lock for every
/// packet.
#[derive(Default)]
pub(crate) struct OpenPaths {
    next: AtomicU64,
    boxes: Mutex<BTreeMap<PathId, Mailbox<ToPeer>>>,
}

impl OpenPaths {
    /// Takes a path in and gives it a name that no other ever had.
    pub(crate) fn enter(&self, mailbox: &Mailbox<ToPeer>) -> PathId {
        let id = PathId(self.next.fetch_add(1, Ordering::Relaxed));
        self.boxes.lock().insert(id, mailbox.clone());
        id
    }

    /// A path is gone.
    pub(crate) fn leave(&self, id: PathId) {
        self.boxes.lock().remove(&id);
    }

    /// Has every path look at how far the node has come.
    pub(crate) fn ring(&self) {
        let boxes: Vec<_> = self.boxes.lock().values().cloned().collect();
        for mailbox in boxes {
            mailbox.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_path_is_rung_as_long_as_it_is_open() {
        let (open, first, second) = (OpenPaths::default(), Mailbox::new(), Mailbox::new());
        let (one, other) = (open.enter(&first), open.enter(&second));
        assert_ne!(one, other);
        open.leave(other);
        open.ring();
        first.filled().await;
        assert!(!second.is_rung());
        open.leave(one);
        assert!(open.boxes.lock().is_empty());
    }
}
