//! Packets in the bodies of HTTP requests: heads that are read in one way or not at all, order, time.

use super::super::script::Body::{Config, Container, HttpWaitFor, HttpWaitOf, Ping};
use super::super::script::Part::{Ask, B, Noise, Zeros};
use super::super::script::Step::{
    Alive, Dial, Drip, EndWriting, Hear, HearNext, HearWithin, In, Line, Never, Pause, Plain, Repeat, Replay,
    ReqDh, Run, SecondSession, Send, Session, ToGenOk, ToResPq, Twist, Write,
};
use super::super::script::Twist::{BadSalt, Cut, Flip, Grow, UnknownKey};
use super::super::script::Want::{
    Closed, Http, HttpSays, NewSession, Pong, ResPq, Result, Salt, SameResult, Silence, TheSame,
};
use super::super::script::{Case, Clear, Dh, Held, LAST, case};
use super::{BARE, HTTP};

/// A request of this head with the first step of a handshake behind it, which is refused with this status, and the end.
macro_rules! refused {
    ($name:literal, $rules:literal, $head:expr, $status:literal) => {
        case($name, $rules, &[Dial(BARE), Write(&[B($head), Ask]), Hear(Http($status)), Hear(Closed)])
    };
}

/// The same, which is answered.
macro_rules! answered {
    ($name:literal, $rules:literal, $head:expr) => {
        case($name, $rules, &[Dial(BARE), Write(&[B($head), Ask]), Hear(Http(200))])
    };
}

/// The same as [`refused`], of an honest request with these lines in its head.
macro_rules! refused_lines {
    ($name:literal, $rules:literal, $lines:literal, $status:literal) => {
        refused!($name, $rules, posted!($lines), $status)
    };
}

/// The same as [`answered`].
macro_rules! answered_lines {
    ($name:literal, $rules:literal, $lines:literal) => {
        answered!($name, $rules, posted!($lines))
    };
}

/// The head of an honest request, with these lines behind its host.
macro_rules! posted {
    ($lines:literal) => {
        concat!("POST /api HTTP/1.1\r\nHost: a\r\n", $lines, "\r\n").as_bytes()
    };
}

/// An honest head.
const HEAD: &[u8] = b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n";

const fn lines<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut at = 0;
    while at < N {
        bytes[at] = b"X: y\r\n"[at % 6];
        at += 1;
    }
    bytes
}

const LINES_62: [u8; 62 * 6] = lines();
const LINES_63: [u8; 63 * 6] = lines();

