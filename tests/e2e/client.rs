//! A client over a real socket: the client's side of the transports and of the key exchange, and one session.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use chappe::Server;
use gateway::world::{SystemDice, now};
use mtproto::client::{Exchange, Next, PublicKey, Transport, TransportOptions};
use mtproto::crypto::{self, AuthKey, HEADER_BYTES, Side};
use mtproto::handshake::Padding;
use mtproto::wire::framing::{Frame, Framing};
use mtproto::{AuthKeyId, MsgId};
use tl::{Layer, service};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub struct Client {
    pub stream: TcpStream,
    transport: Transport,
    frames: Vec<Frame>,
    /// How many bytes go out at once, with a pause behind them; everything if zero.
    pub dribble: usize,
}

/// A key and one session of it, which outlives its connections.
pub struct Session {
    pub key: AuthKey,
    pub session_id: i64,
    pub salt: i64,
    last_msg_id: i64,
    content_messages: u32,
}

/// The plainest transport.
pub const PLAIN: TransportOptions =
    TransportOptions { framing: Framing::Intermediate, obfuscated: None, websocket: false };

impl Client {
    pub async fn connect(addr: SocketAddr, options: TransportOptions) -> Self {
        let mut stream = TcpStream::connect(addr).await.expect("the server listens");
        let (transport, first) = Transport::new(options, &mut SystemDice);
        stream.write_all(&first).await.expect("written");
        let mut client = Self { stream, transport, frames: Vec::new(), dribble: 0 };
        if options.websocket {
            // The first packet may go out only behind the server's answer to the upgrade.
            client.read_once().await.expect("an answer to the upgrade");
        }
        client
    }

    /// A connection over HTTP.
    pub async fn connect_http(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.expect("the server listens");
        Self { stream, transport: Transport::http(), frames: Vec::new(), dribble: 0 }
    }

    /// Makes a permanent key with one of the server's RSA keys.
    pub async fn make_key(&mut self, server: &Server, padding: Padding) -> Session {
        self.make(server, padding, None).await
    }

    /// Makes a temporary key that may live so many seconds.
    pub async fn make_temp_key(&mut self, server: &Server, seconds: i32) -> Session {
        self.make(server, Padding::RsaPad, Some(seconds)).await
    }

    async fn make(&mut self, server: &Server, padding: Padding, expires_in: Option<i32>) -> Session {
        let rsa = match padding {
            Padding::RsaPad => &server.keys().pad,
            Padding::Legacy => &server.keys().legacy,
        };
        let mut exchange = Exchange::new(PublicKey::from(rsa), padding, now(), &mut SystemDice);
        exchange.expires_in = expires_in;
        let mut packet = exchange.begin();
        loop {
            self.send(&packet).await;
            let answer = self.packet().await.expect("an answer");
            match exchange.receive(&answer, &mut SystemDice).expect("an honest server") {
                Next::Send(next) => packet = next,
                Next::Made(made) => return Session::new(made.key, made.salt.0),
            }
        }
    }

    pub async fn send(&mut self, packet: &[u8]) {
        let bytes = self.transport.send(packet, false, &mut SystemDice);
        self.send_raw(&bytes).await;
    }

    /// Sends several packets with one write.
    pub async fn send_together(&mut self, packets: &[BytesMut]) {
        let mut bytes = Vec::new();
        for packet in packets {
            bytes.extend_from_slice(&self.transport.send(packet, false, &mut SystemDice));
        }
        self.send_raw(&bytes).await;
    }

    pub async fn send_raw(&mut self, bytes: &[u8]) {
        if self.dribble == 0 {
            return self.stream.write_all(bytes).await.expect("written");
        }
        for piece in bytes.chunks(self.dribble) {
            self.stream.write_all(piece).await.expect("written");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The next packet; nothing once the server has closed the connection.
    pub async fn packet(&mut self) -> Option<BytesMut> {
        loop {
            if !self.frames.is_empty()
                && let Frame::Packet { data, .. } = self.frames.remove(0)
            {
                return Some(data);
            }
            self.read_once().await?;
        }
    }

    /// What the server says next, as text.
    pub async fn text(&mut self) -> String {
        let mut buffer = vec![0; 64 * 1024];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer));
        let n = read.await.expect("something comes in time").expect("it stays open");
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    }

