//! What one device knows, and how it follows: the public algorithm for updates
//! (<https://core.telegram.org/api/updates>), one counter for the account and one for each channel.

use std::collections::{BTreeMap, BTreeSet};

use tl::{enums, types};

/// The account that login codes come from.
pub const SERVICE: i64 = 777_000;

/// A conversation, as its viewer names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// With this user.
    Private(i64),
    /// A basic group.
    Group(i64),
    /// A channel.
    Channel(i64),
}

/// A counter: the account's, or a channel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Log {
    /// Private chats and basic groups.
    Account,
    /// One channel.
    Channel(i64),
}

/// A message as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where.
    pub place: Place,
    /// What it says; `*` for a service message and for what nobody here wrote.
    pub text: String,
}

/// One log as far as it was followed.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// The counter; zero until it is known.
    pub pts: i32,
    /// The messages, by id.
    pub lines: BTreeMap<i32, Line>,
    /// What was deleted: what is read late must not bring it back.
    gone: BTreeSet<i32>,
    /// Updates that came before their turn.
    early: Vec<Change>,
    /// A difference was asked for; what comes meanwhile waits.
    pub asking: bool,
}

/// An update that counts: how far it leads, by how much, and what it does.
#[derive(Debug, Clone)]
pub struct Change {
    pts: i32,
    count: i32,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Shows(i32, Line),
    Deletes(Vec<i32>),
    ReadInbox(Place, i32),
    ReadOutbox(Place, i32),
    Nothing,
}

/// All that a device knows.
#[derive(Debug, Clone, Default)]
pub struct Replica {
    /// The account's log.
    pub account: Followed,
    /// The channels'.
    pub channels: BTreeMap<i64, Followed>,
    /// The date of the last state.
    pub date: i32,
    /// Up to where the viewer has read, by conversation.
    pub read_inbox: BTreeMap<Place, i32>,
    /// Up to where others have read what the viewer wrote.
    pub read_outbox: BTreeMap<Place, i32>,
}

/// What a device must ask for after it has taken something in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// There is a gap; it may still be filled by what is on its way.
    Gap(Log),
    /// The difference, at once.
    Difference(Log),
}

/// The conversation of a message.
#[must_use]
pub fn place(peer: &enums::Peer) -> Place {
    match peer {
        enums::Peer::PeerUser(p) => Place::Private(p.user_id),
        enums::Peer::PeerChat(p) => Place::Group(p.chat_id),
        enums::Peer::PeerChannel(p) => Place::Channel(p.channel_id),
    }
}

impl Line {
    /// A text as it is shown. What the server writes itself (login codes) is nobody's message.
    fn of(place: Place, text: &str) -> Self {
        let text = if place == Place::Private(SERVICE) { "*" } else { text };
        Self { place, text: text.to_owned() }
    }
}

fn line(message: &enums::Message) -> Option<(i32, Line)> {
    match message {
        enums::Message::Message(m) => Some((m.id, Line::of(place(&m.peer_id), &m.message))),
        enums::Message::MessageService(m) => {
            Some((m.id, Line { place: place(&m.peer_id), text: "*".to_owned() }))
        }
        enums::Message::MessageEmpty(_) => None,
    }
}

/// The id of a message that is one.
#[must_use]
pub fn message_id(message: &enums::Message) -> Option<i32> {
    line(message).map(|(id, _)| id)
}

