//! What HTTP says around a packet: heads of requests, and the responses to them. Where a connection stands between them
//! is in [`requests`](super::requests).

use base64ct::{Base64, Encoding as _};

use crate::crypto::hash::sha1;
use crate::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_MAX, PACKET_BYTES_MAX};

/// Where clients open a WebSocket; the test network and premium accounts have suffixes.
const WEBSOCKET_PATHS: [&str; 4] = ["/apiws", "/apiws_test", "/apiws_premium", "/apiws_test_premium"];

/// Where clients post packets: the plain address, the one for web pages, the same with the number of the version that web
/// clients put behind it, and the suffixes.
const PACKET_PATHS: [&str; 8] = [
    "/api",
    "/apiw",
    "/apiw1",
    "/api_test",
    "/apiw_test",
    "/apiw_test1",
    "/apiw_premium",
    "/apiw_test_premium",
];

/// What RFC 6455 hashes together with the client's key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Pages of any origin may speak to the server: nothing here depends on cookies.
const ANY_ORIGIN: &str = "Access-Control-Allow-Origin: *\r\n";

/// Says that a body may come.
pub const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// What is to be done about the beginning of an HTTP request.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The head is not complete yet.
    Wait,
    /// A packet follows.
    Packet(Post),
    /// Send this; the next request may follow the first `head_bytes`, unless it is the `last`.
    Reply {
        /// The response.
        response: String,
        /// Length of the request's head.
        head_bytes: usize,
        /// Whether the connection ends behind it.
        last: bool,
    },
    /// Send this; what follows the first `head_bytes` are WebSocket frames.
    Upgrade {
        /// The response.
        response: String,
        /// Length of the request's head.
        head_bytes: usize,
    },
    /// Send this and close.
    Refuse(String),
}

/// The head of a request whose body is a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Post {
    /// Its own length, in bytes.
    pub head_bytes: usize,
    /// Length of the packet, at most [`PACKET_BYTES_MAX`].
    pub body_bytes: usize,
    /// Whether the client waits for [`CONTINUE`].
    pub expects_continue: bool,
    /// Whether the connection ends behind the response.
    pub last: bool,
}

/// Answers the request that begins with `bytes`.
#[must_use]
pub fn answer(bytes: &[u8]) -> Answer {
    let mut headers = [httparse::EMPTY_HEADER; HTTP_HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let head_bytes = match request.parse(bytes) {
        Ok(httparse::Status::Complete(head_bytes)) if head_bytes <= HTTP_HEAD_BYTES_MAX => head_bytes,
        Ok(httparse::Status::Partial) if bytes.len() < HTTP_HEAD_BYTES_MAX => return Answer::Wait,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return refuse("431 Request Header Fields Too Large");
        }
        Err(_) => return refuse("400 Bad Request"),
    };
    // Whoever stands in front of us might end a line elsewhere.
    // spec: TR-25
    if has_lone_line_feed(bytes.get(..head_bytes).unwrap_or_default()) {
        return refuse("400 Bad Request");
    }
    // spec: TR-27
    if !names_host(&request) {
        return refuse("400 Bad Request");
    }
    let path = path_of(request.path.unwrap_or_default());
    let is_websocket = WEBSOCKET_PATHS.contains(&path);
    // spec: TR-24
    if !is_websocket && !PACKET_PATHS.contains(&path) {
        return refuse("404 Not Found");
    }
    match request.method {
        Some("OPTIONS") => match body_bytes(&request) {
            Ok(None | Some(0)) => {
                let last = is_last(&request);
                Answer::Reply { response: preflight(last), head_bytes, last }
            }
            _ => refuse("400 Bad Request"),
        },
        Some("GET") if is_websocket => upgrade(&request, head_bytes),
        Some("POST") if !is_websocket => post(&request, head_bytes),
        _ => refuse("405 Method Not Allowed"),
    }
}

/// The answer to a page that asks what it may send.
fn preflight(last: bool) -> String {
    let end = if last { "Connection: close\r\n" } else { "" };
    format!(
        "HTTP/1.1 204 No Content\r\n{ANY_ORIGIN}Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n\
         Access-Control-Allow-Headers: Content-Type\r\nAccess-Control-Max-Age: 86400\r\n{end}\r\n"
    )
}

