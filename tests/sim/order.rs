//! Messages that one session sends arrive in the order in which their client made them, whatever the way does to their
//! packets for a moment, over one connection or two.

use bytes::BytesMut;
use env::Dice as _;
use mtproto::client::{Transport, TransportOptions};
use mtproto::wire::framing::{Frame, Framing};
use tl::functions::messages;

use crate::follow::Place;
use crate::story;
use crate::world::{CALM, World};

/// Batches of 2 to 20 messages, unless `CHAPPE_SIM_BATCHES` says otherwise.
const BATCHES: u64 = 200;

/// All packets of a batch arrive within so many milliseconds: less than a call is held for what is missing.
const WITHIN_MS: u64 = 30;

// proves: SES-12
#[test]
fn sends_of_one_session_run_in_the_order_of_their_msg_ids_over_one_connection_or_two() {
    let batches = crate::number("CHAPPE_SIM_BATCHES").unwrap_or(BATCHES);
    for seed in 0..batches.div_ceil(50) {
        let result = crate::simulate(seed, async || batches_of(seed, 50.min(batches)).await);
        assert_eq!(result, Ok(()), "seed {seed}");
    }
}

async fn batches_of(seed: u64, batches: u64) -> Result<(), String> {
    let world = &mut World::new(seed, CALM, false);
    story::set_up(world).await?;
    let group = world.peers[0].keys().copied().find(|place| matches!(place, Place::Group(_)));
    let group = group.ok_or("no group")?;
    let peer = world.peers[0].get(&group).cloned().ok_or("no group")?;
    let options = TransportOptions { framing: Framing::Intermediate, obfuscated: None, websocket: false };
    let (mut transport, _) = Transport::new(options, &mut world.dice);
    let second = world.house.connect().ok_or("no server")?;
    // The way itself takes no time, or a batch would take longer than it may.
    world.weather.delay_ms = 1;
    let mut sent = Vec::new();
    for batch in 0..batches {
        let count = 2 + world.dice.below(19);
        let mut packets: Vec<BytesMut> = Vec::new();
        for n in 0..count {
            let message = format!("{batch}-{n}");
            let random_id = world.dice.u64().cast_signed();
            let request = messages::SendMessage {
                peer: peer.clone(),
                message: message.clone(),
                random_id,
                ..Default::default()
            };
            sent.push(message);
            let body = crate::device::query(&request);
            packets.push(world.seal_as(0, &body));
        }
        // Any order at all.
        for at in (1..packets.len()).rev() {
            packets.swap(at, world.dice.below(at as u64 + 1) as usize);
        }
        let mut left = WITHIN_MS;
        for packet in packets {
            if world.dice.below(2) == 0 {
                second.send(&transport.send(&packet, false, &mut world.dice));
            } else {
                world.send_as(0, &packet);
            }
            let pause = world.dice.below(4).min(left);
            left -= pause;
            if pause > 0 {
                world.run(pause).await?;
            }
        }
        world.run(400).await?;
        hear(world, &second.take(), &mut transport)?;
    }
    world.run(3_000).await?;
    let shown: Vec<&String> = world.devices[1]
        .replica
        .account
        .lines
        .values()
        .filter(|line| line.place == group && line.text != "*")
        .map(|line| &line.text)
        .collect();
    let first_wrong = shown.iter().zip(&sent).find(|(shown, sent)| **shown != *sent);
    match first_wrong {
        None if shown.len() == sent.len() => Ok(()),
        wrong => {
            Err(format!("{} of {} arrived, the first out of order is {wrong:?}", shown.len(), sent.len()))
        }
    }
}

/// What the server says over the second connection is for the same session.
fn hear(world: &mut World, bytes: &[u8], transport: &mut Transport) -> Result<(), String> {
    let now = world.now();
    let clock = world.devices[0].clock(now);
    let mut frames = Vec::new();
    transport.receive(&mut bytes.to_vec(), &mut frames).map_err(|error| format!("{error:?}"))?;
    for frame in frames {
        if let Frame::Packet { mut data, .. } = frame {
            world.devices[0]
                .session
                .receive(clock, &mut data)
                .map_err(|_| "not for this session".to_owned())?;
        }
    }
    Ok(())
}
