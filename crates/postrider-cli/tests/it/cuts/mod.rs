//! A machine that loses its power again and again, and what the clients find when it is back.
//!
//! `POSTRIDER_CUTS` says how often; from 100 on the wills of the last round are waited for, too.

mod outage;
mod prefix;

use crate::town::{Plan, Town};
use outage::Machine;

#[test]
fn whatever_was_acknowledged_survives_every_cut_of_the_power() {
    let mut plan = Plan::new("POSTRIDER_CUTS", 3);
    let (machine, mut town, cuts) = (Machine::new("fsync", &mut plan), Town::new(), plan.rounds);
    town.settle_in(&machine.start());
    for cut in 0..cuts {
        let broker = machine.start();
        if cut > 0 {
            town.inspect(&broker);
        }
        let outage = machine.plan_outage(&mut plan, 50, 500);
        town.live(broker, |broker| _ = machine.lose_power(broker, outage));
        machine.come_back(cut);
    }
    let broker = machine.start();
    town.inspect(&broker);
    town.settle(&broker);
    if cuts >= 100 {
        town.await_will(&broker);
    }
    drop(broker);
    town.report(&format!("proof cuts: {cuts} cuts"), "");
}
