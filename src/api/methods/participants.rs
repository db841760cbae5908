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

#[cfg(test)]
mod tests {
    use tl::functions::channels as req;
    use tl::{enums, types};

    use super::super::channels::tests::{input, made, post, texts};
    use crate::world::{Device, World};

    fn listed(world: &mut World, me: &Device, id: i64, filter: enums::ChannelParticipantsFilter) -> Vec<i64> {
        let channel = input(world, me, id);
        let request = req::GetParticipants { channel, filter, offset: 0, limit: 100, hash: 0 };
        let enums::channels::ChannelParticipants::ChannelParticipants(found) =
            world.call(me, &request).expect("a list")
        else {
            panic!("not modified")
        };
        assert_eq!(usize::try_from(found.count), Ok(found.participants.len()));
        let id = |peer: &enums::Peer| match peer {
            enums::Peer::PeerUser(p) => p.user_id,
            other => panic!("{other:?}"),
        };
        found
            .participants
            .iter()
            .map(|p| match p {
                enums::ChannelParticipant::ChannelParticipant(p) => p.user_id,
                enums::ChannelParticipant::ChannelParticipantSelf(p) => p.user_id,
                enums::ChannelParticipant::ChannelParticipantCreator(p) => p.user_id,
                enums::ChannelParticipant::ChannelParticipantAdmin(p) => p.user_id,
                enums::ChannelParticipant::ChannelParticipantBanned(p) => id(&p.peer),
                enums::ChannelParticipant::ChannelParticipantLeft(p) => id(&p.peer),
            })
            .collect()
    }

    fn recent() -> enums::ChannelParticipantsFilter {
        enums::ChannelParticipantsFilter::ChannelParticipantsRecent
    }

    fn ban(world: &World, me: &Device, whom: &Device, id: i64, until: i32, out: bool) -> req::EditBanned {
        req::EditBanned {
            channel: input(world, me, id),
            participant: world.input_peer(me, whom),
            banned_rights: types::ChatBannedRights {
                view_messages: out,
                send_messages: true,
                until_date: until,
                ..Default::default()
            },
        }
    }

    fn promote(
        world: &World,
        me: &Device,
        whom: &Device,
        id: i64,
        admin_rights: types::ChatAdminRights,
    ) -> req::EditAdmin {
        req::EditAdmin {
            channel: input(world, me, id),
            user_id: world.input_user(me, whom),
            admin_rights,
            rank: Some("editor".to_owned()),
        }
    }

    #[test]
    fn a_ban_keeps_somebody_out_until_it_ends_or_is_lifted() {
        let mut world = World::new();
        let (ann, bob, cyd) = (world.person("Ann"), world.person("Bob"), world.person("Cyd"));
        let id = made(&mut world, &ann, false, &[&bob, &cyd]);
        let channel = input(&world, &ann, id);
        world.call(&ann, &req::UpdateUsername { channel, username: "a_gate".to_owned() }).expect("public");
        let request = ban(&world, &cyd, &bob, id, 0, true);
        assert_eq!(world.call(&cyd, &request).err().as_deref(), Some("CHAT_ADMIN_REQUIRED"));
        let request = ban(&world, &ann, &bob, id, world.now.unix() + 3600, true);
        world.call(&ann, &request).expect("out");
        assert_eq!(texts(&mut world, &bob, id), Err("CHANNEL_PRIVATE".to_owned()));
        let join = req::JoinChannel { channel: input(&world, &bob, id) };
        assert_eq!(world.call(&bob, &join).err().as_deref(), Some("CHANNEL_PRIVATE"));
        assert_eq!(listed(&mut world, &ann, id, recent()), [ann.user.0, cyd.user.0]);
        let kicked = types::ChannelParticipantsKicked { q: String::new() };
        assert_eq!(listed(&mut world, &ann, id, kicked.into()), [bob.user.0]);
        world.wait(3601);
        world.call(&bob, &join).expect("the ban is over");
        post(&mut world, &bob, id, "back").expect("he may write as well");
    }

