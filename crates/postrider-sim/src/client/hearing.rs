//! What a client makes of what it is sent, and what it answers.
//!
//! Spec: 3.3, 4.3, 4.4.

use super::{Heard, Outgoing, SimClient};
use crate::oracle::Seen;
use crate::random::Random;
use crate::topics::is_shared;
use postrider_engine::PayloadFormat;
use postrider_proto::{Ack, AckKind, Packet, PacketId, PropertyId, Publish, Qos, ReasonCode, Suback, Topic, Version};
use postrider_session::IdSet;
use postrider_session::flow::{Outbound, Pubrec, Resend};

impl SimClient {
    /// Bytes have arrived.
    pub(crate) fn receive(&mut self, bytes: &[u8], random: &mut Random) -> Result<Vec<Heard>, String> {
        let Some(connection) = &mut self.connection else { return Ok(Vec::new()) };
        connection.input.extend_from_slice(bytes);
        let input = core::mem::take(&mut connection.input);
        let (mut at, mut heard) = (0, Vec::new());
        while let Some(connection) = &mut self.connection {
            let mut link = connection.link.clone();
            let confused = |error| format!("{} understands nothing: {error}", self.id);
            let Some((mut packet, len)) = link.decode(&input[at..]).map_err(confused)? else { break };
            let name;
            if let Packet::Publish(publish) = &mut packet {
                name = link.resolve(*publish).map_err(confused)?.topic.as_str().to_owned();
                publish.topic = Topic::trusted(name.as_bytes());
            }
            connection.link = link;
            if self.packet_bytes_max.is_some_and(|max| len > max as usize) {
                return Err(format!("{} was sent {len} bytes", self.id));
            }
            at += len;
            self.on_packet(&packet, random, &mut heard)?;
        }
        if let Some(connection) = &mut self.connection {
            connection.input = input[at..].to_vec();
        }
        Ok(heard)
    }

    fn on_packet(&mut self, packet: &Packet<'_>, random: &mut Random, heard: &mut Vec<Heard>) -> Result<(), String> {
        match packet {
            Packet::Connack(connack) if connack.reason == ReasonCode::Success => {
                // 3.1 has no flag; there a client knows by what it asked for.
                let is_clean = self.connection.as_ref().is_some_and(|connection| connection.is_clean);
                self.was_clean = is_clean && !self.version.is_v5();
                self.on_accepted(connack.session_present || (self.version == Version::V3_1 && !is_clean));
                heard.push(Heard::Accepted { is_present: connack.session_present });
            }
            Packet::Connack(connack) => {
                // Nothing has changed at the server.
                self.owes_clean = self.connection.as_ref().is_some_and(|connection| connection.owed_clean);
                heard.push(Heard::Refused(connack.reason));
            }
            Packet::Publish(publish) => self.on_publish(publish, random, heard),
            Packet::Ack(ack) => {
                self.on_ack(ack)?;
                heard.push(Heard::Other((packet.name(), Some(ack.packet_id))));
            }
            Packet::Disconnect(disconnect) => {
                let place = disconnect.properties.text(PropertyId::ServerReference);
                let place = place.map(|place| place.as_str().to_owned());
                if let Some(connection) = &mut self.connection {
                    connection.farewell = Some(disconnect.reason);
                }
                heard.push(Heard::Disconnected(disconnect.reason, place));
            }
            Packet::Suback(suback) => {
                self.on_suback(suback)?;
                heard.push(Heard::Other(("SUBACK", None)));
            }
            packet => heard.push(Heard::Other((packet.name(), None))),
        }
        Ok(())
    }

