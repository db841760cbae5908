//! What people do, and what their programs make of the answers.

use env::Dice as _;
use tl::functions::{auth, channels, messages, updates};
use tl::service::RpcError;
use tl::{Decode, enums, types};

use crate::device::{Op, Pending, Stage, query};
use crate::follow::{Log, Place, place};
use crate::world::{Event, World};

/// The phone number of an account.
pub fn phone(who: usize) -> String {
    format!("9996610{:03}", who + 1)
}

fn read<T: Decode>(body: &[u8]) -> Result<T, String> {
    tl::read(body).map_err(|error| format!("{error:?}"))
}

impl World {
    /// The first step of a login.
    pub fn log_in(&mut self, d: usize) {
        let phone_number = phone(self.devices[d].who);
        let request =
            auth::SendCode { phone_number, api_id: 1, api_hash: "hash".to_owned(), ..Default::default() };
        self.call(d, Op::SendCode, query(&request));
    }

    /// Goes on after a login: reads everything, then follows.
    pub fn load(&mut self, d: usize) {
        self.call(d, Op::State, query(&updates::GetState {}));
    }

    fn load_next(&mut self, d: usize) {
        let Some(place) = self.devices[d].to_load.last().copied() else {
            self.devices[d].stage = Stage::Live;
            let logs = self.logs(d);
            for log in logs {
                let need = self.devices[d].replica.settle(log);
                self.satisfy(d, need.into_iter().collect());
            }
            return;
        };
        self.load_history(d, place, 0);
    }

    fn load_history(&mut self, d: usize, place: Place, offset_id: i32) {
        let Some(peer) = self.peers[self.devices[d].who].get(&place).cloned() else {
            self.devices[d].to_load.pop();
            return self.load_next(d);
        };
        let request = messages::GetHistory { peer, offset_id, limit: 100, ..Default::default() };
        self.call(d, Op::History(place), query(&request));
    }

    /// Every log that a device follows.
    pub fn logs(&self, d: usize) -> Vec<Log> {
        let channels = self.devices[d].replica.channels.keys().map(|id| Log::Channel(*id));
        std::iter::once(Log::Account).chain(channels).collect()
    }

    /// Asks for what happened in a log, unless that is under way.
    pub fn difference(&mut self, d: usize, log: Log) {
        let who = self.devices[d].who;
        let replica = &mut self.devices[d].replica;
        let date = replica.date;
        let followed = replica.log(log);
        if followed.asking || followed.pts == 0 {
            return;
        }
        followed.asking = true;
        let pts = followed.pts;
        let body = match log {
            Log::Account => query(&updates::GetDifference { pts, date, ..Default::default() }),
            Log::Channel(id) => {
                let Some(channel) = self.input_channel(who, id) else { return };
                let filter = enums::ChannelMessagesFilter::ChannelMessagesFilterEmpty;
                query(&updates::GetChannelDifference { force: false, channel, filter, pts, limit: 100 })
            }
        };
        self.call(d, Op::Difference(log), body);
    }

    fn input_channel(&self, who: usize, id: i64) -> Option<enums::InputChannel> {
        match self.peers[who].get(&Place::Channel(id))? {
            enums::InputPeer::InputPeerChannel(p) => {
                let (channel_id, access_hash) = (p.channel_id, p.access_hash);
                Some(types::InputChannel { channel_id, access_hash }.into())
            }
            _ => None,
        }
    }

    /// Takes the names that an answer brings along.
    pub fn learn_names(&mut self, who: usize, chats: &[enums::Chat]) {
        for chat in chats {
            match chat {
                enums::Chat::Chat(chat) => {
                    let peer = types::InputPeerChat { chat_id: chat.id }.into();
                    self.peers[who].insert(Place::Group(chat.id), peer);
                }
                enums::Chat::Channel(channel) => {
                    if let Some(access_hash) = channel.access_hash {
                        let peer = types::InputPeerChannel { channel_id: channel.id, access_hash }.into();
                        self.peers[who].insert(Place::Channel(channel.id), peer);
                    }
                }
                _ => {}
            }
        }
    }

