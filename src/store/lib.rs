//! Ordered keys and transactions.
