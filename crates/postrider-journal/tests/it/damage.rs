//! Every byte of a store, and what its loss costs: nothing in silence, and nothing but the records of its own frame.
//!
//! `POSTRIDER_FLIPS` says how many random bytes of a larger store are tried.

use crate::owner::{Owner, options};
use crate::random::{Random, seeds};
use postrider_journal::{Damage, Log, Sequence, SimulatedDisk, Storage, StorageFile, check_records};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Records in the order of their sequences, each with a digest of its kind and payload.
type Records = Vec<(Sequence, u32)>;

fn digest(kind: u8, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(u32::from(kind), payload)
}

/// A store that was closed in order, and what is known of it.
struct Store {
    disk: SimulatedDisk,
    /// All that was ever appended.
    appended: BTreeMap<Sequence, u32>,
    records: Records,
    files: Vec<File>,
}

struct File {
    name: String,
    bytes: u64,
    /// Where each frame is, and the records that go with it.
    frames: Vec<(Range<u64>, BTreeSet<Sequence>)>,
}

/// What somebody finds who reads everything.
struct Found {
    records: Records,
    damage: Vec<Damage>,
}

fn read(disk: &SimulatedDisk) -> Found {
    let mut records = Records::new();
    let report = check_records(disk.clone(), |sequence, kind, payload| {
        records.push((sequence, digest(kind, payload)));
    });
    Found { records, damage: report.expect("readable").damage }
}

impl Store {
    /// Of so many records.
    fn filled(count: u64) -> Self {
        let disk = SimulatedDisk::new(1);
        let mut owner = Owner::default();
        let (mut log, _) = Log::open(disk.clone(), options()).expect("open");
        owner.fill(&mut log, count);
        log.close().expect("close");
        let found = read(&disk);
        assert!(found.damage.is_empty(), "{:?}", found.damage);
        let mut names = disk.list().expect("list");
        names.retain(|name| name.ends_with(".segment") || name == "store");
        let appended =
            owner.history.iter().map(|(sequence, one)| (*sequence, digest(one.kind, &one.payload))).collect();
        let mut store = Self { disk, appended, records: found.records, files: Vec::new() };
        store.files = names.into_iter().map(|name| store.look_at(name)).collect();
        store
    }

    fn look_at(&self, name: String) -> File {
        let file = self.disk.open(&name).expect("file");
        let mut bytes = vec![0; usize::try_from(file.length().expect("length")).expect("small")];
        file.read_at(0, &mut bytes).expect("read");
        let begins = |at: &usize| bytes[*at..].starts_with(b"PRgp");
        let mut frames = Vec::new();
        let mut at = 0;
        while at + HEADER <= bytes.len() && begins(&at) {
            let body = usize::from(u16::from_le_bytes([bytes[at + 8], bytes[at + 9]]));
            let range = at as u64..(at + HEADER + body) as u64;
            frames.push((range.clone(), self.lost_with(&name, range.end - 1)));
            at += HEADER + body;
        }
        File { name, bytes: bytes.len() as u64, frames }
    }

    /// The records that are gone when a byte is wrong.
    fn lost_with(&self, name: &str, offset: u64) -> BTreeSet<Sequence> {
        let damaged = self.disk.duplicate();
        assert!(damaged.flip(name, offset, 1));
        self.lost(&read(&damaged).records)
    }

    fn lost(&self, found: &Records) -> BTreeSet<Sequence> {
        let mut found = found.iter().peekable();
        let mut lost = BTreeSet::new();
        for expected in &self.records {
            // What was deleted may come back.
            while let Some((sequence, digest)) = found.next_if(|(sequence, _)| *sequence < expected.0) {
                assert_eq!(self.appended.get(sequence), Some(digest), "record {sequence} is not what was appended");
            }
            match found.next_if(|(sequence, _)| *sequence == expected.0) {
                Some(record) => assert_eq!(record, expected, "not what was appended"),
                None => _ = lost.insert(expected.0),
            }
        }
        lost
    }

