//! Putting messages into conversations: sending, forwarding, editing.

use model::ids::Peer;
use model::messages::{self, Edit, Outgoing};
use model::shelf::Shelf;
use model::{Refusal, channels, dialogs, privacy, users};
use tl::functions::messages as req;
use tl::{enums, stored, types};

use super::media;
use super::reply::{self, Told};
use crate::limits;
use crate::method::{Account, Cx, Rpc, methods};

methods! {
    messages::SendMessage => send_message, Writes, Quick;
    messages::SendMedia => send_media, Writes;
    messages::SendMultiMedia => send_multi_media, Writes;
    messages::ForwardMessages => forward_messages, Writes;
    messages::EditMessage => edit_message, Writes;
}

/// The entities of a text, checked against it: clients give bounds in UTF-16 units.
fn entities(
    cx: &Cx<'_, '_>,
    me: Account,
    text: &str,
    entities: Option<Vec<enums::MessageEntity>>,
) -> Rpc<Option<Vec<enums::MessageEntity>>> {
    let Some(entities) = entities else { return Ok(None) };
    let length = i32::try_from(text.encode_utf16().count()).unwrap_or(i32::MAX);
    let mut kept = Vec::with_capacity(entities.len().min(model::limits::ENTITIES_MAX));
    for entity in entities.into_iter().take(model::limits::ENTITIES_MAX) {
        let (offset, count) = entity.bounds();
        if offset < 0 || count <= 0 || offset.checked_add(count).is_none_or(|end| end > length) {
            return Err(Refusal::EntityBoundsInvalid.into());
        }
        kept.push(match entity {
            enums::MessageEntity::InputMessageEntityMentionName(m) => match cx.user(me, &m.user_id) {
                Ok(user) => {
                    let (offset, length, user_id) = (m.offset, m.length, user.0);
                    types::MessageEntityMentionName { offset, length, user_id }.into()
                }
                // Somebody who cannot be named is not mentioned; the text stays.
                Err(_) => continue,
            },
            // As we say it ourselves, without an access hash: it would show anybody by their number.
            enums::MessageEntity::MessageEntityMentionName(_) => continue,
            other => other,
        });
    }
    check_size(&kept)?;
    Ok(Some(kept))
}

/// The trait of bounds that all entities have.
trait Bounded {
    fn bounds(&self) -> (i32, i32);
}

macro_rules! bounded {
    ($($variant:ident)*) => {
        impl Bounded for enums::MessageEntity {
            fn bounds(&self) -> (i32, i32) {
                match self {
                    $(Self::$variant(e) => (e.offset, e.length),)*
                }
            }
        }
    };
}

bounded! {
    MessageEntityUnknown MessageEntityMention MessageEntityHashtag MessageEntityBotCommand MessageEntityUrl
    MessageEntityEmail MessageEntityBold MessageEntityItalic MessageEntityCode MessageEntityPre MessageEntityTextUrl
    MessageEntityMentionName InputMessageEntityMentionName MessageEntityPhone MessageEntityCashtag
    MessageEntityUnderline MessageEntityStrike MessageEntityBankCard MessageEntitySpoiler MessageEntityCustomEmoji
    MessageEntityBlockquote MessageEntityFormattedDate MessageEntityDiffInsert MessageEntityDiffReplace
    MessageEntityDiffDelete MessageEntityTonAddress
}

/// Refuses entities that carry more than a text needs.
pub(super) fn check_size(entities: &[enums::MessageEntity]) -> Rpc<()> {
    let bytes: usize = entities.iter().map(|entity| tl::write(entity, tl::Layer::ALL).len()).sum();
    if bytes > limits::ENTITIES_BYTES_MAX { Err(Refusal::EntityBoundsInvalid.into()) } else { Ok(()) }
}

/// What a message answers; also of a draft, for its bounds.
pub(super) fn reply_to(reply: Option<enums::InputReplyTo>) -> Rpc<Option<stored::Reply>> {
    match reply {
        Some(enums::InputReplyTo::InputReplyToMessage(to)) if to.reply_to_msg_id != 0 => {
            let quote = to.quote_text.as_deref().unwrap_or_default();
            if quote.chars().count() > limits::QUOTE_CHARS_MAX {
                return Err(Refusal::QuoteTextInvalid.into());
            }
            let quoted = to.quote_entities.as_deref().unwrap_or_default();
            if quoted.len() > model::limits::ENTITIES_MAX {
                return Err(Refusal::EntityBoundsInvalid.into());
            }
            check_size(quoted)?;
            Ok(Some(stored::Reply {
                msg_id: to.reply_to_msg_id,
                top_id: to.top_msg_id,
                quote_text: to.quote_text,
                quote_entities: to.quote_entities,
                quote_offset: to.quote_offset,
            }))
        }
        _ => Ok(None),
    }
}

