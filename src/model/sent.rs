//! What a `random_id` became: the memory by which a repeated call finds what the first one sent, also after a restart.
//!
//! It lasts for a week at least, far longer than any client repeats a call, and five at most. Rows lie by spans of four weeks,
//! so that the old ones stand in front and go a few at a time, with the messages that come; and so that most of the time one
//! span is looked into, since nearly every number is new.

use store::Order;
use tl::stored;

use crate::ctx::Ctx;
use crate::error::Done;
use crate::ids::{Peer, UserId};
use crate::limits;
use crate::tables::SENT;

const WEEK_SECS: u64 = 7 * 24 * 3600;
const SPAN_SECS: u64 = 4 * WEEK_SECS;

/// The oldest span that is still looked into, and the one that is written now.
fn spans(cx: &Ctx<'_, '_>) -> (u16, u16) {
    let span = |secs: u64| u16::try_from(secs / SPAN_SECS).unwrap_or(u16::MAX);
    let now = cx.now.secs();
    (span(now.saturating_sub(WEEK_SECS)), span(now))
}

/// What `me` sent to `peer` under this number from the calling key.
pub(crate) fn find(cx: &Ctx<'_, '_>, me: UserId, peer: Peer, random_id: i64) -> Done<Option<stored::Sent>> {
    let (oldest, newest) = spans(cx);
    for span in (oldest..=newest).rev() {
        // Nearly always it is new, and never looked up again.
        let number = (me, span, cx.origin, peer, random_id);
        if let Some(sent) = cx.tx.get_rare(&SENT, &number, &(me, span, cx.origin))? {
            return Ok(Some(sent));
        }
    }
    Ok(None)
}

/// Remembers what was sent, and forgets some of what is too old.
pub(crate) fn keep(
    cx: &mut Ctx<'_, '_>,
    me: UserId,
    peer: Peer,
    random_id: i64,
    sent: &stored::Sent,
) -> Done<()> {
    let (oldest, newest) = spans(cx);
    // Not with every message: to look at the oldest costs as much as to write the newest. By our number, which nobody chooses.
    if sent.msg_id % limits::SENT_TRIM_EVERY == 0 {
        let old = SENT.of(me).before_all(&(me, oldest));
        for key in cx.tx.keys(&SENT, old, Order::Forward, limits::SENT_TRIM_STEP)? {
            cx.tx.delete(&SENT, &key)?;
        }
    }
    Ok(cx.tx.put(&SENT, &(me, newest, cx.origin, peer, random_id), sent)?)
}
