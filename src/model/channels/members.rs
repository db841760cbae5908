//! Who is in a channel: entering, leaving, restricting, promoting, listing.

use store::{Order, Tx};
use tl::stored;

use super::{
    admin_rights, administered, banned_rights, changed, head, is_in, known, member, permitted, put_member,
    say,
};
use crate::ctx::{Ctx, Notice};
use crate::error::{Done, Refusal};
use crate::ids::{ChannelId, Peer, UserId};
use crate::messages::Placed;
use crate::tables::{CHANNEL_HEADS, DIALOGS, MEMBERS, STANDING};
use crate::{dialogs, invites, limits, privacy, rights, users};

/// Enters a person: their place, their conversation, the count of members.
pub(super) fn enter(
    cx: &mut Ctx<'_, '_>,
    channel: &stored::Channel,
    user: UserId,
    inviter: UserId,
) -> Done<()> {
    let id = ChannelId(channel.id);
    let peer = Peer::Channel(id);
    let mine = cx.tx.scan(&DIALOGS, DIALOGS.of(user), Order::Forward, limits::DIALOGS_MAX)?;
    if mine.iter().filter(|(_, d)| d.member).count() >= limits::CHANNELS_MAX {
        let own = user == inviter;
        return Err(if own { Refusal::ChannelsTooMuch } else { Refusal::UserChannelsTooMuch }.into());
    }
    let mut head = head(cx.tx, id)?;
    if channel.megagroup && head.members >= limits::MEGAGROUP_MEMBERS_MAX {
        return Err(Refusal::UsersTooMuch.into());
    }
    let before = member(cx.tx, id, user)?;
    // What was forbidden to them stays forbidden; that they were put out is over.
    let banned = banned_rights(before.as_ref(), cx.date()) & !rights::NO_VIEW;
    let row = stored::Member {
        creator: channel.creator == user.0,
        left: false,
        user_id: user.0,
        inviter_id: inviter.0,
        date: cx.date(),
        banned_rights: (banned != 0).then_some(banned),
        banned_until: if banned == 0 { 0 } else { before.as_ref().map_or(0, |m| m.banned_until) },
        promoted_by: before.as_ref().map_or(0, |m| m.promoted_by),
        ..Default::default()
    };
    put_member(cx, id, &row)?;
    head.members += 1;
    cx.tx.put(&CHANNEL_HEADS, &id, &head)?;
    let hidden = channel.hidden_prehistory && channel.username.is_none();
    let dialog = stored::Dialog {
        member: true,
        read_inbox_max: head.top_message,
        joined: cx.date(),
        available_min: if hidden { head.top_message } else { 0 },
        ..dialogs::find(cx.tx, user, peer)?.unwrap_or_default()
    };
    cx.tx.put(&DIALOGS, &(user, peer), &dialog)?;
    changed(cx, id, user)?;
    cx.effects.tell(Notice::Membership { user, channel: id, member: true });
    Ok(())
}

/// Takes a person over from the basic group that a channel was, with the admin rights they had there.
pub(crate) fn adopt(
    cx: &mut Ctx<'_, '_>,
    channel: ChannelId,
    user: UserId,
    by: UserId,
    admin: bool,
) -> Done<()> {
    let row = known(cx.tx, channel)?;
    enter(cx, &row, user, by)?;
    if admin {
        let mut place = member(cx.tx, channel, user)?.ok_or(Refusal::UserNotParticipant)?;
        place.admin_rights = Some(rights::ALL_ADMIN & !rights::ADD_ADMINS & !rights::POST_MESSAGES);
        place.promoted_by = by.0;
        put_member(cx, channel, &place)?;
    }
    Ok(())
}

/// Ends a person's place: their conversation, their rights, their link; what is forbidden to them stays.
pub(super) fn exit(cx: &mut Ctx<'_, '_>, channel: ChannelId, mut row: stored::Member) -> Done<()> {
    let user = UserId(row.user_id);
    let peer = Peer::Channel(channel);
    row.left = true;
    row.admin_rights = None;
    row.rank.clear();
    if let Some(link) = row.invite.take() {
        invites::end(cx, &link)?;
    }
    put_member(cx, channel, &row)?;
    let mut head = head(cx.tx, channel)?;
    head.members = head.members.saturating_sub(1).max(0);
    cx.tx.put(&CHANNEL_HEADS, &channel, &head)?;
    cx.tx.delete(&DIALOGS, &(user, peer))?;
    if dialogs::pinned(cx.tx, user)?.contains(&peer) {
        dialogs::pin(cx, user, peer, false)?;
    }
    changed(cx, channel, user)?;
    cx.effects.tell(Notice::Membership { user, channel, member: false });
    Ok(())
}

