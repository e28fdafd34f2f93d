//! The log as the partition sees it: what was appended, what is durable, and who waits for that.
//!
//! Owns: the order of gates across links, and what is to be released or read when the lock is left.
//! Never: makes a system call; the bell is rung and records are released by others, outside of the lock.

use crate::gates::{Wait, Waits};
use crate::scratch::Scratch;
use postrider_engine::{Effect, Importance, LinkId, Tray, Urgency};
use postrider_journal::{Appended, Handle, NewRecord, ReadError, Refused, Standing, Storage};
use postrider_ports::Ticket;
use postrider_session::Sequence;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;

/// A journal, whatever its files are.
pub(crate) trait Journal: Debug + Send + Sync {
    fn append(&self, records: &mut dyn Iterator<Item = NewRecord<'_>>) -> Result<Appended, Refused>;
    fn ring(&self);
    fn standing(&self) -> Standing;
    /// Bytes of records that are in memory until they are written.
    fn waiting_bytes(&self) -> u64;
    fn want_room(&self);
    fn tell_written(&self);
    fn release(&self, sequence: Sequence);
    fn read(&self, sequence: Sequence, payload: &mut Vec<u8>) -> Result<u8, ReadError>;
}

impl<S: Storage> Journal for Handle<S> {
    fn append(&self, records: &mut dyn Iterator<Item = NewRecord<'_>>) -> Result<Appended, Refused> {
        self.append_all(records)
    }

    fn ring(&self) {
        self.ring();
    }

    fn standing(&self) -> Standing {
        self.standing()
    }

    fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes()
    }

    fn want_room(&self) {
        self.want_room();
    }

    fn tell_written(&self) {
        self.tell_written();
    }

    fn release(&self, sequence: Sequence) {
        // What cannot be released comes back at the next start, and is released then.
        let _ = self.release(name(sequence));
    }

    fn read(&self, sequence: Sequence, payload: &mut Vec<u8>) -> Result<u8, ReadError> {
        self.read(name(sequence), payload)
    }
}

/// The log of one partition.
#[derive(Debug)]
pub(crate) struct Log {
    journal: Arc<dyn Journal>,
    /// As far as the engine knows.
    durable: Sequence,
    /// What is written, as far as somebody wants to know.
    written: Sequence,
    last: Sequence,
    /// All from here to the last becomes durable at one moment.
    together_from: Sequence,
    /// Which links to open when, mostly in order; one that comes early waits for those before it.
    gates: VecDeque<(Sequence, LinkId)>,
    /// The same for links that wait until something is written.
    gates_until_written: VecDeque<(Sequence, LinkId)>,
    released: Vec<Sequence>,
    /// What the engine may take beyond what it was promised: a packet, as it looks at the room before it.
    beyond: u64,
    /// What can be read when it is durable.
    loads: VecDeque<(Sequence, Load)>,
    /// Nothing is appended any more, and nothing that waits ever leaves.
    is_over: bool,
}

/// Records that somebody wants to see again.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) ticket: Ticket,
    pub(crate) sequences: Vec<Sequence>,
}

/// What follows from an advance of the log.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) links: Vec<LinkId>,
    pub(crate) durable: Sequence,
    pub(crate) written: Sequence,
    pub(crate) room: u64,
    pub(crate) is_full: bool,
}

impl Log {
    pub(crate) fn new(journal: Arc<dyn Journal>, last: Sequence, packet_bytes_max: u32) -> Self {
        Self {
            journal,
            durable: last,
            written: last,
            last,
            together_from: last.next(),
            gates: VecDeque::new(),
            gates_until_written: VecDeque::new(),
            released: Vec::new(),
            beyond: u64::from(packet_bytes_max),
            loads: VecDeque::new(),
            is_over: false,
        }
    }

