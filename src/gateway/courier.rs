//! The way of a login code to a person who has no other device.

use std::io::{self, Write as _};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

/// How long one delivery may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How codes travel; from the settings.
#[derive(Debug, Clone)]
pub enum Courier {
    /// One line on standard output.
    Console,
    /// Nowhere: a simulation knows its codes.
    #[cfg(feature = "simulation")]
    Nobody,
    /// A program with its arguments; the number and the code are added as the last two.
    Command(Vec<String>),
    /// A POST of `{"phone": "...", "code": "..."}`.
    Http {
        /// Host and port.
        authority: String,
        /// The path, with its leading slash.
        path: String,
    },
}

impl Courier {
    /// The courier that posts to `url`, which must begin with `http://`.
    #[must_use]
    pub fn http(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let printable = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        if host.is_empty() || !printable(rest) {
            return None;
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { host.to_owned() } else { format!("{host}:80") };
        Some(Self::Http { authority, path: if path.is_empty() { "/".to_owned() } else { path.to_owned() } })
    }

    /// Delivers `code` to `phone`.
    ///
    /// # Errors
    /// When it did not get there; the job that it is will be tried again.
    pub async fn deliver(&self, phone: &str, code: &str) -> io::Result<()> {
        // Digits only, so that neither a program nor a JSON reader can be led astray.
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(phone) || !digits(code) {
            return Err(io::Error::other("a phone number or a code is not all digits"));
        }
        tokio::time::timeout(PATIENCE, self.carry(phone, code)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn carry(&self, phone: &str, code: &str) -> io::Result<()> {
        match self {
            #[cfg(feature = "simulation")]
            Self::Nobody => Ok(()),
            Self::Console => {
                let mut out = io::stdout().lock();
                writeln!(out, "login code for {phone}: {code}")?;
                out.flush()
            }
            Self::Command(words) => {
                let (program, args) = words.split_first().ok_or_else(|| io::Error::other("no program"))?;
                let status = Command::new(program)
                    .args(args)
                    .args([phone, code])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .kill_on_drop(true)
                    .status()
                    .await?;
                if status.success() {
                    Ok(())
                } else {
                    Err(io::Error::other(format!("the program said {status}")))
                }
            }
            Self::Http { authority, path } => {
                let body = format!(r#"{{"phone":"{phone}","code":"{code}"}}"#);
                let request = format!(
                    "POST {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\n\
                     Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let mut stream = TcpStream::connect(authority).await?;
                stream.write_all(request.as_bytes()).await?;
                let mut status = [0; 12];
                stream.read_exact(&mut status).await?;
                match &status {
                    [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', b'2', _, _] => Ok(()),
                    _ => Err(io::Error::other("the other side did not take it")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let http = |url| match Courier::http(url) {
            Some(Courier::Http { authority, path }) => Some((authority, path)),
            _ => None,
        };
        assert_eq!(
            http("http://sms.local/send?x=1"),
            Some(("sms.local:80".to_owned(), "/send?x=1".to_owned()))
        );
        assert_eq!(http("http://[::1]:8080"), Some(("[::1]:8080".to_owned(), "/".to_owned())));
        assert_eq!(http("https://sms.local/"), None);
        assert_eq!(http("http://sms.local/a b"), None);
    }

    #[tokio::test]
    async fn a_program_gets_number_and_code_and_its_failure_is_noticed() {
        let program = |text: &str| Courier::Command(["sh", "-c", text, "sh"].map(str::to_owned).to_vec());
        program(r#"test "$1 $2" = "99966 12345""#).deliver("99966", "12345").await.expect("delivered");
        assert!(program("exit 3").deliver("99966", "12345").await.is_err());
        assert!(program("true").deliver("99966; rm", "12345").await.is_err());
    }

    #[tokio::test]
    async fn a_post_carries_json() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/code", listener.local_addr().expect("its address"));
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a visitor");
            let mut request = vec![0; 1024];
            let mut n = 0;
            while !request[..n].ends_with(b"}") {
                n += stream.read(&mut request[n..]).await.expect("bytes");
            }
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("answered");
            String::from_utf8(request[..n].to_vec()).expect("text")
        });
        Courier::http(&url).expect("an address").deliver("99966", "12345").await.expect("delivered");
        let request = server.await.expect("served");
        assert!(request.starts_with("POST /code HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with(r#"{"phone":"99966","code":"12345"}"#), "{request}");
    }
}
