//! What a walk has found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::limits::VIOLATIONS_MAX;

/// What can be violated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A row stands in its owner's shard, belongs to a table, matches its checksum and can be read.
    Row,
    /// A log runs without a gap from its floor to the pts of its head.
    Log,
    /// A message is in a box, in the history of its conversation and among the copies, or nowhere.
    Box,
    /// A conversation counts the messages that it has, and has the newest on top.
    Dialog,
    /// A `random_id` leads to one message, and no two to the same.
    Sent,
    /// Keys, logins and people name each other.
    Login,
    /// Keys on which nobody is logged in are listed by their last use, and counted.
    Guest,
    /// Phone numbers, usernames and invite links lead to who has them, and back.
    Name,
    /// Contacts know and are known.
    Contact,
    /// A basic group or a channel is what its members and posts say.
    Group,
    /// Files are counted as often as they are shown, and their parts add up.
    File,
    /// The bytes of a file are in the blob store.
    Blob,
    /// A job lies where its time is looked for.
    Job,
    /// Ids that were dealt are below the next one.
    Id,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Row => "row",
            Self::Log => "log",
            Self::Box => "box",
            Self::Dialog => "dialog",
            Self::Sent => "sent",
            Self::Login => "login",
            Self::Guest => "guest",
            Self::Name => "name",
            Self::Contact => "contact",
            Self::Group => "group",
            Self::File => "file",
            Self::Blob => "blob",
            Self::Job => "job",
            Self::Id => "id",
        })
    }
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule is broken.
    pub rule: Rule,
    /// Where: the owner and the key.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.rule, self.place, self.what)
    }
}

/// What a walk has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows that were read.
    pub rows: u64,
    /// Owners whose rows they were.
    pub owners: u64,
    /// What is wrong, in the order in which it was found; the first [`VIOLATIONS_MAX`].
    pub violations: Vec<Violation>,
    /// How much is wrong, all of it counted.
    pub violated: u64,
    /// What the blob store must hold.
    pub wanted: Wanted,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.violated == 0
    }

    /// Adds something that is wrong.
    pub fn add(&mut self, rule: Rule, place: impl fmt::Display, what: impl fmt::Display) {
        self.violated += 1;
        if self.violations.len() < VIOLATIONS_MAX {
            let (place, what) = (place.to_string(), what.to_string());
            self.violations.push(Violation { rule, place, what });
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.violations {
            writeln!(f, "{violation}")?;
        }
        let untold = self.violated.saturating_sub(self.violations.len() as u64);
        if untold > 0 {
            writeln!(f, "... and {untold} more")?;
        }
        write!(f, "{} rows of {} owners: {} violations", self.rows, self.owners, self.violated)
    }
}

/// What the rows say of the blob store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Blobs that must be there, with their lengths in bytes.
    pub blobs: BTreeMap<String, u64>,
    /// Prefixes of uploads: what is named after one may be there.
    pub uploads: BTreeSet<String>,
    /// Prefixes that a job is to remove: they may be there, still.
    pub doomed: BTreeSet<String>,
}

impl Wanted {
    /// Whether no row leads to a blob of this name.
    #[must_use]
    pub fn is_stray(&self, name: &str) -> bool {
        let prefix = name.rsplit_once('/').map_or(name, |(prefix, _)| prefix);
        let upload = prefix.split('-').next().unwrap_or(prefix);
        !self.blobs.contains_key(name) && !self.uploads.contains(upload) && !self.doomed.contains(prefix)
    }
}
