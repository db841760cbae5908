//! The handshake as a client sees it: an honest one succeeds in every form that clients use, and whatever a hostile one
//! changes, it hears one and the same answer and no key is stored.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use env::{Dice as _, Env, SeededDice, Time};
use mtproto::client::{Exchange, NewKey, Next, PublicKey, Transport, TransportOptions, encrypt_inner_data};
use mtproto::crypto::hash::sha1;
use mtproto::handshake::dh::Spares;
use mtproto::handshake::{HeavyJob, Padding, dh, plain};
use mtproto::wire::framing::{Frame, Framing};
use mtproto::{
    Connection, HandshakeError, Input, KeyMade, KeyStored, MsgId, Output, PeerMisbehaved, ReplayCache,
    RsaKey, ServerKeys,
};
use tl::service;

/// A server connection and a client on its other end, in a time that stands still unless it is moved.
struct Line {
    server: Connection,
    client: Transport,
    dice: SeededDice,
    now: Time,
    /// Plaintext packets and transport errors that the client got.
    heard: Vec<Bytes>,
    /// Keys that the server wanted stored.
    made: Vec<KeyMade>,
    /// What becomes of them, the first first; stored if it says nothing.
    fates: Vec<KeyStored>,
    /// Heavy work is done at once, unless it is held.
    held: Option<Vec<HeavyJob>>,
    jobs: usize,
    /// Exponents drawn ahead.
    spares: Spares,
    /// Packets that came with a key.
    sealed: usize,
    closed: Option<PeerMisbehaved>,
}

fn keys() -> Arc<ServerKeys> {
    static KEYS: OnceLock<Arc<ServerKeys>> = OnceLock::new();
    Arc::clone(KEYS.get_or_init(|| {
        let read = |pem| RsaKey::from_private_pem(pem).expect("a key of the vectors");
        let pad = read(include_str!("../../../protocol-spec/vectors/rsa_key.pem"));
        let legacy = read(include_str!("../../../protocol-spec/vectors/rsa_key_2.pem"));
        Arc::new(ServerKeys { pad, legacy: Some(legacy) })
    }))
}

fn public(padding: Padding) -> PublicKey {
    let keys = keys();
    PublicKey::from(match padding {
        Padding::RsaPad => &keys.pad,
        Padding::Legacy => keys.legacy.as_ref().expect("made above"),
    })
}

impl Line {
    fn new() -> Self {
        Self::over(TransportOptions { framing: Framing::Intermediate, obfuscated: None, websocket: false }, 1)
    }

    fn over(options: TransportOptions, seed: u64) -> Self {
        let mut dice = SeededDice::new(seed);
        let server = Connection::new(keys(), Arc::new(ReplayCache::new()));
        let (client, hello) = Transport::new(options, &mut dice);
        let now = Time::from_secs(1_700_000_000);
        let (heard, made, fates, held, jobs, closed) = (Vec::new(), Vec::new(), Vec::new(), None, 0, None);
        let spares = Spares::default();
        let mut line =
            Self { server, client, dice, now, heard, made, fates, held, jobs, spares, sealed: 0, closed };
        line.feed(Input::Tick);
        line.deliver(&hello, usize::MAX);
        line
    }

    fn exchange(&mut self, padding: Padding) -> Exchange {
        Exchange::new(public(padding), padding, self.now, &mut self.dice)
    }

    fn say(&mut self, packet: &[u8]) {
        let bytes = self.client.send(packet, false, &mut self.dice);
        self.deliver(&bytes, usize::MAX);
    }

    fn deliver(&mut self, bytes: &[u8], piece: usize) {
        for bytes in bytes.to_vec().chunks_mut(piece.min(bytes.len().max(1))) {
            self.feed(Input::Bytes(bytes));
        }
    }

