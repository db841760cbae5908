//! Authorization keys, as the gateway asks for them.

use env::Env;
use model::guests::{self, InUse};
use model::ids::KeyId;
use model::{Ctx, Effects, Stop, keys};
use store::{Fault, Ticket};
use tl::stored;

use crate::Api;

/// What became of a new key.
#[derive(Debug)]
pub struct Inserted {
    /// When it is durable.
    pub ticket: Ticket,
    /// Keys on which nobody was logged in and that had to go for it.
    pub dropped: Vec<KeyId>,
    /// What to tell then.
    pub effects: Effects,
}

/// What a look at the keys on which nobody is logged in has done.
#[derive(Debug)]
pub struct Expired {
    /// Those that nobody has used for long and that are gone.
    pub dropped: Vec<KeyId>,
    /// When that is durable.
    pub ticket: Ticket,
    /// What to tell then.
    pub effects: Effects,
    /// How many are left.
    pub left: u64,
    /// Whether there may be more to drop: look again at once.
    pub more: bool,
}

impl Api {
    /// The row of a key, if it is known here, and what must be durable before anybody is told so, or that it is not.
    ///
    /// # Errors
    /// [`Fault`] of the store.
    pub fn key(&self, key: KeyId) -> Result<(Option<stored::AuthKey>, Ticket), Fault> {
        self.store().read(|tx| tx.get(&model::tables::KEYS, &key))
    }

    /// Keeps a new permanent key, the 192 bytes of it that are ever needed, and the data centre for which its client takes us.
    /// `None` if its id is taken. Where there are too many keys on which nobody is logged in, the longest unused goes, but none
    /// that is `in_use`.
    ///
    /// # Errors
    /// [`Fault`] of the store.
    pub fn insert_key(
        &self,
        key: KeyId,
        secret: &[u8],
        dc: i32,
        in_use: InUse<'_>,
        env: &mut Env<'_>,
    ) -> Result<Option<Inserted>, Stop> {
        let max = self.site().settings.guests_max;
        let ((inserted, effects), ticket) = self.alter(env, key, |cx| {
            if !keys::insert(cx, key, secret, dc)? {
                return Ok(None);
            }
            guests::make_room(cx, max, in_use).map(Some)
        })?;
        Ok(inserted.map(|dropped| Inserted { ticket, dropped, effects }))
    }

    /// Drops keys on which nobody is logged in and that nobody has used for long, unless they are `in_use`; some of them.
    ///
    /// # Errors
    /// [`Fault`] of the store.
    pub fn expire_keys(&self, in_use: InUse<'_>, env: &mut Env<'_>) -> Result<Expired, Stop> {
        let (((dropped, more, left), effects), ticket) = self.alter(env, KeyId::default(), |cx| {
            let (dropped, more) = guests::expire(cx, in_use)?;
            Ok((dropped, more, guests::count(cx.tx)?))
        })?;
        Ok(Expired { dropped, ticket, effects, left, more })
    }

    /// Forgets a key and its login. Gives whether it was there, when that is durable, and whom to tell.
    ///
    /// # Errors
    /// [`Fault`] of the store.
    pub fn destroy_key(&self, key: KeyId, env: &mut Env<'_>) -> Result<(bool, Ticket, Effects), Stop> {
        let ((was, effects), ticket) = self.alter(env, key, |cx| keys::destroy(cx, key))?;
        Ok((was, ticket, effects))
    }

    /// Notes that a key was used; at most once in a while, the gateway sees to that.
    ///
    /// # Errors
    /// [`Fault`] of the store.
    pub fn touch_key(&self, key: KeyId, env: &mut Env<'_>) -> Result<(), Stop> {
        let date = env.now.unix();
        self.keep_key(key, env, |row| row.last_active = date)
    }

    pub(crate) fn keep_key(
        &self,
        key: KeyId,
        env: &mut Env<'_>,
        change: impl Fn(&mut stored::AuthKey),
    ) -> Result<(), Stop> {
        self.alter(env, key, |cx| keys::update(cx, key, |row| change(row)))?;
        Ok(())
    }

    /// One small transaction of the gateway's own.
    pub(crate) fn alter<R>(
        &self,
        env: &mut Env<'_>,
        origin: KeyId,
        mut change: impl FnMut(&mut Ctx<'_, '_>) -> model::Done<R>,
    ) -> Result<((R, Effects), Ticket), Stop> {
        self.store().write(|tx| {
            let mut cx = Ctx { tx, now: env.now, dice: &mut *env.dice, origin, effects: Effects::default() };
            let done = change(&mut cx)?;
            Ok((done, cx.effects))
        })
    }
}
