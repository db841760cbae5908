//! Work that stands aside: threads that compute only while nobody else wants the processor, and that let go of it soon.

#![forbid(unsafe_code)]

mod metronome;

pub use metronome::{Computing, Metronome};

/// What this thread does, and what threads do that it starts, runs only while nobody else wants the processor, as far as
/// the system knows such threads (`SCHED_IDLE`, sched(7); it needs no privilege). Elsewhere they get less of the processor, by
/// `niceness`.
pub fn behind_all(niceness: i32) {
    // Where it is refused, the work is done all the same.
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
            thread_native_id,
        };
        let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy).is_ok() {
            return;
        }
    }
    somewhat(niceness);
}

/// This thread gets less of the processor than others, by `niceness`.
pub fn somewhat(niceness: i32) {
    let _ = rustix::process::nice(niceness);
}
