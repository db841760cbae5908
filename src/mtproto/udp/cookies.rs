//! Cookies: that an address is where it seems to be, shown without remembering it.
//!
//! A cookie is a MAC over an address, what it is for and the client's nonce, under a key that is drawn anew every minute
//! and forgotten two minutes later. In a handshake the cookie is the `server_nonce`, which the second step returns anyway;
//! `pq` is drawn from the same MAC, so that nothing at all is kept between the first step and the second.

use std::net::{IpAddr, SocketAddr};

use env::{Dice, Env, SeededDice, Time};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::handshake::pq::Pq;
use crate::limits::COOKIE_KEY_PERIOD;

/// What an address is asked to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie(pub [u8; 16]);

/// What a cookie is for: one kind is worth nothing as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A handshake: the `server_nonce` for this `nonce`.
    Handshake([u8; 16]),
    /// Anything else.
    Address,
}

/// The keys under which cookies are made.
pub struct Cookies {
    current: Key,
    previous: Option<Key>,
}

struct Key {
    since: Time,
    secret: Zeroizing<[u8; 32]>,
}

impl Key {
    fn draw(now: Time, dice: &mut dyn Dice) -> Self {
        Self { since: now, secret: Zeroizing::new(env::bytes(dice)) }
    }

    fn mac(&self, from: SocketAddr, purpose: Purpose) -> [u8; 32] {
        let address = match from.ip().to_canonical() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let (kind, nonce) = match purpose {
            Purpose::Handshake(nonce) => (1, nonce),
            Purpose::Address => (2, [0; 16]),
        };
        // Keys of any length are fine with HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret[..]) else { return [0; 32] };
        mac.update(&address.octets());
        mac.update(&from.port().to_le_bytes());
        mac.update(&[kind]);
        mac.update(&nonce);
        mac.finalize().into_bytes().into()
    }
}

fn cookie_of(mac: &[u8; 32]) -> Cookie {
    Cookie(mac.first_chunk().copied().unwrap_or_default())
}

/// The numbers that the handshake of this cookie is about.
fn pq_of(mac: &[u8; 32]) -> Pq {
    let seed = u64::from_le_bytes(mac.last_chunk().copied().unwrap_or_default());
    Pq::draw(&mut SeededDice::new(seed))
}

impl Cookies {
    /// Keys that nobody knows.
    #[must_use]
    pub fn new(env: &mut Env<'_>) -> Self {
        Self { current: Key::draw(env.now, env.dice), previous: None }
    }

    fn turn(&mut self, env: &mut Env<'_>) {
        // spec: UDP-2
        let age = env.now.since(self.current.since);
        if age >= COOKIE_KEY_PERIOD {
            let old = std::mem::replace(&mut self.current, Key::draw(env.now, env.dice));
            self.previous = (age < COOKIE_KEY_PERIOD * 2).then_some(old);
        } else if age.is_zero() && env.now < self.current.since {
            // The clock was set back.
            self.current.since = env.now;
        }
    }

    /// The cookie for `from`.
    #[must_use]
    pub fn bake(&mut self, env: &mut Env<'_>, from: SocketAddr, purpose: Purpose) -> Cookie {
        self.turn(env);
        cookie_of(&self.current.mac(from, purpose))
    }

    /// The `server_nonce` and the `pq` of a handshake that `from` begins with `nonce`: the same as long as its key is.
    #[must_use]
    pub fn begin(&mut self, env: &mut Env<'_>, from: SocketAddr, nonce: [u8; 16]) -> (Cookie, Pq) {
        self.turn(env);
        let mac = self.current.mac(from, Purpose::Handshake(nonce));
        (cookie_of(&mac), pq_of(&mac))
    }

    /// Whether `cookie` was made for `from`, not long ago.
    #[must_use]
    pub fn is_good(
        &mut self,
        env: &mut Env<'_>,
        from: SocketAddr,
        purpose: Purpose,
        cookie: &Cookie,
    ) -> bool {
        self.find(env, from, purpose, cookie).is_some()
    }

    /// The `pq` of the handshake to which `server_nonce` belongs, if it was made for `from` and `nonce`, not long ago.
    #[must_use]
    pub fn pq(
        &mut self,
        env: &mut Env<'_>,
        from: SocketAddr,
        nonce: [u8; 16],
        server_nonce: [u8; 16],
    ) -> Option<Pq> {
        self.find(env, from, Purpose::Handshake(nonce), &Cookie(server_nonce)).map(|mac| pq_of(&mac))
    }

