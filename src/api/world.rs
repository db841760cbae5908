//! A small world for tests beside the handlers: people with names, a memory store, a clock that stands still.
//!
//! Calls go the whole way: written and read in a client's layer, through the table of methods, in real transactions, over an
//! engine that now and then makes one run twice.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use env::{Env, SeededDice, Time};
use model::ids::{KeyId, UserId};
use model::login;
use model::updates::Cursor;
use store::Store;
use tl::{Decode, Layer, Method, Reader, enums, functions, service, types};

use crate::envelope::Peeled;
use crate::jobs::JobOutcome;
use crate::push::Shown;
use crate::{Answer, Api, Caller, Found, Later, Notice, Settings, Ticket};

/// A device of somebody.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    /// Its key.
    pub key: KeyId,
    /// Whose it is.
    pub user: UserId,
    /// Their phone number.
    pub phone: String,
    /// The layer it speaks.
    pub layer: u16,
    /// How far pushes have reached it.
    pub seen: Cursor,
}

/// The world.
pub(crate) struct World {
    /// The API under test.
    pub api: Api,
    /// The time.
    pub now: Time,
    /// What has been told so far, beside replies and logs.
    pub told: Vec<Notice>,
    dice: SeededDice,
    keys: i64,
}

/// Whatever a test did, what must be true of all rows together is true at its end.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let report = model::verify::walk(self.api.store()).expect("a memory store reads");
            assert!(report.is_clean(), "{report}");
        }
    }
}

impl World {
    /// An empty world.
    pub(crate) fn new() -> Self {
        let every = NonZeroU32::new(5).unwrap_or(NonZeroU32::MIN);
        let store = Arc::new(Store::memory_with_conflicts(every));
        let settings = Settings {
            advertise: vec!["127.0.0.1:8443".parse().expect("an address")],
            codes_per_address: 1_000,
            login: login::Policy {
                code_digits: 5,
                code_ttl_secs: 300,
                codes_per_phone: 5,
                test_numbers: true,
            },
            guests_max: model::limits::GUESTS_MAX.into(),
            link_prefix: "https://t.me/".to_owned(),
        };
        let mut dice = SeededDice::new(42);
        let now = Time::from_secs(1_800_000_000);
        let api =
            Api::open(store, settings, &mut Env { now, dice: &mut dice }).expect("a memory store opens");
        Self { api, now, told: Vec::new(), dice, keys: 0 }
    }

