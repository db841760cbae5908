//! Hostile peers that speak the protocol wrongly on purpose. What they show about a server or a client does not depend on
//! who made it.

#![forbid(unsafe_code)]
