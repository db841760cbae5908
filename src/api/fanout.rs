//! One post told to many: what is the same for all of them is read and written once for each layer.
//!
//! Of a push about a channel the updates themselves, the text above all, are the same for nearly everybody; who reads only
//! decides over the people and chats beside them (access hashes, rights, names of contacts). So the updates are kept as bytes
//! and each reader's own chats are written behind them. Where a row does look different to some (its author, media with an
//! access hash of its own, a newcomer who may not see it), that reader's push is made for them alone, in the same look.

use std::rc::Rc;

use env::Time;
use model::ids::{ChannelId, KeyId, Peer, UserId};
use model::keys::Client;
use model::shelf::Shelf;
use model::{Done, Stop, channels};
use store::Tx;
use tl::stored::enums::{Action, Change, Media};
use tl::{Encode as _, Layer, Writer, enums, stored, types};

use crate::push::{self, Push, Slice};
use crate::view::{Named, View};
use crate::{Api, Site, limits};

impl Api {
    /// As [`channel_push`](Self::channel_push), for many keys at once, each with how far it has come; in their order.
    ///
    /// # Errors
    /// [`Stop::Fault`] of the store.
    pub fn channel_pushes(
        &self,
        channel: ChannelId,
        keys: &[(KeyId, i32)],
        now: Time,
    ) -> Result<Vec<Option<Push>>, Stop> {
        let (slices, ticket) = self.store().read(|tx: &mut Tx<'_>| -> Done<_> {
            let mut fanout = Fanout::new(tx, self.site(), channel, now)?;
            keys.iter().map(|(key, from)| fanout.tell(*key, *from)).collect::<Done<Vec<_>>>()
        })?;
        let push = |(body, to, more)| Push { body, to, more, ticket };
        Ok(slices.into_iter().map(|slice| slice.map(push)).collect())
    }
}

/// What has been read and written for readers before.
struct Fanout<'a, 't> {
    tx: &'a Tx<'t>,
    site: &'a Site,
    channel: ChannelId,
    now: Time,
    row: stored::Channel,
    members: i32,
    /// The log from where some reader had come. Nearly always there is one.
    news: Vec<Rc<News>>,
    /// The same in bytes of a layer.
    spoken: Vec<Rc<Spoken>>,
}

/// A part of the log, as far as it matters who reads it.
struct News {
    from: i32,
    /// Nothing if the log does not reach back that far.
    rows: Option<Vec<(i32, stored::Logged)>>,
    /// Whether it is the same for everybody but those below.
    alike: bool,
    /// Who wrote any of it: they see their own hand.
    authors: Vec<UserId>,
    /// The lowest id of a message in it.
    lowest: i32,
}

/// A part of the log, written.
struct Spoken {
    from: i32,
    layer: Layer,
    /// `updates:Vector<Update>`.
    updates: Vec<u8>,
    named: Named,
}

impl<'a, 't> Fanout<'a, 't> {
    fn new(tx: &'a Tx<'t>, site: &'a Site, channel: ChannelId, now: Time) -> Done<Self> {
        let row = tx.get(&model::tables::CHANNELS, &channel)?.unwrap_or_default();
        let members = channels::head(tx, channel)?.members;
        Ok(Self { tx, site, channel, now, row, members, news: Vec::new(), spoken: Vec::new() })
    }

