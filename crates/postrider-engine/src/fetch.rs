//! Messages that are read back from the log.
//!
//! Owns: what is asked for and for whom; what cannot be read is counted as dropped.

use crate::log::Fetch;
use crate::records::message::read_back;
use crate::{Effect, Engine, LoadedRecord, Tray};
use postrider_ports::{DropReason, Ticket};
use postrider_router::{FilterId, SessionKey};
use postrider_session::flow::Awaits;
use postrider_session::{Message, Now, Sequence};
use std::collections::BTreeMap;

/// Read for one session at a time.
const FETCHED_MAX: usize = 256;
const FETCHED_BYTES: u64 = 128 * 1024;

impl Engine {
    /// Asks for what comes next, when nothing that waits for a session is in memory.
    #[cold]
    pub(crate) fn fetch_next(&mut self, key: SessionKey, tray: &mut Tray) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let (Some(stored), Some(flows)) = (&session.stored, &mut session.flows) else { return };
        if stored.awaits_in_flight || session.online.is_none() {
            return;
        }
        let sequences = flows.mailbox.next_fetch(FETCHED_MAX, FETCHED_BYTES);
        if !sequences.is_empty() {
            self.fetch(key, sequences, tray);
        }
    }

    /// Asks for what was in flight when the log was last opened; nothing goes out before it. [MQTT-4.4.0-1]
    pub(crate) fn fetch_in_flight(&mut self, key: SessionKey, tray: &mut Tray) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let (Some(stored), Some(flows)) = (&mut session.stored, &session.flows) else { return };
        let parcels = flows.outbound.unfinished().filter_map(|(.., parcel)| parcel);
        let stubs = parcels.filter(|parcel| parcel.message.is_stub()).map(|parcel| parcel.message.sequence());
        let sequences: Vec<Sequence> = stubs.collect();
        if !sequences.is_empty() {
            stored.awaits_in_flight = true;
            self.fetch(key, sequences, tray);
        }
    }

    fn fetch(&mut self, key: SessionKey, sequences: Vec<Sequence>, tray: &mut Tray) {
        let ticket = self.next_ticket();
        let Some(stored) = self.sessions.get_mut(key).and_then(|session| session.stored.as_mut()) else { return };
        stored.fetch = Some(ticket);
        if let Some(log) = &mut self.log {
            log.fetches.insert(ticket, Fetch::Session(key, stored.number));
        }
        tray.push(Effect::Load { ticket, sequences: sequences.into() });
    }

    /// What was asked for is here.
    pub(crate) fn on_loaded(&mut self, now: Now, ticket: Ticket, records: Vec<LoadedRecord>, tray: &mut Tray) {
        let Some(fetch) = self.log.as_mut().and_then(|log| log.fetches.remove(&ticket)) else { return };
        let message =
            |record: LoadedRecord| Some((record.sequence, read_back(&record.payload?, record.sequence, now).ok()?));
        let messages: BTreeMap<Sequence, Message> = records.into_iter().filter_map(message).collect();
        match fetch {
            Fetch::Session(key, number) => self.on_session_loaded(now, (key, number), ticket, &messages, tray),
            Fetch::Group(share, number) => self.on_group_loaded(now, (share, number), ticket, &messages, tray),
        }
    }

    fn on_session_loaded(
        &mut self,
        now: Now,
        (key, number): (SessionKey, u64),
        ticket: Ticket,
        messages: &BTreeMap<Sequence, Message>,
        tray: &mut Tray,
    ) {
        let stored = self.sessions.get_mut(key).and_then(|session| session.stored.as_mut());
        let Some(stored) = stored.filter(|stored| stored.number == number) else { return };
        if stored.fetch != Some(ticket) {
            return;
        }
        stored.fetch = None;
        let was_in_flight = core::mem::take(&mut stored.awaits_in_flight);
        if was_in_flight {
            self.complete_in_flight(now, key, messages, tray);
        } else {
            self.complete_mailbox(now, key, messages, tray);
        }
        self.pump(now, key, tray);
    }

    /// Asks for what a group gives out next, when nothing of it is in memory and somebody is there.
    pub(crate) fn fetch_for_group(&mut self, share: FilterId, tray: &mut Tray) {
        let number = self.group_number(share);
        if number == 0 || !self.groups.get(share).is_some_and(|group| group.is_attended()) {
            return;
        }
        let sequences = self.groups.with_queue(share, |queue| queue.next_fetch(FETCHED_MAX, FETCHED_BYTES));
        let Some(sequences) = sequences.filter(|sequences| !sequences.is_empty()) else { return };
        let ticket = self.next_ticket();
        if let (Some(log), Some(group)) = (&mut self.log, self.groups.get_mut(share)) {
            group.fetch = Some(ticket);
            log.fetches.insert(ticket, Fetch::Group(share, number));
            tray.push(Effect::Load { ticket, sequences: sequences.into() });
        }
    }

    fn on_group_loaded(
        &mut self,
        now: Now,
        (share, number): (FilterId, u64),
        ticket: Ticket,
        messages: &BTreeMap<Sequence, Message>,
        tray: &mut Tray,
    ) {
        if self.group_number(share) != number {
            return;
        }
        let Some(group) = self.groups.get_mut(share) else { return };
        if group.fetch.take_if(|fetch| *fetch == ticket).is_none() {
            return;
        }
        let find = |sequence: Sequence| messages.get(&sequence).cloned();
        let lost = self.groups.with_queue(share, |queue| queue.fetched(find)).unwrap_or_default();
        self.counters.deliveries_queued -= lost.len() as u64;
        for sequence in lost {
            self.let_go(sequence, tray);
            self.drop_of_group(share, DropReason::Unreadable, 1, tray);
        }
        self.hand_out(now, share, tray);
    }

    fn complete_mailbox(&mut self, now: Now, key: SessionKey, messages: &BTreeMap<Sequence, Message>, tray: &mut Tray) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(flows) = &mut session.flows else { return };
        let before = flows.mailbox.bytes();
        let lost = flows.mailbox.fetched(|sequence| messages.get(&sequence).cloned());
        self.counters.queued_bytes = self.counters.queued_bytes - before + flows.mailbox.bytes();
        self.counters.deliveries_queued -= lost.len() as u64;
        session.touch_flows(now.mono, &mut self.log);
        for sequence in lost {
            self.let_go(sequence, tray);
            self.drop_delivery(key, DropReason::Unreadable, 1, tray);
        }
    }

    fn complete_in_flight(
        &mut self,
        now: Now,
        key: SessionKey,
        messages: &BTreeMap<Sequence, Message>,
        tray: &mut Tray,
    ) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(flows) = &mut session.flows else { return };
        for parcel in flows.outbound.parcels_mut().filter(|parcel| parcel.message.is_stub()) {
            if let Some(message) = messages.get(&parcel.message.sequence()) {
                parcel.message = message.clone();
            }
        }
        let lost: Vec<_> = flows
            .outbound
            .unfinished()
            .filter_map(|(packet_id, awaits, parcel)| Some((packet_id, awaits, parcel?)))
            .filter(|(.., parcel)| parcel.message.is_stub())
            .map(|(packet_id, awaits, parcel)| (packet_id, awaits, parcel.message.sequence()))
            .collect();
        for (packet_id, awaits, _) in &lost {
            match awaits {
                Awaits::Puback => drop(flows.outbound.on_puback(*packet_id)),
                Awaits::Pubrec | Awaits::Pubcomp => drop(flows.outbound.on_pubrec(*packet_id, true)),
            }
        }
        session.touch_flows(now.mono, &mut self.log);
        for (.., sequence) in lost {
            // It was counted as sent.
            self.counters.deliveries_sent -= 1;
            self.repeats.sent += 1;
            self.let_go(sequence, tray);
            self.drop_delivery(key, DropReason::Unreadable, 1, tray);
        }
    }
}
