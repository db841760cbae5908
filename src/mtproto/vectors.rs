//! The known answers of `protocol-spec/vectors`, which an independent program of ours has computed: each is checked in
//! both directions. Those of the handshake are in `handshake/heavy/vectors.rs`.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::{BufMut as _, BytesMut};
use cipher::Backend;
use env::Dice;

use crate::bind::{BindInner, open_bind_message, seal_bind_message};
use crate::crypto::hash::sha256;
use crate::crypto::ige::IgeKey;
use crate::crypto::{FullAuthKey, HEADER_BYTES, QuickAckToken, Side, kdf, open, seal};
use crate::ids::{AuthKeyId, MsgId, Salt, SessionId};
use crate::session as message;
use crate::wire::framing::{Frame, Framer, Framing};
use crate::wire::obfuscated::Obfuscation;
use crate::wire::websocket::{self, Kind};

/// One known answer.
pub(crate) struct Case {
    pub(crate) name: String,
    fields: BTreeMap<String, String>,
}

impl Case {
    fn text(&self, field: &str) -> &str {
        self.fields.get(field).unwrap_or_else(|| panic!("{}: no `{field}`", self.name))
    }

    pub(crate) fn bytes(&self, field: &str) -> Vec<u8> {
        let digit = |byte: u8| (byte as char).to_digit(16).expect("a hexadecimal digit") as u8;
        self.text(field).as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    pub(crate) fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field).try_into().unwrap_or_else(|_| panic!("{}: `{field}` is not {N} bytes", self.name))
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, field: &str) -> T {
        self.text(field).parse().unwrap_or_else(|_| panic!("{}: `{field}` is no number", self.name))
    }

    fn key(&self) -> FullAuthKey {
        FullAuthKey::new(self.array("auth_key"))
    }

    fn framing(&self) -> Framing {
        match self.text("framing") {
            "abridged" => Framing::Abridged,
            "intermediate" => Framing::Intermediate,
            "padded intermediate" => Framing::PaddedIntermediate,
            "full" => Framing::Full,
            other => panic!("{}: framing {other}", self.name),
        }
    }
}

pub(crate) fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol-spec/vectors").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All cases of a file, at least `least`.
pub(crate) fn cases(name: &str, least: usize) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in file(name).lines().filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            cases.push(Case { name: name.to_owned(), fields: BTreeMap::new() });
        } else {
            let (field, value) = line.split_once(" =").expect("field = value");
            let fields = &mut cases.last_mut().expect("a name first").fields;
            fields.insert(field.to_owned(), value.trim().to_owned());
        }
    }
    assert!(cases.len() >= least, "{name}: {} cases", cases.len());
    cases
}

/// Dice that throw what is written down, and no more than that.
pub(crate) struct Script(std::collections::VecDeque<u8>);

impl Script {
    pub(crate) fn new(parts: &[&[u8]]) -> Self {
        Self(parts.concat().into())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}

impl Dice for Script {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            *byte = self.0.pop_front().expect("no more throws than the vector has");
        }
    }
}

// proves: HS-25
#[test]
fn vectors_of_auth_key() {
    for case in cases("auth_key.txt", 4) {
        let key = case.key();
        assert_eq!(key.id().0.to_le_bytes(), case.array("auth_key_id"), "{}", case.name);
        assert_eq!(key.aux_hash(), case.array("auth_key_aux_hash"), "{}", case.name);
        assert_eq!(key.kept().stored()[..], case.bytes("auth_key")[..192], "{}", case.name);
    }
}

// proves: REC-1
#[test]
fn vectors_of_kdf() {
    for case in cases("kdf.txt", 8) {
        let (key, msg_key) = (case.key().kept(), case.array("msg_key"));
        for (derived, name) in [
            (cipher::derive(key.parts(Side::Client), &msg_key), "client"),
            (cipher::derive(key.parts(Side::Server), &msg_key), "server"),
            (kdf::v1_from_client(&key, &msg_key), "v1"),
        ] {
            assert_eq!(derived.key, case.array(&format!("{name}_key")), "{}, {name}", case.name);
            assert_eq!(derived.iv, case.array(&format!("{name}_iv")), "{}, {name}", case.name);
        }
    }
}

#[test]
fn vectors_of_ige() {
    for case in cases("ige.txt", 8) {
        let cipher = IgeKey { key: case.array("key"), iv: case.array("iv") };
        let mut data = case.bytes("plain");
        cipher.encrypt(&mut data);
        assert_eq!(data, case.bytes("cipher"), "{}", case.name);
        cipher.decrypt(&mut data);
        assert_eq!(data, case.bytes("plain"), "{}", case.name);
    }
}