    fn feed(&mut self, input: Input<'_>) {
        let mut outputs = Vec::new();
        self.server.handle(&mut Env { now: self.now, dice: &mut self.dice }, input, &mut outputs);
        for output in outputs {
            match output {
                Output::Write(bytes) => {
                    let mut frames = Vec::new();
                    self.client.receive(&mut bytes.to_vec(), &mut frames).expect("an honest server");
                    for frame in frames {
                        let Frame::Packet { data, .. } = frame else { panic!("an unasked quick ack") };
                        self.heard.push(data.freeze());
                    }
                }
                Output::Heavy(job) => {
                    self.jobs += 1;
                    match &mut self.held {
                        Some(held) => held.push(job),
                        None => {
                            let done = match self.spares.is_empty() {
                                true => job.run(&mut self.dice),
                                false => job.run_with(&mut self.dice, &self.spares),
                            };
                            self.feed(Input::Heavy(done));
                        }
                    }
                }
                Output::KeyMade(made) => {
                    let fate = if self.fates.is_empty() { KeyStored::Stored } else { self.fates.remove(0) };
                    let id = made.key.id();
                    self.made.push(made);
                    self.feed(Input::KeyStored(id, fate));
                }
                Output::Close(reason) => self.closed = Some(reason),
                Output::WakeAt(at) => assert!(at > self.now),
                Output::Packet { .. } => self.sealed += 1,
            }
        }
    }

    fn answer<T: tl::Decode>(&self) -> T {
        let body = plain::body(self.heard.last().expect("an answer")).expect("an envelope");
        tl::Decode::decode(&mut tl::Reader::new(body)).expect("the answer that is due")
    }

    /// Runs `exchange` from its first packet to its end.
    fn run(&mut self, exchange: &mut Exchange) -> NewKey {
        let mut packet = exchange.begin();
        for _ in 0..10 {
            self.say(&packet);
            let answer = self.heard.last().expect("an answer").clone();
            match exchange.receive(&answer, &mut self.dice).expect("an honest server") {
                Next::Send(next) => packet = next,
                Next::Made(key) => return key,
            }
        }
        panic!("no end of it");
    }

    /// The client's step two, and the server's answer to it taken.
    fn until_server_dh(&mut self, exchange: &mut Exchange) -> service::ReqDHParams {
        let query = self.until_res_pq(exchange);
        self.say(&exchange.packet(&query));
        query
    }

    fn until_res_pq(&mut self, exchange: &mut Exchange) -> service::ReqDHParams {
        self.say(&exchange.begin());
        let answer: service::ResPQ = self.answer();
        exchange.request_dh(&answer, &mut self.dice).expect("an honest server")
    }

    /// Whether the client was told what every failure is told, and no more: -404, the end, no key.
    #[track_caller]
    fn failed(&self) -> HandshakeError {
        let Some(PeerMisbehaved::FailedHandshake(error)) = self.closed else {
            panic!("closed: {:?}", self.closed)
        };
        let packet = self.heard.last().expect("an answer");
        assert_eq!(packet[..], (-404_i32).to_le_bytes(), "{error:?}");
        assert_eq!(self.heard.iter().filter(|packet| packet.len() == 4).count(), 1, "{error:?}");
        assert!(self.made.is_empty(), "{error:?}");
        error
    }
}

// proves: HS-1, HS-2, HS-6, HS-7, HS-10, HS-19, HS-20, HS-21, HS-23, HS-27
#[test]
fn both_paddings_and_all_four_kinds_of_inner_data_make_a_key() {
    for padding in [Padding::RsaPad, Padding::Legacy] {
        for (dc, expires_in) in
            [(None, None), (Some(2), None), (None, Some(3600)), (Some(-10_004), Some(86_400 * 7))]
        {
            let mut line = Line::new();
            let mut exchange = line.exchange(padding);
            (exchange.dc, exchange.expires_in) = (dc, expires_in);
            let ours = line.run(&mut exchange);
            let theirs = line.made.pop().expect("a key");
            assert_eq!(theirs.key.id(), ours.key.id());
            assert_eq!(theirs.key.stored(), ours.key.stored());
            assert_eq!(theirs.salt, ours.salt);
            assert_eq!(i64::from(ours.server_time), 1_700_000_000);
            assert_eq!(theirs.dc.map(|dc| dc.number()), dc.map(|dc| if dc == 2 { 2 } else { 4 }));
            assert_eq!(theirs.expires_in, expires_in.map(|secs| if secs == 3600 { 3600 } else { 86_400 }));
            assert_eq!((line.jobs, line.closed), (2, None));
        }
    }
}

