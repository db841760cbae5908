//! Files: uploads that grow, the photos and documents they become, and how long these are kept.
//!
//! An upload belongs to the key that makes it, since clients number their uploads by themselves and two devices of one person
//! may take the same number. Its row is written before the first of its bytes is, and everything that is ever made of it lies
//! under names that begin with the name in that row: so nothing lies in the blob store that no row leads to.
//!
//! A photo or a document is kept while something uses it (a message's copy, a profile, a group), and a while longer.

use std::time::Duration;

use store::{Order, Tx};
use tl::stored;
use tl::stored::enums::{Action, Media, Work};

use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::ids::{FileId, KeyId, UserId};
use crate::tables::{DOCUMENTS, PARTS, PHOTOS, UPLOADS, USES};
use crate::{jobs, limits};

/// The letters of the sizes that are made of photos.
const PHOTO_KINDS: [&str; 6] = ["m", "x", "y", "a", "b", "c"];

/// The name under which a size of something is kept, without its last piece.
#[must_use]
pub fn size_prefix(prefix: &str, kind: &str) -> String {
    format!("{prefix}-{kind}")
}

/// What the names of a document's previews begin with.
#[must_use]
pub fn preview_prefix(body: &stored::Body) -> String {
    format!("{}-t", body.prefix)
}

/// Where the parts of an upload are kept; opens the upload with its first part. A number whose upload is whole already
/// starts another upload.
pub fn open_upload(cx: &mut Ctx<'_, '_>, file_id: i64) -> Done<String> {
    let key = (cx.origin, file_id);
    if let Some(row) = cx.tx.get(&UPLOADS, &key)? {
        if row.body.is_none() {
            return Ok(row.prefix);
        }
        clear_parts(cx, key)?;
        drop_leftovers(cx, &row)?;
    } else if cx.tx.count(&UPLOADS, UPLOADS.of(cx.origin), limits::UPLOADS_MAX)? >= limits::UPLOADS_MAX {
        return Err(Refusal::FloodWait(limits::UPLOAD_KEEP_SECS / 24).into());
    }
    let prefix = format!("{:016x}{:016x}", cx.dice.u64(), cx.dice.u64());
    let row = stored::Upload { prefix: prefix.clone(), created: cx.date(), ..Default::default() };
    cx.tx.put(&UPLOADS, &key, &row)?;
    let due = cx.now + Duration::from_secs(limits::UPLOAD_KEEP_SECS.into());
    jobs::put(cx, due, stored::WorkExpireUpload { key_id: cx.origin.0, file_id }.into())?;
    Ok(prefix)
}

/// Whether all parts of an upload but the last may have this size: a divisor of the largest, in whole kilobytes.
#[must_use]
pub const fn is_part_size(bytes: usize) -> bool {
    bytes != 0 && bytes.is_multiple_of(1024) && limits::PART_BYTES_MAX.is_multiple_of(bytes)
}

/// Notes a part whose bytes are kept.
pub fn put_part(cx: &mut Ctx<'_, '_>, file_id: i64, part: i32, size: i32) -> Done<()> {
    Ok(cx.tx.put(&PARTS, &(cx.origin, file_id, part), &stored::Part { size })?)
}

/// An upload that is whole: the caller's, of `parts` parts, all of one size but the last.
pub fn whole_upload(cx: &Ctx<'_, '_>, file_id: i64, parts: i32) -> Done<stored::Upload> {
    if !(1..=limits::PARTS_MAX).contains(&parts) {
        return Err(Refusal::FilePartsInvalid.into());
    }
    let key = (cx.origin, file_id);
    let mut row = cx.tx.get(&UPLOADS, &key)?.ok_or(Refusal::FilePartMissing(0))?;
    if let Some(body) = &row.body {
        return if body.parts == parts { Ok(row) } else { Err(Refusal::FilePartsInvalid.into()) };
    }
    let max = usize::try_from(limits::PARTS_MAX).unwrap_or(usize::MAX);
    let found = cx.tx.scan(&PARTS, PARTS.prefix(&key), Order::Forward, max)?;
    let part_size = match found.first() {
        Some(((_, _, 0), part)) => part.size,
        _ => return Err(Refusal::FilePartMissing(0).into()),
    };
    if parts > 1 && !is_part_size(usize::try_from(part_size).unwrap_or(0)) {
        return Err(Refusal::FilePartSizeInvalid.into());
    }
    let mut size = 0_i64;
    let mut next = 0;
    for ((_, _, number), part) in found {
        if number >= parts {
            return Err(Refusal::FilePartsInvalid.into());
        }
        if number != next {
            return Err(Refusal::FilePartMissing(next).into());
        }
        let last = number == parts - 1;
        if part.size > part_size || (!last && part.size != part_size) {
            return Err(Refusal::FilePartSizeChanged.into());
        }
        size += i64::from(part.size);
        next += 1;
    }
    if next != parts {
        return Err(Refusal::FilePartMissing(next).into());
    }
    row.body = Some(stored::Body { prefix: row.prefix.clone(), part_size, parts, size });
    Ok(row)
}

