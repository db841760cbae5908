//! Files, uploads, jobs, and the counters of the installation.

use store::{Due, Fault};
use tl::stored;
use tl::stored::enums::Work;

use super::{Rule, Walk};
use crate::files;
use crate::ids::{FileId, Global, KeyId, UserId};
use crate::tables::{DOCUMENTS, NEXT_IDS, PHOTOS, UPLOADS, USES};

/// The greatest ids that were met.
#[derive(Default)]
pub(super) struct Ids {
    pub(super) user: i64,
    pub(super) chat: i64,
    pub(super) channel: i64,
}

impl Walk<'_, '_> {
    /// Counts what a message's copy shows.
    pub(super) fn shows(&mut self, message: &stored::Message) {
        for file in files::shown(message.media.as_ref(), message.action.as_ref()) {
            self.shows_file(Some(file.0));
        }
    }

    /// Counts one more use of a file.
    pub(super) fn shows_file(&mut self, file: Option<i64>) {
        if let Some(file) = file {
            *self.shown.entry(FileId(file)).or_default() += 1;
        }
    }

    pub(super) fn profile_photo(&mut self, key: (UserId, FileId), _: stored::Date) -> Result<(), Fault> {
        self.shows_file(Some(key.1.0));
        Ok(())
    }

    pub(super) fn photo(&mut self, id: FileId, row: stored::Photo) -> Result<(), Fault> {
        self.check(row.id == id.0, Rule::File, id, format_args!("calls itself {}", row.id));
        self.check(!row.sizes.is_empty(), Rule::File, id, "has no size");
        for size in &row.sizes {
            self.body(id, &size.body);
        }
        Ok(())
    }

    pub(super) fn document(&mut self, id: FileId, row: stored::Document) -> Result<(), Fault> {
        self.check(row.id == id.0, Rule::File, id, format_args!("calls itself {}", row.id));
        self.check(row.size == row.body.size, Rule::File, id, "has another size than its bytes");
        self.body(id, &row.body);
        for size in &row.thumbs {
            self.body(id, &size.body);
        }
        Ok(())
    }

    /// Whether the parts of a body add up; the blob store must have them.
    fn body(&mut self, id: FileId, body: &stored::Body) {
        let (parts, part_size) = (i64::from(body.parts), i64::from(body.part_size));
        let before = part_size.saturating_mul(parts.saturating_sub(1));
        let sound = parts >= 1 && before >= 0 && (before..=before + part_size).contains(&body.size);
        self.check(sound, Rule::File, id, "has parts that do not add up");
        if !sound {
            return;
        }
        for number in 0..parts {
            let bytes = if number + 1 == parts { body.size - before } else { part_size };
            let bytes = u64::try_from(bytes).unwrap_or(0);
            self.report.wanted.blobs.insert(format!("{}/{number}", body.prefix), bytes);
        }
    }

    pub(super) fn uses(&mut self, id: FileId, row: stored::Counter) -> Result<(), Fault> {
        self.check(row.next >= 1, Rule::File, id, format_args!("is used {} times", row.next));
        // What nothing shows any more is not met again below.
        self.shown.entry(id).or_default();
        Ok(())
    }

    pub(super) fn end_of_files(&mut self) -> Result<(), Fault> {
        let mut shown: Vec<(FileId, i64)> = std::mem::take(&mut self.shown).into_iter().collect();
        shown.sort_unstable();
        for (id, times) in shown {
            let counted = self.get(&USES, &id)?.map_or(0, |row| row.next);
            self.check(
                counted == times,
                Rule::File,
                id,
                format_args!("is shown {times} times and counted {counted} times"),
            );
            let there = self.tx.has(&PHOTOS, &id)? || self.tx.has(&DOCUMENTS, &id)?;
            self.check(there, Rule::File, id, "is shown and is not there");
        }
        Ok(())
    }

    pub(super) fn upload(&mut self, key: (KeyId, i64), row: stored::Upload) -> Result<(), Fault> {
        self.check(!row.prefix.is_empty(), Rule::File, ("upload", key), "has no name");
        self.report.wanted.uploads.insert(row.prefix);
        Ok(())
    }

    pub(super) fn part(&mut self, key: (KeyId, i64, i32), row: stored::Part) -> Result<(), Fault> {
        let (origin, file_id, number) = key;
        match self.get(&UPLOADS, &(origin, file_id))? {
            None => self.wrong(Rule::File, format_args!("{:?}", ("part", key)), "is of no upload"),
            // A document has taken them over, and may have gone with them.
            Some(upload) if upload.document_id.is_some() => {}
            Some(upload) => {
                let bytes = u64::try_from(row.size).unwrap_or(0);
                self.report.wanted.blobs.insert(format!("{}/{number}", upload.prefix), bytes);
            }
        }
        Ok(())
    }

    pub(super) fn job(&mut self, key: (Due, i64), row: stored::Job) -> Result<(), Fault> {
        let due = u64::try_from(row.due).unwrap_or(0);
        let found = key.0 == Due::at(due, key.1.cast_unsigned());
        self.check(found, Rule::Job, ("job", key), format_args!("is due at {due} and not looked for then"));
        if let Work::WorkDropBlobs(work) = row.work {
            self.report.wanted.doomed.extend(work.prefixes);
        }
        Ok(())
    }

    pub(super) fn next_id(&mut self, key: (Global, u8), row: stored::Counter) -> Result<(), Fault> {
        self.check(row.next >= 1, Rule::Id, ("next id", char::from(key.1)), "cannot be");
        Ok(())
    }

    pub(super) fn end_of_ids(&mut self) -> Result<(), Fault> {
        let Ids { user, chat, channel } = self.ids;
        for (kind, newest) in [(b'u', user), (b'g', chat), (b'c', channel)] {
            let next = self.get(&NEXT_IDS, &(Global, kind))?.map_or(0, |row| row.next);
            let place = ("next id", char::from(kind));
            self.check(
                newest == 0 || newest < next,
                Rule::Id,
                place,
                format_args!("is {next}, {newest} was dealt"),
            );
        }
        Ok(())
    }
}
