//! A log with a thread of its own: others put records into a queue and are told when they are durable.
//!
//! Owns: the thread. While it syncs one group, the next gathers.
//! Never: lets the queue grow beyond its bound, or reports what is not durable.

mod handle;
mod queue;
mod worker;

pub use handle::{Appended, Handle, NewRecord, Refused, Standing};

use crate::error::Fault;
use crate::log::Log;
use crate::storage::Storage;
use queue::Queue;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use worker::Worker;

/// The thread that writes. Dropping it makes everything durable and ends it, as [`close`](Self::close) does.
#[derive(Debug)]
pub struct Writer<S: Storage> {
    handle: Handle<S>,
    thread: Option<JoinHandle<Result<(), Fault>>>,
}

/// Settings of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterOptions {
    /// Bytes of records that may wait. 8 MiB: some tenths of a second of a slow device.
    pub queue_bytes: u64,
    /// How long a lazy record waits for a group to ride with. 200 ms.
    pub lazy: Duration,
    /// What is reported as durable.
    pub durability: Durability,
    /// How many bytes one step of compaction copies. 256 KiB.
    pub compaction_bytes: u64,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            queue_bytes: 8 * 1024 * 1024,
            lazy: Duration::from_millis(200),
            durability: Durability::Synced,
            compaction_bytes: 256 * 1024,
        }
    }
}

/// What a record must have survived before it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A loss of power.
    Synced,
    /// The end of the process; the device gets it after so long at the latest.
    Written {
        /// Between a write and its sync.
        sync_after: Duration,
    },
}

/// Whether a record is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Begins a group as soon as the device is free.
    Now,
    /// Rides with the next group, or goes when it has waited long enough.
    Lazy,
}

/// Called by the writing thread when more is durable, when there is room again, and when the log is over. It must not
/// block.
pub struct Waker(Box<dyn Fn() + Send + Sync>);

impl Waker {
    /// Calls a function.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Box::new(wake))
    }

    fn wake(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}

/// What the thread and its handles have in common.
#[derive(Debug)]
struct Desk {
    queue: Mutex<Queue>,
    bell: Condvar,
    durable: AtomicU64,
    /// What is written and perhaps not synced, as far as anybody wants to know that.
    written: AtomicU64,
    tells_written: AtomicBool,
    waker: Waker,
}

impl Desk {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.queue().is_closing = true;
        self.bell.notify_one();
    }
}

impl<S: Storage> Writer<S> {
    /// Starts the thread.
    pub fn spawn(mut log: Log<S>, options: WriterOptions, waker: Waker) -> Result<Self, Fault> {
        let room = log.prepare(options.queue_bytes)?;
        let queue = Queue::new(log.written(), room, &options, log.options());
        let desk = Arc::new(Desk {
            queue: Mutex::new(queue),
            bell: Condvar::new(),
            durable: AtomicU64::new(log.durable().number()),
            written: AtomicU64::new(log.durable().number()),
            tells_written: AtomicBool::new(false),
            waker,
        });
        let handle = Handle { reader: log.reader(), desk: desk.clone() };
        let name = "journal".to_owned();
        let worker = Worker::new(log, desk, options);
        let thread = thread::Builder::new().name(name).spawn(move || worker.run());
        let thread = thread.map_err(|error| Fault::new(crate::Operation::Open, "a thread", &error))?;
        Ok(Self { handle, thread: Some(thread) })
    }

    /// For those who append and read.
    #[must_use]
    pub const fn handle(&self) -> &Handle<S> {
        &self.handle
    }

    /// Takes no more records, makes those that wait durable, and ends the thread.
    pub fn close(mut self) -> Result<(), Fault> {
        self.handle.desk.close();
        self.join()
    }

    fn join(&mut self) -> Result<(), Fault> {
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Ok(result)) => result,
            // A panic of the thread; its message is out already.
            Some(Err(_)) => Err(Fault::new(crate::Operation::Write, "the log", &std::io::ErrorKind::Other.into())),
            None => Ok(()),
        }
    }
}

impl<S: Storage> Drop for Writer<S> {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.handle.desk.close();
            // Handles have the reason if it did not end well.
            let _ = self.join();
        }
    }
}

impl Desk {
    fn publish(&self, durable: crate::Sequence) {
        self.durable.store(durable.number(), Ordering::Release);
    }

    /// Before it is synced, if anybody wants to know.
    fn publish_written(&self, written: crate::Sequence) {
        self.written.store(written.number(), Ordering::Release);
        self.waker.wake();
    }
}
