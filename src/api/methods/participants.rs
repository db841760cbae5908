//! Who is in a channel, what each of them may do, and who is kept out.

use model::ids::{ChannelId, Peer, UserId};
use model::{Refusal, channels, contacts, rights, users};
use store::Tx;
use tl::functions::channels as req;
use tl::{enums, stored, types};

use super::chats::entered;
use super::history::page_limit;
use crate::method::{Account, Cx, Rpc, methods};

methods! {
    channels::GetParticipants => get_participants, Reads;
    channels::GetParticipant => get_participant, Reads;
    channels::EditAdmin => edit_admin, Writes;
    channels::EditBanned => edit_banned, Writes;
    channels::DeleteParticipantHistory => delete_participant_history, Writes;
}

/// Whether a name has a word that begins with what is looked for.
fn is_called(tx: &Tx<'_>, me: UserId, user: UserId, query: &str) -> model::Done<bool> {
    if query.is_empty() {
        return Ok(true);
    }
    let Some(row) = users::find(tx, user)? else { return Ok(false) };
    let (first, last) = match contacts::find(tx, me, user)? {
        Some(contact) => (contact.first_name, contact.last_name),
        None => (row.first_name, row.last_name),
    };
    let name = format!("{first} {last}").to_lowercase();
    let username = row.username.unwrap_or_default().to_lowercase();
    Ok(name.starts_with(query)
        || name.split_whitespace().any(|word| word.starts_with(query))
        || (!username.is_empty() && username.starts_with(query.trim_start_matches('@'))))
}

fn get_participants(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::GetParticipants,
) -> Rpc<enums::channels::ChannelParticipants> {
    use enums::ChannelParticipantsFilter as Filter;
    let channel = cx.channel(me, &req.channel)?;
    let (row, own) = channels::readable(cx.model.tx, me.0, channel)?;
    let admin = channels::admin_rights(own.as_ref()) != 0;
    let hidden =
        matches!(req.filter, Filter::ChannelParticipantsKicked(_) | Filter::ChannelParticipantsBanned(_));
    if !admin && (hidden || !row.megagroup) {
        return Err(Refusal::ChatAdminRequired.into());
    }
    let offset = usize::try_from(req.offset).unwrap_or(0);
    let limit = page_limit(req.limit);
    let (tx, now) = (&*cx.model.tx, cx.model.now.unix());
    let special = |wanted: &dyn Fn(&stored::Member, i32) -> bool, query: &str| -> Rpc<channels::Listed> {
        let query = query.trim().to_lowercase();
        let mut list = channels::Listed::default();
        for place in channels::standing(tx, channel)? {
            let banned = channels::banned_rights(Some(&place), now);
            if wanted(&place, banned) && is_called(tx, me.0, UserId(place.user_id), &query)? {
                if list.count >= offset && list.rows.len() < limit {
                    list.rows.push(place);
                }
                list.count += 1;
            }
        }
        Ok(list)
    };
    let plain = |wanted: &dyn Fn(UserId) -> model::Done<bool>| -> Rpc<channels::Listed> {
        Ok(channels::listed(tx, channel, offset, limit, |place| {
            Ok(channels::is_in(Some(place)) && wanted(UserId(place.user_id))?)
        })?)
    };
    let list = match &req.filter {
        Filter::ChannelParticipantsRecent => plain(&|_| Ok(true))?,
        Filter::ChannelParticipantsSearch(f) => {
            let query = f.q.trim().to_lowercase();
            plain(&|user| is_called(tx, me.0, user, &query))?
        }
        Filter::ChannelParticipantsMentions(f) => {
            let query = f.q.as_deref().unwrap_or_default().trim().to_lowercase();
            plain(&|user| is_called(tx, me.0, user, &query))?
        }
        Filter::ChannelParticipantsContacts(f) => {
            let query = f.q.trim().to_lowercase();
            plain(
                &|user| Ok(contacts::find(tx, me.0, user)?.is_some() && is_called(tx, me.0, user, &query)?),
            )?
        }
        Filter::ChannelParticipantsBots => {
            plain(&|user| Ok(users::find(tx, user)?.is_some_and(|row| row.bot)))?
        }
        Filter::ChannelParticipantsAdmins => {
            special(&|place, _| channels::admin_rights(Some(place)) != 0, "")?
        }
        Filter::ChannelParticipantsKicked(f) => special(&|_, bits| bits & rights::NO_VIEW != 0, &f.q)?,
        Filter::ChannelParticipantsBanned(f) => {
            special(&|_, bits| bits != 0 && bits & rights::NO_VIEW == 0, &f.q)?
        }
    };
    let mut view = cx.view(me);
    let participants = list.rows.iter().map(|place| view.participant(place)).collect();
    view.name(Peer::Channel(channel));
    let (users, chats) = view.people()?;
    let count = i32::try_from(list.count).unwrap_or(i32::MAX);
    Ok(types::channels::ChannelParticipants { count, participants, chats, users }.into())
}

