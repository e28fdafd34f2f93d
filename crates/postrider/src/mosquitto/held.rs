//! Messages with QoS 2 that mosquitto keeps until their PUBREL comes. Here they go out with the PUBLISH, so they go out
//! now; their identifiers wait for PUBREL.
//!
//! Spec: 4.3.3.

use super::chunk::Chunk;
use super::found::Found;
use super::scan::Scan;
use crate::seeds;
use crate::{DeliveryData, Stage};
use postrider_proto::{Filter, Qos, Topic};
use postrider_router::{Grant, Matches, Router, SessionKey};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek};

/// What becomes of messages that were held.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Who gets them, by the number a message has there.
    pub(super) targets: BTreeMap<u64, Vec<(Target, DeliveryData)>>,
    /// Filters of shared subscriptions that get some.
    pub(super) groups: BTreeSet<String>,
    /// Topics that retain one of them from now on, or nothing if it was empty.
    pub(super) retained: BTreeMap<String, u64>,
    /// How many of them are not in the file.
    pub(super) absent: u64,
    pub(super) count: u64,
}

/// Who gets a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The place among the clients.
    Client(usize),
    Group(String),
}

impl Held {
    /// Finds out who gets what.
    pub(super) fn of<R: Read + Seek>(scan: &mut Scan<R>, found: &Found) -> io::Result<Self> {
        let mut held = Self::default();
        if found.clients.values().all(|client| client.held.is_empty()) {
            return Ok(held);
        }
        let router = router(found);
        for (number, client) in found.clients.values().enumerate() {
            for id in client.held.values() {
                held.route(scan, found, &router, (key(number), *id))?;
            }
        }
        Ok(held)
    }

    fn route<R: Read + Seek>(
        &mut self,
        scan: &mut Scan<R>,
        found: &Found,
        router: &Router,
        (publisher, id): (SessionKey, u64),
    ) -> io::Result<()> {
        let Some(place) = found.messages.get(&id) else {
            self.absent += 1;
            return Ok(());
        };
        let Chunk::Message(message) = scan.message(*place)? else { return Err(io::ErrorKind::InvalidData.into()) };
        self.count += 1;
        let mut matches = Matches::default();
        router.matches(Topic::trusted(message.topic.as_bytes()), Some(publisher), &mut matches);
        let to_clients = matches.hits().iter().map(|hit| {
            let ids = matches.identifiers(hit).collect();
            let retain = message.retain && hit.retain_as_published;
            (Target::Client(hit.session.0 as usize), queued(hit.qos.min(message.qos), retain, ids))
        });
        let groups = matches.shares().iter().filter_map(|share| Some(router.text(*share)?.as_str().to_owned()));
        let to_groups = groups.map(|group| (Target::Group(group), queued(message.qos, message.retain, Vec::new())));
        let owed = to_clients.chain(to_groups).filter(|(_, delivery)| delivery.qos > Qos::AtMostOnce);
        let owed: Vec<_> = owed.collect();
        self.groups.extend(owed.iter().filter_map(|(target, _)| match target {
            Target::Group(group) => Some(group.clone()),
            Target::Client(_) => None,
        }));
        self.targets.insert(id, owed);
        if message.retain {
            self.retained.insert(message.topic.to_owned(), id);
        }
        Ok(())
    }
}

fn router(found: &Found) -> Router {
    let mut router = Router::new(seeds::random().hash);
    for (number, client) in found.clients.values().enumerate() {
        for subscription in client.subscriptions.values() {
            let grant = Grant {
                qos: subscription.qos,
                no_local: subscription.no_local,
                retain_as_published: subscription.retain_as_published,
                identifier: subscription.identifier,
            };
            router.subscribe(Filter::trusted(subscription.filter.as_bytes()), key(number), grant);
        }
    }
    router
}

fn key(number: usize) -> SessionKey {
    SessionKey(u32::try_from(number).unwrap_or(u32::MAX))
}

const fn queued(qos: Qos, retain: bool, subscription_ids: Vec<u32>) -> DeliveryData {
    DeliveryData { stage: Stage::Queued, packet_id: None, record: None, qos, retain, subscription_ids }
}
