//! Which commit wrote last to which rows, so that whoever reads waits for the disk only where they read what is new.
//!
//! A few thousand places stand for all tables of all owners; some share one, and then wait for each other's commits in vain.
//! Nothing is forgotten too early and nothing grows.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::{Ticket, Writes};
use crate::key::HEAD_BYTES;
use crate::limits::WRITTEN_PLACES;
use crate::table::KeyRange;

/// The newest commit of each place.
pub(crate) struct Written(Box<[AtomicU64]>);

impl Default for Written {
    fn default() -> Self {
        Self((0..WRITTEN_PLACES).map(|_| AtomicU64::new(Ticket::START.0)).collect())
    }
}

impl Written {
    /// Notes what the commit `ticket` is about to write. Before anybody can see it: who sees it must find it noted.
    pub(crate) fn note(&self, writes: &Writes, ticket: Ticket) {
        let mut last: &[u8] = &[];
        for key in writes.keys() {
            let head = head(key);
            // Keys come in order, so those of one table are neighbours.
            if head != last {
                if let Some(place) = self.place(head) {
                    place.fetch_max(ticket.0, Ordering::AcqRel);
                }
                last = head;
            }
        }
    }

    /// The newest commit that may have written to the owner and table of `key`.
    pub(crate) fn by_key(&self, key: &[u8]) -> Ticket {
        self.place(head(key)).map_or(Ticket::START, |place| Ticket(place.load(Ordering::Acquire)))
    }

    /// The same for all keys of a range; nothing if the range is more than one table of one owner.
    pub(crate) fn by_range(&self, range: &KeyRange) -> Option<Ticket> {
        let (low, high) = (range.low.split_at_checked(HEAD_BYTES)?.0, range.high.as_slice());
        let (owner, family) = low.split_at_checked(HEAD_BYTES - 1)?;
        let behind = high.strip_prefix(owner)?;
        let next = family.first()?.checked_add(1)?;
        (behind.starts_with(family) || behind == [next]).then(|| self.by_key(low))
    }

    fn place(&self, head: &[u8]) -> Option<&AtomicU64> {
        // FNV-1a: the head holds an owner's number, which need not be spread.
        let hash = head.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let folded = hash ^ hash >> 32;
        self.0.get(usize::try_from(folded % WRITTEN_PLACES as u64).ok()?)
    }
}

/// Owner and table of a key.
fn head(key: &[u8]) -> &[u8] {
    key.split_at_checked(HEAD_BYTES).map_or(key, |(head, _)| head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RawKey;

    fn key(owner: u8, family: u8, rest: &[u8]) -> RawKey {
        RawKey::from_vec([&[0, 1, b'u', 0, 0, 0, 0, 0, 0, 0, owner, family][..], rest].concat())
    }

    fn range(low: RawKey, high: RawKey) -> KeyRange {
        KeyRange { low, high }
    }

    #[test]
    fn a_commit_is_found_by_all_that_it_wrote_and_by_nothing_else() {
        let written = Written::default();
        let rows = [key(1, b'a', b"x"), key(1, b'a', b"y"), key(1, b'b', b""), key(2, b'a', b"z")];
        written.note(&rows.into_iter().map(|key| (key, None)).collect(), Ticket(7));
        written.note(&[(key(2, b'a', b"z"), None)].into(), Ticket(9));
        assert_eq!(written.by_key(&key(1, b'a', b"another")), Ticket(7));
        assert_eq!(written.by_key(&key(1, b'b', b"x")), Ticket(7));
        assert_eq!(written.by_key(&key(2, b'a', b"")), Ticket(9));
        assert_eq!(written.by_key(&key(3, b'a', b"x")), Ticket::START);
        assert_eq!(written.by_key(b"no key"), Ticket::START);
    }

    #[test]
    fn a_range_within_one_table_is_that_tables_and_a_wider_one_is_anybodys() {
        let written = Written::default();
        written.note(&[(key(1, b'a', b"x"), None)].into(), Ticket(7));
        let of = |low, high| written.by_range(&range(low, high));
        assert_eq!(of(key(1, b'a', b""), key(1, b'b', b"")), Some(Ticket(7)), "all of the table");
        assert_eq!(of(key(1, b'a', b"p"), key(1, b'a', b"q")), Some(Ticket(7)));
        assert_eq!(of(key(1, b'b', b"p"), key(1, b'c', b"")), Some(Ticket::START));
        assert_eq!(of(key(1, b'a', b""), key(1, b'b', b"x")), None, "a row of the next one");
        assert_eq!(of(key(1, b'a', b""), key(1, b'c', b"")), None);
        assert_eq!(of(key(1, b'a', b""), key(2, b'a', b"")), None);
        assert_eq!(of(key(1, 255, b""), key(2, 0, b"")), None);
        assert_eq!(of(RawKey::new(), RawKey::from_slice(&[255])), None);
    }
}
