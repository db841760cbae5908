//! One message: ours beside the floor, the bare crates, another Rust implementation, and other protocols.
//!
//! Sizes are bytes of the body. MTProto puts 32 bytes before it and at least 12 behind; every row enciphers what its
//! protocol makes of the same body, in memory.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use aes::Aes256;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use bytes::BytesMut;
use chappe_peers::{Contender, processor, side_by_side};
use cipher::{Backend, Job, KeyParts, LANES};
use env::Dice;
use grammers_crypto::DequeBuffer;
use mtproto::crypto::{FullAuthKey, HEADER_BYTES, Side};
use rand::Rng as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use sha2::{Digest as _, Sha256};

const BODIES: [usize; 4] = [64, 256, 1024, 16_384];
const TURNS: usize = 400;

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
    println!("{}; cipher backend: {}", processor(), Backend::best().name());
    println!("ns for one message, and against the floor\n");
    table("encrypt", |body| encrypt(body));
    table("decrypt", |body| decrypt(body));
}

fn table(what: &str, contenders: impl Fn(usize) -> Vec<Contender<'static>>) {
    let mut rows: Vec<(&'static str, Vec<f64>)> = Vec::new();
    for body in BODIES {
        let mut contenders = contenders(body);
        let figures = side_by_side(&mut contenders, TURNS);
        rows.resize_with(contenders.len(), || ("", Vec::new()));
        for ((row, contender), figure) in rows.iter_mut().zip(&contenders).zip(figures) {
            row.0 = contender.name;
            row.1.push(figure);
        }
    }
    println!("| {what} | {} |", BODIES.map(|body| format!("{body} B")).join(" | "));
    println!("|---|{}", "---|".repeat(BODIES.len()));
    let floor = rows.first().map(|row| row.1.clone()).unwrap_or_default();
    for (name, figures) in &rows {
        let cells: Vec<String> =
            figures.iter().zip(&floor).map(|(ns, floor)| format!("{ns:.0} ({:.2}x)", ns / floor)).collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
    println!();
}

const KEY: [u8; 256] = [0x6b; 256];

fn kept() -> [u8; 192] {
    *KEY.first_chunk().expect("192 of 256")
}

fn parts(key: &[u8; 192]) -> KeyParts<'_> {
    KeyParts {
        hash: key[88..].first_chunk().expect("inside"),
        first: key.first_chunk().expect("inside"),
        second: key[40..].first_chunk().expect("inside"),
    }
}

/// Plaintext with the least padding.
fn plain(body: usize) -> Vec<u8> {
    vec![7; (32 + body + 12).next_multiple_of(16)]
}

/// By the crates `sha2`, `ige` and `aes`, as anybody would write it down.
fn bare(key: &[u8; 192], msg_key: &[u8]) -> ([u8; 32], [u8; 32]) {
    let a: [u8; 32] = Sha256::new().chain_update(msg_key).chain_update(&key[..36]).finalize().into();
    let b: [u8; 32] = Sha256::new().chain_update(&key[40..76]).chain_update(msg_key).finalize().into();
    let (mut aes_key, mut iv) = (a, b);
    aes_key[8..24].copy_from_slice(&b[8..24]);
    iv[8..24].copy_from_slice(&a[8..24]);
    (aes_key, iv)
}

fn bare_hash(key: &[u8; 192], data: &[u8]) -> [u8; 16] {
    let large = Sha256::new().chain_update(&key[88..120]).chain_update(data).finalize();
    *large[8..24].first_chunk().expect("inside")
}

fn encrypt(body: usize) -> Vec<Contender<'static>> {
    let key = kept();
    let (mut a, mut b, mut c, mut d) = (plain(body), plain(body), plain(body), plain(body));
    let mut batch: Vec<Vec<u8>> = (0..LANES).map(|_| plain(body)).collect();
    let ours = FullAuthKey::new(KEY).kept();
    let theirs = grammers_crypto::AuthKey::from_bytes(KEY);
    let plaintext = vec![7; 32 + body];
    let (mut tls_client, _) = tls();
    let (mut noise, _) = noise();
    let (text, text_) = (vec![7; body], vec![7; body]);
    let (mut sink, mut sink_) = (Vec::new(), vec![0; body + 64]);
    let mut buffer = DequeBuffer::with_capacity(plaintext.len() + 32, 24);
    let plaintext_ = plaintext.clone();
    vec![
        Contender::new("floor, by hand", move || {
            black_box(floor::message::encrypt(&key, 0, black_box(&mut a)));
        }),
        Contender::new("ours", move || {
            black_box(Backend::best().encrypt(parts(&key), black_box(&mut b)));
        }),
        Contender::of("ours, batch of 8, each", LANES as u32, move || {
            let mut jobs: Vec<Job<'_>> = batch
                .iter_mut()
                .map(|data| Job { parts: parts(&key), data, msg_key_large: [0; 32] })
                .collect();
            Backend::best().encrypt_batch(black_box(&mut jobs));
        }),
        Contender::new("ours, portable", move || {
            black_box(Backend::Portable.encrypt(parts(&key), black_box(&mut c)));
        }),
        Contender::new("crates sha2 + ige", move || {
            let (aes_key, iv) = bare(&key, &bare_hash(&key, &d));
            let (blocks, _) = aes::cipher::Array::slice_as_chunks_mut(black_box(&mut d));
            ige::Encryptor::<Aes256>::new(&aes_key.into(), &iv.into()).encrypt_blocks(blocks);
        }),
        Contender::new("ours, whole: a buffer, padding, header", move || {
            let mut packet = BytesMut::with_capacity(HEADER_BYTES + plaintext.len() + 80);
            packet.resize(HEADER_BYTES, 0);
            packet.extend_from_slice(black_box(&plaintext));
            mtproto::crypto::seal(&ours, Side::Client, &mut packet, &mut RealDice);
            black_box(packet);
        }),
        Contender::new("grammers-crypto, whole", move || {
            buffer.clear();
            buffer.extend(black_box(&plaintext_).iter().copied());
            grammers_crypto::encrypt_data_v2(&mut buffer, &theirs);
            black_box(&buffer[..]);
        }),
        Contender::new("TLS 1.3, AES-128-GCM, rustls on ring", move || {
            tls_client.writer().write_all(black_box(&text)).expect("room");
            sink.clear();
            while tls_client.wants_write() {
                tls_client.write_tls(&mut sink).expect("memory");
            }
            black_box(&sink);
        }),
        Contender::new("Noise, AES-256-GCM, snow", move || {
            black_box(noise.write_message(black_box(&text_), &mut sink_).expect("room"));
        }),
    ]
}

