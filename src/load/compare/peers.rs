//! Other servers, where they are installed: started on a loopback port in a directory of their own, and stopped.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::dialect::Dialect;
use crate::error::{LoadError, Result};
use crate::{limits, proc};

/// A server to compare with.
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) dialect: Dialect,
    pub(super) addr: SocketAddr,
    child: Child,
    _dir: TempDir,
}

/// Where programs are looked for, besides `PATH`: system daemons are not in everybody's.
const PLACES: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"];

fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(PLACES.iter().map(PathBuf::from));
    places.map(|place| place.join(program)).find(|path| path.is_file())
}

/// A port that was free a moment ago.
fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// What there is to compare with, in the order in which it is measured.
pub(super) const PEERS: [(&str, &str, Dialect); 4] = [
    ("raw TCP echo (tokio)", "", Dialect::Raw),
    ("mosquitto, QoS 1", "mosquitto", Dialect::Mqtt),
    ("NATS", "nats-server", Dialect::Nats),
    ("ejabberd", "ejabberdctl", Dialect::Xmpp),
];

/// Starts one of [`PEERS`]; nothing if it is not installed.
pub(super) async fn start_one(name: &str, program: &str, dialect: Dialect) -> Result<Option<Peer>> {
    if dialect == Dialect::Raw {
        return raw(name).await.map(Some);
    }
    match installed(program) {
        Some(path) => start(name, &path, dialect).await.map(Some),
        None => Ok(None),
    }
}

/// This program as a server that gives back what it gets.
async fn raw(name: &str) -> Result<Peer> {
    let exe = std::env::current_exe().map_err(|e| LoadError::about("this program", e))?;
    let addr = free_port()?;
    let mut command = Command::new(exe);
    command.args(["bench", "raw-echo"]).arg(addr.to_string());
    run(name, command, Dialect::Raw, addr, directory()?).await
}

fn directory() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("chappe-bench-")
        .tempdir()
        .map_err(|e| LoadError::about("a temporary directory", e))
}

async fn start(name: &str, program: &Path, dialect: Dialect) -> Result<Peer> {
    let (dir, addr) = (directory()?, free_port()?);
    let port = addr.port();
    let write = |file: &str, text: String| {
        let path = dir.path().join(file);
        std::fs::write(&path, text).map(|()| path).map_err(|e| LoadError::about(file, e))
    };
    let mut command = Command::new(program);
    match dialect {
        Dialect::Raw => {}
        Dialect::Mqtt => {
            let config = format!(
                "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n\
                 max_inflight_messages 0\nmax_queued_messages 0\nlog_type none\n"
            );
            command.arg("-c").arg(write("mosquitto.conf", config)?);
        }
        Dialect::Nats => {
            command.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
        }
        Dialect::Xmpp => {
            let config = format!(
                "hosts: [localhost]\nloglevel: error\ncertfiles: []\n\
                 listen:\n  -\n    port: {port}\n    ip: \"127.0.0.1\"\n    module: ejabberd_c2s\n\
                 auth_method: [anonymous]\nanonymous_protocol: sasl_anon\n\
                 shaper: {{}}\nmodules: {{}}\n"
            );
            let config = write("ejabberd.yml", config)?;
            // What a distribution has set for its own service would win over the command line.
            let ctl = write("ctl.cfg", format!("EJABBERD_CONFIG_PATH={}\n", config.display()))?;
            // It may change to a user of its own, who must be able to write here.
            open_to_all(dir.path())?;
            command
                .arg("--ctl-config")
                .arg(ctl)
                .arg("--config")
                .arg(config)
                .arg("--logs")
                .arg(dir.path())
                .arg("--spool")
                .arg(dir.path());
            command.args(["--node", &format!("bench{port}@localhost"), "foreground"]);
        }
    }
    run(name, command, dialect, addr, dir).await
}

fn open_to_all(dir: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o777))?)
}

async fn run(
    name: &str,
    mut command: Command,
    dialect: Dialect,
    addr: SocketAddr,
    dir: TempDir,
) -> Result<Peer> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|e| LoadError::about(name, e))?;
    let begun = std::time::Instant::now();
    while TcpStream::connect(addr).await.is_err() {
        if let Some(status) = child.try_wait()? {
            return Err(LoadError::about(name, format_args!("ended at its start: {status}")));
        }
        if begun.elapsed() > limits::START {
            return Err(LoadError::about(name, "does not start"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(Peer { name: name.to_owned(), dialect, addr, child, _dir: dir })
}

impl Peer {
    /// What it and the processes that it started have used.
    pub(super) fn usage(&self) -> Option<proc::Usage> {
        self.child.id().map(proc::family_usage)
    }

    /// Stops it, and what it started.
    pub(super) async fn stop(mut self) -> Result<()> {
        let Some(pid) = self.child.id() else { return Ok(()) };
        for pid in proc::family(pid).into_iter().rev() {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                // It may have ended by itself since it was listed.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        if tokio::time::timeout(limits::STOP, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }
}
