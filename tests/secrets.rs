//! No secret reaches the logs, however much is logged: a whole server at the level `trace`, with handshakes, logins,
//! messages, files and what goes wrong, and a search for every secret of that hour in every form in which it could have
//! been written.

#[path = "e2e/client.rs"]
#[allow(dead_code, reason = "other tests need more of it")]
mod client;
mod needles;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chappe::Server;
use chappe::config::{Channel, Config};
use client::{Client, PLAIN, Session};
use gateway::world::{SystemDice, now};
use mtproto::bind::{BindInner, seal_bind_message};
use mtproto::client::{Exchange, Next, PublicKey};
use mtproto::crypto::AuthKey;
use mtproto::handshake::Padding;
use mtproto::{MsgId, RsaKey, SessionId};
use needles::Needles;
use tl::{enums, functions, service, types};
use tracing_subscriber::fmt::format::FmtSpan;

/// How long the test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

const TEXT: &str = "what nobody but Bob may read";

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All that can be logged goes here.
    fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        let log = self.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish()
    }
}

#[test]
fn what_is_logged_on_purpose_is_found() {
    let key = AuthKey::from_stored(mtproto::AuthKeyId(7), std::array::from_fn(|i| (i * 37 + 11) as u8));
    let mut needles = Needles::default();
    needles.bytes("the key", key.stored());
    let found = |say: &dyn Fn()| {
        let log = Log::default();
        tracing::subscriber::with_default(log.subscriber(), say);
        assert!(!log.bytes().is_empty(), "it is listened to");
        needles.found_in(&log.bytes())
    };
    assert!(found(&|| tracing::trace!(?key, "a type that hides")).is_empty());
    assert!(!found(&|| tracing::trace!(key = ?key.stored(), "the bytes")).is_empty());
    assert!(!found(&|| tracing::trace!(part = ?&key.stored()[64..100], "some of the bytes")).is_empty());
    let hex: String = key.stored().iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!found(&|| tracing::error!("{hex}")).is_empty());
    let span = || drop(tracing::trace_span!("a span", hex).entered());
    assert!(!found(&span).is_empty());
}

/// One person and what must not be seen of them.
struct Person {
    client: Client,
    session: Session,
    phone: &'static str,
}

impl Person {
    async fn arrive(server: &Server, padding: Padding, phone: &'static str, needles: &mut Needles) -> Self {
        let mut client = Client::connect(server.addr(), PLAIN).await;
        let session = make_key(&mut client, server, padding, None, needles).await;
        Self { client, session, phone }
    }

    async fn call(&mut self, query: &impl tl::Encode) -> Vec<u8> {
        self.session.call(&mut self.client, query).await
    }

    async fn ask<T: tl::Decode>(&mut self, query: &impl tl::Encode) -> T {
        let body = self.call(query).await;
        let mut reader = tl::Reader::new(&body);
        T::decode(&mut reader).unwrap_or_else(|_| panic!("{:?}", tl::read::<service::RpcError>(&body)))
    }

    /// Signs up, with a wrong code first.
    async fn sign_up(&mut self, codes: &std::path::Path, needles: &mut Needles) {
        let (phone_number, api_hash) = (self.phone.to_owned(), "0123456789abcdef0123456789abcdef".to_owned());
        let request = functions::auth::SendCode {
            phone_number: phone_number.clone(),
            api_id: 1,
            api_hash: api_hash.clone(),
            ..Default::default()
        };
        let enums::auth::SentCode::SentCode(sent) = self.ask(&request).await else {
            panic!("no code was sent")
        };
        let hash = sent.phone_code_hash;
        let code = code_for(codes, self.phone).await;
        needles.text("phone_code_hash", &hash);
        needles.text("api_hash", &api_hash);
        needles.word("a login code", &code);
        let wrong = if code == "11111" { "22222" } else { "11111" };
        for phone_code in [wrong, &code] {
            let request = functions::auth::SignIn {
                phone_number: phone_number.clone(),
                phone_code_hash: hash.clone(),
                phone_code: Some(phone_code.to_owned()),
                ..Default::default()
            };
            self.call(&request).await;
        }
        let request = functions::auth::SignUp {
            phone_number,
            phone_code_hash: hash,
            first_name: "Somebody".to_owned(),
            ..Default::default()
        };
        let enums::auth::Authorization::Authorization(_) = self.ask(&request).await else {
            panic!("not signed up")
        };
        let _: types::updates::State = self.ask(&functions::updates::GetState {}).await;
    }
}

