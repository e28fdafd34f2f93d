//! The driver without sockets, threads or clock: what the product's driver does, in the smallest form.
//!
//! Owns: one engine, the links' own halves, and bytes on their way in and out.

mod durable;

pub use durable::{LogStep, Shelf};

use crate::witness::{Codes, Witnessed, codes, witnessed, witnessed_answer, witnessed_event};
use bytes::Bytes;
use durable::Gated;
use postrider_engine::{
    Durability, Effect, Engine, Input, Judge, Lane, Limits, LinkId, Passed, Pressure, Progress, Seeds, Tray, Verdict,
};
use postrider_ports::{Answer, Cause, Event, ListenerId, PartitionId, Peer, Question, Ticket};
use postrider_proto::{Packet, Version};
use postrider_session::{LinkLimits, Message, Mono, Now, Sequence, ServerLink, Violation};
use std::collections::VecDeque;

/// One engine and everything around it.
#[derive(Debug)]
pub struct PureDriver {
    /// The engine.
    pub engine: Engine,
    tray: Tray,
    links: Vec<Link>,
    /// Questions that no plugin has answered yet.
    pub questions: VecDeque<(Ticket, Judge)>,
    /// Answers to administrators.
    pub answers: Vec<(Ticket, Answer)>,
    /// What observers heard.
    pub events: Vec<Event>,
    /// Messages for other partitions: which, what, whether retained.
    pub forwards: VecDeque<(PartitionId, Message, bool)>,
    /// Sliced work is gone on with at once.
    pub works_at_once: bool,
    /// Everything the engine has taken, if somebody wants to know.
    pub witness: Option<Vec<Witnessed>>,
    /// The log, unless everything is in memory.
    pub shelf: Option<Shelf>,
    /// When the clock of this process would have begun.
    origin: Mono,
    /// What the engine has not heard of yet.
    passed: Passed,
    /// Where the next connections come in.
    pub listener: ListenerId,
    /// From which address they come, without a port.
    pub host: String,
    /// The first invariant that was found broken.
    pub broken: Option<String>,
}

/// One connection, seen from the broker.
#[derive(Debug)]
struct Link {
    id: LinkId,
    link: ServerLink,
    limits: LinkLimits,
    listener: ListenerId,
    host: String,
    is_named: bool,
    input: Vec<u8>,
    output: VecDeque<u8>,
    gated: VecDeque<Gated>,
    waits: bool,
    charged: u32,
    unreported: u32,
    is_held: bool,
    end: LinkEnd,
}

/// When something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// After every input.
    AtOnce,
    /// When the script says so.
    WhenTold,
}

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// It does.
    Open,
    /// The broker closes it once everything is written.
    Closed(Cause),
    /// The far end closed it.
    Gone,
}

impl PureDriver {
    /// An engine with fixed seeds.
    #[must_use]
    pub fn new(limits: Limits, partition: PartitionId, seed: u64) -> Self {
        let seeds = Seeds { hash: seed, ids: u128::from(seed) };
        Self {
            engine: Engine::new(limits, partition, seeds),
            tray: Tray::new(),
            links: Vec::new(),
            questions: VecDeque::new(),
            answers: Vec::new(),
            events: Vec::new(),
            forwards: VecDeque::new(),
            works_at_once: true,
            witness: None,
            shelf: None,
            origin: Mono(0),
            passed: Passed::default(),
            listener: ListenerId(0),
            host: "test".to_owned(),
            broken: None,
        }
    }

    /// A connection is opened; returns its number.
    pub fn open(&mut self, now: Now) -> usize {
        let now = self.local(now);
        self.passed.sockets += 1;
        let slot = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
        let limits = self.engine.limits().link_at(self.listener);
        self.links.push(Link {
            id: LinkId { slot, epoch: 1 },
            link: ServerLink::new(now.mono, &limits),
            limits,
            listener: self.listener,
            host: self.host.clone(),
            is_named: false,
            input: Vec::new(),
            output: VecDeque::new(),
            gated: VecDeque::new(),
            waits: true,
            charged: 0,
            unreported: 0,
            is_held: false,
            end: LinkEnd::Open,
        });
        slot as usize
    }

    /// The far end has sent bytes.
    pub fn receive(&mut self, now: Now, at: usize, bytes: &[u8]) {
        let now = self.local(now);
        let link = &mut self.links[at];
        let limits = link.limits;
        if link.end != LinkEnd::Open {
            return;
        }
        if let Err(violation) = link.link.on_bytes(now.mono, bytes.len(), &limits) {
            self.violate(now, at, violation);
            return;
        }
        link.input.extend_from_slice(bytes);
        self.offer(now, at);
    }

