//! From a query to its answer: the line of each session in front of the workers, and the answers behind them that wait
//! for the disk.
//!
//! Calls of one session are run one after the other, in the order in which the session gave them out. A quick one is run on
//! the thread that read it, all others by a worker. A call that needs
//! a file or has to wait for an event leaves its thread and comes back; those behind it go on. Answers and pushes of one
//! session leave in the order in which they were made, none before the newest commit that it has seen is durable.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use api::envelope::{self, Peeled, Unpeelable};
use api::{Answer, Caller, Found, Ticket};
use mtproto::MsgId;
use mtproto::session::{Call, CallState, KeyDestruction, PathId, SessionInput};
use tokio::time::Instant;

use crate::node::{Node, key_id};
use crate::push::Told;
use crate::sessions::{Entry, Use};
use crate::{answers, later, limits, metrics, world};

/// What waits for one session: calls for a worker, answers for the disk.
#[derive(Default)]
pub(crate) struct Line {
    waiting: VecDeque<Call>,
    /// Some thread has the session, or it stands in the workers' queue.
    scheduled: bool,
    /// Calls that were started and wait for a file or an event.
    parked: usize,
    answers: VecDeque<(Ticket, SessionInput)>,
    /// The newest ticket that the store was asked to report.
    awaited: Option<Ticket>,
}

impl Line {
    /// Gives the memory of empty queues back: a session that rests keeps none.
    fn give_back(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        if self.answers.is_empty() {
            self.answers = VecDeque::new();
        }
    }
}

#[cfg(feature = "simulation")]
impl Line {
    /// Answers that wait for the disk.
    pub(crate) fn undurable(&self) -> usize {
        self.answers.len()
    }
}

/// What stands at the head of a line.
enum Head {
    /// A call, taken out.
    Call(Call),
    /// A call for somebody else.
    Other,
    /// Nothing that may be started now.
    Nothing,
}

/// A call that was started.
struct Started {
    msg_id: MsgId,
    peeled: Peeled,
    /// The connection that it came over.
    path: PathId,
    began: Instant,
}

/// One call more that waits for calls before it, as long as this lives.
struct Following(Arc<Entry>);

