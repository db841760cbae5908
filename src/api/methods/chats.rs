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