    /// Decodes and offers what is there.
    fn offer(&mut self, now: Now, at: usize) {
        loop {
            let link = &mut self.links[at];
            let limits = link.limits;
            if link.is_held || link.end != LinkEnd::Open {
                return;
            }
            let source = Bytes::copy_from_slice(&link.input);
            let (packet, len) = match link.link.decode(&source, &limits) {
                Ok(Some(found)) => found,
                Ok(None) => return,
                Err(violation) => return self.violate(now, at, violation),
            };
            let refused = self.engine.counters().publishes_refused;
            match self.offer_one(now, at, &packet, &source) {
                Ok(Progress::Hold) => self.links[at].is_held = true,
                Ok(progress) => {
                    self.passed.packets_received += 1;
                    self.passed.bytes_received += len as u64;
                    self.note_taken(at, &packet, self.engine.counters().publishes_refused > refused);
                    let link = &mut self.links[at];
                    link.input.drain(..len);
                    link.is_held |= progress == Progress::Pause;
                }
                Err(violation) => self.violate(now, at, violation),
            }
            self.apply(now);
        }
    }

    fn offer_one(&mut self, now: Now, at: usize, packet: &Packet<'_>, source: &Bytes) -> Result<Progress, Violation> {
        let link = &mut self.links[at];
        let (id, limits) = (link.id, link.limits);
        match packet {
            Packet::Connect(connect) => {
                link.is_named = true;
                let peer = Peer::through(link.listener, &format!("{}:{at}", link.host));
                Ok(self.engine.handle(now, Input::Linked { link: id, connect, peer: &peer }, &mut self.tray))
            }
            Packet::Publish(publish) => {
                let packet = &Packet::Publish(link.link.resolve(*publish, &limits)?);
                Ok(self.engine.handle(now, Input::Received { link: id, packet, source }, &mut self.tray))
            }
            packet => Ok(self.engine.handle(now, Input::Received { link: id, packet, source }, &mut self.tray)),
        }
    }

    /// A packet was taken; what follows from it is still in the tray.
    fn note_taken(&mut self, at: usize, packet: &Packet<'_>, is_unplaced: bool) {
        let told = self.codes_for(at);
        let Some(witness) = &mut self.witness else { return };
        let id = self.links[at].id;
        let is_in = |effect: &Effect| matches!(effect, Effect::Accepted { link, .. } if *link == id);
        let what = match (packet, told) {
            (Packet::Connect(_), Some(Codes::Connack(reason))) if reason.is_error() => {
                Some(Witnessed::TurnedAway { at, reason })
            }
            (Packet::Connect(_), _) if !self.tray.effects.iter().any(is_in) => None,
            (Packet::Publish(publish), _) if is_unplaced => {
                let (packet_id, payload) = (publish.packet_id, publish.payload.to_vec());
                Some(Witnessed::Unplaced { at, packet_id, payload })
            }
            (packet, told) => witnessed(at, packet).map(|what| what.granted(told)),
        };
        witness.extend(what);
    }

    /// What the tray has for a client in answer to its CONNECT or SUBSCRIBE.
    fn codes_for(&self, at: usize) -> Option<Codes> {
        let (id, version) = (self.links[at].id, self.links[at].link.version());
        self.witness.as_ref()?;
        self.tray.effects.iter().find_map(|effect| match effect {
            Effect::Send { link, range, .. } if *link == id => {
                codes(version, &self.tray.bytes[range.start as usize..range.end as usize])
            }
            _ => None,
        })
    }

    fn violate(&mut self, now: Now, at: usize, violation: Violation) {
        let link = &mut self.links[at];
        let mut words = Vec::new();
        link.link.farewell(violation, &mut words);
        link.gated.clear();
        self.passed.packets_sent += u64::from(!words.is_empty());
        self.passed.bytes_sent += words.len() as u64;
        link.output.extend(words);
        link.end = LinkEnd::Closed(Cause::Violation(violation.reason(), violation.clause()));
        let id = link.id;
        if let Some(witness) = &mut self.witness {
            witness.push(Witnessed::Parted { at });
        }
        let link = &self.links[at];
        if link.is_named {
            self.engine.handle(now, Input::Broke { link: id, violation }, &mut self.tray);
        }
        self.apply(now);
    }

    /// Tells the engine what has passed.
    fn tell_passed(&mut self, now: Now) {
        let passed = Box::new(core::mem::take(&mut self.passed));
        self.engine.handle(now, Input::Passed(passed), &mut self.tray);
    }

    /// The far end has closed the connection.
    pub fn close(&mut self, now: Now, at: usize) {
        let now = self.local(now);
        self.end(now, at, LinkEnd::Gone, Cause::Closed);
    }

    fn end(&mut self, now: Now, at: usize, end: LinkEnd, cause: Cause) {
        let link = &mut self.links[at];
        if link.end != LinkEnd::Open {
            return;
        }
        link.end = end;
        link.gated.clear();
        let id = link.id;
        if let Some(witness) = &mut self.witness {
            witness.push(Witnessed::Parted { at });
        }
        if link.is_named {
            self.engine.handle(now, Input::Parted { link: id, cause }, &mut self.tray);
        }
        self.apply(now);
    }

