//! The record of a message, written while the message is delivered.
//!
//! Owns: which messages are recorded, and the list of recorded sessions that get one.

use crate::deliver::Delivery;
use crate::fanout::Tally;
use crate::leave::is_ours;
use crate::outgoing::Outgoing;
use crate::publish::{Incoming, Owed};
use crate::records::kind;
use crate::records::message::{MessageHead, put_message, put_target};
use crate::stored::Stored;
use crate::{Effect, Engine, Importance, LinkId, Tray, Urgency};
use postrider_proto::{PacketId, Publish, Qos, ReasonCode, Topic};
use postrider_router::{FilterId, Hit, Matches, SessionKey};
use postrider_session::{Now, Sequence};

/// A record that has its number and not yet its bytes.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) sequence: Sequence,
    /// Where in the tray it is appended.
    effect: usize,
    /// As it was published.
    qos: Qos,
    retain: bool,
    targets: Vec<u8>,
    count: u32,
    /// Who will need the record.
    pub(crate) holders: u32,
    /// Groups that can go on when the record is written.
    pub(crate) hands_out: Vec<FilterId>,
}

impl Recording {
    /// A recorded session gets the message, at once under an identifier or later.
    pub(crate) fn add(&mut self, stored: &Stored, delivery: Delivery<'_>, sent: Option<PacketId>) {
        put_target(&mut self.targets, stored.number, delivery.qos, delivery.retain, delivery.ids, sent);
        self.count += 1;
        self.holders += 1;
    }

    /// A recorded group gets the message.
    pub(crate) fn add_group(&mut self, delivery: Delivery<'_>) {
        put_target(&mut self.targets, delivery.group, self.qos, self.retain, &[], None);
        self.count += 1;
        self.holders += 1;
    }
}

/// What the log has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoomFor {
    It,
    /// The packet waits.
    NothingYet,
    /// The packet is refused.
    Nothing,
}

impl Engine {
    /// Whether a message stands in the log: it is retained, or a recorded session gets it with QoS 1 or 2.
    fn is_recorded(&self, topic: Topic<'_>, retain: bool, qos: Qos, matches: &Matches) -> bool {
        let Some(log) = &self.log else { return false };
        if retain && !is_ours(topic) {
            return true;
        }
        if log.sessions == 0 || qos == Qos::AtMostOnce || is_ours(topic) {
            return false;
        }
        matches.hits().iter().any(|hit| self.is_recorded_for(hit))
            || matches.shares().iter().any(|share| self.group_number(*share) != 0)
    }

    /// The same for a message that is not published yet.
    pub(crate) fn would_be_recorded(&mut self, incoming: &Incoming<'_>) -> bool {
        if self.log.is_none() {
            return false;
        }
        let matches = self.match_up(incoming.parts.topic, incoming.publisher);
        let is_recorded = self.is_recorded(incoming.parts.topic, incoming.retain, incoming.parts.qos, &matches);
        self.matches = Some(matches);
        is_recorded
    }

    #[inline]
    pub(crate) fn is_stored(&self, key: SessionKey) -> bool {
        self.log.is_some() && self.sessions.get(key).is_some_and(|session| session.stored.is_some())
    }

    /// Whether a delivery stands in the record of its message; one with QoS 0 is made like any other.
    #[inline]
    pub(crate) fn is_recorded_for(&self, hit: &Hit) -> bool {
        hit.qos > Qos::AtMostOnce && self.is_stored(hit.session)
    }

    /// A PUBLISH for whose record there may be no room, if it needs one.
    #[cold]
    pub(crate) fn find_room(&mut self, link: LinkId, publish: &Publish<'_>) -> RoomFor {
        let matches = self.match_up(publish.topic, self.links.session_of(link));
        let is_recorded = self.is_recorded(publish.topic, publish.retain, publish.qos, &matches);
        self.matches = Some(matches);
        let is_told =
            self.online_of(link).is_some_and(|online| online.version.is_v5()) || publish.qos == Qos::AtMostOnce;
        let Some(log) = self.log.as_mut().filter(|_| is_recorded) else { return RoomFor::It };
        if log.is_full() && is_told {
            return RoomFor::Nothing;
        }
        log.hold(link);
        RoomFor::NothingYet
    }