impl Following {
    fn of(entry: &Arc<Entry>) -> Self {
        entry.followers.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(entry))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.followers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How the calls stand that another one is to follow.
enum Predecessors {
    Done,
    /// All that are not done are on their way through us.
    Running,
    /// One of them has not come yet; it may never.
    Missing,
    Failed,
}

impl Entry {
    /// Puts a call at the end of the line. Gives its answer at once if there is no room. The line has to be looked after when
    /// the session is unlocked, if `begins` is set then.
    pub(crate) fn take_call(
        self: &Arc<Self>,
        node: &Arc<Node>,
        call: Call,
        begins: &mut bool,
    ) -> Option<SessionInput> {
        let bytes = call.body.len();
        let full = self.calls.load(Ordering::Relaxed) >= limits::CALLS_WAITING_PER_SESSION_MAX
            || self.call_bytes.load(Ordering::Relaxed) + bytes > limits::CALL_BYTES_WAITING_PER_SESSION_MAX;
        if full {
            metrics::dropped("calls");
            return Some(SessionInput::Reply { to: call.msg_id, body: answers::flood_wait(1) });
        }
        node.unanswered.fetch_add(1, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.call_bytes.fetch_add(bytes, Ordering::Relaxed);
        let mut line = self.line.lock();
        line.waiting.push_back(call);
        let may_start = line.parked < limits::CALLS_PARKED_PER_SESSION_MAX;
        let schedule = !line.scheduled && may_start;
        if !may_start {
            metrics::overran("parked calls", 1);
        }
        line.scheduled |= schedule;
        *begins |= schedule;
        None
    }

    /// Runs the calls at the head of the line that are quick, on a thread of the sockets, and leaves the others to the workers;
    /// all, if the store is behind and would make this thread wait.
    pub(crate) fn run_quick_calls(self: &Arc<Self>, node: &Arc<Node>) {
        #[cfg(feature = "simulation")]
        if crate::simulation::sends_to_worker() {
            return self.schedule(node);
        }
        for _ in 0..limits::CALLS_IN_A_ROW {
            match self.next_call(|call| node.api.is_quick(&call.body) && node.api.store().has_room()) {
                Head::Call(call) => self.run_call(node, &call),
                Head::Other => break,
                Head::Nothing => return,
            }
        }
        self.schedule(node);
    }

    /// Has a worker run the calls of the line.
    pub(crate) fn schedule(self: &Arc<Self>, node: &Arc<Node>) {
        // Refused only when the node ends, and then the client calls again elsewhere.
        let (entry, node_) = (Arc::clone(self), Arc::clone(node));
        if node.workers.push(move || entry.run_calls(&node_)).is_err() {
            self.line.lock().scheduled = false;
        }
    }

    /// Runs a few calls of the line; on a worker.
    fn run_calls(self: &Arc<Self>, node: &Arc<Node>) {
        for _ in 0..limits::CALLS_IN_A_ROW {
            match self.next_call(|_| true) {
                Head::Call(call) => self.run_call(node, &call),
                Head::Other | Head::Nothing => return,
            }
        }
        self.schedule(node);
    }

    /// Takes the call at the head of the line if it is `wanted`. Whoever finds nothing to start has done with the line.
    fn next_call(&self, wanted: impl Fn(&Call) -> bool) -> Head {
        let mut line = self.line.lock();
        let may_start = line.parked < limits::CALLS_PARKED_PER_SESSION_MAX;
        if may_start && !line.waiting.is_empty() {
            return line.waiting.pop_front_if(|call| wanted(call)).map_or(Head::Other, Head::Call);
        }
        line.scheduled = false;
        if !may_start && !line.waiting.is_empty() {
            metrics::overran("parked calls", 1);
        }
        line.give_back();
        Head::Nothing
    }

    fn run_call(self: &Arc<Self>, node: &Arc<Node>, call: &Call) {
        let congested = self.is_congested();
        self.calls.fetch_sub(1, Ordering::Relaxed);
        self.call_bytes.fetch_sub(call.body.len(), Ordering::Relaxed);
        if congested && !self.is_congested() {
            self.rouse();
        }
        self.contain(node, call.msg_id, || self.start(node, call));
    }

    /// Does a part of the call `msg_id`. A panic costs that call and none of those behind it, which wait for this one's turn
    /// to end.
    fn contain(self: &Arc<Self>, node: &Arc<Node>, msg_id: MsgId, work: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            metrics::panicked("call");
            self.refuse(node, msg_id, answers::internal());
        }
    }

    /// Starts a call: answers it, or parks it until what it needs is there.
    fn start(self: &Arc<Self>, node: &Arc<Node>, call: &Call) {
        if !self.key().take_call(&node.limits) {
            return self.refuse(node, call.msg_id, answers::flood_wait(1));
        }
        let inflate = |packed: &[u8]| {
            let unpacked = mtproto::session::gzip::inflate(packed);
            unpacked.inspect_err(|error| metrics::not_unpacked(*error)).ok().map(Vec::from)
        };
        let peeled = match envelope::peel(&call.body, &inflate) {
            Ok(peeled) => peeled,
            Err(why) => {
                match why {
                    Unpeelable::Unreadable(error) => {
                        if let Some(bound) = error.and_then(tl::Error::overrun) {
                            metrics::overran(bound, 1);
                        }
                    }
                    Unpeelable::TooDeep => metrics::overran("wrappers", 1),
                    Unpeelable::WaitsForTooMany => metrics::overran("predecessors", 1),
                }
                metrics::dropped("unreadable calls");
                return self.refuse(node, call.msg_id, answers::not_understood());
            }
        };
        let started = Started { msg_id: call.msg_id, peeled, path: call.path, began: Instant::now() };
        match self.predecessors(&started) {
            Predecessors::Done => self.run(node, started, None),
            Predecessors::Failed => self.refuse(node, started.msg_id, answers::wait_failed()),
            Predecessors::Running | Predecessors::Missing => self.wait_for_predecessors(node, started),
        }
    }

