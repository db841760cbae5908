//! What a lie may be about. All constants, so that a mode is a row of data.

/// A lie, by the moment at which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// None.
    None,
    /// In the answer to `req_pq_multi`.
    Pq(Pq),
    /// In the answer to `req_DH_params`.
    Dh(Dh),
    /// In the answer to `set_client_DH_params`.
    Gen(Gen),
    /// In how the answer to `help.getNearestDc` is sealed.
    Seal(Seal),
    /// In how it is named and numbered.
    Name(Name),
    /// In what is said instead of it, or before it.
    Say(Say),
    /// In what is said to everything, from the first `help.getNearestDc` on.
    Loop(Loop),
    /// Below the messages.
    Way(Way),
    /// In the clear, in the middle of a session.
    Clear(Clear),
}

/// About `resPQ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pq {
    Nonce,
    Prime,
    Wide,
    Zero,
    Huge,
    UnknownKeys,
    NoKeys,
}

/// About `server_DH_params_ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dh {
    Nonce,
    ServerNonce,
    InnerNonce,
    InnerServerNonce,
    WrongHash,
    LongPadding,
    Ragged,
    Prime(Prime),
    G(i32),
    Ga(ServerNumber),
}

/// A `dh_prime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prime {
    Composite,
    NotSafe,
    Short,
    Another,
}

/// A `g_a`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerNumber {
    Small(u8),
    PrimeLessOne,
    Prime,
    LowEdge,
    HighEdge,
    AllOnes,
}

/// About the end of a key exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gen {
    Nonce,
    ServerNonce,
    WrongHash,
    RetryHash,
    WrongRetry,
    RetryForever,
    Fail,
}

/// About the sealing of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    MsgKey,
    Ciphertext,
    UnknownKey,
    AsClient,
    ShortPadding,
    LongPadding,
    Ragged,
    Length(i32),
    Session,
}

/// About the name and the number of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    Even,
    Secs(i64),
    Repeated,
    EvenNumber,
}

/// About what a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    ResultForNobody,
    GzipBomb,
    GzipTwice,
    GzipBroken,
    VectorBomb,
    UnknownResult,
    ContainerInItself,
    Nested,
    CountTooHigh,
    CountBomb,
    NewSessions,
    UnknownPush,
    SaltOfNobody,
    ClockOfNobody,
    AckOfNobody,
    ResendOfNobody,
}

/// What everything is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loop {
    Salt,
    Clock,
    Number,
}

/// What comes between the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Floods,
    NotFounds,
    QuickAcks,
    Short,
    Noise,
    Silence,
}

/// What is said in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    Answer,
    ResPq,
}

/// A prime of two words less than 62 bits, which is no product.
pub const PQ_PRIME: u64 = 0x1a5a_5a5a_5a5a_5a5f;

/// The product of two primes of 33 bits, big-endian.
pub const PQ_WIDE: [u8; 9] = [0x01, 0xd3, 0x54, 0x0c, 0xb9, 0x8b, 0xa3, 0x62, 0x8f];

/// The product of two primes of 256 bits.
pub const PQ_HUGE: &str = "\
5c3a6c36f939d368142c26b71346758585ee3b1e0080cb5a16e6ded2ee6b45f82a9245d90580b055540e15db16a23e5d3b5a2f42762d8cee796d36a8a9eae64d";

/// A prime of 2048 bits that leaves 2 modulo 3; half of one less is composite.
pub const PRIME_NOT_SAFE: &str = "\
d2aa6d16bbccdd3d2ad1e6a87f83d0649a73c97bcf87c10360a09c2a72cbdad0fa90f58ed2206856ec71606720885d42\
bd4f01961455552485c441452d4b500c894fee713284c8e3e3d3a2cc992acbba022c315f355c17208aef18788c12b9a1\
65907468e86bfd0e449759aed233ac905138328045fe707b371d4a576cc6b77dd492b0a7cd68a6e2cc7f0bdace481054\
c5ef58b429c9267a6696dfbcfcf3d08af31a9304ed0d513879e04fe2f4116d5ee6204fc29d7055a7a9a74e438eab25ba\
99d1bdfa3f15f4aef9fc0b47268f5a70c57ce0db23caf545294c505b49581bc68370bb7fae72f6b326f77be05a9e29aa\
804a4b409b21afafad65f994fa6cda39";

/// The safe prime of 2048 bits of RFC 3526; 2 generates its subgroup of prime order.
pub const PRIME_ANOTHER: &str = "\
ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd\
ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed\
ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f\
83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b\
e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa0510\
15728e5a8aacaa68ffffffffffffffff";

/// The safe prime of 1024 bits of RFC 2409.
pub const PRIME_SHORT: &str = "\
ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd\
ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed\
ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff";

/// The bytes of a number in hexadecimal digits.
pub fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}
