//! From a notice to the clients: reads the logs from where each key was told last, and hands what happened to its
//! sessions.
//!
//! The log is the truth, a push is a hint. What a key's client did itself is not told to it. A key none of whose sessions
//! is connected is not told: its cursor waits, until it comes back or its sessions are forgotten; then, and after a
//! restart, its first session gets `updatesTooLong` and asks for the difference.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use api::envelope::Peeled;
use api::ids::{ChannelId, KeyId};
use api::push::Listener;
use api::{Ephemeral, Notice, Ticket};
use bus::Heard;
use bytes::Bytes;
use mtproto::AuthKeyId;
use mtproto::session::SessionInput;
use tl::functions;

use crate::calls::Leaving;
use crate::node::{Node, key_id};
use crate::online::{Item, Online, Registry};
use crate::sessions::{Entry, Use};
use crate::{answers, limits, metrics, world};

/// A notice and its surroundings, as it travels on the bus.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) notice: Notice,
    /// The key that caused it: its client knows already.
    pub(crate) origin: Option<KeyId>,
    /// What must be durable before anything of it leaves.
    pub(crate) ticket: Ticket,
}

/// Telling clients what happened.
#[derive(Default)]
pub(crate) struct Push {
    online: Registry,
}

/// Hears notices until the bus is gone.
pub(crate) async fn hear(node: Arc<Node>) {
    let mut notices = node.bus.subscribe();
    while let Some(heard) = notices.hear().await {
        match heard {
            Heard::Notice(told) => node.push.take(&node, told),
            Heard::Missed(count) => {
                tracing::warn!(count, "notices were missed; every log is looked at");
                metrics::dropped("notices");
                for online in node.push.online.keys() {
                    reload_later(&node, online.key, true);
                }
            }
        }
    }
}

impl Push {
    fn take(&self, node: &Arc<Node>, told: Told) {
        let Told { notice, origin, ticket } = told;
        let not_origin = |online: &Arc<Online>| Some(online.key) != origin;
        match notice {
            Notice::User(user) => {
                for online in self.online.of_user(user).iter().filter(|online| not_origin(online)) {
                    online.news.lock().account_grew();
                    schedule(node, online);
                }
            }
            Notice::Channel(channel) => {
                let mut members = self.online.of_channel(channel);
                members.retain(|online| {
                    not_origin(online) && {
                        let mut news = online.news.lock();
                        news.channel_grew(channel);
                        // Who is being told of something will be told of this, too.
                        news.begin_telling()
                    }
                });
                tell_in_groups(node, channel, members);
            }
            Notice::Key(key) => reload_later(node, key, false),
            Notice::Jobs => node.jobs.notify_one(),
            Notice::Membership { user, channel, member } => {
                self.online.membership(user, channel, member);
                for online in self.online.of_user(user) {
                    reload_later(node, online.key, false);
                }
            }
            Notice::Ephemeral { to, what } => {
                let what = Arc::new(what);
                let keys = to.into_iter().flat_map(|user| self.online.of_user(user));
                self.spread(node, keys, ticket, &what, origin);
            }
            Notice::EphemeralChannel { channel, what, except } => {
                let what = Arc::new(what);
                let keys = self.online.of_channel(channel).into_iter().filter(|online| online.user != except);
                self.spread(node, keys, ticket, &what, origin);
            }
        }
    }

    /// Before a notice is published, on the worker that caused it: whoever enters a channel is told from here on. Read later,
    /// the end of the channel's log could lie behind a post that they have not seen.
    pub(crate) fn entering(&self, node: &Node, notice: &Notice) {
        let Notice::Membership { user, channel, member: true } = *notice else { return };
        for online in self.online.of_user(user) {
            if !online.news.lock().knows_channel(channel)
                && let Some(listener) = load(node, online.key)
            {
                self.online.enter(online.key, &listener);
            }
        }
    }

    fn spread(
        &self,
        node: &Arc<Node>,
        keys: impl Iterator<Item = Arc<Online>>,
        ticket: Ticket,
        what: &Arc<Ephemeral>,
        origin: Option<KeyId>,
    ) {
        for online in keys.filter(|online| Some(online.key) != origin) {
            online.news.lock().add_ephemeral(ticket, what);
            schedule(node, &online);
        }
    }

