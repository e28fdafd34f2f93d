//! The retained store: one value a topic, found by topic or by filter.
//!
//! Owns: an ordered set of topics in which everything below a level stands together, so a filter is a few
//! ranges and a scan can stop anywhere and go on later.
//! Never: copies the set for a scan, recurses, looks at what it need not.
//! Spec: 3.3.1.3.

use postrider_proto::{Filter, Topic};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

/// A value that knows its topic, so that the topic need not be kept twice.
pub trait Keyed {
    /// The topic name.
    fn topic(&self) -> Topic<'_>;
}

/// One value a topic.
#[derive(Clone, Debug)]
pub struct Retained<V> {
    set: BTreeSet<Slot<V>>,
}

/// What a scan ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// Everything that matches was seen.
    Complete,
    /// The visitor or the number of steps stopped it; the cursor knows where to go on.
    Stopped,
}

impl<V> Default for Retained<V> {
    fn default() -> Self {
        Self { set: BTreeSet::new() }
    }
}

impl<V: Keyed> Retained<V> {
    /// Puts a value at its topic; gives back the one it replaces. [MQTT-3.3.1-5]
    pub fn insert(&mut self, value: V) -> Option<V> {
        self.set.replace(Slot(value)).map(|slot| slot.0)
    }

    /// Takes the value of a topic out. [MQTT-3.3.1-6]
    pub fn remove(&mut self, topic: Topic<'_>) -> Option<V> {
        self.set.take(&topic as &dyn Place).map(|slot| slot.0)
    }

    /// The value of a topic.
    #[must_use]
    pub fn get(&self, topic: Topic<'_>) -> Option<&V> {
        self.set.get(&topic as &dyn Place).map(|slot| &slot.0)
    }

    /// How many topics have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// True without values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Every value in the store's order.
    pub fn iter(&self) -> impl Iterator<Item = &V> {
        self.set.iter().map(|slot| &slot.0)
    }

    /// Shows `visit` the values whose topics match, in the store's order, from where `cursor` stands, until
    /// it says false or `steps` topics were looked at. What it said false to comes first the next time.
    ///
    /// Values that are set or removed meanwhile are seen or not, depending on which side of the cursor they
    /// stand; all others are seen exactly once.
    pub fn scan(
        &self,
        filter: Filter<'_>,
        cursor: &mut Cursor,
        steps: usize,
        mut visit: impl FnMut(&V) -> bool,
    ) -> Scan {
        let mut left = steps;
        loop {
            match self.scan_range(filter, cursor, &mut left, &mut visit) {
                Pass::Jump(key) => *cursor = Cursor { key, is_taken: false },
                Pass::Stopped => return Scan::Stopped,
                Pass::Complete => return Scan::Complete,
            }
        }
    }

    /// One pass over neighbours, until something says to go elsewhere.
    fn scan_range(
        &self,
        filter: Filter<'_>,
        cursor: &mut Cursor,
        left: &mut usize,
        visit: &mut impl FnMut(&V) -> bool,
    ) -> Pass {
        let from = core::mem::take(&mut cursor.key);
        let place = Topic::trusted(&from);
        let place: &dyn Place = &place;
        let start = if cursor.is_taken { Bound::Excluded(place) } else { Bound::Included(place) };
        for slot in self.set.range::<dyn Place, _>((start, Bound::Unbounded)) {
            let topic = slot.0.topic();
            let judgement = judge(filter, topic);
            if *left == 0 || (matches!(judgement, Judgement::Matches) && !visit(&slot.0)) {
                *cursor = Cursor { key: topic.as_bytes().to_vec(), is_taken: false };
                return Pass::Stopped;
            }
            *left -= 1;
            match judgement {
                Judgement::Matches | Judgement::Next => {}
                Judgement::From(key) => return Pass::Jump(key),
                Judgement::Over => break,
            }
        }
        Pass::Complete
    }
}

enum Pass {
    Jump(Vec<u8>),
    Stopped,
    Complete,
}

/// Where a scan goes on.
#[derive(Clone, Debug)]
pub struct Cursor {
    key: Vec<u8>,
    is_taken: bool,
}

