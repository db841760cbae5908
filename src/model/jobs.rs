//! Work for later: a row in the transaction that causes it, carried out at least once, again with back-off when it fails.

use std::time::Duration;

use env::Time;
use store::{Due, Order, Tx};
use tl::stored;
use tl::stored::enums::Work;

use crate::ctx::{Ctx, Notice};
use crate::error::Done;
use crate::ids::Global;
use crate::limits;
use crate::tables::{JOBS, JOBS_FROM};

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

/// Has a login code forgotten when it cannot matter any more.
pub fn forget_code(cx: &mut Ctx<'_, '_>, phone: &str) -> Done<()> {
    in_a_day(cx, stored::WorkForgetCode { phone: phone.to_owned() }.into())
}

/// Has something that was counted forgotten when it cannot matter any more.
pub fn forget_count(cx: &mut Ctx<'_, '_>, what: &str) -> Done<()> {
    in_a_day(cx, stored::WorkForgetCount { what: what.to_owned() }.into())
}

fn in_a_day(cx: &mut Ctx<'_, '_>, work: Work) -> Done<()> {
    let due = cx.now + Duration::from_secs(u64::from(limits::DAY_SECS.unsigned_abs()) + 60);
    put(cx, due, work)
}

/// Before which time no job waits any more, as it was last noted.
pub fn noted_start(tx: &Tx<'_>) -> Done<Option<Time>> {
    let row = tx.get(&JOBS_FROM, &Global)?;
    Ok(row.map(|row| Time::from_secs(u64::try_from(row.next).unwrap_or(0))))
}

/// Notes before which time no job waits any more, so that a look after a start need not go back to the beginning.
pub fn note_start(cx: &mut Ctx<'_, '_>, start: Time) -> Done<()> {
    let next = i64::try_from(start.secs()).unwrap_or(i64::MAX);
    Ok(cx.tx.put(&JOBS_FROM, &Global, &stored::Counter { next })?)
}

/// What one look for jobs found.
#[derive(Debug)]
pub struct Found {
    /// What is due, oldest buckets first.
    pub jobs: Vec<(JobKey, stored::Job)>,
    /// Where the next look starts: before it nothing is left.
    pub next: Time,
    /// Whether the look ended before the present.
    pub more: bool,
}

/// At most `limit` jobs that are due, from `from` on, in a bounded stretch of time.
pub fn due(tx: &Tx<'_>, from: Time, now: Time, limit: usize) -> Done<Found> {
    let now_secs = i64::try_from(now.secs()).unwrap_or(i64::MAX);
    let settled = now.secs().saturating_sub(limits::JOBS_LOOK_BACK_SECS);
    let mut found = Found { jobs: Vec::new(), next: from, more: false };
    let mut at = from.secs();
    for _ in 0..limits::JOBS_BUCKETS_MAX {
        if at > now.secs() {
            return Ok(found);
        }
        for bucket in Due::all_at(at) {
            let left = limit.saturating_sub(found.jobs.len());
            let rows = tx.scan(&JOBS, JOBS.of(bucket), Order::Forward, left)?;
            found.jobs.extend(rows.into_iter().filter(|(_, job)| job.due <= now_secs));
        }
        if found.jobs.len() >= limit {
            found.more = true;
            return Ok(found);
        }
        at = (at / Due::SPAN_SECS + 1).saturating_mul(Due::SPAN_SECS);
        if found.jobs.is_empty() && at <= settled {
            found.next = Time::from_secs(at);
        }
    }
    found.more = true;
    Ok(found)
}

/// Ends a job that was carried out.
pub fn done(cx: &mut Ctx<'_, '_>, key: &JobKey) -> Done<()> {
    cx.tx.delete(&JOBS, key)?;
    Ok(())
}

/// Puts a job that failed back, twice as late as the last time; after too many attempts it is given up, unless something would
/// then be left lying for ever. Says whether it goes on.
pub fn failed(cx: &mut Ctx<'_, '_>, key: &JobKey) -> Done<bool> {
    let Some(mut job) = cx.tx.get(&JOBS, key)? else { return Ok(false) };
    cx.tx.delete(&JOBS, key)?;
    job.attempts += 1;
    let endless = matches!(job.work, Work::WorkDropBlobs(_));
    if job.attempts >= limits::JOB_ATTEMPTS_MAX && !endless {
        return Ok(false);
    }
    let wait = Duration::from_secs(1 << job.attempts.clamp(0, 12));
    let due = cx.now + wait;
    job.due = i64::try_from(due.secs()).unwrap_or(i64::MAX);
    cx.tx.put(&JOBS, &(Due::at(due.secs(), key.1.cast_unsigned()), key.1), &job)?;
    Ok(true)
}
