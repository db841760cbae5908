//! The language beside others: encode and decode, in time and in bytes, of equal content.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench tl
//! ```
//!
//! `hand` is the floor: code written for exactly these constructors, which writes into a buffer that is there already and, when
//! it reads, looks at everything and keeps nothing. All others give values that own their strings. Dropping them is part of
//! the figures. `tl` is ours; `grammers` the types of the Rust client library, of one layer; the rest are other languages, with
//! structs that have just the fields that are used here.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use serde::{Deserialize, Serialize};
use tl::{Layer, Writer, enums, types};

/// The server's allocator, for everybody.
#[global_allocator]
static ALLOCATOR: heap::Heap = heap::Heap;

const LAYERS: [Layer; 2] = [Layer(158), Layer(230)];
/// The layer that the peers and the hand-written code speak.
const LAYER: Layer = Layer(230);

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(50)
        .configure_from_args();
    let message = plain_message(1);
    let updates = Updates {
        updates: (1..=10)
            .map(|n| NewMessage { message: Some(plain_message(n)), pts: n, pts_count: 1 })
            .collect(),
        users: (1..=10).map(plain_user).collect(),
        date: DATE,
        seq: 0,
    };
    let dialogs = Dialogs {
        dialogs: (1..=100).map(plain_dialog).collect(),
        messages: (1..=100).map(plain_message).collect(),
        users: (1..=100).map(plain_user).collect(),
    };
    content::<_, enums::Message, grammers_tl_types::enums::Message>(
        &mut criterion,
        "message",
        &message,
        &enums::Message::from(&message),
        hand::write_message,
        hand::message,
    );
    content::<_, enums::Updates, grammers_tl_types::enums::Updates>(
        &mut criterion,
        "updates of 10 and 10",
        &updates,
        &enums::Updates::from(&updates),
        hand::write_updates,
        hand::updates,
    );
    content::<_, enums::messages::Dialogs, grammers_tl_types::enums::messages::Dialogs>(
        &mut criterion,
        "dialogs of 100",
        &dialogs,
        &enums::messages::Dialogs::from(&dialogs),
        hand::write_dialogs,
        hand::dialogs,
    );
    criterion.final_summary();
}

