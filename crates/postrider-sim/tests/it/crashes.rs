//! Runs with a disk: the broker crashes, and no promise may be broken.

use crate::{first_seed, run_all};
use postrider_sim::{Options, Report, run};

const DISK: Options = Options::on_disk();
/// The same clients without shared subscriptions bring other runs.
const UNSHARED: Options = Options { shares_durably: false, ..DISK };

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
    assert!(total.returned >= runs / 50, "too few messages came again: {total:?}");
    assert!(total.wills > runs / 10, "too few wills: {total:?}");
}

#[test]
fn a_broker_that_crashes_breaks_no_promise_in_50_runs() {
    expect_crashes(&run_all(0..50, DISK));
}

#[test]
fn a_broker_that_crashes_breaks_no_promise_in_50_other_runs() {
    expect_crashes(&run_all(50..100, DISK));
}

#[test]
fn a_broker_that_crashes_breaks_no_promise_in_3_long_runs() {
    expect_crashes(&run_all(50_000..50_003, Options { steps: 6000, ..DISK }));
}

#[test]
fn a_broker_without_shared_subscriptions_that_crashes_breaks_no_promise_in_50_runs() {
    expect_crashes(&run_all(100..150, UNSHARED));
}

/// They ended with an error once; what each of them taught is in `docs/seeds.md`.
#[test]
fn crashes_that_broke_a_promise_once_break_none_any_more() {
    for seed in
        [1960, 2241, 4845, 5222, 5709, 6217, 7013, 7173, 7808, 8146, 8329, 8601, 8690, 9252, 9662, 9881, 10_124, 17_865]
    {
        run(seed, DISK).unwrap_or_else(|error| panic!("{error}"));
    }
    for seed in [5093, 6467, 8929, 9308, 10_069, 11_043, 11_048, 11_466, 12_964, 13_514] {
        run(seed, UNSHARED).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_same_seed_is_the_same_run_with_a_disk_too() {
    for seed in [1, 2, 3, 70, 320] {
        let seed = first_seed().wrapping_add(seed);
        assert_eq!(run(seed, DISK), run(seed, DISK), "seed {seed}");
    }
}
