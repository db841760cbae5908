//! An HTTP connection from request to request: one packet in each, one packet in each response.
//!
//! A request stays open until the session has something to say to it. What the client sends behind it meanwhile waits,
//! bounded; it is read once the response has left, so that responses keep the order of their requests.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::http::{self, Answer, Post};
use super::{Frame, Received};
use crate::connection::Packet;
use crate::error::{PeerMisbehaved, TransportError};
use crate::limits::{HTTP_HEAD_BYTES_MAX, HTTP_PIPELINED_BYTES_MAX, PLAIN_PACKET_BYTES_MAX};

/// The server's end of an HTTP connection.
#[derive(Debug, Default)]
pub struct Requests {
    /// The head under way; behind an open request, what follows it.
    buffer: BytesMut,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// Between requests, or in a head.
    #[default]
    Head,
    /// In the body of a request.
    Body { packet: BytesMut, bytes: usize, last: bool },
    /// A request waits for its response.
    Open { last: bool },
    /// The last response has been written.
    Over,
}

impl Requests {
    /// Takes bytes that follow those before. What a client says behind an upgrade to WebSocket is given back.
    ///
    /// # Errors
    ///
    /// What the peer did wrong, or that it wants the end; `received` has what is still to be said.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        received: &mut Received,
    ) -> Result<Option<BytesMut>, PeerMisbehaved> {
        let waiting;
        let mut bytes = bytes;
        // What waited behind the request before comes first.
        if matches!(self.state, State::Head) && !self.buffer.is_empty() {
            self.buffer.extend_from_slice(bytes);
            waiting = std::mem::take(&mut self.buffer);
            bytes = &waiting;
        }
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Over => return Ok(None),
                State::Open { .. } => {
                    // spec: TR-26
                    if self.buffer.len() + bytes.len() > HTTP_PIPELINED_BYTES_MAX {
                        self.state = State::Over;
                        return refuse(&http::refusal("429 Too Many Requests"), received);
                    }
                    self.buffer.extend_from_slice(bytes);
                    return Ok(None);
                }
                State::Body { packet, bytes: length, .. } => {
                    let missing = *length - packet.len();
                    let (mine, rest) = bytes.split_at(missing.min(bytes.len()));
                    packet.extend_from_slice(mine);
                    self.end_body(received)?;
                    rest
                }
                State::Head => match http::answer(bytes) {
                    Answer::Wait => {
                        self.buffer = BytesMut::from(bytes);
                        return Ok(None);
                    }
                    Answer::Packet(Post { head_bytes, body_bytes, expects_continue, last }) => {
                        let rest = bytes.get(head_bytes..).unwrap_or_default();
                        if expects_continue && rest.is_empty() {
                            received.replies.put_slice(http::CONTINUE.as_bytes());
                        }
                        self.state = State::Body { packet: BytesMut::new(), bytes: body_bytes, last };
                        if body_bytes == 0 {
                            self.end_body(received)?;
                        }
                        rest
                    }
                    Answer::Reply { response, head_bytes, last } => {
                        received.replies.put_slice(response.as_bytes());
                        if last {
                            self.state = State::Over;
                            return Err(PeerMisbehaved::EndedHttp);
                        }
                        bytes.get(head_bytes..).unwrap_or_default()
                    }
                    Answer::Upgrade { response, head_bytes } => {
                        received.replies.put_slice(response.as_bytes());
                        return Ok(Some(BytesMut::from(bytes.get(head_bytes..).unwrap_or_default())));
                    }
                    Answer::Refuse(response) => {
                        self.state = State::Over;
                        return refuse(&response, received);
                    }
                },
            };
        }
        Ok(None)
    }

    /// Passes the packet on if it is whole, and refuses it as soon as it shows to be too long.
    fn end_body(&mut self, received: &mut Received) -> Result<(), PeerMisbehaved> {
        let State::Body { packet, bytes, last } = &mut self.state else { return Ok(()) };
        if *bytes > PLAIN_PACKET_BYTES_MAX && packet.starts_with(&[0; 8]) {
            return Err(PeerMisbehaved::AnnouncedTooMuch);
        }
        if packet.len() == *bytes {
            let data = std::mem::take(packet);
            self.state = State::Open { last: *last };
            received.frames.push(Frame::Packet { data, quick_ack: false });
        }
        Ok(())
    }

    /// The response that carries `packet`; nothing if no request waits for one.
    pub fn send(&mut self, packet: &Packet) -> Option<Bytes> {
        match packet {
            Packet::Sealed(body) => self.respond(body),
            Packet::QuickAck(_) => None,
            Packet::Error(error) => {
                // spec: TR-23
                if matches!(self.state, State::Over) {
                    return None;
                }
                self.state = State::Over;
                Some(Bytes::from(http::refusal(status(*error))))
            }
        }
    }

    /// The response that carries `body`, which may be empty: then there is nothing to be said.
    pub fn respond(&mut self, body: &[u8]) -> Option<Bytes> {
        let State::Open { last } = self.state else { return None };
        self.state = if last { State::Over } else { State::Head };
        let head = http::packet_head(body.len(), last);
        let mut response = BytesMut::with_capacity(head.len() + body.len());
        response.put_slice(head.as_bytes());
        response.put_slice(body);
        Some(response.freeze())
    }

    /// Whether a request waits for its response.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether the last response has been written.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether the next request has begun to arrive behind one that is answered now.
    #[must_use]
    pub fn has_more(&self) -> bool {
        matches!(self.state, State::Head) && !self.buffer.is_empty()
    }

    /// Bytes that are kept.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        let body = if let State::Body { packet, .. } = &self.state { packet.len() } else { 0 };
        body + self.buffer.len()
    }

    /// The length of the request under way, as far as is known, in bytes; nothing between requests.
    #[must_use]
    pub fn announced_bytes(&self) -> Option<usize> {
        match &self.state {
            State::Body { bytes, .. } => Some(*bytes),
            State::Head if !self.buffer.is_empty() => Some(HTTP_HEAD_BYTES_MAX),
            State::Head | State::Open { .. } | State::Over => None,
        }
    }
}

