//! Scans over rows of which some have been overwritten in memory.

use std::ops::Bound;

use crate::engine::{Pair, RawKey, RawValue, Writes};
use crate::fault::Fault;
use crate::table::{KeyRange, Order};

/// The first `limit` rows of `range` in `order`, as `writes` laid over what is `below` show them. `below` is asked for the
/// first rows without them, as many as it is told.
pub(crate) fn scan(
    writes: &Writes,
    range: &KeyRange,
    order: Order,
    limit: usize,
    below: impl FnOnce(usize) -> Result<Vec<Pair>, Fault>,
) -> Result<Vec<Pair>, Fault> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let bounds = (Bound::Included(range.low.as_slice()), Bound::Excluded(range.high.as_slice()));
    let written = writes.range::<[u8], _>(bounds);
    // Rows that are deleted here may be among those found first below.
    let deleted = written.clone().filter(|(_, value)| value.is_none()).count();
    let stored = below(limit.saturating_add(deleted))?;
    Ok(match order {
        Order::Forward => merge(stored, written, limit, |a, b| a < b),
        Order::Backward => merge(stored, written.rev(), limit, |a, b| a > b),
    })
}

/// Lays what was `written` over what is `stored`, both in the order that `precedes` tells, until `limit` rows are found.
fn merge<'w>(
    stored: Vec<Pair>,
    written: impl Iterator<Item = (&'w RawKey, &'w Option<RawValue>)>,
    limit: usize,
    precedes: impl Fn(&[u8], &[u8]) -> bool,
) -> Vec<Pair> {
    let mut written = written.peekable();
    if written.peek().is_none() {
        return stored;
    }
    let mut stored = stored.into_iter().peekable();
    let mut rows = Vec::new();
    while rows.len() < limit {
        let from_store = match (stored.peek(), written.peek()) {
            (Some((old, _)), Some((new, _))) => precedes(old, new),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => break,
        };
        if from_store {
            rows.extend(stored.next());
        } else if let Some((key, value)) = written.next() {
            stored.next_if(|(old, _)| old == key);
            rows.extend(value.clone().map(|value| (key.clone(), value)));
        }
    }
    rows
}
