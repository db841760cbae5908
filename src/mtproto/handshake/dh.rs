//! The Diffie-Hellman group of the handshake, and arithmetic in it that takes the same time for every secret.

use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{CtAssign as _, CtEq as _, CtGt as _, CtLt as _, Odd, U2048};
use env::Dice;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::crypto::{AUTH_KEY_BYTES, FullAuthKey};
use crate::limits::SPARE_EXPONENTS_MAX;

/// The generator. For this prime, of the seven that clients allow, 3, 4 and 7 generate a group of prime order; the web
/// clients take 3 only.
pub const G: i32 = 3;

/// Length of the group's numbers, in bytes.
pub const NUMBER_BYTES: usize = 256;

/// The prime that every client knows: Pyrogram and the web clients take no other, and the rest skip their slow test of
/// it.
const PRIME_HEX: &str = "\
c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4db\
fa336f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64\
2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4a4a695811051907e162753b56b0f6b41\
0dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4\
e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf\
6f4fadf034b10403119cd8e3b92fcc5b";

const ODD_PRIME: Odd<U2048> = Odd::<U2048>::from_be_hex(PRIME_HEX);

const PRIME: U2048 = *ODD_PRIME.as_ref();

/// How far a public number stays away from both ends of the group: 2^1984.
const MARGIN: U2048 = U2048::ONE.shl_vartime(2048 - 64);

static GROUP: LazyLock<FixedMontyParams<{ U2048::LIMBS }>> =
    LazyLock::new(|| FixedMontyParams::new_vartime(ODD_PRIME));

/// `dh_prime` as it is sent.
#[must_use]
pub fn prime_bytes() -> [u8; NUMBER_BYTES] {
    bytes(&PRIME)
}

/// Digits of an exponent, of four bits each.
const DIGITS: usize = 2048 / 4;

/// `G^(digit * 16^place)` in Montgomery form, for every place and every digit: 2 MiB that make `g^a` five times cheaper
/// than any other power. Built once, in some ten milliseconds, with the first spare exponent.
static POWERS_OF_G: LazyLock<Vec<[U2048; 16]>> = LazyLock::new(|| {
    let mut step = FixedMontyForm::new(&U2048::from_u32(G.unsigned_abs()), &GROUP);
    let place = |_| {
        let mut power = FixedMontyForm::one(&GROUP);
        let row = std::array::from_fn(|_| {
            let entry = *power.as_montgomery();
            power *= &step;
            entry
        });
        step = power;
        row
    };
    (0..DIGITS).map(place).collect()
});

/// A secret exponent, `a` or `b`; one per run.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Secret(U2048);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(<hidden>)")
    }
}

/// Secret exponents with their public numbers, drawn while nobody waited for them: a handshake that takes one does not
/// have to compute `g^a`. Each is taken once.
#[derive(Default)]
pub struct Spares {
    #[expect(clippy::vec_box, reason = "what moves is never the secret: where one was, it is wiped")]
    list: Mutex<Vec<Box<Spare>>>,
}

struct Spare {
    secret: Secret,
    public: [u8; NUMBER_BYTES],
}

impl fmt::Debug for Spares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spares(<hidden>)")
    }
}

impl Spares {
    /// Draws one more, which takes as long as `g^a` does, unless there are [`SPARE_EXPONENTS_MAX`]. Says whether it drew
    /// one. `dice` must be cryptographic.
    pub fn draw_one(&self, dice: &mut dyn Dice) -> bool {
        if self.len() >= SPARE_EXPONENTS_MAX {
            return false;
        }
        let (secret, public) = Secret::draw(dice);
        let spare = Box::new(Spare { secret, public });
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        // Others draw at the same time.
        if list.len() < SPARE_EXPONENTS_MAX {
            list.push(spare);
        }
        true
    }

