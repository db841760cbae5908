//! What was said to the client and must be acknowledged: kept until it is, or until it is of no use any more.
//!
//! A message gets its msg_id and seq_no when it is first sent, not when it is made: one that waited for a client to come
//! back is then no older than the connection it travels on (some clients discard such ids).

use std::collections::VecDeque;

use bytes::Bytes;
use env::Time;

use super::PathId;
use super::limits::{OUTBOX_BYTES_MAX, OUTBOX_MESSAGES_MAX, OUTBOX_REMEMBERED};
use crate::ids::MsgId;

/// What kind of message is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The answer to a query; `body` is what `rpc_result` carries.
    Answer {
        /// The query.
        to: MsgId,
    },
    /// An update.
    Push,
    /// `new_session_created`.
    NewSession,
}

/// How a message was sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Its name: the same each time.
    pub msg_id: MsgId,
    /// Its number: the same each time.
    pub seq_no: u32,
    /// The way it went last.
    pub path: PathId,
    /// When it went last.
    pub at: Time,
    /// How often it went again unasked.
    pub resends: u8,
}

/// A message that is kept.
#[derive(Debug)]
pub struct Kept {
    /// What it is.
    pub kind: Kind,
    /// Its body, without the head of an `rpc_result`.
    pub body: Bytes,
    /// When it was made, or first sent.
    pub since: Time,
    /// How it was sent, if it was.
    pub sent: Option<Sent>,
}

/// What was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenUp {
    /// What it was.
    pub kind: Kind,
    /// The way it went, if it was sent: the client may have it all the same.
    pub sent_over: Option<PathId>,
}

/// The messages that are kept: first those that were sent, ascending by msg_id, then those that wait.
#[derive(Debug, Default)]
pub struct Outbox {
    list: VecDeque<Kept>,
    /// How many at the front were sent.
    sent: usize,
    bytes: usize,
    /// How many were given up for want of room since that was last asked.
    pushed_out: u32,
}

impl Outbox {
    /// Adds a message that waits to be sent. What no longer fits is given up, the oldest first, and appended to `lost`.
    pub fn push(&mut self, kind: Kind, body: Bytes, now: Time, lost: &mut Vec<GivenUp>) {
        self.bytes += body.len();
        if self.list.capacity() == 0 {
            // Two places and not four at once: nearly every client has acknowledged all but the last one or two.
            self.list.reserve_exact(2);
        }
        self.list.push_back(Kept { kind, body, since: now, sent: None });
        while self.list.len() > OUTBOX_MESSAGES_MAX || (self.bytes > OUTBOX_BYTES_MAX && self.list.len() > 1)
        {
            lost.extend(self.give_up_oldest());
            self.pushed_out = self.pushed_out.saturating_add(1);
        }
    }

    /// How many were given up for want of room, and not for their age, since this was last asked.
    pub fn take_pushed_out(&mut self) -> u32 {
        std::mem::take(&mut self.pushed_out)
    }

    /// Gives up what is too old.
    pub fn expire(&mut self, now: Time, lost: &mut Vec<GivenUp>) {
        while self.list.front().is_some_and(|kept| now.since(kept.since) >= OUTBOX_REMEMBERED) {
            lost.extend(self.give_up_oldest());
        }
    }

    /// When [`Self::expire`] next has something to do.
    pub fn expires_at(&self) -> Option<Time> {
        self.list.front().map(|kept| kept.since + OUTBOX_REMEMBERED)
    }

    /// Removes the message `msg_id`: the client has it.
    pub fn remove(&mut self, msg_id: MsgId) -> Option<Kept> {
        let at = self.position(msg_id)?;
        self.take(at)
    }

    /// Removes the answer to `query`.
    pub fn remove_answer(&mut self, query: MsgId) -> Option<Kept> {
        let at = self.list.iter().position(|kept| kept.kind == Kind::Answer { to: query })?;
        self.take(at)
    }

    /// The message that was sent as `msg_id`.
    pub fn find(&self, msg_id: MsgId) -> Option<&Kept> {
        self.list.get(self.position(msg_id)?)
    }

    /// Notes that `msg_id` goes out again, and gives it.
    pub fn note_sent_again(&mut self, msg_id: MsgId, path: PathId, now: Time) -> Option<(&Kept, Sent)> {
        let at = self.position(msg_id)?;
        let kept = self.list.get_mut(at)?;
        let sent = kept.sent.as_mut()?;
        (sent.path, sent.at) = (path, now);
        let sent = *sent;
        Some((kept, sent))
    }

    /// The answer to `query`.
    pub fn answer(&self, query: MsgId) -> Option<&Kept> {
        self.list.iter().find(|kept| kept.kind == Kind::Answer { to: query })
    }

    /// The messages that were sent, ascending by msg_id.
    pub fn sent(&self) -> impl Iterator<Item = Sent> {
        self.list.iter().take(self.sent).filter_map(|kept| kept.sent)
    }

