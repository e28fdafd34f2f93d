//! Sessions in the log.
//!
//! Owns: the records that stand for a session. Each newer picture of a session makes the older one and the steps
//! between them superfluous.

use crate::log::Log;
use crate::pictures::Pictures;
use crate::records::flows::{FlowsRecord, InFlight, put_sent, put_step};
use crate::records::message::Target;
use crate::records::session::{ReplayState, SessionRecord, SubscriptionRecord, WillRecord, put_unsubscribed};
use crate::records::{coding::put_number, kind};
use crate::sessions::{Flows, Session};
use crate::{Effect, Engine, Tray, Urgency};
use postrider_ports::Ticket;
use postrider_proto::{Filter, PacketId, Qos};
use postrider_router::{FilterId, Grant, SessionKey};
use postrider_session::flow::Awaits;
use postrider_session::{Mono, Now, Parcel, Sequence, SubscriptionIds, Wall};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the log has of a session that outlives its connection.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Its number: that of its first record.
    pub(crate) number: u64,
    pub(crate) key: SessionKey,
    /// Its newest record.
    pub(crate) session: Sequence,
    /// Of its flows.
    pub(crate) pictures: Pictures,
    /// By filter.
    pub(crate) subscriptions: BTreeMap<u32, Sequence>,
    /// The newest message that left its mailbox. What is older and neither waits nor is in flight is over.
    pub(crate) sent_through: Sequence,
    /// What its record says of how it ends.
    pub(crate) written: Written,
    /// Since when it has no connection.
    pub(crate) away_since: Option<Wall>,
    /// The name of the listener that its client came through last.
    pub(crate) listener: Option<Arc<str>>,
    pub(crate) is_session_dirty: bool,
    pub(crate) is_flows_dirty: bool,
    /// The last QoS 2 message that came stands in no record yet.
    pub(crate) is_admission_open: bool,
    /// What is being read for it.
    pub(crate) fetch: Option<Ticket>,
    /// What was in flight is being read, and nothing goes out before it.
    pub(crate) awaits_in_flight: bool,
}

/// What a client may want to have changed before the next loss of power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) expiry_s: u32,
    pub(crate) has_will: bool,
}

impl Stored {
    pub(crate) fn new(number: u64, key: SessionKey) -> Self {
        Self {
            number,
            key,
            session: Sequence::NONE,
            pictures: Pictures::default(),
            subscriptions: BTreeMap::new(),
            sent_through: Sequence::NONE,
            written: Written::default(),
            away_since: None,
            listener: None,
            is_session_dirty: false,
            is_flows_dirty: false,
            is_admission_open: false,
            fetch: None,
            awaits_in_flight: false,
        }
    }

    /// Its flows have changed in a way that may be forgotten for a moment.
    #[cold]
    pub(crate) fn touch_flows(&mut self, now: Mono, log: &mut Log) {
        let was_dirty = self.is_dirty();
        self.is_flows_dirty = true;
        if !was_dirty {
            log.remember(self.key, now);
        }
    }

    pub(crate) fn touch_session(&mut self, now: Mono, log: &mut Log) {
        let was_dirty = self.is_dirty();
        self.is_session_dirty = true;
        if !was_dirty {
            log.remember(self.key, now);
        }
    }

    /// A message has left the mailbox, or never was in it.
    pub(crate) fn pass(&mut self, sequence: Sequence) {
        self.sent_through = self.sent_through.max(sequence);
    }

    const fn is_dirty(&self) -> bool {
        self.is_session_dirty || self.is_flows_dirty
    }

    /// A step that must be durable before what follows from it is seen.
    #[cold]
    pub(crate) fn step(&mut self, kind: u8, packet_id: PacketId, now: Mono, log: &mut Log, tray: &mut Tray) {
        let number = self.number;
        let step = log.append_essential(kind, Urgency::Now, tray, |out| put_step(out, number, packet_id));
        self.pictures.steps.push(step);
        self.touch_flows(now, log);
        tray.wait_for(step);
    }

    /// A recorded message goes out under an identifier. With QoS 2 that is durable first.
    pub(crate) fn on_sent(&mut self, now: Mono, sequence: Sequence, terms: Target, log: &mut Log, tray: &mut Tray) {
        self.touch_flows(now, log);
        if terms.qos == Qos::ExactlyOnce {
            let step = log.append_essential(kind::SENT, Urgency::Now, tray, |out| put_sent(out, sequence, &terms));
            self.pictures.steps.push(step);
            tray.wait_for(step);
        }
    }

