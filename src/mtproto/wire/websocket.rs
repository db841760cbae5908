//! The frames of RFC 6455, as far as a carrier of packets needs them: binary messages, ping, pong, close; no extensions.
//!
//! Received payload is passed on as it comes, so that a message may arrive in any number of fragments; what is sent is
//! one packet per unfragmented message, which is what browsers' clients expect.

use bytes::{BufMut as _, BytesMut};
use env::Dice;

use crate::crypto::Side;
use crate::error::PeerMisbehaved;
use crate::limits::{WEBSOCKET_CONTROL_BYTES_MAX, WEBSOCKET_FRAME_BYTES_MAX};

/// The longest head of a frame, in bytes: two, eight for a long length, four for the mask.
pub const FRAME_HEAD_BYTES_MAX: usize = 14;

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// The kinds of frame that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A further piece of a fragmented message.
    Continuation = 0,
    /// A message of bytes, or its first piece.
    Binary = 2,
    /// Goodbye.
    Close = 8,
    /// A question to be answered with its own payload.
    Ping = 9,
    /// That answer.
    Pong = 10,
}

/// A control frame that wants a reply.
#[derive(Debug, PartialEq, Eq)]
pub struct Control {
    /// [`Kind::Pong`] or [`Kind::Close`], to be sent back.
    pub reply: Kind,
    /// With this payload.
    pub payload: Vec<u8>,
}

/// Reads the frames of one direction.
#[derive(Debug)]
pub struct Reader {
    from: Side,
    head: Vec<u8>,
    frame: Option<Frame>,
    fragmented: bool,
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    remaining: u64,
    mask: [u8; 4],
    /// Where in the mask the next byte falls.
    phase: usize,
    control: Vec<u8>,
}

impl Reader {
    /// A reader of frames that `from` writes. Clients mask theirs, servers do not.
    #[must_use]
    pub const fn new(from: Side) -> Self {
        Self { from, head: Vec::new(), frame: None, fragmented: false }
    }

    /// Takes the framing off `bytes` in place and shows each stretch of payload to `payload`; replies that are due to
    /// control frames are appended to `controls`.
    ///
    /// # Errors
    ///
    /// What the peer did wrong, [`PeerMisbehaved::ClosedWebSocket`] for a proper goodbye, and whatever `payload` says.
    pub fn receive(
        &mut self,
        mut bytes: &mut [u8],
        controls: &mut Vec<Control>,
        mut payload: impl FnMut(&mut [u8]) -> Result<(), PeerMisbehaved>,
    ) -> Result<(), PeerMisbehaved> {
        loop {
            let Some(mut frame) = self.frame.take() else {
                let Some((first, rest)) = bytes.split_first_mut() else { return Ok(()) };
                self.head.push(*first);
                bytes = rest;
                if let Some(frame) = self.parse_head()? {
                    self.head = Vec::new();
                    self.frame = Some(frame);
                }
                continue;
            };
            let here = usize::try_from(frame.remaining).unwrap_or(usize::MAX).min(bytes.len());
            let (stretch, rest) = bytes.split_at_mut(here);
            bytes = rest;
            for byte in stretch.iter_mut() {
                *byte ^= frame.mask.get(frame.phase % 4).unwrap_or(&0);
                frame.phase = (frame.phase + 1) % 4;
            }
            frame.remaining -= here as u64;
            let data = matches!(frame.kind, Kind::Binary | Kind::Continuation);
            if !data {
                frame.control.extend_from_slice(stretch);
            } else if here > 0 {
                payload(stretch)?;
            }
            if frame.remaining > 0 {
                self.frame = Some(frame);
                return Ok(());
            }
            match frame.kind {
                Kind::Ping => controls.push(Control { reply: Kind::Pong, payload: frame.control }),
                Kind::Close => {
                    frame.control.truncate(2);
                    controls.push(Control { reply: Kind::Close, payload: frame.control });
                    return Err(PeerMisbehaved::ClosedWebSocket);
                }
                Kind::Pong | Kind::Binary | Kind::Continuation => {}
            }
        }
    }

    fn parse_head(&mut self) -> Result<Option<Frame>, PeerMisbehaved> {
        let broken = PeerMisbehaved::BrokeWebSocket;
        let [first, second, rest @ ..] = self.head.as_slice() else { return Ok(None) };
        let kind = match first & 0x0f {
            0 => Kind::Continuation,
            2 => Kind::Binary,
            8 => Kind::Close,
            9 => Kind::Ping,
            10 => Kind::Pong,
            // Text, or what RFC 6455 keeps for later.
            _ => return Err(broken),
        };
        let last = first & FINAL != 0;
        let masked = second & MASKED != 0;
        if first & RESERVED != 0 || masked != (self.from == Side::Client) {
            return Err(broken);
        }
        let control = matches!(kind, Kind::Close | Kind::Ping | Kind::Pong);
        let short = second & 0x7f;
        if control && (!last || usize::from(short) > WEBSOCKET_CONTROL_BYTES_MAX) {
            return Err(broken);
        }
        if !control && (kind == Kind::Continuation) != self.fragmented {
            return Err(broken);
        }
        let (length, rest) = match short {
            126 => match rest.split_first_chunk::<2>() {
                Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Ok(None),
            },
            short => (u64::from(short), rest),
        };
        if length > WEBSOCKET_FRAME_BYTES_MAX {
            return Err(PeerMisbehaved::AnnouncedTooMuch);
        }
        let mask = match (masked, rest.first_chunk::<4>()) {
            (false, _) => [0; 4],
            (true, Some(mask)) => *mask,
            (true, None) => return Ok(None),
        };
        if !control {
            self.fragmented = !last;
        }
        Ok(Some(Frame { kind, remaining: length, mask, phase: 0, control: Vec::new() }))
    }
}

