//! The names of blobs.

use std::fmt;
use std::str::FromStr;

use object_store::path::Path;

use crate::limits::KEY_BYTES_MAX;

/// The name of a blob: pieces of `a-z A-Z 0-9 _ -`, divided by `/`. What it can never be is a way out of the directory.
///
/// A key under which parts are kept is not itself the name of a blob: a directory cannot be both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(String);

/// A text that names no blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadKey;

impl BlobKey {
    /// The key that reads `name`.
    ///
    /// # Errors
    ///
    /// [`BadKey`] if it holds anything but the characters of a key, an empty piece, or more than
    /// [`KEY_BYTES_MAX`](crate::limits::KEY_BYTES_MAX) bytes.
    pub fn new(name: impl Into<String>) -> Result<Self, BadKey> {
        let name = name.into();
        let piece = |piece: &str| {
            !piece.is_empty()
                && piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        };
        if name.len() <= KEY_BYTES_MAX && name.split('/').all(piece) { Ok(Self(name)) } else { Err(BadKey) }
    }

    /// The key of part `number` of what is kept under this one.
    ///
    /// # Errors
    ///
    /// [`BadKey`] if that would be too long.
    pub fn part(&self, number: u64) -> Result<Self, BadKey> {
        Self::new(format!("{self}/{number}"))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the blob lies. In front stands a shelf out of 256, so that no directory has to hold everything; all that
    /// differs only in its last piece stands on one shelf, in one directory.
    pub(crate) fn path(&self) -> Path {
        let together = self.0.rsplit_once('/').map_or(self.0.as_str(), |(front, _)| front);
        Path::from(format!("{:02x}/{}", shelf(together), self.0))
    }

    /// Where the parts of this key lie.
    pub(crate) fn folder(&self) -> Path {
        Path::from(format!("{:02x}/{}", shelf(&self.0), self.0))
    }

    /// The key of the blob that lies at `path`, if one of ours can lie there.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let (_, name) = path.as_ref().split_once('/')?;
        let key = Self::new(name).ok()?;
        (key.path() == *path).then_some(key)
    }
}

/// FNV-1a, folded to one byte, written out because it says where things lie on disk.
fn shelf(text: &str) -> u8 {
    let hash =
        text.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.to_le_bytes().into_iter().fold(0, |folded, byte| folded ^ byte)
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BlobKey {
    type Err = BadKey;

    fn from_str(name: &str) -> Result<Self, BadKey> {
        Self::new(name)
    }
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the name of a blob")
    }
}

impl std::error::Error for BadKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_leads_out_of_the_directory() {
        for bad in ["", "/", "a//b", "/a", "a/", "..", "a/../b", "a.b", "a#1", "a\0", "ä", "a b", "a\\b"] {
            assert_eq!(BlobKey::new(bad), Err(BadKey), "{bad:?}");
        }
        assert_eq!(BlobKey::new("x".repeat(KEY_BYTES_MAX + 1)), Err(BadKey));
        assert!(BlobKey::new("x".repeat(KEY_BYTES_MAX)).is_ok());
    }

    #[test]
    fn parts_lie_in_the_folder_of_their_whole() {
        let whole = BlobKey::new("upload/00ff").expect("a key");
        let part = whole.part(7).expect("a key");
        assert_eq!(part.as_str(), "upload/00ff/7");
        assert!(part.path().prefix_matches(&whole.folder()));
        assert_eq!(BlobKey::at(&part.path()), Some(part));
        assert_eq!(BlobKey::at(&Path::from("zz/upload/00ff/7")), None);
    }

    #[test]
    fn shelves_never_change() {
        let path = |name| BlobKey::new(name).expect("a key").path().to_string();
        assert_eq!([path("a"), path("a/1"), path("photo/12/3")], ["ed/a", "ed/a/1", "ec/photo/12/3"]);
    }
}