/// Deals the id of a photo or a document: ids of later ones are greater, but for those of one millisecond.
fn next_file_id(cx: &mut Ctx<'_, '_>) -> Done<FileId> {
    let millis = i64::try_from(cx.now.millis()).unwrap_or(0);
    loop {
        let id = FileId(millis << 21 | i64::from(cx.dice.u32() >> 11));
        if !cx.tx.has(&PHOTOS, &id)? && !cx.tx.has(&DOCUMENTS, &id)? {
            return Ok(id);
        }
    }
}

/// What was made of an image for a photo.
#[derive(Debug, Clone)]
pub struct Sizes {
    /// The sizes, smallest first.
    pub sizes: Vec<stored::PhotoSize>,
    /// The tiny preview.
    pub stripped: Vec<u8>,
}

/// Makes a photo of an upload, and remembers it there: an upload that is sent twice is one photo.
pub fn add_photo(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    file_id: i64,
    mut upload: stored::Upload,
    made: Sizes,
) -> Done<i64> {
    let id = next_file_id(cx)?;
    let Sizes { sizes, stripped } = made;
    cx.tx.put(&PHOTOS, &id, &stored::Photo { id: id.0, owner: me.0, date: cx.date(), sizes, stripped })?;
    upload.photo_id = Some(id.0);
    cx.tx.put(&UPLOADS, &(cx.origin, file_id), &upload)?;
    look_later(cx, id)?;
    Ok(id.0)
}

/// Makes a document of an upload, whose parts it takes over, and remembers it there. The row comes without id, owner and date.
pub fn add_document(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    file_id: i64,
    mut upload: stored::Upload,
    row: stored::Document,
) -> Done<i64> {
    let id = next_file_id(cx)?;
    cx.tx.put(&DOCUMENTS, &id, &stored::Document { id: id.0, owner: me.0, date: cx.date(), ..row })?;
    upload.document_id = Some(id.0);
    cx.tx.put(&UPLOADS, &(cx.origin, file_id), &upload)?;
    look_later(cx, id)?;
    Ok(id.0)
}

/// A photo's row.
pub fn photo(tx: &Tx<'_>, id: i64) -> Done<Option<stored::Photo>> {
    Ok(tx.get(&PHOTOS, &FileId(id))?)
}

/// A document's row.
pub fn document(tx: &Tx<'_>, id: i64) -> Done<Option<stored::Document>> {
    Ok(tx.get(&DOCUMENTS, &FileId(id))?)
}

/// Who holds what: the files that a message's copy shows.
pub(crate) fn shown(media: Option<&Media>, action: Option<&Action>) -> impl Iterator<Item = FileId> {
    let media = media.and_then(|media| match media {
        Media::MediaPhoto(m) => Some(FileId(m.photo_id)),
        Media::MediaDocument(m) => Some(FileId(m.document_id)),
        Media::MediaContact(_) | Media::MediaGeo(_) => None,
    });
    let action = action.and_then(|action| match action {
        Action::ActionChatEditPhoto(a) => Some(FileId(a.photo_id)),
        _ => None,
    });
    media.into_iter().chain(action)
}

/// Counts what a new copy of a message shows.
pub(crate) fn hold_message(cx: &mut Ctx<'_, '_>, message: &stored::Message) -> Done<()> {
    for file in shown(message.media.as_ref(), message.action.as_ref()) {
        hold(cx, file)?;
    }
    Ok(())
}

/// Counts what a copy of a message that is gone showed.
pub(crate) fn release_message(cx: &mut Ctx<'_, '_>, message: &stored::Message) -> Done<()> {
    for file in shown(message.media.as_ref(), message.action.as_ref()) {
        release(cx, file)?;
    }
    Ok(())
}

