//! One seed: three people who know each other, a group, a channel; a while in bad weather; then calm, and the reckoning.

use env::Dice as _;
use tl::functions::{channels, contacts, messages};
use tl::{enums, types};

use crate::device::Stage;
use crate::follow::{Line, Log, Place, SERVICE};
use crate::people::phone;
use crate::world::{CALM, Event, Weather, World};

/// Accounts.
const PEOPLE: usize = 3;

/// Memory that a session may hold here, in bytes: nobody leaves more unacknowledged than this.
const SESSION_BYTES_MAX: usize = 2 << 20;

/// What a seed came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// One number for everything that went over a wire, and when.
    pub trace: u64,
    /// Messages that were sent.
    pub messages: usize,
    /// Virtual milliseconds that passed.
    pub millis: u64,
}

/// Lives through the seed.
///
/// # Errors
/// What must never be, and was.
pub async fn live(seed: u64, told: bool) -> Result<Told, String> {
    let mut world = World::new(seed, CALM, told);
    set_up(&mut world).await?;
    world.weather = weather(&mut world);
    world.lively = true;
    let storm = 40_000 + world.dice.below(120_000);
    forecast(&mut world, storm);
    let mut left = storm;
    while left > 0 {
        let while_ = left.min(5_000);
        world.run(while_).await?;
        left -= while_;
        look(&world, false)?;
    }
    clear_up(&mut world).await?;
    reckon(&mut world).await?;
    Ok(Told { trace: world.trace(), messages: world.ledger.entries.len(), millis: world.millis() })
}

/// Three people, each on one device, who know each other; a basic group and a supergroup with all of them.
pub async fn set_up(world: &mut World) -> Result<(), String> {
    for who in 0..PEOPLE {
        world.peers.push(Default::default());
        let skew = world.skew();
        world.add_device(who, skew);
    }
    world.run_until("logins", 60_000, |w| w.devices.iter().all(|d| d.stage == Stage::LoggedIn)).await?;
    let mut input_users = Vec::new();
    for who in 0..PEOPLE {
        for other in (0..PEOPLE).filter(|other| *other != who) {
            let contact = types::InputPhoneContact {
                phone: phone(other),
                first_name: format!("Person {other}"),
                ..Default::default()
            };
            let request = contacts::ImportContacts { contacts: vec![contact] };
            let found = world.ask(who, &request).await?;
            let Some(enums::User::User(user)) = found.users.first() else {
                return Err("somebody is not found".to_owned());
            };
            let (user_id, access_hash) = (user.id, user.access_hash.unwrap_or_default());
            let peer = types::InputPeerUser { user_id, access_hash }.into();
            world.peers[who].insert(Place::Private(user_id), peer);
            if who == 0 {
                input_users.push(types::InputUser { user_id, access_hash }.into());
            }
        }
    }
    let request = messages::CreateChat {
        users: input_users.clone(),
        title: "a group".to_owned(),
        ..Default::default()
    };
    world.ask(0, &request).await?;
    let request = channels::CreateChannel {
        megagroup: true,
        title: "a supergroup".to_owned(),
        about: String::new(),
        ..Default::default()
    };
    let enums::Updates::Updates(made) = world.ask(0, &request).await? else {
        return Err("no channel".to_owned());
    };
    let channel = made.chats.iter().find_map(|chat| match chat {
        enums::Chat::Channel(channel) => Some((channel.id, channel.access_hash.unwrap_or_default())),
        _ => None,
    });
    let (channel_id, access_hash) = channel.ok_or("no channel")?;
    let channel = types::InputChannel { channel_id, access_hash }.into();
    world.ask(0, &channels::InviteToChannel { channel, users: input_users }).await?;
    world.open_doors = true;
    (0..PEOPLE).for_each(|d| world.load(d));
    world.run_until("loading", 60_000, |w| w.devices.iter().all(|d| d.stage == Stage::Live)).await
}

/// The weather of a seed, drawn: not every seed has everything.
fn weather(world: &mut World) -> Weather {
    let dice = &mut world.dice;
    let some = |dice: &mut env::SeededDice, most: u64| if dice.below(2) == 0 { 0 } else { dice.below(most) };
    Weather {
        delay_ms: 1 + dice.below(400),
        life_ms: if dice.below(2) == 0 { 0 } else { 2_000 + dice.below(60_000) },
        held_back: some(dice, 20),
        doubled: some(dice, 20),
        replayed: some(dice, 30),
        sync_ms: 1 + dice.below(200),
    }
}

