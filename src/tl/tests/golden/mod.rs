//! Golden objects: what a server says most, filled with care, for decoders that we did not write.
//!
//! Each is a value of the newest shapes; in older layers it must come out as something their own decoders know.

use tl::{Encode, Layer, Method, Writer, enums, functions, types};

const ALICE: i64 = 1_000_001;
const BOB: i64 = 1_000_002;
const GROUP: i64 = 2_000_001;
const CHANNEL: i64 = 3_000_001;
const DATE: i32 = 1_700_000_000;

/// The objects as `layer` says them: the type that a decoder must expect, and the bytes.
pub fn objects(layer: u16) -> Vec<(&'static str, Vec<u8>)> {
    let say = |value: &dyn Encode| {
        let mut w = Writer::new(Layer(layer));
        value.encode(&mut w);
        assert!(!w.unspeakable, "a golden object has no words in layer {layer}");
        w.out
    };
    vec![
        ("Updates", say(&updates())),
        ("Updates", say(&combined())),
        ("Updates", say(&short_sent())),
        ("Updates", say(&channel_updates())),
        ("messages.Messages", say(&messages())),
        ("messages.Messages", say(&channel_messages())),
        ("messages.Dialogs", say(&dialogs())),
        ("messages.ChatFull", say(&chat_full())),
        ("messages.ChatFull", say(&channel_full())),
        ("users.UserFull", say(&user_full())),
        ("Config", say(&config())),
        ("auth.SentCode", say(&sent_code())),
        ("auth.Authorization", say(&authorization())),
        ("auth.Authorization", say(&sign_up_required())),
        ("account.Password", say(&password())),
        ("account.Authorizations", say(&authorizations())),
        ("updates.Difference", say(&difference())),
        ("updates.ChannelDifference", say(&channel_difference())),
        ("updates.ChannelDifference", say(&channel_too_long())),
        ("contacts.ResolvedPeer", say(&resolved())),
        ("channels.ChannelParticipants", say(&participants())),
        ("ChatInvite", say(&invite())),
        ("Poll", say(&poll())),
    ]
}

/// What `messages.createChat` answers to who asked in the words of an older layer.
pub fn created_chat_for_old_clients(layer: u16) -> Vec<u8> {
    type Asked = functions::messages::CreateChat;
    let answer = types::messages::InvitedUsers { updates: combined(), ..Default::default() };
    let mut w = Writer::new(Layer(layer));
    Asked::encode_return(&answer, 0x0034_a818, &mut w);
    w.out
}

fn user_peer(user_id: i64) -> enums::Peer {
    types::PeerUser { user_id }.into()
}

fn channel_peer() -> enums::Peer {
    types::PeerChannel { channel_id: CHANNEL }.into()
}

fn alice() -> enums::User {
    types::User {
        self_: true,
        contact: true,
        premium: true,
        id: ALICE,
        access_hash: Some(77),
        first_name: Some("Alice".into()),
        username: Some("alice".into()),
        phone: Some("99966100001".into()),
        photo: Some(types::UserProfilePhoto { photo_id: 5, dc_id: 2, ..Default::default() }.into()),
        status: Some(types::UserStatusOnline { expires: DATE }.into()),
        emoji_status: Some(
            types::EmojiStatusCollectible { document_id: 9, title: "Star".into(), ..Default::default() }
                .into(),
        ),
        stories_max_id: Some(types::RecentStory { live: true, max_id: Some(4) }),
        color: Some(types::PeerColor { color: Some(3), background_emoji_id: Some(8) }.into()),
        ..Default::default()
    }
    .into()
}

fn bob() -> enums::User {
    types::User {
        id: BOB,
        access_hash: Some(78),
        first_name: Some("Bob".into()),
        last_name: Some("the Builder".into()),
        usernames: Some(vec![types::Username { active: true, username: "bob".into(), ..Default::default() }]),
        status: Some(types::UserStatusRecently { by_me: true }.into()),
        ..Default::default()
    }
    .into()
}

