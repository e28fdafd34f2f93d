//! Every default and its reason.
//!
//! Owns: the values that hold where nobody said anything; `postrider config explain` shows the reasons.

use crate::keys::{self, Scope};
use crate::model::{
    Ban, Bind, Bridge, BridgeAddress, BridgeEnd, BridgeNotices, BridgeReload, BridgeRestart, BridgeStart, BridgeTls,
    BridgeVersion, ClientCertificate, Compat, Config, Data, Domain, Durability, Facility, Limits, Listener,
    ListenerLimits, Log, LogDestination, LogFormat, LogType, Origin, Origins, Overflow, PayloadFormat, Place, Process,
    Profile, Protocol, Proxy, ProxyVersion, Rate, Rates, ReceiveMaximum, Security, ShareStrategy, Sys, Tcp,
    TimestampFormat, Tls, TlsVersion, UsernameFrom, Versions, WebSocket,
};
use std::path::PathBuf;

const OFF: Rates = Rates { messages: ZERO, bytes: ZERO, connects: ZERO };
const ZERO: Rate = Rate { per_s: 0, burst: 0 };
const KIB: u32 = 1024;
const MIB: u64 = 1024 * 1024;

/// A struct with a value and a reason for each field.
macro_rules! defaults {
    ($(#[$doc:meta])* $name:ident($($given:ident: $of:ty),*) -> $struct:ident, $reasons:ident {
        $($field:ident: $value:expr, $why:literal;)*
    }) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name($($given: $of),*) -> $struct {
            $struct { $($field: $value),* }
        }

        pub(crate) const $reasons: &[(&str, &str)] = &[$((stringify!($field), $why)),*];
    };
}

/// A broker of which nobody said anything: this machine only, on the usual port, and nobody is asked for anything.
#[must_use]
pub fn config() -> Config {
    let mut config = bare();
    config.listeners.push(loopback());
    config
}

/// The same without a listener, for a reader that adds those of a file; it calls [`Config::settle`] at the end.
#[must_use]
pub fn bare() -> Config {
    Config {
        data: data(),
        process: process(),
        log: log(),
        sys: sys(),
        limits: limits(),
        compat: compat(),
        listener_limits: listener_limits(),
        security: security(),
        listeners: Vec::new(),
        bridges: Vec::new(),
        notices: Vec::new(),
        origins: Origins::default(),
    }
}

/// The listener where there is no other.
#[must_use]
pub fn loopback() -> Listener {
    let bind = Bind::Tcp { host: "localhost".to_owned(), port: 1883 };
    listener("default", bind, &bare())
}

pub(crate) const LISTENER: &[(&str, &str)] = &[
    ("bind", "Where clients come in has to be said; without a listener it is localhost:1883."),
    ("protocol", "Most clients speak MQTT at once."),
];

/// A listener that says nothing but where, and has what the broker's configuration says for all.
#[must_use]
pub fn listener(name: &str, bind: Bind, config: &Config) -> Listener {
    Listener {
        name: name.to_owned(),
        bind,
        protocol: Protocol::Mqtt,
        tcp: tcp(),
        tls: None,
        websocket: websocket(),
        proxy: None,
        limits: config.listener_limits.clone(),
        security: config.security.clone(),
    }
}

impl Config {
    /// Ends a reading: a configuration without a listener gets the one for this machine, and what is kept in memory
    /// survives nothing.
    pub fn settle(&mut self) {
        if self.listeners.is_empty() {
            let listener = listener("default", loopback().bind, self);
            self.listeners.push(listener);
        }
        if self.data.place == Place::Memory {
            self.data.durability = Durability::Memory;
        }
        self.inherit_origins();
    }

    /// What a listener has from the broker comes from where the broker has it.
    fn inherit_origins(&mut self) {
        for key in keys::of_file().filter(|key| key.scope() == Scope::Shared) {
            let (origin, value) = (self.origins.of(key.name), key.value(self));
            if origin == Origin::Default {
                continue;
            }
            for listener in self.listeners.iter().filter(|listener| key.value_in(listener) == value) {
                let path = format!("listener.{}.{}", listener.name, key.name);
                if self.origins.of(&path) == Origin::Default {
                    self.origins.note(path, origin.clone());
                }
            }
        }
    }
}

defaults! {
    /// Where what must survive is kept.
    data() -> Data, DATA {
        place: Place::Usual, "The command chooses a directory for whoever runs it; an embedder may want none.";
        durability: Durability::Fsync, "An acknowledgement means what the specification says it means.";
        must_exist: false, "The first start has nothing yet.";
        take_over: None, "A broker begins with nothing where nobody ran another one before.";
    }
}

