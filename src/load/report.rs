//! What a measurement says in the end: a table for eyes, JSON for programs.

use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::measure::Counted;
use crate::proc::Usage;

/// One measurement.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// What was done.
    pub(crate) workload: String,
    /// By which program, if there are several in one table.
    pub(crate) server: String,
    /// How: connections, pace, sizes.
    pub(crate) how: String,
    /// What one operation is.
    pub(crate) operation: String,
    /// Where.
    pub(crate) machine: String,
    /// Measured time, in seconds.
    pub(crate) seconds: f64,
    /// Operations in it.
    pub(crate) operations: u64,
    /// Operations in a second.
    pub(crate) per_second: f64,
    /// Latencies by name, corrected for what a closed loop could not ask while it waited.
    pub(crate) latencies: Vec<Latency>,
    /// The same as they were measured, where something was corrected.
    pub(crate) uncorrected: Vec<Latency>,
    /// Processor time of the server for each operation, in microseconds.
    pub(crate) server_cpu_us: Option<f64>,
    /// Processor time of this program for each operation, in microseconds.
    pub(crate) generator_cpu_us: f64,
    /// Memory of the server at the end, in bytes.
    pub(crate) server_rss_bytes: Option<u64>,
    /// Bytes that clients sent, as TCP carried them, for each operation.
    pub(crate) bytes_up: f64,
    /// Bytes that clients received for each operation.
    pub(crate) bytes_down: f64,
    /// Refusals, and how often.
    pub(crate) failures: Vec<(String, u64)>,
    /// More figures of this workload.
    pub(crate) more: Vec<(String, f64)>,
}

/// A distribution, in microseconds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latency {
    /// From the moment an operation was due to this.
    pub(crate) to: String,
    /// How many.
    pub(crate) count: u64,
    /// The mean.
    pub(crate) mean: f64,
    /// Pairs of a quantile and its value.
    pub(crate) quantiles: Vec<(f64, f64)>,
    /// The longest.
    pub(crate) max: f64,
}

/// The quantiles that are shown and kept.
pub(crate) const QUANTILES: [f64; 5] = [0.5, 0.9, 0.99, 0.999, 0.9999];

/// Curves have more points.
const CURVE: [f64; 16] =
    [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.9975, 0.999, 0.9995, 0.9999, 0.99999, 1.0];

/// What the processes used between two moments.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    /// The server's processor time in seconds.
    pub(crate) server: Option<f64>,
    /// Ours.
    pub(crate) generator: f64,
    /// Its memory at the end.
    pub(crate) rss_bytes: Option<u64>,
}

impl Spent {
    /// From readings before and after.
    pub(crate) fn between(server: [Option<Usage>; 2], own: [Usage; 2]) -> Self {
        let spent = |from: Usage, to: Usage| to.cpu.saturating_sub(from.cpu).as_secs_f64();
        let server_cpu = match server {
            [Some(from), Some(to)] => Some(spent(from, to)),
            _ => None,
        };
        let [from, to] = own;
        let [_, end] = server;
        Self { server: server_cpu, generator: spent(from, to), rss_bytes: end.map(|usage| usage.rss_bytes) }
    }
}

impl Report {
    pub(crate) fn new(
        workload: &str,
        operation: &str,
        seconds: f64,
        counted: &Counted,
        spent: Spent,
    ) -> Self {
        let operations = counted.operations;
        let each = |total: f64| if operations == 0 { 0.0 } else { total / operations as f64 };
        Self {
            workload: workload.to_owned(),
            server: "chappe".to_owned(),
            how: String::new(),
            operation: operation.to_owned(),
            machine: String::new(),
            seconds,
            operations,
            per_second: operations as f64 / seconds.max(1e-9),
            latencies: counted.latencies.iter().map(|(to, all)| Latency::new(to, all)).collect(),
            uncorrected: Vec::new(),
            server_cpu_us: spent.server.map(|seconds| each(seconds * 1e6)),
            generator_cpu_us: each(spent.generator * 1e6),
            server_rss_bytes: spent.rss_bytes,
            bytes_up: each(counted.sent_bytes as f64),
            bytes_down: each(counted.received_bytes as f64),
            failures: counted.failures.iter().map(|(why, n)| (why.clone(), *n)).collect(),
            more: Vec::new(),
        }
    }

