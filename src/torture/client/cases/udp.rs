//! Datagrams: whoever has not shown where they are hears no more than they say, and leaves nothing behind; what is odd or
//! does not open changes nothing for anybody.

use mtproto::limits::{DATAGRAM_FIRST_BYTES, DATAGRAM_PIECE_BYTES};

use super::super::script::Body::{Config, HttpWait, Ping};
use super::super::script::Part::{
    self, B, Cookie, Noise, PieceHead, PieceHeadOfFlood, ProofHead, Sealed, ServerNonce, WrongCookie, Zeros,
};
use super::super::script::Step::{
    Alive, Datagram, Dial, Flood, Hear, HearWithin, Line, NoMoreThanSaid, Pause, Plain, Prove, Repeat,
    Replay, ReqDh, Seal, Send, Session, SetDh, ToDhOk, ToGenOk, ToResPq, Twist,
};
use super::super::script::Twist::{AsServer, BadSalt, Cut, Flip, Grow, UnknownKey, Version1};
use super::super::script::Want::{
    self, AnyGenOk, Code, DhOk, GenOk, Gone, NewSession, Pong, ResPq, Result, Salt, SameResult, SameWords,
    Silence, TheSame,
};
use super::super::script::{Case, Clear, Dh, Envelope, LAST, Set, case};
use super::udp_long::{FIRST, LONG, SECOND, THIRD};
use super::{INTERMEDIATE, UDP};

/// Makes the first step as long as an honest client's.
const PADDED: &[Envelope] = &[Envelope::Behind(DATAGRAM_FIRST_BYTES - 40)];

/// The cookie goes back, with the sealed packet made last.
const PROOF: &[Part] = &[ProofHead, Cookie, Sealed];

