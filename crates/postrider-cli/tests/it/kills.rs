//! A broker that is killed again and again, and what its clients find when it is back.
//!
//! `POSTRIDER_KILLS` says how often; from 100 on the wills of the last round are waited for, too.

use crate::broker::Broker;
use crate::town::{Plan, Town};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where it keeps its data, and how long it took to be there again.
struct House {
    folder: PathBuf,
    mode: &'static str,
    recoveries: Vec<Duration>,
}

impl House {
    fn new(mode: &'static str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kills-{mode}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Self { folder, mode, recoveries: Vec::new() }
    }

    fn start(&mut self) -> Broker {
        let started = Instant::now();
        let broker = Broker::keeping(&self.folder, &["--durability", self.mode]);
        self.recoveries.push(started.elapsed());
        broker
    }

    fn recovery_ms(&mut self, percent: usize) -> u128 {
        self.recoveries.sort();
        self.recoveries[(self.recoveries.len() - 1) * percent / 100].as_millis()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn run(mode: &'static str, name: &str) {
    let (mut house, mut town) = (House::new(mode), Town::new());
    let mut plan = Plan::new("POSTRIDER_KILLS", 10);
    let kills = plan.rounds;
    for round in 0..kills {
        let broker = house.start();
        if round == 0 {
            town.settle_in(&broker);
        } else {
            town.inspect(&broker);
        }
        let pause = plan.pause_ms(50, 500);
        town.live(broker, |broker| {
            std::thread::sleep(pause);
            broker.kill();
        });
    }
    let broker = house.start();
    town.inspect(&broker);
    town.settle(&broker);
    if kills >= 100 {
        town.await_will(&broker);
    }
    drop(broker);
    let (half, most) = (house.recovery_ms(50), house.recovery_ms(99));
    let end = format!(", {half} ms from start to listening p50, {most} ms p99");
    town.report(&format!("proof {name}: {kills} kills"), &end);
}

#[test]
fn whatever_was_acknowledged_survives_every_kill() {
    run("fsync", "kills");
}

#[test]
fn whatever_was_acknowledged_survives_every_kill_when_the_system_is_trusted() {
    run("os", "kills-os");
}