defaults! {
    /// The process itself.
    process() -> Process, PROCESS {
        user: None, "A service manager starts it as whoever it should be.";
        pid_file: None, "A service manager knows the process.";
        daemonize: false, "A service manager wants it in the foreground, and so do containers.";
        threads: 0, "Half the processors, at least one and at most four: batches are larger and cheaper with few threads.";
        landlock: true, "What a broker does not need, somebody who took it over should not get; without effect where the kernel has none.";
    }
}

defaults! {
    /// What is written down.
    log() -> Log, LOG {
        destinations: vec![LogDestination::Stderr], "Whoever starts it sees it, and service managers keep it.";
        types: vec![LogType::Error, LogType::Warning, LogType::Notice, LogType::Information],
            "What an operator can act on; the rest is for a search.";
        timestamp: TimestampFormat::Pattern("%Y-%m-%dT%H:%M:%S%:z".to_owned()), "People read it and programs sort it.";
        format: LogFormat::Text, "People read it first.";
        facility: Facility::Daemon, "It is one.";
        connection_messages: true, "The first question about a client is when it was here.";
    }
}

defaults! {
    /// What the broker says of itself, and who may tell it something.
    sys() -> Sys, SYS {
        interval_s: None, "10 s where only this machine comes in, else off: everybody who is let in can read it.";
        control_api: false, "It answers whoever may publish there.";
        dynamic_security: None, "Nobody has such a file but those who come from mosquitto.";
    }
}

defaults! {
    /// What the whole broker allows.
    limits() -> Limits, LIMITS {
        memory_bytes_max: None, "Half of what the control group has, and no limit without one: each queue has its own bound.";
        connections_max: u32::MAX, "The system's limit of descriptors bounds them.";
        sessions_max: u32::MAX, "The open connections and their expiry bound them.";
        queued_messages_max: None,
            "1000 in memory, where what waits for somebody absent costs everybody present; 100000 on disk.";
        queued_qos0_max: 100_000, "A burst to somebody who is just not reading; the bytes are what bounds it.";
        queued_bytes_max: None, "16 MiB in memory, 256 MiB on disk: what one absent client may cost.";
        queued_memory_bytes_max: 256 * 1024, "A client that is only a little behind is served without reading the log.";
        overflow: Overflow::Reject, "A 5.0 publisher hears that nobody could take its message; every drop is counted.";
        outbox_bytes_max: 256 * KIB, "What a socket takes in a few round trips.";
        retain_available: true, "People expect it.";
        retained_messages_max: u64::MAX, "The bytes are what bounds them.";
        retained_bytes_max: 1024 * MIB, "A ceiling, so that retained messages cannot fill the memory.";
        retained_expiry_s: u32::MAX, "The publisher knows, and can say so in 5.0.";
        wildcards_available: true, "People expect them.";
        payload_format: PayloadFormat::Passed, "The specification leaves it open, and a look at every byte costs.";
        payload_bytes_max: u32::MAX, "The packet's limit says it openly; this one drops what was acknowledged.";
        share_strategy: ShareStrategy::RoundRobin, "What people know from other brokers, and it spreads evenly.";
        session_expiry_s_max: u32::MAX, "The client knows best when it will be back; a lower limit is announced to it.";
        session_expiry_v3_s: u32::MAX, "A 3.1.1 client cannot say when it will be back.";
        subscriptions_max: 10_000, "A gateway with a filter a device fits; a million do not.";
        subscription_bytes_max: 8 * 1024 * KIB,
            "As many filters of usual length; not as many of 64 KiB or of 128 levels.";
        client_rates: OFF, "The outbox, the mailbox and the memory are bounded; a rate is for whoever sells them.";
        broker_rates: OFF, "The outbox, the mailbox and the memory are bounded; a rate is for whoever sells them.";
        ban: Ban { strikes: 0, within_s: 60, for_s: 300 },
            "A bad client is told and disconnected; keeping it out is for who knows its clients.";
        fanout_slice: 2048, "A slice is some ten milliseconds of others' waiting.";
        server_reference: None, "Nobody knows another place.";
        response_information: None, "Nothing to say unless there is a scheme of one's own.";
        tells_durability: false, "Nobody asks for it, and it costs each CONNACK some bytes.";
    }
}

