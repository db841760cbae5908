//! Every method we answer.
