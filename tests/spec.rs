//! The specification against the code, checked by `cargo test`: every rule that binds the server is kept somewhere and
//! proven by some test, whatever the chapters name exists, and the two generated pages (`rules.md`, `13-limits.md`) are current.
//! `CHAPPE_BLESS=1` writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a page of prose ends and what is generated begins.
const GENERATED: &str = "<!-- generated -->";

/// Longest short form of a rule on the page of rules, in characters.
const SHORT_CHARS_MAX: usize = 140;

/// The first part of every rule's id.
const CHAPTERS: [&str; 10] = ["TR", "UDP", "HS", "REC", "SES", "SVC", "TL", "PFS", "SRP", "E2E"];

/// One rule of `01-requirements.toml`.
#[derive(Debug, Default)]
struct Rule {
    id: String,
    r: String,
    level: String,
    who: String,
    page: Vec<String>,
    text: String,
    /// `later` for a rule about something that this server does not have yet; else empty.
    status: String,
    /// Why it is for later.
    why: String,
}

impl Rule {
    fn binds_server(&self) -> bool {
        self.who != "client"
    }

    fn is_later(&self) -> bool {
        self.status == "later"
    }

    /// Whether it must be kept and proven today.
    fn is_due(&self) -> bool {
        self.level == "MUST" && self.binds_server() && !self.is_later()
    }

    /// Its first clause.
    fn short(&self) -> String {
        let end = [";", ". "].iter().filter_map(|mark| self.text.find(mark)).min();
        let clause = self.text.get(..end.unwrap_or(self.text.len())).unwrap_or_default();
        let clause = clause.trim_end_matches('.');
        if clause.chars().count() <= SHORT_CHARS_MAX {
            return clause.to_owned();
        }
        let cut: String = clause.chars().take(SHORT_CHARS_MAX).collect();
        format!("{} ...", cut.rsplit_once(' ').map_or(&*cut, |(whole_words, _)| whole_words))
    }
}

/// What a citation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// `// spec: ID`: the code below keeps the rule.
    Kept,
    /// `// proves: ID`: the test below shows it.
    Proven,
}

/// One id in one citation.
#[derive(Debug)]
struct Citation {
    rule: String,
    says: Says,
    /// The file, from the root of the repository.
    path: String,
    line: usize,
    /// The function that it stands in or over, with its type.
    function: String,
    /// Whether it stands in code that only tests compile.
    in_tests: bool,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A path as one names it in the repository.
fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// All files below `folder` with this extension, in order.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<PathBuf> {
    ["src", "tests"].iter().flat_map(|folder| files(&root().join(folder), "rs")).collect()
}

fn chapters() -> Vec<PathBuf> {
    files(&root().join("protocol-spec"), "md")
}

fn nothing(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}\n", found.join("\n  "));
}

// ---- the rules

/// Reads the file of rules. Its form is as plain as can be (tables of strings, one line each), so that this is all the TOML
/// that is needed; anything else in it is an error.
fn rules() -> Vec<Rule> {
    let path = root().join("protocol-spec/01-requirements.toml");
    let mut rules: Vec<Rule> = Vec::new();
    for (number, line) in read(&path).lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "[[rule]]" {
            rules.push(Rule::default());
            continue;
        }
        let at = format!("{}:{}", short(&path), number + 1);
        let rule = rules.last_mut().unwrap_or_else(|| panic!("{at}: before the first rule"));
        let (key, value) = line.split_once(" = ").unwrap_or_else(|| panic!("{at}: no `key = value`"));
        if key == "page" {
            let list = value.strip_prefix('[').and_then(|v| v.strip_suffix(']'));
            let list = list.unwrap_or_else(|| panic!("{at}: no list"));
            rule.page = list.split(", ").filter(|page| !page.is_empty()).map(|p| string(p, &at)).collect();
            continue;
        }
        let field = match key {
            "id" => &mut rule.id,
            "r" => &mut rule.r,
            "level" => &mut rule.level,
            "who" => &mut rule.who,
            "text" => &mut rule.text,
            "status" => &mut rule.status,
            "why" => &mut rule.why,
            _ => panic!("{at}: nobody knows `{key}`"),
        };
        *field = string(value, &at);
    }
    rules
}