/// Everything about one content.
fn content<P, T, G>(
    criterion: &mut Criterion,
    name: &str,
    plain: &P,
    value: &T,
    write: fn(&P, &mut Vec<u8>),
    walk: fn(&mut hand::Walk<'_>) -> Option<u64>,
) where
    P: prost::Message + Default + Serialize + for<'a> Deserialize<'a> + PartialEq,
    T: tl::Encode + tl::Decode + PartialEq + std::fmt::Debug,
    G: grammers_tl_types::Serializable + grammers_tl_types::Deserializable,
{
    // They must say the same before it is of interest how fast.
    let bytes = tl::write(value, LAYER);
    let mut written = Vec::new();
    write(plain, &mut written);
    assert_eq!(written, bytes, "the hand writes something else");
    assert!(walk(&mut hand::Walk::new(&bytes)).is_some(), "the hand reads something else");
    assert_eq!(&tl::read::<T>(&bytes).expect("written by us"), value);
    let grammers = G::from_bytes(&bytes).unwrap_or_else(|e| panic!("grammers does not read it: {e:?}"));
    assert_eq!(grammers.to_bytes(), bytes, "grammers writes something else");
    let protobuf = plain.encode_to_vec();
    let bincode = bincode::serialize(plain).expect("bincode writes");
    let json = serde_json::to_vec(plain).expect("JSON");
    assert!(P::decode(&*protobuf).is_ok_and(|read| read == *plain));
    println!(
        "{name}, bytes: tl 230 {}, tl 158 {}, prost {}, bincode {}, json {}",
        bytes.len(),
        tl::write(value, LAYERS[0]).len(),
        protobuf.len(),
        bincode.len(),
        json.len()
    );

    let mut group = criterion.benchmark_group(format!("encode {name}"));
    let mut out = Vec::with_capacity(64 * 1024);
    group.bench_function("hand", |b| {
        b.iter(|| {
            out.clear();
            write(black_box(plain), &mut out);
            out.len()
        });
    });
    for layer in LAYERS {
        let mut writer = Writer::new(layer);
        group.bench_function(BenchmarkId::new("tl, same buffer", layer.0), |b| {
            b.iter(|| {
                writer.out.clear();
                black_box(value).encode(&mut writer);
                writer.out.len()
            });
        });
        group.bench_function(BenchmarkId::new("tl", layer.0), |b| {
            b.iter(|| tl::write(black_box(value), layer))
        });
    }
    group.bench_function("grammers, same buffer", |b| {
        b.iter(|| {
            out.clear();
            black_box(&grammers).serialize(&mut out);
            out.len()
        });
    });
    group.bench_function("prost", |b| b.iter(|| black_box(plain).encode_to_vec()));
    group.bench_function("bincode", |b| {
        b.iter(|| bincode::serialize(black_box(plain)).expect("bincode writes"))
    });
    group.bench_function("serde_json", |b| b.iter(|| serde_json::to_vec(black_box(plain)).expect("JSON")));
    group.finish();

    let mut group = criterion.benchmark_group(format!("decode {name}"));
    group.bench_function("hand", |b| b.iter(|| walk(&mut hand::Walk::new(black_box(&bytes)))));
    for layer in LAYERS {
        let bytes = tl::write(value, layer);
        group.bench_function(BenchmarkId::new("tl", layer.0), |b| {
            b.iter(|| tl::read::<T>(black_box(&bytes)).expect("written by us"));
        });
    }
    group.bench_function("grammers", |b| {
        b.iter(|| G::from_bytes(black_box(&bytes)).map_err(|_| ()).expect("read"))
    });
    group.bench_function("prost", |b| b.iter(|| P::decode(black_box(&*protobuf)).expect("read")));
    group.bench_function("bincode", |b| {
        b.iter(|| bincode::deserialize::<P>(black_box(&bincode)).expect("read"));
    });
    group.bench_function("serde_json", |b| {
        b.iter(|| serde_json::from_slice::<P>(black_box(&json)).expect("read"));
    });
    group.finish();
}

const DATE: i32 = 1_800_000_000;
const TEXT: &str = "The telegraph moves its arms: a message of a hundred and twenty bytes travels from one hill to the \
    next before noon.";

/// A private message.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
struct Message {
    #[prost(bool, tag = "1")]
    out: bool,
    #[prost(int32, tag = "2")]
    id: i32,
    #[prost(int64, tag = "3")]
    from: i64,
    #[prost(int64, tag = "4")]
    peer: i64,
    #[prost(int32, tag = "5")]
    date: i32,
    #[prost(string, tag = "6")]
    text: String,
    #[prost(int32, optional, tag = "7")]
    reply_to: Option<i32>,
}

/// `updateNewMessage`.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
struct NewMessage {
    #[prost(message, optional, tag = "1")]
    message: Option<Message>,
    #[prost(int32, tag = "2")]
    pts: i32,
    #[prost(int32, tag = "3")]
    pts_count: i32,
}

/// A person.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
struct User {
    #[prost(bool, tag = "1")]
    contact: bool,
    #[prost(int64, tag = "2")]
    id: i64,
    #[prost(int64, tag = "3")]
    access_hash: i64,
    #[prost(string, tag = "4")]
    first_name: String,
    #[prost(string, tag = "5")]
    last_name: String,
    #[prost(string, optional, tag = "6")]
    username: Option<String>,
    #[prost(int32, tag = "7")]
    online_until: i32,
}

/// `updates`.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
struct Updates {
    #[prost(message, repeated, tag = "1")]
    updates: Vec<NewMessage>,
    #[prost(message, repeated, tag = "2")]
    users: Vec<User>,
    #[prost(int32, tag = "3")]
    date: i32,
    #[prost(int32, tag = "4")]
    seq: i32,
}

/// `dialog`.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
struct Dialog {
    #[prost(int64, tag = "1")]
    peer: i64,
    #[prost(int32, tag = "2")]
    top_message: i32,
    #[prost(int32, tag = "3")]
    read_inbox_max: i32,
    #[prost(int32, tag = "4")]
    read_outbox_max: i32,
    #[prost(int32, tag = "5")]
    unread: i32,
}

/// `messages.dialogs`.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
struct Dialogs {
    #[prost(message, repeated, tag = "1")]
    dialogs: Vec<Dialog>,
    #[prost(message, repeated, tag = "2")]
    messages: Vec<Message>,
    #[prost(message, repeated, tag = "3")]
    users: Vec<User>,
}

fn plain_message(n: i32) -> Message {
    Message {
        out: n % 2 == 0,
        id: 1000 + n,
        from: 777_000 + i64::from(n),
        peer: 888_000 + i64::from(n),
        date: DATE + n,
        text: TEXT.to_owned(),
        reply_to: (n % 4 == 1).then_some(900 + n),
    }
}

fn plain_user(n: i32) -> User {
    User {
        contact: n % 2 == 0,
        id: 777_000 + i64::from(n),
        access_hash: i64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()),
        first_name: format!("Claude {n}"),
        last_name: "Chappe".to_owned(),
        username: (n % 2 == 0).then(|| format!("semaphore_{n}")),
        online_until: DATE + 300,
    }
}

