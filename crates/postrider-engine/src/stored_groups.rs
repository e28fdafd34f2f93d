//! Shared subscriptions in the log, where a recorded session is a member.
//!
//! Owns: what a group is owed and nobody has acknowledged. A message with QoS 1 stays the group's until then; one with
//! QoS 2 becomes the member's when it goes out. [4.8.2]

use crate::deliver::Delivery;
use crate::groups::Group;
use crate::log::Log;
use crate::pictures::Pictures;
use crate::records::coding::{put_number, put_text};
use crate::records::flows::{GroupPicture, GroupPiece, put_given, put_moved};
use crate::records::kind;
use crate::records::message::{MessageHead, put_message, put_target};
use crate::share::{LEFT, is_of};
use crate::stored::Stored;
use crate::{Effect, Engine, Tray, Urgency};
use postrider_proto::{PacketId, Qos};
use postrider_router::{FilterId, SessionKey};
use postrider_session::{Message, MessageParts, Mono, Now, Parcel, Sequence, Share, Spilled, charge_of};

/// What the log has of a group.
#[derive(Debug)]
pub(crate) struct StoredGroup {
    /// Its number: that of its record.
    pub(crate) number: u64,
    pub(crate) pictures: Pictures,
    /// The newest message that was given to a member. What is older and neither waits nor is with one is over.
    pub(crate) given_through: Sequence,
    pub(crate) is_dirty: bool,
}

impl StoredGroup {
    pub(crate) fn new(number: u64) -> Self {
        Self { number, pictures: Pictures::default(), given_through: Sequence::NONE, is_dirty: false }
    }
}

/// A record that says that a message left its group.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given {
    /// It ended there.
    Ended(Sequence),
    /// It is a recorded session's now, whose picture needs the record too.
    Moved(Sequence),
}

/// A message of a recorded group goes out to a member.
pub(crate) fn on_given(
    now: Mono,
    stored: Option<&mut Stored>,
    delivery: Delivery<'_>,
    packet_id: Option<PacketId>,
    sequence: Sequence,
    log: &mut Log,
    tray: &mut Tray,
) {
    if let Some(recording) = log.recording_of(sequence) {
        // The record says how it is from the beginning.
        match (delivery.qos, stored) {
            (Qos::AtLeastOnce, _) => recording.add_group(delivery),
            (Qos::ExactlyOnce, Some(stored)) => recording.add(stored, delivery, packet_id),
            (Qos::AtMostOnce | Qos::ExactlyOnce, _) => {}
        }
        return;
    }
    let group = delivery.group;
    match (delivery.qos, stored, packet_id) {
        (Qos::ExactlyOnce, Some(stored), Some(packet_id)) => {
            let terms = stored.terms(delivery.qos, delivery.retain, delivery.ids, packet_id);
            let write = |out: &mut Vec<u8>| put_moved(out, group, sequence, &terms);
            let step = log.append_essential(kind::MOVED, Urgency::Now, tray, write);
            log.set_holders(step, 2, tray);
            stored.pictures.pinned.push(step);
            stored.touch_flows(now, log);
            log.given.push(Given::Moved(step));
            tray.wait_for(step);
        }
        (Qos::ExactlyOnce, ..) => {
            let write = |out: &mut Vec<u8>| put_given(out, group, sequence);
            let step = log.append_essential(kind::GIVEN, Urgency::Now, tray, write);
            log.given.push(Given::Ended(step));
            log.let_go(sequence, tray);
            tray.wait_for(step);
        }
        (Qos::AtMostOnce, ..) => _ = log.let_go(sequence, tray),
        (Qos::AtLeastOnce, ..) => {}
    }
}

impl Engine {
    /// A recorded session is a member from now on: so is what its group is owed.
    pub(crate) fn store_group(&mut self, share: FilterId, key: SessionKey, tray: &mut Tray) {
        if !self.is_stored(key) || self.groups.get(share).is_some_and(|group| group.stored.is_some()) {
            return;
        }
        // What came before is not in the log as the group's, and ends with this process.
        self.unrecord(share);
        let (Some(log), Some(filter)) = (&mut self.log, self.router.text(share)) else { return };
        let write = |out: &mut Vec<u8>| put_text(out, filter.as_bytes());
        let number = log.append_essential(kind::GROUP, Urgency::Now, tray, write);
        tray.wait_for(number);
        self.groups.found(share).stored = Some(Box::new(StoredGroup::new(number.0)));
    }

