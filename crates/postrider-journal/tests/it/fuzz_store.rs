//! Fuzz targets over a whole directory: files of any content, and a store of ours with anything done to it.

use crate::corruption::{closed_store, records_of};
use crate::owner::{Appended, Owner, options};
use allocation_counter::measure;
use postrider_journal::{
    Damage, DamageKind, Log, Loss, OnDamage, Options, ReadError, Sequence, SimulatedDisk, Storage, StorageFile, check,
    salvage,
};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Everything that reads a store reads this one, agrees with the others, and takes memory for what is there only.
fn read_everywhere(disk: &SimulatedDisk) -> Vec<BTreeMap<Sequence, Appended>> {
    let mut found = Vec::new();
    let held = disk.used_bytes();
    let asked = measure(|| found = read_by_all(disk)).bytes_max;
    assert!(asked <= MEMORY_MIN + MEMORY_TIMES * held, "{asked} bytes for a store of {held}");
    found
}

fn read_by_all(disk: &SimulatedDisk) -> Vec<BTreeMap<Sequence, Appended>> {
    let report = check(disk);
    let whole = disk.duplicate();
    let strict = Log::open(whole.clone(), options());
    assert_eq!(put_aside(&whole), put_aside(disk), "without leave, nothing is given another name");
    // Without memory for indexes, their files are read too.
    let lossy = Options { damage: OnDamage::AcceptLoss, index_bytes_max: 0, ..options() };
    let lossy = Log::open(disk.duplicate(), lossy);
    let mut found = Vec::new();
    match &report {
        Ok(report) => {
            let is_whole = report.damage.iter().all(|damage| damage.what == DamageKind::PutAside);
            let has_name = report.store_id.is_some();
            assert_eq!(strict.is_ok(), is_whole && (has_name || report.damage.is_empty()), "{report:?}");
            assert_eq!(lossy.is_ok(), has_name || report.damage.is_empty(), "{report:?}");
        }
        Err(error) => {
            assert_eq!(strict.as_ref().err(), Some(error));
            assert_eq!(lossy.as_ref().err(), Some(error));
        }
    }
    for (mut log, mut recovered) in strict.into_iter().chain(lossy) {
        let mut live = BTreeMap::new();
        let mut payload = Vec::new();
        loop {
            payload.clear();
            match recovered.next(&mut payload) {
                Ok(None) => break,
                Ok(Some((sequence, kind))) => {
                    let before = live.last_key_value().map_or(Sequence::NONE, |(before, _)| *before);
                    assert!(sequence > before, "{sequence} behind {before}");
                    live.insert(sequence, Appended { kind, payload: payload.clone() });
                    let _ = log.release(sequence);
                }
                Err(ReadError::Damaged(Damage { what, .. })) => assert_eq!(what, DamageKind::Body),
                Err(error) => panic!("{error}"),
            }
        }
        assert!(live.last_key_value().is_none_or(|(sequence, _)| *sequence <= recovered.last()));
        let next = log.append(1, &[b"new"]).expect("there is room");
        assert!(next > recovered.last(), "{next} was given before");
        log.commit().expect("nothing is wrong with the device");
        found.push(live);
    }
    let out = SimulatedDisk::new(2);
    if let Ok(salvaged) = salvage(disk.duplicate(), out.clone(), options()) {
        let live = records_of(&out, options()).0;
        assert_eq!(live.len() as u64, salvaged.records);
        found.push(live);
    }
    found
}

fn put_aside(disk: &SimulatedDisk) -> Vec<String> {
    disk.list().expect("list").into_iter().filter(|name| name.ends_with(".damaged")).collect()
}

/// Whatever the input: buffers, a reserve and a spare, indexes, on three disks.
const MEMORY_MIN: u64 = 4 << 20;
const MEMORY_TIMES: u64 = 64;

/// `name, length as two bytes, content` again and again, for a file each.
fn files_in(mut input: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    while let Some((&[name, low, high], rest)) = input.split_first_chunk() {
        let (content, rest) = rest.split_at(usize::from(u16::from_le_bytes([low, high])).min(rest.len()));
        files.insert(name_of(name), content.to_vec());
        input = rest;
    }
    files
}

fn name_of(byte: u8) -> String {
    let number = u64::from(byte & 0x0F);
    match byte >> 4 {
        0..=5 => format!("{number:020}.segment"),
        6..=8 => format!("{number:020}.index"),
        9 => format!("{number:020}.damaged"),
        10 => format!("{:020}.segment", (1 << 62) - 8 + number),
        11 => format!("{number}.segment"),
        12 => "spare".to_owned(),
        13 => "reserve".to_owned(),
        _ => "store".to_owned(),
    }
}

fn disk_of(files: &BTreeMap<String, Vec<u8>>) -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    for (name, content) in files {
        let file = disk.create(name).expect("create");
        file.write_all_at(0, &[content]).expect("write");
    }
    disk
}

/// Makes the checksums right, so that what is behind them is read.
fn with_checksums(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let mut files = files.clone();
    for (name, content) in &mut files {
        let number = name.split('.').next().and_then(|digits| digits.parse::<u64>().ok()).unwrap_or_default();
        let key = crc32c::crc32c_append(crc32c::crc32c(&[9; 16]), &number.to_le_bytes());
        if name.ends_with(".segment") {
            seal_frames(content, key);
        } else if name.ends_with(".index") {
            seal_index(content, key);
        } else if name == "store" {
            seal_slots(content);
        }
    }
    files
}

