//! Tables and records for this crate's own tests.

use tl::{Decode, Encode, Reader, Record, Writer};

use crate::{Present, Table, key_parts, owner_ids};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person(pub(crate) u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoteId(pub(crate) i32);

owner_ids! { Person(u64) = b'u' }
key_parts! { NoteId(i32) }

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note(pub(crate) String);

pub(crate) const NOTES: Table<(Person, NoteId), Note> = Table::in_runs(b'n');
pub(crate) const TAGS: Table<(Person, NoteId, u8), Present> = Table::new(b't');
pub(crate) const WORDS: Table<(Person, String), Present> = Table::new(b'w');

pub(crate) fn note(text: &str) -> Note {
    Note(text.to_owned())
}

impl Encode for Note {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }
}

impl Decode for Note {
    fn take(r: &mut Reader<'_>) -> Option<Self> {
        String::take(r).map(Self)
    }
}

impl Record for Note {}
