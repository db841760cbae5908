//! Two people who write to each other, signed up as everybody is, over whichever store.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use api::envelope::Peeled;
use api::ids::{KeyId, UserId};
use api::{Answer, Api, Caller, Reply, Settings};
use env::{Dice, Env, SeededDice, Time};
use rand::Rng as _;
use store::Store;
use tl::functions::{auth, channels, contacts, messages};
use tl::{Decode as _, Layer, Method, Reader, enums, types};

/// The layer that both speak.
pub const LAYER: Layer = Layer(230);
/// Ana's key; Ben's is the next.
pub const ANAS_KEY: KeyId = KeyId(0x5eed);

const CODE: &str = "11111";

/// The dice of the server: what padding costs is part of the figures.
pub struct RealDice;

impl Dice for RealDice {
    fn fill(&mut self, out: &mut [u8]) {
        rand::rng().fill_bytes(out);
    }
}

/// Ana and Ben; she has his number among her contacts.
pub struct People {
    /// The server, as far as it is neither network nor disk.
    pub api: Api,
    /// The time; it passes as they write.
    pub now: Time,
    /// Ana.
    pub ana: UserId,
    /// Ben.
    pub ben: UserId,
    /// Ana's channels, as her client names them.
    #[allow(dead_code, reason = "not every bench has channels")]
    pub places: Vec<types::InputPeerChannel>,
    /// Ben, as Ana's client names him.
    pub bens_peer: enums::InputPeer,
    sent: i64,
}

impl People {
    /// Both sign up in `store`.
    pub fn in_store(store: Store) -> Self {
        let settings = Settings {
            advertise: Vec::new(),
            codes_per_address: 100,
            login: model::login::Policy {
                code_digits: 5,
                code_ttl_secs: 300,
                codes_per_phone: 5,
                test_numbers: true,
            },
            guests_max: model::limits::GUESTS_MAX.into(),
            link_prefix: "https://t.me/".to_owned(),
        };
        let now = Time::from_secs(1_800_000_000);
        let mut env = Env { now, dice: &mut RealDice };
        let api = Api::open(Arc::new(store), settings, &mut env).expect("a store that writes");
        let nobody = enums::InputPeer::InputPeerEmpty;
        let mut people =
            Self { api, now, ana: UserId(0), ben: UserId(0), places: Vec::new(), bens_peer: nobody, sent: 0 };
        people.ana = people.sign_up(ANAS_KEY, "9996610001", "Ana");
        people.ben = people.sign_up(KeyId(ANAS_KEY.0 + 1), "9996610002", "Ben");
        people.bens_peer = people.import("9996610002");
        people
    }

    /// Ana's next message to Ben, not sent yet.
    #[allow(dead_code, reason = "not every bench has private messages")]
    pub fn message(&mut self, text: &str) -> messages::SendMessage {
        self.sent += 1;
        let (peer, message) = (self.bens_peer.clone(), text.to_owned());
        messages::SendMessage { peer, message, random_id: self.sent, ..Default::default() }
    }

    /// Ana sends Ben a message.
    #[allow(dead_code, reason = "not every bench has private messages")]
    pub fn say(&mut self, text: &str) -> Reply {
        let query = self.message(text);
        self.now = self.now + Duration::from_micros(100);
        run(&self.api, &caller(ANAS_KEY), &peeled(&query), self.now)
    }

    /// A channel of Ana's, or a supergroup, with so many more members, each on a key of their own: [`ANAS_KEY`] + 100 on. The
    /// members of the first place are those of the second.
    #[allow(dead_code, reason = "not every bench has channels")]
    pub fn place(&mut self, broadcast: bool, members: u32) -> i64 {
        let title = "Place".to_owned();
        let (megagroup, about) = (!broadcast, String::new());
        let made = channels::CreateChannel { broadcast, megagroup, title, about, ..Default::default() };
        let enums::Updates::Updates(made) = self.ask(ANAS_KEY, &made) else { panic!("no channel") };
        let Some(enums::Chat::Channel(channel)) = made.chats.first() else { panic!("no channel") };
        let (id, access_hash) = (channel.id, channel.access_hash.unwrap_or_default());
        self.places.push(types::InputPeerChannel { channel_id: id, access_hash });
        let username = format!("place_{id}");
        let input = types::InputChannel { channel_id: id, access_hash }.into();
        self.ask(ANAS_KEY, &channels::UpdateUsername { channel: input, username: username.clone() });
        for n in 0..members {
            let key = KeyId(ANAS_KEY.0 + 100 + i64::from(n));
            let known = self.api.listener(key).expect("a store that reads").is_some();
            if !known {
                // Codes are counted for each address in the hour.
                self.now = self.now + Duration::from_secs(60);
                self.sign_up(key, &format!("99966{:05}", 10_100 + n), &format!("Member {n}"));
            }
            let resolve = contacts::ResolveUsername { username: username.clone(), ..Default::default() };
            let enums::Chat::Channel(found) = self.ask(key, &resolve).chats.swap_remove(0) else {
                panic!("not found")
            };
            let access_hash = found.access_hash.unwrap_or_default();
            let channel = types::InputChannel { channel_id: id, access_hash }.into();
            self.ask(key, &channels::JoinChannel { channel });
        }
        id
    }

