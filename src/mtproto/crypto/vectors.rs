//! Known answers: from the sample of core.telegram.org/mtproto/samples-auth_key, and computed once by an independent
//! program of a few lines over OpenSSL's AES and Python's hashes.

use bytes::BytesMut;
use env::{Dice as _, SeededDice};

use super::ige::IgeKey;
use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).expect("a hexadecimal digit") as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().expect("the right length")
}

/// `byte(i) = i * by + from`, modulo 256.
fn ramp<const N: usize>(by: usize, from: usize) -> [u8; N] {
    std::array::from_fn(|i| (i * by + from) as u8)
}

fn key() -> AuthKey {
    FullAuthKey::new(ramp(5, 3)).kept()
}

#[test]
fn a_key_is_named_by_its_hash() {
    let key = FullAuthKey::new(ramp(5, 3));
    assert_eq!(key.id().0.to_le_bytes(), array("d4b2bed55d19d9d9"));
    assert_eq!(key.aux_hash(), array("c6d69e4486a57233"));
}

#[test]
fn ige_of_the_handshake_is_that_of_messages() {
    let cipher = IgeKey { key: ramp(1, 0), iv: ramp(1, 32) };
    let plain: [u8; 48] = ramp(7, 0);
    let mut data = plain;
    cipher.encrypt(&mut data);
    let expected = "cc0c5d515adb2aaaae819c8bbd2731cf61b0d03bea09707d9ff68ee10dd151ad\
                    0298448342333558988043fdead0e3d8";
    assert_eq!(data[..], hex(expected));
    cipher.decrypt(&mut data);
    assert_eq!(data, plain);
}

#[test]
fn ige_leaves_an_incomplete_block_alone() {
    let cipher = IgeKey { key: ramp(1, 0), iv: ramp(1, 32) };
    let mut data: [u8; 20] = ramp(7, 0);
    cipher.encrypt(&mut data);
    assert_eq!(data[16..], ramp::<20>(7, 0)[16..]);
}

// proves: REC-1
#[test]
fn keys_of_messages_are_derived_as_computed_elsewhere() {
    let msg_key = ramp(11, 1);
    let derived = |derived: &IgeKey| (derived.key, derived.iv);
    assert_eq!(
        derived(&cipher::derive(key().parts(Side::Client), &msg_key)),
        (
            array("f962309a5002949cfaa9c42823dac9dc0431d0b6ca79c13a30f6c27c906dbf6e"),
            array("3c29b78d623aa7c1b0e323517c8e744fc524db3fe241a78410e22eea61919f03"),
        )
    );
    assert_eq!(
        derived(&cipher::derive(key().parts(Side::Server), &msg_key)),
        (
            array("3bb088add05d3d1d0ea2cc34ea53380cf6db6822b46293412f5d7ff13a883c03"),
            array("4d7d47c2a9a57b93a8a861b0c35fb006dbf90281fe4e74e06637bbff9978ab32"),
        )
    );
    assert_eq!(
        derived(&kdf::v1_from_client(&key(), &msg_key)),
        (
            array("702ebb89547e30bd03f7e57c7adfa68e4dff11b2d8fb43c184309d85a24eb60f"),
            array("24e6c42d497f395c8675b348bbe0eec507af461ea18fe84ad7f87a4163b3bd7d"),
        )
    );
}

// proves: HS-10
#[test]
fn the_key_of_a_handshake_is_that_of_the_published_sample() {
    let new_nonce = array("311c85db234aa2640afc4a76a735cf5b1f0fd68bd17fa181e1229ad867cc024d");
    let server_nonce = array("a5cf4d33f4a11ea877ba4aa573907330");
    let derived = kdf::handshake(&new_nonce, &server_nonce);
    assert_eq!(derived.key, array("f011280887c7bb01df0fc4e17830e0b91fbb8be4b2267cb985ae25f33b527253"));
    assert_eq!(derived.iv, array("3212d579ee35452ed23e0d0c92841aa7d31b2e9bdef2151e80d15860311c85db"));
}

