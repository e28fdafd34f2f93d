//! Whether a PUBLISH may pass: room, limits, its topic, its payload; and what becomes of one that may not.
//!
//! Owns: these questions, their order and their answers.
//! Spec: 3.3, 4.7.

use crate::publish::sentence;
use crate::recording::RoomFor;
use crate::{Engine, Limits, LinkId, PayloadFormat, Progress, Tray, Who};
use postrider_ports::{Access, Event};
use postrider_proto::{Properties, PropertyId, Publish, Qos, ReasonCode, Topic};
use postrider_router::SessionKey;
use postrider_session::{Now, Violation};
use std::sync::Arc;

impl Engine {
    /// Whether a PUBLISH may depend on anything but its topic, as limits, log and memory are now.
    pub(crate) fn asks_of_publish(&self) -> bool {
        self.log.is_some()
            || self.is_pressed()
            || self.is_metered
            || self.has_payload_rules
            || self.qos_max_least != Qos::ExactlyOnce
            || !self.limits.retain_available
            || self.limits.authorize == Who::Plugin
            || self.limits.is_sparkplug_aware
    }

    /// Asks everything that there is to ask of a PUBLISH. One that may not pass is answered here.
    #[inline(never)]
    pub(crate) fn let_pass(
        &mut self,
        now: Now,
        (link, key): (LinkId, SessionKey),
        publish: &Publish<'_>,
        tray: &mut Tray,
    ) -> Result<(), Progress> {
        if let Err(violation) = self.check_publish(link, publish) {
            return Err(self.violate(now, link, violation, tray));
        }
        let room = self.room_for(now, link, key, publish);
        if room == RoomFor::NothingYet {
            return Err(Progress::Hold);
        }
        let topic = check_topic(publish.topic, &self.limits).or_else(|no| self.allow_command(publish.topic, no));
        let denied = match topic {
            Err(reason) => {
                self.counters.levels_over += u64::from(!publish.topic.is_dollar());
                Err((reason, None))
            }
            Ok(()) if room == RoomFor::Nothing => Err((ReasonCode::QuotaExceeded, None)),
            Ok(()) if self.has_payload_rules => self.check_payload(publish).map_err(|reason| (reason, None)),
            Ok(()) => Ok(()),
        };
        match denied {
            Ok(()) if self.limits.authorize == Who::Plugin => {
                self.let_pass_by_plugin(now, (link, key), publish, tray)?;
            }
            Ok(()) => {}
            Err(why) => return Err(self.on_denied(now, (link, key), publish, why, tray)),
        }
        if self.limits.is_sparkplug_aware {
            self.keep_certificate(now, publish, tray);
        }
        Ok(())
    }

    fn let_pass_by_plugin(
        &mut self,
        now: Now,
        (link, key): (LinkId, SessionKey),
        publish: &Publish<'_>,
        tray: &mut Tray,
    ) -> Result<(), Progress> {
        let why = match self.may_publish_by_plugin(link, key, publish, tray) {
            Some(Access::Allow) => return Ok(()),
            Some(Access::DenyFor(text)) => Some(text),
            Some(Access::Deny | Access::AllowExcept(_) | Access::AllowBy(_)) => None,
            None => return Err(Progress::Hold),
        };
        Err(self.on_denied(now, (link, key), publish, (ReasonCode::NotAuthorized, why), tray))
    }

    /// It may not be published: whoever watches hears it, the client does where its edition has words for it.
    #[cold]
    pub(crate) fn on_denied(
        &mut self,
        now: Now,
        (link, key): (LinkId, SessionKey),
        publish: &Publish<'_>,
        (reason, why): (ReasonCode, Option<Arc<str>>),
        tray: &mut Tray,
    ) -> Progress {
        if let Err(progress) = self.take_in(now, (link, key), publish, tray) {
            return progress;
        }
        self.deny(key, publish, reason, &why, tray);
        if let Some(packet_id) = publish.packet_id {
            let text = why.as_deref().or_else(|| sentence(reason));
            self.acknowledge_saying(now, link, key, (publish.qos, packet_id), (reason, text), tray);
        }
        Progress::Done
    }