    /// The number of a recorded group; 0 for another.
    pub(crate) fn group_number(&self, share: FilterId) -> u64 {
        if self.log.is_none() {
            return 0;
        }
        self.groups.get(share).and_then(|group| group.stored.as_ref()).map_or(0, |stored| stored.number)
    }

    /// Something has changed in what a recorded group is owed; `given` is the newest message that it gave away.
    pub(crate) fn touch_group(&mut self, now: Mono, share: FilterId, given: Sequence) {
        let Some(log) = &mut self.log else { return };
        let steps = core::mem::take(&mut log.given);
        let Some(stored) = self.groups.get_mut(share).and_then(|group| group.stored.as_mut()) else { return };
        for step in steps {
            match step {
                Given::Ended(step) => stored.pictures.steps.push(step),
                Given::Moved(step) => stored.pictures.pinned.push(step),
            }
        }
        stored.given_through = stored.given_through.max(given);
        if !core::mem::replace(&mut stored.is_dirty, true) {
            log.remember_group(share, now);
        }
    }

    /// A delivery through a group is over, or nobody will get it any more.
    pub(crate) fn finish_shared(&mut self, now: Mono, parcel: &Parcel, tray: &mut Tray) {
        let Some(through) = parcel.share.filter(|through| through.number != LEFT) else { return };
        self.finish_of_group(now, FilterId::from_bits(through.number), parcel, tray);
    }

    /// The same for what a group has in its queue.
    pub(crate) fn finish_of_group(&mut self, now: Mono, share: FilterId, parcel: &Parcel, tray: &mut Tray) {
        let is_held = parcel.message.qos() > Qos::AtMostOnce;
        let sequence = if is_held { parcel.message.sequence() } else { Sequence::NONE };
        if sequence.is_some() && self.group_number(share) != 0 {
            self.let_go(sequence, tray);
            self.touch_group(now, share, sequence);
        }
    }

    /// Writes a new picture of a group.
    pub(crate) fn store_picture(&mut self, share: FilterId, tray: &mut Tray) {
        let Some(number) = Some(self.group_number(share)).filter(|number| *number != 0) else { return };
        let members: Vec<SessionKey> = self.router.members(share).collect();
        let Some(group) = self.groups.get_mut(share) else { return };
        let Some(stored) = &mut group.stored else { return };
        let through = stored.given_through;
        let mut pieces: Vec<GroupPiece> = Vec::new();
        for flows in members.iter().filter_map(|key| self.sessions.get(*key)?.flows.as_ref()) {
            let in_flight = flows.outbound.unfinished().filter_map(|(.., parcel)| parcel);
            let in_flight = in_flight.filter(|parcel| is_of(parcel, share));
            pieces.extend(in_flight.filter_map(|parcel| piece(&parcel.message, parcel.share?.retain)));
            pieces.extend(flows.mailbox.shared(share.to_bits()).filter_map(|(message, retain)| piece(message, retain)));
        }
        let waiting = group.queue().waiting().filter(|delivery| delivery.sequence <= through);
        pieces.extend(waiting.map(|Spilled { sequence, qos, retain, size, .. }| GroupPiece {
            sequence,
            qos,
            retain,
            size,
        }));
        pieces.sort_unstable_by_key(|piece| piece.sequence);
        let picture = GroupPicture { group: number, through, pieces };
        let Some(group) = self.groups.get_mut(share) else { return };
        let (Some(log), Some(stored)) = (&mut self.log, &mut group.stored) else { return };
        let sequence = log.append_essential(kind::PICTURE, Urgency::Now, tray, |out| picture.put(out));
        stored.pictures.renew(sequence, log, tray);
        stored.is_dirty = false;
    }

