//! What a handler cannot do itself, because it takes time: work on file bytes, and what only the gateway knows.
//!
//! A handler that meets such work says so instead of a result. Its transaction is rolled back, the rim does the work, and
//! the call runs again with what came of it in `cx.found`. A call may run twice anyway, and means the same twice.

use tl::stored;

/// What the rim is to do.
#[derive(Debug, Clone)]
pub enum Later {
    /// Keep these bytes under this name.
    Keep {
        /// The blob's name.
        name: String,
        /// Where in the call's body they stand is of no matter: they are here.
        bytes: Vec<u8>,
    },
    /// Read a range of what these parts make up.
    Range {
        /// The parts.
        body: stored::Body,
        /// The first byte.
        offset: i64,
        /// How many at most.
        limit: i32,
    },
    /// Make the sizes of a photo from an uploaded image, or a thumbnail of a document.
    Photo {
        /// The image.
        body: stored::Body,
        /// The name under which to keep what is made.
        prefix: String,
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

/// What came of it.
#[derive(Debug, Clone)]
pub enum Found {
    /// The bytes are kept.
    Kept,
    /// The range, shorter where the file ends.
    Bytes(Vec<u8>),
    /// The sizes of the photo, with a tiny preview to show at once.
    Photo {
        /// The sizes, smallest first.
        sizes: Vec<stored::PhotoSize>,
        /// The stripped preview, as clients complete it to a JPEG.
        stripped: Vec<u8>,
    },
    /// The bytes are no image that we read.
    NoImage,
    /// The temporary key is bound.
    Bound,
    /// The binding does not prove what it should.
    NotBound,
    /// The store of the bytes failed; logged where it happened.
    Failed,
}
