//! People: their boxes, conversations, logs, contacts and logins.

use std::collections::{HashMap, HashSet};

use store::{Fault, Present};
use tl::stored;

use super::{Rule, Walk};
use crate::history::{self, History};
use crate::ids::{FileId, Global, KeyId, Peer, SERVICE, UserId};
use crate::tables::{
    BOXES, CHANNEL_HEADS, CONTACTS, COPIES, DIALOGS, GUEST_COUNT, GUESTS, HEADS, KEYS, KNOWN_BY, LOGINS,
    MEMBERS, PHONES, POSTS, PROFILE_PHOTOS, USERNAME_STARTS, USERNAMES, USERS,
};
use crate::{channels, limits, shelf, users};
use store::Name;

/// What a person's rows say, as far as they are read.
pub(super) struct Person {
    id: UserId,
    head: Option<stored::UserHead>,
    /// Where the log has come.
    pts: Option<i32>,
    /// The last page of it.
    paged: Option<(i32, i32)>,
    dialogs: HashMap<Peer, stored::Dialog>,
    piles: HashMap<Peer, Pile>,
    sent: HashSet<(Peer, i32)>,
}

/// The messages of one conversation.
#[derive(Default)]
struct Pile {
    messages: i32,
    read: i32,
    unread: i32,
    top: i32,
    top_date: i32,
}

impl Walk<'_, '_> {
    /// The person whose rows are being read.
    fn of(&mut self, id: UserId) -> Result<&mut Person, Fault> {
        let begun = match self.person.take() {
            Some(person) if person.id == id => person,
            _ => {
                let there = self.tx.has(&USERS, &id)?;
                self.check(there, Rule::Id, id, "has rows and is nobody");
                let head = self.get(&HEADS, &id)?;
                let (dialogs, piles) = (HashMap::new(), HashMap::new());
                Person { id, head, pts: None, paged: None, dialogs, piles, sent: HashSet::new() }
            }
        };
        Ok(self.person.insert(begun))
    }

    /// The next message id of the person whose rows are being read; zero without a head.
    fn next_msg_id(&mut self, id: UserId) -> Result<i32, Fault> {
        Ok(self.of(id)?.head.as_ref().map_or(0, |head| head.next_msg_id))
    }

    pub(super) fn user(&mut self, id: UserId, row: stored::User) -> Result<(), Fault> {
        self.of(id)?;
        self.check(row.id == id.0, Rule::Id, id, format_args!("calls itself {}", row.id));
        self.ids.user = self.ids.user.max(id.0);
        if let Some(phone) = &row.phone {
            let owner = self.get(&PHONES, &(Name::of(phone), phone.clone()))?;
            let back = owner.is_some_and(|owner| owner.id == id.0);
            self.check(back, Rule::Name, id, "is not found by their phone number");
        }
        self.has_username(Peer::User(id), row.username.as_deref())?;
        if let Some(photo) = row.photo_id {
            let there = self.tx.has(&PROFILE_PHOTOS, &(id, FileId(photo)))?;
            self.check(
                there,
                Rule::File,
                id,
                format_args!("shows photo {photo}, which is not on the profile"),
            );
        }
        Ok(())
    }

    /// Whether a peer's username leads back to it.
    pub(super) fn has_username(&mut self, peer: Peer, username: Option<&str>) -> Result<(), Fault> {
        let Some(folded) = username.map(str::to_lowercase) else { return Ok(()) };
        let started = self.get(&USERNAME_STARTS, &users::start_key(&folded))?;
        let found = self.get(&USERNAMES, &(Name::of(&folded), folded))?;
        for (row, how) in [(found, "by its username"), (started, "by the start of its username")] {
            let back = row.is_some_and(|row| Peer::from(&row.peer) == peer);
            self.check(back, Rule::Name, peer, format_args!("is not found {how}"));
        }
        Ok(())
    }

    pub(super) fn head(&mut self, id: UserId, row: stored::UserHead) -> Result<(), Fault> {
        self.of(id)?;
        let sound = row.log_floor >= 1 && row.log_floor <= row.pts && row.next_msg_id >= 1;
        self.check(sound, Rule::Log, id, "has a head that cannot be");
        Ok(())
    }

