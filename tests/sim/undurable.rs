//! What the disk has not written is told to nobody and acted upon by nobody, on ways beside replies and logs: a power cut now
//! would unsay it.

use std::time::Duration;

use env::Env;
use mtproto::client::{Transport, TransportOptions};
use mtproto::session::client::ClientSession;
use mtproto::wire::framing::{Frame, Framing};
use mtproto::{Salt, SessionId};
use tl::functions::{account, contacts, messages, upload};
use tl::{enums, service, types};

use crate::device::{Op, query};
use crate::follow::Place;
use crate::story;
use crate::world::{CALM, Event, World};

#[test]
fn a_name_that_is_not_on_the_disk_is_shown_to_nobody() {
    assert_eq!(crate::simulate(1, async || a_name().await), Ok(()));
}

/// A person types in a group, and is shown to somebody whom no log tells of their new name.
async fn a_name() -> Result<(), String> {
    let world = &mut World::new(1, CALM, false);
    story::set_up(world).await?;
    let me = world.users[0];
    let Some(enums::InputPeer::InputPeerUser(person)) = world.peers[1].get(&Place::Private(me)).cloned()
    else {
        return Err("a stranger".to_owned());
    };
    let id = types::InputUser { user_id: person.user_id, access_hash: person.access_hash }.into();
    world.ask(1, &contacts::DeleteContacts { id: vec![id] }).await?;
    let group = world.peers[0].iter().find(|(place, _)| matches!(place, Place::Group(_)));
    let peer = group.map(|(_, peer)| peer.clone()).ok_or("no group")?;
    world.run(1_000).await?;

    world.disk_stands = true;
    world.heard = Some((1, Vec::new()));
    let first_name = Some("Another".to_owned());
    let renamed = world.call(0, Op::Ask, query(&account::UpdateProfile { first_name, ..Default::default() }));
    world.run(500).await?;
    let action = enums::SendMessageAction::SendMessageTypingAction;
    world.call(0, Op::Ask, query(&messages::SetTyping { peer, top_msg_id: None, action }));
    world.run(3_000).await?;
    if world.devices[0].asked.contains_key(&renamed) {
        return Err("the disk does not stand".to_owned());
    }
    if let Some(said) = names(world, "Another").first() {
        return Err(format!("shown before it was durable: {said}"));
    }
    world.disk_stands = false;
    world.run_until("the name", 5_000, |world| !names(world, "Another").is_empty()).await
}

/// What the listener was pushed that shows somebody of this name.
fn names(world: &World, name: &str) -> Vec<String> {
    let heard = world.heard.iter().flat_map(|(_, heard)| heard);
    let shows = |updates: &&enums::Updates| match updates {
        enums::Updates::Updates(updates) => updates
            .users
            .iter()
            .any(|user| matches!(user, enums::User::User(user) if user.first_name.as_deref() == Some(name))),
        _ => false,
    };
    heard.filter(shows).map(|updates| format!("{updates:?}")).collect()
}

#[test]
fn a_key_that_is_still_on_the_disk_is_not_said_to_be_gone() {
    assert_eq!(crate::simulate(2, async || a_key().await), Ok(()));
}

/// A client destroys its key, and asks on another connection whether it is there.
async fn a_key() -> Result<(), String> {
    let world = &mut World::new(2, CALM, false);
    story::set_up(world).await?;
    let key = world.devices[0].key.clone();
    world.run(1_000).await?;

    world.disk_stands = true;
    world.devices[0].session.say(&service::DestroyAuthKey, true);
    world.after(1, Event::Flush(0));
    world.run(500).await?;
    let mut session = ClientSession::new(key, SessionId(77), Salt(0));
    session.say(&service::Ping { ping_id: 1 }, false);
    let now = world.now();
    let packet = session.packet(&mut Env { now, dice: &mut world.dice }, Duration::from_secs(1));
    let options = TransportOptions { framing: Framing::Intermediate, obfuscated: None, websocket: false };
    let (mut transport, _) = Transport::new(options, &mut world.dice);
    let pipe = world.house.connect().ok_or("no server")?;
    pipe.send(&transport.send(&packet.ok_or("nothing to say")?, false, &mut world.dice));
    world.run(2_000).await?;
    if pipe.has_bytes() {
        return Err("answered before it was durable".to_owned());
    }
    world.disk_stands = false;
    world.run_until("an answer", 5_000, |_| pipe.has_bytes()).await?;
    let mut frames = Vec::new();
    transport.receive(&mut pipe.take(), &mut frames).map_err(|error| format!("{error:?}"))?;
    match &*frames {
        [Frame::Packet { data, .. }] if **data == (-404_i32).to_le_bytes() => Ok(()),
        others => Err(format!("{} frames that are no -404", others.len())),
    }
}

#[test]
fn bytes_to_which_a_row_on_the_disk_leads_are_not_removed() {
    assert_eq!(crate::simulate(3, async || bytes().await), Ok(()));
}

/// An upload is begun and left; its time comes while the disk stands.
async fn bytes() -> Result<(), String> {
    let world = &mut World::new(3, CALM, false);
    story::set_up(world).await?;
    let part = upload::SaveFilePart { file_id: 1, file_part: 0, bytes: vec![7; 1024] };
    world.ask(0, &part).await?;
    if world.house.blobs().await != 1 {
        return Err("nothing was kept".to_owned());
    }
    gateway::simulation::set_clock_by(i64::from(model::limits::UPLOAD_KEEP_SECS) * 1_000 - 60_000);
    world.run(30_000).await?;
    world.disk_stands = true;
    world.run(180_000).await?;
    if world.house.unsynced() == 0 {
        return Err("the upload is not forgotten yet".to_owned());
    }
    if world.house.blobs().await != 1 {
        return Err("removed before its row was durably gone".to_owned());
    }
    world.disk_stands = false;
    world.run(60_000).await?;
    match world.house.blobs().await {
        0 => Ok(()),
        left => Err(format!("{left} are left for ever")),
    }
}
