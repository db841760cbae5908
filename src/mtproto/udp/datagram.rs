//! How things lie in a datagram, and how a packet that is too long for one lies in several.

use bytes::{BufMut as _, Bytes, BytesMut};
use env::Time;

use super::cookies::Cookie;
use crate::limits::{
    DATAGRAM_BYTES_MAX, DATAGRAM_PACKET_BYTES_MAX, DATAGRAM_PIECE_BYTES, DATAGRAM_PIECES_MAX,
    PACKETS_IN_PIECES_MAX, PIECES_REMEMBERED,
};

/// What stands where a packet has its auth_key_id, if the datagram is no packet; the last byte says what it is.
const MARK: [u8; 7] = *b"chappe:";
const COOKIE: u8 = 1;
const PROOF: u8 = 2;
const PIECE: u8 = 3;

/// Length of a datagram that carries a cookie, in bytes.
pub const COOKIE_BYTES: usize = 24;

/// Length of what stands before the packet in a datagram with a proof, in bytes.
pub const PROOF_HEAD_BYTES: usize = 24;

/// Length of what stands before a piece, in bytes.
pub const PIECE_HEAD_BYTES: usize = 16;

/// What a datagram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// A packet, from `auth_key_id` on.
    Packet(&'a [u8]),
    /// From the server: prove that you are where you seem to be.
    Cookie(Cookie),
    /// From a client: a cookie, and a packet unless it is empty.
    Proof(Cookie, &'a [u8]),
    /// A part of a packet.
    Piece(Piece<'a>),
}

/// A part of a packet that is longer than a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Which packet, by its sender's count.
    pub number: u32,
    /// Which part of it.
    pub index: u16,
    /// Of how many.
    pub count: u16,
    /// The part: [`DATAGRAM_PIECE_BYTES`] long, but the last, which may be shorter.
    pub data: &'a [u8],
}

/// Reads a datagram; nothing if it is none of ours.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Datagram<'_>> {
    // spec: UDP-1
    if bytes.len() > DATAGRAM_BYTES_MAX {
        return None;
    }
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    let Some([kind]) = head.strip_prefix(&MARK) else { return Some(Datagram::Packet(bytes)) };
    match *kind {
        COOKIE => Some(Datagram::Cookie(Cookie(rest.try_into().ok()?))),
        PROOF => {
            let (cookie, packet) = rest.split_first_chunk::<16>()?;
            Some(Datagram::Proof(Cookie(*cookie), packet))
        }
        PIECE => {
            let (number, rest) = rest.split_first_chunk::<4>()?;
            let (index, rest) = rest.split_first_chunk::<2>()?;
            let (count, data) = rest.split_first_chunk::<2>()?;
            let (index, count) = (u16::from_le_bytes(*index), u16::from_le_bytes(*count));
            let piece = Piece { number: u32::from_le_bytes(*number), index, count, data };
            piece.is_possible().then_some(Datagram::Piece(piece))
        }
        _ => None,
    }
}

impl Piece<'_> {
    fn is_possible(&self) -> bool {
        // spec: UDP-6
        let is_last = self.index.checked_add(1) == Some(self.count);
        let length = self.data.len();
        (2..=DATAGRAM_PIECES_MAX).contains(&usize::from(self.count))
            && self.index < self.count
            && if is_last {
                (1..=DATAGRAM_PIECE_BYTES).contains(&length)
            } else {
                length == DATAGRAM_PIECE_BYTES
            }
    }
}

fn marked(kind: u8, capacity: usize) -> BytesMut {
    let mut out = BytesMut::with_capacity(capacity);
    out.put_slice(&MARK);
    out.put_u8(kind);
    out
}

/// The datagram that carries a cookie.
#[must_use]
pub fn cookie(cookie: &Cookie) -> Bytes {
    let mut out = marked(COOKIE, COOKIE_BYTES);
    out.put_slice(&cookie.0);
    out.freeze()
}

