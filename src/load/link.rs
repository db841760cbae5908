//! One connection of a client: a socket, its framing, and the session on it.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use mtproto::client::{Exchange, NewKey, Next, PublicKey, Transport, TransportOptions};
use mtproto::handshake::Padding;
use mtproto::session::client::{ClientSession, Heard, Ticket};
use mtproto::wire::framing::{Frame, Framing};
use mtproto::{AuthKey, Salt, SessionId};
use tl::{Encode, Layer, Method, functions, service};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::error::{LoadError, Result};
use crate::limits;
use crate::world::{RealDice, now, with_env};

thread_local! {
    /// The read buffer of all connections of this thread. Nothing is awaited while it is borrowed.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; limits::READ_BYTES]);
}

/// The layer that the generator speaks.
pub(crate) const LAYER: Layer = Layer::NEWEST;

/// The transport of most clients of a plain port: the shortest head.
pub(crate) const PLAIN: TransportOptions =
    TransportOptions { framing: Framing::Abridged, obfuscated: None, websocket: false };

/// One connection.
pub(crate) struct Link {
    stream: TcpStream,
    transport: Transport,
    frames: Vec<Frame>,
    session: Option<ClientSession>,
    auth: Option<AuthKey>,
    introduced: bool,
    /// Bytes given to TCP and taken from it, since they were last asked for.
    sent: u64,
    received: u64,
}

/// A query that was refused: the text of the `rpc_error`.
pub(crate) fn refusal(body: &[u8]) -> Option<String> {
    if !body.starts_with(&service::RpcError::ID.to_le_bytes()) {
        return None;
    }
    Some(tl::read::<service::RpcError>(body).map_or_else(|e| format!("{e:?}"), |e| e.error_message))
}

impl Link {
    pub(crate) async fn connect(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.map_err(|e| LoadError::about(addr, e))?;
        stream.set_nodelay(true)?;
        let (transport, first) = Transport::new(PLAIN, &mut RealDice);
        let mut link = Self {
            stream,
            transport,
            frames: Vec::new(),
            session: None,
            auth: None,
            introduced: false,
            sent: 0,
            received: 0,
        };
        link.write(&first).await?;
        Ok(link)
    }

    /// Makes a permanent key.
    pub(crate) async fn make_key(&mut self, key: &PublicKey) -> Result<NewKey> {
        let mut exchange = Exchange::new(key.clone(), Padding::RsaPad, now(), &mut RealDice);
        let mut packet = exchange.begin();
        loop {
            self.send(&packet).await?;
            let answer = self.packet().await?;
            match exchange.receive(&answer, &mut RealDice)? {
                Next::Send(next) => packet = next,
                Next::Made(made) => return Ok(made),
            }
        }
    }

    /// Begins to make a key: to the server's first answer, or (`deep`) to its second one, which costs it a computation.
    pub(crate) async fn half_open(&mut self, key: &PublicKey, deep: bool) -> Result<Exchange> {
        let mut exchange = Exchange::new(key.clone(), Padding::RsaPad, now(), &mut RealDice);
        self.send(&exchange.begin()).await?;
        let answer = self.packet().await?;
        if deep {
            if let Next::Send(packet) = exchange.receive(&answer, &mut RealDice)? {
                self.send(&packet).await?;
            }
            self.packet().await?;
        }
        Ok(exchange)
    }

    /// Ends what [`Self::half_open`] began, with a number that was drawn once for all: the server has its second
    /// computation, and the client none.
    pub(crate) async fn end_cheaply(&mut self, mut exchange: Exchange, g_b: &[u8]) -> Result<()> {
        let query = exchange.with_g_b(g_b, &mut RealDice);
        let packet = exchange.packet(&query);
        self.send(&packet).await?;
        self.packet().await.map(drop)
    }

    /// Makes a permanent key, with the arithmetic on another thread, and forgets it: bytes sent and received.
    pub(crate) async fn make_key_aside(mut self, key: &PublicKey) -> Result<(u64, u64)> {
        let mut exchange = Exchange::new(key.clone(), Padding::RsaPad, now(), &mut RealDice);
        let mut packet = exchange.begin();
        loop {
            self.send(&packet).await?;
            let answer = self.packet().await?;
            let step = move || {
                let next = exchange.receive(&answer, &mut RealDice);
                (exchange, next)
            };
            let (back, next) = tokio::task::spawn_blocking(step).await.map_err(LoadError::new)?;
            exchange = back;
            match next? {
                Next::Send(next) => packet = next,
                Next::Made(_) => return Ok(self.carried()),
            }
        }
    }

    /// Begins a session under a key.
    pub(crate) fn begin(&mut self, key: AuthKey, salt: Salt) {
        let id = SessionId(i64::from_le_bytes(env::bytes(&mut RealDice)));
        self.auth = Some(key.clone());
        self.session = Some(ClientSession::new(key, id, salt));
        self.introduced = false;
    }

    /// The key of the session.
    pub(crate) fn key(&self) -> Option<AuthKey> {
        self.auth.clone()
    }

    fn session(&mut self) -> Result<&mut ClientSession> {
        self.session.as_mut().ok_or_else(|| LoadError::new("no session was begun"))
    }

