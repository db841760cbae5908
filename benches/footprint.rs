//! What one private message leaves in the store: rows and bytes, table by table, and what that comes to on disk.
//!
//! The rows are those of both people after a hundred messages, before and after each of 64 more: means. A key counts with its
//! 12 bytes of shard, kind, owner and family, a value with its 5 bytes of format and checksum: what an engine is given. On disk
//! it is by how much the blocks of the store's directory grow over fifty thousand messages, once the store is closed.

mod people;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use api::ids::UserId;
use model::tables;
use people::{ANAS_KEY, People, text};
use store::{Config, EngineKind, Fault, Key, Order, RawKey, Store, Table, Tx};
use tempfile::TempDir;
use tl::Record;

/// Messages between the two people before any is looked at.
const MESSAGES_BEFORE: usize = 100;
/// Messages that are looked at: now and then one writes a page or a block as well.
const MESSAGES_LOOKED_AT: usize = 64;
/// Messages whose bytes on disk are divided among them.
const MESSAGES_ON_DISK: u64 = 50_000;
/// What the operating system counts file space in.
const BLOCK_BYTES: u64 = 512;
/// What every key begins with: `vshard u16 | kind u8 | owner u64 | family u8`.
const KEY_HEAD_BYTES: usize = 12;
/// What every value begins with: format and checksum.
const VALUE_HEAD_BYTES: usize = 5;

/// Rows of one table: the rest of the key, and the record.
type Rows = BTreeMap<RawKey, Vec<u8>>;
/// Rows by table and person.
type Everything = BTreeMap<(&'static str, &'static str), Rows>;

fn main() {
    let mut out = io::stdout().lock();
    for bytes in [64, 256, 1024] {
        let grown = of_one_message(bytes);
        print(&mut out, bytes, &grown).expect("standard output");
    }
    for engine in [EngineKind::Sled, EngineKind::Fjall] {
        let per_message = on_disk(engine, 256);
        writeln!(out, "{engine}: {per_message} bytes on disk for a message of 256 bytes")
            .expect("standard output");
    }
}

/// What one message did to one table.
#[derive(Default)]
struct Growth {
    new_rows: usize,
    new_bytes: usize,
    rewritten_rows: usize,
    rewritten_bytes: usize,
}

fn of_one_message(bytes: usize) -> BTreeMap<(&'static str, &'static str), Growth> {
    let (mut people, text) = (People::in_store(Store::memory()), text(bytes));
    for _ in 0..MESSAGES_BEFORE {
        people.say(&text);
    }
    let mut before = everything(&people).expect("a memory store reads");
    let mut grown: BTreeMap<_, Growth> = BTreeMap::new();
    for _ in 0..MESSAGES_LOOKED_AT {
        people.say(&text);
        let after = everything(&people).expect("a memory store reads");
        for (table, rows) in &after {
            count(before.get(table), rows, grown.entry(*table).or_default());
        }
        before = after;
    }
    grown
}

fn count(before: Option<&Rows>, after: &Rows, growth: &mut Growth) {
    for (key, record) in after {
        let bytes = KEY_HEAD_BYTES + key.len() + VALUE_HEAD_BYTES + record.len();
        match before.and_then(|rows| rows.get(key)) {
            Some(same) if same == record => {}
            Some(_) => {
                growth.rewritten_rows += 1;
                growth.rewritten_bytes += bytes;
            }
            None => {
                growth.new_rows += 1;
                growth.new_bytes += bytes;
            }
        }
    }
}

/// Every row that belongs to Ana, to Ben, or to Ana's key.
fn everything(people: &People) -> Result<Everything, Fault> {
    let (found, _) = people.api.store().read(|tx| {
        let mut found = Everything::new();
        for (name, user) in [("sender", people.ana), ("receiver", people.ben)] {
            of_person(tx, name, user, &mut found)?;
        }
        found.insert(("keys", "sender"), rows(tx, &tables::KEYS, ANAS_KEY)?);
        Ok::<_, Fault>(found)
    })?;
    Ok(found)
}

