//! Small inputs that ask for much: refused within ten milliseconds and two mebibytes, each.
//!
//! A test binary of its own, with one test: the allocator that counts counts for the whole process.

use std::alloc::System;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::envelope::{self, Unpeelable};
use env::{Env, SeededDice, Time};
use flate2::{Compress, Compression, FlushCompress};
use mtproto::handshake::RsaKey;
use mtproto::session::gzip::{self, InflateError};
use mtproto::wire::framing::Framing;
use mtproto::{Connection, Input, Output, PeerMisbehaved, ReplayCache, ServerKeys};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tl::{functions, service};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a refusal may take.
const TIME_MAX: Duration = Duration::from_millis(10);
/// What it may allocate, in bytes: all of it, also what it gives back at once.
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// How often each is tried: another process may take the processor away, but hardly every time.
const TRIES: usize = 20;

/// Runs `refuse` on what `prepare` makes, and checks what it took.
fn bounded<T>(name: &str, mut prepare: impl FnMut() -> T, mut refuse: impl FnMut(T)) {
    let mut fastest = Duration::MAX;
    for _ in 0..TRIES {
        let bomb = prepare();
        let region = Region::new(COUNTING);
        let begun = Instant::now();
        refuse(bomb);
        fastest = fastest.min(begun.elapsed());
        let bytes = region.change().bytes_allocated;
        assert!(bytes <= BYTES_MAX, "{name}: {bytes} bytes were allocated");
        if fastest <= TIME_MAX {
            break;
        }
    }
    assert!(fastest <= TIME_MAX, "{name}: {fastest:?} at the fastest of {TRIES}");
}

/// A gibibyte of zeros in gzip format, a little over a megabyte: one packed mebibyte, again and again.
fn gibibyte() -> Vec<u8> {
    let zeros = vec![0; 1 << 20];
    let mut compress = Compress::new(Compression::best(), false);
    let mut packed = Vec::with_capacity(8 * 1024);
    compress.compress_vec(&zeros, &mut packed, FlushCompress::Full).expect("packs");
    // The first one has no history and the second repeats what all others are.
    let first = packed.len();
    packed.reserve(8 * 1024);
    compress.compress_vec(&zeros, &mut packed, FlushCompress::Full).expect("packs");
    let other = packed.split_off(first);
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    out.extend_from_slice(&packed);
    for _ in 1..1024 {
        out.extend_from_slice(&other);
    }
    out
}

fn boxed(data: &[u8]) -> Vec<u8> {
    tl::write(&service::GzipPacked { packed_data: data.to_vec() }, tl::Layer::NEWEST)
}

/// A new connection that got `bytes`; why it closes.
fn connection(keys: &Arc<ServerKeys>, bytes: &mut [u8]) -> Option<PeerMisbehaved> {
    let mut env = Env { now: Time::from_secs(1_800_000_000), dice: &mut SeededDice::new(1) };
    let mut outputs = Vec::new();
    let mut connection = Connection::new(Arc::clone(keys), Arc::new(ReplayCache::new()));
    connection.handle(&mut env, Input::Bytes(bytes), &mut outputs);
    outputs.into_iter().find_map(|output| match output {
        Output::Close(reason) => Some(reason),
        _ => None,
    })
}

// proves: SES-13, TR-22
#[test]
fn bombs_cost_little() {
    let gibibyte = gibibyte();
    assert!(gibibyte.len() < 1 << 21, "{}", gibibyte.len());
    let honest = unpacked_start(&gibibyte);
    assert_eq!(honest, vec![0; 1 << 16], "the bomb would go off");
    let packed = boxed(&gibibyte);
    bounded(
        "gzip of 1 GiB",
        || (),
        |()| assert_eq!(gzip::inflate(&packed).err(), Some(InflateError::TooLarge)),
    );
    bounded(
        "gzip of 1 GiB inside of a wrapper",
        || [&functions::InvokeWithoutUpdates::ID.to_le_bytes(), packed.as_slice()].concat(),
        |body| {
            let inflate = |packed: &[u8]| gzip::inflate(packed).ok().map(Vec::from);
            assert_eq!(envelope::peel(&body, &inflate).err(), Some(Unpeelable::Unreadable(None)));
        },
    );

    // A vector that says to have 2^31 - 1 elements, of long, of strings, of objects.
    let count = i32::MAX.to_le_bytes();
    let vector = |id: u32| [&id.to_le_bytes()[..], &tl::VECTOR.to_le_bytes(), &count, &[0; 64]].concat();
    let longs = vector(service::MsgsAck::ID);
    bounded("vector of 2^31-1 longs", || (), |()| assert!(tl::read::<service::MsgsAck>(&longs).is_err()));
    let contacts = vector(functions::contacts::ImportContacts::ID);
    bounded(
        "vector of 2^31-1 objects",
        || (),
        |()| assert!(tl::read::<functions::contacts::ImportContacts>(&contacts).is_err()),
    );

    // Ten thousand arrays, each inside of the one before.
    let array = [0xf744_4763_u32.to_le_bytes(), tl::VECTOR.to_le_bytes(), 1_i32.to_le_bytes()].concat();
    let nested = array.repeat(10_000);
    bounded("nesting of 10^4", || (), |()| assert!(tl::read::<tl::enums::JSONValue>(&nested).is_err()));
    let wrapped = functions::InvokeWithoutUpdates::ID.to_le_bytes().repeat(10_000);
    bounded(
        "10^4 wrappers",
        || (),
        |()| assert_eq!(envelope::peel(&wrapped, &|_| None).err(), Some(Unpeelable::TooDeep)),
    );

    // Frames that announce two gibibytes.
    let keys = Arc::new(ServerKeys { pad: RsaKey::generate(&mut SeededDice::new(3)), legacy: None });
    let long = 0x7fff_fff0_u32.to_le_bytes();
    for (name, framing) in [
        ("intermediate frame of 2 GiB", Framing::Intermediate),
        ("padded frame of 2 GiB", Framing::PaddedIntermediate),
    ] {
        let bytes = [framing.marker(), &long, &[7; 64]].concat();
        bounded(
            name,
            || bytes.clone(),
            |mut bytes| assert_eq!(connection(&keys, &mut bytes), Some(PeerMisbehaved::AnnouncedTooMuch)),
        );
    }
    let abridged = [Framing::Abridged.marker(), &[0x7f, 0xff, 0xff, 0xff], &[7; 64]].concat();
    bounded(
        "abridged frame of 64 MiB, the longest that it can say",
        || abridged.clone(),
        |mut bytes| assert_eq!(connection(&keys, &mut bytes), Some(PeerMisbehaved::AnnouncedTooMuch)),
    );
}

/// The first 64 KiB of what `data` unpacks to.
fn unpacked_start(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoder = flate2::write::GzDecoder::new(&mut out);
    // The end is missing, as it is in a bomb that nobody would unpack so far.
    let _ = decoder.write_all(data.get(..4096).unwrap_or_default());
    drop(decoder);
    out.truncate(1 << 16);
    out
}
