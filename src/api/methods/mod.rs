//! The methods, one file for each group of them.

mod auth;
mod help;
mod updates;
mod users;

use crate::method::Row;

/// Every method that is answered.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [auth::METHODS, help::METHODS, updates::METHODS, users::METHODS].into_iter().flatten()
}
