//! The least that stands between bytes and an engine: links, a tray, outboxes that are emptied at once.
//!
//! Owns: the product driver's way through a batch (decode, handle, apply once, flush) without its locks, tasks
//! and sockets, so that these do not blur what the pure half costs.
//! Never: records anything or checks invariants; a workload looks at its output once, before it is counted.

use bytes::Bytes;
use postrider_engine::{Effect, Engine, Input, Lane, Limits, LinkId, Seeds, Tray};
use postrider_ports::{PartitionId, Peer};
use postrider_proto::Packet;
use postrider_session::{Bounds, LinkLimits, Mono, Now, Overflow, ServerLink, Wall};
use postrider_testkit::Hello;
use std::hint::black_box;

/// The moment at which everything happens.
pub(super) const NOW: Now = Now { mono: Mono(1_000_000), wall: Wall(1_700_000_000_000) };

/// One engine and its links.
pub(super) struct Driver {
    engine: Engine,
    tray: Tray,
    ends: Vec<End>,
    limits: LinkLimits,
    peer: Peer,
    dirty: Vec<usize>,
    /// Packets and bytes, counted as the product counts them.
    received: (u64, u64),
    sent_bytes: u64,
}

/// One connection.
struct End {
    id: LinkId,
    link: ServerLink,
    outbox: Vec<u8>,
    bodies: Vec<Bytes>,
    /// Bytes of messages that the socket took and the engine has not heard of.
    unreported: u32,
    is_dirty: bool,
}

/// What a broker allows by default, but for bounds that a long run would meet.
pub(super) fn limits() -> Limits {
    Limits {
        in_flight_max: 1024,
        mailbox: Bounds {
            messages_max: u32::MAX,
            qos0_max: u32::MAX,
            bytes_max: u64::MAX,
            memory_bytes_max: 256 * 1024,
            overflow: Overflow::Reject,
        },
        outbox_bytes_max: 256 * 1024,
        retained_messages_max: u64::MAX,
        retained_bytes_max: u64::MAX,
        sessions_max: u32::MAX,
        subscriptions_max: 10_000,
        is_observed: false,
        ..postrider_testkit::limits()
    }
}

pub(super) fn engine(limits: Limits) -> Engine {
    Engine::new(limits, PartitionId(0), Seeds { hash: 7, ids: 7 })
}

impl Driver {
    pub(super) fn new() -> Self {
        let limits = limits();
        Self {
            limits: limits.link,
            engine: engine(limits),
            tray: Tray::new(),
            ends: Vec::new(),
            peer: Peer::from("127.0.0.1:4711"),
            dirty: Vec::new(),
            received: (0, 0),
            sent_bytes: 0,
        }
    }

    /// A new connection in a new place.
    pub(super) fn open(&mut self) -> usize {
        let slot = u32::try_from(self.ends.len()).expect("few connections");
        self.ends.push(End {
            id: LinkId { slot, epoch: 1 },
            link: ServerLink::new(NOW.mono, &self.limits),
            outbox: Vec::new(),
            bodies: Vec::new(),
            unreported: 0,
            is_dirty: false,
        });
        self.ends.len() - 1
    }

    /// A new connection in the place of one that is over.
    pub(super) fn reopen(&mut self, at: usize) {
        let end = &mut self.ends[at];
        end.id.epoch += 1;
        end.link = ServerLink::new(NOW.mono, &self.limits);
        end.unreported = 0;
    }

    /// A client that is in.
    pub(super) fn connect(&mut self, hello: &Hello) -> usize {
        let at = self.open();
        self.turn(at, &hello.bytes().into());
        assert!(self.ends[at].link.is_accepted(), "the client is in");
        at
    }

    /// Bytes come in, and what they cause goes out.
    pub(super) fn turn(&mut self, at: usize, bytes: &Bytes) {
        self.receive(at, bytes);
        self.flush();
    }

    /// Bytes come in; what goes out waits in the outboxes.
    pub(super) fn receive(&mut self, at: usize, bytes: &Bytes) {
        let mut used = 0;
        if self.ends[at].link.on_bytes(NOW.mono, bytes.len(), &self.limits).is_err() {
            return;
        }
        loop {
            let before = used;
            while let Ok(Some((packet, len))) = self.ends[at].link.decode(&bytes[used..], &self.limits) {
                used += len;
                self.offer(at, &packet, bytes);
                self.received = (self.received.0.wrapping_add(1), self.received.1.wrapping_add(len as u64));
            }
            self.apply();
            if used == before || used == bytes.len() {
                return;
            }
        }
    }

