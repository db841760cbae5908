//! Datagrams: long packets, which go in pieces or not at all, and how much may leave for one address.

use mtproto::limits::DATAGRAM_PIECE_BYTES;

use super::super::script::Body::{
    AckMany, Container, Forward, FutureSalts, GetState, Many, Note, Notes, Ping,
};
use super::super::script::Part::{self, B, Noise, PieceHead, PieceHeadOfFlood, SealedPart, Zeros};
use super::super::script::Step::{
    Alive, Datagram, Dial, Flood, Hear, In, Line, Never, NoFasterThan, OwnKey, Pause, Prove, Seal, Send,
    Session, SignIn, ToResPq,
};
use super::super::script::Want::{Announced, AnnouncedNew, Pong, Result, Salts, Silence, Updates};
use super::super::script::{Body, Case, Held, LAST, case};
use super::{INTERMEDIATE, UDP};

/// A message that needs three datagrams, and asks for a pong of its second part.
pub const LONG: Body = Container(&[Held(AckMany(380), &[]), Held(Ping, &[])]);

/// Pieces of the packet that carries it.
pub const FIRST: Part = SealedPart(0, DATAGRAM_PIECE_BYTES);
pub const SECOND: Part = SealedPart(DATAGRAM_PIECE_BYTES, DATAGRAM_PIECE_BYTES);
pub const THIRD: Part = SealedPart(2 * DATAGRAM_PIECE_BYTES, DATAGRAM_PIECE_BYTES);

pub const PIECES: &[Case] = &[
    case(
        "udp.pieces",
        "UDP-6",
        &[
            Dial(UDP),
            Session,
            Prove,
            Seal(LONG),
            Datagram(&[PieceHead(9, 0, 3), FIRST]),
            Datagram(&[PieceHead(9, 1, 3), SECOND]),
            Hear(Silence(300)),
            Datagram(&[PieceHead(9, 2, 3), THIRD]),
            Hear(Pong(3)),
        ],
    ),
    case(
        "udp.pieces-in-disorder",
        "UDP-6",
        &[
            Dial(UDP),
            Session,
            Prove,
            Seal(LONG),
            Datagram(&[PieceHead(9, 2, 3), THIRD]),
            Datagram(&[PieceHead(9, 0, 3), FIRST]),
            Datagram(&[PieceHead(9, 2, 3), THIRD]),
            Datagram(&[PieceHead(9, 0, 3), FIRST]),
            Datagram(&[PieceHead(9, 1, 3), SECOND]),
            Hear(Pong(3)),
        ],
    ),
    case(
        "udp.late-piece",
        "UDP-6",
        &[
            Dial(UDP),
            Session,
            Prove,
            Seal(LONG),
            Datagram(&[PieceHead(9, 0, 3), FIRST]),
            Datagram(&[PieceHead(9, 1, 3), SECOND]),
            Pause(5500),
            Datagram(&[PieceHead(9, 2, 3), THIRD]),
            Hear(Silence(500)),
            Datagram(&[PieceHead(9, 0, 3), FIRST]),
            Datagram(&[PieceHead(9, 1, 3), SECOND]),
            Hear(Pong(3)),
        ],
    ),
    case(
        "udp.odd-pieces",
        "UDP-6",
        &[
            Dial(UDP),
            Session,
            Prove,
            Datagram(&[PieceHead(1, 0, 0), Zeros(DATAGRAM_PIECE_BYTES)]),
            Datagram(&[PieceHead(2, 0, 1), Zeros(DATAGRAM_PIECE_BYTES)]),
            Datagram(&[PieceHead(3, 2, 2), Zeros(DATAGRAM_PIECE_BYTES)]),
            Datagram(&[PieceHead(4, 0, 58), Zeros(DATAGRAM_PIECE_BYTES)]),
            Datagram(&[PieceHead(5, u16::MAX, u16::MAX), Zeros(DATAGRAM_PIECE_BYTES)]),
            Datagram(&[PieceHead(6, u16::MAX, 0), Zeros(DATAGRAM_PIECE_BYTES)]),
            Datagram(&[PieceHead(7, u16::MAX, 3), Zeros(8)]),
            Datagram(&[PieceHead(8, 0, 3), Zeros(DATAGRAM_PIECE_BYTES - 1)]),
            Datagram(&[PieceHead(9, 0, 3), Zeros(DATAGRAM_PIECE_BYTES + 1)]),
            Datagram(&[PieceHead(10, 2, 3)]),
            Datagram(&[B(b"chappe:\x03"), Zeros(7)]),
            Hear(Silence(500)),
            Alive,
        ],
    ),
    case(
        "udp.piece-of-the-highest-index",
        "UDP-6",
        &[Dial(UDP), Datagram(&[PieceHead(7, u16::MAX, 3), Zeros(8)]), Hear(Silence(300)), ToResPq],
    ),
    case(
        "udp.piece-of-another-count",
        "UDP-6",
        &[
            Dial(UDP),
            Session,
            Prove,
            Seal(LONG),
            Datagram(&[PieceHead(9, 0, 3), FIRST]),
            Datagram(&[PieceHead(9, 1, 4), Noise(DATAGRAM_PIECE_BYTES)]),
            Datagram(&[PieceHead(9, 1, 2), Noise(100)]),
            Datagram(&[PieceHead(9, 1, 3), SECOND]),
            Datagram(&[PieceHead(9, 2, 3), THIRD]),
            Hear(Pong(3)),
        ],
    ),
    case(
        "udp.forged-piece",
        "UDP-6, UDP-7",
        &[
            Dial(UDP),
            Session,
            Prove,
            Seal(LONG),
            Datagram(&[PieceHead(9, 1, 3), Noise(DATAGRAM_PIECE_BYTES)]),
            Datagram(&[PieceHead(9, 0, 3), FIRST]),
            Datagram(&[PieceHead(9, 1, 3), SECOND]),
            Datagram(&[PieceHead(9, 2, 3), THIRD]),
            Hear(Silence(500)),
            Datagram(&[PieceHead(10, 0, 3), FIRST]),
            Datagram(&[PieceHead(10, 1, 3), SECOND]),
            Datagram(&[PieceHead(10, 2, 3), THIRD]),
            Hear(Pong(3)),
        ],
    ),
    case(
        "udp.five-packets-in-pieces",
        "UDP-6",
        &[
            Dial(UDP),
            Session,
            Prove,
            Seal(LONG),
            Datagram(&[PieceHead(9, 0, 3), FIRST]),
            Flood(4, &[PieceHeadOfFlood(0, 3), Noise(DATAGRAM_PIECE_BYTES)]),
            // The oldest had to go, and begins anew.
            Datagram(&[PieceHead(9, 1, 3), SECOND]),
            Datagram(&[PieceHead(9, 2, 3), THIRD]),
            Hear(Silence(500)),
            Datagram(&[PieceHead(9, 0, 3), FIRST]),
            Hear(Pong(3)),
        ],
    ),
    case(
        "udp.plaintext-in-pieces",
        "UDP-6, UDP-7",
        &[
            Dial(UDP),
            Session,
            Prove,
            Datagram(&[PieceHead(9, 0, 2), Zeros(DATAGRAM_PIECE_BYTES)]),
            Datagram(&[PieceHead(9, 1, 2), Zeros(8)]),
            Hear(Silence(500)),
            Alive,
        ],
    ),
    case(
        "udp.flood-of-pieces",
        "UDP-6, UDP-7",
        &[
            Dial(UDP),
            Session,
            Prove,
            Flood(400, &[PieceHeadOfFlood(0, 57), Zeros(DATAGRAM_PIECE_BYTES)]),
            Hear(Silence(500)),
            Alive,
        ],
    ),
];

