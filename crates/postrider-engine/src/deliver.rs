//! One message to one session: now, later, or not at all, and then counted.
//!
//! Owns: the choice between outbox, mailbox and drop.
//! Spec: 3.3.4, 3.8.4, 4.9.

use crate::aliases::Alias;
use crate::frames::Form;
use crate::log::Log;
use crate::mount;
use crate::outgoing::{How, Outgoing, To, Wording};
use crate::sessions::{Online, Session};
use crate::stored::Stored;
use crate::stored_groups::on_given;
use crate::{Engine, Limits, Tray};
use postrider_ports::DropReason;
use postrider_proto::{PacketId, Qos};
use postrider_router::{FilterId, Hit, Matches, SessionKey};
use postrider_session::{Now, Overflow, Parcel, Share, SubscriptionIds};
use smallvec::SmallVec;

/// One delivery's own part of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery<'a> {
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) ids: &'a [u32],
    /// The shared subscription it comes through.
    pub(crate) share: Option<FilterId>,
    /// The number of that in the log; 0 for none.
    pub(crate) group: u64,
}

impl Delivery<'_> {
    /// Whether a recorded session's part in it stands in the log, if the message does.
    fn is_recorded(self) -> bool {
        self.qos > Qos::AtMostOnce && self.share.is_none()
    }

    /// What a member of a recorded group keeps of a message with QoS 2 that it is sent: it is its own from now on,
    /// and no other's.
    fn parcel_sent(self, outgoing: &mut Outgoing<'_>) -> Parcel {
        let parcel = self.parcel(outgoing);
        let is_own = self.group != 0 && self.qos == Qos::ExactlyOnce;
        Parcel { share: parcel.share.filter(|_| !is_own), ..parcel }
    }

    pub(crate) fn parcel(self, outgoing: &mut Outgoing<'_>) -> Parcel {
        Parcel {
            message: outgoing.message().clone(),
            qos: self.qos,
            retain: self.retain,
            subscription_ids: SubscriptionIds::of(self.ids),
            share: self.share.map(|share| Share { number: share.to_bits(), retain: outgoing.retain }),
        }
    }
}

/// What became of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// Sent, waiting, or dropped for a reason that is nobody's overload.
    Taken,
    /// No room for it.
    Rejected,
}

/// Bytes by which setting an alias may make a packet longer: the property and two lengths.
const GROWS: usize = 5;

