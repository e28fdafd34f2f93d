//! What a client says: everything that waits, as soon as it may go.

use super::{Conversation, Outgoing, Request, RequestKind};
use crate::{Event, Publication};
use postrider_proto::{
    Ack, AckKind, PacketId, PublishHead, Qos, ReasonCode, Subscribe, SubscribeOptions, Subscriptions, Topic,
    Unsubscribe, UnsubscribeFilters, Version,
};
use postrider_session::Mono;
use postrider_session::flow::{Pubrec, Resend};
use std::borrow::Cow;

impl Conversation {
    /// Appends everything that may be sent now: first what goes out again, then requests, then new publications.
    pub fn send(&mut self, now: Mono, out: &mut Vec<u8>) {
        if !self.is_accepted {
            return;
        }
        let before = out.len();
        self.send_again(out);
        while self.outbound.is_all_sent()
            && let Some(request) = self.requests.pop_front()
        {
            self.send_request(&request, out);
        }
        while let Some(next) = self.publications.front() {
            if next.publication.qos != Qos::AtMostOnce && !self.outbound.is_open() {
                break;
            }
            if let Some(outgoing) = self.publications.pop_front() {
                self.send_new(outgoing, out);
            }
        }
        if out.len() > before
            && let Some(link) = &mut self.link
        {
            link.on_sent(now);
        }
    }

    /// [MQTT-4.4.0-1]
    fn send_again(&mut self, out: &mut Vec<u8>) {
        let version = self.options.version;
        while let Some(resend) = self.outbound.next_resend() {
            match resend {
                Resend::Publish(packet_id, _, outgoing) => {
                    let head = publish_head(&outgoing.publication, Some(packet_id));
                    PublishHead { dup: true, ..head }.encode(version, out);
                    out.extend_from_slice(&outgoing.publication.payload);
                }
                Resend::Pubrel(packet_id) => {
                    Ack::new(AckKind::Pubrel, packet_id, ReasonCode::Success).encode(version, out);
                }
            }
        }
    }

    fn send_request(&mut self, request: &Request, out: &mut Vec<u8>) {
        let packet_id = self.outbound.begin_request();
        let start = out.len();
        encode_request(request, packet_id, self.options.version, out);
        if out.len() - start > self.allowance.packet_bytes_max {
            out.truncate(start);
            self.outbound.on_answer(packet_id);
            self.refuse_request(request);
            return;
        }
        self.asked.insert(packet_id, request.token);
    }

    /// [MQTT-3.2.2-15] What the server does not take is not sent.
    fn refuse_request(&mut self, request: &Request) {
        let token = request.token;
        let refused = |count: usize| vec![ReasonCode::PacketTooLarge; count];
        self.events.push_back(match request.kind {
            RequestKind::Subscribe => {
                let count = Subscriptions::trusted(&request.filters, Version::V5).iter().count();
                Event::Subscribed { token, codes: refused(count) }
            }
            RequestKind::Unsubscribe => {
                let count = UnsubscribeFilters::trusted(&request.filters).iter().count();
                Event::Unsubscribed { token, codes: refused(count) }
            }
        });
    }

    fn send_new(&mut self, outgoing: Outgoing, out: &mut Vec<u8>) {
        let (token, qos, version) = (outgoing.token, outgoing.publication.qos, self.options.version);
        let sample = (qos != Qos::AtMostOnce).then_some(PacketId::FIRST);
        let head = publish_head(&outgoing.publication, sample);
        if let Some(reason) = self.allowance.refusal(&outgoing.publication, head.packet_len(version)) {
            self.events.push_back(Event::Acknowledged { token, reason });
            return;
        }
        let id_at = head.encode(version, out);
        out.extend_from_slice(&outgoing.publication.payload);
        if qos != Qos::AtMostOnce {
            let packet_id = self.outbound.begin(qos, Some(outgoing));
            if let Some(place) = out.get_mut(id_at..id_at + 2) {
                place.copy_from_slice(&packet_id.as_u16().to_be_bytes());
            }
        }
    }

    /// A server that takes less than the one before: what it does not take is over before it is sent again.
    pub(super) fn give_up_what_is_not_taken(&mut self) {
        let (allowance, version) = (self.allowance, self.options.version);
        let refusal = |(packet_id, outgoing): (PacketId, Option<&Outgoing>)| {
            let publication = &outgoing?.publication;
            let packet_len = publish_head(publication, Some(packet_id)).packet_len(version);
            Some((packet_id, publication.qos, allowance.refusal(publication, packet_len)?))
        };
        let refused: Vec<(PacketId, Qos, ReasonCode)> = self.outbound.iter().filter_map(refusal).collect();
        for (packet_id, qos, reason) in refused {
            let outgoing = match qos {
                Qos::ExactlyOnce => match self.outbound.on_pubrec(packet_id, true) {
                    Pubrec::Refused(outgoing) => outgoing,
                    Pubrec::Release(_) | Pubrec::Unknown => None,
                },
                Qos::AtMostOnce | Qos::AtLeastOnce => self.outbound.on_puback(packet_id).flatten(),
            };
            let event = outgoing.map(|outgoing| Event::Acknowledged { token: outgoing.token, reason });
            self.events.extend(event);
        }
    }
}

fn encode_request(request: &Request, packet_id: PacketId, version: Version, out: &mut Vec<u8>) {
    let properties = request.properties.as_properties();
    match request.kind {
        RequestKind::Subscribe => {
            let filters = if version.is_v5() { Cow::from(&request.filters) } else { plain_filters(request).into() };
            let subscriptions = Subscriptions::trusted(&filters, version);
            Subscribe { packet_id, properties, subscriptions }.encode(version, out);
        }
        RequestKind::Unsubscribe => {
            let filters = UnsubscribeFilters::trusted(&request.filters);
            Unsubscribe { packet_id, properties, filters }.encode(version, out);
        }
    }
}

/// The filters with nothing but their QoS: before 5.0 the other bits are reserved. [MQTT-3.8.3-4] of 3.1.1
fn plain_filters(request: &Request) -> Vec<u8> {
    let mut plain = Vec::new();
    for subscription in Subscriptions::trusted(&request.filters, Version::V5).iter() {
        Subscriptions::write(subscription.raw_filter, SubscribeOptions::of(subscription.options.qos), &mut plain);
    }
    plain
}

fn publish_head(publication: &Publication, packet_id: Option<PacketId>) -> PublishHead<'_> {
    PublishHead {
        dup: false,
        qos: publication.qos,
        retain: publication.retain,
        topic: Topic::trusted(publication.topic.as_bytes()),
        packet_id,
        expiry_s: None,
        properties: publication.properties.as_properties(),
        topic_alias: None,
        subscription_ids: &[],
        payload_len: publication.payload.len(),
    }
}
