//! Invite links: every admin has at most one that is valid, and it ends with their right to invite.

use store::{Name, Tx};
use tl::stored;

use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::ids::{ChatId, Peer, UserId};
use crate::messages::Placed;
use crate::tables::{CHATS, INVITES, MEMBERS};
use crate::{channels, chats, rights};

/// What links are made of: 64 letters that need no escaping.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Where a link leads, if it is valid.
pub fn find(tx: &Tx<'_>, hash: &str) -> Done<stored::Invite> {
    if hash.is_empty() {
        return Err(Refusal::InviteHashEmpty.into());
    }
    let row = known(tx, hash)?.ok_or(Refusal::InviteHashInvalid)?;
    if row.revoked { Err(Refusal::InviteHashExpired.into()) } else { Ok(row) }
}

/// A link, valid or not.
pub fn known(tx: &Tx<'_>, hash: &str) -> Done<Option<stored::Invite>> {
    // No link is so long; the store refuses keys that are.
    if hash.len() > 64 {
        return Ok(None);
    }
    Ok(tx.get(&INVITES, &(Name::of(hash), hash.to_owned()))?)
}

/// The valid link of one admin, if they have made one.
pub fn of_admin(tx: &Tx<'_>, peer: Peer, admin: UserId) -> Done<Option<String>> {
    Ok(match peer {
        Peer::Chat(chat) => {
            let row = chats::known(tx, chat)?;
            row.members.into_iter().find(|m| m.user_id == admin.0).and_then(|m| m.invite)
        }
        Peer::Channel(channel) => channels::member(tx, channel, admin)?.and_then(|m| m.invite),
        Peer::User(_) => None,
    })
}

/// Checks that `me` may make links to a group or channel.
pub fn check_admin(tx: &Tx<'_>, peer: Peer, me: UserId) -> Done<()> {
    match peer {
        Peer::Chat(chat) => {
            if !chats::is_admin(&chats::mine(tx, me, chat)?, me) {
                return Err(Refusal::ChatAdminRequired.into());
            }
        }
        Peer::Channel(channel) => {
            channels::administered(tx, me, channel, rights::INVITE_USERS)?;
        }
        Peer::User(_) => return Err(Refusal::PeerIdInvalid.into()),
    }
    Ok(())
}

/// The link of `me` to a group or channel: the one there is, or a new one; with `renew` always a new one, which ends the other.
pub fn export(cx: &mut Ctx<'_, '_>, me: UserId, peer: Peer, renew: bool) -> Done<String> {
    check_admin(cx.tx, peer, me)?;
    match of_admin(cx.tx, peer, me)? {
        Some(hash) if !renew => return Ok(hash),
        Some(hash) => end(cx, &hash)?,
        None => {}
    }
    make(cx, me, peer)
}

/// Ends a link of `admin` and gives them a new one in its place.
pub fn revoke(cx: &mut Ctx<'_, '_>, peer: Peer, admin: UserId, hash: &str) -> Done<String> {
    end(cx, hash)?;
    make(cx, admin, peer)
}

fn make(cx: &mut Ctx<'_, '_>, me: UserId, peer: Peer) -> Done<String> {
    let random: [u8; 16] = env::bytes(cx.dice);
    let hash: String =
        random.iter().filter_map(|b| ALPHABET.get(usize::from(b % 64))).map(|c| char::from(*c)).collect();
    let row = stored::Invite { revoked: false, peer: peer.into(), creator: me.0, date: cx.date(), usage: 0 };
    cx.tx.put(&INVITES, &(Name::of(&hash), hash.clone()), &row)?;
    keep(cx, me, peer, &hash)?;
    Ok(hash)
}

/// Notes which link is an admin's own.
fn keep(cx: &mut Ctx<'_, '_>, me: UserId, peer: Peer, hash: &str) -> Done<()> {
    match peer {
        Peer::Chat(chat) => {
            let mut row = chats::known(cx.tx, chat)?;
            if let Some(member) = row.members.iter_mut().find(|m| m.user_id == me.0) {
                member.invite = Some(hash.to_owned());
            }
            cx.tx.put(&CHATS, &chat, &row)?;
        }
        Peer::Channel(channel) => {
            if let Some(mut row) = channels::member(cx.tx, channel, me)? {
                row.invite = Some(hash.to_owned());
                cx.tx.put(&MEMBERS, &(channel, me), &row)?;
            }
        }
        Peer::User(_) => {}
    }
    Ok(())
}

