//! The load generator behind `chappe bench`: clients of the real protocol over loopback addresses, bounded in number and
//! time.
//!
//! One thread drives all connections, so that it leaves the rest of a small machine to the server. Latencies begin when
//! an operation was due, not when there was time to start it; in a closed loop, which has no such moments, the histogram
//! is corrected by the mean distance of an operation from the next one of its slot.
//!
//! Absent: the server's own crates. What is measured is seen as any client sees it, and from outside of its process.
#![forbid(unsafe_code)]

mod compare;
mod drive;
mod error;
mod flood;
mod growth;
mod limits;
mod link;
mod measure;
mod people;
mod plot;
mod proc;
mod progress;
mod report;
mod server;
mod workload;
mod world;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

pub use error::LoadError;
use error::Result;
use report::Report;

/// Measures a server.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Pings and their pongs: what the protocol and the sockets cost, without the store.
    Echo(Options),
    /// Private messages: stored, durable, and delivered to a second client.
    Send(Options),
    /// Posts of a channel, delivered to all its members, who are online.
    Fanout(Options),
    /// Pages of 50 messages.
    History(Options),
    /// Parts of files, stored.
    Upload(Options),
    /// Authorised connections that say nothing: what they hold.
    Idle(Options),
    /// Whole key exchanges, one connection each.
    Handshake(Options),
    /// What people do in a day, mixed.
    Mixed(Options),
    /// The same pattern against other servers that are installed (mosquitto, nats-server, ejabberd), and a raw TCP echo.
    Compare(CompareOptions),
    /// Half-open handshakes, slow writers, garbage, too many handshakes: what an honest client notices of them.
    Flood(FloodOptions),
    /// The same operations with little and with much of everything: messages stored, connections, members.
    Growth(GrowthOptions),
    /// Begins too many handshakes; what `flood` starts beside itself.
    #[command(hide = true)]
    HandshakeFlood {
        /// Where.
        addr: SocketAddr,
        /// The server's public RSA key.
        key: PathBuf,
        /// How many a second.
        rate: f64,
        /// For how many seconds.
        seconds: f64,
    },
    /// Wants a processor now and then, and tells how long it waited; what `flood` starts beside itself.
    #[command(hide = true)]
    Bystander {
        /// For how many seconds.
        seconds: f64,
    },
    /// Gives back what it gets; the raw TCP echo of `compare`.
    #[command(hide = true)]
    RawEcho {
        /// Where.
        addr: SocketAddr,
    },
}

/// What to compare.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct CompareOptions {
    #[command(flatten)]
    common: Options,
    /// Receivers of one sender; none, if 0.
    #[arg(long, default_value_t = 1000, value_parser = within(0, limits::CONNECTIONS_MAX))]
    members: usize,
}

/// How to measure.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Options {
    /// Connections (for `send`: half of them write, half of them read).
    #[arg(long, short, default_value_t = 100, value_parser = within(1, limits::CONNECTIONS_MAX))]
    connections: usize,
    /// Operations in a second, all connections together: an open loop. Left out: a closed loop, each connection as fast
    /// as it is answered.
    #[arg(long, short)]
    rate: Option<f64>,
    /// Operations under way on each connection, in a closed loop.
    #[arg(long, short, default_value_t = 1, value_parser = within(1, limits::IN_FLIGHT_MAX))]
    in_flight: usize,
    /// Seconds to measure.
    #[arg(long, short, default_value_t = 10.0)]
    duration: f64,
    /// Seconds to run before it is measured.
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
    /// Bytes of a text (of a part, for `upload`).
    #[arg(long, short)]
    size: Option<usize>,
    /// The storage engine of the server that is started.
    #[arg(long, value_enum, default_value_t = Engine::Sled)]
    engine: Engine,
    /// Where the server that is started puts its data, below a directory that vanishes. Left out: where temporary files go.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A server that runs already, with test numbers, instead of one that is started.
    #[arg(long, value_name = "ADDR")]
    target: Option<SocketAddr>,
    /// Its public RSA key.
    #[arg(long, value_name = "PEM")]
    key: Option<PathBuf>,
    /// Its process, for its processor time and memory.
    #[arg(long)]
    pid: Option<u32>,
    /// Allows a target that is not this machine.
    #[arg(long)]
    not_loopback: bool,
    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draws the latencies as an SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// How to flood.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct FloodOptions {
    #[command(flatten)]
    common: Options,
    /// Sockets that are held half open, as far as the limit of open files goes.
    #[arg(long, default_value_t = 15_000, value_parser = within(1, limits::CONNECTIONS_MAX))]
    sockets: usize,
    /// Half-open handshakes that are held in this process, without sockets, at each stage.
    #[arg(long, default_value_t = 100_000, value_parser = within(0, limits::IN_PROCESS_MAX))]
    in_process: usize,
    /// How many of them at the stage whose computation takes milliseconds for each.
    #[arg(long, default_value_t = 10_000, value_parser = within(0, limits::IN_PROCESS_MAX))]
    deep: usize,
    /// One part of it alone.
    #[arg(long, value_enum)]
    only: Option<FloodPart>,
}

