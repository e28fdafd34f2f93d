//! The file that says which store this is, in which format, and how often it was opened.
//!
//! Owns: its two slots, written in turn and in place, so that a torn write leaves the other and a full disk no matter.
//! Never: is written without being synced.

use crate::coding::Cursor;
use crate::error::FORMAT;
use crate::frame::{NUMBER_END, StoreId};
use crate::storage::{StorageFile, read_full};
use std::io;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) store_id: StoreId,
    pub(crate) epoch: u64,
}

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Identity(Identity),
    Newer(u16),
    Unreadable,
}

impl Identity {
    pub(crate) fn read(file: &impl StorageFile) -> io::Result<Known> {
        let mut known = Known::Unreadable;
        for offset in SLOTS {
            let mut bytes = [0; SLOT_SIZE];
            let count = read_full(file, offset, &mut bytes)?;
            match if count == SLOT_SIZE { decode(&bytes) } else { Known::Unreadable } {
                Known::Newer(version) => return Ok(Known::Newer(version)),
                Known::Identity(new) if !matches!(known, Known::Identity(old) if old.epoch >= new.epoch) => {
                    known = Known::Identity(new);
                }
                Known::Identity(_) | Known::Unreadable => {}
            }
        }
        Ok(known)
    }

    /// Writes the slot of this epoch and syncs it.
    pub(crate) fn write(self, file: &impl StorageFile) -> io::Result<()> {
        let offset = SLOTS[usize::from(self.epoch % 2 == 1)];
        file.write_all_at(offset, &[&self.encode(FORMAT)])?;
        file.sync_data()
    }

    fn encode(self, version: u16) -> [u8; SLOT_SIZE] {
        let mut bytes = [0; SLOT_SIZE];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&version.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.store_id.0);
        bytes[32..40].copy_from_slice(&self.epoch.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..40]);
        bytes[40..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

fn decode(bytes: &[u8; SLOT_SIZE]) -> Known {
    match fields_of(bytes) {
        Some((version, ..)) if version > FORMAT => Known::Newer(version),
        Some((_, store_id, epoch)) => Known::Identity(Identity { store_id, epoch }),
        None => Known::Unreadable,
    }
}

/// Version, id and epoch. Later formats keep these 44 bytes, so that they can be told from damage.
fn fields_of(bytes: &[u8; SLOT_SIZE]) -> Option<(u16, StoreId, u64)> {
    let mut cursor = Cursor::new(bytes);
    let (magic, version) = (cursor.array::<8>()?, cursor.u16()?);
    cursor.take(6)?;
    let (store_id, epoch, checksum) = (StoreId(cursor.array()?), cursor.u64()?, cursor.u32()?);
    (magic == *MAGIC && epoch < NUMBER_END && checksum == crc32c::crc32c(&bytes[..40]))
        .then_some((version, store_id, epoch))
}

/// The length of the file, taken once when it is made.
pub(crate) const FILE_BYTES: u64 = 8192;
const SLOTS: [u64; 2] = [0, 4096];
const SLOT_SIZE: usize = 44;
const MAGIC: &[u8; 8] = b"PRJOURNL";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{SimulatedDisk, Storage};

    #[test]
    fn the_newest_slot_counts_and_a_later_format_is_refused() {
        let file = SimulatedDisk::new(1).create("store").expect("new");
        assert_eq!(Identity::read(&file).expect("read"), Known::Unreadable);
        let identity = |epoch| Identity { store_id: StoreId([5; 16]), epoch };
        for epoch in 1..5 {
            identity(epoch).write(&file).expect("write");
            assert_eq!(Identity::read(&file).expect("read"), Known::Identity(identity(epoch)));
        }
        file.write_all_at(SLOTS[0] + 20, &[b"torn"]).expect("write");
        assert_eq!(Identity::read(&file).expect("read"), Known::Identity(identity(3)));
        file.write_all_at(SLOTS[0], &[&identity(5).encode(FORMAT + 1)]).expect("write");
        assert_eq!(Identity::read(&file).expect("read"), Known::Newer(FORMAT + 1));
    }
}
