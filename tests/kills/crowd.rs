//! People who write as fast as they are answered, and remember every answer.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use model::ids::{ChannelId, KeyId, UserId};
use model::tables::{BOXES, PARTS, POSTS};
use store::{Config, EngineKind, Fault, Store, Tx};
use tl::{enums, functions, types};

use crate::talker::{self, Login, Talker};

/// How many write at once, and how many calls of each are under way.
const PEOPLE: usize = 3;
const UNDER_WAY: usize = 8;

/// What somebody asked for.
#[derive(Debug, Clone, PartialEq)]
enum Wish {
    Message { peer: enums::InputPeer, random_id: i64 },
    Part { file_id: i64, bytes: usize },
}

/// What somebody asked for, and was told.
#[derive(Debug, Clone)]
struct Said {
    wish: Wish,
    /// The id of the message, or zero for a part.
    answer: Option<i32>,
    /// The error instead.
    refused: Option<String>,
    at: SystemTime,
}

/// What came of somebody's round: what was asked for again, and what was asked for anew.
type Outcome = Result<(Vec<Said>, Vec<Said>), String>;

/// The people and what they were told.
#[derive(Clone)]
pub struct Crowd {
    logins: Vec<Login>,
    peers: Vec<Vec<enums::InputPeer>>,
    next: i64,
    /// What each of them asked for in the last round.
    last: Vec<Vec<Said>>,
    /// What was acknowledged before, by whom, and not looked at on the disk yet.
    acknowledged: Vec<(usize, Wish, i32)>,
    /// How much was acknowledged in all, and how much of it was asked for again.
    pub counted: (u64, u64),
}

fn text(random_id: i64) -> String {
    let length = usize::try_from(random_id * 37 % 700).unwrap_or(0);
    format!("{random_id}-{}", "z".repeat(length))
}

/// The id of the message that a reply tells of.
fn sent_id(updates: enums::Updates) -> io::Result<i32> {
    match updates {
        enums::Updates::UpdateShortSentMessage(sent) => Ok(sent.id),
        enums::Updates::Updates(updates) => updates
            .updates
            .iter()
            .find_map(|update| match update {
                enums::Update::UpdateMessageID(update) => Some(update.id),
                _ => None,
            })
            .ok_or_else(|| io::Error::other(format!("no id in {updates:?}"))),
        other => Err(io::Error::other(format!("an odd reply: {other:?}"))),
    }
}

fn ask(talker: &mut Talker, wish: &Wish) -> io::Result<i64> {
    match wish {
        Wish::Message { peer, random_id } => talker.send(&functions::messages::SendMessage {
            peer: peer.clone(),
            message: text(*random_id),
            random_id: *random_id,
            ..Default::default()
        }),
        Wish::Part { file_id, bytes } => talker.send(&functions::upload::SaveFilePart {
            file_id: *file_id,
            file_part: 0,
            bytes: vec![7; *bytes],
        }),
    }
}

fn answer(wish: &Wish, body: &[u8]) -> io::Result<i32> {
    match wish {
        Wish::Message { .. } => sent_id(talker::read(body)?),
        Wish::Part { .. } => talker::read::<bool>(body).map(|_| 0),
    }
}

impl Crowd {
    /// Signs everybody up, and makes a group and a channel.
    pub fn gather(addr: SocketAddr, data: &Path) -> io::Result<Self> {
        let keys = talker::rsa_key(data);
        let phone = |n: usize| format!("9996610{n:03}");
        let mut people = Vec::new();
        for n in 0..PEOPLE {
            people.push(Talker::sign_up(addr, &keys, &phone(n))?);
        }
        let mut peers: Vec<Vec<enums::InputPeer>> = vec![Vec::new(); PEOPLE];
        for n in 0..PEOPLE {
            let friend = (n + 1) % PEOPLE;
            let contact = types::InputPhoneContact {
                client_id: 1,
                phone: phone(friend),
                first_name: "Friend".to_owned(),
                last_name: String::new(),
                ..Default::default()
            };
            let import = functions::contacts::ImportContacts { contacts: vec![contact] };
            let found: types::contacts::ImportedContacts = people[n].0.ask(&import)?;
            let hash = found.users.iter().find_map(|user| match user {
                enums::User::User(user) if user.id == people[friend].1.user => user.access_hash,
                _ => None,
            });
            let access_hash = hash.ok_or_else(|| io::Error::other("a friend without a hash"))?;
            let user_id = people[friend].1.user;
            people[n].1.hashes.insert(user_id, access_hash);
            peers[n].push(types::InputPeerUser { user_id, access_hash }.into());
        }
        let friend = people[1].1.user;
        let user = types::InputUser { user_id: friend, access_hash: people[0].1.hashes[&friend] };
        let create = functions::messages::CreateChat {
            users: vec![user.into()],
            title: "All of us".to_owned(),
            ..Default::default()
        };
        // The reply differs from layer to layer; what matters is the id, which the first group has.
        let wanted = people[0].0.send(&create)?;
        while people[0].0.next_result()?.0 != wanted {}
        for own in peers.iter_mut().take(2) {
            own.push(types::InputPeerChat { chat_id: 1_001 }.into());
        }
        let create = functions::channels::CreateChannel {
            megagroup: true,
            title: "A place".to_owned(),
            ..Default::default()
        };
        let made: enums::Updates = people[0].0.ask(&create)?;
        let enums::Updates::Updates(made) = made else { return Err(io::Error::other("an odd reply")) };
        for chat in &made.chats {
            if let enums::Chat::Channel(channel) = chat {
                let access_hash = channel.access_hash.unwrap_or_default();
                peers[0].push(types::InputPeerChannel { channel_id: channel.id, access_hash }.into());
            }
        }
        let logins = people.into_iter().map(|(_, login)| login).collect();
        let last = vec![Vec::new(); PEOPLE];
        Ok(Self { logins, peers, next: 1, last, acknowledged: Vec::new(), counted: (0, 0) })
    }

