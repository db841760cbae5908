//! Every method we answer: what clients say, translated into the model, and what the model gives, as clients read it.
//!
//! [`Api::call`] runs one query in one transaction. It never waits: slow work comes back as a [`Later`], which the rim
//! carries out before it calls again. What a reply or a push must wait for, the fsync of the newest commit it has seen, is
//! its `ticket`.

#![forbid(unsafe_code)]

mod brief;
pub mod coverage;
pub mod envelope;
mod fanout;
pub mod input;
pub mod jobs;
pub mod keys;
pub mod later;
pub mod limits;
pub mod method;
mod methods;
mod names;
pub mod operator;
mod prime;
pub mod push;
mod refs;
mod setup;
pub mod view;
#[cfg(test)]
mod world;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use env::Env;
use model::ids::KeyId;
use model::keys::Client;
use model::{Ctx, login};
use store::Store;
use tl::{Layer, Reader, Writer, functions, stored, types};

use envelope::Peeled;
pub use jobs::{JobOutcome, JobsDue};
pub use later::{Brought, Errand, Found, Later, Shape};
use method::{Cx, Halt, Mode, Row};
pub use setup::Settings;
// What the gateway has to name of the layers below.
pub use model::jobs::JobKey;
pub use model::strays::Sieve;
pub use model::updates::Cursor;
pub use model::{Effects, Ephemeral, Notice, Refusal, Stop, ids};
pub use store::{Fault, Ticket};

/// The whole API over one store.
pub struct Api {
    store: Arc<Store>,
    site: Site,
    names: names::Names,
    rows: HashMap<u32, &'static Row>,
}

/// What all calls share: settings, and the secrets behind access hashes and file references.
pub struct Site {
    /// The settings.
    pub settings: Settings,
    /// Behind access hashes.
    access: refs::Secret,
    /// Behind file references.
    files: refs::Secret,
    /// When the site was opened first, Unix time.
    created: i32,
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The key whose identity the call has: a permanent key, or the one that a temporary key is bound to. `None` for a
    /// temporary key that is not bound yet.
    pub key: Option<KeyId>,
    /// The session.
    pub session_id: i64,
    /// The query.
    pub msg_id: i64,
    /// Which data centre the client believes to speak with; zero if it did not say.
    pub dc: i32,
    /// Where it calls from.
    pub address: IpAddr,
}

/// What came of a call.
#[derive(Debug)]
pub enum Answer {
    /// This, once the ticket's commit is durable.
    Reply(Reply),
    /// Do this, then call again with what came of it.
    Later(Later),
}

/// A finished call.
#[derive(Debug)]
pub struct Reply {
    /// The result or the `rpc_error`, boxed, in the layer of the caller.
    pub body: Vec<u8>,
    /// Whether it is a result.
    pub ok: bool,
    /// The newest commit that the call saw or made: nothing leaves before it is durable.
    pub ticket: Ticket,
    /// What to tell once it is durable.
    pub effects: Effects,
    /// Which method it was; `None` if we do not know it.
    pub method: Option<&'static str>,
    /// Why it is no result, if it is none.
    pub refusal: Option<Refusal>,
    /// What is wrong with the arguments, if they cannot be read.
    pub unreadable: Option<tl::Error>,
}

impl Reply {
    /// A result of `method`.
    fn ok(method: &'static str, body: Vec<u8>, ticket: Ticket, effects: Effects) -> Self {
        let method = Some(method);
        Self { body, ok: true, ticket, effects, method, refusal: None, unreadable: None }
    }

    /// A refusal by `method`, if there is such a method.
    fn refused(method: Option<&'static str>, refusal: Refusal, ticket: Ticket) -> Self {
        Self {
            body: rpc_error(refusal),
            ok: false,
            ticket,
            effects: Effects::default(),
            method,
            refusal: Some(refusal),
            unreadable: None,
        }
    }
}

impl Api {
    /// The API over `store`. Makes the site's secrets on the first start.
    ///
    /// # Errors
    /// [`Fault`] of the store.
    pub fn open(store: Arc<Store>, settings: Settings, env: &mut Env<'_>) -> Result<Self, Fault> {
        let secrets = setup::secrets(&store, env)?;
        let names = names::Names::open(&store, env)?;
        let rows = methods::rows().flat_map(|row| row.ids.iter().map(move |id| (*id, row))).collect();
        let (access, files) = (refs::Secret::new(&secrets.access), refs::Secret::new(&secrets.files));
        let site = Site { settings, access, files, created: secrets.created };
        Ok(Self { store, site, names, rows })
    }

    /// The store below.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// What all calls share.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Whether `query` is one that looks at a handful of rows whatever it asks for, so that it may be run where its packet was
    /// read. What is said in a basic group is written into the box of each member, and is not.
    #[must_use]
    pub fn is_quick(&self, query: &[u8]) -> bool {
        let mut reader = Reader::new(query);
        let mut word = || reader.u32().unwrap_or_default();
        // The peer comes first, or behind the flags.
        let (id, first, second) = (word(), word(), word());
        let basic_group = types::InputPeerChat::ID;
        self.rows.get(&id).is_some_and(|row| row.quick) && first != basic_group && second != basic_group
    }

