//! What one private message costs the server, stage by stage, and all stages in a row.
//!
//! ```text
//! frame     bytes of the socket -> a packet; a packet -> bytes of the socket; once in datagrams
//! open      a packet -> a message of the client
//! receive   a message of the client -> a call (session: salt, numbers, acknowledgements)
//! read      the call's bytes -> messages.sendMessage
//! dispatch  a whole call that does next to nothing: key, role, arguments, transaction, answer
//! transact  a whole call of messages.sendMessage, on each engine; once with the wait for the disk
//! write     Updates -> the answer's bytes
//! pack      a long answer -> gzip_packed
//! seal      the answer -> a packet
//! reply     the answer -> a packet, through the session: pack, name, keep until acknowledged, seal
//! walk      all of it: frame, open, receive, read, transact (memory), write, reply, frame
//! ```
//!
//! Sizes are bytes of text. The longest text that the model takes has 4,096 characters, so what goes through it ends there;
//! the stages around it are measured at 16 KiB, too. Nothing here does input or output but the stores on disk.

mod people;

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use api::envelope::peel;
use bytes::{BufMut as _, Bytes, BytesMut};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use env::{Env, Time};
use mtproto::SessionId;
use mtproto::client::{Datagrams, Transport, TransportOptions};
use mtproto::crypto::{STORED_KEY_BYTES, Side};
use mtproto::session::client::ClientSession;
use mtproto::session::{
    Head, Opened, Path, PathId, PathKind, Salts, Session, SessionInput, SessionOutput, Shared,
};
use mtproto::session::{gzip, open, seal};
use mtproto::udp::{DatagramPath, Door, Heard};
use mtproto::wire::framing::{Frame, Framing};
use mtproto::{
    AuthKey, AuthKeyId, Connection, Input, MsgId, Output, Packet, ReplayCache, RsaKey, Salt, ServerKeys,
};
use people::{ANAS_KEY, LAYER, People, RealDice, caller, peeled, run, text};
use store::{Config, EngineKind, Store};
use tempfile::TempDir;
use tl::functions::{help, messages};
use tl::{Decode as _, Encode as _, Layer, Reader, Writer, enums};

/// The server's allocator: the C library's costs a fifth of a stored message more.
#[global_allocator]
static ALLOCATOR: heap::Heap = heap::Heap;

/// Bytes of the texts that are sent; the last is the longest that there may be.
const TEXT_BYTES: [usize; 4] = [64, 256, 1024, 4096];
/// Bytes of a text that only the stages without the model take.
const LONG_TEXT_BYTES: usize = 16 * 1024;
/// Commits that wait for the disk together.
const GROUP: u32 = 64;
/// How phones speak.
const OBFUSCATED: TransportOptions =
    TransportOptions { framing: Framing::Intermediate, obfuscated: Some(2), websocket: false };
const ABRIDGED: TransportOptions =
    TransportOptions { framing: Framing::Abridged, obfuscated: None, websocket: false };
const INTERMEDIATE: TransportOptions =
    TransportOptions { framing: Framing::Intermediate, obfuscated: None, websocket: false };

/// A connection never touches them after the handshake; making them takes a second.
static KEYS: LazyLock<Arc<ServerKeys>> =
    LazyLock::new(|| Arc::new(ServerKeys { pad: RsaKey::generate(&mut RealDice), legacy: None }));

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(50)
        .configure_from_args();
    frame(&mut criterion);
    frame_datagrams(&mut criterion);
    open_packets(&mut criterion);
    receive_and_reply(&mut criterion);
    read(&mut criterion);
    dispatch(&mut criterion);
    transact(&mut criterion);
    transact_durably(&mut criterion);
    write(&mut criterion);
    pack(&mut criterion);
    seal_packets(&mut criterion);
    walk(&mut criterion);
    criterion.final_summary();
}

