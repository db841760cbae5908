//! What a look says that its outcome waits for, held against a model.
//!
//! A look gives a ticket, and promises by it: the store as that commit left it shows the same. If it did not, what the look found
//! could leave the server, be lost with the power, and have been seen. So every look is made again on a store that has come as
//! far as its ticket and no further. The looks come at the worst moments: between a commit that can be seen and its writer's
//! learning of it there is always one.

use std::num::NonZeroU32;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use env::{Dice, SeededDice};

use crate::engine::{
    CommitError, Engine, FjallEngine, MemoryEngine, Mode, Pair, RawKey, RawValue, SledEngine, Snapshot,
    Ticket, Writes,
};
use crate::table::KeyRange;
use crate::testing::{NOTES, NoteId, Person, TAGS, WORDS, note};
use crate::{Fault, Order, Present, Store, Tx, vshard};

const COMMITS: u64 = 400;

/// How long the watcher waits before it takes the writer for gone.
const PATIENCE: Duration = Duration::from_secs(60);
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// Few, so that every look meets rows that were written a moment ago.
const PERSONS: u64 = 3;
const IDS: u64 = 6;

#[test]
fn the_ticket_of_a_look_is_that_of_the_newest_commit_that_it_shows_or_a_later_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let sled = SledEngine::open(&dir.path().join("sled"), CACHE_BYTES).expect("sled opens");
    let fjall = FjallEngine::open(&dir.path().join("fjall"), CACHE_BYTES).expect("fjall opens");
    let engines: [(&str, Arc<dyn Engine>); 4] = [
        ("memory", Arc::new(MemoryEngine::new(None))),
        ("memory with conflicts", Arc::new(MemoryEngine::new(NonZeroU32::new(3)))),
        ("sled", Arc::new(sled)),
        ("fjall", Arc::new(fjall)),
    ];
    for (seed, (name, engine)) in (1..).zip(engines) {
        let (changes, looks) = live(engine, seed);
        let mut kept = 0;
        let mut looks = looks.into_iter().peekable();
        // As far as each ticket, and no further.
        let twin = Store::memory();
        for (at, change) in (0..).zip(std::iter::once(Vec::new()).chain(changes)) {
            twin.write(|tx| apply(&change, tx)).expect("a write");
            while let Some(seen) = looks.next_if(|seen| seen.ticket == Ticket(at)) {
                let again = twin.read(|tx| seen.look.at(tx)).expect("a look").0;
                assert_eq!(seen.found, again, "{name}: {seen:?}");
                kept += 1;
            }
        }
        assert_eq!(looks.next(), None, "{name}: a ticket of no commit");
        assert!(kept > 2 * COMMITS, "{name}: only {kept} looks");
    }
}

/// What a look found, and its ticket.
#[derive(Debug, PartialEq)]
struct Seen {
    look: Look,
    found: String,
    ticket: Ticket,
}

/// Writes at random, and looks at every moment; the changes in their order, and the looks by their tickets.
fn live(engine: Arc<dyn Engine>, seed: u64) -> (Vec<Vec<Change>>, Vec<Seen>) {
    let (ask, asked) = sync_channel(0);
    let (done, told) = sync_channel(0);
    let watched = Watched { inner: engine, door: Mutex::new((ask.clone(), told)) };
    let store = &Store::over(Arc::new(watched)).expect("the committer starts");
    let mut dice = SeededDice::new(seed);
    let mut changes = Vec::new();
    let mut seen = thread::scope(|scope| {
        // Another thread: none may be inside of two transactions.
        let watcher = scope.spawn(move || {
            let (mut dice, mut seen) = (SeededDice::new(seed ^ 0x5eed), Vec::new());
            while asked.recv_timeout(PATIENCE) == Ok(Word::Look) {
                let look = Look::draw(&mut dice);
                let (found, ticket) = store.read(|tx| look.at(tx)).expect("a look");
                seen.push(Seen { look, found, ticket });
                done.send(()).expect("somebody waits");
            }
            seen
        });
        let mut seen = Vec::new();
        for _ in 0..COMMITS {
            let change: Vec<Change> = (0..=dice.below(4)).map(|_| Change::draw(&mut dice)).collect();
            let ((), ticket) = store.write(|tx| apply(&change, tx)).expect("a write");
            changes.push(change);
            assert_eq!(ticket, Ticket(changes.len() as u64));
            let look = Look::draw(&mut dice);
            // A writer that writes nothing is a reader.
            let (found, ticket) = store.write(|tx| look.at(tx)).expect("a look");
            seen.push(Seen { look, found, ticket });
        }
        ask.send(Word::End).expect("somebody listens");
        seen.extend(watcher.join().expect("it saw everything"));
        seen
    });
    seen.sort_by_key(|seen| seen.ticket);
    (changes, seen)
}

/// One row, written or deleted.
#[derive(Debug)]
struct Change {
    table: u64,
    person: Person,
    id: i32,
    /// Nothing deletes.
    text: Option<String>,
}

impl Change {
    fn draw(dice: &mut SeededDice) -> Self {
        let text = (dice.below(3) > 0).then(|| dice.u64().to_string());
        Self { table: dice.below(3), person: person(dice), id: id(dice), text }
    }
}