fn group() -> enums::Chat {
    types::Chat {
        creator: true,
        id: GROUP,
        title: "Telegraphers".into(),
        participants_count: 2,
        date: DATE,
        version: 1,
        default_banned_rights: Some(types::ChatBannedRights { until_date: i32::MAX, ..Default::default() }),
        ..Default::default()
    }
    .into()
}

fn channel() -> enums::Chat {
    types::Channel {
        creator: true,
        broadcast: true,
        id: CHANNEL,
        access_hash: Some(79),
        title: "News".into(),
        username: Some("news".into()),
        date: DATE,
        admin_rights: Some(types::ChatAdminRights { post_messages: true, ..Default::default() }),
        participants_count: Some(12),
        stories_max_id: Some(types::RecentStory { live: false, max_id: Some(1) }),
        color: Some(types::PeerColorCollectible::default().into()),
        level: Some(1),
        ..Default::default()
    }
    .into()
}

fn text_message(id: i32) -> types::Message {
    types::Message {
        id,
        from_id: Some(user_peer(BOB)),
        peer_id: user_peer(ALICE),
        date: DATE,
        message: "What hath God wrought".into(),
        entities: Some(vec![
            types::MessageEntityBold { offset: 0, length: 4 }.into(),
            types::MessageEntityBlockquote { collapsed: true, offset: 5, length: 4 }.into(),
            types::MessageEntityDiffInsert { offset: 10, length: 3 }.into(),
        ]),
        ..Default::default()
    }
}

fn rich_message(id: i32) -> enums::Message {
    types::Message {
        out: true,
        fwd_from: Some(
            types::MessageFwdHeader {
                from_id: Some(channel_peer()),
                date: DATE,
                channel_post: Some(5),
                saved_date: Some(DATE),
                ..Default::default()
            }
            .into(),
        ),
        reply_to: Some(
            types::MessageReplyHeader {
                reply_to_msg_id: Some(3),
                quote: true,
                quote_text: Some("hath".into()),
                poll_option: Some(vec![1]),
                ..Default::default()
            }
            .into(),
        ),
        media: Some(photo_media()),
        reply_markup: Some(inline_keyboard()),
        reactions: Some(
            types::MessageReactions {
                results: vec![
                    types::ReactionCount {
                        reaction: types::ReactionEmoji { emoticon: "👍".into() }.into(),
                        count: 2,
                        ..Default::default()
                    },
                    types::ReactionCount {
                        reaction: enums::Reaction::ReactionPaid,
                        count: 1,
                        ..Default::default()
                    },
                ],
                ..Default::default()
            }
            .into(),
        ),
        replies: Some(types::MessageReplies { replies: 1, ..Default::default() }.into()),
        edit_date: Some(DATE),
        effect: Some(6),
        ..text_message(id)
    }
    .into()
}

fn inline_keyboard() -> enums::ReplyMarkup {
    let button = |type_: enums::InlineButtonType| types::KeyboardInlineButton {
        style: None,
        text: "Press".into(),
        type_,
    };
    let buttons = vec![
        button(types::InlineButtonTypeUrl { url: "https://example.org".into() }.into()),
        button(types::InlineButtonTypeCallback { data: vec![1, 2, 3], ..Default::default() }.into()),
        button(types::InlineButtonTypeCopy { copy_text: "copied".into() }.into()),
    ];
    let rows = vec![types::KeyboardInlineButtonRow { buttons }];
    types::ReplyInlineMarkup { force_reply: false, rows }.into()
}

fn keyboard() -> enums::ReplyMarkup {
    let button =
        |type_: enums::ButtonType| types::KeyboardButton { style: None, text: "Share".into(), type_ }.into();
    let buttons = vec![
        button(enums::ButtonType::ButtonTypeDefault),
        button(enums::ButtonType::ButtonTypeRequestPhone),
        button(types::ButtonTypeSimpleWebView { url: "https://example.org".into() }.into()),
    ];
    types::ReplyKeyboardMarkup { rows: vec![types::KeyboardButtonRow { buttons }], ..Default::default() }
        .into()
}

