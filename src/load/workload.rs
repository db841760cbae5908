//! The workloads: who connects, and what each connection does.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use env::Dice as _;
use tl::enums;
use tl::functions::messages;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::drive::{Calls, Echo, Job, Pace, Reader, drive, stamp};
use crate::error::{LoadError, Result};
use crate::link::{LAYER, Link, refusal};
use crate::measure::{Counted, Nanos, Phase, Run};
use crate::people::{self, Person};
use crate::proc::Usage;
use crate::progress::Progress;
use crate::report::{Report, Spent};
use crate::server::{self, Place, Seed, Server};
use crate::world::RealDice;
use crate::{Options, limits, proc};

/// Bytes of a text, if nothing is said.
const TEXT_BYTES: usize = 128;

/// Bytes of a part of a file, if nothing is said.
const PART_BYTES: usize = 64 * 1024;

/// Parts of a file.
const PARTS: i32 = 16;

/// Messages that somebody has before its history is read.
const HISTORY_MESSAGES: usize = 200;

/// Messages of a page.
const PAGE: i32 = 50;

/// One connection and what it does.
pub(crate) struct Part {
    pub(crate) link: Link,
    pub(crate) job: Box<dyn Job>,
    pub(crate) pace: Pace,
}

impl Options {
    /// When the `n`th of `all` connections that start operations does so.
    fn pace(&self, n: usize, all: usize) -> Pace {
        match self.rate {
            None => Pace::InFlight(self.in_flight),
            Some(rate) => {
                let between_two = 1e9 / rate.max(1e-3);
                let every = (between_two * all as f64) as u64;
                Pace::Every { first: (between_two * n as f64) as u64, every: every.max(1) }
            }
        }
    }

    fn how(&self, connections: &str, server: &Server) -> String {
        let pace = match self.rate {
            None => format!("closed loop, {} in flight on each", self.in_flight),
            Some(rate) => format!("open loop, {rate} a second in all"),
        };
        let place = match server.file_system() {
            Some(kind) => format!("engine {:?} on {kind}", self.engine).to_lowercase(),
            None => format!("server at {}", server.addr),
        };
        format!("{connections}, {pace}; {place}")
    }

    pub(crate) fn text_bytes(&self) -> usize {
        self.size.unwrap_or(TEXT_BYTES)
    }
}

/// Runs all parts through the phases of a measurement.
pub(crate) async fn measure(
    options: &Options,
    server: &Server,
    run: &Rc<Run>,
    name: &str,
    parts: Vec<Part>,
) -> Result<(f64, Counted, Spent)> {
    let tasks = start(run, parts);
    phases(options, &|| server.usage(), run, name, tasks).await
}

/// Lets all parts begin; they wait for the phases.
fn start(run: &Rc<Run>, parts: Vec<Part>) -> JoinSet<Result<()>> {
    let mut tasks = JoinSet::new();
    for Part { mut link, mut job, mut pace } in parts {
        if let Pace::Every { first, .. } = &mut pace {
            *first += run.now();
        }
        let run = Rc::clone(run);
        tasks.spawn_local(async move { drive(&mut link, job.as_mut(), pace, &run).await });
    }
    tasks
}

/// Leads tasks through the phases of a measurement: seconds, counts, and what the processes used.
pub(crate) async fn phases(
    options: &Options,
    usage: &dyn Fn() -> Option<Usage>,
    run: &Rc<Run>,
    name: &str,
    mut tasks: JoinSet<Result<()>>,
) -> Result<(f64, Counted, Spent)> {
    let line = Progress::saying(name).watch(name.to_owned(), Rc::clone(run), options.duration());
    let line = tokio::task::spawn_local(line);
    run.enter(Phase::Warming);
    all_well(&mut tasks, options.warm_up()).await?;
    let before = (usage(), proc::own_usage(), run.now());
    run.enter(Phase::Measuring);
    all_well(&mut tasks, options.duration()).await?;
    let after = (usage(), proc::own_usage(), run.now());
    run.enter(Phase::Draining);
    let mut waited = std::time::Duration::ZERO;
    while run.under_way() > 0 && waited < limits::DRAIN {
        all_well(&mut tasks, limits::DRAW_EVERY).await?;
        waited += limits::DRAW_EVERY;
    }
    run.enter(Phase::Over);
    while tasks.join_next().await.is_some() {}
    let _ = line.await;
    let seconds = after.2.saturating_sub(before.2) as f64 / 1e9;
    Ok((seconds, run.counted(), Spent::between([before.0, after.0], [before.1, after.1])))
}

