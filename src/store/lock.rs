//! One server per data directory.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The right to use a data directory, given back when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

/// Why a data directory cannot be used.
#[derive(Debug)]
pub enum LockError {
    /// Another process uses it.
    Held {
        /// The directory.
        dir: PathBuf,
        /// The process, if its number could be read.
        pid: Option<u32>,
    },
    /// The directory or its lock file cannot be made or opened.
    Io {
        /// The directory.
        dir: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

/// Takes the lock of `dir`, which is made if it is missing.
///
/// # Errors
///
/// [`LockError`]; its text is fit to be the one line that a refusing server prints.
pub fn lock_dir(dir: &Path) -> Result<DirLock, LockError> {
    let failed = |error| LockError::Io { dir: dir.to_owned(), error };
    fs::create_dir_all(dir).map_err(failed)?;
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(dir.join("lock"))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(dir, &mut file)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // For whoever is refused, nothing more: the lock is the kernel's.
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
    Ok(DirLock { _file: file })
}

/// Takes the lock of `dir` for somebody who only reads: others may read beside them, and nobody serves. Nothing is
/// written; a directory that no server ever used has no lock and is refused.
///
/// # Errors
///
/// [`LockError`].
pub fn lock_dir_to_read(dir: &Path) -> Result<DirLock, LockError> {
    let failed = |error| LockError::Io { dir: dir.to_owned(), error };
    let mut file = File::open(dir.join("lock")).map_err(failed)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(DirLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(held(dir, &mut file)),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn held(dir: &Path, file: &mut File) -> LockError {
    let mut text = String::new();
    let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
    LockError::Held { dir: dir.to_owned(), pid }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { dir, pid: Some(pid) } => {
                write!(f, "the data directory {} is in use by process {pid}", dir.display())
            }
            Self::Held { dir, pid: None } => {
                write!(f, "the data directory {} is in use by another process", dir.display())
            }
            Self::Io { dir, error } => write!(f, "cannot use the data directory {}: {error}", dir.display()),
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Held { .. } => None,
            Self::Io { error, .. } => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_refused_and_told_who_has_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let dir = dir.path().join("data");
        let first = lock_dir(&dir).expect("nobody else is there");
        match lock_dir(&dir) {
            Err(LockError::Held { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(first);
        lock_dir(&dir).expect("the first one has gone");
    }

    #[test]
    fn readers_share_a_directory_and_keep_servers_out() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        lock_dir_to_read(dir.path()).expect_err("nobody ever served here");
        let server = lock_dir(dir.path()).expect("nobody else is there");
        let before = fs::read(dir.path().join("lock")).expect("the lock");
        assert!(matches!(lock_dir_to_read(dir.path()), Err(LockError::Held { pid: Some(_), .. })));
        drop(server);
        let _one = lock_dir_to_read(dir.path()).expect("the server has gone");
        let _two = lock_dir_to_read(dir.path()).expect("beside the first");
        assert!(matches!(lock_dir(dir.path()), Err(LockError::Held { .. })));
        assert_eq!(fs::read(dir.path().join("lock")).expect("the lock"), before, "nothing was written");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_said_in_one_line() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("file");
        fs::write(&file, "x").expect("a file");
        let error = lock_dir(&file).expect_err("a file is no directory").to_string();
        assert!(error.starts_with("cannot use the data directory") && !error.contains('\n'));
    }
}
