//! What a client makes of what it is sent, and what it answers.
//!
//! Spec: 3.3, 4.3, 4.4.

use super::{Heard, SimClient};
use crate::oracle::Seen;
use postrider_proto::{Ack, AckKind, Packet, Property, Publish, Qos, ReasonCode, Version};
use postrider_session::IdSet;
use postrider_session::flow::{Outbound, Pubrec, Resend};

impl SimClient {
    /// Bytes have arrived.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<Vec<Heard>, String> {
        let Some(connection) = &mut self.connection else { return Ok(Vec::new()) };
        connection.input.extend_from_slice(bytes);
        let input = core::mem::take(&mut connection.input);
        let (mut at, mut heard) = (0, Vec::new());
        while let Some(connection) = &mut self.connection {
            let mut link = connection.link.clone();
            let decoded =
                link.decode(&input[at..]).map_err(|error| format!("{} understands nothing: {error}", self.id))?;
            connection.link = link;
            let Some((packet, len)) = decoded else { break };
            if self.packet_bytes_max.is_some_and(|max| len > max as usize) {
                return Err(format!("{} was sent {len} bytes", self.id));
            }
            at += len;
            self.on_packet(&packet, &mut heard)?;
        }
        if let Some(connection) = &mut self.connection {
            connection.input = input[at..].to_vec();
        }
        Ok(heard)
    }

    fn on_packet(&mut self, packet: &Packet<'_>, heard: &mut Vec<Heard>) -> Result<(), String> {
        match packet {
            Packet::Connack(connack) if connack.reason == ReasonCode::Success => {
                // 3.1 has no flag; there a client knows by what it asked for.
                let is_clean = self.connection.as_ref().is_some_and(|connection| connection.is_clean);
                self.was_clean = is_clean && !self.version.is_v5();
                self.on_accepted(connack.session_present || (self.version == Version::V3_1 && !is_clean));
                heard.push(Heard::Accepted { is_present: connack.session_present });
            }
            Packet::Connack(connack) => heard.push(Heard::Refused(connack.reason)),
            Packet::Publish(publish) => self.on_publish(publish, heard),
            Packet::Ack(ack) => self.on_ack(ack)?,
            Packet::Disconnect(disconnect) => heard.push(Heard::Disconnected(disconnect.reason)),
            Packet::Suback(suback) => {
                if let Some(code) = suback.codes.iter().find(|code| **code > 2) {
                    return Err(format!("{} was refused a subscription: {code:02x}", self.id));
                }
                heard.push(Heard::Other("SUBACK"));
            }
            packet => heard.push(Heard::Other(packet.name())),
        }
        Ok(())
    }

    /// [MQTT-3.2.2-5]: without a session at the server, nothing of ours goes on.
    fn on_accepted(&mut self, is_present: bool) {
        if let Some(connection) = &mut self.connection {
            connection.is_accepted = true;
        }
        self.owes_clean = false;
        if !is_present {
            self.outbound = Outbound::default();
            self.inbound = IdSet::default();
        }
        self.outbound.connect(if self.version.is_v5() { 100 } else { u16::MAX });
        self.resend();
    }

    fn resend(&mut self) {
        loop {
            let (message, packet_id) = match self.outbound.next_resend() {
                None => return,
                Some(Resend::Pubrel(packet_id)) => (None, packet_id),
                Some(Resend::Publish(packet_id, _, message)) => (Some(message.clone()), packet_id),
            };
            match message {
                Some(message) => self.send_publish(&message, Some(packet_id), true),
                None => self.send(&Packet::Ack(Ack::new(AckKind::Pubrel, packet_id, ReasonCode::Success))),
            }
        }
    }

    fn on_publish(&mut self, publish: &Publish<'_>, heard: &mut Vec<Heard>) {
        let is_new = match (publish.qos, publish.packet_id) {
            (Qos::ExactlyOnce, Some(packet_id)) => {
                let is_new = self.inbound.insert(packet_id);
                self.send(&Packet::Ack(Ack::new(AckKind::Pubrec, packet_id, ReasonCode::Success)));
                is_new
            }
            (Qos::AtLeastOnce, Some(packet_id)) => {
                self.send(&Packet::Ack(Ack::new(AckKind::Puback, packet_id, ReasonCode::Success)));
                true
            }
            _ => true,
        };
        if is_new {
            let ids = publish.properties.iter().filter_map(|property| match property {
                Property::Varint(_, id) => Some(id),
                _ => None,
            });
            heard.push(Heard::Message(Seen {
                topic: publish.topic.as_str().to_owned(),
                payload: publish.payload.to_vec(),
                qos: publish.qos,
                retain: publish.retain,
                dup: publish.dup,
                ids: ids.collect(),
                packet_id: publish.packet_id,
            }));
        }
    }

    fn on_ack(&mut self, ack: &Ack<'_>) -> Result<(), String> {
        let id = ack.packet_id;
        match ack.kind {
            AckKind::Puback => {
                self.outbound.on_puback(id).ok_or_else(|| format!("{}: PUBACK #{id} answers nothing", self.id))?;
            }
            AckKind::Pubrec => match self.outbound.on_pubrec(id, ack.reason.is_error()) {
                Pubrec::Unknown => return Err(format!("{}: PUBREC #{id} answers nothing", self.id)),
                Pubrec::Refused(_) => {}
                Pubrec::Release(_) => self.send(&Packet::Ack(Ack::new(AckKind::Pubrel, id, ReasonCode::Success))),
            },
            AckKind::Pubrel => {
                self.inbound.remove(id);
                self.send(&Packet::Ack(Ack::new(AckKind::Pubcomp, id, ReasonCode::Success)));
            }
            AckKind::Pubcomp => {
                if !self.outbound.on_pubcomp(id) {
                    return Err(format!("{}: PUBCOMP #{id} answers nothing", self.id));
                }
            }
        }
        self.resend();
        Ok(())
    }
}
