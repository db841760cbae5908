//! The bodies of the fuzz targets: functions of bytes that panic if something is wrong. The fuzzer in `fuzz/` calls them,
//! and so does a plain test, with the corpus and with what it changes in it.
//!
//! What they share: the reader of any known id, values grown from the schema, fixed keys, a small world.

#![forbid(unsafe_code)]

pub mod api_call;
pub mod connection;
pub mod datagram;
pub mod envelope;
pub mod framing;
pub mod grow;
pub mod gzip;
pub mod handshake;
pub mod http;
pub mod mutate;
pub mod obfuscated;
pub mod path;
pub mod record;
pub mod records;
pub mod session;
pub mod store;
pub mod tl_differential;
pub mod tl_read;
pub mod tl_round_trip;
pub mod websocket;
pub mod world;

use std::fmt::Debug;
use std::sync::OnceLock;

use arbitrary::{Arbitrary, Unstructured};

// The generated reader says `crate::types::X`.
use tl::{Decode, Encode, Error, Reader, functions, service, stored, types};

mod any {
    include!(concat!(env!("OUT_DIR"), "/any.rs"));
}

/// Reads the value that begins with any id of the schema: constructors of all sections, and methods.
///
/// # Errors
/// What is wrong with the bytes.
pub fn read_any(r: &mut Reader<'_>) -> Result<Box<dyn Encode>, Error> {
    any::read(r)
}

/// Reads `bytes` in the strict way and writes what was read for `layer`; nothing if either has no words for it.
#[must_use]
pub fn again(bytes: &[u8], layer: u16) -> Option<Vec<u8>> {
    let mut r = Reader::strict(bytes);
    let value = read_any(&mut r).ok()?;
    r.finish().ok()?;
    tl::say(&*value, tl::Layer(layer))
}

/// Cuts `data` into pieces of 1 to 256 bytes; `cuts` says how long, over and over; 256 if it says nothing.
pub fn pieces<'a>(mut data: &'a [u8], cuts: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut lengths = cuts.iter().map(|cut| usize::from(*cut) + 1).cycle();
    std::iter::from_fn(move || {
        let length = lengths.next().unwrap_or(256).min(data.len());
        let (piece, rest) = data.split_at(length);
        data = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A fuzz target: its name, which is that of its corpus, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 17] = [
    ("api_call", api_call::run),
    ("connection", connection::run),
    ("datagram", datagram::run),
    ("envelope", envelope::run),
    ("framing", framing::run),
    ("gzip", gzip::run),
    ("handshake", handshake::run),
    ("http", http::run),
    ("obfuscated", obfuscated::run),
    ("record", record::run),
    ("session", session::run),
    ("store", crate::store::run),
    ("stored", records::run),
    ("tl_differential", tl_differential::run),
    ("tl_read", tl_read::run),
    ("tl_round_trip", tl_round_trip::run),
    ("websocket", websocket::run),
];

/// Reads `data` as what happens, and lets `play` make it happen. `CHAPPE_FUZZ_SHOW=1` prints it first.
pub(crate) fn told<'a, T: Arbitrary<'a> + Debug>(data: &'a [u8], play: impl FnOnce(T)) {
    static SHOW: OnceLock<bool> = OnceLock::new();
    if data.len() < T::size_hint(0).0 {
        return;
    }
    let Ok(story) = T::arbitrary_take_rest(Unstructured::new(data)) else { return };
    if *SHOW.get_or_init(|| std::env::var_os("CHAPPE_FUZZ_SHOW").is_some()) {
        eprintln!("{story:#?}");
    }
    play(story);
}
