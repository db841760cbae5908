//! The server that is measured: a child of ours in a directory of its own, or one that runs already.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use mtproto::client::PublicKey;
use mtproto::crypto::STORED_KEY_BYTES;
use mtproto::{AuthKey, AuthKeyId};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::error::{LoadError, Result};
use crate::proc::{self, Usage};
use crate::{Engine, Options, limits};

/// A server to measure.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// Its RSA key.
    pub(crate) key: PublicKey,
    /// Where that is kept.
    pub(crate) key_file: PathBuf,
    pid: Option<u32>,
    ours: Option<Ours>,
}

/// A server that was started here.
struct Ours {
    child: Child,
    place: Place,
}

/// A data directory that vanishes with this.
pub(crate) struct Place(TempDir);

impl Place {
    /// A new directory below `base` (the system's place for such things, if nothing is said).
    pub(crate) fn temporary(base: Option<&Path>) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("chappe-bench-");
        let dir = match base {
            Some(base) => builder.tempdir_in(base),
            None => builder.tempdir(),
        };
        Ok(Self(dir.map_err(|e| LoadError::about("a temporary directory", e))?))
    }

    /// The data directory in it.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Server {
    /// The server that `options` name: started here, unless one is named.
    pub(crate) async fn find(options: &Options) -> Result<Self> {
        match options.target {
            None => Self::start(options, Place::temporary(options.dir.as_deref())?).await,
            Some(addr) => {
                if !addr.ip().is_loopback() && !options.not_loopback {
                    let what = "load is put on loopback addresses only; --not-loopback says that you mean it";
                    return Err(LoadError::about(addr, what));
                }
                let path = options.key.as_ref().ok_or_else(|| {
                    LoadError::new(
                        "--target needs --key, the server's public RSA key (DATA/keys/rsa-pad.pub.pem)",
                    )
                })?;
                Ok(Self { addr, key: read_key(path)?, key_file: path.clone(), pid: options.pid, ours: None })
            }
        }
    }

    /// Starts a server on the data in `place`.
    pub(crate) async fn start(options: &Options, place: Place) -> Result<Self> {
        let data = place.data();
        let mut command = this_program(options)?;
        command.args(["serve", "--listen", "127.0.0.1:0", "--test-numbers", "--data"]).arg(&data);
        // What one address may do is not what is measured, and all come from one.
        command
            .env("CHAPPE_LIMITS__LOOPBACK_FACTOR", "100000")
            .env("CHAPPE_LIMITS__CONNECTIONS_MAX", "65000")
            .env("CHAPPE_LIMITS__CALLS_PER_KEY_PER_SECOND", "10000000")
            .stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| LoadError::about("the server", e))?;
        let out = child.stdout.take().ok_or_else(|| LoadError::new("the server has no output"))?;
        let mut lines = BufReader::new(out).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(addr) = line.strip_prefix("ready on ") {
                    return addr.trim().parse().map_err(|e| LoadError::about(line, e));
                }
            }
            Err(LoadError::new("the server ended before it was ready"))
        };
        let addr = tokio::time::timeout(limits::START, ready)
            .await
            .map_err(|_| LoadError::new("the server is not ready in time"))??;
        // Nobody else may ever wait for room in this pipe.
        tokio::task::spawn_local(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let key_file = data.join("keys").join("rsa-pad.pub.pem");
        let (key, pid) = (read_key(&key_file)?, child.id());
        Ok(Self { addr, key, key_file, pid, ours: Some(Ours { child, place }) })
    }

    /// What it has used so far; nothing if it is not known which process it is.
    pub(crate) fn usage(&self) -> Option<Usage> {
        proc::usage(self.pid?).ok()
    }

    /// What kind of file system it writes on, if we know.
    pub(crate) fn file_system(&self) -> Option<String> {
        self.ours.as_ref().map(|ours| proc::file_system(ours.place.path()))
    }

    /// Kills it as a power cut would, as far as a process can tell, and gives its directory back.
    pub(crate) async fn kill(self) -> Result<Place> {
        let Some(Ours { mut child, place }) = self.ours else {
            return Err(LoadError::new("only a server that was started here is killed"));
        };
        child.kill().await?;
        Ok(place)
    }

    /// Stops it, if it was started here, and gives its directory back.
    pub(crate) async fn stop(self) -> Result<Option<Place>> {
        let Some(Ours { mut child, place }) = self.ours else { return Ok(None) };
        let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).map_err(|e| LoadError::about("stopping the server", e))?;
        }
        let status = tokio::time::timeout(limits::STOP, child.wait())
            .await
            .map_err(|_| LoadError::new("the server does not stop"))??;
        if status.success() {
            Ok(Some(place))
        } else {
            Err(LoadError::about("the server ended badly", status))
        }
    }
}

