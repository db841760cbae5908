//! Work for later.

use std::sync::Arc;

use crate::courier::Courier;
use crate::limits;
use crate::node::Node;

/// Does what is due, until it is dropped.
pub(crate) async fn run(node: Arc<Node>, courier: Courier) {
    let mut every = tokio::time::interval(limits::JOBS_EVERY);
    loop {
        every.tick().await;
        let _ = (&node, &courier);
    }
}
