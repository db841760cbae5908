//! The client's side of transports and handshake, for tests, load generators and hostile peers.
