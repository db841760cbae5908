//! Somebody at a client over a real socket whose server may die at any moment: whatever breaks is an answer, not a panic.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use gateway::world::{SystemDice, now};
use mtproto::client::{Exchange, Next, PublicKey, Transport, TransportOptions};
use mtproto::crypto::{self, AuthKey, HEADER_BYTES, Side};
use mtproto::handshake::Padding;
use mtproto::wire::framing::{Frame, Framing};
use mtproto::{MsgId, RsaKey};
use tl::{Layer, enums, functions, service, types};

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

const PLAIN: TransportOptions =
    TransportOptions { framing: Framing::Intermediate, obfuscated: None, websocket: false };

/// A key on which somebody is logged in.
#[derive(Clone)]
pub struct Login {
    key: AuthKey,
    /// Whose it is.
    pub user: i64,
    /// By what they name the others.
    pub hashes: HashMap<i64, i64>,
}

impl Login {
    /// The name of the key, as rows know it.
    pub fn key_id(&self) -> i64 {
        self.key.id().as_long()
    }
}

/// A connection and a session on it.
pub struct Talker {
    stream: TcpStream,
    transport: Transport,
    frames: Vec<Frame>,
    key: Option<AuthKey>,
    salt: i64,
    session_id: i64,
    last_msg_id: i64,
    content_messages: u32,
    /// Messages that came and nobody has asked for yet.
    results: HashMap<i64, Vec<u8>>,
}

fn gone(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, why.to_owned())
}

impl Talker {
    /// Connects, without a key.
    pub fn connect(addr: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let (transport, first) = Transport::new(PLAIN, &mut SystemDice);
        stream.write_all(&first)?;
        Ok(Self {
            stream,
            transport,
            frames: Vec::new(),
            key: None,
            salt: 0,
            session_id: i64::from_le_bytes(env::bytes(&mut SystemDice)),
            last_msg_id: 0,
            content_messages: 0,
            results: HashMap::new(),
        })
    }

    /// Connects with a key that was made before, and learns the salt of this run of the server.
    pub fn again(addr: SocketAddr, login: &Login) -> io::Result<Self> {
        let mut talker = Self::connect(addr)?;
        talker.key = Some(login.key.clone());
        talker.learn_salt()?;
        Ok(talker)
    }

    /// Makes a key and signs up with a test number.
    pub fn sign_up(addr: SocketAddr, keys: &RsaKey, phone: &str) -> io::Result<(Self, Login)> {
        let mut talker = Self::connect(addr)?;
        talker.make_key(keys)?;
        let send = functions::auth::SendCode {
            phone_number: phone.to_owned(),
            api_id: 1,
            api_hash: "hash".to_owned(),
            ..Default::default()
        };
        let hash = match talker.ask(&send)? {
            enums::auth::SentCode::SentCode(sent) => sent.phone_code_hash,
            other => panic!("no code was sent: {other:?}"),
        };
        let sign_in = functions::auth::SignIn {
            phone_number: phone.to_owned(),
            phone_code_hash: hash.clone(),
            phone_code: Some("11111".to_owned()),
            ..Default::default()
        };
        talker.ask::<_, enums::auth::Authorization>(&sign_in)?;
        let sign_up = functions::auth::SignUp {
            phone_number: phone.to_owned(),
            phone_code_hash: hash,
            first_name: "Somebody".to_owned(),
            ..Default::default()
        };
        let user = match talker.ask(&sign_up)? {
            enums::auth::Authorization::Authorization(types::auth::Authorization {
                user: enums::User::User(user),
                ..
            }) => user.id,
            other => panic!("not signed up: {other:?}"),
        };
        let key = talker.key.clone().expect("it was made");
        Ok((talker, Login { key, user, hashes: HashMap::new() }))
    }

    fn make_key(&mut self, keys: &RsaKey) -> io::Result<()> {
        let padding = Padding::RsaPad;
        let mut exchange = Exchange::new(PublicKey::from(keys), padding, now(), &mut SystemDice);
        let mut packet = exchange.begin();
        loop {
            self.write(&packet)?;
            let answer = self.packet()?;
            match exchange.receive(&answer, &mut SystemDice).expect("an honest server") {
                Next::Send(next) => packet = next,
                Next::Made(made) => {
                    (self.key, self.salt) = (Some(made.key), made.salt.0);
                    return Ok(());
                }
            }
        }
    }

    fn learn_salt(&mut self) -> io::Result<()> {
        let ping = service::Ping { ping_id: 7 };
        self.send(&ping)?;
        loop {
            for (_, body) in self.messages()? {
                if let Ok(bad) = tl::read::<service::BadServerSalt>(&body) {
                    self.salt = bad.new_server_salt;
                    self.send(&ping)?;
                } else if tl::read::<service::Pong>(&body).is_ok() {
                    return Ok(());
                }
            }
        }
    }