/// What the data of a server is to hold before it starts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seed {
    /// Accounts.
    pub(crate) people: usize,
    /// Private messages between them.
    pub(crate) messages: usize,
    /// Members of the channel `@seeded`; the first person owns it.
    pub(crate) members: usize,
}

/// Fills `place` as `seed` says, and gives the keys of the people.
pub(crate) async fn fill(options: &Options, place: &Place, seed: Seed) -> Result<Vec<AuthKey>> {
    let keys = place.path().join("keys.txt");
    let mut command = this_program(options)?;
    command.arg("seed").arg("--data").arg(place.data()).arg("--keys").arg(&keys);
    for (flag, n) in [("--people", seed.people), ("--messages", seed.messages), ("--members", seed.members)] {
        command.arg(flag).arg(n.to_string());
    }
    command.arg("--size").arg(options.text_bytes().to_string());
    let status = command.status().await.map_err(|e| LoadError::about("chappe seed", e))?;
    if !status.success() {
        return Err(LoadError::about("chappe seed", status));
    }
    let text = std::fs::read_to_string(&keys).map_err(|e| LoadError::about(keys.display(), e))?;
    text.lines().map(|line| key(line).ok_or_else(|| LoadError::new("chappe seed wrote no key"))).collect()
}

/// A key in hexadecimal digits: id and contents.
fn key(line: &str) -> Option<AuthKey> {
    let (id, contents) = line.split_once(' ')?;
    let id = AuthKeyId(u64::from_str_radix(id, 16).ok()?);
    let mut secret = [0; STORED_KEY_BYTES];
    for (at, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(contents.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(AuthKey::from_stored(id, secret))
}

/// This program, with the settings that `options` ask for; it ends when its handle does.
fn this_program(options: &Options) -> Result<Command> {
    let exe = std::env::current_exe().map_err(|e| LoadError::about("this program", e))?;
    let mut command = Command::new(exe);
    let engine = match options.engine {
        Engine::Sled => "sled",
        Engine::Fjall => "fjall",
        Engine::Memory => "memory",
    };
    command.env("CHAPPE_STORE__ENGINE", engine).env("CHAPPE_LOG__FILTER", "warn");
    command.stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

/// Opens the store below `data` and nothing else, in a process of its own; seconds until it was open.
pub(crate) async fn bare_open(options: &Options, data: &Path) -> Result<f64> {
    let begun = std::time::Instant::now();
    let mut command = this_program(options)?;
    command.arg("open-store").arg("--data").arg(data).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|e| LoadError::about("chappe open-store", e))?;
    let out = child.stdout.take().ok_or_else(|| LoadError::new("chappe open-store has no output"))?;
    let line = BufReader::new(out).lines().next_line().await?;
    let took = begun.elapsed().as_secs_f64();
    let status = child.wait().await?;
    match line.as_deref() {
        Some("open") if status.success() => Ok(took),
        _ => Err(LoadError::about("chappe open-store", status)),
    }
}

/// A public RSA key in a file.
pub(crate) fn read_key(path: &Path) -> Result<PublicKey> {
    let pem = std::fs::read_to_string(path).map_err(|e| LoadError::about(path.display(), e))?;
    PublicKey::from_pem(&pem).map_err(|e| LoadError::about(path.display(), format_args!("{e:?}")))
}
