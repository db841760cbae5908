//! The language that the wire and the disk speak, generated from `schema.tl`.
//!
//! * [`types`] one struct per constructor, in its newest shape; [`enums`] one enum per type with several constructors.
//! * [`functions`] one struct per method; [`Method`] names what it answers.
//! * [`service`] the language of MTProto itself; [`stored`] the records on disk.
//!
//! Reading needs no layer: every id that a name ever had leads to the same struct. Writing asks [`Writer::layer`].
#![forbid(unsafe_code)]

mod compat;
pub mod describe;
mod error;
pub mod limits;
mod reader;
mod traits;
mod writer;

pub use error::Error;
pub use reader::Reader;
pub use traits::{Decode, Encode, Look, Method, Record, look, read, read_strict, say, write};
pub use writer::{Layer, Writer};

/// `vector#1cb5c415`, before every boxed vector.
pub const VECTOR: u32 = 0x1cb5_c415;
/// `boolTrue#997275b5`.
pub const BOOL_TRUE: u32 = 0x9972_75b5;
/// `boolFalse#bc799737`.
pub const BOOL_FALSE: u32 = 0xbc79_9737;

/// Names by id.
mod names {
    include!(concat!(env!("OUT_DIR"), "/names.rs"));
}
pub use names::{method_name, methods};

/// One struct per constructor of the API, in its newest shape.
#[allow(missing_docs, unused_variables, clippy::all, reason = "generated: the schema is their documentation")]
pub mod types {
    include!(concat!(env!("OUT_DIR"), "/types.rs"));
}

/// One enum per type of the API that has several constructors.
#[allow(missing_docs, unused_variables, clippy::all, reason = "generated: the schema is their documentation")]
pub mod enums {
    include!(concat!(env!("OUT_DIR"), "/enums.rs"));
}

/// One struct per method of the API.
///
/// The wrappers (`invokeWithLayer`, `initConnection`, ...) are heads: reading one leaves the reader at the wrapped query.
#[allow(missing_docs, unused_variables, clippy::all, reason = "generated: the schema is their documentation")]
pub mod functions {
    include!(concat!(env!("OUT_DIR"), "/functions.rs"));
}

/// The language of MTProto itself: key exchange, containers, acknowledgements. Its sums are in [`service::enums`].
///
/// `rpc_result`, `msg_container`, `message` and `msg_copy` are heads: reading one leaves the reader at what it carries.
#[allow(missing_docs, unused_variables, clippy::all, reason = "generated: the schema is their documentation")]
pub mod service {
    include!(concat!(env!("OUT_DIR"), "/service.rs"));
}

/// What is kept on disk. Sums are in [`stored::enums`]. Nothing here can be read from the wire.
#[allow(missing_docs, unused_variables, clippy::all, reason = "generated: the schema is their documentation")]
pub mod stored {
    include!(concat!(env!("OUT_DIR"), "/stored.rs"));
}

#[cfg(test)]
mod every_shape;
