//! What a crash leaves behind, and what a failing disk does.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use crate::engine::{Engine, MemoryEngine, Mode, RawValue, Snapshot};
use crate::testing::{NOTES, Note, NoteId, Person, note};
use crate::{Config, EngineKind, Fault, OpenError, Order, Store, Ticket};

const ME: Person = Person(7);

/// Tells a copy of this test binary that it is the one to be killed: engine and directory.
const VICTIM: &str = "CHAPPE_STORE_VICTIM";

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    if let Ok(orders) = env::var(VICTIM) {
        work_until_killed(&orders);
    }
    for engine in [EngineKind::Sled, EngineKind::Fjall] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut next = 0;
        for round in 0..rounds() {
            let acknowledged =
                kill_while_working(engine, dir.path(), Duration::from_millis(60 + 71 * round % 499));
            if engine == EngineKind::Sled {
                // As if it had died while it wrote a snapshot.
                let torn = dir.path().join("sled").join(format!("snap.{:016X}.generating", u64::MAX >> 1));
                fs::write(torn, b"half a snapsh").expect("a torn file");
            }
            let store =
                Store::open(&config(engine, dir.path())).expect("a crash does not keep a store from opening");
            let look = |tx: &mut crate::Tx<'_>| tx.first(&NOTES, NOTES.of(ME), Order::Backward);
            let last = store.read(look).expect("a read").0.map_or(0, |((_, NoteId(id)), _)| id + 1);
            assert!(
                last >= acknowledged.max(next),
                "{engine}: {acknowledged} were acknowledged, {last} are there"
            );
            for id in next..last {
                let row = store.read(|tx| tx.get(&NOTES, &(ME, NoteId(id)))).expect("a read").0;
                let twin = store.read(|tx| tx.get(&NOTES, &(Person(8), NoteId(id)))).expect("a read").0;
                assert_eq!(
                    (row, twin),
                    (Some(text(id)), Some(text(id))),
                    "{engine}: no commit is there by half"
                );
            }
            next = last;
        }
        assert!(next > 0, "{engine}: something was written at all");
    }
}

