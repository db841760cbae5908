//! Containers and what is packed.

use super::super::script::Body::{
    Ack, Config, Container, Copy, CountIs, Gzip, GzipBomb, GzipBroken, GzipCut, GzipTwice, Nest, Ping, Pings,
};
use super::super::script::Id::Never as Unknown;
use super::super::script::Step::{Alive, Hear, HearOne, Never, Send, Session, Twist};
use super::super::script::Twist::{
    AboveContainer, Below, Even, Length, LowBits, NameOf, NameOfContainer, Odd, Secs,
};
use super::super::script::Want::{self, Bad, Error, Pong, Result};
use super::super::script::{Case, Held, LAST, case};

const PING: Held = Held(Ping, &[]);
const CONFIG: Held = Held(Config, &[]);

pub const CASES: &[Case] = &[
    case("container.two", "SVC-4", &[Session, Send(Container(&[PING, PING])), Hear(Pong(0)), Hear(Pong(1))]),
    case(
        "container.call-and-ack",
        "SVC-4",
        &[Session, Send(Container(&[CONFIG, Held(Ack(&[Unknown(-1)]), &[])])), Hear(Result(0))],
    ),
    case("container.empty", "SVC-4", &[Session, Send(Container(&[])), Alive, Never(Bad(0, 64))]),
    case("container.1024", "SVC-4", &[Session, Send(Pings(1024)), Hear(Pong(0)), Hear(Pong(1023))]),
    case(
        "container.1025",
        "SVC-4, TR-12",
        &[Session, Send(Pings(1025)), HearOne(&[Bad(LAST, 64), Want::Flood]), Never(Pong(0))],
    ),
    case(
        "container.count-too-high",
        "SVC-4, SVC-2",
        &[Session, Send(CountIs(3, &[PING, PING])), Hear(Bad(2, 64)), Alive, Never(Pong(0))],
    ),
    case(
        "container.count-too-low",
        "SVC-4, SVC-2",
        &[Session, Send(CountIs(1, &[PING, PING])), Hear(Bad(2, 64)), Alive, Never(Pong(0))],
    ),
    case(
        "container.count-of-nothing",
        "SVC-4, SVC-2",
        &[Session, Send(CountIs(0, &[PING])), Hear(Bad(1, 64)), Alive, Never(Pong(0))],
    ),
    case(
        "container.count-4-gi",
        "SVC-4, TL-3",
        &[Session, Send(CountIs(u32::MAX, &[PING])), HearOne(&[Bad(1, 64), Want::Flood])],
    ),
    case(
        "container.length-negative",
        "SVC-4",
        &[Session, Send(Container(&[Held(Ping, &[Length(-4)])])), Hear(Bad(1, 64)), Alive],
    ),
    case(
        "container.length-highest",
        "SVC-4",
        &[Session, Send(Container(&[Held(Ping, &[Length(0x7fff_fffc)])])), Hear(Bad(1, 64)), Alive],
    ),
    case(
        "container.length-ragged",
        "SVC-4",
        &[Session, Send(Container(&[Held(Ping, &[Length(13)])])), Hear(Bad(1, 64)), Alive],
    ),
    case(
        "container.length-beyond",
        "SVC-4",
        &[Session, Send(Container(&[Held(Ping, &[Length(1000)])])), Hear(Bad(1, 64)), Alive],
    ),
    case(
        "container.named-like-the-container",
        "SVC-4",
        &[Session, Send(Container(&[Held(Ping, &[NameOfContainer])])), Hear(Bad(1, 64)), Alive],
    ),
    case(
        "container.named-above-the-container",
        "SVC-4",
        &[Session, Send(Container(&[Held(Ping, &[AboveContainer])])), Hear(Bad(1, 64)), Alive],
    ),
    case(
        "container.one-name-twice",
        "SVC-4",
        &[
            Session,
            Send(Container(&[PING, Held(Ping, &[NameOf(0)])])),
            Hear(Bad(2, 64)),
            Alive,
            Never(Pong(0)),
        ],
    ),
    case(
        "container.in-a-container",
        "SVC-4",
        &[Session, Send(Nest(2)), Hear(Bad(LAST, 64)), Alive, Never(Pong(0))],
    ),
    case(
        "container.10-deep",
        "SVC-4",
        &[Session, Send(Nest(10)), Hear(Bad(LAST, 64)), Alive, Never(Pong(0))],
    ),
    case(
        "container.10000-deep",
        "SVC-4",
        &[Session, Send(Nest(10_000)), Hear(Bad(LAST, 64)), Alive, Never(Pong(0))],
    ),
    case(
        "container.name-of-a-server",
        "SES-2, SVC-4",
        &[
            Session,
            Send(Container(&[PING, Held(Ping, &[LowBits(1)])])),
            Hear(Bad(2, 18)),
            Alive,
            Never(Pong(0)),
        ],
    ),
    case(
        "container.even-call",
        "SES-8, SVC-4",
        &[Session, Send(Container(&[PING, Held(Config, &[Even])])), Hear(Bad(2, 35)), Alive, Never(Pong(0))],
    ),
    case(
        "container.odd-ack",
        "SES-8, SVC-4",
        &[Session, Send(Container(&[PING, Held(Ack(&[]), &[Odd])])), Hear(Bad(2, 34)), Alive, Never(Pong(0))],
    ),
    case(
        "container.too-old-itself",
        "SES-5, SVC-4",
        &[
            Session,
            Twist(Container(&[PING]), &[Secs(-400)]),
            HearOne(&[Bad(1, 16), Bad(1, 64)]),
            Alive,
            Never(Pong(0)),
        ],
    ),
    case(
        "container.descending-names",
        "SVC-4",
        &[
            Session,
            Send(Container(&[Held(Ping, &[Even]), Held(Ping, &[Even, Below(0)])])),
            Hear(Pong(0)),
            Hear(Pong(1)),
        ],
    ),
    case("container.cut-off-head", "SVC-4", &[Session, Send(CountIs(2, &[PING])), Hear(Bad(1, 64)), Alive]),
    case("copy.of-a-ping", "TL-1", &[Session, Send(Copy), HearOne(&[Error(LAST, 400), Pong(0)]), Alive]),
    // What is packed.
    case("gzip.call", "SVC-16", &[Session, Send(Gzip(&Config)), Hear(Result(0))]),
    case(
        "gzip.call-in-a-container",
        "SVC-16, SVC-4",
        &[Session, Send(Container(&[Held(Gzip(&Config), &[])])), Hear(Result(0))],
    ),
    case("gzip.twice", "SES-13", &[Session, Send(GzipTwice(&Config)), Hear(Error(0, 400)), Alive]),
    case(
        "gzip.service-message",
        "SVC-16",
        &[Session, Send(Gzip(&Ping)), Hear(Error(0, 400)), Alive, Never(Pong(0))],
    ),
    case(
        "gzip.container",
        "SVC-16, SVC-4",
        &[Session, Twist(Gzip(&Container(&[PING])), &[Odd]), Hear(Error(LAST, 400)), Alive, Never(Pong(0))],
    ),
    case("gzip.broken", "SES-13", &[Session, Send(GzipBroken), Hear(Error(0, 400)), Alive]),
    case("gzip.cut-off", "SES-13", &[Session, Send(GzipCut), Hear(Error(0, 400)), Alive]),
    case("gzip.2-mib", "SES-13", &[Session, Send(GzipBomb(2 << 20)), Hear(Error(0, 400)), Alive]),
    case("gzip.64-mib", "SES-13", &[Session, Alive, Send(GzipBomb(64 << 20)), Hear(Error(1, 400)), Alive]),
    case(
        "gzip.eight-bombs-in-a-container",
        "SES-13, SVC-4",
        &[
            Session,
            Send(Container(&[
                Held(GzipBomb(2 << 20), &[]),
                Held(GzipBomb(2 << 20), &[]),
                Held(GzipBomb(2 << 20), &[]),
                Held(GzipBomb(2 << 20), &[]),
                Held(GzipBomb(2 << 20), &[]),
                Held(GzipBomb(2 << 20), &[]),
                Held(GzipBomb(2 << 20), &[]),
                Held(GzipBomb(2 << 20), &[]),
            ])),
            Hear(Error(0, 400)),
            Hear(Error(7, 400)),
            Alive,
        ],
    ),
];
