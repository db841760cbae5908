//! One suite for every engine. What holds here, `model` may rely on, whatever engine is chosen.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use env::{Dice, SeededDice};
use tempfile::TempDir;

use crate::engine::{Engine, FjallEngine, MemoryEngine, Mode, RawKey, SledEngine};
use crate::limits::{KEY_BYTES_MAX, SCAN_ROWS_MAX, TX_ROWS_MAX, VALUE_BYTES_MAX};
use crate::testing::{NOTES, Note, NoteId, Person, TAGS, WORDS, note};
use crate::{EngineKind, Fault, Order, Present, Store, Ticket, Tx};

const ME: Person = Person(7);
const YOU: Person = Person(8);
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// Somewhere a store can be opened, closed and opened again.
struct Place {
    kind: EngineKind,
    dir: TempDir,
}

impl Place {
    fn new(kind: EngineKind) -> Self {
        Self { kind, dir: tempfile::tempdir().expect("a temporary directory") }
    }

    fn engine(&self) -> Arc<dyn Engine> {
        let dir: PathBuf = self.dir.path().join("store");
        match self.kind {
            EngineKind::Memory => Arc::new(MemoryEngine::new(None)),
            EngineKind::Sled => Arc::new(SledEngine::open(&dir, CACHE_BYTES).expect("sled opens")),
            EngineKind::Fjall => Arc::new(FjallEngine::open(&dir, CACHE_BYTES).expect("fjall opens")),
        }
    }

    fn store(&self) -> Store {
        Store::over(self.engine()).expect("the committer starts")
    }
}

macro_rules! suite {
    ($($test:ident),+ $(,)?) => {
        suite!(@engine memory Memory $($test),+);
        suite!(@engine sled Sled $($test),+);
        suite!(@engine fjall Fjall $($test),+);
    };
    (@engine $module:ident $kind:ident $($test:ident),+) => {
        mod $module {
            $(#[test]
            fn $test() {
                super::$test(&super::Place::new(crate::EngineKind::$kind));
            })+
        }
    };
}

suite! {
    a_transaction_reads_what_it_wrote,
    a_look_waits_for_the_commits_that_it_can_tell_of,
    a_scan_sees_the_overlay,
    ranges_are_narrowed_by_typed_keys,
    an_error_or_a_panic_rolls_everything_back,
    nobody_sees_half_a_batch,
    writers_do_not_lose_each_others_updates,
    what_is_too_large_is_refused,
    callbacks_come_in_the_order_of_commits,
    a_corrupt_value_is_noticed,
    ten_thousand_random_steps_agree_with_a_map,
    a_closed_store_refuses,
    values_up_to_the_limit_survive,
}

fn a_transaction_reads_what_it_wrote(place: &Place) {
    let store = place.store();
    put(&store, ME, 1, "old");
    put(&store, ME, 2, "other");
    write(&store, |tx| {
        assert!(tx.is_write());
        tx.put(&NOTES, &(ME, NoteId(1)), &note("new"))?;
        tx.put(&NOTES, &(ME, NoteId(3)), &note("third"))?;
        tx.delete(&NOTES, &(ME, NoteId(2)))?;
        assert_eq!(tx.get(&NOTES, &(ME, NoteId(1)))?, Some(note("new")));
        assert_eq!(tx.get(&NOTES, &(ME, NoteId(2)))?, None);
        assert!(!tx.has(&NOTES, &(ME, NoteId(2)))? && tx.has(&NOTES, &(ME, NoteId(3)))?);
        let keys = [3, 2, 1, 9].map(|id| (ME, NoteId(id)));
        assert_eq!(tx.get_many(&NOTES, &keys)?, [Some(note("third")), None, Some(note("new")), None]);
        tx.put(&TAGS, &(ME, NoteId(1), 5), &Present)
    });
    let ((), seen) = store
        .read(|tx| {
            assert!(!tx.is_write() && tx.saw() == Ticket::START);
            let keys = [1, 2, 3].map(|id| (ME, NoteId(id)));
            assert_eq!(tx.get_many(&NOTES, &keys)?, [Some(note("new")), None, Some(note("third"))]);
            assert_eq!(tx.get(&NOTES, &(YOU, NoteId(1)))?, None, "nothing belongs to somebody else");
            assert_eq!(tx.get(&TAGS, &(ME, NoteId(1), 5))?, Some(Present));
            Ok::<_, Fault>(())
        })
        .expect("a read");
    assert_eq!(seen, store.newest());
}

