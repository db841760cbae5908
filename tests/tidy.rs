//! Structure and style, checked by `cargo test`: the arrows between the crates, short files, a reason beside every
//! dependency, nothing left half done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file, in lines: what does not fit wants to be two things.
const FILE_LINES_MAX: usize = 800;
/// Longest line, in characters: rustfmt's 110 and a little for strings and comments.
const LINE_CHARS_MAX: usize = 130;

/// What a crate may use of the house, and words that must not occur in it outside tests.
struct Arrow {
    from: &'static str,
    to: &'static [&'static str],
    never: &'static [&'static str],
}

/// The real clock, dice, sockets and threads of a runtime: all of them belong to the rim.
const WORLD: [&str; 7] =
    ["tokio::", "TcpStream", "SystemTime", "Instant::now", "thread_rng", "rand::rng(", "getrandom"];

/// The table of arrows of ARCHITECTURE.md.
const ARROWS: [Arrow; 16] = [
    Arrow { from: "tl-gen", to: &[], never: &WORLD },
    Arrow { from: "tl", to: &["tl-gen"], never: &WORLD },
    Arrow { from: "env", to: &[], never: &WORLD },
    Arrow { from: "heap", to: &[], never: &WORLD },
    Arrow { from: "cipher", to: &[], never: &WORLD },
    Arrow { from: "aside", to: &[], never: &["tokio::", "TcpStream"] },
    Arrow { from: "mtproto", to: &["tl", "env", "cipher"], never: &WORLD },
    Arrow { from: "store", to: &["tl"], never: &["tokio::", "mtproto::", "tl::functions"] },
    Arrow {
        from: "model",
        to: &["store", "tl", "env"],
        never: &["tokio::", "sled::", "fjall::", "tl::functions"],
    },
    Arrow {
        from: "api",
        to: &["model", "store", "tl", "env"],
        never: &["tokio::", "TcpStream", "sled::", "fjall::"],
    },
    Arrow { from: "blobs", to: &[], never: &["TcpStream"] },
    Arrow { from: "bus", to: &[], never: &["TcpStream"] },
    Arrow {
        from: "gateway",
        to: &["mtproto", "api", "blobs", "bus", "tl", "env", "aside"],
        never: &["sled::", "fjall::"],
    },
    Arrow { from: "torture", to: &["mtproto", "tl", "env"], never: &["sled::", "fjall::"] },
    Arrow {
        from: "targets",
        to: &["api", "model", "store", "mtproto", "cipher", "tl", "tl-gen", "env"],
        never: &WORLD,
    },
    Arrow { from: "load", to: &["mtproto", "tl", "env", "aside"], never: &["sled::", "fjall::"] },
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All files below `folder` with one of these extensions; what was generated (`golden`) is not looked at.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && name != "target" && name != "__pycache__" && name != "golden" {
                folders.push(path);
            } else if path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every source file of the repository.
fn sources() -> Vec<PathBuf> {
    let folders = ["src", "tests", "benches", "fuzz", "examples"];
    folders.iter().flat_map(|folder| files(&root().join(folder), &["rs", "py"])).collect()
}

/// A path as one names it in the repository.
fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The part of a source file that is not tests: up to `#[cfg(test)]` over a module, nothing of a file of tests.
fn without_tests(path: &Path, text: &str) -> String {
    let of_tests = path.components().any(|part| part.as_os_str() == "tests")
        || path.file_stem().is_some_and(|stem| stem == "tests" || stem == "world_tests");
    if of_tests {
        return String::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let end = lines
        .windows(2)
        .position(|pair| pair[0].trim() == "#[cfg(test)]" && pair[1].trim_start().starts_with("mod "))
        .filter(|at| lines[at + 1].trim_end().ends_with('{'))
        .unwrap_or(lines.len());
    lines[..end].join("\n")
}

/// A line without its comment.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(before, _)| before)
}

/// `section -> lines` of a manifest.
fn manifest(path: &Path) -> BTreeMap<String, Vec<String>> {
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in read(path).lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name.to_owned();
            sections.entry(section.clone()).or_default();
        } else if !line.is_empty() && !line.starts_with('#') {
            sections.entry(section.clone()).or_default().push(line.to_owned());
        }
    }
    sections
}

/// The crates in `src/`, by folder.
fn crates() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("src")).expect("src");
    let folders = entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir());
    folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn nothing(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}\n", found.join("\n  "));
}

#[test]
fn crates_use_each_other_only_along_the_arrows() {
    let crates = crates();
    let listed: BTreeSet<String> = ARROWS.iter().map(|arrow| arrow.from.to_owned()).collect();
    assert_eq!(crates, listed, "every folder in src/ has a row in the table of arrows");
    let mut wrong = Vec::new();
    for arrow in &ARROWS {
        let sections = manifest(&root().join("src").join(arrow.from).join("Cargo.toml"));
        for section in ["dependencies", "build-dependencies"] {
            for line in sections.get(section).into_iter().flatten() {
                let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
                if crates.contains(name) && !arrow.to.contains(&name) {
                    wrong.push(format!("{} uses {name}", arrow.from));
                }
            }
        }
    }
    nothing(&wrong, "arrows that the design does not have");
}

