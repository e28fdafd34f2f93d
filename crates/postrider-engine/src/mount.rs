//! Listeners whose clients live below a topic without seeing it.
//!
//! Owns: the prefix, put before every topic and filter that comes in and taken off every topic that goes out. All
//! that is inside the engine, rules and records too, knows the whole topic.

use crate::{Engine, Input, Limits, LinkId, Progress, Tray};
use bytes::Bytes;
use postrider_ports::ListenerId;
use postrider_proto::{
    Filter, Packet, Publish, ReasonCode, Subscribe, Subscriptions, Topic, Unsubscribe, UnsubscribeFilters, Version,
};
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
    /// Takes the packet as the rest of the engine is to see it.
    #[cold]
    #[inline(never)]
    pub(crate) fn on_packet_below(
        &mut self,
        now: Now,
        link: LinkId,
        packet: &Packet<'_>,
        source: &Bytes,
        tray: &mut Tray,
    ) -> Progress {
        let point = self.limits.mount_point_at(self.links.listener_of(link)).map(str::to_owned);
        let bytes = point.as_deref().and_then(|point| bytes_below(point, packet));
        let below = bytes.as_deref().map(|bytes| packet_below(packet, bytes));
        let packet = below.as_ref().unwrap_or(packet);
        // The second time it is no question any more.
        self.has_mounts = false;
        let progress = self.handle(now, Input::Received { link, packet, source }, tray);
        self.has_mounts = self.limits.has_mounts();
        progress
    }
}

/// The topic, or the filters as they lie in a packet, with the mount point before each; nothing for other packets.
fn bytes_below(point: &str, packet: &Packet<'_>) -> Option<Vec<u8>> {
    let mut raw = Vec::new();
    match packet {
        Packet::Publish(publish) => raw = before(point, publish.topic.as_bytes()),
        Packet::Subscribe(subscribe) => {
            for subscription in subscribe.subscriptions.iter() {
                Subscriptions::write(&filter_before(point, subscription.raw_filter), subscription.options, &mut raw);
            }
        }
        Packet::Unsubscribe(unsubscribe) => {
            for filter in unsubscribe.filters.iter() {
                UnsubscribeFilters::write(&filter_before(point, filter), &mut raw);
            }
        }
        Packet::Connect(_)
        | Packet::Connack(_)
        | Packet::Ack(_)
        | Packet::Suback(_)
        | Packet::Unsuback(_)
        | Packet::Pingreq
        | Packet::Pingresp
        | Packet::Disconnect(_)
        | Packet::Auth(_) => return None,
    }
    Some(raw)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "there are bytes for these three alone")]
fn packet_below<'a>(packet: &Packet<'a>, bytes: &'a [u8]) -> Packet<'a> {
    match packet {
        // One that has grown too long is refused like a topic of our own.
        Packet::Publish(publish) => {
            Packet::Publish(Publish { topic: topic(bytes).unwrap_or(Topic::trusted(b"$SYS")), ..*publish })
        }
        Packet::Subscribe(subscribe) => {
            Packet::Subscribe(Subscribe { subscriptions: Subscriptions::trusted(bytes, Version::V5), ..*subscribe })
        }
        Packet::Unsubscribe(unsubscribe) => {
            Packet::Unsubscribe(Unsubscribe { filters: UnsubscribeFilters::trusted(bytes), ..*unsubscribe })
        }
        other => other.clone(),
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
