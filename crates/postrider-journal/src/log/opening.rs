//! Opening: what the survey found becomes a log, or the reason why not.
//!
//! Owns: the order of changes at an opening, each of which may be the last before a crash.

use super::room::Space;
use super::{Creation, Log, Options, Recovered, Shared};
use crate::catalog::{Catalog, Segment};
use crate::error::{Damage, DamageKind, Fault, OpenError, Operation, ReadError};
use crate::frame::{FrameKey, StoreId};
use crate::group::{Copies, Group};
use crate::identity::{self, Identity};
use crate::index::{At, Index, Run};
use crate::names;
use crate::options::OnDamage;
use crate::recovered::Aside;
use crate::sequence::Sequence;
use crate::shared::write_index;
use crate::storage::{LockError, Storage, StorageFile, read_full};
use crate::survey::{Survey, Surveyed, survey};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn open<S: Storage>(storage: S, options: Options) -> Result<(Log<S>, Recovered<S>), OpenError> {
    let lock = lock(&storage)?;
    let found = survey(&storage)?;
    let store_id = check(&found, &options)?;
    settle_last(&found)?;
    let is_lossy = put_aside(&storage, &found)?;
    let epoch = found.epoch_max + 1;
    begin_epoch(&storage, Identity { store_id, epoch })?;
    let (losses, number_next) = (found.damage, found.number_next);
    for name in &found.stale {
        // Whatever stays is as stale the next time.
        let _ = storage.remove(name);
    }
    let last = Sequence::new(found.fresh_next.number() - 1);
    let newest = found.segments.last().map(|segment| segment.number);
    for segment in found.segments.iter().filter(|segment| !segment.is_damaged) {
        if Some(segment.number) != newest {
            give_back(segment);
        }
        if storage.open(&names::index(segment.number)).is_err() {
            let key = FrameKey::new(store_id, segment.number);
            write_index(&storage, segment.number, &segment.index.encode(key, segment.end));
        }
    }
    let aside = found.segments.iter().filter(|segment| segment.is_damaged).map(aside).collect();
    let segments = found.segments.into_iter().filter(|segment| !segment.is_damaged);
    let catalog = Catalog::new(options.keep_while_older, options.index_bytes_max, found.fresh_next);
    let shared = share(storage, store_id, catalog, segments, last)?;
    let recovered = Recovered::new(shared.clone(), losses, last).with_aside(aside);
    let mut log = Log {
        shared,
        options,
        epoch,
        number_next,
        current: None,
        space: Space::empty(),
        group: Group::new(),
        copies: Copies::new(),
        written: last,
        durable: last,
        compacting: None,
        not_compacted: BTreeSet::new(),
        fault: None,
        lock,
    };
    log.make_reserve()?;
    if is_lossy {
        // The new roster makes the loss a thing of the past.
        log.begin_if_possible()?;
    }
    Ok((log, recovered))
}

/// A catalog of what was found, in which each record has one place: its newest.
pub(crate) fn share<S: Storage>(
    storage: S,
    store_id: StoreId,
    mut catalog: Catalog<S::File>,
    segments: impl Iterator<Item = Surveyed<S::File>>,
    last: Sequence,
) -> Result<Arc<Shared<S>>, OpenError> {
    let mut copies = Vec::new();
    for segment in segments {
        let Surveyed { number, file, end, fresh_first, index, .. } = segment;
        copies.extend(copies_in(number, &index));
        catalog.add(Segment::sealed(number, file, end, fresh_first, index));
    }
    let shared = Arc::new(Shared::new(storage, store_id, catalog, last));
    for (sequence, number) in copies {
        shared.bury_older(sequence, number).map_err(unreadable)?;
    }
    Ok(shared)
}

pub(crate) fn lock<S: Storage>(storage: &S) -> Result<S::Lock, OpenError> {
    storage.lock(names::LOCK).map_err(|error| match error {
        LockError::Held { process } => OpenError::InUse { process },
        LockError::Io(error) => OpenError::Fault(Fault::new(Operation::Lock, names::LOCK, &error)),
    })
}

