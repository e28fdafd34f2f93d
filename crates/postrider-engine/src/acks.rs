//! PUBACK, PUBREC, PUBREL and PUBCOMP from clients.
//!
//! Owns: nothing; the flows remember, this room answers.
//! Spec: 3.4 to 3.7, 4.3.

use crate::pump::send_pubrel;
use crate::{Engine, Tray};
use postrider_proto::{Ack, AckKind, ReasonCode};
use postrider_router::SessionKey;
use postrider_session::Now;
use postrider_session::flow::Pubrec;

impl Engine {
    #[inline]
    pub(crate) fn on_ack(&mut self, now: Now, key: SessionKey, ack: &Ack<'_>, tray: &mut Tray) {
        let limits = &self.limits;
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(online) = session.online else { return };
        let flows = session.flows_mut(limits);
        let was_closed = self.groups.is_waiting()
            || !flows.mailbox.is_empty()
            || !flows.replays.is_empty()
            || !flows.outbound.is_open();
        let mut is_stray = false;
        match ack.kind {
            AckKind::Puback => is_stray = flows.outbound.on_puback(ack.packet_id).is_none(),
            AckKind::Pubrec => match flows.outbound.on_pubrec(ack.packet_id, ack.reason.is_error()) {
                Pubrec::Release(_) => send_pubrel(online.link, online.version, ack.packet_id, tray),
                Pubrec::Refused(_) => {}
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
                let reason = if known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
                self.answer(key, Ack::new(AckKind::Pubcomp, ack.packet_id, reason), tray);
                return;
            }
            AckKind::Pubcomp => is_stray = !flows.outbound.on_pubcomp(ack.packet_id),
        }
        self.counters.stray_acks += u64::from(is_stray);
        if was_closed {
            self.pump(now, key, tray);
        }
    }

    fn answer(&self, key: SessionKey, ack: Ack<'_>, tray: &mut Tray) {
        let Some(online) = self.sessions.get(key).and_then(|session| session.online) else { return };
        online.ack(ack, None, tray);
    }
}
