//! Fan-outs too long to be done at a stretch.
//!
//! Owns: the list of who still gets a message, fixed when it was matched, and the acknowledgement that waits
//! for its end.

use crate::deliver::Delivered;
use crate::outgoing::Outgoing;
use crate::publish::{Incoming, Owed};
use crate::{Effect, Engine, Tray};
use postrider_ports::ClientId;
use postrider_proto::ReasonCode;
use postrider_router::Matches;
use postrider_session::{Message, Now, Sequence};

/// One message and the sessions it is owed to.
#[derive(Debug)]
pub(crate) struct Fanout {
    message: Message,
    retain: bool,
    matches: Box<Matches>,
    next: usize,
    tally: Tally,
    visibility: Visibility,
    /// Whose message it is, if a client's.
    author: Option<ClientId>,
    owed: Option<Owed>,
}

/// Who is left, and when they may see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visibility {
    /// Recorded sessions have it already.
    pub(crate) is_recorded: bool,
    /// The others see it when this record is durable.
    pub(crate) after: Sequence,
}

/// How the deliveries of one message went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    taken: u32,
    rejected: u32,
}

impl Tally {
    #[inline]
    pub(crate) fn add(&mut self, delivered: Delivered) {
        match delivered {
            Delivered::Taken => self.taken += 1,
            Delivered::Rejected => self.rejected += 1,
        }
    }

    /// What the publisher is told. 0x97 only if no target could take it.
    pub(crate) const fn reason(self) -> ReasonCode {
        match (self.taken, self.rejected) {
            (0, 0) => ReasonCode::NoMatchingSubscribers,
            (0, _) => ReasonCode::QuotaExceeded,
            _ => ReasonCode::Success,
        }
    }
}

impl Fanout {
    pub(crate) fn new(
        message: Message,
        retain: bool,
        matches: Box<Matches>,
        tally: Tally,
        author: Option<ClientId>,
        owed: Option<Owed>,
        visibility: Visibility,
    ) -> Self {
        Self { message, retain, matches, next: 0, tally, visibility, author, owed }
    }

    pub(crate) const fn author(&self) -> Option<&ClientId> {
        self.author.as_ref()
    }
}

impl Engine {
    /// One slice of whatever waits.
    pub(crate) fn on_continue(&mut self, now: Now, tray: &mut Tray) {
        self.continue_fanout(now, tray);
        self.continue_replay(now, tray);
        self.continue_review(now, tray);
        self.continue_relief(now.mono, tray);
    }

    /// One slice of the oldest fan-out.
    pub(crate) fn continue_fanout(&mut self, now: Now, tray: &mut Tray) {
        let Some(mut fanout) = self.fanouts.pop_front() else { return };
        let slice = self.limits.fanout_slice as usize;
        let end = (fanout.next + slice).min(fanout.matches.hits().len());
        let message = fanout.message.clone();
        let incoming = Incoming::anonymous(message.parts(), fanout.retain);
        let mut outgoing = Outgoing::new(&incoming);
        outgoing.set_message(&message);
        outgoing.expect(fanout.matches.hits().len());
        // Whatever comes of it, the acknowledgement too.
        tray.wait_for(fanout.visibility.after);
        let before = self.counters.deliveries_sent;
        for at in fanout.next..end {
            let hit = fanout.matches.hits()[at];
            // Recorded sessions have a recorded message already.
            if fanout.visibility.is_recorded && self.is_recorded_for(&hit) {
                continue;
            }
            // Since the list was made it may have lost the right to it.
            if !self.may_get(hit.session, incoming.parts.topic) {
                continue;
            }
            fanout.tally.add(self.deliver(now, &hit, &fanout.matches, &mut outgoing, tray));
        }
        self.count_payloads(before, &outgoing);
        fanout.next = end;
        if end < fanout.matches.hits().len() {
            self.fanouts.push_front(fanout);
            return;
        }
        self.finish_fanout(now, &fanout, tray);
    }

    fn finish_fanout(&mut self, now: Now, fanout: &Fanout, tray: &mut Tray) {
        if self.fanouts.is_empty() {
            self.sessions.release();
        }
        let Some(owed) = fanout.owed else { return };
        let Some(key) = self.links.session_of(owed.link) else { return };
        if let Some((qos, packet_id)) = owed.ack {
            self.acknowledge(now, owed.link, key, (qos, packet_id), fanout.tally.reason(), tray);
        }
        tray.push(Effect::Resume { link: owed.link });
    }
}