// proves: HS-16
#[test]
fn an_exponent_that_was_drawn_ahead_serves_one_handshake() {
    let mut line = Line::new();
    assert!(line.spares.draw_one(&mut SeededDice::new(6)) && line.spares.draw_one(&mut SeededDice::new(7)));
    for left in [1, 0] {
        let mut exchange = line.exchange(Padding::RsaPad);
        let ours = line.run(&mut exchange);
        assert_eq!(line.made.pop().expect("a key").key.stored(), ours.key.stored());
        assert_eq!((line.spares.len(), line.closed), (left, None));
    }
}

// proves: TR-1, TR-3, TR-6, TR-10, TR-14, TR-15, TR-16
#[test]
fn a_key_is_made_over_every_transport_byte_by_byte() {
    use Framing::{Abridged, Full, Intermediate, PaddedIntermediate};
    let plain = [Abridged, Intermediate, PaddedIntermediate, Full].map(|framing| (framing, None, false));
    let obfuscated = [Abridged, Intermediate, PaddedIntermediate].map(|framing| (framing, Some(-3), false));
    let websocket = [Abridged, Intermediate, PaddedIntermediate].map(|framing| (framing, Some(4), true));
    for (framing, obfuscated, websocket) in plain.into_iter().chain(obfuscated).chain(websocket) {
        let mut line = Line::over(TransportOptions { framing, obfuscated, websocket }, 9);
        let mut exchange = line.exchange(Padding::RsaPad);
        let mut packet = exchange.begin();
        let key = loop {
            let bytes = line.client.send(&packet, false, &mut line.dice);
            line.deliver(&bytes, 1);
            let answer = line.heard.last().expect("an answer").clone();
            match exchange.receive(&answer, &mut line.dice).expect("an honest server") {
                Next::Send(next) => packet = next,
                Next::Made(key) => break key,
            }
        };
        let made = line.made.pop().expect("a key");
        assert_eq!(made.key.id(), key.key.id(), "{framing:?}");
        assert_eq!(made.dc.map(|dc| dc.number().into()), obfuscated.map(i16::unsigned_abs));
        assert_eq!(line.server.waiting_bytes(), 0);
        line.say(&[0; 20]);
        assert_eq!(line.heard.last().expect("an error")[..4], (-404_i32).to_le_bytes());
    }
}

// proves: TR-1, TR-23, TR-24
#[test]
fn a_key_is_made_over_http_byte_by_byte() {
    let mut line = Line::new();
    line.client = Transport::http();
    let mut exchange = line.exchange(Padding::RsaPad);
    let mut packet = exchange.begin();
    let key = loop {
        let bytes = line.client.send(&packet, false, &mut line.dice);
        line.deliver(&bytes, 1);
        let answer = line.heard.last().expect("an answer").clone();
        match exchange.receive(&answer, &mut line.dice).expect("an honest server") {
            Next::Send(next) => packet = next,
            Next::Made(key) => break key,
        }
    };
    assert_eq!(line.made.pop().expect("a key").key.id(), key.key.id());
    assert_eq!(line.server.waiting_bytes(), 0);
    // What needs no answer needs a response all the same.
    let ack = exchange.packet(&service::MsgsAck { msg_ids: vec![1] });
    line.say(&ack);
    assert!(line.heard.last().expect("a response").is_empty());
    line.say(&[0; 20]);
    assert_eq!(line.heard.last().expect("a status")[..], (-404_i32).to_le_bytes());
    assert!(matches!(line.closed, Some(PeerMisbehaved::FailedHandshake(_))));
}