/// Whether to go on, and with which store.
fn check<F>(found: &Survey<F>, options: &Options) -> Result<StoreId, OpenError> {
    let is_new = |damage: &Damage| damage.what != DamageKind::PutAside;
    if options.damage == OnDamage::Refuse && found.damage.iter().any(is_new) {
        return Err(OpenError::Damaged(found.damage.clone()));
    }
    match (found.identity, options.creation) {
        (Some(identity), _) => Ok(identity.store_id),
        (None, _) if !found.damage.is_empty() => Err(OpenError::Damaged(found.damage.clone())),
        (None, Creation::Allowed(store_id)) => Ok(store_id),
        (None, Creation::Refused) => Err(OpenError::NoStore),
    }
}

/// What was read may be in a cache only, if a process died and not the machine: it counts from here on. A sync that was
/// refused then may have left bytes there that count as clean, and no further one would bring them to the device: so
/// they are written again.
fn settle_last<F: StorageFile>(found: &Survey<F>) -> Result<(), Fault> {
    let Some(last) = found.segments.last() else { return Ok(()) };
    let fault = |operation| move |error: std::io::Error| Fault::new(operation, &names::segment(last.number), &error);
    let mut offset = last.synced;
    let mut bytes = vec![0; SETTLED_AT_ONCE];
    while offset < last.end {
        let length = usize::try_from(last.end - offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = read_full(&*last.file, offset, &mut bytes[..length]).map_err(fault(Operation::Read))?;
        last.file.write_all_at(offset, &[&bytes[..count]]).map_err(fault(Operation::Write))?;
        offset += count.max(1) as u64;
    }
    last.file.sync_data().map_err(fault(Operation::Sync))
}

const SETTLED_AT_ONCE: usize = 256 * 1024;

/// A segment that was being written when its process ended has room behind its end that nobody needs any more, once
/// the next one says where that is.
fn give_back<F: StorageFile>(segment: &Surveyed<F>) {
    if segment.file.length().is_ok_and(|length| length > segment.end) {
        // Whatever stays is zero, or was never durable.
        let _ = segment.file.set_length(segment.end);
    }
}

/// Gives damaged segments another name. True if anything is lost.
fn put_aside<S: Storage>(storage: &S, found: &Survey<S::File>) -> Result<bool, Fault> {
    for segment in found.segments.iter().filter(|segment| segment.is_damaged) {
        let name = names::segment(segment.number);
        let renamed = storage.rename(&name, &names::quarantined(segment.number));
        renamed.map_err(|error| Fault::new(Operation::Open, &name, &error))?;
    }
    sync_directory(storage)?;
    Ok(!found.damage.is_empty())
}

fn aside<F>(segment: &Surveyed<F>) -> Aside {
    let whole = segment.index.runs().iter().map(Run::count).sum();
    Aside { file: names::segment(segment.number), now: names::quarantined(segment.number), whole }
}

fn begin_epoch<S: Storage>(storage: &S, identity: Identity) -> Result<(), Fault> {
    let fault = |error: std::io::Error| Fault::new(Operation::Write, names::IDENTITY, &error);
    let file = match storage.open(names::IDENTITY) {
        Ok(file) => file,
        Err(_) => storage.create(names::IDENTITY).map_err(fault)?,
    };
    if file.length().map_err(fault)? < identity::FILE_BYTES {
        file.preallocate(identity::FILE_BYTES).map_err(fault)?;
        // Both slots are there from the beginning, so that one may be lost.
        Identity { epoch: identity.epoch - 1, ..identity }.write(&file).map_err(fault)?;
    }
    identity.write(&file).map_err(fault)?;
    sync_directory(storage)
}

fn sync_directory(storage: &impl Storage) -> Result<(), Fault> {
    storage.sync_directory().map_err(|error| Fault::new(Operation::Sync, "the directory", &error))
}

/// The copies of a segment: their older places are dead.
fn copies_in(number: u64, index: &Index) -> Vec<(Sequence, u64)> {
    let mut copies = Vec::new();
    for run in index.runs().iter().skip(1) {
        let mut at = At::default();
        while let Some(entry) = run.next(&mut at) {
            copies.push((entry.sequence, number));
        }
    }
    copies
}

fn unreadable(error: ReadError) -> OpenError {
    match error {
        ReadError::Damaged(damage) => OpenError::Damaged(vec![damage]),
        ReadError::Fault(fault) => OpenError::Fault(fault),
        ReadError::Absent => OpenError::Damaged(Vec::new()),
    }
}