fn decrypt(body: usize) -> Vec<Contender<'static>> {
    let key = kept();
    let (mut a, mut b, mut c, mut d) = (plain(body), plain(body), plain(body), plain(body));
    let ours = FullAuthKey::new(KEY).kept();
    let theirs = grammers_crypto::AuthKey::from_bytes(KEY);
    let mut sealed = BytesMut::zeroed(HEADER_BYTES + 32 + body);
    mtproto::crypto::seal(&ours, Side::Server, &mut sealed, &mut RealDice);
    let sealed_ = sealed.clone();
    let (mut room, mut room_) = (sealed.to_vec(), sealed.to_vec());
    let (mut tls_client, mut tls_server) = tls();
    let (mut noise, mut noise_) = noise();
    let text = vec![7; body];
    let (mut wire, mut heard) = (Vec::new(), vec![0; body]);
    let (mut spoken, mut heard_) = (vec![0; body + 64], vec![0; body + 64]);
    let text_ = text.clone();
    vec![
        Contender::new("floor, by hand, not fused", move || {
            black_box(floor::message::decrypt(&key, 0, &[5; 16], black_box(&mut a)));
        }),
        Contender::new("ours, fused", move || {
            black_box(Backend::best().decrypt(parts(&key), &[5; 16], black_box(&mut b)));
        }),
        Contender::new("ours, portable", move || {
            black_box(Backend::Portable.decrypt(parts(&key), &[5; 16], black_box(&mut c)));
        }),
        Contender::new("crates sha2 + ige", move || {
            let (aes_key, iv) = bare(&key, &[5; 16]);
            let (blocks, _) = aes::cipher::Array::slice_as_chunks_mut(black_box(&mut d));
            ige::Decryptor::<Aes256>::new(&aes_key.into(), &iv.into()).decrypt_blocks(blocks);
            black_box(bare_hash(&key, &d));
        }),
        Contender::new("ours, whole, of a copy", move || {
            room.copy_from_slice(black_box(&sealed));
            black_box(mtproto::crypto::open(&ours, Side::Server, &mut room).expect("authentic"));
        }),
        Contender::new("grammers-crypto, whole, of a copy", move || {
            room_.copy_from_slice(black_box(&sealed_));
            black_box(grammers_crypto::decrypt_data_v2(&mut room_, &theirs).expect("authentic"));
        }),
        Contender::new("TLS 1.3, both ways", move || {
            tls_client.writer().write_all(black_box(&text)).expect("room");
            wire.clear();
            while tls_client.wants_write() {
                tls_client.write_tls(&mut wire).expect("memory");
            }
            let mut from = wire.as_slice();
            while !from.is_empty() {
                tls_server.read_tls(&mut from).expect("memory");
                tls_server.process_new_packets().expect("authentic");
            }
            tls_server.reader().read_exact(&mut heard).expect("all of it");
        }),
        Contender::new("Noise, both ways", move || {
            let n = noise.write_message(black_box(&text_), &mut spoken).expect("room");
            let spoken = spoken.get(..n).expect("written");
            black_box(noise_.read_message(spoken, &mut heard_).expect("authentic"));
        }),
    ]
}

