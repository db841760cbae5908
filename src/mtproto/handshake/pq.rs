//! The small proof of work of a handshake: a product that the client must factor.

use env::Dice;

use crate::limits::PQ_PRIME_MIN;

/// A product of two primes, made for one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pq {
    p: u32,
    q: u32,
}

/// That a client has found the factors of a run's `pq`. Only the check makes one.
#[derive(Debug, Clone, Copy)]
pub struct CheckedFactors(Pq);

impl Pq {
    /// Draws two different primes.
    #[must_use]
    pub fn draw(dice: &mut dyn Dice) -> Self {
        // spec: HS-3
        let (one, mut other) = (draw_prime(dice), draw_prime(dice));
        while one == other {
            other = draw_prime(dice);
        }
        Self { p: one.min(other), q: one.max(other) }
    }

    /// The product, big-endian without leading zeros.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        // spec: TL-4
        let product = u64::from(self.p) * u64::from(self.q);
        product.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
    }

    /// Whether `p` and `q`, big-endian, are the factors in ascending order.
    #[must_use]
    pub fn check(self, p: &[u8], q: &[u8]) -> Option<CheckedFactors> {
        // spec: HS-5
        (number(p) == Some(self.p.into()) && number(q) == Some(self.q.into())).then_some(CheckedFactors(self))
    }
}

impl CheckedFactors {
    /// Whether `pq`, `p` and `q`, big-endian, say the same as the clear part did.
    #[must_use]
    pub fn are(self, pq: &[u8], p: &[u8], q: &[u8]) -> bool {
        let product = u64::from(self.0.p) * u64::from(self.0.q);
        number(pq) == Some(product) && self.0.check(p, q).is_some()
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    // spec: TL-4
    bytes.iter().try_fold(0_u64, |n, byte| n.checked_mul(256).map(|n| n | u64::from(*byte)))
}

fn draw_prime(dice: &mut dyn Dice) -> u32 {
    loop {
        let candidate = PQ_PRIME_MIN | (dice.u32() % PQ_PRIME_MIN) | 1;
        if is_prime(candidate) {
            return candidate;
        }
    }
}

/// The test of Miller and Rabin; with these three bases it is exact below 4,759,123,141.
fn is_prime(n: u32) -> bool {
    if n < 3 || n.is_multiple_of(2) {
        return n == 2;
    }
    let n = u64::from(n);
    let twos = (n - 1).trailing_zeros();
    [2, 7, 61].into_iter().filter(|base| base % n != 0).all(|base| {
        let mut power = power(base, (n - 1) >> twos, n);
        power == 1
            || (0..twos).any(|_| {
                let found = power == n - 1;
                power = power * power % n;
                found
            })
    })
}

fn power(mut base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use env::SeededDice;

    use super::*;

    #[test]
    fn primes_are_told_from_composites() {
        let primes: Vec<u32> = (0..60).filter(|n| is_prime(*n)).collect();
        assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]);
        assert!(is_prime(61) && is_prime(u32::MAX - 4) && is_prime(2_147_483_647));
        // Two Carmichael numbers, a strong pseudoprime to base 2, a square.
        assert!([825_265, 321_197_185, 3_215_031_751, 4_294_836_225].iter().all(|n| !is_prime(*n)));
    }

    // proves: HS-3
    #[test]
    fn every_draw_is_new_and_within_what_all_clients_read() {
        let mut dice = SeededDice::new(2);
        let drawn: Vec<Pq> = (0..200).map(|_| Pq::draw(&mut dice)).collect();
        for pq in &drawn {
            assert!(pq.p < pq.q && pq.p > PQ_PRIME_MIN && is_prime(pq.p) && is_prime(pq.q));
            assert_eq!(pq.to_bytes().len(), 8);
            assert!(pq.to_bytes()[0] < 0x80, "a signed long must hold it");
        }
        assert_eq!(drawn.iter().map(|pq| pq.to_bytes()).collect::<BTreeSet<_>>().len(), 200);
    }

    // proves: HS-5, TL-4
    #[test]
    fn only_the_factors_in_order_pass() {
        let pq = Pq::draw(&mut SeededDice::new(4));
        let (p, q) = (pq.p.to_be_bytes(), pq.q.to_be_bytes());
        assert!(pq.check(&p, &q).is_some());
        assert!(pq.check(&q, &p).is_none());
        assert!(pq.check(&[1], &pq.to_bytes()).is_none());
        assert!(pq.check(&[0xff; 9], &q).is_none());
        assert!(pq.check(&p, &q).is_some_and(|factors| factors.are(&pq.to_bytes(), &p, &q)));
    }
}
