// ---- types.rs ----
/// `peerUser#59511722`
#[derive(Clone, Default)]
pub struct PeerUser {
    pub user_id: i64,
}
impl PeerUser {
    pub const ID: u32 = 0x59511722;
    pub const IDS: &'static [u32] = &[0x59511722];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0x59511722 => {
                let f_user_id = r.take_i64()?;
                Some(Self {
                    user_id: f_user_id,
                })
            }
            _ => r.unknown("peerUser", id),
        }
    }
}
impl crate::Decode for PeerUser {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for PeerUser {
    fn encode(&self, w: &mut crate::Writer) {
            w.words([0x59511722, self.user_id as u32, (self.user_id >> 32) as u32]);
    }
}
impl std::fmt::Debug for PeerUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for PeerUser {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}

/// `peerSelf#00000001`
#[derive(Clone, Default)]
pub struct PeerSelf;
impl PeerSelf {
    pub const ID: u32 = 0x00000001;
    pub const IDS: &'static [u32] = &[0x00000001];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0x00000001 => {
                Some(Self)
            }
            _ => r.unknown("peerSelf", id),
        }
    }
}
impl crate::Decode for PeerSelf {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for PeerSelf {
    fn encode(&self, w: &mut crate::Writer) {
            w.u32(0x00000001);
    }
}
impl std::fmt::Debug for PeerSelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for PeerSelf {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}

/// `note#00000020`
#[derive(Clone, Default)]
pub struct Note {
    pub pinned: bool,
    pub id: i32,
    pub text: String,
    pub author: Option<crate::enums::Peer>,
    pub media: Option<crate::enums::Media>,
}
impl Note {
    pub const ID: u32 = 0x00000020;
    pub const IDS: &'static [u32] = &[0x00000020, 0x00000021];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0x00000020 => {
                let [w_flags, n_id] = r.take_words()?;
                let f_id = n_id as i32;
                let f_pinned = w_flags & 0x1 != 0;
                let f_text = r.take_text()?.into_string();
                let f_author = if w_flags & 0x2 != 0 { Some(<crate::enums::Peer as crate::Decode>::take(r)?) } else { None };
                let f_media = if w_flags & 0x4 != 0 { Some(<crate::enums::Media as crate::Decode>::take(r)?) } else { None };
                Some(Self {
                    pinned: f_pinned,
                    id: f_id,
                    text: f_text,
                    author: f_author,
                    media: f_media,
                })
            }
            0x00000021 => {
                let [w_flags, n_id] = r.take_words()?;
                let f_id = n_id as i32;
                let f_text = r.take_text()?.into_string();
                let f_author_id = if w_flags & 0x2 != 0 { Some(r.take_i64()?) } else { None };
                let m_author = crate::compat::author(&f_author_id);
                Some(Self {
                    pinned: false,
                    id: f_id,
                    text: f_text,
                    author: m_author,
                    media: None,
                })
            }
            _ => r.unknown("note", id),
        }
    }
}
impl crate::Decode for Note {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for Note {
    fn encode(&self, w: &mut crate::Writer) {
        match w.layer.0 {
        150.. => {
            let w_flags = u32::from(self.pinned) << 0 | u32::from(self.author.is_some()) << 1 | u32::from(self.media.is_some()) << 2;
            w.words([0x00000020, w_flags, self.id as u32]);
            w.bytes(self.text.as_bytes());
            if let Some(x) = &self.author { crate::Encode::encode(x, w); }
            if let Some(x) = &self.media { crate::Encode::encode(x, w); }
        }
        _ => {
            let f_author_id: Option<i64> = crate::compat::author_id(&self.author);
            let w_flags = u32::from(f_author_id.is_some()) << 1;
            w.words([0x00000021, w_flags, self.id as u32]);
            w.bytes(self.text.as_bytes());
            if let Some(x) = &f_author_id { w.i64(*x); }
        }
        }
    }
}
impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for Note {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}

/// `mediaEmpty#00000030`
#[derive(Clone, Default)]
pub struct MediaEmpty;
impl MediaEmpty {
    pub const ID: u32 = 0x00000030;
    pub const IDS: &'static [u32] = &[0x00000030];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0x00000030 => {
                Some(Self)
            }
            _ => r.unknown("mediaEmpty", id),
        }
    }
}
impl crate::Decode for MediaEmpty {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for MediaEmpty {
    fn encode(&self, w: &mut crate::Writer) {
            w.u32(0x00000030);
    }
}
impl std::fmt::Debug for MediaEmpty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for MediaEmpty {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}

/// `mediaUnsupported#00000031`
#[derive(Clone, Default)]
pub struct MediaUnsupported;
impl MediaUnsupported {
    pub const ID: u32 = 0x00000031;
    pub const IDS: &'static [u32] = &[0x00000031];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0x00000031 => {
                Some(Self)
            }
            _ => r.unknown("mediaUnsupported", id),
        }
    }
}
impl crate::Decode for MediaUnsupported {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for MediaUnsupported {
    fn encode(&self, w: &mut crate::Writer) {
            w.u32(0x00000031);
    }
}
impl std::fmt::Debug for MediaUnsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for MediaUnsupported {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}

/// `mediaSketch#00000032`
#[derive(Clone, Default)]
pub struct MediaSketch {
    pub strokes: Vec<i32>,
    pub ratio: f64,
    pub cover: Option<crate::enums::Media>,
}
impl MediaSketch {
    pub const ID: u32 = 0x00000032;
    pub const IDS: &'static [u32] = &[0x00000032];
    const ZERO: Self = crate::types::MediaSketch { strokes: Vec::new(), ratio: 0.0, cover: None, };
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        Self::read_boxed(id, r).map(|x| *x)
    }
    pub(crate) fn read_boxed(id: u32, r: &mut crate::Reader<'_>) -> Option<Box<Self>> {
        let mut x: Box<Self>;
        match id {
            0x00000032 => {
                x = r.room(|| Box::new(Self::ZERO))?;
                let w_flags = r.take_u32()?;
                x.strokes = r.take_vector::<i32>()?;
                x.ratio = r.take_f64()?;
                if w_flags & 0x1 != 0 { x.cover = Some(<crate::enums::Media as crate::Decode>::take(r)?); }
                Some(x)
            }
            _ => r.unknown("mediaSketch", id),
        }
    }
}
impl crate::Decode for MediaSketch {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        r.take_nested(|r| Self::read(id, r))
    }
}
impl crate::Encode for MediaSketch {
    fn encode(&self, w: &mut crate::Writer) {
        if w.unspeakable { return; }
        let start = w.out.len();
        match w.layer.0 {
        200.. => {
            let w_flags = u32::from(self.cover.is_some()) << 0;
            w.words([0x00000032, w_flags]);
            w.vector(&self.strokes);
            w.words([self.ratio.to_bits() as u32, (self.ratio.to_bits() >> 32) as u32]);
            if let Some(x) = &self.cover { crate::Encode::encode(x, w); }
        }
        _ => {
            w.unspeakable = true;
        }
        }
        if w.unspeakable {
            w.out.truncate(start);
            w.unspeakable = false;
            crate::Encode::encode(&crate::types::MediaUnsupported::default(), w);
        }
    }
}
impl std::fmt::Debug for MediaSketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for MediaSketch {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}

