//! What several fuzz targets share: the reader of any known id, values grown from the schema, fixed keys, a small world.

#![forbid(unsafe_code)]

pub mod grow;
pub mod path;
pub mod world;

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
