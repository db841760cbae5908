//! Housekeeping of a local directory.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::limits::KEPT_DIRS_MAX;

/// The directory, and which directories in it are known to survive a loss of power. `object_store` syncs a file and the
/// directory that it lies in, and not the directories above, in which that one may be new.
#[derive(Debug)]
pub(crate) struct LocalDir {
    path: PathBuf,
    kept: Mutex<HashSet<String>>,
}

impl LocalDir {
    pub(crate) fn make(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let above = path.parent().filter(|above| !above.as_os_str().is_empty());
        File::open(above.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(Self { path: path.to_owned(), kept: Mutex::default() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn kept(&self) -> MutexGuard<'_, HashSet<String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the directory of a blob is known to survive.
    pub(crate) fn is_kept(&self, blob: &object_store::path::Path) -> bool {
        self.kept().contains(folder(blob))
    }

    /// Makes the directory of a blob survive.
    pub(crate) fn keep(&self, blob: &object_store::path::Path) -> io::Result<()> {
        let folder = folder(blob);
        let mut dir = self.path.join(folder);
        while dir != self.path && dir.pop() {
            File::open(&dir)?.sync_all()?;
        }
        let mut kept = self.kept();
        if kept.len() >= KEPT_DIRS_MAX {
            kept.clear();
        }
        kept.insert(folder.to_owned());
        Ok(())
    }

    /// That the directory of a blob survives is not known any more.
    pub(crate) fn forget(&self, blob: &object_store::path::Path) {
        self.kept().remove(folder(blob));
    }
}

fn folder(blob: &object_store::path::Path) -> &str {
    blob.as_ref().rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Removes files of the name `…#N`, as `object_store` calls what is not finished yet, that are older than `quiet`.
pub(crate) fn remove_unfinished(dir: &Path, quiet: Duration) -> io::Result<u64> {
    let mut removed = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            removed += absent_is_fine(remove_unfinished(&entry.path(), quiet))?;
        } else if kind.is_file() && is_unfinished(&entry.file_name().to_string_lossy()) {
            removed += absent_is_fine(remove_if_quiet(&entry.path(), quiet))?;
        }
    }
    Ok(removed)
}

fn remove_if_quiet(file: &Path, quiet: Duration) -> io::Result<u64> {
    let touched = fs::metadata(file)?.modified()?;
    // A clock that was set back makes a file look young: it is then removed another time.
    if touched.elapsed().is_ok_and(|age| age >= quiet) {
        fs::remove_file(file)?;
        return Ok(1);
    }
    Ok(0)
}

fn is_unfinished(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Others finish, delete and tidy while we walk.
fn absent_is_fine(result: io::Result<u64>) -> io::Result<u64> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        result => result,
    }
}
