//! A hostile client: named cases against a running server of any make.
//!
//! A case is a row of a table in [`cases`]: its name, the rules it looks at, a script. The words of scripts are in
//! [`script`], and `play` is what plays them: each case has its own connections, and a deadline.
//!
//! Beside what a script waits for, every packet of the server is looked at: that it opens, that its padding, its
//! session, its msg_id and its containers are what they must be.

mod account;
mod address;
mod body;
pub mod cases;
mod exchange;
mod heard;
mod line;
mod parts;
mod play;
pub mod report;
pub mod script;
mod session;
mod stream;

use std::io::{self, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mtproto::client::PublicKey;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::report::{Outcome, Verdict};
use self::script::{Case, Dh, Step};
use crate::limits::{CASE_TIME, CASES_AT_ONCE};

/// `chappe torture client`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server, as ADDRESS:PORT.
    #[arg(long, required_unless_present = "list")]
    target: Option<String>,
    /// Where the server takes datagrams (protocol-spec/08-udp-extension.md), as ADDRESS:PORT; without it the cases of
    /// datagrams are skipped.
    #[arg(long, value_name = "ADDR:PORT")]
    udp: Option<String>,
    /// The server's public key for RSA_PAD, a PKCS#1 PEM.
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    key: Option<PathBuf>,
    /// The server's public key for the padding before RSA_PAD; without it the cases that need one are skipped.
    #[arg(long, value_name = "FILE")]
    legacy_key: Option<PathBuf>,
    /// Plays only cases of this name; `*` stands for anything. May be repeated.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Lists the cases and plays none.
    #[arg(long)]
    list: bool,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// How many cases run side by side.
    #[arg(long, default_value_t = CASES_AT_ONCE, value_name = "N")]
    jobs: usize,
    /// Seconds that one case may take; those that need more are skipped.
    #[arg(long, default_value_t = CASE_TIME.as_secs(), value_name = "SECONDS")]
    deadline: u64,
    /// Allows a target that is not on loopback. Do this to your own server only.
    #[arg(long)]
    anywhere: bool,
}

/// Why a case is skipped whose server was not said to have a second key.
pub const NO_LEGACY_KEY: &str = "no --legacy-key";

/// Why a case is skipped that posts packets to a server that takes none over HTTP.
pub const NO_HTTP: &str = "no HTTP transport";

/// Why a case is skipped whose server was not said to take datagrams.
pub const NO_UDP: &str = "no --udp";

/// Why a case is skipped that needs an account on a server that gives none to a test number.
pub const NO_TEST_NUMBERS: &str = "no test numbers";

/// Why a case is skipped that waits for longer than a case may take.
pub const TOO_LONG: &str = "needs a longer --deadline";

/// What is played against whom.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub target: SocketAddr,
    /// Where it takes datagrams, if it does.
    pub udp: Option<SocketAddr>,
    /// Its key for `RSA_PAD`.
    pub key: PublicKey,
    /// Its key for the older padding, if it has one.
    pub legacy_key: Option<PublicKey>,
    /// The cases.
    pub cases: Vec<Case>,
    /// How many run side by side.
    pub jobs: usize,
    /// What one may take.
    pub deadline: Duration,
}

impl Plan {
    /// All cases against one server, with the usual bounds.
    #[must_use]
    pub fn new(target: SocketAddr, key: PublicKey, legacy_key: Option<PublicKey>) -> Self {
        let (cases, jobs, deadline) = (cases::all(), CASES_AT_ONCE, CASE_TIME);
        Self { target, udp: None, key, legacy_key, cases, jobs, deadline }
    }
}

/// Does what the command line says; whether every case passed.
///
/// # Errors
///
/// Why nothing was played.
pub async fn run(args: Args) -> Result<bool, String> {
    let wanted = |case: &Case| args.only.is_empty() || args.only.iter().any(|p| is_like(case.name, p));
    let cases: Vec<Case> = cases::all().into_iter().filter(wanted).collect();
    if cases.is_empty() {
        return Err("no case has such a name; --list shows them".to_owned());
    }
    if args.list {
        let text = if args.json { report::list_json(&cases) } else { report::list(&cases) };
        say(&text)?;
        return Ok(true);
    }
    let target = address_of("--target", args.target.as_deref().unwrap_or_default())?;
    let udp = args.udp.as_deref().map(|udp| address_of("--udp", udp)).transpose()?;
    for addr in [Some(target), udp].into_iter().flatten() {
        if !addr.ip().is_loopback() && !args.anywhere {
            return Err(format!("{addr} is not on loopback; --anywhere allows it"));
        }
    }
    let key = read_key(args.key.as_ref())?.ok_or("--key FILE is missing")?;
    let legacy_key = read_key(args.legacy_key.as_ref())?;
    let deadline = Duration::from_secs(args.deadline.max(1));
    let started = Instant::now();
    let outcomes = play_all(Plan { target, udp, key, legacy_key, cases, jobs: args.jobs, deadline }).await;
    let text = if args.json { report::json(&outcomes) } else { report::table(&outcomes, started.elapsed()) };
    say(&text)?;
    Ok(outcomes.iter().all(|outcome| !matches!(outcome.verdict, Verdict::Failed(_))))
}