/// Enters a channel: a public one freely, a private one by a link of `inviter`. A group says so in a message.
pub fn join(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    inviter: Option<UserId>,
) -> Done<Option<Placed>> {
    let row = known(cx.tx, channel)?;
    let place = member(cx.tx, channel, me)?;
    if is_in(place.as_ref()) {
        return Err(Refusal::UserAlreadyParticipant.into());
    }
    let banned = banned_rights(place.as_ref(), cx.date()) & rights::NO_VIEW != 0;
    let owner = row.creator == me.0;
    if banned || (row.username.is_none() && inviter.is_none() && !owner) {
        return Err(Refusal::ChannelPrivate.into());
    }
    enter(cx, &row, me, inviter.filter(|_| row.megagroup).unwrap_or(me))?;
    if !row.megagroup {
        return Ok(None);
    }
    let action = match inviter {
        Some(inviter) => stored::ActionChatJoinedByLink { inviter_id: inviter.0 }.into(),
        None => stored::ActionChatAddUser { users: vec![me.0] }.into(),
    };
    say(cx, me, channel, action).map(Some)
}

/// Leaves a channel; its owner may not. A group says so in a message, which comes back.
pub fn leave(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId) -> Done<Option<Placed>> {
    let row = known(cx.tx, channel)?;
    let place = member(cx.tx, channel, me)?.filter(|m| is_in(Some(m))).ok_or(Refusal::UserNotParticipant)?;
    if place.creator {
        return Err(Refusal::UserCreator.into());
    }
    let said = if row.megagroup {
        Some(say(cx, me, channel, stored::ActionChatDeleteUser { user_id: me.0 }.into())?)
    } else {
        None
    };
    exit(cx, channel, place)?;
    Ok(said)
}

/// What came of an invitation.
#[derive(Debug, Default)]
pub struct Invited {
    /// Who entered.
    pub entered: Vec<UserId>,
    /// Who does not want `me`'s invitations.
    pub missing: Vec<UserId>,
    /// The message that says so, in a group.
    pub said: Option<Placed>,
}

/// Takes people in; who is in already is passed over.
pub fn invite(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, people: &[UserId]) -> Done<Invited> {
    let row = permitted(cx, me, channel, rights::INVITE_USERS, rights::NO_INVITE)?;
    if !row.megagroup && admin_rights(member(cx.tx, channel, me)?.as_ref()) & rights::INVITE_USERS == 0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    let may_lift = admin_rights(member(cx.tx, channel, me)?.as_ref()) & rights::BAN_USERS != 0;
    let mut invited = Invited::default();
    for user in people {
        if users::known(cx.tx, *user)?.deleted {
            return Err(Refusal::InputUserDeactivated.into());
        }
        let place = member(cx.tx, channel, *user)?;
        if banned_rights(place.as_ref(), cx.date()) & rights::NO_VIEW != 0 && !may_lift {
            if people.len() == 1 {
                return Err(Refusal::UserKicked.into());
            }
            continue;
        }
        if is_in(place.as_ref()) {
            continue;
        }
        if !privacy::may_invite(cx.tx, me, *user)? {
            invited.missing.push(*user);
            continue;
        }
        enter(cx, &row, *user, me)?;
        invited.entered.push(*user);
    }
    if !invited.entered.is_empty() && row.megagroup {
        let users = invited.entered.iter().map(|u| u.0).collect();
        invited.said = Some(say(cx, me, channel, stored::ActionChatAddUser { users }.into())?);
    }
    Ok(invited)
}

/// Restricts a person until a date (0: for ever). Without the right to view they are out and may not return before; no bits
/// lift it all. A group says that somebody was put out.
pub fn restrict(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    user: UserId,
    banned: i32,
    until: i32,
) -> Done<Option<Placed>> {
    let row = administered(cx.tx, me, channel, rights::BAN_USERS)?;
    users::known(cx.tx, user)?;
    let place = member(cx.tx, channel, user)?;
    let is_admin = admin_rights(place.as_ref()) != 0;
    if user.0 == row.creator || (is_admin && row.creator != me.0) {
        return Err(Refusal::UserAdminInvalid.into());
    }
    let was_in = is_in(place.as_ref());
    let out = banned & rights::NO_VIEW != 0;
    let said = if was_in && out && row.megagroup {
        Some(say(cx, me, channel, stored::ActionChatDeleteUser { user_id: user.0 }.into())?)
    } else {
        None
    };
    let mut place = place.unwrap_or(stored::Member {
        left: true,
        user_id: user.0,
        date: cx.date(),
        ..Default::default()
    });
    place.banned_rights = (banned != 0).then_some(banned);
    place.banned_until = if banned == 0 || until == i32::MAX { 0 } else { until };
    place.promoted_by = me.0;
    if banned != 0 {
        place.admin_rights = None;
    }
    if was_in && out {
        exit(cx, channel, place)?;
    } else {
        put_member(cx, channel, &place)?;
        changed(cx, channel, user)?;
    }
    Ok(said)
}

