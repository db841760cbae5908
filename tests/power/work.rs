//! What is done while the power is still there, and what must be there after it has gone.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use blobs::{BlobKey, Blobs};
use bytes::Bytes;
use env::{Dice as _, SeededDice, Time};
use model::ids::{ChannelId, ChatId, KeyId, Peer, UserId};
use model::messages::{self, Outgoing};
use model::tables::{BOXES, DOCUMENTS, PARTS, POSTS};
use model::{Ctx, Done, Effects, Stop};
use store::{Config, EngineKind, Fault, Store, Ticket, Tx};
use tl::stored;

/// People who write at the same time, how often the store is opened anew, and what each does in between.
const PEOPLE: i64 = 3;
const OPENINGS: u64 = 3;
const STEPS: u64 = 24;

/// The time of everything: only its order matters here.
const NOW: u64 = 1_800_000_000;

fn open(engine: EngineKind, data: &Path) -> Result<Arc<Store>, String> {
    // With the least of caches, so that as much as possible goes through the disk.
    let config = Config { engine, dir: data.join("store"), cache_bytes: 0 };
    Store::open(&config).map(Arc::new).map_err(|error| format!("it does not open: {error}"))
}

/// One of the people.
#[derive(Debug, Clone, Copy)]
struct Writer {
    me: UserId,
    key: KeyId,
    friend: UserId,
    chat: ChatId,
    channel: ChannelId,
}

/// Does something in one transaction.
fn act<R>(
    store: &Store,
    key: KeyId,
    dice: &mut SeededDice,
    mut what: impl FnMut(&mut Ctx<'_, '_>) -> Done<R>,
) -> (R, Ticket) {
    let run = |tx: &mut Tx<'_>| {
        let effects = Effects::default();
        what(&mut Ctx { tx, now: Time::from_secs(NOW), dice, origin: key, effects })
    };
    let mut run = run;
    store.write::<R, Stop>(|tx| run(tx)).expect("allowed")
}

/// Works, and says on standard output what is durable.
pub fn work(engine: EngineKind, seed: u64, data: &Path) {
    for opening in 0..OPENINGS {
        let store = open(engine, data).expect("a directory of our own");
        let blobs = Blobs::local(&data.join("blobs")).expect("a directory of our own");
        let writers = if opening == 0 { people(&store, seed) } else { known(&store) };
        let work = writers.into_iter().enumerate().map(|(n, writer)| {
            let (store, blobs) = (Arc::clone(&store), blobs.clone());
            let seed = seed * 1_000 + opening * 100 + n as u64;
            thread::spawn(move || steps(&store, &blobs, writer, seed, opening * STEPS))
        });
        let work: Vec<_> = work.collect();
        work.into_iter().for_each(|one| one.join().expect("no step fails"));
        store.close().expect("the disk works");
    }
}

/// Makes people, a group and a channel of all of them.
fn people(store: &Store, seed: u64) -> Vec<Writer> {
    let mut dice = SeededDice::new(seed);
    let ((), ticket) = act(store, KeyId(1), &mut dice, |cx| {
        let mut all = Vec::new();
        for n in 1..=PEOPLE {
            let user = model::users::create(cx, &format!("999661{n:04}"), "Somebody", "")?;
            model::keys::insert(cx, KeyId(n), &[7; 192], 2)?;
            model::keys::log_in(cx, KeyId(n), user)?;
            all.push(user);
        }
        model::chats::create(cx, all[0], &all[1..], "All of us")?;
        let (channel, _) = model::channels::create(cx, all[0], "All of us", "", true)?;
        model::channels::invite(cx, all[0], channel, &all[1..])?;
        Ok(())
    });
    store.wait_durable(ticket).expect("the disk works");
    known(store)
}

fn known(_: &Store) -> Vec<Writer> {
    let user = |n: i64| UserId(1_000_001 + n % PEOPLE);
    let writer = |n: i64| Writer {
        me: user(n),
        key: KeyId(n + 1),
        friend: user(n + 1),
        chat: ChatId(1_001),
        channel: ChannelId(1_000_001),
    };
    (0..PEOPLE).map(writer).collect()
}

