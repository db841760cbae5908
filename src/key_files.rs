//! The server's RSA keys on disk: `DIR/keys/rsa-pad.pem`, `rsa-legacy.pem` (for the server's eyes only) and beside them
//! the public halves that clients embed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use mtproto::RsaKey;
use mtproto::handshake::KeyFileError;

/// Both keys. The legacy one is made even where it is not used, so that turning `legacy_rsa` on later needs no new key.
#[derive(Debug)]
pub struct KeyPair {
    /// The key for clients that know `RSA_PAD`.
    pub pad: RsaKey,
    /// The key for Telethon, Pyrogram and others that know only the older padding.
    pub legacy: RsaKey,
    /// Whether at least one of them was made just now.
    pub fresh: bool,
}

/// Why the keys cannot be had. Prints as one line.
#[derive(Debug)]
pub enum KeysError {
    /// The file system refused.
    Io(PathBuf, io::Error),
    /// A key file is there but is no key.
    Unusable(PathBuf, KeyFileError),
}

impl std::fmt::Display for KeysError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Unusable(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for KeysError {}

/// Where the keys of the data directory `data` lie.
#[must_use]
pub fn directory(data: &Path) -> PathBuf {
    data.join("keys")
}

/// Reads the keys of the data directory `data`, and makes those that are not there yet.
///
/// # Errors
/// [`KeysError`] names the file and what is wrong with it. A damaged key is never replaced: clients know it.
pub fn load_or_make(data: &Path) -> Result<KeyPair, KeysError> {
    let dir = directory(data);
    make_private_dir(data)
        .and_then(|()| make_private_dir(&dir))
        .map_err(|e| KeysError::Io(dir.clone(), e))?;
    let (pad, pad_fresh) = load_or_make_one(&dir, "rsa-pad")?;
    let (legacy, legacy_fresh) = load_or_make_one(&dir, "rsa-legacy")?;
    Ok(KeyPair { pad, legacy, fresh: pad_fresh || legacy_fresh })
}

fn load_or_make_one(dir: &Path, name: &str) -> Result<(RsaKey, bool), KeysError> {
    let path = dir.join(format!("{name}.pem"));
    let (key, fresh) = match fs::read_to_string(&path) {
        Ok(pem) => (RsaKey::from_private_pem(&pem).map_err(|e| KeysError::Unusable(path.clone(), e))?, false),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let key = RsaKey::generate(&mut gateway::world::SystemDice);
            write_whole(&path, key.to_private_pem().as_bytes(), 0o600).map_err(|e| KeysError::Io(path, e))?;
            (key, true)
        }
        Err(e) => return Err(KeysError::Io(path, e)),
    };
    let public = dir.join(format!("{name}.pub.pem"));
    let pem = key.to_public_pem();
    if fs::read_to_string(&public).ok().as_deref() != Some(&pem) {
        write_whole(&public, pem.as_bytes(), 0o644).map_err(|e| KeysError::Io(public, e))?;
    }
    Ok((key, fresh))
}

/// Makes `dir` and what leads to it, readable by its owner only, unless it is there.
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // Its name must survive a loss of power as well as what is written into it.
    fs::File::open(dir.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
        .sync_all()
}

/// Writes a file so that a crash leaves either nothing or all of it.
fn write_whole(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft)?;
    // The mode above is only that of a file that was not there.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_only_their_owner_can_read_them() {
        let data = tempfile::tempdir().expect("a directory");
        let data = data.path().join("deep/data");
        let made = load_or_make(&data).expect("made");
        let read = load_or_make(&data).expect("read");
        assert!(made.fresh && !read.fresh);
        assert_eq!(made.pad.fingerprint(), read.pad.fingerprint());
        assert_ne!(made.pad.fingerprint(), made.legacy.fingerprint(), "one key, one padding");
        let mode =
            |name: &str| fs::metadata(data.join("keys").join(name)).expect(name).permissions().mode() & 0o777;
        assert_eq!((mode("rsa-pad.pem"), mode("rsa-legacy.pem")), (0o600, 0o600));
        let public = fs::read_to_string(data.join("keys/rsa-legacy.pub.pem")).expect("public key");
        assert!(public.starts_with("-----BEGIN RSA PUBLIC KEY-----\n"));
    }

    #[test]
    fn a_damaged_key_is_named_and_kept() {
        let data = tempfile::tempdir().expect("a directory");
        fs::create_dir(data.path().join("keys")).expect("keys");
        let path = data.path().join("keys/rsa-pad.pem");
        fs::write(&path, "not a key").expect("written");
        let error = load_or_make(data.path()).expect_err("damaged").to_string();
        assert!(error.contains("rsa-pad.pem") && !error.contains('\n'), "{error}");
        assert_eq!(fs::read_to_string(path).expect("still there"), "not a key");
    }
}
