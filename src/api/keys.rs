//! Authorization keys, as the gateway asks for them.

use env::Env;
use model::ids::KeyId;
use model::{Ctx, Effects, Stop, keys};
use store::{Fault, Ticket};
use tl::stored;

use crate::Api;

impl Api {
    /// The row of a key, if it is known here.
    ///
    /// # Errors
    /// [`Fault`] of the store.
    pub fn key(&self, key: KeyId) -> Result<Option<stored::AuthKey>, Fault> {
        Ok(self.store().read(|tx| tx.get(&model::tables::KEYS, &key))?.0)
    }

    /// Keeps a new permanent key, the 192 bytes of it that are ever needed, and the data centre for which its client takes us.
    /// `None` if its id is taken.
    ///
    /// # Errors
    /// [`Fault`] of the store.
    pub fn insert_key(
        &self,
        key: KeyId,
        secret: &[u8],
        dc: i32,
        env: &mut Env<'_>,
    ) -> Result<Option<Ticket>, Stop> {
        let ((kept, _), ticket) = self.alter(env, key, |cx| keys::insert(cx, key, secret, dc))?;
        Ok(kept.then_some(ticket))
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
