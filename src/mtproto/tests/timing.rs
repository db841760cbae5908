//! Whether failures cost the same.
//!
//! *Counted*: instructions under callgrind, which no other load on the machine disturbs. Valgrind knows the AES
//! instructions of the processor or not, depending on its version, and hides those for SHA: each run says which code was
//! counted. Where there is no valgrind, nothing is counted, and that is said.
//!
//! *Measured*: the same on the code that really runs, by the statistics of Welch. It takes a quiet machine:
//! `cargo test --release -p chappe-mtproto --test timing -- --ignored --nocapture --test-threads=1`.
//!
//! The check of a password is not here: this server has none yet.

use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use env::{Dice as _, Env, SeededDice, Time};
use mtproto::client::{Exchange, Next, PublicKey};
use mtproto::crypto::{FullAuthKey, NotAuthentic, Side, open};
use mtproto::handshake::dh::CheckedPublic;
use mtproto::handshake::{Handshakes, HeavyJob, Padding, Step, plain};
use mtproto::{AuthKey, MsgId, RsaKey, ServerKeys};
use tl::service;

/// Names the case that a child process runs.
const CASE: &str = "CHAPPE_TIMING_CASE";

/// Ciphertexts of step two, whose failures must be alike.
const RSA_CASES: [&str; 5] = ["random", "another random", "zero", "one", "a flipped bit"];

/// Ciphertexts of step three.
const DH_CASES: [&str; 4] = ["random", "another random", "zero", "a flipped bit"];

/// Public numbers that are refused: their highest 64 bits, byte by byte, and what all other bytes are.
const RANGE_CASES: [&str; 5] = ["00,00", "00,01", "00,ff", "c7,1c", "ff,ff"];

/// What a forged packet's first block is.
const RECORD_CASES: [&str; 4] = ["0", "1", "127", "255"];

const NOW: Time = Time::from_secs(1_700_000_000);

/// |t| below which two sets of times are taken for one.
const T_MAX: f64 = 10.0;

fn key() -> AuthKey {
    FullAuthKey::new([0x6b; 256]).kept()
}

fn server_keys() -> ServerKeys {
    let read = |pem| RsaKey::from_private_pem(pem).expect("a key of the vectors");
    ServerKeys {
        pad: read(include_str!("../../../protocol-spec/vectors/rsa_key.pem")),
        legacy: Some(read(include_str!("../../../protocol-spec/vectors/rsa_key_2.pem"))),
    }
}

/// A server and a client in the middle of a handshake.
struct Halfway {
    server: Handshakes,
    exchange: Exchange,
    dice: SeededDice,
}

impl Halfway {
    fn new(padding: Padding) -> (Self, service::ReqDHParams) {
        let mut dice = SeededDice::new(3);
        let keys = server_keys();
        let public = match padding {
            Padding::RsaPad => PublicKey::from(&keys.pad),
            Padding::Legacy => PublicKey::from(keys.legacy.as_ref().expect("made above")),
        };
        let server = Handshakes::new(Arc::new(keys), plain::ServerMsgIds::default());
        let exchange = Exchange::new(public, padding, NOW, &mut dice);
        let mut halfway = Self { server, exchange, dice };
        let query = halfway.exchange.begin();
        let Step::Send(answer) = halfway.receive(&query) else { panic!("no resPQ") };
        let body = halfway.client(&answer);
        (halfway, tl::read(&body).expect("our own words"))
    }

    fn receive(&mut self, packet: &[u8]) -> Step {
        self.server
            .receive(&mut Env { now: NOW, dice: &mut SeededDice::new(4) }, packet)
            .expect("an honest client")
    }

    /// What the client says to `answer`.
    fn client(&mut self, answer: &[u8]) -> Vec<u8> {
        let Ok(Next::Send(query)) = self.exchange.receive(answer, &mut self.dice) else { panic!("no query") };
        plain::body(&query).expect("an envelope").to_vec()
    }

    fn job(&mut self, query: &impl tl::Encode) -> HeavyJob {
        let packet = plain::packet(MsgId(8), &tl::write(query, tl::Layer::NEWEST));
        let Step::Heavy(job) = self.receive(&packet) else { panic!("no work") };
        job
    }
}

/// `data` as `case` says.
fn forge(case: &str, data: &mut [u8]) {
    match case {
        "random" => SeededDice::new(5).fill(data),
        "another random" => SeededDice::new(6).fill(data),
        "zero" => data.fill(0),
        "one" => {
            data.fill(0);
            *data.last_mut().expect("not empty") = 1;
        }
        "not below the modulus" => data.fill(0xff),
        _ => *data.last_mut().expect("not empty") ^= 1,
    }
}

