//! The body of a query, wrappers and all, as it comes: peeled, and whatever is inside goes through the dispatcher.

use crate::world::World;
use mtproto::session::gzip;

/// Takes any bytes.
pub fn run(data: &[u8]) {
    let inflate = |packed: &[u8]| gzip::inflate(packed).ok().map(|body| body.to_vec());
    if let Ok(peeled) = api::envelope::peel(data, &inflate)
        && tl::method_name(u32::from_le_bytes(*peeled.query.first_chunk().unwrap_or(&[0; 4]))).is_some()
    {
        World::guests().call(0, &peeled, &mut |later| later.done(api::Brought::Failed));
    }
}