    async fn read_once(&mut self) -> Option<()> {
        let mut buffer = vec![0; 64 * 1024];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer));
        match read.await.expect("something comes in time") {
            Ok(0) | Err(_) => None,
            Ok(n) => {
                self.transport.receive(&mut buffer[..n], &mut self.frames).expect("an honest server");
                Some(())
            }
        }
    }

    /// Whether nothing at all comes for `time`.
    pub async fn is_silent_for(&mut self, time: Duration) -> bool {
        let mut buffer = [0; 1];
        tokio::time::timeout(time, self.stream.peek(&mut buffer)).await.is_err()
    }

    /// Whether the server closes the connection within `time`.
    pub async fn is_closed_within(&mut self, time: Duration) -> bool {
        let mut buffer = [0; 1024];
        let closed = async { while matches!(self.stream.read(&mut buffer).await, Ok(n) if n > 0) {} };
        tokio::time::timeout(time, closed).await.is_ok()
    }
}

/// The transport error that a packet is, if it is one.
pub fn transport_error(packet: &[u8]) -> Option<i32> {
    let code = i32::from_le_bytes(*packet.first_chunk()?);
    (code < 0 && packet.len() < 20).then_some(code)
}

impl Session {
    pub fn new(key: AuthKey, salt: i64) -> Self {
        let session_id = i64::from_le_bytes(env::bytes(&mut SystemDice));
        Self { key, session_id, salt, last_msg_id: 0, content_messages: 0 }
    }

    /// A key that no server knows.
    pub fn stranger() -> Self {
        Self::new(AuthKey::from_stored(AuthKeyId(0x1234_5678_9abc_def0), [7; crypto::STORED_KEY_BYTES]), 1)
    }

    /// The name of the next message, for a query that has to say it itself.
    pub fn next_msg_id(&mut self) -> i64 {
        self.last_msg_id = MsgId::at(now()).0.max(self.last_msg_id + 4);
        self.last_msg_id
    }

    /// `query` as a packet, and its msg_id.
    pub fn seal(&mut self, query: &impl tl::Encode) -> (i64, BytesMut) {
        let msg_id = self.next_msg_id();
        (msg_id, self.seal_as(msg_id, query))
    }

    /// `query` as a packet that is named `msg_id`.
    pub fn seal_as(&mut self, msg_id: i64, query: &impl tl::Encode) -> BytesMut {
        let seq_no = self.content_messages * 2 + 1;
        self.content_messages += 1;
        self.seal_body(msg_id, seq_no, &tl::write(query, Layer::NEWEST))
    }

    /// `bodies`, all of them queries, in one container; the names of the messages in it.
    pub fn seal_container(&mut self, bodies: &[Vec<u8>]) -> (Vec<i64>, BytesMut) {
        let mut container = BytesMut::new();
        container.put_u32_le(service::MsgContainer::ID);
        container.put_u32_le(u32::try_from(bodies.len()).expect("few"));
        let mut names = Vec::with_capacity(bodies.len());
        for body in bodies {
            let msg_id = self.next_msg_id();
            names.push(msg_id);
            container.put_i64_le(msg_id);
            container.put_u32_le(self.content_messages * 2 + 1);
            self.content_messages += 1;
            container.put_u32_le(u32::try_from(body.len()).expect("short"));
            container.put_slice(body);
        }
        let msg_id = self.next_msg_id();
        let packet = self.seal_body(msg_id, self.content_messages * 2, &container);
        (names, packet)
    }

    fn seal_body(&self, msg_id: i64, seq_no: u32, body: &[u8]) -> BytesMut {
        let mut packet = BytesMut::new();
        packet.put_bytes(0, HEADER_BYTES);
        packet.put_i64_le(self.salt);
        packet.put_i64_le(self.session_id);
        packet.put_i64_le(msg_id);
        packet.put_u32_le(seq_no);
        packet.put_u32_le(u32::try_from(body.len()).expect("short"));
        packet.put_slice(body);
        crypto::seal(&self.key, Side::Client, &mut packet, &mut SystemDice);
        packet
    }

