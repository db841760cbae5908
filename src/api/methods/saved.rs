//! Saved Messages, seen as the smaller conversations in it.

use model::saved;
use model::shelf::Page;
use tl::functions::messages;
use tl::{enums, types};

use super::history::{found, page_limit};
use crate::method::{Account, Cx, Rpc, methods};

methods! {
    messages::GetSavedDialogs => get_saved_dialogs, Reads;
    messages::GetPinnedSavedDialogs => get_pinned_saved_dialogs, Reads, Empty;
    messages::GetSavedHistory => get_saved_history, Reads;
}

/// A page of the list; clients go on with the id of the last message they have.
fn get_saved_dialogs(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: messages::GetSavedDialogs,
) -> Rpc<enums::messages::SavedDialogs> {
    let all = saved::list(cx.model.tx, me.0)?;
    let count = all.len();
    let limit = page_limit(req.limit);
    let page = all.into_iter().filter(|(_, top)| req.offset_id == 0 || top.id < req.offset_id).take(limit);
    let mut view = cx.view(me);
    let (mut dialogs, mut messages) = (Vec::new(), Vec::new());
    for (peer, top) in page {
        view.name(peer);
        dialogs.push(types::SavedDialog { pinned: false, peer: peer.into(), top_message: top.id }.into());
        messages.push(view.message(&top)?);
    }
    let (users, chats) = view.people()?;
    if req.offset_id == 0 && count <= limit {
        return Ok(types::messages::SavedDialogs { dialogs, messages, chats, users }.into());
    }
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    Ok(types::messages::SavedDialogsSlice { count, dialogs, messages, chats, users }.into())
}

/// None can be pinned yet.
fn get_pinned_saved_dialogs(
    _: &mut Cx<'_, '_>,
    _: Account,
    _: messages::GetPinnedSavedDialogs,
) -> Rpc<enums::messages::SavedDialogs> {
    Ok(types::messages::SavedDialogs::default().into())
}

fn get_saved_history(
    cx: &mut Cx<'_, '_>,
    me: Account,
    req: messages::GetSavedHistory,
) -> Rpc<enums::messages::Messages> {
    let with = cx.peer(me, &req.peer)?;
    let page = Page {
        offset_id: req.offset_id,
        offset_date: req.offset_date,
        add_offset: req.add_offset,
        limit: page_limit(req.limit),
        max_id: req.max_id,
        min_id: req.min_id,
    };
    let (rows, count) = saved::history(cx.model.tx, me.0, with, page)?;
    found(cx, me, None, &rows, i32::try_from(count).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    #[test]
    fn what_is_forwarded_to_oneself_stands_with_whom_it_came_from() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let to_bob = world.input_peer(&ann, &bob);
        let sent = world.say(&ann, to_bob.clone(), "keep this", 1);
        let Some(enums::Update::UpdateMessageID(sent)) = sent.first() else { panic!("no id") };
        let forward = messages::ForwardMessages {
            from_peer: to_bob.clone(),
            to_peer: enums::InputPeer::InputPeerSelf,
            id: vec![sent.id],
            random_id: vec![2],
            ..Default::default()
        };
        world.call(&ann, &forward).expect("forwarded");
        let said = world.say(&ann, enums::InputPeer::InputPeerSelf, "a note", 3);
        let note = said.iter().find_map(|update| match update {
            enums::Update::UpdateNewMessage(u) => Some(&u.message),
            _ => None,
        });
        assert!(matches!(note, Some(enums::Message::Message(m))
            if !m.out && m.saved_peer_id == Some(types::PeerUser { user_id: ann.user.0 }.into())));
        let ask = messages::GetSavedDialogs { limit: 10, ..Default::default() };
        let enums::messages::SavedDialogs::SavedDialogs(all) = world.call(&ann, &ask).expect("a list") else {
            panic!("a slice")
        };
        assert_eq!((all.dialogs.len(), all.messages.len()), (2, 2));
        let ask = messages::GetSavedHistory { peer: to_bob, limit: 10, ..Default::default() };
        let enums::messages::Messages::Messages(page) = world.call(&ann, &ask).expect("a page") else {
            panic!("a slice")
        };
        assert!(matches!(page.messages.as_slice(), [enums::Message::Message(m)] if m.message == "keep this"));
    }
}
