//! Every bound of a session on one page.

use std::time::Duration;

/// A server salt is the current one for this long.
pub const SALT_PERIOD: Duration = Duration::from_secs(30 * 60);

/// Future salts that a client may ask for at once.
pub const FUTURE_SALTS_MAX: usize = 64;

/// How old a client's message may be, by its msg_id.
pub const MSG_AGE_MAX: Duration = Duration::from_secs(300);

/// How far ahead of our clock a client's message may be.
pub const MSG_AHEAD_MAX: Duration = Duration::from_secs(30);

/// Messages of a client that are remembered: against replay, for questions about them, for their answers. At least
/// 1024, so that paths that run side by side may overtake each other; two full containers.
pub const RECEIVED_MAX: usize = 2048;

/// How long a client's message is remembered. Longer than its age may be, or a replay would be taken for new.
pub const RECEIVED_REMEMBERED: Duration = Duration::from_secs(600);

/// Messages in a container, both ways.
pub const CONTAINER_MESSAGES_MAX: usize = 1024;

/// Ids in `msgs_ack`, `msgs_state_req`, `msg_resend_req`, `msgs_all_info`.
pub const IDS_MAX: usize = 8192;

/// What a packed query may unpack to, in bytes.
pub const UNPACKED_BYTES_MAX: usize = 1 << 20;

/// How many times longer than its packed form a query may unpack to. Deflate itself ends at about 1032; text of an API
/// call stays far below this.
pub const UNPACKED_RATIO_MAX: usize = 256;

/// What a packed query may always unpack to, in bytes, whatever the ratio: a short run of zeros packs well.
pub const UNPACKED_BYTES_FREE: usize = 64 * 1024;

/// What the packed queries of one packet may unpack to in all, in bytes: the query that goes beyond it is the last.
pub const UNPACKED_BYTES_PER_PACKET_MAX: usize = 2 * UNPACKED_BYTES_MAX;

/// Results shorter than this leave unpacked, in bytes. They fit into the first window of a TCP connection (ten segments), so
/// packing would save no round trip; and to pack 4 KiB cost six times what sealing them did.
pub const PACK_BYTES_MIN: usize = 14 * 1024;

/// Results longer than this leave unpacked, in bytes: packing runs while the session waits, and what is longer is a
/// file part that does not shrink anyway.
pub const PACK_BYTES_MAX: usize = 256 * 1024;

/// How much of a result is looked at to tell whether it may shrink, in bytes.
pub const PACK_LOOK_BYTES: usize = 1024;

/// How many of the 256 values a byte of it may have at most; of random bytes some 250 occur in so short a piece, of TL with
/// texts in it some 100.
pub const PACK_VALUES_MAX: usize = 208;

/// What is sent in one container at most, in bytes of bodies; a longer body travels alone.
pub const BATCH_BYTES_MAX: usize = 256 * 1024;

/// What is sent in one container at most, in messages.
pub const BATCH_MESSAGES_MAX: usize = 100;

/// Unacknowledged messages that are kept.
pub const OUTBOX_MESSAGES_MAX: usize = 512;

/// Unacknowledged messages that are kept, in bytes of bodies: four file parts of the largest size.
pub const OUTBOX_BYTES_MAX: usize = 4 * (1 << 20) + 4096;

/// How long an unacknowledged message is kept. Below 300 s: Pyrogram closes its connection on an older id.
pub const OUTBOX_REMEMBERED: Duration = Duration::from_secs(270);

/// How often one message is sent again unasked. Pyrogram closes its connection on a message that it acknowledged before
/// (the acknowledgement may have died with the last connection), so there must be an end.
pub const RESENDS_MAX: u8 = 3;

/// The first silence after which a message on a [`super::PathKind::Datagram`] is sent again; doubled each time.
pub const RESEND_AFTER: Duration = Duration::from_millis(500);

/// How often one message is sent again for that reason.
pub const DATAGRAM_RESENDS_MAX: u8 = 5;

/// What is sent in one container over datagrams, in bytes of bodies: what fits one datagram is lost with one.
pub const DATAGRAM_BATCH_BYTES_MAX: usize = 1024;

/// The longest body that is sent over datagrams, in bytes; a longer one is announced, and waits for a stream.
pub const DATAGRAM_BODY_BYTES_MAX: usize = 64 * 1024 - 256;

/// An answer longer than this is announced (`msg_detailed_info`) and not sent again unasked, in bytes.
pub const REANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long an acknowledgement may wait for company. Below the five seconds after which gotd repeats a query.
pub const ACK_WITHIN: Duration = Duration::from_secs(2);

/// How long an acknowledgement waits at least before it joins a packet that leaves anyway.
pub const ACK_RIDES_AFTER: Duration = Duration::from_millis(500);

/// How many acknowledgements may wait.
pub const ACKS_WAITING_MAX: usize = 16;

/// How long a call waits for a message before it that is known to be missing.
pub const HELD_FOR: Duration = Duration::from_millis(50);

/// Calls that wait like this.
pub const HELD_CALLS_MAX: usize = 64;

/// Messages that may arrive before one that is missing.
pub const NUMBERS_AHEAD_MAX: usize = 256;

/// After so many gaps in a row that nothing came into, a client is one that skips numbers.
pub const HELD_IN_VAIN_MAX: u8 = 4;

/// Paths of one session; the one that was silent longest is forgotten.
pub const PATHS_MAX: usize = 8;

/// How long an HTTP request waits for something to be said, unless it says so itself (`http_wait`).
pub const HTTP_WAIT: Duration = Duration::from_secs(25);

/// The longest times that `http_wait` is granted.
pub const HTTP_WAIT_MAX: Duration = Duration::from_secs(60);

/// What may wait for the next HTTP request of a session without being kept for longer (`pong`), in messages.
pub const HTTP_LOOSE_MAX: usize = 64;

/// The longest `disconnect_delay` that is granted.
pub const DISCONNECT_DELAY_MAX: Duration = Duration::from_secs(600);

const _: () = {
    assert!(RECEIVED_MAX >= 1024 && RECEIVED_MAX > CONTAINER_MESSAGES_MAX);
    assert!(RECEIVED_REMEMBERED.as_secs() > MSG_AGE_MAX.as_secs() + MSG_AHEAD_MAX.as_secs());
    assert!(RECEIVED_REMEMBERED.as_secs() > OUTBOX_REMEMBERED.as_secs());
    assert!(OUTBOX_REMEMBERED.as_secs() < 300);
    assert!(HTTP_WAIT.as_secs() <= HTTP_WAIT_MAX.as_secs());
    assert!(BATCH_MESSAGES_MAX < CONTAINER_MESSAGES_MAX);
    assert!(PACK_BYTES_MIN < PACK_BYTES_MAX && PACK_BYTES_MAX <= BATCH_BYTES_MAX);
    // Heads, padding and the head of a container around them.
    assert!(DATAGRAM_BATCH_BYTES_MAX + 24 + 32 + 12 + 91 <= crate::limits::DATAGRAM_BYTES_MAX);
    assert!(DATAGRAM_BODY_BYTES_MAX + 24 + 32 + 12 + 91 <= crate::limits::DATAGRAM_PACKET_BYTES_MAX);
    assert!(UNPACKED_BYTES_FREE <= UNPACKED_BYTES_MAX);
};
