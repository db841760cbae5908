//! MTProto 2.0 as pure state: no sockets, no clock, no dice of its own.
