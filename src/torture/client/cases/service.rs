//! Service messages.

use super::super::script::Body::{
    Ack, AckMany, AllInfoMany, Config, DestroyAuthKey, DestroyNobody, DestroySession, DropAnswer,
    FutureSalts, HttpWait, Ping, PingAndMore, PingDelay, ResendAns, ResendMany, ResendReq, ServerWord,
    StateMany, StateReq, Words,
};
use super::super::script::Id::{Heard, Never as Unknown, Raw, Sent};
use super::super::script::Step::{
    Alive, Dial, Hear, HearOne, HearWithin, In, Line, Never, OwnKey, Pause, SecondSession, Send, Session,
    Twist,
};
use super::super::script::Twist::{Even, Odd};
use super::super::script::Want::{
    Acked, AnswerDropped, AnswerUnknown, Bad, Closed, Error, Flood, Gone, KeyOk, Pong, Result, Salts,
    SessionNone, SessionOk, State,
};
use super::super::script::{Case, LAST, case};
use super::INTERMEDIATE;

pub const CASES: &[Case] = &[
    // Pings.
    case("ping.words-behind-it", "TL-1", &[Session, Send(PingAndMore), Hear(Pong(0))]),
    case(
        "ping.cut-short",
        "TL-1",
        &[Session, Send(Words(&[0x7abe_77ec])), HearOne(&[Error(0, 400), Bad(0, 64)]), Alive],
    ),
    case("ping.delay", "SVC-12", &[Session, Send(PingDelay(60)), Hear(Pong(0)), Alive]),
    case(
        "ping.delay-of-a-second",
        "SVC-12",
        &[Session, Send(PingDelay(1)), Hear(Pong(0)), HearWithin(Closed, 8000)],
    ),
    case(
        "ping.delay-wound-up-again",
        "SVC-12",
        &[Session, Send(PingDelay(2)), Hear(Pong(0)), Send(PingDelay(75)), Hear(Pong(1)), Pause(3500), Alive],
    ),
    case("ping.delay-below-zero", "SVC-12", &[Session, Send(PingDelay(-5)), Hear(Pong(0))]),
    case("ping.delay-of-68-years", "SVC-12", &[Session, Send(PingDelay(i32::MAX)), Hear(Pong(0)), Alive]),
    // Acknowledgements.
    case("ack.of-nothing", "SVC-5", &[Session, Send(Ack(&[])), Alive, Never(Bad(0, 34))]),
    case(
        "ack.of-the-unknown",
        "SVC-5",
        &[Session, Send(Ack(&[Unknown(-1), Raw(1), Raw(-1), Raw(i64::MIN)])), Alive],
    ),
    case("ack.of-our-own", "SVC-5", &[Session, Send(Config), Hear(Result(0)), Send(Ack(&[Sent(0)])), Alive]),
    case(
        "ack.twice",
        "SVC-9",
        &[
            Session,
            Send(Config),
            Hear(Result(0)),
            Send(Ack(&[Heard])),
            Send(Ack(&[Heard, Heard, Heard])),
            Alive,
        ],
    ),
    case("ack.8192", "SVC-5", &[Session, Send(AckMany(8192)), Alive]),
    case("ack.8193", "SVC-5, TR-12", &[Session, Send(AckMany(8193)), Hear(Flood)]),
    case(
        "ack.count-2-gi",
        "SVC-5, TL-3",
        &[Session, Twist(Words(&[0x62d6_b459, 0x1cb5_c415, 0x7fff_ffff]), &[Even]), Alive],
    ),
    case("ack.cut-short", "SVC-5", &[Session, Twist(Words(&[0x62d6_b459]), &[Even]), Alive]),
    case("ack.calls-are-acknowledged", "SVC-9", &[Session, Send(Config), HearOne(&[Result(0), Acked(0)])]),
    // Questions about messages.
    case(
        "state.of-a-call",
        "SVC-6",
        &[Session, Send(Config), Hear(Result(0)), Send(StateReq(&[Sent(0)])), Hear(State(1, &[4]))],
    ),
    case(
        "state.of-one-twice",
        "SVC-6",
        &[
            Session,
            Send(Config),
            Hear(Result(0)),
            Send(StateReq(&[Sent(0), Sent(0)])),
            Hear(State(1, &[4, 4])),
        ],
    ),
    case(
        "state.of-what-is-to-come",
        "SVC-6",
        &[Session, Send(Ping), Hear(Pong(0)), Send(StateReq(&[Unknown(20)])), Hear(State(1, &[3]))],
    ),
    case(
        "state.of-before-the-session",
        "SVC-6",
        &[
            Session,
            Send(Ping),
            Hear(Pong(0)),
            Send(StateReq(&[Unknown(-200)])),
            HearOne(&[State(1, &[1]), State(1, &[2])]),
        ],
    ),
    case(
        "state.of-a-server-name",
        "SVC-6",
        &[Session, Send(Ping), Hear(Pong(0)), Send(StateReq(&[Heard])), Hear(State(1, &[1]))],
    ),
    case("state.of-nothing", "SVC-6", &[Session, Send(StateReq(&[])), Hear(State(0, &[]))]),
    case("state.of-8193", "SVC-5, TR-12", &[Session, Send(StateMany(8193)), Hear(Flood)]),
    case(
        "resend.an-answer",
        "SVC-7, SES-10",
        &[Session, Send(Config), Hear(Result(0)), Send(ResendReq(&[Heard])), Hear(Result(0))],
    ),
    case(
        "resend.the-unknown",
        "SVC-7",
        &[Session, Send(ResendReq(&[Raw(5), Raw(9)])), Hear(State(0, &[1, 1]))],
    ),
    case(
        "resend.of-our-own",
        "SVC-7",
        &[Session, Send(Config), Hear(Result(0)), Send(ResendReq(&[Sent(0)])), Hear(State(1, &[4]))],
    ),
    case(
        "resend.what-was-acknowledged",
        "SVC-7",
        &[
            Session,
            Send(Config),
            Hear(Result(0)),
            Send(Ack(&[Heard])),
            Send(ResendReq(&[Heard])),
            Hear(State(2, &[1])),
            Never(Result(0)),
        ],
    ),
    case("resend.8193", "SVC-5, TR-12", &[Session, Send(ResendMany(8193)), Hear(Flood)]),
    case(
        "resend.answer-to",
        "SVC-7",
        &[Session, Send(Config), Hear(Result(0)), Send(ResendAns(&[Sent(0)])), Hear(Result(0))],
    ),
    case(
        "resend.answer-to-the-unknown",
        "SVC-7",
        &[Session, Send(ResendAns(&[Unknown(20)])), Hear(State(0, &[3]))],
    ),
    case("info.8193", "SVC-5, TR-12", &[Session, Send(AllInfoMany(8193)), Hear(Flood)]),
    case("info.of-the-unknown", "SVC-5", &[Session, Send(AllInfoMany(10)), Alive]),
    // Answers that nobody wants.
    case("drop.the-unknown", "SVC-10", &[Session, Send(DropAnswer(Unknown(-1))), Hear(AnswerUnknown(0))]),
    case(
        "drop.an-answer",
        "SVC-10",
        &[Session, Send(Config), Hear(Result(0)), Send(DropAnswer(Sent(0))), Hear(AnswerDropped(1))],
    ),
    case(
        "drop.what-was-acknowledged",
        "SVC-10",
        &[
            Session,
            Send(Config),
            Hear(Result(0)),
            Send(Ack(&[Heard])),
            Send(DropAnswer(Sent(0))),
            Hear(AnswerUnknown(2)),
        ],
    ),
    case(
        "drop.twice",
        "SVC-10",
        &[
            Session,
            Send(Config),
            Hear(Result(0)),
            Send(DropAnswer(Sent(0))),
            Hear(AnswerDropped(1)),
            Send(DropAnswer(Sent(0))),
            Hear(AnswerUnknown(2)),
        ],
    ),
    case(
        "drop.of-another-session",
        "SVC-10, SES-1",
        &[
            Session,
            Send(Config),
            Hear(Result(0)),
            SecondSession,
            Send(DropAnswer(Sent(0))),
            Hear(AnswerUnknown(1)),
        ],
    ),
    // Salts to come.
    case("salts.one", "SVC-11, SES-7", &[Session, Send(FutureSalts(1)), Hear(Salts(0, 1))]),
    case("salts.64", "SVC-11, SES-7", &[Session, Send(FutureSalts(64)), Hear(Salts(0, 64))]),
    case("salts.1000", "SVC-11", &[Session, Send(FutureSalts(1000)), Hear(Salts(0, 64))]),
    case(
        "salts.zero",
        "SVC-11",
        &[Session, Send(FutureSalts(0)), HearOne(&[Salts(0, 1), Salts(0, 0), Error(0, 400)])],
    ),
    case(
        "salts.below-zero",
        "SVC-11",
        &[Session, Send(FutureSalts(i32::MIN)), HearOne(&[Salts(0, 1), Salts(0, 0), Error(0, 400)]), Alive],
    ),
    // The ends of sessions and keys.
    case("destroy.oneself", "SVC-13", &[Session, Alive, Send(DestroySession(0)), Hear(SessionNone), Alive]),
    case("destroy.nobody", "SVC-13", &[Session, Send(DestroyNobody), Hear(SessionNone), Alive]),
    case(
        "destroy.another",
        "SVC-13",
        &[Session, Alive, SecondSession, Alive, Send(DestroySession(0)), Hear(SessionOk(0)), Alive],
    ),
    case(
        "destroy.another-twice",
        "SVC-13",
        &[
            Session,
            Alive,
            SecondSession,
            Alive,
            Send(DestroySession(0)),
            Hear(SessionOk(0)),
            Send(DestroySession(0)),
            Hear(SessionNone),
        ],
    ),
    case(
        "destroy.of-another-key",
        "SVC-13, SES-1",
        &[Session, Alive, OwnKey, Alive, Send(DestroySession(0)), Hear(SessionNone), In(0), Line(0), Alive],
    ),
    case(
        "destroy.key",
        "SVC-18, TR-11",
        &[OwnKey, Send(DestroyAuthKey), Hear(KeyOk), Dial(INTERMEDIATE), Send(Ping), Hear(Gone)],
    ),
    case(
        "destroy.key-ends-its-connections",
        "SVC-18",
        &[
            OwnKey,
            Alive,
            Dial(INTERMEDIATE),
            Alive,
            Send(DestroyAuthKey),
            Hear(KeyOk),
            Line(0),
            HearOne(&[Closed, Gone]),
        ],
    ),
    // What only servers say, or is of no use here.
    case("words.pong-of-a-client", "SVC-3", &[Session, Twist(ServerWord(0), &[Odd]), Alive]),
    case("words.new-session-of-a-client", "SVC-3", &[Session, Twist(ServerWord(1), &[Odd]), Alive]),
    case("words.result-of-a-client", "SVC-3", &[Session, Twist(ServerWord(2), &[Odd]), Alive]),
    case("words.bad-salt-of-a-client", "SVC-3", &[Session, Twist(ServerWord(3), &[Even]), Alive]),
    case("words.http-wait", "SVC-17", &[Session, Send(HttpWait), Alive]),
    case(
        "words.req-pq-with-a-key",
        "HS-24",
        &[Session, Send(Words(&[0xbe7e_8ef1, 1, 2, 3, 4])), Hear(Error(LAST, 400)), Alive],
    ),
];
