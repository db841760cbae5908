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

/// Why the wrappers of a query cannot be taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpeelable {
    /// A wrapper cannot be read, for this reason, or what is packed cannot be unpacked.
    Unreadable(Option<tl::Error>),
    /// More than [`limits::WRAPPERS_MAX`] wrappers.
    TooDeep,
    /// It is to wait for more than [`limits::AFTER_MAX`] queries.
    WaitsForTooMany,
}

/// Takes the wrappers off a query. `inflate` opens a boxed `gzip_packed` (TDLib packs inside the wrappers).
///
/// # Errors
/// [`Unpeelable`] for what is cut off, wrapped too deep or waits for too many.
pub fn peel(body: &[u8], inflate: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Result<Peeled, Unpeelable> {
    const GZIP_PACKED: u32 = 0x3072_cfa1;
    let mut peeled = Peeled::default();
    // Only what is left in the end is copied: sixteen wrappers around a megabyte would be sixteen megabytes.
    let mut body = body;
    let mut unpacked;
    for _ in 0..limits::WRAPPERS_MAX {
        let mut reader = Reader::new(body);
        let id = reader.peek_u32().ok_or(Unpeelable::Unreadable(None))?;
        if id == GZIP_PACKED {
            unpacked = inflate(body).ok_or(Unpeelable::Unreadable(None))?;
            body = &unpacked;
            continue;
        }
        let is = |ids: &[u32]| ids.contains(&id);
        if is(InvokeWithLayer::IDS) {
            peeled.layer = u16::try_from(read::<InvokeWithLayer>(&mut reader)?.layer).ok();
        } else if is(InitConnection::IDS) {
            let init = read::<InitConnection>(&mut reader)?;
            let cut = |text: String| text.chars().take(limits::DEVICE_CHARS_MAX).collect::<String>();
            peeled.device = Some(Device {
                api_id: init.api_id,
                device_model: cut(init.device_model),
                system_version: cut(init.system_version),
                app_version: cut(init.app_version),
                lang_code: cut(init.lang_code),
            });
        } else if is(InvokeWithoutUpdates::IDS) {
            read::<InvokeWithoutUpdates>(&mut reader)?;
            peeled.no_updates = true;
        } else if is(InvokeAfterMsg::IDS) {
            peeled.after.push(read::<InvokeAfterMsg>(&mut reader)?.msg_id);
        } else if is(InvokeAfterMsgs::IDS) {
            peeled.after.extend(read::<InvokeAfterMsgs>(&mut reader)?.msg_ids);
        } else if is(InvokeWithTakeout::IDS) {
            read::<InvokeWithTakeout>(&mut reader)?;
        } else if is(InvokeWithMessagesRange::IDS) {
            read::<InvokeWithMessagesRange>(&mut reader)?;
        } else if is(InvokeWithBusinessConnection::IDS) {
            read::<InvokeWithBusinessConnection>(&mut reader)?;
        } else if is(InvokeWithGooglePlayIntegrity::IDS) {
            read::<InvokeWithGooglePlayIntegrity>(&mut reader)?;
        } else if is(InvokeWithApnsSecret::IDS) {
            read::<InvokeWithApnsSecret>(&mut reader)?;
        } else if is(InvokeWithReCaptcha::IDS) {
            read::<InvokeWithReCaptcha>(&mut reader)?;
        } else {
            peeled.query = body.to_vec();
            if peeled.after.len() > limits::AFTER_MAX {
                return Err(Unpeelable::WaitsForTooMany);
            }
            return Ok(peeled);
        }
        body = reader.rest();
    }
    Err(Unpeelable::TooDeep)
}

fn read<T: Decode>(reader: &mut Reader<'_>) -> Result<T, Unpeelable> {
    T::decode(reader).map_err(|error| Unpeelable::Unreadable(Some(error)))
}
