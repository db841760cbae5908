//! What the gateway pushes: rows of the logs after a reader's cursor, as one `updates` in the reader's layer.

use env::Time;
use model::ids::{ChannelId, KeyId, Peer, UserId};
use model::keys::{self, Client};
use model::updates::Cursor;
use model::{Done, Ephemeral, Stop, channels, updates};
use store::{Ticket, Tx};
use tl::{Layer, enums, stored, types};

pub use crate::brief::Shown;
use crate::brief::in_short;
use crate::view::View;
use crate::view::update::{Told, new_message};
use crate::{Api, limits};

/// Who listens on a key.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Who is logged in.
    pub user: UserId,
    /// The layer their client reads.
    pub layer: Layer,
    /// Whether the key has ever asked for updates: until it has, it gets none.
    pub wants_updates: bool,
    /// Where their log ends now.
    pub end: Cursor,
    /// The channels they are in, with where each log ends now.
    pub channels: Vec<(ChannelId, i32)>,
}

/// Something to push.
#[derive(Debug)]
pub struct Push {
    /// An `Updates`, boxed; `None` if nothing of it is for this reader.
    pub body: Option<Vec<u8>>,
    /// Where the reader has come.
    pub to: Cursor,
    /// Whether there is more behind it.
    pub more: bool,
    /// What must be durable before it leaves.
    pub ticket: Ticket,
}

impl Api {
    /// Who listens on a key; `None` if nobody is logged in on it.
    ///
    /// # Errors
    /// [`Stop::Fault`] of the store.
    pub fn listener(&self, key: KeyId) -> Result<Option<Listener>, Stop> {
        let (listener, _) = self.store().read(|tx: &mut Tx<'_>| -> Done<_> {
            let Some((client, user)) = reader(tx, key)? else { return Ok(None) };
            let mut places = Vec::new();
            for channel in channels::of_user(tx, user)? {
                places.push((channel, channels::head(tx, channel)?.pts));
            }
            Ok(Some(Listener {
                user,
                layer: crate::layer_of(&client),
                wants_updates: client.updates_wanted,
                end: updates::end(tx, user)?,
                channels: places,
            }))
        })?;
        Ok(listener)
    }

    /// What happened to the person logged in on `key` after `from`, without what the key caused itself; in short, where its
    /// client has been `shown` whom that names. Whom it is shown by this push is added.
    ///
    /// # Errors
    /// [`Stop::Fault`] of the store.
    pub fn account_push(
        &self,
        key: KeyId,
        from: Cursor,
        now: Time,
        shown: &mut Shown,
    ) -> Result<Option<Push>, Stop> {
        let (push, ticket) = self.store().read(|tx: &mut Tx<'_>| -> Done<_> {
            let Some((client, user)) = reader(tx, key)? else { return Ok(None) };
            let Some(rows) = updates::since(tx, user, from, limits::PUSH_ROWS_MAX)? else {
                let to = updates::end(tx, user)?;
                return Ok(Some((too_long(&client), to, false)));
            };
            let to = rows.last().map_or(from, |(cursor, _)| *cursor);
            let more = rows.len() >= limits::PUSH_ROWS_MAX;
            let mut view = View::new(tx, self.site(), user, now.unix(), client.dc);
            let mut changes = Vec::new();
            for (cursor, logged) in rows.iter().filter(|(_, logged)| logged.origin != key.0) {
                let pts = (cursor.pts, logged.pts_count);
                changes.push((view.account_change(logged, cursor.pts)?, pts));
            }
            if let [(Told::Message(message), pts)] = &*changes
                && let Some(short) = in_short(message, *pts, view.named_so_far(), (shown, user))
            {
                return Ok(Some((tl::say(&short, crate::layer_of(&client)), to, more)));
            }
            let in_full = |(told, (pts, pts_count))| match told {
                Told::Message(message) => new_message(message, false, pts, pts_count),
                Told::Other(update) => update,
            };
            let named = view.named_so_far().clone();
            let body = write(view, changes.into_iter().map(in_full).collect(), &client, now)?;
            if body.is_some() {
                shown.add(&named);
            }
            Ok(Some((body, to, more)))
        })?;
        Ok(push.map(|(body, to, more)| Push { body, to, more, ticket }))
    }

    /// What happened in a channel after `from`, for the person logged in on `key`, without what the key caused itself.
    ///
    /// The cursor's `aside` is not used. `None` if they may not read the channel (any more).
    ///
    /// # Errors
    /// [`Stop::Fault`] of the store.
    pub fn channel_push(
        &self,
        key: KeyId,
        channel: ChannelId,
        from: i32,
        now: Time,
    ) -> Result<Option<Push>, Stop> {
        let (push, ticket) = self.store().read(|tx: &mut Tx<'_>| -> Done<_> {
            let Some((client, user)) = reader(tx, key)? else { return Ok(None) };
            if !channels::is_in(channels::member(tx, channel, user)?.as_ref()) {
                return Ok(None);
            }
            let rows = channels::since(tx, channel, from, limits::PUSH_ROWS_MAX)?;
            let view = View::new(tx, self.site(), user, now.unix(), client.dc);
            to_member(view, channel, rows.as_deref(), from, (key, &client), now).map(Some)
        })?;
        Ok(push.map(|(body, to, more)| Push { body, to, more, ticket }))
    }

    /// An ephemeral notice for the person logged in on `key`; `None` if it is not for them. With what must be durable before it
    /// leaves, beside what the notice itself waits for: whom it is about is shown as they are now.
    ///
    /// # Errors
    /// [`Stop::Fault`] of the store.
    pub fn ephemeral_push(
        &self,
        key: KeyId,
        what: &Ephemeral,
        now: Time,
    ) -> Result<Option<(Vec<u8>, Ticket)>, Stop> {
        let (body, ticket) = self.store().read(|tx: &mut Tx<'_>| -> Done<_> {
            let Some((client, user)) = reader(tx, key)? else { return Ok(None) };
            let mut view = View::new(tx, self.site(), user, now.unix(), client.dc);
            view.name(Peer::User(what.about));
            view.name_in(&what.update);
            write(view, vec![(*what.update).clone()], &client, now)
        })?;
        Ok(body.map(|body| (body, ticket)))
    }

    /// `updatesTooLong`: ask for the difference.
    #[must_use]
    pub fn updates_too_long(&self) -> Vec<u8> {
        tl::write(&enums::Updates::UpdatesTooLong, Layer::ALL)
    }
}

