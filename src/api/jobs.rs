//! Work for later, as the runner of the gateway does it.
//!
//! The runner asks [`Api::jobs_due`] what is due and gives each job to [`Api::run_job`]. What needs only the store is done
//! there, in the transaction that ends the job. What needs more comes back, and ends with [`Api::job_done`] or
//! [`Api::job_failed`]; after a crash in between it is done again.

use env::{Env, Time};
use model::ids::{FileId, KeyId};
use model::jobs::{self, JobKey};
use model::{Ctx, Done, Effects, Stop, files, keys, login};
use store::Ticket;
use tl::stored;
use tl::stored::enums::Work;

use crate::{Api, limits};

/// Jobs that are due.
#[derive(Debug)]
pub struct JobsDue {
    /// The jobs, oldest first.
    pub jobs: Vec<(JobKey, stored::Job)>,
    /// Where the next look starts.
    pub next: Time,
    /// Whether there may be more: look again at once.
    pub more: bool,
    /// What must be durable before anything is done about them that cannot be taken back.
    pub ticket: Ticket,
}

/// What becomes of a job.
#[derive(Debug)]
pub enum JobOutcome {
    /// It is done, and its row is gone with it.
    Done {
        /// When that is durable.
        ticket: Ticket,
        /// What to tell then.
        effects: Effects,
    },
    /// Bring this login code to its phone by the way of the settings.
    Deliver {
        /// The number, digits only.
        phone: String,
        /// The code.
        code: String,
    },
    /// Remove all pieces under these names. That there are none is well, too.
    DropBlobs {
        /// The names, without their last pieces.
        prefixes: Vec<String>,
    },
}

impl Api {
    /// Where the first look for jobs after a start begins: behind it nothing waits.
    ///
    /// # Errors
    /// [`Stop::Fault`] of the store.
    pub fn jobs_start(&self) -> Result<Time, Stop> {
        let (noted, _) = self.store().read(|tx| jobs::noted_start(tx))?;
        let opened = Time::from_secs(u64::try_from(self.site().created).unwrap_or(0));
        Ok(noted.unwrap_or(opened))
    }

    /// At most `limit` jobs that are due, from `from` on: at first [`Api::jobs_start`], then where the last look has said.
    ///
    /// # Errors
    /// [`Stop::Fault`] of the store.
    pub fn jobs_due(&self, from: Time, limit: usize, env: &mut Env<'_>) -> Result<JobsDue, Stop> {
        let now = env.now;
        let (found, ticket) = self.store().read(|tx| jobs::due(tx, from, now, limit))?;
        // Noted now and then: after a start the first look is longer by as much.
        let noted = self.jobs_start()?;
        if found.next.since(noted).as_secs() >= limits::JOBS_NOTE_SECS {
            self.alter(env, KeyId::default(), |cx| jobs::note_start(cx, found.next))?;
        }
        Ok(JobsDue { jobs: found.jobs, next: found.next, more: found.more, ticket })
    }

    /// Does what of a job can be done in the store, or says what else is to be done.
    ///
    /// # Errors
    /// [`Stop::Fault`] of the store; then the job stands where it was.
    pub fn run_job(&self, key: &JobKey, job: &stored::Job, env: &mut Env<'_>) -> Result<JobOutcome, Stop> {
        match &job.work {
            Work::WorkDeliverCode(work) => {
                // A code that came too late for its bearer would only be a riddle.
                let lives = self.site().settings.login.code_ttl_secs;
                if job.created.saturating_add(lives) < env.now.unix() {
                    return self.finish(key, env, |_| Ok(()));
                }
                Ok(JobOutcome::Deliver { phone: work.phone.clone(), code: work.code.clone() })
            }
            Work::WorkDropBlobs(work) => Ok(JobOutcome::DropBlobs { prefixes: work.prefixes.clone() }),
            Work::WorkExpireUpload(work) => {
                self.finish(key, env, |cx| files::expire_upload(cx, KeyId(work.key_id), work.file_id))
            }
            Work::WorkForgetCode(work) => self.finish(key, env, |cx| login::forget_code(cx, &work.phone)),
            Work::WorkForgetCount(work) => self.finish(key, env, |cx| login::forget_count(cx, &work.what)),
            Work::WorkCollectFile(work) => self.finish(key, env, |cx| files::collect(cx, FileId(work.id))),
            Work::WorkExpireKey(work) => self.finish(key, env, |cx| keys::expire(cx, KeyId(work.key_id))),
        }
    }

