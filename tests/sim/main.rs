//! The whole core in one thread, from one seed: clients that speak the real protocol, the real gateway, the real API and
//! model, over a disk that forgets what was not synced.
//!
//! Three people on several devices write to each other, in a group and in a supergroup; they edit, delete, read, come
//! back, open new sessions, log in on new devices. Meanwhile connections die without a word, are cut off, are not read;
//! somebody on the way holds packets back, doubles them, records them and sends them again; the server's clock and theirs
//! are set on and back; the machine stops, and starts again with what was synced. At the end each device must know
//! what one knows that has just logged in and read everything, and nothing that was acknowledged is missing or there twice.
//!
//! | command | what it does |
//! |---|---|
//! | `cargo test --test sim` | 200 seeds, new ones each time: they count from the clock, and are printed |
//! | `CHAPPE_SIM_SEEDS=10000 cargo test --release --test sim` | so many |
//! | `CHAPPE_SIM_SEED=7 cargo test --release --test sim -- --nocapture` | that one, and prints what happens |
//!
//! What it notices, each tried once by breaking the code on purpose (the lives of seeds 1 to 60 at most):
//!
//! | broken | noticed by |
//! |---|---|
//! | a `random_id` is not looked up (`model/sent.rs`) | seed 6: a message is there twice |
//! | one row of a person's log in seven is not written (`model/updates.rs`) | seed 1: a difference does not add up |
//! | replies leave before the disk has written (`gateway/calls.rs`) | seed 19: the last differences have no end |
//! | a difference leaves out a row (`api/methods/updates.rs`) | seed 1: it does not add up |
//! | a push tells in the wrong order (`api/push.rs`) | seed 4: a push leads back |
//! | names begin at the clock after a restart (`gateway/node.rs`) | seed 21: a msg_id below an earlier one |
//! | what a destroyed session had received is forgotten (`gateway/keys.rs`) | [`replay`]: executed again |
//! | the salts of a restart are those of before (`mtproto/session/salts.rs`) | [`replay`] |
//! | a call does not wait for one that is missing (`mtproto/session/order.rs`) | [`order`] |
//! | a push without a log, -404 or a job does not wait for the disk (`gateway/push.rs`, `node.rs`, `jobs.rs`) | [`undurable`] |
//!
//! Not noticed: that a msg_id which is known counts as new (`mtproto/session/ledger.rs`), for its seq_no is taken and refused
//! all the same; the session's own tests notice.
//!
//! What runs is the gateway itself (connections, sessions, lines of calls, pushes, jobs, sweeps) on tokio's current-thread
//! runtime with its time paused; connections are pairs of buffers and workers are tasks whose pace is drawn. Absent: the
//! kernel's sockets (`tests/e2e`), real disks and real kills (`tests/crash.rs`, `src/store/crash.rs`), the making of keys
//! (`src/mtproto/tests/handshake.rs`).

#![forbid(unsafe_code)]

mod device;
mod follow;
mod house;
mod ledger;
mod order;
mod people;
mod replay;
mod story;
mod undurable;
mod world;

use std::cell::Cell;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use story::Told;
use world::EPOCH;

/// Fresh seeds of a run that asks for no number.
const SEEDS: u64 = 200;

thread_local! {
    /// Panics of this thread, those that the gateway contains included.
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            before(info);
        }));
    });
}

/// Runs `story` in a simulated world of its own.
fn simulate<T>(seed: u64, story: impl AsyncFnOnce() -> Result<T, String>) -> Result<T, String> {
    count_panics();
    let before = PANICS.get();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().map_err(|error| error.to_string())?;
    let result = runtime.block_on(async {
        let _inside = gateway::simulation::enter(seed ^ 0x5eed_5eed_5eed_5eed, EPOCH);
        let result = story().await;
        // What still runs must end inside of its world.
        tokio::time::sleep(Duration::from_secs(1)).await;
        result
    });
    drop(runtime);
    match PANICS.get() - before {
        0 => result,
        n => Err(format!("{n} panics were contained; {:?}", result.err())),
    }
}

fn one(seed: u64, told: bool) -> Result<Told, String> {
    simulate(seed, async || story::live(seed, told).await)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|said| said.parse().unwrap_or_else(|_| panic!("{name}={said} is no number")))
}

// proves: SES-4, SES-9, SES-12, SVC-8, SVC-14
#[test]
fn whatever_the_weather_nothing_is_lost_nothing_is_twice_and_all_devices_agree() {
    if let Some(seed) = number("CHAPPE_SIM_SEED") {
        let told = one(seed, true).unwrap_or_else(|what| panic!("{}", line(seed, &what)));
        return eprintln!("{told:?}");
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let first = number("CHAPPE_SIM_FIRST").unwrap_or(seconds * 1_000);
    let seeds = number("CHAPPE_SIM_SEEDS").unwrap_or(SEEDS);
    eprintln!("seeds {first} to {}", first + seeds - 1);
    let (next, messages, millis) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let run = || {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= seeds {
                    return None;
                }
                match one(first + n, false) {
                    Ok(told) => {
                        messages.fetch_add(told.messages as u64, Ordering::Relaxed);
                        millis.fetch_add(told.millis, Ordering::Relaxed);
                    }
                    Err(what) => {
                        next.store(seeds, Ordering::Relaxed);
                        return Some(line(first + n, &what));
                    }
                }
            }
        };
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        all.into_iter()
            .filter_map(|thread| thread.join().unwrap_or(Some("a thread panicked".to_owned())))
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let hours = millis.into_inner() / 3_600_000;
    eprintln!("{seeds} seeds, {} messages, {hours} hours", messages.into_inner());
}

fn line(seed: u64, what: &str) -> String {
    format!("CHAPPE_SIM_SEED={seed} cargo test --release --test sim -- --nocapture  # {what}")
}

#[test]
fn the_same_seed_lives_the_same_life() {
    for seed in [1, 2, 3] {
        let once = one(seed, false).unwrap_or_else(|what| panic!("{}", line(seed, &what)));
        let again = one(seed, false).unwrap_or_else(|what| panic!("{}", line(seed, &what)));
        assert_eq!(once, again, "seed {seed}");
    }
    let traces = [4, 5].map(|seed| one(seed, false).map(|told| told.trace));
    assert_ne!(traces[0], traces[1], "the trace sees a difference");
}
