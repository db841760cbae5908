//! The making of keys: each step with whatever can be wrong in it.

use super::super::script::Dh::{self, Dc, Temp};
use super::super::script::Envelope::{Behind, Length, Longer, MsgId, Tail};
use super::super::script::Number::{AllOnes, Empty, HighEdge, LowEdge, Prime, Small, TooLong};
use super::super::script::Set::{self, Gb};
use super::super::script::Step::{
    Alive, Dial, Hear, HearOne, Legacy, Line, Plain, Repeat, ReqDh, Run, Session, SetDh, ToDhOk, ToGenOk,
    ToResPq, Write,
};
use super::super::script::Want::{AnyGenOk, DhOk, GenOk, Gone, ResPq, Silence, TheSame};
use super::super::script::{Case, Clear, Inner, Part, case};
use super::INTERMEDIATE;

/// Which of the four kinds of inner data, or an older client.
pub const HONEST: &[Case] = &[
    case("keys.rsa-pad", "HS-3, HS-6, HS-10, HS-19, HS-20", &[ToGenOk]),
    case("keys.older-padding", "HS-4, HS-27", &[Legacy, ToGenOk]),
    case("keys.data-centre", "HS-7, TR-13", &[ToResPq, ReqDh(&[Dc(2)]), Hear(DhOk), SetDh(&[]), Hear(GenOk)]),
    case("keys.media-data-centre", "HS-7", &[ToResPq, ReqDh(&[Dc(-2)]), Hear(DhOk), SetDh(&[]), Hear(GenOk)]),
    case(
        "keys.temporary",
        "HS-7, HS-23",
        &[ToResPq, ReqDh(&[Temp(60)]), Hear(DhOk), SetDh(&[]), Hear(GenOk)],
    ),
    case(
        "keys.temporary-with-data-centre",
        "HS-7, HS-23",
        &[ToResPq, ReqDh(&[Dc(2), Temp(60)]), Hear(DhOk), SetDh(&[]), Hear(GenOk)],
    ),
    case(
        "keys.temporary-for-68-years",
        "HS-23",
        &[ToResPq, ReqDh(&[Temp(i32::MAX)]), Hear(DhOk), SetDh(&[]), Hear(GenOk)],
    ),
    case("keys.req-pq-of-old", "HS-24", &[Dial(INTERMEDIATE), Plain(Clear::ReqPq, &[]), Hear(ResPq)]),
    case(
        "keys.bytes-behind-each-step",
        "HS-26",
        &[
            Dial(INTERMEDIATE),
            Plain(Clear::ReqPqMulti, &[Tail(255)]),
            Hear(ResPq),
            ReqDh(&[Dh::Tail(255)]),
            Hear(DhOk),
            SetDh(&[Set::Tail(252)]),
            Hear(GenOk),
        ],
    ),
    case(
        "keys.beside-a-session",
        "HS-24",
        &[Session, Alive, ToResPq, ReqDh(&[]), Hear(DhOk), Alive, SetDh(&[]), Hear(GenOk), Alive],
    ),
];

