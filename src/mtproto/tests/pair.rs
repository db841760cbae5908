//! A client and a server session in virtual time, over ways that lose, double, delay, reorder and break.
//!
//! Whatever the weather: each call is executed exactly once, each answer arrives, each push arrives or the client is told
//! that it missed something; and a listener on the wire never sees the server break the rules of msg_ids.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use env::{Dice, Env, SeededDice, Time};
use mtproto::crypto::{AuthKey, STORED_KEY_BYTES, Side};
use mtproto::limits::DATAGRAM_BYTES_MAX;
use mtproto::session::client::{ClientSession, Heard};
use mtproto::session::{
    CloseReason, Path, PathId, PathKind, Salts, Session, SessionInput, SessionOutput, Shared, open, open_from,
};
use mtproto::udp::datagram::{self, Assembly, Datagram};
use mtproto::{AuthKeyId, MsgId, Salt, SessionId};
use tl::service::{HttpWait, MsgContainer, Ping};

const QUERY: u32 = 0xaaaa_aaaa;
const ANSWER: u32 = 0xbbbb_bbbb;
const PUSH: u32 = 0xcccc_cccc;
const UPDATES_TOO_LONG: u32 = 0xe317_af7e;
const ME: SessionId = SessionId(77);
/// As many as browsers open.
const HTTP_CONNECTIONS_MAX: usize = 6;
const START: Time = Time::from_secs(1_700_000_000);

/// What the way between the two does.
#[derive(Debug, Clone, Copy)]
struct Weather {
    kind: PathKind,
    /// Of 100 packets.
    lost: u64,
    /// Of 100 packets.
    doubled: u64,
    delay_ms_max: u64,
    /// How long a path lives on average; zero for ever.
    breaks_after_secs: u64,
    /// What a listener records and sends again later, over a way of its own. Of 100 packets.
    replayed: u64,
    /// Seconds to add to the client's clock.
    skew_secs: i64,
}

const CALM: Weather = Weather {
    kind: PathKind::Stream,
    lost: 0,
    doubled: 0,
    delay_ms_max: 50,
    breaks_after_secs: 0,
    replayed: 0,
    skew_secs: 0,
};

#[derive(Debug)]
enum Event {
    ToServer(Path, BytesMut),
    ToClient(PathId, BytesMut),
    /// To the server, or from it.
    Datagram(Path, Bytes, bool),
    /// A worker has finished with a query.
    Executed(MsgId, Bytes),
    ClientTick,
    ServerWake,
    /// The path breaks, as its client sees it.
    Breaks(PathId),
    Connects,
    /// The server learns that a path is gone, perhaps long after.
    ServerHearsOfBreak(PathId),
    MakeCall,
    MakePush,
}

/// Everything, in one thread, from one seed.
struct World {
    weather: Weather,
    now: Time,
    dice: SeededDice,
    events: BTreeMap<(Time, u64), Event>,
    event_count: u64,
    /// Streams keep order: when the last packet of each path and direction arrives.
    arrives: BTreeMap<(PathId, bool), Time>,

    key: AuthKey,
    salts: Salts,
    session: Session,
    client: ClientSession,
    path: Option<Path>,
    paths: u64,
    /// Over HTTP: the client's connections, and whether a request is open on each.
    connections: BTreeMap<PathId, bool>,
    /// The same as the server sees it.
    open_requests: BTreeSet<PathId>,
    /// Over datagrams: pieces that have come, by path and direction, and packets sent so far.
    assemblies: BTreeMap<(PathId, bool), Assembly>,
    numbers: u32,

    calls: u32,
    executed: BTreeMap<u32, u32>,
    /// The calls in the order in which they were to start.
    started: Vec<u32>,
    answered: BTreeMap<u32, u32>,
    /// When each push was made.
    pushes: BTreeMap<u32, Time>,
    pushes_heard: BTreeSet<u32>,
    told_to_fetch: Option<Time>,
    wire: Wire,
    recorded: Vec<BytesMut>,
}

