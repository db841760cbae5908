//! Every bound of the model on one page.

/// Notices that one call may cause; what is lost costs latency, never data.
pub const NOTICES_MAX: usize = 1_000;
/// Members of a basic group (`chat_size_max`).
pub const CHAT_MEMBERS_MAX: usize = 200;
/// Channels and supergroups a person may be in.
pub const CHANNELS_MAX: usize = 500;
/// Members of a supergroup (`megagroup_size_max`).
pub const MEGAGROUP_MEMBERS_MAX: i32 = 200_000;
/// Members of a channel that one call can delete; larger ones are emptied first.
pub const DELETE_CHANNEL_MEMBERS_MAX: i32 = 1_000;
/// Posts that one call clears for everybody.
pub const CLEAR_CHANNEL_MAX: i32 = 1_000;
/// Members of a channel that one listing looks at.
pub const MEMBERS_SCAN_MAX: usize = 20_000;
/// Public channels that one person may own.
pub const PUBLIC_CHANNELS_MAX: usize = 10;
/// Messages that a person who is taken into a basic group is shown from before.
pub const FORWARDED_MAX: usize = 100;
/// Characters of an admin's rank.
pub const RANK_CHARS_MAX: usize = 16;
/// Characters of a message (`message_length_max`).
pub const MESSAGE_CHARS_MAX: usize = 4_096;
/// Characters of a caption (`caption_length_max`).
pub const CAPTION_CHARS_MAX: usize = 1_024;
/// Entities of a message; the rest is cut.
pub const ENTITIES_MAX: usize = 100;
/// Characters of a title.
pub const TITLE_CHARS_MAX: usize = 128;
/// Characters of a first or last name.
pub const NAME_CHARS_MAX: usize = 64;
/// Characters of a person's about.
pub const ABOUT_CHARS_MAX: usize = 70;
/// Characters of a group's about.
pub const CHAT_ABOUT_CHARS_MAX: usize = 255;
/// How long a message may be edited, seconds (`edit_time_limit`).
pub const EDIT_SECS: i32 = 172_800;
/// Messages in one page of a history.
pub const PAGE_MAX: usize = 100;
/// Messages a search looks at before it gives what it found.
pub const SEARCH_SCAN_MAX: usize = 20_000;
/// Posts of a channel above the read pointer that are counted one by one; of more only the distance is told.
pub const UNREAD_POSTS_MAX: i32 = 1_000;
/// Rows looked at to count what is unread.
pub const UNREAD_SCAN_MAX: usize = 10_000;
/// Messages that one call deletes or forwards.
pub const IDS_MAX: usize = 100;
/// Messages that one step of clearing a history deletes.
pub const CLEAR_STEP: usize = 100;
/// pts that a log keeps behind its head.
pub const LOG_KEEP: i32 = 50_000;
/// A log that is too long is trimmed whenever its pts has grown by this: a look at its oldest rows costs the same for one row
/// as for many.
pub const LOG_TRIM_EVERY: i32 = 64;
/// Changes of a log that stand in its head before they become a row.
pub const LOG_TAIL_MAX: usize = 8;
/// Rows that one trimming takes at most: sixteen for each pts that came.
pub const LOG_TRIM_STEP: usize = 1024;
/// With every so many messages old `random_id`s are looked for.
pub const SENT_TRIM_EVERY: i32 = 16;
/// Forgotten `random_id`s that go in one look.
pub const SENT_TRIM_STEP: usize = 256;
/// Changes without a pts between two that have one; well below half of `SLICE_MAX`, so that every slice leads on.
pub const ASIDES_MAX: i32 = 200;
/// Log rows in one slice of a difference.
pub const SLICE_MAX: usize = 500;
/// Conversations that one account lists.
pub const DIALOGS_MAX: usize = 10_000;
/// Conversations pinned on the main list (`pinned_dialogs_count_max`).
pub const PINNED_MAX: usize = 100;
/// Contacts of a person.
pub const CONTACTS_MAX: usize = 10_000;
/// People to whom a change of status is told.
pub const STATUS_AUDIENCE_MAX: usize = 500;
/// Messages that are looked at to see whether somebody was ever answered.
pub const STRANGER_SCAN_MAX: usize = 20;
/// Rules of one privacy key.
pub const PRIVACY_RULES_MAX: usize = 20;
/// People, or groups, that one privacy rule names.
pub const PRIVACY_PEOPLE_MAX: usize = 1_000;
/// Days after which an account, or a login, ends at the latest when nobody uses it.
pub const TTL_DAYS_MAX: i32 = 730;
/// Wrong codes before a code is worth nothing.
pub const CODE_ATTEMPTS_MAX: i32 = 5;
/// Code requests per phone number within `CODE_WINDOW_SECS`.
pub const CODES_PER_PHONE: i32 = 5;
/// Code requests per phone number in a day.
pub const CODES_PER_PHONE_DAILY: i32 = 20;
/// Wrong codes per phone number in a day: of 100,000 codes, so many guesses find one in 2,000 days.
pub const WRONG_CODES_DAILY: i32 = 50;
/// A day in seconds.
pub const DAY_SECS: i32 = 24 * 3600;
/// Seconds over which code requests are counted.
pub const CODE_WINDOW_SECS: i32 = 600;
/// Seconds a login code is good for.
pub const CODE_TTL_SECS: i32 = 300;
/// Bytes in one part of an upload.
pub const PART_BYTES_MAX: usize = 512 * 1024;
/// Parts of one upload: 8,000 of 512 KiB are 4 GB.
pub const PARTS_MAX: i32 = 8_000;
/// Uploads that one key may begin within `UPLOAD_KEEP_SECS`.
pub const UPLOADS_MAX: usize = 10_000;
/// Seconds after its beginning at which an upload is forgotten, with all of it that became no file.
pub const UPLOAD_KEEP_SECS: u32 = 24 * 3600;
/// Seconds for which a file is kept that nothing uses, or not yet.
pub const FILE_KEEP_SECS: u32 = 24 * 3600;
/// Profile photos of one person; the oldest goes.
pub const PROFILE_PHOTOS_MAX: usize = 200;
/// Seconds after its last use at which a key on which nobody is logged in is forgotten.
pub const IDLE_KEY_SECS: u32 = 24 * 3600;
/// Keys on which nobody is logged in, unless the settings say otherwise; the longest unused goes. Twice the sessions that there
/// may be, so that there is always one that nobody speaks with; a row is some 300 bytes, with all that a client may say of
/// its device 2.7 KB.
pub const GUESTS_MAX: u32 = 131_072;
/// Such keys that one look at the list takes.
pub const GUESTS_STEP: usize = 64;
/// Seconds after which a login is looked at again, whether it is still used.
pub const LOGIN_LOOK_SECS: u32 = 7 * 24 * 3600;
/// Seconds before the present at which jobs are looked for again: what a transaction that takes long puts down is still found.
pub const JOBS_LOOK_BACK_SECS: u64 = 256;
/// Buckets of time in which one look searches for jobs.
pub const JOBS_BUCKETS_MAX: usize = 1_024;
/// Attempts at a job before it is given up.
pub const JOB_ATTEMPTS_MAX: i32 = 12;
/// Rows that one look for strays reads at most, and shards if they are empty.
pub const STRAYS_ROWS: usize = 1_024;
/// Shards that one look for strays goes through at most.
pub const STRAYS_SHARDS: usize = 256;
/// Violations that a walk over the invariants keeps with their words; the rest are only counted.
pub const VIOLATIONS_MAX: usize = 1_000;
/// Keys on which one person may be logged in.
pub const LOGINS_MAX: usize = 100;

/// Whether a log whose pts went from `before` to `after` is to be trimmed now.
pub(crate) const fn trims(before: i32, after: i32) -> bool {
    before / LOG_TRIM_EVERY != after / LOG_TRIM_EVERY
}
