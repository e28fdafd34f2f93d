//! A machine whose disk loses what was not synced.
//!
//! Owns: the moments of an outage: the disk stops, the process goes on in vain, dies, and the disk comes back poorer.

use crate::broker::Broker;
use crate::patience::until;
use crate::town::Plan;
use postrider_faultfs::Mount;
use postrider_journal::{Loss, SimulatedDisk};
use rustix::process::Signal;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(super) struct Machine {
    mount: Mount,
    mode: &'static str,
}

/// When the power goes, and how long the process does not know.
pub(super) struct Outage {
    after: Duration,
    /// Then at a change, so many later, rather than between two.
    at_change: Option<u64>,
    unnoticed: Duration,
}

impl Machine {
    pub(super) fn new(mode: &'static str, plan: &mut Plan) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cuts-{mode}"));
        let disk = SimulatedDisk::new(plan.below(u64::MAX));
        let mount = Mount::new(path, &disk).unwrap_or_else(|error| panic!("{error}"));
        Self { mount, mode }
    }

    pub(super) fn start(&self) -> Broker {
        self.mount.slow_sync(Duration::ZERO);
        Broker::keeping(self.mount.path(), &["--durability", self.mode])
    }

    /// Some outage within this time, on a device that is quick or slow.
    pub(super) fn plan_outage(&self, plan: &mut Plan, from_ms: u64, to_ms: u64) -> Outage {
        self.mount.slow_sync(plan.pause_ms(0, 8));
        let after = plan.pause_ms(from_ms, to_ms);
        let at_change = (plan.below(2) == 0).then(|| 1 + plan.below(20));
        Outage { after, at_change, unnoticed: plan.pause_ms(0, 30) }
    }

    /// Waits for the outage, and says when it was.
    pub(super) fn lose_power(&self, broker: Broker, outage: Outage) -> Instant {
        let disk = self.mount.disk();
        sleep(outage.after);
        let begun = Instant::now();
        match outage.at_change {
            None => self.mount.freeze(),
            Some(ahead) => {
                disk.cut_power_at(disk.changes() + ahead);
                until("the disk is used", || disk.is_off());
            }
        }
        sleep(outage.unnoticed);
        broker.signal(Signal::KILL);
        // Its calls hang; it cannot end before they do.
        self.mount.thaw();
        broker.kill();
        begun
    }

    /// The disk is there again; how much it has lost is another kind each time.
    pub(super) fn come_back(&self, cut: u64) -> Loss {
        let kinds = Loss::ALL.len() as u64;
        let loss = Loss::ALL[usize::try_from(cut % kinds).expect("few")];
        self.mount.restart(loss);
        loss
    }
}