    /// A session has a (new) connection.
    pub(crate) fn came_online(&self, node: &Arc<Node>, entry: &Arc<Entry>) {
        let key = entry.key();
        if key.touch(world::now()) {
            let (node_, id) = (Arc::clone(node), key_id(key.identity()));
            let touch = move || {
                if let Err(stop) = world::with_env(|env| node_.api.touch_key(id, env)) {
                    node_.note_stop(&stop);
                }
            };
            // Too much to do: the key will be used again.
            let _ = node.workers.push(touch);
        }
        if entry.has_missed() {
            self.lost_pushes(node, entry);
        }
        if let Some(online) = self.online.find(key_id(key.identity())) {
            schedule(node, &online);
        }
    }

    /// A session was used by a person for the first time, by `query`.
    pub(crate) fn became_main(&self, node: &Arc<Node>, entry: &Arc<Entry>, query: &Peeled) {
        let id = key_id(entry.key().identity());
        let known = self.online.find(id);
        let asks_itself = asks_for_updates(query);
        let (node_, entry) = (Arc::clone(node), Arc::clone(entry));
        if let Some(online) = &known {
            online.news.lock().forget_shown();
        }
        let begin = move || {
            let online = match known {
                Some(online) => Some(online),
                None => load(&node_, id).map(|listener| node_.push.online.enter(id, &listener)),
            };
            let Some(online) = online else { return };
            if online.news.lock().wanted && !asks_itself {
                // What was pushed to the key's sessions of before may have died with them.
                entry.push(&node_, Ticket::default(), answers::updates_too_long(), true);
            }
            schedule(&node_, &online);
        };
        if node.workers.push(begin).is_err() {
            metrics::dropped("pushes");
        }
    }

    /// Before a query that asks for the state of updates: takes note of where the logs end, if this is the key's first. What
    /// happens between this and the query is then told twice, and not never. On a worker.
    pub(crate) fn before(&self, node: &Arc<Node>, id: AuthKeyId, query: &Peeled) -> Option<Listener> {
        let id = key_id(id);
        let begins =
            asks_for_updates(query) && self.online.find(id).is_none_or(|online| !online.news.lock().wanted);
        if begins { load(node, id) } else { None }
    }

    /// After such a query: begins to tell.
    pub(crate) fn after(&self, node: &Arc<Node>, id: AuthKeyId, mut listener: Listener) {
        listener.wants_updates = true;
        let online = self.online.enter(key_id(id), &listener);
        online.news.lock().begin(&listener);
        schedule(node, &online);
    }

    /// The temporary key of a session speaks for another key now.
    pub(crate) fn identity_changed(&self, node: &Arc<Node>, entry: &Arc<Entry>) {
        self.came_online(node, entry);
    }

    /// Pushes to a session were lost, or may have been. May be called while the session is locked.
    pub(crate) fn lost_pushes(&self, node: &Arc<Node>, entry: &Arc<Entry>) {
        let Some(online) = self.online.find(key_id(entry.key().identity())) else { return };
        online.news.lock().forget_shown();
        let (node_, entry) = (Arc::clone(node), Arc::clone(entry));
        let tell = move || {
            if entry.use_() != Use::Files && online.news.lock().wanted {
                entry.push(&node_, Ticket::default(), answers::updates_too_long(), true);
            }
        };
        if node.workers.push(tell).is_err() {
            metrics::dropped("pushes");
        }
    }

    /// Forgets keys that have no session left.
    pub(crate) fn sweep(&self, node: &Node) {
        for online in self.online.keys() {
            if sessions_of(node, online.key).is_empty() {
                self.online.leave(online.key);
            }
        }
    }
}

impl Entry {
    /// Pushes `body` once `ticket` is durable; `kept` until it is acknowledged.
    fn push(self: &Arc<Self>, node: &Arc<Node>, ticket: Ticket, body: Bytes, kept: bool) {
        self.answer(node, ticket, SessionInput::Push { body, kept });
    }
}