fn string(quoted: &str, at: &str) -> String {
    let inner = quoted.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    let inner = inner.filter(|inner| !inner.contains(['"', '\\']));
    inner.unwrap_or_else(|| panic!("{at}: not a plain string: {quoted}")).to_owned()
}

// ---- the citations

fn citations() -> Vec<Citation> {
    let of_tests = test_modules();
    let is_of_tests =
        |path: &Path| of_tests.contains(path) || path.components().any(|part| part.as_os_str() == "tests");
    sources().iter().flat_map(|path| citations_of(path, is_of_tests(path))).collect()
}

/// The files that `#[cfg(test)]` over `mod x;` keeps for tests.
fn test_modules() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for path in sources() {
        let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("lib" | "main" | "mod") => path.parent().map(Path::to_path_buf),
            _ => Some(path.with_extension("")),
        };
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0].trim() == "#[cfg(test)]") {
            let (_, declared) = pair[1].split_once("mod ").unwrap_or_default();
            if let (Some(name), Some(folder)) = (declared.strip_suffix(';'), &folder) {
                found.insert(folder.join(format!("{name}.rs")));
                found.insert(folder.join(name).join("mod.rs"));
            }
        }
    }
    found
}

fn citations_of(path: &Path, of_tests: bool) -> Vec<Citation> {
    let text = read(path);
    let lines: Vec<&str> = text.lines().collect();
    let tests_from = lines.windows(2).position(|pair| {
        pair[0].trim() == "#[cfg(test)]" && pair[1].contains("mod ") && pair[1].ends_with('{')
    });
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let line = line.trim_start();
        let (says, ids) = if let Some(ids) = line.strip_prefix("// spec: ") {
            (Says::Kept, ids)
        } else if let Some(ids) = line.strip_prefix("// proves: ") {
            (Says::Proven, ids)
        } else {
            continue;
        };
        for rule in ids.split(',').map(str::trim) {
            found.push(Citation {
                rule: rule.to_owned(),
                says,
                path: short(path),
                line: at + 1,
                function: function_at(&lines, at),
                in_tests: of_tests || tests_from.is_some_and(|from| at > from),
            });
        }
    }
    found
}

/// The function that a citation at line `at` stands directly over, else the one that it stands in, with its type.
fn function_at(lines: &[&str], at: usize) -> String {
    let indent = indent(lines.get(at).copied().unwrap_or_default());
    let below = lines.iter().enumerate().skip(at + 1).find(|(_, line)| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with("//") && !line.starts_with("#[")
    });
    let over = below.filter(|(_, line)| self::indent(line) == indent);
    let over = over.and_then(|(at, line)| Some((at, function_name(line)?)));
    let around = || {
        let above = lines.iter().enumerate().take(at).rev().filter(|(_, line)| self::indent(line) < indent);
        above.filter_map(|(at, line)| Some((at, function_name(line)?))).next()
    };
    match over.or_else(around) {
        Some((at, name)) => type_at(lines, at).map_or(name.to_owned(), |owner| format!("{owner}::{name}")),
        None => "all of it".to_owned(),
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The name of the function that begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    while let Some(after) = ["pub(crate) ", "pub(super) ", "pub ", "const ", "async "]
        .iter()
        .find_map(|word| rest.strip_prefix(word))
    {
        rest = after;
    }
    let rest = rest.strip_prefix("fn ")?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    rest.get(..end)
}

/// The type whose `impl` the function at line `at` stands in.
fn type_at<'a>(lines: &[&'a str], at: usize) -> Option<&'a str> {
    let inner = indent(lines.get(at)?);
    let outer = lines.iter().take(at).rev().find(|line| !line.is_empty() && indent(line) < inner)?;
    let head = outer.trim_start().strip_prefix("impl")?;
    let named = match head.rsplit_once(" for ") {
        Some((_, named)) => named,
        None if head.starts_with('<') => head.split_once("> ").map_or(head, |(_, named)| named),
        None => head,
    };
    let end = named.trim_start().find(['<', ' ', '{'])?;
    named.trim_start().get(..end)?.rsplit("::").next()
}

// ---- the checks