fn say_when_durable(store: &Store, ticket: Ticket, ack: String) {
    let say = move |result: Result<(), Fault>| {
        result.expect("the disk works");
        let mut out = std::io::stdout().lock();
        out.write_all(ack.as_bytes()).and_then(|()| out.flush()).expect("the recorder listens");
    };
    store.on_durable(ticket, Box::new(say));
}

/// Short as most messages are, or now and then as long as a row may be.
fn text(dice: &mut SeededDice, random_id: i64) -> String {
    let length = match dice.below(10) {
        0 => dice.below(40_000),
        1 | 2 => dice.below(8_000),
        _ => dice.below(300),
    };
    let mut text = format!("{random_id} ");
    for n in 0..length / 8 {
        let _ = write!(text, "{:08x}", n ^ random_id.cast_unsigned());
    }
    text
}

fn steps(store: &Store, blobs: &Blobs, writer: Writer, seed: u64, from: u64) {
    let mut dice = SeededDice::new(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for step in from..from + STEPS {
        let random_id = writer.me.0 * 1_000_000 + i64::try_from(step).expect("small") + 1;
        let peer = match dice.below(8) {
            0 | 1 => Peer::Chat(writer.chat),
            2 | 3 => Peer::Channel(writer.channel),
            7 => {
                upload(store, blobs, writer, random_id, &runtime, &mut dice);
                continue;
            }
            _ => Peer::User(writer.friend),
        };
        let out = Outgoing { text: text(&mut dice, random_id), ..Default::default() };
        let (sent, ticket) = act(store, writer.key, &mut dice, |cx| {
            messages::send(cx, writer.me, peer, Some(random_id), out.clone())
        });
        let (kind, id) = match peer {
            Peer::User(id) => ("user", id.0),
            Peer::Chat(id) => ("chat", id.0),
            Peer::Channel(id) => ("channel", id.0),
        };
        let ack = format!("ack sent {} {} {kind} {id} {random_id} {}\n", writer.me.0, writer.key.0, sent.id);
        say_when_durable(store, ticket, ack);
        if step % 5 == 4 {
            act(store, writer.key, &mut dice, |cx| match peer {
                Peer::Channel(channel) => model::channels::read(cx, writer.me, channel, 0).map(|_| ()),
                _ => messages::read(cx, writer.me, peer, 0).map(|_| ()),
            });
        }
        if step % 4 == 3 {
            // Two messages that nobody is told of, and their end.
            let ticket = gone(store, writer, random_id, &mut dice);
            store.wait_durable(ticket).expect("the disk works");
        }
    }
}

fn gone(store: &Store, writer: Writer, random_id: i64, dice: &mut SeededDice) -> Ticket {
    let out = Outgoing { text: "soon gone".to_owned(), ..Default::default() };
    let peer = Peer::User(writer.friend);
    let (id, _) = act(store, writer.key, dice, |cx| {
        messages::send(cx, writer.me, peer, Some(random_id + 500_000), out.clone()).map(|sent| sent.id)
    });
    act(store, writer.key, dice, |cx| messages::delete(cx, writer.me, &[id], true).map(|_| ())).1
}

/// Uploads a file of two parts, as the rim does: the row of the upload, then the bytes, then the row of the part. The whole
/// becomes a document that is sent.
fn upload(
    store: &Store,
    blobs: &Blobs,
    writer: Writer,
    file_id: i64,
    runtime: &tokio::runtime::Runtime,
    dice: &mut SeededDice,
) {
    let (prefix, ticket) = act(store, writer.key, dice, |cx| model::files::open_upload(cx, file_id));
    store.wait_durable(ticket).expect("the disk works");
    let size = 2_048;
    for number in 0..2 {
        let key = BlobKey::new(format!("{prefix}/{number}")).expect("a name");
        let bytes = Bytes::from(vec![u8::try_from(number).expect("small"); size]);
        runtime.block_on(blobs.put(&key, bytes)).expect("the disk works");
        let (size, part) = (i32::try_from(size).expect("small"), number);
        let ((), ticket) = act(store, writer.key, dice, |cx| model::files::put_part(cx, file_id, part, size));
        say_when_durable(store, ticket, format!("ack part {} {file_id} {part} {size}\n", writer.key.0));
    }
    let (document, ticket) = act(store, writer.key, dice, |cx| {
        let upload = model::files::whole_upload(cx, file_id, 2)?;
        let body = upload.body.clone().unwrap_or_default();
        let row = stored::Document { size: body.size, body, ..Default::default() };
        let id = model::files::add_document(cx, writer.me, file_id, upload, row)?;
        let media = Some(stored::MediaDocument { spoiler: false, document_id: id }.into());
        let out = Outgoing { media, ..Default::default() };
        messages::send(cx, writer.me, Peer::User(writer.friend), Some(file_id), out)?;
        Ok(id)
    });
    say_when_durable(store, ticket, format!("ack document {document}\n"));
}

/// The acknowledgements in what was said; of a last line that is torn nothing.
pub fn acknowledged(said: &[u8]) -> Vec<String> {
    let said = String::from_utf8_lossy(said);
    let lines = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.filter_map(|line| line.trim_end().strip_prefix("ack ")).map(str::to_owned).collect()
}

/// Opens what a disk holds: it must open, hold what was acknowledged, and be whole; and it must go on from there.
pub fn look(engine: EngineKind, data: &Path, acks: &[String]) -> Result<(), String> {
    let store = open(engine, data)?;
    clean(&store, data)?;
    let missing: Vec<&String> = acks.iter().filter(|ack| !is_there(&store, ack)).collect();
    if !missing.is_empty() {
        return Err(format!("{} of {} acknowledgements lost: {missing:?}", missing.len(), acks.len()));
    }
    // Whoever was there can write on.
    if acks.is_empty() {
        return Ok(());
    }
    let writer = known(&store)[0];
    let out = Outgoing { text: "after it".to_owned(), ..Default::default() };
    let (sent, ticket) = act(&store, writer.key, &mut SeededDice::new(1), |cx| {
        messages::send(cx, writer.me, Peer::User(writer.friend), Some(1), out.clone())
    });
    store.wait_durable(ticket).map_err(|fault| fault.to_string())?;
    store.close().map_err(|fault| fault.to_string())?;
    drop(store);
    let store = open(engine, data)?;
    let ack = format!("sent {} {} user {} 1 {}", writer.me.0, writer.key.0, writer.friend.0, sent.id);
    if !is_there(&store, &ack) {
        return Err("what was written afterwards is lost".to_owned());
    }
    clean(&store, data)
}

fn clean(store: &Store, data: &Path) -> Result<(), String> {
    let found = chappe::verify::store_and_blobs(store, &data.join("blobs")).map_err(|e| e.to_string())?;
    if found.report.is_clean() { Ok(()) } else { Err(found.to_string()) }
}

fn is_there(store: &Store, ack: &str) -> bool {
    let words: Vec<&str> = ack.split(' ').collect();
    let number = |n: usize| words[n].parse::<i64>().expect("a number");
    let small = |n: usize| words[n].parse::<i32>().expect("a number");
    let look = |tx: &mut Tx<'_>| {
        Ok::<bool, Fault>(match words[0] {
            "sent" => {
                let (me, random_id, id) = (UserId(number(1)), number(5), small(6));
                let message = match words[3] {
                    "channel" => tx.get(&POSTS, &(ChannelId(number(4)), id))?,
                    _ => tx.get(&BOXES, &(me, id))?,
                };
                let starts = format!("{random_id} ");
                message.is_some_and(|m| m.text.starts_with(&starts) || m.text == "after it")
            }
            "part" => {
                let row = tx.get(&PARTS, &(KeyId(number(1)), number(2), small(3)))?;
                row.is_some_and(|part| part.size == small(4))
            }
            "document" => tx.has(&DOCUMENTS, &model::ids::FileId(number(1)))?,
            other => panic!("an odd acknowledgement: {other}"),
        })
    };
    store.read(look).is_ok_and(|(there, _)| there)
}