    pub(super) fn message(&mut self, key: (UserId, i32), row: stored::Message) -> Result<(), Fault> {
        let (me, id) = key;
        let place = ("message", me, id);
        let next = self.next_msg_id(me)?;
        self.check(id >= 1 && id < next, Rule::Box, place, format_args!("is beyond the next id, {next}"));
        self.check(row.id == id, Rule::Box, place, format_args!("calls itself {}", row.id));
        let peer = Peer::from(&row.peer);
        let dialog = self.get(&DIALOGS, &(me, peer))?.unwrap_or_default();
        let listed = History { owner: me, peer, dialog: &dialog }.has(self.tx, id)?;
        self.check(listed, Rule::Box, place, format_args!("is not in the history of {peer:?}"));
        self.shows(&row);
        if let (Some(author), Some(origin)) = (row.origin_user.map(UserId), row.origin_id)
            && author != me
        {
            let copy = self.get(&COPIES, &(me, author, origin))?;
            let back = copy.is_some_and(|copy| copy.next == i64::from(id));
            self.check(back, Rule::Box, place, "is not found by its author's id");
        }
        if let (Peer::User(other), Some(twin)) = (peer, row.twin)
            && let Some(theirs) = self.get(&BOXES, &(other, twin))?
        {
            let back = theirs.twin == Some(id) && Peer::from(&theirs.peer) == Peer::User(me);
            self.check(
                back,
                Rule::Box,
                place,
                format_args!("has a twin, {other:?} {twin}, that does not know it"),
            );
        }
        let read = dialog.read_inbox_max;
        let fresh = || Pile { read, ..Pile::default() };
        let pile = self.of(me)?.piles.entry(peer).or_insert_with(fresh);
        pile.messages += 1;
        (pile.top, pile.top_date) = (id, row.date);
        pile.unread += i32::from(id > pile.read && shelf::is_incoming(&row, me));
        Ok(())
    }

    pub(super) fn history(&mut self, key: (UserId, Peer, i32), row: stored::IdBlock) -> Result<(), Fault> {
        let (me, peer, block) = key;
        self.of(me)?;
        let place = ("history", me, peer, block);
        self.check(row.ids != 0, Rule::Box, place, "is a block without a message");
        let newest = self.get(&DIALOGS, &(me, peer))?.map_or(0, |dialog| dialog.block);
        self.check(block < newest, Rule::Box, place, format_args!("is not below the newest block, {newest}"));
        self.lead_to_messages(me, peer, block, row.ids)
    }

    /// Whether the messages of a block of a conversation's history are there.
    fn lead_to_messages(&mut self, me: UserId, peer: Peer, block: i32, ids: i64) -> Result<(), Fault> {
        for id in history::ids_in(block, ids) {
            let message = self.get(&BOXES, &(me, id))?;
            let there = message.is_some_and(|message| Peer::from(&message.peer) == peer);
            self.check(
                there,
                Rule::Box,
                ("history", me, peer, id),
                "leads to no message of this conversation",
            );
        }
        Ok(())
    }

    pub(super) fn copy(&mut self, key: (UserId, UserId, i32), row: stored::Counter) -> Result<(), Fault> {
        let (me, author, origin) = key;
        self.of(me)?;
        let id = i32::try_from(row.next).unwrap_or(0);
        let message = self.get(&BOXES, &(me, id))?;
        let there = message.is_some_and(|m| m.origin_user == Some(author.0) && m.origin_id == Some(origin));
        self.check(
            there,
            Rule::Box,
            ("copy", me, author, origin),
            format_args!("leads to {id}, which is no copy of it"),
        );
        Ok(())
    }

    pub(super) fn dialog(&mut self, key: (UserId, Peer), row: stored::Dialog) -> Result<(), Fault> {
        let (me, peer) = key;
        let place = ("dialog", me, peer);
        if let Peer::Channel(channel) = peer {
            let there = channels::is_in(self.get(&MEMBERS, &(channel, me))?.as_ref());
            self.check(row.member == there, Rule::Group, place, "differs from the list of members");
            let next = self.get(&CHANNEL_HEADS, &channel)?.map_or(1, |head| head.next_msg_id);
            let read = row.read_inbox_max < next && row.read_outbox_max < next && row.available_min < next;
            self.check(read, Rule::Dialog, place, "is read beyond its end");
        } else {
            let next = self.next_msg_id(me)?;
            let read = row.read_inbox_max < next.max(1) && row.read_outbox_max < next.max(1);
            self.check(read, Rule::Dialog, place, "is read beyond the end of the box");
            self.lead_to_messages(me, peer, row.block, row.ids)?;
        }
        self.of(me)?.dialogs.insert(peer, row);
        Ok(())
    }

    pub(super) fn pinned(&mut self, me: UserId, row: stored::Pinned) -> Result<(), Fault> {
        self.of(me)?;
        let peers: Vec<Peer> = row.peers.iter().map(Peer::from).collect();
        let once = peers.iter().collect::<HashSet<_>>().len() == peers.len();
        self.check(once, Rule::Dialog, ("pinned", me), "names a conversation twice");
        Ok(())
    }

