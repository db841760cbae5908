//! Keys: `vshard u16 | kind u8 | owner u64 | family u8 | rest`, all big-endian, so that the order of the bytes is the
//! order of the values and all rows of one owner lie side by side.

use smallvec::SmallVec;

use crate::limits::VSHARDS;

/// The bytes of a key. All but names are so short that they need no memory of their own, and are compared where they stand: the
/// longest, of a `random_id`, has 39.
pub type RawKey = SmallVec<[u8; 40]>;

/// Bytes before the rest of a key.
pub(crate) const HEAD_BYTES: usize = 2 + 1 + 8 + 1;

/// Set in the family of a table whose rows are numbered one after the other: see [`Table::in_runs`](crate::Table::in_runs).
const IN_RUNS: u8 = 0x80;

/// The family of a table in runs.
pub(crate) const fn in_runs(family: u8) -> u8 {
    family | IN_RUNS
}

/// Whether the table is one in runs.
pub(crate) const fn is_in_runs(family: u8) -> bool {
    family & IN_RUNS != 0
}

/// Whom a row belongs to: a user, a channel, a looked-up name. Implement it with [`owner_ids!`](crate::owner_ids).
///
/// An owner is what can be moved, exported or deleted as one range of keys, and what one shard holds whole.
pub trait OwnerId: Copy {
    /// Tells the kinds of owners apart. Stored in every key: never change one, never give one out twice.
    const KIND: u8;

    /// The number of this owner among its kind.
    fn owner(&self) -> u64;

    /// The id with this number.
    fn from_owner(owner: u64) -> Self;
}

/// A piece of the rest of a key, written so that byte order is value order.
///
/// Ready for `bool`, `u8`, `u16`, `u32`, `u64`, `i32`, `i64`, byte arrays, every [`OwnerId`], and, in the last place
/// only, `String`. For newtypes there is [`key_parts!`](crate::key_parts).
pub trait KeyPart: Sized {
    /// Whether the part has no end of its own and must therefore be the last one of a key.
    const OPEN_ENDED: bool = false;

    /// Appends this part to a key.
    fn write_key(&self, out: &mut RawKey);

    /// Takes this part from the front of `rest`. `None` if the bytes are no such part.
    fn read_key(rest: &mut &[u8]) -> Option<Self>;
}

/// The key of a table: an [`OwnerId`] alone, or a tuple of one and up to four [`KeyPart`]s.
pub trait Key: Sized {
    /// Whom the row belongs to.
    type Owner: OwnerId;

    /// Whether keys of one owner differ in length, for want of an end of the last part.
    const OPEN_ENDED: bool = false;

    /// Whom this row belongs to.
    fn key_owner(&self) -> Self::Owner;

    /// Appends everything behind the family.
    fn write_rest(&self, out: &mut RawKey);

    /// The key of `owner` whose rest is `rest`, all of it. `None` if the bytes are no such key.
    fn read_rest(owner: Self::Owner, rest: &[u8]) -> Option<Self>;
}

/// The first parts of a key `K`, or all of it; what [`Table::prefix`](crate::Table::prefix) takes. A whole key that ends
/// in a `String` stands for every row whose string begins with it.
pub trait PrefixOf<K: Key>: Key {}

/// The virtual shard of an owner: a hash that is the same in every version, on every machine.
#[must_use]
pub fn vshard(kind: u8, owner: u64) -> u16 {
    // The finaliser of SplitMix64: consecutive ids are spread evenly, and nothing has to be kept in step with a library.
    let mut z = owner ^ u64::from(kind) << 56;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    let [high, low, ..] = z.to_be_bytes();
    u16::from_be_bytes([high, low]) % VSHARDS
}

/// The bytes of `key` in the table `family`.
pub(crate) fn encode<K: Key>(family: u8, key: &K) -> RawKey {
    let mut out = encode_owner(family, key.key_owner());
    key.write_rest(&mut out);
    out
}

/// What all keys of `owner` in the table `family` begin with.
pub(crate) fn encode_owner<O: OwnerId>(family: u8, owner: O) -> RawKey {
    let mut out = RawKey::new();
    out.extend_from_slice(&vshard(O::KIND, owner.owner()).to_be_bytes());
    out.push(O::KIND);
    out.extend_from_slice(&owner.owner().to_be_bytes());
    out.push(family);
    out
}

/// The key that `bytes` spell in a table whose keys are `K`.
pub(crate) fn decode<K: Key>(bytes: &[u8]) -> Option<K> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let owner = head.get(3..HEAD_BYTES - 1)?.try_into().ok()?;
    K::read_rest(K::Owner::from_owner(u64::from_be_bytes(owner)), rest)
}