    /// Everybody asks once more for what they asked for last, which must have become what they were told, and then writes
    /// until the connection breaks or `enough` answers have come to all of them together; then `end` is called.
    pub fn round(
        &mut self,
        addr: SocketAddr,
        enough: usize,
        end: impl FnOnce() + Send,
    ) -> Result<(), String> {
        let (said, all) = (Mutex::new(0_usize), std::sync::Condvar::new());
        let over = AtomicBool::new(false);
        let first = self.next;
        self.next += 1_000_000;
        let last = std::mem::take(&mut self.last);
        for (n, said) in last.iter().enumerate() {
            let kept = said.iter().filter_map(|said| Some((n, said.wish.clone(), said.answer?)));
            self.acknowledged.extend(kept);
        }
        let (logins, peers) = (&self.logins, &self.peers);
        let tell = |answers: usize| {
            let mut said = said.lock().expect("a count");
            *said = said.saturating_add(answers);
            all.notify_all();
        };
        let outcomes: Vec<Outcome> = thread::scope(|scope| {
            let writers: Vec<_> = (0..PEOPLE)
                .map(|n| {
                    let (last, tell, over) = (&last[n], &tell, &over);
                    scope.spawn(move || {
                        let done = (|| {
                            let mut talker = match Talker::again(addr, &logins[n]) {
                                Ok(talker) => talker,
                                // The others were quick, and the end came before this one was back.
                                Err(_) if over.load(Ordering::SeqCst) => {
                                    return Ok((Vec::new(), last.clone()));
                                }
                                Err(error) => return Err(format!("somebody cannot come back: {error}")),
                            };
                            let (again, left) = repeat(&mut talker, last)?;
                            let from = first + i64::try_from(n).unwrap_or(0) * 100_000;
                            Ok(match left {
                                None => (again, write(&mut talker, &peers[n], from, tell)),
                                // The end came before that: all of it is asked for once more.
                                Some(_) if over.load(Ordering::SeqCst) => (again, last.clone()),
                                Some(why) => return Err(format!("while asking again: {why}")),
                            })
                        })();
                        // Nobody waits for somebody who is not there.
                        tell(usize::MAX / 8);
                        done
                    })
                })
                .collect();
            let mut count = said.lock().expect("a count");
            let patience = Instant::now() + Duration::from_secs(60);
            while *count < enough && Instant::now() < patience {
                count = all.wait_timeout(count, Duration::from_millis(200)).expect("a count").0;
            }
            drop(count);
            over.store(true, Ordering::SeqCst);
            end();
            writers.into_iter().map(|writer| writer.join().expect("no writer panics")).collect()
        });
        let mut failed = Ok(());
        for (n, (outcome, last)) in outcomes.into_iter().zip(last).enumerate() {
            match outcome {
                Ok((again, said)) => {
                    let answered = said.iter().filter(|said| said.answer.is_some()).count() as u64;
                    self.counted = (self.counted.0 + answered, self.counted.1 + again.len() as u64);
                    let kept = again.into_iter().filter_map(|said| Some((n, said.wish, said.answer?)));
                    self.acknowledged.extend(kept);
                    self.last.push(said);
                }
                Err(why) => {
                    self.last.push(last);
                    failed = Err(why);
                }
            }
        }
        failed
    }

    /// The errors of the last round, and how many parts of files were kept in it.
    pub fn refused(&self) -> (Vec<String>, usize) {
        let all = || self.last.iter().flatten();
        let kept =
            all().filter(|said| said.answer.is_some() && matches!(said.wish, Wish::Part { .. })).count();
        (all().filter_map(|said| said.refused.clone()).collect(), kept)
    }

    /// When the last answer of the last round came.
    pub fn last_answer(&self) -> Option<SystemTime> {
        self.last.iter().flatten().filter(|said| said.answer.is_some()).map(|said| said.at).max()
    }

