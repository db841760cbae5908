//! Datagrams at the door and behind it, from some addresses: honest ones of a client, changed ones, any bytes. Nobody hears more
//! than they said before they have proven themselves; what is put together is bounded, and is what was cut.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::{Bytes, BytesMut};
use env::{Env, SeededDice, Time};
use mtproto::client::{Datagrams, Got};
use mtproto::udp::datagram::{self, Assembly, Datagram};
use mtproto::udp::{DatagramPath, Door, Heard};
use mtproto::{Output, Packet, limits};

use crate::path::{START, keys};

const ACTIONS_MAX: usize = 48;

#[derive(Debug, Arbitrary)]
enum Action {
    /// Any bytes.
    Raw {
        from: u8,
        bytes: Vec<u8>,
    },
    /// A packet as a client sends it, with a byte changed if the place is in it.
    Packet {
        from: u8,
        words: u16,
        place: u16,
        with: u8,
    },
    /// The proof that the last cookie asks for.
    Prove {
        from: u8,
    },
    /// The server has something to say.
    Say {
        to: u8,
        words: u16,
    },
    Wait {
        secs: u8,
    },
}

struct World {
    door: Door,
    paths: BTreeMap<SocketAddr, DatagramPath>,
    clients: BTreeMap<SocketAddr, Datagrams>,
    proofs: BTreeMap<SocketAddr, Bytes>,
    now: Time,
    dice: SeededDice,
}

fn at(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 1000 + u16::from(n % 4)))
}

impl World {
    fn arrive(&mut self, from: SocketAddr, bytes: &[u8]) {
        let mut out = Vec::new();
        let mut env = Env { now: self.now, dice: &mut self.dice };
        match self.door.hear(&mut env, from, bytes) {
            Heard::Nothing => {}
            Heard::Answer(answer) => {
                assert!(answer.len() <= bytes.len(), "no more than came");
                out.push(Output::Write(answer));
            }
            Heard::Proven(packet, run) => {
                let path = self.paths.entry(from).or_insert_with(|| DatagramPath::new(keys()));
                path.receive(&mut env, packet, run, &mut out);
            }
            Heard::Packet(packet) => match self.paths.get_mut(&from) {
                Some(path) => path.receive(&mut env, packet, None, &mut out),
                None => out.extend(self.door.challenge(&mut env, from, bytes.len()).map(|answer| {
                    assert!(answer.len() <= bytes.len(), "no more than came");
                    Output::Write(answer)
                })),
            },
            Heard::Piece(piece) => {
                if let Some(path) = self.paths.get_mut(&from) {
                    path.receive_piece(&mut env, &piece, &mut out);
                    assert!(
                        path.waiting_bytes()
                            <= limits::PACKETS_IN_PIECES_MAX * (limits::DATAGRAM_PACKET_BYTES_MAX + 4096)
                    );
                }
            }
        }
        for output in out {
            match output {
                Output::Write(datagram) => {
                    assert!(datagram.len() <= limits::DATAGRAM_BYTES_MAX);
                    if let Got::Prove(proof) =
                        self.clients.entry(from).or_default().receive(self.now, &datagram)
                    {
                        self.proofs.insert(from, proof);
                    }
                }
                Output::Packet { auth_key_id, data, .. } => {
                    assert_eq!(data.first_chunk(), Some(&auth_key_id.0.to_le_bytes()));
                }
                Output::Close(_) => drop(self.paths.remove(&from)),
                Output::Heavy(_) | Output::KeyMade(_) | Output::WakeAt(_) => {}
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Raw { from, bytes } => self.arrive(at(from), &bytes),
            Action::Packet { from, words, place, with } => {
                let mut packet = vec![9; 72 + 16 * usize::from(words % 4200)];
                if let Some(byte) = packet.get_mut(usize::from(place)) {
                    *byte = with;
                }
                for datagram in self.clients.entry(at(from)).or_default().send(&packet) {
                    self.arrive(at(from), &datagram);
                }
            }
            Action::Prove { from } => {
                if let Some(proof) = self.proofs.get(&at(from)).cloned() {
                    self.arrive(at(from), &proof);
                }
            }
            Action::Say { to, words } => {
                let packet = Bytes::from(vec![8; 72 + 16 * usize::from(words % 4200)]);
                let (mut out, mut assembly, mut came) = (Vec::new(), Assembly::default(), None);
                let Some(path) = self.paths.get_mut(&at(to)) else { return };
                let sent = path.send(&Packet::Sealed(packet.clone()), &mut out);
                assert_eq!(sent.is_ok(), packet.len() <= limits::DATAGRAM_PACKET_BYTES_MAX);
                for output in out.into_iter().rev() {
                    let Output::Write(bytes) = output else { panic!("{output:?}") };
                    match datagram::read(&bytes) {
                        Some(Datagram::Packet(packet)) => came = Some(BytesMut::from(packet)),
                        Some(Datagram::Piece(piece)) => came = came.or(assembly.take(self.now, &piece)),
                        other => panic!("{other:?}"),
                    }
                }
                assert!(
                    sent.is_err() || came.is_some_and(|came| came == packet),
                    "what is cut is put together"
                );
            }
            Action::Wait { secs } => self.now = self.now + Duration::from_secs(secs.into()),
        }
    }
}

/// Reads `data` as what happens, and lets it happen.
pub fn run(data: &[u8]) {
    crate::told(data, play);
}

fn play(actions: Vec<Action>) {
    let mut dice = SeededDice::new(3);
    let door = Door::new(&mut Env { now: START, dice: &mut dice }, keys());
    let (paths, clients, proofs) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut world = World { door, paths, clients, proofs, now: START, dice };
    for action in actions.into_iter().take(ACTIONS_MAX) {
        world.act(action);
    }
}