    /// A recorded group has no member any more, and what waited for it waits for nobody.
    pub(crate) fn bury_group(&mut self, group: Group, tray: &mut Tray) {
        let (Some(log), Some(stored)) = (&mut self.log, group.stored) else { return };
        let gone = log.append_essential(kind::GONE, Urgency::Now, tray, |out| put_number(out, stored.number));
        tray.push(Effect::Release(Sequence(stored.number)));
        stored.pictures.end(log, tray);
        for (sequence, ..) in group.queue.recorded() {
            log.let_go(sequence, tray);
        }
        tray.push(Effect::Release(gone));
    }

    /// A message from before its group was recorded goes out to a recorded session with QoS 2. Behind a crash its
    /// identifier could mean another one, so the message is recorded, as the session's own. `None` if that is not so.
    pub(crate) fn record_late(
        &mut self,
        now: Now,
        key: SessionKey,
        delivery: Delivery<'_>,
        message: &Message,
        tray: &mut Tray,
    ) -> Option<Message> {
        let is_late = delivery.qos == Qos::ExactlyOnce && !message.sequence().is_some();
        let session = self.sessions.get(key).filter(|_| is_late && !message.is_expired(now.mono))?;
        let (Some(stored), Some(log)) = (&session.stored, &mut self.log) else { return None };
        let mut targets = Vec::new();
        put_target(&mut targets, stored.number, delivery.qos, delivery.retain, delivery.ids, None);
        let head = MessageHead { targets: &targets, ..MessageHead::default() };
        let write = |out: &mut Vec<u8>| put_message(out, now, &message.parts(), &head, 1);
        let sequence = log.append_essential(kind::MESSAGE, Urgency::Now, tray, write);
        Some(numbered(message, sequence))
    }

    /// What a group has given or has waiting is as if it stood in no record.
    fn unrecord(&mut self, share: FilterId) {
        let members: Vec<SessionKey> = self.router.members(share).collect();
        for key in members {
            let Some(flows) = self.sessions.get_mut(key).and_then(|session| session.flows.as_mut()) else { continue };
            for parcel in flows.outbound.parcels_mut().filter(|parcel| is_of(parcel, share)) {
                parcel.message = unrecorded(&parcel.message);
            }
            self.counters.queued_bytes -= flows.mailbox.bytes();
            flows.mailbox.alter_shared(share.to_bits(), unrecorded);
            self.counters.queued_bytes += flows.mailbox.bytes();
        }
        self.groups.with_queue(share, |queue| queue.alter(unrecorded));
    }

    /// A member leaves, and keeps what is on its way to it. [MQTT-3.10.4-3]
    pub(crate) fn keep_own(&mut self, now: Now, key: SessionKey, share: FilterId, tray: &mut Tray) {
        let number = self.group_number(share);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(flows) = &mut session.flows else { return };
        let mut given = Sequence::NONE;
        for parcel in flows.outbound.parcels_mut().filter(|parcel| is_of(parcel, share)) {
            let sequence = parcel.message.sequence();
            if number != 0 && session.stored.is_some() && sequence.is_some() {
                parcel.share = None;
                given = given.max(sequence);
                continue;
            }
            if number != 0
                && let Some(log) = &mut self.log
            {
                log.let_go(sequence, tray);
            }
            parcel.message = unrecorded(&parcel.message);
            parcel.share = parcel.share.map(|through| Share { number: LEFT, ..through });
        }
        session.touch_flows(now.mono, &mut self.log);
        if number != 0 {
            self.touch_group(now.mono, share, given);
        }
    }
}

fn piece(message: &Message, retain: bool) -> Option<GroupPiece> {
    let (sequence, qos, size) = (message.sequence(), message.qos(), charge_of(&message.parts()));
    (sequence.is_some() && qos > Qos::AtMostOnce).then_some(GroupPiece { sequence, qos, retain, size })
}

/// The same message, as if it stood in no record.
fn unrecorded(message: &Message) -> Message {
    if message.sequence().is_some() { numbered(message, Sequence::NONE) } else { message.clone() }
}

/// The same message, as if it stood in this record.
fn numbered(message: &Message, sequence: Sequence) -> Message {
    let parts = MessageParts { sequence, ..message.parts() };
    message
        .shared_payload()
        .map_or_else(|| Message::new(&parts), |payload| Message::with_payload(&parts, payload.clone()))
}