    /// Runs a call in a transaction; `found` is what it asked for the last time.
    fn run(self: &Arc<Self>, node: &Arc<Node>, started: Started, found: Option<Found>) {
        let caller = self.caller(&started);
        let identity = self.key().identity();
        let listener = node.push.before(node, identity, &started.peeled);
        let answer = world::with_env(|env| node.api.call(&caller, &started.peeled, found.as_ref(), env));
        match answer {
            Answer::Reply(reply) => {
                let unanswerable = match reply.method {
                    Some(method) => {
                        let took = started.began.elapsed();
                        let refusal = reply.refusal.map(api::Refusal::name).unwrap_or_default();
                        tracing::debug!(method, key = identity.0, refusal, ?took, "a call");
                        metrics::call_answered(method, reply.ok, took);
                        if let Some(refusal) = reply.refusal {
                            metrics::refused(method, refusal.label());
                        }
                        if let Some(bound) = reply.unreadable.and_then(tl::Error::overrun) {
                            metrics::overran(bound, 1);
                        }
                        // Arguments that hold a constructor nobody knows, or that end too early.
                        reply.unreadable.is_some() && !self.take_unknown(started.path)
                    }
                    None => {
                        let id = query_id(&started.peeled);
                        let method = tl::method_name(id).unwrap_or("none");
                        metrics::unknown_method(method);
                        tracing::debug!(method, id, "an unknown method");
                        // Some clients ask at once again whatever they are told, unless it is to wait.
                        !self.take_unknown(started.path)
                    }
                };
                if !reply.ok {
                    node.look_after_store();
                }
                // The notice may be read before the commit is durable; what it leads to waits like everything else.
                let origin = caller.key;
                for notice in reply.effects.notices {
                    node.push.entering(node, &notice);
                    node.bus.publish(Told { notice, origin, ticket: reply.ticket });
                }
                let body = if unanswerable {
                    answers::flood_wait(limits::UNKNOWN_METHOD_WAIT_SECONDS)
                } else {
                    reply.body.into()
                };
                let input = SessionInput::Reply { to: started.msg_id, body };
                self.answer(node, reply.ticket, input);
                self.learn_from(node, &started.peeled);
                if let Some(listener) = listener.filter(|_| reply.ok) {
                    node.push.after(node, identity, listener);
                }
            }
            Answer::Later(asked) => self.park(node, started, asked),
        }
    }

    /// What a query tells about the use of its session.
    fn learn_from(self: &Arc<Self>, node: &Arc<Node>, peeled: &Peeled) {
        let use_ =
            if peeled.no_updates || api::is_side_query(&peeled.query) { Use::Files } else { Use::Main };
        if self.learn_use(use_) {
            node.push.became_main(node, self, peeled);
        }
    }

    fn caller(&self, started: &Started) -> Caller {
        let key = self.key();
        let bound = key.temp.is_none() || key.bound_to().is_some();
        let origin = self.origin();
        Caller {
            key: bound.then(|| key_id(key.identity())),
            session_id: self.id().0,
            msg_id: started.msg_id.0,
            dc: origin.dialled.map_or(0, |dc| dc.number().into()),
            address: origin.address,
        }
    }

    fn refuse(self: &Arc<Self>, node: &Arc<Node>, to: MsgId, body: bytes::Bytes) {
        self.answer(node, Ticket::default(), SessionInput::Reply { to, body });
    }

    /// Has `asked` done and runs the call again then.
    fn park(self: &Arc<Self>, node: &Arc<Node>, started: Started, asked: api::Later) {
        self.line.lock().parked += 1;
        let (entry, node) = (Arc::clone(self), Arc::clone(node));
        let runtime = node.runtime.clone();
        runtime.spawn(async move {
            let found = later::carry_out(&node, &entry, started.msg_id, asked).await;
            entry.resume(&node, started, Some(found));
        });
    }