    /// Corrects latencies for coordinated omission: each of `slots` would have asked once in its mean distance, had it not
    /// waited for an answer that took several of them.
    pub(crate) fn correct(&mut self, counted: &Counted, slots: usize) {
        if counted.operations == 0 {
            return;
        }
        let distance = self.seconds * 1e9 * slots as f64 / counted.operations as f64;
        self.uncorrected = std::mem::take(&mut self.latencies);
        let corrected = |all: &Histogram<u64>| all.clone_correct(distance as u64);
        self.latencies =
            counted.latencies.iter().map(|(to, all)| Latency::new(to, &corrected(all))).collect();
    }

    /// For eyes.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        // Writing into a string does not fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{} {}: {}", self.server, self.workload, self.how)?;
        writeln!(out, "{}", self.machine)?;
        writeln!(
            out,
            "  {:<28}{:>12} in {:.1} s, {:.0}/s",
            self.operation, self.operations, self.seconds, self.per_second
        )?;
        if !self.latencies.is_empty() {
            write!(out, "  {:<28}", "latency, ms")?;
            for quantile in QUANTILES {
                write!(out, "{:>10}", format!("p{}", quantile * 100.0))?;
            }
            writeln!(out, "{:>10}{:>10}", "max", "mean")?;
        }
        for latency in &self.latencies {
            write!(out, "  {:<28}", format!("  {}", latency.to))?;
            for quantile in QUANTILES {
                write!(out, "{:>10.3}", latency.at(quantile) / 1e3)?;
            }
            writeln!(out, "{:>10.3}{:>10.3}", latency.max / 1e3, latency.mean / 1e3)?;
        }
        let server = self.server_cpu_us.map_or_else(|| "unknown".to_owned(), |us| format!("{us:.1}"));
        writeln!(
            out,
            "  {:<28}{server:>12} us each (the generator: {:.1} us)",
            "server processor time", self.generator_cpu_us
        )?;
        if let Some(rss) = self.server_rss_bytes {
            writeln!(out, "  {:<28}{:>12.1} MiB", "server memory", rss as f64 / (1024.0 * 1024.0))?;
        }
        writeln!(
            out,
            "  {:<28}{:>12.0} B sent, {:.0} B received for each",
            "on the wire", self.bytes_up, self.bytes_down
        )?;
        for (what, figure) in &self.more {
            writeln!(out, "  {what:<28}{figure:>12.1}")?;
        }
        for (why, times) in &self.failures {
            writeln!(out, "  refused: {why:<19}{times:>12}")?;
        }
        Ok(())
    }
}

impl Latency {
    pub(crate) fn new(to: &str, all: &Histogram<u64>) -> Self {
        let us = |nanos: u64| nanos as f64 / 1e3;
        Self {
            to: to.to_owned(),
            count: all.len(),
            mean: all.mean() / 1e3,
            quantiles: CURVE.iter().map(|q| (*q, us(all.value_at_quantile(*q)))).collect(),
            max: us(all.max()),
        }
    }

    /// The value at a quantile, in microseconds.
    pub(crate) fn at(&self, quantile: f64) -> f64 {
        let found = self.quantiles.iter().find(|(q, _)| (q - quantile).abs() < 1e-9);
        found.map_or(0.0, |(_, value)| *value)
    }
}

/// A figure in as many digits as fit a column.
pub(crate) fn short(figure: f64) -> String {
    match figure.abs() {
        f if f >= 100.0 => format!("{figure:.0}"),
        f if f >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}