    /// The far end takes up to `max` bytes from its socket.
    pub fn take_output(&mut self, now: Now, at: usize, max: usize) -> Vec<u8> {
        let now = self.local(now);
        let link = &mut self.links[at];
        let count = link.output.len().min(max);
        let bytes: Vec<u8> = link.output.drain(..count).collect();
        let released = link.charged.min(u32::try_from(count).unwrap_or(u32::MAX));
        link.charged -= released;
        link.unreported += released;
        self.report_room(now, at);
        bytes
    }

    /// Tells the engine of room, if that is worth it.
    fn report_room(&mut self, now: Now, at: usize) {
        let link = &mut self.links[at];
        let enough = (self.engine.outbox_bytes_max_of(link.id) / 2).max(1);
        if link.unreported >= enough && link.end == LinkEnd::Open {
            let (id, bytes) = (link.id, core::mem::take(&mut link.unreported));
            self.engine.handle(now, Input::Room { link: id, bytes }, &mut self.tray);
            self.apply(now);
        }
    }

    /// Memory is short, or is not any more.
    pub fn press(&mut self, now: Now, pressure: Pressure) {
        self.press_with(now, pressure, u64::MAX);
    }

    /// The same, and all outboxes may have so much together.
    pub fn press_with(&mut self, now: Now, pressure: Pressure, outboxes_bytes: u64) {
        let now = self.local(now);
        if let Some(witness) = &mut self.witness {
            witness.push(Witnessed::Pressed(pressure));
        }
        self.engine.handle(now, Input::Pressed { pressure, outboxes_bytes }, &mut self.tray);
        self.apply(now);
        for at in 0..self.links.len() {
            self.report_room(now, at);
        }
    }

    /// Bytes that wait for the far end to take them.
    #[must_use]
    pub fn output_len(&self, at: usize) -> usize {
        self.links[at].output.len()
    }

    /// Bytes that have come and were not taken.
    #[must_use]
    pub fn input_len(&self, at: usize) -> usize {
        self.links[at].input.len()
    }

    /// How the connection stands.
    #[must_use]
    pub fn end_of(&self, at: usize) -> LinkEnd {
        self.links[at].end
    }

    /// What the connection speaks.
    #[must_use]
    pub fn version_of(&self, at: usize) -> Version {
        self.links[at].link.version()
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now) {
        let now = self.local(now);
        for at in 0..self.links.len() {
            let link = &self.links[at];
            if link.end != LinkEnd::Open {
                continue;
            }
            match link.link.on_timeout(now.mono, &link.limits) {
                Ok(()) => {}
                Err(Violation::KeepAliveTimeout) => {
                    let link = &mut self.links[at];
                    let mut words = Vec::new();
                    link.link.farewell(Violation::KeepAliveTimeout, &mut words);
                    link.gated.clear();
                    link.output.extend(words);
                    self.end(now, at, LinkEnd::Closed(Cause::KeepAlive), Cause::KeepAlive);
                }
                Err(violation) => self.violate(now, at, violation),
            }
        }
        while self.engine.next_deadline().is_some_and(|deadline| deadline <= now.mono) {
            self.tell_passed(now);
            self.engine.handle(now, Input::Tick, &mut self.tray);
            self.apply(now);
        }
    }