/// An update as a change of a log, if it counts in one.
fn change(update: &enums::Update) -> Option<(Log, Change)> {
    let shows = |message: &enums::Message, pts, count| {
        let (id, line) = line(message)?;
        let log = match line.place {
            Place::Channel(channel) => Log::Channel(channel),
            _ => Log::Account,
        };
        Some((log, Change { pts, count, what: What::Shows(id, line) }))
    };
    let account = |pts, count, what| Some((Log::Account, Change { pts, count, what }));
    match update {
        enums::Update::UpdateNewMessage(u) => shows(&u.message, u.pts, u.pts_count),
        enums::Update::UpdateEditMessage(u) => shows(&u.message, u.pts, u.pts_count),
        enums::Update::UpdateNewChannelMessage(u) => shows(&u.message, u.pts, u.pts_count),
        enums::Update::UpdateEditChannelMessage(u) => shows(&u.message, u.pts, u.pts_count),
        enums::Update::UpdateDeleteMessages(u) => {
            account(u.pts, u.pts_count, What::Deletes(u.messages.clone()))
        }
        enums::Update::UpdateReadHistoryInbox(u) => {
            account(u.pts, u.pts_count, What::ReadInbox(place(&u.peer), u.max_id))
        }
        enums::Update::UpdateReadHistoryOutbox(u) => {
            account(u.pts, u.pts_count, What::ReadOutbox(place(&u.peer), u.max_id))
        }
        enums::Update::UpdateDeleteChannelMessages(u) => Some((
            Log::Channel(u.channel_id),
            Change { pts: u.pts, count: u.pts_count, what: What::Deletes(u.messages.clone()) },
        )),
        _ => None,
    }
}

impl Followed {
    /// A message that was read by itself, not told of: it may be older than what is known.
    fn read(&mut self, message: &enums::Message) {
        if let Some((id, line)) = line(message)
            && !self.gone.contains(&id)
        {
            self.lines.entry(id).or_insert(line);
        }
    }

    fn delete(&mut self, ids: &[i32]) {
        for id in ids {
            self.lines.remove(id);
            self.gone.insert(*id);
        }
    }

    /// Applies what has its turn of what came early; whether a gap is left.
    fn settle(&mut self, done: &mut Vec<What>) -> bool {
        if self.asking || self.pts == 0 {
            return false;
        }
        self.early.sort_by_key(|change| change.pts);
        let mut left = Vec::new();
        for change in std::mem::take(&mut self.early) {
            if change.pts - change.count == self.pts {
                self.pts = change.pts;
                done.push(change.what);
            } else if change.pts > self.pts {
                left.push(change);
            }
        }
        self.early = left;
        !self.early.is_empty()
    }
}

impl Replica {
    /// One log.
    pub fn log(&mut self, log: Log) -> &mut Followed {
        match log {
            Log::Account => &mut self.account,
            Log::Channel(id) => self.channels.entry(id).or_default(),
        }
    }

    fn perform(&mut self, log: Log, done: Vec<What>) {
        for what in done {
            match what {
                What::Shows(id, line) => {
                    let followed = self.log(log);
                    if !followed.gone.contains(&id) {
                        followed.lines.insert(id, line);
                    }
                }
                What::Deletes(ids) => self.log(log).delete(&ids),
                What::ReadInbox(place, id) => self.note_read(place, id),
                What::ReadOutbox(place, id) => {
                    let read = self.read_outbox.entry(place).or_default();
                    *read = id.max(*read);
                }
                What::Nothing => {}
            }
        }
    }

    /// The viewer has read up to here.
    pub fn note_read(&mut self, place: Place, id: i32) {
        let read = self.read_inbox.entry(place).or_default();
        *read = id.max(*read);
    }

    /// Looks whether what came early has its turn.
    pub fn settle(&mut self, log: Log) -> Option<Need> {
        let mut done = Vec::new();
        let gap = self.log(log).settle(&mut done);
        self.perform(log, done);
        gap.then_some(Need::Gap(log))
    }

    fn offer(&mut self, log: Log, change: Change, needs: &mut Vec<Need>) {
        if let Log::Channel(id) = log
            && !self.channels.contains_key(&id)
        {
            return;
        }
        self.log(log).early.push(change);
        needs.extend(self.settle(log));
    }

    /// What a call of this device did to a log, by `messages.affectedMessages`.
    pub fn affected(&mut self, log: Log, pts: i32, count: i32) -> Vec<Need> {
        let mut needs = Vec::new();
        if count > 0 {
            self.offer(log, Change { pts, count, what: What::Nothing }, &mut needs);
        }
        needs
    }

    /// The messages `ids` of `log` were deleted by this device.
    pub fn deleted(&mut self, log: Log, ids: &[i32]) {
        self.log(log).delete(ids);
    }