/// `mediaLink#00000033`
#[derive(Clone, Default)]
pub struct MediaLink {
    pub url: String,
    pub title: Option<String>,
}
impl MediaLink {
    pub const ID: u32 = 0x00000033;
    pub const IDS: &'static [u32] = &[0x00000033, 0x00000034];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0x00000033 => {
                let w_flags = r.take_u32()?;
                let f_url = r.take_text()?.into_string();
                let f_title = if w_flags & 0x1 != 0 { Some(r.take_text()?.into_string()) } else { None };
                Some(Self {
                    url: f_url,
                    title: f_title,
                })
            }
            0x00000034 => {
                let f_url = r.take_text()?.into_string();
                Some(Self {
                    url: f_url,
                    title: None,
                })
            }
            _ => r.unknown("mediaLink", id),
        }
    }
}
impl crate::Decode for MediaLink {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for MediaLink {
    fn encode(&self, w: &mut crate::Writer) {
        match w.layer.0 {
        180.. => {
            let w_flags = u32::from(self.title.is_some()) << 0;
            w.words([0x00000033, w_flags]);
            w.bytes(self.url.as_bytes());
            if let Some(x) = &self.title { w.bytes(x.as_bytes()); }
        }
        _ => {
            if let Some(other) = crate::compat::plain_link(self) {
                return crate::Encode::encode(&other, w);
            }
            w.u32(0x00000034);
            w.bytes(self.url.as_bytes());
        }
        }
    }
}
impl std::fmt::Debug for MediaLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for MediaLink {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}

pub mod notes {
/// `notes.sent#00000050`
#[derive(Clone, Default)]
pub struct Sent {
    pub notes: Vec<crate::types::Note>,
}
impl Sent {
    pub const ID: u32 = 0x00000050;
    pub const IDS: &'static [u32] = &[0x00000050];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0x00000050 => {
                let f_notes = r.take_vector::<crate::types::Note>()?;
                Some(Self {
                    notes: f_notes,
                })
            }
            _ => r.unknown("notes.sent", id),
        }
    }
}
impl crate::Decode for Sent {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for Sent {
    fn encode(&self, w: &mut crate::Writer) {
        match w.layer.0 {
        170.. => {
            w.u32(0x00000050);
            w.vector(&self.notes);
        }
        _ => {
            w.unspeakable = true;
        }
        }
    }
}
impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for Sent {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}

}


