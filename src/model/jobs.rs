//! Work for later: a row in the transaction that causes it, carried out at least once, again with back-off when it fails.

use std::time::Duration;

use env::Time;
use store::{Due, Order, Tx};
use tl::stored;
use tl::stored::enums::Work;

use crate::ctx::{Ctx, Notice};
use crate::error::Done;
use crate::limits;
use crate::tables::JOBS;

/// Where a job lies.
pub type JobKey = (Due, i64);

/// Puts a job down, due at `due`.
pub fn put(cx: &mut Ctx<'_, '_>, due: Time, work: Work) -> Done<()> {
    let id = cx.dice.u64().cast_signed();
    let row = stored::Job {
        attempts: 0,
        created: cx.date(),
        due: i64::try_from(due.secs()).unwrap_or(i64::MAX),
        work,
    };
    cx.tx.put(&JOBS, &(Due::at(due.secs(), id.cast_unsigned()), id), &row)?;
    cx.effects.tell(Notice::Jobs);
    Ok(())
}

/// Has a login code delivered by the channel of the settings.
pub fn deliver_code(cx: &mut Ctx<'_, '_>, phone: &str, code: &str) -> Done<()> {
    let work = stored::WorkDeliverCode { phone: phone.to_owned(), code: code.to_owned() };
    let now = cx.now;
    put(cx, now, work.into())
}

/// Jobs that are due, from `from` on, oldest buckets first. The caller remembers how far it came and starts there again;
/// after a start it looks back as far as a job may have waited.
pub fn due(tx: &Tx<'_>, from: Time, now: Time, limit: usize) -> Done<Vec<(JobKey, stored::Job)>> {
    let mut found = Vec::new();
    let mut at = from.secs();
    while at <= now.secs().saturating_add(Due::SPAN_SECS) && found.len() < limit {
        for bucket in Due::all_at(at) {
            let rows = tx.scan(&JOBS, JOBS.of(bucket), Order::Forward, limit.saturating_sub(found.len()))?;
            found.extend(
                rows.into_iter().filter(|(_, job)| job.due <= i64::try_from(now.secs()).unwrap_or(i64::MAX)),
            );
        }
        at = at.saturating_add(Due::SPAN_SECS);
    }
    Ok(found)
}

/// Ends a job that was carried out.
pub fn done(cx: &mut Ctx<'_, '_>, key: &JobKey) -> Done<()> {
    cx.tx.delete(&JOBS, key)?;
    Ok(())
}

/// Puts a job that failed back, twice as late as the last time; after too many attempts it is given up. Says whether it goes on.
pub fn failed(cx: &mut Ctx<'_, '_>, key: &JobKey) -> Done<bool> {
    let Some(mut job) = cx.tx.get(&JOBS, key)? else { return Ok(false) };
    cx.tx.delete(&JOBS, key)?;
    job.attempts += 1;
    if job.attempts >= limits::JOB_ATTEMPTS_MAX {
        return Ok(false);
    }
    let wait = Duration::from_secs(1 << job.attempts.clamp(0, 12));
    let due = cx.now + wait;
    job.due = i64::try_from(due.secs()).unwrap_or(i64::MAX);
    cx.tx.put(&JOBS, &(Due::at(due.secs(), key.1.cast_unsigned()), key.1), &job)?;
    Ok(true)
}