pub const HEADS: &[Case] = &[
    // One length, in one reading.
    refused_lines!("post.no-length", "TR-25", "", 411),
    refused_lines!("post.two-lengths", "TR-25", "Content-Length: 40\r\nContent-Length: 41\r\n", 400),
    refused_lines!("post.two-equal-lengths", "TR-25", "Content-Length: 40\r\ncontent-length: 40\r\n", 400),
    refused_lines!("post.list-of-lengths", "TR-25", "Content-Length: 40, 40\r\n", 400),
    refused_lines!("post.negative-length", "TR-25", "Content-Length: -40\r\n", 400),
    refused_lines!("post.length-with-a-sign", "TR-25", "Content-Length: +40\r\n", 400),
    refused_lines!("post.length-in-hexadecimal", "TR-25", "Content-Length: 0x28\r\n", 400),
    refused_lines!("post.empty-length", "TR-25", "Content-Length:\r\n", 400),
    refused_lines!("post.length-in-two-words", "TR-25", "Content-Length: 4 0\r\n", 400),
    refused_lines!("post.length-with-a-point", "TR-25", "Content-Length: 40.0\r\n", 400),
    refused_lines!("post.length-in-wide-digits", "TR-25", "Content-Length: \u{ff14}\u{ff10}\r\n", 400),
    refused_lines!("post.length-of-19-digits", "TR-25", "Content-Length: 0000000000000000040\r\n", 400),
    refused_lines!("post.length-that-overflows", "TR-25", "Content-Length: 18446744073709551656\r\n", 400),
    refused_lines!(
        "post.length-of-30-digits",
        "TR-25",
        "Content-Length: 100000000000000000000000000000\r\n",
        400
    ),
    answered_lines!(
        "post.length-with-zeros-before-it",
        "TR-25",
        "content-LENGTH:   000000000000000040  \r\n"
    ),
    refused!(
        "post.chunked",
        "TR-25",
        b"POST /api HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n",
        411
    ),
    refused_lines!(
        "post.chunked-with-a-length",
        "TR-25",
        "Content-Length: 40\r\nTransfer-Encoding: chunked\r\n",
        411
    ),
    refused_lines!(
        "post.encoding-of-nothing",
        "TR-25",
        "Content-Length: 40\r\nTransfer-Encoding: identity\r\n",
        411
    ),
    refused_lines!("post.empty-encoding", "TR-25", "TRANSFER-ENCODING:\r\nContent-Length: 40\r\n", 411),
    // What whoever stands in front of the server may read otherwise.
    refused!("post.lone-line-feeds", "TR-25", b"POST /api HTTP/1.1\nHost: a\nContent-Length: 40\n\n", 400),
    refused_lines!("post.lone-line-feed-in-one-line", "TR-25", "X: y\nContent-Length: 40\r\n", 400),
    refused_lines!("post.lone-carriage-return", "TR-25", "X: y\rContent-Length: 40\r\n", 400),
    refused_lines!("post.folded-header", "TR-25", "X: y\r\n Content-Length: 40\r\n", 400),
    refused_lines!("post.header-folded-by-a-tab", "TR-25", "Content-Length:\r\n\t40\r\n", 400),
    refused_lines!("post.blank-before-the-colon", "TR-25", "Content-Length : 40\r\n", 400),
    refused_lines!("post.header-without-a-colon", "TR-25", "Content-Length\r\nX: y\r\n", 400),
    refused_lines!("post.header-without-a-name", "TR-25", "Content-Length: 40\r\n: y\r\n", 400),
    refused_lines!("post.zero-in-a-header", "TR-25", "Content-Length: 40\r\nX: a\0b\r\n", 400),
    refused!("post.no-version", "TR-25", b"POST /api\r\nHost: a\r\nContent-Length: 40\r\n\r\n", 400),
    refused!("post.version-2", "TR-25", b"POST /api HTTP/2.0\r\nHost: a\r\nContent-Length: 40\r\n\r\n", 400),
    // One host.
    refused!("post.no-host", "TR-27", b"POST /api HTTP/1.1\r\nContent-Length: 40\r\n\r\n", 400),
    refused_lines!("post.two-hosts", "TR-27", "Host: b\r\nContent-Length: 40\r\n", 400),
    refused_lines!("post.two-equal-hosts", "TR-27", "Content-Length: 40\r\nhost: a\r\n", 400),
    refused!(
        "post.two-hosts-of-1.0",
        "TR-27",
        b"POST /api HTTP/1.0\r\nHost: a\r\nHost: b\r\nContent-Length: 40\r\n\r\n",
        400
    ),
    refused!(
        "post.host-in-two-words",
        "TR-27",
        b"POST /api HTTP/1.1\r\nHost: a b\r\nContent-Length: 40\r\n\r\n",
        400
    ),
    refused!(
        "post.host-with-a-path",
        "TR-27",
        b"POST /api HTTP/1.1\r\nHost: a/api\r\nContent-Length: 40\r\n\r\n",
        400
    ),
    refused!(
        "post.no-host-beside-an-authority",
        "TR-27",
        b"POST http://localhost/api HTTP/1.1\r\nContent-Length: 40\r\n\r\n",
        400
    ),
    refused!("post.no-host-nowhere", "TR-27", b"GET /nowhere HTTP/1.1\r\n\r\n", 400),
    refused!("post.preflight-without-a-host", "TR-27", b"OPTIONS /api HTTP/1.1\r\n\r\n", 400),
    answered!("post.empty-host", "TR-27", b"POST /api HTTP/1.1\r\nHost:\r\nContent-Length: 40\r\n\r\n"),
    answered!(
        "post.host-with-a-port",
        "TR-27",
        b"POST /api HTTP/1.1\r\nhOST: [::1]:8443\r\nContent-Length: 40\r\n\r\n"
    ),
    answered!("post.no-host-of-1.0", "TR-27", b"POST /api HTTP/1.0\r\nContent-Length: 40\r\n\r\n"),
    // Too much.
    refused_lines!("post.one-byte-too-long", "TR-22, TR-25", "Content-Length: 1056769\r\n", 413),
    refused_lines!("post.2-gib", "TR-22, TR-25", "Content-Length: 2147483647\r\n", 413),
    refused_lines!("post.length-of-18-digits", "TR-22, TR-25", "Content-Length: 999999999999999999\r\n", 413),
    case(
        "post.head-of-8-kib",
        "TR-22, TR-25",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nHost: a\r\nX: "), B(&[b'a'; 8192])]),
            Hear(Http(431)),
            Hear(Closed),
        ],
    ),
    case(
        "post.65-header-lines",
        "TR-22, TR-25",
        &[
            Dial(BARE),
            Write(&[
                B(b"POST /api HTTP/1.1\r\nHost: a\r\n"),
                B(&LINES_63),
                B(b"Content-Length: 40\r\n\r\n"),
                Ask,
            ]),
            Hear(Http(431)),
            Hear(Closed),
        ],
    ),
    case(
        "post.64-header-lines",
        "TR-25",
        &[
            Dial(BARE),
            Write(&[
                B(b"POST /api HTTP/1.1\r\nHost: a\r\n"),
                B(&LINES_62),
                B(b"Content-Length: 40\r\n\r\n"),
                Ask,
            ]),
            Hear(Http(200)),
        ],
    ),
    // Where, and how.
    refused!(
        "post.to-nowhere",
        "TR-24",
        b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        404
    ),
    refused!("post.to-the-root", "TR-24", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n", 404),
    refused!(
        "post.below-the-path",
        "TR-24",
        b"POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        404
    ),
    refused!(
        "post.path-in-capitals",
        "TR-24",
        b"POST /API HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        404
    ),
    refused!(
        "post.path-with-dots",
        "TR-24",
        b"POST /x/../api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        404
    ),
    refused!(
        "post.path-in-percents",
        "TR-24",
        b"POST /%61pi HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        404
    ),
    refused!("post.asterisk", "TR-24", b"POST * HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n", 404),
    refused!(
        "post.other-scheme",
        "TR-24",
        b"POST ftp://localhost/api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        404
    ),
    answered!("post.web-path", "TR-24", b"POST /apiw1 HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n"),
    answered!(
        "post.path-with-a-query",
        "TR-24",
        b"POST /api?x=/y HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n"
    ),
    answered!(
        "post.path-with-an-authority",
        "TR-24",
        b"POST HTTP://localhost:80/api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n"
    ),
    case(
        "post.get",
        "TR-24",
        &[
            Dial(BARE),
            Write(&[B(b"GET /api HTTP/1.1\r\nHost: a\r\n\r\n")]),
            Hear(HttpSays(405, &["allow: get, post, options", "access-control-allow-origin: *"])),
            Hear(Closed),
        ],
    ),
    refused!("post.put", "TR-24", b"PUT /api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n", 405),
    refused!("post.delete", "TR-24", b"DELETE /api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n", 405),
    refused!("post.patch", "TR-24", b"PATCH /apiw1 HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n", 405),
    refused!("post.head", "TR-24", b"HEAD /api HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    refused!(
        "post.put-nowhere",
        "TR-24",
        b"PUT /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        404
    ),
    refused!("post.connect", "TR-24", b"CONNECT localhost:443 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    refused!(
        "post.to-the-websocket",
        "TR-24",
        b"POST /apiws HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        405
    ),
    // Expectations.
    case(
        "post.expects-to-go-on",
        "TR-24",
        &[
            Dial(BARE),
            Write(&[B(
                b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\nExpect: 100-Continue\r\n\r\n",
            )]),
            Hear(Http(100)),
            Write(&[Ask]),
            Hear(Http(200)),
        ],
    ),
    refused_lines!(
        "post.expects-to-go-on-with-too-much",
        "TR-22, TR-25",
        "Content-Length: 1056769\r\nExpect: 100-continue\r\n",
        413
    ),
    refused_lines!("post.expects-something-else", "TR-24", "Content-Length: 40\r\nExpect: 200-ok\r\n", 417),
    // Pages of any origin.
    case(
        "post.preflight",
        "TR-24",
        &[
            Dial(BARE),
            Write(&[B(b"OPTIONS /apiw1 HTTP/1.1\r\nHost: a\r\nOrigin: https://web.example\r\n")]),
            Write(&[B(b"Access-Control-Request-Method: POST\r\n\r\n")]),
            Hear(HttpSays(
                204,
                &["access-control-allow-origin: *", "access-control-allow-methods: get, post, options"],
            )),
            Write(&[B(HEAD), Ask]),
            Hear(HttpSays(200, &["access-control-allow-origin: *", "cache-control: no-store"])),
        ],
    ),
    refused!(
        "post.preflight-with-a-body",
        "TR-24",
        b"OPTIONS /api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n",
        400
    ),
    refused!("post.preflight-of-nowhere", "TR-24", b"OPTIONS /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    case(
        "post.last-preflight",
        "TR-24",
        &[
            Dial(BARE),
            Write(&[B(b"OPTIONS /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")]),
            Hear(HttpSays(204, &["connection: close"])),
            Hear(Closed),
        ],
    ),
];

