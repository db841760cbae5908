//! The disk is full, or broken: every write or sync from the Nth on fails, on the real binary under load.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use store::EngineKind;

use crate::crowd::Crowd;
use crate::process::Server;
use crate::{engines, recorder, say};

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

/// How long a server may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What takes longer than this is told of.
const SLOW: Duration = Duration::from_secs(10);

/// What is broken: the error, of which calls, in which part of the data directory.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    errno: i32,
    kinds: &'static str,
    after: u32,
}

/// For how long after the first error an answer may still be on its way to somebody on a busy machine.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// When the first call failed, as the recorder says.
fn failed_at(log: &str) -> Option<SystemTime> {
    let line = log.lines().find_map(|line| line.split_once("recorder: fails from here: "))?.1;
    let seconds: f64 = line.split(':').next()?.parse().ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds))
}

fn start_under(trouble: Trouble, engine: EngineKind, data: &Path, place: &Path) -> Server {
    let Trouble { errno, kinds, after } = trouble;
    let binary = Path::new(env!("CARGO_BIN_EXE_chappe"));
    Server::start_under(recorder::fail(errno, kinds, after, place, binary), engine, data)
}

/// A data directory with people in it, of which each trouble gets a copy.
struct Before {
    dir: tempfile::TempDir,
    crowd: Crowd,
}

impl Before {
    fn make(engine: EngineKind) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().join("data");
        let mut server = Server::start(engine, &data);
        let crowd = Crowd::gather(server.addr.expect("ready"), &data).expect("everybody is in");
        server.kill();
        Self { dir, crowd }
    }

    fn copy(&self) -> (tempfile::TempDir, PathBuf, Crowd) {
        let dir = tempfile::tempdir().expect("a directory");
        // The recorder compares paths as the kernel names them.
        let data = fs::canonicalize(dir.path()).expect("a path").join("data");
        copy_dir(&self.dir.path().join("data"), &data).expect("copied");
        (dir, data, self.crowd.clone())
    }
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[test]
fn after_the_first_error_of_the_disk_nothing_is_acknowledged_and_the_server_ends() {
    // From the first call on, in the middle of a start, in the middle of the work.
    let mut troubles = vec![(ENOSPC, "w", 0), (ENOSPC, "w", 60), (EIO, "s", 30), (EIO, "ws", 250)];
    if std::env::var_os("CHAPPE_FAULTS").is_some_and(|all| all == "all") {
        for after in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 377, 987] {
            for kinds in ["w", "s", "ws"] {
                troubles.extend([(ENOSPC, kinds, after), (EIO, kinds, after)]);
            }
        }
    }
    for engine in engines() {
        let before = Before::make(engine);
        let mut acknowledged = 0;
        for (errno, kinds, after) in &troubles {
            let trouble = Trouble { errno: *errno, kinds, after: *after };
            let begun = Instant::now();
            let played = play(engine, trouble, &before);
            if begun.elapsed() > SLOW {
                say(&format!("faults: {engine}: {trouble:?} took {:.0} s", begun.elapsed().as_secs_f64()));
            }
            acknowledged += played.unwrap_or_else(|why| panic!("{engine}, {trouble:?}: {why}"));
        }
        say(&format!(
            "faults: {engine}: {} broken disks, {acknowledged} acknowledged before, none lost, none after",
            troubles.len()
        ));
    }
}

/// One broken disk from beginning to end; how much was acknowledged before it broke.
fn play(engine: EngineKind, trouble: Trouble, before: &Before) -> Result<u64, String> {
    let (_dir, data, mut crowd) = before.copy();
    let mut server = start_under(trouble, engine, &data, &data.join("store"));
    let (status, log) = if let Some(addr) = server.addr {
        // Until the connections break: nobody ends it but the server itself.
        let mut ended = None;
        let played = crowd.round(addr, usize::MAX / 16, || ended = Some(server.ended(PATIENCE)));
        // Whom it left in the middle of coming back was told nothing.
        played
            .or_else(|why| if why.contains("while") || why.contains("cannot") { Ok(()) } else { Err(why) })?;
        ended.expect("it was waited for")
    } else {
        server.ended(PATIENCE)
    };
    let Some(status) = status else { return Err(format!("it did not end:\n{log}")) };
    let Some(failed) = failed_at(&log) else { return Err(format!("nothing failed:\n{log}")) };
    if status.success() || status.code().is_none_or(|code| code > 101) {
        return Err(format!("it ended with {status}:\n{log}"));
    }
    if let Some(late) = crowd.last_answer().and_then(|last| last.duration_since(failed + ON_ITS_WAY).ok()) {
        return Err(format!("something was acknowledged {:?} after the first error", late + ON_ITS_WAY));
    }
    let acknowledged = crowd.counted.0;
    crowd.look(engine, &data)?;
    let mut sound = Server::start(engine, &data);
    crowd.round(sound.addr.expect("ready"), 50, || sound.kill())?;
    crowd.look(engine, &data)?;
    Ok(acknowledged)
}

#[test]
fn whoever_uploads_to_a_full_disk_is_told_and_nothing_is_torn() {
    for engine in engines() {
        let (_dir, data, mut crowd) = Before::make(engine).copy();
        // The rows have room, the bytes of files have none after the first few.
        let full = Trouble { errno: ENOSPC, kinds: "w", after: 8 };
        let server = start_under(full, engine, &data, &data.join("blobs"));
        let addr = server.addr.expect("files are no reason not to start");
        let mut stopped = None;
        crowd.round(addr, 400, || stopped = Some(server.stop())).expect("messages go on");
        let (status, log) = stopped.expect("it was stopped");
        assert!(status.is_some_and(|status| status.success()), "{engine}: {log}");
        assert!(failed_at(&log).is_some(), "{engine}: nothing failed");
        let (refused, kept) = crowd.refused();
        assert!(kept > 0 && refused.len() > 3, "{engine}: {kept} kept, {refused:?}");
        assert!(refused.iter().all(|error| error == "INTERNAL"), "{engine}: {refused:?}");
        crowd.look(engine, &data).unwrap_or_else(|why| panic!("{engine}: {why}"));
        // With room again, what was refused is kept.
        let mut sound = Server::start(engine, &data);
        crowd
            .round(sound.addr.expect("ready"), 60, || sound.kill())
            .unwrap_or_else(|why| panic!("{engine}: {why}"));
        crowd.look(engine, &data).unwrap_or_else(|why| panic!("{engine}: {why}"));
    }
}
