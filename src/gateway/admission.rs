//! Who may come in: connections and key exchanges, counted per address and in total.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::limits::{self, Limits};

/// The counts of all addresses.
pub struct Admission {
    limits: Limits,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    connections: u32,
    /// Of them, those that have not shown yet that they know a key: handshakes under way, and people who say nothing.
    strangers: u32,
    addresses: HashMap<IpAddr, Address>,
}

/// What one address has taken.
struct Address {
    connections: u32,
    handshakes: Bucket,
}

/// A token bucket: fills evenly, holds a minute's worth.
pub(crate) struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn full(capacity: f64, now: Instant) -> Self {
        Self { tokens: capacity, filled: now }
    }

    /// Takes one token out of a bucket of `capacity` that gains `per_second`; false if there is none.
    pub(crate) fn take(&mut self, capacity: f64, per_second: f64, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.filled).as_secs_f64() * per_second;
        self.tokens = (self.tokens + gained).min(capacity);
        self.filled = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

/// Why a connection is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The server is full.
    Full,
    /// Too many others have not shown yet who they are.
    Strangers,
    /// This address has its share.
    AddressFull,
}

impl Admission {
    /// Nobody in yet.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, book: Mutex::default() })
    }

    /// Lets a connection from `ip` in; it is out when the [`Admitted`] is dropped.
    ///
    /// # Errors
    /// [`Refusal`] when the server or the address has all the connections it may have.
    pub fn admit(self: &Arc<Self>, ip: IpAddr) -> Result<Admitted, Refusal> {
        let address = counted_as(ip);
        let mut book = self.book.lock();
        if book.connections >= self.limits.connections_max {
            return Err(Refusal::Full);
        }
        let all = self.limits.connections_max;
        if book.strangers >= all - all / limits::KEPT_FROM_STRANGERS {
            return Err(Refusal::Strangers);
        }
        if book.addresses.len() >= limits::ADDRESSES_MAX && !book.addresses.contains_key(&address) {
            // Forgets the past of those who are gone; what is left is bounded by the connections.
            book.addresses.retain(|_, a| a.connections > 0);
        }
        let handshakes = self.handshakes(address);
        let entry = book.addresses.entry(address).or_insert_with(|| Address {
            connections: 0,
            handshakes: Bucket::full(handshakes, Instant::now()),
        });
        if entry.connections >= self.widened(address, self.limits.connections_per_address_max) {
            return Err(Refusal::AddressFull);
        }
        entry.connections += 1;
        book.connections += 1;
        book.strangers += 1;
        Ok(Admitted { admission: Arc::clone(self), address, stranger: true })
    }

    /// Connections that are in.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.book.lock().connections
    }

    /// Of them, those that have not shown yet that they know a key.
    #[must_use]
    pub fn strangers(&self) -> u32 {
        self.book.lock().strangers
    }

    /// Tokens in the full bucket of an address; a key exchange takes two, one for each of its computations.
    fn handshakes(&self, address: IpAddr) -> f64 {
        f64::from(self.widened(address, self.limits.handshakes_per_address_per_minute)) * 2.0
    }

    fn widened(&self, address: IpAddr, limit: u32) -> u32 {
        if address.is_loopback() { limit.saturating_mul(self.limits.loopback_factor) } else { limit }
    }
}

/// A connection that is in.
pub struct Admitted {
    admission: Arc<Admission>,
    address: IpAddr,
    stranger: bool,
}

impl Admitted {
    /// The connection has shown that it knows a key.
    pub fn is_known(&mut self) {
        if std::mem::take(&mut self.stranger) {
            let mut book = self.admission.book.lock();
            book.strangers = book.strangers.saturating_sub(1);
        }
    }

    /// Takes one of the address's computations for key exchanges; false if it has had its share.
    #[must_use]
    pub fn take_handshake_step(&self) -> bool {
        let capacity = self.admission.handshakes(self.address);
        let mut book = self.admission.book.lock();
        match book.addresses.get_mut(&self.address) {
            Some(address) => address.handshakes.take(capacity, capacity / 60.0, Instant::now()),
            None => false,
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut book = self.admission.book.lock();
        book.connections = book.connections.saturating_sub(1);
        book.strangers = book.strangers.saturating_sub(self.stranger.into());
        if let Some(address) = book.addresses.get_mut(&self.address) {
            address.connections = address.connections.saturating_sub(1);
        }
    }
}

/// The address that is counted: an IPv4 address, or the /64 that one IPv6 customer has to himself.
fn counted_as(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))
        }
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn admission() -> Arc<Admission> {
        Admission::new(Limits {
            connections_max: 6,
            connections_per_address_max: 2,
            handshakes_per_address_per_minute: 1,
            loopback_factor: 2,
            ..Limits::default()
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_its_share_and_the_server_its_total() {
        let admission = admission();
        let a: Vec<_> = (0..2).map(|_| admission.admit(ip("198.51.100.1")).expect("room")).collect();
        assert_eq!(admission.admit(ip("::ffff:198.51.100.1")).err(), Some(Refusal::AddressFull));
        let mut local: Vec<_> = (0..3).map(|_| admission.admit(ip("127.0.0.1")).expect("wider")).collect();
        assert_eq!(admission.admit(ip("127.0.0.1")).err(), Some(Refusal::Strangers));
        local.iter_mut().for_each(Admitted::is_known);
        local.push(admission.admit(ip("127.0.0.1")).expect("wider"));
        assert_eq!(admission.admit(ip("203.0.113.1")).err(), Some(Refusal::Full));
        drop((a, local));
        assert_eq!(admission.connections(), 0);
    }

    #[test]
    fn strangers_leave_room_for_those_who_come_back() {
        let admission = Admission::new(Limits { connections_max: 4, ..Limits::default() });
        let mut strangers: Vec<_> =
            (0..3).map(|_| admission.admit(ip("198.51.100.1")).expect("room")).collect();
        assert_eq!(admission.admit(ip("198.51.100.2")).err(), Some(Refusal::Strangers));
        strangers[0].is_known();
        strangers[0].is_known();
        assert_eq!(admission.strangers(), 2);
        let fourth = admission.admit(ip("198.51.100.2")).expect("room");
        assert_eq!(admission.admit(ip("198.51.100.3")).err(), Some(Refusal::Full));
        drop((strangers, fourth));
        assert_eq!((admission.connections(), admission.strangers()), (0, 0));
    }

    #[test]
    fn one_ipv6_customer_is_one_address() {
        assert_eq!(counted_as(ip("2001:db8::1")), counted_as(ip("2001:db8::ffff:1")));
        assert_ne!(counted_as(ip("2001:db8::1")), counted_as(ip("2001:db8:0:1::1")));
    }

    #[test]
    fn key_exchanges_run_out_even_over_new_connections() {
        let admission = admission();
        let steps = (0..5)
            .filter(|_| admission.admit(ip("198.51.100.1")).expect("room").take_handshake_step())
            .count();
        assert_eq!(steps, 2);
    }

    #[test]
    fn a_bucket_fills_evenly() {
        let start = Instant::now();
        let mut bucket = Bucket::full(2.0, start);
        assert!(bucket.take(2.0, 1.0, start) && bucket.take(2.0, 1.0, start));
        assert!(!bucket.take(2.0, 1.0, start + Duration::from_millis(900)));
        assert!(bucket.take(2.0, 1.0, start + Duration::from_millis(1100)));
    }
}