fn a_look_waits_for_the_commits_that_it_can_tell_of(place: &Place) {
    type Look = fn(&Tx<'_>) -> Result<(), Fault>;
    let store = place.store();
    let mine = put(&store, ME, 1, "mine");
    let tagged = write(&store, |tx| tx.put(&TAGS, &(ME, NoteId(1), 5), &Present));
    let yours = put(&store, YOU, 1, "yours");
    let newest = put(&store, Person(77), 1, "somebody else's");
    let looks: [(Ticket, Look); 8] = [
        (mine, |tx| tx.get(&NOTES, &(ME, NoteId(1))).map(drop)),
        // That something is not there is news, too.
        (mine, |tx| tx.get(&NOTES, &(ME, NoteId(9))).map(drop)),
        (mine, |tx| tx.scan(&NOTES, NOTES.of(ME), Order::Backward, 10).map(drop)),
        (tagged, |tx| tx.count(&TAGS, TAGS.prefix(&(ME, NoteId(1))), 10).map(drop)),
        (yours, |tx| tx.get_many(&NOTES, &[(YOU, NoteId(1)), (ME, NoteId(1))]).map(drop)),
        (Ticket::START, |tx| tx.scan(&NOTES, NOTES.of(Person(78)), Order::Forward, 10).map(drop)),
        (Ticket::START, |_| Ok(())),
        (newest, |tx| tx.raw_rows(None, 10).map(drop)),
    ];
    for (n, (expected, look)) in looks.into_iter().enumerate() {
        assert_eq!(store.read(|tx| look(tx)).expect("a look").1, expected, "look {n}");
    }
    let gone = write(&store, |tx| tx.delete(&NOTES, &(ME, NoteId(1))));
    let (found, seen) = store.read(|tx| tx.get(&NOTES, &(ME, NoteId(1)))).expect("a look");
    assert_eq!((found, seen), (None, gone));
}

fn a_scan_sees_the_overlay(place: &Place) {
    let store = place.store();
    for id in [10, 20, 30, 40, 50] {
        put(&store, ME, id, "stored");
    }
    write(&store, |tx| {
        tx.delete(&NOTES, &(ME, NoteId(10)))?;
        tx.delete(&NOTES, &(ME, NoteId(50)))?;
        tx.put(&NOTES, &(ME, NoteId(30)), &note("changed"))?;
        tx.put(&NOTES, &(ME, NoteId(25)), &note("added"))?;
        tx.put(&NOTES, &(ME, NoteId(60)), &note("added"))?;
        assert_eq!(ids(tx, Order::Forward, 100), [20, 25, 30, 40, 60]);
        assert_eq!(ids(tx, Order::Backward, 100), [60, 40, 30, 25, 20]);
        for limit in 0..6 {
            assert_eq!(ids(tx, Order::Forward, limit), [20, 25, 30, 40, 60][..limit.min(5)]);
            assert_eq!(ids(tx, Order::Backward, limit), [60, 40, 30, 25, 20][..limit.min(5)]);
        }
        let first = tx.first(&NOTES, NOTES.of(ME).after(&(ME, NoteId(25))), Order::Forward)?;
        assert_eq!(first, Some(((ME, NoteId(30)), note("changed"))));
        assert_eq!(tx.count(&NOTES, NOTES.of(ME), 100)?, 5);
        assert_eq!(tx.count(&NOTES, NOTES.of(ME), 3)?, 3);
        assert_eq!(tx.clear(&NOTES, &NOTES.of(ME), 3)?, 3);
        assert_eq!(ids(tx, Order::Forward, 100), [40, 60]);
        Ok(())
    });
    let (left, _) = store.read(|tx| Ok::<_, Fault>(ids(tx, Order::Forward, 100))).expect("a read");
    assert_eq!(left, [40, 60]);
}

fn ranges_are_narrowed_by_typed_keys(place: &Place) {
    let store = place.store();
    let numbers = [i32::MIN, -5, -1, 0, 1, 5, i32::MAX];
    write(&store, |tx| {
        for person in [ME, YOU] {
            for id in numbers {
                tx.put(&NOTES, &(person, NoteId(id)), &note("x"))?;
                tx.put(&TAGS, &(person, NoteId(id), 1), &Present)?;
                tx.put(&TAGS, &(person, NoteId(id), 2), &Present)?;
            }
            for word in ["", "al", "alan", "alice", "bob"] {
                tx.put(&WORDS, &(person, word.to_owned()), &Present)?;
            }
        }
        Ok(())
    });
    let found = |rows| {
        let look = |tx: &mut Tx<'_>| tx.keys(&NOTES, rows, Order::Forward, 100);
        let (keys, _) = store.read(look).expect("a scan");
        keys.into_iter().map(|(person, NoteId(id))| (assert_eq!(person, ME), id).1).collect::<Vec<i32>>()
    };
    let at = |id| (ME, NoteId(id));
    assert_eq!(found(NOTES.of(ME)), numbers, "the order of the bytes is the order of the numbers");
    assert_eq!(found(NOTES.of(ME).from(&at(-1)).before(&at(5))), [-1, 0, 1]);
    assert_eq!(found(NOTES.of(ME).after(&at(-1)).until(&at(5))), [0, 1, 5]);
    assert_eq!(found(NOTES.of(ME).from(&at(-4)).until(&at(4))), [-1, 0, 1]);
    assert_eq!(found(NOTES.of(ME).from(&at(3)).before(&at(2))), [] as [i32; 0]);
    assert_eq!(found(NOTES.of(ME).before_all(&at(0))), [i32::MIN, -5, -1], "a whole key is a prefix, too");
    assert_eq!(found(NOTES.of(ME).from(&at(-9)).from(&at(0)).from(&at(-9))), [0, 1, 5, i32::MAX]);

    let look = |tx: &mut Tx<'_>| {
        let of_one = tx.keys(&TAGS, TAGS.prefix(&(ME, NoteId(-1))), Order::Backward, 100)?;
        assert_eq!(of_one, [(ME, NoteId(-1), 2), (ME, NoteId(-1), 1)]);
        for id in [5, 5, 6, 6] {
            assert_eq!(tx.get_rare(&NOTES, &at(id), &ME)?, (id == 5).then(|| note("x")), "cached or not");
            assert_eq!(tx.get(&NOTES, &at(id))?, (id == 5).then(|| note("x")));
        }
        let before = tx.keys(&TAGS, TAGS.of(ME).before_all(&(ME, NoteId(-1))), Order::Backward, 3)?;
        assert_eq!(before, [(ME, NoteId(-5), 2), (ME, NoteId(-5), 1), (ME, NoteId(i32::MIN), 2)]);
        let words = tx.keys(&WORDS, WORDS.prefix(&(ME, "al".to_owned())), Order::Forward, 100)?;
        assert_eq!(words.into_iter().map(|(_, word)| word).collect::<Vec<_>>(), ["al", "alan", "alice"]);
        assert_eq!(tx.keys(&WORDS, WORDS.of(YOU), Order::Forward, 100)?.len(), 5);
        Ok::<_, Fault>(())
    };
    store.read(look).expect("a scan");
}

