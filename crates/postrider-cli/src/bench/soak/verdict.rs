//! What a soak found, and whether it is within its limits.

use super::ledger::{Lane, Ledger};
use super::sample::{Rest, Samples, in_mib};
use super::trend::{Trend, after_warm_up, median};
use super::world::World;
use crate::bench::options::Soak;
use crate::bench::report::{Report, Value};
use crate::bench::tally::Latency;

const S_PER_H: f64 = 3600.0;
/// By so many files one moment of a log differs from another.
const FILES: u64 = 4;

pub(crate) fn report(world: &World, shape: &Soak) -> Report {
    let mut report = Report::default();
    let (ledger, samples) = (world.ledger.borrow(), world.samples.borrow());
    work(world, &ledger, &samples, &mut report);
    latency(&samples, shape, &mut report);
    memory(&samples, shape, &mut report);
    descriptors(&samples, &mut report);
    data(&samples, &mut report);
    faults(&ledger, &mut report);
    report
}

#[expect(clippy::cast_precision_loss, reason = "counts of hours fit")]
fn work(world: &World, ledger: &Ledger, samples: &Samples, report: &mut Report) {
    let elapsed = samples.rests.last().map_or(0.0, |rest| rest.at_s);
    let counts = ledger.counts;
    let messages = ledger.received() + counts.retained_received + counts.slow_received;
    report.add("seconds", Value::Number(elapsed));
    report.add("cycles", Value::Count(samples.rests.len() as u64));
    report.add("messages", Value::Count(messages));
    report.add("messages_per_s", Value::Number(messages as f64 / elapsed.max(1e-3)));
    report.add("connections", Value::Count(counts.connections));
    report.add("takeovers", Value::Count(counts.takeovers));
    report.add("wills", Value::Count(ledger.received_of(Lane::Will)));
    report.add("returns", Value::Count(counts.returns));
    report.add("sessions_left_to_expire", Value::Count(counts.left_to_expire));
    report.add("subscriptions", Value::Count(counts.subscriptions));
    report.add("retained_changes", Value::Count(counts.retained_changes));
    let behind = counts.slow_offered.saturating_sub(counts.slow_received);
    report.add("behind_at_slow_consumers", Value::Count(behind));
    if let Some(cores) = samples.cores(world.start.elapsed()) {
        report.add("cpu_cores", Value::Fraction(cores));
    }
}

/// Medians of the intervals, and how those of the last part differ from those before.
fn latency(samples: &Samples, shape: &Soak, report: &mut Report) {
    let settled = after_warm_up(&samples.latencies);
    let (first, last) = settled.split_at(settled.len() / 2);
    let p50s: Vec<_> = settled.iter().map(|latency| latency.p50_us).collect();
    let p99 = |part: &[Latency]| median(&part.iter().map(|latency| latency.p99_us).collect::<Vec<_>>());
    if let Some(p50) = median(&p50s) {
        report.add("latency_p50_us", Value::Number(p50));
    }
    if let Some((first, last)) = p99(first).zip(p99(last)) {
        let drift = (last / first.max(1.0) - 1.0) * 100.0;
        report.add("latency_p99_first_us", Value::Number(first));
        report.add("latency_p99_last_us", Value::Number(last));
        report.add("drift_percent", Value::Fraction(drift));
        report.must_be_zero("drift_exceeded", u64::from(shape.drift_max.is_some_and(|max| drift > max)));
    }
}

/// A limit is exceeded when it lies below the whole interval.
fn memory(samples: &Samples, shape: &Soak, report: &mut Report) {
    let resident = |rest: &Rest| Some((rest.at_s / S_PER_H, in_mib(rest.resident_bytes?)));
    let points: Vec<_> = samples.rests.iter().filter_map(resident).collect();
    let settled = after_warm_up(&points);
    let (Some((_, first)), Some((_, last))) = (settled.first(), settled.last()) else { return };
    report.add("resident_first_mib", Value::Fraction(*first));
    report.add("resident_last_mib", Value::Fraction(*last));
    report.add("resident_max_mib", Value::Fraction(in_mib(samples.resident_max)));
    let Some(trend) = Trend::of(settled) else { return };
    report.add("slope_mib_per_h", Value::Fraction(trend.slope));
    report.add("slope_low_mib_per_h", Value::Fraction(trend.low));
    report.add("slope_high_mib_per_h", Value::Fraction(trend.high));
    report.must_be_zero("slope_exceeded", u64::from(shape.slope_max.is_some_and(|max| trend.low > max)));
}

/// When the second part has always more of them than the first ever had, some leak.
fn descriptors(samples: &Samples, report: &mut Report) {
    let all: Vec<_> = samples.rests.iter().filter_map(|rest| rest.descriptors).collect();
    let settled = after_warm_up(&all);
    let (Some(first), Some(last)) = (settled.first(), settled.last()) else { return };
    report.add("descriptors_first", Value::Count(*first));
    report.add("descriptors_last", Value::Count(*last));
    report.add("descriptors_min", Value::Count(settled.iter().copied().min().unwrap_or_default()));
    report.add("descriptors_max", Value::Count(samples.descriptors_max));
    let (before, after) = settled.split_at(settled.len() / 2);
    let left = match (before.iter().max(), after.iter().min()) {
        (Some(before), Some(after)) => after.saturating_sub(*before + FILES),
        (None, _) | (_, None) => 0,
    };
    report.must_be_zero("descriptors_left_open", left);
}

fn data(samples: &Samples, report: &mut Report) {
    let all: Vec<_> = samples.rests.iter().filter_map(|rest| rest.data_bytes).collect();
    let settled = after_warm_up(&all);
    let (Some(first), Some(last)) = (settled.first(), settled.last()) else { return };
    report.add("data_first_mib", Value::Fraction(in_mib(*first)));
    report.add("data_last_mib", Value::Fraction(in_mib(*last)));
    report.add("data_max_mib", Value::Fraction(in_mib(samples.data_max)));
}

fn faults(ledger: &Ledger, report: &mut Report) {
    report.add("repeated", Value::Count(ledger.repeated));
    report.must_be_zero("lost", ledger.lost());
    report.must_be_zero("doubled", ledger.doubled);
    report.must_be_zero("out_of_order", ledger.out_of_order());
    report.must_be_zero("unacknowledged", ledger.unacknowledged());
    report.must_be_zero("refused", ledger.counts.refused);
    report.must_be_zero("retained_wrong", ledger.counts.retained_wrong);
    report.must_be_zero("sessions_forgotten", ledger.counts.sessions_forgotten);
    report.must_be_zero("runs_without_a_message", u64::from(ledger.received() == 0));
}