    /// Somebody does something.
    pub fn act(&mut self, d: usize) {
        if !self.lively || self.devices.get(d).is_none_or(|device| device.stage != Stage::Live) {
            return;
        }
        match self.dice.below(20) {
            0..=8 => self.say(d),
            9..=11 => self.edit(d),
            12..=13 => self.delete(d),
            14..=16 => self.read_some(d),
            17 => {
                for log in self.logs(d) {
                    self.difference(d, log);
                }
            }
            18 => self.reopen_or_redial(d),
            _ => {
                let millis = self.dice.below(90_000);
                let event =
                    if self.dice.below(2) == 0 { Event::Stall(d, millis) } else { Event::CutOff(d, millis) };
                self.after(0, event);
            }
        }
    }

    fn reopen_or_redial(&mut self, d: usize) {
        let id = self.devices[d].link.as_ref().map(|link| link.id);
        let event = match id {
            Some(id) if self.dice.below(2) == 0 => Event::Break(d, id),
            _ => Event::Reopen(d),
        };
        self.after(0, event);
    }

    fn say(&mut self, d: usize) {
        let who = self.devices[d].who;
        let places: Vec<Place> = self.peers[who].keys().copied().collect();
        if places.is_empty() {
            return;
        }
        let place = places[self.dice.below(places.len() as u64) as usize];
        self.send(d, place);
    }

    /// A device sends a new message.
    pub fn send(&mut self, d: usize, place: Place) {
        let who = self.devices[d].who;
        let Some(peer) = self.peers[who].get(&place).cloned() else { return };
        let text = self.ledger.say(who, d, place);
        let random_id = self.dice.u64().cast_signed();
        let request = messages::SendMessage { peer, message: text.clone(), random_id, ..Default::default() };
        self.call(d, Op::Send(place, text), query(&request));
    }

    /// One of the messages that a device shows and its user wrote: where, its id, its first text.
    fn own_line(&mut self, d: usize) -> Option<(Place, i32, String)> {
        let who = self.devices[d].who;
        let replica = &self.devices[d].replica;
        let logs = std::iter::once(&replica.account).chain(replica.channels.values());
        let own: Vec<(Place, i32, String)> = logs
            .flat_map(|log| &log.lines)
            .filter_map(|(id, line)| Some((line.place, *id, self.ledger.author(&line.text, who)?)))
            .collect();
        let at = self.dice.below(own.len() as u64) as usize;
        own.get(at).cloned()
    }

    fn edit(&mut self, d: usize) {
        let who = self.devices[d].who;
        let Some((place, id, first)) = self.own_line(d) else { return };
        let Some(peer) = self.peers[who].get(&place).cloned() else { return };
        let text = self.ledger.edit(&first);
        let request = messages::EditMessage { peer, id, message: Some(text), ..Default::default() };
        self.call(d, Op::Edit, query(&request));
    }

    fn delete(&mut self, d: usize) {
        let who = self.devices[d].who;
        let Some((place, id, first)) = self.own_line(d) else { return };
        let (log, body) = match place {
            Place::Channel(channel) => {
                let Some(input) = self.input_channel(who, channel) else { return };
                let request = channels::DeleteMessages { channel: input, id: vec![id] };
                (Log::Channel(channel), query(&request))
            }
            _ => (Log::Account, query(&messages::DeleteMessages { revoke: true, id: vec![id] })),
        };
        self.ledger.delete(&first);
        self.call(d, Op::Delete(first, log, id), body);
    }

    fn read_some(&mut self, d: usize) {
        let who = self.devices[d].who;
        let places: Vec<Place> = self.peers[who].keys().copied().collect();
        if places.is_empty() {
            return;
        }
        let place = places[self.dice.below(places.len() as u64) as usize];
        let replica = &mut self.devices[d].replica;
        let log = match place {
            Place::Channel(id) => Log::Channel(id),
            _ => Log::Account,
        };
        let newest = replica.log(log).lines.iter().filter(|(_, l)| l.place == place).map(|(id, _)| *id).max();
        let Some(max_id) = newest else { return };
        let body = match place {
            Place::Channel(id) => {
                let Some(channel) = self.input_channel(who, id) else { return };
                query(&channels::ReadHistory { channel, max_id })
            }
            _ => {
                let Some(peer) = self.peers[who].get(&place).cloned() else { return };
                query(&messages::ReadHistory { peer, max_id })
            }
        };
        self.call(d, Op::Read(place, max_id), body);
    }

