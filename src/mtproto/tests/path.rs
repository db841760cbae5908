//! A connection as a path: what it passes on, what it refuses, and how long it waits.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use env::{Dice as _, Env, SeededDice, Time};
use mtproto::client::{Transport, TransportOptions};
use mtproto::crypto::{FullAuthKey, HEADER_BYTES, QuickAckToken, Side, seal};
use mtproto::session::PathKind;
use mtproto::wire::framing::{Frame, Framing};
use mtproto::wire::websocket::{Kind, send_as_client};
use mtproto::{
    AuthKey, Connection, Input, Output, Packet, PeerMisbehaved, ReplayCache, RsaKey, ServerKeys,
    TransportError, limits,
};

const START: Time = Time::from_secs(1_700_000_000);

fn after(seconds: u64) -> Time {
    START + Duration::from_secs(seconds)
}

/// A server connection alone.
struct Path {
    connection: Connection,
    dice: SeededDice,
    now: Time,
}

fn keys() -> Arc<ServerKeys> {
    static KEYS: std::sync::OnceLock<Arc<ServerKeys>> = std::sync::OnceLock::new();
    let pem = include_str!("../../../protocol-spec/vectors/rsa_key.pem");
    let read = || RsaKey::from_private_pem(pem).expect("a key of the vectors");
    Arc::clone(KEYS.get_or_init(|| Arc::new(ServerKeys { pad: read(), legacy: None })))
}

impl Path {
    fn new() -> Self {
        Self::remembering(&Arc::new(ReplayCache::new()))
    }

    fn remembering(replays: &Arc<ReplayCache>) -> Self {
        let connection = Connection::new(keys(), Arc::clone(replays));
        let mut path = Self { connection, dice: SeededDice::new(1), now: START };
        let outputs = path.feed(Input::Tick);
        assert!(matches!(outputs[..], [Output::WakeAt(at)] if at == after(10)), "{outputs:?}");
        path
    }

    fn feed(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.connection.handle(&mut Env { now: self.now, dice: &mut self.dice }, input, &mut outputs);
        outputs
    }

    /// All outputs but those about time.
    fn hear(&mut self, bytes: &[u8]) -> Vec<Output> {
        let mut outputs = self.feed(Input::Bytes(&mut bytes.to_vec()));
        outputs.retain(|output| !matches!(output, Output::WakeAt(_)));
        outputs
    }

    fn at(&mut self, now: Time) -> Vec<Output> {
        self.now = now;
        self.feed(Input::Tick)
    }
}

fn key() -> AuthKey {
    FullAuthKey::new([0x5a; 256]).kept()
}

fn sealed(body_bytes: usize) -> BytesMut {
    let mut packet = BytesMut::zeroed(HEADER_BYTES + 32 + body_bytes);
    seal(&key(), Side::Client, &mut packet, &mut SeededDice::new(3));
    packet
}

fn closed(outputs: &[Output]) -> Option<PeerMisbehaved> {
    match outputs {
        [.., Output::Close(reason)] => Some(*reason),
        _ => None,
    }
}

// proves: TR-5, TR-6, TR-8, TR-9, TR-16
#[test]
fn sealed_packets_pass_with_their_quick_acks_over_every_transport() {
    use Framing::{Abridged, Full, Intermediate, PaddedIntermediate};
    for framing in [Abridged, Intermediate, PaddedIntermediate, Full] {
        for (obfuscated, websocket) in [(None, false), (Some(1), false), (Some(1), true)] {
            if framing == Full && obfuscated.is_some() {
                continue;
            }
            let mut path = Path::new();
            let mut dice = SeededDice::new(8);
            let (mut client, hello) =
                Transport::new(TransportOptions { framing, obfuscated, websocket }, &mut dice);
            let response = path.hear(&hello);
            for output in response {
                let Output::Write(response) = output else { panic!("{output:?}") };
                client.receive(&mut response.to_vec(), &mut Vec::new()).expect("101");
            }
            for (body_bytes, ask) in [(0, false), (100, true), (70_000, true), (1_044_448, false)] {
                let packet = sealed(body_bytes);
                let bytes = client.send(&packet, ask, &mut dice);
                let mut outputs = Vec::new();
                for piece in bytes.chunks(4096) {
                    outputs.extend(path.hear(piece));
                }
                let [Output::Packet { auth_key_id, data, quick_ack }] = &outputs[..] else {
                    panic!("{outputs:?}")
                };
                assert_eq!((*auth_key_id, *quick_ack), (key().id(), ask && framing != Full));
                assert!(*data == packet, "{framing:?}, {body_bytes} bytes");
                assert_eq!(path.connection.waiting_bytes(), 0);
            }

            let token = QuickAckToken(0x8000_1234);
            for (packet, expected) in [
                (Packet::QuickAck(token), None),
                (Packet::Error(TransportError::Flood), Some((-429_i32).to_le_bytes().to_vec())),
                (Packet::Sealed(Bytes::from_static(&[7; 88])), Some(vec![7; 88])),
            ] {
                let mut frames = Vec::new();
                for output in path.feed(Input::Send(packet)) {
                    let Output::Write(bytes) = output else { panic!("{output:?}") };
                    client.receive(&mut bytes.to_vec(), &mut frames).expect("honest frames");
                }
                match (frames.pop(), expected) {
                    (Some(Frame::QuickAck(got)), None) => assert_eq!(got, token),
                    (None, None) => assert_eq!(framing, Full),
                    (Some(Frame::Packet { data, .. }), Some(expected)) => {
                        assert!(data.starts_with(&expected))
                    }
                    (got, expected) => panic!("{got:?} for {expected:?}"),
                }
            }
        }
    }
}

