//! The password of two-step verification. There is none yet: clients are told so, with what one would be made with.

use tl::functions::{account, messages};
use tl::{enums, types};

use crate::method::{Account, Cx, Rpc, methods};
use crate::prime;

methods! {
    account::GetPassword => get_password, Reads;
    messages::GetDhConfig => get_dh_config, Reads;
}

/// Bytes of randomness that clients mix into what they make.
const RANDOM_BYTES: usize = 256;
/// Random bytes that one call may ask for.
const RANDOM_BYTES_MAX: usize = 1_024;

/// That there is no password. Clients refuse an answer without the algorithms and the randomness of a new one.
fn get_password(cx: &mut Cx<'_, '_>, _: Account, _: account::GetPassword) -> Rpc<types::account::Password> {
    let dice = &mut *cx.model.dice;
    let new_algo = types::PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow {
        salt1: env::bytes::<8>(dice).to_vec(),
        salt2: env::bytes::<16>(dice).to_vec(),
        g: prime::G,
        p: prime::P.to_vec(),
    };
    let salt = env::bytes::<8>(dice).to_vec();
    Ok(types::account::Password {
        new_algo: new_algo.into(),
        new_secure_algo: types::SecurePasswordKdfAlgoPBKDF2HMACSHA512iter100000 { salt }.into(),
        secure_random: env::bytes::<RANDOM_BYTES>(dice).to_vec(),
        ..Default::default()
    })
}

/// The group in which clients agree on keys of their own, and randomness if they ask for some.
fn get_dh_config(
    cx: &mut Cx<'_, '_>,
    _: Account,
    req: messages::GetDhConfig,
) -> Rpc<enums::messages::DhConfig> {
    // spec: E2E-1
    const VERSION: i32 = 1;
    let length = usize::try_from(req.random_length).unwrap_or(0).min(RANDOM_BYTES_MAX);
    let mut random = vec![0; length];
    cx.model.dice.fill(&mut random);
    if req.version == VERSION {
        return Ok(types::messages::DhConfigNotModified { random }.into());
    }
    Ok(types::messages::DhConfig { g: prime::G, p: prime::P.to_vec(), version: VERSION, random }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    // proves: E2E-1
    #[test]
    fn the_group_is_told_once_and_randomness_as_often_as_asked() {
        let mut world = World::new();
        let ada = world.person("Ada");
        let mut ask = |version, random_length| {
            world.call(&ada, &messages::GetDhConfig { version, random_length }).expect("a group")
        };
        let enums::messages::DhConfig::DhConfig(config) = ask(0, 256) else { panic!("no group") };
        assert_eq!((config.g, config.p.as_slice()), (prime::G, prime::P.as_slice()));
        assert_eq!(config.random.len(), 256);
        let enums::messages::DhConfig::DhConfigNotModified(same) = ask(config.version, i32::MAX) else {
            panic!("the same group again")
        };
        assert_eq!(same.random.len(), RANDOM_BYTES_MAX);
        assert_ne!(same.random.get(..256), Some(config.random.as_slice()));
        let enums::messages::DhConfig::DhConfigNotModified(nothing) = ask(config.version, -1) else {
            panic!("the same group again")
        };
        assert!(nothing.random.is_empty());
    }
}
