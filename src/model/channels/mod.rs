//! Supergroups and broadcast channels: one row per post for everybody, a pts of their own, a read pointer per member.

mod members;
mod posts;
mod settings;

use store::{Order, Present, Tx};
use tl::{enums, stored, types};

use crate::ctx::{Ctx, Ephemeral, Notice};
use crate::error::{Done, Refusal};
use crate::ids::{ChannelId, Peer, SERVICE, UserId};
use crate::messages::{Outgoing, Placed};
use crate::tables::{CHANNEL_HEADS, CHANNEL_LOGS, CHANNELS, DIALOGS, MEMBERS, STANDING};
use crate::{chats, dialogs, limits, rights, updates, users};

pub(crate) use members::adopt;
pub use members::{Invited, Listed, invite, join, leave, listed, promote, restrict, standing};
pub use posts::{clear_all, clear_mine, delete, delete_of, may_post, read, unread};
pub(crate) use posts::{edit, post};
pub use settings::{
    destroy, owned_public, set_about, set_banned_rights, set_hidden_prehistory, set_noforwards, set_photo,
    set_signatures, set_title, set_username,
};

/// The counters of a channel.
pub fn head(tx: &Tx<'_>, channel: ChannelId) -> Done<stored::ChannelHead> {
    Ok(tx.get(&CHANNEL_HEADS, &channel)?.unwrap_or(stored::ChannelHead {
        pts: 1,
        next_msg_id: 1,
        log_floor: 1,
        ..Default::default()
    }))
}

/// A channel that is there.
pub fn known(tx: &Tx<'_>, channel: ChannelId) -> Done<stored::Channel> {
    tx.get(&CHANNELS, &channel)?.filter(|row| !row.deleted).ok_or_else(|| Refusal::ChannelInvalid.into())
}

/// Somebody's place in a channel.
pub fn member(tx: &Tx<'_>, channel: ChannelId, user: UserId) -> Done<Option<stored::Member>> {
    Ok(tx.get(&MEMBERS, &(channel, user))?)
}

/// Whether a place in a channel means being in it. Who was banned has left.
#[must_use]
pub fn is_in(member: Option<&stored::Member>) -> bool {
    member.is_some_and(|m| !m.left)
}

/// What a member may do as an admin, as bits; zero for who is none.
#[must_use]
pub fn admin_rights(member: Option<&stored::Member>) -> i32 {
    match member {
        Some(m) if m.left => 0,
        Some(m) if m.creator => rights::ALL_ADMIN,
        Some(m) => m.admin_rights.unwrap_or(0),
        None => 0,
    }
}

/// What is forbidden to somebody at a time, as bits: a ban with an end is over after it.
#[must_use]
pub fn banned_rights(member: Option<&stored::Member>, now: i32) -> i32 {
    match member {
        Some(m) if m.banned_until == 0 || m.banned_until > now => m.banned_rights.unwrap_or(0),
        _ => 0,
    }
}

/// A channel that `me` may read: a member, or anybody if it has a username. Who was put out may not, not even after the end
/// of their ban, until they have entered again.
pub fn readable(
    tx: &Tx<'_>,
    me: UserId,
    channel: ChannelId,
) -> Done<(stored::Channel, Option<stored::Member>)> {
    let row = known(tx, channel)?;
    let member = member(tx, channel, me)?;
    let banned = member.as_ref().is_some_and(|m| m.banned_rights.unwrap_or(0) & rights::NO_VIEW != 0);
    if is_in(member.as_ref()) || (row.username.is_some() && !banned) {
        Ok((row, member))
    } else {
        Err(Refusal::ChannelPrivate.into())
    }
}

/// A channel in which `me` has these admin rights.
pub fn administered(tx: &Tx<'_>, me: UserId, channel: ChannelId, needed: i32) -> Done<stored::Channel> {
    let (row, member) = readable(tx, me, channel)?;
    if admin_rights(member.as_ref()) & needed == needed {
        Ok(row)
    } else {
        Err(Refusal::ChatAdminRequired.into())
    }
}

/// Like [`administered`], but a group's plain members may too unless its default rights, or their own, say otherwise.
fn permitted(
    cx: &Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    admin: i32,
    banned: i32,
) -> Done<stored::Channel> {
    let (row, member) = readable(cx.tx, me, channel)?;
    if admin_rights(member.as_ref()) & admin == admin {
        return Ok(row);
    }
    let own = banned_rights(member.as_ref(), cx.date());
    if row.megagroup && is_in(member.as_ref()) && (row.banned_rights | own) & banned == 0 {
        Ok(row)
    } else {
        Err(Refusal::ChatAdminRequired.into())
    }
}

/// Up to which id `me` sees nothing of a channel: what was there before they came, if that is hidden, and what they cleared.
pub fn available_min(tx: &Tx<'_>, me: UserId, channel: ChannelId) -> Done<i32> {
    Ok(dialogs::find(tx, me, Peer::Channel(channel))?.map_or(0, |dialog| dialog.available_min))
}

