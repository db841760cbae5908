//! The four ways in which TCP's stream is cut into packets.

use bytes::{Buf as _, BufMut as _, BytesMut};
use env::Dice;

use crate::crypto::{QuickAckToken, Side};
use crate::error::PeerMisbehaved;
use crate::limits::{FRAME_PADDING_BYTES_MAX, PACKET_BYTES_MAX, PLAIN_PACKET_BYTES_MAX};

/// How packets lie in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One length byte, or four for long packets, counting words.
    Abridged,
    /// Four length bytes.
    Intermediate,
    /// Four length bytes, and random bytes behind each packet.
    PaddedIntermediate,
    /// Length, sequence number, packet, CRC32. The only framing without a marker.
    Full,
}

impl Framing {
    /// What a client sends before its first frame.
    #[must_use]
    pub const fn marker(self) -> &'static [u8] {
        // spec: TR-2
        match self {
            Self::Abridged => &[0xef],
            Self::Intermediate => &[0xee; 4],
            Self::PaddedIntermediate => &[0xdd; 4],
            Self::Full => &[],
        }
    }

    /// The tag by which obfuscation names it; full framing cannot be obfuscated.
    #[must_use]
    pub const fn tag(self) -> Option<[u8; 4]> {
        match self {
            Self::Abridged => Some([0xef; 4]),
            Self::Intermediate => Some([0xee; 4]),
            Self::PaddedIntermediate => Some([0xdd; 4]),
            Self::Full => None,
        }
    }
}

/// What was cut out of the stream.
#[derive(Debug)]
pub enum Frame {
    /// A packet; in padded intermediate framing with the random bytes still behind it.
    Packet {
        /// The bytes between head and trailer of the frame.
        data: BytesMut,
        /// Whether the client asked for a quick ack of it.
        quick_ack: bool,
    },
    /// A quick ack, which only clients receive.
    QuickAck(QuickAckToken),
}

/// Cuts one direction of a stream and frames the other.
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    side: Side,
    /// What has arrived of a frame that is not whole yet. Empty and without memory between frames.
    begun: BytesMut,
    received: u32,
    sent: u32,
}

/// What the first bytes of a frame say.
struct Head {
    /// Bytes before the packet.
    head_bytes: usize,
    /// Bytes of the packet and of frame padding.
    packet_bytes: usize,
    /// Bytes behind the packet.
    tail_bytes: usize,
    quick_ack: bool,
}

/// What stands at the front of the received bytes.
enum Front {
    Incomplete,
    Whole(Head),
    Token(QuickAckToken),
}

/// Length, sequence number: the head of a full frame.
const FULL_HEAD_BYTES: usize = 8;
/// The checksum behind a full frame.
const FULL_TAIL_BYTES: usize = 4;

impl Framer {
    /// A framer for the end of the connection on which `side` sits.
    #[must_use]
    pub fn new(framing: Framing, side: Side) -> Self {
        Self { framing, side, begun: BytesMut::new(), received: 0, sent: 0 }
    }

