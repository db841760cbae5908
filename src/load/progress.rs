//! The line that shows how far a measurement is. Nothing is drawn where nobody looks: standard error is then no terminal.

use std::rc::Rc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::limits;
use crate::measure::{Phase, Run};

/// The line. Clones are the same line.
#[derive(Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A line that counts `steps` of `what`.
    pub(crate) fn counting(what: &str, steps: usize) -> Self {
        let bar = ProgressBar::new(steps as u64);
        bar.set_style(style("{msg} {wide_bar} {pos}/{len} {eta}"));
        bar.set_message(what.to_owned());
        Self { bar }
    }

    /// A line that says `what`.
    pub(crate) fn saying(what: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(style("{spinner} {msg}"));
        bar.set_message(what.to_owned());
        Self { bar }
    }

    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }

    pub(crate) fn say(&self, what: String) {
        self.bar.set_message(what);
        self.bar.tick();
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Shows how `run` goes, until it is over.
    pub(crate) async fn watch(self, name: String, run: Rc<Run>, time: Duration) {
        let mut every = tokio::time::interval(limits::DRAW_EVERY);
        let (mut last, mut began) = (0, None);
        while run.phase() < Phase::Over {
            every.tick().await;
            let so_far = run.operations();
            let rate = (so_far - last) as f64 / limits::DRAW_EVERY.as_secs_f64();
            last = so_far;
            let shown = match run.phase() {
                Phase::Preparing => "preparing".to_owned(),
                Phase::Warming => "warming up".to_owned(),
                Phase::Measuring => {
                    let began = *began.get_or_insert(run.now());
                    let passed = Duration::from_nanos(run.now().saturating_sub(began)).as_secs();
                    let millis = |q| run.percentile(q).map_or(0.0, |d| d.as_secs_f64() * 1e3);
                    format!(
                        "{passed}/{} s  {rate:.0}/s  p50 {:.2} ms  p99 {:.2} ms",
                        time.as_secs(),
                        millis(0.5),
                        millis(0.99)
                    )
                }
                Phase::Draining | Phase::Over => "draining".to_owned(),
            };
            self.say(format!("{name}: {shown}"));
        }
        self.end();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