defaults! {
    /// Where this broker does as another one does.
    compat() -> Compat, COMPAT {
        profile: Profile::Postrider, "The specification.";
        duplicate_messages: false, "One copy with the highest QoS; 5.0 allows it and 3.1.1 clients expect it.";
        upgrade_outgoing_qos: false, "The specification forbids it.";
        queue_qos0: false, "QoS 0 promises nothing to somebody absent.";
        check_retain_source: true, "Whoever may no longer publish should no longer be heard.";
        receive_maximum: ReceiveMaximum::Strict, "The specification.";
        sol_topics: false, "`$SYS/broker` has the same figures.";
        retransmit_s: 0, "TCP does it; 5.0 forbids it, and 3.1.1 clients count it as a second message.";
        sparkplug_aware: false, "It costs a look at each topic.";
    }
}

defaults! {
    /// What one listener allows.
    listener_limits() -> ListenerLimits, LISTENER_LIMITS {
        connections_max: u32::MAX, "The system's limit of descriptors bounds them.";
        packet_bytes_max: 2_000_000, "Larger than any sensor, smaller than a denial of service; as mosquitto 2.1.";
        property_bytes_max: 64 * KIB, "A trace context fits a hundred times over.";
        connect_property_bytes_max: 8 * KIB, "A trace context fits, for somebody who has not said who he is.";
        pre_auth_bytes_max: 64 * KIB, "A CONNECT with a long will and a token fits.";
        connect_ms_max: 10_000, "Slow radio links connect within this.";
        keep_alive_s_max: 0, "The client knows its battery.";
        keep_alive_grace_ms: 0, "The specification's half is the grace.";
        qos_max: 2, "Everything the protocol offers; lower it for clients that cannot do more.";
        granted_qos_max: 2, "Everything the protocol offers.";
        receive_maximum: 100, "Two round trips of a busy publisher; bounds what a client makes us hold.";
        in_flight_max: 1024, "Lets a fast consumer run ahead without letting a dead one collect everything.";
        in_flight_bytes_max: u64::MAX, "The outbox bounds what is on its way.";
        topic_alias_in_max: 16, "As many topics as one device usually publishes to; each costs its name.";
        topic_alias_out_max: 16, "As many as a client may use; more would be memory for topics that come once.";
        levels_max: 128, "Deep hierarchies have ten levels.";
        versions: Versions { v3_1: true, v3_1_1: true, v5: true }, "Devices outlive editions.";
        durability: None, "What the data directory promises.";
        mount_point: String::new(), "One tree of topics for all.";
        rates: OFF, "The outbox, the mailbox and the memory are bounded; a rate is for whoever sells them.";
    }
}

defaults! {
    /// Who is let in and what they may do.
    security() -> Security, SECURITY {
        allow_anonymous: None, "Allowed only where nobody but this machine comes in and nobody is asked for anything.";
        password_file: None, "Only its owner knows where it is.";
        user_store: None, "Only its owner knows where it is.";
        acl_file: None, "Only its owner knows where it is.";
        psk_file: None, "Only its owner knows where it is.";
        topics: None, "A file of rules says more; this form is for those who come from the Python system.";
        forbidden_topics: Vec::new(), "Rules say it better; this form is for those who come from the Python system.";
        forbidden_exempt: Vec::new(), "As above.";
        assigns_client_ids: true, "The specification allows an empty identifier, and tools use it.";
        auto_id_prefix: "auto-".to_owned(), "Recognised in logs and lists.";
        username_as_client_id: false, "It lets one user have one connection only.";
        client_id_prefixes: Vec::new(), "Names are the clients' business until somebody says otherwise.";
        denies_special_chars: true, "Rules with `%u` and `%c` would match more than their writer meant.";
        username_from: UsernameFrom::Connect, "It is there without TLS too.";
    }
}

defaults! {
    /// Options of TCP.
    tcp() -> Tcp, TCP {
        interface: None, "All that have the address.";
        domain: Domain::Both, "A name may have addresses of both kinds.";
        backlog: 1024, "A crowd that comes back at once; the system may have a lower bound.";
        nodelay: true, "What is sent together is written together here, so waiting for more only delays it.";
        keep_alive_s: 0, "MQTT has its own.";
        keep_alive_count: 3, "Two may be lost on a radio link.";
    }
}

