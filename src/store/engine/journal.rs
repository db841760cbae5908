//! What was committed and is not in an engine's own files yet: files of our own beside the engine's.
//!
//! A file is a run of records, and a record is a group of commits: there whole after a crash, or not at all. Records are
//! numbered without a gap over all files, and a file bears the number of its first one. The rows of a file are forgotten with
//! it once the engine has them on the disk; until then they are laid in anew at every start, which changes nothing where they
//! are there already. A file that was forgotten is written anew: to write over bytes that are there leaves a file's size and
//! place alone, which are a write of their own. Old records in it end it as well as its end, since their numbers are others.
//!
//! A record: length of what follows the checksum `u32`, CRC32C of it `u32`, number `u64`, and rows: length of the key `u16`, key,
//! length of the value `u32` ([`DELETED`] for none), value. All little-endian.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::{RawKey, RawValue, Writes};

const LENGTH_BYTES: usize = 4 + 4;
const HEAD_BYTES: usize = LENGTH_BYTES + 8;
const DELETED: u32 = u32::MAX;

/// The name of a file that was forgotten and waits to be written anew.
const SPARE: &str = "spare";

/// A group of commits on its way into the journal.
pub(crate) struct Group(Vec<u8>);

/// The open journal.
pub(crate) struct Journal {
    dir: PathBuf,
    file: File,
    path: PathBuf,
    /// The number of the next record, and where it will stand.
    next: u64,
    end: u64,
}

/// A file to which nothing is added any more.
#[derive(Debug)]
pub(crate) struct Full(PathBuf);

/// What an earlier process left.
pub(crate) struct Left {
    dir: PathBuf,
    /// The rows of all records, newer ones over older ones.
    pub(crate) rows: Writes,
    files: Vec<Full>,
    next: u64,
}

impl Default for Group {
    fn default() -> Self {
        Self(vec![0; HEAD_BYTES])
    }
}

impl Group {
    /// Adds a commit.
    pub(crate) fn add(&mut self, writes: &Writes) {
        for (key, value) in writes {
            let length = value.as_ref().map_or(DELETED, |value| value.len() as u32);
            self.0.extend_from_slice(&(key.len() as u16).to_le_bytes());
            self.0.extend_from_slice(key);
            self.0.extend_from_slice(&length.to_le_bytes());
            self.0.extend_from_slice(value.as_deref().unwrap_or_default());
        }
    }

    /// Whether no commit was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == HEAD_BYTES
    }
}

