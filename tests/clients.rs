//! Clients that nobody here wrote, on real sockets, against the real binary: Telethon, Pyrogram, TDLib, and all of them
//! together. The scenarios are in `tests/clients`; `python -m suites.telethon --help` there is for daily use.
//!
//! The packages are installed into `target/clients-venv`. Where that is impossible the tests fail, unless
//! `CHAPPE_SKIP_FOREIGN=1` leaves them out.

mod foreign;
#[path = "foreign/golden.rs"]
mod golden;
#[path = "foreign/server.rs"]
mod server;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use server::Server;

/// How long a whole suite may take.
const SUITE: Duration = Duration::from_secs(15 * 60);

/// Plays a suite against a server of its own and checks that no scenario has silently gone.
fn suite(name: &str, scenarios_min: usize) -> Result<(), String> {
    if foreign::skipped(&format!("the suite of {name}")) {
        return Ok(());
    }
    foreign::python()?;
    let server = Server::start()?;
    let (data, keys) = (server.data(), server.data().join("keys"));
    let (data, keys) = (data.to_string_lossy(), keys.to_string_lossy());
    let binary = env!("CARGO_BIN_EXE_chappe");
    let place = ["--server", &server.address, "--keys", &keys, "--data", &data, "--chappe", binary];
    let said = foreign::play(name, &place, SUITE)
        .map_err(|failed| format!("{failed}\nthe server's log:\n{}", server.log_tail()))?;
    let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
    if passed < scenarios_min {
        return Err(format!("only {passed} scenarios of {name} passed, at least {scenarios_min} are wanted"));
    }
    server.stop()
}

/// Fails the test with the text as it is, line by line.
#[track_caller]
fn show(ended: Result<(), String>) {
    if let Err(why) = ended {
        panic!("{why}");
    }
}

#[test]
fn telethon_of_layer_229_lives_here() {
    show(suite("telethon", 100));
}

#[test]
fn pyrogram_of_layer_158_lives_here() {
    show(suite("pyrogram", 25));
}

#[test]
fn tdlib_of_layer_232_lives_here_with_and_without_temporary_keys() {
    show(suite("tdlib", 30));
}

#[test]
fn clients_of_three_layers_talk_to_each_other() {
    show(suite("cross", 5));
}

#[test]
fn telethon_reads_what_is_said_in_layer_229() {
    show(golden::read_by("telethon", 229));
}

#[test]
fn pyrogram_reads_what_is_said_in_layer_158() {
    show(golden::read_by("pyrogram", 158));
}

#[test]
fn the_first_chat_of_the_readme_works() {
    show(first_chat());
}

fn first_chat() -> Result<(), String> {
    if foreign::skipped("the example of the README") {
        return Ok(());
    }
    let server = Server::start()?;
    let keys = server.data().join("keys");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/first_chat.py");
    let done = Command::new(foreign::python()?)
        .arg(&script)
        .args(["--server", &server.address, "--key"])
        .arg(keys.join("rsa-legacy.pub.pem"))
        .output()
        .map_err(|e| format!("{}: {e}", script.display()))?;
    let (said, wrong) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    if !done.status.success() || !said.contains("Bob reads: Hello, Bob!") {
        return Err(format!("it printed:\n{said}\n{wrong}\nthe server's log:\n{}", server.log_tail()));
    }
    server.stop()
}
