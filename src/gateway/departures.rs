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
        node.runtime.spawn(release_all(others, releasing(&node)));
    }
    release_all(entries, releasing(&node)).await;
}

/// How a session is let go.
fn releasing(node: &Arc<Node>) -> impl Fn(&Arc<Entry>) + Send + 'static {
    let node = Arc::clone(node);
    move |entry| entry.release(&node)
}

/// Lets all of a group go, one after the other. A panic costs one of them its answers, and none of those that leave with it.
async fn release_all<T>(group: Vec<T>, release: impl Fn(&T)) {
    for one in group {
        if catch_unwind(AssertUnwindSafe(|| release(&one))).is_err() {
            metrics::panicked("departure");
        }
        tokio::task::consume_budget().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::tests::Counted;

    #[test]
    fn one_that_panics_keeps_none_of_those_that_leave_with_it() {
        let (counted, left) = (Counted::default(), Mutex::new(Vec::new()));
        let release = |one: &u32| {
            assert!(one % 100 != 7, "(this panic belongs to the test)");
            left.lock().push(*one);
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        // So many that the task gives up its turn in between.
        let all = || runtime.block_on(release_all((0..500).collect(), release));
        ::metrics::with_local_recorder(&counted, all);
        let expected: Vec<u32> = (0..500).filter(|one| one % 100 != 7).collect();
        assert_eq!(*left.lock(), expected, "all others have left, in their order");
        assert_eq!(counted.of("chappe_panics_total", "departure"), 5);
    }
}
