//! A stopwatch for figures that are read beside each other: everybody runs in turn, many times, and of each the fastest
//! turn counts. What else the machine does meanwhile then falls on all alike, and mostly on nobody's fastest turn.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

/// What is measured: does its work so many times.
pub type Work<'a> = Box<dyn FnMut(u32) + 'a>;

/// A row of a table.
pub struct Contender<'a> {
    /// What to call it.
    pub name: &'static str,
    /// Operations in one round of its work: a batch of eight is eight.
    pub operations: u32,
    /// One round, so many times.
    pub work: Work<'a>,
}

impl<'a> Contender<'a> {
    /// Work that is one operation.
    pub fn new(name: &'static str, mut once: impl FnMut() + 'a) -> Self {
        Self::of(name, 1, move || once())
    }

    /// Work that is several operations.
    pub fn of(name: &'static str, operations: u32, mut once: impl FnMut() + 'a) -> Self {
        let work = move |times| (0..times).for_each(|_| once());
        Self { name, operations, work: Box::new(work) }
    }
}

/// How long a turn of one contender lasts, about.
const TURN: Duration = Duration::from_micros(300);

/// Nanoseconds per operation of each contender: the fastest of `turns` turns.
pub fn side_by_side(contenders: &mut [Contender<'_>], turns: usize) -> Vec<f64> {
    let times: Vec<u32> = contenders
        .iter_mut()
        .map(|contender| {
            (contender.work)(20);
            let began = Instant::now();
            (contender.work)(20);
            let once = began.elapsed().as_nanos().max(20) / 20;
            u32::try_from(TURN.as_nanos() / once).unwrap_or(1).max(1)
        })
        .collect();
    let mut fastest = vec![f64::INFINITY; contenders.len()];
    for _ in 0..turns {
        for ((contender, times), fastest) in contenders.iter_mut().zip(&times).zip(&mut fastest) {
            let began = Instant::now();
            (contender.work)(*times);
            let spent = began.elapsed().as_nanos() as f64;
            *fastest = fastest.min(spent / f64::from(*times) / f64::from(contender.operations));
        }
    }
    fastest
}

/// The processor, as its maker calls it.
#[must_use]
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("model name"));
    line.map_or("an unknown processor", |line| line.trim_start_matches([' ', '\t', ':'])).to_owned()
}
