//! Keys that are read and not honoured yet, so that nobody relies on them.
//!
//! Owns: the list. It grows shorter; a key that is not in it has its effect.

use postrider_config::model::{Config, Listener, Origin};

/// One sentence for each such key that says something else than its default.
pub(super) fn sentences(config: &Config) -> Vec<String> {
    let (limits, compat) = (&config.limits, &config.compat);
    // mosquitto 2.1 sends a copy for each subscription unless it is told otherwise; few rely on that.
    let is_said = |key: &str| config.origins.of(key) != Origin::Default;
    let of_broker = [
        (
            limits.retained_expiry_s < u32::MAX,
            "limits.max_retained_expiry: retained messages go when their own time is over",
        ),
        (
            compat.duplicate_messages && is_said("compat.duplicate_messages"),
            "compat.duplicate_messages: a client gets one copy, with the highest QoS of its subscriptions",
        ),
        (compat.retransmit_s > 0, "compat.retransmit: messages are sent again only on another connection"),
        (!config.bridges.is_empty() && config.notices.is_empty(), "bridge: bridges are read and not opened"),
    ];
    let of_listeners = config.listeners.iter().flat_map(of_listener);
    let said = of_broker.into_iter().filter(|(is_said, _)| *is_said).map(|(_, what)| what.to_owned());
    said.chain(of_listeners).map(|what| format!("has no effect yet: {what}")).collect()
}

fn of_listener(listener: &Listener) -> Vec<String> {
    let name = &listener.name;
    let limits = &listener.limits;
    let said = [
        (
            limits.in_flight_bytes_max < u64::MAX,
            "limits.max_in_flight_bytes: messages on their way are counted, not their bytes",
        ),
        (limits.durability.is_some(), "limits.durability: what an acknowledgement promises is the same for all"),
    ];
    said.into_iter().filter(|(is_said, _)| *is_said).map(|(_, what)| format!("listener {name}: {what}")).collect()
}
