//! The short form of a push: a text from a person, without the people beside it.
//!
//! A client can read `updateShortMessage` only if it knows the sender; one that does not asks for the difference. So it is
//! for those that have been shown the sender in full, in an earlier push to the same sessions, and never for the first
//! message. It is a third as long, and spares the server reading the sender as this reader may see them.

use std::collections::BTreeSet;

use model::ids::UserId;
use tl::{enums, types};

use crate::limits;
use crate::view::Named;

/// Whom the client of a key has been shown in full, as far as that is remembered.
#[derive(Debug, Default)]
pub struct Shown {
    users: BTreeSet<UserId>,
}

impl Shown {
    /// Remembers that the people of a push were shown. Forgets the others when they become too many.
    pub(crate) fn add(&mut self, named: &Named) {
        if self.users.len() + named.users().len() > limits::SHOWN_MAX {
            self.users.clear();
        }
        self.users.extend(named.users().iter().take(limits::SHOWN_MAX));
    }

    fn has_all(&self, named: &Named, me: UserId) -> bool {
        named.has_only_users() && named.users().iter().all(|user| *user == me || self.users.contains(user))
    }
}

/// The short form of one new message for `me`, if it can carry all of it and the reader knows all whom it names.
pub(crate) fn in_short(
    message: &enums::Message,
    (pts, pts_count): (i32, i32),
    named: &Named,
    (shown, me): (&Shown, UserId),
) -> Option<enums::Updates> {
    let enums::Message::Message(message) = message else { return None };
    let enums::Peer::PeerUser(types::PeerUser { user_id }) = message.peer_id else { return None };
    // Saved Messages have a place besides the peer.
    if user_id == me.0 || !shown.has_all(named, me) {
        return None;
    }
    let short = types::UpdateShortMessage {
        out: message.out,
        mentioned: message.mentioned,
        media_unread: message.media_unread,
        silent: message.silent,
        id: message.id,
        user_id,
        message: message.message.clone(),
        pts,
        pts_count,
        date: message.date,
        fwd_from: message.fwd_from.clone(),
        via_bot_id: message.via_bot_id,
        reply_to: message.reply_to.clone(),
        entities: message.entities.clone(),
        ttl_period: message.ttl_period,
    };
    // What the reader makes of it must be the message again: one with anything more goes out in full.
    let author = if message.out { me.0 } else { user_id };
    let read = types::Message {
        out: short.out,
        mentioned: short.mentioned,
        media_unread: short.media_unread,
        silent: short.silent,
        id: short.id,
        from_id: Some(types::PeerUser { user_id: author }.into()),
        peer_id: types::PeerUser { user_id }.into(),
        message: short.message.clone(),
        date: short.date,
        fwd_from: short.fwd_from.clone(),
        via_bot_id: short.via_bot_id,
        reply_to: short.reply_to.clone(),
        entities: short.entities.clone(),
        ttl_period: short.ttl_period,
        ..Default::default()
    };
    (read == **message).then(|| short.into())
}

#[cfg(test)]
mod tests {
    use tl::{Decode as _, Reader, enums, functions};

    use super::*;
    use crate::world::{Device, World};

    /// What is pushed to a device now, to a client that was shown `shown`.
    fn push(world: &World, device: &mut Device, shown: &mut Shown) -> enums::Updates {
        let push = world.api.account_push(device.key, device.seen, world.now, shown);
        let push = push.expect("a memory store reads").expect("a login");
        device.seen = push.to;
        enums::Updates::decode(&mut Reader::new(&push.body.expect("something new"))).expect("updates")
    }

    fn send(world: &mut World, from: &Device, to: &Device, text: &str, random_id: i64) -> enums::Updates {
        let message = functions::messages::SendMessage {
            peer: world.input_peer(from, to),
            message: text.to_owned(),
            random_id,
            ..Default::default()
        };
        world.call(from, &message).expect("sent")
    }

    #[test]
    fn a_sender_is_shown_once_and_told_in_short_then() {
        let mut world = World::new();
        let (a, mut b) = (world.person("A"), world.person("B"));
        let mut shown = Shown::default();
        send(&mut world, &a, &b, "one", 1);
        let enums::Updates::Updates(full) = push(&world, &mut b, &mut shown) else {
            panic!("in short to a stranger")
        };
        assert!(full.users.iter().any(|user| matches!(user, enums::User::User(user) if user.id == a.user.0)));
        send(&mut world, &a, &b, "two", 2);
        let before = b.seen.pts;
        let enums::Updates::UpdateShortMessage(short) = push(&world, &mut b, &mut shown) else {
            panic!("in full")
        };
        let told = (short.out, short.user_id, &*short.message, short.pts, short.pts_count);
        assert_eq!(told, (false, a.user.0, "two", before + 1, 1));
        // What has no place in the short form: two at once, and somebody whom nobody has shown.
        send(&mut world, &a, &b, "three", 3);
        send(&mut world, &a, &b, "four", 4);
        assert!(matches!(push(&world, &mut b, &mut shown), enums::Updates::Updates(_)));
        let c = world.person("C");
        send(&mut world, &c, &b, "five", 5);
        assert!(matches!(push(&world, &mut b, &mut shown), enums::Updates::Updates(_)));
        send(&mut world, &c, &b, "six", 6);
        assert!(matches!(push(&world, &mut b, &mut shown), enums::Updates::UpdateShortMessage(_)));
        assert!(
            {
                send(&mut world, &c, &b, "seven", 7);
                matches!(push(&world, &mut b, &mut Shown::default()), enums::Updates::Updates(_))
            },
            "all are strangers to a client that may have lost a push"
        );
    }

    #[test]
    fn what_was_sent_to_a_person_is_answered_in_short_and_the_same_again() {
        let mut world = World::new();
        let (a, b) = (world.person("A"), world.person("B"));
        let enums::Updates::UpdateShortSentMessage(sent) = send(&mut world, &a, &b, "one", 1) else {
            panic!("in full")
        };
        assert!(sent.out);
        let enums::Updates::UpdateShortSentMessage(again) = send(&mut world, &a, &b, "one", 1) else {
            panic!("in full")
        };
        assert_eq!((again.id, again.pts, again.date), (sent.id, sent.pts, sent.date));
        let saved = send(&mut world, &a, &a, "a note", 2);
        assert!(matches!(saved, enums::Updates::Updates(_)), "Saved Messages have more to say: {saved:?}");
    }

    #[test]
    fn another_device_of_the_sender_is_told_in_short_whose_words_they_were() {
        let mut world = World::new();
        let (a, b) = (world.person("A"), world.person("B"));
        let mut second = world.device(&a);
        let mut shown = Shown::default();
        send(&mut world, &a, &b, "one", 1);
        assert!(matches!(push(&world, &mut second, &mut shown), enums::Updates::Updates(_)));
        send(&mut world, &a, &b, "two", 2);
        let enums::Updates::UpdateShortMessage(short) = push(&world, &mut second, &mut shown) else {
            panic!("in full")
        };
        assert_eq!((short.out, short.user_id), (true, b.user.0));
    }

    #[test]
    fn whoever_was_shown_is_forgotten_when_they_become_too_many() {
        let mut shown = Shown::default();
        for id in 1..=300 {
            shown.add(&Named::people([UserId(id)]));
            assert!(shown.users.contains(&UserId(id)) && shown.users.len() <= limits::SHOWN_MAX);
        }
    }
}