pub const HANDSHAKE: &[Case] = &[
    case("udp.key", "UDP-2, UDP-4", &[Dial(UDP), ToGenOk]),
    case("udp.req_pq", "UDP-2", &[Dial(UDP), Plain(Clear::ReqPq, PADDED), Hear(ResPq)]),
    case(
        "udp.short-step-one",
        "UDP-4",
        &[Dial(UDP), Plain(Clear::ReqPqMulti, &[]), Hear(Silence(500)), ToResPq],
    ),
    case(
        "udp.step-one-twice",
        "UDP-2",
        &[Dial(UDP), ToResPq, Repeat(0), Hear(SameWords), Repeat(0), Hear(SameWords), NoMoreThanSaid],
    ),
    case(
        "udp.step-one-from-two-ports",
        "UDP-2",
        &[
            Dial(UDP),
            ToResPq,
            Dial(UDP),
            Repeat(0),
            Hear(ResPq),
            // The server_nonce heard last is of this port.
            Line(0),
            ReqDh(&[]),
            Hear(Silence(500)),
            Line(1),
            Repeat(0),
            Hear(DhOk),
        ],
    ),
    case(
        "udp.step-two-from-another-port",
        "UDP-2",
        &[
            Dial(UDP),
            ToResPq,
            Dial(UDP),
            ReqDh(&[]),
            Hear(Silence(500)),
            NoMoreThanSaid,
            Line(0),
            Repeat(0),
            Hear(DhOk),
        ],
    ),
    case(
        "udp.step-two-after-two-minutes",
        "UDP-2",
        &[Dial(UDP), ToResPq, Pause(125_000), ReqDh(&[]), Hear(Silence(500)), NoMoreThanSaid],
    ),
    case(
        "udp.step-two-with-a-wrong-p",
        "UDP-2, HS-29",
        &[Dial(UDP), ToResPq, ReqDh(&[Dh::P]), Hear(Silence(500)), NoMoreThanSaid, ReqDh(&[]), Hear(DhOk)],
    ),
    case(
        "udp.step-two-with-a-wrong-q",
        "UDP-2, HS-29",
        &[Dial(UDP), ToResPq, ReqDh(&[Dh::Q]), Hear(Silence(500)), NoMoreThanSaid, ReqDh(&[]), Hear(DhOk)],
    ),
    case(
        "udp.step-two-with-p-and-q-swapped",
        "UDP-2, HS-29",
        &[Dial(UDP), ToResPq, ReqDh(&[Dh::Swapped]), Hear(Silence(500)), NoMoreThanSaid],
    ),
    case(
        "udp.step-two-with-p-of-one",
        "UDP-2, HS-29",
        &[Dial(UDP), ToResPq, ReqDh(&[Dh::Trivial]), Hear(Silence(500)), NoMoreThanSaid],
    ),
    case(
        "udp.step-two-without-factors",
        "UDP-2, HS-29",
        &[Dial(UDP), ToResPq, ReqDh(&[Dh::NoFactors]), Hear(Silence(500)), NoMoreThanSaid],
    ),
    case(
        "udp.step-two-with-another-nonce",
        "UDP-2",
        &[Dial(UDP), ToResPq, ReqDh(&[Dh::Nonce]), Hear(Silence(500)), NoMoreThanSaid],
    ),
    case(
        "udp.step-two-with-another-server-nonce",
        "UDP-2",
        &[Dial(UDP), ToResPq, ReqDh(&[Dh::ServerNonce]), Hear(Silence(500)), NoMoreThanSaid],
    ),
    case(
        "udp.step-two-of-a-stream",
        "UDP-2",
        &[Dial(INTERMEDIATE), ToResPq, Dial(UDP), ReqDh(&[]), Hear(Silence(500)), NoMoreThanSaid],
    ),
    case(
        "udp.step-two-over-a-stream",
        "HS-9",
        &[Dial(UDP), ToResPq, Dial(INTERMEDIATE), ReqDh(&[]), Hear(Gone)],
    ),
    case(
        "udp.step-two-twice",
        "HS-22",
        &[Dial(UDP), ToResPq, ReqDh(&[]), Hear(DhOk), Repeat(0), Hear(TheSame)],
    ),
    case(
        "udp.step-two-that-does-not-open",
        "HS-9, UDP-3",
        &[
            Dial(UDP),
            ToResPq,
            ReqDh(&[Dh::Flip(17)]),
            Hear(Code(-404)),
            // The address is forgotten, right after that.
            Pause(500),
            Session,
            Send(Ping),
            Hear(Want::Cookie),
        ],
    ),
    case(
        "udp.step-three-twice",
        "HS-22",
        &[Dial(UDP), ToDhOk, SetDh(&[]), Hear(AnyGenOk), Repeat(0), Hear(TheSame)],
    ),
    case(
        "udp.step-three-from-another-port",
        "UDP-3",
        &[
            Dial(UDP),
            ToDhOk,
            Dial(UDP),
            SetDh(&[]),
            Hear(Silence(500)),
            NoMoreThanSaid,
            Line(0),
            Repeat(0),
            Hear(GenOk),
        ],
    ),
    case(
        "udp.step-three-that-does-not-open",
        "HS-9",
        &[Dial(UDP), ToDhOk, SetDh(&[Set::Noise]), Hear(Code(-404))],
    ),
];

