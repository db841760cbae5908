//! The methods, one file for each group of them.

mod account;
mod auth;
mod channels;
mod chats;
mod contacts;
mod dialogs;
mod empties;
mod help;
mod history;
mod invites;
mod langpack;
mod media;
mod participants;
mod photos;
mod reply;
mod saved;
mod send;
mod typing;
mod updates;
mod upload;
mod users;

use crate::method::Row;

/// The tables of all files, one line each.
const TABLES: &[&[Row]] = &[
    auth::METHODS,
    channels::METHODS,
    chats::METHODS,
    contacts::METHODS,
    dialogs::METHODS,
    help::METHODS,
    history::METHODS,
    invites::METHODS,
    participants::METHODS,
    photos::METHODS,
    media::METHODS,
    send::METHODS,
    updates::METHODS,
    upload::METHODS,
    users::METHODS,
    empties::METHODS,
    langpack::METHODS,
    account::METHODS,
    account::notify::METHODS,
    account::password::METHODS,
    account::privacy::METHODS,
    typing::METHODS,
    saved::METHODS,
];

/// Every method that is answered.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().copied().flatten()
}