impl Cursor {
    /// The beginning of a scan for `filter`.
    #[must_use]
    pub fn new(filter: Filter<'_>) -> Self {
        Self { key: literal_prefix(filter).to_vec(), is_taken: false }
    }
}

/// What a topic in the store means for a scan.
enum Judgement {
    Matches,
    /// Look at the topic behind it.
    Next,
    /// Nothing before this key can match.
    From(Vec<u8>),
    /// Nothing behind it can match.
    Over,
}

fn judge(filter: Filter<'_>, topic: Topic<'_>) -> Judgement {
    if topic.is_dollar() && matches!(filter.as_bytes().first(), Some(b'+' | b'#')) {
        // The names that begin with $ stand together; % comes behind them. [MQTT-4.7.2-1]
        return Judgement::From(vec![b'%']);
    }
    let mut names = topic.levels();
    // How many bytes of the topic the levels so far take, and those up to the last `+`.
    let (mut matched, mut up_to_plus) = (0, None);
    for level in filter.levels() {
        if level == b"#" {
            return Judgement::Matches;
        }
        let Some(name) = names.next() else { return Judgement::Next };
        let start = matched;
        matched += name.len() + 1;
        if level == b"+" {
            up_to_plus = Some(matched - 1);
            continue;
        }
        match compare(name, level) {
            Ordering::Equal => {}
            Ordering::Less => {
                let mut target = topic.as_bytes()[..start].to_vec();
                target.extend_from_slice(level);
                return Judgement::From(target);
            }
            Ordering::Greater => return past(topic, up_to_plus),
        }
    }
    match names.next() {
        None => Judgement::Matches,
        // Too deep: behind everything below the levels that match.
        Some(_) => past(topic, Some(matched - 1)),
    }
}

/// The first key behind the first `len` bytes of `topic` and everything below them.
fn past(topic: Topic<'_>, len: Option<usize>) -> Judgement {
    let Some(len) = len else { return Judgement::Over };
    let mut target = topic.as_bytes()[..len].to_vec();
    target.push(1);
    Judgement::From(target)
}

/// The levels before the first wildcard: where a scan begins.
fn literal_prefix(filter: Filter<'_>) -> &[u8] {
    let mut len = 0;
    for level in filter.levels() {
        if level == b"+" || level == b"#" {
            return &filter.as_bytes()[..usize::saturating_sub(len, 1)];
        }
        len += level.len() + 1;
    }
    filter.as_bytes()
}

/// Byte order, but for `/`, which comes first: so what is below a level stands right behind it.
fn compare(left: &[u8], right: &[u8]) -> Ordering {
    match left.iter().zip(right).find(|(left, right)| left != right) {
        None => left.len().cmp(&right.len()),
        Some((left, right)) => rank(*left).cmp(&rank(*right)),
    }
}

/// U+0000 is in no topic, so its rank is free for `/`.
const fn rank(byte: u8) -> u8 {
    if byte == b'/' { 0 } else { byte }
}

/// A value in the set, ordered by its topic.
#[derive(Clone, Debug)]
struct Slot<V>(V);

/// What slots and topics have in common for the set.
trait Place {
    fn place(&self) -> &[u8];
}

impl<V: Keyed> Place for Slot<V> {
    fn place(&self) -> &[u8] {
        self.0.topic().as_bytes()
    }
}

impl Place for Topic<'_> {
    fn place(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<'a, V: Keyed + 'a> Borrow<dyn Place + 'a> for Slot<V> {
    fn borrow(&self) -> &(dyn Place + 'a) {
        self
    }
}

impl Ord for dyn Place + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.place(), other.place())
    }
}

impl PartialOrd for dyn Place + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for dyn Place + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for dyn Place + '_ {}

impl<V: Keyed> Ord for Slot<V> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.place(), other.place())
    }
}

impl<V: Keyed> PartialOrd for Slot<V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<V: Keyed> PartialEq for Slot<V> {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl<V: Keyed> Eq for Slot<V> {}