/// Makes owners out of newtypes around an integer: `owner_ids! { UserId(i64) = b'u', ChannelId(i64) = b'c' }`.
#[macro_export]
macro_rules! owner_ids {
    ($($id:ident($int:ty) = $kind:expr),+ $(,)?) => {$(
        impl $crate::OwnerId for $id {
            const KIND: u8 = $kind;

            fn owner(&self) -> u64 {
                self.0 as u64
            }

            fn from_owner(owner: u64) -> Self {
                Self(owner as $int)
            }
        }
    )+};
}

/// Makes key parts out of newtypes around one: `key_parts! { Pts(i32), MsgId(i32) }`.
#[macro_export]
macro_rules! key_parts {
    ($($name:ident($inner:ty)),+ $(,)?) => {$(
        impl $crate::KeyPart for $name {
            const OPEN_ENDED: bool = <$inner as $crate::KeyPart>::OPEN_ENDED;

            fn write_key(&self, out: &mut $crate::RawKey) {
                $crate::KeyPart::write_key(&self.0, out);
            }

            fn read_key(rest: &mut &[u8]) -> Option<Self> {
                <$inner as $crate::KeyPart>::read_key(rest).map(Self)
            }
        }
    )+};
}

impl<O: OwnerId> KeyPart for O {
    fn write_key(&self, out: &mut RawKey) {
        self.owner().write_key(out);
    }

    fn read_key(rest: &mut &[u8]) -> Option<Self> {
        u64::read_key(rest).map(Self::from_owner)
    }
}

macro_rules! unsigned {
    ($($int:ty),+) => {$(
        impl KeyPart for $int {
            fn write_key(&self, out: &mut RawKey) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn read_key(rest: &mut &[u8]) -> Option<Self> {
                <[u8; size_of::<$int>()]>::read_key(rest).map(Self::from_be_bytes)
            }
        }
    )+};
}

unsigned!(u8, u16, u32, u64);

/// Signed numbers with their sign bit turned over, so that -1 stands before 0.
macro_rules! signed {
    ($($int:ty as $plain:ty),+) => {$(
        impl KeyPart for $int {
            fn write_key(&self, out: &mut RawKey) {
                (self.cast_unsigned() ^ (1 << (<$plain>::BITS - 1))).write_key(out);
            }

            fn read_key(rest: &mut &[u8]) -> Option<Self> {
                <$plain>::read_key(rest).map(|n| (n ^ (1 << (<$plain>::BITS - 1))).cast_signed())
            }
        }
    )+};
}

signed!(i32 as u32, i64 as u64);

impl KeyPart for bool {
    fn write_key(&self, out: &mut RawKey) {
        out.push(u8::from(*self));
    }