/// Draws what will happen within so many milliseconds.
fn forecast(world: &mut World, storm: u64) {
    let acts = 20 + world.dice.below(60);
    for _ in 0..acts {
        let (when, d) = (world.dice.below(storm), world.dice.below(PEOPLE as u64) as usize);
        world.after(when, Event::Act(d));
    }
    for _ in 0..world.dice.below(3) {
        let (when, who) = (world.dice.below(storm), world.dice.below(PEOPLE as u64) as usize);
        world.after(when, Event::LogIn(who));
        // The new device is the next in line, whoever's it is.
        for _ in 0..world.dice.below(12) {
            let (later, d) = (when + world.dice.below(storm - when + 1), PEOPLE as u64 + world.dice.below(2));
            world.after(later, Event::Act(d as usize));
        }
    }
    for _ in 0..world.dice.below(4) {
        let when = world.dice.below(storm);
        world.after(when, Event::Crash);
    }
    for _ in 0..world.dice.below(3) {
        let (when, most) =
            (world.dice.below(storm), if world.dice.below(4) == 0 { 1_500_000 } else { 40_000 });
        // Twice at most: together less than the hour that a server believes.
        let by = world.dice.below(2 * most).cast_signed() - most.cast_signed();
        world.after(when, Event::SetServerClock(by));
    }
    for _ in 0..world.dice.below(3) {
        let (when, d, skew) =
            (world.dice.below(storm), world.dice.below(PEOPLE as u64) as usize, world.skew());
        world.after(when, Event::SetClock(d, skew));
    }
    if world.dice.below(4) == 0 {
        // Half of the people are cut off at once.
        let (when, long) = (world.dice.below(storm), world.dice.below(60_000));
        for d in 0..PEOPLE / 2 + 1 {
            world.after(when, Event::CutOff(d, long));
        }
    }
}

/// What holds at any time.
fn look(world: &World, settled: bool) -> Result<(), String> {
    for (d, device) in world.devices.iter().enumerate() {
        let checked = world.ledger.check(device.who, &world.users, &device.replica, settled);
        checked.map_err(|what| format!("device {d} of person {}: {what}", device.who))?;
    }
    if let Some(held) = world.house.held()
        && held.session_bytes > SESSION_BYTES_MAX * held.sessions.max(1)
    {
        return Err(format!("memory: {held:?}"));
    }
    Ok(())
}

/// The weather turns fine, everybody comes back, what was begun comes to its end.
async fn clear_up(world: &mut World) -> Result<(), String> {
    world.weather = CALM;
    world.lively = false;
    world.after(1, Event::Restart);
    for d in 0..world.devices.len() {
        let now = world.millis();
        world.devices[d].cut_off_until = now;
        if let Some(link) = &mut world.devices[d].link {
            link.stalled_until = now;
        }
    }
    let quiet = |w: &mut World| {
        w.house.is_up()
            && w.devices.iter().all(|d| d.stage == Stage::Live && d.pending.is_empty() && d.link.is_some())
    };
    // Long enough for whoever must first notice that a connection is dead.
    world.run(30_000).await?;
    world.end_replays();
    world.run_until("everybody comes to rest", 300_000, quiet).await.map_err(|e| unfinished(world, &e))?;
    for d in 0..world.devices.len() {
        for log in world.logs(d) {
            world.difference(d, log);
        }
    }
    world.run(5_000).await?;
    world.run_until("the last differences", 60_000, quiet).await.map_err(|e| unfinished(world, &e))
}

fn unfinished(world: &World, error: &str) -> String {
    let waiting: Vec<String> = world
        .devices
        .iter()
        .enumerate()
        .filter(|(_, d)| d.stage != Stage::Live || !d.pending.is_empty() || d.link.is_none())
        .map(|(n, d)| {
            let ops: Vec<_> = d.pending.values().map(|p| &p.op).collect();
            format!("device {n}: {:?}, connected: {}, {ops:?}", d.stage, d.link.is_some())
        })
        .collect();
    format!("{error}; {}", waiting.join("; "))
}