// proves: HS-2, HS-3
#[test]
fn runs_side_by_side_on_one_connection_do_not_disturb_each_other() {
    let mut line = Line::new();
    // Telegram Desktop: a probe that is never finished, then a permanent and a temporary key step by step.
    let probe = service::ReqPq { nonce: [1; 16] };
    line.say(&plain::packet(MsgId(4), &tl::write(&probe, tl::Layer::NEWEST)));
    let first: service::ResPQ = line.answer();
    assert_eq!(first.server_public_key_fingerprints, keys().fingerprints());
    let (mut permanent, mut temporary) = (line.exchange(Padding::RsaPad), line.exchange(Padding::Legacy));
    temporary.expires_in = Some(60);
    line.until_server_dh(&mut permanent);
    let permanent_dh: service::ServerDHParamsOk = line.answer();
    line.until_server_dh(&mut temporary);
    let temporary_dh: service::ServerDHParamsOk = line.answer();
    for (exchange, answer) in [(&mut permanent, permanent_dh), (&mut temporary, temporary_dh)] {
        let query = exchange.set_client_dh(&answer, &mut line.dice).expect("an honest server");
        line.say(&exchange.packet(&query));
        exchange.finish(&line.answer()).expect("an honest server");
    }
    assert_eq!(line.made.len(), 2);
    assert_eq!(line.made[1].expires_in, Some(60));
    assert_ne!(permanent.server_nonce, temporary.server_nonce);
    // And Telethon, which starts over on the same connection.
    let mut again = line.exchange(Padding::Legacy);
    line.run(&mut again);
    assert_eq!((line.made.len(), line.closed), (3, None));
}

// proves: HS-22
#[test]
fn an_identical_repeat_gets_the_identical_answer_and_costs_nothing() {
    let mut line = Line::new();
    let mut exchange = line.exchange(Padding::RsaPad);
    let mut packet = exchange.begin();
    loop {
        line.say(&packet);
        let answer = line.heard.last().expect("an answer").clone();
        let jobs = line.jobs;
        line.now = line.now + Duration::from_secs(20);
        line.say(&packet);
        assert_eq!(line.heard.last(), Some(&answer));
        assert_eq!(line.jobs, jobs);
        match exchange.receive(&answer, &mut line.dice).expect("an honest server") {
            Next::Send(next) => packet = next,
            Next::Made(_) => break,
        }
    }
    assert_eq!((line.made.len(), line.closed), (1, None));
    // After ten minutes nothing is left to be repeated.
    line.now = line.now + Duration::from_secs(600);
    line.say(&packet);
    assert!(matches!(line.closed, Some(PeerMisbehaved::FailedHandshake(HandshakeError::UnknownRun))));
}

// proves: HS-22
#[test]
fn a_run_that_is_over_is_forgotten_when_its_client_writes_with_a_key() {
    let mut line = Line::new();
    let mut exchange = line.exchange(Padding::RsaPad);
    let mut packet = exchange.begin();
    let key = loop {
        line.say(&packet);
        let answer = line.heard.last().expect("an answer").clone();
        match exchange.receive(&answer, &mut line.dice).expect("an honest server") {
            Next::Send(next) => packet = next,
            Next::Made(key) => break key,
        }
    };
    // Another one, which is not over.
    let mut other = line.exchange(Padding::RsaPad);
    let query = line.until_res_pq(&mut other);
    let mut sealed = vec![0; mtproto::crypto::PACKET_BYTES_MIN];
    sealed[..8].copy_from_slice(&key.key.id().0.to_le_bytes());
    line.say(&sealed);
    assert_eq!((line.sealed, line.closed), (1, None));
    line.say(&other.packet(&query));
    assert_eq!((line.jobs, line.closed), (3, None));
    line.say(&packet);
    assert!(matches!(line.closed, Some(PeerMisbehaved::FailedHandshake(HandshakeError::UnknownRun))));
}

// proves: HS-22
#[test]
fn a_repeat_while_the_work_runs_waits_for_its_answer() {
    let mut line = Line::new();
    let mut exchange = line.exchange(Padding::RsaPad);
    line.held = Some(Vec::new());
    let query = line.until_server_dh(&mut exchange);
    let packet = exchange.packet(&query);
    let heard = line.heard.len();
    line.say(&packet);
    assert_eq!((line.jobs, line.heard.len()), (1, heard));
    let job = line.held.take().and_then(|mut held| held.pop()).expect("the work");
    let done = job.run(&mut line.dice);
    line.feed(Input::Heavy(done));
    let answer: service::ServerDHParamsOk = line.answer();
    assert!(exchange.set_client_dh(&answer, &mut line.dice).is_ok());
}