    /// Appends every record of a tray, at once and before anything of it can be seen.
    pub(crate) fn append(&mut self, tray: &Tray, scratch: &mut Scratch) {
        let mut records = tray.effects.iter().filter_map(|effect| record(effect, &tray.bytes)).peekable();
        if self.is_over || records.peek().is_none() {
            return;
        }
        let mut count = 0;
        match self.journal.append(&mut records.inspect(|_| count += 1)) {
            Ok(appended) => {
                self.last = Sequence(self.last.0 + count);
                debug_assert_eq!(appended.last.number(), self.last.0, "the engine and the journal count differently");
                self.together_from = Sequence(appended.together_from.number());
                scratch.must_ring |= appended.needs_ring;
            }
            Err(refused) => {
                self.is_over = true;
                scratch.refused = Some(refused);
            }
        }
    }

    /// What something has to wait for that may be seen after this record.
    pub(crate) fn wait_for(&self, sequence: Sequence) -> Wait {
        if sequence <= self.durable {
            Wait::NOT
        } else if self.is_over {
            Wait { through: Sequence(u64::MAX), written: Sequence::NONE, together_from: Sequence(u64::MAX) }
        } else {
            Wait { through: sequence, written: self.written, together_from: self.together_from }
        }
    }

    /// A link has a new gate.
    pub(crate) fn on_gated(&mut self, wait: Wait, link: LinkId, waits: Waits) {
        let gates = if waits == Waits::Written { &mut self.gates_until_written } else { &mut self.gates };
        if !self.is_over {
            gates.push_back((wait.through, link));
        }
    }

    /// Somebody waits until something is written.
    pub(crate) fn tell_written(&self) {
        self.journal.tell_written();
    }

    /// Notes a record that is needed no more.
    pub(crate) fn release(&mut self, sequence: Sequence, scratch: &mut Scratch) {
        self.released.push(sequence);
        // Otherwise somebody comes by when the log has advanced.
        scratch.must_release |= self.durable == self.last;
    }

    /// What was noted since the last time.
    pub(crate) fn take_released(&mut self) -> Vec<Sequence> {
        core::mem::take(&mut self.released)
    }

    /// Lets records be read, now or when they are written.
    pub(crate) fn load(&mut self, load: Load, scratch: &mut Scratch) {
        match load.sequences.iter().max() {
            Some(last) if *last > self.durable => self.loads.push_back((*last, load)),
            _ => scratch.loads.push(load),
        }
    }

    /// Looks how far the log has come; nothing if it is over.
    pub(crate) fn advance(&mut self, scratch: &mut Scratch) -> Option<News> {
        let standing = self.journal.standing();
        if self.is_over || standing.fault.is_some() {
            return None;
        }
        self.durable = Sequence(standing.durable.number());
        self.written = Sequence(standing.written.number());
        let mut links = Vec::new();
        while let Some((_, link)) = self.gates_until_written.pop_front_if(|(through, _)| *through <= self.written) {
            links.push(link);
        }
        while let Some((_, link)) = self.gates.pop_front_if(|(through, _)| *through <= self.durable) {
            links.push(link);
        }
        while let Some((_, load)) = self.loads.pop_front_if(|(last, _)| *last <= self.durable) {
            scratch.loads.push(load);
        }
        let room = standing.room.saturating_sub(self.beyond);
        Some(News { links, durable: self.durable, written: self.written, room, is_full: standing.is_full })
    }

    /// Whether it has ended, of itself or by order.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Nothing is appended from now on.
    pub(crate) const fn end(&mut self) {
        self.is_over = true;
    }
}

fn record<'a>(effect: &Effect, bytes: &'a [u8]) -> Option<NewRecord<'a>> {
    let Effect::Append { kind, range, urgency, importance } = effect else { return None };
    Some(NewRecord {
        kind: *kind,
        payload: &bytes[range.start as usize..range.end as usize],
        urgency: match urgency {
            Urgency::Now => postrider_journal::Urgency::Now,
            Urgency::Lazy => postrider_journal::Urgency::Lazy,
        },
        importance: match importance {
            Importance::Ordinary => postrider_journal::Importance::Ordinary,
            Importance::Essential => postrider_journal::Importance::Essential,
        },
    })
}

/// What the journal calls a record.
pub(crate) const fn name(sequence: Sequence) -> postrider_journal::Sequence {
    postrider_journal::Sequence::new(sequence.0)
}
