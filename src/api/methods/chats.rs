//! Basic groups: making them, who is in them, what they are called. What holds for channels as well is here too.

use model::ids::{ChatId, Peer, UserId};
use model::messages::Placed;
use model::{Refusal, channels, chats, dialogs, invites, rights};
use tl::functions::messages as req;
use tl::{enums, types};

use super::photos::chat_photo;
use super::reply::{self, Told};
use crate::limits;
use crate::method::{Account, Cx, Rpc, methods};

methods! {
    messages::CreateChat => create_chat, Writes;
    messages::AddChatUser => add_chat_user, Writes;
    messages::DeleteChatUser => delete_chat_user, Writes;
    messages::EditChatTitle => edit_chat_title, Writes;
    messages::EditChatPhoto => edit_chat_photo, Writes;
    messages::EditChatAbout => edit_chat_about, Writes;
    messages::EditChatAdmin => edit_chat_admin, Writes;
    messages::EditChatDefaultBannedRights => edit_chat_default_banned_rights, Writes;
    messages::ToggleNoForwards => toggle_no_forwards, Writes;
    messages::GetFullChat => get_full_chat, Reads;
    messages::GetChats => get_chats, Reads;
    messages::GetCommonChats => get_common_chats, Reads;
    messages::DeleteChat => delete_chat, Writes;
    messages::MigrateChat => migrate_chat, Writes;
}

/// A message that the server wrote for the caller. It has no number of the client's own, but official clients take a reply
/// without one for broken, so it gets one.
pub(super) fn said(cx: &mut Cx<'_, '_>, placed: Placed) -> Told {
    Told { placed, random_id: Some(cx.model.dice.u64().cast_signed() | 1) }
}

/// The updates of one service message, with others before it and chats beside those that it names.
pub(super) fn announced(
    cx: &mut Cx<'_, '_>,
    me: Account,
    placed: Placed,
    before: Vec<enums::Update>,
    named: &[Peer],
) -> Rpc<enums::Updates> {
    let told = said(cx, placed);
    reply::sent_and(cx, me, &[told], before, named)
}

/// The updates for somebody who has just entered or left a place, or whose place in it has changed.
pub(super) fn entered(
    cx: &mut Cx<'_, '_>,
    me: Account,
    peer: Peer,
    placed: Option<Placed>,
) -> Rpc<enums::Updates> {
    let before = match peer {
        Peer::Channel(channel) => vec![types::UpdateChannel { channel_id: channel.0 }.into()],
        Peer::Chat(chat) => vec![participants(cx, me, chat)?],
        Peer::User(_) => Vec::new(),
    };
    match placed {
        Some(placed) => announced(cx, me, placed, before, &[peer]),
        None => reply::plain(cx, me, before, &[peer]),
    }
}

/// The members of a group as an update, for who is in it.
fn participants(cx: &Cx<'_, '_>, me: Account, chat: ChatId) -> Rpc<enums::Update> {
    let row = chats::known(cx.model.tx, chat)?;
    let participants = if chats::is_member(&row, me.0) {
        chats::participants(&row)
    } else {
        types::ChatParticipantsForbidden { chat_id: chat.0, self_participant: None }.into()
    };
    Ok(types::UpdateChatParticipants { participants }.into())
}

/// People named by a call, each once, at most as many as a call may name.
pub(super) fn people(cx: &Cx<'_, '_>, me: Account, list: &[enums::InputUser]) -> Rpc<Vec<UserId>> {
    if list.len() > limits::IDS_MAX {
        return Err(Refusal::UsersTooMuch.into());
    }
    let mut people = Vec::with_capacity(list.len());
    for input in list {
        let user = cx.user(me, input)?;
        if !people.contains(&user) {
            people.push(user);
        }
    }
    Ok(people)
}

/// Who could not be taken in.
pub(super) fn missing(people: &[UserId]) -> Vec<types::MissingInvitee> {
    people.iter().map(|user| types::MissingInvitee { user_id: user.0, ..Default::default() }).collect()
}

fn create_chat(cx: &mut Cx<'_, '_>, me: Account, req: req::CreateChat) -> Rpc<types::messages::InvitedUsers> {
    let others = people(cx, me, &req.users)?;
    let made = chats::create(&mut cx.model, me.0, &others, &req.title)?;
    let before = vec![participants(cx, me, made.chat)?];
    let updates = announced(cx, me, made.said, before, &[Peer::Chat(made.chat)])?;
    Ok(types::messages::InvitedUsers { updates, missing_invitees: missing(&made.missing) })
}