    /// How it would deliver something.
    pub(crate) fn terms(&self, qos: Qos, retain: bool, ids: &[u32], sent: PacketId) -> Target {
        Target { session: self.number, qos, retain, ids: SubscriptionIds::of(ids), sent: Some(sent) }
    }

    fn picture(&self, flows: Option<&Flows>) -> FlowsRecord {
        let through = self.sent_through;
        let behind = flows.into_iter().flat_map(|flows| flows.mailbox.waiting());
        let waiting = behind.take_while(|delivery| delivery.sequence <= through).collect();
        let outbound = flows.map(|flows| &flows.outbound);
        let next_id = outbound.map_or(PacketId::FIRST, |outbound| outbound.next_id());
        let mut admitted: Vec<_> = flows.iter().flat_map(|flows| flows.inbound.identifiers()).collect();
        admitted.sort_unstable();
        let in_flight = outbound.into_iter().flat_map(|outbound| outbound.unfinished());
        let in_flight = in_flight.filter_map(|(packet_id, awaits, parcel)| match (awaits, parcel) {
            (Awaits::Pubcomp, _) => Some(InFlight::received(self.number, packet_id)),
            (_, Some(parcel)) => self.in_flight(packet_id, awaits, parcel),
            (Awaits::Puback | Awaits::Pubrec, None) => None,
        });
        FlowsRecord { session: self.number, through, next_id, admitted, waiting, in_flight: in_flight.collect() }
    }

    fn in_flight(&self, packet_id: PacketId, awaits: Awaits, parcel: &Parcel) -> Option<InFlight> {
        let sequence = parcel.recorded();
        let terms = self.terms(parcel.qos, parcel.retain, parcel.subscription_ids.as_slice(), packet_id);
        sequence.is_some().then_some(InFlight { packet_id, awaits, sequence, terms })
    }
}

impl Session {
    /// Its flows have changed, if it is recorded.
    #[inline]
    pub(crate) fn touch_flows(&mut self, now: Mono, log: &mut Option<Box<Log>>) {
        if let (Some(stored), Some(log)) = (&mut self.stored, log) {
            stored.touch_flows(now, log);
        }
    }

    fn record(&self, stored: &Stored, sequence: Sequence) -> SessionRecord {
        let will = self.will.as_ref().map(|will| WillRecord {
            brought_by: if will.brought_by.is_some() { will.brought_by } else { sequence },
            message: will.message.clone(),
            retain: will.retain,
            expiry_s: will.expiry_s,
            delay_s: will.delay_s,
        });
        SessionRecord {
            number: stored.number,
            subject: (*self.subject).clone(),
            expiry_s: self.expiry_s,
            away_since: stored.away_since,
            listener: stored.listener.clone(),
            will,
        }
    }
}

impl Engine {
    /// Writes the record of a session; the first one, if it has none.
    #[cold]
    pub(crate) fn store_session(&mut self, key: SessionKey, urgency: Urgency, tray: &mut Tray) {
        let (Some(log), Some(session)) = (&mut self.log, self.sessions.get_mut(key)) else { return };
        let sequence = log.last.next();
        let mut stored = session.stored.take().unwrap_or_else(|| {
            log.sessions += 1;
            Box::new(Stored::new(sequence.0, key))
        });
        if let Some(online) = &session.online {
            stored.listener = self.limits.at(online.listener).and_then(|own| own.name.clone());
        }
        let record = session.record(&stored, sequence);
        if let Some(will) = &mut session.will
            && !will.brought_by.is_some()
        {
            will.brought_by = sequence;
        }
        log.append_essential(kind::SESSION, urgency, tray, |out| record.put(out));
        if stored.session.is_some() {
            tray.push(Effect::Release(stored.session));
        }
        stored.session = sequence;
        stored.is_session_dirty = false;
        stored.written = Written { expiry_s: session.expiry_s, has_will: session.will.is_some() };
        session.stored = Some(stored);
    }

