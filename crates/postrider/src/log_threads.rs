//! The two threads beside the log's own: one lets out what has become durable, one reads records back.
//!
//! Owns: their wake-up calls, and the pause before a full device is asked again.
//! Never: makes the thread that writes the log wait.

use crate::failure::Failure;
use crate::log::{Journal, Load};
use crate::scratch::Scratch;
use crate::shared::Shared;
use bytes::Bytes;
use postrider_engine::{Input, LoadedRecord};
use postrider_journal::Fault;
use postrider_session::Sequence;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Wakes the thread that looks at the log; calls that come while it is awake become one.
#[derive(Debug, Default)]
pub(crate) struct WakeUp {
    thread: OnceLock<Thread>,
    is_over: AtomicBool,
    /// Records are to be released, whether the log has advanced or not.
    must_release: AtomicBool,
}

impl WakeUp {
    pub(crate) fn call(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    pub(crate) fn call_to_release(&self) {
        self.must_release.store(true, Ordering::Release);
        self.call();
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        self.call();
    }
}

/// What all threads have to know about the log.
#[derive(Debug)]
pub(crate) struct LogPost {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) wake_up: Arc<WakeUp>,
    pub(crate) directory: PathBuf,
    loads: Mutex<Option<Sender<Load>>>,
}

impl LogPost {
    pub(crate) fn new(journal: Arc<dyn Journal>, wake_up: Arc<WakeUp>, directory: PathBuf) -> Self {
        Self { journal, wake_up, directory, loads: Mutex::default() }
    }

    fn loads(&self) -> std::sync::MutexGuard<'_, Option<Sender<Load>>> {
        // Nothing panics while it holds this lock.
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What had to wait until the partition was left.
    #[inline]
    pub(crate) fn on_left(&self, scratch: &mut Scratch) {
        if core::mem::take(&mut scratch.must_ring) {
            self.journal.ring();
        }
        if core::mem::take(&mut scratch.must_release) {
            self.wake_up.call_to_release();
        }
    }

    /// Has records read.
    pub(crate) fn load(&self, load: Load) {
        if let Some(loads) = &*self.loads() {
            // The thread ends with the broker.
            let _ = loads.send(load);
        }
    }

    /// Ends the threads.
    pub(crate) fn end(&self) {
        self.wake_up.end();
        *self.loads() = None;
    }
}

/// What is left to do when everything else has ended: the log is made durable and closed.
pub(crate) struct Closer(Box<dyn FnOnce() -> Result<(), Fault> + Send>);

impl Closer {
    pub(crate) fn new(close: impl FnOnce() -> Result<(), Fault> + Send + 'static) -> Self {
        Self(Box::new(close))
    }

    pub(crate) fn close(self) -> Result<(), Fault> {
        (self.0)()
    }
}

/// Starts both threads.
pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<()> {
    let Some(post) = &shared.log else { return Ok(()) };
    let (sender, loads) = channel();
    *post.loads() = Some(sender);
    let reader = shared.clone();
    thread::Builder::new().name("postrider-reader".to_owned()).spawn(move || read(&reader, &loads))?;
    let watcher = shared.clone();
    let watch = thread::Builder::new().name("postrider-log".to_owned()).spawn(move || watch(&watcher))?;
    // Whoever called before this was not heard.
    let _ = post.wake_up.thread.set(watch.thread().clone());
    post.wake_up.call();
    Ok(())
}

fn watch(shared: &Arc<Shared>) {
    let Some(post) = &shared.log else { return };
    let (mut told, mut full_since) = (None, None);
    loop {
        let standing = post.journal.standing();
        if post.wake_up.is_over.load(Ordering::Acquire) {
            return;
        }
        if let Some(fault) = standing.fault {
            shared.fail(Failure::new(&post.directory, fault));
            return;
        }
        let is_full = standing.is_full;
        let news = Some((standing.durable, standing.written, standing.room, is_full));
        if post.wake_up.must_release.swap(false, Ordering::Acquire) || told != news {
            told = news;
            // One thread does, so it is done in the engine's order.
            shared.advance_log().into_iter().for_each(|sequence| post.journal.release(sequence));
        }
        if is_full {
            let since = *full_since.get_or_insert_with(Instant::now);
            thread::park_timeout(FULL_PAUSE.saturating_sub(since.elapsed()));
            // What goes on in a full device wakes this thread much more often.
            if since.elapsed() >= FULL_PAUSE {
                full_since = None;
                post.journal.want_room();
            }
        } else {
            full_since = None;
            thread::park();
        }
    }
}

fn read(shared: &Arc<Shared>, loads: &Receiver<Load>) {
    let Some(post) = &shared.log else { return };
    while let Ok(Load { ticket, sequences }) = loads.recv() {
        let records = sequences.into_iter().map(|sequence| read_one(&*post.journal, sequence)).collect();
        let now = shared.clock.now();
        shared.enter_alone(now, |partition| partition.handle(now, Input::Loaded { ticket, records }));
    }
}

fn read_one(journal: &dyn Journal, sequence: Sequence) -> LoadedRecord {
    let mut payload = Vec::new();
    let is_read = journal.read(sequence, &mut payload).is_ok();
    LoadedRecord { sequence, payload: is_read.then(|| Bytes::from(payload)) }
}

/// A full device cannot say that somebody made room on it.
const FULL_PAUSE: Duration = Duration::from_secs(1);