    /// Takes one out for good; nothing when there is none.
    #[must_use]
    pub fn take(&self) -> Option<(Secret, [u8; NUMBER_BYTES])> {
        let spare = self.list.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some((spare.secret.clone(), spare.public))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A public number of the peer that lies in the safe range. Only the check makes one, and only with one a key can be
/// made.
#[derive(Debug, Clone, Copy)]
pub struct CheckedPublic(U2048);

impl CheckedPublic {
    /// Checks `number`, big-endian: 2^1984 <= number <= dh_prime - 2^1984, which implies 1 < number < dh_prime - 1.
    #[must_use]
    pub fn check(number: &[u8]) -> Option<Self> {
        // spec: HS-12, HS-13
        let missing = NUMBER_BYTES.checked_sub(number.len())?;
        let mut padded = [0; NUMBER_BYTES];
        padded.get_mut(missing..)?.copy_from_slice(number);
        // spec: TL-4
        let number = U2048::from_be_slice(&padded);
        // Without a branch: whatever is refused costs the same.
        let is_unsafe = number.ct_lt(&MARGIN) | number.ct_gt(&PRIME.wrapping_sub(&MARGIN));
        (!is_unsafe).to_bool().then_some(Self(number))
    }
}

impl Secret {
    /// Draws a secret exponent of 2048 bits whose public number is in the safe range, and that number.
    #[must_use]
    pub fn draw(dice: &mut dyn Dice) -> (Self, [u8; NUMBER_BYTES]) {
        // spec: HS-16
        loop {
            let mut drawn: Zeroizing<[u8; NUMBER_BYTES]> = Zeroizing::new(env::bytes(dice));
            let secret = Self(U2048::from_be_slice(drawn.as_slice()));
            drawn.zeroize();
            let public = bytes(&power_of_g(&secret));
            if CheckedPublic::check(&public).is_some() {
                return (secret, public);
            }
        }
    }

    /// The key that this secret and the peer's number make.
    #[must_use]
    pub fn key_with(&self, public: &CheckedPublic) -> FullAuthKey {
        // spec: HS-19
        let mut shared = power(&public.0, self);
        let key = FullAuthKey::new(bytes(&shared));
        shared.zeroize();
        key
    }
}

/// `base^exponent mod dh_prime`, in time that depends on neither.
fn power(base: &U2048, exponent: &Secret) -> U2048 {
    FixedMontyForm::new(base, &GROUP).pow_amm(&exponent.0).retrieve()
}

/// `G^exponent mod dh_prime`, in time that does not depend on the exponent: of each row every entry is read.
fn power_of_g(exponent: &Secret) -> U2048 {
    let mut digits = Zeroizing::new(bytes(&exponent.0));
    digits.reverse();
    let digits = digits.iter().flat_map(|byte| [byte & 0x0f, byte >> 4]);
    let mut product = FixedMontyForm::one(&GROUP);
    for (row, digit) in POWERS_OF_G.iter().zip(digits) {
        let mut factor = U2048::ZERO;
        for (value, entry) in (0_u8..).zip(row) {
            factor.ct_assign(entry, value.ct_eq(&digit));
        }
        product *= &FixedMontyForm::from_montgomery(factor, &GROUP);
    }
    product.retrieve()
}

fn bytes(number: &U2048) -> [u8; AUTH_KEY_BYTES] {
    let mut out = [0; AUTH_KEY_BYTES];
    out.copy_from_slice(number.to_be_bytes().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use env::SeededDice;

    use super::*;

    // proves: HS-16
    #[test]
    fn both_sides_make_the_same_key() {
        let mut dice = SeededDice::new(8);
        let ((a, g_a), (b, g_b)) = (Secret::draw(&mut dice), Secret::draw(&mut dice));
        let of = |number: &[u8]| CheckedPublic::check(number).expect("drawn in range");
        assert_ne!(g_a, g_b, "each is drawn anew");
        assert_eq!(a.key_with(&of(&g_b)).id(), b.key_with(&of(&g_a)).id());
        assert_eq!(format!("{a:?} {:?}", Spares::default()), "Secret(<hidden>) Spares(<hidden>)");
    }

    #[test]
    fn a_spare_exponent_is_taken_once_and_there_is_a_bound_on_them() {
        let (spares, mut dice) = (Spares::default(), SeededDice::new(3));
        assert!(spares.is_empty() && spares.take().is_none());
        let drawn = (0..SPARE_EXPONENTS_MAX + 3).filter(|_| spares.draw_one(&mut dice)).count();
        assert_eq!((drawn, spares.len()), (SPARE_EXPONENTS_MAX, SPARE_EXPONENTS_MAX));
        assert!(!spares.is_empty());
        let mut publics = std::collections::BTreeSet::new();
        while let Some((secret, public)) = spares.take() {
            assert_eq!(public, bytes(&power_of_g(&secret)));
            assert!(publics.insert(public), "one of them twice");
        }
        assert_eq!(publics.len(), SPARE_EXPONENTS_MAX);
    }

    #[test]
    fn the_table_of_powers_gives_the_same_as_the_long_way() {
        let g = U2048::from_u32(G.unsigned_abs());
        let mut dice = SeededDice::new(12);
        let drawn = (0..8).map(|_| U2048::from_be_slice(&env::bytes::<256>(&mut dice)));
        for exponent in drawn.chain([U2048::ZERO, U2048::ONE, U2048::MAX, U2048::from_u32(0x10)]) {
            let exponent = Secret(exponent);
            assert_eq!(power_of_g(&exponent), power(&g, &exponent));
        }
    }

    // proves: HS-11
    #[test]
    fn the_prime_is_safe_and_the_generator_is_a_residue() {
        // Fermat's test in a group of this size fails for a composite number that nobody constructed; the numbers of
        // the protocol were published long ago and tested by many.
        let one = U2048::ONE;
        let half = Secret(PRIME.wrapping_sub(&one).shr_vartime(1));
        assert_eq!(power(&U2048::from_u32(3), &half), one, "3 generates the subgroup of prime order");
        assert_ne!(power(&U2048::from_u32(2), &half), one, "2 would not");
        let q = half.0;
        let params = FixedMontyParams::new_vartime(Odd::new(q).expect("odd"));
        for base in [2, 3, 5, 7] {
            let power = FixedMontyForm::new(&U2048::from_u32(base), &params).pow(&q.wrapping_sub(&one));
            assert_eq!(power.retrieve(), one, "(p - 1) / 2 is prime");
        }
        assert_eq!(PRIME.bit_width_vartime(), 2048);
    }

    // proves: HS-12, HS-13
    #[test]
    fn numbers_at_the_edges_are_refused() {
        let (one, top) = (U2048::ONE, PRIME.wrapping_sub(&MARGIN));
        let unsafe_numbers = [
            U2048::ZERO,
            one,
            U2048::from_u32(2),
            MARGIN.wrapping_sub(&one),
            top.wrapping_add(&one),
            PRIME.wrapping_sub(&one),
            PRIME,
            PRIME.wrapping_add(&one),
            U2048::MAX,
        ];
        assert!(unsafe_numbers.iter().all(|number| CheckedPublic::check(&bytes(number)).is_none()));
        assert!([MARGIN, top].iter().all(|number| CheckedPublic::check(&bytes(number)).is_some()));
        let mut least = [0; NUMBER_BYTES];
        least[7] = 1;
        assert_eq!(bytes(&MARGIN), least, "2^1984");
        assert!(CheckedPublic::check(&[]).is_none());
        assert!(CheckedPublic::check(&[1; 257]).is_none());
    }
}