impl Journal {
    /// Reads what is in `dir`.
    ///
    /// # Errors
    ///
    /// Those of the file system; [`io::ErrorKind::InvalidData`] if records are missing between others.
    pub(crate) fn read(dir: &Path) -> io::Result<Left> {
        fs::create_dir_all(dir)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            let number = path.file_name().and_then(|name| u64::from_str_radix(name.to_str()?, 16).ok());
            files.extend(number.map(|number| (number, path)));
        }
        files.sort();
        let (mut rows, mut left, mut next) = (Writes::new(), Vec::new(), None);
        for (first, path) in files {
            if next.is_some_and(|next| next != first) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the journal has a gap"));
            }
            let bytes = fs::read(&path)?;
            let mut number = first;
            let mut rest = bytes.as_slice();
            // What the last write left half ends the file: nobody was told of it.
            while let Some(behind) = read(rest, number, &mut rows) {
                (rest, number) = (behind, number + 1);
            }
            next = Some(number);
            left.push(Full(path));
        }
        Ok(Left { dir: dir.to_owned(), rows, files: left, next: next.unwrap_or(1) })
    }

    /// Opens the journal, once the engine has on the disk what was left in it.
    pub(crate) fn open(left: Left) -> io::Result<Self> {
        let Left { dir, files, next, .. } = left;
        // The oldest first: what is still there after a crash in between then goes on to the end. They are not written anew, nor
        // is what an earlier process kept for it: after such a crash the numbers may begin again, and old records would have
        // them.
        for gone in files.iter().map(|file| file.0.clone()).chain([dir.join(SPARE)]) {
            match fs::remove_file(gone) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => File::open(&dir)?.sync_all()?,
            }
        }
        let (file, path) = begin(&dir, next)?;
        Ok(Self { dir, file, path, next, end: 0 })
    }

    /// Writes a group, and returns when it would survive a loss of power.
    pub(crate) fn append(&mut self, group: Group) -> io::Result<()> {
        let Group(mut record) = group;
        if let Some((head, body)) = record.split_at_mut_checked(LENGTH_BYTES) {
            if let Some(number) = body.first_chunk_mut() {
                *number = self.next.to_le_bytes();
            }
            let (length, sum) = head.split_at_mut(4);
            length.copy_from_slice(&(body.len() as u32).to_le_bytes());
            sum.copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
        }
        self.file.write_all_at(&record, self.end)?;
        self.file.sync_data()?;
        self.next += 1;
        self.end += record.len() as u64;
        Ok(())
    }

    /// Begins a new file, and gives the one before.
    pub(crate) fn turn(&mut self) -> io::Result<Full> {
        let (file, path) = begin(&self.dir, self.next)?;
        (self.file, self.end) = (file, 0);
        Ok(Full(std::mem::replace(&mut self.path, path)))
    }

    /// Forgets a file whose rows the engine has on the disk. It must be gone for good before the engine is given the rows of
    /// a later one: laid in anew, it would undo them.
    pub(crate) fn forget(full: &Full) -> io::Result<()> {
        fs::rename(&full.0, full.0.with_file_name(SPARE))?;
        full.0.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }
}

/// Makes the file whose first record will have the number `first`.
fn begin(dir: &Path, first: u64) -> io::Result<(File, PathBuf)> {
    let path = dir.join(format!("{first:016x}"));
    let file = match fs::rename(dir.join(SPARE), &path) {
        Ok(()) => OpenOptions::new().write(true).open(&path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().write(true).create_new(true).open(&path)?
        }
        Err(error) => return Err(error),
    };
    // Its name must be there before anybody is told of what is in it.
    file.sync_all()?;
    File::open(dir)?.sync_all()?;
    Ok((file, path))
}