/// Plays all cases of `plan`; their outcomes in the order of the cases.
pub async fn play_all(plan: Plan) -> Vec<Outcome> {
    let Plan { target, udp, key, legacy_key, cases, jobs, deadline } = plan;
    let target = Arc::new(play::Target::new(target, udp, key, legacy_key));
    let slots = Arc::new(Semaphore::new(jobs.max(1)));
    let has_http = cases.iter().any(needs_http) && play::has_http(&target).await;
    let asks = |case: &Case| needs_account(case) && (target.udp.is_some() || !needs_udp(case));
    let has_accounts = cases.iter().any(asks) && account::has_test_numbers(&target).await;
    let mut players = JoinSet::new();
    // Those that wait for something to run out begin first.
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by_key(|at| cases.get(*at).is_none_or(|case| !waits(case)));
    for at in order {
        let Some(case) = cases.get(at).copied() else { continue };
        let (target, slots) = (Arc::clone(&target), Arc::clone(&slots));
        players.spawn(async move {
            // Nobody closes the semaphore.
            let _slot = slots.acquire().await;
            let verdict = if needs_legacy(&case) && target.legacy.is_none() {
                Verdict::Skipped(NO_LEGACY_KEY)
            } else if needs_http(&case) && !has_http {
                Verdict::Skipped(NO_HTTP)
            } else if needs_udp(&case) && target.udp.is_none() {
                Verdict::Skipped(NO_UDP)
            } else if needs_account(&case) && !has_accounts {
                Verdict::Skipped(NO_TEST_NUMBERS)
            } else if case.waits() >= deadline {
                Verdict::Skipped(TOO_LONG)
            } else {
                match tokio::time::timeout(deadline, play::play(&target, &case)).await {
                    Ok(Ok(heard)) => Verdict::Passed(heard),
                    Ok(Err(why)) => Verdict::Failed(why),
                    Err(_) => Verdict::Failed(format!("not done within {} s", deadline.as_secs())),
                }
            };
            (at, Outcome { case, verdict })
        });
    }
    let mut outcomes = Vec::new();
    while let Some(done) = players.join_next().await {
        outcomes.extend(done);
    }
    outcomes.sort_by_key(|(at, _)| *at);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn waits(case: &Case) -> bool {
    case.steps.iter().any(|step| matches!(step, Step::HearWithin(..) | Step::Pause(1000..)))
}

/// Cases of the HTTP transport are told by their names: not every server has one.
fn needs_http(case: &Case) -> bool {
    case.name.starts_with("post.")
}

/// Cases of datagrams as well.
fn needs_udp(case: &Case) -> bool {
    case.name.starts_with("udp.")
}

fn needs_account(case: &Case) -> bool {
    case.steps.iter().any(|step| matches!(step, Step::SignIn))
}

fn needs_legacy(case: &Case) -> bool {
    case.steps.iter().any(|step| match step {
        Step::Legacy => true,
        Step::ReqDh(twists) => twists.iter().any(|twist| matches!(twist, Dh::OtherPrint)),
        _ => false,
    })
}

/// The address that `option` names.
fn address_of(option: &str, text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|e| format!("{option} {text}: {e}"))?;
    found.next().ok_or_else(|| format!("{option} {text}: no address"))
}

fn read_key(file: Option<&PathBuf>) -> Result<Option<PublicKey>, String> {
    let Some(file) = file else { return Ok(None) };
    let pem = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let key = PublicKey::from_pem(&pem);
    key.map(Some).map_err(|_| format!("{}: not a public key (PKCS#1 in PEM)", file.display()))
}

fn say(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| e.to_string())
}

/// Whether `name` is like `pattern`, in which `*` stands for anything.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return name == pattern };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    if rest.is_empty() {
        return true;
    }
    loop {
        if is_like(name, rest) {
            return true;
        }
        let mut chars = name.chars();
        if chars.next().is_none() {
            return false;
        }
        name = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(is_like("record.padding", "record.*") && is_like("record.padding", "*pad*g"));
        assert!(is_like("record.padding", "record.padding") && !is_like("record.padding", "record"));
        assert!(!is_like("record.padding", "*.pad") && is_like("", "*"));
    }
}