/// Everybody knows the same: the devices of each person, and one that has just logged in and read everything.
async fn reckon(world: &mut World) -> Result<(), String> {
    look(world, true)?;
    let held = world.house.held().ok_or("no server")?;
    if held.unanswered > 0 || held.undurable > 0 {
        return Err(format!("at rest, and something waits: {held:?}"));
    }
    let followers = world.devices.len();
    for who in 0..PEOPLE {
        world.add_device(who, 0);
    }
    // A server whose clock was set back walks at half the pace. A device that was 30 s ahead and is told so waits as long as that
    // takes, until the names of now are above those that it gave before.
    world.run_until("the witnesses", 120_000, |w| w.devices.iter().all(|d| d.stage == Stage::Live)).await?;
    world.run(3_000).await?;
    look(world, true)?;
    for d in 0..followers {
        let follower = &world.devices[d];
        let witness = &world.devices[followers + follower.who];
        let mut of_the_witness = witness.replica.clone();
        let mut of_the_follower = follower.replica.clone();
        let logs: Vec<Log> = std::iter::once(Log::Account)
            .chain(witness.replica.channels.keys().map(|c| Log::Channel(*c)))
            .collect();
        for log in logs {
            let (mut wanted, mut got) = (of_the_witness.log(log).clone(), of_the_follower.log(log).clone());
            // Nobody names the account that codes come from, so its messages are not read.
            wanted.lines.retain(|_, line| line.place != Place::Private(SERVICE));
            got.lines.retain(|_, line| line.place != Place::Private(SERVICE));
            if wanted.pts != got.pts {
                return Err(format!("device {d}: {log:?} stands at {}, and is at {}", got.pts, wanted.pts));
            }
            if let Some(difference) = differs(&got.lines, &wanted.lines) {
                return Err(format!("device {d}: {log:?}: {difference}"));
            }
        }
        let (wanted, got) = (of_the_witness.read_inbox.clone(), &of_the_follower.read_inbox);
        for (place, id) in &wanted {
            // What is read in a channel takes no pts: whose answer to a call of their own leads them past it before it came
            // learns of it when they look at their conversations again.
            let (Place::Private(_) | Place::Group(_)) = place else { continue };
            // A conversation that was empty when the device looked, and has come back since, is asked about when it is shown.
            let Some(known) = got.get(place).copied() else { continue };
            // Who reads what was deleted a moment ago has read further than the server knows, and no other message.
            let unread =
                |(line_id, line): (&i32, &Line)| line.place == *place && *line_id > *id && *line_id <= known;
            if known < *id || witness.replica.account.lines.iter().any(unread) {
                return Err(format!("device {d}: {place:?} was read up to {id}, it knows {known}"));
            }
        }
        let (wanted, got) = (&of_the_witness.read_outbox, &of_the_follower.read_outbox);
        for (place, id) in wanted.iter().filter(|(place, _)| !matches!(place, Place::Channel(_))) {
            if *id > 0 && got.get(place).is_some_and(|known| known != id) {
                return Err(format!(
                    "device {d}: others read {place:?} up to {id}, it knows {:?}",
                    got.get(place)
                ));
            }
        }
    }
    both_sides_agree(world, followers)?;
    world.house.rows_are_wrong().map_or(Ok(()), Err)
}

fn differs<T: PartialEq + std::fmt::Debug>(
    got: &std::collections::BTreeMap<i32, T>,
    wanted: &std::collections::BTreeMap<i32, T>,
) -> Option<String> {
    let of_one = got.iter().find(|(id, line)| wanted.get(id) != Some(*line));
    let of_other = wanted.iter().find(|(id, _)| !got.contains_key(id));
    of_one
        .map(|(id, line)| format!("{id} is {line:?}, and should be {:?}", wanted.get(id)))
        .or(of_other.map(|(id, line)| format!("{id} is missing: {line:?}")))
}

/// Both sides of each private chat, and all members of the group, show the same texts in the same order.
fn both_sides_agree(world: &World, witnesses: usize) -> Result<(), String> {
    let texts = |who: usize, place: Place| -> Vec<&str> {
        let lines = world.devices[witnesses + who].replica.account.lines.values();
        lines.filter(|l| l.place == place && l.text != "*").map(|l| l.text.as_str()).collect()
    };
    for a in 0..PEOPLE {
        for b in 0..a {
            let (mine, theirs) =
                (texts(a, Place::Private(world.users[b])), texts(b, Place::Private(world.users[a])));
            if mine != theirs {
                return Err(format!("{a} and {b} disagree: {mine:?} and {theirs:?}"));
            }
        }
        for place in world.peers[a].keys().filter(|place| matches!(place, Place::Group(_))) {
            if texts(a, *place) != texts(0, *place) {
                return Err(format!("{a} and 0 disagree about the group"));
            }
        }
    }
    Ok(())
}
