//! The receiving half: which QoS 2 messages are already ours, and how many we hold unacknowledged.

use crate::IdSet;
use postrider_proto::{PacketId, Qos};

/// What is known of the messages that the far end is handing over.
#[derive(Clone, Debug, Default)]
pub struct Inbound {
    awaiting_pubrel: IdSet,
    /// QoS 1 and 2 messages of this connection that are not acknowledged to their end.
    unacknowledged: u32,
    /// Our Receive Maximum; 0 means none was announced.
    receive_maximum: u16,
}

/// What to do with a PUBLISH above QoS 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Ours to take care of.
    New,
    /// Taken care of before: answer, and do nothing else. [MQTT-4.3.3-10]
    Duplicate,
    /// More than our Receive Maximum allows. [MQTT-3.3.4-7]
    Exceeded,
}

impl Inbound {
    /// A new connection: the quota starts anew, the identifiers of QoS 2 messages stay. [4.9]
    ///
    /// `receive_maximum` is what we announced; 0 switches the check off.
    pub fn connect(&mut self, receive_maximum: u16) {
        self.receive_maximum = receive_maximum;
        self.unacknowledged = 0;
    }

    /// A PUBLISH with QoS 1 or 2 came.
    ///
    /// [MQTT-4.3.3-10], [MQTT-3.3.4-7]. After `New` the caller ends it with [`Inbound::finish_qos1`],
    /// [`Inbound::refuse`] or, for QoS 2, when the PUBREL comes.
    pub fn on_publish(&mut self, qos: Qos, packet_id: PacketId) -> Admission {
        if qos == Qos::ExactlyOnce && self.awaiting_pubrel.contains(packet_id) {
            return Admission::Duplicate;
        }
        if self.receive_maximum != 0 && self.unacknowledged >= u32::from(self.receive_maximum) {
            return Admission::Exceeded;
        }
        self.unacknowledged += 1;
        if qos == Qos::ExactlyOnce {
            self.awaiting_pubrel.insert(packet_id);
        }
        Admission::New
    }

    /// The PUBACK is on its way: the identifier means a new message from now on. [MQTT-4.3.2-5]
    pub fn finish_qos1(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
    }

    /// A PUBREC of 0x80 or more is on its way: the identifier is forgotten. [MQTT-4.3.3-9]
    pub fn refuse(&mut self, packet_id: PacketId) {
        self.awaiting_pubrel.remove(packet_id);
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
    }

    /// A PUBREL came; false when the identifier is not known, which PUBCOMP then says.
    /// [MQTT-4.3.3-11]
    pub fn on_pubrel(&mut self, packet_id: PacketId) -> bool {
        let known = self.awaiting_pubrel.remove(packet_id);
        if known {
            self.unacknowledged = self.unacknowledged.saturating_sub(1);
        }
        known
    }

    /// What another one knew, without a connection.
    #[must_use]
    pub fn restored(awaiting_pubrel: impl IntoIterator<Item = PacketId>) -> Self {
        let mut inbound = Self::default();
        for packet_id in awaiting_pubrel {
            inbound.awaiting_pubrel.insert(packet_id);
        }
        inbound
    }

    /// The identifiers of QoS 2 messages that wait for their PUBREL, in no order that means anything.
    pub fn identifiers(&self) -> impl Iterator<Item = PacketId> {
        self.awaiting_pubrel.iter()
    }

    /// How many QoS 2 messages wait for their PUBREL.
    #[must_use]
    pub fn awaiting_pubrel(&self) -> usize {
        self.awaiting_pubrel.len()
    }

    /// True when nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.awaiting_pubrel.is_empty()
    }

    /// Bytes of memory beyond the struct itself.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.awaiting_pubrel.heap_size()
    }
}
