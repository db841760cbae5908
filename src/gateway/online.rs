//! Who is online: keys by person, people by channel, and how far each key has been told.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use api::ids::{ChannelId, KeyId, UserId};
use api::push::{Listener, Push, Shown};
use api::{Cursor, Ephemeral, Ticket};
use parking_lot::Mutex;

use crate::{limits, metrics};

/// The registry. Its lock is never held while a [`Online`] is locked.
#[derive(Default)]
pub(crate) struct Registry {
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    keys: BTreeMap<KeyId, Arc<Online>>,
    users: HashMap<UserId, Vec<KeyId>>,
    /// The members that are online. The store knows all; this knows whom to tell at once.
    channels: HashMap<ChannelId, BTreeSet<UserId>>,
}

/// A key on which somebody is logged in and a session is known.
pub(crate) struct Online {
    pub(crate) key: KeyId,
    pub(crate) user: UserId,
    pub(crate) news: Mutex<News>,
}

/// How far a key has been told, and what waits to be told.
#[derive(Default)]
pub(crate) struct News {
    /// Whether it has ever asked for updates.
    pub(crate) wanted: bool,
    account: Cursor,
    channels: BTreeMap<ChannelId, i32>,
    account_grew: bool,
    /// Whom its client was shown in full, by what has been pushed since the number beside it changed.
    /// Most keys rest, and have been shown nobody.
    shown: Option<Box<Shown>>,
    shown_since: u32,
    channels_grew: VecDeque<ChannelId>,
    ephemeral: VecDeque<(Ticket, Arc<Ephemeral>)>,
    /// Somebody tells it, or will.
    pub(crate) scheduled: bool,
}

/// One thing to tell.
pub(crate) enum Item {
    /// The person's log grew beyond this.
    Account(Cursor),
    /// A channel's log grew beyond this.
    Channel(ChannelId, i32),
    /// Something that has no log.
    Ephemeral(Ticket, Arc<Ephemeral>),
}

impl Registry {
    pub(crate) fn find(&self, key: KeyId) -> Option<Arc<Online>> {
        self.book.lock().keys.get(&key).cloned()
    }

    pub(crate) fn keys(&self) -> Vec<Arc<Online>> {
        self.book.lock().keys.values().cloned().collect()
    }

    /// The keys of a person.
    pub(crate) fn of_user(&self, user: UserId) -> Vec<Arc<Online>> {
        self.book.lock().of_user(user)
    }

    /// The keys of the members of a channel.
    pub(crate) fn of_channel(&self, channel: ChannelId) -> Vec<Arc<Online>> {
        let book = self.book.lock();
        let members = book.channels.get(&channel).into_iter().flatten();
        members.flat_map(|user| book.of_user(*user)).collect()
    }

    /// Enters a key, or what changed about it. Cursors that are there stay: they never skip anything.
    pub(crate) fn enter(&self, key: KeyId, listener: &Listener) -> Arc<Online> {
        let mut book = self.book.lock();
        let known = book.keys.get(&key).filter(|online| online.user == listener.user).cloned();
        let online = known.unwrap_or_else(|| {
            book.remove(key);
            let online = Arc::new(Online { key, user: listener.user, news: Mutex::default() });
            online.news.lock().account = listener.end;
            book.keys.insert(key, Arc::clone(&online));
            book.users.entry(listener.user).or_default().push(key);
            online
        });
        for (channel, _) in &listener.channels {
            book.channels.entry(*channel).or_default().insert(listener.user);
        }
        metrics::held("listening keys", book.keys.len());
        drop(book);
        let mut news = online.news.lock();
        news.wanted = listener.wants_updates;
        let before = std::mem::take(&mut news.channels);
        news.channels =
            listener.channels.iter().map(|(id, pts)| (*id, *before.get(id).unwrap_or(pts))).collect();
        drop(news);
        online
    }

    /// Removes a key: nobody is logged in on it any more, or it has no session left.
    pub(crate) fn leave(&self, key: KeyId) -> Option<Arc<Online>> {
        let mut book = self.book.lock();
        let gone = book.remove(key);
        metrics::held("listening keys", book.keys.len());
        gone
    }

