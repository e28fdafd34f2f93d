//! What a broker may leave out without breaking a statement.

use clap::ValueEnum;
use postrider_client::{Qos, Version};
use postrider_proto::{Properties, PropertyId};

/// Something optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Capability {
    /// Retained messages.
    Retain,
    /// Shared subscriptions.
    Shared,
    /// Wildcards in filters.
    Wildcard,
    /// QoS 2.
    Qos2,
    /// QoS 1, and with it QoS 2.
    Qos1,
    /// Topic aliases towards the broker.
    TopicAlias,
    /// Subscription identifiers.
    SubscriptionIds,
    /// Wills.
    Will,
    /// The edition 3.1.
    #[value(name = "v3.1")]
    V3_1,
}

/// What is known of one broker.
#[derive(Clone, Debug)]
pub(crate) struct Abilities {
    missing: Vec<Capability>,
    /// Of these the broker said so itself.
    admitted: Vec<Capability>,
    /// QoS 1 and 2 messages that a 5.0 client may have unacknowledged.
    pub(crate) receive_maximum: u16,
    /// The largest packet the broker takes, where it says so.
    pub(crate) packet_bytes_max: Option<u32>,
    pub(crate) topic_alias_max: u16,
    /// The keep alive that the broker puts in place of the client's.
    pub(crate) keep_alive_s: Option<u16>,
    /// Editions it lets clients in with.
    pub(crate) spoken: Vec<Version>,
}

impl Abilities {
    pub(crate) fn without(missing: &[Capability]) -> Self {
        let mut abilities = Self {
            missing: missing.to_vec(),
            admitted: Vec::new(),
            receive_maximum: u16::MAX,
            packet_bytes_max: None,
            topic_alias_max: 0,
            keep_alive_s: None,
            spoken: Vec::new(),
        };
        if missing.contains(&Capability::Qos1) {
            abilities.miss(Capability::Qos2);
        }
        abilities
    }

    /// What the CONNACK of 5.0 says. [3.2.2.3]
    pub(crate) fn learn(&mut self, properties: Properties<'_>) {
        self.receive_maximum = properties.two_bytes(PropertyId::ReceiveMaximum).unwrap_or(u16::MAX);
        self.packet_bytes_max = properties.number(PropertyId::MaximumPacketSize);
        self.topic_alias_max = properties.two_bytes(PropertyId::TopicAliasMaximum).unwrap_or(0);
        self.keep_alive_s = properties.two_bytes(PropertyId::ServerKeepAlive);
        for (id, capability) in FLAGS {
            if properties.flag(id) == Some(false) {
                self.admit(capability);
            }
        }
        if self.topic_alias_max == 0 {
            self.admit(Capability::TopicAlias);
        }
        let qos_max = properties.number(PropertyId::MaximumQos).unwrap_or(2);
        if qos_max < u32::from(Qos::ExactlyOnce.as_u8()) {
            self.admit(Capability::Qos2);
        }
        if qos_max < u32::from(Qos::AtLeastOnce.as_u8()) {
            self.admit(Capability::Qos1);
        }
    }

    /// Whether the broker said that it is without this.
    pub(crate) fn admits(&self, capability: Capability) -> bool {
        self.admitted.contains(&capability)
    }

    pub(crate) fn lacks(&self, capability: Capability) -> bool {
        self.missing.contains(&capability)
    }

    pub(crate) fn missing(&self) -> impl Iterator<Item = &'static str> {
        self.missing.iter().map(|capability| capability.name())
    }

    fn admit(&mut self, capability: Capability) {
        self.admitted.push(capability);
        self.miss(capability);
    }

    fn miss(&mut self, capability: Capability) {
        if !self.lacks(capability) {
            self.missing.push(capability);
        }
    }
}

const FLAGS: [(PropertyId, Capability); 4] = [
    (PropertyId::RetainAvailable, Capability::Retain),
    (PropertyId::WildcardSubscriptionAvailable, Capability::Wildcard),
    (PropertyId::SubscriptionIdentifierAvailable, Capability::SubscriptionIds),
    (PropertyId::SharedSubscriptionAvailable, Capability::Shared),
];

impl Capability {
    /// As it is typed.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Retain => "retain",
            Self::Shared => "shared",
            Self::Wildcard => "wildcard",
            Self::Qos2 => "qos2",
            Self::Qos1 => "qos1",
            Self::TopicAlias => "topic-alias",
            Self::SubscriptionIds => "subscription-ids",
            Self::Will => "will",
            Self::V3_1 => "v3.1",
        }
    }
}