// proves: HS-18, HS-19, HS-30
#[test]
fn a_taken_id_is_answered_with_a_retry_and_a_failed_store_with_silence() {
    let mut line = Line::new();
    line.fates = vec![KeyStored::Collision, KeyStored::Collision];
    let mut exchange = line.exchange(Padding::RsaPad);
    let key = line.run(&mut exchange);
    assert_eq!(line.made.len(), 3);
    assert_eq!(line.made[2].key.id(), key.key.id());
    assert_ne!(line.made[0].key.id(), line.made[1].key.id());

    let mut line = Line::new();
    line.fates = vec![KeyStored::Failed];
    let mut exchange = line.exchange(Padding::RsaPad);
    line.until_server_dh(&mut exchange);
    let query = exchange.set_client_dh(&line.answer(), &mut line.dice).expect("an honest server");
    let heard = line.heard.len();
    line.say(&exchange.packet(&query));
    assert_eq!((line.heard.len(), line.closed), (heard, Some(PeerMisbehaved::KeyCouldNotBeStored)));
}

// proves: HS-18
#[test]
fn taken_ids_without_end_are_not_retried_without_end() {
    let mut line = Line::new();
    line.fates = vec![KeyStored::Collision; 10];
    let mut exchange = line.exchange(Padding::RsaPad);
    line.until_server_dh(&mut exchange);
    let mut query = exchange.set_client_dh(&line.answer(), &mut line.dice).expect("an honest server");
    for _ in 0..5 {
        line.say(&exchange.packet(&query));
        query = exchange.retry(&line.answer(), &mut line.dice).expect("an honest server");
    }
    line.say(&exchange.packet(&query));
    assert_eq!(line.closed, Some(HandshakeError::TooManyRetries.into()));
    assert_eq!(line.heard.last().expect("an answer")[..], (-404_i32).to_le_bytes());
}

// proves: HS-29
#[test]
fn a_fifth_run_on_a_connection_puts_the_oldest_out() {
    for (others, expected) in [(3, None), (4, Some(HandshakeError::UnknownRun))] {
        let mut line = Line::new();
        let mut first = line.exchange(Padding::RsaPad);
        let query = line.until_res_pq(&mut first);
        for _ in 0..others {
            let mut other = line.exchange(Padding::RsaPad);
            line.say(&other.begin());
        }
        line.say(&first.packet(&query));
        assert_eq!(expected, line.closed.is_some().then(|| line.failed()), "{others} others");
    }
}

/// Something a hostile client changes in step two.
type TamperDh = fn(&mut service::ReqDHParams, &Exchange, &mut SeededDice);

// proves: HS-5, HS-8, HS-9, HS-27, HS-28, HS-29, TR-11
#[test]
fn whatever_is_wrong_in_step_two_has_one_answer() {
    use HandshakeError::{InnerDataDoesNotOpen, UnknownFingerprint, UnknownRun, WrongFactors, WrongLength};
    let cases: [(&str, HandshakeError, TamperDh); 11] = [
        ("nonce", UnknownRun, |query, _, _| query.nonce[0] ^= 1),
        ("server_nonce", UnknownRun, |query, _, _| query.server_nonce[15] ^= 1),
        ("p and q swapped", WrongFactors, |query, _, _| std::mem::swap(&mut query.p, &mut query.q)),
        ("p", WrongFactors, |query, _, _| query.p[3] ^= 2),
        ("1 and pq", WrongFactors, |query, _, _| query.p = vec![1]),
        ("fingerprint", UnknownFingerprint, |query, _, _| query.public_key_fingerprint ^= 1),
        ("255 bytes", WrongLength, |query, _, _| query.encrypted_data.truncate(255)),
        ("a flipped bit", InnerDataDoesNotOpen, |query, _, _| query.encrypted_data[200] ^= 1),
        ("not below the modulus", InnerDataDoesNotOpen, |query, _, _| query.encrypted_data = vec![0xff; 256]),
        ("zero", InnerDataDoesNotOpen, |query, _, _| query.encrypted_data = vec![0; 256]),
        ("the other key's name", InnerDataDoesNotOpen, |query, exchange, _| {
            let names = keys().fingerprints();
            query.public_key_fingerprint =
                names.into_iter().find(|name| *name != exchange.key.fingerprint).expect("two");
        }),
    ];
    for padding in [Padding::RsaPad, Padding::Legacy] {
        for (what, expected, tamper) in cases {
            let mut line = Line::new();
            let mut exchange = line.exchange(padding);
            let mut query = line.until_res_pq(&mut exchange);
            tamper(&mut query, &exchange, &mut line.dice);
            line.say(&exchange.packet(&query));
            assert_eq!(line.failed(), expected, "{padding:?}: {what}");
            assert_eq!(line.jobs, usize::from(expected == InnerDataDoesNotOpen), "{padding:?}: {what}");
        }
    }
}

