//! The hostile client against the real server: every case, and the command line.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use chappe::Server;
use chappe::config::{Config, Engine};
use mtproto::client::PublicKey;
use torture::client::report::Verdict;
use torture::client::{Plan, cases, play_all};

#[tokio::test(flavor = "multi_thread")]
async fn the_server_keeps_every_rule_that_a_hostile_client_tries() {
    let data = tempfile::tempdir().expect("a directory");
    let mut config = Config::default();
    config.server.listen = vec!["127.0.0.1:0".to_owned()];
    config.server.udp = vec!["127.0.0.1:0".to_owned()];
    config.server.data = data.path().join("data");
    config.store.engine = Engine::Memory;
    let server = Server::start(config).await.expect("it starts");
    let keys = server.keys();
    let mut plan = Plan::new(server.addr(), PublicKey::from(&keys.pad), Some(PublicKey::from(&keys.legacy)));
    plan.udp = server.udp_addrs().first().copied();
    let seconds = std::env::var("CHAPPE_TORTURE_SECONDS").map(|text| text.parse().expect("a number"));
    if let Ok(seconds) = seconds {
        plan.deadline = Duration::from_secs(seconds);
    }
    // Those that wait for minutes are played on request.
    let (deadline, all) = (plan.deadline, plan.cases.len());
    plan.cases.retain(|case| case.waits() < deadline);
    let waiting = all - plan.cases.len();
    assert!(waiting <= 8, "{waiting} cases wait for too long");
    let started = Instant::now();
    let outcomes = play_all(plan).await;
    let wrong: Vec<String> = outcomes
        .iter()
        .filter(|outcome| !matches!(outcome.verdict, Verdict::Passed(_)))
        .map(|outcome| {
            let case = &outcome.case;
            format!("{} ({}): expected {}; got {}", case.name, case.rules, case.expected(), outcome.got())
        })
        .collect();
    let passed = outcomes.len() - wrong.len();
    assert!(wrong.is_empty(), "{passed}/{} cases passed:\n  {}\n", outcomes.len(), wrong.join("\n  "));
    assert!(passed >= 600, "only {passed} cases");
    eprintln!(
        "hostile client: {passed}/{} cases in {:.1} s; {waiting} wait for longer",
        outcomes.len(),
        started.elapsed().as_secs_f64()
    );
    server.stop().await.expect("a clean end");
}

/// Both doors that a server may lack are told of in the table, case by case and in sum.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_datagrams_is_not_blamed_for_it() {
    let data = tempfile::tempdir().expect("a directory");
    let mut config = Config::default();
    config.server.listen = vec!["127.0.0.1:0".to_owned()];
    config.server.data = data.path().join("data");
    config.store.engine = Engine::Memory;
    let server = Server::start(config).await.expect("it starts");
    let (addr, place) = (server.addr().to_string(), data.path().join("data/keys/rsa-pad.pub.pem"));
    let key = place.to_str().expect("a name in Unicode").to_owned();
    let play = move || {
        let target = ["torture", "client", "--target", &addr, "--key", &key];
        chappe(&[&target[..], &["--only", "udp.piece*", "--only", "abridged.nothing"]].concat())
    };
    let (done, printed, error) = tokio::task::spawn_blocking(play).await.expect("it ran");
    assert!(done && printed.contains("0 failed"), "{printed}{error}");
    let rows = printed.lines().filter(|line| line.starts_with("udp.") && line.ends_with("skipped")).count();
    assert!(rows >= 5 && printed.contains(&format!("{rows} skipped: no --udp")), "{printed}");
    server.stop().await.expect("a clean end");
}

#[test]
fn every_case_names_rules_that_there_are() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-spec/01-requirements.toml");
    let rules = fs::read_to_string(rules).expect("the rules");
    let ids: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.strip_prefix("id = \"").and_then(|rest| rest.strip_suffix('"')))
        .collect();
    let named: Vec<_> = cases::all().iter().flat_map(|case| case.rules.split(", ")).collect();
    let unknown: Vec<&&str> = named.iter().filter(|rule| !ids.contains(**rule)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn chappe(args: &[&str]) -> (bool, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_chappe")).args(args).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.success(), text(&done.stdout), text(&done.stderr))
}

#[test]
fn cases_are_listed_and_strangers_are_not_attacked_by_mistake() {
    let (done, listed, _) = chappe(&["torture", "client", "--list", "--only", "g_b.*"]);
    assert!(done && listed.contains("g_b.zero") && !listed.contains("record."), "{listed}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    let key = file.path().to_str().expect("a name in Unicode");
    let (done, _, error) = chappe(&["torture", "client", "--target", "192.0.2.1:443", "--key", key]);
    assert!(!done && error.contains("--anywhere"), "{error}");
    let (done, _, error) = chappe(&["torture", "client", "--target", "127.0.0.1:1", "--key", key]);
    assert!(!done && error.contains("not a public key"), "{error}");
}

#[test]
fn a_server_that_is_not_there_fails_every_case() {
    let data = tempfile::tempdir().expect("a directory");
    let place = data.path().to_str().expect("a name in Unicode");
    assert!(chappe(&["keygen", "--data", place]).0);
    let key = data.path().join("keys/rsa-pad.pub.pem");
    let key = key.to_str().expect("a name in Unicode");
    let target = ["--target", "127.0.0.1:1", "--key", key, "--only", "clear.*", "--json"];
    let (done, printed, error) = chappe(&[&["torture", "client"][..], &target].concat());
    assert!(!done && printed.contains("\"verdict\": \"failed\"") && error.is_empty(), "{printed}{error}");
}