// ---- functions.rs ----
/// `invokeWithLayer#da9b0d0d`
#[derive(Clone, Default)]
pub struct InvokeWithLayer {
    pub layer: i32,
}
impl InvokeWithLayer {
    pub const ID: u32 = 0xda9b0d0d;
    pub const IDS: &'static [u32] = &[0xda9b0d0d];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0xda9b0d0d => {
                let f_layer = r.take_i32()?;
                Some(Self {
                    layer: f_layer,
                })
            }
            _ => r.unknown("invokeWithLayer", id),
        }
    }
}
impl crate::Decode for InvokeWithLayer {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for InvokeWithLayer {
    fn encode(&self, w: &mut crate::Writer) {
            w.words([0xda9b0d0d, self.layer as u32]);
    }
}
impl std::fmt::Debug for InvokeWithLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for InvokeWithLayer {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}

pub mod notes {
/// `notes.send#00000040`
#[derive(Clone, Default)]
pub struct Send {
    pub peer: crate::enums::Peer,
    pub text: String,
    pub silent: bool,
}
impl Send {
    pub const ID: u32 = 0x00000040;
    pub const IDS: &'static [u32] = &[0x00000040, 0x00000041];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0x00000040 => {
                let f_peer = <crate::enums::Peer as crate::Decode>::take(r)?;
                let f_text = r.take_text()?.into_string();
                let f_silent = r.take_bool()?;
                Some(Self {
                    peer: f_peer,
                    text: f_text,
                    silent: f_silent,
                })
            }
            0x00000041 => {
                let f_peer = <crate::enums::Peer as crate::Decode>::take(r)?;
                let f_text = r.take_text()?.into_string();
                let m_silent = false;
                Some(Self {
                    peer: f_peer,
                    text: f_text,
                    silent: m_silent,
                })
            }
            _ => r.unknown("notes.send", id),
        }
    }
}
impl crate::Decode for Send {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for Send {
    fn encode(&self, w: &mut crate::Writer) {
        match w.layer.0 {
        170.. => {
            w.u32(0x00000040);
            crate::Encode::encode(&self.peer, w);
            w.bytes(self.text.as_bytes());
            w.u32(crate::writer::bool_id(self.silent));
        }
        _ => {
            w.u32(0x00000041);
            crate::Encode::encode(&self.peer, w);
            w.bytes(self.text.as_bytes());
        }
        }
    }
}
impl std::fmt::Debug for Send {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for Send {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}
impl crate::Method for Send {
    type Return = crate::types::notes::Sent;
    const NAME: &'static str = "notes.send";
    const ID: u32 = Self::ID;
    const IDS: &'static [u32] = Self::IDS;
    fn encode_return(answer: &Self::Return, asked: u32, w: &mut crate::Writer) {
        match asked {
            0x00000041 => match crate::compat::was_sent(answer) { Some(other) => crate::Encode::encode(&other, w), None => w.unspeakable = true },
            _ => crate::Encode::encode(answer, w),
        }
    }
}

}


// ---- enums.rs ----
/// `Media`
#[derive(Clone)]
pub enum Media {
    MediaEmpty,
    MediaUnsupported,
    MediaSketch(Box<crate::types::MediaSketch>),
    MediaLink(crate::types::MediaLink),
}
impl Default for Media {
    fn default() -> Self { Self::MediaEmpty }
}
impl crate::Encode for Media {
    fn encode(&self, w: &mut crate::Writer) {
        match self {
            Self::MediaEmpty => crate::Encode::encode(&crate::types::MediaEmpty, w),
            Self::MediaUnsupported => crate::Encode::encode(&crate::types::MediaUnsupported, w),
            Self::MediaSketch(x) => crate::Encode::encode(&**x, w),
            Self::MediaLink(x) => crate::Encode::encode(x, w),
        }
    }
}
impl crate::Decode for Media {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        r.take_nested(|r| match id {
            0x00000030 => crate::types::MediaEmpty::read(id, r).map(|_| Self::MediaEmpty),
            0x00000031 => crate::types::MediaUnsupported::read(id, r).map(|_| Self::MediaUnsupported),
            0x00000032 => crate::types::MediaSketch::read_boxed(id, r).map(Self::MediaSketch),
            0x00000033 | 0x00000034 => crate::types::MediaLink::read(id, r).map(Self::MediaLink),
            _ => r.unknown("Media", id),
        })
    }
}
impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for Media {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}
impl From<crate::types::MediaEmpty> for Media {
    fn from(_: crate::types::MediaEmpty) -> Self { Self::MediaEmpty }
}
impl From<crate::types::MediaUnsupported> for Media {
    fn from(_: crate::types::MediaUnsupported) -> Self { Self::MediaUnsupported }
}
impl From<crate::types::MediaSketch> for Media {
    fn from(x: crate::types::MediaSketch) -> Self { Self::MediaSketch(Box::new(x)) }
}
impl From<crate::types::MediaLink> for Media {
    fn from(x: crate::types::MediaLink) -> Self { Self::MediaLink(x) }
}