fn an_error_or_a_panic_rolls_everything_back(place: &Place) {
    let store = place.store();
    put(&store, ME, 1, "kept");
    let before = store.newest();
    let failed: Result<((), Ticket), Fault> = store.write(|tx| {
        tx.put(&NOTES, &(ME, NoteId(1)), &note("lost"))?;
        tx.put(&NOTES, &(ME, NoteId(2)), &note("lost"))?;
        Err(Fault::TxTooLarge)
    });
    assert_eq!(failed, Err(Fault::TxTooLarge));
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
        write(&store, |tx| {
            tx.put(&NOTES, &(ME, NoteId(1)), &note("lost"))?;
            panic!("a handler's mistake (this panic belongs to the test)")
        });
    }));
    assert!(panicked.is_err());
    assert_eq!((get(&store, ME, 1), get(&store, ME, 2)), (Some(note("kept")), None));
    assert_eq!(store.newest(), before);
    assert_eq!(write(&store, |_| Ok(())), Ticket::START, "nothing was looked at");
    assert_eq!(write(&store, |tx| tx.get(&NOTES, &(ME, NoteId(1))).map(drop)), before);
    assert_eq!(store.newest(), before, "nothing written is nothing committed");
    put(&store, ME, 3, "the store works on");
    assert!(store.newest() > before);
}

