//! Fills a new data directory with people, messages and a channel, without a network: what a bench starts from.
//!
//! Everybody is signed up and every message is sent through the API as by a client, one call after the other; only the
//! key exchange is left out, and the keys are written to a file instead. Nothing here is for a server in earnest.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use api::envelope::Peeled;
use api::ids::KeyId;
use api::{Answer, Api, Caller, JobOutcome};
use clap::Args;
use env::Dice as _;
use gateway::world::with_env;
use tl::functions::{auth, channels, contacts, messages};
use tl::{Decode as _, Layer, Method, Reader, enums, types};

use crate::config::Config;
use crate::{ServerError, in_a_line, key_files, open, open_engine, settings};

/// What is to be there.
#[derive(Debug, Args)]
pub struct Seed {
    /// Accounts: test numbers from 9996610000 on, each with a key.
    #[arg(long, default_value_t = 2)]
    people: usize,
    /// Private messages: the first person to the second, the third to the fourth, and so on, in turn.
    #[arg(long, default_value_t = 0)]
    messages: usize,
    /// Bytes of each of their texts.
    #[arg(long, default_value_t = 128)]
    size: usize,
    /// Members of the channel `@seeded`, which the first person owns; the first so many people.
    #[arg(long, default_value_t = 0)]
    members: usize,
    /// Posts in it.
    #[arg(long, default_value_t = 0)]
    posts: usize,
    /// Where the keys go: a line for each person, id and contents in hexadecimal digits.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
}

/// The layer that the people speak.
const LAYER: Layer = Layer::NEWEST;

/// Jobs that are looked for at once.
const JOBS_AT_ONCE: usize = 1_000;

/// The name of the channel.
const CHANNEL: &str = "seeded";

/// Fills the data directory of `config`, which must not be there yet.
///
/// # Errors
/// [`ServerError`]: the directory is there, it cannot be written, or a call is refused.
pub fn run(config: &Config, seed: &Seed) -> Result<(), ServerError> {
    let data = &config.server.data;
    if data.join("store").exists() {
        return Err(in_a_line(format!("{}: there is a store already", data.display())));
    }
    key_files::make_private_dir(data).map_err(|e| in_a_line(format!("{}: {e}", data.display())))?;
    let _lock = store::lock_dir(data).map_err(in_a_line)?;
    let mut settings = settings(config, &[]).map_err(in_a_line)?;
    settings.login.test_numbers = true;
    settings.codes_per_address = i32::MAX;
    let opened = open(data, &config.store, settings)?;
    let seeding = Seeding { api: Arc::clone(&opened.api) };
    let keys = seeding.fill(seed)?;
    seeding.carry_out()?;
    opened.store.close().map_err(in_a_line)?;
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&seed.keys);
    file.and_then(|mut file| file.write_all(keys.as_bytes()))
        .map_err(|e| in_a_line(format!("{}: {e}", seed.keys.display())))
}

/// Opens the store of `config` and nothing else, calls `opened`, and closes it: what a start is compared with.
///
/// # Errors
/// [`ServerError`]: it cannot be opened or closed.
pub fn open_store(config: &Config, opened: impl FnOnce()) -> Result<(), ServerError> {
    let store = open_engine(&config.server.data, &config.store)?.0;
    opened();
    store.close().map_err(in_a_line)
}

struct Seeding {
    api: Arc<Api>,
}

/// The `n`th test number and its code, as `chappe bench` counts them, too.
fn number(n: usize) -> (String, String) {
    // The digit is 1 to 9; longer numbers are test numbers, too.
    let (x, y) = (1 + n / 10_000 % 9, n % 10_000);
    let more = if n < 90_000 { String::new() } else { (n / 90_000).to_string() };
    (format!("99966{x}{y:04}{more}"), x.to_string().repeat(5))
}

impl Seeding {
    fn fill(&self, seed: &Seed) -> Result<String, ServerError> {
        let mut keys = String::new();
        let mut people = Vec::with_capacity(seed.people);
        for n in 0..seed.people {
            people.push(self.sign_up(n, &mut keys)?);
        }
        self.talk(seed, &people)?;
        if seed.members > 0 {
            self.gather(seed, &people)?;
        }
        Ok(keys)
    }

