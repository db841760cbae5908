//! The keys in memory: contents, salts, and for temporary keys all there is of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use env::Time;
use mtproto::session::Salts;
use mtproto::session::limits::{MSG_AGE_MAX, MSG_AHEAD_MAX};
use mtproto::{AuthKey, AuthKeyId, MsgId, Salt, SessionId};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::admission::Bucket;
use crate::limits::Limits;
use crate::{limits, metrics, world};

/// A key in use.
pub(crate) struct Key {
    /// The key itself.
    pub(crate) auth: AuthKey,
    /// Its salts: drawn anew at every start of the server, shared by all its sessions.
    pub(crate) salts: Mutex<Salts>,
    /// What makes it a temporary key; nothing for a permanent one.
    pub(crate) temp: Option<Temp>,
    budget: Mutex<Bucket>,
    /// What its sessions had received that are gone: as long as its salts live, their packets would open again. Boxed, as most
    /// keys have one session for all their life in memory.
    gone: Mutex<Option<Box<Gone>>>,
    /// What is left of the calls that nobody understands, over all connections; nothing while there was none.
    unknown: Mutex<Option<Box<Bucket>>>,
    /// When its use was last noted in the store, in seconds since the Unix epoch.
    touched: AtomicU64,
    /// Whether it was destroyed. Whoever still holds it says what is left to say.
    destroyed: AtomicBool,
}

/// What a temporary key has beyond a permanent one. It never reaches the disk.
pub(crate) struct Temp {
    /// When it dies.
    pub(crate) expires: Time,
    /// The permanent key that it speaks for; zero until it is bound.
    bound: AtomicU64,
}

impl Key {
    fn new(auth: AuthKey, salts: Salts, temp: Option<Temp>, touched: u64, limits: &Limits) -> Self {
        let now = Instant::now().into_std();
        let budget = Bucket::full(burst(limits), now);
        Self {
            auth,
            salts: Mutex::new(salts),
            temp,
            budget: Mutex::new(budget),
            gone: Mutex::default(),
            unknown: Mutex::default(),
            touched: AtomicU64::new(touched),
            destroyed: AtomicBool::new(false),
        }
    }

    /// The key under which everything about the caller is kept: the permanent key that a temporary one is bound to, else
    /// the key itself.
    pub(crate) fn identity(&self) -> AuthKeyId {
        self.bound_to().unwrap_or(self.auth.id())
    }

    /// The permanent key that a temporary one speaks for, once it is bound.
    pub(crate) fn bound_to(&self) -> Option<AuthKeyId> {
        let bound = self.temp.as_ref()?.bound.load(Ordering::Acquire);
        (bound != AuthKeyId::NONE.0).then_some(AuthKeyId(bound))
    }

    /// Whether it is still good.
    pub(crate) fn is_usable(&self, now: impl FnOnce() -> Time) -> bool {
        !self.destroyed.load(Ordering::Acquire) && self.temp.as_ref().is_none_or(|temp| now() < temp.expires)
    }

