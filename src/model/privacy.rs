//! Who may see what of a person, and what strangers may do to them: rules per key, read from the first to the first that
//! matches (<https://core.telegram.org/api/privacy>).

use store::Tx;
use tl::enums::{PrivacyKey, PrivacyRule};
use tl::{stored, types};

use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::ids::{ChannelId, ChatId, Peer, SERVICE, UserId};
use crate::tables::{BLOCKED, CONTACTS, PRIVACY};
use crate::{channels, chats, limits, updates, users};

/// The part of a row's key that names a privacy key. Stored: never change one.
const fn number(key: &PrivacyKey) -> u8 {
    match key {
        PrivacyKey::PrivacyKeyStatusTimestamp => 1,
        PrivacyKey::PrivacyKeyChatInvite => 2,
        PrivacyKey::PrivacyKeyPhoneCall => 3,
        PrivacyKey::PrivacyKeyPhoneP2P => 4,
        PrivacyKey::PrivacyKeyForwards => 5,
        PrivacyKey::PrivacyKeyProfilePhoto => 6,
        PrivacyKey::PrivacyKeyPhoneNumber => 7,
        PrivacyKey::PrivacyKeyAddedByPhone => 8,
        PrivacyKey::PrivacyKeyVoiceMessages => 9,
        PrivacyKey::PrivacyKeyAbout => 10,
        PrivacyKey::PrivacyKeyBirthday => 11,
        PrivacyKey::PrivacyKeyStarGiftsAutoSave => 12,
        PrivacyKey::PrivacyKeyNoPaidMessages => 13,
        PrivacyKey::PrivacyKeySavedMusic => 14,
    }
}

/// The rules of who never set any: a phone number and a birthday are for one's contacts, all else is for everybody.
fn by_default(key: &PrivacyKey) -> Vec<PrivacyRule> {
    match key {
        PrivacyKey::PrivacyKeyPhoneNumber | PrivacyKey::PrivacyKeyBirthday => {
            vec![PrivacyRule::PrivacyValueAllowContacts]
        }
        _ => vec![PrivacyRule::PrivacyValueAllowAll],
    }
}

/// A person's rules.
pub fn rules(tx: &Tx<'_>, owner: UserId, key: &PrivacyKey) -> Done<Vec<PrivacyRule>> {
    let row = tx.get(&PRIVACY, &(owner, number(key)))?;
    Ok(row.map_or_else(|| by_default(key), |row| row.rules))
}

/// Sets a person's rules, and tells their other devices. Groups that they are not in are left out.
pub fn set(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    key: PrivacyKey,
    mut rules: Vec<PrivacyRule>,
) -> Done<Vec<PrivacyRule>> {
    if rules.len() > limits::PRIVACY_RULES_MAX {
        return Err(Refusal::PrivacyTooLong.into());
    }
    for rule in &mut rules {
        match rule {
            PrivacyRule::PrivacyValueAllowChatParticipants(r) => keep_own(cx.tx, me, &mut r.chats)?,
            PrivacyRule::PrivacyValueDisallowChatParticipants(r) => keep_own(cx.tx, me, &mut r.chats)?,
            PrivacyRule::PrivacyValueAllowUsers(r) => check_length(&r.users)?,
            PrivacyRule::PrivacyValueDisallowUsers(r) => check_length(&r.users)?,
            _ => {}
        }
    }
    // Who matches no rule is refused; a client shows a list without any rule as if nothing had been said.
    if rules.is_empty() {
        rules.push(PrivacyRule::PrivacyValueDisallowAll);
    }
    cx.tx.put(&PRIVACY, &(me, number(&key)), &stored::PrivacyRules { rules: rules.clone() })?;
    updates::append_aside(cx, me, types::UpdatePrivacy { key, rules: rules.clone() }.into())?;
    Ok(rules)
}

/// Lets one more person through, before all other rules.
pub fn make_exception(cx: &mut Ctx<'_, '_>, me: UserId, key: PrivacyKey, user: UserId) -> Done<()> {
    if allows(cx.tx, me, &key, user)? {
        return Ok(());
    }
    let mut rules = rules(cx.tx, me, &key)?;
    for rule in &mut rules {
        if let PrivacyRule::PrivacyValueDisallowUsers(r) = rule {
            r.users.retain(|id| *id != user.0);
        }
    }
    rules.retain(|rule| !matches!(rule, PrivacyRule::PrivacyValueDisallowUsers(r) if r.users.is_empty()));
    match rules.iter_mut().find_map(|rule| match rule {
        PrivacyRule::PrivacyValueAllowUsers(r) => Some(r),
        _ => None,
    }) {
        Some(allowed) => allowed.users.push(user.0),
        None => rules.insert(0, types::PrivacyValueAllowUsers { users: vec![user.0] }.into()),
    }
    set(cx, me, key, rules)?;
    Ok(())
}

