//! What a call cannot do itself: work on file bytes, and the binding of temporary keys.

use std::sync::Arc;

use api::{Found, Later};
use blobs::{BlobError, BlobKey, Parts};
use mtproto::bind::open_bind_message;
use mtproto::{AuthKeyId, MsgId};
use tl::stored;

use crate::node::Node;
use crate::sessions::Entry;
use crate::{limits, photo, world};

/// Carries out what the query asked for.
pub(crate) async fn carry_out(node: &Arc<Node>, entry: &Arc<Entry>, msg_id: MsgId, asked: Later) -> Found {
    let done = match asked {
        Later::Keep { name, bytes } => keep(node, &name, bytes).await.map(|()| Found::Kept),
        Later::Range { body, offset, limit } => {
            let limit = usize::try_from(limit).unwrap_or(0).min(limits::RANGE_BYTES_MAX);
            read(node, &body, u64::try_from(offset).unwrap_or(u64::MAX), limit).await.map(Found::Bytes)
        }
        Later::Photo { body, prefix } => make_photo(node, &body, &prefix).await,
        Later::Bind { perm_auth_key_id, nonce, expires_at, encrypted_message } => {
            let perm = AuthKeyId::from_long(perm_auth_key_id);
            let binding = Binding { perm, nonce, expires_at, msg_id };
            return bind(node, entry, &binding, &encrypted_message).await;
        }
    };
    done.unwrap_or_else(|error| {
        tracing::error!(%error, "file bytes could not be reached");
        Found::Failed
    })
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

async fn make_photo(node: &Arc<Node>, body: &stored::Body, prefix: &str) -> Result<Found, BlobError> {
    if usize::try_from(body.size).is_ok_and(|size| size > limits::IMAGE_BYTES_MAX) {
        return Ok(Found::NoImage);
    }
    let image = read(node, body, 0, limits::IMAGE_BYTES_MAX).await?;
    // Few at a time: one image may need hundreds of megabytes.
    let Ok(_place) = node.images.acquire().await else { return Ok(Found::Failed) };
    let made = tokio::task::spawn_blocking(move || photo::sizes(&image)).await;
    let Ok(Some(made)) = made else { return Ok(Found::NoImage) };
    let mut sizes = Vec::with_capacity(made.len());
    for size in made {
        let bytes = i32::try_from(size.jpeg.len()).unwrap_or(i32::MAX);
        let prefix = format!("{prefix}/{}", size.kind);
        keep(node, &format!("{prefix}/0"), size.jpeg).await?;
        sizes.push(stored::PhotoSize {
            kind: size.kind.to_owned(),
            w: size.width,
            h: size.height,
            size: bytes,
            body: stored::Body { prefix, part_size: bytes, parts: 1, size: bytes.into() },
        });
    }
    Ok(Found::Photo { sizes, stripped: Vec::new() })
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
async fn bind(node: &Arc<Node>, entry: &Arc<Entry>, binding: &Binding, sealed: &[u8]) -> Found {
    let temp = entry.key();
    let perm = match node.find_key(binding.perm).await {
        Ok(Some(perm)) if perm.temp.is_none() => perm,
        Ok(_) => return Found::NotBound,
        Err(_) => return Found::Failed,
    };
    // spec: PFS-2
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
        return Found::NotBound;
    }
    if let Some(gone) = node.keys.bind(temp.auth.id(), binding.perm) {
        node.sessions.remove_key(gone);
    }
    node.push.identity_changed(node, entry);
    Found::Bound
}
