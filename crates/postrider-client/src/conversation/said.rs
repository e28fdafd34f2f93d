//! What a client says: everything that waits, as soon as it may go.

use super::{Conversation, Outgoing, Request, RequestKind};
use crate::{Event, Publication};
use postrider_proto::{
    Ack, AckKind, PacketId, PublishHead, Qos, ReasonCode, Subscribe, Subscriptions, Topic, Unsubscribe,
    UnsubscribeFilters,
};
use postrider_session::Mono;
use postrider_session::flow::Resend;

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
        let version = self.options.version;
        let packet_id = self.outbound.begin_request();
        let properties = request.properties.as_properties();
        self.asked.insert(packet_id, request.token);
        match request.kind {
            RequestKind::Subscribe => {
                let subscriptions = Subscriptions::trusted(&request.filters, version);
                Subscribe { packet_id, properties, subscriptions }.encode(version, out);
            }
            RequestKind::Unsubscribe => {
                let filters = UnsubscribeFilters::trusted(&request.filters);
                Unsubscribe { packet_id, properties, filters }.encode(version, out);
            }
        }
    }

    /// [MQTT-3.2.2-15] What the server does not take is not sent.
    fn send_new(&mut self, outgoing: Outgoing, out: &mut Vec<u8>) {
        let (token, qos, version) = (outgoing.token, outgoing.publication.qos, self.options.version);
        let sample = (qos != Qos::AtMostOnce).then_some(PacketId::FIRST);
        let head = publish_head(&outgoing.publication, sample);
        if head.packet_len(version) > self.packet_bytes_max {
            self.events.push_back(Event::Acknowledged { token, reason: ReasonCode::PacketTooLarge });
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
        subscription_ids: &[],
        payload_len: publication.payload.len(),
    }
}