fn add_chat_user(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::AddChatUser,
) -> Rpc<types::messages::InvitedUsers> {
    let chat = ChatId(req.chat_id);
    let user = cx.user(me, &req.user_id)?;
    let forwarded = usize::try_from(req.fwd_limit).unwrap_or(0);
    let placed = chats::add(&mut cx.model, me.0, chat, user, forwarded)?;
    let before = vec![participants(cx, me, chat)?];
    let updates = announced(cx, me, placed, before, &[])?;
    Ok(types::messages::InvitedUsers { updates, missing_invitees: Vec::new() })
}

fn delete_chat_user(cx: &mut Cx<'_, '_>, me: Account, req: req::DeleteChatUser) -> Rpc<enums::Updates> {
    let chat = ChatId(req.chat_id);
    let user = cx.user(me, &req.user_id)?;
    let placed = chats::remove(&mut cx.model, me.0, chat, user, req.revoke_history)?;
    let before = vec![participants(cx, me, chat)?];
    announced(cx, me, placed, before, &[])
}

fn edit_chat_title(cx: &mut Cx<'_, '_>, me: Account, req: req::EditChatTitle) -> Rpc<enums::Updates> {
    let placed = chats::set_title(&mut cx.model, me.0, ChatId(req.chat_id), &req.title)?;
    announced(cx, me, placed, Vec::new(), &[])
}

fn edit_chat_photo(cx: &mut Cx<'_, '_>, me: Account, req: req::EditChatPhoto) -> Rpc<enums::Updates> {
    let photo = chat_photo(cx, me, &req.photo)?;
    let placed = chats::set_photo(&mut cx.model, me.0, ChatId(req.chat_id), photo)?;
    announced(cx, me, placed, Vec::new(), &[])
}

fn edit_chat_about(cx: &mut Cx<'_, '_>, me: Account, req: req::EditChatAbout) -> Rpc<bool> {
    match cx.peer(me, &req.peer)? {
        Peer::Chat(chat) => chats::set_about(&mut cx.model, me.0, chat, &req.about)?,
        Peer::Channel(channel) => channels::set_about(&mut cx.model, me.0, channel, &req.about)?,
        Peer::User(_) => return Err(Refusal::PeerIdInvalid.into()),
    }
    Ok(true)
}

fn edit_chat_admin(cx: &mut Cx<'_, '_>, me: Account, req: req::EditChatAdmin) -> Rpc<bool> {
    let user = cx.user(me, &req.user_id)?;
    chats::set_admin(&mut cx.model, me.0, ChatId(req.chat_id), user, req.is_admin)?;
    Ok(true)
}

fn edit_chat_default_banned_rights(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::EditChatDefaultBannedRights,
) -> Rpc<enums::Updates> {
    let bits = rights::banned_bits(&req.banned_rights);
    let peer = cx.peer(me, &req.peer)?;
    let update = match peer {
        Peer::Chat(chat) => chats::set_banned_rights(&mut cx.model, me.0, chat, bits)?,
        Peer::Channel(channel) => channels::set_banned_rights(&mut cx.model, me.0, channel, bits)?,
        Peer::User(_) => return Err(Refusal::PeerIdInvalid.into()),
    };
    reply::plain(cx, me, vec![update], &[peer])
}

/// Whether messages of a place may be saved and passed on. In a private chat nobody decides that alone.
fn toggle_no_forwards(cx: &mut Cx<'_, '_>, me: Account, req: req::ToggleNoForwards) -> Rpc<enums::Updates> {
    let peer = cx.peer(me, &req.peer)?;
    let update = match peer {
        Peer::Chat(chat) => {
            chats::set_noforwards(&mut cx.model, me.0, chat, req.enabled)?;
            types::UpdateChat { chat_id: chat.0 }.into()
        }
        Peer::Channel(channel) => {
            channels::set_noforwards(&mut cx.model, me.0, channel, req.enabled)?;
            types::UpdateChannel { channel_id: channel.0 }.into()
        }
        Peer::User(_) => return Err(Refusal::PeerIdInvalid.into()),
    };
    reply::plain(cx, me, vec![update], &[peer])
}