/// Counts one more use of a file.
pub(crate) fn hold(cx: &mut Ctx<'_, '_>, file: FileId) -> Done<()> {
    let uses = cx.tx.get(&USES, &file)?.map_or(0, |row| row.next);
    Ok(cx.tx.put(&USES, &file, &stored::Counter { next: uses + 1 })?)
}

/// Counts one use less; after the last one the file is kept for a while, for those who look at it.
pub(crate) fn release(cx: &mut Ctx<'_, '_>, file: FileId) -> Done<()> {
    let uses = cx.tx.get(&USES, &file)?.map_or(0, |row| row.next);
    if uses > 1 {
        cx.tx.put(&USES, &file, &stored::Counter { next: uses - 1 })?;
    } else {
        cx.tx.delete(&USES, &file)?;
        look_later(cx, file)?;
    }
    Ok(())
}

/// Counts what is shown in place of something else: a group's photo, or a person's.
pub(crate) fn swap(cx: &mut Ctx<'_, '_>, old: Option<i64>, new: Option<i64>) -> Done<()> {
    if let Some(new) = new {
        hold(cx, FileId(new))?;
    }
    if let Some(old) = old {
        release(cx, FileId(old))?;
    }
    Ok(())
}

fn look_later(cx: &mut Ctx<'_, '_>, file: FileId) -> Done<()> {
    let due = cx.now + Duration::from_secs(limits::FILE_KEEP_SECS.into());
    jobs::put(cx, due, stored::WorkCollectFile { id: file.0 }.into())
}

/// Forgets a photo or a document that nothing uses, and has its bytes removed.
pub fn collect(cx: &mut Ctx<'_, '_>, file: FileId) -> Done<()> {
    if cx.tx.has(&USES, &file)? {
        return Ok(());
    }
    let mut bodies: Vec<String> = Vec::new();
    if let Some(photo) = cx.tx.get(&PHOTOS, &file)? {
        bodies.extend(photo.sizes.into_iter().map(|size| size.body.prefix));
        cx.tx.delete(&PHOTOS, &file)?;
    }
    if let Some(document) = cx.tx.get(&DOCUMENTS, &file)? {
        bodies.push(document.body.prefix);
        bodies.extend(document.thumbs.into_iter().map(|size| size.body.prefix));
        cx.tx.delete(&DOCUMENTS, &file)?;
    }
    drop_blobs(cx, bodies)
}

/// Forgets an upload that is old enough, and has those of its bytes removed that became nothing.
pub fn expire_upload(cx: &mut Ctx<'_, '_>, key: KeyId, file_id: i64) -> Done<()> {
    let key = (key, file_id);
    let Some(row) = cx.tx.get(&UPLOADS, &key)? else { return Ok(()) };
    // Another upload may have taken the number since; it has its own job.
    let keep = i32::try_from(limits::UPLOAD_KEEP_SECS).unwrap_or(i32::MAX);
    if row.created.saturating_add(keep) > cx.date() {
        return Ok(());
    }
    clear_parts(cx, key)?;
    cx.tx.delete(&UPLOADS, &key)?;
    drop_leftovers(cx, &row)
}

fn clear_parts(cx: &mut Ctx<'_, '_>, key: (KeyId, i64)) -> Done<()> {
    let max = usize::try_from(limits::PARTS_MAX).unwrap_or(usize::MAX);
    cx.tx.clear(&PARTS, &PARTS.prefix(&key), max)?;
    Ok(())
}

/// Has everything removed that was kept for an upload and that no photo and no document has taken.
fn drop_leftovers(cx: &mut Ctx<'_, '_>, upload: &stored::Upload) -> Done<()> {
    let mut bodies = Vec::new();
    if upload.photo_id.is_none() {
        bodies.extend(PHOTO_KINDS.iter().map(|kind| size_prefix(&upload.prefix, kind)));
    }
    if upload.document_id.is_none() {
        let body = stored::Body { prefix: upload.prefix.clone(), ..Default::default() };
        bodies.push(size_prefix(&preview_prefix(&body), "m"));
        bodies.push(body.prefix);
    }
    drop_blobs(cx, bodies)
}

fn drop_blobs(cx: &mut Ctx<'_, '_>, prefixes: Vec<String>) -> Done<()> {
    if prefixes.is_empty() {
        return Ok(());
    }
    let now = cx.now;
    jobs::put(cx, now, Work::from(stored::WorkDropBlobs { prefixes }))
}
