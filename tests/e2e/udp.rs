//! Datagrams over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gateway::world::{SystemDice, now};
use mtproto::client::{Datagrams, Exchange, Got, Next, PublicKey};
use mtproto::handshake::Padding;
use mtproto::udp::datagram;
use tl::{functions, service};
use tokio::net::UdpSocket;

use crate::client::{Client, PLAIN, Session};
use crate::{House, house_with};

/// How long a client waits before it repeats itself.
const PATIENCE: Duration = Duration::from_millis(700);

struct Address {
    socket: UdpSocket,
    datagrams: Datagrams,
    challenges: usize,
}

impl Address {
    async fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("an address");
        socket.connect(server).await.expect("an address");
        Self { socket, datagrams: Datagrams::default(), challenges: 0 }
    }

    /// Sends `packet` until something comes; proofs are given on the way.
    async fn ask(&mut self, packet: &[u8]) -> Got {
        for _ in 0..20 {
            for datagram in self.datagrams.send(packet) {
                self.socket.send(&datagram).await.expect("sent");
            }
            if let Some(got) = self.next(PATIENCE).await {
                return got;
            }
        }
        panic!("nothing comes");
    }

    /// What comes next, if something does within `time`.
    async fn next(&mut self, time: Duration) -> Option<Got> {
        let mut buffer = [0; 2048];
        let deadline = tokio::time::Instant::now() + time;
        loop {
            let n =
                tokio::time::timeout_at(deadline, self.socket.recv(&mut buffer)).await.ok()?.expect("open");
            match self.datagrams.receive(now(), &buffer[..n]) {
                Got::Prove(proof) => {
                    self.challenges += 1;
                    self.socket.send(&proof).await.expect("sent");
                }
                Got::Nothing => {}
                got => return Some(got),
            }
        }
    }

    async fn make_key(&mut self, house: &House) -> Session {
        let rsa = PublicKey::from(&house.server.keys().pad);
        let mut exchange = Exchange::new(rsa, Padding::RsaPad, now(), &mut SystemDice);
        let mut packet: Bytes = exchange.begin();
        loop {
            let Got::Packet(answer) = self.ask(&packet).await else { panic!("no answer") };
            match exchange.receive(&answer, &mut SystemDice) {
                Ok(Next::Send(next)) => packet = next,
                Ok(Next::Made(made)) => return Session::new(made.key, made.salt.0),
                // An answer to a repetition of the step before.
                Err(_) => {}
            }
        }
    }

    /// Sends one packet of the session, and waits for the message that `wanted` picks out.
    async fn hear<T>(&mut self, session: &Session, packet: &[u8], wanted: impl Fn(&[u8]) -> Option<T>) -> T {
        let mut got = self.ask(packet).await;
        for _ in 0..50 {
            if let Got::Packet(packet) = got {
                let found =
                    session.open(BytesMut::from(&packet[..])).into_iter().find_map(|(_, body)| wanted(&body));
                if let Some(found) = found {
                    return found;
                }
            }
            got = match self.next(PATIENCE).await {
                Some(got) => got,
                None => self.ask(packet).await,
            };
        }
        panic!("it does not come");
    }

    async fn ping(&mut self, session: &mut Session) {
        let (msg_id, packet) = session.seal(&service::Ping { ping_id: 7 });
        self.hear(session, &packet, |body| {
            tl::read::<service::Pong>(body).ok().filter(|pong| pong.msg_id == msg_id)
        })
        .await;
    }
}

async fn house() -> (House, SocketAddr) {
    let house = house_with(|config| config.server.udp = vec!["127.0.0.1:0".to_owned()]).await;
    let addr = house.server.udp_addrs()[0];
    (house, addr)
}

// proves: UDP-2, UDP-3
#[tokio::test(flavor = "multi_thread")]
async fn over_datagrams_a_key_is_made_and_calls_are_answered() {
    let (house, addr) = house().await;
    let mut address = Address::new(addr).await;
    let mut session = address.make_key(&house).await;
    assert_eq!(address.challenges, 0, "a handshake proves the address");
    address.ping(&mut session).await;
    let (msg_id, packet) = session.seal(&functions::help::GetConfig {});
    let result = address
        .hear(&session, &packet, |body| {
            let result = body.strip_prefix(&service::RpcResult::ID.to_le_bytes())?;
            (i64::from_le_bytes(*result.first_chunk()?) == msg_id).then_some(result.len())
        })
        .await;
    assert!(result > 100);
    // The same session from another address, and over a stream.
    let mut moved = Address::new(addr).await;
    moved.ping(&mut session).await;
    assert_eq!(moved.challenges, 1, "it had to prove itself");
    session.ping(&mut Client::connect(house.server.addr(), PLAIN).await).await;
    moved.ping(&mut session).await;
    house.server.stop().await.expect("a clean end");
}

// proves: UDP-4, UDP-7
#[tokio::test(flavor = "multi_thread")]
async fn strangers_hear_a_cookie_at_most_and_forgeries_nothing() {
    let (house, addr) = house().await;
    let mut stranger = Address::new(addr).await;
    let (_, packet) = Session::stranger().seal(&service::Ping { ping_id: 1 });
    stranger.socket.send(&packet).await.expect("sent");
    let mut buffer = [0; 2048];
    let n = stranger.socket.recv(&mut buffer).await.expect("a cookie");
    assert!(n == datagram::COOKIE_BYTES && buffer.starts_with(b"chappe:\x01"));
    for odd in [&[0; 24][..], &[7; 30], b"chappe:\x03123456789", &[0x16, 3, 1]] {
        stranger.socket.send(odd).await.expect("sent");
    }
    assert!(stranger.next(Duration::from_millis(300)).await.is_none(), "silence");
    // Whoever has proven an address hears of a key that is not there.
    assert_eq!(stranger.ask(&packet).await, Got::Error(-404));
    // And of a known key nothing, if it does not open; its owner goes on.
    let mut address = Address::new(addr).await;
    let mut session = address.make_key(&house).await;
    address.ping(&mut session).await;
    let (_, mut forged) = session.seal(&service::Ping { ping_id: 1 });
    forged[40] ^= 1;
    address.socket.send(&forged).await.expect("sent");
    while let Some(got) = address.next(Duration::from_millis(300)).await {
        assert!(matches!(got, Got::Packet(_)), "{got:?}");
    }
    address.ping(&mut session).await;
    house.server.stop().await.expect("a clean end");
}
