//! Files from the first part to the last byte, with a rim whose blob store is a map.

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use tl::functions::{account, messages, photos, upload};
use tl::{enums, stored, types};

use crate::world::{Device, World};
use crate::{Brought, Errand, Found, JobOutcome, Later, Shape};

const DAY: u64 = 24 * 3600;

/// The blob store, and what the rim does with it. An image is what begins with `IMG`.
#[derive(Default)]
struct Rim {
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Rim {
    fn carry_out(&mut self, later: Later) -> Found {
        let brought = match &later.errand {
            Errand::Keep { name, bytes } => {
                self.blobs.insert(name.clone(), bytes.clone());
                Brought::Kept
            }
            Errand::Range { body, offset, limit } => {
                let offset = usize::try_from(*offset).expect("an offset");
                let limit = usize::try_from(*limit).expect("a limit");
                Brought::Bytes(self.read(body).into_iter().skip(offset).take(limit).collect())
            }
            Errand::Md5 { body } => Brought::Md5(Md5::digest(self.read(body)).into()),
            Errand::Photo { body, prefix, shape } => self.photo(body, prefix, *shape),
            Errand::Bind { .. } => Brought::NotBound,
        };
        later.done(brought)
    }

    fn read(&self, body: &stored::Body) -> Vec<u8> {
        let name = |part| format!("{}/{part}", body.prefix);
        let all = (0..body.parts).flat_map(|part| self.blobs[&name(part)].clone());
        let bytes: Vec<u8> = all.collect();
        assert_eq!(i64::try_from(bytes.len()), Ok(body.size), "the size of {}", body.prefix);
        bytes
    }

    fn photo(&mut self, body: &stored::Body, prefix: &str, shape: Shape) -> Brought {
        let image = self.read(body);
        match image.strip_prefix(b"IMG") {
            None => return Brought::NoImage,
            Some(b" huge") => return Brought::BadDimensions,
            Some(_) => {}
        }
        let kinds: &[&str] = match shape {
            Shape::Picture => &["m", "x"],
            Shape::Portrait => &["a", "c"],
            Shape::Preview => &["m"],
        };
        let sizes = kinds.iter().map(|kind| {
            let prefix = format!("{prefix}-{kind}");
            let jpeg = [kind.as_bytes(), &image].concat();
            let size = i32::try_from(jpeg.len()).expect("small");
            self.blobs.insert(format!("{prefix}/0"), jpeg);
            let body = stored::Body { prefix, part_size: size, parts: 1, size: size.into() };
            stored::PhotoSize { kind: (*kind).to_owned(), w: 320, h: 200, size, body }
        });
        Brought::Photo { sizes: sizes.collect(), stripped: vec![1, 25, 40, 7], original: (640, 400) }
    }
}

/// A world with files in it.
struct Files {
    world: World,
    rim: Rim,
}

impl Files {
    fn new() -> Self {
        Self { world: World::new(), rim: Rim::default() }
    }

    fn call<M: tl::Method>(&mut self, who: &Device, request: &M) -> Result<M::Return, String> {
        let rim = &mut self.rim;
        self.world.call_with(who, request, &mut |later| rim.carry_out(later))
    }

    fn part(&mut self, who: &Device, file_id: i64, file_part: i32, bytes: &[u8]) -> Result<bool, String> {
        self.call(who, &upload::SaveFilePart { file_id, file_part, bytes: bytes.to_vec() })
    }

    /// Uploads in parts of 1 KiB; gives the file as clients name it.
    fn upload(&mut self, who: &Device, file_id: i64, bytes: &[u8]) -> enums::InputFile {
        for (part, bytes) in bytes.chunks(1024).enumerate() {
            let part = i32::try_from(part).expect("few parts");
            assert_eq!(self.part(who, file_id, part, bytes), Ok(true));
        }
        let parts = i32::try_from(bytes.len().div_ceil(1024)).expect("few parts");
        let sum = Md5::digest(bytes);
        let md5_checksum = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        types::InputFile { id: file_id, parts, name: "dir/notes.txt".to_owned(), md5_checksum }.into()
    }

