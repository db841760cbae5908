//! What a handler cannot do itself, because it takes time: work on file bytes, and what only the gateway knows.
//!
//! A handler that meets such work names it as an [`Errand`] instead of giving a result. Its transaction is rolled back, the
//! rim runs the errand, and the call runs again with what came of it. A call may need several errands: each run finds what
//! all earlier ones brought, by the errand's name. A call may run twice anyway, and means the same twice.

use model::Refusal;
use store::Ticket;
use tl::stored;

use crate::method::{Cx, Halt, Rpc};

/// An errand, and what was brought to the call before.
#[derive(Debug, Clone)]
pub struct Later {
    /// What to do.
    pub errand: Errand,
    /// Not before this commit is durable.
    pub after: Ticket,
    before: Found,
}

/// What the rim is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Errand {
    /// Keep these bytes under this name.
    Keep {
        /// The blob's name.
        name: String,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// Read a range of what these pieces make up.
    Range {
        /// The pieces.
        body: stored::Body,
        /// The first byte.
        offset: i64,
        /// How many at most.
        limit: i32,
    },
    /// The MD5 of a body, by which clients say what they have uploaded.
    Md5 {
        /// The pieces.
        body: stored::Body,
    },
    /// Make the sizes of a photo, or the preview of a document, from an uploaded image.
    Photo {
        /// The image.
        body: stored::Body,
        /// What the names of all that is made begin with; a size is kept as `prefix-kind/0`.
        prefix: String,
        /// What is wanted.
        shape: Shape,
    },
    /// Check a binding of a temporary key to a permanent one, and carry it out.
    Bind {
        /// The permanent key.
        perm_auth_key_id: i64,
        /// A random number that the message repeats.
        nonce: i64,
        /// When the temporary key ends.
        expires_at: i32,
        /// `bind_auth_key_inner`, encrypted with the permanent key.
        encrypted_message: Vec<u8>,
    },
}

/// For what an image is made smaller. The letters of the sizes are those that clients know:
/// <https://core.telegram.org/api/files#image-thumbnail-types>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A photo in a message: `m`, `x`, `y`, with all that is on it.
    Picture,
    /// A person's or a group's photo: the square `a`, `b`, `c` from its middle.
    Portrait,
    /// The preview of a document: `m`.
    Preview,
}

/// What came of an errand.
#[derive(Debug, Clone, PartialEq)]
pub enum Brought {
    /// The bytes are kept.
    Kept,
    /// The range, shorter where the file ends.
    Bytes(Vec<u8>),
    /// The MD5.
    Md5([u8; 16]),
    /// What was made of the image.
    Photo {
        /// The sizes, smallest first.
        sizes: Vec<stored::PhotoSize>,
        /// A tiny preview, without the head that is the same for all and that clients put in front.
        stripped: Vec<u8>,
        /// Width and height of the image itself, in pixels.
        original: (i32, i32),
    },
    /// The bytes are no image that we read.
    NoImage,
    /// The image is larger, or narrower, than photos may be.
    BadDimensions,
    /// The temporary key is bound.
    Bound,
    /// The binding does not prove what it should.
    NotBound,
    /// The bytes are not there, or their store failed; logged where it happened.
    Failed,
}

/// What all errands of a call have brought so far.
#[derive(Debug, Clone, Default)]
pub struct Found(Vec<(String, Brought)>);

impl Later {
    pub(crate) fn after(self, after: Ticket) -> Self {
        Self { after, ..self }
    }

    /// What to run the call again with.
    #[must_use]
    pub fn done(self, brought: Brought) -> Found {
        let mut found = self.before;
        found.0.push((self.errand.name(), brought));
        found
    }
}

impl Errand {
    /// The same for the same errand in every run of a call. Where pieces lie is never written twice with different bytes,
    /// but for one part of an upload, which the same call carries.
    fn name(&self) -> String {
        match self {
            Self::Keep { name, .. } => format!("keep {name}"),
            Self::Range { body, offset, limit } => format!("range {} {offset} {limit}", body.prefix),
            Self::Md5 { body } => format!("md5 {}", body.prefix),
            Self::Photo { prefix, shape, .. } => format!("photo {prefix} {shape:?}"),
            Self::Bind { .. } => "bind".to_owned(),
        }
    }
}

impl<'a> Cx<'a, '_> {
    /// What an errand brought; the first run of a call ends here and is taken back.
    pub(crate) fn errand(&self, errand: Errand) -> Rpc<&'a Brought> {
        let name = errand.name();
        let brought = self.found.and_then(|found| found.0.iter().find(|(n, _)| *n == name));
        match brought {
            Some((_, Brought::Failed)) => Err(Refusal::Internal.into()),
            Some((_, brought)) => Ok(brought),
            None => {
                let before = self.found.cloned().unwrap_or_default();
                Err(Halt::Later(Box::new(Later { errand, after: Ticket::START, before })))
            }
        }
    }

    /// As [`errand`](Self::errand), but what the first run has written stays, and is durable before the errand is run: what
    /// the errand leaves behind then always has an owner.
    pub(crate) fn errand_after_commit(&self, errand: Errand) -> Rpc<&'a Brought> {
        self.errand(errand).map_err(|halt| match halt {
            Halt::Later(later) => Halt::Begun(later),
            halt => halt,
        })
    }
}
