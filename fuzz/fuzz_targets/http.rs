//! The head of an HTTP request: never asked for more than the limit, and an answer stays when more bytes come.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mtproto::wire::http::{Answer, answer};

fuzz_target!(|data: &[u8]| {
    match answer(data) {
        Answer::Wait => {}
        Answer::Upgrade { response, head_bytes } => {
            assert!(head_bytes <= data.len() && response.starts_with("HTTP/1.1 101 "));
            assert_eq!(answer(&data[..head_bytes]), answer(data), "what follows the head does not matter");
        }
        Answer::Refuse(response) => {
            assert!(response.starts_with("HTTP/1.1 ") && response.ends_with("\r\n\r\n"))
        }
    }
    // The same with a head that is nearly right.
    let head = b"GET /apiws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n";
    let _ = answer(&[head, data, b"\r\n\r\n"].concat());
});
