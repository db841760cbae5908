//! What a client asks before and beside everything else: where the data centres are, which limits hold.

use std::net::IpAddr;

use model::limits as bounds;
use tl::functions::help;
use tl::{enums, types};

use super::auth;
use crate::method::{Anyone, Cx, Guest, Rpc, methods};
use crate::view::known_dc;

methods! {
    help::GetConfig => get_config, Reads, Quick;
    help::GetNearestDc => get_nearest_dc, Reads, Quick;
    help::GetAppConfig => get_app_config, Reads;
    help::GetTermsOfServiceUpdate => get_terms_of_service_update, Reads;
    help::AcceptTermsOfService => accept_terms_of_service, Reads;
    help::GetInviteText => get_invite_text, Reads;
    help::GetSupport => get_support, Reads, Empty;
}

/// How long clients keep the configuration, seconds. One in the past makes a client ask hundreds of times a second.
const CONFIG_TTL_SECS: i32 = 3600;

/// The data centre the caller believes to speak with.
fn dialled(cx: &Cx<'_, '_>) -> i32 {
    known_dc(if cx.caller.dc == 0 { cx.key.dc } else { cx.caller.dc })
}

/// The configuration. A single server is every data centre: it answers as the one that was dialled (a client that is told
/// another number asks again after every call) and gives its own address for each.
fn get_config(cx: &mut Cx<'_, '_>, _: Anyone, _: help::GetConfig) -> Rpc<types::Config> {
    let now = cx.date();
    let mut dc_options = Vec::new();
    for id in 1..=5 {
        for address in &cx.site.settings.advertise {
            dc_options.push(types::DcOption {
                ipv6: matches!(address.ip(), IpAddr::V6(_)),
                id,
                ip_address: address.ip().to_string(),
                port: i32::from(address.port()),
                ..Default::default()
            });
        }
    }
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    Ok(types::Config {
        revoke_pm_inbox: true,
        date: now,
        expires: now.saturating_add(CONFIG_TTL_SECS),
        test_mode: false,
        this_dc: dialled(cx),
        dc_options,
        dc_txt_domain_name: String::new(),
        chat_size_max: count(bounds::CHAT_MEMBERS_MAX),
        megagroup_size_max: 200_000,
        forwarded_count_max: count(bounds::IDS_MAX),
        online_update_period_ms: 210_000,
        offline_blur_timeout_ms: 5_000,
        offline_idle_timeout_ms: 30_000,
        online_cloud_timeout_ms: 300_000,
        notify_cloud_delay_ms: 30_000,
        notify_default_delay_ms: 1_500,
        push_chat_period_ms: 60_000,
        push_chat_limit: 2,
        edit_time_limit: bounds::EDIT_SECS,
        revoke_time_limit: i32::MAX,
        revoke_pm_time_limit: i32::MAX,
        rating_e_decay: 2_419_200,
        stickers_recent_limit: 200,
        channels_read_media_period: 604_800,
        call_receive_timeout_ms: 20_000,
        call_ring_timeout_ms: 90_000,
        call_connect_timeout_ms: 30_000,
        call_packet_timeout_ms: 10_000,
        me_url_prefix: cx.site.settings.link_prefix.clone(),
        caption_length_max: count(bounds::CAPTION_CHARS_MAX),
        message_length_max: count(bounds::MESSAGE_CHARS_MAX),
        webfile_dc_id: dialled(cx),
        ..Default::default()
    })
}

fn get_nearest_dc(cx: &mut Cx<'_, '_>, _: Anyone, _: help::GetNearestDc) -> Rpc<types::NearestDc> {
    let dc = dialled(cx);
    Ok(types::NearestDc { country: "FR".to_owned(), this_dc: dc, nearest_dc: dc })
}

fn get_app_config(_: &mut Cx<'_, '_>, _: Guest, req: help::GetAppConfig) -> Rpc<enums::help::AppConfig> {
    const HASH: i32 = 1;
    if req.hash == HASH {
        return Ok(enums::help::AppConfig::AppConfigNotModified);
    }
    let number = |key: &str, value: usize| types::JsonObjectValue {
        key: key.to_owned(),
        value: types::JsonNumber { value: f64::from(u32::try_from(value).unwrap_or(u32::MAX)) }.into(),
    };
    let value = vec![
        number("channels_limit_default", bounds::CHANNELS_MAX),
        number("dialogs_pinned_limit_default", bounds::PINNED_MAX),
        number("caption_length_limit_default", bounds::CAPTION_CHARS_MAX),
        number("about_length_limit_default", bounds::ABOUT_CHARS_MAX),
        number("upload_max_fileparts_default", 4_000),
    ];
    Ok(types::help::AppConfig { hash: HASH, config: types::JsonObject { value }.into() }.into())
}

fn get_terms_of_service_update(
    cx: &mut Cx<'_, '_>,
    _: Guest,
    _: help::GetTermsOfServiceUpdate,
) -> Rpc<enums::help::TermsOfServiceUpdate> {
    let expires = cx.date().saturating_add(24 * 3600);
    Ok(types::help::TermsOfServiceUpdateEmpty { expires }.into())
}

fn accept_terms_of_service(_: &mut Cx<'_, '_>, _: Guest, _: help::AcceptTermsOfService) -> Rpc<bool> {
    // They are agreed to by signing up; there is one version of them.
    debug_assert!(!auth::terms_of_service().text.is_empty());
    Ok(true)
}

fn get_invite_text(cx: &mut Cx<'_, '_>, _: Guest, _: help::GetInviteText) -> Rpc<types::help::InviteText> {
    let message = format!("Let us talk on Chappe: {}", cx.site.settings.link_prefix);
    Ok(types::help::InviteText { message })
}

fn get_support(
    cx: &mut Cx<'_, '_>,
    me: crate::method::Account,
    _: help::GetSupport,
) -> Rpc<types::help::Support> {
    let user = cx.view(me).user(model::ids::SERVICE)?;
    Ok(types::help::Support { phone_number: "42777".to_owned(), user })
}
