//! Authorization keys: what is kept of them, who is logged in on them, which layer their client speaks.

use std::time::Duration;

use env::Time;
use store::{Order, Tx};
use tl::stored;

use crate::ctx::{Ctx, Notice};
use crate::error::Done;
use crate::ids::{KeyId, UserId};
use crate::tables::{KEYS, LOGINS};
use crate::{guests, jobs, limits, settings};

/// A key's row.
pub fn find(tx: &Tx<'_>, key: KeyId) -> Done<Option<stored::AuthKey>> {
    Ok(tx.get(&KEYS, &key)?)
}

/// What every call and every push looks at of a key's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Client {
    /// Who is logged in on it.
    pub user: Option<UserId>,
    /// The layer that its client speaks; 0 if it never said.
    pub layer: i32,
    /// The data centre for which its client takes us.
    pub dc: i32,
    /// Whether it is pushed to.
    pub updates_wanted: bool,
}

/// A key's client, without copying what its row has beside.
pub fn client(tx: &Tx<'_>, key: KeyId) -> Done<Option<Client>> {
    let client = |row: stored::AuthKeyRef<'_>| Client {
        user: row.user_id.map(UserId),
        layer: row.layer,
        dc: row.dc,
        updates_wanted: row.updates_wanted,
    };
    Ok(tx.look(&KEYS, &key, client)?)
}

/// Keeps a new key, made with a client that takes us for data centre `dc`. False, and nothing kept, if there is one with this id.
pub fn insert(cx: &mut Ctx<'_, '_>, key: KeyId, secret: &[u8], dc: i32) -> Done<bool> {
    if find(cx.tx, key)?.is_some() {
        return Ok(false);
    }
    let row = stored::AuthKey {
        id: key.0,
        key: secret.to_vec(),
        dc,
        created: cx.date(),
        last_active: cx.date(),
        ..Default::default()
    };
    write(cx, key, None, Some(&row))?;
    Ok(true)
}

/// Writes a key's row, which was `before`; nothing after it: the key is gone. The list of guests follows.
fn write(
    cx: &mut Ctx<'_, '_>,
    key: KeyId,
    before: Option<&stored::AuthKey>,
    after: Option<&stored::AuthKey>,
) -> Done<()> {
    match after {
        Some(row) => cx.tx.put(&KEYS, &key, row)?,
        None => cx.tx.delete(&KEYS, &key)?,
    }
    guests::follow(cx, key, before, after)
}

/// Has a login looked at later, whether it is still used.
fn look_later(cx: &mut Ctx<'_, '_>, key: KeyId) -> Done<()> {
    let due = cx.now + Duration::from_secs(limits::LOGIN_LOOK_SECS.into());
    jobs::put(cx, due, stored::WorkExpireKey { key_id: key.0 }.into())
}

/// Ends a login that was not used for as long as its person allows; one that is used is looked at again. Where nobody is logged
/// in any more, the key is a guest's (see [`guests`]).
pub fn expire(cx: &mut Ctx<'_, '_>, key: KeyId) -> Done<()> {
    let Some(row) = find(cx.tx, key)? else { return Ok(()) };
    let Some(user) = row.user_id.map(UserId) else {
        // Before there was a list of guests, each had such a job: this is how they come into it.
        return guests::follow(cx, key, Some(&row), Some(&row));
    };
    let last = Time::from_secs(u64::try_from(row.last_active).unwrap_or(0));
    let days = settings::preferences(cx.tx, user)?.login_ttl_days;
    let ttl = Duration::from_secs(u64::from(days.unsigned_abs()) * 86_400);
    if last + ttl <= cx.now { log_out(cx, key) } else { look_later(cx, key) }
}

/// Changes a key's row; whoever keeps it in memory is told.
pub fn update(cx: &mut Ctx<'_, '_>, key: KeyId, change: impl FnOnce(&mut stored::AuthKey)) -> Done<()> {
    let Some(mut row) = find(cx.tx, key)? else { return Ok(()) };
    let before = row.clone();
    change(&mut row);
    if row != before {
        write(cx, key, Some(&before), Some(&row))?;
        cx.effects.tell(Notice::Key(key));
    }
    Ok(())
}

/// Logs a person in on a key, and out whoever was in on it before. The oldest of too many logins goes.
pub fn log_in(cx: &mut Ctx<'_, '_>, key: KeyId, user: UserId) -> Done<()> {
    let before = find(cx.tx, key)?.and_then(|row| row.user_id);
    if before.is_some_and(|before| before != user.0) {
        log_out(cx, key)?;
    }
    let logins = cx.tx.scan(&LOGINS, LOGINS.of(user), Order::Forward, limits::LOGINS_MAX + 1)?;
    if logins.len() >= limits::LOGINS_MAX
        && let Some(oldest) = logins.iter().min_by_key(|(_, row)| row.date).map(|(key, _)| key.1)
    {
        log_out(cx, oldest)?;
    }
    let date = cx.date();
    cx.tx.put(&LOGINS, &(user, key), &stored::Date { date })?;
    update(cx, key, |row| {
        row.user_id = Some(user.0);
        row.logged_in = date;
        row.last_active = date;
    })?;
    look_later(cx, key)
}

/// Ends the login on a key; the key itself stays good, as a guest's that was used just now.
pub fn log_out(cx: &mut Ctx<'_, '_>, key: KeyId) -> Done<()> {
    if let Some(user) = find(cx.tx, key)?.and_then(|row| row.user_id) {
        cx.tx.delete(&LOGINS, &(UserId(user), key))?;
    }
    let date = cx.date();
    update(cx, key, |row| {
        row.user_id = None;
        row.logged_in = 0;
        row.updates_wanted = false;
        row.last_active = date;
    })
}

/// Forgets a key and all that belongs to it.
pub fn destroy(cx: &mut Ctx<'_, '_>, key: KeyId) -> Done<bool> {
    let Some(row) = find(cx.tx, key)? else { return Ok(false) };
    if let Some(user) = row.user_id {
        cx.tx.delete(&LOGINS, &(UserId(user), key))?;
    }
    // Its uploads expire by themselves: they have to be found then, for the sake of their bytes.
    write(cx, key, Some(&row), None)?;
    cx.effects.tell(Notice::Key(key));
    Ok(true)
}

/// The keys on which a person is logged in.
pub fn of_user(tx: &Tx<'_>, user: UserId) -> Done<Vec<stored::AuthKey>> {
    let keys: Vec<KeyId> = tx
        .scan(&LOGINS, LOGINS.of(user), Order::Forward, limits::LOGINS_MAX + 1)?
        .into_iter()
        .map(|(key, _)| key.1)
        .collect();
    Ok(tx.get_many(&KEYS, &keys)?.into_iter().flatten().collect())
}
