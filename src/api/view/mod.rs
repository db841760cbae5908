//! What the model keeps, as one viewer reads it.
//!
//! A [`View`] turns records into TL values and notes on the way which people and chats they name; [`View::people`] then gives
//! these in full. Every message that leaves brings its people with it: several clients drop a message that names somebody
//! they have not been shown.

mod chat;
mod file;
mod message;
pub mod update;
mod user;

use std::collections::BTreeSet;

use model::Done;
use model::ids::{ChannelId, ChatId, Peer, UserId};
use store::Tx;
use tl::enums;

use crate::Site;

/// One viewer's reading of the store, and whom it has named so far.
pub struct View<'a, 't> {
    pub(crate) tx: &'a Tx<'t>,
    pub(crate) site: &'a Site,
    pub(crate) me: UserId,
    pub(crate) now: i32,
    /// The data centre that the viewer's client believes to speak with: a single server is all of them, and files lie in
    /// the one that needs no second key.
    pub(crate) dc: i32,
    named: Named,
}

/// Whom a reading has named.
#[derive(Debug, Clone, Default)]
pub struct Named {
    users: BTreeSet<UserId>,
    chats: BTreeSet<ChatId>,
    channels: BTreeSet<ChannelId>,
}

impl Named {
    /// Only these people.
    #[cfg(test)]
    pub(crate) fn people(users: impl IntoIterator<Item = UserId>) -> Self {
        Self { users: users.into_iter().collect(), ..Self::default() }
    }

    /// The people.
    pub(crate) fn users(&self) -> &BTreeSet<UserId> {
        &self.users
    }

    /// Whether there are people and nobody else.
    pub(crate) fn has_only_users(&self) -> bool {
        self.chats.is_empty() && self.channels.is_empty()
    }
}

impl<'a, 't> View<'a, 't> {
    /// What `me` reads, over a key made with data centre `dc`.
    #[must_use]
    pub fn new(tx: &'a Tx<'t>, site: &'a Site, me: UserId, now: i32, dc: i32) -> Self {
        Self { tx, site, me, now, dc: known_dc(dc), named: Named::default() }
    }

    /// Notes that a peer was named.
    pub fn name(&mut self, peer: Peer) {
        match peer {
            Peer::User(user) => {
                self.named.users.insert(user);
            }
            Peer::Chat(chat) => {
                self.named.chats.insert(chat);
            }
            Peer::Channel(channel) => {
                self.named.channels.insert(channel);
            }
        }
    }

    /// Notes that a person was named.
    pub fn name_user(&mut self, id: i64) {
        self.named.users.insert(UserId(id));
    }

    /// Whom it has named so far.
    #[must_use]
    pub fn named(self) -> Named {
        self.named
    }

    /// The same, to look at.
    pub(crate) fn named_so_far(&self) -> &Named {
        &self.named
    }

    /// The people and the chats that were named, in full.
    pub fn people(self) -> Done<(Vec<enums::User>, Vec<enums::Chat>)> {
        self.in_full(&self.named, |channel| self.channel(channel))
    }

    /// The people and the chats of `named` in full; the channels as `channel` gives them.
    pub(crate) fn in_full(
        &self,
        named: &Named,
        channel: impl Fn(ChannelId) -> Done<enums::Chat>,
    ) -> Done<(Vec<enums::User>, Vec<enums::Chat>)> {
        let mut users = Vec::with_capacity(named.users.len());
        for user in &named.users {
            users.push(self.user(*user)?);
        }
        let mut chats = Vec::with_capacity(named.chats.len() + named.channels.len());
        for chat in &named.chats {
            chats.push(self.chat(*chat)?);
        }
        for id in &named.channels {
            chats.push(channel(*id)?);
        }
        Ok((users, chats))
    }
}

/// A data centre as clients number them: the test ones are 10,000 higher, those for media only are negative, and a client
/// that does not say takes 2 to be its home.
#[must_use]
pub fn known_dc(dc: i32) -> i32 {
    let dc = dc.saturating_abs() % 10_000;
    if (1..=5).contains(&dc) { dc } else { 2 }
}