/// Waits for `time`; ends early if a connection fails.
async fn all_well(tasks: &mut JoinSet<Result<()>>, time: std::time::Duration) -> Result<()> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        Some(ended) = tasks.join_next() => {
            ended.map_err(LoadError::new)??;
            Err(LoadError::new("a connection ended before the measurement did"))
        }
    }
}

/// Pings over connections that have a key and nothing more.
pub(crate) async fn echo(options: &Options) -> Result<Report> {
    let server = Server::find(options).await?;
    let mut parts = Vec::new();
    let progress = Progress::counting("making keys", options.connections);
    for n in 0..options.connections {
        let mut link = Link::connect(server.addr).await?;
        let made = link.make_key(&server.key).await?;
        link.begin(made.key, made.salt);
        let pace = options.pace(n, options.connections);
        parts.push(Part { link, job: Box::new(Echo::new()), pace });
        progress.step();
    }
    progress.end();
    let run = Run::new();
    let (seconds, counted, spent) = measure(options, &server, &run, "echo", parts).await?;
    let mut report = Report::new("echo", "pings answered", seconds, &counted, spent);
    report.how = options.how(&format!("{} connections", options.connections), &server);
    end(server, correct(options, report, &counted, options.connections)).await
}

/// Private messages from one half of the connections to the other.
pub(crate) async fn send(options: &Options) -> Result<Report> {
    let pairs = (options.connections / 2).max(1);
    let (server, people) = people::gather(options, Seed { people: pairs * 2, ..Seed::default() }).await?;
    let report = send_on(options, &server, people).await?;
    end(server, report).await
}

/// The same on a server that is there, by people in pairs.
pub(crate) async fn send_on(options: &Options, server: &Server, people: Vec<Person>) -> Result<Report> {
    let run = Run::new();
    let mut parts = Vec::new();
    let (bytes, pairs) = (options.text_bytes(), people.len() / 2);
    let mut people = people.into_iter();
    let mut n = 0;
    while let (Some(mut writer), Some(reader)) = (people.next(), people.next()) {
        let peer = writer.find(&reader.phone).await?;
        let make = move |due| ("acknowledged", message(&peer, stamp::text(due, bytes)));
        let job = Box::new(Calls::new(false, make));
        parts.push(Part { link: writer.link, job, pace: options.pace(n, pairs) });
        parts.push(Part { link: reader.link, job: Box::new(Reader::default()), pace: Pace::Listen });
        n += 1;
    }
    let (seconds, counted, spent) = measure(options, server, &run, "send", parts).await?;
    let mut report = Report::new("send", "messages delivered", seconds, &counted, spent);
    report.how = options.how(&format!("{pairs} pairs, {bytes} B of text"), server);
    Ok(correct(options, report, &counted, pairs))
}

/// A text to `peer`, as a query.
fn message(peer: &enums::InputPeer, message: String) -> Bytes {
    let random_id = i64::from_le_bytes(env::bytes(&mut RealDice));
    let query = messages::SendMessage { peer: peer.clone(), message, random_id, ..Default::default() };
    tl::write(&query, LAYER).into()
}

/// Pages of a conversation: each person reads the last page of what it wrote to itself before.
pub(crate) async fn history(options: &Options) -> Result<Report> {
    let n = options.connections;
    let (server, mut people) = people::gather(options, Seed { people: n, ..Seed::default() }).await?;
    let bytes = options.text_bytes();
    let progress = Progress::counting("writing what is read", n);
    for person in &mut people {
        let texts =
            (0..HISTORY_MESSAGES).map(|_| message(&enums::InputPeer::InputPeerSelf, stamp::text(0, bytes)));
        let tickets = texts.map(|text| person.link.call(text)).collect::<Result<Vec<_>>>()?;
        // They are answered in their order.
        if let Some(last) = tickets.last() {
            person.link.answer(*last).await?;
        }
        progress.step();
    }
    progress.end();
    let report = history_on(options, &server, people).await?;
    end(server, report).await
}

