//! More handshakes than the server has processor for, and what the calls of sessions notice that were there before.
//!
//! On one machine the flooder needs a processor as well, and the callers' delays could be of its making. So it stands
//! aside for everybody, never offers more than it is told to, and says what it used: its share stands beside the server's.

use std::cell::Cell;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mtproto::client::PublicKey;
use tl::functions::updates;
use tokio::process::Child;
use tokio::task::JoinSet;

use super::bystander::Bystander;
use super::in_process::WINDOW;
use super::{Figures, beside, millis, raise_files};
use crate::drive::{Calls, Pace};
use crate::error::{LoadError, Result};
use crate::link::{LAYER, Link};
use crate::measure::{Counted, Run};
use crate::server::Server;
use crate::workload::{self, Part, measure};
use crate::world::RealDice;
use crate::{Options, people, proc, say};

/// Sessions whose calls are measured.
pub(super) const CALLERS: usize = 20;

/// Their calls in a second, all together.
const CALLS_PER_SECOND: f64 = 200.0;

/// How many times the capacity the flood has.
const TIMES: f64 = 5.0;

/// How long somebody may wait for a processor who has nothing to do with the server, in milliseconds: some ticks of the
/// scheduler.
const BYSTANDER_WAITS_MS: f64 = 50.0;

/// How long after a flood its bystander is heard: who still waits says so when the processor is free again.
const BYSTANDER_SETTLES: Duration = Duration::from_millis(500);

/// A flood of whole handshakes, and calls of sessions that were there before.
pub(super) async fn handshakes(
    common: &Options,
    server: &Server,
    callers: Vec<people::Person>,
    figures: &mut Figures,
) -> Result<()> {
    let calls = Options { rate: Some(CALLS_PER_SECOND), ..common.clone() };
    // The same people twice: keys stay, connections are new.
    let keys: Vec<_> = callers.iter().filter_map(|person| person.link.key()).collect();
    let (_, calm, _) = measure(&calls, server, &Run::new(), "calls, calm", parts(callers)).await?;
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
        figures.add(format!("calls of {CALLERS} sessions, calm: {name}"), of(&calm, quantile), "ms", None);
    }

    let capacity = workload::capacity(common, server).await?;
    figures.add("handshakes: capacity, from the processor time of each".to_owned(), capacity, "/s", None);
    let rate = capacity * TIMES;
    let time = common.duration() + common.warm_up() + Duration::from_secs(5);
    let callers = people::connect(server, keys).await?;
    let mut flooder = Flooder::start(server, rate, time)?;
    let bystander = Bystander::start(time)?;
    let (seconds, flooded, spent) =
        measure(&calls, server, &Run::new(), "calls, flooded", parts(callers)).await?;
    let offered = flooder.offered.get();
    flooder.child.kill().await?;

    let each = |count: u64| count as f64 / offered.seconds.max(0.001);
    figures.add(format!("handshakes: offered, of {rate:.0}"), each(offered.begun), "/s", None);
    figures.add("handshakes: of these turned away".to_owned(), each(offered.refused), "/s", None);
    figures.add("handshakes: of these ended".to_owned(), each(offered.ended), "/s", None);
    let cores = |used: f64| used / seconds * 100.0;
    figures.add("processor: server".to_owned(), cores(spent.server.unwrap_or(0.0)), "% of a core", None);
    let flooders = offered.cpu.as_secs_f64() / offered.seconds.max(0.001) * 100.0;
    figures.add("processor: flooder".to_owned(), flooders, "% of a core", None);
    figures.add("processor: callers".to_owned(), cores(spent.generator), "% of a core", None);
    figures.add("handshakes: flood, calls' p50".to_owned(), of(&flooded, 0.5), "ms", None);
    let at_most = Some(2.0 * of(&calm, 0.99));
    figures.add("handshakes: flood, calls' p99".to_owned(), of(&flooded, 0.99), "ms", at_most);
    tokio::time::sleep(BYSTANDER_SETTLES).await;
    let waited = bystander.longest().as_secs_f64() * 1e3;
    let named = "handshakes: flood, a bystander's longest wait for a processor".to_owned();
    figures.add(named, waited, "ms", Some(BYSTANDER_WAITS_MS));
    let failed: u64 = flooded.failures.values().sum();
    figures.add("handshakes: calls that were refused meanwhile".to_owned(), failed as f64, "", Some(0.0));
    Ok(())
}

/// Somebody's calls, at an even pace.
fn parts(callers: Vec<people::Person>) -> Vec<Part> {
    let query: bytes::Bytes = tl::write(&updates::GetState {}, LAYER).into();
    let between = 1e9 / CALLS_PER_SECOND;
    let every = (between * callers.len() as f64) as u64;
    let part = |(at, person): (usize, people::Person)| {
        let query = query.clone();
        Part {
            link: person.link,
            job: Box::new(Calls::new(true, move |_| ("answered", query.clone()))),
            pace: Pace::Every { first: (between * at as f64) as u64, every },
        }
    };
    callers.into_iter().enumerate().map(part).collect()
}

