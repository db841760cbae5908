//! Buttons. Until layer 228 every button was a constructor of `KeyboardButton`; since then a button below a message is a
//! `keyboardInlineButton`, one of the keyboard a `keyboardButton`, and what it does is its `type`.

use crate::enums::{ButtonType, InlineButtonType, KeyboardButton};
use crate::types;

type Style = Option<types::KeyboardButtonStyle>;

/// The rows below a message as they are since layer 229. Buttons of the other kind do not belong there and are left out.
pub(crate) fn inline_rows(rows: &[types::KeyboardButtonRow]) -> Vec<types::KeyboardInlineButtonRow> {
    let row = |row: &types::KeyboardButtonRow| types::KeyboardInlineButtonRow {
        buttons: row.buttons.iter().filter_map(inline_button).collect(),
    };
    rows.iter().map(row).collect()
}

/// The rows below a message as they were until layer 228.
pub(crate) fn rows_of_inline(rows: &[types::KeyboardInlineButtonRow]) -> Vec<types::KeyboardButtonRow> {
    let row = |row: &types::KeyboardInlineButtonRow| types::KeyboardButtonRow {
        buttons: row.buttons.iter().map(button_of_inline).collect(),
    };
    rows.iter().map(row).collect()
}

fn inline_button(button: &KeyboardButton) -> Option<types::KeyboardInlineButton> {
    let (style, text, type_): (Style, String, InlineButtonType) = match button.clone() {
        KeyboardButton::KeyboardButtonUrl(b) => {
            (b.style, b.text, types::InlineButtonTypeUrl { url: b.url }.into())
        }
        KeyboardButton::KeyboardButtonCallback(b) => {
            let type_ =
                types::InlineButtonTypeCallback { requires_password: b.requires_password, data: b.data };
            (b.style, b.text, type_.into())
        }
        KeyboardButton::KeyboardButtonCopy(b) => {
            (b.style, b.text, types::InlineButtonTypeCopy { copy_text: b.copy_text }.into())
        }
        KeyboardButton::KeyboardButtonGame(b) => (b.style, b.text, InlineButtonType::InlineButtonTypeGame),
        KeyboardButton::KeyboardButtonBuy(b) => (b.style, b.text, InlineButtonType::InlineButtonTypeBuy),
        KeyboardButton::KeyboardButtonSwitchInline(b) => {
            let type_ = types::InlineButtonTypeSwitchInline {
                same_peer: b.same_peer,
                query: b.query,
                peer_types: b.peer_types,
            };
            (b.style, b.text, type_.into())
        }
        KeyboardButton::KeyboardButtonUrlAuth(b) => {
            let type_ =
                types::InlineButtonTypeUrlAuth { fwd_text: b.fwd_text, url: b.url, button_id: b.button_id };
            (b.style, b.text, type_.into())
        }
        KeyboardButton::InputKeyboardButtonUrlAuth(b) => {
            let type_ = types::InputInlineButtonTypeUrlAuth {
                request_write_access: b.request_write_access,
                fwd_text: b.fwd_text,
                url: b.url,
                bot: Some(b.bot),
            };
            (b.style, b.text, type_.into())
        }
        KeyboardButton::KeyboardButtonUserProfile(b) => {
            (b.style, b.text, types::InlineButtonTypeUserProfile { user_id: b.user_id }.into())
        }
        KeyboardButton::InputKeyboardButtonUserProfile(b) => {
            (b.style, b.text, types::InputInlineButtonTypeUserProfile { user_id: b.user_id }.into())
        }
        KeyboardButton::KeyboardButtonWebView(b) => {
            (b.style, b.text, types::InlineButtonTypeWebView { url: b.url }.into())
        }
        _ => return None,
    };
    Some(types::KeyboardInlineButton { style, text, type_ })
}

