//! Requests over HTTP: those that become a WebSocket, and those that do not.

use super::super::script::Body::{Config, HttpWaitFor, Ping};
use super::super::script::Dh;
use super::super::script::Part::{Ask, B, Noise, Zeros};
use super::super::script::Step::{
    Alive, Dial, Hear, HearOne, ReqDh, Send, Session, ToGenOk, ToResPq, Twist, Write,
};
use super::super::script::Twist::{BadSalt, Flip, UnknownKey};
use super::super::script::Want::{Closed, Http, HttpRefused, Result, Salt};
use super::super::script::{Case, Way, case};
use super::HTTP;

const BARE: Way = Way::Bare;

pub const CASES: &[Case] = &[
    case(
        "http.upgrade",
        "TR-1, TR-16",
        &[
            Dial(BARE),
            Write(&[B(b"GET /apiws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")]),
            Write(&[B(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")]),
            Write(&[B(b"Sec-WebSocket-Protocol: binary\r\n\r\n")]),
            Hear(Http(101)),
        ],
    ),
    case(
        "http.upgrade-without-subprotocol",
        "TR-16",
        &[
            Dial(BARE),
            Write(&[B(b"GET /apiws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")]),
            Write(&[B(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "http.upgrade-to-another-version",
        "TR-16",
        &[
            Dial(BARE),
            Write(&[B(b"GET /apiws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")]),
            Write(&[B(b"Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")]),
            Write(&[B(b"Sec-WebSocket-Protocol: binary\r\n\r\n")]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "http.upgrade-without-key",
        "TR-16",
        &[
            Dial(BARE),
            Write(&[B(b"GET /apiws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")]),
            Write(&[B(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary\r\n\r\n")]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "http.no-such-page",
        "TR-1",
        &[Dial(BARE), Write(&[B(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")]), Hear(HttpRefused)],
    ),
    case(
        "http.no-head",
        "TR-1",
        &[Dial(BARE), Write(&[B(b"GET \x01\x02 HTTP/9.9\r\n\r\n")]), Hear(HttpRefused)],
    ),
    case(
        "http.endless-head",
        "TR-1, TR-22",
        &[Dial(BARE), Write(&[B(b"GET /apiws HTTP/1.1\r\nX: "), B(&[b'a'; 16_384])]), Hear(HttpRefused)],
    ),
    case(
        "http.noise-behind-a-method",
        "TR-1",
        &[Dial(BARE), Write(&[B(b"POST "), Noise(64), B(b"\r\n\r\n")]), Hear(HttpRefused)],
    ),
    // Packets in bodies, where the server takes any.
    case("post.key", "TR-24", &[Dial(HTTP), ToGenOk]),
    case("post.session", "TR-24, TR-26", &[Dial(HTTP), Session, Alive, Alive, Send(Config), Hear(Result(2))]),
    case(
        "post.wrong-salt",
        "TR-24, SES-7",
        &[Dial(HTTP), Session, Twist(Ping, &[BadSalt]), Hear(Salt(0)), Alive],
    ),
    case(
        "post.unknown-key",
        "TR-23",
        &[Dial(HTTP), Session, Twist(Ping, &[UnknownKey]), Hear(Http(404)), Hear(Closed)],
    ),
    case(
        "post.changed-packet",
        "TR-23",
        &[Dial(HTTP), Session, Twist(Ping, &[Flip(40)]), Hear(Http(404)), Hear(Closed)],
    ),
    case(
        "post.wrong-step-two",
        "TR-23",
        &[Dial(HTTP), ToResPq, ReqDh(&[Dh::P]), Hear(Http(404)), Hear(Closed)],
    ),
    case(
        "post.wait-of-a-second",
        "SVC-19",
        &[Dial(HTTP), Session, Alive, Hear(Http(200)), Send(HttpWaitFor(1000)), Hear(Http(200))],
    ),
    case(
        "post.two-in-one-write",
        "TR-26",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: 40\r\n\r\n"), Ask]),
            Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: 40\r\n\r\n"), Ask]),
            Hear(Http(200)),
            Hear(Http(200)),
        ],
    ),
    case(
        "post.web-path",
        "TR-24",
        &[
            Dial(BARE),
            Write(&[B(b"POST /apiw1 HTTP/1.1\r\nContent-Length: 40\r\n\r\n"), Ask]),
            Hear(Http(200)),
        ],
    ),
    case(
        "post.preflight",
        "TR-24",
        &[
            Dial(BARE),
            Write(&[B(b"OPTIONS /apiw1 HTTP/1.1\r\nOrigin: a\r\n\r\n")]),
            HearOne(&[Http(204), Http(200)]),
        ],
    ),
    case(
        "post.get",
        "TR-24",
        &[Dial(BARE), Write(&[B(b"GET /api HTTP/1.1\r\nHost: a\r\n\r\n")]), Hear(HttpRefused)],
    ),
    case(
        "post.no-length",
        "TR-25",
        &[Dial(BARE), Write(&[B(b"POST /api HTTP/1.1\r\nHost: a\r\n\r\n"), Ask]), Hear(HttpRefused)],
    ),
    case(
        "post.two-lengths",
        "TR-25",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: 40\r\nContent-Length: 41\r\n\r\n"), Ask]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "post.list-of-lengths",
        "TR-25",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: 40, 40\r\n\r\n"), Ask]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "post.negative-length",
        "TR-25",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: -40\r\n\r\n"), Ask]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "post.length-with-a-sign",
        "TR-25",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: +40\r\n\r\n"), Ask]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "post.length-in-hexadecimal",
        "TR-25",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: 0x28\r\n\r\n"), Ask]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "post.chunked",
        "TR-25",
        &[
            Dial(BARE),
            Write(&[
                B(b"POST /api HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n"),
                Ask,
                B(b"\r\n0\r\n\r\n"),
            ]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "post.chunked-with-a-length",
        "TR-25",
        &[
            Dial(BARE),
            Write(&[
                B(b"POST /api HTTP/1.1\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n"),
                Ask,
            ]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "post.lone-line-feeds",
        "TR-25",
        &[Dial(BARE), Write(&[B(b"POST /api HTTP/1.1\nContent-Length: 40\n\n"), Ask]), Hear(HttpRefused)],
    ),
    case(
        "post.2-gib",
        "TR-22, TR-25",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: 2147483647\r\n\r\n")]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "post.length-of-30-digits",
        "TR-25",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: 100000000000000000000000000000\r\n\r\n")]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "post.long-plaintext",
        "TR-22, TR-23",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: 1028\r\n\r\n"), Zeros(1028)]),
            Hear(HttpRefused),
        ],
    ),
    case(
        "post.nothing",
        "TR-23",
        &[Dial(BARE), Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: 0\r\n\r\n")]), Hear(HttpRefused)],
    ),
    case(
        "post.noise",
        "TR-23",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nContent-Length: 88\r\n\r\n"), Noise(88)]),
            Hear(HttpRefused),
        ],
    ),
];