#[test]
fn rules_are_well_formed() {
    let mut wrong = Vec::new();
    let (mut ids, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for rule in rules() {
        let id = &rule.id;
        let known = id
            .split_once('-')
            .is_some_and(|(chapter, n)| CHAPTERS.contains(&chapter) && n.parse::<u32>().is_ok_and(|n| n > 0));
        if !known || !ids.insert(id.clone()) {
            wrong.push(format!("{id}: not an id, or there twice"));
        }
        if rule.r != "own" && (!rule.r.starts_with("R-") || !numbers.insert(rule.r.clone())) {
            wrong.push(format!("{id}: `{}` is no number of a statement, or there twice", rule.r));
        }
        if (rule.r == "own") != rule.page.is_empty() {
            wrong.push(format!("{id}: a page for what is documented, and none for what is ours"));
        }
        if !["MUST", "SHOULD", "MAY"].contains(&&*rule.level) {
            wrong.push(format!("{id}: level `{}`", rule.level));
        }
        if !["server", "client", "both"].contains(&&*rule.who) {
            wrong.push(format!("{id}: binds `{}`", rule.who));
        }
        if rule.text.len() < 20 || !rule.text.ends_with('.') {
            wrong.push(format!("{id}: no sentence"));
        }
        if !["", "later"].contains(&&*rule.status) || rule.is_later() != (rule.why.len() >= 20) {
            wrong.push(format!("{id}: `status = \"later\"` has a `why`, and nothing else has one"));
        }
    }
    nothing(&wrong, "rules that are not well formed");
}

#[test]
fn citations_name_rules_and_stand_where_they_belong() {
    let rules = rules();
    let ids: BTreeSet<&str> = rules.iter().map(|rule| &*rule.id).collect();
    let mut wrong = Vec::new();
    for citation in citations() {
        let Citation { rule, path, line, .. } = &citation;
        if !ids.contains(&**rule) {
            wrong.push(format!("{path}:{line}: there is no rule {rule}"));
        }
        if citation.says == Says::Proven && !citation.in_tests {
            wrong.push(format!("{path}:{line}: {rule} is proven outside of tests"));
        }
        if citation.says == Says::Kept && citation.in_tests {
            wrong.push(format!("{path}:{line}: {rule} is kept by a test"));
        }
    }
    nothing(&wrong, "citations");
}

#[test]
fn every_rule_that_binds_the_server_is_kept_and_proven() {
    let citations = citations();
    let cited = |id: &str, says: Says| citations.iter().any(|c| c.rule == id && c.says == says);
    let (mut wrong, mut later) = (Vec::new(), Vec::new());
    for rule in rules() {
        let (kept, proven) = (cited(&rule.id, Says::Kept), cited(&rule.id, Says::Proven));
        if rule.is_due() && !kept {
            wrong.push(format!("{}: no `// spec: {}` over the code that keeps it", rule.id, rule.id));
        }
        if rule.is_due() && !proven {
            wrong.push(format!("{}: no `// proves: {}` over a test", rule.id, rule.id));
        }
        if rule.is_later() {
            if kept && proven {
                wrong.push(format!("{}: kept and proven, so it is not for later any more", rule.id));
            }
            later.push(format!("{} ({})", rule.id, rule.why));
        }
    }
    eprintln!("for later, {}: {}", later.len(), later.join("; "));
    nothing(&wrong, "gaps between the rules and the code");
}

#[test]
fn chapters_name_what_exists() {
    let rules = rules();
    let ids: BTreeSet<&str> = rules.iter().map(|rule| &*rule.id).collect();
    let mut wrong = Vec::new();
    for path in chapters() {
        for (number, line) in read(&path).lines().enumerate() {
            let at = format!("{}:{}", short(&path), number + 1);
            for word in line.split(|c: char| !c.is_alphanumeric() && c != '-') {
                let is_id = word.split_once('-').is_some_and(|(chapter, n)| {
                    CHAPTERS.contains(&chapter) && n.starts_with(|c: char| c.is_ascii_digit())
                });
                if is_id && !ids.contains(word) {
                    wrong.push(format!("{at}: there is no rule {word}"));
                }
            }
            for quoted in line.split('`').skip(1).step_by(2) {
                if !is_there(quoted) {
                    wrong.push(format!("{at}: there is no {quoted}"));
                }
            }
        }
    }
    nothing(&wrong, "chapters of the specification");
}

/// Whether what a chapter quotes exists, as far as it looks like a path (`src/...`, `tests/...`) or like a function of a file
/// (`mtproto/bind.rs: name`, below `src/` or from the root).
fn is_there(quoted: &str) -> bool {
    if let Some((path, function)) = quoted.split_once(".rs: ") {
        let places = ["src/", ""].map(|place| root().join(format!("{place}{path}.rs")));
        let text = places.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        return text.lines().filter_map(function_name).any(|name| name == function);
    }
    let is_path = ["src/", "tests/"].iter().any(|start| quoted.starts_with(start));
    !is_path || root().join(quoted).exists()
}

// ---- the order of checks

/// One row of `checks.toml`: a check that is taken away by `tests/checks.py`, and the test that must then fail.
type Check = BTreeMap<String, String>;

fn checks() -> Vec<Check> {
    let mut found: Vec<Check> = Vec::new();
    for line in read(&root().join("protocol-spec/checks.toml")).lines() {
        if line == "[[check]]" {
            found.push(Check::new());
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let plain = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
            let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let value = plain.map(str::to_owned).or_else(|| Some(quoted?.replace("\\n", "\n")));
            let value = value.unwrap_or_else(|| panic!("checks.toml: {line}"));
            found.last_mut().expect("[[check]] first").insert(key.to_owned(), value);
        }
    }
    found
}

#[test]
fn every_check_is_there_once_and_is_missed_by_a_test() {
    let mut wrong = Vec::new();
    let mut ids = BTreeSet::new();
    for check in checks() {
        let of = |key: &str| check.get(key).map_or("", String::as_str);
        let id = of("id");
        if !ids.insert(id.to_owned()) {
            wrong.push(format!("{id}: there twice"));
        }
        let text = read(&root().join(of("file")));
        let found = text.split_once(of("after")).is_some_and(|(_, rest)| rest.contains(of("check")));
        if of("check").is_empty() || !found {
            wrong.push(format!("{id}: {} has no `{}`", of("file"), of("check")));
        }
        if of("test").is_empty()
            || !of("test").split(", ").all(|test| test.contains(".rs: ") && is_there(test))
        {
            wrong.push(format!("{id}: there is no {}", of("test")));
        }
    }
    nothing(&wrong, "checks");
}

#[test]
fn the_page_of_checks_is_current() {
    let mut page = String::new();
    for (chapter, title) in [
        ("02", "Transport"),
        ("03", "Handshake"),
        ("04", "Records"),
        ("05", "Sessions"),
        ("09", "Temporary keys"),
    ] {
        let _ =
            writeln!(page, "### {title}\n\n| | the check | stands in | is missed by |\n|---|---|---|---|");
        for check in checks().iter().filter(|check| check.get("chapter").is_some_and(|of| of == chapter)) {
            let of = |key: &str| check.get(key).map_or("", String::as_str);
            let file = of("file");
            let short = file.trim_start_matches("src/");
            let (id, what, test) = (of("id"), of("what"), of("test"));
            let _ = writeln!(page, "| {id} | {what} | [{short}](../{file}) | `{test}` |");
        }
        page.push('\n');
    }
    check_page("17-checks.md", &page);
}

// ---- the generated pages

#[test]
fn the_page_of_rules_is_current() {
    let rules = rules();
    let mut cited: BTreeMap<(String, bool), Vec<String>> = BTreeMap::new();
    for citation in citations() {
        let (file, says) = (citation.path.trim_start_matches("src/").to_owned(), citation.says);
        let place = format!("[{file}](../{}) `{}`", citation.path, citation.function);
        let places = cited.entry((citation.rule, says == Says::Kept)).or_default();
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let cell = |rule: &Rule, kept: bool| {
        let places = cited.get(&(rule.id.clone(), kept)).map(|places| places.join("<br>"));
        match places {
            Some(places) => places,
            None if rule.is_later() => "later".to_owned(),
            None if !rule.is_due() => String::new(),
            None => "**missing**".to_owned(),
        }
    };
    let count = |wanted: &dyn Fn(&Rule) -> bool| rules.iter().filter(|rule| wanted(rule)).count();
    let mut page = String::new();
    let _ = writeln!(
        page,
        "{} rules. {} bind the server with MUST: {} are kept and proven, {} wait for what this server does not have yet. {} \
         bind the server with SHOULD or MAY, {} a client only.\n",
        rules.len(),
        count(&|rule| rule.level == "MUST" && rule.binds_server()),
        count(&Rule::is_due),
        count(&|rule| rule.level == "MUST" && rule.is_later()),
        count(&|rule| rule.level != "MUST" && rule.binds_server()),
        count(&|rule| !rule.binds_server()),
    );
    page.push_str("| rule | of | binds | in short | kept by | proven by |\n|---|---|---|---|---|---|\n");
    for rule in &rules {
        let weaker = if rule.level == "MUST" { String::new() } else { format!(", {}", rule.level) };
        let _ = writeln!(
            page,
            "| {} | {} | {}{weaker} | {} | {} | {} |",
            rule.id,
            rule.r,
            rule.who,
            rule.short(),
            cell(rule, true),
            cell(rule, false)
        );
    }
    page.push_str("\n## For later\n\n");
    for rule in rules.iter().filter(|rule| rule.is_later()) {
        let _ = writeln!(page, "* **{}**: {}", rule.id, rule.why);
    }
    check_page("rules.md", &page);
}

#[test]
fn the_page_of_limits_is_current() {
    let mut page = String::new();
    for path in files(&root().join("src"), "rs").iter().filter(|path| path.ends_with("limits.rs")) {
        let _ = writeln!(page, "### `{}`\n\n| name | value | what |\n|---|---|---|", short(path));
        let mut what: Vec<&str> = Vec::new();
        let text = read(path);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(doc) = line.strip_prefix("/// ") {
                what.push(doc);
            } else if let Some(constant) = line.strip_prefix("pub const ") {
                let mut constant = constant.to_owned();
                // rustfmt breaks the long ones.
                while !constant.ends_with(';') {
                    constant.push_str(lines.next().unwrap_or(";").trim());
                }
                let (name, value) =
                    constant.trim_end_matches(';').split_once(": ").expect("a constant has a type");
                let (_, value) = value.split_once(" = ").expect("a constant has a value");
                let _ =
                    writeln!(page, "| `{name}` | {} | {} |", plain(value), without_links(&what.join(" ")));
                what.clear();
            } else {
                what.clear();
            }
        }
        page.push('\n');
    }
    let settings = chappe::config::commented_default();
    let limits = settings.split("\n\n").find_map(|section| section.split_once("[limits]"));
    let (_, limits) = limits.expect("a section of limits");
    let _ = writeln!(page, "### Settings\n\n```toml\n[limits]{limits}\n```");
    check_page("13-limits.md", &page);
}

/// A value as one reads it.
fn plain(value: &str) -> String {
    for (call, unit) in [("Duration::from_secs(", "s"), ("Duration::from_millis(", "ms")] {
        if let Some(number) = value.strip_prefix(call).and_then(|rest| rest.strip_suffix(')')) {
            return format!("{number} {unit}");
        }
    }
    value.replace('|', "\\|")
}

/// Documentation without the brackets of its links, which lead nowhere from here.
fn without_links(doc: &str) -> String {
    let mut out = String::new();
    let mut rest = doc;
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((name, behind)) = after.split_once("`]") else { break };
        out.push_str(before);
        let _ = write!(out, "`{name}`");
        rest = match behind.strip_prefix('(') {
            Some(target) => target.split_once(')').map_or(behind, |(_, behind)| behind),
            None => behind,
        };
    }
    out.push_str(rest);
    out.replace('|', "\\|")
}

/// Compares the generated part of a page with what it should be, or writes it if `CHAPPE_BLESS` is set.
fn check_page(name: &str, generated: &str) {
    let path = root().join("protocol-spec").join(name);
    let now = read(&path);
    let (prose, _) = now.split_once(GENERATED).unwrap_or_else(|| panic!("{name}: no line {GENERATED}"));
    let wanted = format!("{prose}{GENERATED}\n\n{}\n", generated.trim_end());
    if now == wanted {
        return;
    }
    if std::env::var_os("CHAPPE_BLESS").is_some() {
        fs::write(&path, wanted).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        return;
    }
    let differs = wanted.lines().enumerate().find(|(at, line)| now.lines().nth(*at) != Some(line));
    panic!("protocol-spec/{name} is not current; run `CHAPPE_BLESS=1 cargo test --test spec`: {differs:?}");
}
