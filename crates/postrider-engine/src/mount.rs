//! Listeners whose clients live below a topic without seeing it.
//!
//! Owns: the prefix, put before every topic and filter that comes in and taken off every topic that goes out. All
//! that is inside the engine, rules and records too, knows the whole topic.

use crate::{Engine, Limits, LinkId, Progress, Tray};
use bytes::Bytes;
use postrider_ports::ListenerId;
use postrider_proto::{
    Filter, Packet, Publish, ReasonCode, Subscribe, Subscriptions, Topic, Unsubscribe, UnsubscribeFilters, Version,
};
use postrider_router::SessionKey;
use postrider_session::Now;

/// The bytes of a topic or filter with the mount point before them.
pub(crate) fn before(point: &str, name: &[u8]) -> Vec<u8> {
    [point.as_bytes(), name].concat()
}

/// A topic that may have grown too long.
pub(crate) fn topic(bytes: &[u8]) -> Result<Topic<'_>, ReasonCode> {
    Topic::parse(bytes).map_err(|_| ReasonCode::TopicNameInvalid)
}

/// How many bytes of a topic the clients of this listener do not see.
pub(crate) fn unseen(limits: &Limits, listener: ListenerId, topic: Topic<'_>) -> usize {
    let point = limits.mount_point_at(listener).unwrap_or("");
    // Nothing would be left of the mount point itself.
    let is_below = topic.as_bytes().len() > point.len() && topic.as_bytes().starts_with(point.as_bytes());
    if is_below { point.len() } else { 0 }
}

impl Engine {
    /// The packet as the rest of the engine is to see it.
    #[cold]
    pub(crate) fn on_packet_below(
        &mut self,
        now: Now,
        (link, key): (LinkId, SessionKey),
        packet: &Packet<'_>,
        source: &Bytes,
        tray: &mut Tray,
    ) -> Progress {
        let listener = self.links.listener_of(link);
        let Some(point) = self.limits.mount_point_at(listener).map(str::to_owned) else {
            return self.on_open_packet(now, (link, key), packet, source, tray);
        };
        match packet {
            Packet::Publish(publish) => {
                let name = before(&point, publish.topic.as_bytes());
                // One that has grown too long is refused like a topic of our own.
                let topic = topic(&name).unwrap_or(Topic::trusted(b"$SYS"));
                let publish = Packet::Publish(Publish { topic, ..*publish });
                self.on_open_packet(now, (link, key), &publish, source, tray)
            }
            Packet::Subscribe(subscribe) => {
                let mut raw = Vec::new();
                for subscription in subscribe.subscriptions.iter() {
                    Subscriptions::write(
                        &filter_before(&point, subscription.raw_filter),
                        subscription.options,
                        &mut raw,
                    );
                }
                let subscriptions = Subscriptions::trusted(&raw, Version::V5);
                let subscribe = Packet::Subscribe(Subscribe { subscriptions, ..*subscribe });
                self.on_open_packet(now, (link, key), &subscribe, source, tray)
            }
            Packet::Unsubscribe(unsubscribe) => {
                let mut raw = Vec::new();
                for filter in unsubscribe.filters.iter() {
                    UnsubscribeFilters::write(&filter_before(&point, filter), &mut raw);
                }
                let filters = UnsubscribeFilters::trusted(&raw);
                let unsubscribe = Packet::Unsubscribe(Unsubscribe { filters, ..*unsubscribe });
                self.on_open_packet(now, (link, key), &unsubscribe, source, tray)
            }
            Packet::Connect(_)
            | Packet::Connack(_)
            | Packet::Ack(_)
            | Packet::Suback(_)
            | Packet::Unsuback(_)
            | Packet::Pingreq
            | Packet::Pingresp
            | Packet::Disconnect(_)
            | Packet::Auth(_) => self.on_open_packet(now, (link, key), packet, source, tray),
        }
    }
}

/// The name of a group stays before it; what is no filter, or would be too long a one, is none afterwards either.
fn filter_before(point: &str, raw: &[u8]) -> Vec<u8> {
    let Ok(filter) = Filter::parse(raw) else { return raw.to_vec() };
    let whole = match filter.share() {
        Some(share) => [b"$share/", share.group, b"/", point.as_bytes(), share.filter.as_bytes()].concat(),
        None => before(point, raw),
    };
    if whole.len() > usize::from(u16::MAX) { b"#/".to_vec() } else { whole }
}
