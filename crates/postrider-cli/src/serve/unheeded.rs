//! Keys that are read and not honoured yet, so that nobody relies on them.
//!
//! Owns: the list. It grows shorter; a key that is not in it has its effect.

use postrider_config::model::{Config, Origin};

/// One sentence for each such key that says something else than its default.
pub(super) fn sentences(config: &Config) -> Vec<String> {
    let compat = &config.compat;
    // mosquitto 2.1 sends a copy for each subscription unless it is told otherwise; few rely on that.
    let is_said = |key: &str| config.origins.of(key) != Origin::Default;
    let of_broker = [
        (
            compat.duplicate_messages && is_said("compat.duplicate_messages"),
            "compat.duplicate_messages: a client gets one copy, with the highest QoS of its subscriptions",
        ),
        (compat.retransmit_s > 0, "compat.retransmit: messages are sent again only on another connection"),
        (!config.bridges.is_empty() && config.notices.is_empty(), "bridge: bridges are read and not opened"),
    ];
    let said = of_broker.into_iter().filter(|(is_said, _)| *is_said);
    said.map(|(_, what)| format!("has no effect yet: {what}")).collect()
}