    /// When [`PureDriver::tick`] has to come next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        let links = self.links.iter().filter(|link| link.end == LinkEnd::Open);
        let next =
            links.filter_map(|link| link.link.next_deadline(&link.limits)).chain(self.engine.next_deadline()).min();
        next.map(|next| next.plus_ms(self.origin.0))
    }

    /// A plugin answers.
    pub fn answer(&mut self, now: Now, ticket: Ticket, verdict: Verdict) {
        let now = self.local(now);
        self.engine.handle(now, Input::Judged { ticket, verdict }, &mut self.tray);
        self.apply(now);
    }

    /// Other limits are to hold.
    pub fn adopt(&mut self, now: Now, limits: Limits) {
        let now = self.local(now);
        self.engine.handle(now, Input::Adopted(Box::new(limits)), &mut self.tray);
        self.apply(now);
    }

    /// An administrator asks.
    pub fn ask(&mut self, now: Now, ticket: Ticket, question: Question) {
        let now = self.local(now);
        self.tell_passed(now);
        self.engine.handle(now, Input::Asked { ticket, question }, &mut self.tray);
        self.apply(now);
    }

    /// Another partition hands a message over.
    pub fn remote(&mut self, now: Now, from: PartitionId, message: Message, retain: bool) {
        let now = self.local(now);
        if let Some(witness) = &mut self.witness {
            let parts = message.parts();
            let topic = parts.topic.as_str().to_owned();
            witness.push(Witnessed::Remote { from, payload: parts.payload.to_vec(), topic, qos: parts.qos, retain });
        }
        self.engine.handle(now, Input::Remote { from, message, retain }, &mut self.tray);
        self.apply(now);
    }

    /// One slice of work.
    pub fn work(&mut self, now: Now) {
        let now = self.local(now);
        self.go_on(now);
    }

    fn go_on(&mut self, now: Now) {
        self.engine.handle(now, Input::Continue, &mut self.tray);
        self.apply(now);
    }

    /// By the clock of this process.
    const fn local(&self, now: Now) -> Now {
        Now { mono: Mono(now.mono.since_ms(self.origin)), wall: now.wall }
    }

    /// Does what the engine asks, and looks at its invariants.
    fn apply(&mut self, now: Now) {
        let mut tray = core::mem::take(&mut self.tray);
        let (mut resumed, mut gate) = (Vec::new(), Sequence::NONE);
        for effect in tray.effects.drain(..) {
            match effect {
                Effect::Send { link, range, lane } => {
                    let bytes = &tray.bytes[range.start as usize..range.end as usize];
                    self.append(link, bytes, lane, gate);
                }
                Effect::SendShared { link, head, body } => {
                    let head = &tray.bytes[head.start as usize..head.end as usize];
                    self.append(link, head, Lane::Data, gate);
                    self.append(link, &tray.bodies[body as usize].bytes, Lane::Data, gate);
                }
                Effect::Accepted { link, keep_alive_s, packet_bytes_max } => {
                    let link = &mut self.links[link.slot as usize];
                    link.link.on_accepted(now.mono, keep_alive_s, packet_bytes_max);
                    resumed.push(link.id);
                }
                Effect::Exchange { link } => {
                    self.links[link.slot as usize].link.on_exchange();
                    resumed.push(link);
                }
                Effect::Resume { link } => {
                    self.links[link.slot as usize].is_held = false;
                    resumed.push(link);
                }
                Effect::Part { link, cause } => {
                    let link = &mut self.links[link.slot as usize];
                    if link.end == LinkEnd::Open {
                        link.end = LinkEnd::Closed(cause);
                        link.drop_gated();
                        let at = link.id.slot as usize;
                        if let Some(witness) = &mut self.witness {
                            witness.push(Witnessed::Parted { at });
                        }
                    }
                }
                Effect::Judge { ticket, question } => self.questions.push_back((ticket, *question)),
                Effect::Forward { to, message, retain } => self.forwards.push_back((to, message, retain)),
                Effect::Answer { ticket, answer } => self.answers.push((ticket, answer)),
                Effect::After(sequence) => gate = sequence,
                Effect::Promised { link, durability } => {
                    self.links[link.slot as usize].waits = durability > Durability::Memory;
                }
                Effect::Append { .. } | Effect::Release(_) | Effect::Load { .. } => self.shelve(effect, &tray.bytes),
                Effect::Observe(event) => {
                    if let Some(witness) = &mut self.witness {
                        witness.extend(witnessed_event(&event));
                    }
                    self.events.push(*event);
                }
            }
        }
        tray.clear();
        self.tray = tray;
        self.note_logged();
        if let Err(broken) = postrider_engine::check_all(&self.engine) {
            self.broken.get_or_insert(broken);
        }
        while self.works_at_once && self.engine.has_work() {
            self.go_on(now);
        }
        for link in resumed {
            self.offer(now, link.slot as usize);
        }
        self.keep_pace(now);
    }

    fn append(&mut self, id: LinkId, bytes: &[u8], lane: Lane, gate: Sequence) {
        self.passed.bytes_sent += bytes.len() as u64;
        let link = &mut self.links[id.slot as usize];
        if let Some(witness) = &mut self.witness {
            witness.extend(witnessed_answer(id.slot as usize, link.link.version(), bytes));
        }
        if link.end != LinkEnd::Open {
            return;
        }
        if let Some(witness) = self.witness.as_mut().filter(|_| lane == Lane::Data) {
            witness.push(Witnessed::Sent { at: id.slot as usize, bytes: bytes.to_vec() });
        }
        let durable = self.shelf.as_ref().map_or(Sequence::NONE, |shelf| shelf.log.durable());
        if (gate > durable && link.waits) || !link.gated.is_empty() {
            link.gated.push_back(Gated { gate, bytes: bytes.to_vec(), lane });
            return;
        }
        link.output.extend(bytes);
        if lane == Lane::Data {
            link.charged += u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        }
    }
}

impl Link {
    /// What waits for the log is thrown away, but for a good-bye.
    fn drop_gated(&mut self) {
        self.output.extend(durable::farewell(&self.gated, self.link.version()));
        self.gated.clear();
    }
}