pub const STRANGERS: &[Case] = &[
    case(
        "udp.packet-of-a-stranger",
        "UDP-3, UDP-4",
        &[Dial(UDP), Session, Send(Ping), Hear(Want::Cookie), Hear(Silence(300)), NoMoreThanSaid],
    ),
    case(
        "udp.unknown-key-of-a-stranger",
        "UDP-3, UDP-4",
        &[
            Dial(UDP),
            Session,
            Twist(Ping, &[UnknownKey]),
            Hear(Want::Cookie),
            Hear(Silence(300)),
            NoMoreThanSaid,
        ],
    ),
    case(
        "udp.no-proof",
        "UDP-3",
        &[
            Dial(UDP),
            Session,
            Send(Ping),
            Hear(Want::Cookie),
            Send(Ping),
            Hear(Want::Cookie),
            Hear(Silence(300)),
            NoMoreThanSaid,
        ],
    ),
    case(
        "udp.wrong-proof",
        "UDP-3, UDP-4",
        &[
            Dial(UDP),
            Session,
            Send(Ping),
            Hear(Want::Cookie),
            Datagram(&[ProofHead, WrongCookie, Sealed]),
            Hear(Want::Cookie),
            Hear(Silence(300)),
            NoMoreThanSaid,
            Datagram(PROOF),
            Hear(Pong(0)),
        ],
    ),
    case(
        "udp.wrong-proof-and-nothing-else",
        "UDP-3, UDP-4",
        &[
            Dial(UDP),
            Datagram(&[ProofHead, Noise(16)]),
            Hear(Want::Cookie),
            Hear(Silence(300)),
            NoMoreThanSaid,
        ],
    ),
    case(
        "udp.short-proof",
        "UDP-1, UDP-4",
        &[Dial(UDP), Datagram(&[ProofHead, Noise(15)]), Datagram(&[ProofHead]), Hear(Silence(300))],
    ),
    case(
        "udp.proof-from-another-port",
        "UDP-2, UDP-3",
        &[
            Dial(UDP),
            Session,
            Send(Ping),
            Hear(Want::Cookie),
            Dial(UDP),
            Datagram(PROOF),
            Hear(Want::Cookie),
            Hear(Silence(300)),
            NoMoreThanSaid,
        ],
    ),
    case(
        "udp.proof-by-a-server-nonce",
        "UDP-2, UDP-3",
        &[
            Dial(UDP),
            ToResPq,
            Session,
            Seal(Ping),
            Datagram(&[ProofHead, ServerNonce, Sealed]),
            Hear(Want::Cookie),
            Hear(Silence(300)),
            NoMoreThanSaid,
        ],
    ),
    case(
        "udp.proof-and-nothing-else",
        "UDP-3",
        &[
            Dial(UDP),
            Session,
            Send(Ping),
            Hear(Want::Cookie),
            Datagram(&[ProofHead, Cookie]),
            Hear(Silence(300)),
            Replay(0),
            Hear(Pong(0)),
        ],
    ),
    case(
        "udp.proof-of-a-silent-address",
        "UDP-3",
        &[
            Dial(UDP),
            Session,
            Send(Ping),
            Hear(Want::Cookie),
            Datagram(&[ProofHead, Cookie]),
            Pause(47_000),
            Send(Ping),
            Hear(Want::Cookie),
        ],
    ),
    case(
        "udp.cookie-for-the-server",
        "UDP-1",
        &[Dial(UDP), Datagram(&[B(b"chappe:\x01"), Noise(16)]), Hear(Silence(300))],
    ),
    case(
        "udp.unknown-marks",
        "UDP-1",
        &[
            Dial(UDP),
            Datagram(&[B(b"chappe:\x00"), Noise(80)]),
            Datagram(&[B(b"chappe:\x04"), Noise(80)]),
            Datagram(&[B(b"chappe:\xff"), Noise(80)]),
            Hear(Silence(300)),
            NoMoreThanSaid,
        ],
    ),
    case(
        "udp.seven-bytes-and-fewer",
        "UDP-1",
        &[
            Dial(UDP),
            Datagram(&[]),
            Datagram(&[Zeros(1)]),
            Datagram(&[B(b"chappe:")]),
            // -404, as if the client were the server.
            Datagram(&[B(&[0x6c, 0xfe, 0xff, 0xff])]),
            Hear(Silence(300)),
        ],
    ),
    case(
        "udp.1201-bytes",
        "UDP-1",
        &[
            Dial(UDP),
            Session,
            Seal(Ping),
            Datagram(&[Sealed, Noise(1113)]),
            Hear(Silence(300)),
            Datagram(&[Sealed, Noise(1112)]),
            Hear(Want::Cookie),
        ],
    ),
    case(
        "udp.plaintext-of-1025-bytes",
        "UDP-1, TR-22",
        &[
            Dial(UDP),
            Plain(Clear::ReqPqMulti, &[Envelope::Behind(985)]),
            Hear(Silence(300)),
            Plain(Clear::ReqPqMulti, &[Envelope::Behind(984)]),
            Hear(ResPq),
        ],
    ),
    case(
        "udp.short-packets",
        "UDP-3, UDP-4",
        &[Dial(UDP), Flood(100, &[B(&[7; 8]), Noise(63)]), Hear(Silence(300)), NoMoreThanSaid],
    ),
    case(
        "udp.other-words-in-the-clear",
        "UDP-3, HS-24",
        &[
            Dial(UDP),
            Plain(Clear::Ping, PADDED),
            Plain(Clear::Ack, PADDED),
            Plain(Clear::Config, PADDED),
            Plain(Clear::Container, PADDED),
            Plain(Clear::Gzip, PADDED),
            Plain(Clear::Noise(64), PADDED),
            Plain(Clear::Cut(12), PADDED),
            Hear(Silence(500)),
            NoMoreThanSaid,
        ],
    ),
    case(
        "udp.wrong-lengths-in-the-clear",
        "UDP-3, HS-26",
        &[
            Dial(UDP),
            Plain(Clear::ReqPqMulti, &[Envelope::Behind(152), Envelope::Longer(1000)]),
            Plain(Clear::ReqPqMulti, &[Envelope::Behind(152), Envelope::Length(-1)]),
            Plain(Clear::ReqPqMulti, &[Envelope::Behind(152), Envelope::Length(i32::MIN)]),
            Plain(Clear::ReqPqMulti, &[Envelope::Behind(152), Envelope::Length(0)]),
            Hear(Silence(500)),
        ],
    ),
    case(
        "udp.pieces-of-a-stranger",
        "UDP-3, UDP-6",
        &[
            Dial(UDP),
            Session,
            Seal(LONG),
            Datagram(&[PieceHead(9, 0, 3), FIRST]),
            Datagram(&[PieceHead(9, 1, 3), SECOND]),
            Datagram(&[PieceHead(9, 2, 3), THIRD]),
            Hear(Silence(500)),
            NoMoreThanSaid,
        ],
    ),
    case(
        "udp.flood-of-a-stranger",
        "UDP-3, UDP-6",
        &[
            Dial(UDP),
            Flood(300, &[PieceHeadOfFlood(0, 57), Zeros(DATAGRAM_PIECE_BYTES)]),
            Hear(Silence(500)),
            NoMoreThanSaid,
            ToGenOk,
        ],
    ),
    case(
        "udp.cookies-for-a-flood",
        "UDP-4",
        &[
            Dial(UDP),
            Session,
            Seal(Ping),
            Flood(50, &[Sealed]),
            Hear(Want::Cookie),
            Flood(50, &[ProofHead, Noise(16)]),
            Hear(Want::Cookie),
            NoMoreThanSaid,
        ],
    ),
];