fn plain_dialog(n: i32) -> Dialog {
    let top_message = 1000 + n;
    Dialog {
        peer: 777_000 + i64::from(n),
        top_message,
        read_inbox_max: top_message - 1,
        read_outbox_max: top_message,
        unread: n % 3,
    }
}

impl From<&Message> for enums::Message {
    fn from(m: &Message) -> Self {
        let reply = |id| types::MessageReplyHeader { reply_to_msg_id: Some(id), ..Default::default() }.into();
        types::Message {
            out: m.out,
            id: m.id,
            from_id: Some(types::PeerUser { user_id: m.from }.into()),
            peer_id: types::PeerUser { user_id: m.peer }.into(),
            reply_to: m.reply_to.map(reply),
            date: m.date,
            message: m.text.clone(),
            ..Default::default()
        }
        .into()
    }
}

impl From<&User> for enums::User {
    fn from(u: &User) -> Self {
        types::User {
            contact: u.contact,
            id: u.id,
            access_hash: Some(u.access_hash),
            first_name: Some(u.first_name.clone()),
            last_name: Some(u.last_name.clone()),
            username: u.username.clone(),
            status: Some(types::UserStatusOnline { expires: u.online_until }.into()),
            ..Default::default()
        }
        .into()
    }
}

impl From<&Updates> for enums::Updates {
    fn from(u: &Updates) -> Self {
        let update = |new: &NewMessage| {
            let message = new.message.as_ref().map(Into::into).unwrap_or_default();
            types::UpdateNewMessage { message, pts: new.pts, pts_count: new.pts_count }.into()
        };
        types::Updates {
            updates: u.updates.iter().map(update).collect(),
            users: u.users.iter().map(Into::into).collect(),
            chats: Vec::new(),
            date: u.date,
            seq: u.seq,
        }
        .into()
    }
}

impl From<&Dialogs> for enums::messages::Dialogs {
    fn from(d: &Dialogs) -> Self {
        let dialog = |d: &Dialog| {
            types::Dialog {
                peer: types::PeerUser { user_id: d.peer }.into(),
                top_message: d.top_message,
                read_inbox_max_id: d.read_inbox_max,
                read_outbox_max_id: d.read_outbox_max,
                unread_count: d.unread,
                ..Default::default()
            }
            .into()
        };
        types::messages::Dialogs {
            dialogs: d.dialogs.iter().map(dialog).collect(),
            messages: d.messages.iter().map(Into::into).collect(),
            chats: Vec::new(),
            users: d.users.iter().map(Into::into).collect(),
        }
        .into()
    }
}

