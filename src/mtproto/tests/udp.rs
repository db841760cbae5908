//! Datagrams: nobody is remembered, or hears more than they said, before they have returned a cookie; whoever has makes a key
//! and speaks, whatever is lost, doubled or forged on the way.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use env::{Dice as _, Env, SeededDice, Time};
use mtproto::client::{Datagrams, Exchange, Got, NewKey, Next, PublicKey};
use mtproto::crypto::{FullAuthKey, HEADER_BYTES, Side, seal};
use mtproto::handshake::Padding;
use mtproto::udp::{DatagramPath, Door, Heard, datagram};
use mtproto::{AuthKey, KeyStored, Output, Packet, RsaKey, ServerKeys, TransportError, limits};
use tl::service;

const START: Time = Time::from_secs(1_700_000_000);

fn keys() -> Arc<ServerKeys> {
    static KEYS: OnceLock<Arc<ServerKeys>> = OnceLock::new();
    Arc::clone(KEYS.get_or_init(|| {
        let mut dice = SeededDice::new(77);
        Arc::new(ServerKeys { pad: RsaKey::generate(&mut dice), legacy: Some(RsaKey::generate(&mut dice)) })
    }))
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], port))
}

fn sealed(body_bytes: usize) -> BytesMut {
    let key: AuthKey = FullAuthKey::new([0x5a; 256]).kept();
    let mut packet = BytesMut::zeroed(HEADER_BYTES + 32 + body_bytes);
    seal(&key, Side::Client, &mut packet, &mut SeededDice::new(3));
    packet
}

/// A server: the door, and the one address behind it.
struct House {
    door: Door,
    path: Option<DatagramPath>,
    dice: SeededDice,
    now: Time,
    /// Sealed packets that came through.
    heard: Vec<BytesMut>,
    made: usize,
    jobs: usize,
    closed: bool,
    /// Bytes in and out before the address had proven itself.
    unproven: (usize, usize),
}

impl House {
    fn new() -> Self {
        let mut dice = SeededDice::new(5);
        let door = Door::new(&mut Env { now: START, dice: &mut dice }, keys());
        let (heard, unproven) = (Vec::new(), (0, 0));
        Self { door, path: None, dice, now: START, heard, made: 0, jobs: 0, closed: false, unproven }
    }

    /// What goes back.
    fn take(&mut self, from: SocketAddr, bytes: &[u8]) -> Vec<Bytes> {
        let mut outputs = Vec::new();
        let known = self.path.is_some();
        let mut env = Env { now: self.now, dice: &mut self.dice };
        match self.door.hear(&mut env, from, bytes) {
            Heard::Nothing => {}
            Heard::Answer(answer) => outputs.push(Output::Write(answer)),
            Heard::Proven(packet, run) => {
                let path = self.path.get_or_insert_with(|| DatagramPath::new(keys()));
                path.receive(&mut env, packet, run, &mut outputs);
            }
            Heard::Packet(packet) => match &mut self.path {
                Some(path) => path.receive(&mut env, packet, None, &mut outputs),
                None if packet.starts_with(&[0; 8]) => {}
                None => outputs.extend(self.door.challenge(&mut env, from, bytes.len()).map(Output::Write)),
            },
            Heard::Piece(piece) => {
                if let Some(path) = &mut self.path {
                    path.receive_piece(&mut env, &piece, &mut outputs);
                }
            }
        }
        let mut answers = Vec::new();
        self.perform(outputs, &mut answers);
        if !known && self.path.is_none() {
            self.unproven.0 += bytes.len();
            self.unproven.1 += answers.iter().map(Bytes::len).sum::<usize>();
        }
        answers
    }

    fn perform(&mut self, outputs: Vec<Output>, answers: &mut Vec<Bytes>) {
        for output in outputs {
            let mut further = Vec::new();
            let mut env = Env { now: self.now, dice: &mut self.dice };
            match output {
                Output::Write(datagram) => {
                    assert!(datagram.len() <= limits::DATAGRAM_BYTES_MAX);
                    answers.push(datagram);
                }
                Output::Packet { data, .. } => self.heard.push(data),
                Output::Heavy(job) => {
                    self.jobs += 1;
                    let done = job.run(env.dice);
                    self.path.as_mut().expect("proven").heavy_done(&mut env, done, &mut further);
                }
                Output::KeyMade(made) => {
                    self.made += 1;
                    let path = self.path.as_mut().expect("proven");
                    path.key_stored(&mut env, made.key.id(), KeyStored::Stored, &mut further);
                }
                Output::Close(_) => self.closed = true,
                Output::WakeAt(_) => {}
            }
            self.perform(further, answers);
        }
    }
}

fn exchange(dice: &mut SeededDice) -> Exchange {
    Exchange::new(PublicKey::from(&keys().pad), Padding::RsaPad, START, dice)
}