/// What may not be said in the clear, and envelopes that lie.
pub const CLEAR: &[Case] = &[
    case(
        "clear.tail-inside",
        "HS-26",
        &[Dial(INTERMEDIATE), Plain(Clear::ReqPqMulti, &[Tail(4)]), Hear(ResPq)],
    ),
    case(
        "clear.tail-outside",
        "HS-26",
        &[Dial(INTERMEDIATE), Plain(Clear::ReqPqMulti, &[Behind(12)]), Hear(ResPq)],
    ),
    case(
        "clear.clock-of-1970",
        "HS-24",
        &[Dial(INTERMEDIATE), Plain(Clear::ReqPqMulti, &[MsgId(4 << 32)]), Hear(ResPq)],
    ),
    case(
        "clear.length-too-long",
        "HS-26, TR-11",
        &[Dial(INTERMEDIATE), Plain(Clear::ReqPqMulti, &[Longer(4)]), Hear(Gone)],
    ),
    case(
        "clear.length-negative",
        "HS-26, TR-11",
        &[Dial(INTERMEDIATE), Plain(Clear::ReqPqMulti, &[Length(-1)]), Hear(Gone)],
    ),
    case(
        "clear.length-zero",
        "HS-26, TR-11",
        &[Dial(INTERMEDIATE), Plain(Clear::ReqPqMulti, &[Length(0)]), Hear(Gone)],
    ),
    case(
        "clear.length-2-gib",
        "HS-26, TR-11",
        &[Dial(INTERMEDIATE), Plain(Clear::ReqPqMulti, &[Length(i32::MAX)]), Hear(Gone)],
    ),
    case(
        "clear.head-only",
        "HS-26, TR-11",
        &[Dial(INTERMEDIATE), Write(&[Part::B(&[20, 0, 0, 0]), Part::Zeros(20)]), Hear(Gone)],
    ),
    case("clear.cut-short", "HS-24, TR-11", &[Dial(INTERMEDIATE), Plain(Clear::Cut(8), &[]), Hear(Gone)]),
    case("clear.ping", "HS-24", &[Dial(INTERMEDIATE), Plain(Clear::Ping, &[]), Hear(Gone)]),
    case("clear.call", "HS-24", &[Dial(INTERMEDIATE), Plain(Clear::Config, &[]), Hear(Gone)]),
    case("clear.container", "HS-24", &[Dial(INTERMEDIATE), Plain(Clear::Container, &[]), Hear(Gone)]),
    case("clear.gzip", "HS-24", &[Dial(INTERMEDIATE), Plain(Clear::Gzip, &[]), Hear(Gone)]),
    case("clear.noise", "HS-24", &[Dial(INTERMEDIATE), Plain(Clear::Noise(40), &[]), Hear(Gone)]),
    case(
        "clear.ack-is-ignored",
        "HS-24",
        &[Dial(INTERMEDIATE), Plain(Clear::Ack, &[]), Hear(Silence(300)), ToResPq],
    ),
    case("clear.ping-behind-a-session", "HS-24", &[Session, Alive, Plain(Clear::Ping, &[]), Hear(Gone)]),
];