// proves: REC-1, REC-2, REC-4, TR-8
#[test]
fn vectors_of_record() {
    for case in cases("record.txt", 40) {
        let name = &case.name;
        let (key, packet, body) = (case.key().kept(), case.bytes("packet"), case.bytes("body"));
        let side = if case.text("side") == "client" { Side::Client } else { Side::Server };
        let token = QuickAckToken(case.number("quick_ack"));
        assert_eq!(packet[8..HEADER_BYTES], case.bytes("msg_key"), "{name}");

        let mut opened = packet.clone();
        assert_eq!(open(&key, side, &mut opened), Ok(token), "{name}");
        let plain = opened[HEADER_BYTES..].to_vec();
        for backend in [Backend::Portable, Backend::best()] {
            let mut data = packet[HEADER_BYTES..].to_vec();
            let large = backend.decrypt(key.parts(side), &case.array("msg_key"), &mut data);
            assert!(
                data == plain && cipher::msg_key(&large) == case.array("msg_key"),
                "{name}, {}",
                backend.name()
            );
            let large = backend.encrypt(key.parts(side), &mut data);
            assert!(
                data == packet[HEADER_BYTES..] && cipher::msg_key(&large) == case.array("msg_key"),
                "{name}"
            );
        }
        let mut opened = packet.clone();
        let message = message::open_from(&key, side, &mut opened).expect("authentic");
        assert_eq!(
            (message.salt, message.session_id),
            (Salt(case.number("salt")), SessionId(case.number("session_id")))
        );
        assert_eq!(
            (message.msg_id, message.seq_no),
            (MsgId(case.number("msg_id")), case.number("seq_no")),
            "{name}"
        );
        assert_eq!(opened[message.body.clone()], body, "{name}");
        assert_eq!(message.token, token, "{name}");
        assert_eq!(opened[message.body.end..], case.bytes("padding"), "{name}");

        // And back: the same dice make the same packet.
        let throws = [&case.number::<u64>("blocks_more").to_le_bytes()[..], &case.bytes("padding")].concat();
        let mut dice = Script::new(&[&throws]);
        let head = message::Head {
            salt: message.salt,
            session_id: message.session_id,
            msg_id: message.msg_id,
            seq_no: message.seq_no,
        };
        let sealed = message::seal(&key, side, head, body.len(), |out| out.put_slice(&body), &mut dice);
        assert!(dice.is_over() && sealed == packet, "{name}");
        let mut sealed = BytesMut::zeroed(HEADER_BYTES);
        sealed.put_slice(&plain[..plain.len() - case.bytes("padding").len()]);
        seal(&key, side, &mut sealed, &mut Script::new(&[&throws]));
        assert_eq!(sealed, packet, "{name}");
    }
}

// proves: REC-3
#[test]
fn who_holds_the_key_keeps_to_whole_blocks_and_the_least_length() {
    let key = FullAuthKey::new([0x3c; 256]).kept();
    for (bytes, fine) in [(80, true), (84, false), (92, false), (48, true), (32, false), (16, false)] {
        let mut data = vec![0x11; bytes];
        let large = Backend::Portable.encrypt(key.parts(Side::Client), &mut data);
        let mut packet = [&key.id().0.to_le_bytes()[..], &cipher::msg_key(&large), &data].concat();
        assert_eq!(open(&key, Side::Client, &mut packet).is_ok(), fine, "{bytes} bytes");
    }
}

// proves: PFS-3
#[test]
fn vectors_of_bind_auth_key_inner() {
    for case in cases("bind.txt", 4) {
        let perm = case.key().kept();
        let inner = BindInner {
            msg_id: MsgId(case.number("msg_id")),
            nonce: case.number("nonce"),
            temp_auth_key_id: AuthKeyId::from_long(case.number("temp_auth_key_id")),
            perm_auth_key_id: perm.id(),
            temp_session_id: SessionId(case.number("temp_session_id")),
            expires_at: case.number("expires_at"),
        };
        let sealed = case.bytes("encrypted_message");
        assert_eq!(open_bind_message(&perm, &sealed), Ok(inner), "{}", case.name);
        let mut dice = Script::new(&[&case.bytes("random")]);
        assert_eq!(seal_bind_message(&perm, &inner, &mut dice), sealed, "{}", case.name);
    }
}

