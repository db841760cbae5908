//! The language as its users see it.

use tl::{Decode as _, Error, Layer, Reader, Record as _, enums, functions, service, stored, types};

#[test]
fn a_method_is_read_as_it_was_written() {
    let asked = functions::messages::SendMessage {
        peer: enums::InputPeer::InputPeerSelf,
        message: "the telegraph moves".into(),
        random_id: 7,
        silent: true,
        entities: Some(vec![types::MessageEntityBold { offset: 4, length: 9 }.into()]),
        ..Default::default()
    };
    let bytes = tl::write(&asked, Layer::NEWEST);
    let read: functions::messages::SendMessage = tl::read_strict(&bytes).expect("it was written by us");
    assert_eq!(read, asked);
    assert_eq!(tl::method_name(functions::messages::SendMessage::ID), Some("messages.sendMessage"));
}

#[test]
fn a_wrapper_leaves_the_reader_at_its_query() {
    let mut bytes = tl::write(&functions::InvokeWithLayer { layer: 158 }, Layer::NEWEST);
    bytes.extend(tl::write(&functions::help::GetConfig, Layer::NEWEST));
    let mut r = Reader::new(&bytes);
    assert_eq!(functions::InvokeWithLayer::decode(&mut r).expect("a head").layer, 158);
    assert_eq!(r.peek_u32(), Some(functions::help::GetConfig::ID));
}

// proves: TL-3
#[test]
fn service_types_have_their_bare_forms() {
    let salt = service::FutureSalt { valid_since: 1, valid_until: 2, salt: 3 };
    let salts = service::FutureSalts { req_msg_id: 4, now: 5, salts: vec![salt] };
    let bytes = tl::write(&salts, Layer::NEWEST);
    assert_eq!(bytes.len(), 4 + 8 + 4 + 4 + 16);
    assert_eq!(tl::read::<service::FutureSalts>(&bytes).expect("it was written by us"), salts);
}

#[test]
fn short_and_lying_input_is_an_error_and_nothing_else() {
    let asked = functions::messages::ReceivedMessages { max_id: 7 };
    let bytes = tl::write(&asked, Layer::NEWEST);
    for end in 0..bytes.len() {
        assert_eq!(tl::read::<functions::messages::ReceivedMessages>(&bytes[..end]), Err(Error::Truncated));
    }
    let mut lie = tl::VECTOR.to_le_bytes().to_vec();
    lie.extend(i32::MAX.to_le_bytes());
    assert_eq!(tl::read::<Vec<enums::InputUser>>(&lie), Err(Error::CountTooLarge));
}

/// `pageBlockCover` around `pageBlockCover`, so many times, around a divider.
fn nested_covers(depth: usize) -> Vec<u8> {
    let mut bytes = types::PageBlockCover::ID.to_le_bytes().repeat(depth);
    bytes.extend(types::PageBlockDivider::ID.to_le_bytes());
    bytes
}

#[test]
fn nesting_ends_in_an_error_before_the_stack_does() {
    let depth = usize::from(tl::limits::DEPTH_MAX);
    assert!(tl::read::<enums::PageBlock>(&nested_covers(depth - 1)).is_ok());
    assert_eq!(tl::read::<enums::PageBlock>(&nested_covers(depth)), Err(Error::TooDeep));
    assert_eq!(tl::read::<enums::PageBlock>(&nested_covers(100_000)), Err(Error::TooDeep));
}

#[test]
fn many_small_values_cannot_fill_the_memory() {
    let count = 1_000_000_u32;
    let mut bytes = tl::VECTOR.to_le_bytes().to_vec();
    bytes.extend(count.to_le_bytes());
    bytes.extend(types::MessageEmpty::ID.to_le_bytes().repeat(count as usize));
    assert!(tl::read::<Vec<enums::Message>>(&bytes).is_err());
}

