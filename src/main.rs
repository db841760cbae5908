//! The command line.

#![forbid(unsafe_code)]

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use chappe::config::{self, Config};
use chappe::{Server, admin, key_files, logging, seed, verify, welcome};
use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: heap::Heap = heap::Heap;

/// A messaging server that stock Telegram clients can use: MTProto 2.0, one binary, an embedded store.
#[derive(Debug, Parser)]
#[command(name = "chappe", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server (also what happens without any command).
    Serve(Serve),
    /// Makes the server's RSA keys, unless they are there, and prints their fingerprints.
    Keygen(Where),
    /// Prints the default configuration, every setting with its explanation.
    Config,
    /// Speaks to a running server about its users.
    User(User),
    /// Walks the invariants of a data directory that nobody serves, without writing into it, and tells what is wrong.
    Verify(Verify),
    /// Plays a hostile peer, to see whether a server or a client keeps the rules.
    Torture(torture::Args),
    /// Fills a new data directory with people, messages and a channel, for `bench`.
    Seed(SeedIn),
    /// Opens the store, says so, and closes it: what a start is compared with.
    #[command(hide = true)]
    OpenStore(Where),
    /// Puts load on a server and measures it: real clients over loopback.
    Bench(load::Args),
    /// Prints the version.
    Version,
}

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    place: Where,
    /// An address to listen on instead of the configured ones; may be repeated. Port 0 picks a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// An address for MTProto in datagrams instead of the configured ones; may be repeated. Port 0 picks a free one.
    #[arg(long, value_name = "ADDR")]
    udp: Vec<String>,
    /// Lets numbers 99966XYYYY sign in with the code XXXXX.
    #[arg(long)]
    test_numbers: bool,
}

#[derive(Debug, Args)]
struct Where {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Verify {
    #[command(flatten)]
    place: Where,
    /// Where a copy of the store is made and removed again; the directory for temporary files if it is not said.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct SeedIn {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    seed: seed::Seed,
}

#[derive(Debug, Args)]
struct User {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Lists the accounts: id, phone number, name, username.
    List(Where),
    /// Makes an account.
    Add {
        /// The phone number, digits only.
        phone: String,
        /// The first name.
        first_name: String,
        /// The last name.
        last_name: Option<String>,
        #[command(flatten)]
        place: Where,
    },
    /// Prints the login code that waits for a phone number.
    Code {
        /// The phone number, digits only.
        phone: String,
        #[command(flatten)]
        place: Where,
    },
}

/// Whatever ends the program early; prints as one line.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => serve(&cli.serve),
        Some(Command::Serve(args)) => serve(&args),
        Some(Command::Keygen(place)) => keygen(&place),
        Some(Command::Config) => say(&config::commented_default()),
        Some(Command::User(user)) => ask(user.command),
        Some(Command::Verify(args)) => verify(&args),
        Some(Command::Torture(args)) => return torture(args),
        Some(Command::Seed(args)) => {
            args.place.config().and_then(|config| Ok(seed::run(&config, &args.seed)?))
        }
        Some(Command::OpenStore(place)) => {
            let opened = || drop(say("open\n"));
            place.config().and_then(|config| Ok(seed::open_store(&config, opened)?))
        }
        Some(Command::Bench(args)) => load::run(&args).map_err(Into::into),
        Some(Command::Version) => say(concat!("chappe ", env!("CARGO_PKG_VERSION"), "\n")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> ExitCode {
    // Nothing can be done about a standard error that is closed.
    let _ = writeln!(io::stderr(), "chappe: {failure}");
    ExitCode::FAILURE
}

/// Its exit code says whether the peer kept the rules.
fn torture(args: torture::Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => return failed(&fault.into()),
    };
    match runtime.block_on(torture::run(args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => failed(&why.into()),
    }
}

impl Where {
    fn config(&self) -> Result<Config, Failure> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(data) = &self.data {
            config.server.data.clone_from(data);
        }
        Ok(config)
    }
}

fn serve(args: &Serve) -> Result<(), Failure> {
    let mut config = args.place.config()?;
    if !args.listen.is_empty() {
        config.server.listen.clone_from(&args.listen);
    }
    if !args.udp.is_empty() {
        config.server.udp.clone_from(&args.udp);
    }
    if args.test_numbers {
        config.server.test_numbers = Some(true);
    }
    config.check()?;
    logging::start(&config.log)?;
    raise_files(config.limits.connections_max);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(config))
}