/// Everything that can be wrong with `req_DH_params`.
pub const STEP_TWO: &[Case] = &[
    case("dh.nonce", "HS-8, HS-9", &[ToResPq, ReqDh(&[Dh::Nonce]), Hear(Gone)]),
    case("dh.server-nonce", "HS-8, HS-9", &[ToResPq, ReqDh(&[Dh::ServerNonce]), Hear(Gone)]),
    case("dh.p-and-q-swapped", "HS-5, HS-9, HS-29", &[ToResPq, ReqDh(&[Dh::Swapped]), Hear(Gone)]),
    case("dh.p", "HS-9, HS-29", &[ToResPq, ReqDh(&[Dh::P]), Hear(Gone)]),
    case("dh.q", "HS-9, HS-29", &[ToResPq, ReqDh(&[Dh::Q]), Hear(Gone)]),
    case("dh.p-is-one", "HS-9, HS-29", &[ToResPq, ReqDh(&[Dh::Trivial]), Hear(Gone)]),
    case("dh.no-factors", "HS-9, HS-29", &[ToResPq, ReqDh(&[Dh::NoFactors]), Hear(Gone)]),
    case(
        "dh.zeros-before-factors",
        "HS-9, TL-4",
        &[ToResPq, ReqDh(&[Dh::PaddedFactors]), HearOne(&[Gone, DhOk])],
    ),
    case("dh.unknown-fingerprint", "HS-4, HS-9", &[ToResPq, ReqDh(&[Dh::UnknownPrint]), Hear(Gone)]),
    case("dh.the-other-fingerprint", "HS-9, HS-27", &[ToResPq, ReqDh(&[Dh::OtherPrint]), Hear(Gone)]),
    case("dh.255-bytes", "HS-9, HS-29", &[ToResPq, ReqDh(&[Dh::Length(255)]), Hear(Gone)]),
    case("dh.257-bytes", "HS-9, HS-29", &[ToResPq, ReqDh(&[Dh::Length(257)]), Hear(Gone)]),
    case("dh.512-bytes", "HS-9, HS-29", &[ToResPq, ReqDh(&[Dh::Length(512)]), Hear(Gone)]),
    case("dh.no-bytes", "HS-9, HS-29", &[ToResPq, ReqDh(&[Dh::Length(0)]), Hear(Gone)]),
    case("dh.first-byte-changed", "HS-9, HS-28", &[ToResPq, ReqDh(&[Dh::Flip(0)]), Hear(Gone)]),
    case("dh.last-byte-changed", "HS-9, HS-28", &[ToResPq, ReqDh(&[Dh::Flip(255)]), Hear(Gone)]),
    case("dh.not-below-the-modulus", "HS-9, HS-28", &[ToResPq, ReqDh(&[Dh::NotBelowModulus]), Hear(Gone)]),
    case("dh.zero", "HS-9, HS-28", &[ToResPq, ReqDh(&[Dh::Zero]), Hear(Gone)]),
    case("dh.random-block", "HS-9, HS-28", &[ToResPq, ReqDh(&[Dh::RandomBlock]), Hear(Gone)]),
    case("dh.the-other-padding", "HS-9, HS-27", &[ToResPq, ReqDh(&[Dh::OtherPadding]), Hear(Gone)]),
    case("dh.inner-nonce", "HS-8, HS-9", &[ToResPq, ReqDh(&[Dh::Inner(Inner::Nonce)]), Hear(Gone)]),
    case(
        "dh.inner-server-nonce",
        "HS-8, HS-9",
        &[ToResPq, ReqDh(&[Dh::Inner(Inner::ServerNonce)]), Hear(Gone)],
    ),
    case("dh.inner-pq", "HS-9, HS-28", &[ToResPq, ReqDh(&[Dh::Inner(Inner::Pq)]), Hear(Gone)]),
    case("dh.inner-p", "HS-9, HS-28", &[ToResPq, ReqDh(&[Dh::Inner(Inner::P)]), Hear(Gone)]),
    case("dh.inner-q", "HS-9, HS-28", &[ToResPq, ReqDh(&[Dh::Inner(Inner::Q)]), Hear(Gone)]),
    case(
        "dh.inner-p-and-q-swapped",
        "HS-9, HS-28",
        &[ToResPq, ReqDh(&[Dh::Inner(Inner::Swapped)]), Hear(Gone)],
    ),
    case(
        "dh.inner-constructor",
        "HS-9, HS-28",
        &[ToResPq, ReqDh(&[Dh::Inner(Inner::Constructor)]), Hear(Gone)],
    ),
    case("dh.inner-empty", "HS-9, HS-28", &[ToResPq, ReqDh(&[Dh::Inner(Inner::Empty)]), Hear(Gone)]),
    case("dh.inner-noise", "HS-9, HS-28", &[ToResPq, ReqDh(&[Dh::Inner(Inner::Noise)]), Hear(Gone)]),
    case("dh-older.random-block", "HS-9, HS-28", &[Legacy, ToResPq, ReqDh(&[Dh::RandomBlock]), Hear(Gone)]),
    case(
        "dh-older.the-other-padding",
        "HS-9, HS-27",
        &[Legacy, ToResPq, ReqDh(&[Dh::OtherPadding]), Hear(Gone)],
    ),
    case(
        "dh-older.the-other-fingerprint",
        "HS-9, HS-27",
        &[Legacy, ToResPq, ReqDh(&[Dh::OtherPrint]), Hear(Gone)],
    ),
    case(
        "dh-older.not-below-the-modulus",
        "HS-9, HS-28",
        &[Legacy, ToResPq, ReqDh(&[Dh::NotBelowModulus]), Hear(Gone)],
    ),
    case(
        "dh-older.inner-nonce",
        "HS-8, HS-9",
        &[Legacy, ToResPq, ReqDh(&[Dh::Inner(Inner::Nonce)]), Hear(Gone)],
    ),
    case(
        "dh-older.inner-constructor",
        "HS-9",
        &[Legacy, ToResPq, ReqDh(&[Dh::Inner(Inner::Constructor)]), Hear(Gone)],
    ),
];

