//! Devices, the ways between them and the server, and the weather: one queue of events in virtual time.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::time::Duration;

use bytes::BytesMut;
use env::{Dice as _, Env, SeededDice, Time};
use gateway::simulation::{self, Pipe};
use mtproto::client::{Transport, TransportOptions};
use mtproto::crypto::{STORED_KEY_BYTES, Side};
use mtproto::session::client::Heard;
use mtproto::wire::framing::{Frame, Framing};
use mtproto::{AuthKey, AuthKeyId};
use tl::service::DestroySessionOk;
use tl::{Method, enums};
use tokio::time::Instant;

use crate::device::{self, Device, Link, Op, Pending, Stage};
use crate::follow::{Log, Need, Place};
use crate::house::House;
use crate::ledger::Ledger;

/// The true time at which a simulation begins.
pub const EPOCH: Time = Time::from_secs(1_800_000_000);

/// What the way between devices and server does; drawn for each seed.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// The longest delay of a piece of bytes, in milliseconds.
    pub delay_ms: u64,
    /// How long a connection lives at most, in milliseconds; zero for ever.
    pub life_ms: u64,
    /// Of 100 packets that somebody on the way can tell apart: held back, doubled.
    pub held_back: u64,
    /// As above.
    pub doubled: u64,
    /// Of 100 packets: recorded, and sent again later over another connection.
    pub replayed: u64,
    /// How long the disk takes at most, in milliseconds.
    pub sync_ms: u64,
}

/// Weather in which nothing goes wrong.
pub const CALM: Weather =
    Weather { delay_ms: 20, life_ms: 0, held_back: 0, doubled: 0, replayed: 0, sync_ms: 5 };

/// What happens.
#[derive(Debug)]
pub enum Event {
    /// What waits in a device's session leaves.
    Flush(usize),
    /// A device looks around.
    Tick(usize),
    /// Its user does something.
    Act(usize),
    /// It connects.
    Connect(usize),
    /// Its user closes the program and opens it again.
    Reopen(usize),
    /// Its connection dies without a word.
    Break(usize, u64),
    /// Its connection cannot be reached for so long.
    CutOff(usize, u64),
    /// It reads nothing for so long.
    Stall(usize, u64),
    /// Its clock is set by so much.
    SetClock(usize, i64),
    /// Somebody logs in on another device.
    LogIn(usize),
    /// Bytes arrive at the server.
    ToServer(usize, u64, Vec<u8>),
    /// Bytes arrive at a device.
    ToClient(usize, u64, Vec<u8>),
    /// A device learns that the server closed its connection.
    Closed(usize, u64),
    /// The server learns that a client is gone.
    Gone(Gone),
    /// Somebody sends a recorded packet over a connection of their own.
    Replay(Vec<u8>),
    /// A gap was given the time to fill.
    GapTimer(usize, Log),
    /// A call that was refused for a moment is made again.
    Retry(usize, Pending),
    /// The disk has written.
    Sync,
    /// The machine of the server stops.
    Crash,
    /// It starts again.
    Restart,
    /// Its clock is set by so much.
    SetServerClock(i64),
    /// Only so that somebody looks.
    Nothing,
}

/// A connection to close; prints as nothing.
pub struct Gone(pub Pipe);

impl std::fmt::Debug for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a connection")
    }
}

/// Everything.
pub struct World {
    /// The weather now.
    pub weather: Weather,
    /// The server.
    pub house: House,
    /// The devices.
    pub devices: Vec<Device>,
    /// Of each account: how its peers are named.
    pub peers: Vec<BTreeMap<Place, enums::InputPeer>>,
    /// The accounts' ids.
    pub users: Vec<i64>,
    /// What was said, and what became of it.
    pub ledger: Ledger,
    /// The dice of everything but the server.
    pub dice: SeededDice,
    /// Devices go on from a login to reading everything by themselves.
    pub open_doors: bool,
    /// People do things.
    pub lively: bool,
    /// Whose packets are recorded, and those that were.
    pub recording: Option<(usize, Vec<Vec<u8>>)>,
    /// Whose pushes are kept, and those that came.
    pub heard: Option<(usize, Vec<enums::Updates>)>,
    /// The disk writes nothing for now.
    pub disk_stands: bool,
    events: BTreeMap<(u64, u64), Event>,
    event_count: u64,
    links: u64,
    syncing: bool,
    began: Instant,
    trace: DefaultHasher,
    told: bool,
    failure: Option<String>,
}