fn get_full_chat(cx: &mut Cx<'_, '_>, me: Account, req: req::GetFullChat) -> Rpc<types::messages::ChatFull> {
    let peer = cx.peer(me, &types::InputPeerChat { chat_id: req.chat_id }.into())?;
    let Peer::Chat(chat) = peer else { return Err(Refusal::ChatIdInvalid.into()) };
    let mut view = cx.view(me);
    let full_chat = view.chat_full(chat)?;
    let (users, chats) = view.people()?;
    Ok(types::messages::ChatFull { full_chat, chats, users })
}

fn get_chats(cx: &mut Cx<'_, '_>, me: Account, req: req::GetChats) -> Rpc<enums::messages::Chats> {
    if req.id.len() > limits::IDS_MAX {
        return Err(Refusal::LimitInvalid.into());
    }
    let mut chats = Vec::with_capacity(req.id.len());
    for id in req.id {
        let Peer::Chat(chat) = cx.peer(me, &types::InputPeerChat { chat_id: id }.into())? else { continue };
        chats.push(cx.view(me).chat(chat)?);
    }
    Ok(types::messages::Chats { chats }.into())
}

/// Groups that the caller and somebody else are both in, by id above `max_id`.
fn get_common_chats(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::GetCommonChats,
) -> Rpc<enums::messages::Chats> {
    let user = cx.user(me, &req.user_id)?;
    if user == me.0 {
        return Err(Refusal::UserIdInvalid.into());
    }
    let limit = super::history::page_limit(req.limit);
    let mut common = Vec::new();
    for peer in dialogs::places(cx.model.tx, me.0)? {
        let id = match peer {
            Peer::Chat(chat) => chat.0,
            Peer::Channel(channel) if channels::known(cx.model.tx, channel)?.megagroup => channel.0,
            Peer::Channel(_) | Peer::User(_) => continue,
        };
        let both = invites::is_in(cx.model.tx, peer, me.0)? && invites::is_in(cx.model.tx, peer, user)?;
        if both && id > req.max_id {
            common.push((id, peer));
        }
    }
    common.sort_unstable_by_key(|(id, _)| *id);
    let count = common.len();
    common.truncate(limit);
    let mut view = cx.view(me);
    common.iter().for_each(|(_, peer)| view.name(*peer));
    let (_, chats) = view.people()?;
    if count > limit {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        return Ok(types::messages::ChatsSlice { count, chats }.into());
    }
    Ok(types::messages::Chats { chats }.into())
}

fn delete_chat(cx: &mut Cx<'_, '_>, me: Account, req: req::DeleteChat) -> Rpc<bool> {
    chats::destroy(&mut cx.model, me.0, ChatId(req.chat_id))?;
    Ok(true)
}

/// Makes a supergroup of a basic group: the reply shows both, the old one closed.
fn migrate_chat(cx: &mut Cx<'_, '_>, me: Account, req: req::MigrateChat) -> Rpc<enums::Updates> {
    let chat = ChatId(req.chat_id);
    let moved = chats::migrate(&mut cx.model, me.0, chat)?;
    let told = [said(cx, moved.farewell), said(cx, moved.welcome)];
    let before = vec![types::UpdateChannel { channel_id: moved.channel.0 }.into()];
    reply::sent_and(cx, me, &told, before, &[Peer::Chat(chat), Peer::Channel(moved.channel)])
}

#[cfg(test)]
mod tests {
    use tl::functions::messages as req;
    use tl::{enums, functions, types};

    use crate::world::{Device, World};

    fn parts(updates: enums::Updates) -> (Vec<enums::Update>, Vec<enums::Chat>) {
        match updates {
            enums::Updates::Updates(all) => (all.updates, all.chats),
            other => panic!("an odd reply: {other:?}"),
        }
    }

    /// A group of `me` and others; its id.
    fn group(world: &mut World, me: &Device, others: &[&Device]) -> i64 {
        let users = others.iter().map(|other| world.input_user(me, other)).collect();
        let request = req::CreateChat { users, title: "Three".to_owned(), ..Default::default() };
        let made = world.call(me, &request).expect("a group");
        let (updates, chats) = parts(made.updates);
        let numbers: Vec<_> = updates
            .iter()
            .filter_map(|u| match u {
                enums::Update::UpdateMessageID(u) => Some((u.id, u.random_id)),
                _ => None,
            })
            .collect();
        let said: Vec<_> = updates.iter().filter_map(said).collect();
        assert_eq!(said.len(), 1, "one message: {updates:?}");
        assert_eq!(numbers.len(), 1, "and one number for it");
        assert!(numbers[0].0 == said[0].id && numbers[0].1 != 0, "of that message");
        match chats.as_slice() {
            [enums::Chat::Chat(chat)] => chat.id,
            other => panic!("not one group: {other:?}"),
        }
    }

