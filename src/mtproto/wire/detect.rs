//! What the first bytes of a connection say.

use super::framing::Framing;

/// Length of the header of an obfuscated connection, in bytes, and the most that is ever needed to decide.
pub const OBFUSCATION_HEADER_BYTES: usize = 64;

/// What the bytes received so far are the beginning of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Too early to say.
    Undecided,
    /// Packets in this framing, behind a marker of so many bytes.
    Plain(Framing, usize),
    /// The 64-byte header of obfuscation, whole, as far as one can see.
    Obfuscated,
    /// An HTTP request.
    Http,
    /// Nothing we speak (TLS, for one).
    Stranger,
}

/// First words that an obfuscation header never has, because something else begins like that.
const HTTP_METHODS: [&[u8; 4]; 8] = [b"GET ", b"POST", b"HEAD", b"OPTI", b"PUT ", b"DELE", b"PATC", b"CONN"];

/// The first bytes of a TLS client hello.
const TLS: [u8; 3] = [0x16, 0x03, 0x01];

/// Decides by `bytes`, the first of a connection.
#[must_use]
pub fn opening(bytes: &[u8]) -> Opening {
    // spec: TR-1, TR-14
    if bytes.first() == Some(&0xef) {
        return Opening::Plain(Framing::Abridged, 1);
    }
    let Some((first, rest)) = bytes.split_first_chunk::<4>() else { return Opening::Undecided };
    if HTTP_METHODS.contains(&first) {
        return Opening::Http;
    }
    for framing in [Framing::Intermediate, Framing::PaddedIntermediate] {
        if first == framing.marker() {
            return Opening::Plain(framing, 4);
        }
    }
    if first.starts_with(&TLS) {
        return Opening::Stranger;
    }
    // Full framing has no marker, but its first sequence number is zero, and an obfuscation header never has that.
    match rest.first_chunk::<4>() {
        None => Opening::Undecided,
        Some([0, 0, 0, 0]) => Opening::Plain(Framing::Full, 0),
        Some(_) if bytes.len() < OBFUSCATION_HEADER_BYTES => Opening::Undecided,
        Some(_) => Opening::Obfuscated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: TR-1
    #[test]
    fn the_first_bytes_decide() {
        let cases: [(&[u8], Opening); 12] = [
            (&[], Opening::Undecided),
            (&[0xef], Opening::Plain(Framing::Abridged, 1)),
            (&[0xef, 0x0a], Opening::Plain(Framing::Abridged, 1)),
            (&[0xee; 3], Opening::Undecided),
            (&[0xee; 4], Opening::Plain(Framing::Intermediate, 4)),
            (&[0xdd; 5], Opening::Plain(Framing::PaddedIntermediate, 4)),
            (&[0x34, 0, 0, 0, 0, 0, 0], Opening::Undecided),
            (&[0x34, 0, 0, 0, 0, 0, 0, 0], Opening::Plain(Framing::Full, 0)),
            (b"GET /", Opening::Http),
            (&[0x16, 3, 1, 2, 0], Opening::Stranger),
            (&[7; 63], Opening::Undecided),
            (&[7; 64], Opening::Obfuscated),
        ];
        for (bytes, expected) in cases {
            assert_eq!(opening(bytes), expected, "{bytes:02x?}");
        }
    }
}