    /// Runs one query. `found` is what the rim did for an earlier run of it.
    pub fn call(&self, caller: &Caller, peeled: &Peeled, found: Option<&Found>, env: &mut Env<'_>) -> Answer {
        let id = Reader::new(&peeled.query).peek_u32().unwrap_or_default();
        let Some(row) = self.rows.get(&id) else {
            return Answer::Reply(Reply::refused(None, Refusal::MethodInvalid, Ticket::default()));
        };
        if let Err(Stop::Fault(fault)) = self.remember(caller, peeled, env) {
            return Answer::Reply(self.fault(row, &fault));
        }
        let ran = match row.mode {
            Mode::Reads => self.store.read(|tx| self.run(tx, caller, peeled, found, row, env)),
            Mode::Writes => self.store.write(|tx| self.run(tx, caller, peeled, found, row, env)),
        };
        let refused = |refusal, ticket| Reply::refused(Some(row.name), refusal, ticket);
        match ran {
            Ok((Ran::Done(body, effects), ticket)) => {
                Answer::Reply(Reply::ok(row.name, body, ticket, effects))
            }
            Ok((Ran::Counted(refusal), ticket)) => Answer::Reply(refused(refusal, ticket)),
            // What refused it may be a commit that is not durable yet.
            Err(Halt::Refused(refusal) | Halt::Counted(refusal)) => {
                Answer::Reply(refused(refusal, self.store.newest()))
            }
            Err(Halt::Unreadable(error)) => {
                let reply = refused(Refusal::InputFetchError, self.store.newest());
                Answer::Reply(Reply { unreadable: Some(error), ..reply })
            }
            Ok((Ran::Begun(later), after)) => Answer::Later(later.after(after)),
            Err(Halt::Later(later) | Halt::Begun(later)) => Answer::Later(*later),
            Err(Halt::Fault(fault)) => Answer::Reply(self.fault(row, &fault)),
        }
    }

    /// Keeps what a client says of itself with its key: the layer and the device belong to the key, not to the session.
    fn remember(&self, caller: &Caller, peeled: &Peeled, env: &mut Env<'_>) -> Result<(), Stop> {
        let Some(key) = caller.key else { return Ok(()) };
        if peeled.layer.is_none() && peeled.device.is_none() {
            return Ok(());
        }
        let address = caller.address.to_string();
        let differs = |row: &stored::AuthKey| {
            peeled.layer.is_some_and(|layer| row.layer != i32::from(layer))
                || peeled.device.as_ref().is_some_and(|d| {
                    row.api_id != d.api_id
                        || row.device_model != d.device_model
                        || row.system_version != d.system_version
                        || row.app_version != d.app_version
                        || row.lang_code != d.lang_code
                        || row.ip != address
                })
        };
        let (known, _) = self.key(key)?;
        if !known.is_some_and(|row| differs(&row)) {
            return Ok(());
        }
        self.keep_key(key, env, |row| {
            if let Some(layer) = peeled.layer {
                row.layer = i32::from(layer);
            }
            if let Some(device) = &peeled.device {
                row.api_id = device.api_id;
                row.device_model.clone_from(&device.device_model);
                row.system_version.clone_from(&device.system_version);
                row.app_version.clone_from(&device.app_version);
                row.lang_code.clone_from(&device.lang_code);
                row.ip.clone_from(&address);
            }
        })
    }

    fn run(
        &self,
        tx: &mut store::Tx<'_>,
        caller: &Caller,
        peeled: &Peeled,
        found: Option<&Found>,
        row: &'static Row,
        env: &mut Env<'_>,
    ) -> Result<Ran, Halt> {
        let key = match caller.key {
            Some(key) => model::keys::client(tx, key)?.unwrap_or_default(),
            None => Client::default(),
        };
        let layer = peeled.layer.map_or_else(|| layer_of(&key), Layer);
        let ctx = Ctx {
            tx,
            now: env.now,
            dice: &mut *env.dice,
            origin: caller.key.unwrap_or_default(),
            effects: Effects::default(),
        };
        let mut cx = Cx { model: ctx, caller, key, site: &self.site, found };
        let mut reader = Reader::new(&peeled.query);
        let mut writer = Writer::spare(layer);
        match (row.run)(&mut cx, &mut reader, &mut writer) {
            Ok(()) if writer.unspeakable => Err(Refusal::ConnectionLayerInvalid.into()),
            Ok(()) => Ok(Ran::Done(writer.finish(), std::mem::take(&mut cx.model.effects))),
            Err(Halt::Counted(refusal)) => Ok(Ran::Counted(refusal)),
            Err(Halt::Begun(later)) => Ok(Ran::Begun(later)),
            Err(halt) => Err(halt),
        }
    }

    fn fault(&self, row: &'static Row, fault: &Fault) -> Reply {
        tracing::error!(method = row.name, %fault, "a call failed through our fault");
        Reply::refused(Some(row.name), Refusal::Internal, self.store.newest())
    }
}

/// What a transaction that is to be committed gave.
enum Ran {
    Done(Vec<u8>, Effects),
    Counted(Refusal),
    Begun(Box<Later>),
}

/// The layer in which a key's client reads, by what it last said; the oldest served one if it never said.
pub(crate) fn layer_of(client: &Client) -> Layer {
    u16::try_from(client.layer).ok().filter(|layer| *layer != 0).map_or(Layer::OLDEST, Layer)
}

/// A refusal as it goes out.
#[must_use]
pub fn rpc_error(refusal: Refusal) -> Vec<u8> {
    let error = tl::service::RpcError { error_code: refusal.code(), error_message: refusal.name() };
    tl::write(&error, Layer::ALL)
}

/// Whether a query only carries file bytes or asks what every session asks: a session of such queries gets no pushes.
#[must_use]
pub fn is_side_query(query: &[u8]) -> bool {
    let id = Reader::new(query).peek_u32().unwrap_or_default();
    tl::method_name(id).is_none_or(|name| name.starts_with("upload.") || name.starts_with("help."))
        || functions::auth::BindTempAuthKey::IDS.contains(&id)
}

/// Whether login codes come by the policy of these settings.
#[must_use]
pub fn code_policy(settings: &Settings) -> &login::Policy {
    &settings.login
}