/// Gives a person admin rights, or with no bits takes them away. Somebody who is not in a channel yet enters it, and a group
/// says so.
pub fn promote(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    user: UserId,
    bits: i32,
    rank: &str,
) -> Done<Option<Placed>> {
    let row = administered(cx.tx, me, channel, rights::ADD_ADMINS)?;
    let owner = row.creator == me.0;
    let mine = admin_rights(member(cx.tx, channel, me)?.as_ref());
    if bits & !mine != 0 && !owner {
        return Err(Refusal::RightForbidden.into());
    }
    if users::known(cx.tx, user)?.deleted {
        return Err(Refusal::InputUserDeactivated.into());
    }
    if user.0 == row.creator {
        // An owner may change their own rank, not their rights.
        let mut place = member(cx.tx, channel, user)?.ok_or(Refusal::UserNotParticipant)?;
        if !owner {
            return Err(Refusal::UserCreator.into());
        }
        place.rank = cut(rank);
        put_member(cx, channel, &place)?;
        changed(cx, channel, user)?;
        return Ok(None);
    }
    let place = member(cx.tx, channel, user)?;
    let was_admin = admin_rights(place.as_ref()) != 0;
    if was_admin && !owner && place.as_ref().is_some_and(|m| m.promoted_by != me.0) && user != me {
        return Err(Refusal::ChatAdminRequired.into());
    }
    let mut said = None;
    if !is_in(place.as_ref()) {
        if bits == 0 {
            return Err(Refusal::UserNotParticipant.into());
        }
        if !privacy::may_invite(cx.tx, me, user)? {
            return Err(Refusal::UserPrivacyRestricted.into());
        }
        enter(cx, &row, user, me)?;
        if row.megagroup {
            said = Some(say(cx, me, channel, stored::ActionChatAddUser { users: vec![user.0] }.into())?);
        }
    }
    let mut place = member(cx.tx, channel, user)?.ok_or(Refusal::UserNotParticipant)?;
    place.admin_rights = (bits != 0).then_some(bits);
    if bits != 0 {
        place.banned_rights = None;
        place.banned_until = 0;
    }
    place.promoted_by = me.0;
    place.rank = if bits == 0 { String::new() } else { cut(rank) };
    if bits & rights::INVITE_USERS == 0
        && let Some(link) = place.invite.take()
    {
        invites::end(cx, &link)?;
    }
    put_member(cx, channel, &place)?;
    changed(cx, channel, user)?;
    Ok(said)
}

fn cut(rank: &str) -> String {
    rank.trim().chars().take(limits::RANK_CHARS_MAX).collect()
}

/// Some of the places in a channel, and how many fit in all.
#[derive(Debug, Default)]
pub struct Listed {
    /// Those asked for.
    pub rows: Vec<stored::Member>,
    /// How many there are, as far as the listing went.
    pub count: usize,
}

/// The places in a channel that `wanted` likes: at most `limit` after the first `offset`.
pub fn listed(
    tx: &Tx<'_>,
    channel: ChannelId,
    offset: usize,
    limit: usize,
    mut wanted: impl FnMut(&stored::Member) -> Done<bool>,
) -> Done<Listed> {
    let mut list = Listed::default();
    let mut looked = 0;
    let mut rows = MEMBERS.of(channel);
    while looked < limits::MEMBERS_SCAN_MAX {
        let page = tx.scan(&MEMBERS, rows, Order::Forward, limits::PAGE_MAX)?;
        let Some((last, _)) = page.last() else { break };
        rows = MEMBERS.of(channel).after(last);
        looked += page.len();
        for (_, member) in page {
            if wanted(&member)? {
                if list.count >= offset && list.rows.len() < limit {
                    list.rows.push(member);
                }
                list.count += 1;
            }
        }
    }
    Ok(list)
}

/// The places in a channel that are not a plain member's: admins, the restricted, those put out.
pub fn standing(tx: &Tx<'_>, channel: ChannelId) -> Done<Vec<stored::Member>> {
    let keys = tx.keys(&STANDING, STANDING.of(channel), Order::Forward, limits::MEMBERS_SCAN_MAX)?;
    Ok(tx.get_many(&MEMBERS, &keys)?.into_iter().flatten().collect())
}