    fn send(
        &mut self,
        from: &Device,
        to: &Device,
        media: impl Into<enums::InputMedia>,
    ) -> Result<enums::MessageMedia, String> {
        let random_id =
            i64::try_from(self.rim.blobs.len()).expect("few") + 1_000 + self.world.now.unix() as i64;
        let request = messages::SendMedia {
            peer: self.world.input_peer(from, to),
            media: media.into(),
            random_id,
            ..Default::default()
        };
        let enums::Updates::Updates(updates) = self.call(from, &request)? else { panic!("odd updates") };
        Ok(media_of(&updates.updates))
    }

    fn send_document(&mut self, from: &Device, to: &Device, bytes: &[u8]) -> types::Document {
        let file = self.upload(from, 77, bytes);
        let media = types::InputMediaUploadedDocument { file, ..text() };
        document_in(&self.send(from, to, media).expect("sent"))
    }

    fn read(&mut self, who: &Device, location: enums::InputFileLocation) -> Result<Vec<u8>, String> {
        match self.call(who, &upload::GetFile { location, offset: 0, limit: 4096, ..Default::default() })? {
            enums::upload::File::File(file) => Ok(file.bytes),
            other => panic!("an odd file: {other:?}"),
        }
    }

    /// Lets time pass and does all jobs that are due by then, more than once where they cause others.
    fn wait(&mut self, secs: u64) {
        self.world.wait(secs);
        self.world.with_env(|api, env| api.expire_keys(&|_| false, env)).expect("looked at");
        let mut from = self.world.with_env(|api, _| api.jobs_start()).expect("a start");
        for _ in 0..200 {
            let due = self.world.with_env(|api, env| api.jobs_due(from, 8, env)).expect("jobs");
            from = due.next;
            if due.jobs.is_empty() && !due.more {
                return;
            }
            for (key, job) in due.jobs {
                match self.world.with_env(|api, env| api.run_job(&key, &job, env)).expect("run") {
                    JobOutcome::Done { .. } => continue,
                    JobOutcome::Deliver { .. } => {}
                    JobOutcome::DropBlobs { prefixes } => {
                        let under = |name: &str| name.rsplit_once('/').map(|(whole, _)| whole.to_owned());
                        self.rim
                            .blobs
                            .retain(|name, _| under(name).is_none_or(|whole| !prefixes.contains(&whole)));
                    }
                }
                self.world.with_env(|api, env| api.job_done(&key, env)).expect("ended");
            }
        }
        panic!("jobs that never end");
    }
}

fn text() -> types::InputMediaUploadedDocument {
    types::InputMediaUploadedDocument { mime_type: "text/plain".to_owned(), ..Default::default() }
}

fn media_of(updates: &[enums::Update]) -> enums::MessageMedia {
    let media = |update: &enums::Update| match update {
        enums::Update::UpdateNewMessage(u) => match &u.message {
            enums::Message::Message(m) => m.media.clone(),
            _ => None,
        },
        _ => None,
    };
    updates.iter().find_map(media).expect("a message with media")
}

fn document_in(media: &enums::MessageMedia) -> types::Document {
    match media {
        enums::MessageMedia::MessageMediaDocument(m) => match m.document.as_ref() {
            Some(enums::Document::Document(document)) => (**document).clone(),
            other => panic!("no document: {other:?}"),
        },
        other => panic!("no document: {other:?}"),
    }
}

fn photo_in(media: &enums::MessageMedia) -> types::Photo {
    match media {
        enums::MessageMedia::MessageMediaPhoto(m) => photo(m.photo.as_ref()),
        other => panic!("no photo: {other:?}"),
    }
}

fn photo(photo: Option<&enums::Photo>) -> types::Photo {
    match photo {
        Some(enums::Photo::Photo(photo)) => (**photo).clone(),
        other => panic!("no photo: {other:?}"),
    }
}

fn at_document(d: &types::Document, thumb_size: &str) -> enums::InputFileLocation {
    types::InputDocumentFileLocation {
        id: d.id,
        access_hash: d.access_hash,
        file_reference: d.file_reference.clone(),
        thumb_size: thumb_size.to_owned(),
    }
    .into()
}

fn at_photo(p: &types::Photo, thumb_size: &str) -> enums::InputFileLocation {
    types::InputPhotoFileLocation {
        id: p.id,
        access_hash: p.access_hash,
        file_reference: p.file_reference.clone(),
        thumb_size: thumb_size.to_owned(),
    }
    .into()
}

#[test]
fn a_document_goes_from_hand_to_hand_byte_for_byte() {
    let mut f = Files::new();
    let (ann, mut bob) = (f.world.person("Ann"), f.world.person("Bob"));
    let content: Vec<u8> = (0..2500_u32).map(|n| u8::try_from(n % 251).expect("a byte")).collect();
    let sent = f.send_document(&ann, &bob, &content);
    assert_eq!((sent.size, sent.mime_type.as_str(), sent.dc_id), (2500, "text/plain", 2));
    let name = types::DocumentAttributeFilename { file_name: "notes.txt".to_owned() };
    assert_eq!(sent.attributes, [name.into()]);
    let heard = document_in(&media_of(&f.world.pushes(&mut bob)));
    assert_eq!(heard.id, sent.id);
    assert_ne!(heard.access_hash, sent.access_hash, "each has their own");
    assert_eq!(f.read(&bob, at_document(&heard, "")), Ok(content.clone()));
    assert_eq!(f.read(&ann, at_document(&sent, "")), Ok(content));
}

#[test]
fn what_is_not_whole_is_no_file() {
    let mut f = Files::new();
    let (ann, bob) = (f.world.person("Ann"), f.world.person("Bob"));
    let file = |parts, md5: &str| -> enums::InputFile {
        types::InputFile { id: 5, parts, md5_checksum: md5.to_owned(), ..Default::default() }.into()
    };
    let send = |f: &mut Files, file| {
        f.send(&ann, &bob, types::InputMediaUploadedDocument { file, ..text() }).map(|_| ())
    };
    let error = |name: &str| Err(name.to_owned());
    assert_eq!(send(&mut f, file(1, "")), error("FILE_PART_0_MISSING"));
    f.part(&ann, 5, 0, &[1; 1024]).expect("kept");
    f.part(&ann, 5, 2, &[3; 100]).expect("kept");
    assert_eq!(send(&mut f, file(3, "")), error("FILE_PART_1_MISSING"));
    assert_eq!(send(&mut f, file(0, "")), error("FILE_PARTS_INVALID"));
    assert_eq!(send(&mut f, file(8001, "")), error("FILE_PARTS_INVALID"));
    f.part(&ann, 5, 1, &[2; 512]).expect("kept");
    assert_eq!(send(&mut f, file(3, "")), error("FILE_PART_SIZE_CHANGED"));
    f.part(&ann, 5, 1, &[2; 1024]).expect("kept again");
    assert_eq!(send(&mut f, file(4, "")), error("FILE_PART_SIZE_CHANGED"), "the third is shorter");
    assert_eq!(send(&mut f, file(2, "")), error("FILE_PARTS_INVALID"));
    assert_eq!(send(&mut f, file(3, &"0".repeat(32))), error("MD5_CHECKSUM_INVALID"));
    assert_eq!(send(&mut f, file(3, "")), Ok(()));
    // Another device's upload of the same number is another upload.
    let tablet = f.world.device(&ann);
    let media = types::InputMediaUploadedDocument { file: file(3, ""), ..text() };
    assert_eq!(f.send(&tablet, &bob, media).map(|_| ()), error("FILE_PART_0_MISSING"));
}

#[test]
fn parts_keep_to_their_rules() {
    let mut f = Files::new();
    let ann = f.world.person("Ann");
    let error = |name: &str| Err(name.to_owned());
    assert_eq!(f.part(&ann, 1, 0, &vec![0; 512 * 1024 + 1]), error("FILE_PART_TOO_BIG"));
    assert_eq!(f.part(&ann, 1, 0, &[]), error("FILE_PART_EMPTY"));
    assert_eq!(f.part(&ann, 1, -1, &[0]), error("FILE_PART_INVALID"));
    assert_eq!(f.part(&ann, 1, 8000, &[0]), error("FILE_PART_INVALID"));
    let big = |file_part, file_total_parts, size: usize| upload::SaveBigFilePart {
        file_id: 2,
        file_part,
        file_total_parts,
        bytes: vec![0; size],
    };
    assert_eq!(f.call(&ann, &big(0, 0, 1024)), error("FILE_PARTS_INVALID"));
    assert_eq!(f.call(&ann, &big(2, 2, 1024)), error("FILE_PART_INVALID"));
    assert_eq!(f.call(&ann, &big(i32::MAX, -1, 1024)), error("FILE_PART_INVALID"));
    assert_eq!(f.call(&ann, &big(0, 2, 1000)), error("FILE_PART_SIZE_INVALID"));
    assert_eq!(f.call(&ann, &big(0, 2, 3 * 1024)), error("FILE_PART_SIZE_INVALID"));
    assert_eq!(f.call(&ann, &big(0, 2, 2 * 1024)), Ok(true));
    assert_eq!(f.call(&ann, &big(1, -1, 1000)), Ok(true));
    assert_eq!(f.rim.blobs.len(), 2, "only what was kept lies there");
    let guest = f.world.guest();
    assert_eq!(f.part(&guest, 1, 0, &[0]), error("AUTH_KEY_UNREGISTERED"));
}

#[test]
fn nobody_reads_what_they_were_not_shown() {
    let mut f = Files::new();
    let (ann, bob, cyd) = (f.world.person("Ann"), f.world.person("Bob"), f.world.person("Cyd"));
    let sent = f.send_document(&ann, &bob, b"for Bob alone");
    let error = |name: &str| Err(name.to_owned());
    assert_eq!(f.read(&cyd, at_document(&sent, "")), error("LOCATION_INVALID"));
    let with = |hash, reference: &[u8]| {
        let (access_hash, file_reference) = (hash, reference.to_vec());
        at_document(&types::Document { access_hash, file_reference, ..sent.clone() }, "")
    };
    let (hash, reference) = (sent.access_hash, sent.file_reference.clone());
    assert_eq!(f.read(&ann, with(hash + 1, &reference)), error("LOCATION_INVALID"));
    assert_eq!(f.read(&ann, with(hash, &[])), error("FILE_REFERENCE_EMPTY"));
    assert_eq!(f.read(&ann, with(hash, &[1; 16])), error("FILE_REFERENCE_INVALID"));
    assert_eq!(f.read(&ann, at_document(&sent, "m")), error("LOCATION_INVALID"), "no such size");
    f.world.wait(2 * DAY);
    assert_eq!(f.read(&ann, with(hash, &reference)), error("FILE_REFERENCE_EXPIRED"));
    // Seeing the message again renews it.
    let history =
        messages::GetHistory { peer: f.world.input_peer(&ann, &bob), limit: 1, ..Default::default() };
    let enums::messages::Messages::Messages(page) = f.call(&ann, &history).expect("a page") else {
        panic!("an odd page")
    };
    let Some(enums::Message::Message(message)) = page.messages.first() else { panic!("no message") };
    let fresh = document_in(message.media.as_ref().expect("media"));
    assert_ne!(fresh.file_reference, reference);
    assert_eq!(f.read(&ann, at_document(&fresh, "")), Ok(b"for Bob alone".to_vec()));
    // What was shown to oneself cannot be sent on with somebody else's hash.
    let id = types::InputDocument { id: fresh.id, access_hash: hash, file_reference: fresh.file_reference };
    let media = types::InputMediaDocument { id: id.into(), ..Default::default() };
    assert_eq!(f.send(&cyd, &ann, media).map(|_| Vec::new()), error("MEDIA_EMPTY"));
}

#[test]
fn ranges_keep_to_their_rules() {
    let mut f = Files::new();
    let (ann, bob) = (f.world.person("Ann"), f.world.person("Bob"));
    let content = vec![7; 9000];
    let sent = f.send_document(&ann, &bob, &content);
    let mut read = |offset, limit, precise| {
        let location = at_document(&sent, "");
        let request = upload::GetFile { location, offset, limit, precise, cdn_supported: false };
        match f.call(&ann, &request) {
            Ok(enums::upload::File::File(file)) => Ok(file.bytes.len()),
            Ok(other) => panic!("an odd file: {other:?}"),
            Err(error) => Err(error),
        }
    };
    assert_eq!(read(0, 4096, false), Ok(4096));
    assert_eq!(read(8192, 4096, false), Ok(808), "the end");
    assert_eq!(read(12_288, 4096, false), Ok(0), "behind the end");
    assert_eq!(read(0, 1024 * 1024, false), Ok(9000));
    assert_eq!(read(1024, 3072, true), Ok(3072));
    for (offset, limit, precise) in [(0, 1000, false), (0, 0, false), (0, -4096, true), (0, 1 << 21, true)] {
        assert_eq!(read(offset, limit, precise), Err("LIMIT_INVALID".to_owned()));
    }
    for (offset, limit, precise) in [
        (100, 4096, false),
        (1024, 4096, false),
        (4096, 1024 * 1024, false),
        (-4096, 4096, true),
        (1, 1024, true),
    ] {
        assert_eq!(read(offset, limit, precise), Err("OFFSET_INVALID".to_owned()));
    }
}

#[test]
fn a_photo_has_sizes_and_garbage_has_none() {
    let mut f = Files::new();
    let (ann, mut bob) = (f.world.person("Ann"), f.world.person("Bob"));
    let file = f.upload(&ann, 1, b"IMG of a tower");
    let media = types::InputMediaUploadedPhoto { file, ..Default::default() };
    let sent = photo_in(&f.send(&ann, &bob, media.clone()).expect("sent"));
    let kinds: Vec<_> = sent
        .sizes
        .iter()
        .map(|size| match size {
            enums::PhotoSize::PhotoStrippedSize(s) => (s.type_.as_str(), 0),
            enums::PhotoSize::PhotoSize(s) => (s.type_.as_str(), s.size),
            other => panic!("an odd size: {other:?}"),
        })
        .collect();
    assert_eq!(kinds, [("i", 0), ("m", 15), ("x", 15)]);
    let heard = photo_in(&media_of(&f.world.pushes(&mut bob)));
    assert_eq!(f.read(&bob, at_photo(&heard, "m")), Ok(b"mIMG of a tower".to_vec()));
    assert_eq!(f.read(&bob, at_photo(&heard, "")), Ok(b"xIMG of a tower".to_vec()));
    assert_eq!(f.read(&bob, at_photo(&sent, "x")), Err("LOCATION_INVALID".to_owned()));
    // The same upload is the same photo.
    f.world.wait(1);
    assert_eq!(photo_in(&f.send(&ann, &bob, media).expect("sent")).id, sent.id);
    for (id, bytes, error) in
        [(2, &b"MZ no image"[..], "IMAGE_PROCESS_FAILED"), (3, b"IMG huge", "PHOTO_INVALID_DIMENSIONS")]
    {
        let file = f.upload(&ann, id, bytes);
        let media = types::InputMediaUploadedPhoto { file, ..Default::default() };
        assert_eq!(f.send(&ann, &bob, media).map(|_| ()), Err(error.to_owned()));
    }
    let media = types::InputMediaUploadedPhoto { ttl_seconds: Some(5), ..Default::default() };
    assert_eq!(f.send(&ann, &bob, media).map(|_| ()), Err("MEDIA_INVALID".to_owned()));
}

#[test]
fn a_document_has_the_preview_that_came_with_it() {
    let mut f = Files::new();
    let (ann, bob) = (f.world.person("Ann"), f.world.person("Bob"));
    let file = f.upload(&ann, 1, b"a film");
    let thumb = Some(f.upload(&ann, 2, b"IMG of its first second"));
    let sticker = types::DocumentAttributeSticker {
        stickerset: types::InputStickerSetID { id: 1, access_hash: 2 }.into(),
        ..Default::default()
    };
    let media = types::InputMediaUploadedDocument {
        file,
        thumb,
        mime_type: "no mime".to_owned(),
        attributes: vec![sticker.into()],
        ..Default::default()
    };
    let sent = document_in(&f.send(&ann, &bob, media).expect("sent"));
    assert_eq!(sent.mime_type, "application/octet-stream");
    assert!(matches!(
        &sent.attributes[0],
        enums::DocumentAttribute::DocumentAttributeSticker(s)
            if s.stickerset == enums::InputStickerSet::InputStickerSetEmpty
    ));
    assert_eq!(sent.thumbs.as_ref().map(Vec::len), Some(2), "the tiny one and m");
    assert_eq!(f.read(&ann, at_document(&sent, "m")), Ok(b"mIMG of its first second".to_vec()));
    // The uploads expire; what they became stays, without the image of which the preview was made.
    let before = f.rim.blobs.len();
    f.wait(DAY + 60);
    assert_eq!(f.rim.blobs.len(), before - 1);
}

#[test]
fn what_nobody_owns_is_collected() {
    let mut f = Files::new();
    let (ann, bob) = (f.world.person("Ann"), f.world.person("Bob"));
    f.part(&ann, 9, 0, b"never sent").expect("kept");
    let file = f.upload(&ann, 10, b"only prepared");
    let prepare = messages::UploadMedia {
        peer: enums::InputPeer::InputPeerSelf,
        media: types::InputMediaUploadedDocument { file, ..text() }.into(),
        ..Default::default()
    };
    let prepared = document_in(&f.call(&ann, &prepare).expect("prepared"));
    let sent = f.send_document(&ann, &bob, b"sent and kept");
    assert_eq!(f.rim.blobs.len(), 3);
    f.wait(DAY - 60);
    assert_eq!(f.rim.blobs.len(), 3, "too early");
    f.wait(120);
    assert_eq!(f.rim.blobs.values().collect::<Vec<_>>(), [b"sent and kept"]);
    assert_eq!(f.read(&ann, at_document(&prepared, "")), Err("LOCATION_INVALID".to_owned()));
    // Deleted for both, it is kept for a day for those who look at it, and then goes too.
    let delete =
        messages::DeleteHistory { peer: f.world.input_peer(&ann, &bob), revoke: true, ..Default::default() };
    f.call(&ann, &delete).expect("deleted");
    f.wait(60);
    assert_eq!(f.rim.blobs.len(), 1);
    f.wait(DAY);
    assert!(f.rim.blobs.is_empty());
    f.wait(DAY);
    assert!(f.call(&ann, &upload::GetFileHashes { location: at_document(&sent, ""), offset: 0 }).is_err());
}

#[test]
fn a_file_number_may_be_used_again() {
    let mut f = Files::new();
    let (ann, bob) = (f.world.person("Ann"), f.world.person("Bob"));
    let first = f.send_document(&ann, &bob, b"the first under its number");
    f.wait(60);
    let second = f.send_document(&ann, &bob, b"the second");
    assert_ne!(first.id, second.id);
    assert_eq!(f.read(&ann, at_document(&first, "")), Ok(b"the first under its number".to_vec()));
    assert_eq!(f.read(&ann, at_document(&second, "")), Ok(b"the second".to_vec()));
    f.wait(DAY);
    assert_eq!(f.rim.blobs.len(), 2);
}

#[test]
fn profile_photos_come_on_top_and_go() {
    let mut f = Files::new();
    let (ann, mut bob) = (f.world.person("Ann"), f.world.person("Bob"));
    f.world.say(&ann, f.world.input_peer(&ann, &bob), "hello", 1);
    f.world.pushes(&mut bob);
    let set = |f: &mut Files, id, image: &[u8]| {
        f.world.wait(1);
        let file = Some(f.upload(&ann, id, image));
        let request = photos::UploadProfilePhoto { file, ..Default::default() };
        photo(Some(&f.call(&ann, &request).expect("set").photo))
    };
    let first = set(&mut f, 1, b"IMG one");
    let second = set(&mut f, 2, b"IMG two");
    let told = f.world.pushes(&mut bob);
    assert!(told.iter().all(|u| matches!(u, enums::Update::UpdateUser(u) if u.user_id == ann.user.0)));
    assert!(!told.is_empty());
    let peer = f.world.input_peer(&bob, &ann);
    let of = |photo_id, big| -> enums::InputFileLocation {
        types::InputPeerPhotoFileLocation { big, peer: peer.clone(), photo_id }.into()
    };
    assert_eq!(f.read(&bob, of(second.id, false)), Ok(b"aIMG two".to_vec()));
    assert_eq!(f.read(&bob, of(second.id, true)), Ok(b"cIMG two".to_vec()));
    assert_eq!(f.read(&bob, of(second.id + 1, true)), Err("LOCATION_INVALID".to_owned()));
    let page =
        photos::GetUserPhotos { user_id: f.world.input_user(&bob, &ann), limit: 1, ..Default::default() };
    match f.call(&bob, &page).expect("a page") {
        enums::photos::Photos::PhotosSlice(page) => {
            assert_eq!((page.count, page.photos.len()), (2, 1));
            assert_eq!(photo(page.photos.first()).id, second.id);
        }
        other => panic!("an odd page: {other:?}"),
    }
    // To whom she does not show her photo, there is none.
    let hide = |f: &mut Files, rule: enums::InputPrivacyRule| {
        let key = enums::InputPrivacyKey::InputPrivacyKeyProfilePhoto;
        f.call(&ann, &account::SetPrivacy { key, rules: vec![rule] }).expect("set");
    };
    hide(&mut f, enums::InputPrivacyRule::InputPrivacyValueDisallowAll);
    assert_eq!(f.read(&bob, of(second.id, true)), Err("LOCATION_INVALID".to_owned()));
    assert!(matches!(
        f.call(&bob, &page),
        Ok(enums::photos::Photos::Photos(page)) if page.photos.is_empty()
    ));
    hide(&mut f, enums::InputPrivacyRule::InputPrivacyValueAllowAll);
    assert!(f.read(&bob, of(second.id, true)).is_ok());
    let input = |p: &types::Photo| -> enums::InputPhoto {
        let (id, access_hash, file_reference) = (p.id, p.access_hash, p.file_reference.clone());
        types::InputPhoto { id, access_hash, file_reference }.into()
    };
    // The one before is shown again.
    let removed = f.call(&ann, &photos::UpdateProfilePhoto::default()).expect("taken off");
    assert_eq!(photo(Some(&removed.photo)).id, first.id);
    assert_eq!(f.call(&bob, &photos::DeletePhotos { id: vec![input(&first)] }), Ok(vec![]), "not Bob's");
    assert_eq!(f.call(&ann, &photos::DeletePhotos { id: vec![input(&first)] }), Ok(vec![first.id]));
    assert!(f.read(&bob, of(first.id, true)).is_err());
    f.wait(2 * DAY);
    assert!(f.rim.blobs.is_empty());
}

#[test]
fn a_key_on_which_nobody_logs_in_expires() {
    let mut f = Files::new();
    let (ann, guest) = (f.world.person("Ann"), f.world.guest());
    f.wait(DAY - 60);
    let known = |f: &Files, who: &Device| f.world.api.key(who.key).expect("read").0.is_some();
    assert!(known(&f, &guest));
    f.world.with_env(|api, env| api.touch_key(guest.key, env)).expect("used");
    f.wait(120);
    assert!(known(&f, &guest), "it was used");
    f.wait(DAY);
    assert!(!known(&f, &guest));
    assert!(known(&f, &ann));
    f.call(&ann, &tl::functions::auth::LogOut {}).expect("logged out");
    f.wait(DAY + 60);
    assert!(!known(&f, &ann), "and nobody came back");
}

#[test]
fn what_an_edit_replaces_goes() {
    let mut f = Files::new();
    let (ann, bob) = (f.world.person("Ann"), f.world.person("Bob"));
    f.send_document(&ann, &bob, b"the draft");
    f.world.wait(1);
    let file = f.upload(&ann, 78, b"the final text");
    let edit = messages::EditMessage {
        peer: f.world.input_peer(&ann, &bob),
        id: 1,
        media: Some(types::InputMediaUploadedDocument { file, ..text() }.into()),
        ..Default::default()
    };
    f.call(&ann, &edit).expect("edited");
    f.wait(DAY + 60);
    assert_eq!(f.rim.blobs.values().collect::<Vec<_>>(), [b"the final text"]);
}

#[test]
fn a_groups_photo_is_for_its_members() {
    let mut f = Files::new();
    let (ann, bob, cyd) = (f.world.person("Ann"), f.world.person("Bob"), f.world.person("Cyd"));
    let create = messages::CreateChat {
        users: vec![f.world.input_user(&ann, &bob)],
        title: "Towers".to_owned(),
        ..Default::default()
    };
    let enums::Updates::Updates(made) = f.call(&ann, &create).expect("a group").updates else {
        panic!("odd updates")
    };
    let Some(enums::Chat::Chat(chat)) = made.chats.first() else { panic!("no group") };
    let chat_id = chat.id;
    let file = Some(f.upload(&ann, 1, b"IMG of all"));
    let photo = types::InputChatUploadedPhoto { file, ..Default::default() };
    f.call(&ann, &messages::EditChatPhoto { chat_id, photo: photo.into() }).expect("set");
    let full = f.call(&bob, &messages::GetFullChat { chat_id }).expect("the group's page");
    let Some(enums::Chat::Chat(chat)) = full.chats.first() else { panic!("no group") };
    let enums::ChatPhoto::ChatPhoto(photo) = &chat.photo else { panic!("no photo") };
    let location = || -> enums::InputFileLocation {
        let peer = types::InputPeerChat { chat_id }.into();
        types::InputPeerPhotoFileLocation { big: true, peer, photo_id: photo.photo_id }.into()
    };
    assert_eq!(f.read(&bob, location()), Ok(b"cIMG of all".to_vec()));
    assert!(f.read(&cyd, location()).is_err());
}
