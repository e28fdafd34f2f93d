//! PUBACK, PUBREC, PUBREL and PUBCOMP from clients.
//!
//! Owns: nothing; the flows remember, this room answers.
//! Spec: 3.4 to 3.7, 4.3.

use crate::log::Log;
use crate::pump::send_pubrel;
use crate::records::kind;
use crate::sessions::Session;
use crate::stored::Stored;
use crate::{Engine, Tray};
use postrider_proto::{Ack, AckKind, PacketId, ReasonCode};
use postrider_router::SessionKey;
use postrider_session::flow::Pubrec;
use postrider_session::{Mono, Now, Parcel};

impl Engine {
    #[inline]
    pub(crate) fn on_ack(&mut self, now: Now, key: SessionKey, ack: &Ack<'_>, tray: &mut Tray) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.online.is_none() {
            return;
        }
        let flows = session.flows_mut();
        let was_closed = self.groups.is_waiting()
            || !flows.mailbox.is_empty()
            || !flows.replays.is_empty()
            || !flows.outbound.is_open();
        let mut is_stray = false;
        match ack.kind {
            AckKind::Puback => {
                let over = flows.outbound.on_puback(ack.packet_id);
                is_stray = over.is_none();
                if self.log.is_some() {
                    self.on_over(now.mono, key, over.flatten(), tray);
                }
            }
            AckKind::Pubrec => match flows.outbound.on_pubrec(ack.packet_id, ack.reason.is_error()) {
                Pubrec::Release(first) => {
                    if first.is_some() {
                        session.step(now.mono, kind::RECEIVED, ack.packet_id, &mut self.log, tray);
                    }
                    session.forget(now.mono, first.as_ref(), &mut self.log, tray);
                    if let Some(online) = &session.online {
                        send_pubrel(online.link, online.version, ack.packet_id, tray);
                    }
                }
                Pubrec::Refused(refused) => session.forget(now.mono, refused.as_ref(), &mut self.log, tray),
                Pubrec::Unknown => {
                    is_stray = true;
                    // A refusal of something unknown needs no answer.
                    if !ack.reason.is_error() {
                        let reason = ReasonCode::PacketIdentifierNotFound;
                        self.answer(key, Ack::new(AckKind::Pubrel, ack.packet_id, reason), tray);
                    }
                }
            },
            AckKind::Pubrel => {
                // [MQTT-4.3.3-11]
                let known = flows.inbound.on_pubrel(ack.packet_id);
                if known {
                    session.step(now.mono, kind::RELEASED, ack.packet_id, &mut self.log, tray);
                }
                let reason = if known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
                self.answer(key, Ack::new(AckKind::Pubcomp, ack.packet_id, reason), tray);
                return;
            }
            AckKind::Pubcomp => {
                is_stray = !flows.outbound.on_pubcomp(ack.packet_id);
                session.touch_flows(now.mono, &mut self.log);
            }
        }
        self.counters.stray_acks += u64::from(is_stray);
        if was_closed {
            self.pump(now, key, tray);
        }
    }

    /// A message with QoS 1 is acknowledged, and there is a log.
    #[cold]
    fn on_over(&mut self, now: Mono, key: SessionKey, parcel: Option<Parcel>, tray: &mut Tray) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.forget(now, parcel.as_ref(), &mut self.log, tray);
        }
        if let Some(parcel) = parcel {
            self.finish_shared(now, &parcel, tray);
        }
    }

    fn answer(&self, key: SessionKey, ack: Ack<'_>, tray: &mut Tray) {
        let Some(online) = self.sessions.get(key).and_then(|session| session.online) else { return };
        online.ack(ack, None, tray);
    }
}

impl Session {
    /// The far end has a message for good: nothing more is kept of it.
    #[inline]
    pub(crate) fn forget(&mut self, now: Mono, parcel: Option<&Parcel>, log: &mut Option<Box<Log>>, tray: &mut Tray) {
        if let (Some(stored), Some(log)) = (&mut self.stored, log) {
            stored.forget(now, parcel, log, tray);
        }
    }

    /// A step of a flow with QoS 2 is durable before its answer leaves, if the session is recorded.
    #[inline]
    pub(crate) fn step(
        &mut self,
        now: Mono,
        kind: u8,
        packet_id: PacketId,
        log: &mut Option<Box<Log>>,
        tray: &mut Tray,
    ) {
        if let (Some(stored), Some(log)) = (&mut self.stored, log) {
            stored.step(kind, packet_id, now, log, tray);
        }
    }
}

impl Stored {
    #[cold]
    fn forget(&mut self, now: Mono, parcel: Option<&Parcel>, log: &mut Log, tray: &mut Tray) {
        self.touch_flows(now, log);
        if let Some(parcel) = parcel {
            log.let_go(parcel.recorded(), tray);
        }
    }

    /// A QoS 2 message is answered: its identifier, unless refused, is in the log first.
    #[cold]
    pub(crate) fn admit(&mut self, now: Mono, packet_id: PacketId, reason: ReasonCode, log: &mut Log, tray: &mut Tray) {
        let is_open = core::mem::take(&mut self.is_admission_open);
        match (reason.is_error(), is_open) {
            (true, false) => self.step(kind::RELEASED, packet_id, now, log, tray),
            (false, true) => self.step(kind::ADMITTED, packet_id, now, log, tray),
            (true, true) | (false, false) => {}
        }
    }
}
