//! Every bound of the gateway, on one page: first those that an operator sets, then those that are part of the design.

use std::time::Duration;

/// The bounds that depend on the machine and on who is let in.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections open at once, in total.
    pub connections_max: u32,
    /// Connections open at once from one address (IPv6: from one /64).
    pub connections_per_address_max: u32,
    /// Key exchanges of one address in a minute.
    pub handshakes_per_address_per_minute: u32,
    /// Calls of one auth key in a second, averaged over [`CALL_BURST_SECONDS`].
    pub calls_per_key_per_second: u32,
    /// How much wider the limits per address are for loopback.
    pub loopback_factor: u32,
    /// Threads that run calls.
    pub workers: usize,
    /// Threads that compute key exchanges.
    pub handshake_threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            connections_max: 20_000,
            connections_per_address_max: 256,
            handshakes_per_address_per_minute: 60,
            calls_per_key_per_second: 100,
            loopback_factor: 64,
            // A call may wait for the store's writer, so that one thread for each core would leave cores idle.
            workers: cores * 2,
            handshake_threads: cores,
        }
    }
}

// ---- addresses and connections

/// One connection in so many is kept free of strangers, who are in a key exchange or have not said a word: a flood of
/// half-open handshakes keeps nobody out who has a key.
pub const KEPT_FROM_STRANGERS: u32 = 4;

/// Addresses whose past is remembered.
pub const ADDRESSES_MAX: usize = 65_536;

/// Until the first whole packet of a connection, besides what the bytes that have come take at
/// [`mtproto::limits::PACKET_BYTES_PER_SECOND_MIN`]. Time from the accepting on; a dribble of bytes does not extend it.
pub const FIRST_PACKET_TIME: Duration = Duration::from_secs(10);

/// Until a connection has shown that it knows a key, besides the same.
pub const AUTHENTICATED_TIME: Duration = Duration::from_secs(30);

/// Without any packet, a connection is closed. Clients ping every minute or more often.
pub const IDLE_TIME: Duration = Duration::from_secs(600);

/// How long the bytes that stand in front of a close (a transport error) may take to leave.
pub const GOODBYE_TIME: Duration = Duration::from_secs(2);

/// Connections the kernel may keep for us until we accept them.
pub const BACKLOG: u32 = 1024;

/// After a failed accept (out of file descriptors) nothing is accepted for this long.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bytes read from a socket at once. One buffer of this size for each thread of the sockets, none for a connection.
pub const READ_BYTES: usize = 64 * 1024;

/// Pieces given to the kernel by one write.
pub const PARTS_IN_A_WRITE: usize = 16;

/// Packets that wait to be framed for one connection.
pub const MAILBOX_PACKETS_MAX: usize = 4096;

/// Bytes that wait to be framed for one connection.
pub const MAILBOX_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Framed bytes that wait for a slow reader above which nothing more is read from it.
pub const UNWRITTEN_BYTES_HIGH: usize = 1024 * 1024;

/// Framed bytes that wait for a slow reader above which the connection is closed.
pub const UNWRITTEN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A connection whose reader took nothing at all for this long, with bytes waiting, is closed.
pub const STALLED_TIME: Duration = Duration::from_secs(60);

// ---- datagrams

/// What is read of a datagram, in bytes; what is longer is none of ours.
pub const DATAGRAM_BUFFER_BYTES: usize = 2048;

/// Datagrams of one address that wait for its task; what comes above it is dropped.
pub const DATAGRAMS_WAITING_MAX: usize = 128;

/// Datagrams that leave for one address at once; what would leave above it is dropped.
pub const DATAGRAM_BURST: f64 = 256.0;

/// Datagrams that leave for one address in a second, on average.
pub const DATAGRAMS_PER_SECOND: f64 = 2000.0;

/// An address from which nothing authentic came for this long is forgotten; it may prove itself again.
pub const DATAGRAM_IDLE_TIME: Duration = Duration::from_secs(120);

// ---- key exchanges

/// Computations of key exchanges that wait for a thread, for each thread: so many first ones, and so many last ones, which go
/// before them. At some 4 ms each, a third of a second.
pub const HANDSHAKE_STEPS_WAITING_PER_THREAD: usize = 40;