fn button_of_inline(button: &types::KeyboardInlineButton) -> KeyboardButton {
    let types::KeyboardInlineButton { style, text, type_ } = button.clone();
    match type_ {
        InlineButtonType::InlineButtonTypeUrl(t) => {
            types::KeyboardButtonUrl { style, text, url: t.url }.into()
        }
        InlineButtonType::InlineButtonTypeCallback(t) => types::KeyboardButtonCallback {
            requires_password: t.requires_password,
            style,
            text,
            data: t.data,
        }
        .into(),
        // A button that does nothing: one whose presses nobody waits for.
        InlineButtonType::InlineButtonTypeDisabled => {
            types::KeyboardButtonCallback { requires_password: false, style, text, data: Vec::new() }.into()
        }
        InlineButtonType::InlineButtonTypeCopy(t) => {
            types::KeyboardButtonCopy { style, text, copy_text: t.copy_text }.into()
        }
        InlineButtonType::InlineButtonTypeGame => types::KeyboardButtonGame { style, text }.into(),
        InlineButtonType::InlineButtonTypeBuy => types::KeyboardButtonBuy { style, text }.into(),
        InlineButtonType::InlineButtonTypeSwitchInline(t) => types::KeyboardButtonSwitchInline {
            same_peer: t.same_peer,
            style,
            text,
            query: t.query,
            peer_types: t.peer_types,
        }
        .into(),
        InlineButtonType::InlineButtonTypeUrlAuth(t) => types::KeyboardButtonUrlAuth {
            style,
            text,
            fwd_text: t.fwd_text,
            url: t.url,
            button_id: t.button_id,
        }
        .into(),
        InlineButtonType::InputInlineButtonTypeUrlAuth(t) => types::InputKeyboardButtonUrlAuth {
            request_write_access: t.request_write_access,
            style,
            text,
            fwd_text: t.fwd_text,
            url: t.url,
            bot: t.bot.unwrap_or_default(),
        }
        .into(),
        InlineButtonType::InlineButtonTypeUserProfile(t) => {
            types::KeyboardButtonUserProfile { style, text, user_id: t.user_id }.into()
        }
        InlineButtonType::InputInlineButtonTypeUserProfile(t) => {
            types::InputKeyboardButtonUserProfile { style, text, user_id: t.user_id }.into()
        }
        InlineButtonType::InlineButtonTypeWebView(t) => {
            types::KeyboardButtonWebView { style, text, url: t.url }.into()
        }
    }
}

/// The constructor that said until layer 228 what a `keyboardButton` of some `type` says now; none for a plain button.
pub(crate) fn older_button(button: &types::KeyboardButton) -> Option<KeyboardButton> {
    let types::KeyboardButton { style, text, type_ } = button.clone();
    Some(match type_ {
        ButtonType::ButtonTypeDefault => return None,
        ButtonType::ButtonTypeRequestGeoLocation => {
            types::KeyboardButtonRequestGeoLocation { style, text }.into()
        }
        ButtonType::ButtonTypeRequestPhone => types::KeyboardButtonRequestPhone { style, text }.into(),
        ButtonType::ButtonTypeRequestPoll(t) => {
            types::KeyboardButtonRequestPoll { style, quiz: t.quiz, text }.into()
        }
        ButtonType::ButtonTypeSimpleWebView(t) => {
            types::KeyboardButtonSimpleWebView { style, text, url: t.url }.into()
        }
        ButtonType::ButtonTypeRequestPeer(t) => types::KeyboardButtonRequestPeer {
            style,
            text,
            button_id: t.button_id,
            peer_type: t.peer_type,
            max_quantity: t.max_quantity,
        }
        .into(),
        ButtonType::InputButtonTypeRequestPeer(t) => types::InputKeyboardButtonRequestPeer {
            name_requested: t.name_requested,
            username_requested: t.username_requested,
            photo_requested: t.photo_requested,
            style,
            text,
            button_id: t.button_id,
            peer_type: t.peer_type,
            max_quantity: t.max_quantity,
        }
        .into(),
    })
}

fn newer(style: &Style, text: &str, type_: impl Into<ButtonType>) -> Option<KeyboardButton> {
    Some(types::KeyboardButton { style: style.clone(), text: text.to_owned(), type_: type_.into() }.into())
}

pub(crate) fn newer_request_geo_location(
    b: &types::KeyboardButtonRequestGeoLocation,
) -> Option<KeyboardButton> {
    newer(&b.style, &b.text, ButtonType::ButtonTypeRequestGeoLocation)
}

pub(crate) fn newer_request_phone(b: &types::KeyboardButtonRequestPhone) -> Option<KeyboardButton> {
    newer(&b.style, &b.text, ButtonType::ButtonTypeRequestPhone)
}

pub(crate) fn newer_request_poll(b: &types::KeyboardButtonRequestPoll) -> Option<KeyboardButton> {
    newer(&b.style, &b.text, types::ButtonTypeRequestPoll { quiz: b.quiz })
}

pub(crate) fn newer_simple_web_view(b: &types::KeyboardButtonSimpleWebView) -> Option<KeyboardButton> {
    newer(&b.style, &b.text, types::ButtonTypeSimpleWebView { url: b.url.clone() })
}

pub(crate) fn newer_request_peer(b: &types::KeyboardButtonRequestPeer) -> Option<KeyboardButton> {
    let type_ = types::ButtonTypeRequestPeer {
        button_id: b.button_id,
        peer_type: b.peer_type.clone(),
        max_quantity: b.max_quantity,
    };
    newer(&b.style, &b.text, type_)
}

pub(crate) fn newer_input_request_peer(b: &types::InputKeyboardButtonRequestPeer) -> Option<KeyboardButton> {
    let type_ = types::InputButtonTypeRequestPeer {
        name_requested: b.name_requested,
        username_requested: b.username_requested,
        photo_requested: b.photo_requested,
        button_id: b.button_id,
        peer_type: b.peer_type.clone(),
        max_quantity: b.max_quantity,
    };
    newer(&b.style, &b.text, type_)
}