fn nobody_sees_half_a_batch(place: &Place) {
    const ROWS: i32 = 40;
    let store = place.store();
    let round = |round: u64| {
        write(&store, |tx| {
            (0..ROWS).try_for_each(|id| {
                tx.put(&NOTES, &(Person(id.unsigned_abs().into()), NoteId(1)), &note(&round.to_string()))
            })
        })
    };
    round(0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut newest = Ticket::START;
                while !done.load(Ordering::Relaxed) {
                    let look = |tx: &mut Tx<'_>| {
                        // Each row belongs to somebody else, so the batch is spread over the whole store.
                        let keys: Vec<_> =
                            (0..ROWS).map(|id| (Person(id.unsigned_abs().into()), NoteId(1))).collect();
                        let (front, back) = keys.split_at(keys.len() / 2);
                        Ok::<_, Fault>((tx.get_many(&NOTES, front)?, tx.get_many(&NOTES, back)?))
                    };
                    let ((front, back), ticket) = store.read(look).expect("a read");
                    let first = front[0].clone().expect("the first round has been written");
                    assert!(front.iter().chain(&back).all(|row| row.as_ref() == Some(&first)));
                    assert!(ticket >= newest, "time goes forward");
                    assert_eq!(
                        first,
                        note(&(ticket.0 - 1).to_string()),
                        "the ticket is that of what was seen"
                    );
                    newest = ticket;
                }
            });
        }
        for n in 1..150 {
            round(n);
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn writers_do_not_lose_each_others_updates(place: &Place) {
    let store = place.store();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    write(&store, |tx| {
                        let text = tx.get(&NOTES, &(ME, NoteId(1)))?.map_or(String::new(), |Note(text)| text);
                        let count: u32 = text.parse().unwrap_or(0);
                        tx.put(&NOTES, &(ME, NoteId(1)), &note(&(count + 1).to_string()))
                    });
                }
            });
        }
    });
    assert_eq!(get(&store, ME, 1), Some(note("400")));
    assert_eq!(store.newest(), Ticket(400));
}

