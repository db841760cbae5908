//! Floods: half-open handshakes, slow writers, garbage, and more handshakes than there is processor for; and what an
//! honest client notices of them.

mod bystander;
mod handshakes;
mod in_process;

use std::cell::Cell;
use std::ffi::OsStr;
use std::process::Stdio;
use std::rc::Rc;
use std::time::{Duration, Instant};

use env::Dice as _;
use hdrhistogram::Histogram;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::task::JoinSet;

pub(crate) use self::bystander::stand_by;
use self::handshakes::CALLERS;
pub(crate) use self::handshakes::handshake_flood;
use self::in_process::{Stage, WINDOW};
use crate::error::{LoadError, Result};
use crate::link::Link;
use crate::measure::histogram;
use crate::progress::Progress;
use crate::server::{self, Place, Seed, Server};
use crate::world::RealDice;
use crate::{FloodOptions, FloodPart, limits, people, proc};

/// One figure, and what it is to be.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    what: String,
    figure: f64,
    unit: &'static str,
    at_most: Option<f64>,
}

/// Starts this program beside itself, with `args` behind `bench`, and has each of its lines heard. It ends with what is given.
fn beside(args: &[impl AsRef<OsStr>], hear: impl Fn(&str) + 'static) -> Result<Child> {
    let exe = std::env::current_exe().map_err(|e| LoadError::about("this program", e))?;
    let mut command = tokio::process::Command::new(exe);
    command.arg("bench").args(args).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|e| LoadError::about("this program, beside itself", e))?;
    let out = child.stdout.take().ok_or_else(|| LoadError::new("a child has no output"))?;
    let mut lines = BufReader::new(out).lines();
    tokio::task::spawn_local(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            hear(&line);
        }
    });
    Ok(child)
}

/// Connections that are made side by side.
const AT_ONCE: usize = 64;

/// Descriptors that are left for everything else.
const SPARE_FILES: u64 = 512;

/// Floods a server of its own; every figure, in the order in which they were taken.
pub(crate) async fn flood(options: &FloodOptions) -> Result<Vec<Figure>> {
    let mut figures = Figures::default();
    let wanted = |part| options.only.is_none_or(|only| only == part);
    if options.in_process > 0 && wanted(FloodPart::InProcess) {
        let (n, deep) = (options.in_process, options.deep);
        // Not on the thread that the others wait for: there are none yet.
        for held in in_process::hold(n, deep)? {
            let name = in_process::named(held.stage);
            let each = held.bytes as f64 / held.connections as f64;
            figures.add(format!("in process: {} at \"{name}\", each", held.connections), each, "B", None);
            let what = format!("in process: {} at \"{name}\", made in", held.connections);
            figures.add(what, held.took.as_secs_f64(), "s", None);
            let all = each * n as f64 / 1e6;
            let what = if held.connections == n { "in all" } else { "as many as the others" };
            figures.add(format!("in process: {n} at \"{name}\", {what}"), all, "MB", Some(400.0));
        }
    }
    if options.only == Some(FloodPart::InProcess) {
        return Ok(figures.0);
    }
    let files = raise_files();
    let sockets = options.sockets.min(usize::try_from(files.saturating_sub(SPARE_FILES)).unwrap_or(0));
    let common = &options.common;
    let place = Place::temporary(common.dir.as_deref())?;
    let seed = Seed { people: CALLERS, ..Seed::default() };
    let keys = server::fill(common, &place, seed).await?;
    let server = Server::start(common, place).await?;
    let callers = people::connect(&server, keys).await?;

    let calm = honest(&server, WINDOW).await?;
    figures.add("honest handshake, nothing else: p50".to_owned(), millis(&calm, 0.5), "ms", None);
    figures.add("honest handshake, nothing else: p99".to_owned(), millis(&calm, 0.99), "ms", None);
    if wanted(FloodPart::HalfOpen) {
        for stage in [None, Some(Stage::ExpectDhParams), Some(Stage::ExpectClientDh)] {
            half_open(&server, stage, sockets, &mut figures).await?;
        }
    }
    if wanted(FloodPart::Nuisances) {
        nuisance(&server, "slow-loris", sockets / 3, Dribble::Slow, &mut figures).await?;
        nuisance(&server, "garbage", sockets / 3, Dribble::Garbage, &mut figures).await?;
    }
    if wanted(FloodPart::Handshakes) {
        handshakes::handshakes(common, &server, callers, &mut figures).await?;
    }
    server.stop().await?;
    Ok(figures.0)
}

/// For eyes.
pub(crate) fn text(figures: &[Figure]) -> String {
    let mut out = format!("{}\n", proc::machine());
    for Figure { what, figure, unit, at_most } in figures {
        let verdict = match at_most {
            None => String::new(),
            Some(most) if figure <= most => format!("  (at most {most}: held)"),
            Some(most) => format!("  (at most {most}: NOT held)"),
        };
        out.push_str(&format!("  {what:<72}{figure:>12.1} {unit}{verdict}\n"));
    }
    out
}

#[derive(Default)]
struct Figures(Vec<Figure>);

impl Figures {
    fn add(&mut self, what: String, figure: f64, unit: &'static str, at_most: Option<f64>) {
        self.0.push(Figure { what, figure, unit, at_most });
    }
}

fn millis(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e6
}

