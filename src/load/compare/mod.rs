//! The same pattern against other servers, in the same run: pairs of clients, and one sender to many.
//!
//! A closed loop: a sender sends the next message when the last one is acknowledged, or, where nothing is, when it has been
//! delivered. Each server is alone on the machine with the generator while it is measured.

mod dialect;
mod peers;

use std::cell::Cell;
use std::fmt::Write as _;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::dialect::{Client, Dialect, Event};
use self::peers::Peer;
use crate::drive::stamp;
use crate::error::{LoadError, Result};
use crate::measure::{Phase, Run};
use crate::report::{Report, short};
use crate::workload::{self, phases};
use crate::{CompareOptions, Options, proc};

/// Bytes of a text.
const TEXT_BYTES: usize = 128;

/// Under way at once on each connection, in the second echo.
const WINDOW: usize = 16;

/// The name of that echo among the workloads.
const MANY: &str = "echo, 16 in flight";

/// The topic that everybody hears.
const ALL: &str = "bench/all";

/// Measures all servers that are here.
pub(crate) async fn compare(options: &CompareOptions) -> Result<(Vec<Report>, String)> {
    let common = Options { size: Some(TEXT_BYTES), in_flight: 1, rate: None, ..options.common.clone() };
    let pairs = (common.connections / 2).max(1);
    let mut reports = Vec::new();
    let mut out = String::new();
    let mut missing = Vec::new();
    for (name, program, dialect) in peers::PEERS {
        // One that does not work keeps nobody from the others.
        match of_peer(&common, name, program, dialect, options.members, &mut reports).await {
            Ok(true) => {}
            Ok(false) => missing.push(format!("not installed: {program}")),
            Err(error) => missing.push(format!("not measured: {error}")),
        }
    }
    let echo = Options { connections: pairs, ..common.clone() };
    reports.push(workload::echo(&echo).await?);
    let many = workload::echo(&Options { in_flight: WINDOW, ..echo }).await?;
    reports.push(Report { workload: MANY.to_owned(), ..many });
    reports.push(workload::send(&common).await?);
    if options.members > 0 {
        reports.push(workload::fanout(&Options { connections: options.members, ..common.clone() }).await?);
    }
    let _ = writeln!(out, "{}\n", proc::machine());
    table(&mut out, &format!("{pairs} pairs, {TEXT_BYTES} B"), &reports, &["pairs", "echo", "send"]);
    table(&mut out, &format!("{pairs} pairs, {TEXT_BYTES} B, {WINDOW} in flight"), &reports, &[MANY]);
    if options.members > 0 {
        table(&mut out, &format!("one to {}, {TEXT_BYTES} B", options.members), &reports, &["fanout"]);
    }
    for name in missing {
        let _ = writeln!(out, "{name}");
    }
    ratios(&mut out, &reports);
    Ok((reports, out))
}

fn table(out: &mut String, title: &str, reports: &[Report], workloads: &[&str]) {
    let _ = writeln!(
        out,
        "{title:<34}{:>11}{:>13}{:>10}{:>10}{:>10}{:>9}{:>9}",
        "delivered/s", "server us", "p50 ms", "p99 ms", "MiB", "B up", "B down"
    );
    for report in reports.iter().filter(|report| workloads.contains(&report.workload.as_str())) {
        let latency = report.latencies.iter().find(|l| l.to == "delivered").or(report.latencies.first());
        let millis = |q| latency.map_or_else(String::new, |l| format!("{:.2}", l.at(q) / 1e3));
        let name = match report.server.as_str() {
            "chappe" => format!("chappe {}", report.workload),
            other => other.to_owned(),
        };
        let _ = writeln!(
            out,
            "{name:<34}{:>11}{:>13}{:>10}{:>10}{:>10}{:>9.0}{:>9.0}",
            short(report.per_second),
            report.server_cpu_us.map_or_else(String::new, short),
            millis(0.5),
            millis(0.99),
            report.server_rss_bytes.map_or_else(String::new, |b| short(b as f64 / 1048576.0)),
            report.bytes_up,
            report.bytes_down
        );
    }
    out.push('\n');
}

