//! The sending half: packet identifiers, what each waits for, and what goes out again after a reconnect.
//!
//! Owns: the identifiers in flight. They are given out in order, so the flow is a ring whose index is the
//! distance from its oldest identifier; every operation is O(1).
//! Spec: 2.2.1, 4.3, 4.4, 4.9.

use super::weights::Weights;
use postrider_proto::{PacketId, Qos};
use std::collections::{BTreeMap, VecDeque};

/// Messages above QoS 0 on their way to the far end, and the requests that share their identifiers. `T` is
/// whatever the owner needs to send a message again.
#[derive(Clone, Debug)]
pub struct Outbound<T> {
    /// `ring[i]` belongs to the identifier `i` steps after `first`.
    ring: VecDeque<Slot<T>>,
    first: PacketId,
    /// Unacknowledged messages that the ring has left behind; rare.
    stragglers: BTreeMap<u16, Slot<T>>,
    /// PUBLISH packets of this connection that are not acknowledged to their end.
    unacknowledged: u32,
    /// The far end's Receive Maximum on this connection.
    receive_maximum: u16,
    /// How many may be unacknowledged now: that, or none as long as what is on its way weighs too much.
    window: u16,
    /// What the messages of this connection weigh, if anybody says so.
    weights: Option<Box<Weights>>,
    /// Ring index up to which everything was sent on this connection.
    sent_until: usize,
    /// Stragglers from this identifier on wait to be sent again; above 65,535 none do.
    stragglers_from: u32,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    stage: Stage,
    /// Sent on this connection, so that its end gives quota back.
    counted: bool,
    parcel: Option<T>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Free,
    AwaitPuback,
    AwaitPubrec,
    AwaitPubcomp,
    /// SUBSCRIBE or UNSUBSCRIBE: takes no quota and ends with its connection.
    AwaitAnswer,
}

/// What an unfinished message waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// QoS 1.
    Puback,
    /// QoS 2, until the far end has it.
    Pubrec,
    /// QoS 2, from then on.
    Pubcomp,
}

/// What a PUBREC means for the flow.
#[derive(Debug, PartialEq, Eq)]
pub enum Pubrec<T> {
    /// Send PUBREL. The parcel comes with the first PUBREC and is no longer needed for sending.
    Release(Option<T>),
    /// It was refused and is over. [MQTT-4.4.0-2]
    Refused(Option<T>),
    /// No such identifier: answer PUBREL with 0x92.
    Unknown,
}

/// What goes out again on a new connection. [MQTT-4.4.0-1]
#[derive(Debug, PartialEq, Eq)]
pub enum Resend<'a, T> {
    /// PUBLISH with DUP set.
    Publish(PacketId, Qos, &'a T),
    /// PUBREL; the PUBLISH must not go out again. [MQTT-4.3.3-6]
    Pubrel(PacketId),
}

/// All identifiers but 0 and the one that would make the ring meet itself.
const SPAN_MAX: usize = u16::MAX as usize - 1;
const ALL_SENT: u32 = u32::MAX;

impl<T> Default for Outbound<T> {
    fn default() -> Self {
        Self {
            ring: VecDeque::new(),
            first: PacketId::FIRST,
            stragglers: BTreeMap::new(),
            unacknowledged: 0,
            receive_maximum: u16::MAX,
            window: u16::MAX,
            weights: None,
            sent_until: 0,
            stragglers_from: ALL_SENT,
        }
    }
}

