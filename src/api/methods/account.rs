//! One's own account: profile, username, devices, presence, and what is set for it as a whole.

pub(super) mod notify;
pub(super) mod password;
pub(super) mod privacy;

use model::ids::{KeyId, Peer};
use model::{Refusal, keys, presence, settings, users};
use tl::functions::account;
use tl::{enums, types};

use super::auth::login_hash;
use crate::method::{Account, Cx, Rpc, methods};

methods! {
    account::UpdateProfile => update_profile, Writes;
    account::CheckUsername => check_username, Reads;
    account::UpdateUsername => update_username, Writes;
    account::UpdateStatus => update_status, Writes;
    account::GetAuthorizations => get_authorizations, Reads;
    account::ResetAuthorization => reset_authorization, Writes;
    account::ChangeAuthorizationSettings => change_authorization_settings, Writes;
    account::SetAuthorizationTTL => set_authorization_ttl, Writes;
    account::GetAccountTTL => get_account_ttl, Reads;
    account::SetAccountTTL => set_account_ttl, Writes;
    account::GetContentSettings => get_content_settings, Reads;
    account::SetContentSettings => set_content_settings, Writes;
    account::GetContactSignUpNotification => get_contact_sign_up_notification, Reads;
    account::SetContactSignUpNotification => set_contact_sign_up_notification, Writes;
    account::RegisterDevice => register_device, Reads, Empty;
    account::UnregisterDevice => unregister_device, Reads, Empty;
    account::UpdateDeviceLocked => update_device_locked, Reads, Empty;
}

fn update_profile(cx: &mut Cx<'_, '_>, me: Account, req: account::UpdateProfile) -> Rpc<enums::User> {
    let change = users::Profile { first_name: req.first_name, last_name: req.last_name, about: req.about };
    users::update_profile(&mut cx.model, me.0, change)?;
    Ok(cx.view(me).user(me.0)?)
}

fn check_username(cx: &mut Cx<'_, '_>, me: Account, req: account::CheckUsername) -> Rpc<bool> {
    Ok(users::is_free(cx.model.tx, &req.username, Peer::User(me.0))?)
}

fn update_username(cx: &mut Cx<'_, '_>, me: Account, req: account::UpdateUsername) -> Rpc<enums::User> {
    users::set_username(&mut cx.model, me.0, &req.username)?;
    Ok(cx.view(me).user(me.0)?)
}

fn update_status(cx: &mut Cx<'_, '_>, me: Account, req: account::UpdateStatus) -> Rpc<bool> {
    presence::set(&mut cx.model, me.0, !req.offline)?;
    Ok(true)
}

/// The devices on which the caller is logged in, the calling one first.
fn get_authorizations(
    cx: &mut Cx<'_, '_>,
    me: Account,
    _: account::GetAuthorizations,
) -> Rpc<types::account::Authorizations> {
    let mut authorizations: Vec<types::Authorization> = keys::of_user(cx.model.tx, me.0)?
        .into_iter()
        .map(|row| types::Authorization {
            current: row.id == cx.model.origin.0,
            encrypted_requests_disabled: row.no_secret_chats,
            call_requests_disabled: row.no_calls,
            hash: login_hash(cx, me, row.id),
            device_model: row.device_model,
            system_version: row.system_version,
            api_id: row.api_id,
            app_version: row.app_version,
            date_created: row.logged_in,
            date_active: row.last_active,
            ip: row.ip,
            ..Default::default()
        })
        .collect();
    authorizations.sort_by_key(|a| (!a.current, -i64::from(a.date_active)));
    let authorization_ttl_days = settings::preferences(cx.model.tx, me.0)?.login_ttl_days;
    Ok(types::account::Authorizations { authorization_ttl_days, authorizations })
}