fn clear_draft(cx: &mut Cx<'_, '_>, me: Account, peer: Peer, clear: bool) -> Rpc<()> {
    if clear {
        dialogs::save_draft(&mut cx.model, me.0, peer, None)?;
    }
    Ok(())
}

fn send_message(cx: &mut Cx<'_, '_>, me: Account, req: req::SendMessage) -> Rpc<enums::Updates> {
    let peer = cx.peer(me, &req.peer)?;
    messages::check_text(&req.message, false)?;
    let out = Outgoing {
        entities: entities(cx, me, &req.message, req.entities)?,
        text: req.message,
        reply_to: reply_to(req.reply_to)?,
        silent: req.silent,
        noforwards: req.noforwards,
        ..Default::default()
    };
    let placed = messages::send(&mut cx.model, me.0, peer, Some(req.random_id), out)?;
    clear_draft(cx, me, peer, req.clear_draft)?;
    if let Some(reply) = reply::sent_in_short(cx, me, placed)? {
        return Ok(reply);
    }
    reply::sent(cx, me, &[Told { placed, random_id: Some(req.random_id) }])
}

fn send_media(cx: &mut Cx<'_, '_>, me: Account, req: req::SendMedia) -> Rpc<enums::Updates> {
    let peer = cx.peer(me, &req.peer)?;
    messages::check_text(&req.message, true)?;
    let out = Outgoing {
        entities: entities(cx, me, &req.message, req.entities)?,
        media: Some(media::take_media(cx, me, &req.media)?),
        text: req.message,
        reply_to: reply_to(req.reply_to)?,
        silent: req.silent,
        noforwards: req.noforwards,
        invert_media: req.invert_media,
        ..Default::default()
    };
    let placed = messages::send(&mut cx.model, me.0, peer, Some(req.random_id), out)?;
    clear_draft(cx, me, peer, req.clear_draft)?;
    reply::sent(cx, me, &[Told { placed, random_id: Some(req.random_id) }])
}

/// An album: up to ten media, sent together under one number.
fn send_multi_media(cx: &mut Cx<'_, '_>, me: Account, req: req::SendMultiMedia) -> Rpc<enums::Updates> {
    const ALBUM_MAX: usize = 10;
    let peer = cx.peer(me, &req.peer)?;
    if req.multi_media.is_empty() || req.multi_media.len() > ALBUM_MAX {
        return Err(Refusal::MediaInvalid.into());
    }
    let reply_to = reply_to(req.reply_to)?;
    let grouped_id = Some(cx.model.dice.u64().cast_signed() >> 1);
    let mut told = Vec::with_capacity(req.multi_media.len());
    for single in req.multi_media {
        messages::check_text(&single.message, true)?;
        let out = Outgoing {
            entities: entities(cx, me, &single.message, single.entities)?,
            media: Some(media::take_media(cx, me, &single.media)?),
            text: single.message,
            reply_to: reply_to.clone(),
            silent: req.silent,
            noforwards: req.noforwards,
            invert_media: req.invert_media,
            grouped_id,
            ..Default::default()
        };
        let placed = messages::send(&mut cx.model, me.0, peer, Some(single.random_id), out)?;
        told.push(Told { placed, random_id: Some(single.random_id) });
    }
    clear_draft(cx, me, peer, req.clear_draft)?;
    reply::sent(cx, me, &told)
}

