//! Every bound of this crate on one page (those of a session stand in `session::limits`).

use std::time::Duration;

/// The longest packet without a key, in bytes. The longest honest one is `req_DH_params` with 255 bytes of tail, about
/// 600.
pub const PLAIN_PACKET_BYTES_MAX: usize = 1024;

/// The longest packet with a key, in bytes: a container of 1,044,448 bytes (the most that Telethon packs) or a file
/// part of 1 MiB, with headers and padding around it.
pub const PACKET_BYTES_MAX: usize = 1_048_576 + 8 * 1024;

/// The shortest packet of any kind, in bytes: `auth_key_id`, `msg_id`, length.
pub const PACKET_BYTES_MIN: usize = 20;

/// What padded intermediate framing may add behind a packet, in bytes.
pub const FRAME_PADDING_BYTES_MAX: usize = 15;

/// The longest head of an HTTP request, in bytes.
pub const HTTP_HEAD_BYTES_MAX: usize = 8 * 1024;

/// The most header lines of an HTTP request.
pub const HTTP_HEADERS_MAX: usize = 64;

/// What may wait behind an HTTP request that is not answered yet, in bytes. Browsers send nothing there.
pub const HTTP_PIPELINED_BYTES_MAX: usize = 64 * 1024;

/// How long an HTTP connection is kept between a response and the next request.
pub const HTTP_SILENCE_MAX: Duration = Duration::from_secs(60);

/// How long an HTTP request may wait for its response, whatever its session does: longer than the longest `max_wait`.
pub const HTTP_ANSWER_WITHIN: Duration = Duration::from_secs(75);

/// The longest payload of a WebSocket control frame, in bytes (RFC 6455, 5.5).
pub const WEBSOCKET_CONTROL_BYTES_MAX: usize = 125;

/// The longest payload of one WebSocket data frame, in bytes: a whole packet and its framing.
pub const WEBSOCKET_FRAME_BYTES_MAX: u64 = PACKET_BYTES_MAX as u64 + 64;

/// Replies to WebSocket pings that one call of `Connection::handle` sends at most; a peer gains nothing by more.
pub const WEBSOCKET_PONGS_MAX: usize = 8;

/// The longest datagram, in bytes: what every path carries whole (RFC 9000, 14, says why).
pub const DATAGRAM_BYTES_MAX: usize = 1200;

/// The shortest datagram in which a client should ask for `resPQ`, in bytes: the answer may not be longer than it.
pub const DATAGRAM_FIRST_BYTES: usize = 192;

/// What each piece of a packet carries that is longer than a datagram, but the last, in bytes.
pub const DATAGRAM_PIECE_BYTES: usize = 1152;

/// The longest packet in pieces, in bytes.
pub const DATAGRAM_PACKET_BYTES_MAX: usize = 64 * 1024;

/// Pieces of one packet.
pub const DATAGRAM_PIECES_MAX: usize = DATAGRAM_PACKET_BYTES_MAX.div_ceil(DATAGRAM_PIECE_BYTES);

/// Packets of one address whose pieces have not all come; the oldest goes out.
pub const PACKETS_IN_PIECES_MAX: usize = 4;

/// How long pieces wait for the rest of their packet.
pub const PIECES_REMEMBERED: Duration = Duration::from_secs(5);

/// How long cookies for datagrams are made under one key; they are good for as long again.
pub const COOKIE_KEY_PERIOD: Duration = Duration::from_secs(60);

/// How long a new connection may take to its first whole packet.
pub const FIRST_PACKET_WITHIN: Duration = Duration::from_secs(10);

/// How long a peer may be silent between two messages of a handshake, or after it, before it sends an encrypted packet.
pub const HANDSHAKE_SILENCE_MAX: Duration = Duration::from_secs(60);

/// How long a packet may take to arrive, besides what its length takes at [`PACKET_BYTES_PER_SECOND_MIN`].
pub const PACKET_WITHIN: Duration = Duration::from_secs(30);