pub const PACKETS: &[Case] = &[
    case("post.key", "TR-24", &[Dial(HTTP), ToGenOk]),
    case("post.session", "TR-24, TR-26", &[Dial(HTTP), Session, Alive, Alive, Send(Config), Hear(Result(2))]),
    case(
        "post.two-sessions",
        "TR-24, TR-26",
        &[Dial(HTTP), Session, Alive, SecondSession, Alive, In(0), Alive],
    ),
    case(
        "post.wrong-salt",
        "TR-24, SES-7",
        &[Dial(HTTP), Session, Twist(Ping, &[BadSalt]), Hear(Salt(0)), Alive],
    ),
    // One answer to all that does not open.
    case(
        "post.unknown-key",
        "TR-11, TR-23",
        &[
            Dial(HTTP),
            Session,
            Twist(Ping, &[UnknownKey]),
            Hear(HttpSays(404, &["content-length: 0", "access-control-allow-origin: *"])),
            Hear(Closed),
        ],
    ),
    case(
        "post.changed-packet",
        "TR-11, TR-23",
        &[
            Dial(HTTP),
            Session,
            Twist(Ping, &[Flip(40)]),
            Hear(HttpSays(404, &["content-length: 0", "access-control-allow-origin: *"])),
            Hear(Closed),
        ],
    ),
    case(
        "post.ragged-packet",
        "TR-23, REC-6",
        &[Dial(HTTP), Session, Twist(Ping, &[Grow(4)]), Hear(Http(404)), Hear(Closed)],
    ),
    case(
        "post.packet-without-its-end",
        "TR-23, REC-6",
        &[Dial(HTTP), Session, Twist(Ping, &[Cut(16)]), Hear(Http(404)), Hear(Closed)],
    ),
    case(
        "post.nothing",
        "TR-23",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]),
            Hear(Http(404)),
            Hear(Closed),
        ],
    ),
    case(
        "post.seven-bytes",
        "TR-23",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n"), Zeros(7)]),
            Hear(Http(404)),
            Hear(Closed),
        ],
    ),
    case(
        "post.19-bytes",
        "TR-23",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 19\r\n\r\n"), Zeros(19)]),
            Hear(Http(404)),
            Hear(Closed),
        ],
    ),
    case(
        "post.noise",
        "TR-23",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 88\r\n\r\n"), Noise(88)]),
            Hear(Http(404)),
            Hear(Closed),
        ],
    ),
    case(
        "post.long-plaintext",
        "TR-22, TR-23",
        &[
            Dial(BARE),
            // The first eight bytes of the body tell; nothing waits for the rest.
            Write(&[B(b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n"), Zeros(8)]),
            Hear(Http(404)),
            Hear(Closed),
        ],
    ),
    case(
        "post.body-without-its-end",
        "TR-22",
        &[Dial(BARE), Write(&[B(HEAD), Zeros(20)]), EndWriting, Hear(Closed)],
    ),
    // Handshakes.
    case(
        "post.wrong-step-two",
        "TR-23, HS-9",
        &[Dial(HTTP), ToResPq, ReqDh(&[Dh::P]), Hear(Http(404)), Hear(Closed)],
    ),
    case("post.step-one-twice", "HS-22", &[Dial(HTTP), ToResPq, Repeat(0), Hear(TheSame)]),
    case(
        "post.step-two-on-another-connection",
        "TR-23, HS-9",
        &[Dial(HTTP), ToResPq, Dial(HTTP), ReqDh(&[]), Hear(Http(404)), Hear(Closed)],
    ),
    case(
        "post.acknowledgement-in-the-clear",
        "TR-26, HS-24",
        &[Dial(HTTP), Plain(Clear::Ack, &[]), Hear(HttpSays(200, &["content-length: 0"])), ToResPq],
    ),
    // A request that comes twice is executed once: the second answer has the time of the first.
    case(
        "post.replayed",
        "SES-4, SVC-8",
        &[
            Dial(HTTP),
            Session,
            Alive,
            Send(Config),
            Hear(Result(1)),
            Pause(1100),
            Replay(0),
            Hear(SameResult(1)),
        ],
    ),
    case(
        "post.replayed-on-another-connection",
        "SES-4, SVC-8",
        &[
            Dial(HTTP),
            Session,
            Alive,
            Send(Config),
            Hear(Result(1)),
            Pause(1100),
            Dial(HTTP),
            Replay(0),
            Hear(SameResult(1)),
        ],
    ),
];

pub const ORDER: &[Case] = &[
    case(
        "post.two-in-one-write",
        "TR-26",
        &[Dial(BARE), Write(&[B(HEAD), Ask]), Write(&[B(HEAD), Ask]), Hear(Http(200)), Hear(Http(200))],
    ),
    case(
        "post.two-in-order",
        "TR-26",
        &[
            Dial(HTTP),
            Run(0),
            Plain(Clear::ReqPqMulti, &[]),
            Run(1),
            Plain(Clear::ReqPqMulti, &[]),
            Run(0),
            HearNext(Http(200)),
            HearNext(ResPq),
            Run(1),
            HearNext(Http(200)),
            HearNext(ResPq),
        ],
    ),
    case(
        "post.ping-behind-an-open-request",
        "TR-26, SVC-19",
        &[
            Dial(HTTP),
            Session,
            Alive,
            Hear(Http(200)),
            Hear(NewSession),
            Send(HttpWaitFor(1500)),
            Send(Ping),
            Hear(Silence(700)),
            Hear(Http(200)),
            Never(Pong(LAST)),
            Hear(Http(200)),
            Hear(Pong(LAST)),
        ],
    ),
    case(
        "post.newest-request-is-answered",
        "SVC-19",
        &[
            Dial(HTTP),
            Session,
            Alive,
            Hear(Http(200)),
            Hear(NewSession),
            Send(HttpWaitFor(20_000)),
            Dial(HTTP),
            Alive,
            Line(0),
            Hear(Silence(300)),
        ],
    ),
    case(
        "post.bomb-behind-an-open-request",
        "TR-22, TR-26",
        &[
            Dial(HTTP),
            Session,
            Alive,
            Hear(Http(200)),
            Hear(NewSession),
            Send(HttpWaitFor(20_000)),
            Hear(Silence(300)),
            Write(&[Zeros(65_537)]),
            Hear(Http(429)),
            Hear(Closed),
        ],
    ),
    case(
        "post.behind-a-refusal",
        "TR-25, TR-26",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: +40\r\n\r\n"), B(HEAD)]),
            Write(&[Ask]),
            Hear(Http(400)),
            Hear(Closed),
            Never(Http(200)),
        ],
    ),
    // The end of a connection.
    case(
        "post.version-1-0",
        "TR-26",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.0\r\nContent-Length: 40\r\n\r\n"), Ask, B(HEAD), Ask]),
            Hear(HttpSays(200, &["connection: close"])),
            Hear(Closed),
            Never(Http(200)),
        ],
    ),
    case(
        "post.version-1-0-kept",
        "TR-26",
        &[
            Dial(BARE),
            Write(&[B(b"POST /api HTTP/1.0\r\nContent-Length: 40\r\nConnection: Keep-Alive\r\n\r\n"), Ask]),
            Hear(HttpSays(200, &["connection: keep-alive"])),
            Write(&[B(HEAD), Ask]),
            Hear(Http(200)),
        ],
    ),
    case(
        "post.last-request",
        "TR-26",
        &[
            Dial(BARE),
            Write(&[
                B(b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\nConnection: x, Close\r\n\r\n"),
                Ask,
            ]),
            Hear(HttpSays(200, &["connection: close"])),
            Hear(Closed),
        ],
    ),
];

pub const TIMES: &[Case] = &[
    case(
        "post.wait-of-a-second",
        "SVC-19",
        &[
            Dial(HTTP),
            Session,
            Alive,
            Hear(Http(200)),
            Hear(NewSession),
            Send(HttpWaitFor(1000)),
            Hear(Silence(500)),
            HearWithin(Http(200), 5000),
            Alive,
        ],
    ),
    case(
        "post.wait-below-zero",
        "SVC-19",
        &[
            Dial(HTTP),
            Session,
            Alive,
            Hear(Http(200)),
            Hear(NewSession),
            Send(HttpWaitOf(-1, i32::MIN, -5)),
            HearWithin(Http(200), 5000),
        ],
    ),
    case(
        "post.delays-beyond-the-wait",
        "SVC-19",
        &[
            Dial(HTTP),
            Session,
            Alive,
            Hear(Http(200)),
            Hear(NewSession),
            Send(Container(&[Held(Ping, &[]), Held(HttpWaitOf(i32::MAX, i32::MAX, 1500), &[])])),
            Hear(Silence(700)),
            HearWithin(Pong(1), 5000),
        ],
    ),
    case(
        "post.longest-wait",
        "SVC-19",
        &[
            Dial(HTTP),
            Session,
            Alive,
            Hear(Http(200)),
            Hear(NewSession),
            Send(HttpWaitFor(i32::MAX)),
            Hear(Silence(55_000)),
            HearWithin(Http(200), 10_000),
            Alive,
        ],
    ),
    case("post.in-single-bytes", "TR-24", &[Dial(BARE), Drip(&[B(HEAD), Ask], 5), Hear(Http(200))]),
    case(
        "post.slow-head",
        "TR-22",
        &[
            Dial(BARE),
            Drip(&[B(b"POST /api HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaa")], 500),
            HearWithin(Closed, 500),
        ],
    ),
    case(
        "post.slow-body",
        "TR-22",
        &[Dial(BARE), Write(&[B(HEAD)]), Drip(&[Zeros(30)], 500), HearWithin(Closed, 500)],
    ),
    case(
        "post.slow-second-request",
        "TR-22",
        &[
            Dial(BARE),
            Write(&[B(HEAD), Ask]),
            Hear(Http(200)),
            Write(&[B(b"POST /api HTTP/1.1\r\nHost: a\r\n")]),
            HearWithin(Closed, 62_000),
        ],
    ),
    case(
        "post.silence-between-requests",
        "TR-22",
        &[Dial(HTTP), Session, Alive, Hear(Http(200)), HearWithin(Closed, 70_000)],
    ),
];