    /// Makes a query; it leaves with the next [`Self::flush`]. The first one of a connection says who calls.
    pub(crate) fn call(&mut self, body: Bytes) -> Result<Ticket> {
        let body = if self.introduced { body } else { introduced(&body) };
        self.introduced = true;
        Ok(self.session()?.call(now(), body))
    }

    /// Says something that is no query; it leaves with the next [`Self::flush`].
    pub(crate) fn say(&mut self, body: &impl Encode) -> Result<()> {
        self.session()?.say(body, true);
        Ok(())
    }

    /// Sends what there is to send, in one packet.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        // Nothing is repeated but what the server refused for its salt: a stream loses nothing.
        match with_env(|env| session.packet(env, limits::DURATION_MAX)) {
            Some(packet) => self.send(&packet).await,
            None => Ok(()),
        }
    }

    /// Asks one thing and waits for its answer. What else is heard meanwhile is dropped.
    pub(crate) async fn ask<M: Method>(&mut self, query: &M) -> Result<M::Return> {
        let body = self.ask_raw(tl::write(query, LAYER).into(), M::NAME).await?;
        tl::read(&body).map_err(|e| LoadError::about(M::NAME, format_args!("{e:?}")))
    }

    /// As [`Self::ask`], with the answer unread.
    pub(crate) async fn ask_raw(&mut self, query: Bytes, name: &str) -> Result<Bytes> {
        let ticket = self.call(query)?;
        let answer = tokio::time::timeout(limits::PATIENCE, self.answer(ticket));
        let body = answer.await.map_err(|_| LoadError::about(name, "not answered in time"))??;
        match refusal(&body) {
            Some(why) => Err(LoadError::about(name, why)),
            None => Ok(body),
        }
    }

    /// Waits for the answer to a query, which may be a refusal. What else is heard meanwhile is dropped.
    pub(crate) async fn answer(&mut self, ticket: Ticket) -> Result<Bytes> {
        let mut heard = Vec::new();
        loop {
            self.flush().await?;
            self.read(&mut heard).await?;
            for heard in heard.drain(..) {
                if let Heard::Reply { to, body } = heard
                    && to == ticket
                {
                    return Ok(body);
                }
            }
        }
    }

    /// Waits until something comes, and reads what there is. May be dropped before it is done.
    pub(crate) async fn read(&mut self, heard: &mut Vec<Heard>) -> Result<()> {
        self.read_frames().await?;
        for frame in std::mem::take(&mut self.frames) {
            let Frame::Packet { mut data, .. } = frame else { continue };
            if let Some(code) = transport_error(&data) {
                return Err(LoadError::new(format_args!("the server refused with {code}")));
            }
            let session = self.session()?;
            let said = session
                .receive(now(), &mut data)
                .map_err(|_| LoadError::new("the server sent a packet that does not open"))?;
            heard.extend(said);
        }
        Ok(())
    }

    /// The next packet, without a session.
    pub(crate) async fn packet(&mut self) -> Result<BytesMut> {
        loop {
            if !self.frames.is_empty()
                && let Frame::Packet { data, .. } = self.frames.remove(0)
            {
                return match transport_error(&data) {
                    Some(code) => Err(LoadError::new(format_args!("the server refused with {code}"))),
                    None => Ok(data),
                };
            }
            self.read_frames().await?;
        }
    }

    async fn read_frames(&mut self) -> Result<()> {
        loop {
            self.stream.readable().await?;
            let read = READ.with_borrow_mut(|buffer| {
                let n = self.stream.try_read(buffer)?;
                let bytes = buffer.get_mut(..n).unwrap_or_default();
                let cut = self.transport.receive(bytes, &mut self.frames);
                Ok::<_, io::Error>((n, cut))
            });
            match read {
                Ok((0, _)) => return Err(LoadError::new("the server closed the connection")),
                Ok((n, cut)) => {
                    self.received += n as u64;
                    return cut.map_err(|e| LoadError::about("framing", e));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Sends a packet as it is.
    pub(crate) async fn send(&mut self, packet: &[u8]) -> Result<()> {
        let bytes = self.transport.send(packet, false, &mut RealDice);
        self.write(&bytes).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.sent += bytes.len() as u64;
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Bytes sent and received since this was last asked.
    pub(crate) fn carried(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.sent), std::mem::take(&mut self.received))
    }
}

fn transport_error(packet: &[u8]) -> Option<i32> {
    let code = i32::from_le_bytes(*packet.first_chunk()?);
    (code < 0 && packet.len() < 20).then_some(code)
}

/// A query inside of who asks it.
fn introduced(query: &[u8]) -> Bytes {
    let layer = functions::InvokeWithLayer { layer: i32::from(LAYER.0) };
    let who = functions::InitConnection {
        api_id: 1,
        device_model: "chappe bench".to_owned(),
        system_version: "1".to_owned(),
        app_version: env!("CARGO_PKG_VERSION").to_owned(),
        system_lang_code: "en".to_owned(),
        lang_code: "en".to_owned(),
        ..Default::default()
    };
    [tl::write(&layer, LAYER), tl::write(&who, LAYER), query.to_vec()].concat().into()
}
