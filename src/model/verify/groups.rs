//! Basic groups and channels.

use store::{Fault, Name, Present};
use tl::stored;

use super::person::newest_id;
use super::{Rule, Walk};
use crate::channels;
use crate::ids::{ChannelId, ChatId, Peer, UserId};
use crate::tables::{CHANNEL_HEADS, CHANNELS, DIALOGS, INVITES, MEMBERS, STANDING, USERS};

/// What a channel's rows say, as far as they are read.
pub(super) struct Channel {
    id: ChannelId,
    head: stored::ChannelHead,
    /// Where the log has come.
    pts: i32,
    members: i32,
    posts: i32,
    top: i32,
    top_date: i32,
}

impl Walk<'_, '_> {
    pub(super) fn chat(&mut self, id: ChatId, row: stored::Chat) -> Result<(), Fault> {
        self.check(row.id == id.0, Rule::Id, id, format_args!("calls itself {}", row.id));
        self.ids.chat = self.ids.chat.max(id.0);
        let over = row.deactivated && !row.members.is_empty();
        self.check(!over, Rule::Group, id, "is over and has members");
        self.shows_file(row.photo_id);
        for member in &row.members {
            let there = self.tx.has(&USERS, &UserId(member.user_id))?;
            self.check(there, Rule::Group, id, format_args!("has {} in it, who is nobody", member.user_id));
            self.has_invite(Peer::Chat(id), member.user_id, member.invite.as_deref())?;
        }
        let mut people: Vec<i64> = row.members.iter().map(|m| m.user_id).collect();
        people.sort_unstable();
        people.dedup();
        self.check(people.len() == row.members.len(), Rule::Group, id, "has somebody in it twice");
        if let Some(channel) = row.migrated_to.map(ChannelId) {
            let back = self.get(&CHANNELS, &channel)?.is_some_and(|c| c.migrated_from == Some(id.0));
            self.check(back, Rule::Group, id, format_args!("became {channel:?}, which does not know it"));
        }
        Ok(())
    }

    /// Whether the link that an admin is said to have is theirs.
    fn has_invite(&mut self, peer: Peer, admin: i64, hash: Option<&str>) -> Result<(), Fault> {
        let Some(hash) = hash else { return Ok(()) };
        let row = self.get(&INVITES, &(Name::of(hash), hash.to_owned()))?;
        let theirs =
            row.is_some_and(|row| !row.revoked && row.creator == admin && Peer::from(&row.peer) == peer);
        self.check(theirs, Rule::Name, (peer, admin), "has a link that is not theirs, or no good");
        Ok(())
    }

    /// The channel whose rows are being read.
    fn inside(&mut self, id: ChannelId) -> Result<&mut Channel, Fault> {
        let begun = match self.channel.take() {
            Some(channel) if channel.id == id => channel,
            _ => {
                let there = self.tx.has(&CHANNELS, &id)?;
                self.check(there, Rule::Id, id, "has rows and is no channel");
                let head = self.get(&CHANNEL_HEADS, &id)?;
                self.check(head.is_some(), Rule::Group, id, "has no head");
                let head = head.unwrap_or_default();
                Channel { id, pts: head.log_floor, head, members: 0, posts: 0, top: 0, top_date: 0 }
            }
        };
        Ok(self.channel.insert(begun))
    }

    pub(super) fn channel(&mut self, id: ChannelId, row: stored::Channel) -> Result<(), Fault> {
        self.inside(id)?;
        self.check(row.id == id.0, Rule::Id, id, format_args!("calls itself {}", row.id));
        self.ids.channel = self.ids.channel.max(id.0);
        self.shows_file(row.photo_id);
        self.has_username(Peer::Channel(id), row.username.as_deref())
    }

    pub(super) fn channel_head(&mut self, id: ChannelId, row: stored::ChannelHead) -> Result<(), Fault> {
        self.inside(id)?;
        // A head may be written before anything is said: its counters start at one, or stand at zero.
        let sound = row.log_floor <= row.pts && row.next_msg_id >= 1;
        self.check(sound, Rule::Log, id, "has a head that cannot be");
        Ok(())
    }

    pub(super) fn post(&mut self, key: (ChannelId, i32), row: stored::Message) -> Result<(), Fault> {
        let (channel, id) = key;
        let place = ("post", channel, id);
        self.check(row.id == id, Rule::Box, place, format_args!("calls itself {}", row.id));
        let here = Peer::from(&row.peer) == Peer::Channel(channel);
        self.check(here, Rule::Box, place, "belongs to another conversation");
        self.shows(&row);
        let inside = self.inside(channel)?;
        inside.posts += 1;
        (inside.top, inside.top_date) = (id, row.date);
        let next = inside.head.next_msg_id;
        self.check(id >= 1 && id < next, Rule::Box, place, format_args!("is beyond the next id, {next}"));
        Ok(())
    }

    pub(super) fn member(&mut self, key: (ChannelId, UserId), row: stored::Member) -> Result<(), Fault> {
        let (channel, user) = key;
        let place = ("member", channel, user);
        self.inside(channel)?.members += i32::from(!row.left);
        self.check(row.user_id == user.0, Rule::Group, place, format_args!("calls itself {}", row.user_id));
        let dialog = self.get(&DIALOGS, &(user, Peer::Channel(channel)))?;
        let known = dialog.is_some_and(|dialog| dialog.member);
        self.check(known != row.left, Rule::Group, place, "differs from their list of conversations");
        let stands = channels::admin_rights(Some(&row)) != 0 || row.banned_rights.is_some();
        let listed = self.tx.has(&STANDING, &key)?;
        self.check(stands == listed, Rule::Group, place, "differs from the list of who stands apart");
        self.has_invite(Peer::Channel(channel), user.0, row.invite.as_deref())
    }

    pub(super) fn standing(&mut self, key: (ChannelId, UserId), _: Present) -> Result<(), Fault> {
        self.inside(key.0)?;
        let there = self.tx.has(&MEMBERS, &key)?;
        self.check(there, Rule::Group, ("standing", key.0, key.1), "has no place");
        Ok(())
    }

    pub(super) fn channel_logged(&mut self, key: (ChannelId, i32), row: stored::Logged) -> Result<(), Fault> {
        let (channel, pts) = key;
        let place = ("log", channel, pts);
        let inside = self.inside(channel)?;
        let before = std::mem::replace(&mut inside.pts, pts);
        let next = inside.head.next_msg_id;
        let follows = row.pts_count >= 1 && pts.checked_sub(row.pts_count) == Some(before);
        self.check(follows, Rule::Log, place, format_args!("counts {} from {before}", row.pts_count));
        let was = newest_id(&row.change).is_none_or(|id| id < next);
        self.check(was, Rule::Log, place, "tells of a post that never was");
        Ok(())
    }

    pub(super) fn end_of_channel(&mut self, channel: &Channel) -> Result<(), Fault> {
        let Channel { id, head, .. } = channel;
        for (rule, what, said, found) in [
            (Rule::Log, "pts", head.pts, channel.pts),
            (Rule::Group, "members", head.members, channel.members),
            (Rule::Dialog, "messages", head.messages, channel.posts),
            (Rule::Dialog, "as its newest post", head.top_message, channel.top),
        ] {
            self.check(said == found, rule, id, format_args!("says {said} {what} and has {found}"));
        }
        let dated = channel.top == 0 || head.top_date == channel.top_date;
        self.check(dated, Rule::Dialog, id, "has another date than its newest post");
        Ok(())
    }
}