    /// Whether a wrong byte was noticed. Fails if it was not and costs something, or costs more than its frame.
    fn is_noticed(&self, disk: &SimulatedDisk, file: &File, offset: u64, bits: u8) -> bool {
        let name = &file.name;
        assert!(disk.flip(name, offset, bits));
        let found = read(disk);
        assert!(disk.flip(name, offset, bits));
        let lost = self.lost(&found.records);
        if found.damage.is_empty() {
            assert!(lost.is_empty(), "{name} at {offset}, bits {bits:02x}: {lost:?} are lost in silence");
            return false;
        }
        let near = |one: &Damage| one.file == *name && one.offset <= offset && offset <= one.offset + one.length;
        assert!(found.damage.iter().any(near), "{name} at {offset}, bits {bits:02x}: {:?}", found.damage);
        let frame = file.frames.iter().find(|(range, _)| range.contains(&offset));
        let own = frame.map(|(_, records)| records);
        let is_own = |sequence: &&Sequence| own.is_some_and(|own| own.contains(sequence));
        let others: Vec<_> = lost.iter().filter(|sequence| !is_own(sequence)).collect();
        assert!(others.is_empty(), "{name} at {offset}, bits {bits:02x}: {others:?} of other frames are lost too");
        true
    }
}

const HEADER: usize = 48;

#[test]
fn no_byte_of_a_log_that_flips_is_lost_in_silence_or_costs_records_of_another_frame() {
    let store = Store::filled(1050);
    let mut jobs: Vec<(&File, u64)> =
        store.files.iter().flat_map(|file| (0..file.bytes).map(move |offset| (file, offset))).collect();
    let bytes = jobs.len();
    assert!(bytes >= 64 * 1024, "{bytes} bytes are too few");
    let half = jobs.split_off(bytes / 2);
    let noticed = std::thread::scope(|scope| {
        let run = |jobs: Vec<(&File, u64)>| {
            let mut random = Random::new(jobs.len() as u64);
            let disk = store.disk.duplicate();
            jobs.into_iter()
                .filter(|(file, offset)| store.is_noticed(&disk, file, *offset, 1 << random.below(8)))
                .count()
        };
        let other = scope.spawn(move || run(half));
        run(jobs) + other.join().expect("the other half")
    });
    println!(
        "proof flips: {bytes} bytes flipped, {noticed} noticed, {} without a meaning, 0 lost in silence",
        bytes - noticed
    );
}

#[test]
fn no_length_that_a_file_is_cut_to_loses_a_record_in_silence_or_one_that_is_before_the_cut() {
    let store = Store::filled(1050);
    let mut cuts = 0;
    for file in &store.files {
        let mut before = BTreeSet::new();
        for bytes in (0..file.bytes).rev() {
            let damaged = store.disk.duplicate();
            damaged.open(&file.name).expect("file").set_length(bytes).expect("cut");
            let found = read(&damaged);
            let lost = store.lost(&found.records);
            let name = &file.name;
            assert!(lost.is_empty() || !found.damage.is_empty(), "{name} cut to {bytes}: {lost:?} are lost in silence");
            let behind = file.frames.iter().filter(|(range, _)| range.end > bytes);
            let may_go: BTreeSet<Sequence> = behind.flat_map(|(_, records)| records.iter().copied()).collect();
            // Without its first frame nobody knows which file it is.
            let first = file.frames.first().map_or(0, |(range, _)| range.end);
            assert!(bytes < first || lost.is_subset(&may_go), "{name} cut to {bytes}: {lost:?}, {may_go:?}");
            assert!(before.is_subset(&lost), "{name} cut to {bytes}: less is lost than of a longer file");
            before = lost;
            cuts += 1;
        }
    }
    println!("proof lengths: {cuts} lengths, 0 records lost in silence");
}

#[test]
fn no_random_byte_of_a_larger_log_that_flips_is_lost_in_silence() {
    let flips =
        std::env::var("POSTRIDER_FLIPS").map_or(1000, |flips| flips.parse().expect("POSTRIDER_FLIPS is a number"));
    let store = Store::filled(5000);
    let bytes: u64 = store.files.iter().map(|file| file.bytes).sum();
    let (disk, mut random, mut noticed) = (store.disk.duplicate(), Random::new(seeds(1)[0]), 0_u64);
    for _ in 0..flips {
        let file = &store.files[random.index(store.files.len())];
        noticed += u64::from(store.is_noticed(&disk, file, random.below(file.bytes), 1 << random.below(8)));
    }
    println!(
        "proof flips-random: {flips} random flips, {noticed} noticed, {} without a meaning, 0 lost in silence",
        flips - noticed
    );
    println!("of {bytes} bytes");
}
