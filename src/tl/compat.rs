//! What `schema.tl` cannot derive between an older line and the newest: one small function each, named in the comment of
//! the line that needs it. A function reads what the other side's fields hold and makes this side's field; where an older
//! shape has no room for something, it says the nearest thing that shape can say.

mod answers;
mod keyboards;
mod messages;
mod money;
mod peers;
mod stories;
mod texts;

pub(crate) use answers::*;
pub(crate) use keyboards::*;
pub(crate) use messages::*;
pub(crate) use money::*;
pub(crate) use peers::*;
pub(crate) use stories::*;
pub(crate) use texts::*;