// proves: HS-8, HS-9, HS-28
#[test]
fn whatever_is_wrong_under_rsa_has_one_answer() {
    type Tamper = fn(&mut service::PQInnerData);
    let cases: [Tamper; 6] = [
        |data| data.nonce[0] ^= 1,
        |data| data.server_nonce[0] ^= 1,
        |data| data.pq[0] ^= 1,
        |data| data.p[0] ^= 1,
        |data| data.q[0] ^= 1,
        |data| std::mem::swap(&mut data.p, &mut data.q),
    ];
    for padding in [Padding::RsaPad, Padding::Legacy] {
        let with = |tamper: &dyn Fn(service::PQInnerData, &mut SeededDice) -> Vec<u8>| {
            let mut line = Line::new();
            let mut exchange = line.exchange(padding);
            line.say(&exchange.begin());
            let answer: service::ResPQ = line.answer();
            let mut query = exchange.request_dh(&answer, &mut line.dice).expect("an honest server");
            let service::enums::PQInnerData::PQInnerData(data) =
                exchange.inner_data(&answer.pq, &query.p, &query.q)
            else {
                panic!("no data centre was named");
            };
            let data = tamper(data, &mut line.dice);
            query.encrypted_data = encrypt_inner_data(&exchange.key, padding, &data, &mut line.dice).to_vec();
            line.say(&exchange.packet(&query));
            assert_eq!(line.failed(), HandshakeError::InnerDataDoesNotOpen);
        };
        for tamper in cases {
            with(&|mut data, _| {
                tamper(&mut data);
                tl::write(&data, tl::Layer::NEWEST)
            });
        }
        // Another constructor; nothing; noise; data that goes on where it should end.
        with(&|data, _| [&[0, 1, 2, 3], &tl::write(&data, tl::Layer::NEWEST)[4..]].concat());
        with(&|_, _| Vec::new());
        with(&|_, dice| env::bytes::<96>(dice).to_vec());
        if padding == Padding::Legacy {
            with(&|data, _| [tl::write(&data, tl::Layer::NEWEST).as_slice(), &[0; 4]].concat());
        }
    }
}

// proves: HS-12, HS-13
#[test]
fn an_unsafe_g_b_has_one_answer() {
    let prime = dh::prime_bytes();
    let less_one = |mut number: [u8; 256]| {
        number[255] -= 1;
        number
    };
    let small = |value: u8| {
        let mut number = [0; 256];
        number[255] = value;
        number
    };
    // 2^1984 - 1, the greatest that is too small; and 2^1984 - 1 below the prime, the least that is too great.
    let mut below = [0xff; 256];
    below[..8].fill(0);
    let mut above = prime;
    above[7] -= 1;
    let (low, carried) = u64::from_be_bytes(above[248..].try_into().expect("8 bytes")).overflowing_add(1);
    assert!(!carried);
    above[248..].copy_from_slice(&low.to_be_bytes());
    for g_b in [small(0), small(1), small(2), less_one(prime), prime, [0xff; 256], below, above] {
        let mut line = Line::new();
        let mut exchange = line.exchange(Padding::RsaPad);
        line.until_server_dh(&mut exchange);
        exchange.set_client_dh(&line.answer(), &mut line.dice).expect("an honest server");
        let query = exchange.with_g_b(&g_b, &mut line.dice);
        line.say(&exchange.packet(&query));
        assert_eq!(line.failed(), HandshakeError::UnsafeGB, "{:02x?}", &g_b[..8]);
    }
}

