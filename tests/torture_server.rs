//! The hostile server against our own client, which must not believe a lie, and against clients that nobody here wrote.

mod foreign;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use env::Env;
use gateway::world::{SystemDice, now};
use mtproto::client::{Exchange, Next, PublicKey, Transport, TransportOptions};
use mtproto::handshake::Padding;
use mtproto::session::client::{ClientSession, Heard};
use mtproto::wire::framing::{Frame, Framing};
use mtproto::{RsaKey, SessionId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use torture::server::modes::{Asks, MODES, Mode};
use torture::server::watch::Took;
use torture::server::{HONEST, LIE, Server};

/// How long a client tries. Most of it is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// How many play at once: each has a key exchange, and some unpack a bomb.
const AT_ONCE: usize = 12;

/// What our own client does not check: it is a test client, whose clock simulations turn as they like.
const UNCHECKED: [&str; 2] = ["name.400-s-old", "name.400-s-ahead"];

/// How our client ends.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// It did not believe something, and closed.
    Refused(String),
    /// It was told this country.
    Told(String),
    /// It was told nothing.
    Waits,
}

struct Client {
    stream: TcpStream,
    transport: Transport,
    frames: Vec<Frame>,
}

impl Client {
    async fn send(&mut self, packet: &[u8]) {
        let bytes = self.transport.send(packet, false, &mut SystemDice);
        // That the server has gone shows itself at the next reading.
        let _ = self.stream.write_all(&bytes).await;
    }

    /// The next packet; nothing at the end of the connection or of what can be read.
    async fn packet(&mut self) -> Option<bytes::BytesMut> {
        loop {
            while !self.frames.is_empty() {
                if let Frame::Packet { data, .. } = self.frames.remove(0) {
                    return Some(data);
                }
            }
            let mut buffer = vec![0; 64 * 1024];
            let n = self.stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
            self.transport.receive(&mut buffer[..n], &mut self.frames).ok()?;
        }
    }
}

