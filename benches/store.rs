//! The store: what its engines take and give, at ten thousand messages and at a million.
//!
//! ```text
//! cargo bench --bench store                 # 10,000 messages, a minute
//! cargo bench --bench store -- 1000000      # also a million: a quarter of an hour, 3 GB of memory, 4 GB of disk
//! ```
//!
//! `bare` is the floor: the engine itself, without transactions, checksums or anything that is ours, writes exactly the rows of
//! one private message of 256 bytes (keys and values of the lengths that `footprint` counts), in one batch for each message,
//! and waits for the disk after every 64. `rows` are the same rows through [`store::Store`], `send` is the whole of
//! messages.sendMessage. All three share the disk with whatever else uses it: look at the ratio.

mod clock;
mod people;

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use clock::{Spread, time};
use model::Stop;
use model::ids::Peer;
use model::shelf::Shelf;
use model::tables::BOXES;
use people::{People, text};
use store::{Config, EngineKind, Fault, Store, Table, Ticket, Tx, key_parts, owner_ids};
use tempfile::TempDir;
use tl::{Decode, Encode, Reader, Record, Writer};

/// The server's allocator: the C library's costs a fifth of a stored message more.
#[global_allocator]
static ALLOCATOR: heap::Heap = heap::Heap;

/// Messages that wait for the disk together.
const GROUP: u32 = 64;
const GROUPS: usize = 40;
const TEXT_BYTES: usize = 256;
const ENGINES: [EngineKind; 3] = [EngineKind::Memory, EngineKind::Sled, EngineKind::Fjall];

fn main() {
    // Cargo says `--bench`.
    let most = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(10_000);
    let mut out = io::stdout().lock();
    let mut line = |text: String| writeln!(out, "{text}").expect("standard output");
    line(format!(
        "durable, messages of {TEXT_BYTES} bytes in groups of {GROUP}: messages/s, median (fastest)"
    ));
    for engine in [EngineKind::Sled, EngineKind::Fjall] {
        let ways = durable(engine);
        let bare = rate(ways[0].1.median);
        for (name, spread) in ways {
            let (median, fastest) = (rate(spread.median), rate(spread.fastest));
            line(format!(
                "{engine:<7} {name:<6} {median:>8.0} ({fastest:>8.0})  {:>5.2} of bare",
                median / bare
            ));
        }
    }
    for messages in if most == 10_000 { vec![10_000] } else { vec![10_000, most] } {
        for engine in ENGINES {
            line(sizes(engine, messages));
        }
    }
}

fn rate(group: Duration) -> f64 {
    f64::from(GROUP) / group.as_secs_f64()
}

fn fresh(engine: EngineKind) -> (Store, TempDir) {
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let config = Config { engine, dir: dir.path().to_owned(), cache_bytes: 256 << 20 };
    (Store::open(&config).expect("an empty store opens"), dir)
}

// ---- durable groups