/// A body, where it leaves its reader, and whether there is more behind it.
pub(crate) type Slice = (Option<Vec<u8>>, Cursor, bool);

/// What happened in a channel after `from`, for a member: `rows` of its log, or nothing if that no longer reaches back that far.
pub(crate) fn to_member(
    mut view: View<'_, '_>,
    channel: ChannelId,
    rows: Option<&[(i32, stored::Logged)]>,
    from: i32,
    (key, client): (KeyId, &Client),
    now: Time,
) -> Done<Slice> {
    let Some(rows) = rows else {
        let pts = channels::head(view.tx, channel)?.pts;
        view.name(Peer::Channel(channel));
        let update = types::UpdateChannelTooLong { channel_id: channel.0, pts: Some(pts) };
        let body = write(view, vec![update.into()], client, now)?;
        return Ok((body, Cursor { pts, aside: 0 }, false));
    };
    let mut list = Vec::new();
    for (pts, logged) in rows.iter().filter(|(_, logged)| logged.origin != key.0) {
        list.push(posted(&mut view, channel, logged, *pts)?);
    }
    let (to, more) = reached(rows, from);
    Ok((write(view, list, client, now)?, to, more))
}

/// Where these rows of a channel's log leave their reader, and whether there is more behind them.
pub(crate) fn reached(rows: &[(i32, stored::Logged)], from: i32) -> (Cursor, bool) {
    let to = Cursor { pts: rows.last().map_or(from, |(pts, _)| *pts), aside: 0 };
    (to, rows.len() >= limits::PUSH_ROWS_MAX)
}

/// A row of a channel's log as a push carries it.
pub(crate) fn posted(
    view: &mut View<'_, '_>,
    channel: ChannelId,
    logged: &stored::Logged,
    pts: i32,
) -> Done<enums::Update> {
    Ok(match view.channel_change(channel, logged, pts)? {
        Told::Message(message) => new_message(message, true, pts, logged.pts_count),
        Told::Other(update) => update,
    })
}

/// The client of a key on which somebody is logged in, and who.
pub(crate) fn reader(tx: &Tx<'_>, key: KeyId) -> Done<Option<(Client, UserId)>> {
    let client = keys::client(tx, key)?;
    Ok(client.and_then(|client| client.user.map(|user| (client, user))))
}

fn too_long(client: &Client) -> Option<Vec<u8>> {
    Some(tl::write(&enums::Updates::UpdatesTooLong, crate::layer_of(client)))
}

fn write(view: View<'_, '_>, list: Vec<enums::Update>, client: &Client, now: Time) -> Done<Option<Vec<u8>>> {
    if list.is_empty() {
        return Ok(None);
    }
    let (users, chats) = view.people()?;
    let updates = types::Updates { updates: list, users, chats, date: now.unix(), seq: 0 };
    Ok(tl::say(&enums::Updates::from(updates), crate::layer_of(client)))
}