    fn said(update: &enums::Update) -> Option<&types::MessageService> {
        match update {
            enums::Update::UpdateNewMessage(u) => match &u.message {
                enums::Message::MessageService(message) => Some(message),
                _ => None,
            },
            _ => None,
        }
    }

    fn texts(world: &mut World, me: &Device, chat: i64) -> Vec<String> {
        let peer = types::InputPeerChat { chat_id: chat }.into();
        let request = req::GetHistory { peer, limit: 100, ..Default::default() };
        let enums::messages::Messages::Messages(found) = world.call(me, &request).expect("a history") else {
            panic!("a slice")
        };
        let text = |m: enums::Message| match m {
            enums::Message::Message(m) => Some(m.message),
            _ => None,
        };
        found.messages.into_iter().filter_map(text).collect()
    }

    fn members(world: &mut World, me: &Device, chat: i64) -> Vec<i64> {
        let full = world.call(me, &req::GetFullChat { chat_id: chat }).expect("full info");
        let enums::ChatFull::ChatFull(full) = full.full_chat else { panic!("a channel") };
        let enums::ChatParticipants::ChatParticipants(all) = full.participants else { panic!("forbidden") };
        all.participants
            .iter()
            .map(|p| match p {
                enums::ChatParticipant::ChatParticipant(p) => p.user_id,
                enums::ChatParticipant::ChatParticipantCreator(p) => p.user_id,
                enums::ChatParticipant::ChatParticipantAdmin(p) => p.user_id,
            })
            .collect()
    }

    #[test]
    fn a_group_is_made_and_its_members_are_told() {
        let mut world = World::new();
        let (ann, mut bob, mut cyd) = (world.person("Ann"), world.person("Bob"), world.person("Cyd"));
        let mut tablet = world.device(&ann);
        let chat = group(&mut world, &ann, &[&bob, &cyd]);
        for device in [&mut bob, &mut cyd, &mut tablet] {
            let pushed = world.pushes(device);
            let made = pushed.iter().filter_map(said).any(|message| {
                matches!(&message.action, enums::MessageAction::MessageActionChatCreate(a) if a.title == "Three")
            });
            assert!(made, "the message: {pushed:?}");
            assert!(pushed.iter().any(|u| matches!(u, enums::Update::UpdateChatParticipants(_))));
        }
        let everybody = vec![ann.user.0, bob.user.0, cyd.user.0];
        assert_eq!(members(&mut world, &cyd, chat), everybody);
    }

    #[test]
    fn strangers_do_not_even_learn_that_a_group_exists() {
        let mut world = World::new();
        let (ann, bob, eve) = (world.person("Ann"), world.person("Bob"), world.person("Eve"));
        let chat = group(&mut world, &ann, &[&bob]);
        for chat_id in [chat, chat + 1] {
            let refused = world.call(&eve, &req::GetFullChat { chat_id });
            assert_eq!(refused.err().as_deref(), Some("PEER_ID_INVALID"));
            let refused = world.call(&eve, &req::EditChatTitle { chat_id, title: "Eve's".to_owned() });
            assert_eq!(refused.err().as_deref(), Some("PEER_ID_INVALID"));
        }
    }