/// The job of step two with the ciphertext of `case`.
fn rsa_job(case: &str, padding: Padding) -> HeavyJob {
    let (mut halfway, mut query) = Halfway::new(padding);
    forge(case, &mut query.encrypted_data);
    // Random ciphertexts below the modulus, whatever the modulus is.
    if case.ends_with("random") {
        query.encrypted_data[0] = 1;
    }
    halfway.job(&query)
}

/// The job of step three with the ciphertext of `case`.
fn dh_job(case: &str) -> HeavyJob {
    let (mut halfway, query) = Halfway::new(Padding::RsaPad);
    let done = halfway.job(&query).run(&mut SeededDice::new(9));
    let mut dice = SeededDice::new(4);
    let step = halfway.server.heavy_done(&mut Env { now: NOW, dice: &mut dice }, done);
    let Ok(Step::Send(answer)) = step else { panic!("no server_DH_params_ok") };
    let body = halfway.client(&answer);
    let mut query: service::SetClientDHParams = tl::read(&body).expect("our own words");
    forge(case, &mut query.encrypted_data);
    halfway.job(&query)
}

/// A name under which the heavy work of a step alone is counted.
#[inline(never)]
fn heavy_work(job: HeavyJob) {
    drop(job.run(&mut SeededDice::new(9)));
}

/// A name under which the opening of a packet is counted.
#[inline(never)]
fn open_packet(packet: &mut [u8], key: &AuthKey) {
    assert_eq!(open(key, Side::Client, packet), Err(NotAuthentic));
}

/// A name under which the check of a public number is counted.
#[inline(never)]
fn check_public(number: &[u8]) -> bool {
    CheckedPublic::check(number).is_some()
}

fn number(case: &str) -> [u8; 256] {
    let (first, rest) = case.split_once(',').expect("two bytes");
    let byte = |text| u8::from_str_radix(text, 16).expect("a byte");
    let mut number = [byte(rest); 256];
    number[..8].fill(byte(first));
    number
}

fn forged_packet(fill: u8) -> Vec<u8> {
    let mut packet = vec![fill; 24 + 1024];
    packet[..8].copy_from_slice(&key().id().0.to_le_bytes());
    packet
}

/// Does nothing unless it runs in a child process with a case to do.
#[test]
fn one_case() {
    let Ok(case) = std::env::var(CASE) else { return };
    match case.split_once(':') {
        Some(("pad", case)) => heavy_work(rsa_job(case, Padding::RsaPad)),
        Some(("legacy", case)) => heavy_work(rsa_job(case, Padding::Legacy)),
        Some(("dh", case)) => heavy_work(dh_job(case)),
        Some(("range", case)) => drop(std::hint::black_box(check_public(&number(case)))),
        Some((_, fill)) => {
            let mut packet = forged_packet(fill.parse().expect("a byte"));
            open_packet(&mut packet, &key());
        }
        None => panic!("no such case: {case}"),
    }
    eprintln!("backend: {}", backend());
}

/// Which code computes AES and SHA in this process.
fn backend() -> String {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let (aes, sha) = (std::is_x86_feature_detected!("aes"), std::is_x86_feature_detected!("sha"));
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    let (aes, sha) = (false, false);
    let name = |hardware| if hardware { "the processor's instructions" } else { "portable code" };
    let records = cipher::Backend::best().name();
    format!("records by {records}, other AES by {}, other SHA by {}", name(aes), name(sha))
}

/// Says something that the capture of test output does not swallow.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "timing: {line}");
}

/// Instructions that `case` spends inside of `function`, and what computed AES and SHA.
fn count(case: &str, function: &str) -> (u64, String) {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={function}"))
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "one_case", "--test-threads=1", "--nocapture"])
        .env(CASE, case)
        .output()
        .expect("valgrind is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    let after = |mark: &str| said.lines().find_map(|line| Some(line.split_once(mark)?.1.trim().to_owned()));
    let counted = after("Collected : ").and_then(|count| count.parse().ok());
    let (Some(counted), Some(backend)) = (counted, after("backend: ")) else { panic!("{case}: {said}") };
    (counted, backend)
}

/// Checks that all `cases` cost the same, and returns what they cost.
fn assert_alike(kind: &str, cases: &[&str], function: &str) -> u64 {
    let counts: Vec<(u64, String)> =
        cases.iter().map(|case| count(&format!("{kind}:{case}"), function)).collect();
    let (cost, backend) = counts[0].clone();
    assert!(cost > 0, "{function} was not found");
    assert!(counts.iter().all(|(count, _)| *count == cost), "{kind}: {cases:?} cost {counts:?}");
    say(&format!("{kind}: {cost} instructions each of {} times; {backend}", cases.len()));
    cost
}