/// The floor: layer 230, these constructors, these flags, and nothing else.
mod hand {
    use super::{Dialog, Dialogs, Message, NewMessage, Updates, User};
    use tl::{VECTOR, types};

    /// `messageReplyHeader` as layer 230 says it.
    const REPLY_HEADER: u32 = 0x1b97_dd66;

    fn int(out: &mut Vec<u8>, value: i32) {
        out.extend_from_slice(&value.to_le_bytes());
    }

    fn id(out: &mut Vec<u8>, value: u32) {
        out.extend_from_slice(&value.to_le_bytes());
    }

    fn long(out: &mut Vec<u8>, value: i64) {
        out.extend_from_slice(&value.to_le_bytes());
    }

    fn string(out: &mut Vec<u8>, value: &str) {
        assert!(value.len() < 254, "no such string here");
        out.push(value.len() as u8);
        out.extend_from_slice(value.as_bytes());
        while out.len() % 4 != 0 {
            out.push(0);
        }
    }

    fn vector<T>(out: &mut Vec<u8>, all: &[T], each: impl Fn(&T, &mut Vec<u8>)) {
        id(out, VECTOR);
        int(out, all.len() as i32);
        all.iter().for_each(|one| each(one, out));
    }

    pub fn write_message(m: &Message, out: &mut Vec<u8>) {
        id(out, types::Message::ID);
        id(out, u32::from(m.out) << 1 | 1 << 8 | u32::from(m.reply_to.is_some()) << 3);
        id(out, 0);
        int(out, m.id);
        id(out, types::PeerUser::ID);
        long(out, m.from);
        id(out, types::PeerUser::ID);
        long(out, m.peer);
        if let Some(reply) = m.reply_to {
            id(out, REPLY_HEADER);
            id(out, 1 << 4);
            int(out, reply);
        }
        int(out, m.date);
        string(out, &m.text);
    }

    fn write_user(u: &User, out: &mut Vec<u8>) {
        id(out, types::User::ID);
        let username = u32::from(u.username.is_some());
        id(out, 1 | 1 << 1 | 1 << 2 | username << 3 | 1 << 6 | u32::from(u.contact) << 11);
        id(out, 0);
        long(out, u.id);
        long(out, u.access_hash);
        string(out, &u.first_name);
        string(out, &u.last_name);
        if let Some(username) = &u.username {
            string(out, username);
        }
        id(out, types::UserStatusOnline::ID);
        int(out, u.online_until);
    }

    pub fn write_updates(u: &Updates, out: &mut Vec<u8>) {
        id(out, types::Updates::ID);
        vector(out, &u.updates, |new: &NewMessage, out| {
            id(out, types::UpdateNewMessage::ID);
            if let Some(message) = &new.message {
                write_message(message, out);
            }
            int(out, new.pts);
            int(out, new.pts_count);
        });
        vector(out, &u.users, write_user);
        vector(out, &[], write_user);
        int(out, u.date);
        int(out, u.seq);
    }

    pub fn write_dialogs(d: &Dialogs, out: &mut Vec<u8>) {
        id(out, types::messages::Dialogs::ID);
        vector(out, &d.dialogs, |d: &Dialog, out| {
            id(out, types::Dialog::ID);
            id(out, 0);
            id(out, types::PeerUser::ID);
            long(out, d.peer);
            int(out, d.top_message);
            int(out, d.read_inbox_max);
            int(out, d.read_outbox_max);
            int(out, d.unread);
            for _ in 0..UNREAD_ZEROS {
                int(out, 0);
            }
            id(out, types::PeerNotifySettings::ID);
            id(out, 0);
        });
        vector(out, &d.messages, write_message);
        vector(out, &[], write_user);
        vector(out, &d.users, write_user);
    }

    /// Counters of a dialog that are zero here: mentions, reactions, and what later layers count.
    const UNREAD_ZEROS: usize = 3;