/// What chappe's processor time is to each other server's.
fn ratios(out: &mut String, reports: &[Report]) {
    let cpu = |server: &str, workload: &str| {
        let found = reports.iter().find(|r| r.server == server && r.workload == workload);
        found.and_then(|report| report.server_cpu_us).filter(|us| *us > 0.0)
    };
    for (ours, theirs) in [("echo", "pairs"), (MANY, MANY), ("send", "pairs"), ("fanout", "fanout")] {
        let Some(our) = cpu("chappe", ours) else { continue };
        for report in reports.iter().filter(|r| r.workload == theirs && r.server != "chappe") {
            // An echo is comparable with an echo, a message with a message.
            if ours.starts_with("echo") != report.server.starts_with("raw") {
                continue;
            }
            if let Some(their) = cpu(&report.server, theirs) {
                let _ = writeln!(
                    out,
                    "chappe {ours} / {}: {:.2} x the processor time",
                    report.server,
                    our / their
                );
            }
        }
    }
}

/// Measures one other server; whether it is there.
async fn of_peer(
    options: &Options,
    name: &str,
    program: &str,
    dialect: Dialect,
    members: usize,
    reports: &mut Vec<Report>,
) -> Result<bool> {
    let Some(peer) = peers::start_one(name, program, dialect).await? else { return Ok(false) };
    let pairs = (options.connections / 2).max(1);
    let measured = async {
        reports.push(of_pairs(options, &peer, pairs).await?);
        if dialect == Dialect::Raw {
            let many = of_pairs(&Options { in_flight: WINDOW, ..options.clone() }, &peer, pairs).await?;
            reports.push(Report { workload: MANY.to_owned(), ..many });
        }
        if members > 0 && matches!(dialect, Dialect::Mqtt | Dialect::Nats) {
            reports.push(to_many(options, &peer, members).await?);
        }
        Ok::<_, LoadError>(true)
    };
    let measured = measured.await;
    // Also what it started itself.
    peer.stop().await?;
    measured
}

/// Pairs: each sender's messages go to one receiver.
async fn of_pairs(options: &Options, peer: &Peer, pairs: usize) -> Result<Report> {
    let run = Run::new();
    let mut tasks = JoinSet::new();
    for n in 0..pairs {
        let topic = format!("bench/{n}");
        let echo = peer.dialect == Dialect::Raw;
        let topics: &[String] = if echo { &[] } else { std::slice::from_ref(&topic) };
        let reader = Client::connect(peer.addr, peer.dialect, 2 * n, topics).await?;
        let topic = if peer.dialect == Dialect::Xmpp { reader.address.clone() } else { topic };
        let came = Rc::new(Came::default());
        if echo {
            tasks.spawn_local(speak(reader, topic, Rc::clone(&run), came, Wait::Own(options.in_flight)));
        } else {
            let writer = Client::connect(peer.addr, peer.dialect, 2 * n + 1, &[]).await?;
            let wait = if peer.dialect == Dialect::Mqtt { Wait::Acknowledged } else { Wait::Delivered(1) };
            tasks.spawn_local(listen(reader, Rc::clone(&run), Rc::clone(&came)));
            tasks.spawn_local(speak(writer, topic, Rc::clone(&run), came, wait));
        }
    }
    finish(options, peer, run, tasks, "pairs", &format!("{pairs} pairs"), pairs * options.in_flight).await
}

/// One sender to many.
async fn to_many(options: &Options, peer: &Peer, members: usize) -> Result<Report> {
    let run = Run::new();
    let mut tasks = JoinSet::new();
    let came = Rc::new(Came::default());
    for n in 0..members {
        let reader = Client::connect(peer.addr, peer.dialect, n, &[ALL.to_owned()]).await?;
        tasks.spawn_local(listen(reader, Rc::clone(&run), Rc::clone(&came)));
    }
    let writer = Client::connect(peer.addr, peer.dialect, members, &[]).await?;
    tasks.spawn_local(speak(writer, ALL.to_owned(), Rc::clone(&run), came, Wait::Delivered(members)));
    finish(options, peer, run, tasks, "fanout", &format!("one to {members}"), 0).await
}

