//! Writing: values into bytes, in the words of one layer.

use std::cell::RefCell;

use crate::limits::{SPARE_BYTES_MAX, SPARES_MAX};
use crate::{BOOL_FALSE, BOOL_TRUE, Encode, VECTOR};

thread_local! {
    /// Buffers for whoever writes next on this thread: they have grown already to what is usually written. More than one,
    /// because records are written while an answer is.
    static SPARES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A version of the API language, as a client states it in `invokeWithLayer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layer(pub u16);

impl Layer {
    /// The oldest layer whose words are known; whoever states an older one is spoken to in this.
    pub const OLDEST: Self = Self(146);
    /// The newest layer whose words are known; whoever states a newer one is spoken to in this.
    pub const NEWEST: Self = Self(232);
    /// No client's layer: the newest shape of every name, also of names that no layer speaks any more. For the disk,
    /// for comparing and printing.
    pub const ALL: Self = Self(u16::MAX);
}

/// Bytes being written for one layer.
pub struct Writer {
    /// What was written.
    pub out: Vec<u8>,
    /// Whose words are used.
    pub layer: Layer,
    /// Set when a value cannot be said in the layer. Vectors then drop the element, optional fields become absent; where
    /// neither is at hand it stays set to the end, and `out` must not be sent.
    pub unspeakable: bool,
}

impl Writer {
    /// An empty writer for `layer`.
    #[must_use]
    pub fn new(layer: Layer) -> Self {
        Self { out: Vec::new(), layer, unspeakable: false }
    }

    /// A writer for `layer` into a spare buffer of the thread, which [`Self::finish`] gives back.
    #[must_use]
    pub fn spare(layer: Layer) -> Self {
        let mut out = SPARES.with_borrow_mut(Vec::pop).unwrap_or_default();
        out.clear();
        Self { out, layer, unspeakable: false }
    }

    /// What was written, in memory of exactly its size.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        if self.out.capacity() > SPARE_BYTES_MAX {
            return self.out;
        }
        self.show(|written| written.to_vec())
    }

    /// Shows what was written to `see`, for whoever does not want it in a `Vec`.
    pub fn show<R>(mut self, see: impl FnOnce(&mut [u8]) -> R) -> R {
        let seen = see(&mut self.out);
        if self.out.capacity() <= SPARE_BYTES_MAX {
            SPARES.with_borrow_mut(|spares| {
                if spares.len() < SPARES_MAX {
                    spares.push(self.out);
                }
            });
        }
        seen
    }

    /// As [`Self::finish`]; nothing if it could not be said in the layer.
    #[must_use]
    pub fn said(self) -> Option<Vec<u8>> {
        let unspeakable = self.unspeakable;
        let bytes = self.finish();
        (!unspeakable).then_some(bytes)
    }

    /// Bytes as they are.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// An id or a word of flags.
    #[inline]
    pub fn u32(&mut self, value: u32) {
        // spec: TL-1
        self.raw(&value.to_le_bytes());
    }

    /// An `int`.
    #[inline]
    pub fn i32(&mut self, value: i32) {
        self.raw(&value.to_le_bytes());
    }

    /// A `long`.
    #[inline]
    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_le_bytes());
    }

    /// A `double`.
    #[inline]
    pub fn f64(&mut self, value: f64) {
        self.raw(&value.to_le_bytes());
    }

    /// `Bool`.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.u32(bool_id(value));
    }

    /// Several words, with one look at the room: what stands behind each other in fixed sizes.
    #[inline]
    pub(crate) fn words<const N: usize>(&mut self, words: [u32; N]) {
        self.raw(words.map(u32::to_le_bytes).as_flattened());
    }

    /// `bytes` and `string`. The notation has 24 bits for the length; what is longer is unspeakable.
    pub fn bytes(&mut self, value: &[u8]) {
        // spec: TL-2
        // One look at the room for all that follows.
        self.out.reserve(value.len().saturating_add(8));
        let head = match u32::try_from(value.len()) {
            Ok(len @ 0..254) => {
                self.out.push(len as u8);
                1
            }
            Ok(len @ 254..0x100_0000) => {
                self.u32(len << 8 | 254);
                4
            }
            _ => {
                self.unspeakable = true;
                return;
            }
        };
        self.raw(value);
        // Of constant sizes, so that no function is called for so little.
        match (head + value.len()) % 4 {
            1 => self.raw(&[0; 3]),
            2 => self.raw(&[0; 2]),
            3 => self.raw(&[0]),
            _ => {}
        }
    }

    /// `Vector<T>`, without the elements that cannot be said in this layer.
    pub fn vector<T: Encode>(&mut self, elements: &[T]) {
        self.u32(VECTOR);
        self.bare_vector(elements, T::encode);
    }

    /// `vector<%T>`: a count and elements, each written by `element`, without those that cannot be said.
    pub fn bare_vector<T>(&mut self, elements: &[T], element: impl Fn(&T, &mut Self)) {
        // spec: TL-3
        if self.unspeakable {
            return; // The whole is thrown away anyhow.
        }
        let count_at = self.out.len();
        self.u32(0);
        let mut count = 0u32;
        for each in elements {
            let start = self.out.len();
            element(each, self);
            if self.unspeakable {
                self.out.truncate(start);
                self.unspeakable = false;
            } else {
                count += 1;
            }
        }
        self.patch(count_at, |_| count);
    }

    /// An optional field whose value may be unspeakable: then it is taken back, and its `bit` in the flags written at
    /// `flags_at` with it.
    pub fn optional<T: Encode>(&mut self, flags_at: usize, bit: u32, value: &T) {
        if self.unspeakable {
            return;
        }
        let start = self.out.len();
        value.encode(self);
        if self.unspeakable {
            self.out.truncate(start);
            self.unspeakable = false;
            self.patch(flags_at, |flags| flags & !bit);
        }
    }

    fn patch(&mut self, at: usize, change: impl FnOnce(u32) -> u32) {
        if let Some(word) = self.out.get_mut(at..).and_then(|out| out.first_chunk_mut::<4>()) {
            *word = change(u32::from_le_bytes(*word)).to_le_bytes();
        }
    }
}

/// `Bool` as a word, for [`Writer::words`].
#[inline]
pub(crate) fn bool_id(value: bool) -> u32 {
    if value { BOOL_TRUE } else { BOOL_FALSE }
}