/// The head of an unfragmented server's frame, the last so many bytes of the array.
#[must_use]
pub fn server_head(kind: Kind, payload_bytes: usize) -> ([u8; 10], usize) {
    let mut head = [0; 10];
    let first = FINAL | kind as u8;
    let parts: (&[u8], &[u8]) = match payload_bytes {
        0..=125 => (&[first, payload_bytes as u8], &[]),
        126..=0xffff => (&[first, 126], &(payload_bytes as u16).to_be_bytes()),
        _ => (&[first, 127], &(payload_bytes as u64).to_be_bytes()),
    };
    let used = parts.0.len() + parts.1.len();
    for (to, from) in head.iter_mut().skip(10 - used).zip(parts.0.iter().chain(parts.1)) {
        *to = *from;
    }
    (head, used)
}

/// Appends a client's frame: masked, and `last` or one of several fragments.
pub fn send_as_client(kind: Kind, last: bool, payload: &[u8], dice: &mut dyn Dice, out: &mut BytesMut) {
    out.put_u8(if last { FINAL } else { 0 } | kind as u8);
    match payload.len() {
        short @ 0..=125 => out.put_u8(MASKED | short as u8),
        middle @ 126..=0xffff => {
            out.put_u8(MASKED | 126);
            out.put_u16(middle as u16);
        }
        long => {
            out.put_u8(MASKED | 127);
            out.put_u64(long as u64);
        }
    }
    let mask: [u8; 4] = env::bytes(dice);
    out.put_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use env::SeededDice;

    use super::*;

    fn read(stream: &[u8], piece: usize) -> (Result<(), PeerMisbehaved>, Vec<u8>, Vec<Control>) {
        let (mut reader, mut payload, mut controls) = (Reader::new(Side::Client), Vec::new(), Vec::new());
        let mut stream = stream.to_vec();
        for bytes in stream.chunks_mut(piece) {
            let take = |bytes: &mut [u8]| {
                payload.extend_from_slice(bytes);
                Ok(())
            };
            if let Err(error) = reader.receive(bytes, &mut controls, take) {
                return (Err(error), payload, controls);
            }
        }
        (Ok(()), payload, controls)
    }

    // proves: TR-16
    #[test]
    fn fragments_with_a_ping_between_them_make_one_stream() {
        let (mut dice, mut stream) = (SeededDice::new(1), BytesMut::new());
        let text: Vec<u8> = (0..70_000_u32).map(|n| n as u8).collect();
        send_as_client(Kind::Binary, false, &text[..3], &mut dice, &mut stream);
        send_as_client(Kind::Ping, true, b"are you there", &mut dice, &mut stream);
        send_as_client(Kind::Continuation, false, &text[3..300], &mut dice, &mut stream);
        send_as_client(Kind::Continuation, true, &text[300..], &mut dice, &mut stream);
        for piece in [1, 5, 4096, stream.len()] {
            let (result, payload, controls) = read(&stream, piece);
            assert_eq!(result, Ok(()));
            assert!(payload == text);
            assert_eq!(controls, [Control { reply: Kind::Pong, payload: b"are you there".to_vec() }]);
        }
    }

    #[test]
    fn a_close_frame_is_answered_with_its_code() {
        let (mut dice, mut stream) = (SeededDice::new(1), BytesMut::new());
        send_as_client(Kind::Close, true, &[3, 0xe8, b'b', b'y', b'e'], &mut dice, &mut stream);
        let (result, _, controls) = read(&stream, 1);
        assert_eq!(result, Err(PeerMisbehaved::ClosedWebSocket));
        assert_eq!(controls, [Control { reply: Kind::Close, payload: vec![3, 0xe8] }]);
    }

    #[test]
    fn what_rfc_6455_forbids_is_refused() {
        let broken: [&[u8]; 8] = [
            &[0x82, 0x01, 0],                      // not masked
            &[0xc2, 0x80, 0, 0, 0, 0],             // a reserved bit: compression, never agreed on
            &[0x81, 0x80, 0, 0, 0, 0],             // text
            &[0x80, 0x80, 0, 0, 0, 0],             // a continuation of nothing
            &[0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80], // a new message inside of another
            &[0x09, 0x80, 0, 0, 0, 0],             // a fragmented ping
            &[0x89, 0xfe, 0, 126, 0, 0, 0, 0],     // a long ping
            &[0x83, 0x80, 0, 0, 0, 0],             // an unknown kind
        ];
        for stream in broken {
            assert_eq!(read(stream, 1).0, Err(PeerMisbehaved::BrokeWebSocket), "{stream:02x?}");
        }
        let bomb = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(read(&bomb, 1).0, Err(PeerMisbehaved::AnnouncedTooMuch));
    }

    #[test]
    fn a_server_frame_has_the_shortest_head() {
        let head = |bytes| {
            let (head, used) = server_head(Kind::Binary, bytes);
            head[10 - used..].to_vec()
        };
        assert_eq!(head(5), [0x82, 5]);
        assert_eq!(head(126), [0x82, 126, 0, 126]);
        assert_eq!(head(65_536), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
