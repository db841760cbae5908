//! A client over datagrams: makes a key, calls the server some hundred times, and counts what it took.
//!
//!     cargo run -- --udp 127.0.0.1:8443                       # the server
//!     cargo run --example udp_client                          # this
//!     cargo run --example udp_client -- --lose 30             # with 30 of 100 datagrams lost, both ways
//!
//! `--server ADDR` and `--key FILE` (the server's `keys/rsa-pad.pub.pem`) point it elsewhere, `--calls N` says how many
//! calls. What goes over the wire is specified in `protocol-spec/08-udp-extension.md`; all that a client has to do beyond
//! any other client of MTProto is in `exchange` and `run` below, and in `mtproto::client::Datagrams`.

#![allow(clippy::print_stdout, reason = "what it counted is its output")]

use std::error::Error;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use bytes::Bytes;
use env::{Dice as _, Env};
use gateway::world::{SystemDice, now};
use mtproto::SessionId;
use mtproto::client::{Datagrams, Exchange, Got, NewKey, Next, PublicKey};
use mtproto::handshake::Padding;
use mtproto::session::client::{ClientSession, Heard};
use tl::{Layer, functions};

/// How long a step or a query waits for its answer before it is repeated.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long all may take.
const TIME: Duration = Duration::from_secs(120);

struct Options {
    server: String,
    key: String,
    lose: u64,
    calls: usize,
}

/// The way to the server, which loses some of 100 datagrams.
struct Way {
    socket: UdpSocket,
    datagrams: Datagrams,
    lose: u64,
    sent: (usize, usize),
    received: (usize, usize),
    lost: usize,
}

impl Way {
    fn is_lost(&mut self) -> bool {
        let lost = SystemDice.below(100) < self.lose;
        self.lost += usize::from(lost);
        lost
    }

    fn send(&mut self, datagram: &[u8]) -> std::io::Result<()> {
        self.sent = (self.sent.0 + 1, self.sent.1 + datagram.len());
        if self.is_lost() { Ok(()) } else { self.socket.send(datagram).map(|_| ()) }
    }

    fn send_packet(&mut self, packet: &[u8]) -> std::io::Result<()> {
        for datagram in self.datagrams.send(packet) {
            self.send(&datagram)?;
        }
        Ok(())
    }

    /// What comes next within `time`, if anything does. A proof is given when it is asked for.
    fn next(&mut self, time: Duration) -> std::io::Result<Option<Got>> {
        let deadline = Instant::now() + time;
        let mut buffer = [0; 2048];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left))?;
            let n = match self.socket.recv(&mut buffer) {
                Ok(n) => n,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            self.received = (self.received.0 + 1, self.received.1 + n);
            if self.is_lost() {
                continue;
            }
            match self.datagrams.receive(now(), buffer.get(..n).unwrap_or_default()) {
                Got::Prove(proof) => self.send(&proof)?,
                Got::Nothing => {}
                got => return Ok(Some(got)),
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let key = PublicKey::from_pem(&std::fs::read_to_string(&options.key)?)
        .map_err(|error| format!("{}: {error:?}", options.key))?;
    let socket = UdpSocket::bind(if options.server.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" })?;
    socket.connect(&options.server)?;
    let datagrams = Datagrams::default();
    let mut way = Way { socket, datagrams, lose: options.lose, sent: (0, 0), received: (0, 0), lost: 0 };
    let began = Instant::now();
    let made = exchange(&mut way, key, began)?;
    println!("a key, {} ms after the first datagram", began.elapsed().as_millis());
    let began = Instant::now();
    run(&mut way, made, options.calls, began)?;
    println!("{} calls answered, each once, in {} ms", options.calls, began.elapsed().as_millis());
    let (sent, received) = (way.sent, way.received);
    println!(
        "{} datagrams out ({} bytes), {} in ({} bytes), {} of them lost on purpose",
        sent.0, sent.1, received.0, received.1, way.lost
    );
    Ok(())
}

/// The handshake: each step is repeated, byte for byte, until it is answered.
fn exchange(way: &mut Way, key: PublicKey, began: Instant) -> Result<NewKey, Box<dyn Error>> {
    let mut exchange = Exchange::new(key, Padding::RsaPad, now(), &mut SystemDice);
    let mut packet: Bytes = exchange.begin();
    while began.elapsed() < TIME {
        way.send_packet(&packet)?;
        while let Some(got) = way.next(PATIENCE)? {
            match got {
                // What answers a step before this one fits nothing, and is passed over.
                Got::Packet(answer) => match exchange.receive(&answer, &mut SystemDice) {
                    Ok(Next::Made(key)) => return Ok(key),
                    Ok(Next::Send(next)) => {
                        packet = next;
                        break;
                    }
                    Err(_) => {}
                },
                Got::Error(code) => return Err(format!("the server refused the handshake: {code}").into()),
                Got::Prove(_) | Got::Nothing => {}
            }
        }
    }
    Err("no key came in time".into())
}

/// The session: ten calls at a time, repeated under their names until they are answered, acknowledged when they are.
fn run(way: &mut Way, made: NewKey, calls: usize, began: Instant) -> Result<(), Box<dyn Error>> {
    let session_id = SessionId(i64::from_le_bytes(env::bytes(&mut SystemDice)));
    let mut session = ClientSession::new(made.key, session_id, made.salt);
    let query = Bytes::from(tl::write(&functions::help::GetNearestDc {}, Layer::NEWEST));
    let (mut asked, mut answered) = (0, 0);
    while answered < calls {
        if began.elapsed() > TIME {
            return Err(format!("{answered} of {calls} calls were answered in time").into());
        }
        while asked < calls && session.unanswered() < 10 {
            session.call(now(), query.clone());
            asked += 1;
        }
        let mut env = Env { now: now(), dice: &mut SystemDice };
        if let Some(packet) = session.packet(&mut env, PATIENCE) {
            way.send_packet(&packet)?;
        }
        match way.next(Duration::from_millis(50))? {
            Some(Got::Packet(mut packet)) => {
                let heard = session.receive(now(), &mut packet).unwrap_or_default();
                answered += heard.iter().filter(|heard| matches!(heard, Heard::Reply { .. })).count();
            }
            // Anybody can send an error; one that lasts shows itself in that nothing is answered.
            Some(Got::Error(code)) => eprintln!("somebody says {code}"),
            Some(Got::Prove(_) | Got::Nothing) | None => {}
        }
    }
    // The last acknowledgements, so that the server does not go on repeating itself.
    if let Some(packet) = session.packet(&mut Env { now: now(), dice: &mut SystemDice }, PATIENCE) {
        way.send_packet(&packet)?;
    }
    Ok(())
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        server: "127.0.0.1:8443".to_owned(),
        key: "chappe-data/keys/rsa-pad.pub.pem".to_owned(),
        lose: 0,
        calls: 100,
    };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--server" => options.server = value,
            "--key" => options.key = value,
            "--lose" => options.lose = value.parse()?,
            "--calls" => options.calls = value.parse()?,
            _ => return Err(format!("unknown: {name}").into()),
        }
    }
    Ok(options)
}
