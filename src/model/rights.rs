//! Rights as bits: the same numbers as the flags of `chatAdminRights` and `chatBannedRights`.

use tl::types::{ChatAdminRights, ChatBannedRights};

/// Admin: title, photo, about.
pub const CHANGE_INFO: i32 = 1 << 0;
/// Admin: post in a broadcast channel.
pub const POST_MESSAGES: i32 = 1 << 1;
/// Admin: edit other people's posts.
pub const EDIT_MESSAGES: i32 = 1 << 2;
/// Admin: delete other people's messages.
pub const DELETE_MESSAGES: i32 = 1 << 3;
/// Admin: remove and restrict people.
pub const BAN_USERS: i32 = 1 << 4;
/// Admin: add people, make invite links.
pub const INVITE_USERS: i32 = 1 << 5;
/// Admin: pin.
pub const PIN_MESSAGES: i32 = 1 << 7;
/// Admin: make admins.
pub const ADD_ADMINS: i32 = 1 << 9;
/// All that an owner may do.
pub const ALL_ADMIN: i32 = CHANGE_INFO
    | POST_MESSAGES
    | EDIT_MESSAGES
    | DELETE_MESSAGES
    | BAN_USERS
    | INVITE_USERS
    | PIN_MESSAGES
    | ADD_ADMINS
    | 1 << 11
    | 1 << 12
    | 1 << 14
    | 1 << 15
    | 1 << 16;

/// Banned: may not even look; such a person is out.
pub const NO_VIEW: i32 = 1 << 0;
/// Banned: may not write.
pub const NO_SEND: i32 = 1 << 1;
/// Banned: may not send media.
pub const NO_MEDIA: i32 = 1 << 2;
/// Banned: may not change title, photo, about.
pub const NO_CHANGE_INFO: i32 = 1 << 10;
/// Banned: may not add people.
pub const NO_INVITE: i32 = 1 << 15;
/// Banned: may not pin.
pub const NO_PIN: i32 = 1 << 17;
/// Banned: may not send photos.
pub const NO_PHOTOS: i32 = 1 << 19;
/// Banned: may not send documents.
pub const NO_DOCUMENTS: i32 = 1 << 24;
/// Banned: may not send plain text.
pub const NO_PLAIN: i32 = 1 << 25;
/// What the members of a new supergroup may not do.
pub const NEW_GROUP: i32 = NO_CHANGE_INFO | NO_PIN;

macro_rules! bits {
    ($rights:ident, $to:ident, $from:ident, $($bit:literal $field:ident),* $(,)?) => {
        /// Rights as clients read them.
        #[must_use]
        pub fn $to(bits: i32) -> $rights {
            $rights { $($field: bits & 1 << $bit != 0,)* ..Default::default() }
        }

        /// Rights as the model keeps them; what it does not know is dropped.
        #[must_use]
        pub fn $from(rights: &$rights) -> i32 {
            let mut bits = 0;
            $(bits |= i32::from(rights.$field) << $bit;)*
            bits
        }
    };
}

bits! {
    ChatAdminRights, admin_rights, admin_bits,
    0 change_info, 1 post_messages, 2 edit_messages, 3 delete_messages, 4 ban_users, 5 invite_users, 7 pin_messages,
    9 add_admins, 10 anonymous, 11 manage_call, 12 other, 13 manage_topics, 14 post_stories, 15 edit_stories,
    16 delete_stories,
}

bits! {
    ChatBannedRights, banned_flags, banned_bits,
    0 view_messages, 1 send_messages, 2 send_media, 3 send_stickers, 4 send_gifs, 5 send_games, 6 send_inline,
    7 embed_links, 8 send_polls, 10 change_info, 15 invite_users, 17 pin_messages, 18 manage_topics, 19 send_photos,
    20 send_videos, 21 send_roundvideos, 22 send_audios, 23 send_voices, 24 send_docs, 25 send_plain,
}

/// Banned rights as clients read them. `until` 0 means for ever, which they know as the end of time.
#[must_use]
pub fn banned_rights(bits: i32, until: i32) -> ChatBannedRights {
    ChatBannedRights { until_date: if until == 0 { i32::MAX } else { until }, ..banned_flags(bits) }
}

/// What forbids this content, by these bits.
#[must_use]
pub fn forbidden(bits: i32, media: Option<&tl::stored::enums::Media>) -> Option<crate::Refusal> {
    use tl::stored::enums::Media;
    if bits & NO_SEND != 0 {
        return Some(crate::Refusal::ChatWriteForbidden);
    }
    let kind = match media {
        None => return (bits & NO_PLAIN != 0).then_some(crate::Refusal::ChatSendPlainForbidden),
        Some(Media::MediaPhoto(_)) => NO_PHOTOS,
        Some(Media::MediaDocument(_)) => NO_DOCUMENTS,
        Some(Media::MediaContact(_) | Media::MediaGeo(_)) => 0,
    };
    (bits & (NO_MEDIA | kind) != 0).then_some(crate::Refusal::ChatSendMediaForbidden)
}
