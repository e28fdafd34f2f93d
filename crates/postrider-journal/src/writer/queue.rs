//! Records that wait for the writing thread, gathered into groups already.
//!
//! Owns: the next sequence, the bound in bytes, and what room the log has promised.

use super::{Urgency, WriterOptions};
use crate::error::Fault;
use crate::frame::HEADER_BYTES;
use crate::group::Group;
use crate::log::{Importance, Room};
use crate::options::Options;
use crate::sequence::Sequence;
use std::collections::VecDeque;
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Queue {
    groups: VecDeque<Group>,
    free: Vec<Group>,
    /// Of the groups that wait.
    bytes: u64,
    /// Of the group that is being written.
    in_flight: u64,
    last: Sequence,
    /// Groups up to here go as soon as possible.
    urgent_through: Sequence,
    /// Since when a lazy record has waited.
    pub(super) lazy_since: Option<Instant>,
    pub(super) room: Room,
    /// What somebody was told of it and has not used.
    promised: u64,
    /// The device was asked for more room than this and refused.
    pub(super) is_exhausted: bool,
    /// Room that somebody was refused.
    pub(super) wanted: u64,
    /// Somebody believes that a full device has room again.
    pub(super) is_asked: bool,
    pub(super) is_closing: bool,
    /// The thread sleeps.
    pub(super) is_waiting: bool,
    pub(super) fault: Option<Fault>,
    limits: Limits,
}

#[derive(Debug)]
struct Limits {
    queue_bytes: u64,
    /// Room that is promised to nobody, for compaction.
    spare_bytes: u64,
    group_bytes: u64,
    group_records: usize,
    record_bytes: u64,
}

/// What the queue says to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Taken,
    TooLarge,
    /// The queue is at its bound.
    Busy,
    /// The log has promised no room for it.
    NoRoom,
}

impl Queue {
    pub(super) fn new(last: Sequence, room: Room, writer: &WriterOptions, options: &Options) -> Self {
        let queue_bytes = writer.queue_bytes;
        let limits = Limits {
            queue_bytes,
            spare_bytes: SPARE_STEPS * writer.compaction_bytes,
            group_bytes: options.group_limit(),
            group_records: options.group_records_max,
            record_bytes: u64::from(options.record_bytes_max),
        };
        Self {
            groups: VecDeque::new(),
            free: Vec::new(),
            bytes: 0,
            in_flight: 0,
            last,
            urgent_through: Sequence::NONE,
            lazy_since: None,
            is_exhausted: room.ordinary < queue_bytes,
            room,
            promised: 0,
            wanted: 0,
            is_asked: false,
            is_closing: false,
            is_waiting: false,
            fault: None,
            limits,
        }
    }

    /// Whether a record of so many bytes can be taken now.
    pub(super) fn judge(&mut self, length: u64, importance: Importance) -> Verdict {
        let needed = length + HEADER_BYTES;
        let waiting = self.waiting_bytes();
        let room = if importance == Importance::Essential { self.room.essential } else { self.room.ordinary };
        if length > self.limits.record_bytes {
            Verdict::TooLarge
        } else if waiting > 0 && waiting + needed > self.limits.queue_bytes {
            Verdict::Busy
        } else if self.bytes + needed > room {
            self.wanted = self.wanted.max(self.bytes + needed);
            Verdict::NoRoom
        } else {
            Verdict::Taken
        }
    }

    pub(super) fn push(&mut self, kind: u8, payload: &[&[u8]], length: u64, urgency: Urgency) -> Sequence {
        let is_over = |group: &Group| {
            group.bytes() + length > self.limits.group_bytes || group.count() >= self.limits.group_records
        };
        if self.groups.back().is_none_or(is_over) {
            let group = self.free.pop().unwrap_or_else(Group::new);
            self.bytes += group.bytes();
            self.groups.push_back(group);
        }
        self.last = Sequence::new(self.last.number() + 1);
        if let Some(group) = self.groups.back_mut() {
            group.push(self.last, kind, payload);
        }
        self.bytes += length;
        self.promised = self.promised.saturating_sub(length + HEADER_BYTES);
        match urgency {
            Urgency::Now => self.urgent_through = self.last,
            Urgency::Lazy => _ = self.lazy_since.get_or_insert_with(Instant::now),
        }
        self.last
    }

    /// The next group, if something in it is urgent or `is_due`.
    pub(super) fn take_group(&mut self, is_due: bool) -> Option<Group> {
        let is_urgent = self.groups.front()?.is_at_most(self.urgent_through);
        if !is_urgent && !is_due {
            return None;
        }
        let group = self.groups.pop_front()?;
        self.bytes -= group.bytes();
        self.in_flight = group.bytes();
        self.room.ordinary = self.room.ordinary.saturating_sub(group.bytes());
        self.room.essential = self.room.essential.saturating_sub(group.bytes());
        if self.groups.is_empty() {
            self.lazy_since = None;
        }
        Some(group)
    }

    /// A group is written; an empty one comes back.
    pub(super) fn on_written(&mut self, group: Group, room: Room) {
        self.in_flight = 0;
        self.room = room;
        if self.free.len() < FREE_MAX {
            self.free.push(group);
        }
    }

    /// Whether to ring for the thread; it is rung for once until it waits again.
    pub(super) const fn take_bell(&mut self) -> bool {
        std::mem::replace(&mut self.is_waiting, false)
    }

    /// Takes room for compaction away from what may be appended, if there is enough that was not promised.
    pub(super) const fn claim(&mut self, bytes: u64) -> bool {
        let left = self.room.ordinary.saturating_sub(self.bytes + bytes);
        // In a full device the copies make the room that appends wait for.
        let is_free = self.bytes + bytes <= self.room.ordinary || (self.is_exhausted && self.bytes == 0);
        let is_free = is_free && left >= self.promised;
        if is_free {
            self.room.ordinary = self.room.ordinary.saturating_sub(bytes);
            self.room.essential = self.room.essential.saturating_sub(bytes);
        }
        is_free
    }

    /// The last record that was named.
    pub(super) const fn last(&self) -> Sequence {
        self.last
    }

    /// The first record of the group that the last record is in, or would be in.
    pub(super) fn together_from(&self) -> Sequence {
        self.groups.back().map_or_else(|| Sequence::new(self.last.number() + 1), Group::first)
    }

    /// Bytes that are certain to be taken, whatever else happens; from now on they are promised.
    pub(super) const fn promise(&mut self) -> u64 {
        let in_queue = self.limits.queue_bytes.saturating_sub(self.bytes + self.in_flight);
        let on_device = self.room.ordinary.saturating_sub(self.bytes + self.limits.spare_bytes);
        let left = if in_queue < on_device { in_queue } else { on_device };
        self.promised = left.saturating_sub(HEADER_BYTES);
        self.promised
    }

    /// As if somebody had been refused, and whatever the device said before.
    pub(super) const fn want_room(&mut self) {
        self.is_asked = true;
        if self.wanted < self.limits.queue_bytes {
            self.wanted = self.limits.queue_bytes;
        }
    }

    /// Bytes that are in memory until they are written.
    pub(super) const fn waiting_bytes(&self) -> u64 {
        self.bytes + self.in_flight
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// Groups whose memory is kept.
const FREE_MAX: usize = 2;
/// Steps of compaction for which there is always room: it makes more than it takes.
const SPARE_STEPS: u64 = 8;
