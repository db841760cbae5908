//! What stands in front of a stored record: a format byte and a checksum, looked at on every read.

use tl::{Decode, Encode, Layer, Look, Reader, Record, Writer};

use crate::engine::RawValue;
use crate::fault::{Fault, KeyTrace};
use crate::limits::VALUE_BYTES_MAX;

/// The record of a table whose keys say it all. It takes no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Present;

impl Encode for Present {
    fn encode(&self, _: &mut Writer) {}
}

impl Decode for Present {
    fn take(_: &mut Reader<'_>) -> Option<Self> {
        Some(Self)
    }
}

impl Record for Present {}

/// Format of a value: this byte, CRC32C of key and record (little-endian), record. The key is under the checksum so
/// that a value which turns up in another row's place is noticed, too.
const FORMAT: u8 = 1;

const HEAD_BYTES: usize = 1 + 4;

/// The bytes that an engine keeps for `record` under `key`.
pub(crate) fn seal<V: Record>(key: &[u8], record: &V) -> Result<RawValue, Fault> {
    let mut writer = Writer::spare(Layer::ALL);
    writer.raw(&[FORMAT, 0, 0, 0, 0]);
    record.encode(&mut writer);
    writer.show(|value| {
        let bytes = value.len();
        if bytes > VALUE_BYTES_MAX {
            return Err(Fault::ValueTooLong { table: table::<V>(), bytes });
        }
        if let Some(([_, head @ ..], record)) = value.split_first_chunk_mut::<HEAD_BYTES>() {
            *head = checksum(key, record).to_le_bytes();
        }
        Ok(RawValue::from(&*value))
    })
}

/// The record in `value`, which an engine gave back for `key`.
pub(crate) fn open<V: Record>(key: &[u8], value: &[u8]) -> Result<V, Fault> {
    V::from_bytes(record::<V>(key, value)?).map_err(|_| corrupt::<V>(key, "not a record of this table"))
}

/// As [`open`], where it lies.
pub(crate) fn look<'v, V: Look>(key: &[u8], value: &'v [u8]) -> Result<V::Ref<'v>, Fault> {
    tl::look::<V>(record::<V>(key, value)?).map_err(|_| corrupt::<V>(key, "not a record of this table"))
}

fn corrupt<V>(key: &[u8], why: &'static str) -> Fault {
    Fault::Corrupt { table: table::<V>(), key: KeyTrace::of(key), why }
}

/// The bytes of the record in `value`.
fn record<'v, V>(key: &[u8], value: &'v [u8]) -> Result<&'v [u8], Fault> {
    let corrupt = |why| corrupt::<V>(key, why);
    let (&[format, ref sum @ ..], record) =
        value.split_first_chunk::<HEAD_BYTES>().ok_or_else(|| corrupt("shorter than its head"))?;
    if format != FORMAT {
        return Err(corrupt("unknown format"));
    }
    if u32::from_le_bytes(*sum) != checksum(key, record) {
        return Err(corrupt("wrong checksum"));
    }
    Ok(record)
}

/// The name by which faults call the table of `V`.
pub(crate) fn table<V>() -> &'static str {
    std::any::type_name::<V>()
}

fn checksum(key: &[u8], record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), record)
}
