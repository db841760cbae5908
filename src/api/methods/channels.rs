//! Supergroups and broadcast channels: making, joining, what they are called, what stands in them.

use model::ids::{ChannelId, Peer};
use model::shelf::Shelf;
use model::{Refusal, channels, users};
use tl::functions::channels as req;
use tl::{enums, types};

use super::chats::{announced, entered, missing, people};
use super::photos::chat_photo;
use super::{history, reply};
use crate::limits;
use crate::method::{Account, Cx, Rpc, methods};

methods! {
    channels::CreateChannel => create_channel, Writes;
    channels::GetChannels => get_channels, Reads;
    channels::GetFullChannel => get_full_channel, Reads;
    channels::InviteToChannel => invite_to_channel, Writes;
    channels::JoinChannel => join_channel, Writes;
    channels::LeaveChannel => leave_channel, Writes;
    channels::EditTitle => edit_title, Writes;
    channels::EditPhoto => edit_photo, Writes;
    channels::UpdateUsername => update_username, Writes;
    channels::CheckUsername => check_username, Reads;
    channels::GetAdminedPublicChannels => get_admined_public_channels, Reads;
    channels::ToggleSignatures => toggle_signatures, Writes;
    channels::TogglePreHistoryHidden => toggle_pre_history_hidden, Writes;
    channels::DeleteChannel => delete_channel, Writes;
    channels::GetMessages => get_messages, Reads;
    channels::DeleteMessages => delete_messages, Writes;
    channels::DeleteHistory => delete_history, Writes;
    channels::ReadHistory => read_history, Writes;
    channels::ReadMessageContents => read_message_contents, Reads;
    channels::ExportMessageLink => export_message_link, Reads;
    channels::GetSendAs => get_send_as, Reads;
}

fn create_channel(cx: &mut Cx<'_, '_>, me: Account, req: req::CreateChannel) -> Rpc<enums::Updates> {
    if req.broadcast == req.megagroup {
        return Err(Refusal::ChannelInvalid.into());
    }
    let (channel, said) = channels::create(&mut cx.model, me.0, &req.title, &req.about, req.megagroup)?;
    entered(cx, me, Peer::Channel(channel), Some(said))
}

/// Channels in the order asked for; those that the caller may not look into come as forbidden.
fn get_channels(cx: &mut Cx<'_, '_>, me: Account, req: req::GetChannels) -> Rpc<enums::messages::Chats> {
    if req.id.len() > limits::IDS_MAX {
        return Err(Refusal::LimitInvalid.into());
    }
    let mut chats = Vec::with_capacity(req.id.len());
    for input in &req.id {
        let channel = cx.channel(me, input)?;
        chats.push(cx.view(me).channel(channel)?);
    }
    Ok(types::messages::Chats { chats }.into())
}

fn get_full_channel(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::GetFullChannel,
) -> Rpc<types::messages::ChatFull> {
    let channel = cx.channel(me, &req.channel)?;
    let mut view = cx.view(me);
    let full_chat = view.channel_full(channel)?;
    let (users, chats) = view.people()?;
    Ok(types::messages::ChatFull { full_chat, chats, users })
}

fn invite_to_channel(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::InviteToChannel,
) -> Rpc<types::messages::InvitedUsers> {
    let channel = cx.channel(me, &req.channel)?;
    let people = people(cx, me, &req.users)?;
    let invited = channels::invite(&mut cx.model, me.0, channel, &people)?;
    let updates = entered(cx, me, Peer::Channel(channel), invited.said)?;
    Ok(types::messages::InvitedUsers { updates, missing_invitees: missing(&invited.missing) })
}

fn join_channel(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::JoinChannel,
) -> Rpc<enums::messages::ChatInviteJoinResult> {
    let channel = cx.channel(me, &req.channel)?;
    let said = channels::join(&mut cx.model, me.0, channel, None)?;
    let updates = entered(cx, me, Peer::Channel(channel), said)?;
    Ok(types::messages::ChatInviteJoinResultOk { updates }.into())
}

/// Leaves. What the caller's client counts of the channel ends here, so the farewell is not among the updates.
fn leave_channel(cx: &mut Cx<'_, '_>, me: Account, req: req::LeaveChannel) -> Rpc<enums::Updates> {
    let channel = cx.channel(me, &req.channel)?;
    channels::leave(&mut cx.model, me.0, channel)?;
    entered(cx, me, Peer::Channel(channel), None)
}

