//! An HTTP connection: any heads; requests with bodies, pipelined and cut anywhere, answered as a server would.

use crate::pieces;
use bytes::Bytes;
use mtproto::wire::Received;
use mtproto::wire::framing::Frame;
use mtproto::wire::http::{Answer, answer};
use mtproto::wire::requests::Requests;
use mtproto::{Packet, limits};

/// Reads `data` as what happens, and lets it happen.
pub fn run(data: &[u8]) {
    crate::told(data, play);
}

fn play(input: (Vec<u8>, bool, &[u8])) {
    let (cuts, posts, data) = input;
    head(data);
    // The same with heads that are nearly right.
    head(
        &[
            &b"GET /apiws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n"[..],
            data,
            b"\r\n\r\n",
        ]
        .concat(),
    );
    head(&[b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n", data, b"\r\n\r\n"].concat());
    // A stream of requests, or whatever the fuzzer makes of one.
    let mut stream = Vec::new();
    if posts {
        for body in data.chunks(97) {
            stream.extend_from_slice(
                format!("POST /apiw1 HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len())
                    .as_bytes(),
            );
            stream.extend_from_slice(body);
        }
    } else {
        stream.extend_from_slice(data);
    }
    let (whole, whole_ended) = read(std::iter::once(&stream[..]));
    let (cut, cut_ended) = read(pieces(&stream, &cuts));
    // Where the end comes early, what had come by then may differ, but nothing else.
    let common = whole.len().min(cut.len());
    assert!(whole[..common] == cut[..common], "packets are the same wherever a stream is cut");
    if posts {
        assert!(!whole_ended && !cut_ended && whole.concat() == data && cut.concat() == data);
    }
}

fn head(data: &[u8]) {
    match answer(data) {
        Answer::Wait => assert!(data.len() < limits::HTTP_HEAD_BYTES_MAX),
        Answer::Packet(post) => {
            assert!(post.head_bytes <= data.len() && post.body_bytes <= limits::PACKET_BYTES_MAX);
            assert_eq!(answer(&data[..post.head_bytes]), answer(data), "what follows does not matter");
        }
        Answer::Reply { response, head_bytes, .. } => {
            assert!(head_bytes <= data.len() && response.starts_with("HTTP/1.1 204 "));
        }
        Answer::Upgrade { response, head_bytes } => {
            assert!(head_bytes <= data.len() && response.starts_with("HTTP/1.1 101 "));
            assert_eq!(answer(&data[..head_bytes]), answer(data), "what follows the head does not matter");
        }
        Answer::Refuse(response) => {
            assert!(response.starts_with("HTTP/1.1 4") && response.ends_with("\r\n\r\n"));
        }
    }
}

/// The packets, each answered as soon as it is there, and whether the connection ended.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, bool) {
    let (mut requests, mut packets) = (Requests::default(), Vec::new());
    for piece in pieces {
        let mut bytes = piece;
        loop {
            let mut received = Received::default();
            let result = requests.receive(bytes, &mut received);
            assert!(requests.waiting_bytes() <= limits::HTTP_PIPELINED_BYTES_MAX + limits::PACKET_BYTES_MAX);
            assert!(received.frames.len() <= 1, "one request at a time");
            for frame in received.frames {
                let Frame::Packet { data, .. } = frame else { panic!("no client acks like that") };
                packets.push(data.to_vec());
            }
            let open = requests.is_open();
            let response = requests.send(&Packet::Sealed(Bytes::from_static(&[7; 8])));
            assert_eq!(response.is_some(), open, "one response to each request");
            if !matches!(result, Ok(None)) || requests.is_over() {
                return (packets, true);
            }
            if !open || !requests.has_more() {
                break;
            }
            bytes = &[];
        }
    }
    (packets, false)
}