    /// Ends a job that was carried out.
    ///
    /// # Errors
    /// [`Stop::Fault`] of the store; then it will be carried out again.
    pub fn job_done(&self, key: &JobKey, env: &mut Env<'_>) -> Result<(), Stop> {
        self.finish(key, env, |_| Ok(()))?;
        Ok(())
    }

    /// Puts a job that failed back for later, twice as late each time; false if it is given up.
    ///
    /// # Errors
    /// [`Stop::Fault`] of the store.
    pub fn job_failed(&self, key: &JobKey, env: &mut Env<'_>) -> Result<bool, Stop> {
        let ((goes_on, _), _) = self.alter(env, KeyId::default(), |cx| jobs::failed(cx, key))?;
        Ok(goes_on)
    }

    fn finish(
        &self,
        key: &JobKey,
        env: &mut Env<'_>,
        mut work: impl FnMut(&mut Ctx<'_, '_>) -> Done<()>,
    ) -> Result<JobOutcome, Stop> {
        let (((), effects), ticket) = self.alter(env, KeyId::default(), |cx| {
            work(cx)?;
            jobs::done(cx, key)
        })?;
        Ok(JobOutcome::Done { ticket, effects })
    }
}

#[cfg(test)]
mod tests {
    use tl::functions::upload;

    use super::*;
    use crate::Brought;
    use crate::world::World;

    /// What is due now, from where a server starts to look.
    fn due(world: &mut World) -> Vec<(JobKey, stored::Job)> {
        let mut from = world.with_env(|api, _| api.jobs_start()).expect("a start");
        loop {
            let found = world.with_env(|api, env| api.jobs_due(from, 100, env)).expect("jobs");
            if !found.more || !found.jobs.is_empty() {
                return found.jobs;
            }
            from = found.next;
        }
    }

    #[test]
    fn a_code_goes_out_again_later_each_time_and_not_for_ever() {
        let mut world = World::new();
        let mut guest = world.guest();
        guest.phone = "33612345678".to_owned();
        world.ask_code(&guest);
        let deliver = |world: &mut World| {
            due(world).into_iter().find(|(_, job)| matches!(job.work, Work::WorkDeliverCode(_)))
        };
        let (key, job) = deliver(&mut world).expect("a code to deliver");
        let outcome = world.with_env(|api, env| api.run_job(&key, &job, env)).expect("run");
        assert!(matches!(outcome, JobOutcome::Deliver { phone, .. } if phone == guest.phone));
        assert!(world.with_env(|api, env| api.job_failed(&key, env)).expect("put back"));
        assert!(deliver(&mut world).is_none(), "not at once");
        world.wait(2);
        let (key, job) = deliver(&mut world).expect("again");
        assert_eq!(job.attempts, 1);
        assert!(world.with_env(|api, env| api.job_failed(&key, env)).expect("put back"));
        world.wait(2);
        assert!(deliver(&mut world).is_none(), "twice as late");
        // A server that stands still for long brings no code that is worth nothing any more.
        world.wait(100_000);
        let (key, job) = deliver(&mut world).expect("still there");
        let outcome = world.with_env(|api, env| api.run_job(&key, &job, env)).expect("run");
        assert!(matches!(outcome, JobOutcome::Done { .. }));
        assert!(deliver(&mut world).is_none());
    }

    #[test]
    fn bytes_are_removed_however_often_it_fails() {
        let mut world = World::new();
        let ann = world.person("Ann");
        let part = upload::SaveFilePart { file_id: 1, file_part: 0, bytes: vec![1] };
        world.call_with(&ann, &part, &mut |later| later.done(Brought::Kept)).expect("kept");
        world.wait(25 * 3600);
        let removal = |job: &stored::Job| matches!(job.work, Work::WorkDropBlobs(_));
        // A look ends after a stretch of time, and a job may cause another.
        for _ in 0..10 {
            for (key, job) in due(&mut world).into_iter().filter(|(_, job)| !removal(job)) {
                world.with_env(|api, env| api.run_job(&key, &job, env)).expect("run");
            }
        }
        for attempt in 0..20 {
            world.wait(5000);
            let (key, job) =
                due(&mut world).into_iter().find(|(_, job)| removal(job)).expect("bytes to remove");
            assert_eq!(job.attempts, attempt);
            assert!(world.with_env(|api, env| api.job_failed(&key, env)).expect("put back"));
        }
    }
}
