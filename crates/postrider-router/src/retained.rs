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
        if !filter.has_wildcard() {
            return self.scan_one(filter, steps, visit);
        }
        let mut left = steps;
        loop {
            match self.scan_range(filter, cursor, &mut left, &mut visit) {
                Pass::Jump => {}
                Pass::Stopped => return Scan::Stopped,
                Pass::Complete => return Scan::Complete,
            }
        }
    }

    /// A filter without wildcards is a topic.
    fn scan_one(&self, filter: Filter<'_>, steps: usize, mut visit: impl FnMut(&V) -> bool) -> Scan {
        match self.get(Topic::trusted(filter.as_bytes())) {
            Some(value) if steps == 0 || !visit(value) => Scan::Stopped,
            _ => Scan::Complete,
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
        let start = Topic::trusted(&cursor.key);
        let start = Bound::Included(&start as &dyn Place);
        for slot in self.set.range::<dyn Place, _>((start, Bound::Unbounded)) {
            let topic = slot.0.topic();
            let judgement = judge(filter, topic);
            if *left == 0 || (matches!(judgement, Judgement::Matches) && !visit(&slot.0)) {
                cursor.stand_at(topic.as_bytes(), &[]);
                return Pass::Stopped;
            }
            *left -= 1;
            match judgement {
                Judgement::Matches | Judgement::Next => {}
                Judgement::From(shared, tail) => {
                    cursor.stand_at(&topic.as_bytes()[..shared], tail);
                    return Pass::Jump;
                }
                Judgement::Over => break,
            }
        }
        Pass::Complete
    }
}

enum Pass {
    /// The cursor stands elsewhere now.
    Jump,
    Stopped,
    Complete,
}

/// Where a scan goes on.
#[derive(Clone, Debug)]
pub struct Cursor {
    key: Vec<u8>,
}

impl Cursor {
    /// The beginning of a scan for `filter`.
    #[must_use]
    pub fn new(filter: Filter<'_>) -> Self {
        Self { key: literal_prefix(filter).to_vec() }
    }

    fn stand_at(&mut self, head: &[u8], tail: &[u8]) {
        self.key.clear();
        self.key.extend_from_slice(head);
        self.key.extend_from_slice(tail);
    }
}

/// What a topic in the store means for a scan.
enum Judgement<'a> {
    Matches,
    /// Look at the topic behind it.
    Next,
    /// Nothing can match before the key that begins with so many bytes of the topic and goes on with these.
    From(usize, &'a [u8]),
    /// Nothing behind it can match.
    Over,
}

fn judge<'a>(filter: Filter<'a>, topic: Topic<'_>) -> Judgement<'a> {
    let (pattern, name) = (filter.as_bytes(), topic.as_bytes());
    if topic.is_dollar() && matches!(pattern.first(), Some(b'+' | b'#')) {
        // The names that begin with $ stand together; % comes behind them. [MQTT-4.7.2-1]
        return Judgement::From(0, b"%");
    }
    let same = common_len(pattern, name);
    if pattern[same..] == *b"#" {
        return Judgement::Matches;
    }
    // The levels before the one with the first difference need no look; there is no wildcard among them.
    let start = pattern[..same].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    judge_levels(&pattern[start..], name, start)
}

/// Compares the levels of a topic from byte `matched` on with `pattern`.
fn judge_levels<'a>(mut pattern: &'a [u8], name: &[u8], mut matched: usize) -> Judgement<'a> {
    let mut names = Topic::trusted(&name[matched..]).levels();
    // How many bytes of the topic stand before what is below the last `+`.
    let mut up_to_plus = None;
    for level in Filter::trusted(pattern).levels() {
        if level == b"#" {
            return Judgement::Matches;
        }
        let Some(name) = names.next() else { return Judgement::Next };
        let is_plus = level == b"+";
        match if is_plus { Ordering::Equal } else { compare(name, level) } {
            Ordering::Equal => {}
            Ordering::Less => return Judgement::From(matched, literal_prefix(Filter::trusted(pattern))),
            Ordering::Greater => return past(up_to_plus),
        }
        matched += name.len() + 1;
        if is_plus {
            up_to_plus = Some(matched - 1);
        }
        pattern = pattern.get(level.len() + 1..).unwrap_or_default();
    }
    match names.next() {
        None => Judgement::Matches,
        // Too deep: behind everything below the levels that match.
        Some(_) => past(Some(matched - 1)),
    }
}

/// On to the first key behind the first `len` bytes of the topic and everything below them.
fn past<'a>(len: Option<usize>) -> Judgement<'a> {
    len.map_or(Judgement::Over, |len| Judgement::From(len, &[1]))
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
#[inline]
fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let at = common_len(left, right);
    match (left.get(at), right.get(at)) {
        (Some(left), Some(right)) => rank(*left).cmp(&rank(*right)),
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}

/// How many bytes at the beginning are the same; looks at eight at a time.
#[inline]
fn common_len(left: &[u8], right: &[u8]) -> usize {
    let (left_words, _) = left.as_chunks::<8>();
    let (right_words, _) = right.as_chunks::<8>();
    let mut len = 0;
    for (left, right) in left_words.iter().zip(right_words) {
        let difference = u64::from_le_bytes(*left) ^ u64::from_le_bytes(*right);
        if difference != 0 {
            return len + difference.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    len + left[len..].iter().zip(&right[len..]).take_while(|(left, right)| left == right).count()
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
