//! The one thing done over HTTP: becoming a WebSocket. (Packets in the bodies of requests will be handled here too.)

use base64ct::{Base64, Encoding as _};

use crate::crypto::hash::sha1;
use crate::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_MAX};

/// Where clients open a WebSocket; the test network and premium accounts have suffixes.
const PATHS: [&str; 4] = ["/apiws", "/apiws_test", "/apiws_premium", "/apiws_test_premium"];

/// What RFC 6455 hashes together with the client's key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Pages of any origin may speak to the server: nothing here depends on cookies.
const ANY_ORIGIN: &str = "Access-Control-Allow-Origin: *\r\n";

/// What is to be done about the beginning of an HTTP request.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The head is not complete yet.
    Wait,
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

/// Answers the request that begins with `bytes`.
#[must_use]
pub fn answer(bytes: &[u8]) -> Answer {
    let mut headers = [httparse::EMPTY_HEADER; HTTP_HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let head_bytes = match request.parse(bytes) {
        Ok(httparse::Status::Complete(head_bytes)) if head_bytes <= HTTP_HEAD_BYTES_MAX => head_bytes,
        Ok(httparse::Status::Partial) if bytes.len() < HTTP_HEAD_BYTES_MAX => return Answer::Wait,
        Ok(_) => return refuse("431 Request Header Fields Too Large"),
        Err(_) => return refuse("400 Bad Request"),
    };
    let path = request.path.unwrap_or_default().split('?').next().unwrap_or_default();
    let known = PATHS.contains(&path.trim_end_matches('/'));
    match (known, request.method) {
        (false, _) => refuse("404 Not Found"),
        (true, Some("OPTIONS")) => Answer::Refuse(format!(
            "HTTP/1.1 204 No Content\r\n{ANY_ORIGIN}Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n\
             Access-Control-Allow-Headers: Content-Type\r\nAccess-Control-Max-Age: 86400\r\nConnection: close\r\n\r\n"
        )),
        (true, Some("GET")) => upgrade(&request, head_bytes),
        (true, _) => refuse("405 Method Not Allowed"),
    }
}

fn upgrade(request: &httparse::Request<'_, '_>, head_bytes: usize) -> Answer {
    // spec: TR-16
    let says = |name: &str, word: &str| {
        let lines = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let mut words = lines.flat_map(|header| header.value.split(|byte| *byte == b','));
        words.any(|value| value.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    };
    let key = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("Sec-WebSocket-Key"));
    let Some(key) = key.map(|header| header.value.trim_ascii()).filter(|key| key.len() == 24) else {
        return refuse("426 Upgrade Required");
    };
    if !says("Upgrade", "websocket") || !says("Connection", "upgrade") || !says("Sec-WebSocket-Version", "13")
    {
        return refuse("426 Upgrade Required");
    }
    if !says("Sec-WebSocket-Protocol", "binary") {
        return refuse("400 Bad Request");
    }
    let accept = Base64::encode_string(&sha1(&[key, GUID]));
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: binary\r\n{ANY_ORIGIN}\r\n"
    );
    Answer::Upgrade { response, head_bytes }
}

fn refuse(status: &str) -> Answer {
    let upgrade =
        if status.starts_with("426") { "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" } else { "" };
    Answer::Refuse(format!(
        "HTTP/1.1 {status}\r\n{ANY_ORIGIN}{upgrade}Content-Length: 0\r\nConnection: close\r\n\r\n"
    ))
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
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "404");
        assert_eq!(status("POST /apiws HTTP/1.1\r\n\r\n"), "405");
        assert_eq!(status("OPTIONS /apiws HTTP/1.1\r\n\r\n"), "204");
        assert_eq!(status("GET /apiws HTTP/1.1\r\n\r\n"), "426");
        assert_eq!(status(&request("/apiws", "text")), "400");
        assert_eq!(status("GET \u{1}\r\n"), "400");
        assert_eq!(status(&format!("GET /{} ", "a".repeat(HTTP_HEAD_BYTES_MAX))), "431");
    }
}
