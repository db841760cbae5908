//! Any bytes at a fresh connection, in pieces, with time between them: detection and all that follows it.

use std::time::Duration;

use crate::path::{Line, START};
use crate::pieces;
use mtproto::wire::detect::{Opening, opening};
use mtproto::{Input, TransportError};

/// Reads `data` as what happens, and lets it happen.
pub fn run(data: &[u8]) {
    crate::told(data, play);
}

fn play(input: (Vec<u8>, u8, &[u8])) {
    let (cuts, millis, data) = input;
    // What was decided by the first bytes stays decided.
    let decided = (0..=data.len().min(80)).map(|n| opening(&data[..n])).find(|o| *o != Opening::Undecided);
    if let Some(decided) = decided {
        assert!(data.len() > 80 || opening(data) == decided);
    }
    let mut line = Line::default();
    for piece in pieces(data, &cuts) {
        line.now = line.now + Duration::from_millis(millis.into());
        line.feed(Input::Bytes(&mut piece.to_vec()));
        if !line.closed {
            assert!(line.server.waiting_bytes() <= data.len() + 4096);
        }
    }
    line.feed(Input::Send(mtproto::Packet::Error(TransportError::Flood)));
    line.now = START + Duration::from_secs(3600);
    line.feed(Input::Tick);
}
