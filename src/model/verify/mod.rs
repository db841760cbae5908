//! What must be true of all rows together: a walk over the whole store that writes nothing.
//!
//! Each row is read once, in the order of the keys, and asked for what it says about others; what an owner's rows say
//! together (a log without gaps, counters that agree) is compared when the next owner begins. The walk is one read
//! transaction, so that a store that is in use may be walked as well, by a simulation for instance.
//!
//! The walk is for a check and for tests: it remembers every file and every part of one that the rows lead to, and so takes
//! memory with their number.

mod files;
mod groups;
mod names;
mod person;
mod report;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt::{Debug, Display};

use store::{Fault, Key, RawRow, Store, Table, Tx};
use tl::Record;

use crate::ids::FileId;
use crate::tables::{
    BLOCKED, BOXES, CHANNEL_HEADS, CHANNEL_LOGS, CHANNELS, CHATS, CONTACTS, COPIES, DIALOGS, DOCUMENTS,
    DRAFTS, EXPORTS, GUEST_COUNT, GUESTS, HEADS, HISTORY, INVITES, JOBS, JOBS_FROM, KEYS, KNOWN_BY,
    LOGIN_CODES, LOGINS, LOGS, MEMBERS, NAMED, NEXT_IDS, NOTIFY, PARTS, PHONES, PHOTOS, PINNED, POSTS,
    PREFERENCES, PRESENCE, PRIVACY, PROFILE_PHOTOS, SECRETS, SENT, STANDING, TALLIES, UPLOADS,
    USERNAME_STARTS, USERNAMES, USERS, USES,
};
use files::Ids;
use groups::Channel;
use person::Person;

pub use report::{Report, Rule, Violation, Wanted};

/// Rows that are read at once.
const STEP: usize = 1_000;

/// Walks the whole store and tells what is wrong with it.
///
/// # Errors
///
/// [`Fault`] if the engine cannot read; rows that are damaged are a part of the report.
pub fn walk(store: &Store) -> Result<Report, Fault> {
    store.read(|tx| walk_rows(tx)).map(|(report, _)| report)
}

fn walk_rows(tx: &Tx<'_>) -> Result<Report, Fault> {
    let mut walk = Walk {
        tx,
        report: Report::default(),
        owner: None,
        person: None,
        channel: None,
        shown: HashMap::new(),
        ids: Ids::default(),
        guests: 0,
    };
    let mut last: Option<RawRow> = None;
    loop {
        let rows = tx.raw_rows(last.as_ref(), STEP)?;
        for row in &rows {
            walk.row(row)?;
        }
        let full = rows.len() == STEP;
        last = rows.into_iter().next_back();
        if !full {
            break;
        }
    }
    walk.end_of_owner()?;
    walk.end_of_files()?;
    walk.end_of_ids()?;
    walk.end_of_guests()?;
    Ok(walk.report)
}

/// The walk between two rows.
struct Walk<'a, 't> {
    tx: &'a Tx<'t>,
    report: Report,
    /// Kind and number of the owner whose rows are being read.
    owner: Option<(u8, u64)>,
    /// What the rows of this person say so far.
    person: Option<Person>,
    /// What the rows of this channel say so far.
    channel: Option<Channel>,
    /// How often each file is shown.
    shown: HashMap<FileId, i64>,
    ids: Ids,
    /// Rows of the list of guests.
    guests: u64,
}

impl Walk<'_, '_> {
    fn row(&mut self, row: &RawRow) -> Result<(), Fault> {
        let owner = (row.kind(), row.owner());
        if self.owner != Some(owner) {
            self.end_of_owner()?;
            self.owner = Some(owner);
            self.report.owners += 1;
        }
        self.report.rows += 1;
        if !row.is_in_place() {
            self.wrong(Rule::Row, row.trace(), "is not in the shard of its owner");
            return Ok(());
        }
        match self.dispatch(row) {
            Err(Fault::Corrupt { table, key, why }) => {
                let table = table.rsplit("::").next().unwrap_or(table);
                self.wrong(Rule::Row, key, format!("{table}: {why}"));
                Ok(())
            }
            done => done,
        }
    }

    /// Reads a row by the table that it is of, and asks what there is to ask of it.
    fn dispatch(&mut self, row: &RawRow) -> Result<(), Fault> {
        macro_rules! tables {
            ($($table:ident => $check:expr;)*) => {
                $(if $table.has_row(row) {
                    let (key, record) = $table.read(row)?;
                    let check = $check;
                    return check(self, key, record);
                })*
            };
        }
        tables! {
            SECRETS => nothing; NAMED => nothing; JOBS_FROM => nothing; PRESENCE => nothing; DRAFTS => nothing; NOTIFY => nothing;
            PREFERENCES => nothing; PRIVACY => nothing; BLOCKED => nothing; LOGIN_CODES => Self::named;
            EXPORTS => nothing; GUEST_COUNT => nothing; TALLIES => Self::named;
            NEXT_IDS => Self::next_id; JOBS => Self::job; GUESTS => Self::guest;
            USERS => Self::user; HEADS => Self::head; BOXES => Self::message; HISTORY => Self::history;
            COPIES => Self::copy; DIALOGS => Self::dialog; PINNED => Self::pinned; LOGS => Self::log_page;
            SENT => Self::sent; CONTACTS => Self::contact; KNOWN_BY => Self::known_by; LOGINS => Self::login;
            PROFILE_PHOTOS => Self::profile_photo;
            CHATS => Self::chat; CHANNELS => Self::channel; CHANNEL_HEADS => Self::channel_head;
            POSTS => Self::post; MEMBERS => Self::member; STANDING => Self::standing;
            CHANNEL_LOGS => Self::channel_logged;
            KEYS => Self::key; UPLOADS => Self::upload; PARTS => Self::part;
            PHOTOS => Self::photo; DOCUMENTS => Self::document; USES => Self::uses;
            PHONES => Self::phone; USERNAMES => Self::username; USERNAME_STARTS => Self::username_start;
            INVITES => Self::invite;
        }
        self.wrong(Rule::Row, row.trace(), "is of no table");
        Ok(())
    }

    /// What all rows of one owner say together.
    fn end_of_owner(&mut self) -> Result<(), Fault> {
        if let Some(person) = self.person.take() {
            self.end_of_person(person)?;
        }
        if let Some(channel) = self.channel.take() {
            self.end_of_channel(&channel)?;
        }
        Ok(())
    }

    fn wrong(&mut self, rule: Rule, place: impl Display, what: impl Display) {
        self.report.add(rule, place, what);
    }

    /// Notes it if something is not as it should be.
    fn check(&mut self, holds: bool, rule: Rule, place: impl Debug, what: impl Display) {
        if !holds {
            self.wrong(rule, format_args!("{place:?}"), what);
        }
    }

    /// A record, or nothing where there is none. A damaged one is told of when its own turn comes.
    fn get<K: Key, V: Record>(&self, table: &Table<K, V>, key: &K) -> Result<Option<V>, Fault> {
        match self.tx.get(table, key) {
            Err(Fault::Corrupt { .. }) => Ok(None),
            found => found,
        }
    }
}

/// For a table of which nothing is asked but that its rows can be read.
#[allow(clippy::unnecessary_wraps, reason = "the shape of a check")]
fn nothing<K, V>(_: &mut Walk<'_, '_>, _: K, _: V) -> Result<(), Fault> {
    Ok(())
}
