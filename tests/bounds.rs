//! Whatever somebody can use up has an end, and a figure that tells when the end is reached: each bound is overrun over real
//! sockets, and its figure seen to move on the page of figures. `protocol-spec/13-limits.md` has the table.

#[path = "e2e/client.rs"]
#[allow(dead_code, reason = "other tests need more of it")]
mod client;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use chappe::Server;
use chappe::config::Config;
use client::{Client, PLAIN, Session};
use env::{Dice as _, SeededDice, Time};
use mtproto::handshake::Padding;
use mtproto::session::limits::{CONTAINER_MESSAGES_MAX, IDS_MAX, OUTBOX_MESSAGES_MAX, RECEIVED_MAX};
use mtproto::{AuthKey, AuthKeyId};
use store::{EngineKind, Store};
use tl::{enums, functions, service, stored, types};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// How long a figure may take to move: those of what is held are taken every half a minute.
const PATIENCE: Duration = Duration::from_secs(45);
/// Connections that the server takes; a quarter is kept from strangers.
const CONNECTIONS: usize = 16;
/// Connections of one address.
const PER_ADDRESS: usize = 10;
/// Keys on which nobody is logged in.
const GUESTS: u32 = 5;
/// The keys on which somebody is logged in from the start: one for each test that fills something.
const LOGINS: [i64; 2] = [0x0123_4567_89ab_cdef, 0x1123_4567_89ab_cdef];

struct House {
    server: Server,
    figures: SocketAddr,
    data: tempfile::TempDir,
}

fn config(data: &Path) -> Config {
    let mut config = Config::default();
    config.server.listen = vec!["127.0.0.1:0".to_owned()];
    config.server.data = data.join("data");
    config.limits.connections_max = CONNECTIONS as u32;
    config.limits.connections_per_address_max = PER_ADDRESS as u32;
    config.limits.loopback_factor = 1;
    config.limits.handshakes_per_address_per_minute = 1_000;
    config.limits.calls_per_key_per_second = 10_000;
    config.limits.keys_without_login_max = GUESTS;
    config
}

fn open_store(data: &Path) -> Store {
    let dir = data.join("data/store");
    Store::open(&store::Config { engine: EngineKind::Sled, dir, cache_bytes: 1 << 24 }).expect("it opens")
}

fn act<R>(store: &Store, act: impl Fn(&mut model::Ctx<'_, '_>) -> model::Done<R>) -> R {
    let now = Time::from_secs(gateway::world::now().secs());
    let run = |tx: &mut store::Tx<'_>| {
        let (dice, effects, origin) = (&mut SeededDice::new(1), model::Effects::default(), LOGINS[0]);
        act(&mut model::Ctx { tx, now, dice, origin: api::ids::KeyId(origin), effects })
    };
    let (done, ticket) = store.write::<_, model::Stop>(|tx| run(tx)).expect("it writes");
    store.wait_durable(ticket).expect("it is kept");
    done
}

/// Somebody with two logins, the first of which has as many uploads as it may.
fn somebody(data: &Path) {
    use model::limits::UPLOADS_MAX;
    std::fs::create_dir_all(data.join("data")).expect("a directory");
    let store = open_store(data);
    act(&store, |cx| {
        let user = model::users::create(cx, "9996610001", "Ann", "")?;
        for key in LOGINS.map(api::ids::KeyId) {
            model::keys::insert(cx, key, &[7; mtproto::crypto::STORED_KEY_BYTES], 2)?;
            model::keys::log_in(cx, key, user)?;
        }
        Ok(())
    });
    act(&store, |cx| {
        for file_id in 0..UPLOADS_MAX {
            let row = stored::Upload {
                prefix: format!("{file_id:032x}"),
                created: cx.date(),
                ..Default::default()
            };
            let key = (cx.origin, i64::try_from(file_id).unwrap_or(0));
            cx.tx.put(&model::tables::UPLOADS, &key, &row)?;
        }
        Ok(())
    });
    store.close().expect("it closes");
}

