//! PUBLISH on its way in, up to the list of who gets it.
//!
//! Owns: what comes after it may pass: its acknowledgement, and the one way into routing.
//! Spec: 3.3, 4.3.
//!
//! ```text
//! on_publish ─▶ let_pass ─▶ admit (QoS 1, 2) ─▶ route ─▶ acknowledge
//!               may hold     duplicates end here   may be sliced: the ack waits
//! ```

use crate::authorized::Authorized;
use crate::fanout::{Fanout, Tally, Visibility};
use crate::leave::check_topic;
use crate::outgoing::Outgoing;
use crate::{Effect, Engine, LinkId, Progress, Tray};
use bytes::Bytes;
use postrider_ports::{ClientId, DropReason, Event, PartitionId, Peer, Subject};
use postrider_proto::{
    Ack, AckKind, PacketId, Properties, PropertiesBuf, PropertyId, PropertySet, Publish, Qos, ReasonCode, Topic,
    Version,
};
use postrider_router::{Matches, SessionKey};
use postrider_session::flow::Admission;
use postrider_session::{Message, MessageParts, Now, Sequence, Violation};
use std::sync::Arc;

/// A message that wants to be published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) parts: MessageParts<'a>,
    pub(crate) retain: bool,
    /// The buffer that the payload lies in, if it can be shared.
    pub(crate) source: Option<&'a Bytes>,
    pub(crate) author: Option<&'a Arc<Subject>>,
    /// Where the author came from, if its session does not say.
    pub(crate) peer: Option<&'a Peer>,
    /// The author's session, for No Local.
    pub(crate) publisher: Option<SessionKey>,
    /// The record that brought the will which this is, if it is one and a record did.
    pub(crate) will: Sequence,
}

impl<'a> Incoming<'a> {
    /// One of nobody's: the broker's own, or one whose author is known elsewhere.
    pub(crate) const fn anonymous(parts: MessageParts<'a>, retain: bool) -> Self {
        Self { parts, retain, source: None, author: None, peer: None, publisher: None, will: Sequence::NONE }
    }
}

/// What became of a message that was routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Routed {
    /// Everybody has it who gets it; this is what the publisher is told.
    Done(ReasonCode),
    /// The list is long; the rest follows in slices.
    Sliced,
}

/// Whose acknowledgement waits for the last slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owed {
    pub(crate) link: LinkId,
    pub(crate) ack: Option<(Qos, PacketId)>,
}

impl Owed {
    /// The identifier under which it came with QoS 2.
    pub(crate) fn admitted(&self, publisher: Option<SessionKey>) -> Option<(SessionKey, PacketId)> {
        let (qos, packet_id) = self.ack?;
        (qos == Qos::ExactlyOnce).then_some((publisher?, packet_id))
    }
}

impl Engine {
    /// A client publishes.
    #[inline]
    pub(crate) fn on_publish(
        &mut self,
        now: Now,
        link: LinkId,
        key: SessionKey,
        publish: &Publish<'_>,
        source: &Bytes,
        tray: &mut Tray,
    ) -> Progress {
        if (self.asks || check_topic(publish.topic, &self.limits).is_err())
            && let Err(progress) = self.let_pass(now, (link, key), publish, tray)
        {
            return progress;
        }
        match self.take_in(now, (link, key), publish, tray) {
            Ok(()) => {}
            Err(progress) => return progress,
        }
        let owed = Owed { link, ack: publish.packet_id.map(|packet_id| (publish.qos, packet_id)) };
        match (self.route_publish(now, key, publish, source, owed, tray), publish.packet_id) {
            (Routed::Sliced, _) => return Progress::Pause,
            (Routed::Done(reason), Some(packet_id)) => {
                self.acknowledge(now, link, key, (publish.qos, packet_id), reason, tray);
            }
            (Routed::Done(_), None) => {}
        }
        Progress::Done
    }

