//! What clients send along with a message: uploads, and photos and documents that they were shown.

use model::{Refusal, contacts, files, users};
use tl::functions::messages;
use tl::{enums, stored, types};

use crate::later::{Brought, Errand, Shape};
use crate::limits;
use crate::method::{Account, Cx, Rpc, methods};
use crate::refs::{Kind, Reference};

methods! {
    messages::UploadMedia => upload_media, Writes;
}

/// Media as the model keeps them. The first runs of a call may end here with errands.
pub(crate) fn take_media(
    cx: &mut Cx<'_, '_>,
    me: Account,
    media: &enums::InputMedia,
) -> Rpc<stored::enums::Media> {
    use enums::InputMedia;
    Ok(match media {
        // A photo that destroys itself would have to be gone afterwards, which we cannot promise yet.
        InputMedia::InputMediaUploadedPhoto(m) if m.ttl_seconds.is_none() => {
            let photo_id = photo_of(cx, me, &m.file, Shape::Picture)?;
            stored::MediaPhoto { spoiler: m.spoiler, photo_id }.into()
        }
        InputMedia::InputMediaPhoto(m) if m.ttl_seconds.is_none() => {
            let photo_id = shown_photo(cx, me, &m.id)?.ok_or(Refusal::MediaEmpty)?;
            stored::MediaPhoto { spoiler: m.spoiler, photo_id }.into()
        }
        InputMedia::InputMediaUploadedDocument(m) if m.ttl_seconds.is_none() => {
            let document_id = document_of(cx, me, m)?;
            stored::MediaDocument { spoiler: m.spoiler, document_id }.into()
        }
        InputMedia::InputMediaDocument(m) if m.ttl_seconds.is_none() => {
            let document_id = shown_document(cx, me, &m.id)?;
            stored::MediaDocument { spoiler: m.spoiler, document_id }.into()
        }
        InputMedia::InputMediaContact(m) => contact(cx, me, m)?.into(),
        InputMedia::InputMediaGeoPoint(m) => geo(&m.geo_point)?.into(),
        InputMedia::InputMediaEmpty => return Err(Refusal::MediaEmpty.into()),
        _ => return Err(Refusal::MediaInvalid.into()),
    })
}

/// Prepares a photo or a document that is sent later, in an album or to many.
fn upload_media(cx: &mut Cx<'_, '_>, me: Account, req: messages::UploadMedia) -> Rpc<enums::MessageMedia> {
    cx.peer(me, &req.peer)?;
    let media = take_media(cx, me, &req.media)?;
    match media {
        stored::enums::Media::MediaPhoto(_) | stored::enums::Media::MediaDocument(_) => {
            Ok(cx.view(me).media(&media)?)
        }
        _ => Err(Refusal::MediaInvalid.into()),
    }
}

/// Whether `me` was shown a photo or a document: by the access hash that is theirs, and by a reference that is fresh.
pub(crate) fn check_shown(
    cx: &Cx<'_, '_>,
    me: Account,
    kind: Kind,
    id: i64,
    access_hash: i64,
    reference: &[u8],
    otherwise: Refusal,
) -> Rpc<()> {
    if !cx.site.has_access(me.0, kind, id, access_hash) {
        return Err(otherwise.into());
    }
    match cx.site.check_reference(me.0, id, reference, cx.date()) {
        Reference::Good => Ok(()),
        Reference::Expired => Err(Refusal::FileReferenceExpired.into()),
        Reference::Invalid if reference.is_empty() => Err(Refusal::FileReferenceEmpty.into()),
        Reference::Invalid => Err(Refusal::FileReferenceInvalid.into()),
    }
}

/// A photo that `me` was shown; `None` for the empty one.
pub(super) fn shown_photo(cx: &Cx<'_, '_>, me: Account, photo: &enums::InputPhoto) -> Rpc<Option<i64>> {
    let enums::InputPhoto::InputPhoto(p) = photo else { return Ok(None) };
    check_shown(cx, me, Kind::Photo, p.id, p.access_hash, &p.file_reference, Refusal::PhotoInvalid)?;
    files::photo(cx.model.tx, p.id)?.ok_or(Refusal::PhotoInvalid)?;
    Ok(Some(p.id))
}

