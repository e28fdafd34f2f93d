//! Tells an observer what happens, on a thread of its own.
//!
//! Owns: a bounded queue. When it is full, events are counted and left out: watching stops nothing.

use postrider_ports::{Event, Observe};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The sending end.
#[derive(Debug)]
pub(crate) struct Observer {
    queue: SyncSender<Event>,
    missed: Arc<AtomicU64>,
}

const EVENTS_MAX: usize = 4096;

impl Observer {
    /// Starts the observer's thread; it ends when the broker is dropped.
    pub(crate) fn start(observe: impl Observe) -> io::Result<Self> {
        let (queue, events) = sync_channel(EVENTS_MAX);
        let missed = Arc::new(AtomicU64::new(0));
        let counter = missed.clone();
        std::thread::Builder::new()
            .name("postrider-observer".to_owned())
            .spawn(move || run(observe, &events, &counter))?;
        Ok(Self { queue, missed })
    }

    pub(crate) fn tell(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn run(mut observe: impl Observe, events: &Receiver<Event>, missed: &AtomicU64) {
    while let Ok(event) = events.recv() {
        observe.observe(&event);
        let count = missed.swap(0, Ordering::Relaxed);
        if count > 0 {
            observe.observe(&Event::Missed(count));
        }
    }
}
