//! Every default and its reason.

use postrider_engine::{Limits, Who};
use postrider_proto::Qos;
use postrider_session::{Bounds, LinkLimits, Overflow};

/// What a broker allows unless it is told otherwise.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        link: LinkLimits {
            // Larger than any sensor, smaller than a denial of service; the value of mosquitto 2.1.
            packet_bytes_max: 2_000_000,
            // A trace context fits a hundred times over.
            property_bytes_max: 64 * 1024,
            // The same, for somebody who has not said who he is.
            connect_property_bytes_max: 8 * 1024,
            // A CONNECT with a long will and a token fits.
            pre_auth_bytes_max: 64 * 1024,
            // Slow radio links connect within this.
            connect_ms_max: 10_000,
            // As many topics as one device usually publishes to; each costs its name.
            topic_alias_max: 16,
            // Deep hierarchies have ten levels.
            levels_max: 128,
        },
        // Two round trips of a busy publisher; bounds what a client makes us hold.
        receive_maximum: 100,
        // Lets a fast consumer run ahead without letting a dead one collect everything.
        in_flight_max: 1024,
        qos_max: Qos::ExactlyOnce,
        retain_available: true,
        wildcards_available: true,
        session_expiry_s_max: u32::MAX,
        // A 3.1.1 client cannot say when it will be back.
        session_expiry_v3_s: u32::MAX,
        keep_alive_s_max: 0,
        assigns_client_ids: true,
        client_id_prefix: "auto-".into(),
        // A gateway with a filter a device fits; a million do not.
        subscriptions_max: 10_000,
        // In memory, what waits for somebody absent costs everybody present.
        mailbox: Bounds {
            messages_max: 1_000,
            // A burst to somebody who is just not reading; the bytes below are what bounds it.
            qos0_max: 100_000,
            bytes_max: 16 * 1024 * 1024,
            overflow: Overflow::Reject,
        },
        // What a socket takes in a few round trips.
        outbox_bytes_max: 256 * 1024,
        retained_messages_max: u64::MAX,
        // A ceiling, so that retained messages cannot fill the memory.
        retained_bytes_max: 1024 * 1024 * 1024,
        sessions_max: u32::MAX,
        // About a millisecond of work before others get their turn.
        fanout_slice: 2048,
        response_information: None,
        authenticate: Who::Nobody,
        authorize: Who::Nobody,
        is_observed: false,
        partitions: 1,
    }
}
