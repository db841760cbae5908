//! `gzip_packed`, both ways.

use std::io::Read as _;

use bytes::Bytes;
use flate2::bufread::{GzDecoder, GzEncoder, ZlibDecoder};
use tl::service::GzipPacked;
use tl::{Layer, Reader, Writer};

use super::limits::{
    PACK_BYTES_MAX, PACK_BYTES_MIN, UNPACKED_BYTES_FREE, UNPACKED_BYTES_MAX, UNPACKED_RATIO_MAX,
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
    let mut out = Vec::with_capacity(limit.min(data.len().saturating_mul(4)));
    let read_max = limit as u64 + 1;
    // 1f 8b begins gzip and cannot begin zlib.
    let read = if data.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(data).take(read_max).read_to_end(&mut out)
    } else {
        ZlibDecoder::new(data).take(read_max).read_to_end(&mut out)
    };
    read.map_err(|_| InflateError::Damaged)?;
    if out.len() > limit {
        return Err(InflateError::TooLarge);
    }
    if constructor(&out) == Some(GzipPacked::ID) {
        return Err(InflateError::Nested);
    }
    Ok(out.into())
}

/// Packs the boxed result `body` if that is worth it; else it stays as it is.
#[must_use]
pub fn pack(body: Bytes) -> Bytes {
    if !(PACK_BYTES_MIN..=PACK_BYTES_MAX).contains(&body.len()) || constructor(&body) == Some(GzipPacked::ID)
    {
        return body;
    }
    // What was compressed before does not shrink; its beginning tells.
    let sample = body.get(..PACK_BYTES_MIN / 2).unwrap_or(&body);
    if deflate(sample).len() * 10 > sample.len() * 9 {
        return body;
    }
    let data = deflate(&body);
    let mut packed = Writer::new(Layer::NEWEST);
    packed.u32(GzipPacked::ID);
    packed.bytes(&data);
    if packed.out.len() < body.len() { packed.out.into() } else { body }
}

/// `data` in gzip format.
fn deflate(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() / 2);
    // Reading from memory cannot fail. If it did, what is returned is longer than `data` and so never used.
    if GzEncoder::new(data, flate2::Compression::fast()).read_to_end(&mut out).is_err() {
        out.resize(data.len() + 1, 0);
    }
    out
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
        assert_eq!(inflate(&boxed(&deflate(&text))).as_deref(), Ok(&text[..]));
        assert_eq!(inflate(&boxed(&zlib(&text))).as_deref(), Ok(&text[..]));
    }

    #[test]
    fn what_was_packed_unpacks() {
        let body = Bytes::from(b"result ".repeat(1000));
        let packed = pack(body.clone());
        assert!(packed.len() < body.len() / 10 && packed.len().is_multiple_of(4));
        assert_eq!(inflate(&packed), Ok(body));
    }

    #[test]
    fn what_does_not_shrink_stays() {
        use env::Dice as _;
        let mut noise = vec![0; 8192];
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