    /// The messages of a packet of the server, containers taken apart: ids and bodies.
    pub fn open(&self, mut packet: BytesMut) -> Vec<(i64, Vec<u8>)> {
        // What padded framing adds is less than a block.
        packet.truncate(packet.len() - (packet.len() - HEADER_BYTES) % 16);
        crypto::open(&self.key, Side::Server, &mut packet).expect("sealed with our key");
        let plain = &packet[HEADER_BYTES..];
        let long = |at: usize| i64::from_le_bytes(*plain[at..].first_chunk().expect("a long"));
        assert_eq!(long(8), self.session_id, "a message of another session");
        let length = usize::try_from(u32::from_le_bytes(*plain[28..].first_chunk().expect("a length")))
            .expect("short");
        let mut out = Vec::new();
        let mut waiting = VecDeque::from([(long(16), plain[32..32 + length].to_vec())]);
        while let Some((id, body)) = waiting.pop_front() {
            let mut rest = match body.strip_prefix(&service::MsgContainer::ID.to_le_bytes()) {
                Some(inner) => &inner[4..],
                None => {
                    out.push((id, body));
                    continue;
                }
            };
            while let Some((head, behind)) = rest.split_first_chunk::<16>() {
                let id = i64::from_le_bytes(*head.first_chunk().expect("an id"));
                let length = u32::from_le_bytes(*head.last_chunk().expect("a length")) as usize;
                waiting.push_back((id, behind[..length].to_vec()));
                rest = &behind[length..];
            }
        }
        out
    }

    /// Sends `query` over `client` and waits for the first message that `wanted` picks out.
    pub async fn ask<T>(
        &mut self,
        client: &mut Client,
        query: &impl tl::Encode,
        wanted: impl Fn(i64, &[u8]) -> Option<T>,
    ) -> T {
        let (msg_id, packet) = self.seal(query);
        client.send(&packet).await;
        self.wait(client, |body| wanted(msg_id, body)).await
    }

    /// Waits for the first message that `wanted` picks out.
    pub async fn wait<T>(&mut self, client: &mut Client, wanted: impl Fn(&[u8]) -> Option<T>) -> T {
        loop {
            let packet = client.packet().await.expect("the connection stays open");
            assert_eq!(transport_error(&packet), None);
            for (_, body) in self.open(packet) {
                if let Some(found) = wanted(&body) {
                    return found;
                }
            }
        }
    }

    /// Pings and waits for the pong.
    pub async fn ping(&mut self, client: &mut Client) {
        let ping = service::Ping { ping_id: 0x0123_4567_89ab_cdef };
        self.ask(client, &ping, |msg_id, body| {
            let pong: service::Pong = tl::read(body).ok()?;
            assert_eq!((pong.msg_id, pong.ping_id), (msg_id, 0x0123_4567_89ab_cdef));
            Some(())
        })
        .await;
    }

    /// Calls a method and gives the body of its `rpc_result`, unpacked.
    pub async fn call(&mut self, client: &mut Client, query: &impl tl::Encode) -> Vec<u8> {
        let msg_id = self.next_msg_id();
        self.call_as(client, msg_id, query).await
    }

    /// As [`Self::call`], with a query that is named `msg_id`.
    pub async fn call_as(&mut self, client: &mut Client, msg_id: i64, query: &impl tl::Encode) -> Vec<u8> {
        let packet = self.seal_as(msg_id, query);
        client.send(&packet).await;
        self.wait(client, |body| {
            let result = body.strip_prefix(&service::RpcResult::ID.to_le_bytes())?;
            let (id, result) = result.split_first_chunk()?;
            (i64::from_le_bytes(*id) == msg_id).then(|| unpacked(result))
        })
        .await
    }
}

fn unpacked(result: &[u8]) -> Vec<u8> {
    let mut reader = tl::Reader::new(result);
    if result.starts_with(&service::GzipPacked::ID.to_le_bytes()) {
        let packed: service::GzipPacked = tl::Decode::decode(&mut reader).expect("packed");
        return mtproto::session::gzip::inflate(&packed.packed_data).expect("unpacks").to_vec();
    }
    result.to_vec()
}
