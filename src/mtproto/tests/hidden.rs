//! What a handshake keeps secret does not show in anything that it hands out, however that is printed: not `a`, not
//! `new_nonce`, not the key, nothing of what RSA gave.

use std::fmt::Write as _;
use std::sync::Arc;

use env::{Dice, Env, SeededDice, Time};
use mtproto::client::{Exchange, Next, PublicKey, Transport, TransportOptions};
use mtproto::handshake::Padding;
use mtproto::wire::framing::{Frame, Framing};
use mtproto::{Connection, Input, KeyStored, Output, ReplayCache, RsaKey, ServerKeys};

const NOW: Time = Time::from_secs(1_700_000_000);

/// Bytes of a secret that are looked for together.
const WINDOW_BYTES: usize = 12;

/// Dice that remember every long throw: exponents and what blinds RSA.
struct Recorder {
    dice: SeededDice,
    long: Vec<Vec<u8>>,
}

impl Dice for Recorder {
    fn fill(&mut self, out: &mut [u8]) {
        self.dice.fill(out);
        if out.len() >= 128 {
            self.long.push(out.to_vec());
        }
    }
}

/// The forms in which `Debug` shows bytes and large numbers.
fn forms(window: &[u8]) -> [String; 4] {
    let list = format!("{window:?}");
    let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
    [
        list.trim_matches(['[', ']']).to_owned(),
        list.trim_matches(['[', ']']).replace(", ", ",\n"),
        hex.to_uppercase(),
        hex,
    ]
}

fn shows(printed: &str, secret: &[u8]) -> bool {
    let mut windows = secret.chunks_exact(WINDOW_BYTES);
    windows.any(|window| forms(window).iter().any(|form| printed.contains(form.as_str())))
}

// proves: REC-3
#[test]
fn a_handshake_prints_none_of_its_secrets() {
    let read = |pem| RsaKey::from_private_pem(pem).expect("a key of the vectors");
    let pad = read(include_str!("../../../protocol-spec/vectors/rsa_key.pem"));
    let legacy = Some(read(include_str!("../../../protocol-spec/vectors/rsa_key_2.pem")));
    let keys = Arc::new(ServerKeys { pad, legacy });
    let mut printed = String::new();
    let _ = write!(printed, "{keys:?} {keys:#?}");

    let mut server = Connection::new(Arc::clone(&keys), Arc::new(ReplayCache::new()));
    let mut recorder = Recorder { dice: SeededDice::new(1), long: Vec::new() };
    let mut dice = SeededDice::new(2);
    let options = TransportOptions { framing: Framing::Intermediate, obfuscated: None, websocket: false };
    let (mut client, _) = Transport::new(options, &mut dice);
    let mut exchange = Exchange::new(PublicKey::from(&keys.pad), Padding::RsaPad, NOW, &mut dice);
    let mut packet = exchange.begin();
    let made = loop {
        let mut bytes = client.send(&packet, false, &mut dice);
        let mut outputs = Vec::new();
        let env = &mut Env { now: NOW, dice: &mut recorder };
        server.handle(env, Input::Bytes(&mut bytes), &mut outputs);
        let mut frames = Vec::new();
        while !outputs.is_empty() {
            let output = outputs.remove(0);
            let _ = write!(printed, "{output:?} {output:#?}");
            match output {
                Output::Write(bytes) => {
                    client.receive(&mut bytes.to_vec(), &mut frames).expect("an honest server");
                }
                Output::Heavy(job) => {
                    let done = job.run(&mut recorder);
                    let _ = write!(printed, "{done:?} {done:#?}");
                    let env = &mut Env { now: NOW, dice: &mut recorder };
                    server.handle(env, Input::Heavy(done), &mut outputs);
                }
                Output::KeyMade(made) => {
                    let id = made.key.id();
                    let env = &mut Env { now: NOW, dice: &mut recorder };
                    server.handle(env, Input::KeyStored(id, KeyStored::Stored), &mut outputs);
                }
                _ => {}
            }
        }
        let Some(Frame::Packet { data, .. }) = frames.pop() else { panic!("no answer") };
        match exchange.receive(&data, &mut dice).expect("an honest server") {
            Next::Send(next) => packet = next,
            Next::Made(made) => break made,
        }
    };
    assert!(recorder.long.len() >= 2, "the blinding and the exponent");
    let tmp = exchange.tmp_aes();
    let pem = keys.pad.to_private_pem();
    let mut secrets: Vec<&[u8]> = recorder.long.iter().map(Vec::as_slice).collect();
    secrets.extend([made.key.stored().as_slice(), &exchange.new_nonce, &tmp.key, &tmp.iv]);
    for secret in &secrets {
        assert!(!shows(&printed, secret), "{} bytes that are secret", secret.len());
        // The search itself finds what is printed in any of these ways.
        let hex: String = secret.iter().map(|byte| format!("{byte:02X}")).collect();
        for careless in [format!("{secret:?}"), format!("{:?}", &secret[8..]), hex] {
            assert!(shows(&careless, secret), "{careless}");
        }
    }
    assert!(printed.contains("<hidden>"), "keys were printed");
    assert!(pem.lines().all(|line| line.len() < 20 || !printed.contains(line)));
}
