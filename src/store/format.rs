//! Which store lies in a directory: the file `format` beside the engine's own directory says so, in one line.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::store::{EngineKind, OpenError};

/// The format of keys and records. It grows when a store that was written before could not be read any more: when a kind of
/// owner, a family, a key or the head of a value changes its meaning, or a stored line of `schema.tl` goes without an
/// older shape of it that is still read. Such a store is refused at the start and not call by call.
pub const FORMAT: u32 = 1;

/// What a directory says of its store.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    /// There is no store.
    None,
    /// A store of this format and engine.
    Some(u32, EngineKind),
    /// Something else, in its own words.
    Other(String),
}

fn line(format: u32, engine: EngineKind) -> String {
    format!("chappe store {format}, {engine}")
}

fn parse(text: &str) -> Option<Mark> {
    let (format, engine) = text.trim().strip_prefix("chappe store ")?.split_once(", ")?;
    Some(Mark::Some(format.parse().ok()?, engine.parse().ok()?))
}

fn read(dir: &Path) -> io::Result<Mark> {
    match fs::read_to_string(dir.join("format")) {
        Ok(text) => Ok(parse(&text).unwrap_or_else(|| Mark::Other(text.trim().escape_debug().to_string()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The mark is on disk before the engine's first file is: rows without one are older than marks.
            let engines = [EngineKind::Sled, EngineKind::Fjall];
            let unmarked = engines.into_iter().find(|engine| dir.join(engine.name()).exists());
            Ok(unmarked.map_or(Mark::None, |engine| Mark::Some(0, engine)))
        }
        Err(error) => Err(error),
    }
}

fn fits(dir: &Path, mark: Mark, engine: EngineKind) -> Result<bool, OpenError> {
    let dir = dir.to_owned();
    match mark {
        Mark::None => Ok(false),
        Mark::Some(FORMAT, found) if found == engine => Ok(true),
        Mark::Some(FORMAT, found) => {
            Err(OpenError::OtherFormat { dir, found: line(FORMAT, found), wanted: line(FORMAT, engine) })
        }
        Mark::Some(found, _) => Err(OpenError::OtherVersion { dir, found, wanted: FORMAT }),
        Mark::Other(found) => Err(OpenError::OtherFormat { dir, found, wanted: line(FORMAT, engine) }),
    }
}

/// Which engine's store lies in `dir`, the directory that [`Config::dir`](crate::Config) names; `None` if there is none.
///
/// # Errors
///
/// [`OpenError`] if it is of another format than this one, or cannot be looked at.
pub fn engine_of(dir: &Path) -> Result<Option<EngineKind>, OpenError> {
    let mark = read(dir).map_err(|error| OpenError::Io { dir: dir.to_owned(), error })?;
    let engine = match mark {
        Mark::Some(_, engine) => engine,
        Mark::None | Mark::Other(_) => EngineKind::default(),
    };
    Ok(fits(dir, mark, engine)?.then_some(engine))
}

/// Makes the directory of an engine inside of `dir` and writes beside a new one which format and engine it is of; refuses
/// what is of others: an empty second store in the same place would look as if everything had been lost.
///
/// The names of both survive a loss of power from here on. What an engine syncs are its own files: without their directory
/// they would be gone.
pub(crate) fn prepare(dir: &Path, engine: EngineKind) -> Result<(), OpenError> {
    let failed = |error| OpenError::Io { dir: dir.to_owned(), error };
    let marked = fits(dir, read(dir).map_err(failed)?, engine)?;
    let make = || {
        if !marked {
            fs::create_dir_all(dir)?;
            write_whole(dir, &line(FORMAT, engine))?;
        }
        fs::create_dir_all(dir.join(engine.name()))?;
        // Also for one that is there: whoever made it may have died before this.
        File::open(dir)?.sync_all()
    };
    make().map_err(failed)
}

/// Writes the mark so that after a crash it is there whole, or not at all, in a directory that is there, too.
fn write_whole(dir: &Path, text: &str) -> io::Result<()> {
    let unfinished = dir.join("format.new");
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&unfinished, dir.join("format"))?;
    File::open(dir)?.sync_all()?;
    match dir.parent() {
        Some(above) if !above.as_os_str().is_empty() => File::open(above)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Store};

    fn open(dir: &Path, engine: EngineKind) -> Result<(), String> {
        let config = Config { engine, dir: dir.to_owned(), cache_bytes: 0 };
        Store::open(&config).map(|_| ()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_store_of_another_version_is_refused_and_told_apart() {
        for (text, says) in [
            ("chappe store 0, sled", "an earlier version of this program wrote it"),
            ("chappe store 2, sled", "a later version of this program wrote it"),
            ("chappe store 1, fjall", "is \"chappe store 1, fjall\" and not \"chappe store 1, sled\""),
            ("something else", "is \"something else\""),
        ] {
            let dir = tempfile::tempdir().expect("a temporary directory");
            fs::write(dir.path().join("format"), text).expect("a mark");
            let error = open(dir.path(), EngineKind::Sled).expect_err(text);
            assert!(error.contains(says) && !error.contains('\n'), "{text}: {error}");
            assert!(!dir.path().join("sled").exists(), "{text}: nothing was made beside it");
        }
    }

    #[test]
    fn rows_without_a_mark_are_older_than_marks() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(dir.path().join("sled")).expect("a directory");
        let error = open(dir.path(), EngineKind::Sled).expect_err("no mark");
        assert!(error.contains("format 0") && error.contains("earlier"), "{error}");
        assert!(!dir.path().join("format").exists(), "it is not taken over");
    }

    #[test]
    fn a_store_says_of_which_engine_it_is() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(engine_of(dir.path()).expect("nothing there"), None);
        open(dir.path(), EngineKind::Fjall).expect("a new store");
        assert_eq!(engine_of(dir.path()).expect("a store"), Some(EngineKind::Fjall));
    }
}