/// Bytes become frames, one behind the other; each knows of as much before it as it can.
pub(crate) fn seal_frames(bytes: &mut [u8], key: u32) {
    let (mut rest, mut offset, mut synced) = (bytes, 0, 0);
    while let Some((head, behind)) = rest.split_at_mut_checked(48) {
        let length = u32::from_le_bytes([head[8], head[9] & 0x0F, 0, 0]);
        let length = usize::try_from(length).expect("16 bits").min(behind.len());
        head[..4].copy_from_slice(b"PRgp");
        head[8..12].copy_from_slice(&u32::try_from(length).expect("16 bits").to_le_bytes());
        let (body, next) = behind.split_at_mut(length);
        head[12..16].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
        synced = u64::from(u16::from_le_bytes([head[32], head[33]])).clamp(synced, offset);
        head[32..40].copy_from_slice(&synced.to_le_bytes());
        let checksum = crc32c::crc32c_append(key, &head[8..]);
        head[4..8].copy_from_slice(&checksum.to_le_bytes());
        (rest, offset) = (next, offset + 48 + length as u64);
    }
}

fn seal_index(bytes: &mut [u8], key: u32) {
    if let Some((content, checksum)) = bytes.split_last_chunk_mut::<4>()
        && let Some(head) = content.first_chunk_mut::<12>()
    {
        head[..8].copy_from_slice(b"PRJINDX1");
        head[8..].copy_from_slice(&key.to_le_bytes());
        *checksum = crc32c::crc32c(content).to_le_bytes();
    }
}

fn seal_slots(bytes: &mut [u8]) {
    for slot in bytes.chunks_mut(4096) {
        if let Some(slot) = slot.first_chunk_mut::<44>() {
            slot[..8].copy_from_slice(b"PRJOURNL");
            let checksum = crc32c::crc32c(&slot[..40]);
            slot[40..].copy_from_slice(&checksum.to_le_bytes());
        }
    }
}

#[test]
fn store_files() {
    bolero::check!().with_iterations(5_000).with_max_len(16_384).for_each(|input: &[u8]| {
        let files = files_in(input);
        read_everywhere(&disk_of(&files));
        read_everywhere(&disk_of(&with_checksums(&files)));
    });
}

/// Stores to damage: one that was closed, one whose machine lost power in its third life.
static STORES: LazyLock<[(SimulatedDisk, Owner); 2]> = LazyLock::new(|| [closed_store(), broken_off_store()]);

fn broken_off_store() -> (SimulatedDisk, Owner) {
    let disk = SimulatedDisk::new(1);
    let mut owner = Owner::default();
    for _ in 0..3 {
        let (mut log, mut recovered) = Log::open(disk.clone(), options()).expect("open");
        owner.replay(&log, &mut recovered).expect("replay");
        owner.fill(&mut log, 150);
        owner.add(&mut log, b"never written".to_vec()).expect("room");
        drop(log);
        disk.restart(Loss::Unsynced);
    }
    (disk, owner)
}

/// What one piece of the input does to a store: `what, file, offset as two bytes, two more`.
fn harm(disk: &SimulatedDisk, [what, file, low, high, first, second]: [u8; 6]) {
    let names = disk.list().expect("list");
    let Some(name) = names.get(usize::from(file) % names.len().max(1)) else { return };
    let other = &names[usize::from(second) % names.len()];
    let opened = disk.open(name).expect("open");
    let length = opened.length().expect("length");
    let offset = u64::from(u16::from_le_bytes([low, high])) % (length + 1);
    match what % 8 {
        0 | 1 => _ = disk.flip(name, offset, first.max(1)),
        2 => opened.set_length(offset).expect("cut"),
        3 => opened.write_all_at(offset, &[&vec![0; usize::from(first)]]).expect("zeros"),
        4 => opened.write_all_at(offset, &[&vec![second; usize::from(first)]]).expect("noise"),
        5 => {
            // Bytes of one place stand in another too, perhaps a whole frame.
            let mut bytes = vec![0; usize::from(first) * 16];
            let count = disk.open(other).expect("open").read_at(u64::from(high) * 16, &mut bytes).expect("read");
            opened.write_all_at(offset, &[&bytes[..count]]).expect("write");
        }
        6 => disk.remove(name).expect("remove"),
        _ => disk.rename(name, if first % 2 == 0 { other } else { "spare" }).expect("rename"),
    }
}

#[test]
fn store_damage() {
    bolero::check!().with_iterations(3_000).with_max_len(64).for_each(|input: &[u8]| {
        let Some((&which, harms)) = input.split_first() else { return };
        let (disk, owner) = &STORES[usize::from(which % 2)];
        let disk = disk.duplicate();
        harms.as_chunks().0.iter().for_each(|one| harm(&disk, *one));
        for found in read_everywhere(&disk) {
            let strange = found.iter().find(|(sequence, record)| owner.history.get(sequence) != Some(record));
            assert_eq!(strange, None, "nobody appended this");
        }
    });
}