/// The slowest rate at which a long packet may dribble in, in bytes per second.
pub const PACKET_BYTES_PER_SECOND_MIN: u64 = 2 * 1024;

/// How long a stranger that speaks no framing is listened to in silence, after its first byte, before the connection
/// closes.
pub const STRANGER_SILENCE: Duration = Duration::from_secs(10);

/// How long the two nonces of a handshake are remembered after its first step.
pub const HANDSHAKE_REMEMBERED: Duration = Duration::from_secs(600);

/// Handshakes under way on one connection. Telegram Desktop makes a permanent and a temporary key side by side, behind
/// a probe that it never finishes.
pub const HANDSHAKES_PER_CONNECTION_MAX: usize = 4;

/// Attempts at `set_client_DH_params` after the first, when the key made was taken already.
pub const DH_RETRIES_MAX: u8 = 5;

/// Steps after which our own client gives up looking for a factor of `pq`; an honest one is found in some 60,000.
pub const FACTOR_STEPS_MAX: u32 = 1 << 20;

/// The shortest `encrypted_data` of `set_client_DH_params`, in bytes: a hash, the fixed fields, and a `g_b` that lost
/// all the leading bytes that the safe range lets it lose.
pub const CLIENT_DH_BYTES_MIN: usize = 320;

/// The longest `encrypted_data` of `set_client_DH_params`, in bytes: a hash, data with 256 bytes of `g_b`, padding.
pub const CLIENT_DH_BYTES_MAX: usize = 336;

/// The longest life of a temporary key, in seconds, whatever the client asks for.
pub const TEMP_KEY_SECONDS_MAX: u32 = 24 * 60 * 60;

/// Secret exponents that are drawn ahead of handshakes at most: 33 KiB, and as many handshakes in a row that are a
/// millisecond shorter.
pub const SPARE_EXPONENTS_MAX: usize = 64;

/// How long the first 64 bytes of an obfuscated connection are remembered, so that they cannot be replayed.
pub const REPLAY_REMEMBERED: Duration = Duration::from_secs(600);

/// Obfuscation headers that [`crate::ReplayCache`] remembers at most, in each of its two generations.
pub const REPLAYS_PER_GENERATION_MAX: usize = 65_536;

/// The primes of `pq` lie above this (and below twice this), so that `pq` stays below 2^62: the factors fit four bytes
/// (Pyrogram) and the product a signed `long` (Telethon).
pub const PQ_PRIME_MIN: u32 = 1 << 30;

const _: () = {
    assert!(PLAIN_PACKET_BYTES_MAX < PACKET_BYTES_MAX);
    assert!(PACKET_BYTES_MAX < 1 << 24, "must fit the three length bytes of abridged framing, in words");
    assert!(1_044_448 + 1024 < PACKET_BYTES_MAX, "Telethon's largest container must fit");
    assert!(crate::crypto::PACKET_BYTES_MIN > PACKET_BYTES_MIN);
    assert!(HANDSHAKE_REMEMBERED.as_secs() >= HANDSHAKE_SILENCE_MAX.as_secs());
    assert!(REPLAY_REMEMBERED.as_secs() >= 600);
    assert!((PQ_PRIME_MIN as u64 * 2) * (PQ_PRIME_MIN as u64 * 2) < 1 << 63);
    assert!(HANDSHAKES_PER_CONNECTION_MAX >= 3);
    assert!(DATAGRAM_PIECE_BYTES + crate::udp::datagram::PIECE_HEAD_BYTES <= DATAGRAM_BYTES_MAX);
    assert!(PLAIN_PACKET_BYTES_MAX <= DATAGRAM_BYTES_MAX);
    // A run is remembered for longer than its cookie is good: a replayed second step is always a repeat.
    assert!(HANDSHAKE_REMEMBERED.as_secs() > 2 * COOKIE_KEY_PERIOD.as_secs());
    assert!(HTTP_ANSWER_WITHIN.as_secs() > crate::session::limits::HTTP_WAIT_MAX.as_secs() + 10);
};
