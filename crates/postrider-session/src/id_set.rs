//! A set of packet identifiers.

use postrider_proto::PacketId;

/// Identifiers seen and not yet released: a short list at first, a bit set once it grows.
///
/// Takes at most 8 KiB whatever the far end does.
#[derive(Clone, Debug, Default)]
pub struct IdSet(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Few(Vec<u16>),
    Many { bits: Box<[u64; WORDS]>, len: usize },
}

const FEW: usize = 64;
const WORDS: usize = 1024;

impl Default for Repr {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl IdSet {
    /// True when `id` is a member.
    #[must_use]
    pub fn contains(&self, id: PacketId) -> bool {
        match &self.0 {
            Repr::Few(list) => list.contains(&id.as_u16()),
            Repr::Many { bits, .. } => bits[word(id)] & bit(id) != 0,
        }
    }

    /// Adds `id`; false when it was a member already.
    pub fn insert(&mut self, id: PacketId) -> bool {
        if self.contains(id) {
            return false;
        }
        match &mut self.0 {
            Repr::Few(list) if list.len() < FEW => list.push(id.as_u16()),
            Repr::Few(list) => {
                let mut bits = Box::new([0u64; WORDS]);
                for number in list.iter().copied().chain([id.as_u16()]) {
                    bits[usize::from(number) / 64] |= 1 << (number % 64);
                }
                self.0 = Repr::Many { bits, len: FEW + 1 };
            }
            Repr::Many { bits, len } => {
                bits[word(id)] |= bit(id);
                *len += 1;
            }
        }
        true
    }

    /// Removes `id`; false when it was no member.
    pub fn remove(&mut self, id: PacketId) -> bool {
        if !self.contains(id) {
            return false;
        }
        match &mut self.0 {
            Repr::Few(list) => list.retain(|number| *number != id.as_u16()),
            Repr::Many { bits, len } => {
                bits[word(id)] &= !bit(id);
                *len -= 1;
                if *len == 0 {
                    self.0 = Repr::default();
                }
            }
        }
        true
    }

    /// The members, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = PacketId> {
        let (few, many) = match &self.0 {
            Repr::Few(list) => (Some(list.iter().copied()), None),
            Repr::Many { bits, .. } => {
                let is_member = |number: &u16| bits[usize::from(*number) / 64] & (1 << (number % 64)) != 0;
                (None, Some((1..=u16::MAX).filter(is_member)))
            }
        };
        few.into_iter().flatten().chain(many.into_iter().flatten()).filter_map(PacketId::new)
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Few(list) => list.len(),
            Repr::Many { len, .. } => *len,
        }
    }

    /// True without members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory beyond the set itself.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Repr::Few(list) => list.capacity() * 2,
            Repr::Many { .. } => WORDS * 8,
        }
    }
}

fn word(id: PacketId) -> usize {
    usize::from(id.as_u16()) / 64
}

fn bit(id: PacketId) -> u64 {
    1 << (id.as_u16() % 64)
}
