//! What the recorder wrote down, and what a disk may hold when the power fails at some place of it.
//!
//! The disk keeps what a sync covered. Of the bytes that were written since, any may be there and any may not, in sectors;
//! of the names that were made, changed or removed since, those before some moment are there, as a journal keeps them. A name
//! is kept only by a sync of its directory, which is less than most file systems promise.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use env::{Dice, SeededDice};

/// Something that the recorded program did.
#[derive(Debug)]
pub struct Event {
    kind: u8,
    path: PathBuf,
    number: i64,
    data: Vec<u8>,
}

impl Event {
    /// What the program said on standard output with this, if it is that.
    pub fn said(&self) -> Option<&[u8]> {
        (self.kind == b'A').then_some(&self.data)
    }

    /// Whether a disk can tell the moment before this from the moment after it.
    pub fn changes(&self) -> bool {
        !matches!(self.kind, b'A' | b'f')
    }
}

impl Event {
    /// Whether this ends a sync of the file `name`, or of a file in the directory `name`.
    pub fn is_sync_of(&self, name: &str) -> bool {
        let dir = self.path.parent().and_then(Path::file_name);
        self.kind == b'F' && [self.path.file_name(), dir].iter().flatten().any(|part| *part == name)
    }
}

/// Reads a log of the recorder.
pub fn events(log: &[u8]) -> Vec<Event> {
    let mut rest = log;
    let mut found = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = std::str::from_utf8(&rest[..end]).expect("a head");
        let words: Vec<&str> = head.split(' ').collect();
        let [kind, path, number, data] = words[..] else { panic!("an odd head: {head}") };
        let (path, data): (usize, usize) = (path.parse().expect("a length"), data.parse().expect("a length"));
        let body = &rest[end + 1..];
        found.push(Event {
            kind: kind.as_bytes()[0],
            path: PathBuf::from(std::str::from_utf8(&body[..path]).expect("a path")),
            number: number.parse().expect("a number"),
            data: body[path..path + data].to_vec(),
        });
        rest = &body[path + data..];
    }
    assert!(rest.is_empty(), "the log is whole");
    found
}

/// A file, by whatever names.
#[derive(Default)]
struct Inode {
    /// What was synced.
    durable: Vec<u8>,
    /// What was done since, with its place in the log.
    since: Vec<(usize, Change)>,
}

enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, data) => write(bytes, *at, data),
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }
}

fn write(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes[at..at + data.len()].copy_from_slice(data);
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Dir,
    File(usize),
}

/// A change of names.
#[derive(Debug, Clone)]
enum Naming {
    Add(PathBuf, Node),
    Remove(PathBuf),
    Move(PathBuf, PathBuf),
}

type Names = BTreeMap<PathBuf, Node>;

impl Naming {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Add(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Move(from, to) => {
                // A directory takes with it what lies in it.
                let moved: Vec<PathBuf> =
                    names.keys().filter(|path| path.starts_with(from)).cloned().collect();
                for path in moved {
                    let node = names.remove(&path).expect("it was there");
                    let rest = path.strip_prefix(from).expect("below it");
                    names.insert(if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) }, node);
                }
            }
        }
    }

    fn is_in(&self, dir: &Path) -> bool {
        let (one, other) = match self {
            Self::Add(path, _) | Self::Remove(path) => (path, path),
            Self::Move(from, to) => (from, to),
        };
        one.parent() == Some(dir) || other.parent() == Some(dir)
    }
}

/// A disk while the program runs.
#[derive(Default)]
pub struct Disk {
    inodes: Vec<Inode>,
    /// As the program sees it.
    names: Names,
    /// As a sync has left it.
    durable: Names,
    since: Vec<(usize, Naming)>,
    /// The syncs that began and have not ended: where in the log, and of what.
    syncs: BTreeMap<i64, (usize, Option<Node>)>,
    place: usize,
}

impl Disk {
    /// Goes one event further.
    pub fn follow(&mut self, event: &Event) {
        self.place += 1;
        let path = &event.path;
        let length = usize::try_from(event.number).unwrap_or(0);
        match event.kind {
            b'A' => {}
            b'C' => {
                self.inodes.push(Inode::default());
                self.rename(Naming::Add(path.clone(), Node::File(self.inodes.len() - 1)));
            }
            b'D' => self.rename(Naming::Add(path.clone(), Node::Dir)),
            b'U' => self.rename(Naming::Remove(path.clone())),
            b'R' => self.rename(Naming::Move(path.clone(), other(event))),
            b'L' => {
                let node = self.names[path];
                self.rename(Naming::Add(other(event), node));
            }
            b'W' => self.change(path, Change::Write(length, event.data.clone())),
            b'T' => self.change(path, Change::Length(length)),
            b'f' => {
                self.syncs.insert(event.number, (self.place, self.names.get(path).copied()));
            }
            b'F' => self.sync(path, event.number),
            kind => panic!("{} {}: what is that to a disk?", char::from(kind), path.display()),
        }
    }

