//! The real binary as a process.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::foreign::{run, wait};

/// How long a debug build may take to be ready on a busy machine.
const START: Duration = Duration::from_secs(60);

/// The real binary on a data directory that vanishes with it.
pub struct Server {
    child: Child,
    /// Where it accepts connections.
    pub address: String,
    data: tempfile::TempDir,
    log: PathBuf,
}

impl Server {
    /// Starts it on a free port and waits for its `ready on ADDR`.
    pub fn start() -> Result<Self, String> {
        let data = tempfile::tempdir().map_err(|e| format!("a temporary directory: {e}"))?;
        let log = data.path().join("server.log");
        let errors = File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_chappe"))
            .args(["serve", "--listen", "127.0.0.1:0", "--test-numbers", "--data"])
            .arg(data.path().join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|e| format!("starting the server: {e}"))?;
        let Some(stdout) = child.stdout.take() else { return Err("no standard output of the server".into()) };
        let (ready, address) = mpsc::channel();
        // Goes on reading for as long as the server lives: it prints login codes there.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(found) = line.strip_prefix("ready on ") {
                    let _ = ready.send(found.trim().to_owned());
                }
            }
        });
        let mut server = Self { child, address: String::new(), data, log };
        server.address = address
            .recv_timeout(START)
            .map_err(|_| format!("the server did not become ready; its log:\n{}", server.log_tail()))?;
        Ok(server)
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// The end of what it wrote to standard error.
    pub fn log_tail(&self) -> String {
        let all = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = all.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// SIGTERM, then the exit: a server that was merely used must end in order.
    pub fn stop(mut self) -> Result<(), String> {
        run(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()))?;
        match wait(&mut self.child, Duration::from_secs(30)) {
            Some(true) => Ok(()),
            Some(false) => Err(format!("the server ended with an error after SIGTERM:\n{}", self.log_tail())),
            None => Err(format!("the server did not end within 30 s after SIGTERM:\n{}", self.log_tail())),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
