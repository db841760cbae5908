//! Temporary keys and their binding.

use super::super::script::Bind::{
    Cut, Expired, ExpiresAt, Flip, Grow, MsgId, Nonce, PermKey, Session as OtherSession,
    TempKey as OtherTemp, UnknownKey,
};
use super::super::script::Body::{Bind, Config, DestroyAuthKey, GetState, NearestDc, Ping};
use super::super::script::Step::{
    Alive, BindTo, Dial, Hear, In, Line, OwnKey, Pause, SecondSession, Send, TempKey,
};
use super::super::script::Want::{Error, Gone, KeyOk, Result};
use super::super::script::{Case, LAST, case};
use super::INTERMEDIATE;

pub const CASES: &[Case] = &[
    case(
        "temporary.unbound-calls",
        "PFS-1",
        &[
            OwnKey,
            TempKey(600),
            Send(GetState),
            Hear(Error(0, 401)),
            Send(Config),
            Hear(Result(1)),
            Send(NearestDc),
            Hear(Result(2)),
        ],
    ),
    case(
        "temporary.bound",
        "PFS-3",
        &[OwnKey, TempKey(600), Send(Bind(&[])), Hear(Result(0)), Send(Config), Hear(Result(1))],
    ),
    case(
        "temporary.bound-again",
        "PFS-2, PFS-3",
        &[OwnKey, TempKey(600), Send(Bind(&[])), Hear(Result(0)), Send(Bind(&[])), Hear(Result(1))],
    ),
    case(
        "temporary.bound-to-another",
        "PFS-3",
        &[
            OwnKey,
            TempKey(600),
            Send(Bind(&[])),
            Hear(Result(0)),
            OwnKey,
            BindTo(2),
            In(1),
            Line(1),
            Send(Bind(&[])),
            Hear(Error(1, 400)),
        ],
    ),
    case(
        "temporary.bound-from-two-sessions",
        "PFS-2",
        &[
            OwnKey,
            TempKey(600),
            Send(Bind(&[])),
            Hear(Result(0)),
            SecondSession,
            Send(Config),
            Hear(Result(1)),
        ],
    ),
    case(
        "temporary.two-of-one-key",
        "PFS-2",
        &[
            OwnKey,
            TempKey(600),
            Send(Bind(&[])),
            Hear(Result(0)),
            In(0),
            TempKey(600),
            Send(Bind(&[])),
            Hear(Result(1)),
            Send(Config),
            Hear(Result(2)),
        ],
    ),
    case(
        "temporary.permanent-key-binds-itself",
        "PFS-3",
        &[OwnKey, Send(Bind(&[])), Hear(Error(0, 400)), Alive],
    ),
    case("bind.msg-id", "PFS-3", &[OwnKey, TempKey(600), Send(Bind(&[MsgId])), Hear(Error(0, 400)), Alive]),
    case("bind.nonce", "PFS-3", &[OwnKey, TempKey(600), Send(Bind(&[Nonce])), Hear(Error(0, 400))]),
    case(
        "bind.temporary-key",
        "PFS-3",
        &[OwnKey, TempKey(600), Send(Bind(&[OtherTemp])), Hear(Error(0, 400))],
    ),
    case("bind.permanent-key", "PFS-3", &[OwnKey, TempKey(600), Send(Bind(&[PermKey])), Hear(Error(0, 400))]),
    case("bind.session", "PFS-3", &[OwnKey, TempKey(600), Send(Bind(&[OtherSession])), Hear(Error(0, 400))]),
    case("bind.expires-at", "PFS-3", &[OwnKey, TempKey(600), Send(Bind(&[ExpiresAt])), Hear(Error(0, 400))]),
    case("bind.expired", "PFS-3", &[OwnKey, TempKey(600), Send(Bind(&[Expired])), Hear(Error(0, 400))]),
    case(
        "bind.msg-key-changed",
        "PFS-3",
        &[OwnKey, TempKey(600), Send(Bind(&[Flip(10)])), Hear(Error(0, 400))],
    ),
    case(
        "bind.ciphertext-changed",
        "PFS-3",
        &[OwnKey, TempKey(600), Send(Bind(&[Flip(60)])), Hear(Error(0, 400))],
    ),
    case(
        "bind.cut-by-a-block",
        "PFS-3",
        &[OwnKey, TempKey(600), Send(Bind(&[Cut(16)])), Hear(Error(0, 400))],
    ),
    case("bind.nothing", "PFS-3", &[OwnKey, TempKey(600), Send(Bind(&[Cut(104)])), Hear(Error(0, 400))]),
    case("bind.a-block-more", "PFS-3", &[OwnKey, TempKey(600), Send(Bind(&[Grow(16)])), Hear(Error(0, 400))]),
    case(
        "bind.unknown-key",
        "PFS-3",
        &[OwnKey, TempKey(600), Send(Bind(&[UnknownKey])), Hear(Error(0, 400))],
    ),
    case(
        "bind.good-behind-a-bad-one",
        "PFS-3",
        &[OwnKey, TempKey(600), Send(Bind(&[Nonce])), Hear(Error(0, 400)), Send(Bind(&[])), Hear(Result(1))],
    ),
    case(
        "temporary.expires",
        "HS-23, PFS-5",
        &[
            OwnKey,
            TempKey(4),
            Alive,
            Pause(5000),
            Send(Ping),
            Hear(Gone),
            Dial(INTERMEDIATE),
            Send(Ping),
            Hear(Gone),
        ],
    ),
    case(
        "temporary.destroyed-alone",
        "SVC-18",
        &[
            OwnKey,
            TempKey(600),
            Send(Bind(&[])),
            Hear(Result(0)),
            Send(DestroyAuthKey),
            Hear(KeyOk),
            Dial(INTERMEDIATE),
            Send(Ping),
            Hear(Gone),
            In(0),
            Line(0),
            Alive,
        ],
    ),
    case(
        "temporary.dies-with-its-permanent-key",
        "SVC-18, PFS-5",
        &[
            OwnKey,
            TempKey(600),
            Send(Bind(&[])),
            Hear(Result(LAST)),
            In(0),
            Line(0),
            Send(DestroyAuthKey),
            Hear(KeyOk),
            In(1),
            Dial(INTERMEDIATE),
            Send(Ping),
            Hear(Gone),
        ],
    ),
];
