//! A small world in which all is well, and every way of spoiling it that the walk must notice.

use env::{SeededDice, Time};
use store::{Due, Fault, Name, Present, Store, Table, Tx};
use tl::stored;

use super::{Report, Rule, walk};
use crate::ctx::{Ctx, Effects};
use crate::error::{Done, Stop};
use crate::ids::{ChannelId, ChatId, FileId, Global, KeyId, Peer, UserId};
use crate::messages::Outgoing;
use crate::tables::*;
use crate::{channels, chats, contacts, files, invites, keys, messages, photos, users};

const KEY: KeyId = KeyId(7);
/// Nobody is logged in on this one.
const GUEST: KeyId = KeyId(8);
const NOW: u64 = 1_800_000_000;

/// Who and what there is.
struct World {
    store: Store,
    ann: UserId,
    bob: UserId,
    chat: ChatId,
    channel: ChannelId,
    photo: FileId,
    link: String,
}

fn text(text: &str) -> Outgoing {
    Outgoing { text: text.to_owned(), ..Default::default() }
}

fn with<R>(store: &Store, seed: u64, mut act: impl FnMut(&mut Ctx<'_, '_>) -> Done<R>) -> R {
    let run = |tx: &mut Tx<'_>| {
        let mut dice = SeededDice::new(seed);
        let effects = Effects::default();
        act(&mut Ctx { tx, now: Time::from_secs(NOW), dice: &mut dice, origin: KEY, effects })
    };
    let mut run = run;
    store.write::<_, Stop>(|tx| run(tx)).expect("a memory store writes").0
}

fn world() -> World {
    let store = Store::memory();
    let (ann, bob) = with(&store, 1, |cx| {
        let ann = users::create(cx, "4915100000001", "Ann", "")?;
        let bob = users::create(cx, "4915100000002", "Bob", "")?;
        keys::insert(cx, KEY, &[7; 192], 2)?;
        keys::log_in(cx, KEY, ann)?;
        keys::insert(cx, GUEST, &[8; 192], 2)?;
        users::set_username(cx, ann, "Ann_of_the_walk")?;
        contacts::add(cx, ann, bob, "Bob", "", "")?;
        Ok((ann, bob))
    });
    with(&store, 2, |cx| {
        for n in 1..=3 {
            messages::send(cx, ann, Peer::User(bob), Some(n), text("to Bob"))?;
        }
        messages::send(cx, bob, Peer::User(ann), Some(9), text("to Ann"))?;
        messages::read(cx, bob, Peer::User(ann), 2)?;
        messages::delete(cx, ann, &[2], true)?;
        Ok(())
    });
    let (chat, channel, link) = with(&store, 3, |cx| {
        let chat = chats::create(cx, ann, &[bob], "A group")?.chat;
        messages::send(cx, bob, Peer::Chat(chat), Some(11), text("to all"))?;
        let link = invites::export(cx, ann, Peer::Chat(chat), false)?;
        let (channel, _) = channels::create(cx, ann, "A channel", "", true)?;
        channels::set_username(cx, ann, channel, "walkers")?;
        channels::join(cx, bob, channel, None)?;
        messages::send(cx, bob, Peer::Channel(channel), Some(12), text("a post"))?;
        Ok((chat, channel, link))
    });
    let photo = with(&store, 4, |cx| {
        let prefix = files::open_upload(cx, 5)?;
        files::put_part(cx, 5, 0, 100)?;
        let body =
            stored::Body { prefix: files::size_prefix(&prefix, "x"), part_size: 90, parts: 1, size: 90 };
        let size = stored::PhotoSize { kind: "x".to_owned(), w: 1, h: 1, size: 90, body };
        let upload = files::whole_upload(cx, 5, 1)?;
        let made = files::Sizes { sizes: vec![size], stripped: Vec::new() };
        let photo = files::add_photo(cx, ann, 5, upload, made)?;
        photos::add(cx, ann, photo)?;
        let media = Some(stored::MediaPhoto { spoiler: false, photo_id: photo }.into());
        messages::send(cx, ann, Peer::User(bob), Some(13), Outgoing { media, ..Default::default() })?;
        Ok(FileId(photo))
    });
    World { store, ann, bob, chat, channel, photo, link }
}