// proves: TL-2
#[test]
fn strings_are_read_as_clients_write_them() {
    // In the long form though short, and padded with something else than zeros.
    let sloppy = [254, 3, 0, 0, b'a', b'b', b'c', 9];
    assert_eq!(tl::read::<String>(&sloppy), Ok("abc".into()));
    assert_eq!(tl::read_strict::<String>(&sloppy), Err(Error::NotCanonical));
    assert_eq!(tl::read::<String>(&[1, 0xff, 0, 0]), Err(Error::NotUtf8));
    for len in [0, 1, 3, 4, 253, 254, 255, 256, 70_000] {
        let text = "x".repeat(len);
        let bytes = tl::write(&text, Layer::NEWEST);
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(tl::read_strict::<String>(&bytes), Ok(text));
    }
}

// proves: TL-2
#[test]
fn strings_are_utf8_whatever_their_length() {
    for len in 0..40 {
        for text in ["x".repeat(len), "é".repeat(len), "a".repeat(len) + "\u{1f5fc}", "\0".repeat(len)] {
            let bytes = tl::write(&text, Layer::NEWEST);
            assert_eq!(tl::read_strict::<String>(&bytes), Ok(text.clone()));
            // The last of the input, and with more behind it that could be taken for a part of it.
            let followed = [&bytes[..], &[0xa9; 32]].concat();
            assert_eq!(String::decode(&mut Reader::new(&followed)), Ok(text.clone()));
            for wrong in [&b"\xff"[..], b"\xc3", b"\xf0\x9f\x97", b"\xed\xa0\x80", b"\xc0\x80"] {
                let bytes = tl::write(&[text.as_bytes(), wrong].concat(), Layer::NEWEST);
                assert_eq!(tl::read::<String>(&bytes), Err(Error::NotUtf8), "{text:?} and {wrong:?}");
                let followed = [&bytes[..], &[0xa9; 32]].concat();
                assert_eq!(String::decode(&mut Reader::new(&followed)), Err(Error::NotUtf8));
                let bytes = tl::write(&[wrong, text.as_bytes(), b"y"].concat(), Layer::NEWEST);
                assert_eq!(tl::read::<String>(&bytes), Err(Error::NotUtf8), "{wrong:?} and {text:?}");
            }
        }
    }
}

#[test]
fn an_error_is_said_once() {
    let mut r = Reader::new(&[1, 0xff, 0, 0, 1]);
    assert_eq!(String::decode(&mut r), Err(Error::NotUtf8));
    assert_eq!(String::decode(&mut r), Err(Error::Truncated));
}

#[test]
fn layers_outside_the_known_ones_hear_the_nearest() {
    let user = types::User { id: 7, first_name: Some("Ada".into()), ..Default::default() };
    let in_layer = |layer| tl::write(&user, Layer(layer));
    assert_eq!(in_layer(1), in_layer(146));
    assert_eq!(in_layer(300), in_layer(232));
    assert_ne!(in_layer(146), in_layer(232));
}

#[test]
fn what_cannot_be_said_is_none() {
    assert!(tl::say(&types::StarsTonAmount { amount: 1 }, Layer(230)).is_some());
    assert_eq!(tl::say(&types::StarsTonAmount { amount: 1 }, Layer(158)), None);
    let updates = types::Updates {
        updates: vec![enums::Update::UpdateAiComposeTones, enums::Update::UpdateConfig],
        ..Default::default()
    };
    let bytes = tl::say(&updates, Layer(158)).expect("the list is shorter");
    assert_eq!(tl::read::<types::Updates>(&bytes).map(|u| u.updates), Ok(vec![enums::Update::UpdateConfig]));
}

#[test]
fn values_print_without_their_secrets() {
    let asked = functions::auth::SignIn {
        phone_number: "99966100001".into(),
        phone_code_hash: "abc".into(),
        phone_code: Some("22222".into()),
        email_verification: None,
    };
    let printed = format!("{asked:?}");
    assert!(printed.starts_with("auth.signIn { phone_number: <hidden>"), "{printed}");
    assert!(!printed.contains("22222"), "{printed}");
    let peer = types::InputPeerUser { user_id: 7, access_hash: -8 };
    assert_eq!(format!("{peer:?}"), "inputPeerUser { user_id: 7, access_hash: -8 }");
    assert_eq!(
        tl::describe::json(&types::MessageEntityTextUrl { offset: 1, length: 2, url: "\"\n".into() }),
        "{\"_\":\"messageEntityTextUrl\", \"offset\": 1, \"length\": 2, \"url\": \"\\\"\\u000a\"}"
    );
}

