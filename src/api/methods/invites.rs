//! Invite links: making, looking at, entering by, ending.

use model::ids::{Peer, UserId};
use model::{Refusal, channels, chats, invites};
use tl::functions::messages as req;
use tl::{enums, stored, types};

use super::chats::entered;
use crate::method::{Account, Cx, Rpc, methods};

methods! {
    messages::ExportChatInvite => export_chat_invite, Writes;
    messages::GetExportedChatInvites => get_exported_chat_invites, Reads;
    messages::GetExportedChatInvite => get_exported_chat_invite, Reads;
    messages::EditExportedChatInvite => edit_exported_chat_invite, Writes;
    messages::DeleteExportedChatInvite => delete_exported_chat_invite, Writes;
    messages::GetAdminsWithInvites => get_admins_with_invites, Reads;
    messages::CheckChatInvite => check_chat_invite, Reads;
    messages::ImportChatInvite => import_chat_invite, Writes;
}

/// The part of a link that counts: clients send links whole, in several fashions, or only that part.
fn hash_of(link: &str) -> &str {
    let last = link.rsplit(['/', '=']).next().unwrap_or(link);
    last.trim_start_matches('+')
}

/// A link as clients read it.
fn exported(cx: &Cx<'_, '_>, me: Account, hash: &str) -> Rpc<(enums::ExportedChatInvite, Vec<enums::User>)> {
    let mut view = cx.view(me);
    let invite = view.invite(Some(hash))?.ok_or(Refusal::InviteHashExpired)?;
    let (users, _) = view.people()?;
    Ok((invite, users))
}

/// The caller's one link. Links that end by themselves or count their guests are not made: rather none than one that admits
/// more people than was asked.
fn export_chat_invite(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::ExportChatInvite,
) -> Rpc<enums::ExportedChatInvite> {
    let peer = cx.peer(me, &req.peer)?;
    if req.expire_date.is_some_and(|date| date != 0) {
        return Err(Refusal::ExpireDateInvalid.into());
    }
    if req.usage_limit.is_some_and(|limit| limit != 0)
        || req.request_needed
        || req.subscription_pricing.is_some()
    {
        return Err(Refusal::UsageLimitInvalid.into());
    }
    let hash = invites::export(&mut cx.model, me.0, peer, req.legacy_revoke_permanent)?;
    Ok(exported(cx, me, &hash)?.0)
}

/// The valid link of one admin; the ended ones are not kept by name.
fn get_exported_chat_invites(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::GetExportedChatInvites,
) -> Rpc<types::messages::ExportedChatInvites> {
    let peer = cx.peer(me, &req.peer)?;
    let admin = cx.user(me, &req.admin_id)?;
    invites::check_admin(cx.model.tx, peer, me.0)?;
    if admin != me.0 && invites::owner(cx.model.tx, peer)? != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    let link = invites::of_admin(cx.model.tx, peer, admin)?.filter(|_| !req.revoked);
    let mut view = cx.view(me);
    let invites: Vec<_> = view.invite(link.as_deref())?.into_iter().collect();
    let (users, _) = view.people()?;
    let count = i32::try_from(invites.len()).unwrap_or(i32::MAX);
    Ok(types::messages::ExportedChatInvites { count, invites, users })
}

fn get_exported_chat_invite(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::GetExportedChatInvite,
) -> Rpc<enums::messages::ExportedChatInvite> {
    let peer = cx.peer(me, &req.peer)?;
    let hash = hash_of(&req.link);
    invites::managed(cx.model.tx, me.0, peer, hash)?;
    let (invite, users) = exported(cx, me, hash)?;
    Ok(types::messages::ExportedChatInvite { invite, users }.into())
}

/// Ends a link. One's own is replaced by a new one at once, for there is always one; nothing else of a link can be changed.
fn edit_exported_chat_invite(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::EditExportedChatInvite,
) -> Rpc<enums::messages::ExportedChatInvite> {
    let peer = cx.peer(me, &req.peer)?;
    let hash = hash_of(&req.link).to_owned();
    let row = invites::managed(cx.model.tx, me.0, peer, &hash)?;
    if row.revoked {
        return Err(Refusal::InviteHashExpired.into());
    }
    if !req.revoked {
        return Err(Refusal::ChatInvitePermanent.into());
    }
    let next = invites::revoke(&mut cx.model, peer, UserId(row.creator), &hash)?;
    let mut view = cx.view(me);
    let invite = view.invite(Some(&hash))?.ok_or(Refusal::InviteHashExpired)?;
    let new_invite = view.invite(Some(&next))?.ok_or(Refusal::InviteHashExpired)?;
    let (users, _) = view.people()?;
    Ok(types::messages::ExportedChatInviteReplaced { invite, new_invite, users }.into())
}