/// What a listener with the key notes about the server's packets.
#[derive(Default)]
struct Wire {
    last_packet: i64,
    /// Of each message: its number and its body.
    messages: BTreeMap<i64, (u32, Bytes)>,
    times_sent: BTreeMap<i64, u32>,
}

impl Wire {
    // proves: SES-3
    // proves: SES-10
    // proves: SVC-4
    fn note(&mut self, key: &AuthKey, packet: &BytesMut) {
        let mut packet = packet.clone();
        let opened = open_from(key, Side::Server, &mut packet).expect("sealed by the server");
        assert_eq!(opened.session_id, ME);
        assert!(opened.msg_id.0 > self.last_packet, "packets are named in the order in which they leave");
        self.last_packet = opened.msg_id.0;
        let mut body = packet.freeze().slice(opened.body);
        if body.chunk().starts_with(&MsgContainer::ID.to_le_bytes()) {
            body.advance(4);
            let count = body.get_u32_le();
            let mut last = 0;
            for _ in 0..count {
                let (msg_id, seq_no, length) = (body.get_i64_le(), body.get_u32_le(), body.get_u32_le());
                assert!(last < msg_id && msg_id < opened.msg_id.0, "ascending, and below the container");
                last = msg_id;
                let inner = body.split_to(length as usize);
                self.note_message(msg_id, seq_no, inner);
            }
            assert!(body.is_empty() && opened.seq_no.is_multiple_of(2));
        } else {
            let first = self.note_message(opened.msg_id.0, opened.seq_no, body);
            assert!(first, "nothing is sealed by itself a second time");
        }
    }

    fn note_message(&mut self, msg_id: i64, seq_no: u32, body: Bytes) -> bool {
        assert_eq!(msg_id % 2, 1);
        *self.times_sent.entry(msg_id).or_default() += 1;
        let said = (seq_no, body);
        let before = self.messages.insert(msg_id, said.clone());
        assert!(before.as_ref().is_none_or(|before| *before == said), "one name, one message");
        before.is_none()
    }
}

fn tagged(tag: u32, number: u32, filler: usize) -> Bytes {
    let mut body = BytesMut::new();
    body.put_u32_le(tag);
    body.put_u32_le(number);
    body.put_bytes(0x11, filler);
    body.freeze()
}

fn read_tagged(body: &Bytes) -> (u32, u32) {
    let mut body = body.clone();
    (body.get_u32_le(), if body.is_empty() { 0 } else { body.get_u32_le() })
}

impl World {
    fn new(seed: u64, weather: Weather) -> Self {
        let mut dice = SeededDice::new(seed);
        let key = AuthKey::from_stored(AuthKeyId(1), env::bytes::<STORED_KEY_BYTES>(&mut dice));
        let salts = Salts::new(&mut Env { now: START, dice: &mut dice });
        let mut world = Self {
            weather,
            now: START,
            events: BTreeMap::new(),
            event_count: 0,
            arrives: BTreeMap::new(),
            client: ClientSession::new(key.clone(), ME, Salt(0)),
            key,
            salts,
            session: Session::new(ME, MsgId(0)),
            path: None,
            paths: 0,
            connections: BTreeMap::new(),
            open_requests: BTreeSet::new(),
            assemblies: BTreeMap::new(),
            numbers: 0,
            calls: 0,
            executed: BTreeMap::new(),
            started: Vec::new(),
            answered: BTreeMap::new(),
            pushes: BTreeMap::new(),
            pushes_heard: BTreeSet::new(),
            told_to_fetch: None,
            wire: Wire::default(),
            recorded: Vec::new(),
            dice,
        };
        world.after(0, Event::Connects);
        world.after(10, Event::ClientTick);
        world
    }

    fn after(&mut self, millis: u64, event: Event) {
        self.at(self.now + Duration::from_millis(millis), event);
    }

    fn at(&mut self, time: Time, event: Event) {
        self.event_count += 1;
        self.events.insert((time, self.event_count), event);
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.dice.below(100) < percent
    }

    fn client_clock(&self) -> Time {
        Time::from_nanos(self.now.nanos().saturating_add_signed(self.weather.skew_secs * 1_000_000_000))
    }

