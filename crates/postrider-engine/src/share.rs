//! Messages through shared subscriptions: each to one member, and to another when that one leaves.
//!
//! Owns: what goes out at once, what waits, what is taken back.
//! Spec: 4.8.2.

use crate::deliver::{Delivered, Delivery};
use crate::fanout::Tally;
use crate::groups::{Choice, Group};
use crate::outgoing::Outgoing;
use crate::publish::Incoming;
use crate::{Engine, ShareStrategy, Tray};
use foldhash::fast::FixedState;
use postrider_ports::{DropReason, Event};
use postrider_proto::Qos;
use postrider_router::{FilterId, SessionKey};
use postrider_session::{Now, Offered, Overflow, Parcel, SubscriptionIds};
use std::hash::BuildHasher;

/// Stands for a group that the session is not in any more.
pub(crate) const LEFT: u32 = u32::MAX;

impl Engine {
    /// One copy to each shared subscription that matched. [4.8.2]
    pub(crate) fn share_out(
        &mut self,
        now: Now,
        incoming: &Incoming<'_>,
        shares: &[FilterId],
        outgoing: &mut Outgoing<'_>,
        tally: &mut Tally,
        tray: &mut Tray,
    ) {
        // Whoever published it; what has no client goes by its topic.
        let author = self.author_of(incoming).map(|author| author.as_str().as_bytes());
        let source = self.source(author.unwrap_or(incoming.parts.topic.as_bytes()));
        for share in shares {
            self.counters.deliveries_owed += 1;
            // What waits goes first. [MQTT-4.6.0-5]
            let delivered = if self.groups.get(*share).is_some_and(|group| group.queue().is_empty()) {
                self.give(now, *share, source, outgoing, tray)
            } else {
                None
            };
            tally.add(delivered.unwrap_or_else(|| self.queue_for_group(now, *share, outgoing, tray)));
        }
    }

    /// What [`ShareStrategy::Hash`] chooses by; the others do not look at it.
    fn source(&self, name: &[u8]) -> u64 {
        match self.limits.share_strategy {
            ShareStrategy::Hash => FixedState::default().hash_one(name),
            ShareStrategy::RoundRobin
            | ShareStrategy::Random
            | ShareStrategy::Sticky
            | ShareStrategy::LeastInFlight => 0,
        }
    }

    /// The shared subscriptions that a session is a member of.
    fn shares_of(&self, key: SessionKey) -> Vec<FilterId> {
        let flows = self.sessions.get(key).and_then(|session| session.flows.as_ref());
        flows.map(|flows| flows.shares.clone()).unwrap_or_default()
    }

    /// Brings a message to a member; `None` when it has to wait for one.
    fn give(
        &mut self,
        now: Now,
        share: FilterId,
        source: u64,
        outgoing: &mut Outgoing<'_>,
        tray: &mut Tray,
    ) -> Option<Delivered> {
        let group = self.groups.get_mut(share)?;
        let choice =
            group.choose(self.limits.share_strategy, source, outgoing.qos(), &self.sessions, &mut self.entropy);
        let (Choice::Send(key) | Choice::Keep(key)) = choice else { return None };
        let group = self.group_number(share);
        let hit = self.router.member(share, key)?;
        let identifier = hit.first_identifier();
        let delivery = Delivery {
            qos: hit.qos.min(outgoing.qos()),
            retain: outgoing.retain() && hit.retain_as_published,
            ids: identifier.as_slice(),
            share: Some(share),
            group,
        };
        if matches!(choice, Choice::Keep(_)) {
            let delivered = self.keep(now, key, delivery, outgoing, tray);
            self.touch_group(now.mono, share, outgoing.sequence());
            return Some(delivered);
        }
        if delivery.qos == Qos::ExactlyOnce && group != 0 && !outgoing.sequence().is_some() {
            let parcel = delivery.parcel(outgoing);
            self.send_parcel(now, key, &parcel, tray);
            return Some(Delivered::Taken);
        }
        let before = self.counters.deliveries_sent;
        let is_recording = self.log.as_mut().is_some_and(|log| log.recording_of(outgoing.sequence()).is_some());
        if !self.send_now(now, key, delivery, outgoing, tray) && group != 0 && outgoing.is_held() && !is_recording {
            self.let_go(outgoing.sequence(), tray);
        }
        self.count_payloads(before, outgoing);
        self.touch_group(now.mono, share, outgoing.sequence());
        Some(Delivered::Taken)
    }

