//! `chappe verify`: walks the invariants of a data directory that nobody serves, without writing into it.
//!
//! An engine that opens a store works on it: it recovers, compacts, tidies. So the store is copied first, and the copy is
//! opened; a damaged directory stays as it was found, for whoever wants to look at it.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use blobs::{BlobKey, Blobs};
use model::verify::{Report, Rule};
use store::Store;

use crate::{ServerError, in_a_line};

/// Blobs that are listed at once.
const LISTED: usize = 1_000;
/// Strays that are told by name; of more the number is told.
pub const STRAYS_MAX: usize = 1_000;

/// What was found.
#[derive(Debug)]
pub struct Verified {
    /// What the rows say, and which blobs that they lead to are missing.
    pub report: Report,
    /// Blobs to which no row leads, with their lengths: no harm, and removed by the server after a time. The first
    /// [`STRAYS_MAX`].
    pub strays: Vec<(BlobKey, u64)>,
    /// How many there are, and their bytes together.
    pub stray: (u64, u64),
    /// Blobs that were looked at.
    pub blobs: u64,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, bytes) in &self.strays {
            writeln!(f, "stray: {key}: {bytes} bytes, no row leads to it")?;
        }
        let (count, bytes) = self.stray;
        writeln!(f, "{}", self.report)?;
        write!(f, "{} blobs: {count} strays of {bytes} bytes", self.blobs)
    }
}

/// Walks the data directory `data`; a copy of its store is made in `scratch` and removed again.
///
/// # Errors
/// [`ServerError`] if there is no store, another process uses it, the copy cannot be made, or the engine cannot open it.
pub fn data_dir(data: &Path, scratch: &Path) -> Result<Verified, ServerError> {
    let dir = data.join("store");
    let nothing = || ServerError(format!("there is no store in {}", data.display()));
    let Some(engine) = store::engine_of(&dir).map_err(in_a_line)? else { return Err(nothing()) };
    let _lock = store::lock_dir_to_read(data).map_err(in_a_line)?;
    let copy = Scratch::of(&dir, scratch)
        .map_err(|error| in_a_line(format!("copying the store to {}: {error}", scratch.display())))?;
    let config = store::Config { engine, dir: copy.0.clone(), cache_bytes: 64 * 1024 * 1024 };
    let store = Store::open(&config).map_err(in_a_line)?;
    store_and_blobs(&store, &data.join("blobs"))
}

/// Walks an open store, and lays what its rows want beside what is in the directory `blobs`. Not from inside of a runtime.
///
/// # Errors
/// [`ServerError`] if either cannot be read.
pub fn store_and_blobs(store: &Store, blobs: &Path) -> Result<Verified, ServerError> {
    let report = model::verify::walk(store).map_err(in_a_line)?;
    let mut found = Verified { report, strays: Vec::new(), stray: (0, 0), blobs: 0 };
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(in_a_line)?;
    runtime.block_on(compare(blobs, &mut found)).map_err(in_a_line)?;
    Ok(found)
}

/// Lays what the rows want beside what there is.
async fn compare(dir: &Path, found: &mut Verified) -> Result<(), blobs::BlobError> {
    let mut missing = found.report.wanted.blobs.clone();
    // To open a place for blobs is to make it.
    let place = if dir.is_dir() { Some(Blobs::local(dir)?) } else { None };
    let mut shelf = place.is_some().then_some(0);
    while let (Some(place), Some(from)) = (&place, shelf) {
        let (listed, next) = place.list(from, LISTED).await?;
        shelf = next;
        for blob in listed {
            found.blobs += 1;
            match missing.remove(blob.key.as_str()) {
                Some(bytes) if bytes == blob.bytes => {}
                Some(bytes) => {
                    let what = format_args!("is {} bytes long and must be {bytes}", blob.bytes);
                    found.report.add(Rule::Blob, &blob.key, what);
                }
                None if found.report.wanted.is_stray(blob.key.as_str()) => {
                    found.stray = (found.stray.0 + 1, found.stray.1 + blob.bytes);
                    if found.strays.len() < STRAYS_MAX {
                        found.strays.push((blob.key, blob.bytes));
                    }
                }
                None => {}
            }
        }
    }
    for (name, bytes) in missing {
        found.report.add(Rule::Blob, name, format_args!("is missing, {bytes} bytes"));
    }
    Ok(())
}

/// A copy that vanishes with its value.
struct Scratch(PathBuf);

impl Scratch {
    fn of(dir: &Path, scratch: &Path) -> io::Result<Self> {
        let copy = Self(scratch.join(format!("chappe-verify-{}", std::process::id())));
        copy_dir(dir, &copy.0)?;
        Ok(copy)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is in a place that is emptied by others.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
