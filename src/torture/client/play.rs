//! Plays the script of one case.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mtproto::client::PublicKey;
use mtproto::handshake::Padding;
use mtproto::limits::DATAGRAM_FIRST_BYTES;
use mtproto::session::limits::DATAGRAM_BODY_BYTES_MAX;
use mtproto::wire::framing::Framing;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::address::Address;
use super::body::container;
use super::exchange::Run;
use super::heard::{self, Event, Said};
use super::line::{Came, Line};
use super::script::{Body, Case, Clear, Dh, Envelope, LAST, Of, Part, Step, Twist, Want, Way};
use super::session::{Made, Message, Session};
use super::stream::{Stream, full_frame};
use crate::limits::{ANSWER_TIME, CASES_PER_KEY, HEARD_MAX};
use crate::world::{SystemDice, now};

/// The server under test, and what is known of it.
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it takes datagrams, if it does.
    pub udp: Option<SocketAddr>,
    /// Its key for `RSA_PAD`.
    pub key: PublicKey,
    /// Its key for the older padding.
    pub legacy: Option<PublicKey>,
    /// The key under which most sessions are begun, and by how many cases.
    shared: Mutex<Option<(Made, u32)>>,
    /// Ports from which datagrams went.
    used_ports: Mutex<BTreeSet<u16>>,
}

impl Target {
    /// A server of which nothing more is known.
    pub fn new(
        address: SocketAddr,
        udp: Option<SocketAddr>,
        key: PublicKey,
        legacy: Option<PublicKey>,
    ) -> Self {
        Self { address, udp, key, legacy, shared: Mutex::default(), used_ports: Mutex::default() }
    }

    async fn dial(&self, way: Way) -> Result<Line, String> {
        if way != Way::Datagrams {
            return Ok(Line::Stream(Box::new(Stream::dial(self.address, way).await?)));
        }
        let target = self.udp.ok_or("the script needs an address for datagrams")?;
        Ok(Line::Datagrams(Box::new(Address::open(target, &self.used_ports).await?)))
    }

    /// A key that several cases share; no server is asked to keep too many sessions of one.
    async fn shared(&self) -> Result<Made, String> {
        let mut shared = self.shared.lock().await;
        match &mut *shared {
            Some((made, cases)) if *cases < CASES_PER_KEY => {
                *cases += 1;
                Ok(made.clone())
            }
            _ => {
                let made = make_key(self, None).await?;
                *shared = Some((made.clone(), 1));
                Ok(made)
            }
        }
    }
}

/// The way over which scripts speak that do not say.
const USUAL: Way = Way::Plain(Framing::Intermediate);

/// What an honest client puts behind its first step over datagrams.
const PADDING: &[Envelope] = &[Envelope::Behind(DATAGRAM_FIRST_BYTES - 40)];

/// How often a ping is tried over datagrams, and how long each time but the last: any of them may be lost.
const PINGS_LOST_MAX: usize = 3;
const LOST_AFTER: Duration = Duration::from_secs(4);

/// A message that was sent.
pub struct Sent {
    /// It.
    pub message: Message,
    /// What a quick ack of it says.
    pub quick_ack: u32,
}

struct Heard {
    line: usize,
    event: Event,
    used: bool,
}

/// One case under way.
pub struct Player<'a> {
    target: &'a Target,
    lines: Vec<Line>,
    at_line: usize,
    runs: Vec<Run>,
    at_run: usize,
    legacy: bool,
    /// The sessions of the case.
    pub sessions: Vec<Session>,
    /// The current one.
    pub at_session: usize,
    /// The one whose permanent key is to be bound.
    pub bound_to: usize,
    /// Messages that were sent.
    pub sent: Vec<Sent>,
    /// The id of the server's message heard last.
    pub last_heard: i64,
    /// The server's messages that are to be acknowledged.
    pub to_ack: Vec<i64>,
    /// Sealed packets, and whether they ask for a quick ack.
    pub packets: Vec<(Vec<u8>, bool)>,
    /// Plaintext packets.
    pub clear: Vec<Vec<u8>>,
    last_clear: Bytes,
    /// The `rpc_result` heard last.
    pub last_result: Bytes,
    /// The cookie heard last.
    pub last_cookie: [u8; 16],
    /// The test number of the case, once it has one.
    pub phone: Option<String>,
    heard: Vec<Heard>,
    /// What was heard that the script waited for.
    pub matched: Vec<String>,
    faults: Vec<String>,
}

