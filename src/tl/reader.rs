//! Reading: a cursor over bytes that cannot run past their end.

use crate::limits::{DEPTH_MAX, MEMORY_BASE_BYTES, MEMORY_PER_BYTE_MAX};
use crate::{Decode, Error, VECTOR};

/// A bounds-checked cursor over TL bytes.
///
/// It is tolerant as long as nobody asks otherwise: strings in needlessly long form and padding that is not zero are
/// accepted, because real clients send both. It never allocates more than the input justifies, never nests deeper than
/// [`DEPTH_MAX`], never panics.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    budget: usize,
    depth: u8,
    strict: bool,
}

impl<'a> Reader<'a> {
    /// A tolerant reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let budget = bytes.len().saturating_mul(MEMORY_PER_BYTE_MAX).saturating_add(MEMORY_BASE_BYTES);
        Self { rest: bytes, budget, depth: 0, strict: false }
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
        // spec: TL-1
        self.array().map(u32::from_le_bytes)
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
    pub fn bytes_ref(&mut self) -> Result<&'a [u8], Error> {
        // spec: TL-2
        let (first, rest) = self.rest.split_first().ok_or(Error::Truncated)?;
        let (len, head) = match *first {
            // 255 begins the 64-bit length that TDLib knows and nobody sends: no input of ours is that long.
            255 => return Err(Error::Truncated),
            254 => {
                let [a, b, c] = *rest.first_chunk().ok_or(Error::Truncated)?;
                (usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16, 4)
            }
            short => (usize::from(short), 1),
        };
        if self.strict && head == 4 && len < 254 {
            return Err(Error::NotCanonical);
        }
        let whole = self.raw((head + len).next_multiple_of(4))?;
        let (body, padding) =
            whole.get(head..).and_then(|b| b.split_at_checked(len)).ok_or(Error::Truncated)?;
        if self.strict && padding.iter().any(|&b| b != 0) {
            return Err(Error::NotCanonical);
        }
        Ok(body)
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
        std::str::from_utf8(self.bytes_ref()?).map(str::to_owned).map_err(|_| Error::NotUtf8)
    }

    /// `Bool`.
    ///
    /// # Errors
    /// [`Error::Truncated`], or [`Error::UnknownConstructor`] for neither `boolTrue` nor `boolFalse`.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, Error> {
        match self.u32()? {
            crate::BOOL_TRUE => Ok(true),
            crate::BOOL_FALSE => Ok(false),
            id => Err(Error::UnknownConstructor { expected: "Bool", id }),
        }
    }

    /// `Vector<T>`, its id included.
    ///
    /// # Errors
    /// Those of the elements; [`Error::TooBig`] if the elements outgrow the input by far.
    pub fn vector<T: Decode>(&mut self) -> Result<Vec<T>, Error> {
        match self.u32()? {
            VECTOR => self.bare_vector(T::decode),
            id => Err(Error::UnknownConstructor { expected: "Vector", id }),
        }
    }

    /// `vector<%T>`: a count and elements without ids, each read by `element`.
    ///
    /// # Errors
    /// As [`Reader::vector`].
    pub fn bare_vector<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        // spec: TL-3
        let count = self.count()?;
        // Room for what the bytes at hand would fill without any gain; beyond it the vector grows as elements arrive.
        let room = count.min(self.rest.len() / size_of::<T>().max(4) + 1);
        let mut out = Vec::with_capacity(room);
        for _ in 0..count {
            self.charge(size_of::<T>())?;
            out.push(element(self)?);
        }
        Ok(out)
    }

    /// A box that is paid for, with a zero value in it, to read a large value into.
    ///
    /// # Errors
    /// [`Error::TooBig`].
    #[inline]
    pub fn room<T: Default>(&mut self) -> Result<Box<T>, Error> {
        self.charge(size_of::<T>())?;
        Ok(Box::default())
    }

    /// Puts a large or recursive value into a box that is paid for.
    ///
    /// # Errors
    /// [`Error::TooBig`].
    pub fn boxed<T>(&mut self, value: T) -> Result<Box<T>, Error> {
        self.charge(size_of::<T>())?;
        Ok(Box::new(value))
    }

    /// Reads a value of a type that may contain itself.
    ///
    /// # Errors
    /// [`Error::TooDeep`], and those of `read`.
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth >= DEPTH_MAX {
            return Err(Error::TooDeep);
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// The count of a vector: not negative, and not more elements than 4-byte words are left.
    fn count(&mut self) -> Result<usize, Error> {
        let count = usize::try_from(self.i32()?).map_err(|_| Error::NegativeCount)?;
        if count > self.rest.len() / 4 { Err(Error::CountTooLarge) } else { Ok(count) }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Error> {
        self.budget = self.budget.checked_sub(bytes).ok_or(Error::TooBig)?;
        Ok(())
    }
}