/// One of the caller's logins by the number that the list gave it; zero is the calling one.
fn login_by_hash(cx: &Cx<'_, '_>, me: Account, hash: i64) -> Rpc<KeyId> {
    let rows = keys::of_user(cx.model.tx, me.0)?;
    let row = rows.iter().find(|row| login_hash(cx, me, row.id) == hash);
    Ok(row.map(|row| KeyId(row.id)).ok_or(Refusal::HashInvalid)?)
}

fn reset_authorization(cx: &mut Cx<'_, '_>, me: Account, req: account::ResetAuthorization) -> Rpc<bool> {
    let key = login_by_hash(cx, me, req.hash)?;
    // One's own login ends by `auth.logOut`.
    if key == cx.model.origin {
        return Err(Refusal::HashInvalid.into());
    }
    keys::log_out(&mut cx.model, key)?;
    Ok(true)
}

fn change_authorization_settings(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: account::ChangeAuthorizationSettings,
) -> Rpc<bool> {
    let key = login_by_hash(cx, me, req.hash)?;
    keys::update(&mut cx.model, key, |row| {
        row.no_secret_chats = req.encrypted_requests_disabled.unwrap_or(row.no_secret_chats);
        row.no_calls = req.call_requests_disabled.unwrap_or(row.no_calls);
    })?;
    Ok(true)
}

fn set_authorization_ttl(cx: &mut Cx<'_, '_>, me: Account, req: account::SetAuthorizationTTL) -> Rpc<bool> {
    let days = settings::check_days(req.authorization_ttl_days)?;
    settings::change_preferences(&mut cx.model, me.0, |row| row.login_ttl_days = days)?;
    Ok(true)
}

fn get_account_ttl(
    cx: &mut Cx<'_, '_>,
    me: Account,
    _: account::GetAccountTTL,
) -> Rpc<types::AccountDaysTTL> {
    Ok(types::AccountDaysTTL { days: settings::preferences(cx.model.tx, me.0)?.account_ttl_days })
}

fn set_account_ttl(cx: &mut Cx<'_, '_>, me: Account, req: account::SetAccountTTL) -> Rpc<bool> {
    let days = settings::check_days(req.ttl.days)?;
    settings::change_preferences(&mut cx.model, me.0, |row| row.account_ttl_days = days)?;
    Ok(true)
}

fn get_content_settings(
    cx: &mut Cx<'_, '_>,
    me: Account,
    _: account::GetContentSettings,
) -> Rpc<types::account::ContentSettings> {
    let sensitive_enabled = settings::preferences(cx.model.tx, me.0)?.sensitive;
    Ok(types::account::ContentSettings { sensitive_enabled, sensitive_can_change: true })
}

fn set_content_settings(cx: &mut Cx<'_, '_>, me: Account, req: account::SetContentSettings) -> Rpc<bool> {
    settings::change_preferences(&mut cx.model, me.0, |row| row.sensitive = req.sensitive_enabled)?;
    Ok(true)
}

/// Whether the caller does *not* want to hear when one of their contacts signs up.
fn get_contact_sign_up_notification(
    cx: &mut Cx<'_, '_>,
    me: Account,
    _: account::GetContactSignUpNotification,
) -> Rpc<bool> {
    Ok(settings::preferences(cx.model.tx, me.0)?.silent_sign_ups)
}

fn set_contact_sign_up_notification(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: account::SetContactSignUpNotification,
) -> Rpc<bool> {
    settings::change_preferences(&mut cx.model, me.0, |row| row.silent_sign_ups = req.silent)?;
    Ok(true)
}

/// Pushes through the services of Apple, Google and others need their keys; there are none here, and clients need not know.
fn register_device(_: &mut Cx<'_, '_>, _: Account, _: account::RegisterDevice) -> Rpc<bool> {
    Ok(true)
}

fn unregister_device(_: &mut Cx<'_, '_>, _: Account, _: account::UnregisterDevice) -> Rpc<bool> {
    Ok(true)
}

fn update_device_locked(_: &mut Cx<'_, '_>, _: Account, _: account::UpdateDeviceLocked) -> Rpc<bool> {
    Ok(true)
}
