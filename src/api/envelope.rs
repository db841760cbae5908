//! The wrappers around a query: `invokeWithLayer`, `initConnection` and their kin.

use tl::functions::{
    InitConnection, InvokeAfterMsg, InvokeAfterMsgs, InvokeWithApnsSecret, InvokeWithBusinessConnection,
    InvokeWithGooglePlayIntegrity, InvokeWithLayer, InvokeWithMessagesRange, InvokeWithReCaptcha,
    InvokeWithTakeout, InvokeWithoutUpdates,
};
use tl::{Decode, Reader};

use crate::limits;

/// A query with its wrappers taken off.
#[derive(Debug, Default, Clone)]
pub struct Peeled {
    /// The layer that the client says it speaks.
    pub layer: Option<u16>,
    /// What the client says of itself.
    pub device: Option<Device>,
    /// The queries that must have ended before this one starts.
    pub after: Vec<i64>,
    /// Whether the session does not want updates.
    pub no_updates: bool,
    /// The query itself, boxed.
    pub query: Vec<u8>,
}

/// What a client says of itself in `initConnection`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Device {
    /// The application's id.
    pub api_id: i32,
    /// The machine.
    pub device_model: String,
    /// Its system.
    pub system_version: String,
    /// The application's version.
    pub app_version: String,
    /// The language of its texts.
    pub lang_code: String,
}

/// Takes the wrappers off a query. `inflate` opens a boxed `gzip_packed` (TDLib packs inside the wrappers).
///
/// `None` for what is cut off, wrapped too deep or waits for too many.
pub fn peel(body: &[u8], inflate: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Peeled> {
    const GZIP_PACKED: u32 = 0x3072_cfa1;
    let mut peeled = Peeled::default();
    // Only what is left in the end is copied: sixteen wrappers around a megabyte would be sixteen megabytes.
    let mut body = body;
    let mut unpacked;
    for _ in 0..limits::WRAPPERS_MAX {
        let mut reader = Reader::new(body);
        let id = reader.peek_u32()?;
        if id == GZIP_PACKED {
            unpacked = inflate(body)?;
            body = &unpacked;
            continue;
        }
        let is = |ids: &[u32]| ids.contains(&id);
        if is(InvokeWithLayer::IDS) {
            peeled.layer = u16::try_from(InvokeWithLayer::decode(&mut reader).ok()?.layer).ok();
        } else if is(InitConnection::IDS) {
            let init = InitConnection::decode(&mut reader).ok()?;
            let cut = |text: String| text.chars().take(limits::DEVICE_CHARS_MAX).collect::<String>();
            peeled.device = Some(Device {
                api_id: init.api_id,
                device_model: cut(init.device_model),
                system_version: cut(init.system_version),
                app_version: cut(init.app_version),
                lang_code: cut(init.lang_code),
            });
        } else if is(InvokeWithoutUpdates::IDS) {
            InvokeWithoutUpdates::decode(&mut reader).ok()?;
            peeled.no_updates = true;
        } else if is(InvokeAfterMsg::IDS) {
            peeled.after.push(InvokeAfterMsg::decode(&mut reader).ok()?.msg_id);
        } else if is(InvokeAfterMsgs::IDS) {
            peeled.after.extend(InvokeAfterMsgs::decode(&mut reader).ok()?.msg_ids);
        } else if is(InvokeWithTakeout::IDS) {
            InvokeWithTakeout::decode(&mut reader).ok()?;
        } else if is(InvokeWithMessagesRange::IDS) {
            InvokeWithMessagesRange::decode(&mut reader).ok()?;
        } else if is(InvokeWithBusinessConnection::IDS) {
            InvokeWithBusinessConnection::decode(&mut reader).ok()?;
        } else if is(InvokeWithGooglePlayIntegrity::IDS) {
            InvokeWithGooglePlayIntegrity::decode(&mut reader).ok()?;
        } else if is(InvokeWithApnsSecret::IDS) {
            InvokeWithApnsSecret::decode(&mut reader).ok()?;
        } else if is(InvokeWithReCaptcha::IDS) {
            InvokeWithReCaptcha::decode(&mut reader).ok()?;
        } else {
            peeled.query = body.to_vec();
            return (peeled.after.len() <= limits::AFTER_MAX).then_some(peeled);
        }
        body = reader.rest();
    }
    None
}
