//! What a channel is: title, photo, about, username, what its members may do.

use store::{Order, Tx};
use tl::{stored, types};

use super::{administered, head, is_in, known, members, of_user, permitted, put_channel, say, tell_all};
use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::ids::{ChannelId, Peer, UserId};
use crate::messages::Placed;
use crate::tables::MEMBERS;
use crate::{chats, files, limits, rights, users};

fn updated(channel: ChannelId) -> tl::enums::Update {
    types::UpdateChannel { channel_id: channel.0 }.into()
}

/// Gives a channel another title, and says so.
pub fn set_title(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, name: &str) -> Done<Placed> {
    let mut row = permitted(cx, me, channel, rights::CHANGE_INFO, rights::NO_CHANGE_INFO)?;
    let name = chats::title(name)?;
    if name == row.title {
        return Err(Refusal::ChatNotModified.into());
    }
    row.title.clone_from(&name);
    put_channel(cx, row)?;
    say(cx, me, channel, stored::ActionChatEditTitle { title: name }.into())
}

/// Gives a channel a photo, or takes it away, and says so.
pub fn set_photo(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, photo: Option<i64>) -> Done<Placed> {
    let mut row = permitted(cx, me, channel, rights::CHANGE_INFO, rights::NO_CHANGE_INFO)?;
    if photo.is_none() && row.photo_id.is_none() {
        return Err(Refusal::ChatNotModified.into());
    }
    files::swap(cx, row.photo_id, photo)?;
    row.photo_id = photo;
    put_channel(cx, row)?;
    say(cx, me, channel, chats::photo_action(photo))
}

/// Gives a channel another about text.
pub fn set_about(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, about: &str) -> Done<()> {
    let mut row = permitted(cx, me, channel, rights::CHANGE_INFO, rights::NO_CHANGE_INFO)?;
    chats::check_about(&row.about, about)?;
    about.clone_into(&mut row.about);
    put_channel(cx, row)?;
    tell_all(cx, channel, me, updated(channel))
}

/// Gives a channel a username, which makes it public, or with an empty one makes it private. Its owner only.
pub fn set_username(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, username: &str) -> Done<()> {
    let mut row = administered(cx.tx, me, channel, rights::CHANGE_INFO)?;
    if row.creator != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    let first = row.username.is_none() && !username.is_empty();
    if first && owned_public(cx.tx, me)?.len() >= limits::PUBLIC_CHANNELS_MAX {
        return Err(Refusal::ChannelsAdminPublicTooMuch.into());
    }
    users::take_username(cx, Peer::Channel(channel), row.username.as_deref(), username)?;
    row.username = (!username.is_empty()).then(|| username.to_owned());
    put_channel(cx, row)?;
    tell_all(cx, channel, me, updated(channel))
}

/// The public channels that a person owns.
pub fn owned_public(tx: &Tx<'_>, me: UserId) -> Done<Vec<ChannelId>> {
    let mut owned = Vec::new();
    for channel in of_user(tx, me)? {
        if known(tx, channel)?.creator == me.0 && known(tx, channel)?.username.is_some() {
            owned.push(channel);
        }
    }
    Ok(owned)
}

/// Whether posts of a channel that broadcasts are signed with their author's name.
pub fn set_signatures(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, on: bool) -> Done<()> {
    let mut row = administered(cx.tx, me, channel, rights::CHANGE_INFO)?;
    if row.megagroup {
        return Err(Refusal::ChatIdInvalid.into());
    }
    if row.signatures == on {
        return Err(Refusal::ChatNotModified.into());
    }
    row.signatures = on;
    put_channel(cx, row)?;
    tell_all(cx, channel, me, updated(channel))
}

/// Whether what is said in a channel may be saved and passed on. Its owner only.
pub fn set_noforwards(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, on: bool) -> Done<()> {
    let mut row = administered(cx.tx, me, channel, rights::CHANGE_INFO)?;
    if row.creator != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    if row.noforwards == on {
        return Err(Refusal::ChatNotModified.into());
    }
    row.noforwards = on;
    put_channel(cx, row)?;
    tell_all(cx, channel, me, updated(channel))
}

/// Whether what was said in a private group before somebody came is hidden from them. It holds for who comes from now on.
pub fn set_hidden_prehistory(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId, on: bool) -> Done<()> {
    let mut row = administered(cx.tx, me, channel, rights::CHANGE_INFO)?;
    if !row.megagroup {
        return Err(Refusal::ChatIdInvalid.into());
    }
    if row.hidden_prehistory == on {
        return Err(Refusal::ChatNotModified.into());
    }
    row.hidden_prehistory = on;
    put_channel(cx, row)?;
    tell_all(cx, channel, me, updated(channel))
}

/// Says what plain members of a group may not do; gives the update that tells them.
pub fn set_banned_rights(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    channel: ChannelId,
    banned: i32,
) -> Done<tl::enums::Update> {
    let mut row = administered(cx.tx, me, channel, rights::BAN_USERS)?;
    if !row.megagroup || banned & rights::NO_VIEW != 0 {
        return Err(Refusal::BannedRightsInvalid.into());
    }
    if row.banned_rights == banned {
        return Err(Refusal::ChatNotModified.into());
    }
    row.banned_rights = banned;
    let version = row.version + 1;
    put_channel(cx, row)?;
    let update = tl::enums::Update::from(types::UpdateChatDefaultBannedRights {
        peer: Peer::Channel(channel).into(),
        default_banned_rights: rights::banned_rights(banned, 0),
        version,
    });
    tell_all(cx, channel, me, update.clone())?;
    Ok(update)
}

/// Ends a channel for everybody. Its owner only; one with many members is emptied first.
pub fn destroy(cx: &mut Ctx<'_, '_>, me: UserId, channel: ChannelId) -> Done<()> {
    let mut row = known(cx.tx, channel)?;
    if row.creator != me.0 {
        return Err(Refusal::ChatAdminRequired.into());
    }
    if head(cx.tx, channel)?.members > limits::DELETE_CHANNEL_MEMBERS_MAX {
        return Err(Refusal::ChannelTooLarge.into());
    }
    if let Some(username) = row.username.take() {
        users::take_username(cx, Peer::Channel(channel), Some(&username), "")?;
    }
    row.deleted = true;
    files::swap(cx, row.photo_id.take(), None)?;
    put_channel(cx, row)?;
    let mut rows = MEMBERS.of(channel);
    loop {
        let page = cx.tx.scan(&MEMBERS, rows, Order::Forward, limits::PAGE_MAX)?;
        let Some((last, _)) = page.last() else { break };
        rows = MEMBERS.of(channel).after(last);
        for (_, member) in page {
            if is_in(Some(&member)) {
                members::exit(cx, channel, member)?;
            }
        }
    }
    Ok(())
}