fn check_length(ids: &[i64]) -> Done<()> {
    if ids.len() > limits::PRIVACY_PEOPLE_MAX { Err(Refusal::PrivacyTooLong.into()) } else { Ok(()) }
}

fn keep_own(tx: &Tx<'_>, me: UserId, ids: &mut Vec<i64>) -> Done<()> {
    check_length(ids)?;
    let mut own = Vec::with_capacity(ids.len());
    for id in ids.drain(..) {
        if is_in(tx, id, me)? {
            own.push(id);
        }
    }
    *ids = own;
    Ok(())
}

/// Whether a person is in the basic group, or in the channel, with this number.
fn is_in(tx: &Tx<'_>, id: i64, user: UserId) -> Done<bool> {
    if users::chat(tx, ChatId(id))?.is_some_and(|chat| chats::is_member(&chat, user)) {
        return Ok(true);
    }
    Ok(channels::is_in(channels::member(tx, ChannelId(id), user)?.as_ref()))
}

/// Whether `owner` lets `other` see, or do, what `key` guards.
pub fn allows(tx: &Tx<'_>, owner: UserId, key: &PrivacyKey, other: UserId) -> Done<bool> {
    if owner == other || owner == SERVICE || other == SERVICE {
        return Ok(true);
    }
    for rule in rules(tx, owner, key)? {
        let verdict = match rule {
            PrivacyRule::PrivacyValueAllowAll => Some(true),
            PrivacyRule::PrivacyValueDisallowAll => Some(false),
            PrivacyRule::PrivacyValueAllowUsers(r) => r.users.contains(&other.0).then_some(true),
            PrivacyRule::PrivacyValueDisallowUsers(r) => r.users.contains(&other.0).then_some(false),
            PrivacyRule::PrivacyValueAllowContacts => tx.has(&CONTACTS, &(owner, other))?.then_some(true),
            PrivacyRule::PrivacyValueDisallowContacts => tx.has(&CONTACTS, &(owner, other))?.then_some(false),
            PrivacyRule::PrivacyValueAllowChatParticipants(r) => shares(tx, &r.chats, other)?.then_some(true),
            PrivacyRule::PrivacyValueDisallowChatParticipants(r) => {
                shares(tx, &r.chats, other)?.then_some(false)
            }
            PrivacyRule::PrivacyValueAllowBots => is_bot(tx, other)?.then_some(true),
            PrivacyRule::PrivacyValueDisallowBots => is_bot(tx, other)?.then_some(false),
            // Nobody has a premium account here, and nobody has close friends.
            PrivacyRule::PrivacyValueAllowPremium | PrivacyRule::PrivacyValueAllowCloseFriends => None,
        };
        if let Some(verdict) = verdict {
            return Ok(verdict);
        }
    }
    Ok(false)
}

fn shares(tx: &Tx<'_>, chats: &[i64], other: UserId) -> Done<bool> {
    for id in chats {
        if is_in(tx, *id, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_bot(tx: &Tx<'_>, user: UserId) -> Done<bool> {
    Ok(users::find(tx, user)?.is_some_and(|row| row.bot))
}

/// Whether `me` may take `other` into a group or a channel.
pub(crate) fn may_invite(tx: &Tx<'_>, me: UserId, other: UserId) -> Done<bool> {
    Ok(!tx.has(&BLOCKED, &(other, me))? && allows(tx, other, &PrivacyKey::PrivacyKeyChatInvite, me)?)
}

/// Takes the link to an author from a message that `me` forwards, if the author does not want it; the name stays.
pub fn veil(tx: &Tx<'_>, me: UserId, forward: &mut stored::Forward) -> Done<()> {
    let Some(Peer::User(author)) = forward.from_id.as_ref().map(Peer::from) else { return Ok(()) };
    if allows(tx, author, &PrivacyKey::PrivacyKeyForwards, me)? {
        return Ok(());
    }
    let row = users::known(tx, author)?;
    forward.from_id = None;
    forward.from_name = Some(format!("{} {}", row.first_name, row.last_name).trim_end().to_owned());
    Ok(())
}