impl House {
    async fn new() -> Self {
        let data = tempfile::tempdir().expect("a directory");
        somebody(data.path());
        let mut config = config(data.path());
        // A free port, given back a moment before it is taken again.
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        config.metrics.listen = Some(free.to_string());
        Self { server: Server::start(config).await.expect("it starts"), figures: free, data }
    }

    /// The sum of all series of `name` that have all of `labels`.
    async fn figure(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let mut stream = TcpStream::connect(self.figures).await.expect("figures are served");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").await.expect("asked");
        let mut page = String::new();
        stream.read_to_string(&mut page).await.expect("told");
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        let mut sum = 0.0;
        for line in page.lines() {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            if series.split('{').next() == Some(name) && labels.iter().all(|label| series.contains(label)) {
                sum += value.parse::<f64>().expect("a number");
            }
        }
        sum
    }

    /// Waits until a figure is above `before`; what it is then.
    async fn above(&self, before: f64, name: &str, labels: &[(&str, &str)]) -> f64 {
        let begun = Instant::now();
        loop {
            let now = self.figure(name, labels).await;
            if now > before {
                return now;
            }
            assert!(begun.elapsed() < PATIENCE, "{name} {labels:?} stays at {now}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn overruns(&self, bound: &str) -> f64 {
        self.figure("chappe_overruns_total", &[("bound", bound)]).await
    }

    async fn overrun(&self, bound: &str, before: f64) -> f64 {
        self.above(before, "chappe_overruns_total", &[("bound", bound)]).await
    }

    async fn dropped(&self, what: &str, before: f64) -> f64 {
        self.above(before, "chappe_dropped_total", &[("what", what)]).await
    }

    async fn connect(&self) -> Client {
        Client::connect(self.server.addr(), PLAIN).await
    }

    /// A connection and a session of a new key.
    async fn guest(&self) -> (Client, Session) {
        let mut client = self.connect().await;
        let mut session = client.make_key(&self.server, Padding::RsaPad).await;
        session.ping(&mut client).await;
        (client, session)
    }

    /// A connection and a session of somebody who is logged in.
    async fn login(&self, key: i64) -> (Client, Session) {
        let key = AuthKey::from_stored(AuthKeyId::from_long(key), [7; mtproto::crypto::STORED_KEY_BYTES]);
        let (mut client, mut session) = (self.connect().await, Session::new(key, 1));
        let ping = service::Ping { ping_id: 1 };
        let salt = session.ask(&mut client, &ping, |_, body| {
            tl::read::<service::BadServerSalt>(body).ok().map(|notice| notice.new_server_salt)
        });
        session.salt = salt.await;
        (client, session)
    }

    /// Connects from the `n`th address of this machine and says nothing.
    async fn silent(&self, n: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, n], 0))).expect("an address of loopback");
        socket.connect(self.server.addr()).await.expect("the kernel takes it")
    }
}

/// Bytes as they are.
struct Raw(Vec<u8>);