    /// Counts a PUBLISH and takes its identifier. One that was here before is answered again, and that is all.
    #[inline(always)]
    pub(crate) fn take_in(
        &mut self,
        now: Now,
        (link, key): (LinkId, SessionKey),
        publish: &Publish<'_>,
        tray: &mut Tray,
    ) -> Result<(), Progress> {
        let received = &mut self.counters.received;
        received.payload_bytes = received.payload_bytes.wrapping_add(publish.payload.len() as u64);
        if let Some(packet_id) = publish.packet_id {
            match self.admit(now, key, publish.qos, packet_id) {
                Admission::New => {}
                Admission::Duplicate => {
                    self.repeats.received += 1;
                    self.acknowledge(now, link, key, (publish.qos, packet_id), ReasonCode::Success, tray);
                    return Err(Progress::Done);
                }
                Admission::Exceeded => {
                    return Err(self.violate(now, link, Violation::ReceiveMaximumExceeded, tray));
                }
            }
        }
        self.counters.messages_received += 1;
        Ok(())
    }

    fn admit(&mut self, now: Now, key: SessionKey, qos: Qos, packet_id: PacketId) -> Admission {
        let Some(session) = self.sessions.get_mut(key) else { return Admission::Exceeded };
        let admission = session.flows_mut().inbound.on_publish(qos, packet_id);
        if qos == Qos::ExactlyOnce
            && admission == Admission::New
            && let (Some(stored), Some(log)) = (&mut session.stored, &mut self.log)
        {
            stored.is_admission_open = true;
            stored.touch_flows(now.mono, log);
        }
        admission
    }

    /// Takes a PUBLISH apart and sends it to whoever wants it.
    #[inline]
    fn route_publish(
        &mut self,
        now: Now,
        key: SessionKey,
        publish: &Publish<'_>,
        source: &Bytes,
        owed: Owed,
        tray: &mut Tray,
    ) -> Routed {
        if publish.topic.is_dollar() && self.is_command(publish.topic) {
            self.command(key, publish, owed.link, tray);
            return Routed::Done(ReasonCode::Success);
        }
        let author = match publish.retain {
            true => self.sessions.get(key).map(|session| session.subject.clone()),
            false => None,
        };
        let properties;
        let (mut kept, mut expires) = (Properties::NONE, None);
        if !publish.properties.is_empty() {
            properties = forwarded(publish.properties);
            kept = properties.as_properties();
            expires = publish.properties.number(PropertyId::MessageExpiryInterval);
        }
        let incoming = Incoming {
            parts: MessageParts {
                topic: publish.topic,
                payload: publish.payload,
                properties: kept,
                qos: if self.limits.raises_qos { Qos::ExactlyOnce } else { publish.qos },
                expires: expires.map(|seconds| now.mono.plus_s(u64::from(seconds))),
                sequence: Sequence::NONE,
            },
            retain: publish.retain,
            source: Some(source),
            author: author.as_ref(),
            peer: None,
            publisher: Some(key),
            will: Sequence::NONE,
        };
        self.route(now, &Authorized::certify(incoming), Some(owed), tray)
    }

    /// Retains, forwards and delivers one message. The only way in.
    pub(crate) fn route(
        &mut self,
        now: Now,
        authorized: &Authorized<Incoming<'_>>,
        owed: Option<Owed>,
        tray: &mut Tray,
    ) -> Routed {
        let incoming = authorized.get();
        if incoming.retain && !self.can_retain(incoming) {
            return Routed::Done(ReasonCode::QuotaExceeded);
        }
        let mut outgoing = Outgoing::new(incoming);
        let matches = self.match_up(incoming.parts.topic, incoming.publisher);
        outgoing.expect(matches.hits().len() + matches.shares().len());
        let mut tally = Tally::default();
        if self.log.is_some() {
            tally = self.record(now, incoming, &mut outgoing, &matches, owed, tray);
        } else if incoming.retain {
            self.retain(now, incoming, &mut outgoing, tray);
        }
        if self.limits.partitions > 1 {
            self.forward(&mut outgoing, tray);
        }
        self.deliver_matching(now, incoming, &mut outgoing, (matches, tally), owed, tray)
    }

