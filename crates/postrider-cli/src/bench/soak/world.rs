//! What all parts of a soak share: where the broker is, what was counted, when a cycle's work has to be done.

use super::ledger::{Lane, Ledger};
use super::sample::Samples;
use crate::bench::options::{Bench, Soak};
use crate::bench::stamp::{BYTES, Stamp, ns_since};
use crate::bench::tally::Latencies;
use postrider_client::{Message, Options, Tls, Version};
use postrider_net::dial::Route;
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

pub(crate) struct World {
    address: String,
    tls: Option<Tls>,
    /// The first level of all topics, and what all client identifiers begin with.
    name: String,
    pub(crate) start: std::time::Instant,
    pub(crate) length: Duration,
    pub(crate) cycle: Duration,
    pub(crate) sample: Duration,
    /// Messages a second of the steady flow.
    pub(crate) rate: f64,
    /// Bytes of their payloads.
    pub(crate) size: usize,
    /// Short connections a second.
    pub(crate) churn: f64,
    pub(crate) pid: Option<u32>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) ledger: RefCell<Ledger>,
    /// Of the steady flow since the last sample.
    pub(crate) latencies: RefCell<Latencies>,
    pub(crate) samples: RefCell<Samples>,
    is_over: Cell<bool>,
    /// A message or an acknowledgement came.
    pub(super) moved: Notify,
}

/// Parts of a cycle in which the mix works; in the others the broker comes to rest.
const BUSY: f64 = 0.7;
/// How long the last messages may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl World {
    pub(crate) fn new(args: &Bench, shape: &Soak, route: &Route) -> anyhow::Result<Self> {
        Ok(Self {
            address: route.url(),
            tls: route.tls.clone(),
            name: format!("soak-{}", std::process::id()),
            start: std::time::Instant::now(),
            length: Duration::from_secs_f64(shape.minutes * 60.0),
            cycle: Duration::from_secs(shape.cycle),
            sample: Duration::from_secs(shape.sample),
            rate: f64::from(shape.rate),
            size: shape.size as usize,
            churn: f64::from(shape.churn),
            pid: args.target.pid,
            data: shape.data.clone(),
            ledger: RefCell::new(Ledger::new()?),
            latencies: RefCell::new(Latencies::new()?),
            samples: RefCell::default(),
            is_over: Cell::new(false),
            moved: Notify::new(),
        })
    }

    /// A client of this run; those with an even number speak 5.0, the others 3.1.1.
    pub(crate) fn client(&self, part: &str, number: u32) -> Options {
        let version = if number.is_multiple_of(2) { Version::V5 } else { Version::V3_1_1 };
        let mut options = Options::new(&self.address, &format!("{}-{part}-{number}", self.name)).version(version);
        options.tls.clone_from(&self.tls);
        options
    }

    /// A topic or filter of this run.
    pub(crate) fn topic(&self, rest: &str) -> String {
        format!("{}/{rest}", self.name)
    }

    pub(crate) fn busy(&self) -> Duration {
        self.cycle.mul_f64(BUSY)
    }

    /// The next payload of a lane, which is owed from now on.
    pub(crate) fn payload(&self, lane: Lane, publisher: u32, bytes: usize) -> Vec<u8> {
        let number = self.ledger.borrow_mut().on_published(lane, publisher);
        let mut payload = vec![b'.'; bytes.max(BYTES)];
        Stamp { due_ns: ns_since(self.start), publisher, number }.write(&mut payload);
        payload
    }

    /// A message of a lane came; false when it came before or is none of this run.
    pub(crate) fn receive(&self, lane: Lane, subscriber: usize, message: &Message) -> bool {
        let Some(stamp) = Stamp::read(&message.payload) else { return false };
        let now_ns = ns_since(self.start);
        let is_new = self.ledger.borrow_mut().on_message(lane, subscriber, stamp, now_ns, message.qos);
        if is_new && lane == Lane::Steady {
            self.latencies.borrow_mut().record(now_ns.saturating_sub(stamp.due_ns));
        }
        self.moved.notify_waiters();
        is_new
    }

    /// Waits until the ledger is as it should be, or will not be any more.
    pub(crate) async fn until(&self, is_done: impl Fn(&Ledger) -> bool) {
        let end = Instant::now() + PATIENCE;
        // Nothing else of this thread runs between the look and the wait.
        while !is_done(&self.ledger.borrow()) {
            if tokio::time::timeout_at(end, self.moved.notified()).await.is_err() {
                return;
            }
        }
    }

    /// Counts something.
    pub(crate) fn note(&self, count: impl FnOnce(&mut Ledger)) {
        count(&mut self.ledger.borrow_mut());
    }

    pub(crate) fn stop(&self) {
        self.is_over.set(true);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.get()
    }
}
