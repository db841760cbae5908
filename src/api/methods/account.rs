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

#[cfg(test)]
mod tests {
    use model::ids::UserId;
    use tl::functions;

    use super::*;
    use crate::world::{Device, World};

    fn user(world: &mut World, me: &Device, whom: &Device) -> types::User {
        let id = vec![world.input_user(me, whom)];
        match world.call(me, &functions::users::GetUsers { id }).expect("people").remove(0) {
            enums::User::User(user) => *user,
            other => panic!("nobody there: {other:?}"),
        }
    }

    fn online(world: &mut World, who: &Device, offline: bool) {
        assert!(world.call(who, &account::UpdateStatus { offline }).expect("a status"));
    }

    fn set_privacy(
        world: &mut World,
        who: &Device,
        key: enums::InputPrivacyKey,
        rules: Vec<enums::InputPrivacyRule>,
    ) -> types::account::PrivacyRules {
        world.call(who, &account::SetPrivacy { key, rules }).expect("rules")
    }

    #[test]
    fn a_new_name_reaches_the_own_devices_and_who_knows_them() {
        let mut world = World::new();
        let (ann, mut bob, mut eve) = (world.person("Ann"), world.person("Bob"), world.person("Eve"));
        let mut ann2 = world.device(&ann);
        let to_bob = world.input_peer(&ann, &bob);
        world.say(&ann, to_bob, "hello", 1);
        for device in [&mut ann2, &mut bob, &mut eve] {
            world.pushes(device);
        }
        let rename = account::UpdateProfile {
            first_name: Some(" Anna ".to_owned()),
            about: Some("here".to_owned()),
            ..Default::default()
        };
        let enums::User::User(me) = world.call(&ann, &rename).expect("renamed") else { panic!("nobody") };
        assert_eq!(me.first_name.as_deref(), Some("Anna"));
        for device in [&mut ann2, &mut bob] {
            let pushed = world.pushes(device);
            let named =
                |u: &enums::Update| matches!(u, enums::Update::UpdateUserName(u) if u.first_name == "Anna");
            assert!(pushed.iter().any(named), "{pushed:?}");
        }
        assert!(world.pushes(&mut eve).is_empty());
        let long = account::UpdateProfile { about: Some("x".repeat(71)), ..Default::default() };
        assert_eq!(world.call(&ann, &long).expect_err("too long"), "ABOUT_TOO_LONG");
        let nameless = account::UpdateProfile { first_name: Some(" ".to_owned()), ..Default::default() };
        assert_eq!(world.call(&ann, &nameless).expect_err("no name"), "FIRSTNAME_INVALID");
    }

