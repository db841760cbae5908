//! What a person sets for their account as a whole, and when and how they are notified.

use store::{Order, Tx};
use tl::{enums, stored, types};

use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::ids::{ChannelId, ChatId, Peer, UserId};
use crate::tables::{NOTIFY, PREFERENCES};
use crate::{limits, updates};

/// Days without a call after which an account, or a login, that never said otherwise is deleted, or ended.
const ACCOUNT_TTL_DAYS: i32 = 548;
const LOGIN_TTL_DAYS: i32 = 183;

/// A person's preferences; those of who never set any are the defaults.
pub fn preferences(tx: &Tx<'_>, user: UserId) -> Done<stored::Preferences> {
    Ok(tx.get(&PREFERENCES, &user)?.unwrap_or_else(|| stored::Preferences {
        account_ttl_days: ACCOUNT_TTL_DAYS,
        login_ttl_days: LOGIN_TTL_DAYS,
        ..Default::default()
    }))
}

/// Changes a person's preferences.
pub fn change_preferences(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    change: impl FnOnce(&mut stored::Preferences),
) -> Done<()> {
    let mut row = preferences(cx.tx, me)?;
    change(&mut row);
    cx.tx.put(&PREFERENCES, &me, &row)?;
    Ok(())
}

/// Checks a number of days after which something ends.
pub fn check_days(days: i32) -> Done<i32> {
    if (1..=limits::TTL_DAYS_MAX).contains(&days) { Ok(days) } else { Err(Refusal::TtlDaysInvalid.into()) }
}

/// Whom notify settings are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One conversation.
    Peer(Peer),
    /// All private chats that have none of their own.
    Users,
    /// The same for groups.
    Chats,
    /// The same for broadcast channels.
    Broadcasts,
}

impl Scope {
    /// Where they are kept: a kind of conversation as the conversation with nobody of that kind.
    const fn place(self) -> Peer {
        match self {
            Self::Peer(peer) => peer,
            Self::Users => Peer::User(UserId(0)),
            Self::Chats => Peer::Chat(ChatId(0)),
            Self::Broadcasts => Peer::Channel(ChannelId(0)),
        }
    }

    const fn of_place(place: Peer) -> Self {
        match place {
            Peer::User(UserId(0)) => Self::Users,
            Peer::Chat(ChatId(0)) => Self::Chats,
            Peer::Channel(ChannelId(0)) => Self::Broadcasts,
            peer => Self::Peer(peer),
        }
    }
}

impl From<Scope> for enums::NotifyPeer {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Peer(peer) => types::NotifyPeer { peer: peer.into() }.into(),
            Scope::Users => Self::NotifyUsers,
            Scope::Chats => Self::NotifyChats,
            Scope::Broadcasts => Self::NotifyBroadcasts,
        }
    }
}

/// A person's notify settings. Those of a conversation say only where it differs from its kind.
pub fn notify(tx: &Tx<'_>, user: UserId, scope: Scope) -> Done<types::PeerNotifySettings> {
    let row = tx.get(&NOTIFY, &(user, scope.place()))?.map(|row| row.settings);
    Ok(row.unwrap_or_else(|| match scope {
        Scope::Peer(_) => types::PeerNotifySettings::default(),
        Scope::Users | Scope::Chats | Scope::Broadcasts => types::PeerNotifySettings {
            show_previews: Some(true),
            silent: Some(false),
            mute_until: Some(0),
            ios_sound: Some(enums::NotificationSound::NotificationSoundDefault),
            android_sound: Some(enums::NotificationSound::NotificationSoundDefault),
            other_sound: Some(enums::NotificationSound::NotificationSoundDefault),
            ..Default::default()
        },
    }))
}

/// Sets a person's notify settings, and tells their other devices.
pub fn set_notify(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    scope: Scope,
    settings: types::PeerNotifySettings,
) -> Done<()> {
    let key = (me, scope.place());
    if settings == types::PeerNotifySettings::default() {
        cx.tx.delete(&NOTIFY, &key)?;
    } else {
        cx.tx.put(&NOTIFY, &key, &stored::NotifySettings { settings: settings.clone() })?;
    }
    let update = types::UpdateNotifySettings { peer: scope.into(), notify_settings: settings };
    updates::append_aside(cx, me, update.into())
}

/// The conversations, and kinds, with settings of their own.
pub fn notify_exceptions(tx: &Tx<'_>, me: UserId) -> Done<Vec<(Scope, types::PeerNotifySettings)>> {
    let rows = tx.scan(&NOTIFY, NOTIFY.of(me), Order::Forward, limits::DIALOGS_MAX)?;
    Ok(rows.into_iter().map(|((_, place), row)| (Scope::of_place(place), row.settings)).collect())
}

/// Forgets all of a person's notify settings.
pub fn reset_notify(cx: &mut Ctx<'_, '_>, me: UserId) -> Done<()> {
    for (scope, _) in notify_exceptions(cx.tx, me)? {
        cx.tx.delete(&NOTIFY, &(me, scope.place()))?;
        let notify_settings = notify(cx.tx, me, scope)?;
        let update = types::UpdateNotifySettings { peer: scope.into(), notify_settings };
        updates::append_aside(cx, me, update.into())?;
    }
    Ok(())
}