/// The path that a request names, without the query and without the authority that a proxy may name before it.
fn path_of(target: &str) -> &str {
    // TDLib writes the scheme in capitals.
    let local = match target.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => {
            rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
        }
        _ => target,
    };
    local.split('?').next().unwrap_or_default().trim_end_matches('/')
}

fn has_lone_line_feed(head: &[u8]) -> bool {
    head.first() == Some(&b'\n') || head.windows(2).any(|pair| pair.ends_with(b"\n") && pair != b"\r\n")
}

fn values<'a>(
    request: &'a httparse::Request<'_, '_>,
    name: &'a str,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let named = request.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    named.map(|header| header.value.trim_ascii())
}

/// Whether a header that lists words lists this one.
fn says(request: &httparse::Request<'_, '_>, name: &str, word: &str) -> bool {
    let mut words = values(request, name).flat_map(|value| value.split(|byte| *byte == b','));
    words.any(|value| value.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

fn is_last(request: &httparse::Request<'_, '_>) -> bool {
    let keeps = request.version == Some(1) || says(request, "Connection", "keep-alive");
    !keeps || says(request, "Connection", "close")
}

/// Whether a request names its host as RFC 9112 3.2 asks for: once, or not at all before HTTP/1.1. TDLib leaves the name empty,
/// which is a name.
fn names_host(request: &httparse::Request<'_, '_>) -> bool {
    let mut hosts = values(request, "Host");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.iter().all(|byte| is_of_host(*byte)),
        (Some(_), Some(_)) => false,
        (None, _) => request.version == Some(0),
    }
}

/// Whether a byte may stand in a host and its port: those of RFC 3986 3.2.2, and the colon.
const fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b':'
                | b'['
                | b']'
                | b'%'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        )
}

/// The length that the head announces, if it does; an error if there is more than one way to read it.
fn body_bytes(request: &httparse::Request<'_, '_>) -> Result<Option<usize>, ()> {
    // spec: TR-25
    if values(request, "Transfer-Encoding").next().is_some() {
        return Err(());
    }
    let mut lengths = values(request, "Content-Length");
    let Some(length) = lengths.next() else { return Ok(None) };
    let digits = !length.is_empty() && length.len() <= 18 && length.iter().all(u8::is_ascii_digit);
    if !digits || lengths.next().is_some() {
        return Err(());
    }
    let text = std::str::from_utf8(length).map_err(|_| ())?;
    text.parse().map(Some).map_err(|_| ())
}

fn post(request: &httparse::Request<'_, '_>, head_bytes: usize) -> Answer {
    if values(request, "Transfer-Encoding").next().is_some() {
        return refuse("411 Length Required");
    }
    let body_bytes = match body_bytes(request) {
        Ok(Some(bytes)) if bytes > PACKET_BYTES_MAX => return refuse("413 Content Too Large"),
        Ok(Some(bytes)) => bytes,
        Ok(None) => return refuse("411 Length Required"),
        Err(()) => return refuse("400 Bad Request"),
    };
    let expects_continue = says(request, "Expect", "100-continue");
    if !expects_continue && values(request, "Expect").next().is_some() {
        return refuse("417 Expectation Failed");
    }
    Answer::Packet(Post { head_bytes, body_bytes, expects_continue, last: is_last(request) })
}

fn upgrade(request: &httparse::Request<'_, '_>, head_bytes: usize) -> Answer {
    // spec: TR-16
    let Some(key) = values(request, "Sec-WebSocket-Key").next().filter(|key| key.len() == 24) else {
        return refuse("426 Upgrade Required");
    };
    let asks = says(request, "Upgrade", "websocket") && says(request, "Connection", "upgrade");
    if !asks || !says(request, "Sec-WebSocket-Version", "13") {
        return refuse("426 Upgrade Required");
    }
    if !says(request, "Sec-WebSocket-Protocol", "binary") {
        return refuse("400 Bad Request");
    }
    let accept = Base64::encode_string(&sha1(&[key, GUID]));
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: binary\r\n{ANY_ORIGIN}\r\n"
    );
    Answer::Upgrade { response, head_bytes }
}

/// The head of a response whose body is a packet of so many bytes.
#[must_use]
pub fn packet_head(body_bytes: usize, last: bool) -> String {
    let connection = if last { "close" } else { "keep-alive" };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {body_bytes}\r\n\
         {ANY_ORIGIN}Cache-Control: no-store\r\nConnection: {connection}\r\n\r\n"
    )
}

