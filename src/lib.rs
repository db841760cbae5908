//! The whole server, put together: what `main`, the tests and the benches start.

#![forbid(unsafe_code)]

pub mod admin;
pub mod config;
pub mod key_files;
pub mod logging;
mod scrape;
pub mod seed;
pub mod verify;
pub mod welcome;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use api::{Api, Fault, Settings};
use blobs::Blobs;
use gateway::{Courier, Gateway, Limits, Parts, Sockets};
use mtproto::ServerKeys;
use store::{DirLock, EngineKind, Store};
use tokio::task::JoinSet;

use config::{Channel, Config, Engine};
use key_files::KeyPair;

/// A server that serves.
pub struct Server {
    gateway: Gateway,
    store: Arc<Store>,
    keys: KeyPair,
    addrs: Vec<SocketAddr>,
    udp_addrs: Vec<SocketAddr>,
    /// Beside the gateway: the admin socket and the figures.
    aside: JoinSet<()>,
    /// Held to the end: given back when everything is on disk.
    lock: DirLock,
}

/// Why a server does not start, or did not end well. Prints as one line.
#[derive(Debug)]
pub struct ServerError(String);

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ServerError {}

/// Any error as the one line that says it.
fn in_a_line(error: impl fmt::Display) -> ServerError {
    ServerError(error.to_string().replace('\n', " "))
}

impl Server {
    /// Starts a server: on return it accepts connections. Must run inside of a tokio runtime.
    ///
    /// # Errors
    /// [`ServerError`]: a setting, the data directory, the keys, the store or an address cannot be used.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        config.check().map_err(in_a_line)?;
        let data = config.server.data.clone();
        // The lock comes first: nothing of another server's directory is touched.
        key_files::make_private_dir(&data).map_err(|e| in_a_line(format!("{}: {e}", data.display())))?;
        let lock = store::lock_dir(&data).map_err(in_a_line)?;
        let mut sockets = Sockets::open(&config.listen_addrs().map_err(in_a_line)?).map_err(in_a_line)?;
        sockets.open_datagrams(&config.udp_addrs().map_err(in_a_line)?).await.map_err(in_a_line)?;
        let (addrs, udp_addrs) = (sockets.addrs().to_vec(), sockets.datagram_addrs().to_vec());
        let settings = settings(&config, &addrs).map_err(in_a_line)?;
        let limits = limits(&config);
        let of_store = config.store.clone();
        // Making keys takes seconds of computing, opening the store seconds of reading.
        let opened = tokio::task::spawn_blocking(move || open(&data, &of_store, settings));
        let Opened { keys, store, api, blobs } = opened.await.map_err(in_a_line)??;
        let listener = admin::listen(&config.server.data).map_err(in_a_line)?;
        let mut aside = JoinSet::new();
        let asked = Arc::clone(&api);
        aside.spawn(admin::serve(listener, move |request| answer(&asked, request)));
        if let Some(addr) = config.metrics_addr().map_err(in_a_line)? {
            aside.spawn(scrape::start(addr).await.map_err(in_a_line)?);
        }
        let legacy = config.server.legacy_rsa.then(|| keys.legacy.clone());
        let server_keys = ServerKeys { pad: keys.pad.clone(), legacy };
        let courier = courier(&config)?;
        let gateway =
            Gateway::start(sockets, Parts { limits, api, blobs, server_keys, courier }).map_err(in_a_line)?;
        Ok(Self { gateway, store, keys, addrs, udp_addrs, aside, lock })
    }

    /// The first address that it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addrs.first().copied().unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// All addresses that it listens on.
    #[must_use]
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// All addresses at which it takes datagrams.
    #[must_use]
    pub fn udp_addrs(&self) -> &[SocketAddr] {
        &self.udp_addrs
    }

    /// Its RSA keys.
    #[must_use]
    pub fn keys(&self) -> &KeyPair {
        &self.keys
    }

    /// Waits until the store fails; then the server must stop, and say so with its exit code. For ever if all is well.
    pub async fn failed(&self) -> ServerError {
        self.gateway.failed().await;
        let fault = self.store.fault().unwrap_or(Fault::Stopped);
        in_a_line(fault)
    }

    /// Stops: drains, flushes, gives the data directory back.
    ///
    /// # Errors
    /// [`ServerError`] if not everything that was committed is on disk.
    pub async fn stop(mut self) -> Result<(), ServerError> {
        self.aside.shutdown().await;
        self.gateway.stop().await;
        let store = self.store;
        let closed = tokio::task::spawn_blocking(move || store.close()).await;
        drop(self.lock);
        closed.map_err(in_a_line)?.map_err(in_a_line)
    }
}

/// What lies in a data directory.
struct Opened {
    keys: KeyPair,
    store: Arc<Store>,
    api: Arc<Api>,
    blobs: Blobs,
}