    /// Whether its use should be noted in the store now.
    pub(crate) fn touch(&self, now: Time) -> bool {
        let before = self.touched.load(Ordering::Relaxed);
        let due = now.secs().saturating_sub(before) >= limits::TOUCH_EVERY.as_secs();
        due && self.touched.compare_exchange(before, now.secs(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Remembers that the session `id`, which is gone, may have received messages up to `newest`.
    pub(crate) fn remember_gone(&self, id: SessionId, newest: MsgId, now: Time) {
        self.gone.lock().get_or_insert_default().add(id, newest, now);
    }

    /// What a session `id` that is gone may have received: a new state of it must take nothing up to this for new.
    pub(crate) fn received_before(&self, id: SessionId) -> Option<MsgId> {
        self.gone.lock().as_ref()?.up_to(id)
    }

    /// Takes one call that nobody understands out of what the key may make of them now; false if it has to wait.
    pub(crate) fn take_unknown(&self) -> bool {
        let a_minute = limits::UNKNOWN_PER_KEY_AND_MINUTE;
        let now = Instant::now().into_std();
        let mut unknown = self.unknown.lock();
        unknown.get_or_insert_with(|| Box::new(Bucket::full(a_minute, now))).take(
            a_minute,
            a_minute / 60.0,
            now,
        )
    }

    /// Takes one call out of what the key may call now; false if it has to wait.
    pub(crate) fn take_call(&self, limits: &Limits) -> bool {
        let per_second = f64::from(limits.calls_per_key_per_second);
        self.budget.lock().take(burst(limits), per_second, Instant::now().into_std())
    }
}

/// What sessions had received that are gone.
#[derive(Default)]
struct Gone {
    /// The highest msg_id of each.
    sessions: Vec<(SessionId, MsgId)>,
    /// The highest of all that do not fit.
    others: Option<MsgId>,
}

impl Gone {
    fn add(&mut self, id: SessionId, newest: MsgId, now: Time) {
        // What is beyond this is not accepted now, so it was not.
        let newest = newest.min(MsgId::at(now + MSG_AHEAD_MAX));
        // What is too old by the clock need not be remembered.
        let oldest = MsgId(MsgId::at(now).0.saturating_sub((MSG_AGE_MAX.as_secs().cast_signed() + 1) << 32));
        self.sessions.retain(|(_, newest)| *newest >= oldest);
        self.others = self.others.filter(|newest| *newest >= oldest);
        match self.sessions.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = newest.max(*known),
            None => self.sessions.push((id, newest)),
        }
        if self.sessions.len() > limits::GONE_SESSIONS_PER_KEY_MAX
            && let Some(at) =
                self.sessions.iter().enumerate().min_by_key(|(_, (_, id))| *id).map(|(at, _)| at)
        {
            let (_, newest) = self.sessions.swap_remove(at);
            self.others = self.others.max(Some(newest));
        }
    }

    fn up_to(&self, id: SessionId) -> Option<MsgId> {
        let own = self.sessions.iter().find(|(known, _)| *known == id).map(|(_, newest)| *newest);
        own.max(self.others)
    }
}

fn burst(limits: &Limits) -> f64 {
    f64::from(limits.calls_per_key_per_second) * f64::from(limits::CALL_BURST_SECONDS)
}

/// All keys in memory. Permanent ones are a cache over the store; temporary ones are here or nowhere. Whoever replaces
/// this by something that several nodes share has to answer the same few questions.
pub(crate) struct Keys {
    limits: Limits,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    keys: HashMap<AuthKeyId, Arc<Key>>,
    temps: usize,
    /// The temporary keys of each permanent one, the oldest first.
    bound: HashMap<AuthKeyId, VecDeque<AuthKeyId>>,
}

/// A key with this id is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken;

impl Keys {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, book: Mutex::default() }
    }

    /// The key, if it is in memory and still good.
    pub(crate) fn find(&self, id: AuthKeyId) -> Option<Arc<Key>> {
        // spec: HS-23, PFS-5
        self.book.lock().keys.get(&id).filter(|key| key.is_usable(world::now)).cloned()
    }

    /// Remembers a permanent key that was read from the store, where its last use was noted in the second `touched`; its
    /// salts are new.
    pub(crate) fn remember(&self, auth: AuthKey, touched: u64) -> Arc<Key> {
        let mut book = self.book.lock();
        book.make_room();
        let id = auth.id();
        let make = || Arc::new(Key::new(auth, world::with_env(Salts::new), None, touched, &self.limits));
        Arc::clone(book.keys.entry(id).or_insert_with(make))
    }

    /// Remembers a permanent key that was made, and stored, just now; `salt` is the one that its client computed.
    pub(crate) fn remember_made(&self, auth: AuthKey, salt: Salt) {
        let now = world::now();
        let salts = Salts::beginning_with(salt, now);
        let mut book = self.book.lock();
        book.make_room();
        let id = auth.id();
        book.keys.insert(id, Arc::new(Key::new(auth, salts, None, now.secs(), &self.limits)));
    }

    /// Remembers a temporary key that was made just now and may live `seconds`.
    ///
    /// # Errors
    /// [`Taken`] if there is a key with this id.
    pub(crate) fn remember_temp(&self, auth: AuthKey, salt: Salt, seconds: u32) -> Result<(), Taken> {
        let now = world::now();
        let salts = Salts::beginning_with(salt, now);
        // spec: HS-23
        let lives = std::time::Duration::from_secs(seconds.min(limits::TEMP_KEY_SECONDS_MAX).into());
        let mut book = self.book.lock();
        let id = auth.id();
        if book.keys.contains_key(&id) {
            return Err(Taken);
        }
        if book.temps >= limits::TEMP_KEYS_MAX {
            book.forget_expired(now);
            book.forget_soonest_to_expire();
        }
        let temp = Temp { expires: now + lives, bound: AtomicU64::new(AuthKeyId::NONE.0) };
        book.keys.insert(id, Arc::new(Key::new(auth, salts, Some(temp), 0, &self.limits)));
        book.temps += 1;
        Ok(())
    }