/// A part of a flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FloodPart {
    /// Half-open handshakes without sockets.
    InProcess,
    /// Half-open handshakes, and connections that say nothing.
    HalfOpen,
    /// Slow writers and noise.
    Nuisances,
    /// More handshakes than the server has processor for.
    Handshakes,
}

/// What is to grow. Of each list, the first and the last are compared; a list of one leaves that part out.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct GrowthOptions {
    #[command(flatten)]
    common: Options,
    /// Messages stored.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 1_000_000])]
    messages: Vec<usize>,
    /// Connections open, of which `--connections` talk.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 10_000])]
    online: Vec<usize>,
    /// Members of a channel, of whom as many as the first number says are online.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100_000])]
    members: Vec<usize>,
}

/// A storage engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// The default.
    Sled,
    /// The other one.
    Fjall,
    /// Nothing is durable.
    Memory,
}

impl Options {
    fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.duration).unwrap_or_default().min(limits::DURATION_MAX)
    }

    fn warm_up(&self) -> Duration {
        Duration::try_from_secs_f64(self.warm_up).unwrap_or_default().min(limits::DURATION_MAX)
    }
}

/// A number between two bounds.
fn within(min: usize, max: usize) -> impl Fn(&str) -> std::result::Result<usize, String> + Clone {
    move |text| {
        let n = text.parse::<usize>().map_err(|e| e.to_string())?;
        if (min..=max).contains(&n) { Ok(n) } else { Err(format!("must be {min} to {max}")) }
    }
}

/// Runs a measurement and prints what it found.
///
/// # Errors
/// [`LoadError`]: why there is no result.
pub fn run(args: &Args) -> std::result::Result<(), LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(async {
        // Servers that were started here end with what holds them, also when somebody loses patience.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            done = dispatch(args) => done,
            _ = terminate.recv() => Err(LoadError::new("stopped by a signal")),
            _ = interrupt.recv() => Err(LoadError::new("stopped by a signal")),
        }
    }))
}

async fn dispatch(args: &Args) -> Result<()> {
    let (options, report) = match &args.command {
        Command::Echo(options) => (options, workload::echo(options).await?),
        Command::Send(options) => (options, workload::send(options).await?),
        Command::Fanout(options) => (options, workload::fanout(options).await?),
        Command::History(options) => (options, workload::history(options).await?),
        Command::Upload(options) => (options, workload::upload(options).await?),
        Command::Idle(options) => (options, workload::idle(options).await?),
        Command::Handshake(options) => (options, workload::handshake(options).await?),
        Command::Mixed(options) => (options, workload::mixed(options).await?),
        Command::Compare(options) => {
            let (reports, text) = compare::compare(options).await?;
            say(&text)?;
            return keep(&options.common, &reports);
        }
        Command::Flood(options) => {
            let figures = flood::flood(options).await?;
            say(&flood::text(&figures))?;
            return write_json(&options.common, &figures);
        }
        Command::Growth(options) => {
            let rows = growth::growth(options).await?;
            say(&growth::text(&rows))?;
            if let Some(path) = &options.common.plot {
                plot::growth(path, &rows)?;
            }
            return write_json(&options.common, &rows);
        }
        Command::HandshakeFlood { addr, key, rate, seconds } => {
            if !addr.ip().is_loopback() {
                return Err(LoadError::about(addr, "floods are for loopback addresses"));
            }
            let time = Duration::try_from_secs_f64(*seconds).unwrap_or_default().min(limits::DURATION_MAX);
            return flood::handshake_flood(*addr, server::read_key(key)?, *rate, time).await;
        }
        Command::Bystander { seconds } => {
            let time = Duration::try_from_secs_f64(*seconds).unwrap_or_default().min(limits::DURATION_MAX);
            return flood::stand_by(time);
        }
        Command::RawEcho { addr } => return compare::raw_echo(*addr).await,
    };
    finish(options, &[report])
}

/// Prints, writes and draws reports as `options` ask.
fn finish(options: &Options, reports: &[Report]) -> Result<()> {
    for report in reports {
        say(&report.text())?;
    }
    keep(options, reports)
}

/// Writes and draws reports as `options` ask.
fn keep(options: &Options, reports: &[Report]) -> Result<()> {
    write_json(options, reports)?;
    match &options.plot {
        Some(path) => plot::latencies(path, reports),
        None => Ok(()),
    }
}

/// Writes `what` where `--json` says.
fn write_json(options: &Options, what: &[impl serde::Serialize]) -> Result<()> {
    let Some(path) = &options.json else { return Ok(()) };
    let json = serde_json::to_string_pretty(what).map_err(LoadError::new)?;
    std::fs::write(path, json + "\n").map_err(|e| LoadError::about(path.display(), e))
}

/// Prints on standard output.
fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