fn delete_exported_chat_invite(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::DeleteExportedChatInvite,
) -> Rpc<bool> {
    let peer = cx.peer(me, &req.peer)?;
    let hash = hash_of(&req.link);
    invites::managed(cx.model.tx, me.0, peer, hash)?;
    invites::forget(&mut cx.model, hash)?;
    Ok(true)
}

/// Who has a link: for the owner, who may end them all.
fn get_admins_with_invites(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::GetAdminsWithInvites,
) -> Rpc<types::messages::ChatAdminsWithInvites> {
    let peer = cx.peer(me, &req.peer)?;
    invites::check_admin(cx.model.tx, peer, me.0)?;
    if invites::owner(cx.model.tx, peer)? != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    let found = invites::admins(cx.model.tx, peer)?;
    let mut view = cx.view(me);
    view.name_all(&found);
    let (users, _) = view.people()?;
    let admins = found
        .into_iter()
        .map(|admin| types::ChatAdminWithInvites {
            admin_id: admin.0,
            invites_count: 1,
            revoked_invites_count: 0,
        })
        .collect();
    Ok(types::messages::ChatAdminsWithInvites { admins, users })
}

/// Where a link leads: to one who is in already the chat itself, to others what its door shows.
fn check_chat_invite(cx: &mut Cx<'_, '_>, me: Account, req: req::CheckChatInvite) -> Rpc<enums::ChatInvite> {
    let row = invites::find(cx.model.tx, hash_of(&req.hash))?;
    let peer = Peer::from(&row.peer);
    if invites::is_in(cx.model.tx, peer, me.0)? {
        let view = cx.view(me);
        let chat = match peer {
            Peer::Chat(chat) => view.chat(chat)?,
            Peer::Channel(channel) => view.channel(channel)?,
            Peer::User(_) => return Err(Refusal::InviteHashInvalid.into()),
        };
        return Ok(types::ChatInviteAlready { chat }.into());
    }
    door(cx, me, &row)
}

fn door(cx: &Cx<'_, '_>, me: Account, row: &stored::Invite) -> Rpc<enums::ChatInvite> {
    let view = cx.view(me);
    let photo = |id: Option<i64>| match id {
        Some(id) => view.photo(id),
        None => Ok(types::PhotoEmpty::default().into()),
    };
    let about = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(match Peer::from(&row.peer) {
        Peer::Chat(chat) => {
            let row = chats::known(cx.model.tx, chat)?;
            if row.deactivated {
                return Err(Refusal::InviteHashExpired.into());
            }
            types::ChatInvite {
                photo: photo(row.photo_id)?,
                title: row.title,
                about: about(row.about),
                participants_count: i32::try_from(row.members.len()).unwrap_or(i32::MAX),
                ..Default::default()
            }
            .into()
        }
        Peer::Channel(channel) => {
            let row = channels::known(cx.model.tx, channel).map_err(|_| Refusal::InviteHashExpired)?;
            types::ChatInvite {
                channel: true,
                broadcast: !row.megagroup,
                megagroup: row.megagroup,
                public: row.username.is_some(),
                photo: photo(row.photo_id)?,
                title: row.title,
                about: about(row.about),
                participants_count: channels::head(cx.model.tx, channel)?.members,
                ..Default::default()
            }
            .into()
        }
        Peer::User(_) => return Err(Refusal::InviteHashInvalid.into()),
    })
}

fn import_chat_invite(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::ImportChatInvite,
) -> Rpc<enums::messages::ChatInviteJoinResult> {
    let accepted = invites::accept(&mut cx.model, me.0, hash_of(&req.hash))?;
    let updates = entered(cx, me, accepted.peer, accepted.said)?;
    Ok(types::messages::ChatInviteJoinResultOk { updates }.into())
}

#[cfg(test)]
mod tests {
    use tl::functions::{channels, messages as req};
    use tl::{enums, types};

    use super::super::channels::tests::{input, made, peer};
    use crate::world::{Device, World};

