//! The cost of growth: the same operations with little and with much of everything, side by side in one run.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::error::{LoadError, Result};
use crate::progress::Progress;
use crate::report::{Report, short};
use crate::server::{self, Place, Seed, Server};
use crate::{GrowthOptions, Options, people, proc, workload};

/// One operation, with little and with much.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// What grows.
    pub(crate) grows: String,
    /// From how much to how much.
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// What is measured.
    pub(crate) what: String,
    pub(crate) unit: String,
    pub(crate) small: f64,
    pub(crate) large: f64,
}

impl Row {
    fn new(grows: &str, (from, to): (usize, usize), what: &str, unit: &str, small: f64, large: f64) -> Self {
        let (grows, what, unit) = (grows.to_owned(), what.to_owned(), unit.to_owned());
        Self { grows, from, to, what, unit, small, large }
    }

    /// How many times as much it is.
    pub(crate) fn ratio(&self) -> f64 {
        if self.small > 0.0 { self.large / self.small } else { 0.0 }
    }
}

/// Measures all that `options` ask for.
pub(crate) async fn growth(options: &GrowthOptions) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let pair = |all: &[usize]| Some((*all.first()?, *all.last()?)).filter(|(from, to)| from < to);
    if let Some(sizes) = pair(&options.messages) {
        messages(&options.common, sizes, &mut rows).await?;
    }
    if let Some(sizes) = pair(&options.online) {
        connections(&options.common, sizes, &mut rows).await?;
    }
    if let Some(sizes) = pair(&options.members) {
        members(&options.common, sizes, &mut rows).await?;
    }
    Ok(rows)
}

/// For eyes, and for a page.
pub(crate) fn text(rows: &[Row]) -> String {
    let mut out = format!("{}\n\n", proc::machine());
    out.push_str(
        "| what grows | operation | unit | with little | with much | ratio |\n|---|---|---|---|---|---|\n",
    );
    for row in rows {
        out.push_str(&format!(
            "| {}: {} to {} | {} | {} | {} | {} | {:.2} |\n",
            row.grows,
            row.from,
            row.to,
            row.what,
            row.unit,
            short(row.small),
            short(row.large),
            row.ratio()
        ));
    }
    out
}

/// The figures of a report that are compared.
fn compare(rows: &mut Vec<Row>, grows: &str, sizes: (usize, usize), small: &Report, large: &Report) {
    let mut row = |what: &str, unit: &str, figure: &dyn Fn(&Report) -> f64| {
        let what = format!("{}: {what}", small.workload);
        rows.push(Row::new(grows, sizes, &what, unit, figure(small), figure(large)));
    };
    row("server processor time of each", "us", &|report| report.server_cpu_us.unwrap_or(0.0));
    for latency in &small.latencies {
        for (quantile, name) in [(0.5, "p50"), (0.99, "p99")] {
            row(&format!("{} {name}", latency.to), "ms", &|report| {
                report.latencies.iter().find(|l| l.to == latency.to).map_or(0.0, |l| l.at(quantile) / 1e3)
            });
        }
    }
    row("in a second", "", &|report| report.per_second);
}

/// What a store of some size costs.
struct Stored {
    send: Report,
    history: Report,
    start_clean: f64,
    open_clean: f64,
    start_killed: f64,
    open_killed: f64,
    disk_mib: f64,
}

async fn messages(options: &Options, sizes: (usize, usize), rows: &mut Vec<Row>) -> Result<()> {
    let small = stored(options, sizes.0).await?;
    let large = stored(options, sizes.1).await?;
    let grows = "messages stored";
    compare(rows, grows, sizes, &small.send, &large.send);
    compare(rows, grows, sizes, &small.history, &large.history);
    let mut row = |what: &str, unit: &str, figure: &dyn Fn(&Stored) -> f64| {
        rows.push(Row::new(grows, sizes, what, unit, figure(&small), figure(&large)));
    };
    row("disk", "MiB", &|stored| stored.disk_mib);
    row("start after a clean stop", "s", &|stored| stored.start_clean);
    row("bare open of the engine after a clean stop", "s", &|stored| stored.open_clean);
    row("start after a kill", "s", &|stored| stored.start_killed);
    row("bare open of the engine after a kill", "s", &|stored| stored.open_killed);
    for (state, of) in [("clean stop", 0), ("kill", 1)] {
        let ratio = |stored: &Stored| match of {
            0 => stored.start_clean / stored.open_clean.max(1e-9),
            _ => stored.start_killed / stored.open_killed.max(1e-9),
        };
        row(&format!("start / bare open, after a {state}"), "times", &ratio);
    }
    Ok(())
}