/// `Peer`
#[derive(Clone)]
pub enum Peer {
    PeerUser(crate::types::PeerUser),
    PeerSelf,
}
impl Default for Peer {
    fn default() -> Self { Self::PeerSelf }
}
impl crate::Encode for Peer {
    fn encode(&self, w: &mut crate::Writer) {
        match self {
            Self::PeerUser(x) => crate::Encode::encode(x, w),
            Self::PeerSelf => crate::Encode::encode(&crate::types::PeerSelf, w),
        }
    }
}
impl crate::Decode for Peer {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        match id {
            0x59511722 => crate::types::PeerUser::read(id, r).map(Self::PeerUser),
            0x00000001 => crate::types::PeerSelf::read(id, r).map(|_| Self::PeerSelf),
            _ => r.unknown("Peer", id),
        }
    }
}
impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}
impl From<crate::types::PeerUser> for Peer {
    fn from(x: crate::types::PeerUser) -> Self { Self::PeerUser(x) }
}
impl From<crate::types::PeerSelf> for Peer {
    fn from(_: crate::types::PeerSelf) -> Self { Self::PeerSelf }
}


// ---- service.rs ----
/// `future_salt#0949d9dc`
#[derive(Clone, Default)]
pub struct FutureSalt {
    pub valid_since: i32,
    pub valid_until: i32,
    pub salt: i64,
}
impl FutureSalt {
    pub const ID: u32 = 0x0949d9dc;
    pub const IDS: &'static [u32] = &[0x0949d9dc];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0x0949d9dc => {
                let [n_valid_since, n_valid_until, low_salt, high_salt] = r.take_words()?;
                let f_valid_since = n_valid_since as i32;
                let f_valid_until = n_valid_until as i32;
                let f_salt = crate::reader::long(low_salt, high_salt);
                Some(Self {
                    valid_since: f_valid_since,
                    valid_until: f_valid_until,
                    salt: f_salt,
                })
            }
            _ => r.unknown("future_salt", id),
        }
    }
    pub(crate) fn read_bare(r: &mut crate::Reader<'_>) -> Option<Self> {
        Self::read(Self::ID, r)
    }
    pub(crate) fn write_bare(&self, w: &mut crate::Writer) {
            w.words([self.valid_since as u32, self.valid_until as u32, self.salt as u32, (self.salt >> 32) as u32]);
    }
}
impl crate::Decode for FutureSalt {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for FutureSalt {
    fn encode(&self, w: &mut crate::Writer) {
            w.words([0x0949d9dc, self.valid_since as u32, self.valid_until as u32, self.salt as u32, (self.salt >> 32) as u32]);
    }
}
impl std::fmt::Debug for FutureSalt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for FutureSalt {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}

/// `future_salts#ae500895`
#[derive(Clone, Default)]
pub struct FutureSalts {
    pub req_msg_id: i64,
    pub now: i32,
    pub salts: Vec<crate::service::FutureSalt>,
}
impl FutureSalts {
    pub const ID: u32 = 0xae500895;
    pub const IDS: &'static [u32] = &[0xae500895];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0xae500895 => {
                let [low_req_msg_id, high_req_msg_id, n_now] = r.take_words()?;
                let f_req_msg_id = crate::reader::long(low_req_msg_id, high_req_msg_id);
                let f_now = n_now as i32;
                let f_salts = r.take_bare_vector(crate::service::FutureSalt::read_bare)?;
                Some(Self {
                    req_msg_id: f_req_msg_id,
                    now: f_now,
                    salts: f_salts,
                })
            }
            _ => r.unknown("future_salts", id),
        }
    }
}
impl crate::Decode for FutureSalts {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for FutureSalts {
    fn encode(&self, w: &mut crate::Writer) {
            w.words([0xae500895, self.req_msg_id as u32, (self.req_msg_id >> 32) as u32, self.now as u32]);
            w.bare_vector(&self.salts, |x, w| x.write_bare(w));
    }
}
impl std::fmt::Debug for FutureSalts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for FutureSalts {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}

pub mod enums {
}

// ---- stored.rs ----
/// `stored.account#57608f63`
#[derive(Clone, Default)]
pub struct Account {
    pub id: i64,
    pub name: String,
    pub since: i32,
}
impl Account {
    pub const ID: u32 = 0x57608f63;
    pub const IDS: &'static [u32] = &[0x57608f63, 0xece03b20];
    pub(crate) fn read(id: u32, r: &mut crate::Reader<'_>) -> Option<Self> {
        match id {
            0x57608f63 => {
                let f_id = r.take_i64()?;
                let f_name = r.take_text()?.into_string();
                let f_since = r.take_i32()?;
                Some(Self {
                    id: f_id,
                    name: f_name,
                    since: f_since,
                })
            }
            0xece03b20 => {
                let f_id = r.take_i64()?;
                let f_name = r.take_text()?.into_string();
                let m_since = 0;
                Some(Self {
                    id: f_id,
                    name: f_name,
                    since: m_since,
                })
            }
            _ => r.unknown("stored.account", id),
        }
    }
}
impl crate::Decode for Account {
    fn take(r: &mut crate::Reader<'_>) -> Option<Self> {
        let id = r.take_u32()?;
        Self::read(id, r)
    }
}
impl crate::Encode for Account {
    fn encode(&self, w: &mut crate::Writer) {
            w.words([0x57608f63, self.id as u32, (self.id >> 32) as u32]);
            w.bytes(self.name.as_bytes());
            w.u32(self.since as u32);
    }
}
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { crate::describe::debug(self, f) }
}
impl PartialEq for Account {
    fn eq(&self, other: &Self) -> bool { crate::describe::same(self, other) }
}
impl crate::Record for Account {}