pub const KNOWN: &[Case] = &[
    case("udp.session", "UDP-3", &[Dial(UDP), Session, Prove, Alive, Alive]),
    case("udp.long-answer", "UDP-5, UDP-6", &[Dial(UDP), Session, Prove, Send(Config), Hear(Result(LAST))]),
    case("udp.http_wait", "SVC-17", &[Dial(UDP), Session, Prove, Send(HttpWait), Hear(Silence(300)), Alive]),
    case(
        "udp.wrong-salt",
        "SES-7",
        &[Dial(UDP), Session, Prove, Twist(Ping, &[BadSalt]), Hear(Salt(LAST)), Alive],
    ),
    case(
        "udp.unacknowledged",
        "UDP-10",
        &[
            Dial(UDP),
            Session,
            Send(Ping),
            Hear(Want::Cookie),
            Datagram(PROOF),
            Hear(NewSession),
            HearWithin(NewSession, 4000),
            HearWithin(NewSession, 8000),
        ],
    ),
    // What anybody could have sent in this address's name.
    case(
        "udp.changed-packet",
        "UDP-7",
        &[
            Dial(UDP),
            Session,
            Prove,
            Twist(Ping, &[Flip(0)]),
            Hear(Code(-404)),
            Twist(Ping, &[Flip(9)]),
            Twist(Ping, &[Flip(40)]),
            Twist(Ping, &[Flip(87)]),
            Hear(Silence(500)),
            Alive,
        ],
    ),
    case(
        "udp.packets-of-odd-lengths",
        "UDP-7",
        &[
            Dial(UDP),
            Session,
            Prove,
            Twist(Ping, &[Grow(4)]),
            Twist(Ping, &[Grow(16)]),
            Twist(Ping, &[Cut(1)]),
            Twist(Ping, &[Cut(16)]),
            Twist(Ping, &[Cut(32)]),
            Twist(Ping, &[Cut(64)]),
            Hear(Silence(500)),
            Alive,
        ],
    ),
    case(
        "udp.sealed-as-others-seal",
        "UDP-7",
        &[
            Dial(UDP),
            Session,
            Prove,
            Twist(Ping, &[AsServer]),
            Twist(Ping, &[Version1]),
            Hear(Silence(500)),
            Alive,
        ],
    ),
    case(
        "udp.odd-datagrams",
        "UDP-1, UDP-7",
        &[
            Dial(UDP),
            Session,
            Prove,
            Datagram(&[]),
            Datagram(&[B(b"chappe:\x01"), Noise(16)]),
            Datagram(&[B(b"chappe:\x09"), Noise(80)]),
            Datagram(&[Zeros(40)]),
            Plain(Clear::Ping, PADDED),
            Seal(Ping),
            Datagram(&[Sealed, Noise(1128)]),
            Hear(Silence(500)),
            Alive,
        ],
    ),
    case(
        "udp.wrong-proof-of-a-known-address",
        "UDP-7",
        &[Dial(UDP), Session, Prove, Datagram(&[ProofHead, Noise(16)]), Hear(Want::Cookie), Alive],
    ),
    case(
        "udp.step-two-of-nobody",
        "UDP-7",
        &[
            Dial(INTERMEDIATE),
            ToResPq,
            Dial(UDP),
            Session,
            Prove,
            ReqDh(&[]),
            Hear(Silence(500)),
            Send(Ping),
            Hear(Pong(LAST)),
        ],
    ),
    case(
        "udp.step-three-of-nobody",
        "UDP-7",
        &[Dial(UDP), Session, Prove, SetDh(&[Set::Nonce]), Hear(Silence(500)), Send(Ping), Hear(Pong(LAST))],
    ),
    // Who has shown where they are hears of a key that is not there.
    case(
        "udp.unknown-key",
        "TR-11, UDP-7",
        &[Dial(UDP), Session, Prove, Twist(Ping, &[UnknownKey]), Hear(Code(-404)), Alive],
    ),
    case(
        "udp.unknown-key-behind-a-proof",
        "TR-11, UDP-3",
        &[
            Dial(UDP),
            Session,
            Twist(Ping, &[UnknownKey]),
            Hear(Want::Cookie),
            Datagram(PROOF),
            Hear(Code(-404)),
        ],
    ),
    // Replays, and the way of a session.
    case(
        "udp.replayed",
        "SES-4, SVC-8",
        &[
            Dial(UDP),
            Session,
            Prove,
            Send(Config),
            Hear(Result(LAST)),
            Pause(1100),
            Replay(0),
            Hear(SameResult(LAST)),
        ],
    ),
    case(
        "udp.replayed-from-another-port",
        "SES-11, UDP-3",
        &[
            Dial(UDP),
            Session,
            Send(Ping),
            Hear(Want::Cookie),
            Datagram(PROOF),
            Hear(Pong(0)),
            Hear(NewSession),
            Dial(UDP),
            Replay(0),
            Hear(Want::Cookie),
            Datagram(PROOF),
            // What was not acknowledged goes on coming where it came before.
            Line(0),
            HearWithin(NewSession, 4000),
            HearWithin(NewSession, 8000),
            Line(1),
            HearWithin(Pong(0), 4000),
            Hear(Silence(300)),
        ],
    ),
    case(
        "udp.replayed-by-a-stranger",
        "UDP-3",
        &[
            Dial(UDP),
            Session,
            Prove,
            Dial(UDP),
            Replay(0),
            Hear(Want::Cookie),
            Hear(Silence(300)),
            NoMoreThanSaid,
            Line(0),
            Hear(Silence(300)),
            Alive,
        ],
    ),
    case(
        "udp.moved",
        "SES-11, UDP-3",
        &[Dial(UDP), Session, Prove, Dial(UDP), Prove, Alive, Line(0), Alive, Line(1), Alive],
    ),
    case(
        "udp.beside-a-stream",
        "SES-11, UDP-3",
        &[Dial(UDP), Session, Prove, Dial(INTERMEDIATE), Alive, Line(0), Alive, Line(1), Alive],
    ),
];
