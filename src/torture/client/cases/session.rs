//! Names, numbers, clocks and salts of messages, and what is said again.

use super::super::script::Body::{Ack, Config, GetState, Ping, Pings};
use super::super::script::Id::Heard;
use super::super::script::Step::{
    Alive, Dial, Hear, HearOne, In, Line, Never, Replay, Resend, SecondSession, Send, Session, Twist,
};
use super::super::script::Twist::{
    BadSalt, Below, EmptyLow, Even, LowBits, NameOf, Odd, Secs, Seq, Skip, ZeroSalt,
};
use super::super::script::Want::{self, Acked, Bad, NewSession, Pong, Result, Salt};
use super::super::script::{Case, LAST, case};
use super::INTERMEDIATE;

pub const CASES: &[Case] = &[
    // Names.
    case("name.low-bits-1", "SES-2, SVC-2", &[Session, Twist(Ping, &[LowBits(1)]), Hear(Bad(0, 18)), Alive]),
    case("name.low-bits-2", "SES-2, SVC-2", &[Session, Twist(Ping, &[LowBits(2)]), Hear(Bad(0, 18)), Alive]),
    case("name.low-bits-3", "SES-2, SVC-2", &[Session, Twist(Ping, &[LowBits(3)]), Hear(Bad(0, 18)), Alive]),
    case("name.290-s-old", "SES-5", &[Session, Twist(Ping, &[Secs(-290)]), Hear(Pong(0))]),
    case("name.310-s-old", "SES-5, SVC-2", &[Session, Twist(Ping, &[Secs(-310)]), Hear(Bad(0, 16)), Alive]),
    case(
        "name.a-year-old",
        "SES-5, SVC-2",
        &[Session, Twist(Ping, &[Secs(-31_536_000)]), Hear(Bad(0, 16)), Alive],
    ),
    case(
        "name.below-zero",
        "SES-5, SVC-2",
        &[Session, Twist(Ping, &[Secs(-2_000_000_000)]), Hear(Bad(0, 16)), Alive],
    ),
    case("name.25-s-ahead", "SES-5", &[Session, Twist(Ping, &[Secs(25)]), Hear(Pong(0))]),
    case("name.40-s-ahead", "SES-5, SVC-2", &[Session, Twist(Ping, &[Secs(40)]), Hear(Bad(0, 17)), Alive]),
    case(
        "name.a-year-ahead",
        "SES-5, SVC-2",
        &[Session, Twist(Ping, &[Secs(31_536_000)]), Hear(Bad(0, 17)), Alive],
    ),
    case(
        "name.old-call-has-no-effect",
        "SES-5",
        &[Session, Twist(Config, &[Secs(-400)]), Hear(Bad(0, 16)), Alive, Never(Result(0))],
    ),
    case(
        "name.low-half-empty",
        "SES-3",
        &[Session, Twist(Ping, &[EmptyLow]), HearOne(&[Pong(0), Bad(0, 16)])],
    ),
    case(
        "name.below-an-earlier-one",
        "SES-4, SVC-14",
        &[
            Session,
            Twist(Ping, &[Even]),
            Hear(Pong(0)),
            Hear(NewSession),
            Twist(Ping, &[Below(0), Even]),
            HearOne(&[Pong(1), Bad(1, 16), Bad(1, 20)]),
        ],
    ),
    case(
        "name.parity-before-clock",
        "SES-6",
        &[Session, Twist(Ping, &[Secs(-400), LowBits(1)]), Hear(Bad(0, 18))],
    ),
    case(
        "name.clock-before-number",
        "SES-6",
        &[Session, Twist(Config, &[Secs(-400), Even]), Hear(Bad(0, 16))],
    ),
    // What was said before.
    case("again.ping", "SES-4, SVC-8", &[Session, Send(Ping), Hear(Pong(0)), Replay(0), Hear(Pong(0))]),
    case("again.call", "SES-4, SVC-8", &[Session, Send(Config), Hear(Result(0)), Replay(0), Hear(Result(0))]),
    case(
        "again.call-at-once",
        "SES-4, SVC-8",
        &[Session, Send(Config), Replay(0), Replay(0), Hear(Result(0)), Alive],
    ),
    case(
        "again.call-in-a-container",
        "SES-10, SVC-8",
        &[Session, Send(Config), Hear(Result(0)), Resend(0), Hear(Result(0))],
    ),
    case(
        "again.acknowledged-call",
        "SVC-8",
        &[
            Session,
            Send(Config),
            Hear(Result(0)),
            Send(Ack(&[Heard])),
            Alive,
            Replay(2),
            Hear(Acked(0)),
            Alive,
            Never(Result(0)),
        ],
    ),
    case(
        "again.other-words-under-an-old-name",
        "SES-4, SVC-8",
        &[
            Session,
            Send(Config),
            Hear(Result(0)),
            Twist(GetState, &[NameOf(0)]),
            Hear(Result(0)),
            Alive,
            Never(Want::Error(0, 401)),
        ],
    ),
    case(
        "again.container",
        "SES-4, SVC-2",
        &[Session, Send(Pings(2)), Hear(Pong(0)), Hear(Pong(1)), Replay(0), Hear(Bad(2, 19)), Alive],
    ),
    case(
        "again.on-another-connection",
        "SES-4, SVC-8",
        &[
            Session,
            Send(Config),
            Hear(Result(0)),
            Dial(INTERMEDIATE),
            Replay(0),
            Hear(Result(0)),
            Line(0),
            Alive,
        ],
    ),
    case(
        "again.refused-name-stays-refused",
        "SES-5",
        &[Session, Twist(Ping, &[Secs(-400)]), Hear(Bad(0, 16)), Replay(0), Hear(Bad(0, 16))],
    ),
    // Numbers.
    case(
        "number.not-above-the-last",
        "SES-6, SVC-2",
        &[
            Session,
            Send(Config),
            Hear(Result(0)),
            Twist(Config, &[Seq(1)]),
            Hear(Bad(1, 32)),
            Alive,
            Never(Result(1)),
        ],
    ),
    case(
        "number.above-a-later-one",
        "SES-6, SVC-2",
        &[
            Session,
            Send(Config),
            Hear(Result(0)),
            Twist(Config, &[Below(0), Seq(5)]),
            Hear(Bad(1, 33)),
            Alive,
            Never(Result(1)),
        ],
    ),
    case("number.odd-ack", "SES-8, SVC-2", &[Session, Twist(Ack(&[]), &[Odd]), Hear(Bad(0, 34)), Alive]),
    case(
        "number.odd-container",
        "SES-8, SVC-2",
        &[Session, Twist(Pings(1), &[Odd]), Hear(Bad(1, 34)), Alive, Never(Pong(0))],
    ),
    case(
        "number.even-call",
        "SES-8, SVC-2",
        &[Session, Twist(Config, &[Even]), Hear(Bad(0, 35)), Alive, Never(Result(0))],
    ),
    case("number.even-ping", "SES-8", &[Session, Twist(Ping, &[Even]), Hear(Pong(0))]),
    case("number.odd-ping", "SES-8", &[Session, Twist(Ping, &[Odd]), Hear(Pong(0))]),
    case("number.begins-at-seven", "SES-12", &[Session, Twist(Config, &[Seq(7)]), Hear(Result(0))]),
    case(
        "number.some-are-missing",
        "SES-12",
        &[Session, Send(Config), Hear(Result(0)), Twist(Config, &[Skip(3)]), Hear(Result(1))],
    ),
    // Salts.
    case("salt.wrong", "SES-7, SVC-2", &[Session, Twist(Ping, &[BadSalt]), Hear(Salt(0)), Alive]),
    case("salt.zero", "SES-7, SVC-2", &[Session, Twist(Ping, &[ZeroSalt]), Hear(Salt(0)), Alive]),
    case(
        "salt.wrong-call-has-no-effect",
        "SES-7",
        &[Session, Twist(Config, &[BadSalt]), Hear(Salt(0)), Alive, Never(Result(0))],
    ),
    case(
        "salt.wrong-container",
        "SES-7",
        &[Session, Twist(Pings(2), &[BadSalt]), Hear(Salt(2)), Alive, Never(Pong(0))],
    ),
    case("salt.before-parity", "SES-6", &[Session, Twist(Ping, &[BadSalt, LowBits(1)]), Hear(Salt(0))]),
    case("salt.before-clock", "SES-6", &[Session, Twist(Ping, &[BadSalt, Secs(-1000)]), Hear(Salt(0))]),
    case("salt.before-number", "SES-6", &[Session, Twist(Config, &[BadSalt, Even]), Hear(Salt(0))]),
    case(
        "salt.makes-no-session",
        "SES-7, SVC-14",
        &[
            Session,
            Twist(Ping, &[BadSalt]),
            Hear(Salt(0)),
            Never(NewSession),
            Send(Ping),
            Hear(Pong(1)),
            Hear(NewSession),
        ],
    ),
    case(
        "salt.wrong-name-makes-no-session",
        "SVC-14",
        &[Session, Twist(Ping, &[LowBits(1)]), Hear(Bad(0, 18)), Send(Ping), Hear(Pong(1)), Hear(NewSession)],
    ),
    // Sessions.
    case("session.is-announced", "SVC-14", &[Session, Send(Ping), Hear(Pong(0)), Hear(NewSession)]),
    case(
        "session.is-announced-once",
        "SVC-14",
        &[Session, Send(Ping), Hear(NewSession), Alive, Alive, Never(NewSession)],
    ),
    case(
        "session.each-is-announced",
        "SVC-14, SES-1",
        &[
            Session,
            Send(Ping),
            Hear(NewSession),
            SecondSession,
            Send(Ping),
            Hear(NewSession),
            Hear(Pong(LAST)),
        ],
    ),
    case(
        "session.on-two-connections",
        "SES-11, TR-18",
        &[Session, Alive, Dial(INTERMEDIATE), Alive, Line(0), Alive],
    ),
    case(
        "session.two-on-one-connection",
        "SES-1, SES-11",
        &[Session, Alive, SecondSession, Alive, In(0), Alive, In(1), Alive],
    ),
    case(
        "session.two-side-by-side",
        "SES-1, SES-11",
        &[
            Session,
            Alive,
            Dial(INTERMEDIATE),
            SecondSession,
            Send(Config),
            Hear(Result(1)),
            Line(0),
            In(0),
            Send(Config),
            Hear(Result(2)),
            Never(Result(1)),
        ],
    ),
];