    /// Where a reader is; it keeps a sum of all that it has seen, so that nothing is skipped unseen.
    pub struct Walk<'a> {
        rest: &'a [u8],
        sum: u64,
    }

    impl<'a> Walk<'a> {
        pub fn new(rest: &'a [u8]) -> Self {
            Self { rest, sum: 0 }
        }

        fn word(&mut self) -> Option<u32> {
            let (head, rest) = self.rest.split_first_chunk()?;
            self.rest = rest;
            Some(u32::from_le_bytes(*head))
        }

        fn is(&mut self, id: u32) -> Option<()> {
            (self.word()? == id).then_some(())
        }

        fn int(&mut self) -> Option<()> {
            self.sum = self.sum.wrapping_add(u64::from(self.word()?));
            Some(())
        }

        fn long(&mut self) -> Option<()> {
            let (head, rest) = self.rest.split_first_chunk()?;
            self.rest = rest;
            self.sum = self.sum.wrapping_add(u64::from_le_bytes(*head));
            Some(())
        }

        fn string(&mut self) -> Option<()> {
            let len = usize::from(*self.rest.first()?);
            let text = std::str::from_utf8(self.rest.get(1..=len)?).ok()?;
            self.sum = self.sum.wrapping_add(text.len() as u64);
            self.rest = self.rest.get((1 + len).next_multiple_of(4)..)?;
            Some(())
        }

        fn vector(&mut self, each: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
            self.is(VECTOR)?;
            for _ in 0..self.word()? {
                each(self)?;
            }
            Some(())
        }

        fn peer(&mut self) -> Option<()> {
            self.is(types::PeerUser::ID)?;
            self.long()
        }

        fn message(&mut self) -> Option<()> {
            self.is(types::Message::ID)?;
            let flags = self.word()?;
            if flags & !(1 << 1 | 1 << 3) != 1 << 8 || self.word()? != 0 {
                return None;
            }
            self.int()?;
            self.peer()?;
            self.peer()?;
            if flags & 1 << 3 != 0 {
                self.is(REPLY_HEADER)?;
                self.is(1 << 4)?;
                self.int()?;
            }
            self.int()?;
            self.string()
        }

        fn user(&mut self) -> Option<()> {
            self.is(types::User::ID)?;
            let flags = self.word()?;
            if flags & !(1 << 3 | 1 << 11) != 0b100_0111 || self.word()? != 0 {
                return None;
            }
            self.long()?;
            self.long()?;
            self.string()?;
            self.string()?;
            if flags & 1 << 3 != 0 {
                self.string()?;
            }
            self.is(types::UserStatusOnline::ID)?;
            self.int()
        }

        fn end(&self) -> Option<u64> {
            self.rest.is_empty().then_some(self.sum)
        }
    }

    pub fn message(walk: &mut Walk<'_>) -> Option<u64> {
        walk.message()?;
        walk.end()
    }

    pub fn updates(walk: &mut Walk<'_>) -> Option<u64> {
        walk.is(types::Updates::ID)?;
        walk.vector(|walk| {
            walk.is(types::UpdateNewMessage::ID)?;
            walk.message()?;
            walk.int()?;
            walk.int()
        })?;
        walk.vector(Walk::user)?;
        walk.vector(Walk::user)?;
        walk.int()?;
        walk.int()?;
        walk.end()
    }

    pub fn dialogs(walk: &mut Walk<'_>) -> Option<u64> {
        walk.is(types::messages::Dialogs::ID)?;
        walk.vector(|walk| {
            walk.is(types::Dialog::ID)?;
            walk.is(0)?;
            walk.peer()?;
            for _ in 0..4 + UNREAD_ZEROS {
                walk.int()?;
            }
            walk.is(types::PeerNotifySettings::ID)?;
            walk.is(0)
        })?;
        walk.vector(Walk::message)?;
        walk.vector(Walk::user)?;
        walk.vector(Walk::user)?;
        walk.end()
    }
}