fn what_is_too_large_is_refused(place: &Place) {
    let store = place.store();
    let refused = |change: &mut dyn FnMut(&mut Tx<'_>) -> Result<(), Fault>| {
        store.write(|tx| change(tx)).expect_err("too large")
    };
    let long = "x".repeat(VALUE_BYTES_MAX);
    assert!(matches!(
        refused(&mut |tx| tx.put(&NOTES, &(ME, NoteId(1)), &note(&long))),
        Fault::ValueTooLong { .. }
    ));
    let word = "x".repeat(KEY_BYTES_MAX);
    assert!(matches!(
        refused(&mut |tx| tx.put(&WORDS, &(ME, word.clone()), &Present)),
        Fault::KeyTooLong { .. }
    ));
    let wide = "x".repeat(VALUE_BYTES_MAX / 2);
    let much =
        &mut |tx: &mut Tx<'_>| (0..1000).try_for_each(|id| tx.put(&NOTES, &(ME, NoteId(id)), &note(&wide)));
    assert_eq!(refused(much), Fault::TxTooLarge);
    let many = &mut |tx: &mut Tx<'_>| {
        (0..=i32::try_from(TX_ROWS_MAX).expect("a small number"))
            .try_for_each(|id| tx.delete(&NOTES, &(ME, NoteId(id))))
    };
    assert_eq!(refused(many), Fault::TxTooLarge);
    assert_eq!(store.newest(), Ticket::START);

    write(&store, |tx| {
        let rows = i32::try_from(SCAN_ROWS_MAX + 10).expect("a small number");
        (0..rows).try_for_each(|id| tx.put(&TAGS, &(ME, NoteId(id), 0), &Present))
    });
    let (count, _) = store.read(|tx| tx.count(&TAGS, TAGS.of(ME), usize::MAX)).expect("a count");
    assert_eq!(count, SCAN_ROWS_MAX);
}

fn callbacks_come_in_the_order_of_commits(place: &Place) {
    let store = place.store();
    let (said, heard) = mpsc::channel();
    let mut last = Ticket::START;
    for id in 0..50 {
        let ticket = put(&store, ME, id, "x");
        assert!(ticket > last, "tickets increase");
        last = ticket;
        let said = said.clone();
        store.on_durable(
            ticket,
            Box::new(move |result| said.send((ticket, result)).expect("the test listens")),
        );
    }
    store.wait_durable(last).expect("the engine works");
    assert!(store.durable() >= last);
    let heard: Vec<_> = heard.iter().take(50).collect();
    assert!(heard.iter().all(|(_, result)| result.is_ok()));
    // Those that were durable when they asked were answered at once, perhaps before an older one that had to wait.
    assert_eq!(heard.len(), 50);
    let at_once = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&at_once);
    store.on_durable(last, Box::new(move |result| told.store(result.is_ok(), Ordering::Relaxed)));
    assert!(at_once.load(Ordering::Relaxed), "what is durable is told at once");
}

fn a_corrupt_value_is_noticed(place: &Place) {
    let engine = place.engine();
    let store = Store::over(Arc::clone(&engine)).expect("the committer starts");
    put(&store, ME, 1, "sound");
    put(&store, ME, 2, "another");
    let raw = |id| NOTES.encode(&(ME, NoteId(id)));
    let change = |key: RawKey, change: &dyn Fn(&mut Vec<u8>)| {
        let snapshot = engine.begin(Mode::Write).expect("a transaction");
        let mut value = snapshot.get(&key).expect("a read").expect("a row").to_vec();
        change(&mut value);
        snapshot.commit(BTreeMap::from([(key, Some(value.into()))])).expect("a commit");
    };
    let why = |id| match store.read(|tx| tx.get(&NOTES, &(ME, NoteId(id)))) {
        Err(Fault::Corrupt { table, key, why }) => {
            assert!(table.ends_with("Note"));
            assert_eq!(
                (key.kind, key.owner, key.family, key.rest_bytes),
                (b'u', 7, crate::key::in_runs(b'n'), 4)
            );
            why
        }
        other => panic!("{other:?}"),
    };
    change(raw(1), &|value| value[7] ^= 1);
    assert_eq!(why(1), "wrong checksum");
    change(raw(1), &|value| value[0] = 200);
    assert_eq!(why(1), "unknown format");
    change(raw(1), &|value| value.truncate(3));
    assert_eq!(why(1), "shorter than its head");
    let sound =
        engine.begin(Mode::Read).expect("a transaction").get(&raw(2)).expect("a read").expect("a row");
    change(raw(1), &|value| *value = sound.to_vec());
    assert_eq!(why(1), "wrong checksum", "a value in another row's place");
    let scanned = store.read(|tx| tx.scan(&NOTES, NOTES.of(ME), Order::Forward, 10));
    assert!(matches!(scanned, Err(Fault::Corrupt { .. })));
    assert_eq!(get(&store, ME, 2), Some(note("another")));
    assert_eq!(store.fault(), None, "one bad row does not stop the server");
}