fn edit_title(cx: &mut Cx<'_, '_>, me: Account, req: req::EditTitle) -> Rpc<enums::Updates> {
    let channel = cx.channel(me, &req.channel)?;
    let placed = channels::set_title(&mut cx.model, me.0, channel, &req.title)?;
    announced(cx, me, placed, Vec::new(), &[])
}

fn edit_photo(cx: &mut Cx<'_, '_>, me: Account, req: req::EditPhoto) -> Rpc<enums::Updates> {
    let channel = cx.channel(me, &req.channel)?;
    let photo = chat_photo(cx, me, &req.photo)?;
    let placed = channels::set_photo(&mut cx.model, me.0, channel, photo)?;
    announced(cx, me, placed, Vec::new(), &[])
}

fn update_username(cx: &mut Cx<'_, '_>, me: Account, req: req::UpdateUsername) -> Rpc<bool> {
    let channel = cx.channel(me, &req.channel)?;
    channels::set_username(&mut cx.model, me.0, channel, &req.username)?;
    Ok(true)
}

/// Whether a username is free. Without a channel the question is whether the caller may have one more public one.
fn check_username(cx: &mut Cx<'_, '_>, me: Account, req: req::CheckUsername) -> Rpc<bool> {
    let peer = if matches!(req.channel, enums::InputChannel::InputChannelEmpty) {
        let public = channels::owned_public(cx.model.tx, me.0)?.len();
        if public >= model::limits::PUBLIC_CHANNELS_MAX {
            return Err(Refusal::ChannelsAdminPublicTooMuch.into());
        }
        Peer::Channel(ChannelId(0))
    } else {
        let channel = cx.channel(me, &req.channel)?;
        channels::administered(cx.model.tx, me.0, channel, model::rights::CHANGE_INFO)?;
        Peer::Channel(channel)
    };
    Ok(users::is_free(cx.model.tx, &req.username, peer)?)
}

/// The public channels that the caller owns; with `check_limit` the question is only whether there may be more.
fn get_admined_public_channels(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::GetAdminedPublicChannels,
) -> Rpc<enums::messages::Chats> {
    let owned = channels::owned_public(cx.model.tx, me.0)?;
    if req.check_limit {
        if owned.len() >= model::limits::PUBLIC_CHANNELS_MAX {
            return Err(Refusal::ChannelsAdminPublicTooMuch.into());
        }
        return Ok(types::messages::Chats { chats: Vec::new() }.into());
    }
    let mut view = cx.view(me);
    // Those of a place on the map: there are none.
    if !req.by_location {
        owned.into_iter().for_each(|channel| view.name(Peer::Channel(channel)));
    }
    let (_, chats) = view.people()?;
    Ok(types::messages::Chats { chats }.into())
}

fn toggle_signatures(cx: &mut Cx<'_, '_>, me: Account, req: req::ToggleSignatures) -> Rpc<enums::Updates> {
    let channel = cx.channel(me, &req.channel)?;
    channels::set_signatures(&mut cx.model, me.0, channel, req.signatures_enabled)?;
    entered(cx, me, Peer::Channel(channel), None)
}

fn toggle_pre_history_hidden(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::TogglePreHistoryHidden,
) -> Rpc<enums::Updates> {
    let channel = cx.channel(me, &req.channel)?;
    channels::set_hidden_prehistory(&mut cx.model, me.0, channel, req.enabled)?;
    entered(cx, me, Peer::Channel(channel), None)
}

fn delete_channel(cx: &mut Cx<'_, '_>, me: Account, req: req::DeleteChannel) -> Rpc<enums::Updates> {
    let channel = cx.channel(me, &req.channel)?;
    channels::destroy(&mut cx.model, me.0, channel)?;
    entered(cx, me, Peer::Channel(channel), None)
}