    /// Lets a parked call go on, on a worker.
    fn resume(self: &Arc<Self>, node: &Arc<Node>, started: Started, found: Option<Found>) {
        let (entry, node_) = (Arc::clone(self), Arc::clone(node));
        let msg_id = started.msg_id;
        let task = move || {
            entry.contain(&node_, msg_id, || entry.run(&node_, started, found));
            entry.unpark(&node_);
        };
        if node.workers.push(task).is_err() {
            self.refuse(node, msg_id, answers::internal());
            self.unpark(node);
        }
    }

    fn unpark(self: &Arc<Self>, node: &Arc<Node>) {
        let mut line = self.line.lock();
        line.parked = line.parked.saturating_sub(1);
        let schedule = !line.scheduled && !line.waiting.is_empty();
        line.scheduled |= schedule;
        drop(line);
        if schedule {
            self.schedule(node);
        }
    }

    /// How the calls stand that this one is to follow.
    fn predecessors(&self, started: &Started) -> Predecessors {
        let mut all = Predecessors::Done;
        for id in &started.peeled.after {
            match self.call_state(MsgId(*id)) {
                CallState::Done => {}
                CallState::Failed => return Predecessors::Failed,
                CallState::Running if matches!(all, Predecessors::Done) => all = Predecessors::Running,
                CallState::Running => {}
                CallState::Unknown => all = Predecessors::Missing,
            }
        }
        all
    }

    fn wait_for_predecessors(self: &Arc<Self>, node: &Arc<Node>, started: Started) {
        self.line.lock().parked += 1;
        let (entry, node) = (Arc::clone(self), Arc::clone(node));
        let runtime = node.runtime.clone();
        runtime.spawn(async move {
            let following = Following::of(&entry);
            loop {
                // Listens before it looks, so that nothing happens unseen in between.
                let mut moved = std::pin::pin!(entry.moved.notified());
                moved.as_mut().enable();
                let patience = match entry.predecessors(&started) {
                    Predecessors::Done => break entry.resume(&node, started, None),
                    Predecessors::Running => limits::AFTER_RUNNING_TIME,
                    Predecessors::Missing => limits::AFTER_MISSING_TIME,
                    Predecessors::Failed => Duration::ZERO,
                };
                if tokio::time::timeout_at(started.began + patience, moved).await.is_err() {
                    entry.refuse(&node, started.msg_id, answers::wait_failed());
                    break entry.unpark(&node);
                }
            }
            drop(following);
        });
    }

    /// Destroys the key of the session, durably; on a worker.
    pub(crate) fn destroy_key(self: &Arc<Self>, node: &Arc<Node>, to: MsgId) {
        let id = self.key().auth.id();
        if self.key().temp.is_some() {
            self.key_destroyed(node, to, Ticket::default(), KeyDestruction::Done);
            return;
        }
        match world::with_env(|env| node.api.destroy_key(key_id(id), env)) {
            Ok((existed, ticket, effects)) => {
                for notice in effects.notices {
                    node.bus.publish(Told { notice, origin: None, ticket });
                }
                let outcome = if existed { KeyDestruction::Done } else { KeyDestruction::NoSuchKey };
                self.key_destroyed(node, to, ticket, outcome);
            }
            Err(stop) => {
                node.note_stop(&stop);
                self.answer(
                    node,
                    Ticket::default(),
                    SessionInput::AuthKeyDestroyed { to, outcome: KeyDestruction::Failed },
                );
            }
        }
    }

    fn key_destroyed(self: &Arc<Self>, node: &Arc<Node>, to: MsgId, ticket: Ticket, outcome: KeyDestruction) {
        // Nothing more is opened with it from before the moment at which its client can know that it is gone.
        let id = self.key().auth.id();
        node.keys.retire(id);
        self.answer(node, ticket, SessionInput::AuthKeyDestroyed { to, outcome });
        let node_ = Arc::clone(node);
        node.on_durable(ticket, move || {
            // The answer leaves first: it stands in the mailbox before the word to close.
            node_.runtime.clone().spawn(async move {
                tokio::time::sleep(limits::GOODBYE_TIME / 4).await;
                node_.forget_key(id);
            });
        });
    }

