//! The whole server over real sockets, with nothing but the protocol between it and the test.

#[allow(dead_code, reason = "other tests need more of it")]
mod client;
mod http;
mod pfs;
mod udp;

use std::time::Duration;

use chappe::Server;
use chappe::config::{Config, Engine};
use client::{Client, PLAIN, Session, transport_error};
use mtproto::client::TransportOptions;
use mtproto::handshake::Padding;
use mtproto::wire::framing::Framing;
use tl::functions;
use tokio::io::AsyncWriteExt as _;

struct House {
    server: Server,
    _data: tempfile::TempDir,
}

async fn house() -> House {
    house_with(|_| ()).await
}

async fn house_with(change: impl FnOnce(&mut Config)) -> House {
    let data = tempfile::tempdir().expect("a directory");
    let mut config = Config::default();
    config.server.listen = vec!["127.0.0.1:0".to_owned()];
    config.server.data = data.path().join("data");
    config.store.engine = Engine::Memory;
    change(&mut config);
    House { server: Server::start(config).await.expect("it starts"), _data: data }
}

impl House {
    async fn client(&self, options: TransportOptions) -> Client {
        Client::connect(self.server.addr(), options).await
    }

    /// A plain connection and a session on it.
    async fn session(&self) -> (Client, Session) {
        let mut client = self.client(PLAIN).await;
        let session = client.make_key(&self.server, Padding::RsaPad).await;
        (client, session)
    }
}

// proves: TR-1, TR-3, TR-16
#[tokio::test(flavor = "multi_thread")]
async fn every_transport_makes_a_key_and_pings() {
    let house = house().await;
    let all = [Framing::Abridged, Framing::Intermediate, Framing::PaddedIntermediate, Framing::Full];
    for framing in all {
        for (obfuscated, websocket) in [(None, false), (Some(2), false), (Some(2), true)] {
            // Full framing has no tag that obfuscation could carry.
            if framing == Framing::Full && obfuscated.is_some() {
                continue;
            }
            let options = TransportOptions { framing, obfuscated, websocket };
            let mut client = house.client(options).await;
            let padding = if websocket { Padding::RsaPad } else { Padding::Legacy };
            let mut session = client.make_key(&house.server, padding).await;
            session.ping(&mut client).await;
        }
    }
    house.server.stop().await.expect("a clean end");
}

