//! Every bound of the store, on one page.

use std::time::Duration;

/// Longest key an engine is given, in bytes: 12 of owner and family, the rest for the row.
pub const KEY_BYTES_MAX: usize = 512;

/// Longest stored value, in bytes, its five bytes of format and checksum included. File bytes belong in `blobs`.
pub const VALUE_BYTES_MAX: usize = 60 * 1024;

/// Most rows one scan returns, whatever its caller asks for.
pub const SCAN_ROWS_MAX: usize = 10_000;

/// Most rows one transaction may write. Longer work (emptying a history) is done in slices.
pub const TX_ROWS_MAX: usize = 50_000;

/// Most bytes of keys and values one transaction may write.
pub const TX_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Places for the newest commit, each for some of all tables of all owners. With 64 commits of ten tables that are not durable
/// yet, one reader of ten tables in three waits for one of them without need; 8 bytes each.
pub const WRITTEN_PLACES: usize = 16_384;

/// How often a writing closure is run before its conflicts are reported as [`Fault::Contended`](crate::Fault).
pub const WRITE_ATTEMPTS_MAX: u32 = 16;

/// Most callbacks that may wait for a group to become durable. Whoever asks for one more waits for room, which slows the
/// workers down to the speed of the disk.
pub const WAITING_CALLBACKS_MAX: usize = 65_536;

/// Commits of the last group and of those that came meanwhile from which on the committer waits for as many.
pub const GATHER_COMMITS_MIN: u64 = 16;

/// It looks so often whether more have come, and goes on when none have.
pub const GATHER_STEP: Duration = Duration::from_micros(100);

/// It does not wait longer than this.
pub const GATHER_MAX: Duration = Duration::from_millis(1);

/// Bytes of keys and values that the sled engine gathers in memory, and keeps in its journal, before it lays them into
/// the tree: a share of its cache between [`GATHERED_BYTES_MIN`] and [`GATHERED_BYTES_MAX`]. The more, the fewer rows are
/// written twice, and the longer a start takes after a crash.
pub const GATHERED_SHARE: u64 = 64;

/// See [`GATHERED_SHARE`].
pub const GATHERED_BYTES_MIN: u64 = 64 * 1024;

/// See [`GATHERED_SHARE`].
pub const GATHERED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Deletions after which what is gathered is laid in however little it is: whoever scans a queue passes over all of them.
pub const GATHERED_DELETIONS: usize = 1024;

/// Rows of a table in runs that sled keeps in one value. Stored in what every key means there: see [`FORMAT`](crate::FORMAT).
pub const RUN_ROWS: usize = 8;

/// Longest row that lies together with its neighbours there, in bytes; a longer one lies apart.
pub const RUN_ROW_BYTES_MAX: usize = 500;

/// Longest value that sled is given, in bytes; a longer row is cut into pieces.
pub const PIECE_BYTES: usize = 4 * 1024;

/// How often as much may be gathered, while earlier rows are being laid in, before nobody begins another write.
pub const GATHERED_TIMES_MAX: usize = 4;

/// Least memory for an engine's cache, in bytes, whatever the settings say.
pub const CACHE_BYTES_MIN: u64 = 1024 * 1024;

/// One part in so many of an engine's cache is for single rows above the engine, the rest is the engine's own.
pub const ROW_CACHE_SHARE: u64 = 8;

/// Longest row that is kept there, in bytes.
pub const CACHED_ROW_BYTES_MAX: usize = 4 * 1024;

/// What such a row is expected to take on average, in bytes, its key and its place included.
pub const CACHED_ROW_BYTES_MEAN: usize = 256;

/// One part in so many of its cache's size is what the sled engine takes beside it to know of rare rows whether they are there.
pub const RARE_SHARE: u64 = 32;

/// What the mark of one such row takes, in bytes.
pub const RARE_MARK_BYTES: usize = 8;

/// Rows of which marks are made at once, when somebody looks among rows of which not all are known.
pub const RARE_SLICE: usize = 64;

/// Such a slice is read with the first look and then with every so many: it costs what thirty looks into the tree do.
pub const RARE_LEARN_EVERY: u32 = 32;

/// Bytes that fjall holds in memory before it writes a table; the cache's size between the two.
pub const MEMTABLE_BYTES_MIN: u64 = 1024 * 1024;

/// See [`MEMTABLE_BYTES_MIN`].
pub const MEMTABLE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Number of virtual shards. A shard is the unit in which owners will be spread over machines; never change it.
pub const VSHARDS: u16 = 16_384;

const _: () = assert!(TX_BYTES_MAX > VALUE_BYTES_MAX + KEY_BYTES_MAX);
const _: () = assert!(SCAN_ROWS_MAX <= TX_ROWS_MAX, "what one scan finds, one transaction can delete");
const _: () = assert!(VSHARDS.is_power_of_two());