/// Lets this process, and the server that it starts, have as many files as the system allows; how many.
fn raise_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Whole handshakes one after the other for `time`: how long each took.
async fn honest(server: &Server, time: Duration) -> Result<Histogram<u64>> {
    let progress = Progress::saying("honest handshakes");
    let (mut took, begun) = (histogram(), Instant::now());
    while begun.elapsed() < time {
        let start = Instant::now();
        let made = async {
            let mut link = Link::connect(server.addr).await?;
            link.make_key(&server.key).await
        };
        tokio::time::timeout(limits::PATIENCE, made)
            .await
            .map_err(|_| LoadError::new("an honest handshake does not end"))??;
        took.saturating_record(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    progress.end();
    Ok(took)
}

/// Does `make` for `n` connections, [`AT_ONCE`] side by side, until `patience` ends.
async fn many<T: 'static, F: Future<Output = Result<T>>>(
    n: usize,
    patience: Duration,
    what: &str,
    make: impl Fn(usize) -> F + Clone + 'static,
) -> Vec<T> {
    let progress = Progress::counting(what, n);
    let next = Rc::new(Cell::new(0));
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for _ in 0..AT_ONCE {
        let (next, progress, make) = (Rc::clone(&next), progress.clone(), make.clone());
        tasks.spawn_local(async move {
            let mut made = Vec::new();
            while next.get() < n && begun.elapsed() < patience {
                next.set(next.get() + 1);
                if let Ok(one) = make(next.get()).await {
                    made.push(one);
                }
                progress.step();
            }
            made
        });
    }
    let mut all = Vec::new();
    while let Some(made) = tasks.join_next().await {
        all.extend(made.unwrap_or_default());
    }
    progress.end();
    all
}

/// Sockets that stay at one stage of the handshake; nothing said at all, if none is named.
async fn half_open(
    server: &Server,
    stage: Option<Stage>,
    sockets: usize,
    figures: &mut Figures,
) -> Result<()> {
    let name = stage.map_or("nothing said", in_process::named);
    let before = server.usage().map_or(0, |usage| usage.rss_bytes);
    let (addr, key) = (server.addr, server.key.clone());
    let what = format!("half open, {name}");
    // What the first of them are allowed to stay bounds how many there can be.
    let held = many(sockets, WINDOW * 2, &what, move |_| {
        let key = key.clone();
        async move {
            let mut link = Link::connect(addr).await?;
            if let Some(stage) = stage {
                link.half_open(&key, stage == Stage::ExpectClientDh).await?;
            }
            Ok(link)
        }
    })
    .await;
    let after = server.usage().map_or(0, |usage| usage.rss_bytes);
    let took = honest(server, WINDOW).await?;
    let n = held.len();
    figures.add(
        format!("sockets: {n} at \"{name}\", server memory of each"),
        (after.saturating_sub(before)) as f64 / n.max(1) as f64,
        "B",
        None,
    );
    figures.add(
        format!("sockets: {n} at \"{name}\", honest handshake p99"),
        millis(&took, 0.99),
        "ms",
        Some(1000.0),
    );
    Ok(())
}

/// How a nuisance writes.
#[derive(Clone, Copy)]
enum Dribble {
    /// The beginning of a packet, a byte a second.
    Slow,
    /// Noise.
    Garbage,
}

/// Sockets that never say anything that can be understood.
async fn nuisance(server: &Server, name: &str, n: usize, how: Dribble, figures: &mut Figures) -> Result<()> {
    let addr = server.addr;
    let made = many(n, WINDOW, name, move |_| async move {
        let mut stream = TcpStream::connect(addr).await?;
        let mut noise: [u8; 256] = env::bytes(&mut RealDice);
        match how {
            // Abridged framing announces a long packet.
            Dribble::Slow => stream.write_all(&[0xef, 0x40]).await?,
            Dribble::Garbage => {
                RealDice.fill(&mut noise);
                stream.write_all(&noise).await?;
            }
        }
        Ok(stream)
    })
    .await;
    let n = made.len();
    let begun = Instant::now();
    let open = Rc::new(Cell::new(n));
    let dribbling = {
        let open = Rc::clone(&open);
        tokio::task::spawn_local(async move {
            let mut streams = made;
            let mut every = tokio::time::interval(Duration::from_secs(1));
            while !streams.is_empty() && begun.elapsed() < STAY_MAX {
                every.tick().await;
                streams.retain(|stream| {
                    let mut byte = [0; 64];
                    let gone = matches!(stream.try_read(&mut byte), Ok(0))
                        || stream
                            .try_read(&mut byte)
                            .is_err_and(|e| e.kind() != std::io::ErrorKind::WouldBlock);
                    !gone && (!matches!(how, Dribble::Slow) || stream.try_write(&[0]).is_ok())
                });
                open.set(streams.len());
            }
            begun.elapsed()
        })
    };
    let took = honest(server, WINDOW).await?;
    let gone = dribbling.await.map_err(LoadError::new)?;
    figures.add(
        format!("{name}: {n} sockets, honest handshake p99"),
        millis(&took, 0.99),
        "ms",
        Some(1000.0),
    );
    figures.add(
        format!("{name}: {n} sockets, still open after {} s", gone.as_secs()),
        open.get() as f64,
        "",
        Some(0.0),
    );
    Ok(())
}

/// How long a nuisance may stay at most before it counts as not closed.
const STAY_MAX: Duration = Duration::from_secs(60);