    /// A client is in: what CONNACK says is durable first. `before` was the last record when it came.
    #[cold]
    pub(crate) fn store_accepted(&mut self, key: SessionKey, before: Sequence, tray: &mut Tray) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Some(stored) = &mut session.stored {
            stored.away_since = None;
        }
        if self.is_to_be_stored(key) {
            self.store_session(key, Urgency::Now, tray);
        }
        if self.last_record() > before {
            // What it was told when it left, and that it is here.
            tray.wait_for(self.last_record());
        }
    }

    /// A session has lost its connection and goes on without.
    #[cold]
    pub(crate) fn store_parted(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        let (Some(log), Some(session)) = (&mut self.log, self.sessions.get_mut(key)) else { return };
        let has = Written { expiry_s: session.expiry_s, has_will: session.will.is_some() };
        let Some(stored) = &mut session.stored else { return };
        stored.away_since = Some(now.wall);
        stored.touch_session(now.mono, log);
        if stored.written != has {
            self.store_session(key, Urgency::Now, tray);
        }
    }

    /// Writes a new picture of a session's flows.
    #[cold]
    pub(crate) fn store_flows(&mut self, key: SessionKey, tray: &mut Tray) {
        let (Some(log), Some(session)) = (&mut self.log, self.sessions.get_mut(key)) else { return };
        let Some(stored) = &mut session.stored else { return };
        let picture = stored.picture(session.flows.as_deref());
        let sequence = log.append_essential(kind::FLOWS, Urgency::Now, tray, |out| picture.put(out));
        stored.pictures.renew(sequence, log, tray);
        stored.is_flows_dirty = false;
    }

    /// A recorded session subscribes.
    #[cold]
    pub(crate) fn store_subscription(
        &mut self,
        key: SessionKey,
        id: FilterId,
        grant: Grant,
        replay: ReplayState,
        tray: &mut Tray,
    ) {
        let (Some(log), Some(filter)) = (&mut self.log, self.router.text(id)) else { return };
        let Some(stored) = self.sessions.get_mut(key).and_then(|session| session.stored.as_mut()) else { return };
        let record = SubscriptionRecord { session: stored.number, filter, grant, replay };
        let sequence = log.append_essential(kind::SUBSCRIPTION, Urgency::Now, tray, |out| record.put(out));
        tray.wait_for(sequence);
        if let Some(old) = stored.subscriptions.insert(id.to_bits(), sequence) {
            tray.push(Effect::Release(old));
        }
    }

    /// A recorded session unsubscribes.
    #[cold]
    pub(crate) fn store_unsubscribed(&mut self, key: SessionKey, id: FilterId, filter: &[u8], tray: &mut Tray) {
        let Some(log) = &mut self.log else { return };
        let Some(stored) = self.sessions.get_mut(key).and_then(|session| session.stored.as_mut()) else { return };
        let Some(gone) = stored.subscriptions.remove(&id.to_bits()) else { return };
        let number = stored.number;
        let sequence =
            log.append_essential(kind::UNSUBSCRIBED, Urgency::Now, tray, |out| put_unsubscribed(out, number, filter));
        tray.wait_for(sequence);
        tray.push(Effect::Release(gone));
        tray.push(Effect::Release(sequence));
    }

    /// All that was retained for a subscription has been sent.
    pub(crate) fn store_replayed(&mut self, key: SessionKey, filter: Filter<'_>, tray: &mut Tray) {
        if !self.is_stored(key) {
            return;
        }
        let Some(id) = self.router.find(filter.as_bytes()) else { return };
        if let Some(grant) = self.router.grant(id, key) {
            self.store_subscription(key, id, grant, ReplayState::Done, tray);
        }
    }

    /// A recorded session has ended, and nobody is owed anything through it.
    #[cold]
    pub(crate) fn store_gone(&mut self, stored: Stored, session: &Session, tray: &mut Tray) {
        let Some(log) = &mut self.log else { return };
        log.sessions -= 1;
        let gone = log.append_essential(kind::GONE, Urgency::Now, tray, |out| put_number(out, stored.number));
        log.gone.insert(session.subject.client_id.clone(), gone);
        for record in stored.subscriptions.into_values().chain([stored.session]) {
            tray.push(Effect::Release(record));
        }
        stored.pictures.end(log, tray);
        if let Some(flows) = &session.flows {
            let in_flight = flows.outbound.unfinished().filter_map(|(.., parcel)| Some(parcel?.recorded()));
            let waiting = flows.mailbox.recorded().map(|(sequence, ..)| sequence);
            for sequence in in_flight.chain(waiting) {
                log.let_go(sequence, tray);
            }
        }
        tray.push(Effect::Release(gone));
    }
}
