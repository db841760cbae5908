//! Instructions of the hot paths, counted by callgrind and compared with the committed figures of `figures.txt`.
//!
//! ```text
//! cargo run --release -p chappe-counts             # fails if a path costs over 5 % more than its figure
//! cargo run --release -p chappe-counts -- --bless  # writes the figures anew
//! ```
//!
//! Counts do not depend on how busy a machine is, so they can be judged where times cannot. They do depend on the
//! compiler, and on what valgrind shows of the processor: it hides the SHA instructions, so it is the portable cipher that
//! is counted, and code that asks for AVX2 finds it only where the machine has it. The figures therefore name their
//! surroundings, and where those differ the counts are printed and not judged.

#![forbid(unsafe_code)]

mod paths;
#[path = "../people/mod.rs"]
mod people;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use env::SeededDice;
use mtproto::RsaKey;

/// How much more than its figure a path may cost, in percent.
const PERCENT_MAX: f64 = 5.0;
/// Names the path that a child process walks.
const PATH: &str = "CHAPPE_COUNTED_PATH";
/// The function inside of which instructions count.
const COUNTED: &str = "*counts::paths::counted*";

/// `name -> instructions`, and under `surroundings` what they were counted in.
type Figures = BTreeMap<String, String>;

fn main() -> ExitCode {
    if let Ok(path) = std::env::var(PATH) {
        paths::walk(&path);
        return ExitCode::SUCCESS;
    }
    let bless = std::env::args().any(|argument| argument == "--bless");
    match Command::new("valgrind").arg("--version").output() {
        Ok(version) if version.status.success() => compare(&String::from_utf8_lossy(&version.stdout), bless),
        _ => {
            say("valgrind is not installed: nothing was counted");
            ExitCode::FAILURE
        }
    }
}

fn compare(valgrind: &str, bless: bool) -> ExitCode {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("figures.txt");
    let committed = parse(&std::fs::read_to_string(&file).unwrap_or_default());
    let mut found = Figures::new();
    let key = RsaKey::generate(&mut SeededDice::new(1)).to_private_pem();
    for path in paths::PATHS {
        let (count, features) = count(path, &key);
        found.insert(path.to_owned(), (count / u64::from(paths::TIMES)).to_string());
        let surroundings = format!("{}; {}; {features}", paths::COMPILER.trim(), valgrind.trim());
        found.insert("surroundings".to_owned(), surroundings);
    }
    let alike = committed.get("surroundings") == found.get("surroundings");
    say(&format!("counted in: {}", found["surroundings"]));
    if !alike {
        let theirs = committed.get("surroundings").map_or("nothing", String::as_str);
        say(&format!("the figures are of: {theirs}\nprinted, not judged"));
    }
    let number = |figures: &Figures, path: &str| figures.get(path).and_then(|n| n.parse::<f64>().ok());
    let mut costlier = false;
    for path in paths::PATHS {
        let now = number(&found, path).unwrap_or_default();
        let line = match number(&committed, path) {
            Some(before) if before > 0.0 => {
                let percent = (now / before - 1.0) * 100.0;
                costlier |= percent > PERCENT_MAX;
                let verdict = match percent {
                    p if p > PERCENT_MAX => "  COSTLIER",
                    p if p < -PERCENT_MAX => "  cheaper: bless it",
                    _ => "",
                };
                format!("{path:<24} {now:>10}  {percent:+.1} %{verdict}")
            }
            _ => format!("{path:<24} {now:>10}  new"),
        };
        say(&line);
    }
    if bless {
        let text = found.iter().fold(String::new(), |mut text, (name, value)| {
            let _ = writeln!(text, "{name} = {value}");
            text
        });
        if let Err(e) = std::fs::write(&file, text) {
            say(&format!("{}: {e}", file.display()));
            return ExitCode::FAILURE;
        }
        return ExitCode::SUCCESS;
    }
    if alike && costlier { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Instructions of all the times that a child process walks `path`, and what it saw of the processor.
fn count(path: &str, key: &str) -> (u64, String) {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(std::env::current_exe().unwrap_or_default())
        .env(PATH, path)
        .env(paths::KEY, key)
        .output();
    let (said, features) = match &output {
        Ok(output) => (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout)),
        Err(e) => (e.to_string().into(), "".into()),
    };
    let collected =
        said.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
    let count = collected.and_then(|count| count.parse().ok()).filter(|count| *count > 0);
    (count.unwrap_or_else(|| panic!("{path} was not counted: {said}")), features.trim().to_owned())
}

fn parse(text: &str) -> Figures {
    let lines = text.lines().filter_map(|line| line.split_once(" = "));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[expect(clippy::print_stdout, reason = "a program whose figures are read where it was called")]
fn say(text: &str) {
    println!("{text}");
}
