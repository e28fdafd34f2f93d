//! Reads one segment: its records, and what of it is damaged.
//!
//! Owns: the difference between a torn tail and damage: a later frame knows what was durable before it.

use super::{Survey, Surveyed, Tail, open, reading};
use crate::error::{Damage, DamageKind, OpenError};
use crate::frame::{Class, FrameKey, Header, StoreId};
use crate::index::{Entry, Index};
use crate::names;
use crate::roster::{Roster, decode_removed};
use crate::scan::{Found, Scan, for_each_record};
use crate::sequence::Sequence;
use crate::storage::{Storage, StorageFile};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

/// The newest segment and what it says about older ones.
pub(super) struct Last<F> {
    pub(super) segment: Surveyed<F>,
    pub(super) removed: BTreeSet<u64>,
}

/// What was read of a segment so far.
struct Reading {
    epoch: Option<u64>,
    /// Unknown where the roster cannot be read: then the first new record says it.
    fresh_next: Sequence,
    continuity: Continuity,
    /// What the last frame knew to be synced.
    synced: u64,
    index: Index,
    removed: BTreeSet<u64>,
}

/// Whether new records must follow the last without a gap.
#[derive(Clone, Copy)]
enum Continuity {
    Whole,
    /// Something was damaged; the next new record ends the gap.
    Broken,
    /// These are missing.
    Gap(Sequence, Sequence),
}

/// Why reading stopped before the end.
struct Stop {
    what: DamageKind,
    header: Option<Header>,
}

impl Reading {
    fn new(epoch: Option<u64>, fresh_first: Sequence) -> Self {
        let (continuity, index) = (Continuity::Whole, Index::empty());
        Self { epoch, fresh_next: fresh_first, continuity, synced: 0, index, removed: BTreeSet::new() }
    }

    /// Takes frames until the end or one that is not whole.
    fn take_frames<F: StorageFile>(&mut self, scan: &mut Scan<'_, F>) -> io::Result<Option<Stop>> {
        loop {
            let before = scan.offset();
            let is_taken = match scan.next()? {
                Found::End => return Ok(None),
                Found::Broken { what, header } => return Ok(Some(Stop { what, header })),
                Found::Frame { header, offset, body } => self.take(&header, offset, body).then_some(()).ok_or(header),
            };
            if let Err(header) = is_taken {
                scan.skip_to(before);
                return Ok(Some(Stop { what: DamageKind::Content, header: Some(header) }));
            }
        }
    }

    /// False if the content makes no sense here.
    fn take(&mut self, header: &Header, offset: u64, body: &[u8]) -> bool {
        // A frame that was moved knows too much or too little of what is before it.
        let is_at_home = (self.synced..=offset).contains(&header.synced);
        if !is_at_home || *self.epoch.get_or_insert(header.epoch) != header.epoch {
            return false;
        }
        self.synced = header.synced;
        match header.class {
            Class::Roster => offset == 0,
            Class::Closed => body.is_empty(),
            Class::Removed => match decode_removed(body) {
                Some(numbers) => {
                    self.removed.extend(numbers);
                    true
                }
                None => false,
            },
            Class::Records => self.is_next(header.first) && self.take_records(header, offset, body),
            Class::Copies => self.take_records(header, offset, body),
        }
    }

    fn is_next(&mut self, first: Sequence) -> bool {
        let expected = self.fresh_next;
        match self.continuity {
            _ if expected == Sequence::NONE || first == expected => true,
            Continuity::Broken if first > expected => {
                self.continuity = Continuity::Gap(expected, Sequence::new(first.number() - 1));
                true
            }
            Continuity::Whole | Continuity::Broken | Continuity::Gap(..) => false,
        }
    }

    fn take_records(&mut self, header: &Header, offset: u64, body: &[u8]) -> bool {
        let mut entries: Vec<Entry> = Vec::new();
        if !for_each_record(header, offset, body, |entry| entries.push(entry)) {
            return false;
        }
        for entry in entries {
            if header.class == Class::Copies {
                self.index.add_copy(entry);
            } else {
                self.index.add_fresh(entry);
                self.fresh_next = Sequence::new(entry.sequence.number() + 1);
            }
        }
        true
    }
}

/// The newest segment: it alone may have a tail that a crash has torn.
pub(super) fn read_last<S: Storage>(
    survey: &mut Survey<S::File>,
    storage: &S,
    header: &Header,
    roster: &Roster,
    is_last: bool,
) -> Result<Last<S::File>, OpenError> {
    let name = names::segment(roster.number);
    let (file, length) = open(storage, &name)?;
    let mut reading_so_far = Reading::new(Some(header.epoch), header.first);
    let mut scan = Scan::new(&file, FrameKey::new(roster.store_id, roster.number), length);
    let failed = |error: io::Error| reading(&name, &error);
    let stop = reading_so_far.take_frames(&mut scan).map_err(failed)?;
    let end = scan.offset();
    survey.epoch_max = survey.epoch_max.max(header.epoch);
    let mut is_damaged = false;
    if is_last && length < roster.capacity {
        let what = DamageKind::Short;
        let length_lost = roster.capacity - length;
        survey.damage.push(Damage { file: name.clone(), offset: length, length: length_lost, what, sequences: None });
        is_damaged = true;
    }
    let mut lost = 0;
    if let Some(stop) = stop {
        let knows_better = next_that_knows(&mut scan, end, header.epoch).map_err(failed)?;
        if stop.what == DamageKind::Content || knows_better.is_some() {
            is_damaged = true;
            lost = length - end;
        } else if !scan.is_blank(end).map_err(failed)? {
            survey.tail = Some(Tail { file: name.clone(), offset: end });
        }
    }
    let Reading { fresh_next, index, synced, mut removed, .. } = reading_so_far;
    let (number, fresh_first) = (roster.number, header.first);
    let mut segment = Surveyed { number, file: Arc::new(file), end, synced, fresh_first, index, is_damaged };
    // More names than there can have been records where bytes were lost: none is given twice.
    survey.fresh_next = survey.fresh_next.max(Sequence::new(fresh_next.number() + lost));
    if lost > 0 {
        segment.end = length;
        let rest = Rest { from: end, synced, epoch: Some(header.epoch), ending: Ending::Open };
        let (rest, also_removed) = read_rest(survey, segment, rest, roster.store_id)?;
        segment = rest;
        removed.extend(also_removed);
    }
    Ok(Last { segment, removed })
}

