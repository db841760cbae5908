//! The language as its users see it.

use tl::{Decode as _, Error, Layer, Reader, enums, functions, service, types};

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
    assert_eq!(tl::read::<Vec<enums::InputUser>>(&lie), Err(Error::Truncated));
}
