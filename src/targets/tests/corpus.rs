//! The corpus of every fuzz target, played without a fuzzer; and for some time what a mutator makes of it.
//!
//! `CHAPPE_FUZZ_SECONDS=60 cargo test -p chappe-targets` mutates longer, `CHAPPE_FUZZ_NUMBER` repeats a run.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use targets::mutate::Mutator;
use targets::{TARGETS, Target};

/// How long each target is fed with changed inputs, unless `CHAPPE_FUZZ_SECONDS` says otherwise.
const SECONDS: u64 = 2;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The inputs of a target, in the order of their names.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fuzz().join("corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("an input"))).collect()
}

fn setting(name: &str) -> Option<u64> {
    let said = std::env::var(name).ok()?;
    Some(said.parse().unwrap_or_else(|_| panic!("{name}={said} is not a number")))
}

/// Gives each target to `work`, two at a time.
fn for_each_target(work: impl Fn(Target) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(target) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(*target);
                }
            });
        }
    });
}

#[test]
fn every_target_has_a_corpus_a_binary_and_a_row() {
    let (readme, manifest) = (fuzz().join("README.md"), fuzz().join("Cargo.toml"));
    let readme = fs::read_to_string(readme).expect("fuzz/README.md");
    let manifest = fs::read_to_string(manifest).expect("fuzz/Cargo.toml");
    for (name, _) in TARGETS {
        assert!(corpus(name).len() >= 4, "{name}: a corpus of {}", corpus(name).len());
        assert!(readme.contains(&format!("| `{name}` |")), "{name}: no row in fuzz/README.md");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}: not in fuzz/Cargo.toml");
    }
}

#[test]
fn the_corpus_of_every_target_passes() {
    for_each_target(|(name, run)| {
        for (path, input) in corpus(name) {
            let outcome = catch_unwind(AssertUnwindSafe(|| run(&input)));
            assert!(outcome.is_ok(), "{name}: {}", path.display());
        }
    });
}

#[test]
fn changed_inputs_pass_for_some_seconds() {
    let time = Duration::from_secs(setting("CHAPPE_FUZZ_SECONDS").unwrap_or(SECONDS));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let number = setting("CHAPPE_FUZZ_NUMBER").unwrap_or(now);
    for_each_target(|(name, run)| {
        let seeds = corpus(name).into_iter().map(|(_, input)| input).collect();
        let mut mutator = Mutator::new(seeds, number);
        let (start, mut executions) = (Instant::now(), 0_u64);
        while start.elapsed() < time {
            let input = mutator.input();
            executions += 1;
            if catch_unwind(AssertUnwindSafe(|| run(&input))).is_err() {
                let folder = fuzz().join("artifacts").join(name);
                let path = folder.join(format!("mutated-{number}-{executions}"));
                let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, &input));
                panic!("{name}: {} ({kept:?}), CHAPPE_FUZZ_NUMBER={number}", path.display());
            }
        }
        eprintln!("{name}: {executions} inputs in {} s from number {number}", time.as_secs());
    });
}