/// The last page of the newest private chat of each of `people`, else of what they have saved, on a server that is there.
pub(crate) async fn history_on(options: &Options, server: &Server, people: Vec<Person>) -> Result<Report> {
    let n = people.len();
    let mut parts = Vec::with_capacity(n);
    for (at, mut person) in people.into_iter().enumerate() {
        let dialogs = messages::GetDialogs { limit: 1, ..Default::default() };
        let peer = latest(&person.link.ask(&dialogs).await?).unwrap_or(enums::InputPeer::InputPeerSelf);
        let query: Bytes =
            tl::write(&messages::GetHistory { peer, limit: PAGE, ..Default::default() }, LAYER).into();
        let job = Box::new(Calls::new(true, move |_| ("answered", query.clone())));
        parts.push(Part { link: person.link, job, pace: options.pace(at, n) });
    }
    let run = Run::new();
    let (seconds, counted, spent) = measure(options, server, &run, "history", parts).await?;
    let mut report = Report::new("history", "pages of 50 messages", seconds, &counted, spent);
    report.how = options.how(&format!("{n} connections, {} B of text", options.text_bytes()), server);
    Ok(correct(options, report, &counted, n))
}

/// The partner of the newest private chat among `dialogs`.
fn latest(dialogs: &enums::messages::Dialogs) -> Option<enums::InputPeer> {
    let users = match dialogs {
        enums::messages::Dialogs::Dialogs(all) => &all.users,
        enums::messages::Dialogs::DialogsSlice(some) => &some.users,
        enums::messages::Dialogs::DialogsNotModified(_) => return None,
    };
    users.iter().find_map(|user| match user {
        enums::User::User(user) if !user.self_ => {
            let access_hash = user.access_hash.unwrap_or_default();
            Some(tl::types::InputPeerUser { user_id: user.id, access_hash }.into())
        }
        _ => None,
    })
}

/// Parts of files.
pub(crate) async fn upload(options: &Options) -> Result<Report> {
    let n = options.connections;
    let (server, people) = people::gather(options, Seed { people: n, ..Seed::default() }).await?;
    let bytes: Vec<u8> = {
        let mut bytes = vec![0; options.size.unwrap_or(PART_BYTES)];
        RealDice.fill(&mut bytes);
        bytes
    };
    let parts = people.into_iter().enumerate().map(|(at, person)| {
        let (bytes, mut file_id, mut file_part) = (bytes.clone(), 0, PARTS);
        let make = move |_| {
            if file_part == PARTS {
                file_id = i64::from_le_bytes(env::bytes(&mut RealDice));
                file_part = 0;
            }
            let query = tl::functions::upload::SaveFilePart { file_id, file_part, bytes: bytes.clone() };
            file_part += 1;
            ("stored", tl::write(&query, LAYER).into())
        };
        Part { link: person.link, job: Box::new(Calls::new(true, make)), pace: options.pace(at, n) }
    });
    let (parts, run) = (parts.collect(), Run::new());
    let (seconds, counted, spent) = measure(options, &server, &run, "upload", parts).await?;
    let mut report = Report::new("upload", "parts stored", seconds, &counted, spent);
    report.how = options.how(&format!("{n} connections, parts of {} B", bytes.len()), &server);
    let mib = report.per_second * bytes.len() as f64 / (1024.0 * 1024.0);
    report.more.push(("MiB a second".to_owned(), mib));
    end(server, correct(options, report, &counted, n)).await
}

/// What people do in a day, in about the shares in which they do it: reading more than writing, and much of it small.
pub(crate) async fn mixed(options: &Options) -> Result<Report> {
    let n = (options.connections / 2).max(1) * 2;
    let seed = Seed { people: n, messages: n * 20, members: 0 };
    let (server, mut people) = people::gather(options, seed).await?;
    let phones: Vec<String> = people.iter().map(|person| person.phone.clone()).collect();
    let mut peers = Vec::with_capacity(n);
    for (at, person) in people.iter_mut().enumerate() {
        let other = phones.get(at ^ 1).ok_or_else(|| LoadError::new("a person without a partner"))?;
        peers.push(person.find(other).await?);
    }
    let bytes = options.text_bytes();
    let parts = people.into_iter().zip(peers).enumerate().map(|(at, (person, peer))| {
        let make = move |due| deed(&peer, due, bytes);
        Part { link: person.link, job: Box::new(Calls::new(true, make)), pace: options.pace(at, n) }
    });
    let (parts, run) = (parts.collect(), Run::new());
    let (seconds, counted, spent) = measure(options, &server, &run, "mixed", parts).await?;
    let mut report = Report::new("mixed", "calls answered", seconds, &counted, spent);
    report.how = options.how(&format!("{n} connections in pairs, {bytes} B of text"), &server);
    end(server, correct(options, report, &counted, n)).await
}

