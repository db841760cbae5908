//! The format of the store does not change by accident: what this format ever wrote is still read.
//!
//! `protocol-spec/store-format.txt` lists the tables and the stored lines. `CHAPPE_BLESS=1 cargo test --test format` adds what
//! is new. What is in the list and not in the sources any more is an error: the line comes back as an older shape, or
//! `store::FORMAT` grows and the list begins anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The stored lines of `schema.tl`, as the CRC that names them on disk reads them: without comments and double spaces.
fn stored(schema: &str) -> impl Iterator<Item = String> {
    let lines = schema.lines().skip_while(|line| *line != "---store---").skip(1);
    lines.filter_map(|line| {
        let line = line.split("//").next().unwrap_or_default().trim();
        line.starts_with("stored.").then(|| line.split_whitespace().collect::<Vec<_>>().join(" "))
    })
}

/// The tables: `NAME key record family`.
fn tables(source: &str) -> impl Iterator<Item = String> {
    source.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("pub const ")?.split_once(": Table<")?;
        let (shape, how) = rest.split_once("> = Table::")?;
        let (kind, family) = how.split_once('(')?;
        let kind = if kind == "new" { String::new() } else { format!(" {kind}") };
        Some(format!("table {name} {shape} {}{kind}", family.trim_end_matches(");")))
    })
}

#[test]
fn what_this_format_ever_wrote_is_still_read() {
    let list = "protocol-spec/store-format.txt";
    let head = format!(
        "# Format {} of the store: its tables, and every stored line that it ever had. Kept by tests/format.rs.",
        store::FORMAT
    );
    let now: BTreeSet<String> =
        tables(&read("src/model/tables.rs")).chain(stored(&read("schema.tl"))).collect();
    assert!(now.len() > 80, "the sources were read: {}", now.len());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(list);
    let known = fs::read_to_string(&path).unwrap_or_default();
    let fresh = !known.starts_with(&head);
    let before: BTreeSet<String> =
        if fresh { BTreeSet::new() } else { known.lines().skip(1).map(str::to_owned).collect() };
    let gone: Vec<&String> = before.difference(&now).collect();
    assert!(
        gone.is_empty(),
        "rows that were written so cannot be read any more:\n{gone:#?}\nAn old line moves down and stays; if it cannot, \
         store::FORMAT grows."
    );
    if std::env::var_os("CHAPPE_BLESS").is_some_and(|bless| bless == "1") {
        let all: Vec<&str> = now.iter().map(String::as_str).collect();
        fs::write(&path, format!("{head}\n{}\n", all.join("\n"))).expect("written");
        return;
    }
    let new: Vec<&String> = now.difference(&before).collect();
    assert!(new.is_empty(), "not in {list} yet, CHAPPE_BLESS=1 adds it:\n{new:#?}");
}
