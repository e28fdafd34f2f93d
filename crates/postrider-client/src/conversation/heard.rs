//! What a client hears, packet by packet.

use super::{Allowance, Conversation, Outgoing};
use crate::event::Message;
use crate::{Error, ErrorKind, Event, Token};
use postrider_proto::{Ack, AckKind, Connack, Packet, PacketId, PropertyId, Publish, Qos, ReasonCode, Start, Version};
use postrider_session::flow::{Outbound, Pubrec};
use postrider_session::{Mono, Violation};

impl Conversation {
    /// Takes the packet at the head of `input`, says how many bytes it took (0 when it is not whole), appends the
    /// answer to `out`; what it means to the application comes from [`Conversation::take_event`].
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], [`ErrorKind::Disconnected`], [`ErrorKind::Violation`]: the connection is over, and
    /// what `out` holds is worth sending before it is closed. [`ErrorKind::NotConnected`].
    pub fn on_bytes(&mut self, now: Mono, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Error> {
        let Some(mut link) = self.link.take() else { return Err(Error::new(ErrorKind::NotConnected)) };
        let before = out.len();
        let result = match link.decode(input) {
            Ok(None) => Ok(0),
            Ok(Some((Packet::Publish(publish), len))) => match link.resolve(publish) {
                Ok(publish) => self.on_publish(&publish, out).map(|()| len),
                Err(violation) => Err(violation.into()),
            },
            Ok(Some((packet, len))) => self.on_packet(&packet, out).map(|()| len),
            Err(violation) => Err(violation.into()),
        };
        match result {
            Ok(len) => {
                if out.len() > before {
                    link.on_sent(now);
                }
                self.link = Some(link);
                self.send(now, out);
                Ok(len)
            }
            Err(error) => {
                self.is_accepted = false;
                say_why(&error, link.version(), out);
                Err(error)
            }
        }
    }

    fn on_packet(&mut self, packet: &Packet<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        match packet {
            Packet::Connack(connack) => self.on_connack(connack),
            Packet::Ack(ack) => self.on_ack(ack, out),
            Packet::Suback(suback) => {
                let codes = suback.codes.iter().copied().map(to_reason).collect();
                self.on_answer(suback.packet_id, |token| Event::Subscribed { token, codes })
            }
            Packet::Unsuback(unsuback) => {
                let codes = unsuback.codes.iter().copied().map(to_reason).collect();
                self.on_answer(unsuback.packet_id, |token| Event::Unsubscribed { token, codes })
            }
            Packet::Disconnect(disconnect) => Err(Error::new(ErrorKind::Disconnected(disconnect.reason))),
            // We never ask for an authentication exchange. [MQTT-4.12.0-6]
            Packet::Auth(_) => Err(Violation::AuthUnexpected.into()),
            Packet::Pingresp => Ok(()),
            // The link lets none of these through.
            Packet::Connect(_)
            | Packet::Publish(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::Pingreq => Err(Violation::Misdirected(packet.name()).into()),
        }
    }

    fn on_connack(&mut self, connack: &Connack<'_>) -> Result<(), Error> {
        if connack.reason.is_error() {
            return Err(Error::new(ErrorKind::Refused(connack.reason)));
        }
        // [MQTT-3.2.2-4]
        if connack.session_present && self.options.start == Start::Clean && self.options.version.is_v5() {
            return Err(Violation::SessionUnknown.into());
        }
        let properties = connack.properties;
        // 3.1 has no flag; there a client knows by what it asked for.
        let is_resumed =
            connack.session_present || (self.options.version == Version::V3_1 && self.options.start == Start::Resume);
        if !is_resumed {
            self.begin_anew();
        }
        self.is_accepted = true;
        let receive_maximum = properties.two_bytes(PropertyId::ReceiveMaximum).unwrap_or(u16::MAX);
        self.outbound.connect(receive_maximum.min(self.options.send_maximum));
        self.allowance = Allowance::of(properties);
        self.give_up_what_is_not_taken();
        if let Some(client_id) = properties.text(PropertyId::AssignedClientIdentifier) {
            self.options.client_id = client_id.as_str().into();
        }
        self.events
            .push_back(Event::Connected { session_present: connack.session_present, properties: properties.into() });
        Ok(())
    }

    /// The server knows nothing of us: what it had not acknowledged is published anew with QoS 1; of QoS 2 nobody
    /// can say whether it arrived. [MQTT-3.2.2-5]
    fn begin_anew(&mut self) {
        let mut again = Vec::new();
        for (_, outgoing) in self.outbound.iter() {
            match outgoing {
                Some(outgoing) if outgoing.publication.qos == Qos::AtLeastOnce => again.push(outgoing.clone()),
                Some(Outgoing { token, .. }) => self.events.push_back(Event::Abandoned { token: *token }),
                None => {}
            }
        }
        for outgoing in again.into_iter().rev() {
            self.publications.push_front(outgoing);
        }
        for token in core::mem::take(&mut self.released).into_values() {
            self.events.push_back(Event::Acknowledged { token, reason: ReasonCode::Success });
        }
        self.outbound = Outbound::default();
        self.awaiting_pubrel = postrider_session::IdSet::default();
    }

    fn on_publish(&mut self, publish: &Publish<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let version = self.options.version;
        let mut is_new = true;
        if let Some(packet_id) = publish.packet_id {
            let kind = if publish.qos == Qos::ExactlyOnce {
                is_new = self.awaiting_pubrel.insert(packet_id);
                AckKind::Pubrec
            } else {
                AckKind::Puback
            };
            if is_new && self.awaiting_pubrel.len() > usize::from(self.options.receive_maximum) {
                return Err(Violation::ReceiveMaximumExceeded.into());
            }
            Ack::new(kind, packet_id, ReasonCode::Success).encode(version, out);
        }
        if is_new {
            self.events.push_back(Event::Message(Message::from_packet(publish)));
        }
        Ok(())
    }

    fn on_ack(&mut self, ack: &Ack<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let (packet_id, reason, version) = (ack.packet_id, ack.reason, self.options.version);
        match ack.kind {
            AckKind::Puback => {
                if let Some(Some(outgoing)) = self.outbound.on_puback(packet_id) {
                    self.events.push_back(Event::Acknowledged { token: outgoing.token, reason });
                }
            }
            AckKind::Pubrec => match self.outbound.on_pubrec(packet_id, reason.is_error()) {
                Pubrec::Release(outgoing) => {
                    if let Some(outgoing) = outgoing {
                        self.released.insert(packet_id, outgoing.token);
                    }
                    Ack::new(AckKind::Pubrel, packet_id, ReasonCode::Success).encode(version, out);
                }
                Pubrec::Refused(outgoing) => {
                    let event = outgoing.map(|outgoing| Event::Acknowledged { token: outgoing.token, reason });
                    self.events.extend(event);
                }
                Pubrec::Unknown if !reason.is_error() => {
                    Ack::new(AckKind::Pubrel, packet_id, ReasonCode::PacketIdentifierNotFound).encode(version, out);
                }
                Pubrec::Unknown => {}
            },
            AckKind::Pubrel => {
                let is_known = self.awaiting_pubrel.remove(packet_id);
                let reason = if is_known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
                Ack::new(AckKind::Pubcomp, packet_id, reason).encode(version, out);
            }
            AckKind::Pubcomp => {
                if self.outbound.on_pubcomp(packet_id)
                    && let Some(token) = self.released.remove(&packet_id)
                {
                    self.events.push_back(Event::Acknowledged { token, reason: ReasonCode::Success });
                }
            }
        }
        Ok(())
    }

    /// An answer to nothing breaks the protocol; a stray acknowledgement does not.
    fn on_answer(&mut self, packet_id: PacketId, event: impl FnOnce(Token) -> Event) -> Result<(), Error> {
        match self.asked.remove(&packet_id).filter(|_| self.outbound.on_answer(packet_id)) {
            Some(token) => self.events.push_back(event(token)),
            None => return Err(Violation::Misdirected("an answer to no request").into()),
        }
        Ok(())
    }
}

/// Before 5.0 the codes are the granted QoS and 0x80.
fn to_reason(code: u8) -> ReasonCode {
    ReasonCode::from_u8(code).unwrap_or(ReasonCode::UnspecifiedError)
}

/// [MQTT-4.13.1-1] A client that closes for a breach says why in 5.0.
fn say_why(error: &Error, version: Version, out: &mut Vec<u8>) {
    if let ErrorKind::Violation(violation) = error.kind()
        && version.is_v5()
    {
        postrider_proto::Disconnect::new(violation.reason()).encode(version, out);
    }
}
