//! Encrypted packets, the fuzzer owning the key: whatever plaintext is under a right msg_key, the checks behind it hold, and
//! what was changed on its way is no packet.

use arbitrary::Arbitrary;
use bytes::BytesMut;
use cipher::{Backend, KeyParts};
use env::SeededDice;
use mtproto::crypto::{self, AuthKey, HEADER_BYTES, STORED_KEY_BYTES, Side};
use mtproto::session::open;
use mtproto::{AuthKeyId, bind};

#[derive(Debug, Arbitrary)]
struct Story {
    key: [u8; 16],
    /// From the salt to the end of the padding.
    plain: Vec<u8>,
    /// Overwrites the length field.
    length: Option<u16>,
    change: Option<(u16, u8)>,
}

/// Reads `data` as what happens, and lets it happen.
pub fn run(data: &[u8]) {
    crate::told(data, play);
}

fn play(story: Story) {
    let secret: [u8; STORED_KEY_BYTES] = std::array::from_fn(|i| story.key[i % 16].wrapping_add(i as u8));
    let key = AuthKey::from_stored(AuthKeyId(7), secret);

    // Padded as the fuzzer likes.
    let mut plain = story.plain.clone();
    if let (Some(length), Some(field)) = (story.length, plain.get_mut(28..32)) {
        field.copy_from_slice(&u32::from(length).to_le_bytes());
    }
    plain.resize(plain.len().next_multiple_of(16), 0);
    let mut data = plain.clone();
    let part = "a part of the key";
    let parts = KeyParts {
        hash: secret[88..120].try_into().expect(part),
        first: secret[..36].try_into().expect(part),
        second: secret[40..76].try_into().expect(part),
    };
    let large = Backend::Portable.encrypt(parts, &mut data);
    let msg_key = cipher::msg_key(&large);
    let mut packet = [&7_u64.to_le_bytes()[..], &msg_key, &data].concat();
    let changed = story.change.is_some_and(|(at, change)| {
        // The id in front says which key to try, and is under no hash.
        let at = 8 + usize::from(at) % (packet.len() - 8);
        packet[at] ^= change;
        change != 0
    });
    match open(&key, &mut packet) {
        Ok(opened) => {
            assert!(!changed, "a changed packet is no packet");
            let padding = packet.len() - opened.body.end;
            assert!(opened.body.start == HEADER_BYTES + 32 && opened.body.len() % 4 == 0);
            assert!((crypto::PADDING_BYTES_MIN..=crypto::PADDING_BYTES_MAX).contains(&padding));
            assert_eq!(packet[HEADER_BYTES..], plain);
        }
        Err(_) if !changed && plain.len() >= 48 => {
            let length = u32::from_le_bytes(plain[28..32].try_into().expect("four bytes")) as usize;
            let padding = (plain.len() - 32).checked_sub(length);
            assert!(
                !length.is_multiple_of(4) || padding.is_none_or(|padding| !(12..=1024).contains(&padding))
            );
        }
        Err(_) => {}
    }

    // Padded as it should be: opens for who it is meant for, and not as if the other side had written it.
    let mut packet = BytesMut::zeroed(HEADER_BYTES);
    packet.extend_from_slice(&story.plain);
    crypto::seal(&key, Side::Server, &mut packet, &mut SeededDice::new(1));
    assert!(crypto::open(&key, Side::Client, &mut packet.clone()).is_err());
    assert!(packet.len() < crypto::PACKET_BYTES_MIN || crypto::open(&key, Side::Server, &mut packet).is_ok());
    let _ = bind::open_bind_message(&key, &story.plain);
}
