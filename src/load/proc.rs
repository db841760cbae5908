//! What the operating system knows of a process and of the machine (`/proc`, proc(5)).

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::error::{LoadError, Result};

/// Ticks of the processor's clock in a second. 100 on every Linux that anybody runs: the kernel converts for `/proc`.
const TICKS_PER_SECOND: u64 = 100;

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Processor time, user and system, all threads.
    pub(crate) cpu: Duration,
    /// Memory in use (resident set), in bytes.
    pub(crate) rss_bytes: u64,
}

/// What the process `pid` has used, in all its threads. To ten milliseconds.
///
/// # Errors
/// There is no such process.
pub(crate) fn usage(pid: u32) -> Result<Usage> {
    let about = |e| LoadError::about(format_args!("process {pid}"), e);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(about)?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(about)?;
    let (ticks, rss_bytes) = (ticks(&stat), rss_bytes(&status));
    Ok(Usage { cpu: Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND), rss_bytes })
}

/// What this process has used.
pub(crate) fn own_usage() -> Usage {
    usage(std::process::id()).unwrap_or_default()
}

/// The process `pid` and all that it has started, and they, and so on.
pub(crate) fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(parent) = all.get(next).copied() {
        next += 1;
        let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        for thread in threads {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    all
}

/// What a process and all that it has started have used together.
pub(crate) fn family_usage(pid: u32) -> Usage {
    family(pid).into_iter().filter_map(|pid| usage(pid).ok()).fold(Usage::default(), |sum, usage| Usage {
        cpu: sum.cpu + usage.cpu,
        rss_bytes: sum.rss_bytes + usage.rss_bytes,
    })
}

/// `utime` and `stime` of a line of `/proc/PID/stat`, together.
fn ticks(stat: &str) -> u64 {
    // The name of the program, in parentheses, may hold anything.
    let behind_name = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    behind_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

fn rss_bytes(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// The machine in a few words: processor, cores, and how busy it was in the last minute.
pub(crate) fn machine() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("?");
    format!("{model}, {cores} cores, load {load} at the start")
}

/// The kind of file system that `path` lies on: what is durable there depends on it.
pub(crate) fn file_system(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let found = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            Some((words.next()?, words.next()?))
        })
        .filter(|(place, _)| path.starts_with(place))
        .max_by_key(|(place, _)| place.len());
    found.map_or_else(|| "unknown".to_owned(), |(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_strange_name_has_used_what_it_has_used() {
        let stat = "77 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        assert_eq!(ticks(stat), 300);
        assert_eq!(rss_bytes("Name:\tx\nVmRSS:\t   2048 kB\n"), 2 * 1024 * 1024);
    }

    #[test]
    fn this_process_uses_something() {
        assert!(own_usage().rss_bytes > 100_000);
        assert!(usage(u32::MAX).is_err());
    }
}
