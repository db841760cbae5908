//! Framings, obfuscation, WebSocket frames.

use mtproto::wire::framing::Framing;

use super::super::script::Body::{Config, Noise, Ping};
use super::super::script::Part::{Ask, B, Noise as Random, WsFrame, Zeros};
use super::super::script::Step::{
    Alive, Dial, FullFrame, Hear, HearOne, HearWithin, Never, Pause, Plain, ReplayBytes, Send, Session,
    ToResPq, Twist, Write,
};
use super::super::script::Twist::{BadSalt, Grow, QuickAck};
use super::super::script::Want::{self, Closed, Gone, Pong, ResPq, Result, Salt, Silence};
use super::super::script::{Case, Clear, Envelope, Way, case};
use super::{ABRIDGED, BARE, FULL, INTERMEDIATE, PADDED};

const HIDDEN: Way = Way::Obfuscated(Framing::Abridged);

/// A request that becomes a WebSocket.
const UPGRADE: &[u8] = b"GET /apiws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n\r\n";

/// The end of a WebSocket, said or not.
const WS_END: &[Want] = &[Want::WsFrame(0x88), Closed];

pub const CASES: &[Case] = &[
    // Every way to speak, in the clear and with a key.
    case("transport.abridged", "TR-1, TR-3, TR-4", &[Dial(ABRIDGED), ToResPq, Session, Alive]),
    case("transport.intermediate", "TR-1, TR-3, TR-5", &[Dial(INTERMEDIATE), ToResPq, Session, Alive]),
    case("transport.padded", "TR-1, TR-3, TR-6", &[Dial(PADDED), ToResPq, Session, Alive]),
    case("transport.full", "TR-1, TR-3, TR-7", &[Dial(FULL), ToResPq, Session, Alive]),
    case("transport.obfuscated-abridged", "TR-1, TR-15", &[Dial(HIDDEN), ToResPq, Session, Alive]),
    case(
        "transport.obfuscated-intermediate",
        "TR-1, TR-15",
        &[Dial(Way::Obfuscated(Framing::Intermediate)), ToResPq, Session, Alive],
    ),
    case(
        "transport.obfuscated-padded",
        "TR-1, TR-15",
        &[Dial(Way::Obfuscated(Framing::PaddedIntermediate)), ToResPq, Session, Alive],
    ),
    case(
        "transport.websocket-abridged",
        "TR-1, TR-16",
        &[Dial(Way::WebSocket(Framing::Abridged)), ToResPq, Session, Alive],
    ),
    case(
        "transport.websocket-intermediate",
        "TR-1, TR-16",
        &[Dial(Way::WebSocket(Framing::Intermediate)), ToResPq, Session, Alive],
    ),
    case(
        "transport.websocket-padded",
        "TR-1, TR-16",
        &[Dial(Way::WebSocket(Framing::PaddedIntermediate)), ToResPq, Session, Alive],
    ),
    // Abridged.
    case("abridged.nothing", "TR-4, TR-11", &[Dial(ABRIDGED), Write(&[B(&[0])]), Hear(Gone)]),
    case("abridged.one-word", "TR-4, TR-11", &[Dial(ABRIDGED), Write(&[B(&[1]), Zeros(4)]), Hear(Gone)]),
    case("abridged.four-words", "TR-11", &[Dial(ABRIDGED), Write(&[B(&[4]), Random(16)]), Hear(Gone)]),
    case(
        "abridged.64-mib",
        "TR-4, TR-22",
        &[Dial(ABRIDGED), Write(&[B(&[0x7f, 255, 255, 255])]), Hear(Gone)],
    ),
    case(
        "abridged.long-form-of-a-short-length",
        "TR-4",
        &[Dial(ABRIDGED), Write(&[B(&[0x7f, 10, 0, 0]), Ask]), HearOne(&[ResPq, Gone])],
    ),
    case(
        "abridged.quick-ack-of-plaintext",
        "TR-9",
        &[Dial(ABRIDGED), Plain(Clear::ReqPqMulti, &[Envelope::QuickAck]), Hear(ResPq)],
    ),
    case(
        "abridged.in-single-bytes",
        "TR-4",
        &[
            Dial(BARE),
            Write(&[B(&[0xef])]),
            Write(&[B(&[10]), B(&[0]), B(&[0])]),
            Write(&[Zeros(2), B(&[0])]),
            Hear(Silence(500)),
        ],
    ),
    // Intermediate.
    case("intermediate.nothing", "TR-5, TR-11", &[Dial(INTERMEDIATE), Write(&[Zeros(4)]), Hear(Gone)]),
    case(
        "intermediate.three-bytes",
        "TR-5, TR-11",
        &[Dial(INTERMEDIATE), Write(&[B(&[3, 0, 0, 0, 1, 2, 3])]), Hear(Gone)],
    ),
    case(
        "intermediate.19-bytes",
        "TR-5, TR-11",
        &[Dial(INTERMEDIATE), Write(&[B(&[19, 0, 0, 0]), Zeros(19)]), Hear(Gone)],
    ),
    case(
        "intermediate.2-gib",
        "TR-5, TR-22",
        &[Dial(INTERMEDIATE), Write(&[B(&[255, 255, 255, 127])]), Hear(Gone)],
    ),
    case(
        "intermediate.2-gib-and-quick-ack",
        "TR-5, TR-22",
        &[Dial(INTERMEDIATE), Write(&[B(&[255, 255, 255, 255])]), Hear(Gone)],
    ),
    case("intermediate.2-mib", "TR-22", &[Dial(INTERMEDIATE), Write(&[B(&[0, 0, 32, 0])]), Hear(Gone)]),
    case(
        "intermediate.marker-twice",
        "TR-2, TR-22",
        &[Dial(INTERMEDIATE), Write(&[B(&[0xee; 4])]), Hear(Gone)],
    ),
    case(
        "intermediate.long-packet-on-a-slow-line",
        "TR-22",
        &[
            Dial(INTERMEDIATE),
            Write(&[B(&[24, 0, 1, 0]), Random(50_000)]),
            Pause(12_000),
            Write(&[Random(15_560)]),
            Hear(Gone),
        ],
    ),
    case(
        "intermediate.long-packet-that-does-not-come",
        "TR-22",
        &[Dial(INTERMEDIATE), Write(&[B(&[24, 0, 16, 0]), Random(100)]), HearWithin(Closed, 14_000)],
    ),
    case(
        "intermediate.long-plaintext",
        "TR-22",
        &[Dial(INTERMEDIATE), Write(&[B(&[4, 4, 0, 0]), Zeros(8)]), Hear(Gone)],
    ),
    case(
        "intermediate.longest-plaintext",
        "TR-22, HS-26",
        &[Dial(INTERMEDIATE), Plain(Clear::ReqPqMulti, &[Envelope::Behind(984)]), Hear(ResPq)],
    ),
    case(
        "intermediate.large-first-packet",
        "TR-22",
        &[Session, Send(Noise(512 * 1024)), Hear(Want::Error(0, 400)), Alive],
    ),
    case(
        "intermediate.two-in-one-write",
        "TR-5",
        &[Dial(INTERMEDIATE), Write(&[B(&[40, 0, 0, 0]), Ask, B(&[40, 0, 0, 0]), Ask]), Hear(ResPq)],
    ),
    // Padded intermediate.
    case(
        "padded.15-bytes",
        "TR-6",
        &[Dial(PADDED), Write(&[B(&[55, 0, 0, 0]), Ask, Random(15)]), Hear(ResPq)],
    ),
    case("padded.no-bytes", "TR-6", &[Dial(PADDED), Write(&[B(&[40, 0, 0, 0]), Ask]), Hear(ResPq)]),
    case("padded.sealed", "TR-6", &[Dial(PADDED), Session, Twist(Ping, &[Grow(12)]), Hear(Pong(0))]),
    case(
        "padded.nothing-but-padding",
        "TR-6",
        &[Dial(PADDED), Write(&[B(&[7, 0, 0, 0]), Random(7)]), Hear(Gone)],
    ),
    case("padded.2-gib", "TR-22", &[Dial(PADDED), Write(&[B(&[255, 255, 255, 127])]), Hear(Gone)]),
    // Full.
    case(
        "full.numbers",
        "TR-7",
        &[Dial(FULL), FullFrame(0, 0, 0), Hear(ResPq), FullFrame(0, 1, 0), HearOne(&[ResPq, Want::TheSame])],
    ),
    case(
        "full.number-again",
        "TR-7",
        &[Dial(FULL), FullFrame(0, 0, 0), Hear(ResPq), FullFrame(0, 0, 0), Hear(Gone)],
    ),
    case(
        "full.number-skipped",
        "TR-7",
        &[Dial(FULL), FullFrame(0, 0, 0), Hear(ResPq), FullFrame(0, 2, 0), Hear(Gone)],
    ),
    case("full.checksum", "TR-7", &[Dial(FULL), FullFrame(0, 0, 1), Hear(Gone)]),
    case("full.length-ragged", "TR-7", &[Dial(FULL), FullFrame(1, 0, 0), Hear(Gone)]),
    case("full.length-below-12", "TR-7", &[Dial(FULL), FullFrame(-44, 0, 0), Hear(Gone)]),
    case("full.length-too-short", "TR-7", &[Dial(FULL), FullFrame(-4, 0, 0), Hear(Gone)]),
    case("full.length-negative", "TR-7, TR-22", &[Dial(FULL), FullFrame(i32::MIN, 0, 0), Hear(Gone)]),
    case("full.length-2-mib", "TR-22", &[Dial(FULL), FullFrame(2 << 20, 0, 0), Hear(Gone)]),
    case(
        "full.no-quick-ack",
        "TR-8",
        &[Dial(FULL), Session, Twist(Ping, &[QuickAck]), Hear(Pong(0)), Never(Want::QuickAck(0))],
    ),
    // Quick acks.
    case(
        "quick-ack.abridged",
        "TR-8, TR-9",
        &[Dial(ABRIDGED), Session, Twist(Ping, &[QuickAck]), Hear(Want::QuickAck(0)), Hear(Pong(0))],
    ),
    case(
        "quick-ack.intermediate",
        "TR-8, TR-9",
        &[Dial(INTERMEDIATE), Session, Twist(Config, &[QuickAck]), Hear(Want::QuickAck(0)), Hear(Result(0))],
    ),
    case(
        "quick-ack.padded",
        "TR-8, TR-9",
        &[Dial(PADDED), Session, Twist(Ping, &[QuickAck]), Hear(Want::QuickAck(0)), Hear(Pong(0))],
    ),
    case(
        "quick-ack.not-for-what-is-refused",
        "TR-9",
        &[Session, Twist(Ping, &[QuickAck, BadSalt]), Hear(Salt(0)), Alive, Never(Want::QuickAck(0))],
    ),
    // Strangers.
    case(
        "stranger.noise",
        "TR-20",
        &[Dial(BARE), Write(&[B(&[7; 8]), Random(192)]), Hear(Silence(1000)), HearWithin(Closed, 15_000)],
    ),
    case(
        "stranger.tls",
        "TR-20",
        &[Dial(BARE), Write(&[B(&[0x16, 3, 1, 2, 0]), Random(60)]), Hear(Silence(1000))],
    ),
    case("stranger.says-nothing", "TR-20", &[Dial(BARE), HearWithin(Closed, 15_000)]),
    case("stranger.one-byte", "TR-20", &[Dial(BARE), Write(&[B(&[0xee])]), HearWithin(Closed, 15_000)]),
    case(
        "stranger.half-a-packet",
        "TR-22",
        &[Dial(INTERMEDIATE), Write(&[B(&[40, 0, 0, 0]), Zeros(10)]), HearWithin(Closed, 15_000)],
    ),
    case(
        "stranger.full-with-a-wrong-first-number",
        "TR-1, TR-20",
        &[Dial(FULL), FullFrame(0, 1, 0), Write(&[Random(64)]), Hear(Silence(1000))],
    ),
    case("obfuscated.replayed", "TR-21", &[Dial(HIDDEN), ToResPq, ReplayBytes, Hear(Silence(1500))]),
    case(
        "obfuscated.2-gib",
        "TR-22",
        &[Dial(Way::Obfuscated(Framing::Intermediate)), Write(&[B(&[255, 255, 255, 127])]), Hear(Gone)],
    ),
    // WebSocket frames.
    case(
        "websocket.unmasked",
        "TR-16",
        &[
            Dial(BARE),
            Write(&[B(UPGRADE)]),
            Hear(Want::Http(101)),
            Write(&[WsFrame(0x82, false, &[1])]),
            HearOne(WS_END),
        ],
    ),
    case(
        "websocket.text",
        "TR-16",
        &[
            Dial(BARE),
            Write(&[B(UPGRADE)]),
            Hear(Want::Http(101)),
            Write(&[WsFrame(0x81, true, b"a")]),
            HearOne(WS_END),
        ],
    ),
    case(
        "websocket.reserved-bits",
        "TR-16",
        &[
            Dial(BARE),
            Write(&[B(UPGRADE)]),
            Hear(Want::Http(101)),
            Write(&[WsFrame(0xc2, true, b"a")]),
            HearOne(WS_END),
        ],
    ),
    case(
        "websocket.continuation-of-nothing",
        "TR-16",
        &[
            Dial(BARE),
            Write(&[B(UPGRADE)]),
            Hear(Want::Http(101)),
            Write(&[WsFrame(0x80, true, b"a")]),
            HearOne(WS_END),
        ],
    ),
    case(
        "websocket.fragmented-ping",
        "TR-16",
        &[
            Dial(BARE),
            Write(&[B(UPGRADE)]),
            Hear(Want::Http(101)),
            Write(&[WsFrame(0x09, true, b"a")]),
            HearOne(WS_END),
        ],
    ),
    case(
        "websocket.8-eib",
        "TR-16, TR-22",
        &[
            Dial(BARE),
            Write(&[B(UPGRADE)]),
            Hear(Want::Http(101)),
            Write(&[B(&[0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255])]),
            HearOne(WS_END),
        ],
    ),
    case(
        "websocket.ping",
        "TR-16",
        &[
            Dial(BARE),
            Write(&[B(UPGRADE)]),
            Hear(Want::Http(101)),
            Write(&[WsFrame(0x89, true, b"there?")]),
            Hear(Want::WsFrame(0x8a)),
        ],
    ),
    case(
        "websocket.close",
        "TR-16",
        &[
            Dial(BARE),
            Write(&[B(UPGRADE)]),
            Hear(Want::Http(101)),
            Write(&[WsFrame(0x88, true, &[3, 0xe8])]),
            Hear(Want::WsFrame(0x88)),
            Hear(Closed),
        ],
    ),
];
