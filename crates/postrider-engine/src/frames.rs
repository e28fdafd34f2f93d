//! Encoded forms of one message, so that a fan-out encodes it once a dialect.
//!
//! Owns: where in the tray each form stands.

use core::ops::Range;
use postrider_proto::{Qos, Version};
use smallvec::SmallVec;

/// What distinguishes the forms of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) is_v5: bool,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
}

/// One form in the tray.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// The packet, or its head when the payload is shared.
    pub(crate) range: Range<u32>,
    /// Where its packet identifier stands, from the start of the range.
    pub(crate) packet_id_at: u32,
    /// The size of the whole packet.
    pub(crate) packet_len: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Frames {
    list: SmallVec<[(Form, Frame); 2]>,
}

impl Frames {
    #[inline]
    pub(crate) fn find(&self, form: Form) -> Option<&Frame> {
        self.list.iter().find(|(other, _)| *other == form).map(|(_, frame)| frame)
    }

    pub(crate) fn add(&mut self, form: Form, frame: Frame) {
        self.list.push((form, frame));
    }
}

impl Form {
    #[inline]
    pub(crate) const fn of(version: Version, qos: Qos, retain: bool) -> Self {
        Self { is_v5: version.is_v5(), qos, retain }
    }
}