    fn read_key(rest: &mut &[u8]) -> Option<Self> {
        match u8::read_key(rest)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<const N: usize> KeyPart for [u8; N] {
    fn write_key(&self, out: &mut RawKey) {
        out.extend_from_slice(self);
    }

    fn read_key(rest: &mut &[u8]) -> Option<Self> {
        let (part, behind) = rest.split_first_chunk()?;
        *rest = behind;
        Some(*part)
    }
}

impl KeyPart for String {
    const OPEN_ENDED: bool = true;

    fn write_key(&self, out: &mut RawKey) {
        out.extend_from_slice(self.as_bytes());
    }

    fn read_key(rest: &mut &[u8]) -> Option<Self> {
        String::from_utf8(std::mem::take(rest).to_vec()).ok()
    }
}

impl<O: OwnerId> Key for O {
    type Owner = O;

    fn key_owner(&self) -> O {
        *self
    }

    fn write_rest(&self, _: &mut RawKey) {}

    fn read_rest(owner: O, rest: &[u8]) -> Option<Self> {
        rest.is_empty().then_some(owner)
    }
}

/// `Key` for an owner and parts. All parts but the last must know their own end; the compiler checks it.
macro_rules! tuple_key {
    ($($early:ident $n:tt,)* ; $last:ident $m:tt) => {
        impl<O: OwnerId, $($early: KeyPart,)* $last: KeyPart> Key for (O, $($early,)* $last) {
            type Owner = O;

            const OPEN_ENDED: bool = $last::OPEN_ENDED;

            fn key_owner(&self) -> O {
                self.0
            }

            fn write_rest(&self, out: &mut RawKey) {
                $(const { assert!(!$early::OPEN_ENDED, "a part without an end must be the last one") };)*
                $(self.$n.write_key(out);)*
                self.$m.write_key(out);
            }

            fn read_rest(owner: O, mut rest: &[u8]) -> Option<Self> {
                let key = (owner, $($early::read_key(&mut rest)?,)* $last::read_key(&mut rest)?);
                rest.is_empty().then_some(key)
            }
        }
    };
}

tuple_key!(; A 1);
tuple_key!(A 1,; B 2);
tuple_key!(A 1, B 2,; C 3);
tuple_key!(A 1, B 2, C 3,; D 4);

impl<K: Key> PrefixOf<K> for K {}
impl<O: OwnerId, A: KeyPart> PrefixOf<(O, A)> for O {}
impl<O: OwnerId, A: KeyPart, B: KeyPart> PrefixOf<(O, A, B)> for O {}
impl<O: OwnerId, A: KeyPart, B: KeyPart> PrefixOf<(O, A, B)> for (O, A) {}
impl<O: OwnerId, A: KeyPart, B: KeyPart, C: KeyPart> PrefixOf<(O, A, B, C)> for O {}
impl<O: OwnerId, A: KeyPart, B: KeyPart, C: KeyPart> PrefixOf<(O, A, B, C)> for (O, A) {}
impl<O: OwnerId, A: KeyPart, B: KeyPart, C: KeyPart> PrefixOf<(O, A, B, C)> for (O, A, B) {}
impl<O: OwnerId, A: KeyPart, B: KeyPart, C: KeyPart, D: KeyPart> PrefixOf<(O, A, B, C, D)> for O {}
impl<O: OwnerId, A: KeyPart, B: KeyPart, C: KeyPart, D: KeyPart> PrefixOf<(O, A, B, C, D)> for (O, A) {}
impl<O: OwnerId, A: KeyPart, B: KeyPart, C: KeyPart, D: KeyPart> PrefixOf<(O, A, B, C, D)> for (O, A, B) {}
impl<O: OwnerId, A: KeyPart, B: KeyPart, C: KeyPart, D: KeyPart> PrefixOf<(O, A, B, C, D)> for (O, A, B, C) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NoteId, Person};

    type Long = (Person, u8, NoteId, i64, String);

    #[test]
    fn keys_say_shard_kind_owner_family_and_rest() {
        let key: Long = (Person(0x0102), 9, NoteId(-1), i64::MIN, "ä".to_owned());
        let bytes = encode(b'p', &key);
        let mut expected = vshard(b'u', 0x0102).to_be_bytes().to_vec();
        expected
            .extend([b'u', 0, 0, 0, 0, 0, 0, 1, 2, b'p', 9, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend("ä".as_bytes());
        assert_eq!(*bytes, expected);
        assert_eq!(decode::<Long>(&bytes), Some(key));
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        let bytes = encode(b'p', &(Person(1), NoteId(5)));
        assert!(decode::<(Person, NoteId)>(&bytes).is_some());
        for end in 0..bytes.len() {
            assert!(decode::<(Person, NoteId)>(&bytes[..end]).is_none());
        }
        assert!(decode::<Person>(&bytes).is_none(), "something is left over");
        assert!(decode::<(Person, bool)>(&encode(b'p', &(Person(1), 2_u8))).is_none());
        assert!(decode::<(Person, String)>(&encode(b'p', &(Person(1), [0xff_u8]))).is_none());
    }

    #[test]
    fn shards_never_change_and_spread_evenly() {
        assert_eq!([vshard(b'u', 0), vshard(b'u', 1), vshard(b'c', 1)], [7937, 3718, 3512]);
        let mut owners = vec![0_u32; VSHARDS.into()];
        for owner in 0..u64::from(VSHARDS) * 16 {
            owners[usize::from(vshard(b'u', owner))] += 1;
        }
        assert!(owners.iter().all(|&count| (1..48).contains(&count)));
    }

    #[test]
    fn byte_order_is_value_order() {
        fn ordered<T: KeyPart>(values: &[T]) {
            let bytes = |value: &T| {
                let mut out = RawKey::new();
                value.write_key(&mut out);
                out
            };
            assert!(values.windows(2).all(|pair| bytes(&pair[0]) < bytes(&pair[1])));
        }
        ordered(&[i32::MIN, -2, -1, 0, 1, i32::MAX]);
        ordered(&[i64::MIN, -2, -1, 0, 1, i64::MAX]);
        ordered(&[0, 255, 256, u64::MAX]);
        ordered(&[false, true]);
        ordered(&["".to_owned(), "a".to_owned(), "aa".to_owned(), "b".to_owned()]);
    }
}
