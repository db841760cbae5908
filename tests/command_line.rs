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
        Self::start_with(data, &[])
    }

    fn start_with(data: &Path, more: &[&str]) -> Self {
        let data = data.to_str().expect("a name in Unicode");
        let mut child = chappe(&["serve", "--data", data, "--listen", "127.0.0.1:0"])
            .args(more)
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
#[cfg(target_os = "linux")]
fn the_table_of_open_files_has_its_length_before_anybody_connects() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(&dir.path().join("data"));
    server.until_ready();
    let length = |process: &str, file: &str, of: &str| {
        let told = std::fs::read_to_string(format!("/proc/{process}/{file}")).expect("it runs");
        let line = told.lines().find_map(|line| line.strip_prefix(of)).expect("Linux tells it");
        line.split_whitespace().next().expect("a number").parse::<u64>().expect("a number")
    };
    let pid = server.child.id().to_string();
    let allowed = length(&pid, "limits", "Max open files");
    let has = length(&pid, "status", "FDSize:");
    // As many as there may be connections, or as many files as the system allows.
    assert!(has >= allowed.min(20_000), "{has} of {allowed}");
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

/// Every file below a directory, with its bytes.
fn contents(dir: &Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else if path.is_file() {
            found.insert(path.clone(), std::fs::read(&path).expect("a file"));
        }
    }
    found
}

#[test]
fn a_data_directory_is_verified_without_being_touched() {
    for engine in ["sled", "fjall"] {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().join("data");
        let name = data.to_str().expect("a name in Unicode");
        assert!(fails_in_a_line(&run(&["verify", "--data", name]), "there is no store"), "{engine}");
        let file = dir.path().join("chappe.toml");
        std::fs::write(&file, format!("[store]\nengine = \"{engine}\"\n")).expect("written");
        let server = Server::start_with(&data, &["--config", file.to_str().expect("a name in Unicode")]);
        server.until_ready();
        let added = run(&["user", "add", "4915112345678", "Ada", "--data", name]);
        assert!(added.status.success(), "{added:?}");
        assert!(fails_in_a_line(&run(&["verify", "--data", name]), "in use by process"), "{engine}");
        server.signal("-TERM");
        assert_eq!(server.ended().0, Some(0));
        let before = contents(&data);
        let verified = run(&["verify", "--data", name]);
        assert!(verified.status.success(), "{engine}: {verified:?}");
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        assert!(said.contains(" owners: 0 violations\n0 blobs: 0 strays"), "{said}");
        assert!(contents(&data) == before, "{engine}: nothing was written");
        // Bytes to which no row leads are told of, and do no harm.
        std::fs::create_dir_all(data.join("blobs/ed/a")).expect("a directory");
        std::fs::write(data.join("blobs/ed/a/1"), b"bytes").expect("written");
        let verified = run(&["verify", "--data", name]);
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        assert!(verified.status.success(), "{engine}: {verified:?}");
        assert!(
            said.starts_with("stray: a/1: 5 bytes") && said.ends_with("1 blobs: 1 strays of 5 bytes\n"),
            "{said}"
        );
    }
}

#[test]
fn a_damaged_directory_is_told_and_fails() {
    use model::tables::PHONES;
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let name = data.to_str().expect("a name in Unicode");
    let server = Server::start(&data);
    server.until_ready();
    assert!(run(&["user", "add", "4915112345678", "Ada", "--data", name]).status.success());
    server.signal("-TERM");
    assert_eq!(server.ended().0, Some(0));
    let config = store::Config { engine: store::EngineKind::Sled, dir: data.join("store"), cache_bytes: 0 };
    let store = store::Store::open(&config).expect("it opens");
    let phone = "4915112345678";
    let ((), _) =
        store.write(|tx| tx.delete(&PHONES, &(store::Name::of(phone), phone.to_owned()))).expect("written");
    store.close().expect("closed");
    drop(store);
    let verified = run(&["verify", "--data", name]);
    assert!(fails_in_a_line(&verified, "is damaged"), "{verified:?}");
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(said.contains("name: UserId(1000001): is not found by their phone number\n"), "{said}");
    assert!(said.contains(": 1 violations"), "{said}");
}

#[test]
fn a_store_of_an_earlier_version_is_refused_at_the_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = dir.path().join("store");
    std::fs::create_dir_all(store.join("sled")).expect("a directory");
    let name = dir.path().to_str().expect("a name in Unicode");
    for args in [["serve", "--listen", "127.0.0.1:0", "--data", name].as_slice(), &["verify", "--data", name]]
    {
        let refused = run(args);
        assert!(fails_in_a_line(&refused, "an earlier version of this program wrote it"), "{refused:?}");
    }
}
