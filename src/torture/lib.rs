//! Hostile peers that speak the protocol wrongly on purpose. What they show about a server or a client does not depend on
//! who made it.
//!
//! [`client`] is `chappe torture client`: named cases against a running server, and a table of which rules it kept.
//! [`server`] is `chappe torture server`: a server that lies to whoever connects, and says what the client did.

#![forbid(unsafe_code)]

pub mod client;
mod limits;
mod packing;
mod sealing;
pub mod server;
mod world;

/// `chappe torture`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Plays a hostile client against a running server of any make, case by case.
    Client(client::Args),
    /// Plays a hostile server to whoever connects.
    Server(server::Args),
}

/// Does what the command line says; whether the peer kept the rules.
///
/// # Errors
///
/// Why nothing could be found out.
pub async fn run(args: Args) -> Result<bool, String> {
    match args.command {
        Command::Client(args) => client::run(args).await,
        Command::Server(args) => server::run(args).await,
    }
}
