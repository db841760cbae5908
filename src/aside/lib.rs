//! Work that stands aside: threads that compute while nobody else wants the processor, and get little of it otherwise.

#[cfg(target_os = "linux")]
mod slice;

/// The least share of a processor that Linux gives to a thread that asks for nothing special: 15 parts beside 1,024.
const LEAST_NICE: i32 = 19;

/// What this thread does, and what threads do that it starts, gets the least share of the processor while others want it, and
/// all of it otherwise.
///
/// There is a policy for that, `SCHED_IDLE`, which is not taken (measured: `benches/README.md`, A flood of handshakes). When a
/// thread wakes up that has just had more than its share, one of that policy goes on computing until the scheduler's next tick,
/// up to four milliseconds; one with a long slice beside threads with shorter ones lets go of the processor more often. Nor
/// are turns forced by a thread that wakes up often: while threads of very unequal weight take turns inside of a group, and
/// each session is one, Linux 6.18 lets threads outside of it wait for seconds, the kernel's own among them, and then no disk
/// answers and no file is opened. A long slice makes few turns.
pub fn behind_all() {
    somewhat(LEAST_NICE);
    #[cfg(target_os = "linux")]
    slice::lengthen();
}

/// This thread gets less of the processor than others, by `niceness`, on Linux: elsewhere that is said of whole processes.
pub fn somewhat(niceness: i32) {
    // Where it is refused, the work is done all the same.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(niceness);
    #[cfg(not(target_os = "linux"))]
    let _ = niceness;
}
