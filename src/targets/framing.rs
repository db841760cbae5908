//! Each framing in both directions: a stream cut anywhere yields the same packets, and packets come back as they were sent.

use crate::pieces;
use bytes::BytesMut;
use env::SeededDice;
use mtproto::crypto::Side;
use mtproto::wire::framing::{Frame, Framer, Framing};

const FRAMINGS: [Framing; 4] =
    [Framing::Abridged, Framing::Intermediate, Framing::PaddedIntermediate, Framing::Full];

/// What a framer makes of a stream: the packets, and whether it broke.
fn cut<'a>(framing: Framing, stream: impl Iterator<Item = &'a [u8]>) -> (Vec<(BytesMut, bool)>, bool) {
    let mut framer = Framer::new(framing, Side::Server);
    let mut frames = Vec::new();
    let mut broke = false;
    for piece in stream {
        broke = framer.receive(piece, &mut frames).is_err();
        if broke {
            break;
        }
    }
    let packets = frames.into_iter().filter_map(|frame| match frame {
        Frame::Packet { data, quick_ack } => Some((data, quick_ack)),
        Frame::QuickAck(_) => None,
    });
    (packets.collect(), broke)
}

/// Reads `data` as what happens, and lets it happen.
pub fn run(data: &[u8]) {
    crate::told(data, play);
}

fn play(input: (u8, Vec<u8>, &[u8])) {
    let (choice, cuts, data) = input;
    let framing = FRAMINGS[usize::from(choice % 4)];
    let whole = cut(framing, std::iter::once(data));
    assert_eq!(whole, cut(framing, pieces(data, &cuts)), "wherever it is cut");

    // What a client frames, a server reads: packets are whole words.
    let mut client = Framer::new(framing, Side::Client);
    let (mut stream, mut sent, mut dice) = (BytesMut::new(), Vec::new(), SeededDice::new(1));
    for (number, packet) in pieces(data, &cuts).enumerate() {
        let packet = packet.get(..packet.len() & !3).unwrap_or_default();
        if packet.is_empty() {
            continue;
        }
        let quick_ack = number % 2 == 1;
        client.send(packet, quick_ack, &mut dice, &mut stream);
        sent.push((packet.to_vec(), quick_ack && framing != Framing::Full));
    }
    let (heard, broke) = cut(framing, pieces(&stream, &cuts));
    assert!(!broke && heard.len() == sent.len());
    for ((heard, heard_quick), (sent, sent_quick)) in heard.iter().zip(&sent) {
        assert_eq!(heard_quick, sent_quick);
        assert!(heard.starts_with(sent), "with random bytes behind it in padded framing, else equal");
        assert!(framing == Framing::PaddedIntermediate || heard.len() == sent.len());
    }
}