fn forward_messages(cx: &mut Cx<'_, '_>, me: Account, req: req::ForwardMessages) -> Rpc<enums::Updates> {
    let from = cx.peer(me, &req.from_peer)?;
    let to = cx.peer(me, &req.to_peer)?;
    if req.id.is_empty() || req.id.len() > limits::IDS_MAX.min(model::limits::IDS_MAX) {
        return Err(Refusal::MessageIdsEmpty.into());
    }
    if req.id.len() != req.random_id.len() {
        return Err(Refusal::RandomIdInvalid.into());
    }
    let mut hidden = 0;
    if let Peer::Channel(channel) = from {
        let (row, _) = channels::readable(cx.model.tx, me.0, channel)?;
        if row.noforwards {
            return Err(Refusal::ChatForwardsRestricted.into());
        }
        hidden = channels::available_min(cx.model.tx, me.0, channel)?;
    }
    if let Peer::Chat(chat) = from
        && users::chat(cx.model.tx, chat)?.is_some_and(|row| row.noforwards)
    {
        return Err(Refusal::ChatForwardsRestricted.into());
    }
    let shelf = Shelf::of(me.0, from);
    let saved = to == Peer::User(me.0);
    let mut told = Vec::with_capacity(req.id.len());
    for (id, random_id) in req.id.iter().zip(&req.random_id) {
        let Some(message) = shelf.one(cx.model.tx, *id)? else { continue };
        if message.action.is_some() || message.id <= hidden {
            continue;
        }
        if message.noforwards {
            return Err(Refusal::ChatForwardsRestricted.into());
        }
        let mut out = messages::forwarded(&message, req.drop_author, req.drop_media_captions);
        if let Some(forward) = out.forward.as_mut() {
            privacy::veil(cx.model.tx, me.0, forward)?;
        }
        (out.silent, out.noforwards) = (req.silent, req.noforwards);
        if let (true, Some(forward)) = (saved, out.forward.as_mut()) {
            forward.saved_from_peer = Some(from.into());
            forward.saved_from_msg_id = Some(*id);
        }
        let placed = messages::send(&mut cx.model, me.0, to, Some(*random_id), out)?;
        told.push(Told { placed, random_id: Some(*random_id) });
    }
    if told.is_empty() {
        return Err(Refusal::MessageIdInvalid.into());
    }
    reply::sent(cx, me, &told)
}

fn edit_message(cx: &mut Cx<'_, '_>, me: Account, req: req::EditMessage) -> Rpc<enums::Updates> {
    let peer = cx.peer(me, &req.peer)?;
    let text = match req.message {
        Some(text) => {
            messages::check_text(&text, req.media.is_some())?;
            let entities = entities(cx, me, &text, req.entities)?;
            Some((text, entities))
        }
        None => None,
    };
    let media = req.media.as_ref().map(|media| media::take_media(cx, me, media)).transpose()?;
    let change = Edit { text, media, reply_markup: None, invert_media: req.invert_media };
    let placed = messages::edit(&mut cx.model, me.0, peer, req.id, &change)?;
    reply::edited(cx, me, placed)
}

#[cfg(test)]
mod tests {
    use tl::functions;

    use super::*;
    use crate::world::World;

    fn texts(updates: &[enums::Update]) -> Vec<(i32, String)> {
        let text = |update: &enums::Update| match update {
            enums::Update::UpdateNewMessage(u) => match &u.message {
                enums::Message::Message(m) => Some((u.pts, m.message.clone())),
                _ => None,
            },
            _ => None,
        };
        updates.iter().filter_map(text).collect()
    }

    #[test]
    fn a_message_reaches_every_device_of_both_people_but_the_one_that_sent_it() {
        let mut world = World::new();
        let (mut ann, mut bob) = (world.person("Ann"), world.person("Bob"));
        let (mut ann2, mut bob2) = (world.device(&ann), world.device(&bob));
        for device in [&mut ann, &mut bob, &mut ann2, &mut bob2] {
            world.pushes(device);
        }
        let to_bob = world.input_peer(&ann, &bob);
        let reply = world.say(&ann, to_bob, "hello", 1);
        assert!(matches!(reply.first(), Some(enums::Update::UpdateMessageID(u)) if u.random_id == 1));
        assert_eq!(texts(&reply).len(), 1);
        assert!(texts(&world.pushes(&mut ann)).is_empty());
        for device in [&mut bob, &mut ann2, &mut bob2] {
            assert_eq!(texts(&world.pushes(device)).first().map(|t| t.1.as_str()), Some("hello"));
        }
    }

    #[test]
    fn a_repeated_random_id_sends_nothing_twice() {
        let mut world = World::new();
        let (ann, mut bob) = (world.person("Ann"), world.person("Bob"));
        let to_bob = world.input_peer(&ann, &bob);
        let first = world.say(&ann, to_bob.clone(), "once", 77);
        let second = world.say(&ann, to_bob, "once", 77);
        assert_eq!(texts(&first), texts(&second));
        assert_eq!(texts(&world.pushes(&mut bob)).len(), 1);
    }