fn change<K: store::Key, V: tl::Record>(
    tx: &mut Tx<'_>,
    table: &Table<K, V>,
    key: &K,
    change: impl FnOnce(&mut V),
) -> Result<(), Fault> {
    let mut row = tx.get(table, key)?.expect("a row to spoil");
    change(&mut row);
    tx.put(table, key, &row)
}

#[test]
fn a_world_that_nobody_spoiled_is_clean() {
    let world = world();
    let report = walk(&world.store).expect("a memory store reads");
    assert!(report.is_clean(), "{report}");
    assert!(report.rows > 60 && report.owners > 8, "{report}");
    let blobs: Vec<(&str, u64)> = report.wanted.blobs.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    let [(size, 90), (part, 100)] = blobs[..] else { panic!("{blobs:?}") };
    let upload = report.wanted.uploads.first().expect("an upload");
    assert_eq!((part, size), (format!("{upload}/0").as_str(), format!("{upload}-x/0").as_str()));
    assert!(!report.wanted.is_stray(part) && !report.wanted.is_stray(&format!("{upload}-t-m/0")));
    assert!(report.wanted.is_stray("0123456789abcdef0123456789abcdef/0"));
}

type Spoil = fn(&World, &mut Tx<'_>) -> Result<(), Fault>;

/// What is done to one row or two, and which rule must be found broken.
const SPOILED: &[(&str, Rule, Spoil)] = &[
    ("a record of another table", Rule::Row, |w, tx| {
        tx.put(&Table::<UserId, stored::Tally>::new(b'h'), &w.ann, &stored::Tally { since: 1, count: 1 })
    }),
    ("a key of another shape", Rule::Row, |w, tx| {
        tx.put(&Table::<(UserId, u8), stored::Date>::new(b'h'), &(w.ann, 1), &stored::Date { date: 1 })
    }),
    ("a row of no table", Rule::Row, |w, tx| tx.put(&Table::<UserId, Present>::new(b'?'), &w.ann, &Present)),
    ("a log with a hole", Rule::Log, |w, tx| {
        for (key, mut page) in tx.scan(&LOGS, LOGS.of(w.ann), store::Order::Forward, 9)? {
            page.entries.retain(|entry| entry.pts != 3);
            tx.put(&LOGS, &key, &page)?;
        }
        Ok(())
    }),
    ("a head without its changes", Rule::Log, |w, tx| change(tx, &HEADS, &w.ann, |head| head.tail.clear())),
    ("a log without a page", Rule::Log, |w, tx| {
        let key = tx.keys(&LOGS, LOGS.of(w.ann), store::Order::Backward, 1)?.pop().expect("a page");
        tx.delete(&LOGS, &key)
    }),
    ("a log page in another place", Rule::Log, |w, tx| {
        let rows = tx.scan(&LOGS, LOGS.of(w.ann), store::Order::Forward, 1)?;
        let (key, page) = rows.into_iter().next().expect("a page");
        tx.delete(&LOGS, &key)?;
        tx.put(&LOGS, &(key.0, key.1, key.2 + 1), &page)
    }),
    ("a head that knows no page", Rule::Log, |w, tx| change(tx, &HEADS, &w.ann, |head| head.paged_pts = 0)),
    ("a log that ends early", Rule::Log, |w, tx| change(tx, &HEADS, &w.ann, |head| head.pts += 1)),
    ("a log that goes on", Rule::Log, |w, tx| change(tx, &HEADS, &w.ann, |head| head.pts -= 1)),
    ("a wrong count in a log", Rule::Log, |w, tx| {
        change(tx, &HEADS, &w.bob, |head| head.tail.iter_mut().for_each(|entry| entry.logged.pts_count += 1))
    }),
    ("an aside to nothing", Rule::Log, |w, tx| {
        let page = tx.scan(&LOGS, LOGS.of(w.ann), store::Order::Forward, 1)?.pop().expect("a page").1;
        let aside = page.entries.into_iter().find(|entry| entry.aside == 1).expect("an aside");
        change(tx, &HEADS, &w.ann, |head| head.tail.push(stored::LogEntry { pts: 99, ..aside }))
    }),
    ("a log without a head", Rule::Log, |w, tx| tx.delete(&HEADS, &w.bob)),
    ("a channel's log with a hole", Rule::Log, |w, tx| tx.delete(&CHANNEL_LOGS, &(w.channel, 2))),
    ("a channel's head that ran ahead", Rule::Log, |w, tx| {
        change(tx, &CHANNEL_HEADS, &w.channel, |head| head.pts += 1)
    }),
    ("a message without its history", Rule::Box, |w, tx| {
        change(tx, &DIALOGS, &(w.ann, Peer::User(w.bob)), |d| d.ids &= !(1 << 1))
    }),
    ("a history that knows more", Rule::Box, |w, tx| {
        change(tx, &DIALOGS, &(w.ann, Peer::User(w.bob)), |d| d.ids |= 1 << 60)
    }),
    ("a history beyond the newest", Rule::Box, |w, tx| {
        tx.put(&HISTORY, &(w.ann, Peer::User(w.bob), 7), &stored::IdBlock { ids: 0 })
    }),
    ("a history without its message", Rule::Box, |w, tx| tx.delete(&BOXES, &(w.ann, 1))),
    ("a message of another conversation", Rule::Box, |w, tx| {
        change(tx, &BOXES, &(w.ann, 1), |m| m.peer = Peer::Chat(w.chat).into())
    }),
    ("a message under another id", Rule::Box, |w, tx| change(tx, &BOXES, &(w.ann, 1), |m| m.id = 3)),
    ("a message beyond the counter", Rule::Box, |w, tx| change(tx, &HEADS, &w.ann, |h| h.next_msg_id = 2)),
    ("a twin that knows nothing of it", Rule::Box, |w, tx| {
        change(tx, &BOXES, &(w.bob, 1), |m| m.twin = Some(3))
    }),
    ("a copy that is not found", Rule::Box, |w, tx| {
        let key = tx.keys(&COPIES, COPIES.of(w.ann), store::Order::Forward, 1)?.pop().expect("a copy");
        tx.delete(&COPIES, &key)
    }),
    ("a copy of nothing", Rule::Box, |w, tx| {
        tx.put(&COPIES, &(w.ann, w.bob, 999), &stored::Counter { next: 1 })
    }),
    ("a post in another place", Rule::Box, |w, tx| {
        change(tx, &POSTS, &(w.channel, 1), |m| m.peer = Peer::User(w.ann).into())
    }),
    ("a wrong count of messages", Rule::Dialog, |w, tx| {
        change(tx, &DIALOGS, &(w.ann, Peer::User(w.bob)), |d| d.messages += 1)
    }),
    ("a wrong count of the unread", Rule::Dialog, |w, tx| {
        change(tx, &DIALOGS, &(w.bob, Peer::User(w.ann)), |d| d.unread_count += 1)
    }),
    ("something older on top", Rule::Dialog, |w, tx| {
        change(tx, &DIALOGS, &(w.bob, Peer::User(w.ann)), |d| d.top_message -= 1)
    }),
    ("messages without a conversation", Rule::Dialog, |w, tx| {
        tx.delete(&DIALOGS, &(w.ann, Peer::User(w.bob)))
    }),
    ("read beyond the end", Rule::Dialog, |w, tx| {
        change(tx, &DIALOGS, &(w.ann, Peer::User(w.bob)), |d| d.read_outbox_max = 999)
    }),
    ("a channel that lost a post", Rule::Dialog, |w, tx| tx.delete(&POSTS, &(w.channel, 1))),
    ("a channel with something older on top", Rule::Dialog, |w, tx| {
        change(tx, &CHANNEL_HEADS, &w.channel, |head| head.top_message -= 1)
    }),
    ("a random_id of nothing", Rule::Sent, |w, tx| {
        let sent = stored::Sent { msg_id: 999, pts: 2, date: 0 };
        tx.put(&SENT, &(w.ann, 2_976, KEY, Peer::User(w.bob), 77), &sent)
    }),
    ("a random_id of another conversation", Rule::Sent, |w, tx| {
        let sent = stored::Sent { msg_id: 1, pts: 2, date: 0 };
        tx.put(&SENT, &(w.ann, 2_976, KEY, Peer::Chat(w.chat), 77), &sent)
    }),
    ("two random_ids of one message", Rule::Sent, |w, tx| {
        let sent = stored::Sent { msg_id: 1, pts: 2, date: 0 };
        tx.put(&SENT, &(w.ann, 2_976, KEY, Peer::User(w.bob), 77), &sent)
    }),
    ("a random_id of somebody else's post", Rule::Sent, |w, tx| {
        let sent = stored::Sent { msg_id: 1, pts: 2, date: 0 };
        tx.put(&SENT, &(w.bob, 2_976, KEY, Peer::Channel(w.channel), 77), &sent)
    }),
    ("a login without a key", Rule::Login, |_, tx| tx.delete(&KEYS, &KEY)),
    ("a key without a login", Rule::Login, |w, tx| tx.delete(&LOGINS, &(w.ann, KEY))),
    ("a key of somebody else", Rule::Login, |w, tx| {
        change(tx, &KEYS, &KEY, |key| key.user_id = Some(w.bob.0))
    }),
    ("half a key", Rule::Login, |_, tx| change(tx, &KEYS, &KEY, |key| key.key.truncate(96))),
    ("a guest's key that is not listed", Rule::Guest, |_, tx| {
        tx.delete(&GUESTS, &(Global, i32::try_from(NOW).expect("before 2038"), GUEST))
    }),
    ("a guest's key that is gone", Rule::Guest, |_, tx| tx.delete(&KEYS, &GUEST)),
    ("a guest's key that was used since", Rule::Guest, |_, tx| {
        change(tx, &KEYS, &GUEST, |key| key.last_active += 1)
    }),
    ("somebody's key among the guests'", Rule::Guest, |_, tx| tx.put(&GUESTS, &(Global, 1, KEY), &Present)),
    ("a wrong count of guests", Rule::Guest, |_, tx| change(tx, &GUEST_COUNT, &Global, |row| row.next += 1)),
    ("a phone number that leads nowhere", Rule::Name, |_, tx| {
        tx.put(&PHONES, &(Name::of("12345"), "12345".to_owned()), &stored::Id { id: 999 })
    }),
    ("a person whom their number does not find", Rule::Name, |_, tx| {
        tx.delete(&PHONES, &(Name::of("4915100000001"), "4915100000001".to_owned()))
    }),
    ("a username that leads nowhere", Rule::Name, |w, tx| {
        change(tx, &USERS, &w.ann, |user| user.username = None)
    }),
    ("a person whom their username does not find", Rule::Name, |_, tx| {
        tx.delete(&USERNAMES, &(Name::of("ann_of_the_walk"), "ann_of_the_walk".to_owned()))
    }),
    ("a username that nobody finds by its start", Rule::Name, |_, tx| {
        tx.delete(&USERNAME_STARTS, &users::start_key("walkers"))
    }),
    ("a name under another hash", Rule::Name, |w, tx| {
        tx.put(&PHONES, &(Name::of("no"), "4915100000001".to_owned()), &stored::Id { id: w.ann.0 })
    }),
    ("a link that nobody has", Rule::Name, |w, tx| {
        change(tx, &CHATS, &w.chat, |chat| chat.members.iter_mut().for_each(|m| m.invite = None))
    }),
    ("a link that was ended", Rule::Name, |w, tx| {
        change(tx, &INVITES, &(Name::of(&w.link), w.link.clone()), |link| link.revoked = true)
    }),
    ("a contact who does not know", Rule::Contact, |w, tx| tx.delete(&KNOWN_BY, &(w.bob, w.ann))),
    ("known by a stranger", Rule::Contact, |w, tx| tx.delete(&CONTACTS, &(w.ann, w.bob))),
    ("a member without the conversation", Rule::Group, |w, tx| {
        tx.delete(&DIALOGS, &(w.bob, Peer::Channel(w.channel)))
    }),
    ("a conversation without a place", Rule::Group, |w, tx| tx.delete(&MEMBERS, &(w.channel, w.bob))),
    ("a wrong count of members", Rule::Group, |w, tx| {
        change(tx, &CHANNEL_HEADS, &w.channel, |head| head.members += 1)
    }),
    ("an owner who does not stand apart", Rule::Group, |w, tx| tx.delete(&STANDING, &(w.channel, w.ann))),
    ("a group that is over and goes on", Rule::Group, |w, tx| {
        change(tx, &CHATS, &w.chat, |chat| chat.deactivated = true)
    }),
    ("a nobody in a group", Rule::Group, |w, tx| {
        change(tx, &CHATS, &w.chat, |chat| chat.members.iter_mut().for_each(|m| m.user_id += 100))
    }),
    ("a file counted too often", Rule::File, |w, tx| change(tx, &USES, &w.photo, |uses| uses.next += 1)),
    ("a file that nothing shows", Rule::File, |_, tx| {
        tx.put(&USES, &FileId(1), &stored::Counter { next: 1 })
    }),
    ("a shown file that is gone", Rule::File, |w, tx| tx.delete(&PHOTOS, &w.photo)),
    ("parts that do not add up", Rule::File, |w, tx| {
        change(tx, &PHOTOS, &w.photo, |photo| photo.sizes.iter_mut().for_each(|size| size.body.parts = 0))
    }),
    ("a part of no upload", Rule::File, |_, tx| tx.delete(&UPLOADS, &(KEY, 5))),
    ("a profile without its photo", Rule::File, |w, tx| tx.delete(&PROFILE_PHOTOS, &(w.ann, w.photo))),
    ("a job that nobody finds", Rule::Job, |_, tx| {
        let work = stored::WorkForgetCode { phone: "12345".to_owned() }.into();
        let job = stored::Job { attempts: 0, created: 1, due: 1_800_000_000, work };
        tx.put(&JOBS, &(Due::at(1, 5), 5), &job)
    }),
    ("rows of nobody", Rule::Id, |w, tx| tx.delete(&USERS, &w.bob)),
    ("an id that would be dealt again", Rule::Id, |w, tx| {
        tx.put(&NEXT_IDS, &(Global, b'u'), &stored::Counter { next: w.ann.0 })
    }),
];

fn spoiled(spoil: Spoil) -> Report {
    let world = world();
    world.store.write(|tx| spoil(&world, tx)).expect("a memory store writes");
    walk(&world.store).expect("a memory store reads")
}

#[test]
fn whatever_is_spoiled_is_found() {
    for (what, rule, spoil) in SPOILED {
        let report = spoiled(*spoil);
        let found = report.violations.iter().any(|violation| violation.rule == *rule);
        assert!(found, "{what}: no {rule} in\n{report}");
        assert_eq!(report.violated, report.violations.len() as u64, "{what}");
    }
}

#[test]
fn every_rule_of_the_rows_is_among_the_spoiled() {
    use Rule::{Box, Contact, Dialog, File, Group, Guest, Id, Job, Log, Login, Name, Row, Sent};
    for rule in [Row, Log, Box, Dialog, Sent, Login, Guest, Name, Contact, Group, File, Job, Id] {
        assert!(SPOILED.iter().any(|(_, spoiled, _)| *spoiled == rule), "{rule}");
    }
}

#[test]
fn a_violation_names_its_rule_its_place_and_what_is_wrong() {
    let report = spoiled(|w, tx| change(tx, &DIALOGS, &(w.ann, Peer::User(w.bob)), |d| d.ids &= !(1 << 1)));
    let text = report.to_string();
    let place = "box: (\"message\", UserId(1000001), 1): is not in the history of User(UserId(1000002))";
    assert!(text.contains(place) && text.ends_with(" violations"), "{text}");
}

#[test]
fn more_violations_than_are_told_are_counted() {
    let mut report = Report::default();
    for n in 0..1_500 {
        report.add(Rule::Row, n, "x");
    }
    assert_eq!((report.violations.len(), report.violated), (1_000, 1_500));
    assert!(report.to_string().contains("and 500 more"));
}