    fn rename(&mut self, naming: Naming) {
        if let Naming::Move(from, _) = &naming
            && self.names.get(from) == Some(&Node::Dir)
        {
            // What is not safe in it would have to be looked for under two names.
            let unsafe_in_it = self.since.iter().any(|(_, naming)| naming.is_in(from));
            assert!(!unsafe_in_it, "{} was moved before all in it was safe", from.display());
        }
        naming.apply(&mut self.names);
        self.since.push((self.place, naming));
    }

    fn change(&mut self, path: &Path, change: Change) {
        // What is written to a file without a name is lost to everybody.
        if let Some(Node::File(inode)) = self.names.get(path) {
            self.inodes[*inode].since.push((self.place, change));
        }
    }

    fn sync(&mut self, path: &Path, number: i64) {
        let (began, node) = self.syncs.remove(&number).expect("a sync that began");
        if let Some(Node::File(inode)) = node {
            let inode = &mut self.inodes[inode];
            let (covered, rest) =
                std::mem::take(&mut inode.since).into_iter().partition(|(at, _)| *at < began);
            inode.since = rest;
            let covered: Vec<(usize, Change)> = covered;
            covered.iter().for_each(|(_, change)| change.apply(&mut inode.durable));
        } else {
            let (covered, rest) = std::mem::take(&mut self.since)
                .into_iter()
                .partition(|(at, naming)| *at < began && naming.is_in(path));
            self.since = rest;
            let covered: Vec<(usize, Naming)> = covered;
            covered.iter().for_each(|(_, naming)| naming.apply(&mut self.durable));
        }
    }

    /// Writes below `to` what one disk might hold if the power failed now; `root` is where the program kept it.
    pub fn cut(&self, root: &Path, to: &Path, dice: &mut SeededDice) -> io::Result<()> {
        let mut names = self.durable.clone();
        let kept = match dice.below(3) {
            0 => 0,
            1 => self.since.len(),
            _ => below(dice, self.since.len() + 1),
        };
        self.since[..kept].iter().for_each(|(_, naming)| naming.apply(&mut names));
        // Once for the whole disk: nothing was written back, all of it, or some.
        let mood = dice.below(4);
        let mut there = BTreeSet::from([root.to_owned()]);
        fs::create_dir_all(to)?;
        for (path, node) in &names {
            // What lies in a directory that is not there is not there.
            if !path.parent().is_some_and(|parent| there.contains(parent)) {
                continue;
            }
            let target = to.join(path.strip_prefix(root).expect("below the root"));
            match node {
                Node::Dir => {
                    fs::create_dir(&target)?;
                    there.insert(path.clone());
                }
                Node::File(inode) => fs::write(&target, self.inodes[*inode].cut(mood, dice))?,
            }
        }
        Ok(())
    }

    /// How much is not safe now: changes of bytes and of names.
    pub fn unsynced(&self) -> (usize, usize) {
        (self.inodes.iter().map(|inode| inode.since.len()).sum(), self.since.len())
    }
}

fn other(event: &Event) -> PathBuf {
    PathBuf::from(std::str::from_utf8(&event.data).expect("a path"))
}

fn below(dice: &mut SeededDice, bound: usize) -> usize {
    usize::try_from(dice.below(bound as u64)).expect("small")
}

impl Inode {
    fn cut(&self, mood: u64, dice: &mut SeededDice) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let prefix = below(dice, self.since.len() + 1);
        for (n, (_, change)) in self.since.iter().enumerate() {
            match (mood, change) {
                (0, _) => {}
                (1, _) => change.apply(&mut bytes),
                (2, _) if n < prefix => change.apply(&mut bytes),
                (2, Change::Write(at, data)) if n == prefix => tear(&mut bytes, *at, data, dice),
                (2, _) => {}
                (_, Change::Write(at, data)) => match dice.below(3) {
                    0 => {}
                    1 => change.apply(&mut bytes),
                    _ => tear(&mut bytes, *at, data, dice),
                },
                (_, Change::Length(_)) if dice.below(2) == 0 => change.apply(&mut bytes),
                _ => {}
            }
        }
        bytes
    }
}

