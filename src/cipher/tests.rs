//! Known answers, computed once by an independent program of a few lines over OpenSSL's AES and Python's hashes, and
//! random messages on both backends.

use super::*;

/// `byte(i) = i * by + from`, modulo 256.
fn ramp<const N: usize>(by: usize, from: usize) -> [u8; N] {
    std::array::from_fn(|i| (i * by + from) as u8)
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).expect("a hexadecimal digit") as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// Every backend that this machine has.
fn backends() -> Vec<Backend> {
    let mut backends = vec![Backend::Portable];
    if Backend::best() != Backend::Portable {
        backends.push(Backend::best());
    }
    backends
}

/// The client's parts of `key`.
fn parts(key: &[u8; 192], x: usize) -> KeyParts<'_> {
    let from = |at: usize| key.get(at + x..).expect("inside");
    KeyParts {
        hash: from(88).first_chunk().expect("inside"),
        first: from(0).first_chunk().expect("inside"),
        second: from(40).first_chunk().expect("inside"),
    }
}

/// SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }
}

const SEALED: &str = "077ff10b41be21676cae9930a902c7d8ea03d91129d1ce599d49e2ed93fb908cace262d6b97f80c67681313e5430fb1\
                      8806c05e8d97f041bdd1e4078622309da";

// proves: REC-1, REC-2
#[test]
fn a_message_sealed_elsewhere_deciphers_and_enciphers() {
    let key = ramp(5, 3);
    let msg_key: [u8; 16] = hex("b1a28aac720664ec159b914cb0b2c1c4").try_into().expect("16 bytes");
    for backend in backends() {
        let mut data = hex(SEALED);
        let large = backend.decrypt(parts(&key, 0), &msg_key, &mut data);
        assert_eq!(data, ramp::<64>(3, 9), "{}", backend.name());
        assert_eq!(super::msg_key(&large), msg_key, "{}", backend.name());
        assert_eq!(backend.encrypt(parts(&key, 0), &mut data), large);
        assert_eq!(data, hex(SEALED), "{}", backend.name());
    }
}

#[test]
fn ige_enciphers_as_computed_elsewhere() {
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
fn every_backend_makes_the_same_of_every_length() {
    let mut numbers = Numbers(1);
    let lengths = (0..400).chain([1023, 1024, 1040, 4111, 16_384]);
    for length in lengths.filter(|length| !cfg!(miri) || [0, 31, 112, 131].contains(length)) {
        let key: [u8; 192] = numbers.bytes(192).try_into().expect("192 bytes");
        let plain = numbers.bytes(length);
        for x in [0, 8] {
            let mut expected = plain.clone();
            let large = Backend::Portable.encrypt(parts(&key, x), &mut expected);
            for backend in backends() {
                let mut data = plain.clone();
                assert_eq!(backend.encrypt(parts(&key, x), &mut data), large, "{length}");
                assert_eq!(data, expected, "{length}");
                let back = backend.decrypt(parts(&key, x), &msg_key(&large), &mut data);
                assert_eq!((back, &data), (large, &plain), "{length}");
                // What does not belong to the key deciphers to the same nonsense everywhere.
                let (mut wrong, mut wrong_there) = (plain.clone(), plain.clone());
                let hashes = (
                    Backend::Portable.decrypt(parts(&key, x), &ramp(9, 1), &mut wrong),
                    backend.decrypt(parts(&key, x), &ramp(9, 1), &mut wrong_there),
                );
                assert_eq!((hashes.0, wrong), (hashes.1, wrong_there), "{length}");
            }
        }
    }
}

#[test]
fn a_batch_makes_of_each_message_what_it_becomes_alone() {
    let mut numbers = Numbers(2);
    for round in 0..if cfg!(miri) { 3 } else { 300 } {
        // Under Miri, which takes seconds for one: none, half of the lanes, and one more than all.
        let count = if cfg!(miri) { round * (LANES / 2) + round / 2 } else { round % (2 * LANES + 3) };
        let keys: Vec<[u8; 192]> =
            (0..count).map(|_| numbers.bytes(192).try_into().expect("192 bytes")).collect();
        let plains: Vec<Vec<u8>> = (0..count)
            .map(|_| {
                let bound = if cfg!(miri) { [40; 3] } else { [70, 300, 1200] }[numbers.next() as usize % 3];
                let length = numbers.next() as usize % bound;
                numbers.bytes(length)
            })
            .collect();
        for backend in backends() {
            let mut enciphered = plains.clone();
            let mut jobs: Vec<Job<'_>> = enciphered
                .iter_mut()
                .zip(&keys)
                .map(|(data, key)| Job { parts: parts(key, 8), data, msg_key_large: [0; 32] })
                .collect();
            backend.encrypt_batch(&mut jobs);
            let hashes: Vec<[u8; 32]> = jobs.iter().map(|job| job.msg_key_large).collect();
            for (n, plain) in plains.iter().enumerate() {
                let mut alone = plain.clone();
                assert_eq!(Backend::Portable.encrypt(parts(&keys[n], 8), &mut alone), hashes[n]);
                assert_eq!(alone, enciphered[n], "message {n} of {count}, {}", backend.name());
            }
        }
    }
}