// proves: SES-11, TR-18
#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_a_session_outlive_their_connection() {
    let house = house().await;
    let (mut client, mut session) = house.session().await;
    session.ping(&mut client).await;
    drop(client);
    let mut again = house.client(PLAIN).await;
    session.ping(&mut again).await;
    let mut other = Session::new(session.key.clone(), session.salt);
    let mut beside = house.client(PLAIN).await;
    other.ping(&mut beside).await;
    session.ping(&mut again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered() {
    let house = house().await;
    let (mut client, mut session) = house.session().await;
    let result = session.call(&mut client, &functions::help::GetConfig {}).await;
    let config: tl::types::Config = tl::read(&result).expect("a config");
    assert!(config.dc_options.iter().all(|option| option.port == i32::from(house.server.addr().port())));
    // Nobody is logged in on this key.
    let refused = session.call(&mut client, &functions::updates::GetState {}).await;
    let error: tl::service::RpcError = tl::read(&refused).expect("an error");
    assert_eq!((error.error_code, error.error_message.as_str()), (401, "AUTH_KEY_UNREGISTERED"));
}

/// A query that is to follow another.
struct After(i64);

impl tl::Encode for After {
    fn encode(&self, writer: &mut tl::Writer) {
        functions::InvokeAfterMsg { msg_id: self.0 }.encode(writer);
        functions::help::GetNearestDc {}.encode(writer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_overtook_the_one_it_is_to_follow_begins_once_that_is_done() {
    let house = house().await;
    let (mut client, mut session) = house.session().await;
    session.ping(&mut client).await;
    let (first, late) = session.seal(&functions::help::GetConfig {});
    let (second, early) = session.seal(&After(first));
    client.send(&early).await;
    // Longer than a call is held because a number before it is missing: it waits for its predecessor then, and nothing that
    // a client can see says so. It would be refused after a second.
    tokio::time::sleep(Duration::from_millis(150)).await;
    client.send(&late).await;
    let result = session
        .wait(&mut client, |body| {
            let result = body.strip_prefix(&tl::service::RpcResult::ID.to_le_bytes())?;
            let (id, result) = result.split_first_chunk()?;
            (i64::from_le_bytes(*id) == second).then(|| result.to_vec())
        })
        .await;
    assert!(tl::read::<tl::types::NearestDc>(&result).is_ok(), "{result:x?}");
}

// proves: TR-11, PFS-5
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_told_404_and_its_connection_closes() {
    let house = house().await;
    for options in
        [PLAIN, TransportOptions { framing: Framing::Abridged, obfuscated: Some(2), websocket: false }]
    {
        let mut client = house.client(options).await;
        let (_, packet) = Session::stranger().seal(&tl::service::Ping { ping_id: 1 });
        client.send(&packet).await;
        let answer = client.packet().await.expect("an answer");
        assert_eq!(transport_error(&answer), Some(-404));
        assert!(client.is_closed_within(Duration::from_secs(5)).await);
    }
}

// proves: TR-11, REC-3
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_packet_of_a_known_key_is_told_the_same() {
    let house = house().await;
    let (mut client, mut session) = house.session().await;
    let (_, mut packet) = session.seal(&tl::service::Ping { ping_id: 1 });
    packet[40] ^= 1;
    client.send(&packet).await;
    let answer = client.packet().await.expect("an answer");
    assert_eq!(transport_error(&answer), Some(-404));
    assert!(client.is_closed_within(Duration::from_secs(5)).await);
    // The key is as good as before.
    session.ping(&mut house.client(PLAIN).await).await;
}

// proves: TR-20
#[tokio::test(flavor = "multi_thread")]
async fn garbage_hears_nothing_and_is_closed_in_time() {
    let house = house().await;
    let mut stream = tokio::net::TcpStream::connect(house.server.addr()).await.expect("listens");
    let noise: [u8; 200] = env::bytes(&mut gateway::world::SystemDice);
    stream.write_all(&noise).await.expect("written");
    let mut buffer = [0; 1];
    let first = tokio::time::timeout(Duration::from_secs(1), stream.peek(&mut buffer)).await;
    assert!(first.is_err(), "something was said to a stranger: {first:?}");
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.peek(&mut buffer)).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_dribbles_its_bytes_is_served() {
    let house = house().await;
    let mut client = house.client(PLAIN).await;
    client.dribble = 7;
    let mut session = client.make_key(&house.server, Padding::RsaPad).await;
    session.ping(&mut client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_share_of_connections() {
    let house = house_with(|config| {
        config.limits.connections_per_address_max = 2;
        config.limits.loopback_factor = 1;
    })
    .await;
    let mut inside = [house.client(PLAIN).await, house.client(PLAIN).await];
    let mut outside = house.client(PLAIN).await;
    assert!(outside.is_closed_within(Duration::from_secs(5)).await);
    assert!(inside[0].is_silent_for(Duration::from_millis(200)).await);
    drop(inside);
    // Until the server has seen that they are gone.
    let mut client = house.client(PLAIN).await;
    while !client.is_silent_for(Duration::from_millis(200)).await {
        client = house.client(PLAIN).await;
    }
    let mut session = client.make_key(&house.server, Padding::RsaPad).await;
    session.ping(&mut client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_answers_what_it_has_read_and_closes() {
    let house = house().await;
    let (mut client, mut session) = house.session().await;
    session.ping(&mut client).await;
    let (_, packet) = session.seal(&functions::help::GetConfig {});
    client.send(&packet).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    house.server.stop().await.expect("a clean end");
    session
        .wait(&mut client, |body| body.starts_with(&tl::service::RpcResult::ID.to_le_bytes()).then_some(()))
        .await;
    assert!(client.is_closed_within(Duration::from_secs(5)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_is_refused() {
    let data = tempfile::tempdir().expect("a directory");
    let mut config = Config::default();
    config.server.listen = vec!["127.0.0.1:0".to_owned()];
    config.server.data = data.path().join("data");
    let first = Server::start(config.clone()).await.expect("it starts");
    let error = Server::start(config.clone()).await.err().expect("refused").to_string();
    assert!(error.contains("in use by process") && !error.contains('\n'), "{error}");
    first.stop().await.expect("a clean end");
    Server::start(config).await.expect("the first is gone").stop().await.expect("a clean end");
}
