//! The few answers that the gateway gives itself, ready for the wire.

use bytes::Bytes;
use tl::service;

/// `rpc_error` 420: the caller has to wait `seconds`.
pub(crate) fn flood_wait(seconds: u32) -> Bytes {
    error(420, &format!("FLOOD_WAIT_{seconds}"))
}

/// `rpc_error` 400: the call that this one was to follow did not end well, or not in time.
pub(crate) fn wait_failed() -> Bytes {
    error(400, "MSG_WAIT_FAILED")
}

/// `rpc_error` 400: the query cannot be read.
pub(crate) fn not_understood() -> Bytes {
    error(400, "INPUT_METHOD_INVALID")
}

/// `rpc_error` 500: we failed.
pub(crate) fn internal() -> Bytes {
    error(500, "INTERNAL")
}

fn error(code: i32, name: &str) -> Bytes {
    let error = service::RpcError { error_code: code, error_message: name.to_owned() };
    tl::write(&error, tl::Layer::ALL).into()
}

/// `updatesTooLong`: "ask for the difference". The same in every layer.
pub(crate) fn updates_too_long() -> Bytes {
    const UPDATES_TOO_LONG: [u8; 4] = 0xe317_af7e_u32.to_le_bytes();
    Bytes::from_static(&UPDATES_TOO_LONG)
}