impl tl::Encode for Raw {
    fn encode(&self, writer: &mut tl::Writer) {
        writer.out.extend_from_slice(&self.0);
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn write(query: &impl tl::Encode) -> Vec<u8> {
    tl::write(query, tl::Layer::NEWEST)
}

fn error(result: &[u8]) -> String {
    tl::read::<service::RpcError>(result).expect("a refusal").error_message
}

/// Zeros, packed: no query is so much longer than its packed form.
fn bomb() -> Vec<u8> {
    let mut packing = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packing.write_all(&vec![0; 4 << 20]).expect("memory");
    let packed_data = packing.finish().expect("memory");
    write(&service::GzipPacked { packed_data })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bound_is_overrun_and_its_figure_moves() {
    let house = House::new().await;
    connections(&house).await;
    what_is_sent(&house).await;
    what_is_kept(&house).await;
    uploads_and_slow_readers(&house).await;
    guests(&house).await;
    what_is_held(&house).await;
    let House { server, data, .. } = house;
    server.stop().await.expect("a clean end");
    after_a_restart(data.path()).await;
}

/// Half-open handshakes and connections: of one address, of strangers, of all.
async fn connections(house: &House) {
    let refused = "chappe_connections_refused_total";
    let mut known = Vec::new();
    let (first, mut session) = house.guest().await;
    known.push(first);
    while known.len() < CONNECTIONS - CONNECTIONS * 3 / 4 {
        let mut client = house.connect().await;
        session.ping(&mut client).await;
        known.push(client);
    }
    let mut strangers = Vec::new();
    for _ in 0..=PER_ADDRESS {
        strangers.push(house.silent(2).await);
    }
    house.above(0.0, refused, &[("reason", "address")]).await;
    while strangers.len() <= CONNECTIONS * 3 / 4 + 1 {
        strangers.push(house.silent(3).await);
    }
    // The last one came when strangers and known ones together were all that there may be.
    house.above(0.0, refused, &[("reason", "full")]).await;
    drop(known.pop());
    let begun = Instant::now();
    while house.figure(refused, &[("reason", "strangers")]).await < 1.0 {
        assert!(begun.elapsed() < PATIENCE, "strangers are let into the last quarter");
        strangers.push(house.silent(3).await);
    }
    drop(strangers);
    drop(known);
    // Everybody has gone before others come.
    let begun = Instant::now();
    loop {
        let mut stream = TcpStream::connect(house.server.addr()).await.expect("the kernel takes it");
        let closed = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut [0])).await;
        // Somebody who is turned away is closed at once.
        if closed.is_err() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "connections stay");
    }
}

/// Frames, containers, ids, vectors, nesting, gzip, wrappers, predecessors: what one packet may ask for.
async fn what_is_sent(house: &House) {
    let mut raw = TcpStream::connect(house.server.addr()).await.expect("the server listens");
    raw.write_all(&words(&[0xeeee_eeee, 0x7fff_fff0, 0x0707_0707])).await.expect("written");
    house.above(0.0, "chappe_misbehaved_total", &[("what", "frame too long")]).await;

    let (mut client, mut session) = house.guest().await;
    let bad = |body: &[u8]| tl::read::<service::BadMsgNotification>(body).ok().map(|bad| bad.error_code);
    let ping = write(&service::Ping { ping_id: 1 });
    for (bodies, bound) in [
        (vec![ping.clone(); CONTAINER_MESSAGES_MAX + 1], "containers"),
        (vec![words(&[service::MsgContainer::ID, 0])], "nesting"),
    ] {
        let before = house.overruns(bound).await;
        let (_, packet) = session.seal_container(&bodies);
        client.send(&packet).await;
        assert_eq!(session.wait(&mut client, bad).await, 64);
        house.overrun(bound, before).await;
    }

    // The arguments of a wrapper: a vector that lies, and arrays in arrays.
    let many = words(&[functions::InvokeAfterMsgs::ID, tl::VECTOR, i32::MAX as u32, 0, 0]);
    let array = words(&[0xf744_4763, tl::VECTOR, 1]);
    let deep =
        [write(&functions::InitConnection { params: None, ..Default::default() }), array.repeat(40)].concat();
    let deep = with_params(deep);
    let packed = bomb();
    let in_a_wrapper = [words(&[functions::InvokeWithoutUpdates::ID]), packed.clone()].concat();
    let wrapped = words(&[functions::InvokeWithoutUpdates::ID]).repeat(17);
    let after = functions::InvokeAfterMsgs { msg_ids: vec![4; api::limits::AFTER_MAX + 1] };
    let after = [write(&after), write(&functions::help::GetNearestDc {})].concat();
    for (query, bound, refusal) in [
        (many, "vectors", "INPUT_METHOD_INVALID"),
        (deep, "nesting", "INPUT_METHOD_INVALID"),
        (packed, "gzip", "INPUT_REQUEST_TOO_LONG"),
        (in_a_wrapper, "gzip", "INPUT_METHOD_INVALID"),
        (wrapped, "wrappers", "INPUT_METHOD_INVALID"),
        (after, "predecessors", "INPUT_METHOD_INVALID"),
    ] {
        let before = house.overruns(bound).await;
        assert_eq!(error(&session.call(&mut client, &Raw(query)).await), refusal, "{bound}");
        house.overrun(bound, before).await;
    }

    // Calls that follow what never comes: each waits for a second, and only so many at once.
    let after = [write(&functions::InvokeAfterMsg { msg_id: 4 }), write(&functions::help::GetNearestDc {})];
    let calls = vec![after.concat(); gateway::limits::CALLS_PARKED_PER_SESSION_MAX + 2];
    for _ in 0..2 {
        let (_, packet) = session.seal_container(&calls);
        client.send(&packet).await;
    }
    house.overrun("parked calls", 0.0).await;

    // Behind such calls others wait; a connection is read no further then, but what one read has brought is taken.
    let call = write(&functions::help::GetNearestDc {});
    let begun = Instant::now();
    while house.figure("chappe_dropped_total", &[("what", "calls")]).await < 1.0 {
        assert!(begun.elapsed() < PATIENCE, "calls without end wait for their turn");
        let (mut client, mut session) = house.guest().await;
        let mut packets = vec![session.seal_container(&calls).1];
        for _ in 0..3 {
            packets.push(session.seal_container(&vec![call.clone(); CONTAINER_MESSAGES_MAX]).1);
        }
        client.send_together(&packets[..1]).await;
        client.send_together(&packets[1..]).await;
    }

    let acks = service::MsgsStateReq { msg_ids: vec![4; IDS_MAX + 1] };
    let (_, packet) = session.seal(&acks);
    client.send(&packet).await;
    house.overrun("ids", 0.0).await;
}

