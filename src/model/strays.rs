//! Blobs to which no row leads: what a removal that came undone in a crash, or an old copy of a directory, left behind.
//!
//! No table leads from the name of a blob to its file. So names that look old enough are held against all uploads and all
//! files, a stretch of rows at a time and each in a transaction of its own. That is safe because names are never dealt twice:
//! only an upload makes a file of an old name, and the uploads are gone through first.

use std::collections::{HashMap, HashSet};

use store::{OwnerId, RawRow, Tx};

use crate::error::Done;
use crate::ids::{FileId, KeyId};
use crate::limits;
use crate::tables::{DOCUMENTS, PHOTOS, UPLOADS};

/// Names of blobs that are held against the rows.
#[derive(Debug)]
pub struct Sieve {
    /// The names, by what rows call them: all but the last piece.
    left: HashMap<String, Vec<String>>,
    stage: Stage,
    shard: u16,
    after: Option<RawRow>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Uploads,
    Files,
    Done,
}

/// What the rows call a blob.
fn prefix(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(prefix, _)| prefix)
}

/// The upload of which a prefix is a part.
fn upload(prefix: &str) -> &str {
    prefix.split('-').next().unwrap_or(prefix)
}

impl Sieve {
    /// A sieve with these names in it. They must be older than any upload lasts.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut left: HashMap<String, Vec<String>> = HashMap::new();
        for name in names {
            left.entry(prefix(&name).to_owned()).or_default().push(name);
        }
        let stage = if left.is_empty() { Stage::Done } else { Stage::Uploads };
        Self { left, stage, shard: 0, after: None }
    }

    /// Goes over some more rows: in one transaction no more than [`limits::STRAYS_ROWS`]. True when it has seen all.
    ///
    /// # Errors
    ///
    /// The store's fault; a row that is damaged is one, and then nothing may be removed.
    pub fn step(&mut self, tx: &Tx<'_>) -> Done<bool> {
        let mut looked = 0;
        while looked < limits::STRAYS_ROWS && self.stage != Stage::Done {
            let kind = if self.stage == Stage::Uploads { KeyId::KIND } else { FileId::KIND };
            let rows = tx.raw_rows_of(kind, self.shard, self.after.as_ref(), limits::STRAYS_ROWS)?;
            // An empty shard costs a look as well.
            looked += rows.len().max(limits::STRAYS_ROWS / limits::STRAYS_SHARDS);
            for row in &rows {
                self.meet(row)?;
            }
            let full = rows.len() == limits::STRAYS_ROWS;
            self.after = rows.into_iter().next_back().filter(|_| full);
            if !full {
                self.next_shard();
            }
        }
        Ok(self.stage == Stage::Done)
    }

    fn next_shard(&mut self) {
        self.shard += 1;
        if self.shard == store::limits::VSHARDS || self.left.is_empty() {
            self.shard = 0;
            self.stage = if self.stage == Stage::Uploads && !self.left.is_empty() {
                Stage::Files
            } else {
                Stage::Done
            };
        }
    }

    fn meet(&mut self, row: &RawRow) -> Done<()> {
        if UPLOADS.has_row(row) {
            let (_, row) = UPLOADS.read(row)?;
            self.left.retain(|prefix, _| upload(prefix) != row.prefix);
        } else if PHOTOS.has_row(row) {
            let (_, row) = PHOTOS.read(row)?;
            for size in &row.sizes {
                self.left.remove(&size.body.prefix);
            }
        } else if DOCUMENTS.has_row(row) {
            let (_, row) = DOCUMENTS.read(row)?;
            self.left.remove(&row.body.prefix);
            for size in &row.thumbs {
                self.left.remove(&size.body.prefix);
            }
        }
        Ok(())
    }

    /// The names to which no row leads, once all rows were seen; nothing before.
    #[must_use]
    pub fn strays(self) -> HashSet<String> {
        if self.stage == Stage::Done { self.left.into_values().flatten().collect() } else { HashSet::new() }
    }
}