/// Writes some sectors of `data` and not the others.
fn tear(bytes: &mut Vec<u8>, at: usize, data: &[u8], dice: &mut SeededDice) {
    let sector = if dice.below(2) == 0 { 512 } else { 4096 };
    let mut from = at;
    while from < at + data.len() {
        let end = ((from / sector + 1) * sector).min(at + data.len());
        if dice.below(2) == 0 {
            write(bytes, from, &data[from - at..end - at]);
        }
        from = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: u8, path: &str, number: i64, data: &str) -> Event {
        Event { kind, path: PathBuf::from(path), number, data: data.as_bytes().to_vec() }
    }

    /// All that two hundred disks hold after these events: for each the files and their bytes.
    fn disks(events: &[Event]) -> BTreeSet<Vec<(String, String)>> {
        let mut disk = Disk::default();
        events.iter().for_each(|event| disk.follow(event));
        let mut dice = SeededDice::new(7);
        let mut found = BTreeSet::new();
        for _ in 0..200 {
            let dir = tempfile::tempdir().expect("a directory");
            disk.cut(Path::new("/d"), &dir.path().join("d"), &mut dice).expect("written");
            let mut files: Vec<(String, String)> = fs::read_dir(dir.path().join("d"))
                .expect("a directory")
                .map(|entry| entry.expect("an entry"))
                .map(|entry| {
                    let text =
                        fs::read(entry.path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                    (entry.file_name().to_string_lossy().into_owned(), text.unwrap_or_default())
                })
                .collect();
            files.sort();
            found.insert(files);
        }
        found
    }

    fn pair(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    #[test]
    fn what_was_synced_is_there_and_what_was_not_may_be() {
        let mut events = vec![
            event(b'C', "/d/a", 0, ""),
            event(b'W', "/d/a", 0, "old"),
            event(b'f', "/d/a", 1, ""),
            event(b'F', "/d/a", 1, ""),
        ];
        assert_eq!(disks(&events), BTreeSet::from([vec![], vec![pair("a", "old")]]), "its name is not safe");
        events.extend([event(b'f', "/d", 2, ""), event(b'F', "/d", 2, "")]);
        assert_eq!(disks(&events), BTreeSet::from([vec![pair("a", "old")]]));
        events.push(event(b'W', "/d/a", 0, "new"));
        assert_eq!(disks(&events), BTreeSet::from([vec![pair("a", "old")], vec![pair("a", "new")]]));
        // What is written while a sync runs is not covered by it.
        events.extend([event(b'f', "/d/a", 3, ""), event(b'W', "/d/a", 3, "er"), event(b'F', "/d/a", 3, "")]);
        assert_eq!(disks(&events), BTreeSet::from([vec![pair("a", "new")], vec![pair("a", "newer")]]));
    }

    #[test]
    fn names_are_kept_in_their_order() {
        let events = [
            event(b'C', "/d/a.new", 0, ""),
            event(b'W', "/d/a.new", 0, "x"),
            event(b'f', "/d/a.new", 1, ""),
            event(b'F', "/d/a.new", 1, ""),
            event(b'R', "/d/a.new", 0, "/d/a"),
            event(b'C', "/d/b", 0, ""),
        ];
        let wanted = BTreeSet::from([
            vec![],
            vec![pair("a.new", "x")],
            vec![pair("a", "x")],
            vec![pair("a", "x"), pair("b", "")],
        ]);
        assert_eq!(disks(&events), wanted);
    }

    #[test]
    fn a_directory_moves_with_what_lies_in_it() {
        let mut events = vec![
            event(b'D', "/d/a.new", 0, ""),
            event(b'C', "/d/a.new/x", 0, ""),
            event(b'f', "/d/a.new", 1, ""),
            event(b'F', "/d/a.new", 1, ""),
            event(b'R', "/d/a.new", 0, "/d/a"),
        ];
        assert_eq!(disks(&events), BTreeSet::from([vec![], vec![pair("a.new", "")], vec![pair("a", "")]]));
        events.extend([
            event(b'W', "/d/a/x", 0, "text"),
            event(b'f', "/d/a/x", 2, ""),
            event(b'F', "/d/a/x", 2, ""),
            event(b'f', "/d", 3, ""),
            event(b'F', "/d", 3, ""),
        ]);
        let mut disk = Disk::default();
        events.iter().for_each(|event| disk.follow(event));
        let dir = tempfile::tempdir().expect("a directory");
        disk.cut(Path::new("/d"), &dir.path().join("d"), &mut SeededDice::new(1)).expect("written");
        assert_eq!(fs::read(dir.path().join("d/a/x")).expect("it is there"), b"text");
    }

    #[test]
    fn sectors_are_torn() {
        let text = format!("{}{}", "x".repeat(512), "y".repeat(512));
        let events = [
            event(b'C', "/d/a", 0, ""),
            event(b'f', "/d", 1, ""),
            event(b'F', "/d", 1, ""),
            event(b'W', "/d/a", 0, &text),
        ];
        let found = disks(&events);
        let hole = "\0".repeat(512);
        for text in [String::new(), "x".repeat(512), format!("{hole}{}", "y".repeat(512)), text] {
            assert!(found.contains(&vec![pair("a", &text)]), "{} bytes", text.len());
        }
        assert_eq!(found.len(), 4);
    }
}
