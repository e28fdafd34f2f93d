//! How a client introduces itself.
//!
//! Spec: 3.1.

use super::{Connection, SimClient};
use crate::oracle::{Terms, WillTerms};
use crate::random::Random;
use postrider_proto::{Connect, Packet, PropertiesBuf, Property, PropertyId, Qos, Start, Topic, Will};
use postrider_session::{ClientLink, Mono};
use std::collections::VecDeque;

impl SimClient {
    /// The CONNECT of a new connection, and what it says.
    pub(crate) fn dial(&mut self, at: usize, now: Mono, random: &mut Random, token: u64) -> Terms {
        let is_v5 = self.version.is_v5();
        let mut expiry_s = self.expiry_s;
        let owed_clean = self.owes_clean;
        let mut is_clean = random.once_in(4) || owed_clean;
        if !is_v5 {
            // Before 5.0 a session is clean or for ever.
            is_clean = self.expiry_s == 0 || is_clean;
            expiry_s = if is_clean { 0 } else { u32::MAX };
            if core::mem::take(&mut self.was_clean) {
                self.forget();
            }
        }
        // A session that may have ended meanwhile may be a new one when the answer to this CONNECT is lost.
        self.owes_clean |= is_clean || self.expiry_s != u32::MAX;
        let will = random.once_in(3).then(|| WillTerms {
            topic: if random.once_in(2) { "a/b".to_owned() } else { format!("will/{}", self.id) },
            payload: format!("w{token}").into_bytes(),
            qos: random.pick(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]),
            retain: random.once_in(4),
            delay_s: if is_v5 { random.pick(&[0, 0, 2, 30]) } else { 0 },
        });
        let link = ClientLink::new(now, self.version, 0, 1 << 28, self.topic_alias_max);
        let mut up = Vec::new();
        self.hello(is_clean, expiry_s, will.as_ref(), &mut up);
        self.connection = Some(Connection {
            at,
            link,
            input: Vec::new(),
            is_accepted: false,
            is_clean,
            owed_clean,
            said: VecDeque::new(),
            farewell: None,
            is_paused: false,
            up,
            down: Vec::new(),
        });
        self.requests.clear();
        Terms {
            client_id: self.id.clone(),
            version: self.version,
            is_clean,
            expiry_s,
            will,
            topic_alias_max: self.topic_alias_max,
            dialled_ms: now.0,
        }
    }

    fn hello(&self, is_clean: bool, expiry_s: u32, will: Option<&WillTerms>, out: &mut Vec<u8>) {
        let mut properties = PropertiesBuf::new();
        let mut will_properties = PropertiesBuf::new();
        if self.version.is_v5() {
            if expiry_s > 0 {
                properties.push(Property::FourBytes(PropertyId::SessionExpiryInterval, expiry_s));
            }
            properties.push(Property::TwoBytes(PropertyId::ReceiveMaximum, self.receive_maximum));
            if self.topic_alias_max > 0 {
                properties.push(Property::TwoBytes(PropertyId::TopicAliasMaximum, self.topic_alias_max));
            }
            if let Some(bytes) = self.packet_bytes_max {
                properties.push(Property::FourBytes(PropertyId::MaximumPacketSize, bytes));
            }
            if let Some(will) = will.filter(|will| will.delay_s > 0) {
                will_properties.push(Property::FourBytes(PropertyId::WillDelayInterval, will.delay_s));
            }
        }
        let connect = Connect {
            version: self.version,
            is_bridge: false,
            start: if is_clean { Start::Clean } else { Start::Resume },
            keep_alive_s: 0,
            properties: properties.as_properties(),
            client_id: self.id.as_str().into(),
            will: will.map(|will| Will {
                qos: will.qos,
                retain: will.retain,
                topic: Topic::trusted(will.topic.as_bytes()),
                payload: &will.payload,
                properties: will_properties.as_properties(),
            }),
            user_name: None,
            password: None,
        };
        Packet::Connect(Box::new(connect)).encode(self.version, out);
    }
}
