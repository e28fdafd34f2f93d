//! From bytes to the engine: decoding a batch, offering it, keeping what has to wait.
//!
//! Owns: the link's half of the protocol and the bytes that could not be offered yet.

use crate::conn::Conn;
use crate::gates::Wait;
use crate::leaving;
use crate::outbox::{Closing, Pushed};
use crate::partition::Partition;
use crate::scratch::Scratch;
use crate::shared::Shared;
use bytes::Bytes;
use postrider_engine::{Input, Lane, LinkId, Progress};
use postrider_ports::{Cause, Peer};
use postrider_proto::{Packet, encode_pingresp};
use postrider_session::{LinkLimits, Mono, Now, ServerLink, Violation};
use smallvec::SmallVec;
use std::sync::Arc;

/// The way in of one connection.
pub(crate) struct Intake {
    link: ServerLink,
    /// What held for its listener when it was opened.
    limits: Arc<LinkLimits>,
    /// A packet that is not whole, or packets that wait.
    kept: Vec<u8>,
    /// What of it was counted.
    weight: usize,
    /// Known until the client is in.
    peer: Option<Box<Peer>>,
    hold: Hold,
    /// What is kept may be whole packets that nothing holds back any more.
    is_fresh: bool,
}

/// Why nothing is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    No,
    /// A plugin thinks about the next packet.
    Verdict,
    /// The last packet's fan-out is not over.
    Fanout,
    /// The link is over.
    Over,
}

/// Packets decoded before the partition is entered.
const PACKETS: usize = 256;
/// From this size on, what was read is worth the wait of a turn.
const BURST_BYTES: usize = 256;
/// Up to this size a packet in parts is kept together with what came behind it.
const SMALL: usize = 4096;

type Batch<'a> = SmallVec<[(Packet<'a>, usize); PACKETS]>;

impl Intake {
    pub(crate) fn new(now: Mono, limits: Arc<LinkLimits>, peer: Peer) -> Self {
        Self {
            link: ServerLink::new(now, &limits),
            limits,
            kept: Vec::new(),
            weight: 0,
            peer: Some(Box::new(peer)),
            hold: Hold::No,
            is_fresh: false,
        }
    }

    pub(crate) fn on_accepted(&mut self, now: Mono, keep_alive_s: u16, packet_bytes_max: u32) {
        self.link.on_accepted(now, keep_alive_s, packet_bytes_max);
        self.peer = None;
        self.is_fresh = true;
    }

    pub(crate) fn on_exchange(&mut self) {
        self.link.on_exchange();
        self.is_fresh = true;
    }