/// Whether instructions can be counted here; if not, that is said.
fn can_count(what: &str) -> bool {
    let can = cfg!(target_os = "linux")
        && Command::new("valgrind").arg("--version").output().is_ok_and(|done| done.status.success());
    if !can {
        say(&format!("skipped, there is no valgrind: {what}"));
    }
    can
}

// proves: HS-28
#[test]
fn failures_under_rsa_cost_the_same() {
    if !can_count("RSA_PAD and the padding before it") {
        return;
    }
    for kind in ["pad", "legacy"] {
        let alike = assert_alike(kind, &RSA_CASES, "*heavy_work*");
        // Whether a number is below a public modulus is no secret, so a few instructions of a comparison may differ;
        // but nothing that could be measured from outside.
        let (beyond, _) = count(&format!("{kind}:not below the modulus"), "*heavy_work*");
        assert!(alike.abs_diff(beyond) < 100, "{kind}: {alike} and {beyond}");
    }
}

// proves: HS-28
#[test]
fn failures_of_the_third_step_cost_the_same() {
    if can_count("client_DH_inner_data, the range of g_b") {
        assert_alike("dh", &DH_CASES, "*heavy_work*");
        assert_alike("range", &RANGE_CASES, "*check_public*");
    }
}

// proves: REC-3
#[test]
fn forged_packets_cost_the_same_whatever_they_decipher_to() {
    if can_count("packets whose msg_key does not fit") {
        assert_alike("record", &RECORD_CASES, "*open_packet*");
    }
}

/// Mean and variance of times, without the slowest tenth: those were interrupted.
fn moments(times: &mut [f64]) -> (f64, f64, f64) {
    times.sort_by(f64::total_cmp);
    let kept = &times[..times.len() * 9 / 10];
    let n = kept.len() as f64;
    let mean = kept.iter().sum::<f64>() / n;
    let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, variance, n)
}

/// Welch's t between the times of `run(false)` and `run(true)`, taken in an order that is drawn.
fn welch(rounds: usize, mut run: impl FnMut(bool)) -> f64 {
    let mut dice = SeededDice::new(77);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..2 * rounds {
        let class = dice.u32() & 1 == 1;
        let start = Instant::now();
        run(class);
        times[usize::from(class)].push(start.elapsed().as_secs_f64());
    }
    let [one, other] = &mut times;
    let ((mean, variance, n), (other_mean, other_variance, other_n)) = (moments(one), moments(other));
    (mean - other_mean) / (variance / n + other_variance / other_n).sqrt()
}

// proves: HS-28, REC-3
#[test]
#[ignore = "measures time: needs a quiet machine, a release build, and a minute"]
fn failures_take_the_same_time_on_the_code_that_runs() {
    eprintln!("{}", backend());
    let mut wrong = Vec::new();
    let mut judge = |what: &str, t: f64| {
        eprintln!("{what}: t = {t:.2}");
        if t.abs() > T_MAX {
            wrong.push(format!("{what}: {t:.2}"));
        }
    };
    // One packet again and again, or a new one each time.
    let key = key();
    let mut dice = SeededDice::new(1);
    let fixed = forged_packet(0);
    let mut random = forged_packet(0);
    let t = welch(100_000, |class| {
        dice.fill(&mut random[8..]);
        let mut packet = if class { random.clone() } else { fixed.clone() };
        assert_eq!(open(&key, Side::Client, &mut packet), Err(NotAuthentic));
    });
    judge("msg_key", t);
    for (what, padding) in [("RSA_PAD", Padding::RsaPad), ("the older padding", Padding::Legacy)] {
        let jobs = |class: bool| rsa_job(if class { "random" } else { "one" }, padding);
        let mut ready: Vec<(bool, HeavyJob)> = Vec::new();
        let mut dice = SeededDice::new(77);
        for _ in 0..2000 {
            let class = dice.u32() & 1 == 1;
            ready.push((class, jobs(class)));
        }
        ready.reverse();
        let t = welch(1000, |class| {
            let (made_for, job) = ready.pop().expect("as many as rounds");
            assert_eq!(made_for, class, "drawn by the same dice");
            drop(job.run(&mut SeededDice::new(9)));
        });
        judge(what, t);
    }
    assert!(wrong.is_empty(), "times differ: {wrong:?}");
}
