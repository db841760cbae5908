//! What a site is set to, and the secrets it makes for itself on its first start.

use std::net::SocketAddr;

use env::Env;
use model::ids::Global;
use model::login;
use model::tables::SECRETS;
use store::{Fault, Store};
use tl::stored;

/// The settings that handlers read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients are told to connect, for every data centre.
    pub advertise: Vec<SocketAddr>,
    /// Login codes that one address may ask for within ten minutes.
    pub codes_per_address: i32,
    /// Keys on which nobody is logged in; the longest unused goes.
    pub guests_max: u64,
    /// How login codes are made.
    pub login: login::Policy,
    /// The start of links to people and invitations, `https://t.me/` by habit of the clients.
    pub link_prefix: String,
}

/// The site's secrets, made at the first start.
pub(crate) fn secrets(store: &Store, env: &mut Env<'_>) -> Result<stored::Secrets, Fault> {
    let made = stored::Secrets {
        access: env::bytes::<32>(env.dice).to_vec(),
        files: env::bytes::<32>(env.dice).to_vec(),
        created: env.now.unix(),
    };
    let (secrets, ticket) = store.write(|tx| match tx.get(&SECRETS, &Global)? {
        Some(secrets) => Ok::<_, Fault>(secrets),
        None => {
            tx.put(&SECRETS, &Global, &made)?;
            Ok(made.clone())
        }
    })?;
    store.wait_durable(ticket)?;
    Ok(secrets)
}
