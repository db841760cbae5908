//! Secrets in every form in which they could have been written, and the search for them.

/// Bytes of a secret that are looked for together: whoever logs a secret logs as many of it in a row.
const WINDOW_BYTES: usize = 16;

/// Secrets to look for.
#[derive(Default)]
pub struct Needles {
    /// What it is, in which form, and that form; bytes above 127 stand as Latin-1 characters.
    all: Vec<(&'static str, &'static str, String)>,
    /// Those that count only where nothing alphanumeric touches them.
    words: Vec<(&'static str, String)>,
}

impl Needles {
    pub fn len(&self) -> usize {
        self.all.len() + self.words.len()
    }

    /// Bytes, in pieces: some of a secret is a secret.
    pub fn bytes(&mut self, what: &'static str, secret: &[u8]) {
        assert!(secret.len() >= 8, "{what} is too short to be looked for");
        for window in secret.chunks(WINDOW_BYTES).filter(|window| window.len() >= 8) {
            for (form, text) in forms(window) {
                self.all.push((what, form, text));
            }
        }
    }

    /// A number of 64 bits.
    pub fn number(&mut self, what: &'static str, secret: i64) {
        let unsigned = secret.cast_unsigned();
        for (form, text) in [
            ("decimal", secret.to_string()),
            ("unsigned", unsigned.to_string()),
            ("hexadecimal", format!("{unsigned:x}")),
            ("HEXADECIMAL", format!("{unsigned:X}")),
        ] {
            if text.len() >= 8 {
                self.all.push((what, form, text));
            }
        }
        self.bytes(what, &secret.to_le_bytes());
        self.bytes(what, &secret.to_be_bytes());
    }

    /// A text, as it is and as bytes.
    pub fn text(&mut self, what: &'static str, secret: &str) {
        self.all.push((what, "text", secret.to_owned()));
        self.bytes(what, secret.as_bytes());
    }

    /// A text so short that parts of other words look like it.
    pub fn word(&mut self, what: &'static str, secret: &str) {
        self.words.push((what, secret.to_owned()));
        self.words.push((what, hex(secret.as_bytes(), "", false)));
        self.words.push((what, hex(secret.as_bytes(), "", true)));
        self.words.push((what, list(secret.as_bytes(), ", ")));
    }

    /// What of them is in `log`, and in which form.
    pub fn found_in(&self, log: &[u8]) -> Vec<(&'static str, &'static str)> {
        let log = latin(log);
        let mut found: Vec<_> = self
            .all
            .iter()
            .filter(|(_, _, text)| log.contains(text.as_str()))
            .map(|(what, form, _)| (*what, *form))
            .collect();
        let alone = |at: usize, length: usize| {
            let before = log.get(..at).and_then(|text| text.chars().next_back());
            let behind = log.get(at + length..).and_then(|text| text.chars().next());
            !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
        };
        for (what, text) in &self.words {
            if log.match_indices(text.as_str()).any(|(at, text)| alone(at, text.len())) {
                found.push((what, "word"));
            }
        }
        found.dedup();
        found
    }
}

/// Each byte as the character of that number.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn hex(bytes: &[u8], between: &str, upper: bool) -> String {
    let digits = bytes.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
    digits.collect::<Vec<_>>().join(between)
}

fn list(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(between)
}