    /// A call was answered.
    pub fn answered(&mut self, d: usize, pending: Pending, body: &[u8]) {
        let result = match tl::read::<RpcError>(body) {
            Ok(error) => {
                self.refused(d, pending, &error);
                return;
            }
            Err(_) => self.accept(d, &pending.op, body),
        };
        if let Err(error) = result {
            self.fail(format!("device {d}: {:?}: {error}", pending.op));
        }
    }

    fn refused(&mut self, d: usize, pending: Pending, error: &RpcError) {
        let later = 500 + self.dice.below(1_000);
        match (&pending.op, error.error_code, error.error_message.as_str()) {
            (_, 420, _) => self.after(later, Event::Retry(d, pending)),
            (Op::Edit | Op::Delete(..), 400, "MESSAGE_ID_INVALID" | "MESSAGE_NOT_MODIFIED") => {}
            // Answers that were lost: the login may have happened all the same.
            (Op::SendCode | Op::SignIn(_) | Op::SignUp(_), ..) => self.load(d),
            (Op::State, 401, _) => self.log_in(d),
            _ => self.fail(format!("device {d}: {:?} is refused: {error:?}", pending.op)),
        }
    }

    fn signed_in(&mut self, d: usize, user: &enums::User) {
        let who = self.devices[d].who;
        if let enums::User::User(user) = user {
            if self.users.len() <= who {
                self.users.resize(who + 1, 0);
            }
            self.users[who] = user.id;
        }
        self.devices[d].stage = Stage::LoggedIn;
        if self.open_doors {
            self.load(d);
        }
    }

