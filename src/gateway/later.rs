//! What a call cannot do itself: work on file bytes, and the binding of temporary keys.

use std::sync::Arc;

use api::{Brought, Errand, Found, Later, Shape};
use blobs::{BlobError, BlobKey, Parts};
use md5::{Digest as _, Md5};
use mtproto::bind::open_bind_message;
use mtproto::{AuthKeyId, MsgId};
use tl::stored;

use crate::node::Node;
use crate::sessions::Entry;
use crate::{limits, photo, world};

/// Runs the errand of a call; what it brings goes into the call's next run.
pub(crate) async fn carry_out(node: &Arc<Node>, entry: &Arc<Entry>, msg_id: MsgId, later: Later) -> Found {
    if later.after > node.durable() && node.until_durable(later.after).await.is_err() {
        return later.done(Brought::Failed);
    }
    let brought = match &later.errand {
        // The bytes stay with the errand: it is named in the next run as well.
        Errand::Keep { name, bytes } => keep(node, name, bytes.clone()).await.map(|()| Brought::Kept),
        Errand::Range { body, offset, limit } => {
            let limit = usize::try_from(*limit).unwrap_or(0).min(limits::RANGE_BYTES_MAX);
            read(node, body, u64::try_from(*offset).unwrap_or(u64::MAX), limit).await.map(Brought::Bytes)
        }
        Errand::Md5 { body } => md5(node, body).await.map(Brought::Md5),
        Errand::Photo { body, prefix, shape } => make_photo(node, body, prefix, *shape).await,
        Errand::Bind { perm_auth_key_id, nonce, expires_at, encrypted_message } => {
            let perm = AuthKeyId::from_long(*perm_auth_key_id);
            let binding = Binding { perm, nonce: *nonce, expires_at: *expires_at, msg_id };
            Ok(bind(node, entry, &binding, encrypted_message).await)
        }
    };
    let brought = brought.unwrap_or_else(|error| {
        tracing::error!(%error, "file bytes could not be reached");
        Brought::Failed
    });
    later.done(brought)
}

/// The bytes of `body` from `offset` on, at most `limit`; fewer where it ends.
async fn read(node: &Node, body: &stored::Body, offset: u64, limit: usize) -> Result<Vec<u8>, BlobError> {
    let parts = Parts {
        whole: named(&body.prefix)?,
        part_bytes: u64::try_from(body.part_size).unwrap_or(0),
        total_bytes: u64::try_from(body.size).unwrap_or(0),
    };
    Ok(node.blobs.range_of_parts(&parts, offset, limit).await?.into())
}

async fn keep(node: &Node, name: &str, bytes: Vec<u8>) -> Result<(), BlobError> {
    node.blobs.put(&named(name)?, bytes.into()).await
}

fn named(name: &str) -> Result<BlobKey, BlobError> {
    BlobKey::new(name).map_err(|error| BlobError::Io { doing: "naming a blob", error: error.to_string() })
}

/// The MD5 of a body, read a piece at a time.
async fn md5(node: &Node, body: &stored::Body) -> Result<[u8; 16], BlobError> {
    let mut sum = Md5::new();
    let mut offset = 0;
    loop {
        let piece = read(node, body, offset, limits::RANGE_BYTES_MAX).await?;
        if piece.is_empty() {
            return Ok(sum.finalize().into());
        }
        offset += piece.len() as u64;
        sum.update(&piece);
    }
}

async fn make_photo(
    node: &Arc<Node>,
    body: &stored::Body,
    prefix: &str,
    shape: Shape,
) -> Result<Brought, BlobError> {
    if usize::try_from(body.size).map_or(true, |size| size > limits::IMAGE_BYTES_MAX) {
        return Ok(Brought::NoImage);
    }
    // Few at a time: one image may need hundreds of megabytes.
    let Ok(place) = node.images.acquire().await else { return Ok(Brought::Failed) };
    let image = read(node, body, 0, limits::IMAGE_BYTES_MAX).await?;
    let made = tokio::task::spawn_blocking(move || photo::make(&image, shape)).await;
    drop(place);
    let made = match made {
        Ok(Ok(made)) => made,
        Ok(Err(photo::Unfit::Dimensions)) => return Ok(Brought::BadDimensions),
        // A decoder that panics has met bytes that are no image.
        Ok(Err(photo::Unfit::NoImage)) | Err(_) => return Ok(Brought::NoImage),
    };
    let mut sizes = Vec::with_capacity(made.sizes.len());
    for size in made.sizes {
        let bytes = i32::try_from(size.jpeg.len()).unwrap_or(i32::MAX);
        let prefix = format!("{prefix}-{}", size.kind);
        keep(node, &format!("{prefix}/0"), size.jpeg).await?;
        sizes.push(stored::PhotoSize {
            kind: size.kind.to_owned(),
            w: size.width.into(),
            h: size.height.into(),
            size: bytes,
            body: stored::Body { prefix, part_size: bytes, parts: 1, size: bytes.into() },
        });
    }
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let original = (side(made.original.0), side(made.original.1));
    Ok(Brought::Photo { sizes, stripped: made.stripped, original })
}

/// What `auth.bindTempAuthKey` says outside of its sealed part.
struct Binding {
    perm: AuthKeyId,
    nonce: i64,
    expires_at: i32,
    msg_id: MsgId,
}

/// Lets the temporary key of the session speak for a permanent one, if the sealed part proves that whoever asks holds
/// both.
async fn bind(node: &Arc<Node>, entry: &Arc<Entry>, binding: &Binding, sealed: &[u8]) -> Brought {
    let temp = entry.key();
    let perm = match node.find_key(binding.perm).await {
        Ok(Some(perm)) if perm.temp.is_none() => perm,
        Ok(_) => return Brought::NotBound,
        Err(_) => return Brought::Failed,
    };
    // spec: PFS-3
    let proved = open_bind_message(&perm.auth, sealed).is_ok_and(|inner| {
        inner.msg_id == binding.msg_id
            && inner.nonce == binding.nonce
            && inner.expires_at == binding.expires_at
            && inner.temp_auth_key_id == temp.auth.id()
            && inner.perm_auth_key_id == binding.perm
            && inner.temp_session_id == entry.id()
    });
    let another = temp.bound_to().is_some_and(|bound| bound != binding.perm);
    if !proved
        || another
        || temp.temp.is_none()
        || i64::from(binding.expires_at) <= i64::from(world::now().unix())
    {
        return Brought::NotBound;
    }
    if let Some(gone) = node.keys.bind(temp.auth.id(), binding.perm) {
        node.sessions.remove_key(gone);
    }
    node.push.identity_changed(node, entry);
    Brought::Bound
}