/// Plays `case`; what was heard, or what was wrong.
pub async fn play(target: &Target, case: &Case) -> Result<String, String> {
    let mut player = Player {
        target,
        lines: Vec::new(),
        at_line: 0,
        runs: Vec::new(),
        at_run: 0,
        legacy: false,
        sessions: Vec::new(),
        at_session: 0,
        bound_to: 0,
        sent: Vec::new(),
        last_heard: 0,
        to_ack: Vec::new(),
        packets: Vec::new(),
        clear: Vec::new(),
        last_clear: Bytes::new(),
        last_result: Bytes::new(),
        last_cookie: [0; 16],
        phone: None,
        heard: Vec::new(),
        matched: Vec::new(),
        faults: Vec::new(),
    };
    for step in case.steps {
        player.step(step).await?;
    }
    if player.faults.is_empty() { Ok(player.matched.join(", ")) } else { Err(player.faults.join("; ")) }
}

impl Player<'_> {
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Dial(way) => self.dial(way).await?,
            Step::Line(at) => self.at_line = at,
            Step::HangUp => self.line()?.hang_up().await,
            Step::Write(parts) => {
                for part in parts {
                    let bytes = self.part(*part, 0);
                    self.line()?.write(&bytes).await?;
                }
            }
            Step::Drip(parts, ms) => self.drip(parts, ms).await?,
            Step::EndWriting => self.line()?.end_writing().await,
            Step::Datagram(parts) => self.flood(1, parts).await?,
            Step::Flood(n, parts) => self.flood(n, parts).await?,
            Step::FullFrame(longer, seq, flipped) => {
                let packet = self.run()?.clear(Clear::ReqPqMulti, &[]);
                self.line()?.write(&full_frame(&packet, longer, seq, flipped)).await?;
            }
            Step::ReplayBytes => {
                let written = self.line()?.written().to_vec();
                self.dial(Way::Bare).await?;
                self.line()?.write(&written).await?;
            }
            Step::Pause(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,

            Step::Run(at) => self.at_run = at,
            Step::Legacy => self.legacy = true,
            Step::NonceOf(other) => {
                let nonce = self.runs.get(other).ok_or("the script names no exchange")?.exchange.nonce;
                self.run()?.exchange.nonce = nonce;
            }
            Step::Plain(clear, envelopes) => {
                let packet = self.run()?.clear(clear, envelopes);
                let quick = envelopes.iter().any(|envelope| matches!(envelope, Envelope::QuickAck));
                self.say(packet, quick).await?;
            }
            Step::ToResPq => self.reach_res_pq().await?,
            Step::ToDhOk => self.reach_dh_ok().await?,
            Step::ToGenOk => {
                self.reach_dh_ok().await?;
                self.set_dh(&[]).await?;
                self.hear(&[Want::GenOk], ANSWER_TIME).await?;
            }
            Step::ReqDh(twists) => self.request_dh(twists).await?,
            Step::SetDh(twists) => self.set_dh(twists).await?,
            Step::Repeat(ago) => {
                let packet = nth_last(&self.clear, ago).ok_or("the script said nothing")?.clone();
                self.line()?.send(&packet, false).await?;
            }
            Step::Session => {
                let made = self.target.shared().await?;
                if self.lines.is_empty() {
                    self.dial(USUAL).await?;
                }
                self.begin(&made);
            }
            Step::OwnKey => {
                let made = make_key(self.target, None).await?;
                self.dial(USUAL).await?;
                self.begin(&made);
            }
            Step::TempKey(seconds) => {
                self.bound_to = self.at_session;
                let made = make_key(self.target, Some(seconds)).await?;
                self.dial(USUAL).await?;
                self.begin(&made);
            }
            Step::SignIn => self.sign_in().await?,
            Step::In(at) => self.at_session = at,
            Step::BindTo(at) => self.bound_to = at,
            Step::SecondSession => {
                let made = self.session()?.made();
                self.begin(&made);
            }
            Step::Send(body) => self.send(&body, &[]).await?,
            Step::Twist(body, twists) => self.send(&body, twists).await?,
            Step::Seal(body) => {
                let message = self.message(&body, &[])?;
                self.seal(message, &[])?;
            }
            Step::Prove => self.prove().await?,
            Step::Replay(ago) => {
                let (packet, quick) = nth_last(&self.packets, ago).ok_or("the script sent nothing")?.clone();
                self.line()?.send(&packet, quick).await?;
            }
            Step::Resend(ago) => {
                let message = nth_last(&self.sent, ago).ok_or("the script sent nothing")?.message.clone();
                let session = self.session()?;
                let (msg_id, seq_no) = session.name(false);
                let outer = Message { msg_id, seq_no, body: container(1, &[(message, None)]) };
                self.seal_and_send(outer, &[]).await?;
            }
            Step::Hear(want) => self.hear(&[want], ANSWER_TIME).await?,
            Step::HearWithin(want, ms) => self.hear(&[want], Duration::from_millis(ms)).await?,
            Step::HearOne(wants) => self.hear(wants, ANSWER_TIME).await?,
            Step::HearNext(want) => self.hear_next(&want).await?,
            Step::NoMoreThanSaid => {
                let address = self.line()?.address().ok_or("the script sends no datagrams")?;
                if address.heard_bytes > address.sent_bytes {
                    let (heard, sent) = (address.heard_bytes, address.sent_bytes);
                    return Err(self.failed(&format!("{heard} bytes for {sent}")));
                }
            }
            Step::NoFasterThan(burst, per_second, ms) => {
                let until = Instant::now() + Duration::from_millis(ms);
                while self.read(until).await? {}
                let address = self.line()?.address().ok_or("the script sends no datagrams")?;
                let (came, excess) = (address.came(), address.excess(burst, per_second));
                if let Some((came, ms)) = excess {
                    return Err(self.failed(&format!("{came} datagrams within {ms} ms")));
                }
                self.matched.push(format!("{came} datagrams"));
            }
            Step::Never(want) => {
                let found = self.find(&want);
                if let Some(at) = found {
                    let what = self.heard.get(at).map(|heard| heard.event.to_string()).unwrap_or_default();
                    return Err(self.failed(&format!("{what}, which must not come")));
                }
            }
            Step::Alive => self.alive().await?,
        }
        Ok(())
    }

    // ---- connections

    async fn dial(&mut self, way: Way) -> Result<(), String> {
        self.lines.push(self.target.dial(way).await?);
        self.at_line = self.lines.len() - 1;
        Ok(())
    }

    /// The current line.
    pub fn line(&mut self) -> Result<&mut Line, String> {
        self.lines.get_mut(self.at_line).ok_or_else(|| "the script opened no connection".to_owned())
    }

    // ---- key exchanges

    /// The current exchange.
    pub fn run(&mut self) -> Result<&mut Run, String> {
        while self.runs.len() <= self.at_run {
            let run = match (self.legacy, &self.target.legacy) {
                (false, _) => Run::new(self.target.key.clone(), Padding::RsaPad),
                (true, Some(key)) => Run::new(key.clone(), Padding::Legacy),
                (true, None) => return Err("the second public key of the server was not given".to_owned()),
            };
            self.runs.push(run);
        }
        self.runs.get_mut(self.at_run).ok_or_else(|| "the script names no exchange".to_owned())
    }

    async fn say(&mut self, packet: Vec<u8>, quick_ack: bool) -> Result<(), String> {
        self.line()?.send(&packet, quick_ack).await?;
        self.clear.push(packet);
        Ok(())
    }

    async fn reach_res_pq(&mut self) -> Result<(), String> {
        if self.lines.is_empty() {
            self.dial(USUAL).await?;
        }
        // Over datagrams the answer may not be longer than the question.
        let longer = if self.line()?.address().is_some() { PADDING } else { &[] };
        let packet = self.run()?.clear(Clear::ReqPqMulti, longer);
        self.say(packet, false).await?;
        self.hear(&[Want::ResPq], ANSWER_TIME).await?;
        if let Some(fault) = self.run()?.fault() {
            self.faults.push(fault.to_owned());
        }
        Ok(())
    }

    async fn reach_dh_ok(&mut self) -> Result<(), String> {
        self.reach_res_pq().await?;
        self.request_dh(&[]).await?;
        self.hear(&[Want::DhOk], ANSWER_TIME).await
    }

    async fn request_dh(&mut self, twists: &[Dh]) -> Result<(), String> {
        let other = if self.legacy { Some(self.target.key.clone()) } else { self.target.legacy.clone() };
        let packet = self.run()?.request_dh(other.as_ref(), twists);
        let packet = packet.ok_or("step two cannot be made: no resPQ, or not one of the given keys in it")?;
        self.say(packet, false).await
    }

    async fn set_dh(&mut self, twists: &[super::script::Set]) -> Result<(), String> {
        let packet = self.run()?.set_dh(twists);
        let packet =
            packet.ok_or("step three cannot be made: the numbers of step two are not to be trusted")?;
        self.say(packet, false).await
    }

    // ---- sessions

    fn begin(&mut self, made: &Made) {
        self.sessions.push(Session::new(made));
        self.at_session = self.sessions.len() - 1;
    }

    /// The current session.
    pub fn session(&mut self) -> Result<&mut Session, String> {
        self.sessions.get_mut(self.at_session).ok_or_else(|| "the script began no session".to_owned())
    }

    /// The name of a message that was sent.
    pub fn sent_id(&self, of: Of) -> Result<i64, String> {
        let sent = if of == LAST { self.sent.last() } else { self.sent.get(of) };
        sent.map(|sent| sent.message.msg_id).ok_or_else(|| "the script names no message".to_owned())
    }

    /// The name and number of a message, with what `twists` say is wrong.
    pub fn named(
        &mut self,
        body: &Body,
        twists: &[Twist],
        container: Option<i64>,
    ) -> Result<(i64, u32), String> {
        let mut content = body.is_content();
        for twist in twists {
            match twist {
                Twist::Even => content = false,
                Twist::Odd => content = true,
                Twist::Skip(numbers) => self.session()?.skip(*numbers),
                _ => {}
            }
        }
        let (mut msg_id, mut seq_no) = self.session()?.name(content);
        for twist in twists {
            match *twist {
                Twist::Secs(seconds) => msg_id = self.session()?.id_in(seconds) & !3,
                Twist::LowBits(bits) => msg_id |= bits,
                Twist::EmptyLow => msg_id &= !0xffff_ffff,
                Twist::NameOf(of) => msg_id = self.sent_id(of)?,
                Twist::Below(of) => msg_id = self.sent_id(of)? - 4,
                Twist::NameOfContainer => msg_id = container.unwrap_or(msg_id),
                Twist::AboveContainer => msg_id = container.unwrap_or(msg_id) + 4,
                Twist::Seq(number) => seq_no = number,
                _ => {}
            }
        }
        Ok((msg_id, seq_no))
    }

    async fn send(&mut self, body: &Body, twists: &[Twist]) -> Result<(), String> {
        let message = self.message(body, twists)?;
        self.seal_and_send(message, twists).await
    }

    /// The message that says `body`, under its name.
    fn message(&mut self, body: &Body, twists: &[Twist]) -> Result<Message, String> {
        let holds = matches!(
            body,
            Body::Container(_) | Body::Pings(_) | Body::Many(..) | Body::CountIs(..) | Body::Nest(_)
        );
        if !holds {
            let (msg_id, seq_no) = self.named(body, twists, None)?;
            return Ok(Message { msg_id, seq_no, body: self.bytes(body, msg_id)? });
        }
        let outer = self.session()?.container_id();
        let bytes = self.bytes(body, outer)?;
        self.session()?.container_named(outer);
        let (named, seq_no) = self.named(body, twists, None)?;
        let twisted = twists.iter().any(|twist| {
            matches!(twist, Twist::Secs(_) | Twist::LowBits(_) | Twist::NameOf(_) | Twist::Below(_))
        });
        Ok(Message { msg_id: if twisted { named } else { outer }, seq_no, body: bytes })
    }

    /// Seals a message; the packet, and whether it asks for a quick ack.
    fn seal(&mut self, message: Message, twists: &[Twist]) -> Result<(Vec<u8>, bool), String> {
        let session = self.session()?;
        let packet = session.seal(&message, twists);
        let quick_ack = session.quick_ack(&packet);
        let asked = twists.iter().any(|twist| matches!(twist, Twist::QuickAck));
        self.sent.push(Sent { message, quick_ack });
        self.packets.push((packet.clone(), asked));
        Ok((packet, asked))
    }

    /// Seals a message and sends it.
    pub async fn seal_and_send(&mut self, message: Message, twists: &[Twist]) -> Result<(), String> {
        let (packet, asked) = self.seal(message, twists)?;
        self.line()?.send(&packet, asked).await
    }

    async fn alive(&mut self) -> Result<(), String> {
        if self.line()?.address().is_some() {
            for _ in 1..PINGS_LOST_MAX {
                self.send(&Body::Ping, &[]).await?;
                if self.hear(&[Want::Pong(LAST)], LOST_AFTER).await.is_ok() {
                    return Ok(());
                }
            }
        }
        self.send(&Body::Ping, &[]).await?;
        self.hear(&[Want::Pong(LAST)], ANSWER_TIME).await
    }

    async fn prove(&mut self) -> Result<(), String> {
        self.send(&Body::Ping, &[]).await?;
        self.hear(&[Want::Cookie], ANSWER_TIME).await?;
        self.flood(1, &[Part::ProofHead, Part::Cookie, Part::Sealed]).await?;
        self.hear(&[Want::Pong(LAST)], ANSWER_TIME).await?;
        self.send(&Body::AckAll, &[]).await?;
        for heard in &mut self.heard {
            heard.used = true;
        }
        Ok(())
    }

    // ---- hearing

    /// Waits for one of `wants`.
    pub async fn hear(&mut self, wants: &[Want], patience: Duration) -> Result<(), String> {
        let until = Instant::now() + patience;
        let words: Vec<String> = wants.iter().map(ToString::to_string).collect();
        let words = words.join(" or ");
        if let [Want::Silence(ms)] = wants {
            return self.hear_nothing(*ms).await;
        }
        loop {
            for want in wants {
                if let Some(at) = self.find(want) {
                    self.take(at, want);
                    let ends = matches!(want, Want::Gone | Want::Flood);
                    self.matched.push(want.to_string());
                    return if ends { self.hear_end(until).await } else { Ok(()) };
                }
            }
            if !self.read(until).await? {
                let unused = self.failed("nothing more");
                return Err(format!("{unused} (wanted: {words})"));
            }
        }
    }

    /// Waits until there is something that was not asked about, which must be this.
    async fn hear_next(&mut self, want: &Want) -> Result<(), String> {
        let until = Instant::now() + ANSWER_TIME;
        loop {
            let line = self.at_line;
            if let Some(at) = self.heard.iter().position(|heard| heard.line == line && !heard.used) {
                if self.find(want) != Some(at) {
                    return Err(format!("{} (wanted next: {want})", self.failed("in this order")));
                }
                self.take(at, want);
                self.matched.push(want.to_string());
                return Ok(());
            }
            if !self.read(until).await? {
                return Err(format!("{} (wanted next: {want})", self.failed("nothing more")));
            }
        }
    }

    /// Behind a transport error the connection must end; what else is said before that does not matter.
    async fn hear_end(&mut self, until: Instant) -> Result<(), String> {
        loop {
            if let Some(at) = self.find(&Want::Closed) {
                self.take(at, &Want::Closed);
                return Ok(());
            }
            if !self.read(until).await? {
                return Err(self.failed("a connection that stays open"));
            }
        }
    }

    async fn hear_nothing(&mut self, ms: u64) -> Result<(), String> {
        let until = Instant::now() + Duration::from_millis(ms);
        while self.read(until).await? {}
        let line = self.at_line;
        // An acknowledgement may have waited for company since long before.
        let is_answer = |event: &Event| !matches!(event, Event::Said(Said::Ack(_)));
        if self.heard.iter().any(|heard| heard.line == line && !heard.used && is_answer(&heard.event)) {
            return Err(self.failed("no silence"));
        }
        self.matched.push("silence".to_owned());
        Ok(())
    }

    /// What was heard and nobody asked for, and `end`.
    fn failed(&self, end: &str) -> String {
        let line = self.at_line;
        let unused = self.heard.iter().filter(|heard| heard.line == line && !heard.used);
        let mut words = self.matched.clone();
        words.extend(unused.map(|heard| heard.event.to_string()));
        words.truncate(12);
        words.extend(self.faults.iter().cloned());
        words.push(end.to_owned());
        words.join(", ")
    }

    /// Reads once from the current connection; false if nothing came in time.
    pub async fn read(&mut self, until: Instant) -> Result<bool, String> {
        let line = self.at_line;
        let Some(came) = self.line()?.next(until).await else { return Ok(false) };
        if let Some(address) = self.line()?.address()
            && !address.may_be_proven
            && address.heard_bytes > address.sent_bytes
        {
            let (heard, sent) = (address.heard_bytes, address.sent_bytes);
            return Err(format!(
                "{heard} bytes came to an address that has proven nothing, {sent} went [UDP-4]"
            ));
        }
        let events = match came {
            Came::Packet(packet) => self.packet(packet),
            Came::QuickAck(token) => vec![Event::QuickAck(token)],
            Came::Http(status, head) => vec![Event::Http(status, head)],
            Came::Cookie(cookie) => {
                self.last_cookie = cookie;
                vec![Event::Cookie]
            }
            Came::WsFrame(first) => vec![Event::WsFrame(first)],
            Came::Bytes(n) => vec![Event::Bytes(n)],
            Came::Closed => vec![Event::Closed],
            Came::Broken(what) => return Err(what),
        };
        self.heard.extend(events.into_iter().map(|event| Heard { line, event, used: false }));
        if self.heard.len() > HEARD_MAX {
            return Err("more than any case asks for".to_owned());
        }
        Ok(true)
    }

    fn packet(&mut self, mut packet: BytesMut) -> Vec<Event> {
        if let Some(code) = packet.first_chunk().copied().map(i32::from_le_bytes)
            && code < 0
            && packet.len() < 20
        {
            return vec![Event::Transport(code)];
        }
        if packet.starts_with(&[0; 8]) {
            return vec![Event::Clear(packet.freeze())];
        }
        let padded = self.line().is_ok_and(|line| line.is_padded());
        match heard::open(&mut self.sessions, &mut packet, padded) {
            Ok(opened) => {
                self.faults.extend(opened.faults);
                self.to_ack.extend(opened.to_ack);
                if let Some((id, _)) = opened.messages.last() {
                    self.last_heard = *id;
                }
                opened.messages.into_iter().map(|(_, said)| Event::Said(said)).collect()
            }
            Err(fault) => {
                self.faults.push(fault);
                Vec::new()
            }
        }
    }

    /// Whether the connection was heard to end.
    pub fn has_ended(&self) -> bool {
        self.find(&Want::Closed).is_some()
    }

    fn find(&self, want: &Want) -> Option<usize> {
        let line = self.at_line;
        let fits = |heard: &Heard| heard.line == line && !heard.used && self.fits(&heard.event, want);
        self.heard.iter().position(fits)
    }

    fn take(&mut self, at: usize, want: &Want) {
        let Some(heard) = self.heard.get_mut(at) else { return };
        heard.used = true;
        if let Event::Said(Said::Result { body, .. }) = &heard.event {
            self.last_result = body.clone();
        }
        let Event::Clear(packet) = heard.event.clone() else { return };
        self.last_clear = packet.clone();
        let Ok(run) = self.run() else { return };
        match want {
            Want::ResPq => run.take_res_pq(&packet),
            Want::DhOk => run.take_dh_ok(&packet),
            _ => {}
        }
    }

    fn fits(&self, event: &Event, want: &Want) -> bool {
        let names = |to: i64, of: Of| self.sent_id(of).is_ok_and(|id| id == to);
        let run = self.runs.get(self.at_run);
        match (want, event) {
            (Want::ResPq, Event::Clear(packet)) => run.is_some_and(|run| run.is_res_pq(packet)),
            (Want::DhOk, Event::Clear(packet)) => run.is_some_and(|run| run.is_dh_ok(packet)),
            (Want::GenOk, Event::Clear(packet)) => run.is_some_and(|run| run.key(packet).is_some()),
            (Want::AnyGenOk, Event::Clear(packet)) => run.is_some_and(|run| run.is_gen_ok(packet)),
            (Want::TheSame, Event::Clear(packet)) => *packet == self.last_clear,
            (Want::SameWords, Event::Clear(packet)) => {
                let words = |packet: &[u8]| packet.get(16..).map(<[u8]>::to_vec);
                words(packet).is_some() && words(packet) == words(&self.last_clear)
            }
            (Want::Cookie, Event::Cookie) => true,
            (Want::Code(wanted), Event::Transport(code)) => wanted == code,
            (Want::Gone, Event::Transport(-404)) | (Want::Flood, Event::Transport(-429)) => true,
            (Want::Closed, Event::Closed) => true,
            (Want::Http(wanted), Event::Http(status, _)) => wanted == status,
            (Want::HttpSays(wanted, lines), Event::Http(status, head)) => {
                wanted == status && lines.iter().all(|line| head.lines().any(|said| said == *line))
            }
            (Want::HttpRefused, Event::Http(400..=499, _)) => true,
            (Want::WsFrame(wanted), Event::WsFrame(first)) => wanted == first,
            (Want::QuickAck(of), Event::QuickAck(token)) => {
                let sent = if *of == LAST { self.sent.last() } else { self.sent.get(*of) };
                sent.is_some_and(|sent| sent.quick_ack == *token)
            }
            (want, Event::Said(said)) => self.fits_said(said, want, &names),
            _ => false,
        }
    }

    fn fits_said(&self, said: &Said, want: &Want, names: &dyn Fn(i64, Of) -> bool) -> bool {
        match (want, said) {
            (Want::Pong(of), Said::Pong { to }) => names(*to, *of),
            (Want::Bad(of, code), Said::Bad { to, code: said }) => names(*to, *of) && code == said,
            (Want::Salt(of), Said::Salt { to, salt }) => names(*to, *of) && *salt != 0,
            (Want::Result(of), Said::Result { to, body }) => names(*to, *of) && heard::error(body).is_none(),
            (Want::SameResult(of), Said::Result { to, body }) => names(*to, *of) && *body == self.last_result,
            (Want::Fails(of, code, name), Said::Result { to, body }) => {
                let error = heard::error(body);
                names(*to, *of) && error.is_some_and(|e| e.error_code == *code && e.error_message == *name)
            }
            (Want::Error(of, code), Said::Result { to, body }) => {
                names(*to, *of) && heard::error(body).is_some_and(|error| error.error_code == *code)
            }
            (Want::NewSession, Said::NewSession { salt }) => *salt != 0,
            (Want::Acked(of), Said::Ack(ids)) => ids.iter().any(|id| names(*id, *of)),
            (Want::State(of, wanted), Said::State { to, info }) => {
                names(*to, *of) && info.iter().map(|byte| byte & 7).eq(wanted.iter().copied())
            }
            (Want::Salts(of, n), Said::Salts { to, periods }) => {
                let apart = periods.windows(2).all(|pair| pair[0].0 < pair[1].0);
                names(*to, *of) && periods.len() == *n && apart
            }
            (Want::AnswerUnknown(of), Said::Result { to, body }) => {
                names(*to, *of) && heard::is_answer_unknown(body)
            }
            (Want::AnswerDropped(of), Said::Result { to, body }) => {
                names(*to, *of) && heard::is_answer_dropped(body)
            }
            (Want::SessionOk(at), Said::SessionOk(id)) => {
                self.sessions.get(*at).is_some_and(|session| session.id == *id)
            }
            (Want::Announced(of), Said::Announced { to, bytes }) => names(*to, *of) && is_too_long(*bytes),
            (Want::AnnouncedNew, Said::AnnouncedNew { bytes }) => is_too_long(*bytes),
            (Want::SessionNone, Said::SessionNone)
            | (Want::KeyOk, Said::KeyOk)
            | (Want::Updates, Said::Updates) => true,
            _ => false,
        }
    }
}