impl World {
    /// A server and nobody else; `told` prints what happens. Inside of a simulated world only.
    pub fn new(seed: u64, weather: Weather, told: bool) -> Self {
        let mut dice = SeededDice::new(seed);
        let conflict_every = 3 + dice.below(20);
        Self {
            weather,
            house: House::new(u32::try_from(conflict_every).unwrap_or(5)),
            devices: Vec::new(),
            peers: Vec::new(),
            users: Vec::new(),
            ledger: Ledger::default(),
            dice,
            open_doors: false,
            lively: false,
            recording: None,
            heard: None,
            disk_stands: false,
            events: BTreeMap::new(),
            event_count: 0,
            links: 0,
            syncing: false,
            began: Instant::now(),
            trace: DefaultHasher::new(),
            told,
            failure: None,
        }
    }

    /// Milliseconds since the beginning.
    pub fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The true time.
    pub fn now(&self) -> Time {
        EPOCH + self.began.elapsed()
    }

    /// One number for everything that went over a wire so far, and when.
    pub fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// Nobody repeats what was heard before. A packet that the server never had does what it says whenever it comes, and its
    /// client, who did not send it, learns that with the next change only: nothing could be reckoned up after it.
    pub fn end_replays(&mut self) {
        self.events.retain(|_, event| !matches!(event, Event::Replay(_)));
    }

    /// Has `event` happen in so many milliseconds.
    pub fn after(&mut self, millis: u64, event: Event) {
        self.at(self.millis() + millis, event);
    }

    fn at(&mut self, millis: u64, event: Event) {
        self.event_count += 1;
        self.events.insert((millis, self.event_count), event);
    }

    /// Something that must never be is.
    pub fn fail(&mut self, what: String) {
        self.failure.get_or_insert(what);
    }

    fn chance(&mut self, percent: u64) -> bool {
        percent > 0 && self.dice.below(100) < percent
    }

    fn note(&mut self, what: &str, who: u64, bytes: &[u8]) {
        let millis = self.millis();
        self.trace.write_u64(millis);
        self.trace.write_u64(who);
        self.trace.write(what.as_bytes());
        self.trace.write(bytes);
    }

    /// A new device of `who`, which connects and logs in.
    pub fn add_device(&mut self, who: usize, skew_ms: i64) -> usize {
        let id = AuthKeyId(self.dice.u64() | 1);
        let key = AuthKey::from_stored(id, env::bytes::<STORED_KEY_BYTES>(&mut self.dice));
        self.house.add_key(&key);
        let device = Device::new(who, key, skew_ms, &mut self.dice);
        self.devices.push(device);
        let d = self.devices.len() - 1;
        self.after(1, Event::Connect(d));
        self.after(500, Event::Tick(d));
        self.log_in(d);
        d
    }