defaults! {
    /// TLS of a listener that says nothing but its certificate and key.
    tls(certificate: PathBuf, key: PathBuf) -> Tls, TLS {
        certificate: certificate, "Only its owner knows where it is.";
        key: key, "Only its owner knows where it is.";
        key_passphrase: None, "Keys of servers usually have none.";
        client_ca_file: None, "Clients are not asked for certificates.";
        client_ca_directory: None, "Clients are not asked for certificates.";
        client_ca_inline: None, "Clients are not asked for certificates.";
        client_certificate: ClientCertificate::None, "Few clients have one.";
        check_client_dates: true, "A certificate that is out of date says nothing.";
        crl: None, "Few authorities of devices keep one.";
        ciphers: Vec::new(), "The library's choice is kept up to date.";
        ciphersuites: Vec::new(), "The library's choice is kept up to date.";
        version_min: TlsVersion::V1_2, "Devices outlive editions; 1.1 is broken.";
        version_max: TlsVersion::V1_3, "The newest there is.";
        watches: true, "A renewed certificate that nobody takes up runs out.";
        key_log: None, "Whoever has it can read the traffic.";
        psk_hint: None, "Certificates are what clients know.";
    }
}

defaults! {
    /// Options of WebSocket.
    websocket() -> WebSocket, WEBSOCKET {
        path: String::new(), "Clients use `/mqtt`, `/ws` and `/`.";
        origins: Vec::new(), "Passwords say who may come in, and clients that are no browsers have no origin.";
        http_directory: None, "A broker is no web server.";
    }
}

defaults! {
    /// A proxy that says who the client is.
    proxy(version: ProxyVersion) -> Proxy, PROXY {
        version: version, "It has to be said: whoever comes without the header is refused.";
        trusted: Vec::new(), "Whoever reaches the port; a firewall may say it, and better this key.";
        requires_tls: false, "Not every proxy says it.";
    }
}

defaults! {
    /// A bridge that says nothing but its name and where to.
    bridge(name: String, addresses: Vec<BridgeAddress>) -> Bridge, BRIDGE {
        name: name, "It is in topics and logs.";
        addresses: addresses, "Only its owner knows.";
        round_robin: false, "The first address is the preferred one.";
        rules: Vec::new(), "Nothing is carried that nobody asked for.";
        remote: BridgeEnd { client_id: None, username: None, password: None, clean: Some(false) },
            "What waits for the bridge is kept while the line is down.";
        local: BridgeEnd { client_id: None, username: None, password: None, clean: None }, "As at the other end.";
        version: BridgeVersion::V3_1_1, "Every broker speaks it.";
        start: BridgeStart::Automatic, "A bridge is for always.";
        restart: BridgeRestart { base_s: 5, cap_s: 30, stable_s: 0 }, "As mosquitto: not all of them at once.";
        keep_alive_s: 60, "As mosquitto.";
        idle_s: 60, "As mosquitto.";
        threshold: 10, "As mosquitto.";
        says_bridge: true, "The other end then sends nothing back that came from here.";
        unsubscribes: true, "A rule that was taken away should end.";
        outgoing_retain: true, "What is retained here is retained there.";
        packet_bytes_max: 0, "The other end says what it takes.";
        topic_alias_max: 10, "As mosquitto.";
        receive_maximum: 0, "As for clients.";
        session_expiry_s: 0, "As mosquitto.";
        bind_address: None, "The system chooses.";
        tcp_keep_alive: (0, 0, 0), "MQTT has its own.";
        tcp_user_timeout_ms: 0, "The system's.";
        notices: BridgeNotices { is_on: true, local_only: false, topic: None }, "Somebody wants to know it.";
        reload: BridgeReload::Lazy, "A line that works is not cut.";
        tls: None, "An address without a certificate says nothing of TLS.";
    }
}

defaults! {
    /// TLS of a bridge that says nothing.
    bridge_tls() -> BridgeTls, BRIDGE_TLS {
        ca_file: None, "Only its owner knows.";
        ca_directory: None, "Only its owner knows.";
        system_ca: false, "A private line usually has a private authority.";
        certificate: None, "Passwords are more usual.";
        key: None, "Passwords are more usual.";
        checks_name: true, "Otherwise anybody with a certificate can listen.";
        requires_ocsp: false, "Few brokers staple it.";
        alpn: None, "Ports say it.";
        ciphers: Vec::new(), "The library's choice is kept up to date.";
        ciphersuites: Vec::new(), "The library's choice is kept up to date.";
        version_min: TlsVersion::V1_2, "Brokers outlive editions; 1.1 is broken.";
        psk_identity: None, "Certificates are more usual.";
        psk: None, "Certificates are more usual.";
    }
}
