//! Powers modulo any number, slow and simple: for groups that no honest server has.

/// `base ^ exponent mod modulus`, big-endian and as long as the modulus; zero if `base` is longer than that.
pub fn power(base: &[u8], exponent: u64, modulus: &[u8]) -> Vec<u8> {
    let count = modulus.len() / 8 + 2;
    let (modulus_limbs, mut base_limbs) = (limbs(modulus, count), limbs(base, count));
    let mut result = limbs(&[1], count);
    if base.len() > modulus.len() {
        return vec![0; modulus.len()];
    }
    // At most as often as the modulus is shorter than its bytes.
    while !is_less(&base_limbs, &modulus_limbs) {
        subtract(&mut base_limbs, &modulus_limbs);
    }
    for bit in (0..64).rev() {
        result = times(&result, &result, &modulus_limbs);
        if exponent >> bit & 1 == 1 {
            result = times(&result, &base_limbs, &modulus_limbs);
        }
    }
    let bytes: Vec<u8> = result.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
    bytes.get(bytes.len() - modulus.len()..).unwrap_or_default().to_vec()
}

/// The limbs of a big-endian number, the lowest first, `count` of them.
fn limbs(bytes: &[u8], count: usize) -> Vec<u64> {
    let mut limbs = vec![0_u64; count];
    for (at, byte) in bytes.iter().rev().enumerate() {
        if let Some(limb) = limbs.get_mut(at / 8) {
            *limb |= u64::from(*byte) << (at % 8 * 8);
        }
    }
    limbs
}

fn is_less(a: &[u64], b: &[u64]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn subtract(a: &mut [u64], b: &[u64]) {
    let mut borrow = false;
    for (a, b) in a.iter_mut().zip(b) {
        let (less, under) = a.overflowing_sub(*b);
        let (less, under_again) = less.overflowing_sub(u64::from(borrow));
        (*a, borrow) = (less, under || under_again);
    }
}

/// `a + b mod modulus`, of two numbers below it.
fn plus(a: &[u64], b: &[u64], modulus: &[u64]) -> Vec<u64> {
    let mut carry = false;
    let sums = a.iter().zip(b).map(|(a, b)| {
        let (more, over) = a.overflowing_add(*b);
        let (more, over_again) = more.overflowing_add(u64::from(carry));
        carry = over || over_again;
        more
    });
    let mut sum: Vec<u64> = sums.collect();
    if !is_less(&sum, modulus) {
        subtract(&mut sum, modulus);
    }
    sum
}

/// `a * b mod modulus`, of two numbers below it.
fn times(a: &[u64], b: &[u64], modulus: &[u64]) -> Vec<u64> {
    let mut product = vec![0; a.len()];
    for limb in b.iter().rev() {
        for bit in (0..64).rev() {
            product = plus(&product, &product, modulus);
            if limb >> bit & 1 == 1 {
                product = plus(&product, a, modulus);
            }
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_what_they_must_be() {
        assert_eq!(power(&[3], 5, &[0, 100]), [0, 43]);
        assert_eq!(power(&[7], 0, &[100]), [1]);
        // Fermat: 2 ^ (p - 1) = 1 modulo the prime 2^61 - 1.
        let prime = ((1_u64 << 61) - 1).to_be_bytes();
        assert_eq!(power(&[2], (1 << 61) - 2, &prime), 1_u64.to_be_bytes());
        assert_eq!(power(&[0xff; 8], 1, &prime), ((u64::MAX) % ((1 << 61) - 1)).to_be_bytes());
    }
}