/// Makes a key and notes everything about it that is secret.
async fn make_key(
    client: &mut Client,
    server: &Server,
    padding: Padding,
    expires_in: Option<i32>,
    needles: &mut Needles,
) -> Session {
    let rsa = match padding {
        Padding::RsaPad => &server.keys().pad,
        Padding::Legacy => &server.keys().legacy,
    };
    let mut exchange = Exchange::new(PublicKey::from(rsa), padding, now(), &mut SystemDice);
    exchange.expires_in = expires_in;
    needles.bytes("new_nonce", &exchange.new_nonce);
    let mut packet = exchange.begin();
    loop {
        client.send(&packet).await;
        let answer = client.packet().await.expect("an answer");
        match exchange.receive(&answer, &mut SystemDice).expect("an honest server") {
            Next::Send(next) => packet = next,
            Next::Made(made) => {
                let tmp = exchange.tmp_aes();
                needles.bytes("tmp_aes_key", &tmp.key);
                needles.bytes("tmp_aes_iv", &tmp.iv);
                needles.bytes("auth_key", made.key.stored());
                needles.number("the first salt", made.salt.0);
                return Session::new(made.key, made.salt.0);
            }
        }
    }
}

/// The login code that was sent to `phone`.
async fn code_for(codes: &std::path::Path, phone: &str) -> String {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let said = std::fs::read_to_string(codes).unwrap_or_default();
        let line = said.lines().find_map(|line| line.split_once(' ').filter(|(to, _)| to.contains(phone)));
        if let Some((_, code)) = line.filter(|_| said.ends_with('\n')) {
            return code.to_owned();
        }
        assert!(tokio::time::Instant::now() < deadline, "no code for {phone}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Everything private of an RSA key: the file, and its numbers wherever they lie in it.
fn rsa_key(key: &RsaKey, needles: &mut Needles) {
    let pem = key.to_private_pem();
    let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = needles::base64_decoded(&lines.concat());
    let modulus = key.modulus();
    let behind = der.windows(modulus.len()).position(|window| window == modulus).expect("n") + modulus.len();
    needles.bytes("an RSA key", &der[behind + 8..]);
    for line in lines.iter().skip(7) {
        needles.text("an RSA key", line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_the_logs_of_a_server_that_logs_everything() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.subscriber()).expect("the only one of this process");
    let data = tempfile::tempdir().expect("a directory");
    let codes = data.path().join("codes");
    let mut config = Config::default();
    config.server.listen = vec!["127.0.0.1:0".to_owned()];
    config.server.data = data.path().join("data");
    config.login.channel = Some(Channel::Command);
    let script = "echo \"$1 $2\" >> \"$0\"".to_owned();
    config.login.command = vec!["sh".into(), "-c".into(), script, codes.display().to_string()];
    let server = Server::start(config).await.expect("it starts");
    let mut needles = Needles::default();
    rsa_key(&server.keys().pad, &mut needles);
    rsa_key(&server.keys().legacy, &mut needles);

    let mut ann = Person::arrive(&server, Padding::RsaPad, "4915550000001", &mut needles).await;
    let mut bob = Person::arrive(&server, Padding::Legacy, "4915550000002", &mut needles).await;
    ann.sign_up(&codes, &mut needles).await;
    bob.sign_up(&codes, &mut needles).await;

    // A message, pushed to who is there and read by who asks.
    let contact = types::InputPhoneContact {
        client_id: 1,
        phone: bob.phone.to_owned(),
        first_name: "Bob".to_owned(),
        ..Default::default()
    };
    let request = functions::contacts::ImportContacts { contacts: vec![contact] };
    let imported: types::contacts::ImportedContacts = ann.ask(&request).await;
    let Some(enums::User::User(user)) = imported.users.first() else { panic!("Bob is not known") };
    let access_hash = user.access_hash.expect("for a contact");
    needles.number("access_hash", access_hash);
    let peer = types::InputPeerUser { user_id: user.id, access_hash };
    let request = functions::messages::SendMessage {
        peer: peer.clone().into(),
        message: TEXT.to_owned(),
        random_id: 5,
        ..Default::default()
    };
    needles.text("a message", TEXT);
    ann.call(&request).await;
    let pushed = |body: &[u8]| body.windows(TEXT.len()).any(|window| window == TEXT.as_bytes()).then_some(());
    bob.session.wait(&mut bob.client, pushed).await;

    // A file.
    let bytes = b"a file that is nobody else's business, either".to_vec();
    needles.bytes("a file", &bytes);
    let part = functions::upload::SaveFilePart { file_id: 9, file_part: 0, bytes };
    assert_eq!(tl::read(&ann.call(&part).await), Ok(true));
    let file = types::InputFile { id: 9, parts: 1, name: "a.txt".to_owned(), ..Default::default() };
    let media = types::InputMediaUploadedDocument {
        file: file.into(),
        mime_type: "text/plain".to_owned(),
        ..Default::default()
    };
    let request = functions::messages::SendMedia {
        peer: peer.into(),
        media: media.into(),
        random_id: 6,
        ..Default::default()
    };
    let sent = ann.call(&request).await;
    file_reference(&sent, &mut needles);

    // A temporary key, bound.
    let mut temp_client = Client::connect(server.addr(), PLAIN).await;
    let mut temp = make_key(&mut temp_client, &server, Padding::RsaPad, Some(3600), &mut needles).await;
    let (msg_id, nonce, expires_at) = (temp.next_msg_id(), 7, now().unix() + 3600);
    let perm = &ann.session.key;
    let inner = BindInner {
        msg_id: MsgId(msg_id),
        nonce,
        temp_auth_key_id: temp.key.id(),
        perm_auth_key_id: perm.id(),
        temp_session_id: SessionId(temp.session_id),
        expires_at,
    };
    let query = functions::auth::BindTempAuthKey {
        perm_auth_key_id: perm.id().as_long(),
        nonce,
        expires_at,
        encrypted_message: seal_bind_message(perm, &inner, &mut SystemDice),
    };
    assert_eq!(tl::read(&temp.call_as(&mut temp_client, msg_id, &query).await), Ok(true));

    // Salts to come.
    let (_, packet) = ann.session.seal(&service::GetFutureSalts { num: 64 });
    ann.client.send(&packet).await;
    let salts: service::FutureSalts = ann.session.wait(&mut ann.client, |body| tl::read(body).ok()).await;
    assert!(salts.salts.len() > 1);
    for salt in &salts.salts {
        needles.number("a salt", salt.salt);
    }

    // What goes wrong: an unknown method, arguments that end too soon, a changed packet, a handshake that fails, noise.
    ann.call(&service::ResPQ::default()).await;
    let mut stranger = Client::connect(server.addr(), PLAIN).await;
    let (_, mut packet) = bob.session.seal(&service::Ping { ping_id: 1 });
    packet[40] ^= 1;
    stranger.send(&packet).await;
    assert!(stranger.is_closed_within(PATIENCE).await);
    let mut stranger = Client::connect(server.addr(), PLAIN).await;
    let mut exchange =
        Exchange::new(PublicKey::from(&server.keys().legacy), Padding::RsaPad, now(), &mut SystemDice);
    needles.bytes("new_nonce", &exchange.new_nonce);
    stranger.send(&exchange.begin()).await;
    let answer = stranger.packet().await.expect("resPQ");
    let Ok(Next::Send(query)) = exchange.receive(&answer, &mut SystemDice) else { panic!("no query") };
    stranger.send(&query).await;
    assert!(stranger.is_closed_within(PATIENCE).await);
    server.stop().await.expect("a clean end");

    let logged = log.bytes();
    let text = String::from_utf8_lossy(&logged);
    assert!(text.contains("a call") && text.contains("auth.signUp"), "the server's own words are there");
    let found = needles.found_in(&logged);
    assert!(found.is_empty(), "{} secrets of {}: {found:?}", found.len(), needles.len());
    assert!(needles.len() > 300, "{} needles", needles.len());
}

/// Notes the file reference and access hash of the document that was sent.
fn file_reference(updates: &[u8], needles: &mut Needles) {
    let id = types::Document::ID.to_le_bytes();
    let at = updates.windows(4).position(|window| window == id).expect("a document");
    let document: types::Document = {
        let mut reader = tl::Reader::new(&updates[at..]);
        tl::Decode::decode(&mut reader).expect("a document")
    };
    needles.number("access_hash of a file", document.access_hash);
    needles.bytes("file_reference", &document.file_reference);
}
