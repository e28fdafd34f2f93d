//! An engine from the records of a log.
//!
//! Owns: what each record means for those before it. A record may speak of others that are gone by now.

mod concerned;
mod finish;
mod restored;

use crate::records::flows::{
    FlowsRecord, GroupPicture, InFlight, read_given, read_group, read_moved, read_number, read_sent, read_step,
};
use crate::records::kind;
use crate::records::message::MessageRecord;
use crate::records::session::{SessionRecord, SubscriptionRecord, read_unsubscribed};
use crate::{Engine, Limits, RecordError, Seeds};
pub use concerned::{Concerned, LostRecord, Nameless, Owed};
use postrider_ports::PartitionId;
use postrider_proto::{Properties, Qos};
use postrider_session::{Message, MessageParts, Now, Sequence, Spilled, charge_of};
use restored::Restored;
use std::collections::BTreeMap;

/// An engine that is being made from a log, record by record in the order of their numbers.
#[derive(Debug)]
pub struct Recovery {
    engine: Engine,
    seeds: Seeds,
    now: Now,
    /// By number.
    sessions: BTreeMap<u64, Restored>,
    /// Whose will a record brought.
    wills: BTreeMap<Sequence, u64>,
    /// Messages that are retained no more, and the records that say so.
    unretained: BTreeMap<Sequence, Sequence>,
    /// Records that made their message a retained one.
    retained: Vec<Sequence>,
    /// Every record, in ascending order.
    seen: Vec<Sequence>,
    purpose: Purpose,
}

/// What becomes of it all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Serving,
    /// Of what is retained only the topic and the record are remembered.
    Reading,
}

impl Recovery {
    /// Begins with nothing. `now` is when the process started.
    #[must_use]
    pub fn new(limits: Limits, partition: PartitionId, seeds: Seeds, now: Now) -> Self {
        Self {
            engine: Engine::new(limits, partition, seeds),
            seeds,
            now,
            sessions: BTreeMap::new(),
            wills: BTreeMap::new(),
            unretained: BTreeMap::new(),
            retained: Vec::new(),
            seen: Vec::new(),
            purpose: Purpose::Serving,
        }
    }

