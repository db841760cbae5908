//! Where the messages of one conversation stand: in a person's box, or in a channel.
//!
//! Everything that pages through messages (history, search, counting what is unread) reads a shelf and does not ask which kind.

use store::{Order, Tx};
use tl::stored;

use crate::channels;
use crate::dialogs;
use crate::error::Done;
use crate::history::History;
use crate::ids::{ChannelId, Peer, UserId};
use crate::limits;
use crate::tables::{BOXES, POSTS};

/// The messages of one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// Of this person with this peer, in the person's own box.
    Box(UserId, Peer),
    /// Of this channel, the same for everybody.
    Channel(ChannelId),
}

impl Shelf {
    /// The shelf on which `me` finds the conversation with `peer`.
    #[must_use]
    pub const fn of(me: UserId, peer: Peer) -> Self {
        match peer {
            Peer::Channel(channel) => Self::Channel(channel),
            Peer::User(_) | Peer::Chat(_) => Self::Box(me, peer),
        }
    }

    /// Messages with ids below `below`, newest first.
    pub fn older(&self, tx: &Tx<'_>, below: i32, limit: usize) -> Done<Vec<stored::Message>> {
        match *self {
            Self::Box(me, peer) => {
                let dialog = dialogs::find(tx, me, peer)?.unwrap_or_default();
                let ids = History { owner: me, peer, dialog: &dialog }.older(tx, below, limit)?;
                Self::boxed(tx, me, &ids)
            }
            Self::Channel(channel) => {
                let bounds = POSTS.of(channel).before(&(channel, below));
                Ok(tx
                    .scan(&POSTS, bounds, Order::Backward, limit)?
                    .into_iter()
                    .map(|(_, post)| post)
                    .collect())
            }
        }
    }

    /// Messages with ids from `from` on, oldest first.
    pub fn newer(&self, tx: &Tx<'_>, from: i32, limit: usize) -> Done<Vec<stored::Message>> {
        match *self {
            Self::Box(me, peer) => {
                let dialog = dialogs::find(tx, me, peer)?.unwrap_or_default();
                let ids = History { owner: me, peer, dialog: &dialog }.newer(tx, from, limit)?;
                Self::boxed(tx, me, &ids)
            }
            Self::Channel(channel) => {
                let bounds = POSTS.of(channel).from(&(channel, from));
                Ok(tx
                    .scan(&POSTS, bounds, Order::Forward, limit)?
                    .into_iter()
                    .map(|(_, post)| post)
                    .collect())
            }
        }
    }

    fn boxed(tx: &Tx<'_>, me: UserId, ids: &[i32]) -> Done<Vec<stored::Message>> {
        let keys: Vec<_> = ids.iter().map(|id| (me, *id)).collect();
        Ok(tx.get_many(&BOXES, &keys)?.into_iter().flatten().collect())
    }

    /// One message, if it is on this shelf.
    pub fn one(&self, tx: &Tx<'_>, id: i32) -> Done<Option<stored::Message>> {
        Ok(match *self {
            Self::Box(me, peer) => tx.get(&BOXES, &(me, id))?.filter(|m| Peer::from(&m.peer) == peer),
            Self::Channel(channel) => tx.get(&POSTS, &(channel, id))?,
        })
    }

    /// How many messages stand here.
    pub fn count(&self, tx: &Tx<'_>) -> Done<i32> {
        Ok(match *self {
            Self::Box(me, peer) => dialogs::find(tx, me, peer)?.map_or(0, |dialog| dialog.messages),
            Self::Channel(channel) => channels::head(tx, channel)?.messages,
        })
    }

    /// How many messages above `read` came from others than `me`.
    pub fn unread(&self, tx: &Tx<'_>, me: UserId, read: i32) -> Done<i32> {
        let mut unread = 0;
        let mut from = read.saturating_add(1);
        let mut looked = 0;
        while looked < limits::UNREAD_SCAN_MAX {
            let messages = self.newer(tx, from, limits::PAGE_MAX)?;
            let Some(last) = messages.last() else { break };
            from = last.id.saturating_add(1);
            looked += messages.len();
            unread += messages.iter().filter(|m| is_incoming(m, me)).count();
        }
        Ok(i32::try_from(unread).unwrap_or(i32::MAX))
    }