/// Everything that can be wrong with `set_client_DH_params`.
pub const STEP_THREE: &[Case] = &[
    case("set.nonce", "HS-8, HS-9", &[ToDhOk, SetDh(&[Set::Nonce]), Hear(Gone)]),
    case("set.server-nonce", "HS-8, HS-9", &[ToDhOk, SetDh(&[Set::ServerNonce]), Hear(Gone)]),
    case("set.cut-by-a-byte", "HS-9, HS-29", &[ToDhOk, SetDh(&[Set::Cut(1)]), Hear(Gone)]),
    case("set.cut-by-a-block", "HS-9, HS-17", &[ToDhOk, SetDh(&[Set::Cut(16)]), Hear(Gone)]),
    case("set.no-bytes", "HS-9, HS-29", &[ToDhOk, SetDh(&[Set::Cut(336)]), Hear(Gone)]),
    case("set.a-byte-more", "HS-9, HS-29", &[ToDhOk, SetDh(&[Set::Grow(1)]), Hear(Gone)]),
    case("set.a-block-more", "HS-9, HS-17", &[ToDhOk, SetDh(&[Set::Grow(16)]), Hear(Gone)]),
    case("set.first-byte-changed", "HS-9, HS-17", &[ToDhOk, SetDh(&[Set::Flip(0)]), Hear(Gone)]),
    case("set.byte-in-the-middle-changed", "HS-9, HS-17", &[ToDhOk, SetDh(&[Set::Flip(200)]), Hear(Gone)]),
    case("set.noise", "HS-9, HS-17", &[ToDhOk, SetDh(&[Set::Noise]), Hear(Gone)]),
    case("set.inner-nonce", "HS-8, HS-17", &[ToDhOk, SetDh(&[Set::InnerNonce]), Hear(Gone)]),
    case("set.inner-server-nonce", "HS-8, HS-17", &[ToDhOk, SetDh(&[Set::InnerServerNonce]), Hear(Gone)]),
    case("set.wrong-hash", "HS-9, HS-17", &[ToDhOk, SetDh(&[Set::WrongHash]), Hear(Gone)]),
    case("set.inner-constructor", "HS-9, HS-17", &[ToDhOk, SetDh(&[Set::Constructor]), Hear(Gone)]),
    case("set.retry-id-of-one", "HS-18", &[ToDhOk, SetDh(&[Set::RetryId(1)]), Hear(Gone)]),
    case("set.retry-id-below-zero", "HS-18", &[ToDhOk, SetDh(&[Set::RetryId(i64::MIN)]), Hear(Gone)]),
    case("g_b.zero", "HS-12", &[ToDhOk, SetDh(&[Gb(Small(0))]), Hear(Gone)]),
    case("g_b.one", "HS-12", &[ToDhOk, SetDh(&[Gb(Small(1))]), Hear(Gone)]),
    case("g_b.two", "HS-13", &[ToDhOk, SetDh(&[Gb(Small(2))]), Hear(Gone)]),
    case("g_b.prime-less-one", "HS-12", &[ToDhOk, SetDh(&[Gb(Prime(-1))]), Hear(Gone)]),
    case("g_b.prime", "HS-12", &[ToDhOk, SetDh(&[Gb(Prime(0))]), Hear(Gone)]),
    case("g_b.prime-and-one", "HS-12", &[ToDhOk, SetDh(&[Gb(Prime(1))]), Hear(Gone)]),
    case("g_b.all-ones", "HS-12", &[ToDhOk, SetDh(&[Gb(AllOnes)]), Hear(Gone)]),
    case("g_b.below-the-low-edge", "HS-13", &[ToDhOk, SetDh(&[Gb(LowEdge(-1))]), Hear(Gone)]),
    case("g_b.above-the-high-edge", "HS-13", &[ToDhOk, SetDh(&[Gb(HighEdge(1))]), Hear(Gone)]),
    case("g_b.at-the-low-edge", "HS-13", &[ToDhOk, SetDh(&[Gb(LowEdge(0))]), Hear(AnyGenOk)]),
    case("g_b.at-the-high-edge", "HS-13", &[ToDhOk, SetDh(&[Gb(HighEdge(0))]), Hear(AnyGenOk)]),
    case("g_b.257-bytes", "HS-12", &[ToDhOk, SetDh(&[Gb(TooLong)]), Hear(Gone)]),
    case("g_b.no-bytes", "HS-12", &[ToDhOk, SetDh(&[Gb(Empty)]), Hear(Gone)]),
];

