//! The admin socket: how `chappe user ...` speaks to the running server.
//!
//! A Unix socket in the data directory that only its owner can open. One connection carries one request, a line of words
//! separated by tabs, and one answer: a line that is `ok` or says what is wrong, and behind an `ok` the text to print.

use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixListener;

/// How long a request may take to come and its answer to leave.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest request, in bytes.
const REQUEST_BYTES_MAX: u64 = 1024;

/// Requests answered at once.
const AT_ONCE_MAX: usize = 4;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// All accounts.
    List,
    /// A new account.
    Add {
        /// The phone number, digits only.
        phone: String,
        /// The first name.
        first_name: String,
        /// The last name, may be empty.
        last_name: String,
    },
    /// The login code that waits for a phone number.
    Code {
        /// The phone number, digits only.
        phone: String,
    },
}

impl Request {
    fn to_line(&self) -> String {
        // A tab or a line break in a name would be another word; nobody's name needs one.
        let clean = |word: &str| word.replace(['\t', '\n', '\r'], " ");
        match self {
            Self::List => "list\n".to_owned(),
            Self::Add { phone, first_name, last_name } => {
                format!("add\t{}\t{}\t{}\n", clean(phone), clean(first_name), clean(last_name))
            }
            Self::Code { phone } => format!("code\t{}\n", clean(phone)),
        }
    }

    fn from_line(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.trim_end_matches('\n').split('\t').collect();
        match *words.as_slice() {
            ["list"] => Some(Self::List),
            ["add", phone, first_name, last_name] => Some(Self::Add {
                phone: phone.to_owned(),
                first_name: first_name.to_owned(),
                last_name: last_name.to_owned(),
            }),
            ["code", phone] => Some(Self::Code { phone: phone.to_owned() }),
            _ => None,
        }
    }
}

/// Why an admin command failed. Prints as one line.
#[derive(Debug)]
pub enum AdminError {
    /// No server runs on this data directory.
    NotRunning(PathBuf),
    /// The socket cannot be used.
    Io(PathBuf, io::Error),
    /// The server says no, in its words.
    Refused(String),
}

impl std::fmt::Display for AdminError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotRunning(path) => {
                write!(f, "no server is running on this data directory ({})", path.display())
            }
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for AdminError {}

/// Where the socket of the data directory `data` is.
#[must_use]
pub fn socket(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// Asks the server that runs on the data directory `data`; gives the text to print.
///
/// # Errors
/// [`AdminError`] if there is none, or it refuses.
pub fn ask(data: &Path, request: &Request) -> Result<String, AdminError> {
    let path = socket(data);
    let mut stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Err(AdminError::NotRunning(path));
        }
        Err(e) => return Err(AdminError::Io(path, e)),
    };
    let mut answer = String::new();
    stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.write_all(request.to_line().as_bytes()))
        .and_then(|()| stream.read_to_string(&mut answer))
        .map_err(|e| AdminError::Io(path, e))?;
    match answer.split_once('\n') {
        Some(("ok", text)) => Ok(text.to_owned()),
        Some((why, _)) => Err(AdminError::Refused(why.to_owned())),
        None => Err(AdminError::Refused("the server gave no answer".to_owned())),
    }
}

/// Opens the socket. Nobody but its owner can ever connect to it: it is made inside of the keys' directory, which is
/// closed to others, and moved to its place when its mode is right.
///
/// # Errors
/// [`AdminError`] if it cannot be made.
pub fn listen(data: &Path) -> Result<UnixListener, AdminError> {
    let path = socket(data);
    let draft = crate::key_files::directory(data).join("admin.new");
    let open = || {
        match std::fs::remove_file(&draft) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(&draft)?;
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600))?;
        // Replaces the socket that a killed server left behind; the lock of the directory says that it is dead.
        std::fs::rename(&draft, &path)?;
        Ok(listener)
    };
    open().map_err(|e| AdminError::Io(path.clone(), e))
}

/// Answers requests with `answer` until it is dropped. `answer` may block; `Err` is the reason for a refusal.
pub async fn serve<F>(listener: UnixListener, answer: F)
where
    F: Fn(Request) -> Result<String, String> + Send + Sync + 'static,
{
    let answer = Arc::new(answer);
    let places = Arc::new(tokio::sync::Semaphore::new(AT_ONCE_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let answer = Arc::clone(&answer);
        tokio::spawn(async move {
            let served = tokio::time::timeout(PATIENCE, serve_one(stream, answer)).await;
            if !matches!(served, Ok(Ok(()))) {
                tracing::debug!("an admin request came to nothing");
            }
            drop(place);
        });
    }
}

async fn serve_one<F>(mut stream: tokio::net::UnixStream, answer: Arc<F>) -> io::Result<()>
where
    F: Fn(Request) -> Result<String, String> + Send + Sync + 'static,
{
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    BufReader::new(reader.take(REQUEST_BYTES_MAX)).read_line(&mut line).await?;
    let answered = match Request::from_line(&line) {
        Some(request) => tokio::task::spawn_blocking(move || answer(request))
            .await
            .unwrap_or_else(|_| Err("failed".to_owned())),
        None => Err("the request is not understood".to_owned()),
    };
    let text = match answered {
        Ok(text) => format!("ok\n{text}"),
        Err(why) => format!("{}\n", why.replace('\n', " ")),
    };
    writer.write_all(text.as_bytes()).await?;
    writer.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_survive_their_line() {
        for request in [
            Request::List,
            Request::Code { phone: "12345".to_owned() },
            Request::Add { phone: "1".to_owned(), first_name: "A B".to_owned(), last_name: String::new() },
        ] {
            assert_eq!(Request::from_line(&request.to_line()), Some(request));
        }
        assert_eq!(Request::from_line("drop\teverything\n"), None);
    }

    #[tokio::test]
    async fn one_asks_and_the_server_answers_its_owner_only() {
        let data = tempfile::tempdir().expect("a directory");
        let data = data.path().to_owned();
        assert!(matches!(ask(&data, &Request::List), Err(AdminError::NotRunning(_))));
        crate::key_files::make_private_dir(&crate::key_files::directory(&data)).expect("keys");
        drop(listen(&data).expect("a first server, which was killed"));
        let listener = listen(&data).expect("its successor");
        let mode = std::fs::metadata(socket(&data)).expect("socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let serving = tokio::spawn(serve(listener, |request| match request {
            Request::List => Ok("1\t777\tAnna\n".to_owned()),
            _ => Err("no such account".to_owned()),
        }));
        let asked = move |request| {
            let data = data.clone();
            tokio::task::spawn_blocking(move || ask(&data, &request))
        };
        let listed = asked(Request::List).await.expect("asked").expect("answered");
        assert_eq!(listed, "1\t777\tAnna\n");
        let refused = asked(Request::Code { phone: "1".to_owned() }).await.expect("asked");
        assert!(matches!(refused, Err(AdminError::Refused(why)) if why == "no such account"));
        serving.abort();
    }
}