/// How long the threads of key exchanges leave what waits before a thread more does it. A handshake computes for milliseconds,
/// and those who are in must not wait for those who want to come in, so these threads stand behind all others; but a server
/// whose calls take all processors still lets people in. It must not be how much waits that wakes that thread: then a flood of
/// handshakes would.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_millis(500);

/// How far that thread steps back all the same, in terms of niceness: a tenth of what others get.
pub const HANDSHAKE_NICENESS: i32 = 10;

// ---- time

/// How far the clock may lie behind the latest moment that was told before it counts as set back: threads that ask at the
/// same time are answered in any order.
pub const CLOCK_JITTER: Duration = Duration::from_millis(10);

/// How often it is looked whether the store must be told how far messages will be named.
pub const NAMES_LOOK_EVERY: Duration = Duration::from_secs(1);

/// It is told when less than this is left.
pub const NAMES_LEFT_MIN: Duration = Duration::from_secs(5);

/// Sessions that are woken, one after the other, before the thread has something else to do.
pub const ALARMS_IN_A_ROW: usize = 64;

// ---- keys and sessions

/// Keys whose contents are held in memory, beside those in use.
pub const KEYS_CACHED_MAX: usize = 16_384;

/// Temporary keys alive at once. They exist in memory only; a client whose key is dropped makes a new one.
pub const TEMP_KEYS_MAX: usize = 65_536;

/// Temporary keys bound to one permanent key; the oldest goes out.
pub const TEMP_KEYS_PER_KEY_MAX: usize = 16;

/// A temporary key lives at most this long, whatever its maker asked for, in seconds.
pub const TEMP_KEY_SECONDS_MAX: u32 = 24 * 60 * 60;

/// Sessions held at once.
pub const SESSIONS_MAX: usize = 65_536;

/// Sessions of one key; the one unused for longest goes out.
pub const SESSIONS_PER_KEY_MAX: usize = 64;

/// Sessions of one key that were destroyed or had to go, of which it is remembered for five minutes what they had received.
/// What goes beyond is remembered of the key as a whole.
pub const GONE_SESSIONS_PER_KEY_MAX: usize = 64;

/// Connections that one session may have at once; the oldest goes out.
pub const PATHS_PER_SESSION_MAX: usize = 8;

/// A session without a connection is forgotten after this long.
pub const SESSION_IDLE_TIME: Duration = Duration::from_secs(15 * 60);

/// The same for a session in which nothing was ever accepted, and for any when there are too many.
pub const SESSION_CROWDED_TIME: Duration = Duration::from_secs(60);

/// How often what has expired is looked for.
pub const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// How often the use of a key is noted in the store.
pub const TOUCH_EVERY: Duration = Duration::from_secs(600);

// ---- calls

/// Calls of one session that wait for their turn.
pub const CALLS_WAITING_PER_SESSION_MAX: usize = 2048;

/// Bytes of calls of one session that wait for their turn.
pub const CALL_BYTES_WAITING_PER_SESSION_MAX: usize = 8 * 1024 * 1024;

/// Calls, or their bytes, above which nothing more is read from the connections of a session until some are done.
pub const CALLS_CONGESTED: usize = 512;

/// As [`CALLS_CONGESTED`], in bytes.
pub const CALL_BYTES_CONGESTED: usize = 4 * 1024 * 1024;

/// Calls that a worker does for one session before the next session gets its turn.
pub const CALLS_IN_A_ROW: usize = 8;

/// Pieces of work that wait for a worker. A session stands in the line once, however many calls it has.
pub const WORK_WAITING_MAX: usize = 2 * SESSIONS_MAX;

/// Calls of one session that are started and wait for a file or an event.
pub const CALLS_PARKED_PER_SESSION_MAX: usize = 64;

/// The burst of calls that a key may make: so many seconds' worth.
pub const CALL_BURST_SECONDS: u32 = 10;

/// Calls of methods that nobody knows, or with arguments that cannot be read, that may come over one connection in a
/// minute, before their client is told to wait.
pub const UNKNOWN_PER_MINUTE: f64 = 64.0;

/// The same over all connections of one key together, so that to connect again is no way around it.
pub const UNKNOWN_PER_KEY_AND_MINUTE: f64 = 4.0 * UNKNOWN_PER_MINUTE;

/// How long it has to wait then, in seconds.
pub const UNKNOWN_METHOD_WAIT_SECONDS: u32 = 5;

