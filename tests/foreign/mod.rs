//! What the tests with foreign clients share: a Python of our own, and running a suite with it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

/// Whether the foreign clients are to be left out (`CHAPPE_SKIP_FOREIGN=1`); says so where it cannot be overheard.
pub fn skipped(what: &str) -> bool {
    let skip = std::env::var_os("CHAPPE_SKIP_FOREIGN").is_some_and(|v| v == "1");
    if skip {
        say(&format!("skipped: {what} (CHAPPE_SKIP_FOREIGN=1)"));
    }
    skip
}

/// Prints past the test runner's capture, so that skips and totals are seen in a green run too.
pub fn say(line: &str) {
    // A closed standard error is no reason to fail a test.
    let _ = writeln!(io::stderr(), "{line}");
}

/// The folder with the suites.
pub fn suites() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// The interpreter of a virtual environment under `target/` that has the pinned clients; made when it is missing or
/// when the requirements have changed.
pub fn python() -> Result<&'static Path, String> {
    static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(make_python);
    PYTHON.as_deref().map_err(Clone::clone)
}

fn make_python() -> Result<PathBuf, String> {
    let requirements = suites().join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).map_err(|e| format!("{}: {e}", requirements.display()))?;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new("target"));
    let home = target.join("clients-venv");
    let (python, stamp) = (home.join("bin/python"), home.join("installed.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let _ = fs::remove_file(&stamp);
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    run(install.arg(&requirements))?;
    fs::write(&stamp, wanted).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(python)
}

/// Runs a command to its end; an error carries what it said.
pub fn run(command: &mut Command) -> Result<(), String> {
    let done = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!(
        "{command:?} failed:\n{said}\nThe foreign clients are a part of the gate; CHAPPE_SKIP_FOREIGN=1 leaves them out."
    ))
}

/// Whether the child succeeded, or nothing if it still runs after `limit`.
pub fn wait(child: &mut Child, limit: Duration) -> Option<bool> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) => thread::sleep(Duration::from_millis(20)),
            Err(_) => return Some(false),
        }
    }
    None
}

/// Runs `python -m suites.NAME ARGUMENTS` and gives what it printed; an error carries the failed scenarios. A suite that
/// takes longer than `limit` is ended and has failed.
pub fn play(name: &str, arguments: &[&str], limit: Duration) -> Result<String, String> {
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clients-{name}.log"));
    let printed = File::create(&output).map_err(|e| format!("{}: {e}", output.display()))?;
    let errors = printed.try_clone().map_err(|e| format!("{}: {e}", output.display()))?;
    let mut child = Command::new(python()?)
        .args(["-m", &format!("suites.{name}")])
        .args(arguments)
        .current_dir(suites())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(printed)
        .stderr(errors)
        .spawn()
        .map_err(|e| format!("starting suites.{name}: {e}"))?;
    let ended = wait(&mut child, limit);
    if ended.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let said = fs::read_to_string(&output).unwrap_or_default();
    for line in said.lines().filter(|l| l.starts_with("skipped: ") || l.starts_with(&format!("{name}: "))) {
        say(line);
    }
    if ended == Some(true) {
        return Ok(said);
    }
    let failed: Vec<&str> =
        said.lines().skip_while(|l| !l.starts_with("FAIL")).filter(|l| !l.starts_with("ok ")).collect();
    let why = if ended.is_none() { "did not end in time" } else { "failed" };
    Err(format!("suites.{name} {why} (all of it: {}):\n{}", output.display(), failed.join("\n")))
}
