//! The words of which cases are made. All of them are constants: a case is data, and a new one is a row of a table.

use std::fmt;
use std::time::Duration;

use mtproto::wire::framing::Framing;

/// One case: what a client does, and what it must hear.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// `chapter.what-is-wrong`.
    pub name: &'static str,
    /// The rules of `protocol-spec/01-requirements.toml` that it looks at, comma between them.
    pub rules: &'static str,
    /// The script.
    pub steps: &'static [Step],
}

/// A row of a table of cases.
pub const fn case(name: &'static str, rules: &'static str, steps: &'static [Step]) -> Case {
    Case { name, rules, steps }
}

/// How a connection is spoken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Nothing is added to what the script writes, and nothing taken from what comes.
    Bare,
    /// The marker of the framing, then frames.
    Plain(Framing),
    /// An obfuscation header, then frames under it.
    Obfuscated(Framing),
    /// A WebSocket, and obfuscation in it.
    WebSocket(Framing),
    /// Packets in the bodies of HTTP requests and responses.
    Http,
    /// Datagrams, from an address of its own. A packet that fits none goes in pieces.
    Datagrams,
}

/// One thing that a case does. Where nothing else is said it is done on the connection opened last, in the session and
/// the key exchange begun last.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// Opens a connection.
    Dial(Way),
    /// Goes back to an earlier connection, counted from zero.
    Line(usize),
    /// Closes the connection.
    HangUp,
    /// Writes bytes below the framing (and inside of obfuscation and WebSocket, where there are any).
    Write(&'static [Part]),
    /// Writes these byte for byte, so many milliseconds between, until all is written or the connection has ended.
    Drip(&'static [Part], u64),
    /// Says that nothing more will be written, and goes on listening.
    EndWriting,
    /// Sends all of this in one datagram.
    Datagram(&'static [Part]),
    /// Sends so many datagrams of this kind.
    Flood(u32, &'static [Part]),
    /// Writes one frame of the full framing that carries `req_pq_multi`: what is added to its length, its sequence
    /// number, what is flipped in its checksum.
    FullFrame(i32, u32, u32),
    /// Opens a bare connection and writes on it all that was written on the connection before, byte for byte.
    ReplayBytes,
    /// Does nothing for so many milliseconds.
    Pause(u64),

    /// Turns to another key exchange, counted from zero.
    Run(usize),
    /// Makes inner data with the padding before `RSA_PAD`, under the server's second key.
    Legacy,
    /// The exchange takes the nonce of this other one.
    NonceOf(usize),
    /// Says something in the clear.
    Plain(Clear, &'static [Envelope]),
    /// Dials unless there is a connection, says `req_pq_multi` and waits for `resPQ`.
    ToResPq,
    /// As [`Step::ToResPq`], then the honest second step up to its answer.
    ToDhOk,
    /// As [`Step::ToDhOk`], then the honest third step up to its answer.
    ToGenOk,
    /// `req_DH_params`.
    ReqDh(&'static [Dh]),
    /// `set_client_DH_params`.
    SetDh(&'static [Set]),
    /// The plaintext packet said so many packets ago (zero: the last one), byte for byte.
    Repeat(usize),

    /// Dials unless there is a connection, and begins a session under the key that all cases share.
    Session,
    /// Makes a permanent key of this case's own on a connection of its own and begins a session under it.
    OwnKey,
    /// Makes a temporary key that lives so many seconds on a connection of its own and begins a session under it. The
    /// session before it stays the one whose permanent key `Body::Bind` speaks of.
    TempKey(i32),
    /// Signs the key of the current session in, under the test number of this case, and up where nobody has that number.
    SignIn,
    /// Goes back to an earlier session, counted from zero.
    In(usize),
    /// `Body::Bind` speaks of the permanent key of this session.
    BindTo(usize),
    /// Another session under the key of the current one.
    SecondSession,
    /// Sends one message.
    Send(Body),
    /// Sends one message with something wrong.
    Twist(Body, &'static [Twist]),
    /// Seals one message and sends nothing: parts of what is written next carry it.
    Seal(Body),
    /// Shows the server, as an honest client does, where datagrams come from: a ping, the cookie that answers it, both back,
    /// the pong. What the server said by then is acknowledged, and is no answer to what follows.
    Prove,
    /// The sealed packet sent so many packets ago (zero: the last one), byte for byte.
    Replay(usize),
    /// The message sent so many packets ago, under its old name and number in a new container.
    Resend(usize),

    /// Waits for this.
    Hear(Want),
    /// Waits for this for so many milliseconds.
    HearWithin(Want, u64),
    /// Waits for one of these.
    HearOne(&'static [Want]),
    /// What was not asked about yet begins with this.
    HearNext(Want),
    /// No more bytes have come over the datagrams of this address than went.
    NoMoreThanSaid,
    /// Listens for so many milliseconds (the third number). Since the last datagram went, no more came than so many at once (the
    /// first) and so many in a second (the second).
    NoFasterThan(u32, u32, u64),
    /// This must not have come. A `Step::Alive` before it makes sure that it would have.
    Never(Want),
    /// The session is still served: a ping is answered by its pong.
    Alive,
}

/// Bytes to write.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// These.
    B(&'static [u8]),
    /// So many zeros.
    Zeros(usize),
    /// So many random bytes.
    Noise(usize),
    /// The packet of `req_pq_multi`, 40 bytes.
    Ask,
    /// The plaintext packet said last.
    Said,
    /// The sealed packet made last.
    Sealed,
    /// So many bytes of the sealed packet made last, from this one on, or what there is of them.
    SealedPart(usize, usize),
    /// The cookie heard last.
    Cookie,
    /// The same with one bit changed.
    WrongCookie,
    /// The `server_nonce` of the key exchange.
    ServerNonce,
    /// What stands before a cookie that is returned.
    ProofHead,
    /// What stands before a piece: number, index, count.
    PieceHead(u32, u16, u16),
    /// The same in a flood: its number is that of the datagram.
    PieceHeadOfFlood(u16, u16),
    /// A WebSocket frame: its first byte, what its length field says if not the truth, and its payload (masked unless
    /// `masked` is off).
    WsFrame(u8, bool, &'static [u8]),
}

/// What is said in the clear.
#[derive(Debug, Clone, Copy)]
pub enum Clear {
    /// `req_pq`.
    ReqPq,
    /// `req_pq_multi`.
    ReqPqMulti,
    /// `ping`.
    Ping,
    /// `msgs_ack`.
    Ack,
    /// `help.getConfig`.
    Config,
    /// A container of `req_pq_multi`.
    Container,
    /// `req_pq_multi` in `gzip_packed`.
    Gzip,
    /// The first bytes of `req_pq_multi`.
    Cut(usize),
    /// Random bytes.
    Noise(usize),
}

/// What is unusual or wrong about the envelope of a plaintext message.
#[derive(Debug, Clone, Copy)]
pub enum Envelope {
    /// So many bytes behind the words, inside of the length.
    Tail(usize),
    /// So many bytes behind the message, outside of the length.
    Behind(usize),
    /// The length says so many bytes more.
    Longer(i32),
    /// The length is this.
    Length(i32),
    /// The msg_id is this.
    MsgId(i64),
    /// A quick ack is asked for.
    QuickAck,
}

/// What is unusual or wrong about `req_DH_params`.
#[derive(Debug, Clone, Copy)]
pub enum Dh {
    /// A bit of the clear `nonce`.
    Nonce,
    /// A bit of the clear `server_nonce`.
    ServerNonce,
    /// `p` and `q` in the wrong order.
    Swapped,
    /// `p` one too high.
    P,
    /// `q` one too high.
    Q,
    /// `p` is 1, `q` is pq.
    Trivial,
    /// `p` and `q` are empty.
    NoFactors,
    /// Zeros before `p` and `q`.
    PaddedFactors,
    /// A key that the server does not have.
    UnknownPrint,
    /// The server's other key.
    OtherPrint,
    /// The encrypted part is cut or filled to so many bytes.
    Length(usize),
    /// A bit of this byte of the encrypted part.
    Flip(usize),
    /// The encrypted part is a number above any modulus.
    NotBelowModulus,
    /// The encrypted part deciphers to zero.
    Zero,
    /// The encrypted part deciphers to random bytes.
    RandomBlock,
    /// The padding that belongs to the server's other key.
    OtherPadding,
    /// What is wrong inside.
    Inner(Inner),
    /// Names a data centre.
    Dc(i32),
    /// Asks for a temporary key.
    Temp(i32),
    /// Random bytes behind the message, inside of its length.
    Tail(usize),
}

/// What is wrong with inner data.
#[derive(Debug, Clone, Copy)]
pub enum Inner {
    /// A bit of its `nonce`.
    Nonce,
    /// A bit of its `server_nonce`.
    ServerNonce,
    /// A bit of its `pq`.
    Pq,
    /// A bit of its `p`.
    P,
    /// A bit of its `q`.
    Q,
    /// `p` and `q` change places.
    Swapped,
    /// An id that is no inner data's.
    Constructor,
    /// There is none.
    Empty,
    /// Random bytes.
    Noise,
}

/// What is unusual or wrong about `set_client_DH_params`.
#[derive(Debug, Clone, Copy)]
pub enum Set {
    /// A bit of the clear `nonce`.
    Nonce,
    /// A bit of the clear `server_nonce`.
    ServerNonce,
    /// The encrypted part loses so many bytes.
    Cut(usize),
    /// The encrypted part gets so many random bytes more.
    Grow(usize),
    /// A bit of this byte of the encrypted part.
    Flip(usize),
    /// The encrypted part is random.
    Noise,
    /// A bit of the enciphered `nonce`.
    InnerNonce,
    /// A bit of the enciphered `server_nonce`.
    InnerServerNonce,
    /// The hash in front of the data is another's.
    WrongHash,
    /// The data begins with another id, under a hash that fits.
    Constructor,
    /// `retry_id` is this.
    RetryId(i64),
    /// `g_b` is this.
    Gb(Number),
    /// Random bytes behind the message, inside of its length.
    Tail(usize),
}

/// A number for `g_b`.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// A small one.
    Small(u8),
    /// `dh_prime` and so much more or less.
    Prime(i8),
    /// 2^2048 - 1.
    AllOnes,
    /// 2^1984 and so much more or less.
    LowEdge(i8),
    /// `dh_prime` - 2^1984 and so much more or less.
    HighEdge(i8),
    /// 257 bytes.
    TooLong,
    /// No bytes at all.
    Empty,
}

/// Names a message that this case sent: counted from zero, those in containers before their container.
pub type Of = usize;

/// The message sent last.
pub const LAST: Of = usize::MAX;

/// A msg_id to write into a message.
#[derive(Debug, Clone, Copy)]
pub enum Id {
    /// That of a message sent.
    Sent(Of),
    /// That of the server's message heard last.
    Heard,
    /// One of this client that was never sent, so many seconds from now.
    Never(i64),
    /// This one.
    Raw(i64),
}

/// What a message says.
#[derive(Debug, Clone, Copy)]
pub enum Body {
    /// `ping`.
    Ping,
    /// `ping_delay_disconnect`.
    PingDelay(i32),
    /// `help.getConfig`.
    Config,
    /// `help.getNearestDc`.
    NearestDc,
    /// `updates.getState`: needs a login.
    GetState,
    /// `msgs_ack`.
    Ack(&'static [Id]),
    /// `msgs_ack` of so many unknown ids.
    AckMany(usize),
    /// `msgs_ack` of all that the server wanted acknowledged.
    AckAll,
    /// `msgs_state_req`.
    StateReq(&'static [Id]),
    /// `msgs_state_req` of so many unknown ids.
    StateMany(usize),
    /// `msg_resend_req`.
    ResendReq(&'static [Id]),
    /// `msg_resend_req` of so many unknown ids.
    ResendMany(usize),
    /// `msg_resend_ans_req`.
    ResendAns(&'static [Id]),
    /// `msgs_all_info` of so many unknown ids.
    AllInfoMany(usize),
    /// `get_future_salts`.
    FutureSalts(i32),
    /// `rpc_drop_answer`.
    DropAnswer(Id),
    /// `destroy_session` of this session of the case.
    DestroySession(usize),
    /// `destroy_session` of a session that nobody knows.
    DestroyNobody,
    /// `destroy_auth_key`.
    DestroyAuthKey,
    /// `http_wait`.
    HttpWait,
    /// `http_wait` for so many milliseconds.
    HttpWaitFor(i32),
    /// `http_wait` with this `max_delay`, `wait_after` and `max_wait`, in milliseconds.
    HttpWaitOf(i32, i32, i32),
    /// What only servers say: `pong`, `new_session_created`, `rpc_result`, `bad_server_salt`, one after the other.
    ServerWord(u8),
    /// These words.
    Words(&'static [u32]),
    /// So many random bytes.
    Noise(usize),
    /// `msg_container`.
    Container(&'static [Held]),
    /// `msg_container` of so many pings.
    Pings(usize),
    /// `msg_container` of so many of these.
    Many(usize, &'static Body),
    /// `msg_container` whose count is this, with these in it.
    CountIs(u32, &'static [Held]),
    /// A container in a container, so many deep, around a ping.
    Nest(usize),
    /// `msg_copy` of a ping.
    Copy,
    /// `gzip_packed`.
    Gzip(&'static Body),
    /// `gzip_packed` of `gzip_packed`.
    GzipTwice(&'static Body),
    /// `gzip_packed` of so many zeros behind the id of a call.
    GzipBomb(usize),
    /// `gzip_packed` of bytes that are no gzip.
    GzipBroken,
    /// `gzip_packed` whose stream is cut off in the middle.
    GzipCut,
    /// `invokeWithLayer`.
    WithLayer(i32, &'static Body),
    /// `initConnection`.
    Init(&'static Body),
    /// `invokeWithoutUpdates`, so many times.
    Wrapped(usize, &'static Body),
    /// `invokeAfterMsg`.
    After(Id, &'static Body),
    /// `invokeAfterMsgs` of so many unknown ids.
    AfterMany(usize, &'static Body),
    /// `users.getUsers` of a vector with this count and nothing in it.
    VectorOf(u32),
    /// `initConnection` whose JSON parameters nest so deep.
    Deep(usize),
    /// `auth.bindTempAuthKey` for the permanent key of the session before, with something wrong.
    Bind(&'static [Bind]),
    /// Words behind a ping.
    PingAndMore,
    /// `messages.sendMessage` to oneself, of so many characters that hardly pack.
    Note(usize),
    /// `messages.getHistory` of so many messages to oneself.
    Notes(i32),
    /// `messages.forwardMessages` to oneself of one's first messages, so many.
    Forward(i32),
}

/// A message in a container.
#[derive(Debug, Clone, Copy)]
pub struct Held(pub Body, pub &'static [Twist]);

/// What is wrong with the binding of a temporary key.
#[derive(Debug, Clone, Copy)]
pub enum Bind {
    /// The sealed msg_id is another.
    MsgId,
    /// The sealed nonce is another.
    Nonce,
    /// The sealed temporary key is another.
    TempKey,
    /// The sealed permanent key is another.
    PermKey,
    /// The sealed session is another.
    Session,
    /// The sealed `expires_at` is another.
    ExpiresAt,
    /// `expires_at` lies in the past, in both places.
    Expired,
    /// A bit of this byte of the sealed part.
    Flip(usize),
    /// The sealed part loses so many bytes.
    Cut(usize),
    /// The sealed part gets so many random bytes more.
    Grow(usize),
    /// The query names a key that nobody knows.
    UnknownKey,
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy)]
pub enum Twist {
    /// Its msg_id is so many seconds off.
    Secs(i64),
    /// The two low bits of its msg_id.
    LowBits(i64),
    /// The low 32 bits of its msg_id are zero.
    EmptyLow,
    /// It has the name of an earlier message.
    NameOf(Of),
    /// It is named below an earlier message.
    Below(Of),
    /// In a container: it has the name of the container.
    NameOfContainer,
    /// In a container: its name is above the container's.
    AboveContainer,
    /// Its seq_no is this.
    Seq(u32),
    /// Its seq_no is even.
    Even,
    /// Its seq_no is odd, though it needs no ack.
    Odd,
    /// So many numbers are skipped before it.
    Skip(u32),
    /// Its salt is wrong.
    BadSalt,
    /// Its salt is zero.
    ZeroSalt,
    /// Its length field says this.
    Length(i32),
    /// Its padding has so many bytes.
    Padding(usize),
    /// A bit of this byte of the packet.
    Flip(usize),
    /// The packet loses so many bytes.
    Cut(usize),
    /// The packet gets so many random bytes more.
    Grow(usize),
    /// The packet names a key that nobody knows.
    UnknownKey,
    /// It is sealed as a server seals.
    AsServer,
    /// It is sealed as MTProto 1.0 does.
    Version1,
    /// A quick ack is asked for.
    QuickAck,
}

/// What must be heard.
#[derive(Debug, Clone, Copy)]
pub enum Want {
    /// `resPQ` with our nonce.
    ResPq,
    /// `server_DH_params_ok`.
    DhOk,
    /// `dh_gen_ok` with the right hash.
    GenOk,
    /// `dh_gen_ok`, whatever its hash.
    AnyGenOk,
    /// The plaintext packet heard last, byte for byte.
    TheSame,
    /// The same words as in the plaintext packet heard last, under any msg_id.
    SameWords,
    /// A cookie.
    Cookie,
    /// This transport error, and nothing about the end: over datagrams there is none.
    Code(i32),
    /// -404, then the end of the connection.
    Gone,
    /// -429, then the end of the connection.
    Flood,
    /// The end of the connection, without a word.
    Closed,
    /// Nothing at all for so many milliseconds; the connection stays.
    Silence(u64),
    /// The status of an HTTP response.
    Http(u16),
    /// The status of an HTTP response, and lines of its head, in small letters.
    HttpSays(u16, &'static [&'static str]),
    /// The status of an HTTP response that refuses: 400 to 499.
    HttpRefused,
    /// A WebSocket frame that begins with this byte.
    WsFrame(u8),

    /// `pong` for this message.
    Pong(Of),
    /// `bad_msg_notification` with this code for this message.
    Bad(Of, i32),
    /// `bad_server_salt` for this message.
    Salt(Of),
    /// `rpc_result` that is no error, for this message.
    Result(Of),
    /// The same `rpc_result` for this message as the one heard last, word for word.
    SameResult(Of),
    /// `rpc_result` with this error.
    Fails(Of, i32, &'static str),
    /// `rpc_result` with any error of this code.
    Error(Of, i32),
    /// `new_session_created`.
    NewSession,
    /// `msgs_ack` of this message.
    Acked(Of),
    /// `msgs_state_info` for this message: low three bits of each byte.
    State(Of, &'static [u8]),
    /// `future_salts` for this message, so many of them, that do not overlap.
    Salts(Of, usize),
    /// `rpc_answer_unknown`.
    AnswerUnknown(Of),
    /// `rpc_answer_dropped`, or `_running`.
    AnswerDropped(Of),
    /// `destroy_session_ok` of this session of the case.
    SessionOk(usize),
    /// `destroy_session_none`.
    SessionNone,
    /// `destroy_auth_key_ok`.
    KeyOk,
    /// A quick ack of this message.
    QuickAck(Of),
    /// `msg_detailed_info` for the answer to this message, which no datagrams carry.
    Announced(Of),
    /// `msg_new_detailed_info` for a message that no datagrams carry.
    AnnouncedNew,
    /// `updates`.
    Updates,
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResPq => f.write_str("resPQ"),
            Self::DhOk => f.write_str("server_DH_params_ok"),
            Self::GenOk | Self::AnyGenOk => f.write_str("dh_gen_ok"),
            Self::TheSame => f.write_str("the same answer again"),
            Self::SameWords => f.write_str("the same words again"),
            Self::Cookie => f.write_str("a cookie"),
            Self::Code(code) => write!(f, "{code}"),
            Self::Gone => f.write_str("-404 and the end"),
            Self::Flood => f.write_str("-429 and the end"),
            Self::Closed => f.write_str("the end"),
            Self::Silence(ms) => write!(f, "silence for {ms} ms"),
            Self::Http(status) => write!(f, "HTTP {status}"),
            Self::HttpSays(status, lines) => write!(f, "HTTP {status} with {}", lines.join(" and ")),
            Self::HttpRefused => f.write_str("HTTP 4xx"),
            Self::WsFrame(first) => write!(f, "a WebSocket frame {first:02x}"),
            Self::Pong(_) => f.write_str("pong"),
            Self::Bad(_, code) => write!(f, "bad_msg {code}"),
            Self::Salt(_) => f.write_str("bad_server_salt"),
            Self::Result(_) => f.write_str("a result"),
            Self::SameResult(_) => f.write_str("the same result"),
            Self::Fails(_, code, name) => write!(f, "{code} {name}"),
            Self::Error(_, code) => write!(f, "{code}"),
            Self::NewSession => f.write_str("new_session_created"),
            Self::Acked(_) => f.write_str("msgs_ack"),
            Self::State(_, bytes) => write!(f, "states {bytes:?}"),
            Self::Salts(_, n) => write!(f, "{n} future_salts"),
            Self::AnswerUnknown(_) => f.write_str("rpc_answer_unknown"),
            Self::AnswerDropped(_) => f.write_str("rpc_answer_dropped"),
            Self::SessionOk(_) => f.write_str("destroy_session_ok"),
            Self::SessionNone => f.write_str("destroy_session_none"),
            Self::KeyOk => f.write_str("destroy_auth_key_ok"),
            Self::QuickAck(_) => f.write_str("a quick ack"),
            Self::Announced(_) => f.write_str("msg_detailed_info"),
            Self::AnnouncedNew => f.write_str("msg_new_detailed_info"),
            Self::Updates => f.write_str("updates"),
        }
    }
}

impl Case {
    /// How long the longest wait of the script may take.
    #[must_use]
    pub fn waits(&self) -> Duration {
        let millis = self.steps.iter().map(|step| match step {
            Step::Pause(ms)
            | Step::HearWithin(_, ms)
            | Step::Hear(Want::Silence(ms))
            | Step::NoFasterThan(_, _, ms) => *ms,
            _ => 0,
        });
        Duration::from_millis(millis.max().unwrap_or(0))
    }

    /// What must be heard, in a line.
    #[must_use]
    pub fn expected(&self) -> String {
        let mut words = Vec::new();
        for step in self.steps {
            match step {
                Step::Hear(want) | Step::HearWithin(want, _) | Step::HearNext(want) => {
                    words.push(want.to_string());
                }
                Step::HearOne(wants) => {
                    let each: Vec<String> = wants.iter().map(ToString::to_string).collect();
                    words.push(each.join(" or "));
                }
                Step::Never(want) => words.push(format!("no {want}")),
                Step::Alive | Step::Prove => words.push("served".to_owned()),
                Step::NoMoreThanSaid => words.push("no more bytes than were said".to_owned()),
                Step::NoFasterThan(burst, per_second, _) => {
                    words.push(format!("at most {burst} datagrams at once and {per_second} in a second"));
                }
                Step::ToGenOk => words.push("dh_gen_ok".to_owned()),
                _ => {}
            }
        }
        words.join(", ")
    }
}