pub mod enums {
}

// ---- names.rs ----
/// The name of each method and the ids of its shapes, newest first; in the order of the schema.
#[must_use]
pub const fn methods() -> &'static [(&'static str, &'static [u32])] {
    METHODS
}

/// The method that has or had `id`.
#[must_use]
pub fn method_name(id: u32) -> Option<&'static str> {
    let at = BY_ID.binary_search_by_key(&id, |&(id, _)| id).ok()?;
    BY_ID.get(at).map(|&(_, name)| name)
}

const METHODS: &[(&str, &[u32])] = &[
    ("invokeWithLayer", &[0xda9b0d0d]),
    ("notes.send", &[0x00000040, 0x00000041]),
];

const BY_ID: &[(u32, &str)] = &[
    (0x00000040, "notes.send"),
    (0x00000041, "notes.send"),
    (0xda9b0d0d, "invokeWithLayer"),
];

// ---- shapes.rs ----
/// Every shape: `section id since until name fields = result`.
pub(crate) const SHAPES: &str = "\
t 59511722 146 232 peerUser user_id:long = Peer\n\
t 00000001 146 232 peerSelf = Peer\n\
t 00000020 150 232 note flags:# pinned:flags.0?true id:int text:string author:flags.1?Peer media:flags.2?Media = Note\n\
t 00000021 146 149 note flags:# id:int text:string author_id:flags.1?long = Note\n\
t 00000030 146 232 mediaEmpty = Media\n\
t 00000031 146 232 mediaUnsupported = Media\n\
t 00000032 200 232 mediaSketch flags:# strokes:Vector<int> ratio:double cover:flags.0?Media = Media\n\
t 00000033 180 232 mediaLink flags:# url:string title:flags.0?string = Media\n\
t 00000034 146 179 mediaLink url:string = Media\n\
f da9b0d0d 146 232 invokeWithLayer {X:Type} layer:int query:!X = X\n\
f 00000040 170 232 notes.send peer:Peer text:string silent:Bool = notes.Sent\n\
f 00000041 146 169 notes.send peer:Peer text:string = Bool\n\
t 00000050 170 232 notes.sent notes:Vector<Note> = notes.Sent\n\
s 0949d9dc 146 232 future_salt valid_since:int valid_until:int salt:long = FutureSalt\n\
s ae500895 146 232 future_salts req_msg_id:long now:int salts:vector<future_salt> = FutureSalts\n\
d 57608f63 146 232 stored.account id:long name:string since:int = stored.Account\n\
d ece03b20 146 232 stored.account id:long name:string = stored.Account\n\
";