// proves: HS-8, HS-9, HS-17, HS-18
#[test]
fn whatever_is_wrong_in_step_three_has_one_answer() {
    use HandshakeError::{ClientDhDoesNotOpen, UnknownRun, WrongLength, WrongRetryId};
    type Tamper = fn(&mut service::SetClientDHParams, &Exchange, &mut SeededDice);
    let cases: [(&str, HandshakeError, Tamper); 10] = [
        ("nonce", UnknownRun, |query, _, _| query.nonce[3] ^= 1),
        ("server_nonce", UnknownRun, |query, _, _| query.server_nonce[3] ^= 1),
        ("length", WrongLength, |query, _, _| query.encrypted_data.truncate(335)),
        ("one block less", ClientDhDoesNotOpen, |query, _, _| query.encrypted_data.truncate(320)),
        ("nothing", WrongLength, |query, _, _| query.encrypted_data.clear()),
        ("a flipped bit", ClientDhDoesNotOpen, |query, _, _| query.encrypted_data[100] ^= 1),
        ("inner nonce", ClientDhDoesNotOpen, |query, exchange, dice| {
            let mut other = exchange.clone();
            other.nonce[0] ^= 1;
            query.encrypted_data = other.with_g_b(&[0x55; 256], dice).encrypted_data;
        }),
        ("wrong hash", ClientDhDoesNotOpen, |query, exchange, dice| {
            let mut data = sha1(&[b"something else"]).to_vec();
            data.resize(336, 0x33);
            dice.fill(&mut data[320..]);
            exchange.tmp_aes().encrypt(&mut data);
            query.encrypted_data = data;
        }),
        ("more than the data under the hash", ClientDhDoesNotOpen, |query, exchange, _| {
            let (nonce, server_nonce, g_b) = (exchange.nonce, exchange.server_nonce, vec![0x55; 256]);
            let data = service::ClientDHInnerData { nonce, server_nonce, retry_id: 0, g_b };
            let data = [&tl::write(&data, tl::Layer::NEWEST)[..], &[0; 4]].concat();
            let mut sealed = [&sha1(&[&data])[..], &data].concat();
            sealed.resize(sealed.len().next_multiple_of(16), 0);
            exchange.tmp_aes().encrypt(&mut sealed);
            query.encrypted_data = sealed;
        }),
        ("retry_id", WrongRetryId, |query, exchange, dice| {
            let mut other = exchange.clone();
            other.retry_id = 1;
            query.encrypted_data = other.with_g_b(&[0x55; 256], dice).encrypted_data;
        }),
    ];
    for (what, expected, tamper) in cases {
        let mut line = Line::new();
        let mut exchange = line.exchange(Padding::RsaPad);
        line.until_server_dh(&mut exchange);
        let mut query = exchange.set_client_dh(&line.answer(), &mut line.dice).expect("an honest server");
        tamper(&mut query, &exchange, &mut line.dice);
        line.say(&exchange.packet(&query));
        assert_eq!(line.failed(), expected, "{what}");
    }
}

// proves: HS-9, HS-22, HS-24
#[test]
fn steps_that_are_replayed_changed_or_out_of_place_have_one_answer() {
    // Step two again, sealed anew: the same words, other bytes.
    let mut line = Line::new();
    let mut exchange = line.exchange(Padding::RsaPad);
    let mut query = line.until_server_dh(&mut exchange);
    let data = tl::write(&exchange.inner_data(&[1], &query.p, &query.q), tl::Layer::NEWEST);
    query.encrypted_data = encrypt_inner_data(&exchange.key, Padding::RsaPad, &data, &mut line.dice).to_vec();
    line.say(&exchange.packet(&query));
    assert_eq!((line.failed(), line.jobs), (HandshakeError::ChangedRepeat, 1));

    // Step three before step two; step two of another connection's run.
    let mut line = Line::new();
    let mut exchange = line.exchange(Padding::RsaPad);
    let foreign = line.until_res_pq(&mut exchange);
    let early = exchange.with_g_b(&[0x55; 256], &mut line.dice);
    line.say(&exchange.packet(&early));
    assert_eq!(line.failed(), HandshakeError::ChangedRepeat);
    let mut other =
        Line::over(TransportOptions { framing: Framing::Full, obfuscated: None, websocket: false }, 2);
    other.say(&exchange.packet(&foreign));
    assert_eq!(other.failed(), HandshakeError::UnknownRun);

    // A dead run stays dead, with everything on its connection.
    line.say(&exchange.packet(&foreign));
    assert_eq!((line.heard.len(), line.jobs), (2, 0));

    // After the end: another step three.
    let mut line = Line::new();
    let mut exchange = line.exchange(Padding::RsaPad);
    line.run(&mut exchange);
    line.made.clear();
    let late = exchange.with_g_b(&[0x55; 256], &mut line.dice);
    line.say(&exchange.packet(&late));
    assert_eq!(line.failed(), HandshakeError::ChangedRepeat);

    // What is no step at all: a ping in the clear, a length that lies, a message cut short.
    let ping = tl::write(&service::Ping { ping_id: 1 }, tl::Layer::NEWEST);
    let mut lying = plain::packet(MsgId(4), &ping).to_vec();
    lying[16] = 0xf0;
    for packet in
        [plain::packet(MsgId(4), &ping).to_vec(), lying, plain::packet(MsgId(4), &ping[..4]).to_vec()]
    {
        let mut line = Line::new();
        line.say(&packet);
        assert_eq!(line.failed(), HandshakeError::NotAHandshakeMessage);
    }
}