    fn accept(&mut self, d: usize, op: &Op, body: &[u8]) -> Result<(), String> {
        let who = self.devices[d].who;
        match op {
            Op::Ask => {}
            Op::SendCode => match read(body)? {
                enums::auth::SentCode::SentCode(sent) => {
                    let request = auth::SignIn {
                        phone_number: phone(who),
                        phone_code_hash: sent.phone_code_hash.clone(),
                        phone_code: Some("11111".to_owned()),
                        ..Default::default()
                    };
                    self.call(d, Op::SignIn(sent.phone_code_hash), query(&request));
                }
                _ => self.load(d),
            },
            Op::SignIn(hash) | Op::SignUp(hash) => match read(body)? {
                enums::auth::Authorization::Authorization(signed) => self.signed_in(d, &signed.user),
                enums::auth::Authorization::AuthorizationSignUpRequired(_) => {
                    let request = auth::SignUp {
                        phone_number: phone(who),
                        phone_code_hash: hash.clone(),
                        first_name: format!("Person {who}"),
                        ..Default::default()
                    };
                    self.call(d, Op::SignUp(hash.clone()), query(&request));
                }
            },
            Op::State => {
                let state: types::updates::State = read(body)?;
                self.devices[d].replica.dated(&state);
                let need = self.devices[d].replica.begin(Log::Account, state.pts);
                self.satisfy(d, need.into_iter().collect());
                self.devices[d].stage = Stage::Loading;
                let offset_peer = enums::InputPeer::InputPeerEmpty;
                let request = messages::GetDialogs { offset_peer, limit: 100, ..Default::default() };
                self.call(d, Op::Dialogs, query(&request));
            }
            Op::Dialogs => {
                let (dialogs, chats) = match read(body)? {
                    enums::messages::Dialogs::Dialogs(all) => (all.dialogs, all.chats),
                    enums::messages::Dialogs::DialogsSlice(slice) => (slice.dialogs, slice.chats),
                    other => return Err(format!("{other:?}")),
                };
                self.learn_names(who, &chats);
                let mut places = Vec::new();
                for dialog in &dialogs {
                    let enums::Dialog::Dialog(dialog) = dialog else { continue };
                    let place = place(&dialog.peer);
                    places.push(place);
                    let replica = &mut self.devices[d].replica;
                    replica.note_read(place, dialog.read_inbox_max_id);
                    let outbox = replica.read_outbox.entry(place).or_default();
                    *outbox = dialog.read_outbox_max_id.max(*outbox);
                    if let (Place::Channel(id), Some(pts)) = (place, dialog.pts) {
                        let need = replica.begin(Log::Channel(id), pts);
                        self.satisfy(d, need.into_iter().collect());
                    }
                }
                self.devices[d].to_load = places;
                self.load_next(d);
            }
            Op::History(place) => {
                let list = match read(body)? {
                    enums::messages::Messages::Messages(all) => all.messages,
                    enums::messages::Messages::MessagesSlice(slice) => slice.messages,
                    enums::messages::Messages::ChannelMessages(posts) => posts.messages,
                    other => return Err(format!("{other:?}")),
                };
                self.devices[d].replica.read(&list);
                let lowest = list.iter().filter_map(crate::follow::message_id).min();
                match lowest {
                    Some(lowest) if lowest > 1 => self.load_history(d, *place, lowest),
                    _ => {
                        self.devices[d].to_load.pop();
                        self.load_next(d);
                    }
                }
            }
            Op::Send(place, text) => {
                self.ledger.acknowledge(text);
                let updates = read(body)?;
                let needs = self.devices[d].replica.sent(&updates, *place, text);
                self.satisfy(d, needs);
            }
            Op::Edit => {
                let updates = read(body)?;
                let needs = self.devices[d].replica.take(&updates);
                self.satisfy(d, needs);
            }
            Op::Delete(first, log, id) => {
                let affected: types::messages::AffectedMessages = read(body)?;
                self.ledger.acknowledge_deletion(first);
                let replica = &mut self.devices[d].replica;
                replica.deleted(*log, &[*id]);
                let needs = replica.affected(*log, affected.pts, affected.pts_count);
                self.satisfy(d, needs);
            }
            Op::Read(place, max_id) => {
                let replica = &mut self.devices[d].replica;
                replica.note_read(*place, *max_id);
                if !matches!(place, Place::Channel(_)) {
                    let affected: types::messages::AffectedMessages = read(body)?;
                    let needs = replica.affected(Log::Account, affected.pts, affected.pts_count);
                    self.satisfy(d, needs);
                }
            }
            Op::Difference(log) => self.take_difference(d, *log, body)?,
        }
        Ok(())
    }

    fn take_difference(&mut self, d: usize, log: Log, body: &[u8]) -> Result<(), String> {
        let replica = &mut self.devices[d].replica;
        replica.log(log).asking = false;
        let from = replica.log(log).pts;
        let (new, other, to, whole) = match log {
            Log::Account => match read(body)? {
                enums::updates::Difference::DifferenceEmpty(empty) => {
                    replica.date = empty.date;
                    (Vec::new(), Vec::new(), from, true)
                }
                enums::updates::Difference::Difference(all) => {
                    let state = all.state;
                    replica.dated(&state);
                    (all.new_messages, all.other_updates, state.pts, true)
                }
                enums::updates::Difference::DifferenceSlice(slice) => {
                    let state = slice.intermediate_state;
                    (slice.new_messages, slice.other_updates, state.pts, false)
                }
                other => return Err(format!("{other:?}")),
            },
            Log::Channel(_) => match read(body)? {
                enums::updates::ChannelDifference::ChannelDifferenceEmpty(empty) => {
                    (Vec::new(), Vec::new(), empty.pts, true)
                }
                enums::updates::ChannelDifference::ChannelDifference(all) => {
                    (all.new_messages, all.other_updates, all.pts, all.final_)
                }
                other => return Err(format!("{other:?}")),
            },
        };
        let mut needs = replica.difference(log, &new, &other, to)?;
        needs.extend(replica.settle(log));
        self.satisfy(d, needs);
        if !whole {
            self.difference(d, log);
        }
        Ok(())
    }
}
