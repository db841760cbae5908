//! A hostile server: it breaks the protocol towards whoever connects, in one of many ways, and says what the client did.
//!
//! It is honest up to the moment of its lie: a client that connects, makes a key and calls `help.getConfig` and
//! `help.getNearestDc` gets as far as the mode says. Lies of a session are told as (or before) the answer to the first
//! `help.getNearestDc`; a lie names the country `ZZ`, and an honest answer, some seconds later, the country `AA`.

mod exchange;
mod lies;
pub mod modes;
mod number;
mod peer;
mod talk;
pub mod watch;
mod words;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mtproto::RsaKey;
use mtproto::handshake::Padding;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::modes::{MODES, Mode};
use self::peer::Shared;
pub use self::talk::{HONEST, LIE};
use self::watch::Watch;
use crate::limits::CLIENTS_MAX;

/// `chappe torture server`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to lie.
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    mode: Option<String>,
    /// Lists the modes.
    #[arg(long)]
    list: bool,
    /// The folder with `rsa-pad.pem` and `rsa-legacy.pem`, as `chappe keygen` makes it.
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    keys: Option<PathBuf>,
    /// Where to listen. Port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: String,
    /// Ends after so many seconds with a line that says how the client took it.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    seconds: u64,
    /// Ends also when its standard input does.
    #[arg(long)]
    attended: bool,
    /// Allows to listen on other addresses than loopback.
    #[arg(long)]
    anywhere: bool,
}

/// The mode of this name.
#[must_use]
pub fn mode(name: &str) -> Option<Mode> {
    MODES.iter().find(|mode| mode.name == name).copied()
}

/// Does what the command line says.
///
/// # Errors
///
/// Why nobody was served.
pub async fn run(args: Args) -> Result<bool, String> {
    if args.list {
        say(&list())?;
        return Ok(true);
    }
    let name = args.mode.as_deref().unwrap_or_default();
    let mode = mode(name).ok_or_else(|| format!("no mode {name}; --list shows them"))?;
    let folder = args.keys.ok_or("--keys DIR is missing")?;
    let key = |file: &str| {
        let path = folder.join(file);
        let pem = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        RsaKey::from_private_pem(&pem).map_err(|e| format!("{}: {e}", path.display()))
    };
    let keys = vec![(key("rsa-pad.pem")?, Padding::RsaPad), (key("rsa-legacy.pem")?, Padding::Legacy)];
    let listener = TcpListener::bind(&args.listen).await.map_err(|e| format!("{}: {e}", args.listen))?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    if !address.ip().is_loopback() && !args.anywhere {
        return Err(format!("{address} is not on loopback; --anywhere allows it"));
    }
    say(&format!("ready on {address}\n"))?;
    let shared = Arc::new(Shared::new(mode, keys, true));
    let attended = async {
        if args.attended {
            let mut left = Vec::new();
            // Whatever ends it.
            let _ = tokio::io::stdin().read_to_end(&mut left).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = accept(Arc::clone(&shared), listener) => {}
        () = tokio::time::sleep(Duration::from_secs(args.seconds)) => {}
        () = attended => {}
    }
    say(&format!("{}\n", shared.watch.summary()))?;
    Ok(true)
}

/// A hostile server in this process, for tests.
pub struct Server {
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Lies to all who come to `listener`.
    #[must_use]
    pub fn start(mode: Mode, keys: Vec<(RsaKey, Padding)>, listener: TcpListener) -> Self {
        let shared = Arc::new(Shared::new(mode, keys, false));
        let accepting = tokio::spawn(accept(Arc::clone(&shared), listener));
        Self { shared, accepting }
    }

    /// What it saw.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.shared.watch
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let slots = Arc::new(Semaphore::new(CLIENTS_MAX));
    let mut number = 0;
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: some will come back.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        number += 1;
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            peer::serve(shared, number, stream).await;
            drop(slot);
        });
    }
}

fn list() -> String {
    let mut out = String::new();
    for mode in MODES {
        let asks = format!("{:?}", mode.asks).to_lowercase();
        let _ = writeln!(out, "{:<30} {:<14} {asks:<8} {}", mode.name, mode.rules, mode.what);
    }
    let _ = writeln!(out, "\n{} modes", MODES.len());
    out
}

fn say(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_mode_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = MODES.iter().map(|mode| mode.name).collect();
        assert_eq!(names.len(), MODES.len());
        assert!(MODES.len() >= 25);
    }

    #[test]
    fn numbers_have_the_lengths_that_their_names_say() {
        use super::lies::{PQ_HUGE, PRIME_ANOTHER, PRIME_NOT_SAFE, PRIME_SHORT, unhex};
        let lengths = [PQ_HUGE, PRIME_NOT_SAFE, PRIME_ANOTHER, PRIME_SHORT].map(|text| unhex(text).len());
        assert_eq!(lengths, [64, 256, 256, 128]);
    }
}