    pub(super) fn log_page(&mut self, key: (UserId, i32, i32), page: stored::LogPage) -> Result<(), Fault> {
        let (me, pts, aside) = key;
        let place = ("log page", me, pts, aside);
        let ends = page.entries.last().is_some_and(|last| (last.pts, last.aside) == (pts, aside));
        self.check(ends, Rule::Log, place, "does not end where its key says");
        self.of(me)?.paged = Some((pts, aside));
        page.entries.iter().try_for_each(|entry| self.logged(me, entry))
    }

    fn logged(&mut self, me: UserId, entry: &stored::LogEntry) -> Result<(), Fault> {
        let stored::LogEntry { pts, aside, logged: row } = entry;
        let (pts, aside) = (*pts, *aside);
        let place = ("log", me, pts, aside);
        let person = self.of(me)?;
        let (floor, head_pts, head_aside, next) =
            person.head.as_ref().map_or((1, 1, 0, 1), |h| (h.log_floor, h.pts, h.aside, h.next_msg_id));
        let before = person.pts.unwrap_or(floor);
        if aside == 0 {
            person.pts = Some(pts);
            let follows = row.pts_count >= 1 && pts.checked_sub(row.pts_count) == Some(before);
            self.check(follows, Rule::Log, place, format_args!("counts {} from {before}", row.pts_count));
        } else {
            let follows = row.pts_count == 0 && pts == before && aside <= head_aside;
            self.check(follows, Rule::Log, place, format_args!("is an aside to {before}"));
        }
        self.check(pts <= head_pts, Rule::Log, place, format_args!("is beyond the head, {head_pts}"));
        self.check(
            newest_id(&row.change).is_none_or(|id| id < next),
            Rule::Log,
            place,
            "tells of a message that never was",
        );
        Ok(())
    }

    pub(super) fn sent(
        &mut self,
        key: (UserId, u16, KeyId, Peer, i64),
        row: stored::Sent,
    ) -> Result<(), Fault> {
        let (me, span, origin, peer, random_id) = key;
        let place = ("sent", me, span, origin, peer, random_id);
        // A channel is one place for everybody, a box is one for all of its conversations.
        let (next, pts, shelf) = match peer {
            Peer::Channel(channel) => {
                let head = self.get(&CHANNEL_HEADS, &channel)?.unwrap_or_default();
                let post = self.get(&POSTS, &(channel, row.msg_id))?;
                let mine = post.is_none_or(|post| post.origin_user == Some(me.0));
                self.check(
                    mine,
                    Rule::Sent,
                    place,
                    format_args!("leads to somebody else's post {}", row.msg_id),
                );
                (head.next_msg_id, head.pts, peer)
            }
            Peer::User(_) | Peer::Chat(_) => {
                let head = self.of(me)?.head.clone().unwrap_or_default();
                let message = self.get(&BOXES, &(me, row.msg_id))?;
                let mine = message.is_none_or(|m| Peer::from(&m.peer) == peer && !shelf::is_incoming(&m, me));
                self.check(mine, Rule::Sent, place, format_args!("leads to another message, {}", row.msg_id));
                (head.next_msg_id, head.pts, Peer::User(me))
            }
        };
        let was = row.msg_id >= 1 && row.msg_id < next && row.pts <= pts;
        self.check(was, Rule::Sent, place, format_args!("leads to message {}, which never was", row.msg_id));
        let once = self.of(me)?.sent.insert((shelf, row.msg_id));
        self.check(once, Rule::Sent, place, format_args!("leads to {}, as another one does", row.msg_id));
        Ok(())
    }

    pub(super) fn contact(&mut self, key: (UserId, UserId), _: stored::Contact) -> Result<(), Fault> {
        let (me, other) = key;
        self.of(me)?;
        let known = self.tx.has(&KNOWN_BY, &(other, me))?;
        self.check(known, Rule::Contact, ("contact", me, other), "does not know who has them");
        Ok(())
    }

    pub(super) fn known_by(&mut self, key: (UserId, UserId), _: stored::Date) -> Result<(), Fault> {
        let (me, other) = key;
        self.of(me)?;
        let known = self.tx.has(&CONTACTS, &(other, me))?;
        self.check(known, Rule::Contact, ("known by", me, other), "does not have them");
        Ok(())
    }

