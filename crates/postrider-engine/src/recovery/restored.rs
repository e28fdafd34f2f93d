//! A session as the records say it was.

use crate::pictures::Pictures;
use crate::records::flows::{FlowsRecord, GroupPicture, GroupPiece, InFlight};
use crate::records::session::{ReplayState, SessionRecord};
use postrider_proto::PacketId;
use postrider_router::Grant;
use postrider_session::flow::{Awaits, Inbound, Outbound};
use postrider_session::{Mailbox, Message, Parcel, Sequence, Spilled, SubscriptionIds};
use std::collections::{BTreeMap, BTreeSet};

/// A session that is being put together.
#[derive(Debug)]
pub(super) struct Restored {
    /// Without one, the session has ended and others are still owed what it was owed.
    pub(super) record: Option<SessionRecord>,
    /// Its record has a will that was published, as another record says.
    pub(super) is_will_out: bool,
    /// It is no session but a shared subscription, to this.
    pub(super) share: Option<Box<[u8]>>,
    /// Where that stands.
    pub(super) sequence: Sequence,
    pub(super) pictures: Pictures,
    pub(super) subscriptions: BTreeMap<Box<[u8]>, (Sequence, Grant, ReplayState)>,
    pub(super) mailbox: Mailbox,
    /// The newest message that left the mailbox.
    pub(super) sent_through: Sequence,
    /// With the order in which they were sent.
    in_flight: BTreeMap<PacketId, (u64, InFlight)>,
    sent: u64,
    next_id: PacketId,
    pub(super) admitted: BTreeSet<PacketId>,
}

impl Default for Restored {
    fn default() -> Self {
        Self {
            record: None,
            is_will_out: false,
            share: None,
            sequence: Sequence::NONE,
            pictures: Pictures::default(),
            subscriptions: BTreeMap::new(),
            mailbox: Mailbox::new(),
            sent_through: Sequence::NONE,
            in_flight: BTreeMap::new(),
            sent: 0,
            next_id: PacketId::FIRST,
            admitted: BTreeSet::new(),
        }
    }
}

impl Restored {
    /// A message went out. An identifier that is used again was free.
    pub(super) fn send(&mut self, message: InFlight) {
        self.sent += 1;
        self.sent_through = self.sent_through.max(message.sequence);
        self.next_id = message.packet_id.next();
        self.in_flight.insert(message.packet_id, (self.sent, message));
    }

    /// A message that went out waits again: the next picture says so, as its own record says otherwise. The identifier is
    /// not given again soon.
    pub(super) fn take_back(&mut self, sequence: Sequence, packet_id: PacketId) {
        self.sent_through = self.sent_through.max(sequence);
        self.next_id = packet_id.next();
    }

    /// The will that a record has brought was published.
    pub(super) fn lose_will(&mut self, brought_by: Sequence) {
        let will = self.record.as_mut().and_then(|record| record.will.take_if(|will| will.brought_by == brought_by));
        self.is_will_out |= will.is_some();
    }

    /// The far end has a message.
    pub(super) fn receive(&mut self, number: u64, packet_id: PacketId) {
        let received = InFlight::received(number, packet_id);
        match self.in_flight.get_mut(&packet_id) {
            Some((_, message)) => *message = received,
            None => {
                self.sent += 1;
                self.in_flight.insert(packet_id, (self.sent, received));
            }
        }
    }

    /// The records of what waits or was sent, as far as is known.
    pub(super) fn owed(&self) -> impl Iterator<Item = Sequence> {
        let in_flight = self.in_flight.values().map(|(_, message)| message.sequence);
        let waiting = self.mailbox.recorded().map(|(sequence, ..)| sequence);
        waiting.chain(in_flight.filter(|sequence| sequence.is_some()))
    }

    /// Nothing that was said of its flows before counts any more.
    pub(super) fn picture(&mut self, sequence: Sequence, record: FlowsRecord) {
        self.pictures = Pictures { newest: sequence, ..Pictures::default() };
        self.sent_through = record.through;
        self.skip_to(record.waiting.into_iter());
        self.admitted = record.admitted.into_iter().collect();
        self.in_flight = record.in_flight.into_iter().map(|message| (message.packet_id, (0, message))).collect();
        self.sent = 0;
        self.next_id = record.next_id;
    }

    /// The same for a group.
    pub(super) fn group_picture(&mut self, sequence: Sequence, picture: &GroupPicture) {
        self.pictures = Pictures { newest: sequence, ..Pictures::default() };
        self.sent_through = picture.through;
        let piece = |piece: &GroupPiece| {
            let GroupPiece { sequence, qos, retain, size } = *piece;
            Spilled { sequence, qos, retain, subscription_ids: SubscriptionIds::None, size }
        };
        self.skip_to(picture.pieces.iter().map(piece));
    }

    /// Of what was recorded up to the newest message that left, only this waits.
    fn skip_to(&mut self, waiting: impl Iterator<Item = Spilled>) {
        self.mailbox.skip_through(self.sent_through);
        let newer = self.mailbox.take_away();
        waiting.chain(newer).for_each(|delivery| self.mailbox.spill(&delivery));
    }

    /// What waits by a picture alone may be gone: it was acknowledged. What waits by its own record is there.
    fn forget_waiting(&mut self, has: impl Fn(Sequence) -> bool) {
        let first = self.mailbox.recorded().next();
        // What a picture has stands in front, and is not newer than what had left the mailbox.
        if first.is_none_or(|(first, ..)| first > self.sent_through) {
            return;
        }
        let waiting = self.mailbox.take_away();
        waiting.iter().filter(|delivery| has(delivery.sequence)).for_each(|delivery| self.mailbox.spill(delivery));
    }

    /// Its halves of the flows, and the mailbox is as it will be. What is not in the log any more was acknowledged.
    pub(super) fn take_flows(&mut self, has: impl Fn(Sequence) -> bool) -> (Outbound<Parcel>, Inbound) {
        self.forget_waiting(&has);
        let mut in_flight: Vec<_> = core::mem::take(&mut self.in_flight).into_values().collect();
        in_flight.retain(|(_, message)| message.awaits == Awaits::Pubcomp || has(message.sequence));
        in_flight.sort_by_key(|(order, message)| (*order, steps_behind(self.next_id, message.packet_id)));
        let unfinished = in_flight.into_iter().map(|(_, message)| {
            let InFlight { packet_id, awaits, sequence, terms } = message;
            let parcel = (awaits != Awaits::Pubcomp).then(|| Parcel {
                message: Message::stub(sequence, terms.qos),
                qos: terms.qos,
                retain: terms.retain,
                subscription_ids: terms.ids,
                share: None,
            });
            (packet_id, awaits, parcel)
        });
        (Outbound::restored(self.next_id, unfinished.collect()), Inbound::restored(self.admitted.iter().copied()))
    }
}

/// The smaller, the longer ago an identifier was given.
fn steps_behind(next: PacketId, packet_id: PacketId) -> u16 {
    packet_id.as_u16().wrapping_sub(next.as_u16())
}
