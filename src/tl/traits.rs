//! What every value of the language can do.

use crate::{Error, Layer, Reader, Writer};

/// A value that can be written, in its boxed form: the id first.
pub trait Encode {
    /// Writes the value in the words of `w.layer`; sets `w.unspeakable` if that layer has none.
    fn encode(&self, w: &mut Writer);
}

/// A value that can be read from its boxed form, whichever of its known ids stands there.
pub trait Decode: Sized {
    /// Reads one value and leaves the reader behind it; `None` if it cannot be read, and the reader knows why.
    fn take(r: &mut Reader<'_>) -> Option<Self>;

    /// Reads one value and leaves the reader behind it.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        Self::take(r).ok_or_else(|| r.fault())
    }
}

/// A method of the API.
pub trait Method: Encode + Decode {
    /// What it answers, in the newest shape.
    type Return: Encode + Decode;
    /// Its name as the schema writes it, `messages.sendMessage`.
    const NAME: &'static str;
    /// The id of its newest shape.
    const ID: u32;
    /// The ids of all its shapes, the newest first.
    const IDS: &'static [u32];

    /// Writes an answer for someone who asked with the id `asked`: a method whose type of result changed answers each
    /// shape of the question with the type that belongs to it.
    fn encode_return(answer: &Self::Return, asked: u32, w: &mut Writer) {
        let _ = asked;
        answer.encode(w);
    }
}

/// A record on disk: any line of the `---store---` section. Older lines of the same name are read as the newest.
pub trait Record: Encode + Decode {
    /// The record as it is kept.
    fn to_bytes(&self) -> Vec<u8> {
        write(self, Layer::ALL)
    }

    /// The record that was kept as `bytes`.
    ///
    /// # Errors
    /// What is wrong with the bytes: the disk holds something else than was written.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        read(bytes)
    }
}

/// A record that can be looked at without copying its strings and bytes: a line that says `borrowed`.
pub trait Look: Record {
    /// The record, with its strings and bytes where they lie.
    type Ref<'a>;

    /// Reads one and leaves the reader behind it; `None` if it cannot be read, and the reader knows why.
    fn look<'a>(r: &mut Reader<'a>) -> Option<Self::Ref<'a>>;
}

/// Looks at the record that fills `bytes` exactly.
///
/// # Errors
/// As [`read`].
pub fn look<T: Look>(bytes: &[u8]) -> Result<T::Ref<'_>, Error> {
    let mut r = Reader::new(bytes);
    let value = T::look(&mut r).ok_or_else(|| r.fault())?;
    r.finish()?;
    Ok(value)
}

/// Reads one value that fills `bytes` exactly.
///
/// # Errors
/// What is wrong with the bytes; [`Error::TrailingBytes`] if the value ends before they do.
pub fn read<T: Decode>(bytes: &[u8]) -> Result<T, Error> {
    let mut r = Reader::new(bytes);
    let value = T::decode(&mut r)?;
    r.finish()?;
    Ok(value)
}

/// As [`read`], and accepts only what [`write()`] writes.
///
/// # Errors
/// As [`read`], and [`Error::NotCanonical`].
pub fn read_strict<T: Decode>(bytes: &[u8]) -> Result<T, Error> {
    let mut r = Reader::strict(bytes);
    let value = T::decode(&mut r)?;
    r.finish()?;
    Ok(value)
}

/// The bytes of `value` in the words of `layer`, for what every layer can say; else see [`say()`].
#[must_use]
pub fn write<T: Encode + ?Sized>(value: &T, layer: Layer) -> Vec<u8> {
    let mut w = Writer::spare(layer);
    value.encode(&mut w);
    w.finish()
}

/// The bytes of `value` in the words of `layer`; `None` if that layer has no words for it, and nothing must be sent.
#[must_use]
pub fn say<T: Encode + ?Sized>(value: &T, layer: Layer) -> Option<Vec<u8>> {
    let mut w = Writer::spare(layer);
    value.encode(&mut w);
    w.said()
}

macro_rules! primitives {
    ($($rust:ty, $method:ident, $take:ident;)*) => {$(
        impl Encode for $rust {
            fn encode(&self, w: &mut Writer) {
                w.$method(*self);
            }
        }
        impl Decode for $rust {
            fn take(r: &mut Reader<'_>) -> Option<Self> {
                r.$take()
            }
        }
    )*};
}

primitives! {
    i32, i32, take_i32;
    i64, i64, take_i64;
    f64, f64, take_f64;
    bool, bool, take_bool;
}

impl Encode for String {
    fn encode(&self, w: &mut Writer) {
        w.bytes(self.as_bytes());
    }
}

impl Decode for String {
    fn take(r: &mut Reader<'_>) -> Option<Self> {
        r.take_text().map(str::into_string)
    }
}

impl Encode for Vec<u8> {
    fn encode(&self, w: &mut Writer) {
        w.bytes(self);
    }
}

impl Decode for Vec<u8> {
    fn take(r: &mut Reader<'_>) -> Option<Self> {
        r.take_blob().map(<[u8]>::into_vec)
    }
}

impl<const N: usize> Encode for [u8; N] {
    fn encode(&self, w: &mut Writer) {
        w.raw(self);
    }
}

impl<const N: usize> Decode for [u8; N] {
    fn take(r: &mut Reader<'_>) -> Option<Self> {
        r.take_array()
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, w: &mut Writer) {
        w.vector(self);
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn take(r: &mut Reader<'_>) -> Option<Self> {
        r.take_vector()
    }
}

impl<T: Encode> Encode for Box<T> {
    fn encode(&self, w: &mut Writer) {
        (**self).encode(w);
    }
}

impl<T: Decode> Decode for Box<T> {
    fn take(r: &mut Reader<'_>) -> Option<Self> {
        let value = T::take(r)?;
        r.boxed(value)
    }
}