    #[test]
    fn who_is_restricted_reads_and_does_not_write() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let id = made(&mut world, &ann, false, &[&bob]);
        let request = ban(&world, &ann, &bob, id, i32::MAX, false);
        world.call(&ann, &request).expect("silent");
        post(&mut world, &ann, id, "quiet here").expect("posted");
        assert_eq!(texts(&mut world, &bob, id), Ok(vec!["quiet here".to_owned()]));
        assert_eq!(post(&mut world, &bob, id, "but"), Err("USER_BANNED_IN_CHANNEL".to_owned()));
        let banned = types::ChannelParticipantsBanned { q: String::new() };
        assert_eq!(listed(&mut world, &ann, id, banned.into()), [bob.user.0]);
        let mut lifted = ban(&world, &ann, &bob, id, 0, false);
        lifted.banned_rights = types::ChatBannedRights::default();
        world.call(&ann, &lifted).expect("lifted");
        post(&mut world, &bob, id, "thank you").expect("posted");
    }

    #[test]
    fn admins_post_in_a_channel_until_they_are_none() {
        let mut world = World::new();
        let (ann, mut bob, cyd) = (world.person("Ann"), world.person("Bob"), world.person("Cyd"));
        let id = made(&mut world, &ann, true, &[&bob, &cyd]);
        assert_eq!(post(&mut world, &bob, id, "me too"), Err("CHAT_WRITE_FORBIDDEN".to_owned()));
        let rights = types::ChatAdminRights { post_messages: true, ..Default::default() };
        let request = promote(&world, &bob, &cyd, id, rights.clone());
        assert_eq!(world.call(&bob, &request).err().as_deref(), Some("CHAT_ADMIN_REQUIRED"));
        world.pushes(&mut bob);
        let request = promote(&world, &ann, &bob, id, rights);
        world.call(&ann, &request).expect("an admin");
        assert!(world.pushes(&mut bob).iter().any(|u| matches!(u, enums::Update::UpdateChannel(_))));
        let mine = post(&mut world, &bob, id, "by the editor").expect("posted");
        let hers = post(&mut world, &ann, id, "by the founder").expect("posted");
        let channel = input(&world, &bob, id);
        let request = req::DeleteMessages { channel: channel.clone(), id: vec![hers] };
        assert_eq!(world.call(&bob, &request).err().as_deref(), Some("MESSAGE_DELETE_FORBIDDEN"));
        world.call(&bob, &req::DeleteMessages { channel, id: vec![mine] }).expect("his own");
        let admins = enums::ChannelParticipantsFilter::ChannelParticipantsAdmins;
        assert_eq!(listed(&mut world, &ann, id, admins), [ann.user.0, bob.user.0]);
        let request = promote(&world, &ann, &bob, id, types::ChatAdminRights::default());
        world.call(&ann, &request).expect("one no more");
        assert_eq!(post(&mut world, &bob, id, "once more"), Err("CHAT_WRITE_FORBIDDEN".to_owned()));
        // In a channel that broadcasts the readers do not see each other.
        let channel = input(&world, &bob, id);
        let request = req::GetParticipants { channel, filter: recent(), offset: 0, limit: 10, hash: 0 };
        assert_eq!(world.call(&bob, &request).err().as_deref(), Some("CHAT_ADMIN_REQUIRED"));
    }

    #[test]
    fn people_are_found_by_name_and_one_s_own_place_is_told() {
        let mut world = World::new();
        let (ann, bob, cyd) = (world.person("Ann"), world.person("Bob"), world.person("Cyd"));
        let id = made(&mut world, &ann, false, &[&bob, &cyd]);
        let query = types::ChannelParticipantsSearch { q: "CY".to_owned() };
        assert_eq!(listed(&mut world, &bob, id, query.into()), [cyd.user.0]);
        let own = |world: &mut World, who: &Device| {
            let participant = enums::InputPeer::InputPeerSelf;
            world.call(who, &req::GetParticipant { channel: input(world, who, id), participant })
        };
        let place = own(&mut world, &ann).expect("hers").participant;
        assert!(matches!(place, enums::ChannelParticipant::ChannelParticipantCreator(_)));
        let place = own(&mut world, &bob).expect("his").participant;
        assert!(matches!(place, enums::ChannelParticipant::ChannelParticipantSelf(_)));
        let eve = world.person("Eve");
        assert_eq!(own(&mut world, &eve).err().as_deref(), Some("USER_NOT_PARTICIPANT"));
    }

    #[test]
    fn an_admin_deletes_all_that_somebody_wrote() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let id = made(&mut world, &ann, false, &[&bob]);
        post(&mut world, &bob, id, "spam").expect("posted");
        post(&mut world, &ann, id, "stop").expect("posted");
        post(&mut world, &bob, id, "more spam").expect("posted");
        let request = req::DeleteParticipantHistory {
            channel: input(&world, &ann, id),
            participant: world.input_peer(&ann, &bob),
        };
        let gone = world.call(&ann, &request).expect("gone");
        assert_eq!((gone.pts_count, gone.offset), (2, 0));
        assert_eq!(texts(&mut world, &ann, id), Ok(vec!["stop".to_owned()]));
    }
}
