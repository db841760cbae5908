//! Golden objects of eight layers against eight versions of the crate `grammers-tl-types`, a decoder that we did not
//! write: each must be read to its end and come back as the same bytes.
//!
//! The layers 158 and 229 are those of Python clients, whose suites read the output of the example `golden`.

mod golden;

/// The check of one version: reads `bytes` as the type `name` and writes them back.
macro_rules! decoder {
    ($version:ident) => {{
        use $version::{Deserializable, Serializable, enums};
        fn again<T: Deserializable + Serializable>(bytes: &[u8]) -> Result<Vec<u8>, String> {
            T::from_bytes(bytes).map(|value| value.to_bytes()).map_err(|fault| fault.to_string())
        }
        |name: &str, bytes: &[u8]| match name {
            "Updates" => again::<enums::Updates>(bytes),
            "messages.Messages" => again::<enums::messages::Messages>(bytes),
            "messages.Dialogs" => again::<enums::messages::Dialogs>(bytes),
            "messages.ChatFull" => again::<enums::messages::ChatFull>(bytes),
            "users.UserFull" => again::<enums::users::UserFull>(bytes),
            "Config" => again::<enums::Config>(bytes),
            "auth.SentCode" => again::<enums::auth::SentCode>(bytes),
            "auth.Authorization" => again::<enums::auth::Authorization>(bytes),
            "account.Password" => again::<enums::account::Password>(bytes),
            "account.Authorizations" => again::<enums::account::Authorizations>(bytes),
            "updates.Difference" => again::<enums::updates::Difference>(bytes),
            "updates.ChannelDifference" => again::<enums::updates::ChannelDifference>(bytes),
            "contacts.ResolvedPeer" => again::<enums::contacts::ResolvedPeer>(bytes),
            "channels.ChannelParticipants" => again::<enums::channels::ChannelParticipants>(bytes),
            "ChatInvite" => again::<enums::ChatInvite>(bytes),
            "Poll" => again::<enums::Poll>(bytes),
            other => Err(format!("no decoder for {other} here")),
        }
    }};
}

/// Compares every golden object of `layer` with what `again` makes of it.
///
/// A field of type `true` may join an id without changing it, so a decoder may know fewer bits of a word of flags than we
/// set (the spoiler of a photo, in layer 146): bits may be missing from what comes back, and nothing else.
fn agree(layer: u16, again: impl Fn(&str, &[u8]) -> Result<Vec<u8>, String>) {
    for (name, ours) in golden::objects(layer) {
        let printed = tl::describe::debug_bytes(&ours);
        let theirs =
            again(name, &ours).unwrap_or_else(|fault| panic!("{name} in {layer}: {fault}: {printed}"));
        let is_ours = theirs.len() == ours.len() && theirs.iter().zip(&ours).all(|(t, o)| t & o == *t);
        assert!(is_ours, "{name} in layer {layer}:\n{printed}\n{}", tl::describe::debug_bytes(&theirs));
    }
}

#[test]
fn layer_146_is_understood() {
    agree(146, decoder!(grammers_146));
}

#[test]
fn layer_166_is_understood() {
    agree(166, decoder!(grammers_166));
}

#[test]
fn layer_179_is_understood() {
    agree(179, decoder!(grammers_179));
}

#[test]
fn layer_186_is_understood() {
    agree(186, decoder!(grammers_186));
}

#[test]
fn layer_216_is_understood() {
    agree(216, decoder!(grammers_216));
}

#[test]
fn layer_222_is_understood() {
    agree(222, decoder!(grammers_222));
}

#[test]
fn layer_227_is_understood() {
    agree(227, decoder!(grammers_227));
}

#[test]
fn layer_230_is_understood() {
    agree(230, decoder!(grammers_230));
}

#[test]
fn who_asks_in_old_words_is_answered_in_old_words() {
    let bytes = golden::created_chat_for_old_clients(166);
    assert_eq!(decoder!(grammers_166)("Updates", &bytes).as_ref(), Ok(&bytes));
}