    /// How packets lie in the stream.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Bytes that wait for the rest of their frame.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.begun.len()
    }

    /// How long the packet under way will be, as far as is known, in bytes; nothing between frames.
    #[must_use]
    pub fn announced_bytes(&self) -> Option<usize> {
        if self.begun.is_empty() {
            return None;
        }
        Some(self.head(&self.begun).ok().flatten().map_or(0, |head| head.packet_bytes))
    }

    /// Cuts `bytes`, which follow what was received before, into `frames`.
    ///
    /// # Errors
    ///
    /// What is wrong with the frame under way. The stream cannot be read any further.
    pub fn receive(&mut self, mut bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), PeerMisbehaved> {
        // spec: TR-22
        if self.begun.is_empty() {
            // What is whole is copied out once; nothing is kept.
            while let Some(cut) = self.cut(bytes)? {
                let data = bytes.get(cut.packet.clone()).unwrap_or_default();
                bytes = bytes.get(cut.total..).unwrap_or_default();
                frames.push(cut.into_frame(BytesMut::from(data)));
            }
            if !bytes.is_empty() {
                self.begun.extend_from_slice(bytes);
            }
            return Ok(());
        }
        let mut begun = std::mem::take(&mut self.begun);
        begun.extend_from_slice(bytes);
        while let Some(cut) = self.cut(&begun)? {
            let mut data = begun.split_to(cut.total);
            data.truncate(cut.packet.end);
            data.advance(cut.packet.start);
            frames.push(cut.into_frame(data));
        }
        if !begun.is_empty() {
            self.begun = begun;
        }
        Ok(())
    }

    /// The first whole frame of `bytes`, if there is one.
    fn cut(&mut self, bytes: &[u8]) -> Result<Option<Cut>, PeerMisbehaved> {
        let head = match self.front(bytes)? {
            Front::Incomplete => return Ok(None),
            Front::Token(token) => {
                return Ok(Some(Cut { total: 4, packet: 0..0, quick_ack: false, token: Some(token) }));
            }
            Front::Whole(head) => head,
        };
        let packet = head.head_bytes..head.head_bytes + head.packet_bytes;
        let total = packet.end + head.tail_bytes;
        if self.framing == Framing::Full {
            self.check_full(bytes.get(..total).unwrap_or_default())?;
        }
        let token = self.padded_token(bytes.get(packet.clone()).unwrap_or_default());
        Ok(Some(Cut { total, packet, quick_ack: head.quick_ack, token }))
    }

    fn front(&self, bytes: &[u8]) -> Result<Front, PeerMisbehaved> {
        if let Some(token) = self.bare_token(bytes) {
            return Ok(Front::Token(token));
        }
        let Some(head) = self.head(bytes)? else { return Ok(Front::Incomplete) };
        if head.packet_bytes > PACKET_BYTES_MAX + FRAME_PADDING_BYTES_MAX {
            return Err(PeerMisbehaved::AnnouncedTooMuch);
        }
        // Strangers get less room than those who have a key, or say so: eight bytes are enough to tell.
        let key_id = bytes.get(head.head_bytes..).and_then(|packet| packet.first_chunk::<8>());
        let plain = self.side == Side::Server && key_id == Some(&[0; 8]);
        if plain && head.packet_bytes > PLAIN_PACKET_BYTES_MAX {
            return Err(PeerMisbehaved::AnnouncedTooMuch);
        }
        let whole = bytes.len() >= head.head_bytes + head.packet_bytes + head.tail_bytes;
        Ok(if whole { Front::Whole(head) } else { Front::Incomplete })
    }

    fn head(&self, bytes: &[u8]) -> Result<Option<Head>, PeerMisbehaved> {
        let words = bytes.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes));
        match self.framing {
            Framing::Abridged => {
                // spec: TR-4
                let Some(first) = bytes.first() else { return Ok(None) };
                let quick_ack = first & 0x80 != 0;
                let (head_bytes, words) = match (first & 0x7f, words) {
                    (0x7f, Some(words)) => (4, words >> 8),
                    (0x7f, None) => return Ok(None),
                    (short, _) => (1, u32::from(short)),
                };
                Ok(Some(Head { head_bytes, packet_bytes: words as usize * 4, tail_bytes: 0, quick_ack }))
            }
            Framing::Intermediate | Framing::PaddedIntermediate => {
                // spec: TR-5
                let Some(length) = words else { return Ok(None) };
                let packet_bytes = (length & 0x7fff_ffff) as usize;
                Ok(Some(Head { head_bytes: 4, packet_bytes, tail_bytes: 0, quick_ack: length >> 31 == 1 }))
            }
            Framing::Full => {
                // spec: TR-7
                let Some(length) = words else { return Ok(None) };
                let inner = (length as usize).checked_sub(FULL_HEAD_BYTES + FULL_TAIL_BYTES);
                let packet_bytes =
                    inner.filter(|n| n.is_multiple_of(4)).ok_or(PeerMisbehaved::BrokeFullFrame)?;
                let (head_bytes, tail_bytes) = (FULL_HEAD_BYTES, FULL_TAIL_BYTES);
                Ok(Some(Head { head_bytes, packet_bytes, tail_bytes, quick_ack: false }))
            }
        }
    }

    fn check_full(&mut self, frame: &[u8]) -> Result<(), PeerMisbehaved> {
        // spec: TR-7
        let (body, crc) = frame.split_last_chunk::<4>().ok_or(PeerMisbehaved::BrokeFullFrame)?;
        let sequence = body.get(4..8).and_then(|bytes| bytes.first_chunk::<4>());
        let in_order = sequence == Some(&self.received.to_le_bytes());
        if !in_order || crc32fast::hash(body).to_le_bytes() != *crc {
            return Err(PeerMisbehaved::BrokeFullFrame);
        }
        self.received = self.received.wrapping_add(1);
        Ok(())
    }

    /// A quick ack as abridged and intermediate framing have it: four bytes instead of a frame.
    fn bare_token(&self, bytes: &[u8]) -> Option<QuickAckToken> {
        if self.side == Side::Server {
            return None;
        }
        let four = *bytes.first_chunk::<4>()?;
        let token = match self.framing {
            Framing::Abridged => u32::from_be_bytes(four),
            Framing::Intermediate => u32::from_le_bytes(four),
            Framing::PaddedIntermediate | Framing::Full => return None,
        };
        (token >> 31 == 1).then_some(QuickAckToken(token))
    }

    /// A quick ack as padded intermediate framing has it: inside of a frame, behind -1.
    fn padded_token(&self, packet: &[u8]) -> Option<QuickAckToken> {
        let padded = self.side == Side::Client && self.framing == Framing::PaddedIntermediate;
        let (mark, rest) = packet.split_first_chunk::<4>()?;
        let token = rest.first_chunk::<4>()?;
        (padded && packet.len() < 20 && *mark == [0xff; 4]).then(|| QuickAckToken(u32::from_le_bytes(*token)))
    }

    /// Appends `packet`, framed, to `out`. Packets are whole words long. `quick_ack` asks for one, which only clients do
    /// and full framing cannot.
    pub fn send(&mut self, packet: &[u8], quick_ack: bool, dice: &mut dyn Dice, out: &mut BytesMut) {
        let ask = u32::from(quick_ack && self.framing != Framing::Full) << 31;
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        match self.framing {
            Framing::Abridged => {
                let ask = (ask >> 24) as u8;
                match u8::try_from(length / 4) {
                    Ok(words) if words < 0x7f => out.put_u8(words | ask),
                    _ => out.put_u32_le((length / 4) << 8 | u32::from(0x7f | ask)),
                }
                out.put_slice(packet);
            }
            Framing::Intermediate => {
                out.put_u32_le(length | ask);
                out.put_slice(packet);
            }
            Framing::PaddedIntermediate => {
                // Up to 15 bytes would be allowed, but Telethon finds the end by the length modulo 4, and TDLib knows
                // errors and quick acks by being shorter than 12.
                // spec: TR-6
                let padding = dice.u32();
                let padding_bytes = padding >> 30;
                out.put_u32_le((length + padding_bytes) | ask);
                out.put_slice(packet);
                out.put_slice(padding.to_le_bytes().get(..padding_bytes as usize).unwrap_or_default());
            }
            Framing::Full => {
                let start = out.len();
                out.put_u32_le(length + (FULL_HEAD_BYTES + FULL_TAIL_BYTES) as u32);
                out.put_u32_le(self.sent);
                out.put_slice(packet);
                let crc = crc32fast::hash(out.get(start..).unwrap_or_default());
                out.put_u32_le(crc);
                self.sent = self.sent.wrapping_add(1);
            }
        }
    }

    /// Appends a quick ack to `out`; nothing in full framing, which has no place for it.
    pub fn send_quick_ack(&mut self, token: QuickAckToken, dice: &mut dyn Dice, out: &mut BytesMut) {
        // spec: TR-8
        match self.framing {
            Framing::Abridged => out.put_u32(token.0),
            Framing::Intermediate => out.put_u32_le(token.0),
            Framing::PaddedIntermediate => {
                let [a, b, c, d] = token.0.to_le_bytes();
                self.send(&[0xff, 0xff, 0xff, 0xff, a, b, c, d], false, dice, out);
            }
            Framing::Full => {}
        }
    }
}