    /// Lets the temporary key `temp` speak for `perm` from now on. Gives the temporary key that had to go for it.
    pub(crate) fn bind(&self, temp: AuthKeyId, perm: AuthKeyId) -> Option<AuthKeyId> {
        let mut book = self.book.lock();
        let key = book.keys.get(&temp)?.clone();
        key.temp.as_ref()?.bound.store(perm.0, Ordering::Release);
        let bound = book.bound.entry(perm).or_default();
        bound.retain(|id| *id != temp);
        bound.push_back(temp);
        // spec: PFS-2
        let oldest = if bound.len() > limits::TEMP_KEYS_PER_KEY_MAX { bound.pop_front() } else { None };
        if let Some(oldest) = oldest {
            metrics::dropped("temporary keys of a key");
            book.forget(oldest);
        }
        oldest
    }

    /// The temporary keys that speak for a permanent one.
    pub(crate) fn speaking_for(&self, perm: AuthKeyId) -> Vec<AuthKeyId> {
        self.book.lock().bound.get(&perm).map(|temps| temps.iter().copied().collect()).unwrap_or_default()
    }

    /// From now on nothing is opened with a key that was destroyed, nor with the temporary ones that speak for it.
    pub(crate) fn retire(&self, id: AuthKeyId) {
        let book = self.book.lock();
        let temps = book.bound.get(&id).into_iter().flatten();
        for key in temps.chain([&id]).filter_map(|id| book.keys.get(id)) {
            // spec: SVC-18
            key.destroyed.store(true, Ordering::Release);
        }
    }

    /// Forgets a key, and the temporary ones that speak for it; gives all that are gone.
    pub(crate) fn forget(&self, id: AuthKeyId) -> Vec<AuthKeyId> {
        let mut book = self.book.lock();
        let mut gone: Vec<AuthKeyId> = book.bound.remove(&id).unwrap_or_default().into();
        gone.push(id);
        for id in &gone {
            book.forget(*id);
        }
        gone
    }

    /// Forgets the temporary keys that have died and permanent ones that nobody uses, if there are many; gives those
    /// that have died.
    pub(crate) fn sweep(&self) -> Vec<AuthKeyId> {
        let mut book = self.book.lock();
        let gone = book.forget_expired(world::now());
        book.make_room();
        metrics::held("keys", book.keys.len());
        metrics::held("temporary keys", book.temps);
        gone
    }
}

impl Book {
    fn forget(&mut self, id: AuthKeyId) {
        let Some(key) = self.keys.remove(&id) else { return };
        if key.temp.is_some() {
            self.temps -= 1;
            if let Some(perm) = key.bound_to()
                && let Some(bound) = self.bound.get_mut(&perm)
            {
                bound.retain(|other| *other != id);
                if bound.is_empty() {
                    self.bound.remove(&perm);
                }
            }
        }
    }

    fn forget_expired(&mut self, now: Time) -> Vec<AuthKeyId> {
        let mut dead: Vec<_> =
            self.keys.iter().filter(|(_, key)| !key.is_usable(|| now)).map(|(id, _)| *id).collect();
        dead.sort_unstable();
        for id in &dead {
            self.forget(*id);
        }
        dead
    }

    fn forget_soonest_to_expire(&mut self) {
        while self.temps >= limits::TEMP_KEYS_MAX {
            let soonest = self
                .keys
                .iter()
                .filter_map(|(id, key)| Some((key.temp.as_ref()?.expires, *id)))
                .min_by_key(|(expires, _)| *expires);
            let Some((_, id)) = soonest else { return };
            metrics::dropped("temporary keys");
            self.forget(id);
        }
    }