/// More answers than may leave at once, each for a datagram or two of its own: they ask for 1 MB.
const ASKED: Body = Many(1000, &FutureSalts(64));

/// Texts that are too long together, in whatever they come, packed or not.
const NOTES: Body = Container(&[Held(Note(4096), &[]); 30]);

pub const BOUNDS: &[Case] = &[
    case(
        "udp.more-than-may-leave",
        "UDP-8",
        &[Dial(UDP), Session, Prove, Send(ASKED), Hear(Salts(2, 64)), NoFasterThan(256, 2000, 1000), Alive],
    ),
    case(
        "udp.answer-too-long",
        "UDP-9",
        &[
            OwnKey,
            SignIn,
            Send(NOTES),
            Hear(Result(29)),
            Dial(UDP),
            Prove,
            Send(Notes(30)),
            Hear(Announced(33)),
            Alive,
            Never(Result(33)),
            // The session comes over a stream, and says no more than that it is there.
            Dial(INTERMEDIATE),
            Send(Ping),
            Hear(Pong(LAST)),
            Hear(Result(33)),
        ],
    ),
    case(
        "udp.push-too-long",
        "UDP-9",
        &[
            OwnKey,
            SignIn,
            Send(NOTES),
            Hear(Result(29)),
            // Another device of the same person.
            OwnKey,
            SignIn,
            Dial(UDP),
            Prove,
            Send(GetState),
            Hear(Result(LAST)),
            In(0),
            Line(0),
            Send(Forward(30)),
            Hear(Result(LAST)),
            In(1),
            Line(2),
            Hear(AnnouncedNew),
            Alive,
            Never(Updates),
            Dial(INTERMEDIATE),
            Send(Ping),
            Hear(Pong(LAST)),
            Hear(Updates),
        ],
    ),
];
