//! The configuration's numbers as the broker takes them.
//!
//! Owns: nothing; every field of the tree goes to its place, or the tree says why it has none.

use postrider::{BanRule, LinkLimits, ListenerLimits, Qos, Rate, Rates, Version, defaults};
use postrider_config::model::{self, Config, Place, ReceiveMaximum};

/// What clients are allowed. `places` are the listeners of the tree in the order of the broker's.
pub(crate) fn of(config: &Config, places: &[usize]) -> postrider::Limits {
    let (limits, base, compat) = (&config.limits, &config.listener_limits, &config.compat);
    let usual = defaults::limits();
    postrider::Limits {
        link: link(base),
        receive_maximum: all_if_0(base.receive_maximum),
        in_flight_max: all_if_0(base.in_flight_max),
        in_flight_bytes_max: base.in_flight_bytes_max,
        topic_alias_out_max: base.topic_alias_out_max,
        qos_max: qos(base.qos_max),
        retain_available: limits.retain_available,
        wildcards_available: limits.wildcards_available,
        payload_format: match limits.payload_format {
            model::PayloadFormat::Passed => postrider::PayloadFormat::Passed,
            model::PayloadFormat::Checked => postrider::PayloadFormat::Checked,
        },
        server_reference: limits.server_reference.as_deref().map(Box::from),
        share_strategy: strategy(limits.share_strategy),
        session_expiry_s_max: limits.session_expiry_s_max,
        session_expiry_v3_s: limits.session_expiry_v3_s,
        keep_alive_s_max: base.keep_alive_s_max,
        assigns_client_ids: config.security.assigns_client_ids,
        client_id_prefix: config.security.auto_id_prefix.as_str().into(),
        client_id_prefixes: config.security.client_id_prefixes.iter().map(|prefix| prefix.as_str().into()).collect(),
        payload_bytes_max: limits.payload_bytes_max,
        raises_qos: compat.upgrade_outgoing_qos,
        queues_qos0: compat.queue_qos0,
        rechecks_authors: compat.check_retain_source,
        is_receive_maximum_strict: compat.receive_maximum == ReceiveMaximum::Strict,
        subscriptions_max: limits.subscriptions_max,
        subscription_bytes_max: limits.subscription_bytes_max,
        mailbox: mailbox(config),
        outbox_bytes_max: limits.outbox_bytes_max,
        retained_messages_max: limits.retained_messages_max,
        retained_bytes_max: limits.retained_bytes_max,
        retained_expiry_s_max: limits.retained_expiry_s,
        sessions_max: limits.sessions_max,
        client_rates: rates(limits.client_rates),
        listeners: places.iter().map(|at| config.listeners.get(*at).map(of_listener).unwrap_or_default()).collect(),
        broker_rates: rates(limits.broker_rates),
        ban: (limits.ban.strikes > 0).then(|| {
            let model::Ban { strikes, within_s, for_s } = limits.ban;
            BanRule { strikes, within_s, for_s }
        }),
        fanout_slice: limits.fanout_slice,
        response_information: limits.response_information.as_deref().map(Box::from),
        sys_interval_s: sys_interval_s(config),
        has_sol_topics: config.compat.sol_topics,
        is_sparkplug_aware: config.compat.sparkplug_aware,
        tells_durability: limits.tells_durability,
        // Of all rules, these alone know of it.
        authorizes_unsubscribe: config.sys.dynamic_security.is_some(),
        ..usual
    }
}

/// The most memory the process may have: what the configuration says, and if it says nothing half of what its control
/// group has. The other half is for what the system keeps of files and sockets in the name of the same group.
pub(crate) fn memory_bytes_max(config: &Config) -> u64 {
    memory_within(config.limits.memory_bytes_max, postrider_net::group_limit())
}

fn memory_within(told: Option<u64>, group: Option<u64>) -> u64 {
    told.or_else(|| group.map(|bytes| bytes / 2)).unwrap_or(u64::MAX)
}

/// Everybody who is let in can read the report, so it is for this machine only unless it is asked for.
fn sys_interval_s(config: &Config) -> u16 {
    let is_local = config.listeners.iter().all(|listener| !listener.bind.reaches_others());
    let usual = || if is_local { defaults::limits().sys_interval_s } else { 0 };
    config.sys.interval_s.unwrap_or_else(usual)
}

