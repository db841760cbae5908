//! Sessions whose answers have become durable, on their way to a thread of the sockets.
//!
//! A group of commits becomes durable at one moment, and then many sessions have something to say. The thread that commits
//! writes their names down here, and wakes one task for all of them: one for each would cost it more than the commits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::node::Node;
use crate::sessions::Entry;
use crate::{limits, metrics};

/// The sessions that may leave and have not yet. Each stands here at most once for each of its answers, which are bounded.
#[derive(Default)]
pub(crate) struct Departures {
    waiting: Mutex<Vec<Arc<Entry>>>,
}

impl Departures {
    /// Has `entries` send what is durable of theirs, on a thread of the sockets: from there waking a connection costs least.
    pub(crate) fn add(&self, node: &Arc<Node>, entries: impl IntoIterator<Item = Arc<Entry>>) {
        let mut waiting = self.waiting.lock();
        // Whoever put the first one there has woken the task that takes them all.
        let first = waiting.is_empty();
        waiting.extend(entries);
        drop(waiting);
        if first {
            node.runtime.spawn(depart(Arc::clone(node)));
        }
    }
}

async fn depart(node: Arc<Node>) {
    let mut entries = std::mem::take(&mut *node.departures.waiting.lock());
    // Not all on one thread, if they are many.
    while entries.len() > limits::DEPARTURES_AT_ONCE {
        let others = entries.split_off(entries.len() - limits::DEPARTURES_AT_ONCE);
        node.runtime.spawn(release_all(Arc::clone(&node), others));
    }
    release_all(node, entries).await;
}

async fn release_all(node: Arc<Node>, entries: Vec<Arc<Entry>>) {
    for entry in entries {
        // A panic costs this session its answers, and none of the others that leave with it.
        if catch_unwind(AssertUnwindSafe(|| entry.release(&node))).is_err() {
            metrics::panicked("departure");
        }
        tokio::task::consume_budget().await;
    }
}
