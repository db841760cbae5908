//! kill -9 under load from a real client, restart, and count: every acknowledged message there once, pts gapless.
//!
//! 20 rounds by default; `CHAPPE_CRASH_ROUNDS=1000 cargo test --test crash` for more, `CHAPPE_CRASH_ENGINE=fjall` for the
//! other engine. Every tenth time the dead server's directory is walked by `chappe verify`. Hundreds of kills in minutes are
//! `tests/kills`, with clients of our own.

mod foreign;

use std::time::Duration;

/// How long a round may take on the average; most take two or three seconds.
const ROUND: Duration = Duration::from_secs(30);

#[test]
fn a_killed_server_loses_nothing_acknowledged() {
    if let Err(why) = rounds() {
        panic!("{why}");
    }
}

fn rounds() -> Result<(), String> {
    if foreign::skipped("the crash rounds") {
        return Ok(());
    }
    let rounds: u32 = match std::env::var("CHAPPE_CRASH_ROUNDS") {
        Ok(said) => said.parse().map_err(|_| format!("CHAPPE_CRASH_ROUNDS={said} is not a number"))?,
        Err(_) => 20,
    };
    let engine = std::env::var("CHAPPE_CRASH_ENGINE").unwrap_or_else(|_| "sled".to_owned());
    let (binary, rounds_) = (env!("CARGO_BIN_EXE_chappe"), rounds.to_string());
    let arguments = ["--chappe", binary, "--rounds", &rounds_, "--engine", &engine];
    foreign::play("crash", &arguments, ROUND.saturating_mul(rounds + 10)).map(|_| ())
}