fn mailbox(config: &Config) -> postrider::Bounds {
    let usual = defaults::limits().mailbox;
    let usual = if config.data.place == Place::Memory { usual } else { defaults::mailbox_on_disk(usual) };
    let limits = &config.limits;
    postrider::Bounds {
        messages_max: limits.queued_messages_max.unwrap_or(usual.messages_max),
        qos0_max: limits.queued_qos0_max,
        bytes_max: limits.queued_bytes_max.unwrap_or(usual.bytes_max),
        memory_bytes_max: limits.queued_memory_bytes_max,
        overflow: match limits.overflow {
            model::Overflow::Reject => postrider::Overflow::Reject,
            model::Overflow::DropNewest => postrider::Overflow::DropNewest,
            model::Overflow::DropOldest => postrider::Overflow::DropOldest,
        },
    }
}

/// What differs for the clients of one listener: all of it, as the tree is complete.
fn of_listener(listener: &model::Listener) -> ListenerLimits {
    let (limits, security) = (&listener.limits, &listener.security);
    let versions = [
        (limits.versions.v3_1, Version::V3_1),
        (limits.versions.v3_1_1, Version::V3_1_1),
        (limits.versions.v5, Version::V5),
    ];
    ListenerLimits {
        name: Some(listener.name.as_str().into()),
        link: Some(link(limits)),
        receive_maximum: Some(all_if_0(limits.receive_maximum)),
        in_flight_max: Some(all_if_0(limits.in_flight_max)),
        in_flight_bytes_max: Some(limits.in_flight_bytes_max),
        topic_alias_out_max: Some(limits.topic_alias_out_max),
        qos_max: Some(qos(limits.qos_max)),
        granted_qos_max: Some(qos(limits.granted_qos_max)),
        keep_alive_s_max: Some(limits.keep_alive_s_max),
        assigns_client_ids: Some(security.assigns_client_ids),
        client_id_prefix: Some(security.auto_id_prefix.as_str().into()),
        refused_versions: versions.iter().filter(|(is_spoken, _)| !is_spoken).map(|(_, version)| *version).collect(),
        client_id_is_user_name: security.username_as_client_id,
        mount_point: Some(limits.mount_point.as_str()).filter(|point| !point.is_empty()).map(Box::from),
        rates: Some(rates(limits.rates)),
        durability: limits.durability.map(|durability| match durability {
            model::Durability::Memory => postrider::Promise::Memory,
            model::Durability::Os => postrider::Promise::Os,
            model::Durability::Fsync => postrider::Promise::Fsync,
        }),
    }
}

fn link(limits: &model::ListenerLimits) -> LinkLimits {
    LinkLimits {
        packet_bytes_max: limits.packet_bytes_max,
        property_bytes_max: limits.property_bytes_max,
        connect_property_bytes_max: limits.connect_property_bytes_max,
        pre_auth_bytes_max: limits.pre_auth_bytes_max,
        connect_ms_max: limits.connect_ms_max,
        keep_alive_grace_ms: limits.keep_alive_grace_ms,
        topic_alias_max: limits.topic_alias_in_max,
        levels_max: limits.levels_max,
    }
}

fn rates(rates: model::Rates) -> Rates {
    let rate = |rate: model::Rate| (rate.per_s > 0).then_some(Rate { per_s: rate.per_s, burst: rate.burst });
    Rates { messages: rate(rates.messages), bytes: rate(rates.bytes), connects: rate(rates.connects) }
}

const fn strategy(strategy: model::ShareStrategy) -> postrider::ShareStrategy {
    match strategy {
        model::ShareStrategy::RoundRobin => postrider::ShareStrategy::RoundRobin,
        model::ShareStrategy::Random => postrider::ShareStrategy::Random,
        model::ShareStrategy::Sticky => postrider::ShareStrategy::Sticky,
        model::ShareStrategy::Hash => postrider::ShareStrategy::Hash,
        model::ShareStrategy::LeastInFlight => postrider::ShareStrategy::LeastInFlight,
    }
}

fn qos(number: u8) -> Qos {
    Qos::from_u8(number).unwrap_or(Qos::ExactlyOnce)
}

/// As many as there are identifiers.
const fn all_if_0(number: u16) -> u16 {
    if number == 0 { u16::MAX } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn unlimited_memory_is_unlimited_within_a_control_group_too_and_saying_nothing_is_half_of_it() {
        assert_eq!(memory_within(Some(u64::MAX), Some(64 * MIB)), u64::MAX);
        assert_eq!(memory_within(Some(60 * MIB), Some(64 * MIB)), 60 * MIB);
        assert_eq!(memory_within(None, Some(64 * MIB)), 32 * MIB);
        assert_eq!(memory_within(None, None), u64::MAX);
    }
}
