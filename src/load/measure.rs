//! What is counted while operations run, and the phases in which they do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::watch;

use crate::limits;

/// How far a measurement is. All connections go through it together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Connections are made; nothing is asked yet.
    Preparing,
    /// Operations run and are not counted: caches and queues fill.
    Warming,
    /// Operations run and are counted.
    Measuring,
    /// Nothing new is started; what is under way may end.
    Draining,
    /// The end.
    Over,
}

/// A moment of a measurement, in nanoseconds since it began.
pub(crate) type Nanos = u64;

/// One measurement, shared by all its connections.
pub(crate) struct Run {
    began: Instant,
    phase: watch::Sender<Phase>,
    latencies: RefCell<BTreeMap<&'static str, Histogram<u64>>>,
    failures: RefCell<BTreeMap<String, u64>>,
    operations: Cell<u64>,
    under_way: Cell<i64>,
    sent_bytes: Cell<u64>,
    received_bytes: Cell<u64>,
}

/// What a measurement counted.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) operations: u64,
    pub(crate) latencies: BTreeMap<&'static str, Histogram<u64>>,
    pub(crate) failures: BTreeMap<String, u64>,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
}

impl Run {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            began: Instant::now(),
            phase: watch::Sender::new(Phase::Preparing),
            latencies: RefCell::default(),
            failures: RefCell::default(),
            operations: Cell::new(0),
            under_way: Cell::new(0),
            sent_bytes: Cell::new(0),
            received_bytes: Cell::new(0),
        })
    }

    /// Now.
    pub(crate) fn now(&self) -> Nanos {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The clock's reading `nanos` as a moment to sleep until.
    pub(crate) fn at(&self, nanos: Nanos) -> tokio::time::Instant {
        (self.began + Duration::from_nanos(nanos)).into()
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(crate) fn follow(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    fn counts(&self) -> bool {
        self.phase() == Phase::Measuring
    }

    /// Something began at `start` and ended now; it is one of the latencies called `what`.
    pub(crate) fn took(&self, what: &'static str, start: Nanos) {
        if !self.counts() {
            return;
        }
        let nanos = self.now().saturating_sub(start).clamp(1, limits::LATENCY_NANOS_MAX);
        let mut latencies = self.latencies.borrow_mut();
        let histogram = latencies.entry(what).or_insert_with(histogram);
        histogram.saturating_record(nanos);
    }

    /// Whole operations were done.
    pub(crate) fn done(&self, operations: u64) {
        if self.counts() {
            self.operations.set(self.operations.get() + operations);
        }
    }

    /// An operation was refused, for `why`.
    pub(crate) fn failed(&self, why: &str) {
        if self.counts() {
            *self.failures.borrow_mut().entry(why.to_owned()).or_default() += 1;
        }
    }

    /// Operations began (or ended, if negative).
    pub(crate) fn started(&self, operations: i64) {
        self.under_way.set(self.under_way.get() + operations);
    }

    /// Operations that have begun and not ended.
    pub(crate) fn under_way(&self) -> i64 {
        self.under_way.get()
    }

    /// Bytes of the streams, as TCP carries them.
    pub(crate) fn carried(&self, sent: u64, received: u64) {
        if self.counts() {
            self.sent_bytes.set(self.sent_bytes.get() + sent);
            self.received_bytes.set(self.received_bytes.get() + received);
        }
    }

    /// Operations counted so far.
    pub(crate) fn operations(&self) -> u64 {
        self.operations.get()
    }

    /// The percentile of a latency, for the progress line.
    pub(crate) fn percentile(&self, quantile: f64) -> Option<Duration> {
        let latencies = self.latencies.borrow();
        let (_, histogram) = latencies.first_key_value()?;
        Some(Duration::from_nanos(histogram.value_at_quantile(quantile)))
    }

    /// Everything that was counted.
    pub(crate) fn counted(&self) -> Counted {
        Counted {
            operations: self.operations.get(),
            latencies: self.latencies.borrow().clone(),
            failures: self.failures.borrow().clone(),
            sent_bytes: self.sent_bytes.get(),
            received_bytes: self.received_bytes.get(),
        }
    }
}

/// An empty histogram of nanoseconds, to three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    // Both bounds and the digits are legal, so that the second try, which cannot fail, is never taken.
    Histogram::new_with_bounds(1, limits::LATENCY_NANOS_MAX, 3)
        .unwrap_or_else(|_| unreachable!("legal bounds"))
}
