//! The bounded queue of deliveries that wait for one session.
//!
//! Owns: order, bounds in messages and bytes, what gives way when it is full.
//! Never: drops anything without saying so to its caller.

use crate::spill::Spill;
use crate::{Message, MessageParts, Mono, Sequence, Spilled};
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
    /// The shared subscription it came through.
    pub share: Option<Share>,
}

impl Parcel {
    /// The record of the log that has to stay for this delivery, if one does: nobody keeps QoS 0, and what comes
    /// through a shared subscription is its group's.
    #[must_use]
    pub fn recorded(&self) -> Sequence {
        if self.qos == Qos::AtMostOnce || self.share.is_some() { Sequence::NONE } else { self.message.sequence() }
    }
}

/// What a delivery through a shared subscription keeps, so that another member can get it. [4.8.2]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which one, as the owner numbers them.
    pub number: u32,
    /// The retain flag that the message came with.
    pub retain: bool,
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
    /// Bytes of messages, shared or not, in memory or in the log.
    pub bytes_max: u64,
    /// Bytes of messages in memory, where the log has them too; beyond that they are read from it when their turn
    /// comes.
    pub memory_bytes_max: u64,
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
    /// Of what is in memory.
    ready_bytes: u64,
    qos0: u32,
    /// Where deliveries with several identifiers and those of shared subscriptions keep them, so that an entry
    /// stays small.
    labels: Option<Box<Labels>>,
    /// What is not in memory; it stands behind what is.
    away: Option<Box<Away>>,
}

/// Deliveries whose messages are in the log alone.
#[derive(Clone, Debug, Default)]
struct Away {
    /// Those that are being read.
    fetching: VecDeque<Spilled>,
    fetching_bytes: u64,
    spill: Spill,
}

#[derive(Clone, Debug, Default)]
struct Labels {
    all: BTreeMap<u32, Label>,
    next: u32,
}