/// One deed of a day.
fn deed(peer: &enums::InputPeer, due: Nanos, bytes: usize) -> (&'static str, Bytes) {
    let peer = peer.clone();
    macro_rules! query {
        ($name:literal, $query:expr) => {
            ($name, tl::write(&$query, LAYER).into())
        };
    }
    match RealDice.below(100) {
        0..25 => ("messages.sendMessage", message(&peer, stamp::text(due, bytes))),
        25..45 => {
            let action = enums::SendMessageAction::SendMessageTypingAction;
            query!("messages.setTyping", messages::SetTyping { peer, action, ..Default::default() })
        }
        45..65 => query!("messages.readHistory", messages::ReadHistory { peer, max_id: i32::MAX }),
        65..80 => {
            query!("messages.getHistory", messages::GetHistory { peer, limit: 20, ..Default::default() })
        }
        80..90 => query!("updates.getState", tl::functions::updates::GetState {}),
        90..95 => query!("messages.getDialogs", messages::GetDialogs { limit: 20, ..Default::default() }),
        95..98 => query!("account.updateStatus", tl::functions::account::UpdateStatus { offline: false }),
        _ => query!("help.getConfig", tl::functions::help::GetConfig {}),
    }
}

/// Whole key exchanges, each on a connection of its own.
pub(crate) async fn handshake(options: &Options) -> Result<Report> {
    let server = Server::find(options).await?;
    let report = handshake_on(options, &server).await?;
    end(server, report).await
}

async fn handshake_on(options: &Options, server: &Server) -> Result<Report> {
    let run = Run::new();
    let mut tasks = JoinSet::new();
    for _ in 0..options.connections {
        let (run, addr, key) = (Rc::clone(&run), server.addr, server.key.clone());
        tasks.spawn_local(async move {
            while run.phase() < Phase::Draining {
                let start = run.now();
                let made = async { Link::connect(addr).await?.make_key_aside(&key).await };
                match made.await {
                    Ok(carried) => {
                        run.took("key made", start);
                        run.done(1);
                        run.carried(carried.0, carried.1);
                    }
                    Err(error) => run.failed(&error.to_string()),
                }
            }
            run.follow().wait_for(|phase| *phase == Phase::Over).await.map(drop).map_err(LoadError::new)
        });
    }
    let (seconds, counted, spent) = phases(options, &|| server.usage(), &run, "handshake", tasks).await?;
    let mut report = Report::new("handshake", "keys made", seconds, &counted, spent);
    report.how = options.how(&format!("{} at once", options.connections), server);
    Ok(correct(options, report, &counted, options.connections))
}

/// How many handshakes a second the server's machine could make if it did nothing else.
pub(crate) async fn capacity(options: &Options, server: &Server) -> Result<f64> {
    let options = Options { connections: 8, rate: None, ..options.clone() };
    let each = handshake_on(&options, server).await?.server_cpu_us.unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
    if each > 0.0 { Ok(cores * 1e6 / each) } else { Err(LoadError::new("no handshake was measured")) }
}

/// Connections that are authorised and silent: what they hold.
pub(crate) async fn idle(options: &Options) -> Result<Report> {
    let n = options.connections;
    let place = Place::temporary(options.dir.as_deref())?;
    let keys = server::fill(options, &place, Seed { people: n, ..Seed::default() }).await?;
    let server = Server::start(options, place).await?;
    // What it keeps for the first one it keeps for all.
    let mut keys = keys.into_iter();
    let first = people::connect(&server, keys.by_ref().take(1).collect()).await?;
    let empty = server.usage();
    let others = people::connect(&server, keys.collect()).await?;
    tokio::time::sleep(options.warm_up()).await;
    let (before, own, run) = (server.usage(), proc::own_usage(), Run::new());
    let progress = Progress::saying("idle: nobody says anything");
    tokio::time::sleep(options.duration()).await;
    progress.end();
    let (after, own_after, seconds) = (server.usage(), proc::own_usage(), run.now() as f64 / 1e9);
    // They are all still there.
    run.enter(Phase::Measuring);
    for mut person in first.into_iter().chain(others) {
        let start = run.now();
        person.link.ask(&tl::functions::updates::GetState {}).await?;
        run.took("answered afterwards", start);
        run.done(1);
    }
    let spent = Spent::between([before, after], [own, own_after]);
    let mut report = Report::new("idle", "connections held", seconds, &run.counted(), spent);
    report.how = options.how(&format!("{n} authorised connections"), &server);
    let rss = |usage: Option<Usage>| usage.map_or(0, |usage| usage.rss_bytes) as f64;
    let each = (rss(after) - rss(empty)) / (n as f64 - 1.0).max(1.0);
    report.more.push(("memory of each, B".to_owned(), each));
    report.more.push(("memory without them, MiB".to_owned(), rss(empty) / (1024.0 * 1024.0)));
    let busy = spent.server.unwrap_or(0.0) / seconds * 1e6;
    report.more.push(("us of processor a second".to_owned(), busy));
    end(server, report).await
}