/// Our client from its first byte to its end.
async fn meets(address: SocketAddr, key: PublicKey) -> End {
    let plain = TransportOptions { framing: Framing::Intermediate, obfuscated: None, websocket: false };
    let (transport, _) = Transport::new(plain, &mut SystemDice);
    let stream = TcpStream::connect(address).await.expect("it listens");
    let mut client = Client { stream, transport, frames: Vec::new() };
    let mut exchange = Exchange::new(key, Padding::RsaPad, now(), &mut SystemDice);
    let mut packet = exchange.begin();
    let made = loop {
        client.send(&packet).await;
        let Some(answer) = client.packet().await else { return End::Refused("the server closed".to_owned()) };
        match exchange.receive(&answer, &mut SystemDice) {
            Ok(Next::Send(next)) => packet = next,
            Ok(Next::Made(made)) => break made,
            Err(why) => return End::Refused(format!("{why:?}")),
        }
    };
    let mut session = ClientSession::new(made.key, SessionId(77), made.salt);
    let query = tl::write(&tl::functions::help::GetNearestDc {}, tl::Layer::NEWEST);
    let ticket = session.call(now(), query.into());
    let mut refusals = 0;
    loop {
        let say = session.packet(&mut Env { now: now(), dice: &mut SystemDice }, Duration::from_secs(60));
        if let Some(say) = say {
            client.send(&say).await;
        }
        let Some(mut packet) = client.packet().await else {
            return End::Refused("nothing to read".to_owned());
        };
        if packet.len() < 20 {
            // A transport error: a flood passes, a lost key does not.
            match packet.first_chunk().copied().map(i32::from_le_bytes) {
                Some(-404) => return End::Refused("-404".to_owned()),
                _ => continue,
            }
        }
        match session.receive(now(), &mut packet) {
            Err(_) => return End::Refused("not authentic".to_owned()),
            Ok(heard) => {
                for heard in heard {
                    match heard {
                        Heard::Reply { to, body } if to == ticket => {
                            return match tl::read::<tl::types::NearestDc>(&body) {
                                Ok(answer) => End::Told(answer.country),
                                Err(why) => End::Refused(format!("{why:?}")),
                            };
                        }
                        Heard::Refused(code) => {
                            refusals += 1;
                            if refusals > 20 {
                                return End::Refused(format!("{code} without end"));
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

async fn plays(mode: Mode, rsa: RsaKey) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let key = PublicKey::from(&rsa);
    let server = Server::start(mode, vec![(rsa, Padding::RsaPad)], listener);
    let end = tokio::time::timeout(PATIENCE, meets(address, key)).await.unwrap_or(End::Waits);
    let took = server.watch().took();
    let believed = end == End::Told(LIE.to_owned()) || matches!(took, Took::Accepted(_) | Took::Late(_));
    let right = match mode.asks {
        Asks::Works => end == End::Told(HONEST.to_owned()) && took == Took::Served,
        Asks::Either => took != Took::NotReached && end != End::Waits,
        Asks::Refuse if UNCHECKED.contains(&mode.name) => believed,
        Asks::Refuse | Asks::Survive if mode.name == "result.gzip-256-mib" => !believed,
        Asks::Refuse | Asks::Survive => !believed && took != Took::NotReached && end != End::Waits,
    };
    if right { Ok(()) } else { Err(format!("{}: the client {end:?}, the server saw {took:?}", mode.name)) }
}

// proves: HS-11, HS-12, HS-13, HS-14, HS-15, REC-4, REC-6, SES-1
#[tokio::test(flavor = "multi_thread")]
async fn our_own_client_believes_no_lie_that_it_checks() {
    let rsa = RsaKey::generate(&mut SystemDice);
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut playing = JoinSet::new();
    for mode in MODES {
        let (slots, rsa) = (Arc::clone(&slots), rsa.clone());
        playing.spawn(async move {
            let _slot = slots.acquire().await;
            plays(*mode, rsa).await
        });
    }
    let ended = playing.join_all().await;
    let wrong: Vec<String> = ended.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {} modes:\n  {}\n", wrong.len(), MODES.len(), wrong.join("\n  "));
}

#[test]
fn every_mode_names_rules_that_there_are_and_stands_in_the_table_of_results() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = fs::read_to_string(root.join("protocol-spec/01-requirements.toml")).expect("the rules");
    let results =
        fs::read_to_string(root.join("protocol-spec/16-clients-under-torture.md")).expect("the page");
    for mode in MODES {
        for rule in mode.rules.split(", ") {
            assert!(rules.contains(&format!("id = \"{rule}\"\n")), "{}: no rule {rule}", mode.name);
        }
        assert!(results.contains(&format!("| `{}` |", mode.name)), "{} has no results", mode.name);
    }
}

#[test]
fn a_stock_client_meets_a_few_lies() {
    if foreign::skipped("a stock client under a hostile server") {
        return;
    }
    let chappe = env!("CARGO_BIN_EXE_chappe");
    let only = ["honest", "respq.nonce", "dh.g_a-zero", "record.msg-key", "say.unknown-push"];
    let only: Vec<&str> = only.iter().flat_map(|mode| ["--only", *mode]).collect();
    let args = [&["--chappe", chappe, "--client", "telethon", "--client", "pyrogram"][..], &only].concat();
    let said =
        foreign::play("torture", &args, Duration::from_secs(240)).unwrap_or_else(|why| panic!("{why}"));
    for client in ["telethon", "pyrogram"] {
        let rows = said.lines().filter(|line| line.contains(client));
        assert_eq!(rows.clone().count(), 5, "{said}");
        let words: Vec<&str> = rows.filter(|row| row.starts_with("honest")).collect();
        assert!(words.iter().all(|row| row.contains(" works ")), "{said}");
    }
}

#[test]
fn modes_are_listed_and_unknown_ones_are_refused() {
    let chappe =
        |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_chappe")).args(args).output().expect("it runs");
    let listed = chappe(&["torture", "server", "--list"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("dh.g_a-one") && listed.contains(&format!("{} modes", MODES.len())), "{listed}");
    let refused = chappe(&["torture", "server", "--mode", "nothing", "--keys", "nowhere"]);
    assert!(!refused.status.success());
}
