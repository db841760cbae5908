//! Packets of a client, recorded and sent again: at once and later, to a session that lives, that was left, destroyed or
//! pushed out, and to a server that has started again. A call is executed once.

use mtproto::session::client::ClientSession;
use mtproto::{Salt, SessionId};
use tl::functions::messages;
use tl::{enums, service};

use crate::device::Op;
use crate::follow::Place;
use crate::story;
use crate::world::{CALM, Event, World};

/// What becomes of the session between the recording and the replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    /// It goes on, over the same connection.
    Nothing,
    /// Its client goes away.
    Left,
    /// Its client opens another session and destroys it.
    Destroyed,
    /// Its key opens so many others that it has to go.
    PushedOut,
    /// The server stops and starts again.
    Restart,
    /// The same, and its clock is set back by most of an hour.
    RestartSetBack,
}

const ALL: [Meanwhile; 6] = [
    Meanwhile::Nothing,
    Meanwhile::Left,
    Meanwhile::Destroyed,
    Meanwhile::PushedOut,
    Meanwhile::Restart,
    Meanwhile::RestartSetBack,
];

/// Seconds between recording and replay: at once, soon, around both edges of the window of time, and long after.
const DELAYS: [u64; 7] = [0, 1, 29, 31, 299, 301, 1_200];

// proves: SES-4, SES-5, SES-14, SVC-8
#[test]
fn a_recorded_call_is_never_executed_again() {
    for (n, (meanwhile, delay)) in ALL.iter().flat_map(|m| DELAYS.map(|d| (*m, d))).enumerate() {
        let result = crate::simulate(n as u64, async || story(n as u64, meanwhile, delay).await);
        assert_eq!(result, Ok(()), "{meanwhile:?}, {delay} s");
    }
}

fn title(chat_id: i64, title: &str) -> Vec<u8> {
    crate::device::query(&messages::EditChatTitle { chat_id, title: title.to_owned() })
}

async fn story(seed: u64, meanwhile: Meanwhile, delay: u64) -> Result<(), String> {
    let world = &mut World::new(seed, CALM, false);
    story::set_up(world).await?;
    let groups = world.peers[0].iter().find_map(|(place, peer)| match place {
        Place::Group(id) => Some((*id, peer.clone())),
        _ => None,
    });
    let (chat_id, group) = groups.ok_or("no group")?;
    let old_session = world.devices[0].session.id();
    world.recording = Some((0, Vec::new()));
    // A call without a `random_id`: nothing but its msg_id says that it came before.
    let ticket = world.call(0, Op::Ask, title(chat_id, "one"));
    world.run_until("a title", 10_000, |w| w.devices[0].asked.contains_key(&ticket)).await?;
    world.run(1_000).await?;
    let recorded = world.recording.take().map(|(_, packets)| packets).unwrap_or_default();
    let at = world.millis();
    let ticket = world.call(0, Op::Ask, title(chat_id, "two"));
    world.run_until("another title", 10_000, |w| w.devices[0].asked.contains_key(&ticket)).await?;
    match meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Left => world.reopen(0),
        Meanwhile::Destroyed => {
            world.reopen(0);
            world.run(4_000).await?;
            let SessionId(session_id) = old_session;
            world.devices[0].session.say(&service::DestroySession { session_id }, true);
            world.after(1, Event::Flush(0));
            world.run(500).await?;
        }
        Meanwhile::PushedOut => {
            world.reopen(0);
            world.run(4_000).await?;
            for n in 0..gateway::limits::SESSIONS_PER_KEY_MAX as i64 {
                let key = world.devices[0].key.clone();
                let mut session = ClientSession::new(key, SessionId(n + 1), Salt(0));
                session.say(&service::Ping { ping_id: n }, false);
                let now = world.now();
                let packet = session
                    .packet(&mut env::Env { now, dice: &mut world.dice }, std::time::Duration::from_secs(1));
                world.replay(&packet.ok_or("nothing to say")?);
            }
            world.run(500).await?;
        }
        Meanwhile::Restart | Meanwhile::RestartSetBack => {
            world.house.sync();
            world.crash();
            if meanwhile == Meanwhile::RestartSetBack {
                gateway::simulation::set_clock_by(-3_000_000);
            }
            world.run_until("a server", 20_000, |w| w.house.is_up()).await?;
        }
    }
    let passed = world.millis() - at;
    world.run((delay * 1_000).saturating_sub(passed).max(1)).await?;
    // Twice each, and once over the client's own connection if it has one.
    for packet in recorded.iter().chain(&recorded) {
        world.replay(packet);
    }
    if world.devices[0].session.id() == old_session {
        recorded.iter().for_each(|packet| world.send_as(0, packet));
    }
    world.run(5_000).await?;
    let request = messages::GetHistory { peer: group, limit: 100, ..Default::default() };
    let enums::messages::Messages::Messages(history) = world.ask(1, &request).await? else {
        return Err("a history of another kind".to_owned());
    };
    let mut titles: Vec<&str> = history
        .messages
        .iter()
        .filter_map(|message| match message {
            enums::Message::MessageService(m) => match &m.action {
                enums::MessageAction::MessageActionChatEditTitle(action) => Some(action.title.as_str()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    titles.reverse();
    if titles != ["one", "two"] {
        return Err(format!("executed: {titles:?}, of {} packets", recorded.len()));
    }
    Ok(())
}
