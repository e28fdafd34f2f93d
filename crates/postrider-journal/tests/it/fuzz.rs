//! Fuzz targets; each is an ordinary test that replays its corpus and then tries random input.

use crate::fuzz_store::seal_frames;
use crate::owner::options;
use postrider_journal::{Log, OnDamage, Options, SimulatedDisk, Storage, StorageFile, check, salvage};

/// A store whose only segment has these bytes.
fn store_of(bytes: &[u8]) -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    drop(Log::open(disk.clone(), options()).expect("open"));
    let file = disk.create("00000000000000000007.segment").expect("create");
    file.write_all_at(0, &[bytes]).expect("write");
    disk
}

/// Whatever is in a directory: an answer, no panic, and the same answer from all who read.
fn read_all(bytes: &[u8]) {
    let disk = store_of(bytes);
    let report = check(&disk).expect("check");
    let opened = Log::open(disk.duplicate(), options());
    assert_eq!(opened.is_ok(), report.damage.is_empty(), "{report:?}");
    if let Ok((log, mut recovered)) = opened {
        let mut payload = Vec::new();
        // A record with a wrong checksum of its own in a frame with the right one is damage too.
        while let Ok(Some((sequence, _))) = recovered.next(&mut payload) {
            payload.clear();
            let _ = log.release(sequence);
        }
    }
    let lossy = Options { damage: OnDamage::AcceptLoss, ..options() };
    let (mut log, _) = Log::open(disk.duplicate(), lossy).expect("a loss that is accepted is no reason");
    if log.append(1, &[b"new"]).is_ok() {
        log.commit().expect("commit");
    }
    let _ = salvage(disk, SimulatedDisk::new(2), options());
}

/// Makes the checksums of what looks like frames right, so that what is behind them is read.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    seal_frames(&mut bytes, crc32c::crc32c_append(crc32c::crc32c(&[9; 16]), &7_u64.to_le_bytes()));
    bytes
}

#[test]
fn segment() {
    bolero::check!().with_iterations(5_000).with_max_len(4096).for_each(|input: &[u8]| {
        read_all(input);
        read_all(&with_checksums(input));
    });
}
