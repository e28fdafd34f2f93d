//! Retained messages on their way in.
//!
//! Owns: what is retained, by whom, until when, and how much of it there may be.
//! Spec: 3.3.1.3.

use crate::authors::Standing;
use crate::leave::is_ours;
use crate::outgoing::Outgoing;
use crate::publish::Incoming;
use crate::records::coding::put_number;
use crate::records::kind;
use crate::records::message::{MessageHead, put_message};
use crate::timers::Timer;
use crate::{Effect, Engine, Tray, Urgency, Who};
use postrider_ports::{Peer, Subject};
use postrider_proto::{Properties, Qos, Topic};
use postrider_router::Keyed;
use postrider_session::{Message, MessageParts, Mono, Now, Sequence, TimerKey, Wall};
use std::cell::Cell;
use std::sync::Arc;

/// A retained message.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) message: Message,
    /// Who published it, for No Local and for judging it again.
    pub(crate) author: Option<Arc<Subject>>,
    /// Where the author came from, if somebody guards rights and it was published since the start.
    pub(crate) peer: Option<Box<Peer>>,
    pub(crate) standing: Cell<Standing>,
    /// Counts up over all retained messages.
    pub(crate) sequence: u64,
    /// When it goes; [`NEVER`] if nobody says.
    until: Mono,
    /// If somebody does; it goes with the message.
    pub(crate) timer: Option<TimerKey>,
}

const NEVER: Mono = Mono(u64::MAX);

/// Any record's number: all take the same room.
const ANY: Sequence = Sequence(1);

impl Keyed for Kept {
    fn topic(&self) -> Topic<'_> {
        self.message.topic()
    }
}

impl Kept {
    /// Whether its time is over, or the longest that anything is retained. [MQTT-3.3.2-5]
    #[inline]
    pub(crate) fn is_over(&self, now: Mono) -> bool {
        self.until <= now
    }
}

impl Engine {
    /// Whether there is room for a message that is to be retained.
    pub(crate) fn can_retain(&self, incoming: &Incoming<'_>) -> bool {
        let topic = incoming.parts.topic;
        if incoming.parts.payload.is_empty() || is_ours(topic) {
            return true;
        }
        let parts = MessageParts { sequence: if self.log.is_some() { ANY } else { Sequence::NONE }, ..incoming.parts };
        let before = self.retained.get(topic).map(|kept| kept.message.size() as u64);
        let bytes = self.retained_bytes - before.unwrap_or(0) + parts.size() as u64;
        let count = self.retained_of_clients() + u64::from(before.is_none());
        bytes <= self.limits.retained_bytes_max && count <= self.limits.retained_messages_max
    }

    /// Keeps or removes what is retained for a topic; there is room for it. [MQTT-3.3.1-5] to [MQTT-3.3.1-8]
    pub(crate) fn retain(&mut self, now: Now, incoming: &Incoming<'_>, outgoing: &mut Outgoing<'_>, tray: &mut Tray) {
        let topic = incoming.parts.topic;
        if incoming.parts.payload.is_empty() {
            self.forget_retained(topic, tray);
            return;
        }
        let message = self.message_to_retain(incoming, outgoing);
        let size = message.size() as u64;
        self.retained_sequence += 1;
        let sequence = self.retained_sequence;
        let until = self.retained_until(&message, now.mono, 0);
        let timer = self.retained_timer(now.mono, until, topic);
        let author = incoming.author.cloned();
        let guarded = author.as_ref().filter(|_| self.limits.authorize == Who::Plugin);
        let peer = guarded.and_then(|subject| incoming.peer.cloned().or_else(|| self.peer_of(subject))).map(Box::new);
        let standing = Cell::new(self.allowed_now());
        let old = self.retained.insert(Kept { message, author, peer, standing, sequence, until, timer });
        if is_ours(topic) {
            // Charged to nobody, so that clients that fill the store do not silence the broker.
            self.sys.kept += u64::from(old.is_none());
        } else {
            self.retained_bytes = self.retained_bytes + size - old.as_ref().map_or(0, |old| old.message.size() as u64);
        }
        let Some(old) = old else { return };
        if let Some(timer) = old.timer {
            self.timers.cancel(timer);
        }
        self.unretain(old.message.sequence(), tray);
    }

    /// What is kept knows its record, whether or not what is delivered has to.
    fn message_to_retain(&self, incoming: &Incoming<'_>, outgoing: &mut Outgoing<'_>) -> Message {
        match self.log.as_ref().and_then(|log| log.recording.as_ref()) {
            Some(recording) if incoming.parts.qos == Qos::AtMostOnce => {
                Message::new(&MessageParts { sequence: recording.sequence, ..incoming.parts })
            }
            _ => outgoing.message().clone(),
        }
    }

