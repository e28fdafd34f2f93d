//! The broker of a run: what it allows, by the seed.

use super::Options;
use crate::random::Random;
use postrider_engine::{BanRule, Limits, PayloadFormat, Rate, ShareStrategy};
use postrider_session::Overflow;

/// What the broker of this run allows.
pub(super) fn chosen(options: Options, random: &mut Random) -> Limits {
    let mut limits: Limits = postrider_testkit::limits();
    limits.partitions = options.partitions;
    limits.mailbox.overflow = random.pick(&[Overflow::Reject, Overflow::DropNewest, Overflow::DropOldest]);
    limits.mailbox.messages_max = random.pick(&[3, 20, 1000]);
    limits.outbox_bytes_max = random.pick(&[120, 600, 100_000]);
    limits.in_flight_max = random.pick(&[1, 4, 100]);
    limits.fanout_slice = random.pick(&[1, 2, 1000]);
    limits.share_strategy = random.pick(&[
        ShareStrategy::RoundRobin,
        ShareStrategy::Random,
        ShareStrategy::Sticky,
        ShareStrategy::Hash,
        ShareStrategy::LeastInFlight,
    ]);
    limits.topic_alias_out_max = random.pick(&[0, 1, 2, 16]);
    limits.payload_format = random.pick(&[PayloadFormat::Passed, PayloadFormat::Checked]);
    limits.server_reference = random.pick(&[None, Some("elsewhere:1883".into())]);
    let rate = |random: &mut Random, per_s: &[u32]| {
        random.once_in(4).then(|| Rate { per_s: random.pick(per_s), burst: random.pick(&[1, 3, 10]) })
    };
    limits.client_rates.messages = rate(random, &[5, 20]);
    limits.client_rates.bytes = rate(random, &[200, 2000]);
    limits.broker_rates.messages = rate(random, &[20, 50]);
    limits.broker_rates.connects = rate(random, &[1, 5]);
    limits.ban = random.once_in(4).then(|| BanRule {
        strikes: random.pick(&[1, 2, 3]),
        within_s: random.pick(&[2, 30]),
        for_s: random.pick(&[1, 10, 40]),
    });
    limits.in_flight_bytes_max = random.pick(&[u64::MAX, u64::MAX, u64::MAX, u64::MAX, 1, 12]);
    limits
}
