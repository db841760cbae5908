//! The few words of the API that make a client work: enough for it to connect and to make one call.

use bytes::Bytes;
use mtproto::session::gzip;
use tl::functions::{InitConnection, InvokeWithLayer, InvokeWithoutUpdates};
use tl::service::GzipPacked;
use tl::{Decode as _, Layer, Method, Reader, functions, types};

/// Wrappers that are taken off one query.
const WRAPPERS_MAX: usize = 16;

/// The layer to speak to who stated this one.
pub fn layer(stated: i32) -> Layer {
    u16::try_from(stated).map_or(Layer::OLDEST, Layer)
}

/// A query without its wrappers, and the layer that it states.
pub fn peeled(body: &Bytes) -> (Bytes, Option<i32>) {
    let (mut body, mut layer) = (body.clone(), None);
    for _ in 0..WRAPPERS_MAX {
        let mut reader = Reader::new(&body);
        let id = reader.peek_u32().unwrap_or_default();
        let read = if id == GzipPacked::ID {
            let Ok(unpacked) = gzip::inflate(&body) else { break };
            body = unpacked;
            continue;
        } else if InvokeWithLayer::IDS.contains(&id) {
            InvokeWithLayer::decode(&mut reader).map(|head| layer = Some(head.layer))
        } else if InitConnection::IDS.contains(&id) {
            InitConnection::decode(&mut reader).map(|_| ())
        } else if InvokeWithoutUpdates::IDS.contains(&id) {
            InvokeWithoutUpdates::decode(&mut reader).map(|_| ())
        } else {
            break;
        };
        if read.is_err() {
            break;
        }
        body = body.slice_ref(reader.rest());
    }
    (body, layer)
}

/// What `help.getNearestDc` is answered with.
pub fn nearest(country: &str, layer: Layer) -> Vec<u8> {
    let answer = types::NearestDc { country: country.to_owned(), this_dc: 2, nearest_dc: 2 };
    tl::write(&answer, layer)
}

/// The answer to another call, if there is one.
pub fn answer(query: u32, layer: Layer) -> Option<Vec<u8>> {
    if query == <functions::help::GetConfig as Method>::ID {
        return Some(tl::write(&config(), layer));
    }
    if query == <functions::auth::BindTempAuthKey as Method>::ID {
        return Some(tl::BOOL_TRUE.to_le_bytes().to_vec());
    }
    None
}

fn config() -> types::Config {
    let now = crate::world::now().unix();
    types::Config {
        date: now,
        expires: now.saturating_add(3600),
        this_dc: 2,
        chat_size_max: 200,
        megagroup_size_max: 200_000,
        forwarded_count_max: 100,
        online_update_period_ms: 210_000,
        offline_blur_timeout_ms: 5_000,
        offline_idle_timeout_ms: 30_000,
        online_cloud_timeout_ms: 300_000,
        notify_cloud_delay_ms: 30_000,
        notify_default_delay_ms: 1_500,
        push_chat_period_ms: 60_000,
        push_chat_limit: 2,
        edit_time_limit: 172_800,
        revoke_time_limit: i32::MAX,
        revoke_pm_time_limit: i32::MAX,
        rating_e_decay: 2_419_200,
        stickers_recent_limit: 200,
        channels_read_media_period: 604_800,
        call_receive_timeout_ms: 20_000,
        call_ring_timeout_ms: 90_000,
        call_connect_timeout_ms: 30_000,
        call_packet_timeout_ms: 10_000,
        me_url_prefix: "https://t.me/".to_owned(),
        caption_length_max: 1_024,
        message_length_max: 4_096,
        webfile_dc_id: 2,
        ..types::Config::default()
    }
}
