//! The whole database on one page: whose, which family, what key, what record.
//!
//! A key reads `vshard | kind | owner | family | rest`; the first part of each key type is the owner, so all rows of one
//! person, channel or name are one contiguous range. Families are unique within a kind of owner.

use store::{Present, Table};
use tl::stored;

use crate::ids::{ChannelId, ChatId, Due, FileId, Global, KeyId, Name, Peer, UserId};

// The installation.

/// The secrets behind access hashes and file references.
pub const SECRETS: Table<Global, stored::Secrets> = Table::new(b's');
/// The next free id, by kind of owner.
pub const NEXT_IDS: Table<(Global, u8), stored::Counter> = Table::new(b'i');
/// The time (nanoseconds) beyond which no message of the server was ever named.
pub const NAMED: Table<Global, stored::Counter> = Table::new(b'n');
/// The time (seconds) before which no job waits any more.
pub const JOBS_FROM: Table<Global, stored::Counter> = Table::new(b'j');
/// The keys on which nobody is logged in, by the time (seconds) of their last use.
pub const GUESTS: Table<(Global, i32, KeyId), Present> = Table::new(b'g');
/// How many of them there are.
pub const GUEST_COUNT: Table<Global, stored::Counter> = Table::new(b'c');

// A person.

/// Who they are.
pub const USERS: Table<UserId, stored::User> = Table::new(b'a');
/// The counters of their box.
pub const HEADS: Table<UserId, stored::UserHead> = Table::new(b'h');
/// When they were here.
pub const PRESENCE: Table<UserId, stored::Presence> = Table::new(b'o');
/// The messages in their box, by message id: private chats and basic groups.
pub const BOXES: Table<(UserId, i32), stored::Message> = Table::in_runs(b'm');
/// Which of those messages belong to which conversation, by block of ids; the newest block stands in the dialog.
pub const HISTORY: Table<(UserId, Peer, i32), stored::IdBlock> = Table::new(b'y');
/// Where their copy of a basic group's message lies: (author, id in the author's box).
pub const COPIES: Table<(UserId, UserId, i32), stored::Counter> = Table::new(b'c');
/// Their conversations.
pub const DIALOGS: Table<(UserId, Peer), stored::Dialog> = Table::new(b'd');
/// The order of what they pinned.
pub const PINNED: Table<UserId, stored::Pinned> = Table::new(b'q');
/// What they have written and not sent.
pub const DRAFTS: Table<(UserId, Peer), stored::Draft> = Table::new(b'w');
/// Their notify settings: of one conversation, or of a kind (`Peer::User(0)`, `Peer::Chat(0)`, `Peer::Channel(0)`).
pub const NOTIFY: Table<(UserId, Peer), stored::NotifySettings> = Table::new(b'n');
/// What they set for their account as a whole.
pub const PREFERENCES: Table<UserId, stored::Preferences> = Table::new(b'e');
/// Who may see what of them, by the number of the privacy key.
pub const PRIVACY: Table<(UserId, u8), stored::PrivacyRules> = Table::new(b'v');
/// What happened to them, by (pts, aside) of the last entry of a page; the newest entries stand in the head. An entry with
/// aside 0 took its pts, the others happened after it.
pub const LOGS: Table<(UserId, i32, i32), stored::LogPage> = Table::new(b'p');
/// What a `random_id` became: by span of time, then per key, conversation and random id.
pub const SENT: Table<(UserId, u16, KeyId, Peer, i64), stored::Sent> = Table::new(b'r');
/// Whom they know.
pub const CONTACTS: Table<(UserId, UserId), stored::Contact> = Table::new(b'k');
/// Who knows them: the mirror of `CONTACTS`.
pub const KNOWN_BY: Table<(UserId, UserId), stored::Date> = Table::new(b'K');
/// Whom they blocked.
pub const BLOCKED: Table<(UserId, UserId), stored::Date> = Table::new(b'b');
/// The keys on which they are logged in.
pub const LOGINS: Table<(UserId, KeyId), stored::Date> = Table::new(b'l');
/// Their profile photos, newest id last.
pub const PROFILE_PHOTOS: Table<(UserId, FileId), stored::Date> = Table::new(b'f');

// A basic group.

/// What it is and who is in it.
pub const CHATS: Table<ChatId, stored::Chat> = Table::new(b'a');

// A channel.

/// What it is.
pub const CHANNELS: Table<ChannelId, stored::Channel> = Table::new(b'a');
/// Its counters.
pub const CHANNEL_HEADS: Table<ChannelId, stored::ChannelHead> = Table::new(b'h');
/// Its posts, once for everybody.
pub const POSTS: Table<(ChannelId, i32), stored::Message> = Table::in_runs(b'm');
/// Who is in it, who administers it, who is banned from it.
pub const MEMBERS: Table<(ChannelId, UserId), stored::Member> = Table::new(b'u');
/// Those of them whose place is not a plain member's: the admins and the banned.
pub const STANDING: Table<(ChannelId, UserId), Present> = Table::new(b'A');
/// What happened in it, by its own pts.
pub const CHANNEL_LOGS: Table<(ChannelId, i32), stored::Logged> = Table::in_runs(b'p');

// An authorization key.

/// The key, its login, its layer, its device.
pub const KEYS: Table<KeyId, stored::AuthKey> = Table::new(b'a');
/// Uploads of the last day, by the client's file id.
pub const UPLOADS: Table<(KeyId, i64), stored::Upload> = Table::new(b'u');
/// Their parts.
pub const PARTS: Table<(KeyId, i64, i32), stored::Part> = Table::new(b'p');

// Photos and documents.

/// A photo and its sizes.
pub const PHOTOS: Table<FileId, stored::Photo> = Table::new(b'p');
/// A document.
pub const DOCUMENTS: Table<FileId, stored::Document> = Table::new(b'd');
/// How many copies of messages, profiles and groups show a photo or a document; no row if none does.
pub const USES: Table<FileId, stored::Counter> = Table::new(b'u');

// What is looked up by name.

/// A phone number's account.
pub const PHONES: Table<(Name, String), stored::Id> = Table::new(b'p');
/// The code that was sent to a phone number.
pub const LOGIN_CODES: Table<(Name, String), stored::LoginCode> = Table::new(b'c');
/// Tickets that log in another key of the same client.
pub const EXPORTS: Table<(Name, [u8; 32]), stored::Exported> = Table::new(b'e');
/// How often codes were asked for: by phone number or by address.
pub const TALLIES: Table<(Name, String), stored::Tally> = Table::new(b't');
/// Whose a username is (lower case).
pub const USERNAMES: Table<(Name, String), stored::Owned> = Table::new(b'u');
/// Usernames in order, for who looks for their start; the owner is the first three letters.
pub const USERNAME_STARTS: Table<(Name, String), stored::Owned> = Table::new(b'x');
/// Where an invite link leads.
pub const INVITES: Table<(Name, String), stored::Invite> = Table::new(b'i');

// What is looked up by time.

/// Work that is due in this span of time.
pub const JOBS: Table<(Due, i64), stored::Job> = Table::new(b'j');
