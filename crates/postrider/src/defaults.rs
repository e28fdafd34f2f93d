//! Every default and its reason.

use postrider_engine::{Durability, Limits, PayloadFormat, Rates, ShareStrategy, Who};
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
            // The specification gives half of it already.
            keep_alive_grace_ms: 0,
            // Deep hierarchies have ten levels.
            levels_max: 128,
        },
        // Two round trips of a busy publisher; bounds what a client makes us hold.
        receive_maximum: 100,
        // Lets a fast consumer run ahead without letting a dead one collect everything.
        in_flight_max: 1024,
        // The outbox bounds what is on its way.
        in_flight_bytes_max: u64::MAX,
        // As many as a client may use towards us; more would be memory for topics that come once.
        topic_alias_out_max: 16,
        // Everything the protocol offers; lower it for clients that cannot do more.
        qos_max: Qos::ExactlyOnce,
        // People expect it.
        retain_available: true,
        // People expect them.
        wildcards_available: true,
        // The specification leaves it open, and a look at every byte costs.
        payload_format: PayloadFormat::Passed,
        // Set by the builder when there are plugins.
        controls: Vec::new(),
        // Nobody knows another place.
        server_reference: None,
        // What people know from other brokers, and it spreads evenly.
        share_strategy: ShareStrategy::RoundRobin,
        // The client knows best when it will be back; a lower limit is announced to it.
        session_expiry_s_max: u32::MAX,
        // A 3.1.1 client cannot say when it will be back.
        session_expiry_v3_s: u32::MAX,
        // The client knows its battery.
        keep_alive_s_max: 0,
        // The specification allows an empty identifier, and tools use it.
        assigns_client_ids: true,
        // Recognised in logs and lists.
        client_id_prefix: "auto-".into(),
        // Whoever may come in may name itself.
        client_id_prefixes: Vec::new(),
        // The largest packet bounds it.
        payload_bytes_max: u32::MAX,
        // The specification asks for the lower of both.
        raises_qos: false,
        // The specification allows either, and what has QoS 0 was not to be kept.
        queues_qos0: false,
        // Whoever may no longer publish should no longer be heard.
        rechecks_authors: true,
        // The specification asks for it.
        is_receive_maximum_strict: true,
        // A gateway with a filter a device fits; a million do not.
        subscriptions_max: 10_000,
        // As many filters of usual length; not as many of 64 KiB or of 128 levels.
        subscription_bytes_max: 8 * 1024 * 1024,
        // In memory, what waits for somebody absent costs everybody present.
        mailbox: Bounds {
            messages_max: 1_000,
            // A burst to somebody who is just not reading; the bytes below are what bounds it.
            qos0_max: 100_000,
            // As much as a thousand large sensor messages; what one absent client may cost.
            bytes_max: 16 * 1024 * 1024,
            // A client that is only a little behind is served without reading the log.
            memory_bytes_max: 256 * 1024,
            // A 5.0 publisher hears that nobody could take its message; every drop is counted.
            overflow: Overflow::Reject,
        },
        // What a socket takes in a few round trips.
        outbox_bytes_max: 256 * 1024,
        // The bytes below are what bounds them.
        retained_messages_max: u64::MAX,
        // A ceiling, so that retained messages cannot fill the memory.
        retained_bytes_max: 1024 * 1024 * 1024,
        // The publisher knows, and can say so in 5.0.
        retained_expiry_s_max: u32::MAX,
        // The open connections and their expiry bound them.
        sessions_max: u32::MAX,
        // The outbox, the mailbox and the memory are bounded; a rate is for whoever sells them.
        client_rates: Rates::OFF,
        // As above.
        listeners: Vec::new(),
        // As above.
        broker_rates: Rates::OFF,
        // A bad client is told and disconnected; keeping it out is for who knows its clients.
        ban: None,
        // Long lists go out with one system call a client all the same; a slice is some ten milliseconds of them.
        fanout_slice: 2048,
        // Nothing to say unless the embedder has a scheme of its own.
        response_information: None,
        // Set by the builder when there is a plugin.
        authenticate: Who::Nobody,
        // Set by the builder when there is a plugin.
        authorize: Who::Nobody,
        // Few rules say anything about it.
        authorizes_unsubscribe: false,
        // Set by the builder when there is an observer.
        is_observed: false,
        // One machine, one engine.
        partitions: 1,
        // As often as mosquitto.
        sys_interval_s: 10,
        // `$SYS/broker` has the same figures.
        has_sol_topics: false,
        // It costs a look at each topic.
        is_sparkplug_aware: false,
        // Set by the builder when there is a data directory.
        durability: Durability::Memory,
        // Nobody asks for it, and it costs each CONNACK some bytes.
        tells_durability: false,
    }
}

/// What waits for one session where there is a data directory: on disk it is in nobody's way.
#[must_use]
pub const fn mailbox_on_disk(mailbox: Bounds) -> Bounds {
    Bounds { messages_max: 100_000, bytes_max: 256 * 1024 * 1024, ..mailbox }
}