// ---- any.rs ----
/// Reads the value that begins with any known id.
pub(crate) fn read(r: &mut crate::Reader<'_>) -> Result<Box<dyn crate::Encode>, crate::Error> {
    match r.peek_u32() {
        Some(0x59511722) => Ok(Box::new(<crate::types::PeerUser as crate::Decode>::decode(r)?)),
        Some(0x00000001) => Ok(Box::new(<crate::types::PeerSelf as crate::Decode>::decode(r)?)),
        Some(0x00000020) | Some(0x00000021) => Ok(Box::new(<crate::types::Note as crate::Decode>::decode(r)?)),
        Some(0x00000030) => Ok(Box::new(<crate::types::MediaEmpty as crate::Decode>::decode(r)?)),
        Some(0x00000031) => Ok(Box::new(<crate::types::MediaUnsupported as crate::Decode>::decode(r)?)),
        Some(0x00000032) => Ok(Box::new(<crate::types::MediaSketch as crate::Decode>::decode(r)?)),
        Some(0x00000033) | Some(0x00000034) => Ok(Box::new(<crate::types::MediaLink as crate::Decode>::decode(r)?)),
        Some(0xda9b0d0d) => Ok(Box::new(<crate::functions::InvokeWithLayer as crate::Decode>::decode(r)?)),
        Some(0x00000040) | Some(0x00000041) => Ok(Box::new(<crate::functions::notes::Send as crate::Decode>::decode(r)?)),
        Some(0x00000050) => Ok(Box::new(<crate::types::notes::Sent as crate::Decode>::decode(r)?)),
        Some(0x0949d9dc) => Ok(Box::new(<crate::service::FutureSalt as crate::Decode>::decode(r)?)),
        Some(0xae500895) => Ok(Box::new(<crate::service::FutureSalts as crate::Decode>::decode(r)?)),
        Some(0x57608f63) | Some(0xece03b20) => Ok(Box::new(<crate::stored::Account as crate::Decode>::decode(r)?)),
        id => Err(crate::Error::UnknownConstructor { expected: "anything", id: id.unwrap_or(0) }),
    }
}

