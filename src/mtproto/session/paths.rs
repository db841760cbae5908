//! The ways to a client: where its messages came from, and so where ours go.

use std::time::Duration;

use env::Time;

use super::limits::PATHS_MAX;
use super::poll::{Patience, Poll};
use super::{Path, PathId, PathKind};
use crate::ids::MsgId;

#[derive(Debug)]
struct Way {
    path: Path,
    /// The highest msg_id that was accepted on it.
    newest: MsgId,
    /// When it is to be closed, by the client's wish.
    disconnect_at: Option<Time>,
    /// Over HTTP: the request that waits for its response. Boxed, as most ways never have one.
    poll: Option<Box<Poll>>,
}

impl Way {
    /// Whether the server may speak on it now.
    fn may_speak(&self) -> bool {
        self.path.kind != PathKind::Http || self.poll.is_some()
    }
}

/// The paths of one session that are open.
#[derive(Debug, Default)]
pub struct Paths {
    list: Vec<Way>,
}

impl Paths {
    /// Notes that `msg_id` was accepted on `path`.
    pub fn note(&mut self, path: Path, msg_id: MsgId) {
        if let Some(way) = self.way(path.id) {
            way.newest = way.newest.max(msg_id);
            return;
        }
        if self.list.len() >= PATHS_MAX
            && let Some(oldest) = self.list.iter().min_by_key(|way| way.newest).map(|way| way.path.id)
        {
            self.remove(oldest);
        }
        // One place and not four at once: nearly every session has one path at a time.
        self.list.reserve_exact(1);
        self.list.push(Way { path, newest: msg_id, disconnect_at: None, poll: None });
    }

    /// Where to send: the way of the newest message that was accepted. A replay of an older one moves nothing.
    pub fn current(&self) -> Option<Path> {
        // spec: SES-11
        let ways = self.list.iter().filter(|way| way.may_speak());
        ways.max_by_key(|way| way.newest).map(|way| way.path)
    }

    /// Whether there is any path, even one that the server may not speak on now.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Over HTTP: notes that a request has come on the path `id`.
    pub fn asked(&mut self, id: PathId, now: Time) {
        if let Some(way) = self.way(id) {
            way.poll = Some(Box::new(Poll::new(now)));
        }
    }

    /// The request that is open on the path `id`.
    pub fn poll(&mut self, id: PathId) -> Option<&mut Poll> {
        self.way(id)?.poll.as_deref_mut()
    }

    /// Takes a client's wish about the request that is open on the path `id`; elsewhere it means nothing.
    pub fn wish(&mut self, id: PathId, patience: Patience) {
        // spec: SVC-17
        if let Some(poll) = self.poll(id) {
            poll.wish(patience);
        }
    }

    /// Notes that the request on the path `id` is answered.
    pub fn answered(&mut self, id: PathId) {
        if let Some(way) = self.way(id) {
            way.poll = None;
        }
    }

    /// A request whose time is over.
    pub fn ended_poll(&self, now: Time) -> Option<PathId> {
        let ended = |way: &&Way| way.poll.as_ref().is_some_and(|poll| poll.ends() <= now);
        self.list.iter().find(ended).map(|way| way.path.id)
    }

    /// When the next request must be answered.
    pub fn polls_due(&self) -> Option<Time> {
        let current = self.current();
        let due = |way: &Way| {
            let poll = way.poll.as_ref()?;
            Some(if Some(way.path) == current { poll.due() } else { poll.ends() })
        };
        self.list.iter().filter_map(due).min()
    }

    fn way(&mut self, id: PathId) -> Option<&mut Way> {
        self.list.iter_mut().find(|way| way.path.id == id)
    }

    /// The nature of the path `id`, if it is open.
    pub fn kind(&self, id: PathId) -> Option<PathKind> {
        self.list.iter().find(|way| way.path.id == id).map(|way| way.path.kind)
    }

    /// Forgets a path. True if it was known.
    pub fn remove(&mut self, id: PathId) -> bool {
        let before = self.list.len();
        self.list.retain(|way| way.path.id != id);
        self.list.len() < before
    }

    /// Winds up the one timer of the path `id`.
    pub fn disconnect_after(&mut self, id: PathId, delay: Duration, now: Time) {
        // spec: SVC-12
        if let Some(way) = self.way(id).filter(|way| way.path.kind != PathKind::Http) {
            way.disconnect_at = Some(now + delay);
        }
    }

    /// Forgets a path whose timer has run out, and names it.
    pub fn take_expired(&mut self, now: Time) -> Option<PathId> {
        let at = self.list.iter().position(|way| way.disconnect_at.is_some_and(|at| at <= now))?;
        Some(self.list.swap_remove(at).path.id)
    }

    /// When the next timer runs out.
    pub fn expires_at(&self) -> Option<Time> {
        self.list.iter().filter_map(|way| way.disconnect_at).min()
    }

    /// Memory held, in bytes.
    pub fn held_bytes(&self) -> usize {
        let polls = self.list.iter().filter(|way| way.poll.is_some()).count();
        self.list.capacity() * size_of::<Way>() + polls * size_of::<Poll>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(n: u64) -> Path {
        Path { id: PathId(n), kind: PathKind::Stream }
    }

    // proves: SES-11
    #[test]
    fn the_newest_message_decides_where_to_send() {
        let mut paths = Paths::default();
        paths.note(path(1), MsgId(10));
        paths.note(path(2), MsgId(20));
        assert_eq!(paths.current(), Some(path(2)));
        paths.note(path(1), MsgId(15)); // an older one, late
        assert_eq!(paths.current(), Some(path(2)));
        assert!(paths.remove(PathId(2)) && !paths.remove(PathId(2)));
        assert_eq!(paths.current(), Some(path(1)));
    }

    #[test]
    fn there_is_a_bound_on_paths() {
        let mut paths = Paths::default();
        for n in 0..100 {
            paths.note(path(n), MsgId(n as i64));
        }
        assert_eq!(paths.list.len(), PATHS_MAX);
        assert_eq!(paths.current(), Some(path(99)));
    }

    // proves: SVC-12
    #[test]
    fn a_path_has_one_timer() {
        let (mut paths, start) = (Paths::default(), Time::from_secs(100));
        paths.note(path(1), MsgId(1));
        paths.disconnect_after(PathId(1), Duration::from_secs(5), start);
        paths.disconnect_after(PathId(1), Duration::from_secs(9), start);
        assert_eq!(paths.expires_at(), Some(Time::from_secs(109)));
        assert_eq!(paths.take_expired(Time::from_secs(108)), None);
        assert_eq!(paths.take_expired(Time::from_secs(109)), Some(PathId(1)));
        assert_eq!(paths.current(), None);
    }
}