/// Posts by id, with the channel's pts beside them.
fn get_messages(cx: &mut Cx<'_, '_>, me: Account, req: req::GetMessages) -> Rpc<enums::messages::Messages> {
    let channel = cx.channel(me, &req.channel)?;
    channels::readable(cx.model.tx, me.0, channel)?;
    let hidden = channels::available_min(cx.model.tx, me.0, channel)?;
    let peer = Peer::Channel(channel);
    let one = |id| Ok(Shelf::Channel(channel).one(cx.model.tx, id)?.filter(|row| row.id > hidden));
    let (messages, users, chats) = history::by_ids(cx, me, Some(peer), &req.id, one)?;
    Ok(types::messages::ChannelMessages {
        inexact: false,
        pts: channels::head(cx.model.tx, channel)?.pts,
        count: i32::try_from(messages.len()).unwrap_or(i32::MAX),
        offset_id_offset: None,
        messages,
        topics: Vec::new(),
        chats,
        users,
    }
    .into())
}

fn delete_messages(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::DeleteMessages,
) -> Rpc<types::messages::AffectedMessages> {
    let channel = cx.channel(me, &req.channel)?;
    if req.id.len() > model::limits::IDS_MAX {
        return Err(Refusal::LimitInvalid.into());
    }
    let (pts, pts_count) = channels::delete(&mut cx.model, me.0, channel, &req.id)?;
    Ok(types::messages::AffectedMessages { pts, pts_count })
}

/// Clears a channel: for the caller alone, or as its owner for everybody.
fn delete_history(cx: &mut Cx<'_, '_>, me: Account, req: req::DeleteHistory) -> Rpc<enums::Updates> {
    let channel = cx.channel(me, &req.channel)?;
    let channel_id = channel.0;
    let update = if req.for_everyone {
        let (messages, pts, pts_count) = channels::clear_all(&mut cx.model, me.0, channel, req.max_id)?;
        types::UpdateDeleteChannelMessages { channel_id, messages, pts, pts_count }.into()
    } else {
        let available_min_id = channels::clear_mine(&mut cx.model, me.0, channel, req.max_id)?;
        types::UpdateChannelAvailableMessages { channel_id, available_min_id }.into()
    };
    reply::plain(cx, me, vec![update], &[Peer::Channel(channel)])
}

fn read_history(cx: &mut Cx<'_, '_>, me: Account, req: req::ReadHistory) -> Rpc<bool> {
    let channel = cx.channel(me, &req.channel)?;
    Ok(channels::read(&mut cx.model, me.0, channel, req.max_id)?)
}

/// Voice messages and the like are not counted as unheard yet, so there is nothing to mark.
fn read_message_contents(cx: &mut Cx<'_, '_>, me: Account, req: req::ReadMessageContents) -> Rpc<bool> {
    let channel = cx.channel(me, &req.channel)?;
    channels::readable(cx.model.tx, me.0, channel)?;
    Ok(true)
}

/// A link to a post: by the username of a public channel, by number, for members only, of a private one.
fn export_message_link(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: req::ExportMessageLink,
) -> Rpc<types::ExportedMessageLink> {
    let channel = cx.channel(me, &req.channel)?;
    let (row, _) = channels::readable(cx.model.tx, me.0, channel)?;
    Shelf::Channel(channel).one(cx.model.tx, req.id)?.ok_or(Refusal::MessageIdInvalid)?;
    let prefix = &cx.site.settings.link_prefix;
    let single = if req.grouped { "" } else { "?single" };
    let link = match row.username {
        Some(username) => format!("{prefix}{username}/{}{single}", req.id),
        None => format!("{prefix}c/{}/{}{single}", channel.0, req.id),
    };
    // Nothing here is embedded in web pages.
    Ok(types::ExportedMessageLink { link, html: String::new() })
}

/// As whom the caller may write into a place: as themselves.
fn get_send_as(cx: &mut Cx<'_, '_>, me: Account, req: req::GetSendAs) -> Rpc<types::channels::SendAsPeers> {
    let Peer::Channel(channel) = cx.peer(me, &req.peer)? else { return Err(Refusal::PeerIdInvalid.into()) };
    channels::readable(cx.model.tx, me.0, channel)?;
    let own = Peer::User(me.0);
    let peers = vec![types::SendAsPeer { premium_required: false, peer: own.into() }];
    let mut view = cx.view(me);
    view.name(own);
    let (users, chats) = view.people()?;
    Ok(types::channels::SendAsPeers { peers, chats, users })
}