    /// Retains a message, and brings it to the recorded sessions while its record is written.
    #[cold]
    pub(crate) fn record(
        &mut self,
        now: Now,
        incoming: &Incoming<'_>,
        outgoing: &mut Outgoing<'_>,
        matches: &Matches,
        owed: Option<Owed>,
        tray: &mut Tray,
    ) -> Tally {
        let mut tally = Tally::default();
        let is_recorded = self.is_recorded(incoming.parts.topic, incoming.retain, incoming.parts.qos, matches);
        if is_recorded {
            self.begin_recording(incoming, outgoing, tray);
        } else {
            if let Some((key, packet_id)) = owed.and_then(|owed| owed.admitted(incoming.publisher))
                && let Some(stored) = self.sessions.get_mut(key).and_then(|session| session.stored.as_mut())
                && let Some(log) = &mut self.log
            {
                // Nobody has seen it before its identifier is known: it might come again.
                stored.admit(now.mono, packet_id, ReasonCode::Success, log, tray);
            }
            // Whoever gets it later than now waits for the same.
            outgoing.see_after(tray.waits_for());
        }
        if incoming.retain {
            self.retain(now, incoming, outgoing, tray);
        }
        if outgoing.is_recorded() {
            let before = self.counters.deliveries_sent;
            for hit in matches.hits() {
                if self.is_recorded_for(hit) {
                    tally.add(self.deliver(now, hit, matches, outgoing, tray));
                }
            }
            self.count_payloads(before, outgoing);
            self.share_out(now, incoming, matches.shares(), outgoing, &mut tally, tray);
        }
        if is_recorded {
            self.end_recording(now, incoming, outgoing, owed, tray);
        }
        tally
    }

    /// Gives the record of a message its number. Its bytes follow with [`Engine::end_recording`].
    fn begin_recording(&mut self, incoming: &Incoming<'_>, outgoing: &mut Outgoing<'_>, tray: &mut Tray) {
        let Some(log) = &mut self.log else { return };
        // A will is published once.
        let is_waited_for = incoming.parts.qos > Qos::AtMostOnce || incoming.will.is_some();
        let urgency = if is_waited_for { Urgency::Now } else { Urgency::Lazy };
        let kind = match (incoming.retain, incoming.parts.payload.is_empty()) {
            (false, _) => kind::MESSAGE,
            (true, false) => kind::RETAINED,
            (true, true) => kind::CLEARED,
        };
        // What has no publisher who could wait is written all the same.
        let importance = if incoming.publisher.is_some() { Importance::Ordinary } else { Importance::Essential };
        let sequence = log.append(kind, urgency, importance, tray, |_| ());
        let effect = tray.effects.len() - 1;
        let (qos, retain) = (incoming.parts.qos, incoming.retain);
        log.recording = Some(Recording {
            sequence,
            effect,
            qos,
            retain,
            targets: Vec::new(),
            count: 0,
            holders: 0,
            hands_out: Vec::new(),
        });
        if is_waited_for {
            tray.wait_for(sequence);
        }
        outgoing.set_sequence(sequence, tray.waits_for());
    }

    /// Everybody of whom the record speaks has the message.
    fn end_recording(
        &mut self,
        now: Now,
        incoming: &Incoming<'_>,
        outgoing: &Outgoing<'_>,
        owed: Option<Owed>,
        tray: &mut Tray,
    ) {
        let mut admitted = None;
        if let Some((key, packet_id)) = owed.and_then(|owed| owed.admitted(incoming.publisher))
            && let Some(stored) = self.sessions.get_mut(key).and_then(|session| session.stored.as_mut())
        {
            stored.is_admission_open = false;
            stored.pictures.pinned.push(outgoing.sequence());
            admitted = Some((stored.number, packet_id));
        }
        let Some(log) = &mut self.log else { return };
        let Some(mut recording) = log.recording.take() else { return };
        recording.holders += u32::from(admitted.is_some());
        recording.holders += u32::from(incoming.retain && !incoming.parts.payload.is_empty());
        let head = MessageHead {
            admitted,
            will: incoming.will,
            author: incoming.author.filter(|_| incoming.retain).map(|author| &**author),
            since: (incoming.retain && !incoming.parts.payload.is_empty()).then_some(now.wall),
            targets: &recording.targets,
        };
        let start = tray.mark();
        put_message(&mut tray.bytes, now, &incoming.parts, &head, recording.count);
        let end = tray.mark();
        log.take_room(u64::from(end - start));
        if let Some(Effect::Append { range, .. }) = tray.effects.get_mut(recording.effect) {
            *range = start..end;
        }
        log.set_holders(recording.sequence, recording.holders, tray);
        for share in recording.hands_out {
            self.hand_out(now, share, tray);
        }
    }
}