    /// Somebody entered or left a channel.
    pub(crate) fn membership(&self, user: UserId, channel: ChannelId, member: bool) {
        let mut book = self.book.lock();
        if member && book.users.contains_key(&user) {
            book.channels.entry(channel).or_default().insert(user);
        } else if let Some(members) = book.channels.get_mut(&channel) {
            members.remove(&user);
            if members.is_empty() {
                book.channels.remove(&channel);
            }
        }
    }
}

impl Book {
    fn of_user(&self, user: UserId) -> Vec<Arc<Online>> {
        let keys = self.users.get(&user).into_iter().flatten();
        keys.filter_map(|key| self.keys.get(key)).cloned().collect()
    }

    fn remove(&mut self, key: KeyId) -> Option<Arc<Online>> {
        let gone = self.keys.remove(&key)?;
        if let Some(keys) = self.users.get_mut(&gone.user) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.users.remove(&gone.user);
                self.channels.retain(|_, members| {
                    members.remove(&gone.user);
                    !members.is_empty()
                });
            }
        }
        Some(gone)
    }
}

impl News {
    /// The person's log grew.
    pub(crate) fn account_grew(&mut self) {
        self.account_grew = true;
    }

    /// A channel's log grew. What does not fit is told with the next post that does: the cursor has not moved.
    pub(crate) fn channel_grew(&mut self, channel: ChannelId) {
        if self.channels_grew.contains(&channel) {
            return;
        }
        if self.channels_grew.len() >= limits::CHANNELS_WAITING_PER_KEY_MAX {
            metrics::dropped("channel notices");
            return;
        }
        self.channels_grew.push_back(channel);
    }

    /// Everything may have grown: notices were lost.
    pub(crate) fn all_grew(&mut self) {
        self.account_grew = true;
        self.channels_grew =
            self.channels.keys().copied().take(limits::CHANNELS_WAITING_PER_KEY_MAX).collect();
    }

    pub(crate) fn add_ephemeral(&mut self, ticket: Ticket, what: &Arc<Ephemeral>) {
        if self.ephemeral.len() >= limits::EPHEMERAL_WAITING_PER_KEY_MAX {
            metrics::dropped("ephemeral notices");
            return;
        }
        self.ephemeral.push_back((ticket, Arc::clone(what)));
    }

    /// Begins to tell from `from` on, for a key that asks for updates for the first time.
    pub(crate) fn begin(&mut self, from: &Listener) {
        self.account = from.end;
        self.channels = from.channels.iter().copied().collect();
        self.account_grew = true;
    }

    /// Takes the news of a channel if they are what is to be told next; gives how far it has been told.
    pub(crate) fn take_channel(&mut self, channel: ChannelId) -> Option<i32> {
        let next =
            !self.account_grew && self.ephemeral.is_empty() && self.channels_grew.front() == Some(&channel);
        let from = self.channels.get(&channel).copied().filter(|_| next)?;
        self.channels_grew.pop_front();
        Some(from)
    }

    /// The next thing to tell.
    pub(crate) fn next(&mut self) -> Option<Item> {
        if std::mem::take(&mut self.account_grew) {
            return Some(Item::Account(self.account));
        }
        if let Some((ticket, what)) = self.ephemeral.pop_front() {
            return Some(Item::Ephemeral(ticket, what));
        }
        while let Some(channel) = self.channels_grew.pop_front() {
            // One that they are not in (any more) is none of their business.
            if let Some(pts) = self.channels.get(&channel) {
                return Some(Item::Channel(channel, *pts));
            }
        }
        None
    }

    /// An item could not be told: nobody is there. What has a log keeps for later.
    pub(crate) fn put_back(&mut self, item: &Item) {
        match item {
            Item::Account(_) => self.account_grew = true,
            Item::Channel(channel, _) => self.channel_grew(*channel),
            Item::Ephemeral(..) => {}
        }
        self.ephemeral = VecDeque::new();
    }

    /// Whom its client has been shown, to be given back.
    pub(crate) fn take_shown(&mut self) -> (u32, Box<Shown>) {
        (self.shown_since, self.shown.take().unwrap_or_default())
    }

    /// Gives back what was taken, unless it has to be forgotten since.
    pub(crate) fn keep_shown(&mut self, (since, shown): (u32, Box<Shown>)) {
        if since == self.shown_since {
            self.shown = Some(shown);
        }
    }

