//! Calls: unknown, broken, wrapped, after each other, and of those who may not.

use super::super::script::Body::{
    After, AfterMany, Config, Deep, GetState, Init, NearestDc, VectorOf, WithLayer, Words, Wrapped,
};
use super::super::script::Id::{Never as Unknown, Sent};
use super::super::script::Step::{Alive, Hear, HearOne, Send, Session};
use super::super::script::Want::{Error, Fails, Result};
use super::super::script::{Case, case};

pub const CASES: &[Case] = &[
    case("call.config", "SVC-9", &[Session, Send(Config), Hear(Result(0))]),
    case("call.nearest-dc", "SVC-9", &[Session, Send(NearestDc), Hear(Result(0))]),
    case("call.without-login", "SVC-9", &[Session, Send(GetState), Hear(Error(0, 401)), Alive]),
    case(
        "call.unknown",
        "TL-1",
        &[Session, Send(Words(&[0x1234_5678, 1, 2, 3])), Hear(Error(0, 400)), Alive],
    ),
    case("call.of-nothing", "TL-1", &[Session, Send(Words(&[])), Hear(Error(0, 400)), Alive]),
    case("call.of-zeros", "TL-1", &[Session, Send(Words(&[0, 0, 0, 0])), Hear(Error(0, 400)), Alive]),
    case(
        "call.type-as-a-call",
        "TL-1",
        &[Session, Send(Words(&[0x1cb5_c415, 0])), Hear(Error(0, 400)), Alive],
    ),
    case(
        "call.result-as-a-call",
        "TL-1",
        &[Session, Send(Words(&[0x2144_ca19, 400, 0])), Hear(Error(0, 400)), Alive],
    ),
    case(
        "vector.2-gi",
        "TL-3",
        &[Session, Send(VectorOf(0x7fff_ffff)), HearOne(&[Error(0, 400), Error(0, 401)]), Alive],
    ),
    case(
        "vector.below-zero",
        "TL-3",
        &[Session, Send(VectorOf(0xffff_ffff)), HearOne(&[Error(0, 400), Error(0, 401)]), Alive],
    ),
    case(
        "vector.one-of-nothing",
        "TL-3",
        &[Session, Send(VectorOf(1)), HearOne(&[Error(0, 400), Error(0, 401)]), Alive],
    ),
    case(
        "vector.2-gi-in-a-wrapper",
        "TL-3",
        &[Session, Send(Words(&[0x3dc4_b4f0, 0x1cb5_c415, 0x7fff_ffff])), Hear(Error(0, 400)), Alive],
    ),
    case(
        "string.16-mib-of-nothing",
        "TL-2",
        &[Session, Send(Words(&[0xc1cd_5ea9, 0, 4, 0xffff_fffe])), Hear(Error(0, 400)), Alive],
    ),
    case(
        "string.form-ff",
        "TL-2",
        &[Session, Send(Words(&[0xc1cd_5ea9, 0, 4, 0xffff_ffff])), Hear(Error(0, 400)), Alive],
    ),
    case("json.10-deep", "TL-1", &[Session, Send(Deep(10)), Hear(Result(0))]),
    case("json.40-deep", "TL-1", &[Session, Send(Deep(40)), HearOne(&[Error(0, 400), Result(0)]), Alive]),
    case("json.10000-deep", "TL-1", &[Session, Send(Deep(10_000)), Hear(Error(0, 400)), Alive]),
    case("json.80000-deep", "TL-1", &[Session, Send(Deep(80_000)), Hear(Error(0, 400)), Alive]),
    // Wrappers.
    case("wrapped.in-a-layer", "TL-1", &[Session, Send(WithLayer(200, &Config)), Hear(Result(0))]),
    case(
        "wrapped.as-clients-begin",
        "TL-1",
        &[Session, Send(WithLayer(200, &Init(&Config))), Hear(Result(0))],
    ),
    case(
        "wrapped.in-two-layers",
        "TL-1",
        &[Session, Send(WithLayer(200, &WithLayer(180, &Config))), HearOne(&[Result(0), Error(0, 400)])],
    ),
    case(
        "wrapped.in-layer-zero",
        "TL-1",
        &[Session, Send(WithLayer(0, &Config)), HearOne(&[Result(0), Error(0, 400)])],
    ),
    case(
        "wrapped.in-layer-minus-one",
        "TL-1",
        &[Session, Send(WithLayer(-1, &Config)), HearOne(&[Result(0), Error(0, 400)]), Alive],
    ),
    case(
        "wrapped.in-layer-2-gi",
        "TL-1",
        &[Session, Send(WithLayer(i32::MAX, &Config)), HearOne(&[Result(0), Error(0, 400)]), Alive],
    ),
    case(
        "wrapped.around-nothing",
        "TL-1",
        &[Session, Send(WithLayer(200, &Words(&[]))), Hear(Error(0, 400)), Alive],
    ),
    case("wrapped.10-times", "TL-1", &[Session, Send(Wrapped(10, &Config)), Hear(Result(0))]),
    case("wrapped.100-times", "TL-1", &[Session, Send(Wrapped(100, &Config)), Hear(Error(0, 400)), Alive]),
    case(
        "wrapped.100000-times",
        "TL-1",
        &[Session, Send(Wrapped(100_000, &Config)), Hear(Error(0, 400)), Alive],
    ),
    // One after another.
    case(
        "after.what-is-done",
        "SES-12",
        &[Session, Send(Config), Send(After(Sent(0), &Config)), Hear(Result(1))],
    ),
    case(
        "after.what-failed",
        "SES-12",
        &[
            Session,
            Send(GetState),
            Send(After(Sent(0), &Config)),
            Hear(Fails(1, 400, "MSG_WAIT_FAILED")),
            Alive,
        ],
    ),
    case(
        "after.what-never-comes",
        "SES-12",
        &[Session, Send(After(Unknown(-1), &Config)), Hear(Fails(0, 400, "MSG_WAIT_FAILED")), Alive],
    ),
    case(
        "after.64-that-never-come",
        "SES-12",
        &[Session, Send(AfterMany(64, &Config)), Hear(Fails(0, 400, "MSG_WAIT_FAILED"))],
    ),
    case("after.65", "SES-12", &[Session, Send(AfterMany(65, &Config)), Hear(Error(0, 400)), Alive]),
    case("after.10000", "SES-12", &[Session, Send(AfterMany(10_000, &Config)), Hear(Error(0, 400)), Alive]),
    case("after.nobody", "SES-12", &[Session, Send(AfterMany(0, &Config)), Hear(Result(0))]),
    case(
        "after.the-other-way-round",
        "SES-12",
        &[
            Session,
            Send(After(Unknown(20), &Config)),
            Send(After(Sent(0), &Config)),
            Hear(Fails(0, 400, "MSG_WAIT_FAILED")),
            Hear(Fails(1, 400, "MSG_WAIT_FAILED")),
        ],
    ),
];
