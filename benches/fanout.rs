//! What one post costs the server for each member who is online, as far as it is neither sealing nor sockets: reading the log,
//! and writing the push in the reader's layer.
//!
//! `alone` is one look into the log for each key, `together` is how the gateway does it, many keys in one look. A broadcast
//! channel brings along the channel itself; a supergroup the author, too, whom each viewer sees as they know them.

mod clock;
mod people;

use std::hint::black_box;
use std::io::{self, Write as _};

use api::ids::{ChannelId, KeyId};
use clock::{Spread, time};
use people::{ANAS_KEY, People, text};
use store::{Config, EngineKind, Store};
use tempfile::TempDir;

/// The server's allocator: the C library's costs a fifth of a stored message more.
#[global_allocator]
static ALLOCATOR: heap::Heap = heap::Heap;

const MEMBERS: u32 = 1_000;
/// As many keys as the gateway takes into one look.
const TOGETHER: usize = 128;
const ROUNDS: usize = 40;

fn main() {
    let mut out = io::stdout().lock();
    writeln!(out, "a post of 256 bytes to {MEMBERS} members: ns for each, fastest (median)")
        .expect("standard output");
    for engine in [EngineKind::Memory, EngineKind::Sled, EngineKind::Fjall] {
        let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let config = Config { engine, dir: dir.path().to_owned(), cache_bytes: 256 << 20 };
        let mut people = People::in_store(Store::open(&config).expect("an empty store opens"));
        for broadcast in [true, false] {
            let place = people.place(broadcast, MEMBERS);
            let from = people.post(place, &text(256));
            let kind = if broadcast { "broadcast" } else { "supergroup" };
            let (alone, together) = tell(&people, ChannelId(place), from);
            let (f, m) = (alone.fastest.as_nanos(), alone.median.as_nanos());
            writeln!(out, "{engine:<7} {kind:<10} alone    {f:>6} ({m:>6})").expect("standard output");
            let (f, m) = (together.fastest.as_nanos(), together.median.as_nanos());
            writeln!(out, "{engine:<7} {kind:<10} together {f:>6} ({m:>6})").expect("standard output");
        }
    }
}

/// Tells the post after `from` to every member.
fn tell(people: &People, channel: ChannelId, from: i32) -> (Spread, Spread) {
    let keys: Vec<(KeyId, i32)> =
        (0..MEMBERS).map(|n| (KeyId(ANAS_KEY.0 + 100 + i64::from(n)), from)).collect();
    let alone = time(ROUNDS, |_| {
        for (key, from) in &keys {
            let push = people.api.channel_push(*key, channel, *from, people.now).expect("a store that reads");
            assert!(black_box(push).is_some_and(|push| push.body.is_some()), "a member is told");
        }
    });
    let together = time(ROUNDS, |_| {
        for keys in keys.chunks(TOGETHER) {
            let pushes = people.api.channel_pushes(channel, keys, people.now).expect("a store that reads");
            assert!(black_box(pushes).iter().flatten().all(|push| push.body.is_some()), "a member is told");
        }
    });
    (alone.of(MEMBERS), together.of(MEMBERS))
}