fn apply(change: &[Change], tx: &mut Tx<'_>) -> Result<(), Fault> {
    for Change { table, person, id, text } in change {
        let (tag, word) = ((*person, NoteId(*id), 1), (*person, word(*id)));
        match (table, text) {
            (0, Some(text)) => tx.put(&NOTES, &(*person, NoteId(*id)), &note(text))?,
            (0, None) => tx.delete(&NOTES, &(*person, NoteId(*id)))?,
            (1, Some(_)) => tx.put(&TAGS, &tag, &Present)?,
            (1, None) => tx.delete(&TAGS, &tag)?,
            (_, Some(_)) => tx.put(&WORDS, &word, &Present)?,
            (_, None) => tx.delete(&WORDS, &word)?,
        }
    }
    Ok(())
}

/// One look, or two.
#[derive(Debug, PartialEq)]
struct Look {
    how: u64,
    person: Person,
    from: i32,
    until: i32,
    limit: usize,
    order: Order,
    then: Option<Box<Look>>,
}

impl Look {
    fn draw(dice: &mut SeededDice) -> Self {
        let from = id(dice);
        Self {
            how: dice.below(11),
            person: person(dice),
            from,
            until: from + id(dice),
            limit: usize::try_from(1 + dice.below(8)).expect("a small number"),
            order: if dice.below(2) == 0 { Order::Forward } else { Order::Backward },
            then: (dice.below(3) == 0).then(|| Box::new(Self::draw(dice))),
        }
    }

    /// What it finds.
    fn at(&self, tx: &Tx<'_>) -> Result<String, Fault> {
        let &Self { how, person, limit, order, .. } = self;
        let (from, until) = ((person, NoteId(self.from)), (person, NoteId(self.until)));
        let found = match how {
            0 => format!("{:?}", tx.get(&NOTES, &from)?),
            1 => format!("{:?}", tx.has(&TAGS, &(person, NoteId(self.from), 1))?),
            2 => format!("{:?}", tx.get_many(&NOTES, &[until, (Person(0), from.1), from])?),
            3 => format!("{:?}", tx.scan(&NOTES, NOTES.of(person).from(&from).until(&until), order, limit)?),
            4 => {
                format!("{:?}", tx.scan(&NOTES, NOTES.of(person).after(&from).before(&until), order, limit)?)
            }
            5 => format!("{:?}", tx.keys(&TAGS, TAGS.prefix(&from), order, limit)?),
            6 => format!("{:?}", tx.first(&NOTES, NOTES.of(person), order)?),
            7 => format!("{:?}", tx.count(&WORDS, WORDS.prefix(&(person, word(self.from))), limit)?),
            8 => format!("{:?}", tx.raw_rows_of(b'u', vshard(b'u', person.0), None, limit)?),
            9 => format!("{:?}", tx.raw_rows(None, limit)?),
            _ => format!("{:?}", tx.raw_rows(tx.raw_rows(None, 1)?.last(), limit)?),
        };
        let then = self.then.as_ref().map(|look| look.at(tx)).transpose()?;
        Ok([found, then.unwrap_or_default()].join("; "))
    }
}

fn person(dice: &mut SeededDice) -> Person {
    Person(dice.below(PERSONS))
}

fn id(dice: &mut SeededDice) -> i32 {
    i32::try_from(dice.below(IDS)).expect("a small number")
}

/// Each one begins the next.
fn word(id: i32) -> String {
    "a".repeat(usize::try_from(id).expect("a small number"))
}

/// What the watcher is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Look,
    End,
}

/// An engine that has the watcher look right before a commit can be seen, and right after.
struct Watched {
    inner: Arc<dyn Engine>,
    door: Mutex<(SyncSender<Word>, Receiver<()>)>,
}

impl Watched {
    fn have_looked(&self) {
        let door = self.door.lock().expect("nobody panicked");
        door.0.send(Word::Look).expect("somebody listens");
        door.1.recv().expect("somebody looked");
    }
}

impl Engine for Watched {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Snapshot + '_>, Fault> {
        Ok(Box::new(Step { inner: self.inner.begin(mode)?, engine: self }))
    }

    fn newest(&self) -> Ticket {
        self.inner.newest()
    }

    fn sync(&self) -> Result<(), Fault> {
        self.inner.sync()
    }
}

struct Step<'a> {
    inner: Box<dyn Snapshot + 'a>,
    engine: &'a Watched,
}

impl Snapshot for Step<'_> {
    fn newest(&self) -> Ticket {
        self.inner.newest()
    }

    fn get(&self, key: &[u8]) -> Result<Option<RawValue>, Fault> {
        self.inner.get(key)
    }

    fn get_many(&self, keys: &[RawKey]) -> Result<Vec<Option<RawValue>>, Fault> {
        self.inner.get_many(keys)
    }

    fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, Fault> {
        self.inner.scan(range, order, limit)
    }

    fn commit(self: Box<Self>, writes: Writes) -> Result<Ticket, CommitError> {
        let Self { inner, engine } = *self;
        engine.have_looked();
        let committed = inner.commit(writes);
        engine.have_looked();
        committed
    }
}