// proves: REC-1, REC-2, TR-8
#[test]
fn a_packet_sealed_elsewhere_opens() {
    let mut packet = hex(
        "d4b2bed55d19d9d9b1a28aac720664ec159b914cb0b2c1c4077ff10b41be21676cae9930a902c7d8ea03d91129d1ce59\
         9d49e2ed93fb908cace262d6b97f80c67681313e5430fb18806c05e8d97f041bdd1e4078622309da",
    );
    assert_eq!(open(&key(), Side::Client, &mut packet), Ok(QuickAckToken(0xca09_f420)));
    assert_eq!(packet[HEADER_BYTES..], ramp::<64>(3, 9));
}

// proves: REC-5
#[test]
fn a_packet_of_mtproto_1_does_not_open() {
    let mut plain: Vec<u8> = ramp::<80>(3, 9).to_vec();
    let [_, _, _, _, msg_key @ ..] = hash::sha1(&[&plain]);
    kdf::v1_from_client(&key(), &msg_key).encrypt(&mut plain);
    let mut packet = [&key().id().0.to_le_bytes(), msg_key.as_slice(), &plain].concat();
    assert_eq!(open(&key(), Side::Client, &mut packet), Err(NotAuthentic));
}

// proves: REC-2, REC-3, REC-4
#[test]
fn what_is_sealed_opens_and_what_is_changed_does_not() {
    let mut dice = SeededDice::new(1);
    for plain_bytes in [32, 36, 100, 1024] {
        for from in [Side::Client, Side::Server] {
            let mut packet = BytesMut::zeroed(HEADER_BYTES + plain_bytes);
            dice.fill(&mut packet[HEADER_BYTES..]);
            let plain = packet[HEADER_BYTES..].to_vec();
            seal(&key(), from, &mut packet, &mut dice);
            let padding = packet.len() - HEADER_BYTES - plain_bytes;
            assert!((PADDING_BYTES_MIN..=PADDING_BYTES_MAX).contains(&padding), "{padding}");
            assert!(packet.len() >= PACKET_BYTES_MIN);

            let mut opened = packet.clone();
            assert!(open(&key(), from, &mut opened).is_ok());
            assert_eq!(opened[HEADER_BYTES..HEADER_BYTES + plain_bytes], plain);
            for at in 8..packet.len() {
                let mut changed = packet.clone();
                changed[at] ^= 0x10;
                assert_eq!(open(&key(), from, &mut changed), Err(NotAuthentic), "byte {at}");
            }
            let other = if from == Side::Client { Side::Server } else { Side::Client };
            assert_eq!(open(&key(), other, &mut packet.clone()), Err(NotAuthentic));
            assert_eq!(open(&key(), from, &mut packet[..PACKET_BYTES_MIN - 16].to_vec()), Err(NotAuthentic));
            let longer = [&packet[..], &[0; 16]].concat();
            for wrong in [&longer[..], &longer[..longer.len() - 1], &[]] {
                assert_eq!(open(&key(), from, &mut wrong.to_vec()), Err(NotAuthentic));
            }
        }
    }
}

// proves: REC-2
#[test]
fn packets_that_are_sealed_together_open_alone() {
    for count in [0, 1, 2, 7, 8, 9, 17] {
        let mut dice = SeededDice::new(count);
        let plain = |n: u64| vec![n as u8; 32 + 4 * (n as usize * 37 % 300)];
        let mut packets: Vec<BytesMut> =
            (0..count).map(|n| BytesMut::from(&[&[0; HEADER_BYTES][..], &plain(n)].concat()[..])).collect();
        seal_all(&key(), Side::Server, packets.iter_mut(), &mut dice);
        for (n, packet) in (0..).zip(&mut packets) {
            assert!(open(&key(), Side::Server, packet).is_ok(), "packet {n} of {count}");
            assert_eq!(packet[HEADER_BYTES..][..plain(n).len()], plain(n));
        }
    }
}
