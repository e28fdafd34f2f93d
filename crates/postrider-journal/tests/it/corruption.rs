//! Bytes that are not as they were written.

use crate::owner::{Appended, Owner, options};
use crate::random::Random;
use postrider_journal::{
    Aside, Damage, DamageKind, Log, OnDamage, OpenError, Options, Sequence, SimulatedDisk, Storage, StorageFile, check,
    salvage,
};
use std::collections::BTreeMap;

/// A store of several segments, closed in order.
pub(crate) fn closed_store() -> (SimulatedDisk, Owner) {
    let disk = SimulatedDisk::new(1);
    let mut owner = Owner::default();
    let (mut log, _) = Log::open(disk.clone(), options()).expect("open");
    owner.fill(&mut log, 700);
    log.close().expect("close");
    (disk, owner)
}

fn length(disk: &SimulatedDisk, name: &str) -> u64 {
    disk.open(name).expect("a file").length().expect("length")
}

fn segments(disk: &SimulatedDisk) -> Vec<String> {
    let mut names = disk.list().expect("list");
    names.retain(|name| name.ends_with(".segment"));
    names
}

/// All records that a store has.
pub(crate) fn records_of(disk: &SimulatedDisk, options: Options) -> (BTreeMap<Sequence, Appended>, Vec<Damage>) {
    let (_, mut recovered) = Log::open(disk.clone(), options).expect("open");
    let (mut found, mut payload) = (BTreeMap::new(), Vec::new());
    while let Some((sequence, kind)) = recovered.next(&mut payload).expect("readable") {
        found.insert(sequence, Appended { kind, payload: std::mem::take(&mut payload) });
    }
    (found, recovered.losses().to_vec())
}

#[test]
fn no_flipped_byte_of_a_closed_store_loses_a_record_in_silence() {
    let (disk, owner) = closed_store();
    let mut random = Random::new(7);
    let (mut refused, mut harmless) = (0, 0);
    let mut names = disk.list().expect("list");
    names.retain(|name| name.ends_with(".segment") || name.ends_with(".index") || name == "store");
    for name in names {
        for offset in (random.below(2)..length(&disk, &name)).step_by(2) {
            // The reserve of zeros behind the last frame is long: some of it is enough.
            if offset % 16 != 0 && name == *segments(&disk).last().expect("a segment") && offset > 4000 {
                continue;
            }
            let bits = 1 << random.below(8);
            assert!(disk.flip(&name, offset, bits));
            let damage = check(&disk).expect("check").damage;
            if damage.is_empty() {
                harmless += 1;
                let (log, mut recovered) = Log::open(disk.duplicate(), options()).expect("open");
                owner.clone().replay(&log, &mut recovered).expect("replay");
            } else {
                refused += 1;
                let near = |one: &Damage| one.file == name && one.offset <= offset && offset <= one.offset + one.length;
                assert!(damage.iter().any(near), "{name} at {offset}: {damage:?}");
            }
            assert!(disk.flip(&name, offset, bits));
        }
    }
    println!("{refused} bytes that were wrong refused, {harmless} harmless");
    assert!(refused > 5000 && harmless > 1000, "{refused} refused, {harmless} harmless");
}

#[test]
fn no_shortened_segment_is_taken_for_a_whole_one() {
    let (disk, _) = closed_store();
    for name in segments(&disk) {
        for cut in (0..length(&disk, &name)).step_by(61) {
            let damaged = disk.duplicate();
            damaged.open(&name).expect("segment").set_length(cut).expect("cut");
            let error = Log::open(damaged, options()).map(|_| ()).expect_err("refused");
            assert!(matches!(&error, OpenError::Damaged(damage) if !damage.is_empty()), "{name} at {cut}: {error}");
        }
        let damaged = disk.duplicate();
        damaged.remove(&name).expect("remove");
        let is_last = Some(&name) == segments(&disk).last();
        if !is_last {
            let error = Log::open(damaged, options()).map(|_| ()).expect_err("refused");
            assert!(error.to_string().contains(&format!("{name}: the file is missing")), "{error}");
        }
    }
}

#[test]
fn damage_is_refused_with_what_to_do_and_put_aside_on_demand() {
    let (disk, owner) = closed_store();
    let name = segments(&disk).swap_remove(1);
    // A frame of new records, not of copies.
    let names_records = |offset: &u64| {
        let damaged = disk.duplicate();
        damaged.flip(&name, *offset, 4) && check(&damaged).expect("check").damage[0].sequences.is_some()
    };
    let offset = (300..8000).step_by(50).find(names_records).expect("new records");
    let whole =
        check(&disk).expect("check").segments.into_iter().find(|segment| segment.file == name).expect("it is there");
    assert!(disk.flip(&name, offset, 4));
    let error = Log::open(disk.clone(), options()).map(|_| ()).expect_err("refused");
    assert!(error.to_string().starts_with(&format!("the store is damaged: {name}: ")), "{error}");
    let advice = error.advice("/var/lib/postrider");
    for part in
        ["`postrider check /var/lib/postrider`", "`postrider salvage /var/lib/postrider NEW`", "`--accept-loss`"]
    {
        assert!(advice.contains(part), "{advice}");
    }
    let OpenError::Damaged(damage) = error else { panic!("{error}") };
    let (first, last) = damage[0].sequences.expect("the records are named");
    let lossy = Options { damage: OnDamage::AcceptLoss, ..options() };
    let put_aside = {
        let (_, recovered) = Log::open(disk.duplicate(), lossy.clone()).expect("open");
        recovered.aside().to_vec()
    };
    let (found, losses) = records_of(&disk, lossy);
    assert_eq!(losses, damage);
    assert!(found.iter().all(|(sequence, record)| owner.history.get(sequence) == Some(record)), "no strange record");
    assert!(found.range(first..=last).next().is_none());
    let aside = name.replace(".segment", ".damaged");
    let others = whole.records + whole.copies - (last.number() - first.number() + 1);
    assert!(others > 0, "a file with other records");
    assert_eq!(put_aside, [Aside { file: name, now: aside.clone(), whole: others }], "they are named too");
    assert!(disk.list().expect("list").contains(&aside), "the file is kept");
    // The loss is accepted once; the names of what is lost are not given again.
    disk.restart(postrider_journal::Loss::Unsynced);
    let (mut log, recovered) = Log::open(disk, options()).expect("open");
    assert!(recovered.losses().is_empty(), "{:?}", recovered.losses());
    assert!(log.append(1, &[b"new"]).expect("room") > owner.promised);
}

