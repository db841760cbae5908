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
    messages::GetMessagesViews => get_messages_views, Reads, Empty;
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

/// How often posts were seen. That is not counted: it would cost a write for every reader of every post.
fn get_messages_views(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: tl::functions::messages::GetMessagesViews,
) -> Rpc<types::messages::MessageViews> {
    if req.id.len() > limits::IDS_MAX {
        return Err(Refusal::LimitInvalid.into());
    }
    let peer = cx.peer(me, &req.peer)?;
    if let Peer::Channel(channel) = peer {
        channels::readable(cx.model.tx, me.0, channel)?;
    }
    let shelf = Shelf::of(me.0, peer);
    let mut views = Vec::with_capacity(req.id.len());
    for id in req.id {
        let post = shelf.one(cx.model.tx, id)?.filter(|row| row.post);
        views.push(types::MessageViews {
            views: post.as_ref().map(|row| row.views.unwrap_or(1)),
            forwards: post.map(|_| 0),
            replies: None,
        });
    }
    Ok(types::messages::MessageViews { views, chats: Vec::new(), users: Vec::new() })
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

#[cfg(test)]
pub(in crate::methods) mod tests {
    use model::ids::ChannelId;
    use tl::functions::{channels as req, messages, updates};
    use tl::{enums, types};

    use crate::refs::Kind;
    use crate::world::{Device, World};

    /// How somebody names a channel.
    pub(in crate::methods) fn input(world: &World, me: &Device, id: i64) -> enums::InputChannel {
        let access_hash = world.api.site().access_hash(me.user, Kind::Channel, id);
        types::InputChannel { channel_id: id, access_hash }.into()
    }

    /// The same, as a peer.
    pub(in crate::methods) fn peer(world: &World, me: &Device, id: i64) -> enums::InputPeer {
        let access_hash = world.api.site().access_hash(me.user, Kind::Channel, id);
        types::InputPeerChannel { channel_id: id, access_hash }.into()
    }

    /// A supergroup, or a channel that broadcasts, of `me` and others; its id.
    pub(in crate::methods) fn made(
        world: &mut World,
        me: &Device,
        broadcast: bool,
        others: &[&Device],
    ) -> i64 {
        let request = req::CreateChannel {
            broadcast,
            megagroup: !broadcast,
            title: "Place".to_owned(),
            about: "what it is".to_owned(),
            ..Default::default()
        };
        let enums::Updates::Updates(all) = world.call(me, &request).expect("a channel") else {
            panic!("an odd reply")
        };
        let count = |wanted: fn(&enums::Update) -> bool| all.updates.iter().filter(|u| wanted(u)).count();
        assert_eq!(count(|u| matches!(u, enums::Update::UpdateMessageID(u) if u.random_id != 0)), 1);
        assert_eq!(count(|u| matches!(u, enums::Update::UpdateNewChannelMessage(_))), 1);
        assert_eq!(count(|u| matches!(u, enums::Update::UpdateChannel(_))), 1);
        let [enums::Chat::Channel(channel)] = all.chats.as_slice() else { panic!("{:?}", all.chats) };
        let id = channel.id;
        if !others.is_empty() {
            let users = others.iter().map(|other| world.input_user(me, other)).collect();
            let channel = input(world, me, id);
            world.call(me, &req::InviteToChannel { channel, users }).expect("invited");
        }
        id
    }

    /// The texts of a channel, the newest first, or why they are not to be read.
    pub(in crate::methods) fn texts(world: &mut World, me: &Device, id: i64) -> Result<Vec<String>, String> {
        let request = messages::GetHistory { peer: peer(world, me, id), limit: 100, ..Default::default() };
        let enums::messages::Messages::ChannelMessages(found) = world.call(me, &request)? else {
            panic!("not a channel's messages")
        };
        let text = |m: enums::Message| match m {
            enums::Message::Message(m) => Some(m.message),
            _ => None,
        };
        Ok(found.messages.into_iter().filter_map(text).collect())
    }

    /// Posts a text, or tells why not.
    pub(in crate::methods) fn post(
        world: &mut World,
        me: &Device,
        id: i64,
        text: &str,
    ) -> Result<i32, String> {
        let random_id = i64::from(world.now.unix()) << 16 | i64::try_from(text.len()).unwrap_or(0);
        let message = text.to_owned();
        let peer = peer(world, me, id);
        let request = messages::SendMessage { peer, message, random_id, ..Default::default() };
        world.wait(1);
        let enums::Updates::Updates(all) = world.call(me, &request)? else { panic!("an odd reply") };
        let id = all.updates.iter().find_map(|u| match u {
            enums::Update::UpdateMessageID(u) => Some(u.id),
            _ => None,
        });
        Ok(id.expect("its id"))
    }

    fn difference(world: &mut World, me: &Device, id: i64, pts: i32) -> enums::updates::ChannelDifference {
        let request = updates::GetChannelDifference {
            force: false,
            channel: input(world, me, id),
            filter: enums::ChannelMessagesFilter::ChannelMessagesFilterEmpty,
            pts,
            limit: 100,
        };
        world.call(me, &request).expect("a difference")
    }

    #[test]
    fn members_see_posts_live_and_count_them() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let id = made(&mut world, &ann, false, &[&bob]);
        let listener = world.api.listener(bob.key).expect("reads").expect("a login");
        let [(channel, pts)] = listener.channels.as_slice() else { panic!("{listener:?}") };
        let first = post(&mut world, &ann, id, "hello").expect("posted");
        let push =
            world.api.channel_push(bob.key, *channel, *pts, world.now).expect("reads").expect("for him");
        assert_eq!(push.to.pts, pts + 1);
        assert!(push.body.is_some());
        let echo =
            world.api.channel_push(ann.key, *channel, *pts, world.now).expect("reads").expect("for her");
        assert!(echo.body.is_none(), "no echo to the key that said it");
        let request = messages::GetPeerDialogs {
            peers: vec![types::InputDialogPeer { peer: peer(&world, &bob, id) }.into()],
        };
        let unread = |world: &mut World| {
            let found = world.call(&bob, &request).expect("his dialog");
            match found.dialogs.as_slice() {
                [enums::Dialog::Dialog(d)] => (d.unread_count, d.top_message),
                other => panic!("{other:?}"),
            }
        };
        // That he was taken in is news as well.
        assert_eq!(unread(&mut world), (2, first));
        let channel = input(&world, &bob, id);
        assert!(world.call(&bob, &req::ReadHistory { channel, max_id: first }).expect("read"));
        assert_eq!(unread(&mut world), (0, first));
        let mut ann = ann;
        let pushed = world.pushes(&mut ann);
        assert!(
            pushed
                .iter()
                .any(|u| matches!(u, enums::Update::UpdateReadChannelOutbox(u) if u.max_id == first)),
            "the author sees it read: {pushed:?}"
        );
    }

    #[test]
    fn many_are_told_at_once_byte_for_byte_what_each_would_be_told_alone() {
        let mut world = World::new();
        let [ann, mut bob, cid, dee, eve] =
            ["Ann", "Bob", "Cid", "Dee", "Eve"].map(|name| world.person(name));
        bob.layer = 158;
        let second = world.device(&ann);
        world.call(&bob, &updates::GetState {}).expect("a layer");
        for broadcast in [true, false] {
            let id = made(&mut world, &ann, broadcast, &[&bob, &cid]);
            post(&mut world, &ann, id, "the first").expect("posted");
            let start = world.api.listener(ann.key).expect("reads").expect("a login").channels;
            let start = start.iter().find(|(channel, _)| channel.0 == id).expect("her channel").1;
            if !broadcast {
                let channel = input(&world, &ann, id);
                let hide = req::TogglePreHistoryHidden { channel, enabled: true };
                world.call(&ann, &hide).expect("hidden");
                post(&mut world, &bob, id, "by another").expect("posted");
            }
            let (channel, users) = (input(&world, &ann, id), vec![world.input_user(&ann, &dee)]);
            world.call(&ann, &req::InviteToChannel { channel, users }).expect("invited");
            let changed = post(&mut world, &ann, id, "to be changed").expect("posted");
            let edit = messages::EditMessage {
                peer: peer(&world, &ann, id),
                id: changed,
                message: Some("changed".to_owned()),
                ..Default::default()
            };
            world.call(&ann, &edit).expect("edited");
            for from in [0, 1, start, start + 2, i32::MAX] {
                let devices = [&ann, &second, &bob, &cid, &dee, &eve];
                let keys: Vec<_> = devices.iter().map(|device| (device.key, from)).collect();
                let together = world.api.channel_pushes(ChannelId(id), &keys, world.now).expect("reads");
                assert!(together.iter().take(5).all(Option::is_some) && together[5].is_none());
                for ((key, from), push) in keys.into_iter().zip(together) {
                    let alone = world.api.channel_push(key, ChannelId(id), from, world.now).expect("reads");
                    let what = |push: crate::push::Push| (push.body, push.to, push.more);
                    assert_eq!(push.map(what), alone.map(what), "{key:?} from {from}");
                }
            }
        }
    }

    #[test]
    fn a_public_channel_is_read_joined_and_left_freely() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let id = made(&mut world, &ann, true, &[]);
        post(&mut world, &ann, id, "secret").expect("posted");
        assert_eq!(texts(&mut world, &bob, id), Err("CHANNEL_PRIVATE".to_owned()));
        let join = req::JoinChannel { channel: input(&world, &bob, id) };
        assert_eq!(world.call(&bob, &join).err().as_deref(), Some("CHANNEL_PRIVATE"));
        let username = "the_news".to_owned();
        let channel = input(&world, &ann, id);
        assert!(
            world
                .call(&ann, &req::CheckUsername { channel: channel.clone(), username: username.clone() })
                .expect("free")
        );
        world.call(&ann, &req::UpdateUsername { channel, username: username.clone() }).expect("public");
        let channel = enums::InputChannel::InputChannelEmpty;
        assert!(!world.call(&bob, &req::CheckUsername { channel, username }).expect("taken"));
        assert_eq!(texts(&mut world, &bob, id), Ok(vec!["secret".to_owned()]));
        world.call(&bob, &join).expect("in");
        assert_eq!(world.call(&bob, &join).err().as_deref(), Some("USER_ALREADY_PARTICIPANT"));
        let leave = req::LeaveChannel { channel: input(&world, &bob, id) };
        world.call(&bob, &leave).expect("out");
        assert_eq!(world.call(&bob, &leave).err().as_deref(), Some("USER_NOT_PARTICIPANT"));
        let leave = req::LeaveChannel { channel: input(&world, &ann, id) };
        assert_eq!(world.call(&ann, &leave).err().as_deref(), Some("USER_CREATOR"));
    }

    #[test]
    fn a_hidden_past_stays_hidden_by_whatever_door_one_looks() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let id = made(&mut world, &ann, false, &[]);
        let old = post(&mut world, &ann, id, "before Bob").expect("posted");
        let channel = input(&world, &ann, id);
        world.call(&ann, &req::TogglePreHistoryHidden { channel, enabled: true }).expect("hidden");
        let users = vec![world.input_user(&ann, &bob)];
        let channel = input(&world, &ann, id);
        world.call(&ann, &req::InviteToChannel { channel, users }).expect("invited");
        post(&mut world, &ann, id, "welcome").expect("posted");
        assert_eq!(texts(&mut world, &bob, id), Ok(vec!["welcome".to_owned()]));
        let channel = input(&world, &bob, id);
        let ids = vec![types::InputMessageID { id: old }.into()];
        let found = world.call(&bob, &req::GetMessages { channel, id: ids }).expect("an answer");
        let enums::messages::Messages::ChannelMessages(found) = found else { panic!("{found:?}") };
        assert!(matches!(found.messages.as_slice(), [enums::Message::MessageEmpty(_)]));
        let enums::updates::ChannelDifference::ChannelDifference(missed) =
            difference(&mut world, &bob, id, 1)
        else {
            panic!("no difference")
        };
        assert!(!format!("{:?}", missed.new_messages).contains("before Bob"));
        assert!(format!("{:?}", missed.new_messages).contains("welcome"));
        let search = messages::Search {
            peer: peer(&world, &bob, id),
            q: "before".to_owned(),
            filter: enums::MessagesFilter::InputMessagesFilterEmpty,
            limit: 10,
            ..Default::default()
        };
        let enums::messages::Messages::ChannelMessages(found) = world.call(&bob, &search).expect("an answer")
        else {
            panic!("not a channel's messages")
        };
        assert!(found.messages.is_empty());
        let request = messages::ForwardMessages {
            from_peer: peer(&world, &bob, id),
            to_peer: enums::InputPeer::InputPeerSelf,
            id: vec![old],
            random_id: vec![1],
            ..Default::default()
        };
        assert_eq!(world.call(&bob, &request).err().as_deref(), Some("MESSAGE_ID_INVALID"));
    }

    #[test]
    fn history_is_cleared_for_oneself_or_by_the_owner_for_all() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let id = made(&mut world, &ann, false, &[&bob]);
        post(&mut world, &ann, id, "one").expect("posted");
        let clear = |world: &World, who: &Device, for_everyone| req::DeleteHistory {
            for_everyone,
            channel: input(world, who, id),
            max_id: 0,
        };
        let request = clear(&world, &bob, true);
        assert_eq!(world.call(&bob, &request).err().as_deref(), Some("CHAT_ADMIN_REQUIRED"));
        let request = clear(&world, &bob, false);
        world.call(&bob, &request).expect("cleared");
        post(&mut world, &ann, id, "two").expect("posted");
        assert_eq!(texts(&mut world, &bob, id), Ok(vec!["two".to_owned()]));
        assert_eq!(texts(&mut world, &ann, id), Ok(vec!["two".to_owned(), "one".to_owned()]));
        let request = clear(&world, &ann, true);
        world.call(&ann, &request).expect("cleared for all");
        assert_eq!(texts(&mut world, &ann, id), Ok(Vec::new()));
        assert_eq!(texts(&mut world, &bob, id), Ok(Vec::new()));
    }

    #[test]
    fn a_deleted_channel_is_gone_for_all_and_its_name_is_free() {
        let mut world = World::new();
        let (ann, mut bob) = (world.person("Ann"), world.person("Bob"));
        let id = made(&mut world, &ann, true, &[&bob]);
        let username = "short_lived".to_owned();
        let channel = input(&world, &ann, id);
        world.call(&ann, &req::UpdateUsername { channel, username: username.clone() }).expect("public");
        let request = req::DeleteChannel { channel: input(&world, &bob, id) };
        assert_eq!(world.call(&bob, &request).err().as_deref(), Some("CHAT_ADMIN_REQUIRED"));
        world.pushes(&mut bob);
        let request = req::DeleteChannel { channel: input(&world, &ann, id) };
        let enums::Updates::Updates(all) = world.call(&ann, &request).expect("gone") else {
            panic!("an odd reply")
        };
        assert!(matches!(all.chats.as_slice(), [enums::Chat::ChannelForbidden(_)]), "{:?}", all.chats);
        let pushed = world.pushes(&mut bob);
        assert!(
            pushed.iter().any(|u| matches!(u, enums::Update::UpdateChannel(u) if u.channel_id == id)),
            "{pushed:?}"
        );
        assert_eq!(texts(&mut world, &bob, id), Err("CHANNEL_INVALID".to_owned()));
        let listener = world.api.listener(bob.key).expect("reads").expect("a login");
        assert!(!listener.channels.iter().any(|(channel, _)| *channel == ChannelId(id)));
        let channel = enums::InputChannel::InputChannelEmpty;
        assert!(world.call(&ann, &req::CheckUsername { channel, username }).expect("free again"));
    }
}
