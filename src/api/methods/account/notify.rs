//! When and how somebody is notified.

use model::channels;
use model::ids::Peer;
use model::settings::{self, Scope};
use tl::enums::InputNotifyPeer;
use tl::functions::account;
use tl::{enums, types};

use crate::method::{Account, Cx, Rpc, methods};

methods! {
    account::GetNotifySettings => get_notify_settings, Reads;
    account::UpdateNotifySettings => update_notify_settings, Writes;
    account::ResetNotifySettings => reset_notify_settings, Writes;
    account::GetNotifyExceptions => get_notify_exceptions, Reads;
    account::GetReactionsNotifySettings => get_reactions_notify_settings, Reads;
    account::SetReactionsNotifySettings => set_reactions_notify_settings, Writes;
}

/// Whom the settings are for. A topic has none of its own: those of its group are meant.
fn scope(cx: &Cx<'_, '_>, me: Account, peer: &InputNotifyPeer) -> Rpc<Scope> {
    Ok(match peer {
        InputNotifyPeer::InputNotifyPeer(p) => Scope::Peer(cx.peer(me, &p.peer)?),
        InputNotifyPeer::InputNotifyForumTopic(p) => Scope::Peer(cx.peer(me, &p.peer)?),
        InputNotifyPeer::InputNotifyCommunity(p) => Scope::Peer(Peer::Channel(cx.channel(me, &p.community)?)),
        InputNotifyPeer::InputNotifyUsers => Scope::Users,
        InputNotifyPeer::InputNotifyChats => Scope::Chats,
        InputNotifyPeer::InputNotifyBroadcasts => Scope::Broadcasts,
    })
}

fn get_notify_settings(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: account::GetNotifySettings,
) -> Rpc<types::PeerNotifySettings> {
    let scope = scope(cx, me, &req.peer)?;
    Ok(settings::notify(cx.model.tx, me.0, scope)?)
}

/// Sets all of the settings: what is not said is as if it never had been. One sound is for every kind of device.
fn update_notify_settings(cx: &mut Cx<'_, '_>, me: Account, req: account::UpdateNotifySettings) -> Rpc<bool> {
    let scope = scope(cx, me, &req.peer)?;
    let said = req.settings;
    let row = types::PeerNotifySettings {
        show_previews: said.show_previews,
        silent: said.silent,
        mute_until: said.mute_until,
        ios_sound: said.sound.clone(),
        android_sound: said.sound.clone(),
        other_sound: said.sound,
        stories_muted: said.stories_muted,
        stories_hide_sender: said.stories_hide_sender,
        stories_ios_sound: said.stories_sound.clone(),
        stories_android_sound: said.stories_sound.clone(),
        stories_other_sound: said.stories_sound,
    };
    settings::set_notify(&mut cx.model, me.0, scope, row)?;
    Ok(true)
}

fn reset_notify_settings(cx: &mut Cx<'_, '_>, me: Account, _: account::ResetNotifySettings) -> Rpc<bool> {
    settings::reset_notify(&mut cx.model, me.0)?;
    Ok(true)
}

/// The conversations with settings of their own, of one kind if one is named.
fn get_notify_exceptions(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: account::GetNotifyExceptions,
) -> Rpc<enums::Updates> {
    let wanted = req.peer.as_ref().map(|peer| scope(cx, me, peer)).transpose()?;
    let (mut list, mut named) = (Vec::new(), Vec::new());
    for (scope, notify_settings) in settings::notify_exceptions(cx.model.tx, me.0)? {
        let Scope::Peer(peer) = scope else { continue };
        if wanted.is_some() && wanted != Some(scope) && wanted != Some(kind(cx, peer)?) {
            continue;
        }
        named.push(peer);
        list.push(types::UpdateNotifySettings { peer: scope.into(), notify_settings }.into());
    }
    super::super::reply::plain(cx, me, list, &named)
}

/// Whose defaults a conversation has: supergroups have those of groups.
fn kind(cx: &Cx<'_, '_>, peer: Peer) -> Rpc<Scope> {
    Ok(match peer {
        Peer::User(_) => Scope::Users,
        Peer::Chat(_) => Scope::Chats,
        Peer::Channel(channel) if channels::known(cx.model.tx, channel)?.megagroup => Scope::Chats,
        Peer::Channel(_) => Scope::Broadcasts,
    })
}

fn reactions(row: Option<types::ReactionsNotifySettings>) -> types::ReactionsNotifySettings {
    row.unwrap_or_else(|| types::ReactionsNotifySettings {
        messages_notify_from: Some(enums::ReactionNotificationsFrom::ReactionNotificationsFromAll),
        stories_notify_from: Some(enums::ReactionNotificationsFrom::ReactionNotificationsFromAll),
        sound: enums::NotificationSound::NotificationSoundDefault,
        show_previews: true,
        ..Default::default()
    })
}

fn get_reactions_notify_settings(
    cx: &mut Cx<'_, '_>,
    me: Account,
    _: account::GetReactionsNotifySettings,
) -> Rpc<types::ReactionsNotifySettings> {
    Ok(reactions(settings::preferences(cx.model.tx, me.0)?.reactions))
}

fn set_reactions_notify_settings(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: account::SetReactionsNotifySettings,
) -> Rpc<types::ReactionsNotifySettings> {
    let row = req.settings;
    settings::change_preferences(&mut cx.model, me.0, |all| all.reactions = Some(row.clone()))?;
    Ok(row)
}
