//! The bounded queue of deliveries that wait for one session.
//!
//! Owns: order, bounds in messages and bytes, what gives way when it is full.
//! Never: drops anything without saying so to its caller.

use crate::{Message, Mono};
use postrider_proto::Qos;
use std::collections::{BTreeMap, VecDeque};

/// One message owed to one session.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// What is delivered.
    pub message: Message,
    /// The lesser of the message's QoS and the granted one. [MQTT-3.8.4-8]
    pub qos: Qos,
    /// The retain flag of this delivery.
    pub retain: bool,
    /// The identifiers of the subscriptions that matched. [MQTT-3.3.4-4]
    pub subscription_ids: SubscriptionIds,
}

/// None, one, or rarely several Subscription Identifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SubscriptionIds {
    /// No matching subscription has one.
    #[default]
    None,
    /// The usual case.
    One(u32),
    /// Overlapping subscriptions.
    Several(Box<[u32]>),
}

impl SubscriptionIds {
    /// Takes a list apart into the cheapest form.
    #[must_use]
    pub fn of(ids: &[u32]) -> Self {
        match ids {
            [] => Self::None,
            [id] => Self::One(*id),
            ids => Self::Several(ids.into()),
        }
    }

    /// The identifiers in the order they matched.
    #[must_use]
    pub fn as_slice(&self) -> &[u32] {
        match self {
            Self::None => &[],
            Self::One(id) => core::slice::from_ref(id),
            Self::Several(ids) => ids,
        }
    }
}

/// How much a mailbox holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Messages with QoS 1 and 2, at least 1.
    pub messages_max: u32,
    /// Messages with QoS 0, which wait only for a connected client that does not keep up.
    pub qos0_max: u32,
    /// Bytes of messages, shared or not.
    pub bytes_max: u64,
    /// What gives way.
    pub overflow: Overflow,
}

/// What gives way when a mailbox is full. Each drop is counted by whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// The new message; a 5.0 publisher hears 0x97 if nobody else could take it.
    Reject,
    /// The new message; the publisher hears success.
    DropNewest,
    /// The oldest waiting one.
    DropOldest,
}

/// What became of an offered parcel.
#[derive(Debug)]
pub enum Offered {
    /// It waits.
    Queued,
    /// It waits, and these had to go.
    Displaced(Vec<Parcel>),
    /// It was not taken.
    Full(Parcel),
    /// It was not taken, though these expired ones had to go.
    FullAnd(Parcel, Vec<Parcel>),
}

/// Deliveries in the order they are owed.
#[derive(Clone, Debug, Default)]
pub struct Mailbox {
    entries: VecDeque<Entry>,
    bytes: u64,
    qos0: u32,
    /// Where deliveries with several identifiers keep them, so that an entry stays small.
    several: Option<Box<Several>>,
}

#[derive(Clone, Debug, Default)]
struct Several {
    lists: BTreeMap<u32, Box<[u32]>>,
    next: u32,
}

#[derive(Clone, Debug)]
struct Entry {
    message: Message,
    /// QoS in the lowest two bits, then retain.
    flags: u8,
    /// 0: none. Below 2^31: one identifier. From there on: a key of [`Several`].
    ids: u32,
}

const RETAIN: u8 = 0b100;
const QOS: u8 = 0b11;
const SEVERAL: u32 = 1 << 31;

impl Mailbox {
    /// Puts a parcel behind all others, within `bounds`.
    ///
    /// What expired by `now` goes first when room is needed; the caller gets it back to count it.
    pub fn offer(&mut self, now: Mono, parcel: Parcel, bounds: &Bounds) -> Offered {
        let (size, qos) = (entry_size(&parcel.message), parcel.qos);
        if self.fits(size, qos, bounds) {
            self.push(parcel, size);
            return Offered::Queued;
        }
        let mut gone = self.take_expired(now);
        if qos != Qos::AtMostOnce && !self.fits(size, qos, bounds) {
            // What nobody was promised gives way first.
            gone.append(&mut self.take_qos0());
        }
        if bounds.overflow == Overflow::DropOldest && size <= bounds.bytes_max {
            while !self.fits(size, qos, bounds) {
                let Some(oldest) = self.pop() else { break };
                gone.push(oldest);
            }
        }
        if !self.fits(size, qos, bounds) {
            return if gone.is_empty() { Offered::Full(parcel) } else { Offered::FullAnd(parcel, gone) };
        }
        self.push(parcel, size);
        Offered::Displaced(gone)
    }