/// Whether a query is one from which on a key gets updates.
fn asks_for_updates(query: &Peeled) -> bool {
    let id = query.query.first_chunk().map_or(0, |id| u32::from_le_bytes(*id));
    functions::updates::GetState::IDS.contains(&id) || functions::updates::GetDifference::IDS.contains(&id)
}

/// Who listens on a key. On a worker.
fn load(node: &Node, key: KeyId) -> Option<Listener> {
    match node.api.listener(key) {
        Ok(listener) => listener,
        Err(stop) => {
            node.note_stop(&stop);
            None
        }
    }
}

/// Looks again who listens on a key, if it has sessions here; `all` if everything may have grown.
fn reload_later(node: &Arc<Node>, key: KeyId, all: bool) {
    let node_ = Arc::clone(node);
    let reload = move || {
        let online = &node_.push.online;
        match load(&node_, key) {
            Some(listener) if online.find(key).is_some() => {
                let online = online.enter(key, &listener);
                if all {
                    online.news.lock().all_grew();
                }
                schedule(&node_, &online);
            }
            Some(_) => {}
            None => logged_out(&node_, key),
        }
    };
    if node.workers.push(reload).is_err() {
        metrics::dropped("notices");
    }
}

/// Nobody is logged in on a key any more. Its clients are made to ask, and learn it.
fn logged_out(node: &Arc<Node>, key: KeyId) {
    if node.push.online.leave(key).is_some() {
        for entry in sessions_of(node, key) {
            if entry.use_() == Use::Main && entry.is_online() {
                entry.push(node, Ticket::default(), answers::updates_too_long(), false);
            }
        }
    }
    // A key that is gone from the store must not live on in memory.
    if matches!(node.api.key(key), Ok((None, _))) {
        let node = Arc::clone(node);
        node.runtime.clone().spawn(async move {
            tokio::time::sleep(limits::GOODBYE_TIME / 2).await;
            node.forget_key(AuthKeyId::from_long(key.0));
        });
    }
}

/// The sessions of a key and of the temporary keys that speak for it.
fn sessions_of(node: &Node, key: KeyId) -> Vec<Arc<Entry>> {
    let id = AuthKeyId::from_long(key.0);
    let mut all = node.sessions.of_key(id);
    for temp in node.keys.speaking_for(id) {
        all.extend(node.sessions.of_key(temp));
    }
    all
}

/// Has a key told what waits for it, unless somebody does already.
fn schedule(node: &Arc<Node>, online: &Arc<Online>) {
    if online.news.lock().begin_telling() {
        node.runtime.spawn(tell_here(Arc::clone(node), Arc::clone(online)));
    }
}

/// Tells a key what waits for it, on a thread of the sockets: nearly always that is a row or two, and the way to a worker
/// and back would cost as much.
async fn tell_here(node: Arc<Node>, online: Arc<Online>) {
    #[cfg(feature = "simulation")]
    crate::simulation::work_begins().await;
    if catch_unwind(AssertUnwindSafe(|| tell(&node, &online))).is_err() {
        metrics::panicked("push");
        online.news.lock().scheduled = false;
    }
}

/// Has workers tell `members` the news of a channel, many in one look into the log: what is the same for all of them is then
/// read and written once. That they are being told is noted already.
fn tell_in_groups(node: &Arc<Node>, channel: ChannelId, members: Vec<Arc<Online>>) {
    for group in members.chunks(limits::TOLD_IN_ONE_LOOK) {
        let (node_, group_) = (Arc::clone(node), group.to_vec());
        if node.workers.push(move || tell_group(&node_, channel, &group_)).is_err() {
            group.iter().for_each(|online| online.news.lock().scheduled = false);
        }
    }
}

/// Tells a group of keys the news of a channel, and then each of them what else waits for it; on a worker.
fn tell_group(node: &Arc<Node>, channel: ChannelId, group: &[Arc<Online>]) {
    let mut told = Vec::with_capacity(group.len());
    for online in group {
        let sessions = sessions_of(node, online.key);
        let targets = targets(&sessions);
        if targets.is_empty() {
            continue;
        }
        let from = online.news.lock().take_channel(channel);
        if let Some(from) = from {
            told.push((online, from, sessions, targets));
        }
    }
    let keys: Vec<_> = told.iter().map(|(online, from, ..)| (online.key, *from)).collect();
    match node.api.channel_pushes(channel, &keys, world::now()) {
        Ok(pushes) => {
            let mut leaving = Leaving::default();
            for ((online, _, sessions, targets), push) in told.iter().zip(pushes) {
                let push = online.news.lock().took(channel, push);
                if let Some(api::push::Push { body: Some(body), ticket, .. }) = push {
                    deliver(node, sessions, targets, body.into(), (ticket, true), &mut leaving);
                }
            }
            leaving.go(node);
        }
        Err(stop) => node.note_stop(&stop),
    }
    for online in group {
        tell(node, online);
    }
}

