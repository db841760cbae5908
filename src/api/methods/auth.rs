//! Signing in: a code to a phone number, the code back, an account if there was none.

use model::ctx::Notice;
use model::ids::{KeyId, SERVICE, UserId};
use model::jobs;
use model::messages::Outgoing;
use model::{Refusal, boxes, keys, login, users};
use tl::functions::auth;
use tl::{enums, types};

use crate::later::{Brought, Errand};
use crate::method::{Account, Anyone, Cx, Guest, Rpc, methods};
use crate::refs::Kind;
use crate::view::View;

methods! {
    auth::SendCode => send_code, Writes;
    auth::ResendCode => resend_code, Writes;
    auth::CancelCode => cancel_code, Writes;
    auth::SignIn => sign_in, Writes;
    auth::SignUp => sign_up, Writes;
    auth::LogOut => log_out, Writes;
    auth::ResetAuthorizations => reset_authorizations, Writes;
    auth::BindTempAuthKey => bind_temp_auth_key, Reads;
    auth::DropTempAuthKeys => drop_temp_auth_keys, Reads;
    auth::ExportAuthorization => export_authorization, Writes;
    auth::ImportAuthorization => import_authorization, Writes;
}

fn phone_of(phone: &str) -> Rpc<String> {
    Ok(users::phone_digits(phone).ok_or(Refusal::PhoneNumberInvalid)?)
}

/// Deals a code and sends it: as a message to the account's devices, and by the channel of the settings.
fn send_code(cx: &mut Cx<'_, '_>, _: Guest, req: auth::SendCode) -> Rpc<enums::auth::SentCode> {
    if req.api_id == 0 || req.api_hash.is_empty() {
        return Err(Refusal::ApiIdInvalid.into());
    }
    let phone = phone_of(&req.phone_number)?;
    let address = format!("codes from {}", cx.caller.address);
    login::count(&mut cx.model, &address, cx.site.settings.codes_per_address, 600)?;
    deliver(cx, &phone)
}

fn deliver(cx: &mut Cx<'_, '_>, phone: &str) -> Rpc<enums::auth::SentCode> {
    let policy = &cx.site.settings.login;
    let code = login::deal(&mut cx.model, policy, phone)?;
    let owner = users::by_phone(cx.model.tx, phone)?.filter(|user| *user != SERVICE);
    let elsewhere = match owner {
        Some(user) => !keys::of_user(cx.model.tx, user)?.is_empty(),
        None => false,
    };
    if let Some(user) = owner {
        tell_code(cx, user, &code.code)?;
    }
    jobs::deliver_code(&mut cx.model, phone, &code.code)?;
    let length = i32::try_from(code.code.len()).unwrap_or(5);
    let type_ = if elsewhere {
        types::auth::SentCodeTypeApp { length }.into()
    } else {
        types::auth::SentCodeTypeSms { length }.into()
    };
    Ok(types::auth::SentCode {
        type_,
        phone_code_hash: code.hash,
        next_type: Some(enums::auth::CodeType::CodeTypeSms),
        timeout: Some(60),
    }
    .into())
}

/// The message with the code, from the service account.
fn tell_code(cx: &mut Cx<'_, '_>, user: UserId, code: &str) -> Rpc<()> {
    let text = format!(
        "Login code: {code}. Do not give this code to anyone, even if they say they run this server.\n\n\
         If you did not ask for it, somebody knows your phone number and nothing more; you can ignore this message."
    );
    let entity = types::MessageEntityBold { offset: 0, length: 11 };
    boxes::from_service(
        &mut cx.model,
        user,
        Outgoing { text, entities: Some(vec![entity.into()]), ..Default::default() },
    )?;
    Ok(())
}

fn resend_code(cx: &mut Cx<'_, '_>, _: Guest, req: auth::ResendCode) -> Rpc<enums::auth::SentCode> {
    let phone = phone_of(&req.phone_number)?;
    login::pending(cx.model.tx, &phone, &req.phone_code_hash, cx.date())?;
    deliver(cx, &phone)
}

fn cancel_code(cx: &mut Cx<'_, '_>, _: Guest, req: auth::CancelCode) -> Rpc<bool> {
    let phone = phone_of(&req.phone_number)?;
    login::pending(cx.model.tx, &phone, &req.phone_code_hash, cx.date())?;
    login::consume(&mut cx.model, &phone)?;
    Ok(true)
}

fn sign_in(cx: &mut Cx<'_, '_>, _: Guest, req: auth::SignIn) -> Rpc<enums::auth::Authorization> {
    let phone = phone_of(&req.phone_number)?;
    login::try_code(
        &mut cx.model,
        &phone,
        &req.phone_code_hash,
        req.phone_code.as_deref().unwrap_or_default(),
    )?;
    let Some(user) = users::by_phone(cx.model.tx, &phone)?.filter(|user| *user != SERVICE) else {
        let terms = terms_of_service();
        return Ok(types::auth::AuthorizationSignUpRequired { terms_of_service: Some(terms) }.into());
    };
    login::consume(&mut cx.model, &phone)?;
    welcome(cx, user)
}