/// Whether a message of so many bytes fits no pieces, whatever is around it.
fn is_too_long(bytes: i32) -> bool {
    usize::try_from(bytes).is_ok_and(|bytes| bytes > DATAGRAM_BODY_BYTES_MAX)
}

/// Whether packets may be posted to the server.
pub async fn has_http(target: &Target) -> bool {
    let Ok(mut line) = target.dial(Way::Http).await else { return false };
    let packet = Run::new(target.key.clone(), Padding::RsaPad).clear(Clear::ReqPqMulti, &[]);
    let sent = line.send(&packet, false).await;
    sent.is_ok() && matches!(line.next(Instant::now() + ANSWER_TIME).await, Some(Came::Http(200, _)))
}

fn nth_last<T>(all: &[T], ago: usize) -> Option<&T> {
    all.get(all.len().checked_sub(ago + 1)?)
}

/// Makes a key over a connection of its own, honestly.
async fn make_key(target: &Target, expires_in: Option<i32>) -> Result<Made, String> {
    use mtproto::client::Next;
    let mut line = target.dial(USUAL).await?;
    let mut exchange =
        mtproto::client::Exchange::new(target.key.clone(), Padding::RsaPad, now(), &mut SystemDice);
    exchange.expires_in = expires_in;
    let mut packet = exchange.begin();
    loop {
        line.send(&packet, false).await?;
        let Some(Came::Packet(answer)) = line.next(Instant::now() + ANSWER_TIME).await else {
            return Err("the honest making of a key is not answered".to_owned());
        };
        match exchange.receive(&answer, &mut SystemDice) {
            Ok(Next::Send(next)) => packet = next,
            Ok(Next::Made(made)) => {
                let ahead = i64::from(made.server_time) - i64::from(now().unix());
                // The second of difference that rounding makes is none.
                let ahead = if ahead.abs() <= 2 { 0 } else { ahead };
                return Ok(Made { key: made.key, salt: made.salt.0, ahead });
            }
            Err(fault) => return Err(format!("the honest making of a key fails: {fault:?}")),
        }
    }
}
