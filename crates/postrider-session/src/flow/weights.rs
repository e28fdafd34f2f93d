//! What messages in flight weigh, where more than their number is limited.
//!
//! Owns: the bytes of each and their sum.

use postrider_proto::PacketId;
use std::collections::BTreeMap;

/// The messages of one connection that are weighed.
#[derive(Clone, Debug, Default)]
pub(super) struct Weights {
    all: BTreeMap<u16, u32>,
    bytes: u64,
    bytes_max: u64,
}

impl Weights {
    /// One more is on its way.
    pub(super) fn put(&mut self, packet_id: PacketId, bytes: u32, bytes_max: u64) {
        let before = self.all.insert(packet_id.as_u16(), bytes).unwrap_or(0);
        self.bytes = self.bytes + u64::from(bytes) - u64::from(before);
        self.bytes_max = bytes_max;
    }

    /// It is over.
    pub(super) fn take(&mut self, packet_id: PacketId) {
        self.bytes -= u64::from(self.all.remove(&packet_id.as_u16()).unwrap_or(0));
    }

    /// Whether no other may set out. The one that passes the limit may, so that none waits for ever.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes > 0 && self.bytes >= self.bytes_max
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether what it says of each makes its sum.
    pub(super) fn check(&self) -> bool {
        self.bytes == self.all.values().copied().map(u64::from).sum::<u64>()
    }

    pub(super) fn has(&self, packet_id: PacketId) -> bool {
        self.all.contains_key(&packet_id.as_u16())
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}