    pub(super) fn login(&mut self, key: (UserId, KeyId), _: stored::Date) -> Result<(), Fault> {
        let (me, at) = key;
        self.of(me)?;
        let back = self.get(&KEYS, &at)?.is_some_and(|row| row.user_id == Some(me.0));
        self.check(back, Rule::Login, ("login", me, at), "is not what the key says");
        Ok(())
    }

    pub(super) fn key(&mut self, id: KeyId, row: stored::AuthKey) -> Result<(), Fault> {
        self.check(row.id == id.0, Rule::Login, id, format_args!("calls itself {}", row.id));
        self.check(row.key.len() == 192, Rule::Login, id, "is not of the right length");
        if let Some(user) = row.user_id.map(UserId) {
            let there =
                user != SERVICE && self.tx.has(&USERS, &user)? && self.tx.has(&LOGINS, &(user, id))?;
            self.check(
                there,
                Rule::Login,
                id,
                format_args!("is logged in as {user:?}, who does not know it"),
            );
        } else {
            let listed = self.tx.has(&GUESTS, &(Global, row.last_active, id))?;
            self.check(listed, Rule::Guest, id, "is a guest's and not in the list of them");
        }
        Ok(())
    }

    pub(super) fn guest(&mut self, key: (Global, i32, KeyId), _: Present) -> Result<(), Fault> {
        let (_, last, id) = key;
        self.guests += 1;
        let row = self.get(&KEYS, &id)?;
        let good = row.is_some_and(|row| row.user_id.is_none() && row.last_active == last);
        self.check(good, Rule::Guest, ("guest", id), format_args!("is no guest's key, last used at {last}"));
        Ok(())
    }

    pub(super) fn end_of_guests(&mut self) -> Result<(), Fault> {
        let counted = self.get(&GUEST_COUNT, &Global)?.map_or(0, |row| row.next);
        let all = self.guests;
        let good = u64::try_from(counted) == Ok(all);
        self.check(good, Rule::Guest, "count of guests", format_args!("is {counted}, {all} are listed"));
        Ok(())
    }

    pub(super) fn end_of_person(&mut self, person: Person) -> Result<(), Fault> {
        let id = person.id;
        // What stands in the head is behind all pages.
        let tail = person.head.as_ref().map_or_else(Vec::new, |head| head.tail.clone());
        self.person = Some(person);
        tail.iter().try_for_each(|entry| self.logged(id, entry))?;
        let Some(Person { head, pts, paged, dialogs, mut piles, .. }) = self.person.take() else {
            return Ok(());
        };
        if let Some(head) = head {
            let last = (head.paged_pts, head.paged_aside);
            let knows = paged.map_or(head.paged_pts <= head.log_floor, |paged| paged == last);
            self.check(knows, Rule::Log, ("log", id), "has another last page than its head says");
            let end = pts.unwrap_or(head.log_floor);
            let ends = end == head.pts;
            self.check(ends, Rule::Log, ("log", id), format_args!("ends at {end}, its head at {}", head.pts));
        }
        for (peer, dialog) in dialogs {
            if matches!(peer, Peer::Channel(_)) {
                continue;
            }
            let pile = piles.remove(&peer).unwrap_or_default();
            let place = ("dialog", id, peer);
            let counted = dialog.messages == pile.messages;
            self.check(
                counted,
                Rule::Dialog,
                place,
                format_args!("counts {} messages and has {}", dialog.messages, pile.messages),
            );
            let top = dialog.top_message == pile.top && (pile.top == 0 || dialog.top_date == pile.top_date);
            self.check(
                top,
                Rule::Dialog,
                place,
                format_args!("has {} on top and not {}", dialog.top_message, pile.top),
            );
            // Of very many the count is no more than an estimate.
            let many = usize::try_from(pile.messages).unwrap_or(0) > limits::UNREAD_SCAN_MAX;
            self.check(
                many || dialog.unread_count == pile.unread,
                Rule::Dialog,
                place,
                format_args!("counts {} unread and has {}", dialog.unread_count, pile.unread),
            );
        }
        for peer in piles.into_keys() {
            self.wrong(
                Rule::Dialog,
                format_args!("{:?}", ("dialog", id, peer)),
                "is not there, its messages are",
            );
        }
        Ok(())
    }
}

/// The newest message that a change tells of.
pub(super) fn newest_id(change: &stored::enums::Change) -> Option<i32> {
    use stored::enums::Change;
    match change {
        Change::ChangeNew(change) => Some(change.id),
        Change::ChangeEdit(change) => Some(change.id),
        Change::ChangeDelete(change) => change.ids.iter().copied().max(),
        _ => None,
    }
}