/// Posts of a channel to everybody who is a member and online.
pub(crate) async fn fanout(options: &Options) -> Result<Report> {
    let n = options.connections;
    let seed = Seed { people: n + 1, messages: 0, members: n + 1 };
    if options.target.is_some() || options.engine == crate::Engine::Memory {
        return Err(LoadError::new(
            "fanout needs a server that is started here, with an engine that keeps data",
        ));
    }
    let (server, people) = people::gather(options, seed).await?;
    let report = fanout_on(options, &server, people).await?;
    end(server, report).await
}

/// The same on a server that is there: the first of `people` owns the channel, the others are members.
pub(crate) async fn fanout_on(options: &Options, server: &Server, people: Vec<Person>) -> Result<Report> {
    let (n, bytes, run) = (people.len() - 1, options.text_bytes(), Run::new());
    let mut people = people.into_iter();
    let mut owner = people.next().ok_or_else(|| LoadError::new("nobody owns the channel"))?;
    let (peer, _) = owner.resolve("seeded").await?;
    let came = Rc::new((Cell::new(0_usize), Notify::new()));
    let parts = people.map(|person| {
        let came = Rc::clone(&came);
        let told: Rc<dyn Fn(Nanos)> = Rc::new(move |_| {
            came.0.set(came.0.get() + 1);
            came.1.notify_one();
        });
        Part { link: person.link, job: Box::new(Reader { told: Some(told) }), pace: Pace::Listen }
    });
    let mut tasks = start(&run, parts.collect());
    let (posting, pace) = (Rc::clone(&run), options.pace(0, 1));
    tasks.spawn_local(async move {
        let mut next = posting.now();
        let mut phases = posting.follow();
        while posting.phase() < Phase::Draining {
            let due = match pace {
                Pace::Every { every, .. } => {
                    tokio::time::sleep_until(posting.at(next)).await;
                    next += every;
                    next - every
                }
                // A closed loop: everybody has the last one.
                _ => posting.now(),
            };
            came.0.set(0);
            let ticket = owner.link.call(message(&peer, stamp::text(due, bytes)))?;
            match refusal(&owner.link.answer(ticket).await?) {
                Some(why) => posting.failed(&why),
                None => posting.took("acknowledged", due),
            }
            while came.0.get() < n && phases.borrow_and_update().lt(&Phase::Draining) {
                tokio::select! {
                    () = came.1.notified() => {}
                    _ = phases.changed() => {}
                }
            }
            posting.took("delivered to all", due);
        }
        // The others are waited for.
        let _ = phases.wait_for(|phase| *phase == Phase::Over).await;
        Ok(())
    });
    let (seconds, counted, spent) = phases(options, &|| server.usage(), &run, "fanout", tasks).await?;
    let mut report = Report::new("fanout", "posts delivered", seconds, &counted, spent);
    report.how = options.how(&format!("1 channel, {n} members online, {bytes} B of text"), server);
    Ok(report)
}

/// Corrects what a closed loop cannot see.
fn correct(options: &Options, mut report: Report, counted: &Counted, starters: usize) -> Report {
    if options.rate.is_none() {
        report.correct(counted, starters * options.in_flight);
    }
    report
}

/// Names the machine, and stops the server.
async fn end(server: Server, mut report: Report) -> Result<Report> {
    report.machine = proc::machine();
    server.stop().await?;
    Ok(report)
}
