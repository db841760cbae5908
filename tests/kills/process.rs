//! The real binary as a process that is killed, starved and started again.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use store::EngineKind;

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(60);

/// A server process.
pub struct Server {
    child: Child,
    log: PathBuf,
    /// Where it listens; nothing if it ended before it could.
    pub addr: Option<SocketAddr>,
}

/// The binary with what a server of these tests needs.
fn arguments(command: &mut Command, engine: EngineKind, data: &Path) {
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--test-numbers", "--data"])
        .arg(data)
        .env("CHAPPE_STORE__ENGINE", engine.name())
        // Little is gathered in front of a small cache, so that rows are being laid in all the time.
        .env("CHAPPE_STORE__CACHE_MIB", "1")
        // One person does here what a hundred do elsewhere.
        .env("CHAPPE_LIMITS__CALLS_PER_KEY_PER_SECOND", "100000")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
}

impl Server {
    /// Starts the server and waits until it is ready.
    pub fn start(engine: EngineKind, data: &Path) -> Self {
        let mut server = Self::start_under(Command::new(env!("CARGO_BIN_EXE_chappe")), engine, data);
        assert!(server.addr.is_some(), "it did not become ready: {}", server.ended(Duration::from_secs(1)).1);
        server
    }

    /// Starts it by a command that ends in the binary's name; it may end before it is ready.
    pub fn start_under(mut command: Command, engine: EngineKind, data: &Path) -> Self {
        arguments(&mut command, engine, data);
        let log = data.with_extension("log");
        command.stderr(File::create(&log).expect("a log"));
        let mut child = command.spawn().expect("it starts");
        let stdout = child.stdout.take().expect("its standard output");
        let (give, ready) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(addr) = line.strip_prefix("ready on ") {
                    let _ = give.send(addr.trim().parse().expect("an address"));
                }
            }
        });
        let addr = ready.recv_timeout(START).ok();
        Self { child, log, addr }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().expect("it lives");
        self.child.wait().expect("it ends");
    }

    /// SIGTERM, and its exit.
    pub fn stop(mut self) -> (Option<ExitStatus>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        self.ended(Duration::from_secs(60))
    }

    /// Waits for its end: the status, if it came in time, and what it wrote on standard error.
    pub fn ended(&mut self, patience: Duration) -> (Option<ExitStatus>, String) {
        let deadline = Instant::now() + patience;
        let mut status = None;
        while status.is_none() && Instant::now() < deadline {
            status = self.child.try_wait().expect("it can be waited for");
            thread::sleep(Duration::from_millis(5));
        }
        if status.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        (status, fs::read_to_string(&self.log).unwrap_or_default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
