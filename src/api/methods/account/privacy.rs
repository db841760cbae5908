//! Who may see what of somebody.

use model::ids::{ChannelId, ChatId, Peer};
use model::{channels, privacy, settings, users};
use tl::enums::{InputPrivacyKey, InputPrivacyRule, PrivacyKey, PrivacyRule};
use tl::functions::account;
use tl::types;

use crate::method::{Account, Cx, Rpc, methods};

methods! {
    account::GetPrivacy => get_privacy, Reads;
    account::SetPrivacy => set_privacy, Writes;
    account::GetGlobalPrivacySettings => get_global_privacy_settings, Reads;
    account::SetGlobalPrivacySettings => set_global_privacy_settings, Writes;
}

fn key(input: &InputPrivacyKey) -> PrivacyKey {
    match input {
        InputPrivacyKey::InputPrivacyKeyAbout => PrivacyKey::PrivacyKeyAbout,
        InputPrivacyKey::InputPrivacyKeyAddedByPhone => PrivacyKey::PrivacyKeyAddedByPhone,
        InputPrivacyKey::InputPrivacyKeyBirthday => PrivacyKey::PrivacyKeyBirthday,
        InputPrivacyKey::InputPrivacyKeyChatInvite => PrivacyKey::PrivacyKeyChatInvite,
        InputPrivacyKey::InputPrivacyKeyForwards => PrivacyKey::PrivacyKeyForwards,
        InputPrivacyKey::InputPrivacyKeyNoPaidMessages => PrivacyKey::PrivacyKeyNoPaidMessages,
        InputPrivacyKey::InputPrivacyKeyPhoneCall => PrivacyKey::PrivacyKeyPhoneCall,
        InputPrivacyKey::InputPrivacyKeyPhoneNumber => PrivacyKey::PrivacyKeyPhoneNumber,
        InputPrivacyKey::InputPrivacyKeyPhoneP2P => PrivacyKey::PrivacyKeyPhoneP2P,
        InputPrivacyKey::InputPrivacyKeyProfilePhoto => PrivacyKey::PrivacyKeyProfilePhoto,
        InputPrivacyKey::InputPrivacyKeySavedMusic => PrivacyKey::PrivacyKeySavedMusic,
        InputPrivacyKey::InputPrivacyKeyStarGiftsAutoSave => PrivacyKey::PrivacyKeyStarGiftsAutoSave,
        InputPrivacyKey::InputPrivacyKeyStatusTimestamp => PrivacyKey::PrivacyKeyStatusTimestamp,
        InputPrivacyKey::InputPrivacyKeyVoiceMessages => PrivacyKey::PrivacyKeyVoiceMessages,
    }
}

/// A rule with its people checked; who cannot be named is left out.
fn rule(cx: &Cx<'_, '_>, me: Account, input: InputPrivacyRule) -> PrivacyRule {
    let people = |users: &[tl::enums::InputUser]| {
        users.iter().filter_map(|user| cx.user(me, user).ok()).map(|user| user.0).collect()
    };
    match input {
        InputPrivacyRule::InputPrivacyValueAllowAll => PrivacyRule::PrivacyValueAllowAll,
        InputPrivacyRule::InputPrivacyValueAllowBots => PrivacyRule::PrivacyValueAllowBots,
        InputPrivacyRule::InputPrivacyValueAllowCloseFriends => PrivacyRule::PrivacyValueAllowCloseFriends,
        InputPrivacyRule::InputPrivacyValueAllowContacts => PrivacyRule::PrivacyValueAllowContacts,
        InputPrivacyRule::InputPrivacyValueAllowPremium => PrivacyRule::PrivacyValueAllowPremium,
        InputPrivacyRule::InputPrivacyValueDisallowAll => PrivacyRule::PrivacyValueDisallowAll,
        InputPrivacyRule::InputPrivacyValueDisallowBots => PrivacyRule::PrivacyValueDisallowBots,
        InputPrivacyRule::InputPrivacyValueDisallowContacts => PrivacyRule::PrivacyValueDisallowContacts,
        InputPrivacyRule::InputPrivacyValueAllowUsers(r) => {
            types::PrivacyValueAllowUsers { users: people(&r.users) }.into()
        }
        InputPrivacyRule::InputPrivacyValueDisallowUsers(r) => {
            types::PrivacyValueDisallowUsers { users: people(&r.users) }.into()
        }
        InputPrivacyRule::InputPrivacyValueAllowChatParticipants(r) => {
            types::PrivacyValueAllowChatParticipants { chats: r.chats }.into()
        }
        InputPrivacyRule::InputPrivacyValueDisallowChatParticipants(r) => {
            types::PrivacyValueDisallowChatParticipants { chats: r.chats }.into()
        }
    }
}

/// Rules with the people and the groups they name.
fn shown(cx: &Cx<'_, '_>, me: Account, rules: Vec<PrivacyRule>) -> Rpc<types::account::PrivacyRules> {
    let mut view = cx.view(me);
    for rule in &rules {
        match rule {
            PrivacyRule::PrivacyValueAllowUsers(r) => r.users.iter().for_each(|id| view.name_user(*id)),
            PrivacyRule::PrivacyValueDisallowUsers(r) => r.users.iter().for_each(|id| view.name_user(*id)),
            PrivacyRule::PrivacyValueAllowChatParticipants(types::PrivacyValueAllowChatParticipants {
                chats,
            })
            | PrivacyRule::PrivacyValueDisallowChatParticipants(
                types::PrivacyValueDisallowChatParticipants { chats },
            ) => {
                for id in chats {
                    if users::chat(cx.model.tx, ChatId(*id))?.is_some() {
                        view.name(Peer::Chat(ChatId(*id)));
                    }
                    if channels::member(cx.model.tx, ChannelId(*id), me.0)?.is_some() {
                        view.name(Peer::Channel(ChannelId(*id)));
                    }
                }
            }
            _ => {}
        }
    }
    let (users, chats) = view.people()?;
    Ok(types::account::PrivacyRules { rules, chats, users })
}

fn get_privacy(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: account::GetPrivacy,
) -> Rpc<types::account::PrivacyRules> {
    let rules = privacy::rules(cx.model.tx, me.0, &key(&req.key))?;
    shown(cx, me, rules)
}

fn set_privacy(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: account::SetPrivacy,
) -> Rpc<types::account::PrivacyRules> {
    let rules = req.rules.into_iter().map(|input| rule(cx, me, input)).collect();
    let rules = privacy::set(&mut cx.model, me.0, key(&req.key), rules)?;
    shown(cx, me, rules)
}

fn get_global_privacy_settings(
    cx: &mut Cx<'_, '_>,
    me: Account,
    _: account::GetGlobalPrivacySettings,
) -> Rpc<types::GlobalPrivacySettings> {
    Ok(settings::preferences(cx.model.tx, me.0)?.global.unwrap_or_default())
}

fn set_global_privacy_settings(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: account::SetGlobalPrivacySettings,
) -> Rpc<types::GlobalPrivacySettings> {
    let row = req.settings;
    settings::change_preferences(&mut cx.model, me.0, |all| all.global = Some(row.clone()))?;
    Ok(row)
}