    /// A new account with a new key, which is appended to `keys`.
    fn sign_up(&self, n: usize, keys: &mut String) -> Result<KeyId, ServerError> {
        let (secret, key) = with_env(|env| {
            let secret: [u8; mtproto::crypto::STORED_KEY_BYTES] = env::bytes(env.dice);
            (secret, KeyId(i64::from_le_bytes(env::bytes(env.dice))))
        });
        with_env(|env| self.api.insert_key(key, &secret, 2, &|_| false, env))
            .map_err(|e| in_a_line(format!("{e:?}")))?;
        let _ = write!(keys, "{:016x} ", key.0);
        for byte in secret {
            let _ = write!(keys, "{byte:02x}");
        }
        keys.push('\n');
        let (phone_number, code) = number(n);
        let code_of = auth::SendCode {
            phone_number: phone_number.clone(),
            api_id: 1,
            api_hash: "hash".to_owned(),
            ..Default::default()
        };
        let enums::auth::SentCode::SentCode(sent) = self.ask(key, &code_of)? else {
            return Err(in_a_line("no code was sent"));
        };
        let phone_code_hash = sent.phone_code_hash;
        let sign_in = auth::SignIn {
            phone_number: phone_number.clone(),
            phone_code_hash: phone_code_hash.clone(),
            phone_code: Some(code),
            ..Default::default()
        };
        self.ask(key, &sign_in)?;
        let first_name = format!("Person {n}");
        let sign_up = auth::SignUp { phone_number, phone_code_hash, first_name, ..Default::default() };
        self.ask(key, &sign_up)?;
        Ok(key)
    }

    /// Ends the work that is due: codes of test numbers, which nobody waits for. A server would begin with it otherwise, and be
    /// measured by it.
    fn carry_out(&self) -> Result<(), ServerError> {
        let failed = |stop| in_a_line(format!("{stop:?}"));
        let mut from = self.api.jobs_start().map_err(failed)?;
        loop {
            let due = with_env(|env| self.api.jobs_due(from, JOBS_AT_ONCE, env)).map_err(failed)?;
            for (key, job) in &due.jobs {
                let outcome = with_env(|env| self.api.run_job(key, job, env)).map_err(failed)?;
                if matches!(outcome, JobOutcome::Deliver { .. }) {
                    with_env(|env| self.api.job_done(key, env)).map_err(failed)?;
                }
            }
            if !due.more {
                return Ok(());
            }
            from = due.next;
        }
    }

    /// The private messages.
    fn talk(&self, seed: &Seed, people: &[KeyId]) -> Result<(), ServerError> {
        if seed.messages == 0 {
            return Ok(());
        }
        let mut pairs = Vec::new();
        for (n, pair) in people.chunks_exact(2).enumerate() {
            let [writer, _] = pair else { continue };
            let phone = number(2 * n + 1).0;
            let contact =
                types::InputPhoneContact { phone, first_name: "Somebody".to_owned(), ..Default::default() };
            let found = self.ask(*writer, &contacts::ImportContacts { contacts: vec![contact] })?;
            let Some(enums::User::User(user)) = found.users.into_iter().next() else {
                return Err(in_a_line("a contact is not found"));
            };
            let access_hash = user.access_hash.unwrap_or_default();
            pairs.push((*writer, types::InputPeerUser { user_id: user.id, access_hash }));
        }
        for n in 0..seed.messages {
            let Some((writer, peer)) = pairs.get(n % pairs.len().max(1)) else {
                return Err(in_a_line("messages need two people"));
            };
            self.write(*writer, peer.clone().into(), n, seed.size)?;
        }
        Ok(())
    }

    fn write(&self, key: KeyId, peer: enums::InputPeer, n: usize, size: usize) -> Result<(), ServerError> {
        let message = text(n, size);
        let random_id = n as i64 + 1;
        let query = messages::SendMessage { peer, message, random_id, ..Default::default() };
        self.run(key, &query).map(drop)
    }

