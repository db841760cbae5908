//! What the server holds for somebody who is connected and says nothing.
//!
//! A test binary of its own, with one test: the allocator that counts counts for the whole process.

#[path = "e2e/client.rs"]
#[expect(dead_code, reason = "a part of what the end-to-end tests need")]
mod client;

use std::alloc::System;
use std::time::Duration;

use chappe::Server;
use chappe::config::{Config, Engine};
use client::{Client, PLAIN, Session};
use mtproto::handshake::Padding;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tl::{functions, service};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Connections that are made before anything is counted: buffers of threads, and what is made with the first of its kind.
const WARMING: usize = 64;

/// Connections that are counted.
const COUNTED: usize = 256;

/// What each may take at most, in bytes that were asked for: task, connection, session, key, socket, their places in all
/// tables, and what the store keeps in memory of the key's row.
const BYTES_MAX: isize = 4096;

async fn start(data: &std::path::Path) -> Server {
    let mut config = Config::default();
    config.server.listen = vec!["127.0.0.1:0".to_owned()];
    config.server.data = data.to_owned();
    config.store.engine = Engine::Sled;
    Server::start(config).await.expect("it starts")
}

/// Connects with a key of before, learns the salt, calls once, and says nothing more. Of the client nothing is left but the
/// socket.
async fn connect(server: &Server, session: &mut Session) -> std::net::TcpStream {
    let mut client = Client::connect(server.addr(), PLAIN).await;
    let ping = service::Ping { ping_id: 1 };
    let salt = |_: i64, body: &[u8]| Some(tl::read::<service::BadServerSalt>(body).ok()?.new_server_salt);
    session.salt = session.ask(&mut client, &ping, salt).await;
    session.call(&mut client, &functions::help::GetNearestDc {}).await;
    client.stream.into_std().expect("a socket")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_rests_takes_at_most_four_kibibytes() {
    let data = tempfile::tempdir().expect("a directory");
    let server = start(data.path()).await;
    let mut sessions = Vec::new();
    for _ in 0..WARMING + COUNTED {
        let mut client = Client::connect(server.addr(), PLAIN).await;
        let key = client.make_key(&server, Padding::RsaPad).await.key;
        sessions.push(Session::new(key, 0));
    }
    server.stop().await.expect("a clean end");

    // Another server, which knows the keys from its store only.
    let server = start(data.path()).await;
    let mut sockets = Vec::with_capacity(sessions.len());
    for session in &mut sessions[..WARMING] {
        sockets.push(connect(&server, session).await);
    }
    let region = Region::new(COUNTING);
    for session in &mut sessions[WARMING..] {
        sockets.push(connect(&server, session).await);
    }
    // What is freed by the driver of the sockets, and by threads that were at work.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let change = region.change();
    let held = change.bytes_allocated.cast_signed() - change.bytes_deallocated.cast_signed();
    let each = held / COUNTED.cast_signed();
    assert!((1024..=BYTES_MAX).contains(&each), "{each} bytes for each connection");
    drop(sockets);
    server.stop().await.expect("a clean end");
}