    fn take_one(&mut self, update: &enums::Update, needs: &mut Vec<Need>) {
        if let Some((log, change)) = change(update) {
            return self.offer(log, change, needs);
        }
        match update {
            enums::Update::UpdateChannelTooLong(u)
                if self.channels.get(&u.channel_id).is_some_and(|c| u.pts.is_none_or(|pts| pts > c.pts)) =>
            {
                needs.push(Need::Difference(Log::Channel(u.channel_id)));
            }
            enums::Update::UpdateReadChannelInbox(u) => {
                self.note_read(Place::Channel(u.channel_id), u.max_id);
            }
            _ => {}
        }
    }

    /// Updates that were pushed, or that answered a call.
    pub fn take(&mut self, updates: &enums::Updates) -> Vec<Need> {
        let mut needs = Vec::new();
        match updates {
            enums::Updates::UpdatesTooLong => needs.push(Need::Difference(Log::Account)),
            enums::Updates::UpdateShort(short) => self.take_one(&short.update, &mut needs),
            enums::Updates::Updates(all) => {
                all.updates.iter().for_each(|update| self.take_one(update, &mut needs));
            }
            enums::Updates::UpdateShortMessage(m) => {
                let line = Line::of(Place::Private(m.user_id), &m.message);
                let what = What::Shows(m.id, line);
                self.offer(Log::Account, Change { pts: m.pts, count: m.pts_count, what }, &mut needs);
            }
            other => panic!("updates of a kind that this server does not make: {other:?}"),
        }
        needs
    }

    /// The answer to a message that this device sent to `place`.
    pub fn sent(&mut self, updates: &enums::Updates, place: Place, text: &str) -> Vec<Need> {
        let enums::Updates::UpdateShortSentMessage(sent) = updates else { return self.take(updates) };
        let mut needs = Vec::new();
        let what = What::Shows(sent.id, Line::of(place, text));
        self.offer(Log::Account, Change { pts: sent.pts, count: sent.pts_count, what }, &mut needs);
        needs
    }

    /// Where a log stands, told by itself; a log that is followed already stays where it is.
    pub fn begin(&mut self, log: Log, pts: i32) -> Option<Need> {
        let followed = self.log(log);
        if followed.pts == 0 {
            followed.pts = pts;
        }
        self.settle(log)
    }

    /// Messages of a history.
    pub fn read(&mut self, messages: &[enums::Message]) {
        for message in messages {
            let log = match line(message) {
                Some((_, Line { place: Place::Channel(id), .. })) => Log::Channel(id),
                _ => Log::Account,
            };
            self.log(log).read(message);
        }
    }

    /// A piece of a difference: what is new, what else happened, and where it leads.
    ///
    /// # Errors
    /// If the counts do not add up: something was left out.
    pub fn difference(
        &mut self,
        log: Log,
        new: &[enums::Message],
        other: &[enums::Update],
        to: i32,
    ) -> Result<Vec<Need>, String> {
        let from = self.log(log).pts;
        let mut counted = i32::try_from(new.len()).unwrap_or(i32::MAX);
        let mut done: Vec<What> =
            new.iter().filter_map(line).map(|(id, line)| What::Shows(id, line)).collect();
        let mut needs = Vec::new();
        for update in other {
            match change(update) {
                Some((of, change)) if of == log => {
                    if change.pts <= from || change.pts > to {
                        return Err(format!("{log:?}: {} is not between {from} and {to}", change.pts));
                    }
                    counted += change.count;
                    done.push(change.what);
                }
                _ => self.take_one(update, &mut needs),
            }
        }
        if counted != to - from {
            return Err(format!("{log:?}: a difference from {from} to {to} tells of {counted}"));
        }
        self.log(log).pts = to;
        self.perform(log, done);
        Ok(needs)
    }

    /// The account's state after a difference.
    pub fn dated(&mut self, state: &types::updates::State) {
        self.date = state.date;
    }
}

/// The logs that updates count in, and how far each of them leads.
#[must_use]
pub fn counted(updates: &enums::Updates) -> Vec<(Log, i32)> {
    match updates {
        enums::Updates::Updates(all) => {
            all.updates.iter().filter_map(change).map(|(log, change)| (log, change.pts)).collect()
        }
        enums::Updates::UpdateShortMessage(message) => vec![(Log::Account, message.pts)],
        _ => Vec::new(),
    }
}