/// Lets this process have as many open files as the system allows: each connection is one.
fn raise_files(connections_max: u32) {
    let limit = getrlimit(Resource::Nofile);
    // Where it is refused, connections are turned away when the files have run out, and come back later.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    if let Some(files) = getrlimit(Resource::Nofile).current
        && files < u64::from(connections_max)
    {
        tracing::warn!(files, connections_max, "fewer open files are allowed than connections");
    }
    make_room_for_files(connections_max);
}

/// Files that are open beside the connections: those of the store and of what is uploaded.
const FILES_BESIDE: u32 = 1000;

/// Has the system's table of this process's open files be as long now as it may become. Linux doubles it when it is full, and
/// then whoever opened a file too many waits until nobody reads the old table any more: a thread of the sockets with all its
/// connections, for as long as the system is busy. While there is one thread only, nobody is waited for.
fn make_room_for_files(connections_max: u32) {
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let last = u64::from(connections_max.saturating_add(FILES_BESIDE)).min(allowed).saturating_sub(1);
    // The copy closes at once, the table stays. Without it the table grows as it always did.
    if let Ok(last) = i32::try_from(last) {
        drop(rustix::io::fcntl_dupfd_cloexec(io::stderr(), last));
    }
}

/// Serves until a signal, or until the store fails.
async fn run(config: Config) -> Result<(), Failure> {
    // Listened for from the beginning: a signal during the start must not be lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (data, legacy_rsa) = (config.server.data.clone(), config.server.legacy_rsa);
    let server = Server::start(config).await?;
    if server.keys().fresh {
        say(&welcome::text(server.addr(), &data, server.keys(), legacy_rsa))?;
    }
    for addr in server.addrs() {
        say(&format!("ready on {addr}\n"))?;
    }
    for addr in server.udp_addrs() {
        say(&format!("ready on {addr} (udp)\n"))?;
    }
    let failed = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        fault = server.failed() => Some(fault),
    };
    match failed {
        None => tracing::info!("stopping"),
        Some(ref fault) => tracing::error!(%fault, "the store failed; nothing more is acknowledged"),
    }
    let stopped = server.stop().await;
    match failed {
        Some(fault) => Err(fault.into()),
        None => Ok(stopped?),
    }
}

fn keygen(place: &Where) -> Result<(), Failure> {
    let config = place.config()?;
    let keys = key_files::load_or_make(&config.server.data)?;
    let dir = key_files::directory(&config.server.data);
    say(&format!(
        "{:016x}  {}\n{:016x}  {}\n",
        keys.pad.fingerprint(),
        dir.join("rsa-pad.pub.pem").display(),
        keys.legacy.fingerprint(),
        dir.join("rsa-legacy.pub.pem").display()
    ))
}

fn verify(args: &Verify) -> Result<(), Failure> {
    let data = args.place.config()?.server.data;
    let scratch = args.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let found = verify::data_dir(&data, &scratch)?;
    say(&format!("{found}\n"))?;
    if found.report.is_clean() { Ok(()) } else { Err(format!("{} is damaged", data.display()).into()) }
}

fn ask(command: UserCommand) -> Result<(), Failure> {
    let (place, request) = match command {
        UserCommand::List(place) => (place, admin::Request::List),
        UserCommand::Add { phone, first_name, last_name, place } => {
            (place, admin::Request::Add { phone, first_name, last_name: last_name.unwrap_or_default() })
        }
        UserCommand::Code { phone, place } => (place, admin::Request::Code { phone }),
    };
    say(&admin::ask(&place.config()?.server.data, &request)?)
}

/// Prints on standard output.
fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