    /// What not every broker asks of payloads.
    #[cold]
    pub(crate) fn check_payload(&self, publish: &Publish<'_>) -> Result<(), ReasonCode> {
        if !self.is_well_formed(publish.properties, publish.payload) {
            return Err(ReasonCode::PayloadFormatInvalid);
        }
        let is_small = publish.payload.len() <= self.limits.payload_bytes_max as usize;
        if is_small { Ok(()) } else { Err(ReasonCode::QuotaExceeded) }
    }

    /// Whether memory, rates and log let it pass now.
    #[inline]
    pub(crate) fn room_for(&mut self, now: Now, link: LinkId, key: SessionKey, publish: &Publish<'_>) -> RoomFor {
        let memory = if self.is_pressed() { self.find_memory(now, link, key, publish) } else { RoomFor::It };
        if memory != RoomFor::It {
            return memory;
        }
        if self.is_metered && !self.may_publish_now(now, link, publish) {
            return RoomFor::NothingYet;
        }
        let is_tight =
            self.log.as_ref().is_some_and(|log| log.is_tight()) && (publish.qos > Qos::AtMostOnce || publish.retain);
        if is_tight { self.find_room(link, publish) } else { RoomFor::It }
    }

    /// What the announced limits forbid outright.
    #[inline]
    pub(crate) fn check_publish(&self, link: LinkId, publish: &Publish<'_>) -> Result<(), Violation> {
        let is_plain = publish.qos <= self.qos_max_least && (self.limits.retain_available || !publish.retain);
        if is_plain { Ok(()) } else { self.check_told(link, publish) }
    }

    /// What the client was told when it came in.
    #[cold]
    fn check_told(&self, link: LinkId, publish: &Publish<'_>) -> Result<(), Violation> {
        match self.online_of(link) {
            Some(online) if publish.qos > online.qos_max => Err(Violation::QosNotSupported),
            Some(online) if publish.retain && !online.may_retain => Err(Violation::RetainNotSupported),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a payload that calls itself UTF-8 is. Looked at only when asked to: it costs a look at every byte.
    /// [3.3.2.3.2]
    #[inline]
    pub(crate) fn is_well_formed(&self, properties: Properties<'_>, payload: &[u8]) -> bool {
        self.limits.payload_format == PayloadFormat::Passed
            || properties.number(PropertyId::PayloadFormatIndicator) != Some(1)
            || core::str::from_utf8(payload).is_ok()
    }

    fn deny(
        &self,
        key: SessionKey,
        publish: &Publish<'_>,
        reason: ReasonCode,
        why: &Option<Arc<str>>,
        tray: &mut Tray,
    ) {
        let Some(session) = self.sessions.get(key) else { return };
        self.observe(tray, || Event::PublishDenied {
            client_id: session.subject.client_id.clone(),
            topic: publish.topic.as_str().into(),
            reason,
            why: why.clone(),
        });
    }
}

/// Topics that no client publishes to, and the depth of any. A5, A17
#[inline]
pub(crate) fn check_topic(topic: Topic<'_>, limits: &Limits) -> Result<(), ReasonCode> {
    let name = topic.as_bytes();
    if is_ours(topic) {
        return Err(ReasonCode::TopicNameInvalid);
    }
    let levels_max = usize::from(limits.link.levels_max);
    if name.len() >= levels_max && topic.levels().count() > levels_max {
        return Err(ReasonCode::TopicNameInvalid);
    }
    Ok(())
}

/// Whether only the broker itself publishes there.
#[inline]
pub(crate) fn is_ours(topic: Topic<'_>) -> bool {
    topic.is_dollar() && is_reserved(topic.as_bytes())
}

#[cold]
fn is_reserved(name: &[u8]) -> bool {
    const RESERVED: [&[u8]; 5] = [b"$SYS", b"$SOL", b"$share", b"$queue", b"$CONTROL"];
    let first = name.split(|byte| *byte == b'/').next().unwrap_or(name);
    RESERVED.contains(&first)
}