    #[test]
    fn who_was_blocked_does_not_get_through_by_editing() {
        let mut world = World::new();
        let (ann, mut bob) = (world.person("Ann"), world.person("Bob"));
        let to_bob = world.input_peer(&ann, &bob);
        let sent = world.say(&ann, to_bob.clone(), "hello", 5);
        let Some(enums::Update::UpdateMessageID(sent)) = sent.first() else { panic!("no id") };
        let id = world.input_peer(&bob, &ann);
        world.call(&bob, &functions::contacts::Block { id, ..Default::default() }).expect("blocked");
        world.pushes(&mut bob);
        let message = Some("and another thing".to_owned());
        let edit =
            functions::messages::EditMessage { peer: to_bob, id: sent.id, message, ..Default::default() };
        world.call(&ann, &edit).expect("edited in her own box");
        assert!(world.pushes(&mut bob).is_empty());
    }

    #[test]
    fn an_edit_and_a_deletion_reach_the_other_side() {
        let mut world = World::new();
        let (ann, mut bob) = (world.person("Ann"), world.person("Bob"));
        let to_bob = world.input_peer(&ann, &bob);
        let sent = world.say(&ann, to_bob.clone(), "helo", 5);
        let Some(enums::Update::UpdateMessageID(sent)) = sent.first() else { panic!("no id") };
        let edit = functions::messages::EditMessage {
            peer: to_bob,
            id: sent.id,
            message: Some("hello".to_owned()),
            ..Default::default()
        };
        world.call(&ann, &edit).expect("edited");
        assert_eq!(world.call(&ann, &edit).expect_err("nothing new"), "MESSAGE_NOT_MODIFIED");
        let delete = functions::messages::DeleteMessages { revoke: true, id: vec![sent.id] };
        let gone = world.call(&ann, &delete).expect("deleted");
        assert_eq!(gone.pts_count, 1);
        let pushed = world.pushes(&mut bob);
        assert!(matches!(pushed.last(), Some(enums::Update::UpdateDeleteMessages(u)) if u.pts_count == 1));
    }

    #[test]
    fn nobody_is_shown_who_is_mentioned_by_number_alone() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let mention = types::MessageEntityMentionName { offset: 0, length: 3, user_id: bob.user.0 };
        let request = functions::messages::SendMessage {
            peer: enums::InputPeer::InputPeerSelf,
            message: "who".to_owned(),
            entities: Some(vec![mention.into()]),
            random_id: 1,
            ..Default::default()
        };
        let enums::Updates::Updates(sent) = world.call(&ann, &request).expect("sent") else { panic!("odd") };
        let shown = |user: &enums::User| matches!(user, enums::User::User(u) if u.id == bob.user.0);
        assert!(!sent.users.iter().any(shown), "{:?}", sent.users);
    }

    #[test]
    fn what_is_copied_to_everybody_has_a_bound() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let url = "x".repeat(limits::ENTITIES_BYTES_MAX);
        let link = types::MessageEntityTextUrl { offset: 0, length: 1, url }.into();
        let mut request = functions::messages::SendMessage {
            peer: world.input_peer(&ann, &bob),
            message: "a link".to_owned(),
            random_id: 1,
            entities: Some(vec![link]),
            ..Default::default()
        };
        assert_eq!(world.call(&ann, &request).expect_err("too much"), "ENTITY_BOUNDS_INVALID");
        request.entities = None;
        let reply = types::InputReplyToMessage {
            reply_to_msg_id: 1,
            quote_text: Some("x".repeat(limits::QUOTE_CHARS_MAX + 1)),
            ..Default::default()
        };
        request.reply_to = Some(reply.into());
        assert_eq!(world.call(&ann, &request).expect_err("too much"), "QUOTE_TEXT_INVALID");
    }

    #[test]
    fn a_stranger_without_the_access_hash_is_not_found() {
        let mut world = World::new();
        let (ann, bob) = (world.person("Ann"), world.person("Bob"));
        let peer = tl::types::InputPeerUser { user_id: bob.user.0, access_hash: 123 }.into();
        let request = functions::messages::SendMessage {
            peer,
            message: "psst".to_owned(),
            random_id: 1,
            ..Default::default()
        };
        assert_eq!(world.call(&ann, &request).expect_err("no hash, no peer"), "PEER_ID_INVALID");
    }
}
