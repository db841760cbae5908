//! The paths: each is prepared uncounted and walked [`TIMES`] times, one walk being one call of [`counted`].

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use api::envelope::peel;
use bytes::{BufMut as _, Bytes, BytesMut};
use env::{Env, SeededDice, Time};
use mtproto::client::{Transport, TransportOptions};
use mtproto::crypto::{STORED_KEY_BYTES, Side};
use mtproto::session::client::ClientSession;
use mtproto::session::{
    Head, Path, PathId, PathKind, Salts, Session, SessionInput, SessionOutput, Shared, open, seal,
};
use mtproto::wire::framing::{Frame, Framing};
use mtproto::{
    AuthKey, AuthKeyId, Connection, Input, MsgId, Output, Packet, ReplayCache, RsaKey, Salt, ServerKeys,
    SessionId,
};
use store::Store;
use tl::functions::messages;
use tl::{Decode as _, Encode as _, Layer, Reader, Writer, enums};

use crate::people::{ANAS_KEY, LAYER, People, caller, run, text};

/// The compiler that made this program.
pub const COMPILER: &str = env!("CHAPPE_COMPILER");

/// Hands an RSA key to the child process: making one would take it longer than all that is counted.
pub const KEY: &str = "CHAPPE_COUNTED_KEY";

/// How often each path is walked.
pub const TIMES: u32 = 200;

/// What is counted: a stage, and bytes of text.
pub const PATHS: [&str; 11] = [
    "open/64",
    "open/1024",
    "seal/64",
    "seal/1024",
    "frame/256",
    "read/256",
    "write 158/256",
    "write 230/256",
    "walk/64",
    "walk/256",
    "walk/1024",
];

const NOW: Time = Time::from_secs(1_800_000_000);

/// Everything in here is counted, and nothing else.
#[inline(never)]
pub fn counted<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

/// Walks `path`, after saying what was seen of the processor.
pub fn walk(path: &str) {
    announce();
    let (stage, bytes) = path.split_once('/').expect("a path of the list");
    let bytes = bytes.parse().expect("a number");
    match stage {
        "open" => opening(bytes),
        "seal" => sealing(bytes),
        "frame" => framing(bytes),
        "read" => reading(bytes),
        "write 158" => writing(Layer(158), bytes),
        "write 230" => writing(LAYER, bytes),
        "walk" => walking(bytes),
        other => panic!("no such path: {other}"),
    }
}

#[expect(clippy::print_stdout, reason = "the parent process reads it")]
fn announce() {
    #[cfg(target_arch = "x86_64")]
    let wide = if is_x86_feature_detected!("avx2") { "AVX2" } else { "no AVX2" };
    #[cfg(not(target_arch = "x86_64"))]
    let wide = std::env::consts::ARCH;
    println!("cipher: {}; {wide}", cipher::Backend::best().name());
}

fn key() -> AuthKey {
    AuthKey::from_stored(AuthKeyId(ANAS_KEY.0.cast_unsigned()), [7; STORED_KEY_BYTES])
}

fn query(bytes: usize) -> Vec<u8> {
    tl::write(&People::in_store(Store::memory()).message(&text(bytes)), LAYER)
}

fn sealed(from: Side, body: &[u8], dice: &mut SeededDice) -> BytesMut {
    let head = Head { salt: Salt(5), session_id: SessionId(6), msg_id: MsgId::at(NOW), seq_no: 1 };
    seal(&key(), from, head, body.len(), |packet| packet.put_slice(body), dice)
}

fn opening(bytes: usize) {
    let (query, mut dice, key) = (query(bytes), SeededDice::new(1), key());
    for _ in 0..TIMES {
        let mut packet = sealed(Side::Client, &query, &mut dice);
        counted(|| open(&key, &mut packet)).expect("authentic");
    }
}

fn sealing(bytes: usize) {
    let (query, mut dice) = (query(bytes), SeededDice::new(1));
    for _ in 0..TIMES {
        counted(|| sealed(Side::Server, &query, &mut dice));
    }
}

fn framing(bytes: usize) {
    let mut dice = SeededDice::new(1);
    let packet = sealed(Side::Client, &query(bytes), &mut dice);
    let answer = sealed(Side::Server, &query(bytes), &mut dice).freeze();
    let mut line = Line::new(&mut dice);
    for _ in 0..TIMES {
        let mut bytes = line.transport.send(&packet, false, &mut dice);
        counted(|| {
            let (mut env, mut out) = (Env { now: NOW, dice: &mut dice }, Vec::new());
            line.connection.handle(&mut env, Input::Bytes(&mut bytes), &mut out);
            line.connection.handle(&mut env, Input::Send(Packet::Sealed(answer.clone())), &mut out);
            out
        });
    }
}

