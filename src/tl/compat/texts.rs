//! Texts that gained entities, numbers that became texts, kinds of text that older layers do not know.

use crate::{enums, types};

/// A text that had no entities yet.
pub(crate) fn with_entities(text: &str) -> types::TextWithEntities {
    types::TextWithEntities { text: text.to_owned(), entities: Vec::new() }
}

/// A text for those who know no entities in it.
pub(crate) fn plain(text: &types::TextWithEntities) -> String {
    text.text.clone()
}

pub(crate) fn some_with_entities(text: &Option<String>) -> Option<types::TextWithEntities> {
    text.as_deref().map(with_entities)
}

pub(crate) fn some_plain(text: &Option<types::TextWithEntities>) -> Option<String> {
    text.as_ref().map(plain)
}

/// `messages.translateText` took one text before it took several.
pub(crate) fn one_text(text: &Option<String>) -> Option<Vec<types::TextWithEntities>> {
    text.as_deref().map(|text| vec![with_entities(text)])
}

pub(crate) fn first_text(texts: &Option<Vec<types::TextWithEntities>>) -> Option<String> {
    texts.as_ref().and_then(|texts| texts.first()).map(plain)
}

/// Offsets that became opaque texts.
pub(crate) fn number_as_text(number: &i32) -> String {
    number.to_string()
}

/// An opaque offset for those who count: the beginning, if it is no number.
pub(crate) fn text_as_number(text: &str) -> i32 {
    text.parse().unwrap_or(0)
}

pub(crate) fn some_number_as_text(number: &Option<i32>) -> Option<String> {
    number.as_ref().map(number_as_text)
}

pub(crate) fn some_text_as_number(text: &Option<String>) -> Option<i32> {
    text.as_deref().map(text_as_number)
}

/// A custom emoji in a page, for those who know none there: the emoji it stands for.
pub(crate) fn custom_emoji_alt(text: &types::TextCustomEmoji) -> Option<enums::RichText> {
    Some(types::TextPlain { text: text.alt.clone() }.into())
}

/// A formula in a page, for those who know none: its source.
pub(crate) fn math_source(text: &types::TextMath) -> Option<enums::RichText> {
    Some(types::TextPlain { text: text.source.clone() }.into())
}

/// A name was one before it was several.
pub(crate) fn one_username(username: &str) -> Vec<types::Username> {
    if username.is_empty() {
        return Vec::new();
    }
    vec![types::Username {
        editable: true,
        active: true,
        username: username.to_owned(),
        ..Default::default()
    }]
}

pub(crate) fn first_username(usernames: &[types::Username]) -> String {
    usernames.iter().find(|u| u.active).map(|u| u.username.clone()).unwrap_or_default()
}

/// A code that comes over Fragment looks like one by SMS to those who do not know Fragment.
pub(crate) fn fragment_as_sms(
    code: &types::auth::SentCodeTypeFragmentSms,
) -> Option<enums::auth::SentCodeType> {
    Some(types::auth::SentCodeTypeSms { length: code.length }.into())
}

/// A code that comes by a push service looks like one by SMS to those who do not know the service.
pub(crate) fn firebase_as_sms(
    code: &types::auth::SentCodeTypeFirebaseSms,
) -> Option<enums::auth::SentCodeType> {
    Some(types::auth::SentCodeTypeSms { length: code.length }.into())
}
