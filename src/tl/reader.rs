//! Reading: a cursor over bytes that cannot run past their end.

use crate::limits::{DEPTH_MAX, MEMORY_BASE_BYTES, MEMORY_PER_BYTE_MAX};
use crate::{Decode, Error, VECTOR};

/// Strings up to this length are checked in two words.
const SHORT_TEXT_BYTES: usize = 16;

/// A bounds-checked cursor over TL bytes.
///
/// It is tolerant as long as nobody asks otherwise: strings in needlessly long form and padding that is not zero are
/// accepted, because real clients send both. It never allocates more than the input justifies, never nests deeper than
/// [`DEPTH_MAX`], never panics.
///
/// Generated code reads by the methods `take_*`: they return `Option`, and what went wrong stays here until somebody asks.
/// A small value comes back in registers that way; inside a `Result` it goes through memory, written in pieces and read as a
/// whole right after, and a processor waits for that each time.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    budget: usize,
    depth: u8,
    strict: bool,
    /// Why something could not be taken. The bytes have ended, unless something else is said here.
    fault: Error,
}

impl<'a> Reader<'a> {
    /// A tolerant reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let budget = bytes.len().saturating_mul(MEMORY_PER_BYTE_MAX).saturating_add(MEMORY_BASE_BYTES);
        Self { rest: bytes, budget, depth: 0, strict: false, fault: Error::Truncated }
    }

    /// A reader that accepts only what [`crate::Writer`] would have written.
    #[must_use]
    pub fn strict(bytes: &'a [u8]) -> Self {
        Self { strict: true, ..Self::new(bytes) }
    }

    /// The bytes not yet read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes are not yet read.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Error::TrailingBytes`] if bytes are left.
    pub fn finish(&self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::TrailingBytes) }
    }

    /// The next `n` bytes, as they are.
    ///
    /// # Errors
    /// [`Error::Truncated`] if fewer are left.
    #[inline]
    pub fn raw(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes as an array: `int128`, `int256`.
    ///
    /// # Errors
    /// [`Error::Truncated`] if fewer are left.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    /// An id or a word of flags.
    ///
    /// # Errors
    /// [`Error::Truncated`] if fewer than 4 bytes are left.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, Error> {
        self.take_u32().ok_or(Error::Truncated)
    }

    /// The next id or word without moving on; `None` if fewer than 4 bytes are left.
    #[must_use]
    pub fn peek_u32(&self) -> Option<u32> {
        self.rest.first_chunk().map(|head| u32::from_le_bytes(*head))
    }

    /// An `int`.
    ///
    /// # Errors
    /// [`Error::Truncated`] if fewer than 4 bytes are left.
    #[inline]
    pub fn i32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_le_bytes)
    }

    /// A `long`.
    ///
    /// # Errors
    /// [`Error::Truncated`] if fewer than 8 bytes are left.
    #[inline]
    pub fn i64(&mut self) -> Result<i64, Error> {
        self.array().map(i64::from_le_bytes)
    }

    /// A `double`.
    ///
    /// # Errors
    /// [`Error::Truncated`] if fewer than 8 bytes are left.
    #[inline]
    pub fn f64(&mut self) -> Result<f64, Error> {
        self.array().map(f64::from_le_bytes)
    }

    /// `bytes` without a copy.
    ///
    /// # Errors
    /// [`Error::Truncated`]; in strict reading [`Error::NotCanonical`].
    #[inline]
    pub fn bytes_ref(&mut self) -> Result<&'a [u8], Error> {
        self.take_slice().ok_or_else(|| self.fault())
    }

    /// `bytes`.
    ///
    /// # Errors
    /// As [`Reader::bytes_ref`].
    pub fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        self.bytes_ref().map(<[u8]>::to_vec)
    }

    /// `string`.
    ///
    /// # Errors
    /// As [`Reader::bytes_ref`], and [`Error::NotUtf8`].
    pub fn string(&mut self) -> Result<String, Error> {
        self.take_text().map(str::into_string).ok_or_else(|| self.fault())
    }

    /// `Bool`.
    ///
    /// # Errors
    /// [`Error::Truncated`], or [`Error::UnknownConstructor`] for neither `boolTrue` nor `boolFalse`.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, Error> {
        self.take_bool().ok_or_else(|| self.fault())
    }

    /// `Vector<T>`, its id included.
    ///
    /// # Errors
    /// Those of the elements; [`Error::TooBig`] if the elements outgrow the input by far.
    pub fn vector<T: Decode>(&mut self) -> Result<Vec<T>, Error> {
        self.take_vector().ok_or_else(|| self.fault())
    }

    /// `vector<%T>`: a count and elements without ids, each read by `element`.
    ///
    /// # Errors
    /// As [`Reader::vector`].
    pub fn bare_vector<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.take_bare_vector(|r| element(r).or_else_fault(r)).ok_or_else(|| self.fault())
    }

    /// Reads a value of a type that may contain itself.
    ///
    /// # Errors
    /// [`Error::TooDeep`], and those of `read`.
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.take_nested(|r| read(r).or_else_fault(r)).ok_or_else(|| self.fault())
    }

    /// Why the last thing could not be taken. It is said once.
    pub(crate) fn fault(&mut self) -> Error {
        std::mem::replace(&mut self.fault, Error::Truncated)
    }

    /// Keeps `fault` for whoever asks.
    #[cold]
    pub(crate) fn fail<T>(&mut self, fault: Error) -> Option<T> {
        self.fault = fault;
        None
    }

    /// What stands here begins with an id that `expected` does not have.
    #[cold]
    pub(crate) fn unknown<T>(&mut self, expected: &'static str, id: u32) -> Option<T> {
        self.fail(Error::UnknownConstructor { expected, id })
    }

    /// As [`Self::array`].
    #[inline]
    pub(crate) fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*head)
    }

    /// The next `N` words, with one look at the end: what stands behind each other in fixed sizes.
    #[inline]
    pub(crate) fn take_words<const N: usize>(&mut self) -> Option<[u32; N]> {
        let (head, rest) = self.rest.split_at_checked(4 * N)?;
        self.rest = rest;
        head.as_chunks::<4>().0.first_chunk().map(|words| words.map(u32::from_le_bytes))
    }

    /// As [`Self::u32`].
    #[inline]
    pub(crate) fn take_u32(&mut self) -> Option<u32> {
        // spec: TL-1
        self.take_array().map(u32::from_le_bytes)
    }

    /// As [`Self::i32`].
    #[inline]
    pub(crate) fn take_i32(&mut self) -> Option<i32> {
        self.take_array().map(i32::from_le_bytes)
    }

    /// As [`Self::i64`].
    #[inline]
    pub(crate) fn take_i64(&mut self) -> Option<i64> {
        self.take_array().map(i64::from_le_bytes)
    }

    /// As [`Self::f64`].
    #[inline]
    pub(crate) fn take_f64(&mut self) -> Option<f64> {
        self.take_array().map(f64::from_le_bytes)
    }

    /// As [`Self::bool`].
    #[inline]
    pub(crate) fn take_bool(&mut self) -> Option<bool> {
        match self.take_u32()? {
            crate::BOOL_TRUE => Some(true),
            crate::BOOL_FALSE => Some(false),
            id => self.unknown("Bool", id),
        }
    }

    /// As [`Self::bytes_ref`].
    pub(crate) fn take_slice(&mut self) -> Option<&'a [u8]> {
        // spec: TL-2
        let (first, rest) = self.rest.split_first()?;
        let (len, head) = match *first {
            // 255 begins the 64-bit length that TDLib knows and nobody sends: no input of ours is that long.
            255 => return None,
            254 => {
                let [a, b, c] = *rest.first_chunk()?;
                (usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16, 4)
            }
            short => (usize::from(short), 1),
        };
        let (whole, rest) = self.rest.split_at_checked((head + len).next_multiple_of(4))?;
        self.rest = rest;
        let (body, padding) = whole.get(head..)?.split_at_checked(len)?;
        if self.strict && (head == 4 && len < 254 || padding.iter().any(|&b| b != 0)) {
            return self.fail(Error::NotCanonical);
        }
        Some(body)
    }

    /// `bytes` in memory of exactly their size: two words, which fit registers, where a `Vec` is three.
    pub(crate) fn take_blob(&mut self) -> Option<Box<[u8]>> {
        self.take_slice().map(Box::from)
    }

    /// `string`, likewise.
    ///
    /// The check of UTF-8 goes byte by byte until it stands at a whole word, and again at the end. Strings stand one byte off a
    /// word here, and most are names of a few bytes. So a short one is checked where zeros fill it up to two words, and a longer
    /// one in its own memory.
    pub(crate) fn take_text(&mut self) -> Option<Box<str>> {
        #[repr(align(16))]
        struct Words([u8; SHORT_TEXT_BYTES]);

        let from_here = self.rest.split_first();
        let body = self.take_slice()?;
        let text = match from_here.and_then(|(first, rest)| Some((first, rest.first_chunk()?))) {
            Some((&first, chunk)) if usize::from(first) == body.len() && body.len() <= SHORT_TEXT_BYTES => {
                // A character that is cut off is none with zeros behind it either.
                let unwanted = 8 * (SHORT_TEXT_BYTES - body.len()) as u32;
                let kept = u128::MAX.checked_shr(unwanted).unwrap_or(0) & u128::from_le_bytes(*chunk);
                let words = Words(kept.to_le_bytes());
                std::str::from_utf8(&words.0).ok().and_then(|text| text.get(..body.len())).map(Box::from)
            }
            _ => String::from_utf8(body.to_vec()).ok().map(String::into_boxed_str),
        };
        if text.is_none() { self.fail(Error::NotUtf8) } else { text }
    }

    /// `string`, where it lies.
    pub(crate) fn take_str(&mut self) -> Option<&'a str> {
        let body = self.take_slice()?;
        std::str::from_utf8(body).ok().or_else(|| self.fail(Error::NotUtf8))
    }

    /// As [`Self::vector`].
    pub(crate) fn take_vector<T: Decode>(&mut self) -> Option<Vec<T>> {
        match self.take_u32()? {
            VECTOR => self.take_bare_vector(T::take),
            id => self.unknown("Vector", id),
        }
    }

    /// As [`Self::bare_vector`].
    pub(crate) fn take_bare_vector<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        // spec: TL-3
        let count = self.take_count()?;
        // Room for what the bytes at hand would fill without any gain; beyond it the vector grows as elements arrive.
        let room = count.min(self.rest.len() / size_of::<T>().max(4) + 1);
        let mut out = Vec::with_capacity(room);
        for _ in 0..count {
            self.charge(size_of::<T>())?;
            out.push(element(self)?);
        }
        Some(out)
    }

    /// A box that is paid for, with `zero` in it, to read a large value into.
    #[inline]
    pub(crate) fn room<T>(&mut self, zero: impl FnOnce() -> Box<T>) -> Option<Box<T>> {
        self.charge(size_of::<T>())?;
        Some(zero())
    }

    /// Puts a large or recursive value into a box that is paid for.
    #[inline]
    pub(crate) fn boxed<T>(&mut self, value: T) -> Option<Box<T>> {
        self.charge(size_of::<T>())?;
        Some(Box::new(value))
    }

    /// As [`Self::nested`].
    #[inline]
    pub(crate) fn take_nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= DEPTH_MAX {
            return self.fail(Error::TooDeep);
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Some(value)
    }

    /// The count of a vector: not negative, and not more elements than 4-byte words are left.
    fn take_count(&mut self) -> Option<usize> {
        match usize::try_from(self.take_i32()?) {
            Ok(count) if count <= self.rest.len() / 4 => Some(count),
            Ok(_) => self.fail(Error::CountTooLarge),
            Err(_) => self.fail(Error::NegativeCount),
        }
    }

    #[inline]
    fn charge(&mut self, bytes: usize) -> Option<()> {
        match self.budget.checked_sub(bytes) {
            Some(left) => {
                self.budget = left;
                Some(())
            }
            None => self.fail(Error::TooBig),
        }
    }
}

/// What a function says by `Result`, said as the methods `take_*` do.
trait OrElseFault<T> {
    fn or_else_fault(self, r: &mut Reader<'_>) -> Option<T>;
}

impl<T> OrElseFault<T> for Result<T, Error> {
    fn or_else_fault(self, r: &mut Reader<'_>) -> Option<T> {
        self.map_or_else(|fault| r.fail(fault), Some)
    }
}

/// The `long` of two words, as generated code gets it out of [`Reader::take_words`].
#[inline]
pub(crate) fn long(low: u32, high: u32) -> i64 {
    (u64::from(low) | u64::from(high) << 32).cast_signed()
}

/// The `double` of two words.
#[inline]
pub(crate) fn double(low: u32, high: u32) -> f64 {
    f64::from_bits(u64::from(low) | u64::from(high) << 32)
}