/// `initConnection` whose flags say that `params` follow, which are already there.
fn with_params(mut query: Vec<u8>) -> Vec<u8> {
    query[4] |= 2;
    query
}

/// Sessions of a key, the window against replay, the outbox.
async fn what_is_kept(house: &House) {
    let (mut client, mut session) = house.guest().await;
    for _ in 0..=gateway::limits::SESSIONS_PER_KEY_MAX {
        let mut other = Session::new(session.key.clone(), session.salt);
        other.ping(&mut client).await;
    }
    house.dropped("sessions of a key", 0.0).await;

    let ping = write(&service::Ping { ping_id: 1 });
    for _ in 0..=RECEIVED_MAX / CONTAINER_MESSAGES_MAX {
        let (names, packet) = session.seal_container(&vec![ping.clone(); CONTAINER_MESSAGES_MAX]);
        client.send(&packet).await;
        let last = names.last().copied();
        let pong =
            |body: &[u8]| tl::read::<service::Pong>(body).ok().filter(|pong| Some(pong.msg_id) == last);
        session.wait(&mut client, pong).await;
    }
    house.overrun("replay windows", 0.0).await;

    let (mut client, mut session) = house.guest().await;
    let call = write(&functions::help::GetNearestDc {});
    let (_, packet) = session.seal_container(&vec![call; OUTBOX_MESSAGES_MAX + 100]);
    client.send(&packet).await;
    house.overrun("outboxes", 0.0).await;
}

