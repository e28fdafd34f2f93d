//! The writing thread: takes a group, makes it durable, says so, and begins again.
//!
//! Owns: the log, the timers of lazy records and of late syncs, compaction between groups.
//! Never: sleeps while something urgent waits, or touches the device after a fault.

use super::{Desk, Durability, WriterOptions};
use crate::error::Fault;
use crate::group::Group;
use crate::log::{Compaction, Log};
use crate::storage::Storage;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

pub(super) struct Worker<S: Storage> {
    log: Log<S>,
    desk: Arc<Desk>,
    options: WriterOptions,
    /// When what was written must be synced.
    sync_at: Option<Instant>,
    /// Compaction has more to copy, or copies to write.
    has_chores: bool,
}

/// What to do next.
enum Job {
    Write(Group),
    Sync,
    MakeRoom { bytes: u64, is_asked: bool },
    Chores,
    Close,
}

impl<S: Storage> Worker<S> {
    pub(super) const fn new(log: Log<S>, desk: Arc<Desk>, options: WriterOptions) -> Self {
        Self { log, desk, options, sync_at: None, has_chores: false }
    }

    pub(super) fn run(mut self) -> Result<(), Fault> {
        let result = self.work();
        if let Err(fault) = &result {
            self.desk.queue().fault = Some(fault.clone());
            self.desk.waker.wake();
            return result;
        }
        let desk = self.desk.clone();
        let closed = self.log.close();
        match &closed {
            Ok(durable) => desk.publish(*durable),
            Err(fault) => desk.queue().fault = Some(fault.clone()),
        }
        desk.waker.wake();
        closed.map(|_| ())
    }

    fn work(&mut self) -> Result<(), Fault> {
        loop {
            match self.next_job() {
                Job::Write(group) => self.write(group)?,
                Job::Sync => self.sync()?,
                Job::MakeRoom { bytes, is_asked } => {
                    if is_asked {
                        self.log.ask_again();
                    }
                    self.make_room(bytes)?;
                    self.desk.waker.wake();
                }
                Job::Chores => {
                    self.sync()?;
                    self.compact()?;
                }
                Job::Close => return Ok(()),
            }
        }
    }

    fn next_job(&self) -> Job {
        let desk = self.desk.clone();
        let mut queue = desk.queue();
        loop {
            let now = Instant::now();
            // First, or it would never come as long as there is always more to write.
            if self.sync_at.is_some_and(|at| at <= now) {
                return Job::Sync;
            }
            let lazy_at = queue.lazy_since.map(|since| since + self.options.lazy);
            let is_due = queue.is_closing || lazy_at.is_some_and(|at| at <= now);
            if let Some(group) = queue.take_group(is_due) {
                return Job::Write(group);
            }
            if queue.is_closing && queue.is_empty() {
                return Job::Close;
            }
            if queue.wanted > 0 {
                let (bytes, is_asked) = (std::mem::take(&mut queue.wanted), std::mem::take(&mut queue.is_asked));
                return Job::MakeRoom { bytes, is_asked };
            }
            if self.has_chores {
                return Job::Chores;
            }
            let until = lazy_at.into_iter().chain(self.sync_at).min();
            queue.is_waiting = true;
            queue = match until {
                None => desk.bell.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let waited = desk.bell.wait_timeout(queue, at.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            queue.is_waiting = false;
        }
    }

    /// Asks the device for room if there is less, and says in the queue whether it has none.
    fn make_room(&mut self, bytes: u64) -> Result<(), Fault> {
        let room = self.log.prepare(bytes)?;
        let mut queue = self.desk.queue();
        let is_more = room.ordinary > queue.room.ordinary || queue.is_exhausted != (room.ordinary < bytes);
        (queue.room, queue.is_exhausted) = (room, room.ordinary < bytes);
        drop(queue);
        if is_more {
            self.desk.waker.wake();
        }
        Ok(())
    }

    fn write(&mut self, mut group: Group) -> Result<(), Fault> {
        self.log.take_group(&mut group)?;
        let durable = match self.options.durability {
            Durability::Synced => {
                if self.desk.tells_written.load(Ordering::Acquire) {
                    let written = self.log.write()?;
                    self.desk.publish_written(written);
                }
                self.log.commit()?
            }
            Durability::Written { sync_after } => {
                self.sync_at.get_or_insert_with(|| Instant::now() + sync_after);
                self.log.write()?
            }
        };
        self.desk.publish(durable);
        self.desk.queue().on_written(group, self.log.room());
        self.desk.waker.wake();
        self.make_room(self.options.queue_bytes)?;
        self.compact()
    }

    fn sync(&mut self) -> Result<(), Fault> {
        self.sync_at = None;
        let durable = self.log.commit()?;
        if self.log.is_unsettled() {
            self.log.commit()?;
        }
        self.desk.publish(durable);
        self.desk.queue().room = self.log.room();
        Ok(())
    }

    /// One step, if it is worth it or the device is full, and if the room it takes is not promised to others.
    fn compact(&mut self) -> Result<(), Fault> {
        self.has_chores = false;
        let is_needed = self.log.is_wasteful() || self.desk.queue().is_exhausted;
        if !is_needed || !self.desk.queue().claim(2 * self.options.compaction_bytes) {
            return Ok(());
        }
        let step = self.log.compact(self.options.compaction_bytes)?;
        self.has_chores = matches!(step, Compaction::Copied(bytes) if bytes > 0);
        self.desk.queue().room = self.log.room();
        // There may be less than was promised before.
        self.desk.waker.wake();
        Ok(())
    }
}
