//! The real binary, as somebody uses it from a shell.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a debug build may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn chappe(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chappe"));
    command.args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    chappe(args).output().expect("it runs")
}

/// Whether it failed as it should: a non-zero exit code and one line on standard error that says `what`.
fn fails_in_a_line(output: &Output, what: &str) -> bool {
    let error = String::from_utf8_lossy(&output.stderr);
    !output.status.success()
        && error.lines().count() == 1
        && error.starts_with("chappe: ")
        && error.contains(what)
}

/// A running server.
struct Server {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Server {
    fn start(data: &Path) -> Self {
        let data = data.to_str().expect("a name in Unicode");
        let mut child = chappe(&["serve", "--data", data, "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = child.stdout.take().expect("its standard output");
        let (give, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if give.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// What it prints up to and with its `ready on`.
    fn until_ready(&self) -> Vec<String> {
        let mut printed = Vec::new();
        loop {
            printed.push(self.lines.recv_timeout(PATIENCE).expect("it becomes ready"));
            if printed.last().is_some_and(|line| line.starts_with("ready on 127.0.0.1:")) {
                return printed;
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for its end; the exit code and what it wrote on standard error.
    fn ended(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("it ends");
        let mut error = String::new();
        self.child.stderr.take().expect("standard error").read_to_string(&mut error).expect("text");
        (status.code(), error)
    }
}

#[test]
fn a_first_start_says_how_to_reach_it_and_a_signal_ends_it_well() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let server = Server::start(&data);
    let printed = server.until_ready().join("\n");
    for what in ["rsa-pad.pub.pem", "rsa-legacy.pub.pem", "session.set_dc(2, ", "server_public_keys["] {
        assert!(printed.contains(what), "{what} is missing:\n{printed}");
    }
    server.signal("-TERM");
    let (code, error) = server.ended();
    assert_eq!(code, Some(0), "{error}");
    let again = Server::start(&data);
    assert_eq!(again.until_ready().len(), 1, "what was said once is not said again");
    again.signal("-INT");
    assert_eq!(again.ended().0, Some(0));
}

#[test]
fn the_operator_speaks_to_the_running_server() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let name = data.to_str().expect("a name in Unicode");
    let refused = run(&["user", "list", "--data", name]);
    assert!(fails_in_a_line(&refused, "no server is running"), "{refused:?}");
    let server = Server::start(&data);
    server.until_ready();
    let second = run(&["serve", "--data", name, "--listen", "127.0.0.1:0"]);
    assert!(fails_in_a_line(&second, "in use by process"), "{second:?}");
    let added = run(&["user", "add", "4915112345678", "Ada", "Lovelace", "--data", name]);
    assert!(added.status.success(), "{added:?}");
    let id = String::from_utf8_lossy(&added.stdout).trim().to_owned();
    let listed = run(&["user", "list", "--data", name]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.lines().any(|line| line == format!("{id}\t4915112345678\tAda Lovelace\t-")), "{listed}");
    let twice = run(&["user", "add", "4915112345678", "Eve", "--data", name]);
    assert!(fails_in_a_line(&twice, "PHONE_NUMBER_OCCUPIED"), "{twice:?}");
    let code = run(&["user", "code", "4915112345678", "--data", name]);
    assert!(fails_in_a_line(&code, "no code waits"), "{code:?}");
    server.signal("-TERM");
    assert_eq!(server.ended().0, Some(0));
}

#[test]
fn what_cannot_be_used_is_said_in_one_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("chappe.toml");
    let name = file.to_str().expect("a name in Unicode");
    let data = dir.path().join("data");
    let data = data.to_str().expect("a name in Unicode");
    for (text, what) in [
        ("[server]\nlisten_on = 1\n", "listen_on"),
        ("[server\n", "chappe.toml"),
        ("[server]\nlisten = [\"nowhere\"]\n", "nowhere"),
        ("[server]\nlisten = [\"0.0.0.0:0\"]\n", "login.channel"),
        ("[log]\nfilter = \"a=b=c\"\n", "log.filter"),
    ] {
        std::fs::write(&file, text).expect("written");
        let output = run(&["serve", "--config", name, "--data", data]);
        assert!(fails_in_a_line(&output, what), "{text}{output:?}");
    }
    let missing = run(&["serve", "--config", "/nowhere/chappe.toml"]);
    assert!(fails_in_a_line(&missing, "/nowhere/chappe.toml"), "{missing:?}");
    let no_directory = run(&["serve", "--data", name]);
    assert!(fails_in_a_line(&no_directory, "chappe.toml"), "{no_directory:?}");
}

#[test]
fn keys_are_made_once_and_settings_are_printed() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().to_str().expect("a name in Unicode");
    let made = run(&["keygen", "--data", data]);
    assert!(made.status.success() && made.stdout == run(&["keygen", "--data", data]).stdout, "{made:?}");
    assert!(dir.path().join("keys/rsa-pad.pub.pem").exists());
    let printed = run(&["config"]);
    let file = dir.path().join("chappe.toml");
    std::fs::write(&file, &printed.stdout).expect("written");
    // What is printed is accepted: the only complaint is about the environment.
    let output = chappe(&["serve", "--config", file.to_str().expect("a name in Unicode"), "--data", data])
        .env("CHAPPE_SERVER__LISTEN", "[\"nowhere\"]")
        .output()
        .expect("it runs");
    assert!(fails_in_a_line(&output, "nowhere"), "{output:?}");
    let version = run(&["version"]);
    assert_eq!(String::from_utf8_lossy(&version.stdout), concat!("chappe ", env!("CARGO_PKG_VERSION"), "\n"));
}