    fn find(
        &mut self,
        env: &mut Env<'_>,
        from: SocketAddr,
        purpose: Purpose,
        cookie: &Cookie,
    ) -> Option<[u8; 32]> {
        self.turn(env);
        // spec: UDP-2
        let keys = [Some(&self.current), self.previous.as_ref()];
        let mut macs = keys.into_iter().flatten().map(|key| key.mac(from, purpose));
        macs.find(|mac| bool::from(cookie_of(mac).0.ct_eq(&cookie.0)))
    }
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookies").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Time = Time::from_secs(1_700_000_000);

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    // proves: UDP-2
    #[test]
    fn a_cookie_is_for_one_address_one_purpose_and_a_minute_or_two() {
        let mut dice = SeededDice::new(1);
        macro_rules! env {
            ($secs:literal) => {
                Env { now: START + Duration::from_secs($secs), dice: &mut dice }
            };
        }
        let mut cookies = Cookies::new(&mut env!(0));
        let here = at("198.51.100.1:4000");
        let address = cookies.bake(&mut env!(30), here, Purpose::Address);
        let (nonce, _) = cookies.begin(&mut env!(30), here, [5; 16]);
        assert!(cookies.is_good(&mut env!(31), here, Purpose::Address, &address));
        assert!(cookies.is_good(&mut env!(31), at("[::ffff:198.51.100.1]:4000"), Purpose::Address, &address));
        assert!(!cookies.is_good(&mut env!(31), at("198.51.100.1:4001"), Purpose::Address, &address));
        assert!(!cookies.is_good(&mut env!(31), at("198.51.100.2:4000"), Purpose::Address, &address));
        assert!(!cookies.is_good(&mut env!(31), here, Purpose::Handshake([0; 16]), &address));
        assert!(cookies.pq(&mut env!(31), here, [5; 16], nonce.0).is_some());
        assert!(cookies.pq(&mut env!(31), here, [6; 16], nonce.0).is_none());
        assert!(cookies.pq(&mut env!(31), here, [5; 16], address.0).is_none());
        // The key of it is the one before, then no more.
        assert!(cookies.is_good(&mut env!(70), here, Purpose::Address, &address));
        assert!(!cookies.is_good(&mut env!(131), here, Purpose::Address, &address));
        // After a silence of any length nothing old is good.
        let fresh = cookies.bake(&mut env!(131), here, Purpose::Address);
        assert!(!cookies.is_good(&mut env!(300), here, Purpose::Address, &fresh));
    }

    // proves: UDP-2
    #[test]
    fn a_clock_that_was_set_back_neither_ends_a_cookie_nor_lets_it_live_longer() {
        let mut dice = SeededDice::new(1);
        let mut env = Env { now: START + Duration::from_secs(5000), dice: &mut dice };
        let mut cookies = Cookies::new(&mut env);
        let here = at("[2001:db8::1]:4000");
        let cookie = cookies.bake(&mut env, here, Purpose::Address);
        for (secs, is_good) in [(0, true), (59, true), (61, true), (119, true), (122, false)] {
            env.now = START + Duration::from_secs(secs);
            assert_eq!(cookies.is_good(&mut env, here, Purpose::Address, &cookie), is_good, "{secs} s");
        }
        assert!(!cookies.is_good(&mut env, at("[2001:db8::2]:4000"), Purpose::Address, &cookie));
    }

    // proves: HS-3
    #[test]
    fn each_handshake_has_numbers_of_its_own_and_a_repeat_the_same() {
        let mut dice = SeededDice::new(1);
        let mut env = Env { now: START, dice: &mut dice };
        let mut cookies = Cookies::new(&mut env);
        let here = at("198.51.100.1:4000");
        let one = cookies.begin(&mut env, here, [1; 16]);
        assert_eq!(cookies.begin(&mut env, here, [1; 16]), one);
        assert_eq!(cookies.pq(&mut env, here, [1; 16], one.0.0), Some(one.1));
        let other = cookies.begin(&mut env, here, [2; 16]);
        assert!(other.0 != one.0 && other.1 != one.1);
    }
}