    /// Who gets a message, in storage that its caller puts back.
    #[inline]
    pub(crate) fn match_up(&mut self, topic: Topic<'_>, publisher: Option<SessionKey>) -> Box<Matches> {
        let mut matches = self.matches.take().unwrap_or_default();
        self.router.matches(topic, publisher, &mut matches);
        if self.reviews.has_exceptions {
            matches.retain(|hit| self.may_get(hit.session, topic));
        }
        matches
    }

    /// Delivers to everybody in this partition who wants it; long lists are cut into slices.
    #[inline(always)]
    fn deliver_matching(
        &mut self,
        now: Now,
        incoming: &Incoming<'_>,
        outgoing: &mut Outgoing<'_>,
        (matches, mut tally): (Box<Matches>, Tally),
        owed: Option<Owed>,
        tray: &mut Tray,
    ) -> Routed {
        let hits = matches.hits().len();
        // Groups have a recorded message already.
        if !matches.shares().is_empty() && !outgoing.is_recorded() {
            self.share_out(now, incoming, matches.shares(), outgoing, &mut tally, tray);
        }
        let waits = !self.fanouts.is_empty() && self.must_wait(incoming, owed);
        if waits || hits > self.limits.fanout_slice as usize {
            let message = outgoing.message().clone();
            let author = self.author_of(incoming).cloned();
            self.fanouts.push_back(Fanout::new(
                message,
                incoming.retain,
                matches,
                tally,
                author,
                owed,
                Visibility { is_recorded: outgoing.is_recorded(), after: tray.waits_for() },
            ));
            if !waits {
                self.continue_fanout(now, tray);
            }
            return Routed::Sliced;
        }
        let before = self.counters.deliveries_sent;
        let is_recorded = outgoing.is_recorded();
        for hit in matches.hits() {
            // Recorded sessions have it already.
            if !is_recorded || !self.is_recorded_for(hit) {
                tally.add(self.deliver(now, hit, &matches, outgoing, tray));
            }
        }
        self.count_payloads(before, outgoing);
        self.matches = Some(matches);
        Routed::Done(tally.reason())
    }

    /// Whether a message would overtake an earlier one of the same client whose fan-out is not over. A held
    /// link cannot, but its client's next connection could; a will or another partition's message has no link
    /// to hold. [MQTT-4.6.0-6]
    #[cold]
    fn must_wait(&self, incoming: &Incoming<'_>, owed: Option<Owed>) -> bool {
        let author = self.author_of(incoming);
        owed.is_none() || author.is_none() || self.fanouts.iter().any(|fanout| fanout.author() == author)
    }

    /// The client whose message it is; another partition's message has none.
    pub(crate) fn author_of<'a>(&'a self, incoming: &Incoming<'a>) -> Option<&'a ClientId> {
        let publisher = incoming.publisher.and_then(|key| self.sessions.get(key));
        let subject = incoming.author.or_else(|| publisher.map(|session| &session.subject));
        subject.map(|subject| &subject.client_id)
    }

    /// Another partition took a message; its subscribers here get it too.
    pub(crate) fn on_remote(&mut self, now: Now, message: &Message, retain: bool, tray: &mut Tray) {
        let incoming = Incoming::anonymous(message.parts(), retain);
        let mut outgoing = Outgoing::new(&incoming);
        outgoing.set_message(message);
        if retain && self.can_retain(&incoming) {
            self.retain(now, &incoming, &mut outgoing, tray);
        }
        let matches = self.match_up(incoming.parts.topic, incoming.publisher);
        outgoing.expect(matches.hits().len() + matches.shares().len());
        self.deliver_matching(now, &incoming, &mut outgoing, (matches, Tally::default()), None, tray);
    }

    fn forward(&self, outgoing: &mut Outgoing<'_>, tray: &mut Tray) {
        for to in (0..self.limits.partitions).map(PartitionId).filter(|to| *to != self.partition) {
            let message = outgoing.message().clone();
            tray.push(Effect::Forward { to, message, retain: outgoing.retain() });
        }
    }

