//! Deliveries whose messages stand in the log and not in memory.
//!
//! Owns: their order, in a few bytes each.

use crate::{Message, Parcel, Sequence, SubscriptionIds, put_number, take_number};
use postrider_proto::Qos;
use std::collections::VecDeque;

/// One delivery, without its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spilled {
    /// The record with the message.
    pub sequence: Sequence,
    /// As in [`Parcel`].
    pub qos: Qos,
    /// As in [`Parcel`].
    pub retain: bool,
    /// As in [`Parcel`].
    pub subscription_ids: SubscriptionIds,
    /// What it is charged.
    pub size: u64,
}

impl Spilled {
    /// The delivery with its message.
    #[must_use]
    pub fn parcel(self, message: Message) -> Parcel {
        let Self { qos, retain, subscription_ids, .. } = self;
        Parcel { message, qos, retain, subscription_ids, share: None }
    }

    /// The delivery with what is known of its message.
    #[must_use]
    pub fn stub(self) -> Parcel {
        let message = Message::stub(self.sequence, self.qos);
        self.parcel(message)
    }
}

/// A queue of them: some five bytes each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spill {
    blocks: VecDeque<Block>,
    len: usize,
}

/// Entries that are told by their distance from the one before.
#[derive(Clone, Debug)]
struct Block {
    bytes: Vec<u8>,
    /// Where the first entry begins.
    start: usize,
    /// The sequence that the first entry is told from.
    base: u64,
    last: u64,
}

const BLOCK_BYTES: usize = 1024;
const RETAIN: u8 = 0b100;
const QOS: u8 = 0b11;
/// How many identifiers follow, up to this; one less stands for their count.
const IDS_SHIFT: u8 = 3;
const IDS_MANY: u8 = 31;

impl Spill {
    pub(crate) fn push_back(&mut self, delivery: &Spilled) {
        let sequence = delivery.sequence.0;
        let has_room = |block: &Block| block.bytes.len() < BLOCK_BYTES && sequence >= block.last;
        if !self.blocks.back().is_some_and(has_room) {
            if let Some(full) = self.blocks.back_mut() {
                full.bytes.shrink_to_fit();
            }
            self.blocks.push_back(Block { bytes: Vec::new(), start: 0, base: sequence, last: sequence });
        }
        if let Some(block) = self.blocks.back_mut() {
            put_number(&mut block.bytes, sequence - block.last);
            block.last = sequence;
            write(delivery, &mut block.bytes);
        }
        self.len += 1;
    }

    pub(crate) fn pop_front(&mut self) -> Option<Spilled> {
        let block = self.blocks.front_mut()?;
        let mut rest = block.bytes.get(block.start..)?;
        let delivery = read(&mut rest, block.base)?;
        block.base = delivery.sequence.0;
        block.start = block.bytes.len() - rest.len();
        if block.start == block.bytes.len() {
            self.blocks.pop_front();
        }
        self.len -= 1;
        Some(delivery)
    }

    pub(crate) fn front(&self) -> Option<Sequence> {
        let block = self.blocks.front()?;
        Some(Sequence(block.base + take_number(&mut block.bytes.get(block.start..)?).ok()?))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Spilled> {
        self.blocks.iter().flat_map(|block| {
            let (mut rest, mut base) = (block.bytes.get(block.start..).unwrap_or(&[]), block.base);
            core::iter::from_fn(move || {
                let delivery = read(&mut rest, base)?;
                base = delivery.sequence.0;
                Some(delivery)
            })
        })
    }

    /// Takes out what `goes` names.
    pub(crate) fn remove(&mut self, goes: impl Fn(&Spilled) -> bool) -> Vec<Spilled> {
        let mut gone = Vec::new();
        let mut kept = Self::default();
        while let Some(delivery) = self.pop_front() {
            if goes(&delivery) {
                gone.push(delivery);
            } else {
                kept.push_back(&delivery);
            }
        }
        *self = kept;
        gone
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }
}

fn write(delivery: &Spilled, bytes: &mut Vec<u8>) {
    let ids = delivery.subscription_ids.as_slice();
    let count = u8::try_from(ids.len()).unwrap_or(IDS_MANY).min(IDS_MANY);
    bytes.push(delivery.qos.as_u8() | if delivery.retain { RETAIN } else { 0 } | count << IDS_SHIFT);
    if count == IDS_MANY {
        put_number(bytes, ids.len() as u64);
    }
    for id in ids {
        put_number(bytes, u64::from(*id));
    }
    put_number(bytes, delivery.size);
}

fn read(rest: &mut &[u8], base: u64) -> Option<Spilled> {
    let sequence = Sequence(base + take_number(rest).ok()?);
    let (flags, tail) = rest.split_first()?;
    *rest = tail;
    let count = match flags >> IDS_SHIFT {
        IDS_MANY => take_number(rest).ok()?,
        count => u64::from(count),
    };
    let ids: Vec<u32> = (0..count).map_while(|_| u32::try_from(take_number(rest).ok()?).ok()).collect();
    let size = take_number(rest).ok()?;
    let qos = Qos::from_u8(flags & QOS).unwrap_or(Qos::AtMostOnce);
    Some(Spilled { sequence, qos, retain: flags & RETAIN != 0, subscription_ids: SubscriptionIds::of(&ids), size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spilled(sequence: u64, ids: &[u32]) -> Spilled {
        Spilled {
            sequence: Sequence(sequence),
            qos: if sequence.is_multiple_of(2) { Qos::AtLeastOnce } else { Qos::ExactlyOnce },
            retain: sequence.is_multiple_of(3),
            subscription_ids: SubscriptionIds::of(ids),
            size: sequence % 300,
        }
    }

    #[test]
    fn deliveries_come_out_as_they_went_in_and_take_few_bytes() {
        let mut spill = Spill::default();
        let ids: Vec<u32> = (1..40).collect();
        let all: Vec<_> = (1..10_000u64).map(|n| spilled(n * 3, if n == 77 { &ids } else { &[] })).collect();
        all.iter().for_each(|delivery| spill.push_back(delivery));
        assert_eq!(spill.iter().collect::<Vec<_>>(), all);
        let bytes: usize = spill.blocks.iter().map(|block| block.bytes.capacity() + size_of::<Block>()).sum();
        assert!(bytes < 5 * all.len(), "{bytes} bytes");
        let gone = spill.remove(|delivery| delivery.sequence.0 % 2 == 0);
        assert_eq!(gone.len() + spill.len(), all.len());
        let kept: Vec<_> = core::iter::from_fn(|| spill.pop_front()).collect();
        assert!(kept.iter().all(|delivery| delivery.sequence.0 % 2 == 1));
        assert_eq!((spill.len(), spill.blocks.len()), (0, 0));
    }

    #[test]
    fn an_older_sequence_behind_a_newer_one_is_kept_in_its_place() {
        let mut spill = Spill::default();
        for sequence in [9, 4, 4, 100] {
            spill.push_back(&spilled(sequence, &[7]));
        }
        assert_eq!(spill.iter().map(|delivery| delivery.sequence.0).collect::<Vec<_>>(), [9, 4, 4, 100]);
    }
}
