//! What a caller can be refused, by the names that clients know.
//!
//! One table: the variant says the fact, the row gives the code and the name that go out as `rpc_error`. Names and codes:
//! <https://core.telegram.org/api/errors>.

use store::Fault;

macro_rules! refusals {
    ($($variant:ident $code:literal $name:literal;)*) => {
        /// Why a call is not carried out. The caller is at fault; nothing has changed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each variant is its own name on the wire")]
        pub enum Refusal {
            $($variant,)*
            /// Too often: wait so many seconds.
            FloodWait(u32),
            /// This part of an upload never came.
            FilePartMissing(i32),
        }

        impl Refusal {
            /// The number beside the name: 400 bad request, 401 not logged in, 403 forbidden, 406, 420 flood.
            #[must_use]
            pub const fn code(self) -> i32 {
                match self {
                    $(Self::$variant => $code,)*
                    Self::FloodWait(_) => 420,
                    Self::FilePartMissing(_) => 400,
                }
            }

            /// The name without the number in it, if it has one.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::FloodWait(_) => "FLOOD_WAIT",
                    Self::FilePartMissing(_) => "FILE_PART_MISSING",
                }
            }

            /// The name that clients match on.
            #[must_use]
            pub fn name(self) -> String {
                match self {
                    $(Self::$variant => $name.to_owned(),)*
                    Self::FloodWait(secs) => format!("FLOOD_WAIT_{secs}"),
                    Self::FilePartMissing(part) => format!("FILE_PART_{part}_MISSING"),
                }
            }
        }
    };
}