fn sign_up(cx: &mut Cx<'_, '_>, _: Guest, req: auth::SignUp) -> Rpc<enums::auth::Authorization> {
    let phone = phone_of(&req.phone_number)?;
    let code = login::pending(cx.model.tx, &phone, &req.phone_code_hash, cx.date())?;
    if !code.proved {
        return Err(Refusal::PhoneCodeInvalid.into());
    }
    let user = users::create(&mut cx.model, &phone, &req.first_name, &req.last_name)?;
    login::consume(&mut cx.model, &phone)?;
    welcome(cx, user)
}

/// Logs a person in on the calling key, and tells their other devices.
fn welcome(cx: &mut Cx<'_, '_>, user: UserId) -> Rpc<enums::auth::Authorization> {
    let key = cx.model.origin;
    if let Some(before) = cx.key.user_id.filter(|before| *before != user.0) {
        tracing::debug!("a key changes hands");
        debug_assert_ne!(before, user.0);
        keys::log_out(&mut cx.model, key)?;
    }
    let others = !keys::of_user(cx.model.tx, user)?.is_empty();
    keys::log_in(&mut cx.model, key, user)?;
    if others {
        let device = cx.key.device_model.clone();
        let text = format!(
            "New login from {} ({}). If it was not you, end it in the list of your devices.",
            if device.is_empty() { "an unknown device" } else { &device },
            cx.caller.address,
        );
        boxes::from_service(&mut cx.model, user, Outgoing { text, ..Default::default() })?;
    }
    let view = View::new(cx.model.tx, cx.site, user, cx.model.now.unix(), cx.key.dc);
    Ok(types::auth::Authorization { user: view.user(user)?, ..Default::default() }.into())
}

/// What a new account agrees to.
pub(super) fn terms_of_service() -> types::help::TermsOfService {
    types::help::TermsOfService {
        popup: false,
        id: types::DataJSON { data: "{}".to_owned() },
        text: "Be kind. Whoever runs this server can read what is stored on it.".to_owned(),
        entities: Vec::new(),
        min_age_confirm: None,
    }
}

fn log_out(cx: &mut Cx<'_, '_>, _: Account, _: auth::LogOut) -> Rpc<types::auth::LoggedOut> {
    let key = cx.model.origin;
    keys::log_out(&mut cx.model, key)?;
    Ok(types::auth::LoggedOut { future_auth_token: None })
}

/// Ends all other logins of the caller.
fn reset_authorizations(cx: &mut Cx<'_, '_>, me: Account, _: auth::ResetAuthorizations) -> Rpc<bool> {
    for row in keys::of_user(cx.model.tx, me.0)? {
        if row.id != cx.model.origin.0 {
            keys::log_out(&mut cx.model, KeyId(row.id))?;
        }
    }
    Ok(true)
}

/// Binds the temporary key of this session to a permanent one. The gateway, which holds the keys, checks the proof.
// spec: PFS-3
fn bind_temp_auth_key(cx: &mut Cx<'_, '_>, _: Anyone, req: auth::BindTempAuthKey) -> Rpc<bool> {
    let bound = cx.errand(Errand::Bind {
        perm_auth_key_id: req.perm_auth_key_id,
        nonce: req.nonce,
        expires_at: req.expires_at,
        encrypted_message: req.encrypted_message,
    })?;
    if *bound == Brought::Bound { Ok(true) } else { Err(Refusal::EncryptedMessageInvalid.into()) }
}

/// Clients say which temporary keys they still use; the others end by themselves.
fn drop_temp_auth_keys(_: &mut Cx<'_, '_>, _: Guest, _: auth::DropTempAuthKeys) -> Rpc<bool> {
    Ok(true)
}

/// A ticket with which another key of the same client is logged in, for a client that takes us for several data centres.
fn export_authorization(
    cx: &mut Cx<'_, '_>,
    me: Account,
    _: auth::ExportAuthorization,
) -> Rpc<types::auth::ExportedAuthorization> {
    let bytes = login::export(&mut cx.model, me.0)?;
    Ok(types::auth::ExportedAuthorization { id: me.0.0, bytes })
}

fn import_authorization(
    cx: &mut Cx<'_, '_>,
    _: Guest,
    req: auth::ImportAuthorization,
) -> Rpc<enums::auth::Authorization> {
    let user = UserId(req.id);
    login::import(&mut cx.model, user, &req.bytes)?;
    let key = cx.model.origin;
    keys::log_in(&mut cx.model, key, user)?;
    cx.model.effects.tell(Notice::Key(key));
    let view = View::new(cx.model.tx, cx.site, user, cx.model.now.unix(), cx.key.dc);
    Ok(types::auth::Authorization { user: view.user(user)?, ..Default::default() }.into())
}

/// The number by which a login is named in the list of devices; zero names the caller's own.
pub(super) fn login_hash(cx: &Cx<'_, '_>, me: Account, key: i64) -> i64 {
    if key == cx.model.origin.0 { 0 } else { cx.site.access_hash(me.0, Kind::Login, key) }
}
