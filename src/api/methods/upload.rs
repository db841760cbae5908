//! File bytes, up in parts and down in ranges. What becomes of an upload is in `media` and `photos`.

use model::ids::Peer;
use model::{Refusal, channels, chats, files, photos, privacy, users};
use tl::functions::{help, upload};
use tl::{enums, stored, types};

use super::media;
use crate::later::{Brought, Errand};
use crate::limits;
use crate::method::{Account, Cx, Guest, Rpc, methods};
use crate::refs::Kind;

methods! {
    upload::SaveFilePart => save_file_part, Writes;
    upload::SaveBigFilePart => save_big_file_part, Writes;
    upload::GetFile => get_file, Reads;
    upload::GetFileHashes => get_file_hashes, Reads, Empty;
    help::GetCdnConfig => get_cdn_config, Reads, Empty;
}

/// A part of a file up to 10 MB, in any order. A part that comes again replaces the first.
fn save_file_part(cx: &mut Cx<'_, '_>, _: Account, req: upload::SaveFilePart) -> Rpc<bool> {
    save_part(cx, req.file_id, req.file_part, req.bytes)
}

/// A part of a larger file. Its client says how many there will be, or -1 as long as it does not know.
fn save_big_file_part(cx: &mut Cx<'_, '_>, _: Account, req: upload::SaveBigFilePart) -> Rpc<bool> {
    let total = req.file_total_parts;
    if total != -1 && !(1..=model::limits::PARTS_MAX).contains(&total) {
        return Err(Refusal::FilePartsInvalid.into());
    }
    if total != -1 && req.file_part >= total {
        return Err(Refusal::FilePartInvalid.into());
    }
    if req.file_part.saturating_add(1) < total && !files::is_part_size(req.bytes.len()) {
        return Err(Refusal::FilePartSizeInvalid.into());
    }
    save_part(cx, req.file_id, req.file_part, req.bytes)
}

fn save_part(cx: &mut Cx<'_, '_>, file_id: i64, part: i32, bytes: Vec<u8>) -> Rpc<bool> {
    if !(0..model::limits::PARTS_MAX).contains(&part) {
        return Err(Refusal::FilePartInvalid.into());
    }
    if bytes.is_empty() {
        return Err(Refusal::FilePartEmpty.into());
    }
    if bytes.len() > model::limits::PART_BYTES_MAX {
        return Err(Refusal::FilePartTooBig.into());
    }
    let size = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    let prefix = files::open_upload(&mut cx.model, file_id)?;
    cx.errand_after_commit(Errand::Keep { name: format!("{prefix}/{part}"), bytes })?;
    files::put_part(&mut cx.model, file_id, part, size)?;
    Ok(true)
}

/// What a location leads to.
struct Place {
    body: stored::Body,
    mime: String,
    date: i32,
}

/// A range of a file that the caller was shown.
fn get_file(cx: &mut Cx<'_, '_>, me: Account, req: upload::GetFile) -> Rpc<enums::upload::File> {
    check_range(req.offset, req.limit, req.precise)?;
    let Place { body, mime, date: mtime } = locate(cx, me, &req.location)?;
    let bytes = if req.offset >= body.size {
        Vec::new()
    } else {
        match cx.errand(Errand::Range { body, offset: req.offset, limit: req.limit })? {
            Brought::Bytes(bytes) => bytes.clone(),
            _ => return Err(Refusal::Internal.into()),
        }
    };
    Ok(types::upload::File { type_: file_type(&mime), mtime, bytes }.into())
}

/// The rules for ranges, <https://core.telegram.org/api/files#downloading-files>: whole blocks inside one megabyte, or with
/// `precise` whole kilobytes.
fn check_range(offset: i64, limit: i32, precise: bool) -> Rpc<()> {
    let max = limits::RANGE_BYTES_MAX;
    let unit = if precise { 1024 } else { 4096 };
    if limit <= 0 || limit > max || limit % unit != 0 || (!precise && max % limit != 0) {
        return Err(Refusal::LimitInvalid.into());
    }
    let (max, last) = (i64::from(max), offset.saturating_add(i64::from(limit) - 1));
    if offset < 0 || offset % i64::from(unit) != 0 || (!precise && offset / max != last / max) {
        return Err(Refusal::OffsetInvalid.into());
    }
    Ok(())
}

