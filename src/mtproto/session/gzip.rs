//! `gzip_packed`, both ways.

use std::cell::RefCell;
use std::io::{self, Read as _};

use bytes::Bytes;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use flate2::{Compress, Compression, FlushCompress, Status};
use tl::service::GzipPacked;
use tl::{Layer, Reader, Writer};

use super::io::Overrun;
use super::limits::{
    PACK_BYTES_MAX, PACK_BYTES_MIN, PACK_LOOK_BYTES, PACK_VALUES_MAX, UNPACKED_BYTES_FREE,
    UNPACKED_BYTES_MAX, UNPACKED_RATIO_MAX,
};

/// Why packed data was not unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InflateError {
    /// It is no `gzip_packed`, or neither gzip nor zlib, or damaged.
    Damaged,
    /// It would become longer than the limits allow.
    TooLarge,
    /// There is another `gzip_packed` inside.
    Nested,
}

impl InflateError {
    /// Which bound the data went beyond, if that is what is wrong.
    #[must_use]
    pub const fn overrun(self) -> Option<Overrun> {
        match self {
            Self::TooLarge => Some(Overrun::Gzip),
            Self::Nested => Some(Overrun::Nesting),
            Self::Damaged => None,
        }
    }
}

/// Unpacks the boxed `gzip_packed` that `packed` is, whether its data is in gzip or in zlib format (TDLib writes zlib).
///
/// The session unpacks queries that are packed on the outside; what is packed inside a wrapper is the API's to unpack,
/// with this.
///
/// # Errors
///
/// Says why not. Nothing longer than the limits is ever allocated.
pub fn inflate(packed: &[u8]) -> Result<Bytes, InflateError> {
    let data = packed_data(packed).ok_or(InflateError::Damaged)?;
    // spec: SES-13
    let limit =
        UNPACKED_BYTES_MAX.min(UNPACKED_BYTES_FREE.max(data.len().saturating_mul(UNPACKED_RATIO_MAX)));
    // 1f 8b begins gzip and cannot begin zlib.
    let read = if data.starts_with(&[0x1f, 0x8b]) {
        read_up_to(limit + 1, data.len(), GzDecoder::new(data))
    } else {
        read_up_to(limit + 1, data.len(), ZlibDecoder::new(data))
    };
    let out = read.map_err(|_| InflateError::Damaged)?;
    if out.len() > limit {
        return Err(InflateError::TooLarge);
    }
    if constructor(&out) == Some(GzipPacked::ID) {
        return Err(InflateError::Nested);
    }
    Ok(out.into())
}

/// At most `max` bytes of what `packed_bytes` unpack to. The buffer grows once at most, and never beyond `max`: a bomb
/// costs no more than the longest honest query.
fn read_up_to(max: usize, packed_bytes: usize, mut unpacking: impl io::Read) -> io::Result<Vec<u8>> {
    let first = packed_bytes.saturating_mul(4).clamp(1, max / 4);
    let mut out = Vec::with_capacity(first);
    unpacking.by_ref().take(first as u64).read_to_end(&mut out)?;
    if out.len() == first {
        out.reserve_exact(max - first);
        unpacking.take((max - first) as u64).read_to_end(&mut out)?;
    }
    Ok(out)
}

