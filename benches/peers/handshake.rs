//! One handshake: each costly operation of the server, and all that the server does in one, in memory.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chappe_peers::{Contender, processor, side_by_side};
use env::{Dice, Env, Time};
use mtproto::client::{Exchange, Next, PublicKey};
use mtproto::handshake::dh::{CheckedPublic, Secret, Spares};
use mtproto::handshake::{Handshakes, Padding, Step, plain, pq::Pq};
use mtproto::{AuthKeyId, KeyStored, RsaKey, ServerKeys};
use rand::Rng as _;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

const TURNS: usize = 100;
/// Handshakes; of each of their three steps the fastest counts.
const ROUNDS: usize = 100;

struct RealDice;

impl Dice for RealDice {
    fn fill(&mut self, out: &mut [u8]) {
        rand::rng().fill_bytes(out);
    }
}

fn main() {
    // `cargo test --benches` runs this, too, and wants no figures.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!("{}\n", processor());
    let key = RsaKey::generate(&mut RealDice);
    primitives(&key);
    let keys = Arc::new(ServerKeys { pad: key, legacy: None });
    println!("| all that the server does in a handshake | ms | handshakes/s per core |");
    println!("|---|---|---|");
    for (name, ahead) in [("everything when it is asked for", false), ("`g^a` drawn ahead", true)] {
        let mut fastest = [Duration::MAX; 3];
        for _ in 0..ROUNDS {
            for (fastest, spent) in fastest.iter_mut().zip(handshake(&keys, ahead)) {
                *fastest = spent.min(*fastest);
            }
        }
        let spent: Duration = fastest.iter().sum();
        println!("| {name} | {:.2} | {:.0} |", spent.as_secs_f64() * 1e3, 1.0 / spent.as_secs_f64());
    }
}

fn primitives(key: &RsaKey) {
    let (secret, _) = Secret::draw(&mut RealDice);
    let public = CheckedPublic::check(&Secret::draw(&mut RealDice).1).expect("drawn in range");
    let mut ciphertext: [u8; 256] = env::bytes(&mut RealDice);
    ciphertext[0] = 1;
    let pem = key.to_private_pem();
    let der = pem_body(&pem);
    let ring = RsaKeyPair::from_pkcs8(&der).expect("our own key");
    let random = ring::rand::SystemRandom::new();
    let mut signature = vec![0; ring.public().modulus_len()];
    let mut contenders = [
        Contender::new("`pq`: two primes of 31 bits", || {
            black_box(Pq::draw(&mut RealDice));
        }),
        Contender::new("RSA-2048, private, blinded", || {
            black_box(key.decrypt(black_box(&ciphertext), &mut RealDice));
        }),
        Contender::new("the same by ring, as a signature", || {
            ring.sign(&RSA_PKCS1_SHA256, &random, black_box(&[7]), &mut signature).expect("a key that signs");
        }),
        Contender::new("`g^a`, from the table of powers", || {
            black_box(Secret::draw(&mut RealDice));
        }),
        Contender::new("`(g_b)^a`", || {
            black_box(secret.key_with(black_box(&public)));
        }),
    ];
    println!("| | ms |\n|---|---|");
    let figures = side_by_side(&mut contenders, TURNS);
    for (contender, ns) in contenders.iter().zip(figures) {
        println!("| {} | {:.3} |", contender.name, ns / 1e6);
    }
    println!();
}

/// The bytes between the lines that begin and end a PEM file.
fn pem_body(pem: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> =
        pem.lines().filter(|line| !line.starts_with('-')).flat_map(str::bytes).filter_map(value).collect();
    let bytes = |four: &[u8]| {
        let number = four.iter().chain([0; 3].iter()).take(4).fold(0, |n, digit| n << 6 | u32::from(*digit));
        number.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(bytes).collect()
}

/// What the server spends on each step of a handshake of an honest client.
fn handshake(keys: &Arc<ServerKeys>, ahead: bool) -> Vec<Duration> {
    let now = Time::from_secs(1_800_000_000);
    let spares = Spares::default();
    if ahead {
        spares.draw_one(&mut RealDice);
    }
    let mut server = Handshakes::new(Arc::clone(keys), plain::ServerMsgIds::default());
    let mut exchange = Exchange::new(PublicKey::from(&keys.pad), Padding::RsaPad, now, &mut RealDice);
    let mut query = exchange.begin();
    let mut spent = Vec::new();
    loop {
        let began = Instant::now();
        let mut env = Env { now, dice: &mut RealDice };
        let mut step = server.receive(&mut env, &query).expect("an honest client");
        let answer = loop {
            step = match step {
                Step::Heavy(job) => {
                    let done = job.run_with(&mut RealDice, &spares);
                    server.heavy_done(&mut env, done).expect("an honest client")
                }
                Step::KeyMade(made) => {
                    let id: AuthKeyId = made.key.id();
                    server.key_stored(&mut env, id, KeyStored::Stored).expect("it was asked for")
                }
                Step::Send(answer) => break answer,
                Step::Done => panic!("an answer is due"),
            }
        };
        spent.push(began.elapsed());
        match exchange.receive(&answer, &mut RealDice).expect("an honest server") {
            Next::Send(next) => query = next,
            Next::Made(_) => return spent,
        }
    }
}
