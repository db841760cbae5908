//! The cases, one table for each chapter of `protocol-spec`. A new case is a row.
//!
//! What must be heard follows the chapters and the documentation, not what one server happens to do: where both leave a
//! choice, the row names every answer that is right.

mod calls;
mod containers;
mod handshake;
mod http;
mod post;
mod record;
mod service;
mod session;
mod temporary;
mod transport;
mod udp;
mod udp_long;

use mtproto::wire::framing::Framing;

use super::script::{Case, Way};

/// Ways to speak, under short names.
const ABRIDGED: Way = Way::Plain(Framing::Abridged);
const INTERMEDIATE: Way = Way::Plain(Framing::Intermediate);
const PADDED: Way = Way::Plain(Framing::PaddedIntermediate);
const FULL: Way = Way::Plain(Framing::Full);
const HTTP: Way = Way::Http;
const UDP: Way = Way::Datagrams;
const BARE: Way = Way::Bare;

/// Every case, chapter by chapter.
#[must_use]
pub fn all() -> Vec<Case> {
    let tables = [
        transport::CASES,
        http::CASES,
        post::HEADS,
        post::PACKETS,
        post::ORDER,
        post::TIMES,
        handshake::HONEST,
        handshake::CLEAR,
        handshake::STEP_TWO,
        handshake::STEP_THREE,
        handshake::ORDER,
        record::CASES,
        session::CASES,
        containers::CASES,
        service::CASES,
        calls::CASES,
        temporary::CASES,
        udp::HANDSHAKE,
        udp::STRANGERS,
        udp::KNOWN,
        udp_long::PIECES,
        udp_long::BOUNDS,
    ];
    tables.concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own_a_rule_and_something_to_hear() {
        let cases = all();
        assert!(cases.len() >= 150, "only {} cases", cases.len());
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), cases.len(), "two cases of one name");
        for case in &cases {
            assert!(!case.rules.is_empty() && !case.expected().is_empty(), "{}", case.name);
        }
    }
}