fn open(data: &Path, config: &config::Store, settings: Settings) -> Result<Opened, ServerError> {
    let keys = key_files::load_or_make(data).map_err(in_a_line)?;
    let (store, engine) = open_engine(data, config)?;
    let store = Arc::new(store);
    let api =
        gateway::world::with_env(|env| Api::open(Arc::clone(&store), settings, env)).map_err(in_a_line)?;
    let blobs = match engine {
        EngineKind::Memory => Blobs::memory(),
        _ => Blobs::local(&data.join("blobs")).map_err(in_a_line)?,
    };
    Ok(Opened { keys, store, api: Arc::new(api), blobs })
}

/// The store of a data directory, and which engine it is.
fn open_engine(data: &Path, config: &config::Store) -> Result<(Store, EngineKind), ServerError> {
    let engine = match config.engine {
        Engine::Memory => EngineKind::Memory,
        Engine::Sled => EngineKind::Sled,
        Engine::Fjall => EngineKind::Fjall,
    };
    let cache_bytes = u64::from(config.cache_mib) * 1024 * 1024;
    let store = Store::open(&store::Config { engine, dir: data.join("store"), cache_bytes });
    Ok((store.map_err(in_a_line)?, engine))
}

fn settings(config: &Config, addrs: &[SocketAddr]) -> Result<Settings, config::ConfigError> {
    let advertise = match config.advertised_addr()? {
        Some(addr) => vec![addr],
        None => addrs.first().copied().into_iter().collect(),
    };
    let as_i32 = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let login = model::login::Policy {
        code_digits: config.login.code_digits.into(),
        code_ttl_secs: as_i32(config.login.code_seconds),
        codes_per_phone: as_i32(config.limits.codes_per_phone_per_ten_minutes),
        test_numbers: config.test_numbers()?,
    };
    // On loopback alone, all callers are one address.
    let wider = if config.on_loopback_alone()? { config.limits.loopback_factor } else { 1 };
    let codes_per_address = as_i32(config.limits.codes_per_address_per_ten_minutes.saturating_mul(wider));
    let guests_max = config.limits.keys_without_login_max.into();
    let link_prefix = config.server.link_prefix.clone();
    Ok(Settings { advertise, guests_max, login, codes_per_address, link_prefix })
}

// Among so many guests there is always one without a session, which can go.
const _: () = assert!(model::limits::GUESTS_MAX as usize >= 2 * gateway::limits::SESSIONS_MAX);

fn limits(config: &Config) -> Limits {
    let set = &config.limits;
    let threads =
        |set: Option<u32>, default: usize| set.and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
    let default = Limits::default();
    Limits {
        connections_max: set.connections_max,
        connections_per_address_max: set.connections_per_address_max,
        handshakes_per_address_per_minute: set.handshakes_per_address_per_minute,
        calls_per_key_per_second: set.calls_per_key_per_second,
        loopback_factor: set.loopback_factor,
        workers: threads(set.workers, default.workers),
        handshake_threads: threads(set.handshake_threads, default.handshake_threads),
    }
}

fn courier(config: &Config) -> Result<Courier, ServerError> {
    Ok(match config.login_channel().map_err(in_a_line)? {
        Channel::Console => Courier::Console,
        Channel::Command => Courier::Command(config.login.command.clone()),
        Channel::Http => Courier::http(&config.login.url).ok_or_else(|| {
            in_a_line(format!("configuration: login.url: {}: not an address", config.login.url))
        })?,
    })
}

/// Accounts in one answer of the admin socket.
const ACCOUNTS_MAX: usize = 10_000;

/// Answers a request of the admin socket.
fn answer(api: &Api, request: admin::Request) -> Result<String, String> {
    let refused = |stop: api::Stop| match stop {
        api::Stop::Refused(refusal) | api::Stop::Counted(refusal) => refusal.name(),
        api::Stop::Fault(fault) => fault.to_string(),
    };
    match request {
        admin::Request::List => {
            let accounts = api.accounts(0, ACCOUNTS_MAX).map_err(refused)?;
            Ok(accounts.iter().map(line).collect())
        }
        admin::Request::Add { phone, first_name, last_name } => {
            let add = |env: &mut env::Env<'_>| api.add_account(&phone, &first_name, &last_name, env);
            gateway::world::with_env(add).map(|id| format!("{}\n", id.0)).map_err(refused)
        }
        admin::Request::Code { phone } => {
            let now = gateway::world::now().unix();
            match api.pending_code(&phone, now).map_err(refused)? {
                Some(code) => Ok(format!("{code}\n")),
                None => Err("no code waits for this number".to_owned()),
            }
        }
    }
}

fn line(user: &tl::stored::User) -> String {
    let name = format!("{} {}", user.first_name, user.last_name);
    let phone = user.phone.as_deref().unwrap_or("-");
    let username = user.username.as_ref().map_or_else(|| "-".to_owned(), |name| format!("@{name}"));
    format!("{}\t{phone}\t{}\t{username}\n", user.id, name.trim())
}
