//! Every bound of the hostile peers on one page.

use std::time::Duration;

/// How long a case may wait in all, unless the command line says otherwise.
pub const CASE_TIME: Duration = Duration::from_secs(45);

/// How long a case waits for one answer, unless its script says otherwise.
pub const ANSWER_TIME: Duration = Duration::from_secs(15);

/// Cases that run side by side, unless the command line says otherwise.
pub const CASES_AT_ONCE: usize = 16;

/// Cases that begin sessions under one key. A server may bound the sessions of a key.
pub const CASES_PER_KEY: u32 = 24;

/// Bytes that are read from a socket at once.
pub const READ_BYTES: usize = 64 * 1024;

/// Bytes of an HTTP response that are kept.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// What one case keeps of what it heard; a server that says more than this has failed it.
pub const HEARD_MAX: usize = 4096;

/// What is kept of the bytes that went out over a connection, to be played again.
pub const WRITTEN_BYTES_KEPT: usize = 16 * 1024;

/// Ports that are refused because an earlier case had them, before a case is given up for want of one.
pub const USED_PORTS_REFUSED_MAX: usize = 64;

/// Bytes that the kernel is asked to keep of the datagrams of one address.
pub const RECEIVE_BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// Datagrams of one address that were read from the kernel and wait for the script.
pub const DATAGRAMS_WAITING_MAX: usize = 4096;

/// Datagrams of which it is remembered when they came, since the last one went.
pub const DATAGRAMS_TIMED_MAX: usize = 8192;

/// Events of the hostile server that are printed; the rest is counted.
pub const EVENTS_MAX: usize = 2_000;

/// Connections that the hostile server serves at once.
pub const CLIENTS_MAX: usize = 64;

/// How long the hostile server waits, behind a lie told as the answer to a call, before it answers honestly: what a
/// client does about the lie it does before.
pub const HONEST_AFTER: Duration = Duration::from_secs(3);

/// The same behind a lie that was no answer.
pub const HONEST_SOON: Duration = Duration::from_millis(300);

/// For how long everything is answered with the same lie.
pub const LOOP_TIME: Duration = Duration::from_secs(5);

/// Messages of one container that the hostile server reads.
pub const CONTAINER_MESSAGES_MAX: u32 = 1024;
