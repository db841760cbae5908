//! Has sled sync what it says it has synced.
//!
//! sled takes a segment of its file for another use when everything in it has been written elsewhere and that is safe. On Linux
//! it makes it safe by `sync_file_range`, which survives a killed process and no loss of power: the disk may have the new use
//! of the segment and not what was moved out of it, and rows are gone that had been durable for years. Where the kernel does
//! not know that call, sled uses `fsync`. So it is not known here: a seccomp filter over all threads answers `ENOSYS` to it,
//! and to nothing else. It costs an `fsync` for every half MiB that is laid in, none of which a transaction waits for.

use std::sync::OnceLock;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::fault::Fault;

/// `sync_file_range`.
#[cfg(target_arch = "x86_64")]
const CALL: i64 = 277;
#[cfg(not(target_arch = "x86_64"))]
const CALL: i64 = 84;

/// `ENOSYS`.
const NO_SUCH_CALL: u32 = 38;

/// From now on, and in all threads, `sync_file_range` does not exist.
pub(super) fn by_fsync() -> Result<(), Fault> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| install().map_err(|error| error.to_string()));
    done.as_ref().copied().map_err(|error| Fault::io("making sled sync its file (seccomp)", error))
}

fn install() -> Result<(), Box<dyn std::error::Error>> {
    let rules = [(CALL, Vec::new())].into_iter().collect();
    let refuse = SeccompAction::Errno(NO_SUCH_CALL);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, std::env::consts::ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter_all_threads(&program)?;
    Ok(())
}