fn photo() -> types::Photo {
    types::Photo {
        id: 5,
        access_hash: 6,
        file_reference: vec![7; 16],
        date: DATE,
        sizes: vec![types::PhotoSize { type_: "x".into(), w: 800, h: 600, size: 70_000 }.into()],
        dc_id: 2,
        ..Default::default()
    }
}

fn photo_media() -> enums::MessageMedia {
    types::MessageMediaPhoto { spoiler: true, photo: Some(photo().into()), ..Default::default() }.into()
}

fn video_media() -> enums::MessageMedia {
    let video = types::Document {
        id: 8,
        access_hash: 9,
        file_reference: vec![7; 16],
        date: DATE,
        mime_type: "video/mp4".into(),
        size: 5_000_000_000,
        dc_id: 2,
        attributes: vec![
            types::DocumentAttributeVideo { duration: 2.5, w: 640, h: 480, ..Default::default() }.into(),
            types::DocumentAttributeFilename { file_name: "telegraph.mp4".into() }.into(),
        ],
        ..Default::default()
    };
    types::MessageMediaDocument {
        video: true,
        document: Some(video.clone().into()),
        alt_documents: Some(vec![video.into()]),
        ..Default::default()
    }
    .into()
}

fn poll() -> types::Poll {
    let answer = |text: &str, option: u8| {
        types::PollAnswer {
            text: types::TextWithEntities { text: text.into(), entities: Vec::new() },
            option: vec![option],
            ..Default::default()
        }
        .into()
    };
    types::Poll {
        id: 10,
        question: types::TextWithEntities { text: "Semaphore?".into(), entities: Vec::new() },
        answers: vec![answer("yes", 0), answer("no", 1)],
        hash: 11,
        ..Default::default()
    }
}

fn poll_media() -> enums::MessageMedia {
    let results = types::PollResults {
        results: Some(vec![types::PollAnswerVoters { option: vec![0], ..Default::default() }]),
        total_voters: Some(1),
        recent_voters: Some(vec![user_peer(BOB)]),
        ..Default::default()
    };
    types::MessageMediaPoll { poll: poll(), results, attached_media: None }.into()
}

/// A checklist exists since layer 205; before, it is "unsupported".
fn checklist_media() -> enums::MessageMedia {
    types::MessageMediaToDo::default().into()
}

fn service_message(id: i32, action: impl Into<enums::MessageAction>) -> enums::Message {
    types::MessageService {
        id,
        from_id: Some(user_peer(BOB)),
        peer_id: types::PeerChat { chat_id: GROUP }.into(),
        date: DATE,
        action: action.into(),
        ..Default::default()
    }
    .into()
}

fn new_message(message: impl Into<enums::Message>, pts: i32) -> enums::Update {
    types::UpdateNewMessage { message: message.into(), pts, pts_count: 1 }.into()
}