#[test]
fn crates_keep_out_of_what_is_not_theirs() {
    let mut wrong = Vec::new();
    for arrow in &ARROWS {
        for path in files(&root().join("src").join(arrow.from), &["rs"]) {
            let text = without_tests(&path, &read(&path));
            for (number, line) in text.lines().enumerate() {
                if let Some(word) = arrow.never.iter().find(|word| code(line).contains(**word)) {
                    wrong.push(format!("{}:{}: {word}", short(&path), number + 1));
                }
            }
        }
    }
    nothing(&wrong, "words that do not belong into the crate");
}

#[test]
fn crates_are_flat_and_take_versions_and_lints_from_the_root() {
    let mut wrong = Vec::new();
    for name in crates() {
        let folder = root().join("src").join(&name);
        let sections = manifest(&folder.join("Cargo.toml"));
        let has = |section: &str, line: &str| {
            sections.get(section).is_some_and(|lines| lines.iter().any(|l| l == line))
        };
        // What the workspace forbids cannot be allowed for one module: such a crate repeats the rest of the table.
        let with_unsafe = WITH_UNSAFE.iter().any(|(excused, _)| *excused == name);
        if with_unsafe && !has("lints.rust", "unsafe_code = \"deny\"") {
            wrong.push(format!("{name}: unsafe code is not even denied"));
        }
        if !with_unsafe && !has("lints", "workspace = true") {
            wrong.push(format!("{name}: no `[lints] workspace = true`"));
        }
        if !has("lib", "path = \"lib.rs\"") {
            wrong.push(format!("{name}: no `[lib] path = \"lib.rs\"`"));
        }
        if !has("package", "version.workspace = true") {
            wrong.push(format!("{name}: a version of its own"));
        }
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for line in sections.get(section).into_iter().flatten() {
                if !line.contains("workspace = true") {
                    wrong.push(format!("{name}: `{line}` does not come from the workspace"));
                }
            }
        }
    }
    nothing(&wrong, "manifests");
}

#[test]
fn every_dependency_has_a_reason() {
    let sections = manifest(&root().join("Cargo.toml"));
    let lines = sections.get("workspace.dependencies").expect("[workspace.dependencies]");
    let wrong: Vec<String> = lines
        .iter()
        .filter(|line| !line.contains("path = "))
        .filter(|line| line.rsplit_once(" # ").is_none_or(|(_, reason)| reason.len() < 10))
        .cloned()
        .collect();
    nothing(&wrong, "dependencies without `# reason` behind them");
}

#[test]
fn files_are_short_and_lines_too() {
    let mut wrong = Vec::new();
    for path in sources() {
        let text = read(&path);
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{}: {lines} lines", short(&path)));
        }
        for (number, line) in text.lines().enumerate() {
            if line.chars().count() > LINE_CHARS_MAX {
                wrong.push(format!("{}:{}: {} characters", short(&path), number + 1, line.chars().count()));
            }
            if line.ends_with([' ', '\t']) {
                wrong.push(format!("{}:{}: space at the end", short(&path), number + 1));
            }
        }
    }
    nothing(&wrong, "too long");
}

#[test]
fn nothing_is_left_half_done() {
    let words = [".unwrap()", "todo!(", "unimplemented!(", "dbg!(", "allow(dead_code", "allow(unused"];
    let mut wrong = Vec::new();
    for path in files(&root().join("src"), &["rs"]) {
        let text = without_tests(&path, &read(&path));
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| code(line).contains(**word)) {
                wrong.push(format!("{}:{}: {word}", short(&path), number + 1));
            }
        }
    }
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    for path in sources() {
        for (number, line) in read(&path).lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                wrong.push(format!("{}:{}: a note to do it later", short(&path), number + 1));
            }
        }
    }
    nothing(&wrong, "half done");
}

#[test]
fn a_lint_is_silenced_only_with_a_reason() {
    let mut wrong = Vec::new();
    for path in sources().into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let silences = ["#[allow(", "#![allow(", "#[expect(", "#![expect("].iter();
            let opens = silences.clone().any(|open| line.trim_start().starts_with(open));
            let until = lines.len().min(number + 6);
            if opens
                && !lines[number..until].join(" ").split("]").next().unwrap_or_default().contains("reason")
            {
                wrong.push(format!("{}:{}", short(&path), number + 1));
            }
        }
    }
    nothing(&wrong, "lints silenced without `reason = \"...\"`");
}

