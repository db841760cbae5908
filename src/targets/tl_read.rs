//! Any bytes as any value: the reader refuses or reads, and what it read can be printed and said in every layer.

use crate::read_any;
use tl::describe::{debug_bytes, json};
use tl::{Layer, Reader};

/// Takes any bytes.
pub fn run(data: &[u8]) {
    if let Ok(value) = read_any(&mut Reader::new(data)) {
        for layer in [146, 158, 166, 179, 201, 216, 227, 232, Layer::ALL.0] {
            let _ = tl::say(&*value, Layer(layer));
        }
        let _ = json(&*value);
    }
    let _ = debug_bytes(data);
}