/// A handshake over a way that loses and doubles so many of 100 datagrams; the client repeats itself until it is answered.
fn make_key(house: &mut House, from: SocketAddr, lost: u64, dice: &mut SeededDice) -> NewKey {
    let (mut client, mut exchange) = (Datagrams::default(), exchange(dice));
    let mut packet = exchange.begin();
    for _ in 0..1000 {
        let mut came = Vec::new();
        for datagram in client.send(&packet) {
            for _ in 0..1 + u64::from(dice.below(100) < lost) {
                if dice.below(100) >= lost {
                    came.extend(house.take(from, &datagram));
                }
            }
        }
        came.retain(|_| dice.below(100) >= lost);
        for datagram in came {
            let Got::Packet(answer) = client.receive(START, &datagram) else { panic!("{datagram:?}") };
            // What comes twice does not fit the next step.
            match exchange.receive(&answer, dice) {
                Ok(Next::Send(next)) => packet = next,
                Ok(Next::Made(key)) => return key,
                Err(_) => {}
            }
        }
    }
    panic!("no key");
}

// proves: UDP-2
#[test]
fn a_key_is_made_and_nothing_is_kept_before_the_second_step() {
    let (mut house, mut dice) = (House::new(), SeededDice::new(1));
    let mut client = Datagrams::default();
    let mut first = exchange(&mut dice);
    for datagram in client.send(&first.begin()) {
        let answer = house.take(at(1), &datagram);
        assert!(house.path.is_none() && answer.len() == 1);
        assert_eq!(house.take(at(1), &datagram)[0][20..], answer[0][20..], "a repeat is answered alike");
        assert_ne!(house.take(at(2), &datagram)[0][20..], answer[0][20..], "and another address otherwise");
    }
    make_key(&mut house, at(1), 0, &mut dice);
    assert_eq!((house.made, house.jobs), (1, 2));
}

// proves: HS-22
#[test]
fn a_key_is_made_however_much_is_lost_and_doubled() {
    for seed in 0..10 {
        let (mut house, mut dice) = (House::new(), SeededDice::new(seed));
        make_key(&mut house, at(1), 30, &mut dice);
        assert!(house.made == 1 && house.jobs == 2 && !house.closed, "a repeat costs nothing");
    }
}

// proves: UDP-2
#[test]
fn a_second_step_from_elsewhere_or_too_late_or_without_the_factors_is_met_with_silence() {
    let (mut house, mut dice) = (House::new(), SeededDice::new(1));
    let (mut client, mut exchange) = (Datagrams::default(), exchange(&mut dice));
    let first = client.send(&exchange.begin()).remove(0);
    let answer = house.take(at(1), &first).remove(0);
    let Ok(Next::Send(second)) = exchange.receive(&answer, &mut dice) else { panic!("no step two") };
    assert!(house.take(at(2), &second).is_empty());
    let mut wrong = second.to_vec();
    // The last byte of p: constructor, two nonces, the length of p, p.
    wrong[20 + 4 + 32 + 4] ^= 2;
    assert!(house.take(at(1), &wrong).is_empty());
    house.now = START + Duration::from_secs(121);
    assert!(house.take(at(1), &second).is_empty());
    assert!(house.path.is_none() && house.jobs == 0);
}

// proves: UDP-4
#[test]
fn nobody_hears_more_than_they_said_before_they_have_proven_themselves() {
    let (mut house, mut dice) = (House::new(), SeededDice::new(9));
    let begin = exchange(&mut dice).begin();
    assert!(house.take(at(1), &begin).is_empty(), "40 bytes do not deserve an answer");
    let mut client = Datagrams::default();
    let honest = [client.send(&begin).remove(0), sealed(40).freeze()];
    for round in 0..20_000 {
        let mut bytes = match round % 4 {
            0 => env::bytes::<64>(&mut dice).to_vec(),
            1 => datagram::proof(&mtproto::udp::Cookie(env::bytes(&mut dice)), &sealed(0)).to_vec(),
            n => honest[n - 2].to_vec(),
        };
        for _ in 0..dice.below(3) {
            let place = dice.below(bytes.len() as u64) as usize;
            bytes[place] = dice.u32() as u8;
        }
        bytes.truncate(dice.below(bytes.len() as u64 + 1) as usize + 1);
        let said: usize = house.take(at(dice.u32() as u16), &bytes).iter().map(Bytes::len).sum();
        assert!(said <= bytes.len(), "{said} for {}", bytes.len());
    }
    assert!(house.path.is_none(), "nobody proved anything");
    assert!(house.unproven.1 > 0 && house.unproven.1 <= house.unproven.0, "{:?}", house.unproven);
}