    /// Ana posts a text; gives the pts of the channel before it.
    #[allow(dead_code, reason = "not every bench has channels")]
    pub fn post(&mut self, channel: i64, text: &str) -> i32 {
        let listener = self.api.listener(ANAS_KEY).expect("a store that reads").expect("her key");
        let pts = listener.channels.iter().find(|(id, _)| id.0 == channel).expect("her channel").1;
        self.sent += 1;
        let peer = self.places.iter().find(|place| place.channel_id == channel).expect("her channel");
        let message = messages::SendMessage {
            peer: peer.clone().into(),
            message: text.to_owned(),
            random_id: self.sent,
            ..Default::default()
        };
        self.ask(ANAS_KEY, &message);
        pts
    }

    fn ask<M: Method>(&self, key: KeyId, query: &M) -> M::Return {
        let reply = run(&self.api, &caller(key), &peeled(query), self.now);
        M::Return::decode(&mut Reader::new(&reply.body)).expect("an answer that reads")
    }

    fn sign_up(&self, key: KeyId, phone: &str, name: &str) -> UserId {
        let mut env = Env { now: self.now, dice: &mut RealDice };
        self.api
            .insert_key(key, &[7; 192], 2, &|_| false, &mut env)
            .expect("a store that writes")
            .expect("a fresh key");
        let phone_number = phone.to_owned();
        let (api_id, api_hash) = (1, "hash".to_owned());
        let code = auth::SendCode { phone_number, api_id, api_hash, ..Default::default() };
        let enums::auth::SentCode::SentCode(sent) = self.ask(key, &code) else { panic!("no code was sent") };
        let (phone_number, phone_code_hash) = (phone.to_owned(), sent.phone_code_hash);
        let sign_in = auth::SignIn {
            phone_number: phone_number.clone(),
            phone_code_hash: phone_code_hash.clone(),
            phone_code: Some(CODE.to_owned()),
            ..Default::default()
        };
        self.ask(key, &sign_in);
        let first_name = name.to_owned();
        let sign_up = auth::SignUp { phone_number, phone_code_hash, first_name, ..Default::default() };
        match self.ask(key, &sign_up) {
            enums::auth::Authorization::Authorization(signed) => user(&signed.user).0,
            other => panic!("not signed up: {other:?}"),
        }
    }

    fn import(&self, phone: &str) -> enums::InputPeer {
        let contact = types::InputPhoneContact {
            phone: phone.to_owned(),
            first_name: "Ben".to_owned(),
            ..Default::default()
        };
        let imported = self.ask(ANAS_KEY, &contacts::ImportContacts { contacts: vec![contact] });
        let (UserId(user_id), access_hash) = imported.users.first().map(user).expect("Ben is found");
        types::InputPeerUser { user_id, access_hash }.into()
    }
}

fn user(user: &enums::User) -> (UserId, i64) {
    match user {
        enums::User::User(user) => (UserId(user.id), user.access_hash.unwrap_or_default()),
        enums::User::UserEmpty(_) => panic!("nobody"),
    }
}

/// Whoever holds this key.
pub fn caller(key: KeyId) -> Caller {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Caller { key: Some(key), session_id: 1, msg_id: 0, dc: 2, address }
}

/// A query without wrappers, by a client whose layer is known.
pub fn peeled(query: &impl Method) -> Peeled {
    Peeled { layer: Some(LAYER.0), query: tl::write(query, LAYER), ..Default::default() }
}

/// Runs a query that must succeed.
pub fn run(api: &Api, caller: &Caller, peeled: &Peeled, now: Time) -> Reply {
    match api.call(caller, peeled, None, &mut Env { now, dice: &mut RealDice }) {
        Answer::Reply(reply) if reply.ok => reply,
        other => panic!("not answered: {other:?}"),
    }
}

/// So many bytes of plain words: they pack about as well as people's messages do.
pub fn text(bytes: usize) -> String {
    const WORDS: &str = "the of and to in is you that it he was for on are as with his they at be this have from or one \
        had by word but not what all were we when your can said there use an each which she do how their if will up \
        other about out many then them these so some her would make like him into time has look two more write go see \
        number no way could people my than first water been call who oil its now find long down day did get come made \
        may part tower signal arm telegraph weather fog night station message arrived yesterday tomorrow thanks";
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut dice = SeededDice::new(1794);
    let mut text = String::new();
    while text.len() < bytes {
        let at = usize::try_from(dice.below(words.len() as u64)).unwrap_or_default();
        text.extend([words.get(at).copied().unwrap_or_default(), " "]);
    }
    text.truncate(bytes - 1);
    text.push('.');
    text
}
