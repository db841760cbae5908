//! Every bound of the API on one page.

use std::time::Duration;

/// How far ahead of the clock the store is told that messages will be named. A server that starts again at once may name
/// that far ahead; clients accept half a minute.
pub const NAMES_AHEAD: Duration = Duration::from_secs(10);
/// How far the clock may have been set back between two servers on one store. Within this the second one goes on from the
/// time of the first; beyond it the clock was wrong before, and is believed now.
pub const CLOCK_BACK_MAX: Duration = Duration::from_secs(60 * 60);
/// Wrappers around one query.
pub const WRAPPERS_MAX: usize = 16;
/// Queries for which one query may wait (`invokeAfterMsgs`).
pub const AFTER_MAX: usize = 64;
/// Characters kept of what a client says of its device.
pub const DEVICE_CHARS_MAX: usize = 128;
/// Ids that one call may name.
pub const IDS_MAX: usize = 200;
/// Characters of what one call looks for.
pub const QUERY_CHARS_MAX: usize = 256;
/// Bytes of the entities of one text, their links included; each is copied to everybody who keeps the message.
pub const ENTITIES_BYTES_MAX: usize = 16 * 1024;
/// Characters of a quote in a reply.
pub const QUOTE_CHARS_MAX: usize = 1_024;
/// People that are remembered as shown to the client of a key.
pub const SHOWN_MAX: usize = 128;
/// Log rows in one push.
pub const PUSH_ROWS_MAX: usize = 100;
/// Bytes that one `upload.getFile` gives.
pub const RANGE_BYTES_MAX: i32 = 1024 * 1024;
/// Bytes of a file that is uploaded as a small one (`upload.saveFilePart`), with its MD5.
pub const SMALL_FILE_BYTES_MAX: i64 = 10 * 1024 * 1024;
/// Bytes of an image of which a photo or a preview is made.
pub const PHOTO_BYTES_MAX: i64 = 10 * 1024 * 1024;
/// Photos in one page.
pub const PHOTOS_MAX: usize = 100;
/// Attributes of a document; the rest is cut.
pub const ATTRIBUTES_MAX: usize = 16;
/// Bytes of all attributes of a document together.
pub const ATTRIBUTES_BYTES_MAX: usize = 16 * 1024;
/// Characters of a file's name.
pub const FILE_NAME_CHARS_MAX: usize = 255;
/// Characters of a phone number in a contact that is sent.
pub const PHONE_CHARS_MAX: usize = 32;
/// Characters of a vCard.
pub const VCARD_CHARS_MAX: usize = 2_048;
/// Seconds for which a file reference is good.
pub const FILE_REFERENCE_SECS: i32 = 24 * 3600;
/// Contacts that one call imports.
pub const IMPORT_MAX: usize = 1_000;
/// Seconds of finished time after which it is noted from where jobs are looked for.
pub const JOBS_NOTE_SECS: u64 = 3_600;