    /// Shared subscriptions are refused where there are several partitions, and nothing else is.
    fn on_suback(&mut self, suback: &Suback<'_>) -> Result<(), String> {
        let filters = self.requests.remove(&suback.packet_id).unwrap_or_default();
        if filters.len() != suback.codes.len() {
            return Err(format!("{} was answered {} of {} filters", self.id, suback.codes.len(), filters.len()));
        }
        let of = |reason: ReasonCode| if self.version.is_v5() { reason.as_u8() } else { 0x80 };
        let (refusal, no_memory) = (of(ReasonCode::SharedSubscriptionsNotSupported), of(ReasonCode::QuotaExceeded));
        for (filter, code) in filters.iter().zip(suback.codes) {
            let is_refused = is_shared(filter) && self.broker.partitions > 1;
            // Whether memory was as short as that is the reference broker's affair.
            if (is_refused && *code != refusal) || (!is_refused && *code > 2 && *code != no_memory) {
                return Err(format!("{} was answered {code:02x} for {filter}", self.id));
            }
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
            self.forget();
        }
        self.open_outbound();
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

    /// Its session has ended.
    pub(super) fn forget(&mut self) {
        self.outbound = Outbound::default();
        self.inbound = IdSet::default();
        self.refused.clear();
    }

    fn on_publish(&mut self, publish: &Publish<'_>, random: &mut Random, heard: &mut Vec<Heard>) {
        let is_new = match (publish.qos, publish.packet_id) {
            (Qos::ExactlyOnce, Some(packet_id)) => self.on_qos2(publish, packet_id, random),
            (Qos::AtLeastOnce, Some(packet_id)) => {
                let reason = if self.refuses(random) { ReasonCode::UnspecifiedError } else { ReasonCode::Success };
                self.send(&Packet::Ack(Ack::new(AckKind::Puback, packet_id, reason)));
                true
            }
            _ => true,
        };
        if is_new {
            heard.push(Heard::Message(Seen::of(publish)));
        }
    }

    /// Takes or refuses it; false for what it has taken or refused before.
    fn on_qos2(&mut self, publish: &Publish<'_>, packet_id: PacketId, random: &mut Random) -> bool {
        let is_known = self.inbound.contains(packet_id);
        let was_refused =
            self.refused.remove(&packet_id).is_some_and(|payload| publish.dup && payload == publish.payload);
        let reason = if was_refused || (!is_known && self.refuses(random)) {
            self.refused.insert(packet_id, publish.payload.to_vec());
            ReasonCode::QuotaExceeded
        } else {
            self.inbound.insert(packet_id);
            ReasonCode::Success
        };
        self.send(&Packet::Ack(Ack::new(AckKind::Pubrec, packet_id, reason)));
        !is_known && !was_refused
    }

    /// A client of 5.0 may say that it cannot use a message. [MQTT-4.8.2-6]
    fn refuses(&self, random: &mut Random) -> bool {
        self.version.is_v5() && random.once_in(12)
    }

    /// Whether it was told rightly that a payload is not what it says.
    fn check_answer(&self, message: Option<&Outgoing>, reason: ReasonCode) -> Result<(), String> {
        let Some(message) = message else { return Ok(()) };
        let is_bad = message.is_malformed() && self.broker.payload_format == PayloadFormat::Checked;
        // Whoever has no memory for a message does not look at it.
        let is_unseen = is_bad && reason == ReasonCode::QuotaExceeded;
        if is_unseen || is_bad == (reason == ReasonCode::PayloadFormatInvalid) {
            return Ok(());
        }
        Err(format!("{} was told {reason} about a payload in {}", self.id, message.topic))
    }

    fn on_ack(&mut self, ack: &Ack<'_>) -> Result<(), String> {
        let id = ack.packet_id;
        match ack.kind {
            AckKind::Puback => {
                let ended = self.outbound.on_puback(id);
                let message = ended.ok_or_else(|| format!("{}: PUBACK #{id} answers nothing", self.id))?;
                self.check_answer(message.as_ref(), ack.reason)?;
            }
            AckKind::Pubrec => match self.outbound.on_pubrec(id, ack.reason.is_error()) {
                Pubrec::Unknown => return Err(format!("{}: PUBREC #{id} answers nothing", self.id)),
                Pubrec::Refused(message) => self.check_answer(message.as_ref(), ack.reason)?,
                Pubrec::Release(message) => {
                    self.check_answer(message.as_ref(), ack.reason)?;
                    self.send(&Packet::Ack(Ack::new(AckKind::Pubrel, id, ReasonCode::Success)));
                }
            },
            AckKind::Pubrel => {
                self.handshakes.1 += u64::from(self.inbound.remove(id));
                self.send(&Packet::Ack(Ack::new(AckKind::Pubcomp, id, ReasonCode::Success)));
            }
            AckKind::Pubcomp => {
                if !self.outbound.on_pubcomp(id) {
                    return Err(format!("{}: PUBCOMP #{id} answers nothing", self.id));
                }
                self.handshakes.0 += 1;
            }
        }
        self.resend();
        Ok(())
    }
}
