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
    /// The shared subscription it came through, as the owner numbers them. [4.8.2]
    pub share: Option<u32>,
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

impl Offered {
    /// Whether it waits now, and what had to go.
    #[must_use]
    pub fn into_parts(self) -> (bool, Vec<Parcel>) {
        match self {
            Self::Queued => (true, Vec::new()),
            Self::Displaced(gone) => (true, gone),
            Self::Full(_) => (false, Vec::new()),
            Self::FullAnd(_, gone) => (false, gone),
        }
    }
}

/// Deliveries in the order they are owed.
#[derive(Clone, Debug, Default)]
pub struct Mailbox {
    entries: VecDeque<Entry>,
    bytes: u64,
    qos0: u32,
    /// Where deliveries with several identifiers and those of shared subscriptions keep them, so that an entry
    /// stays small.
    labels: Option<Box<Labels>>,
}

#[derive(Clone, Debug, Default)]
struct Labels {
    all: BTreeMap<u32, Label>,
    next: u32,
}

#[derive(Clone, Debug)]
struct Label {
    subscription_ids: SubscriptionIds,
    share: Option<u32>,
}

#[derive(Clone, Debug)]
struct Entry {
    message: Message,
    /// QoS in the lowest two bits, then retain.
    flags: u8,
    /// 0: none. Below 2^31: one identifier. From there on: a key of [`Labels`].
    ids: u32,
}

const RETAIN: u8 = 0b100;
const QOS: u8 = 0b11;
const LABELLED: u32 = 1 << 31;

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

    /// Takes out what came through shared subscriptions that `goes` names, oldest first.
    pub fn take_shared(&mut self, goes: impl Fn(u32) -> bool) -> Vec<Parcel> {
        let Some(labels) = self.labels.take() else { return Vec::new() };
        let share = |entry: &Entry| entry.label().and_then(|key| labels.all.get(&key)?.share);
        let (out, kept): (VecDeque<Entry>, VecDeque<Entry>) =
            core::mem::take(&mut self.entries).into_iter().partition(|entry| share(entry).is_some_and(&goes));
        self.entries = kept;
        self.labels = Some(labels);
        out.into_iter().map(|entry| self.unpack(entry)).collect()
    }

    /// Puts parcels in front of all others, in their order and whatever the bounds: they have been in before.
    pub fn put_back(&mut self, parcels: Vec<Parcel>) {
        for parcel in parcels.into_iter().rev() {
            let size = entry_size(&parcel.message);
            let entry = self.pack(parcel, size);
            self.entries.push_front(entry);
        }
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
        let entry = self.pack(parcel, size);
        self.entries.push_back(entry);
    }

    fn pack(&mut self, parcel: Parcel, size: u64) -> Entry {
        let ids = match (parcel.subscription_ids, parcel.share) {
            (SubscriptionIds::None, None) => 0,
            (SubscriptionIds::One(id), None) => id,
            (subscription_ids, share) => {
                let labels = self.labels.get_or_insert_default();
                labels.next = labels.next.wrapping_add(1) & !LABELLED;
                labels.all.insert(labels.next, Label { subscription_ids, share });
                labels.next | LABELLED
            }
        };
        self.qos0 += u32::from(parcel.qos == Qos::AtMostOnce);
        let flags = parcel.qos.as_u8() | if parcel.retain { RETAIN } else { 0 };
        self.bytes += size;
        Entry { message: parcel.message, flags, ids }
    }

    fn unpack(&mut self, entry: Entry) -> Parcel {
        self.bytes -= entry_size(&entry.message);
        self.qos0 -= u32::from(entry.qos() == Qos::AtMostOnce);
        let (qos, retain) = (entry.qos(), entry.flags & RETAIN != 0);
        let Some(key) = entry.label() else {
            let subscription_ids = if entry.ids == 0 { SubscriptionIds::None } else { SubscriptionIds::One(entry.ids) };
            return Parcel { message: entry.message, qos, retain, subscription_ids, share: None };
        };
        let label = self.labels.as_mut().and_then(|labels| labels.all.remove(&key));
        let Label { subscription_ids, share } =
            label.unwrap_or(Label { subscription_ids: SubscriptionIds::None, share: None });
        Parcel { message: entry.message, qos, retain, subscription_ids, share }
    }
}

impl Entry {
    const fn label(&self) -> Option<u32> {
        if self.ids < LABELLED { None } else { Some(self.ids & !LABELLED) }
    }

    fn qos(&self) -> Qos {
        Qos::from_u8(self.flags & QOS).unwrap_or(Qos::AtMostOnce)
    }
}

/// What one waiting message is charged: its own bytes and its place in the queue.
fn entry_size(message: &Message) -> u64 {
    (message.size() + size_of::<Entry>()) as u64
}