    #[test]
    fn a_username_belongs_to_one_person() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let take = |name: &str| account::UpdateUsername { username: name.to_owned() };
        let check = |name: &str| account::CheckUsername { username: name.to_owned() };
        assert!(world.call(&ann, &check("annette")).expect("free"));
        world.call(&ann, &take("Annette")).expect("taken");
        assert_eq!(world.call(&bob, &take("annETTE")).expect_err("taken"), "USERNAME_OCCUPIED");
        assert!(!world.call(&bob, &check("annette")).expect("not free"));
        assert_eq!(world.call(&ann, &take("Annette")).expect_err("the same"), "USERNAME_NOT_MODIFIED");
        assert_eq!(world.call(&bob, &check("1bob!")).expect_err("no name"), "USERNAME_INVALID");
        world.call(&ann, &take("")).expect("given up");
        world.call(&bob, &take("annette")).expect("free again");
    }

    #[test]
    fn a_device_is_listed_and_can_be_logged_out_from_another() {
        let mut world = World::new();
        let ann = world.person("Ann");
        let ann2 = world.device(&ann);
        let all = world.call(&ann, &account::GetAuthorizations {}).expect("devices").authorizations;
        assert_eq!(
            all.iter().map(|a| (a.current, a.hash == 0)).collect::<Vec<_>>(),
            [(true, true), (false, false)]
        );
        let reset = |hash| account::ResetAuthorization { hash };
        assert_eq!(world.call(&ann, &reset(5)).expect_err("no such"), "HASH_INVALID");
        assert!(world.call(&ann, &reset(all[1].hash)).expect("ended"));
        assert_eq!(
            world.call(&ann2, &account::GetAuthorizations {}).expect_err("logged out"),
            "AUTH_KEY_UNREGISTERED"
        );
    }

    #[test]
    fn a_status_is_told_to_who_may_see_it_and_ends_by_itself() {
        let mut world = World::new();
        let (ann, bob, eve) = (world.person("Ann"), world.person("Bob"), world.person("Eve"));
        for other in [&bob, &eve] {
            let peer = world.input_peer(other, &ann);
            world.say(other, peer, "hello", 1);
        }
        let no_eve = types::InputPrivacyValueDisallowUsers { users: vec![world.input_user(&ann, &eve)] };
        set_privacy(
            &mut world,
            &ann,
            enums::InputPrivacyKey::InputPrivacyKeyStatusTimestamp,
            vec![no_eve.into(), enums::InputPrivacyRule::InputPrivacyValueAllowAll],
        );
        world.told.clear();
        online(&mut world, &ann, false);
        let told = world.told.clone();
        let heard = world.whispers(&bob);
        assert!(matches!(heard.as_slice(), [enums::Update::UpdateUserStatus(u)]
            if u.user_id == ann.user.0 && matches!(u.status, enums::UserStatus::UserStatusOnline(_))));
        world.told = told;
        assert!(world.whispers(&eve).is_empty());
        let seen = user(&mut world, &bob, &ann).status;
        assert!(matches!(seen, Some(enums::UserStatus::UserStatusOnline(_))));
        let seen = user(&mut world, &eve, &ann).status;
        assert!(matches!(seen, Some(enums::UserStatus::UserStatusRecently(r)) if !r.by_me));
        // Who does not show it does not see it either.
        online(&mut world, &eve, false);
        let seen = user(&mut world, &ann, &eve).status;
        assert!(matches!(seen, Some(enums::UserStatus::UserStatusRecently(r)) if r.by_me));
        let was = world.now.unix();
        world.wait(301);
        let seen = user(&mut world, &bob, &ann).status;
        assert!(matches!(seen, Some(enums::UserStatus::UserStatusOffline(o)) if o.was_online == was));
    }

    #[test]
    fn a_device_that_goes_does_not_take_its_person_with_it() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let ann2 = world.device(&ann);
        online(&mut world, &ann, false);
        online(&mut world, &ann2, false);
        online(&mut world, &ann, true);
        let seen = user(&mut world, &bob, &ann).status;
        assert!(matches!(seen, Some(enums::UserStatus::UserStatusOnline(_))));
        online(&mut world, &ann2, true);
        let seen = user(&mut world, &bob, &ann).status;
        assert!(matches!(seen, Some(enums::UserStatus::UserStatusOffline(_))));
    }

    #[test]
    fn a_phone_number_is_shown_by_the_rules_of_its_owner() {
        let mut world = World::new();
        let (ann, bob, mut ann2);
        (ann, bob) = (world.person("Ann"), world.person("Bob"));
        ann2 = world.device(&ann);
        assert_eq!(user(&mut world, &bob, &ann).phone, None);
        world.pushes(&mut ann2);
        let all = vec![enums::InputPrivacyRule::InputPrivacyValueAllowAll];
        set_privacy(&mut world, &ann, enums::InputPrivacyKey::InputPrivacyKeyPhoneNumber, all);
        assert!(matches!(world.pushes(&mut ann2).as_slice(), [enums::Update::UpdatePrivacy(_)]));
        assert_eq!(user(&mut world, &bob, &ann).phone.as_deref(), Some(ann.phone.as_str()));
        let only_contacts = vec![enums::InputPrivacyRule::InputPrivacyValueAllowContacts];
        let key = enums::InputPrivacyKey::InputPrivacyKeyPhoneNumber;
        let rules = set_privacy(&mut world, &ann, key, only_contacts);
        assert!(matches!(rules.rules.as_slice(), [enums::PrivacyRule::PrivacyValueAllowContacts]));
        assert_eq!(user(&mut world, &bob, &ann).phone, None);
        let add = functions::contacts::AddContact {
            id: world.input_user(&ann, &bob),
            first_name: "Bobby".to_owned(),
            ..Default::default()
        };
        world.call(&ann, &add).expect("a contact");
        assert!(user(&mut world, &bob, &ann).phone.is_some());
    }

    #[test]
    fn notify_settings_are_kept_per_conversation_and_told_to_other_devices() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let mut ann2 = world.device(&ann);
        let peer: enums::InputNotifyPeer =
            types::InputNotifyPeer { peer: world.input_peer(&ann, &bob) }.into();
        world.pushes(&mut ann2);
        let settings = types::InputPeerNotifySettings { mute_until: Some(i32::MAX), ..Default::default() };
        world.call(&ann, &account::UpdateNotifySettings { peer: peer.clone(), settings }).expect("set");
        let pushed = world.pushes(&mut ann2);
        assert!(matches!(pushed.as_slice(), [enums::Update::UpdateNotifySettings(_)]), "{pushed:?}");
        let got = world.call(&ann2, &account::GetNotifySettings { peer }).expect("settings");
        assert_eq!(got.mute_until, Some(i32::MAX));
        let all = enums::InputNotifyPeer::InputNotifyUsers;
        let got = world.call(&ann, &account::GetNotifySettings { peer: all }).expect("settings");
        assert_eq!((got.show_previews, got.mute_until), (Some(true), Some(0)));
        let ask = account::GetNotifyExceptions::default();
        let enums::Updates::Updates(found) = world.call(&ann, &ask).expect("exceptions") else {
            panic!("odd")
        };
        assert_eq!((found.updates.len(), found.users.len()), (1, 1));
        world.call(&ann, &account::ResetNotifySettings {}).expect("reset");
        let enums::Updates::Updates(found) = world.call(&ann, &ask).expect("exceptions") else {
            panic!("odd")
        };
        assert!(found.updates.is_empty());
    }

    #[test]
    fn nobody_has_a_password_and_every_client_can_read_that() {
        let mut world = World::new();
        let ann = world.person("Ann");
        let password = world.call(&ann, &account::GetPassword {}).expect("no password");
        assert!(!password.has_password && password.current_algo.is_none());
        assert_eq!(password.secure_random.len(), 256);
        let ttl = account::SetAccountTTL { ttl: types::AccountDaysTTL { days: 0 } };
        assert_eq!(world.call(&ann, &ttl).expect_err("no time"), "TTL_DAYS_INVALID");
        assert_ne!(ann.user, UserId(0));
    }

    #[test]
    fn who_does_not_want_to_be_invited_or_linked_to_is_not() {
        let mut world = World::new();
        let (ann, bob, eve) = (world.person("Ann"), world.person("Bob"), world.person("Eve"));
        let nobody = || vec![enums::InputPrivacyRule::InputPrivacyValueDisallowAll];
        set_privacy(&mut world, &bob, enums::InputPrivacyKey::InputPrivacyKeyChatInvite, nobody());
        set_privacy(&mut world, &bob, enums::InputPrivacyKey::InputPrivacyKeyForwards, nobody());
        let users = vec![world.input_user(&ann, &bob), world.input_user(&ann, &eve)];
        let create = functions::messages::CreateChat { users, title: "Three".to_owned(), ttl_period: None };
        let made = world.call(&ann, &create).expect("a group");
        assert_eq!(made.missing_invitees.iter().map(|m| m.user_id).collect::<Vec<_>>(), [bob.user.0]);
        let to_ann = world.input_peer(&bob, &ann);
        world.say(&bob, to_ann, "between us", 1);
        let from_peer = world.input_peer(&ann, &bob);
        let ask = functions::messages::GetHistory { peer: from_peer.clone(), limit: 1, ..Default::default() };
        let enums::messages::Messages::Messages(page) = world.call(&ann, &ask).expect("a page") else {
            panic!("a slice")
        };
        let Some(enums::Message::Message(said)) = page.messages.first() else { panic!("nothing said") };
        let forward = functions::messages::ForwardMessages {
            from_peer,
            to_peer: world.input_peer(&ann, &eve),
            id: vec![said.id],
            random_id: vec![2],
            ..Default::default()
        };
        let enums::Updates::Updates(told) = world.call(&ann, &forward).expect("forwarded") else {
            panic!("odd")
        };
        let header = told.updates.iter().find_map(|update| match update {
            enums::Update::UpdateNewMessage(u) => match &u.message {
                enums::Message::Message(m) => m.fwd_from.as_ref(),
                _ => None,
            },
            _ => None,
        });
        assert!(header.is_some_and(|h| h.from_id.is_none() && h.from_name.as_deref() == Some("Bob")));
    }

    #[test]
    fn a_login_that_is_not_used_ends_as_its_person_wants() {
        let mut world = World::new();
        let ann = world.person("Ann");
        let ttl = account::SetAuthorizationTTL { authorization_ttl_days: 30 };
        assert!(world.call(&ann, &ttl).expect("set"));
        let all = world.call(&ann, &account::GetAuthorizations {}).expect("devices");
        assert_eq!(all.authorization_ttl_days, 30);
        world.wait(29 * 86_400);
        world
            .with_env(|api, env| api.alter(env, ann.key, |cx| keys::expire(cx, ann.key)))
            .expect("looked at");
        assert!(world.call(&ann, &account::GetAuthorizations {}).is_ok());
        world.wait(2 * 86_400);
        world
            .with_env(|api, env| api.alter(env, ann.key, |cx| keys::expire(cx, ann.key)))
            .expect("looked at");
        let gone = world.call(&ann, &account::GetAuthorizations {});
        assert_eq!(gone.expect_err("ended"), "AUTH_KEY_UNREGISTERED");
    }
}
