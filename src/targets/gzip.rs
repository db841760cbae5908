//! `gzip_packed`: any bytes are refused or unpacked within the limits, and what was packed comes back.

use bytes::Bytes;
use mtproto::session::gzip::{inflate, pack};
use mtproto::session::limits::UNPACKED_BYTES_MAX;
use tl::Layer;
use tl::service::GzipPacked;

/// Takes any bytes.
pub fn run(data: &[u8]) {
    for packed in [data.to_vec(), tl::write(&GzipPacked { packed_data: data.to_vec() }, Layer::NEWEST)] {
        if let Ok(body) = inflate(&packed) {
            assert!(body.len() <= UNPACKED_BYTES_MAX);
        }
    }
    let body = Bytes::from(data.repeat(8));
    let packed = pack(body.clone());
    if packed != body {
        assert!(packed.len() < body.len() && inflate(&packed) == Ok(body));
    }
}