    /// Opens the store of a server that is dead: nothing is violated, and what was acknowledged is there.
    pub fn look(&mut self, engine: EngineKind, data: &Path) -> Result<(), String> {
        let config = Config { engine, dir: data.join("store"), cache_bytes: 8 << 20 };
        let store = Store::open(&config).map_err(|error| format!("it does not open: {error}"))?;
        let found =
            chappe::verify::store_and_blobs(&store, &data.join("blobs")).map_err(|e| e.to_string())?;
        if !found.report.is_clean() {
            return Err(found.to_string());
        }
        let mut wanted = std::mem::take(&mut self.acknowledged);
        for (n, said) in self.last.iter().enumerate() {
            wanted.extend(said.iter().filter_map(|said| Some((n, said.wish.clone(), said.answer?))));
        }
        let lost: Vec<_> =
            wanted.iter().filter(|(n, wish, id)| !self.is_there(&store, *n, wish, *id)).collect();
        if !lost.is_empty() {
            return Err(format!("{} of {} acknowledged are lost: {lost:?}", lost.len(), wanted.len()));
        }
        store.close().map_err(|fault| fault.to_string())
    }

    fn is_there(&self, store: &Store, n: usize, wish: &Wish, id: i32) -> bool {
        let me = UserId(self.logins[n].user);
        let look = |tx: &mut Tx<'_>| {
            Ok::<bool, Fault>(match wish {
                Wish::Message { peer, random_id } => {
                    let message = match peer {
                        enums::InputPeer::InputPeerChannel(peer) => {
                            tx.get(&POSTS, &(ChannelId(peer.channel_id), id))?
                        }
                        _ => tx.get(&BOXES, &(me, id))?,
                    };
                    message.is_some_and(|message| message.text == text(*random_id))
                }
                Wish::Part { file_id, bytes } => {
                    let key = KeyId(self.logins[n].key_id());
                    let part = tx.get(&PARTS, &(key, *file_id, 0))?;
                    part.is_some_and(|part| usize::try_from(part.size) == Ok(*bytes))
                }
            })
        };
        store.read(look).is_ok_and(|(there, _)| there)
    }
}

/// Asks again for what was asked for: what was answered must be answered the same. Tells what was answered now, and what
/// broke the connection before all was.
fn repeat(talker: &mut Talker, last: &[Said]) -> Result<(Vec<Said>, Option<io::Error>), String> {
    let mut under_way: HashMap<i64, &Said> = HashMap::new();
    let mut waiting: VecDeque<&Said> = last.iter().collect();
    let mut again = Vec::new();
    while !waiting.is_empty() || !under_way.is_empty() {
        while under_way.len() < UNDER_WAY
            && let Some(said) = waiting.pop_front()
        {
            match ask(talker, &said.wish) {
                Ok(id) => under_way.insert(id, said),
                Err(error) => return Ok((again, Some(error))),
            };
        }
        let (id, body) = match talker.next_result() {
            Ok(result) => result,
            Err(error) => return Ok((again, Some(error))),
        };
        let Some(said) = under_way.remove(&id) else { continue };
        let told = answer(&said.wish, &body).map_err(|error| format!("while asking again: {error}"))?;
        if said.answer.is_some_and(|before| before != told) {
            return Err(format!("{:?} was {:?} and is {told} now", said.wish, said.answer));
        }
        again.push(Said { answer: Some(told), ..said.clone() });
    }
    Ok((again, None))
}

/// Writes until something breaks; what was asked for, and answered.
fn write(talker: &mut Talker, peers: &[enums::InputPeer], from: i64, tell: &impl Fn(usize)) -> Vec<Said> {
    let mut said: Vec<Said> = Vec::new();
    let mut under_way: HashMap<i64, usize> = HashMap::new();
    let mut next = from;
    loop {
        while under_way.len() < UNDER_WAY {
            let number = usize::try_from(next).unwrap_or(0);
            let wish = if number % 11 == 10 {
                Wish::Part { file_id: next, bytes: 2_048 }
            } else {
                Wish::Message { peer: peers[number % peers.len()].clone(), random_id: next }
            };
            next += 1;
            // What was begun may have arrived, whatever the socket says of it.
            said.push(Said { wish, answer: None, refused: None, at: SystemTime::now() });
            match ask(talker, &said[said.len() - 1].wish) {
                Ok(id) => under_way.insert(id, said.len() - 1),
                Err(_) => return said,
            };
        }
        let Ok((id, body)) = talker.next_result() else { return said };
        let Some(n) = under_way.remove(&id) else { continue };
        match answer(&said[n].wish, &body) {
            Ok(told) => {
                (said[n].answer, said[n].at) = (Some(told), SystemTime::now());
                tell(1);
            }
            // Nothing is promised then.
            Err(error) => {
                said[n].refused = Some(error.to_string());
                tell(1);
            }
        }
    }
}
