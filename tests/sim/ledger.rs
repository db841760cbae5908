//! What was said, as those who said it know: the truth that every device is measured against.

use std::collections::BTreeMap;

use crate::follow::{Place, Replica};

/// A message, by the text it was first sent with.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Who wrote it.
    pub who: usize,
    /// Where, as the author names it.
    pub place: Place,
    /// The server said that it was sent.
    pub sent: bool,
    /// Somebody asked for its deletion.
    pub to_be_deleted: bool,
    /// The server said that it was deleted.
    pub deleted: bool,
}

/// All messages.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The messages.
    pub entries: BTreeMap<String, Entry>,
    edits: u32,
}

/// The text that a message was first sent with.
fn first(text: &str) -> &str {
    text.split('/').next().unwrap_or(text)
}

impl Ledger {
    /// Somebody is about to send a message: its text.
    pub fn say(&mut self, who: usize, device: usize, place: Place) -> String {
        let text = format!("{who}-{device}-{}", self.entries.len());
        let entry = Entry { who, place, sent: false, to_be_deleted: false, deleted: false };
        self.entries.insert(text.clone(), entry);
        text
    }

    /// The text of an edited message.
    pub fn edit(&mut self, text: &str) -> String {
        self.edits += 1;
        format!("{text}/{}", self.edits)
    }

    /// The first text of what `who` wrote.
    pub fn author(&self, text: &str, who: usize) -> Option<String> {
        let first = first(text);
        self.entries.get(first).filter(|entry| entry.who == who).map(|_| first.to_owned())
    }

    /// The server said that it was sent.
    pub fn acknowledge(&mut self, text: &str) {
        if let Some(entry) = self.entries.get_mut(text) {
            entry.sent = true;
        }
    }

    /// Its deletion is asked for.
    pub fn delete(&mut self, text: &str) {
        if let Some(entry) = self.entries.get_mut(text) {
            entry.to_be_deleted = true;
        }
    }

    /// The server said that it was deleted.
    pub fn acknowledge_deletion(&mut self, text: &str) {
        if let Some(entry) = self.entries.get_mut(text) {
            entry.deleted = true;
        }
    }

    /// Holds a device of `who` against the truth. `users` are the ids of all accounts; `settled` if nothing is under way.
    ///
    /// # Errors
    /// What is twice, lost, or should not be there.
    pub fn check(&self, who: usize, users: &[i64], replica: &Replica, settled: bool) -> Result<(), String> {
        let mut shown: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
        let logs = std::iter::once(&replica.account).chain(replica.channels.values());
        for line in logs.flat_map(|log| log.lines.values()).filter(|line| line.text != "*") {
            shown.entry(first(&line.text)).or_default().push(line.place);
        }
        for (text, places) in &shown {
            if places.len() > 1 {
                return Err(format!("\"{text}\" is there {} times", places.len()));
            }
            let Some(entry) = self.entries.get(*text) else {
                return Err(format!("nobody ever wrote \"{text}\""));
            };
            if entry.deleted && settled {
                return Err(format!("\"{text}\" was deleted, and is there"));
            }
        }
        for (text, entry) in self.entries.iter().filter(|(_, e)| settled && e.sent && !e.to_be_deleted) {
            let expected = match entry.place {
                Place::Private(_) if entry.who == who => entry.place,
                Place::Private(other) if users.get(who) == Some(&other) => {
                    Place::Private(users.get(entry.who).copied().unwrap_or_default())
                }
                Place::Private(_) => continue,
                shared => shared,
            };
            if shown.get(text.as_str()) != Some(&vec![expected]) {
                return Err(format!("\"{text}\" was sent and is not in {expected:?}"));
            }
        }
        Ok(())
    }
}
