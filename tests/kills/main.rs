//! The real binary is killed under load, hundreds of times, and starved of its disk: nothing acknowledged is lost.
//!
//! 12 kills of each engine; `CHAPPE_KILLS=1000 cargo test --release --test kills killed` for more, and with
//! `CHAPPE_CRASH_ENGINE=fjall` of one engine only. The people are of our own make here, because foreign clients take seconds
//! to come back; `tests/crash.rs` has those.

#![cfg(target_os = "linux")]

mod crowd;
mod faults;
mod process;
#[path = "../power/recorder.rs"]
mod recorder;
mod talker;

use std::io::Write as _;
use std::time::{Duration, Instant};

use crowd::Crowd;
use process::Server;
use rand::RngExt as _;
use store::EngineKind;

/// Rounds between two looks at the disk from the outside.
const LOOK_EVERY: u64 = 20;

/// The engines that are asked for.
fn engines() -> Vec<EngineKind> {
    match std::env::var("CHAPPE_CRASH_ENGINE") {
        Ok(name) => vec![name.parse().unwrap_or_else(|e| panic!("CHAPPE_CRASH_ENGINE={name}: {e}"))],
        Err(_) => vec![EngineKind::Sled, EngineKind::Fjall],
    }
}

/// Prints past the test runner's capture.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn a_server_killed_again_and_again_loses_nothing_and_does_nothing_twice() {
    let rounds: u64 = std::env::var("CHAPPE_KILLS").map_or(12, |said| said.parse().expect("a number"));
    for engine in engines() {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().join("data");
        let begun = Instant::now();
        let server = Server::start(engine, &data);
        let mut crowd = Crowd::gather(server.addr.expect("ready"), &data).expect("everybody is in");
        drop(server);
        let mut starts = Duration::ZERO;
        for round in 0..rounds {
            let started = Instant::now();
            let mut server = Server::start(engine, &data);
            starts += started.elapsed();
            let addr = server.addr.expect("ready");
            // At any moment: between answers, and in the middle of what none has come for.
            let (enough, late) = (rand::rng().random_range(1..120), rand::rng().random_range(0..8));
            let kill = || {
                std::thread::sleep(Duration::from_millis(late));
                server.kill();
            };
            let played = crowd.round(addr, enough, kill);
            played.unwrap_or_else(|why| panic!("{engine}, round {round}: {why}"));
            if round % LOOK_EVERY == LOOK_EVERY - 1 {
                crowd
                    .look(engine, &data)
                    .unwrap_or_else(|why| panic!("{engine}, after round {round}: {why}"));
            }
        }
        crowd.look(engine, &data).unwrap_or_else(|why| panic!("{engine}, at the end: {why}"));
        let (acknowledged, again) = crowd.counted;
        assert!(acknowledged > rounds, "{engine}: there was load at all");
        say(&format!(
            "kills: {engine}: {rounds} kills in {:.0} s, starts of {:.0} ms; {acknowledged} acknowledged, {again} asked for \
             again, none lost, none twice",
            begun.elapsed().as_secs_f64(),
            starts.as_secs_f64() * 1000.0 / rounds as f64
        ));
    }
}