impl Engine {
    /// Brings one message to one session.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        now: Now,
        hit: &Hit,
        matches: &Matches,
        outgoing: &mut Outgoing<'_>,
        tray: &mut Tray,
    ) -> Delivered {
        let Some(session) = self.sessions.get_mut(hit.session) else { return Delivered::Taken };
        self.counters.deliveries_owed += 1;
        let found: SmallVec<[u32; 4]>;
        let mut ids: &[u32] = &[];
        if Matches::has_identifiers(hit) {
            found = matches.identifiers(hit).collect();
            ids = &found;
        }
        let delivery = Delivery {
            qos: hit.qos.min(outgoing.parts.qos),
            retain: outgoing.retain && hit.retain_as_published,
            ids,
            share: None,
            group: 0,
        };
        if session.may_send(delivery.qos) {
            match session.send(now, delivery, outgoing, &self.limits, &mut self.log, tray) {
                Ok(()) => self.counters.deliveries_sent += 1,
                Err(reason) => self.drop_delivery(hit.session, reason, 1, tray),
            }
            return Delivered::Taken;
        }
        let is_passed_over = delivery.qos == Qos::AtMostOnce && !self.limits.queues_qos0;
        if session.online.is_none() && (is_passed_over || outgoing.is_ours()) {
            self.pass_over(hit.session, outgoing, tray);
            return Delivered::Taken;
        }
        if delivery.qos == Qos::AtMostOnce && self.is_pressed() {
            self.drop_delivery(hit.session, DropReason::Memory, 1, tray);
            return Delivered::Taken;
        }
        self.keep(now, hit.session, delivery, outgoing, tray)
    }

    /// Nothing is kept for a client that is away. What we say of ourselves is not even owed to it: it would count as
    /// lost each time.
    #[cold]
    fn pass_over(&mut self, key: SessionKey, outgoing: &Outgoing<'_>, tray: &mut Tray) {
        if outgoing.is_ours() {
            self.counters.deliveries_owed -= 1;
        } else {
            self.drop_delivery(key, DropReason::Offline, 1, tray);
        }
    }

    /// Counts the payloads of one message that were sent since there were `before` deliveries: once for all of them.
    #[inline]
    pub(crate) fn count_payloads(&mut self, before: u64, outgoing: &Outgoing<'_>) {
        let count = self.counters.deliveries_sent.wrapping_sub(before);
        let sent = &mut self.counters.sent;
        sent.payload_bytes = sent.payload_bytes.wrapping_add(count.wrapping_mul(outgoing.payload_bytes()));
    }

    /// Sends a message for which there is room and quota, unless it is too large; whether it did. Whoever calls counts
    /// its payload.
    #[inline]
    pub(crate) fn send_now(
        &mut self,
        now: Now,
        key: SessionKey,
        delivery: Delivery<'_>,
        outgoing: &mut Outgoing<'_>,
        tray: &mut Tray,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let sent = session.send(now, delivery, outgoing, &self.limits, &mut self.log, tray);
        match sent {
            Ok(()) => self.counters.deliveries_sent += 1,
            Err(reason) => self.drop_delivery(key, reason, 1, tray),
        }
        sent.is_ok()
    }

    /// Puts a delivery into the session's mailbox. [MQTT-4.5.0-1]
    pub(crate) fn keep(
        &mut self,
        now: Now,
        key: SessionKey,
        delivery: Delivery<'_>,
        outgoing: &mut Outgoing<'_>,
        tray: &mut Tray,
    ) -> Delivered {
        let mut bounds = self.mailbox_bounds();
        let Some(session) = self.sessions.get_mut(key) else { return Delivered::Taken };
        if session.stored.is_none() {
            // Nobody holds a record for it, nor would read it back.
            bounds.memory_bytes_max = u64::MAX;
        }
        let flows = session.flows_mut();
        self.counters.queued_bytes -= flows.mailbox.bytes();
        let offered = flows.mailbox.offer(now.mono, delivery.parcel(outgoing), &bounds);
        self.counters.queued_bytes += flows.mailbox.bytes();
        let (is_kept, gone) = offered.into_parts();
        if let Some(log) = &mut self.log {
            let stored = session.stored.as_deref_mut();
            on_kept(now, stored, delivery, outgoing, (is_kept, &gone), log, tray);
        }
        self.counters.deliveries_queued += u64::from(is_kept);
        self.counters.deliveries_queued -= gone.len() as u64;
        let makes_room = !gone.is_empty() && delivery.share.is_none();
        for parcel in gone {
            self.finish_shared(now.mono, &parcel, tray);
            let is_expired = parcel.message.is_expired(now.mono);
            let reason = if is_expired { DropReason::Expired } else { DropReason::MailboxFull };
            self.drop_delivery(key, reason, 1, tray);
        }
        if makes_room && self.groups.is_waiting() {
            // Without what had to go it may be able to take what waits for one of its groups.
            self.pull_shared(now, key, tray);
        }
        if is_kept {
            return Delivered::Taken;
        }
        self.drop_delivery(key, DropReason::MailboxFull, 1, tray);
        match bounds.overflow {
            Overflow::Reject => Delivered::Rejected,
            Overflow::DropNewest | Overflow::DropOldest => Delivered::Taken,
        }
    }
}

