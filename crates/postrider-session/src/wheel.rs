//! Timers: a hierarchical wheel with O(1) insert and cancel.
//!
//! Owns: the deadlines of one owner, in ticks of 128 ms; a timer fires up to one tick late, never early.
//! Never: reads a clock; firing order depends on nothing but the calls made.
//!
//! Six levels of 64 slots span 278 years. A slot is a list threaded through a slab, so cancelling unlinks.

use crate::Mono;
use core::num::NonZeroU32;

/// A set of timers, each with a token that comes back when it fires.
#[derive(Clone, Debug)]
pub struct Wheel<T> {
    nodes: Vec<Node<T>>,
    free: u32,
    heads: [[u32; SLOTS]; LEVELS],
    /// Bit per slot that has a timer.
    occupied: [u64; LEVELS],
    /// Everything before this tick has fired.
    now: u64,
    len: usize,
}

/// Names a timer for cancelling. Using one whose timer has fired or was cancelled does nothing unless
/// the place was taken by a newer timer: keys carry a generation, so that is noticed. It is never 0, so that a key
/// that may be missing takes no more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerKey {
    at: u32,
    generation: NonZeroU32,
}

#[derive(Clone, Debug)]
struct Node<T> {
    deadline: u64,
    previous: u32,
    next: u32,
    generation: NonZeroU32,
    /// `None` while the node is free.
    token: Option<T>,
}

const LEVELS: usize = 6;
const SLOTS: usize = 64;
const TICK_MS: u64 = 128;
const NIL: u32 = u32::MAX;

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: NIL, heads: [[NIL; SLOTS]; LEVELS], occupied: [0; LEVELS], now: 0, len: 0 }
    }
}

impl<T> Wheel<T> {
    /// Adds a timer for `deadline`; one in the past fires at the next [`Wheel::take_due`], one more than
    /// 274 years away fires by then.
    pub fn insert(&mut self, deadline: Mono, token: T) -> TimerKey {
        let deadline = deadline.0.div_ceil(TICK_MS).clamp(self.now, self.now.saturating_add(HORIZON));
        let at = if self.free == NIL {
            let at = u32::try_from(self.nodes.len()).unwrap_or(NIL);
            self.nodes.push(Node { deadline, previous: NIL, next: NIL, generation: NonZeroU32::MIN, token: None });
            at
        } else {
            let at = self.free;
            self.free = self.nodes[at as usize].next;
            at
        };
        let node = &mut self.nodes[at as usize];
        node.deadline = deadline;
        node.token = Some(token);
        let generation = node.generation;
        self.link(at);
        self.len += 1;
        TimerKey { at, generation }
    }

    /// Takes a timer out before it fires; `None` when it is gone already.
    pub fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let node = self.nodes.get(key.at as usize)?;
        if node.generation != key.generation || node.token.is_none() {
            return None;
        }
        self.unlink(key.at);
        self.release(key.at)
    }

    /// The token of one timer whose deadline has come, earlier ticks first; `None` when there is none.
    pub fn take_due(&mut self, now: Mono) -> Option<T> {
        let target = now.0 / TICK_MS;
        loop {
            // Level 0 holds exactly the timers of ticks now..now+64 that are due one tick each.
            let slot = slot_of(self.now, 0);
            let at = self.heads[0][slot];
            if at != NIL {
                if self.now > target {
                    return None;
                }
                self.unlink(at);
                return self.release(at);
            }
            let Some(next) = self.next_tick().filter(|next| *next <= target) else {
                self.now = self.now.max(target);
                self.cascade();
                return None;
            };
            self.now = next;
            self.cascade();
        }
    }

    /// When [`Wheel::take_due`] has to be called next: never later than the earliest deadline, and for a far
    /// one some time before it.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        self.next_tick().map(|tick| Mono(tick * TICK_MS))
    }

    /// The tokens of all timers, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.nodes.iter().filter_map(|node| node.token.as_ref())
    }

    /// How many timers are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when no timer is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The next tick at which a slot has to be looked at.
    fn next_tick(&self) -> Option<u64> {
        (0..LEVELS).filter_map(|level| self.next_of_level(level)).min()
    }

    fn next_of_level(&self, level: usize) -> Option<u64> {
        let occupied = self.occupied[level];
        if occupied == 0 {
            return None;
        }
        let current = slot_of(self.now, level);
        // Slots from the current one on, in the order their time comes.
        let distance = occupied.rotate_right(u32::try_from(current).unwrap_or(0)).trailing_zeros();
        let width = width_of(level);
        let start = (self.now / width + u64::from(distance)) * width;
        Some(start.max(self.now))
    }

    /// Brings the timers of every coarser slot that begins now down to where they belong.
    fn cascade(&mut self) {
        for level in (1..LEVELS).rev() {
            let slot = slot_of(self.now, level);
            let mut at = self.heads[level][slot];
            self.heads[level][slot] = NIL;
            self.occupied[level] &= !(1 << slot);
            while at != NIL {
                let next = self.nodes[at as usize].next;
                self.link(at);
                at = next;
            }
        }
    }

    fn link(&mut self, at: u32) {
        let (level, slot) = self.place_of(self.nodes[at as usize].deadline);
        let head = self.heads[level][slot];
        let node = &mut self.nodes[at as usize];
        node.previous = NIL;
        node.next = head;
        if head != NIL {
            self.nodes[head as usize].previous = at;
        }
        self.heads[level][slot] = at;
        self.occupied[level] |= 1 << slot;
    }

    fn unlink(&mut self, at: u32) {
        let (previous, next) = (self.nodes[at as usize].previous, self.nodes[at as usize].next);
        if next != NIL {
            self.nodes[next as usize].previous = previous;
        }
        if previous != NIL {
            self.nodes[previous as usize].next = next;
            return;
        }
        let (level, slot) = self.head_of(at);
        self.heads[level][slot] = next;
        if next == NIL {
            self.occupied[level] &= !(1 << slot);
        }
    }

    /// Which list `at` is the head of.
    fn head_of(&self, at: u32) -> (usize, usize) {
        let deadline = self.nodes[at as usize].deadline;
        (0..LEVELS)
            .map(|level| (level, slot_of(deadline, level)))
            .find(|(level, slot)| self.heads[*level][*slot] == at)
            .unwrap_or_default()
    }

    fn place_of(&self, deadline: u64) -> (usize, usize) {
        // The highest group of six bits in which deadline and now differ names the level.
        let differing = (deadline ^ self.now) | 1;
        let level = ((63 - differing.leading_zeros() as usize) / 6).min(LEVELS - 1);
        (level, slot_of(deadline, level))
    }

    fn release(&mut self, at: u32) -> Option<T> {
        let node = &mut self.nodes[at as usize];
        node.generation = node.generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        node.next = self.free;
        self.free = at;
        self.len -= 1;
        node.token.take()
    }
}

/// Ticks after which the uppermost level would come round.
const HORIZON: u64 = (1 << (6 * LEVELS)) - (1 << (6 * (LEVELS - 1)));

fn width_of(level: usize) -> u64 {
    1 << (6 * level)
}

#[expect(clippy::cast_possible_truncation, reason = "the mask leaves six bits")]
fn slot_of(tick: u64, level: usize) -> usize {
    (tick >> (6 * level)) as usize & (SLOTS - 1)
}
