//! HTTP: packets in the bodies of requests and responses, over real sockets.

use std::time::{Duration, Instant};

use mtproto::handshake::Padding;
use tl::{functions, service};

use crate::client::{Client, PLAIN, Session, transport_error};
use crate::{House, house};

async fn session(house: &House) -> (Client, Session) {
    let mut client = Client::connect_http(house.server.addr()).await;
    let session = client.make_key(&house.server, Padding::RsaPad).await;
    (client, session)
}

// proves: TR-1, TR-24
#[tokio::test(flavor = "multi_thread")]
async fn over_http_a_key_is_made_and_calls_are_answered() {
    let house = house().await;
    let (mut client, mut session) = session(&house).await;
    session.ping(&mut client).await;
    let result = session.call(&mut client, &functions::help::GetConfig {}).await;
    assert!(tl::read::<tl::types::Config>(&result).is_ok());
    // The same session over another connection, and another session over the same connection.
    let mut beside = Client::connect_http(house.server.addr()).await;
    session.ping(&mut beside).await;
    let mut other = Session::new(session.key.clone(), session.salt);
    other.ping(&mut client).await;
    session.ping(&mut client).await;
    // And over a connection of another kind.
    session.ping(&mut Client::connect(house.server.addr(), PLAIN).await).await;
    house.server.stop().await.expect("a clean end");
}

// proves: SVC-19
#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_ends_with_an_empty_container_when_its_time_is_over() {
    let house = house().await;
    let (mut client, mut session) = session(&house).await;
    session.ping(&mut client).await;
    let ask = service::HttpWait { max_delay: 0, wait_after: 0, max_wait: 1500 };
    let began = Instant::now();
    // What is acknowledged by nobody yet comes first.
    loop {
        let (_, packet) = session.seal(&ask);
        client.send(&packet).await;
        let began = Instant::now();
        let said = session.open(client.packet().await.expect("a response"));
        let acks_only = said.iter().all(|(_, body)| body.starts_with(&service::MsgsAck::ID.to_le_bytes()));
        if acks_only {
            assert!(began.elapsed() >= Duration::from_millis(1400), "{:?}", began.elapsed());
            break;
        }
    }
    assert!(began.elapsed() < Duration::from_secs(20));
    house.server.stop().await.expect("a clean end");
}

// proves: TR-11, TR-23, PFS-5
#[tokio::test(flavor = "multi_thread")]
async fn over_http_an_unknown_key_is_the_status_404() {
    let house = house().await;
    let mut client = Client::connect_http(house.server.addr()).await;
    let (_, packet) = Session::stranger().seal(&service::Ping { ping_id: 1 });
    client.send(&packet).await;
    let answer = client.packet().await.expect("a response");
    assert_eq!(transport_error(&answer), Some(-404));
    assert!(client.is_closed_within(Duration::from_secs(5)).await);
}

// proves: TR-24, TR-25, TR-27
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_can_be_read_in_two_ways_are_refused() {
    let house = house().await;
    for (lines, expected) in [
        ("Content-Length: 40\r\nContent-Length: 40\r\n", "400"),
        ("Content-Length: +40\r\n", "400"),
        ("Content-Length: 18446744073709551656\r\n", "400"),
        ("Transfer-Encoding: chunked\r\n", "411"),
        ("", "411"),
        ("Content-Length: 2000000\r\n", "413"),
        ("Content-Length: 40\r\nHost: b\r\n", "400"),
    ] {
        let mut client = Client::connect_http(house.server.addr()).await;
        client.send_raw(format!("POST /api HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes()).await;
        let said = client.text().await;
        assert!(said.starts_with(&format!("HTTP/1.1 {expected} ")), "{lines:?}: {said}");
        assert!(client.is_closed_within(Duration::from_secs(5)).await);
    }
    // A preflight, and the connection goes on.
    let mut client = Client::connect_http(house.server.addr()).await;
    client.send_raw(b"OPTIONS /apiw1 HTTP/1.1\r\nHost: a\r\nOrigin: https://web.example\r\n\r\n").await;
    let said = client.text().await;
    assert!(
        said.starts_with("HTTP/1.1 204 ") && said.contains("Access-Control-Allow-Origin: *\r\n"),
        "{said}"
    );
    client.make_key(&house.server, Padding::RsaPad).await;
}