/// Ends a link. Whose it was still names it: the caller takes care of that.
pub(crate) fn end(cx: &mut Ctx<'_, '_>, hash: &str) -> Done<()> {
    if let Some(mut row) = known(cx.tx, hash)? {
        row.revoked = true;
        cx.tx.put(&INVITES, &(Name::of(hash), hash.to_owned()), &row)?;
    }
    Ok(())
}

/// A link that `me` may look at or end: their own, or as the owner anybody's. Gives whose it is.
pub fn managed(tx: &Tx<'_>, me: UserId, peer: Peer, hash: &str) -> Done<stored::Invite> {
    check_admin(tx, peer, me)?;
    let row =
        known(tx, hash)?.filter(|row| Peer::from(&row.peer) == peer).ok_or(Refusal::InviteHashExpired)?;
    if row.creator != me.0 && owner(tx, peer)? != me {
        return Err(Refusal::ChatAdminRequired.into());
    }
    Ok(row)
}

/// Forgets a link that has ended: it opens nothing, and now nobody finds it either.
pub fn forget(cx: &mut Ctx<'_, '_>, hash: &str) -> Done<()> {
    let ended = known(cx.tx, hash)?.is_some_and(|row| row.revoked);
    if !ended {
        return Err(Refusal::ChatInvitePermanent.into());
    }
    Ok(cx.tx.delete(&INVITES, &(Name::of(hash), hash.to_owned()))?)
}

/// The admins of a group or channel who have a valid link.
pub fn admins(tx: &Tx<'_>, peer: Peer) -> Done<Vec<UserId>> {
    Ok(match peer {
        Peer::Chat(chat) => {
            let row = chats::known(tx, chat)?;
            row.members.iter().filter(|m| m.invite.is_some()).map(|m| UserId(m.user_id)).collect()
        }
        Peer::Channel(channel) => {
            let places = channels::standing(tx, channel)?;
            places.iter().filter(|m| m.invite.is_some()).map(|m| UserId(m.user_id)).collect()
        }
        Peer::User(_) => Vec::new(),
    })
}

/// Whose a group or channel is.
pub fn owner(tx: &Tx<'_>, peer: Peer) -> Done<UserId> {
    Ok(UserId(match peer {
        Peer::Chat(chat) => chats::known(tx, chat)?.creator,
        Peer::Channel(channel) => channels::known(tx, channel)?.creator,
        Peer::User(user) => user.0,
    }))
}

/// What entering by a link gave.
#[derive(Debug, Clone, Copy)]
pub struct Accepted {
    /// Where it led.
    pub peer: Peer,
    /// The message that says so; none in a channel that broadcasts.
    pub said: Option<Placed>,
}

/// Enters a group or a channel by its link.
pub fn accept(cx: &mut Ctx<'_, '_>, me: UserId, hash: &str) -> Done<Accepted> {
    let mut row = find(cx.tx, hash)?;
    let peer = Peer::from(&row.peer);
    let inviter = UserId(row.creator);
    let said = match peer {
        Peer::Chat(chat) => Some(chats::join(cx, me, chat, inviter)?),
        Peer::Channel(channel) => channels::join(cx, me, channel, Some(inviter))?,
        Peer::User(_) => return Err(Refusal::InviteHashInvalid.into()),
    };
    row.usage += 1;
    cx.tx.put(&INVITES, &(Name::of(hash), hash.to_owned()), &row)?;
    Ok(Accepted { peer, said })
}

/// Whether somebody is in the place to which a link leads.
pub fn is_in(tx: &Tx<'_>, peer: Peer, user: UserId) -> Done<bool> {
    Ok(match peer {
        Peer::Chat(chat) => inside(tx, chat, user)?,
        Peer::Channel(channel) => channels::is_in(channels::member(tx, channel, user)?.as_ref()),
        Peer::User(_) => false,
    })
}

fn inside(tx: &Tx<'_>, chat: ChatId, user: UserId) -> Done<bool> {
    Ok(chats::is_member(&chats::known(tx, chat)?, user))
}