/// Uploads of a key, parts of an upload, and bytes for somebody who reads nothing.
async fn uploads_and_slow_readers(house: &House) {
    let part = |file_id: i64, file_part: i32, bytes: Vec<u8>| functions::upload::SaveFilePart {
        file_id,
        file_part,
        bytes,
    };
    let refusals = "chappe_refusals_total";
    let (mut client, mut session) = house.login(LOGINS[0]).await;
    let refused = session.call(&mut client, &part(-1, 0, vec![1])).await;
    assert!(error(&refused).starts_with("FLOOD_WAIT_"), "{}", error(&refused));
    let labels = [("method", "upload.saveFilePart"), ("error", "FLOOD_WAIT")];
    house.above(0.0, refusals, &labels).await;

    let (mut client, mut session) = house.login(LOGINS[1]).await;
    let refused = session.call(&mut client, &part(1, model::limits::PARTS_MAX, vec![1])).await;
    assert_eq!(error(&refused), "FILE_PART_INVALID");
    house.above(0.0, refusals, &[("method", "upload.saveFilePart"), ("error", "FILE_PART_INVALID")]).await;
    let contacts = words(&[functions::contacts::ImportContacts::ID, tl::VECTOR, i32::MAX as u32, 0]);
    let before = house.overruns("vectors").await;
    assert_eq!(error(&session.call(&mut client, &Raw(contacts)).await), "INPUT_FETCH_ERROR");
    house.overrun("vectors", before).await;

    let mut bytes = vec![0; 512 * 1024];
    SeededDice::new(7).fill(&mut bytes);
    let kept = session.call(&mut client, &part(1, 0, bytes)).await;
    assert_eq!(tl::read::<bool>(&kept), Ok(true));
    let file = types::InputFile { id: 1, parts: 1, name: "noise".to_owned(), ..Default::default() };
    let media = types::InputMediaUploadedDocument {
        file: file.into(),
        mime_type: "application/octet-stream".to_owned(),
        ..Default::default()
    };
    let media = functions::messages::UploadMedia {
        peer: enums::InputPeer::InputPeerSelf,
        media: media.into(),
        ..Default::default()
    };
    let media = session.call(&mut client, &media).await;
    let Ok(enums::MessageMedia::MessageMediaDocument(media)) = tl::read(&media) else {
        panic!("no document")
    };
    let Some(enums::Document::Document(document)) = media.document else { panic!("no document") };
    let location = types::InputDocumentFileLocation {
        id: document.id,
        access_hash: document.access_hash,
        file_reference: document.file_reference.clone(),
        thumb_size: String::new(),
    };
    let get = functions::upload::GetFile {
        location: location.into(),
        offset: 0,
        limit: 512 * 1024,
        ..Default::default()
    };
    let before = house.figure("chappe_dropped_total", &[("what", "slow readers")]).await;
    let (_, packet) = session.seal_container(&vec![write(&get); 100]);
    client.send(&packet).await;
    house.dropped("slow readers", before).await;
}

/// Keys on which nobody logs in.
async fn guests(house: &House) {
    for _ in 0..2 * GUESTS {
        house.connect().await.make_key(&house.server, Padding::RsaPad).await;
    }
    house.dropped("keys without a login", 0.0).await;
}

/// The figures of what is held, which are taken every half a minute.
async fn what_is_held(house: &House) {
    for things in ["keys without a login", "sessions", "keys"] {
        house.above(0.0, "chappe_held", &[("things", things)]).await;
    }
    // What the sessions from before still remember.
    for (things, at_least) in [("replay windows", RECEIVED_MAX * 16), ("outboxes", OUTBOX_MESSAGES_MAX * 32)]
    {
        house.above(at_least as f64 - 1.0, "chappe_held_bytes", &[("things", things)]).await;
    }
}

/// The bound on keys holds for what is on disk: no server forgets how many there were before it.
async fn after_a_restart(data: &Path) {
    let server = Server::start(config(data)).await.expect("it starts again");
    for _ in 0..2 * GUESTS {
        Client::connect(server.addr(), PLAIN).await.make_key(&server, Padding::RsaPad).await;
    }
    server.stop().await.expect("a clean end");
    let store = open_store(data);
    let guests = store.read::<_, model::Stop>(|tx| model::guests::count(tx)).expect("it reads").0;
    assert_eq!(guests, u64::from(GUESTS));
    let report = model::verify::walk(&store).expect("it reads");
    let of_guests = report.violations.iter().filter(|v| v.rule == model::verify::Rule::Guest);
    assert_eq!(of_guests.count(), 0, "{report}");
    for key in LOGINS {
        let key = api::ids::KeyId(key);
        let row = store.read::<_, model::Stop>(|tx| model::keys::find(tx, key)).expect("it reads").0;
        assert!(row.is_some_and(|row| row.user_id.is_some()), "a login is never dropped");
    }
    store.close().expect("it closes");
}