    /// Lets `input` leave once the store is durable up to `ticket`, behind everything that waits already.
    pub(crate) fn answer(self: &Arc<Self>, node: &Arc<Node>, ticket: Ticket, input: SessionInput) {
        match self.line_up(node, ticket, input) {
            Next::Release => self.release(node),
            Next::Await(ticket) => {
                let (entry, node_) = (Arc::clone(self), Arc::clone(node));
                // Sealing is not for the thread that commits.
                node.on_durable(ticket, move || node_.departures.add(&node_, [entry]));
            }
            Next::Nothing => {}
        }
    }

    /// Puts `input` behind everything that waits; says what has to happen for it to leave.
    fn line_up(&self, node: &Node, ticket: Ticket, input: SessionInput) -> Next {
        let mut line = self.line.lock();
        if line.answers.len() >= limits::UNDURABLE_PER_SESSION_MAX
            && matches!(input, SessionInput::Push { .. })
        {
            metrics::dropped("pushes");
            self.miss();
            return Next::Nothing;
        }
        // What stands behind something newer has to wait for that, or it would overtake.
        let ticket = line.answers.back().map_or(ticket, |(last, _)| ticket.max(*last));
        line.answers.push_back((ticket, input));
        if ticket <= node.durable() {
            Next::Release
        } else if line.awaited.is_none_or(|awaited| awaited < ticket) {
            line.awaited = Some(ticket);
            Next::Await(ticket)
        } else {
            Next::Nothing
        }
    }

    /// Sends the answers whose commits are durable.
    pub(crate) fn release(self: &Arc<Self>, node: &Arc<Node>) {
        let durable = node.durable();
        self.tell_in_order(node, || {
            let mut line = self.line.lock();
            let left = line.answers.pop_front_if(|(ticket, _)| *ticket <= durable);
            line.give_back();
            drop(line);
            let (_, input) = left?;
            if matches!(input, SessionInput::Reply { .. }) {
                node.unanswered.fetch_sub(1, Ordering::Relaxed);
            }
            Some(input)
        });
    }
}

/// What has to happen so that something leaves that was put into a session's line.
enum Next {
    /// It may leave at once.
    Release,
    /// Once this is durable. Nobody has asked for it yet.
    Await(Ticket),
    /// Somebody else sees to it.
    Nothing,
}

/// Sessions that have something to send at the same moment. One word of the committer and one task serve all of them.
#[derive(Default)]
pub(crate) struct Leaving {
    /// What has to become durable before; nothing for those that may send at once.
    groups: BTreeMap<Option<Ticket>, Vec<Arc<Entry>>>,
}

impl Leaving {
    /// Puts `input` into the line of a session, as [`Entry::answer`] does.
    pub(crate) fn add(&mut self, node: &Node, entry: &Arc<Entry>, ticket: Ticket, input: SessionInput) {
        let after = match entry.line_up(node, ticket, input) {
            Next::Release => None,
            Next::Await(ticket) => Some(ticket),
            Next::Nothing => return,
        };
        self.groups.entry(after).or_default().push(Arc::clone(entry));
    }

    /// Lets them send.
    pub(crate) fn go(self, node: &Arc<Node>) {
        for (after, entries) in self.groups {
            match (after, &*entries) {
                (None, [entry]) => entry.release(node),
                (None, _) => node.departures.add(node, entries),
                (Some(ticket), _) => {
                    let node_ = Arc::clone(node);
                    node.on_durable(ticket, move || node_.departures.add(&node_, entries));
                }
            }
        }
    }
}

/// The id of a query's method; zero if it has none.
fn query_id(peeled: &Peeled) -> u32 {
    peeled.query.first_chunk().map_or(0, |id| u32::from_le_bytes(*id))
}
