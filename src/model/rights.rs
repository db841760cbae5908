//! Rights as bits: the same numbers as the flags of `chatAdminRights` and `chatBannedRights`.

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
/// What the members of a new supergroup may not do.
pub const NEW_GROUP: i32 = NO_CHANGE_INFO | NO_PIN;