async fn stored(options: &Options, messages: usize) -> Result<Stored> {
    let place = Place::temporary(options.dir.as_deref())?;
    let people = (options.connections / 2).max(1) * 2;
    let progress = Progress::saying(&format!("storing {messages} messages"));
    let keys = server::fill(options, &place, Seed { people, messages, ..Seed::default() }).await?;
    progress.end();
    let disk_mib = bytes_below(&place.data()) as f64 / 1048576.0;
    let server = Server::start(options, place).await?;
    let send = workload::send_on(options, &server, people::connect(&server, keys.clone()).await?).await?;
    let readers = people::connect(&server, keys.clone()).await?;
    let history = workload::history_on(options, &server, readers).await?;
    let place = server.stop().await?.ok_or_else(|| LoadError::new("the server was not ours"))?;

    let open_clean = server::bare_open(options, &place.data()).await?;
    let begun = Instant::now();
    let server = Server::start(options, place).await?;
    let start_clean = begun.elapsed().as_secs_f64();
    // Something has to be under way when it is killed.
    let short = Options { duration: 2.0, warm_up: 0.0, ..options.clone() };
    workload::send_on(&short, &server, people::connect(&server, keys).await?).await?;
    let place = server.kill().await?;
    // Opening mends what the kill left, so that each has a copy of its own.
    let copy = Place::temporary(options.dir.as_deref())?;
    copy_all(&place.data(), &copy.data())?;
    let open_killed = server::bare_open(options, &copy.data()).await?;
    drop(copy);
    let begun = Instant::now();
    let server = Server::start(options, place).await?;
    let start_killed = begun.elapsed().as_secs_f64();
    server.stop().await?;
    Ok(Stored { send, history, start_clean, open_clean, start_killed, open_killed, disk_mib })
}

/// The same pairs talk while few or many others are connected and silent.
async fn connections(options: &Options, sizes: (usize, usize), rows: &mut Vec<Row>) -> Result<()> {
    let mut reports = Vec::new();
    for n in [sizes.0, sizes.1] {
        // As many in both, in pairs: it is the silent ones that grow.
        let talking = (options.connections.min(sizes.0) / 2 * 2).max(2);
        let place = Place::temporary(options.dir.as_deref())?;
        let mut keys = server::fill(options, &place, Seed { people: n.max(2), ..Seed::default() }).await?;
        let server = Server::start(options, place).await?;
        let silent = people::connect(&server, keys.split_off(talking)).await?;
        let talkers = people::connect(&server, keys).await?;
        reports.push(workload::send_on(options, &server, talkers).await?);
        drop(silent);
        server.stop().await?;
    }
    if let [small, large] = reports.as_slice() {
        compare(rows, "connections", sizes, small, large);
    }
    Ok(())
}

/// Posts in channels with few and with many members, of whom the same few are online.
async fn members(options: &Options, sizes: (usize, usize), rows: &mut Vec<Row>) -> Result<()> {
    let mut reports = Vec::new();
    for n in [sizes.0, sizes.1] {
        let online = sizes.0.min(n);
        let place = Place::temporary(options.dir.as_deref())?;
        let progress = Progress::saying(&format!("signing {n} members up"));
        let seed = Seed { people: n.max(2), messages: 0, members: n };
        let mut keys = server::fill(options, &place, seed).await?;
        progress.end();
        keys.truncate(online);
        let server = Server::start(options, place).await?;
        let people = people::connect(&server, keys).await?;
        reports.push(workload::fanout_on(options, &server, people).await?);
        server.stop().await?;
    }
    if let [small, large] = reports.as_slice() {
        compare(rows, "members of a channel, the same few online", sizes, small, large);
    }
    Ok(())
}

/// Bytes of all files below `path`.
fn bytes_below(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Copies a directory with all that is in it; sockets, which nobody needs, are left out.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)?.flatten() {
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_all(&entry.path(), &to)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