/// Rounds of the three ways taken in turn, so that a slow moment of the disk meets all of them.
fn durable(engine: EngineKind) -> [(&'static str, Spread); 3] {
    let bare_dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let mut bare = Bare::open(engine, bare_dir.path());
    let (rows, _rows_dir) = fresh(engine);
    let (send, _send_dir) = fresh(engine);
    let (mut people, text) = (People::in_store(send), text(TEXT_BYTES));
    let (mut of_bare, mut of_rows, mut of_send) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = 0;
    for _ in 0..GROUPS {
        of_bare.push(took(|| bare.group(next)));
        of_rows.push(took(|| {
            let ticket = (0..GROUP).map(|n| put_rows(&rows, next + u64::from(n))).max().unwrap_or_default();
            rows.wait_durable(ticket).expect("a disk that takes it");
        }));
        of_send.push(took(|| {
            let ticket = (0..GROUP).map(|_| people.say(&text).ticket).max().unwrap_or_default();
            people.api.store().wait_durable(ticket).expect("a disk that takes it");
        }));
        next += u64::from(GROUP);
    }
    [("bare", spread(of_bare)), ("rows", spread(of_rows)), ("send", spread(of_send))]
}

fn took(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn spread(mut took: Vec<Duration>) -> Spread {
    took.sort_unstable();
    let at = |n: usize| took.get(n).copied().unwrap_or_default();
    Spread { fastest: at(0), median: at(took.len() / 2) }
}

/// A row of a private message of 256 bytes: of whom, in which table, the bytes of the key behind owner and family, those of the
/// value behind format and checksum, and how many messages make a new one; 0 for one that each rewrites.
struct Row {
    owner: u64,
    family: u8,
    key_bytes: usize,
    value_bytes: usize,
    every: u64,
}

const fn row(owner: u64, family: u8, key_bytes: usize, value_bytes: usize, every: u64) -> Row {
    Row { owner, family, key_bytes, value_bytes, every }
}

impl Row {
    /// Whether the `n`th message writes it.
    fn is_due(&self, n: u64) -> bool {
        n.checked_rem(self.every).unwrap_or(0) == 0
    }
}

/// What `cargo bench --bench footprint` counts: both copies and the `random_id`, heads and dialogs, and now and then a page of
/// a log or a block of a history.
const ROWS: [Row; 11] = [
    row(1, b'm', 4, 304, 1),
    row(1, b'r', 27, 16, 1),
    row(2, b'm', 4, 304, 1),
    row(1, b'h', 0, 220, 0),
    row(2, b'h', 0, 220, 0),
    row(1, b'd', 9, 56, 0),
    row(2, b'd', 9, 56, 0),
    row(1, b'p', 8, 332, 8),
    row(2, b'p', 8, 332, 8),
    row(1, b'y', 13, 12, 64),
    row(2, b'y', 13, 12, 64),
];

/// The engine without the store.
enum Bare {
    Sled(sled::Db, File),
    Fjall(fjall::Database, fjall::Keyspace),
}

impl Bare {
    fn open(engine: EngineKind, dir: &Path) -> Self {
        if engine == EngineKind::Sled {
            let config = sled::Config::new().path(dir).cache_capacity(256 << 20).flush_every_ms(None);
            let db = config.open().expect("sled opens");
            let log = File::open(dir.join("db")).expect("its file");
            Self::Sled(db, log)
        } else {
            let db = fjall::Database::builder(dir).cache_size(256 << 20).manual_journal_persist(true).open();
            let db = db.expect("fjall opens");
            let rows = db.keyspace("rows", fjall::KeyspaceCreateOptions::default).expect("a keyspace");
            Self::Fjall(db, rows)
        }
    }

    /// A batch for each message, and one wait for the disk.
    fn group(&mut self, first: u64) {
        let key = |row: &Row, n: u64| {
            let mut key = vec![0x2a, 0x17, b'u'];
            key.extend(row.owner.to_be_bytes());
            key.push(row.family);
            let start = key.len();
            key.resize(start + row.key_bytes, 7);
            if row.every > 0 {
                // The counter stands last, as it does in the store.
                let n = u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
                key.truncate(start + row.key_bytes - 4);
                key.extend(n);
            }
            key
        };
        let value = |row: &Row| vec![0x55; 5 + row.value_bytes];
        for n in first..first + u64::from(GROUP) {
            match self {
                Self::Sled(db, _) => {
                    let mut batch = sled::Batch::default();
                    let due = ROWS.iter().filter(|row| row.is_due(n));
                    due.for_each(|row| batch.insert(key(row, n), value(row)));
                    db.apply_batch(batch).expect("applied");
                }
                Self::Fjall(db, rows) => {
                    let mut batch = db.batch();
                    let due = ROWS.iter().filter(|row| row.is_due(n));
                    due.for_each(|row| batch.insert(rows, key(row, n), value(row)));
                    batch.commit().expect("applied");
                }
            }
        }
        match self {
            Self::Sled(db, log) => {
                db.flush().expect("flushed");
                // `flush` ends in sync_file_range.
                log.sync_all().expect("synced");
            }
            Self::Fjall(db, _) => db.persist(fjall::PersistMode::SyncAll).expect("synced"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Owner(u64);

owner_ids! { Owner(u64) = b'u' }

#[derive(Debug, Clone, PartialEq)]
struct Blob(Vec<u8>);

impl Encode for Blob {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.0);
    }
}

impl Decode for Blob {
    fn take(reader: &mut Reader<'_>) -> Option<Self> {
        reader.raw(reader.remaining()).ok().map(|bytes| Self(bytes.to_vec()))
    }
}

impl Record for Blob {}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Part(u64);

key_parts! { Part(u64) }

const NEW_ROWS: Table<(Owner, u8, Part), Blob> = Table::new(b'n');
const OLD_ROWS: Table<(Owner, u8), Blob> = Table::new(b'o');

/// Rows of the same number and lengths of value through the store, in one commit.
fn put_rows(store: &Store, n: u64) -> Ticket {
    let put = |tx: &mut Tx<'_>| -> Result<(), Fault> {
        for row in ROWS.iter().filter(|row| row.is_due(n)) {
            let blob = Blob(vec![0x55; row.value_bytes]);
            if row.every > 0 {
                tx.put(&NEW_ROWS, &(Owner(row.owner), row.family, Part(n)), &blob)?;
            } else {
                tx.put(&OLD_ROWS, &(Owner(row.owner), row.family), &blob)?;
            }
        }
        Ok(())
    };
    store.write(put).expect("written").1
}

// ---- sizes

/// What it costs to append, to page and to look up one message, with so many there.
fn sizes(engine: EngineKind, messages: u32) -> String {
    let memory_before = resident();
    let (store, dir) = fresh(engine);
    let (mut people, text) = (People::in_store(store), text(TEXT_BYTES));
    let began = Instant::now();
    for _ in 0..messages {
        people.say(&text);
    }
    let filled = f64::from(messages) / began.elapsed().as_secs_f64();
    people.api.store().wait_durable(people.api.store().newest()).expect("a disk that takes it");
    let append = time(2_000, |_| {
        people.say(&text);
    });
    let store = people.api.store();
    let (ana, ben) = (people.ana, Peer::User(people.ben));
    let newest = i32::try_from(messages).unwrap_or(i32::MAX);
    let point = time(2_000, |n| {
        let id = 1 + (i32::try_from(n).unwrap_or(0).wrapping_mul(7919)).rem_euclid(newest);
        let get = |tx: &mut Tx<'_>| tx.get(&BOXES, &(ana, id));
        assert!(black_box(store.read::<_, Fault>(get).expect("read").0).is_some(), "no message {id}");
    });
    let page = time(1_000, |_| {
        let newest = |tx: &mut Tx<'_>| Shelf::of(ana, ben).older(tx, i32::MAX, 50);
        assert_eq!(black_box(store.read::<_, Stop>(newest).expect("read").0).len(), 50);
    });
    let memory = resident().saturating_sub(memory_before) >> 20;
    store.close().expect("closed");
    let disk = space(dir.path()) >> 20;
    let us = |spread: Spread| spread.median.as_nanos() as f64 / 1000.0;
    format!(
        "{engine:<7} {messages:>8} messages: filled {filled:>7.0}/s, append {:>6.1} us, point read {:>5.1} us, \
         page of 50 {:>6.1} us (medians), memory {memory} MiB, disk {disk} MiB",
        us(append),
        us(point),
        us(page)
    )
}

/// Memory of this process that is resident, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() << 10
}

/// Bytes that all files below a directory take.
fn space(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = dir.read_dir().expect("a directory that reads").filter_map(Result::ok);
    let of = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => space(&entry.path()),
        _ => entry.metadata().map_or(0, |file| file.blocks() * 512),
    };
    entries.map(of).sum()
}
