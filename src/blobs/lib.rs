//! File bytes by range: a local directory, or whatever else the `object_store` crate reaches.
//!
//! A blob is written once and whole, and read by ranges. What [`Blobs::put`] has acknowledged is on disk: the bytes, and
//! the name by which they are found again.
//!
//! Absent: what a file is, who may read it, and which blobs are still needed. That is written in the store, and the
//! collector of the gateway compares it with [`Blobs::list`].

#![forbid(unsafe_code)]

mod error;
mod key;
pub mod limits;
mod local;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};

pub use error::BlobError;
pub use key::{BadKey, BlobKey};
use limits::{BLOB_BYTES_MAX, LISTED_MAX, RANGE_BYTES_MAX};
use local::LocalDir;

/// Where file bytes are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    place: Arc<dyn ObjectStore>,
    /// The directory, if it is one of this machine.
    dir: Option<Arc<LocalDir>>,
}

/// What stands in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The blob.
    pub key: BlobKey,
    /// Its length, in bytes.
    pub bytes: u64,
    /// When it was put.
    pub put_at: SystemTime,
}

/// Blobs that together make one long run of bytes: `whole/0`, `whole/1` ..., all of `part_bytes` but the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// What the parts are parts of.
    pub whole: BlobKey,
    /// Length of every part but the last, in bytes.
    pub part_bytes: u64,
    /// Length of all together, in bytes.
    pub total_bytes: u64,
}

