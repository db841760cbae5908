//! Half-open handshakes as values of this process, without sockets: what the protocol's own state costs, for more of them
//! than there are descriptors.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use env::{Env, SeededDice, Time};
use mtproto::client::{Exchange, Next, PublicKey};
use mtproto::handshake::{HeavyDone, HeavyJob, Padding, RsaKey};
use mtproto::wire::framing::{Frame, Framer, Framing};
use mtproto::{Connection, Input, Output, ReplayCache, ServerKeys};

use crate::error::{LoadError, Result};
use crate::proc;
use crate::progress::Progress;
use crate::world::{RealDice, now};

/// A handshake that was begun and not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// `resPQ` was sent.
    ExpectDhParams,
    /// The inner data waits for its computation.
    OpeningInnerData,
    /// `server_DH_params_ok` was sent.
    ExpectClientDh,
}

/// What is held at one stage.
pub(super) struct Held {
    pub(super) stage: Stage,
    pub(super) connections: usize,
    pub(super) bytes: u64,
    /// How long it took to bring them there.
    pub(super) took: Duration,
}

/// Equal dice give each connection the same nonce and the same `pq`, so that one client's answers fit all of them. What
/// the values hold has the same size as with different ones.
const SEED: u64 = 1794;

/// Holds `n` connections at each stage; at the last, whose computation takes milliseconds for each, `deep`.
pub(super) fn hold(n: usize, deep: usize) -> Result<Vec<Held>> {
    let keys = Arc::new(ServerKeys { pad: RsaKey::generate(&mut RealDice), legacy: None });
    let (mut all, mut kept) = (Vec::new(), Vec::new());
    let stages = [(Stage::ExpectDhParams, n), (Stage::OpeningInnerData, n), (Stage::ExpectClientDh, deep)];
    for (stage, n) in stages.into_iter().filter(|(_, n)| *n > 0) {
        let (before, begun) = (proc::own_usage().rss_bytes, Instant::now());
        // Nothing is given back before all are measured: what one stage freed would be used again by the next.
        kept.push(hold_at(&keys, stage, n)?);
        let bytes = proc::own_usage().rss_bytes.saturating_sub(before);
        all.push(Held { stage, connections: n, bytes, took: begun.elapsed() });
    }
    drop(kept);
    Ok(all)
}

/// What one client says to all connections.
struct Script {
    first: Vec<u8>,
    second: Vec<u8>,
}

/// Brings `n` connections to a stage; the computations that were asked for and not made are held as well.
fn hold_at(keys: &Arc<ServerKeys>, stage: Stage, n: usize) -> Result<(Vec<Connection>, Vec<HeavyJob>)> {
    let (replays, time) = (Arc::new(ReplayCache::new()), now());
    let script = rehearse(keys, &replays, time)?;
    let progress = Progress::counting(&format!("half-open handshakes in this process, {stage:?}"), n);
    let (mut held, mut jobs) = (Vec::with_capacity(n), Vec::new());
    for _ in 0..n {
        let mut connection = Connection::new(Arc::clone(keys), Arc::clone(&replays));
        let mut dice = SeededDice::new(SEED);
        let mut env = Env { now: time, dice: &mut dice };
        feed(&mut connection, &mut env, &script.first);
        if stage >= Stage::OpeningInnerData {
            let job = feed(&mut connection, &mut env, &script.second);
            jobs.push(job.ok_or_else(|| LoadError::new("no computation was asked for"))?);
        }
        held.push(connection);
        if stage < Stage::ExpectClientDh {
            progress.step();
        }
    }
    if stage == Stage::ExpectClientDh {
        open(&mut held, std::mem::take(&mut jobs), time, &progress);
    }
    progress.end();
    Ok((held, jobs))
}

/// Runs the computations, on all cores, and gives their results to the connections, batch by batch.
fn open(held: &mut [Connection], jobs: Vec<HeavyJob>, time: Time, progress: &Progress) {
    const BATCH: usize = 64;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut jobs = jobs.into_iter();
    for connections in held.chunks_mut(BATCH * threads) {
        let shares: Vec<Vec<HeavyJob>> = (0..threads).map(|_| jobs.by_ref().take(BATCH).collect()).collect();
        let done: Vec<HeavyDone> = std::thread::scope(|scope| {
            let run = |share: Vec<HeavyJob>| share.into_iter().map(|job| job.run(&mut RealDice)).collect();
            let running: Vec<_> = shares
                .into_iter()
                .map(|share| scope.spawn(move || -> Vec<HeavyDone> { run(share) }))
                .collect();
            running.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
        });
        for (connection, done) in connections.iter_mut().zip(done) {
            let mut env = Env { now: time, dice: &mut RealDice };
            connection.handle(&mut env, Input::Heavy(done), &mut Vec::new());
            progress.step();
        }
    }
}

/// Gives bytes to a connection; the computation that it asks for, if it does.
fn feed(connection: &mut Connection, env: &mut Env<'_>, bytes: &[u8]) -> Option<HeavyJob> {
    let mut outputs = Vec::new();
    connection.handle(env, Input::Bytes(&mut bytes.to_vec()), &mut outputs);
    outputs.into_iter().find_map(|output| match output {
        Output::Heavy(job) => Some(job),
        _ => None,
    })
}

/// One honest client, as far as all of them go.
fn rehearse(keys: &Arc<ServerKeys>, replays: &Arc<ReplayCache>, time: Time) -> Result<Script> {
    let mut connection = Connection::new(Arc::clone(keys), Arc::clone(replays));
    let mut dice = SeededDice::new(SEED);
    let mut env = Env { now: time, dice: &mut dice };
    let mut exchange = Exchange::new(PublicKey::from(&keys.pad), Padding::RsaPad, time, &mut RealDice);
    let mut framer = Framer::new(Framing::Abridged, mtproto::crypto::Side::Client);
    let mut frame = |packet: &[u8], marker: &[u8]| {
        let mut out = BytesMut::from(marker);
        framer.send(packet, false, &mut RealDice, &mut out);
        out.to_vec()
    };
    let first = frame(&exchange.begin(), Framing::Abridged.marker());
    let mut outputs = Vec::new();
    connection.handle(&mut env, Input::Bytes(&mut first.clone()), &mut outputs);
    let mut heard = Framer::new(Framing::Abridged, mtproto::crypto::Side::Client);
    let mut frames = Vec::new();
    for output in outputs {
        if let Output::Write(bytes) = output {
            heard.receive(&bytes, &mut frames).map_err(|e| LoadError::about("resPQ", e))?;
        }
    }
    let Some(Frame::Packet { data, .. }) = frames.into_iter().next() else {
        return Err(LoadError::new("no resPQ"));
    };
    match exchange.receive(&data, &mut RealDice)? {
        Next::Send(packet) => Ok(Script { first, second: frame(&packet, &[]) }),
        Next::Made(_) => Err(LoadError::new("a key out of nothing")),
    }
}

/// As the clock of a connection counts.
pub(super) const fn named(stage: Stage) -> &'static str {
    match stage {
        Stage::ExpectDhParams => "resPQ sent",
        Stage::OpeningInnerData => "computation waits",
        Stage::ExpectClientDh => "server_DH_params sent",
    }
}

/// How long honest handshakes may be measured before the server closes what is half open.
pub(super) const WINDOW: Duration = Duration::from_secs(8);