    #[test]
    fn a_newcomer_is_shown_what_was_said_and_who_is_out_hears_no_more() {
        let mut world = World::new();
        let (ann, bob, dan) = (world.person("Ann"), world.person("Bob"), world.person("Dan"));
        let chat = group(&mut world, &ann, &[&bob]);
        let peer = enums::InputPeer::from(types::InputPeerChat { chat_id: chat });
        world.say(&ann, peer.clone(), "before", 1);
        world.say(&bob, peer.clone(), "you", 2);
        let user_id = world.input_user(&ann, &dan);
        let request = req::AddChatUser { chat_id: chat, user_id, fwd_limit: 50 };
        world.call(&ann, &request).expect("added");
        assert_eq!(world.call(&ann, &request).err().as_deref(), Some("USER_ALREADY_PARTICIPANT"));
        world.say(&ann, peer.clone(), "welcome", 3);
        assert_eq!(texts(&mut world, &dan, chat), ["welcome", "you", "before"]);

        let user_id = enums::InputUser::InputUserSelf;
        world
            .call(&dan, &req::DeleteChatUser { revoke_history: false, chat_id: chat, user_id })
            .expect("he leaves");
        world.say(&ann, peer.clone(), "he is gone", 4);
        assert_eq!(texts(&mut world, &dan, chat), ["welcome", "you", "before"]);
        let message = "let me in".to_owned();
        let request = functions::messages::SendMessage { peer, message, random_id: 5, ..Default::default() };
        assert_eq!(world.call(&dan, &request).err().as_deref(), Some("PEER_ID_INVALID"));
        assert_eq!(members(&mut world, &bob, chat), [ann.user.0, bob.user.0]);
    }