impl<T> Outbound<T> {
    /// A flow as another one was, without a connection: its unfinished messages in the order they were begun, and the
    /// identifier that would have been next.
    #[must_use]
    pub fn restored(next: PacketId, unfinished: Vec<(PacketId, Awaits, Option<T>)>) -> Self {
        let mut flow = Self { first: next, ..Self::default() };
        let distance = |packet_id: PacketId| {
            let (next, number) = (usize::from(next.as_u16()), usize::from(packet_id.as_u16()));
            if next > number { next - number } else { next + usize::from(u16::MAX) - number }
        };
        let span = unfinished.iter().map(|(packet_id, ..)| distance(*packet_id)).filter(|steps| *steps <= SPAN_MAX);
        let span = span.max().unwrap_or(0);
        flow.ring.resize_with(span, || Slot { stage: Stage::Free, counted: false, parcel: None });
        let cycle = usize::from(u16::MAX);
        flow.first = flow.id_at(cycle - span);
        for (packet_id, awaits, parcel) in unfinished {
            let stage = match awaits {
                Awaits::Puback => Stage::AwaitPuback,
                Awaits::Pubrec => Stage::AwaitPubrec,
                Awaits::Pubcomp => Stage::AwaitPubcomp,
            };
            let slot = Slot { stage, counted: false, parcel };
            match flow.ring.get_mut(span.wrapping_sub(distance(packet_id))) {
                Some(place) => *place = slot,
                None => _ = flow.stragglers.insert(packet_id.as_u16(), slot),
            }
        }
        flow
    }

    /// Every unfinished message, oldest first.
    pub fn unfinished(&self) -> impl Iterator<Item = (PacketId, Awaits, Option<&T>)> {
        let stragglers = self.stragglers.iter().filter_map(|(number, slot)| Some((PacketId::new(*number)?, slot)));
        let ring = self.ring.iter().enumerate().map(|(at, slot)| (self.id_at(at), slot));
        stragglers.chain(ring).filter_map(|(packet_id, slot)| {
            let awaits = match slot.stage {
                Stage::AwaitPuback => Awaits::Puback,
                Stage::AwaitPubrec => Awaits::Pubrec,
                Stage::AwaitPubcomp => Awaits::Pubcomp,
                Stage::Free | Stage::AwaitAnswer => return None,
            };
            Some((packet_id, awaits, slot.parcel.as_ref()))
        })
    }

    /// The identifier of the next new message, unless it is still in use then.
    #[must_use]
    pub fn next_id(&self) -> PacketId {
        self.after_last()
    }

    /// A new connection with the far end's Receive Maximum: quota anew, everything unfinished is to be
    /// sent again through [`Outbound::next_resend`]. Requests of the old connection are forgotten. [4.9]
    pub fn connect(&mut self, receive_maximum: u16) {
        self.forget_requests();
        self.receive_maximum = receive_maximum.max(1);
        self.window = self.receive_maximum;
        self.weights = None;
        self.unacknowledged = 0;
        self.sent_until = 0;
        self.stragglers_from = if self.stragglers.is_empty() { ALL_SENT } else { 0 };
        for slot in self.ring.iter_mut().chain(self.stragglers.values_mut()) {
            slot.counted = false;
        }
    }

