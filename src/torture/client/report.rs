//! What came of the cases, as a table or as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::script::Case;

/// What came of one case.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The case.
    pub case: Case,
    /// Whether the server kept the rule.
    pub verdict: Verdict,
}

/// Whether a server kept a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It did; what was heard.
    Passed(String),
    /// It did not; what was heard instead.
    Failed(String),
    /// It was not tried; why.
    Skipped(&'static str),
}

impl Outcome {
    /// What was heard, or why nothing was tried.
    #[must_use]
    pub fn got(&self) -> &str {
        match &self.verdict {
            Verdict::Passed(heard) | Verdict::Failed(heard) => heard,
            Verdict::Skipped(why) => why,
        }
    }

    /// The verdict in a word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Passed(_) => "passed",
            Verdict::Failed(_) => "FAILED",
            Verdict::Skipped(_) => "skipped",
        }
    }
}

/// The table of all outcomes, and their sum.
#[must_use]
pub fn table(outcomes: &[Outcome], took: Duration) -> String {
    let heads = ["case", "rule", "expected", "got", "verdict"];
    let rows: Vec<[String; 5]> = outcomes
        .iter()
        .map(|outcome| {
            let case = &outcome.case;
            let (got, word) = (outcome.got().to_owned(), outcome.word().to_owned());
            [case.name.to_owned(), case.rules.to_owned(), case.expected(), got, word]
        })
        .collect();
    let mut out = columns(&heads, &rows);
    let count = |word: &str| outcomes.iter().filter(|outcome| outcome.word() == word).count();
    let (passed, failed, skipped) = (count("passed"), count("FAILED"), count("skipped"));
    let seconds = took.as_secs_f64();
    let _ = writeln!(
        out,
        "\n{} cases: {passed} passed, {failed} failed, {skipped} skipped, in {seconds:.1} s",
        outcomes.len()
    );
    for (why, n) in skipped_by_reason(outcomes) {
        let _ = writeln!(out, "{n} skipped: {why}");
    }
    out
}

/// Why cases were skipped, and how many for each reason.
fn skipped_by_reason(outcomes: &[Outcome]) -> BTreeMap<&'static str, usize> {
    let mut reasons = BTreeMap::new();
    for outcome in outcomes {
        if let Verdict::Skipped(why) = outcome.verdict {
            *reasons.entry(why).or_default() += 1;
        }
    }
    reasons
}

/// The table of cases that were not played.
#[must_use]
pub fn list(cases: &[Case]) -> String {
    let row = |case: &Case| [case.name.to_owned(), case.rules.to_owned(), case.expected()];
    let rows: Vec<[String; 3]> = cases.iter().map(row).collect();
    let mut out = columns(&["case", "rule", "expected"], &rows);
    let _ = writeln!(out, "\n{} cases", cases.len());
    out
}

/// Left-aligned columns; the last two may be as long as they like.
fn columns<const N: usize>(heads: &[&str; N], rows: &[[String; N]]) -> String {
    const WIDTH_MAX: usize = 48;
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(heads.get(column).map(|head| head.len())).max().unwrap_or(0).min(WIDTH_MAX)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            let _ = write!(text, "{cell:<width$}  ");
        }
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(&mut heads.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    out
}

/// All outcomes as a JSON array of objects.
#[must_use]
pub fn json(outcomes: &[Outcome]) -> String {
    let row = |outcome: &Outcome| {
        let case = &outcome.case;
        format!(
            "  {{\"case\": {}, \"rules\": {}, \"expected\": {}, \"got\": {}, \"verdict\": {}}}",
            string(case.name),
            list_of(case.rules),
            string(&case.expected()),
            string(outcome.got()),
            string(&outcome.word().to_lowercase())
        )
    };
    array(outcomes.iter().map(row))
}

/// The cases with their scripts as a JSON array of objects.
#[must_use]
pub fn list_json(cases: &[Case]) -> String {
    let row = |case: &Case| {
        let steps: Vec<String> = case.steps.iter().map(|step| string(&format!("{step:?}"))).collect();
        format!(
            "  {{\"case\": {}, \"rules\": {}, \"steps\": [{}], \"expected\": {}}}",
            string(case.name),
            list_of(case.rules),
            steps.join(", "),
            string(&case.expected())
        )
    };
    array(cases.iter().map(row))
}

fn array(rows: impl Iterator<Item = String>) -> String {
    format!("[\n{}\n]\n", rows.collect::<Vec<_>>().join(",\n"))
}

fn list_of(rules: &str) -> String {
    format!("[{}]", rules.split(", ").map(string).collect::<Vec<_>>().join(", "))
}

/// A JSON string.
fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_escapes_what_it_must() {
        assert_eq!(string("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
    }

    #[test]
    fn what_was_skipped_is_told_by_reason() {
        let case = crate::client::script::case("a.b", "TR-1", &[]);
        let outcome = |why| Outcome { case, verdict: Verdict::Skipped(why) };
        let text = table(&[outcome("no b"), outcome("no a"), outcome("no b")], Duration::ZERO);
        assert!(
            text.ends_with("0 passed, 0 failed, 3 skipped, in 0.0 s\n1 skipped: no a\n2 skipped: no b\n"),
            "{text}"
        );
    }

    #[test]
    fn columns_line_up() {
        let rows = [["a".to_owned(), "b".to_owned()], ["long".to_owned(), "c".to_owned()]];
        assert_eq!(columns(&["x", "y"], &rows), "x     y\na     b\nlong  c\n");
    }
}
