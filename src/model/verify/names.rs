//! What is looked up by name. The names themselves are not told: a phone number is its owner's business.

use store::{Fault, Name};
use tl::stored;

use super::{Rule, Walk};
use crate::ids::{Peer, UserId};
use crate::tables::{CHANNELS, CHATS, MEMBERS, USERS};
use crate::users;

impl Walk<'_, '_> {
    /// Whether a name stands under its own hash.
    pub(super) fn named<V>(&mut self, key: (Name, String), _: V) -> Result<(), Fault> {
        self.check(key.0 == Name::of(&key.1), Rule::Name, key.0, "is not the hash of its name");
        Ok(())
    }

    pub(super) fn phone(&mut self, key: (Name, String), row: stored::Id) -> Result<(), Fault> {
        let back = self.get(&USERS, &UserId(row.id))?.is_some_and(|user| user.phone.as_ref() == Some(&key.1));
        self.check(back, Rule::Name, ("phone", key.0), format_args!("is not the number of user {}", row.id));
        self.named(key, ())
    }

    pub(super) fn username(&mut self, key: (Name, String), row: stored::Owned) -> Result<(), Fault> {
        self.owned(("username", key.0), &key.1, &row)?;
        self.named(key, ())
    }

    pub(super) fn username_start(&mut self, key: (Name, String), row: stored::Owned) -> Result<(), Fault> {
        let place = ("start of a username", key.0);
        self.check(users::start_key(&key.1) == key, Rule::Name, place, "is not the hash of its start");
        self.owned(place, &key.1, &row)
    }

    fn owned(&mut self, place: (&str, Name), folded: &str, row: &stored::Owned) -> Result<(), Fault> {
        let peer = Peer::from(&row.peer);
        let username = match peer {
            Peer::User(id) => self.get(&USERS, &id)?.and_then(|user| user.username),
            Peer::Channel(id) => self.get(&CHANNELS, &id)?.and_then(|channel| channel.username),
            Peer::Chat(_) => None,
        };
        let back = username.is_some_and(|username| username.to_lowercase() == folded);
        self.check(back, Rule::Name, place, format_args!("is not the name of {peer:?}"));
        Ok(())
    }

    pub(super) fn invite(&mut self, key: (Name, String), row: stored::Invite) -> Result<(), Fault> {
        let peer = Peer::from(&row.peer);
        let theirs = match peer {
            Peer::Chat(id) => self.get(&CHATS, &id)?.and_then(|chat| {
                chat.members.into_iter().find(|m| m.user_id == row.creator).and_then(|m| m.invite)
            }),
            Peer::Channel(id) => {
                self.get(&MEMBERS, &(id, UserId(row.creator)))?.and_then(|member| member.invite)
            }
            Peer::User(_) => None,
        };
        let good = row.revoked || theirs.as_ref() == Some(&key.1);
        self.check(good, Rule::Name, ("link", key.0), format_args!("to {peer:?} is nobody's and good"));
        self.named(key, ())
    }
}