/// Two ends of a TLS 1.3 connection whose handshake is over.
fn tls() -> (rustls::ClientConnection, rustls::ServerConnection) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.retain(|suite| suite.suite() == rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    let provider = Arc::new(provider);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a certificate");
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], secret)
        .expect("a key that fits");
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let mut client = rustls::ClientConnection::new(Arc::new(client), name).expect("a client");
    let mut server = rustls::ServerConnection::new(Arc::new(server)).expect("a server");
    client.set_buffer_limit(None);
    while client.is_handshaking() || server.is_handshaking() || server.wants_write() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).expect("memory");
        }
        let mut from = wire.as_slice();
        while !from.is_empty() {
            server.read_tls(&mut from).expect("memory");
            server.process_new_packets().expect("honest");
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).expect("memory");
        }
        let mut from = wire.as_slice();
        while !from.is_empty() {
            client.read_tls(&mut from).expect("memory");
            client.process_new_packets().expect("honest");
        }
    }
    (client, server)
}

/// Two ends of a Noise connection whose handshake is over.
fn noise() -> (snow::TransportState, snow::TransportState) {
    let builder = || snow::Builder::new("Noise_NN_25519_AESGCM_SHA256".parse().expect("a pattern"));
    let mut client = builder().build_initiator().expect("a client");
    let mut server = builder().build_responder().expect("a server");
    let (mut wire, mut heard) = ([0; 1024], [0; 1024]);
    let n = client.write_message(&[], &mut wire).expect("room");
    server.read_message(&wire[..n], &mut heard).expect("honest");
    let n = server.write_message(&[], &mut wire).expect("room");
    client.read_message(&wire[..n], &mut heard).expect("honest");
    (client.into_transport_mode().expect("over"), server.into_transport_mode().expect("over"))
}
