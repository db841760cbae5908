//! HTTP: nothing is said but in answer to a request, and one packet to each.
//!
//! Messages go to the open request with the newest packet, as they go to the newest path elsewhere; what no request is
//! open for waits. A request that nothing is said to ends with an empty container. What went out over a connection
//! that is gone, and was not acknowledged by the time of the next request, goes out again with that.

use env::Env;

use super::io::{Path, PathId, PathKind, SessionOutput, Shared};
use super::limits::HTTP_LOOSE_MAX;
use super::send::Batch;
use super::{Session, send};
use crate::ids::MsgId;

impl Session {
    /// Over HTTP: this packet's request waits for nothing.
    pub(super) fn answer_now(&mut self, path: Path) {
        if path.kind == PathKind::Http {
            self.paths.answered(path.id);
            self.answer_now.push(path.id);
        }
    }

    /// A request came: what went over connections that are gone since may not have arrived.
    pub(super) fn resume_http(&mut self, path: PathId) {
        self.lost |= std::mem::take(&mut self.doubt);
        let gone: Vec<PathId> = {
            let mut paths: Vec<PathId> = self.outbox.sent().map(|sent| sent.path).collect();
            paths.sort_unstable();
            paths.dedup();
            let is_open = |id: &PathId| self.paths.kind(*id) == Some(PathKind::Http);
            paths.retain(|id| *id != PathId::ARRIVED && !is_open(id));
            paths
        };
        if !gone.is_empty() {
            self.send_again_over(path, |sent_over| gone.contains(&sent_over));
        }
    }

    /// What was sent over `path` has arrived, and nothing more will be.
    pub(super) fn leave_path(&mut self, path: PathId) {
        for (_, sent) in self.outbox.sent_mut() {
            if sent.path == path {
                sent.path = PathId::ARRIVED;
            }
        }
        self.paths.remove(path);
    }

    /// Answers the requests whose time has come.
    pub(super) fn answer_http(
        &mut self,
        env: &mut Env<'_>,
        shared: &mut Shared<'_>,
        out: &mut Vec<SessionOutput>,
    ) {
        for path in std::mem::take(&mut self.answer_now) {
            let again = self.again.extract_if(.., |(to, _)| *to == path).map(|(_, msg_id)| msg_id).collect();
            let mut loose: Vec<_> = self.loose.extract_if(.., |said| said.path == path).collect();
            self.answer_with(env, shared, path, again, &mut loose, false, out);
        }
        while let Some(Path { id, kind: PathKind::Http }) = self.paths.current() {
            let waiting = self.waiting_for_http();
            let Some(poll) = self.paths.poll(id) else { break };
            poll.note(waiting, env.now);
            if poll.due() > env.now {
                break;
            }
            self.paths.answered(id);
            let paths = &self.paths;
            let is_http = |path: PathId| paths.kind(path) == Some(PathKind::Http);
            let again = self.again.extract_if(.., |(to, _)| is_http(*to)).map(|(_, msg_id)| msg_id).collect();
            let mut loose: Vec<_> = self.loose.extract_if(.., |said| is_http(said.path)).collect();
            self.answer_with(env, shared, id, again, &mut loose, true, out);
            self.loose.append(&mut loose);
        }
        while let Some(path) = self.paths.ended_poll(env.now) {
            self.paths.answered(path);
            self.answer_with(env, shared, path, Vec::new(), &mut Vec::new(), false, out);
        }
        let beyond = self.loose.len().saturating_sub(HTTP_LOOSE_MAX);
        if beyond > 0 && self.paths.current().is_none() {
            self.loose.drain(..beyond);
        }
    }

    /// How many messages could be said to the next request.
    fn waiting_for_http(&self) -> usize {
        let is_http = |path: PathId| self.paths.kind(path) == Some(PathKind::Http);
        self.outbox.waiting_count()
            + self.loose.iter().filter(|said| is_http(said.path)).count()
            + self.again.iter().filter(|(path, _)| is_http(*path)).count()
    }

    /// One packet with as much as it holds; what is left stays in `loose`, in the outbox, or waits to be sent again.
    #[expect(clippy::too_many_arguments, reason = "the parts of one packet")]
    fn answer_with(
        &mut self,
        env: &mut Env<'_>,
        shared: &mut Shared<'_>,
        path: PathId,
        mut again: Vec<MsgId>,
        loose: &mut Vec<send::Loose>,
        everything: bool,
        out: &mut Vec<SessionOutput>,
    ) {
        let mut batch = Batch::default();
        again.sort_unstable();
        again.dedup();
        for msg_id in again {
            let Some(bytes) = self.outbox.find(msg_id).map(|kept| kept.body.len()) else { continue };
            if batch.has_room_for(bytes) {
                self.name_again(path, msg_id, env.now, &mut batch);
            } else {
                self.again.push((path, msg_id));
            }
        }
        // Messages that were sent before, and no messages at all, need a container around them.
        let contained = !batch.is_empty();
        while everything
            && let Some(bytes) = self.outbox.waiting().map(|kept| kept.body.len())
            && batch.has_room_for(bytes)
        {
            self.name_waiting(path, env.now, &mut batch);
        }
        loose.reverse();
        while let Some(said) = loose.pop_if(|said| batch.has_room_for(said.body.len())) {
            self.name_loose(said, env.now, &mut batch);
        }
        if everything || self.acks_now {
            self.add_acks(env.now, true, &mut batch);
        }
        if contained || batch.is_empty() {
            self.write_container(env, shared, path, batch, out);
        } else {
            self.write_batch(env, shared, path, batch, out);
        }
    }
}