/// How often to kill each engine: 6, or what `CHAPPE_STORE_CRASH_ROUNDS` says.
fn rounds() -> u64 {
    env::var("CHAPPE_STORE_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6)
}

/// Writes as fast as it can and says on standard output what is durable.
fn work_until_killed(orders: &str) -> ! {
    let (engine, dir) = orders.split_once(' ').expect("engine and directory");
    let store =
        Store::open(&config(engine.parse().expect("an engine"), Path::new(dir))).expect("the store opens");
    let start = store
        .read(|tx| tx.first(&NOTES, NOTES.of(ME), Order::Backward))
        .expect("a read")
        .0
        .map_or(0, |((_, NoteId(id)), _)| id + 1);
    for id in start.. {
        let write = store.write(|tx| {
            tx.put(&NOTES, &(ME, NoteId(id)), &text(id))?;
            tx.put(&NOTES, &(Person(8), NoteId(id)), &text(id))
        });
        let ((), ticket) = write.expect("a write");
        let say = move |result: Result<(), Fault>| {
            result.expect("the disk works");
            let mut out = std::io::stdout().lock();
            writeln!(out, "durable {}", id + 1).and_then(|()| out.flush()).expect("the test listens");
        };
        store.on_durable(ticket, Box::new(say));
    }
    unreachable!("it is killed before the numbers run out")
}

/// Lets a child process work for `time`, kills it, and tells how many notes it had called durable.
fn kill_while_working(engine: EngineKind, dir: &Path, time: Duration) -> i32 {
    let mut child = Command::new(env::current_exe().expect("this very program"))
        .args(["--exact", "crash::a_killed_process_loses_nothing_it_acknowledged", "--nocapture"])
        .env(VICTIM, format!("{engine} {}", dir.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child process");
    let out = BufReader::new(child.stdout.take().expect("its output"));
    let killer = thread::spawn(move || {
        thread::sleep(time);
        child.kill().expect("it still works");
        child.wait().expect("it ends");
    });
    let mut acknowledged = 0;
    for line in out.lines() {
        // The last line may be torn.
        let line = line.unwrap_or_default();
        if let Some(count) = line.strip_prefix("durable ").and_then(|count| count.parse().ok()) {
            acknowledged = acknowledged.max(count);
        }
    }
    killer.join().expect("it was killed");
    acknowledged
}

#[test]
fn broken_snapshots_of_sled_are_done_without() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = config(EngineKind::Sled, dir.path());
    let write = |id| {
        let store = Store::open(&config).expect("the store opens");
        let ((), ticket) = store.write(|tx| tx.put(&NOTES, &(ME, NoteId(id)), &text(id))).expect("a write");
        store.wait_durable(ticket).expect("the disk works");
    };
    write(1);
    for name in ["snap.7FFFFFFFFFFFFFF0", "snap.7FFFFFFFFFFFFFFF.generating", "snap.7FFFFFFFFFFFFFFE"] {
        fs::write(dir.path().join("sled").join(name), b"not a snapshot at all").expect("a torn file");
    }
    write(2);
    // Its settings are never synced by it, and may come back as anything.
    let settings = dir.path().join("sled/conf");
    let length = fs::metadata(&settings).expect("settings").len();
    fs::write(&settings, vec![b'x'; usize::try_from(length).expect("short")]).expect("damaged");
    let store = Store::open(&config).expect("the store opens");
    for id in [1, 2] {
        assert_eq!(store.read(|tx| tx.get(&NOTES, &(ME, NoteId(id)))).expect("a read").0, Some(text(id)));
    }
}

#[test]
fn a_store_of_another_engine_is_not_taken_for_an_empty_one() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    drop(Store::open(&config(EngineKind::Sled, dir.path())).expect("a new store"));
    match Store::open(&config(EngineKind::Fjall, dir.path())) {
        Err(error @ OpenError::OtherFormat { .. }) => {
            let text = error.to_string();
            let found = format!("\"chappe store {}, sled\"", crate::FORMAT);
            assert!(text.contains(&found) && !text.contains('\n'), "{text}");
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged() {
    let engine = Arc::new(Trouble::default());
    let store = Store::over(engine.clone()).expect("the committer starts");
    let put = |id| store.write(|tx| tx.put(&NOTES, &(ME, NoteId(id)), &text(id))).map(|((), ticket)| ticket);
    let sound = put(1).expect("a write");
    store.wait_durable(sound).expect("the disk works");

    engine.broken.store(true, Ordering::SeqCst);
    let (said, heard) = mpsc::channel();
    let lost = put(2).expect("a commit comes before its sync");
    let too_late = said.clone();
    store.on_durable(lost, Box::new(move |result| said.send(result).expect("the test listens")));
    let broken = Fault::io("syncing", "the disk is gone");
    assert_eq!(heard.recv().expect("an answer"), Err(broken.clone()));
    assert_eq!(store.fault(), Some(broken.clone()));
    assert_eq!(store.wait_durable(lost), Err(broken.clone()));
    assert!(store.durable() < lost);

    engine.broken.store(false, Ordering::SeqCst);
    assert_eq!(put(3), Err(broken.clone()), "a disk that comes back is not trusted");
    store.on_durable(sound, Box::new(move |result| too_late.send(result).expect("the test listens")));
    assert_eq!(heard.recv().expect("an answer"), Err(broken.clone()), "not even what was durable");
    assert_eq!(store.close(), Err(broken));
}

#[test]
fn an_engine_that_panics_has_failed() {
    let engine = Arc::new(Trouble::default());
    let store = Store::over(engine.clone()).expect("the committer starts");
    engine.panics.store(true, Ordering::SeqCst);
    let ((), lost) = store.write(|tx| tx.put(&NOTES, &(ME, NoteId(1)), &text(1))).expect("a commit");
    let broken = Fault::io("syncing", "the engine panicked");
    assert_eq!(store.wait_durable(lost), Err(broken.clone()));
    assert_eq!(store.close(), Err(broken));
}

#[test]
fn a_failed_read_stops_the_store_even_if_the_handler_swallows_it() {
    let engine = Arc::new(Trouble::default());
    let store = Store::over(engine.clone()).expect("the committer starts");
    engine.unreadable.store(true, Ordering::SeqCst);
    let (found, _) =
        store.read(|tx| Ok::<_, Fault>(tx.get(&NOTES, &(ME, NoteId(1))).ok())).expect("swallowed");
    assert_eq!(found, None);
    assert!(store.fault().is_some_and(|fault| fault.is_io()));
}

#[test]
fn commits_gather_while_the_disk_works() {
    let engine = Arc::new(Trouble::default());
    let store = Store::over(engine.clone()).expect("the committer starts");
    let gate = Arc::new(Barrier::new(2));
    *engine.gate.lock().expect("the gate") = Some(Arc::clone(&gate));
    let order = Arc::new(Mutex::new(Vec::new()));
    let put = |id: i32| {
        let ((), ticket) = store.write(|tx| tx.put(&NOTES, &(ME, NoteId(id)), &text(id))).expect("a write");
        let order = Arc::clone(&order);
        let log = move |result: Result<(), Fault>| order.lock().expect("the list").push((id, result));
        store.on_durable(ticket, Box::new(log));
        ticket
    };
    put(0);
    gate.wait();
    // The committer is inside its first sync and stays there.
    let last = (1..100).map(put).last().expect("some were written");
    assert_eq!(store.newest(), Ticket(100), "nobody had to wait for the disk");
    assert_eq!(store.durable(), Ticket::START);
    assert!(order.lock().expect("the list").is_empty(), "nobody is answered early");
    *engine.gate.lock().expect("the gate") = None;
    gate.wait();
    store.wait_durable(last).expect("the disk works");
    store.close().expect("all is durable");
    assert_eq!(engine.syncs.load(Ordering::SeqCst), 2, "the other ninety-nine were one group");
    let order = order.lock().expect("the list");
    assert!(order.iter().map(|(id, _)| *id).eq(0..100), "older commits first");
    assert!(order.iter().all(|(_, result)| result.is_ok()));
}

#[test]
fn a_panicking_callback_does_not_silence_the_others() {
    let store = Store::over(Arc::new(MemoryEngine::new(None))).expect("the committer starts");
    let (said, heard) = mpsc::channel();
    for id in 0..3 {
        let ((), ticket) = store.write(|tx| tx.put(&NOTES, &(ME, NoteId(id)), &note("x"))).expect("a write");
        store.on_durable(Ticket(ticket.0 + 1), Box::new(|_| panic!("(this panic belongs to the test)")));
        let said = said.clone();
        store.on_durable(
            Ticket(ticket.0 + 1),
            Box::new(move |result| said.send(result).expect("the test listens")),
        );
    }
    store.write(|tx| tx.put(&NOTES, &(ME, NoteId(9)), &note("x"))).expect("a write");
    assert_eq!(heard.iter().take(3).collect::<Vec<_>>(), [Ok(()), Ok(()), Ok(())]);
}

/// An engine whose disk fails, or works as long as a test wants.
#[derive(Default)]
struct Trouble {
    inner: Memory,
    broken: AtomicBool,
    unreadable: AtomicBool,
    panics: AtomicBool,
    syncs: AtomicU32,
    /// Where a sync reports that it began, and then waits to be let through.
    gate: Mutex<Option<Arc<Barrier>>>,
}

struct Memory(MemoryEngine);

impl Default for Memory {
    fn default() -> Self {
        Self(MemoryEngine::new(None))
    }
}

impl Engine for Trouble {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Snapshot + '_>, Fault> {
        let inner = self.inner.0.begin(mode)?;
        Ok(if self.unreadable.load(Ordering::SeqCst) { Box::new(Unreadable(inner)) } else { inner })
    }

    fn newest(&self) -> Ticket {
        self.inner.0.newest()
    }

    fn sync(&self) -> Result<(), Fault> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        let gate = self.gate.lock().expect("the gate").clone();
        if let Some(gate) = gate {
            gate.wait();
            gate.wait();
        }
        assert!(!self.panics.load(Ordering::SeqCst), "(this panic belongs to the test)");
        if self.broken.load(Ordering::SeqCst) {
            Err(Fault::io("syncing", "the disk is gone"))
        } else {
            Ok(())
        }
    }
}

struct Unreadable<'a>(Box<dyn Snapshot + 'a>);

impl Snapshot for Unreadable<'_> {
    fn newest(&self) -> Ticket {
        self.0.newest()
    }

    fn get(&self, _: &[u8]) -> Result<Option<RawValue>, Fault> {
        Err(Fault::io("reading", "the disk is gone"))
    }

    fn scan(&self, _: &crate::KeyRange, _: Order, _: usize) -> Result<Vec<crate::engine::Pair>, Fault> {
        Err(Fault::io("scanning", "the disk is gone"))
    }

    fn commit(self: Box<Self>, writes: crate::engine::Writes) -> Result<Ticket, crate::engine::CommitError> {
        self.0.commit(writes)
    }
}

fn config(engine: EngineKind, dir: &Path) -> Config {
    Config { engine, dir: dir.to_owned(), cache_bytes: 8 * 1024 * 1024 }
}

fn text(id: i32) -> Note {
    note(&format!("note {id} {}", "z".repeat(id.unsigned_abs() as usize % 700)))
}