/// A later frame that was written when the bytes at `end` were durable.
pub(crate) fn next_that_knows<F: StorageFile>(
    scan: &mut Scan<'_, F>,
    end: u64,
    epoch: u64,
) -> io::Result<Option<Header>> {
    let mut from = end + 1;
    while let Some((offset, header)) = scan.find_header(from)? {
        if header.epoch == epoch && header.synced > end {
            return Ok(Some(header));
        }
        from = offset + 1;
    }
    Ok(None)
}

/// An older segment: whole up to where the roster says that it ends.
pub(super) fn read_sealed<S: Storage>(
    survey: &mut Survey<S::File>,
    storage: &S,
    store_id: StoreId,
    number: u64,
    end: u64,
) -> Result<Surveyed<S::File>, OpenError> {
    let name = names::segment(number);
    let (file, length) = open(storage, &name)?;
    let mut segment = Surveyed {
        number,
        file: Arc::new(file),
        end,
        synced: end,
        fresh_first: Sequence::NONE,
        index: Index::default(),
        is_damaged: false,
    };
    if length < end {
        let (what, lost) = (DamageKind::Short, end - length);
        survey.damage.push(Damage { file: name, offset: length, length: lost, what, sequences: None });
        (segment.end, segment.is_damaged) = (length, true);
    }
    let rest = Rest { from: 0, synced: 0, epoch: None, ending: Ending::Known };
    read_rest(survey, segment, rest, store_id).map(|(segment, _)| segment)
}

/// What of a segment is still to be read.
pub(super) struct Rest {
    pub(super) from: u64,
    /// What the last frame before knew to be synced.
    pub(super) synced: u64,
    /// Of all frames, where it is known.
    pub(super) epoch: Option<u64>,
    pub(super) ending: Ending,
}

/// Whether somebody said where a segment ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Known,
    /// It ends where there are only zeros.
    Open,
}

/// Reads whatever is whole from an offset on, and lists the rest as damage. Says which segments were removed, too.
pub(super) fn read_rest<F: StorageFile>(
    survey: &mut Survey<F>,
    mut segment: Surveyed<F>,
    Rest { from, synced, epoch, ending }: Rest,
    store_id: StoreId,
) -> Result<(Surveyed<F>, BTreeSet<u64>), OpenError> {
    let name = names::segment(segment.number);
    let file = segment.file.clone();
    let mut scan = Scan::new(&*file, FrameKey::new(store_id, segment.number), segment.end);
    scan.skip_to(from);
    let failed = |error: io::Error| reading(&name, &error);
    let mut so_far = Reading::new(epoch, segment.fresh_first);
    (so_far.synced, so_far.index) = (synced, std::mem::take(&mut segment.index));
    if let Some(run) = so_far.index.runs().first().filter(|run| run.count() > 0) {
        so_far.fresh_next = Sequence::new(run.last().number() + 1);
    }
    if from == 0 {
        read_first(&mut scan, &mut so_far).map_err(failed)?;
        segment.fresh_first = so_far.fresh_next;
    }
    loop {
        let stop = so_far.take_frames(&mut scan).map_err(failed)?;
        if let Continuity::Gap(first, last) = so_far.continuity
            && let Some(damage) = survey.damage.last_mut()
        {
            damage.sequences = Some((first, last));
        }
        let Some(Stop { what, header }) = stop else { break };
        if ending == Ending::Open && scan.is_blank(scan.offset()).map_err(failed)? {
            segment.end = scan.offset();
            break;
        }
        (segment.is_damaged, so_far.continuity) = (true, Continuity::Broken);
        let offset = scan.offset();
        let next = next_whole(&mut scan, offset, header).map_err(failed)?;
        let end = next.map_or(segment.end, |(offset, _)| offset);
        let (file, length) = (name.clone(), end - offset);
        survey.damage.push(Damage { file, offset, length, what, sequences: None });
        scan.skip_to(end);
    }
    survey.fresh_next = survey.fresh_next.max(so_far.fresh_next);
    segment.index = so_far.index;
    Ok((segment, so_far.removed))
}

/// What the roster says of the first new record.
fn read_first<F: StorageFile>(scan: &mut Scan<'_, F>, so_far: &mut Reading) -> io::Result<()> {
    if let Found::Frame { header, .. } = scan.next()?
        && header.class == Class::Roster
    {
        (so_far.fresh_next, so_far.epoch) = (header.first, Some(header.epoch));
    }
    scan.skip_to(0);
    Ok(())
}

/// The next frame with a header that can be read, behind one that is not whole.
fn next_whole<F: StorageFile>(
    scan: &mut Scan<'_, F>,
    offset: u64,
    broken: Option<Header>,
) -> io::Result<Option<(u64, Header)>> {
    let from = broken.map_or(offset + 1, |header| header.end(offset));
    scan.find_header(from)
}
