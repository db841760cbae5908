//! What somebody is doing in a conversation right now: told to who is online, kept nowhere.

use model::ctx::Notice;
use model::ids::{Peer, SERVICE};
use model::{Ephemeral, Refusal, channels, chats, users};
use tl::functions::messages;
use tl::{enums, types};

use crate::method::{Account, Cx, Rpc, methods};

methods! {
    messages::SetTyping => set_typing, Reads, Quick;
}

/// Bytes of an action that is passed on. Most are a word and a number; a reaction to an emoji brings some JSON.
const ACTION_BYTES_MAX: usize = 2_048;

fn set_typing(cx: &mut Cx<'_, '_>, me: Account, req: messages::SetTyping) -> Rpc<bool> {
    let peer = cx.peer(me, &req.peer)?;
    let action = req.action;
    // What it costs is a notice to everybody there, so it may not be long.
    if tl::write(&action, tl::Layer::ALL).len() > ACTION_BYTES_MAX {
        return Err(Refusal::InputRequestTooLong.into());
    }
    let from_id = Peer::User(me.0).into();
    let tell = |update: enums::Update| Ephemeral { update: Box::new(update), about: me.0 };
    let notice = match peer {
        Peer::User(user) if user == me.0 || user == SERVICE => return Ok(true),
        Peer::User(user) => {
            let relation = users::relation(cx.model.tx, me.0, user)?;
            if relation.blocked {
                return Err(Refusal::YouBlockedUser.into());
            }
            // Who is blocked is not told so: what they do is just not seen.
            if relation.blocked_by {
                return Ok(true);
            }
            let update = types::UpdateUserTyping { user_id: me.0.0, top_msg_id: req.top_msg_id, action };
            Notice::Ephemeral { to: vec![user], what: tell(update.into()) }
        }
        Peer::Chat(chat) => {
            let row = chats::mine(cx.model.tx, me.0, chat)?;
            let to =
                row.members.iter().map(|m| model::ids::UserId(m.user_id)).filter(|u| *u != me.0).collect();
            let update = types::UpdateChatUserTyping { chat_id: chat.0, from_id, action };
            Notice::Ephemeral { to, what: tell(update.into()) }
        }
        Peer::Channel(channel) => {
            let (row, member) = channels::readable(cx.model.tx, me.0, channel)?;
            if !row.megagroup || !channels::is_in(member.as_ref()) {
                return Err(Refusal::ChatWriteForbidden.into());
            }
            let update = types::UpdateChannelUserTyping {
                channel_id: channel.0,
                top_msg_id: req.top_msg_id,
                from_id,
                action,
            };
            Notice::EphemeralChannel { channel, what: tell(update.into()), except: me.0 }
        }
    };
    cx.model.effects.tell(notice);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Device, World};

    fn types_to(world: &mut World, me: &Device, peer: enums::InputPeer) -> Result<bool, String> {
        let action = enums::SendMessageAction::SendMessageTypingAction;
        world.call(me, &messages::SetTyping { peer, top_msg_id: None, action })
    }

    #[test]
    fn typing_is_heard_by_the_other_person_and_nobody_else() {
        let mut world = World::new();
        let (ann, bob, eve) = (world.person("Ann"), world.person("Bob"), world.person("Eve"));
        let to_bob = world.input_peer(&ann, &bob);
        types_to(&mut world, &ann, to_bob.clone()).expect("typing");
        let told = world.told.clone();
        assert!(world.whispers(&eve).is_empty());
        world.told = told;
        let heard = world.whispers(&bob);
        assert!(matches!(heard.as_slice(), [enums::Update::UpdateUserTyping(u)] if u.user_id == ann.user.0));
        let id = world.input_peer(&bob, &ann);
        world.call(&bob, &tl::functions::contacts::Block { my_stories_from: false, id }).expect("blocked");
        types_to(&mut world, &ann, to_bob).expect("typing into the void");
        assert!(world.whispers(&bob).is_empty());
    }

    #[test]
    fn typing_in_a_group_is_heard_by_its_members() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let users = vec![world.input_user(&ann, &bob)];
        let create = messages::CreateChat { users, title: "Two".to_owned(), ttl_period: None };
        let made = world.call(&ann, &create).expect("a group");
        let enums::Updates::Updates(made) = made.updates else { panic!("an odd reply") };
        let Some(enums::Chat::Chat(chat)) = made.chats.first() else { panic!("no group") };
        let peer: enums::InputPeer = types::InputPeerChat { chat_id: chat.id }.into();
        world.told.clear();
        types_to(&mut world, &bob, peer.clone()).expect("typing");
        let heard = world.whispers(&ann);
        assert!(matches!(heard.as_slice(), [enums::Update::UpdateChatUserTyping(u)] if u.chat_id == chat.id));
        let eve = world.person("Eve");
        assert_eq!(types_to(&mut world, &eve, peer).expect_err("not hers"), "PEER_ID_INVALID");
    }

    #[test]
    fn a_whisper_waits_for_the_name_that_it_shows() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let to_bob = world.input_peer(&ann, &bob);
        types_to(&mut world, &ann, to_bob).expect("typing");
        let told = std::mem::take(&mut world.told).into_iter().find_map(|notice| match notice {
            Notice::Ephemeral { what, .. } => Some(what),
            _ => None,
        });
        let what = told.expect("somebody is told");
        let shown = |world: &World| {
            let push = world.api.ephemeral_push(bob.key, &what, world.now).expect("a memory store reads");
            let (body, ticket) = push.expect("it is for Bob");
            (String::from_utf8_lossy(&body).contains("Anna"), ticket)
        };
        let (before, rest) = (world.api.store().newest(), shown(&world));
        assert!(!rest.0 && rest.1 <= before);
        // Between the notice and its push.
        let anna = tl::functions::account::UpdateProfile {
            first_name: Some("Anna".to_owned()),
            ..Default::default()
        };
        world.call(&ann, &anna).expect("another name");
        let renamed = world.api.store().newest();
        assert!(renamed > before);
        assert_eq!(shown(&world), (true, renamed));
    }
}
