//! Every bound of the load generator, on one page.

use std::time::Duration;

/// The longest measurement.
pub const DURATION_MAX: Duration = Duration::from_secs(3600);

/// Connections of one measurement.
pub const CONNECTIONS_MAX: usize = 60_000;

/// Operations that one connection may have under way.
pub const IN_FLIGHT_MAX: usize = 100;

/// Operations that one connection may have under way when a rate is asked for: what is due above it waits, and its
/// waiting counts.
pub const OPEN_IN_FLIGHT_MAX: usize = 64;

/// Half-open handshakes that are held in this process.
pub const IN_PROCESS_MAX: usize = 1_000_000;

/// Accounts that there are test numbers for.
pub const PEOPLE_MAX: usize = 100_000;

/// People that sign up side by side.
pub const SIGN_UPS_AT_ONCE: usize = 8;

/// Acknowledgements that wait for a query to ride with, before they leave alone.
pub const ACKS_WAITING_MAX: usize = 16;

/// How long they wait.
pub const ACKS_WAIT: Duration = Duration::from_secs(1);

/// How late an operation of an open loop may start without this counting as the server's fault: timers end at whole
/// milliseconds.
pub const LATE: Duration = Duration::from_millis(2);

/// How long answers are waited for at the end of a measurement.
pub const DRAIN: Duration = Duration::from_secs(10);

/// How long one answer is waited for while a measurement is prepared.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long a server may take to start: the first time it makes its keys.
pub const START: Duration = Duration::from_secs(120);

/// How long a server may take to stop.
pub const STOP: Duration = Duration::from_secs(60);

/// Bytes read from a socket at once.
pub const READ_BYTES: usize = 256 * 1024;

/// How often the progress line is drawn.
pub const DRAW_EVERY: Duration = Duration::from_millis(250);

/// The longest latency that is told from longer ones, in nanoseconds.
pub const LATENCY_NANOS_MAX: u64 = 600 * 1_000_000_000;