#[derive(Clone, Debug)]
struct Label {
    subscription_ids: SubscriptionIds,
    share: Option<Share>,
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
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: VecDeque::new(), bytes: 0, ready_bytes: 0, qos0: 0, labels: None, away: None }
    }

    /// Puts a parcel behind all others, within `bounds`.
    ///
    /// What expired by `now` goes first when room is needed; the caller gets it back to count it.
    pub fn offer(&mut self, now: Mono, parcel: Parcel, bounds: &Bounds) -> Offered {
        let (size, qos) = (entry_size(&parcel.message), parcel.qos);
        if !self.fits(size, qos, bounds) {
            return self.offer_to_full(now, parcel, bounds);
        }
        self.push(parcel, size, bounds);
        Offered::Queued
    }

    #[cold]
    fn offer_to_full(&mut self, now: Mono, parcel: Parcel, bounds: &Bounds) -> Offered {
        let (size, qos) = (entry_size(&parcel.message), parcel.qos);
        let mut gone = self.take_expired(now);
        if qos != Qos::AtMostOnce && !self.fits(size, qos, bounds) {
            // What nobody was promised gives way first.
            gone.append(&mut self.take_qos0());
        }
        if bounds.overflow == Overflow::DropOldest && size <= bounds.bytes_max {
            while !self.fits(size, qos, bounds) {
                let Some(oldest) = self.pop().or_else(|| self.pop_away()) else { break };
                gone.push(oldest);
            }
        }
        if !self.fits(size, qos, bounds) {
            return if gone.is_empty() { Offered::Full(parcel) } else { Offered::FullAnd(parcel, gone) };
        }
        self.push(parcel, size, bounds);
        Offered::Displaced(gone)
    }

    /// Takes the oldest parcel that is in memory.
    pub fn pop(&mut self) -> Option<Parcel> {
        let entry = self.entries.pop_front()?;
        if self.entries.is_empty() {
            // A long backlog leaves a large buffer behind; an idle session keeps none.
            self.entries = VecDeque::new();
        }
        Some(self.unpack(entry))
    }

    /// The oldest message in memory, left where it is.
    #[must_use]
    pub fn peek(&self) -> Option<(&Message, Qos)> {
        self.entries.front().map(|entry| (&entry.message, entry.qos()))
    }

    /// How many parcels wait.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len() + self.away_len()
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
        self.entries.is_empty() && self.away.is_none()
    }

    /// Bytes charged for what waits.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes charged for what waits in memory.
    #[must_use]
    pub const fn ready_bytes(&self) -> u64 {
        self.ready_bytes
    }

    /// Forgets the messages at the end of what is in memory that the log has too: they are read back when their turn
    /// comes.
    pub fn unload(&mut self) {
        if self.is_fetching() {
            // What is being read stands in between.
            return;
        }
        let last = self.entries.iter().rposition(|entry| !self.recorded_in(entry).is_some());
        let out = self.entries.split_off(last.map_or(0, |last| last + 1));
        if out.is_empty() {
            return;
        }
        self.entries.shrink_to_fit();
        let behind = self.take_away();
        for entry in out {
            let size = entry_size(&entry.message);
            let parcel = self.unpack(entry);
            self.push_away(parcel, size);
        }
        behind.iter().for_each(|delivery| self.spill(delivery));
    }

    /// Puts a delivery behind all others without its message, whatever the bounds.
    pub fn spill(&mut self, delivery: &Spilled) {
        self.bytes += delivery.size;
        self.away.get_or_insert_default().spill.push_back(delivery);
    }

    /// The next messages to be read, if nothing is in memory and nothing is being read: at most so many, and no more
    /// than one beyond so many bytes. [`Mailbox::fetched`] ends that.
    pub fn next_fetch(&mut self, count_max: usize, bytes_max: u64) -> Vec<Sequence> {
        let Some(away) = self.away.as_mut().filter(|away| away.fetching.is_empty()) else { return Vec::new() };
        if !self.entries.is_empty() {
            return Vec::new();
        }
        while away.fetching.len() < count_max
            && away.fetching_bytes < bytes_max
            && let Some(next) = away.spill.pop_front()
        {
            away.fetching_bytes += next.size;
            away.fetching.push_back(next);
        }
        away.fetching.iter().map(|delivery| delivery.sequence).collect()
    }

    /// What was read stands in memory now. Gives back what `find` did not find.
    pub fn fetched(&mut self, mut find: impl FnMut(Sequence) -> Option<Message>) -> Vec<Sequence> {
        let Some(away) = &mut self.away else { return Vec::new() };
        let fetching = core::mem::take(&mut away.fetching);
        self.bytes -= core::mem::take(&mut away.fetching_bytes);
        if away.spill.len() == 0 {
            self.away = None;
        }
        let mut lost = Vec::new();
        for delivery in fetching {
            let sequence = delivery.sequence;
            let Some(message) = find(sequence) else {
                lost.push(sequence);
                continue;
            };
            let parcel = delivery.parcel(message);
            let size = entry_size(&parcel.message);
            let entry = self.pack(parcel, size);
            self.entries.push_back(entry);
        }
        lost
    }

    /// Forgets the deliveries in front that are not in memory and were recorded no later.
    pub fn skip_through(&mut self, through: Sequence) {
        while self.front_away().is_some_and(|front| front <= through) {
            self.pop_away();
        }
    }

    /// Forgets one delivery that is not in memory.
    pub fn skip(&mut self, sequence: Sequence) {
        if self.front_away() == Some(sequence) {
            self.pop_away();
        } else if let Some(away) = &mut self.away {
            let gone = away.spill.remove(|delivery| delivery.sequence == sequence);
            self.bytes -= gone.iter().map(|delivery| delivery.size).sum::<u64>();
        }
    }

    fn front_away(&self) -> Option<Sequence> {
        let away = self.away.as_ref()?;
        away.fetching.front().map(|delivery| delivery.sequence).or_else(|| away.spill.front())
    }

    /// Whether messages are being read for it.
    #[must_use]
    pub fn is_fetching(&self) -> bool {
        self.away.as_ref().is_some_and(|away| !away.fetching.is_empty())
    }

    /// How many parcels are in memory.
    #[must_use]
    pub fn ready_len(&self) -> usize {
        self.entries.len()
    }

    /// Every waiting delivery whose message is in the log, in their order.
    pub fn recorded(&self) -> impl Iterator<Item = (Sequence, Qos, bool)> {
        self.waiting().map(|delivery| (delivery.sequence, delivery.qos, delivery.retain))
    }

    /// Every waiting delivery whose message is in the log, whether in memory or not, in their order.
    pub fn waiting(&self) -> impl Iterator<Item = Spilled> {
        let ready = self.entries.iter().map(|entry| Spilled {
            sequence: self.recorded_in(entry),
            qos: entry.qos(),
            retain: entry.flags & RETAIN != 0,
            subscription_ids: self.ids_in(entry),
            size: entry_size(&entry.message),
        });
        let away = self.away.iter().flat_map(|away| away.fetching.iter().cloned().chain(away.spill.iter()));
        ready.filter(|delivery| delivery.sequence.is_some()).chain(away)
    }

    /// What waits of a shared subscription, with the retain flag it came with.
    pub fn shared(&self, number: u32) -> impl Iterator<Item = (&Message, bool)> {
        self.entries.iter().filter_map(move |entry| {
            let share = self.labels.as_ref()?.all.get(&entry.label()?)?.share?;
            (share.number == number).then_some((&entry.message, share.retain))
        })
    }

    /// Replaces the messages of a shared subscription.
    pub fn alter_shared(&mut self, number: u32, alter: impl Fn(&Message) -> Message) {
        let Some(labels) = &self.labels else { return };
        let is_its =
            |key| labels.all.get(&key).and_then(|label| label.share).is_some_and(|share| share.number == number);
        for entry in self.entries.iter_mut().filter(|entry| entry.label().is_some_and(is_its)) {
            let before = entry_size(&entry.message);
            entry.message = alter(&entry.message);
            let after = entry_size(&entry.message);
            self.bytes = self.bytes - before + after;
            self.ready_bytes = self.ready_bytes - before + after;
        }
    }

    /// Replaces every message in memory.
    pub fn alter(&mut self, alter: impl Fn(&Message) -> Message) {
        for entry in &mut self.entries {
            let before = entry_size(&entry.message);
            entry.message = alter(&entry.message);
            let after = entry_size(&entry.message);
            self.bytes = self.bytes - before + after;
            self.ready_bytes = self.ready_bytes - before + after;
        }
    }

    /// Takes out everything that is not in memory and not being read.
    pub fn take_away(&mut self) -> Vec<Spilled> {
        let Some(away) = &mut self.away else { return Vec::new() };
        let taken = away.spill.remove(|_| true);
        if away.fetching.is_empty() {
            self.away = None;
        }
        self.bytes -= taken.iter().map(|delivery| delivery.size).sum::<u64>();
        taken
    }

    fn ids_in(&self, entry: &Entry) -> SubscriptionIds {
        match entry.label() {
            None if entry.ids == 0 => SubscriptionIds::None,
            None => SubscriptionIds::One(entry.ids),
            Some(key) => {
                let label = self.labels.as_ref().and_then(|labels| labels.all.get(&key));
                label.map_or(SubscriptionIds::None, |label| label.subscription_ids.clone())
            }
        }
    }

    fn recorded_in(&self, entry: &Entry) -> Sequence {
        let label = entry.label().and_then(|key| self.labels.as_ref()?.all.get(&key));
        let is_shared = label.is_some_and(|label| label.share.is_some());
        if entry.qos() == Qos::AtMostOnce || is_shared { Sequence::NONE } else { entry.message.sequence() }
    }

    fn away_len(&self) -> usize {
        self.away.as_ref().map_or(0, |away| away.fetching.len() + away.spill.len())
    }

    fn pop_away(&mut self) -> Option<Parcel> {
        let away = self.away.as_mut()?;
        let oldest = match away.fetching.pop_front() {
            Some(oldest) => {
                away.fetching_bytes -= oldest.size;
                oldest
            }
            None => away.spill.pop_front()?,
        };
        self.bytes -= oldest.size;
        if away.spill.len() == 0 && away.fetching.is_empty() {
            self.away = None;
        }
        Some(oldest.stub())
    }

    /// Takes out every parcel with QoS 0, as a session that goes offline keeps none.
    pub fn take_qos0(&mut self) -> Vec<Parcel> {
        self.take_where(|entry| entry.qos() == Qos::AtMostOnce)
    }

    /// Takes out what came through shared subscriptions that `goes` names, oldest first.
    pub fn take_shared(&mut self, goes: impl Fn(u32) -> bool) -> Vec<Parcel> {
        let Some(labels) = self.labels.take() else { return Vec::new() };
        let share = |entry: &Entry| entry.label().and_then(|key| Some(labels.all.get(&key)?.share?.number));
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
            self.len() < bounds.messages_max as usize + self.qos0 as usize
        };
        has_place && self.bytes + size <= bounds.bytes_max
    }

    #[inline(always)]
    fn push(&mut self, parcel: Parcel, size: u64, bounds: &Bounds) {
        if (self.away.is_some() || self.bytes + size > bounds.memory_bytes_max) && parcel.recorded().is_some() {
            self.push_away(parcel, size);
            return;
        }
        let entry = self.pack(parcel, size);
        self.entries.push_back(entry);
    }

    #[cold]
    fn push_away(&mut self, parcel: Parcel, size: u64) {
        let Parcel { message, qos, retain, subscription_ids, .. } = parcel;
        self.spill(&Spilled { sequence: message.sequence(), qos, retain, subscription_ids, size });
    }

    /// Charges a parcel and makes it small.
    fn pack(&mut self, parcel: Parcel, size: u64) -> Entry {
        let ids = match (parcel.subscription_ids, parcel.share) {
            (SubscriptionIds::None, None) => 0,
            (SubscriptionIds::One(id), None) => id,
            (subscription_ids, share) => self.add_label(Label { subscription_ids, share }),
        };
        self.qos0 += u32::from(parcel.qos == Qos::AtMostOnce);
        let flags = parcel.qos.as_u8() | if parcel.retain { RETAIN } else { 0 };
        self.bytes += size;
        self.ready_bytes += size;
        Entry { message: parcel.message, flags, ids }
    }

    #[cold]
    fn add_label(&mut self, label: Label) -> u32 {
        let labels = self.labels.get_or_insert_default();
        labels.next = labels.next.wrapping_add(1) & !LABELLED;
        labels.all.insert(labels.next, label);
        labels.next | LABELLED
    }

    fn unpack(&mut self, entry: Entry) -> Parcel {
        let size = entry_size(&entry.message);
        self.bytes -= size;
        self.ready_bytes -= size;
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

/// What a waiting message of these parts is charged: its own bytes and its place in the queue.
#[must_use]
pub fn charge_of(parts: &MessageParts<'_>) -> u64 {
    (parts.size() + size_of::<Entry>()) as u64
}

/// The same for a message that there is.
fn entry_size(message: &Message) -> u64 {
    (message.size() + size_of::<Entry>()) as u64
}