    /// Lets everything happen that happens within `time`.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(((at, _), _)) = self.events.first_key_value()
            && *at <= end
        {
            let Some(((at, _), event)) = self.events.pop_first() else { break };
            self.now = self.now.max(at);
            self.happen(event);
        }
        self.now = end;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToServer(path, packet) => self.server_receives(path, packet),
            Event::ToClient(path, packet) => self.client_receives(path, packet),
            Event::Datagram(path, datagram, to_server) => self.datagram_arrives(path, &datagram, to_server),
            Event::Executed(to, body) => self.server(SessionInput::Reply { to, body }),
            Event::ServerWake => self.server(SessionInput::Wake),
            Event::ServerHearsOfBreak(path) => {
                self.open_requests.remove(&path);
                self.server(SessionInput::PathClosed(path));
            }
            Event::MakeCall => {
                self.calls += 1;
                let body = tagged(QUERY, self.calls, 0);
                self.client.call(self.client_clock(), body);
            }
            Event::MakePush => {
                let number = self.pushes.len() as u32 + 1;
                self.pushes.insert(number, self.now);
                self.server(SessionInput::Push { body: tagged(PUSH, number, 0), kept: true });
            }
            Event::ClientTick => {
                self.client_sends();
                self.after(200, Event::ClientTick);
            }
            Event::Connects => {
                self.paths += 1;
                let path = Path { id: PathId(self.paths), kind: self.weather.kind };
                self.path = Some(path);
                self.client.say(&Ping { ping_id: 1 }, false);
                if self.paths > 1 {
                    self.client.reconnected();
                }
                if self.weather.breaks_after_secs > 0 {
                    let life = 1 + self.dice.below(self.weather.breaks_after_secs * 2000);
                    self.after(life, Event::Breaks(path.id));
                }
            }
            Event::Breaks(path) => {
                if self.path.is_some_and(|p| p.id == path) {
                    self.path = None;
                    for (connection, _) in std::mem::take(&mut self.connections) {
                        let late = self.dice.below(60_000);
                        self.after(late, Event::ServerHearsOfBreak(connection));
                    }
                    let away = self.dice.below(20_000);
                    self.after(away, Event::Connects);
                    // Sometimes the server learns it first, sometimes long after the client is back.
                    let late = self.dice.below(60_000);
                    self.after(late, Event::ServerHearsOfBreak(path));
                }
            }
        }
    }

    fn client_sends(&mut self) {
        let Some(path) = self.path else { return };
        let patience = match path.kind {
            PathKind::Stream => Duration::from_secs(3600),
            PathKind::Datagram => Duration::from_secs(2),
            PathKind::Http => return self.client_posts(path),
        };
        let now = self.client_clock();
        let Some(packet) = self.client.packet(&mut Env { now, dice: &mut self.dice }, patience) else {
            return;
        };
        self.recorded.push(packet.clone());
        if self.chance(self.weather.replayed) {
            let (later, other) = (self.dice.below(400_000), 1_000_000 + self.dice.below(1000));
            let stranger = Path { id: PathId(other), kind: PathKind::Stream };
            self.after(later, Event::ToServer(stranger, packet.clone()));
            self.after(later + 10_000, Event::ServerHearsOfBreak(stranger.id));
        }
        self.carry(path, packet, true);
    }

    /// Over HTTP: asks for what there is, on a connection whose last request was answered.
    fn client_posts(&mut self, newest: Path) {
        let idle = self.connections.iter().find(|(_, busy)| !**busy).map(|(id, _)| *id);
        let Some(id) = idle.or_else(|| {
            (self.connections.len() < HTTP_CONNECTIONS_MAX).then(|| {
                self.paths += 1;
                PathId(self.paths)
            })
        }) else {
            return;
        };
        // One request is always open for what the server may have to say; another only for something new.
        let is_polling = self.connections.values().any(|busy| *busy);
        if !is_polling {
            self.client.say(&HttpWait { max_delay: 100, wait_after: 30, max_wait: 25_000 }, false);
        }
        let now = self.client_clock();
        let never = Duration::from_secs(3600);
        let Some(packet) = self.client.packet(&mut Env { now, dice: &mut self.dice }, never) else { return };
        self.recorded.push(packet.clone());
        if self.chance(self.weather.replayed) {
            let (later, other) = (self.dice.below(400_000), 1_000_000 + self.dice.below(1000));
            let stranger = Path { id: PathId(other), kind: PathKind::Http };
            self.after(later, Event::ToServer(stranger, packet.clone()));
            self.after(later + 10_000, Event::ServerHearsOfBreak(stranger.id));
        }
        self.connections.insert(id, true);
        self.carry(Path { id, ..newest }, packet, true);
    }

    /// Carries what may be lost piece by piece.
    fn carry_datagrams(&mut self, path: Path, packet: BytesMut, to_server: bool) {
        self.numbers += 1;
        for datagram in datagram::split(&packet.freeze(), self.numbers) {
            assert!(datagram.len() <= DATAGRAM_BYTES_MAX);
            for _ in 0..1 + usize::from(self.chance(self.weather.doubled)) {
                if !self.chance(self.weather.lost) {
                    let at = self.now + Duration::from_millis(1 + self.dice.below(self.weather.delay_ms_max));
                    self.at(at, Event::Datagram(path, datagram.clone(), to_server));
                }
            }
        }
    }

    fn datagram_arrives(&mut self, path: Path, datagram: &[u8], to_server: bool) {
        let packet = match datagram::read(datagram).expect("one of ours") {
            Datagram::Packet(packet) => Some(BytesMut::from(packet)),
            Datagram::Piece(piece) => {
                self.assemblies.entry((path.id, to_server)).or_default().take(self.now, &piece)
            }
            other => panic!("unexpected: {other:?}"),
        };
        match packet {
            Some(packet) if to_server => self.server_receives(path, packet),
            Some(packet) => self.client_receives(path.id, packet),
            None => {}
        }
    }

    fn carry(&mut self, path: Path, packet: BytesMut, to_server: bool) {
        if path.kind == PathKind::Datagram {
            return self.carry_datagrams(path, packet, to_server);
        }
        let mut at = self.now + Duration::from_millis(1 + self.dice.below(self.weather.delay_ms_max));
        let last = self.arrives.entry((path.id, to_server)).or_default();
        at = at.max(*last);
        *last = at;
        self.at(at, if to_server { Event::ToServer(path, packet) } else { Event::ToClient(path.id, packet) });
    }

    fn server_receives(&mut self, path: Path, mut packet: BytesMut) {
        // What was on its way when the path broke is gone.
        let is_stranger = path.id.0 >= 1_000_000;
        if !is_stranger && !self.is_open(path.id) {
            return;
        }
        if path.kind == PathKind::Http {
            assert!(self.open_requests.insert(path.id), "one request at a time");
        }
        let opened = open(&self.key, &mut packet).expect("sealed by the client");
        self.server(SessionInput::Received { path, opened, packet: packet.freeze(), quick_ack: false });
    }

    fn server(&mut self, input: SessionInput) {
        let mut out = Vec::new();
        let mut env = Env { now: self.now, dice: &mut self.dice };
        let mut shared = Shared { key: &self.key, salts: &mut self.salts };
        self.session.handle(&mut env, &mut shared, input, &mut out);
        for output in out {
            match output {
                SessionOutput::Send { path, packet } => {
                    self.wire.note(&self.key, &packet);
                    if self.weather.kind == PathKind::Http {
                        assert!(self.open_requests.remove(&path), "one response, and only to a request");
                    }
                    if let Some(open) = self.path.filter(|_| self.is_open(path)) {
                        self.carry(Path { id: path, ..open }, packet, false);
                    }
                }
                SessionOutput::Call(call) => {
                    let (tag, number) = read_tagged(&call.body);
                    assert_eq!(tag, QUERY);
                    *self.executed.entry(number).or_default() += 1;
                    self.started.push(number);
                    let (takes, filler) = (self.dice.below(5000), self.dice.below(3000) as usize & !3);
                    self.after(takes, Event::Executed(call.msg_id, tagged(ANSWER, number, filler)));
                }
                SessionOutput::NeedsUpdatesTooLong => {
                    let body = Bytes::copy_from_slice(&UPDATES_TOO_LONG.to_le_bytes());
                    self.server(SessionInput::Push { body, kept: true });
                }
                SessionOutput::WakeAt(at) => self.at(at.max(self.now), Event::ServerWake),
                SessionOutput::ClosePath { reason: CloseReason::PingDelayExpired, .. } => {}
                other => panic!("unexpected: {other:?}"),
            }
        }
    }

    /// Whether what goes over `path` arrives.
    fn is_open(&self, path: PathId) -> bool {
        match self.path {
            Some(Path { kind: PathKind::Http, .. }) => self.connections.contains_key(&path),
            Some(open) => open.id == path,
            None => false,
        }
    }

    fn client_receives(&mut self, path: PathId, mut packet: BytesMut) {
        if !self.is_open(path) {
            return;
        }
        if let Some(busy) = self.connections.get_mut(&path) {
            *busy = false;
        }
        let now = self.client_clock();
        for heard in self.client.receive(now, &mut packet).expect("sealed by the server") {
            match heard {
                Heard::Reply { body, .. } => {
                    let (tag, number) = read_tagged(&body);
                    assert_eq!(tag, ANSWER);
                    *self.answered.entry(number).or_default() += 1;
                }
                Heard::Other(body) => match read_tagged(&body) {
                    (PUSH, number) => {
                        self.pushes_heard.insert(number);
                    }
                    (UPDATES_TOO_LONG, _) => self.told_to_fetch = Some(self.now),
                    other => panic!("unexpected: {other:?}"),
                },
                Heard::NewSession(_) | Heard::Pong(_) | Heard::Refused(_) => {}
            }
        }
    }

    /// A few minutes of work in this weather, then calm, then the reckoning.
    fn live(&mut self, calls: u64, pushes: u64) {
        for _ in 0..calls {
            let at = self.dice.below(200_000);
            self.after(at, Event::MakeCall);
        }
        for _ in 0..pushes {
            let at = self.dice.below(200_000);
            self.after(at, Event::MakePush);
        }
        self.run(Duration::from_secs(220));
        self.weather = Weather { skew_secs: self.weather.skew_secs, kind: self.weather.kind, ..CALM };
        if self.weather.kind != PathKind::Datagram {
            // The last connections break, the last client comes back, and with it comes what it missed.
            self.run(Duration::from_secs(100));
            self.reckon();
        }
        // Longer than anything is kept: what was not acknowledged has had its consequences.
        self.run(Duration::from_secs(700));
    }

    // proves: SES-4
    // proves: SVC-8
    // proves: SES-9
    fn reckon(&self) {
        let all: BTreeMap<u32, u32> = (1..=self.calls).map(|n| (n, 1)).collect();
        assert_eq!(self.executed, all, "each call is executed exactly once");
        assert_eq!(self.answered, all, "each answer arrives");
        assert_eq!(self.client.unanswered(), 0);
        for (number, made) in &self.pushes {
            let heard = self.pushes_heard.contains(number);
            let told = self.told_to_fetch.is_some_and(|told| told >= *made);
            assert!(heard || told, "push {number} arrives, or the client hears that it must fetch");
        }
        let most = self.wire.times_sent.values().max().copied().unwrap_or(0);
        assert!(most < 30, "{most} times the same message");
    }
}