// proves: TR-14, TR-15
#[test]
fn vectors_of_obfuscation() {
    for case in cases("obfuscation.txt", 9) {
        let mut dice = Script::new(&[&case.bytes("drawn")]);
        let (header, mut client) = Obfuscation::dial(case.framing(), case.number("dc"), &mut dice);
        assert_eq!(header, case.array("header"), "{}", case.name);
        let mut server = Obfuscation::accept(&header).expect("a header that names a framing");
        assert_eq!((server.framing, server.dc_label), (case.framing(), case.number("dc")), "{}", case.name);
        let server = &mut server.obfuscation;
        let way = |text: &str,
                   obfuscated: &str,
                   send: &mut dyn FnMut(&mut [u8]),
                   receive: &mut dyn FnMut(&mut [u8])| {
            let mut bytes = case.bytes(text);
            // In two pieces: the streams go on where they were.
            let (one, two) = bytes.split_at_mut(7);
            send(one);
            send(two);
            assert_eq!(bytes, case.bytes(obfuscated), "{}, {text}", case.name);
            receive(&mut bytes);
            assert_eq!(bytes, case.bytes(text), "{}, {text}", case.name);
        };
        way("sent", "sent_obfuscated", &mut |b| client.send(b), &mut |b| server.receive(b));
        way("received", "received_obfuscated", &mut |b| server.send(b), &mut |b| client.receive(b));
    }
}

// proves: TR-4, TR-5, TR-6, TR-7, TR-8
#[test]
fn vectors_of_framing() {
    for case in cases("framing.txt", 68) {
        let (framing, stream, name) = (case.framing(), case.bytes("stream"), &case.name);
        let (mut sent, mut dice) =
            (BytesMut::new(), Script::new(&[&case.bytes("padding"), &case.bytes("padding")]));
        if case.fields.contains_key("token") {
            let token = QuickAckToken(case.number("token"));
            Framer::new(framing, Side::Server).send_quick_ack(token, &mut dice, &mut sent);
            assert_eq!(sent, stream, "{name}");
            let mut frames = Vec::new();
            Framer::new(framing, Side::Client).receive(&stream, &mut frames).expect("whole");
            assert!(matches!(frames[..], [Frame::QuickAck(got)] if got == token), "{name}");
            continue;
        }
        let (packet, ask) = (case.bytes("packet"), case.number::<u8>("ask") == 1);
        let (mut client, mut server) =
            (Framer::new(framing, Side::Client), Framer::new(framing, Side::Server));
        let rounds = if framing == Framing::Full { 2 } else { 1 };
        for _ in 0..rounds {
            client.send(&packet, ask, &mut dice, &mut sent);
        }
        assert_eq!(sent, stream, "{name}");
        let mut frames = Vec::new();
        for piece in stream.chunks(5) {
            server.receive(piece, &mut frames).expect("an honest stream");
        }
        assert_eq!(frames.len(), rounds, "{name}");
        for frame in frames {
            let Frame::Packet { data, quick_ack } = frame else { panic!("{name}: {frame:?}") };
            assert!(data.starts_with(&packet) && data.len() - packet.len() < 4, "{name}");
            assert_eq!(quick_ack, ask, "{name}");
        }
    }
}

#[test]
fn vectors_of_websocket() {
    for case in cases("websocket.txt", 6) {
        let (length, seed) = (case.number::<usize>("length"), case.bytes("seed"));
        let payload: Vec<u8> = seed.iter().copied().cycle().take(length).collect();
        let mut frame = BytesMut::new();
        let mut dice = Script::new(&[&case.bytes("mask")]);
        websocket::send_as_client(Kind::Binary, true, &payload, &mut dice, &mut frame);
        assert_eq!(sha256(&[&frame]), case.array("client_sha256"), "{}", case.name);
        assert!(frame.starts_with(&case.bytes("client_head")), "{}", case.name);
        let mut read = Vec::new();
        let mut reader = websocket::Reader::new(Side::Client);
        let shown = reader.receive(&mut frame, &mut Vec::new(), |bytes| {
            read.extend_from_slice(bytes);
            Ok(())
        });
        assert!(shown.is_ok() && read == payload, "{}", case.name);

        let (head, used) = websocket::server_head(Kind::Binary, length);
        assert_eq!(head[10 - used..], case.bytes("server_head"), "{}", case.name);
        let mut frame = [&head[10 - used..], &payload].concat();
        let mut read = Vec::new();
        let mut reader = websocket::Reader::new(Side::Server);
        let shown = reader.receive(&mut frame, &mut Vec::new(), |bytes| {
            read.extend_from_slice(bytes);
            Ok(())
        });
        assert!(shown.is_ok() && read == payload, "{}", case.name);
    }
}

/// The files are what the program beside them computes; where there is no Python, the last word is the file's.
#[test]
fn the_vectors_are_what_their_program_computes() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol-spec/vectors/make.py");
    match std::process::Command::new("python3").arg(program).arg("--check").output() {
        Ok(done) => assert!(done.status.success(), "{done:?}"),
        Err(error) => eprintln!("not compared with their program: python3: {error}"),
    }
}