    fn export(world: &mut World, me: &Device, id: i64, renew: bool) -> Result<String, String> {
        let peer = peer(world, me, id);
        let request = req::ExportChatInvite { legacy_revoke_permanent: renew, peer, ..Default::default() };
        match world.call(me, &request)? {
            enums::ExportedChatInvite::ChatInviteExported(invite) => {
                assert_eq!(invite.admin_id, me.user.0, "official clients take nobody else's link for theirs");
                Ok(invite.link)
            }
            other => panic!("{other:?}"),
        }
    }

    fn import(world: &mut World, me: &Device, link: &str) -> Result<(), String> {
        world.call(me, &req::ImportChatInvite { hash: link.to_owned() }).map(|_| ())
    }

    #[test]
    fn a_link_opens_a_private_group_until_it_is_ended() {
        let mut world = World::new();
        let (ann, bob, eve) = (world.person("Ann"), world.person("Bob"), world.person("Eve"));
        let id = made(&mut world, &ann, false, &[]);
        let link = export(&mut world, &ann, id, false).expect("a link");
        assert_eq!(export(&mut world, &ann, id, false), Ok(link.clone()), "one link");
        let seen = world.call(&bob, &req::CheckChatInvite { hash: link.clone() }).expect("the door");
        assert!(
            matches!(seen, enums::ChatInvite::ChatInvite(door) if door.title == "Place" && door.megagroup)
        );
        import(&mut world, &bob, &link).expect("in");
        assert_eq!(import(&mut world, &bob, &link), Err("USER_ALREADY_PARTICIPANT".to_owned()));
        let seen = world.call(&bob, &req::CheckChatInvite { hash: link.clone() }).expect("he is in");
        assert!(matches!(seen, enums::ChatInvite::ChatInviteAlready(_)));
        assert_eq!(export(&mut world, &bob, id, false), Err("CHAT_ADMIN_REQUIRED".to_owned()));
        let next = export(&mut world, &ann, id, true).expect("another link");
        assert_eq!(import(&mut world, &eve, &link), Err("INVITE_HASH_EXPIRED".to_owned()));
        let request = req::EditExportedChatInvite {
            revoked: true,
            peer: peer(&world, &ann, id),
            link: next.clone(),
            ..Default::default()
        };
        let ended = world.call(&ann, &request).expect("ended");
        assert!(matches!(ended, enums::messages::ExportedChatInvite::ExportedChatInviteReplaced(_)));
        assert_eq!(import(&mut world, &eve, &next), Err("INVITE_HASH_EXPIRED".to_owned()));
        assert_eq!(import(&mut world, &eve, "AAAAAAAAAAAAAAAA"), Err("INVITE_HASH_INVALID".to_owned()));
    }

    #[test]
    fn a_link_ends_with_the_rights_of_who_made_it() {
        let mut world = World::new();
        let (ann, bob, eve) = (world.person("Ann"), world.person("Bob"), world.person("Eve"));
        let id = made(&mut world, &ann, false, &[&bob]);
        let promote = |world: &World, invite_users| channels::EditAdmin {
            channel: input(world, &ann, id),
            user_id: world.input_user(&ann, &bob),
            admin_rights: types::ChatAdminRights { invite_users, change_info: true, ..Default::default() },
            rank: None,
        };
        let request = promote(&world, true);
        world.call(&ann, &request).expect("an admin");
        let link = export(&mut world, &bob, id, false).expect("his link");
        assert_ne!(export(&mut world, &ann, id, false), Ok(link.clone()), "hers is another");
        let request = req::GetAdminsWithInvites { peer: peer(&world, &ann, id) };
        let admins = world.call(&ann, &request).expect("who has links").admins;
        assert_eq!(admins.iter().map(|a| a.admin_id).collect::<Vec<_>>(), [ann.user.0, bob.user.0]);
        let request = promote(&world, false);
        world.call(&ann, &request).expect("who may not invite");
        assert_eq!(import(&mut world, &eve, &link), Err("INVITE_HASH_EXPIRED".to_owned()));
    }

    #[test]
    fn a_link_that_would_count_its_guests_is_not_made() {
        let mut world = World::new();
        let ann = world.person("Ann");
        let id = made(&mut world, &ann, false, &[]);
        let peer = peer(&world, &ann, id);
        let request = req::ExportChatInvite { peer, usage_limit: Some(1), ..Default::default() };
        assert_eq!(world.call(&ann, &request).err().as_deref(), Some("USAGE_LIMIT_INVALID"));
    }
}
