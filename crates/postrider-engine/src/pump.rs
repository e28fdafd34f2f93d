//! Sends a session what waits for it, as far as room and quota go.
//!
//! Owns: the order: what was sent before, then the mailbox, then what waits for its groups, then retained replays.
//! Spec: 4.4, 4.6, 4.9.

use crate::deliver::Delivery;
use crate::outgoing::Outgoing;
use crate::review::may_get;
use crate::{Engine, Lane, LinkId, Tray};
use postrider_ports::DropReason;
use postrider_proto::{Ack, AckKind, PacketId, Qos, ReasonCode, Version};
use postrider_router::{FilterId, SessionKey};
use postrider_session::flow::Resend;
use postrider_session::{Mono, Now, Parcel};

impl Engine {
    /// A socket took bytes: there is room for more.
    pub(crate) fn on_room(&mut self, now: Now, link: LinkId, bytes: u32, tray: &mut Tray) {
        let outbox_bytes_max = self.outbox_bytes_max();
        let Some(key) = self.links.session_of(link) else { return };
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(online) = &mut session.online else { return };
        if online.outbox_bytes_max < outbox_bytes_max {
            // It reads, and memory is not as short any more.
            online.credit += i64::from(outbox_bytes_max - online.outbox_bytes_max);
            online.outbox_bytes_max = outbox_bytes_max;
        }
        online.credit = (online.credit + i64::from(bytes)).min(i64::from(online.outbox_bytes_max));
        if session.flows.is_some() {
            self.pump(now, key, tray);
        }
    }

    /// Everything that can go out now goes out.
    pub(crate) fn pump(&mut self, now: Now, key: SessionKey, tray: &mut Tray) {
        if self.resend(now, key, tray) {
            while self.send_next(now, key, tray) {}
            self.trust_again(key);
            if self.groups.is_waiting() {
                self.pull_shared(now, key, tray);
            }
            self.replay(now, key, tray);
            if self.log.is_some() {
                self.fetch_next(key, tray);
            }
        }
    }

    /// What was sent on an earlier connection goes first. [MQTT-4.4.0-1]
    ///
    /// False when there is no room left for more.
    fn resend(&mut self, now: Now, key: SessionKey, tray: &mut Tray) -> bool {
        loop {
            let Some(session) = self.sessions.get_mut(key) else { return false };
            let (Some(online), Some(flows)) = (session.online, &mut session.flows) else {
                return session.online.is_some();
            };
            if online.credit <= 0 || session.stored.as_ref().is_some_and(|stored| stored.awaits_in_flight) {
                return false;
            }
            match flows.outbound.next_resend() {
                None => return true,
                Some(Resend::Pubrel(packet_id)) => send_pubrel(online.link, online.version, packet_id, tray),
                Some(Resend::Publish(packet_id, _, parcel)) => {
                    let parcel = parcel.clone();
                    tray.wait_for(parcel.message.sequence());
                    // Whose right to it is gone does not get it again.
                    let sent = match may_get(session, &self.router, parcel.message.topic()) {
                        true => session.send_again(now, &parcel, packet_id, &self.limits, tray),
                        false => Err(DropReason::NotAllowed),
                    };
                    match sent {
                        Ok(()) => {
                            self.repeats.sent += 1;
                            self.counters.sent.payload_bytes += parcel.message.parts().payload.len() as u64;
                        }
                        Err(reason) => self.give_up(now.mono, key, &parcel, packet_id, reason, tray),
                    }
                }
            }
        }
    }

    /// This connection takes smaller packets than the one before: the message counts as delivered.
    /// [MQTT-3.1.2-25]
    fn give_up(
        &mut self,
        now: Mono,
        key: SessionKey,
        parcel: &Parcel,
        packet_id: PacketId,
        reason: DropReason,
        tray: &mut Tray,
    ) {
        if let Some(flows) = self.sessions.get_mut(key).and_then(|session| session.flows.as_mut()) {
            match parcel.qos {
                Qos::ExactlyOnce => drop(flows.outbound.on_pubrec(packet_id, true)),
                Qos::AtMostOnce | Qos::AtLeastOnce => drop(flows.outbound.on_puback(packet_id)),
            }
        }
        if self.is_stored(key) {
            self.let_go(parcel.recorded(), tray);
        }
        self.finish_shared(now, parcel, tray);
        // It was counted as sent; now it is counted as dropped instead.
        self.counters.deliveries_sent -= 1;
        self.repeats.sent += 1;
        self.drop_delivery(key, reason, 1, tray);
    }

