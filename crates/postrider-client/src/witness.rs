//! Somebody who looks at the packets of a client, for people who want to see them.
//!
//! Owns: how much of the output was looked at already.
//! Never: changes a byte.

use postrider_proto::{Packet, Version, split};
use std::fmt;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From us to the server.
    Out,
    /// From the server to us.
    In,
}

trait Look: FnMut(Way, &Packet<'_>) + Send {}

impl<T: FnMut(Way, &Packet<'_>) + Send> Look for T {}

/// Looks at every packet once.
pub(crate) struct Witness {
    look: Box<dyn Look>,
    /// How much of the output it has seen.
    seen: usize,
}

impl Witness {
    pub(crate) fn new(look: impl FnMut(Way, &Packet<'_>) + Send + 'static) -> Self {
        Self { look: Box::new(look), seen: 0 }
    }

    /// Looks at what is new at the end of `output`, which holds whole packets.
    pub(crate) fn on_output(&mut self, output: &[u8], version: Version) {
        let seen = self.seen.min(output.len());
        self.look_at(Way::Out, &output[seen..], version);
        self.seen = output.len();
    }

    /// So much of the head of the output is gone.
    pub(crate) const fn on_written(&mut self, len: usize) {
        self.seen = self.seen.saturating_sub(len);
    }

    /// Looks at the packets in `input`.
    pub(crate) fn on_input(&mut self, input: &[u8], version: Version) {
        self.look_at(Way::In, input, version);
    }

    fn look_at(&mut self, way: Way, mut bytes: &[u8], version: Version) {
        while let Ok(Some(frame)) = split(bytes, usize::MAX) {
            let len = frame.len;
            if let Ok(packet) = Packet::decode(frame, version) {
                (self.look)(way, &packet);
            }
            bytes = &bytes[len..];
        }
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("seen", &self.seen).finish_non_exhaustive()
    }
}