fn locate(cx: &Cx<'_, '_>, me: Account, location: &enums::InputFileLocation) -> Rpc<Place> {
    use enums::InputFileLocation::{
        InputDocumentFileLocation, InputPeerPhotoFileLocation, InputPhotoFileLocation,
    };
    let wrong = Refusal::LocationInvalid;
    match location {
        InputDocumentFileLocation(l) => {
            media::check_shown(cx, me, Kind::Document, l.id, l.access_hash, &l.file_reference, wrong)?;
            let row = files::document(cx.model.tx, l.id)?.ok_or(wrong)?;
            if l.thumb_size.is_empty() {
                return Ok(Place { body: row.body, mime: row.mime_type, date: row.date });
            }
            let thumb = row.thumbs.into_iter().find(|size| size.kind == l.thumb_size).ok_or(wrong)?;
            Ok(jpeg(thumb, row.date))
        }
        InputPhotoFileLocation(l) => {
            media::check_shown(cx, me, Kind::Photo, l.id, l.access_hash, &l.file_reference, wrong)?;
            let row = files::photo(cx.model.tx, l.id)?.ok_or(wrong)?;
            let size = match l.thumb_size.as_str() {
                "" => row.sizes.into_iter().next_back(),
                kind => row.sizes.into_iter().find(|size| size.kind == kind),
            };
            Ok(jpeg(size.ok_or(wrong)?, row.date))
        }
        InputPeerPhotoFileLocation(l) => {
            let peer = cx.peer(me, &l.peer)?;
            if !shows(cx, me, peer, l.photo_id)? {
                return Err(wrong.into());
            }
            let row = files::photo(cx.model.tx, l.photo_id)?.ok_or(wrong)?;
            let size = if l.big { row.sizes.into_iter().next_back() } else { row.sizes.into_iter().next() };
            Ok(jpeg(size.ok_or(wrong)?, row.date))
        }
        _ => Err(wrong.into()),
    }
}

fn jpeg(size: stored::PhotoSize, date: i32) -> Place {
    Place { body: size.body, mime: "image/jpeg".to_owned(), date }
}

/// Whether a photo is what this peer shows, to whoever may see the peer.
fn shows(cx: &Cx<'_, '_>, me: Account, peer: Peer, photo: i64) -> Rpc<bool> {
    let tx = &*cx.model.tx;
    Ok(match peer {
        Peer::User(user) => {
            privacy::allows(tx, user, &enums::PrivacyKey::PrivacyKeyProfilePhoto, me.0)?
                && photos::has(tx, user, photo)?
        }
        Peer::Chat(chat) => users::chat(tx, chat)?
            .is_some_and(|row| row.photo_id == Some(photo) && chats::is_member(&row, me.0)),
        Peer::Channel(channel) => {
            let (row, _) = channels::readable(tx, me.0, channel)?;
            row.photo_id == Some(photo)
        }
    })
}

fn file_type(mime: &str) -> enums::storage::FileType {
    use enums::storage::FileType;
    match mime {
        "image/jpeg" => FileType::FileJpeg,
        "image/png" => FileType::FilePng,
        "image/gif" => FileType::FileGif,
        "image/webp" => FileType::FileWebp,
        "application/pdf" => FileType::FilePdf,
        "audio/mpeg" => FileType::FileMp3,
        "video/quicktime" => FileType::FileMov,
        "video/mp4" => FileType::FileMp4,
        _ => FileType::FileUnknown,
    }
}

/// Hashes of file chunks are for files that come from elsewhere; all of ours come from here, over an authenticated channel.
fn get_file_hashes(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: upload::GetFileHashes,
) -> Rpc<Vec<types::FileHash>> {
    locate(cx, me, &req.location)?;
    Ok(Vec::new())
}

/// There are no other places from which files come.
fn get_cdn_config(_: &mut Cx<'_, '_>, _: Guest, _: help::GetCdnConfig) -> Rpc<types::CdnConfig> {
    Ok(types::CdnConfig { public_keys: Vec::new() })
}

#[cfg(test)]
mod tests;
