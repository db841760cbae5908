//! How far the API is answered, as a table: made here, kept current by a test.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::method::Depth;
use crate::methods;

/// Every method of every served layer with how far it is answered.
#[must_use]
pub fn depths() -> BTreeMap<&'static str, Option<Depth>> {
    let mut all: BTreeMap<&str, Option<Depth>> =
        tl::methods().iter().map(|(name, _)| (*name, None)).collect();
    for row in methods::rows() {
        all.insert(row.name, Some(row.depth));
    }
    all
}

/// The coverage page, in Markdown.
#[must_use]
pub fn page() -> String {
    let depths = depths();
    let count = |wanted: Option<Depth>| depths.values().filter(|depth| **depth == wanted).count();
    let mut page = String::from("# Which methods are answered\n\n");
    let _ = writeln!(
        page,
        "Generated from the method tables (`CHAPPE_BLESS=1 cargo test -p chappe-api coverage`). {} methods are answered with a \
         real effect, {} with the well-formed nothing that clients expect at start-up, {} not yet (`METHOD_INVALID`).\n",
        count(Some(Depth::Real)),
        count(Some(Depth::Empty)),
        count(None),
    );
    page.push_str("| method | answered |\n|---|---|\n");
    for (name, depth) in depths {
        let depth = match depth {
            Some(Depth::Real) => "real",
            Some(Depth::Empty) => "empty",
            None => "not yet",
        };
        let _ = writeln!(page, "| `{name}` | {depth} |");
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::{env, fs};

    use super::*;

    #[test]
    fn the_coverage_page_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol-spec/coverage.md");
        let page = page();
        if env::var_os("CHAPPE_BLESS").is_some() {
            fs::write(path, &page).expect("the page can be written");
        }
        let kept = fs::read_to_string(path).unwrap_or_default();
        assert!(kept == page, "run `CHAPPE_BLESS=1 cargo test -p chappe-api coverage` and commit the page");
    }

    #[test]
    fn every_method_has_one_row_and_a_known_name() {
        let known: BTreeSet<&str> = tl::methods().iter().map(|(name, _)| *name).collect();
        let mut seen = BTreeSet::new();
        for row in methods::rows() {
            assert!(known.contains(row.name), "{} is no method", row.name);
            assert!(seen.insert(row.name), "{} has two rows", row.name);
        }
    }
}