/// Tells a key what waits for it; one at a time for each key.
fn tell(node: &Arc<Node>, online: &Arc<Online>) {
    if online.news.lock().end_telling() {
        return;
    }
    for _ in 0..limits::PUSHES_IN_A_ROW {
        let sessions = sessions_of(node, online.key);
        let targets = targets(&sessions);
        let item = {
            let mut news = online.news.lock();
            let item = news.next();
            match item {
                Some(item) if !targets.is_empty() => item,
                nobody_or_nothing => {
                    if let Some(item) = nobody_or_nothing {
                        news.put_back(&item);
                    }
                    news.scheduled = false;
                    return;
                }
            }
        };
        if let Err(stop) = tell_one(node, online, &item, &sessions, &targets) {
            node.note_stop(&stop);
        }
    }
    online.news.lock().scheduled = false;
    schedule(node, online);
}

fn tell_one(
    node: &Arc<Node>,
    online: &Online,
    item: &Item,
    sessions: &[Arc<Entry>],
    targets: &[Arc<Entry>],
) -> Result<(), api::Stop> {
    let now = world::now();
    let (body, ticket, kept) = match item {
        Item::Account(from) => {
            let (since, mut shown) = online.news.lock().take_shown();
            let push = node.api.account_push(online.key, *from, now, &mut shown)?;
            let mut news = online.news.lock();
            news.keep_shown((since, shown));
            let Some(push) = push else { return Ok(()) };
            news.told_account(push.to, push.more);
            drop(news);
            (push.body, push.ticket, true)
        }
        Item::Channel(channel, from) => {
            let push = node.api.channel_push(online.key, *channel, *from, now)?;
            let Some(push) = online.news.lock().took(*channel, push) else { return Ok(()) };
            (push.body, push.ticket, true)
        }
        Item::Ephemeral(ticket, what) => {
            let push = node.api.ephemeral_push(online.key, what, now)?;
            let Some((body, shows)) = push else { return Ok(()) };
            (Some(body), shows.max(*ticket), false)
        }
    };
    let Some(body) = body.map(Bytes::from) else { return Ok(()) };
    let mut leaving = Leaving::default();
    deliver(node, sessions, targets, body, (ticket, kept), &mut leaving);
    leaving.go(node);
    Ok(())
}

/// Puts a body into the lines of `targets`, sessions of a key, to leave once `ticket` is durable; `kept` until it is
/// acknowledged. The others of the `sessions` have missed it.
fn deliver(
    node: &Node,
    sessions: &[Arc<Entry>],
    targets: &[Arc<Entry>],
    body: Bytes,
    (ticket, kept): (Ticket, bool),
    leaving: &mut Leaving,
) {
    for entry in targets {
        leaving.add(node, entry, ticket, SessionInput::Push { body: body.clone(), kept });
    }
    metrics::pushed(targets.len());
    if kept {
        for entry in sessions.iter().filter(|entry| entry.use_() == Use::Main && !entry.is_online()) {
            entry.miss();
        }
    }
}

/// To whom a push goes: the connected sessions of a person. If there is none, those that have called nothing yet: one that
/// came back after a restart of the server may only ping.
fn targets(sessions: &[Arc<Entry>]) -> Vec<Arc<Entry>> {
    let online = |wanted: Use| {
        let wanted = move |entry: &&Arc<Entry>| entry.use_() == wanted && entry.is_online();
        sessions.iter().filter(wanted).cloned().collect::<Vec<_>>()
    };
    let main = online(Use::Main);
    if main.is_empty() { online(Use::Unknown) } else { main }
}
