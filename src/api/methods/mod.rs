//! The methods, one file for each group of them.

mod auth;
mod dialogs;
mod help;
mod history;
mod media;
mod reply;
mod send;
mod updates;
mod users;

use crate::method::Row;

/// The tables of all files, one line each.
const TABLES: &[&[Row]] = &[
    auth::METHODS,
    dialogs::METHODS,
    help::METHODS,
    history::METHODS,
    send::METHODS,
    updates::METHODS,
    users::METHODS,
];

/// Every method that is answered.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().copied().flatten()
}