/// The datagram that carries a proof, and `packet` behind it, which may be empty.
#[must_use]
pub fn proof(cookie: &Cookie, packet: &[u8]) -> Bytes {
    let mut out = marked(PROOF, PROOF_HEAD_BYTES + packet.len());
    out.put_slice(&cookie.0);
    out.put_slice(packet);
    out.freeze()
}

/// The datagrams that carry `packet`: one if it fits, else pieces of the packet `number`. None if it is too long.
#[must_use]
pub fn split(packet: &Bytes, number: u32) -> Vec<Bytes> {
    // spec: UDP-5, UDP-6
    if packet.len() <= DATAGRAM_BYTES_MAX {
        return vec![packet.clone()];
    }
    if packet.len() > DATAGRAM_PACKET_BYTES_MAX {
        return Vec::new();
    }
    let pieces = packet.chunks(DATAGRAM_PIECE_BYTES);
    let count = u16::try_from(pieces.len()).unwrap_or(u16::MAX);
    let write = |(index, data): (u16, &[u8])| {
        let mut out = marked(PIECE, PIECE_HEAD_BYTES + data.len());
        out.put_u32_le(number);
        out.put_u16_le(index);
        out.put_u16_le(count);
        out.put_slice(data);
        out.freeze()
    };
    (0..).zip(pieces).map(write).collect()
}

/// Packets whose pieces have not all come.
#[derive(Debug, Default)]
pub struct Assembly {
    /// At most [`PACKETS_IN_PIECES_MAX`], the oldest first.
    packets: Vec<Partial>,
}

#[derive(Debug)]
struct Partial {
    number: u32,
    begun: Time,
    /// One place for each piece. Memory grows with what came: an empty place is a pointer.
    pieces: Vec<Option<Box<[u8]>>>,
    missing: usize,
}

impl Assembly {
    /// Takes a piece; the packet, if this was the last one missing.
    pub fn take(&mut self, now: Time, piece: &Piece<'_>) -> Option<BytesMut> {
        // spec: UDP-6
        self.packets.retain(|packet| now.since(packet.begun) < PIECES_REMEMBERED);
        let at = match self.packets.iter().position(|packet| packet.number == piece.number) {
            Some(at) => at,
            None => {
                if self.packets.len() >= PACKETS_IN_PIECES_MAX {
                    self.packets.remove(0);
                }
                let count = usize::from(piece.count);
                let pieces = std::iter::repeat_with(|| None).take(count).collect();
                self.packets.push(Partial { number: piece.number, begun: now, pieces, missing: count });
                self.packets.len() - 1
            }
        };
        let packet = self.packets.get_mut(at)?;
        if packet.pieces.len() != usize::from(piece.count) {
            return None;
        }
        let place = packet.pieces.get_mut(usize::from(piece.index))?;
        if place.is_none() {
            *place = Some(piece.data.into());
            packet.missing -= 1;
        }
        if packet.missing > 0 {
            return None;
        }
        let pieces = self.packets.remove(at).pieces;
        let mut whole = BytesMut::with_capacity(pieces.iter().flatten().map(|piece| piece.len()).sum());
        for piece in pieces.iter().flatten() {
            whole.put_slice(piece);
        }
        Some(whole)
    }