    #[test]
    fn who_is_out_of_a_group_changes_nothing_in_it() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let chat = group(&mut world, &ann, &[&bob]);
        let peer = enums::InputPeer::from(types::InputPeerChat { chat_id: chat });
        let sent = world.say(&bob, peer.clone(), "hello", 1);
        let Some(enums::Update::UpdateMessageID(sent)) = sent.first() else { panic!("no id") };
        let user_id = world.input_user(&ann, &bob);
        let request = req::DeleteChatUser { revoke_history: false, chat_id: chat, user_id };
        world.call(&ann, &request).expect("out");
        let edit =
            req::EditMessage { peer, id: sent.id, message: Some("changed".to_owned()), ..Default::default() };
        assert_eq!(world.call(&bob, &edit).err().as_deref(), Some("PEER_ID_INVALID"));
        world.call(&bob, &req::DeleteMessages { revoke: true, id: vec![sent.id] }).expect("his own copy");
        assert_eq!(texts(&mut world, &ann, chat), ["hello"]);
    }

    #[test]
    fn who_blocked_the_founder_is_missing_from_the_group() {
        let mut world = World::new();
        let (ann, bob, cyd) = (world.person("Ann"), world.person("Bob"), world.person("Cyd"));
        let blocked = |tx: &mut store::Tx<'_>| {
            tx.put(&model::tables::BLOCKED, &(cyd.user, ann.user), &tl::stored::Date { date: 1 })
        };
        world.api.store().write(blocked).expect("blocked");
        let users = vec![world.input_user(&ann, &bob), world.input_user(&ann, &cyd)];
        let request = req::CreateChat { users, title: "Two".to_owned(), ..Default::default() };
        let made = world.call(&ann, &request).expect("a group");
        let missing: Vec<_> = made.missing_invitees.iter().map(|m| m.user_id).collect();
        assert_eq!(missing, [cyd.user.0]);
        let (_, chats) = parts(made.updates);
        let [enums::Chat::Chat(chat)] = chats.as_slice() else { panic!("{chats:?}") };
        assert_eq!(chat.participants_count, 2);
        let request =
            req::AddChatUser { chat_id: chat.id, user_id: world.input_user(&ann, &cyd), fwd_limit: 0 };
        assert_eq!(world.call(&ann, &request).err().as_deref(), Some("USER_PRIVACY_RESTRICTED"));
    }

    #[test]
    fn an_admin_removes_others_and_default_rights_bind_only_plain_members() {
        let mut world = World::new();
        let (ann, mut bob, cyd) = (world.person("Ann"), world.person("Bob"), world.person("Cyd"));
        let chat = group(&mut world, &ann, &[&bob, &cyd]);
        let phone = bob.clone();
        let out = |world: &mut World| {
            let user_id = world.input_user(&phone, &cyd);
            let request = req::DeleteChatUser { revoke_history: false, chat_id: chat, user_id };
            world.call(&phone, &request)
        };
        assert_eq!(out(&mut world).err().as_deref(), Some("CHAT_ADMIN_REQUIRED"));
        let user_id = world.input_user(&ann, &bob);
        world.call(&ann, &req::EditChatAdmin { chat_id: chat, user_id, is_admin: true }).expect("an admin");
        let peer = enums::InputPeer::from(types::InputPeerChat { chat_id: chat });
        let banned_rights =
            types::ChatBannedRights { send_messages: true, until_date: i32::MAX, ..Default::default() };
        let request = req::EditChatDefaultBannedRights { peer: peer.clone(), banned_rights };
        world.call(&ann, &request).expect("silence");
        assert_eq!(world.call(&ann, &request).err().as_deref(), Some("CHAT_NOT_MODIFIED"));
        let pushed = world.pushes(&mut bob);
        assert!(pushed.iter().any(|u| matches!(u, enums::Update::UpdateChatDefaultBannedRights(_))));
        assert!(pushed.iter().any(|u| matches!(u, enums::Update::UpdateChatParticipantAdmin(_))));
        world.say(&bob, peer.clone(), "an admin speaks", 1);
        let request = functions::messages::SendMessage {
            peer,
            message: "and I?".to_owned(),
            random_id: 2,
            ..Default::default()
        };
        assert_eq!(world.call(&cyd, &request).err().as_deref(), Some("CHAT_WRITE_FORBIDDEN"));
        out(&mut world).expect("removed");
        assert_eq!(members(&mut world, &ann, chat), [ann.user.0, bob.user.0]);
    }

    #[test]
    fn what_must_not_be_passed_on_is_not() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let chat = group(&mut world, &ann, &[&bob]);
        let peer = enums::InputPeer::from(types::InputPeerChat { chat_id: chat });
        world.say(&bob, peer.clone(), "between us", 1);
        let request = req::ToggleNoForwards { peer: peer.clone(), enabled: true, ..Default::default() };
        assert_eq!(world.call(&bob, &request).err().as_deref(), Some("CHAT_ADMIN_REQUIRED"));
        world.call(&ann, &request).expect("closed");
        let found = world
            .call(&bob, &req::GetHistory { peer: peer.clone(), limit: 1, ..Default::default() })
            .expect("a history");
        let enums::messages::Messages::MessagesSlice(found) = found else { panic!("{found:?}") };
        let [enums::Message::Message(last)] = found.messages.as_slice() else { panic!("{found:?}") };
        let request = req::ForwardMessages {
            from_peer: peer,
            to_peer: enums::InputPeer::InputPeerSelf,
            id: vec![last.id],
            random_id: vec![2],
            ..Default::default()
        };
        assert_eq!(world.call(&bob, &request).err().as_deref(), Some("CHAT_FORWARDS_RESTRICTED"));
    }

    #[test]
    fn a_group_becomes_a_supergroup_with_all_its_people() {
        let mut world = World::new();
        let (ann, bob, cyd) = (world.person("Ann"), world.person("Bob"), world.person("Cyd"));
        let chat = group(&mut world, &ann, &[&bob, &cyd]);
        let user_id = world.input_user(&ann, &bob);
        world.call(&ann, &req::EditChatAdmin { chat_id: chat, user_id, is_admin: true }).expect("an admin");
        assert_eq!(
            world.call(&bob, &req::MigrateChat { chat_id: chat }).err().as_deref(),
            Some("CHAT_ADMIN_REQUIRED")
        );
        let (updates, chats) = parts(world.call(&ann, &req::MigrateChat { chat_id: chat }).expect("moved"));
        let old = chats.iter().find_map(|c| match c {
            enums::Chat::Chat(c) => Some(c),
            _ => None,
        });
        assert!(old.is_some_and(|c| c.deactivated && c.migrated_to.is_some()), "{chats:?}");
        let new = chats.iter().find_map(|c| match c {
            enums::Chat::Channel(c) => Some(c),
            _ => None,
        });
        let channel_id = new.expect("the supergroup").id;
        assert!(updates.iter().any(|u| matches!(u, enums::Update::UpdateNewChannelMessage(_))));
        let channel = super::super::channels::tests::input(&world, &bob, channel_id);
        let full = world.call(&bob, &functions::channels::GetFullChannel { channel }).expect("he is in");
        let enums::ChatFull::ChannelFull(full) = full.full_chat else { panic!("a basic group") };
        assert_eq!((full.participants_count, full.migrated_from_chat_id), (Some(3), Some(chat)));
        assert_eq!(full.admins_count, Some(2), "the admin is one still");
        let peer = types::InputPeerChat { chat_id: chat }.into();
        let request = functions::messages::SendMessage {
            peer,
            message: "too late".to_owned(),
            random_id: 2,
            ..Default::default()
        };
        assert_eq!(world.call(&cyd, &request).err().as_deref(), Some("PEER_ID_INVALID"));
    }
}