/// A person whom a call names as a participant. That a channel be one is not known here.
fn person(cx: &Cx<'_, '_>, me: Account, peer: &enums::InputPeer) -> Rpc<UserId> {
    match cx.peer(me, peer) {
        Ok(Peer::User(user)) => Ok(user),
        Ok(Peer::Chat(_) | Peer::Channel(_)) => Err(Refusal::ParticipantIdInvalid.into()),
        Err(refused) => Err(refused),
    }
}

fn get_participant(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::GetParticipant,
) -> Rpc<types::channels::ChannelParticipant> {
    let channel = cx.channel(me, &req.channel)?;
    let user = person(cx, me, &req.participant)?;
    let place = channels::member(cx.model.tx, channel, user)?;
    // One's own place one may always ask for: it is how clients find out that they have none.
    if user == me.0 {
        channels::known(cx.model.tx, channel)?;
    } else {
        let (row, own) = channels::readable(cx.model.tx, me.0, channel)?;
        if !row.megagroup && channels::admin_rights(own.as_ref()) == 0 {
            return Err(Refusal::ChatAdminRequired.into());
        }
    }
    let now = cx.model.now.unix();
    let place = place
        .filter(|place| channels::is_in(Some(place)) || channels::banned_rights(Some(place), now) != 0)
        .ok_or(Refusal::UserNotParticipant)?;
    let mut view = cx.view(me);
    let participant = view.participant(&place);
    view.name(Peer::Channel(channel));
    let (users, chats) = view.people()?;
    Ok(types::channels::ChannelParticipant { participant, chats, users })
}

fn edit_admin(cx: &mut Cx<'_, '_>, me: Account, req: req::EditAdmin) -> Rpc<enums::Updates> {
    let channel = cx.channel(me, &req.channel)?;
    let user = cx.user(me, &req.user_id)?;
    let bits = rights::admin_bits(&req.admin_rights);
    let rank = req.rank.as_deref().unwrap_or_default();
    let said = channels::promote(&mut cx.model, me.0, channel, user, bits, rank)?;
    entered(cx, me, Peer::Channel(channel), said)
}

fn edit_banned(cx: &mut Cx<'_, '_>, me: Account, req: req::EditBanned) -> Rpc<enums::Updates> {
    let channel = cx.channel(me, &req.channel)?;
    let user = person(cx, me, &req.participant)?;
    let bits = rights::banned_bits(&req.banned_rights);
    let until = end_of_ban(req.banned_rights.until_date, cx.model.now.unix());
    let said = channels::restrict(&mut cx.model, me.0, channel, user, bits, until)?;
    entered(cx, me, Peer::Channel(channel), said)
}

/// When a ban ends; less than half a minute or more than a year away means never, and so does zero.
fn end_of_ban(until: i32, now: i32) -> i32 {
    const SOON_SECS: i32 = 30;
    const YEAR_SECS: i32 = 366 * 24 * 3600;
    if (SOON_SECS..=YEAR_SECS).contains(&until.saturating_sub(now)) { until } else { 0 }
}

fn delete_participant_history(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::DeleteParticipantHistory,
) -> Rpc<types::messages::AffectedHistory> {
    let channel: ChannelId = cx.channel(me, &req.channel)?;
    let user = person(cx, me, &req.participant)?;
    let (pts, pts_count, more) = channels::delete_of(&mut cx.model, me.0, channel, user)?;
    Ok(types::messages::AffectedHistory { pts, pts_count, offset: i32::from(more) })
}
