//! What the engine knows of its log.
//!
//! Owns: the numbers of records, who still needs which message, what waits for room.
//! Never: lets anybody see what is not durable: whatever depends on a record leaves after it.
//!
//! A change takes effect at once and is appended in the same call; [`Tray::wait_for`] holds back what it makes visible.

use crate::recording::Recording;
use crate::stored_groups::Given;
use crate::{Effect, Engine, Importance, LinkId, Tray, Urgency};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use postrider_ports::{ClientId, Ticket};
use postrider_router::{FilterId, SessionKey};
use postrider_session::{Mono, Sequence};
use std::collections::{BTreeMap, VecDeque};

/// The engine's side of the log.
#[derive(Debug)]
pub(crate) struct Log {
    /// The last record that was appended.
    pub(crate) last: Sequence,
    /// The last that is durable.
    pub(crate) durable: Sequence,
    /// Bytes of ordinary records that certainly have a place.
    room: u64,
    is_full: bool,
    /// Messages with more than one holder or with a mark. One that is not here has one.
    shared: HashMap<Sequence, Shared, FixedState>,
    /// Sessions whose pictures in the log are old.
    pub(crate) dirty: VecDeque<SessionKey>,
    /// When they have to be renewed.
    pub(crate) renew_at: Option<Mono>,
    /// Who asked for the end, and how many connections that ended: they hear of it when no picture is old.
    pub(crate) stopping: Vec<(Ticket, u64)>,
    /// Links that wait for room.
    held: Vec<LinkId>,
    pub(crate) fetches: BTreeMap<Ticket, Fetch>,
    /// Whose sessions have ended, as long as that is not durable.
    pub(crate) gone: BTreeMap<ClientId, Sequence>,
    /// Groups whose pictures in the log are old.
    pub(crate) dirty_groups: VecDeque<FilterId>,
    /// Steps of the group at hand.
    pub(crate) given: Vec<Given>,
    /// The message that is being delivered and recorded.
    pub(crate) recording: Option<Recording>,
    /// How many sessions are recorded.
    pub(crate) sessions: usize,
}

#[derive(Debug)]
struct Shared {
    holders: u32,
    /// A record that has to stay as long as this one.
    mark: Sequence,
}

/// For whom messages are being read, and its number, as its key may come to name another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fetch {
    Session(SessionKey, u64),
    Group(FilterId, u64),
}

/// Below so much room new messages wait.
const ROOM_MIN: u64 = 2 * 1024 * 1024;
/// Room at the beginning, until the log says more.
const ROOM_AT_FIRST: u64 = 4 * 1024 * 1024;
/// What a record takes beside its payload, at most.
const OVERHEAD: u64 = 16;
/// How long a picture of a session may be behind.
const RENEWAL_MS: u64 = 150;

impl Log {
    pub(crate) fn new(last: Sequence, seed: u64) -> Self {
        Self {
            last,
            durable: last,
            room: ROOM_AT_FIRST,
            is_full: false,
            shared: HashMap::with_hasher(FixedState::with_seed(seed)),
            dirty: VecDeque::new(),
            renew_at: None,
            stopping: Vec::new(),
            held: Vec::new(),
            fetches: BTreeMap::new(),
            gone: BTreeMap::new(),
            dirty_groups: VecDeque::new(),
            given: Vec::new(),
            recording: None,
            sessions: 0,
        }
    }