    /// One reader's push.
    fn tell(&mut self, key: KeyId, from: i32) -> Done<Option<Slice>> {
        let Some((client, user)) = push::reader(self.tx, key)? else { return Ok(None) };
        let member = channels::member(self.tx, self.channel, user)?;
        if !channels::is_in(member.as_ref()) {
            return Ok(None);
        }
        let news = self.news(from)?;
        let view = View::new(self.tx, self.site, user, self.now.unix(), client.dc);
        let rows = match &news.rows {
            Some(rows) if news.alike && !news.authors.contains(&user) => rows,
            other => return self.tell_alone(view, other.as_deref(), from, (key, &client)),
        };
        if rows.is_empty()
            || rows.iter().any(|(_, logged)| logged.origin == key.0)
            || channels::available_min(self.tx, user, self.channel)? >= news.lowest
        {
            return self.tell_alone(view, Some(rows), from, (key, &client));
        }
        let layer = crate::layer_of(&client);
        let spoken = self.spoken(&news, rows, layer, user)?;
        let (users, chats) = view.in_full(&spoken.named, |id| {
            if id == self.channel {
                view.channel_of(id, self.row.clone(), self.members, member.as_ref())
            } else {
                view.channel(id)
            }
        })?;
        let mut writer = Writer::spare(layer);
        writer.u32(types::Updates::ID);
        writer.raw(&spoken.updates);
        users.encode(&mut writer);
        chats.encode(&mut writer);
        writer.i32(self.now.unix());
        writer.i32(0);
        let (to, more) = push::reached(rows, from);
        Ok(Some((writer.said(), to, more)))
    }

    fn tell_alone(
        &self,
        view: View<'_, '_>,
        rows: Option<&[(i32, stored::Logged)]>,
        from: i32,
        reader: (KeyId, &Client),
    ) -> Done<Option<Slice>> {
        push::to_member(view, self.channel, rows, from, reader, self.now).map(Some)
    }

    /// The log after `from`.
    fn news(&mut self, from: i32) -> Done<Rc<News>> {
        if let Some(known) = self.news.iter().find(|news| news.from == from) {
            return Ok(Rc::clone(known));
        }
        let rows = channels::since(self.tx, self.channel, from, limits::PUSH_ROWS_MAX)?;
        let mut news = News { from, rows: None, alike: true, authors: Vec::new(), lowest: i32::MAX };
        for (_, logged) in rows.iter().flatten() {
            let id = match &logged.change {
                Change::ChangeNew(change) => change.id,
                Change::ChangeEdit(change) => change.id,
                _ => continue,
            };
            news.lowest = news.lowest.min(id);
            if let Some(message) = Shelf::Channel(self.channel).one(self.tx, id)? {
                news.alike &= looks_alike(&message);
                news.authors.extend(authors(&message));
            }
        }
        news.rows = rows;
        let news = Rc::new(news);
        self.news.push(Rc::clone(&news));
        Ok(news)
    }

    /// The same in `layer`; `user` is somebody to whom it looks as it does to nearly all.
    fn spoken(
        &mut self,
        news: &News,
        rows: &[(i32, stored::Logged)],
        layer: Layer,
        user: UserId,
    ) -> Done<Rc<Spoken>> {
        let known = |spoken: &&Rc<Spoken>| spoken.from == news.from && spoken.layer == layer;
        if let Some(known) = self.spoken.iter().find(known) {
            return Ok(Rc::clone(known));
        }
        let mut view = View::new(self.tx, self.site, user, self.now.unix(), 0);
        let mut list: Vec<enums::Update> = Vec::with_capacity(rows.len());
        for (pts, logged) in rows {
            list.push(push::posted(&mut view, self.channel, logged, *pts)?);
        }
        let mut writer = Writer::spare(layer);
        list.encode(&mut writer);
        let (updates, named) = (writer.finish(), view.named());
        let spoken = Rc::new(Spoken { from: news.from, layer, updates, named });
        self.spoken.push(Rc::clone(&spoken));
        Ok(spoken)
    }
}

/// Whether a message of a channel holds nothing that each viewer gets with an access hash of their own.
fn looks_alike(message: &stored::Message) -> bool {
    let media = match &message.media {
        None | Some(Media::MediaContact(_) | Media::MediaGeo(_)) => true,
        Some(Media::MediaPhoto(_) | Media::MediaDocument(_)) => false,
    };
    media && !matches!(message.action, Some(Action::ActionChatEditPhoto(_)))
}

/// Who may have written a message of a channel: for them it goes out.
fn authors(message: &stored::Message) -> impl Iterator<Item = UserId> {
    let from = match message.from_id.as_ref().map(Peer::from) {
        Some(Peer::User(user)) => Some(user),
        _ => None,
    };
    from.into_iter().chain(message.origin_user.map(UserId))
}