// proves: UDP-3
#[test]
fn whoever_comes_from_a_new_address_proves_it_and_goes_on() {
    let mut house = House::new();
    let mut client = Datagrams::default();
    let packet = sealed(40);
    let challenge = house.take(at(1), &client.send(&packet)[0]).remove(0);
    assert!(house.heard.is_empty() && house.path.is_none());
    let Got::Prove(proof) = client.receive(START, &challenge) else { panic!("{challenge:?}") };
    assert!(house.take(at(2), &proof).len() == 1 && house.path.is_none(), "a cookie is for one address");
    assert!(house.take(at(1), &proof).is_empty());
    assert_eq!(house.heard, std::slice::from_ref(&packet));
    // The cookie goes along until something sealed comes back.
    assert_ne!(client.send(&packet)[0], packet);
    client.receive(START, &packet);
    assert_eq!(client.send(&packet)[0], packet);
    // Twice as old as a cookie may be.
    let mut late = House::new();
    late.now = START + Duration::from_secs(300);
    assert_eq!(late.take(at(1), &proof).len(), 1, "another challenge");
    assert!(late.path.is_none());
}

// proves: UDP-6, UDP-7
#[test]
fn long_packets_go_in_pieces_both_ways_and_what_is_odd_is_dropped() {
    let mut house = House::new();
    let mut client = Datagrams::default();
    let long = sealed(9000);
    for piece in client.send(&long) {
        assert!(house.take(at(1), &piece).is_empty(), "no pieces from strangers");
    }
    let challenge = house.take(at(1), &client.send(&sealed(0))[0]).remove(0);
    let Got::Prove(proof) = client.receive(START, &challenge) else { panic!("{challenge:?}") };
    house.take(at(1), &proof);
    for piece in client.send(&long).iter().rev() {
        house.take(at(1), piece);
    }
    assert_eq!(house.heard.last(), Some(&long));
    let path = house.path.as_mut().expect("proven");
    let mut outputs = Vec::new();
    path.send(&Packet::Sealed(long.clone().freeze()), &mut outputs).expect("it fits");
    let mut came = Vec::new();
    for output in outputs {
        let Output::Write(datagram) = output else { panic!("{output:?}") };
        if let Got::Packet(packet) = client.receive(START, &datagram) {
            came.push(packet);
        }
    }
    assert_eq!(came, [long]);
    let too_long = Packet::Sealed(Bytes::from(vec![1; limits::DATAGRAM_PACKET_BYTES_MAX + 1]));
    assert!(path.send(&too_long, &mut Vec::new()).is_err());
    let mut outputs = Vec::new();
    path.send(&Packet::Error(TransportError::NotFound), &mut outputs).expect("it fits");
    let Output::Write(error) = &outputs[0] else { panic!("{outputs:?}") };
    assert_eq!(client.receive(START, error), Got::Error(-404));
    // Ragged, short, unknown.
    let before = house.heard.len();
    for odd in [&sealed(0)[..71], &[1; 24], &[0; 24], b"chappe:\x07", &[]] {
        house.take(at(1), odd);
    }
    assert!(house.heard.len() == before && !house.closed);
}

// proves: UDP-7
#[test]
fn a_step_that_names_no_handshake_of_an_address_changes_nothing_for_it() {
    let (mut house, mut dice) = (House::new(), SeededDice::new(1));
    let (mut client, mut honest) = (Datagrams::default(), exchange(&mut dice));
    let first = client.send(&honest.begin()).remove(0);
    let answer = house.take(at(1), &first).remove(0);
    let Ok(Next::Send(second)) = honest.receive(&answer, &mut dice) else { panic!("no step two") };
    let answer = house.take(at(1), &second).remove(0);
    let Ok(Next::Send(third)) = honest.receive(&answer, &mut dice) else { panic!("no step three") };
    // Both nonces stand behind the constructor, in the clear.
    for step in [&second, &third] {
        let mut forged = step.to_vec();
        forged[30] ^= 1;
        assert!(house.take(at(1), &forged).is_empty() && !house.closed);
    }
    assert_eq!(house.take(at(1), &third).len(), 1);
    assert_eq!((house.made, house.jobs), (1, 2));
}

// proves: HS-9, HS-29
#[test]
fn a_handshake_that_fails_ends_with_minus_404() {
    let (mut house, mut dice) = (House::new(), SeededDice::new(1));
    let (mut client, mut exchange) = (Datagrams::default(), exchange(&mut dice));
    let first = client.send(&exchange.begin()).remove(0);
    let answer: service::ResPQ = {
        let packet = house.take(at(1), &first).remove(0);
        tl::read(&packet[20..]).expect("resPQ")
    };
    let mut query = exchange.request_dh(&answer, &mut dice).expect("an honest server");
    query.encrypted_data[17] ^= 1;
    let answer = house.take(at(1), &exchange.packet(&query));
    assert_eq!(answer, [Bytes::copy_from_slice(&(-404_i32).to_le_bytes())]);
    assert!(house.closed && house.made == 0);
}