fn survives(weather: Weather, seeds: u64) {
    for seed in 0..seeds {
        let survived = std::panic::catch_unwind(|| {
            let mut world = World::new(seed, weather);
            world.live(60, 40);
            world.reckon();
        });
        assert!(survived.is_ok(), "seed {seed} in {weather:?}");
    }
}

#[test]
fn in_calm_weather_nothing_is_sent_twice() {
    let mut world = World::new(1, CALM);
    world.live(200, 100);
    world.reckon();
    assert_eq!(world.pushes_heard.len(), 100);
    assert!(world.told_to_fetch.is_none());
    assert!(world.wire.times_sent.values().all(|times| *times == 1));
}

#[test]
fn connections_break() {
    survives(Weather { breaks_after_secs: 20, ..CALM }, 30);
}

#[test]
fn connections_break_all_the_time() {
    survives(Weather { breaks_after_secs: 2, delay_ms_max: 400, ..CALM }, 30);
}

// proves: SVC-19
#[test]
fn over_http_nothing_is_said_but_in_answer() {
    let mut world = World::new(1, Weather { kind: PathKind::Http, ..CALM });
    world.live(200, 100);
    world.reckon();
    assert_eq!(world.pushes_heard.len(), 100);
    assert!(world.told_to_fetch.is_none());
    assert!(world.wire.times_sent.values().all(|times| *times == 1));
    assert!(world.connections.len() > 1, "requests were open side by side");
    survives(Weather { kind: PathKind::Http, replayed: 20, ..CALM }, 20);
}