fn forms(bytes: &[u8]) -> Vec<(&'static str, String)> {
    let mut forms = vec![
        ("raw", latin(bytes)),
        ("hexadecimal", hex(bytes, "", false)),
        ("HEXADECIMAL", hex(bytes, "", true)),
        ("hexadecimal, spaced", hex(bytes, " ", false)),
        ("hexadecimal list", hex(bytes, ", ", false)),
        ("hexadecimal, 0x", bytes.iter().map(|byte| format!("0x{byte:02x}")).collect::<Vec<_>>().join(", ")),
        ("decimal list", list(bytes, ", ")),
        ("decimal list, tight", list(bytes, ",")),
        ("decimal list, by lines", list(bytes, ",\n    ")),
        ("escaped", bytes.escape_ascii().to_string()),
        ("Debug of a text", format!("{:?}", latin(bytes)).trim_matches('"').to_owned()),
    ];
    // What stands before the bytes decides how they fall into groups of three.
    for skipped in 0..3 {
        let whole = &bytes[skipped..skipped + (bytes.len() - skipped) / 3 * 3];
        forms.push(("base64", base64(whole, b"+/")));
        forms.push(("base64 of addresses", base64(whole, b"-_")));
    }
    forms
}

fn alphabet(last: &[u8; 2]) -> Vec<u8> {
    (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*last).collect()
}

fn base64(bytes: &[u8], last: &[u8; 2]) -> String {
    let alphabet = alphabet(last);
    let mut out = String::new();
    for three in bytes.chunks_exact(3) {
        let word = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        out.extend([18, 12, 6, 0].map(|shift| char::from(alphabet[(word >> shift & 63) as usize])));
    }
    out
}

/// The bytes of a base64 text with its padding.
pub fn base64_decoded(text: &str) -> Vec<u8> {
    let alphabet = alphabet(b"+/");
    let digits = text.bytes().filter_map(|byte| alphabet.iter().position(|known| *known == byte));
    let mut out = Vec::new();
    let (mut word, mut bits) = (0_usize, 0);
    for digit in digits {
        (word, bits) = (word << 6 | digit, bits + 6);
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
            word &= (1 << bits) - 1;
        }
    }
    out
}

#[test]
fn a_secret_is_found_in_every_form() {
    let secret: Vec<u8> = (0..48).map(|i| (i * 83 + 131) as u8).collect();
    let mut needles = Needles::default();
    needles.bytes("it", &secret);
    let around = |text: &str| [b"2026 INFO ", text.as_bytes(), b" x=1\n"].concat();
    let full_base64 = |prefix: &[u8]| {
        let all = [prefix, &secret].concat();
        base64(&all[..all.len() / 3 * 3], b"+/")
    };
    for (form, text) in [
        ("hex", hex(&secret, "", false)),
        ("HEX", hex(&secret, "", true)),
        ("Debug", format!("{secret:?}")),
        ("pretty Debug", format!("{secret:#?}")),
        ("{:02x?}", format!("{secret:02x?}")),
        ("{:x}", hex(&secret, " ", false)),
        ("escaped", secret.escape_ascii().to_string()),
        ("base64", full_base64(b"")),
        ("base64 behind one", full_base64(b"a")),
        ("base64 behind two", full_base64(b"ab")),
    ] {
        assert!(!needles.found_in(&around(&text)).is_empty(), "{form}");
    }
    assert!(!needles.found_in(&[b"raw ", &secret[..]].concat()).is_empty());
    assert!(!needles.found_in(&[b"some of it ", &secret[10..45]].concat()).is_empty());
    assert!(needles.found_in(b"2026 INFO nothing at all, 1, 2, 3").is_empty());
    assert_eq!(base64_decoded("AQIDBA=="), [1, 2, 3, 4]);

    let mut needles = Needles::default();
    needles.number("n", -1_234_567_890_123);
    for text in ["-1234567890123", "18446742839141661493", "fffffee08e0435", "n=0xfffffee08e04fb35"] {
        let found = !needles.found_in(text.as_bytes()).is_empty();
        assert_eq!(found, text != "fffffee08e0435", "{text}");
    }
    let mut needles = Needles::default();
    needles.word("code", "12345");
    assert!(
        !needles.found_in(b"code=\"12345\"").is_empty()
            && !needles.found_in(b"[49, 50, 51, 52, 53]").is_empty()
    );
    assert!(needles.found_in(b"at 12:00:00.123456, port 512345").is_empty());
}