fn shown_document(cx: &Cx<'_, '_>, me: Account, document: &enums::InputDocument) -> Rpc<i64> {
    let enums::InputDocument::InputDocument(d) = document else { return Err(Refusal::MediaEmpty.into()) };
    check_shown(cx, me, Kind::Document, d.id, d.access_hash, &d.file_reference, Refusal::MediaEmpty)?;
    files::document(cx.model.tx, d.id)?.ok_or(Refusal::MediaEmpty)?;
    Ok(d.id)
}

/// An upload that is whole.
struct Uploaded {
    file_id: i64,
    name: String,
    row: stored::Upload,
    body: stored::Body,
}

fn uploaded(cx: &Cx<'_, '_>, file: &enums::InputFile) -> Rpc<Uploaded> {
    let (file_id, parts, name) = match file {
        enums::InputFile::InputFile(f) => (f.id, f.parts, &f.name),
        enums::InputFile::InputFileBig(f) => (f.id, f.parts, &f.name),
        enums::InputFile::InputFileStoryDocument(_) => return Err(Refusal::MediaInvalid.into()),
    };
    let row = files::whole_upload(&cx.model, file_id, parts)?;
    let body = row.body.clone().ok_or(Refusal::FilePartsInvalid)?;
    if let enums::InputFile::InputFile(f) = file {
        if body.size > limits::SMALL_FILE_BYTES_MAX {
            return Err(Refusal::FilePartsInvalid.into());
        }
        check_md5(cx, &body, &f.md5_checksum)?;
    }
    Ok(Uploaded { file_id, name: name.clone(), row, body })
}

/// Compares an upload with the MD5 that its client gave; several clients give none.
fn check_md5(cx: &Cx<'_, '_>, body: &stored::Body, claimed: &str) -> Rpc<()> {
    if claimed.is_empty() {
        return Ok(());
    }
    let Brought::Md5(sum) = cx.errand(Errand::Md5 { body: body.clone() })? else {
        return Err(Refusal::Internal.into());
    };
    let real: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    if claimed.eq_ignore_ascii_case(&real) { Ok(()) } else { Err(Refusal::Md5ChecksumInvalid.into()) }
}

/// The photo that an upload is made into.
pub(super) fn photo_of(cx: &mut Cx<'_, '_>, me: Account, file: &enums::InputFile, shape: Shape) -> Rpc<i64> {
    let Uploaded { file_id, row, body, .. } = uploaded(cx, file)?;
    if let Some(made) = row.photo_id
        && files::photo(cx.model.tx, made)?.is_some()
    {
        return Ok(made);
    }
    if body.size > limits::PHOTO_BYTES_MAX {
        return Err(Refusal::ImageProcessFailed.into());
    }
    let prefix = body.prefix.clone();
    match cx.errand(Errand::Photo { body, prefix, shape })? {
        Brought::Photo { sizes, stripped, .. } => {
            let made = files::Sizes { sizes: sizes.clone(), stripped: stripped.clone() };
            Ok(files::add_photo(&mut cx.model, me.0, file_id, row, made)?)
        }
        Brought::BadDimensions => Err(Refusal::PhotoInvalidDimensions.into()),
        _ => Err(Refusal::ImageProcessFailed.into()),
    }
}

/// The document that an upload is made into.
fn document_of(cx: &mut Cx<'_, '_>, me: Account, m: &types::InputMediaUploadedDocument) -> Rpc<i64> {
    let Uploaded { file_id, name, row, body } = uploaded(cx, &m.file)?;
    if let Some(made) = row.document_id
        && files::document(cx.model.tx, made)?.is_some()
    {
        return Ok(made);
    }
    let mime_type = mime(&m.mime_type);
    let mut document = stored::Document {
        attributes: attributes(&m.attributes, &name)?,
        size: body.size,
        body: body.clone(),
        ..Default::default()
    };
    let is_image = matches!(mime_type.as_str(), "image/jpeg" | "image/png" | "image/webp");
    let source = match &m.thumb {
        Some(thumb) => Some(uploaded(cx, thumb)?.body),
        None => is_image.then(|| body.clone()),
    };
    if let Some(source) = source.filter(|source| source.size <= limits::PHOTO_BYTES_MAX) {
        let prefix = files::preview_prefix(&body);
        // A preview that is no image is no reason to refuse the document.
        if let Brought::Photo { sizes, stripped, original } =
            cx.errand(Errand::Photo { body: source, prefix, shape: Shape::Preview })?
        {
            document.thumbs.clone_from(sizes);
            document.stripped.clone_from(stripped);
            let known = |a: &enums::DocumentAttribute| {
                matches!(a, enums::DocumentAttribute::DocumentAttributeImageSize(_))
            };
            if m.thumb.is_none() && !document.attributes.iter().any(known) {
                let (w, h) = *original;
                document.attributes.push(types::DocumentAttributeImageSize { w, h }.into());
            }
        }
    }
    document.mime_type = mime_type;
    Ok(files::add_document(&mut cx.model, me.0, file_id, row, document)?)
}