/// Reads the record `number` at the start of `bytes` into `rows`, and gives what is behind it.
fn read<'b>(bytes: &'b [u8], number: u64, rows: &mut Writes) -> Option<&'b [u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let (body, behind) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (named, mut body) = body.split_first_chunk()?;
    if u64::from_le_bytes(*named) != number {
        return None;
    }
    while !body.is_empty() {
        let (length, rest) = body.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        let (length, rest) = rest.split_first_chunk()?;
        let (value, rest) = match u32::from_le_bytes(*length) {
            DELETED => (None, rest),
            length => {
                let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                (Some(RawValue::from(value)), rest)
            }
        };
        rows.insert(RawKey::from_slice(key), value);
        body = rest;
    }
    Some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(rows: &[(&str, Option<&str>)]) -> Group {
        let rows = rows.iter().map(|(key, value)| {
            (RawKey::from_slice(key.as_bytes()), value.map(|v| RawValue::from(v.as_bytes())))
        });
        let mut group = Group::default();
        assert!(group.is_empty());
        group.add(&rows.collect());
        group
    }

    fn fresh(dir: &Path) -> Journal {
        let left = Journal::read(dir).expect("it reads");
        assert!(left.rows.is_empty() && left.files.is_empty());
        Journal::open(left).expect("it opens")
    }

    /// What is there, which is forgotten then.
    fn found(dir: &Path) -> Vec<(String, Option<String>)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let left = Journal::read(dir).expect("it reads");
        let rows = left.rows.iter().map(|(key, value)| (text(key), value.as_deref().map(text))).collect();
        Journal::open(left).expect("it opens");
        rows
    }

    fn row(key: &str, value: Option<&str>) -> (String, Option<String>) {
        (key.to_owned(), value.map(str::to_owned))
    }

    #[test]
    fn newer_rows_lie_over_older_ones_over_all_files() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut journal = fresh(dir.path());
        journal.append(group(&[("a", Some("1")), ("b", Some("1")), ("c", Some(""))])).expect("written");
        journal.append(group(&[("a", Some("2"))])).expect("written");
        journal.turn().expect("a new file");
        journal.append(group(&[("b", None)])).expect("written");
        drop(journal);
        assert_eq!(found(dir.path()), [row("a", Some("2")), row("b", None), row("c", Some(""))]);
        assert_eq!(found(dir.path()), [], "what was forgotten");
    }

    #[test]
    fn what_an_earlier_use_left_in_a_file_is_not_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut journal = fresh(dir.path());
        (0..9).for_each(|_| journal.append(group(&[("a", Some("old"))])).expect("written"));
        let full = journal.turn().expect("a new file");
        journal.append(group(&[("a", Some("1"))])).expect("written");
        Journal::forget(&full).expect("forgotten");
        let full = journal.turn().expect("the file of before");
        Journal::forget(&full).expect("forgotten");
        journal.append(group(&[("b", Some("2"))])).expect("written");
        let first = dir.path().join(format!("{:016x}", 11));
        assert!(fs::metadata(first).expect("a file").len() > journal.end, "old records follow");
        drop(journal);
        assert_eq!(found(dir.path()), [row("b", Some("2"))]);
    }

    #[test]
    fn old_records_are_not_read_when_the_numbers_begin_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut journal = fresh(dir.path());
        (0..3).for_each(|_| journal.append(group(&[("a", Some("old"))])).expect("written"));
        // As a crash leaves it that comes when the last file has been forgotten and no other was begun.
        Journal::forget(&Full(journal.path.clone())).expect("forgotten");
        drop(journal);
        let mut journal = fresh(dir.path());
        assert!(Journal::read(dir.path()).expect("it reads").rows.is_empty());
        journal.append(group(&[("a", Some("new"))])).expect("written");
        assert_eq!(found(dir.path()), [row("a", Some("new"))]);
    }

    #[test]
    fn a_record_that_was_cut_off_or_changed_is_not_there_and_ends_its_file() {
        let whole = tempfile::tempdir().expect("a directory");
        let mut journal = fresh(whole.path());
        journal.append(group(&[("a", Some("1"))])).expect("written");
        let first = fs::metadata(&journal.path).expect("a file").len();
        journal.append(group(&[("a", Some("2")), ("b", Some("2"))])).expect("written");
        let (bytes, name) =
            (fs::read(&journal.path).expect("bytes"), journal.path.file_name().expect("a name"));
        let copy_of = |bytes: &[u8]| {
            let copy = tempfile::tempdir().expect("a directory");
            fs::write(copy.path().join(name), bytes).expect("a copy");
            found(copy.path())
        };
        for end in 0..bytes.len() {
            let wanted = if (end as u64) < first { Vec::new() } else { vec![row("a", Some("1"))] };
            assert_eq!(copy_of(&bytes[..end]), wanted, "cut at {end}");
            let mut bent = bytes.clone();
            bent[end] ^= 1;
            assert_eq!(copy_of(&bent), wanted, "bent at {end}");
        }
        assert_eq!(copy_of(&bytes), [row("a", Some("2")), row("b", Some("2"))]);
    }

    #[test]
    fn records_that_are_missing_between_others_are_noticed() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut journal = fresh(dir.path());
        journal.append(group(&[("a", Some("1"))])).expect("written");
        let full = journal.turn().expect("a new file");
        journal.append(group(&[("a", Some("2"))])).expect("written");
        let bytes = fs::read(&full.0).expect("bytes");
        fs::write(&full.0, &bytes[..bytes.len() - 1]).expect("a shorter file");
        let error = Journal::read(dir.path()).map(drop).expect_err("a gap");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
