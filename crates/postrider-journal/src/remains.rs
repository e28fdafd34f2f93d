//! What can still be read where a frame is not whole.
//!
//! Owns: the rule that nothing counts but a record whose own checksum is right.

use crate::coding::Cursor;
use crate::error::{Damage, Fault, Operation};
use crate::frame::{Class, HEADER_BYTES};
use crate::names::{self, Name};
use crate::record::Record;
use crate::scan::Scan;
use crate::sequence::Sequence;
use crate::shared::Shared;
use crate::storage::{Storage, StorageFile};
use std::io;

pub(crate) fn read<S: Storage>(
    shared: &Shared<S>,
    damage: &Damage,
    mut visit: impl FnMut(Sequence, u8, &[u8]),
) -> Result<(), Fault> {
    let number = match Name::parse(&damage.file) {
        Name::Segment(number) | Name::Quarantined(number) => number,
        Name::Index(_) | Name::Identity | Name::Other => return Ok(()),
    };
    let storage = &shared.storage;
    let aside = || storage.open(&names::quarantined(number));
    let Ok(file) = storage.open(&names::segment(number)).or_else(|_| aside()) else { return Ok(()) };
    let failed = |error: io::Error| Fault::new(Operation::Read, &damage.file, &error);
    let end = damage.offset.saturating_add(damage.length).min(file.length().map_err(failed)?);
    let mut scan = Scan::new(&file, shared.key(number), end);
    // Behind a header that cannot be read, new records may follow all the same.
    if let (None, Some((first, _))) = (scan.header_at(damage.offset).map_err(failed)?, damage.sequences) {
        let at = damage.offset + HEADER_BYTES;
        let bytes = scan.bytes(at, end.saturating_sub(at)).map_err(failed)?;
        records(bytes, Class::Records, first, u32::MAX, &mut visit);
    }
    let mut from = damage.offset;
    while let Some((offset, header)) = scan.find_header(from).map_err(failed)? {
        if matches!(header.class, Class::Records | Class::Copies) {
            let body = scan.bytes(offset + HEADER_BYTES, u64::from(header.body_bytes)).map_err(failed)?;
            records(body, header.class, header.first, header.count, &mut visit);
        }
        from = offset + HEADER_BYTES;
    }
    Ok(())
}

/// The records that are whole, until a length cannot be believed.
fn records(body: &[u8], class: Class, first: Sequence, count: u32, visit: &mut impl FnMut(Sequence, u8, &[u8])) {
    let (mut cursor, mut number) = (Cursor::new(body), first.number());
    for at in 0..count {
        let step = if class == Class::Copies { cursor.varint() } else { Some(u64::from(at > 0)) };
        let Some(next) = step.and_then(|step| number.checked_add(step)) else { return };
        number = next;
        let Some(record) = Record::decode(&mut cursor) else { return };
        if record.is_whole(Sequence::new(number)) {
            visit(Sequence::new(number), record.kind, record.payload);
        }
    }
}