/// A message was put into the mailbox of a session, or not, and others had to go.
#[cold]
fn on_kept(
    now: Now,
    stored: Option<&mut Stored>,
    delivery: Delivery<'_>,
    outgoing: &Outgoing<'_>,
    (is_kept, gone): (bool, &[Parcel]),
    log: &mut Log,
    tray: &mut Tray,
) {
    if delivery.group != 0 && outgoing.is_held() {
        match (log.recording_of(outgoing.sequence()), is_kept) {
            (Some(recording), true) => recording.add_group(delivery),
            (None, false) => _ = log.let_go(outgoing.sequence(), tray),
            (Some(_), false) | (None, true) => {}
        }
    }
    let Some(stored) = stored else { return };
    if is_kept
        && delivery.is_recorded()
        && let Some(recording) = log.recording_of(outgoing.sequence())
    {
        recording.add(stored, delivery, None);
    }
    for parcel in gone {
        stored.pass(parcel.recorded());
        stored.touch_flows(now.mono, log);
        log.let_go(parcel.recorded(), tray);
    }
}

/// Bytes of the topic that stay with us.
fn unseen(online: &Online, outgoing: &Outgoing<'_>, limits: &Limits) -> usize {
    if online.is_mounted { mount::unseen(limits, online.listener, outgoing.parts.topic) } else { 0 }
}

impl Session {
    /// Whether a message may go out at once, past everything that waits.
    #[inline]
    pub(crate) fn may_send(&self, qos: Qos) -> bool {
        let Some(online) = &self.online else { return false };
        if online.credit <= 0 {
            return false;
        }
        match (&self.flows, qos) {
            (None, _) => true,
            (Some(flows), Qos::AtMostOnce) => flows.mailbox.qos0_len() == 0,
            (Some(flows), Qos::AtLeastOnce | Qos::ExactlyOnce) => flows.mailbox.is_empty() && flows.outbound.is_open(),
        }
    }

    /// Sends a message for which there is room and quota.
    /// [MQTT-4.3.1-1], [MQTT-4.3.2-1], [MQTT-4.3.2-2], [MQTT-4.3.3-1], [MQTT-4.3.3-2]
    #[inline]
    pub(crate) fn send(
        &mut self,
        now: Now,
        delivery: Delivery<'_>,
        outgoing: &mut Outgoing<'_>,
        limits: &Limits,
        log: &mut Option<Box<Log>>,
        tray: &mut Tray,
    ) -> Result<(), DropReason> {
        let Some(online) = &self.online else { return Err(DropReason::Offline) };
        let form = Form::of(online.version, delivery.qos, delivery.retain);
        if !outgoing.fits(now, form, online, delivery.ids) {
            return Err(DropReason::TooLarge);
        }
        let to = To { link: online.link, version: online.version };
        let is_plain = online.is_plain;
        let mut packet_id = None;
        if form.qos != Qos::AtMostOnce {
            // A session that ends with its connection never sends anything again, so it keeps nothing but what
            // others of its group may have to get.
            let is_kept = self.is_durable() || self.stored.is_some() || delivery.share.is_some();
            let parcel = is_kept.then(|| delivery.parcel_sent(outgoing));
            packet_id = Some(self.flows_mut().outbound.begin(form.qos, parcel));
        }
        if outgoing.sequence().is_some() {
            self.on_sent(now, delivery, packet_id, outgoing, log, tray);
        }
        let wording = if is_plain { None } else { self.wording(now, form, delivery.ids, outgoing, limits) };
        let how = How { ids: delivery.ids, packet_id, is_dup: false, wording };
        self.charge(outgoing.send(now, form, &how, to, tray));
        if !is_plain {
            self.weigh(&how, outgoing, limits);
        }
        Ok(())
    }

    /// How this client is to see the topic.
    #[cold]
    fn wording(
        &mut self,
        now: Now,
        form: Form,
        ids: &[u32],
        outgoing: &Outgoing<'_>,
        limits: &Limits,
    ) -> Option<Wording> {
        let online = self.online?;
        let alias = if online.topic_alias_max == 0 { None } else { self.alias(now, form, &online, ids, outgoing) };
        let unseen = unseen(&online, outgoing, limits);
        (alias.is_some() || unseen > 0).then_some(Wording { alias, unseen })
    }