    /// Whether a new message may be sent now. [MQTT-4.9.0-2]
    #[inline]
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.unacknowledged < u32::from(self.window) && self.is_all_sent()
    }

    /// Whether [`Outbound::begin_request`] may be called: nothing waits to be sent again.
    #[inline]
    #[must_use]
    pub fn is_all_sent(&self) -> bool {
        self.sent_until == self.ring.len() && self.stragglers_from == ALL_SENT && self.stragglers.len() < SPAN_MAX
    }

    /// How many new messages may be sent now. [MQTT-4.9.0-1]
    #[must_use]
    pub fn quota(&self) -> u32 {
        if self.is_open() { u32::from(self.window) - self.unacknowledged } else { 0 }
    }

    /// Takes a new message with QoS 1 or 2 and gives its identifier. [MQTT-4.3.2-1], [MQTT-4.3.3-1]
    ///
    /// Callers look at [`Outbound::is_open`] first.
    pub fn begin(&mut self, qos: Qos, parcel: Option<T>) -> PacketId {
        debug_assert!(self.is_open(), "begin on a closed flow");
        let stage = if qos == Qos::ExactlyOnce { Stage::AwaitPubrec } else { Stage::AwaitPuback };
        self.unacknowledged += 1;
        self.push(Slot { stage, counted: true, parcel })
    }

    /// A message of this connection weighs so many bytes, of which there may be `bytes_max`. One that passes that goes,
    /// and no other until there are fewer.
    #[cold]
    pub fn weigh(&mut self, packet_id: PacketId, bytes: u32, bytes_max: u64) {
        let weights = self.weights.get_or_insert_default();
        weights.put(packet_id, bytes, bytes_max);
        self.window = if weights.is_full() { 0 } else { self.receive_maximum };
    }

    /// What was weighed and is not acknowledged to its end.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.weights.as_ref().map_or(0, |weights| weights.bytes())
    }

    /// Whether what is weighed is on its way, and the sum is right.
    #[must_use]
    pub fn is_weighed_well(&self) -> bool {
        let Some(weights) = &self.weights else { return true };
        weights.check() && weights.len() == self.iter().filter(|(packet_id, _)| weights.has(*packet_id)).count()
    }

    /// Gives the identifier of a SUBSCRIBE or UNSUBSCRIBE, in use until it is answered. [MQTT-2.2.1-3]
    ///
    /// Callers look at [`Outbound::is_all_sent`] first.
    pub fn begin_request(&mut self) -> PacketId {
        debug_assert!(self.is_all_sent(), "a request before everything was sent again");
        self.push(Slot { stage: Stage::AwaitAnswer, counted: false, parcel: None })
    }

    /// A SUBACK or UNSUBACK came. False for an unknown identifier. [MQTT-2.2.1-6]
    pub fn on_answer(&mut self, packet_id: PacketId) -> bool {
        let is_known = self.slot(packet_id).is_some_and(|slot| slot.stage == Stage::AwaitAnswer);
        if is_known {
            self.free(packet_id);
        }
        is_known
    }

    /// A PUBACK came, whatever its reason: the message is over. `None` for an unknown identifier.
    /// [MQTT-4.3.2-3], [MQTT-4.4.0-2]
    #[inline]
    pub fn on_puback(&mut self, packet_id: PacketId) -> Option<Option<T>> {
        match self.slot(packet_id)?.stage {
            Stage::AwaitPuback => Some(self.free(packet_id)),
            Stage::Free | Stage::AwaitPubrec | Stage::AwaitPubcomp | Stage::AwaitAnswer => None,
        }
    }

    /// A PUBREC came; `refused` when its reason is 0x80 or more. [MQTT-4.3.3-4]
    pub fn on_pubrec(&mut self, packet_id: PacketId, refused: bool) -> Pubrec<T> {
        let Some(slot) = self.slot(packet_id) else { return Pubrec::Unknown };
        match slot.stage {
            Stage::AwaitPubrec if refused => Pubrec::Refused(self.free(packet_id)),
            Stage::AwaitPubrec => {
                slot.stage = Stage::AwaitPubcomp;
                Pubrec::Release(slot.parcel.take())
            }
            Stage::AwaitPubcomp => Pubrec::Release(None),
            Stage::Free | Stage::AwaitPuback | Stage::AwaitAnswer => Pubrec::Unknown,
        }
    }

    /// A PUBCOMP came: the message is over. False for an unknown identifier. [MQTT-4.3.3-5]
    pub fn on_pubcomp(&mut self, packet_id: PacketId) -> bool {
        match self.slot(packet_id).map(|slot| slot.stage) {
            Some(Stage::AwaitPubcomp) => {
                self.free(packet_id);
                true
            }
            Some(Stage::Free | Stage::AwaitPuback | Stage::AwaitPubrec | Stage::AwaitAnswer) | None => false,
        }
    }

    /// The next thing to send again on this connection, oldest first; `None` when there is nothing or no
    /// quota for it. [MQTT-4.4.0-1], [MQTT-4.6.0-1]
    pub fn next_resend(&mut self) -> Option<Resend<'_, T>> {
        let quota = self.unacknowledged < u32::from(self.window);
        let from = u16::try_from(self.stragglers_from).ok();
        let straggler = from.and_then(|from| self.stragglers.range(from..).next().map(|(number, _)| *number));
        if let Some(packet_id) = straggler.and_then(PacketId::new) {
            let slot = self.stragglers.get_mut(&packet_id.as_u16())?;
            let found = resend(packet_id, slot, quota, &mut self.unacknowledged);
            if found.is_some() {
                self.stragglers_from = u32::from(packet_id.as_u16()) + 1;
            }
            return found;
        }
        self.stragglers_from = ALL_SENT;
        while let Some(slot) = self.ring.get(self.sent_until) {
            if slot.stage != Stage::Free {
                break;
            }
            self.sent_until += 1;
        }
        let at = self.sent_until;
        let packet_id = self.id_at(at);
        let slot = self.ring.get_mut(at)?;
        let found = resend(packet_id, slot, quota, &mut self.unacknowledged);
        if found.is_some() {
            self.sent_until += 1;
        }
        found
    }

    /// Takes back the messages with QoS 1 that `goes` names, oldest first; their identifiers are free. For a flow
    /// without a connection. One with QoS 2 may have arrived and stays. [MQTT-4.8.2-4]
    pub fn take_back(&mut self, goes: impl Fn(&T) -> bool) -> Vec<T> {
        let goes = |slot: &Slot<T>| slot.stage == Stage::AwaitPuback && slot.parcel.as_ref().is_some_and(&goes);
        let stragglers = self.stragglers.iter().filter(|(_, slot)| goes(slot)).map(|(number, _)| *number);
        let ring = (0..).zip(&self.ring).filter(|(_, slot)| goes(slot)).map(|(at, _)| self.id_at(at).as_u16());
        let ids: Vec<_> = stragglers.chain(ring).filter_map(PacketId::new).collect();
        ids.into_iter().filter_map(|packet_id| self.free(packet_id)).collect()
    }

    /// Every message that is kept, to be looked at or altered.
    pub fn parcels_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.stragglers.values_mut().chain(&mut self.ring).filter_map(|slot| slot.parcel.as_mut())
    }

    /// How many identifiers are in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.iter().filter(|slot| slot.stage != Stage::Free).count() + self.stragglers.len()
    }

    /// True when no identifier is in use.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty() && self.stragglers.is_empty()
    }

    /// How many PUBLISH packets of this connection are unacknowledged, never above the Receive Maximum.
    #[must_use]
    pub fn unacknowledged(&self) -> u32 {
        self.unacknowledged
    }

    /// Every identifier in use, oldest first, with what is left of its message.
    pub fn iter(&self) -> impl Iterator<Item = (PacketId, Option<&T>)> {
        let stragglers = self.stragglers.iter().filter_map(|(number, slot)| Some((PacketId::new(*number)?, slot)));
        let ring = self.ring.iter().enumerate().map(|(at, slot)| (self.id_at(at), slot));
        stragglers
            .chain(ring.filter(|(_, slot)| slot.stage != Stage::Free))
            .map(|(packet_id, slot)| (packet_id, slot.parcel.as_ref()))
    }

    /// Bytes of memory beyond the struct itself and the parcels' own.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        (self.ring.capacity() + self.stragglers.len()) * size_of::<Slot<T>>()
    }

    fn slot(&mut self, packet_id: PacketId) -> Option<&mut Slot<T>> {
        let at = self.index_of(packet_id);
        if at < self.ring.len() {
            return self.ring.get_mut(at);
        }
        self.stragglers.get_mut(&packet_id.as_u16())
    }

    /// Puts a new slot at the end of the ring.
    fn push(&mut self, slot: Slot<T>) -> PacketId {
        if self.ring.is_empty() {
            self.sent_until = 0;
        }
        self.make_room();
        let packet_id = self.after_last();
        self.ring.push_back(slot);
        self.sent_until = self.ring.len();
        packet_id
    }

    fn forget_requests(&mut self) {
        self.stragglers.retain(|_, slot| slot.stage != Stage::AwaitAnswer);
        for slot in &mut self.ring {
            if slot.stage == Stage::AwaitAnswer {
                slot.stage = Stage::Free;
            }
        }
        self.shrink();
    }

    /// Ends a message; the ring gives up what is free at its old end.
    fn free(&mut self, packet_id: PacketId) -> Option<T> {
        if self.weights.is_some() {
            self.lighten(packet_id);
        }
        let at = self.index_of(packet_id);
        if at >= self.ring.len() {
            let slot = self.stragglers.remove(&packet_id.as_u16())?;
            self.unacknowledged -= u32::from(slot.counted);
            return slot.parcel;
        }
        let slot = self.ring.get_mut(at)?;
        slot.stage = Stage::Free;
        let parcel = slot.parcel.take();
        self.unacknowledged -= u32::from(core::mem::take(&mut slot.counted));
        self.shrink();
        parcel
    }

    #[cold]
    fn lighten(&mut self, packet_id: PacketId) {
        let Some(weights) = &mut self.weights else { return };
        weights.take(packet_id);
        self.window = if weights.is_full() { 0 } else { self.receive_maximum };
    }

    fn shrink(&mut self) {
        while self.ring.front().is_some_and(|slot| slot.stage == Stage::Free) {
            self.ring.pop_front();
            self.first = self.first.next();
            self.sent_until = self.sent_until.saturating_sub(1);
        }
    }

    /// Before the ring meets itself, its oldest message is set aside; identifiers of those set aside are
    /// passed over.
    fn make_room(&mut self) {
        while self.ring.len() >= SPAN_MAX || self.stragglers.contains_key(&self.after_last().as_u16()) {
            if self.ring.len() >= SPAN_MAX {
                let number = self.first.as_u16();
                if let Some(slot) = self.ring.pop_front().filter(|slot| slot.stage != Stage::Free) {
                    self.stragglers.insert(number, slot);
                }
                self.first = self.first.next();
            } else {
                self.ring.push_back(Slot { stage: Stage::Free, counted: false, parcel: None });
            }
            self.sent_until = self.ring.len();
        }
    }

    fn after_last(&self) -> PacketId {
        self.id_at(self.ring.len())
    }

    /// The identifier `at` steps after `first`, 0 left out.
    fn id_at(&self, at: usize) -> PacketId {
        let number = (usize::from(self.first.as_u16()) - 1 + at) % usize::from(u16::MAX) + 1;
        u16::try_from(number).ok().and_then(PacketId::new).unwrap_or(PacketId::FIRST)
    }

    /// How many steps `packet_id` stands after `first`, 0 left out.
    fn index_of(&self, packet_id: PacketId) -> usize {
        let (first, number) = (usize::from(self.first.as_u16()), usize::from(packet_id.as_u16()));
        if number >= first { number - first } else { number + usize::from(u16::MAX) - first }
    }
}

fn resend<'a, T>(
    packet_id: PacketId,
    slot: &'a mut Slot<T>,
    quota: bool,
    unacknowledged: &mut u32,
) -> Option<Resend<'a, T>> {
    let qos = match slot.stage {
        Stage::Free | Stage::AwaitAnswer => return None,
        // PUBREL takes no quota. [MQTT-3.3.4-10]
        Stage::AwaitPubcomp => return Some(Resend::Pubrel(packet_id)),
        Stage::AwaitPuback => Qos::AtLeastOnce,
        Stage::AwaitPubrec => Qos::ExactlyOnce,
    };
    if !quota {
        return None;
    }
    let parcel = slot.parcel.as_ref()?;
    slot.counted = true;
    *unacknowledged += 1;
    Some(Resend::Publish(packet_id, qos, parcel))
}
