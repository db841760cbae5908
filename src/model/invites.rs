//! Invite links: one valid link for each group or channel.

use store::{Name, Tx};
use tl::stored;

use crate::ctx::Ctx;
use crate::error::{Done, Refusal};
use crate::ids::{Peer, UserId};
use crate::tables::INVITES;
use crate::{channels, chats};

/// Where a link leads, if it is valid.
pub fn find(tx: &Tx<'_>, hash: &str) -> Done<stored::Invite> {
    if hash.is_empty() {
        return Err(Refusal::InviteHashEmpty.into());
    }
    let row = tx.get(&INVITES, &(Name::of(hash), hash.to_owned()))?.ok_or(Refusal::InviteHashInvalid)?;
    if row.revoked { Err(Refusal::InviteHashExpired.into()) } else { Ok(row) }
}

/// Makes a new link to `peer` and ends the old one.
pub(crate) fn renew(cx: &mut Ctx<'_, '_>, peer: Peer, me: UserId, old: Option<&str>) -> Done<String> {
    if let Some(old) = old {
        let key = (Name::of(old), old.to_owned());
        if let Some(mut row) = cx.tx.get(&INVITES, &key)? {
            row.revoked = true;
            cx.tx.put(&INVITES, &key, &row)?;
        }
    }
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let random: [u8; 16] = env::bytes(cx.dice);
    let hash: String =
        random.iter().filter_map(|b| ALPHABET.get(usize::from(b % 64))).map(|c| char::from(*c)).collect();
    let row = stored::Invite { revoked: false, peer: peer.into(), creator: me.0, date: cx.date(), usage: 0 };
    cx.tx.put(&INVITES, &(Name::of(&hash), hash.clone()), &row)?;
    Ok(hash)
}

/// Enters a group or a channel by its link; gives where, and id and pts of the message that says so (none in a channel
/// that broadcasts).
pub fn accept(cx: &mut Ctx<'_, '_>, me: UserId, hash: &str) -> Done<(Peer, Option<(i32, i32)>)> {
    let mut row = find(cx.tx, hash)?;
    let peer = Peer::from(&row.peer);
    let said = match peer {
        Peer::Chat(chat) => Some(chats::join(cx, me, chat, row.creator)?),
        Peer::Channel(channel) => channels::join(cx, me, channel, Some(row.creator))?,
        Peer::User(_) => return Err(Refusal::InviteHashInvalid.into()),
    };
    row.usage += 1;
    cx.tx.put(&INVITES, &(Name::of(hash), hash.to_owned()), &row)?;
    Ok((peer, said))
}
