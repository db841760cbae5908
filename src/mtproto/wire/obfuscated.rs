//! Obfuscation: a key stream over everything, whose keys travel in the first 64 bytes. It hides the shape of the
//! protocol from simple filters; it keeps nothing secret.

use env::Dice;

use super::detect::{OBFUSCATION_HEADER_BYTES, Opening, opening};
use super::framing::Framing;
use crate::crypto::ctr::KeyStream;

/// The header of an obfuscated connection.
pub type Header = [u8; OBFUSCATION_HEADER_BYTES];

/// Both key streams of a connection.
#[derive(Debug)]
pub struct Obfuscation {
    incoming: KeyStream,
    outgoing: KeyStream,
}

/// What a header says.
#[derive(Debug)]
pub struct Accepted {
    /// The key streams, just behind the header.
    pub obfuscation: Obfuscation,
    /// How packets lie in what is obfuscated.
    pub framing: Framing,
    /// The label of the data centre that was dialled. Random in the clients that do not set it.
    pub dc_label: i16,
}

impl Obfuscation {
    /// Reads the header that a client sent; nothing if it names no framing, as random bytes do.
    #[must_use]
    pub fn accept(header: &Header) -> Option<Accepted> {
        // spec: TR-15
        let (mut incoming, outgoing) = streams(header);
        let mut plain = *header;
        incoming.apply(&mut plain);
        let [.., t0, t1, t2, t3, dc_low, dc_high, _, _] = plain;
        let tag = Some([t0, t1, t2, t3]);
        let framing = [Framing::Abridged, Framing::Intermediate, Framing::PaddedIntermediate]
            .into_iter()
            .find(|framing| framing.tag() == tag)?;
        let dc_label = i16::from_le_bytes([dc_low, dc_high]);
        Some(Accepted { obfuscation: Self { incoming, outgoing }, framing, dc_label })
    }

    /// Makes the header that a client sends first, and the client's key streams. Full framing cannot be obfuscated and
    /// becomes intermediate.
    #[must_use]
    pub fn dial(framing: Framing, dc_label: i16, dice: &mut dyn Dice) -> (Header, Self) {
        // spec: TR-14
        let mut header = loop {
            let header: Header = env::bytes(dice);
            if opening(&header) == Opening::Obfuscated {
                break header;
            }
        };
        let [dc_low, dc_high] = dc_label.to_le_bytes();
        let [t0, t1, t2, t3] = framing.tag().unwrap_or([0xee; 4]);
        let (mut outgoing, incoming) = streams(&header);
        let mut enciphered = header;
        for (byte, value) in enciphered.iter_mut().skip(56).zip([t0, t1, t2, t3, dc_low, dc_high]) {
            *byte = value;
        }
        outgoing.apply(&mut enciphered);
        for (byte, value) in header.iter_mut().zip(enciphered).skip(56) {
            *byte = value;
        }
        (header, Self { incoming, outgoing })
    }

    /// Takes the obfuscation off what was received, in place.
    pub fn receive(&mut self, bytes: &mut [u8]) {
        self.incoming.apply(bytes);
    }

    /// Obfuscates what is sent, in place.
    pub fn send(&mut self, bytes: &mut [u8]) {
        self.outgoing.apply(bytes);
    }
}

/// The streams from and to the client. Only bytes 8 to 56 of the header matter to them.
fn streams(header: &Header) -> (KeyStream, KeyStream) {
    let mut reversed = *header;
    reversed.reverse();
    let stream = |header: &Header| {
        let (mut key, mut iv) = ([0; 32], [0; 16]);
        key.copy_from_slice(&header[8..40]);
        iv.copy_from_slice(&header[40..56]);
        KeyStream::new(&key, &iv)
    };
    (stream(header), stream(&reversed))
}

#[cfg(test)]
mod tests {
    use env::SeededDice;

    use super::*;

    // proves: TR-14, TR-15
    #[test]
    fn both_ends_agree_on_streams_framing_and_data_centre() {
        let mut dice = SeededDice::new(11);
        for framing in [Framing::Abridged, Framing::Intermediate, Framing::PaddedIntermediate] {
            let (header, mut client) = Obfuscation::dial(framing, -4, &mut dice);
            let mut server = Obfuscation::accept(&header).expect("an honest header");
            assert_eq!((server.framing, server.dc_label), (framing, -4));
            for text in [b"up and away", b"once again!"] {
                let mut bytes = *text;
                client.send(&mut bytes);
                assert_ne!(bytes, *text);
                server.obfuscation.receive(&mut bytes);
                assert_eq!(bytes, *text);
                server.obfuscation.send(&mut bytes);
                client.receive(&mut bytes);
                assert_eq!(bytes, *text);
            }
        }
    }

    #[test]
    fn random_bytes_name_no_framing() {
        assert!(Obfuscation::accept(&env::bytes(&mut SeededDice::new(1))).is_none());
    }
}