    /// What waits for a connection's socket, large payloads left out.
    pub(super) fn outbox(&self, at: usize) -> &[u8] {
        &self.ends[at].outbox
    }

    #[inline]
    fn offer(&mut self, at: usize, packet: &Packet<'_>, source: &Bytes) {
        let end = &mut self.ends[at];
        let link = end.id;
        let resolved;
        let mut input = Input::Received { link, packet, source };
        if let Packet::Publish(publish) = packet
            && !publish.properties.is_empty()
        {
            let Ok(publish) = end.link.resolve(*publish, &self.limits) else { return };
            resolved = Packet::Publish(publish);
            input = Input::Received { link, packet: &resolved, source };
        } else if let Packet::Connect(connect) = packet {
            input = Input::Linked { link, connect, peer: &self.peer };
        }
        self.engine.handle(NOW, input, &mut self.tray);
    }

    fn apply(&mut self) {
        for effect in self.tray.effects.drain(..) {
            match effect {
                Effect::Send { link, range, lane } => {
                    let Some(end) = end_of(&mut self.ends, link, &mut self.dirty) else { continue };
                    let bytes = &self.tray.bytes[range.start as usize..range.end as usize];
                    end.outbox.extend_from_slice(bytes);
                    self.sent_bytes = self.sent_bytes.wrapping_add(bytes.len() as u64);
                    if lane == Lane::Data {
                        end.unreported += range.end - range.start;
                    }
                }
                Effect::SendShared { link, head, body } => {
                    let Some(end) = end_of(&mut self.ends, link, &mut self.dirty) else { continue };
                    let body = self.tray.bodies[body as usize].bytes.clone();
                    end.outbox.extend_from_slice(&self.tray.bytes[head.start as usize..head.end as usize]);
                    end.unreported += head.end - head.start + u32::try_from(body.len()).unwrap_or(u32::MAX);
                    self.sent_bytes = self.sent_bytes.wrapping_add((head.len() + body.len()) as u64);
                    end.bodies.push(body);
                }
                Effect::Accepted { link, keep_alive_s, packet_bytes_max } => {
                    if let Some(end) = end_of(&mut self.ends, link, &mut self.dirty) {
                        end.link.on_accepted(NOW.mono, keep_alive_s, packet_bytes_max);
                    }
                }
                // A connection that is over is opened again by the workload; nothing here is held, asked or kept.
                Effect::Append { .. }
                | Effect::After(_)
                | Effect::Promised { .. }
                | Effect::Release(_)
                | Effect::Load { .. }
                | Effect::Part { .. }
                | Effect::Exchange { .. }
                | Effect::Resume { .. }
                | Effect::Judge { .. }
                | Effect::Forward { .. }
                | Effect::Answer { .. }
                | Effect::Observe(_) => {}
            }
        }
        self.tray.clear();
    }

    /// The sockets take everything, and the engine hears of room as it does in the product.
    pub(super) fn flush(&mut self) {
        let enough = self.engine.limits().outbox_bytes_max / 2;
        for at in self.dirty.drain(..) {
            let end = &mut self.ends[at];
            black_box((&end.outbox, &end.bodies));
            end.outbox.clear();
            end.bodies.clear();
            end.is_dirty = false;
            if end.unreported >= enough {
                let bytes = core::mem::take(&mut end.unreported);
                self.engine.handle(NOW, Input::Room { link: end.id, bytes }, &mut self.tray);
            }
        }
    }
}

/// The connection that has this name now; it is in the list of those to flush afterwards.
#[inline]
fn end_of<'a>(ends: &'a mut [End], link: LinkId, dirty: &mut Vec<usize>) -> Option<&'a mut End> {
    let at = link.slot as usize;
    let end = ends.get_mut(at).filter(|end| end.id == link)?;
    if !core::mem::replace(&mut end.is_dirty, true) {
        dirty.push(at);
    }
    Some(end)
}
