//! Housekeeping of a local directory.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

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