    /// PUBACK or PUBREC. [MQTT-4.3.2-4], [MQTT-4.3.3-8]
    pub(crate) fn acknowledge(
        &mut self,
        now: Now,
        link: LinkId,
        key: SessionKey,
        (qos, packet_id): (Qos, PacketId),
        reason: ReasonCode,
        tray: &mut Tray,
    ) {
        self.acknowledge_saying(now, link, key, (qos, packet_id), (reason, sentence(reason)), tray);
    }

    /// The same with a sentence for a client that wants one.
    pub(crate) fn acknowledge_saying(
        &mut self,
        now: Now,
        link: LinkId,
        key: SessionKey,
        (qos, packet_id): (Qos, PacketId),
        (mut reason, text): (ReasonCode, Option<&str>),
        tray: &mut Tray,
    ) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(online) = session.online.as_ref().filter(|online| online.link == link) else { return };
        if online.version != Version::V5 {
            // [MQTT-3.3.5-2] of 3.1.1: there is no negative acknowledgement.
            reason = ReasonCode::Success;
        }
        let inbound = session.flows.as_mut().map(|flows| &mut flows.inbound);
        let kind = match (qos, inbound) {
            (Qos::ExactlyOnce, Some(inbound)) => {
                if reason.is_error() {
                    inbound.refuse(packet_id);
                }
                if let (Some(stored), Some(log)) = (&mut session.stored, &mut self.log) {
                    stored.admit(now.mono, packet_id, reason, log, tray);
                }
                AckKind::Pubrec
            }
            (_, Some(inbound)) => {
                inbound.finish_qos1();
                AckKind::Puback
            }
            (Qos::ExactlyOnce, None) => AckKind::Pubrec,
            (_, None) => AckKind::Puback,
        };
        online.ack(Ack::new(kind, packet_id, reason), text, tray);
    }

    /// Counts a delivery that will not happen and says so the first time in each power of two.
    #[cold]
    pub(crate) fn drop_delivery(&mut self, key: SessionKey, reason: DropReason, count: u64, tray: &mut Tray) {
        self.counters.drops.add(reason, count);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let total = session.count_drop(reason, count);
        if reason != DropReason::Offline && (total.is_power_of_two() || count > 1) {
            let client_id = session.subject.client_id.clone();
            self.observe(tray, || Event::Dropped { client_id, reason });
        }
    }
}

/// What a refused publisher is told.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other reasons speak for themselves")]
pub(crate) const fn sentence(reason: ReasonCode) -> Option<&'static str> {
    match reason {
        ReasonCode::NotAuthorized => Some("not allowed to publish to this topic"),
        ReasonCode::TopicNameInvalid => Some("clients do not publish to this topic"),
        ReasonCode::PayloadFormatInvalid => Some("the payload says it is UTF-8 and is not"),
        ReasonCode::QuotaExceeded => Some("nobody who wants it has room for it"),
        _ => None,
    }
}

/// What is passed on unaltered: all but expiry, alias, subscription identifiers and will delay.
/// [MQTT-3.3.2-4], [MQTT-3.3.2-15] to [MQTT-3.3.2-20]
pub(crate) fn forwarded(properties: Properties<'_>) -> Forwarded<'_> {
    if properties.is_free_of(STAYS_HERE) {
        return Forwarded::All(properties);
    }
    let mut kept = PropertiesBuf::new();
    for property in properties.iter().filter(|property| !STAYS_HERE.contains(property.id())) {
        kept.push(property);
    }
    Forwarded::Some(kept)
}

const STAYS_HERE: PropertySet = PropertySet::of(&[
    PropertyId::MessageExpiryInterval,
    PropertyId::TopicAlias,
    PropertyId::SubscriptionIdentifier,
    PropertyId::WillDelayInterval,
]);

/// Properties to pass on, borrowed where nothing had to be left out.
#[derive(Clone, Debug)]
pub(crate) enum Forwarded<'a> {
    All(Properties<'a>),
    Some(PropertiesBuf),
}

impl Forwarded<'_> {
    pub(crate) fn as_properties(&self) -> Properties<'_> {
        match self {
            Self::All(properties) => *properties,
            Self::Some(kept) => kept.as_properties(),
        }
    }
}