    /// Memory held, in bytes, about.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let of = |packet: &Partial| {
            packet.pieces.len() * size_of::<Option<Box<[u8]>>>()
                + packet.pieces.iter().flatten().map(|piece| piece.len()).sum::<usize>()
        };
        self.packets.iter().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use env::{Dice as _, SeededDice};

    use super::*;

    const NOW: Time = Time::from_secs(1_700_000_000);

    fn packet(length: usize) -> Bytes {
        let mut bytes = vec![0; length];
        SeededDice::new(length as u64).fill(&mut bytes);
        Bytes::from(bytes)
    }

    fn piece(datagram: &Bytes) -> Piece<'_> {
        match read(datagram) {
            Some(Datagram::Piece(piece)) => piece,
            other => panic!("{other:?}"),
        }
    }

    // proves: UDP-1
    #[test]
    fn a_datagram_is_a_packet_unless_it_is_marked() {
        let short = packet(88);
        assert_eq!(read(&short), Some(Datagram::Packet(&short)));
        let nonce = Cookie([7; 16]);
        assert_eq!(read(&cookie(&nonce)), Some(Datagram::Cookie(nonce)));
        assert_eq!(cookie(&nonce).len(), COOKIE_BYTES);
        assert_eq!(read(&proof(&nonce, &short)), Some(Datagram::Proof(nonce, &short)));
        assert_eq!(read(&proof(&nonce, &[])), Some(Datagram::Proof(nonce, &[])));
        for odd in [
            &b""[..],
            b"chappe:",
            b"chappe:\x00",
            b"chappe:\x01",
            b"chappe:\x02short",
            b"chappe:\x03123",
            b"chappe:\x04",
        ] {
            assert_eq!(read(odd), None, "{odd:?}");
        }
        assert_eq!(read(&packet(DATAGRAM_BYTES_MAX + 1)), None);
    }

    // proves: UDP-5, UDP-6
    #[test]
    fn a_long_packet_is_put_together_in_any_order() {
        let mut dice = SeededDice::new(1);
        for length in [DATAGRAM_BYTES_MAX + 1, 2 * DATAGRAM_PIECE_BYTES, 20_000, DATAGRAM_PACKET_BYTES_MAX] {
            let whole = packet(length);
            let mut datagrams = split(&whole, 9);
            assert!(datagrams.len() > 1 && datagrams.iter().all(|d| d.len() <= DATAGRAM_BYTES_MAX));
            // Doubled and shuffled.
            datagrams.extend(datagrams.clone());
            for at in (1..datagrams.len()).rev() {
                datagrams.swap(at, dice.below(at as u64 + 1) as usize);
            }
            let mut assembly = Assembly::default();
            let mut made: Vec<_> = datagrams.iter().filter_map(|d| assembly.take(NOW, &piece(d))).collect();
            assert_eq!(made.pop().expect("all pieces came"), whole, "{length}");
        }
        assert!(split(&packet(DATAGRAM_PACKET_BYTES_MAX + 1), 1).is_empty());
        assert_eq!(split(&packet(DATAGRAM_BYTES_MAX), 1).len(), 1);
    }

    // proves: UDP-6
    #[test]
    fn pieces_that_fit_nothing_are_dropped_and_what_waits_is_bounded() {
        let datagrams = split(&packet(3000), 1);
        for (at, byte) in [(12, 3), (14, 1), (14, 0), (15, 9)] {
            let mut changed = datagrams[0].to_vec();
            changed[at] = byte;
            assert_eq!(read(&changed), None, "byte {at} as {byte}");
        }
        assert_eq!(read(&datagrams[0][..40]), None, "only the last may be short");
        let mut highest = datagrams[0].to_vec();
        highest[12..14].fill(0xff);
        assert_eq!(read(&highest), None, "an index that has no next");
        let mut assembly = Assembly::default();
        for number in 0..1000 {
            for datagram in split(&packet(DATAGRAM_PACKET_BYTES_MAX), number).iter().skip(1) {
                assert_eq!(assembly.take(NOW, &piece(datagram)), None);
            }
        }
        assert!(assembly.held_bytes() <= PACKETS_IN_PIECES_MAX * (DATAGRAM_PACKET_BYTES_MAX + 2048));
        // What another count was announced for is not mixed in.
        let other = split(&packet(5000), 999);
        assert_eq!(assembly.take(NOW, &piece(&other[0])), None);
        // Nothing is kept for long.
        let later = NOW + PIECES_REMEMBERED + Duration::from_millis(1);
        assert_eq!(assembly.take(later, &piece(&datagrams[0])), None);
        assert!(assembly.held_bytes() < 2 * DATAGRAM_BYTES_MAX);
    }
}