    /// The messages that were sent, to be sent again.
    pub fn sent_mut(&mut self) -> impl Iterator<Item = (Kind, &mut Sent)> {
        self.list.iter_mut().take(self.sent).filter_map(|kept| Some((kept.kind, kept.sent.as_mut()?)))
    }

    /// The first message that waits to be sent.
    pub fn waiting(&self) -> Option<&Kept> {
        self.list.get(self.sent)
    }

    /// How many messages wait to be sent.
    pub fn waiting_count(&self) -> usize {
        self.list.len() - self.sent
    }

    /// Notes that the first waiting message is being sent, under a name above all before.
    pub fn note_sent(&mut self, sent: Sent) {
        if let Some(kept) = self.list.get_mut(self.sent) {
            kept.since = sent.at;
            kept.sent = Some(sent);
            self.sent += 1;
        }
    }

    /// How many messages are kept.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Memory held, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.list.capacity() * size_of::<Kept>() + self.bytes
    }

    fn position(&self, msg_id: MsgId) -> Option<usize> {
        let at = self.list.partition_point(|kept| kept.sent.is_some_and(|sent| sent.msg_id < msg_id));
        (self.list.get(at)?.sent?.msg_id == msg_id).then_some(at)
    }

    fn take(&mut self, at: usize) -> Option<Kept> {
        let kept = self.list.remove(at)?;
        self.sent -= usize::from(kept.sent.is_some());
        self.bytes -= kept.body.len();
        if self.list.is_empty() {
            // A session that rests keeps no memory for what it will say.
            self.list = VecDeque::new();
        }
        Some(kept)
    }

    fn give_up_oldest(&mut self) -> Option<GivenUp> {
        let kept = self.take(0)?;
        Some(GivenUp { kind: kept.kind, sent_over: kept.sent.map(|sent| sent.path) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Time = Time::from_secs(1_700_000_000);

    fn sent(n: i64) -> Sent {
        Sent { msg_id: MsgId(n), seq_no: 1, path: PathId(1), at: NOW, resends: 0 }
    }

    fn outbox_of(count: usize, bytes_each: usize) -> (Outbox, Vec<GivenUp>) {
        let (mut outbox, mut lost) = (Outbox::default(), Vec::new());
        for _ in 0..count {
            outbox.push(Kind::Push, Bytes::from(vec![0; bytes_each]), NOW, &mut lost);
        }
        (outbox, lost)
    }

    #[test]
    fn what_is_sent_is_found_by_name_and_goes_when_acknowledged() {
        let (mut outbox, _) = outbox_of(3, 8);
        outbox.note_sent(sent(5));
        outbox.note_sent(sent(9));
        assert_eq!(outbox.sent().map(|s| s.msg_id.0).collect::<Vec<_>>(), [5, 9]);
        assert!(outbox.waiting().is_some());
        assert!(outbox.find(MsgId(7)).is_none());
        assert!(outbox.remove(MsgId(5)).is_some() && outbox.remove(MsgId(5)).is_none());
        outbox.note_sent(sent(11));
        assert!(outbox.waiting().is_none());
        assert!(outbox.note_sent_again(MsgId(11), PathId(2), NOW).is_some_and(|(_, s)| s.path == PathId(2)));
        assert_eq!(outbox.len(), 2);
    }

    #[test]
    fn there_is_a_bound_on_number_and_on_bytes() {
        let (outbox, lost) = outbox_of(OUTBOX_MESSAGES_MAX + 3, 4);
        assert_eq!((outbox.len(), lost.len()), (OUTBOX_MESSAGES_MAX, 3));
        let (outbox, lost) = outbox_of(6, 1 << 20);
        assert_eq!((outbox.len(), lost.len()), (4, 2));
        assert!(lost.iter().all(|l| l.sent_over.is_none()));
        // One that is too large on its own is kept until the next comes.
        let (outbox, lost) = outbox_of(1, OUTBOX_BYTES_MAX + 1);
        assert_eq!((outbox.len(), lost.len()), (1, 0));
    }

    #[test]
    fn what_is_too_old_is_given_up() {
        let (mut outbox, mut lost) = outbox_of(2, 4);
        outbox.note_sent(sent(1));
        assert_eq!(outbox.expires_at(), Some(NOW + OUTBOX_REMEMBERED));
        outbox.expire(NOW + (OUTBOX_REMEMBERED - Duration::from_secs(1)), &mut lost);
        assert_eq!(outbox.len(), 2);
        outbox.expire(NOW + OUTBOX_REMEMBERED, &mut lost);
        assert_eq!(lost.iter().map(|l| l.sent_over).collect::<Vec<_>>(), [Some(PathId(1)), None]);
        assert_eq!((outbox.len(), outbox.expires_at()), (0, None));
    }
}
