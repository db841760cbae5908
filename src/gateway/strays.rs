//! Removes blobs to which no row leads: a removal may come undone in a loss of power, after its job has ended.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use api::{Api, Sieve, Stop, Ticket};
use blobs::{BlobKey, Blobs};

use crate::node::{Node, Overloaded};
use crate::{limits, metrics};

/// Looks now and then, until it is dropped.
pub(crate) async fn run(node: Arc<Node>) {
    let mut pause = limits::STRAYS_FIRST;
    loop {
        tokio::time::sleep(pause).await;
        pause = limits::STRAYS_EVERY;
        match node.remove_strays().await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "blobs that no row leads to were removed"),
            Err(error) => tracing::warn!(error, "looking for blobs that no row leads to"),
        }
    }
}

impl Node {
    /// Removes what no row leads to and nobody has touched for long; tells how many there were.
    async fn remove_strays(self: &Arc<Self>) -> Result<u64, String> {
        let (mut shelf, mut removed) = (Some(0), 0);
        while let Some(from) = shelf {
            let (old, next) = old(&self.blobs, limits::STRAYS_KEEP, from).await?;
            shelf = next;
            if !old.is_empty() {
                let sieve = self.sift(sieve(&old)).await?;
                let here = remove(&self.blobs, &old, &sieve.strays()).await?;
                metrics::strays_removed(here);
                removed += here;
            }
        }
        Ok(removed)
    }

    /// Holds the names in a sieve against all rows, a transaction at a time, and pauses in between: calls come first.
    async fn sift(self: &Arc<Self>, mut sieve: Sieve) -> Result<Sieve, String> {
        loop {
            let node = Arc::clone(self);
            let step = self.on_worker(move || {
                let done = step(&node.api, &mut sieve);
                (sieve, done)
            });
            let (back, done) = step.await.map_err(|Overloaded| "too much to do".to_owned())?;
            sieve = back;
            match done {
                // Rows that a loss of power would bring back lead to their blobs again.
                Ok((done, ticket)) => {
                    self.until_durable(ticket).await.map_err(|Overloaded| "the store failed".to_owned())?;
                    if done {
                        return Ok(sieve);
                    }
                    tokio::time::sleep(limits::STRAYS_PAUSE).await;
                }
                Err(stop) => {
                    self.note_stop(&stop);
                    return Err("the store failed".to_owned());
                }
            }
        }
    }
}

/// One step; whether it was the last, and the newest commit that it saw.
fn step(api: &Api, sieve: &mut Sieve) -> Result<(bool, Ticket), Stop> {
    api.store().read(|tx| sieve.step(tx))
}

/// Some of the blobs that nobody has touched for `keep`: those of the shelves `from` on, and the shelf to go on with.
async fn old(blobs: &Blobs, keep: Duration, from: u8) -> Result<(Vec<BlobKey>, Option<u8>), String> {
    let listed = blobs.list(from, limits::STRAYS_LISTED).await;
    let (listed, next) = listed.map_err(|error| error.to_string())?;
    // A clock that was set back makes a blob look young: it is then removed another time.
    let old = listed.into_iter().filter(|blob| blob.put_at.elapsed().is_ok_and(|age| age >= keep));
    Ok((old.map(|blob| blob.key).collect(), next))
}

fn sieve(keys: &[BlobKey]) -> Sieve {
    Sieve::new(keys.iter().map(|key| key.as_str().to_owned()))
}

async fn remove(blobs: &Blobs, keys: &[BlobKey], strays: &HashSet<String>) -> Result<u64, String> {
    let mut removed = 0;
    for key in keys.iter().filter(|key| strays.contains(key.as_str())) {
        blobs.delete(key).await.map_err(|error| error.to_string())?;
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use api::ids::{FileId, KeyId};
    use bytes::Bytes;
    use model::tables::{DOCUMENTS, PHOTOS, UPLOADS};
    use store::Store;
    use tl::stored;

    use super::*;

    async fn put(blobs: &Blobs, name: &str) {
        blobs.put(&BlobKey::new(name).expect("a name"), Bytes::from_static(b"x")).await.expect("kept");
    }

    #[tokio::test]
    async fn what_no_row_leads_to_is_removed_and_nothing_else() {
        let (blobs, store) = (Blobs::memory(), Arc::new(Store::memory()));
        let body = |prefix: &str| stored::Body { prefix: prefix.to_owned(), ..Default::default() };
        let size = |prefix: &str| stored::PhotoSize { body: body(prefix), ..Default::default() };
        store
            .write(|tx| {
                let upload = stored::Upload { prefix: "aa".to_owned(), ..Default::default() };
                tx.put(&UPLOADS, &(KeyId(5), 1), &upload)?;
                let photo = stored::Photo { sizes: vec![size("bb-x")], ..Default::default() };
                tx.put(&PHOTOS, &FileId(6), &photo)?;
                let document =
                    stored::Document { body: body("cc"), thumbs: vec![size("cc-t-m")], ..Default::default() };
                tx.put(&DOCUMENTS, &FileId(7), &document)
            })
            .expect("written");
        let led_to = ["aa/0", "aa/1", "aa-x/0", "bb-x/0", "cc/0", "cc-t-m/0"];
        let strays = ["dd/0", "bb/0", "bb-y/0", "cc-t-x/0"];
        for name in led_to.iter().chain(&strays) {
            put(&blobs, name).await;
        }
        let (young, _) = old(&blobs, Duration::from_secs(60), 0).await.expect("listed");
        assert!(young.is_empty(), "what is young may be an upload that has just begun");
        let (all, next) = old(&blobs, Duration::ZERO, 0).await.expect("listed");
        assert_eq!((all.len(), next), (led_to.len() + strays.len(), None));
        let mut sieve = sieve(&all);
        let mut steps = 0;
        while !store.read::<_, Stop>(|tx| sieve.step(tx)).expect("a memory store reads").0 {
            steps += 1;
        }
        assert!(steps > 10, "a transaction sees a part of the shards only: {steps}");
        assert_eq!(remove(&blobs, &all, &sieve.strays()).await, Ok(strays.len() as u64));
        for (names, there) in [(led_to.as_slice(), true), (&strays, false)] {
            for name in names {
                let key = BlobKey::new(*name).expect("a name");
                assert_eq!(blobs.exists(&key).await.expect("looked"), there, "{name}");
            }
        }
    }

    #[tokio::test]
    async fn nothing_is_removed_before_all_rows_were_seen() {
        let store = Store::memory();
        let mut begun = Sieve::new(["dd/0".to_owned()]);
        store.read::<_, Stop>(|tx| begun.step(tx)).expect("a memory store reads");
        assert!(begun.strays().is_empty(), "half a look is none");
    }
}