    /// The channel, its members and its posts.
    fn gather(&self, seed: &Seed, people: &[KeyId]) -> Result<(), ServerError> {
        let Some((owner, others)) = people.split_first() else { return Ok(()) };
        let title = "Seeded".to_owned();
        self.ask(*owner, &channels::CreateChannel { broadcast: true, title, ..Default::default() })?;
        let mine = messages::GetDialogs { limit: 10, ..Default::default() };
        let chats = match self.ask(*owner, &mine)? {
            enums::messages::Dialogs::Dialogs(all) => all.chats,
            enums::messages::Dialogs::DialogsSlice(some) => some.chats,
            enums::messages::Dialogs::DialogsNotModified(_) => Vec::new(),
        };
        let (channel_id, access_hash) = channel(&chats)?;
        let input = types::InputChannel { channel_id, access_hash };
        let named = channels::UpdateUsername { channel: input.into(), username: CHANNEL.to_owned() };
        self.ask(*owner, &named)?;
        for member in others.iter().take(seed.members.saturating_sub(1)) {
            let name = contacts::ResolveUsername { username: CHANNEL.to_owned(), ..Default::default() };
            let (channel_id, access_hash) = channel(&self.ask(*member, &name)?.chats)?;
            let input = types::InputChannel { channel_id, access_hash };
            self.run(*member, &channels::JoinChannel { channel: input.into() })?;
        }
        for n in 0..seed.posts {
            let peer = types::InputPeerChannel { channel_id, access_hash };
            self.write(*owner, peer.into(), n, seed.size)?;
        }
        Ok(())
    }

    fn ask<M: Method>(&self, key: KeyId, query: &M) -> Result<M::Return, ServerError> {
        let body = self.run(key, query)?;
        M::Return::decode(&mut Reader::new(&body)).map_err(|e| in_a_line(format!("{}: {e:?}", M::NAME)))
    }

    fn run<M: Method>(&self, key: KeyId, query: &M) -> Result<Vec<u8>, ServerError> {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let caller = Caller { key: Some(key), session_id: 1, msg_id: 0, dc: 2, address };
        let peeled = Peeled { layer: Some(LAYER.0), query: tl::write(query, LAYER), ..Default::default() };
        match with_env(|env| self.api.call(&caller, &peeled, None, env)) {
            Answer::Reply(reply) if reply.ok => Ok(reply.body),
            Answer::Reply(reply) => Err(in_a_line(format!(
                "{}: {}",
                M::NAME,
                reply.refusal.map(api::Refusal::name).unwrap_or_default()
            ))),
            Answer::Later(_) => Err(in_a_line(format!("{}: needs a network", M::NAME))),
        }
    }
}

/// The `n`th text, of `size` bytes: words, that pack about as well as people's messages do.
fn text(n: usize, size: usize) -> String {
    const WORDS: &[&str] = &[
        "the",
        "of",
        "and",
        "to",
        "in",
        "you",
        "that",
        "it",
        "was",
        "for",
        "are",
        "with",
        "they",
        "this",
        "have",
        "from",
        "tower",
        "signal",
        "arm",
        "fog",
        "night",
        "station",
        "message",
        "arrived",
        "yesterday",
        "tomorrow",
        "thanks",
        "weather",
        "people",
        "water",
        "first",
        "who",
    ];
    let mut dice = env::SeededDice::new(n as u64);
    let mut text = n.to_string();
    while text.len() < size {
        let at = usize::try_from(dice.below(WORDS.len() as u64)).unwrap_or_default();
        text.extend([" ", WORDS.get(at).copied().unwrap_or_default()]);
    }
    text.truncate(size.max(1));
    text
}

/// Id and access hash of the channel among `chats`.
fn channel(chats: &[enums::Chat]) -> Result<(i64, i64), ServerError> {
    let found = chats.iter().find_map(|chat| match chat {
        enums::Chat::Channel(channel) => Some((channel.id, channel.access_hash.unwrap_or_default())),
        _ => None,
    });
    found.ok_or_else(|| in_a_line("the channel is not found"))
}