fn of_person(tx: &Tx<'_>, name: &'static str, user: UserId, found: &mut Everything) -> Result<(), Fault> {
    macro_rules! tables {
        ($($table:ident)*) => {$(
            found.insert((stringify!($table), name), rows(tx, &tables::$table, user)?);
        )*};
    }
    tables! {
        USERS HEADS PRESENCE BOXES HISTORY COPIES DIALOGS PINNED DRAFTS NOTIFY PREFERENCES PRIVACY LOGS SENT CONTACTS
        KNOWN_BY BLOCKED LOGINS PROFILE_PHOTOS
    }
    Ok(())
}

fn rows<K: Key, V: Record>(tx: &Tx<'_>, table: &Table<K, V>, owner: K::Owner) -> Result<Rows, Fault> {
    let all = MESSAGES_BEFORE + MESSAGES_LOOKED_AT;
    let scanned = tx.scan(table, table.of(owner), Order::Forward, all)?;
    let row = |(key, record): (K, V)| {
        let mut rest = RawKey::new();
        key.write_rest(&mut rest);
        (rest, record.to_bytes())
    };
    Ok(scanned.into_iter().map(row).collect())
}

fn print(
    out: &mut impl io::Write,
    bytes: usize,
    grown: &BTreeMap<(&'static str, &'static str), Growth>,
) -> io::Result<()> {
    writeln!(out, "a private message of {bytes} bytes")?;
    writeln!(
        out,
        "{:<10} {:<9} {:>5} {:>7} {:>10} {:>7}",
        "table", "whose", "new", "bytes", "rewritten", "bytes"
    )?;
    let mut sum = Growth::default();
    for ((table, name), growth) in grown {
        if growth.new_rows + growth.rewritten_rows > 0 {
            row(out, table, name, growth)?;
        }
        sum.new_rows += growth.new_rows;
        sum.new_bytes += growth.new_bytes;
        sum.rewritten_rows += growth.rewritten_rows;
        sum.rewritten_bytes += growth.rewritten_bytes;
    }
    row(out, "", "both", &sum)?;
    writeln!(out)
}

fn row(out: &mut impl io::Write, table: &str, name: &str, growth: &Growth) -> io::Result<()> {
    let mean = |sum: usize| sum as f64 / MESSAGES_LOOKED_AT as f64;
    let (new, rewritten) = (mean(growth.new_rows), mean(growth.rewritten_rows));
    let (new_bytes, rewritten_bytes) = (mean(growth.new_bytes), mean(growth.rewritten_bytes));
    writeln!(
        out,
        "{table:<10} {name:<9} {new:>5.2} {new_bytes:>7.0} {rewritten:>10.2} {rewritten_bytes:>7.0}"
    )
}

/// Bytes by which the directory of a store grows with a message, closed after the last.
fn on_disk(engine: EngineKind, bytes: usize) -> u64 {
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let config = Config { engine, dir: dir.path().to_owned(), cache_bytes: 64 << 20 };
    let mut people = People::in_store(Store::open(&config).expect("an empty store opens"));
    let (before, text) = (space(dir.path()), text(bytes));
    for _ in 0..MESSAGES_ON_DISK {
        people.say(&text);
    }
    people.api.store().close().expect("a disk that takes it");
    drop(people);
    space(dir.path()).saturating_sub(before) / MESSAGES_ON_DISK
}

/// Bytes that all files below a directory take. Not their lengths: fjall makes its journals long before it fills them.
fn space(dir: &Path) -> u64 {
    let entries = dir.read_dir().expect("a directory that reads").filter_map(Result::ok);
    let of = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => space(&entry.path()),
        _ => entry.metadata().map_or(0, |file| file.blocks() * BLOCK_BYTES),
    };
    entries.map(of).sum()
}
