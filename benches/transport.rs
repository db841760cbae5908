//! What each way of framing, and datagrams, add to a packet: bytes on the wire, and nanoseconds of the server to take one and
//! to give one. System calls are in none of them.
//!
//! Not criterion: a table of two numbers for each is what one looks for. The fastest of many rounds of a thousand packets.

mod clock;

use std::hint::black_box;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use env::{Dice, Env, Time};
use mtproto::client::{Transport, TransportOptions};
use mtproto::udp::{DatagramPath, Door, Heard, datagram};
use mtproto::wire::framing::Framing;
use mtproto::{Connection, Input, Output, Packet, ReplayCache, RsaKey, ServerKeys};
use rand::Rng as _;

/// Lengths of packets, in bytes: 24 and whole blocks.
const SIZES: [usize; 3] = [24 + 7 * 16, 24 + 63 * 16, 24 + 1023 * 16];

const ROUNDS: usize = 60;
const PACKETS: u32 = 1000;

struct RealDice;

impl Dice for RealDice {
    fn fill(&mut self, out: &mut [u8]) {
        rand::rng().fill_bytes(out);
    }
}

const fn plain(framing: Framing) -> TransportOptions {
    TransportOptions { framing, obfuscated: None, websocket: false }
}

const fn obfuscated(framing: Framing, websocket: bool) -> TransportOptions {
    TransportOptions { framing, obfuscated: Some(2), websocket }
}

const WAYS: [(&str, TransportOptions); 8] = [
    ("abridged", plain(Framing::Abridged)),
    ("intermediate", plain(Framing::Intermediate)),
    ("padded intermediate", plain(Framing::PaddedIntermediate)),
    ("full", plain(Framing::Full)),
    ("abridged, obfuscated", obfuscated(Framing::Abridged, false)),
    ("intermediate, obfuscated", obfuscated(Framing::Intermediate, false)),
    ("padded, obfuscated", obfuscated(Framing::PaddedIntermediate, false)),
    ("WebSocket, padded, obfuscated", obfuscated(Framing::PaddedIntermediate, true)),
];

fn main() {
    let keys = Arc::new(ServerKeys { pad: RsaKey::generate(&mut RealDice), legacy: None });
    let mut out = io::stdout().lock();
    let mut line = |text: String| writeln!(out, "{text}").expect("standard output");
    for size in SIZES {
        line(format!("a packet of {size} bytes"));
        line(format!(
            "{:<30} {:>9} {:>9} {:>12} {:>12} {:>10}",
            "", "in, B", "out, B", "in, ns", "out, ns", "first, B"
        ));
        let costs = WAYS.map(|(name, way)| (name, of(way, size, &keys)));
        for (name, cost) in costs.into_iter().chain([("datagrams", of_datagrams(size, &keys))]) {
            line(format!(
                "{name:<30} {:>9.1} {:>9.1} {:>12} {:>12} {:>10}",
                cost.bytes_in, cost.bytes_out, cost.nanos_in, cost.nanos_out, cost.first
            ));
        }
    }
}

struct Cost {
    /// Bytes beside the packet, mean.
    bytes_in: f64,
    bytes_out: f64,
    nanos_in: u128,
    nanos_out: u128,
    /// What a client sends once before its first packet.
    first: usize,
}

