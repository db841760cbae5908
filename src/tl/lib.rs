//! The language that the wire and the disk speak.
