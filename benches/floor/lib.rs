//! Floors: the least that a thing can cost, written by hand and as directly as the machine allows, with known answers so
//! that none of them is fast by being wrong. Benches compare with them; nothing that serves anybody uses them.

pub mod message;