    /// Takes the oldest parcel.
    pub fn pop(&mut self) -> Option<Parcel> {
        let entry = self.entries.pop_front()?;
        if self.entries.is_empty() {
            // A long backlog leaves a large buffer behind; an idle session keeps none.
            self.entries = VecDeque::new();
        }
        Some(self.unpack(entry))
    }

    /// The oldest message, left where it is.
    #[must_use]
    pub fn peek(&self) -> Option<(&Message, Qos)> {
        self.entries.front().map(|entry| (&entry.message, entry.qos()))
    }

    /// How many parcels wait.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of them have QoS 0.
    #[inline]
    #[must_use]
    pub fn qos0_len(&self) -> u32 {
        self.qos0
    }

    /// True when nothing waits.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes charged for what waits.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes out every parcel with QoS 0, as a session that goes offline keeps none.
    pub fn take_qos0(&mut self) -> Vec<Parcel> {
        self.take_where(|entry| entry.qos() == Qos::AtMostOnce)
    }

    /// Takes everything out.
    pub fn take_all(&mut self) -> Vec<Parcel> {
        let all = self.take_where(|_| true);
        *self = Self::default();
        all
    }

    fn take_expired(&mut self, now: Mono) -> Vec<Parcel> {
        self.take_where(|entry| entry.message.is_expired(now))
    }

    fn take_where(&mut self, goes: impl Fn(&Entry) -> bool) -> Vec<Parcel> {
        if !self.entries.iter().any(&goes) {
            return Vec::new();
        }
        let (out, kept): (Vec<Entry>, VecDeque<Entry>) = core::mem::take(&mut self.entries).into_iter().fold(
            (Vec::new(), VecDeque::new()),
            |(mut out, mut kept), entry| {
                if goes(&entry) {
                    out.push(entry)
                } else {
                    kept.push_back(entry)
                }
                (out, kept)
            },
        );
        self.entries = kept;
        out.into_iter().map(|entry| self.unpack(entry)).collect()
    }

    fn fits(&self, size: u64, qos: Qos, bounds: &Bounds) -> bool {
        let has_place = if qos == Qos::AtMostOnce {
            self.qos0 < bounds.qos0_max
        } else {
            self.entries.len() < bounds.messages_max as usize + self.qos0 as usize
        };
        has_place && self.bytes + size <= bounds.bytes_max
    }

    fn push(&mut self, parcel: Parcel, size: u64) {
        let ids = match parcel.subscription_ids {
            SubscriptionIds::None => 0,
            SubscriptionIds::One(id) => id,
            SubscriptionIds::Several(list) => {
                let several = self.several.get_or_insert_default();
                several.next = several.next.wrapping_add(1) & !SEVERAL;
                several.lists.insert(several.next, list);
                several.next | SEVERAL
            }
        };
        self.qos0 += u32::from(parcel.qos == Qos::AtMostOnce);
        let flags = parcel.qos.as_u8() | if parcel.retain { RETAIN } else { 0 };
        self.entries.push_back(Entry { message: parcel.message, flags, ids });
        self.bytes += size;
    }

    fn unpack(&mut self, entry: Entry) -> Parcel {
        self.bytes -= entry_size(&entry.message);
        self.qos0 -= u32::from(entry.qos() == Qos::AtMostOnce);
        let subscription_ids = match entry.ids {
            0 => SubscriptionIds::None,
            id if id < SEVERAL => SubscriptionIds::One(id),
            key => {
                let list = self.several.as_mut().and_then(|several| several.lists.remove(&(key & !SEVERAL)));
                list.map_or(SubscriptionIds::None, SubscriptionIds::Several)
            }
        };
        Parcel { qos: entry.qos(), retain: entry.flags & RETAIN != 0, message: entry.message, subscription_ids }
    }
}

impl Entry {
    fn qos(&self) -> Qos {
        Qos::from_u8(self.flags & QOS).unwrap_or(Qos::AtMostOnce)
    }
}

/// What one waiting message is charged: its own bytes and its place in the queue.
fn entry_size(message: &Message) -> u64 {
    (message.size() + size_of::<Entry>()) as u64
}