fn ten_thousand_random_steps_agree_with_a_map(place: &Place) {
    let mut dice = SeededDice::new(2026);
    let mut store = place.store();
    let mut truth: BTreeMap<(u64, i32), String> = BTreeMap::new();
    let mut steps = 0;
    while steps < 10_000 {
        let commit = dice.below(10) != 0;
        let mut draft = truth.clone();
        let outcome: Result<((), Ticket), Fault> = store.write(|tx| {
            for _ in 0..=dice.below(30) {
                steps += 1;
                random_step(&mut dice, tx, &mut draft)?;
            }
            if commit { Ok(()) } else { Err(Fault::Stopped) }
        });
        assert_eq!(outcome.is_ok(), commit);
        if commit {
            truth = draft;
        }
        if dice.below(100) == 0 && place.kind != EngineKind::Memory {
            drop(store);
            store = place.store();
        }
    }
    for owner in 0..4 {
        let rows = store
            .read(|tx| tx.scan(&NOTES, NOTES.of(Person(owner)), Order::Forward, 10_000))
            .expect("a scan")
            .0;
        let rows: Vec<_> =
            rows.into_iter().map(|((Person(owner), NoteId(id)), Note(text))| ((owner, id), text)).collect();
        let expected: Vec<_> = truth
            .range((owner, i32::MIN)..=(owner, i32::MAX))
            .map(|(key, text)| (*key, text.clone()))
            .collect();
        assert_eq!(rows, expected);
    }
}

fn random_step(
    dice: &mut SeededDice,
    tx: &mut Tx<'_>,
    truth: &mut BTreeMap<(u64, i32), String>,
) -> Result<(), Fault> {
    let owner = dice.below(4);
    let id = i32::try_from(dice.below(60)).expect("a small number") - 30;
    let key = (Person(owner), NoteId(id));
    match dice.below(10) {
        0..4 => {
            let text = "y".repeat(usize::try_from(dice.below(300)).expect("a small number"));
            tx.put(&NOTES, &key, &note(&text))?;
            truth.insert((owner, id), text);
        }
        4..6 => {
            tx.delete(&NOTES, &key)?;
            truth.remove(&(owner, id));
        }
        6 => {
            let near = [id - 1, id, id + 1];
            let found = tx.get_many(&NOTES, &near.map(|id| (Person(owner), NoteId(id))))?;
            let found: Vec<_> = found.into_iter().map(|found| found.map(|Note(text)| text)).collect();
            let expected = near.map(|id| truth.get(&(owner, id)).cloned());
            assert_eq!(found, expected);
            assert_eq!(tx.get(&NOTES, &key)?.map(|Note(text)| text), expected[1]);
        }
        7 => {
            let found = tx.get_rare(&NOTES, &key, &Person(owner))?;
            assert_eq!(found.map(|Note(text)| text), truth.get(&(owner, id)).cloned());
        }
        step => {
            let limit = usize::try_from(dice.below(20)).expect("a small number");
            let until = id + i32::try_from(dice.below(40)).expect("a small number");
            let rows = NOTES.of(key.0).from(&key).before(&(key.0, NoteId(until)));
            let expected =
                truth.range((owner, id)..(owner, until)).map(|(&(_, id), text)| (id, text.clone()));
            let (order, expected): (_, Vec<_>) = if step == 8 {
                (Order::Forward, expected.take(limit).collect())
            } else {
                (Order::Backward, expected.rev().take(limit).collect())
            };
            let found = tx.scan(&NOTES, rows, order, limit)?;
            let found: Vec<_> = found.into_iter().map(|((_, NoteId(id)), Note(text))| (id, text)).collect();
            assert_eq!(found, expected);
        }
    }
    Ok(())
}

