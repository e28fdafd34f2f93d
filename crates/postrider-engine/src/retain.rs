//! Retained messages on their way in.
//!
//! Owns: what is retained, by whom, until when, and how much of it there may be.
//! Spec: 3.3.1.3.

use crate::Engine;
use crate::deliver::Outgoing;
use crate::publish::{Incoming, is_ours};
use crate::timers::Timer;
use postrider_ports::Subject;
use postrider_proto::Topic;
use postrider_router::Keyed;
use postrider_session::{Message, Mono, Now, TimerKey};
use std::sync::Arc;

/// A retained message.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) message: Message,
    /// Who published it, for No Local and for judging it again.
    pub(crate) author: Option<Arc<Subject>>,
    /// Counts up over all retained messages.
    pub(crate) sequence: u64,
    /// When it expires, if it does; it goes with the message.
    timer: Option<TimerKey>,
}

impl Keyed for Kept {
    fn topic(&self) -> Topic<'_> {
        self.message.topic()
    }
}

impl Engine {
    /// Keeps or removes what is retained for a topic; false when there is no room for it.
    /// [MQTT-3.3.1-5] to [MQTT-3.3.1-8]
    pub(crate) fn retain(&mut self, now: Now, incoming: &Incoming<'_>, outgoing: &mut Outgoing<'_>) -> bool {
        let topic = incoming.parts.topic;
        if incoming.parts.payload.is_empty() {
            self.forget_retained(topic);
            return true;
        }
        let message = outgoing.message().clone();
        let size = message.size() as u64;
        let before = self.retained.get(topic).map(|kept| kept.message.size() as u64);
        if is_ours(topic) {
            // Charged to nobody, so that clients that fill the store do not silence the broker.
            self.sys.kept += u64::from(before.is_none());
        } else {
            let bytes = self.retained_bytes - before.unwrap_or(0) + size;
            let count = self.retained_of_clients() + u64::from(before.is_none());
            if bytes > self.limits.retained_bytes_max || count > self.limits.retained_messages_max {
                return false;
            }
            self.retained_bytes = bytes;
        }
        self.retained_sequence += 1;
        let sequence = self.retained_sequence;
        let expiry =
            |expires: Mono| self.timers.insert(expires.max(now.mono), Timer::Retained(topic.as_bytes().into()));
        let timer = message.expires().map(expiry);
        let old = self.retained.insert(Kept { message, author: incoming.author.cloned(), sequence, timer });
        if let Some(timer) = old.and_then(|old| old.timer) {
            self.timers.cancel(timer);
        }
        true
    }

    /// How many messages clients have retained.
    pub(crate) fn retained_of_clients(&self) -> u64 {
        self.retained.len() as u64 - self.sys.kept
    }

    /// The lifetime of a retained message is over, or it was cleared. [MQTT-3.3.2-5], [MQTT-3.3.1-6]
    pub(crate) fn forget_retained(&mut self, topic: Topic<'_>) {
        let Some(gone) = self.retained.remove(topic) else { return };
        if is_ours(topic) {
            self.sys.kept -= 1;
        } else {
            self.retained_bytes -= gone.message.size() as u64;
        }
        if let Some(timer) = gone.timer {
            self.timers.cancel(timer);
        }
    }
}