/// The response that says `status` and ends the connection.
#[must_use]
pub fn refusal(status: &str) -> String {
    let upgrade =
        if status.starts_with("426") { "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" } else { "" };
    let allow = if status.starts_with("405") { "Allow: GET, POST, OPTIONS\r\n" } else { "" };
    format!("HTTP/1.1 {status}\r\n{ANY_ORIGIN}{upgrade}{allow}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

fn refuse(status: &str) -> Answer {
    Answer::Refuse(refusal(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, protocol: &str) -> String {
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {protocol}\r\n\r\n"
        )
    }

    // proves: TR-16
    #[test]
    fn an_upgrade_is_answered_as_rfc_6455_says() {
        for path in ["/apiws", "/apiws_test", "/apiws_premium", "/apiws?x=1", "/apiws/"] {
            let request = request(path, "binary");
            assert_eq!(answer(&request.as_bytes()[..request.len() - 1]), Answer::Wait);
            let Answer::Upgrade { response, head_bytes } = answer(format!("{request}more").as_bytes()) else {
                panic!("{path} was refused");
            };
            assert_eq!(head_bytes, request.len());
            // The example of RFC 6455, section 1.3.
            assert!(
                response.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
                "{response}"
            );
            assert!(response.contains("Sec-WebSocket-Protocol: binary\r\n"));
            assert!(!response.contains("Extensions") && response.ends_with("\r\n\r\n"));
        }
    }

    #[test]
    fn everything_else_is_a_short_answer_and_the_end() {
        let status = |request: &str| match answer(request.as_bytes()) {
            Answer::Refuse(response) => response.get(9..12).unwrap_or_default().to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(status("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "404");
        assert_eq!(status("POST /apiws HTTP/1.1\r\nHost: a\r\n\r\n"), "405");
        assert_eq!(status("GET /apiw1 HTTP/1.1\r\nHost: a\r\n\r\n"), "405");
        assert_eq!(status("GET /apiws HTTP/1.1\r\nHost: a\r\n\r\n"), "426");
        assert_eq!(status(&request("/apiws", "text")), "400");
        assert_eq!(status("GET \u{1}\r\n"), "400");
        assert_eq!(status(&format!("GET /{} ", "a".repeat(HTTP_HEAD_BYTES_MAX))), "431");
    }

    fn post_head(path: &str, lines: &str) -> String {
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
    }

    // proves: TR-24
    #[test]
    fn packets_are_posted_where_clients_post_them() {
        let head = |path: &str| post_head(path, "Content-Length: 40\r\n");
        let proxied = ["http://localhost:80/api", "HTTP://127.0.0.1:80/api"];
        for path in ["/api", "/apiw", "/apiw1", "/apiw_test1", "/apiw1?x", "/api/"].into_iter().chain(proxied)
        {
            let head = head(path);
            assert_eq!(answer(&head.as_bytes()[..head.len() - 1]), Answer::Wait);
            let post = Post { head_bytes: head.len(), body_bytes: 40, expects_continue: false, last: false };
            assert_eq!(answer(format!("{head}more").as_bytes()), Answer::Packet(post), "{path}");
        }
        for path in [
            "/",
            "/apis",
            "/apiw2",
            "/API",
            "/api/x",
            "//api",
            "http://localhost",
            "ftp://localhost/api",
            "*",
        ] {
            let answer = answer(head(path).as_bytes());
            assert!(matches!(&answer, Answer::Refuse(said) if said.contains(" 404 ")), "{path}: {answer:?}");
        }
    }

    // proves: TR-24
    #[test]
    fn a_page_of_any_origin_may_post() {
        for path in ["/apiw1", "/api", "/apiws"] {
            let head = format!(
                "OPTIONS {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://web.example\r\n\
                 Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n"
            );
            let Answer::Reply { response, head_bytes, last } = answer(head.as_bytes()) else {
                panic!("{path} was refused");
            };
            assert_eq!((head_bytes, last), (head.len(), false));
            assert!(response.starts_with("HTTP/1.1 204 ") && response.ends_with("\r\n\r\n"));
            assert!(response.contains("Access-Control-Allow-Origin: *\r\n"));
            assert!(response.contains("Access-Control-Allow-Headers: Content-Type\r\n"));
        }
        assert!(packet_head(8, false).contains("Access-Control-Allow-Origin: *\r\n"));
    }

    // proves: TR-25
    #[test]
    fn a_length_has_one_reading_or_none() {
        let status = |lines: &str| match answer(post_head("/api", lines).as_bytes()) {
            Answer::Packet(post) => format!("{}", post.body_bytes),
            Answer::Refuse(response) => response.get(9..12).unwrap_or_default().to_owned(),
            other => panic!("{other:?}"),
        };
        for (lines, expected) in [
            ("Content-Length: 40\r\n", "40"),
            ("content-length:   0040  \r\n", "40"),
            ("Content-Length: 1056768\r\n", "1056768"),
            ("Content-Length: 1056769\r\n", "413"),
            ("Content-Length: 99999999999999999\r\n", "413"),
            ("Content-Length: 18446744073709551656\r\n", "400"),
            ("", "411"),
            ("Content-Length: 40\r\nContent-Length: 40\r\n", "400"),
            ("Content-Length: 40, 40\r\n", "400"),
            ("Content-Length: +40\r\n", "400"),
            ("Content-Length: -40\r\n", "400"),
            ("Content-Length: 0x28\r\n", "400"),
            ("Content-Length: 4 0\r\n", "400"),
            ("Content-Length:\r\n", "400"),
            ("Content-Length : 40\r\n", "400"),
            ("Transfer-Encoding: chunked\r\n", "411"),
            ("Transfer-Encoding: chunked\r\nContent-Length: 40\r\n", "411"),
            ("Content-Length: 40\r\nTransfer-Encoding: identity\r\n", "411"),
            ("Content-Length: 40\nX: y\r\n", "400"),
            ("X: y\r\n Content-Length: 40\r\n", "400"),
            ("Content-Length: 40\r\nExpect: 200-ok\r\n", "417"),
        ] {
            assert_eq!(status(lines), expected, "{lines:?}");
        }
    }

    // proves: TR-27
    #[test]
    fn a_request_names_its_host_once() {
        let is_taken = |version: &str, hosts: &str| {
            let post = format!("POST /api HTTP/{version}\r\n{hosts}Content-Length: 40\r\n\r\n");
            let preflight = format!("OPTIONS /apiw1 HTTP/{version}\r\n{hosts}\r\n");
            let upgrade = request("/apiws", "binary")
                .replace("Host: localhost\r\n", hosts)
                .replace("/1.1", &format!("/{version}"));
            let [post, preflight, upgrade] =
                [post, preflight, upgrade].map(|head| match answer(head.as_bytes()) {
                    Answer::Packet(_) | Answer::Reply { .. } | Answer::Upgrade { .. } => true,
                    Answer::Refuse(said) if said.starts_with("HTTP/1.1 400 ") => false,
                    other => panic!("{head:?}: {other:?}"),
                });
            assert!(post == preflight && post == upgrade, "{hosts:?}");
            post
        };
        for hosts in
            ["Host: a\r\n", "host:127.0.0.1:443\r\n", "HOST: [::1]:80\r\n", "Host:\r\n", "Host:  \r\n"]
        {
            assert!(is_taken("1.1", hosts) && is_taken("1.0", hosts), "{hosts:?}");
        }
        for hosts in [
            "Host: a\r\nHost: b\r\n",
            "Host: a\r\nX: y\r\nhost: a\r\n",
            "Host: a b\r\n",
            "Host: a/b\r\n",
            "Host: u@a\r\n",
        ] {
            assert!(!is_taken("1.1", hosts) && !is_taken("1.0", hosts), "{hosts:?}");
        }
        assert!(!is_taken("1.1", "") && is_taken("1.0", ""));
    }

    #[test]
    fn who_wants_the_end_says_so() {
        let last = |head: &str| match answer(head.as_bytes()) {
            Answer::Packet(post) => post.last,
            other => panic!("{other:?}"),
        };
        assert!(!last(&post_head("/api", "Content-Length: 40\r\nConnection: keep-alive\r\n")));
        assert!(last(&post_head("/api", "Content-Length: 40\r\nConnection: Close\r\n")));
        assert!(last("POST /api HTTP/1.0\r\nContent-Length: 40\r\n\r\n"));
        assert!(!last("POST /api HTTP/1.0\r\nContent-Length: 40\r\nConnection: keep-alive\r\n\r\n"));
    }
}
