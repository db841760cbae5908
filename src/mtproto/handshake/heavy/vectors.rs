//! The known answers about handshakes, both ways.

use env::SeededDice;

use super::super::pq::Pq;
use super::super::rsa::{Padding, RsaKey, fingerprint};
use super::*;
use crate::client::{PublicKey, encrypt_inner_data};
use crate::crypto::FullAuthKey;
use crate::vectors::{Case, Script, cases, file};

fn rsa_key() -> RsaKey {
    RsaKey::from_private_pem(&file("rsa_key.pem")).expect("a private key")
}

/// What the private operation and the padding of `case` give back.
fn opened(key: &RsaKey, padding: Padding, case: &Case) -> Option<padding::Unpadded> {
    let (block, in_range) = key.decrypt(&case.array("encrypted"), &mut SeededDice::new(1));
    assert_eq!(*block, case.array("block"), "{}", case.name);
    padding::open(padding, &block, in_range)
}

// proves: HS-4
#[test]
fn vectors_of_rsa_key() {
    for case in cases("rsa_key.txt", 1) {
        let key = rsa_key();
        assert_eq!((key.modulus(), key.exponent()), (case.bytes("n"), case.bytes("e")));
        assert_eq!(key.fingerprint(), case.number("fingerprint"));
        assert_eq!(fingerprint(&case.bytes("n"), &case.bytes("e")), case.number("fingerprint"));
    }
}

// proves: HS-6, HS-27
#[test]
fn vectors_of_rsa_pad() {
    let key = rsa_key();
    let public = PublicKey::from(&key);
    let mut redrawn = 0;
    for case in cases("rsa_pad.txt", 5) {
        let data = case.bytes("data");
        let unpadded = opened(&key, Padding::RsaPad, &case).expect("authentic");
        assert_eq!(unpadded.bytes(), [&data[..], &case.bytes("filler")].concat(), "{}", case.name);
        assert!(opened(&key, Padding::Legacy, &case).is_none(), "{}", case.name);

        let filler = [&vec![0; data.len()][..], &case.bytes("filler")].concat();
        let mut throws = Vec::new();
        for temp_key in [case.bytes("too_large_before"), case.bytes("temp_key")] {
            if !temp_key.is_empty() {
                throws.extend([filler.clone(), temp_key]);
            }
        }
        redrawn += usize::from(throws.len() > 2);
        let mut dice = Script::new(&[&throws.concat()]);
        let encrypted = encrypt_inner_data(&public, Padding::RsaPad, &data, &mut dice);
        assert!(dice.is_over() && encrypted == case.array("encrypted"), "{}", case.name);
    }
    assert!(redrawn > 0, "some temp_key gives a block above the modulus");
}

// proves: HS-27, HS-28
#[test]
fn vectors_of_the_older_padding() {
    let key = rsa_key();
    let public = PublicKey::from(&key);
    for case in cases("rsa_legacy.txt", 19) {
        let (data, filler) = (case.bytes("data"), case.bytes("filler"));
        let unpadded = opened(&key, Padding::Legacy, &case).expect("authentic");
        assert!(unpadded.bytes().starts_with(&data), "{}", case.name);
        assert!((0..=192).all(|bytes| unpadded.is_long(bytes) == (bytes == data.len())), "{}", case.name);
        assert!(opened(&key, Padding::RsaPad, &case).is_none(), "{}", case.name);

        let mut dice = Script::new(&[&[0; 21], &vec![0; data.len()], &filler]);
        let encrypted = encrypt_inner_data(&public, Padding::Legacy, &data, &mut dice);
        assert!(dice.is_over() && encrypted == case.array("encrypted"), "{}", case.name);
    }
}

// proves: HS-16, HS-19, TL-4
#[test]
fn vectors_of_dh() {
    for case in cases("dh.txt", 8) {
        let drawn = |field| Secret::draw(&mut Script::new(&[&case.bytes(field)]));
        let ((a, g_a), (b, g_b)) = (drawn("a"), drawn("b"));
        assert_eq!((g_a, g_b), (case.array("g_a"), case.array("g_b")), "{}", case.name);
        let whole = FullAuthKey::new(case.array("auth_key"));
        for (secret, public) in [(&a, "g_b"), (&b, "g_a")] {
            // Some clients send numbers without their leading zeros.
            let trimmed: Vec<u8> = case.bytes(public).into_iter().skip_while(|byte| *byte == 0).collect();
            for number in [case.bytes(public), trimmed] {
                let key = secret.key_with(&CheckedPublic::check(&number).expect("in range"));
                assert_eq!(key.id().0.to_le_bytes(), case.array("auth_key_id"), "{}", case.name);
                assert_eq!(key.aux_hash(), whole.aux_hash(), "{}", case.name);
                assert_eq!(key.kept().stored(), whole.kept().stored(), "{}", case.name);
            }
        }
    }
}