fn updates() -> enums::Updates {
    let with_media = |id, media| types::Message { media: Some(media), ..text_message(id) };
    let with_keyboard = types::Message { reply_markup: Some(keyboard()), ..text_message(17) };
    let theme = types::ChatTheme { emoticon: "🎄".into() };
    types::Updates {
        updates: vec![
            types::UpdateMessageID { id: 10, random_id: 12 }.into(),
            new_message(text_message(10), 10),
            new_message(rich_message(11), 11),
            new_message(with_media(12, video_media()), 12),
            new_message(with_media(13, poll_media()), 13),
            new_message(with_media(14, checklist_media()), 14),
            new_message(service_message(15, types::MessageActionChatAddUser { users: vec![BOB] }), 15),
            new_message(service_message(16, types::MessageActionSetChatTheme { theme: theme.into() }), 16),
            new_message(service_message(17, types::MessageActionTodoCompletions::default()), 17),
            new_message(with_keyboard, 18),
            types::UpdateEditMessage { message: rich_message(11), pts: 19, pts_count: 1 }.into(),
            types::UpdateDeleteMessages { messages: vec![12, 13], pts: 21, pts_count: 2 }.into(),
            types::UpdateReadHistoryInbox {
                peer: user_peer(BOB),
                max_id: 11,
                pts: 22,
                pts_count: 1,
                ..Default::default()
            }
            .into(),
            types::UpdateReadHistoryOutbox { peer: user_peer(BOB), max_id: 11, pts: 23, pts_count: 1 }.into(),
            types::UpdateReadMessagesContents { messages: vec![11], pts: 24, pts_count: 1, date: Some(DATE) }
                .into(),
            types::UpdateUserTyping {
                user_id: BOB,
                top_msg_id: None,
                action: enums::SendMessageAction::SendMessageTypingAction,
            }
            .into(),
            types::UpdateUserStatus {
                user_id: BOB,
                status: types::UserStatusLastWeek { by_me: false }.into(),
            }
            .into(),
            types::UpdateUserName {
                user_id: BOB,
                first_name: "Bob".into(),
                last_name: String::new(),
                usernames: vec![types::Username {
                    active: true,
                    username: "bob".into(),
                    ..Default::default()
                }],
            }
            .into(),
            types::UpdateDraftMessage { peer: user_peer(BOB), draft: draft().into(), ..Default::default() }
                .into(),
            // Layers that know neither of these must not hear of them.
            types::UpdateStarsBalance { balance: types::StarsAmount { amount: 5, nanos: 0 }.into() }.into(),
            enums::Update::UpdateAiComposeTones,
        ],
        users: vec![alice(), bob()],
        chats: vec![group(), channel(), types::CommunityForbidden::default().into()],
        date: DATE,
        seq: 0,
    }
    .into()
}

fn draft() -> types::DraftMessage {
    types::DraftMessage {
        reply_to: Some(types::InputReplyToMessage { reply_to_msg_id: 3, ..Default::default() }.into()),
        message: "unfinished".into(),
        date: DATE,
        ..Default::default()
    }
}

fn combined() -> enums::Updates {
    let created = types::MessageActionChatCreate { title: "Telegraphers".into(), users: vec![ALICE, BOB] };
    types::UpdatesCombined {
        updates: vec![new_message(service_message(20, created), 25)],
        users: vec![alice(), bob()],
        chats: vec![group()],
        date: DATE,
        seq_start: 1,
        seq: 2,
    }
    .into()
}

fn short_sent() -> enums::Updates {
    types::UpdateShortSentMessage {
        out: true,
        id: 21,
        pts: 26,
        pts_count: 1,
        date: DATE,
        ..Default::default()
    }
    .into()
}

fn post(id: i32) -> enums::Message {
    types::Message {
        post: true,
        id,
        from_id: None,
        peer_id: channel_peer(),
        views: Some(3),
        forwards: Some(1),
        post_author: Some("Claude".into()),
        ..text_message(id)
    }
    .into()
}

fn channel_updates() -> enums::Updates {
    types::Updates {
        updates: vec![
            types::UpdateNewChannelMessage { message: post(1), pts: 2, pts_count: 1 }.into(),
            types::UpdateEditChannelMessage { message: post(1), pts: 3, pts_count: 1 }.into(),
            types::UpdateReadChannelInbox { channel_id: CHANNEL, max_id: 1, pts: 3, ..Default::default() }
                .into(),
            types::UpdateDeleteChannelMessages {
                channel_id: CHANNEL,
                messages: vec![1],
                pts: 4,
                pts_count: 1,
            }
            .into(),
            types::UpdateChannelMessageViews { channel_id: CHANNEL, id: 1, views: 4 }.into(),
            types::UpdateChannelTooLong { channel_id: CHANNEL, pts: Some(4) }.into(),
        ],
        chats: vec![channel()],
        date: DATE,
        ..Default::default()
    }
    .into()
}

fn messages() -> enums::messages::Messages {
    types::messages::MessagesSlice {
        count: 3,
        messages: vec![
            text_message(1).into(),
            rich_message(2),
            types::MessageEmpty { id: 3, peer_id: None }.into(),
        ],
        chats: vec![channel()],
        users: vec![alice(), bob()],
        ..Default::default()
    }
    .into()
}