/// Where a whole frame lies in the received bytes.
struct Cut {
    total: usize,
    packet: std::ops::Range<usize>,
    quick_ack: bool,
    token: Option<QuickAckToken>,
}

impl Cut {
    fn into_frame(self, data: BytesMut) -> Frame {
        match self.token {
            Some(token) => Frame::QuickAck(token),
            None => Frame::Packet { data, quick_ack: self.quick_ack },
        }
    }
}

#[cfg(test)]
mod tests {
    use env::SeededDice;

    use super::*;

    const ALL: [Framing; 4] =
        [Framing::Abridged, Framing::Intermediate, Framing::PaddedIntermediate, Framing::Full];

    fn packet(words: usize) -> Vec<u8> {
        (0..words * 4).map(|n| (n % 251) as u8 + 1).collect()
    }

    fn packets(framing: Framing, frames: Vec<Frame>) -> Vec<(Vec<u8>, bool)> {
        let one = |frame| match frame {
            Frame::Packet { mut data, quick_ack } => {
                if framing == Framing::PaddedIntermediate {
                    data.truncate(data.len() & !3);
                }
                (data.to_vec(), quick_ack)
            }
            Frame::QuickAck(token) => panic!("{token:?}"),
        };
        frames.into_iter().map(one).collect()
    }

