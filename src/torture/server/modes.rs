//! The ways in which the hostile server lies. A new one is a row.

use super::lies::{Clear, Dh, Gen, Lie, Loop, Name, Pq, Prime, Say, Seal, ServerNumber, Way};

/// What a client has to do about a lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Work: nothing is wrong.
    Works,
    /// Not use it; whether it closes the connection or only drops the message is its own affair.
    Refuse,
    /// Not be harmed by it: nothing in it is used, and the conversation goes on or begins anew.
    Survive,
    /// Either is right.
    Either,
}

/// One way to lie.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    /// `chapter.lie`.
    pub name: &'static str,
    /// The rules that a client keeps by not believing it.
    pub rules: &'static str,
    /// What the rules ask of a client.
    pub asks: Asks,
    /// The lie.
    pub lie: Lie,
    /// In words.
    pub what: &'static str,
}

const fn mode(name: &'static str, rules: &'static str, asks: Asks, lie: Lie, what: &'static str) -> Mode {
    Mode { name, rules, asks, lie, what }
}

use Asks::{Either, Refuse, Survive, Works};

/// All of them.
pub const MODES: &[Mode] = &[
    mode("honest", "HS-1", Works, Lie::None, "nothing is wrong: the client works here at all"),
    // resPQ
    mode("respq.nonce", "HS-15", Refuse, Lie::Pq(Pq::Nonce), "the nonce is not the client's"),
    mode("respq.pq-prime", "HS-5", Either, Lie::Pq(Pq::Prime), "pq is a prime"),
    mode("respq.pq-65-bits", "HS-3, HS-5", Either, Lie::Pq(Pq::Wide), "pq has 65 bits, of two primes of 33"),
    mode("respq.pq-zero", "HS-5", Either, Lie::Pq(Pq::Zero), "pq is zero"),
    mode("respq.pq-512-bits", "HS-3, HS-5", Either, Lie::Pq(Pq::Huge), "pq has 512 bits and no small factor"),
    mode("respq.no-known-key", "HS-4", Refuse, Lie::Pq(Pq::UnknownKeys), "none of the fingerprints is known"),
    mode("respq.no-key", "HS-4", Refuse, Lie::Pq(Pq::NoKeys), "there is no fingerprint"),
    // server_DH_params_ok
    mode("dh.nonce", "HS-15", Refuse, Lie::Dh(Dh::Nonce), "the nonce in the clear is another"),
    mode(
        "dh.server-nonce",
        "HS-15",
        Refuse,
        Lie::Dh(Dh::ServerNonce),
        "the server_nonce in the clear is another",
    ),
    mode("dh.inner-nonce", "HS-15", Refuse, Lie::Dh(Dh::InnerNonce), "the enciphered nonce is another"),
    mode(
        "dh.inner-server-nonce",
        "HS-15",
        Refuse,
        Lie::Dh(Dh::InnerServerNonce),
        "the enciphered server_nonce is another",
    ),
    mode(
        "dh.wrong-hash",
        "HS-14",
        Refuse,
        Lie::Dh(Dh::WrongHash),
        "the hash in front of the answer is another's",
    ),
    mode(
        "dh.padding-of-32",
        "HS-10, HS-14",
        Refuse,
        Lie::Dh(Dh::LongPadding),
        "32 bytes more than the padding may have",
    ),
    mode(
        "dh.ragged",
        "HS-10",
        Refuse,
        Lie::Dh(Dh::Ragged),
        "the encrypted answer is no whole number of blocks",
    ),
    mode("dh.prime-composite", "HS-11", Refuse, Lie::Dh(Dh::Prime(Prime::Composite)), "dh_prime is no prime"),
    mode(
        "dh.prime-not-safe",
        "HS-11",
        Refuse,
        Lie::Dh(Dh::Prime(Prime::NotSafe)),
        "dh_prime is a prime, but not a safe one",
    ),
    mode(
        "dh.prime-1024-bits",
        "HS-11",
        Refuse,
        Lie::Dh(Dh::Prime(Prime::Short)),
        "dh_prime is a safe prime of 1024 bits",
    ),
    mode(
        "dh.prime-another",
        "HS-11",
        Either,
        Lie::Dh(Dh::Prime(Prime::Another)),
        "another safe prime of 2048 bits, with a right generator",
    ),
    mode("dh.g-1", "HS-11, HS-12", Refuse, Lie::Dh(Dh::G(1)), "g is 1"),
    mode(
        "dh.g-2",
        "HS-11",
        Refuse,
        Lie::Dh(Dh::G(2)),
        "g is 2, which generates the whole group of this prime",
    ),
    mode("dh.g-8", "HS-11", Refuse, Lie::Dh(Dh::G(8)), "g is none of 2 to 7"),
    mode("dh.g_a-zero", "HS-12", Refuse, Lie::Dh(Dh::Ga(ServerNumber::Small(0))), "g_a is 0"),
    mode("dh.g_a-one", "HS-12", Refuse, Lie::Dh(Dh::Ga(ServerNumber::Small(1))), "g_a is 1: the key is 1"),
    mode("dh.g_a-two", "HS-13", Refuse, Lie::Dh(Dh::Ga(ServerNumber::Small(2))), "g_a is 2"),
    mode(
        "dh.g_a-prime-less-one",
        "HS-12",
        Refuse,
        Lie::Dh(Dh::Ga(ServerNumber::PrimeLessOne)),
        "g_a is dh_prime - 1, the subgroup of two: the key is 1 or that",
    ),
    mode(
        "dh.g_a-prime",
        "HS-12",
        Refuse,
        Lie::Dh(Dh::Ga(ServerNumber::Prime)),
        "g_a is dh_prime: the key is 0",
    ),
    mode("dh.g_a-low-edge", "HS-13", Refuse, Lie::Dh(Dh::Ga(ServerNumber::LowEdge)), "g_a is 2^1984 - 1"),
    mode(
        "dh.g_a-high-edge",
        "HS-13",
        Refuse,
        Lie::Dh(Dh::Ga(ServerNumber::HighEdge)),
        "g_a is dh_prime - 2^1984 + 1",
    ),
    mode("dh.g_a-above", "HS-12", Refuse, Lie::Dh(Dh::Ga(ServerNumber::AllOnes)), "g_a is 2^2048 - 1"),
    // the answer to set_client_DH_params
    mode("gen.nonce", "HS-15", Refuse, Lie::Gen(Gen::Nonce), "the nonce of dh_gen_ok is another"),
    mode(
        "gen.server-nonce",
        "HS-15",
        Refuse,
        Lie::Gen(Gen::ServerNonce),
        "the server_nonce of dh_gen_ok is another",
    ),
    mode("gen.wrong-hash", "HS-15, HS-20", Refuse, Lie::Gen(Gen::WrongHash), "new_nonce_hash1 is wrong"),
    mode(
        "gen.hash-of-retry",
        "HS-15, HS-20",
        Refuse,
        Lie::Gen(Gen::RetryHash),
        "dh_gen_ok with the hash that belongs to dh_gen_retry",
    ),
    mode(
        "gen.retry-with-a-wrong-hash",
        "HS-15, HS-20",
        Refuse,
        Lie::Gen(Gen::WrongRetry),
        "dh_gen_retry with a wrong hash",
    ),
    mode(
        "gen.retry-for-ever",
        "HS-19",
        Survive,
        Lie::Gen(Gen::RetryForever),
        "dh_gen_retry, right, to every attempt",
    ),
    mode("gen.fail", "HS-19", Refuse, Lie::Gen(Gen::Fail), "dh_gen_fail with the right hash"),
    // records
    mode("record.msg-key", "REC-2, REC-6", Refuse, Lie::Seal(Seal::MsgKey), "a bit of msg_key"),
    mode("record.ciphertext", "REC-2, REC-6", Refuse, Lie::Seal(Seal::Ciphertext), "a bit of the last block"),
    mode("record.unknown-key", "REC-6", Refuse, Lie::Seal(Seal::UnknownKey), "another auth_key_id"),
    mode(
        "record.sealed-as-client",
        "REC-1",
        Refuse,
        Lie::Seal(Seal::AsClient),
        "sealed as the other side seals",
    ),
    mode(
        "record.padding-of-0-to-8",
        "REC-4",
        Refuse,
        Lie::Seal(Seal::ShortPadding),
        "less than 12 bytes of padding",
    ),
    mode(
        "record.padding-above-1024",
        "REC-4",
        Refuse,
        Lie::Seal(Seal::LongPadding),
        "more than 1024 bytes of padding",
    ),
    mode("record.ragged", "REC-6", Refuse, Lie::Seal(Seal::Ragged), "four bytes behind the last block"),
    mode(
        "record.length-beyond",
        "REC-4",
        Refuse,
        Lie::Seal(Seal::Length(4096)),
        "an inner length beyond the packet",
    ),
    mode("record.length-negative", "REC-4", Refuse, Lie::Seal(Seal::Length(-4)), "a negative inner length"),
    mode("record.session", "SES-1", Refuse, Lie::Seal(Seal::Session), "another session_id"),
    mode(
        "record.in-the-clear",
        "HS-24",
        Refuse,
        Lie::Clear(Clear::Answer),
        "the answer as a plaintext message",
    ),
    // names and numbers
    mode("name.even", "SES-2", Refuse, Lie::Name(Name::Even), "a msg_id that is divisible by 4"),
    mode("name.400-s-old", "SES-5", Refuse, Lie::Name(Name::Secs(-400)), "a msg_id of 400 s ago"),
    mode("name.400-s-ahead", "SES-5", Refuse, Lie::Name(Name::Secs(400)), "a msg_id of 400 s ahead"),
    mode("name.repeated", "SES-4", Refuse, Lie::Name(Name::Repeated), "the msg_id of an earlier message"),
    mode("number.even", "SES-8", Either, Lie::Name(Name::EvenNumber), "an rpc_result with an even seq_no"),
    // what messages say
    mode(
        "result.for-nobody",
        "SVC-3",
        Survive,
        Lie::Say(Say::ResultForNobody),
        "rpc_result for a query that was never sent",
    ),
    mode(
        "result.gzip-256-mib",
        "SES-13",
        Survive,
        Lie::Say(Say::GzipBomb),
        "256 MiB of zeros behind the answer, packed",
    ),
    mode("result.gzip-twice", "SVC-16", Either, Lie::Say(Say::GzipTwice), "the answer, packed twice"),
    mode("result.gzip-broken", "SVC-16", Survive, Lie::Say(Say::GzipBroken), "gzip_packed of no gzip"),
    mode(
        "result.vector-2-gi",
        "TL-3",
        Survive,
        Lie::Say(Say::VectorBomb),
        "a vector that says it has 2^31 - 1 elements",
    ),
    mode(
        "result.unknown-words",
        "TL-1",
        Survive,
        Lie::Say(Say::UnknownResult),
        "a result of a type that nobody knows",
    ),
    mode(
        "container.in-itself",
        "SVC-4",
        Refuse,
        Lie::Say(Say::ContainerInItself),
        "the message in the container has the container's msg_id",
    ),
    mode("container.nested", "SVC-4", Refuse, Lie::Say(Say::Nested), "a container in a container"),
    mode(
        "container.count-too-high",
        "SVC-4",
        Refuse,
        Lie::Say(Say::CountTooHigh),
        "a container that says it has five messages, and has one",
    ),
    mode(
        "container.count-2-gi",
        "SVC-4, TL-3",
        Survive,
        Lie::Say(Say::CountBomb),
        "a container that says it has 2^31 - 1 messages",
    ),
    mode(
        "say.new-session-20-times",
        "SVC-14",
        Survive,
        Lie::Say(Say::NewSessions),
        "new_session_created, twenty times, each another",
    ),
    mode(
        "say.unknown-push",
        "TL-1",
        Survive,
        Lie::Say(Say::UnknownPush),
        "a message of a type that nobody knows",
    ),
    mode(
        "say.salt-of-nobody",
        "SVC-3",
        Refuse,
        Lie::Say(Say::SaltOfNobody),
        "bad_server_salt for a message that was never sent: its salt must not be taken",
    ),
    mode(
        "say.clock-of-nobody",
        "SVC-3",
        Refuse,
        Lie::Say(Say::ClockOfNobody),
        "bad_msg_notification 17, named an hour ago, for a message that was never sent: its clock must not be taken",
    ),
    mode(
        "say.ack-of-everything",
        "SVC-3",
        Survive,
        Lie::Say(Say::AckOfNobody),
        "msgs_ack of a thousand unknown messages",
    ),
    mode(
        "say.resend-of-everything",
        "SVC-5",
        Survive,
        Lie::Say(Say::ResendOfNobody),
        "msg_resend_req for a thousand unknown messages",
    ),
    // without end
    mode(
        "loop.bad-salt",
        "SVC-2",
        Survive,
        Lie::Loop(Loop::Salt),
        "bad_server_salt, each time another, to everything",
    ),
    mode("loop.bad-clock", "SVC-2", Survive, Lie::Loop(Loop::Clock), "bad_msg_notification 16 to everything"),
    mode(
        "loop.bad-number",
        "SVC-2",
        Survive,
        Lie::Loop(Loop::Number),
        "bad_msg_notification 32 to everything",
    ),
    // below the messages
    mode("way.100-floods", "TR-12", Survive, Lie::Way(Way::Floods), "-429, a hundred times"),
    mode("way.100-not-founds", "TR-11", Survive, Lie::Way(Way::NotFounds), "-404, a hundred times"),
    mode("way.50-quick-acks", "TR-9", Survive, Lie::Way(Way::QuickAcks), "quick acks that nobody asked for"),
    mode("way.empty-packet", "REC-6", Survive, Lie::Way(Way::Short), "a packet of eight bytes"),
    mode("way.noise", "REC-6", Survive, Lie::Way(Way::Noise), "a packet of 400 random bytes"),
    mode(
        "way.res-pq-with-a-key",
        "HS-24",
        Survive,
        Lie::Clear(Clear::ResPq),
        "resPQ in the middle of a session",
    ),
    mode(
        "way.silence",
        "SES-9",
        Survive,
        Lie::Way(Way::Silence),
        "no answer to this one call, then an answer",
    ),
];