#[test]
fn http_connections_break() {
    survives(Weather { kind: PathKind::Http, breaks_after_secs: 20, ..CALM }, 30);
    survives(Weather { kind: PathKind::Http, breaks_after_secs: 2, delay_ms_max: 400, ..CALM }, 30);
}

// proves: UDP-10
#[test]
fn packets_are_lost() {
    survives(Weather { kind: PathKind::Datagram, lost: 30, ..CALM }, 30);
}

#[test]
fn packets_are_lost_doubled_and_reordered() {
    let weather = Weather {
        kind: PathKind::Datagram,
        lost: 30,
        doubled: 20,
        delay_ms_max: 3000,
        breaks_after_secs: 60,
        ..CALM
    };
    survives(weather, 30);
}

// proves: SES-5
#[test]
fn clocks_disagree() {
    for skew_secs in [-100_000, -301, -250, -20, 20, 45, 100_000] {
        survives(Weather { skew_secs, breaks_after_secs: 30, ..CALM }, 5);
        survives(Weather { skew_secs, kind: PathKind::Datagram, lost: 10, ..CALM }, 5);
    }
}

#[test]
fn somebody_records_and_replays() {
    survives(Weather { replayed: 50, breaks_after_secs: 20, delay_ms_max: 400, ..CALM }, 30);
}