/// Steps out of their order, again, and beside each other.
pub const ORDER: &[Case] = &[
    case("order.step-three-first", "HS-9", &[ToResPq, SetDh(&[]), Hear(Gone)]),
    case(
        "order.step-two-on-another-connection",
        "HS-2, HS-9",
        &[ToResPq, Dial(INTERMEDIATE), ReqDh(&[]), HearOne(&[Gone, DhOk])],
    ),
    case(
        "order.dead-after-step-two",
        "HS-9",
        &[ToResPq, ReqDh(&[Dh::P]), Hear(Gone), Dial(INTERMEDIATE), ReqDh(&[]), Hear(Gone)],
    ),
    case(
        "order.dead-after-step-three",
        "HS-9",
        &[ToDhOk, SetDh(&[Set::WrongHash]), Hear(Gone), Dial(INTERMEDIATE), SetDh(&[]), Hear(Gone)],
    ),
    case(
        "order.a-new-run-after-a-dead-one",
        "HS-2, HS-9",
        &[ToResPq, ReqDh(&[Dh::P]), Hear(Gone), Run(1), Dial(INTERMEDIATE), ToGenOk],
    ),
    case(
        "order.two-runs-side-by-side",
        "HS-2",
        &[
            ToResPq,
            Run(1),
            ToResPq,
            Run(0),
            ReqDh(&[]),
            Hear(DhOk),
            Run(1),
            ReqDh(&[]),
            Hear(DhOk),
            Run(0),
            SetDh(&[]),
            Hear(GenOk),
            Run(1),
            SetDh(&[]),
            Hear(GenOk),
        ],
    ),
    case("order.an-unfinished-run-harms-nobody", "HS-2", &[ToResPq, Run(1), ToGenOk]),
    case(
        "order.two-connections",
        "HS-2",
        &[
            ToDhOk,
            Run(1),
            Dial(INTERMEDIATE),
            ToDhOk,
            Run(0),
            Line(0),
            SetDh(&[]),
            Hear(GenOk),
            Run(1),
            Line(1),
            SetDh(&[]),
            Hear(GenOk),
        ],
    ),
    case("repeat.step-one", "HS-22", &[ToResPq, Repeat(0), Hear(TheSame)]),
    case("repeat.step-two", "HS-22", &[ToDhOk, Repeat(0), Hear(TheSame)]),
    case("repeat.step-three", "HS-22", &[ToGenOk, Repeat(0), Hear(TheSame)]),
    case(
        "repeat.step-two-three-times",
        "HS-22",
        &[
            ToDhOk,
            Repeat(0),
            Hear(TheSame),
            Repeat(0),
            Hear(TheSame),
            Repeat(0),
            Hear(TheSame),
            SetDh(&[]),
            Hear(GenOk),
        ],
    ),
    case("repeat.step-one-after-step-two", "HS-22", &[ToDhOk, Repeat(1), HearOne(&[ResPq, TheSame])]),
    case("repeat.step-two-after-the-end", "HS-22", &[ToGenOk, Repeat(1), HearOne(&[Gone, DhOk])]),
    case("repeat.step-two-changed", "HS-9, HS-22", &[ToDhOk, ReqDh(&[]), Hear(Gone)]),
    case("repeat.step-three-changed", "HS-9, HS-22", &[ToGenOk, SetDh(&[]), Hear(Gone)]),
    case(
        "repeat.step-three-with-another-number",
        "HS-9, HS-22",
        &[ToGenOk, SetDh(&[Gb(LowEdge(1))]), Hear(Gone)],
    ),
    case("repeat.step-two-changed-after-the-end", "HS-9, HS-22", &[ToGenOk, ReqDh(&[]), Hear(Gone)]),
    case(
        "repeat.key-is-good-though-the-run-is-dead",
        "HS-21, HS-30",
        &[Session, ToDhOk, SetDh(&[Set::Noise]), Hear(Gone), Dial(INTERMEDIATE), Alive],
    ),
    case(
        "order.closed-for-good",
        "HS-9",
        &[ToResPq, ReqDh(&[Dh::Q]), Hear(Gone), Line(0), Repeat(0), Hear(Silence(200))],
    ),
    case("order.silence-between-steps", "TR-20", &[ToResPq, Hear(Silence(1500)), ReqDh(&[]), Hear(DhOk)]),
];
