//! Requests over HTTP that become a WebSocket, or nothing at all.

use super::super::script::Part::{B, Noise};
use super::super::script::Step::{Dial, Hear, Write};
use super::super::script::Want::{Closed, Http, HttpRefused};
use super::super::script::{Case, case};
use super::BARE;

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
        "http.upgrade-without-host",
        "TR-16, TR-27",
        &[
            Dial(BARE),
            Write(&[B(b"GET /apiws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")]),
            Write(&[B(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")]),
            Write(&[B(b"Sec-WebSocket-Protocol: binary\r\n\r\n")]),
            Hear(Http(400)),
            Hear(Closed),
        ],
    ),
    case(
        "http.no-such-page",
        "TR-1",
        &[
            Dial(BARE),
            Write(&[B(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")]),
            Hear(Http(404)),
            Hear(Closed),
        ],
    ),
    case(
        "http.no-head",
        "TR-1",
        &[Dial(BARE), Write(&[B(b"GET \x01\x02 HTTP/9.9\r\n\r\n")]), Hear(Http(400)), Hear(Closed)],
    ),
    case(
        "http.endless-head",
        "TR-1, TR-22",
        &[
            Dial(BARE),
            Write(&[B(b"GET /apiws HTTP/1.1\r\nX: "), B(&[b'a'; 16_384])]),
            Hear(Http(431)),
            Hear(Closed),
        ],
    ),
    case(
        "http.noise-behind-a-method",
        "TR-1",
        &[Dial(BARE), Write(&[B(b"POST "), Noise(64), B(b"\r\n\r\n")]), Hear(Http(400)), Hear(Closed)],
    ),
];
