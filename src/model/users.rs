//! People: who they are, how they are found, how they are made.

use store::{Name, Tx};
use tl::{enums, stored, types};

use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::ids::{ChannelId, ChatId, Global, Peer, SERVICE, UserId};
use crate::limits;
use crate::tables::{
    BLOCKED, CHATS, CONTACTS, DIALOGS, KNOWN_BY, NEXT_IDS, PHONES, USERNAME_STARTS, USERNAMES, USERS,
};
use crate::updates;

/// A person's row, if there is such a person. The service account needs no row.
pub fn find(tx: &Tx<'_>, user: UserId) -> Done<Option<stored::User>> {
    if user == SERVICE {
        return Ok(Some(service()));
    }
    Ok(tx.get(&USERS, &user)?)
}

/// A person who must be there.
pub fn known(tx: &Tx<'_>, user: UserId) -> Done<stored::User> {
    find(tx, user)?.ok_or_else(|| Refusal::UserIdInvalid.into())
}

fn service() -> stored::User {
    stored::User {
        support: true,
        phone: Some("42777".to_owned()),
        first_name: "Chappe".to_owned(),
        id: SERVICE.0,
        created: 1,
        ..Default::default()
    }
}

/// The person with this phone number (digits only).
pub fn by_phone(tx: &Tx<'_>, phone: &str) -> Done<Option<UserId>> {
    if phone == "42777" {
        return Ok(Some(SERVICE));
    }
    Ok(tx.get(&PHONES, &(Name::of(phone), phone.to_owned()))?.map(|row| UserId(row.id)))
}

/// Whose username this is; case does not matter.
pub fn by_username(tx: &Tx<'_>, username: &str) -> Done<Option<Peer>> {
    let folded = username.to_lowercase();
    Ok(tx.get(&USERNAMES, &(Name::of(&folded), folded))?.map(|row| Peer::from(&row.peer)))
}

/// Letters of a username that choose where its start is looked for.
const START_CHARS: usize = 3;

pub(crate) fn start_key(folded: &str) -> (Name, String) {
    let start: String = folded.chars().take(START_CHARS).collect();
    (Name::of(&start), folded.to_owned())
}

/// Whose usernames begin with `start`, which must have three letters at least.
pub fn by_username_start(tx: &Tx<'_>, start: &str, limit: usize) -> Done<Vec<Peer>> {
    let folded = start.to_lowercase();
    if folded.chars().count() < START_CHARS || !folded.is_ascii() {
        return Ok(Vec::new());
    }
    let rows =
        tx.scan(&USERNAME_STARTS, USERNAME_STARTS.prefix(&start_key(&folded)), store::Order::Forward, limit)?;
    Ok(rows.into_iter().map(|(_, row)| Peer::from(&row.peer)).collect())
}

/// A phone number as keys hold it: its digits. `None` if it is none.
#[must_use]
pub fn phone_digits(phone: &str) -> Option<String> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let other = phone.chars().any(|c| !c.is_ascii_digit() && !"+-() .".contains(c));
    (!other && (5..=15).contains(&digits.len())).then_some(digits)
}

/// Deals the next id of a kind of owner: small numbers, in order, since some clients know ids below 2^31 only.
pub(crate) fn next_id(cx: &mut Ctx<'_, '_>, kind: u8, first: i64) -> Done<i64> {
    let id = cx.tx.get(&NEXT_IDS, &(Global, kind))?.map_or(first, |row| row.next);
    cx.tx.put(&NEXT_IDS, &(Global, kind), &stored::Counter { next: id + 1 })?;
    Ok(id)
}

/// Makes an account for a phone number on which there is none.
pub fn create(cx: &mut Ctx<'_, '_>, phone: &str, first_name: &str, last_name: &str) -> Done<UserId> {
    if by_phone(cx.tx, phone)?.is_some() {
        return Err(Refusal::PhoneNumberOccupied.into());
    }
    let (first_name, last_name) = names(first_name, last_name)?;
    let id = UserId(next_id(cx, b'u', 1_000_001)?);
    let row = stored::User {
        phone: Some(phone.to_owned()),
        first_name,
        last_name,
        created: cx.date(),
        id: id.0,
        ..Default::default()
    };
    cx.tx.put(&USERS, &id, &row)?;
    cx.tx.put(&PHONES, &(Name::of(phone), phone.to_owned()), &stored::Id { id: id.0 })?;
    Ok(id)
}

/// Trims and checks a first and a last name.
pub fn names(first: &str, last: &str) -> Done<(String, String)> {
    let cut = |name: &str| name.trim().chars().take(limits::NAME_CHARS_MAX).collect::<String>();
    let (first, last) = (cut(first), cut(last));
    if first.is_empty() {
        return Err(Refusal::FirstNameInvalid.into());
    }
    Ok((first, last))
}

/// What of a profile is to change.
#[derive(Debug, Default)]
pub struct Profile {
    /// A new first name.
    pub first_name: Option<String>,
    /// A new last name.
    pub last_name: Option<String>,
    /// A new about text.
    pub about: Option<String>,
}

/// Changes a profile, and tells everybody who shows it.
pub fn update_profile(cx: &mut Ctx<'_, '_>, me: UserId, change: Profile) -> Done<()> {
    let mut user = known(cx.tx, me)?;
    let first = change.first_name.as_deref().unwrap_or(&user.first_name);
    let last = change.last_name.as_deref().unwrap_or(&user.last_name);
    (user.first_name, user.last_name) = names(first, last)?;
    if let Some(about) = change.about {
        if about.chars().count() > limits::ABOUT_CHARS_MAX {
            return Err(Refusal::AboutTooLong.into());
        }
        user.about = about;
    }
    cx.tx.put(&USERS, &me, &user)?;
    tell_name(cx, me, &user)
}

