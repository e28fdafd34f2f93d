//! What a client publishes.

use bytes::Bytes;
use postrider_proto::{PropertiesBuf, Property, Qos};

/// An application message to be published, or a will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Where; checked when it is published.
    pub topic: Box<str>,
    /// The application's bytes.
    pub payload: Bytes,
    /// How it is acknowledged. Default: QoS 0.
    pub qos: Qos,
    /// Whether the server stores it for later subscribers. Default: no.
    pub retain: bool,
    /// Ignored before 5.0.
    pub properties: PropertiesBuf,
}

impl Publication {
    /// A message with QoS 0, not retained.
    #[must_use]
    pub fn new(topic: &str, payload: impl Into<Bytes>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos: Qos::AtMostOnce,
            retain: false,
            properties: PropertiesBuf::new(),
        }
    }

    /// With this QoS.
    #[must_use]
    pub const fn qos(mut self, qos: Qos) -> Self {
        self.qos = qos;
        self
    }

    /// To be stored by the server.
    #[must_use]
    pub const fn retained(mut self) -> Self {
        self.retain = true;
        self
    }

    /// With one property more.
    #[must_use]
    pub fn property(mut self, property: Property<'_>) -> Self {
        self.properties.push(property);
        self
    }
}
