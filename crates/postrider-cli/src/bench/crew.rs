//! Publishers and subscribers, and how they are paired.

use super::link::{Lifetime, Link};
use super::options::Messages;
use super::poll::Poll;
use super::stamp::{BYTES, Stamp};
use postrider_client::{Qos, Version};
use postrider_net::dial::Route;
use postrider_proto::{PacketId, Properties, PublishHead, Topic};
use std::collections::VecDeque;

/// One publisher: a prepared burst and what is under way of it.
#[derive(Debug)]
pub(crate) struct Publisher {
    /// One whole PUBLISH.
    frame: Vec<u8>,
    id_at: usize,
    payload_at: usize,
    /// Messages sent so far.
    pub(crate) number: u32,
    /// Copies that are on their way to subscribers.
    pub(crate) under_way: u64,
    /// Identifiers of what the broker has not acknowledged, and when each was due.
    unacknowledged: VecDeque<(PacketId, u64)>,
    qos: Qos,
}

/// All connections: first the publishers', then the subscribers'.
#[derive(Debug)]
pub(crate) struct Crew {
    pub(crate) links: Vec<Link>,
    pub(crate) publishers: Vec<Publisher>,
    /// Subscribers that each message has.
    pub(crate) copies: u64,
    /// Messages that a publisher may have unacknowledged.
    pub(crate) acknowledgements: u32,
}

/// Unless the broker allows fewer.
const UNACKNOWLEDGED_MAX: u32 = 100;

impl Crew {
    /// Connects everybody.
    pub(crate) fn assemble(shape: &Messages, route: &Route, version: Version, poll: &Poll) -> anyhow::Result<Self> {
        let run = std::process::id();
        let is_paired = shape.publishers == shape.subscribers && !shape.is_shared;
        let topic = |number: u32| format!("bench/{run}/{}", if is_paired { number } else { 0 });
        let mut crew =
            Self { links: Vec::new(), publishers: Vec::new(), copies: 1, acknowledgements: UNACKNOWLEDGED_MAX };
        if !is_paired && !shape.is_shared {
            crew.copies = u64::from(shape.subscribers);
        }
        for number in 0..shape.publishers {
            let (link, maximum) = Link::open(route, version, &format!("bench-{run}-p{number}"), Lifetime::Connection)?;
            crew.acknowledgements = crew.acknowledgements.min(u32::from(maximum));
            crew.links.push(link);
            crew.publishers.push(Publisher::new(&topic(number), shape, version));
        }
        for number in 0..shape.subscribers {
            let (mut link, _) = Link::open(route, version, &format!("bench-{run}-s{number}"), shape.lifetime())?;
            let filter = topic(number);
            let filter = if shape.is_shared { format!("$share/bench/{filter}") } else { filter };
            link.subscribe(&filter, shape.qos)?;
            crew.links.push(link);
        }
        for (number, link) in crew.links.iter().enumerate() {
            link.join(poll, number)?;
        }
        Ok(crew)
    }

    /// Ends the sessions that outlive their connections.
    pub(crate) fn disperse(self, shape: &Messages, route: &Route, version: Version) -> anyhow::Result<()> {
        let run = std::process::id();
        drop(self.links);
        for number in 0..if shape.is_durable { shape.subscribers } else { 0 } {
            Link::open(route, version, &format!("bench-{run}-s{number}"), Lifetime::Connection)?;
        }
        Ok(())
    }

    /// Which publisher's messages are counted for `link`, if it is a subscriber.
    pub(crate) const fn subscriber(&self, link: usize) -> Option<usize> {
        link.checked_sub(self.publishers.len())
    }
}

impl Publisher {
    fn new(topic: &str, shape: &Messages, version: Version) -> Self {
        let head = PublishHead {
            dup: false,
            qos: shape.qos,
            retain: false,
            topic: Topic::trusted(topic.as_bytes()),
            packet_id: (shape.qos != Qos::AtMostOnce).then_some(PacketId::FIRST),
            expiry_s: None,
            properties: Properties::NONE,
            topic_alias: None,
            subscription_ids: &[],
            payload_len: shape.size as usize,
        };
        let mut frame = Vec::new();
        let id_at = head.encode(version, &mut frame);
        let payload_at = frame.len();
        frame.resize(payload_at + shape.size as usize, b'.');
        Self { frame, id_at, payload_at, number: 0, under_way: 0, unacknowledged: VecDeque::new(), qos: shape.qos }
    }

    /// Appends the next message.
    pub(crate) fn write(&mut self, publisher: u32, due_ns: u64, copies: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = &mut out[start..];
        Stamp { due_ns, publisher, number: self.number }.write(&mut frame[self.payload_at..self.payload_at + BYTES]);
        if self.qos != Qos::AtMostOnce {
            let id = u16::try_from(self.number % u32::from(u16::MAX)).unwrap_or_default() + 1;
            frame[self.id_at..self.id_at + 2].copy_from_slice(&id.to_be_bytes());
            self.unacknowledged.extend(PacketId::new(id).map(|id| (id, due_ns)));
        }
        self.number += 1;
        self.under_way += copies;
    }

    pub(crate) fn unacknowledged(&self) -> u32 {
        u32::try_from(self.unacknowledged.len()).unwrap_or(u32::MAX)
    }

    /// The broker has taken a message; says when that was due.
    pub(crate) fn on_acknowledged(&mut self, id: PacketId) -> Option<u64> {
        // Usually the first.
        let at = self.unacknowledged.iter().position(|(waiting, _)| *waiting == id)?;
        self.unacknowledged.remove(at).map(|(_, due_ns)| due_ns)
    }
}