/// The syntax of a username: 5 to 32 letters, digits and underscores, a letter first.
#[must_use]
pub fn is_username(name: &str) -> bool {
    (5..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.ends_with('_')
}

/// Whether `peer` could take this username.
pub fn is_free(tx: &Tx<'_>, username: &str, peer: Peer) -> Done<bool> {
    if !is_username(username) {
        return Err(Refusal::UsernameInvalid.into());
    }
    Ok(by_username(tx, username)?.is_none_or(|owner| owner == peer))
}

/// Moves a username: `old` becomes free, `new` belongs to `peer`.
pub(crate) fn take_username(cx: &mut Ctx<'_, '_>, peer: Peer, old: Option<&str>, new: &str) -> Done<()> {
    if old.unwrap_or_default() == new {
        return Err(Refusal::UsernameNotModified.into());
    }
    if !new.is_empty() && !is_free(cx.tx, new, peer)? {
        return Err(Refusal::UsernameOccupied.into());
    }
    if let Some(old) = old {
        let folded = old.to_lowercase();
        cx.tx.delete(&USERNAME_STARTS, &start_key(&folded))?;
        cx.tx.delete(&USERNAMES, &(Name::of(&folded), folded))?;
    }
    if !new.is_empty() {
        let folded = new.to_lowercase();
        let row = stored::Owned { peer: peer.into() };
        cx.tx.put(&USERNAME_STARTS, &start_key(&folded), &row)?;
        cx.tx.put(&USERNAMES, &(Name::of(&folded), folded), &row)?;
    }
    Ok(())
}

/// Gives a person a username, or takes it away if it is empty.
pub fn set_username(cx: &mut Ctx<'_, '_>, me: UserId, username: &str) -> Done<()> {
    let mut user = known(cx.tx, me)?;
    take_username(cx, Peer::User(me), user.username.as_deref(), username)?;
    user.username = (!username.is_empty()).then(|| username.to_owned());
    cx.tx.put(&USERS, &me, &user)?;
    tell_name(cx, me, &user)
}

fn tell_name(cx: &mut Ctx<'_, '_>, me: UserId, user: &stored::User) -> Done<()> {
    let update = types::UpdateUserName {
        user_id: me.0,
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        usernames: usernames(user.username.as_deref()),
    };
    tell_watchers(cx, me, update.into())
}

/// The list of usernames that newer clients read beside the plain one.
#[must_use]
pub fn usernames(username: Option<&str>) -> Vec<types::Username> {
    username
        .map(|name| types::Username {
            editable: true,
            active: true,
            username: name.to_owned(),
            ..Default::default()
        })
        .into_iter()
        .collect()
}

/// Appends an aside about `me` to their own log and to the logs of those who show them: who knows them, and their private chats.
pub(crate) fn tell_watchers(cx: &mut Ctx<'_, '_>, me: UserId, update: enums::Update) -> Done<()> {
    for watcher in watchers(cx.tx, me)? {
        updates::append_aside(cx, watcher, update.clone())?;
    }
    updates::append_aside(cx, me, update)
}

/// Who shows `me` somewhere: bounded, the rest learns of a change when it next looks.
pub fn watchers(tx: &Tx<'_>, me: UserId) -> Done<Vec<UserId>> {
    use store::Order::Forward;
    let max = limits::STATUS_AUDIENCE_MAX;
    let mut people: Vec<UserId> =
        tx.scan(&KNOWN_BY, KNOWN_BY.of(me), Forward, max)?.into_iter().map(|(key, _)| key.1).collect();
    for ((_, peer), _) in tx.scan(&DIALOGS, DIALOGS.of(me), Forward, max)? {
        if let Peer::User(user) = peer {
            people.push(user);
        }
    }
    people.sort_unstable();
    people.dedup();
    people.retain(|user| *user != me && *user != SERVICE);
    people.truncate(max);
    Ok(people)
}

/// How two people stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relation {
    /// `me` has them as a contact.
    pub contact: bool,
    /// They have `me` as a contact as well.
    pub mutual: bool,
    /// `me` blocked them.
    pub blocked: bool,
    /// They blocked `me`.
    pub blocked_by: bool,
}

/// How `me` stands to `other`.
pub fn relation(tx: &Tx<'_>, me: UserId, other: UserId) -> Done<Relation> {
    let contact = tx.has(&CONTACTS, &(me, other))?;
    Ok(Relation {
        contact,
        mutual: contact && tx.has(&CONTACTS, &(other, me))?,
        blocked: tx.has(&BLOCKED, &(me, other))?,
        blocked_by: tx.has(&BLOCKED, &(other, me))?,
    })
}

/// Who of two people has blocked the other: `me` them, they `me`.
pub(crate) fn blocks(tx: &Tx<'_>, me: UserId, other: UserId) -> Done<(bool, bool)> {
    Ok((tx.has(&BLOCKED, &(me, other))?, tx.has(&BLOCKED, &(other, me))?))
}

/// Whether there is such a basic group.
pub fn chat(tx: &Tx<'_>, chat: ChatId) -> Done<Option<stored::Chat>> {
    Ok(tx.get(&CHATS, &chat)?)
}

/// A peer's channel id, if it is a channel.
#[must_use]
pub const fn as_channel(peer: Peer) -> Option<ChannelId> {
    match peer {
        Peer::Channel(channel) => Some(channel),
        Peer::User(_) | Peer::Chat(_) => None,
    }
}
