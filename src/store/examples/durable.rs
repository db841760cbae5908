//! How many durable messages a second each embedded engine takes: a message of 200 bytes and an index row, one commit each.
//!
//! `cargo run --release -p chappe-store --example durable [MESSAGES [ENGINE]]`

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use store::{Config, EngineKind, Fault, Present, Store, Table, key_parts, owner_ids};
use tl::{Decode, Encode, Reader, Record, Writer};

/// Commits that a writer lets wait for the disk before it waits itself.
const GROUP: u64 = 64;

#[derive(Clone, Copy)]
struct User(u64);
struct MsgId(u64);

owner_ids! { User(u64) = b'u' }
key_parts! { MsgId(u64) }

struct Message(Vec<u8>);

const MESSAGES: Table<(User, MsgId), Message> = Table::in_runs(b'm');
const INDEX: Table<(User, u64, MsgId), Present> = Table::new(b'x');

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let messages: u64 = args.next().map_or(Ok(50_000), |count| count.parse())?;
    let engines = match args.next() {
        Some(name) => vec![name.parse()?],
        None => vec![EngineKind::Sled, EngineKind::Fjall],
    };
    let mut out = io::stdout().lock();
    for engine in engines {
        for writers in [1, 4] {
            let dir = tempfile::tempdir_in(".")?;
            let config = Config { engine, dir: dir.path().to_owned(), cache_bytes: 256 << 20 };
            let store = Store::open(&config)?;
            let began = Instant::now();
            let groups = write_all(&store, messages, writers)?;
            let seconds = began.elapsed().as_secs_f64();
            let rate = messages as f64 / seconds;
            writeln!(
                out,
                "{engine}, {writers} writers: {rate:.0} durable messages/s, {groups} waits of {GROUP}"
            )?;
        }
    }
    Ok(())
}

/// Shares `messages` out to `writers`, each of which lets [`GROUP`] commits wait for the disk at a time.
fn write_all(store: &Store, messages: u64, writers: u64) -> Result<u64, Fault> {
    let done = Arc::new(AtomicU64::new(0));
    let groups = thread::scope(|scope| {
        let write = |writer: u64| {
            let done = Arc::clone(&done);
            scope.spawn(move || write_some(store, writer, messages / writers, &done))
        };
        let threads: Vec<_> = (0..writers).map(write).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Err(Fault::Stopped)))
            .sum::<Result<u64, Fault>>()
    })?;
    store.close()?;
    assert_eq!(done.load(Ordering::SeqCst), messages / writers * writers, "each was acknowledged once");
    Ok(groups)
}

fn write_some(store: &Store, writer: u64, messages: u64, done: &Arc<AtomicU64>) -> Result<u64, Fault> {
    let mut groups = 0;
    for id in 0..messages {
        let user = User(writer * 1_000 + id % 100);
        let ((), ticket) = store.write(|tx| {
            tx.put(&MESSAGES, &(user, MsgId(id)), &Message(vec![b'm'; 200]))?;
            tx.put(&INDEX, &(user, id % 7, MsgId(id)), &Present)
        })?;
        let done = Arc::clone(done);
        let count = move |result: Result<(), Fault>| {
            if result.is_ok() {
                done.fetch_add(1, Ordering::SeqCst);
            }
        };
        store.on_durable(ticket, Box::new(count));
        if id % GROUP == GROUP - 1 || id + 1 == messages {
            store.wait_durable(ticket)?;
            groups += 1;
        }
    }
    Ok(groups)
}

impl Encode for Message {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }
}

impl Decode for Message {
    fn take(r: &mut Reader<'_>) -> Option<Self> {
        Vec::take(r).map(Self)
    }
}

impl Record for Message {}