    // proves: TR-4, TR-5, TR-6, TR-7, TR-22
    #[test]
    fn frames_survive_however_the_stream_is_cut() {
        for framing in ALL {
            for piece in [1, 2, 3, 7, 500, usize::MAX] {
                let mut dice = SeededDice::new(3);
                let (mut here, mut there) =
                    (Framer::new(framing, Side::Client), Framer::new(framing, Side::Server));
                let sent: Vec<_> = [5, 126, 127, 128, 9, 300].map(packet).into();
                let mut stream = BytesMut::new();
                for packet in &sent {
                    here.send(packet, true, &mut dice, &mut stream);
                }
                let mut frames = Vec::new();
                for bytes in stream.chunks(piece.min(stream.len())) {
                    there.receive(bytes, &mut frames).expect("honest frames");
                }
                let asked = framing != Framing::Full;
                let expected: Vec<_> = sent.into_iter().map(|packet| (packet, asked)).collect();
                assert_eq!(packets(framing, frames), expected, "{framing:?} in pieces of {piece}");
                assert_eq!((there.waiting_bytes(), there.begun.capacity()), (0, 0));
            }
        }
    }

    // proves: TR-8
    #[test]
    fn a_quick_ack_arrives_between_packets() {
        let token = QuickAckToken(0x8123_4567);
        for framing in [Framing::Abridged, Framing::Intermediate, Framing::PaddedIntermediate] {
            let mut dice = SeededDice::new(5);
            let (mut here, mut there) =
                (Framer::new(framing, Side::Server), Framer::new(framing, Side::Client));
            let mut stream = BytesMut::new();
            here.send_quick_ack(token, &mut dice, &mut stream);
            here.send(&packet(30), false, &mut dice, &mut stream);
            let mut frames = Vec::new();
            for bytes in stream.chunks(1) {
                there.receive(bytes, &mut frames).expect("honest frames");
            }
            let mut frames = frames.into_iter();
            assert!(matches!(frames.next(), Some(Frame::QuickAck(got)) if got == token), "{framing:?}");
            assert_eq!(packets(framing, frames.collect()), [(packet(30), false)]);
        }
    }

    #[test]
    fn a_quick_ack_of_abridged_framing_is_byte_swapped() {
        let (mut dice, mut out) = (SeededDice::new(1), BytesMut::new());
        Framer::new(Framing::Abridged, Side::Server).send_quick_ack(
            QuickAckToken(0x8123_4567),
            &mut dice,
            &mut out,
        );
        assert_eq!(out[..], [0x81, 0x23, 0x45, 0x67]);
    }

    // proves: TR-22
    #[test]
    fn a_huge_announcement_is_refused_before_anything_is_kept() {
        let huge: [(Framing, &[u8]); 4] = [
            (Framing::Abridged, &[0x7f, 0xff, 0xff, 0xff]),
            (Framing::Intermediate, &[0xff, 0xff, 0xff, 0x7f]),
            (Framing::PaddedIntermediate, &[0, 0, 0xf0, 0]),
            (Framing::Full, &[0xfc, 0xff, 0xff, 0xff]),
        ];
        for (framing, head) in huge {
            let mut framer = Framer::new(framing, Side::Server);
            assert_eq!(
                framer.receive(head, &mut Vec::new()),
                Err(PeerMisbehaved::AnnouncedTooMuch),
                "{framing:?}"
            );
            assert_eq!(framer.begun.capacity(), 0);
        }
    }

    #[test]
    fn without_a_key_a_packet_stays_short() {
        let mut framer = Framer::new(Framing::Intermediate, Side::Server);
        let mut head = 1028_u32.to_le_bytes().to_vec();
        assert_eq!(framer.receive(&head, &mut Vec::new()), Ok(()));
        assert_eq!(framer.receive(&[0; 8], &mut Vec::new()), Err(PeerMisbehaved::AnnouncedTooMuch));
        head.extend([1; 8]);
        let mut framer = Framer::new(Framing::Intermediate, Side::Server);
        assert_eq!(framer.receive(&head, &mut Vec::new()), Ok(()), "with a key it may be long");
        assert_eq!(framer.announced_bytes(), Some(1028));
    }

    // proves: TR-7
    #[test]
    fn full_frames_have_order_and_a_checksum() {
        let frame = |sequence: u32, flip: u8| {
            let mut sender = Framer::new(Framing::Full, Side::Client);
            sender.sent = sequence;
            let mut out = BytesMut::new();
            sender.send(&packet(6), false, &mut SeededDice::new(1), &mut out);
            out[10] ^= flip;
            out
        };
        let receive = |bytes: &[u8]| Framer::new(Framing::Full, Side::Server).receive(bytes, &mut Vec::new());
        assert_eq!(receive(&frame(0, 0)), Ok(()));
        assert_eq!(receive(&frame(1, 0)), Err(PeerMisbehaved::BrokeFullFrame));
        assert_eq!(receive(&frame(0, 1)), Err(PeerMisbehaved::BrokeFullFrame));
        assert_eq!(receive(&[11, 0, 0, 0]), Err(PeerMisbehaved::BrokeFullFrame));
        assert_eq!(receive(&[14, 0, 0, 0]), Err(PeerMisbehaved::BrokeFullFrame));
    }
}
