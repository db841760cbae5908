//! Signing in: a code to a phone number, the code back, an account if there was none.

use model::ctx::Notice;
use model::ids::{KeyId, SERVICE, UserId};
use model::jobs;
use model::messages::Outgoing;
use model::{Refusal, boxes, keys, login, presence, users};
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
        let terms = Box::new(terms_of_service());
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
    let others = !keys::of_user(cx.model.tx, user)?.is_empty();
    keys::log_in(&mut cx.model, key, user)?;
    // Who signs in was here, whether or not their client ever says so.
    presence::set(&mut cx.model, user, false)?;
    if others {
        let device = keys::find(cx.model.tx, key)?.unwrap_or_default().device_model;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    #[test]
    fn a_wrong_code_is_counted_and_a_code_ends_after_five() {
        let mut world = World::new();
        let mut device = world.guest();
        device.phone = "4915100000001".to_owned();
        let hash = world.ask_code(&device);
        let code =
            world.api.pending_code(&device.phone, world.now.unix()).expect("a number").expect("a code");
        let wrong = if code == "00000" { "00001" } else { "00000" };
        for _ in 0..5 {
            assert_eq!(world.sign_in(&device, &hash, wrong).expect_err("wrong"), "PHONE_CODE_INVALID");
        }
        assert_eq!(world.sign_in(&device, &hash, &code).expect_err("too late"), "PHONE_CODE_EXPIRED");
    }

    #[test]
    fn a_code_expires_by_the_clock_and_is_good_once() {
        let mut world = World::new();
        let ann = world.person("Ann");
        let (mut late, mut second) = (world.guest(), world.guest());
        late.phone.clone_from(&ann.phone);
        second.phone.clone_from(&ann.phone);
        let hash = world.ask_code(&late);
        world.wait(301);
        assert_eq!(world.sign_in(&late, &hash, "11111").expect_err("too late"), "PHONE_CODE_EXPIRED");
        let hash = world.ask_code(&late);
        world.sign_in(&late, &hash, "11111").expect("in time");
        assert_eq!(world.sign_in(&second, &hash, "11111").expect_err("used"), "PHONE_CODE_EXPIRED");
    }

    #[test]
    fn guesses_are_counted_over_all_codes_of_a_day() {
        let mut world = World::new();
        let mut device = world.guest();
        device.phone = "4915100000002".to_owned();
        let mut invalid = 0;
        for _ in 0..12 {
            let hash = world.ask_code(&device);
            for _ in 0..5 {
                match world.sign_in(&device, &hash, "x").expect_err("wrong").as_str() {
                    "PHONE_CODE_INVALID" => invalid += 1,
                    other => assert!(other.starts_with("FLOOD_WAIT_"), "{other}"),
                }
            }
            world.wait(601);
        }
        assert_eq!(invalid, model::limits::WRONG_CODES_DAILY);
        let hash = world.ask_code(&device);
        let code =
            world.api.pending_code(&device.phone, world.now.unix()).expect("a number").expect("a code");
        let refused = world.sign_in(&device, &hash, &code).expect_err("a right guess is a guess");
        assert!(refused.starts_with("FLOOD_WAIT_"), "{refused}");
    }

    #[test]
    fn what_was_counted_about_a_number_is_forgotten_in_the_end() {
        let mut world = World::new();
        let mut device = world.guest();
        device.phone = "4915100000003".to_owned();
        world.ask_code(&device);
        let counted = |world: &World| {
            use model::tables::{LOGIN_CODES, TALLIES};
            let name = |what: &str| (store::Name::of(what), what.to_owned());
            let (found, _) = world
                .api
                .store()
                .read(|tx| -> Result<_, store::Fault> {
                    Ok([
                        tx.get(&LOGIN_CODES, &name("4915100000003"))?.is_some(),
                        tx.get(&TALLIES, &name("code:4915100000003"))?.is_some(),
                        tx.get(&TALLIES, &name("codes from 127.0.0.1"))?.is_some(),
                    ])
                })
                .expect("a memory store reads");
            found
        };
        assert_eq!(counted(&world), [true; 3]);
        world.wait(2 * 24 * 3600);
        world.run_jobs();
        world.wait(2 * 24 * 3600);
        world.run_jobs();
        assert_eq!(counted(&world), [false; 3]);
    }

    #[test]
    fn a_login_ends_on_the_other_device_at_once() {
        let mut world = World::new();
        let ann = world.person("Ann");
        let other = world.device(&ann);
        world.call(&ann, &auth::ResetAuthorizations {}).expect("the others end");
        let state = tl::functions::updates::GetState {};
        assert_eq!(world.call(&other, &state).expect_err("logged out"), "AUTH_KEY_UNREGISTERED");
        assert!(world.call(&ann, &state).is_ok());
    }

    #[test]
    fn a_repeated_random_id_is_known_for_a_week_at_least_and_not_for_ever() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let to_bob = world.input_peer(&ann, &bob);
        // Two days before the turn of a span of four weeks.
        world.wait(25 * 24 * 3600);
        let first = world.say(&ann, to_bob.clone(), "once", 9);
        world.wait(7 * 24 * 3600);
        let again = world.say(&ann, to_bob.clone(), "once", 9);
        assert!(matches!(
            (first.first(), again.first()),
            (Some(enums::Update::UpdateMessageID(a)), Some(enums::Update::UpdateMessageID(b))) if a.id == b.id
        ));
        world.wait(3 * 24 * 3600);
        let later = world.say(&ann, to_bob, "once", 9);
        assert!(matches!(
            (first.first(), later.first()),
            (Some(enums::Update::UpdateMessageID(a)), Some(enums::Update::UpdateMessageID(b))) if a.id != b.id
        ));
    }

    #[test]
    fn random_ids_of_a_span_go_a_week_after_its_end_and_not_before() {
        use model::limits::SENT_TRIM_EVERY;
        use model::tables::SENT;

        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let to_bob = world.input_peer(&ann, &bob);
        let kept = |world: &World| {
            let look = |tx: &mut store::Tx<'_>| -> model::Done<_> {
                let all = tx.keys(&SENT, SENT.of(ann.user), store::Order::Forward, 1_000)?;
                Ok(all.into_iter().map(|(.., random_id)| random_id).collect::<Vec<_>>())
            };
            world.api.store().read(look).expect("read").0
        };
        let every = i64::from(SENT_TRIM_EVERY);
        let say = |world: &mut World, from: i64| {
            for random_id in from..from + every {
                world.say(&ann, to_bob.clone(), "x", random_id);
            }
        };
        say(&mut world, 1);
        world.wait(28 * 24 * 3600);
        say(&mut world, 100);
        assert_eq!(kept(&world).len(), 2 * SENT_TRIM_EVERY as usize, "of this span and of the last one");
        world.wait(7 * 24 * 3600);
        say(&mut world, 200);
        let left = kept(&world);
        assert!(left.iter().all(|&random_id| random_id >= 100), "{left:?}");
        assert_eq!(left.len(), 2 * SENT_TRIM_EVERY as usize);
    }
}