fn channel_messages() -> enums::messages::Messages {
    types::messages::ChannelMessages {
        pts: 4,
        count: 1,
        messages: vec![post(1)],
        chats: vec![channel()],
        ..Default::default()
    }
    .into()
}

fn notify_settings() -> types::PeerNotifySettings {
    types::PeerNotifySettings {
        show_previews: Some(true),
        mute_until: Some(0),
        other_sound: Some(enums::NotificationSound::NotificationSoundDefault),
        stories_muted: Some(true),
        ..Default::default()
    }
}

fn dialogs() -> enums::messages::Dialogs {
    let dialog = types::Dialog {
        pinned: true,
        peer: user_peer(BOB),
        top_message: 11,
        unread_count: 2,
        unread_poll_votes_count: 1,
        notify_settings: notify_settings(),
        draft: Some(draft().into()),
        ..Default::default()
    };
    let news = types::Dialog { peer: channel_peer(), top_message: 1, pts: Some(4), ..Default::default() };
    types::messages::DialogsSlice {
        count: 2,
        dialogs: vec![dialog.into(), news.into()],
        messages: vec![rich_message(11), post(1)],
        chats: vec![channel()],
        users: vec![alice(), bob()],
    }
    .into()
}

fn chat_full() -> types::messages::ChatFull {
    let participants = vec![
        types::ChatParticipantCreator { user_id: ALICE, rank: Some("boss".into()) }.into(),
        types::ChatParticipant { user_id: BOB, inviter_id: ALICE, date: DATE, rank: None }.into(),
    ];
    let full = types::ChatFull {
        id: GROUP,
        about: "dots and dashes".into(),
        participants: types::ChatParticipants { chat_id: GROUP, participants, version: 1 }.into(),
        notify_settings: notify_settings(),
        exported_invite: Some(
            types::ChatInviteExported {
                link: "https://t.me/+abc".into(),
                admin_id: ALICE,
                date: DATE,
                ..Default::default()
            }
            .into(),
        ),
        available_reactions: Some(types::ChatReactionsAll { allow_custom: true }.into()),
        ..Default::default()
    };
    types::messages::ChatFull { full_chat: full.into(), chats: vec![group()], users: vec![alice(), bob()] }
}

fn channel_full() -> types::messages::ChatFull {
    let full = types::ChannelFull {
        can_view_participants: true,
        id: CHANNEL,
        about: "what is new".into(),
        participants_count: Some(12),
        chat_photo: photo().into(),
        notify_settings: notify_settings(),
        pts: 4,
        boosts_applied: Some(1),
        ..Default::default()
    };
    types::messages::ChatFull { full_chat: full.into(), chats: vec![channel()], users: Vec::new() }
}

fn user_full() -> types::users::UserFull {
    let full_user = types::UserFull {
        phone_calls_available: true,
        id: ALICE,
        about: Some("operator".into()),
        profile_photo: Some(photo().into()),
        notify_settings: notify_settings(),
        common_chats_count: 1,
        theme: Some(types::ChatTheme { emoticon: "🎄".into() }.into()),
        stories: Some(types::PeerStories { peer: user_peer(ALICE), ..Default::default() }),
        birthday: Some(types::Birthday { day: 27, month: 4, year: Some(1791) }),
        note: Some(types::TextWithEntities { text: "inventor".into(), entities: Vec::new() }.into()),
        ..Default::default()
    };
    types::users::UserFull { full_user, chats: Vec::new(), users: vec![alice()] }
}

fn config() -> types::Config {
    types::Config {
        date: DATE,
        expires: DATE + 3600,
        this_dc: 2,
        dc_options: vec![types::DcOption {
            static_: true,
            id: 2,
            ip_address: "127.0.0.1".into(),
            port: 8443,
            ..Default::default()
        }],
        dc_txt_domain_name: "apv3.stel.com".into(),
        me_url_prefix: "https://t.me/".into(),
        reactions_default: Some(types::ReactionEmoji { emoticon: "👍".into() }.into()),
        ..Default::default()
    }
}