#[test]
fn no_sequence_is_given_twice_when_the_last_segment_is_put_aside() {
    let (disk, owner) = closed_store();
    let name = segments(&disk).pop().expect("a segment");
    let end = check(&disk).expect("check").segments.pop().expect("a segment").bytes;
    for offset in (0..end - 48).step_by(17) {
        let damaged = disk.duplicate();
        assert!(damaged.flip(&name, offset, 1));
        let lossy = Options { damage: OnDamage::AcceptLoss, ..options() };
        let (mut log, recovered) = Log::open(damaged, lossy).expect("open");
        assert!(!recovered.losses().is_empty(), "at {offset}");
        assert!(log.append(1, &[b"new"]).expect("room") > owner.promised, "at {offset}");
        log.commit().expect("commit");
    }
}

#[test]
fn check_lists_what_is_there_and_salvage_copies_what_is_whole() {
    let (disk, owner) = closed_store();
    let (before, _) = records_of(&disk.duplicate(), options());
    let names = segments(&disk);
    for (name, offset) in [(&names[0], 1000), (&names[1], 70), (&names[1], 3000), (&names[2], 2500)] {
        assert!(disk.flip(name, offset, 0x80));
    }
    let report = check(&disk).expect("check");
    assert_eq!(report.damage.len(), 4, "{:?}", report.damage);
    assert_eq!(report.damage[1].what, DamageKind::Body);
    let out = SimulatedDisk::new(2);
    let salvaged = salvage(disk.clone(), out.clone(), options()).expect("salvage");
    assert_eq!(salvaged.found, report);
    let (found, losses) = records_of(&out, options());
    assert!(losses.is_empty());
    assert_eq!(found.len() as u64, salvaged.records);
    // Records whose newest place was lost may come back from an older one; none is strange.
    assert!(found.iter().all(|(sequence, record)| owner.history.get(sequence) == Some(record)));
    // One group of each frame that was hit is lost, and no more.
    let lost = before.keys().filter(|sequence| !found.contains_key(sequence)).count();
    assert!((1..40).contains(&lost), "{lost} lost of {}", before.len());
    let (mut log, _) = Log::open(out.clone(), options()).expect("open");
    assert!(log.append(1, &[b"new"]).expect("room") > owner.promised);
    assert!(salvage(disk, out, options()).is_err(), "never into a directory that holds something");
}

#[test]
fn a_store_whose_identity_is_lost_is_refused_and_can_be_accepted() {
    let (disk, owner) = closed_store();
    disk.remove("store").expect("remove");
    let error = Log::open(disk.clone(), options()).map(|_| ()).expect_err("refused");
    assert!(error.to_string().contains("store: the file is missing"), "{error}");
    let lossy = Options { damage: OnDamage::AcceptLoss, ..options() };
    let (log, mut recovered) = Log::open(disk, lossy).expect("open");
    owner.clone().replay(&log, &mut recovered).expect("every segment names the store too");
}

#[test]
fn a_frame_that_stands_in_a_second_place_is_damage_and_gives_its_records_once() {
    let (disk, owner) = closed_store();
    let newest = check(&disk).expect("check").segments.pop().expect("a segment");
    let mut bytes = vec![0; usize::try_from(newest.bytes).expect("small")];
    disk.open(&newest.file).expect("segment").read_at(0, &mut bytes).expect("read");
    let is_copies = |at: &usize| bytes[*at..].starts_with(b"PRgp") && bytes[at + 44] == 2;
    let frames: Vec<usize> = (0..bytes.len() - 48).filter(is_copies).collect();
    assert!(frames.len() > 2, "{frames:?}");
    for from in frames {
        let end = from + 48 + usize::from(u16::from_le_bytes([bytes[from + 8], bytes[from + 9]]));
        let damaged = disk.duplicate();
        // Behind the last frame is room.
        let file = damaged.open(&newest.file).expect("segment");
        file.write_all_at(newest.bytes, &[&bytes[from..end]]).expect("write");
        let error = Log::open(damaged.duplicate(), options()).map(|_| ()).expect_err("refused");
        assert!(matches!(&error, OpenError::Damaged(damage) if damage[0].offset == newest.bytes), "{error}");
        let out = SimulatedDisk::new(2);
        let salvaged = salvage(damaged, out.clone(), options()).expect("salvage");
        let (found, _) = records_of(&out, options());
        assert_eq!(found.len() as u64, salvaged.records);
        assert!(found.iter().all(|(sequence, record)| owner.history.get(sequence) == Some(record)));
    }
}