    pub(crate) fn on_resumed(&mut self) {
        if self.hold != Hold::Over {
            self.hold = Hold::No;
            self.is_fresh = true;
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Mono> {
        self.link.next_deadline(&self.limits)
    }

    /// A client that we do not read, because something of its own waits for us, is not silent.
    pub(crate) fn on_timeout(&mut self, now: Mono) -> Result<(), Violation> {
        match self.hold {
            Hold::Verdict | Hold::Fanout => self.on_unread(now),
            Hold::No | Hold::Over => self.link.on_timeout(now, &self.limits),
        }
    }

    /// The same when it is not read for another reason of ours.
    pub(crate) fn on_unread(&mut self, now: Mono) -> Result<(), Violation> {
        let limits = &self.limits;
        if self.link.is_accepted() { self.link.on_bytes(now, 0, limits) } else { self.link.on_timeout(now, limits) }
    }

    /// The last packet's fan-out goes on, and whoever caused it carries it on.
    pub(crate) fn is_paused(&self) -> bool {
        self.hold == Hold::Fanout
    }

    /// What is kept can be offered now.
    pub(crate) fn can_offer(&self) -> bool {
        self.is_fresh && self.hold == Hold::No && !self.kept.is_empty()
    }

    /// More can be read.
    pub(crate) fn can_read(&self) -> bool {
        self.hold == Hold::No && !self.link.is_asked()
    }

    /// How much may be read at a time. Before the client is in, no more than belongs to the packet that has
    /// begun: what a client sends right behind a CONNECT does not count against what a stranger may send.
    pub(crate) fn read_bytes_max(&self) -> usize {
        if self.link.is_accepted() {
            return usize::MAX;
        }
        let rest = self.link.announced_len(&self.kept).map(|len| len.saturating_sub(self.kept.len()).max(1));
        rest.unwrap_or(SMALL)
    }

    /// Bytes came from the far end.
    pub(crate) fn take(&mut self, bytes: &Bytes, shared: &Arc<Shared>, conn: &Arc<Conn>, scratch: &mut Scratch) {
        let now = shared.clock.now();
        if let Err(violation) = self.link.on_bytes(now.mono, bytes.len(), &self.limits) {
            self.violate(now, violation, shared, conn, scratch);
            return;
        }
        if self.kept.is_empty() {
            let used = self.offer(now, bytes, shared, conn, scratch);
            self.kept.extend_from_slice(&bytes[used..]);
            return;
        }
        // First the packet that has begun, without what is behind it if that is much.
        let mut rest = bytes.clone();
        while !rest.is_empty() && !self.kept.is_empty() && self.hold == Hold::No && !self.is_fresh {
            let wanted = match self.link.announced_len(&self.kept) {
                _ if self.kept.len() + rest.len() <= SMALL => rest.len(),
                Some(len) => len.saturating_sub(self.kept.len()).max(1),
                None => 1,
            };
            self.kept.extend_from_slice(&rest.split_to(wanted.min(rest.len())));
            self.offer_kept(shared, conn, scratch);
        }
        if self.kept.is_empty() && self.hold == Hold::No {
            let used = self.offer(now, &rest, shared, conn, scratch);
            rest = rest.slice(used..);
        }
        self.kept.extend_from_slice(&rest);
    }

    /// Offers what was kept.
    pub(crate) fn offer_kept(&mut self, shared: &Arc<Shared>, conn: &Arc<Conn>, scratch: &mut Scratch) {
        self.is_fresh = false;
        // A packet that is not whole is not worth taking the buffer apart for.
        let is_whole = self.link.announced_len(&self.kept).is_some_and(|len| len <= self.kept.len());
        if !is_whole && self.link.decode(&self.kept, &self.limits).is_ok() {
            return;
        }
        let now = shared.clock.now();
        let kept = Bytes::from(core::mem::take(&mut self.kept));
        let used = self.offer(now, &kept, shared, conn, scratch);
        if used < kept.len() {
            self.kept = kept[used..].to_vec();
        }
    }

    /// Counts what is kept. While there is too much of it, who sends more of a packet that is not small goes.
    #[inline]
    pub(crate) fn weigh(&mut self, shared: &Arc<Shared>, conn: &Arc<Conn>, scratch: &mut Scratch) {
        let weight = self.kept.capacity();
        if weight != self.weight {
            let has_grown = weight > self.weight && self.kept.len() > SMALL;
            shared.memory.charges.on_partial(self.weight, weight);
            self.weight = weight;
            if has_grown && shared.memory.is_out_of_partial() {
                self.give_up(shared, conn, scratch);
            }
        }
    }

    #[cold]
    fn give_up(&mut self, shared: &Arc<Shared>, conn: &Arc<Conn>, scratch: &mut Scratch) {
        self.say(Violation::QuotaExceeded, shared, conn, scratch);
        let input = |link| Input::Parted { link, cause: Cause::Memory };
        self.leave(shared.clock.now(), shared, conn, scratch, input);
        self.kept = Vec::new();
        self.weigh_nothing(shared);
    }

    /// Nothing is kept any more.
    pub(crate) fn weigh_nothing(&mut self, shared: &Shared) {
        if self.weight > 0 {
            shared.memory.charges.on_partial(core::mem::take(&mut self.weight), 0);
        }
    }

    /// Decodes packets and hands them to the engine, until the bytes are used up or something has to wait.
    /// Says how many bytes are done with.
    fn offer(
        &mut self,
        now: Now,
        bytes: &Bytes,
        shared: &Arc<Shared>,
        conn: &Arc<Conn>,
        scratch: &mut Scratch,
    ) -> usize {
        let mut used = 0;
        while self.hold == Hold::No {
            let mut batch: Batch<'_> = SmallVec::new();
            let mut decoded = used;
            let result = decode(&mut self.link, bytes, &mut decoded, &self.limits, &mut batch);
            if batch.iter().all(|(packet, _)| matches!(packet, Packet::Pingreq)) {
                used = decoded;
                answer_pings(batch.len(), shared, conn, scratch);
            } else {
                used = self.enter(now, &batch, bytes, used, shared, conn, scratch);
            }
            if used < decoded {
                break;
            }
            match result {
                Ok(true) => {}
                Ok(false) => break,
                Err(violation) => self.violate(now, violation, shared, conn, scratch),
            }
        }
        // Only now is anything written, and after a burst only when other connections have been read too.
        // What goes to many is much more than what came: memory is looked at before anybody adds to it.
        if scratch.must_look || !scratch.defer(bytes.len() >= BURST_BYTES) {
            shared.follow_up(now, Some(conn), scratch);
        }
        used
    }

    /// Enters the partition once with a batch. Says how many bytes are done with; `start` is where the batch
    /// begins.
    #[expect(clippy::too_many_arguments, reason = "the batch and the four things it passes through")]
    fn enter(
        &mut self,
        now: Now,
        batch: &Batch<'_>,
        source: &Bytes,
        start: usize,
        shared: &Arc<Shared>,
        conn: &Arc<Conn>,
        scratch: &mut Scratch,
    ) -> usize {
        let mut used = start;
        let outcome = shared.enter_only(Some(conn), scratch, |partition| {
            for (packet, end) in batch {
                if matches!(packet, Packet::Connect(_)) && shared.is_over() {
                    conn.outbox().close(Closing::Now);
                    return Ok(Progress::Gone);
                }
                let progress = self.offer_one(now, packet, source, partition, conn)?;
                if progress != Progress::Hold {
                    partition.count_received(end - used);
                    used = *end;
                }
                if progress != Progress::Done || partition.has_plenty() {
                    return Ok(progress);
                }
            }
            Ok(Progress::Done)
        });
        // What is left of the batch is offered when others have had their turn.
        self.is_fresh |= batch.last().is_some_and(|(_, end)| used < *end);
        match outcome {
            Ok(Progress::Done) => {}
            Ok(Progress::Hold) => self.hold = Hold::Verdict,
            Ok(Progress::Pause) => self.hold = Hold::Fanout,
            Ok(Progress::Gone) => self.hold = Hold::Over,
            Err(violation) => self.violate(now, violation, shared, conn, scratch),
        }
        used
    }

    #[inline]
    fn offer_one(
        &mut self,
        now: Now,
        packet: &Packet<'_>,
        source: &Bytes,
        partition: &mut Partition,
        conn: &Arc<Conn>,
    ) -> Result<Progress, Violation> {
        if let Packet::Connect(connect) = packet {
            let link = partition.link(conn);
            if let Some(peer) = &self.peer {
                partition.handle(now, Input::Linked { link, connect, peer });
            }
            return Ok(Progress::Done);
        }
        let Some(link) = partition.link_of(conn) else { return Ok(Progress::Gone) };
        if let Packet::Publish(publish) = packet
            && !publish.properties.is_empty()
        {
            let packet = &Packet::Publish(self.link.resolve(*publish, &self.limits)?);
            return Ok(partition.handle(now, Input::Received { link, packet, source }));
        }
        Ok(partition.handle(now, Input::Received { link, packet, source }))
    }

    /// The far end broke the protocol: it is told, the engine hears of it, and the connection ends.
    pub(crate) fn violate(
        &mut self,
        now: Now,
        violation: Violation,
        shared: &Arc<Shared>,
        conn: &Arc<Conn>,
        scratch: &mut Scratch,
    ) {
        self.say(violation, shared, conn, scratch);
        self.leave(now, shared, conn, scratch, |link| Input::Broke { link, violation });
    }

    /// Last words about a breach, if the dialect has any and the last word is not said yet.
    pub(crate) fn say(&self, violation: Violation, shared: &Shared, conn: &Arc<Conn>, scratch: &mut Scratch) {
        if conn.outbox().mail.closing != Closing::No {
            return;
        }
        let mut words = Vec::new();
        self.link.farewell(violation, &mut words);
        if words.is_empty() {
            return;
        }
        shared.meter.on_farewell(words.len());
        if conn.push(&words, Lane::Control, Wait::NOT, scratch) == Pushed::Dirty {
            scratch.dirty.push(conn.clone());
        }
    }

    /// The link is over: the engine hears of it, if it has not decided so itself.
    pub(crate) fn leave(
        &mut self,
        now: Now,
        shared: &Arc<Shared>,
        conn: &Arc<Conn>,
        scratch: &mut Scratch,
        input: impl FnOnce(LinkId) -> Input<'static>,
    ) {
        if core::mem::replace(&mut self.hold, Hold::Over) == Hold::Over {
            return;
        }
        let name = {
            let mut outbox = conn.outbox();
            if outbox.close(Closing::Lingering) == Pushed::Dirty {
                scratch.dirty.push(conn.clone());
            }
            outbox.link
        };
        match name {
            Some(link) => shared.enter(now, Some(conn), scratch, |partition| {
                if partition.unlink(link).is_some() {
                    partition.handle(now, input(link));
                }
            }),
            None => leaving::end(now, (conn, self.peer.as_deref()), input, shared, scratch),
        }
    }
}

/// Decodes up to a batch of packets; true when there may be more.
fn decode<'a>(
    link: &mut ServerLink,
    bytes: &'a Bytes,
    at: &mut usize,
    limits: &LinkLimits,
    batch: &mut Batch<'a>,
) -> Result<bool, Violation> {
    while batch.len() < PACKETS {
        let Some((packet, len)) = link.decode(&bytes[*at..], limits)? else { return Ok(false) };
        *at += len;
        batch.push((packet, *at));
    }
    Ok(true)
}

/// PINGRESP for PINGREQ needs no engine. [MQTT-3.12.4-1]
fn answer_pings(count: usize, shared: &Shared, conn: &Arc<Conn>, scratch: &mut Scratch) {
    if count == 0 {
        return;
    }
    shared.meter.on_pings(count);
    let mut answers = Vec::with_capacity(count * 2);
    (0..count).for_each(|_| encode_pingresp(&mut answers));
    if conn.push(&answers, Lane::Control, Wait::NOT, scratch) == Pushed::Dirty {
        scratch.dirty.push(conn.clone());
    }
}