    /// Sends the oldest waiting message; false when nothing waits or it has to wait on.
    fn send_next(&mut self, now: Now, key: SessionKey, tray: &mut Tray) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let (Some(online), Some(flows)) = (&session.online, &mut session.flows) else { return false };
        let Some((_, qos)) = flows.mailbox.peek() else { return false };
        if online.credit <= 0 || (qos != Qos::AtMostOnce && !flows.outbound.is_open()) {
            return false;
        }
        let before = flows.mailbox.bytes();
        let Some(parcel) = flows.mailbox.pop() else { return false };
        self.counters.queued_bytes -= before - flows.mailbox.bytes();
        self.counters.deliveries_queued -= 1;
        session.touch_flows(now.mono, &mut self.log);
        if let Some(stored) = &mut session.stored {
            stored.pass(parcel.recorded());
        }
        if !self.send_parcel(now, key, &parcel, tray) && self.is_stored(key) {
            self.let_go(parcel.recorded(), tray);
        }
        true
    }

    /// Sends one kept message for which there is room and quota, unless it has expired or is too large; whether it
    /// did.
    pub(crate) fn send_parcel(&mut self, now: Now, key: SessionKey, parcel: &Parcel, tray: &mut Tray) -> bool {
        let share = parcel.share.map(|share| FilterId::from_bits(share.number));
        let group = share.map_or(0, |share| self.group_number(share));
        let ids = parcel.subscription_ids.as_slice();
        let delivery = Delivery { qos: parcel.qos, retain: parcel.retain, ids, share, group };
        if share.is_some()
            && let Some(message) = self.record_late(now, key, delivery, &parcel.message, tray)
        {
            let own = Parcel { message, share: None, ..parcel.clone() };
            let is_sent = self.send_parcel(now, key, &own, tray);
            if !is_sent {
                // Its record says that it waits; the next picture says that it does not.
                if let Some(session) = self.sessions.get_mut(key) {
                    session.touch_flows(now.mono, &mut self.log);
                    session.stored.iter_mut().for_each(|stored| stored.pass(own.recorded()));
                }
                self.let_go(own.recorded(), tray);
            }
            return is_sent;
        }
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let retain = parcel.share.map_or(parcel.retain, |share| share.retain);
        let mut outgoing = Outgoing::of_message(&parcel.message, retain);
        // [MQTT-3.3.2-5]
        let sent = if parcel.message.is_expired(now.mono) {
            Err(DropReason::Expired)
        } else if share.is_none() && !may_get(session, &self.router, parcel.message.topic()) {
            Err(DropReason::NotAllowed)
        } else {
            session.send(now, delivery, &mut outgoing, &self.limits, &mut self.log, tray)
        };
        match sent {
            Ok(()) => {
                self.counters.deliveries_sent += 1;
                self.counters.sent.payload_bytes += outgoing.payload_bytes();
            }
            Err(reason) => self.drop_delivery(key, reason, 1, tray),
        }
        if let (Some(share), true) = (share, sent.is_ok()) {
            self.touch_group(now.mono, share, parcel.message.sequence());
        } else if sent.is_err() {
            self.finish_shared(now.mono, parcel, tray);
        }
        sent.is_ok()
    }

    pub(crate) fn answer_ping(&self, link: LinkId, tray: &mut Tray) {
        let start = tray.mark();
        postrider_proto::encode_pingresp(&mut tray.bytes);
        tray.send_since(link, start, Lane::Control);
    }
}

/// PUBREL; the far end forgets the message with it. [MQTT-4.3.3-4]
pub(crate) fn send_pubrel(link: LinkId, version: Version, packet_id: PacketId, tray: &mut Tray) {
    let start = tray.mark();
    Ack::new(AckKind::Pubrel, packet_id, ReasonCode::Success).encode(version, &mut tray.bytes);
    tray.send_since(link, start, Lane::Control);
}