/// Appends a change to a channel's log; gives the pts after it.
fn append(
    cx: &mut Ctx<'_, '_>,
    channel: ChannelId,
    head: &mut stored::ChannelHead,
    change: stored::enums::Change,
    pts_count: i32,
) -> Done<i32> {
    let before = head.pts;
    head.pts = head.pts.saturating_add(pts_count);
    head.changed = cx.date();
    let row = stored::Logged { origin: cx.origin.0, date: cx.date(), pts_count, change };
    cx.tx.put(&CHANNEL_LOGS, &(channel, head.pts), &row)?;
    let floor = head.pts.saturating_sub(limits::LOG_KEEP);
    if floor > head.log_floor && limits::trims(before, head.pts) {
        let oldest = CHANNEL_LOGS.of(channel).after(&(channel, head.log_floor)).until(&(channel, floor));
        for key in cx.tx.keys(&CHANNEL_LOGS, oldest, Order::Forward, limits::LOG_TRIM_STEP)? {
            cx.tx.delete(&CHANNEL_LOGS, &key)?;
            head.log_floor = key.1;
        }
    }
    cx.tx.put(&CHANNEL_HEADS, &channel, head)?;
    cx.effects.tell(Notice::Channel(channel));
    Ok(head.pts)
}

/// What a channel's log holds after `pts`, oldest first; `None` where it no longer reaches back that far.
pub fn since(
    tx: &Tx<'_>,
    channel: ChannelId,
    pts: i32,
    limit: usize,
) -> Done<Option<Vec<(i32, stored::Logged)>>> {
    let head = head(tx, channel)?;
    if pts < head.log_floor || pts > head.pts {
        return Ok(None);
    }
    let rows =
        tx.scan(&CHANNEL_LOGS, CHANNEL_LOGS.of(channel).after(&(channel, pts)), Order::Forward, limit)?;
    Ok(Some(rows.into_iter().map(|((_, pts), row)| (pts, row)).collect()))
}

/// Makes a channel; gives it and its first message.
pub fn create(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    name: &str,
    about: &str,
    megagroup: bool,
) -> Done<(ChannelId, Placed)> {
    let name = chats::title(name)?;
    if about.chars().count() > limits::CHAT_ABOUT_CHARS_MAX {
        return Err(Refusal::ChatAboutTooLong.into());
    }
    let row = stored::Channel { title: name.clone(), about: about.to_owned(), ..Default::default() };
    let channel = found(cx, me, row, megagroup)?;
    let placed = say(cx, me, channel, stored::ActionChannelCreate { title: name }.into())?;
    Ok((channel, placed))
}

/// Founds a channel without saying so, from a row with what its founder chose.
pub(crate) fn found(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    row: stored::Channel,
    megagroup: bool,
) -> Done<ChannelId> {
    let channel = ChannelId(users::next_id(cx, b'c', 1_000_001)?);
    let row = stored::Channel {
        megagroup,
        id: channel.0,
        creator: me.0,
        date: cx.date(),
        version: 1,
        banned_rights: if megagroup { row.banned_rights | rights::NEW_GROUP } else { 0 },
        ..row
    };
    cx.tx.put(&CHANNELS, &channel, &row)?;
    members::enter(cx, &row, me, me)?;
    Ok(channel)
}

fn put_member(cx: &mut Ctx<'_, '_>, channel: ChannelId, row: &stored::Member) -> Done<()> {
    let key = (channel, UserId(row.user_id));
    cx.tx.put(&MEMBERS, &key, row)?;
    if admin_rights(Some(row)) != 0 || row.banned_rights.is_some() {
        cx.tx.put(&STANDING, &key, &Present)?;
    } else {
        cx.tx.delete(&STANDING, &key)?;
    }
    Ok(())
}

fn put_channel(cx: &mut Ctx<'_, '_>, mut row: stored::Channel) -> Done<()> {
    row.version += 1;
    cx.tx.put(&CHANNELS, &ChannelId(row.id), &row)?;
    Ok(())
}

/// Tells a person's devices that how they stand to a channel, or the channel itself, has changed.
fn changed(cx: &mut Ctx<'_, '_>, channel: ChannelId, user: UserId) -> Done<()> {
    updates::append_aside(cx, user, types::UpdateChannel { channel_id: channel.0 }.into())
}

/// Tells `me`'s devices, and whoever else is in the channel and online, what has changed about it. It is no post, so it
/// costs no row per member: who is away sees it when they next look.
fn tell_all(cx: &mut Ctx<'_, '_>, channel: ChannelId, me: UserId, update: enums::Update) -> Done<()> {
    // Not about `me`: a channel that broadcasts does not name its admins.
    let what = Ephemeral { update: Box::new(update.clone()), about: SERVICE };
    cx.effects.tell(Notice::EphemeralChannel { channel, what, except: me });
    updates::append_aside(cx, me, update)
}

/// Writes a service message into a channel.
pub(crate) fn say(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    action: stored::enums::Action,
) -> Done<Placed> {
    let row = known(cx.tx, channel)?;
    posts::place(cx, me, &row, Outgoing { action: Some(action), ..Default::default() })
}

/// The channels a person is in.
pub fn of_user(tx: &Tx<'_>, user: UserId) -> Done<Vec<ChannelId>> {
    let rows = tx.scan(&DIALOGS, DIALOGS.of(user), Order::Forward, limits::DIALOGS_MAX)?;
    let channel = |((_, peer), dialog): ((UserId, Peer), stored::Dialog)| match peer {
        Peer::Channel(channel) if dialog.member => Some(channel),
        _ => None,
    };
    Ok(rows.into_iter().filter_map(channel).collect())
}