// proves: HS-26
#[test]
fn bytes_behind_a_plaintext_message_and_acks_are_tolerated() {
    let mut line = Line::new();
    let nonce = [9; 16];
    let mut body = tl::write(&service::ReqPqMulti { nonce }, tl::Layer::NEWEST);
    body.extend([0xaa; 255]);
    body.push(0);
    line.say(&plain::packet(MsgId(4), &body));
    assert_eq!(line.answer::<service::ResPQ>().nonce, nonce);
    let ack = service::MsgsAck { msg_ids: vec![1, 2] };
    line.say(&plain::packet(MsgId(8), &tl::write(&ack, tl::Layer::NEWEST)));
    assert_eq!((line.heard.len(), line.closed), (1, None));
}

// proves: HS-11, HS-14, HS-15
#[test]
fn our_own_client_believes_no_server_that_lies() {
    use mtproto::client::ExchangeError::{UnsafeGroup, WrongHash, WrongNonce};
    let mut line = Line::new();
    let mut exchange = line.exchange(Padding::RsaPad);
    line.until_server_dh(&mut exchange);
    let honest: service::ServerDHParamsOk = line.answer();
    let mut opened = honest.encrypted_answer.clone();
    exchange.tmp_aes().decrypt(&mut opened);
    let numbers: service::ServerDHInnerData =
        tl::Decode::decode(&mut tl::Reader::new(&opened[20..])).expect("the server's numbers");
    let sealed = |numbers: &service::ServerDHInnerData, hash_of: &[u8]| {
        let data = tl::write(numbers, tl::Layer::NEWEST);
        let mut sealed = [sha1(&[hash_of]).as_slice(), &data].concat();
        sealed.resize(sealed.len().next_multiple_of(16), 0);
        exchange.tmp_aes().encrypt(&mut sealed);
        sealed
    };
    let truth =
        |numbers: &service::ServerDHInnerData| sealed(numbers, &tl::write(numbers, tl::Layer::NEWEST));
    let lies = [
        (WrongNonce, service::ServerDHParamsOk { nonce: [0; 16], ..honest.clone() }),
        (WrongNonce, {
            let numbers = service::ServerDHInnerData { server_nonce: [0; 16], ..numbers.clone() };
            service::ServerDHParamsOk { encrypted_answer: truth(&numbers), ..honest.clone() }
        }),
        (
            WrongHash,
            service::ServerDHParamsOk { encrypted_answer: sealed(&numbers, b"another"), ..honest.clone() },
        ),
        (UnsafeGroup, {
            let numbers = service::ServerDHInnerData { g: 2, ..numbers.clone() };
            service::ServerDHParamsOk { encrypted_answer: truth(&numbers), ..honest.clone() }
        }),
        (UnsafeGroup, {
            let numbers = service::ServerDHInnerData { g_a: vec![1], ..numbers.clone() };
            service::ServerDHParamsOk { encrypted_answer: truth(&numbers), ..honest.clone() }
        }),
    ];
    for (error, answer) in lies {
        assert_eq!(exchange.clone().set_client_dh(&answer, &mut line.dice).err(), Some(error));
    }
    assert!(exchange.set_client_dh(&honest, &mut line.dice).is_ok());
}