fn sent_code() -> enums::auth::SentCode {
    types::auth::SentCode {
        type_: types::auth::SentCodeTypeApp { length: 5 }.into(),
        phone_code_hash: "0011223344".into(),
        next_type: Some(enums::auth::CodeType::CodeTypeSms),
        timeout: Some(60),
    }
    .into()
}

fn authorization() -> enums::auth::Authorization {
    types::auth::Authorization { user: alice(), future_auth_token: Some(vec![1; 20]), ..Default::default() }
        .into()
}

fn sign_up_required() -> enums::auth::Authorization {
    let terms = types::help::TermsOfService {
        popup: true,
        id: types::DataJSON { data: "{}".into() },
        text: "Be kind.".into(),
        ..Default::default()
    };
    types::auth::AuthorizationSignUpRequired { terms_of_service: Some(terms.into()) }.into()
}

fn password() -> types::account::Password {
    types::account::Password {
        new_algo: enums::PasswordKdfAlgo::PasswordKdfAlgoUnknown,
        new_secure_algo: enums::SecurePasswordKdfAlgo::SecurePasswordKdfAlgoUnknown,
        secure_random: vec![3; 32],
        ..Default::default()
    }
}

fn authorizations() -> types::account::Authorizations {
    let here = types::Authorization {
        current: true,
        device_model: "Semaphore".into(),
        ip: "127.0.0.1".into(),
        date_created: DATE,
        date_active: DATE,
        ..Default::default()
    };
    types::account::Authorizations { authorization_ttl_days: 180, authorizations: vec![here] }
}

fn state() -> types::updates::State {
    types::updates::State { pts: 26, qts: 0, date: DATE, seq: 0, unread_count: 1 }
}

fn difference() -> enums::updates::Difference {
    types::updates::Difference {
        new_messages: vec![text_message(10).into(), rich_message(11)],
        other_updates: vec![
            types::UpdateReadHistoryInbox {
                peer: user_peer(BOB),
                max_id: 11,
                pts: 22,
                pts_count: 1,
                ..Default::default()
            }
            .into(),
            enums::Update::UpdateAiComposeTones,
        ],
        chats: vec![channel()],
        users: vec![alice(), bob()],
        state: state(),
        ..Default::default()
    }
    .into()
}

fn channel_difference() -> enums::updates::ChannelDifference {
    types::updates::ChannelDifference {
        final_: true,
        pts: 4,
        timeout: Some(30),
        new_messages: vec![post(1)],
        chats: vec![channel()],
        ..Default::default()
    }
    .into()
}

fn channel_too_long() -> enums::updates::ChannelDifference {
    types::updates::ChannelDifferenceTooLong {
        dialog: types::Dialog { peer: channel_peer(), top_message: 1, pts: Some(4), ..Default::default() }
            .into(),
        messages: vec![post(1)],
        chats: vec![channel()],
        ..Default::default()
    }
    .into()
}

fn resolved() -> types::contacts::ResolvedPeer {
    types::contacts::ResolvedPeer { peer: user_peer(BOB), chats: Vec::new(), users: vec![bob()] }
}

fn participants() -> enums::channels::ChannelParticipants {
    types::channels::ChannelParticipants {
        count: 2,
        participants: vec![
            types::ChannelParticipantCreator { user_id: ALICE, ..Default::default() }.into(),
            types::ChannelParticipant {
                user_id: BOB,
                date: DATE,
                subscription_until_date: Some(DATE),
                rank: None,
            }
            .into(),
        ],
        chats: vec![channel()],
        users: vec![alice(), bob()],
    }
    .into()
}

fn invite() -> enums::ChatInvite {
    types::ChatInvite {
        megagroup: true,
        title: "Telegraphers".into(),
        photo: photo().into(),
        participants_count: 1,
        participants: Some(vec![bob()]),
        color: 2,
        ..Default::default()
    }
    .into()
}
