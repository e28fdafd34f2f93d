//! The engine and the table of its links, behind one lock.
//!
//! Owns: the application of effects, so that each link's bytes are in the engine's order.
//! Never: makes a system call or calls a plugin while the lock is held.

use crate::backlog::owned;
use crate::conn::Conn;
use crate::gates::{Wait, Waits};
use crate::log::{Load, Log};
use crate::meter::Meter;
use crate::outbox::{Closing, Pushed};
use crate::scratch::Scratch;
use postrider_engine::{Durability, Effect, Engine, Input, Lane, Ledger, LinkId, Passed, Pressure, Progress, Tray};
use postrider_ports::{Answer, Cause, ListenerId, Question, Ticket};
use postrider_session::{Now, Sequence};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::oneshot;

/// One engine and the connections it serves.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) engine: Engine,
    places: Vec<Place>,
    free: Vec<u32>,
    tray: Tray,
    asked: HashMap<Ticket, oneshot::Sender<Answer>>,
    last_asked: u64,
    /// Bytes that passed since somebody looked at the memory, and what was kept then.
    moved: u64,
    kept_then: u64,
    /// What the ledger said at the last thorough look beside that.
    kept_beside: u64,
    /// Effects of one batch.
    effects_max: usize,
    /// Some links report room in small amounts.
    has_small: bool,
    /// What passed since the engine heard of it.
    passed: Passed,
    /// Nothing if all is in memory.
    log: Option<Log>,
    /// What the next bytes have to wait for, while effects are applied.
    wait: Wait,
}

#[derive(Debug, Default)]
struct Place {
    epoch: u32,
    conn: Option<Arc<Conn>>,
}

/// What a tray holds before a batch is cut: a few messages for a thousand clients each still go out with one system
/// call a client, which at a quarter of this would be half as much again for each message.
const EFFECTS_MAX: usize = 8192;
const BYTES_MAX: usize = 1 << 20;
/// Where memory has a limit, what one effect may put into an outbox: a payload that is copied, and its head.
const EFFECT_BYTES: u64 = 2048;
const EFFECTS_MIN: u64 = 256;

impl Partition {
    /// An engine, what it had to say when it was made, and its log.
    pub(crate) fn new(engine: Engine, tray: Tray, log: Option<Log>) -> Self {
        Self {
            engine,
            places: Vec::new(),
            free: Vec::new(),
            tray,
            asked: HashMap::new(),
            last_asked: 0,
            moved: 0,
            kept_then: 0,
            kept_beside: 0,
            effects_max: EFFECTS_MAX,
            has_small: false,
            passed: Passed::default(),
            log,
            wait: Wait::NOT,
        }
    }