    /// Begins with nothing, to see what the log says. Time stands still, and payloads stay in the log.
    #[must_use]
    pub fn to_be_read(limits: Limits, seeds: Seeds) -> Self {
        Self { purpose: Purpose::Reading, ..Self::new(limits, PartitionId(0), seeds, Now::default()) }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// The record is not what it should be. Nothing has changed.
    pub fn replay(&mut self, sequence: Sequence, kind: u8, payload: &[u8]) -> Result<(), RecordError> {
        if self.seen.last().is_some_and(|last| *last >= sequence) {
            return Err(RecordError { what: "its number does not follow those before" });
        }
        match kind {
            kind::SESSION => self.on_session(sequence, SessionRecord::read(payload)?),
            kind::GONE => {
                let number = read_number(payload)?;
                self.sessions.remove(&number);
            }
            kind::SUBSCRIPTION => {
                let record = SubscriptionRecord::read(payload)?;
                let filter = record.filter.as_bytes().into();
                let subscription = (sequence, record.grant, record.replay);
                self.session(record.session).subscriptions.insert(filter, subscription);
            }
            kind::UNSUBSCRIBED => {
                let (number, filter) = read_unsubscribed(payload)?;
                self.session(number).subscriptions.remove(filter.as_bytes());
            }
            kind::MESSAGE | kind::RETAINED | kind::CLEARED => {
                self.on_message(sequence, kind, MessageRecord::read(payload, sequence, self.now)?)?;
            }
            kind::GROUP => {
                let filter = read_group(payload)?.as_bytes().into();
                let group = self.session(sequence.0);
                (group.share, group.sequence) = (Some(filter), sequence);
            }
            kind::UNRETAINED => _ = self.unretained.insert(Sequence(read_number(payload)?), sequence),
            _ => self.on_flow(sequence, kind, payload)?,
        }
        self.seen.push(sequence);
        Ok(())
    }

    /// How many sessions and retained messages there are so far.
    #[must_use]
    pub fn found(&self) -> (usize, usize) {
        (self.sessions.len(), self.engine.retained.len())
    }

    /// A session that a record speaks of. Its own record may follow: the older one is gone when a newer one is there.
    fn session(&mut self, number: u64) -> &mut Restored {
        self.sessions.entry(number).or_default()
    }

    fn on_session(&mut self, sequence: Sequence, record: SessionRecord) {
        if let Some(will) = &record.will {
            self.wills.insert(will.brought_by, record.number);
        }
        let session = self.session(record.number);
        (session.record, session.sequence, session.is_will_out) = (Some(record), sequence, false);
    }

    fn on_message(&mut self, sequence: Sequence, kind: u8, record: MessageRecord<'_>) -> Result<(), RecordError> {
        let size = charge_of(&record.parts);
        // What is owed with QoS 0 does not outlive the process; a record can have it for a group.
        for target in record.targets.into_iter().filter(|target| target.qos > Qos::AtMostOnce) {
            let session = self.session(target.session);
            // It went out at once, so what waits here had gone out before it, under identifiers that are not on
            // record. With QoS 1 it goes out again behind that; with QoS 2 it has to keep its identifier.
            let is_behind = target.qos == Qos::AtLeastOnce && !session.mailbox.is_empty();
            match target.sent {
                Some(packet_id) if is_behind => session.take_back(sequence, packet_id),
                Some(_) => {
                    session.send(InFlight::sent(sequence, target)?);
                    continue;
                }
                None => {}
            }
            let (qos, retain, subscription_ids) = (target.qos, target.retain, target.ids);
            session.mailbox.spill(&Spilled { sequence, qos, retain, subscription_ids, size });
        }
        if let Some((number, packet_id)) = record.admitted {
            let session = self.session(number);
            session.admitted.insert(packet_id);
            session.pictures.pinned.push(sequence);
        }
        if let Some(number) = self.wills.get(&record.will).copied() {
            self.session(number).lose_will(record.will);
        }
        match kind {
            kind::RETAINED => {
                self.retained.push(sequence);
                let (parts, author) = match self.purpose {
                    Purpose::Serving => (record.parts, record.author),
                    Purpose::Reading => {
                        let (payload, properties) = (&[][..], Properties::NONE);
                        (MessageParts { payload, properties, ..record.parts }, None)
                    }
                };
                self.engine.restore_retained(self.now, Message::new(&parts), author, record.since);
            }
            kind::CLEARED => self.engine.forget_retained(record.parts.topic, &mut crate::Tray::new()),
            _ => {}
        }
        Ok(())
    }

    /// What is about the flows of one session.
    fn on_flow(&mut self, sequence: Sequence, kind: u8, payload: &[u8]) -> Result<(), RecordError> {
        match kind {
            kind::FLOWS => {
                let record = FlowsRecord::read(payload)?;
                self.session(record.session).picture(sequence, record);
            }
            kind::SENT => {
                let sent = read_sent(payload)?;
                let session = self.session(sent.terms.session);
                session.mailbox.skip(sent.sequence);
                session.pictures.steps.push(sequence);
                session.send(sent);
            }
            kind::RECEIVED | kind::RELEASED | kind::ADMITTED => {
                let (number, packet_id) = read_step(payload)?;
                let session = self.session(number);
                session.pictures.steps.push(sequence);
                match kind {
                    kind::RECEIVED => session.receive(number, packet_id),
                    kind::RELEASED => _ = session.admitted.remove(&packet_id),
                    _ => _ = session.admitted.insert(packet_id),
                }
            }
            kind::PICTURE => {
                let picture = GroupPicture::read(payload)?;
                self.session(picture.group).group_picture(sequence, &picture);
            }
            kind::MOVED => {
                let (group, sent) = read_moved(payload)?;
                let from = self.session(group);
                from.mailbox.skip(sent.sequence);
                from.sent_through = from.sent_through.max(sent.sequence);
                from.pictures.pinned.push(sequence);
                let session = self.session(sent.terms.session);
                session.pictures.pinned.push(sequence);
                session.send(sent);
            }
            kind::GIVEN => {
                let (group, given) = read_given(payload)?;
                let group = self.session(group);
                group.mailbox.skip(given);
                group.sent_through = group.sent_through.max(given);
                group.pictures.steps.push(sequence);
            }
            _ => return Err(RecordError { what: "its kind is unknown" }),
        }
        Ok(())
    }
}