impl Blobs {
    /// Keeps blobs in the directory `dir`, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`] if it cannot be made.
    pub fn local(dir: &Path) -> Result<Self, BlobError> {
        let local = LocalDir::make(dir).map_err(|error| BlobError::io("opening", error))?;
        let place = LocalFileSystem::new_with_prefix(dir)
            .map_err(|error| BlobError::io("opening", error))?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Self { place: Arc::new(place), dir: Some(Arc::new(local)) })
    }

    /// Keeps blobs in memory, for tests.
    #[must_use]
    pub fn memory() -> Self {
        Self::over(Arc::new(InMemory::new()))
    }

    /// Keeps blobs in any object store: S3 and its kin, whose puts are durable when they return.
    #[must_use]
    pub fn over(place: Arc<dyn ObjectStore>) -> Self {
        Self { place, dir: None }
    }

    /// Keeps `bytes` under `key`, in place of what was there. On return they are durable; on an error, or if the future is
    /// dropped, the blob is there whole, as it was before, or not at all.
    ///
    /// # Errors
    ///
    /// [`BlobError::TooLarge`], [`BlobError::Io`].
    pub async fn put(&self, key: &BlobKey, bytes: Bytes) -> Result<(), BlobError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { bytes: bytes.len() });
        }
        self.place.put(&key.path(), bytes.into()).await.map_err(|error| BlobError::io("putting", error))?;
        let Some(dir) = self.dir.clone() else { return Ok(()) };
        let path = key.path();
        if dir.is_kept(&path) {
            return Ok(());
        }
        tokio::task::spawn_blocking(move || dir.keep(&path))
            .await
            .map_err(|error| BlobError::io("putting", error))?
            .map_err(|error| BlobError::io("putting", error))
    }

    /// The bytes of `key` from `offset` on, at most `limit` of them and never more than [`RANGE_BYTES_MAX`]. Fewer where
    /// the blob ends, none behind its end.
    ///
    /// # Errors
    ///
    /// [`BlobError::NotFound`], [`BlobError::Io`].
    pub async fn range(&self, key: &BlobKey, offset: u64, limit: usize) -> Result<Bytes, BlobError> {
        let limit = u64::try_from(limit.min(RANGE_BYTES_MAX)).unwrap_or(u64::MAX);
        // An empty range is an error to some stores and the whole blob to others; our answer needs only the length.
        if limit == 0 {
            return self.length(key).await.map(|_| Bytes::new());
        }
        let wanted = GetRange::Bounded(offset..offset.saturating_add(limit));
        let read = async {
            let found =
                self.place.get_opts(&key.path(), GetOptions::default().with_range(Some(wanted))).await?;
            found.bytes().await
        };
        match read.await {
            Ok(bytes) => Ok(bytes),
            Err(object_store::Error::NotFound { .. }) => Err(BlobError::NotFound(key.clone())),
            // Every store has its own words for a range behind the end.
            Err(error) => match self.length(key).await? {
                length if offset >= length => Ok(Bytes::new()),
                _ => Err(BlobError::io("reading", error)),
            },
        }
    }

    /// As [`range`](Self::range), over the run of bytes that `parts` make up.
    ///
    /// # Errors
    ///
    /// [`BlobError::NotFound`] if a part is missing or shorter than it must be, [`BlobError::Io`].
    pub async fn range_of_parts(&self, parts: &Parts, offset: u64, limit: usize) -> Result<Bytes, BlobError> {
        let limit = u64::try_from(limit.min(RANGE_BYTES_MAX)).unwrap_or(u64::MAX);
        let end = parts.total_bytes.min(offset.saturating_add(limit));
        let mut run = BytesMut::new();
        let mut position = offset;
        while position < end && parts.part_bytes > 0 {
            let key = part(&parts.whole, position / parts.part_bytes)?;
            let inside = position % parts.part_bytes;
            let wanted = (parts.part_bytes - inside).min(end - position);
            let bytes = self.range(&key, inside, usize::try_from(wanted).unwrap_or(usize::MAX)).await?;
            if bytes.len() as u64 != wanted {
                return Err(BlobError::NotFound(key));
            }
            position += wanted;
            // Almost every read lies inside one part and is handed on without a copy.
            if position == end && run.is_empty() {
                return Ok(bytes);
            }
            run.extend_from_slice(&bytes);
        }
        Ok(run.freeze())
    }

    /// The length of `key`, in bytes.
    ///
    /// # Errors
    ///
    /// [`BlobError::NotFound`], [`BlobError::Io`].
    pub async fn length(&self, key: &BlobKey) -> Result<u64, BlobError> {
        match self.place.head(&key.path()).await {
            Ok(found) => Ok(found.size),
            Err(object_store::Error::NotFound { .. }) => Err(BlobError::NotFound(key.clone())),
            Err(error) => Err(BlobError::io("looking", error)),
        }
    }

    /// Whether there is a blob `key`.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`].
    pub async fn exists(&self, key: &BlobKey) -> Result<bool, BlobError> {
        match self.length(key).await {
            Ok(_) => Ok(true),
            Err(BlobError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes `key`; if there is none, that is well, too. A removal may come undone in a crash: the collector does it again.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`].
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.forget(&key.path());
        match self.place.delete(&key.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(BlobError::io("deleting", error)),
        }
    }

    /// Removes every part of `whole`, and tells how many there were.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`]; some parts may be gone by then.
    pub async fn delete_parts(&self, whole: &BlobKey) -> Result<u64, BlobError> {
        let mut found = self.place.list(Some(&whole.folder()));
        let mut removed = 0;
        while let Some(part) = found.try_next().await.map_err(|error| BlobError::io("listing", error))? {
            self.forget(&part.location);
            match self.place.delete(&part.location).await {
                Ok(()) => removed += 1,
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(BlobError::io("deleting", error)),
            }
        }
        Ok(removed)
    }

    /// A directory that loses its last file is removed, and made anew for the next one.
    fn forget(&self, path: &object_store::path::Path) {
        if let Some(dir) = &self.dir {
            dir.forget(path);
        }
    }

    /// Some blobs: those of the shelves `from` on, whole shelves at a time, until there are `limit` of them (at most
    /// [`LISTED_MAX`] and one shelf) or none are left. Also returns the shelf to go on with, if there is one. For the
    /// collector, which walks all blobs in small steps.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`].
    pub async fn list(&self, from: u8, limit: usize) -> Result<(Vec<Listed>, Option<u8>), BlobError> {
        let mut listed = Vec::new();
        for shelf in from..=u8::MAX {
            let folder = object_store::path::Path::from(format!("{shelf:02x}"));
            let mut found = self.place.list(Some(&folder));
            while let Some(blob) = found.next().await {
                let blob = match blob {
                    Ok(blob) => blob,
                    // Deleted while we looked.
                    Err(object_store::Error::NotFound { .. }) => continue,
                    Err(error) => return Err(BlobError::io("listing", error)),
                };
                // What is not ours is left alone.
                if let Some(key) = BlobKey::at(&blob.location) {
                    listed.push(Listed { key, bytes: blob.size, put_at: blob.last_modified.into() });
                }
            }
            if listed.len() >= limit.min(LISTED_MAX) {
                return Ok((listed, shelf.checked_add(1)));
            }
        }
        Ok((listed, None))
    }

    /// Removes files that a crash left half written, if nobody has touched them for `quiet`. Tells how many there were.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`].
    pub async fn remove_unfinished(&self, quiet: Duration) -> Result<u64, BlobError> {
        let Some(dir) = self.dir.clone() else { return Ok(0) };
        tokio::task::spawn_blocking(move || local::remove_unfinished(dir.path(), quiet))
            .await
            .map_err(|error| BlobError::io("tidying", error))?
            .map_err(|error| BlobError::io("tidying", error))
    }
}

fn part(whole: &BlobKey, number: u64) -> Result<BlobKey, BlobError> {
    whole.part(number).map_err(|error| BlobError::io("naming a part", error))
}

#[cfg(test)]
mod tests;