    /// Lets everything happen that happens within so many milliseconds.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn run(&mut self, millis: u64) -> Result<(), String> {
        let end = self.millis() + millis;
        self.at(end, Event::Nothing);
        while self.millis() < end {
            self.step().await?;
        }
        Ok(())
    }

    /// Lets things happen until `done`, but not longer than so many milliseconds.
    ///
    /// # Errors
    /// What went wrong; that it takes too long.
    pub async fn run_until(
        &mut self,
        what: &str,
        millis: u64,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), String> {
        let end = self.millis() + millis;
        while !done(self) {
            if self.millis() >= end {
                return Err(format!("{what}: not within {millis} ms"));
            }
            self.at(self.millis() + 100, Event::Nothing);
            self.step().await?;
        }
        Ok(())
    }

    /// Asks the server, as a part of a script.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn ask<M: Method>(&mut self, d: usize, request: &M) -> Result<M::Return, String> {
        let ticket = self.call(d, Op::Ask, device::query(request));
        self.run_until(M::NAME, 600_000, |world| world.devices[d].asked.contains_key(&ticket)).await?;
        let body = self.devices[d].asked.remove(&ticket).unwrap_or_default();
        tl::read(&body)
            .map_err(|error| format!("{}: {error:?} {:?}", M::NAME, tl::read::<tl::service::RpcError>(&body)))
    }

    /// Makes a call of a device; it leaves soon.
    pub fn call(&mut self, d: usize, op: Op, body: Vec<u8>) -> mtproto::session::client::Ticket {
        let now = self.now();
        if self.told {
            eprintln!("{:>8} device {d}: {op:?}", self.millis());
        }
        let ticket = self.devices[d].call(now, op, body);
        self.flush_soon(d);
        ticket
    }

    fn flush_soon(&mut self, d: usize) {
        if !self.devices[d].flushing {
            self.devices[d].flushing = true;
            let soon = self.dice.below(8);
            self.after(soon, Event::Flush(d));
        }
    }

    async fn step(&mut self) -> Result<(), String> {
        self.collect();
        if !self.syncing && !self.disk_stands && self.house.unsynced() > 0 {
            self.syncing = true;
            let millis = self.dice.below(self.weather.sync_ms + 1);
            self.after(millis, Event::Sync);
        }
        let Some((&(at, _), _)) = self.events.first_key_value() else {
            return Err("nothing will ever happen again".to_owned());
        };
        let bell = std::sync::Arc::clone(&self.house.bell);
        tokio::select! {
            biased;
            () = bell.notified() => {}
            () = tokio::time::sleep_until(self.began + Duration::from_millis(at)) => {
                if let Some((_, event)) = self.events.pop_first() {
                    self.happen(event);
                }
            }
        }
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// Takes from every connection what the server has written.
    fn collect(&mut self) {
        let now = self.millis();
        let mut arrivals = Vec::new();
        for (d, device) in self.devices.iter_mut().enumerate() {
            let cut_off_until = device.cut_off_until;
            let Some(link) = device.link.as_mut().filter(|link| !link.dead && link.stalled_until <= now)
            else {
                continue;
            };
            let bytes = if link.pipe.has_bytes() { link.pipe.take() } else { Vec::new() };
            let mut at = now + 1 + self.dice.below(self.weather.delay_ms);
            at = at.max(link.arrives[1]).max(cut_off_until);
            link.arrives[1] = at;
            if !bytes.is_empty() {
                arrivals.push((at, Event::ToClient(d, link.id, bytes)));
            }
            if link.pipe.is_closed() && !link.closing {
                link.closing = true;
                arrivals.push((at, Event::Closed(d, link.id)));
            }
        }
        for (at, event) in arrivals {
            self.at(at, event);
        }
    }

    fn happen(&mut self, event: Event) {
        if self.told && !matches!(event, Event::Flush(_) | Event::Tick(_) | Event::Nothing | Event::Sync) {
            let told = format!("{event:?}");
            eprintln!("{:>8} {:.120}", self.millis(), told);
        }
        match event {
            // What was still to come when the weather turned fine.
            Event::Break(..)
            | Event::CutOff(..)
            | Event::Stall(..)
            | Event::Reopen(_)
            | Event::SetClock(..)
            | Event::LogIn(_)
            | Event::Crash
            | Event::SetServerClock(_)
                if !self.lively => {}
            Event::Nothing => {}
            Event::Flush(d) => self.flush(d),
            Event::Tick(d) => self.tick(d),
            Event::Act(d) => self.act(d),
            Event::Connect(d) => self.connect(d),
            Event::Reopen(d) => self.reopen(d),
            Event::Break(d, link) => {
                if let Some(link) = self.link(d, link) {
                    link.dead = true;
                    let pipe = link.pipe.clone();
                    let late = self.dice.below(60_000);
                    self.after(late, Event::Gone(Gone(pipe)));
                }
            }
            Event::CutOff(d, millis) => {
                self.devices[d].cut_off_until = self.millis() + millis;
                self.after(millis, Event::Nothing);
            }
            Event::Stall(d, millis) => {
                let until = self.millis() + millis;
                if let Some(link) = &mut self.devices[d].link {
                    link.stalled_until = until;
                }
                self.at(until, Event::Nothing);
            }
            Event::SetClock(d, millis) => self.devices[d].skew_ms += millis,
            Event::LogIn(who) => {
                if self.house.is_up() {
                    let skew = self.skew();
                    self.add_device(who, skew);
                } else {
                    self.after(1_000, Event::LogIn(who));
                }
            }
            Event::ToServer(d, id, bytes) => {
                self.note("to server", id, &bytes);
                if let Some(link) = self.link(d, id).filter(|link| !link.dead) {
                    link.pipe.send(&bytes);
                }
            }
            Event::ToClient(d, id, bytes) => {
                self.note("to client", id, &bytes);
                if self.link(d, id).is_some_and(|link| !link.dead) {
                    self.receive(d, bytes);
                }
            }
            Event::Closed(d, id) => {
                if self.link(d, id).is_some() {
                    self.hang_up(d);
                }
            }
            Event::Gone(Gone(pipe)) => pipe.close(),
            Event::Replay(packet) => self.replay(&packet),
            Event::GapTimer(d, log) => {
                if self.devices[d].replica.settle(log).is_some() {
                    self.difference(d, log);
                }
            }
            Event::Retry(d, pending) => {
                self.call(d, pending.op, pending.body);
            }
            Event::Sync => {
                self.syncing = false;
                if !self.disk_stands {
                    self.house.sync();
                }
            }
            Event::Crash => self.crash(),
            Event::Restart => {
                if !self.house.is_up() {
                    self.house.start();
                }
            }
            Event::SetServerClock(millis) => simulation::set_clock_by(millis),
        }
    }

    /// How far a clock may be off, drawn: mostly a little.
    pub fn skew(&mut self) -> i64 {
        let most: u64 = if self.chance(15) { 4_000_000 } else { 25_000 };
        self.dice.below(2 * most).cast_signed() - most.cast_signed()
    }

    fn link(&mut self, d: usize, id: u64) -> Option<&mut Link> {
        self.devices[d].link.as_mut().filter(|link| link.id == id)
    }

    fn connect(&mut self, d: usize) {
        if self.devices[d].link.is_some() {
            return;
        }
        let reached = self.devices[d].cut_off_until <= self.millis();
        let Some(pipe) = self.house.connect().filter(|_| reached) else {
            let again = 300 + self.dice.below(2_000);
            return self.after(again, Event::Connect(d));
        };
        self.links += 1;
        let (id, now) = (self.links, self.millis());
        let options = device::transport(&mut self.dice);
        let (transport, hello) = Transport::new(options, &mut self.dice);
        let device = &mut self.devices[d];
        let fresh = device.stage == Stage::Live && device.session_links == 0;
        device.session_links += 1;
        device.link = Some(Link {
            id,
            pipe,
            transport,
            arrives: [now; 2],
            stalled_until: 0,
            heard: now,
            readable: options.obfuscated.is_none() && options.framing != Framing::Full,
            dead: false,
            ready: !options.websocket,
            closing: false,
            pushed: fresh.then(BTreeMap::new),
        });
        device.session.reconnected();
        if !hello.is_empty() {
            self.carry_to_server(d, hello, false);
        }
        // Nothing may wait for us; the server must hear of us all the same.
        self.devices[d].session.say(&tl::service::Ping { ping_id: 1 }, false);
        self.flush_soon(d);
        if self.weather.life_ms > 0 {
            let life = self.dice.below(self.weather.life_ms);
            self.after(life, Event::Break(d, id));
        }
    }

    /// The client gives its connection up.
    fn hang_up(&mut self, d: usize) {
        let Some(link) = self.devices[d].link.take() else { return };
        let late = if self.chance(50) { 0 } else { self.dice.below(30_000) };
        self.after(late, Event::Gone(Gone(link.pipe)));
        let pause = self.dice.below(3_000);
        self.after(pause, Event::Connect(d));
    }

    /// The client begins anew, under another session.
    pub fn reopen(&mut self, d: usize) {
        self.hang_up(d);
        let now = self.now();
        self.devices[d].new_session(now, &mut self.dice);
    }

    fn tick(&mut self, d: usize) {
        self.after(1_000, Event::Tick(d));
        let now = self.millis();
        let Some(link) = &self.devices[d].link else { return };
        let silent = now.saturating_sub(link.heard.max(link.stalled_until));
        if silent > 20_000 {
            self.hang_up(d);
        } else if silent > 8_000 {
            self.devices[d].session.say(&tl::service::Ping { ping_id: 2 }, false);
            self.flush_soon(d);
        }
    }

    fn flush(&mut self, d: usize) {
        self.devices[d].flushing = false;
        let now = self.now();
        if !self.devices[d].link.as_ref().is_some_and(|link| link.ready) {
            return;
        }
        let Some(packet) = self.devices[d].packet(now, &mut self.dice) else { return };
        if self.told {
            let described = self.devices[d].describe(Side::Client, &packet);
            eprintln!("{:>8} device {d} sends {described}", self.millis());
        }
        if let Some((who, packets)) = &mut self.recording
            && *who == d
        {
            packets.push(packet.to_vec());
        }
        if self.chance(self.weather.replayed) {
            let later = self.dice.below(400_000);
            self.after(later, Event::Replay(packet.to_vec()));
        }
        let Some(link) = &mut self.devices[d].link else { return };
        let framed = link.transport.send(&packet, false, &mut self.dice).to_vec();
        self.carry_to_server(d, framed, true);
    }

    /// A packet goes out over a device's own connection, if it has one.
    pub fn send_as(&mut self, d: usize, packet: &[u8]) {
        let Some(link) = self.devices[d].link.as_mut().filter(|link| link.ready) else { return };
        let framed = link.transport.send(packet, false, &mut self.dice).to_vec();
        self.carry_to_server(d, framed, false);
    }

    /// A query of a device as a packet of its own, which nobody waits for.
    pub fn seal_as(&mut self, d: usize, body: &[u8]) -> BytesMut {
        let device = &mut self.devices[d];
        let clock = device.clock(EPOCH + self.began.elapsed());
        let (msg_id, seq_no) = device.session.name(clock, true);
        device.session.seal(&mut Env { now: clock, dice: &mut self.dice }, msg_id, seq_no, body)
    }

    fn carry_to_server(&mut self, d: usize, bytes: Vec<u8>, whole_packet: bool) {
        let (held_back, doubled) = (self.chance(self.weather.held_back), self.chance(self.weather.doubled));
        let now = self.millis();
        let mut at = now + 1 + self.dice.below(self.weather.delay_ms);
        let cut_off_until = self.devices[d].cut_off_until;
        let Some(link) = &mut self.devices[d].link else { return };
        let id = link.id;
        // The marker of the framing goes with the first packet: what comes before anything else is not touched.
        let touched = whole_packet && link.readable && link.arrives[0] > now;
        at = at.max(link.arrives[0]).max(cut_off_until);
        if touched && held_back {
            at += self.dice.below(60);
        } else {
            link.arrives[0] = at;
        }
        if link.arrives[0] == now {
            link.arrives[0] = now + 1;
        }
        if touched && doubled {
            self.at(at, Event::ToServer(d, id, bytes.clone()));
        }
        self.at(at, Event::ToServer(d, id, bytes));
    }

    fn receive(&mut self, d: usize, mut bytes: Vec<u8>) {
        let (now, millis) = (self.now(), self.millis());
        let device = &mut self.devices[d];
        let clock = device.clock(now);
        let Some(link) = &mut device.link else { return };
        link.heard = millis;
        link.ready = true;
        let mut frames = Vec::new();
        if let Err(error) = link.transport.receive(&mut bytes, &mut frames) {
            return self.fail(format!("device {d}: the server's bytes cannot be read: {error:?}"));
        }
        for frame in frames {
            let Frame::Packet { mut data, .. } = frame else { continue };
            if data.len() < 24 {
                let code = data.first_chunk().map_or(0, |code| i32::from_le_bytes(*code));
                if code != -429 {
                    self.fail(format!("device {d}: refused with {code}"));
                }
                return self.hang_up(d);
            }
            let beyond_blocks = (data.len() - 24) % 16;
            data.truncate(data.len() - beyond_blocks);
            if self.told {
                let described = self.devices[d].describe(Side::Server, &data);
                eprintln!("{:>8} device {d} is sent {described}", self.millis());
            }
            if let Err(wrong) = self.devices[d].check_name(&data) {
                return self.fail(format!("device {d}: {wrong}"));
            }
            match self.devices[d].session.receive(clock, &mut data) {
                Ok(heard) => heard.into_iter().for_each(|heard| self.hear(d, heard)),
                Err(_) => return self.fail(format!("device {d}: a packet is not for it")),
            }
        }
        self.flush_soon(d);
    }

    fn hear(&mut self, d: usize, heard: Heard) {
        if self.told && !matches!(heard, Heard::Other(_)) {
            let told = format!("{heard:?}");
            eprintln!("{:>8} device {d} hears {told:.100}", self.millis());
        }
        match heard {
            Heard::Reply { to, body } => {
                if let Some(pending) = self.devices[d].pending.remove(&to) {
                    if matches!(pending.op, Op::Ask) {
                        self.devices[d].asked.insert(to, body.to_vec());
                    } else {
                        self.answered(d, pending, &body);
                    }
                }
            }
            Heard::Other(body) if body.starts_with(&DestroySessionOk::ID.to_le_bytes()) => {}
            Heard::Other(body) => match tl::read::<enums::Updates>(&body) {
                Ok(updates) => {
                    if let Some((who, heard)) = &mut self.heard
                        && *who == d
                    {
                        heard.push(updates.clone());
                    }
                    self.check_order(d, &updates);
                    let needs = self.devices[d].replica.take(&updates);
                    self.satisfy(d, needs);
                }
                Err(error) => self.fail(format!("device {d}: a push cannot be read: {error:?}")),
            },
            Heard::NewSession(_) | Heard::Pong(_) | Heard::Refused(_) => {}
        }
    }

    /// Over the first connection of a session nothing is sent again, so each push must lead on.
    fn check_order(&mut self, d: usize, updates: &enums::Updates) {
        let Some(Link { pushed: Some(pushed), .. }) = &mut self.devices[d].link else { return };
        let mut wrong = None;
        for (log, pts) in crate::follow::counted(updates) {
            let before = pushed.insert(log, pts);
            wrong = before.filter(|before| *before >= pts).map(|before| (log, before, pts)).or(wrong);
        }
        if let Some((log, before, pts)) = wrong {
            self.fail(format!("device {d}: {log:?} is pushed {pts} behind {before}"));
        }
    }

    /// Asks for what is missing.
    pub fn satisfy(&mut self, d: usize, needs: Vec<Need>) {
        for need in needs {
            match need {
                Need::Gap(log) => self.after(500, Event::GapTimer(d, log)),
                Need::Difference(log) => self.difference(d, log),
            }
        }
    }

    /// Somebody sends a packet over a connection of their own.
    pub fn replay(&mut self, packet: &[u8]) {
        let Some(pipe) = self.house.connect() else { return };
        let options = TransportOptions { framing: Framing::Intermediate, obfuscated: None, websocket: false };
        let (mut transport, _) = Transport::new(options, &mut self.dice);
        let bytes: BytesMut = transport.send(packet, false, &mut self.dice);
        self.note("replayed", 0, &bytes);
        pipe.send(&bytes);
        self.after(2_000, Event::Gone(Gone(pipe)));
    }

    /// The machine of the server stops, and starts again after a while.
    pub fn crash(&mut self) {
        if !self.house.is_up() {
            return;
        }
        let kept = self.dice.below(self.house.unsynced() as u64 + 1);
        self.house.crash(usize::try_from(kept).unwrap_or(0));
        self.syncing = false;
        for d in 0..self.devices.len() {
            let Some(link) = &mut self.devices[d].link else { continue };
            link.dead = true;
            link.pipe.close();
            let id = link.id;
            // Some machines say goodbye for the dead.
            let notice = if self.chance(50) { self.dice.below(500) } else { 20_000 };
            self.after(notice, Event::Closed(d, id));
        }
        let down = 100 + self.dice.below(8_000);
        self.after(down, Event::Restart);
    }
}
