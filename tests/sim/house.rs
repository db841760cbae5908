//! The server of a simulation: the whole gateway over a disk that can be stopped at any moment.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};

use api::ids::KeyId;
use api::{Api, Settings};
use blobs::Blobs;
use env::SeededDice;
use gateway::simulation::{self, Held, Pipe};
use gateway::{Courier, Gateway, Limits, Parts, Sockets, world};
use mtproto::{AuthKey, RsaKey, ServerKeys};
use store::{Disk, Store};
use tokio::sync::Notify;

/// Nobody makes keys here; a server has one all the same.
static RSA: LazyLock<RsaKey> = LazyLock::new(|| RsaKey::generate(&mut SeededDice::new(1)));

/// A server, or the disk of one that stands still.
pub struct House {
    disk: Disk,
    conflict_every: u32,
    /// Outlives a crash.
    blobs: Blobs,
    running: Option<Running>,
    /// Rings when a client has something to read.
    pub bell: Arc<Notify>,
}

struct Running {
    gateway: Gateway,
    api: Arc<Api>,
    store: Arc<Store>,
}

impl House {
    /// An empty disk, and a server that refuses one of every so many commits.
    pub fn new(conflict_every: u32) -> Self {
        let mut house = Self {
            disk: Disk::default(),
            conflict_every,
            blobs: Blobs::memory(),
            running: None,
            bell: Arc::new(Notify::new()),
        };
        house.start();
        house
    }

    /// Starts the server over what the disk holds.
    pub fn start(&mut self) {
        simulation::forget_time();
        let conflict_every = NonZeroU32::new(self.conflict_every);
        let store = Arc::new(Store::over_disk(&self.disk, conflict_every));
        let settings = Settings {
            advertise: Vec::new(),
            codes_per_address: 10_000,
            login: model::login::Policy {
                code_digits: 5,
                code_ttl_secs: 300,
                codes_per_phone: 5,
                test_numbers: true,
            },
            guests_max: model::limits::GUESTS_MAX.into(),
            link_prefix: "https://t.me/".to_owned(),
        };
        let api = world::with_env(|env| Api::open(Arc::clone(&store), settings, env));
        let api = Arc::new(api.expect("a store that opens"));
        let limits = Limits {
            workers: 0,
            handshake_threads: 0,
            calls_per_key_per_second: 10_000,
            ..Limits::default()
        };
        let parts = Parts {
            limits,
            api: Arc::clone(&api),
            blobs: self.blobs.clone(),
            server_keys: ServerKeys { pad: RSA.clone(), legacy: None },
            courier: Courier::Nobody,
        };
        let gateway = Gateway::start(Sockets::none(), parts).expect("no threads are asked for");
        self.running = Some(Running { gateway, api, store });
    }

    /// The machine stops. Of what was not synced, `kept` commits survive by chance.
    pub fn crash(&mut self, kept: usize) {
        if let Some(running) = self.running.take() {
            // Whatever still runs of it can neither write nor say anything.
            running.store.close().expect("a disk without faults");
            self.disk.crash(kept);
        }
    }

    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// Makes durable what was committed.
    pub fn sync(&self) {
        if let Some(running) = &self.running {
            running.store.sync();
        }
    }

    /// Commits that are not durable yet.
    pub fn unsynced(&self) -> usize {
        self.disk.unsynced()
    }

    /// How many blobs there are.
    pub async fn blobs(&self) -> usize {
        let (mut count, mut shelf) = (0, Some(0));
        while let Some(from) = shelf {
            let (listed, next) = self.blobs.list(from, 1_000).await.expect("memory");
            count += listed.len();
            shelf = next;
        }
        count
    }

    /// A key as if its exchange had ended here.
    pub fn add_key(&self, key: &AuthKey) {
        let Some(running) = &self.running else { return };
        let inserted = world::with_env(|env| {
            running.api.insert_key(KeyId(key.id().as_long()), key.stored(), 2, &|_| false, env)
        });
        assert!(matches!(inserted, Ok(Some(_))), "a fresh key");
        running.store.sync();
    }

    /// A client connects; nothing if nobody answers.
    pub fn connect(&self) -> Option<Pipe> {
        self.running.as_ref()?.gateway.connect(IpAddr::V4(Ipv4Addr::LOCALHOST), &self.bell)
    }

    /// What is wrong with the rows of the store, taken together.
    pub fn rows_are_wrong(&self) -> Option<String> {
        let report = model::verify::walk(&self.running.as_ref()?.store).expect("a disk without faults");
        (!report.is_clean()).then(|| report.to_string().replace('\n', "; "))
    }

    /// What the gateway holds.
    pub fn held(&self) -> Option<Held> {
        self.running.as_ref().map(|running| running.gateway.held())
    }
}
