//! The power fails: what a disk may hold then is made from a record of writes and syncs, opened, and looked at.
//!
//! A copy of this program works on a store and a place for blobs, under `recorder.c`, and says what is durable. The record is cut
//! somewhere; from what was synced before the cut, and some of what was not, a disk is made. The store must open, everything
//! that was said to be durable must be there, and a walk over all invariants must find nothing.
//!
//! 10 cuts for each engine; `CHAPPE_POWER_CUTS=500 cargo test --release --test power` for more. Linux only, and only
//! where a process may trace its child.

#![cfg(target_os = "linux")]

mod disk;
mod recorder;
mod work;

use std::fs;
use std::path::{Path, PathBuf};

use disk::{Disk, Event};
use env::{Dice as _, SeededDice};
use store::EngineKind;

/// Cuts of one record.
const CUTS_OF_ONE: u64 = 20;

/// Tells a copy of this program that it is the one to be recorded: engine, seed and directory.
const WORKER: &str = "CHAPPE_POWER_WORKER";

#[test]
fn sled_keeps_what_it_acknowledged_when_the_power_fails() {
    power_fails(EngineKind::Sled);
}

#[test]
fn fjall_keeps_what_it_acknowledged_when_the_power_fails() {
    power_fails(EngineKind::Fjall);
}

/// Not a test: what the copy of this program does.
#[test]
fn worker() {
    let Ok(orders) = std::env::var(WORKER) else { return };
    let words: Vec<&str> = orders.splitn(3, ' ').collect();
    let [engine, seed, dir] = words[..] else { panic!("engine, seed and directory") };
    work::work(engine.parse().expect("an engine"), seed.parse().expect("a seed"), Path::new(dir));
}

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(said) => said.parse().unwrap_or_else(|_| panic!("{name}={said} is not a number")),
        Err(_) => default,
    }
}

fn power_fails(engine: EngineKind) {
    let cuts = number("CHAPPE_POWER_CUTS", 10);
    // A failure says which seed repeats it.
    let first = number("CHAPPE_POWER_SEED", 1);
    let (mut done, mut unsynced, mut acknowledged) = (0, 0, 0);
    for seed in first.. {
        if done >= cuts {
            break;
        }
        let here = CUTS_OF_ONE.min(cuts - done);
        let (cut_open, kept) = record_and_cut(engine, seed, here);
        (unsynced, acknowledged) = (unsynced + cut_open, acknowledged + kept);
        done += here;
    }
    // Past the capture of the test runner, so that a green run says what it did.
    let said = format!(
        "power: {engine}: {done} cuts, {unsynced} of them with something unsynced; {acknowledged} acknowledgements kept\n"
    );
    let _ = std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes());
    assert!(acknowledged > 0, "something was acknowledged at all");
}

/// Records one run and cuts it so many times; how many of these left something unsynced, and how much was acknowledged.
fn record_and_cut(engine: EngineKind, seed: u64, cuts: u64) -> (u64, u64) {
    let dir = in_memory();
    let root = fs::canonicalize(dir.path()).expect("a path").join("data");
    fs::create_dir(&root).expect("a directory");
    let log = dir.path().join("log");
    let mut worker = recorder::record(&log, &root, &std::env::current_exe().expect("this very program"));
    worker.args(["--exact", "worker", "--nocapture", "--test-threads=1"]);
    worker.env(WORKER, format!("{engine} {seed} {}", root.display()));
    let output = worker.output().expect("the recorder runs");
    assert!(output.status.success(), "{engine}, seed {seed}: {}", String::from_utf8_lossy(&output.stderr));
    fs::remove_dir_all(&root).expect("removed");
    let events = disk::events(&fs::read(&log).expect("the log"));
    let changes: Vec<usize> = (0..events.len()).filter(|n| events[*n].changes()).collect();
    let mut dice = SeededDice::new(seed);
    let mut places: Vec<usize> = (0..cuts)
        .map(|_| changes[usize::try_from(dice.below(changes.len() as u64)).expect("small")])
        .collect();
    places.sort_unstable();
    let (mut disk, mut said, mut come) = (Disk::default(), Vec::new(), 0);
    let (mut unsynced, mut acknowledged) = (0, 0);
    for place in places {
        while come < place {
            follow(&mut disk, &events[come], &mut said);
            come += 1;
        }
        let image = in_memory();
        disk.cut(&root, &image.path().join("data"), &mut dice).expect("a disk");
        unsynced += u64::from(disk.unsynced() != (0, 0));
        let acks = work::acknowledged(&said);
        acknowledged += acks.len() as u64;
        let looked = work::look(engine, &image.path().join("data"), &acks);
        if let Err(why) = looked {
            let kept = image.keep().join("data");
            panic!(
                "{engine}, seed {seed}, cut before event {place} of {}: {why}\nthe disk is kept in {}; \
                 CHAPPE_POWER_SEED={seed} repeats it",
                events.len(),
                kept.display()
            );
        }
    }
    (unsynced, acknowledged)
}

fn follow(disk: &mut Disk, event: &Event, said: &mut Vec<u8>) {
    if let Some(text) = event.said() {
        said.extend_from_slice(text);
    }
    disk.follow(event);
}

/// A directory that vanishes; in memory where there is one, since hundreds of disks are written.
fn in_memory() -> tempfile::TempDir {
    let shm = PathBuf::from("/dev/shm");
    let made = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
    made.expect("a temporary directory")
}

#[test]
fn a_disk_that_forgets_a_sync_is_noticed() {
    // The same cuts on a disk some of whose syncs do nothing: that something is lost then shows that the test can fail.
    let dir = in_memory();
    let root = fs::canonicalize(dir.path()).expect("a path").join("data");
    fs::create_dir(&root).expect("a directory");
    let log = dir.path().join("log");
    let mut worker = recorder::record(&log, &root, &std::env::current_exe().expect("this very program"));
    worker.args(["--exact", "worker", "--nocapture", "--test-threads=1"]);
    worker.env(WORKER, format!("sled 7 {}", root.display()));
    assert!(worker.output().expect("the recorder runs").status.success());
    fs::remove_dir_all(&root).expect("removed");
    let log = fs::read(&log).expect("the log");
    for name in ["db", "journal"] {
        let mut events = disk::events(&log);
        // Names are kept, bytes are not: the syncs of one kind of file alone are forgotten.
        let syncs = events.iter().filter(|event| event.is_sync_of(name)).count();
        assert!(syncs > 5, "{name}: {syncs} syncs");
        events.retain(|event| !event.is_sync_of(name));
        let mut dice = SeededDice::new(7);
        // At the end, and in the middle of things: what is in the tree by then is not missed.
        let noticed = (1..=16).any(|part| {
            let (mut disk, mut said) = (Disk::default(), Vec::new());
            events
                .iter()
                .take(events.len() * part / 16)
                .for_each(|event| follow(&mut disk, event, &mut said));
            let image = in_memory();
            disk.cut(&root, &image.path().join("data"), &mut dice).expect("a disk");
            work::look(EngineKind::Sled, &image.path().join("data"), &work::acknowledged(&said)).is_err()
        });
        assert!(noticed, "{name}: nothing was lost by sixteen disks that forget");
    }
}
