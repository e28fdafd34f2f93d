//! A CONNECT in the making.

use super::message::Message;
use postrider_client::Version;
use postrider_proto::{Connect, PropertiesBuf, Property, PropertyId, Start, Topic, Will};

#[derive(Clone, Debug)]
pub(crate) struct Hello {
    pub(crate) version: Version,
    pub(crate) client_id: String,
    pub(crate) start: Start,
    pub(crate) keep_alive_s: u16,
    pub(crate) properties: PropertiesBuf,
    pub(crate) will: Option<Message>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl Hello {
    /// A clean start.
    pub(crate) const fn new(version: Version, client_id: String) -> Self {
        Self {
            version,
            client_id,
            start: Start::Clean,
            keep_alive_s: KEEP_ALIVE_S,
            properties: PropertiesBuf::new(),
            will: None,
            user: None,
            password: None,
        }
    }

    /// Goes on with the session if there is one; in 5.0 nothing is said of how long it lasts.
    pub(crate) const fn resume(mut self) -> Self {
        self.start = Start::Resume;
        self
    }

    /// Goes on with a session that outlives the connection.
    pub(crate) fn durable(self) -> Self {
        let is_v5 = self.version.is_v5();
        let hello = self.resume();
        if is_v5 { hello.expiry(SESSION_S) } else { hello }
    }

    /// Session Expiry Interval.
    pub(crate) fn expiry(self, seconds: u32) -> Self {
        self.with(Property::FourBytes(PropertyId::SessionExpiryInterval, seconds))
    }

    pub(crate) const fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive_s = seconds;
        self
    }

    pub(crate) fn with(mut self, property: Property<'_>) -> Self {
        self.properties.push(property);
        self
    }

    pub(crate) fn will(mut self, will: Message) -> Self {
        self.will = Some(will);
        self
    }

    pub(crate) fn in_edition(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Whether the session may outlive the connection.
    pub(crate) fn leaves_session(&self) -> bool {
        match self.version {
            Version::V5 => {
                let expiry_s = self.properties.as_properties().number(PropertyId::SessionExpiryInterval);
                expiry_s.is_some_and(|seconds| seconds > 0)
            }
            Version::V3_1 | Version::V3_1_1 => self.start == Start::Resume,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let will = self.will.as_ref().map(|will| Will {
            qos: will.qos,
            retain: will.retain,
            topic: Topic::trusted(will.topic.as_bytes()),
            payload: &will.payload,
            properties: will.properties.as_properties(),
        });
        let connect = Connect {
            version: self.version,
            is_bridge: false,
            start: self.start,
            keep_alive_s: self.keep_alive_s,
            properties: self.properties.as_properties(),
            client_id: self.client_id.as_str().into(),
            will,
            user_name: self.user.as_deref().map(Into::into),
            password: self.password.as_deref().map(str::as_bytes),
        };
        let mut out = Vec::new();
        connect.encode(&mut out);
        out
    }
}

/// Longer than any case takes.
const KEEP_ALIVE_S: u16 = 120;
/// So that a session is gone soon even if it could not be ended.
const SESSION_S: u32 = 300;