// proves: HS-12, HS-13
#[test]
fn vectors_of_the_range_of_public_numbers() {
    for case in cases("dh_range.txt", 13) {
        for field in ["number", "shortest"] {
            let safe = CheckedPublic::check(&case.bytes(field)).is_some();
            assert_eq!(safe, case.number::<u8>("safe") == 1, "{}", case.name);
        }
    }
}

// proves: HS-3, HS-5, TL-4
#[test]
fn vectors_of_pq() {
    for case in cases("pq.txt", 3) {
        let (p, q, pq) = (case.bytes("p"), case.bytes("q"), case.bytes("pq"));
        let word = |number: &[u8]| u32::from_be_bytes(number.try_into().expect("four bytes")).to_le_bytes();
        let made = Pq::draw(&mut Script::new(&[&word(&q), &word(&p)]));
        assert_eq!(made.to_bytes(), pq, "{}", case.name);
        let factors = made.check(&p, &q).expect("its factors");
        assert!(made.check(&case.bytes("padded_p"), &case.bytes("padded_q")).is_some(), "{}", case.name);
        assert!(made.check(&q, &p).is_none() && made.check(&p, &p).is_none(), "{}", case.name);
        assert!(factors.are(&pq, &p, &q) && !factors.are(&p, &p, &q), "{}", case.name);
    }
}

// proves: HS-10, HS-20, HS-21
#[test]
fn vectors_of_nonces() {
    for case in cases("nonces.txt", 6) {
        let (new_nonce, server_nonce) = (case.array("new_nonce"), case.array("server_nonce"));
        let cipher = kdf::handshake(&new_nonce, &server_nonce);
        assert_eq!(cipher.key, case.array("tmp_aes_key"), "{}", case.name);
        assert_eq!(cipher.iv, case.array("tmp_aes_iv"), "{}", case.name);
        let aux_hash = FullAuthKey::new(case.array("auth_key")).aux_hash();
        for (number, field) in [(1, "new_nonce_hash1"), (2, "new_nonce_hash2")] {
            assert_eq!(nonce_hash(&new_nonce, number, &aux_hash), case.array(field), "{}", case.name);
        }
        assert_eq!(first_salt(&new_nonce, &server_nonce), Salt(case.number("salt")), "{}", case.name);
    }
}

// proves: HS-10, HS-17
#[test]
fn vectors_of_what_is_enciphered_in_a_handshake() {
    for case in cases("dh_data.txt", 4) {
        let run = RunId { nonce: case.array("nonce"), server_nonce: case.array("server_nonce") };
        let new_nonce = case.array("new_nonce");
        let mut dice = Script::new(&[&case.bytes("padding")]);
        let sealed = seal(&kdf::handshake(&new_nonce, &run.server_nonce), &case.bytes("data"), &mut dice);
        assert_eq!(sealed, case.bytes("encrypted"), "{}", case.name);

        if case.name.starts_with("server") {
            let told: service::ServerDHInnerData = tl::read(&case.bytes("data")).expect("our own words");
            assert_eq!((told.g, told.dh_prime), (dh::G, dh::prime_bytes().to_vec()), "{}", case.name);
            assert_eq!((told.nonce, told.server_nonce), (run.nonce, run.server_nonce), "{}", case.name);
            assert_eq!((told.g_a, told.server_time), (case.bytes("number"), 1_700_000_000), "{}", case.name);
            continue;
        }
        let (a, _) = Secret::draw(&mut SeededDice::new(1));
        let secrets = Secrets { new_nonce: Zeroizing::new(new_nonce), a, expires_in: None, dc: None };
        let encrypted = Zeroizing::new(case.bytes("encrypted"));
        let data = MakeKey { run, secrets, retry_id: [0; 8], encrypted }.open().expect("authentic");
        assert_eq!((data.g_b, data.retry_id), (case.bytes("number"), 0), "{}", case.name);
    }
}