#[test]
fn a_peer_is_read_where_a_person_or_a_channel_is_wanted() {
    // Pyrogram writes what it knows of a peer into every place.
    let peer = tl::enums::InputPeer::from(tl::types::InputPeerUser { user_id: 7, access_hash: 8 });
    let user = tl::read::<tl::enums::InputUser>(&tl::write(&peer, tl::Layer(158)));
    assert!(matches!(user, Ok(tl::enums::InputUser::InputUser(u)) if u.user_id == 7 && u.access_hash == 8));
    let myself = tl::write(&tl::enums::InputPeer::InputPeerSelf, tl::Layer(158));
    assert!(matches!(tl::read(&myself), Ok(tl::enums::InputUser::InputUserSelf)));
    let peer = tl::enums::InputPeer::from(tl::types::InputPeerChannel { channel_id: 7, access_hash: 8 });
    let channel = tl::read::<tl::enums::InputChannel>(&tl::write(&peer, tl::Layer(158)));
    assert!(matches!(channel, Ok(tl::enums::InputChannel::InputChannel(c)) if c.channel_id == 7));
}

// proves: TL-1, TL-2, TL-3
#[test]
fn values_are_words_with_the_lowest_byte_first() {
    let bytes = |value: &dyn tl::Encode| tl::write(value, Layer::NEWEST);
    assert_eq!(bytes(&0x0102_0304_i32), [4, 3, 2, 1]);
    assert_eq!(bytes(&-2_i64), [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(bytes(&1.0_f64), [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    assert_eq!(bytes(&true), [0xb5, 0x75, 0x72, 0x99]);
    assert_eq!(bytes(&"abcd".to_owned()), [4, b'a', b'b', b'c', b'd', 0, 0, 0]);
    assert_eq!(bytes(&vec![1_i32, 2]), [0x15, 0xc4, 0xb5, 0x1c, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
    // One byte fewer than the long form needs, and exactly as many.
    assert_eq!((bytes(&vec![7_u8; 253]).len(), bytes(&vec![7_u8; 253])[0]), (256, 253));
    assert_eq!(bytes(&vec![7_u8; 254])[..5], [254, 254, 0, 0, 7]);
}

/// Values are moved several times on their way into a list: what is large and rare stands in a box.
#[test]
fn what_is_often_moved_is_not_large() {
    assert!(size_of::<enums::Update>() <= 96, "{}", size_of::<enums::Update>());
    assert!(
        size_of::<enums::Message>() <= 24 && size_of::<enums::User>() <= 24 && size_of::<enums::Chat>() <= 64
    );
    assert!(size_of::<types::Message>() <= 600, "{}", size_of::<types::Message>());
    assert!(size_of::<types::User>() <= 456, "{}", size_of::<types::User>());
}

#[test]
fn a_borrowed_record_says_what_the_copied_one_says() {
    let key = stored::AuthKey {
        updates_wanted: true,
        id: 5,
        key: vec![1, 2, 3],
        user_id: Some(7),
        layer: 214,
        device_model: "Sémaphore".to_owned(),
        ip: "127.0.0.1".to_owned(),
        ..Default::default()
    };
    let bytes = key.to_bytes();
    let seen = tl::look::<stored::AuthKey>(&bytes).expect("written by us");
    assert_eq!((seen.updates_wanted, seen.no_calls, seen.id, seen.user_id), (true, false, 5, Some(7)));
    assert_eq!((seen.key, seen.layer, seen.device_model), (&key.key[..], 214, "Sémaphore"));
    assert_eq!((seen.app_version, seen.ip), ("", "127.0.0.1"));
    for end in 0..bytes.len() {
        let copied = stored::AuthKey::from_bytes(&bytes[..end]).expect_err("cut off");
        assert_eq!(tl::look::<stored::AuthKey>(&bytes[..end]).err(), Some(copied));
    }
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0xff;
        let copied = stored::AuthKey::from_bytes(&bytes).map(|key| (key.layer, key.device_model));
        let seen = tl::look::<stored::AuthKey>(&bytes);
        assert_eq!(seen.map(|key| (key.layer, key.device_model.to_owned())), copied, "byte {at}");
    }
}
