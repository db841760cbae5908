//! What the gateway counts. Names and labels stand here, once; whoever installs a recorder reads them.

use metrics::{counter, gauge, histogram};
use mtproto::PeerMisbehaved;
use mtproto::session::gzip::InflateError;

/// A connection was let in.
pub(crate) fn connection_opened(transport_connections: u32) {
    counter!("chappe_connections_total").increment(1);
    gauge!("chappe_connections").set(f64::from(transport_connections));
}

/// A connection ended, for `reason`.
pub(crate) fn connection_closed(connections: u32, reason: &'static str) {
    counter!("chappe_connections_closed_total", "reason" => reason).increment(1);
    gauge!("chappe_connections").set(f64::from(connections));
}

/// A connection was turned away, for `reason`.
pub(crate) fn connection_refused(reason: &'static str) {
    counter!("chappe_connections_refused_total", "reason" => reason).increment(1);
}

/// A datagram was dropped: an `odd` one, one of an address that is `unproven`, one that was `forged` or too `long`, one for
/// which the line was full (`waiting`), the address had its share (`burst`) or the kernel had no room (`unsent`).
pub(crate) fn datagram_dropped(why: &'static str) {
    counter!("chappe_datagrams_dropped_total", "why" => why).increment(1);
}

/// An address that has not proven itself was answered.
pub(crate) fn datagram_answered_unproven() {
    counter!("chappe_datagrams_answered_unproven_total").increment(1);
}

/// A key exchange ended with a key of `kind` ("permanent", "temporary").
pub(crate) fn key_made(kind: &'static str) {
    counter!("chappe_keys_made_total", "kind" => kind).increment(1);
}

/// A step of a key exchange was turned away, for `reason`.
pub(crate) fn handshake_refused(reason: &'static str) {
    counter!("chappe_handshake_steps_refused_total", "reason" => reason).increment(1);
}

/// A connection broke a rule or a bound of the protocol: which.
pub(crate) fn misbehaved(reason: PeerMisbehaved) {
    let what = match reason {
        PeerMisbehaved::SpokeNoFraming => "no framing",
        PeerMisbehaved::ReplayedObfuscation => "replayed header",
        PeerMisbehaved::WasTooSlow => "too slow",
        PeerMisbehaved::AnnouncedTooMuch => "frame too long",
        PeerMisbehaved::SentRaggedPacket | PeerMisbehaved::BrokeFullFrame => "broken frame",
        PeerMisbehaved::BrokeWebSocket => "broken websocket",
        PeerMisbehaved::FailedHandshake(_) => "handshake",
        _ => "other",
    };
    counter!("chappe_misbehaved_total", "what" => what).increment(1);
}

/// A call was answered: `ok` or a refusal.
pub(crate) fn call_answered(method: &'static str, ok: bool, took: std::time::Duration) {
    counter!("chappe_calls_total", "method" => method, "ok" => if ok { "true" } else { "false" })
        .increment(1);
    histogram!("chappe_call_seconds", "method" => method).record(took.as_secs_f64());
}

/// A call of `method` was refused with `error`, a name without its number.
pub(crate) fn refused(method: &'static str, error: &'static str) {
    counter!("chappe_refusals_total", "method" => method, "error" => error).increment(1);
}

/// What somebody sent, or what waits for them, went beyond a `bound`, `times` times: it was refused, or the oldest was
/// forgotten. `protocol-spec/13-limits.md` has the names.
pub(crate) fn overran(bound: &'static str, times: usize) {
    if times > 0 {
        counter!("chappe_overruns_total", "bound" => bound).increment(times as u64);
    }
}

/// Something packed was not unpacked.
pub(crate) fn not_unpacked(error: InflateError) {
    if let Some(bound) = error.overrun() {
        overran(bound.name(), 1);
    }
}

/// A method was called that is not answered yet, by its name in the schema; what is not even there counts as one.
pub(crate) fn unknown_method(method: &'static str) {
    counter!("chappe_unknown_methods_total", "method" => method).increment(1);
}

/// Something bounded was full and something was dropped: `what`.
pub(crate) fn dropped(what: &'static str) {
    counter!("chappe_dropped_total", "what" => what).increment(1);
}

/// A panic was contained: a bug.
pub(crate) fn panicked(place: &'static str) {
    counter!("chappe_panics_total", "place" => place).increment(1);
    tracing::error!(place, "a panic was contained");
}

/// How many wait in the queue `name`.
pub(crate) fn queue(name: &'static str, waiting: usize) {
    gauge!("chappe_queue", "queue" => name).set(waiting as f64);
}

/// How many `things` are held in memory.
pub(crate) fn held(things: &'static str, count: usize) {
    gauge!("chappe_held", "things" => things).set(count as f64);
}

/// Blobs that no row leads to were removed.
pub(crate) fn strays_removed(count: u64) {
    counter!("chappe_strays_removed_total").increment(count);
}

/// How many bytes `things` hold in memory, about.
pub(crate) fn held_bytes(things: &'static str, bytes: usize) {
    gauge!("chappe_held_bytes", "things" => things).set(bytes as f64);
}

/// A push left for `sessions` sessions.
pub(crate) fn pushed(sessions: usize) {
    counter!("chappe_pushes_total").increment(sessions as u64);
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use ::metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
    use parking_lot::Mutex;

    /// Remembers what is counted while it listens.
    #[derive(Default)]
    pub(crate) struct Counted(Mutex<Vec<(Key, Arc<AtomicU64>)>>);

    impl Counted {
        /// How often `name` was counted with `value` as its label.
        pub(crate) fn of(&self, name: &str, value: &str) -> u64 {
            let counters = self.0.lock();
            let labelled = |key: &Key| key.labels().any(|label| label.value() == value);
            let mine = counters.iter().filter(|(key, _)| key.name() == name && labelled(key));
            mine.map(|(_, count)| count.load(Ordering::Acquire)).sum()
        }
    }

    impl Recorder for Counted {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            let mut counters = self.0.lock();
            let known = counters.iter().find(|(known, _)| known == key).map(|(_, count)| Arc::clone(count));
            let count = known.unwrap_or_else(|| {
                let count = Arc::default();
                counters.push((key.clone(), Arc::clone(&count)));
                count
            });
            Counter::from_arc(count)
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }
}