// proves: SES-12
#[test]
fn whoever_reorders_packets_on_a_stream_does_not_reorder_calls() {
    for seed in 0..200 {
        let mut world = World::new(seed, CALM);
        world.happen(Event::MakeCall);
        world.run(Duration::from_secs(2));
        let path = world.path.expect("connected");
        for _ in 0..2 + world.dice.below(18) {
            world.run(Duration::from_millis(1));
            world.happen(Event::MakeCall);
            let env = &mut Env { now: world.now, dice: &mut world.dice };
            let packet = world.client.packet(env, Duration::from_secs(3600)).expect("a call");
            let held_back = 1 + world.dice.below(40);
            world.after(held_back, Event::ToServer(path, packet));
        }
        world.run(Duration::from_secs(30));
        world.reckon();
        assert!(world.started.is_sorted(), "seed {seed}: {:?}", world.started);
    }
}

// proves: SES-14
#[test]
fn what_was_recorded_before_a_restart_is_refused_after_it() {
    let mut world = World::new(3, CALM);
    world.live(50, 10);
    let executed = world.executed.clone();
    world.session = Session::new(ME, world.session.last_msg_id());
    world.salts = Salts::new(&mut Env { now: world.now, dice: &mut world.dice });
    world.path = None;
    for packet in std::mem::take(&mut world.recorded) {
        let stranger = Path { id: PathId(1_000_001), kind: PathKind::Stream };
        world.server_receives(stranger, packet);
    }
    assert_eq!(world.executed, executed);
    assert!(world.session.is_blank());
}

// proves: SVC-15
#[test]
fn a_session_that_the_server_forgot_begins_anew() {
    let mut world = World::new(4, CALM);
    world.live(20, 5);
    world.session = Session::new(ME, world.session.last_msg_id());
    world.live(20, 5);
    assert_eq!(world.executed.len(), 40);
    assert_eq!(world.answered.len(), 40);
    assert_eq!(world.pushes_heard.len(), 10);
}
