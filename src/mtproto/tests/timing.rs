//! Whether failures cost the same: instructions counted by callgrind, which no other load on the machine disturbs.
//!
//! Valgrind hides the AES and SHA instructions of the processor, so it is the portable code that is counted. Run with
//! `cargo test -p chappe-mtproto --test timing -- --ignored`.

use std::process::Command;
use std::sync::Arc;

use env::{Dice as _, Env, SeededDice, Time};
use mtproto::client::{Exchange, Next, PublicKey};
use mtproto::crypto::{FullAuthKey, NotAuthentic, Side, open};
use mtproto::handshake::{Handshakes, HeavyJob, Padding, Step, plain};
use mtproto::{AuthKey, MsgId, RsaKey, ServerKeys};
use tl::service;

/// Names the case that a child process runs.
const CASE: &str = "CHAPPE_TIMING_CASE";

/// Ciphertexts of step two, whose failures must be alike.
const RSA_CASES: [&str; 5] = ["random", "another random", "zero", "one", "a flipped bit"];

/// What a forged packet's first block is.
const RECORD_CASES: [&str; 4] = ["0", "1", "127", "255"];

fn key() -> AuthKey {
    FullAuthKey::new([0x6b; 256]).kept()
}

/// The job of step two with the ciphertext of `case`.
fn rsa_job(case: &str, padding: Padding) -> HeavyJob {
    let mut dice = SeededDice::new(3);
    let generate = |dice: &mut SeededDice| RsaKey::generate(dice);
    let keys = ServerKeys { pad: generate(&mut dice), legacy: Some(generate(&mut dice)) };
    let public = match padding {
        Padding::RsaPad => PublicKey::from(&keys.pad),
        Padding::Legacy => PublicKey::from(keys.legacy.as_ref().expect("made above")),
    };
    let now = Time::from_secs(1_700_000_000);
    let mut server = Handshakes::new(Arc::new(keys), plain::ServerMsgIds::default());
    let mut exchange = Exchange::new(public, padding, now, &mut dice);
    let mut receive = |packet: &[u8]| {
        server.receive(&mut Env { now, dice: &mut SeededDice::new(4) }, packet).expect("an honest client")
    };
    let Step::Send(answer) = receive(&exchange.begin()) else { panic!("no resPQ") };
    let Ok(Next::Send(query)) = exchange.receive(&answer, &mut dice) else { panic!("no req_DH_params") };
    let body = plain::body(&query).expect("an envelope");
    let mut query: service::ReqDHParams = tl::read(body).expect("our own words");
    match case {
        "random" => SeededDice::new(5).fill(&mut query.encrypted_data),
        "another random" => SeededDice::new(6).fill(&mut query.encrypted_data),
        "zero" => query.encrypted_data.fill(0),
        "one" => {
            query.encrypted_data.fill(0);
            query.encrypted_data[255] = 1;
        }
        "not below the modulus" => query.encrypted_data.fill(0xff),
        _ => query.encrypted_data[255] ^= 1,
    }
    // Random ciphertexts below the modulus, whatever the modulus is.
    if case.ends_with("random") {
        query.encrypted_data[0] = 1;
    }
    let Step::Heavy(job) = receive(&plain::packet(MsgId(8), &tl::write(&query, tl::Layer::NEWEST))) else {
        panic!("no work")
    };
    job
}

/// Does nothing unless it runs in a child process with a case to do.
#[test]
fn one_case() {
    let Ok(case) = std::env::var(CASE) else { return };
    match case.split_once(':') {
        Some(("pad", case)) => drop(rsa_job(case, Padding::RsaPad).run(&mut SeededDice::new(9))),
        Some(("legacy", case)) => drop(rsa_job(case, Padding::Legacy).run(&mut SeededDice::new(9))),
        Some((_, fill)) => {
            let mut packet = vec![fill.parse().expect("a byte"); 24 + 1024];
            packet[..8].copy_from_slice(&key().id().0.to_le_bytes());
            assert_eq!(open(&key(), Side::Client, &mut packet), Err(NotAuthentic));
        }
        None => panic!("no such case: {case}"),
    }
}

/// Instructions that `case` spends inside of `function`.
fn count(case: &str, function: &str) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={function}"))
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "one_case", "--test-threads=1"])
        .env(CASE, case)
        .output()
        .expect("valgrind is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    let collected =
        said.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
    collected.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{case}: {said}"))
}

/// Checks that all `cases` cost the same, and returns what they cost.
fn assert_alike(kind: &str, cases: &[&str], function: &str) -> u64 {
    let counts: Vec<u64> = cases.iter().map(|case| count(&format!("{kind}:{case}"), function)).collect();
    assert!(counts[0] > 0, "{function} was not found");
    assert!(counts.iter().all(|count| *count == counts[0]), "{kind}: {cases:?} cost {counts:?}");
    counts[0]
}

// proves: HS-28
#[test]
#[ignore = "needs valgrind, and a minute"]
fn failures_under_rsa_cost_the_same() {
    for kind in ["pad", "legacy"] {
        let alike = assert_alike(kind, &RSA_CASES, "*HeavyJob*run*");
        // Whether a number is below a public modulus is no secret, so a few instructions of a comparison may differ;
        // but nothing that could be measured from outside.
        let beyond = count(&format!("{kind}:not below the modulus"), "*HeavyJob*run*");
        assert!(alike.abs_diff(beyond) < 100, "{kind}: {alike} and {beyond}");
    }
}

// proves: REC-3
#[test]
#[ignore = "needs valgrind, and some seconds"]
fn forged_packets_cost_the_same_whatever_they_decipher_to() {
    assert_alike("record", &RECORD_CASES, "mtproto::crypto::record::open");
}