    fn write(&mut self, packet: &[u8]) -> io::Result<()> {
        let bytes = self.transport.send(packet, false, &mut SystemDice);
        self.stream.write_all(&bytes)
    }

    fn packet(&mut self) -> io::Result<BytesMut> {
        loop {
            while !self.frames.is_empty() {
                if let Frame::Packet { data, .. } = self.frames.remove(0) {
                    return Ok(data);
                }
            }
            let mut buffer = vec![0; 64 * 1024];
            let read = self.stream.read(&mut buffer)?;
            if read == 0 {
                return Err(gone("the server closed the connection"));
            }
            self.transport.receive(&mut buffer[..read], &mut self.frames).map_err(|_| gone("misbehaved"))?;
        }
    }

    /// Sends a query; gives its name.
    pub fn send(&mut self, query: &impl tl::Encode) -> io::Result<i64> {
        self.last_msg_id = MsgId::at(now()).0.max(self.last_msg_id + 4);
        let body = tl::write(query, Layer::OLDEST);
        let mut packet = BytesMut::new();
        packet.put_bytes(0, HEADER_BYTES);
        packet.put_i64_le(self.salt);
        packet.put_i64_le(self.session_id);
        packet.put_i64_le(self.last_msg_id);
        packet.put_u32_le(self.content_messages * 2 + 1);
        self.content_messages += 1;
        packet.put_u32_le(u32::try_from(body.len()).expect("short"));
        packet.put_slice(&body);
        crypto::seal(self.key.as_ref().expect("a key"), Side::Client, &mut packet, &mut SystemDice);
        self.write(&packet)?;
        Ok(self.last_msg_id)
    }

    /// The messages of the next packet, containers taken apart.
    fn messages(&mut self) -> io::Result<Vec<(i64, Vec<u8>)>> {
        let mut packet = self.packet()?;
        if packet.len() < HEADER_BYTES {
            return Err(gone("a transport error"));
        }
        let key = self.key.as_ref().expect("a key");
        crypto::open(key, Side::Server, &mut packet).map_err(|_| gone("sealed with another key"))?;
        let plain = &packet[HEADER_BYTES..];
        let id = i64::from_le_bytes(*plain[16..].first_chunk().expect("an id"));
        let length = u32::from_le_bytes(*plain[28..].first_chunk().expect("a length")) as usize;
        let mut out = Vec::new();
        take_apart(id, &plain[32..32 + length], &mut out);
        Ok(out)
    }

    /// Waits until a query is answered: its name and the body of its result.
    pub fn next_result(&mut self) -> io::Result<(i64, Vec<u8>)> {
        loop {
            if let Some(id) = self.results.keys().next().copied() {
                return Ok((id, self.results.remove(&id).unwrap_or_default()));
            }
            for (_, body) in self.messages()? {
                let Some(result) = body.strip_prefix(&service::RpcResult::ID.to_le_bytes()) else { continue };
                let Some((id, result)) = result.split_first_chunk() else { continue };
                self.results.insert(i64::from_le_bytes(*id), unpacked(result));
            }
        }
    }

    /// Calls a method; an error of it is an error with its name.
    pub fn ask<Q: tl::Encode, R: tl::Decode>(&mut self, query: &Q) -> io::Result<R> {
        let wanted = self.send(query)?;
        loop {
            let (id, body) = self.next_result()?;
            if id == wanted {
                return read(&body);
            }
        }
    }
}

/// What a result says.
pub fn read<R: tl::Decode>(body: &[u8]) -> io::Result<R> {
    if let Ok(error) = tl::read::<service::RpcError>(body) {
        return Err(io::Error::other(error.error_message));
    }
    tl::read(body).map_err(|error| io::Error::other(format!("{error:?}")))
}

fn take_apart(id: i64, body: &[u8], out: &mut Vec<(i64, Vec<u8>)>) {
    let Some(inner) = body.strip_prefix(&service::MsgContainer::ID.to_le_bytes()) else {
        out.push((id, body.to_vec()));
        return;
    };
    let mut rest = &inner[4..];
    while let Some((head, behind)) = rest.split_first_chunk::<16>() {
        let id = i64::from_le_bytes(*head.first_chunk().expect("an id"));
        let length = u32::from_le_bytes(*head.last_chunk().expect("a length")) as usize;
        take_apart(id, &behind[..length], out);
        rest = &behind[length..];
    }
}

fn unpacked(result: &[u8]) -> Vec<u8> {
    if result.starts_with(&service::GzipPacked::ID.to_le_bytes()) {
        let packed: service::GzipPacked = tl::read(result).expect("packed");
        return mtproto::session::gzip::inflate(&packed.packed_data).expect("unpacks").to_vec();
    }
    result.to_vec()
}

/// The server's key for `RSA_PAD`, from its data directory.
pub fn rsa_key(data: &Path) -> RsaKey {
    chappe::key_files::load_or_make(data).expect("the server has made its keys").pad
}