    /// What was pushed may not have arrived, or did with another session: everybody is a stranger again.
    pub(crate) fn forget_shown(&mut self) {
        self.shown = None;
        self.shown_since = self.shown_since.wrapping_add(1);
    }

    /// The person's log was told up to `to`.
    pub(crate) fn told_account(&mut self, to: Cursor, more: bool) {
        self.account = to;
        self.account_grew |= more;
    }

    /// Notes what is told of a channel: how far, or that it cannot be read any more.
    pub(crate) fn took(&mut self, channel: ChannelId, push: Option<Push>) -> Option<Push> {
        let Some(push) = push else {
            self.channels.remove(&channel);
            return None;
        };
        if let Some(pts) = self.channels.get_mut(&channel) {
            *pts = push.to.pts;
            if push.more {
                self.channel_grew(channel);
            }
        }
        Some(push)
    }

    /// Whether a channel's posts are told.
    pub(crate) fn knows_channel(&self, channel: ChannelId) -> bool {
        self.channels.contains_key(&channel)
    }

    /// Whether somebody has to begin to tell: something waits, it is wanted, and nobody tells yet. Whoever asks begins.
    pub(crate) fn begin_telling(&mut self) -> bool {
        let begins = !self.scheduled && self.wanted && self.waits();
        self.scheduled |= begins;
        begins
    }

    /// Whether nothing is left to tell. Whoever told ends.
    pub(crate) fn end_telling(&mut self) -> bool {
        self.scheduled = self.waits();
        !self.scheduled
    }

    /// Whether something waits.
    pub(crate) fn waits(&self) -> bool {
        self.account_grew || !self.channels_grew.is_empty() || !self.ephemeral.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(user: i64, pts: i32, channels: &[(i64, i32)]) -> Listener {
        Listener {
            user: UserId(user),
            layer: tl::Layer::ALL,
            wants_updates: true,
            end: Cursor { pts, aside: 0 },
            channels: channels.iter().map(|(id, pts)| (ChannelId(*id), *pts)).collect(),
        }
    }

    #[test]
    fn a_cursor_stays_where_it_was_when_a_key_is_entered_again() {
        let registry = Registry::default();
        registry.enter(KeyId(1), &listener(7, 10, &[(5, 3)]));
        let online = registry.enter(KeyId(1), &listener(7, 20, &[(5, 9), (6, 1)]));
        let mut news = online.news.lock();
        news.all_grew();
        assert!(matches!(news.next(), Some(Item::Account(Cursor { pts: 10, .. }))));
        let mut channels = Vec::new();
        while let Some(Item::Channel(id, pts)) = news.next() {
            channels.push((id.0, pts));
        }
        channels.sort_unstable();
        assert_eq!(channels, [(5, 3), (6, 1)]);
    }

    #[test]
    fn a_channel_is_told_to_members_that_are_online() {
        let registry = Registry::default();
        registry.enter(KeyId(1), &listener(7, 1, &[(5, 1)]));
        registry.enter(KeyId(2), &listener(7, 1, &[(5, 1)]));
        registry.enter(KeyId(3), &listener(8, 1, &[]));
        assert_eq!(registry.of_channel(ChannelId(5)).len(), 2);
        registry.membership(UserId(8), ChannelId(5), true);
        registry.membership(UserId(9), ChannelId(5), true);
        assert_eq!(registry.of_channel(ChannelId(5)).len(), 3);
        registry.leave(KeyId(1));
        registry.membership(UserId(8), ChannelId(5), false);
        assert_eq!(registry.of_channel(ChannelId(5)).len(), 1);
        registry.leave(KeyId(2));
        assert!(registry.book.lock().channels.is_empty());
    }

    #[test]
    fn what_cannot_be_told_keeps_if_it_has_a_log() {
        let registry = Registry::default();
        let online = registry.enter(KeyId(1), &listener(7, 1, &[]));
        let mut news = online.news.lock();
        news.account_grew();
        let item = news.next().expect("something");
        assert!(!news.waits());
        news.put_back(&item);
        assert!(news.waits());
        news.next();
        news.told_account(Cursor { pts: 4, aside: 0 }, false);
        news.account_grew();
        assert!(matches!(news.next(), Some(Item::Account(Cursor { pts: 4, .. }))));
    }
}