/// The same in datagrams, from an address that has proven itself; before that the cookie goes with each packet.
fn of_datagrams(size: usize, keys: &Arc<ServerKeys>) -> Cost {
    let mut env = Env { now: Time::from_secs(1_800_000_000), dice: &mut RealDice };
    let from = SocketAddr::from(([127, 0, 0, 1], 4000));
    let mut door = Door::new(&mut env, Arc::clone(keys));
    let mut path = DatagramPath::new(Arc::clone(keys));
    let mut packet = vec![0; size];
    RealDice.fill(&mut packet);
    let packet = Bytes::from(packet);

    let (mut numbers, mut sent, mut out) = (0, 0, Vec::new());
    let spread_in = (0..ROUNDS).map(|_| {
        let datagrams: Vec<Bytes> = (0..PACKETS)
            .flat_map(|_| {
                numbers += 1;
                datagram::split(&packet, numbers)
            })
            .collect();
        sent += datagrams.iter().map(Bytes::len).sum::<usize>();
        out.clear();
        let spread = clock::time(1, |_| {
            for bytes in &datagrams {
                match door.hear(&mut env, from, bytes) {
                    Heard::Packet(packet) => path.receive(&mut env, packet, None, &mut out),
                    Heard::Piece(piece) => path.receive_piece(&mut env, &piece, &mut out),
                    Heard::Nothing | Heard::Answer(_) | Heard::Proven(..) => {}
                }
            }
        });
        assert_eq!(out.len(), PACKETS as usize, "no packet came out");
        spread
    });
    let nanos_in = spread_in.map(|s| s.of(PACKETS).fastest.as_nanos()).min().unwrap_or_default();

    let (mut written, mut out) = (0, Vec::new());
    let spread_out = clock::time(ROUNDS, |_| {
        for _ in 0..PACKETS {
            out.clear();
            path.send(&Packet::Sealed(packet.clone()), &mut out).expect("it fits");
            written +=
                out.iter().map(|o| if let Output::Write(bytes) = o { bytes.len() } else { 0 }).sum::<usize>();
        }
    });
    let packets = ROUNDS as f64 * f64::from(PACKETS);
    Cost {
        bytes_in: sent as f64 / packets - size as f64,
        bytes_out: written as f64 / packets - size as f64,
        nanos_in,
        nanos_out: spread_out.of(PACKETS).fastest.as_nanos(),
        first: datagram::PROOF_HEAD_BYTES,
    }
}

fn of(way: TransportOptions, size: usize, keys: &Arc<ServerKeys>) -> Cost {
    let (mut transport, hello) = Transport::new(way, &mut RealDice);
    let mut connection = Connection::new(Arc::clone(keys), Arc::new(ReplayCache::new()));
    let mut env = Env { now: Time::from_secs(1_800_000_000), dice: &mut RealDice };
    let mut packet = vec![0; size];
    // A key that nobody has, and not a handshake.
    RealDice.fill(&mut packet);
    let mut answers = Vec::new();
    let mut hello_ = hello.clone();
    connection.handle(&mut env, Input::Bytes(&mut hello_), &mut answers);
    for answer in answers {
        if let Output::Write(bytes) = answer {
            transport.receive(&mut BytesMut::from(bytes), &mut Vec::new()).expect("the upgrade is answered");
        }
    }
    // The first packet brings the marker along.
    let first = transport.send(&packet, false, &mut RealDice);
    let first = hello.len() + take(&mut connection, &mut env, first) - size;

    let (mut sent, mut rounds_in) = (0, Vec::with_capacity(PACKETS as usize));
    let spread_in = (0..ROUNDS).map(|_| {
        rounds_in.clear();
        rounds_in.extend((0..PACKETS).map(|_| transport.send(&packet, false, &mut RealDice)));
        sent += rounds_in.iter().map(BytesMut::len).sum::<usize>();
        let packets = &mut rounds_in;
        clock::time(1, |_| {
            for bytes in packets.drain(..) {
                black_box(take(&mut connection, &mut env, bytes));
            }
        })
    });
    let nanos_in = spread_in.map(|s| s.of(PACKETS).fastest.as_nanos()).min().unwrap_or_default();

    let answer = Bytes::from(packet.clone());
    let (mut written, mut out) = (0, Vec::new());
    let spread_out = clock::time(ROUNDS, |_| {
        for _ in 0..PACKETS {
            out.clear();
            connection.handle(&mut env, Input::Send(Packet::Sealed(answer.clone())), &mut out);
            written +=
                out.iter().map(|o| if let Output::Write(bytes) = o { bytes.len() } else { 0 }).sum::<usize>();
        }
    });
    let packets = ROUNDS as f64 * f64::from(PACKETS);
    Cost {
        bytes_in: sent as f64 / packets - size as f64,
        bytes_out: written as f64 / packets - size as f64,
        nanos_in,
        nanos_out: spread_out.of(PACKETS).fastest.as_nanos(),
        first,
    }
}

/// Has the connection take what the client sent; gives how many bytes that was.
fn take(connection: &mut Connection, env: &mut Env<'_>, mut bytes: BytesMut) -> usize {
    let mut out = Vec::new();
    connection.handle(env, Input::Bytes(&mut bytes), &mut out);
    assert!(out.iter().any(|o| matches!(o, Output::Packet { .. })), "no packet came out");
    bytes.len()
}
