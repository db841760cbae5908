//! A small world behind the dispatcher: two people who know each other, somebody without an account, a group, a channel.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use api::envelope::Peeled;
use api::push::Shown;
use api::{Answer, Api, Caller, Cursor, Found, Later, Settings};
use arbitrary::{Result, Unstructured};
use env::{Env, SeededDice};
use model::ids::KeyId;
use model::login::Policy;
use store::Store;
use tl::{Layer, Method, Reader, enums, functions, service, types};

use crate::path::START;

/// How often a call may ask for work on bytes before it must have an end.
const ERRANDS_MAX: usize = 16;

/// The world.
pub struct World {
    api: Api,
    dice: SeededDice,
    /// Ids and access hashes that mean something here.
    known: Vec<i64>,
}

impl World {
    /// Three keys, nobody logged in.
    #[must_use]
    pub fn guests() -> Self {
        let settings = Settings {
            advertise: Vec::new(),
            codes_per_address: 1_000,
            login: Policy { code_digits: 5, code_ttl_secs: 300, codes_per_phone: 5, test_numbers: true },
            guests_max: model::limits::GUESTS_MAX.into(),
            link_prefix: "https://t.me/".to_owned(),
        };
        let mut dice = SeededDice::new(42);
        let env = &mut Env { now: START, dice: &mut dice };
        let api = Api::open(Arc::new(Store::memory()), settings, env).expect("a memory store opens");
        for key in 0..3 {
            let inserted = api.insert_key(KeyId(key + 1), &[7; 192], 2, &|_| false, env);
            assert!(matches!(inserted, Ok(Some(_))), "a fresh id");
        }
        Self { api, dice, known: Vec::new() }
    }

    /// Two people who wrote to each other, a group and a channel of the first.
    #[must_use]
    pub fn people() -> Self {
        let mut world = Self::guests();
        for who in 0..2 {
            world.sign_up(who);
        }
        let contact = |who: usize| types::InputPhoneContact {
            phone: phone(who),
            first_name: "Somebody".to_owned(),
            ..Default::default()
        };
        for (who, other) in [(0, 1), (1, 0)] {
            let request = functions::contacts::ImportContacts { contacts: vec![contact(other)] };
            if let Some(enums::User::User(user)) = world.ask(who, &request).users.first() {
                world.known.extend([user.id, user.access_hash.unwrap_or_default()]);
            }
        }
        let to = types::InputPeerUser { user_id: world.known[0], access_hash: world.known[1] };
        let request = functions::messages::SendMessage {
            peer: to.into(),
            message: "hello".to_owned(),
            random_id: 5,
            ..Default::default()
        };
        world.ask(0, &request);
        let channel = functions::channels::CreateChannel {
            megagroup: true,
            title: "all".to_owned(),
            about: String::new(),
            ..Default::default()
        };
        if let enums::Updates::Updates(updates) = world.ask(0, &channel) {
            for chat in &updates.chats {
                if let enums::Chat::Channel(channel) = chat {
                    world.known.extend([channel.id, channel.access_hash.unwrap_or_default()]);
                }
            }
        }
        assert_eq!(world.known.len(), 6, "two people and a channel");
        world
    }

    fn sign_up(&mut self, who: usize) {
        let phone_number = phone(who);
        let request = functions::auth::SendCode {
            phone_number: phone_number.clone(),
            api_id: 1,
            api_hash: "hash".to_owned(),
            ..Default::default()
        };
        let enums::auth::SentCode::SentCode(sent) = self.ask(who, &request) else { return };
        let phone_code_hash = sent.phone_code_hash;
        let request = functions::auth::SignIn {
            phone_number: phone_number.clone(),
            phone_code_hash: phone_code_hash.clone(),
            phone_code: Some("11111".to_owned()),
            ..Default::default()
        };
        self.ask(who, &request);
        let first_name = format!("Somebody {who}");
        let request =
            functions::auth::SignUp { phone_number, phone_code_hash, first_name, ..Default::default() };
        self.ask(who, &request);
        self.ask(who, &functions::updates::GetState {});
    }

    fn ask<M: Method>(&mut self, who: usize, request: &M) -> M::Return {
        let peeled = Peeled { layer: Some(227), query: tl::write(request, Layer(227)), ..Default::default() };
        let body = self.call(who, &peeled, &mut |later| panic!("{later:?}"));
        let error = || tl::read::<service::RpcError>(&body);
        tl::Decode::decode(&mut Reader::new(&body)).unwrap_or_else(|_| panic!("{}: {:?}", M::NAME, error()))
    }

    /// Something that means something here, most of the time.
    ///
    /// # Errors
    /// The fuzzer's bytes are used up.
    pub fn hint(&self, u: &mut Unstructured<'_>, field: &str) -> Result<Option<i64>> {
        let means = field.ends_with("_id") || field == "access_hash";
        if self.known.is_empty() || !means || !u.ratio(3, 4)? {
            return Ok(None);
        }
        let hashes = field == "access_hash";
        let fitting: Vec<i64> = self.known.iter().skip(usize::from(hashes)).step_by(2).copied().collect();
        u.choose(&fitting).copied().map(Some)
    }

    /// Calls; `fetch` does what a handler leaves for later.
    ///
    /// # Panics
    /// If the call has no end, or fails through the server's fault though nothing was wrong with what was brought.
    pub fn call(&mut self, who: usize, peeled: &Peeled, fetch: &mut dyn FnMut(Later) -> Found) -> Vec<u8> {
        let caller = Caller {
            key: Some(KeyId(who as i64 + 1)),
            session_id: 1,
            msg_id: 0,
            dc: 2,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let mut found = None;
        for _ in 0..ERRANDS_MAX {
            let mut env = Env { now: START, dice: &mut self.dice };
            match self.api.call(&caller, peeled, found.as_ref(), &mut env) {
                Answer::Later(later) => found = Some(fetch(later)),
                Answer::Reply(reply) => {
                    let ours = reply.refusal == Some(api::Refusal::Internal);
                    assert!(!ours || found.is_some(), "{:?} fails through our fault", reply.method);
                    assert!(reply.body.len() >= 4 && reply.body.len() % 4 == 0);
                    return reply.body;
                }
            }
        }
        panic!("a call without an end")
    }

    /// Reads what is pushed to everybody, from the beginning.
    ///
    /// # Panics
    /// If a push cannot be read or has no end.
    pub fn push_all(&self) {
        for key in 1..=3 {
            let (mut from, mut shown) = (Cursor { pts: 1, aside: 0 }, Shown::default());
            for _ in 0..100 {
                match self.api.account_push(KeyId(key), from, START, &mut shown) {
                    Ok(Some(push)) if push.more => from = push.to,
                    Ok(_) => break,
                    Err(stop) => panic!("a push that fails: {stop:?}"),
                }
            }
        }
    }
}

fn phone(who: usize) -> String {
    format!("9996610{:03}", who + 1)
}