/// How long a call waits for one that it is to follow and that has not come yet.
pub const AFTER_MISSING_TIME: Duration = Duration::from_secs(1);

/// How long it waits for one that runs, or waits for the disk: chains of calls wait for each other.
pub const AFTER_RUNNING_TIME: Duration = Duration::from_secs(15);

/// Replies and pushes of one session that wait for the disk.
pub const UNDURABLE_PER_SESSION_MAX: usize = 4096;

/// Sessions that one task lets send when a group of commits has become durable.
pub const DEPARTURES_AT_ONCE: usize = 64;

// ---- files

/// Bytes that one call reads of a file.
pub const RANGE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of an image from which a photo is made.
pub const IMAGE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Pixels of both sides of such an image together.
pub const IMAGE_SIDES_MAX: u32 = 10_000;

/// How much longer than the other one side of such an image may be.
pub const IMAGE_RATIO_MAX: u32 = 20;

/// Memory that one such image may need to be decoded, in bytes.
pub const IMAGE_MEMORY_MAX: u64 = 256 * 1024 * 1024;

/// Images that are decoded at once.
pub const IMAGES_AT_ONCE: usize = 2;

// ---- pushes

/// Bodies that are made for one key before others get their turn on the same thread, one of the sockets.
pub const PUSHES_IN_A_ROW: usize = 8;

/// Keys that are told the news of a channel in one look into its log.
pub const TOLD_IN_ONE_LOOK: usize = 128;

/// Channels whose news wait for one key; above it the key is told `updatesTooLong`.
pub const CHANNELS_WAITING_PER_KEY_MAX: usize = 512;

/// Ephemeral notices that wait for one key; above it they are dropped.
pub const EPHEMERAL_WAITING_PER_KEY_MAX: usize = 128;

// ---- jobs

/// How often the runner of jobs looks for what is due.
pub const JOBS_EVERY: Duration = Duration::from_secs(1);

/// Jobs taken in one look.
pub const JOBS_AT_ONCE: usize = 64;

/// Jobs that are under way at once.
pub const JOBS_RUNNING_MAX: usize = 8;

/// A file that was being written by a server that died is removed after this long.
pub const UNFINISHED_TIME: Duration = Duration::from_secs(60 * 60);

// ---- strays

/// How long after the start blobs are first looked for to which no row leads.
pub const STRAYS_FIRST: Duration = Duration::from_secs(15 * 60);

/// How long after each look.
pub const STRAYS_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// How old such a blob must be: uploads last for a day, and a job that ends them may be late.
pub const STRAYS_KEEP: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// Blobs that are held against the rows at once.
pub const STRAYS_LISTED: usize = 10_000;

/// The pause between two looks at the rows, in which others have the store.
pub const STRAYS_PAUSE: Duration = Duration::from_millis(20);

// ---- the end

/// How long calls that were taken may still run after the signal to stop.
pub const DRAIN_TIME: Duration = Duration::from_secs(10);

/// How often it is looked whether they are done.
pub const DRAIN_LOOK_EVERY: Duration = Duration::from_millis(10);

const _: () = {
    assert!(FIRST_PACKET_TIME.as_secs() < AUTHENTICATED_TIME.as_secs());
    assert!(AUTHENTICATED_TIME.as_secs() < IDLE_TIME.as_secs());
    assert!(IDLE_TIME.as_secs() < SESSION_IDLE_TIME.as_secs());
    assert!(SESSIONS_PER_KEY_MAX < SESSIONS_MAX);
    assert!(NAMES_LEFT_MIN.as_secs() < api::limits::NAMES_AHEAD.as_secs());
    assert!(DATAGRAM_BUFFER_BYTES > mtproto::limits::DATAGRAM_BYTES_MAX);
    assert!(DATAGRAM_BURST as usize > 2 * mtproto::limits::DATAGRAM_PIECES_MAX);
    // A whole mailbox must fit behind what is already written.
    assert!(UNWRITTEN_BYTES_HIGH + MAILBOX_BYTES_MAX < UNWRITTEN_BYTES_MAX);
    // The last packet that is read may bring a whole container.
    assert!(CALLS_CONGESTED + 1024 < CALLS_WAITING_PER_SESSION_MAX);
    assert!(CALL_BYTES_CONGESTED < CALL_BYTES_WAITING_PER_SESSION_MAX);
};