    /// The id from which on messages are not older than `date`; `i32::MAX` if all are older.
    ///
    /// Ids and dates rise together on a shelf, so this is a search by halves.
    pub fn first_since(&self, tx: &Tx<'_>, date: i32) -> Done<i32> {
        let (mut low, mut high) =
            (1, self.older(tx, i32::MAX, 1)?.first().map_or(1, |m| m.id.saturating_add(1)));
        let end = high;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.newer(tx, middle, 1)?.first() {
                Some(m) if m.date < date => low = m.id.saturating_add(1),
                _ => high = middle,
            }
        }
        Ok(if low >= end { i32::MAX } else { low })
    }

    /// A page of the conversation, newest first.
    pub fn page(&self, tx: &Tx<'_>, page: Page) -> Done<Vec<stored::Message>> {
        let limit = page.limit.min(limits::PAGE_MAX);
        let start = match (page.offset_id, page.offset_date) {
            (0, 0) => i32::MAX,
            (0, date) => self.first_since(tx, date)?,
            (id, _) => id,
        };
        let mut messages = Vec::with_capacity(limit);
        let mut skip = 0;
        if page.add_offset < 0 {
            let wanted =
                usize::try_from(page.add_offset.unsigned_abs()).unwrap_or(usize::MAX).min(limits::PAGE_MAX);
            if start != i32::MAX {
                messages = self.newer(tx, start, wanted)?;
                messages.reverse();
                messages.truncate(limit);
            }
        } else {
            // Skipping reads what it skips.
            skip = usize::try_from(page.add_offset).unwrap_or(0).min(limits::SEARCH_SCAN_MAX);
        }
        let missing = limit.saturating_sub(messages.len());
        let mut below = start;
        while skip > 0 && missing > 0 {
            let skipped = self.older(tx, below, skip.min(limits::PAGE_MAX))?;
            let Some(last) = skipped.last() else { return Ok(Vec::new()) };
            below = last.id;
            skip -= skipped.len();
        }
        if missing > 0 {
            messages.extend(self.older(tx, below, missing)?);
        }
        messages.retain(|m| (page.max_id == 0 || m.id < page.max_id) && m.id > page.min_id);
        Ok(messages)
    }

    /// Looks for messages that `wanted` likes, newest first, below `page.offset_id`; gives at most `page.limit` of them,
    /// and how many there are as far as the search went: until it has spent `budget`, the messages that the whole call may
    /// still look at.
    pub fn search(
        &self,
        tx: &Tx<'_>,
        page: Page,
        budget: &mut usize,
        mut wanted: impl FnMut(&stored::Message) -> bool,
    ) -> Done<(Vec<stored::Message>, usize)> {
        let limit = page.limit.min(limits::PAGE_MAX);
        let start = if page.offset_id == 0 { i32::MAX } else { page.offset_id };
        let (mut found, mut count) = (Vec::new(), 0);
        let mut skip = usize::try_from(page.add_offset).unwrap_or(0);
        let mut below = i32::MAX;
        while *budget > 0 {
            let messages = self.older(tx, below, limits::PAGE_MAX)?;
            let Some(last) = messages.last() else { break };
            below = last.id;
            *budget = budget.saturating_sub(messages.len());
            for message in messages.into_iter().filter(|m| wanted(m)) {
                count += 1;
                let inside = message.id < start
                    && (page.max_id == 0 || message.id < page.max_id)
                    && message.id > page.min_id;
                if inside && skip > 0 {
                    skip -= 1;
                } else if inside && found.len() < limit {
                    found.push(message);
                }
            }
        }
        Ok((found, count))
    }
}

/// Whether `me` did not write this message.
#[must_use]
pub fn is_incoming(message: &stored::Message, me: UserId) -> bool {
    match &message.from_id {
        _ if message.post => message.origin_user != Some(me.0),
        Some(from) => Peer::from(from) != Peer::User(me),
        None => !message.out,
    }
}

/// Which part of a conversation (<https://core.telegram.org/api/offsets>).
#[derive(Debug, Clone, Copy, Default)]
pub struct Page {
    /// Start below this id; zero for the newest.
    pub offset_id: i32,
    /// Start below the first message of this date, if no id is given.
    pub offset_date: i32,
    /// Skip so many older ones; if negative, start so many newer ones above.
    pub add_offset: i32,
    /// At most so many.
    pub limit: usize,
    /// Only ids below this, unless zero.
    pub max_id: i32,
    /// Only ids above this.
    pub min_id: i32,
}
