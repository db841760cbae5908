//! Changed inputs without a fuzzer: less clever, since nothing tells it what is new, and there wherever `cargo test` is.

use env::{Dice, SeededDice};

/// Longest input, in bytes.
const INPUT_BYTES_MAX: usize = 2048;
/// Most changes between a seed and an input.
const CHANGES_MAX: u64 = 8;
/// Values at which lengths, counts and signs turn.
const EDGES: [u8; 8] = [0, 1, 3, 0x7e, 0x7f, 0x80, 0xfe, 0xff];

/// Makes inputs out of others.
pub struct Mutator {
    dice: SeededDice,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    /// A mutator of `seeds` (of nothing, if there are none), which does the same for an equal `number`.
    #[must_use]
    pub fn new(seeds: Vec<Vec<u8>>, number: u64) -> Self {
        Self { dice: SeededDice::new(number), seeds }
    }

    /// The next input.
    pub fn input(&mut self) -> Vec<u8> {
        let mut input = self.seed();
        // One in eight is noise from the ground up.
        if self.dice.below(8) == 0 {
            input = vec![0; self.dice.below(512) as usize];
            self.dice.fill(&mut input);
        }
        for _ in 0..=self.dice.below(CHANGES_MAX) {
            self.change(&mut input);
        }
        input.truncate(INPUT_BYTES_MAX);
        input
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.dice.below(self.seeds.len() as u64) as usize;
        self.seeds.get(at).cloned().unwrap_or_default()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.dice.below(input.len() as u64 + 1) as usize;
        let length = (self.dice.below(16) + 1) as usize;
        let until = (at + length).min(input.len());
        match self.dice.below(7) {
            0 => flip(input, at, 1 << self.dice.below(8)),
            1 => {
                let bits = self.dice.u32() as u8;
                flip(input, at, bits);
            }
            2 => {
                let edge = EDGES.get(self.dice.below(8) as usize).copied().unwrap_or_default();
                if let Some(byte) = input.get_mut(at) {
                    *byte = edge;
                }
            }
            3 => drop(input.drain(at..until)),
            4 => {
                let mut more = vec![0; length];
                self.dice.fill(&mut more);
                input.splice(at..at, more);
            }
            5 => {
                let again = input.get(at..until).unwrap_or_default().to_vec();
                input.splice(at..at, again);
            }
            _ => {
                let other = self.seed();
                let from = self.dice.below(other.len() as u64 + 1) as usize;
                input.truncate(at);
                input.extend_from_slice(other.get(from..).unwrap_or_default());
            }
        }
    }
}

fn flip(input: &mut [u8], at: usize, bits: u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= bits;
    }
}
