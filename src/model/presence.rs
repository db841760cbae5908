//! Who is here, and who may see it.

use std::time::Duration;

use store::Tx;
use tl::{enums, stored, types};

use crate::ctx::{Ctx, Ephemeral, Notice};
use crate::error::Done;
use crate::ids::{SERVICE, UserId};
use crate::tables::PRESENCE;
use crate::users;

/// How long one `account.updateStatus` keeps a person online; clients repeat it before that.
pub const ONLINE_FOR: Duration = Duration::from_secs(300);

/// A person's status as `viewer` may see it. Who blocked somebody is seen by them as long gone.
pub fn status(tx: &Tx<'_>, user: UserId, viewer: UserId, now: i32) -> Done<Option<enums::UserStatus>> {
    if user == SERVICE {
        return Ok(None);
    }
    if user != viewer && users::relation(tx, user, viewer)?.blocked {
        return Ok(None);
    }
    Ok(tx.get(&PRESENCE, &user)?.map(|row| as_status(&row, now)))
}

fn as_status(row: &stored::Presence, now: i32) -> enums::UserStatus {
    if row.online_until > now {
        types::UserStatusOnline { expires: row.online_until }.into()
    } else {
        types::UserStatusOffline { was_online: row.was_online.min(now) }.into()
    }
}

/// Says that a person is here, or has gone; who may see it and is online is told, nobody else.
pub fn set(cx: &mut Ctx<'_, '_>, me: UserId, online: bool) -> Done<()> {
    let now = cx.date();
    let until = now.saturating_add(i32::try_from(ONLINE_FOR.as_secs()).unwrap_or(i32::MAX));
    let row = stored::Presence { online_until: if online { until } else { now }, was_online: now };
    cx.tx.put(&PRESENCE, &me, &row)?;
    let mut audience = Vec::new();
    for watcher in users::watchers(cx.tx, me)? {
        if !users::relation(cx.tx, me, watcher)?.blocked {
            audience.push(watcher);
        }
    }
    let update = types::UpdateUserStatus { user_id: me.0, status: as_status(&row, now) };
    let what = Ephemeral { update: Box::new(update.into()), about: me };
    cx.effects.tell(Notice::Ephemeral { to: audience, what });
    Ok(())
}
