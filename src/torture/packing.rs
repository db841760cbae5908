//! Data in gzip format, and bombs.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// `data` and so many zeros behind it, in gzip format. The zeros are never in memory at once.
pub fn deflated(data: &[u8], zeros: usize) -> Vec<u8> {
    static PIECE: [u8; 64 * 1024] = [0; 64 * 1024];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let mut left = zeros;
    // Writing to memory cannot fail.
    let _ = encoder.write_all(data);
    while left > 0 {
        let piece = PIECE.get(..left.min(PIECE.len())).unwrap_or(&PIECE);
        let _ = encoder.write_all(piece);
        left -= piece.len();
    }
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_packed_unpacks_with_its_zeros() {
        let packed = deflated(b"data", 200_000);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).expect("gzip");
        assert!(packed.len() < 1000 && unpacked.len() == 200_004 && unpacked.starts_with(b"data\0"));
    }
}