    /// Drops permanent keys that no session uses once there are too many. They are in the store.
    fn make_room(&mut self) {
        if self.keys.len() - self.temps >= limits::KEYS_CACHED_MAX {
            self.keys.retain(|_, key| key.temp.is_some() || Arc::strong_count(key) > 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(id: u64) -> AuthKey {
        AuthKey::from_stored(AuthKeyId(id), [7; mtproto::crypto::STORED_KEY_BYTES])
    }

    fn keys() -> Keys {
        Keys::new(Limits { calls_per_key_per_second: 1, ..Limits::default() })
    }

    #[test]
    fn a_temporary_key_speaks_for_the_one_it_is_bound_to_and_dies_with_it() {
        let keys = keys();
        keys.remember(auth(1), 0);
        keys.remember_temp(auth(2), Salt(5), 3600).expect("new");
        assert_eq!(keys.remember_temp(auth(1), Salt(5), 3600), Err(Taken));
        let temp = keys.find(AuthKeyId(2)).expect("made");
        assert_eq!((temp.identity(), temp.bound_to()), (AuthKeyId(2), None));
        assert_eq!(keys.bind(AuthKeyId(2), AuthKeyId(1)), None);
        assert_eq!(temp.identity(), AuthKeyId(1));
        assert_eq!(keys.forget(AuthKeyId(1)), [AuthKeyId(2), AuthKeyId(1)]);
        assert!(keys.find(AuthKeyId(2)).is_none());
    }

    // proves: PFS-2
    #[test]
    fn a_permanent_key_has_so_many_temporary_ones_and_no_more() {
        let keys = keys();
        keys.remember(auth(1), 0);
        for n in 0..=limits::TEMP_KEYS_PER_KEY_MAX as u64 {
            keys.remember_temp(auth(100 + n), Salt(1), 60).expect("new");
            let gone = keys.bind(AuthKeyId(100 + n), AuthKeyId(1));
            assert_eq!(gone.is_some(), n == limits::TEMP_KEYS_PER_KEY_MAX as u64);
        }
        assert!(keys.find(AuthKeyId(100)).is_none() && keys.find(AuthKeyId(101)).is_some());
    }

    // proves: HS-23, PFS-5
    #[test]
    fn a_temporary_key_dies_in_its_time() {
        let keys = keys();
        keys.remember_temp(auth(2), Salt(5), 0).expect("new");
        assert!(keys.find(AuthKeyId(2)).is_none());
        assert_eq!(keys.sweep(), [AuthKeyId(2)]);
    }

    // proves: SES-4
    #[test]
    fn what_sessions_had_received_that_are_gone_is_remembered_for_five_minutes_and_within_bounds() {
        let (mut gone, now) = (Gone::default(), Time::from_secs(1_000_000));
        let id = |secs: u64| MsgId::at(Time::from_secs(secs));
        gone.add(SessionId(1), id(1_000_000), now);
        gone.add(SessionId(2), id(2_000_000), now);
        assert_eq!(gone.up_to(SessionId(1)), Some(id(1_000_000)));
        assert_eq!(gone.up_to(SessionId(2)), Some(id(1_000_030)), "more was never accepted");
        assert_eq!(gone.up_to(SessionId(3)), None);
        // More than are remembered one by one: then nobody of this key is believed about that time.
        for n in 1..limits::GONE_SESSIONS_PER_KEY_MAX as i64 {
            gone.add(SessionId(10 + n), id(1_000_010), now);
        }
        assert_eq!(gone.sessions.len(), limits::GONE_SESSIONS_PER_KEY_MAX);
        assert!(
            gone.up_to(SessionId(1)) >= Some(id(1_000_000)) && gone.up_to(SessionId(3)) < Some(id(1_000_010))
        );
        // Five minutes later the clock refuses all of it.
        gone.add(SessionId(5), id(1_000_400), Time::from_secs(1_000_400));
        assert_eq!((gone.sessions.len(), gone.up_to(SessionId(1))), (1, None));
    }

    #[test]
    fn the_use_of_a_key_is_noted_again_only_after_a_while_wherever_it_was_noted_before() {
        let (keys, now) = (keys(), world::now());
        let long_ago = now.secs() - limits::TOUCH_EVERY.as_secs();
        assert!(keys.remember(auth(1), long_ago).touch(now));
        assert!(!keys.remember(auth(1), long_ago).touch(now), "it is in memory");
        assert!(!keys.remember(auth(2), now.secs()).touch(now));
        keys.remember_made(auth(3), Salt(5));
        assert!(!keys.find(AuthKeyId(3)).expect("made").touch(now));
    }

    #[test]
    fn a_key_that_calls_too_much_has_to_wait() {
        let keys = keys();
        let key = keys.remember(auth(1), 0);
        let limits = Limits { calls_per_key_per_second: 1, ..Limits::default() };
        let taken = (0..100).filter(|_| key.take_call(&limits)).count();
        assert_eq!(taken, limits::CALL_BURST_SECONDS as usize);
    }
}