thread_local! {
    /// The state of a compressor is some 300 KB: making one costs more than to pack a page of messages. One for each thread.
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// Packs the boxed result `body` if that is worth it; else it stays as it is.
#[must_use]
pub fn pack(body: Bytes) -> Bytes {
    if !(PACK_BYTES_MIN..=PACK_BYTES_MAX).contains(&body.len())
        || constructor(&body) == Some(GzipPacked::ID)
        || !may_shrink(&body)
    {
        return body;
    }
    // Room for nine tenths of it: what would not fit is not worth the client's trouble.
    let Some(data) = deflate(&body, body.len() / 10 * 9) else { return body };
    let mut packed = Writer::new(Layer::NEWEST);
    packed.u32(GzipPacked::ID);
    packed.bytes(&data);
    packed.out.into()
}

/// Whether `body` may shrink, by a look at its middle: in files that were compressed before, nearly every value of a byte
/// occurs.
fn may_shrink(body: &[u8]) -> bool {
    let mut seen = [false; 256];
    let middle = body.len() / 2;
    for byte in body.iter().skip(middle - (middle.min(PACK_LOOK_BYTES / 2))).take(PACK_LOOK_BYTES) {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    seen.iter().filter(|seen| **seen).count() <= PACK_VALUES_MAX
}

/// `data` in gzip format (RFC 1952), if that is no longer than `room`.
fn deflate(data: &[u8], room: usize) -> Option<Vec<u8>> {
    /// Deflate, no name, no time, an unknown system.
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut out = Vec::with_capacity(room);
    out.extend_from_slice(&HEAD);
    let ended = COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        // It writes into the room that is there and asks for no more.
        compress.compress_vec(data, &mut out, FlushCompress::Finish)
    });
    if !matches!(ended, Ok(Status::StreamEnd)) {
        return None;
    }
    out.extend_from_slice(&crc32fast::hash(data).to_le_bytes());
    out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    (out.len() <= room).then_some(out)
}

/// The constructor id that `body` begins with.
pub(super) fn constructor(body: &[u8]) -> Option<u32> {
    body.first_chunk().copied().map(u32::from_le_bytes)
}

/// The `packed_data:bytes` of a boxed `gzip_packed`.
fn packed_data(packed: &[u8]) -> Option<&[u8]> {
    let mut r = Reader::new(packed);
    if r.u32().ok()? != GzipPacked::ID {
        return None;
    }
    r.bytes_ref().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn boxed(data: &[u8]) -> Vec<u8> {
        tl::write(&GzipPacked { packed_data: data.to_vec() }, Layer::NEWEST)
    }

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(data).expect("memory");
        encoder.finish().expect("memory")
    }

    // proves: SES-13
    #[test]
    fn both_formats_unpack() {
        let text = b"a query of some length, some length, some length".repeat(20);
        assert_eq!(inflate(&boxed(&deflate(&text, text.len()).expect("shorter"))).as_deref(), Ok(&text[..]));
        assert_eq!(inflate(&boxed(&zlib(&text))).as_deref(), Ok(&text[..]));
    }

    #[test]
    fn what_was_packed_unpacks() {
        let body = Bytes::from(b"result ".repeat(4000));
        let packed = pack(body.clone());
        assert!(packed.len() < body.len() / 10 && packed.len().is_multiple_of(4));
        assert_eq!(inflate(&packed), Ok(body));
    }

    #[test]
    fn what_does_not_shrink_stays() {
        use env::Dice as _;
        let mut noise = vec![0; 2 * PACK_BYTES_MIN];
        env::SeededDice::new(5).fill(&mut noise);
        let noise = Bytes::from(noise);
        assert_eq!(pack(noise.clone()), noise);
        let short = Bytes::from(vec![0; PACK_BYTES_MIN - 4]);
        assert_eq!(pack(short.clone()), short);
    }

    // proves: SES-13
    #[test]
    fn a_bomb_does_not_go_off() {
        let bomb = boxed(&zlib(&vec![0; 64 << 20]));
        assert_eq!(inflate(&bomb), Err(InflateError::TooLarge));
        // A ratio that no query has, though short of the absolute limit.
        assert_eq!(inflate(&boxed(&zlib(&vec![0; 900_000]))), Err(InflateError::TooLarge));
        assert!(inflate(&boxed(&zlib(&vec![0; 60_000]))).is_ok());
    }

    // proves: SES-13
    #[test]
    fn packed_inside_packed_is_refused() {
        assert_eq!(inflate(&boxed(&zlib(&boxed(&zlib(b"inner"))))), Err(InflateError::Nested));
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        let whole = boxed(&zlib(b"some text"));
        for n in 0..whole.len() {
            assert!(inflate(&whole[..n]).is_err(), "{n} bytes");
        }
        assert_eq!(inflate(&boxed(b"neither of both")), Err(InflateError::Damaged));
    }
}