refusals! {
    ApiIdInvalid 400 "API_ID_INVALID";
    AuthBytesInvalid 400 "AUTH_BYTES_INVALID";
    AuthKeyUnregistered 401 "AUTH_KEY_UNREGISTERED";
    AuthKeyPermEmpty 401 "AUTH_KEY_PERM_EMPTY";
    BannedRightsInvalid 400 "BANNED_RIGHTS_INVALID";
    BotMethodInvalid 400 "BOT_METHOD_INVALID";
    BroadcastPublicVotersForbidden 400 "BROADCAST_PUBLIC_VOTERS_FORBIDDEN";
    ChannelInvalid 400 "CHANNEL_INVALID";
    ChannelPrivate 400 "CHANNEL_PRIVATE";
    ChannelTooBig 400 "CHANNEL_TOO_BIG";
    ChannelTooLarge 400 "CHANNEL_TOO_LARGE";
    ChannelsAdminPublicTooMuch 400 "CHANNELS_ADMIN_PUBLIC_TOO_MUCH";
    ChannelsTooMuch 400 "CHANNELS_TOO_MUCH";
    ChatAboutNotModified 400 "CHAT_ABOUT_NOT_MODIFIED";
    ChatAboutTooLong 400 "CHAT_ABOUT_TOO_LONG";
    ChatAdminRequired 400 "CHAT_ADMIN_REQUIRED";
    ChatForwardsRestricted 400 "CHAT_FORWARDS_RESTRICTED";
    ChatIdInvalid 400 "CHAT_ID_INVALID";
    ChatInvalid 400 "CHAT_INVALID";
    ChatInvitePermanent 400 "CHAT_INVITE_PERMANENT";
    ChatNotModified 400 "CHAT_NOT_MODIFIED";
    ChatSendMediaForbidden 403 "CHAT_SEND_MEDIA_FORBIDDEN";
    ChatSendPlainForbidden 403 "CHAT_SEND_PLAIN_FORBIDDEN";
    ChatTitleEmpty 400 "CHAT_TITLE_EMPTY";
    ChatWriteForbidden 403 "CHAT_WRITE_FORBIDDEN";
    CodeHashInvalid 400 "CODE_HASH_INVALID";
    ConnectionApiIdInvalid 400 "CONNECTION_API_ID_INVALID";
    ConnectionLayerInvalid 400 "CONNECTION_LAYER_INVALID";
    ContactAddMissing 400 "CONTACT_ADD_MISSING";
    ContactIdInvalid 400 "CONTACT_ID_INVALID";
    ContactNameEmpty 400 "CONTACT_NAME_EMPTY";
    EncryptedMessageInvalid 400 "ENCRYPTED_MESSAGE_INVALID";
    ExpireDateInvalid 400 "EXPIRE_DATE_INVALID";
    EntityBoundsInvalid 400 "ENTITY_BOUNDS_INVALID";
    ExpiresAtInvalid 400 "EXPIRES_AT_INVALID";
    FileIdInvalid 400 "FILE_ID_INVALID";
    FilePartsInvalid 400 "FILE_PARTS_INVALID";
    FilePartEmpty 400 "FILE_PART_EMPTY";
    FilePartInvalid 400 "FILE_PART_INVALID";
    FilePartSizeChanged 400 "FILE_PART_SIZE_CHANGED";
    FilePartSizeInvalid 400 "FILE_PART_SIZE_INVALID";
    FilePartTooBig 400 "FILE_PART_TOO_BIG";
    FileReferenceEmpty 400 "FILE_REFERENCE_EMPTY";
    FileReferenceExpired 400 "FILE_REFERENCE_EXPIRED";
    FileReferenceInvalid 400 "FILE_REFERENCE_INVALID";
    FirstNameInvalid 400 "FIRSTNAME_INVALID";
    FolderIdInvalid 400 "FOLDER_ID_INVALID";
    HashInvalid 400 "HASH_INVALID";
    ImageProcessFailed 400 "IMAGE_PROCESS_FAILED";
    InputConstructorInvalid 400 "INPUT_CONSTRUCTOR_INVALID";
    InputFetchError 400 "INPUT_FETCH_ERROR";
    InputMethodInvalid 400 "INPUT_METHOD_INVALID";
    InputRequestTooLong 400 "INPUT_REQUEST_TOO_LONG";
    InputUserDeactivated 400 "INPUT_USER_DEACTIVATED";
    InviteHashEmpty 400 "INVITE_HASH_EMPTY";
    InviteHashExpired 400 "INVITE_HASH_EXPIRED";
    InviteHashInvalid 400 "INVITE_HASH_INVALID";
    LangCodeNotSupported 400 "LANG_CODE_NOT_SUPPORTED";
    LastNameInvalid 400 "LASTNAME_INVALID";
    LimitInvalid 400 "LIMIT_INVALID";
    LocationInvalid 400 "LOCATION_INVALID";
    MaxIdInvalid 400 "MAX_ID_INVALID";
    Md5ChecksumInvalid 400 "MD5_CHECKSUM_INVALID";
    MediaCaptionTooLong 400 "MEDIA_CAPTION_TOO_LONG";
    MediaEmpty 400 "MEDIA_EMPTY";
    MediaInvalid 400 "MEDIA_INVALID";
    MessageAuthorRequired 403 "MESSAGE_AUTHOR_REQUIRED";
    MessageDeleteForbidden 403 "MESSAGE_DELETE_FORBIDDEN";
    MessageEditTimeExpired 400 "MESSAGE_EDIT_TIME_EXPIRED";
    MessageEmpty 400 "MESSAGE_EMPTY";
    MessageIdsEmpty 400 "MESSAGE_IDS_EMPTY";
    MessageIdInvalid 400 "MESSAGE_ID_INVALID";
    MessageNotModified 400 "MESSAGE_NOT_MODIFIED";
    MessageNotReadYet 400 "MESSAGE_NOT_READ_YET";
    MessageTooLong 400 "MESSAGE_TOO_LONG";
    MessageTooOld 400 "MESSAGE_TOO_OLD";
    MethodInvalid 400 "METHOD_INVALID";
    MsgIdInvalid 400 "MSG_ID_INVALID";
    MsgWaitFailed 400 "MSG_WAIT_FAILED";
    OffsetInvalid 400 "OFFSET_INVALID";
    ParticipantIdInvalid 400 "PARTICIPANT_ID_INVALID";
    PeerFlood 400 "PEER_FLOOD";
    PeerIdInvalid 400 "PEER_ID_INVALID";
    PersistentTimestampEmpty 400 "PERSISTENT_TIMESTAMP_EMPTY";
    PersistentTimestampInvalid 400 "PERSISTENT_TIMESTAMP_INVALID";
    PhoneCodeEmpty 400 "PHONE_CODE_EMPTY";
    PhoneCodeExpired 400 "PHONE_CODE_EXPIRED";
    PhoneCodeHashEmpty 400 "PHONE_CODE_HASH_EMPTY";
    PhoneCodeInvalid 400 "PHONE_CODE_INVALID";
    PhoneNotOccupied 400 "PHONE_NOT_OCCUPIED";
    PhoneNumberInvalid 400 "PHONE_NUMBER_INVALID";
    PhoneNumberOccupied 400 "PHONE_NUMBER_OCCUPIED";
    PhoneNumberUnoccupied 400 "PHONE_NUMBER_UNOCCUPIED";
    PhotoCropSizeSmall 400 "PHOTO_CROP_SIZE_SMALL";
    PhotoFileMissing 400 "PHOTO_FILE_MISSING";
    PhotoInvalid 400 "PHOTO_INVALID";
    PhotoInvalidDimensions 400 "PHOTO_INVALID_DIMENSIONS";
    PinnedDialogsTooMuch 400 "PINNED_DIALOGS_TOO_MUCH";
    PrivacyTooLong 400 "PRIVACY_TOO_LONG";
    QueryTooShort 400 "QUERY_TOO_SHORT";
    QuoteTextInvalid 400 "QUOTE_TEXT_INVALID";
    RandomIdDuplicate 500 "RANDOM_ID_DUPLICATE";
    RandomIdEmpty 400 "RANDOM_ID_EMPTY";
    RandomIdInvalid 400 "RANDOM_ID_INVALID";
    ReplyMessageIdInvalid 400 "REPLY_MESSAGE_ID_INVALID";
    RightForbidden 403 "RIGHT_FORBIDDEN";
    SearchQueryEmpty 400 "SEARCH_QUERY_EMPTY";
    StickersetInvalid 400 "STICKERSET_INVALID";
    SendCodeUnavailable 406 "SEND_CODE_UNAVAILABLE";
    SessionPasswordNeeded 401 "SESSION_PASSWORD_NEEDED";
    SessionRevoked 401 "SESSION_REVOKED";
    TempAuthKeyAlreadyBound 400 "TEMP_AUTH_KEY_ALREADY_BOUND";
    TempAuthKeyEmpty 400 "TEMP_AUTH_KEY_EMPTY";
    TtlDaysInvalid 400 "TTL_DAYS_INVALID";
    UsageLimitInvalid 400 "USAGE_LIMIT_INVALID";
    UserAdminInvalid 400 "USER_ADMIN_INVALID";
    UserAlreadyParticipant 400 "USER_ALREADY_PARTICIPANT";
    UserBannedInChannel 400 "USER_BANNED_IN_CHANNEL";
    UserChannelsTooMuch 400 "USER_CHANNELS_TOO_MUCH";
    UserCreator 400 "USER_CREATOR";
    UserIdInvalid 400 "USER_ID_INVALID";
    UserIsBlocked 400 "USER_IS_BLOCKED";
    UserKicked 400 "USER_KICKED";
    UserNotMutualContact 400 "USER_NOT_MUTUAL_CONTACT";
    UserNotParticipant 400 "USER_NOT_PARTICIPANT";
    UserPrivacyRestricted 403 "USER_PRIVACY_RESTRICTED";
    UsersTooFew 400 "USERS_TOO_FEW";
    UsersTooMuch 400 "USERS_TOO_MUCH";
    UsernameInvalid 400 "USERNAME_INVALID";
    UsernameNotModified 400 "USERNAME_NOT_MODIFIED";
    UsernameNotOccupied 400 "USERNAME_NOT_OCCUPIED";
    UsernameOccupied 400 "USERNAME_OCCUPIED";
    YouBlockedUser 400 "YOU_BLOCKED_USER";
    AboutTooLong 400 "ABOUT_TOO_LONG";
    Internal 500 "INTERNAL";
}

/// Why a transaction did not end well.
#[derive(Debug)]
pub enum Stop {
    /// The caller asked for what cannot be.
    Refused(Refusal),
    /// The same, but what was written stays: a wrong code is counted.
    Counted(Refusal),
    /// We failed.
    Fault(Fault),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What a model function gives.
pub type Done<T> = Result<T, Stop>;
