//! Where an fjall journal is torn.
//!
//! fjall takes a last batch that ends early for one that was never written, and refuses to open where a batch is of the right
//! length and not what its checksum says. After a loss of power that may be the tail as well: of the bytes that no sync covered
//! any may be there and any may not. So the journal is read here, and cut in front of the first batch that is not whole.
//!
//! A batch is `1, count u32, seqno u64`, then items, `2, type u8, compression u8, keyspace u64, length of the key u16, of the
//! value u32, of the value as it stands here u32, key, value`, or `4, keyspace u64`, then `3, XXH3 of the items u64, "FJL" 3`.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

const TRAILER: &[u8] = b"FJL\x03";

/// Cuts the journal where it is torn, and keeps what was behind in a file beside it; how many bytes that is.
pub(crate) fn cut(journal: &Path) -> io::Result<usize> {
    let bytes = fs::read(journal)?;
    let whole = whole_until(&bytes);
    let torn = bytes.get(whole..).unwrap_or_default();
    fs::write(journal.with_extension("torn"), torn)?;
    let file = OpenOptions::new().write(true).open(journal)?;
    file.set_len(whole as u64)?;
    file.sync_all()?;
    Ok(torn.len())
}

/// Where the last of the batches ends that are whole and follow each other from the start.
fn whole_until(journal: &[u8]) -> usize {
    let mut rest = journal;
    while let Some(behind) = batch(rest) {
        rest = behind;
    }
    journal.len() - rest.len()
}

/// What is behind the batch at the start of `bytes`, if one is there.
fn batch(bytes: &[u8]) -> Option<&[u8]> {
    let ([1, count @ .., _, _, _, _, _, _, _, _], items) = bytes.split_first_chunk::<13>()? else {
        return None;
    };
    let mut rest = items;
    for _ in 0..u32::from_le_bytes(*count) {
        rest = item(rest)?;
    }
    let whole = items.get(..items.len() - rest.len())?;
    let ([3, sum @ ..], rest) = rest.split_first_chunk::<9>()? else { return None };
    let rest = rest.strip_prefix(TRAILER)?;
    (xxh3_64(whole) == u64::from_le_bytes(*sum)).then_some(rest)
}

/// What is behind the item at the start of `bytes`.
fn item(bytes: &[u8]) -> Option<&[u8]> {
    if bytes.first() == Some(&4) {
        return bytes.get(9..);
    }
    let (head, rest) = bytes.split_first_chunk::<21>()?;
    let [2, .., k0, k1, _, _, _, _, v0, v1, v2, v3] = *head else { return None };
    let value = usize::try_from(u32::from_le_bytes([v0, v1, v2, v3])).ok()?;
    rest.get(usize::from(u16::from_le_bytes([k0, k1])).checked_add(value)?..)
}

#[cfg(test)]
mod tests {
    use fjall::{Database, KeyspaceCreateOptions, PersistMode};

    use super::*;

    #[test]
    fn what_is_in_front_of_a_torn_batch_is_kept_and_opens() {
        let dir = tempfile::tempdir().expect("a directory");
        let open = || Database::builder(dir.path()).open().expect("it opens");
        let db = open();
        let rows = db.keyspace("rows", KeyspaceCreateOptions::default).expect("a keyspace");
        let mut ends = vec![0];
        let journal = dir.path().join("0.jnl");
        for n in 0..20_u8 {
            let mut batch = db.batch();
            // Long ones are compressed.
            (0..3).for_each(|k| batch.insert(&rows, [n, k], vec![n; 700 * usize::from(k)]));
            batch.remove(&rows, [n, 200]);
            batch.commit().expect("committed");
            db.persist(PersistMode::Buffer).expect("written");
            ends.push(whole_until(&fs::read(&journal).expect("the journal")));
        }
        assert!(ends.is_sorted() && ends.windows(2).all(|pair| pair[0] < pair[1]), "{ends:?}");
        drop((rows, db));
        let bytes = fs::read(&journal).expect("the journal");
        // A byte in the twelfth batch.
        let at = usize::midpoint(ends[11], ends[12]);
        let mut bent = bytes.clone();
        bent[at] ^= 1;
        assert_eq!(whole_until(&bent), ends[11]);
        fs::write(&journal, &bent).expect("written");
        let refused = Database::builder(dir.path()).open().err();
        assert!(matches!(refused, Some(fjall::Error::JournalRecovery(_))), "{refused:?}");
        fs::write(&journal, &bent).expect("written");
        assert_eq!(cut(&journal).expect("cut"), bytes.len() - ends[11]);
        let db = open();
        let rows = db.keyspace("rows", KeyspaceCreateOptions::default).expect("a keyspace");
        for n in 0..20_u8 {
            assert_eq!(rows.get([n, 2]).expect("a read").is_some(), n < 11, "{n}");
        }
    }
}