    /// Does something with the API, at this time and with these dice.
    pub(crate) fn with_env<R>(&mut self, act: impl FnOnce(&Api, &mut Env<'_>) -> R) -> R {
        act(&self.api, &mut Env { now: self.now, dice: &mut self.dice })
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, secs: u64) {
        self.now = self.now + Duration::from_secs(secs);
    }

    /// Does what is due, as the runner of the gateway does it; codes go nowhere.
    pub(crate) fn run_jobs(&mut self) {
        self.with_env(|api, env| api.expire_keys(&|_| false, env)).expect("a memory store writes");
        let mut from = self.api.jobs_start().expect("a memory store reads");
        loop {
            let mut env = Env { now: self.now, dice: &mut self.dice };
            let due = self.api.jobs_due(from, 8, &mut env).expect("jobs");
            if due.jobs.is_empty() && !due.more {
                return;
            }
            from = due.next;
            for (key, job) in due.jobs {
                match self.api.run_job(&key, &job, &mut env).expect("run") {
                    JobOutcome::Done { .. } => {}
                    JobOutcome::Deliver { .. } | JobOutcome::DropBlobs { .. } => {
                        self.api.job_done(&key, &mut env).expect("done");
                    }
                }
            }
        }
    }

    /// A key on which nobody is logged in.
    pub(crate) fn guest(&mut self) -> Device {
        self.keys += 1;
        let key = KeyId(self.keys);
        let mut env = Env { now: self.now, dice: &mut self.dice };
        self.api
            .insert_key(key, &[7; 192], 2, &|_| false, &mut env)
            .expect("a memory store writes")
            .expect("a fresh id");
        Device { key, user: UserId(0), phone: String::new(), layer: 230, seen: Cursor::default() }
    }

    /// Somebody who signed up, on their first device, and asked for updates.
    pub(crate) fn person(&mut self, name: &str) -> Device {
        let mut device = self.guest();
        device.phone = format!("9996610{:03}", self.keys);
        let hash = self.ask_code(&device);
        let signed = self.sign_in(&device, &hash, "11111").expect("the right code");
        assert!(matches!(signed, enums::auth::Authorization::AuthorizationSignUpRequired(_)));
        let request = functions::auth::SignUp {
            phone_number: device.phone.clone(),
            phone_code_hash: hash,
            first_name: name.to_owned(),
            ..Default::default()
        };
        let signed = self.call(&device, &request).expect("a new account");
        self.settle(device, signed)
    }

    /// Another device of somebody.
    pub(crate) fn device(&mut self, of: &Device) -> Device {
        let mut device = self.guest();
        device.phone.clone_from(&of.phone);
        let hash = self.ask_code(&device);
        let signed = self.sign_in(&device, &hash, "11111").expect("the right code");
        self.settle(device, signed)
    }

    fn settle(&mut self, mut device: Device, signed: enums::auth::Authorization) -> Device {
        let enums::auth::Authorization::Authorization(signed) = signed else {
            panic!("not signed in: {signed:?}")
        };
        let enums::User::User(user) = signed.user else { panic!("nobody signed in") };
        device.user = UserId(user.id);
        let state = self.call(&device, &functions::updates::GetState {}).expect("a state");
        device.seen = self.api.listener(device.key).expect("a memory store reads").expect("a login").end;
        assert_eq!(state.pts, device.seen.pts);
        device
    }

    /// Asks for a code; gives its hash.
    pub(crate) fn ask_code(&mut self, device: &Device) -> String {
        let request = functions::auth::SendCode {
            phone_number: device.phone.clone(),
            api_id: 1,
            api_hash: "hash".to_owned(),
            ..Default::default()
        };
        match self.call(device, &request).expect("a code") {
            enums::auth::SentCode::SentCode(sent) => sent.phone_code_hash,
            other => panic!("no code was sent: {other:?}"),
        }
    }

    /// Gives a code back.
    pub(crate) fn sign_in(
        &mut self,
        device: &Device,
        hash: &str,
        code: &str,
    ) -> Result<enums::auth::Authorization, String> {
        let request = functions::auth::SignIn {
            phone_number: device.phone.clone(),
            phone_code_hash: hash.to_owned(),
            phone_code: Some(code.to_owned()),
            ..Default::default()
        };
        self.call(device, &request)
    }

    /// Calls a method; an error comes back as its name.
    pub(crate) fn call<M: Method>(&mut self, device: &Device, request: &M) -> Result<M::Return, String> {
        self.call_with(device, request, &mut |later| panic!("nobody here carries out {later:?}"))
    }

    /// Makes a query that is written already; gives the bytes of the answer, or the name of the error.
    pub(crate) fn call_raw(
        &mut self,
        device: &Device,
        layer: u16,
        query: Vec<u8>,
    ) -> Result<Vec<u8>, String> {
        let caller = Self::caller(device);
        let peeled = Peeled { layer: Some(layer), query, ..Default::default() };
        let answer = self.with_env(|api, env| api.call(&caller, &peeled, None, env));
        match answer {
            Answer::Reply(reply) if reply.ok => Ok(reply.body),
            Answer::Reply(reply) => {
                let error = service::RpcError::decode(&mut Reader::new(&reply.body)).expect("an rpc_error");
                Err(error.error_message)
            }
            Answer::Later(later) => panic!("nobody here carries out {later:?}"),
        }
    }

    fn caller(device: &Device) -> Caller {
        Caller {
            key: Some(device.key),
            session_id: 1,
            msg_id: 0,
            dc: 2,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    /// Calls a method; `rim` carries out what the handler leaves for later.
    pub(crate) fn call_with<M: Method>(
        &mut self,
        device: &Device,
        request: &M,
        rim: &mut dyn FnMut(Later) -> Found,
    ) -> Result<M::Return, String> {
        let caller = Self::caller(device);
        let query = tl::write(request, Layer(device.layer));
        let peeled = Peeled { layer: Some(device.layer), query, ..Default::default() };
        let mut found = None;
        for _ in 0..8 {
            let mut env = Env { now: self.now, dice: &mut self.dice };
            match self.api.call(&caller, &peeled, found.as_ref(), &mut env) {
                Answer::Later(later) => found = Some(rim(later)),
                Answer::Reply(reply) if reply.ok => {
                    self.told.extend(reply.effects.notices);
                    return Ok(
                        M::Return::decode(&mut Reader::new(&reply.body)).expect("an answer that reads")
                    );
                }
                Answer::Reply(reply) => {
                    let error =
                        service::RpcError::decode(&mut Reader::new(&reply.body)).expect("an rpc_error");
                    return Err(error.error_message);
                }
            }
        }
        panic!("a call that never ends")
    }

    /// What is pushed to a device since the last time it looked.
    pub(crate) fn pushes(&mut self, device: &mut Device) -> Vec<enums::Update> {
        let mut all = Vec::new();
        loop {
            // As to a client that has been shown nobody yet: all in full.
            let push = self
                .api
                .account_push(device.key, device.seen, self.now, &mut Shown::default())
                .expect("a memory store reads");
            let Some(push) = push else { return all };
            device.seen = push.to;
            if let Some(body) = push.body {
                match enums::Updates::decode(&mut Reader::new(&body)).expect("updates") {
                    enums::Updates::Updates(updates) => all.extend(updates.updates),
                    other => panic!("an odd push: {other:?}"),
                }
            }
            if !push.more {
                return all;
            }
        }
    }

    /// What that is kept nowhere has been told to a device, and not read by it; all of it is forgotten then.
    pub(crate) fn whispers(&mut self, device: &Device) -> Vec<enums::Update> {
        let told = std::mem::take(&mut self.told);
        let channels =
            self.api.listener(device.key).expect("a memory store reads").expect("a login").channels;
        let mine = told.iter().filter_map(|notice| match notice {
            Notice::Ephemeral { to, what } if to.contains(&device.user) => Some(what),
            Notice::EphemeralChannel { channel, what, except }
                if *except != device.user && channels.iter().any(|(id, _)| id == channel) =>
            {
                Some(what)
            }
            _ => None,
        });
        let bodies = mine.filter_map(|what| {
            self.api.ephemeral_push(device.key, what, self.now).expect("a memory store reads")
        });
        let read = |(body, _): (Vec<u8>, Ticket)| match enums::Updates::decode(&mut Reader::new(&body))
            .expect("updates")
        {
            enums::Updates::Updates(updates) => updates.updates,
            other => panic!("an odd push: {other:?}"),
        };
        bodies.flat_map(read).collect()
    }

    /// How `me` names somebody: by what the server has shown them.
    pub(crate) fn input_peer(&self, me: &Device, other: &Device) -> enums::InputPeer {
        let access_hash = self.api.site().access_hash(me.user, crate::refs::Kind::User, other.user.0);
        tl::types::InputPeerUser { user_id: other.user.0, access_hash }.into()
    }

    /// The same, as a person.
    pub(crate) fn input_user(&self, me: &Device, other: &Device) -> enums::InputUser {
        let access_hash = self.api.site().access_hash(me.user, crate::refs::Kind::User, other.user.0);
        tl::types::InputUser { user_id: other.user.0, access_hash }.into()
    }

    /// Sends a text; gives the updates of the reply, those of a short one as a client completes them by what it asked for.
    pub(crate) fn say(
        &mut self,
        me: &Device,
        peer: enums::InputPeer,
        text: &str,
        random_id: i64,
    ) -> Vec<enums::Update> {
        let request = functions::messages::SendMessage {
            peer: peer.clone(),
            message: text.to_owned(),
            random_id,
            ..Default::default()
        };
        match (self.call(me, &request).expect("sent"), peer) {
            (enums::Updates::Updates(updates), _) => updates.updates,
            (enums::Updates::UpdateShortSentMessage(short), enums::InputPeer::InputPeerUser(to)) => {
                let message = types::Message {
                    out: short.out,
                    id: short.id,
                    from_id: Some(types::PeerUser { user_id: me.user.0 }.into()),
                    peer_id: types::PeerUser { user_id: to.user_id }.into(),
                    message: text.to_owned(),
                    date: short.date,
                    entities: short.entities,
                    ..Default::default()
                };
                let (pts, pts_count) = (short.pts, short.pts_count);
                vec![
                    types::UpdateMessageID { id: short.id, random_id }.into(),
                    types::UpdateNewMessage { message: message.into(), pts, pts_count }.into(),
                ]
            }
            (other, _) => panic!("an odd reply: {other:?}"),
        }
    }
}