#[test]
fn no_file_names_a_machine() {
    let folders = ["src", "tests", "benches", "fuzz", "examples", "protocol-spec", ".ci"];
    let kinds = ["rs", "py", "md", "toml", "tl", "tsv", "txt", "run", "sh", "json"];
    let mut paths: Vec<PathBuf> =
        folders.iter().flat_map(|folder| files(&root().join(folder), &kinds)).collect();
    let top = fs::read_dir(root()).expect("the repository").filter_map(Result::ok).map(|entry| entry.path());
    paths.extend(top.filter(|path| path.extension().is_some_and(|e| kinds.iter().any(|kind| e == *kind))));
    paths.push(root().join(".ci/run"));
    let words =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("C:", "\\Users")];
    let mut wrong = Vec::new();
    for path in paths.into_iter().filter(|path| path.is_file()) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                wrong.push(format!("{}:{}: {word}", short(&path), number + 1));
            }
        }
    }
    nothing(&wrong, "paths of one machine");
}

/// Crates that may hold `unsafe`, and why. Everything else forbids it.
const WITH_UNSAFE: [(&str, &str); 3] = [
    ("aside", "two system calls about the slice of a thread, which no crate with a safe face makes"),
    ("cipher", "the AES and SHA instructions of x86-64, which the compiler cannot know to be there"),
    ("heap", "an allocator is unsafe by its trait; it calls mimalloc and does nothing else"),
];

#[test]
fn unsafe_code_is_forbidden_in_every_crate() {
    let mut heads: Vec<PathBuf> =
        crates().iter().map(|name| root().join("src").join(name).join("lib.rs")).collect();
    heads.extend(["src/lib.rs", "src/main.rs"].map(|path| root().join(path)));
    let excused =
        |path: &Path| WITH_UNSAFE.iter().any(|(name, _)| path.ends_with(format!("src/{name}/lib.rs")));
    let mut wrong = Vec::new();
    for path in heads.iter().filter(|path| !excused(path)) {
        if !read(path).lines().any(|line| line == "#![forbid(unsafe_code)]") {
            wrong.push(short(path));
        }
    }
    nothing(&wrong, "crates without `#![forbid(unsafe_code)]`");
    let reasonless: Vec<_> = WITH_UNSAFE.iter().filter(|(_, why)| why.len() < 20).collect();
    assert!(reasonless.is_empty(), "unsafe without a reason: {reasonless:?}");
}

/// What is missing of an advisory that `deny.toml` puts aside, `today` being a day like `2026-11-30`.
fn faults_of_ignored(line: &str, today: &str) -> Vec<&'static str> {
    let mut faults = Vec::new();
    let after = |key: &str| {
        line.split_once(key).map(|(_, rest)| rest.split(['"', '|']).next().unwrap_or_default().trim())
    };
    let is_id = after("id = \"")
        .is_some_and(|id| id.starts_with("RUSTSEC-") && id.len() == "RUSTSEC-2023-0071".len());
    if !is_id {
        faults.push("no id of an advisory");
    }
    if after("reason = \"").is_none_or(|reason| reason.len() < 40) {
        faults.push("no reason");
    }
    if after("| owner: ").is_none_or(|owner| owner.len() < 5) {
        faults.push("no owner");
    }
    match after("| until: ") {
        Some(day) if day.len() == "2026-11-30".len() && day.split('-').count() == 3 => {
            if day < today {
                faults.push("the day has passed: look at it again");
            }
        }
        _ => faults.push("no day"),
    }
    faults
}

/// A day as one writes it, from the days since the Unix epoch (Gregorian, from 1970 on).
fn day(mut days: u64) -> String {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}", month + 1, days + 1)
}

#[test]
fn advisories_that_are_put_aside_have_a_reason_an_owner_and_a_day_that_is_to_come() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let today = day(now.as_secs() / 86_400);
    let text = read(&root().join("deny.toml"));
    let (_, ignored) = text.split_once("ignore = [").expect("a list of advisories");
    let (ignored, _) = ignored.split_once("\n]").expect("its end");
    let lines: Vec<&str> = ignored.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert!(!lines.is_empty());
    let mut wrong = Vec::new();
    for line in &lines {
        wrong.extend(faults_of_ignored(line, &today).iter().map(|fault| format!("{line}: {fault}")));
    }
    nothing(&wrong, "advisories in deny.toml");
    // And the check can fail.
    assert_eq!(day(0), "1970-01-01");
    assert_eq!((day(20_776), day(19_782)), ("2026-11-19".to_owned(), "2024-02-29".to_owned()));
    assert_eq!(faults_of_ignored(lines[0], "9999-01-01"), ["the day has passed: look at it again"]);
    assert_eq!(faults_of_ignored("{ id = \"RUSTSEC-2023-0071\", reason = \"so\" }", "2026-01-01").len(), 3);
}