    /// A message in the log is retained no more; that is remembered as long as somebody else needs its record.
    fn unretain(&mut self, sequence: Sequence, tray: &mut Tray) {
        let Some(log) = &mut self.log else { return };
        if log.let_go(sequence, tray) {
            let mark = log.append_essential(kind::UNRETAINED, Urgency::Lazy, tray, |out| put_number(out, sequence.0));
            log.mark(sequence, mark);
        }
    }

    /// What was retained for a topic has expired: the log is told, so that nothing older comes back.
    pub(crate) fn expire_retained(&mut self, now: Now, topic: Topic<'_>, tray: &mut Tray) {
        let is_recorded = self.retained.get(topic).is_some_and(|kept| kept.message.sequence().is_some());
        let mut cleared = Sequence::NONE;
        if is_recorded && let Some(log) = &mut self.log {
            let parts = MessageParts {
                topic,
                payload: &[],
                properties: Properties::NONE,
                qos: Qos::AtMostOnce,
                expires: None,
                sequence: Sequence::NONE,
            };
            let write = |out: &mut Vec<u8>| put_message(out, now, &parts, &MessageHead::default(), 0);
            cleared = log.append_essential(kind::CLEARED, Urgency::Lazy, tray, write);
        }
        self.forget_retained(topic, tray);
        if cleared.is_some() {
            tray.push(Effect::Release(cleared));
        }
    }

    /// A message that the log says is retained.
    ///
    /// Where the log does not know since when, that is from now on.
    pub(crate) fn restore_retained(
        &mut self,
        now: Now,
        message: Message,
        author: Option<Subject>,
        since: Option<Wall>,
    ) {
        self.retained_bytes += message.size() as u64;
        self.retained_sequence += 1;
        let sequence = self.retained_sequence;
        let age_ms = since.map_or(0, |since| now.wall.0.saturating_sub(since.0));
        let until = self.retained_until(&message, now.mono, age_ms);
        let timer = self.retained_timer(now.mono, until, message.topic());
        let (author, standing) = (author.map(Arc::new), Cell::new(self.allowed_now()));
        let old = self.retained.insert(Kept { message, author, peer: None, standing, sequence, until, timer });
        let Some(old) = old else { return };
        self.retained_bytes -= old.message.size() as u64;
        if let Some(timer) = old.timer {
            self.timers.cancel(timer);
        }
    }

    /// When a message goes that has been retained for so long.
    fn retained_until(&self, message: &Message, now: Mono, age_ms: u64) -> Mono {
        let own = message.expires().unwrap_or(NEVER);
        if self.limits.retained_expiry_s_max == u32::MAX || is_ours(message.topic()) {
            return own;
        }
        let left_ms = (u64::from(self.limits.retained_expiry_s_max) * 1000).saturating_sub(age_ms);
        own.min(now.plus_ms(left_ms))
    }

    fn retained_timer(&mut self, now: Mono, until: Mono, topic: Topic<'_>) -> Option<TimerKey> {
        let at = (until < NEVER).then(|| until.max(now))?;
        Some(self.timers.insert(at, Timer::Retained(topic.as_bytes().into())))
    }

    /// Nothing is retained for longer than this from now on: what is there goes when it was to go, or after so long.
    pub(crate) fn shorten_retained(&mut self, now: Mono) {
        let mut later = Vec::new();
        for kept in self.retained.iter() {
            let until = self.retained_until(&kept.message, now, 0);
            if until < kept.until {
                later.push((Box::<[u8]>::from(kept.topic().as_bytes()), until));
            }
        }
        for (topic, until) in later {
            let timer = self.retained_timer(now, until, Topic::trusted(&topic));
            let Some(mut kept) = self.retained.remove(Topic::trusted(&topic)) else { continue };
            kept.until = until;
            if let Some(old) = core::mem::replace(&mut kept.timer, timer) {
                self.timers.cancel(old);
            }
            self.retained.insert(kept);
        }
    }

    /// How many messages clients have retained.
    pub(crate) fn retained_of_clients(&self) -> u64 {
        self.retained.len() as u64 - self.sys.kept
    }

    /// [MQTT-3.3.2-5], [MQTT-3.3.1-6]
    pub(crate) fn forget_retained(&mut self, topic: Topic<'_>, tray: &mut Tray) {
        let Some(gone) = self.retained.remove(topic) else { return };
        if is_ours(topic) {
            self.sys.kept -= 1;
        } else {
            self.retained_bytes -= gone.message.size() as u64;
        }
        if let Some(timer) = gone.timer {
            self.timers.cancel(timer);
        }
        self.unretain(gone.message.sequence(), tray);
    }
}