    /// A recorded message goes out, if it has QoS 1 or 2 under an identifier.
    #[cold]
    fn on_sent(
        &mut self,
        now: Now,
        delivery: Delivery<'_>,
        packet_id: Option<PacketId>,
        outgoing: &Outgoing<'_>,
        log: &mut Option<Box<Log>>,
        tray: &mut Tray,
    ) {
        let sequence = outgoing.sequence();
        match (self.stored.as_deref_mut(), log, packet_id) {
            (stored, Some(log), _) if delivery.group != 0 && outgoing.is_held() => {
                on_given(now.mono, stored, delivery, packet_id, sequence, log, tray);
            }
            (Some(stored), Some(log), Some(packet_id)) if delivery.group == 0 && delivery.is_recorded() => {
                stored.pass(sequence);
                if let Some(recording) = log.recording_of(sequence) {
                    recording.add(stored, delivery, Some(packet_id));
                } else {
                    let terms = stored.terms(delivery.qos, delivery.retain, delivery.ids, packet_id);
                    stored.on_sent(now.mono, sequence, terms, log, tray);
                }
            }
            _ => {}
        }
        // Nobody sees what is not durable.
        tray.wait_for(sequence);
    }

    /// The alias to send the topic with, if the client allows aliases and takes what it adds to the packet.
    fn alias(&mut self, now: Now, form: Form, online: &Online, ids: &[u32], outgoing: &Outgoing<'_>) -> Option<Alias> {
        let aliases = self.flows.as_mut()?.aliases.as_mut()?;
        let has_room = online.packet_bytes_max == u32::MAX
            || outgoing.fits_into((online.packet_bytes_max as usize).saturating_sub(GROWS), now, form, online, ids);
        if has_room { aliases.of(outgoing.parts.topic.as_bytes()) } else { None }
    }

    /// Sends a message again, with its identifier of before. [MQTT-3.3.1-1], [MQTT-4.4.0-1]
    pub(crate) fn send_again(
        &mut self,
        now: Now,
        parcel: &Parcel,
        packet_id: PacketId,
        limits: &Limits,
        tray: &mut Tray,
    ) -> Result<(), DropReason> {
        let Some(online) = self.online else { return Err(DropReason::Offline) };
        let mut outgoing = Outgoing::of_message(&parcel.message, parcel.retain);
        let form = Form::of(online.version, parcel.qos, parcel.retain);
        let ids = parcel.subscription_ids.as_slice();
        if !outgoing.fits(now, form, &online, ids) {
            return Err(DropReason::TooLarge);
        }
        let wording = online.is_mounted.then(|| Wording { alias: None, unseen: unseen(&online, &outgoing, limits) });
        let how = How { ids, packet_id: Some(packet_id), is_dup: true, wording };
        let to = To { link: online.link, version: online.version };
        self.charge(outgoing.send(now, form, &how, to, tray));
        if !online.is_plain {
            self.weigh(&how, &outgoing, limits);
        }
        Ok(())
    }

    /// The payloads in flight are counted by their bytes, too.
    #[cold]
    #[inline(never)]
    fn weigh(&mut self, how: &How<'_>, outgoing: &Outgoing<'_>, limits: &Limits) {
        let (Some(online), Some(packet_id)) = (&self.online, how.packet_id) else { return };
        if !online.is_weighed {
            return;
        }
        let bytes_max = limits.in_flight_bytes_max_at(online.listener);
        if let Some(flows) = &mut self.flows {
            let bytes = u32::try_from(outgoing.payload_bytes()).unwrap_or(u32::MAX);
            flows.outbound.weigh(packet_id, bytes, bytes_max);
        }
    }

    #[inline]
    fn charge(&mut self, bytes: usize) {
        if let Some(online) = &mut self.online {
            online.credit -= i64::try_from(bytes).unwrap_or(i64::MAX);
        }
    }
}