async fn finish(
    options: &Options,
    peer: &Peer,
    run: Rc<Run>,
    tasks: JoinSet<Result<()>>,
    workload: &str,
    how: &str,
    slots: usize,
) -> Result<Report> {
    let (seconds, counted, spent) = phases(options, &|| peer.usage(), &run, &peer.name, tasks).await?;
    let mut report = Report::new(workload, "messages delivered", seconds, &counted, spent);
    if slots > 0 {
        report.correct(&counted, slots);
    }
    report.server.clone_from(&peer.name);
    report.how = format!("{how}, {TEXT_BYTES} B of text, closed loop");
    report.machine = proc::machine();
    Ok(report)
}

/// What a sender waits for before the next message.
#[derive(Clone, Copy)]
enum Wait {
    /// What it sent comes back to itself; so many are under way at once.
    Own(usize),
    /// The server's acknowledgement.
    Acknowledged,
    /// So many have it.
    Delivered(usize),
}

/// Messages that came since the last one was sent.
#[derive(Default)]
struct Came {
    count: Cell<usize>,
    told: Notify,
}

async fn speak(mut client: Client, topic: String, run: Rc<Run>, came: Rc<Came>, wait: Wait) -> Result<()> {
    let (mut phases, mut events) = (run.follow(), Vec::new());
    phases.wait_for(|phase| *phase >= Phase::Warming).await.map_err(LoadError::new)?;
    let (all, mut under_way) = (if let Wait::Own(all) = wait { all } else { 1 }, 0);
    while run.phase() < Phase::Draining {
        let due = run.now();
        came.count.set(0);
        while under_way < all {
            client.put(&topic, &stamp::text(due, TEXT_BYTES));
            under_way += 1;
        }
        client.flush().await?;
        let mut done = false;
        while !done && run.phase() < Phase::Over {
            tokio::select! {
                heard = client.hear(&mut events) => heard?,
                () = came.told.notified() => {}
                _ = phases.changed() => {}
            }
            for event in events.drain(..) {
                match (event, wait) {
                    (Event::Message(start), Wait::Own(_)) => {
                        run.took("delivered", start);
                        run.done(1);
                        under_way = under_way.saturating_sub(1);
                        done = true;
                    }
                    (Event::Acknowledged, Wait::Acknowledged) => {
                        run.took("acknowledged", due);
                        under_way = 0;
                        done = true;
                    }
                    _ => {}
                }
            }
            if let Wait::Delivered(all) = wait {
                done = came.count.get() >= all;
                under_way = usize::from(!done);
            }
        }
        let (sent, received) = std::mem::take(&mut client.carried);
        run.carried(sent, received);
    }
    until_over(&run).await
}

async fn listen(mut client: Client, run: Rc<Run>, came: Rc<Came>) -> Result<()> {
    let (mut phases, mut events) = (run.follow(), Vec::new());
    while run.phase() < Phase::Over {
        tokio::select! {
            heard = client.hear(&mut events) => heard?,
            _ = phases.changed() => {}
        }
        for event in events.drain(..) {
            if let Event::Message(start) = event {
                run.took("delivered", start);
                run.done(1);
                came.count.set(came.count.get() + 1);
                came.told.notify_one();
            }
        }
        let (sent, received) = std::mem::take(&mut client.carried);
        run.carried(sent, received);
    }
    Ok(())
}

async fn until_over(run: &Run) -> Result<()> {
    run.follow().wait_for(|phase| *phase == Phase::Over).await.map(drop).map_err(LoadError::new)
}

/// Gives back what it gets, to everybody, until it is killed.
pub(crate) async fn raw_echo(addr: std::net::SocketAddr) -> Result<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind(addr).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::task::spawn_local(async move {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                if stream.write_all(buffer.get(..n).unwrap_or_default()).await.is_err() {
                    return;
                }
            }
        });
    }
}