/// A quantile of the calls, in milliseconds.
fn of(counted: &Counted, quantile: f64) -> f64 {
    counted.latencies.get("answered").map_or(0.0, |latencies| millis(latencies, quantile))
}

/// What a flooder has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Offered {
    /// For how long.
    seconds: f64,
    /// Handshakes that were begun.
    begun: u64,
    /// Of these, how many the server turned away.
    refused: u64,
    /// Of these, how many came to an end, after both of the server's computations.
    ended: u64,
    /// Processor time that it took.
    cpu: Duration,
}

impl Offered {
    /// As a line of the flooder's output.
    fn line(&self) -> String {
        let Self { seconds, begun, refused, ended, cpu } = self;
        format!("{seconds} {begun} {refused} {ended} {}", cpu.as_secs_f64())
    }

    /// What a line says; nothing if it is none.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let seconds = words.next()?.parse().ok()?;
        let mut count = || words.next()?.parse().ok();
        let (begun, refused, ended) = (count()?, count()?, count()?);
        let cpu = Duration::try_from_secs_f64(words.next()?.parse().ok()?).ok()?;
        Some(Self { seconds, begun, refused, ended, cpu })
    }
}

/// Another process, so that its arithmetic delays no call of ours.
struct Flooder {
    child: Child,
    offered: Rc<Cell<Offered>>,
}

impl Flooder {
    fn start(server: &Server, rate: f64, time: Duration) -> Result<Self> {
        let offered = Rc::new(Cell::new(Offered::default()));
        let told = Rc::clone(&offered);
        let hear = move |line: &str| {
            if let Some(now) = Offered::read(line) {
                told.set(now);
            }
        };
        let (addr, rate, seconds) =
            (server.addr.to_string(), rate.to_string(), time.as_secs_f64().to_string());
        let args: [&OsStr; 5] = [
            "handshake-flood".as_ref(),
            addr.as_ref(),
            server.key_file.as_ref(),
            rate.as_ref(),
            seconds.as_ref(),
        ];
        Ok(Self { child: beside(&args, hear)?, offered })
    }
}

/// How far behind its schedule a flood may be and still catch up: what it could not begin by then it never offers.
const BEHIND_MAX: Duration = Duration::from_millis(50);

/// How often a flood tells what it has done.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// Handshakes of a flood that are under way at once.
const UNDER_WAY_MAX: usize = 10_000;

/// Begins `rate` handshakes a second for `time`, each with honest work up to the server's second computation.
pub(crate) async fn handshake_flood(
    addr: SocketAddr,
    key: PublicKey,
    rate: f64,
    time: Duration,
) -> Result<()> {
    // It is the server that is to be slow, if anybody: not the neighbours.
    aside::behind_all();
    raise_files();
    let (begun, mut told) = (Instant::now(), Duration::ZERO);
    let (mut due, mut count) = (0.0, 0);
    let mut every = tokio::time::interval(Duration::from_millis(2));
    let mut tasks: JoinSet<Result<()>> = JoinSet::new();
    let (mut refused, mut ended) = (0, 0);
    // Any number in the range that is accepted will do.
    let g_b: [u8; 256] = {
        let mut number: [u8; 256] = env::bytes(&mut RealDice);
        // Not below 2^(2048 - 64), and below the prime, whose first bit is set.
        if let Some(first) = number.first_mut() {
            *first = 0x40 | (*first & 0x3f);
        }
        number
    };
    while begun.elapsed() < time {
        every.tick().await;
        let now = begun.elapsed().as_secs_f64() * rate;
        due = f64::max(due, now - BEHIND_MAX.as_secs_f64() * rate);
        while due < now && tasks.len() < UNDER_WAY_MAX {
            due += 1.0;
            count += 1;
            let key = key.clone();
            tasks.spawn_local(async move {
                let exchange = async {
                    let mut link = Link::connect(addr).await?;
                    let exchange = link.half_open(&key, true).await?;
                    link.end_cheaply(exchange, &g_b).await
                };
                tokio::time::timeout(WINDOW, exchange).await.map_err(LoadError::new)?
            });
        }
        while let Some(done) = tasks.try_join_next() {
            match done {
                Ok(Ok(())) => ended += 1,
                _ => refused += 1,
            }
        }
        if begun.elapsed() >= told + TELL_EVERY {
            told = begun.elapsed();
            let (seconds, cpu) = (told.as_secs_f64(), proc::own_usage().cpu);
            let offered = Offered { seconds, begun: count, refused, ended, cpu };
            say(&format!("{}\n", offered.line()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_flooder_tells_is_understood() {
        let offered = Offered {
            seconds: 2.5,
            begun: 3_000,
            refused: 2_400,
            ended: 500,
            cpu: Duration::from_millis(1_250),
        };
        assert_eq!(Offered::read(&offered.line()), Some(offered));
        assert_eq!(Offered::read("ready"), None);
        assert_eq!(Offered::read("1 2 3"), None);
    }
}