/// The status that stands for a transport error.
const fn status(error: TransportError) -> &'static str {
    match error {
        TransportError::NotFound => "404 Not Found",
        TransportError::Flood => "429 Too Many Requests",
        TransportError::WrongDataCentre => "444 Wrong Data Centre",
    }
}

fn refuse<T>(response: &str, received: &mut Received) -> Result<T, PeerMisbehaved> {
    received.replies.put_slice(response.as_bytes());
    Err(PeerMisbehaved::AskedOverHttp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(lines: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n{lines}\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    /// What came out: packets, and what is said at once.
    fn feed(requests: &mut Requests, bytes: &[u8]) -> (Vec<Vec<u8>>, String, Option<PeerMisbehaved>) {
        let mut received = Received::default();
        let error = requests.receive(bytes, &mut received).err();
        let packets = received.frames.into_iter().map(|frame| match frame {
            Frame::Packet { data, .. } => data.to_vec(),
            Frame::QuickAck(_) => panic!("no client acks like that"),
        });
        (packets.collect(), String::from_utf8_lossy(&received.replies).into_owned(), error)
    }

    // proves: TR-26
    #[test]
    fn requests_are_answered_one_by_one_wherever_the_stream_is_cut() {
        let stream =
            [post("", &[1; 40]), post("", &[2; 44]), post("Connection: close\r\n", &[3; 48])].concat();
        for cut in 1..stream.len() {
            let mut requests = Requests::default();
            let mut heard = Vec::new();
            for piece in stream.chunks(cut) {
                heard.extend(feed(&mut requests, piece).0);
            }
            for n in [1_u8, 2, 3] {
                assert!(requests.is_open());
                assert_eq!(heard.last().and_then(|packet| packet.first()), Some(&n), "cut at {cut}");
                let response = requests.send(&Packet::Sealed(Bytes::from(vec![n; 8]))).expect("it is open");
                assert!(response.ends_with(&[n; 8]) && !requests.is_open());
                assert!(requests.respond(&[]).is_none(), "one response for one request");
                assert_eq!(requests.has_more(), n < 3);
                heard.extend(feed(&mut requests, &[]).0);
            }
            assert!(requests.is_over() && heard.len() == 3);
        }
    }

    // proves: TR-26
    #[test]
    fn what_waits_behind_a_request_is_bounded() {
        let mut requests = Requests::default();
        feed(&mut requests, &post("", &[1; 40]));
        assert_eq!(feed(&mut requests, &[7; HTTP_PIPELINED_BYTES_MAX]), (Vec::new(), String::new(), None));
        assert_eq!(requests.waiting_bytes(), HTTP_PIPELINED_BYTES_MAX);
        let (_, said, error) = feed(&mut requests, &[7]);
        assert!(said.starts_with("HTTP/1.1 429 "), "{said}");
        assert_eq!(error, Some(PeerMisbehaved::AskedOverHttp));
    }

    // proves: TR-22
    #[test]
    fn a_packet_without_a_key_is_short() {
        let announced = b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n";
        let mut requests = Requests::default();
        assert_eq!(feed(&mut requests, announced).2, None);
        assert_eq!(feed(&mut requests, &[0; 7]).2, None);
        assert_eq!(feed(&mut requests, &[0; 1]).2, Some(PeerMisbehaved::AnnouncedTooMuch));
        let said = requests.send(&Packet::Error(TransportError::NotFound)).expect("an answer");
        assert!(said.starts_with(b"HTTP/1.1 404 ") && requests.is_over());
        // With a key it may be long, and takes no memory before it comes.
        let mut requests = Requests::default();
        feed(&mut requests, b"POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 1056768\r\n\r\n\x01");
        assert_eq!((requests.announced_bytes(), requests.waiting_bytes()), (Some(1_056_768), 1));
    }

    // proves: TR-23
    #[test]
    fn a_transport_error_is_the_status() {
        for (error, expected) in [
            (TransportError::NotFound, "HTTP/1.1 404 "),
            (TransportError::Flood, "HTTP/1.1 429 "),
            (TransportError::WrongDataCentre, "HTTP/1.1 444 "),
        ] {
            let mut requests = Requests::default();
            feed(&mut requests, &post("", &[1; 40]));
            let said = requests.send(&Packet::Error(error)).expect("an answer");
            let said = std::str::from_utf8(&said).expect("text");
            assert!(said.starts_with(expected) && said.contains("Content-Length: 0\r\n"), "{said}");
            assert!(said.contains("Access-Control-Allow-Origin: *\r\n") && requests.is_over());
        }
    }

    #[test]
    fn who_waits_for_a_go_ahead_gets_it() {
        let mut requests = Requests::default();
        let whole = post("Expect: 100-continue\r\n", &[1; 40]);
        let (head, body) = whole.split_at(whole.len() - 40);
        assert_eq!(feed(&mut requests, head).1, http::CONTINUE);
        assert_eq!(feed(&mut requests, body).0.len(), 1);
        // Who did not wait needs none.
        assert_eq!(feed(&mut Requests::default(), &whole).1, "");
    }

    #[test]
    fn a_preflight_does_not_end_the_connection() {
        let mut requests = Requests::default();
        let (_, said, error) =
            feed(&mut requests, b"OPTIONS /apiw1 HTTP/1.1\r\nHost: a\r\nOrigin: x\r\n\r\n");
        assert!(said.starts_with("HTTP/1.1 204 ") && error.is_none());
        assert_eq!(feed(&mut requests, &post("", &[1; 40])).0.len(), 1);
    }
}
