//! Work for later: looks what is due, does it, and tries again what failed.
//!
//! A job is a row; it ends with a commit and not before, so a restart finds it where it was. What can be done in the store
//! `api` does itself; codes go out and blobs are removed here.

use std::collections::HashSet;
use std::sync::Arc;

use api::{JobKey, JobOutcome};
use blobs::BlobKey;
use env::Time;
use tl::stored;
use tokio::task::JoinSet;

use crate::courier::Courier;
use crate::node::{Node, Overloaded};
use crate::push::Told;
use crate::{limits, metrics, world};

/// Does what is due, until it is dropped. A job that is under way then is done again by the next server.
pub(crate) async fn run(node: Arc<Node>, courier: Courier) {
    if let Err(error) = node.blobs.remove_unfinished(limits::UNFINISHED_TIME).await {
        tracing::warn!(%error, "half-written files could not be removed");
    }
    let mut runner = Runner {
        node,
        courier: Arc::new(courier),
        from: None,
        tasks: JoinSet::new(),
        under_way: HashSet::new(),
    };
    loop {
        // A look that failed is made again after the pause.
        let more = runner.look().await.unwrap_or(false);
        if !more {
            runner.rest().await;
        }
    }
}

/// The runner between two looks.
struct Runner {
    node: Arc<Node>,
    courier: Arc<Courier>,
    /// Where the next look begins; nothing before the first.
    from: Option<Time>,
    /// What is being done: a slow delivery holds up nobody else.
    tasks: JoinSet<JobKey>,
    under_way: HashSet<JobKey>,
}

impl Runner {
    /// Starts some of what is due; whether there is more.
    async fn look(&mut self) -> Result<bool, Overloaded> {
        let (node, from) = (Arc::clone(&self.node), self.from);
        let due = move || {
            world::with_env(|env| {
                let from = match from {
                    Some(from) => from,
                    None => node.api.jobs_start()?,
                };
                node.api.jobs_due(from, limits::JOBS_AT_ONCE, env)
            })
        };
        let due = self.node.on_worker(due).await?.map_err(|stop| {
            self.node.note_stop(&stop);
            Overloaded
        })?;
        metrics::queue("jobs", due.jobs.len());
        // A code that has gone out, or a file that is removed, does not come back if the power fails and its job is gone.
        if !due.jobs.is_empty() {
            self.node.until_durable(due.ticket).await?;
        }
        let mut started = false;
        for (key, job) in due.jobs {
            if !self.under_way.insert(key) {
                continue;
            }
            started = true;
            while self.tasks.len() >= limits::JOBS_RUNNING_MAX {
                self.one_ended().await;
            }
            let (node, courier) = (Arc::clone(&self.node), Arc::clone(&self.courier));
            self.tasks.spawn(async move {
                if do_one(&node, &courier, key, job).await.is_err() {
                    tracing::debug!("a job waits for the next look");
                }
                key
            });
        }
        self.from = Some(due.next);
        Ok(due.more && started)
    }

    /// Waits until something may be due or has ended.
    async fn rest(&mut self) {
        let node = Arc::clone(&self.node);
        tokio::select! {
            biased;
            () = tokio::time::sleep(limits::JOBS_EVERY) => (),
            () = node.jobs.notified() => (),
            () = self.one_ended(), if !self.tasks.is_empty() => (),
        }
    }

    async fn one_ended(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(key)) => {
                self.under_way.remove(&key);
            }
            // Its key stays marked: a job that panics would do so again. The next server tries it.
            Some(Err(_)) => metrics::panicked("job"),
            None => {}
        }
    }
}

async fn do_one(
    node: &Arc<Node>,
    courier: &Courier,
    key: JobKey,
    job: stored::Job,
) -> Result<(), Overloaded> {
    let node_ = Arc::clone(node);
    let outcome = node.on_worker(move || world::with_env(|env| node_.api.run_job(&key, &job, env))).await?;
    let done = match outcome {
        Ok(JobOutcome::Done { ticket, effects }) => {
            for notice in effects.notices {
                node.bus.publish(Told { notice, origin: None, ticket });
            }
            return Ok(());
        }
        Ok(JobOutcome::Deliver { phone, code }) => {
            courier.deliver(&phone, &code).await.map_err(|e| e.to_string())
        }
        Ok(JobOutcome::DropBlobs { prefixes }) => drop_blobs(node, &prefixes).await,
        Err(stop) => {
            node.note_stop(&stop);
            Err("the store failed".to_owned())
        }
    };
    let node_ = Arc::clone(node);
    match done {
        Ok(()) => {
            let ended = node.on_worker(move || world::with_env(|env| node_.api.job_done(&key, env))).await?;
            ended.unwrap_or_else(|stop| node.note_stop(&stop));
        }
        Err(error) => {
            let put_back =
                node.on_worker(move || world::with_env(|env| node_.api.job_failed(&key, env))).await?;
            match put_back {
                Ok(again) => tracing::warn!(error, again, "a job failed"),
                Err(stop) => node.note_stop(&stop),
            }
        }
    }
    Ok(())
}

async fn drop_blobs(node: &Node, prefixes: &[String]) -> Result<(), String> {
    for prefix in prefixes {
        let key = BlobKey::new(prefix.as_str()).map_err(|error| error.to_string())?;
        node.blobs.delete_parts(&key).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}
