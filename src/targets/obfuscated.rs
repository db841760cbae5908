//! The obfuscated transport: any header, and packets of a client that obfuscates, with bytes changed on their way.

use crate::path::Line;
use crate::pieces;
use arbitrary::Arbitrary;
use env::SeededDice;
use mtproto::Input;
use mtproto::client::{Transport, TransportOptions};
use mtproto::wire::framing::Framing;
use mtproto::wire::obfuscated::Obfuscation;

#[derive(Debug, Arbitrary)]
struct Story {
    header: [u8; 64],
    framing: u8,
    dc_label: i16,
    websocket: bool,
    packets: Vec<Vec<u8>>,
    cuts: Vec<u8>,
    /// Where a byte is changed, and how.
    changes: Vec<(u16, u8)>,
}

/// Reads `data` as what happens, and lets it happen.
pub fn run(data: &[u8]) {
    crate::told(data, play);
}

fn play(story: Story) {
    let _ = Obfuscation::accept(&story.header);
    let framing = [Framing::Abridged, Framing::Intermediate, Framing::PaddedIntermediate]
        [usize::from(story.framing % 3)];
    let mut dice = SeededDice::new(story.header[0].into());
    let options = TransportOptions { framing, obfuscated: Some(story.dc_label), websocket: story.websocket };
    let (mut client, mut stream) = Transport::new(options, &mut dice);
    for (number, packet) in story.packets.iter().enumerate() {
        let packet = packet.get(..packet.len() & !3).unwrap_or_default();
        stream.extend_from_slice(&client.send(packet, number % 2 == 0, &mut dice));
    }
    for (at, change) in &story.changes {
        if let Some(byte) = stream.get_mut(usize::from(*at)) {
            *byte ^= change;
        }
    }
    let mut line = Line::default();
    for piece in pieces(&stream, &story.cuts) {
        line.feed(Input::Bytes(&mut piece.to_vec()));
    }
    if story.changes.is_empty() {
        let mut frames = Vec::new();
        assert!(client.receive(&mut line.written, &mut frames).is_ok(), "the server speaks as it should");
        if !story.packets.is_empty() && !story.websocket {
            assert_eq!(line.server.framing(), Some(framing));
        }
    }
}