    /// Appends a record and gives its number.
    pub(crate) fn append(
        &mut self,
        kind: u8,
        urgency: Urgency,
        importance: Importance,
        tray: &mut Tray,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Sequence {
        let start = tray.mark();
        write(&mut tray.bytes);
        let range = start..tray.mark();
        self.take_room(u64::from(range.end - range.start));
        self.last = self.last.next();
        tray.push(Effect::Append { kind, range, urgency, importance });
        self.last
    }

    /// Appends a record that nothing new depends on: it finishes something or makes room.
    pub(crate) fn append_essential(
        &mut self,
        kind: u8,
        urgency: Urgency,
        tray: &mut Tray,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Sequence {
        self.append(kind, urgency, Importance::Essential, tray, write)
    }

    pub(crate) const fn take_room(&mut self, bytes: u64) {
        self.room = self.room.saturating_sub(bytes + OVERHEAD);
    }

    /// Whether new messages have to wait, or are refused.
    #[inline]
    pub(crate) const fn is_tight(&self) -> bool {
        self.room < ROOM_MIN
    }

    /// Whether waiting helps nobody.
    pub(crate) const fn is_full(&self) -> bool {
        self.is_full && self.is_tight()
    }

    pub(crate) fn hold(&mut self, link: LinkId) {
        self.held.push(link);
    }

    /// The record of a message, while it is being written.
    pub(crate) fn recording_of(&mut self, sequence: Sequence) -> Option<&mut Recording> {
        self.recording.as_mut().filter(|recording| recording.sequence == sequence)
    }

    /// A message has so many holders.
    pub(crate) fn set_holders(&mut self, sequence: Sequence, holders: u32, tray: &mut Tray) {
        match holders {
            0 => tray.push(Effect::Release(sequence)),
            1 => {}
            _ => _ = self.shared.insert(sequence, Shared { holders, mark: Sequence::NONE }),
        }
    }

    /// A message has one holder more.
    pub(crate) fn hold_on(&mut self, sequence: Sequence) {
        if sequence.is_some() {
            self.shared.entry(sequence).or_insert(Shared { holders: 1, mark: Sequence::NONE }).holders += 1;
        }
    }

    /// A message has one holder less; without any, its record goes. True if it stays.
    pub(crate) fn let_go(&mut self, sequence: Sequence, tray: &mut Tray) -> bool {
        if !sequence.is_some() {
            return false;
        }
        if let Some(recording) = self.recording_of(sequence) {
            // It had to make room for the next delivery of the same message.
            recording.holders -= 1;
            return true;
        }
        let Some(shared) = self.shared.get_mut(&sequence) else {
            tray.push(Effect::Release(sequence));
            return false;
        };
        shared.holders -= 1;
        let (holders, mark) = (shared.holders, shared.mark);
        if holders == 0 {
            tray.push(Effect::Release(sequence));
            tray.push(Effect::Release(mark));
        }
        if holders == 0 || (holders == 1 && !mark.is_some()) {
            self.shared.remove(&sequence);
        }
        holders > 0
    }

    /// A record that stays as long as a message does.
    pub(crate) fn mark(&mut self, sequence: Sequence, mark: Sequence) {
        self.shared.entry(sequence).or_insert(Shared { holders: 1, mark }).mark = mark;
    }

    /// The picture of a session is old from now on.
    pub(crate) fn remember(&mut self, key: SessionKey, now: Mono) {
        self.dirty.push_back(key);
        self.renew_soon(now);
    }

    /// That of a group is.
    pub(crate) fn remember_group(&mut self, share: FilterId, now: Mono) {
        self.dirty_groups.push_back(share);
        self.renew_soon(now);
    }

    /// Whether no picture is old.
    pub(crate) fn is_settled(&self) -> bool {
        self.dirty.is_empty() && self.dirty_groups.is_empty()
    }

    fn renew_soon(&mut self, now: Mono) {
        self.renew_at.get_or_insert_with(|| now.plus_ms(RENEWAL_MS));
    }

    /// Messages with more than one holder, and marks.
    pub(crate) fn shared(&self) -> impl Iterator<Item = (Sequence, u32, Sequence)> {
        self.shared.iter().map(|(sequence, shared)| (*sequence, shared.holders, shared.mark))
    }
}

impl Engine {
    /// The log is durable up to a record, or has room again.
    pub(crate) fn on_committed(&mut self, through: Sequence, room: u64, is_full: bool, tray: &mut Tray) {
        let Some(log) = &mut self.log else { return };
        log.durable = log.durable.max(through);
        (log.room, log.is_full) = (room, is_full);
        let durable = log.durable;
        log.gone.retain(|_, gone| *gone > durable);
        if !log.is_tight() || log.is_full {
            for link in core::mem::take(&mut log.held) {
                if self.links.session_of(link).is_some() {
                    tray.push(Effect::Resume { link });
                }
            }
        }
        self.write_rest(tray);
    }

    /// A message has one holder less.
    pub(crate) fn let_go(&mut self, sequence: Sequence, tray: &mut Tray) {
        if let Some(log) = &mut self.log {
            log.let_go(sequence, tray);
        }
    }

    /// The last record that was appended; nothing without a log.
    #[inline]
    #[must_use]
    pub fn last_record(&self) -> Sequence {
        self.log.as_ref().map_or(Sequence::NONE, |log| log.last)
    }
}
