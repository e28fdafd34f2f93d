//! A few threads for work that takes long, and a short queue in front of them.
//!
//! Never: lets somebody wait for room in the queue.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// The threads end after the last job when the pool has gone.
pub(crate) struct Pool<Job> {
    jobs: SyncSender<Job>,
}

impl<Job: Send + 'static> Pool<Job> {
    /// `work` does one job.
    pub(crate) fn start(threads: usize, queue: usize, work: impl Fn(Job) + Send + Sync + 'static) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(queue);
        let (waiting, work) = (Arc::new(Mutex::new(waiting)), Arc::new(work));
        for number in 0..threads {
            let (waiting, work) = (waiting.clone(), work.clone());
            let name = format!("postrider-auth-{number}");
            std::thread::Builder::new().name(name).spawn(move || go_on(&waiting, &*work))?;
        }
        Ok(Self { jobs })
    }

    /// Has it done soon, or gives it back: too many wait already.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Job> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
        })
    }
}

fn go_on<Job>(waiting: &Mutex<Receiver<Job>>, work: &impl Fn(Job)) {
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // One that panics answers nobody, which refuses; the next ones are done all the same.
        let _ = catch_unwind(AssertUnwindSafe(|| work(job)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_full_queue_gives_a_job_back_at_once() {
        let (started, running) = channel();
        let (go, gone) = channel::<()>();
        let gone = Mutex::new(gone);
        let work = move |job: u8| {
            started.send(job).expect("the test waits");
            let _ = gone.lock().expect("one thread").recv();
        };
        let pool = Pool::start(1, 1, work).expect("a thread");
        assert_eq!(pool.submit(1), Ok(()));
        assert_eq!(running.recv(), Ok(1));
        assert_eq!((pool.submit(2), pool.submit(3)), (Ok(()), Err(3)));
        drop(go);
        assert_eq!(running.recv(), Ok(2));
        drop(pool);
        assert!(running.recv().is_err(), "the thread has ended");
    }

    #[test]
    fn a_job_that_panics_leaves_the_thread_to_the_others() {
        let (done, finished) = channel();
        let work = move |job: u8| {
            assert_ne!(job, 1, "as the test wants it");
            done.send(job).expect("the test waits");
        };
        let pool = Pool::start(1, 8, work).expect("a thread");
        assert_eq!((pool.submit(1), pool.submit(2)), (Ok(()), Ok(())));
        assert_eq!(finished.recv(), Ok(2));
    }
}