fn frame(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    let ways = [("abridged", ABRIDGED), ("intermediate", INTERMEDIATE), ("obfuscated", OBFUSCATED)];
    for (name, way) in ways {
        for (bytes, query) in queries() {
            let mut line = Line::new(way);
            let packet = sealed(Side::Client, &query);
            let answer = sealed(Side::Server, &query).freeze();
            group.throughput(Throughput::Bytes(bytes as u64));
            group.bench_function(BenchmarkId::new(name, bytes), |b| {
                let Line { transport, connection } = &mut line;
                b.iter_batched(
                    || transport.send(&packet, false, &mut RealDice),
                    |mut bytes| {
                        let mut env = Env { now: NOW, dice: &mut RealDice };
                        let mut out = Vec::new();
                        connection.handle(&mut env, Input::Bytes(&mut bytes), &mut out);
                        let answer = Packet::Sealed(answer.clone());
                        connection.handle(&mut env, Input::Send(answer), &mut out);
                        assert!(out.iter().any(|o| matches!(o, Output::Packet { .. })), "not framed");
                        out
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

/// The same in datagrams, to and from an address that is known.
fn frame_datagrams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    let from = SocketAddr::from(([127, 0, 0, 1], 4000));
    for (bytes, query) in queries() {
        let mut door = Door::new(&mut Env { now: NOW, dice: &mut RealDice }, Arc::clone(&KEYS));
        let (mut client, mut path) = (Datagrams::default(), DatagramPath::new(Arc::clone(&KEYS)));
        let packet = sealed(Side::Client, &query);
        let answer = sealed(Side::Server, &query).freeze();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("datagram", bytes), |b| {
            b.iter_batched(
                || client.send(&packet),
                |datagrams| {
                    let mut env = Env { now: NOW, dice: &mut RealDice };
                    let mut out = Vec::new();
                    for datagram in &datagrams {
                        match door.hear(&mut env, from, datagram) {
                            Heard::Packet(packet) => path.receive(&mut env, packet, None, &mut out),
                            Heard::Piece(piece) => path.receive_piece(&mut env, &piece, &mut out),
                            other => panic!("{other:?}"),
                        }
                    }
                    assert!(matches!(out[..], [Output::Packet { .. }]), "not put together");
                    path.send(&Packet::Sealed(answer.clone()), &mut out).expect("short enough");
                    out
                },
                BatchSize::SmallInput,
            );
        });
    }
}

fn open_packets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("open");
    for (bytes, query) in queries() {
        let (key, packet) = (key(), sealed(Side::Client, &query));
        each(&mut group, bytes, |b| {
            let routine = |mut packet: BytesMut| (open(&key, &mut packet).expect("authentic"), packet);
            b.iter_batched(|| packet.clone(), routine, BatchSize::SmallInput);
        });
    }
}

/// The two ways through the session. Each round sends a container, as clients do: the query, and the acknowledgement of the
/// last answer.
fn receive_and_reply(criterion: &mut Criterion) {
    for (name, part) in [("receive", Times::receive as fn(&Times) -> Duration), ("reply", Times::reply)] {
        let mut group = criterion.benchmark_group(name);
        for bytes in TEXT_BYTES {
            let mut walk = Walk::new(bytes);
            each(&mut group, bytes, |b| b.iter_custom(|rounds| walk.rounds(rounds, part)));
        }
    }
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    for (bytes, query) in queries() {
        each(&mut group, bytes, |b| {
            b.iter_with_large_drop(|| {
                let peeled = peel(black_box(&query), &|_| None).expect("a query");
                messages::SendMessage::decode(&mut Reader::new(&peeled.query)).expect("sendMessage")
            });
        });
    }
}

fn dispatch(criterion: &mut Criterion) {
    let people = People::in_store(Store::memory());
    let (caller, query) = (caller(ANAS_KEY), peeled(&help::GetNearestDc {}));
    criterion.bench_function("dispatch/help.getNearestDc", |b| {
        b.iter_with_large_drop(|| run(&people.api, &caller, &query, people.now));
    });
}

fn transact(criterion: &mut Criterion) {
    for engine in [EngineKind::Memory, EngineKind::Sled, EngineKind::Fjall] {
        let mut group = criterion.benchmark_group(format!("transact/{engine}"));
        for bytes in TEXT_BYTES {
            let (store, _dir) = fresh(engine);
            let (mut people, text, caller) = (People::in_store(store), text(bytes), caller(ANAS_KEY));
            each(&mut group, bytes, |b| {
                b.iter_custom(|messages| {
                    let mut spent = Duration::ZERO;
                    for _ in 0..messages {
                        let query = peeled(&people.message(&text));
                        people.now = people.now + Duration::from_micros(100);
                        let began = Instant::now();
                        let reply = run(&people.api, &caller, &query, people.now);
                        spent += began.elapsed();
                        drop(reply);
                    }
                    spent
                });
            });
        }
    }
}

/// One worker that waits for the disk after every group. A server's workers go on meanwhile.
fn transact_durably(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("transact/durable, groups of {GROUP}"));
    group.throughput(Throughput::Elements(GROUP.into())).sample_size(20);
    for engine in [EngineKind::Sled, EngineKind::Fjall] {
        let (store, _dir) = fresh(engine);
        let (mut people, text) = (People::in_store(store), text(256));
        group.bench_function(BenchmarkId::new(engine.name(), 256), |b| {
            b.iter(|| {
                let newest = (0..GROUP).map(|_| people.say(&text).ticket).max().unwrap_or_default();
                people.api.store().wait_durable(newest).expect("a disk that takes it");
            });
        });
    }
}

fn write(criterion: &mut Criterion) {
    for layer in [Layer(158), LAYER] {
        let mut group = criterion.benchmark_group(format!("write/layer {}", layer.0));
        for bytes in TEXT_BYTES {
            let answer: enums::Updates = tl::read(&answer(bytes)).expect("Updates");
            each(&mut group, bytes, |b| {
                b.iter_with_large_drop(|| {
                    let mut writer = Writer::new(layer);
                    black_box(&answer).encode(&mut writer);
                    writer
                });
            });
        }
    }
}

fn pack(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pack");
    // About a page of messages.
    let bytes = LONG_TEXT_BYTES;
    let answer = Bytes::from(text(bytes));
    each(&mut group, bytes, |b| b.iter_with_large_drop(|| gzip::pack(black_box(answer.clone()))));
}

fn seal_packets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal");
    for (bytes, body) in queries() {
        each(&mut group, bytes, |b| b.iter_with_large_drop(|| sealed(Side::Server, black_box(&body))));
    }
}

fn walk(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("walk");
    for bytes in TEXT_BYTES {
        let mut walk = Walk::new(bytes);
        each(&mut group, bytes, |b| b.iter_custom(|rounds| walk.rounds(rounds, Times::all)));
    }
}

/// One bench of a group, named by the bytes of its text.
fn each(
    group: &mut BenchmarkGroup<'_, WallTime>,
    bytes: usize,
    mut bench: impl FnMut(&mut criterion::Bencher<'_, WallTime>),
) {
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function(BenchmarkId::from_parameter(bytes), |b| bench(b));
}

const NOW: Time = Time::from_secs(1_800_000_000);

fn key() -> AuthKey {
    AuthKey::from_stored(AuthKeyId(ANAS_KEY.0.cast_unsigned()), [7; STORED_KEY_BYTES])
}

/// messages.sendMessage as it comes, by bytes of text.
fn queries() -> impl Iterator<Item = (usize, Vec<u8>)> {
    let mut people = People::in_store(Store::memory());
    let lengths = TEXT_BYTES.into_iter().chain([LONG_TEXT_BYTES]);
    lengths.map(move |bytes| (bytes, tl::write(&people.message(&text(bytes)), LAYER)))
}

/// The Updates that answer messages.sendMessage.
fn answer(bytes: usize) -> Vec<u8> {
    People::in_store(Store::memory()).say(&text(bytes)).body
}

fn sealed(from: Side, body: &[u8]) -> BytesMut {
    let head = Head { salt: Salt(5), session_id: SessionId(6), msg_id: MsgId::at(NOW), seq_no: 1 };
    seal(&key(), from, head, body.len(), |packet| packet.put_slice(body), &mut RealDice)
}

/// An empty store; the directory goes with the guard.
fn fresh(engine: EngineKind) -> (Store, TempDir) {
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let config = Config { engine, dir: dir.path().to_owned(), cache_bytes: 256 << 20 };
    (Store::open(&config).expect("an empty store opens"), dir)
}

/// A socket without the socket.
struct Line {
    transport: Transport,
    connection: Connection,
}

impl Line {
    fn new(way: TransportOptions) -> Self {
        let (transport, _) = Transport::new(way, &mut RealDice);
        let connection = Connection::new(Arc::clone(&KEYS), Arc::new(ReplayCache::new()));
        Self { transport, connection }
    }
}

/// What a round took, in all and where.
struct Times {
    receive: Duration,
    reply: Duration,
    all: Duration,
}

impl Times {
    fn receive(&self) -> Duration {
        self.receive
    }

    fn reply(&self) -> Duration {
        self.reply
    }

    fn all(&self) -> Duration {
        self.all
    }
}

/// A client, its connection, its session, and the server behind it.
struct Walk {
    people: People,
    text: String,
    line: Line,
    client: ClientSession,
    session: Session,
    key: AuthKey,
    salts: Salts,
}

impl Walk {
    fn new(text_bytes: usize) -> Self {
        let people = People::in_store(Store::memory());
        let salt = Salt(5);
        Self {
            line: Line::new(OBFUSCATED),
            client: ClientSession::new(key(), SessionId(6), salt),
            session: Session::new(SessionId(6), MsgId(0)),
            key: key(),
            salts: Salts::beginning_with(salt, people.now),
            text: text(text_bytes),
            people,
        }
    }

    fn rounds(&mut self, rounds: u64, part: fn(&Times) -> Duration) -> Duration {
        (0..rounds).map(|_| part(&self.round())).sum()
    }

    /// One message, from the bytes of the socket to the bytes of the socket. The client's own work is not counted.
    fn round(&mut self) -> Times {
        let now = self.people.now + Duration::from_micros(100);
        self.people.now = now;
        let mut env = Env { now, dice: &mut RealDice };
        let query = tl::write(&self.people.message(&self.text), LAYER);
        self.client.call(now, query.into());
        let packet = self.client.packet(&mut env, Duration::from_secs(60)).expect("a query to send");
        let mut bytes = self.line.transport.send(&packet, false, &mut RealDice);

        let began = Instant::now();
        let (opened, packet) = self.take(&mut env, &mut bytes);
        let (receive, mut out) = {
            let began = Instant::now();
            let path = Path { id: PathId(1), kind: PathKind::Stream };
            let input = SessionInput::Received { path, opened, packet, quick_ack: false };
            let out = self.session(&mut env, input);
            (began.elapsed(), out)
        };
        let at = out.iter().position(|o| matches!(o, SessionOutput::Call(_))).expect("a call");
        let SessionOutput::Call(call) = out.swap_remove(at) else { panic!("a call") };
        let mut peeled = peel(&call.body, &|_| None).expect("a query");
        peeled.layer = Some(LAYER.0);
        let reply = run(&self.people.api, &caller(ANAS_KEY), &peeled, now);
        let reply_ = {
            let began = Instant::now();
            let input = SessionInput::Reply { to: call.msg_id, body: reply.body.into() };
            out.extend(self.session(&mut env, input));
            began.elapsed()
        };
        let mut written = Vec::new();
        for output in out {
            if let SessionOutput::Send { packet, .. } = output {
                let input = Input::Send(Packet::Sealed(packet.freeze()));
                self.line.connection.handle(&mut env, input, &mut written);
            }
        }
        let all = began.elapsed();
        self.hear(now, written);
        Times { receive, reply: reply_, all }
    }

    /// What the connection and the key make of bytes of the socket.
    fn take(&mut self, env: &mut Env<'_>, bytes: &mut [u8]) -> (Opened, Bytes) {
        let mut out = Vec::new();
        self.line.connection.handle(env, Input::Bytes(bytes), &mut out);
        let data = out.into_iter().find_map(|output| match output {
            Output::Packet { data, .. } => Some(data),
            _ => None,
        });
        let mut data = data.expect("a whole packet");
        (open(&self.key, &mut data).expect("authentic"), data.freeze())
    }

    fn session(&mut self, env: &mut Env<'_>, input: SessionInput) -> Vec<SessionOutput> {
        let mut out = Vec::new();
        let mut shared = Shared { key: &self.key, salts: &mut self.salts };
        self.session.handle(env, &mut shared, input, &mut out);
        out
    }

    /// The client reads what came, so that it acknowledges it with its next packet.
    fn hear(&mut self, now: Time, written: Vec<Output>) {
        for output in written {
            let Output::Write(bytes) = output else { continue };
            let mut frames = Vec::new();
            self.line.transport.receive(&mut BytesMut::from(bytes), &mut frames).expect("frames");
            for frame in frames {
                if let Frame::Packet { mut data, .. } = frame {
                    self.client.receive(now, &mut data).expect("authentic");
                }
            }
        }
        assert_eq!(self.client.unanswered(), 0, "an answer to each query");
    }
}