    /// Nobody can take it now.
    fn queue_for_group(
        &mut self,
        now: Now,
        share: FilterId,
        outgoing: &mut Outgoing<'_>,
        tray: &mut Tray,
    ) -> Delivered {
        let Some(group) = self.groups.get(share) else { return Delivered::Taken };
        if outgoing.is_ours() && !group.is_attended() {
            // As in [`Engine::deliver`].
            self.counters.deliveries_owed -= 1;
            return Delivered::Taken;
        }
        if outgoing.qos() == Qos::AtMostOnce && !group.is_attended() {
            self.drop_of_group(share, DropReason::Offline, 1, tray);
            return Delivered::Taken;
        }
        if outgoing.qos() == Qos::AtMostOnce && self.is_pressed() {
            self.drop_of_group(share, DropReason::Memory, 1, tray);
            return Delivered::Taken;
        }
        let (mut bounds, retain, qos) = (self.mailbox_bounds(), outgoing.retain(), outgoing.qos());
        let group = self.group_number(share);
        if group == 0 {
            // Nobody would read it back.
            bounds.memory_bytes_max = u64::MAX;
        }
        let message = outgoing.message().clone();
        let parcel = Parcel { message, qos, retain, subscription_ids: SubscriptionIds::None, share: None };
        let offered = self.groups.with_queue(share, |queue| queue.offer(now.mono, parcel, &bounds));
        let (is_kept, gone) = offered.map_or((false, Vec::new()), Offered::into_parts);
        if is_kept
            && group != 0
            && outgoing.is_held()
            && let Some(recording) = self.log.as_mut().and_then(|log| log.recording_of(outgoing.sequence()))
        {
            recording.add_group(Delivery { qos, retain, ids: &[], share: Some(share), group });
        }
        for parcel in &gone {
            self.finish_of_group(now.mono, share, parcel, tray);
        }
        self.counters.deliveries_queued += u64::from(is_kept);
        self.counters.deliveries_queued -= gone.len() as u64;
        let expired = gone.iter().filter(|parcel| parcel.message.is_expired(now.mono)).count() as u64;
        self.drop_of_group(share, DropReason::Expired, expired, tray);
        self.drop_of_group(share, DropReason::MailboxFull, gone.len() as u64 - expired + u64::from(!is_kept), tray);
        if !gone.is_empty() {
            // Another message is the first one now, and it may be one that a member can take.
            match self.log.as_mut().and_then(|log| log.recording.as_mut()) {
                Some(recording) => recording.hands_out.push(share),
                None => self.hand_out(now, share, tray),
            }
        }
        if is_kept || bounds.overflow != Overflow::Reject { Delivered::Taken } else { Delivered::Rejected }
    }

    /// Hands out what waits, as far as members can take it.
    pub(crate) fn hand_out(&mut self, now: Now, share: FilterId, tray: &mut Tray) {
        // Who published them is not known any more; their topic keeps those of one kind together.
        while let Some(parcel) = self.next_of_group(share) {
            let source = self.source(parcel.message.topic().as_bytes());
            let mut outgoing = Outgoing::of_message(&parcel.message, parcel.retain);
            self.counters.deliveries_queued -= 1;
            if parcel.message.is_expired(now.mono) {
                self.finish_of_group(now.mono, share, &parcel, tray);
                self.drop_of_group(share, DropReason::Expired, 1, tray);
            } else if self.give(now, share, source, &mut outgoing, tray).is_none() {
                self.counters.deliveries_queued += 1;
                self.groups.with_queue(share, |queue| queue.put_back(vec![parcel]));
                return;
            }
        }
        self.fetch_for_group(share, tray);
    }

    fn next_of_group(&mut self, share: FilterId) -> Option<Parcel> {
        if !self.groups.get(share)?.is_attended() {
            return None;
        }
        self.groups.with_queue(share, |queue| queue.pop())?
    }

    /// A session has room: it takes what waits for its groups.
    #[cold]
    pub(crate) fn pull_shared(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        for share in self.shares_of(key) {
            self.hand_out(now, share, tray);
        }
    }

