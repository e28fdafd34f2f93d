//! Runs with a disk: the broker crashes, and no promise may be broken.

use crate::{first_seed, run_all};
use postrider_sim::{Options, Report, run};

/// Shared subscriptions have runs of their own.
const DISK: Options = Options { shares_durably: false, ..Options::on_disk() };

/// Crashes that find nothing prove nothing.
fn expect_crashes(reports: &[Report]) {
    let mut total = Report::default();
    reports.iter().for_each(|report| total.add(report));
    let runs = reports.len() as u64;
    assert!(total.crashes > runs * 3, "too few crashes: {total:?}");
    assert!(total.power_cuts > runs / 2, "too few losses of power in the middle of a call: {total:?}");
    assert!(total.faults > runs / 5, "too few refusals of the device: {total:?}");
    assert!(total.records > runs * 20, "too few records: {total:?}");
    assert!(total.records_lost > runs, "too few records were lost: {total:?}");
    assert!(total.segments_removed > runs / 10, "too few segments were removed: {total:?}");
    assert!(total.acked > runs * 5, "too few messages were acknowledged: {total:?}");
    assert!(total.resumed > runs, "too few sessions were resumed: {total:?}");
    assert!(total.returned > runs / 50, "too few messages came again: {total:?}");
    assert!(total.wills > runs / 10, "too few wills: {total:?}");
}

#[test]
fn a_broker_that_crashes_breaks_no_promise_in_100_runs() {
    expect_crashes(&run_all(0..100, DISK));
}

#[test]
fn a_broker_that_crashes_breaks_no_promise_in_3_long_runs() {
    expect_crashes(&run_all(50_000..50_003, Options { steps: 6000, ..DISK }));
}

#[test]
fn the_same_seed_is_the_same_run_with_a_disk_too() {
    for seed in [1, 2, 3, 70, 320] {
        let seed = first_seed().wrapping_add(seed);
        assert_eq!(run(seed, DISK), run(seed, DISK), "seed {seed}");
    }
}
