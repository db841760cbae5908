//! WebSocket frames: wherever the stream is cut, the payload is the same, and what a client frames is read as it was.

use crate::pieces;
use bytes::BytesMut;
use env::SeededDice;
use mtproto::crypto::Side;
use mtproto::wire::websocket::{Kind, Reader, send_as_client};

/// The payload, and whether the stream broke.
fn read<'a>(from: Side, stream: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, bool) {
    let (mut reader, mut controls, mut payload) = (Reader::new(from), Vec::new(), Vec::new());
    for piece in stream {
        let shown = reader.receive(&mut piece.to_vec(), &mut controls, |bytes| {
            payload.extend_from_slice(bytes);
            Ok(())
        });
        assert!(controls.iter().all(|control| control.payload.len() <= 125));
        if shown.is_err() {
            return (payload, true);
        }
    }
    (payload, false)
}

/// Reads `data` as what happens, and lets it happen.
pub fn run(data: &[u8]) {
    crate::told(data, play);
}

fn play(input: (bool, Vec<u8>, &[u8])) {
    let (from_client, cuts, data) = input;
    let side = if from_client { Side::Client } else { Side::Server };
    assert_eq!(read(side, std::iter::once(data)), read(side, pieces(data, &cuts)), "wherever it is cut");

    let (mut stream, mut dice) = (BytesMut::new(), SeededDice::new(1));
    for piece in pieces(data, &cuts) {
        send_as_client(Kind::Binary, true, piece, &mut dice, &mut stream);
    }
    assert_eq!(read(Side::Client, pieces(&stream, &cuts)), (data.to_vec(), false));
}
