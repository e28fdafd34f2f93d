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
use postrider_session::{Message, MessageParts, Mono, Now, Sequence, TimerKey};
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
    /// When it expires, if it does; it goes with the message.
    timer: Option<TimerKey>,
}

/// Any record's number: all take the same room.
const ANY: Sequence = Sequence(1);

impl Keyed for Kept {
    fn topic(&self) -> Topic<'_> {
        self.message.topic()
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
        let expiry =
            |expires: Mono| self.timers.insert(expires.max(now.mono), Timer::Retained(topic.as_bytes().into()));
        let timer = message.expires().map(expiry);
        let author = incoming.author.cloned();
        let guarded = author.as_ref().filter(|_| self.limits.authorize == Who::Plugin);
        let peer = guarded.and_then(|subject| incoming.peer.cloned().or_else(|| self.peer_of(subject))).map(Box::new);
        let standing = Cell::new(self.allowed_now());
        let old = self.retained.insert(Kept { message, author, peer, standing, sequence, timer });
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
    pub(crate) fn restore_retained(&mut self, now: Now, message: Message, author: Option<Subject>) {
        let topic: Box<[u8]> = message.topic().as_bytes().into();
        self.retained_bytes += message.size() as u64;
        self.retained_sequence += 1;
        let sequence = self.retained_sequence;
        let timer = message.expires().map(|at| self.timers.insert(at.max(now.mono), Timer::Retained(topic)));
        let (author, standing) = (author.map(Arc::new), Cell::new(self.allowed_now()));
        let old = self.retained.insert(Kept { message, author, peer: None, standing, sequence, timer });
        let Some(old) = old else { return };
        self.retained_bytes -= old.message.size() as u64;
        if let Some(timer) = old.timer {
            self.timers.cancel(timer);
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
