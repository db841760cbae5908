//! The few words of other protocols that the comparison needs, by our own hand: each client library brings a task, a queue
//! and a reconnect of its own, and would be measured instead of the server.
//!
//! MQTT 3.1.1 (OASIS), the NATS client protocol (docs.nats.io), XMPP (RFC 6120, 6121) with SASL ANONYMOUS.

use std::net::SocketAddr;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::drive::stamp;
use crate::error::{LoadError, Result};
use crate::limits;
use crate::measure::Nanos;

/// Room for what is read at once.
const READ_BYTES: usize = 16 * 1024;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Bytes come back as they went.
    Raw,
    /// MQTT with QoS 1: acknowledged to the sender, and by the receiver.
    Mqtt,
    /// NATS: nothing is acknowledged.
    Nats,
    /// XMPP: nothing is acknowledged.
    Xmpp,
}

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A message came, due at that moment.
    Message(Nanos),
    /// A message of ours was acknowledged.
    Acknowledged,
}

/// One client.
pub(super) struct Client {
    stream: TcpStream,
    dialect: Dialect,
    came: BytesMut,
    out: Vec<u8>,
    /// The address of this client, once the server has given it one (XMPP).
    pub(super) address: String,
    /// Bytes sent and received.
    pub(super) carried: (u64, u64),
}

