//! The only home of sockets.
