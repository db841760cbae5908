//! Who is here, and who may see it.
//!
//! A person is here until the moment that their client last promised. A client that disappears without a word says nothing
//! more, and the promise runs out: nobody has to notice, since everybody was told when it ends.

use std::time::Duration;

use store::Tx;
use tl::enums::PrivacyKey::PrivacyKeyStatusTimestamp;
use tl::{enums, stored, types};

use crate::ctx::{Ctx, Ephemeral, Notice};
use crate::error::Done;
use crate::ids::{SERVICE, UserId};
use crate::tables::{BLOCKED, PRESENCE};
use crate::{privacy, users};

/// How long one `account.updateStatus` keeps a person online; clients repeat it before that.
pub const ONLINE_FOR: Duration = Duration::from_secs(300);

/// Until when somebody who was seen counts as seen recently, within a week, within a month; seconds.
const RECENTLY_SECS: i32 = 3 * 86_400;
const WEEK_SECS: i32 = 7 * 86_400;
const MONTH_SECS: i32 = 30 * 86_400;

/// How exactly a viewer sees when somebody was here.
enum Sight {
    Exact,
    /// Roughly; because of the viewer's own rules, if `by_me`: who hides their own time does not see that of others.
    Rough {
        by_me: bool,
    },
    Nothing,
}

fn sight(tx: &Tx<'_>, user: UserId, viewer: UserId) -> Done<Sight> {
    if user == viewer {
        return Ok(Sight::Exact);
    }
    if tx.has(&BLOCKED, &(user, viewer))? {
        return Ok(Sight::Nothing);
    }
    let shown = privacy::allows(tx, user, &PrivacyKeyStatusTimestamp, viewer)?;
    let shows = privacy::allows(tx, viewer, &PrivacyKeyStatusTimestamp, user)?;
    Ok(if shown && shows { Sight::Exact } else { Sight::Rough { by_me: shown } })
}

/// A person's status as `viewer` may see it. Who blocked somebody is seen by them as long gone.
pub fn status(tx: &Tx<'_>, user: UserId, viewer: UserId, now: i32) -> Done<Option<enums::UserStatus>> {
    if user == SERVICE {
        return Ok(None);
    }
    let Some(row) = tx.get(&PRESENCE, &user)? else { return Ok(None) };
    Ok(match sight(tx, user, viewer)? {
        Sight::Exact => Some(exactly(&row, now)),
        Sight::Rough { by_me } => Some(roughly(&row, now, by_me)),
        Sight::Nothing => None,
    })
}

fn exactly(row: &stored::Presence, now: i32) -> enums::UserStatus {
    if row.online_until > now {
        types::UserStatusOnline { expires: row.online_until }.into()
    } else {
        types::UserStatusOffline { was_online: row.was_online.min(now) }.into()
    }
}

fn roughly(row: &stored::Presence, now: i32, by_me: bool) -> enums::UserStatus {
    let ago = now.saturating_sub(row.was_online);
    if ago < RECENTLY_SECS {
        types::UserStatusRecently { by_me }.into()
    } else if ago < WEEK_SECS {
        types::UserStatusLastWeek { by_me }.into()
    } else if ago < MONTH_SECS {
        types::UserStatusLastMonth { by_me }.into()
    } else {
        enums::UserStatus::UserStatusEmpty
    }
}

/// Says that a person is here, or has gone; who may see it and is online is told, nobody else.
///
/// A device that goes ends only what it promised itself: another one that came later keeps its person here.
pub fn set(cx: &mut Ctx<'_, '_>, me: UserId, online: bool) -> Done<()> {
    let now = cx.date();
    if !online {
        let before = cx.tx.get(&PRESENCE, &me)?;
        if before.is_some_and(|row| row.online_until > now && row.key_id != cx.origin.0) {
            return Ok(());
        }
    }
    let until = now.saturating_add(i32::try_from(ONLINE_FOR.as_secs()).unwrap_or(i32::MAX));
    let online_until = if online { until } else { now };
    let row = stored::Presence { online_until, was_online: now, key_id: cx.origin.0 };
    cx.tx.put(&PRESENCE, &me, &row)?;
    let mut audience = Vec::new();
    for watcher in users::watchers(cx.tx, me)? {
        if matches!(sight(cx.tx, me, watcher)?, Sight::Exact) {
            audience.push(watcher);
        }
    }
    if audience.is_empty() {
        return Ok(());
    }
    let update = types::UpdateUserStatus { user_id: me.0, status: exactly(&row, now) };
    let what = Ephemeral { update: Box::new(update.into()), about: me };
    cx.effects.tell(Notice::Ephemeral { to: audience, what });
    Ok(())
}
