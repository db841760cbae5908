//! What a model function works with: one transaction, the time, dice, and the list of what to tell afterwards.

use env::{Dice, Time};
use store::Tx;

use crate::ids::{ChannelId, KeyId, UserId};
use crate::limits;

/// One call's work. All reads and writes go through `tx`; nothing else leaves before the commit is durable.
pub struct Ctx<'a, 't> {
    /// The transaction. It may be rolled back and run again.
    pub tx: &'a mut Tx<'t>,
    /// The time of the call.
    pub now: Time,
    /// Dice for ids and codes.
    pub dice: &'a mut dyn Dice,
    /// The key that calls: its own updates come back in the reply, not as a push.
    pub origin: KeyId,
    /// What to tell once the commit is durable.
    pub effects: Effects,
}

impl Ctx<'_, '_> {
    /// The time of the call in seconds, as records carry it.
    #[must_use]
    pub fn date(&self) -> i32 {
        self.now.unix()
    }
}

/// What to tell once a commit is durable. Hints only: the logs are the truth.
#[derive(Debug, Default, Clone)]
pub struct Effects {
    /// The notices, without repeats.
    pub notices: Vec<Notice>,
}

impl Effects {
    /// Adds a notice unless it is there already or there are too many.
    pub fn tell(&mut self, notice: Notice) {
        if self.notices.len() < limits::NOTICES_MAX && !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }
}

/// What other parts of the node, and other nodes, should look at.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// This person's log grew.
    User(UserId),
    /// This channel's log grew.
    Channel(ChannelId),
    /// This key was logged in or out, or its layer changed.
    Key(KeyId),
    /// There is work for the jobs runner.
    Jobs,
    /// This person entered or left this channel.
    Membership {
        /// Who.
        user: UserId,
        /// Where.
        channel: ChannelId,
        /// Whether they are in it now.
        member: bool,
    },
    /// Something without a pts, told to whoever of these people is online; lost if they are not.
    Ephemeral {
        /// To whom.
        to: Vec<UserId>,
        /// What.
        what: Ephemeral,
    },
    /// The same, told to whoever is online in a channel.
    EphemeralChannel {
        /// Where.
        channel: ChannelId,
        /// What.
        what: Ephemeral,
        /// Not to them.
        except: UserId,
    },
}

/// What travels as a bounded, lossy notice: never stored, never in a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Ephemeral {
    /// The update as clients read it. It names its people by id only.
    pub update: Box<tl::enums::Update>,
    /// Who caused it; sent along so that a client knows them.
    pub about: UserId,
}