// proves: TR-10, TR-11
#[test]
fn a_refused_packet_is_answered_with_minus_404_and_the_end() {
    let mut path = Path::new();
    path.hear(&[0xef]);
    let outputs = path.feed(Input::Send(Packet::Error(TransportError::NotFound)));
    let [Output::Write(bytes), Output::Close(reason)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(bytes[..], [1, 0x6c, 0xfe, 0xff, 0xff]);
    assert_eq!(*reason, PeerMisbehaved::WasRefused(TransportError::NotFound));
    assert!(path.feed(Input::Bytes(&mut [1, 2, 3])).is_empty(), "nothing follows the end");
    assert!(path.at(after(1000)).is_empty());
}

// proves: TR-11, REC-3
#[test]
fn packets_of_impossible_length_have_the_answer_of_all_failures() {
    let mut ragged = sealed(16);
    ragged.extend_from_slice(&[0; 4]);
    for packet in [&ragged[..], &sealed(16)[..60], &[1; 24], &[1; 4], &[]] {
        let mut path = Path::new();
        let (mut client, _) = Transport::new(
            TransportOptions { framing: Framing::Intermediate, obfuscated: None, websocket: false },
            &mut SeededDice::new(1),
        );
        let outputs = path.hear(&client.send(packet, false, &mut SeededDice::new(1)));
        assert_eq!(closed(&outputs), Some(PeerMisbehaved::SentRaggedPacket), "{} bytes", packet.len());
        let Output::Write(answer) = &outputs[0] else { panic!("{outputs:?}") };
        assert_eq!(answer[..], [4, 0, 0, 0, 0x6c, 0xfe, 0xff, 0xff]);
    }
}

// proves: TR-22
#[test]
fn a_huge_announcement_is_refused_in_its_own_framing() {
    for (bytes, head) in [
        (&[0xef, 0x7f, 0xff, 0xff, 0xff][..], &[1][..]),
        (&[0xee, 0xee, 0xee, 0xee, 0xff, 0xff, 0xff, 0x7f], &[4, 0, 0, 0]),
        (&[0xff, 0xff, 0xff, 0x3c, 0, 0, 0, 0], &[]),
    ] {
        let mut path = Path::new();
        let outputs = path.hear(bytes);
        let reason = closed(&outputs).expect("the end");
        assert!(matches!(reason, PeerMisbehaved::AnnouncedTooMuch | PeerMisbehaved::BrokeFullFrame));
        let Output::Write(answer) = &outputs[0] else { panic!("{outputs:?}") };
        assert!(answer.starts_with(head) && answer.windows(4).any(|word| word == (-404_i32).to_le_bytes()));
        assert_eq!(path.connection.waiting_bytes(), 0);
    }
}

// proves: TR-20
#[test]
fn strangers_hear_nothing_and_are_left_after_a_while() {
    let noise: [u8; 64] = env::bytes(&mut SeededDice::new(40));
    for hello in [&noise[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let mut path = Path::new();
        assert!(path.hear(hello).is_empty());
        path.now = after(4);
        assert!(path.hear(&[0; 4096]).is_empty(), "what follows is dropped");
        assert_eq!(path.connection.waiting_bytes(), 0);
        assert!(closed(&path.at(after(9))).is_none());
        assert_eq!(closed(&path.at(after(10))), Some(PeerMisbehaved::SpokeNoFraming));
    }
}

// proves: TR-21
#[test]
fn an_obfuscation_header_serves_once() {
    let replays = Arc::new(ReplayCache::new());
    let mut dice = SeededDice::new(2);
    let options = TransportOptions { framing: Framing::Abridged, obfuscated: Some(2), websocket: false };
    let (mut client, _) = Transport::new(options, &mut dice);
    let recorded = client.send(&sealed(40), false, &mut dice);
    let mut first = Path::remembering(&replays);
    assert_eq!(first.hear(&recorded).len(), 1);
    assert_eq!(first.connection.dialled().map(|dc| dc.number()), Some(2));
    assert!(Path::remembering(&replays).hear(&recorded).is_empty(), "silence, as for any stranger");
    // Changing what no key depends on does not make it new.
    let mut varied = recorded.to_vec();
    varied[7] ^= 1;
    assert!(Path::remembering(&replays).hear(&varied).is_empty());
}

#[test]
fn who_does_not_speak_or_speaks_too_slowly_is_left() {
    // Never a byte.
    let mut path = Path::new();
    assert!(path.at(after(9)).iter().all(|output| matches!(output, Output::WakeAt(_))));
    assert_eq!(closed(&path.at(after(10))), Some(PeerMisbehaved::WasTooSlow));

    // A first packet that dribbles.
    let mut path = Path::new();
    path.hear(&[0xef, 10, 0, 0]);
    path.now = after(9);
    path.hear(&[0, 0]);
    assert_eq!(closed(&path.at(after(10))), Some(PeerMisbehaved::WasTooSlow));

    // A long packet has the time that its length needs.
    let mut path = Path::new();
    let packet = sealed(512 * 1024);
    let length = (packet.len() as u32).to_le_bytes();
    path.hear(&[&[0xee; 4], &length[..], &packet[..1000]].concat());
    assert!(closed(&path.at(after(200))).is_none());
    assert_eq!(closed(&path.at(after(300))), Some(PeerMisbehaved::WasTooSlow));

    // With a key, and between packets, the session alone knows how long is too long.
    let mut path = Path::new();
    path.hear(&[&[0xee; 4], &88_u32.to_le_bytes()[..], &[7; 88]].concat());
    assert!(path.at(after(100_000)).is_empty());
}

#[test]
fn a_websocket_ping_is_answered_and_a_close_ends_the_path() {
    let mut path = Path::new();
    let mut dice = SeededDice::new(4);
    let options = TransportOptions { framing: Framing::Intermediate, obfuscated: Some(1), websocket: true };
    let (_, hello) = Transport::new(options, &mut dice);
    let mut stream = BytesMut::from(&hello[..]);
    send_as_client(Kind::Ping, true, b"hm?", &mut dice, &mut stream);
    let outputs = path.hear(&stream);
    let [Output::Write(answer)] = &outputs[..] else { panic!("{outputs:?}") };
    assert!(answer.starts_with(b"HTTP/1.1 101 ") && answer.ends_with(b"\r\n\r\n\x8a\x03hm?"));
    let mut stream = BytesMut::new();
    send_as_client(Kind::Close, true, &[3, 232], &mut dice, &mut stream);
    let outputs = path.hear(&stream);
    let [Output::Write(answer), Output::Close(PeerMisbehaved::ClosedWebSocket)] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!(answer[..], [0x88, 2, 3, 232]);
}

#[test]
fn a_browser_that_is_lost_gets_a_short_answer() {
    let mut path = Path::new();
    let outputs = path.hear(b"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let [Output::Write(answer), Output::Close(PeerMisbehaved::AskedOverHttp)] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert!(answer.starts_with(b"HTTP/1.1 404 ") && answer.len() < 200);
}

// proves: TR-23, TR-24
#[test]
fn over_http_a_packet_is_a_request_and_a_packet_its_response() {
    let mut path = Path::new();
    let mut client = Transport::http();
    let mut dice = SeededDice::new(8);
    for body_bytes in [0, 100, 1_044_448] {
        let packet = sealed(body_bytes);
        let mut outputs = Vec::new();
        for piece in client.send(&packet, false, &mut dice).chunks(40_000) {
            outputs.extend(path.hear(piece));
        }
        let [Output::Packet { auth_key_id, data, quick_ack: false }] = &outputs[..] else {
            panic!("{outputs:?}")
        };
        assert!(*auth_key_id == key().id() && *data == packet);
        assert_eq!(path.connection.path_kind(), PathKind::Http);
        // There are no quick acks, and one response.
        assert!(path.feed(Input::Send(Packet::QuickAck(QuickAckToken(1 << 31)))).is_empty());
        let mut frames = Vec::new();
        for output in path.feed(Input::Send(Packet::Sealed(Bytes::from_static(&[7; 88])))) {
            match output {
                Output::Write(bytes) => client.receive(&mut bytes.to_vec(), &mut frames).expect("a response"),
                Output::WakeAt(_) => {}
                other => panic!("{other:?}"),
            }
        }
        let [Frame::Packet { data, .. }] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!(data[..], [7; 88]);
        let unasked = path.feed(Input::Send(Packet::Sealed(Bytes::from_static(&[7; 88]))));
        assert!(unasked.iter().all(|output| matches!(output, Output::WakeAt(_))), "{unasked:?}");
    }
    path.hear(&client.send(&sealed(0), false, &mut dice));
    let outputs = path.feed(Input::Send(Packet::Error(TransportError::Flood)));
    let [Output::Write(status), Output::Close(PeerMisbehaved::EndedHttp)] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert!(status.starts_with(b"HTTP/1.1 429 "));
}

#[test]
fn an_http_connection_is_left_when_nobody_speaks_on_it() {
    let (mut client, mut dice) = (Transport::http(), SeededDice::new(8));
    // A request that nobody answers.
    let mut path = Path::new();
    path.hear(&client.send(&sealed(0), false, &mut dice));
    assert!(closed(&path.at(after(74))).is_none());
    assert_eq!(closed(&path.at(after(75))), Some(PeerMisbehaved::WasTooSlow));
    // An answer that no request follows.
    let mut path = Path::new();
    path.hear(&client.send(&sealed(0), false, &mut dice));
    path.now = after(50);
    path.feed(Input::Send(Packet::Sealed(Bytes::from_static(&[7; 88]))));
    assert!(closed(&path.at(after(109))).is_none());
    assert_eq!(closed(&path.at(after(110))), Some(PeerMisbehaved::WasTooSlow));
    // A head that dribbles.
    let mut path = Path::new();
    path.hear(&client.send(&sealed(0), false, &mut dice));
    path.feed(Input::Send(Packet::Sealed(Bytes::from_static(&[7; 88]))));
    path.hear(b"POST /a");
    path.now = after(20);
    path.hear(b"pi");
    assert!(closed(&path.at(after(33))).is_none());
    assert_eq!(closed(&path.at(after(34))), Some(PeerMisbehaved::WasTooSlow));
    // The last one asked for.
    let mut path = Path::new();
    let head = b"POST /apiw1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 72\r\n\r\n";
    path.hear(&[&head[..], &[7; 72]].concat());
    let outputs = path.feed(Input::Send(Packet::Sealed(Bytes::from_static(&[7; 88]))));
    assert!(matches!(&outputs[..], [Output::Write(_), Output::Close(PeerMisbehaved::EndedHttp)]));
}

// proves: TR-26
#[test]
fn requests_behind_one_that_is_open_wait_for_its_response() {
    let (mut path, mut client, mut dice) = (Path::new(), Transport::http(), SeededDice::new(8));
    let (first, second) = (sealed(0), sealed(16));
    let mut stream = client.send(&first, false, &mut dice);
    stream.extend_from_slice(&client.send(&second, false, &mut dice));
    let outputs = path.hear(&stream);
    assert!(matches!(&outputs[..], [Output::Packet { data, .. }] if *data == first));
    let outputs = path.feed(Input::Send(Packet::Sealed(Bytes::from_static(&[7; 88]))));
    let [Output::Write(_), Output::Packet { data, .. }, ..] = &outputs[..] else { panic!("{outputs:?}") };
    assert!(*data == second);
    assert_eq!(path.connection.waiting_bytes(), 0);
}

// proves: TR-22
#[test]
fn noise_of_every_kind_neither_panics_nor_piles_up() {
    let mut dice = SeededDice::new(99);
    let openings: [&[u8]; 9] = [
        &[0xef],
        &[0xee; 4],
        &[0xdd; 4],
        b"GET /apiws HTTP/1.1\r\n",
        b"POST /api HTTP/1.1\r\n",
        b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n",
        &[40, 0, 0, 0, 0, 0, 0, 0],
        &[],
        &[0; 12],
    ];
    for round in 0..3000_usize {
        let mut path = Path::new();
        path.hear(openings[round % openings.len()]);
        for _ in 0..dice.below(6) {
            let mut bytes = vec![0; dice.below(300) as usize];
            dice.fill(&mut bytes);
            // Small lengths are more interesting than random ones.
            for byte in bytes.iter_mut().skip(round % 5).take(3) {
                *byte &= 3;
            }
            for output in path.hear(&bytes) {
                if let Output::Packet { data, .. } = output {
                    assert!(data.len() <= limits::PACKET_BYTES_MAX);
                }
            }
            assert!(path.connection.waiting_bytes() <= 300 * 6 + 64);
        }
    }
}