impl Client {
    /// Connects as the `n`th, and hears what is sent to `topics`.
    pub(super) async fn connect(
        addr: SocketAddr,
        dialect: Dialect,
        n: usize,
        topics: &[String],
    ) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.map_err(|e| LoadError::about(addr, e))?;
        stream.set_nodelay(true)?;
        let (came, out, address) = (BytesMut::new(), Vec::new(), String::new());
        let mut client = Self { stream, dialect, came, out, address, carried: (0, 0) };
        let hello = client.hello(n, topics);
        tokio::time::timeout(limits::PATIENCE, hello)
            .await
            .map_err(|_| LoadError::about(addr, format_args!("no answer to {dialect:?}")))??;
        client.carried = (0, 0);
        Ok(client)
    }

    async fn hello(&mut self, n: usize, topics: &[String]) -> Result<()> {
        match self.dialect {
            Dialect::Raw => {}
            Dialect::Mqtt => {
                let id = format!("bench{n}");
                let mut connect = b"\x00\x04MQTT\x04\x02\x00\x00".to_vec();
                text(&mut connect, &id);
                self.out.extend(packet(0x10, &connect));
                self.flush().await?;
                self.until(|came| came.len() >= 4).await?;
                self.came.advance(4);
                for topic in topics {
                    let mut subscribe = vec![0, 1];
                    text(&mut subscribe, topic);
                    subscribe.push(1);
                    self.out.extend(packet(0x82, &subscribe));
                    self.flush().await?;
                    self.until(|came| came.len() >= 5).await?;
                    self.came.advance(5);
                }
            }
            Dialect::Nats => {
                self.until(|came| came.ends_with(b"\r\n")).await?;
                self.came.clear();
                self.out.extend_from_slice(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
                for topic in topics {
                    self.out.extend_from_slice(format!("SUB {topic} 1\r\n").as_bytes());
                }
                self.out.extend_from_slice(b"PING\r\n");
                self.flush().await?;
                self.until(|came| came.ends_with(b"PONG\r\n")).await?;
                self.came.clear();
            }
            Dialect::Xmpp => {
                let open = "<stream:stream to='localhost' xmlns='jabber:client' \
                    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
                self.say(&format!("<?xml version='1.0'?>{open}"), "</stream:features>").await?;
                let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
                self.say(auth, "<success").await?;
                self.say(&format!("<?xml version='1.0'?>{open}"), "</stream:features>").await?;
                let bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
                let answer = self.say(bind, "</iq>").await?;
                let jid = answer.split_once("<jid>").and_then(|(_, rest)| rest.split_once("</jid>"));
                self.address = jid.map(|(jid, _)| jid.to_owned()).ok_or_else(|| LoadError::new("no JID"))?;
                self.out.extend_from_slice(b"<presence/>");
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Says `what` and waits until `end` was heard; gives everything that was.
    async fn say(&mut self, what: &str, end: &str) -> Result<String> {
        self.out.extend_from_slice(what.as_bytes());
        self.flush().await?;
        self.until(|came| find(came, end.as_bytes()).is_some()).await?;
        let heard = String::from_utf8_lossy(&self.came).into_owned();
        self.came.clear();
        Ok(heard)
    }

    async fn until(&mut self, enough: impl Fn(&[u8]) -> bool) -> Result<()> {
        while !enough(&self.came) {
            self.fill().await?;
        }
        Ok(())
    }

    async fn fill(&mut self) -> Result<()> {
        // Several messages in one read, where they came together.
        self.came.reserve(READ_BYTES);
        let n = self.stream.read_buf(&mut self.came).await?;
        self.carried.1 += n as u64;
        if n == 0 { Err(LoadError::new("the server closed the connection")) } else { Ok(()) }
    }

    /// Has `message` sent to `topic`; it leaves with the next [`Self::flush`].
    pub(super) fn put(&mut self, topic: &str, message: &str) {
        match self.dialect {
            Dialect::Raw => self.out.extend_from_slice(message.as_bytes()),
            Dialect::Mqtt => {
                let mut publish = Vec::new();
                text(&mut publish, topic);
                // One is under way at a time, so that one packet identifier is enough.
                publish.extend_from_slice(&[0, 1]);
                publish.extend_from_slice(message.as_bytes());
                self.out.extend(packet(0x32, &publish));
            }
            Dialect::Nats => {
                self.out
                    .extend_from_slice(format!("PUB {topic} {}\r\n{message}\r\n", message.len()).as_bytes());
            }
            Dialect::Xmpp => self.out.extend_from_slice(
                format!("<message to='{topic}' type='chat'><body>{message}</body></message>").as_bytes(),
            ),
        }
    }

    /// Waits for something, and answers what has to be answered at once.
    pub(super) async fn hear(&mut self, events: &mut Vec<Event>) -> Result<()> {
        self.fill().await?;
        while self.cut(events) {}
        self.flush().await
    }

    /// Takes one thing out of what came; false if none is whole.
    fn cut(&mut self, events: &mut Vec<Event>) -> bool {
        match self.dialect {
            Dialect::Raw => {
                // Every text has the same length, and begins with its stamp.
                let whole = self.came.len() >= super::TEXT_BYTES;
                if whole {
                    let message = self.came.split_to(super::TEXT_BYTES);
                    events.extend(stamp::find(&message).map(Event::Message));
                }
                whole
            }
            Dialect::Mqtt => {
                let Some((head, body)) = mqtt_packet(&self.came) else { return false };
                let first = self.came.first().copied().unwrap_or(0);
                let packet = self.came.split_to(head + body).split_off(head);
                match first >> 4 {
                    3 => {
                        events.extend(stamp::find(&packet).map(Event::Message));
                        let topic = packet.first_chunk().map_or(0, |n| usize::from(u16::from_be_bytes(*n)));
                        if let Some(id) = packet.get(2 + topic..4 + topic) {
                            self.out.extend_from_slice(&[0x40, 2]);
                            self.out.extend_from_slice(id);
                        }
                    }
                    4 => events.push(Event::Acknowledged),
                    _ => {}
                }
                true
            }
            Dialect::Nats => {
                let Some(line) = find(&self.came, b"\r\n") else { return false };
                let words = String::from_utf8_lossy(self.came.get(..line).unwrap_or_default()).into_owned();
                if words.starts_with("MSG") {
                    let bytes: usize = words.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
                    let total = line + 2 + bytes + 2;
                    if self.came.len() < total {
                        return false;
                    }
                    let message = self.came.split_to(total);
                    events.extend(stamp::find(&message).map(Event::Message));
                } else {
                    if words.starts_with("PING") {
                        self.out.extend_from_slice(b"PONG\r\n");
                    }
                    self.came.advance(line + 2);
                }
                true
            }
            Dialect::Xmpp => {
                const END: &[u8] = b"</message>";
                let Some(at) = find(&self.came, END) else {
                    // Nothing but presence of our own comes between.
                    return false;
                };
                let stanza = self.came.split_to(at + END.len());
                events.extend(stamp::find(&stanza).map(Event::Message));
                true
            }
        }
    }

    /// Sends what there is to send, in one write.
    pub(super) async fn flush(&mut self) -> Result<()> {
        if !self.out.is_empty() {
            self.carried.0 += self.out.len() as u64;
            self.stream.write_all(&self.out).await?;
            self.out.clear();
        }
        Ok(())
    }
}

/// Where `wanted` begins.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// A string of MQTT: its length, and it.
fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// A packet of MQTT: its kind, the length in groups of seven bits, and its body.
fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    let mut left = body.len();
    loop {
        let byte = u8::try_from(left & 0x7f).unwrap_or(0);
        left >>= 7;
        out.push(if left > 0 { byte | 0x80 } else { byte });
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

/// Lengths of head and body of the packet in front, if it is whole.
fn mqtt_packet(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0_usize;
    for (n, byte) in bytes.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return (bytes.len() >= 2 + n + length).then_some((2 + n, length));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mqtt_packet_is_found_when_it_is_whole() {
        let whole = packet(0x32, &[7; 300]);
        assert_eq!(mqtt_packet(&whole), Some((3, 300)));
        assert_eq!(mqtt_packet(&whole[..200]), None);
        assert_eq!(mqtt_packet(&[0x40]), None);
        assert_eq!(mqtt_packet(&[0x40, 0]), Some((2, 0)));
    }
}