fn mime(given: &str) -> String {
    let fine = given.contains('/') && given.len() <= 127 && given.bytes().all(|byte| byte.is_ascii_graphic());
    if fine { given.to_ascii_lowercase() } else { "application/octet-stream".to_owned() }
}

/// The attributes of a document, in bounds and without what would lead elsewhere.
fn attributes(given: &[enums::DocumentAttribute], name: &str) -> Rpc<Vec<enums::DocumentAttribute>> {
    use enums::DocumentAttribute as Attribute;
    let mut kept = Vec::with_capacity(given.len().min(limits::ATTRIBUTES_MAX));
    for attribute in given.iter().take(limits::ATTRIBUTES_MAX) {
        kept.push(match attribute.clone() {
            Attribute::DocumentAttributeFilename(a) => file_name(&a.file_name).into(),
            Attribute::DocumentAttributeSticker(mut a) => {
                a.stickerset = enums::InputStickerSet::InputStickerSetEmpty;
                a.into()
            }
            // Custom emoji belong to sets, which we do not have.
            Attribute::DocumentAttributeCustomEmoji(_) => continue,
            other => other,
        });
    }
    let named = kept.iter().any(|a| matches!(a, Attribute::DocumentAttributeFilename(_)));
    if !named && !name.trim().is_empty() {
        kept.push(file_name(name).into());
    }
    let bytes: usize = kept.iter().map(|a| tl::write(a, tl::Layer::ALL).len()).sum();
    if bytes > limits::ATTRIBUTES_BYTES_MAX { Err(Refusal::MediaInvalid.into()) } else { Ok(kept) }
}

/// A file's name without the folders it came from.
fn file_name(given: &str) -> types::DocumentAttributeFilename {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let file_name = last.chars().filter(|c| !c.is_control()).take(limits::FILE_NAME_CHARS_MAX).collect();
    types::DocumentAttributeFilename { file_name }
}

/// Somebody's number. It leads to their account if it is the sender's own or a contact's: nobody is found by sending numbers.
fn contact(cx: &Cx<'_, '_>, me: Account, m: &types::InputMediaContact) -> Rpc<stored::MediaContact> {
    let cut = |text: &str, chars: usize| text.chars().take(chars).collect::<String>();
    let name_chars = model::limits::NAME_CHARS_MAX;
    let mut user_id = 0;
    if let Some(digits) = users::phone_digits(&m.phone_number)
        && let Some(user) = users::by_phone(cx.model.tx, &digits)?
        && (user == me.0 || contacts::find(cx.model.tx, me.0, user)?.is_some())
    {
        user_id = user.0;
    }
    Ok(stored::MediaContact {
        phone: cut(&m.phone_number, limits::PHONE_CHARS_MAX),
        first_name: cut(&m.first_name, name_chars),
        last_name: cut(&m.last_name, name_chars),
        vcard: cut(&m.vcard, limits::VCARD_CHARS_MAX),
        user_id,
    })
}

fn geo(point: &enums::InputGeoPoint) -> Rpc<stored::MediaGeo> {
    match point {
        enums::InputGeoPoint::InputGeoPoint(p)
            if (-90.0..=90.0).contains(&p.lat) && (-180.0..=180.0).contains(&p.long) =>
        {
            Ok(stored::MediaGeo { lat: p.lat, long: p.long })
        }
        _ => Err(Refusal::MediaInvalid.into()),
    }
}
