//! The photos on a person's profile: the newest is the one that is shown.

use store::{Order, Tx};
use tl::{stored, types};

use crate::ctx::Ctx;
use crate::error::Done;
use crate::ids::{FileId, UserId};
use crate::tables::{PROFILE_PHOTOS, USERS};
use crate::{files, limits, users};

/// Puts a photo on top of `me`'s profile. Of too many the oldest goes.
pub fn add(cx: &mut Ctx<'_, '_>, me: UserId, photo: i64) -> Done<()> {
    let key = (me, FileId(photo));
    if !cx.tx.has(&PROFILE_PHOTOS, &key)? {
        let photos = of_user(cx.tx, me)?;
        if let Some(oldest) = photos.first().filter(|_| photos.len() >= limits::PROFILE_PHOTOS_MAX) {
            take_off(cx, me, *oldest)?;
        }
        files::hold(cx, key.1)?;
    }
    cx.tx.put(&PROFILE_PHOTOS, &key, &stored::Date { date: cx.date() })?;
    show(cx, me, Some(photo))
}

/// Takes photos off `me`'s profile, and gives those that were there. The newest that is left is shown.
pub fn remove(cx: &mut Ctx<'_, '_>, me: UserId, photos: &[i64]) -> Done<Vec<i64>> {
    let mut gone = Vec::new();
    for photo in photos {
        if cx.tx.has(&PROFILE_PHOTOS, &(me, FileId(*photo)))? {
            take_off(cx, me, *photo)?;
            gone.push(*photo);
        }
    }
    let shown = users::known(cx.tx, me)?.photo_id;
    if shown.is_some_and(|shown| gone.contains(&shown)) {
        let next = of_user(cx.tx, me)?.last().copied();
        show(cx, me, next)?;
    }
    Ok(gone)
}

/// A person's photos, the one that was put there last at the end.
pub fn of_user(tx: &Tx<'_>, user: UserId) -> Done<Vec<i64>> {
    let mut rows =
        tx.scan(&PROFILE_PHOTOS, PROFILE_PHOTOS.of(user), Order::Forward, limits::PROFILE_PHOTOS_MAX)?;
    rows.sort_by_key(|((_, file), row)| (row.date, file.0));
    Ok(rows.into_iter().map(|((_, file), _)| file.0).collect())
}

/// Whether a photo is on a person's profile.
pub fn has(tx: &Tx<'_>, user: UserId, photo: i64) -> Done<bool> {
    Ok(tx.has(&PROFILE_PHOTOS, &(user, FileId(photo)))?)
}

fn take_off(cx: &mut Ctx<'_, '_>, me: UserId, photo: i64) -> Done<()> {
    cx.tx.delete(&PROFILE_PHOTOS, &(me, FileId(photo)))?;
    files::release(cx, FileId(photo))
}

/// Shows a photo on the profile, or none, and tells everybody who shows this person.
fn show(cx: &mut Ctx<'_, '_>, me: UserId, photo: Option<i64>) -> Done<()> {
    let mut user = users::known(cx.tx, me)?;
    user.photo_id = photo;
    cx.tx.put(&USERS, &me, &user)?;
    users::tell_watchers(cx, me, types::UpdateUser { user_id: me.0 }.into())
}