    /// Gives a connection its name.
    pub(crate) fn link(&mut self, conn: &Arc<Conn>) -> LinkId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        let place = &mut self.places[slot as usize];
        place.epoch = place.epoch.wrapping_add(1);
        place.conn = Some(conn.clone());
        let link = LinkId { slot, epoch: place.epoch };
        conn.outbox().link = Some(link);
        link
    }

    /// The name of a connection that is not over.
    #[inline]
    pub(crate) fn link_of(&self, conn: &Arc<Conn>) -> Option<LinkId> {
        let link = conn.link()?;
        conn_of(&self.places, link).map(|_| link)
    }

    /// Forgets a connection's name.
    pub(crate) fn unlink(&mut self, link: LinkId) -> Option<Arc<Conn>> {
        let place = self.places.get_mut(link.slot as usize).filter(|place| place.epoch == link.epoch)?;
        let conn = place.conn.take()?;
        self.free.push(link.slot);
        Some(conn)
    }

    /// Every connection that has a name.
    pub(crate) fn conns(&self) -> Vec<Arc<Conn>> {
        self.places.iter().filter_map(|place| place.conn.clone()).collect()
    }

    /// What is around the sockets of a listener's clients keeps so much.
    pub(crate) fn stream_bytes(&self, listener: ListenerId) -> u64 {
        let conns = self.places.iter().filter_map(|place| place.conn.as_ref());
        conns.filter(|conn| conn.listener == listener).map(|conn| u64::from(conn.stream_bytes())).sum()
    }

    /// Hands one input to the engine; its effects stay in the tray.
    #[inline]
    pub(crate) fn handle(&mut self, now: Now, input: Input<'_>) -> Progress {
        if self.log.is_some() {
            return self.handle_logged(now, input);
        }
        self.engine.handle(now, input, &mut self.tray)
    }

    /// The same; what waits for a record of this input is no affair of the next one.
    fn handle_logged(&mut self, now: Now, input: Input<'_>) -> Progress {
        let before = self.tray.effects.len();
        let progress = self.engine.handle(now, input, &mut self.tray);
        self.end_input(before);
        progress
    }

    fn end_input(&mut self, before: usize) {
        // What was there may have grown by merging, never shrunk.
        let new = &self.tray.effects[before.min(self.tray.effects.len())..];
        let last = new.iter().rfind(|effect| matches!(effect, Effect::After(_)));
        if matches!(last, Some(Effect::After(sequence)) if sequence.is_some()) {
            self.tray.effects.push(Effect::After(Sequence::NONE));
        }
    }

    /// The log has advanced: what waited for that leaves, and the engine hears of it. Returns the records that are
    /// needed no more.
    pub(crate) fn on_advance(&mut self, now: Now, scratch: &mut Scratch) -> Vec<Sequence> {
        let Some(log) = &mut self.log else { return Vec::new() };
        let Some(news) = log.advance(scratch) else { return Vec::new() };
        let released = log.take_released();
        for link in news.links {
            if let Some(conn) = conn_of(&self.places, link)
                && conn.open(news.durable, news.written, scratch) == Pushed::Dirty
            {
                scratch.dirty.push(conn.clone());
            }
        }
        self.handle(now, Input::Committed { through: news.durable, room: news.room, is_full: news.is_full });
        released
    }

    /// Nothing is appended from now on, and nothing leaves that waits for it.
    pub(crate) fn end_log(&mut self) {
        if let Some(log) = &mut self.log {
            log.end();
        }
        self.answer_no_more();
    }

    /// Who waits for the log to advance when it does not any more hears nothing, and that at once.
    fn answer_no_more(&mut self) {
        if self.log.as_ref().is_some_and(Log::is_over) {
            self.asked.clear();
        }
    }

    /// Counts a packet that was taken. No check for overflow: 64 bits last.
    #[inline]
    pub(crate) const fn count_received(&mut self, bytes: usize) {
        self.passed.packets_received = self.passed.packets_received.wrapping_add(1);
        self.passed.bytes_received = self.passed.bytes_received.wrapping_add(bytes as u64);
        self.moved = self.moved.wrapping_add(bytes as u64);
    }

    #[inline]
    const fn count_sent(&mut self, bytes: usize) {
        self.passed.bytes_sent = self.passed.bytes_sent.wrapping_add(bytes as u64);
        self.moved = self.moved.wrapping_add(bytes as u64);
    }

    /// Tells the engine what passed here and elsewhere, before it looks at its figures.
    pub(crate) fn tell_passed(&mut self, now: Now, elsewhere: &Meter) {
        let mut passed = Box::new(core::mem::take(&mut self.passed));
        elsewhere.add_to(&mut passed);
        self.handle(now, Input::Passed(passed));
    }

    /// What passed or was kept since somebody looked at the memory.
    #[inline]
    pub(crate) fn passed_since_look(&self) -> u64 {
        self.moved.max(self.engine.kept_bytes().abs_diff(self.kept_then))
    }

    /// What is kept in memory: all of it added up, or what grows fastest beside the rest of the last time.
    pub(crate) fn count_kept(&mut self, is_thorough: bool) -> u64 {
        self.moved = 0;
        self.kept_then = self.engine.kept_bytes();
        if is_thorough {
            self.kept_beside = self.ledger().in_memory().saturating_sub(self.kept_then);
        }
        self.kept_beside + self.kept_then
    }

    /// What the engine keeps. Bytes that have left and were not reported to it are in no outbox.
    pub(crate) fn ledger(&self) -> Ledger {
        let conns = self.places.iter().filter_map(|place| place.conn.as_ref());
        let left: u64 = conns.map(|conn| u64::from(conn.outbox().unreported())).sum();
        let mut ledger = self.engine.ledger();
        ledger.outboxes = ledger.outboxes.saturating_sub(left);
        ledger
    }

    /// One batch may put so many bytes into outboxes before somebody looks at the memory.
    pub(crate) fn set_batch_bytes(&mut self, bytes: u64) {
        let effects = (bytes / EFFECT_BYTES).max(EFFECTS_MIN);
        self.effects_max = usize::try_from(effects).unwrap_or(EFFECTS_MAX).min(EFFECTS_MAX);
    }

    /// Memory is as short as that: whoever was given less room reports it in smaller amounts.
    pub(crate) fn press(&mut self, now: Now, pressure: Pressure, outboxes_bytes: u64) -> Vec<(LinkId, u32)> {
        let is_more = pressure > self.engine.pressure();
        self.handle(now, Input::Pressed { pressure, outboxes_bytes });
        if !is_more {
            return Vec::new();
        }
        self.has_small = true;
        self.places.iter().filter_map(|place| place.conn.as_ref()?.make_small()).collect()
    }

    /// The socket of a link took bytes.
    #[inline]
    pub(crate) fn on_room(&mut self, now: Now, link: LinkId, bytes: u32) {
        self.handle(now, Input::Room { link, bytes });
        if self.has_small && self.engine.pressure() == Pressure::Calm {
            // The engine has given it its room back.
            if let Some(conn) = conn_of(&self.places, link) {
                conn.outbox().is_small = false;
            }
        }
    }

    /// Whether others should have their turn before more is put into the tray: a batch of messages that go to many
    /// is no shorter than one message that goes to more.
    pub(crate) fn has_plenty(&self) -> bool {
        self.tray.effects.len() >= self.effects_max || self.tray.bytes.len() >= BYTES_MAX
    }

    /// Asks the engine; the answer comes through the receiver.
    pub(crate) fn ask(&mut self, now: Now, question: Question) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        self.last_asked += 1;
        let ticket = Ticket(self.last_asked);
        self.asked.insert(ticket, sender);
        self.handle(now, Input::Asked { ticket, question });
        receiver
    }

    /// Does what is in the tray, up to the system calls, which are the caller's. `owner` is the connection
    /// whose task is calling, if one is: it looks after its own mail.
    pub(crate) fn apply(&mut self, owner: Option<&Arc<Conn>>, scratch: &mut Scratch) {
        if self.tray.is_empty() {
            return;
        }
        let mut tray = core::mem::take(&mut self.tray);
        if let Some(log) = &mut self.log {
            log.append(&tray, scratch);
        }
        self.wait = Wait::NOT;
        scratch.unflushed += tray.bytes.len();
        let mut effects = core::mem::take(&mut tray.effects);
        for effect in effects.drain(..) {
            self.apply_one(effect, &mut tray, owner, scratch);
        }
        tray.effects = effects;
        tray.clear();
        self.tray = tray;
        if !self.asked.is_empty() {
            self.answer_no_more();
        }
    }

    #[inline]
    fn apply_one(&mut self, effect: Effect, tray: &mut Tray, owner: Option<&Arc<Conn>>, scratch: &mut Scratch) {
        let is_owner = |conn: &Arc<Conn>| owner.is_some_and(|owner| Arc::ptr_eq(owner, conn));
        match effect {
            Effect::Send { link, range, lane } => {
                let bytes = &tray.bytes[range.start as usize..range.end as usize];
                self.send(link, bytes, lane, scratch);
            }
            Effect::SendShared { link, head, body } => {
                let head = &tray.bytes[head.start as usize..head.end as usize];
                let body = &mut tray.bodies[body as usize];
                if !self.wait.is_not() {
                    // Once for all who get it, as it will wait for longer than the buffer it came in should live.
                    *body = owned(body.clone());
                }
                self.count_sent(head.len() + body.bytes.len());
                if let Some(conn) = conn_of(&self.places, link) {
                    match conn.push_shared(head, body.clone(), self.wait, scratch) {
                        Pushed::Dirty => scratch.dirty.push(conn.clone()),
                        Pushed::Noted => {}
                        Pushed::Gated(waits) => self.on_gated(link, waits),
                    }
                }
            }
            Effect::Accepted { link, keep_alive_s, packet_bytes_max } => {
                if let Some(conn) = conn_of(&self.places, link) {
                    // Room is reported in amounts that fit the outbox which the engine gives it.
                    conn.outbox().is_small |= self.engine.pressure() != Pressure::Calm;
                    conn.tell(is_owner(conn), |mail| mail.accepted = Some((keep_alive_s, packet_bytes_max)));
                }
            }
            Effect::Exchange { link } => {
                if let Some(conn) = conn_of(&self.places, link) {
                    conn.tell(is_owner(conn), |mail| mail.is_exchanging = true);
                }
            }
            Effect::Resume { link } => {
                if let Some(conn) = conn_of(&self.places, link) {
                    conn.tell(is_owner(conn), |mail| mail.is_resumed = true);
                }
            }
            Effect::Part { link, cause } => {
                if let Some(conn) = self.unlink(link) {
                    conn.outbox().shed_if(cause == Cause::Memory);
                    // A client that said good-bye does not wait for an answer.
                    let is_expected = matches!(cause, Cause::Disconnect(_));
                    let closing = if is_expected { Closing::Flushed } else { Closing::Lingering };
                    if conn.part(is_owner(&conn), closing) == Pushed::Dirty {
                        scratch.dirty.push(conn);
                    }
                }
            }
            Effect::Judge { ticket, question } => scratch.judges.push((ticket, *question)),
            Effect::Answer { ticket, answer } => {
                if let Some(sender) = self.asked.remove(&ticket) {
                    // Whoever asked may have gone.
                    let _ = sender.send(answer);
                }
            }
            Effect::Observe(event) => scratch.events.push(*event),
            // All of the tray were appended before.
            Effect::Append { .. } => debug_assert!(self.log.is_some(), "an engine without a log appends nothing"),
            Effect::After(sequence) => {
                self.wait = self.log.as_ref().map_or(Wait::NOT, |log| log.wait_for(sequence));
            }
            Effect::Promised { link, durability } => self.on_promised(link, durability),
            Effect::Release(sequence) => self.release(sequence, scratch),
            Effect::Load { ticket, sequences } => {
                if let Some(log) = &mut self.log {
                    log.load(Load { ticket, sequences: sequences.into() }, scratch);
                }
            }
            // There is one partition.
            Effect::Forward { .. } => debug_assert!(false, "one partition forwards to none"),
        }
    }

    #[inline]
    fn send(&mut self, link: LinkId, bytes: &[u8], lane: Lane, scratch: &mut Scratch) {
        self.count_sent(bytes.len());
        if let Some(conn) = conn_of(&self.places, link) {
            match conn.push(bytes, lane, self.wait, scratch) {
                Pushed::Dirty => scratch.dirty.push(conn.clone()),
                Pushed::Noted => {}
                Pushed::Gated(waits) => self.on_gated(link, waits),
            }
        }
    }

    /// A client waits for less than others.
    #[cold]
    fn on_promised(&self, link: LinkId, durability: Durability) {
        let Some(conn) = conn_of(&self.places, link) else { return };
        let (outbox, log) = (&mut conn.outbox(), &self.log);
        outbox.waits = match durability {
            Durability::Fsync => Waits::Durable,
            Durability::Os => Waits::Written,
            Durability::Memory => Waits::Never,
        };
        if let Some(log) = log.as_ref().filter(|_| outbox.waits == Waits::Written) {
            log.tell_written();
        }
    }

    #[cold]
    fn on_gated(&mut self, link: LinkId, waits: Waits) {
        let wait = self.wait;
        if let Some(log) = &mut self.log {
            log.on_gated(wait, link, waits);
        }
    }

    fn release(&mut self, sequence: Sequence, scratch: &mut Scratch) {
        if let Some(log) = &mut self.log {
            log.release(sequence, scratch);
        }
    }
}

#[inline]
fn conn_of(places: &[Place], link: LinkId) -> Option<&Arc<Conn>> {
    places.get(link.slot as usize).filter(|place| place.epoch == link.epoch)?.conn.as_ref()
}

#[cfg(test)]
mod tests;
