//! Accounts: each signed up as everybody is, with a test number.

use std::cell::RefCell;
use std::rc::Rc;

use mtproto::{AuthKey, Salt};
use tl::functions::{auth, contacts, updates};
use tl::{enums, types};

use crate::error::{LoadError, Result};
use crate::link::Link;
use crate::progress::Progress;
use crate::server::{self, Place, Seed, Server};
use crate::{Engine, Options, limits};

/// Somebody with an account, online.
pub(crate) struct Person {
    /// The connection, with a session.
    pub(crate) link: Link,
    /// Its number.
    pub(crate) phone: String,
}

/// The `n`th test number and the digit of its code.
fn number(n: usize) -> (String, String) {
    // Numbers 99966XYYYY sign in with XXXXX.
    // The digit is 1 to 9; longer numbers are test numbers, too.
    let (x, y) = (1 + n / 10_000 % 9, n % 10_000);
    let more = if n < 90_000 { String::new() } else { (n / 90_000).to_string() };
    (format!("99966{x}{y:04}{more}"), x.to_string().repeat(5))
}

/// A server and people who are connected to it: with keys that are there before the server starts, or, where that cannot
/// be, signed up over the wire.
pub(crate) async fn gather(options: &Options, seed: Seed) -> Result<(Server, Vec<Person>)> {
    let progress = Progress::counting("people", seed.people);
    let wire = options.target.is_some() || options.engine == Engine::Memory;
    let (server, people) = if wire {
        let server = Server::find(options).await?;
        let people = side_by_side(&server, seed.people, None, &progress).await?;
        (server, people)
    } else {
        let place = Place::temporary(options.dir.as_deref())?;
        let keys = server::fill(options, &place, seed).await?;
        let server = Server::start(options, place).await?;
        let people = side_by_side(&server, seed.people, Some(keys), &progress).await?;
        (server, people)
    };
    progress.end();
    Ok((server, people))
}

/// Connects one person with each of `keys`.
pub(crate) async fn connect(server: &Server, keys: Vec<AuthKey>) -> Result<Vec<Person>> {
    let progress = Progress::counting("people", keys.len());
    let people = side_by_side(server, keys.len(), Some(keys), &progress).await;
    progress.end();
    people
}

/// Connects `n` people, some side by side, in their order; signs those up who have no key.
async fn side_by_side(
    server: &Server,
    n: usize,
    keys: Option<Vec<AuthKey>>,
    progress: &Progress,
) -> Result<Vec<Person>> {
    if n > limits::PEOPLE_MAX {
        return Err(LoadError::new(format_args!("there are test numbers for {} people", limits::PEOPLE_MAX)));
    }
    let signed: Rc<RefCell<Vec<Option<Person>>>> = Rc::new(RefCell::new((0..n).map(|_| None).collect()));
    let next = Rc::new(RefCell::new(0..n));
    let (addr, key, keys) = (server.addr, server.key.clone(), Rc::new(keys));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..limits::SIGN_UPS_AT_ONCE.min(n) {
        let (signed, next, keys) = (Rc::clone(&signed), Rc::clone(&next), Rc::clone(&keys));
        let (key, progress) = (key.clone(), progress.clone());
        tasks.spawn_local(async move {
            loop {
                let Some(n) = next.borrow_mut().next() else { return Ok::<_, LoadError>(()) };
                let mut link = Link::connect(addr).await?;
                let person = match keys.as_ref().as_ref().and_then(|keys| keys.get(n)) {
                    Some(key) => {
                        // No salt is known: the server says which is right.
                        link.begin(key.clone(), Salt(0));
                        link.ask(&updates::GetState {}).await?;
                        Person { link, phone: number(n).0 }
                    }
                    None => {
                        let made = link.make_key(&key).await?;
                        link.begin(made.key, made.salt);
                        sign_one_up(link, n).await?
                    }
                };
                if let Some(place) = signed.borrow_mut().get_mut(n) {
                    *place = Some(person);
                }
                progress.step();
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(LoadError::new)??;
    }
    Ok(signed.take().into_iter().flatten().collect())
}

async fn sign_one_up(mut link: Link, n: usize) -> Result<Person> {
    let (phone, code) = number(n);
    let send_code = auth::SendCode {
        phone_number: phone.clone(),
        api_id: 1,
        api_hash: "hash".to_owned(),
        ..Default::default()
    };
    let enums::auth::SentCode::SentCode(sent) = link.ask(&send_code).await? else {
        return Err(LoadError::new("no code was sent"));
    };
    let sign_in = auth::SignIn {
        phone_number: phone.clone(),
        phone_code_hash: sent.phone_code_hash.clone(),
        phone_code: Some(code),
        ..Default::default()
    };
    let mut authorization = link.ask(&sign_in).await?;
    if let enums::auth::Authorization::AuthorizationSignUpRequired(_) = authorization {
        let sign_up = auth::SignUp {
            phone_number: phone.clone(),
            phone_code_hash: sent.phone_code_hash,
            first_name: format!("Person {n}"),
            ..Default::default()
        };
        authorization = link.ask(&sign_up).await?;
    }
    if !matches!(authorization, enums::auth::Authorization::Authorization(_)) {
        return Err(LoadError::new("not signed up"));
    }
    // Updates go to sessions that have asked for them.
    link.ask(&updates::GetState {}).await?;
    Ok(Person { link, phone })
}

/// Id and access hash.
fn user(user: &enums::User) -> (i64, i64) {
    match user {
        enums::User::User(user) => (user.id, user.access_hash.unwrap_or_default()),
        enums::User::UserEmpty(user) => (user.id, 0),
    }
}

impl Person {
    /// How this one names the owner of a phone number, who joins the contacts.
    pub(crate) async fn find(&mut self, phone: &str) -> Result<enums::InputPeer> {
        let contact = types::InputPhoneContact {
            phone: phone.to_owned(),
            first_name: "Somebody".to_owned(),
            ..Default::default()
        };
        let imported = self.link.ask(&contacts::ImportContacts { contacts: vec![contact] }).await?;
        let found = imported.users.first().map(user);
        let (user_id, access_hash) = found.ok_or_else(|| LoadError::about(phone, "is nobody's number"))?;
        Ok(types::InputPeerUser { user_id, access_hash }.into())
    }

    /// How this one names the channel `@name`: as a peer, and as a channel.
    pub(crate) async fn resolve(&mut self, name: &str) -> Result<(enums::InputPeer, enums::InputChannel)> {
        let query = contacts::ResolveUsername { username: name.to_owned(), ..Default::default() };
        let found = self.link.ask(&query).await?;
        let channel = found.chats.iter().find_map(|chat| match chat {
            enums::Chat::Channel(channel) => Some((channel.id, channel.access_hash.unwrap_or_default())),
            _ => None,
        });
        let (channel_id, access_hash) = channel.ok_or_else(|| LoadError::about(name, "is no channel"))?;
        Ok((
            types::InputPeerChannel { channel_id, access_hash }.into(),
            types::InputChannel { channel_id, access_hash }.into(),
        ))
    }
}