    /// A session subscribed to a shared subscription, perhaps again.
    pub(crate) fn join(&mut self, now: Now, share: FilterId, key: SessionKey, tray: &mut Tray) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let flows = session.flows_mut();
        if !flows.shares.contains(&share) {
            flows.shares.push(share);
            self.counters.shared_subscriptions += 1;
        }
        self.store_group(share, key, tray);
        self.arrive(now, share, key, tray);
    }

    /// A member is there to take messages.
    fn arrive(&mut self, now: Now, share: FilterId, key: SessionKey, tray: &mut Tray) {
        let was_attended = self.groups.found(share).is_attended();
        if !was_attended {
            let away: Vec<_> = self.router.members(share).filter(|other| *other != key).collect();
            away.into_iter().for_each(|other| self.take_back(other, share));
        }
        self.groups.found(share).arrive(key);
        self.hand_out(now, share, tray);
    }

    /// A member is connected again.
    pub(crate) fn return_to_groups(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        for share in self.shares_of(key) {
            self.arrive(now, share, key, tray);
        }
    }

    /// A member lost its connection: what it has not acknowledged goes to another, if one is there.
    pub(crate) fn part_from_groups(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        for share in self.shares_of(key) {
            let Some(group) = self.groups.get_mut(share) else { continue };
            group.leave(key);
            if group.is_attended() {
                self.take_back(key, share);
                self.hand_out(now, share, tray);
                continue;
            }
            // What waits for it alone waits for whoever comes first.
            let waiting = self.take_waiting(key, share);
            self.return_to_group(share, waiting);
            let gone = self.groups.with_queue(share, |queue| queue.take_qos0().len() as u64).unwrap_or(0);
            self.counters.deliveries_queued -= gone;
            self.drop_of_group(share, DropReason::Offline, gone, tray);
        }
    }

    /// The session ends: others get what it has not acknowledged. Gives the groups of which it was the last member, as
    /// [`Engine::leave_group`] does.
    pub(crate) fn bequeath(&mut self, now: Now, key: SessionKey, tray: &mut Tray) -> Vec<Group> {
        let mut over = Vec::new();
        for share in self.shares_of(key) {
            self.router.remove(share, key);
            self.take_back(key, share);
            over.extend(self.leave_group(now, share, key, tray));
        }
        over
    }

    /// A session ends its membership. What is on its way to it by now is finished with it. [MQTT-3.10.4-3]
    ///
    /// A group without members is over, and is to be buried behind the record that says that its last member left: a
    /// crash between the two must not leave the member without what waited.
    pub(crate) fn leave_group(&mut self, now: Now, share: FilterId, key: SessionKey, tray: &mut Tray) -> Option<Group> {
        let group = self.groups.get_mut(share)?;
        group.leave(key);
        let waiting = self.take_waiting(key, share);
        if let Some(flows) = self.sessions.get_mut(key).and_then(|session| session.flows.as_mut()) {
            let memberships = flows.shares.len() as u64;
            flows.shares.retain(|other| *other != share);
            self.counters.shared_subscriptions -= memberships - flows.shares.len() as u64;
        }
        self.keep_own(now, key, share, tray);
        self.return_to_group(share, waiting);
        if self.router.members(share).next().is_some() {
            self.hand_out(now, share, tray);
            return None;
        }
        let group = self.groups.dissolve(share)?;
        let gone = group.queue().len() as u64;
        self.counters.deliveries_queued -= gone;
        self.counters.drops.add(DropReason::SessionEnded, gone);
        Some(*group)
    }

    /// Takes back what a member has not acknowledged and what waits for it. A message with QoS 2 that has gone
    /// out stays and ends with its session. [MQTT-4.8.2-4], [MQTT-4.8.2-5]
    pub(crate) fn take_back(&mut self, key: SessionKey, share: FilterId) {
        let Some(flows) = self.sessions.get_mut(key).and_then(|session| session.flows.as_mut()) else { return };
        let mut taken = flows.outbound.take_back(|parcel: &Parcel| is_of(parcel, share));
        // They were counted as sent, and will be again.
        self.counters.deliveries_sent -= taken.len() as u64;
        self.repeats.sent += taken.len() as u64;
        self.counters.deliveries_queued += taken.len() as u64;
        taken.append(&mut self.take_waiting(key, share));
        self.return_to_group(share, taken);
    }

    /// What waits in a member's mailbox for it alone.
    fn take_waiting(&mut self, key: SessionKey, share: FilterId) -> Vec<Parcel> {
        let flows = self.sessions.get_mut(key).and_then(|session| session.flows.as_mut());
        let Some(flows) = flows else { return Vec::new() };
        let before = flows.mailbox.bytes();
        let waiting = flows.mailbox.take_shared(|other| other == share.to_bits());
        self.counters.queued_bytes -= before - flows.mailbox.bytes();
        waiting
    }

    fn return_to_group(&mut self, share: FilterId, parcels: Vec<Parcel>) {
        let own = |parcel: Parcel| Parcel {
            qos: parcel.message.qos(),
            retain: parcel.share.map_or(parcel.retain, |share| share.retain),
            subscription_ids: SubscriptionIds::None,
            share: None,
            ..parcel
        };
        self.groups.with_queue(share, |queue| queue.put_back(parcels.into_iter().map(own).collect()));
    }

    pub(crate) fn drop_of_group(&mut self, share: FilterId, reason: DropReason, count: u64, tray: &mut Tray) {
        if count == 0 {
            return;
        }
        self.counters.drops.add(reason, count);
        let total = self.groups.get_mut(share).map_or(count, |group| group.count_drop(reason, count));
        if reason != DropReason::Offline && (total + 1).ilog2() != (total - count + 1).ilog2() {
            let filter = self.router.text(share).map_or("", |filter| filter.as_str());
            self.observe(tray, || Event::ShareDropped { filter: filter.into(), reason });
        }
    }
}

/// Whether a delivery came through a shared subscription that its session is still a member of.
pub(crate) fn is_of(parcel: &Parcel, share: FilterId) -> bool {
    parcel.share.is_some_and(|through| through.number == share.to_bits())
}
