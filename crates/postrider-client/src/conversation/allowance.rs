//! What the server said it takes.
//!
//! Owns: the limits of one connection, and the reason why a message does not go out over it.
//! Spec: 3.2.2.3.

use crate::Publication;
use postrider_proto::{Properties, PropertyId, Qos, ReasonCode, VARINT_MAX};

/// The limits in a CONNACK; before 5.0 there are none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    pub(super) packet_bytes_max: usize,
    qos_max: Qos,
    is_retain_available: bool,
}

/// The largest Remaining Length with its fixed header. [2.1.4]
const PACKET_BYTES_MAX: usize = VARINT_MAX as usize + 5;

impl Default for Allowance {
    fn default() -> Self {
        Self { packet_bytes_max: PACKET_BYTES_MAX, qos_max: Qos::ExactlyOnce, is_retain_available: true }
    }
}

impl Allowance {
    pub(super) fn of(properties: Properties<'_>) -> Self {
        let packet_bytes_max = properties.number(PropertyId::MaximumPacketSize).unwrap_or(u32::MAX) as usize;
        let qos_max = properties.number(PropertyId::MaximumQos).and_then(|qos| Qos::from_u8(u8::try_from(qos).ok()?));
        Self {
            packet_bytes_max: packet_bytes_max.min(PACKET_BYTES_MAX),
            qos_max: qos_max.unwrap_or(Qos::ExactlyOnce),
            is_retain_available: properties.number(PropertyId::RetainAvailable) != Some(0),
        }
    }

    /// Why the message is not sent. [MQTT-3.2.2-11], [MQTT-3.2.2-14], [MQTT-3.2.2-15]
    pub(super) fn refusal(&self, publication: &Publication, packet_len: usize) -> Option<ReasonCode> {
        if publication.qos > self.qos_max {
            return Some(ReasonCode::QosNotSupported);
        }
        if publication.retain && !self.is_retain_available {
            return Some(ReasonCode::RetainNotSupported);
        }
        (packet_len > self.packet_bytes_max).then_some(ReasonCode::PacketTooLarge)
    }
}
