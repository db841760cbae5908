//! How long a thread is to run when it is its turn (sched(7), `sched_setattr(2)`).

use std::time::Duration;

/// The longest that Linux takes; those that ask for nothing get some three milliseconds.
const LONG: Duration = Duration::from_millis(100);

/// The first members of `struct sched_attr` (`SCHED_ATTR_SIZE_VER0`), as the kernel reads and writes them.
#[repr(C)]
#[derive(Debug, Default)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    /// Nanoseconds. For a thread of the ordinary policy, its slice, since Linux 6.12; before, it means nothing.
    runtime: u64,
    deadline: u64,
    period: u64,
}

impl Attributes {
    #[expect(clippy::cast_possible_truncation, reason = "48")]
    const SIZE: u32 = size_of::<Self>() as u32;

    /// Those of this thread.
    fn of_this_thread() -> Option<Self> {
        let mut attributes = Self::default();
        // SAFETY: the kernel writes at most as many bytes as it is told, which are those of a value that is ours alone.
        #[allow(unsafe_code, reason = "no crate that we have makes this call for an ordinary thread")]
        let answer = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, Self::SIZE, 0) };
        (answer == 0).then_some(attributes)
    }

    /// Gives them to this thread; whether the system took them.
    fn apply(mut self) -> bool {
        self.size = Self::SIZE;
        // Also who has no right to more than it has may keep what it has: `flags` say nothing about a reset or a bandwidth.
        self.flags = 0;
        // SAFETY: the kernel reads as many bytes as `size` says, which are those of this value.
        #[allow(unsafe_code, reason = "as above")]
        let answer = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const self, 0) };
        answer == 0
    }
}

/// This thread, when it runs, is to run long. Where the system knows no slices, nothing happens.
pub(crate) fn lengthen() {
    if let Some(mut attributes) = Attributes::of_this_thread() {
        attributes.runtime = u64::try_from(LONG.as_nanos()).unwrap_or(0);
        let _ = attributes.apply();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gets_a_long_slice_and_keeps_its_niceness() {
        let looks = || {
            crate::somewhat(7);
            lengthen();
            Attributes::of_this_thread().expect("every Linux since 3.14 tells")
        };
        let seen = std::thread::spawn(looks).join().expect("no panic");
        assert_eq!((seen.nice, seen.policy), (7, 0));
        // Before Linux 6.12 an ordinary thread has no slice of its own, and zero is told.
        assert!([0, 100_000_000].contains(&seen.runtime), "{seen:?}");
        let before = std::thread::spawn(Attributes::of_this_thread).join().expect("no panic");
        let before = before.expect("as above");
        assert!(before.nice == 0 && before.runtime < 100_000_000, "others keep theirs: {before:?}");
    }
}