fn a_closed_store_refuses(place: &Place) {
    let store = place.store();
    let ticket = put(&store, ME, 1, "x");
    assert_eq!(store.close(), Ok(()));
    assert!(store.durable() >= ticket, "closing makes everything durable");
    assert_eq!(
        store.write(|tx| tx.put(&NOTES, &(ME, NoteId(2)), &note("x"))).map(|_| ()),
        Err(Fault::Stopped)
    );
    assert_eq!(store.wait_durable(ticket), Ok(()));
    assert_eq!(store.wait_durable(Ticket(ticket.0 + 1)), Err(Fault::Stopped));
}

/// Pages of many large values leave sled's usual path; they must come back all the same, after a reopening, too.
fn values_up_to_the_limit_survive(place: &Place) {
    let store = place.store();
    let text = |id: i32| id.to_string().repeat((VALUE_BYTES_MAX - 100) / id.to_string().len());
    for id in 10..40 {
        put(&store, ME, id, &text(id));
    }
    let check = |store: &Store| (10..40).for_each(|id| assert_eq!(get(store, ME, id), Some(note(&text(id)))));
    check(&store);
    if place.kind != EngineKind::Memory {
        store.wait_durable(store.newest()).expect("the engine works");
        drop(store);
        check(&place.store());
    }
}

#[test]
fn a_conflict_runs_the_closure_again() {
    let store = Store::memory_with_conflicts(NonZeroU32::new(3).expect("not zero"));
    let mut runs = 0;
    for id in 0..30 {
        write(&store, |tx| {
            runs += 1;
            assert_eq!(tx.get(&NOTES, &(ME, NoteId(id)))?, None, "what the refused attempt wrote is gone");
            tx.put(&NOTES, &(ME, NoteId(id)), &note("x"))
        });
    }
    assert!(runs > 40);
    let store = Store::memory_with_conflicts(NonZeroU32::MIN);
    assert_eq!(store.write(|tx| tx.put(&NOTES, &(ME, NoteId(1)), &note("x"))), Err(Fault::Contended));
}

#[test]
fn transactions_neither_nest_nor_write_while_reading() {
    let store = Store::memory();
    let nested = store.read(|_| store.write(|tx| tx.put(&NOTES, &(ME, NoteId(1)), &note("x"))));
    assert_eq!(nested, Err(Fault::Nested));
    let wrote = store.read(|tx| tx.put(&NOTES, &(ME, NoteId(1)), &note("x")));
    assert_eq!(wrote, Err(Fault::ReadOnly));
    put(&store, ME, 1, "the thread is free again");
}

fn write(store: &Store, change: impl FnMut(&mut Tx<'_>) -> Result<(), Fault>) -> Ticket {
    store.write(change).expect("a write").1
}

fn put(store: &Store, person: Person, id: i32, text: &str) -> Ticket {
    write(store, |tx| tx.put(&NOTES, &(person, NoteId(id)), &note(text)))
}

fn get(store: &Store, person: Person, id: i32) -> Option<Note> {
    store.read(|tx| tx.get(&NOTES, &(person, NoteId(id)))).expect("a read").0
}

fn ids(tx: &Tx<'_>, order: Order, limit: usize) -> Vec<i32> {
    let rows = tx.scan(&NOTES, NOTES.of(ME), order, limit).expect("a scan");
    rows.into_iter().map(|((_, NoteId(id)), _)| id).collect()
}