fn reading(bytes: usize) {
    let query = query(bytes);
    for _ in 0..TIMES {
        counted(|| {
            let peeled = peel(black_box(&query), &|_| None).expect("a query");
            messages::SendMessage::decode(&mut Reader::new(&peeled.query)).expect("sendMessage")
        });
    }
}

fn writing(layer: Layer, bytes: usize) {
    let answer = People::in_store(Store::memory()).say(&text(bytes)).body;
    let answer: enums::Updates = tl::read(&answer).expect("Updates");
    for _ in 0..TIMES {
        counted(|| {
            let mut writer = Writer::new(layer);
            black_box(&answer).encode(&mut writer);
            writer
        });
    }
}

/// A socket without the socket.
struct Line {
    transport: Transport,
    connection: Connection,
}

impl Line {
    fn new(dice: &mut SeededDice) -> Self {
        let way = TransportOptions { framing: Framing::Intermediate, obfuscated: Some(2), websocket: false };
        let (transport, hello) = Transport::new(way, dice);
        let pem = std::env::var(KEY).expect("a key of the parent");
        let keys = ServerKeys { pad: RsaKey::from_private_pem(&pem).expect("a key file"), legacy: None };
        let mut connection = Connection::new(Arc::new(keys), Arc::new(ReplayCache::new()));
        let (mut hello, mut out) = (hello.to_vec(), Vec::new());
        connection.handle(&mut Env { now: NOW, dice }, Input::Bytes(&mut hello), &mut out);
        Self { transport, connection }
    }
}

/// One message after the other, from bytes of the socket to bytes of the socket, on the store in memory.
fn walking(bytes: usize) {
    let mut dice = SeededDice::new(1);
    let (mut people, text, key) = (People::in_store(Store::memory()), text(bytes), key());
    let mut line = Line::new(&mut dice);
    let mut client = ClientSession::new(key.clone(), SessionId(6), Salt(5));
    let mut session = Session::new(SessionId(6), MsgId(0));
    let mut salts = Salts::beginning_with(Salt(5), people.now);
    for _ in 0..TIMES {
        let now = people.now + Duration::from_micros(100);
        people.now = now;
        let mut env = Env { now, dice: &mut dice };
        let query = tl::write(&people.message(&text), LAYER);
        client.call(now, query.into());
        let packet = client.packet(&mut env, Duration::from_secs(60)).expect("a query to send");
        let mut bytes = line.transport.send(&packet, false, env.dice);
        let written = counted(|| {
            let mut shared = Shared { key: &key, salts: &mut salts };
            one_message(&people, &mut line.connection, &mut session, &mut shared, &mut env, &mut bytes)
        });
        for output in written {
            let Output::Write(bytes) = output else { continue };
            let mut frames = Vec::new();
            line.transport.receive(&mut BytesMut::from(bytes), &mut frames).expect("frames");
            for frame in frames {
                if let Frame::Packet { mut data, .. } = frame {
                    client.receive(now, &mut data).expect("authentic");
                }
            }
        }
        assert_eq!(client.unanswered(), 0, "an answer to each query");
    }
}

fn one_message(
    people: &People,
    connection: &mut Connection,
    session: &mut Session,
    shared: &mut Shared<'_>,
    env: &mut Env<'_>,
    bytes: &mut [u8],
) -> Vec<Output> {
    let (mut came, mut out, mut written) = (Vec::new(), Vec::new(), Vec::new());
    connection.handle(env, Input::Bytes(bytes), &mut came);
    let data = came.into_iter().find_map(|output| match output {
        Output::Packet { data, .. } => Some(data),
        _ => None,
    });
    let mut data = data.expect("a whole packet");
    let opened = open(shared.key, &mut data).expect("authentic");
    let path = Path { id: PathId(1), kind: PathKind::Stream };
    let input = SessionInput::Received { path, opened, packet: data.freeze(), quick_ack: false };
    session.handle(env, shared, input, &mut out);
    let at = out.iter().position(|o| matches!(o, SessionOutput::Call(_))).expect("a call");
    let SessionOutput::Call(call) = out.swap_remove(at) else { panic!("a call") };
    let mut peeled = peel(&call.body, &|_| None).expect("a query");
    peeled.layer = Some(LAYER.0);
    let reply = run(&people.api, &caller(ANAS_KEY), &peeled, env.now);
    let input = SessionInput::Reply { to: call.msg_id, body: Bytes::from(reply.body) };
    session.handle(env, shared, input, &mut out);
    for output in out {
        if let SessionOutput::Send { packet, .. } = output {
            connection.handle(env, Input::Send(Packet::Sealed(packet.freeze())), &mut written);
        }
    }
    written
}
