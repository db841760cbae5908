//! Encrypted packets that are not what they must be.

use super::super::script::Body::{Config, Ping, PingDelay};
use super::super::script::Step::{Alive, Dial, Hear, Send, Session, Twist};
use super::super::script::Twist::{AsServer, Cut, Flip, Grow, Length, Padding, Secs, UnknownKey, Version1};
use super::super::script::Want::{Error, Gone, Pong, Result};
use super::super::script::{Case, case};
use super::{ABRIDGED, FULL, INTERMEDIATE, PADDED};

// A ping has 12 bytes: with the head 44, so that 4, 20, ... bytes of padding make whole blocks. Config has 4: 12, 28.

pub const CASES: &[Case] = &[
    case("record.ping", "REC-1, REC-2", &[Session, Send(Ping), Hear(Pong(0))]),
    case("record.unknown-key", "TR-11, PFS-5", &[Session, Twist(Ping, &[UnknownKey]), Hear(Gone)]),
    case(
        "record.unknown-key-abridged",
        "TR-10, TR-11",
        &[Dial(ABRIDGED), Session, Twist(Ping, &[UnknownKey]), Hear(Gone)],
    ),
    case(
        "record.unknown-key-padded",
        "TR-10, TR-11",
        &[Dial(PADDED), Session, Twist(Ping, &[UnknownKey]), Hear(Gone)],
    ),
    case(
        "record.unknown-key-full",
        "TR-10, TR-11",
        &[Dial(FULL), Session, Twist(Ping, &[UnknownKey]), Hear(Gone)],
    ),
    case(
        "record.unknown-key-behind-a-known-one",
        "TR-11",
        &[Session, Alive, Twist(Ping, &[UnknownKey]), Hear(Gone)],
    ),
    case("record.msg-key-first-byte", "REC-2, REC-3", &[Session, Twist(Ping, &[Flip(8)]), Hear(Gone)]),
    case("record.msg-key-last-byte", "REC-2, REC-3", &[Session, Twist(Ping, &[Flip(23)]), Hear(Gone)]),
    case("record.ciphertext-first-byte", "REC-2, REC-3", &[Session, Twist(Ping, &[Flip(24)]), Hear(Gone)]),
    case("record.ciphertext-session", "REC-2, REC-3", &[Session, Twist(Ping, &[Flip(34)]), Hear(Gone)]),
    case("record.ciphertext-length", "REC-2, REC-3", &[Session, Twist(Ping, &[Flip(52)]), Hear(Gone)]),
    case("record.ciphertext-last-byte", "REC-2, REC-3", &[Session, Twist(Ping, &[Flip(87)]), Hear(Gone)]),
    case("record.cut-by-a-byte", "REC-3, TR-11", &[Session, Twist(Ping, &[Cut(1)]), Hear(Gone)]),
    case("record.cut-by-a-block", "REC-3, TR-11", &[Session, Twist(Ping, &[Cut(16)]), Hear(Gone)]),
    case("record.a-byte-more", "REC-3, TR-11", &[Session, Twist(Ping, &[Grow(1)]), Hear(Gone)]),
    case("record.a-block-more", "REC-3, TR-11", &[Session, Twist(Ping, &[Grow(16)]), Hear(Gone)]),
    case("record.head-only", "REC-3, TR-11", &[Session, Twist(Ping, &[Cut(64)]), Hear(Gone)]),
    case("record.key-id-only", "REC-3, TR-11", &[Session, Twist(Ping, &[Cut(80)]), Hear(Gone)]),
    case("record.padding-of-0", "REC-4", &[Session, Twist(PingDelay(60), &[Padding(0)]), Hear(Gone)]),
    case("record.padding-of-4", "REC-4", &[Session, Twist(Ping, &[Padding(4)]), Hear(Gone)]),
    case("record.padding-of-12", "REC-4", &[Session, Twist(Config, &[Padding(12)]), Hear(Result(0))]),
    case("record.padding-of-1012", "REC-4", &[Session, Twist(Ping, &[Padding(1012)]), Hear(Pong(0))]),
    case(
        "record.padding-of-1024",
        "REC-4",
        &[Session, Twist(PingDelay(60), &[Padding(1024)]), Hear(Pong(0))],
    ),
    case("record.padding-of-1028", "REC-4", &[Session, Twist(Ping, &[Padding(1028)]), Hear(Gone)]),
    case("record.padding-of-64-kib", "REC-4", &[Session, Twist(Ping, &[Padding(65_540)]), Hear(Gone)]),
    case("record.length-minus-one", "REC-4", &[Session, Twist(Ping, &[Length(-1)]), Hear(Gone)]),
    case("record.length-minus-four", "REC-4", &[Session, Twist(Ping, &[Length(-4)]), Hear(Gone)]),
    case("record.length-lowest", "REC-4", &[Session, Twist(Ping, &[Length(i32::MIN)]), Hear(Gone)]),
    case("record.length-highest", "REC-4", &[Session, Twist(Ping, &[Length(0x7fff_fffc)]), Hear(Gone)]),
    case("record.length-ragged", "REC-4", &[Session, Twist(Ping, &[Length(13)]), Hear(Gone)]),
    case("record.length-beyond", "REC-4", &[Session, Twist(Ping, &[Length(1000)]), Hear(Gone)]),
    case("record.length-into-padding", "REC-4", &[Session, Twist(Ping, &[Length(24)]), Hear(Gone)]),
    case(
        "record.length-zero",
        "REC-4, TL-1",
        &[Session, Twist(Config, &[Length(0)]), Hear(Error(0, 400)), Alive],
    ),
    case("record.sealed-as-a-server", "REC-1", &[Session, Twist(Ping, &[AsServer]), Hear(Gone)]),
    case("record.version-1", "REC-5", &[Session, Twist(Ping, &[Version1]), Hear(Gone)]),
    case(
        "record.bad-padding-and-bad-clock",
        "REC-3, REC-4",
        &[Session, Twist(Ping, &[Padding(4), Secs(-1000)]), Hear(Gone)],
    ),
    case(
        "record.key-is-good-afterwards",
        "REC-3",
        &[Session, Twist(Ping, &[Flip(30)]), Hear(Gone), Dial(INTERMEDIATE), Alive],
    ),
    case(
        "record.other-connection-lives",
        "REC-3, TR-18",
        &[
            Session,
            Alive,
            Dial(INTERMEDIATE),
            Twist(Ping, &[Flip(30)]),
            Hear(Gone),
            super::super::script::Step::Line(0),
            Alive,
        ],
    ),
];
