//! What is true and what may happen: users, chats, channels, messages, the update logs. Synchronous, inside one transaction.
//!
//! No request types, no sockets, no layers here: `api` translates what clients say into these functions, and what these
//! functions give into what clients read.

#![forbid(unsafe_code)]

pub mod boxes;
pub mod channels;
pub mod chats;
pub mod contacts;
pub mod ctx;
pub mod dialogs;
pub mod error;
pub mod files;
pub mod guests;
mod history;
pub mod ids;
pub mod invites;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod login;
pub mod messages;
pub mod photos;
pub mod presence;
pub mod privacy;
pub mod rights;
pub mod saved;
mod sent;
pub mod settings;
pub mod shelf;
pub mod strays;
pub mod tables;
pub mod updates;
pub mod users;
pub mod verify;

pub use ctx::{Ctx, Effects, Ephemeral, Notice};
pub use error::{Done, Refusal, Stop};
