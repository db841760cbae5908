//! Which store lies in a directory: the file `format` beside the engine's own directory says so, in one line.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::store::{EngineKind, OpenError};

/// The format of keys and records. It grows when a store that was written before could not be read any more: when a kind of
/// owner, a family, a key or the head of a value changes its meaning, or a stored line of `schema.tl` goes without an
/// older shape of it that is still read. Such a store is refused at the start and not call by call.
pub const FORMAT: u32 = 3;

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

/// Writes beside a new store which format and engine it is of; refuses one of others: an empty second store in the same place
/// would look as if everything had been lost.
pub(crate) fn mark(dir: &Path, engine: EngineKind) -> Result<(), OpenError> {
    let failed = |error| OpenError::Io { dir: dir.to_owned(), error };
    if !fits(dir, read(dir).map_err(failed)?, engine)? {
        fs::create_dir_all(dir).and_then(|()| write_whole(dir, &line(FORMAT, engine))).map_err(failed)?;
    }
    // Also for an engine's directory that is there: whoever made it may have died before its name was safe.
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
}

/// Makes the directory of an engine, so that after a loss of power it is there as `make` has left it, or not at all.
pub(crate) fn make_engine_dir(
    dir: &Path,
    make: impl FnOnce(&Path) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let failed = |error| OpenError::Io { dir: dir.to_owned(), error };
    let unfinished = dir.with_extension("new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(failed)?;
    }
    fs::create_dir(&unfinished).map_err(failed)?;
    make(&unfinished)?;
    sync_all_of(&unfinished)
        .and_then(|()| fs::rename(&unfinished, dir))
        .and_then(|()| File::open(dir.parent().unwrap_or(dir))?.sync_all())
        .map_err(failed)
}

/// Syncs a directory with all that is in it. Not every engine syncs every file that it makes.
fn sync_all_of(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all_of(&entry.path())?;
        } else {
            match File::open(entry.path()) {
                Ok(file) => file.sync_all()?,
                // A thread of an engine that has just been closed may still tidy.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    File::open(dir)?.sync_all()
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
        let [ours, other] = [EngineKind::Sled, EngineKind::Fjall].map(|engine| line(FORMAT, engine));
        for (text, says) in [
            (&*line(FORMAT - 1, EngineKind::Sled), "an earlier version of this program wrote it"),
            (&*line(FORMAT + 1, EngineKind::Sled), "a later version of this program wrote it"),
            (&*other, &*format!("is \"{other}\" and not \"{ours}\"")),
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
    fn a_store_that_was_made_half_is_made_anew() {
        for engine in [EngineKind::Sled, EngineKind::Fjall] {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let unfinished = dir.path().join(engine.name()).with_extension("new");
            fs::create_dir(&unfinished).expect("a directory");
            fs::write(unfinished.join("lock"), "x").expect("half of it");
            open(dir.path(), engine).expect("a new store");
            assert!(!unfinished.exists() && dir.path().join(engine.name()).is_dir());
            open(dir.path(), engine).expect("the same store");
        }
    }

    #[test]
    fn a_store_says_of_which_engine_it_is() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(engine_of(dir.path()).expect("nothing there"), None);
        open(dir.path(), EngineKind::Fjall).expect("a new store");
        assert_eq!(engine_of(dir.path()).expect("a store"), Some(EngineKind::Fjall));
    }
}
